/* als_solve.c - a half-step: the rows of one side, each against the other.
 *
 * A row's system is A = G + lambda I + sum of alpha |v_i| y_i y_i^T, its right
 * side the sum over v_i > 0 of (1 + alpha v_i) y_i (foldin.h). G x of all the
 * rows of a batch is one product of matrices. Three ways to solve it:
 *
 *   cg        the residual b - A x exactly, then a few steps of conjugate
 *             gradient (Takacs, Pilaszy, Tikk 2011) in which the diagonal of G
 *             stands for G, which the rotation makes nearly true, and its
 *             inverse, with lambda, preconditions. Since each half-step starts
 *             from the exact residual, what is left out slows a little and
 *             moves nothing. The last step needs only the step's length.
 *   block     iALS++ (Rendle, Krichene, Zhang, Koren 2021): the exact minimum
 *             over a block of factors, the others fixed, block after block;
 *             the rows' predictions y_i.x are kept up to date meanwhile.
 *   cholesky  the fold-in itself, on the diagonal Gram matrix.
 *
 * All sums are in the canonical orders of kernels.h and rows are spread over
 * the executor in tasks of a fixed number, so neither the instruction set nor
 * the threads change a bit. Compiled with -O3 (Makefile) for its loops along
 * one row, whose every entry is on its own. */
#include "train/als.h"

#include "base/error.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "train/scratch.h"

#include <math.h>
#include <string.h>

#define BATCH_ROWS 32
#define ROWS_PER_TASK 128
#define TASKS_PER_BATCH 512
#define BATCH_ENTRIES 4096 /* of a batch, beyond those of the longest row */

typedef struct half_step {
    const recs__als *als;
    recs__foldin system;  /* the side read as "items" */
    const recs__csr *slab;
    float *own;           /* of the slab's first row */
    bool cold;
    recs__als_solver solver;
    unsigned steps; /* of cg: one more in the first iteration, far from its end */
    size_t longest, first_task;
    recs__scratch scratch;
    atomic_bool out_of_memory, singular;
} half_step;

/* ---- loops along a row ------------------------------------------------------------ */

/* out = -(d * x) - lambda x, with d x given where it is not the diagonal's. */
static void residual_start(const float *restrict product, const float *restrict x, float lambda,
                           float *restrict out, size_t n) {
    for (size_t j = 0; j < n; j++)
        out[j] = -(product[j] + lambda * x[j]);
}

static void times(const float *restrict a, const float *restrict b, float *restrict out,
                  size_t n) {
    for (size_t j = 0; j < n; j++)
        out[j] = a[j] * b[j];
}

static void times_plus(const float *restrict a, float lambda, const float *restrict b,
                       float *restrict out, size_t n) {
    for (size_t j = 0; j < n; j++)
        out[j] = (a[j] + lambda) * b[j];
}

static void inverse_plus(const float *restrict a, float lambda, float *restrict out, size_t n) {
    for (size_t j = 0; j < n; j++)
        out[j] = 1.0f / (a[j] + lambda);
}

/* p = z + b p */
static void direction(const float *restrict z, float b, float *restrict p, size_t n) {
    for (size_t j = 0; j < n; j++)
        p[j] = z[j] + b * p[j];
}

/* ---- conjugate gradient -------------------------------------------------------------- */

/* weights[i] = alpha |v_i|; errors[i] what the entry pulls on x: the right
 * side's weight less weights[i] times the prediction. */
static void weigh(const half_step *step, const float *values, size_t count, const float *x,
                  const uint32_t *rows, float *weights, float *errors) {
    const recs__foldin *system = &step->system;
    if (!step->cold)
        recs__kernels_get()->dot_gather(x, system->item_factors, system->stride, system->factors,
                                        rows, count, errors);
    for (size_t i = 0; i < count; i++) {
        float weight = system->alpha * fabsf(values[i]);
        float wanted = values[i] > 0.0f ? 1.0f + weight : 0.0f;
        weights[i] = weight;
        errors[i] = step->cold ? wanted : wanted - weight * errors[i];
    }
}

static size_t cg_scratch(const half_step *step) {
    return 5 * step->system.stride + 2 * step->longest;
}

/* product: G x. False when the numbers left float32. */
static bool conjugate_gradient(const half_step *step, const uint32_t *rows, const float *values,
                               size_t count, const float *product, float *scratch, float *x) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__foldin *system = &step->system;
    size_t n = system->factors, stride = system->stride;
    float *r = scratch, *z = r + stride, *p = z + stride, *ap = p + stride;
    float *inverse = ap + stride, *weights = inverse + stride, *dots = weights + step->longest;
    float lambda = recs__foldin_regularization(system, count);

    weigh(step, values, count, x, rows, weights, dots);
    residual_start(product, x, lambda, r, stride);
    kernels->axpy_gather(dots, system->item_factors, stride, rows, count, r, n);
    inverse_plus(system->gram, lambda, inverse, stride);
    times(inverse, r, p, stride);
    float squared = kernels->dot(r, p, n);

    for (unsigned s = 1; squared > 1e-30f; s++) {
        kernels->dot_gather(p, system->item_factors, stride, n, rows, count, dots);
        times_plus(system->gram, lambda, p, ap, stride);
        float curvature = kernels->dot(p, ap, n);
        for (size_t i = 0; i < count; i++) {
            float pulled = weights[i] * dots[i];
            curvature += pulled * dots[i];
            dots[i] = pulled;
        }
        float length = squared / curvature;
        if (!(length > 0.0f && length <= 3e38f))
            return false;
        kernels->axpy(length, p, x, n);
        if (s >= step->steps)
            break;
        kernels->axpy_gather(dots, system->item_factors, stride, rows, count, ap, n);
        kernels->axpy(-length, ap, r, n);
        times(inverse, r, z, stride);
        float next = kernels->dot(r, z, n);
        direction(z, next / squared, p, stride);
        squared = next;
    }
    return squared >= 0.0f && squared <= 3e38f;
}

