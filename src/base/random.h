/* random.h - a small, seeded, portable generator (xoshiro256**, Blackman and
 * Vigna 2018; seeded by splitmix64). Same seed, same numbers, everywhere. */
#ifndef RECS_BASE_RANDOM_H
#define RECS_BASE_RANDOM_H

#include <stdint.h>

typedef struct recs__random {
    uint64_t state[4];
} recs__random;

void recs__random_seed(recs__random *random, uint64_t seed);
uint64_t recs__random_u64(recs__random *random);
/* Uniform below bound (> 0), without bias. */
uint64_t recs__random_below(recs__random *random, uint64_t bound);
/* Uniform in [0, 1), 24 bits. */
float recs__random_float(recs__random *random);
/* Uniform in [0, 1), 53 bits. */
double recs__random_double(recs__random *random);
/* Sum of uniforms, mean 0, variance 1: no libm, so the same everywhere. */
float recs__random_normal(recs__random *random);

#endif
