/* test_linalg.c - products, bases and eigenvectors against plain loops in
 * double; sizes around the tiles' edges; the same bits for any executor. */
#include "train/linalg.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static recs_host plain;

static int setup(void **state) {
    (void)state;
    return recs__host_init(&plain, NULL, NULL) != RECS_OK;
}

static float *made(size_t count, uint64_t seed) {
    recs__random random;
    float *values = malloc((count + 1) * sizeof *values);
    recs__random_seed(&random, seed);
    for (size_t i = 0; i < count; i++)
        values[i] = recs__random_normal(&random);
    return values;
}

/* ---- products --------------------------------------------------------------------------- */

typedef struct shape {
    size_t m, n, k, spare; /* spare: leading dimensions are so much longer */
    bool transpose_a, transpose_b;
    float alpha, beta;
} shape;

static const shape shapes[] = {
    {1, 1, 1, 0, false, false, 1, 0},       {3, 5, 0, 0, false, false, 1, 0.5f},
    {7, 9, 11, 3, true, false, 2, 1},       {513, 511, 17, 1, false, true, -1, 1},
    {512, 512, 33, 0, true, true, 1, 0},    {1025, 3, 70, 5, false, false, 1, 0},
    {2, 1030, 65, 2, true, false, 0.5f, -1}, {600, 700, 90, 0, false, true, 1, 0},
};

static void check_product(const shape *s) {
    size_t rows_a = s->transpose_a ? s->k : s->m, columns_a = s->transpose_a ? s->m : s->k;
    size_t rows_b = s->transpose_b ? s->n : s->k, columns_b = s->transpose_b ? s->k : s->n;
    size_t lda = columns_a + s->spare + 1, ldb = columns_b + s->spare + 1, ldc = s->n + s->spare;
    float *a = made(rows_a * lda, 1), *b = made(rows_b * ldb, 2), *c = made(s->m * ldc, 3);
    float *before = malloc(s->m * ldc * sizeof *c);
    memcpy(before, c, s->m * ldc * sizeof *c);
    for (size_t i = 0; s->beta == 0.0f && i < s->m; i++)
        for (size_t j = 0; j < s->n; j++)
            c[i * ldc + j] = NAN;
    recs__gemm(&plain, s->transpose_a, s->transpose_b, s->m, s->n, s->k, s->alpha, a, lda, b, ldb,
               s->beta, c, ldc);
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < ldc; j++) {
            if (j >= s->n) {
                assert_true(c[i * ldc + j] == before[i * ldc + j]);
                continue;
            }
            double sum = 0.0, size = 0.0;
            for (size_t l = 0; l < s->k; l++) {
                double x = (double)(s->transpose_a ? a[l * lda + i] : a[i * lda + l]);
                double y = (double)(s->transpose_b ? b[j * ldb + l] : b[l * ldb + j]);
                sum += x * y;
                size += fabs(x * y);
            }
            double expected = (double)s->alpha * sum +
                              (s->beta == 0.0f ? 0.0
                                               : (double)s->beta * (double)before[i * ldc + j]);
            if (!(fabs((double)c[i * ldc + j] - expected) <= 1e-6 * (size + 1.0) + 1e-12))
                fail_msg("%zu x %zu x %zu: (%zu, %zu) is %g, expected %g", s->m, s->n, s->k, i, j,
                         (double)c[i * ldc + j], expected);
        }
    free(a);
    free(b);
    free(c);
    free(before);
}

static void test_products(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_product(&shapes[i]);
    float untouched = 5.0f;
    recs__gemm(&plain, false, false, 0, 1, 1, 1.0f, &untouched, 1, &untouched, 1, 0.0f, &untouched,
               1);
    assert_true(untouched == 5.0f);
}

static void test_tall_products(void **state) {
    (void)state;
    static const size_t sizes[][3] = {{0, 2, 3},    {1, 1, 1},      {5000, 3, 260},
                                      {1024, 7, 7}, {4097, 257, 5}, {9000, 300, 300}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t rows = sizes[s][0], m = sizes[s][1], n = sizes[s][2], lda = m + 2, ldb = n + 2;
        float *a = made(rows * lda, 4), *b = m == n ? a : made(rows * ldb, 5);
        double *c = malloc(m * n * sizeof *c), *expected = calloc(m * n, sizeof *c);
        assert_int_equal(recs__tall_product(&plain, rows, m, a, lda, n, b, ldb, c, NULL), RECS_OK);
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++)
                    expected[i * n + j] += (double)a[r * lda + i] * (double)b[r * ldb + j];
        for (size_t i = 0; i < m * n; i++)
            assert_true(fabs(c[i] - expected[i]) < 1e-10 * ((double)rows + 1.0));
        if (b != a)
            free(b);
        free(a);
        free(c);
        free(expected);
    }
}

