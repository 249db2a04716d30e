/* filter_sharpen.c - see filter_sharpen.h.
 *
 * Horner's rule over the block: y = b - t/j P y for j = 4, 3, 2, 1, from y = b. */
#include "train/filter_sharpen.h"

#include "base/memory.h"
#include "train/svd.h"

#include <string.h>

#define ROWS_PER_TASK 64

typedef struct step {
    const float *begin;
    float *next; /* P y * scale, becomes begin - factor * that */
    size_t rows, ld, n;
    float factor;
} step;

static void step_rows(void *arg, size_t index) {
    const step *s = arg;
    size_t first = index * ROWS_PER_TASK, end = first + ROWS_PER_TASK;
    for (size_t row = first; row < end && row < s->rows; row++) {
        const float *begin = s->begin + row * s->ld;
        float *next = s->next + row * s->ld;
        for (size_t i = 0; i < s->n; i++)
            next[i] = begin[i] - s->factor * next[i];
    }
}

recs_status recs__filter_sharpen(const recs_host *host, const recs__csr *a,
                                 const recs__csr *transposed, double scale, double time,
                                 float *block, size_t ld, size_t n, recs__progress *progress,
                                 recs_error *error) {
    size_t columns = a->column_count;
    float *begin = recs__alloc_aligned(host, columns * ld, sizeof *begin, error);
    float *across = begin ? recs__alloc_aligned(host, a->rows * ld, sizeof *across, error) : NULL;
    recs_status status = across ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK)
        memcpy(begin, block, columns * ld * sizeof *begin);
    for (int j = 4; status == RECS_OK && j > 0; j--) {
        step s = {begin, block, columns, ld, n, (float)(time / j / scale)};
        recs__sparse_times_dense(host, a, block, ld, n, across);
        recs__sparse_times_dense(host, transposed, across, ld, n, block);
        recs__run(host, step_rows, &s, (columns + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
        status = recs__progress_tell(progress, "graphfilter: sharpening", (uint64_t)(5 - j), 4,
                                     error);
    }
    recs__free_aligned(host, begin);
    recs__free_aligned(host, across);
    return status;
}

uint64_t recs__filter_sharpen_memory(uint32_t rows, uint32_t columns, size_t ld) {
    return ((uint64_t)rows + columns) * ld * sizeof(float);
}
