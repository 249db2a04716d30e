/* filter_shape.c - the functions behind filter_shape.h. */
#include "train/filter_shape.h"

#include "base/math.h"

#include <math.h>

#define PI 3.14159265358979323846
#define SLOPE_POINTS 256

/* Cosine of k pi / n for 0 <= k <= n, without libm: the series on [0, pi / 4],
 * symmetry for the rest. */
static double cosine(double k, double n) {
    double part = k / n;
    if (part > 0.5)
        return -cosine(n - k, n);
    double x = part * PI, squared, sum = 1.0, term = 1.0;
    if (part > 0.25) { /* cos x = 1 - 2 sin^2(x / 2) */
        double half = 0.5 * x, sine = half;
        term = half;
        for (int i = 1; i < 12; i++) {
            term *= -half * half / (double)(2 * i * (2 * i + 1));
            sine += term;
        }
        return 1.0 - 2.0 * sine * sine;
    }
    squared = x * x;
    for (int i = 1; i < 12; i++) {
        term *= -squared / (double)((2 * i - 1) * (2 * i));
        sum += term;
    }
    return sum;
}

static double thousandths(double x) {
    return nearbyint(x * 1000.0) / 1000.0;
}

static double plateau(double flatness, double x) {
    double y = 2.0 * x - 1.0;
    if (y == 0.0)
        return 0.5;
    double step = 0.5 * recs__pow(fabs(y), flatness);
    return y > 0.0 ? 0.5 + step : 0.5 - step;
}

static void fit_chebyshev(recs__shape *shape) {
    size_t points = shape->degree + 1;
    for (size_t k = 0; k < points; k++)
        shape->coefficients[k] = 0.0;
    for (size_t i = 0; i < points; i++) {
        /* From the Laplacian's -1 (eigenvalue 1) to its 1 (eigenvalue 0). */
        double sample = thousandths(-cosine((double)i, (double)shape->degree));
        double value = thousandths(plateau(shape->flatness, 0.5 - 0.5 * sample));
        double node = -cosine((double)i + 0.5, (double)points);
        double before = value, now = node * value;
        for (size_t k = 0; k < points; k++) {
            shape->coefficients[k] += before * (k == 0 ? 1.0 : 2.0) / (double)points;
            double next = 2.0 * node * now - before;
            before = now;
            now = next;
        }
    }
}

void recs__shape_init(recs__shape *shape, recs__shape_kind kind, double flatness, size_t degree,
                      double time) {
    shape->kind = kind;
    shape->flatness = flatness;
    shape->degree = degree;
    shape->time = time;
    if (kind == RECS__SHAPE_CHEBYSHEV)
        fit_chebyshev(shape);
}

/* Clenshaw's recurrence at 1 - 2x, the eigenvalue of 2L - I. */
static double chebyshev(const recs__shape *shape, double x) {
    double y = 1.0 - 2.0 * x, one = 0.0, two = 0.0;
    for (size_t k = shape->degree; k > 0; k--) {
        double next = 2.0 * y * one - two + shape->coefficients[k];
        two = one;
        one = next;
    }
    return y * one - two + shape->coefficients[0];
}

double recs__shape_sharpening(const recs__shape *shape, double x) {
    double t = shape->time * fmin(fmax(x, 0.0), 1.0);
    return 1.0 - t * (1.0 - t / 2.0 * (1.0 - t / 3.0 * (1.0 - t / 4.0)));
}

double recs__shape_at(const recs__shape *shape, double x) {
    x = fmin(fmax(x, 0.0), 1.0);
    switch (shape->kind) {
    case RECS__SHAPE_SECOND:
        return x * (2.0 - x);
    case RECS__SHAPE_THIRD:
        return x + 0.01 * x * (-29.0 + x * (10.0 - x));
    case RECS__SHAPE_SHARPEN:
        return x * recs__shape_sharpening(shape, x);
    case RECS__SHAPE_PLATEAU:
        return plateau(shape->flatness, x);
    case RECS__SHAPE_CHEBYSHEV:
        return chebyshev(shape, x);
    case RECS__SHAPE_LINEAR:
        break;
    }
    return x;
}

double recs__shape_slope(const recs__shape *shape, double end) {
    double zero = recs__shape_at(shape, 0.0), sum = 0.0, squares = 0.0;
    if (shape->kind == RECS__SHAPE_LINEAR)
        return 1.0;
    for (size_t i = 1; i <= SLOPE_POINTS; i++) {
        double x = end * (double)i / SLOPE_POINTS;
        sum += (recs__shape_at(shape, x) - zero) * x;
        squares += x * x;
    }
    return squares > 0.0 ? sum / squares : 0.0;
}
