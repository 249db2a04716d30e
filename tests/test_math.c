/* test_math.c - accuracy against the C library's long double functions, the
 * special values of C11 annex F, and the bits themselves. */
#include "base/math.h"
#include "base/random.h"
#include "support/test.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { RANDOM_INPUTS = 200000 };

typedef double one_double(double x);
typedef long double one_long(long double x);
typedef float one_float(float x);

static double from_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint32_t bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Distance in units in the last place of a result with `digits` bits and
 * smallest exponent lowest; huge when one is not finite and the other is. */
static double distance(long double got, long double wanted, int digits, int lowest) {
    if (isnan(wanted))
        return isnan(got) ? 0 : HUGE_VAL;
    if (isinf(got) || isinf(wanted)) {
        if (got == wanted)
            return 0;
        /* a reference just above the largest number may round to it or not */
        long double edge = ldexpl(1, digits == 24 ? 128 : 1024);
        return fabsl(isinf(got) ? wanted : got) >= edge * 0.9999999L &&
                       (got > 0) == (wanted > 0)
                   ? 0
                   : HUGE_VAL;
    }
    int exponent;
    frexpl(wanted, &exponent);
    int unit = exponent - digits;
    if (unit < lowest)
        unit = lowest;
    return (double)fabsl(ldexpl(got - wanted, -unit));
}

static double distance_double(double got, long double wanted) {
    return distance(got, wanted, 53, -1074);
}

static double distance_float(float got, long double wanted) {
    return distance(got, wanted, 24, -149);
}

/* Whether long double computes with more bits than double: it does not on
 * some systems, nor under valgrind, and then it cannot judge. */
static bool can_judge(void) {
    volatile long double one = 1, little = 0x1p-60L;
    if (one + little != one)
        return true;
    print_message("skipped: long double is no better than double here\n");
    return false;
}

#define NEEDS_A_JUDGE()                                                                          \
    do {                                                                                         \
        if (!can_judge())                                                                        \
            skip();                                                                              \
    } while (0)

static void sweep_double(const char *name, one_double *ours, one_long *reference, double low,
                         double high, double *worst) {
    recs__random random;
    recs__random_seed(&random, 1);
    for (int i = 0; i < RANDOM_INPUTS; i++) {
        double x = low + (high - low) * recs__random_double(&random);
        double off = distance_double(ours(x), reference(x));
        if (off > *worst)
            *worst = off;
        if (off > 4)
            fail_msg("%s(%a) = %a is %g ulp off", name, x, ours(x), off);
    }
}

/* Any bit pattern at all. */
static void sweep_bits(const char *name, one_double *ours, one_long *reference, double *worst) {
    recs__random random;
    recs__random_seed(&random, 2);
    for (int i = 0; i < RANDOM_INPUTS; i++) {
        double x = from_bits(recs__random_u64(&random));
        double off = distance_double(ours(x), reference(x));
        if (off > *worst)
            *worst = off;
        if (off > 4)
            fail_msg("%s(%a) = %a is %g ulp off", name, x, ours(x), off);
    }
}

/* Every 4099th float there is, infinities and NaN among them. */
static void sweep_float(const char *name, one_float *ours, one_long *reference) {
    double worst = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 4099) {
        uint32_t pattern = (uint32_t)bits;
        float x;
        memcpy(&x, &pattern, sizeof x);
        double off = distance_float(ours(x), reference((long double)x));
        if (off > worst)
            worst = off;
        if (off > 2)
            fail_msg("%s(%a) = %a is %g ulp off", name, (double)x, (double)ours(x), off);
    }
    print_message("%-12s worst %.3f ulp of float\n", name, worst);
}

static void test_exp2_accuracy(void **state) {
    (void)state;
    NEEDS_A_JUDGE();
    double worst = 0;
    sweep_double("exp2", recs__exp2, exp2l, -1076, 1024, &worst);
    sweep_double("exp2", recs__exp2, exp2l, -1, 1, &worst);
    sweep_double("exp2", recs__exp2, exp2l, -1e-9, 1e-9, &worst);
    sweep_bits("exp2", recs__exp2, exp2l, &worst);
    print_message("%-12s worst %.3f ulp\n", "exp2", worst);
    sweep_float("exp2f", recs__exp2f, exp2l);
}

