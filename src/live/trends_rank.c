/* trends_rank.c - scoring candidates, and proving that no other item belongs.
 *
 * popular   count + lent * share at the place above, where that share is
 *           itself (count + lent * share above it) / (traffic + lent). lent
 *           falls from option prior at an empty place to 0 at one with 50 times
 *           prior of traffic, which thus needs nothing from above.
 *           With option own above 0 the place's own share in the longest half-life
 *           stands between: count + own * (L + lent * share) / (TL + lent), L
 *           and TL the longest half-life's count and traffic, and so at every
 *           place of the chain; lent then falls with TL.
 * trending  (count + K r) / (E + K), K = 10, r the rise at the place above (1
 *           above the root, and at a place that is lent nothing): a Poisson
 *           rate over its expectation under a gamma prior of mean r. E is what
 *           the baseline share makes of the traffic; the baseline is the
 *           longest half-life's count without what the asked series has of it,
 *           (L - count + b share) / (TL - T + b), b = prior: a young state
 *           has no baseline and so no rise. An item counts as risen where its
 *           count is at least min_support and more than 1/candidates of the
 *           traffic.
 * new       as popular, among items that first appeared anywhere within
 *           new_within.
 *
 * Several places as one (a radius): counts, traffic and actors are added up, the rules
 * are the same; their cells are all gone through.
 *
 * Candidates are the lists of the place and of those that lend to it. An item
 * on none of them counts at most bar at each level, which bounds its score;
 * where the k-th best does not pass the bound, the places are scanned. */
#include "live/trends_rank.h"

#include "base/math.h"
#include "base/text.h"
#include "live/trends_actors.h"
#include "live/trends_bounded.h"
#include "live/trends_score.h"

#include <math.h>
#include <string.h>

void recs__trend_work_free(recs__trend_work *work, const recs_host *host) {
    recs__free(host, work->items);
    recs__free(host, work->counts);
    recs__free(host, work->picks);
    recs__free(host, work->index);
    recs__free(host, work->hits);
}

size_t recs__trend_work_memory(const recs__trend_work *work) {
    return work->item_capacity * sizeof *work->items +
           work->count_capacity * sizeof *work->counts +
           work->pick_capacity * sizeof *work->picks +
           work->index_capacity * sizeof *work->index + work->hit_capacity * sizeof *work->hits;
}

/* ---- counts ------------------------------------------------------------------------- */

/* How sums become counts at a time, for the asked and the base series. */
typedef struct optics {
    recs_trends *trends;
    const recs__trend_ask *ask;
    int32_t newest[2]; /* slot whose sum is newest */
    double scale[2];   /* of that sum; times 2^-16 of the one before */
    uint32_t series[2];
} optics;

static void look_from(recs_trends *trends, const recs__trend_ask *ask, optics *lens) {
    int64_t newest = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    lens->trends = trends;
    lens->ask = ask;
    lens->series[0] = ask->series;
    lens->series[1] = trends->options.base;
    for (int i = 0; i < 2; i++) {
        const recs__trend_series *series = &trends->options.series[lens->series[i]];
        lens->scale[i] = 1.0 / (1 << RECS__TREND_FRACTION);
        if (series->half_life == 0) {
            lens->newest[i] = recs__trend_slot(series, ask->time);
            continue;
        }
        lens->newest[i] = newest < 0 ? 0 : recs__trend_slot(series, newest);
        double age = (double)(ask->time - lens->newest[i] * series->width) /
                     (double)series->half_life;
        lens->scale[i] *= recs__exp2(-age);
    }
}

/* Before the scale, so that differences are of sums. */
static double raw_of(const optics *lens, const recs__trend_cell *cell, int which) {
    const recs_trends *trends = lens->trends;
    uint32_t s = lens->series[which];
    int32_t slot = lens->newest[which];
    const recs__trend_series *series = &trends->options.series[s];
    double sum = (double)recs__trend_sum(trends, cell, s, slot);
    if (series->half_life != 0)
        return sum + (double)recs__trend_sum(trends, cell, s, slot - 1) * 0x1p-16;
    for (uint32_t back = 1; back + 1 < series->slots; back++)
        sum += (double)recs__trend_sum(trends, cell, s, slot - (int32_t)back);
    return sum;
}

