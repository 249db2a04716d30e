/* als.c - implicit alternating least squares.
 *
 * Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback
 * Datasets", ICDM 2008; conjugate gradient half-steps after Takacs, Pilaszy,
 * Tikk, "Applications of the conjugate gradient method for implicit feedback
 * collaborative filtering", RecSys 2011; blocks of factors after Rendle,
 * Krichene, Zhang, Koren, "iALS++: Speeding up Matrix Factorization with
 * Subspace Optimization", 2021; the regularisation that grows with the number
 * of interactions after the same, "Revisiting the Performance of iALS on Item
 * Recommendation Benchmarks", 2021 (there lambda (n_u + alpha_0 |I|)^nu; here
 * the weight of an unobserved pair is 1 and that of an observed one
 * 1 + alpha v, so alpha_0 is 1 / alpha).
 *
 * It begins with a basis of the log's strongest patterns (als_start.c). An
 * iteration is two half-steps (als_solve.c), each after the Gram matrix of
 * the side it reads and, where the solver wants it diagonal, a rotation
 * (als_gram.c). Training ends with a rotation to the eigenvectors of the items'
 * Gram matrix and a user half-step through the serving fold-in.
 *
 * The bytes depend neither on the number of threads nor on the instruction
 * set. Memory: 4 * stride bytes per user and item beside the matrices, up to 35
 * Gram matrices (7 above 256 factors), twice a Gram matrix in double. */
#include "train/als.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include "model/format.h"
#include "train/budget.h"
#include "train/start.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    FACTORS,
    ITERATIONS,
    REGULARIZATION,
    ALPHA,
    EXPONENT,
    SOLVER,
    CG_STEPS,
    BLOCK_SIZE,
    STORAGE,
    SETTING_COUNT
};

enum { FLOAT32, BFLOAT16 };

static const recs__setting als_settings[] = {
    [FACTORS] = {"factors", 64, 1, 2048, true, NULL, 0},
    [ITERATIONS] = {"iterations", 10, 1, 1000, true, NULL, 0},
    [REGULARIZATION] = {"regularization", 2, 1e-9, 1e9, false, NULL, 0},
    [ALPHA] = {"alpha", 20, 1e-6, 1e6, false, NULL, 0},
    [EXPONENT] = {"regularization_exponent", 0.5, 0, 2, false, NULL, 0},
    [SOLVER] = {"solver", RECS__ALS_AUTO, 0, 0, false, "auto|cg|block|cholesky", 0},
    [CG_STEPS] = {"cg_steps", 2, 1, 100, true, NULL, 0},
    [BLOCK_SIZE] = {"block_size", 32, 1, 2048, true, NULL, 0},
    [STORAGE] = {"storage", FLOAT32, 0, 0, false, "float32|bfloat16", 0},
};

/* Beside the diagonal of a Gram matrix at most this, or the sides are turned. */
#define SKEW 0.1f

typedef struct als {
    recs__als parts;
    const recs__train_job *job;
    recs__als_solver solver;
    bool warm; /* begins from an earlier model */
} als;

static void look_at(recs__als_side *side, const recs__csr *matrix) {
    side->matrix = matrix;
    for (uint32_t row = 0; row < matrix->rows; row++) {
        uint64_t at;
        size_t count = recs__csr_row(matrix, row, &at);
        side->trained += count > 0;
        if (count > side->longest)
            side->longest = count;
    }
}

/* Which solver is the fastest way to the same quality (docs/models.md). */
static recs__als_solver choose(const als *a) {
    recs__als_solver wanted = (recs__als_solver)a->job->spec->settings[SOLVER];
    return wanted == RECS__ALS_AUTO ? RECS__ALS_CG : wanted;
}

