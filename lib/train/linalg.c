/* linalg.c - the home of BLAS and LAPACK: tiles of one OpenBLAS call each,
 * handed to the host's executor.
 *
 * Whose threads. BLAS computes each tile on the thread that asks. The serial
 * OpenBLAS has no others; is the loaded one threaded (which of them the system
 * resolves libopenblas.so.0 to is the administrator's choice), it is set to
 * one thread for the length of a call here and set back after. A pthreads
 * build keeps that number for the process, an OpenMP build for each thread, so
 * there each tile sets it again. Two trainings at once in a process with a
 * threaded OpenBLAS may leave it at one thread; answers stay right.
 *
 * Whose buffers. OpenBLAS keeps a list of working buffers, from which every
 * call takes one. Threaded builds guard the list by a lock; serial ones do not
 * (Debian's 0.3.21 among them, seen in its code and once in a wrong inverse),
 * so two threads may be given the same buffer. The linker therefore puts a
 * lock of ours around a serial OpenBLAS's blas_memory_alloc and
 * blas_memory_free where it can: in a static one (see the Makefile). Where it
 * cannot, one tile at a time is computed in the whole process.
 *
 * How many at once. The list has a fixed length (50 in the smallest builds)
 * and who needs more ends the process, so at most RECS__LANES tiles run at a
 * time: lanes take the next tile by an atomic counter until none is left.
 *
 * Which order. A tile is one call whose shape follows from the sizes; sums
 * over parts are added in the order of the parts. */
#include "train/linalg.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"

#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* LAPACK's, in every OpenBLAS of a distribution; the last arguments are the
 * lengths of the characters, as gfortran passes them. */
extern void dsyevd_(const char *job, const char *triangle, const int *n, double *a,
                    const int *lda, double *values, double *work, const int *work_size,
                    int *whole_work, const int *whole_size, int *info, size_t, size_t);
extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info,
                    size_t);
extern void dtrtri_(const char *triangle, const char *diagonal, const int *n, double *a,
                    const int *lda, int *info, size_t, size_t);
extern void dlauum_(const char *triangle, const int *n, double *a, const int *lda, int *info,
                    size_t);

#define TILE 512         /* rows and columns of a task's part of a product */
#define TALL_TILE 256    /* the same where sums are in double              */
#define TALL_ROWS 1024   /* turned to double at a time                     */
#define TALL_TASKS 16    /* parts are made until there are about so many   */

/* ---- whose threads --------------------------------------------------------------------- */

enum { SERIAL, PTHREADS, OPENMP };

typedef struct hold {
    int parallel;
    int threads; /* to set back; 0: nothing was changed */
    size_t lanes;
    bool locked;
} hold;

/* The lock around a serial OpenBLAS's list of buffers, or where the linker
 * could not put it there, around all that it computes. */
static pthread_mutex_t serial_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool linked; /* the linker did: a call of OpenBLAS came by here */

extern void *__real_blas_memory_alloc(int position) __attribute__((weak));
extern void __real_blas_memory_free(void *buffer) __attribute__((weak));
void *__wrap_blas_memory_alloc(int position);
void __wrap_blas_memory_free(void *buffer);

void *__wrap_blas_memory_alloc(int position) {
    atomic_store_explicit(&linked, true, memory_order_relaxed);
    pthread_mutex_lock(&serial_lock);
    void *buffer = __real_blas_memory_alloc(position);
    pthread_mutex_unlock(&serial_lock);
    return buffer;
}

void __wrap_blas_memory_free(void *buffer) {
    pthread_mutex_lock(&serial_lock);
    __real_blas_memory_free(buffer);
    pthread_mutex_unlock(&serial_lock);
}

/* Whether calls take their buffers under the lock: asked of a call that takes
 * one whatever its size. */
static bool takes_lock(void) {
    if (!__real_blas_memory_alloc)
        return false;
    if (!atomic_load_explicit(&linked, memory_order_relaxed)) {
        float one = 1.0f, sum = 0.0f;
        cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, 1, 1, 1.0f, &one, 1, 0.0f, &sum, 1);
    }
    return atomic_load_explicit(&linked, memory_order_relaxed);
}

