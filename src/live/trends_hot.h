/* trends_hot.h - what counting does for every event, inlined.
 *
 * The same as the functions of trends_cells.c for the usual case (the event is
 * in the newest slot its cell knows, two slots a series) and those functions
 * for the rest. */
#ifndef RECS_LIVE_TRENDS_HOT_H
#define RECS_LIVE_TRENDS_HOT_H

#include "live/trends_add.h"

#include <string.h>

_Static_assert(sizeof(recs__trend_node) <= 64, "a node is one cache line");

/* Asks for the line where an item's cell is likely to be. Needs no lock: a
 * table that moved meanwhile makes the wish useless, not wrong. */
static inline void recs__trend_prefetch(const recs_trends *trends, const recs__trend_node *node,
                                        uint32_t item) {
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    uintptr_t cells =
        (uintptr_t)atomic_load_explicit(&node->cells, memory_order_relaxed);
    cells += (size_t)recs__trend_home(item, capacity) * trends->cell_size;
    __builtin_prefetch((const void *)cells, 1);
}

/* The cell of an item, made when new. */
static inline recs__trend_cell *recs__trend_take_hot(recs_trends *trends, recs__trend_node *node,
                                                     uint32_t item) {
    unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    recs__trend_cell *cell = recs__trend_at(trends, cells, recs__trend_home(item, capacity));
    return cell->item == item ? cell : recs__trend_take(trends, node, item);
}

/* Adds a record to a cell; returns the sums that stopped. */
static inline uint32_t recs__trend_add_hot(const recs_trends *trends, recs__trend_cell *cell,
                                           const int64_t *worth, const int32_t *slots) {
    uint32_t stopped = 0;
    int32_t *newest = recs__trend_newest(trends, cell);
    for (uint32_t s = 0; s < trends->options.series_count; s++) {
        int32_t slot = slots[s];
        if (slot < 0)
            continue;
        if (slot != newest[s]) {
            stopped += recs__trend_add(trends, cell, s, slot, worth[s]);
            continue;
        }
        const recs__trend_series *series = &trends->options.series[s];
        int64_t *sum = cell->sums + series->column + recs__trend_column(series, slot);
        bool ends = worth[s] > INT64_MAX - *sum;
        *sum = ends ? INT64_MAX : *sum + worth[s];
        stopped += ends;
    }
    return stopped;
}

/* recs__trend_count without totals. */
static inline uint32_t recs__trend_count_hot(recs_trends *trends, recs__trend_node *node,
                                             recs__trend_record *record, const int32_t *newest,
                                             int64_t now) {
    const int32_t *slots = recs__trend_slots(trends, record);
    uint32_t base = trends->options.base;
    recs__trend_cell *cell = recs__trend_take_hot(trends, node, record->item);
    uint32_t stopped = recs__trend_add_hot(trends, cell, record->worth, slots);
    if (slots[base] >= 0) {
        uint32_t first = cell->first[slots[base] & 1];
        if (first == 0 || record->seconds + 1 < first)
            recs__trend_appeared(trends, cell, slots[base], record->seconds);
    }
    if (node->lists != NULL)
        recs__trend_offer(trends, node, cell, newest, now);
    return stopped;
}

/* ---- a run: many events in the newest slots, one or two half-lives, one node ---- */

enum { RECS__TREND_AHEAD = 16 };

/* Events of a sorted piece. */
typedef struct recs__trend_run {
    const uint64_t *pairs; /* node << 32 | event */
    size_t count;          /* of all pairs       */
    unsigned char *records;
    const int32_t *newest; /* slots of all series, and of all events */
    int64_t now;
} recs__trend_run;

/* Whether a cell may be new: exact for one whose base slot is the newest. */
typedef struct recs__trend_fresh {
    bool before; /* the time lies in the slot before the newest */
    uint32_t seconds;
} recs__trend_fresh;

static inline recs__trend_fresh recs__trend_fresh_since(const recs_trends *trends, int32_t newest,
                                                        int64_t now) {
    int64_t width = trends->options.series[trends->options.base].width;
    int64_t since = now - trends->options.new_within - newest * width;
    bool before = since < 0;
    since += before ? width : 0;
    return (recs__trend_fresh){before, since < 0 ? 0 : (uint32_t)(since / 1000)};
}

/* Prefetches what pair i will need: first its record and its place, later its
 * cell (and the total's, where a place begins). */
static inline void recs__trend_look_ahead(const recs_trends *trends, const recs__trend_run *run,
                                          size_t stride, size_t i) {
    if (i + 2 * RECS__TREND_AHEAD < run->count) {
        uint64_t pair = run->pairs[i + 2 * RECS__TREND_AHEAD];
        __builtin_prefetch(run->records + (uint32_t)pair * stride);
        __builtin_prefetch(recs__trend_node_at(trends, (uint32_t)(pair >> 32)));
    }
    if (i + RECS__TREND_AHEAD < run->count) {
        uint64_t pair = run->pairs[i + RECS__TREND_AHEAD];
        const recs__trend_node *node = recs__trend_node_at(trends, (uint32_t)(pair >> 32));
        uint32_t item;
        memcpy(&item, run->records + (uint32_t)pair * stride, sizeof item);
        recs__trend_prefetch(trends, node, item);
        if (run->pairs[i + RECS__TREND_AHEAD - 1] >> 32 != pair >> 32) {
            recs__trend_prefetch(trends, node, RECS__TREND_TOTAL);
            __builtin_prefetch(atomic_load_explicit(&node->lists, memory_order_relaxed));
        }
    }
}

