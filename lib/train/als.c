/* als.c - implicit alternating least squares.
 *
 * Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback
 * Datasets", ICDM 2008; conjugate gradient half-steps after Takacs, Pilaszy,
 * Tikk, "Applications of the conjugate gradient method for implicit feedback
 * collaborative filtering", RecSys 2011; the regularisation that grows with
 * the number of interactions after Rendle, Krichene, Zhang, Koren,
 * "Revisiting the Performance of iALS on Item Recommendation Benchmarks",
 * 2021 (there lambda (n_u + alpha_0 |I|)^nu; here the weight of an unobserved
 * pair is 1 and that of an observed one 1 + alpha v, so alpha_0 is 1 / alpha).
 *
 * Each half-step is a loop over rows that read only the other side, so rows
 * are spread over the executor in chunks of a fixed number and the bytes do
 * not depend on the number of threads. All sums are in the canonical orders
 * of kernels.h, so they do not depend on the instruction set either.
 *
 * Training ends with a user half-step through the serving fold-in.
 *
 * Cost of an iteration, f factors, n interactions, m users and items: conjugate
 * gradient (steps + 1) * (2 n f + m f^2) multiply-adds, Cholesky n f^2 / 2 +
 * m f^3 / 6. Memory: 4 * stride bytes per user and item beside the matrices. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernels/foldin.h"
#include "kernels/kernels.h"
#include "model/format.h"
#include "train/scratch.h"

#include <math.h>
#include <string.h>

enum { FACTORS, ITERATIONS, REGULARIZATION, ALPHA, EXPONENT, SOLVER, CG_STEPS, SETTING_COUNT };
enum { SOLVER_CG, SOLVER_CHOLESKY };

static const recs__setting als_settings[] = {
    [FACTORS] = {"factors", 64, 1, 2048, true, NULL},
    [ITERATIONS] = {"iterations", 10, 1, 1000, true, NULL},
    [REGULARIZATION] = {"regularization", 0.4, 1e-9, 1e9, false, NULL},
    [ALPHA] = {"alpha", 40, 1e-6, 1e6, false, NULL},
    [EXPONENT] = {"regularization_exponent", 1, 0, 2, false, NULL},
    [SOLVER] = {"solver", SOLVER_CG, 0, 0, false, "cg|cholesky"},
    [CG_STEPS] = {"cg_steps", 3, 1, 100, true, NULL},
};

#define ROWS_PER_TASK 128
#define TASKS_PER_BATCH 512

/* One side's half-step: every row of matrix solved against `other`. */
typedef struct half_step {
    const recs__csr *matrix;
    recs__foldin system;      /* the other side as "items" */
    const float *full_gram;   /* [factors][stride], both triangles */
    float *own;
    unsigned cg_steps;        /* 0: closed form */
    size_t first_task;
    recs__scratch scratch;
    atomic_bool out_of_memory, singular;
} half_step;

/* out = (G + lambda I) p + sum of alpha |v_i| (y_i . p) y_i */
static void apply_system(const half_step *step, const recs__kernels *kernels, float lambda,
                         const uint32_t *rows, const float *values, size_t count, const float *p,
                         float *weights, float *out) {
    const recs__foldin *system = &step->system;
    kernels->dot_rows(p, step->full_gram, system->stride, system->factors, system->factors, out);
    kernels->axpy(lambda, p, out, system->factors);
    kernels->dot_gather(p, system->item_factors, system->stride, system->factors, rows, count,
                        weights);
    for (size_t i = 0; i < count; i++)
        weights[i] *= system->alpha * fabsf(values[i]);
    kernels->axpy_gather(weights, system->item_factors, system->stride, rows, count, out,
                         system->factors);
}

