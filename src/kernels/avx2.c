/* avx2.c - 8 floats at a time: two vecs are the 16 lanes of a dot. Needs AVX2
 * and FMA. The bodies are in body.h. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

enum { WIDTH = 8, GROUP = 4, TILE_ROWS = 4, TILE_VECS = 3 };
typedef __m256 vec;

static inline vec vec_zero(void) { return _mm256_setzero_ps(); }
static inline vec vec_load_half(const uint16_t *p) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
static inline vec vec_set(float x) { return _mm256_set1_ps(x); }
static inline vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vec_store(float *p, vec x) { _mm256_storeu_ps(p, x); }
static inline vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
static inline vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
static inline vec vec_load_float16(const uint16_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vec vec_load_int8(const int8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}
static inline vec vec_div(vec a, vec b) { return _mm256_div_ps(a, b); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline vec vec_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
/* Lane l in all lanes. */
static inline vec vec_pick(vec x, size_t l) {
    __m128 half = l < 4 ? _mm256_castps256_ps128(x) : _mm256_extractf128_ps(x, 1);
    return _mm256_broadcastss_ps(_mm_permutevar_ps(half, _mm_set1_epi32((int)(l % 4))));
}
static inline float vec_first(vec x) { return _mm256_cvtss_f32(x); }

static inline void turn_four(const float *from, size_t ldf, float *to, size_t ldt) {
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + ldf);
    __m128 c = _mm_loadu_ps(from + 2 * ldf), d = _mm_loadu_ps(from + 3 * ldf);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + ldt, b);
    _mm_storeu_ps(to + 2 * ldt, c);
    _mm_storeu_ps(to + 3 * ldt, d);
}

static inline __m128 scaled_four(const float *row, __m128 q, const float *s) {
    return _mm_mul_ps(_mm_mul_ps(_mm_loadu_ps(row), q), _mm_set1_ps(*s));
}

static inline void turn_four_scaled(const float *const *row, size_t j, const float *q,
                                    const float *s, float *to, size_t ldt) {
    __m128 scale = _mm_loadu_ps(q);
    __m128 a = scaled_four(row[0] + j, scale, s), b = scaled_four(row[1] + j, scale, s + 1);
    __m128 c = scaled_four(row[2] + j, scale, s + 2), d = scaled_four(row[3] + j, scale, s + 3);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + ldt, b);
    _mm_storeu_ps(to + 2 * ldt, c);
    _mm_storeu_ps(to + 3 * ldt, d);
}

static inline __m256i first_lanes(size_t n) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lanes);
}

static inline vec vec_load_part(const float *p, size_t n) {
    return _mm256_maskload_ps(p, first_lanes(n));
}

static inline void vec_store_part(float *p, size_t n, vec x) {
    _mm256_maskstore_ps(p, first_lanes(n), x);
}

/* A masked store costs some twenty plain ones on some processors. */
static inline void vec_merge_part(float *p, size_t n, vec x) {
    __m256 mask = _mm256_castsi256_ps(first_lanes(n));
    _mm256_storeu_ps(p, _mm256_blendv_ps(_mm256_loadu_ps(p), x, mask));
}

static inline float reduce_one(vec acc[2]) {
    vec eight = _mm256_add_ps(acc[0], acc[1]);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* Lane l plus lane l + 8, then + lane l + 4: four sums of a row. */
static inline __m128 fold_four(const vec acc[2]) {
    vec eight = _mm256_add_ps(acc[0], acc[1]);
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}

/* Two sums of a, then of b. */
static inline __m128 fold_two(__m128 a, __m128 b) {
    return _mm_add_ps(_mm_movelh_ps(a, b), _mm_movehl_ps(b, a));
}

/* A transpose whose every step adds: the same tree for 4 rows at once. In halves,
 * since moving between the halves of a vec is slow on some processors. */
static inline void reduce_group(vec acc[GROUP][2], float *out) {
    __m128 ab = fold_two(fold_four(acc[0]), fold_four(acc[1]));
    __m128 cd = fold_two(fold_four(acc[2]), fold_four(acc[3]));
    _mm_storeu_ps(out, _mm_add_ps(_mm_shuffle_ps(ab, cd, 0x88), _mm_shuffle_ps(ab, cd, 0xdd)));
}

#include "kernels/body.h"

/* Few values pass in the scans this serves, so 32 are looked at together. */
INLINE size_t above_any(const float *values, const float *factors, size_t n, float threshold,
                        uint32_t *out) {
    const vec limit = vec_set(threshold);
    size_t count = 0, i = 0;
    for (; i + 32 <= n; i += 32) {
        uint32_t over = 0;
        UNROLL for (int v = 0; v < 4; v++) {
            vec x = vec_load(values + i + 8 * v);
            if (factors) x = vec_mul(x, vec_load(factors + i + 8 * v));
            vec passed = _mm256_cmp_ps(x, limit, _CMP_GT_OQ);
            over |= (uint32_t)_mm256_movemask_ps(passed) << (8 * v);
        }
        for (; over; over &= over - 1) out[count++] = (uint32_t)i + (uint32_t)__builtin_ctz(over);
    }
    for (; i < n; i++)
        if ((factors ? values[i] * factors[i] : values[i]) > threshold) out[count++] = (uint32_t)i;
    return count;
}

static size_t above(const float *values, size_t n, float threshold, uint32_t *out) {
    return above_any(values, NULL, n, threshold, out);
}

static size_t above_scaled(const float *values, const float *factors, size_t n, float threshold,
                           uint32_t *out) {
    return above_any(values, factors, n, threshold, out);
}

enum { LINE_VECS = 2, WIDE = 0 };
typedef __m256i ints;

static inline ints ints_set(uint32_t x) { return _mm256_set1_epi32((int)x); }
static inline ints ints_load(const uint8_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline ints ints_step(ints acc, ints items, ints query) {
    return _mm256_add_epi16(acc, _mm256_maddubs_epi16(items, query));
}
static inline ints ints_widen(ints acc) { return _mm256_madd_epi16(acc, _mm256_set1_epi16(1)); }
static inline ints ints_add(ints a, ints b) { return _mm256_add_epi32(a, b); }
static inline vec ints_floats(ints sum) { return _mm256_cvtepi32_ps(sum); }
static inline uint32_t vec_reach(vec x, float limit) {
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(x, vec_set(limit), _CMP_GE_OQ));
}

#include "kernels/search_body.h"
#include "kernels/x86_codes.h"
#include "kernels/avx2_pairs.h"

const recs__kernels recs__kernels_avx2 = {
    .name = "avx2",
    .dot = dot,
    .dot_rows = dot_rows,
    .dot_stream = dot_stream,
    .dot_gather = dot_gather,
    .dot_rows_half = dot_rows_half,
    .dot_stream_half = dot_stream_half,
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
    .code_scan_pairs = code_scan_pairs,
    .code_sums = code_sums,
    .code_product = code_product,
};
