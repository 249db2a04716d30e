/* trends.c - the handle: making and freeing it, its names, its counters.
 *
 * Counting is in trends_add.c, ranking in trends_rank.c; trends_state.h says
 * what is where. */
#include "live/trends_state.h"

#include "base/hash.h"
#include "base/math.h"
#include "base/text.h"
#include "live/trends_actors.h"
#include "live/trends_bounded.h"
#include "live/trends_mapped.h"
#include "live/trends_old.h"
#include "live/trends_pending.h"
#include "live/trends_share.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

enum { SPINS = 64 }; /* of some 0.1 to 0.5 microseconds */

/* ---- locks ----------------------------------------------------------------------- */

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* A place is let go after some microseconds: looking again is cheaper than to be put to
 * sleep and woken. */
void recs__trend_lock_patiently(recs__trend_stripe *stripe) {
    for (int turn = 0; turn < SPINS; turn++) {
        for (int i = 0; i < 8; i++)
            pause_briefly();
        if (pthread_mutex_trylock(&stripe->lock) == 0)
            return;
    }
    pthread_mutex_lock(&stripe->lock);
}

void recs__trend_read_lock(recs_trends *trends, const recs__trend_node *node) {
    recs__trend_stripe *stripe = &trends->stripes[node->stripe];
    if (pthread_mutex_trylock(&stripe->lock) != 0) {
        atomic_fetch_add(&stripe->waiting, 1);
        recs__trend_lock_patiently(stripe);
        atomic_fetch_sub(&stripe->waiting, 1);
    }
    if (atomic_load_explicit(&trends->bounded, memory_order_acquire) != NULL)
        recs__bounded_expand(trends, (recs__trend_node *)(uintptr_t)node); /* shown as cells */
}

void recs__trend_make_way(recs_trends *trends, const recs__trend_node *node) {
    recs__trend_stripe *stripe = &trends->stripes[node->stripe];
    if (atomic_load_explicit(&stripe->waiting, memory_order_relaxed) == 0)
        return;
    pthread_mutex_unlock(&stripe->lock);
    for (int turn = 0; turn < 100 && atomic_load(&stripe->waiting) != 0; turn++)
        sched_yield();
    recs__trend_lock(trends, node);
}

/* ---- the handle ------------------------------------------------------------------- */

/* Seed of the hash tables, so that nobody can choose ids that collide: what
 * differs between processes and costs no call that may fail. */
static uint64_t table_seed(const recs_trends *trends) {
    uint64_t parts[3] = {(uint64_t)recs__now(&trends->host), (uint64_t)(uintptr_t)trends,
                         (uint64_t)getpid()};
    return recs__hash(parts, sizeof parts);
}

static recs_status make_locks(recs_trends *made, recs_error *error) {
    size_t size = RECS__TREND_STRIPES * sizeof *made->stripes;
    made->stripes = recs__alloc_aligned(&made->host, size, 1, error);
    if (made->stripes == NULL)
        return RECS_ERR_MEMORY;
    for (int i = 0; i < RECS__TREND_STRIPES; i++) {
        pthread_mutex_init(&made->stripes[i].lock, NULL); /* cannot fail here */
        atomic_init(&made->stripes[i].waiting, 0);
        made->stripes[i].version = 0;
    }
    pthread_mutex_init(&made->nodes_lock, NULL);
    pthread_mutex_init(&made->scratch_lock, NULL);
    return RECS_OK;
}

uint32_t recs__trend_cell_layout(const recs__trend_options *options, uint32_t *newest_at) {
    *newest_at = (uint32_t)(sizeof(recs__trend_cell) + 8 * (size_t)options->columns);
    uint32_t size = *newest_at + 4 * options->series_count;
    return size <= 64 ? 64 : (size + 31) / 32 * 32;
}

static void lay_out(recs_trends *made) {
    made->cell_size = recs__trend_cell_layout(&made->options, &made->newest_at);
    for (int i = 0; i <= 256; i++)
        made->powers[i] = recs__exp2(i / 256.0);
}

