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

/* The same for two half-lives at once, to the bit: each step is the same in both halves. */
static inline void recs__trend_worth_pair(const double *powers, const double *steps,
                                          uint32_t weight, int64_t first, int64_t second,
                                          int64_t *worth) {
    typedef double pair __attribute__((vector_size(16)));
    typedef uint64_t bits __attribute__((vector_size(16)));
    pair at = {(double)first * steps[0], (double)second * steps[1]};
    uint32_t a = (uint32_t)(int32_t)at[0], b = (uint32_t)(int32_t)at[1]; /* below 4096 */
    pair g = (at - (pair){(double)(int32_t)a, (double)(int32_t)b}) *
             (0.6931471805599453 / 256.0);
    pair factor = (pair){powers[a & 255], powers[b & 255]} * (1.0 + g * (1.0 + g * 0.5));
    bits doubled = (bits){(a >> 8) + UINT64_C(1023), (b >> 8) + UINT64_C(1023)} << 52;
    pair sums = (double)weight * factor * (pair)doubled + 0.5;
    worth[0] = (int64_t)sums[0];
    worth[1] = (int64_t)sums[1];
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
            recs__trend_appeared(trends, node, cell, slots[base], record->seconds);
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
    int64_t since = recs__trend_listed_since(trends, now) - newest * width;
    bool before = since < 0;
    since += before ? width : 0;
    return (recs__trend_fresh){before, since < 0 ? 0 : (uint32_t)(since / 1000)};
}

/* What a cell must pass to enter a list: by series and kind (of all items, of new ones) the least
 * bar, for a cell that is not on the longest list, and that of the short one for a cell that is.
 * Where there is one tier the second is never passed. Of one or two series. */
typedef struct recs__trend_doors {
    int64_t bars[2][2][2]; /* series, kind, whether on the longest list */
    uint32_t longest;      /* bit of the first longest list             */
} recs__trend_doors;

static inline recs__trend_doors recs__trend_doors_of(const recs__trend_lists *lists,
                                                     uint32_t series) {
    recs__trend_doors doors = {.longest = 0};
    if (lists == NULL)
        return doors;
    bool both = lists->tiers == 2;
    doors.longest = both ? 2 * series : 0;
    for (uint32_t k = 0; k < series; k++)
        for (uint32_t kind = 0; kind < 2; kind++) {
            uint32_t l = kind * series + k;
            int64_t longest = lists->bars[doors.longest + l], other = lists->bars[l];
            doors.bars[k][kind][0] = other < longest ? other : longest;
            doors.bars[k][kind][1] = both ? other : INT64_MAX;
        }
    return doors;
}

/* Whether a list that the cell is not on may want it; the lists are aligned. A cell on a short list
 * is on the long one, too, or wanted once more than needed. No branch but the last. */
static inline bool recs__trend_wanted(const recs__trend_doors *doors,
                                      const recs__trend_cell *cell, const int64_t *values,
                                      uint32_t series, recs__trend_fresh fresh,
                                      uint32_t parity) {
    uint32_t before = cell->first[!parity], last = cell->first[parity], wanted[2] = {0};
    uint32_t is_new = fresh.before ? before - 1 >= fresh.seconds
                                   : (before == 0) & (last > fresh.seconds);
    uint32_t longest = cell->marks >> doors->longest, shorts = cell->marks & longest;
    for (uint32_t k = 0; k < series; k++)
        for (uint32_t kind = 0; kind < 2; kind++) {
            uint32_t l = kind * series + k;
            wanted[kind] |= (values[k] > doors->bars[k][kind][longest >> l & 1]) & ~(shorts >> l);
        }
    return (wanted[0] | (wanted[1] & is_new)) & 1;
}

#endif