static hold take_hold(void) {
    hold h = {openblas_get_parallel(), 0, RECS__LANES, false};
    if (h.parallel == SERIAL) {
        if (!takes_lock()) {
            h.lanes = 1;
            h.locked = true;
            pthread_mutex_lock(&serial_lock);
        }
        return h;
    }
    int threads = openblas_get_num_threads();
    if (threads > 1) {
        h.threads = threads;
        openblas_set_num_threads(1);
    }
    return h;
}

static void let_go(const hold *h) {
    if (h->locked)
        pthread_mutex_unlock(&serial_lock);
    if (h->threads)
        openblas_set_num_threads(h->threads);
}

const char *recs__linalg_name(void) {
    return openblas_get_config();
}

/* ---- tiles on lanes -------------------------------------------------------------------- */

typedef struct lanes {
    void (*task)(void *arg, size_t lane, size_t index);
    void *arg;
    size_t count;
    atomic_size_t next;
    bool each; /* an OpenMP build counts threads per thread */
} lanes;

static void run_lane(void *arg, size_t lane) {
    lanes *all = arg;
    if (all->each)
        openblas_set_num_threads(1);
    for (size_t i; (i = atomic_fetch_add(&all->next, 1)) < all->count;)
        all->task(all->arg, lane, i);
}

/* Each index once; a lane is on one thread at a time, so what is kept per lane
 * is a task's own while it runs. */
static void run_tiles(const recs_host *host, const hold *h, void (*task)(void *, size_t, size_t),
                      void *arg, size_t count) {
    lanes all = {.task = task, .arg = arg, .count = count, .each = h->parallel == OPENMP};
    atomic_init(&all.next, 0);
    recs__run(host, run_lane, &all, count < h->lanes ? count : h->lanes);
}

void recs__tiles(const recs_host *host, void (*task)(void *arg, size_t lane, size_t index),
                 void *arg, size_t count) {
    hold h = take_hold();
    run_tiles(host, &h, task, arg, count);
    let_go(&h);
}

static size_t parts_of(size_t count, size_t part) {
    return count / part + (count % part != 0);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- one tile ------------------------------------------------------------------------------ */

void recs__tile_multiply(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                         const float *b, size_t ldb, float *c, size_t ldc) {
    if (m != 0 && n != 0)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, alpha, a,
                    (int)lda, b, (int)ldb, 1.0f, c, (int)ldc);
}

void recs__tile_triangular(size_t rows, size_t n, const float *r, size_t ldr, bool transpose,
                           float *a, size_t lda) {
    if (rows != 0 && n != 0)
        cblas_strmm(CblasRowMajor, CblasRight, CblasLower, transpose ? CblasTrans : CblasNoTrans,
                    CblasNonUnit, (int)rows, (int)n, 1.0f, r, (int)ldr, a, (int)lda);
}

void recs__tile_triangular_left(size_t n, size_t columns, const float *r, size_t ldr, float *b,
                                size_t ldb) {
    if (n != 0 && columns != 0)
        cblas_strmm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, (int)n,
                    (int)columns, 1.0f, r, (int)ldr, b, (int)ldb);
}

/* Our lower triangle is the upper one of a column-major matrix: a = U^T U,
 * r = U^-T, which is the upper U^-1 there, and the inverse U^-1 U^-T. */
bool recs__tile_invert(size_t n, double *a, double *r) {
    int size = (int)n, info = 0;
    memcpy(r, a, n * n * sizeof *r);
    dpotrf_("U", &size, r, &size, &info, 1);
    if (info == 0)
        dtrtri_("U", "N", &size, r, &size, &info, 1, 1);
    if (info != 0)
        return false;
    memcpy(a, r, n * n * sizeof *a);
    dlauum_("U", &size, a, &size, &info, 1);
    return info == 0;
}

/* ---- products -------------------------------------------------------------------------- */

typedef struct product {
    enum CBLAS_TRANSPOSE transpose_a, transpose_b;
    size_t m, n, k, lda, ldb, ldc, across;
    float alpha, beta;
    const float *a, *b;
    float *c;
} product;

