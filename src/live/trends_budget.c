/* trends_budget.c - keeping a state within its budget (option memory).
 *
 * The budget is split when the state is made: the views (a sixteenth, or more in a small one), who was
 * counted lately (an eighth, with actors), the tail (a fifth of the rest), and
 * what names and exact counters, later blocks, may take. Names are for ever: where they
 * leave nothing, places keep RECS__BOUNDED_LEAST entries and the budget is passed.
 * While counters fit their part they are exact; the piece of events that finds them
 * outgrown converts the state, place by place, for good. Later on, when a block finds
 * no room to grow, the number of entries a place may have falls by a sixteenth, and
 * every block above it is cut. */
#include "live/trends_bounded.h"

#include "base/hash.h"
#include "live/trends_actors.h"
#include "live/trends_recent.h"
#include "live/trends_share.h"

#include <string.h>

static size_t capacity_for(uint32_t most) { return (most + 2) * 4 / 3 + 1; }

static size_t size_for(uint32_t most, size_t cell_size) {
    return RECS__TREND_STRIPES * (sizeof(recs__trend_view) + capacity_for(most) * cell_size);
}

/* The entries a place may have at first: as many as views in a sixteenth of the budget show. */
static uint32_t first_most(const recs__trend_options *options, size_t cell_size) {
    uint32_t most = RECS__BOUNDED_MOST;
    while (most > RECS__BOUNDED_FEW && size_for(most, cell_size) > options->memory / 16)
        most -= 8;
    return most;
}

static size_t views_size(const recs__trend_options *options, size_t cell_size) {
    return size_for(first_most(options, cell_size), cell_size);
}

static size_t recent_size(const recs__trend_options *options) {
    return options->actors != 0 ? (size_t)(options->memory / 8) : 0;
}

static size_t tail_size(const recs__trend_options *options, size_t cell_size) {
    return ((size_t)options->memory - views_size(options, cell_size) - recent_size(options)) / 5;
}

size_t recs__bounded_least(const recs__trend_options *options, size_t cell_size) {
    (void)options;
    return 2 * size_for(RECS__BOUNDED_FEW, cell_size) + ((size_t)4 << 20);
}

/* What cells, lists, actors and scratch may take before a state converts. */
static size_t exact_part(const recs_trends *trends) {
    const recs__trend_options *options = &trends->options;
    return (size_t)options->memory - views_size(options, trends->cell_size) - recent_size(options) -
           tail_size(options, trends->cell_size);
}

/* With the names. */
static size_t held(const recs_trends *trends) {
    return atomic_load_explicit(&trends->memory, memory_order_relaxed) +
           atomic_load_explicit(&trends->items.memory, memory_order_relaxed) +
           atomic_load_explicit(&trends->paths.memory, memory_order_relaxed) +
           atomic_load_explicit(&trends->segments.memory, memory_order_relaxed);
}

static int64_t epoch_of(const recs_trends *trends, int64_t time) {
    return time < 0 ? 0 : time / trends->options.series[trends->options.base].half_life;
}

bool recs__bounded_due(const recs_trends *trends) {
    if (trends->options.memory == 0)
        return false;
    const recs__trend_bounded *bounded = trends->bounded;
    if (bounded == NULL)
        return held(trends) > exact_part(trends);
    return atomic_load_explicit(&bounded->tight, memory_order_relaxed) ||
           atomic_load_explicit(&bounded->epoch, memory_order_relaxed) <
               epoch_of(trends, recs__trend_newest_time(trends));
}

/* ---- converting --------------------------------------------------------------------- */

static void free_bounded(recs_trends *trends, recs__trend_bounded *bounded) {
    if (bounded == NULL)
        return;
    for (int i = 0; bounded->views != NULL && i < RECS__TREND_STRIPES; i++)
        recs__trend_release(trends, bounded->views[i].cells,
                            bounded->view_capacity * trends->cell_size);
    recs__trend_release(trends, bounded->views, RECS__TREND_STRIPES * sizeof *bounded->views);
    if (bounded->tail != NULL)
        atomic_fetch_sub(&trends->memory, recs__tail_memory(bounded->tail));
    recs__tail_destroy(bounded->tail);
    if (bounded->recent != NULL)
        atomic_fetch_sub(&trends->memory, recent_size(&trends->options));
    recs__trend_recent_destroy(bounded->recent, &trends->host);
    recs__free(&trends->host, bounded);
}

