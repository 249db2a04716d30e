/* test_graphfilter.c - the weights served against the formula of
 * graphfilter.c's head worked out with all eigenvectors in double; published
 * filters as settings; the two ways to a row; what is refused. */
#include "base/memory.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"
#include "train/filter_shape.h"
#include "train/linalg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was trained, as a dense matrix ---------------------------------------------------- */

typedef struct operator {
    uint32_t items;
    size_t rank, entries, longest;
    double *weights; /* [items][items] */
} operator;

static operator train(const made_training *made, const char *text) {
    recs_error error = {0};
    recs__trained trained;
    if (made_training_train(made, text, 1, &trained, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
    size_t n = made->training.items, size;
    operator w = {.items = (uint32_t)n, .rank = trained.factors,
                  .weights = calloc(n * n + 1, sizeof(double))};
    const uint64_t *offsets =
        made_training_section(&trained, RECS_SECTION_NEIGHBOR_OFFSETS, &size);
    const uint32_t *columns = made_training_section(&trained, RECS_SECTION_NEIGHBOR_ITEMS, &size);
    const float *values = made_training_section(&trained, RECS_SECTION_NEIGHBOR_VALUES, &size);
    w.entries = size / sizeof *values;
    for (size_t h = 0; h < n; h++) {
        if (offsets[h + 1] - offsets[h] > w.longest)
            w.longest = (size_t)(offsets[h + 1] - offsets[h]);
        for (uint64_t e = offsets[h]; e < offsets[h + 1]; e++) {
            assert_true(isfinite(values[e]));
            w.weights[h * n + columns[e]] += (double)values[e];
        }
    }
    const float *to = made_training_section(&trained, RECS_SECTION_ITEM_FACTORS, &size);
    size_t stride = (w.rank + 15) / 16 * 16;
    assert_int_equal(size, n * stride * sizeof *to);
    const float *from = made_training_section(&trained, RECS_SECTION_HISTORY_FACTORS, &size);
    const float *scales = made_training_section(&trained, RECS_SECTION_HISTORY_SCALES, &size);
    assert_true(w.rank == 0 ? !from && !scales : !from != !scales);
    for (size_t h = 0; h < n; h++)
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < w.rank; k++)
                w.weights[h * n + i] +=
                    (double)to[i * stride + k] *
                    (from ? (double)from[h * stride + k]
                          : (double)scales[h] * (double)to[h * stride + k]);
    recs__trained_clear(&trained, &made->training.host);
    return w;
}

/* ---- the formula ------------------------------------------------------------------------------ */

typedef struct setting {
    recs__shape_kind kind;
    double user_exponent, item_exponent, power, flatness, time, popularity, ideal, ideal_popularity;
    size_t degree, rank;
    bool early;
} setting;

/* P; degree receives the items'. */
static double *graph_of(const made_training *made, const setting *s, double *degree) {
    const recs__csr *x = &made->training.units;
    size_t n = x->column_count;
    double *p = calloc(n * n + 1, sizeof *p);
    memset(degree, 0, n * sizeof *degree);
    for (uint64_t e = 0; e < x->entries; e++)
        if (x->values[e] > 0.0f)
            degree[x->columns[e]] += (double)x->values[e];
    for (uint32_t u = 0; u < x->rows; u++) {
        double sum = 0.0;
        for (uint64_t e = x->offsets[u]; e < x->offsets[u + 1]; e++)
            sum += x->values[e] > 0.0f ? (double)x->values[e] : 0.0;
        for (uint64_t e = x->offsets[u]; e < x->offsets[u + 1]; e++)
            for (uint64_t g = x->offsets[u]; g < x->offsets[u + 1]; g++) {
                size_t i = x->columns[e], j = x->columns[g];
                if (x->values[e] > 0.0f && x->values[g] > 0.0f)
                    p[i * n + j] += (double)x->values[e] * (double)x->values[g] *
                                    pow(sum, -2 * s->user_exponent) *
                                    pow(degree[i] * degree[j], -s->item_exponent);
            }
    }
    return p;
}

/* Of (D^-c V V^T D^c) (D^-b S(P) D^b), less the powers of degree of h and i that
 * expected_of multiplies by. */
static double early_ideal(const setting *s, const recs__shape *shape, size_t n,
                          const double *degree, const double *vectors, const double *values,
                          double top, size_t h, size_t i) {
    double total = 0.0;
    for (size_t m = 0; m < n; m++) {
        double kept = 0.0, sharp = 0.0;
        if (degree[m] == 0.0)
            continue;
        for (size_t k = 0; k < n; k++) {
            double weight = recs__shape_sharpening(shape, fmax(values[k] / top, 0.0));
            kept += k < s->rank ? vectors[k * n + h] * vectors[k * n + m] : 0.0;
            sharp += weight * vectors[k * n + m] * vectors[k * n + i];
        }
        total += kept * sharp * pow(degree[m] / degree[i], s->ideal_popularity - s->popularity);
    }
    return total;
}

static double *expected_of(const made_training *made, const setting *s) {
    size_t n = made->training.items;
    double *degree = calloc(n + 1, sizeof *degree), *values = calloc(n + 1, sizeof *values);
    double *p = graph_of(made, s, degree), *vectors = malloc((n * n + 1) * sizeof *vectors);
    double *w = calloc(n * n + 1, sizeof *w);
    recs__shape shape;
    recs_error error = {0};
    memcpy(vectors, p, n * n * sizeof *vectors);
    assert_int_equal(recs__symmetric_eigen(&made->training.host, n, vectors, values, &error),
                     RECS_OK);
    double top = s->user_exponent == 0.5 && s->item_exponent == 0.5 ? 1.0 : values[0];
    recs__shape_init(&shape, s->kind, s->flatness, s->degree, s->time);
    for (size_t h = 0; h < n; h++)
        for (size_t i = 0; i < n; i++) {
            double sum = 0.0, ideal = 0.0;
            for (size_t k = 0; k < n; k++) {
                double both = vectors[k * n + h] * vectors[k * n + i];
                sum += recs__shape_at(&shape, fmax(values[k] / top, 0.0)) * both;
                if (k < s->rank)
                    ideal += both;
            }
            if (s->early)
                ideal = early_ideal(s, &shape, n, degree, vectors, values, top, h, i);
            if (s->power != 1.0)
                sum = p[h * n + i] > 0.0 ? pow(p[h * n + i] / top, s->power) : 0.0;
            bool both = degree[h] > 0.0 && degree[i] > 0.0;
            w[h * n + i] =
                both ? sum * pow(degree[i] / degree[h], s->popularity) +
                           s->ideal * ideal * pow(degree[i] / degree[h], s->ideal_popularity)
                     : 0.0;
        }
    free(degree);
    free(values);
    free(vectors);
    free(p);
    return w;
}

static void compare(const made_training *made, const char *text, const setting *s,
                    double tolerance) {
    operator w = train(made, text);
    double *expected = expected_of(made, s), largest = 0.0;
    size_t n = w.items;
    for (size_t at = 0; at < n * n; at++)
        largest = fmax(largest, fabs(expected[at]));
    for (size_t h = 0; h < n; h++)
        for (size_t i = 0; i < n; i++)
            if (fabs(w.weights[h * n + i] - expected[h * n + i]) > tolerance * largest &&
                !(h == i && expected[h * n + i] == 0.0)) /* f(0) of an item nobody has */
                fail_msg("%s: %zu to %zu is %g, expected %g (largest %g)", text, h, i,
                         w.weights[h * n + i], expected[h * n + i], largest);
    free(w.weights);
    free(expected);
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void test_published_filters(void **state) {
    (void)state;
    made_training made;
    made_training_random(&made, 60, 45, 6, true, 3, NULL);
    const setting gfcf = {RECS__SHAPE_LINEAR, 0.5, 0.5, 1, 1, 0, 0, 0.3, 0.5, 1, 9, false};
    compare(&made,
            "graphfilter(filter=linear, user_exponent=0.5, rank=9, ideal=0.3, popularity=0, ideal_popularity=0.5, "
            "k=1000)",
            &gfcf, 2e-3);
    const setting turbo = {RECS__SHAPE_LINEAR, 0.6, 0.4, 0.7, 1, 0, 0, 0, 0, 1, 0, false};
    compare(&made,
            "graphfilter(filter=linear, user_exponent=0.6, item_exponent=0.4, power=0.7, rank=0, "
            "ideal=0, popularity=0, k=1000)",
            &turbo, 1e-5);
    /* With all eigenvectors the sparse part has nothing left to approximate. */
    const setting chebyshev = {RECS__SHAPE_CHEBYSHEV, 0.5, 0.5, 1, 1.5, 0, 0.4, 0.2, 0.4, 8,
                               100, false};
    compare(&made,
            "graphfilter(filter=chebyshev, flatness=1.5, user_exponent=0.5, rank=100, ideal=0.2, "
            "popularity=0.4, "
            "ideal_popularity=0.4, k=1000)",
            &chebyshev, 1e-3);
    const setting sharpen = {RECS__SHAPE_SHARPEN, 0.5, 0.5, 1, 1, 2.5, 0, 0.2, 0.5, 1, 100, false};
    compare(&made,
            "graphfilter(filter=sharpen, time=2.5, user_exponent=0.5, rank=100, ideal=0.2, popularity=0, "
            "ideal_popularity=0.5, k=1000)",
            &sharpen, 1e-3);
    setting early = sharpen; /* BSPM, its ideal part sharpened, too */
    early.early = true;
    compare(&made,
            "graphfilter(filter=sharpen, merge=early, time=2.5, user_exponent=0.5, rank=100, "
            "ideal=0.2, popularity=0, ideal_popularity=0.5, k=1000)",
            &early, 1e-3);
    early.popularity = 0.5; /* the eigenvectors carry all of it */
    early.user_exponent = 0.3;
    compare(&made,
            "graphfilter(filter=sharpen, merge=early, time=2.5, user_exponent=0.3, rank=100, "
            "ideal=0.2, popularity=0.5, ideal_popularity=0.5, k=1000)",
            &early, 1e-3);
    early.popularity = -0.3;
    compare(&made,
            "graphfilter(filter=sharpen, merge=early, time=2.5, user_exponent=0.3, rank=100, "
            "ideal=0.2, popularity=-0.3, ideal_popularity=0.5, k=1000)",
            &early, 1e-3);
    made_training_free(&made);
}

/* A linear filter is exact for any rank as long as nothing is cut off. */
static void test_linear_is_exact(void **state) {
    (void)state;
    static const size_t ranks[] = {0, 1, 7, 30};
    made_training made;
    made_training_random(&made, 50, 64, 5, false, 4, NULL);
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        char text[200];
        setting s = {RECS__SHAPE_LINEAR, 0.6, 0.3, 1, 1, 0, 0.3, 0, 0, 1, ranks[i], false};
        snprintf(text, sizeof text,
                 "graphfilter(filter=linear, user_exponent=0.6, item_exponent=0.3, rank=%zu, "
                 "ideal=0, popularity=0.3, k=1000)",
                 ranks[i]);
        compare(&made, text, &s, 1e-4);
    }
    made_training_free(&made);
}

/* Every way of cutting keeps at most k a row, and the residual's cut costs
 * less than the same cut of the whole. */
static void test_cut(void **state) {
    (void)state;
    made_training made;
    made_training_random(&made, 120, 150, 9, false, 5, NULL);
    const setting s = {RECS__SHAPE_LINEAR, 0.5, 0.5, 1, 1, 0, 0, 0, 0, 1, 0, false};
    double *expected = expected_of(&made, &s), errors[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        operator w = train(&made, i == 0 ? "graphfilter(filter=linear, user_exponent=0.5, rank=0, "
                                           "ideal=0, popularity=0, k=12)"
                                         : "graphfilter(filter=linear, user_exponent=0.5, rank=24, "
                                           "ideal=0, popularity=0, k=12)");
        assert_true(w.longest <= 12 && w.entries <= 150 * 12);
        for (size_t at = 0; at < 150 * 150; at++)
            errors[i] += (w.weights[at] - expected[at]) * (w.weights[at] - expected[at]);
        free(w.weights);
    }
    assert_true(errors[1] < 0.7 * errors[0]);
    free(expected);
    made_training_free(&made);
}

/* A graph so sparse that only its own entries are looked at: exact there. */
static void test_sparse_rows(void **state) {
    (void)state;
    enum { ITEMS = 400 };
    made_training made;
    made_training_random(&made, 200, ITEMS, 2, false, 6, NULL);
    const setting s = {RECS__SHAPE_LINEAR, 0.5, 0.5, 1, 1, 0, 0.2, 0, 0, 1, 0, false};
    double *expected = expected_of(&made, &s), *degree = calloc(ITEMS, sizeof *degree);
    double *p = graph_of(&made, &s, degree);
    operator w = train(&made, "graphfilter(filter=linear, user_exponent=0.5, rank=16, ideal=0, "
                              "popularity=0.2, k=1000)");
    size_t edges = 0;
    for (size_t at = 0; at < (size_t)ITEMS * ITEMS; at++) {
        edges += p[at] > 0.0;
        if (p[at] > 0.0)
            assert_true(fabs(w.weights[at] - expected[at]) < 2e-4);
    }
    assert_true(edges * 16 < (size_t)ITEMS * ITEMS);
    assert_true(w.entries <= edges);
    free(w.weights);
    free(expected);
    free(degree);
    free(p);
    made_training_free(&made);
}

/* Items nobody has get nothing and give nothing, whatever the settings. */
static void test_items_without_users(void **state) {
    (void)state;
    static const made_entry entries[] = {{0, 1, 1.0f}, {0, 3, 1.0f},  {1, 1, 2.0f}, {1, 4, -1.0f},
                                         {2, 3, 1.0f}, {2, 1, 0.5f}, {3, 4, -1.0f}};
    made_training made;
    made_training_make(&made, 5, 6, entries, sizeof entries / sizeof *entries, NULL);
    operator w = train(&made, "graphfilter(filter=plateau)");
    for (size_t h = 0; h < 6; h++)
        for (size_t i = 0; i < 6; i++) {
            bool both = (h == 1 || h == 3) && (i == 1 || i == 3);
            assert_true(isfinite(w.weights[h * 6 + i]));
            if (!both)
                assert_true(fabs(w.weights[h * 6 + i]) < 1e-6);
            else
                assert_true(w.weights[h * 6 + i] > 0.0);
        }
    free(w.weights);
    made_training_free(&made);
}

static void test_refused(void **state) {
    (void)state;
    made_training made;
    recs__trained trained;
    recs_error error = {0};
    made_training_random(&made, 30, 20, 4, false, 7, NULL);
    assert_int_equal(made_training_train(&made, "graphfilter(filter=second, power=0.7)", 1,
                                         &trained, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "power=0.7"));
    assert_int_equal(made_training_train(&made, "graphfilter(merge=early)", 1, &trained, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "merge=early"));
    recs__trained_clear(&trained, &made.training.host);
    made_training_free(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_filters),  cmocka_unit_test(test_linear_is_exact),
        cmocka_unit_test(test_cut),                cmocka_unit_test(test_sparse_rows),
        cmocka_unit_test(test_items_without_users), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
