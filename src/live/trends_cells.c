/* trends_cells.c - the table of a node, and the arithmetic of a cell.
 *
 * Operations, all under the lock of the node's stripe: find, take, room, add,
 * sum, value; each touches one or two cache lines for up to two half-lives. A
 * table is at most 3/4 full and grows by half, so a cell costs cell_size / 0.62
 * bytes on average.
 *
 * Sums grow by additions that are never negative and stop at INT64_MAX. */
#include "live/trends_hot.h"

#include "live/trends_actors.h"
#include "live/trends_bounded.h"

#include <string.h>

/* ---- the table -------------------------------------------------------------------- */

recs__trend_cell *recs__trend_find(const recs_trends *trends, const recs__trend_node *node,
                                   uint32_t item) {
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    if (capacity == 0)
        return NULL;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t at = recs__trend_home(item, capacity);
    for (uint32_t left = capacity; left > 0; left--) { /* a damaged file's may be full */
        recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item == item)
            return cell;
        if (cell->item == RECS__TREND_FREE)
            return NULL;
        at = at + 1 == capacity ? 0 : at + 1;
    }
    return NULL;
}

/* A sale's cell and its returns' know of each other through a mark. */
void recs__trend_begin(recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                       uint32_t item) {
    memset(cell, 0, trends->cell_size);
    cell->item = item;
    node->used++;
    atomic_fetch_add_explicit(&trends->cells, 1, memory_order_relaxed);
    if (item & RECS__TREND_RETURNED)
        atomic_store_explicit(&trends->returns, true, memory_order_relaxed);
    else if (!atomic_load_explicit(&trends->returns, memory_order_relaxed))
        return;
    recs__trend_cell *other = recs__trend_find(trends, node, item ^ RECS__TREND_RETURNED);
    if (other == NULL)
        return;
    if (item & RECS__TREND_RETURNED)
        other->marks |= RECS__TREND_HAS_RETURNS;
    else
        cell->marks |= RECS__TREND_HAS_RETURNS;
}

recs__trend_cell *recs__trend_take(recs_trends *trends, recs__trend_node *node, uint32_t item) {
    recs__trend_cell *cell =
        recs__trend_look(trends, atomic_load_explicit(&node->cells, memory_order_relaxed),
             atomic_load_explicit(&node->capacity, memory_order_relaxed), item);
    if (cell->item == RECS__TREND_FREE)
        recs__trend_begin(trends, node, cell, item);
    return cell;
}

static void move(const recs_trends *trends, const unsigned char *from, uint32_t from_capacity,
                 unsigned char *to, uint32_t capacity) {
    for (uint32_t at = 0; at < from_capacity; at++) {
        const recs__trend_cell *cell = recs__trend_at(trends, from, at);
        if (cell->item != RECS__TREND_FREE)
            memcpy(recs__trend_look(trends, to, capacity, cell->item), cell, trends->cell_size);
    }
}

recs_status recs__trend_make_room(recs_trends *trends, recs__trend_node *node, uint32_t more,
                             recs_error *error) {
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    uint64_t need = (uint64_t)node->used + node->reserved + more;
    if (need * 4 <= (uint64_t)capacity * 3)
        return RECS_OK;
    uint64_t wanted = capacity < 4 ? 4 : (uint64_t)capacity + capacity / 2;
    if (wanted * 3 < need * 4)
        wanted = (need * 4 + 2) / 3;
    wanted = recs__trend_good_size(trends, (size_t)wanted * trends->cell_size) / trends->cell_size;
    if (wanted > RECS__TREND_ITEMS)
        return recs__fail(error, RECS_ERR_LIMIT, "a place has more than %u items",
                          RECS__TREND_ITEMS);
    unsigned char *cells = recs__trend_alloc(trends, (size_t)wanted * trends->cell_size, error);
    if (cells == NULL)
        return RECS_ERR_MEMORY;
    memset(cells, 0xff, (size_t)wanted * trends->cell_size); /* items: RECS__TREND_FREE */
    unsigned char *old = atomic_load_explicit(&node->cells, memory_order_relaxed);
    move(trends, old, capacity, cells, (uint32_t)wanted);
    atomic_store_explicit(&node->cells, cells, memory_order_relaxed);
    atomic_store_explicit(&node->capacity, (uint32_t)wanted, memory_order_relaxed);
    recs__trend_release(trends, old, (size_t)capacity * trends->cell_size);
    if (node->lists != NULL)
        recs__trend_lists_follow(trends, node);
    else if (recs__trend_tiers(trends, (uint32_t)wanted) != 0)
        recs__trend_lists_build(trends, node, 1);
    return RECS_OK;
}

void recs__trend_cells_free(recs_trends *trends, recs__trend_node *node) {
    uint32_t capacity = atomic_load(&node->capacity);
    recs__trend_lists_free(trends, node);
    recs__trend_actors_free(trends, node);
    if (node->block == NULL && trends->mapped == NULL) /* else its cells are a view, a file's */
        recs__trend_release(trends, atomic_load(&node->cells),
                            (size_t)capacity * trends->cell_size);
    recs__bounded_block_free(trends, node);
    atomic_store(&node->cells, NULL);
    atomic_store(&node->capacity, 0);
    node->used = 0;
}