static double sum_of(const optics *lens, const recs__trend_cell *cell, int which) {
    return raw_of(lens, cell, which) * lens->scale[which];
}

/* Whether a popular score leans on the longest half-life, and whether any score
 * needs it: a rise is measured against it. */
static bool leans(const optics *lens) {
    return lens->ask->ranking != RECS_RANK_TRENDING && lens->trends->options.own > 0.0 &&
           lens->series[0] != lens->series[1];
}

static bool needs_base(const optics *lens) {
    return lens->ask->ranking == RECS_RANK_TRENDING || leans(lens);
}

/* Count and baseline of what is left of sums after returns: in the asked series, and in
 * the longest half-life in all. */
static recs__trend_seen_count from_net(double net, double whole) {
    double count = net > 0.0 ? net : 0.0;
    return (recs__trend_seen_count){count, recs__trend_rest(whole, count)};
}

/* Count and baseline of an item's cell, its returns taken off. */
static recs__trend_seen_count count_of(const optics *lens, const recs__trend_node *node,
                                       const recs__trend_cell *cell) {
    double count = raw_of(lens, cell, 0);
    bool both = needs_base(lens);
    double whole = both ? raw_of(lens, cell, 1) : 0.0;
    if (cell->marks & RECS__TREND_HAS_RETURNS) {
        const recs__trend_cell *returns =
            recs__trend_find(lens->trends, node, cell->item | RECS__TREND_RETURNED);
        if (returns != NULL) {
            count -= raw_of(lens, returns, 0);
            whole -= both ? raw_of(lens, returns, 1) : 0.0;
        }
    }
    return from_net(count * lens->scale[0], whole * lens->scale[1]);
}

/* ---- the chain of places --------------------------------------------------------------- */

static void measure_level(const optics *lens, recs__trend_level *level) {
    const recs__trend_options *options = &lens->trends->options;
    bool exact;
    recs__trend_read_lock(lens->trends, level->node);
    level->shown = options->actors == 0 || options->min_actors == 0 ||
                   recs__trend_actors_count(lens->trends, level->node, &exact) >=
                       (double)options->min_actors;
    const recs__trend_cell *total =
        level->shown ? recs__trend_find(lens->trends, level->node, RECS__TREND_TOTAL) : NULL;
    level->total = total != NULL ? sum_of(lens, total, 0) : 0.0;
    level->total_baseline = 0.0;
    if (total != NULL && needs_base(lens)) {
        double whole = sum_of(lens, total, 1);
        level->total_baseline = recs__trend_rest(whole, level->total);
    }
    recs__trend_unlock(lens->trends, level->node);
}

/* Traffic and actors of several places together. */
static void measure_near(const optics *lens, recs__trend_level *level) {
    recs_trends *trends = lens->trends;
    const recs__trend_options *options = &trends->options;
    uint64_t kept[RECS__TREND_SKETCH];
    uint32_t actors = 0;
    level->node = NULL;
    level->total = level->total_baseline = 0.0;
    for (uint32_t i = 0; i < lens->ask->near_count; i++) {
        recs__trend_node *node = recs__trend_node_at(trends, lens->ask->near[i]);
        recs__trend_read_lock(trends, node);
        recs__trend_actors_unite(trends, node, kept, &actors);
        const recs__trend_cell *total = recs__trend_find(trends, node, RECS__TREND_TOTAL);
        level->total += total != NULL ? raw_of(lens, total, 0) : 0.0;
        if (total != NULL && needs_base(lens))
            level->total_baseline += raw_of(lens, total, 1);
        recs__trend_unlock(trends, node);
    }
    level->total *= lens->scale[0];
    level->total_baseline =
        recs__trend_rest(level->total_baseline * lens->scale[1], level->total);
    level->shown = options->actors == 0 || options->min_actors == 0 ||
                   recs__trend_actors_united(kept, actors) >= (double)options->min_actors;
    if (!level->shown)
        level->total = level->total_baseline = 0.0;
}

static double lent_to(const optics *lens, const recs__trend_level *level, bool has_above) {
    double traffic = level->total + (leans(lens) ? level->total_baseline : 0.0);
    return recs__trend_lent(lens->trends->options.prior, traffic, has_above);
}