/* ---- blocks of factors ----------------------------------------------------------------- */

static size_t block_scratch(const half_step *step) {
    size_t block = step->als->block, ld = (block + 15) / 16 * 16;
    return BATCH_ROWS * ld + ld * ld + ld + 2 * (step->longest + BATCH_ENTRIES) + step->longest;
}

/* Rows of a batch: their number, entries and factors. */
typedef struct batch {
    size_t rows;
    const uint32_t *columns[BATCH_ROWS];
    const float *values[BATCH_ROWS];
    size_t counts[BATCH_ROWS];
    float *x; /* [rows][stride] */
} batch;

/* One row's step in factors at … at + n; product: G x there. */
static bool block_step(const half_step *step, const batch *b, size_t row, size_t at, size_t n,
                       const float *product, const float *weights, float *errors, float *h,
                       float *room) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__als *als = step->als;
    const recs__foldin *system = &step->system;
    size_t ld = (als->block + 15) / 16 * 16, count = b->counts[row], stride = system->stride;
    const uint32_t *columns = b->columns[row];
    const float *base = system->item_factors + at;
    float *x = b->x + row * stride + at, *delta = h + ld * ld;
    float lambda = recs__foldin_regularization(system, count);

    for (size_t j = 0; j < n; j++) {
        for (size_t l = 0; l <= j; l++)
            h[j * ld + l] = als->rotated ? 0.0f : als->gram[(at + j) * stride + at + l];
        h[j * ld + j] = system->gram[at + j] + lambda;
    }
    residual_start(product, x, lambda, delta, n);
    kernels->syrk(weights, base, stride, columns, count, h, ld, n);
    kernels->axpy_gather(errors, base, stride, columns, count, delta, n);
    if (kernels->solve(h, ld, delta, n) != 0)
        return false;
    kernels->axpy(1.0f, delta, x, n);
    kernels->dot_gather(delta, base, stride, n, columns, count, room);
    for (size_t i = 0; i < count; i++)
        errors[i] -= weights[i] * room[i];
    return true;
}

/* Block after block over all rows of the batch. */
static bool block_batch(const half_step *step, const batch *b, float *scratch) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__als *als = step->als;
    const recs__foldin *system = &step->system;
    size_t factors = system->factors, stride = system->stride, block = als->block;
    size_t ld = (block + 15) / 16 * 16, most = step->longest + BATCH_ENTRIES;
    float *products = scratch, *h = products + BATCH_ROWS * ld, *weights = h + ld * ld + ld;
    float *errors = weights + most, *room = errors + most;

    for (size_t row = 0, e = 0; row < b->rows; e += b->counts[row++])
        weigh(step, b->values[row], b->counts[row], b->x + row * stride, b->columns[row],
              weights + e, errors + e);
    for (size_t at = 0; at < factors; at += block) {
        size_t n = factors - at < block ? factors - at : block;
        memset(products, 0, b->rows * ld * sizeof *products);
        if (als->rotated) {
            for (size_t row = 0; row < b->rows; row++)
                times(system->gram + at, b->x + row * stride + at, products + row * ld, n);
        } else {
            kernels->multiply(b->x, stride, 1, b->rows, als->gram + at, stride, factors, products,
                              ld, n);
        }
        for (size_t row = 0, e = 0; row < b->rows; e += b->counts[row++])
            if (b->counts[row] && !block_step(step, b, row, at, n, products + row * ld, weights + e,
                                              errors + e, h, room))
                return false;
    }
    return true;
}

/* ---- rows, batches, tasks ------------------------------------------------------------------ */

static size_t scratch_floats(const half_step *step) {
    if (step->solver == RECS__ALS_CHOLESKY)
        return recs__foldin_scratch(&step->system, step->longest);
    if (step->solver == RECS__ALS_BLOCK)
        return block_scratch(step);
    return BATCH_ROWS * step->system.stride + cg_scratch(step);
}

