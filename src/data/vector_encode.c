/* vector_encode.c - behind vector_encode.h. Every rounding is to nearest, halfway cases
 * to even, so every machine stores the same bytes. */
#include "data/vector_encode.h"

#include "kernels/half.h"

#include <math.h>
#include <string.h>

uint32_t recs__vector_stride(uint32_t dimension) {
    return (dimension + 15) / 16 * 16;
}

size_t recs__storage_width(int32_t storage) {
    switch (storage) {
    case RECS_STORAGE_FLOAT32:
        return 4;
    case RECS_STORAGE_FLOAT16:
    case RECS_STORAGE_BFLOAT16:
        return 2;
    case RECS_STORAGE_INT8:
        return 1;
    default:
        return 0;
    }
}

recs__stored_type recs__vector_type(int32_t storage) {
    return storage == RECS_STORAGE_FLOAT32    ? RECS__STORED_FLOAT
           : storage == RECS_STORAGE_FLOAT16  ? RECS__STORED_FLOAT16
           : storage == RECS_STORAGE_BFLOAT16 ? RECS__STORED_HALF
                                              : RECS__STORED_INT8;
}

/* What is the least number whose reciprocal is finite. */
static const float norm_least = 0x1p-126f;

static void encode_int8(uint32_t dimension, const float *vector, int8_t *row, float *scale) {
    float largest = 0.0f;
    for (uint32_t j = 0; j < dimension; j++)
        largest = fabsf(vector[j]) > largest ? fabsf(vector[j]) : largest;
    *scale = largest / 127.0f;
    /* Below this the quotients lose their meaning: all of it is zero. */
    if (!(*scale >= norm_least)) {
        *scale = 0.0f;
        memset(row, 0, dimension);
        return;
    }
    for (uint32_t j = 0; j < dimension; j++) {
        float q = rintf(vector[j] / *scale);
        row[j] = (int8_t)(q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q);
    }
}

const char *recs__vector_encode(int32_t storage, int32_t metric, uint32_t dimension,
                                const float *vector, void *row, float *scale, float *norm,
                                float *room) {
    uint32_t stride = recs__vector_stride(dimension);
    memset(row, 0, stride * recs__storage_width(storage));
    *scale = 1.0f;
    switch (storage) {
    case RECS_STORAGE_FLOAT32:
        memcpy(row, vector, dimension * sizeof *vector);
        break;
    case RECS_STORAGE_FLOAT16:
        for (uint32_t j = 0; j < dimension; j++)
            ((uint16_t *)row)[j] = recs__float16_of(vector[j]);
        break;
    case RECS_STORAGE_BFLOAT16:
        for (uint32_t j = 0; j < dimension; j++)
            ((uint16_t *)row)[j] = recs__half_of(vector[j]);
        break;
    default:
        encode_int8(dimension, vector, row, scale);
        break;
    }
    recs__stored one = {.values = row,
                        .scales = scale,
                        .type = recs__vector_type(storage),
                        .rows = 1,
                        .dims = dimension,
                        .stride = stride};
    const float *floats = recs__stored_floats(&one, 0, room);
    for (uint32_t j = 0; j < dimension; j++)
        if (!isfinite(floats[j]))
            return "holds a number too large for the storage";
    *norm = sqrtf(recs__kernels_get()->dot(floats, floats, dimension));
    if (!isfinite(*norm))
        return "is so long that its norm is not finite";
    if (metric == RECS_METRIC_COSINE && !(*norm >= norm_least))
        return "is zero as stored, and cosine needs a direction";
    return NULL;
}
