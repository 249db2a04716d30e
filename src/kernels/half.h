/* half.h - numbers of 16 bits. Half without more is bfloat16: the upper half of a
 * float, with its range and sign and 8 bits of precision. float16 is IEEE
 * binary16: 11 bits of precision, up to 65,504. A halfway case goes to the even
 * one. */
#ifndef RECS_KERNELS_HALF_H
#define RECS_KERNELS_HALF_H

#include <stdint.h>
#include <string.h>

/* The nearest half. A finite float above all halves becomes an infinity, a NaN
 * stays one. */
static inline uint16_t recs__half_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & UINT32_C(0x7FFFFFFF)) > UINT32_C(0x7F800000))
        return (uint16_t)(bits >> 16 | 0x40);
    bits += UINT32_C(0x7FFF) + (bits >> 16 & 1);
    return (uint16_t)(bits >> 16);
}

static inline float recs__half_float(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The nearest float16. What is 65,520 or more becomes an infinity, a NaN stays
 * one. */
static inline uint16_t recs__float16_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= UINT32_C(0x7FFFFFFF);
    if (bits > UINT32_C(0x7F800000))
        return (uint16_t)(sign | 0x7E00);
    if (bits >= UINT32_C(0x477FF000)) /* 65,520 */
        return (uint16_t)(sign | 0x7C00);
    if (bits < UINT32_C(0x38800000)) { /* below 2^-14: multiples of 2^-24 */
        if (bits < UINT32_C(0x33000000))
            return sign;
        uint32_t shift = 126 - (bits >> 23);
        uint32_t mantissa = (bits & UINT32_C(0x7FFFFF)) | UINT32_C(0x800000);
        uint32_t kept = mantissa >> shift, rest = mantissa & ((UINT32_C(1) << shift) - 1);
        uint32_t halfway = UINT32_C(1) << (shift - 1);
        kept += rest > halfway || (rest == halfway && (kept & 1) != 0);
        return (uint16_t)(sign | kept);
    }
    bits += UINT32_C(0xFFF) + (bits >> 13 & 1);
    return (uint16_t)(sign | ((bits - UINT32_C(0x38000000)) >> 13));
}

static inline float recs__float16_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, bits = half & 0x7FFF;
    float x;
    if (bits >= 0x7C00) { /* NaN as the processors widen it: made quiet */
        bits = UINT32_C(0x7F800000) | (bits & 0x3FF) << 13 | (bits > 0x7C00 ? 0x400000u : 0);
    } else if (bits >= 0x400) {
        bits = (bits << 13) + UINT32_C(0x38000000);
    } else {
        x = (float)bits * 0x1p-24f;
        memcpy(&bits, &x, sizeof bits);
    }
    bits |= sign;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
