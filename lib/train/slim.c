/* slim.c - sparse linear methods: for each item j the weights w of other items
 * whose weighted sum comes closest to j's column,
 *
 *   minimise  1/2 |x_j - sum over i of x_i w_i|^2 + l2/2 |w|^2 + l1 |w|_1
 *
 * over the units x items matrix of positive values, w_i >= 0 unless
 * `positive=no`, w_j = 0. Ning, Karypis, ICDM 2011; restricted to a
 * neighbourhood as their fsSLIM: the `candidates` items with the largest
 * c_ij / (n_i + l2), which is where each weight would go by itself (c_ij the
 * product of both columns, n_i the square of i's).
 *
 * Cyclic coordinate descent with covariance updates (Friedman, Hastie,
 * Tibshirani 2010): the Gram matrix of the candidates is made once an item, by
 * going for each candidate through the units that have it and, in each, the
 * candidates before it; then a step costs one entry, and a change of a weight
 * one axpy.
 * Every item starts from zero and ends when no weight moved by more than
 * tolerance times the largest, so items are independent and the bytes do not
 * depend on threads or instruction set.
 *
 * Cost for an item: the pairs of candidates its units share, then at most
 * candidates^2 a sweep. Memory: 16 bytes a candidate and item, and for a
 * running task 4 candidates^2, 12 bytes a unit and 8 bytes an entry of the
 * candidates' columns. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "model/format.h"
#include "train/budget.h"
#include "train/evidence.h"
#include "train/scratch.h"
#include "train/sparse_product.h"

#include <math.h>
#include <stdatomic.h>

enum { L1, L2, CANDIDATES, K, POSITIVE, ITERATIONS, TOLERANCE, LONGEST, SETTING_COUNT };
enum { NO, YES };

static const recs__setting slim_settings[] = {
    [L1] = {"l1", 0.01, 0, 1e9, false, NULL, 0},
    [L2] = {"l2", 100, 1e-6, 1e9, false, NULL, 0},
    [CANDIDATES] = {"candidates", 300, 1, 4096, true, NULL, 0},
    [K] = {"k", 300, 1, 100000, true, NULL, 0},
    [POSITIVE] = {"positive", YES, 0, 0, false, "no|yes", 0},
    [ITERATIONS] = {"iterations", 50, 1, 10000, true, NULL, 0},
    [TOLERANCE] = {"tolerance", 1e-3, 1e-7, 1, false, NULL, 0},
    [LONGEST] = {"longest", 10000, 1, 4294967295.0, true, NULL, 0},
};

enum { ITEMS_PER_TASK = 8, TASKS_PER_BATCH = 64 };

/* What a unit has of the candidates: from `start` on, `count` in all, the
 * first `filled` of them there so far. All zero between items. */
typedef struct shelf {
    uint32_t start, count, filled;
} shelf;

typedef struct entry {
    float value;
    uint32_t candidate;
} entry;

typedef struct slim {
    const recs__train_job *job;
    const recs_host *host, *big; /* big: of the two copies of the matrix */
    recs__sparse by_unit, by_item;
    recs__neighbour_rows rows; /* of each item its candidates, then their weights */
    float l1, l2, tolerance;
    bool positive;
    uint32_t iterations;
    size_t stride;   /* floats of a row of a Gram matrix: the most candidates of an item, padded */
    uint64_t entries; /* of the candidates of an item, at most */
    recs__scratch scratch;
    size_t first; /* item of this batch */
    atomic_bool out_of_memory;
    atomic_uint sick, open; /* items not finite, items that used all their iterations */
    atomic_ullong sweeps;
} slim;

/* Scratch of a task. */
typedef struct room {
    float *gram;     /* [stride + 1][stride], the target last */
    float *gradient; /* [stride]: target - gram * weights */
    shelf *shelves;  /* [units] */
    entry *held;     /* [entries] */
} room;

/* ---- one item -------------------------------------------------------------------------- */

/* row[b] += x * what the unit's shelf has of candidate b, for all there so far. */
static inline void add_shelf(const room *r, const shelf *at, float x, float *restrict row) {
    const entry *restrict held = r->held + at->start;
    for (uint32_t q = 0; q < at->filled; q++)
        row[held[q].candidate] += x * held[q].value;
}

