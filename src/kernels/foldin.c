/* foldin.c - the closed forms of foldin.h on the kernel table. Nothing is
 * allocated. Scratch layout:
 *   short histories   K [n8][n8], roots of L^-1 [stride], roots of the
 *                     weights [n8], t [n8], some factors of the rows at a
 *                     time, turned [those][n8]; n8 is count rounded up to 8, the rest of K is I
 *   long ones         the system [factors][stride], the weights [count]
 *   behind either, of halves: the rows widened (of long ones 64 at a time), and
 *   their numbers */
#include "kernels/foldin.h"

#include "base/math.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* alpha |v| below this counts as this: its root still divides. */
#define LEAST_WEIGHT 1e-30f
#define CHUNK 64 /* rows of a long history that are widened at once */
#define TURNED 8192 /* floats of a short one that are turned at once, */
#define LEAST_TURNED 64 /* or as many as these factors take */

static bool is_short(const recs__foldin *foldin, size_t count) {
    return count < foldin->factors;
}

static size_t padded(size_t count) {
    return (count + 7) / 8 * 8;
}

/* Factors of a short history's rows that are turned at once: they stay near. */
static size_t turned_at_once(const recs__foldin *foldin, size_t n) {
    size_t some = n == 0                      ? foldin->factors
                  : n * LEAST_TURNED < TURNED ? TURNED / n / 16 * 16
                                              : LEAST_TURNED;
    return some < foldin->factors ? some : foldin->factors;
}

static size_t short_scratch(const recs__foldin *foldin, size_t count) {
    size_t n = padded(count);
    return n * n + foldin->stride + 2 * n + turned_at_once(foldin, n) * n;
}

/* Floats for the rows of halves that are widened at once, and their numbers. */
static size_t widened(const recs__foldin *foldin, size_t count) {
    if (foldin->item_factors != NULL || foldin->item_halves == NULL)
        return 0;
    size_t rows = is_short(foldin, count) || count < CHUNK ? count : CHUNK;
    return rows * foldin->stride + rows;
}

size_t recs__foldin_scratch(const recs__foldin *foldin, size_t count) {
    if (is_short(foldin, count) || foldin->factors == 0)
        return short_scratch(foldin, count) + widened(foldin, count);
    size_t brief = foldin->factors - 1;
    size_t most = short_scratch(foldin, brief) + widened(foldin, brief);
    size_t dense = foldin->factors * foldin->stride + count + widened(foldin, count);
    return most > dense ? most : dense;
}

/* Rows of halves as floats one after another; numbers (unless NULL) count up. */
static void widen_rows(const recs__foldin *foldin, const uint32_t *rows, size_t count,
                       float *floats, uint32_t *numbers) {
    const recs__kernels *kernels = recs__kernels_get();
    for (size_t i = 0; i < count; i++) {
        kernels->widen(foldin->item_halves + (size_t)rows[i] * foldin->stride,
                       floats + i * foldin->stride, foldin->stride);
        if (numbers != NULL)
            numbers[i] = (uint32_t)i;
    }
}

float recs__foldin_regularization(const recs__foldin *foldin, size_t count) {
    if (foldin->regularization_exponent == 0.0f)
        return foldin->regularization;
    double mass = (double)count + (double)foldin->items_trained / (double)foldin->alpha;
    return (float)((double)foldin->regularization *
                   recs__pow(mass, (double)foldin->regularization_exponent));
}

/* roots[j] = (D_j + lambda)^-1/2; false unless all of them are above 0 and
 * finite. */
static bool inverse_roots(const float *restrict gram, float lambda, size_t factors,
                          float *restrict roots) {
    for (size_t j = 0; j < factors; j++)
        roots[j] = 1.0f / sqrtf(gram[j] + lambda);
    bool good = true;
    for (size_t j = 0; j < factors; j++)
        good &= roots[j] > 0.0f && roots[j] <= 3e38f;
    return good;
}

/* x[j] = x[j] / L_j */
static void divide(const float *restrict roots, float *restrict x, size_t factors) {
    for (size_t j = 0; j < factors; j++)
        x[j] = (x[j] * roots[j]) * roots[j];
}

/* The root of the weight of an entry of value v. */
static float weight_root(const recs__foldin *foldin, float v) {
    float weight = foldin->alpha * fabsf(v);
    return sqrtf(weight > LEAST_WEIGHT ? weight : LEAST_WEIGHT);
}

