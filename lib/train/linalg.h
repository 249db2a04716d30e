/* linalg.h - dense linear algebra for trainers: float32 matrices, row-major,
 * on a serial OpenBLAS over tiles that the host's executor spreads.
 *
 * Tiles and the order of every sum follow from the sizes alone, so results do
 * not depend on the number of threads. They do depend on which OpenBLAS is
 * loaded and which of its kernels the processor gets: BLAS promises no bits.
 *
 * Sizes are size_t and a matrix may have more than 2^31 entries; rows, columns
 * and leading dimensions stay below 2^31 each. a(i, j) is a[i * lda + j]. */
#ifndef RECS_TRAIN_LINALG_H
#define RECS_TRAIN_LINALG_H

#include "recs/base.h"

#include <stdbool.h>

/* c = alpha op(a) op(b) + beta c, where op(a) is m x k and op(b) k x n; with
 * transpose_a a is stored as k x m, with transpose_b b as n x k. beta 0: c is
 * written, never read. c overlaps neither a nor b. Cost: 2 m n k flops in
 * tasks of a tile of c each; where c is small and k long take
 * recs__tall_product. */
void recs__gemm(const recs_host *host, bool transpose_a, bool transpose_b, size_t m, size_t n,
                size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                float beta, float *c, size_t ldc);

/* c = a^T b for tall a (rows x m) and b (rows x n), multiplied and summed in
 * double; c is m x n without gaps. With b == a (and n == m, ldb == lda) the
 * lower triangle is computed and mirrored. MEMORY. */
recs_status recs__tall_product(const recs_host *host, size_t rows, size_t m, const float *a,
                               size_t lda, size_t n, const float *b, size_t ldb, double *c,
                               recs_error *error);

/* Replaces the columns of a (rows x columns, columns <= rows) by an
 * orthonormal basis of what they span: *rank columns, the others zero.
 * Directions weaker than about 1e-5 of the strongest are dropped. NUMERIC: not
 * finite. MEMORY. Cost: two to three times 4 rows columns^2 flops. */
recs_status recs__orthonormalise(const recs_host *host, size_t rows, size_t columns, float *a,
                                 size_t lda, size_t *rank, recs_error *error);

/* Eigenvalues, descending, and eigenvectors of a symmetric n x n matrix in
 * double, of which the lower triangle is read: row i of a becomes the
 * eigenvector of values[i], the entry of largest magnitude (the first of them)
 * positive. NUMERIC: not finite, or no convergence. MEMORY: 2 n^2 doubles
 * beside. On the calling thread, about 9 n^3 flops. */
recs_status recs__symmetric_eigen(const recs_host *host, size_t n, double *a, double *values,
                                  recs_error *error);

/* ---- for algorithms of tiles elsewhere ---------------------------------------------- */

/* Most tasks of recs__tiles that run at once. */
#define RECS__LANES 32

/* Calls task for every index below count on the host's executor, the
 * calling thread's BLAS held to one thread. lane, below RECS__LANES and count, is on
 * one thread at a time: what is kept per lane is a task's own while it runs. */
void recs__tiles(const recs_host *host, void (*task)(void *arg, size_t lane, size_t index),
                 void *arg, size_t count);

/* One tile's work, only inside a task of recs__tiles.
 *
 * c += alpha a b^T, a: m x k, b: n x k. */
void recs__tile_multiply(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                         const float *b, size_t ldb, float *c, size_t ldc);
/* a (rows x n) becomes a r (transpose: a r^T), of r (n x n) the lower triangle. */
void recs__tile_triangular(size_t rows, size_t n, const float *r, size_t ldr, bool transpose,
                           float *a, size_t lda);
/* b (n x columns) becomes r^T b. */
void recs__tile_triangular_left(size_t n, size_t columns, const float *r, size_t ldr, float *b,
                                size_t ldb);
/* Of the symmetric positive definite n x n matrix a (lower triangle, no gaps):
 * a becomes the inverse's lower triangle, r the inverse of its Cholesky
 * factor, r^T r being that inverse. False: a is not positive definite. */
bool recs__tile_invert(size_t n, double *a, double *r);

/* Name and version of the OpenBLAS in use, its kernels and whether it has
 * threads of its own, as it says it. Lives with the library. */
const char *recs__linalg_name(void);

#endif
