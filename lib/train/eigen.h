/* eigen.h - the eigen-decomposition of a small symmetric matrix, in code of
 * our own so that its bits do not depend on the processor.
 *
 * Householder tridiagonalisation and implicit QL steps (Wilkinson, Reinsch,
 * "Handbook for Automatic Computation" II, 1971; Golub, Van Loan, "Matrix
 * Computations", 8.3), in double, every sum in one written order, no function
 * of libm but the square root. */
#ifndef RECS_TRAIN_EIGEN_H
#define RECS_TRAIN_EIGEN_H

#include <stdbool.h>
#include <stddef.h>

/* a: n x n, symmetric, both triangles; becomes the eigenvectors, one a row, of
 * the eigenvalues, descending. room: 3 n. Each vector's largest entry (the
 * first of equals) is positive. False when a holds what is not finite or the
 * steps do not settle. About 9 n^3 multiply-adds. */
bool recs__eigen(double *a, size_t n, double *values, double *room);

#endif
