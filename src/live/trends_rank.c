/* trends_rank.c - scoring candidates, and proving that no other item belongs.
 *
 * popular   count + lent * share at the place above, where that share is
 *           itself (count + lent * share above it) / (traffic + lent). lent
 *           falls from option prior at an empty place to 0 at one with 50 times
 *           prior of traffic, which thus needs nothing from above.
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
 * Candidates are the lists of the place and of those that lend to it. An item
 * on none of them counts at most bar at each level, which bounds its score;
 * where the k-th best does not pass the bound, the places are scanned. */
#include "live/trends_rank.h"

#include "base/math.h"
#include "base/text.h"
#include "live/trends_actors.h"
#include "live/trends_bounded.h"

#include <math.h>
#include <string.h>

#define RISE_PRIOR 10.0
#define THICK 50.0 /* times prior: nothing is lent */

void recs__trend_work_free(recs__trend_work *work, const recs_host *host) {
    recs__free(host, work->items);
    recs__free(host, work->counts);
    recs__free(host, work->firsts);
    recs__free(host, work->index);
    recs__free(host, work->hits);
}

size_t recs__trend_work_memory(const recs__trend_work *work) {
    return work->item_capacity * sizeof *work->items +
           work->count_capacity * sizeof *work->counts +
           work->first_capacity * sizeof *work->firsts +
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

static double sum_of(const optics *lens, const recs__trend_cell *cell, int which) {
    const recs_trends *trends = lens->trends;
    uint32_t s = lens->series[which];
    int32_t slot = lens->newest[which];
    const recs__trend_series *series = &trends->options.series[s];
    double sum = (double)recs__trend_sum(trends, cell, s, slot);
    if (series->half_life != 0)
        return (sum + (double)recs__trend_sum(trends, cell, s, slot - 1) * 0x1p-16) *
               lens->scale[which];
    for (uint32_t back = 1; back + 1 < series->slots; back++)
        sum += (double)recs__trend_sum(trends, cell, s, slot - (int32_t)back);
    return sum * lens->scale[which];
}

/* Count and baseline of an item's cell, its returns taken off. */
static recs__trend_seen_count count_of(const optics *lens, const recs__trend_node *node,
                                       const recs__trend_cell *cell) {
    recs__trend_seen_count seen = {.count = sum_of(lens, cell, 0)};
    bool rising = lens->ask->ranking == RECS_RANK_TRENDING;
    double whole = rising ? sum_of(lens, cell, 1) : 0.0;
    if (cell->marks & RECS__TREND_HAS_RETURNS) {
        const recs__trend_cell *returns =
            recs__trend_find(lens->trends, node, cell->item | RECS__TREND_RETURNED);
        if (returns != NULL) {
            seen.count -= sum_of(lens, returns, 0);
            whole -= rising ? sum_of(lens, returns, 1) : 0.0;
        }
    }
    seen.count = seen.count > 0.0 ? seen.count : 0.0;
    seen.baseline = whole > seen.count ? whole - seen.count : 0.0;
    return seen;
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
    if (total != NULL && lens->ask->ranking == RECS_RANK_TRENDING) {
        double whole = sum_of(lens, total, 1);
        level->total_baseline = whole > level->total ? whole - level->total : 0.0;
    }
    recs__trend_unlock(lens->trends, level->node);
}

static void measure_chain(const optics *lens, recs__trend_work *work) {
    double prior = lens->trends->options.prior;
    uint32_t node = lens->ask->node;
    work->levels = 0;
    while (node != RECS_NO_PLACE && work->levels < RECS__TREND_LEVELS) {
        recs__trend_level *level = &work->level[work->levels++];
        level->node = recs__trend_node_at(lens->trends, node);
        node = recs__trend_lender(level->node);
        measure_level(lens, level);
        double thick = prior > 0.0 ? level->total / (THICK * prior) : 1.0;
        level->lent = node != RECS_NO_PLACE && thick < 1.0 ? prior * (1.0 - thick) : 0.0;
        if (level->lent == 0.0)
            break;
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
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->firsts, &work->first_capacity, need,
                            sizeof *work->firsts, error);
    if (status != RECS_OK || work->levels == 1 || need * 2 <= work->index_capacity)
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

static void offer(const optics *lens, recs__trend_work *work, uint32_t l,
                  const recs__trend_cell *cell) {
    const recs__trend_ask *ask = lens->ask;
    if (cell->item >= RECS__TREND_ITEMS ||
        (ask->allowed != NULL && !ask->allowed(ask->data, cell->item)))
        return;
    recs__trend_seen_count seen = count_of(lens, work->level[l].node, cell);
    if (seen.count <= 0.0)
        return;
    uint32_t at = 0, c = work->levels == 1 ? UINT32_MAX : candidate_of(work, cell->item, &at);
    if (c == UINT32_MAX) {
        c = (uint32_t)work->count++;
        work->items[c] = cell->item;
        work->firsts[c] = RECS_NO_TIME;
        for (uint32_t k = 0; k < work->levels; k++)
            work->counts[(size_t)c * work->levels + k] = (recs__trend_seen_count){-1.0, 0.0};
        if (work->levels > 1)
            work->index[at] = c + 1;
    }
    work->counts[(size_t)c * work->levels + l] = seen;
    work->firsts[c] = recs__trend_first(lens->trends, cell);
}

/* The list a ranking reads, and whether its bar bounds the asked series now. */
static uint32_t list_of(const optics *lens, bool *bounded) {
    const recs__trend_options *options = &lens->trends->options;
    const recs__trend_series *series = &options->series[lens->ask->series];
    *bounded = true;
    if (lens->ask->ranking == RECS_RANK_NEW) {
        *bounded = series->half_life != 0;
        return options->series_count;
    }
    if (series->half_life == 0) { /* an earlier window has buckets that left the value */
        int64_t newest = atomic_load_explicit(&lens->trends->newest, memory_order_relaxed);
        *bounded = newest < 0 || lens->newest[0] >= recs__trend_slot(series, newest);
    }
    return lens->ask->series;
}

/* Gathers one level's candidates; scan: all its cells. */
static recs_status gather(const optics *lens, recs__trend_work *work, uint32_t l, bool scan,
                          const recs_host *host, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs__trend_level *level = &work->level[l];
    recs__trend_node *node = level->node;
    level->bar = 0.0;
    if (!level->shown)
        return RECS_OK;
    bool bounded;
    uint32_t which = list_of(lens, &bounded);
    recs_status status = RECS_OK;
    recs__trend_read_lock(trends, node);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    if (node->lists == NULL || scan || !bounded) {
        work->scanned |= node->lists != NULL;
        status = candidate_room(work, host, node->used, error);
        for (uint32_t at = 0; at < capacity && status == RECS_OK; at++) {
            const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
            if (cell->item < RECS__TREND_ITEMS)
                offer(lens, work, l, cell);
        }
        if (node->lists != NULL && scan) /* the bars have drifted: find them anew */
            recs__trend_lists_build(trends, node);
    } else {
        recs__trend_list *list = &node->lists[which];
        uint32_t s = which < trends->options.series_count ? which : trends->options.base;
        int64_t newest = atomic_load_explicit(&trends->newest, memory_order_relaxed);
        recs__trend_list_align(trends, list, which,
                               recs__trend_slot(&trends->options.series[s], newest));
        status = candidate_room(work, host, list->count, error);
        for (uint32_t i = 0; i < list->count && i < 8; i++)
            __builtin_prefetch(recs__trend_at(trends, cells, list->entries[i]));
        for (uint32_t i = 0; i < list->count && status == RECS_OK; i++) {
            if (i + 8 < list->count)
                __builtin_prefetch(recs__trend_at(trends, cells, list->entries[i + 8]));
            offer(lens, work, l, recs__trend_at(trends, cells, list->entries[i]));
        }
        /* Values are rounded down: one step more bounds them. A new item counts
         * no more in the asked series than in the longest. */
        level->bar = list->bar == 0 ? 0.0
                     : list->bar == INT64_MAX
                         ? (double)INFINITY
                         : ((double)list->bar + 1.0) *
                               lens->scale[which < trends->options.series_count ? 0 : 1];
    }
    recs__trend_unlock(trends, node);
    return status;
}

/* Fills what one level counts of candidates that came from others. */
static void complete(const optics *lens, recs__trend_work *work, uint32_t l) {
    recs__trend_level *level = &work->level[l];
    bool top = l + 1 == work->levels;
    recs__trend_read_lock(lens->trends, level->node);
    for (size_t c = 0; c < work->count; c++) {
        recs__trend_seen_count *seen = &work->counts[c * work->levels + l];
        if (seen->count >= 0.0 && !top)
            continue;
        const recs__trend_cell *cell =
            level->shown ? recs__trend_find(lens->trends, level->node, work->items[c]) : NULL;
        if (seen->count < 0.0)
            *seen = cell != NULL ? count_of(lens, level->node, cell)
                                 : (recs__trend_seen_count){0.0, 0.0};
        if (top && cell != NULL)
            work->firsts[c] = recs__trend_first(lens->trends, cell);
    }
    recs__trend_unlock(lens->trends, level->node);
}

/* ---- scores ---------------------------------------------------------------------------- */

static double share_of(const recs__trend_level *level, double count, double above) {
    double weight = level->total + level->lent;
    return weight > 0.0 ? (count + level->lent * above) / weight : 0.0;
}

/* Borrowed part of a popular score. */
static double borrowed_of(const recs__trend_work *work, const recs__trend_seen_count *seen) {
    double share = 0.0;
    for (uint32_t l = work->levels; l-- > 1;)
        share = share_of(&work->level[l], seen[l].count, share);
    return work->level[0].lent * share;
}

/* The baseline's count and the rise at each level, from the top down. */
static bool rise_of(const optics *lens, const recs__trend_work *work,
                    const recs__trend_seen_count *seen, double *expected, double *rise) {
    const recs__trend_options *options = &lens->trends->options;
    double above = 1.0;
    bool eligible = false;
    *expected = 0.0;
    for (uint32_t l = work->levels; l-- > 0;) {
        const recs__trend_level *level = &work->level[l];
        double count = seen[l].count, share = level->total > 0.0 ? count / level->total : 0.0;
        double weight = level->total_baseline + options->prior;
        *expected = weight > 0.0 ? level->total *
                                       (seen[l].baseline + options->prior * share) / weight
                                 : count;
        *rise = (count + RISE_PRIOR * above) / (*expected + RISE_PRIOR);
        above = *rise;
        eligible |= count >= options->min_support && count > 0.0 &&
                    count * options->candidates > level->total;
    }
    return eligible;
}

static void score(const optics *lens, recs__trend_work *work, size_t c, recs__trend_hit *hit,
                  bool *eligible) {
    const recs__trend_seen_count *seen = &work->counts[c * work->levels];
    const recs__trend_options *options = &lens->trends->options;
    double expected = 0.0, rise = 1.0, lent = borrowed_of(work, seen);
    *eligible = rise_of(lens, work, seen, &expected, &rise);
    bool rising = lens->ask->ranking == RECS_RANK_TRENDING;
    double value = rising ? rise : seen[0].count + lent;
    hit->item = work->items[c];
    hit->borrowed = seen[0].count <= 0.0;
    if (!rising)
        *eligible = value > 0.0;
    if (lens->ask->ranking == RECS_RANK_NEW)
        *eligible &= work->firsts[c] != RECS_NO_TIME &&
                     work->firsts[c] > lens->ask->time - options->new_within;
    if (lens->ask->evidence_only && hit->borrowed)
        *eligible = false;
    hit->score = (float)value;
    hit->parts[RECS_TREND_COUNT] = seen[0].count;
    hit->parts[RECS_TREND_BASELINE] = rising ? expected : (double)NAN;
    hit->parts[RECS_TREND_RISE] = rising ? rise : (double)NAN;
    hit->parts[RECS_TREND_SUPPORT] = work->level[0].total;
    hit->parts[RECS_TREND_BORROWED] = rising ? (double)NAN : lent;
    hit->parts[RECS_TREND_FIRST] =
        work->firsts[c] == RECS_NO_TIME ? (double)NAN : (double)work->firsts[c];
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
    double share = 0.0;
    for (uint32_t l = work->levels; l-- > 1;)
        share = share_of(&work->level[l], work->level[l].bar, share);
    double most = work->level[0].bar + work->level[0].lent * share;
    return most > 0.0 ? most * (1.0 + 1e-6) : -1.0;
}

/* ---- the best ------------------------------------------------------------------------------ */

static bool better(const recs_trends *trends, const recs__trend_hit *a, const recs__trend_hit *b) {
    if (a->score != b->score)
        return a->score > b->score;
    const recs__trend_name *x = recs__trend_names_get(&trends->items, a->item),
                           *y = recs__trend_names_get(&trends->items, b->item);
    return recs__compare_ids(x->text, x->size, y->text, y->size) < 0;
}

/* A heap of the best so far, the worst on top. */
static void sift(const recs_trends *trends, recs__trend_hit *heap, size_t count, size_t at) {
    recs__trend_hit moved = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && better(trends, &heap[child], &heap[child + 1]))
            child++;
        if (!better(trends, &moved, &heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static size_t select_hits(const optics *lens, recs__trend_work *work) {
    const recs_trends *trends = lens->trends;
    recs__trend_hit *heap = work->hits;
    size_t count = 0, limit = lens->ask->limit;
    for (size_t c = 0; c < work->count && limit > 0; c++) {
        recs__trend_hit hit;
        bool eligible;
        score(lens, work, c, &hit, &eligible);
        if (!eligible)
            continue;
        if (count < limit) {
            heap[count++] = hit;
            if (count == limit)
                for (size_t at = count / 2; at-- > 0;)
                    sift(trends, heap, count, at);
        } else if (better(trends, &hit, &heap[0])) {
            heap[0] = hit;
            sift(trends, heap, count, 0);
        }
    }
    if (count < limit)
        for (size_t at = count / 2; at-- > 0;)
            sift(trends, heap, count, at);
    for (size_t end = count; end > 1; end--) { /* worst to the end, in turn */
        recs__trend_hit worst = heap[0];
        heap[0] = heap[end - 1];
        sift(trends, heap, end - 1, 0);
        heap[end - 1] = worst;
    }
    return count;
}

/* Between which the true counts of the answers lie. */
static void add_bounds(const optics *lens, recs__trend_work *work, size_t count) {
    recs_trends *trends = lens->trends;
    recs__trend_node *node = work->level[0].node;
    bool window = trends->options.series[lens->series[0]].half_life == 0;
    recs__trend_read_lock(trends, node);
    for (size_t i = 0; i < count; i++) {
        double *parts = work->hits[i].parts, less, more;
        recs__bounded_error(trends, node, work->hits[i].item, lens->newest[1], &less, &more);
        less *= lens->scale[1];
        more *= lens->scale[1];
        parts[RECS_TREND_LEAST] = parts[RECS_TREND_COUNT] > less || window
                                      ? parts[RECS_TREND_COUNT] - (window ? 0.0 : less)
                                      : 0.0;
        parts[RECS_TREND_MOST] = parts[RECS_TREND_COUNT] + more;
        if (more > 0.0 && (window || !(parts[RECS_TREND_MOST] < parts[RECS_TREND_SUPPORT])))
            parts[RECS_TREND_MOST] = parts[RECS_TREND_SUPPORT] > parts[RECS_TREND_COUNT]
                                         ? parts[RECS_TREND_SUPPORT]
                                         : parts[RECS_TREND_COUNT];
    }
    recs__trend_unlock(trends, node);
}

static recs_status attempt(const optics *lens, recs__trend_work *work, bool scan,
                           const recs_host *host, size_t *count, recs_error *error) {
    work->count = 0;
    if (work->index_capacity != 0)
        memset(work->index, 0, work->index_capacity * sizeof *work->index);
    recs_status status = RECS_OK;
    for (uint32_t l = 0; l < work->levels && status == RECS_OK; l++)
        status = gather(lens, work, l, scan, host, error);
    if (status != RECS_OK)
        return status;
    for (uint32_t l = 0; l < work->levels && work->levels > 1; l++)
        complete(lens, work, l);
    size_t room = lens->ask->limit < work->count ? lens->ask->limit : work->count;
    status = recs__grow(host, (void **)&work->hits, &work->hit_capacity, room + 1,
                        sizeof *work->hits, error);
    if (status == RECS_OK) {
        *count = select_hits(lens, work);
        add_bounds(lens, work, *count);
    }
    work->scored = work->count;
    return status;
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
    recs_status status = attempt(&lens, work, false, host, count, error);
    if (status != RECS_OK)
        return status;
    double most = bound(&lens, work);
    bool proven = most < 0.0 || (*count == ask->limit && *count > 0 &&
                                 (double)work->hits[*count - 1].score > most);
    return proven || ask->limit == 0 ? RECS_OK
                                     : attempt(&lens, work, true, host, count, error);
}