/* ---- bases ---------------------------------------------------------------------------------- */

static double worst_product(const float *a, size_t rows, size_t rank, size_t lda) {
    double worst = 0.0;
    for (size_t i = 0; i < rank; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (size_t r = 0; r < rows; r++)
                sum += (double)a[r * lda + i] * (double)a[r * lda + j];
            worst = fmax(worst, fabs(sum - (i == j)));
        }
    return worst;
}

/* The largest part of a column of `of` that the basis does not span, relative
 * to the largest column. */
static double worst_left(const float *basis, const float *of, size_t rows, size_t columns,
                         size_t rank, size_t lda) {
    double worst = 0.0, largest = 0.0;
    double *column = malloc(rows * sizeof *column);
    for (size_t c = 0; c < columns; c++) {
        double whole = 0.0, left = 0.0;
        for (size_t r = 0; r < rows; r++)
            column[r] = (double)of[r * lda + c];
        for (size_t r = 0; r < rows; r++)
            whole += column[r] * column[r];
        for (size_t i = 0; i < rank; i++) {
            double along = 0.0;
            for (size_t r = 0; r < rows; r++)
                along += column[r] * (double)basis[r * lda + i];
            for (size_t r = 0; r < rows; r++)
                column[r] -= along * (double)basis[r * lda + i];
        }
        for (size_t r = 0; r < rows; r++)
            left += column[r] * column[r];
        largest = fmax(largest, sqrt(whole));
        worst = fmax(worst, sqrt(left));
    }
    free(column);
    return largest > 0.0 ? worst / largest : worst;
}

static void check_basis(size_t rows, size_t columns, float *a, size_t lda, size_t expected) {
    float *before = malloc(rows * lda * sizeof *before);
    size_t rank = 77;
    memcpy(before, a, rows * lda * sizeof *a);
    assert_int_equal(recs__orthonormalise(&plain, rows, columns, a, lda, &rank, NULL), RECS_OK);
    assert_int_equal(rank, expected);
    assert_true(worst_product(a, rows, rank, lda) < 2e-6);
    assert_true(worst_left(a, before, rows, columns, rank, lda) < 3e-5);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = rank; c < columns; c++)
            assert_true(a[r * lda + c] == 0.0f);
        for (size_t c = columns; c < lda; c++)
            assert_true(a[r * lda + c] == before[r * lda + c]);
    }
    free(before);
}

static void test_bases(void **state) {
    (void)state;
    float *a = made(3000 * 44, 6);
    check_basis(3000, 40, a, 44, 40);
    free(a);
    a = made(50 * 50, 7); /* square */
    check_basis(50, 50, a, 50, 50);
    free(a);
    a = made(2000 * 30, 8); /* columns of very different lengths, and nearly parallel ones */
    for (size_t r = 0; r < 2000; r++)
        for (size_t c = 0; c < 30; c++)
            a[r * 30 + c] = a[r * 30] + a[r * 30 + c] * (c < 10 ? 1.0f : 0.01f);
    check_basis(2000, 30, a, 30, 30);
    free(a);
    a = made(700 * 20, 9); /* rank 12: the rest are sums of two others */
    for (size_t r = 0; r < 700; r++)
        for (size_t c = 12; c < 20; c++)
            a[r * 20 + c] = a[r * 20 + c - 12] + a[r * 20 + c - 11];
    check_basis(700, 20, a, 20, 12);
    memset(a, 0, 700 * 20 * sizeof *a);
    check_basis(700, 20, a, 20, 0);
    for (size_t r = 0; r < 700; r++)
        a[r * 20 + 19] = 1e-3f;
    check_basis(700, 20, a, 20, 1);
    a[5] = INFINITY;
    size_t rank;
    recs_error error = {0};
    assert_int_equal(recs__orthonormalise(&plain, 700, 20, a, 20, &rank, &error),
                     RECS_ERR_NUMERIC);
    assert_string_equal(error.text, "20 vectors of 700 numbers are not finite");
    free(a);
    assert_int_equal(recs__orthonormalise(&plain, 0, 0, NULL, 1, &rank, NULL), RECS_OK);
    assert_int_equal(rank, 0);
}

/* ---- eigenvectors ----------------------------------------------------------------------------- */

