/* trends_delta.c - what a state counted itself, in pieces that others merge.
 *
 * Events are logged as they are counted (28 bytes each); 262,144 of them are
 * folded into a second state, `running`, which so holds what was counted since
 * the last delta ended. Closing writes its snapshot as a delta and drops it.
 * Folding counts the same events under the same newest time as the first time,
 * so what was accepted then is accepted now.
 *
 * Invariants: (1) pieces are contiguous and ascend, the last one ends where the
 * running delta begins; (2) an event is in the log before its adder leaves the
 * gate; (3) a failed allocation leaves the log as it was, or shorter by what
 * was folded. */
#include "live/trends_share.h"

#include "live/trends_bounded.h"
#include "live/trends_mapped.h"
#include "live/trends_pending.h"
#include "recs/trends_share.h"

#include <inttypes.h>

enum { FOLD_AT = 1 << 18 };

/* ---- the log ---------------------------------------------------------------------- */

static recs_status log_grow(recs_trends *trends, recs__trend_log *log, size_t events,
                            size_t pieces, recs_error *error) {
    const recs_host *host = &trends->host;
    void *e = log->events, *p = log->places, *l = log->pieces;
    recs_status status =
        recs__grow(host, &e, &log->event_capacity, events, sizeof *log->events, error);
    log->events = e;
    if (status == RECS_OK)
        status = recs__grow(host, &p, &log->place_capacity, events, sizeof *log->places, error);
    log->places = p;
    if (status == RECS_OK)
        status = recs__grow(host, &l, &log->piece_capacity, pieces, sizeof *log->pieces, error);
    log->pieces = l;
    return status;
}

/* Handles of this state to those of the running one; 0: not yet asked, else
 * handle + 1. */
typedef struct translation {
    uint32_t *items, *nodes;
    recs__trend_event *events;
    uint32_t *places;
} translation;

static recs_status translate_item(recs_trends *trends, translation *t, uint32_t *item,
                                  recs_error *error) {
    uint32_t handle = *item & ~RECS__TREND_RETURNED, to;
    recs_status status = RECS_OK;
    if (t->items[handle] == 0) {
        recs__trend_text name = recs__trend_names_get(&trends->items, handle);
        recs_trends *running = trends->share->log.running;
        status = recs__trend_names_take(&running->items, &running->host, name.text, name.size,
                                        RECS__TREND_ITEMS, &to, error);
        if (status == RECS_OK)
            t->items[handle] = to + 1;
    }
    *item = (t->items[handle] - 1) | (*item & RECS__TREND_RETURNED);
    return status;
}

static recs_status translate_place(recs_trends *trends, translation *t, uint32_t *place,
                                   recs_error *error) {
    uint32_t handle = *place, to;
    recs_status status = RECS_OK;
    if (t->nodes[handle] == 0) {
        const recs__trend_node *node = recs__trend_node_at(trends, handle);
        recs__trend_text path = recs__trend_names_get(&trends->paths, node->name);
        recs__trend_text segment = {0};
        if (node->segment != UINT32_MAX)
            segment = recs__trend_names_get(&trends->segments, node->segment);
        status = recs__trend_node_take(trends->share->log.running, path.text, path.size,
                                       segment.text, segment.size, &to, error);
        if (status == RECS_OK)
            t->nodes[handle] = to + 1;
    }
    *place = t->nodes[handle] - 1;
    return status;
}

static recs_status fold_piece(recs_trends *trends, translation *t, size_t first,
                              const recs__trend_logged *piece, recs_error *error) {
    recs__trend_log *log = &trends->share->log;
    recs_status status = RECS_OK;
    for (uint32_t i = 0; i < piece->count && status == RECS_OK; i++) {
        t->events[i] = log->events[first + i];
        t->places[i] = log->places[first + i];
        status = translate_item(trends, t, &t->events[i].item, error);
        if (status == RECS_OK)
            status = translate_place(trends, t, &t->places[i], error);
    }
    if (status == RECS_OK)
        status = recs__trend_add_events(log->running, t->events, t->places, piece->count,
                                        piece->newest, error);
    return status;
}

