/* test_ease.c - both ways against regressions done by the book in double;
 * pruning, weights of units, memory, signs, executors, cancelling. */
#include "train/ease.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "model/format.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"
#include "train/linalg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct rows {
    recs__trained trained;
    recs__csr w;
} rows;

static recs_status train(const made_training *made, const char *text, rows *out,
                         recs_error *error) {
    size_t size;
    recs_status status = made_training_train(made, text, 1, &out->trained, error);
    memset(&out->w, 0, sizeof out->w);
    if (status)
        return status;
    out->w.offsets = made_training_section(&out->trained, RECS_SECTION_NEIGHBOR_OFFSETS, &size);
    assert_int_equal(size, ((size_t)made->training.items + 1) * sizeof(uint64_t));
    out->w.columns = made_training_section(&out->trained, RECS_SECTION_NEIGHBOR_ITEMS, &size);
    out->w.entries = size / sizeof(uint32_t);
    out->w.values = made_training_section(&out->trained, RECS_SECTION_NEIGHBOR_VALUES, &size);
    assert_int_equal(size / sizeof(float), out->w.entries);
    out->w.rows = out->w.column_count = made->training.items;
    assert_int_equal(out->w.offsets[out->w.rows], out->w.entries);
    return RECS_OK;
}

static void train_ok(const made_training *made, const char *text, rows *out) {
    recs_error error = {0};
    if (train(made, text, out, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
}

static void drop(rows *r, const made_training *made) {
    recs__trained_clear(&r->trained, &made->training.host);
}

static float weight(const rows *r, uint32_t i, uint32_t j) {
    uint64_t at;
    size_t count = recs__csr_row(&r->w, i, &at);
    for (size_t e = 0; e < count; e++)
        if (r->w.columns[at + e] == j)
            return r->w.values[at + e];
    return 0.0f;
}

/* ---- by the book --------------------------------------------------------------------------- */

/* G = X^T D X over positive values. */
static double *gram_of(const made_training *made, double exponent, double longest) {
    const recs__csr *units = &made->training.units;
    uint32_t items = made->training.items;
    double *g = calloc((size_t)items * items, sizeof *g);
    for (uint32_t u = 0; u < units->rows; u++) {
        uint64_t at;
        size_t count = recs__csr_row(units, u, &at), positive = 0;
        for (size_t e = 0; e < count; e++)
            positive += units->values[at + e] > 0.0f;
        if (positive == 0 || (double)positive > longest)
            continue;
        for (size_t a = at; a < at + count; a++)
            for (size_t b = at; b < at + count; b++)
                if (units->values[a] > 0.0f && units->values[b] > 0.0f)
                    g[(size_t)units->columns[a] * items + units->columns[b]] +=
                        (double)units->values[a] * (double)units->values[b] *
                        pow((double)positive, -exponent);
    }
    return g;
}

/* x = (a + lambda I)^-1 b of n by elimination. */
static void solve(double *a, double *b, size_t n, double lambda) {
    for (size_t i = 0; i < n; i++)
        a[i * n + i] += lambda;
    for (size_t c = 0; c < n; c++)
        for (size_t r = c + 1; r < n; r++) {
            double times = a[r * n + c] / a[c * n + c];
            for (size_t j = c; j < n; j++)
                a[r * n + j] -= times * a[c * n + j];
            b[r] -= times * b[c];
        }
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++)
            b[i] -= a[i * n + j] * b[j];
        b[i] /= a[i * n + i];
    }
}

/* Column j of W: item j regressed on the items where use[i], the others 0. */
static void regress(const double *g, size_t items, size_t j, const bool *use, double lambda,
                    double *w) {
    size_t *at = malloc(items * sizeof *at), n = 0;
    double *a = malloc(items * items * sizeof *a), *b = malloc(items * sizeof *b);
    for (size_t i = 0; i < items; i++) {
        w[i] = 0.0;
        if (use[i] && i != j)
            at[n++] = i;
    }
    for (size_t r = 0; r < n; r++) {
        b[r] = g[at[r] * items + j];
        for (size_t c = 0; c < n; c++)
            a[r * n + c] = g[at[r] * items + at[c]];
    }
    solve(a, b, n, lambda);
    for (size_t r = 0; r < n; r++)
        w[at[r]] = b[r];
    free(at);
    free(a);
    free(b);
}

