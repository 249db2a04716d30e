/* foldin.c - the closed form of foldin.h on the kernel table.
 *
 * Scratch layout: factors * stride floats for the system and its Cholesky
 * factor, then count floats for the weights. Nothing is allocated. */
#include "kernels/foldin.h"

#include "base/math.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

size_t recs__foldin_scratch(const recs__foldin *foldin, size_t count) {
    return foldin->factors * foldin->stride + count;
}

float recs__foldin_regularization(const recs__foldin *foldin, size_t count) {
    if (foldin->regularization_exponent == 0.0f)
        return foldin->regularization;
    double mass = (double)count + (double)foldin->items_trained / (double)foldin->alpha;
    return (float)((double)foldin->regularization *
                   recs__pow(mass, (double)foldin->regularization_exponent));
}

bool recs__foldin_solve(const recs__foldin *foldin, const uint32_t *rows, const float *values,
                        size_t count, float *scratch, float *x) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t factors = foldin->factors, stride = foldin->stride;
    float *system = scratch, *weights = scratch + factors * stride;
    float lambda = recs__foldin_regularization(foldin, count);

    for (size_t j = 0; j < factors; j++) {
        memcpy(system + j * stride, foldin->gram + j * stride, (j + 1) * sizeof *system);
        system[j * stride + j] += lambda;
    }
    for (size_t i = 0; i < count; i++)
        weights[i] = foldin->alpha * fabsf(values[i]);
    kernels->syrk(weights, foldin->item_factors, stride, rows, count, system, stride, factors);

    for (size_t i = 0; i < count; i++)
        weights[i] = values[i] > 0.0f ? 1.0f + weights[i] : 0.0f;
    memset(x, 0, stride * sizeof *x);
    kernels->axpy_gather(weights, foldin->item_factors, stride, rows, count, x, factors);

    bool solved = kernels->cholesky(system, stride, factors) == 0;
    if (solved)
        kernels->cholesky_solve(system, stride, x, factors);
    for (size_t j = 0; solved && j < factors; j++)
        solved = isfinite(x[j]);
    if (!solved)
        memset(x, 0, stride * sizeof *x);
    return solved;
}

void recs__foldin_contributions(const recs__foldin *foldin, const uint32_t *rows,
                                const float *values, size_t count, const float *scratch,
                                const float *y, float *z_room, float *out) {
    const recs__kernels *kernels = recs__kernels_get();

    memcpy(z_room, y, foldin->stride * sizeof *z_room);
    kernels->cholesky_solve(scratch, foldin->stride, z_room, foldin->factors);
    kernels->dot_gather(z_room, foldin->item_factors, foldin->stride, foldin->factors, rows, count,
                        out);
    for (size_t i = 0; i < count; i++)
        out[i] *= values[i] > 0.0f ? 1.0f + foldin->alpha * values[i] : 0.0f;
}