static void conjugate_gradient(const half_step *step, const uint32_t *rows, const float *values,
                               size_t count, float *scratch, float *x) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__foldin *system = &step->system;
    size_t factors = system->factors, stride = system->stride;
    float *r = scratch, *p = r + stride, *ap = p + stride, *weights = ap + stride;
    float lambda = recs__foldin_regularization(system, count);

    /* r = b - A x */
    apply_system(step, kernels, lambda, rows, values, count, x, weights, ap);
    for (size_t i = 0; i < count; i++)
        weights[i] = values[i] > 0.0f ? 1.0f + system->alpha * values[i] : 0.0f;
    memset(r, 0, stride * sizeof *r);
    kernels->axpy_gather(weights, system->item_factors, stride, rows, count, r, factors);
    kernels->axpy(-1.0f, ap, r, factors);
    memcpy(p, r, stride * sizeof *p);
    float squared = kernels->dot(r, r, factors);

    for (unsigned s = 0; s < step->cg_steps && squared > 1e-20f; s++) {
        apply_system(step, kernels, lambda, rows, values, count, p, weights, ap);
        float a = squared / kernels->dot(p, ap, factors);
        kernels->axpy(a, p, x, factors);
        kernels->axpy(-a, ap, r, factors);
        float next = kernels->dot(r, r, factors);
        kernels->scale(next / squared, p, factors);
        kernels->axpy(1.0f, r, p, factors);
        squared = next;
    }
}

static void half_step_task(void *arg, size_t index) {
    half_step *step = arg;
    const recs__csr *matrix = step->matrix;
    size_t stride = step->system.stride;
    uint64_t first = (uint64_t)(step->first_task + index) * ROWS_PER_TASK;
    uint64_t last = first + ROWS_PER_TASK < matrix->rows ? first + ROWS_PER_TASK : matrix->rows;
    float *scratch = recs__scratch_take(&step->scratch);

    if (!scratch) {
        atomic_store(&step->out_of_memory, true);
        return;
    }
    for (uint64_t row = first; row < last; row++) {
        uint64_t at;
        size_t count = recs__csr_row(matrix, (uint32_t)row, &at);
        float *x = step->own + row * stride;
        if (count == 0)
            memset(x, 0, stride * sizeof *x);
        else if (step->cg_steps)
            conjugate_gradient(step, matrix->columns + at, matrix->values + at, count, scratch, x);
        else if (!recs__foldin_solve(&step->system, matrix->columns + at, matrix->values + at,
                                     count, scratch, x))
            atomic_store(&step->singular, true);
    }
    recs__scratch_give(&step->scratch, scratch);
}

/* ---- the Gram matrix --------------------------------------------------------- */

typedef struct gram_work {
    const float *rows;
    float *partial; /* [parts][factors][stride] */
    size_t factors, stride, count, rows_per_part;
} gram_work;

static void gram_task(void *arg, size_t index) {
    gram_work *work = arg;
    size_t first = index * work->rows_per_part;
    size_t count = work->count - first < work->rows_per_part ? work->count - first
                                                              : work->rows_per_part;
    float *part = work->partial + index * work->factors * work->stride;
    memset(part, 0, work->factors * work->stride * sizeof *part);
    recs__kernels_get()->syrk(NULL, work->rows + first * work->stride, work->stride, NULL, count,
                              part, work->stride, work->factors);
}

/* How many parts a Gram matrix is summed in: by the data alone, and few when
 * each part is large. */
static size_t gram_parts(size_t count, size_t factors) {
    size_t most = factors <= 256 ? 32 : 4, parts = (count + 1023) / 1024;
    return parts < 1 ? 1 : parts < most ? parts : most;
}

/* gram = rows^T rows, both triangles; partial has room for gram_parts. */
static void gram_of(const float *rows, size_t count, size_t factors, size_t stride, float *partial,
                    float *gram, const recs_host *host) {
    size_t parts = gram_parts(count, factors);
    gram_work work = {rows, partial, factors, stride, count, (count + parts - 1) / parts};
    if (work.rows_per_part)
        parts = (count + work.rows_per_part - 1) / work.rows_per_part;
    else
        parts = 0;
    memset(gram, 0, factors * stride * sizeof *gram);
    recs__run(host, gram_task, &work, parts);
    for (size_t part = 0; part < parts; part++)
        recs__kernels_get()->axpy(1.0f, partial + part * factors * stride, gram,
                                  factors * stride);
    for (size_t j = 0; j < factors; j++)
        for (size_t l = 0; l < j; l++)
            gram[l * stride + j] = gram[j * stride + l];
}

/* ---- training -------------------------------------------------------------------- */

