/* test_als.c - the objective against a naive double reference, both solvers,
 * the same bytes for any threads and tables, settings that diverge. */
#include "base/memory.h"
#include "kernels/foldin.h"
#include "kernels/kernels.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"
#include "train/als.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const float *section(const recs__trained *trained, uint32_t type) {
    size_t size;
    return made_training_section(trained, type, &size);
}

static void train_ok(const made_training *made, const char *text, uint64_t seed,
                     recs__trained *trained) {
    recs_error error = {0};
    if (made_training_train(made, text, seed, trained, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
}

static void drop(recs__trained *trained, const made_training *made) {
    recs__trained_clear(trained, &made->training.host);
}

/* ---- what als minimises, written out -------------------------------------------------- */

typedef struct problem {
    const made_training *made;
    size_t f;
    double alpha, lambda, exponent;
} problem;

static double regularisation(const problem *p, size_t count, uint32_t others) {
    return p->lambda * pow((double)count + (double)others / p->alpha, p->exponent);
}

static uint32_t rows_with_entries(const recs__csr *matrix) {
    uint32_t some = 0;
    uint64_t at;
    for (uint32_t r = 0; r < matrix->rows; r++)
        some += recs__csr_row(matrix, r, &at) > 0;
    return some;
}

/* sum over all pairs of c (p - x.y)^2 + sum of lambda |x|^2 + sum of lambda |y|^2 */
static double objective(const problem *p, const double *x, const double *y) {
    const recs__csr *by_user = &p->made->training.by_user, *by_item = &p->made->training.by_item;
    uint32_t users = by_user->rows, items = by_item->rows;
    uint32_t some_users = rows_with_entries(by_user), some_items = rows_with_entries(by_item);
    double sum = 0.0;
    for (uint32_t u = 0; u < users; u++) {
        uint64_t at;
        size_t count = recs__csr_row(by_user, u, &at), e = 0;
        for (uint32_t i = 0; i < items; i++) {
            double score = 0.0, v = 0.0;
            for (size_t j = 0; j < p->f; j++)
                score += x[u * p->f + j] * y[i * p->f + j];
            if (e < count && by_user->columns[at + e] == i)
                v = (double)by_user->values[at + e++];
            double target = v > 0.0 ? 1.0 : 0.0;
            sum += (1.0 + p->alpha * fabs(v)) * (target - score) * (target - score);
        }
        for (size_t j = 0; count && j < p->f; j++)
            sum += regularisation(p, count, some_items) * x[u * p->f + j] * x[u * p->f + j];
    }
    for (uint32_t i = 0; i < items; i++) {
        uint64_t at;
        size_t count = recs__csr_row(by_item, i, &at);
        for (size_t j = 0; count && j < p->f; j++)
            sum += regularisation(p, count, some_users) * y[i * p->f + j] * y[i * p->f + j];
    }
    return sum;
}

/* The minimum over the rows of one side, the other fixed, in double. */
static void solve_side(const problem *p, const recs__csr *matrix, uint32_t others,
                       const double *y, double *x) {
    size_t f = p->f;
    double *a = malloc(f * f * sizeof *a);
    for (uint32_t r = 0; r < matrix->rows; r++) {
        uint64_t at;
        size_t count = recs__csr_row(matrix, r, &at);
        double *b = x + r * f;
        memset(a, 0, f * f * sizeof *a);
        memset(b, 0, f * sizeof *b);
        if (count == 0)
            continue;
        for (uint32_t i = 0; i < matrix->column_count; i++)
            for (size_t j = 0; j < f; j++)
                for (size_t l = 0; l < f; l++)
                    a[j * f + l] += y[i * f + j] * y[i * f + l];
        for (size_t j = 0; j < f; j++)
            a[j * f + j] += regularisation(p, count, others);
        for (size_t e = 0; e < count; e++) {
            const double *row = y + matrix->columns[at + e] * f;
            double v = (double)matrix->values[at + e];
            for (size_t j = 0; j < f; j++) {
                for (size_t l = 0; l < f; l++)
                    a[j * f + l] += p->alpha * fabs(v) * row[j] * row[l];
                b[j] += v > 0.0 ? (1.0 + p->alpha * v) * row[j] : 0.0;
            }
        }
        for (size_t k = 0; k < f; k++) /* positive definite: no pivoting */
            for (size_t l = k + 1; l < f; l++) {
                double factor = a[l * f + k] / a[k * f + k];
                for (size_t c = k; c < f; c++)
                    a[l * f + c] -= factor * a[k * f + c];
                b[l] -= factor * b[k];
            }
        for (size_t k = f; k-- > 0;) {
            for (size_t c = k + 1; c < f; c++)
                b[k] -= a[k * f + c] * b[c];
            b[k] /= a[k * f + k];
        }
    }
    free(a);
}

static double *widen(const float *factors, uint32_t rows, size_t f) {
    size_t stride = (f + 15) / 16 * 16;
    double *out = malloc((rows * f + 1) * sizeof *out);
    for (uint32_t r = 0; r < rows; r++)
        for (size_t j = 0; j < f; j++)
            out[r * f + j] = (double)factors[r * stride + j];
    return out;
}

static double objective_of(const problem *p, const recs__trained *trained) {
    double *x = widen(section(trained, RECS_SECTION_USER_FACTORS), p->made->training.users, p->f);
    double *y = widen(section(trained, RECS_SECTION_ITEM_FACTORS), p->made->training.items, p->f);
    double value = objective(p, x, y);
    free(x);
    free(y);
    return value;
}

/* ---- tests ------------------------------------------------------------------------------- */

/* Each iteration continues the run of one fewer, and is the double reference
 * carried on from there. */
static void test_follows_the_reference(void **state) {
    (void)state;
    static const double exponents[] = {0.0, 1.0};
    made_training made;
    made_training_random(&made, 40, 30, 6, true, 1, NULL);
    for (size_t x = 0; x < 2; x++) {
        problem p = {&made, 8, 4.0, 0.5, exponents[x]};
        double *users = NULL, *items = NULL, before = INFINITY;
        for (int iterations = 1; iterations <= 5; iterations++) {
            char text[200];
            recs__trained trained;
            snprintf(text, sizeof text,
                     "als(factors=8, iterations=%d, alpha=4, regularization=0.5, "
                     "regularization_exponent=%d, solver=cholesky)",
                     iterations, (int)exponents[x]);
            train_ok(&made, text, 3, &trained);
            double value = objective_of(&p, &trained);
            assert_true(value < before);
            before = value;
            if (!users) {
                users = widen(section(&trained, RECS_SECTION_USER_FACTORS), 40, 8);
                items = widen(section(&trained, RECS_SECTION_ITEM_FACTORS), 30, 8);
            } else {
                uint32_t some_users = rows_with_entries(&made.training.by_user);
                uint32_t some_items = rows_with_entries(&made.training.by_item);
                solve_side(&p, &made.training.by_item, some_users, users, items);
                solve_side(&p, &made.training.by_user, some_items, items, users);
                double reference = objective(&p, users, items);
                assert_true(fabs(value - reference) < 1e-4 * reference);
            }
            drop(&trained, &made);
        }
        free(users);
        free(items);
    }
    made_training_free(&made);
}

/* The start: columns at right angles and of one length; then a balance in which both sides weigh
 * alike and no product changes. */
static void test_start(void **state) {
    (void)state;
    made_training made;
    recs__als als = {0};
    recs_error error = {0};
    made_training_random(&made, 300, 200, 9, true, 21, NULL);
    recs__progress progress;
    recs__progress_init(&progress, NULL, NULL, &made.training.host);
    als.host = &made.training.host;
    als.training = &made.training;
    als.progress = &progress;
    als.factors = 12;
    als.stride = 16;
    als.alpha = 4.0f;
    als.regularization = 1.0f;
    als.exponent = 0.5f;
    als.users.matrix = &made.training.by_user;
    als.items.matrix = &made.training.by_item;
    als.items.trained = rows_with_entries(&made.training.by_item);
    als.users.trained = rows_with_entries(&made.training.by_user);
    als.users.factors = aligned_alloc(64, 300 * 16 * sizeof(float));
    als.items.factors = aligned_alloc(64, 200 * 16 * sizeof(float));
    als.gram = aligned_alloc(64, 12 * 16 * sizeof(float));
    als.diagonal = aligned_alloc(64, 16 * sizeof(float));
    als.partial = aligned_alloc(64, recs__als_parts(300, 12) * 12 * 16 * sizeof(float));
    memset(als.diagonal, 0, 16 * sizeof(float));
    memset(als.items.factors, 0, 200 * 16 * sizeof(float));
    assert_int_equal(recs__als_begin(&als, 3, &error), RECS_OK);
    assert_int_equal(recs__als_gram(&als, &als.items, &error), RECS_OK);
    float square = (float)als.items.trained / 12.0f;
    for (size_t j = 0; j < 12; j++)
        for (size_t l = 0; l < 12; l++)
            assert_true(fabsf(als.gram[j * 16 + l] - (j == l ? square : 0.0f)) < 0.35f * square);
    for (size_t at = 0; at < 300 * 16; at++)
        assert_true(als.users.factors[at] == 0.0f);

    /* Balance: products stay, the weights of the two sides meet. */
    for (size_t at = 0; at < 300 * 16; at++)
        als.users.factors[at] = at % 16 < 11 ? (float)((at * 104729) % 97) / 9.0f - 5.0f : 0.0f;
    double before[4], weights[2] = {0, 0};
    for (size_t k = 0; k < 4; k++) {
        before[k] = 0.0;
        for (size_t j = 0; j < 12; j++)
            before[k] += (double)als.users.factors[(k * 31) * 16 + j] *
                         (double)als.items.factors[(k * 17) * 16 + j];
    }
    assert_int_equal(recs__als_balance(&als, &error), RECS_OK);
    for (size_t k = 0; k < 4; k++) {
        double after = 0.0;
        for (size_t j = 0; j < 12; j++)
            after += (double)als.users.factors[(k * 31) * 16 + j] *
                     (double)als.items.factors[(k * 17) * 16 + j];
        assert_true(fabs(after - before[k]) < 1e-4 * (1.0 + fabs(before[k])));
    }
    problem p = {&made, 12, 4.0, 1.0, 0.5};
    for (size_t side = 0; side < 2; side++) {
        const recs__als_side *own = side ? &als.users : &als.items;
        uint32_t others = side ? als.items.trained : als.users.trained;
        for (uint32_t row = 0; row < own->matrix->rows; row++) {
            uint64_t at;
            size_t count = recs__csr_row(own->matrix, row, &at);
            double x = (double)own->factors[row * 16 + 3];
            weights[side] += count ? regularisation(&p, count, others) * x * x : 0.0;
        }
    }
    assert_true(weights[0] > 0.0 && fabs(weights[0] - weights[1]) < 1e-3 * weights[0]);
    free(als.users.factors);
    free(als.items.factors);
    free(als.gram);
    free(als.diagonal);
    free(als.partial);
    made_training_free(&made);
}

/* What a solver settles on is a minimum, whatever it left out on the way. */
static void test_all_solvers_meet(void **state) {
    (void)state;
    static const char *const solvers[] = {"cholesky", "cg", "cg, cg_steps=1", "cg, cg_steps=9",
                                          "block, block_size=6", "block, block_size=1",
                                          "block, block_size=4", "auto"};
    made_training made;
    recs__trained trained;
    made_training_random(&made, 60, 50, 8, true, 2, NULL);
    problem p = {&made, 6, 3.0, 0.4, 0.0};
    double exact = 0.0;
    for (size_t c = 0; c < sizeof solvers / sizeof *solvers; c++) {
        char text[200];
        snprintf(text, sizeof text,
                 "als(factors=6, iterations=300, alpha=3, regularization=0.4, "
                 "regularization_exponent=0, solver=%s)", solvers[c]);
        train_ok(&made, text, 3, &trained);
        double value = objective_of(&p, &trained);
        if (c == 0)
            exact = value;
        assert_true(fabs(value - exact) < 0.02 * exact); /* two of the minima, maybe */
        double *x = widen(section(&trained, RECS_SECTION_USER_FACTORS), 60, 6);
        double *y = widen(section(&trained, RECS_SECTION_ITEM_FACTORS), 50, 6);
        double reached = objective(&p, x, y);
        solve_side(&p, &made.training.by_item, rows_with_entries(&made.training.by_user), x, y);
        double better = objective(&p, x, y);
        assert_true(better <= reached * (1.0 + 1e-6));
        assert_true(reached - better < 1e-3 * reached); /* nothing left to gain */
        free(x);
        free(y);
        drop(&trained, &made);
    }

    /* One block of all factors is an exact half-step; columns are balanced in
     * the frame each solver works in, so that the two are near, not equal. */
    recs__trained block, cholesky;
    train_ok(&made, "als(factors=6, iterations=40, alpha=3, regularization=0.4, "
             "regularization_exponent=0, solver=block)", 3, &block);
    train_ok(&made, "als(factors=6, iterations=40, alpha=3, regularization=0.4, "
             "regularization_exponent=0, solver=cholesky)", 3, &cholesky);
    double a = objective_of(&p, &block), b = objective_of(&p, &cholesky);
    assert_true(fabs(a - b) < 2e-3 * b);
    drop(&block, &made);
    drop(&cholesky, &made);
    made_training_free(&made);
}

static void test_known_user_is_folded_in_user(void **state) {
    (void)state;
    made_training made;
    recs__trained trained;
    made_training_random(&made, 50, 40, 7, true, 4, NULL);
    train_ok(&made, "als(factors=20, iterations=3, regularization_exponent=0.5)", 5, &trained);
    const float *users = section(&trained, RECS_SECTION_USER_FACTORS);
    recs__foldin foldin = {section(&trained, RECS_SECTION_ITEM_FACTORS),
                           section(&trained, RECS_SECTION_GRAM),
                           40,
                           20,
                           32,
                           trained.alpha,
                           trained.regularization,
                           trained.regularization_exponent,
                           trained.items_trained, NULL};
    float *scratch = malloc(recs__foldin_scratch(&foldin, 40) * sizeof(float)), x[32];
    for (uint32_t u = 0; u < 50; u++) {
        uint64_t at;
        size_t count = recs__csr_row(&made.training.by_user, u, &at);
        assert_true(recs__foldin_solve(&foldin, made.training.by_user.columns + at,
                                       made.training.by_user.values + at, count, scratch, x));
        assert_memory_equal(x, users + u * 32, sizeof x);
    }
    free(scratch);
    drop(&trained, &made);
    made_training_free(&made);
}

static const char *const every_kind[] = {
    "als(factors=17, iterations=2)",
    "als(factors=17, iterations=2, solver=cholesky)",
    "als(factors=37, iterations=2, solver=block, block_size=16)",
    "als(factors=70, iterations=2, cg_steps=3)",
    "als(factors=40, iterations=2, regularization_exponent=1, cg_steps=1)",
};

static void test_same_bytes_for_any_threads_and_tables(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof every_kind / sizeof *every_kind; k++) {
        made_training made;
        recs__trained first, again;
        made_training_random(&made, 700, 300, 9, true, 6, NULL);
        train_ok(&made, every_kind[k], 7, &first);
        for (uint32_t threads = 1; threads <= 3; threads++) {
            recs_pool *pool;
            assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
            made.training.host.run = recs_pool_run;
            made.training.host.executor_data = pool;
            train_ok(&made, every_kind[k], 7, &again);
            assert_true(made_training_equal(&first, &again));
            drop(&again, &made);
            recs_pool_destroy(pool);
        }
        made.training.host.run = made.plain.run;
        const recs__kernels *table;
        for (size_t t = 0; (table = recs__kernels_at(t)) != NULL; t++) {
            recs__kernels_force(table);
            train_ok(&made, every_kind[k], 7, &again);
            recs__kernels_force(NULL);
            assert_true(made_training_equal(&first, &again));
            drop(&again, &made);
        }
        train_ok(&made, every_kind[k], 8, &again);
        assert_false(made_training_equal(&first, &again)); /* the seed matters */
        drop(&again, &made);
        drop(&first, &made);
        made_training_free(&made);
    }
}

static void test_layout(void **state) {
    (void)state;
    static const made_entry entries[] = {{0, 1, 2.0f}, {0, 3, 1.0f}, {2, 1, 1.0f}, {2, 2, -1.0f}};
    made_training made;
    recs__trained trained;
    size_t size;
    made_training_make(&made, 4, 5, entries, 4, NULL);
    train_ok(&made, "als(factors=3, iterations=2)", 1, &trained);
    assert_int_equal(trained.items_trained, 3);
    assert_int_equal(trained.factors, 3);
    const float *items = made_training_section(&trained, RECS_SECTION_ITEM_FACTORS, &size);
    assert_int_equal(size, 5 * 16 * sizeof(float));
    const float *users = made_training_section(&trained, RECS_SECTION_USER_FACTORS, &size);
    assert_int_equal(size, 4 * 16 * sizeof(float));
    const float *norms = made_training_section(&trained, RECS_SECTION_ITEM_NORMS, &size);
    assert_int_equal(size, 5 * sizeof(float));
    const float *gram = made_training_section(&trained, RECS_SECTION_GRAM, &size);
    assert_int_equal(size, 3 * sizeof(float));
    for (size_t i = 0; i < 5; i++) {
        double square = 0.0;
        for (size_t j = 0; j < 16; j++) {
            if (i == 0 || i == 4 || j >= 3)
                assert_true(items[i * 16 + j] == 0.0f && !signbit(items[i * 16 + j]));
            square += (double)items[i * 16 + j] * (double)items[i * 16 + j];
        }
        assert_true(fabs(sqrt(square) - (double)norms[i]) < 1e-5);
    }
    for (size_t j = 0; j < 16; j++)
        assert_true(users[16 + j] == 0.0f && users[48 + j] == 0.0f); /* no history */
    for (size_t j = 0; j < 3; j++)
        for (size_t l = 0; l < 3; l++) { /* turned so that nothing is beside the diagonal */
            double sum = 0.0;
            for (size_t i = 0; i < 5; i++)
                sum += (double)items[i * 16 + j] * (double)items[i * 16 + l];
            assert_true(fabs(sum - (l == j ? (double)gram[j] : 0.0)) < 1e-4);
        }
    drop(&trained, &made);
    made_training_free(&made);
}

static void test_empty(void **state) {
    (void)state;
    static const uint32_t users[] = {0, 3, 0}, items[] = {4, 0, 0};
    for (size_t i = 0; i < 3; i++) {
        made_training made;
        recs__trained trained;
        made_training_make(&made, users[i], items[i], NULL, 0, NULL);
        for (size_t k = 0; k < sizeof every_kind / sizeof *every_kind; k++) {
            train_ok(&made, every_kind[k], 1, &trained);
            assert_int_equal(trained.items_trained, 0);
            drop(&trained, &made);
        }
        made_training_free(&made);
    }
}

/* Whatever the settings and values: finite factors, or NUMERIC. */
static void test_never_a_nan(void **state) {
    (void)state;
    static const char *const settings[] = {
        "als(factors=8, iterations=3, regularization=1e-9, alpha=1e6%s)",
        "als(factors=8, iterations=3, regularization=1e-9, alpha=1e-6%s)",
        "als(factors=8, iterations=3, regularization=1e9, alpha=1e6%s)",
        "als(factors=8, iterations=3, regularization=1e9, alpha=1e-6, regularization_exponent=2%s)",
        "als(factors=64, iterations=40, regularization=1e-9, alpha=0.5%s)",
        "als(factors=4, iterations=2, cg_steps=100%s)",
    };
    static const float values[] = {1.0f, 1e30f, 3e38f, 1e-38f, -1e30f};
    size_t refused = 0;
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        made_training made;
        made_training_random(&made, 30, 20, 4, false, 9, NULL);
        for (uint64_t e = 0; e < made.by_user.entries; e += 3)
            made.by_user.values[e] = values[v];
        recs__sparse_clear(&made.by_item, &made.plain);
        assert_int_equal(recs__sparse_transpose(&made.by_item, &made.training.by_user, &made.plain,
                                                NULL),
                         RECS_OK);
        made.training.by_item = recs__sparse_view(&made.by_item);
        for (size_t s = 0; s < 3 * (sizeof settings / sizeof *settings); s++) {
            char text[200];
            recs__trained trained;
            recs_error error = {0};
            size_t size;
            snprintf(text, sizeof text, settings[s / 3],
                     s % 3 == 2 ? ", solver=block, block_size=3" : s % 3 ? ", solver=cholesky" : "");
            recs_status status = made_training_train(&made, text, 1, &trained, &error);
            if (status != RECS_OK) {
                assert_int_equal(status, RECS_ERR_NUMERIC);
                assert_non_null(strstr(error.text, "regularization"));
                assert_int_equal(trained.section_count, 0);
                refused++;
                continue;
            }
            for (uint32_t k = 0; k < trained.section_count; k++) {
                const float *numbers = trained.sections[k].bytes;
                size = trained.sections[k].size / sizeof(float);
                for (size_t i = 0; i < size; i++)
                    if (!isfinite(numbers[i]))
                        fail_msg("%s, value %g: section %u holds %g", text, (double)values[v],
                                 trained.sections[k].type, (double)numbers[i]);
            }
            drop(&trained, &made);
        }
        made_training_free(&made);
    }
    assert_true(refused > 0);
}

