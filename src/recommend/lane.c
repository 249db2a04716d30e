/* lane.c - dense scores of a sparse part, behind score.h: filled by chains over columns,
 * reset by walking what was touched, or whole where that is more than a quarter.
 *
 * Invariant: between requests all scores are zero. */
#include "recommend/score.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

/* The chain without the vector kernels, for slices that name rows beyond the
 * catalogue: those are skipped. */
static void scatter_checked(float value, const uint32_t *columns, const float *values,
                            size_t count, recs__lane *lane) {
    for (size_t i = 0; i < count; i++) {
        uint32_t row = columns[i];
        if (row >= lane->rows)
            continue;
        lane->scores[row] = fmaf(value, values[i], lane->scores[row]);
    }
}

static void mark(recs__lane *lane, const uint32_t *columns, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t row = columns[i];
        if (row >= lane->rows)
            continue;
        uint64_t *word = &lane->marks[row >> 6], bit = UINT64_C(1) << (row & 63);
        if ((*word & bit) == 0) {
            *word |= bit;
            lane->touched[lane->touched_count++] = row;
        }
    }
}

void recs__score_scatter(float value, const uint32_t *columns, const float *values, size_t count,
                         recs__lane *lane) {
    const recs__kernels *kernels = recs__kernels_get();
    float gathered[RECS__BLOCK];

    for (size_t done = 0; done < count;) {
        size_t n = count - done < RECS__BLOCK ? count - done : RECS__BLOCK;
        const uint32_t *some = columns + done;
        bool ascending = some[n - 1] < lane->rows;
        for (size_t i = 1; i < n; i++)
            ascending &= some[i - 1] < some[i];
        if (!lane->whole)
            mark(lane, some, n);
        if (ascending) {
            for (size_t i = 0; i < n; i++)
                gathered[i] = lane->scores[some[i]];
            kernels->axpy(value, values + done, gathered, n);
            for (size_t i = 0; i < n; i++)
                lane->scores[some[i]] = gathered[i];
        } else {
            scatter_checked(value, some, values + done, n, lane);
        }
        done += n;
    }
}

void recs__lane_set(recs__lane *lane, uint32_t row, float score) {
    if (!lane->whole)
        mark(lane, &row, 1);
    lane->scores[row] = score;
}

recs_status recs__lane_begin(recs__lane *lane, const recs_host *host, uint32_t rows, size_t total,
                             recs_error *error) {
    bool whole = total > rows / 4;
    recs_status status = recs__room_fresh(host, (void **)&lane->scores, &lane->capacity, rows,
                                          sizeof *lane->scores, error);
    if (status == RECS_OK && !whole)
        status = recs__room_fresh(host, (void **)&lane->marks, &lane->mark_capacity,
                                  ((size_t)rows + 63) / 64, sizeof *lane->marks, error);
    if (status == RECS_OK && !whole)
        status = recs__room_fresh(host, (void **)&lane->touched, &lane->touched_capacity, total,
                                  sizeof *lane->touched, error);
    if (status != RECS_OK)
        return status;
    lane->rows = rows;
    lane->whole = whole;
    return RECS_OK;
}

void recs__lane_clear(recs__lane *lane) {
    if (lane->whole) {
        memset(lane->scores, 0, lane->rows * sizeof *lane->scores);
    } else {
        for (size_t i = 0; i < lane->touched_count; i++) {
            lane->scores[lane->touched[i]] = 0.0f;
            lane->marks[lane->touched[i] >> 6] = 0;
        }
    }
    lane->whole = false;
    lane->touched_count = 0;
    lane->rows = 0;
}

void recs__lane_free(recs__lane *lane, const recs_host *host) {
    recs__free_aligned(host, lane->scores);
    recs__free_aligned(host, lane->marks);
    recs__free_aligned(host, lane->touched);
}

size_t recs__lane_memory(const recs__lane *lane) {
    return lane->capacity * sizeof *lane->scores + lane->mark_capacity * sizeof *lane->marks +
           lane->touched_capacity * sizeof *lane->touched;
}
