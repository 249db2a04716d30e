/* als_start.c - where als begins: a basis of what the strongest patterns of the
 * log span, in place of random numbers, and both sides of one size.
 *
 * From random signs for every item, ROUNDS times: every user takes the mean of
 * the factors of what they have, every item the mean of its users', weighted
 * by the values of the log; then the columns are put at right angles. That is
 * subspace iteration (Halko, Martinsson, Tropp 2011) on the walk from item to
 * user to item, whose strongest directions are those of the log with both
 * sides' popularity taken out. Items are given a mean square length of 1, at
 * which regularization hardly counts, so that the first half-step of the users
 * is a plain projection.
 *
 * Only products x.y are predictions: a column of one side may be multiplied by
 * any number and the other's divided by it. The objective's regularisation is
 * least where both have the same weighted norm, and alternating steps find
 * that balance very slowly; after each half-step of the first iteration it is
 * set at once.
 *
 * Against random factors, Gowalla, 64 factors: the loss of three iterations
 * after one and that of six after three, at the price of half an iteration;
 * either alone gains little (generated pairs, loss after two iterations: random
 * 8.87, basis 9.55, basis and balance 8.80). */
#include "train/als.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define ROUNDS 2
#define ROWS_PER_TASK 64
#define TASKS_PER_BATCH 512
#define STAGE "als start"

typedef struct means {
    const recs__als *als;
    const recs__als_side *read, *own;
    size_t first_task;
} means;

static void mean_task(void *arg, size_t index) {
    const means *work = arg;
    const recs__kernels *kernels = recs__kernels_get();
    const recs__csr *matrix = work->own->matrix;
    size_t stride = work->als->stride, factors = work->als->factors;
    size_t first = (work->first_task + index) * ROWS_PER_TASK, end = first + ROWS_PER_TASK;
    for (size_t row = first; row < end && row < matrix->rows; row++) {
        uint64_t at;
        size_t count = recs__csr_row(matrix, (uint32_t)row, &at);
        const float *values = matrix->values + at;
        float *out = work->own->factors + row * stride, sum = 0.0f;
        memset(out, 0, factors * sizeof *out);
        kernels->axpy_gather(values, work->read->factors, stride, matrix->columns + at, count, out,
                             factors);
        for (size_t i = 0; i < count; i++)
            sum += fabsf(values[i]);
        for (size_t j = 0; j < factors && sum > 0.0f; j++)
            out[j] /= sum;
    }
}

