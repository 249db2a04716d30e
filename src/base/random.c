/* random.c - xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom
 * number generators", 2018), its state filled by splitmix64.
 *
 * Operations: seed, u64, below, float, double, normal; each a few
 * nanoseconds. Not for secrets. Models are trained from these numbers, so the
 * sequence of a seed is part of what is promised: tests pin it. */
#include "base/random.h"

static uint64_t rotate_left(uint64_t x, unsigned by) { return (x << by) | (x >> (64 - by)); }

void recs__random_seed(recs__random *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9E3779B97F4A7C15);
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        random->state[i] = z ^ (z >> 31);
    }
}

uint64_t recs__random_u64(recs__random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* The 128-bit product of a and b; *low gets its low half. */
static uint64_t multiply_high(uint64_t a, uint64_t b, uint64_t *low) {
    uint64_t a0 = a & UINT32_MAX, a1 = a >> 32, b0 = b & UINT32_MAX, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t other = a0 * b1 + (middle & UINT32_MAX);
    *low = a * b;
    return a1 * b1 + (middle >> 32) + (other >> 32);
}

/* Lemire's multiplication with rejection ("Fast random integer generation in
 * an interval", 2019): the few low products that would favour some results
 * are drawn again. */
uint64_t recs__random_below(recs__random *random, uint64_t bound) {
    uint64_t low, high = multiply_high(recs__random_u64(random), bound, &low);
    if (low < bound) {
        uint64_t reject = (0 - bound) % bound;
        while (low < reject)
            high = multiply_high(recs__random_u64(random), bound, &low);
    }
    return high;
}

float recs__random_float(recs__random *random) {
    return (float)(recs__random_u64(random) >> 40) * 0x1p-24f;
}

double recs__random_double(recs__random *random) {
    return (double)(recs__random_u64(random) >> 11) * 0x1p-53;
}

/* Twelve uniform integers of 21 bits from four draws. Their sum has mean
 * 6 * (2^21 - 1) and variance 2^42 - 1; less its mean it is below 2^24, so
 * the conversion to float is exact. Reaches from -6 to 6. */
float recs__random_normal(recs__random *random) {
    int32_t sum = -6 * ((1 << 21) - 1);
    for (int i = 0; i < 4; i++) {
        uint64_t bits = recs__random_u64(random);
        sum += (int32_t)(bits >> 43) + (int32_t)(bits >> 22 & 0x1FFFFF) +
               (int32_t)(bits >> 1 & 0x1FFFFF);
    }
    return (float)sum * 0x1p-21f;
}
