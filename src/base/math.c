/* math.c - exp2, log2, log1p and pow whose bits depend on nothing but their
 * argument.
 *
 * Method. 2^x: x = n + r with |r| <= 1/2, the Taylor series of 2^r, and a
 * scale by 2^n. Logarithms: x = m * 2^e with m between sqrt(1/2) and sqrt(2),
 * s = f / (2 + f) with f = m - 1, and ln(m) = 2 atanh(s) by its series, in
 * double for the float forms and in pairs of doubles (a rounded value and what
 * rounding lost) for the double forms, since pow multiplies any error of the
 * logarithm by up to 1,024. All coefficients follow from a formula, none is
 * fitted.
 *
 * Every product that is added to something is one fma(), which C rounds once
 * on every machine, so neither the compiler nor the instruction set has a
 * choice. Cost where the processor has the instruction: about 20 ns for the
 * float forms, 40 for exp2, 130 for the double logarithms.
 *
 * Measured error, in units in the last place: tests/test_math.c, which also
 * pins bits. Only the default rounding mode is meant. */
#include "base/math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ---- parts of a number --------------------------------------------------------- */

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^n for a normal result: -1022 <= n <= 1023. */
static double power_of_two(int n) { return from_bits((uint64_t)(n + 1023) << 52); }

/* value * 2^n for value between 1/2 and 2, rounded at most once. */
static double scale(double value, int n) {
    if (n < -1021) /* into the denormals, by way of a number that is not */
        return value * power_of_two(n + 100) * power_of_two(-100);
    if (n > 1022) /* to the edge of what there is */
        return value * power_of_two(n - 1) * 2.0;
    return value * power_of_two(n);
}

static int nearest(double x) { return (int)(x + (x < 0 ? -0.5 : 0.5)); }

/* x = m * 2^e, m from sqrt(1/2) to sqrt(2); x finite and above 0. */
static double split(double x, int *e) {
    int shift = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        shift = -54;
    }
    uint64_t bits = bits_of(x);
    *e = (int)(bits >> 52) - 1023 + shift;
    double m = from_bits((bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52);
    if (m > 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        *e += 1;
    }
    return m;
}

/* ---- the two series -------------------------------------------------------------- */

enum { EXP2_TERMS = 13, EXP2_TERMS_FLOAT = 8 };

/* 2^r for |r| <= 1/2 (a little more does no harm): sum of (r ln 2)^k / k! up
 * to k = terms. What is left out is below 2^-57, for float below 2^-32. */
static inline double exp2_series(double r, int terms) {
    static const double c[EXP2_TERMS + 1] = {1.0, /* ln(2)^k / k! */
                                             0x1.62e42fefa39efp-1,
                                             0x1.ebfbdff82c58fp-3,
                                             0x1.c6b08d704a0c0p-5,
                                             0x1.3b2ab6fba4e77p-7,
                                             0x1.5d87fe78a6731p-10,
                                             0x1.430912f86c787p-13,
                                             0x1.ffcbfc588b0c7p-17,
                                             0x1.62c0223a5c824p-20,
                                             0x1.b5253d395e7c4p-24,
                                             0x1.e4cf5158b8ecap-28,
                                             0x1.e8cac7351bb25p-32,
                                             0x1.c3bd650fc2986p-36,
                                             0x1.816193166d0f9p-40};
    double sum = c[terms];
    for (int k = terms - 1; k >= 0; k--)
        sum = fma(sum, r, c[k]);
    return sum;
}

/* Sum of z^(k - first) / (2k + 1) for k from first to last: the tail of
 * atanh(s) / s with z = s * s. */
static inline double atanh_series(double z, int first, int last) {
    static const double c[13] = {1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,
                                 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19,
                                 1.0 / 21, 1.0 / 23, 1.0 / 25};
    double sum = c[last];
    for (int k = last - 1; k >= first; k--)
        sum = fma(sum, z, c[k]);
    return sum;
}

/* ln(1 + f) within 2^-30 or so, for the float forms. */
static double log_float(double f) {
    double s = f / (2.0 + f), z = s * s;
    return 2.0 * fma(s * z, atanh_series(z, 1, 6), s);
}

/* A value and what its rounding lost: value = high + low, |low| at most half
 * a unit in the last place of high. */
typedef struct pair {
    double high, low;
} pair;

/* ln(1 + f + f_low) for 1 + f from sqrt(1/2) to sqrt(2), to about 2^-64. */
static pair log_pair(double f, double f_low) {
    const double third = 0x1.5555555555555p-2, third_low = 0x1.5555555555555p-56;

    /* s = f / d, and the remainder of the division makes s_low. */
    double d = 2.0 + f, d_low = (f - (d - 2.0)) + f_low;
    double s = f / d;
    double s_low = (fma(-s, d, f) + fma(-s, d_low, f_low)) / d;

    /* w = z (1/3 + z (1/5 + ...)), so that atanh(s) = s + s w. Only the
     * first coefficient weighs enough to need its low part. */
    double z = s * s, z_low = fma(2.0 * s, s_low, fma(s, s, -z));
    double tail = z * atanh_series(z, 2, 12);
    double g = third + tail, g_low = ((third - g) + tail) + third_low;
    double w = z * g, w_low = fma(z, g, -w) + fma(z, g_low, z_low * g);
    double v = s * w, v_low = fma(s, w, -v) + fma(s, w_low, s_low * w);

    double high = s + v, low = ((s - high) + v) + (v_low + s_low);
    return (pair){2.0 * high, 2.0 * low};
}

