/* test_itemknn.c - every similarity against a brute-force reference in double
 * by the formulas in itemknn.c's head; top-k, ties, long units, threads. */
#include "base/memory.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct neighbours {
    recs__trained trained;
    recs__csr rows;
} neighbours;

static recs_status train(const made_training *made, const char *text, neighbours *out,
                         recs_error *error) {
    size_t size;
    recs_status status = made_training_train(made, text, 1, &out->trained, error);
    memset(&out->rows, 0, sizeof out->rows);
    if (status)
        return status;
    out->rows.offsets = made_training_section(&out->trained, RECS_SECTION_NEIGHBOR_OFFSETS, &size);
    assert_int_equal(size, ((size_t)made->training.items + 1) * sizeof(uint64_t));
    out->rows.columns = made_training_section(&out->trained, RECS_SECTION_NEIGHBOR_ITEMS, &size);
    out->rows.entries = size / sizeof(uint32_t);
    out->rows.values = made_training_section(&out->trained, RECS_SECTION_NEIGHBOR_VALUES, &size);
    assert_int_equal(size / sizeof(float), out->rows.entries);
    out->rows.rows = out->rows.column_count = made->training.items;
    assert_int_equal(out->rows.offsets[out->rows.rows], out->rows.entries);
    return RECS_OK;
}