/* Rows of own = means of read's; done of the stage's total. */
static recs_status take_means(recs__als *als, const recs__als_side *read, recs__als_side *own,
                              uint64_t done, recs_error *error) {
    const recs__csr *matrix = own->matrix;
    size_t tasks = ((size_t)matrix->rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    means work = {.als = als, .read = read, .own = own};
    recs_status status = RECS_OK;
    for (; work.first_task < tasks && status == RECS_OK; work.first_task += TASKS_PER_BATCH) {
        size_t left = tasks - work.first_task;
        recs__run(als->host, mean_task, &work, left < TASKS_PER_BATCH ? left : TASKS_PER_BATCH);
        size_t from = work.first_task * ROWS_PER_TASK, to = from + TASKS_PER_BATCH * ROWS_PER_TASK;
        recs__training_done(als->training, matrix, matrix->offsets[from],
                            matrix->offsets[to < matrix->rows ? to : matrix->rows]);
        status = recs__progress_tell(als->progress, STAGE, done, 2 * ROUNDS, error);
    }
    return status;
}

/* Random signs times the deviation in the columns asked for (NULL: all). Items
 * without interactions are zero and stay out of the Gram matrix. */
static void draw(recs__als *als, const bool *columns, float deviation, uint64_t seed) {
    recs__random random;
    recs__random_seed(&random, seed);
    for (uint32_t item = 0; item < als->items.matrix->rows; item++) {
        uint64_t at, signs = 0;
        bool some = recs__csr_row(als->items.matrix, item, &at) > 0;
        float *y = als->items.factors + (size_t)item * als->stride;
        for (size_t j = 0; j < als->factors && some; j++, signs >>= 1) {
            if (j % 64 == 0)
                signs = recs__random_u64(&random);
            if (!columns || columns[j])
                y[j] = signs & 1 ? deviation : -deviation;
        }
    }
}

recs_status recs__als_begin(recs__als *als, uint64_t seed, recs_error *error) {
    float deviation = 1.0f / sqrtf((float)als->factors); /* of a square length of 1 */
    float length = deviation * sqrtf((float)als->items.trained);
    bool empty[2048]; /* factors at most: a log has fewer directions than were asked for */
    bool some_empty = false;
    recs_status status = RECS_OK;
    draw(als, NULL, deviation, seed);
    for (uint64_t round = 0; status == RECS_OK && round < ROUNDS; round++) {
        status = take_means(als, &als->items, &als->users, 2 * round, error);
        if (status == RECS_OK)
            status = take_means(als, &als->users, &als->items, 2 * round + 1, error);
    }
    if (status == RECS_OK)
        status = recs__als_gram(als, &als->items, error);
    if (status == RECS_OK)
        status = recs__als_orthogonalise(als, &als->items, length, empty, error);
    for (size_t j = 0; status == RECS_OK && j < als->factors; j++)
        some_empty |= empty[j];
    if (status == RECS_OK && some_empty)
        draw(als, empty, deviation, seed + 1);
    if (status == RECS_OK)
        status = recs__progress_tell(als->progress, STAGE, 2 * ROUNDS, 2 * ROUNDS, error);
    memset(als->users.factors, 0,
           (size_t)als->users.matrix->rows * als->stride * sizeof *als->users.factors);
    als->users.cold = true;
    return status;
}

/* ---- balance ---------------------------------------------------------------------------- */

#define NORM_PARTS 32 /* sums are taken in: by the data alone, or threads would show */

typedef struct balance {
    const recs__als *als;
    const recs__als_side *own;
    recs__foldin system;
    size_t rows_per_part;
    double *sums; /* [NORM_PARTS][factors]: of lambda x^2 */
    float *times; /* [factors] */
} balance;

static void norm_task(void *arg, size_t part) {
    const balance *work = arg;
    const recs__csr *matrix = work->own->matrix;
    size_t factors = work->als->factors, stride = work->als->stride;
    size_t first = part * work->rows_per_part, end = first + work->rows_per_part;
    double *sums = work->sums + part * factors;
    for (size_t row = first; row < end && row < matrix->rows; row++) {
        uint64_t at;
        size_t count = recs__csr_row(matrix, (uint32_t)row, &at);
        const float *x = work->own->factors + row * stride;
        double lambda = count ? (double)recs__foldin_regularization(&work->system, count) : 0.0;
        for (size_t j = 0; j < factors; j++)
            sums[j] += lambda * (double)x[j] * (double)x[j];
    }
}

static void scale_task(void *arg, size_t part) {
    const balance *work = arg;
    size_t first = part * work->rows_per_part, end = first + work->rows_per_part;
    for (size_t row = first; row < end && row < work->own->matrix->rows; row++) {
        float *x = work->own->factors + row * work->als->stride;
        for (size_t j = 0; j < work->als->factors; j++)
            x[j] *= work->times[j];
    }
}

static void look_at(balance *work, const recs__als_side *own, const recs__als_side *read) {
    work->own = own;
    work->system = recs__als_system(work->als, read);
    work->rows_per_part = ((size_t)own->matrix->rows + NORM_PARTS - 1) / NORM_PARTS;
}

/* norms = weighted squares of own's columns. */
static void norms_of(balance *work, const recs__als_side *own, const recs__als_side *read,
                     double *norms) {
    size_t factors = work->als->factors;
    look_at(work, own, read);
    memset(work->sums, 0, NORM_PARTS * factors * sizeof *work->sums);
    recs__run(work->als->host, norm_task, work, NORM_PARTS);
    memcpy(norms, work->sums, factors * sizeof *norms);
    for (size_t part = 1; part < NORM_PARTS; part++)
        for (size_t j = 0; j < factors; j++)
            norms[j] += work->sums[part * factors + j];
}

/* own's columns times the fourth root of other / its, where that is a number. */
static void scale(balance *work, const recs__als_side *own, const recs__als_side *read,
                  const double *norms, const double *others) {
    for (size_t j = 0; j < work->als->factors; j++) {
        double ratio = others[j] / norms[j];
        bool usable = norms[j] > 0.0 && others[j] > 0.0 && isfinite(ratio);
        work->times[j] = usable ? (float)sqrt(sqrt(ratio)) : 1.0f;
    }
    look_at(work, own, read);
    recs__run(work->als->host, scale_task, work, NORM_PARTS);
}

recs_status recs__als_balance(recs__als *als, recs_error *error) {
    size_t factors = als->factors;
    const recs__als_side *users = &als->users, *items = &als->items;
    balance work = {.als = als};
    work.sums = recs__alloc(als->host, (NORM_PARTS + 2) * factors, sizeof *work.sums, error);
    work.times = work.sums ? recs__alloc(als->host, factors, sizeof *work.times, error) : NULL;
    if (work.times) {
        double *of_users = work.sums + NORM_PARTS * factors, *of_items = of_users + factors;
        norms_of(&work, users, items, of_users);
        norms_of(&work, items, users, of_items);
        scale(&work, items, users, of_items, of_users);
        scale(&work, users, items, of_users, of_items);
    }
    recs_status status = work.times ? RECS_OK : RECS_ERR_MEMORY;
    recs__free(als->host, work.sums);
    recs__free(als->host, work.times);
    return status;
}