static void measure_chain(const optics *lens, recs__trend_work *work) {
    uint32_t node = lens->ask->node;
    bool lent = true;
    work->levels = 0;
    if (lens->ask->near != NULL) {
        recs__trend_level *level = &work->level[work->levels++];
        measure_near(lens, level);
        level->lent = lent_to(lens, level, true);
        lent = level->lent > 0.0;
    }
    while (node != RECS_NO_PLACE && work->levels < RECS__TREND_LEVELS) {
        recs__trend_node *at = recs__trend_node_at(lens->trends, node);
        work->root = at;
        node = recs__trend_lender(at);
        if (!lent)
            continue;
        recs__trend_level *level = &work->level[work->levels++];
        level->node = at;
        measure_level(lens, level);
        level->lent = lent_to(lens, level, node != RECS_NO_PLACE);
        lent = level->lent > 0.0;
    }
}

/* ---- candidates ------------------------------------------------------------------------ */

static uint32_t index_home(const recs__trend_work *work, uint32_t item) {
    return item * UINT32_C(0x9e3779b1) & (uint32_t)(work->index_capacity - 1);
}

/* Position of an item among the candidates, UINT32_MAX when it is none. */
static uint32_t candidate_of(const recs__trend_work *work, uint32_t item, uint32_t *at) {
    uint32_t mask = (uint32_t)(work->index_capacity - 1);
    *at = index_home(work, item);
    while (work->index[*at] != 0 && work->items[work->index[*at] - 1] != item)
        *at = (*at + 1) & mask;
    return work->index[*at] - 1;
}

static recs_status candidate_room(recs__trend_work *work, const recs_host *host, size_t more,
                                  recs_error *error) {
    size_t need = work->count + more;
    recs_status status = recs__grow(host, (void **)&work->items, &work->item_capacity, need,
                                    sizeof *work->items, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->counts, &work->count_capacity,
                            need * work->levels, sizeof *work->counts, error);
    if (status != RECS_OK || !work->indexed || need * 2 <= work->index_capacity)
        return status;
    size_t size = 64;
    while (size < need * 2)
        size *= 2;
    uint32_t *index = recs__alloc_zero(host, size, sizeof *index, error);
    if (index == NULL)
        return RECS_ERR_MEMORY;
    recs__free(host, work->index);
    work->index = index;
    work->index_capacity = size;
    for (uint32_t c = 0; c < work->count; c++) {
        uint32_t at;
        candidate_of(work, work->items[c], &at);
        work->index[at] = c + 1;
    }
    return RECS_OK;
}

/* The counts of a candidate, which may be a new one: then -1 stands for each level whose
 * candidates do not have the item. */
static recs__trend_seen_count *counts_of(recs__trend_work *work, uint32_t item, bool *fresh) {
    uint32_t at = 0, c = work->indexed ? candidate_of(work, item, &at) : UINT32_MAX;
    *fresh = c == UINT32_MAX;
    if (*fresh) {
        c = (uint32_t)work->count++;
        work->items[c] = item;
        for (uint32_t k = 0; k < work->levels; k++)
            work->counts[(size_t)c * work->levels + k] = (recs__trend_seen_count){-1.0, 0.0};
        if (work->indexed)
            work->index[at] = c + 1;
    }
    return &work->counts[(size_t)c * work->levels];
}

static bool asked_for(const optics *lens, uint32_t item) {
    const recs__trend_ask *ask = lens->ask;
    return item < RECS__TREND_ITEMS && (ask->allowed == NULL || ask->allowed(ask->data, item));
}

static void offer(const optics *lens, recs__trend_work *work, uint32_t l,
                  const recs__trend_cell *cell) {
    bool fresh;
    if (!asked_for(lens, cell->item))
        return;
    recs__trend_seen_count seen = count_of(lens, work->level[l].node, cell);
    if (seen.count > 0.0 || (leans(lens) && seen.baseline > 0.0))
        counts_of(work, cell->item, &fresh)[l] = seen;
}

/* A cell of one of several places: sales or returns, added to what the others have. The
 * sums are not scaled to the asked time yet, so that their differences are exact. */