/* Room on the shelves for all candidates. */
static void count_shelves(const slim *s, const room *r, const uint32_t *candidates,
                          uint32_t count) {
    const uint64_t *offsets = s->by_item.offsets;
    uint32_t start = 0;
    for (uint32_t a = 0; a < count; a++)
        for (uint64_t e = offsets[candidates[a]]; e < offsets[candidates[a] + 1]; e++)
            r->shelves[s->by_item.columns[e]].count++;
    for (uint32_t a = 0; a < count; a++)
        for (uint64_t e = offsets[candidates[a]]; e < offsets[candidates[a] + 1]; e++) {
            shelf *at = &r->shelves[s->by_item.columns[e]];
            if (at->count == 0)
                continue;
            at->start = start;
            start += at->count;
            at->count = 0;
        }
}

static void make_gram(const slim *s, const room *r, uint32_t item, const uint32_t *candidates,
                      uint32_t count) {
    const uint64_t *offsets = s->by_item.offsets;
    const uint32_t *units = s->by_item.columns;
    const float *values = s->by_item.values;

    count_shelves(s, r, candidates, count);
    for (uint32_t a = 0; a <= count; a++) {
        uint32_t from = a < count ? candidates[a] : item;
        float *row = r->gram + a * s->stride, square = 0.0f;
        memset(row, 0, s->stride * sizeof *row);
        for (uint64_t e = offsets[from]; e < offsets[from + 1]; e++) {
            shelf *at = &r->shelves[units[e]];
            add_shelf(r, at, values[e], row);
            square += values[e] * values[e];
            if (a < count)
                r->held[at->start + at->filled++] = (entry){values[e], a};
        }
        if (a < count)
            row[a] = square;
    }
    for (uint32_t a = 0; a < count; a++) {
        for (uint32_t b = 0; b < a; b++)
            r->gram[b * s->stride + a] = r->gram[a * s->stride + b];
        for (uint64_t e = offsets[candidates[a]]; e < offsets[candidates[a] + 1]; e++)
            r->shelves[units[e]] = (shelf){0, 0, 0};
    }
}

/* The weight that is best for one candidate while the others stand. */
static float best_weight(const slim *s, float pull, float square) {
    float over = fabsf(pull) - s->l1;
    if (over <= 0.0f || (s->positive && pull < 0.0f))
        return 0.0f;
    over /= square + s->l2;
    return pull < 0.0f ? -over : over;
}

/* Weights from zero to rest; returns the sweeps that took. */
static uint32_t descend(const slim *s, const room *r, uint32_t count, float *weights) {
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t sweep = 0;
    memcpy(r->gradient, r->gram + count * s->stride, count * sizeof(float));
    memset(weights, 0, count * sizeof *weights);
    for (; sweep < s->iterations; sweep++) {
        float moved = 0.0f, largest = 0.0f;
        for (uint32_t a = 0; a < count; a++) {
            const float *row = r->gram + a * s->stride;
            float before = weights[a];
            float after = best_weight(s, r->gradient[a] + row[a] * before, row[a]);
            float by = after - before;
            if (by != 0.0f) {
                kernels->axpy(-by, row, r->gradient, count);
                weights[a] = after;
            }
            moved = fabsf(by) > moved ? fabsf(by) : moved;
            largest = fabsf(after) > largest ? fabsf(after) : largest;
        }
        if (moved <= s->tolerance * largest)
            return sweep + 1;
    }
    return sweep;
}

static void slim_item(slim *s, const room *r, uint32_t item) {
    recs__csr view = recs__neighbour_rows_view(&s->rows);
    uint32_t count = (uint32_t)(view.offsets[item + 1] - view.offsets[item]), sweeps;
    float *weights = s->rows.values + view.offsets[item];
    bool finite = true;
    if (count == 0)
        return;
    make_gram(s, r, item, view.columns + view.offsets[item], count);
    sweeps = descend(s, r, count, weights);
    for (uint32_t a = 0; a < count; a++)
        finite = finite && isfinite(weights[a]) && isfinite(r->gradient[a]);
    if (!finite)
        atomic_fetch_add(&s->sick, 1);
    if (sweeps == s->iterations)
        atomic_fetch_add(&s->open, 1);
    atomic_fetch_add(&s->sweeps, sweeps);
}

