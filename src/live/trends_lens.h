/* trends_lens.h - the sums of a cell as a question sees them, inlined. */
#ifndef RECS_LIVE_TRENDS_LENS_H
#define RECS_LIVE_TRENDS_LENS_H

#include "live/trends_rank.h"

#include <string.h>

/* Before the scale, so that differences are of sums. */
static inline double recs__trend_raw(const recs__trend_lens *lens, const recs__trend_cell *cell,
                            int which) {
    const recs_trends *trends = lens->trends;
    uint32_t s = lens->series[which];
    int32_t slot = lens->newest[which], held;
    const recs__trend_series *series = &trends->options.series[s];
    const int64_t *sums = cell->sums + series->column;
    if (series->half_life != 0) {
        memcpy(&held, (const unsigned char *)cell + trends->newest_at + s * sizeof held,
               sizeof held);
        double now = slot <= held && held - slot < 2 ? (double)sums[slot & 1] : 0.0;
        double before = slot - 1 <= held && held - slot < 1 ? (double)sums[~slot & 1] : 0.0;
        return slot > 0 ? now + before * 0x1p-16 : now;
    }
    /* Asked for an earlier time: a bucket that the newest event has put out is not there,
     * whether or not the cell has it yet. */
    int32_t oldest = lens->slots[s] - (int32_t)series->slots + 1;
    double sum = slot >= oldest ? (double)recs__trend_sum(trends, cell, s, slot) : 0.0;
    for (uint32_t back = 1; back + 1 < series->slots && slot - (int32_t)back >= oldest; back++)
        sum += (double)recs__trend_sum(trends, cell, s, slot - (int32_t)back);
    return sum;
}

/* recs__trend_find, whose first guess is most often right. */
static inline const recs__trend_cell *recs__trend_find_hot(const recs_trends *trends,
                                                           const recs__trend_node *node,
                                                           uint32_t item) {
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    if (capacity == 0)
        return NULL;
    const recs__trend_cell *cell =
        recs__trend_at(trends, cells, recs__trend_home(item, capacity));
    return cell->item == item ? cell : recs__trend_find(trends, node, item);
}

#endif