static void offer_near(const optics *lens, recs__trend_work *work, uint32_t l,
                       const recs__trend_cell *cell) {
    uint32_t item = cell->item & ~RECS__TREND_RETURNED;
    double sign = item != cell->item ? -1.0 : 1.0;
    bool fresh;
    if (!asked_for(lens, item))
        return;
    recs__trend_seen_count *seen = &counts_of(work, item, &fresh)[l];
    if (fresh)
        *seen = (recs__trend_seen_count){0.0, 0.0};
    seen->count += sign * raw_of(lens, cell, 0);
    seen->baseline += needs_base(lens) ? sign * raw_of(lens, cell, 1) : 0.0;
}

/* All cells of the places that are asked as one; comes before other levels. */
static recs_status gather_near(const optics *lens, recs__trend_work *work, uint32_t l,
                               const recs_host *host, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs_status status = RECS_OK;
    for (uint32_t i = 0; i < lens->ask->near_count && status == RECS_OK; i++) {
        recs__trend_node *node = recs__trend_node_at(trends, lens->ask->near[i]);
        recs__trend_read_lock(trends, node);
        const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
        uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
        status = candidate_room(work, host, node->used, error);
        for (uint32_t at = 0; at < capacity && status == RECS_OK; at++) {
            const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
            offer_near(lens, work, l, cell);
        }
        recs__trend_unlock(trends, node);
    }
    for (size_t c = 0; c < work->count; c++)
        work->counts[c * work->levels + l] =
            from_net(work->counts[c * work->levels + l].count * lens->scale[0],
                     work->counts[c * work->levels + l].baseline * lens->scale[1]);
    work->scanned = true;
    return status;
}

/* The list a ranking reads of a tier's, and whether its bar bounds the asked series now. */
static uint32_t list_of(const optics *lens, bool *bounded) {
    const recs__trend_options *options = &lens->trends->options;
    const recs__trend_series *series = &options->series[lens->ask->series];
    int64_t newest = atomic_load_explicit(&lens->trends->newest, memory_order_relaxed);
    *bounded = true;
    if (series->half_life == 0) /* an earlier window has buckets that left the value */
        *bounded = lens->newest[0] >= recs__trend_slot(series, newest);
    if (lens->ask->ranking == RECS_RANK_NEW) /* earlier, other items were new */
        *bounded &= lens->ask->time >= newest;
    return lens->ask->series +
           (lens->ask->ranking == RECS_RANK_NEW ? options->series_count : UINT32_C(0));
}

/* Gathers a list of a level, in the asked series or the base; *bar: what an item
 * outside it counts there at most. Under the stripe's lock, lists aligned. */
static recs_status gather_list(const optics *lens, recs__trend_work *work, uint32_t l,
                               uint32_t list_index, int which, double *bar,
                               const recs_host *host, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs__trend_node *node = work->level[l].node;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    const recs__trend_lists *lists = node->lists;
    const recs__trend_list *list = &lists->list[list_index];
    recs_status status = candidate_room(work, host, list->count, error);
    for (uint32_t i = 0; i < list->count && i < 8; i++)
        __builtin_prefetch(recs__trend_at(trends, cells, list->entries[i]));
    for (uint32_t i = 0; i < list->count && status == RECS_OK; i++) {
        if (i + 8 < list->count)
            __builtin_prefetch(recs__trend_at(trends, cells, list->entries[i + 8]));
        offer(lens, work, l, recs__trend_at(trends, cells, list->entries[i]));
    }
    /* Values are rounded down: one step more bounds them. */
    *bar = ((double)lists->bars[list_index] + 1.0) * lens->scale[which];
    return status;
}

/* All cells of a level. Under the stripe's lock. */
static recs_status gather_table(const optics *lens, recs__trend_work *work, uint32_t l,
                                const recs_host *host, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs__trend_node *node = work->level[l].node;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    recs_status status = candidate_room(work, host, node->used, error);
    for (uint32_t at = 0; at < capacity && status == RECS_OK; at++) {
        const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item < RECS__TREND_ITEMS)
            offer(lens, work, l, cell);
    }
    return status;
}

/* Brings the lists to the newest slots; whether those of new items may be read, too. */
static bool align_lists(const optics *lens, recs__trend_lists *lists, uint32_t which) {
    recs_trends *trends = lens->trends;
    const recs__trend_options *options = &trends->options;
    int64_t now = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    int32_t newest[RECS__TREND_SERIES];
    for (uint32_t s = 0; s < options->series_count; s++)
        newest[s] = recs__trend_slot(&options->series[s], now);
    recs__trend_lists_align(trends, lists, newest);
    return which == lens->series[0] || lists->base == newest[options->base];
}

