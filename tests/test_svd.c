/* test_svd.c - singular values and vectors against the eigenvectors of the
 * dense Gram matrix, on random matrices and on such that have nothing left to
 * find; threads, failing allocations, cancelling. */
#include "train/svd.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "train/linalg.h"
#include "train/sparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static recs_host plain;

static int setup(void **state) {
    (void)state;
    return recs__host_init(&plain, NULL, NULL) != RECS_OK;
}

typedef struct matrix {
    recs__sparse by_row, by_column;
    recs__csr a, transposed;
} matrix;

/* Entries with a chance of `density`, stronger in the first columns; tastes:
 * rows of one kind are much alike. same: all rows the same. */
static matrix make(uint32_t rows, uint32_t columns, double density, bool same, uint64_t seed) {
    matrix m;
    recs__random random;
    recs_error error = {0};
    recs__random_seed(&random, seed);
    assert_int_equal(recs__sparse_create(&m.by_row, rows, columns, (uint64_t)rows * columns,
                                         &plain, &error),
                     RECS_OK);
    uint64_t put = 0;
    for (uint32_t r = 0; r < rows; r++) {
        if (same)
            recs__random_seed(&random, seed);
        for (uint32_t c = 0; c < columns; c++) {
            double chance = density * (c % 5 == r % 5 ? 3.0 : 0.5);
            if (!(recs__random_double(&random) < chance) || (r % 9 == 7 && !same))
                continue;
            m.by_row.columns[put] = c;
            m.by_row.values[put++] = (0.2f + recs__random_float(&random)) / (1.0f + (float)c / 40.0f);
        }
        m.by_row.offsets[r + 1] = put;
    }
    m.by_row.entries = put;
    m.a = recs__sparse_view(&m.by_row);
    assert_int_equal(recs__sparse_transpose(&m.by_column, &m.a, &plain, &error), RECS_OK);
    m.transposed = recs__sparse_view(&m.by_column);
    return m;
}

static void drop(matrix *m) {
    recs__sparse_clear(&m->by_row, &plain);
    recs__sparse_clear(&m->by_column, &plain);
}

static recs_status decompose(const matrix *m, size_t rank, recs__svd *svd, const recs_host *host,
                             recs_progress *callback, recs_error *error) {
    recs__progress progress;
    recs__progress_init(&progress, callback, NULL, host);
    return recs__svd_truncated(svd, &m->a, &m->transposed, rank, 5, host, &progress, "svd", error);
}

/* a^T a in double. */
static double *gram_of(const matrix *m) {
    size_t n = m->a.column_count;
    double *gram = calloc(n * n + 1, sizeof *gram);
    for (uint32_t r = 0; r < m->a.rows; r++)
        for (uint64_t i = m->a.offsets[r]; i < m->a.offsets[r + 1]; i++)
            for (uint64_t j = m->a.offsets[r]; j < m->a.offsets[r + 1]; j++)
                gram[m->a.columns[i] * n + m->a.columns[j]] +=
                    (double)m->a.values[i] * (double)m->a.values[j];
    return gram;
}

