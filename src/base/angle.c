/* angle.c - sine, cosine and arc tangent of degrees.
 *
 * Method. Sine and cosine: the nearest multiple of 90 degrees is taken off,
 * which is exact, and what is left, at most 45, goes as radians into the
 * Taylor series. Arc tangent: a guess within 0.005 of the angle in the first
 * octant, turned away with the exact sine and cosine of the guess; what remains is
 * a sine of at most 0.005, whose arc sine is four terms of its series. All
 * coefficients follow from a formula but the two of the guess, which no result
 * rests on.
 *
 * Every product that is added to something is one fma(), as in math.c. Cost:
 * 20 and 40 ns. */
#include "base/angle.h"

#include <math.h>

#define DEGREE 0x1.1df46a2529d39p-6   /* pi / 180 */
#define RADIAN 0x1.ca5dc1a63c1f8p+5   /* 180 / pi */

enum { SINE_TERMS = 9, COSINE_TERMS = 9 };

/* sin t and cos t for |t| <= pi / 4: what is left out is below 2^-60. */
static void series(double t, double *sine, double *cosine) {
    static const double s[SINE_TERMS] = {/* (-1)^k / (2k + 1)! */
                                         1.0,
                                         -1.0 / 6,
                                         1.0 / 120,
                                         -1.0 / 5040,
                                         1.0 / 362880,
                                         -1.0 / 39916800,
                                         1.0 / 6227020800,
                                         -1.0 / 1307674368000,
                                         1.0 / 355687428096000};
    static const double c[COSINE_TERMS + 1] = {/* (-1)^k / (2k)! */
                                               1.0,
                                               -1.0 / 2,
                                               1.0 / 24,
                                               -1.0 / 720,
                                               1.0 / 40320,
                                               -1.0 / 3628800,
                                               1.0 / 479001600,
                                               -1.0 / 87178291200,
                                               1.0 / 20922789888000,
                                               -1.0 / 6402373705728000};
    double z = t * t, sum = s[SINE_TERMS - 1], other = c[COSINE_TERMS];
    for (int k = SINE_TERMS - 2; k >= 1; k--)
        sum = fma(sum, z, s[k]);
    for (int k = COSINE_TERMS - 1; k >= 0; k--)
        other = fma(other, z, c[k]);
    *sine = fma(sum * z, t, t);
    *cosine = other;
}

void recs__sincos_degrees(double degrees, double *sine, double *cosine) {
    int quarter = (int)(degrees / 90.0 + (degrees < 0 ? -0.5 : 0.5));
    double s, c;
    series((degrees - 90.0 * quarter) * DEGREE, &s, &c);
    switch (quarter & 3) {
    case 0: *sine = s, *cosine = c; break;
    case 1: *sine = c, *cosine = 0.0 - s; break;
    case 2: *sine = 0.0 - s, *cosine = -c; break;
    default: *sine = -c, *cosine = s; break;
    }
}

double recs__atan2_degrees(double y, double x) {
    double up = fabs(y), along = fabs(x), a, s, c;
    double small = up < along ? up : along, large = up < along ? along : up;
    if (large == 0.0)
        return 0.0;
    a = small / large;
    double guess = a * fma(-0.19194795, a * a, 0.97239411) * RADIAN;
    recs__sincos_degrees(guess, &s, &c);
    double z = fma(a, c, -s) / sqrt(fma(a, a, 1.0)), w = z * z;
    /* asin z = z + z^3 / 6 + 3 z^5 / 40 + 15 z^7 / 336 */
    double rest = fma(fma(15.0 / 336, w, 3.0 / 40), w, 1.0 / 6) * w;
    double angle = fma(fma(rest, z, z), RADIAN, guess);
    if (up > along)
        angle = 90.0 - angle;
    if (x < 0.0)
        angle = 180.0 - angle;
    return y < 0.0 && angle != 180.0 ? -angle : angle;
}