static bool cg_batch(const half_step *step, const batch *b, float *scratch) {
    const recs__als *als = step->als;
    size_t stride = als->stride;
    float *products = scratch;

    if (!step->cold && !als->rotated) {
        memset(products, 0, b->rows * stride * sizeof *products);
        recs__kernels_get()->multiply(b->x, stride, 1, b->rows, als->gram, stride, als->factors,
                                      products, stride, stride);
    }
    for (size_t row = 0; row < b->rows; row++) {
        float *x = b->x + row * stride;
        if (step->cold || als->rotated)
            times(step->system.gram, x, products + row * stride, stride);
        if (b->counts[row] &&
            !conjugate_gradient(step, b->columns[row], b->values[row], b->counts[row],
                                products + row * stride, scratch + BATCH_ROWS * stride, x))
            return false;
    }
    return true;
}

static bool cholesky_batch(const half_step *step, const batch *b, float *scratch) {
    for (size_t row = 0; row < b->rows; row++)
        if (b->counts[row] &&
            !recs__foldin_solve(&step->system, b->columns[row], b->values[row], b->counts[row],
                                scratch, b->x + row * step->als->stride))
            return false;
    return true;
}

/* Rows from `row` on, as many as fit a batch; those without entries are 0. */
static void fill_batch(const half_step *step, batch *b, uint32_t row, uint32_t end) {
    size_t entries = 0, stride = step->als->stride;
    b->rows = 0;
    b->x = step->own + (size_t)row * stride;
    for (; row < end && b->rows < BATCH_ROWS; row++, b->rows++) {
        uint64_t at;
        size_t count = recs__csr_row(step->slab, row, &at);
        if (b->rows && entries + count > step->longest + BATCH_ENTRIES)
            break;
        entries += count;
        b->counts[b->rows] = count;
        b->columns[b->rows] = count ? step->slab->columns + at : NULL;
        b->values[b->rows] = count ? step->slab->values + at : NULL;
        if (count == 0)
            memset(b->x + b->rows * stride, 0, stride * sizeof(float));
    }
}

static void half_step_task(void *arg, size_t index) {
    half_step *step = arg;
    uint64_t first = (uint64_t)(step->first_task + index) * ROWS_PER_TASK;
    uint64_t last = first + ROWS_PER_TASK < step->slab->rows ? first + ROWS_PER_TASK
                                                             : step->slab->rows;
    float *scratch = recs__scratch_take(&step->scratch);
    bool solved = true;

    if (!scratch) {
        atomic_store(&step->out_of_memory, true);
        return;
    }
    for (uint64_t row = first; row < last && solved;) {
        batch b;
        fill_batch(step, &b, (uint32_t)row, (uint32_t)last);
        solved = step->solver == RECS__ALS_CHOLESKY ? cholesky_batch(step, &b, scratch)
                 : step->solver == RECS__ALS_BLOCK  ? block_batch(step, &b, scratch)
                                                    : cg_batch(step, &b, scratch);
        row += b.rows;
    }
    if (!solved)
        atomic_store(&step->singular, true);
    recs__scratch_give(&step->scratch, scratch);
}

recs__foldin recs__als_system(const recs__als *als, const recs__als_side *read) {
    return (recs__foldin){.item_factors = read->factors,
                          .gram = als->diagonal,
                          .items = read->matrix->rows,
                          .factors = als->factors,
                          .stride = als->stride,
                          .alpha = als->alpha,
                          .regularization = als->regularization,
                          .regularization_exponent = als->exponent,
                          .items_trained = read->trained};
}

recs_status recs__als_solve(recs__als *als, const recs__als_side *read, recs__als_side *own,
                            recs__als_solver solver, const recs__csr *slab, uint32_t first,
                            recs_error *error) {
    half_step step = {.als = als,
                      .system = recs__als_system(als, read),
                      .slab = slab,
                      .own = own->factors + (size_t)first * als->stride,
                      .cold = own->cold,
                      .solver = solver,
                      .steps = als->cg_steps + (als->done < 2),
                      .longest = own->longest};
    size_t floats = scratch_floats(&step);
    size_t tasks = ((size_t)slab->rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    recs_status status = RECS_OK;

    recs__scratch_init(&step.scratch, floats * sizeof(float), als->host);
    atomic_init(&step.out_of_memory, false);
    atomic_init(&step.singular, false);
    for (; step.first_task < tasks && status == RECS_OK; step.first_task += TASKS_PER_BATCH) {
        size_t left = tasks - step.first_task;
        recs__run(als->host, half_step_task, &step, left < TASKS_PER_BATCH ? left : TASKS_PER_BATCH);
        uint64_t from = (uint64_t)step.first_task * ROWS_PER_TASK;
        uint64_t to = from + (uint64_t)TASKS_PER_BATCH * ROWS_PER_TASK;
        recs__training_done(als->training, slab, slab->offsets[from],
                            slab->offsets[to < slab->rows ? to : slab->rows]);
        if (atomic_load(&step.out_of_memory))
            status = recs__fail_memory(error, floats * sizeof(float));
        else if (atomic_load(&step.singular))
            status = recs__als_diverged(als, "met a system of equations that is singular in float32",
                                        error);
        else
            status = recs__progress_tell(als->progress, "als half-steps", als->done, als->total,
                                         error);
    }
    recs__scratch_clear(&step.scratch);
    return status;
}