void recs__bounded_free(recs_trends *trends) {
    free_bounded(trends, trends->bounded);
    trends->bounded = NULL;
}

static recs_status make_views(recs_trends *trends, recs__trend_bounded *bounded,
                              recs_error *error) {
    bounded->view_capacity =
        (uint32_t)capacity_for(first_most(&trends->options, trends->cell_size));
    size_t size = bounded->view_capacity * trends->cell_size;
    bounded->views =
        recs__trend_alloc(trends, RECS__TREND_STRIPES * sizeof *bounded->views, error);
    if (bounded->views == NULL)
        return RECS_ERR_MEMORY;
    memset(bounded->views, 0, RECS__TREND_STRIPES * sizeof *bounded->views);
    for (int i = 0; i < RECS__TREND_STRIPES; i++) {
        bounded->views[i].cells = recs__trend_alloc(trends, size, error);
        if (bounded->views[i].cells == NULL)
            return RECS_ERR_MEMORY;
    }
    return RECS_OK;
}

static recs_status make_bounded(recs_trends *trends, recs_error *error) {
    const recs__trend_options *options = &trends->options;
    recs__trend_bounded *made = recs__alloc_zero(&trends->host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    recs_status status = make_views(trends, made, error);
    if (status == RECS_OK)
        status = recs__tail_create(&made->tail, tail_size(options, trends->cell_size),
                                   &trends->host, error);
    if (status == RECS_OK) {
        atomic_fetch_add(&trends->memory, recs__tail_memory(made->tail));
        if (options->actors != 0)
            status = recs__trend_recent_create(&made->recent, recent_size(options),
                                               &trends->host, error);
    }
    if (status != RECS_OK) {
        free_bounded(trends, made);
        return status;
    }
    if (made->recent != NULL)
        atomic_fetch_add(&trends->memory, recent_size(options));
    int64_t newest = recs__trend_newest_time(trends);
    made->started = newest < 0 ? 0 : newest;
    atomic_init(&made->most, first_most(options, trends->cell_size));
    atomic_init(&made->epoch, epoch_of(trends, newest));
    trends->bounded = made;
    return RECS_OK;
}

/* Windows of actors go: from here on `recent` knows. Sketches stay. */
static void drop_windows(recs_trends *trends, recs__trend_node *node) {
    for (uint32_t w = 0; node->actors != NULL && w < trends->options.actors_kept; w++)
        recs__trend_window_free(trends, &node->actors->windows[w]);
}

static void drop_cells(recs_trends *trends, recs__trend_node *node) {
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    recs__trend_lists_free(trends, node);
    recs__trend_release(trends, atomic_load_explicit(&node->cells, memory_order_relaxed),
                        (size_t)capacity * trends->cell_size);
    atomic_store_explicit(&node->cells, NULL, memory_order_relaxed);
    atomic_store_explicit(&node->capacity, 0, memory_order_relaxed);
    atomic_fetch_sub_explicit(&trends->cells, node->used, memory_order_relaxed);
    node->used = 0;
}

static recs_status convert_node(recs_trends *trends, recs__trend_node *node, recs_error *error) {
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    uint32_t most = atomic_load_explicit(&trends->bounded->most, memory_order_relaxed);
    uint32_t want = node->used < RECS__BOUNDED_LEAST ? RECS__BOUNDED_LEAST
                    : node->used < most              ? node->used
                                                     : most;
    recs_status status = recs__bounded_begin(trends, node, want, error);
    if (status != RECS_OK)
        return status;
    recs__bounded_lens lens;
    recs__bounded_lens_make(trends, recs__trend_newest_time(trends), &lens);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    for (uint32_t at = 0; at < capacity; at++) {
        recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item != RECS__TREND_FREE)
            recs__bounded_keep(trends, node, cell, &lens);
    }
    drop_cells(trends, node);
    drop_windows(trends, node);
    return RECS_OK;
}

