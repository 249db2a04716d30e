/* trends_share.c - snapshots and merges: what may be counted, and when.
 *
 * trends_image.c reads bytes, trends_snapshot.c writes them, trends_merge.c
 * counts them; here are the rules. Snapshots, merges and deltas of a state go
 * one at a time (share.lock). Adders pass a gate: a snapshot holds it, so that
 * what it holds and the sequence it names agree; a merge holds it only when it
 * takes the place of the state. Lock order: lock, log_lock, scratch_lock, then
 * those of counting. */
#include "live/trends_share.h"

#include "base/file.h"
#include "live/trends_bounded.h"
#include "live/trends_mapped.h"
#include "live/trends_merge.h"
#include "live/trends_pending.h"
#include "live/trends_sketches.h"
#include "recs/trends_share.h"

#include <inttypes.h>

/* ---- made and freed ------------------------------------------------------------- */

recs_status recs__trend_share_create(recs_trends *trends, recs_error *error) {
    recs__trend_share *share = recs__alloc_zero(&trends->host, 1, sizeof *share, error);
    if (share == NULL)
        return RECS_ERR_MEMORY;
    recs_status status = recs__origin_make(&share->own, error);
    if (status != RECS_OK) {
        recs__free(&trends->host, share);
        return status;
    }
    recs__fork_mark_init(&share->fork);
    pthread_mutex_init(&share->lock, NULL); /* cannot fail here */
    pthread_mutex_init(&share->log_lock, NULL);
    pthread_cond_init(&share->gate, NULL);
    atomic_init(&share->actors_from, RECS__IMAGE_NO_ACTORS);
    atomic_init(&share->clock, -RECS__TREND_TIME_END); /* none */
    trends->share = share;
    return RECS_OK;
}

void recs__trend_share_destroy(recs_trends *trends) {
    recs__trend_share *share = trends->share;
    if (share == NULL)
        return;
    recs__trend_log_free(trends);
    recs__trend_desks_free(trends);
    recs__origins_free(&share->others, &trends->host);
    recs__fork_mark_free(&share->fork);
    pthread_mutex_destroy(&share->lock);
    pthread_mutex_destroy(&share->log_lock);
    pthread_cond_destroy(&share->gate);
    recs__free(&trends->host, share);
    trends->share = NULL;
}

/* ---- the gate --------------------------------------------------------------------- */

/* In a child: what the parent had counted stays, as the parent's. Under lock. */
recs_status recs__trend_renew_locked(recs_trends *trends, recs_error *error) {
    recs__trend_share *share = trends->share;
    if (!recs__fork_mark_passed(&share->fork))
        return RECS_OK;
    recs__origin origin;
    recs_status status = recs__origins_reserve(&share->others, 1, &trends->host, error);
    if (status == RECS_OK)
        status = recs__origin_make(&origin, error);
    if (status != RECS_OK)
        return status;
    recs__origins_set(&share->others, &share->own, atomic_load(&share->sequence));
    share->own = origin;
    atomic_store(&share->sequence, 0);
    recs__trend_log_drop(trends);
    atomic_fetch_add(&share->generation, 1); /* what waited is the parent's */
    recs__fork_mark_renew(&share->fork);
    return RECS_OK;
}

recs_status recs__trend_renew(recs_trends *trends, recs_error *error) {
    if (!recs__fork_mark_passed(&trends->share->fork))
        return RECS_OK;
    pthread_mutex_lock(&trends->share->lock);
    recs_status status = recs__trend_renew_locked(trends, error);
    pthread_mutex_unlock(&trends->share->lock);
    return status;
}

void recs__trend_enter(recs_trends *trends) {
    recs__trend_share *share = trends->share;
    while (share->holding)
        pthread_cond_wait(&share->gate, &trends->scratch_lock);
    share->adding++;
}

void recs__trend_leave(recs_trends *trends) {
    recs__trend_share *share = trends->share;
    share->adding--;
    if (share->holding && share->adding == 0)
        pthread_cond_broadcast(&share->gate);
}

