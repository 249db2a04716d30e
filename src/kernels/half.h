/* half.h - bfloat16: the upper half of a float. Range and sign of a float, 8
 * bits of precision; a halfway case goes to the even one. */
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

#endif