static void test_log2_accuracy(void **state) {
    (void)state;
    NEEDS_A_JUDGE();
    double worst = 0;
    sweep_double("log2", recs__log2, log2l, 0.5, 2, &worst);
    sweep_double("log2", recs__log2, log2l, 0.9999, 1.0001, &worst);
    sweep_double("log2", recs__log2, log2l, 0, 1e6, &worst);
    sweep_double("log2", recs__log2, log2l, 0, 0x1p-1022, &worst);
    sweep_bits("log2", recs__log2, log2l, &worst);
    print_message("%-12s worst %.3f ulp\n", "log2", worst);
    sweep_float("log2f", recs__log2f, log2l);
}

static void test_log1p_accuracy(void **state) {
    (void)state;
    NEEDS_A_JUDGE();
    double worst = 0;
    sweep_double("log1p", recs__log1p, log1pl, -1, 1, &worst);
    sweep_double("log1p", recs__log1p, log1pl, -0.30, -0.28, &worst);
    sweep_double("log1p", recs__log1p, log1pl, 0.40, 0.42, &worst);
    sweep_double("log1p", recs__log1p, log1pl, -1e-12, 1e-12, &worst);
    sweep_double("log1p", recs__log1p, log1pl, 0, 1e6, &worst);
    sweep_double("log1p", recs__log1p, log1pl, -1, -0.999999, &worst);
    sweep_bits("log1p", recs__log1p, log1pl, &worst);
    print_message("%-12s worst %.3f ulp\n", "log1p", worst);
    sweep_float("log1pf", recs__log1pf, log1pl);
}

static void test_pow_accuracy(void **state) {
    (void)state;
    NEEDS_A_JUDGE();
    recs__random random;
    recs__random_seed(&random, 3);
    double worst = 0;
    for (int i = 0; i < 4 * RANDOM_INPUTS; i++) {
        double x = recs__random_double(&random), y = recs__random_double(&random);
        switch (i % 4) {
        case 0: /* what training asks: counts and popularities to a small power */
            x *= 1e6;
            y = 2 * y - 1;
            break;
        case 1: /* near 1 to large powers */
            x = 1 + (x - 0.5) * 0x1p-10;
            y = (y - 0.5) * 1e6;
            break;
        case 2: /* anything that stays finite */
            x = recs__exp2((x - 0.5) * 2140);
            y = (y - 0.5) * 4;
            break;
        default: /* any bits */
            x = fabs(from_bits(recs__random_u64(&random)));
            y = from_bits(recs__random_u64(&random));
        }
        double off = distance_double(recs__pow(x, y), powl(x, y));
        if (off > worst)
            worst = off;
        if (off > 4)
            fail_msg("pow(%a, %a) = %a is %g ulp off", x, y, recs__pow(x, y), off);
    }
    print_message("%-12s worst %.3f ulp\n", "pow", worst);
}

static void test_special_values(void **state) {
    (void)state;
    const double inf = (double)INFINITY, nan = (double)NAN;
    static double (*const one[])(double) = {recs__exp2, recs__log2, recs__log1p};
    static float (*const onef[])(float) = {recs__exp2f, recs__log2f, recs__log1pf};
    for (int i = 0; i < 3; i++) {
        assert_true(isnan(one[i](nan)));
        assert_true(isnan(onef[i](NAN)));
        assert_true(one[i](inf) == inf);
        assert_true(onef[i](INFINITY) == INFINITY);
    }
    assert_true(recs__exp2(-inf) == 0 && recs__exp2f(-INFINITY) == 0);
    assert_true(recs__exp2(0) == 1 && recs__exp2(-0.0) == 1 && recs__exp2f(-0.0f) == 1);
    assert_true(recs__exp2(1024) == inf && recs__exp2f(128) == INFINITY);
    assert_true(recs__exp2(1e300) == inf && recs__exp2(-1e300) == 0);
    for (int n = -1074; n < 1024; n++)
        assert_true(recs__exp2(n) == ldexp(1, n) && recs__log2(ldexp(1, n)) == n);
    for (int n = -149; n < 128; n++)
        assert_true(recs__exp2f((float)n) == ldexpf(1, n) &&
                    recs__log2f(ldexpf(1, n)) == (float)n);

    assert_true(recs__log2(0) == -inf && recs__log2(-0.0) == -inf && recs__log2f(0) == -INFINITY);
    assert_true(isnan(recs__log2(-1)) && isnan(recs__log2(-inf)) && isnan(recs__log2f(-1)));
    assert_int_equal(bits_of(recs__log2(1)), 0);

    assert_true(recs__log1p(-1) == -inf && recs__log1pf(-1) == -INFINITY);
    assert_true(isnan(recs__log1p(-1.5)) && isnan(recs__log1p(-inf)) && isnan(recs__log1pf(-2)));
    static const double tiny[] = {0.0, -0.0, 0x1p-1074, -0x1p-1074, 0x1.8p-1060, 0x1p-60};
    for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++)
        assert_int_equal(bits_of(recs__log1p(tiny[i])), bits_of(tiny[i]));
    assert_int_equal(bits_of_float(recs__log1pf(-0.0f)), bits_of_float(-0.0f));
    assert_int_equal(bits_of_float(recs__log1pf(0x1p-149f)), 1);

    const double values[] = {0, 0.5, 1, 2, inf, nan, 0x1p-1074, DBL_MAX};
    const double powers[] = {0, -0.0, 1, -1, 0.5, -0.5, 3, inf, -inf, nan, 1e300, -1e300, 1e-300};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (size_t j = 0; j < sizeof powers / sizeof *powers; j++) {
            double got = recs__pow(values[i], powers[j]), wanted = pow(values[i], powers[j]);
            if (distance_double(got, wanted) > 1)
                fail_msg("pow(%a, %a) = %a, expected %a", values[i], powers[j], got, wanted);
        }
    assert_true(isnan(recs__pow(-2, 2)));
    assert_true(recs__pow(4, 0.5) == 2 && recs__pow(0x1p-1074, 0.5) == 0x1p-537);
}

