/* scalar.c - the table every other table is compared with, and the only one
 * that runs everywhere.
 *
 * Each function is the definition in kernels.h written down: no blocking, one
 * fmaf per multiply-add. Compiled for the baseline instruction set, where
 * fmaf may be a call. */
#include <math.h>

#include "kernels/half.h"
#include "kernels/kernels.h"

enum { LANES = 16 };

/* The lanes as one sum: the upper half onto the lower one, till one is left. */
static float tree(float lane[LANES]) {
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

static float dot(const float *a, const float *b, size_t n) {
    float lane[LANES] = {0};
    for (size_t k = 0; k < n; k += LANES)
        for (size_t l = 0; l < LANES; l++) {
            float x = k + l < n ? a[k + l] : 0.0f;
            float y = k + l < n ? b[k + l] : 0.0f;
            lane[l] = fmaf(x, y, lane[l]);
        }
    return tree(lane);
}

static void dot_rows(const float *query, const float *rows, size_t stride, size_t n, size_t count,
                     float *out) {
    for (size_t i = 0; i < count; i++) out[i] = dot(query, rows + i * stride, n);
}

static void dot_gather(const float *query, const float *base, size_t stride, size_t n,
                       const uint32_t *rows, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = dot(query, base + rows[i] * stride, n);
}

static float dot_half(const float *query, const uint16_t *row, size_t n) {
    float lane[LANES] = {0};
    for (size_t k = 0; k < n; k += LANES)
        for (size_t l = 0; l < LANES; l++) {
            float x = k + l < n ? query[k + l] : 0.0f;
            float y = k + l < n ? recs__half_float(row[k + l]) : 0.0f;
            lane[l] = fmaf(x, y, lane[l]);
        }
    return tree(lane);
}

static void dot_rows_half(const float *query, const uint16_t *rows, size_t stride, size_t n,
                          size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = dot_half(query, rows + i * stride, n);
}

static void dot_gather_half(const float *query, const uint16_t *base, size_t stride, size_t n,
                            const uint32_t *rows, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = dot_half(query, base + rows[i] * stride, n);
}

static void widen(const uint16_t *half, float *out, size_t n) {
    for (size_t j = 0; j < n; j++) out[j] = recs__half_float(half[j]);
}

static void axpy(float a, const float *x, float *y, size_t n) {
    for (size_t j = 0; j < n; j++) y[j] = fmaf(a, x[j], y[j]);
}

static void axpy_rows(const float *a, const float *rows, size_t stride, size_t count, float *y,
                      size_t n) {
    for (size_t i = 0; i < count; i++) axpy(a[i], rows + i * stride, y, n);
}

static void axpy_gather(const float *a, const float *base, size_t stride, const uint32_t *index,
                        size_t count, float *y, size_t n) {
    for (size_t i = 0; i < count; i++) axpy(a[i], base + index[i] * stride, y, n);
}

static void syrk(const float *w, const float *base, size_t stride, const uint32_t *index,
                 size_t count, float *c, size_t ldc, size_t n) {
    for (size_t i = 0; i < count; i++) {
        const float *row = base + (index ? index[i] : i) * stride;
        for (size_t j = 0; j < n; j++) axpy(w ? row[j] * w[i] : row[j], row, c + j * ldc, j + 1);
    }
}

static void multiply(const float *a, size_t lda, size_t step, size_t rows, const float *b,
                     size_t ldb, size_t k, float *c, size_t ldc, size_t n) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < k; i++) axpy(a[r * lda + i * step], b + i * ldb, c + r * ldc, n);
}

static void turn_gather(const float *base, size_t stride, const uint32_t *index, size_t count,
                        size_t n, const float *q, const float *s, float *out, size_t ldo) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < n; j++)
            out[j * ldo + i] = (base[index[i] * stride + j] * q[j]) * s[i];
}

static size_t cholesky(float *a, size_t lda, size_t n) {
    for (size_t j = 0; j < n; j++) {
        float *row = a + j * lda;
        for (size_t l = 0; l <= j; l++) {
            const float *other = a + l * lda;
            float sum = row[l];
            for (size_t i = 0; i < l; i++) sum = fmaf(-row[i], other[i], sum);
            row[l] = l < j ? sum / other[l] : sum;
        }
        if (!(row[j] > 0.0f) || !isfinite(row[j])) return j + 1;
        row[j] = sqrtf(row[j]);
    }
    return 0;
}

static void cholesky_solve(const float *l, size_t ldl, float *b, size_t n) {
    for (size_t j = 0; j < n; j++) {
        const float *row = l + j * ldl;
        for (size_t i = 0; i < j; i++) b[j] = fmaf(-row[i], b[i], b[j]);
        b[j] /= row[j];
    }
    for (size_t i = n; i-- > 0;) {
        const float *row = l + i * ldl;
        b[i] /= row[i];
        for (size_t j = 0; j < i; j++) b[j] = fmaf(-b[i], row[j], b[j]);
    }
}

