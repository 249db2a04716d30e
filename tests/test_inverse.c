/* test_inverse.c - the inverse in place against Gauss-Jordan with pivots in
 * double; sizes around blocks' edges, executors, cancelling, no inverse. */
#include "train/inverse.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static recs_host plain;
static recs__progress quiet;

static int setup(void **state) {
    (void)state;
    recs_status status = recs__host_init(&plain, NULL, NULL);
    recs__progress_init(&quiet, NULL, NULL, &plain);
    return status != RECS_OK;
}

/* X^T X + ridge of n columns over `rows` random ones, many of them zero. */
static double *spd(size_t n, size_t rows, double ridge, uint64_t seed) {
    double *a = calloc(n * n + 1, sizeof *a), *x = malloc(n * sizeof *x);
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < n; i++)
            x[i] = recs__random_below(&random, 4) ? 0.0 : (double)recs__random_below(&random, 3);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                a[i * n + j] += x[i] * x[j];
    }
    for (size_t i = 0; i < n; i++)
        a[i * n + i] += ridge;
    free(x);
    return a;
}

static double *inverse_by_the_book(const double *matrix, size_t n) {
    double *a = malloc(n * n * sizeof *a), *out = calloc(n * n, sizeof *out);
    memcpy(a, matrix, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        out[i * n + i] = 1.0;
    for (size_t c = 0; c < n; c++) {
        size_t best = c;
        for (size_t r = c + 1; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[best * n + c]))
                best = r;
        for (size_t j = 0; j < n; j++) {
            double swapped = a[c * n + j];
            a[c * n + j] = a[best * n + j];
            a[best * n + j] = swapped;
            swapped = out[c * n + j];
            out[c * n + j] = out[best * n + j];
            out[best * n + j] = swapped;
        }
        double pivot = a[c * n + c];
        for (size_t j = 0; j < n; j++) {
            a[c * n + j] /= pivot;
            out[c * n + j] /= pivot;
        }
        for (size_t r = 0; r < n; r++) {
            double times = r == c ? 0.0 : a[r * n + c];
            for (size_t j = 0; j < n && times != 0.0; j++) {
                a[r * n + j] -= times * a[c * n + j];
                out[r * n + j] -= times * out[c * n + j];
            }
        }
    }
    free(a);
    return out;
}

static void fill(recs__symmetric *m, const double *a, size_t n, size_t block,
                 const recs_host *host) {
    assert_int_equal(recs__symmetric_create(m, n, block, host, NULL), RECS_OK);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            recs__symmetric_row(m, i)[j] = (float)a[i * n + j];
}

static void check_inverse(size_t n, size_t block, double ridge, double tolerance) {
    double *a = spd(n, 2 * n, ridge, n), *expected = inverse_by_the_book(a, n), largest = 0.0;
    float *rows = malloc(n * 3 * sizeof *rows);
    recs__symmetric m;
    size_t bad;
    fill(&m, a, n, block, &plain);
    assert_int_equal(recs__symmetric_invert(&m, &plain, &quiet, "inverse", &bad, NULL), RECS_OK);
    for (size_t i = 0; i < n * n; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (size_t first = 0; first < n; first += 3) {
        size_t count = n - first < 3 ? n - first : 3;
        if (first / block != (first + count - 1) / block)
            count = block - first % block;
        recs__symmetric_rows(&m, first, count, rows);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < n; j++) {
                double got = -(double)rows[i * n + j];
                if (!(fabs(got - expected[(first + i) * n + j]) <= tolerance * largest))
                    fail_msg("n %zu block %zu: (%zu, %zu) is %g, expected %g", n, block,
                             first + i, j, got, expected[(first + i) * n + j]);
            }
    }
    recs__symmetric_clear(&m, &plain);
    free(rows);
    free(a);
    free(expected);
}

static void test_inverses(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 15, 16, 17, 31, 33, 64, 100};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        check_inverse(sizes[s], 16, 5.0, 2e-6);
        check_inverse(sizes[s], 7, 5.0, 2e-6);
        check_inverse(sizes[s], 256, 5.0, 2e-6);
    }
    check_inverse(90, 16, 0.01, 1e-3); /* conditions of about 1e5 */
    check_inverse(300, 256, 20.0, 2e-6);
    check_inverse(257, recs__symmetric_block(257), 50.0, 2e-6);
}

