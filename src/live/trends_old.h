/* trends_old.h - items known not to be new any more, so that lists of new items are
 * not full of them: what is new at a place may have been known elsewhere for long.
 *
 * One number an item, the era it was found old in: 1 + the newest slot of the base series.
 * Within an era nothing old becomes new again, since a first appearance is only
 * forgotten with a slot. So a number may be written and read by anyone without a lock; it
 * is never needed for an answer to be right, only for one to be found soon. (In a byte eras
 * would come back, after 255 slots, and hide what is new then.) Queries
 * that meet an old item say so, and the root's lists when they are made.
 *
 * A state with a budget keeps none: within it items may be forgotten and found anew at any
 * time, and what questions leave behind would be taken from counts. */
#ifndef RECS_LIVE_TRENDS_OLD_H
#define RECS_LIVE_TRENDS_OLD_H

#include "live/trends_state.h"

static inline uint32_t recs__trend_era(int32_t base_slot) { return (uint32_t)base_slot + 1; }

static inline bool recs__trend_is_old(const recs_trends *trends, uint32_t item,
                                      int32_t base_slot) {
    uint32_t within, chunk = recs__trend_chunk(item, &within);
    _Atomic uint32_t *eras = atomic_load_explicit(&trends->olds[chunk], memory_order_acquire);
    return eras != NULL && atomic_load_explicit(&eras[within], memory_order_relaxed) ==
                               recs__trend_era(base_slot);
}

/* Without memory nothing is kept. */
void recs__trend_set_old(recs_trends *trends, uint32_t item, int32_t base_slot);
void recs__trend_olds_free(recs_trends *trends);

#endif
