/* svd.c - truncated singular value decomposition by subspace iteration with
 * Chebyshev polynomials, on the shorter side of the matrix.
 *
 * The operator is C = B B^T with B the matrix or its transpose, whichever has
 * fewer rows. A random block (Halko, Martinsson, Tropp 2011) of rank + more
 * columns is taken through ROUNDS of
 *
 *   Y = T_m(2 C / cut - 1) Q   cut: the smallest Ritz value so far; what lies
 *                              below stays within [-1, 1], what lies above
 *                              grows like a Chebyshev polynomial (Zhou, Saad,
 *                              Tiago, Chelikowsky 2006)
 *   Q = orthonormal basis of Y
 *   Q = Q U with U from (B^T Q)^T (B^T Q) = U D U^T (Rayleigh-Ritz)
 *
 * the first with Y = C Q, as there is no cut yet. The degree m of a round is
 * the highest whose growth keeps the weakest wanted direction of Y above what
 * float32 and the basis resolve (GROWTH), at most DEGREE. At the end the
 * vectors of the other side are B^T U D^-1/2 where that is what is asked for.
 *
 * Products with B run on our kernels in one defined order, the dense ones in
 * linalg.c. Memory: three blocks of the shorter side, one of the longer. */
#include "train/svd.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "train/linalg.h"

#include <math.h>
#include <string.h>

#define ROUNDS 4
#define DEGREE 8
#define GROWTH 3e4
#define WEAKEST 1e-6 /* of the largest eigenvalue of C: dropped */
#define ROWS_PER_TASK 64

typedef struct work {
    const recs_host *host;
    recs__csr b, b_transposed; /* b has fewer rows */
    size_t n, width, ld;       /* of the block: n x width */
    float *q, *y, *z;          /* [n][ld]                  */
    float *across;             /* [b.column_count][ld]     */
    double *gram, *ritz;       /* [width][width], [width]  */
    size_t found;              /* columns of q in use      */
} work;

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- sparse times dense ---------------------------------------------------------------- */

typedef struct product {
    const recs__csr *a;
    const float *dense;
    size_t ld, n;
    float *out;
} product;

static void product_rows(void *arg, size_t index) {
    const product *p = arg;
    const recs__kernels *kernels = recs__kernels_get();
    size_t first = index * ROWS_PER_TASK, end = smaller(p->a->rows, first + ROWS_PER_TASK);
    for (size_t row = first; row < end; row++) {
        uint64_t at;
        size_t count = recs__csr_row(p->a, (uint32_t)row, &at);
        float *out = p->out + row * p->ld;
        memset(out, 0, p->n * sizeof *out);
        kernels->axpy_gather(p->a->values + at, p->dense, p->ld, p->a->columns + at, count, out,
                             p->n);
    }
}