/* ---- the cell ----------------------------------------------------------------------- */

void recs__trend_change(const recs_trends *trends, recs__trend_cell *cell, uint32_t s,
                        int32_t slot, int64_t change) {
    const recs__trend_series *series = &trends->options.series[s];
    int32_t newest = recs__trend_newest(trends, cell)[s];
    if (slot < 0 || slot > newest || newest - slot >= (int32_t)series->slots)
        return;
    int64_t *sum = cell->sums + series->column + recs__trend_column(series, slot);
    if (*sum != INT64_MAX)
        *sum += change;
}

bool recs__trend_add(const recs_trends *trends, recs__trend_cell *cell, uint32_t s, int32_t slot,
                     int64_t value) {
    const recs__trend_series *series = &trends->options.series[s];
    int64_t *sums = cell->sums + series->column;
    int32_t *newest = recs__trend_newest(trends, cell) + s, slots = (int32_t)series->slots;
    if (slot > *newest) {
        int32_t empty = slot - *newest < slots ? slot - *newest : slots;
        for (int32_t i = 0; i < empty && i <= slot; i++) {
            sums[recs__trend_column(series, slot - i)] = 0;
            if (s == trends->options.base)
                cell->first[(slot - i) & 1] = 0;
        }
        *newest = slot;
    } else if (*newest - slot >= slots) {
        return false;
    }
    int64_t *sum = &sums[recs__trend_column(series, slot)];
    bool ends = value > INT64_MAX - *sum;
    *sum = ends ? INT64_MAX : *sum + value;
    return ends;
}

int64_t recs__trend_sum(const recs_trends *trends, const recs__trend_cell *cell, uint32_t s,
                        int32_t slot) {
    const recs__trend_series *series = &trends->options.series[s];
    int32_t newest, slots = (int32_t)series->slots;
    memcpy(&newest, (const unsigned char *)cell + trends->newest_at + s * sizeof newest,
           sizeof newest);
    if (slot < 0 || slot > newest || newest - slot >= slots)
        return 0;
    return cell->sums[series->column + recs__trend_column(series, slot)];
}

int64_t recs__trend_value(const recs_trends *trends, const recs__trend_cell *cell, uint32_t s,
                          int32_t newest) {
    const recs__trend_series *series = &trends->options.series[s];
    int64_t value = recs__trend_sum(trends, cell, s, newest);
    if (series->half_life != 0) {
        int64_t before = recs__trend_sum(trends, cell, s, newest - 1) >> RECS__TREND_HALVINGS;
        return value > INT64_MAX - before ? INT64_MAX : value + before;
    }
    for (uint32_t back = 1; back + 1 < series->slots; back++) {
        int64_t sum = recs__trend_sum(trends, cell, s, newest - (int32_t)back);
        value = value > INT64_MAX - sum ? INT64_MAX : value + sum;
    }
    return value;
}

void recs__trend_appeared(recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                          int32_t slot, uint32_t seconds) {
    /* newest[] of the base series says which slots first[] belongs to; adding
     * has moved it and emptied what came anew. */
    int32_t newest = recs__trend_newest(trends, cell)[trends->options.base];
    uint32_t *first = &cell->first[slot & 1];
    bool anew = (cell->first[0] | cell->first[1]) == 0;
    if (newest - slot < 2 && (*first == 0 || seconds + 1 < *first))
        *first = seconds + 1;
    if (anew && cell->item < RECS__TREND_ITEMS)
        recs__trend_arrived(trends, node, cell->item);
}

bool recs__trend_alive(const recs_trends *trends, const recs__trend_cell *cell) {
    int64_t now = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    for (uint32_t s = 0; s < trends->options.series_count && now >= 0; s++) {
        const recs__trend_series *series = &trends->options.series[s];
        int32_t newest = recs__trend_slot(series, now);
        for (uint32_t back = 0; back < series->slots; back++)
            if (recs__trend_sum(trends, cell, s, newest - (int32_t)back) != 0)
                return true;
    }
    return false;
}

int64_t recs__trend_first(const recs_trends *trends, const recs__trend_cell *cell) {
    const recs__trend_series *base = &trends->options.series[trends->options.base];
    int64_t newest_time = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    if (newest_time < 0)
        return RECS_NO_TIME;
    int32_t newest = recs__trend_slot(base, newest_time), held;
    memcpy(&held,
           (const unsigned char *)cell + trends->newest_at +
               trends->options.base * sizeof held,
           sizeof held);
    for (int32_t slot = newest - 1; slot <= newest; slot++)
        if (slot >= 0 && slot <= held && held - slot < 2 && cell->first[slot & 1] != 0)
            return slot * base->width + (int64_t)(cell->first[slot & 1] - 1) * 1000;
    return RECS_NO_TIME;
}

/* ---- what an event adds ------------------------------------------------------------------ */

int64_t recs__trend_worth(const recs_trends *trends, uint32_t s, uint32_t weight, int64_t offset) {
    const recs__trend_series *series = &trends->options.series[s];
    if (series->half_life == 0)
        return weight;
    return recs__trend_worth_hot(trends->powers, series->steps, weight, offset);
}