/* ---- maintaining ----------------------------------------------------------------------- */

static void cut_blocks(recs_trends *trends) {
    recs__trend_bounded *bounded = trends->bounded;
    uint32_t most = atomic_load(&bounded->most);
    most = most * 15 / 16 > RECS__BOUNDED_LEAST ? most * 15 / 16 : RECS__BOUNDED_LEAST;
    atomic_store(&bounded->most, most);
    atomic_store(&bounded->tight, false);
    recs__bounded_lens lens;
    recs__bounded_lens_make(trends, recs__trend_newest_time(trends), &lens);
    uint32_t count = recs_trends_place_count(trends);
    for (uint32_t n = 0; n < count; n++) {
        recs__trend_node *node = recs__trend_node_at(trends, n);
        recs__trend_lock(trends, node);
        if (node->block != NULL && node->block->capacity > most)
            recs__bounded_cut(trends, node, most, &lens);
        recs__trend_unlock(trends, node);
    }
}

void recs__bounded_halve(recs_trends *trends) {
    recs__trend_bounded *bounded = trends->bounded;
    int64_t epoch = epoch_of(trends, recs__trend_newest_time(trends));
    int64_t steps = epoch - atomic_load(&bounded->epoch);
    for (int64_t i = 0; i < steps && i < 17; i++) { /* 17 times leave nothing but bounds of 1 */
        recs__tail_halve(bounded->tail);
        atomic_fetch_add(&bounded->halvings, 1);
    }
    if (steps > 0)
        atomic_store(&bounded->epoch, epoch);
}

recs_status recs__bounded_complete(recs_trends *trends, recs_error *error) {
    recs_status status = RECS_OK;
    uint32_t count = recs_trends_place_count(trends);
    for (uint32_t n = 0; n < count && status == RECS_OK; n++) {
        recs__trend_node *node = recs__trend_node_at(trends, n);
        recs__trend_lock(trends, node);
        if (node->block == NULL && node->used != 0) /* as yet exact */
            status = convert_node(trends, node, error);
        recs__trend_unlock(trends, node);
    }
    return status;
}

recs_status recs__bounded_convert(recs_trends *trends, recs_error *error) {
    if (trends->bounded != NULL)
        return RECS_OK;
    recs_status status = make_bounded(trends, error);
    if (status == RECS_OK)
        (void)recs__bounded_complete(trends, NULL); /* else when it is counted at */
    return status;
}

void recs__bounded_maintain(recs_trends *trends) {
    if (trends->bounded == NULL) {
        (void)recs__bounded_convert(trends, NULL);
        return;
    }
    if (atomic_load(&trends->bounded->tight))
        cut_blocks(trends);
    recs__bounded_halve(trends);
}

/* ---- room ---------------------------------------------------------------------------------- */

recs_status recs__bounded_room(recs_trends *trends, recs__trend_node *node, uint32_t more,
                               recs_error *error) {
    recs__trend_bounded *bounded = trends->bounded;
    recs_status status = RECS_OK;
    if (node->block == NULL)
        status = convert_node(trends, node, error);
    if (status == RECS_OK && trends->options.actors != 0)
        status = recs__trend_actors_open(trends, node, error);
    if (status != RECS_OK)
        return status;
    recs__trend_block *block = node->block;
    uint32_t most = atomic_load_explicit(&bounded->most, memory_order_relaxed);
    uint32_t want = more < most - (block->count < most ? block->count : most)
                        ? block->count + more
                        : most;
    if (want <= block->capacity)
        return RECS_OK;
    uint32_t capacity = (want + 7) / 8 * 8 < most ? (want + 7) / 8 * 8 : most;
    size_t bytes = recs__bounded_block_size(trends, capacity) -
                   recs__bounded_block_size(trends, block->capacity);
    if (held(trends) + bytes > (size_t)trends->options.memory ||
        recs__bounded_resize(trends, node, capacity, NULL) != RECS_OK)
        atomic_store(&bounded->tight, most > RECS__BOUNDED_LEAST);
    return RECS_OK;
}