static size_t gram_floats(const slim *s) {
    return (s->stride + 2) * s->stride;
}

static void slim_task(void *arg, size_t index) {
    slim *s = arg;
    size_t first = s->first + index * ITEMS_PER_TASK, items = s->by_item.rows;
    size_t last = first + ITEMS_PER_TASK < items ? first + ITEMS_PER_TASK : items;
    float *block = recs__scratch_take(&s->scratch);
    if (!block) {
        atomic_store(&s->out_of_memory, true);
        return;
    }
    room r = {.gram = block, .gradient = block + (s->stride + 1) * s->stride};
    r.held = (entry *)(void *)(block + gram_floats(s));
    r.shelves = (shelf *)(void *)(r.held + s->entries);
    for (size_t i = first; i < last; i++)
        slim_item(s, &r, (uint32_t)i);
    recs__scratch_give(&s->scratch, block);
}

/* ---- training -------------------------------------------------------------------------- */

/* The positive values by unit and by item. */
static recs_status prepare(slim *s, recs_error *error) {
    const recs__training *training = s->job->training;
    recs_status status = recs__evidence_copy(
        &s->by_unit, &training->units, s->job->spec->settings[LONGEST], s->big, error);
    if (status)
        return status;
    recs__csr view = recs__sparse_view(&s->by_unit);
    return recs__sparse_transpose(&s->by_item, &view, s->big, error);
}

/* Finds each item's candidates and how much a task needs. */
static recs_status candidates(slim *s, recs_error *error) {
    const double *settings = s->job->spec->settings;
    recs__csr left = recs__sparse_view(&s->by_item), right = recs__sparse_view(&s->by_unit);
    size_t many = (size_t)settings[CANDIDATES] < left.rows ? (size_t)settings[CANDIDATES]
                                                           : left.rows;
    recs__product product = {.left = &left, .right = &right, .skip_self = true, .k = many};
    float *scale = recs__alloc(s->host, left.rows, sizeof *scale, error);
    if (!scale)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < left.rows; i++) {
        double n = 0.0;
        for (uint64_t e = left.offsets[i]; e < left.offsets[i + 1]; e++)
            n += (double)left.values[e] * (double)left.values[e];
        scale[i] = (float)(1.0 / (n + settings[L2]));
    }
    product.column_scale = scale;
    recs_status status = recs__budget_check(s->job,
                                            recs__product_bytes(&product) +
                                                8 * (uint64_t)many * left.rows +
                                                8 * (uint64_t)many * many + 24 * (uint64_t)right.rows,
                                            "slim, less with fewer candidates", error);
    if (status == RECS_OK)
        status = recs__product_best(&product, s->host, s->job->progress, "slim candidates",
                                    &s->rows, error);
    recs__free(s->host, scale);
    if (status)
        return status;
    recs__neighbour_rows_pack(&s->rows);
    recs__csr view = recs__neighbour_rows_view(&s->rows);
    size_t most = 0;
    for (uint32_t i = 0; i < view.rows; i++) {
        uint64_t entries = 0;
        for (uint64_t e = view.offsets[i]; e < view.offsets[i + 1]; e++)
            entries += left.offsets[view.columns[e] + 1] - left.offsets[view.columns[e]];
        s->entries = entries > s->entries ? entries : s->entries;
        if (view.offsets[i + 1] - view.offsets[i] > most)
            most = (size_t)(view.offsets[i + 1] - view.offsets[i]);
    }
    s->stride = (most + 15) / 16 * 16;
    if (s->entries >= UINT32_MAX)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "slim: the candidates of one item have %llu interactions, at most %lu "
                          "can be held; take fewer candidates",
                          (unsigned long long)s->entries, (unsigned long)UINT32_MAX - 1);
    return RECS_OK;
}