recs_status recs_trends_create(recs_trends **trends, const char *description,
                               const recs_host *host, recs_error *error) {
    recs_host resolved;
    recs__trend_options options;
    if (trends == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "trends is NULL, expected where to put it");
    *trends = NULL;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status == RECS_OK)
        status = recs__trend_options_read(&options, description, error);
    if (status != RECS_OK)
        return status;
    recs_trends *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    made->options = options;
    atomic_init(&made->oldest_known, INT64_MAX);
    atomic_init(&made->newest, RECS_NO_TIME);
    recs__trend_options_write(&options, made->description);
    lay_out(made);
    size_t least = recs__bounded_least(&options, made->cell_size);
    if (options.memory != 0 && options.memory < least)
        status = recs__fail(error, RECS_ERR_ARGUMENT,
                            "memory is %" PRIu64 " bytes, expected %zu or more for these series",
                            options.memory, least);
    if (status == RECS_OK)
        status = recs__trend_pool_make(made, error);
    if (status == RECS_OK)
        status = make_locks(made, error);
    if (status != RECS_OK) {
        recs__trend_pool_free(made);
        recs__free(&resolved, made);
        return status;
    }
    uint64_t seed = table_seed(made);
    recs__trend_names_init(&made->items, seed, NULL);
    recs__trend_names_init(&made->paths, seed + 1, NULL);
    recs__trend_names_init(&made->segments, seed + 2, NULL);
    uint32_t root;
    if (options.memory != 0)
        status = recs__trend_names_compact(&made->items, &made->host, error);
    if (status == RECS_OK)
        status = recs__trend_node_take(made, "", 0, NULL, 0, &root, error);
    if (status == RECS_OK)
        status = recs__trend_share_create(made, error);
    if (status != RECS_OK) {
        recs_trends_destroy(made);
        return status;
    }
    *trends = made;
    return RECS_OK;
}

void recs_trends_destroy(recs_trends *trends) {
    if (trends == NULL)
        return;
    recs_host host = trends->host;
    recs__trend_share_destroy(trends);
    recs__trend_nodes_free(trends);
    recs__trend_known_free(trends);
    recs__bounded_free(trends);
    recs__trend_scratch_free(trends);
    recs__free(&host, trends->rows);
    recs__trend_names_free(&trends->items, &host);
    recs__trend_names_free(&trends->paths, &host);
    recs__trend_names_free(&trends->segments, &host);
    for (int i = 0; i < RECS__TREND_STRIPES; i++)
        pthread_mutex_destroy(&trends->stripes[i].lock);
    pthread_mutex_destroy(&trends->nodes_lock);
    pthread_mutex_destroy(&trends->scratch_lock);
    recs__trend_pool_free(trends);
    recs__mapped_close(trends);
    recs__free_aligned(&host, trends->stripes);
    recs__free(&host, trends);
}

const char *recs_trends_description(const recs_trends *trends) { return trends->description; }

/* ---- handles: one ------------------------------------------------------------------- */

static size_t length(const char *text) { return text == NULL ? 0 : strnlen(text, RECS_ID_MAX + 1); }

static recs_status take_item(recs_trends *trends, const char *id, size_t size, uint32_t *handle,
                             recs_error *error) {
    const char *problem = recs__id_problem(id, size);
    if (problem != NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "item \"%.*s\" %s, expected 1 to %d bytes of UTF-8",
                          size < 80 ? (int)size : 80, id, problem, RECS_ID_MAX);
    return recs__trend_names_take(&trends->items, &trends->host, id, size, RECS__TREND_ITEMS,
                                  handle, error);
}

static recs_status take_place(recs_trends *trends, const char *path, size_t size,
                              const char *segment, size_t segment_size, uint32_t *handle,
                              recs_error *error) {
    if (trends->mapped == NULL)
        return recs__trend_node_take(trends, path, size, segment, segment_size, handle, error);
    *handle = recs__mapped_find(trends, path, size, segment, segment_size);
    if (*handle == RECS_NO_PLACE && size == 0 && segment_size == 0)
        *handle = 0; /* the root, where nothing was counted */
    return *handle != RECS_NO_PLACE
               ? RECS_OK
               : recs__fail(error, RECS_ERR_NOT_FOUND,
                            "place \"%.*s\" is not in this state, which is mapped: nothing can be "
                            "added to it",
                            size < 80 ? (int)size : 80, path);
}

