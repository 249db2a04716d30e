/* ease_dense.c - ease by inverting the whole matrix, in half of it.
 *
 * G = X^T D X + lambda I is summed row by row (Gustavson over the units of an
 * item, ascending, items up to the row's own) into the lower blocks of
 * inverse.h, inverted there, and the rows of W are read off and pruned.
 *
 * Cost: sum over units of d_u^2 / 2 multiply-adds for G, items^3 flops, and
 * one pass over the matrix. Memory: 2 items (items + 512) bytes, 4 KB an item
 * beside, 8 k bytes an item for the result. */
#include "train/ease.h"

#include "base/checked.h"
#include "base/memory.h"
#include "train/inverse.h"
#include "train/linalg.h"
#include "train/scratch.h"

#include <math.h>
#include <string.h>

#define GRAM_ROWS 16 /* of a task */
#define WEIGHT_ROWS 32
#define EXPONENT UINT32_C(0x7F800000)
#define BATCH 64     /* tasks between two looks at progress */

uint64_t recs__ease_dense_bytes(size_t items, size_t k) {
    size_t block = recs__symmetric_block(items), floats = recs__symmetric_floats(items, block);
    size_t rows = items ? items : 1, kept = k < rows ? k : rows, result, bytes;
    if (floats == SIZE_MAX || recs__mul_size(rows, kept * 8 + 12, &result))
        return UINT64_MAX;
    size_t beside = recs__symmetric_beside(items, block);
    size_t lanes = RECS__LANES * (WEIGHT_ROWS * rows * sizeof(float) +
                                  recs__best_room(k) * sizeof(uint64_t));
    if (recs__add_size(floats * sizeof(float), result, &bytes) ||
        recs__add_size(bytes, beside > lanes ? beside : lanes, &bytes))
        return UINT64_MAX;
    return bytes;
}

typedef struct dense {
    const recs__ease *ease;
    recs__symmetric matrix;
    recs__neighbour_rows *rows;
    const float *scale; /* [items] target's scale / P_jj */
    recs__scratch scratch;
    size_t first_task, items;
    atomic_bool out_of_memory, not_finite;
} dense;

static void gram_task(void *arg, size_t index) {
    const dense *d = arg;
    const recs__sparse *by_item = &d->ease->by_item, *by_unit = &d->ease->by_unit;
    size_t first = (d->first_task + index) * GRAM_ROWS;
    size_t last = first + GRAM_ROWS < d->items ? first + GRAM_ROWS : d->items;
    for (size_t i = first; i < last; i++) {
        float *row = recs__symmetric_row(&d->matrix, i);
        for (uint64_t e = by_item->offsets[i]; e < by_item->offsets[i + 1]; e++) {
            uint32_t u = by_item->columns[e];
            float x = by_item->values[e] * d->ease->unit_weights[u];
            uint64_t end = by_unit->offsets[u + 1];
            for (uint64_t f = by_unit->offsets[u]; f < end && by_unit->columns[f] <= i; f++)
                row[by_unit->columns[f]] += x * by_unit->values[f];
        }
        row[i] = d->ease->diagonal[i] + (float)d->ease->regularization;
    }
}

static void weights_task(void *arg, size_t index) {
    dense *d = arg;
    size_t first = (d->first_task + index) * WEIGHT_ROWS, n = d->items;
    size_t count = n - first < WEIGHT_ROWS ? n - first : WEIGHT_ROWS;
    uint64_t *keys = recs__scratch_take(&d->scratch);
    if (!keys) {
        atomic_store(&d->out_of_memory, true);
        return;
    }
    float *rows = (float *)(void *)(keys + recs__best_room(d->ease->k));
    recs__symmetric_rows(&d->matrix, first, count, rows);
    for (size_t r = 0; r < count; r++) {
        float *row = rows + r * n;
        float own = d->ease->history_scale[first + r];
        uint32_t bad = 0, bits;
        for (size_t j = 0; j < n; j++) {
            row[j] *= d->scale[j] * own;
            memcpy(&bits, &row[j], sizeof bits);
            bad |= (bits & EXPONENT) == EXPONENT; /* infinite or no number */
        }
        if (bad)
            atomic_store(&d->not_finite, true);
        recs__neighbour_rows_dense(d->rows, (uint32_t)(first + r), row, RECS__KEEP_LARGEST,
                                   (uint32_t)(first + r), keys);
    }
    recs__scratch_give(&d->scratch, keys);
}

