/* test_kernels.c - every table this machine can run against the scalar one,
 * bit for bit; the scalar one against the written definitions; the choice. */
#include "kernels/kernels.h"
#include "recs/base.h"
#include "support/kernel_cases.h"
#include "support/test.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

static void tables_agree(void **state) {
    (void)state;
    uint64_t first[32] = {0};
    for (size_t t = 0; recs__kernels_at(t); t++)
        for (size_t i = 0; kernel_cases_operation(i); i++) {
            kernel_report report = {0};
            if (!kernel_cases_run(kernel_cases_operation(i), recs__kernels_at(t),
                                  &recs__kernels_scalar, &report))
                fail_msg("%s", report.fault);
            assert_true(report.cases > 300);
            if (t == 0) first[i] = report.checksum;
            assert_true(report.checksum == first[i]);
        }
}

/* The lanes and the tree of kernels.h, with numbers for which any other order
 * gives another sum. */
static void dot_has_the_canonical_order(void **state) {
    (void)state;
    float a[40], b[40];
    for (int i = 0; i < 40; i++) {
        a[i] = (float)((i * 7919) % 101) * 1.1f - 50.0f;
        b[i] = (i % 3 ? 1.0f : -3.0e4f) / (float)(i + 1);
    }
    float lane[16];
    for (int l = 0; l < 16; l++) {
        lane[l] = fmaf(a[l + 16], b[l + 16], fmaf(a[l], b[l], 0.0f));
        lane[l] = l < 8 ? fmaf(a[l + 32], b[l + 32], lane[l]) : lane[l] + 0.0f;
    }
    float eight[8], four[4];
    for (int l = 0; l < 8; l++) eight[l] = lane[l] + lane[l + 8];
    for (int l = 0; l < 4; l++) four[l] = eight[l] + eight[l + 4];
    float wanted = (four[0] + four[2]) + (four[1] + four[3]);
    for (size_t t = 0; recs__kernels_at(t); t++)
        assert_true(recs__kernels_at(t)->dot(a, b, 40) == wanted);
}

/* A lane that reached -0 by underflow is +0 again after a partial block. */
static void dot_ends_in_plus_zero(void **state) {
    (void)state;
    float a[17] = {-1e-30f}, b[17] = {1e-30f};
    for (size_t t = 0; recs__kernels_at(t); t++) {
        assert_false(signbit(recs__kernels_at(t)->dot(a, b, 17)));
        assert_false(signbit(recs__kernels_at(t)->dot(a, b, 0)));
    }
}

/* A x = b for a matrix whose factor is in whole numbers. */
static void cholesky_solves(void **state) {
    (void)state;
    for (size_t t = 0; recs__kernels_at(t); t++) {
        const recs__kernels *table = recs__kernels_at(t);
        float a[9] = {4, NAN, NAN, 12, 37, NAN, -16, -43, 98};
        float l[9] = {2, 0, 0, 6, 1, 0, -8, 5, 3}, b[3] = {-20, -43, 192};
        assert_int_equal(table->cholesky(a, 3, 3), 0);
        for (size_t j = 0; j < 3; j++) {
            for (size_t i = 0; i <= j; i++) assert_true(a[3 * j + i] == l[3 * j + i]);
            for (size_t i = j + 1; i < 3; i++) assert_true(isnan(a[3 * j + i]));
        }
        table->cholesky_solve(a, 3, b, 3);
        assert_true(b[0] == 1 && b[1] == 2 && b[2] == 3);
    }
}

static void scalar_comes_first(void **state) {
    (void)state;
    assert_ptr_equal(recs__kernels_at(0), &recs__kernels_scalar);
    assert_string_equal(recs__kernels_at(0)->name, "scalar");
    assert_null(recs__kernels_at(100));
}

static void the_widest_is_chosen_and_force_overrules(void **state) {
    (void)state;
    const recs__kernels *widest = NULL;
    for (size_t t = 0; recs__kernels_at(t); t++) {
        widest = recs__kernels_at(t);
        recs__kernels_force(widest);
        assert_ptr_equal(recs__kernels_get(), widest);
        assert_string_equal(recs_kernel_name(), widest->name);
    }
    recs__kernels_force(&recs__kernels_scalar);
    assert_string_equal(recs_kernel_name(), "scalar");
    recs__kernels_force(NULL);
    assert_ptr_equal(recs__kernels_get(), widest);
}

static void *ask(void *seen) {
    *(const recs__kernels **)seen = recs__kernels_get();
    return NULL;
}

static void threads_choose_alike(void **state) {
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    const recs__kernels *seen[THREADS] = {NULL};
    recs__kernels_force(NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &seen[i]), 0);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++) assert_ptr_equal(seen[i], recs__kernels_get());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalar_comes_first),
        cmocka_unit_test(the_widest_is_chosen_and_force_overrules),
        cmocka_unit_test(threads_choose_alike),
        cmocka_unit_test(dot_has_the_canonical_order),
        cmocka_unit_test(dot_ends_in_plus_zero),
        cmocka_unit_test(cholesky_solves),
        cmocka_unit_test(tables_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
