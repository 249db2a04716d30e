/* eigen.c - see eigen.h. Compiled with -O3 (Makefile): its loops go along
 * rows, each entry on its own, so a vector unit changes no bit. */
#include "train/eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* y += a x */
static void add(double a, const double *restrict x, double *restrict y, size_t n) {
    for (size_t j = 0; j < n; j++)
        y[j] += a * x[j];
}

/* The sum of x[j] y[j] in eight chains, then those in pairs. */
static double product(const double *x, const double *y, size_t n) {
    double sum[8] = {0};
    size_t j = 0;
    for (; j + 8 <= n; j += 8)
        for (size_t l = 0; l < 8; l++)
            sum[l] += x[j + l] * y[j + l];
    for (size_t l = 0; j < n; j++, l++)
        sum[l] += x[j] * y[j];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* Rows k + 1 … of a become tridiagonal. Row k keeps the reflector v beyond
 * column k with H = I - beta v v^T; diagonal, off (entry k: between k and
 * k + 1) and beta are given back. p: n. */
static void reduce(double *a, size_t n, double *diagonal, double *off, double *beta, double *p) {
    for (size_t k = 0; k + 1 < n; k++) {
        double *v = a + k * n + k + 1;
        size_t m = n - k - 1;
        double below = product(v + 1, v + 1, m - 1), head = v[0];
        diagonal[k] = a[k * n + k];
        off[k] = head;
        beta[k] = 0.0;
        if (m == 1 || below == 0.0)
            continue;
        double norm = sqrt(head * head + below);
        off[k] = head > 0.0 ? -norm : norm;
        v[0] = head - off[k];
        beta[k] = 2.0 / (v[0] * v[0] + below);
        memset(p, 0, m * sizeof *p);
        for (size_t i = 0; i < m; i++) /* symmetric: columns are rows */
            add(v[i], a + (k + 1 + i) * n + k + 1, p, m);
        double half = 0.5 * beta[k] * beta[k] * product(p, v, m);
        for (size_t i = 0; i < m; i++)
            p[i] = beta[k] * p[i] - half * v[i];
        for (size_t i = 0; i < m; i++) {
            double *row = a + (k + 1 + i) * n + k + 1;
            double vi = v[i], pi = p[i];
            for (size_t j = 0; j < m; j++)
                row[j] -= vi * p[j] + pi * v[j];
        }
    }
    if (n) {
        diagonal[n - 1] = a[n * n - 1];
        off[n - 1] = 0.0;
    }
}

/* a becomes the product of the reflectors, transposed: row i is what the i-th
 * unit vector of the tridiagonal frame is in the first one. */
static void accumulate(double *a, size_t n, const double *beta, double *v) {
    if (n)
        a[n * n - 1] = 1.0;
    for (size_t k = n - 1; k-- > 0;) {
        size_t m = n - k - 1;
        memcpy(v, a + k * n + k + 1, m * sizeof *v);
        memset(a + k * n, 0, n * sizeof *a);
        a[k * n + k] = 1.0;
        for (size_t i = 0; i < m; i++) {
            double *row = a + (k + 1 + i) * n + k;
            row[0] = 0.0;
            if (beta[k] != 0.0)
                add(-beta[k] * product(row + 1, v, m), v, row + 1, m);
        }
    }
}

static void rotate_rows(double *restrict x, double *restrict y, double c, double s, size_t n) {
    for (size_t j = 0; j < n; j++) {
        double kept = y[j];
        y[j] = s * x[j] + c * kept;
        x[j] = c * x[j] - s * kept;
    }
}

/* Implicit QL steps with Wilkinson's shift until off is nothing beside the
 * largest entry: the reduction was not more exact. */
static bool settle(double *a, size_t n, double *d, double *e) {
    double limit = 0.0;
    for (size_t i = 0; i < n; i++)
        limit = fmax(limit, DBL_EPSILON * (fabs(d[i]) + fabs(e[i])));
    for (size_t l = 0; l < n; l++) {
        for (unsigned turn = 0;; turn++) {
            size_t m = l;
            while (m + 1 < n && fabs(e[m]) > limit)
                m++;
            if (m == l)
                break;
            if (turn == 60)
                return false;
            double g = (d[l + 1] - d[l]) / (2.0 * e[l]), r = sqrt(g * g + 1.0);
            double s = 1.0, c = 1.0, p = 0.0;
            size_t i = m;
            g = d[m] - d[l] + e[l] / (g + (g < 0.0 ? -r : r));
            while (i-- > l) {
                double f = s * e[i], b = c * e[i];
                r = sqrt(f * f + g * g);
                e[i + 1] = r;
                if (r == 0.0) {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2.0 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                rotate_rows(a + i * n, a + (i + 1) * n, c, s, n);
            }
            if (r == 0.0 && i + 1 > l)
                continue;
            d[l] -= p;
            e[l] = g;
            e[m] = 0.0;
        }
    }
    return true;
}

static void order(double *a, size_t n, double *values, double *row) {
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (values[j] > values[best])
                best = j;
        if (best != i) {
            double kept = values[i];
            values[i] = values[best];
            values[best] = kept;
            memcpy(row, a + i * n, n * sizeof *row);
            memcpy(a + i * n, a + best * n, n * sizeof *row);
            memcpy(a + best * n, row, n * sizeof *row);
        }
        size_t at = 0;
        for (size_t j = 1; j < n; j++)
            if (fabs(a[i * n + j]) > fabs(a[i * n + at]))
                at = j;
        for (size_t j = 0; a[i * n + at] < 0.0 && j < n; j++)
            row[j] = -a[i * n + j];
        if (a[i * n + at] < 0.0)
            memcpy(a + i * n, row, n * sizeof *row);
    }
}

bool recs__eigen(double *a, size_t n, double *values, double *room) {
    double *off = room, *beta = off + n, *some = beta + n;
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(a[i]))
            return false;
    if (n == 0)
        return true;
    reduce(a, n, values, off, beta, some);
    accumulate(a, n, beta, some);
    if (!settle(a, n, values, off))
        return false;
    order(a, n, values, some);
    return true;
}