void recs__trend_hold(recs_trends *trends) {
    recs__trend_share *share = trends->share;
    pthread_mutex_lock(&trends->scratch_lock);
    share->holding = true;
    while (share->adding != 0)
        pthread_cond_wait(&share->gate, &trends->scratch_lock);
    pthread_mutex_unlock(&trends->scratch_lock);
}

void recs__trend_open(recs_trends *trends) {
    pthread_mutex_lock(&trends->scratch_lock);
    trends->share->holding = false;
    pthread_cond_broadcast(&trends->share->gate);
    pthread_mutex_unlock(&trends->scratch_lock);
}

void recs__trend_maintain(recs_trends *trends) {
    pthread_mutex_lock(&trends->share->lock);
    recs__trend_hold(trends);
    if (recs__bounded_due(trends))
        recs__bounded_maintain(trends);
    recs__trend_open(trends);
    pthread_mutex_unlock(&trends->share->lock);
}

void recs__trend_counted(recs_trends *trends, uint64_t events, int64_t actors_from) {
    recs__trend_share *share = trends->share;
    atomic_fetch_add_explicit(&share->sequence, events, memory_order_relaxed);
    int64_t from = atomic_load_explicit(&share->actors_from, memory_order_relaxed);
    while (actors_from < from &&
           !atomic_compare_exchange_weak(&share->actors_from, &from, actors_from))
        ;
}

/* ---- origins ------------------------------------------------------------------------ */

/* All of this state's, its own included, as a map of its own. Under lock. */
static recs_status all_origins(recs_trends *trends, recs__origins *map, recs_error *error) {
    recs__trend_share *share = trends->share;
    *map = (recs__origins){0};
    recs_status status =
        recs__origins_reserve(map, share->others.count + 1, &trends->host, error);
    if (status != RECS_OK)
        return status;
    if (share->others.count != 0)
        memcpy(map->marks, share->others.marks, share->others.count * sizeof *map->marks);
    map->count = share->others.count;
    recs__origins_set(map, &share->own, atomic_load(&share->sequence));
    return RECS_OK;
}

recs_status recs_trends_origin(recs_trends *trends, char text[33], recs_error *error) {
    pthread_mutex_lock(&trends->share->lock);
    recs_status status = recs__trend_renew_locked(trends, error);
    if (status == RECS_OK)
        recs__origin_text(&trends->share->own, text);
    pthread_mutex_unlock(&trends->share->lock);
    return status;
}

size_t recs_trends_origin_count(recs_trends *trends) {
    recs__trend_settle_quietly(trends);
    pthread_mutex_lock(&trends->share->lock);
    size_t count = trends->share->others.count + (atomic_load(&trends->share->sequence) != 0);
    pthread_mutex_unlock(&trends->share->lock);
    return count;
}

recs_status recs_trends_origin_at(recs_trends *trends, size_t index, char *text,
                                  uint64_t *sequence, recs_error *error) {
    recs__origins map;
    recs__trend_settle_quietly(trends);
    pthread_mutex_lock(&trends->share->lock);
    recs_status status = all_origins(trends, &map, error);
    pthread_mutex_unlock(&trends->share->lock);
    if (status == RECS_OK && index >= map.count)
        status = recs__fail(error, RECS_ERR_NOT_FOUND, "origin %zu, expected one below %zu", index,
                            map.count);
    if (status == RECS_OK && text != NULL)
        recs__origin_text(&map.marks[index].origin, text);
    if (status == RECS_OK && sequence != NULL)
        *sequence = map.marks[index].sequence;
    recs__origins_free(&map, &trends->host);
    return status;
}

uint64_t recs_trends_sequence(recs_trends *trends, const char *origin) {
    uint64_t sequence = 0;
    char text[33];
    recs__trend_share *share = trends->share;
    recs__trend_settle_quietly(trends);
    pthread_mutex_lock(&share->lock);
    recs__origin_text(&share->own, text);
    if (origin != NULL && strcmp(origin, text) == 0)
        sequence = atomic_load(&share->sequence);
    for (size_t i = 0; i < share->others.count && origin != NULL; i++) {
        recs__origin_text(&share->others.marks[i].origin, text);
        if (strcmp(origin, text) == 0)
            sequence = share->others.marks[i].sequence;
    }
    pthread_mutex_unlock(&share->lock);
    return sequence;
}

