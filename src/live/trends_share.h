/* trends_share.h - what a state knows of origins, and its deltas. */
#ifndef RECS_LIVE_TRENDS_SHARE_H
#define RECS_LIVE_TRENDS_SHARE_H

#include "live/trends_add.h"
#include "live/trends_snapshot.h"

/* A closed delta. */
typedef struct recs__trend_piece {
    uint64_t from, to;
    unsigned char *bytes;
    size_t size;
} recs__trend_piece;

/* One piece of events as it was counted, for counting it again. */
typedef struct recs__trend_logged {
    uint32_t count;
    int64_t newest; /* the state's, when they were counted */
} recs__trend_logged;

/* Events since the last fold, and the counts of those before, since the last
 * delta. Under share.log_lock. */
typedef struct recs__trend_log {
    recs__trend_event *events;
    uint32_t *places;
    recs__trend_logged *pieces;
    size_t count, piece_count, event_capacity, place_capacity, piece_capacity;
    recs_trends *running; /* NULL: nothing folded */
    uint64_t from;        /* where the running delta begins */
} recs__trend_log;

typedef struct recs__trend_share {
    pthread_mutex_t lock; /* snapshots, merges, deltas, one at a time; origins */
    recs__fork_mark fork;
    recs__origin own;
    recs__origins others;           /* under lock and the gate            */
    _Atomic uint64_t sequence;      /* events counted here                */
    _Atomic int64_t actors_from;    /* oldest time an actor was counted at */
    pthread_cond_t gate;            /* with trends->scratch_lock          */
    uint32_t adding;
    bool holding;
    pthread_mutex_t log_lock;
    _Atomic bool following;
    recs__trend_log log;
    _Atomic(struct recs__trend_desks *) desks; /* trends_pending.c; NULL: not needed yet */
    atomic_uint waiting;                       /* bit d: events wait at desk d            */
    _Atomic uint32_t generation;               /* of processes: one more after each fork  */
    _Atomic int64_t clock;                     /* a time that the host's clock has shown  */
    recs__trend_piece *pieces; /* ascending, contiguous; under lock */
    size_t piece_count, piece_capacity, piece_bytes, keep;
} recs__trend_share;

recs_status recs__trend_share_create(recs_trends *trends, recs_error *error);
void recs__trend_share_destroy(recs_trends *trends);

/* ---- the gate: adders inside, or one who lets none in --------------------------- */

/* Before an adder enters: in a child the state gets an origin of its own. */
recs_status recs__trend_renew(recs_trends *trends, recs_error *error);
recs_status recs__trend_renew_locked(recs_trends *trends, recs_error *error);
/* Under scratch_lock. */
void recs__trend_enter(recs_trends *trends);
void recs__trend_leave(recs_trends *trends);
/* Under share.lock: waits until nobody adds, and lets nobody in until opened. */
void recs__trend_hold(recs_trends *trends);
void recs__trend_open(recs_trends *trends);
/* Keeps the state within its budget (trends_budget.c). */
void recs__trend_maintain(recs_trends *trends);
/* Inside: so many events were counted, the oldest of an actor at a time
 * (RECS__IMAGE_NO_ACTORS: none of actors). */
void recs__trend_counted(recs_trends *trends, uint64_t events, int64_t actors_from);

/* ---- the log (trends_delta.c) ------------------------------------------------------ */

/* Before a piece is counted: room for its events where they are followed, and
 * the turn, which counted or not gives back. */
recs_status recs__trend_log_room(recs_trends *trends, uint32_t count, bool *turn,
                                 recs_error *error);
void recs__trend_log_add(recs_trends *trends, const recs__trend_event *events,
                         const uint32_t *places, uint32_t count, int64_t newest);
void recs__trend_log_done(recs_trends *trends, bool *turn);
/* Ends the running delta: a new piece, or nothing when it is empty. */
recs_status recs__trend_log_close(recs_trends *trends, recs_error *error);
/* In a child: what was followed is the parent's. */
void recs__trend_log_drop(recs_trends *trends);
void recs__trend_log_free(recs_trends *trends);

/* Events that waited (trends_pending.c), counted and logged as a batch is. MEMORY:
 * nothing was counted. */
recs_status recs__trend_add_waiting(recs_trends *trends, const recs__trend_event *events,
                                    const uint32_t *places, uint32_t count, recs_error *error);

/* Events that another state counted, counted here as they were there (newest:
 * that state's then). Handles are this state's. */
recs_status recs__trend_add_events(recs_trends *trends, const recs__trend_event *events,
                                   const uint32_t *places, uint32_t count, int64_t newest,
                                   recs_error *error);

#endif
