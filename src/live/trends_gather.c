/* trends_gather.c - candidates of a ranking: the lists of a place and of those that
 * lend to it, their tables where they are small, or what the question itself names.
 *
 * Each level is measured and read under its lock, once. An entry of a list costs one
 * cache line, which is asked for ahead of its turn, and a probe of a small table that
 * joins the levels by item. What a level counts of a candidate that its list does not
 * have is looked up later, and only for those that may belong to the best
 * (trends_rank.c). While a popular score is put together its parts are added up as
 * linear in the counts, which is all a bound needs; the exact formula comes last.
 *
 * A level far above a place with traffic of its own adds next to nothing to a score:
 * then nothing is gathered there, its traffic bounds what an item counts there, and
 * the best are looked up. */
#include "live/trends_rank.h"

#include "base/math.h"
#include "live/trends_actors.h"
#include "live/trends_bounded.h"
#include "live/trends_candidates.h"

#include <math.h>
#include <string.h>

enum {
    FIRST_INDEX = 512, /* slots                                                   */
    BINS = 256
};
#define FEW_ALIKE 50.0 /* events in a profile at which it has half its weight */
#define LITTLE 0.12 /* of the least score so far: what a level may add and be skipped */

/* ---- counts ------------------------------------------------------------------------- */

void recs__trend_focus(recs__trend_lens *lens, int which, uint32_t s) {
    const recs__trend_series *series = &lens->trends->options.series[s];
    lens->series[which] = s;
    lens->scale[which] = 1.0 / (1 << RECS__TREND_FRACTION);
    if (series->half_life == 0) {
        lens->newest[which] = recs__trend_slot(series, lens->ask->time);
        return;
    }
    lens->newest[which] = lens->slots[s];
    double age = (double)(lens->ask->time - lens->newest[which] * series->width) /
                 (double)series->half_life;
    lens->scale[which] *= recs__exp2(-age);
}

/* The buckets of the day that begins at the asked time, a week earlier and every week
 * before, by how much of each lies in that day. */
static void find_profile(recs__trend_lens *lens, const recs__trend_series *series) {
    int64_t day = INT64_C(86400000);
    int32_t newest = recs__trend_slot(series, lens->ask->time),
            oldest = lens->slots[lens->trends->options.profile] - (int32_t)series->slots + 1;
    for (uint32_t back = 0; back + 1 < series->slots && back < RECS__TREND_BUCKETS; back++) {
        if (newest - (int32_t)back < oldest) /* gone with the newest event */
            break;
        int64_t begin = (newest - (int32_t)back) * series->width, inside = 0;
        for (int64_t from = lens->ask->time - 7 * day; from + day > begin; from -= 7 * day) {
            int64_t low = from > begin ? from : begin,
                    high = from + day < begin + series->width ? from + day : begin + series->width;
            inside += high > low ? high - low : 0;
        }
        if (inside > 0 && begin >= 0)
            lens->profile[lens->profile_count++] = (recs__trend_bucket){
                newest - (int32_t)back, (double)inside / (double)series->width};
    }
}

void recs__trend_look_from(recs_trends *trends, const recs__trend_ask *ask,
                           recs__trend_lens *lens) {
    const recs__trend_options *options = &trends->options;
    bool rises = ask->ranking == RECS_RANK_TRENDING;
    int64_t newest = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    lens->trends = trends;
    lens->ask = ask;
    for (uint32_t s = 0; s < options->series_count; s++)
        lens->slots[s] = newest < 0 ? 0 : recs__trend_slot(&options->series[s], newest);
    lens->now = newest;
    lens->known_old = ask->ranking == RECS_RANK_NEW && options->memory == 0 &&
                      trends->mapped == NULL;
    recs__trend_focus(lens, 0, ask->series);
    recs__trend_focus(lens, 1, rises ? options->baseline : options->base);
    lens->leans = !rises && options->own > 0.0 && lens->series[0] != lens->series[1];
    lens->base = rises || lens->leans;
    lens->floor = options->min_share < 0.0   ? (double)options->candidates
                  : options->min_share > 0.0 ? 1.0 / options->min_share
                                             : (double)INFINITY;
    lens->profile_count = 0;
    lens->cycles = rises && options->profile < options->series_count;
    if (options->profile < options->series_count && ask->ranking == RECS_RANK_POPULAR &&
        ask->near == NULL)
        find_profile(lens, &options->series[options->profile]);
}

