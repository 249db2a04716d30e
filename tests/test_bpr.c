/* test_bpr.c - a step against a reference in double, planted tastes found,
 * the same bytes for any threads and tables, what is left at zero, settings
 * that diverge. What every trainer owes is in test_trainers.c. */
#include "base/memory.h"
#include "kernels/kernels.h"
#include "model/format.h"
#include "support/made_training.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void train_ok(const made_training *made, const char *text, recs__trained *trained) {
    recs_error error = {0};
    if (made_training_train(made, text, 1, trained, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
}

static const float *section(const recs__trained *trained, uint32_t type) {
    size_t size;
    return made_training_section(trained, type, &size);
}

static void drop(recs__trained *trained, const made_training *made) {
    recs__trained_clear(trained, &made->training.host);
}

/* ---- one step ----------------------------------------------------------------------------- */

enum { STEP_USERS = 5, STEP_ITEMS = 4, STEP_FACTORS = 3, STEP_STRIDE = 16 };

/* Each user has all items but one, which is then the only negative. User 4
 * dislikes an item, which may be a negative, too: the harder of both is. */
static const made_entry step_entries[] = {
    {0, 0, 1.0f}, {0, 1, 2.0f}, {0, 2, 1.0f}, {1, 1, 1.0f}, {1, 2, 0.5f},  {1, 3, 1.0f},
    {2, 0, 3.0f}, {2, 2, 1.0f}, {2, 3, 1.0f}, {3, 0, 1.0f}, {3, 1, 1.0f},  {3, 3, 1.5f},
    {4, 0, 1.0f}, {4, 1, 1.0f}, {4, 2, -1.0f},
};
#define STEP_ENTRIES (sizeof step_entries / sizeof step_entries[0])
static const double step_exponent = 0.5, step_regularization = 0.03;

typedef struct sides {
    double p[STEP_ITEMS][STEP_FACTORS], q[STEP_ITEMS][STEP_FACTORS];
} sides;

static void read_sides(const recs__trained *trained, sides *out) {
    const float *p = section(trained, RECS_SECTION_HISTORY_FACTORS);
    const float *q = section(trained, RECS_SECTION_ITEM_FACTORS);
    for (size_t i = 0; i < STEP_ITEMS; i++)
        for (size_t j = 0; j < STEP_FACTORS; j++) {
            out->p[i][j] = (double)p[i * STEP_STRIDE + j];
            out->q[i][j] = (double)q[i * STEP_STRIDE + j];
        }
}

static double product(const double *a, const double *b) {
    double sum = 0.0;
    for (size_t j = 0; j < STEP_FACTORS; j++)
        sum += a[j] * b[j];
    return sum;
}

static double value_of(uint32_t user, uint32_t item) {
    for (size_t e = 0; e < STEP_ENTRIES; e++)
        if (step_entries[e].user == user && step_entries[e].item == item)
            return (double)step_entries[e].value;
    return 0.0;
}

/* Adds what one user makes of the objective's gradient, by its definition. */
static void add_user(const sides *at, sides *gradient, uint32_t user) {
    double sum = 0.0, x[STEP_FACTORS] = {0.0}, pace;
    uint32_t negative = UINT32_MAX;
    for (uint32_t i = 0; i < STEP_ITEMS; i++)
        sum += fabs(value_of(user, i));
    pace = pow(sum, -step_exponent);
    for (uint32_t i = 0; i < STEP_ITEMS; i++)
        for (size_t j = 0; j < STEP_FACTORS; j++)
            x[j] += pace * value_of(user, i) * at->p[i][j];
    for (uint32_t i = 0; i < STEP_ITEMS; i++)
        if (!(value_of(user, i) > 0.0) &&
            (negative == UINT32_MAX || product(x, at->q[i]) > product(x, at->q[negative])))
            negative = i;
    for (uint32_t h = 0; h < STEP_ITEMS; h++)
        for (size_t j = 0; j < STEP_FACTORS && value_of(user, h) != 0.0; j++)
            gradient->p[h][j] -= step_regularization * at->p[h][j];
    for (uint32_t h = 0; h < STEP_ITEMS; h++)
        for (size_t j = 0; j < STEP_FACTORS && value_of(user, h) != 0.0; j++)
            gradient->q[h][j] -= step_regularization * at->q[h][j];
    for (uint32_t i = 0; i < STEP_ITEMS; i++) {
        double v = value_of(user, i), without[STEP_FACTORS];
        if (!(v > 0.0))
            continue;
        for (size_t j = 0; j < STEP_FACTORS; j++)
            without[j] = x[j] - pace * v * at->p[i][j];
        double margin = product(without, at->q[i]) - product(x, at->q[negative]);
        double error = v / (1.0 + exp(margin));
        for (size_t j = 0; j < STEP_FACTORS; j++) {
            gradient->q[i][j] += error * without[j];
            gradient->q[negative][j] -= error * x[j] + step_regularization * at->q[negative][j];
            for (uint32_t h = 0; h < STEP_ITEMS; h++)
                gradient->p[h][j] += error * pace * value_of(user, h) *
                                     ((h != i ? at->q[i][j] : 0.0) - at->q[negative][j]);
        }
    }
}

static void expect_step(double before[STEP_FACTORS], double gradient[STEP_FACTORS], double rate,
                        const double after[STEP_FACTORS]) {
    double scale = rate / sqrt(product(gradient, gradient) / STEP_FACTORS);
    for (size_t j = 0; j < STEP_FACTORS; j++)
        if (fabs(before[j] + scale * gradient[j] - after[j]) > 2e-5)
            fail_msg("factor %zu: %.7f, the reference %.7f", j, after[j],
                     before[j] + scale * gradient[j]);
}

static void test_one_step(void **state) {
    (void)state;
    made_training made;
    recs__trained start, stepped;
    sides before, after, gradient = {{{0}}, {{0}}};
    made_training_make(&made, STEP_USERS, STEP_ITEMS, step_entries, STEP_ENTRIES, NULL);
    /* A pool of 64 of 4 items has them all, and of 400 picks each is one. */
#define STEP(rate)                                                                              \
    "bpr(factors=3, iterations=1, pool=64, negatives=400, regularization=0.03, "                \
    "history_exponent=0.5, learning_rate=" rate ")"
    train_ok(&made, STEP("1e-6"), &start); /* where it begins, but for 1e-6 */
    train_ok(&made, STEP("0.2"), &stepped);
    read_sides(&start, &before);
    read_sides(&stepped, &after);
    for (uint32_t user = 0; user < STEP_USERS; user++)
        add_user(&before, &gradient, user);
    for (uint32_t i = 0; i < STEP_ITEMS; i++) {
        expect_step(before.p[i], gradient.p[i], 0.2, after.p[i]);
        expect_step(before.q[i], gradient.q[i], 0.2, after.q[i]);
    }
    drop(&start, &made);
    drop(&stepped, &made);
    made_training_free(&made);
}

/* ---- what it learns ------------------------------------------------------------------------- */

static double score(const recs__trained *trained, const made_training *made, uint32_t user,
                    uint32_t item) {
    const recs__kernels *kernels = recs__kernels_get();
    const float *p = section(trained, RECS_SECTION_HISTORY_FACTORS);
    const float *q = section(trained, RECS_SECTION_ITEM_FACTORS);
    size_t stride = (trained->factors + 15) / 16 * 16;
    double sum = 0.0;
    uint64_t at;
    size_t count = recs__csr_row(&made->training.by_user, user, &at);
    for (size_t h = 0; h < count; h++)
        sum += (double)made->by_user.values[at + h] *
               (double)kernels->dot(p + made->by_user.columns[at + h] * stride, q + item * stride,
                                    trained->factors);
    return sum;
}

/* Four tastes of ten items; each user has four of theirs. The share of pairs
 * of an item of the taste, not had, and one of another in the right order. */
static void test_tastes(void **state) {
    (void)state;
    enum { USERS = 160, ITEMS = 40 };
    made_entry entries[USERS * 4];
    size_t count = 0;
    for (uint32_t u = 0; u < USERS; u++)
        for (uint32_t i = 0; i < ITEMS; i++)
            if (i / 10 == u % 4 && ((i % 10) + 3 * (u / 4)) % 10 % 3 == 0)
                entries[count++] = (made_entry){u, i, 1.0f};
    made_training made;
    recs__trained trained;
    made_training_make(&made, USERS, ITEMS, entries, count, NULL);
    train_ok(&made, "bpr(factors=8, iterations=60, pool=32, negatives=4)", &trained);
    size_t right = 0, all = 0;
    for (uint32_t u = 0; u < USERS; u++)
        for (uint32_t i = 0; i < ITEMS; i++)
            for (uint32_t j = 0; j < ITEMS; j++) {
                uint64_t at;
                size_t n = recs__csr_row(&made.training.by_user, u, &at);
                bool had = false;
                for (size_t h = 0; h < n; h++)
                    had |= made.by_user.columns[at + h] == i;
                if (had || i / 10 != u % 4 || j / 10 == u % 4)
                    continue;
                right += score(&trained, &made, u, i) > score(&trained, &made, u, j);
                all++;
            }
    if (right < all * 97 / 100)
        fail_msg("%zu of %zu in order", right, all);
    drop(&trained, &made);
    made_training_free(&made);
}

/* ---- bytes ------------------------------------------------------------------------------------ */

static void test_same_bytes(void **state) {
    (void)state;
    const char *text = "bpr(factors=20, iterations=3, pool=100, negatives=5, negative_exponent=0.7)";
    made_training made;
    recs__trained first, again;
    const recs__kernels *table;
    made_training_random(&made, 900, 300, 12, true, 5, NULL); /* several batches and tasks */
    recs__kernels_force(&recs__kernels_scalar);
    train_ok(&made, text, &first);
    for (size_t i = 0; (table = recs__kernels_at(i)) != NULL; i++) {
        recs__kernels_force(table);
        for (uint32_t threads = 1; threads <= 3; threads++) {
            recs_pool *pool = NULL;
            assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
            made.training.host.run = recs_pool_run;
            made.training.host.executor_data = pool;
            train_ok(&made, text, &again);
            if (!made_training_equal(&first, &again))
                fail_msg("other bytes from %s with %u threads", table->name, threads);
            drop(&again, &made);
            recs_pool_destroy(pool);
            made.training.host.run = made.plain.run;
            made.training.host.executor_data = made.plain.executor_data;
        }
    }
    recs__kernels_force(NULL);
    drop(&first, &made);
    made_training_free(&made);
}

static bool all_zero(const float *row, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (row[i] != 0.0f || signbit(row[i]))
            return false;
    return true;
}

/* Items nobody has know nothing; nor does anything when no user has two items. */
static void test_zero(void **state) {
    (void)state;
    static const made_entry entries[] = {{0, 0, 1.0f}, {0, 2, 1.0f}, {1, 0, 1.0f}, {1, 3, 1.0f},
                                         {2, 2, 1.0f}, {2, 3, 1.0f}};
    static const made_entry apart[] = {{0, 0, 1.0f}, {1, 1, 1.0f}, {2, 2, -1.0f}};
    made_training made;
    recs__trained trained;
    size_t size;
    made_training_make(&made, 3, 5, entries, 6, NULL);
    train_ok(&made, "bpr(factors=3, iterations=5)", &trained);
    assert_int_equal(trained.kind, RECS__KIND_ITEMS);
    assert_int_equal(trained.factors, 3);
    assert_int_equal(trained.items_trained, 3);
    const float *q = made_training_section(&trained, RECS_SECTION_ITEM_FACTORS, &size);
    const float *p = section(&trained, RECS_SECTION_HISTORY_FACTORS);
    assert_int_equal(size, 5 * 16 * sizeof(float));
    for (size_t i = 0; i < 5; i++) {
        bool had = i == 0 || i == 2 || i == 3;
        assert_true(all_zero(q + i * 16, 16) == !had && all_zero(p + i * 16, 16) == !had);
        assert_true(all_zero(q + i * 16 + 3, 13) && all_zero(p + i * 16 + 3, 13));
    }
    drop(&trained, &made);
    made_training_free(&made);

    made_training_make(&made, 3, 4, apart, 3, NULL);
    train_ok(&made, "bpr(factors=3, iterations=5)", &trained);
    assert_true(all_zero(section(&trained, RECS_SECTION_ITEM_FACTORS), 4 * 16) &&
                all_zero(section(&trained, RECS_SECTION_HISTORY_FACTORS), 4 * 16));
    drop(&trained, &made);
    made_training_free(&made);
}

/* Finite factors, or an error that says what to change. */
static void test_never_a_nan(void **state) {
    (void)state;
    static const char *const settings[] = {
        "bpr(factors=8, iterations=30, learning_rate=10, regularization=1000)",
        "bpr(factors=8, iterations=30, learning_rate=10, learning_decay=1, regularization=0)",
        "bpr(factors=300, iterations=4, learning_rate=10, negatives=10000, pool=1)",
    };
    static const float values[] = {1.0f, 1e30f, 3e38f, 1e-38f, -1e30f};
    size_t refused = 0;
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        made_training made;
        made_training_random(&made, 30, 20, 4, true, 9, NULL);
        for (uint64_t e = 0; e < made.by_user.entries; e += 3)
            made.by_user.values[e] = values[v];
        for (size_t s = 0; s < sizeof settings / sizeof *settings; s++) {
            recs__trained trained;
            recs_error error = {0};
            recs_status status = made_training_train(&made, settings[s], 1, &trained, &error);
            if (status != RECS_OK) {
                assert_int_equal(status, RECS_ERR_NUMERIC);
                assert_non_null(strstr(error.text, "learning_rate"));
                assert_int_equal(trained.section_count, 0);
                refused++;
                continue;
            }
            for (size_t i = 0; i < 20 * (((size_t)trained.factors + 15) / 16 * 16); i++)
                assert_true(isfinite(section(&trained, RECS_SECTION_ITEM_FACTORS)[i]) &&
                            isfinite(section(&trained, RECS_SECTION_HISTORY_FACTORS)[i]));
            drop(&trained, &made);
        }
        made_training_free(&made);
    }
    assert_true(refused > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_step),    cmocka_unit_test(test_tastes),
        cmocka_unit_test(test_same_bytes),  cmocka_unit_test(test_zero),
        cmocka_unit_test(test_never_a_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