recs_status recs_trends_item(recs_trends *trends, const char *id, uint32_t *handle,
                             recs_error *error) {
    return take_item(trends, id == NULL ? "" : id, length(id), handle, error);
}

recs_status recs_trends_place(recs_trends *trends, const char *path, const char *segment,
                              uint32_t *handle, recs_error *error) {
    return take_place(trends, path == NULL ? "" : path, length(path), segment, length(segment),
                      handle, error);
}

uint64_t recs__trend_actor(const recs_trends *trends, const char *id, size_t size) {
    uint64_t hash = recs__hash_seeded(id, size, trends->options.seed);
    return size == 0 ? RECS_NO_ACTOR : hash == RECS_NO_ACTOR ? 1 : hash;
}

uint64_t recs_trends_actor(const recs_trends *trends, const char *id) {
    return recs__trend_actor(trends, id == NULL ? "" : id, id == NULL ? 0 : strlen(id));
}

/* ---- handles: columns ------------------------------------------------------------------ */

static recs_status check_packed(const char *what, const char *bytes, const uint32_t *offsets,
                                size_t count, const void *handles, recs_error *error) {
    if (count == 0)
        return RECS_OK;
    if (offsets == NULL || handles == NULL || (bytes == NULL && offsets[count] != offsets[0]))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s: a column is NULL, expected packed ids",
                          what);
    for (size_t i = 0; i < count; i++)
        if (offsets[i + 1] < offsets[i])
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "%s row %zu: offsets go back from %u to %u", what, i, offsets[i],
                              offsets[i + 1]);
    return RECS_OK;
}

/* Puts the row before the text of a failure. */
static recs_status at_row(recs_error *error, const recs_error *failed, size_t row) {
    return recs__fail(error, (recs_status)failed->status, "row %zu: %s", row, failed->text);
}

recs_status recs_trends_items(recs_trends *trends, const char *bytes, const uint32_t *offsets,
                              size_t count, uint32_t *handles, recs_error *error) {
    recs_error failed = {0};
    recs_status status = check_packed("items", bytes, offsets, count, handles, error);
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        size_t size = offsets[i + 1] - offsets[i];
        const char *problem = recs__id_problem(size > 0 ? bytes + offsets[i] : "", size);
        if (problem != NULL)
            status = recs__fail(error, RECS_ERR_ARGUMENT, "items row %zu %s", i, problem);
    }
    for (size_t i = 0; i < count && status == RECS_OK; i++)
        if (take_item(trends, bytes + offsets[i], offsets[i + 1] - offsets[i], &handles[i],
                      &failed) != RECS_OK)
            status = at_row(error, &failed, i);
    return status;
}

recs_status recs_trends_places(recs_trends *trends, const char *bytes, const uint32_t *offsets,
                               size_t count, uint32_t *handles, recs_error *error) {
    recs_error failed = {0};
    recs_status status = check_packed("places", bytes, offsets, count, handles, error);
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        size_t size = offsets[i + 1] - offsets[i];
        const char *problem = recs__trend_path_problem(size > 0 ? bytes + offsets[i] : "", size);
        if (problem != NULL)
            status = recs__fail(error, RECS_ERR_ARGUMENT, "places row %zu %s", i, problem);
    }
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        size_t size = offsets[i + 1] - offsets[i];
        if (take_place(trends, size > 0 ? bytes + offsets[i] : "", size, NULL, 0, &handles[i],
                       &failed) != RECS_OK)
            status = at_row(error, &failed, i);
    }
    return status;
}

recs_status recs_trends_actors(const recs_trends *trends, const char *bytes,
                               const uint32_t *offsets, size_t count, uint64_t *handles,
                               recs_error *error) {
    recs_status status = check_packed("actors", bytes, offsets, count, handles, error);
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        size_t size = offsets[i + 1] - offsets[i];
        handles[i] = recs__trend_actor(trends, size > 0 ? bytes + offsets[i] : "", size);
    }
    return status;
}

/* ---- what there is ------------------------------------------------------------------------ */

uint32_t recs_trends_item_count(const recs_trends *trends) {
    return atomic_load_explicit(&trends->items.count, memory_order_acquire);
}

const char *recs_trends_item_id(const recs_trends *trends, uint32_t item) {
    return item < recs_trends_item_count(trends)
               ? recs__trend_names_get(&trends->items, item).text
               : NULL;
}

