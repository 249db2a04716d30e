/* bpr.c - pairwise ranking by stochastic gradient: what a visitor has is to
 * score above what they have not.
 *
 * Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian Personalized
 * Ranking from Implicit Feedback", UAI 2009: for a user u, an item i of the
 * history and an item j that is not in it, maximise
 * ln sigma(s_ui - s_uj) - regularisation. Negatives j are hard ones: of
 * `negatives` candidates the one that scores highest for u now (dynamic
 * negative sampling: Zhang, Chen, Wang, Yu, SIGIR 2013; why easy ones teach
 * nothing: Rendle, Freudenthaler, WSDM 2014).
 *
 * A user has no vector of their own. It is made of the history,
 *
 *   x_u  = sum over the history of c_u v_h p_h,   c_u = (sum of |v_h|)^-history_exponent
 *   s_ui = (x_u - c_u v_i p_i) . q_i              i in the history: left out of it
 *   s_uj = x_u . q_j
 *
 * the asymmetric factor model (Paterek 2007; Kabbur, Ning, Karypis, "FISM",
 * KDD 2013), trained end to end. So a stored user, a new one and one who
 * clicked a second ago are served alike, as an item model whose weights are
 * history x P Q^T. c_u only sets the pace of training: it does not change the
 * order of a list and is not served. Pairs of value v count v times as much;
 * disliked items are part of x_u with their negative values and are never to
 * be ranked above anything.
 *
 * Steps are batches of whole users, in an order drawn anew for each pass.
 * Within a batch every gradient is of the factors as they were before it:
 *
 *   1. users, 32 a task: the task draws `pool` candidates, each user scores
 *      them all and each of their items picks its negative among `negatives`
 *      of them; the gradient of x_u
 *   2. items of the batch, 64 a task: the gradients of p and q from the pairs
 *      in their order, and a step scaled by one over the root of the sum of the
 *      mean squares of all the row's gradients (AdaGrad: Duchi, Hazan, Singer
 *      2011)
 *
 * Tasks depend on the data alone and sums are in the canonical orders of
 * kernels.h, so the bytes depend neither on threads nor on the instruction
 * set. The pace falls from learning_rate to learning_decay times that, by the
 * same factor each pass.
 *
 * Cost of a pass, f factors, n interactions, m users: f (pool m + 8 n)
 * multiply-adds. Memory: 8 f bytes an item, 8 f a user of a batch and 40 an
 * interaction of it. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "model/format.h"
#include "train/budget.h"
#include "train/scratch.h"

#include <math.h>
#include <string.h>

enum {
    FACTORS,
    ITERATIONS,
    LEARNING_RATE,
    LEARNING_DECAY,
    REGULARIZATION,
    NEGATIVES,
    POOL,
    NEGATIVE_EXPONENT,
    HISTORY_EXPONENT,
    SETTING_COUNT
};

static const recs__setting bpr_settings[] = {
    [FACTORS] = {"factors", 64, 1, 2048, true, NULL, 0},
    [ITERATIONS] = {"iterations", 40, 1, 10000, true, NULL, 0},
    [LEARNING_RATE] = {"learning_rate", 0.05, 1e-6, 10, false, NULL, 0},
    [LEARNING_DECAY] = {"learning_decay", 0.3, 1e-6, 1, false, NULL, 0},
    [REGULARIZATION] = {"regularization", 0.002, 0, 1000, false, NULL, 0},
    [NEGATIVES] = {"negatives", 32, 1, 10000, true, NULL, 0},
    [POOL] = {"pool", 512, 1, 1000000, true, NULL, 0},
    [NEGATIVE_EXPONENT] = {"negative_exponent", 0, 0, 1.5, false, NULL, 0},
    [HISTORY_EXPONENT] = {"history_exponent", 1, 0, 1, false, NULL, 0},
};

#define USERS_PER_TASK 32
#define ROWS_PER_TASK 64
#define BATCH_PAIRS 4096 /* a batch ends with the user that brings it to as many */
#define START 0.1f       /* length of a row at the beginning, about */
#define LONGEST_ROW 1e18f /* squared; beyond it float32 soon ends */