static void train_ok(const made_training *made, const char *text, neighbours *out) {
    recs_error error = {0};
    if (train(made, text, out, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
}

static void drop(neighbours *n, const made_training *made) {
    recs__trained_clear(&n->trained, &made->training.host);
}

/* W[i][j], 0 when they are no neighbours. */
static float weight(const neighbours *n, uint32_t i, uint32_t j) {
    uint64_t at;
    size_t count = recs__csr_row(&n->rows, i, &at);
    for (size_t e = 0; e < count; e++)
        if (n->rows.columns[at + e] == j)
            return n->rows.values[at + e];
    return 0.0f;
}

/* ---- the reference ---------------------------------------------------------------------- */

typedef struct settings {
    const char *similarity;
    double shrinkage, asymmetry, exponent, k1, b, longest;
} settings;

/* Dense [items][items] of all similarities, by the book. */
static double *reference(const made_training *made, const settings *s) {
    const recs__csr *units = &made->training.units;
    uint32_t items = made->training.items;
    double *w = calloc((size_t)items * items, sizeof *w), *n = calloc(items, sizeof *n);
    double *mass = calloc(items, sizeof *mass), total = 0.0;
    double *x = calloc((size_t)units->rows * items, sizeof *x);
    double *degree = calloc(units->rows, sizeof *degree);
    bool jaccard = strcmp(s->similarity, "jaccard") == 0, bm25 = strcmp(s->similarity, "bm25") == 0;

    for (uint32_t u = 0; u < units->rows; u++) {
        uint64_t at;
        size_t count = recs__csr_row(units, u, &at);
        for (size_t e = 0; e < count; e++)
            degree[u] += units->values[at + e] > 0.0f;
        if (degree[u] > s->longest)
            continue;
        for (size_t e = 0; e < count; e++)
            if (units->values[at + e] > 0.0f) {
                x[u * items + units->columns[at + e]] = (double)units->values[at + e];
                mass[units->columns[at + e]] += (double)units->values[at + e];
                total += (double)units->values[at + e];
            }
    }
    for (uint32_t u = 0; u < units->rows; u++)
        for (uint32_t i = 0; i < items; i++) {
            double *v = &x[u * items + i];
            double idf = fmax(0.0, log((double)items / (1.0 + degree[u])));
            if (*v == 0.0)
                continue;
            if (jaccard)
                *v = 1.0;
            else if (bm25)
                *v = *v * (s->k1 + 1) /
                     (s->k1 * (1 - s->b + s->b * mass[i] / (total / items)) + *v) * idf;
            else if (strcmp(s->similarity, "tfidf") == 0)
                *v = sqrt(*v) * idf;
            n[i] += *v * *v;
        }
    for (uint32_t i = 0; i < items; i++)
        for (uint32_t j = 0; j < items; j++) {
            double c = 0.0;
            for (uint32_t u = 0; u < units->rows; u++)
                if (degree[u] > 0.0)
                    c += x[u * items + i] * x[u * items + j] *
                         (jaccard ? 1.0 : pow(degree[u], -s->exponent));
            double below = jaccard ? n[i] + n[j] - c
                           : bm25  ? 1.0
                                   : pow(n[i], s->asymmetry) * pow(n[j], 1.0 - s->asymmetry);
            w[(size_t)i * items + j] = i == j || c == 0.0 ? 0.0 : c / (below + s->shrinkage);
        }
    free(n);
    free(mass);
    free(x);
    free(degree);
    return w;
}

static const settings cases[] = {
    {"cosine", 0, 0.5, 0, 1.2, 0.75, 1e9},    {"cosine", 3, 0.75, 0.7, 1.2, 0.75, 1e9},
    {"cosine", 0, 0, 1, 1.2, 0.75, 1e9},      {"cosine", 0, 1, 2, 1.2, 0.75, 1e9},
    {"tfidf", 0, 0.5, 0, 1.2, 0.75, 1e9},     {"tfidf", 2.5, 0.6, 0.5, 1.2, 0.75, 1e9},
    {"bm25", 0, 0.5, 0, 1.2, 0.75, 1e9},      {"bm25", 0, 0.5, 0.5, 0, 1, 1e9},
    {"bm25", 0, 0.5, 0.25, 100, 0, 1e9},      {"jaccard", 0, 0.5, 0.7, 1.2, 0.75, 1e9},
    {"jaccard", 4, 0.5, 0, 1.2, 0.75, 1e9},   {"cosine", 0, 0.75, 0.7, 1.2, 0.75, 7},
};

static void describe(const settings *s, int k, char text[300]) {
    snprintf(text, 300,
             "itemknn(similarity=%s, k=%d, shrinkage=%.9g, asymmetry=%.9g, user_exponent=%.9g, "
             "k1=%.9g, b=%.9g, longest=%.0f)",
             s->similarity, k, s->shrinkage, s->asymmetry, s->exponent, s->k1, s->b, s->longest);
}

static void test_agrees_with_the_formulas(void **state) {
    (void)state;
    made_training made;
    made_training_random(&made, 90, 70, 6, true, 11, NULL);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char text[300];
        neighbours got;
        double *expected = reference(&made, &cases[c]);
        describe(&cases[c], 1000, text);
        train_ok(&made, text, &got);
        size_t pairs = 0;
        for (uint32_t i = 0; i < 70; i++)
            for (uint32_t j = 0; j < 70; j++) {
                double is = (double)weight(&got, i, j), should = expected[i * 70 + j];
                pairs += should > 0.0;
                if (!(fabs(is - should) <= 2e-5 * fabs(should)))
                    fail_msg("%s: [%u][%u] is %.9g, expected %.9g", text, i, j, is, should);
            }
        assert_int_equal(got.rows.entries, pairs);
        assert_true(pairs > 300);
        free(expected);
        drop(&got, &made);
    }
    made_training_free(&made);
}

static void test_keeps_the_largest(void **state) {
    (void)state;
    static const int ks[] = {1, 2, 7, 19, 20};
    made_training made;
    made_training_random(&made, 200, 120, 9, false, 12, NULL);
    neighbours all;
    char text[300];
    describe(&cases[1], 100000, text);
    train_ok(&made, text, &all);
    for (size_t c = 0; c < sizeof ks / sizeof *ks; c++) {
        neighbours got;
        describe(&cases[1], ks[c], text);
        train_ok(&made, text, &got);
        for (uint32_t i = 0; i < 120; i++) {
            uint64_t at, all_at;
            size_t count = recs__csr_row(&got.rows, i, &at);
            size_t most = recs__csr_row(&all.rows, i, &all_at);
            assert_int_equal(count, most < (size_t)ks[c] ? most : (size_t)ks[c]);
            float least = INFINITY;
            for (size_t e = 0; e < count; e++) {
                if (e)
                    assert_true(got.rows.columns[at + e] > got.rows.columns[at + e - 1]);
                float value = got.rows.values[at + e];
                assert_true(value == weight(&all, i, got.rows.columns[at + e]));
                least = value < least ? value : least;
            }
            for (size_t e = 0; e < most; e++) /* what was left out is not above what was kept */
                if (weight(&got, i, all.rows.columns[all_at + e]) == 0.0f)
                    assert_true(all.rows.values[all_at + e] <= least);
        }
        drop(&got, &made);
    }
    drop(&all, &made);
    made_training_free(&made);
}

/* All items of one user are equally similar: the lower rows stay. */
static void test_ties_keep_lower_rows(void **state) {
    (void)state;
    made_entry entries[50];
    made_training made;
    neighbours got;
    for (uint32_t i = 0; i < 50; i++)
        entries[i] = (made_entry){0, i, 1.0f};
    made_training_make(&made, 1, 50, entries, 50, NULL);
    train_ok(&made, "itemknn(k=3)", &got);
    for (uint32_t i = 0; i < 50; i++) {
        uint64_t at;
        assert_int_equal(recs__csr_row(&got.rows, i, &at), 3);
        for (uint32_t e = 0; e < 3; e++)
            assert_int_equal(got.rows.columns[at + e], i <= 3 && e >= i ? e + 1 : e);
    }
    drop(&got, &made);
    made_training_free(&made);
}

static void test_long_units_are_left_out(void **state) {
    (void)state;
    static const made_entry entries[] = {{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {1, 1, 1}, {1, 2, 1},
                                         {2, 1, 1}, {2, 2, -1}, {2, 3, 1}};
    made_training made;
    neighbours got;
    made_training_make(&made, 3, 5, entries, 8, NULL);
    train_ok(&made, "itemknn(longest=2)", &got);
    assert_true(weight(&got, 0, 1) > 0.0f);
    assert_true(weight(&got, 0, 2) == 0.0f);
    assert_true(weight(&got, 1, 3) > 0.0f);  /* the dislike does not count as length */
    assert_true(weight(&got, 1, 2) == 0.0f); /* nor as evidence */
    assert_int_equal(got.trained.items_trained, 3);
    drop(&got, &made);
    made_training_free(&made);
}

static void test_same_bytes_for_any_threads(void **state) {
    (void)state;
    made_training made;
    neighbours first, again;
    made_training_random(&made, 600, 5000, 12, true, 13, NULL);
    train_ok(&made, "itemknn(k=9)", &first);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        recs_pool *pool;
        assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
        made.training.host.run = recs_pool_run;
        made.training.host.executor_data = pool;
        train_ok(&made, "itemknn(k=9)", &again);
        assert_true(made_training_equal(&first.trained, &again.trained));
        drop(&again, &made);
        recs_pool_destroy(pool);
    }
    drop(&first, &made);
    made_training_free(&made);
}

static void test_empty(void **state) {
    (void)state;
    static const uint32_t users[] = {0, 3, 0}, items[] = {4, 0, 0};
    for (size_t i = 0; i < 3; i++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            made_training made;
            neighbours got;
            char text[300];
            made_training_make(&made, users[i], items[i], NULL, 0, NULL);
            describe(&cases[c], 5, text);
            train_ok(&made, text, &got);
            assert_int_equal(got.rows.entries, 0);
            assert_int_equal(got.trained.items_trained, 0);
            drop(&got, &made);
            made_training_free(&made);
        }
}

/* Values as large and as small as a float goes: finite weights only. */
static void test_extreme_values(void **state) {
    (void)state;
    static const float values[] = {FLT_MAX, 1e30f, FLT_MIN, 1e-45f};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            made_training made;
            neighbours got;
            char text[300];
            made_training_random(&made, 60, 40, 5, true, 14, NULL);
            for (uint64_t e = 0; e < made.by_user.entries; e += 2)
                made.by_user.values[e] = values[v];
            describe(&cases[c], 10, text);
            train_ok(&made, text, &got);
            for (uint64_t e = 0; e < got.rows.entries; e++)
                assert_true(isfinite(got.rows.values[e]) && got.rows.values[e] > 0.0f);
            drop(&got, &made);
            made_training_free(&made);
        }
}

