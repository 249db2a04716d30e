/* inverse.c - the block symmetric sweep on half a matrix; inverse.h has the
 * algorithm and the layout.
 *
 * A step has three waves on the executor: the pivot block (one task, in
 * double), the column of Y (a task a block), the update (a task a tile, in
 * batches between which the caller may cancel). A diagonal tile is updated in
 * strips that leave out most of what is above the diagonal.
 *
 * Memory beside the matrix: Y, n x b floats, and 5 b^2 floats. */
#include "train/inverse.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "train/linalg.h"

#include <math.h>
#include <string.h>

#define BATCH 256 /* tiles between two looks at progress */
#define STRIPS 4  /* of a diagonal tile */

size_t recs__symmetric_block(size_t n) {
    return n < 4096 ? 256 : 512;
}

static size_t blocks_of(size_t n, size_t block) {
    return n / block + (n % block != 0);
}

size_t recs__symmetric_floats(size_t n, size_t block) {
    size_t count = blocks_of(n, block), square;
    if (count == 0)
        return 0;
    size_t last = n - (count - 1) * block;
    if (recs__mul_size(n, n, &square) || recs__mul_size(square, 8, &square))
        return SIZE_MAX;
    return block * block * (count * (count - 1) / 2) + last * n;
}

size_t recs__symmetric_beside(size_t n, size_t block) {
    return n * block * sizeof(float) + block * block * (sizeof(float) + 2 * sizeof(double));
}

recs_status recs__symmetric_create(recs__symmetric *m, size_t n, size_t block,
                                   const recs_host *host, recs_error *error) {
    size_t floats = recs__symmetric_floats(n, block);
    m->n = n;
    m->block = block;
    m->blocks = floats == SIZE_MAX ? NULL
                                   : recs__alloc_aligned(host, floats, sizeof *m->blocks, error);
    if (floats == SIZE_MAX)
        return recs__fail_memory(error, SIZE_MAX);
    if (!m->blocks)
        return RECS_ERR_MEMORY;
    memset(m->blocks, 0, floats * sizeof *m->blocks);
    return RECS_OK;
}

void recs__symmetric_clear(recs__symmetric *m, const recs_host *host) {
    recs__free_aligned(host, m->blocks);
    m->blocks = NULL;
}

/* to[j][i] = from[i][j], 8 x 8 at a time. */
static void transpose(const float *from, size_t ld_from, size_t rows, size_t columns, float *to,
                      size_t ld_to) {
    for (size_t i0 = 0; i0 < rows; i0 += 8)
        for (size_t j0 = 0; j0 < columns; j0 += 8)
            for (size_t j = j0; j < j0 + 8 && j < columns; j++)
                for (size_t i = i0; i < i0 + 8 && i < rows; i++)
                    to[j * ld_to + i] = from[i * ld_from + j];
}

void recs__symmetric_rows(const recs__symmetric *m, size_t first, size_t count, float *out) {
    size_t block_row = first / m->block, blocks = blocks_of(m->n, m->block);
    size_t within = first % m->block;
    for (size_t r = 0; r < count; r++) {
        const float *row = recs__symmetric_row(m, first + r);
        memcpy(out + r * m->n, row, (first + r + 1) * sizeof *out);
        for (size_t below = within + r + 1; below < recs__symmetric_height(m, block_row); below++)
            out[r * m->n + block_row * m->block + below] =
                recs__symmetric_row(m, block_row * m->block + below)[first + r];
    }
    for (size_t b = block_row + 1; b < blocks; b++)
        transpose(recs__symmetric_blocks(m, b) + first, recs__symmetric_length(m, b),
                  recs__symmetric_height(m, b), count, out + b * m->block, m->n);
}

/* ---- the sweep ----------------------------------------------------------------------------- */

typedef struct sweep {
    const recs__symmetric *m;
    size_t blocks, pivot, height; /* of the pivot block */
    float *y;                     /* [n][block], rows of the pivot unused */
    float *r;                     /* [height][height], lower */
    double *wide, *wide_r;        /* [height][height] */
    size_t first_tile;
    bool definite;
} sweep;

static float *tile_at(const sweep *s, size_t block_row, size_t block_column) {
    return recs__symmetric_blocks(s->m, block_row) + block_column * s->m->block;
}

static void pivot_task(void *arg, size_t lane, size_t index) {
    sweep *s = arg;
    size_t n = s->height, ld = recs__symmetric_length(s->m, s->pivot);
    float *diagonal = tile_at(s, s->pivot, s->pivot);
    (void)lane;
    (void)index;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            s->wide[i * n + j] = j <= i ? (double)diagonal[i * ld + j] : 0.0;
    s->definite = recs__tile_invert(n, s->wide, s->wide_r);
    for (size_t i = 0; i < n && s->definite; i++)
        for (size_t j = 0; j <= i; j++) {
            s->r[i * n + j] = (float)s->wide_r[i * n + j];
            diagonal[i * ld + j] = (float)-s->wide[i * n + j];
            if (!isfinite(s->r[i * n + j]) || !isfinite(diagonal[i * ld + j]))
                s->definite = false;
        }
}

