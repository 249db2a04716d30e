/* avx512.c - 16 floats at a time: one vec is the 16 lanes of a dot. Needs
 * AVX-512 F, BW, DQ and VL. The bodies are in body.h. */
#ifndef RECS__VNNI
#define RECS__VNNI 0 /* vnni.c is this file with its instruction */
#define RECS__TABLE recs__kernels_avx512
#define RECS__TABLE_NAME "avx512"
#endif

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

enum { WIDTH = 16, GROUP = 16, TILE_ROWS = 8, TILE_VECS = 3 };
typedef __m512 vec;

static inline vec vec_zero(void) { return _mm512_setzero_ps(); }
static inline vec vec_load_half(const uint16_t *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
static inline vec vec_set(float x) { return _mm512_set1_ps(x); }
static inline vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vec_store(float *p, vec x) { _mm512_storeu_ps(p, x); }
static inline vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
static inline vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
static inline vec vec_load_float16(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline vec vec_load_int8(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
static inline vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline vec vec_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
/* Lane l in all lanes. */
static inline vec vec_pick(vec x, size_t l) {
    return _mm512_permutexvar_ps(_mm512_set1_epi32((int)l), x);
}
static inline float vec_first(vec x) { return _mm512_cvtss_f32(x); }

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

static inline __mmask16 first_lanes(size_t n) { return (__mmask16)((1u << n) - 1); }

static inline vec vec_load_part(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}

static inline void vec_store_part(float *p, size_t n, vec x) {
    _mm512_mask_storeu_ps(p, first_lanes(n), x);
}

static inline void vec_merge_part(float *p, size_t n, vec x) { vec_store_part(p, n, x); }

static inline float reduce_one(vec acc[1]) {
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(acc[0]),
                                 _mm512_extractf32x8_ps(acc[0], 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* Lane l plus lane l + 8 of a, then of b: eight sums of each. */
static inline vec fold_eight(vec a, vec b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
}

/* Four sums of each of four rows, from a and b with eight of two. */
static inline vec fold_four(vec a, vec b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}

static inline vec fold_two(vec a, vec b) {
    __m512d c = _mm512_castps_pd(a), d = _mm512_castps_pd(b);
    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(c, d)),
                         _mm512_castpd_ps(_mm512_unpackhi_pd(c, d)));
}

static inline vec fold_one(vec a, vec b) {
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
}

/* A transpose whose every step adds: the same tree for 16 rows at once. Four
 * rows at distance 4 share a vec so that the sums come out in order. */
static inline void reduce_group(vec acc[GROUP][1], float *out) {
    vec four[4];
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 4
#endif
    for (int e = 0; e < 4; e++)
        four[e] = fold_four(fold_eight(acc[e][0], acc[4 + e][0]),
                            fold_eight(acc[8 + e][0], acc[12 + e][0]));
    _mm512_storeu_ps(out, fold_one(fold_two(four[0], four[1]), fold_two(four[2], four[3])));
}

#include "kernels/body.h"

/* Few values pass in the scans this serves, so 64 are looked at together.
 * Compressed in a register and stored whole: what lies past the count is
 * overwritten by the next store, and count <= i keeps it inside out[0 .. n). */
INLINE size_t above_any(const float *values, const float *factors, size_t n, float threshold,
                        uint32_t *out) {
    const vec limit = vec_set(threshold);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t count = 0, i = 0;
    for (; i + 64 <= n; i += 64) {
        __mmask16 over[4];
        UNROLL for (int v = 0; v < 4; v++) {
            vec x = vec_load(values + i + 16 * v);
            if (factors) x = vec_mul(x, vec_load(factors + i + 16 * v));
            over[v] = _mm512_cmp_ps_mask(x, limit, _CMP_GT_OQ);
        }
        if (!(over[0] | over[1] | over[2] | over[3])) continue;
        UNROLL for (size_t v = 0; v < 4; v++) {
            __m512i index = _mm512_add_epi32(lanes, _mm512_set1_epi32((int)(i + 16 * v)));
            _mm512_storeu_si512(out + count, _mm512_maskz_compress_epi32(over[v], index));
            count += (size_t)__builtin_popcount(over[v]);
        }
    }
    for (; i < n; i += 16) {
        __mmask16 here = first_lanes(least(n - i, 16));
        vec x = vec_load_part(values + i, least(n - i, 16));
        if (factors) x = vec_mul(x, vec_load_part(factors + i, least(n - i, 16)));
        __mmask16 over = _mm512_mask_cmp_ps_mask(here, x, limit, _CMP_GT_OQ);
        __m512i index = _mm512_add_epi32(lanes, _mm512_set1_epi32((int)i));
        size_t some = (size_t)__builtin_popcount(over);
        _mm512_mask_storeu_epi32(out + count, first_lanes(some),
                                 _mm512_maskz_compress_epi32(over, index));
        count += some;
    }
    return count;
}

static size_t above(const float *values, size_t n, float threshold, uint32_t *out) {
    return above_any(values, NULL, n, threshold, out);
}

static size_t above_scaled(const float *values, const float *factors, size_t n, float threshold,
                           uint32_t *out) {
    return above_any(values, factors, n, threshold, out);
}

enum { LINE_VECS = 1, WIDE = RECS__VNNI };
typedef __m512i ints;

static inline ints ints_set(uint32_t x) { return _mm512_set1_epi32((int)x); }
static inline ints ints_load(const uint8_t *p) { return _mm512_loadu_si512(p); }
static inline ints ints_step(ints acc, ints items, ints query) {
#if RECS__VNNI
    return _mm512_dpbusd_epi32(acc, items, query);
#else
    return _mm512_add_epi16(acc, _mm512_maddubs_epi16(items, query));
#endif
}
static inline ints ints_widen(ints acc) { return _mm512_madd_epi16(acc, _mm512_set1_epi16(1)); }
static inline ints ints_add(ints a, ints b) { return _mm512_add_epi32(a, b); }
static inline vec ints_floats(ints sum) { return _mm512_cvtepi32_ps(sum); }
static inline uint32_t vec_reach(vec x, float limit) {
    return _mm512_cmp_ps_mask(x, vec_set(limit), _CMP_GE_OQ);
}

#include "kernels/search_body.h"
#include "kernels/x86_codes.h"

const recs__kernels RECS__TABLE = {
    .name = RECS__TABLE_NAME,
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
    .code_sums = code_sums,
    .code_product = code_product,
};