/* ---- snapshots ------------------------------------------------------------------------ */

/* First time that any series still keeps: actors counted before it are nobody's
 * concern any more. */
static int64_t oldest_kept(const recs_trends *trends, int64_t newest) {
    int64_t oldest = INT64_MAX;
    for (uint32_t s = 0; s < trends->options.series_count && newest >= 0; s++) {
        const recs__trend_series *series = &trends->options.series[s];
        int64_t from = (newest / series->width - series->slots + 1) * series->width;
        oldest = from < oldest ? from : oldest;
    }
    return newest < 0 || oldest < 0 ? 0 : oldest;
}

static int64_t actors_from(const recs_trends *trends, int64_t from, int64_t newest) {
    int64_t kept = from == RECS__IMAGE_NO_ACTORS ? from : oldest_kept(trends, newest);
    return from < kept ? kept : from;
}

/* ready: to be asked where it lies, too; frozen: only that. */
static recs_status snapshot(recs_trends *trends, bool ready, bool frozen, unsigned char **bytes,
                            size_t *size, recs_error *error) {
    recs__trend_share *share = trends->share;
    recs__origins map = {0};
    *bytes = NULL;
    *size = 0;
    if (trends->mapped != NULL && !frozen)
        return recs__mapped_copy(trends, bytes, size, error);
    if (trends->mapped != NULL)
        return recs__mapped_refuse(error);
    recs_status status = recs__trend_settle(trends, error);
    if (status != RECS_OK)
        return status;
    pthread_mutex_lock(&share->lock);
    status = recs__trend_renew_locked(trends, error);
    if (status == RECS_OK) {
        recs__trend_hold(trends);
        status = recs__trend_log_close(trends, error); /* so that the next delta begins here */
        if (status == RECS_OK)
            status = all_origins(trends, &map, error);
        recs__snapshot_head head = {
            .kind = RECS__IMAGE_SNAPSHOT,
            .origins = frozen ? NULL : &map,
            .ready = ready,
            .frozen = frozen,
            .actors_from = frozen ? RECS__IMAGE_NO_ACTORS
                                  : actors_from(trends, atomic_load(&share->actors_from),
                                                recs__trend_newest_time(trends))};
        if (status == RECS_OK && trends->bounded != NULL)
            status = recs__bounded_complete(trends, error);
        if (status == RECS_OK)
            status = recs__trend_snapshot(trends, &head, bytes, size, error);
        recs__trend_open(trends);
    }
    recs__origins_free(&map, &trends->host);
    pthread_mutex_unlock(&share->lock);
    return status;
}

recs_status recs_trends_snapshot(recs_trends *trends, unsigned char **bytes, size_t *size,
                                 recs_error *error) {
    return snapshot(trends, false, false, bytes, size, error);
}

recs_status recs_trends_freeze(recs_trends *trends, unsigned char **bytes, size_t *size,
                               recs_error *error) {
    return snapshot(trends, true, true, bytes, size, error);
}

void recs_trends_bytes_free(const recs_trends *trends, unsigned char *bytes) {
    recs__free(&trends->host, bytes);
}

recs_status recs_trends_save(recs_trends *trends, const char *path, recs_error *error) {
    unsigned char *bytes;
    size_t size;
    recs__file_writer *writer = NULL;
    recs_status status = snapshot(trends, true, false, &bytes, &size, error);
    if (status == RECS_OK)
        status = recs__file_create(&writer, path, &trends->host, error);
    if (status == RECS_OK)
        status = recs__file_write(writer, bytes, size, error);
    if (status == RECS_OK)
        status = recs__file_commit(writer, error);
    if (status != RECS_OK && writer != NULL)
        recs__file_abandon(writer);
    recs_trends_bytes_free(trends, bytes);
    return status;
}

uint64_t recs_trends_fingerprint(const void *bytes, size_t size) {
    recs__trend_image image;
    return recs__trend_image_read(&image, bytes, size, NULL) == RECS_OK ? image.content : 0;
}

/* ---- counting ---------------------------------------------------------------------------- */

