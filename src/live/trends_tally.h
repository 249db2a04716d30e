/* trends_tally.h - no actor carries more than a stated share of a place.
 *
 * A window of actors (trends_actors.h) has E entries, n of them of one actor.
 * What he may carry is M = max(32, share * 2^floor(log2 E)), so at most the
 * share (option actor_share) of all entries, or 32 of them. An actor with
 * more is of level l, the least with n <= M 2^l, and each of his entries
 * weighs 2^-l of what it would: in all he counts like M entries at most.
 *
 * Levels follow from the set of entries alone, so that neither order nor
 * merging shows; what was counted before a level changed is corrected as long
 * as the window is remembered, and stays as it is then. */
#ifndef RECS_LIVE_TRENDS_TALLY_H
#define RECS_LIVE_TRENDS_TALLY_H

#include "live/trends_actors.h"

enum {
    RECS__TREND_BASKET = 32, /* entries that any actor may have */
    RECS__TREND_LEVELS_MOST = 12
};

/* An actor's entries in a window. count 0: free. */
typedef struct recs__trend_tally {
    uint64_t actor;
    uint32_t count;
    uint16_t level; /* by which his entries are counted now */
    uint16_t next;  /* the one they are brought to          */
} recs__trend_tally;

/* What an entry's weight is at a level: never nothing. */
static inline uint32_t recs__trend_levelled(uint32_t weight, uint32_t level) {
    uint32_t less = weight >> level;
    return less != 0 ? less : 1;
}

/* Room for so many more entries' actors, beside the window's reserved ones. */
recs_status recs__trend_tally_room(recs_trends *trends, recs__trend_window *window, uint32_t more,
                                   recs_error *error);
/* Asks for the line where an actor's is likely to be. */
void recs__trend_tally_ask(const recs__trend_window *window, uint64_t actor);
/* After an entry of the actor was added: his level, not yet settled. */
uint32_t recs__trend_tally_count(const recs_trends *trends, recs__trend_window *window,
                                 uint64_t actor);
uint32_t recs__trend_tally_level(const recs__trend_window *window, uint64_t actor);
/* Of a window with tallies alone (trends_merge.c): one more of the actor's, within the room;
 * and the level that follows. */
void recs__trend_tally_enter(recs__trend_window *window, uint64_t actor);
uint32_t recs__trend_tally_level_of(const recs_trends *trends, const recs__trend_window *window,
                                    uint64_t actor);
/* Brings what is counted at a node to the levels that follow from the entries.
 * newest: slots of the state's newest time. Under the lock. Cost: nothing where no
 * level changed, else a pass over the windows whose levels did. */
void recs__trend_tally_settle(recs_trends *trends, recs__trend_node *node,
                              const int32_t *newest);
void recs__trend_tally_clear(recs__trend_window *window);
void recs__trend_tally_free(recs_trends *trends, recs__trend_window *window);

#endif
