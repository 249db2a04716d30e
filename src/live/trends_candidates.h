/* trends_candidates.h - what the files that gather candidates of a ranking share: one
 * place after another (trends_gather.c), several as one (trends_near.c). */
#ifndef RECS_LIVE_TRENDS_CANDIDATES_H
#define RECS_LIVE_TRENDS_CANDIDATES_H

#include "live/trends_lens.h"
#include "live/trends_old.h"
#include "live/trends_ready.h"
#include "live/trends_score.h"

enum { RECS__TREND_AHEAD = 16 }; /* cells asked for before their turn */

/* Count and baseline of what is left of sums after returns: in the asked series, and in
 * the longest half-life in all. */
static inline recs__trend_seen_count recs__trend_from_net(double net, double whole) {
    double count = net > 0.0 ? net : 0.0;
    return (recs__trend_seen_count){count, recs__trend_rest(whole, count)};
}

/* Asks for the line of an item's cell. Under the lock. */
static inline void recs__trend_ask_for(const recs_trends *trends, const recs__trend_node *node,
                           uint32_t item) {
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    if (capacity != 0)
        __builtin_prefetch(recs__trend_at(trends, cells, recs__trend_home(item, capacity)));
}

/* Position of an item among the candidates, UINT32_MAX when it is none. */
static inline uint32_t recs__trend_candidate_of(const recs__trend_work *work, uint32_t item, uint32_t *at) {
    uint32_t mask = (uint32_t)(work->index_size - 1);
    *at = (uint32_t)((uint64_t)(item * UINT32_C(0x9e3779b1)) * work->index_size >> 32);
    while (work->index[*at] != 0 && work->items[work->index[*at] - 1] != item)
        *at = (*at + 1) & mask;
    return work->index[*at] - 1;
}

/* Where a candidate's counts are, which may be a new one: then -1 stands for each level
 * whose candidates do not have the item. There is room. */
static inline uint32_t recs__trend_take_candidate(recs__trend_work *work, uint32_t item) {
    uint32_t at = 0, c = work->indexed ? recs__trend_candidate_of(work, item, &at) : UINT32_MAX;
    if (c != UINT32_MAX)
        return c;
    c = (uint32_t)work->count++;
    work->items[c] = item;
    work->least[c] = 0.0;
    for (uint32_t l = 0; l < work->stride; l++)
        work->counts[(size_t)c * work->stride + l] = (recs__trend_seen_count){-1.0, 0.0};
    if (work->indexed)
        work->index[at] = c + 1;
    return c;
}

static inline bool recs__trend_asked_for(const recs__trend_lens *lens, uint32_t item) {
    const recs__trend_ask *ask = lens->ask;
    return item < RECS__TREND_ITEMS &&
           !(lens->known_old &&
             recs__trend_is_old(lens->trends, item, lens->slots[lens->trends->options.base],
                                ask->time - lens->trends->options.new_within)) &&
           (ask->allowed == NULL || ask->allowed(ask->data, item));
}

static inline void recs__trend_set_counts(const recs__trend_lens *lens, recs__trend_work *work, uint32_t c,
                              uint32_t l, recs__trend_seen_count seen) {
    const recs__trend_level *level = &work->level[l];
    recs__trend_seen_count *at = &work->counts[(size_t)c * work->stride + l];
    if (at->count >= 0.0)
        return; /* on two lists */
    *at = seen;
    work->least[c] += level->per_count * seen.count;
    if (lens->leans)
        work->least[c] += level->per_base * (seen.count + seen.baseline);
}

/* Room for so many more. */
recs_status recs__trend_candidate_room(recs__trend_work *work, const recs_host *host, size_t more,
                                       recs_error *error);
/* The list a ranking reads of a tier's, and whether its bar bounds the asked series now. */
uint32_t recs__trend_list_of(const recs__trend_lens *lens, bool *bounded);

/* ---- trends_near.c: the first level, of several places ---- */

/* Traffic and actors of all. */
void recs__trend_measure_near(const recs__trend_lens *lens, recs__trend_level *level);
/* Their candidates, counted over all of them; level.bar: what another item counts at most. */
recs_status recs__trend_gather_near(const recs__trend_lens *lens, recs__trend_work *work,
                                    recs__trend_depth depth, const recs_host *host,
                                    recs_error *error);
/* Looks up what is not known of work->chosen. */
void recs__trend_complete_near(const recs__trend_lens *lens, recs__trend_work *work,
                               const uint32_t *chosen, size_t count);

#endif
