/* test_eigen.c - A z = lambda z, orthonormal rows, descending values: on
 * random, graded, rank-deficient and diagonal matrices of many sizes. */
#include "train/eigen.h"

#include "base/random.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum made { RANDOM, GRADED, LOW_RANK, DIAGONAL, EQUAL, ZERO, MADE } made;

static void fill(double *a, size_t n, made what, recs__random *random) {
    size_t rank = what == LOW_RANK ? n / 3 + 1 : n + 2;
    double *x = malloc(rank * n * sizeof *x);
    for (size_t i = 0; i < rank * n; i++)
        x[i] = (double)recs__random_normal(random) *
               (what == GRADED ? pow(10.0, -8.0 * (double)(i % n) / (double)n) : 1.0);
    for (size_t j = 0; j < n; j++)
        for (size_t l = 0; l < n; l++) {
            double sum = 0.0;
            for (size_t i = 0; i < rank; i++)
                sum += x[i * n + j] * x[i * n + l];
            a[j * n + l] = what == ZERO ? 0.0
                           : what == EQUAL ? (j == l ? 3.0 : 0.0)
                           : what == DIAGONAL && j != l ? 0.0
                                                        : sum;
        }
    free(x);
}

static void test_decomposes(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 7, 16, 33, 64, 100};
    recs__random random;
    recs__random_seed(&random, 5);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (made what = RANDOM; what < MADE; what++) {
            size_t n = sizes[s];
            double *a = malloc(n * n * sizeof *a), *z = malloc(n * n * sizeof *z);
            double *values = malloc(4 * n * sizeof *values), largest = 0.0;
            fill(a, n, what, &random);
            memcpy(z, a, n * n * sizeof *a);
            assert_true(recs__eigen(z, n, values, values + n));
            for (size_t i = 0; i < n; i++)
                largest = fmax(largest, fabs(values[i]));
            for (size_t i = 0; i < n; i++) {
                assert_true(i == 0 || values[i] <= values[i - 1]);
                for (size_t k = 0; k <= i; k++) {
                    double sum = 0.0;
                    for (size_t j = 0; j < n; j++)
                        sum += z[i * n + j] * z[k * n + j];
                    assert_true(fabs(sum - (i == k)) < 1e-12);
                }
                for (size_t j = 0; j < n; j++) {
                    double sum = 0.0;
                    for (size_t l = 0; l < n; l++)
                        sum += a[j * n + l] * z[i * n + l];
                    assert_true(fabs(sum - values[i] * z[i * n + j]) <= 1e-12 * largest);
                }
            }
            free(a);
            free(z);
            free(values);
        }
}

static void test_what_is_not_finite_is_refused(void **state) {
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < 3; b++) {
        double a[9] = {1, 0, 0, 0, 1, bad[b], 0, bad[b], 1}, values[3], room[9];
        assert_false(recs__eigen(a, 3, values, room));
    }
    assert_true(recs__eigen(NULL, 0, NULL, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decomposes),
        cmocka_unit_test(test_what_is_not_finite_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