/* Dense [items][items] W; m: candidates of the sparse way, items: all. */
static double *reference(const double *g, size_t items, double lambda, size_t m) {
    double *w = calloc(items * items, sizeof *w), *column = malloc(items * sizeof *column);
    bool *use = malloc(items * sizeof *use);
    for (size_t j = 0; j < items; j++) {
        for (size_t i = 0; i < items; i++) {
            size_t before = 0;
            float mine = g[i * items + i] > 0.0
                             ? (float)(g[i * items + j] / sqrt(g[i * items + i])) : 0.0f;
            for (size_t o = 0; o < items && m < items; o++) {
                float other = g[o * items + o] > 0.0
                                  ? (float)(g[o * items + j] / sqrt(g[o * items + o])) : 0.0f;
                before += o != j && o != i &&
                          (other > mine * (1.0f + 1e-6f) || (o < i && other >= mine * (1.0f - 1e-6f)));
            }
            use[i] = m >= items || (before < m && mine > 0.0f);
        }
        regress(g, items, j, use, lambda, column);
        for (size_t i = 0; i < items; i++)
            w[i * items + j] = column[i];
    }
    free(column);
    free(use);
    return w;
}

static void check(const made_training *made, const char *text, const double *expected,
                  double tolerance) {
    rows got;
    size_t items = made->training.items;
    train_ok(made, text, &got);
    for (uint32_t i = 0; i < items; i++)
        for (uint32_t j = 0; j < items; j++) {
            double e = expected[i * items + j], w = (double)weight(&got, i, j);
            if (!(fabs(w - e) <= tolerance))
                fail_msg("%s: (%u, %u) is %g, expected %g", text, i, j, w, e);
        }
    assert_int_equal(got.trained.kind, RECS__KIND_ITEMS);
    drop(&got, made);
}

static void test_dense_is_the_regression(void **state) {
    (void)state;
    made_training made;
    char text[200];
    made_training_random(&made, 150, 60, 7, true, 11, NULL);
    static const double cases[][3] = {{5, 0, 1e9}, {50, 0.5, 1e9}, {0.5, 1, 1e9}, {2, 0, 9}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double *g = gram_of(&made, cases[c][1], cases[c][2]);
        double *expected = reference(g, 60, cases[c][0], 60);
        snprintf(text, sizeof text,
                 "ease(method=dense, k=1000, regularization=%g, user_exponent=%g, longest=%.0f)",
                 cases[c][0], cases[c][1], cases[c][2]);
        check(&made, text, expected, 2e-5);
        free(expected);
        expected = reference(g, 60, cases[c][0], 59); /* those that share anything with it */
        snprintf(text, sizeof text,
                 "ease(method=sparse, candidates=60, k=1000, regularization=%g, user_exponent=%g, "
                 "longest=%.0f)",
                 cases[c][0], cases[c][1], cases[c][2]);
        check(&made, text, expected, 2e-5);
        free(expected);
        free(g);
    }
    made_training_free(&made);
}

static void test_sparse_regresses_on_the_most_alike(void **state) {
    (void)state;
    made_training made;
    char text[200];
    made_training_random(&made, 200, 80, 8, true, 12, NULL);
    for (size_t m = 1; m <= 40; m = 3 * m + 2) {
        double *g = gram_of(&made, 0.5, 1e9), *expected = reference(g, 80, 3.0, m);
        snprintf(text, sizeof text,
                 "ease(method=sparse, candidates=%zu, k=1000, regularization=3, user_exponent=0.5)",
                 m);
        check(&made, text, expected, 2e-5);
        free(expected);
        free(g);
    }
    made_training_free(&made);
}

static void test_popular_items_are_held_back(void **state) {
    (void)state;
    made_training made;
    made_training_random(&made, 150, 60, 7, false, 17, NULL);
    double *g = gram_of(&made, 0.5, 1e9);
    double *units = calloc(60, sizeof *units);
    for (uint64_t e = 0; e < made.training.units.entries; e++)
        units[made.training.units.columns[e]]++;
    for (unsigned way = 0; way < 2; way++) {
        double *expected = reference(g, 60, 4.0, way == 0 ? 60 : 59);
        for (size_t i = 0; i < 60; i++)
            for (size_t j = 0; j < 60; j++)
                expected[i * 60 + j] *= pow(fmax(units[i], 1.0), -0.25) *
                                        pow(fmax(units[j], 1.0), -0.75);
        check(&made,
              way == 0 ? "ease(method=dense, k=100, regularization=4, user_exponent=0.5, "
                         "history_exponent=0.25, target_exponent=0.75)"
                       : "ease(method=sparse, k=100, regularization=4, user_exponent=0.5, "
                         "history_exponent=0.25, target_exponent=0.75)",
              expected, 2e-5);
        free(expected);
    }
    free(units);
    free(g);
    made_training_free(&made);
}

/* ---- pruning --------------------------------------------------------------------------------- */