static void test_sizes(void **state) {
    (void)state;
    assert_int_equal(recs__symmetric_floats(0, 512), 0);
    assert_int_equal(recs__symmetric_floats(512, 512), 512 * 512);
    assert_int_equal(recs__symmetric_floats(513, 512), 512 * 512 + 513);
    assert_int_equal(recs__symmetric_floats(SIZE_MAX / 2, 512), SIZE_MAX);
    recs__symmetric far = {NULL, 60000, 512}; /* beyond 2^31 entries */
    size_t last = (size_t)(recs__symmetric_row(&far, 59999) - far.blocks) + 60000;
    assert_int_equal(last, recs__symmetric_floats(60000, 512));
    assert_true(last < (size_t)60000 * (60000 + 512) / 2);
    assert_int_equal(recs__symmetric_block(100000), 512);
}

static void test_same_bits_for_any_threads(void **state) {
    (void)state;
    enum { N = 230 };
    double *a = spd(N, 300, 3.0, 5);
    recs__symmetric first, again;
    size_t bad, floats = recs__symmetric_floats(N, 32);
    fill(&first, a, N, 32, &plain);
    assert_int_equal(recs__symmetric_invert(&first, &plain, &quiet, "x", &bad, NULL), RECS_OK);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        recs_pool *pool;
        recs_host host = plain;
        assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
        host.run = recs_pool_run;
        host.executor_data = pool;
        fill(&again, a, N, 32, &host);
        assert_int_equal(recs__symmetric_invert(&again, &host, &quiet, "x", &bad, NULL), RECS_OK);
        assert_memory_equal(first.blocks, again.blocks, floats * sizeof(float));
        recs__symmetric_clear(&again, &host);
        recs_pool_destroy(pool);
    }
    recs__symmetric_clear(&first, &plain);
    free(a);
}

static void test_no_inverse(void **state) {
    (void)state;
    for (unsigned what = 0; what < 3; what++) {
        double *a = spd(50, 70, 1.0, 9);
        recs__symmetric m;
        recs_error error = {0};
        size_t bad = 0;
        a[40 * 50 + 40] = what == 0 ? -1.0 : what == 1 ? NAN : 0.0;
        fill(&m, a, 50, 16, &plain);
        assert_int_equal(recs__symmetric_invert(&m, &plain, &quiet, "x", &bad, &error),
                         RECS_ERR_NUMERIC);
        assert_string_equal(error.text, "a matrix of 50 rows is not positive definite");
        assert_true(what == 1 || bad == 32);
        recs__symmetric_clear(&m, &plain);
        free(a);
    }
}

typedef struct watcher {
    uint64_t calls, cancel_at, last, total;
} watcher;

static int32_t watch(void *user_data, const char *stage, uint64_t done, uint64_t total) {
    watcher *w = user_data;
    assert_string_equal(stage, "inverse");
    assert_true(done >= w->last && done <= total);
    w->last = done;
    w->total = total;
    return ++w->calls == w->cancel_at;
}

static int64_t passing(void *data) {
    return *(int64_t *)data += 1000;
}

static void test_progress_and_cancelling(void **state) {
    (void)state;
    double *a = spd(400, 500, 3.0, 5);
    int64_t now = 0;
    recs_host host = plain;
    host.now = passing;
    host.clock_data = &now;
    for (uint64_t cancel_at = 0;; cancel_at++) {
        watcher w = {.cancel_at = cancel_at};
        recs__progress progress;
        recs__symmetric m;
        size_t bad;
        recs__progress_init(&progress, watch, &w, &host);
        fill(&m, a, 400, 16, &host);
        recs_status status =
            recs__symmetric_invert(&m, &host, &progress, "inverse", &bad, NULL);
        recs__symmetric_clear(&m, &host);
        assert_int_equal(w.total, 25 * 25 * 26 / 2);
        if (cancel_at > w.calls || cancel_at == 0) {
            assert_int_equal(status, RECS_OK);
            assert_int_equal(w.calls, 25 * 2);
            if (cancel_at)
                break;
        } else {
            assert_int_equal(status, RECS_ERR_CANCELLED);
        }
    }
    free(a);
}

static void test_memory_may_fail(void **state) {
    (void)state;
    double *a = spd(40, 50, 3.0, 5);
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_host host;
        recs__symmetric m;
        size_t bad;
        assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
        if (!fault_passed(&faults, recs__symmetric_create(&m, 40, 16, &host, &error), &error))
            continue;
        for (size_t i = 0; i < 40; i++)
            for (size_t j = 0; j <= i; j++)
                recs__symmetric_row(&m, i)[j] = (float)a[i * 40 + j];
        fault_passed(&faults, recs__symmetric_invert(&m, &host, &quiet, "x", &bad, &error), &error);
        recs__symmetric_clear(&m, &host);
    }
    free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inverses),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_same_bits_for_any_threads),
        cmocka_unit_test(test_no_inverse),
        cmocka_unit_test(test_progress_and_cancelling),
        cmocka_unit_test(test_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