/* Both sides' factors, the Gram matrices, and of bfloat16 the copy of a side. */
static recs_status check_memory(const als *a, recs_error *error) {
    const recs__als *p = &a->parts;
    uint64_t users = p->users.matrix->rows, items = p->items.matrix->rows;
    uint64_t larger = users > items ? users : items, square = p->factors * p->stride;
    uint64_t floats = (users + items) * p->stride + items + p->stride +
                      (recs__als_parts((size_t)larger, p->factors) + 5) * square;
    if ((int)a->job->spec->settings[STORAGE] != FLOAT32)
        floats += larger * p->stride / 2;
    char what[96];
    snprintf(what, sizeof what, "%zu factors of %llu users and %llu items", p->factors,
             (unsigned long long)users, (unsigned long long)items);
    return recs__budget_check(a->job, floats * sizeof(float), what, error);
}

static recs_status allocate(als *a, recs_error *error) {
    recs__als *p = &a->parts;
    size_t users = p->users.matrix->rows, items = p->items.matrix->rows;
    size_t larger = items > users ? items : users, square = p->factors * p->stride;

    p->users.factors = recs__alloc_aligned(p->host, users * p->stride, sizeof(float), error);
    if (p->users.factors)
        p->items.factors = recs__alloc_aligned(p->host, items * p->stride, sizeof(float), error);
    if (p->items.factors)
        p->diagonal = recs__alloc_aligned(p->host, p->stride, sizeof(float), error);
    if (p->diagonal)
        p->gram = recs__alloc_aligned(p->host, square, sizeof(float), error);
    if (p->gram)
        p->partial = recs__alloc_aligned(p->host, recs__als_parts(larger, p->factors) * square,
                                         sizeof(float), error);
    if (!p->partial)
        return RECS_ERR_MEMORY;
    recs__large_pages(p->users.factors, users * p->stride * sizeof(float));
    recs__large_pages(p->items.factors, items * p->stride * sizeof(float));
    return RECS_OK;
}

/* All zero; of a training that starts from an earlier model its factors, and
 * small normal numbers where it has none. Items without interactions stay zero
 * and out of the Gram matrix. */
static recs_status initialise(als *a, recs_error *error) {
    recs__als *p = &a->parts;
    recs__start start;
    recs_status status = recs__start_open(&start, a->job, (uint32_t)p->factors, error);
    if (status != RECS_OK)
        return status;
    a->warm = start.model != NULL;
    recs__random random;
    float deviation = 0.1f / sqrtf((float)p->factors);

    recs__random_seed(&random, a->job->seed);
    memset(p->diagonal, 0, p->stride * sizeof(float));
    memset(p->users.factors, 0, (size_t)p->users.matrix->rows * p->stride * sizeof(float));
    memset(p->items.factors, 0, (size_t)p->items.matrix->rows * p->stride * sizeof(float));
    p->users.cold = true;
    for (uint32_t item = 0; item < p->items.matrix->rows && a->warm; item++) {
        uint64_t at;
        if (recs__csr_row(p->items.matrix, item, &at) == 0)
            continue;
        float *y = p->items.factors + item * p->stride;
        for (size_t j = 0; j < p->factors; j++) /* drawn in any case: new items get the same */
            y[j] = deviation * recs__random_normal(&random);
        recs__start_item(&start, item, y);
    }
    for (uint32_t user = 0; user < p->users.matrix->rows && a->warm; user++) {
        uint64_t at;
        float *x = p->users.factors + user * p->stride;
        if (recs__csr_row(p->users.matrix, user, &at) != 0 && recs__start_user(&start, user, x))
            p->users.cold = false;
    }
    return RECS_OK;
}

static recs_status half_step(als *a, recs__als_side *read, recs__als_side *own,
                             recs__als_solver solver, recs_error *error) {
    recs__als *p = &a->parts;
    recs_status status = recs__als_gram(p, read, error);

    if (status == RECS_OK && solver == RECS__ALS_CHOLESKY) /* own is written anew, in read's frame */
        status = recs__als_rotate(p, read, NULL, error);
    else if (status == RECS_OK && solver == RECS__ALS_CG && recs__als_skew(p, read) > SKEW)
        status = recs__als_rotate(p, read, own, error);
    if (status == RECS_OK)
        status = recs__als_solve(p, read, own, solver, own->matrix, 0, error);
    own->cold = false;
    p->done++;
    return status;
}