uint32_t recs_trends_place_count(const recs_trends *trends) {
    if (trends->mapped != NULL)
        return trends->mapped->image.nodes == 0 ? 1 : (uint32_t)trends->mapped->image.nodes;
    return atomic_load_explicit(&trends->node_count, memory_order_acquire);
}

static const recs__trend_node *node_of(const recs_trends *trends, uint32_t place) {
    return place < recs_trends_place_count(trends) ? recs__trend_node_at(trends, place) : NULL;
}

const char *recs_trends_place_name(const recs_trends *trends, uint32_t place) {
    const char *of_file;
    if (trends->mapped != NULL)
        return recs__mapped_name(trends, place, &of_file);
    const recs__trend_node *node = node_of(trends, place);
    return node != NULL ? recs__trend_names_get(&trends->paths, node->name).text : NULL;
}

const char *recs_trends_place_segment(const recs_trends *trends, uint32_t place) {
    const char *of_file;
    if (trends->mapped != NULL)
        return recs__mapped_name(trends, place, &of_file) != NULL ? of_file : NULL;
    const recs__trend_node *node = node_of(trends, place);
    return node != NULL && node->segment != UINT32_MAX
               ? recs__trend_names_get(&trends->segments, node->segment).text
               : NULL;
}

uint32_t recs_trends_place_parent(const recs_trends *trends, uint32_t place) {
    if (trends->mapped != NULL)
        return recs__mapped_parent(trends, place);
    const recs__trend_node *node = node_of(trends, place);
    return node != NULL ? node->parent : RECS_NO_PLACE;
}

uint64_t recs_trends_counter(const recs_trends *trends, int32_t counter) {
    recs__trend_settle_quietly(trends);
    return counter >= 0 && counter < RECS_TRENDS_COUNTERS
               ? atomic_load_explicit(&trends->counters[counter], memory_order_relaxed)
               : 0;
}

int32_t recs_trends_exact(const recs_trends *trends) {
    recs__trend_settle_quietly(trends);
    return trends->bounded == NULL && (trends->mapped == NULL || !trends->mapped->image.sketched);
}

int64_t recs_trends_newest(const recs_trends *trends) {
    recs__trend_settle_quietly(trends);
    return atomic_load_explicit(&trends->newest, memory_order_acquire);
}

uint64_t recs_trends_cells(const recs_trends *trends) {
    recs__trend_settle_quietly(trends);
    return atomic_load_explicit(&trends->cells, memory_order_relaxed);
}

size_t recs_trends_memory(const recs_trends *trends) {
    return sizeof *trends + RECS__TREND_STRIPES * sizeof *trends->stripes +
           atomic_load_explicit(&trends->memory, memory_order_relaxed) +
           atomic_load(&trends->items.memory) + atomic_load(&trends->paths.memory) +
           atomic_load(&trends->segments.memory);
}

static recs__trend_node *place_node(recs_trends *trends, uint32_t place) {
    return place >= recs_trends_place_count(trends) ? NULL
           : trends->mapped != NULL                 ? recs__mapped_node(trends, place)
                                                    : recs__trend_node_at(trends, place);
}

/* Living cells are counted, so that the answer does not depend on what memory
 * was given back: a scan of the place. */
uint32_t recs_trends_place_items(recs_trends *trends, uint32_t place) {
    recs__trend_node *node = place_node(trends, place);
    if (node == NULL)
        return 0;
    uint32_t count = 0;
    recs__trend_settle_quietly(trends);
    recs__trend_read_lock(trends, node);
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    for (uint32_t at = 0; at < capacity; at++) {
        const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        count += cell->item < RECS__TREND_ITEMS && recs__trend_alive(trends, cell);
    }
    recs__trend_unlock(trends, node);
    return count;
}

double recs_trends_place_actors(recs_trends *trends, uint32_t place) {
    bool exact;
    recs__trend_node *node = place_node(trends, place);
    if (node == NULL)
        return 0.0;
    recs__trend_settle_quietly(trends);
    recs__trend_read_lock(trends, node);
    double count = recs__trend_actors_count(trends, node, &exact);
    recs__trend_unlock(trends, node);
    return count;
}