void recs__sparse_times_dense(const recs_host *host, const recs__csr *a, const float *dense,
                              size_t ld, size_t n, float *out) {
    product p = {a, dense, ld, n, out};
    recs__run(host, product_rows, &p, ((size_t)a->rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
}

/* to = C from, through `across`. */
static void apply(const work *w, const float *from, float *to) {
    recs__sparse_times_dense(w->host, &w->b_transposed, from, w->ld, w->found, w->across);
    recs__sparse_times_dense(w->host, &w->b, w->across, w->ld, w->found, to);
}

/* ---- rounds -------------------------------------------------------------------------------- */

/* T_m(x) for x >= 1. */
static double growth(double x, size_t degree) {
    double before = 1.0, now = x;
    for (size_t i = 1; i < degree; i++) {
        double next = 2.0 * x * now - before;
        before = now;
        now = next;
    }
    return now;
}

typedef struct chebyshev_step {
    float *now, *next; /* next = factor * (scale * next - now) - before, into next */
    const float *before;
    size_t n, ld, width;
    float scale, factor;
} chebyshev_step;

static void step_rows(void *arg, size_t index) {
    const chebyshev_step *s = arg;
    size_t first = index * ROWS_PER_TASK, end = smaller(s->n, first + ROWS_PER_TASK);
    for (size_t row = first; row < end; row++) {
        const float *now = s->now + row * s->ld;
        const float *before = s->before ? s->before + row * s->ld : NULL;
        float *next = s->next + row * s->ld;
        for (size_t i = 0; i < s->width; i++) {
            float value = s->factor * (s->scale * next[i] - now[i]);
            next[i] = before ? value - before[i] : value;
        }
    }
}

/* q, y and z change places: q = T_degree(2 C / cut - 1) q. */
static recs_status sharpen(work *w, size_t degree, double cut, recs__progress *progress,
                           const char *stage, uint64_t done, recs_error *error) {
    float *before = NULL, *now = w->q, *next = w->y, *spare = w->z;
    for (size_t i = 0; i < degree; i++) {
        recs_status status = recs__progress_tell(progress, stage, done, ROUNDS, error);
        if (status)
            return status;
        apply(w, now, next);
        chebyshev_step s = {.now = now, .next = next, .before = before, .n = w->n, .ld = w->ld,
                            .width = w->found, .scale = (float)(2.0 / cut),
                            .factor = i == 0 ? 1.0f : 2.0f};
        recs__run(w->host, step_rows, &s, (w->n + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
        float *free_block = before ? before : spare;
        before = now;
        now = next;
        next = free_block;
    }
    w->q = now;
    w->y = next;
    w->z = before ? before : spare;
    return RECS_OK;
}

/* The first block of n rows with w->found columns, each entry by its seed alone. */
static void fill_random(work *w, uint64_t seed) {
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t row = 0; row < w->n; row++)
        for (size_t i = 0; i < w->found; i++)
            w->q[row * w->ld + i] = recs__random_normal(&random);
}

/* Orthonormal q, turned to the Ritz vectors of what it spans. */
static recs_status ritz(work *w, recs_error *error) {
    size_t rank = 0;
    recs_status status =
        recs__orthonormalise(w->host, w->n, w->found, w->q, w->ld, &rank, error);
    if (status)
        return status;
    w->found = rank;
    if (rank == 0)
        return RECS_OK;
    recs__sparse_times_dense(w->host, &w->b_transposed, w->q, w->ld, rank, w->across);
    status = recs__tall_product(w->host, w->b.column_count, rank, w->across, w->ld, rank,
                                w->across, w->ld, w->gram, error);
    if (status == RECS_OK)
        status = recs__symmetric_eigen(w->host, rank, w->gram, w->ritz, error);
    if (status)
        return status;
    /* Row k of gram is the k-th vector: q gram^T. z holds the turn meanwhile. */
    float *turn = w->y;
    for (size_t i = 0; i < rank * rank; i++)
        turn[i] = (float)w->gram[i];
    recs__gemm(w->host, false, true, w->n, rank, rank, 1.0f, w->q, w->ld, turn, rank, 0.0f, w->z,
               w->ld);
    float *swapped = w->q;
    w->q = w->z;
    w->z = swapped;
    while (w->found > 0 && !(w->ritz[w->found - 1] > WEAKEST * w->ritz[0]))
        w->found--;
    return RECS_OK;
}

static recs_status iterate(work *w, size_t rank, uint64_t seed, recs__progress *progress,
                           const char *stage, recs_error *error) {
    recs_status status = RECS_OK;
    fill_random(w, seed);
    for (uint64_t round = 0; round < ROUNDS && w->found > 0 && status == RECS_OK; round++) {
        status = recs__progress_tell(progress, stage, round, ROUNDS, error);
        if (status == RECS_OK && round == 0) {
            apply(w, w->q, w->y);
            float *swapped = w->q;
            w->q = w->y;
            w->y = swapped;
        } else if (status == RECS_OK) {
            double cut = w->ritz[w->found - 1], top = 2.0 * w->ritz[0] / cut - 1.0;
            size_t degree = 1;
            /* All of it is found where the block is wider than the rank. */
            if (w->found <= rank && w->found < w->width)
                break;
            while (degree < DEGREE && growth(top, degree + 1) < GROWTH)
                degree++;
            status = sharpen(w, degree, cut, progress, stage, round, error);
        }
        if (status == RECS_OK)
            status = ritz(w, error);
    }
    if (status == RECS_OK)
        status = recs__progress_tell(progress, stage, ROUNDS, ROUNDS, error);
    return status;
}

/* ---- the result ---------------------------------------------------------------------------- */

/* Right singular vectors from those of the side iterated on. */
static void take_vectors(const work *w, bool of_rows, recs__svd *svd, size_t columns) {
    const float *from = w->q;
    if (of_rows) {
        recs__sparse_times_dense(w->host, &w->b_transposed, w->q, w->ld, svd->rank, w->across);
        from = w->across;
    }
    for (size_t row = 0; row < columns; row++)
        for (size_t k = 0; k < svd->rank; k++) {
            double value = (double)from[row * w->ld + k];
            svd->vectors[row * svd->stride + k] =
                (float)(of_rows ? value / svd->values[k] : value);
        }
}

static size_t width_of(uint32_t rows, uint32_t columns, size_t rank) {
    size_t more = rank / 8 < 16 ? 16 : rank / 8;
    return smaller(rank + more, smaller(rows, columns));
}

uint64_t recs__svd_memory(uint32_t rows, uint32_t columns, size_t rank) {
    uint64_t width = width_of(rows, columns, rank), ld = (width + 15) / 16 * 16;
    uint64_t few = smaller(rows, columns), many = rows < columns ? columns : rows;
    return (3 * (few > ld ? few : ld) + many) * ld * sizeof(float) + 6 * ld * ld * sizeof(double) +
           (uint64_t)columns * ((rank + 15) / 16 * 16) * sizeof(float);
}

static recs_status make_room(work *w, recs__svd *svd, size_t columns, size_t rank,
                             recs_error *error) {
    size_t rows = w->n > w->ld ? w->n : w->ld; /* y holds a turn of width x width, too */
    svd->stride = (rank + 15) / 16 * 16;
    w->q = recs__alloc_aligned(w->host, rows * w->ld, sizeof *w->q, error);
    w->y = recs__alloc_aligned(w->host, rows * w->ld, sizeof *w->y, error);
    w->z = recs__alloc_aligned(w->host, rows * w->ld, sizeof *w->z, error);
    w->across = recs__alloc_aligned(w->host, (size_t)w->b.column_count * w->ld,
                                    sizeof *w->across, error);
    w->gram = recs__alloc_aligned(w->host, w->width * w->width, sizeof *w->gram, error);
    w->ritz = recs__alloc_zero(w->host, w->width, sizeof *w->ritz, error);
    svd->values = recs__alloc_zero(w->host, rank, sizeof *svd->values, error);
    svd->vectors =
        recs__alloc_aligned(w->host, columns * svd->stride, sizeof *svd->vectors, error);
    if (!w->q || !w->y || !w->z || !w->across || !w->gram || !w->ritz || !svd->values ||
        !svd->vectors)
        return RECS_ERR_MEMORY;
    memset(w->q, 0, rows * w->ld * sizeof *w->q);
    memset(w->y, 0, rows * w->ld * sizeof *w->y);
    memset(w->z, 0, rows * w->ld * sizeof *w->z);
    memset(svd->vectors, 0, columns * svd->stride * sizeof *svd->vectors);
    return RECS_OK;
}

recs_status recs__svd_truncated(recs__svd *svd, const recs__csr *a, const recs__csr *transposed,
                                size_t rank, uint64_t seed, const recs_host *host,
                                recs__progress *progress, const char *stage, recs_error *error) {
    bool of_rows = a->rows < a->column_count;
    work w = {.host = host,
              .b = of_rows ? *a : *transposed,
              .b_transposed = of_rows ? *transposed : *a,
              .width = width_of(a->rows, a->column_count, rank)};
    size_t columns = a->column_count;
    memset(svd, 0, sizeof *svd);
    w.n = w.b.rows;
    w.ld = (w.width + 15) / 16 * 16;
    w.found = w.width;
    recs_status status = make_room(&w, svd, columns, rank, error);
    if (status == RECS_OK)
        status = iterate(&w, rank, seed, progress, stage, error);
    if (status == RECS_OK) {
        svd->rank = smaller(rank, w.found);
        for (size_t k = 0; k < svd->rank; k++)
            svd->values[k] = sqrt(w.ritz[k]);
        take_vectors(&w, of_rows, svd, columns);
    }
    recs__free_aligned(host, w.q);
    recs__free_aligned(host, w.y);
    recs__free_aligned(host, w.z);
    recs__free_aligned(host, w.across);
    recs__free_aligned(host, w.gram);
    recs__free(host, w.ritz);
    if (status)
        recs__svd_clear(svd, host);
    return status;
}

void recs__svd_clear(recs__svd *svd, const recs_host *host) {
    recs__free(host, svd->values);
    recs__free_aligned(host, svd->vectors);
    memset(svd, 0, sizeof *svd);
}