/* Gathers one level's candidates from the short lists (tier 0), from the long ones (1) or
 * from all its cells (2). */
static recs_status gather(const optics *lens, recs__trend_work *work, uint32_t l, uint32_t tier,
                          const recs_host *host, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs__trend_level *level = &work->level[l];
    recs__trend_node *node = level->node;
    level->bar = level->bar_base = 0.0;
    if (!level->shown)
        return RECS_OK;
    if (node == NULL)
        return gather_near(lens, work, l, host, error);
    bool bounded, stale = false;
    uint32_t which = list_of(lens, &bounded), series = trends->options.series_count;
    recs_status status = RECS_OK;
    recs__trend_read_lock(trends, node);
    if (node->lists != NULL)
        stale = !align_lists(lens, node->lists, which);
    if (node->lists == NULL || !bounded || stale || tier >= node->lists->tiers) {
        work->scanned |= node->lists != NULL;
        status = gather_table(lens, work, l, host, error);
        if (node->lists != NULL) /* the bars have drifted, or longer lists are wanted */
            recs__trend_lists_build(trends, node, stale ? 1 : 2);
    } else {
        uint32_t first = tier * 2 * series;
        uint32_t base = first + which - lens->series[0] + trends->options.base;
        status = gather_list(lens, work, l, first + which, 0, &level->bar, host, error);
        if (status == RECS_OK && leans(lens))
            status = gather_list(lens, work, l, base, 1, &level->bar_base, host, error);
    }
    recs__trend_unlock(trends, node);
    return status;
}

/* What a level counts of an item that is not among its candidates. */
static recs__trend_seen_count look_up(const optics *lens, const recs__trend_level *level,
                                      uint32_t item) {
    recs__trend_seen_count seen = {0.0, 0.0};
    if (!level->shown || level->node == NULL) /* near: all were gathered */
        return seen;
    recs__trend_read_lock(lens->trends, level->node);
    const recs__trend_cell *cell = recs__trend_find(lens->trends, level->node, item);
    if (cell != NULL)
        seen = count_of(lens, level->node, cell);
    recs__trend_unlock(lens->trends, level->node);
    return seen;
}

static int64_t first_at_root(const optics *lens, const recs__trend_work *work, uint32_t item) {
    recs__trend_read_lock(lens->trends, work->root);
    const recs__trend_cell *cell = recs__trend_find(lens->trends, work->root, item);
    int64_t first = cell != NULL ? recs__trend_first(lens->trends, cell) : RECS_NO_TIME;
    recs__trend_unlock(lens->trends, work->root);
    return first;
}

/* ---- scores ---------------------------------------------------------------------------- */

/* Counts in the asked series and the longest half-life; what is not known is
 * taken at its bar. */
static double known(const recs__trend_level *level, const recs__trend_seen_count *seen) {
    return seen->count >= 0.0 ? seen->count : level->bar;
}

static double known_base(const recs__trend_level *level, const recs__trend_seen_count *seen) {
    return seen->count >= 0.0 ? seen->count + seen->baseline : fmax(level->bar, level->bar_base);
}

/* What is added to a count at a level: in all, and of that from above. */
static double added_of(const optics *lens, const recs__trend_level *level, double base,
                       double above, double *borrowed) {
    *borrowed = level->lent * above;
    if (!leans(lens))
        return *borrowed;
    double weight = level->total + level->total_baseline + level->lent;
    double own = weight > 0.0 ? lens->trends->options.own / weight : 0.0;
    *borrowed *= own;
    return *borrowed + own * base;
}

static double share_of(const optics *lens, const recs__trend_level *level, double count,
                       double base, double above) {
    double borrowed, added = added_of(lens, level, base, above, &borrowed);
    double weight = level->total + (leans(lens) ? lens->trends->options.own : level->lent);
    return weight > 0.0 ? (count + added) / weight : 0.0;
}

/* What a popular score adds to the count; *borrowed: of that from above. */
static double lean_of(const optics *lens, const recs__trend_work *work,
                      const recs__trend_seen_count *seen, double *borrowed) {
    double share = 0.0;
    for (uint32_t l = work->levels; l-- > 1;)
        share = share_of(lens, &work->level[l], known(&work->level[l], &seen[l]),
                         known_base(&work->level[l], &seen[l]), share);
    return added_of(lens, &work->level[0], known_base(&work->level[0], &seen[0]), share,
                    borrowed);
}

