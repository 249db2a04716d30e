/* trends_pending.c - the desks of trends_pending.h. A desk's lock is taken before all
 * other locks of the state and held while its events are counted.
 *
 * The more events are counted together the less each costs (of 512 half as much again as of 4,096),
 * but whoever reads the state counts what waits first. So a desk that filled CALM times
 * while nobody read takes twice as many from then on, up to RECS__TREND_WAIT_LONG; a reader
 * that finds something waiting brings it back to RECS__TREND_WAIT. */
#include "live/trends_pending.h"

#include "live/trends_share.h"

#include <string.h>

enum { DESKS = 16, CALM = 16 };

typedef struct desk {
    _Alignas(64) pthread_mutex_t lock;
    uint32_t count;
    uint32_t generation; /* of the process the events came in (share.generation) */
    uint32_t limit, room; /* counted at so many; there is room for so many */
    uint32_t calm;        /* times it filled since somebody read the state */
    recs__trend_event *events;
    uint32_t *places; /* behind the events, in their block */
} desk;

struct recs__trend_desks {
    desk desks[DESKS];
};

/* ---- made and freed ------------------------------------------------------------------ */

void recs__trend_desks_free(recs_trends *trends) {
    struct recs__trend_desks *all = atomic_load(&trends->share->desks);
    if (all == NULL)
        return;
    for (int d = 0; d < DESKS; d++) {
        pthread_mutex_destroy(&all->desks[d].lock);
        recs__free(&trends->host, all->desks[d].events);
    }
    recs__free_aligned(&trends->host, all);
    atomic_store(&trends->share->desks, NULL);
}

static struct recs__trend_desks *desks_of(recs_trends *trends) {
    recs__trend_share *share = trends->share;
    struct recs__trend_desks *all = atomic_load_explicit(&share->desks, memory_order_acquire);
    if (all != NULL)
        return all;
    pthread_mutex_lock(&share->lock);
    all = atomic_load_explicit(&share->desks, memory_order_relaxed);
    if (all == NULL)
        all = recs__alloc_aligned(&trends->host, 1, sizeof *all, NULL);
    if (all != NULL && atomic_load_explicit(&share->desks, memory_order_relaxed) == NULL) {
        memset(all, 0, sizeof *all);
        for (int d = 0; d < DESKS; d++)
            pthread_mutex_init(&all->desks[d].lock, NULL); /* cannot fail here */
        atomic_fetch_add_explicit(&trends->memory, sizeof *all, memory_order_relaxed);
        atomic_store_explicit(&share->desks, all, memory_order_release);
    }
    pthread_mutex_unlock(&share->lock);
    return all;
}

/* The desk of the calling thread. */
static uint32_t desk_number(void) {
    uint64_t self = (uint64_t)(uintptr_t)pthread_self();
    return (uint32_t)(self * UINT64_C(0x9e3779b97f4a7c15) >> 60);
}

/* Room for so many events at an empty desk. Without memory it stays as it is. */
static bool desk_room(recs_trends *trends, desk *d, uint32_t room) {
    size_t size = sizeof *d->events + sizeof *d->places;
    recs__trend_event *events = recs__alloc(&trends->host, room, size, NULL);
    if (events == NULL)
        return false;
    atomic_fetch_add_explicit(&trends->memory, (room - d->room) * size, memory_order_relaxed);
    recs__free(&trends->host, d->events);
    d->events = events;
    d->places = (uint32_t *)(void *)(events + room);
    d->room = d->limit = room;
    return true;
}

/* ---- counting ---------------------------------------------------------------------------- */

/* Events before the first that is in a later time of actors than the first is, so that
 * actors are remembered as the same events one by one would. */
static uint32_t stretch(const recs_trends *trends, const recs__trend_event *events,
                        uint32_t count) {
    int64_t actors = trends->options.actors;
    if (actors == 0)
        return count;
    for (uint32_t e = 1; e < count; e++)
        if (events[e].time / actors > events[0].time / actors)
            return e;
    return count;
}

