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

/* recs__trend_worth of a half-life. 2^(n + j/256) * e^g, g below ln(2)/256: relative
 * error below 4e-9, and never smaller for a later time. */
static inline int64_t recs__trend_worth_hot(const double *powers, double steps, uint32_t weight,
                                            int64_t offset) {
    double at = (double)offset * steps;
    uint32_t step = (uint32_t)at;
    double g = (at - (double)step) * (0.6931471805599453 / 256.0);
    double factor = powers[step & 255] * (1.0 + g * (1.0 + g * 0.5));
    return (int64_t)((double)weight * factor * (double)(1u << (step >> 8)) + 0.5);
}

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

/* ---- lists: whether a cell may belong on one ---- */

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

#endif