static void product_tile(void *arg, size_t lane, size_t index) {
    (void)lane;
    const product *p = arg;
    size_t i = index / p->across * TILE, j = index % p->across * TILE;
    const float *a = p->transpose_a == CblasTrans ? p->a + i : p->a + i * p->lda;
    const float *b = p->transpose_b == CblasTrans ? p->b + j * p->ldb : p->b + j;
    cblas_sgemm(CblasRowMajor, p->transpose_a, p->transpose_b, (int)least(TILE, p->m - i),
                (int)least(TILE, p->n - j), (int)p->k, p->alpha, a, (int)p->lda, b, (int)p->ldb,
                p->beta, p->c + i * p->ldc + j, (int)p->ldc);
}

void recs__gemm(const recs_host *host, bool transpose_a, bool transpose_b, size_t m, size_t n,
                size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                float beta, float *c, size_t ldc) {
    product p = {transpose_a ? CblasTrans : CblasNoTrans,
                 transpose_b ? CblasTrans : CblasNoTrans,
                 m, n, k, lda, ldb, ldc, parts_of(n, TILE), alpha, beta, a, b, c};
    if (m == 0 || n == 0)
        return;
    hold h = take_hold();
    run_tiles(host, &h, product_tile, &p, parts_of(m, TILE) * p.across);
    let_go(&h);
}

/* ---- tall products in double -------------------------------------------------------------- */

typedef struct tall {
    size_t rows, m, n, lda, ldb, across, tiles, parts, rows_per_part;
    const float *a, *b;
    bool symmetric;
    double *sums; /* [parts][m][n] */
    double *room; /* per lane [2][TALL_ROWS][TALL_TILE] */
} tall;

static void widen(const float *from, size_t ld, size_t rows, size_t columns, double *to) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            to[r * TALL_TILE + c] = (double)from[r * ld + c];
}

static void tall_tile(void *arg, size_t lane, size_t index) {
    tall *t = arg;
    size_t part = index / t->tiles, tile = index % t->tiles;
    size_t i = tile / t->across * TALL_TILE, j = tile % t->across * TALL_TILE;
    size_t m = least(TALL_TILE, t->m - i), n = least(TALL_TILE, t->n - j);
    size_t end = least(t->rows, (part + 1) * t->rows_per_part);
    if (t->symmetric && j > i)
        return;
    double *wide_a = t->room + lane * 2 * TALL_ROWS * TALL_TILE;
    double *wide_b = t->symmetric && i == j ? wide_a : wide_a + TALL_ROWS * TALL_TILE;
    double *c = t->sums + part * t->m * t->n + i * t->n + j;

    for (size_t r = part * t->rows_per_part; r < end; r += TALL_ROWS) {
        size_t rows = least(TALL_ROWS, end - r);
        widen(t->a + r * t->lda + i, t->lda, rows, m, wide_a);
        if (wide_b != wide_a)
            widen(t->b + r * t->ldb + j, t->ldb, rows, n, wide_b);
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)m, (int)n, (int)rows, 1.0,
                    wide_a, TALL_TILE, wide_b, TALL_TILE, 1.0, c, (int)t->n);
    }
}

static void add_parts(const tall *t, double *c) {
    size_t size = t->m * t->n;
    memcpy(c, t->sums, size * sizeof *c);
    for (size_t part = 1; part < t->parts; part++)
        for (size_t i = 0; i < size; i++)
            c[i] += t->sums[part * size + i];
    for (size_t i = 0; t->symmetric && i < t->m; i++)
        for (size_t j = i + 1; j < t->n; j++)
            c[i * t->n + j] = c[j * t->n + i];
}

recs_status recs__tall_product(const recs_host *host, size_t rows, size_t m, const float *a,
                               size_t lda, size_t n, const float *b, size_t ldb, double *c,
                               recs_error *error) {
    tall t = {.rows = rows, .m = m, .n = n, .lda = lda, .ldb = ldb, .a = a, .b = b};
    size_t size;
    if (m == 0 || n == 0)
        return RECS_OK;
    t.symmetric = a == b && m == n && lda == ldb;
    t.across = parts_of(n, TALL_TILE);
    t.tiles = parts_of(m, TALL_TILE) * t.across;
    t.parts = least(parts_of(rows, 4 * TALL_ROWS), parts_of(TALL_TASKS, t.tiles));
    t.parts += t.parts == 0;
    t.rows_per_part = parts_of(rows, t.parts);
    if (recs__mul_size(m, n, &size))
        return recs__fail_memory(error, SIZE_MAX);
    t.sums = recs__alloc_zero(host, size, t.parts * sizeof *t.sums, error);
    size_t tasks = t.tiles * t.parts;
    t.room = recs__alloc_aligned(host, least(tasks, RECS__LANES) * 2 * TALL_ROWS * TALL_TILE,
                                 sizeof *t.room, error);
    if (t.sums && t.room) {
        hold h = take_hold();
        run_tiles(host, &h, tall_tile, &t, tasks);
        let_go(&h);
        add_parts(&t, c);
    }
    recs_status status = t.sums && t.room ? RECS_OK : RECS_ERR_MEMORY;
    recs__free(host, t.sums);
    recs__free_aligned(host, t.room);
    return status;
}