/* What a cell has in the buckets of the profile. */
static double profile_of(const recs__trend_lens *lens, const recs__trend_cell *cell) {
    double sum = 0.0;
    for (uint32_t i = 0; i < lens->profile_count; i++)
        sum += lens->profile[i].weight *
               (double)recs__trend_sum(lens->trends, cell, lens->trends->options.profile,
                                       lens->profile[i].slot);
    return sum;
}

/* Count and baseline of an item's cell, its returns taken off. */
static inline recs__trend_seen_count count_of(const recs__trend_lens *lens,
                                              const recs__trend_level *level,
                                              const recs__trend_cell *cell) {
    const recs__trend_node *node = level->node;
    bool profiled = lens->profile_count != 0 && level->like > 0.0;
    double like = profiled ? profile_of(lens, cell) : 0.0;
    double count = recs__trend_raw(lens, cell, 0), whole = lens->base ? recs__trend_raw(lens, cell, 1) : 0.0;
    if (cell->marks & RECS__TREND_HAS_RETURNS) {
        const recs__trend_cell *returns =
            recs__trend_find(lens->trends, node, cell->item | RECS__TREND_RETURNED);
        if (returns != NULL) {
            count -= recs__trend_raw(lens, returns, 0);
            whole -= lens->base ? recs__trend_raw(lens, returns, 1) : 0.0;
            like -= profiled ? profile_of(lens, returns) : 0.0;
        }
    }
    count *= lens->scale[0];
    if (profiled)
        count = level->now * (count > 0.0 ? count : 0.0) +
                level->like * (like > 0.0 ? like : 0.0);
    return recs__trend_from_net(count, whole * lens->scale[1]);
}

/* ---- the chain of places --------------------------------------------------------------- */

/* Under the lock. */
static void measure(const recs__trend_lens *lens, recs__trend_level *level) {
    const recs__trend_options *options = &lens->trends->options;
    level->shown = options->actors == 0 || options->min_actors == 0 ||
                   recs__trend_actors_reach(lens->trends, level->node, options->min_actors);
    const recs__trend_cell *total =
        level->shown ? recs__trend_find(lens->trends, level->node, RECS__TREND_TOTAL) : NULL;
    level->total = total != NULL ? recs__trend_raw(lens, total, 0) * lens->scale[0] : 0.0;
    level->total_baseline = 0.0;
    level->now = 1.0;
    level->like = 0.0;
    double like = total != NULL && lens->profile_count != 0 ? profile_of(lens, total) : 0.0;
    if (like > 0.0) {
        double seen = like / (1 << RECS__TREND_FRACTION);
        double weekly = options->weekly * seen / (seen + FEW_ALIKE);
        level->now = 1.0 - weekly;
        level->like = weekly * level->total / like;
    }
    if (total != NULL && lens->base)
        level->total_baseline =
            recs__trend_rest(recs__trend_raw(lens, total, 1) * lens->scale[1], level->total);
}

/* What a level lends and what its counts weigh in a popular score. above: the weight of
 * its share there (the first level: of the score itself). The weight of the share at
 * the next level. */
static double weigh(const recs__trend_lens *lens, recs__trend_level *level, bool first,
                    double above, bool has_above) {
    const recs__trend_options *options = &lens->trends->options;
    double traffic = level->total + (lens->leans ? level->total_baseline : 0.0);
    level->lent = recs__trend_lent(options->prior, traffic, has_above);
    double weight = first ? 1.0 : level->total + (lens->leans ? options->own : level->lent);
    double own = traffic + level->lent > 0.0 ? options->own / (traffic + level->lent) : 0.0;
    level->per_count = weight > 0.0 ? above / weight : 0.0;
    level->per_base = lens->leans ? level->per_count * own : 0.0;
    return (lens->leans ? level->per_base : level->per_count) * level->lent;
}

/* ---- candidates ------------------------------------------------------------------------ */

static recs_status index_room(recs__trend_work *work, const recs_host *host, size_t need,
                              recs_error *error) {
    if (need * 2 <= work->index_size)
        return RECS_OK;
    size_t size = FIRST_INDEX;
    while (size < need * 2)
        size *= 2;
    recs_status status = recs__grow(host, (void **)&work->index, &work->index_capacity, size,
                                    sizeof *work->index, error);
    if (status != RECS_OK)
        return status;
    work->index_size = size;
    memset(work->index, 0, size * sizeof *work->index);
    for (uint32_t c = 0; c < work->count; c++) {
        uint32_t at;
        recs__trend_candidate_of(work, work->items[c], &at);
        work->index[at] = c + 1;
    }
    return RECS_OK;
}