static recs_status count_exact(recs_trends *trends, const recs__trend_image *image, bool replace,
                               recs_error *error) {
    recs__trend_merger *merger;
    recs_status status = recs__trend_merge_begin(&merger, trends, image, error);
    if (status != RECS_OK)
        return status;
    if (replace)
        recs__trend_forget(trends);
    recs__trend_merge_commit(merger);
    return RECS_OK;
}

/* One side has outgrown its budget. The gate is held. */
static recs_status join(recs_trends *trends, const recs__trend_image *image, bool replace,
                        recs_error *error) {
    recs__trend_joiner *joiner;
    recs_status status = recs__trend_join_begin(&joiner, trends, image, error);
    if (status == RECS_OK)
        recs__trend_join_commit(joiner, replace);
    return status;
}

/* replace: the image takes the state's place, and the gate is held. */
static recs_status count(recs_trends *trends, const recs__trend_image *image, bool replace,
                         recs_error *error) {
    bool hold = trends->options.memory != 0 && !replace; /* to know which way to merge */
    if (hold)
        recs__trend_hold(trends);
    recs_status status = image->sketched || trends->bounded != NULL
                             ? join(trends, image, replace, error)
                             : count_exact(trends, image, replace, error);
    if (hold)
        recs__trend_open(trends);
    if (status == RECS_OK)
        recs__trend_counted(trends, 0, image->actors_from);
    return status;
}

/* ---- loading ---------------------------------------------------------------------------- */

/* Origins of a snapshot as a map. */
static recs_status their_origins(const recs_trends *trends, const recs__trend_image *image,
                                 recs__origins *map, recs_error *error) {
    *map = (recs__origins){0};
    recs_status status = recs__origins_reserve(map, image->origins, &trends->host, error);
    for (size_t i = 0; i < image->origins && status == RECS_OK; i++)
        map->marks[map->count++] = recs__image_origin_at(image, i);
    return status;
}

recs_status recs_trends_load_memory(recs_trends **trends, const void *bytes, size_t size,
                                    const recs_host *host, recs_error *error) {
    recs__trend_image image;
    recs_trends *made = NULL;
    char description[2048];
    *trends = NULL;
    recs_status status = recs__trend_image_read(&image, bytes, size, error);
    if (status == RECS_OK && image.kind != RECS__IMAGE_SNAPSHOT)
        status = recs__fail(error, RECS_ERR_CORRUPT, "a delta of trends, expected a snapshot");
    if (status != RECS_OK)
        return status;
    recs__trend_options_write(&image.options, description);
    status = recs_trends_create(&made, description, host, error);
    if (status == RECS_OK)
        status = their_origins(made, &image, &made->share->others, error);
    if (status == RECS_OK)
        status = count(made, &image, false, error);
    if (status != RECS_OK) {
        recs_trends_destroy(made);
        return status;
    }
    atomic_store(&made->share->actors_from, image.actors_from);
    *trends = made;
    return RECS_OK;
}

recs_status recs_trends_load(recs_trends **trends, const char *path, const recs_host *host,
                             recs_error *error) {
    recs__map map;
    *trends = NULL;
    recs_status status = recs__map_open(&map, path, error);
    if (status != RECS_OK)
        return status;
    status = recs_trends_load_memory(trends, map.bytes, map.size, host, error);
    recs__map_close(&map);
    return status;
}

/* ---- merging ----------------------------------------------------------------------------- */

/* The first setting in which two descriptions differ. */
static recs_status other_description(const recs_trends *trends, const recs__trend_image *image,
                                     recs_error *error) {
    char text[2048];
    recs__trend_options_write(&image->options, text);
    const char *mine = trends->description, *theirs = text;
    if (strcmp(mine, theirs) == 0)
        return RECS_OK;
    size_t same = 0, begin = 0;
    for (; mine[same] != '\0' && mine[same] == theirs[same]; same++)
        if (mine[same] == ',')
            begin = same + 2;
    return recs__fail(error, RECS_ERR_CONFLICT,
                      "the snapshot counts with \"%.*s\", this state with \"%.*s\"",
                      (int)strcspn(theirs + begin, ","), theirs + begin,
                      (int)strcspn(mine + begin, ","), mine + begin);
}

