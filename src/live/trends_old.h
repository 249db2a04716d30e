/* trends_old.h - since when items are known at all, so that lists of new items are not
 * full of what has long been known elsewhere.
 *
 * Eight bytes an item: the era (1 + the newest slot of the base series) and the second in
 * it that the item's first appearance anywhere is not after. Within an era a first
 * appearance only moves back, since it is only forgotten with a slot; so a number may be
 * written and read by anyone without a lock. It is never needed for an answer to be right,
 * only for one to be found soon. Written when the root gets a cell of the item, when its
 * lists are made, and by questions that looked an item up.
 *
 * A state with a budget keeps none: within it items may be forgotten and found anew at any
 * time. */
#ifndef RECS_LIVE_TRENDS_OLD_H
#define RECS_LIVE_TRENDS_OLD_H

#include "live/trends_state.h"

/* Where the seconds of an era begin: with the older of the two slots that are kept. */
static inline int64_t recs__trend_era_begin(const recs_trends *trends, int32_t base_slot) {
    return (base_slot - 1) * trends->options.series[trends->options.base].width;
}

/* Whether an item is known to have appeared at `since` (ms) or before. */
static inline bool recs__trend_is_old(const recs_trends *trends, uint32_t item,
                                      int32_t base_slot, int64_t since) {
    if (since < atomic_load_explicit(&trends->oldest_known, memory_order_relaxed))
        return false;
    uint32_t within, chunk = recs__trend_chunk(item, &within);
    _Atomic uint64_t *known = atomic_load_explicit(&trends->known[chunk], memory_order_acquire);
    if (known == NULL)
        return false;
    uint64_t at = atomic_load_explicit(&known[within], memory_order_relaxed);
    return at >> 32 == (uint64_t)(uint32_t)base_slot + 1 &&
           recs__trend_era_begin(trends, base_slot) + (int64_t)(uint32_t)at * 1000 <= since;
}

/* Asks for the line of an item's number. */
static inline void recs__trend_expect_known(const recs_trends *trends, uint32_t item) {
    uint32_t within, chunk = recs__trend_chunk(item, &within);
    _Atomic uint64_t *known = atomic_load_explicit(&trends->known[chunk], memory_order_acquire);
    if (known != NULL)
        __builtin_prefetch((const void *)(uintptr_t)&known[within]);
}

/* The item appeared at a time (ms) or before. Without memory nothing is kept. */
void recs__trend_set_known(recs_trends *trends, uint32_t item, int32_t base_slot, int64_t time);
void recs__trend_known_free(recs_trends *trends);

#endif