/* Counts the log into the running state. Under log_lock. */
static recs_status fold(recs_trends *trends, recs_error *error) {
    recs__trend_log *log = &trends->share->log;
    const recs_host *host = &trends->host;
    translation t = {0};
    recs_status status = RECS_OK;
    if (log->piece_count == 0)
        return RECS_OK;
    if (log->running == NULL)
        status = recs_trends_create(&log->running, trends->description, host, error);
    if (status == RECS_OK) {
        t.items = recs__alloc_zero(host, recs_trends_item_count(trends), sizeof *t.items, error);
        t.nodes = recs__alloc_zero(host, recs_trends_place_count(trends), sizeof *t.nodes, error);
        t.events = recs__alloc(host, RECS__TREND_PIECE, sizeof *t.events, error);
        t.places = recs__alloc(host, RECS__TREND_PIECE, sizeof *t.places, error);
        if (t.items == NULL || t.nodes == NULL || t.events == NULL || t.places == NULL)
            status = RECS_ERR_MEMORY;
    }
    size_t done = 0, first = 0;
    while (done < log->piece_count && status == RECS_OK) {
        status = fold_piece(trends, &t, first, &log->pieces[done], error);
        if (status == RECS_OK)
            first += log->pieces[done++].count;
    }
    if (done != 0) {
        log->count -= first;
        log->piece_count -= done;
        memmove(log->events, log->events + first, log->count * sizeof *log->events);
        memmove(log->places, log->places + first, log->count * sizeof *log->places);
        memmove(log->pieces, log->pieces + done, log->piece_count * sizeof *log->pieces);
    }
    recs__free(host, t.items);
    recs__free(host, t.nodes);
    recs__free(host, t.events);
    recs__free(host, t.places);
    return status;
}

recs_status recs__trend_log_room(recs_trends *trends, uint32_t count, bool *turn,
                                 recs_error *error) {
    recs__trend_share *share = trends->share;
    *turn = false;
    if (!atomic_load_explicit(&share->following, memory_order_acquire))
        return RECS_OK;
    pthread_mutex_lock(&share->log_lock);
    *turn = true;
    if (share->log.count >= FOLD_AT)
        (void)fold(trends, NULL); /* no memory now: the log grows until there is */
    recs_status status = log_grow(trends, &share->log, share->log.count + count,
                                  share->log.piece_count + 1, error);
    if (status != RECS_OK)
        recs__trend_log_done(trends, turn);
    return status;
}

void recs__trend_log_add(recs_trends *trends, const recs__trend_event *events,
                         const uint32_t *places, uint32_t count, int64_t newest) {
    recs__trend_log *log = &trends->share->log;
    memcpy(log->events + log->count, events, count * sizeof *events);
    memcpy(log->places + log->count, places, count * sizeof *places);
    log->count += count;
    log->pieces[log->piece_count++] = (recs__trend_logged){count, newest};
}

void recs__trend_log_done(recs_trends *trends, bool *turn) {
    if (*turn)
        pthread_mutex_unlock(&trends->share->log_lock);
    *turn = false;
}

/* ---- pieces ------------------------------------------------------------------------- */

static void drop_first(recs_trends *trends) {
    recs__trend_share *share = trends->share;
    recs__free(&trends->host, share->pieces[0].bytes);
    share->piece_bytes -= share->pieces[0].size;
    share->piece_count--;
    memmove(share->pieces, share->pieces + 1, share->piece_count * sizeof *share->pieces);
}

static void drop_running(recs_trends *trends, uint64_t from) {
    recs__trend_log *log = &trends->share->log;
    recs_trends_destroy(log->running);
    log->running = NULL;
    log->count = log->piece_count = 0;
    log->from = from;
}

/* Under lock and log_lock. */
static recs_status close_running(recs_trends *trends, recs_error *error) {
    recs__trend_share *share = trends->share;
    uint64_t to = atomic_load(&share->sequence);
    recs__trend_piece piece = {.from = share->log.from, .to = to};
    if (to == share->log.from)
        return RECS_OK;
    void *pieces = share->pieces;
    recs_status status = recs__grow(&trends->host, &pieces, &share->piece_capacity,
                                    share->piece_count + 1, sizeof *share->pieces, error);
    share->pieces = pieces;
    if (status == RECS_OK)
        status = fold(trends, error);
    if (status != RECS_OK)
        return status;
    recs__snapshot_head head = {
        .kind = RECS__IMAGE_DELTA,
        .actors_from = atomic_load(&share->log.running->share->actors_from),
        .origin = share->own,
        .from = piece.from,
        .to = piece.to};
    if (share->log.running->bounded != NULL)
        status = recs__bounded_complete(share->log.running, error);
    if (status == RECS_OK)
        status = recs__trend_snapshot(share->log.running, &head, &piece.bytes, &piece.size, error);
    if (status != RECS_OK)
        return status;
    share->pieces[share->piece_count++] = piece;
    share->piece_bytes += piece.size;
    while (share->piece_count > 1 && share->piece_bytes > share->keep)
        drop_first(trends);
    drop_running(trends, to);
    return RECS_OK;
}