/* The baseline's count and the rise at each level, from the top down; all
 * counts known. */
static bool rise_of(const optics *lens, const recs__trend_work *work,
                    const recs__trend_seen_count *seen, double *expected, double *rise) {
    const recs__trend_options *options = &lens->trends->options;
    double above = 1.0;
    bool eligible = false;
    *expected = 0.0;
    for (uint32_t l = work->levels; l-- > 0;) {
        const recs__trend_level *level = &work->level[l];
        double count = seen[l].count;
        *expected = recs__trend_expected(options->prior, level->total, level->total_baseline,
                                         count, seen[l].baseline);
        *rise = recs__trend_rise(count, *expected, above);
        above = *rise;
        eligible |= recs__trend_supported(options->min_support, (double)options->candidates,
                                          count, level->total);
    }
    return eligible;
}

/* Whether an item that trends nowhere among the candidates' levels need not be
 * looked up: only a known count can make it eligible (bound() sees to that). */
static bool may_trend(const optics *lens, const recs__trend_work *work,
                      const recs__trend_seen_count *seen) {
    const recs__trend_options *options = &lens->trends->options;
    for (uint32_t l = 0; l < work->levels; l++)
        if (seen[l].count > 0.0 && seen[l].count >= options->min_support &&
            seen[l].count * options->candidates > work->level[l].total)
            return true;
    return false;
}

/* Fills in what is not known; false when all was. */
static bool complete(const optics *lens, recs__trend_work *work, size_t c) {
    bool looked = false;
    for (uint32_t l = 0; l < work->levels; l++) {
        recs__trend_seen_count *seen = &work->counts[c * work->levels + l];
        if (seen->count >= 0.0)
            continue;
        /* Its candidates are all it has; but one without a count may have a baseline. */
        bool nothing = work->level[l].bar == 0.0 && work->level[l].bar_base == 0.0 &&
                       lens->ask->ranking != RECS_RANK_TRENDING;
        *seen = nothing ? (recs__trend_seen_count){0.0, 0.0}
                        : look_up(lens, &work->level[l], work->items[c]);
        looked |= !nothing;
    }
    return looked;
}

/* The score of a candidate, or the most it can be while not all is known.
 * Below 0: not eligible. */
static double value_of(const optics *lens, const recs__trend_work *work, size_t c) {
    const recs__trend_seen_count *seen = &work->counts[c * work->levels];
    double own = known(&work->level[0], &seen[0]);
    if (lens->ask->evidence_only && own <= 0.0 &&
        (!leans(lens) || known_base(&work->level[0], &seen[0]) <= 0.0))
        return -1.0;
    if (lens->ask->ranking == RECS_RANK_TRENDING) {
        double expected, rise = 1.0;
        return rise_of(lens, work, seen, &expected, &rise) ? rise : -1.0;
    }
    double lent, value = own + lean_of(lens, work, seen, &lent);
    return value > 0.0 ? value : -1.0;
}

/* No item outside the candidates scores more than this; INFINITY when unknown. */
static double bound(const optics *lens, const recs__trend_work *work) {
    const recs__trend_options *options = &lens->trends->options;
    if (lens->ask->ranking == RECS_RANK_TRENDING) {
        for (uint32_t l = 0; l < work->levels; l++) { /* could one outside be eligible? */
            double bar = work->level[l].bar;
            if (bar > 0.0 && bar >= options->min_support &&
                bar * options->candidates > work->level[l].total)
                return (double)INFINITY;
        }
        return -1.0;
    }
    recs__trend_seen_count nowhere[RECS__TREND_LEVELS]; /* all at their bars */
    for (uint32_t l = 0; l < work->levels; l++)
        nowhere[l].count = -1.0;
    double lent, most = work->level[0].bar + lean_of(lens, work, nowhere, &lent);
    return most > 0.0 ? most * (1.0 + 1e-6) : -1.0;
}

/* ---- the best ------------------------------------------------------------------------------ */