static void test_the_largest_are_kept(void **state) {
    (void)state;
    made_training made;
    rows all, few;
    made_training_random(&made, 150, 300, 12, false, 13, NULL);
    train_ok(&made, "ease(method=dense, k=1000, regularization=2, user_exponent=0)", &all);
    train_ok(&made, "ease(method=dense, k=20, regularization=2, user_exponent=0)", &few);
    size_t negative = 0;
    for (uint32_t i = 0; i < 300; i++) {
        uint64_t at;
        size_t count = recs__csr_row(&few.w, i, &at);
        float least = INFINITY;
        assert_true(count <= 20);
        for (size_t e = 0; e < count; e++) {
            assert_true(few.w.values[at + e] == weight(&all, i, few.w.columns[at + e]));
            assert_true(few.w.columns[at + e] != i);
            least = fminf(least, fabsf(few.w.values[at + e]));
            negative += few.w.values[at + e] < 0.0f;
        }
        size_t count_all = recs__csr_row(&all.w, i, &at), above = 0;
        for (size_t e = 0; e < count_all; e++)
            above += fabsf(all.w.values[at + e]) > least;
        assert_true(above < 20);
    }
    assert_true(negative > 0);
    drop(&all, &made);
    drop(&few, &made);
    made_training_free(&made);
}

/* ---- which way --------------------------------------------------------------------------------- */

static void test_auto_takes_what_fits(void **state) {
    (void)state;
    made_training made;
    recs__trained trained;
    recs_error error = {0};
    recs__description description;
    recs__progress quiet;
    made_training_random(&made, 100, 900, 6, false, 14, NULL);
    recs__progress_init(&quiet, NULL, NULL, &made.training.host);
    uint64_t dense = recs__ease_dense_bytes(900, 200);
    static const char *const texts[] = {"ease", "ease(method=dense)", "ease(method=sparse)"};
    for (unsigned t = 0; t < 3; t++)
        for (unsigned fits = 0; fits < 2; fits++) {
            assert_int_equal(recs__description_parse(&description, texts[t], &error), RECS_OK);
            const recs__spec *spec = &description.specs[0];
            recs__train_job job = {&made.training, spec, 1, true, &quiet,
                                   fits ? dense : dense - 1, NULL, NULL, 0};
            memset(&trained, 0, sizeof trained);
            recs_status status = recs__trainer_ease.train(&job, &trained, &error);
            if (t == 1 && !fits) {
                assert_int_equal(status, RECS_ERR_LIMIT);
                assert_non_null(strstr(error.text, "ease: the matrix of 900 items (method=sparse "
                                                   "takes less) needs "));
                assert_int_equal(trained.section_count, 0);
                continue;
            }
            assert_int_equal(status, RECS_OK);
            assert_string_equal(spec->trainer->settings[trained.resolved - 1].name, "method");
            assert_true(trained.resolved_value == (t == 2 || !fits ? 2.0 : 1.0));
            recs__trained_clear(&trained, &made.training.host);
        }
    recs__train_job small = {&made.training, &description.specs[0], 1, true, &quiet, 10000, NULL, NULL, 0};
    assert_int_equal(recs__trainer_ease.train(&small, &trained, &error), RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "ease: regressing 900 items needs "));
    made_training_free(&made);
}

/* What is said to be held is what is held, and not much more than that. */
static void test_memory_is_what_was_said(void **state) {
    (void)state;
    static const char *const texts[] = {"ease(method=dense)", "ease(method=sparse)"};
    for (unsigned t = 0; t < 2; t++) {
        fault_host faults;
        made_training made;
        rows got;
        fault_host_init(&faults);
        made_training_random(&made, 400, 1500, 10, false, 15, &faults.host);
        recs_host host;
        assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
        recs__ease like = {.host = &host, .k = 200, .candidates = 200};
        like.by_item.rows = 1500;
        like.by_unit.rows = 400;
        like.by_item.offsets = calloc(1501, sizeof(uint64_t));
        like.by_item.entries = made.training.units.entries;
        for (uint64_t e = 0; e < like.by_item.entries; e++)
            like.by_item.offsets[made.training.units.columns[e] + 1]++;
        for (size_t i = 0; i < 1500; i++)
            like.by_item.offsets[i + 1] += like.by_item.offsets[i];
        uint64_t said = t == 0 ? recs__ease_dense_bytes(1500, 200) : recs__ease_sparse_bytes(&like);
        free(like.by_item.offsets);
        train_ok(&made, texts[t], &got);
        uint64_t matrix = like.by_item.entries * 16 + 1900 * 40;
        assert_true(faults.peak_bytes <= said + matrix);
        if (t == 0)
            assert_true(faults.peak_bytes >= said / 2);
        drop(&got, &made);
        made_training_free(&made);
        fault_host_done(&faults);
    }
}