/* ---- small symmetric eigenproblems --------------------------------------------------------- */

static bool all_finite(const double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* LAPACK gives ascending values and a vector per column of a column-major
 * matrix, which is a row of ours: turn the order, fix the signs. */
static void arrange(size_t n, double *a, double *values) {
    for (size_t low = 0; low < n / 2; low++) {
        size_t high = n - 1 - low;
        double swapped = values[low];
        values[low] = values[high];
        values[high] = swapped;
        for (size_t j = 0; j < n; j++) {
            swapped = a[low * n + j];
            a[low * n + j] = a[high * n + j];
            a[high * n + j] = swapped;
        }
    }
    for (size_t i = 0; i < n; i++) {
        size_t largest = 0;
        for (size_t j = 1; j < n; j++)
            if (fabs(a[i * n + j]) > fabs(a[i * n + largest]))
                largest = j;
        for (size_t j = 0; a[i * n + largest] < 0.0 && j < n; j++)
            if (j != largest)
                a[i * n + j] = -a[i * n + j];
        a[i * n + largest] = fabs(a[i * n + largest]);
    }
}

recs_status recs__symmetric_eigen(const recs_host *host, size_t n, double *a, double *values,
                                  recs_error *error) {
    if (n == 0)
        return RECS_OK;
    if (n > 16384) /* the working memory's size is an int of LAPACK's */
        return recs__fail(error, RECS_ERR_LIMIT,
                          "an eigenproblem of %zu rows, at most 16384 are done", n);
    for (size_t i = 0; i < n; i++)
        if (!all_finite(a + i * n, i + 1))
            return recs__fail(error, RECS_ERR_NUMERIC,
                              "a matrix of %zu rows is not finite: no eigenvectors", n);
    int size = (int)n, work_size = (int)(1 + 6 * n + 2 * n * n), whole = (int)(3 + 5 * n), info = 0;
    double *work = recs__alloc(host, (size_t)work_size, sizeof *work, error);
    int *whole_work = recs__alloc(host, (size_t)whole, sizeof *whole_work, error);
    if (work && whole_work) {
        hold h = take_hold();
        /* Our lower triangle is the upper one of a column-major matrix. */
        dsyevd_("V", "U", &size, a, &size, values, work, &work_size, whole_work, &whole, &info, 1,
                1);
        let_go(&h);
    }
    recs_status status = work && whole_work ? RECS_OK : RECS_ERR_MEMORY;
    recs__free(host, work);
    recs__free(host, whole_work);
    if (status)
        return status;
    if (info != 0 || !all_finite(values, n) || !all_finite(a, n * n))
        return recs__fail(error, RECS_ERR_NUMERIC,
                          "the eigenvectors of a matrix of %zu rows did not converge", n);
    arrange(n, a, values);
    return RECS_OK;
}

/* ---- orthonormal bases ------------------------------------------------------------------------
 *
 * With the Gram matrix G = A^T A in double: A R^-1 where G = R^T R if that is
 * well conditioned (Cholesky QR, Yamamoto et al. 2015), else A V D^-1/2 of
 * G = V D V^T without the weak directions (Stathopoulos and Wu 2002). One
 * pass leaves an error that grows with the condition, a second one of nearly
 * orthonormal columns only float's. */

#define WEAKEST 1e-10 /* of the largest eigenvalue of G */

/* turn becomes the columns x *rank matrix that makes a orthonormal. */
static recs_status turn_of(const recs_host *host, size_t columns, double *gram, double *values,
                           double *copy, float *turn, size_t *rank, recs_error *error) {
    int n = (int)columns, info = 0;
    double low = INFINITY, high = 0.0;
    memcpy(copy, gram, columns * columns * sizeof *copy);
    hold h = take_hold();
    dpotrf_("U", &n, copy, &n, &info, 1);
    for (size_t i = 0; i < columns; i++) {
        low = fmin(low, copy[i * columns + i]);
        high = fmax(high, copy[i * columns + i]);
    }
    bool well = info == 0 && low > high * 1e-3;
    if (well)
        dtrtri_("U", "N", &n, copy, &n, &info, 1, 1);
    let_go(&h);
    if (well && info == 0) { /* column-major upper R^-1: our row j holds its column j */
        for (size_t i = 0; i < columns; i++)
            for (size_t j = 0; j < columns; j++)
                turn[i * columns + j] = j >= i ? (float)copy[j * columns + i] : 0.0f;
        *rank = columns;
        return RECS_OK;
    }
    recs_status status = recs__symmetric_eigen(host, columns, gram, values, error);
    if (status)
        return status;
    *rank = 0;
    while (*rank < columns && values[*rank] > 0.0 && values[*rank] > WEAKEST * values[0])
        (*rank)++;
    for (size_t i = 0; i < columns; i++)
        for (size_t j = 0; j < columns; j++)
            turn[i * columns + j] =
                j < *rank ? (float)(gram[j * columns + i] / sqrt(values[j])) : 0.0f;
    return RECS_OK;
}

typedef struct turning {
    float *a, *room; /* room: per lane [TILE][columns] */
    const float *turn;
    size_t rows, columns, lda;
} turning;

static void turn_rows(void *arg, size_t lane, size_t index) {
    const turning *t = arg;
    size_t first = index * TILE, rows = least(TILE, t->rows - first);
    float *block = t->room + lane * TILE * t->columns;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)t->columns,
                (int)t->columns, 1.0f, t->a + first * t->lda, (int)t->lda, t->turn,
                (int)t->columns, 0.0f, block, (int)t->columns);
    for (size_t r = 0; r < rows; r++)
        memcpy(t->a + (first + r) * t->lda, block + r * t->columns, t->columns * sizeof *block);
}

