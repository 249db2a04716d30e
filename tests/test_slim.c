/* test_slim.c - weights beside coordinate descent in double on dense matrices,
 * the conditions of an optimum, the limits of rows and columns, threads. */
#include "base/memory.h"
#include "kernels/kernels.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 90, ITEMS = 40 };

/* [items][items] of the products of the columns of positive values. */
static void gram_of(const made_training *made, double g[ITEMS][ITEMS]) {
    static double x[USERS][ITEMS];
    memset(x, 0, sizeof x);
    memset(g, 0, ITEMS * sizeof *g);
    for (uint32_t u = 0; u < USERS; u++) {
        uint64_t at;
        size_t count = recs__csr_row(&made->training.units, u, &at);
        for (size_t e = 0; e < count; e++)
            if (made->training.units.values[at + e] > 0.0f)
                x[u][made->training.units.columns[at + e]] =
                    (double)made->training.units.values[at + e];
        for (size_t i = 0; i < ITEMS; i++)
            for (size_t j = 0; j < ITEMS; j++)
                g[i][j] += x[u][i] * x[u][j];
    }
}

/* Weights of target j, by 3,000 sweeps. */
static void solve(double g[ITEMS][ITEMS], uint32_t j, double l1, double l2, bool positive,
                  double w[ITEMS]) {
    memset(w, 0, ITEMS * sizeof *w);
    for (int sweep = 0; sweep < 3000; sweep++)
        for (uint32_t i = 0; i < ITEMS; i++) {
            double pull = g[i][j] + g[i][i] * w[i];
            if (i == j || g[i][j] == 0.0)
                continue;
            for (uint32_t l = 0; l < ITEMS; l++)
                pull -= g[i][l] * w[l];
            double over = fabs(pull) - l1;
            w[i] = over > 0.0 && (pull > 0.0 || !positive)
                       ? (pull > 0.0 ? over : -over) / (g[i][i] + l2)
                       : 0.0;
        }
}

static recs__csr rows_of(const recs__trained *trained, uint32_t items) {
    size_t size;
    recs__csr rows = {0};
    rows.offsets = made_training_section(trained, RECS_SECTION_NEIGHBOR_OFFSETS, &size);
    assert_int_equal(size, ((size_t)items + 1) * sizeof *rows.offsets);
    rows.columns = made_training_section(trained, RECS_SECTION_NEIGHBOR_ITEMS, &size);
    rows.values = made_training_section(trained, RECS_SECTION_NEIGHBOR_VALUES, &size);
    rows.entries = rows.offsets[items];
    rows.rows = rows.column_count = items;
    return rows;
}

static double weight(const recs__csr *rows, uint32_t i, uint32_t j) {
    for (uint64_t e = rows->offsets[i]; e < rows->offsets[i + 1]; e++)
        if (rows->columns[e] == j)
            return (double)rows->values[e];
    return 0.0;
}

static recs__trained train_ok(const made_training *made, const char *text) {
    recs__trained trained;
    recs_error error = {0};
    if (made_training_train(made, text, 1, &trained, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
    return trained;
}

/* Items that share no user are no candidates of each other: with negative
 * weights allowed that is a restriction, which the reference knows of. */
static void test_agrees_with_dense_descent(void **state) {
    (void)state;
    static const struct {
        double l1, l2;
        bool positive;
    } cases[] = {{0, 5, true}, {1.5, 20, true}, {8, 1, true}, {0, 30, false}, {2, 5, false},
                 {1e6, 1, true}};
    static double g[ITEMS][ITEMS];
    made_training made;
    made_training_random(&made, USERS, ITEMS, 6, true, 31, NULL);
    gram_of(&made, g);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char text[200];
        size_t negative = 0, entries = 0;
        snprintf(text, sizeof text,
                 "slim(l1=%g, l2=%g, positive=%s, candidates=100, k=100, iterations=3000, "
                 "tolerance=1e-7)",
                 cases[c].l1, cases[c].l2, cases[c].positive ? "yes" : "no");
        recs__trained trained = train_ok(&made, text);
        recs__csr rows = rows_of(&trained, ITEMS);
        for (uint32_t j = 0; j < ITEMS; j++) {
            double w[ITEMS];
            solve(g, j, cases[c].l1, cases[c].l2, cases[c].positive, w);
            for (uint32_t i = 0; i < ITEMS; i++) {
                double is = weight(&rows, i, j);
                negative += is < 0.0;
                entries += is != 0.0;
                if (!(fabs(is - w[i]) <= 2e-5))
                    fail_msg("%s: %u for %u is %.9g, expected %.9g", text, i, j, is, w[i]);
            }
        }
        assert_int_equal(entries, rows.entries);
        assert_true(cases[c].positive ? negative == 0 : negative > 10);
        assert_true(cases[c].l1 > 1e3 ? entries == 0 : entries > 50);
        recs__trained_clear(&trained, &made.training.host);
    }
    made_training_free(&made);
}

/* At most `candidates` items speak for one, at most k are spoken for by one. */
static void test_limits_of_columns_and_rows(void **state) {
    (void)state;
    made_training made;
    uint32_t spoken[ITEMS] = {0}, most = 0;
    made_training_random(&made, USERS, ITEMS, 8, false, 32, NULL);
    recs__trained whole_of = train_ok(&made, "slim(l2=5, candidates=7, k=100)");
    recs__trained cut_of = train_ok(&made, "slim(l2=5, candidates=7, k=4)");
    recs__csr whole = rows_of(&whole_of, ITEMS), cut = rows_of(&cut_of, ITEMS);
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint64_t count = whole.offsets[i + 1] - whole.offsets[i];
        double least = INFINITY, left_out = 0.0;
        assert_int_equal(cut.offsets[i + 1] - cut.offsets[i], count < 4 ? count : 4);
        for (uint64_t e = whole.offsets[i]; e < whole.offsets[i + 1]; e++) {
            double kept = weight(&cut, i, whole.columns[e]), had = (double)whole.values[e];
            assert_true(whole.columns[e] != i);
            assert_true(kept == 0.0 || kept == had);
            least = kept > 0.0 && kept < least ? kept : least;
            left_out = kept == 0.0 && had > left_out ? had : left_out;
            spoken[whole.columns[e]]++;
        }
        assert_true(left_out <= least);
    }
    for (uint32_t j = 0; j < ITEMS; j++)
        most = spoken[j] > most ? spoken[j] : most;
    assert_true(most <= 7 && most >= 5);
    recs__trained_clear(&whole_of, &made.training.host);
    recs__trained_clear(&cut_of, &made.training.host);
    made_training_free(&made);
}