recs_status recs__trend_candidate_room(recs__trend_work *work, const recs_host *host, size_t more,
                                  recs_error *error) {
    size_t need = work->count + more;
    work->indexed |= work->count != 0;
    recs_status status = recs__grow(host, (void **)&work->items, &work->item_capacity, need,
                                    sizeof *work->items, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->least, &work->least_capacity, need,
                            sizeof *work->least, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->counts, &work->count_capacity,
                            need * work->stride, sizeof *work->counts, error);
    if (status == RECS_OK && work->indexed)
        status = index_room(work, host, need, error);
    return status;
}

static inline void offer(const recs__trend_lens *lens, recs__trend_work *work, uint32_t l,
                         const recs__trend_cell *cell) {
    recs__trend_level *level = &work->level[l];
    if (!recs__trend_asked_for(lens, cell->item))
        return;
    recs__trend_seen_count seen = count_of(lens, level, cell);
    if (lens->ask->ranking == RECS_RANK_TRENDING) {
        /* What makes an item a candidate; who is one by another level is looked up, and who
         * is one by none that is read, has at most this here. */
        const recs__trend_options *options = &lens->trends->options;
        if (!recs__trend_supported(options->min_support, lens->floor, seen.count, level->total)) {
            level->below = seen.count > level->below ? seen.count : level->below;
            return;
        }
    } else if (!(seen.count > 0.0 || (lens->leans && seen.baseline > 0.0))) {
        return;
    }
    recs__trend_set_counts(lens, work, recs__trend_take_candidate(work, cell->item), l, seen);
}

/* ---- one place -------------------------------------------------------------------------- */

uint32_t recs__trend_list_of(const recs__trend_lens *lens, bool *bounded) {
    const recs__trend_options *options = &lens->trends->options;
    const recs__trend_series *series = &options->series[lens->ask->series];
    int64_t newest = atomic_load_explicit(&lens->trends->newest, memory_order_relaxed);
    *bounded = true;
    if (series->half_life == 0) /* an earlier window has buckets that left the value */
        *bounded = lens->newest[0] >= lens->slots[lens->ask->series];
    if (lens->ask->ranking == RECS_RANK_NEW) /* long before other items were new */
        *bounded &= lens->ask->time - options->new_within >=
                    recs__trend_listed_since(lens->trends, newest);
    return lens->ask->series +
           (lens->ask->ranking == RECS_RANK_NEW ? options->series_count : UINT32_C(0));
}

/* What as many candidates as are asked for score at least, so far. */
static double floor_of(const recs__trend_lens *lens, recs__trend_work *work) {
    if (work->floor < 0.0)
        work->floor = recs__trend_threshold(work, lens->ask->limit);
    return work->floor;
}

/* Whether a level above the first weighs so little that its traffic may stand for a bar. */
static bool weighs_little(const recs__trend_lens *lens, recs__trend_work *work,
                          const recs__trend_level *level) {
    if (lens->ask->ranking == RECS_RANK_TRENDING || lens->ask->limit == 0)
        return false;
    double most = level->per_count * level->total +
                  level->per_base * (level->total + level->total_baseline);
    return most <= LITTLE * floor_of(lens, work);
}

/* Of a level above the first: what adds so little to a score that it need not be gathered;
 * it bounds what is left out. */
static double enough_of(const recs__trend_lens *lens, recs__trend_work *work, uint32_t l,
                        bool some) {
    const recs__trend_level *level = &work->level[l];
    if (!some || l == 0 || lens->leans || lens->ask->ranking == RECS_RANK_TRENDING ||
        lens->ask->limit == 0 || !(level->per_count > 0.0))
        return 0.0;
    return 0.25 * LITTLE * floor_of(lens, work) / level->per_count;
}