static recs_status solve_all(slim *s, recs_error *error) {
    size_t items = s->by_item.rows, batch = (size_t)ITEMS_PER_TASK * TASKS_PER_BATCH;
    size_t size = gram_floats(s) * sizeof(float) + s->by_unit.rows * sizeof(shelf) +
                  (size_t)s->entries * sizeof(entry);
    recs_status status = RECS_OK;
    recs__scratch_init(&s->scratch, size, s->host);
    for (s->first = 0; status == RECS_OK && s->first < items; s->first += batch) {
        size_t left = (items - s->first + ITEMS_PER_TASK - 1) / ITEMS_PER_TASK;
        status = recs__progress_tell(s->job->progress, "slim items", s->first, items, error);
        if (status)
            break;
        recs__run(s->host, slim_task, s, left < TASKS_PER_BATCH ? left : TASKS_PER_BATCH);
        if (atomic_load(&s->out_of_memory))
            status = recs__fail_memory(error, size);
        else if (atomic_load(&s->sick))
            status = recs__fail(error, RECS_ERR_NUMERIC,
                                "slim: the weights of %u items are not finite in float32; the "
                                "log's values are too large for it (weight=binary or log1p)",
                                atomic_load(&s->sick));
    }
    recs__scratch_clear(&s->scratch);
    if (status == RECS_OK)
        recs__host_log(s->host, RECS_LOG_INFO,
                       "slim: %llu sweeps over the candidates of %zu items, %u items had not "
                       "come to rest after %u",
                       (unsigned long long)atomic_load(&s->sweeps), items, atomic_load(&s->open),
                       s->iterations);
    return status;
}

/* What was found by target, as rows of the items of a history: the k largest. */
static recs_status turn(slim *s, recs__trained *trained, recs_error *error) {
    size_t k = (size_t)s->job->spec->settings[K];
    recs__csr view = recs__neighbour_rows_view(&s->rows);
    recs__sparse turned = {0};
    recs__neighbour_rows kept = {0};
    recs__best best;
    uint64_t *keys = recs__alloc(s->host, recs__best_room(k), sizeof *keys, error);
    recs_status status = keys ? recs__sparse_transpose(&turned, &view, s->host, error)
                              : RECS_ERR_MEMORY;
    recs__neighbour_rows_clear(&s->rows);
    if (status == RECS_OK)
        status = recs__neighbour_rows_create(&kept, turned.rows, turned.column_count, k, NULL,
                                             s->host, error);
    for (uint32_t i = 0; status == RECS_OK && i < turned.rows; i++) {
        recs__best_begin(&best, keys, k);
        for (uint64_t e = turned.offsets[i]; e < turned.offsets[i + 1]; e++)
            recs__best_put(&best, turned.columns[e], turned.values[e]);
        recs__neighbour_rows_store(&kept, i, &best, 1.0f);
    }
    if (status == RECS_OK) {
        trained->kind = RECS__KIND_ITEMS;
        for (uint32_t i = 0; i < s->by_item.rows; i++)
            trained->items_trained += s->by_item.offsets[i + 1] > s->by_item.offsets[i];
        recs__neighbour_rows_hand_over(&kept, trained);
    }
    recs__sparse_clear(&turned, s->host);
    recs__free(s->host, keys);
    return status;
}

static recs_status train_slim(const recs__train_job *job, recs__trained *trained,
                              recs_error *error) {
    const double *settings = job->spec->settings;
    slim s = {.job = job, .host = &job->training->host,
              .big = recs__training_big(job->training)};
    s.l1 = (float)settings[L1];
    s.l2 = (float)settings[L2];
    s.tolerance = (float)settings[TOLERANCE];
    s.positive = settings[POSITIVE] == YES;
    s.iterations = (uint32_t)settings[ITERATIONS];
    atomic_init(&s.out_of_memory, false);
    atomic_init(&s.sick, 0);
    atomic_init(&s.open, 0);
    atomic_init(&s.sweeps, 0);
    recs_status status = prepare(&s, error);
    if (status == RECS_OK)
        status = candidates(&s, error);
    if (status == RECS_OK)
        status = solve_all(&s, error);
    if (status == RECS_OK)
        status = turn(&s, trained, error);
    recs__neighbour_rows_clear(&s.rows);
    recs__sparse_clear(&s.by_unit, s.big);
    recs__sparse_clear(&s.by_item, s.big);
    return status;
}

const recs__trainer recs__trainer_slim = {"slim", slim_settings, SETTING_COUNT, train_slim, false};