typedef struct als {
    const recs__train_job *job;
    const recs_host *host;
    size_t factors, stride;
    float *users, *items; /* [count][stride] */
    float *gram, *partial;
    uint32_t users_trained, items_trained;
    size_t longest_user, longest_item;
} als;

static uint32_t trained_rows(const recs__csr *matrix, size_t *longest) {
    uint32_t trained = 0;
    *longest = 0;
    for (uint32_t row = 0; row < matrix->rows; row++) {
        uint64_t at;
        size_t count = recs__csr_row(matrix, row, &at);
        trained += count > 0;
        if (count > *longest)
            *longest = count;
    }
    return trained;
}

static recs_status run_half_step(als *a, bool users, unsigned cg_steps, uint64_t done,
                                 uint64_t total, recs_error *error) {
    const double *settings = a->job->spec->settings;
    const recs__training *training = a->job->training;
    half_step step = {.matrix = users ? &training->by_user : &training->by_item,
                      .full_gram = a->gram,
                      .own = users ? a->users : a->items,
                      .cg_steps = cg_steps};
    recs__foldin *system = &step.system;
    system->item_factors = users ? a->items : a->users;
    system->items = users ? training->items : training->users;
    system->gram = a->gram;
    system->factors = a->factors;
    system->stride = a->stride;
    system->alpha = (float)settings[ALPHA];
    system->regularization = (float)settings[REGULARIZATION];
    system->regularization_exponent = (float)settings[EXPONENT];
    system->items_trained = users ? a->items_trained : a->users_trained;

    gram_of(system->item_factors, system->items, a->factors, a->stride, a->partial, a->gram,
            a->host);

    size_t longest = users ? a->longest_user : a->longest_item;
    size_t floats = cg_steps ? 3 * a->stride + longest : recs__foldin_scratch(system, longest);
    recs__scratch_init(&step.scratch, floats * sizeof(float), a->host);
    atomic_init(&step.out_of_memory, false);
    atomic_init(&step.singular, false);

    size_t tasks = ((size_t)step.matrix->rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    recs_status status = RECS_OK;
    for (step.first_task = 0; step.first_task < tasks && status == RECS_OK;
         step.first_task += TASKS_PER_BATCH) {
        size_t left = tasks - step.first_task;
        recs__run(a->host, half_step_task, &step, left < TASKS_PER_BATCH ? left : TASKS_PER_BATCH);
        if (atomic_load(&step.out_of_memory))
            status = recs__fail_memory(error, floats * sizeof(float));
        else if (atomic_load(&step.singular))
            status = recs__fail(error, RECS_ERR_NUMERIC,
                                "als: a system of equations is singular in float32; raise "
                                "regularization (now %.9g) or lower alpha (now %.9g)",
                                settings[REGULARIZATION], settings[ALPHA]);
        else
            status = recs__progress_tell(a->job->progress, "als half-steps", done, total, error);
    }
    recs__scratch_clear(&step.scratch);
    return status;
}

static recs_status allocate(als *a, recs_error *error) {
    const recs__training *training = a->job->training;
    size_t larger = training->items > training->users ? training->items : training->users;
    size_t square = a->factors * a->stride;

    a->users = recs__alloc_aligned(a->host, (size_t)training->users * a->stride, sizeof(float),
                                   error);
    if (a->users)
        a->items = recs__alloc_aligned(a->host, (size_t)training->items * a->stride, sizeof(float),
                                       error);
    if (a->items)
        a->gram = recs__alloc_aligned(a->host, square, sizeof(float), error);
    if (a->gram)
        a->partial = recs__alloc_aligned(a->host, gram_parts(larger, a->factors) * square,
                                         sizeof(float), error);
    return a->partial ? RECS_OK : RECS_ERR_MEMORY;
}

/* Small normal numbers, so that scores start near 0; items without
 * interactions are zero from the start and stay out of the Gram matrix. */
static void initialise(als *a) {
    const recs__training *training = a->job->training;
    recs__random random;
    float deviation = 0.1f / sqrtf((float)a->factors);

    recs__random_seed(&random, a->job->seed);
    memset(a->users, 0, (size_t)training->users * a->stride * sizeof(float));
    memset(a->items, 0, (size_t)training->items * a->stride * sizeof(float));
    for (uint32_t item = 0; item < training->items; item++) {
        uint64_t at;
        if (recs__csr_row(&training->by_item, item, &at) == 0)
            continue;
        for (size_t j = 0; j < a->factors; j++)
            a->items[item * a->stride + j] = deviation * recs__random_normal(&random);
    }
}

static recs_status iterate(als *a, recs_error *error) {
    const double *settings = a->job->spec->settings;
    unsigned cg_steps =
        (unsigned)settings[SOLVER] == SOLVER_CG ? (unsigned)settings[CG_STEPS] : 0;
    uint64_t total = 2 * (uint64_t)settings[ITERATIONS] + 1;
    recs_status status = RECS_OK;

    for (uint64_t step = 0; step + 1 < total && status == RECS_OK; step++)
        status = run_half_step(a, step % 2 == 0, cg_steps, step, total, error);
    for (size_t i = 0; status == RECS_OK && i < (size_t)a->job->training->items * a->stride; i++)
        if (!isfinite(a->items[i]))
            status = recs__fail(error, RECS_ERR_NUMERIC,
                                "als diverged: item factors are not finite; raise "
                                "regularization (now %.9g) or lower alpha (now %.9g)",
                                settings[REGULARIZATION], settings[ALPHA]);
    if (status == RECS_OK)
        status = run_half_step(a, true, 0, total - 1, total, error);
    return status;
}

static recs_status hand_over(als *a, recs__trained *trained, recs_error *error) {
    const recs__training *training = a->job->training;
    const recs__kernels *kernels = recs__kernels_get();
    const double *settings = a->job->spec->settings;
    float *norms = recs__alloc_aligned(a->host, training->items, sizeof *norms, error);
    if (!norms)
        return RECS_ERR_MEMORY;
    for (uint32_t item = 0; item < training->items; item++) {
        const float *y = a->items + item * a->stride;
        norms[item] = sqrtf(kernels->dot(y, y, a->factors));
    }
    for (size_t j = 0; j < a->factors; j++) /* the file keeps the lower triangle */
        memset(a->gram + j * a->stride + j + 1, 0, (a->stride - j - 1) * sizeof(float));

    trained->kind = RECS__KIND_FACTORS;
    trained->factors = (uint32_t)a->factors;
    trained->alpha = (float)settings[ALPHA];
    trained->regularization = (float)settings[REGULARIZATION];
    trained->regularization_exponent = (float)settings[EXPONENT];
    trained->items_trained = a->items_trained;
    recs__trained_add(trained, RECS_SECTION_ITEM_FACTORS, a->items,
                      (size_t)training->items * a->stride * sizeof(float));
    recs__trained_add(trained, RECS_SECTION_ITEM_NORMS, norms,
                      (size_t)training->items * sizeof(float));
    recs__trained_add(trained, RECS_SECTION_GRAM, a->gram, a->factors * a->stride * sizeof(float));
    a->items = a->gram = NULL;
    if (a->job->keep_users && training->users) {
        recs__trained_add(trained, RECS_SECTION_USER_FACTORS, a->users,
                          (size_t)training->users * a->stride * sizeof(float));
        a->users = NULL;
    }
    return RECS_OK;
}

static recs_status train_als(const recs__train_job *job, recs__trained *trained,
                             recs_error *error) {
    als a = {.job = job, .host = &job->training->host};
    recs_status status;

    a.factors = (size_t)job->spec->settings[FACTORS];
    a.stride = (a.factors + 15) / 16 * 16;
    a.users_trained = trained_rows(&job->training->by_user, &a.longest_user);
    a.items_trained = trained_rows(&job->training->by_item, &a.longest_item);
    if ((status = allocate(&a, error)) == RECS_OK) {
        initialise(&a);
        status = iterate(&a, error);
    }
    if (status == RECS_OK)
        status = hand_over(&a, trained, error);
    recs__free_aligned(a.host, a.users);
    recs__free_aligned(a.host, a.items);
    recs__free_aligned(a.host, a.gram);
    recs__free_aligned(a.host, a.partial);
    return status;
}

const recs__trainer recs__trainer_als = {.name = "als",
                                       .settings = als_settings,
                                       .setting_count = SETTING_COUNT,
                                       .train = train_als};
