/* math.h - the transcendentals that may touch a score, a snapshot or a file.
 * Own polynomials on fused multiply-add, so the bits are the same on every
 * libm, compiler and instruction set. Accuracy: within 2 ulp of float for
 * the f forms, 4 ulp of double for the others; NaN, infinities, zero and
 * denormals as C11 annex F says. */
#ifndef RECS_BASE_MATH_H
#define RECS_BASE_MATH_H

float recs__exp2f(float x);
float recs__log2f(float x);
double recs__exp2(double x);
double recs__log2(double x);
/* ln(1 + x) and x^y (x >= 0) built on the above. */
float recs__log1pf(float x);
double recs__log1p(double x);
double recs__pow(double x, double y);

#endif