/* Who came to a place last, where no other outside its lists can be new. */
static recs_status gather_arrivals(const recs__trend_lens *lens, recs__trend_work *work,
                                   uint32_t l, double *bar, const recs_host *host,
                                   recs_error *error) {
    const recs_trends *trends = lens->trends;
    const recs__trend_node *node = work->level[l].node;
    const recs__trend_lists *lists = node->lists;
    uint32_t count = lists->arrivals < RECS__TREND_ARRIVALS ? lists->arrivals
                                                            : RECS__TREND_ARRIVALS;
    if (lists->base != lens->slots[trends->options.base] ||
        lists->lost > lens->ask->time - trends->options.new_within)
        return RECS_OK;
    recs_status status = recs__trend_candidate_room(work, host, count, error);
    for (uint32_t i = 0; i < count; i++)
        recs__trend_ask_for(trends, node, lists->arrived[i]);
    for (uint32_t i = 0; i < count && status == RECS_OK; i++) {
        const recs__trend_cell *cell = recs__trend_find_hot(trends, node, lists->arrived[i]);
        if (cell != NULL)
            offer(lens, work, l, cell);
    }
    if (status == RECS_OK)
        *bar = 0.0;
    return status;
}

/* Gathers a list of a level, in the asked series or the base; *bar: what an item that is
 * left out counts there at most. some: as far as is likely to do. Under the lock, lists
 * aligned. */
static recs_status gather_list(const recs__trend_lens *lens, recs__trend_work *work, uint32_t l,
                               uint32_t list_index, int which, bool some, double *bar,
                               const recs_host *host, recs_error *error) {
    const recs__trend_options *options = &lens->trends->options;
    const recs__trend_ask *ask = lens->ask;
    const recs__trend_level *level = &work->level[l];
    const recs__trend_lists *lists = level->node->lists;
    const double scale = lens->scale[which], other_scale = lens->scale[!which];
    const bool rises = ask->ranking == RECS_RANK_TRENDING,
               filtered = ask->allowed != NULL || lens->known_old;
    recs__trend_row row;
    recs_status status =
        recs__trend_ready(lens, work, level->node, list_index, which, host, &row, error);
    if (status == RECS_OK)
        status = recs__trend_candidate_room(work, host, row.count, error);
    if (status != RECS_OK)
        return status;
    /* Of half-lives values are rounded down: one step more bounds them. */
    double most = (double)lists->bars[list_index];
    if (options->series[lens->series[which]].half_life != 0 && most >= 0.0)
        most += 1.0;
    *bar = most > 0.0 ? most * scale : 0.0;
    double enough = enough_of(lens, work, l, some); /* what counts less may be left out */
    for (uint32_t i = 0, taken = 0; i < row.count; i++) {
        if (lens->known_old && i + RECS__TREND_AHEAD < row.count)
            recs__trend_expect_known(lens->trends, row.items[i + RECS__TREND_AHEAD]);
        double sum = row.sums[i], reach = sum * RECS__TREND_ROUGH * scale;
        if (reach < enough ||
            (rises && !recs__trend_supported(options->min_support, lens->floor, reach,
                                             level->total))) {
            *bar = reach > *bar ? reach : *bar;
            work->skipped |= reach < enough;
            return RECS_OK;
        }
        if (filtered && !recs__trend_asked_for(lens, row.items[i]))
            continue;
        double count = sum * scale, whole = lens->base ? row.others[i] * other_scale : 0.0;
        if (which == 1) {
            whole = count;
            count = row.others[i] * other_scale;
        }
        recs__trend_seen_count seen = recs__trend_from_net(count, whole);
        if (rises ? !recs__trend_supported(options->min_support, lens->floor, seen.count,
                                           level->total)
                  : !(seen.count > 0.0 || (lens->leans && seen.baseline > 0.0))) {
            *bar = rises && seen.count > *bar ? seen.count : *bar;
            continue;
        }
        recs__trend_set_counts(lens, work, recs__trend_take_candidate(work, row.items[i]), l, seen);
        if (l == 0 && some && ++taken == ask->limit && level->lent == 0.0 && !lens->leans &&
            !rises)
            enough = seen.count * (1.0 - 1e-5);
    }
    if (*bar > 0.0 && ask->ranking == RECS_RANK_NEW && lens->known_old)
        return gather_arrivals(lens, work, l, bar, host, error);
    return RECS_OK;
}

static recs_status gather_table(const recs__trend_lens *lens, recs__trend_work *work,
                                uint32_t l, const recs_host *host, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs__trend_node *node = work->level[l].node;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    recs_status status = recs__trend_candidate_room(work, host, node->used, error);
    for (uint32_t at = 0; at < capacity && status == RECS_OK; at++) {
        const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item < RECS__TREND_ITEMS)
            offer(lens, work, l, cell);
    }
    return status;
}

