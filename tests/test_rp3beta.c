/* test_rp3beta.c - walks of three steps beside dense matrices multiplied by
 * the book; normalisation, the cut of columns, long units, threads, memory. */
#include "base/memory.h"
#include "kernels/kernels.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct walk_settings {
    double alpha, beta;
    bool implicit, normalize;
    double longest;
} walk_settings;

static const walk_settings cases[] = {
    {1, 0, true, false, 1e9},    {1, 0.6, true, false, 1e9},   {0.5664, 0.0011, true, true, 1e9},
    {0, 0, false, true, 1e9},    {1.087, 0.3, false, true, 1e9}, {0.7, 2, false, false, 1e9},
    {0.7, 0.2, false, true, 7},  {4, 4, true, true, 1e9},
};
enum { CASES = sizeof cases / sizeof *cases };

/* [items][items]: the transition matrices to their powers, multiplied. */
static double *reference(const made_training *made, const walk_settings *s) {
    const recs__csr *units = &made->training.units;
    size_t users = units->rows, items = made->training.items;
    double *x = calloc(users * items, sizeof *x), *w = calloc(items * items, sizeof *w);
    double *n = calloc(items, sizeof *n);
    for (uint32_t u = 0; u < users; u++) {
        uint64_t at;
        size_t count = recs__csr_row(units, u, &at), positive = 0;
        for (size_t e = 0; e < count; e++)
            positive += units->values[at + e] > 0.0f;
        for (size_t e = 0; e < count && (double)positive <= s->longest; e++)
            if (units->values[at + e] > 0.0f) {
                x[u * items + units->columns[at + e]] =
                    s->implicit ? 1.0 : (double)units->values[at + e];
                n[units->columns[at + e]] += 1.0;
            }
    }
    for (size_t u = 0; u < users; u++) {
        double sum = 0.0;
        for (size_t i = 0; i < items; i++)
            sum += x[u * items + i];
        for (size_t i = 0; i < items; i++)
            for (size_t j = 0; j < items; j++)
                if (i != j && x[u * items + i] > 0.0 && x[u * items + j] > 0.0)
                    w[i * items + j] += pow(1.0 / n[i], s->alpha) *
                                        pow(x[u * items + j] / sum, s->alpha) *
                                        pow(n[j], -s->beta);
    }
    for (size_t i = 0; i < items && s->normalize; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < items; j++)
            sum += w[i * items + j];
        for (size_t j = 0; j < items && sum > 0.0; j++)
            w[i * items + j] /= sum;
    }
    free(x);
    free(n);
    return w;
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
    assert_int_equal(size, rows.entries * sizeof *rows.values);
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

static void describe(const walk_settings *s, unsigned k, unsigned column_k, char text[300]) {
    char beta[40] = "";
    if (s->beta != 0.0)
        snprintf(beta, sizeof beta, "beta=%.9g, ", s->beta);
    snprintf(text, 300,
             "%s(alpha=%.9g, %sk=%u, column_k=%u, normalize=%s, implicit=%s, longest=%.0f)",
             s->beta != 0.0 ? "rp3beta" : "p3alpha", s->alpha, beta, k, column_k,
             s->normalize ? "yes" : "no", s->implicit ? "yes" : "no",
             s->longest > 4e9 ? 4e9 : s->longest);
}

static void test_agrees_with_the_formulas(void **state) {
    (void)state;
    made_training made;
    char text[300];
    made_training_random(&made, 90, 60, 6, true, 21, NULL);
    for (size_t c = 0; c < CASES; c++) {
        double *expected = reference(&made, &cases[c]);
        size_t pairs = 0;
        describe(&cases[c], 1000, 0, text);
        recs__trained trained = train_ok(&made, text);
        recs__csr rows = rows_of(&trained, 60);
        for (uint32_t i = 0; i < 60; i++)
            for (uint32_t j = 0; j < 60; j++) {
                double is = weight(&rows, i, j), should = expected[i * 60 + j];
                pairs += should > 0.0;
                if (!(fabs(is - should) <= 2e-5 * fabs(should)))
                    fail_msg("%s: [%u][%u] is %.9g, expected %.9g", text, i, j, is, should);
            }
        assert_int_equal(rows.entries, pairs);
        assert_true(pairs > 300);
        free(expected);
        recs__trained_clear(&trained, &made.training.host);
    }
    made_training_free(&made);
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : -(x > y);
}