/* Y_I, and M_IK (or, above the pivot's row, its transpose M_KI) = Y_I R. */
static void column_task(void *arg, size_t lane, size_t index) {
    sweep *s = arg;
    const recs__symmetric *m = s->m;
    size_t i = index + (index >= s->pivot), rows = recs__symmetric_height(m, i);
    size_t n = s->height, b = m->block;
    float *y = s->y + i * b * b;
    (void)lane;
    if (i > s->pivot) {
        float *tile = tile_at(s, i, s->pivot);
        size_t ld = recs__symmetric_length(m, i);
        for (size_t r = 0; r < rows; r++)
            memcpy(y + r * n, tile + r * ld, n * sizeof *y);
        recs__tile_triangular(rows, n, s->r, n, true, y, n);
        for (size_t r = 0; r < rows; r++)
            memcpy(tile + r * ld, y + r * n, n * sizeof *y);
        recs__tile_triangular(rows, n, s->r, n, false, tile, ld);
        return;
    }
    float *tile = tile_at(s, s->pivot, i);
    size_t ld = recs__symmetric_length(m, s->pivot);
    transpose(tile, ld, n, rows, y, n);
    recs__tile_triangular(rows, n, s->r, n, true, y, n);
    transpose(y, n, rows, n, tile, ld);
    recs__tile_triangular_left(n, rows, s->r, n, tile, ld);
}

/* The tile-th of the lower triangle, row by row: block row and column. */
static void place_of(size_t tile, size_t *row, size_t *column) {
    size_t r = (size_t)((sqrt(8.0 * (double)tile + 1.0) - 1.0) / 2.0);
    while (r * (r + 1) / 2 > tile)
        r--;
    while ((r + 1) * (r + 2) / 2 <= tile)
        r++;
    *row = r;
    *column = tile - r * (r + 1) / 2;
}

static void update_task(void *arg, size_t lane, size_t index) {
    sweep *s = arg;
    const recs__symmetric *m = s->m;
    size_t i, j, b = m->block;
    (void)lane;
    place_of(s->first_tile + index, &i, &j);
    if (i == s->pivot || j == s->pivot)
        return;
    size_t rows = recs__symmetric_height(m, i), ld = recs__symmetric_length(m, i);
    const float *yi = s->y + i * b * b, *yj = s->y + j * b * b;
    float *tile = tile_at(s, i, j);
    if (i != j) {
        recs__tile_multiply(rows, b, s->height, -1.0f, yi, s->height, yj, s->height, tile, ld);
        return;
    }
    size_t strip = (rows + STRIPS - 1) / STRIPS;
    for (size_t first = 0; first < rows; first += strip) {
        size_t some = rows - first < strip ? rows - first : strip;
        recs__tile_multiply(some, first + some, s->height, -1.0f, yi + first * s->height,
                            s->height, yj, s->height, tile + first * ld, ld);
    }
}

static recs_status step(sweep *s, const recs_host *host, recs__progress *progress,
                        const char *stage, recs_error *error) {
    size_t tiles = s->blocks * (s->blocks + 1) / 2;
    recs__tiles(host, pivot_task, s, 1);
    if (!s->definite)
        return recs__fail(error, RECS_ERR_NUMERIC,
                          "a matrix of %zu rows is not positive definite", s->m->n);
    recs__tiles(host, column_task, s, s->blocks - 1);
    for (s->first_tile = 0; s->first_tile < tiles; s->first_tile += BATCH) {
        recs_status status =
            recs__progress_tell(progress, stage, (uint64_t)s->pivot * tiles + s->first_tile,
                                (uint64_t)s->blocks * tiles, error);
        if (status)
            return status;
        size_t left = tiles - s->first_tile;
        recs__tiles(host, update_task, s, left < BATCH ? left : BATCH);
    }
    return RECS_OK;
}

recs_status recs__symmetric_invert(recs__symmetric *m, const recs_host *host,
                                   recs__progress *progress, const char *stage, size_t *bad,
                                   recs_error *error) {
    sweep s = {.m = m, .blocks = blocks_of(m->n, m->block)};
    size_t b = m->block, square = b * b;
    recs_status status = RECS_ERR_MEMORY;
    *bad = 0;
    s.y = recs__alloc_aligned(host, m->n, b * sizeof *s.y, error);
    s.r = recs__alloc_aligned(host, square, sizeof *s.r, error);
    s.wide = recs__alloc_aligned(host, square, sizeof *s.wide, error);
    s.wide_r = recs__alloc_aligned(host, square, sizeof *s.wide_r, error);
    if (s.y && s.r && s.wide && s.wide_r)
        status = RECS_OK;
    for (s.pivot = 0; s.pivot < s.blocks && status == RECS_OK; s.pivot++) {
        s.height = recs__symmetric_height(m, s.pivot);
        *bad = s.pivot * b;
        status = step(&s, host, progress, stage, error);
    }
    recs__free_aligned(host, s.y);
    recs__free_aligned(host, s.r);
    recs__free_aligned(host, s.wide);
    recs__free_aligned(host, s.wide_r);
    return status;
}