/* One level's candidates. Under the lock. */
static recs_status gather_level(const recs__trend_lens *lens, recs__trend_work *work, uint32_t l,
                                recs__trend_depth depth, const recs_host *host,
                                recs_error *error) {
    recs_trends *trends = lens->trends;
    recs__trend_level *level = &work->level[l];
    recs__trend_node *node = level->node;
    bool bounded, stale = false, some = depth <= RECS__TREND_SHORT_LISTS_SOME;
    uint32_t which = recs__trend_list_of(lens, &bounded), series = trends->options.series_count,
             tier = depth == RECS__TREND_ALL ? 2
                    : depth == RECS__TREND_LONG_LISTS || depth == RECS__TREND_LONG_LISTS_SOME ||
                              (depth == RECS__TREND_DEEPER && level->deepen) ? 1
                                                                             : 0;
    recs_status status = RECS_OK;
    recs__trend_lists *lists = node->lists;
    if (lists != NULL) {
        recs__trend_lists_align(trends, lists, lens->slots);
        stale = which != lens->series[0] && lists->base != lens->slots[trends->options.base];
    }
    if (lists == NULL || !bounded || stale || tier >= lists->tiers) {
        work->scanned |= lists != NULL;
        level->whole = lens->ask->ranking != RECS_RANK_TRENDING;
        status = gather_table(lens, work, l, host, error);
        /* Bars drifted, or longer lists are wanted. */
        if (lists != NULL && lens->profile_count == 0)
            recs__trend_lists_build(trends, node, stale ? 1 : 2);
        return status;
    }
    uint32_t first = tier * 2 * series;
    uint32_t base = first + which - lens->series[0] + trends->options.base;
    status = gather_list(lens, work, l, first + which, 0, some, &level->bar, host, error);
    if (status == RECS_OK && lens->leans)
        status = gather_list(lens, work, l, base, 1, some, &level->bar_base, host, error);
    return status;
}

/* Asks for what reading a node begins with: its total, its lists. Needs no lock: what
 * moves meanwhile makes the wish useless, not wrong. */
static void foresee(const recs__trend_lens *lens, const recs__trend_node *node) {
    const recs_trends *trends = lens->trends;
    recs__trend_ask_for(trends, node, RECS__TREND_TOTAL);
    uintptr_t lists = (uintptr_t)atomic_load_explicit(&node->lists, memory_order_relaxed);
    if (lists == 0)
        return;
    for (size_t line = 0; line < sizeof(recs__trend_lists) + 128; line += 64)
        __builtin_prefetch((const void *)(lists + line));
}

/* Candidates are exactly what is asked for, all to be looked up. */
static recs_status gather_only(const recs__trend_lens *lens, recs__trend_work *work,
                               const recs_host *host, recs_error *error) {
    const recs__trend_ask *ask = lens->ask;
    recs_status status = recs__trend_candidate_room(work, host, ask->only_count, error);
    for (size_t i = 0; i < ask->only_count && status == RECS_OK; i++)
        if (recs__trend_asked_for(lens, (uint32_t)ask->only[i]))
            recs__trend_take_candidate(work, (uint32_t)ask->only[i]);
    return status;
}

recs_status recs__trend_gather(const recs__trend_lens *lens, recs__trend_work *work,
                               recs__trend_depth depth, const recs_host *host,
                               recs_error *error) {
    const recs__trend_ask *ask = lens->ask;
    recs_trends *trends = lens->trends;
    bool only = depth == RECS__TREND_ALL && ask->only != NULL;
    double above = 1.0;
    recs_status status = RECS_OK;
    work->count = work->levels = 0;
    work->skipped = false;
    work->floor = -1.0;
    work->root = recs__trend_node_at(trends, 0);
    work->stride = ask->near != NULL;
    for (uint32_t node = ask->node; node != RECS_NO_PLACE && work->stride < RECS__TREND_LEVELS;) {
        work->root = recs__trend_node_at(trends, node);
        node = recs__trend_lender(work->root);
        work->stride++;
        if (work->stride <= 2) /* likely to be read */
            foresee(lens, work->root);
    }
    work->indexed = false;
    work->index_size = 0;
    if (only)
        status = gather_only(lens, work, host, error);
    if (ask->near != NULL && status == RECS_OK) {
        recs__trend_level *level = &work->level[work->levels++];
        recs__trend_measure_near(lens, level);
        above = weigh(lens, level, true, above, true);
        level->bar = level->bar_base = level->below = 0.0;
        level->whole = !level->shown;
        if (level->shown && !only)
            status = recs__trend_gather_near(lens, work, depth, host, error);
    }
    for (uint32_t node = ask->node; status == RECS_OK && node != RECS_NO_PLACE &&
                                    above > 0.0 && work->levels < RECS__TREND_LEVELS;) {
        uint32_t l = work->levels++;
        recs__trend_level *level = &work->level[l];
        level->node = recs__trend_node_at(trends, node);
        level->bar = level->bar_base = level->below = 0.0;
        node = recs__trend_lender(level->node);
        recs__trend_read_lock(trends, level->node);
        measure(lens, level);
        above = weigh(lens, level, l == 0, above, node != RECS_NO_PLACE);
        level->whole = !level->shown;
        if (level->shown && !only) {
            if (l > 0 && depth <= RECS__TREND_SHORT_LISTS_SOME &&
                weighs_little(lens, work, level)) {
                work->skipped = true;
                level->bar = level->total;
                level->bar_base = level->total + level->total_baseline;
            } else {
                status = gather_level(lens, work, l, depth, host, error);
                level->bar = level->bar > level->below ? level->bar : level->below;
            }
        }
        recs__trend_unlock(trends, level->node);
    }
    return status;
}