static void test_settings_that_contradict(void **state) {
    (void)state;
    made_training made;
    neighbours got;
    recs_error error = {0};
    made_training_random(&made, 10, 10, 3, false, 1, NULL);
    assert_int_equal(train(&made, "itemknn(similarity=bm25, shrinkage=5)", &got, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "shrinkage=5"));
    made_training_free(&made);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    assert_string_equal(stage, "itemknn items");
    assert_true(done <= total);
    ++*(int *)data;
    return 1;
}

static void test_cancel(void **state) {
    (void)state;
    fault_host faults;
    recs__description *description = malloc(sizeof *description);
    recs__trained trained = {0};
    recs__progress progress;
    recs_error error = {0};
    made_training made;
    int calls = 0;
    fault_host_init(&faults);
    made_training_random(&made, 300, 40, 5, false, 3, &faults.host);
    assert_int_equal(recs__description_parse(description, "itemknn", NULL), RECS_OK);
    recs__progress_init(&progress, stop, &calls, &made.training.host);
    recs__train_job job = {&made.training, &description->specs[0], 1, true, &progress, 0, NULL,
                               NULL, 0};
    assert_int_equal(recs__trainer_itemknn.train(&job, &trained, &error), RECS_ERR_CANCELLED);
    assert_int_equal(calls, 1);
    free(description);
    made_training_free(&made);
    fault_host_done(&faults);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        made_training made;
        neighbours got;
        recs_error error = {0};
        fault_off(&faults);
        made_training_random(&made, 150, 200, 4, true, 2, &faults.host);
        fault_on(&faults);
        recs_status status = train(&made, "itemknn(k=5)", &got, &error);
        fault_off(&faults);
        if (!fault_passed(&faults, status, &error))
            assert_int_equal(got.trained.section_count, 0);
        drop(&got, &made);
        made_training_free(&made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_formulas),
        cmocka_unit_test(test_keeps_the_largest),
        cmocka_unit_test(test_ties_keep_lower_rows),
        cmocka_unit_test(test_long_units_are_left_out),
        cmocka_unit_test(test_same_bytes_for_any_threads),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_extreme_values),
        cmocka_unit_test(test_settings_that_contradict),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