static bool better(const optics *lens, const recs__trend_work *work, recs__trend_pick a,
                   recs__trend_pick b) {
    if (a.score != b.score)
        return a.score > b.score;
    const recs__trend_names *items = &lens->trends->items;
    const recs__trend_name *x = recs__trend_names_get(items, work->items[a.candidate]),
                           *y = recs__trend_names_get(items, work->items[b.candidate]);
    return recs__compare_ids(x->text, x->size, y->text, y->size) < 0;
}

/* A heap of the best so far, the worst on top. */
static void sift(const optics *lens, recs__trend_work *work, size_t count, size_t at) {
    recs__trend_pick *heap = work->picks, moved = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && better(lens, work, heap[child], heap[child + 1]))
            child++;
        if (!better(lens, work, moved, heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* Takes a candidate into the heap when it belongs; looks up only what can. */
static void consider(const optics *lens, recs__trend_work *work, uint32_t c, size_t *count) {
    const recs__trend_options *options = &lens->trends->options;
    size_t limit = lens->ask->limit;
    if (lens->ask->ranking == RECS_RANK_TRENDING) {
        if (!may_trend(lens, work, &work->counts[(size_t)c * work->levels]))
            return;
        complete(lens, work, c);
    }
    double value = value_of(lens, work, c);
    for (int turn = 0; turn < 2; turn++) {
        recs__trend_pick pick = {(float)value, c};
        if (value < 0.0 || (*count == limit && !better(lens, work, pick, work->picks[0])))
            return;
        if (turn == 0 && complete(lens, work, c))
            value = value_of(lens, work, c);
        else
            break;
    }
    if (lens->ask->ranking == RECS_RANK_NEW) {
        int64_t first = first_at_root(lens, work, work->items[c]);
        if (first == RECS_NO_TIME || first <= lens->ask->time - options->new_within)
            return;
    }
    if (*count < limit) {
        work->picks[(*count)++] = (recs__trend_pick){(float)value, c};
        if (*count == limit)
            for (size_t at = limit / 2; at-- > 0;)
                sift(lens, work, limit, at);
        return;
    }
    work->picks[0] = (recs__trend_pick){(float)value, c};
    sift(lens, work, limit, 0);
}

static size_t select_picks(const optics *lens, recs__trend_work *work) {
    size_t count = 0;
    for (uint32_t c = 0; c < work->count && lens->ask->limit > 0; c++)
        consider(lens, work, c, &count);
    if (count < lens->ask->limit)
        for (size_t at = count / 2; at-- > 0;)
            sift(lens, work, count, at);
    for (size_t end = count; end > 1; end--) { /* worst to the end, in turn */
        recs__trend_pick worst = work->picks[0];
        work->picks[0] = work->picks[end - 1];
        sift(lens, work, end - 1, 0);
        work->picks[end - 1] = worst;
    }
    return count;
}

/* Between which the true counts of the answers lie. */
static void add_bounds(const optics *lens, recs__trend_work *work, size_t count) {
    recs_trends *trends = lens->trends;
    bool near = lens->ask->near != NULL;
    bool window = trends->options.series[lens->series[0]].half_life == 0;
    if (recs_trends_exact(trends)) {
        for (size_t i = 0; i < count; i++)
            work->hits[i].parts[RECS_TREND_LEAST] = work->hits[i].parts[RECS_TREND_MOST] =
                work->hits[i].parts[RECS_TREND_COUNT];
        return;
    }
    for (size_t i = 0; i < count; i++)
        work->hits[i].parts[RECS_TREND_LEAST] = work->hits[i].parts[RECS_TREND_MOST] = 0.0;
    for (uint32_t n = 0; n < (near ? lens->ask->near_count : 1); n++) {
        recs__trend_node *node = near ? recs__trend_node_at(trends, lens->ask->near[n])
                                      : work->level[0].node;
        recs__trend_read_lock(trends, node);
        for (size_t i = 0; i < count; i++) {
            double less, more;
            recs__bounded_error(trends, node, work->hits[i].item, lens->newest[1], &less, &more);
            work->hits[i].parts[RECS_TREND_LEAST] += less;
            work->hits[i].parts[RECS_TREND_MOST] += more;
        }
        recs__trend_unlock(trends, node);
    }
    for (size_t i = 0; i < count; i++) {
        double *parts = work->hits[i].parts;
        double less = parts[RECS_TREND_LEAST] * lens->scale[1],
               more = parts[RECS_TREND_MOST] * lens->scale[1];
        parts[RECS_TREND_LEAST] = parts[RECS_TREND_COUNT] > less || window
                                      ? parts[RECS_TREND_COUNT] - (window ? 0.0 : less)
                                      : 0.0;
        parts[RECS_TREND_MOST] = parts[RECS_TREND_COUNT] + more;
        if (more > 0.0 && (window || !(parts[RECS_TREND_MOST] < parts[RECS_TREND_SUPPORT])))
            parts[RECS_TREND_MOST] = parts[RECS_TREND_SUPPORT] > parts[RECS_TREND_COUNT]
                                         ? parts[RECS_TREND_SUPPORT]
                                         : parts[RECS_TREND_COUNT];
    }
}

static void describe(const optics *lens, const recs__trend_work *work, recs__trend_pick pick,
                     recs__trend_hit *hit) {
    const recs__trend_seen_count *seen = &work->counts[(size_t)pick.candidate * work->levels];
    bool rising = lens->ask->ranking == RECS_RANK_TRENDING;
    double expected = (double)NAN, rise = (double)NAN;
    if (rising)
        rise_of(lens, work, seen, &expected, &rise);
    hit->item = work->items[pick.candidate];
    hit->score = pick.score;
    double lent;
    lean_of(lens, work, seen, &lent);
    hit->borrowed = seen[0].count <= 0.0 && (!leans(lens) || seen[0].baseline <= 0.0);
    hit->parts[RECS_TREND_COUNT] = seen[0].count;
    hit->parts[RECS_TREND_BASELINE] = expected;
    hit->parts[RECS_TREND_RISE] = rise;
    hit->parts[RECS_TREND_SUPPORT] = work->level[0].total;
    hit->parts[RECS_TREND_BORROWED] = rising ? (double)NAN : lent;
    int64_t first = lens->ask->ranking == RECS_RANK_NEW ? first_at_root(lens, work, hit->item)
                                                        : RECS_NO_TIME;
    hit->parts[RECS_TREND_FIRST] = first == RECS_NO_TIME ? (double)NAN : (double)first;
}

static recs_status attempt(const optics *lens, recs__trend_work *work, uint32_t tier,
                           const recs_host *host, size_t *count, recs_error *error) {
    work->count = 0;
    work->indexed = work->levels > 1 || leans(lens) || lens->ask->near != NULL;
    if (work->index_capacity != 0)
        memset(work->index, 0, work->index_capacity * sizeof *work->index);
    recs_status status = RECS_OK;
    for (uint32_t l = 0; l < work->levels && status == RECS_OK; l++)
        status = gather(lens, work, l, tier, host, error);
    if (status != RECS_OK)
        return status;
    size_t room = lens->ask->limit < work->count ? lens->ask->limit : work->count;
    status = recs__grow(host, (void **)&work->hits, &work->hit_capacity, room + 1,
                        sizeof *work->hits, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->picks, &work->pick_capacity, room + 1,
                            sizeof *work->picks, error);
    if (status != RECS_OK)
        return status;
    *count = select_picks(lens, work);
    for (size_t i = 0; i < *count; i++)
        describe(lens, work, work->picks[i], &work->hits[i]);
    add_bounds(lens, work, *count);
    work->scored = work->count;
    return RECS_OK;
}

recs_status recs__trend_rank(recs_trends *trends, const recs__trend_ask *ask,
                             recs__trend_work *work, const recs_host *host, size_t *count,
                             recs_error *error) {
    optics lens;
    *count = 0;
    work->scanned = false;
    work->count = work->scored = 0;
    if (atomic_load_explicit(&trends->newest, memory_order_acquire) < 0)
        return RECS_OK;
    look_from(trends, ask, &lens);
    measure_chain(&lens, work);
    for (uint32_t tier = ask->limit < RECS__TREND_SHORT ? 0 : 1; tier < 3; tier++) {
        recs_status status = attempt(&lens, work, tier, host, count, error);
        double most = bound(&lens, work);
        if (status != RECS_OK || most < 0.0 || ask->limit == 0 ||
            (*count == ask->limit && (double)work->hits[*count - 1].score > most))
            return status;
    }
    return RECS_OK;
}