/* ---- edges --------------------------------------------------------------------------------------- */

static void test_items_without_units(void **state) {
    (void)state;
    static const made_entry entries[] = {{0, 1, 1.0f}, {0, 3, 2.0f}, {1, 1, 1.0f}, {1, 3, 1.0f},
                                         {2, 2, -1.0f}, {3, 5, 1.0f}};
    static const char *const texts[] = {"ease(method=dense, regularization=1, user_exponent=0)",
                                        "ease(method=sparse, regularization=1, user_exponent=0)"};
    made_training made;
    made_training_make(&made, 4, 7, entries, 6, NULL);
    for (unsigned t = 0; t < 2; t++) {
        rows got;
        train_ok(&made, texts[t], &got);
        assert_int_equal(got.trained.items_trained, 3);
        assert_int_equal(got.w.entries, 2);
        /* G_11 = 2, G_33 = 5, G_13 = 3: 3 / (2 + 1) and 3 / (5 + 1) */
        assert_true(fabsf(weight(&got, 1, 3) - 1.0f) < 1e-6f);
        assert_true(fabsf(weight(&got, 3, 1) - 0.5f) < 1e-6f);
        drop(&got, &made);
    }
    made_training_free(&made);
    made_training_make(&made, 0, 3, NULL, 0, NULL);
    for (unsigned t = 0; t < 2; t++) {
        rows got;
        train_ok(&made, texts[t], &got);
        assert_int_equal(got.w.entries, 0);
        drop(&got, &made);
    }
    made_training_free(&made);
}

static void test_no_solution_is_said(void **state) {
    (void)state;
    static const made_entry entries[] = {{0, 0, 1e30f}, {0, 1, 1.0f}, {1, 1, 1.0f}};
    static const made_entry singular[] = {{0, 0, 4096.0f}, {0, 1, 4096.0f}, {1, 0, 1.0f},
                                          {1, 1, 1.0f}, {1, 2, 1.0f}, {2, 2, 1.0f}};
    static const char *const ways[] = {"dense", "sparse"};
    for (unsigned t = 0; t < 4; t++) {
        made_training made;
        rows got;
        recs_error error = {0};
        char text[100];
        if (t < 2)
            made_training_make(&made, 2, 2, entries, 3, NULL);
        else
            made_training_make(&made, 3, 3, singular, 6, NULL);
        snprintf(text, sizeof text, "ease(method=%s, regularization=1e-6, user_exponent=0)", ways[t % 2]);
        recs_status status = train(&made, text, &got, &error);
        if (t == 3 && status == RECS_OK) { /* the pair of twins is never in one system */
            drop(&got, &made);
        } else {
            assert_int_equal(status, RECS_ERR_NUMERIC);
            assert_non_null(strstr(error.text, "no finite solution with regularization=1e-06"));
            assert_non_null(strstr(error.text, "raise regularization"));
        }
        made_training_free(&made);
    }
}

static void test_same_bytes_for_any_threads(void **state) {
    (void)state;
    static const char *const texts[] = {"ease(method=dense, k=50)",
                                        "ease(method=sparse, k=30, candidates=40)"};
    made_training made;
    made_training_random(&made, 500, 700, 12, true, 16, NULL);
    for (unsigned t = 0; t < 2; t++) {
        rows first, again;
        train_ok(&made, texts[t], &first);
        for (uint32_t threads = 1; threads <= 3; threads++) {
            recs_pool *pool;
            assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
            made.training.host.run = recs_pool_run;
            made.training.host.executor_data = pool;
            train_ok(&made, texts[t], &again);
            assert_true(made_training_equal(&first.trained, &again.trained));
            drop(&again, &made);
            made.training.host = made.plain;
            recs_pool_destroy(pool);
        }
        if (t == 1)
            for (size_t i = 0; recs__kernels_at(i); i++) {
                recs__kernels_force(recs__kernels_at(i));
                train_ok(&made, texts[t], &again);
                assert_true(made_training_equal(&first.trained, &again.trained));
                drop(&again, &made);
                recs__kernels_force(NULL);
            }
        drop(&first, &made);
    }
    made_training_free(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_is_the_regression),
        cmocka_unit_test(test_sparse_regresses_on_the_most_alike),
        cmocka_unit_test(test_popular_items_are_held_back),
        cmocka_unit_test(test_the_largest_are_kept),
        cmocka_unit_test(test_auto_takes_what_fits),
        cmocka_unit_test(test_memory_is_what_was_said),
        cmocka_unit_test(test_items_without_units),
        cmocka_unit_test(test_no_solution_is_said),
        cmocka_unit_test(test_same_bytes_for_any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
