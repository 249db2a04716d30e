/* trends_pending.c - the desks of trends_pending.h. A desk's lock is taken before all
 * other locks of the state and held while its events are counted. */
#include "live/trends_pending.h"

#include "live/trends_share.h"

#include <string.h>

enum { DESKS = 16 };

/* What one desk may hold. */
typedef struct queue {
    recs__trend_event events[RECS__TREND_WAIT];
    uint32_t places[RECS__TREND_WAIT];
} queue;

typedef struct desk {
    _Alignas(64) pthread_mutex_t lock;
    uint32_t count;
    uint32_t generation; /* of the process the events came in (share.generation) */
    queue *queue;
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
        recs__free(&trends->host, all->desks[d].queue);
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
        uint32_t some = stretch(trends, d->queue->events + done, d->count - done);
        status = recs__trend_add_waiting(trends, d->queue->events + done,
                                         d->queue->places + done, some, error);
        done += status == RECS_OK ? some : 0;
    }
    d->count -= done;
    if (d->count != 0 && done != 0) {
        memmove(d->queue->events, d->queue->events + done, d->count * sizeof *d->queue->events);
        memmove(d->queue->places, d->queue->places + done, d->count * sizeof *d->queue->places);
    }
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
    if (d->queue == NULL) {
        d->queue = recs__alloc(&trends->host, 1, sizeof *d->queue, NULL);
        if (d->queue == NULL)
            status = RECS_ERR_UNSUPPORTED;
        else
            atomic_fetch_add_explicit(&trends->memory, sizeof *d->queue, memory_order_relaxed);
    }
    if (status == RECS_OK && d->count == RECS__TREND_WAIT)
        status = count_all(trends, d, error);
    if (status == RECS_OK) {
        d->queue->events[d->count] = *event;
        d->queue->places[d->count] = place;
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