/* An entry of the history of a user of a batch. */
typedef struct pair {
    uint32_t item;
    uint32_t negative; /* RECS_NO_ROW: nothing to rank it above, or a dislike    */
    uint32_t user;     /* place in the batch                                     */
    float weight;      /* c_u v: its share of x_u                                */
    float error;       /* v sigma(s_uj - s_ui): how much it is missed            */
} pair;

typedef struct bpr {
    const recs__train_job *job;
    const recs_host *host;
    const recs__csr *matrix;
    size_t factors, stride, negatives, pool, longest;
    uint32_t items;
    float rate, regularization;
    float *history, *item;         /* p and q: [items][stride]                   */
    float *history_sum, *item_sum; /* of mean squares of gradients: [items]      */
    float *paces;                  /* c_u: [users]                               */
    uint32_t *order;               /* users with something to learn from         */
    uint32_t users;                /* how many they are                          */
    uint64_t *chances;             /* running sums of an item's weight in a draw:
                                      [items]; NULL: all weigh the same          */
    uint64_t pass;

    /* A batch: the users from order[first_user] on and their pairs. */
    uint32_t first_user, batch_users;
    uint64_t most_pairs, pairs;
    uint64_t *pair_begins;         /* [BATCH_PAIRS + 1]                          */
    pair *found;                   /* [most_pairs]                               */
    float *vectors, *gradients;    /* x_u and its gradient: [BATCH_PAIRS][stride] */

    /* The items of its pairs in order of first use, and their uses. */
    uint32_t *row_of;              /* [items]: place among rows, or RECS_NO_ROW  */
    uint32_t *rows;                /* [most_rows]                                */
    size_t row_count, most_rows;
    uint64_t *use_begins;          /* [most_rows + 1]                            */
    uint64_t *uses;                /* [2 most_pairs]: 2 pair, + 1 as its negative */

    recs__scratch scratch;
    atomic_bool out_of_memory;
} bpr;

/* ---- negatives ---------------------------------------------------------------------------- */

