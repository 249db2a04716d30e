/* neon.c - 4 floats at a time: four vecs are the 16 lanes of a dot. NEON is
 * part of every AArch64. The bodies are in body.h. */
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

enum { WIDTH = 4, GROUP = 4, TILE_ROWS = 8, TILE_VECS = 3 };
typedef float32x4_t vec;

static inline vec vec_zero(void) { return vdupq_n_f32(0.0f); }
static inline vec vec_load_half(const uint16_t *p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
static inline vec vec_set(float x) { return vdupq_n_f32(x); }
static inline vec vec_load(const float *p) { return vld1q_f32(p); }
static inline void vec_store(float *p, vec x) { vst1q_f32(p, x); }
static inline vec vec_mul(vec a, vec b) { return vmulq_f32(a, b); }
static inline vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
static inline vec vec_load_float16(const uint16_t *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
static inline vec vec_load_int8(const int8_t *p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}
static inline vec vec_div(vec a, vec b) { return vdivq_f32(a, b); }
static inline vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
static inline vec vec_fnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }
/* Lane l in all lanes. */
static inline vec vec_pick(vec x, size_t l) {
    float some[4];
    vst1q_f32(some, x);
    return vdupq_n_f32(some[l]);
}
static inline float vec_first(vec x) { return vgetq_lane_f32(x, 0); }

static inline void turn_four(const float *from, size_t ldf, float *to, size_t ldt) {
    float32x4x2_t ab = vtrnq_f32(vld1q_f32(from), vld1q_f32(from + ldf));
    float32x4x2_t cd = vtrnq_f32(vld1q_f32(from + 2 * ldf), vld1q_f32(from + 3 * ldf));
    for (size_t i = 0; i < 2; i++) {
        vst1q_f32(to + i * ldt, vcombine_f32(vget_low_f32(ab.val[i]), vget_low_f32(cd.val[i])));
        vst1q_f32(to + (i + 2) * ldt,
                  vcombine_f32(vget_high_f32(ab.val[i]), vget_high_f32(cd.val[i])));
    }
}

static inline void turn_four_scaled(const float *const *row, size_t j, const float *q,
                                    const float *s, float *to, size_t ldt) {
    float block[16];
    for (size_t i = 0; i < 4; i++)
        vst1q_f32(block + 4 * i,
                  vmulq_n_f32(vmulq_f32(vld1q_f32(row[i] + j), vld1q_f32(q)), s[i]));
    turn_four(block, 4, to, ldt);
}

static inline vec vec_load_part(const float *p, size_t n) {
    float some[4] = {0};
    for (size_t i = 0; i < n; i++) some[i] = p[i];
    return vld1q_f32(some);
}

static inline void vec_store_part(float *p, size_t n, vec x) {
    float some[4];
    vst1q_f32(some, x);
    for (size_t i = 0; i < n; i++) p[i] = some[i];
}

static inline void vec_merge_part(float *p, size_t n, vec x) { vec_store_part(p, n, x); }

/* Lane l + lane l + 8, then + lane l + 4: four sums. */
static inline vec fold_four(const vec acc[4]) {
    return vaddq_f32(vaddq_f32(acc[0], acc[2]), vaddq_f32(acc[1], acc[3]));
}

/* Two sums of a, then of b. */
static inline vec fold_two(vec a, vec b) {
    return vaddq_f32(vcombine_f32(vget_low_f32(a), vget_low_f32(b)),
                     vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}

static inline float reduce_one(vec acc[4]) {
    vec four = fold_four(acc);
    return vpadds_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four)));
}

static inline void reduce_group(vec acc[GROUP][4], float *out) {
    vst1q_f32(out, vpaddq_f32(fold_two(fold_four(acc[0]), fold_four(acc[1])),
                              fold_two(fold_four(acc[2]), fold_four(acc[3]))));
}

#include "kernels/body.h"

/* Few values pass in the scans this serves, so 16 are looked at together. */
INLINE size_t above_any(const float *values, const float *factors, size_t n, float threshold,
                        uint32_t *out) {
    const vec limit = vec_set(threshold);
    size_t count = 0, i = 0;
    for (; i + 16 <= n; i += 16) {
        uint32x4_t over[4];
        UNROLL for (int v = 0; v < 4; v++) {
            vec x = vec_load(values + i + 4 * v);
            if (factors) x = vec_mul(x, vec_load(factors + i + 4 * v));
            over[v] = vcgtq_f32(x, limit);
        }
        uint32x4_t any = vorrq_u32(vorrq_u32(over[0], over[1]), vorrq_u32(over[2], over[3]));
        if (vmaxvq_u32(any) == 0) continue;
        for (size_t k = i; k < i + 16; k++)
            if ((factors ? values[k] * factors[k] : values[k]) > threshold)
                out[count++] = (uint32_t)k;
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

enum { LINE_VECS = 4, WIDE = 0 };
typedef int16x8_t ints;

static inline ints ints_set(uint32_t x) { return vreinterpretq_s16_u32(vdupq_n_u32(x)); }
static inline ints ints_load(const uint8_t *p) { return vreinterpretq_s16_u8(vld1q_u8(p)); }
/* Codes are below 128, so their bytes may be taken as signed. */
static inline ints ints_step(ints acc, ints items, ints query) {
    int8x16_t a = vreinterpretq_s8_s16(items), b = vreinterpretq_s8_s16(query);
    int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
    return vaddq_s16(acc, vpaddq_s16(low, vmull_high_s8(a, b)));
}
static inline ints ints_widen(ints acc) { return vreinterpretq_s16_s32(vpaddlq_s16(acc)); }
static inline ints ints_add(ints a, ints b) {
    return vreinterpretq_s16_s32(vaddq_s32(vreinterpretq_s32_s16(a), vreinterpretq_s32_s16(b)));
}
static inline vec ints_floats(ints sum) { return vcvtq_f32_s32(vreinterpretq_s32_s16(sum)); }
static inline uint32_t vec_reach(vec x, float limit) {
    const uint32x4_t bits = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgeq_f32(x, vec_set(limit)), bits));
}

#include "kernels/search_body.h"

const recs__kernels recs__kernels_neon = {
    .name = "neon",
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
    .code_product = recs__code_product_scalar,
};
