/* trends_pending.h - events added one by one wait at a desk until there are enough to
 * be counted together, or until somebody wants to know.
 *
 * A desk is a short queue under a lock of its own; a thread comes to the same one
 * each time, so threads that add seldom meet. What an event's rules need (clock, weight, handles)
 * is checked as it comes; it is counted when its desk has RECS__TREND_WAIT of them
 * (up to RECS__TREND_WAIT_LONG where nobody has read the state for long), or when anything that reads the state settles all desks first: queries,
 * snapshots, deltas, merges, counters, batches. So nobody ever sees a state without an
 * event whose call had returned. After fork() what waits is the parent's. */
#ifndef RECS_LIVE_TRENDS_PENDING_H
#define RECS_LIVE_TRENDS_PENDING_H

#include "live/trends_add.h"

enum { RECS__TREND_WAIT = 512, RECS__TREND_WAIT_LONG = 4096 };

/* Takes an event (checked by the caller) whose handles are valid; now: a time that the
 * clock has shown. RECS_ERR_UNSUPPORTED (without a text): no memory for a desk, count it
 * at once. MEMORY: the desk was full and could not be counted; the event is not taken. */
recs_status recs__trend_wait(recs_trends *trends, const recs__trend_event *event, uint32_t place,
                             recs_error *error);

/* Counts all that waits. MEMORY: what could not be counted goes on waiting. Cost:
 * one load where nothing waits. */
recs_status recs__trend_settle(recs_trends *trends, recs_error *error);
/* For readers that cannot fail: what finds no memory is not in what they say. */
void recs__trend_settle_quietly(const recs_trends *trends);

void recs__trend_desks_free(recs_trends *trends);

#endif