/* log2(x), x finite and above 0. */
static pair log2_pair(double x) {
    const double per_e = 0x1.71547652b82fep+0, per_e_low = 0x1.777d0ffda0d24p-56; /* 1 / ln 2 */
    int e;
    double m = split(x, &e);
    pair natural = log_pair(m - 1.0, 0.0);
    double y = natural.high * per_e;
    double y_low = fma(natural.high, per_e, -y) +
                   fma(natural.high, per_e_low, natural.low * per_e);
    double high = (double)e + y;
    return (pair){high, (((double)e - high) + y) + y_low};
}

/* ---- double ------------------------------------------------------------------------ */

/* 2^(x + low), |low| below 2^-40 or so. */
static double exp2_of(double x, double low) {
    if (isnan(x))
        return x;
    if (x >= 1025.0)
        return (double)INFINITY;
    if (x <= -1080.0)
        return 0.0;
    int n = nearest(x);
    return scale(exp2_series((x - n) + low, EXP2_TERMS), n);
}

double recs__exp2(double x) { return exp2_of(x, 0.0); }

double recs__log2(double x) {
    if (isnan(x) || x == (double)INFINITY)
        return x;
    if (x == 0.0)
        return -(double)INFINITY;
    if (x < 0.0)
        return (double)NAN;
    pair y = log2_pair(x);
    return y.high + y.low;
}

double recs__log1p(double x) {
    const double ln2 = 0x1.62e42fefa2000p-1, ln2_low = 0x1.9ef35793c7673p-41;
    if (isnan(x) || x == (double)INFINITY || fabs(x) < 0x1p-54)
        return x;
    if (x <= -1.0)
        return x == -1.0 ? -(double)INFINITY : (double)NAN;

    /* Near 0 the series takes x itself. Farther away 1 + x is rounded to u
     * and what that lost goes along, scaled as u is. */
    if (x > -0.29 && x < 0.41) {
        pair y = log_pair(x, 0.0);
        return y.high + y.low;
    }
    double u = 1.0 + x;
    double lost = x >= 1.0 ? 1.0 - (u - x) : x - (u - 1.0);
    int e;
    double m = split(u, &e);
    pair y = log_pair(m - 1.0, e < 60 ? lost * power_of_two(-e) : 0.0);
    double whole = (double)e * ln2; /* exact: ln2 has 40 bits */
    double high = whole + y.high;
    double low = ((whole - high) + y.high) + fma((double)e, ln2_low, y.low);
    return high + low;
}

double recs__pow(double x, double y) {
    if (y == 0.0 || x == 1.0)
        return 1.0;
    if (isnan(x) || isnan(y) || x < 0.0)
        return (double)NAN;
    if (x == 0.0 || x == (double)INFINITY)
        return (x == 0.0) == (y > 0.0) ? 0.0 : (double)INFINITY;
    if (y == 1.0)
        return x;
    if (isinf(y))
        return (x > 1.0) == (y > 0.0) ? (double)INFINITY : 0.0;

    pair l = log2_pair(x);
    double p = y * l.high;
    if (fabs(p) >= 1100.0)
        return p > 0.0 ? (double)INFINITY : 0.0;
    return exp2_of(p, fma(y, l.high, -p) + y * l.low);
}

/* ---- float: in double, rounded once at the end ---------------------------------------- */

float recs__exp2f(float x) {
    if (isnan(x))
        return x;
    if (x >= 129.0f)
        return INFINITY;
    if (x <= -151.0f)
        return 0.0f;
    int n = nearest((double)x);
    return (float)(exp2_series((double)x - n, EXP2_TERMS_FLOAT) * power_of_two(n));
}

float recs__log2f(float x) {
    const double per_e = 0x1.71547652b82fep+0;
    if (isnan(x) || x == INFINITY)
        return x;
    if (x == 0.0f)
        return -INFINITY;
    if (x < 0.0f)
        return NAN;
    int e;
    double m = split((double)x, &e);
    return (float)fma(log_float(m - 1.0), per_e, (double)e);
}

float recs__log1pf(float x) {
    const double ln2 = 0x1.62e42fefa39efp-1;
    if (isnan(x) || x == INFINITY || fabsf(x) < 0x1p-26f)
        return x;
    if (x <= -1.0f)
        return x == -1.0f ? -INFINITY : NAN;
    if (x > -0.29f && x < 0.41f)
        return (float)log_float((double)x);
    int e;
    double m = split(1.0 + (double)x, &e);
    return (float)fma((double)e, ln2, log_float(m - 1.0));
}
