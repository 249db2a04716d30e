/* test_filter_shape.c - the transfer functions at points worked out by hand,
 * and the fit a sparse graph takes of them. */
#include "train/filter_shape.h"

#include "support/test.h"

#include <math.h>

static double at(recs__shape_kind kind, double x) {
    recs__shape shape;
    recs__shape_init(&shape, kind, 1.5, 8, 2.5);
    return recs__shape_at(&shape, x);
}

static void test_points(void **state) {
    (void)state;
    for (double x = 0.0; x <= 1.0; x += 0.125) {
        double t = 2.5 * x;
        assert_true(at(RECS__SHAPE_LINEAR, x) == x);
        assert_true(fabs(at(RECS__SHAPE_SECOND, x) - (2 * x - x * x)) < 1e-12);
        assert_true(fabs(at(RECS__SHAPE_THIRD, x) -
                         (x + 0.01 * (-x * x * x + 10 * x * x - 29 * x))) < 1e-12);
        assert_true(fabs(at(RECS__SHAPE_SHARPEN, x) -
                         x * (1 - t + t * t / 2 - t * t * t / 6 + t * t * t * t / 24)) < 1e-12);
        double plateau = x < 0.5 ? 0.5 - 0.5 * pow(1 - 2 * x, 1.5) : 0.5 + 0.5 * pow(2 * x - 1, 1.5);
        assert_true(fabs(at(RECS__SHAPE_PLATEAU, x) - plateau) < 1e-9);
    }
    assert_true(at(RECS__SHAPE_LINEAR, 1.5) == 1.0 && at(RECS__SHAPE_LINEAR, -1.0) == 0.0);
}

/* As the published program has them for degree 8, flatness 1.5 and 10. */
static void test_chebyshev(void **state) {
    (void)state;
    static const double mild[] = {-0.005, 0.0964, 0.232,  0.3524, 0.4388, 0.5,
                                  0.5612, 0.6476, 0.768, 0.9036, 1.005};
    static const double flat[] = {-0.0458, 0.3689, 0.4962, 0.5035, 0.4945, 0.5,
                                  0.5055,  0.4965, 0.5038, 0.6311, 1.0458};
    static const double coefficients[] = {0.5, -0.492678877, 0, -0.0323316151, 0,
                                          0.0211152597, 0, -0.00110709754, 0};
    recs__shape shape;
    recs__shape_init(&shape, RECS__SHAPE_CHEBYSHEV, 1.5, 8, 0);
    for (size_t k = 0; k <= 8; k++)
        assert_true(fabs(shape.coefficients[k] - coefficients[k]) < 1e-8);
    for (size_t i = 0; i <= 10; i++)
        assert_true(fabs(recs__shape_at(&shape, (double)i / 10) - mild[i]) < 6e-5);
    recs__shape_init(&shape, RECS__SHAPE_CHEBYSHEV, 10, 8, 0);
    for (size_t i = 0; i <= 10; i++)
        assert_true(fabs(recs__shape_at(&shape, (double)i / 10) - flat[i]) < 6e-5);
    for (size_t degree = 1; degree <= RECS__SHAPE_DEGREES; degree++) {
        recs__shape_init(&shape, RECS__SHAPE_CHEBYSHEV, 1.5, degree, 0);
        for (size_t i = 0; i <= 10; i++)
            assert_true(isfinite(recs__shape_at(&shape, (double)i / 10)));
    }
}

static void test_slope(void **state) {
    (void)state;
    recs__shape shape;
    recs__shape_init(&shape, RECS__SHAPE_LINEAR, 1, 1, 0);
    assert_true(recs__shape_slope(&shape, 0.3) == 1.0);
    recs__shape_init(&shape, RECS__SHAPE_SECOND, 1, 1, 0);
    /* integral of (2x - x^2) x over that of x^2: 2 - 3/4 end. */
    assert_true(fabs(recs__shape_slope(&shape, 0.2) - 1.85) < 1e-2);
    recs__shape_init(&shape, RECS__SHAPE_PLATEAU, 1, 1, 0); /* flatness 1 is linear */
    assert_true(fabs(recs__shape_slope(&shape, 1.0) - 1.0) < 1e-9);
    assert_true(recs__shape_slope(&shape, 0.0) == 0.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_chebyshev),
        cmocka_unit_test(test_slope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