static bool solve_short(const recs__foldin *foldin, const uint32_t *rows, const float *values,
                        size_t count, float *scratch, float *x) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t factors = foldin->factors, n = padded(count), at_once = turned_at_once(foldin, n);
    float *k = scratch, *roots = k + n * n, *weights = roots + foldin->stride, *t = weights + n;
    float *turned = t + n;
    const float *base = foldin->item_factors;

    if (base == NULL) {
        float *floats = turned + at_once * n;
        uint32_t *numbers = (uint32_t *)(void *)(floats + count * foldin->stride);
        widen_rows(foldin, rows, count, floats, numbers);
        base = floats;
        rows = numbers;
    }
    if (!inverse_roots(foldin->gram, recs__foldin_regularization(foldin, count), factors, roots))
        return false;
    memset(t, 0, n * sizeof *t);
    for (size_t i = 0; i < count; i++) {
        weights[i] = weight_root(foldin, values[i]);
        t[i] = values[i] > 0.0f ? (1.0f + foldin->alpha * values[i]) / weights[i] : 0.0f;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j += 8)
            memset(k + i * n + j, 0, 8 * sizeof *k);
        k[i * n + i] = 1.0f;
    }
    if (n > count)
        memset(turned, 0, at_once * n * sizeof *turned);
    for (size_t j = 0; j < factors; j += at_once) {
        size_t some = factors - j < at_once ? factors - j : at_once;
        kernels->turn_gather(base + j, foldin->stride, rows, count, some, roots + j, weights,
                             turned, n);
        /* Eight rows at a time, their columns to the end of the diagonal block:
         * nothing reads what comes to stand above the diagonal. */
        for (size_t i = 0; i < n; i += 8)
            kernels->multiply(turned + i, 1, n, 8, turned, n, some, k + i * n, n, i + 8);
    }
    if (kernels->solve(k, n, t, n) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        t[i] *= weights[i];
    kernels->axpy_gather(t, base, foldin->stride, rows, count, x, factors);
    divide(roots, x, factors);
    return true;
}

/* Adds the weighted squares of the rows to system, or the weighted rows to x.
 * Halves go through a few widened rows, which changes no bit: both are chains
 * over the rows. */
static void add_products(const recs__foldin *foldin, const uint32_t *rows, size_t count,
                         float *weights, float *system, float *x) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t factors = foldin->factors, stride = foldin->stride;
    if (foldin->item_factors != NULL) {
        if (system != NULL)
            kernels->syrk(weights, foldin->item_factors, stride, rows, count, system, stride,
                          factors);
        else
            kernels->axpy_gather(weights, foldin->item_factors, stride, rows, count, x, factors);
        return;
    }
    float *floats = weights + count;
    for (size_t i = 0; i < count; i += CHUNK) {
        size_t some = count - i < CHUNK ? count - i : CHUNK;
        widen_rows(foldin, rows + i, some, floats, NULL);
        if (system != NULL)
            kernels->syrk(weights + i, floats, stride, NULL, some, system, stride, factors);
        else
            kernels->axpy_rows(weights + i, floats, stride, some, x, factors);
    }
}

static bool solve_long(const recs__foldin *foldin, const uint32_t *rows, const float *values,
                       size_t count, float *scratch, float *x) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t factors = foldin->factors, stride = foldin->stride;
    float *system = scratch, *weights = scratch + factors * stride;
    float lambda = recs__foldin_regularization(foldin, count);

    for (size_t j = 0; j < factors; j++) {
        memset(system + j * stride, 0, (j + 1) * sizeof *system);
        system[j * stride + j] = foldin->gram[j] + lambda;
    }
    for (size_t i = 0; i < count; i++)
        weights[i] = foldin->alpha * fabsf(values[i]);
    add_products(foldin, rows, count, weights, system, NULL);

    for (size_t i = 0; i < count; i++)
        weights[i] = values[i] > 0.0f ? 1.0f + weights[i] : 0.0f;
    add_products(foldin, rows, count, weights, NULL, x);
    return kernels->solve(system, stride, x, factors) == 0;
}

static bool all_finite(const float *x, size_t n) {
    bool finite = true;
    for (size_t j = 0; j < n; j++)
        finite &= fabsf(x[j]) <= FLT_MAX;
    return finite;
}

bool recs__foldin_solve(const recs__foldin *foldin, const uint32_t *rows, const float *values,
                        size_t count, float *scratch, float *x) {
    memset(x, 0, foldin->stride * sizeof *x);
    bool solved = is_short(foldin, count) ? solve_short(foldin, rows, values, count, scratch, x)
                                          : solve_long(foldin, rows, values, count, scratch, x);
    solved = solved && all_finite(x, foldin->factors);
    for (size_t j = 0; solved && foldin->item_factors == NULL && j < foldin->factors; j++) {
        x[j] = recs__half_float(recs__half_of(x[j]));
        solved = isfinite(x[j]);
    }
    if (!solved)
        memset(x, 0, foldin->stride * sizeof *x);
    return solved;
}

void recs__foldin_contributions(const recs__foldin *foldin, const uint32_t *rows,
                                const float *values, size_t count, const float *scratch,
                                const float *y, float *z_room, float *out) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t factors = foldin->factors, stride = foldin->stride, n = padded(count);
    bool is_brief = is_short(foldin, count);

    memcpy(z_room, y, stride * sizeof *z_room);
    if (is_brief) /* with the roots s of the weights: s Y z = K^-1 s Y L^-1 y */
        divide(scratch + n * n, z_room, factors);
    else
        kernels->cholesky_solve(scratch, stride, z_room, factors);
    if (foldin->item_factors != NULL)
        kernels->dot_gather(z_room, foldin->item_factors, stride, factors, rows, count, out);
    else
        kernels->dot_gather_half(z_room, foldin->item_halves, stride, factors, rows, count, out);
    if (is_brief) {
        const float *weights = scratch + n * n + stride;
        for (size_t i = 0; i < count; i++)
            out[i] *= weights[i];
        kernels->cholesky_solve(scratch, n, out, count);
        for (size_t i = 0; i < count; i++)
            out[i] /= weights[i];
    }
    for (size_t i = 0; i < count; i++)
        out[i] *= values[i] > 0.0f ? 1.0f + foldin->alpha * values[i] : 0.0f;
}
