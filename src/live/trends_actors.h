/* trends_actors.h - who was counted at a node: each actor once per item and
 * window of time, and how many different ones. Under the lock of the node's
 * stripe. */
#ifndef RECS_LIVE_TRENDS_ACTORS_H
#define RECS_LIVE_TRENDS_ACTORS_H

#include "live/trends_add.h"

/* One actor's entry for one item (or its returns) in one window: his heaviest
 * weight and his earliest time, so that joining entries is associative,
 * commutative and idempotent. weight 0: a free entry. */
typedef struct recs__trend_seen {
    uint64_t actor;
    uint32_t item;
    uint32_t weight; /* in steps of 2^-12 */
    uint32_t time;   /* milliseconds from the window's beginning */
    uint32_t spare;
} recs__trend_seen;

struct recs__trend_tally; /* trends_tally.h */

/* The entries of one window: open addressing, at most 3/4 full. */
typedef struct recs__trend_window {
    int32_t slot; /* floor(time / options.actors); -1: none yet */
    uint32_t capacity, used, reserved;
    recs__trend_seen *seen;
    struct recs__trend_tally *tallies; /* by actor, once there are enough entries */
    uint32_t tally_capacity, tallied;
    uint32_t over;  /* actors beyond their share as it was last settled */
    bool unsettled; /* some actor's level may have changed              */
} recs__trend_window;

/* The smallest (mixed) hashes of actors in a slot of one longest half-life. */
typedef struct recs__trend_sketch {
    int32_t slot;
    uint16_t count, capacity; /* at most RECS__TREND_SKETCH */
    uint32_t reserved;
    uint64_t *hashes;         /* ascending */
} recs__trend_sketch;

typedef struct recs__trend_actors {
    recs__trend_sketch sketches[2]; /* by slot & 1           */
    recs__trend_window windows[];   /* by slot % actors_kept */
} recs__trend_actors;

/* Room for an actor's event; counted as reserved until it is joined or the
 * reservation is given back. */
recs_status recs__trend_actors_room(recs_trends *trends, recs__trend_node *node,
                                    const recs__trend_event *event, recs_error *error);
void recs__trend_actors_unroom(recs_trends *trends, recs__trend_node *node,
                               const recs__trend_event *event);

/* Asks for the lines where an actor's entry is likely to be. */
void recs__trend_actors_ask(const recs_trends *trends, const recs__trend_node *node,
                            const recs__trend_event *event);

typedef enum recs__trend_join {
    RECS__TREND_JOIN_NEW,    /* counts                                        */
    RECS__TREND_JOIN_SAME,   /* counted before, nothing changes               */
    RECS__TREND_JOIN_KNOWN,  /* nor does the sketch: this place has had all of the
                                event, and so has every place above             */
    RECS__TREND_JOIN_MORE,   /* counted before: *before is to be taken back
                                and *event, now the joined one, to be counted */
    RECS__TREND_JOIN_LATE    /* its window is gone                            */
} recs__trend_join;

/* Joins an event (whose room was reserved) into its window and its sketch.
 * before->weight and time are filled for MORE. *level: of the actor in that
 * window, unless SAME or LATE (trends_tally.h). */
recs__trend_join recs__trend_actors_join(recs_trends *trends, recs__trend_node *node,
                                         recs__trend_event *event, recs__trend_event *before,
                                         uint32_t *level);

/* recs__trend_count for an actor's event: joined first (trends_count.c). */
recs__trend_join recs__trend_count_actor(recs_trends *trends, recs__trend_node *node,
                                         const recs__trend_event *event,
                                         recs__trend_record *record, const int32_t *newest,
                                         int64_t now, uint32_t *stopped);

/* Takes back what an actor's event had counted at an item (or the total) and counts what
 * it now counts. */
void recs__trend_correct(recs_trends *trends, recs__trend_node *node, uint32_t item,
                         recs__trend_record *before, recs__trend_record *after);

/* For merging (trends_merge.c): a node's actors with whole sketches; room for so
 * many entries in the window of a time, and back; one (mixed) hash into the
 * sketch `back` slots before that of a time. */
recs_status recs__trend_actors_open(recs_trends *trends, recs__trend_node *node,
                                    recs_error *error);
recs_status recs__trend_actors_window_room(recs_trends *trends, recs__trend_node *node,
                                           int64_t time, uint32_t entries, recs_error *error);
void recs__trend_actors_window_unroom(recs_trends *trends, recs__trend_node *node, int64_t time,
                                      uint32_t entries);
void recs__trend_actors_hash(const recs_trends *trends, recs__trend_node *node, int64_t time,
                             int32_t back, uint64_t hash);

/* Distinct actors in the newest two slots; *exact false for an estimate. */
double recs__trend_actors_count(const recs_trends *trends, const recs__trend_node *node,
                                bool *exact);

/* Whether they are so many at least: no more of them are looked at than it takes. */
bool recs__trend_actors_reach(const recs_trends *trends, const recs__trend_node *node,
                              uint32_t least);

/* The union of several nodes: joins the hashes of one into kept, ascending, room for
 * RECS__TREND_SKETCH (*count 0 before the first); then how many they stand for. */
void recs__trend_actors_unite(const recs_trends *trends, const recs__trend_node *node,
                              uint64_t *kept, uint32_t *count);
double recs__trend_actors_united(const uint64_t *kept, uint32_t count);

/* A window's memory given back; its entries forgotten. */
void recs__trend_window_free(recs_trends *trends, recs__trend_window *window);
void recs__trend_window_clear(recs__trend_window *window);
void recs__trend_actors_free(recs_trends *trends, recs__trend_node *node);

#endif