/* Item factors as the model will hold them, and what is left on the diagonal of
 * their Gram matrix; beside it, rounding leaves what it leaves. */
static recs_status round_items(als *a, recs_error *error) {
    recs__als *p = &a->parts;
    size_t count = (size_t)p->items.matrix->rows * p->stride;
    for (size_t i = 0; i < count; i++)
        p->items.factors[i] = recs__half_float(recs__half_of(p->items.factors[i]));
    return recs__als_gram(p, &p->items, error);
}

/* The last half-step of the users: exactly, against the items as they are kept,
 * in the frame in which their Gram matrix is diagonal. */
static recs_status finish(als *a, recs_error *error) {
    recs__als *p = &a->parts;
    recs_status status = recs__als_gram(p, &p->items, error);
    if (status == RECS_OK)
        status = recs__als_rotate(p, &p->items, NULL, error);
    if (status == RECS_OK && (int)a->job->spec->settings[STORAGE] == BFLOAT16)
        status = round_items(a, error);
    if (status == RECS_OK)
        status = recs__als_solve(p, &p->items, &p->users, RECS__ALS_CHOLESKY, p->users.matrix, 0,
                                 error);
    p->done++;
    return status;
}

/* What a checkpoint holds: both sides; done counts iterations. */
static void checkpoint_blocks(als *a, recs__checkpoint_block blocks[2]) {
    recs__als *p = &a->parts;
    size_t row = p->stride * sizeof(float);
    blocks[0] = (recs__checkpoint_block){p->items.factors, p->items.matrix->rows * row};
    blocks[1] = (recs__checkpoint_block){p->users.factors, p->users.matrix->rows * row};
}

static recs_status iterate(als *a, recs_error *error) {
    recs__als *p = &a->parts;
    uint64_t iterations = (uint64_t)a->job->spec->settings[ITERATIONS], done = 0;
    uint64_t key = recs__checkpoint_key(a->job, ITERATIONS);
    recs__checkpoint_block blocks[2];
    checkpoint_blocks(a, blocks);
    recs_status status = recs__checkpoint_read(a->job, key, blocks, 2, &done, error);

    if (status == RECS_OK && done > iterations)
        status = recs__fail(error, RECS_ERR_CONFLICT,
                            "%s: the checkpoint is after %llu iterations, more than the %llu asked "
                            "for", a->job->spec->name, (unsigned long long)done,
                            (unsigned long long)iterations);
    p->total = 2 * iterations + 1;
    p->done = 2 * done;
    p->users.cold &= done == 0;
    if (status == RECS_OK && done == 0 && !a->warm)
        status = recs__als_begin(p, a->job->seed, error);
    while (status == RECS_OK && p->done + 1 < p->total) {
        status = p->done % 2 == 0 ? half_step(a, &p->items, &p->users, a->solver, error)
                                  : half_step(a, &p->users, &p->items, a->solver, error);
        if (status == RECS_OK && p->done <= 2 && !a->warm)
            status = recs__als_balance(p, error);
        done = p->done / 2;
        if (status == RECS_OK && p->done % 2 == 0 &&
            (done == iterations || a->job->checkpoint_every == 0 ||
             done % a->job->checkpoint_every == 0))
            status = recs__checkpoint_write(a->job, key, blocks, 2, done, error);
    }
    return status == RECS_OK ? finish(a, error) : status;
}

/* A side's factors as a section: as they are, or as bfloat16 in place, which
 * takes half the room. *factors is given away. */