static int32_t stop_after(void *data, const char *stage, uint64_t done, uint64_t total) {
    int *left = data;
    assert_non_null(stage);
    assert_true(done <= total);
    return (*left)-- == 0;
}

static int64_t ever_later(void *data) {
    int64_t *time = data;
    return *time += 1000;
}

static void test_cancel(void **state) {
    (void)state;
    int64_t time = 0;
    fault_host faults;
    fault_host_init(&faults);
    faults.host.now = ever_later;
    faults.host.clock_data = &time;
    made_training made;
    made_training_random(&made, 300, 40, 5, false, 3, &faults.host);
    for (int after = 0; after < 5; after++) {
        recs__description *description = malloc(sizeof *description);
        recs__trained trained = {0};
        recs__progress progress;
        recs_error error = {0};
        int left = after;
        assert_int_equal(recs__description_parse(description, "als(factors=4, iterations=4)", NULL),
                         RECS_OK);
        recs__progress_init(&progress, stop_after, &left, &made.training.host);
        recs__train_job job = {&made.training, &description->specs[0], 1, true, &progress, 0, NULL,
                               NULL, 0};
        assert_int_equal(recs__trainer_als.train(&job, &trained, &error), RECS_ERR_CANCELLED);
        assert_int_equal(error.status, RECS_ERR_CANCELLED);
        assert_int_equal(trained.section_count, 0);
        assert_int_equal(faults.live_blocks, 0);
        free(description);
    }
    made_training_free(&made);
    fault_host_done(&faults);
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof every_kind / sizeof *every_kind; k++) {
        fault_host faults;
        FAULT_LOOP(faults) {
            made_training made;
            recs__trained trained;
            recs_error error = {0};
            fault_off(&faults);
            made_training_random(&made, 150, 60, 4, true, 2, &faults.host);
            fault_on(&faults);
            recs_status status = made_training_train(&made, every_kind[k], 1, &trained, &error);
            fault_off(&faults);
            if (!fault_passed(&faults, status, &error))
                assert_int_equal(trained.section_count, 0);
            drop(&trained, &made);
            made_training_free(&made);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_the_reference),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_all_solvers_meet),
        cmocka_unit_test(test_known_user_is_folded_in_user),
        cmocka_unit_test(test_same_bytes_for_any_threads_and_tables),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_never_a_nan),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