static recs_status all_tasks(dense *d, void (*task)(void *, size_t), size_t rows_per_task,
                             const char *stage, recs_error *error) {
    size_t tasks = d->items / rows_per_task + (d->items % rows_per_task != 0);
    for (d->first_task = 0; d->first_task < tasks; d->first_task += BATCH) {
        size_t left = tasks - d->first_task;
        recs_status status = recs__progress_tell(d->ease->job->progress, stage,
                                                 (uint64_t)d->first_task * rows_per_task,
                                                 d->items, error);
        if (status)
            return status;
        recs__run(d->ease->host, task, d, left < BATCH ? left : BATCH);
        if (atomic_load(&d->out_of_memory))
            return recs__fail_memory(error, d->scratch.size);
    }
    return RECS_OK;
}

/* The matrix is minus P now: W_ij = -P_ij / P_jj, scaled. */
static recs_status read_weights(dense *d, recs_error *error) {
    float *scale = recs__alloc(d->ease->host, d->items, sizeof *scale, error);
    if (!scale)
        return RECS_ERR_MEMORY;
    recs_status status = RECS_OK;
    for (size_t j = 0; j < d->items && status == RECS_OK; j++) {
        scale[j] = -1.0f / recs__symmetric_row(&d->matrix, j)[j];
        if (!(scale[j] > 0.0f) || !isfinite(scale[j]))
            status = recs__ease_singular(d->ease, j, error);
        scale[j] *= d->ease->target_scale[j];
    }
    d->scale = scale;
    if (status == RECS_OK)
        status = recs__neighbour_rows_create(d->rows, (uint32_t)d->items, (uint32_t)d->items,
                                             d->ease->k, NULL, d->ease->host, error);
    if (status == RECS_OK)
        status = all_tasks(d, weights_task, WEIGHT_ROWS, "ease weights", error);
    if (status == RECS_OK && atomic_load(&d->not_finite))
        status = recs__ease_singular(d->ease, d->items, error);
    recs__free(d->ease->host, scale);
    return status;
}

recs_status recs__ease_dense(recs__ease *ease, recs__neighbour_rows *rows, recs_error *error) {
    dense d = {.ease = ease, .rows = rows, .items = ease->by_item.rows};
    size_t bad = 0;
    atomic_init(&d.out_of_memory, false);
    atomic_init(&d.not_finite, false);
    recs__scratch_init(&d.scratch,
                       recs__best_room(ease->k) * sizeof(uint64_t) +
                           WEIGHT_ROWS * d.items * sizeof(float),
                       ease->host);
    recs_status status = recs__symmetric_create(
        &d.matrix, d.items, recs__symmetric_block(d.items), ease->host, error);
    if (status == RECS_OK)
        status = all_tasks(&d, gram_task, GRAM_ROWS, "ease gram", error);
    recs__sparse_clear(&ease->by_unit, ease->host);
    recs__sparse_clear(&ease->by_item, ease->host);
    if (status == RECS_OK)
        status = recs__symmetric_invert(&d.matrix, ease->host, ease->job->progress,
                                        "ease inverse", &bad, error);
    if (status == RECS_ERR_NUMERIC)
        status = recs__ease_singular(ease, bad, error);
    if (status == RECS_OK)
        status = read_weights(&d, error);
    recs__scratch_clear(&d.scratch);
    recs__symmetric_clear(&d.matrix, ease->host);
    return status;
}