/* ---- afterwards ------------------------------------------------------------------------ */

void recs__trend_complete(const recs__trend_lens *lens, recs__trend_work *work, size_t chosen) {
    recs_trends *trends = lens->trends;
    for (uint32_t l = 0; l < work->levels; l++) {
        const recs__trend_level *level = &work->level[l];
        bool nothing = level->whole, locked = false;
        if (level->node == NULL && !nothing)
            recs__trend_complete_near(lens, work, work->chosen, chosen);
        for (size_t i = 0; i < chosen; i++) {
            uint32_t c = work->chosen[i];
            if (nothing || work->counts[(size_t)c * work->stride + l].count >= 0.0)
                continue;
            if (!locked)
                recs__trend_read_lock(trends, level->node);
            locked = true;
            recs__trend_ask_for(trends, level->node, work->items[c]);
        }
        for (size_t i = 0; i < chosen; i++) {
            uint32_t c = work->chosen[i];
            if (work->counts[(size_t)c * work->stride + l].count >= 0.0)
                continue;
            const recs__trend_cell *cell =
                nothing ? NULL : recs__trend_find_hot(trends, level->node, work->items[c]);
            recs__trend_set_counts(lens, work, c, l,
                       cell != NULL ? count_of(lens, level, cell)
                                    : (recs__trend_seen_count){0.0, 0.0});
        }
        if (locked)
            recs__trend_unlock(trends, level->node);
    }
}

void recs__trend_find_firsts(const recs__trend_lens *lens, recs__trend_work *work,
                             size_t chosen) {
    recs_trends *trends = lens->trends;
    recs__trend_read_lock(trends, work->root);
    for (size_t i = 0; i < chosen; i++)
        recs__trend_ask_for(trends, work->root, work->items[work->chosen[i]]);
    for (size_t i = 0; i < chosen; i++) {
        uint32_t c = work->chosen[i];
        const recs__trend_cell *cell = recs__trend_find_hot(trends, work->root, work->items[c]);
        work->firsts[c] = cell != NULL ? recs__trend_first(trends, cell) : RECS_NO_TIME;
        if (work->firsts[c] != RECS_NO_TIME)
            recs__trend_set_known(trends, work->items[c], lens->slots[trends->options.base],
                                  work->firsts[c]);
    }
    recs__trend_unlock(trends, work->root);
}

double recs__trend_threshold(const recs__trend_work *work, size_t want) {
    uint32_t bins[BINS] = {0};
    double most = 0.0, found;
    uint64_t top, bits;
    for (size_t c = 0; c < work->count; c++)
        most = work->least[c] > most ? work->least[c] : most;
    if (!(most > 0.0) || want == 0 || work->count < want)
        return 0.0;
    memcpy(&top, &most, sizeof top);
    top >>= 48; /* 16 bins an octave */
    for (size_t c = 0; c < work->count; c++) {
        memcpy(&bits, &work->least[c], sizeof bits);
        if (!(work->least[c] > 0.0))
            continue;
        uint64_t bin = top - (bits >> 48);
        bins[bin < BINS - 1 ? bin : BINS - 1]++;
    }
    size_t reached = 0;
    for (uint64_t bin = 0; bin < BINS - 1; bin++) {
        reached += bins[bin];
        if (reached < want)
            continue;
        bits = (top - bin) << 48;
        memcpy(&found, &bits, sizeof found);
        return found;
    }
    return 0.0;
}
