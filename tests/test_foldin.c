/* test_foldin.c - the visitor's factors against a dense solve in double
 * precision; shares of the score; the same bits from every kernel table. */
#include "kernels/foldin.h"

#include "base/random.h"
#include "kernels/kernels.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 60, MOST = 40 };

typedef struct world {
    recs__foldin foldin;
    float *factors, *gram;
    uint32_t rows[MOST];
    float values[MOST];
    size_t count;
} world;

/* Items with seeded factors, the diagonal of their Gram matrix, and a history of count of
 * them whose every fifth entry is a dislike. */
static void make(world *w, size_t factors, size_t count, float exponent) {
    size_t stride = (factors + 15) / 16 * 16;
    recs__random random;
    recs__random_seed(&random, factors * 100 + count);
    w->factors = calloc(ITEMS * stride, sizeof(float));
    w->gram = calloc(factors, sizeof(float));
    for (size_t i = 0; i < ITEMS; i++)
        for (size_t j = 0; j < factors; j++)
            w->factors[i * stride + j] = 0.4f * recs__random_normal(&random);
    for (size_t j = 0; j < factors; j++)
        for (size_t i = 0; i < ITEMS; i++)
            w->gram[j] += w->factors[i * stride + j] * w->factors[i * stride + j];
    w->count = count;
    for (size_t i = 0; i < count; i++) {
        w->rows[i] = (uint32_t)(i * ITEMS / (count + 1) + 1);
        w->values[i] = 0.25f + 2.0f * recs__random_float(&random);
        if (i % 5 == 4)
            w->values[i] = -w->values[i];
    }
    w->foldin = (recs__foldin){w->factors, w->gram, ITEMS, factors, stride,
                               7.5f,       0.3f,    exponent, ITEMS - 3, NULL};
}

static void drop(world *w) {
    free(w->factors);
    free(w->gram);
}

/* Gaussian elimination with partial pivoting. */
static void solve_dense(double *a, double *b, size_t n) {
    for (size_t k = 0; k < n; k++) {
        size_t best = k;
        for (size_t r = k + 1; r < n; r++)
            if (fabs(a[r * n + k]) > fabs(a[best * n + k]))
                best = r;
        for (size_t c = 0; c < n; c++) {
            double kept = a[k * n + c];
            a[k * n + c] = a[best * n + c];
            a[best * n + c] = kept;
        }
        double kept = b[k];
        b[k] = b[best];
        b[best] = kept;
        for (size_t r = k + 1; r < n; r++) {
            double factor = a[r * n + k] / a[k * n + k];
            for (size_t c = k; c < n; c++)
                a[r * n + c] -= factor * a[k * n + c];
            b[r] -= factor * b[k];
        }
    }
    for (size_t k = n; k-- > 0;) {
        for (size_t c = k + 1; c < n; c++)
            b[k] -= a[k * n + c] * b[c];
        b[k] /= a[k * n + k];
    }
}

static double expected_lambda(const world *w) {
    const recs__foldin *f = &w->foldin;
    return (double)f->regularization *
           pow((double)w->count + (double)f->items_trained / (double)f->alpha,
               (double)f->regularization_exponent);
}

static void expect(const world *w, double *x) {
    const recs__foldin *f = &w->foldin;
    size_t n = f->factors;
    double *a = calloc(n * n, sizeof *a);
    for (size_t j = 0; j < n; j++) {
        a[j * n + j] = (double)w->gram[j] + expected_lambda(w);
        x[j] = 0.0;
    }
    for (size_t i = 0; i < w->count; i++) {
        const float *y = w->factors + w->rows[i] * f->stride;
        double v = (double)w->values[i], alpha = (double)f->alpha;
        for (size_t j = 0; j < n; j++) {
            for (size_t l = 0; l < n; l++)
                a[j * n + l] += alpha * fabs(v) * (double)y[j] * (double)y[l];
            x[j] += v > 0.0 ? (1.0 + alpha * v) * (double)y[j] : 0.0;
        }
    }
    solve_dense(a, x, n);
    free(a);
}

static const size_t sizes[] = {1, 5, 16, 33, 64, 100};
static const size_t counts[] = {0, 1, 7, MOST};

static void test_agrees_with_a_dense_solve(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (int scaled = 0; scaled < 2; scaled++) {
                world w;
                make(&w, sizes[s], counts[c], scaled ? 0.75f : 0.0f);
                double *x = malloc(sizes[s] * sizeof *x);
                float *got = malloc(w.foldin.stride * sizeof *got);
                float *scratch = malloc(recs__foldin_scratch(&w.foldin, w.count) * sizeof(float));
                expect(&w, x);
                assert_true(recs__foldin_solve(&w.foldin, w.rows, w.values, w.count, scratch, got));
                for (size_t j = 0; j < w.foldin.stride; j++)
                    assert_true(fabs((double)got[j] - (j < sizes[s] ? x[j] : 0.0)) < 2e-4);
                free(x);
                free(got);
                free(scratch);
                drop(&w);
            }
}

static void test_regularisation_grows_with_the_history(void **state) {
    (void)state;
    world w;
    make(&w, 5, 7, 0.0f);
    assert_true(recs__foldin_regularization(&w.foldin, 7) == w.foldin.regularization);
    w.foldin.regularization_exponent = 1.0f;
    assert_true(fabs((double)recs__foldin_regularization(&w.foldin, 7) - expected_lambda(&w)) <
                1e-5);
    w.foldin.regularization_exponent = 0.5f;
    assert_true(recs__foldin_regularization(&w.foldin, 8) >
                recs__foldin_regularization(&w.foldin, 7));
    drop(&w);
}

