/* inverse.h - the inverse of a large symmetric positive definite matrix, in
 * place in half a matrix of floats.
 *
 * The lower triangle is kept in rows of blocks: row of blocks I holds the
 * matrix's rows [I b, I b + rows) from column 0 to its diagonal block's last,
 * without gaps, and all rows of blocks follow one another. An entry (i, j),
 * j <= i, is recs__symmetric_row(m, i)[j]; the upper part of a diagonal block
 * is there too, and holds nothing of use.
 *
 * Method: the block symmetric sweep (Gauss-Jordan; Beaton 1964, in Goodnight
 * 1979), each pivot block by its Cholesky factor so that every update is
 * Y Y^T. For the pivot block K and all others I:
 *     M_KK = R^-1 R^-T,  Y_I = M_IK R^T,  M_IJ -= Y_I Y_J^T,
 *     M_IK = Y_I R,      M_KK = -R^T R,
 * after which all M is minus the inverse. n^3 flops as in Cholesky's way, but
 * every step updates the whole triangle: (n/b)^2 / 2 equal tiles, so no step
 * starves the executor. */
#ifndef RECS_TRAIN_INVERSE_H
#define RECS_TRAIN_INVERSE_H

#include "recs/base.h"
#include "train/progress.h"

typedef struct recs__symmetric {
    float *blocks;
    size_t n, block;
} recs__symmetric;

/* Floats of the blocks; SIZE_MAX: more than there can be. About n (n + b) / 2. */
size_t recs__symmetric_floats(size_t n, size_t block);
/* Bytes that recs__symmetric_invert holds beside. */
size_t recs__symmetric_beside(size_t n, size_t block);

/* All zero. block: what recs__symmetric_block says, other sizes are for tests. */
size_t recs__symmetric_block(size_t n);
recs_status recs__symmetric_create(recs__symmetric *m, size_t n, size_t block,
                                   const recs_host *host, recs_error *error);
void recs__symmetric_clear(recs__symmetric *m, const recs_host *host);

static inline size_t recs__symmetric_height(const recs__symmetric *m, size_t block_row) {
    size_t left = m->n - block_row * m->block;
    return left < m->block ? left : m->block;
}

/* Where the row of blocks begins, and how long its rows are. */
static inline float *recs__symmetric_blocks(const recs__symmetric *m, size_t block_row) {
    return m->blocks + m->block * m->block * (block_row * (block_row + 1) / 2);
}
static inline size_t recs__symmetric_length(const recs__symmetric *m, size_t block_row) {
    return block_row * m->block + recs__symmetric_height(m, block_row);
}

/* Row i up to column i. */
static inline float *recs__symmetric_row(const recs__symmetric *m, size_t i) {
    size_t block_row = i / m->block;
    return recs__symmetric_blocks(m, block_row) +
           i % m->block * recs__symmetric_length(m, block_row);
}

/* out[count][n]: rows first to first + count, whole, of one row of blocks. */
void recs__symmetric_rows(const recs__symmetric *m, size_t first, size_t count, float *out);

/* m becomes minus its inverse. NUMERIC: m is not positive definite in float32,
 * *bad is then a row (of the pivot block where it showed) and m of no use.
 * MEMORY. CANCELLED between batches of tiles; progress counts tiles. */
recs_status recs__symmetric_invert(recs__symmetric *m, const recs_host *host,
                                   recs__progress *progress, const char *stage, size_t *bad,
                                   recs_error *error);

#endif