static void check(const matrix *m, size_t rank, double tolerance) {
    size_t n = m->a.column_count;
    double *gram = gram_of(m), *copy = malloc((n * n + 1) * sizeof *copy);
    double *values = calloc(n + 1, sizeof *values);
    recs_error error = {0};
    recs__svd svd;
    memcpy(copy, gram, n * n * sizeof *copy);
    assert_int_equal(recs__symmetric_eigen(&plain, n, copy, values, &error), RECS_OK);
    if (decompose(m, rank, &svd, &plain, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    assert_int_equal(svd.stride, (rank + 15) / 16 * 16);
    assert_true(svd.rank <= rank && svd.rank <= n);
    for (size_t k = 0; k < rank && k < n; k++) {
        if (k >= svd.rank) { /* what was not looked for is weak */
            assert_true(values[k] <= 2e-6 * values[0]);
            continue;
        }
        double squared = svd.values[k] * svd.values[k], norm = 0.0, residual = 0.0;
        if (fabs(squared - values[k]) > tolerance * values[0])
            fail_msg("value %zu of %zu: %g, expected %g", k, rank, squared, values[k]);
        for (size_t i = 0; i < n; i++) {
            double of = svd.vectors[i * svd.stride + k], image = 0.0;
            norm += of * of;
            for (size_t j = 0; j < n; j++)
                image += gram[i * n + j] * (double)svd.vectors[j * svd.stride + k];
            residual += (image - squared * of) * (image - squared * of);
        }
        assert_true(fabs(norm - 1.0) < 1e-4);
        if (sqrt(residual) > 30.0 * tolerance * values[0])
            fail_msg("vector %zu of %zu: residual %g", k, rank, sqrt(residual));
        for (size_t l = 0; l < k; l++) {
            double dot = 0.0;
            for (size_t i = 0; i < n; i++)
                dot += (double)svd.vectors[i * svd.stride + k] *
                       (double)svd.vectors[i * svd.stride + l];
            assert_true(fabs(dot) < 1e-4);
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = svd.rank; k < svd.stride; k++)
            assert_true(svd.vectors[i * svd.stride + k] == 0.0f);
    recs__svd_clear(&svd, &plain);
    free(gram);
    free(copy);
    free(values);
}

static void test_values_and_vectors(void **state) {
    (void)state;
    static const struct {
        uint32_t rows, columns;
        size_t rank;
        double density;
    } cases[] = {{90, 60, 10, 0.1},   {60, 90, 10, 0.1}, {300, 200, 40, 0.03}, {150, 260, 33, 0.05},
                 {40, 40, 40, 0.2},   {30, 80, 100, 0.2}, {80, 30, 64, 0.2},   {200, 120, 1, 0.05},
                 {1, 20, 3, 0.9},     {20, 1, 3, 0.9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        matrix m = make(cases[i].rows, cases[i].columns, cases[i].density, false, 11 + i);
        check(&m, cases[i].rank, 1e-3);
        drop(&m);
    }
}

static void test_little_to_find(void **state) {
    (void)state;
    matrix m = make(50, 40, 0.3, true, 3); /* rank 1 */
    check(&m, 8, 1e-4);
    drop(&m);
    m = make(30, 20, 0.0, false, 3); /* nothing */
    recs__svd svd;
    recs_error error = {0};
    assert_int_equal(decompose(&m, 4, &svd, &plain, NULL, &error), RECS_OK);
    assert_int_equal(svd.rank, 0);
    recs__svd_clear(&svd, &plain);
    drop(&m);
    m = make(0, 0, 0.0, false, 3);
    assert_int_equal(decompose(&m, 4, &svd, &plain, NULL, &error), RECS_OK);
    assert_int_equal(svd.rank, 0);
    recs__svd_clear(&svd, &plain);
    drop(&m);
}

static int32_t refuse(void *user_data, const char *stage, uint64_t done, uint64_t total) {
    (void)user_data, (void)stage, (void)total;
    return done > 0;
}

static void test_failures(void **state) {
    (void)state;
    matrix m = make(60, 50, 0.1, false, 4);
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_host host;
        recs__svd svd;
        assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
        if (fault_passed(&faults, decompose(&m, 12, &svd, &host, NULL, &error), &error))
            recs__svd_clear(&svd, &host);
        else
            assert_null(svd.vectors);
    }
    recs_error error = {0};
    recs__svd svd;
    assert_int_equal(decompose(&m, 12, &svd, &plain, refuse, &error), RECS_ERR_CANCELLED);
    assert_null(svd.vectors);
    m.by_row.values[3] = INFINITY;
    assert_int_equal(decompose(&m, 12, &svd, &plain, NULL, &error), RECS_ERR_NUMERIC);
    drop(&m);
}

static void test_threads(void **state) {
    (void)state;
    matrix m = make(700, 500, 0.02, false, 6);
    recs__svd first;
    recs_error error = {0};
    assert_int_equal(decompose(&m, 48, &first, &plain, NULL, &error), RECS_OK);
    for (uint32_t threads = 2; threads <= 3; threads++) {
        recs_pool *pool;
        recs_host host = plain;
        recs__svd again;
        assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
        host.run = recs_pool_run;
        host.executor_data = pool;
        assert_int_equal(decompose(&m, 48, &again, &host, NULL, &error), RECS_OK);
        assert_int_equal(again.rank, first.rank);
        assert_memory_equal(again.values, first.values, first.rank * sizeof *first.values);
        assert_memory_equal(again.vectors, first.vectors,
                            500 * first.stride * sizeof *first.vectors);
        recs__svd_clear(&again, &plain);
        recs_pool_destroy(pool);
    }
    recs__svd_clear(&first, &plain);
    drop(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_vectors),
        cmocka_unit_test(test_little_to_find),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