static void test_contributions_sum_to_the_score(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        world w;
        make(&w, sizes[s], 20, 0.5f);
        size_t stride = w.foldin.stride;
        float *x = malloc(stride * sizeof *x), *z = malloc(stride * sizeof *z);
        float *scratch = malloc(recs__foldin_scratch(&w.foldin, w.count) * sizeof(float));
        float shares[MOST];
        assert_true(recs__foldin_solve(&w.foldin, w.rows, w.values, w.count, scratch, x));
        for (uint32_t item = 0; item < ITEMS; item += 7) {
            const float *y = w.factors + item * stride;
            double sum = 0.0;
            recs__foldin_contributions(&w.foldin, w.rows, w.values, w.count, scratch, y, z, shares);
            for (size_t i = 0; i < w.count; i++) {
                sum += (double)shares[i];
                if (w.values[i] < 0.0f)
                    assert_true(shares[i] == 0.0f);
            }
            float score = recs__kernels_get()->dot(x, y, sizes[s]);
            assert_true(fabs(sum - (double)score) < 2e-4);
        }
        free(x);
        free(z);
        free(scratch);
        drop(&w);
    }
}

static void test_a_dislike_lowers_the_score(void **state) {
    (void)state;
    world w;
    make(&w, 16, 3, 0.0f);
    float with[16], without[16];
    float *scratch = malloc(recs__foldin_scratch(&w.foldin, 3) * sizeof(float));
    const recs__kernels *kernels = recs__kernels_get();
    w.values[2] = -3.0f;
    assert_true(recs__foldin_solve(&w.foldin, w.rows, w.values, 2, scratch, without));
    assert_true(recs__foldin_solve(&w.foldin, w.rows, w.values, 3, scratch, with));
    const float *y = w.factors + w.rows[2] * w.foldin.stride;
    assert_true(fabsf(kernels->dot(with, y, 16)) < fabsf(kernels->dot(without, y, 16)));
    free(scratch);
    drop(&w);
}

static void test_every_table_gives_the_same_bits(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        world w;
        make(&w, sizes[s], 33, 0.5f);
        size_t stride = w.foldin.stride;
        float *x = malloc(stride * sizeof *x), *first = malloc(stride * sizeof *x);
        float *z = malloc(stride * sizeof *z);
        float *scratch = malloc(recs__foldin_scratch(&w.foldin, w.count) * sizeof(float));
        float shares[MOST], first_shares[MOST];
        const recs__kernels *table;
        for (size_t t = 0; (table = recs__kernels_at(t)) != NULL; t++) {
            recs__kernels_force(table);
            assert_true(recs__foldin_solve(&w.foldin, w.rows, w.values, w.count, scratch, x));
            recs__foldin_contributions(&w.foldin, w.rows, w.values, w.count, scratch, w.factors, z,
                                       shares);
            if (t == 0) {
                memcpy(first, x, stride * sizeof *x);
                memcpy(first_shares, shares, sizeof shares);
            }
            assert_memory_equal(x, first, stride * sizeof *x);
            assert_memory_equal(shares, first_shares, w.count * sizeof *shares);
        }
        recs__kernels_force(NULL);
        free(x);
        free(first);
        free(z);
        free(scratch);
        drop(&w);
    }
}

static void test_no_answer_is_all_zero(void **state) {
    (void)state;
    static const float lambdas[] = {-1e9f, NAN, INFINITY};
    for (size_t i = 0; i < 3; i++) {
        world w;
        make(&w, 5, 7, 0.0f);
        float x[16];
        float *scratch = malloc(recs__foldin_scratch(&w.foldin, 7) * sizeof(float));
        w.foldin.regularization = lambdas[i];
        assert_false(recs__foldin_solve(&w.foldin, w.rows, w.values, 7, scratch, x));
        for (size_t j = 0; j < 16; j++)
            assert_true(x[j] == 0.0f && !signbit(x[j]));
        free(scratch);
        drop(&w);
    }
    /* A hostile file: alpha 0 under an exponent, weights that overflow. */
    world w;
    make(&w, 5, 7, 0.5f);
    float x[16];
    float *scratch = malloc(recs__foldin_scratch(&w.foldin, 7) * sizeof(float));
    w.foldin.alpha = 0.0f;
    assert_false(recs__foldin_solve(&w.foldin, w.rows, w.values, 7, scratch, x));
    w.foldin.alpha = 1e30f;
    w.values[0] = 1e30f;
    assert_false(recs__foldin_solve(&w.foldin, w.rows, w.values, 7, scratch, x));
    for (size_t j = 0; j < 16; j++)
        assert_true(x[j] == 0.0f);
    free(scratch);
    drop(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_a_dense_solve),
        cmocka_unit_test(test_regularisation_grows_with_the_history),
        cmocka_unit_test(test_contributions_sum_to_the_score),
        cmocka_unit_test(test_a_dislike_lowers_the_score),
        cmocka_unit_test(test_every_table_gives_the_same_bits),
        cmocka_unit_test(test_no_answer_is_all_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