static uint32_t draw(const bpr *b, recs__random *random) {
    if (b->chances == NULL)
        return (uint32_t)recs__random_below(random, b->items);
    uint64_t at = recs__random_below(random, b->chances[b->items - 1]);
    uint32_t low = 0, high = b->items - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (b->chances[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void seed_of(const bpr *b, uint64_t what, uint64_t index, recs__random *random) {
    uint64_t seed = b->job->seed * UINT64_C(0x9E3779B97F4A7C15) + what;
    seed = (seed ^ b->pass) * UINT64_C(0xD1B54A32D192ED03) + 1;
    recs__random_seed(random, (seed ^ index) * UINT64_C(0x2545F4914F6CDD1D) + what);
}

static void sort_rows(uint32_t *rows, uint32_t *spare, size_t count) {
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t left = begin, right = middle;
            for (size_t i = begin; i < end; i++)
                spare[i] = right < end && (left >= middle || rows[right] < rows[left])
                               ? rows[right++] : rows[left++];
        }
        memcpy(rows, spare, count * sizeof *rows);
    }
}

/* ---- users of a batch ------------------------------------------------------------------------ */

/* Working memory of a task. */
typedef struct room {
    uint32_t *pool, *spare; /* [pool] */
    float *scores;          /* [pool] */
    float *weights;         /* [2 longest] */
    uint32_t *touched;      /* [2 longest] */
} room;

static size_t room_size(const bpr *b) {
    return b->pool * (2 * sizeof(uint32_t) + sizeof(float)) +
           2 * b->longest * (sizeof(float) + sizeof(uint32_t));
}

static room room_of(const bpr *b, void *block) {
    room r;
    r.pool = block;
    r.spare = r.pool + b->pool;
    r.scores = (float *)(void *)(r.spare + b->pool);
    r.weights = r.scores + b->pool;
    r.touched = (uint32_t *)(void *)(r.weights + 2 * b->longest);
    return r;
}

/* Scores of the pool; those in the history (any value above 0) never win. */
static void score_pool(const bpr *b, const room *r, const float *x, const uint32_t *rows,
                       const float *values, size_t count) {
    recs__kernels_get()->dot_gather(x, b->item, b->stride, b->factors, r->pool, b->pool,
                                    r->scores);
    for (size_t i = 0, at = 0; i < b->pool; i++) {
        while (at < count && rows[at] < r->pool[i])
            at++;
        if (at < count && rows[at] == r->pool[i] && values[at] > 0.0f)
            r->scores[i] = -INFINITY;
    }
}

/* The candidate with the highest score among `negatives` of the pool, of equal
 * ones the first drawn. A draw is 16 bits of a random word, 32 for large pools:
 * the shares of two candidates differ by 1 in 32 at most. */
static size_t pick(const bpr *b, const room *r, recs__random *random) {
    const unsigned width = b->pool <= 2048 ? 16 : 32;
    const uint64_t mask = (UINT64_C(1) << width) - 1;
    uint64_t word = recs__random_u64(random);
    size_t best = (size_t)(((word & mask) * b->pool) >> width);
    float highest = r->scores[best];
    for (size_t n = 1; n < b->negatives; n++) {
        word = (n * width) % 64 != 0 ? word >> width : recs__random_u64(random);
        size_t other = (size_t)(((word & mask) * b->pool) >> width);
        float score = r->scores[other];
        best = score > highest ? other : best;
        highest = score > highest ? score : highest;
    }
    return best;
}

/* 1 / (1 + e^d), without libm. */
static double sigma(double d) {
    d = d < 60.0 ? d : 60.0;
    d = d > -60.0 ? d : -60.0; /* a NaN, too: what it came from is found by check_pass */
    return 1.0 / (1.0 + recs__exp2(d * 1.4426950408889634));
}

/* One user: vector, pairs with their negatives, gradient of the vector. */
static void learn_user(bpr *b, const room *r, uint32_t place, recs__random *random) {
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t user = b->order[b->first_user + place];
    uint64_t at;
    size_t count = recs__csr_row(b->matrix, user, &at), used = 0;
    const uint32_t *rows = b->matrix->columns + at;
    const float *values = b->matrix->values + at;
    float *x = b->vectors + (size_t)place * b->stride;
    float *gradient = b->gradients + (size_t)place * b->stride;
    float pace = b->paces[user];
    pair *pairs = b->found + b->pair_begins[place];

    memset(x, 0, b->stride * sizeof *x);
    memset(gradient, 0, b->stride * sizeof *gradient);
    for (size_t i = 0; i < count; i++)
        r->weights[i] = pace * values[i];
    kernels->axpy_gather(r->weights, b->history, b->stride, rows, count, x, b->factors);
    score_pool(b, r, x, rows, values, count);
    for (size_t i = 0; i < count; i++) {
        pairs[i] = (pair){.item = rows[i], .negative = RECS_NO_ROW, .user = place,
                          .weight = pace * values[i]};
        if (!(values[i] > 0.0f))
            continue;
        size_t chosen = pick(b, r, random), row = (size_t)rows[i] * b->stride;
        if (r->scores[chosen] == -INFINITY)
            continue;
        float own = kernels->dot(b->history + row, b->item + row, b->factors);
        float score = kernels->dot(x, b->item + row, b->factors) - pairs[i].weight * own;
        pairs[i].negative = r->pool[chosen];
        pairs[i].error = (float)((double)values[i] *
                                 sigma((double)score - (double)r->scores[chosen]));
        r->touched[used] = rows[i];
        r->weights[used++] = pairs[i].error;
        r->touched[used] = pairs[i].negative;
        r->weights[used++] = -pairs[i].error;
    }
    kernels->axpy_gather(r->weights, b->item, b->stride, r->touched, used, gradient, b->factors);
}

static void users_task(void *arg, size_t index) {
    bpr *b = arg;
    uint32_t first = (uint32_t)index * USERS_PER_TASK;
    uint32_t last = first + USERS_PER_TASK < b->batch_users ? first + USERS_PER_TASK
                                                            : b->batch_users;
    void *block = recs__scratch_take(&b->scratch);
    recs__random random;
    if (block == NULL) {
        atomic_store(&b->out_of_memory, true);
        return;
    }
    room r = room_of(b, block);
    seed_of(b, 1, (uint64_t)b->first_user << 20 ^ index, &random);
    for (size_t i = 0; i < b->pool; i++)
        r.pool[i] = draw(b, &random);
    sort_rows(r.pool, r.spare, b->pool);
    for (uint32_t place = first; place < last; place++)
        learn_user(b, &r, place, &random);
    recs__scratch_give(&b->scratch, block);
}

/* ---- items of a batch -------------------------------------------------------------------------- */

static void note_row(bpr *b, uint32_t row) {
    if (b->row_of[row] == RECS_NO_ROW) {
        b->row_of[row] = (uint32_t)b->row_count;
        b->use_begins[b->row_count + 1] = 0;
        b->rows[b->row_count++] = row;
    }
    b->use_begins[b->row_of[row] + 1]++;
}

/* The items of the batch's pairs and, by item, their uses in the order of pairs. */
static void list_uses(bpr *b) {
    b->row_count = 0;
    b->use_begins[0] = 0;
    for (uint64_t p = 0; p < b->pairs; p++) {
        note_row(b, b->found[p].item);
        if (b->found[p].negative != RECS_NO_ROW)
            note_row(b, b->found[p].negative);
    }
    for (size_t r = 0; r < b->row_count; r++)
        b->use_begins[r + 1] += b->use_begins[r];
    for (uint64_t p = 0; p < b->pairs; p++) {
        const pair *one = &b->found[p];
        b->uses[b->use_begins[b->row_of[one->item]]++] = 2 * p;
        if (one->negative != RECS_NO_ROW)
            b->uses[b->use_begins[b->row_of[one->negative]]++] = 2 * p + 1;
    }
    for (size_t r = b->row_count; r > 0; r--)
        b->use_begins[r] = b->use_begins[r - 1];
    b->use_begins[0] = 0;
    for (size_t r = 0; r < b->row_count; r++)
        b->row_of[b->rows[r]] = RECS_NO_ROW;
}

/* row += rate / sqrt(sum) * step, the mean square of the step added to sum. */
static void take_step(const bpr *b, float *row, float *sum, const float *step) {
    const recs__kernels *kernels = recs__kernels_get();
    *sum += kernels->dot(step, step, b->factors) / (float)b->factors;
    if (*sum > 0.0f)
        kernels->axpy(b->rate / sqrtf(*sum), step, row, b->factors);
}

/* Both sides of one item. With e the error and w = c_u v the weight of a pair,
 * g_u the gradient of x_u:
 *   q   sum of e (x_u - w p) as a positive, of -e x_u as a negative
 *   p   sum of w (g_u - e q) over histories with the item
 * each less regularisation times the number of pairs that were summed. */
static void step_item(const bpr *b, size_t r, float *of_item, float *of_history) {
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t item = b->rows[r];
    float *p = b->history + (size_t)item * b->stride, *q = b->item + (size_t)item * b->stride;
    float own_item = 0.0f, own_history = 0.0f, used = 0.0f, had = 0.0f;
    memset(of_item, 0, b->stride * sizeof *of_item);
    memset(of_history, 0, b->stride * sizeof *of_history);
    for (uint64_t u = b->use_begins[r]; u < b->use_begins[r + 1]; u++) {
        const pair *one = &b->found[b->uses[u] >> 1];
        const float *x = b->vectors + (size_t)one->user * b->stride;
        const float *gradient = b->gradients + (size_t)one->user * b->stride;
        used += 1.0f;
        if (b->uses[u] & 1) {
            kernels->axpy(-one->error, x, of_item, b->factors);
            continue;
        }
        kernels->axpy(one->weight, gradient, of_history, b->factors);
        own_history += one->weight * one->error;
        had += 1.0f;
        if (one->negative == RECS_NO_ROW)
            continue;
        kernels->axpy(one->error, x, of_item, b->factors);
        own_item += one->weight * one->error;
    }
    kernels->axpy(-own_item, p, of_item, b->factors);
    kernels->axpy(-own_history, q, of_history, b->factors);
    kernels->axpy(-b->regularization * used, q, of_item, b->factors);
    kernels->axpy(-b->regularization * had, p, of_history, b->factors);
    take_step(b, q, &b->item_sum[item], of_item);
    if (had > 0.0f)
        take_step(b, p, &b->history_sum[item], of_history);
}

static void items_task(void *arg, size_t index) {
    bpr *b = arg;
    size_t last = (index + 1) * ROWS_PER_TASK;
    float *steps = recs__scratch_take(&b->scratch);
    if (steps == NULL) {
        atomic_store(&b->out_of_memory, true);
        return;
    }
    last = last < b->row_count ? last : b->row_count;
    for (size_t r = index * ROWS_PER_TASK; r < last; r++)
        step_item(b, r, steps, steps + b->stride);
    recs__scratch_give(&b->scratch, steps);
}

/* ---- a pass ------------------------------------------------------------------------------------ */

/* From order[first] on as many users as make a batch; returns the next one. */
static uint32_t plan_batch(bpr *b, uint32_t first) {
    b->first_user = first;
    b->batch_users = 0;
    b->pairs = 0;
    b->pair_begins[0] = 0;
    while (first < b->users && b->pairs < BATCH_PAIRS) {
        uint64_t at;
        b->pairs += recs__csr_row(b->matrix, b->order[first++], &at);
        b->pair_begins[++b->batch_users] = b->pairs;
    }
    return first;
}

static recs_status run_batch(bpr *b, recs_error *error) {
    size_t tasks = ((size_t)b->batch_users + USERS_PER_TASK - 1) / USERS_PER_TASK;
    recs__run(b->host, users_task, b, tasks);
    if (!atomic_load(&b->out_of_memory)) {
        list_uses(b);
        recs__run(b->host, items_task, b, (b->row_count + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
    }
    return atomic_load(&b->out_of_memory) ? recs__fail_memory(error, b->scratch.size) : RECS_OK;
}

/* Every row is finite and far from the end of float32. */
static recs_status check_pass(const bpr *b, recs_error *error) {
    const recs__kernels *kernels = recs__kernels_get();
    const double *settings = b->job->spec->settings;
    for (uint32_t item = 0; item < b->items; item++) {
        const float *p = b->history + (size_t)item * b->stride;
        const float *q = b->item + (size_t)item * b->stride;
        if (kernels->dot(p, p, b->factors) < LONGEST_ROW &&
            kernels->dot(q, q, b->factors) < LONGEST_ROW)
            continue;
        return recs__fail(error, RECS_ERR_NUMERIC,
                          "bpr diverged in pass %llu of %.0f: the factors of an item are beyond "
                          "all bounds; lower learning_rate (now %.9g) or regularization (now %.9g)",
                          (unsigned long long)b->pass + 1, settings[ITERATIONS],
                          settings[LEARNING_RATE], settings[REGULARIZATION]);
    }
    return RECS_OK;
}

static recs_status iterate(bpr *b, recs_error *error) {
    const double *settings = b->job->spec->settings;
    uint64_t passes = (uint64_t)settings[ITERATIONS];
    recs_status status = RECS_OK;
    for (b->pass = 0; b->pass < passes && status == RECS_OK; b->pass++) {
        recs__random random;
        double done = passes > 1 ? (double)b->pass / (double)(passes - 1) : 0.0;
        b->rate = (float)(settings[LEARNING_RATE] * recs__pow(settings[LEARNING_DECAY], done));
        seed_of(b, 2, 0, &random);
        for (uint32_t left = b->users; left > 1; left--) {
            uint32_t other = (uint32_t)recs__random_below(&random, left);
            uint32_t moved = b->order[left - 1];
            b->order[left - 1] = b->order[other];
            b->order[other] = moved;
        }
        for (uint32_t next = 0; next < b->users && status == RECS_OK;) {
            next = plan_batch(b, next);
            status = run_batch(b, error);
            if (status == RECS_OK)
                status = recs__progress_tell(b->job->progress, "bpr passes",
                                             b->pass * b->users + next, passes * b->users, error);
        }
        if (status == RECS_OK)
            status = check_pass(b, error);
    }
    return status;
}

/* ---- before and after ---------------------------------------------------------------------------- */

/* Users with something to rank (a positive pair) by something else (another
 * pair): fills order and paces. */
static void list_users(bpr *b) {
    double exponent = b->job->spec->settings[HISTORY_EXPONENT];
    b->users = 0;
    b->longest = 0;
    for (uint32_t user = 0; user < b->matrix->rows; user++) {
        uint64_t at;
        size_t count = recs__csr_row(b->matrix, user, &at);
        double sum = 0.0;
        bool positive = false;
        for (size_t i = 0; i < count; i++) {
            sum += fabs((double)b->matrix->values[at + i]);
            positive |= b->matrix->values[at + i] > 0.0f;
        }
        b->paces[user] = sum > 0.0 ? (float)recs__pow(sum, -exponent) : 0.0f;
        if (!positive || count < 2)
            continue;
        b->order[b->users++] = user;
        b->longest = count > b->longest ? count : b->longest;
    }
}

static recs_status weigh_draws(bpr *b, recs_error *error) {
    const recs__csr *by_item = &b->job->training->by_item;
    double exponent = b->job->spec->settings[NEGATIVE_EXPONENT];
    uint64_t sum = 0;
    if (exponent == 0.0)
        return RECS_OK;
    b->chances = recs__alloc_aligned(b->host, b->items, sizeof *b->chances, error);
    if (b->chances == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t item = 0; item < b->items; item++) {
        uint64_t at;
        size_t count = recs__csr_row(by_item, item, &at);
        sum += 1; /* no item is out of the draw */
        if (count != 0)
            sum += (uint64_t)(64.0 * recs__pow((double)count, exponent));
        b->chances[item] = sum;
    }
    return RECS_OK;
}

static recs_status allocate(bpr *b, recs_error *error) {
    size_t users = b->matrix->rows, row = b->stride;
    b->paces = recs__alloc_aligned(b->host, users, sizeof *b->paces, error);
    b->order = recs__alloc_aligned(b->host, users, sizeof *b->order, error);
    if (b->paces == NULL || b->order == NULL)
        return RECS_ERR_MEMORY;
    list_users(b);
    b->most_pairs = BATCH_PAIRS + b->longest;
    b->most_rows = 2 * b->most_pairs < b->items ? (size_t)(2 * b->most_pairs) : b->items;
    uint64_t bytes = 8 * (uint64_t)b->items * (row + 2) + 8 * (uint64_t)BATCH_PAIRS * row +
                     b->most_pairs * (sizeof(pair) + 16) + 12 * (uint64_t)b->most_rows;
    recs_status status = recs__budget_check(b->job, bytes, "bpr", error);
    if (status != RECS_OK)
        return status;
    struct {
        void **block;
        size_t count, size;
    } blocks[] = {
        {(void **)&b->history, (size_t)b->items * row, sizeof(float)},
        {(void **)&b->item, (size_t)b->items * row, sizeof(float)},
        {(void **)&b->history_sum, b->items, sizeof(float)},
        {(void **)&b->item_sum, b->items, sizeof(float)},
        {(void **)&b->pair_begins, BATCH_PAIRS + 1, sizeof(uint64_t)},
        {(void **)&b->found, (size_t)b->most_pairs, sizeof(pair)},
        {(void **)&b->vectors, BATCH_PAIRS * row, sizeof(float)},
        {(void **)&b->gradients, BATCH_PAIRS * row, sizeof(float)},
        {(void **)&b->row_of, b->items, sizeof(uint32_t)},
        {(void **)&b->rows, b->most_rows, sizeof(uint32_t)},
        {(void **)&b->use_begins, b->most_rows + 1, sizeof(uint64_t)},
        {(void **)&b->uses, (size_t)(2 * b->most_pairs), sizeof(uint64_t)},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if ((*blocks[i].block = recs__alloc_aligned(b->host, blocks[i].count, blocks[i].size,
                                                    error)) == NULL)
            return RECS_ERR_MEMORY;
    return weigh_draws(b, error);
}

/* Small normal numbers for items with a pair, +0 for the others. */
static void initialise(bpr *b) {
    const recs__csr *by_item = &b->job->training->by_item;
    recs__random random;
    float deviation = START / sqrtf((float)b->factors);
    seed_of(b, 3, 0, &random);
    memset(b->history, 0, (size_t)b->items * b->stride * sizeof(float));
    memset(b->item, 0, (size_t)b->items * b->stride * sizeof(float));
    memset(b->history_sum, 0, b->items * sizeof(float));
    memset(b->item_sum, 0, b->items * sizeof(float));
    for (uint32_t item = 0; item < b->items; item++) {
        uint64_t at;
        b->row_of[item] = RECS_NO_ROW;
        if (recs__csr_row(by_item, item, &at) == 0)
            continue;
        for (size_t j = 0; j < b->factors; j++) {
            b->history[item * b->stride + j] = deviation * recs__random_normal(&random);
            b->item[item * b->stride + j] = deviation * recs__random_normal(&random);
        }
    }
}

/* Gives the two sides to trained, with an empty sparse part. Rows that never
 * took a step, and items nobody has, know nothing: they are +0. */
static recs_status hand_over(bpr *b, recs__trained *trained, recs_error *error) {
    const recs__csr *by_item = &b->job->training->by_item;
    uint64_t *offsets = recs__alloc_aligned(b->host, (size_t)b->items + 1, sizeof *offsets, error);
    uint32_t *columns = recs__alloc_aligned(b->host, 1, sizeof *columns, error);
    float *values = recs__alloc_aligned(b->host, 1, sizeof *values, error);
    if (offsets == NULL || columns == NULL || values == NULL) {
        recs__free_aligned(b->host, offsets);
        recs__free_aligned(b->host, columns);
        recs__free_aligned(b->host, values);
        return RECS_ERR_MEMORY;
    }
    memset(offsets, 0, ((size_t)b->items + 1) * sizeof *offsets);
    for (uint32_t item = 0; item < b->items; item++) {
        uint64_t at;
        bool had = recs__csr_row(by_item, item, &at) != 0;
        trained->items_trained += had;
        if (!had || b->item_sum[item] == 0.0f)
            memset(b->item + (size_t)item * b->stride, 0, b->stride * sizeof(float));
        if (!had || b->history_sum[item] == 0.0f)
            memset(b->history + (size_t)item * b->stride, 0, b->stride * sizeof(float));
    }
    size_t size = (size_t)b->items * b->stride * sizeof(float);
    trained->kind = RECS__KIND_ITEMS;
    trained->factors = (uint32_t)b->factors;
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_OFFSETS, offsets,
                      ((size_t)b->items + 1) * sizeof *offsets);
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_ITEMS, columns, 0);
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_VALUES, values, 0);
    recs__trained_add(trained, RECS_SECTION_ITEM_FACTORS, b->item, size);
    recs__trained_add(trained, RECS_SECTION_HISTORY_FACTORS, b->history, size);
    b->item = b->history = NULL;
    return RECS_OK;
}

static void drop(bpr *b) {
    void *blocks[] = {b->history, b->item, b->history_sum, b->item_sum, b->paces, b->order,
                      b->chances, b->pair_begins, b->found, b->vectors, b->gradients, b->row_of,
                      b->rows, b->use_begins, b->uses};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        recs__free_aligned(b->host, blocks[i]);
}

static recs_status train_bpr(const recs__train_job *job, recs__trained *trained,
                             recs_error *error) {
    const double *settings = job->spec->settings;
    bpr b = {.job = job, .host = &job->training->host, .matrix = &job->training->by_user};
    b.factors = (size_t)settings[FACTORS];
    b.stride = (b.factors + 15) / 16 * 16;
    b.negatives = (size_t)settings[NEGATIVES];
    b.pool = (size_t)settings[POOL];
    b.items = job->training->items;
    b.regularization = (float)settings[REGULARIZATION];
    atomic_init(&b.out_of_memory, false);
    recs_status status = allocate(&b, error);
    if (status == RECS_OK) {
        size_t users = room_size(&b), items = 2 * b.stride * sizeof(float);
        initialise(&b);
        recs__scratch_init(&b.scratch, users > items ? users : items, b.host);
        status = iterate(&b, error);
        recs__scratch_clear(&b.scratch);
    }
    if (status == RECS_OK)
        status = hand_over(&b, trained, error);
    drop(&b);
    return status;
}

const recs__trainer recs__trainer_bpr = {"bpr", bpr_settings, SETTING_COUNT, train_bpr, false};