recs_status recs__orthonormalise(const recs_host *host, size_t rows, size_t columns, float *a,
                                 size_t lda, size_t *rank, recs_error *error) {
    size_t square, left = columns;
    *rank = 0;
    if (rows == 0 || columns == 0)
        return RECS_OK;
    if (recs__mul_size(columns, columns, &square))
        return recs__fail_memory(error, SIZE_MAX);
    double *gram = recs__alloc(host, square, sizeof *gram, error);
    double *copy = recs__alloc(host, square, sizeof *copy, error);
    double *values = recs__alloc(host, columns, sizeof *values, error);
    float *turn = recs__alloc_aligned(host, square, sizeof *turn, error);
    size_t at_once = least(parts_of(rows, TILE), RECS__LANES);
    float *room = recs__alloc_aligned(host, at_once * TILE, columns * sizeof *room, error);
    recs_status status =
        gram && copy && values && turn && room ? RECS_OK : RECS_ERR_MEMORY;

    for (unsigned pass = 0; pass < 3 && left > 0 && status == RECS_OK; pass++) {
        size_t before = left;
        status = recs__tall_product(host, rows, left, a, lda, left, a, lda, gram, error);
        if (status == RECS_OK && !all_finite(gram, left * left))
            status = recs__fail(error, RECS_ERR_NUMERIC,
                                "%zu vectors of %zu numbers are not finite", columns, rows);
        if (status == RECS_OK)
            status = turn_of(host, left, gram, values, copy, turn, &left, error);
        if (status)
            break;
        turning t = {a, room, turn, rows, before, lda};
        hold h = take_hold();
        run_tiles(host, &h, turn_rows, &t, parts_of(rows, TILE));
        let_go(&h);
        if (pass == 1 && left == before)
            break;
    }
    *rank = left;
    recs__free(host, gram);
    recs__free(host, copy);
    recs__free(host, values);
    recs__free_aligned(host, turn);
    recs__free_aligned(host, room);
    return status;
}
