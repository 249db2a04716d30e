/*
 * rng.h - the generator's only source of chance: xoshiro256** for streams, a
 * splitmix64 hash for facts that are derived again instead of being stored.
 * Integers only, so the same seed gives the same bytes on every machine.
 */
#ifndef DEMO_SHOP_RNG_H
#define DEMO_SHOP_RNG_H

#include <stdint.h>

__extension__ typedef unsigned __int128 shop_u128;

typedef struct shop_rng {
    uint64_t s[4];
} shop_rng;

/* The finaliser of splitmix64: a bijection that mixes all bits. */
static inline uint64_t shop_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* A number that depends on (seed, tag, id) alone. */
static inline uint64_t shop_hash(uint64_t seed, uint64_t tag, uint64_t id)
{
    return shop_mix(shop_mix(shop_mix(seed) ^ (tag * 0xd1342543de82ef95u)) + id);
}

/* x scaled to [0, n): the high half of the product. n = 0 gives 0. */
static inline uint64_t shop_scale(uint64_t x, uint64_t n)
{
    return (uint64_t)(((shop_u128)x * n) >> 64);
}

static inline void shop_rng_seed(shop_rng *rng, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++)
        rng->s[i] = shop_hash(seed, 0x736565u, i);
}

static inline uint64_t shop_rotl(uint64_t x, unsigned k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t shop_rng_next(shop_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = shop_rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = shop_rotl(s[3], 45);
    return result;
}

/* Uniform in [0, n); the bias, at most n / 2^64, is part of the definition. */
static inline uint64_t shop_rng_below(shop_rng *rng, uint64_t n)
{
    return shop_scale(shop_rng_next(rng), n);
}

/* True in `of256` cases out of 256. */
static inline int shop_rng_chance(shop_rng *rng, unsigned of256)
{
    return (shop_rng_next(rng) >> 56) < of256;
}

#endif
