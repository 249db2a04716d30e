/* filter_shape.h - the transfer functions of linear graph filters: what becomes
 * of the part of a history that lies on an eigenvector of the item graph, by
 * its eigenvalue.
 *
 * Eigenvalues run from 0 (noise) to 1 (what all tastes share).
 *
 *   linear     f(x) = x                            GF-CF (Shen et al. 2021)
 *   second     2x - x^2                            Turbo-CF (Park et al. 2024)
 *   third      x + 0.01 (-x^3 + 10 x^2 - 29 x)     Turbo-CF
 *   sharpen    x (1 - t x + (t x)^2 / 2 - (t x)^3 / 6 + (t x)^4 / 24): one step
 *              of blurring, then one Runge-Kutta step of length t of
 *              sharpening, dr/dt = -P r            BSPM (Choi et al. 2023)
 *              (what x is multiplied by: recs__shape_sharpening)
 *   plateau    1/2 + 1/2 (2x - 1)^flatness above 1/2, the mirror image below:
 *              what ChebyCF approximates
 *   chebyshev  the polynomial of `degree` in Chebyshev's basis that ChebyCF
 *              (Kim et al. 2025) works out from plateau: its samples are taken
 *              at the extrema of T_degree, rounded to three digits, and
 *              weighted as if taken at the roots of T_(degree + 1), which
 *              bends the ends and is kept for its published results */
#ifndef RECS_TRAIN_FILTER_SHAPE_H
#define RECS_TRAIN_FILTER_SHAPE_H

#include <stddef.h>

#define RECS__SHAPE_DEGREES 64

typedef enum recs__shape_kind {
    RECS__SHAPE_LINEAR,
    RECS__SHAPE_SECOND,
    RECS__SHAPE_THIRD,
    RECS__SHAPE_SHARPEN,
    RECS__SHAPE_PLATEAU,
    RECS__SHAPE_CHEBYSHEV
} recs__shape_kind;

typedef struct recs__shape {
    recs__shape_kind kind;
    double time, flatness;
    size_t degree;
    double coefficients[RECS__SHAPE_DEGREES + 1]; /* of chebyshev */
} recs__shape;

/* degree 1 to RECS__SHAPE_DEGREES, flatness above 0. What a kind has no use for
 * is ignored. */
void recs__shape_init(recs__shape *shape, recs__shape_kind kind, double flatness, size_t degree,
                      double time);
/* x in [0, 1], to which it is cut. */
double recs__shape_at(const recs__shape *shape, double x);

/* 1 - t x + (t x)^2 / 2 - (t x)^3 / 6 + (t x)^4 / 24, t the shape's time. */
double recs__shape_sharpening(const recs__shape *shape, double x);

/* The c that makes c x the least-squares fit of f(x) - f(0) on [0, end]: what
 * a sparse graph can take of a filter whose strong part is taken by factors. */
double recs__shape_slope(const recs__shape *shape, double end);

#endif
