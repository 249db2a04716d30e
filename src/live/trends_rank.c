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
 *           With option profile a count is (1 - f) count + f T p, p the item's share of
 *           the place's traffic P of the day that begins at the asked time, in the
 *           weeks before: buckets of a window, by how much of each lies in that day;
 *           f = weekly P / (P + 50). No list bounds that, so places are scanned.
 * trending  by z = (count - sqrt(S^2 + (2 m)^2)) / sqrt(count + 1): how many standard
 *           deviations the count is above twice what is usual, m, and above S = option
 *           support. m is what the item's share of the baseline makes of the
 *           traffic; option baseline, by default the longest half-life. At a place
 *           that is lent to, z = (T z + lent * z above) / (T + lent). The score is
 *           1 + z, or 1 / (1 - z) below z = 0: the same order, but above 0. An item
 *           is ranked where its count is at least min_support and more than option
 *           min_share, by default 1/candidates, of the traffic.
 *           The rise that is told beside it is (count + K r) / (E + K), K = 10, r the
 *           rise at the place above (1 above the root, and at a place that is lent
 *           nothing): a Poisson rate over its expectation under a gamma prior of
 *           mean r. E is what the baseline's share makes of the traffic without
 *           what the asked series has of it, (L - count + b share) / (TL - T + b),
 *           b = prior: a young state has no baseline and so no rise.
 *           With option profile, m and E times what the item has at this time of the
 *           week anyway (trends_cycle.c).
 * new       as popular, among items that first appeared anywhere within
 *           new_within.
 *
 * Several places as one (a radius): counts, traffic and actors are added up, the rules
 * are the same (trends_near.c).
 *
 * Candidates are the lists of the place and of those that lend to it (trends_gather.c).
 * An item on none of them counts at most bar at each level, which bounds its score;
 * where the k-th best does not pass the bound, longer lists are read, and at last the
 * places are scanned.
 *
 * What is gathered of a popular score bounds it from below and, with the bars, from
 * above: candidates whose upper bound stays below what k of them have at least are
 * dropped before anything is looked up or scored. Scores are by the formulas in their
 * order of operations, whatever the way here; equal ones are in order of ids. */
#include "live/trends_rank.h"

#include "base/text.h"
#include "live/trends_bounded.h"
#include "live/trends_score.h"
#include "search/sort.h"
#include "search/topk.h"

#include <math.h>
#include <string.h>

enum { ONLY = 512 }; /* so few items that are asked for are looked up at once */
#define ROUNDING 1e-6 /* relative: what a bound may differ from a score as a float */

void recs__trend_work_free(recs__trend_work *work, const recs_host *host) {
    recs__free(host, work->items);
    recs__free(host, work->counts);
    recs__free(host, work->least);
    recs__free(host, work->lent);
    recs__free(host, work->cycles);
    recs__free(host, work->firsts);
    recs__free(host, work->index);
    recs__free(host, work->chosen);
    recs__free(host, work->keys);
    recs__free(host, work->rough);
    recs__free(host, work->sums);
    recs__free(host, work->hits);
}