recs_status recs__trend_log_close(recs_trends *trends, recs_error *error) {
    recs__trend_share *share = trends->share;
    if (!atomic_load(&share->following))
        return RECS_OK;
    pthread_mutex_lock(&share->log_lock);
    recs_status status = close_running(trends, error);
    pthread_mutex_unlock(&share->log_lock);
    return status;
}

void recs__trend_log_drop(recs_trends *trends) {
    while (trends->share->piece_count != 0)
        drop_first(trends);
    drop_running(trends, 0);
}

void recs__trend_log_free(recs_trends *trends) {
    recs__trend_share *share = trends->share;
    recs__trend_log_drop(trends);
    recs__free(&trends->host, share->pieces);
    recs__free(&trends->host, share->log.events);
    recs__free(&trends->host, share->log.places);
    recs__free(&trends->host, share->log.pieces);
}

/* ---- the calls ------------------------------------------------------------------------ */

recs_status recs_trends_follow(recs_trends *trends, size_t keep, recs_error *error) {
    recs__trend_share *share = trends->share;
    if (trends->mapped != NULL)
        return recs__mapped_refuse(error);
    recs_status status = recs__trend_settle(trends, error);
    if (status != RECS_OK)
        return status;
    pthread_mutex_lock(&share->lock);
    share->keep = keep != 0 ? keep : (size_t)256 << 20;
    status = recs__trend_renew_locked(trends, error);
    if (status == RECS_OK && !atomic_load(&share->following)) {
        recs__trend_hold(trends); /* an event is counted before or logged, never between */
        share->log.from = atomic_load(&share->sequence);
        atomic_store_explicit(&share->following, true, memory_order_release);
        recs__trend_open(trends);
    }
    pthread_mutex_unlock(&share->lock);
    return status;
}

static recs_status not_kept(const recs__trend_share *share, uint64_t since, recs_error *error) {
    uint64_t first = share->piece_count != 0 ? share->pieces[0].from : share->log.from;
    return recs__fail(error, RECS_ERR_STATE,
                      "no delta begins at %" PRIu64 ": %zu are kept, from %" PRIu64 " to %" PRIu64
                      "; expected where one of them or the next one begins, or a snapshot",
                      since, share->piece_count, first, share->log.from);
}

recs_status recs_trends_delta(recs_trends *trends, uint64_t since, unsigned char **bytes,
                              size_t *size, uint64_t *to, recs_error *error) {
    recs__trend_share *share = trends->share;
    *bytes = NULL;
    *size = 0;
    *to = since;
    recs_status status = recs__trend_settle(trends, error);
    if (status != RECS_OK)
        return status;
    pthread_mutex_lock(&share->lock);
    status = recs__trend_renew_locked(trends, error);
    if (status == RECS_OK && !atomic_load(&share->following))
        status = recs__fail(error, RECS_ERR_STATE,
                            "this state keeps no deltas, expected recs_trends_follow before");
    if (status == RECS_OK && since == share->log.from)
        status = recs__trend_log_close(trends, error);
    const recs__trend_piece *found = NULL;
    for (size_t i = 0; i < share->piece_count && status == RECS_OK; i++)
        if (share->pieces[i].from == since)
            found = &share->pieces[i];
    if (status == RECS_OK && found == NULL && since != share->log.from)
        status = not_kept(share, since, error);
    if (status == RECS_OK && found != NULL) {
        unsigned char *copy = recs__alloc(&trends->host, found->size, 1, error);
        if (copy == NULL) {
            status = RECS_ERR_MEMORY;
        } else {
            memcpy(copy, found->bytes, found->size);
            *bytes = copy;
            *size = found->size;
            *to = found->to;
        }
    }
    pthread_mutex_unlock(&share->lock);
    return status;
}

void recs_trends_delta_done(recs_trends *trends, uint64_t up_to) {
    pthread_mutex_lock(&trends->share->lock);
    while (trends->share->piece_count != 0 && trends->share->pieces[0].to <= up_to)
        drop_first(trends);
    pthread_mutex_unlock(&trends->share->lock);
}