static void test_same_bytes_for_any_threads_and_kernels(void **state) {
    (void)state;
    static const char text[] = "slim(l2=10, candidates=50)";
    made_training made;
    const recs__kernels *table;
    made_training_random(&made, 500, 1200, 15, true, 13, NULL);
    recs__trained first = train_ok(&made, text);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        recs_pool *pool;
        assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
        made.training.host.run = recs_pool_run;
        made.training.host.executor_data = pool;
        for (size_t t = 0; (table = recs__kernels_at(t)) != NULL; t++) {
            if (threads > 1 && t > 0)
                continue;
            recs__kernels_force(table);
            recs__trained again = train_ok(&made, text);
            assert_true(made_training_equal(&first, &again));
            recs__trained_clear(&again, &made.training.host);
        }
        recs_pool_destroy(pool);
    }
    recs__kernels_force(NULL);
    recs__trained_clear(&first, &made.training.host);
    made_training_free(&made);
}

static void told(void *data, int32_t level, const char *text) {
    (void)level;
    snprintf(data, 300, "%s", text);
}

/* What did not come to rest is said, and is no error. */
static void test_convergence_is_told(void **state) {
    (void)state;
    char line[300] = "";
    made_training made;
    made_training_random(&made, USERS, ITEMS, 6, false, 33, NULL);
    made.training.host.log = told;
    made.training.host.log_data = line;
    recs__trained trained = train_ok(&made, "slim(l2=1, iterations=1, tolerance=1e-7)");
    assert_non_null(strstr(line, "slim: "));
    assert_null(strstr(line, " 0 items had not"));
    recs__trained_clear(&trained, &made.training.host);
    trained = train_ok(&made, "slim(l2=1, iterations=10000, tolerance=0.1)");
    assert_non_null(strstr(line, " 0 items had not"));
    recs__trained_clear(&trained, &made.training.host);
    made_training_free(&made);
}

static void test_values_too_large(void **state) {
    (void)state;
    made_training made;
    recs__trained trained;
    recs_error error = {0};
    made_training_random(&made, USERS, ITEMS, 6, false, 34, NULL);
    for (uint64_t e = 0; e < made.by_user.entries; e++)
        made.by_user.values[e] = 1e30f;
    recs_status status = made_training_train(&made, "slim", 1, &trained, &error);
    if (status == RECS_OK) { /* no pair is left that could be told apart */
        recs__csr rows = rows_of(&trained, ITEMS);
        for (uint64_t e = 0; e < rows.entries; e++)
            assert_true(isfinite(rows.values[e]));
    } else {
        assert_int_equal(status, RECS_ERR_NUMERIC);
        assert_non_null(strstr(error.text, "not finite"));
    }
    recs__trained_clear(&trained, &made.training.host);
    made_training_free(&made);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        made_training made;
        recs__trained trained;
        recs_error error = {0};
        fault_off(&faults);
        made_training_random(&made, 60, 50, 4, true, 2, &faults.host);
        fault_on(&faults);
        recs_status status = made_training_train(&made, "slim(candidates=9)", 1, &trained, &error);
        fault_off(&faults);
        if (!fault_passed(&faults, status, &error))
            assert_int_equal(trained.section_count, 0);
        recs__trained_clear(&trained, &made.training.host);
        made_training_free(&made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_dense_descent),
        cmocka_unit_test(test_limits_of_columns_and_rows),
        cmocka_unit_test(test_same_bytes_for_any_threads_and_kernels),
        cmocka_unit_test(test_convergence_is_told),
        cmocka_unit_test(test_values_too_large),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