size_t recs__trend_work_memory(const recs__trend_work *work) {
    return work->item_capacity * sizeof *work->items +
           work->count_capacity * sizeof *work->counts +
           work->least_capacity * sizeof *work->least +
           work->lent_capacity * sizeof *work->lent +
           work->first_capacity * sizeof *work->firsts +
           work->cycle_capacity * sizeof *work->cycles +
           work->index_capacity * sizeof *work->index +
           work->chosen_capacity * sizeof *work->chosen +
           work->key_capacity * sizeof *work->keys + work->rough_capacity +
           work->sum_capacity * sizeof *work->sums + work->hit_capacity * sizeof *work->hits;
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
static double added_of(const recs__trend_lens *lens, const recs__trend_level *level, double base,
                       double above, double *borrowed) {
    *borrowed = level->lent * above;
    if (!lens->leans)
        return *borrowed;
    double weight = level->total + level->total_baseline + level->lent;
    double own = weight > 0.0 ? lens->trends->options.own / weight : 0.0;
    *borrowed *= own;
    return *borrowed + own * base;
}

static double share_of(const recs__trend_lens *lens, const recs__trend_level *level, double count,
                       double base, double above) {
    double borrowed, added = added_of(lens, level, base, above, &borrowed);
    double weight = level->total + (lens->leans ? lens->trends->options.own : level->lent);
    return weight > 0.0 ? (count + added) / weight : 0.0;
}

/* What a popular score adds to the count; *borrowed: of that from above. */
static double lean_of(const recs__trend_lens *lens, const recs__trend_work *work,
                      const recs__trend_seen_count *seen, double *borrowed) {
    double share = 0.0;
    for (uint32_t l = work->levels; l-- > 1;)
        share = share_of(lens, &work->level[l], known(&work->level[l], &seen[l]),
                         known_base(&work->level[l], &seen[l]), share);
    return added_of(lens, &work->level[0], known_base(&work->level[0], &seen[0]), share,
                    borrowed);
}

/* What a level's baseline expects, how much the item has risen, and by what it scores. */
typedef struct rising {
    double expected, rise, surplus;
} rising;

/* From the top down to a level, all counts known; whether it may be ranked. */
static bool climb(const recs__trend_lens *lens, const recs__trend_work *work,
                    const recs__trend_seen_count *seen, uint32_t last, rising *out) {
    const recs__trend_options *options = &lens->trends->options;
    const double *cycles = lens->cycles ? work->cycles + (seen - work->counts) : NULL;
    double above = 1.0;
    bool eligible = false;
    *out = (rising){0.0, 1.0, 0.0};
    for (uint32_t l = work->levels; l-- > last;) {
        const recs__trend_level *level = &work->level[l];
        double count = seen[l].count, cycle = cycles != NULL ? cycles[l] : 1.0;
        out->expected = cycle * recs__trend_expected(options->prior, level->total,
                                                     level->total_baseline, count,
                                                     seen[l].baseline);
        out->rise = recs__trend_rise(count, out->expected, above);
        above = out->rise;
        double usual = cycle * recs__trend_usual(level->total,
                                                 level->total + level->total_baseline, count,
                                                 count + seen[l].baseline);
        out->surplus = recs__trend_surplus_lent(
            level->total, level->lent, recs__trend_surplus(options->support, count, usual),
            out->surplus);
        eligible |= recs__trend_supported(options->min_support, lens->floor, count, level->total);
    }
    return eligible;
}

static bool rise_of(const recs__trend_lens *lens, const recs__trend_work *work,
                    const recs__trend_seen_count *seen, rising *out) {
    return climb(lens, work, seen, 0, out);
}

/* The score of a candidate whose counts are known. Below 0: not eligible. */
static double value_of(const recs__trend_lens *lens, recs__trend_work *work, size_t c) {
    const recs__trend_seen_count *seen = &work->counts[c * work->stride];
    double own = seen[0].count;
    if (lens->ask->evidence_only && own <= 0.0 && (!lens->leans || seen[0].baseline <= 0.0))
        return -1.0;
    if (lens->ask->ranking == RECS_RANK_TRENDING) {
        rising risen;
        return rise_of(lens, work, seen, &risen) ? recs__trend_risen(risen.surplus) : -1.0;
    }
    double value = own + lean_of(lens, work, seen, &work->lent[c]);
    return value > 0.0 ? value : -1.0;
}

/* No item outside the candidates scores more than this; INFINITY when unknown. */
static double bound(const recs__trend_lens *lens, const recs__trend_work *work) {
    const recs__trend_options *options = &lens->trends->options;
    if (lens->ask->ranking == RECS_RANK_TRENDING) {
        bool eligible = false; /* could one outside be? */
        double surplus = 0.0;  /* rises with the count and falls with the baseline */
        for (uint32_t l = work->levels; l-- > 0;) {
            const recs__trend_level *level = &work->level[l];
            eligible |= recs__trend_supported(options->min_support, lens->floor, level->bar,
                                              level->total);
            surplus = recs__trend_surplus_lent(
                level->total, level->lent,
                recs__trend_surplus(options->support, level->bar, 0.0), surplus);
        }
        return eligible ? recs__trend_risen(surplus) * (1.0 + ROUNDING) : -1.0;
    }
    recs__trend_seen_count nowhere[RECS__TREND_LEVELS]; /* all at their bars */
    for (uint32_t l = 0; l < work->levels; l++)
        nowhere[l].count = -1.0;
    double lent, most = work->level[0].bar + lean_of(lens, work, nowhere, &lent);
    return most > 0.0 ? most * (1.0 + 1e-6) : -1.0;
}

/* The most a level adds to the score of an item that is not among its candidates. */
static double slack_of(const recs__trend_level *level) {
    double base = level->bar_base > level->bar ? level->bar_base : level->bar;
    return level->per_count * level->bar + level->per_base * base;
}

/* Which levels keep the bound high. */
static void mark_deeper(const recs__trend_lens *lens, recs__trend_work *work, size_t count) {
    const recs__trend_options *options = &lens->trends->options;
    double least = count == lens->ask->limit && count > 0 ? (double)work->hits[count - 1].score
                                                          : 0.0;
    for (uint32_t l = 0; l < work->levels; l++) {
        recs__trend_level *level = &work->level[l];
        level->deepen = lens->ask->ranking == RECS_RANK_TRENDING
                            ? recs__trend_supported(options->min_support, lens->floor,
                                                    level->bar, level->total)
                            : slack_of(level) > 0.2 * least;
    }
}

/* ---- the best ------------------------------------------------------------------------------ */

static bool id_before(const recs__trend_lens *lens, const recs__trend_work *work, uint64_t a,
                      uint64_t b) {
    const recs__trend_names *items = &lens->trends->items;
    recs__trend_text x = recs__trend_names_get(items, work->items[recs__topk_row(a)]),
                     y = recs__trend_names_get(items, work->items[recs__topk_row(b)]);
    return recs__compare_ids(x.text, x.size, y.text, y.size) < 0;
}

/* A heap by id, the last on top. */
static void sift(const recs__trend_lens *lens, const recs__trend_work *work, uint64_t *heap,
                 size_t count, size_t at) {
    uint64_t moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && id_before(lens, work, heap[child], heap[child + 1]))
            child++;
        if (!id_before(lens, work, moved, heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* Of keys of one score the first `keep` by id, in their order. */
static void order_by_id(const recs__trend_lens *lens, const recs__trend_work *work,
                        uint64_t *keys, size_t count, size_t keep) {
    for (size_t at = keep / 2; at-- > 0;)
        sift(lens, work, keys, keep, at);
    for (size_t i = keep; i < count; i++)
        if (id_before(lens, work, keys[i], keys[0])) {
            keys[0] = keys[i];
            sift(lens, work, keys, keep, 0);
        }
    for (size_t end = keep; end > 1; end--) {
        uint64_t last = keys[0];
        keys[0] = keys[end - 1];
        sift(lens, work, keys, end - 1, 0);
        keys[end - 1] = last;
    }
}

/* Puts the best of the keys first; their number, at most limit. */
static size_t order_best(const recs__trend_lens *lens, recs__trend_work *work, size_t count) {
    size_t limit = lens->ask->limit < count ? lens->ask->limit : count, reach = limit;
    uint64_t *keys = work->keys;
    if (limit == 0)
        return 0;
    if (limit + limit / 2 >= count) {
        reach = count;
    } else { /* and what ties with the last of them */
        recs__select_keys(keys, count, limit);
        uint64_t last = keys[limit - 1] >> 32;
        for (size_t i = limit; i < count; i++)
            if (keys[i] >> 32 == last) {
                uint64_t key = keys[i];
                keys[i] = keys[reach];
                keys[reach++] = key;
            }
    }
    recs__sort_keys(keys, reach);
    for (size_t at = 0; at < limit;) {
        size_t end = at + 1;
        while (end < reach && keys[end] >> 32 == keys[at] >> 32)
            end++;
        if (end > at + 1)
            order_by_id(lens, work, keys + at, end - at, (end < limit ? end : limit) - at);
        at = end;
    }
    return limit;
}

/* ---- who may be among them ---------------------------------------------------------------- */

/* All candidates, for whose scores there is no bound. */
static size_t choose_all(recs__trend_work *work) {
    for (uint32_t c = 0; c < work->count; c++)
        work->chosen[c] = c;
    return work->count;
}

/* Those that may reach what `want` of them have at least, *floor (0: unknown). */
static size_t choose(recs__trend_work *work, size_t want, double *floor) {
    double slack[RECS__TREND_LEVELS], most = 0.0;
    size_t chosen = 0;
    *floor = recs__trend_threshold(work, want) * (1.0 - ROUNDING);
    for (uint32_t l = 0; l < work->levels; l++)
        most += slack[l] = slack_of(&work->level[l]);
    for (uint32_t c = 0; c < work->count; c++) {
        double reach = work->least[c];
        if (reach + most < *floor)
            continue;
        for (uint32_t l = 0; l < work->levels && reach < *floor; l++)
            if (work->counts[(size_t)c * work->stride + l].count < 0.0)
                reach += slack[l];
        if (!(reach < *floor))
            work->chosen[chosen++] = c;
    }
    return chosen;
}

/* Keys of the chosen that are eligible, scored; *good: those of at least floor. */
static size_t score_chosen(const recs__trend_lens *lens, recs__trend_work *work, size_t chosen,
                           double floor, size_t *good) {
    const recs__trend_ask *ask = lens->ask;
    int64_t since = ask->time - lens->trends->options.new_within;
    size_t count = 0;
    *good = 0;
    recs__trend_complete(lens, work, chosen);
    if (ask->ranking == RECS_RANK_NEW)
        recs__trend_find_firsts(lens, work, chosen);
    if (lens->cycles)
        recs__trend_find_cycles(lens, work, chosen);
    for (size_t i = 0; i < chosen; i++) {
        uint32_t c = work->chosen[i];
        if (ask->ranking == RECS_RANK_NEW &&
            (work->firsts[c] == RECS_NO_TIME || work->firsts[c] <= since))
            continue;
        double value = value_of(lens, work, c);
        if (value < 0.0)
            continue;
        __builtin_prefetch(recs__trend_names_line(&lens->trends->items, work->items[c]));
        work->keys[count++] = recs__topk_key((float)value, c);
        *good += value >= floor;
    }
    return count;
}

/* The best into the keys; their number. Where too many turn out not to be eligible (not
 * new, without evidence) the next ones are looked at. */
static size_t select_best(const recs__trend_lens *lens, recs__trend_work *work) {
    size_t limit = lens->ask->limit, want = limit, chosen, count, good;
    for (;;) {
        double floor = 0.0;
        chosen = lens->ask->ranking == RECS_RANK_TRENDING || work->count <= want + want / 4
                     ? choose_all(work)
                     : choose(work, want, &floor);
        count = score_chosen(lens, work, chosen, floor, &good);
        if (chosen == work->count || good >= limit)
            return order_best(lens, work, count);
        want = 2 * chosen + limit; /* so all are gone through after few turns */
    }
}

/* Between which the true counts of the answers lie. */
static void add_bounds(const recs__trend_lens *lens, recs__trend_work *work, size_t count) {
    recs_trends *trends = lens->trends;
    bool near = lens->ask->near != NULL;
    bool window = trends->options.series[lens->series[0]].half_life == 0;
    if (recs_trends_exact(trends)) {
        for (size_t i = 0; i < count; i++)
            work->hits[i].parts[RECS_TREND_LEAST] = work->hits[i].parts[RECS_TREND_MOST] =
                work->hits[i].parts[RECS_TREND_COUNT];
        return;
    }
    recs__trend_lens longest = *lens;
    recs__trend_focus(&longest, 1, trends->options.base);
    for (size_t i = 0; i < count; i++)
        work->hits[i].parts[RECS_TREND_LEAST] = work->hits[i].parts[RECS_TREND_MOST] = 0.0;
    for (uint32_t n = 0; n < (near ? lens->ask->near_count : 1); n++) {
        recs__trend_node *node = near ? recs__trend_node_at(trends, lens->ask->near[n])
                                      : work->level[0].node;
        recs__trend_read_lock(trends, node);
        for (size_t i = 0; i < count; i++) {
            double less, more;
            recs__bounded_error(trends, node, work->hits[i].item, longest.newest[1], &less,
                                &more);
            work->hits[i].parts[RECS_TREND_LEAST] += less;
            work->hits[i].parts[RECS_TREND_MOST] += more;
        }
        recs__trend_unlock(trends, node);
    }
    for (size_t i = 0; i < count; i++) {
        double *parts = work->hits[i].parts;
        double less = parts[RECS_TREND_LEAST] * longest.scale[1],
               more = parts[RECS_TREND_MOST] * longest.scale[1];
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

static void describe(const recs__trend_lens *lens, const recs__trend_work *work, uint64_t key,
                     recs__trend_hit *hit) {
    uint32_t c = recs__topk_row(key);
    const recs__trend_seen_count *seen = &work->counts[(size_t)c * work->stride];
    bool rises = lens->ask->ranking == RECS_RANK_TRENDING;
    rising risen = {(double)NAN, (double)NAN, 0.0};
    if (rises)
        rise_of(lens, work, seen, &risen);
    hit->item = work->items[c];
    hit->score = recs__topk_score(key);
    hit->borrowed = seen[0].count <= 0.0 && (!lens->leans || seen[0].baseline <= 0.0);
    hit->parts[RECS_TREND_COUNT] = seen[0].count;
    hit->parts[RECS_TREND_BASELINE] = risen.expected;
    hit->parts[RECS_TREND_RISE] = risen.rise;
    hit->parts[RECS_TREND_SUPPORT] = work->level[0].total;
    hit->parts[RECS_TREND_BORROWED] = rises ? (double)NAN : work->lent[c];
    int64_t first = lens->ask->ranking == RECS_RANK_NEW ? work->firsts[c] : RECS_NO_TIME;
    hit->parts[RECS_TREND_FIRST] = first == RECS_NO_TIME ? (double)NAN : (double)first;
}

/* The candidates of a depth, and room to score them. */
static recs_status gather(const recs__trend_lens *lens, recs__trend_work *work,
                          recs__trend_depth depth, const recs_host *host, recs_error *error) {
    recs_status status = recs__trend_gather(lens, work, depth, host, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->chosen, &work->chosen_capacity, work->count,
                            sizeof *work->chosen, error);
    if (status == RECS_OK && lens->ask->near != NULL)
        status = recs__grow(host, (void **)&work->sums, &work->sum_capacity, work->count,
                            sizeof *work->sums, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->keys, &work->key_capacity, work->count,
                            sizeof *work->keys, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->lent, &work->lent_capacity, work->count,
                            sizeof *work->lent, error);
    if (status == RECS_OK && lens->ask->ranking == RECS_RANK_NEW)
        status = recs__grow(host, (void **)&work->firsts, &work->first_capacity, work->count,
                            sizeof *work->firsts, error);
    if (status == RECS_OK && lens->cycles)
        status = recs__grow(host, (void **)&work->cycles, &work->cycle_capacity,
                            work->count * work->stride, sizeof *work->cycles, error);
    return status;
}

static recs_status attempt(const recs__trend_lens *lens, recs__trend_work *work,
                           recs__trend_depth depth, const recs_host *host, size_t *count,
                           recs_error *error) {
    recs_status status = gather(lens, work, depth, host, error);
    size_t room = lens->ask->limit < work->count ? lens->ask->limit : work->count;
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->hits, &work->hit_capacity, room,
                            sizeof *work->hits, error);
    if (status != RECS_OK)
        return status;
    *count = select_best(lens, work);
    for (size_t i = 0; i < *count; i++)
        describe(lens, work, work->keys[i], &work->hits[i]);
    add_bounds(lens, work, *count);
    work->scored = work->count;
    return RECS_OK;
}

recs_status recs__trend_rank(recs_trends *trends, const recs__trend_ask *ask,
                             recs__trend_work *work, const recs_host *host, size_t *count,
                             recs_error *error) {
    recs__trend_lens lens;
    *count = 0;
    work->scanned = false;
    work->count = work->scored = 0;
    if (atomic_load_explicit(&trends->newest, memory_order_acquire) < 0)
        return RECS_OK;
    recs__trend_look_from(trends, ask, &lens);
    bool longer = ask->limit >= RECS__TREND_SHORT || /* bars of several places add up */
                  (ask->near != NULL && ask->ranking == RECS_RANK_TRENDING);
    recs__trend_depth depth =
        (ask->only != NULL && ask->only_count <= ONLY) || lens.profile_count != 0
            ? RECS__TREND_ALL
        : longer ? RECS__TREND_LONG_LISTS_SOME
                 : RECS__TREND_SHORT_LISTS_SOME;
    for (;;) {
        recs_status status = attempt(&lens, work, depth, host, count, error);
        if (status != RECS_OK || depth == RECS__TREND_ALL || ask->limit == 0)
            return status;
        double most = bound(&lens, work);
        if (most < 0.0 || (*count == ask->limit && *count > 0 &&
                           (double)work->hits[*count - 1].score > most))
            return RECS_OK;
        bool again = depth <= RECS__TREND_SHORT_LISTS_SOME && !work->skipped; /* the same */
        depth = depth == RECS__TREND_LONG_LISTS_SOME ? RECS__TREND_LONG_LISTS : depth + 1;
        depth += again;
        mark_deeper(&lens, work, *count);
    }
}

recs_status recs__trend_score_all(recs_trends *trends, const recs__trend_ask *ask,
                                  recs__trend_work *work, const recs_host *host, size_t *count,
                                  recs_error *error) {
    recs__trend_lens lens;
    size_t good;
    *count = 0;
    work->count = work->scored = work->levels = 0;
    if (atomic_load_explicit(&trends->newest, memory_order_acquire) < 0)
        return RECS_OK;
    recs__trend_look_from(trends, ask, &lens);
    recs_status status = gather(&lens, work, RECS__TREND_ALL, host, error);
    if (status == RECS_OK)
        *count = score_chosen(&lens, work, choose_all(work), 0.0, &good);
    return status;
}

/* ---- why ------------------------------------------------------------------------------------- */

/* How much each level weighs in a surplus; they sum to 1. */
static void surplus_weights(const recs__trend_work *work, double weights[RECS__TREND_LEVELS]) {
    double left = 1.0;
    for (uint32_t l = 0; l < work->levels; l++) {
        const recs__trend_level *level = &work->level[l];
        double own = level->lent > 0.0 && l + 1 < work->levels
                         ? level->total / (level->total + level->lent)
                         : 1.0;
        weights[l] = left * own;
        left -= weights[l];
    }
}

recs_status recs__trend_explain(recs_trends *trends, const recs__trend_ask *ask,
                                recs__trend_work *work, const recs_host *host,
                                recs__trend_reason out[RECS__TREND_LEVELS], uint32_t *levels,
                                recs_error *error) {
    double weights[RECS__TREND_LEVELS];
    recs__trend_lens lens;
    size_t count;
    *levels = 0;
    recs_status status = recs__trend_rank(trends, ask, work, host, &count, error);
    if (status != RECS_OK || count == 0)
        return status;
    recs__trend_look_from(trends, ask, &lens);
    const recs__trend_seen_count *seen =
        &work->counts[(size_t)recs__topk_row(work->keys[0]) * work->stride];
    *levels = work->levels;
    surplus_weights(work, weights);
    for (uint32_t l = 0; l < work->levels; l++) {
        /* This level and those above it, as if it had been asked; or it alone. */
        recs__trend_seen_count alone[RECS__TREND_LEVELS];
        memset(alone, 0, sizeof alone);
        alone[l] = seen[l];
        double lent;
        rising risen = {(double)NAN, (double)NAN, 0.0};
        out[l] = (recs__trend_reason){.node = work->level[l].node, .count = seen[l].count,
                                      .total = work->level[l].total};
        if (ask->ranking == RECS_RANK_TRENDING) {
            climb(&lens, work, seen, l, &risen);
            out[l].contribution = weights[l] * (double)work->hits[0].score;
        } else {
            out[l].contribution = alone[0].count + lean_of(&lens, work, alone, &lent);
        }
        out[l].expected = risen.expected;
        out[l].rise = risen.rise;
    }
    return RECS_OK;
}
