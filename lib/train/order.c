/* order.c - merging, which is stable: rows by any comparison, events by time.
 *
 * Cost: n log2 n comparisons, and moves between two arrays; events are first put
 * in runs of 32 by insertion. */
#include "train/order.h"

#include <string.h>

#define RUN 32

recs_status recs__order_rows(uint32_t *rows, uint32_t *spare, size_t count,
                             recs__row_before *before, const void *data,
                             recs__progress *progress, const char *stage, recs_error *error) {
    uint32_t *from = rows, *to = spare;
    recs_status status = RECS_OK;
    for (size_t width = 1; width < count && status == RECS_OK; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t left = begin, right = middle;
            for (size_t i = begin; i < end; i++)
                to[i] = right < end && (left >= middle || before(data, from[right], from[left]))
                            ? from[right++] : from[left++];
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
        if (progress != NULL)
            status = recs__progress_tell(progress, stage, width, count, error);
    }
    if (from != rows)
        memcpy(rows, from, count * sizeof *rows);
    return status;
}

/* ---- events --------------------------------------------------------------------- */

static void insertion(uint64_t *events, uint64_t begin, uint64_t end, const int64_t *times) {
    for (uint64_t i = begin + 1; i < end; i++) {
        uint64_t event = events[i], at = i;
        for (; at > begin && times[events[at - 1]] > times[event]; at--)
            events[at] = events[at - 1];
        events[at] = event;
    }
}

static void merge(const uint64_t *from, uint64_t *to, uint64_t begin, uint64_t middle,
                  uint64_t end, const int64_t *times) {
    uint64_t left = begin, right = middle;
    for (uint64_t i = begin; i < end; i++) {
        bool first = right == end ||
                     (left < middle && times[from[left]] <= times[from[right]]);
        to[i] = from[first ? left++ : right++];
    }
}

recs_status recs__order_events(uint64_t *events, uint64_t *spare, uint64_t count,
                               const int64_t *times, recs__order_tell *tell, void *data,
                               recs_error *error) {
    uint64_t *from = events, *to = spare;
    recs_status status = RECS_OK;
    for (uint64_t at = 0; at < count; at += RUN)
        insertion(from, at, at + RUN < count ? at + RUN : count, times);
    for (uint64_t width = RUN; width < count && status == RECS_OK; width *= 2) {
        for (uint64_t at = 0; at < count && status == RECS_OK; at += 2 * width) {
            uint64_t middle = at + width < count ? at + width : count;
            merge(from, to, at, middle, middle + width < count ? middle + width : count, times);
            status = tell(data, width, count, error);
        }
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (status == RECS_OK && from != events)
        memcpy(events, from, count * sizeof *events);
    return status;
}