/* The marks a cell of a node may have: of lists of all items, and of new ones. */
typedef struct recs__trend_marks {
    uint32_t all, fresh;
} recs__trend_marks;

static inline recs__trend_marks recs__trend_marks_of(const recs__trend_lists *lists,
                                                     uint32_t series) {
    uint32_t one = (UINT32_C(1) << series) - 1;
    uint32_t all = lists == NULL ? 0 : lists->tiers == 2 ? one | one << 2 * series : one;
    return (recs__trend_marks){all, all << series};
}

/* Whether a list that the cell is not on may want it. The lists are aligned. A hot cell
 * is on all, which its marks say, a cold one below the floors. */
static inline bool recs__trend_wanted(const recs__trend_lists *lists, recs__trend_marks marks,
                                      const recs__trend_cell *cell, const int64_t *values,
                                      uint32_t series, recs__trend_fresh fresh,
                                      uint32_t parity) {
    uint32_t missing = marks.all & ~cell->marks, above = 0;
    if ((marks.fresh & ~cell->marks) != 0) {
        uint32_t before = cell->first[!parity], last = cell->first[parity];
        if (fresh.before ? before == 0 || before > fresh.seconds
                         : before == 0 && last > fresh.seconds)
            missing |= marks.fresh & ~cell->marks;
    }
    if (missing == 0)
        return false;
    for (uint32_t k = 0; k < series; k++)
        above |= values[k] > lists->floors[k];
    if (above == 0)
        return false;
    for (; missing != 0; missing &= missing - 1) {
        uint32_t l = (uint32_t)__builtin_ctz(missing);
        if (values[l % series] > lists->bars[l])
            return true;
    }
    return false;
}

/* Pairs [begin, end), all of node, whose lock is held: cells and lists. Adds
 * the worths to totals (series sales, then series returns). series: a constant,
 * 1 or 2, so that all loops over it unroll; cells have 64 bytes. */
__attribute__((always_inline)) static inline uint32_t
recs__trend_run_count(recs_trends *trends, recs__trend_node *node, const recs__trend_run *run,
                      size_t begin, size_t end, int64_t *totals, const uint32_t series) {
    const size_t stride = (8 + 12 * (size_t)series + 7) / 8 * 8;
    const uint32_t base = series - 1;
    const recs__trend_lists *lists = node->lists;
    const recs__trend_marks marks = recs__trend_marks_of(lists, series);
    unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    const uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    recs__trend_fresh fresh = recs__trend_fresh_since(trends, run->newest[base], run->now);
    uint32_t stopped = 0, parity[2];
    int32_t newest[2];
    for (uint32_t k = 0; k < series; k++) {
        newest[k] = run->newest[k];
        parity[k] = (uint32_t)newest[k] & 1;
    }
    for (size_t i = begin; i < end; i++) {
        if (i + 2 * RECS__TREND_AHEAD < end) { /* the usual look ahead, of one node */
            uint32_t item;
            __builtin_prefetch(run->records +
                               (uint32_t)run->pairs[i + 2 * RECS__TREND_AHEAD] * stride);
            memcpy(&item, run->records + (uint32_t)run->pairs[i + RECS__TREND_AHEAD] * stride,
                   sizeof item);
            __builtin_prefetch(cells + (size_t)recs__trend_home(item, capacity) * 64, 1);
        } else {
            recs__trend_look_ahead(trends, run, stride, i);
        }
        recs__trend_record *record =
            (recs__trend_record *)(void *)(run->records + (uint32_t)run->pairs[i] * stride);
        int64_t *sums = totals + (record->item & RECS__TREND_RETURNED ? series : 0);
        for (uint32_t k = 0; k < series; k++)
            sums[k] += record->worth[k];
        recs__trend_cell *cell = (recs__trend_cell *)(void *)(
            cells + (size_t)recs__trend_home(record->item, capacity) * 64);
        if (cell->item != record->item)
            cell = recs__trend_take(trends, node, record->item);
        const int32_t *held = (const int32_t *)(const void *)(cell->sums + 2 * series);
        bool usual = true;
        for (uint32_t k = 0; k < series; k++)
            usual &= held[k] == newest[k] && cell->sums[2 * k + parity[k]] < INT64_MAX / 2;
        if (!usual) { /* a new cell, an old one, or one near its end */
            stopped += recs__trend_count_hot(trends, node, record, run->newest, run->now);
            continue;
        }
        int64_t values[2];
        for (uint32_t k = 0; k < series; k++) {
            int64_t sum = cell->sums[2 * k + parity[k]] += record->worth[k];
            values[k] = sum + (cell->sums[2 * k + !parity[k]] >> RECS__TREND_HALVINGS);
        }
        uint32_t first = cell->first[parity[base]];
        if (first == 0 || record->seconds + 1 < first)
            cell->first[parity[base]] = record->seconds + 1;
        if (recs__trend_wanted(lists, marks, cell, values, series, fresh, parity[base]))
            recs__trend_offer(trends, node, cell, run->newest, run->now);
    }
    return stopped;
}

#endif