/* Scores and files hold these: a change of one bit is a change of format. */
static void test_pinned_bits(void **state) {
    (void)state;
    static const struct {
        double x, exp2, log2, log1p, pow;
        float exp2f, log2f, log1pf;
    } pinned[] = {
        {0x1.999999999999ap-4, 0x1.125fbee2506bp-1000, -0x1.a934f0979a371p+1, 0x1.8663f793c46c7p-4,
         0x1.6c310e3769f3fp-3, 0x1.002d72p+0f, -0x1.a934fp+1f, 0x1.8663f8p-4f},
        {0x1.6666666666666p-1, 0x1.9fdf8bcce5424p-1000, -0x1.0776228967d13p-1, 0x1.0fae81914a991p-1,
         0x1.87d382f241a5fp-1, 0x1.013ec2p+0f, -0x1.077624p-1f, 0x1.0fae82p-1f},
        {0x1.a666666666666p+1, 0x1.3b2c47bff827ap-997, 0x1.b8f3888b93109p+0, 0x1.7567cb4bf2df7p+0,
         0x1.3965bdae20751p+1, 0x1.05ec56p+0f, 0x1.b8f388p+0f, 0x1.7567ccp+0f},
        {0x1.34ap+10, 0x1.6a09e667f3bccp+234, 0x1.48a17937959fbp+3, 0x1.c7a17b2ab89e4p+2,
         0x1.a0882dadbc09dp+7, 0x1.4528a2p+12f, 0x1.48a17ap+3f, 0x1.c7a17cp+2f},
    };
    for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++) {
        double x = pinned[i].x;
        float f = (float)x;
        assert_true(recs__exp2(x - 1000) == pinned[i].exp2);
        assert_true(recs__log2(x) == pinned[i].log2);
        assert_true(recs__log1p(x) == pinned[i].log1p);
        assert_true(recs__pow(x, 0.75) == pinned[i].pow);
        assert_true(recs__exp2f(f / 100) == pinned[i].exp2f);
        assert_true(recs__log2f(f) == pinned[i].log2f);
        assert_true(recs__log1pf(f) == pinned[i].log1pf);
    }

    uint64_t sum = 0;
    recs__random random;
    recs__random_seed(&random, 4);
    for (int i = 0; i < 20000; i++) {
        double x = 40 * recs__random_double(&random) - 0.99;
        float f = (float)x;
        const uint64_t parts[] = {bits_of(recs__exp2(x)),
                                  bits_of(recs__log2(x)),
                                  bits_of(recs__log1p(x)),
                                  bits_of(recs__pow(x, 0.75)),
                                  bits_of_float(recs__exp2f(f)),
                                  bits_of_float(recs__log2f(f)),
                                  bits_of_float(recs__log1pf(f))};
        for (size_t j = 0; j < 7; j++)
            if (x > 0 || (j != 1 && j != 3 && j != 5)) /* a NaN has no bits of its own */
                sum = (sum ^ parts[j]) * UINT64_C(0x9E3779B97F4A7C15) + 1;
    }
    print_message("sum of bits  0x%016llx\n", (unsigned long long)sum);
    assert_true(sum == UINT64_C(0xe38ca4e3214e9b9c));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp2_accuracy), cmocka_unit_test(test_log2_accuracy),
        cmocka_unit_test(test_log1p_accuracy), cmocka_unit_test(test_pow_accuracy),
        cmocka_unit_test(test_special_values), cmocka_unit_test(test_pinned_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
