/* test_angle.c - accuracy against the C library, exact quarters, pinned bits. */
#include "base/angle.h"
#include "base/random.h"
#include "support/test.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const long double pi = 3.141592653589793238462643383279502884L;

static double unit(double x) { return nextafter(fabs(x), 1e300) - fabs(x); }

static void sine_and_cosine_are_close(void **state) {
    (void)state;
    recs__random random;
    double worst = 0, worst_square = 0;
    recs__random_seed(&random, 1);
    for (int i = 0; i < 200000; i++) {
        double degrees = recs__random_double(&random) * 720 - 360, s, c;
        recs__sincos_degrees(degrees, &s, &c);
        /* Quarter turns are taken off here too: pi is not exact in any format. */
        int quarter = (int)lround(degrees / 90);
        long double t = ((long double)degrees - 90 * quarter) * (pi / 180);
        long double sines[] = {sinl(t), cosl(t), -sinl(t), -cosl(t)};
        double es = (double)fabsl((long double)s - sines[quarter & 3]) / unit(s);
        double ec = (double)fabsl((long double)c - sines[(quarter + 1) & 3]) / unit(c);
        worst = fmax(worst, fmax(es, ec));
        worst_square = fmax(worst_square, fabs(fma(s, s, c * c) - 1.0));
    }
    if (LDBL_DIG > DBL_DIG) /* else the reference is no better */
        assert_true(worst < 2.0);
    assert_true(worst_square < 4 * DBL_EPSILON);
}

static void quarters_are_exact(void **state) {
    (void)state;
    static const double sines[] = {0, 1, 0, -1}, cosines[] = {1, 0, -1, 0};
    for (int q = -4; q <= 4; q++) {
        double s, c;
        recs__sincos_degrees(90.0 * q, &s, &c);
        assert_true(s == sines[q & 3] && c == cosines[q & 3]);
    }
    double s, c, t, d;
    recs__sincos_degrees(180.0, &s, &c);
    recs__sincos_degrees(-180.0, &t, &d);
    assert_true(s == t && c == d);
    assert_true(recs__atan2_degrees(0, 0) == 0);
    assert_true(recs__atan2_degrees(1, 0) == 90 && recs__atan2_degrees(-1, 0) == -90);
    assert_true(recs__atan2_degrees(0, -1) == 180 && recs__atan2_degrees(-0.0, -1) == 180);
    assert_true(recs__atan2_degrees(-5e-200, -1) == 180);
    assert_true(recs__atan2_degrees(0, 1) == 0);
}

static void arc_tangent_is_close(void **state) {
    (void)state;
    recs__random random;
    double worst = 0;
    recs__random_seed(&random, 2);
    for (int i = 0; i < 200000; i++) {
        double y = recs__random_double(&random) * 2 - 1, x = recs__random_double(&random) * 2 - 1;
        if (i % 3 == 0)
            y = ldexp(y, -(i / 3 % 60));
        if (i % 5 == 0)
            x = ldexp(x, -(i / 5 % 60));
        long double wanted = atan2l((long double)y, (long double)x) * (180 / pi);
        long double off = fabsl((long double)recs__atan2_degrees(y, x) - wanted);
        if (off > 359) /* 180 is -180 */
            off = fabsl(off - 360);
        worst = fmax(worst, (double)off / unit((double)wanted));
    }
    if (LDBL_DIG > DBL_DIG) /* else the reference is no better */
        assert_true(worst < 4.0);
}

/* What every machine must give. */
static void bits_are_pinned(void **state) {
    (void)state;
    recs__random random;
    uint64_t sum = 0;
    recs__random_seed(&random, 3);
    for (int i = 0; i < 10000; i++) {
        double results[3];
        double degrees = recs__random_double(&random) * 360 - 180;
        recs__sincos_degrees(degrees, &results[0], &results[1]);
        results[2] = recs__atan2_degrees(results[0], recs__random_double(&random) - 0.5);
        for (int r = 0; r < 3; r++) {
            uint64_t bits;
            memcpy(&bits, &results[r], sizeof bits);
            sum = (sum ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
        }
    }
    assert_true(sum == UINT64_C(0x98eb296b7f839fd5));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sine_and_cosine_are_close),
        cmocka_unit_test(quarters_are_exact),
        cmocka_unit_test(arc_tangent_is_close),
        cmocka_unit_test(bits_are_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
