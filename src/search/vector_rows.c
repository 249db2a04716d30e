/* vector_rows.c - encoding, decoding and the canonical scores behind vector_rows.h. The
 * scores here are the reference that every faster way is measured against. */
#include "search/vector_rows.h"

#include "kernels/half.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { LANES = 16 };

uint32_t recs__vector_stride(uint32_t dimension) {
    return (dimension + LANES - 1) / LANES * LANES;
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

/* ---- IEEE binary16, by integers alone ------------------------------------------------ */

static uint16_t to_float16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= UINT32_C(0x7FFFFFFF);
    if (bits > UINT32_C(0x7F800000))
        return (uint16_t)(sign | 0x7E00);
    if (bits >= UINT32_C(0x477FF000)) /* 65520 and more */
        return (uint16_t)(sign | 0x7C00);
    if (bits >= UINT32_C(0x38800000)) { /* normal: 2^-14 and more */
        bits += UINT32_C(0xFFF) + (bits >> 13 & 1);
        return (uint16_t)(sign | (bits - UINT32_C(0x38000000)) >> 13);
    }
    if (bits < UINT32_C(0x33000000)) /* below half of the smallest */
        return sign;
    uint32_t shift = 126 - (bits >> 23), digits = (bits & UINT32_C(0x7FFFFF)) | UINT32_C(0x800000);
    uint32_t half = digits >> shift, rest = digits & ((UINT32_C(1) << shift) - 1);
    uint32_t middle = UINT32_C(1) << (shift - 1);
    return (uint16_t)(sign | (half + (rest > middle || (rest == middle && (half & 1) != 0))));
}

static float from_float16(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1F;
    uint32_t digits = half & 0x3FF, bits;
    float x;
    if (exponent == 0x1F) {
        bits = sign | UINT32_C(0x7F800000) | digits << 13;
    } else if (exponent != 0) {
        bits = sign | (exponent + 112) << 23 | digits << 13;
    } else {
        x = (float)digits * 0x1p-24f;
        memcpy(&bits, &x, sizeof bits);
        bits |= sign;
    }
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* ---- one vector -------------------------------------------------------------------- */

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
            ((uint16_t *)row)[j] = to_float16(vector[j]);
        break;
    case RECS_STORAGE_BFLOAT16:
        for (uint32_t j = 0; j < dimension; j++)
            ((uint16_t *)row)[j] = recs__half_of(vector[j]);
        break;
    default:
        encode_int8(dimension, vector, row, scale);
        break;
    }
    recs__vector_rows one = {.data = row, .scales = scale, .count = 1, .dimension = dimension,
                        .stride = stride, .storage = storage, .metric = metric};
    const float *floats = recs__vector_floats(&one, 0, room);
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

/* ---- back to floats ------------------------------------------------------------------ */

static void decode_row(const recs__vector_rows *stored, uint32_t row, float *out) {
    size_t at = (size_t)row * stored->stride;
    switch (stored->storage) {
    case RECS_STORAGE_FLOAT32:
        memcpy(out, (const float *)stored->data + at, stored->stride * sizeof *out);
        break;
    case RECS_STORAGE_FLOAT16: {
        const uint16_t *from = (const uint16_t *)stored->data + at;
        for (uint32_t j = 0; j < stored->stride; j++)
            out[j] = from_float16(from[j]);
        break;
    }
    case RECS_STORAGE_BFLOAT16:
        recs__kernels_get()->widen((const uint16_t *)stored->data + at, out, stored->stride);
        break;
    default: {
        const int8_t *from = (const int8_t *)stored->data + at;
        float scale = stored->scales[row];
        for (uint32_t j = 0; j < stored->stride; j++)
            out[j] = scale * (float)from[j];
        break;
    }
    }
}

void recs__vector_decode(const recs__vector_rows *stored, uint32_t first, size_t count, float *out) {
    for (size_t i = 0; i < count; i++)
        decode_row(stored, first + (uint32_t)i, out + i * stored->stride);
}

const float *recs__vector_floats(const recs__vector_rows *stored, uint32_t row, float *room) {
    if (stored->storage == RECS_STORAGE_FLOAT32)
        return (const float *)stored->data + (size_t)row * stored->stride;
    decode_row(stored, row, room);
    return room;
}

/* ---- scores ---------------------------------------------------------------------------- */

float recs__minus_distance(const float *a, const float *b, size_t n) {
    float lane[LANES] = {0};
    size_t k = 0;
    for (; k + LANES <= n; k += LANES)
        for (size_t l = 0; l < LANES; l++) {
            float difference = a[k + l] - b[k + l];
            lane[l] += difference * difference;
        }
    for (size_t l = 0; k + l < n; l++) {
        float difference = a[k + l] - b[k + l];
        lane[l] += difference * difference;
    }
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return 0.0f - lane[0];
}

static void scale_cosine(const recs__vector_rows *stored, const uint32_t *rows, uint32_t first,
                         size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        uint32_t row = rows != NULL ? rows[i] : first + (uint32_t)i;
        out[i] *= 1.0f / (1.0f * stored->norms[row]);
    }
}

void recs__vector_scores(const recs__vector_rows *stored, const float *query, const uint32_t *rows,
                         uint32_t first, size_t count, float *room, float *out) {
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t stride = stored->stride, n = stored->dimension;
    bool halves = stored->storage == RECS_STORAGE_BFLOAT16;
    if (stored->metric != RECS_METRIC_L2 &&
        (stored->storage == RECS_STORAGE_FLOAT32 || halves)) {
        size_t at = (size_t)first * stride;
        if (halves && rows != NULL)
            kernels->dot_gather_half(query, stored->data, stride, n, rows, count, out);
        else if (halves)
            kernels->dot_stream_half(query, (const uint16_t *)stored->data + at, stride, n, count,
                                     out);
        else if (rows != NULL)
            kernels->dot_gather(query, stored->data, stride, n, rows, count, out);
        else
            kernels->dot_stream(query, (const float *)stored->data + at, stride, n, count, out);
    } else {
        for (size_t i = 0; i < count; i++) {
            uint32_t row = rows != NULL ? rows[i] : first + (uint32_t)i;
            const float *floats = recs__vector_floats(stored, row, room);
            out[i] = stored->metric == RECS_METRIC_L2 ? recs__minus_distance(query, floats, n)
                                                      : kernels->dot(query, floats, n);
        }
    }
    if (stored->metric == RECS_METRIC_COSINE)
        scale_cosine(stored, rows, first, count, out);
}
