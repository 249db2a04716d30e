/* foldin.c - the closed forms of foldin.h on the kernel table. Nothing is
 * allocated. Scratch layout:
 *   short histories   K [n16][n16], roots of L^-1 [stride], roots of the
 *                     weights [n16], t [n16], the turned rows [factors][n16];
 *                     n16 is count rounded up to 16, the rest of K is I
 *   long ones         the system [factors][stride], the weights [count]
 *   behind either, of halves: the rows widened (of long ones 64 at a time), and
 *   their numbers */
#include "kernels/foldin.h"

#include "base/math.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* alpha |v| below this counts as this: its root still divides. */
#define LEAST_WEIGHT 1e-30f
#define CHUNK 64 /* rows of a long history that are widened at once */

static bool is_short(const recs__foldin *foldin, size_t count) {
    return count < foldin->factors;
}

static size_t padded(size_t count) {
    return (count + 15) / 16 * 16;
}

static size_t short_scratch(const recs__foldin *foldin, size_t count) {
    size_t n = padded(count);
    return n * n + foldin->stride + 2 * n + foldin->factors * n;
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
    size_t factors = foldin->factors, n = padded(count);
    float *k = scratch, *roots = k + n * n, *weights = roots + foldin->stride, *t = weights + n;
    float *turned = t + n;
    const float *base = foldin->item_factors;

    if (base == NULL) {
        float *floats = turned + factors * n;
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
    if (n > count)
        memset(turned, 0, factors * n * sizeof *turned);
    kernels->turn_gather(base, foldin->stride, rows, count, factors, roots, weights, turned, n);
    /* Eight rows at a time, their columns to the end of the diagonal block:
     * nothing reads what comes to stand above the diagonal. */
    for (size_t i = 0; i < n; i += 8) {
        for (size_t r = i; r < i + 8; r++) {
            memset(k + r * n, 0, (i + 8) * sizeof *k);
            k[r * n + r] = 1.0f;
        }
        kernels->multiply(turned + i, 1, n, 8, turned, n, factors, k + i * n, n, i + 8);
    }
    if (kernels->cholesky(k, n, n) != 0)
        return false;
    kernels->cholesky_solve(k, n, t, n);
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
    if (kernels->cholesky(system, stride, factors) != 0)
        return false;
    kernels->cholesky_solve(system, stride, x, factors);
    return true;
}

bool recs__foldin_solve(const recs__foldin *foldin, const uint32_t *rows, const float *values,
                        size_t count, float *scratch, float *x) {
    memset(x, 0, foldin->stride * sizeof *x);
    bool solved = is_short(foldin, count) ? solve_short(foldin, rows, values, count, scratch, x)
                                          : solve_long(foldin, rows, values, count, scratch, x);
    for (size_t j = 0; solved && j < foldin->factors; j++)
        solved = isfinite(x[j]);
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