/* Rows keep their k largest and then sum to one; columns their column_k. */
static void test_cuts(void **state) {
    (void)state;
    enum { ITEMS = 60, K = 9, COLUMN_K = 5 };
    made_training made;
    char text[300];
    made_training_random(&made, 90, ITEMS, 6, true, 22, NULL);
    describe(&cases[1], 1000, 0, text);
    recs__trained all_of = train_ok(&made, text);
    walk_settings with = cases[1];
    with.normalize = true;
    describe(&with, K, 0, text);
    recs__trained cut_of = train_ok(&made, text);
    describe(&with, K, COLUMN_K, text);
    recs__trained both_of = train_ok(&made, text);
    recs__csr all = rows_of(&all_of, ITEMS), cut = rows_of(&cut_of, ITEMS);
    recs__csr both = rows_of(&both_of, ITEMS);
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint64_t count = all.offsets[i + 1] - all.offsets[i];
        double values[ITEMS], sum = 0.0, kept = 0.0;
        for (uint64_t e = 0; e < count; e++)
            values[e] = (double)all.values[all.offsets[i] + e];
        qsort(values, (size_t)count, sizeof *values, falling);
        for (uint64_t e = 0; e < count && e < K; e++)
            kept += values[e];
        assert_int_equal(cut.offsets[i + 1] - cut.offsets[i], count < K ? count : K);
        for (uint64_t e = cut.offsets[i]; e < cut.offsets[i + 1]; e++) {
            double was = weight(&all, i, cut.columns[e]);
            assert_true(was >= values[(count < K ? count : K) - 1]);
            assert_true(fabs((double)cut.values[e] - was / kept) <= 1e-5);
            sum += (double)cut.values[e];
        }
        assert_true(count == 0 || fabs(sum - 1.0) < 1e-5);
    }
    for (uint32_t j = 0; j < ITEMS; j++) {
        size_t before = 0, after = 0;
        double least = INFINITY, left_out = 0.0;
        for (uint32_t i = 0; i < ITEMS; i++) {
            double had = weight(&cut, i, j), has = weight(&both, i, j);
            assert_true(has == 0.0 || has == had);
            before += had > 0.0;
            after += has > 0.0;
            least = has > 0.0 && has < least ? has : least;
            left_out = has == 0.0 && had > left_out ? had : left_out;
        }
        assert_int_equal(after, before < COLUMN_K ? before : COLUMN_K);
        assert_true(left_out <= least);
    }
    recs__trained_clear(&all_of, &made.training.host);
    recs__trained_clear(&cut_of, &made.training.host);
    recs__trained_clear(&both_of, &made.training.host);
    made_training_free(&made);
}

static void test_same_bytes_for_any_threads_and_kernels(void **state) {
    (void)state;
    static const char text[] = "rp3beta(k=70, column_k=40)";
    made_training made;
    const recs__kernels *table;
    made_training_random(&made, 900, 3000, 40, true, 13, NULL);
    recs__trained first = train_ok(&made, text);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        recs_pool *pool;
        assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
        made.training.host.run = recs_pool_run;
        made.training.host.executor_data = pool;
        for (size_t t = 0; (table = recs__kernels_at(t)) != NULL; t++) {
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

static void test_nothing_and_next_to_nothing(void **state) {
    (void)state;
    static const made_entry one[] = {{0, 1, 2}, {1, 1, 0}, {1, 2, -1}};
    for (int some = 0; some < 2; some++) {
        made_training made;
        made_training_make(&made, some ? 2 : 0, some ? 4 : 0, one, some ? 3 : 0, NULL);
        recs__trained trained = train_ok(&made, "rp3beta(column_k=3)");
        assert_int_equal(rows_of(&trained, some ? 4 : 0).entries, 0);
        assert_int_equal(trained.items_trained, some);
        recs__trained_clear(&trained, &made.training.host);
        made_training_free(&made);
    }
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
        recs_status status =
            made_training_train(&made, "rp3beta(k=5, column_k=3)", 1, &trained, &error);
        fault_off(&faults);
        if (!fault_passed(&faults, status, &error))
            assert_int_equal(trained.section_count, 0);
        recs__trained_clear(&trained, &made.training.host);
        made_training_free(&made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_formulas),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_same_bytes_for_any_threads_and_kernels),
        cmocka_unit_test(test_nothing_and_next_to_nothing),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