static void check_eigen(size_t n, const double *matrix) {
    double *a = malloc(n * n * sizeof *a), *values = malloc(n * sizeof *values), scale = 0.0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            a[i * n + j] = j <= i ? matrix[i * n + j] : -99.0; /* never read */
    assert_int_equal(recs__symmetric_eigen(&plain, n, a, values, NULL), RECS_OK);
    for (size_t i = 0; i < n; i++)
        scale = fmax(scale, fabs(values[i]));
    for (size_t v = 0; v < n; v++) {
        double largest = 0.0, signed_largest = 0.0;
        assert_true(v == 0 || values[v] <= values[v - 1]);
        for (size_t i = 0; i < n; i++) {
            double sum = 0.0;
            for (size_t j = 0; j < n; j++)
                sum += (j <= i ? matrix[i * n + j] : matrix[j * n + i]) * a[v * n + j];
            assert_true(fabs(sum - values[v] * a[v * n + i]) < 1e-12 * (double)n * (scale + 1e-300));
            if (fabs(a[v * n + i]) > largest) {
                largest = fabs(a[v * n + i]);
                signed_largest = a[v * n + i];
            }
        }
        assert_true(signed_largest > 0.0);
        for (size_t w = 0; w <= v; w++) {
            double sum = 0.0;
            for (size_t i = 0; i < n; i++)
                sum += a[v * n + i] * a[w * n + i];
            assert_true(fabs(sum - (v == w)) < 1e-12 * (double)n);
        }
    }
    free(a);
    free(values);
}

static void test_eigenvectors(void **state) {
    (void)state;
    for (size_t n = 1; n <= 90; n = n * 2 + 1) {
        float *random = made(n * n, n);
        double *matrix = malloc(n * n * sizeof *matrix);
        for (size_t i = 0; i < n * n; i++)
            matrix[i] = (double)random[i];
        check_eigen(n, matrix);
        for (size_t i = 0; i < n * n; i++) /* all the same eigenvalue */
            matrix[i] = i % (n + 1) == 0 ? 3.0 : 0.0;
        check_eigen(n, matrix);
        for (size_t i = 0; i < n * n; i++) /* rank one */
            matrix[i] = 1.0;
        check_eigen(n, matrix);
        free(random);
        free(matrix);
    }
    double bad[4] = {1.0, 0.0, NAN, 1.0}, values[2];
    recs_error error = {0};
    assert_int_equal(recs__symmetric_eigen(&plain, 2, bad, values, &error), RECS_ERR_NUMERIC);
    assert_int_equal(recs__symmetric_eigen(&plain, 20000, bad, values, &error), RECS_ERR_LIMIT);
    assert_int_equal(recs__symmetric_eigen(&plain, 0, bad, values, &error), RECS_OK);
}

/* ---- the host ----------------------------------------------------------------------------------- */

/* Everything once, its results one after another; the caller frees. */
static float *all_results(const recs_host *host, size_t *count) {
    enum { ROWS = 5000, M = 530, N = 40 };
    float *a = made(ROWS * N, 10), *b = made(ROWS * M, 11);
    float *out = malloc((M * N + ROWS * N + N * N) * sizeof *out);
    double *gram = malloc(N * N * sizeof *gram);
    size_t rank;
    recs__gemm(host, true, false, M, N, ROWS, 1.0f, b, M, a, N, 0.0f, out, N);
    assert_int_equal(recs__tall_product(host, ROWS, N, a, N, N, a, N, gram, NULL), RECS_OK);
    assert_int_equal(recs__orthonormalise(host, ROWS, N, a, N, &rank, NULL), RECS_OK);
    memcpy(out + M * N, a, ROWS * N * sizeof *a);
    for (size_t i = 0; i < N * N; i++)
        out[M * N + ROWS * N + i] = (float)gram[i];
    free(a);
    free(b);
    free(gram);
    *count = M * N + ROWS * N + N * N;
    return out;
}

static void test_same_bits_for_any_threads(void **state) {
    (void)state;
    size_t count;
    float *first = all_results(&plain, &count);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        recs_pool *pool;
        recs_host host = plain;
        assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
        host.run = recs_pool_run;
        host.executor_data = pool;
        float *again = all_results(&host, &count);
        assert_memory_equal(again, first, count * sizeof *first);
        free(again);
        recs_pool_destroy(pool);
    }
    free(first);
}

static void test_memory_may_fail(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_host host;
        size_t rank;
        double c[9], values[3];
        float *a = made(30, 12);
        assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
        if (fault_passed(&faults, recs__tall_product(&host, 10, 3, a, 3, 3, a, 3, c, &error),
                         &error) &&
            fault_passed(&faults, recs__symmetric_eigen(&host, 3, c, values, &error), &error))
            fault_passed(&faults, recs__orthonormalise(&host, 10, 3, a, 3, &rank, &error), &error);
        free(a);
    }
}

static void test_it_has_a_name(void **state) {
    (void)state;
    assert_non_null(strstr(recs__linalg_name(), "OpenBLAS"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_tall_products),
        cmocka_unit_test(test_bases),
        cmocka_unit_test(test_eigenvectors),
        cmocka_unit_test(test_same_bits_for_any_threads),
        cmocka_unit_test(test_memory_may_fail),
        cmocka_unit_test(test_it_has_a_name),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