static recs_status hand_side(als *a, recs__als_side *side, uint32_t type, uint32_t half_type,
                             recs__trained *trained, recs_error *error) {
    recs__als *p = &a->parts;
    size_t count = (size_t)side->matrix->rows * p->stride;
    if ((int)a->job->spec->settings[STORAGE] == FLOAT32) {
        recs__trained_add(trained, type, side->factors, count * sizeof(float));
        side->factors = NULL;
        return RECS_OK;
    }
    uint16_t *halves = recs__alloc_aligned(p->host, count, sizeof *halves, error);
    if (halves == NULL)
        return RECS_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        halves[i] = recs__half_of(side->factors[i]);
    recs__trained_add(trained, half_type, halves, count * sizeof *halves);
    for (size_t i = 0; i < count; i++)
        if ((halves[i] & 0x7F80) == 0x7F80)
            return recs__als_diverged(p, "has factors that no bfloat16 can hold", error);
    recs__free_aligned(p->host, side->factors);
    side->factors = NULL;
    return RECS_OK;
}

static recs_status hand_over(als *a, recs__trained *trained, recs_error *error) {
    recs__als *p = &a->parts;
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t items = p->items.matrix->rows, users = p->users.matrix->rows;
    float *norms = recs__alloc_aligned(p->host, items, sizeof *norms, error);
    if (!norms)
        return RECS_ERR_MEMORY;
    for (uint32_t item = 0; item < items; item++) {
        const float *y = p->items.factors + item * p->stride;
        norms[item] = sqrtf(kernels->dot(y, y, p->factors));
    }

    trained->kind = RECS__KIND_FACTORS;
    trained->factors = (uint32_t)p->factors;
    trained->alpha = p->alpha;
    trained->regularization = p->regularization;
    trained->regularization_exponent = p->exponent;
    trained->items_trained = p->items.trained;
    recs__trained_add(trained, RECS_SECTION_ITEM_NORMS, norms, (size_t)items * sizeof(float));
    recs__trained_add(trained, RECS_SECTION_GRAM, p->diagonal, p->factors * sizeof(float));
    p->diagonal = NULL;
    recs_status status = hand_side(a, &p->items, RECS_SECTION_ITEM_FACTORS,
                                   RECS_SECTION_ITEM_HALVES, trained, error);
    if (status == RECS_OK && a->job->keep_users && users)
        status = hand_side(a, &p->users, RECS_SECTION_USER_FACTORS, RECS_SECTION_USER_HALVES,
                           trained, error);
    return status;
}

static recs_status train_als(const recs__train_job *job, recs__trained *trained,
                             recs_error *error) {
    const double *settings = job->spec->settings;
    als a = {.job = job};
    recs__als *p = &a.parts;
    recs_status status;

    p->host = &job->training->host;
    p->training = job->training;
    p->progress = job->progress;
    p->factors = (size_t)settings[FACTORS];
    p->stride = (p->factors + 15) / 16 * 16;
    p->alpha = (float)settings[ALPHA];
    p->regularization = (float)settings[REGULARIZATION];
    p->exponent = (float)settings[EXPONENT];
    p->cg_steps = (unsigned)settings[CG_STEPS];
    p->block = (size_t)settings[BLOCK_SIZE] < p->factors ? (size_t)settings[BLOCK_SIZE] : p->factors;
    look_at(&p->users, &job->training->by_user);
    look_at(&p->items, &job->training->by_item);
    a.solver = choose(&a);
    status = check_memory(&a, error);
    if (status == RECS_OK)
        status = allocate(&a, error);
    if (status == RECS_OK) {
        status = initialise(&a, error);
        if (status == RECS_OK)
            status = iterate(&a, error);
    }
    if (status == RECS_OK)
        status = hand_over(&a, trained, error);
    recs__free_aligned(p->host, p->users.factors);
    recs__free_aligned(p->host, p->items.factors);
    recs__free_aligned(p->host, p->gram);
    recs__free_aligned(p->host, p->diagonal);
    recs__free_aligned(p->host, p->partial);
    return status;
}

const recs__trainer recs__trainer_als = {.name = "als",
                                       .settings = als_settings,
                                       .setting_count = SETTING_COUNT,
                                       .train = train_als};