/* A time that one side has forgotten the actors of, and that both counted some in. */
static recs_status forgotten_actors(const recs_trends *trends, const recs__trend_image *image,
                                    recs_error *error) {
    int64_t width = trends->options.actors, newest = recs__trend_newest_time(trends);
    int64_t mine = atomic_load(&trends->share->actors_from), theirs = image->actors_from;
    if (width == 0 || newest < 0 || image->newest < 0 || mine == RECS__IMAGE_NO_ACTORS ||
        theirs == RECS__IMAGE_NO_ACTORS)
        return RECS_OK;
    int64_t latest = newest > image->newest ? newest : image->newest;
    int64_t earliest = newest < image->newest ? newest : image->newest;
    int64_t both = actors_from(trends, mine > theirs ? mine : theirs, latest) / width;
    int64_t kept = latest / width - trends->options.actors_kept + 1;
    if (both >= kept || both > earliest / width)
        return RECS_OK;
    return recs__fail(error, RECS_ERR_CONFLICT,
                      "both counted actors from %" PRId64 " on, remembered are those from %" PRId64
                      " on: merge sooner, keep more (actors_kept), or split by actor and say so",
                      both * width, kept * width);
}

static recs_status check_image(const recs_trends *trends, const recs__trend_image *image,
                               uint32_t flags, recs_error *error) {
    recs_status status = other_description(trends, image, error);
    if (status == RECS_OK && (flags & RECS_TRENDS_APART) == 0)
        status = forgotten_actors(trends, image, error);
    int64_t now = recs__now(&trends->host), newest = recs__trend_newest_time(trends);
    now = newest > now ? newest : now;
    if (status == RECS_OK && image->newest > now &&
        image->newest - now > trends->options.future)
        status = recs__fail(error, RECS_ERR_DATA,
                            "the newest event is at %" PRId64 ", the clock at %" PRId64
                            ": further ahead than %" PRId64 " ms",
                            image->newest, now, trends->options.future);
    return status;
}

static recs_status merge_delta(recs_trends *trends, const recs__trend_image *image,
                               uint32_t flags, recs_error *error) {
    recs__trend_share *share = trends->share;
    char text[33];
    recs__origin_text(&image->origin, text);
    bool own = recs__origin_order(&image->origin, &share->own) == 0;
    uint64_t here = own ? atomic_load(&share->sequence)
                        : recs__origins_at(&share->others, &image->origin);
    recs_status status = other_description(trends, image, error);
    if (status != RECS_OK || image->to <= here)
        return status; /* a repeat changes nothing */
    if (own)
        return recs__fail(error, RECS_ERR_CONFLICT,
                          "the delta is this state's own (%s) and goes to %" PRIu64
                          ", beyond %" PRIu64 ": a copy of it went on elsewhere",
                          text, image->to, here);
    if (image->from > here)
        return recs__fail(error, RECS_ERR_STATE,
                          "origin %s: the delta holds (%" PRIu64 ", %" PRIu64
                          "], expected one that begins at %" PRIu64,
                          text, image->from, image->to, here);
    if (image->from < here)
        return recs__fail(error, RECS_ERR_CONFLICT,
                          "origin %s: the delta holds (%" PRIu64 ", %" PRIu64
                          "], of which all up to %" PRIu64 " is here",
                          text, image->from, image->to, here);
    status = check_image(trends, image, flags, error);
    if (status == RECS_OK)
        status = recs__origins_reserve(&share->others, 1, &trends->host, error);
    if (status == RECS_OK)
        status = count(trends, image, false, error);
    if (status == RECS_OK)
        recs__origins_set(&share->others, &image->origin, image->to);
    return status;
}

static recs_status tangled(const recs__origins *mine, const recs__origins *theirs,
                           const recs__origin *both, recs_error *error) {
    char text[33];
    recs__origin_text(both, text);
    return recs__fail(error, RECS_ERR_CONFLICT,
                      "origin %s is in both (here up to %" PRIu64 ", there up to %" PRIu64
                      ") and each has counts that the other lacks",
                      text, recs__origins_at(mine, both), recs__origins_at(theirs, both));
}