static size_t solve(float *a, size_t lda, float *b, size_t n) {
    size_t bad = cholesky(a, lda, n);
    if (!bad) cholesky_solve(a, lda, b, n);
    return bad;
}

static size_t above(const float *values, size_t n, float threshold, uint32_t *out) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i] > threshold) out[count++] = (uint32_t)i;
    return count;
}

static size_t above_scaled(const float *values, const float *factors, size_t n, float threshold,
                           uint32_t *out) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i] * factors[i] > threshold) out[count++] = (uint32_t)i;
    return count;
}

static void scale(float a, float *x, size_t n) {
    for (size_t j = 0; j < n; j++) x[j] *= a;
}

/* ---- search ------------------------------------------------------------------- */

static float distance(const float *a, const float *b, size_t n) {
    float lane[LANES] = {0};
    for (size_t k = 0; k < n; k += LANES)
        for (size_t l = 0; l < LANES; l++) {
            float d = k + l < n ? a[k + l] - b[k + l] : 0.0f;
            lane[l] = fmaf(d, d, lane[l]);
        }
    return tree(lane);
}

static void distance_rows(const float *query, const float *rows, size_t stride, size_t n,
                          size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = distance(query, rows + i * stride, n);
}

static void distance_gather(const float *query, const float *base, size_t stride, size_t n,
                            const uint32_t *rows, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = distance(query, base + rows[i] * stride, n);
}

static void widen_float16(const uint16_t *half, float *out, size_t n) {
    for (size_t j = 0; j < n; j++) out[j] = recs__float16_float(half[j]);
}

static void widen_int8(const int8_t *codes, float scale, float *out, size_t n) {
    for (size_t j = 0; j < n; j++) out[j] = (float)codes[j] * scale;
}

int32_t recs__code_product_scalar(const int16_t *query, const uint8_t *at, size_t groups) {
    uint32_t sum = 0;
    for (size_t g = 0; g < groups; g++)
        for (size_t j = 0; j < 4; j++)
            sum += (uint32_t)(query[4 * g + j] * at[64 * g + j]);
    return (int32_t)sum;
}

static void code_sums(const recs__code_query *query, const uint8_t *codes, size_t groups,
                      size_t tiles, const float *scales, float *out) {
    for (size_t t = 0; t < tiles; t++) {
        int32_t sum[RECS__CODES_TILE];
        for (size_t i = 0; i < RECS__CODES_TILE; i++) sum[i] = query->start + query->bias;
        for (size_t g = 0; g < groups; g++)
            for (size_t i = 0; i < RECS__CODES_TILE; i++)
                for (size_t j = 0; j < 4; j++)
                    sum[i] += codes[64 * (t * groups + g) + 4 * i + j] * query->codes[4 * g + j];
        for (size_t i = 0; i < RECS__CODES_TILE; i++)
            out[16 * t + i] = (float)sum[i] * scales[16 * t + i];
    }
}

static void code_scan(const recs__code_query *queries, const float *limits, size_t count,
                      const uint8_t *codes, size_t groups, size_t tiles, const float *scales,
                      uint16_t *hits) {
    for (size_t t = 0; t < tiles; t++)
        for (size_t c = 0; c < count; c++) {
            float sums[RECS__CODES_TILE];
            uint32_t bits = 0;
            code_sums(&queries[c], codes + 64 * t * groups, groups, 1, scales + 16 * t, sums);
            for (size_t i = 0; i < RECS__CODES_TILE; i++)
                bits |= (uint32_t)(sums[i] >= limits[c]) << i;
            hits[c * tiles + t] = (uint16_t)bits;
        }
}

const recs__kernels recs__kernels_scalar = {
    .name = "scalar",
    .dot = dot,
    .dot_rows = dot_rows,
    .dot_stream = dot_rows,
    .dot_gather = dot_gather,
    .dot_rows_half = dot_rows_half,
    .dot_stream_half = dot_rows_half,
    .dot_gather_half = dot_gather_half,
    .widen = widen,
    .axpy = axpy,
    .axpy_rows = axpy_rows,
    .axpy_gather = axpy_gather,
    .syrk = syrk,
    .multiply = multiply,
    .turn_gather = turn_gather,
    .cholesky = cholesky,
    .cholesky_solve = cholesky_solve,
    .solve = solve,
    .above = above,
    .above_scaled = above_scaled,
    .scale = scale,
    .distance_rows = distance_rows,
    .distance_gather = distance_gather,
    .widen_float16 = widen_float16,
    .widen_int8 = widen_int8,
    .code_scan = code_scan,
    .code_sums = code_sums,
    .code_product = recs__code_product_scalar,
};