/* Under the desk's lock. */
static recs_status count_all(recs_trends *trends, desk *d, recs_error *error) {
    recs__trend_share *share = trends->share;
    recs_status status = recs__trend_renew(trends, error);
    if (status != RECS_OK)
        return status;
    uint32_t generation = atomic_load_explicit(&share->generation, memory_order_relaxed), done = 0;
    if (d->generation != generation)
        d->count = 0; /* the parent has them */
    d->generation = generation;
    while (done < d->count && status == RECS_OK) {
        uint32_t some = stretch(trends, d->events + done, d->count - done);
        status = recs__trend_add_waiting(trends, d->events + done, d->places + done, some, error);
        done += status == RECS_OK ? some : 0;
    }
    d->count -= done;
    if (d->count != 0 && done != 0) {
        memmove(d->events, d->events + done, d->count * sizeof *d->events);
        memmove(d->places, d->places + done, d->count * sizeof *d->places);
    }
    return status;
}

/* A full desk's, under its lock. */
static recs_status count_full(recs_trends *trends, desk *d, recs_error *error) {
    recs_status status = count_all(trends, d, error);
    if (status != RECS_OK || ++d->calm < CALM || d->limit == RECS__TREND_WAIT_LONG)
        return status;
    d->calm = 0;
    if (d->limit < d->room)
        d->limit *= 2;
    else
        (void)desk_room(trends, d, 2 * d->room);
    return status;
}

recs_status recs__trend_wait(recs_trends *trends, const recs__trend_event *event, uint32_t place,
                             recs_error *error) {
    recs__trend_share *share = trends->share;
    struct recs__trend_desks *all = desks_of(trends);
    if (all == NULL)
        return RECS_ERR_UNSUPPORTED;
    recs_status status = recs__trend_renew(trends, error);
    if (status != RECS_OK)
        return status;
    uint32_t number = desk_number(), generation;
    desk *d = &all->desks[number];
    pthread_mutex_lock(&d->lock);
    generation = atomic_load_explicit(&share->generation, memory_order_relaxed);
    if (d->generation != generation) {
        d->count = 0;
        d->generation = generation;
    }
    if (d->events == NULL && !desk_room(trends, d, RECS__TREND_WAIT))
        status = RECS_ERR_UNSUPPORTED;
    if (status == RECS_OK && d->count >= d->limit)
        status = count_full(trends, d, error);
    if (status == RECS_OK) {
        d->events[d->count] = *event;
        d->places[d->count] = place;
        if (d->count++ == 0)
            atomic_fetch_or_explicit(&share->waiting, UINT32_C(1) << number,
                                     memory_order_release);
    }
    pthread_mutex_unlock(&d->lock);
    return status;
}

recs_status recs__trend_settle(recs_trends *trends, recs_error *error) {
    recs__trend_share *share = trends->share;
    recs_status status = RECS_OK;
    uint32_t waiting = atomic_load_explicit(&share->waiting, memory_order_acquire);
    if (waiting == 0)
        return RECS_OK;
    struct recs__trend_desks *all = atomic_load_explicit(&share->desks, memory_order_acquire);
    for (; waiting != 0 && status == RECS_OK; waiting &= waiting - 1) {
        uint32_t number = (uint32_t)__builtin_ctz(waiting);
        desk *d = &all->desks[number];
        pthread_mutex_lock(&d->lock);
        status = count_all(trends, d, error);
        d->limit = RECS__TREND_WAIT;
        d->calm = 0;
        if (d->count == 0)
            atomic_fetch_and_explicit(&share->waiting, ~(UINT32_C(1) << number),
                                      memory_order_relaxed);
        pthread_mutex_unlock(&d->lock);
    }
    return status;
}

void recs__trend_settle_quietly(const recs_trends *trends) {
    if (atomic_load_explicit(&trends->share->waiting, memory_order_acquire) != 0)
        (void)recs__trend_settle((recs_trends *)(uintptr_t)trends, NULL);
}