/* theirs holds all of mine: it takes its place. The gate is held. */
static recs_status replace(recs_trends *trends, const recs__trend_image *image,
                           const recs__origins *theirs, recs_error *error) {
    recs__trend_share *share = trends->share;
    recs__origins mine;
    recs__origin both = {{0}};
    recs_status status = all_origins(trends, &mine, error);
    if (status == RECS_OK &&
        recs__origins_compare(&mine, theirs, &both) != RECS__ORIGINS_WITHIN)
        status = tangled(&mine, theirs, &both, error); /* somebody added meanwhile */
    if (status == RECS_OK &&
        recs__origins_at(theirs, &share->own) > recs__origins_at(&mine, &share->own))
        status = tangled(&mine, theirs, &share->own, error);
    if (status == RECS_OK)
        status = check_image(trends, image, RECS_TRENDS_APART, error); /* nothing is joined */
    if (status == RECS_OK)
        status = recs__origins_reserve(&share->others, theirs->count, &trends->host, error);
    if (status == RECS_OK)
        status = count(trends, image, true, error);
    for (size_t i = 0; i < theirs->count && status == RECS_OK; i++)
        if (recs__origin_order(&theirs->marks[i].origin, &share->own) != 0)
            recs__origins_set(&share->others, &theirs->marks[i].origin,
                              theirs->marks[i].sequence);
    recs__origins_free(&mine, &trends->host);
    return status;
}

static recs_status merge_snapshot(recs_trends *trends, const recs__trend_image *image,
                                  uint32_t flags, recs_error *error) {
    recs__trend_share *share = trends->share;
    recs__origins mine = {0}, theirs = {0};
    recs__origin both;
    recs_status status = other_description(trends, image, error);
    if (status == RECS_OK)
        status = all_origins(trends, &mine, error);
    if (status == RECS_OK)
        status = their_origins(trends, image, &theirs, error);
    recs__origins_relation relation =
        status == RECS_OK ? recs__origins_compare(&mine, &theirs, &both) : RECS__ORIGINS_CONTAINS;
    switch (relation) {
    case RECS__ORIGINS_CONTAINS:
        break;
    case RECS__ORIGINS_TANGLED:
        status = tangled(&mine, &theirs, &both, error);
        break;
    case RECS__ORIGINS_WITHIN:
        recs__trend_hold(trends);
        status = replace(trends, image, &theirs, error);
        recs__trend_open(trends);
        break;
    case RECS__ORIGINS_APART:
        status = check_image(trends, image, flags, error);
        if (status == RECS_OK)
            status = recs__origins_reserve(&share->others, theirs.count, &trends->host, error);
        if (status == RECS_OK)
            status = count(trends, image, false, error);
        for (size_t i = 0; i < theirs.count && status == RECS_OK; i++)
            recs__origins_set(&share->others, &theirs.marks[i].origin, theirs.marks[i].sequence);
    }
    recs__origins_free(&mine, &trends->host);
    recs__origins_free(&theirs, &trends->host);
    return status;
}

recs_status recs_trends_merge(recs_trends *trends, const void *bytes, size_t size, uint32_t flags,
                              recs_error *error) {
    recs__trend_image image;
    if ((flags & ~RECS_TRENDS_APART) != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "flags 0x%x, expected 0 or RECS_TRENDS_APART",
                          flags);
    if (trends->mapped != NULL)
        return recs__mapped_refuse(error);
    recs_status status = recs__trend_image_read(&image, bytes, size, error);
    if (status == RECS_OK)
        status = recs__trend_settle(trends, error);
    if (status != RECS_OK)
        return status;
    pthread_mutex_lock(&trends->share->lock);
    status = recs__trend_renew_locked(trends, error);
    if (status == RECS_OK)
        status = image.kind == RECS__IMAGE_DELTA ? merge_delta(trends, &image, flags, error)
                                                 : merge_snapshot(trends, &image, flags, error);
    pthread_mutex_unlock(&trends->share->lock);
    return status;
}

recs_status recs_trends_merge_file(recs_trends *trends, const char *path, uint32_t flags,
                                   recs_error *error) {
    recs__map map;
    recs_status status = recs__map_open(&map, path, error);
    if (status != RECS_OK)
        return status;
    status = recs_trends_merge(trends, map.bytes, map.size, flags, error);
    recs__map_close(&map);
    return status;
}
