/* limits.h - what this machine can do, measured with code of its own: never
 * with the kernels that it judges. Header only, one thread.
 *
 * A figure is the best of several passes: other work on the machine only
 * makes it smaller. 0 where it is not known how to measure. */
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include "kernels/kernels.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where results go that nobody reads, so that they are computed. */
static volatile float limits_sink;

static inline double limits_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of this process's threads: what else runs on the machine takes no part. */
static inline double limits_processor(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Processor seconds of one call: the best of all the batches that fit the budget. */
static inline double limits_best(void (*work)(void *), void *arg, double budget) {
    double end = limits_now() + budget, best = 1e9;
    size_t batch = 1;
    do {
        double start = limits_processor();
        for (size_t i = 0; i < batch; i++)
            work(arg);
        double each = (limits_processor() - start) / (double)batch;
        if (each < best)
            best = each;
        if (each * (double)batch < 2e-4)
            batch *= 4;
    } while (limits_now() < end);
    return best;
}

/* Memory for count members of that size, on a cache line; ends the program
 * when there is none. */
static inline void *limits_block(size_t count, size_t size) {
    void *block = aligned_alloc(64, (count * size + 63) / 64 * 64);
    if (!block) {
        fprintf(stderr, "no memory for %zu bytes\n", count * size);
        exit(1);
    }
    return block;
}

typedef struct limits_stretch {
    const float *at;
    size_t floats;
} limits_stretch;

#if defined(__x86_64__)
#include <immintrin.h>

#define LIMITS_512 __attribute__((target("avx512f")))
#define LIMITS_256 __attribute__((target("avx2,fma")))

LIMITS_512 static inline void limits_read_512(void *arg) {
    const limits_stretch *s = arg;
    __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a;
    for (size_t i = 0; i < s->floats; i += 64) {
        a = _mm512_add_ps(a, _mm512_load_ps(s->at + i));
        b = _mm512_add_ps(b, _mm512_load_ps(s->at + i + 16));
        c = _mm512_add_ps(c, _mm512_load_ps(s->at + i + 32));
        d = _mm512_add_ps(d, _mm512_load_ps(s->at + i + 48));
    }
    a = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
    limits_sink = _mm512_cvtss_f32(a);
}

LIMITS_256 static inline void limits_read_256(void *arg) {
    const limits_stretch *s = arg;
    __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
    for (size_t i = 0; i < s->floats; i += 32) {
        a = _mm256_add_ps(a, _mm256_load_ps(s->at + i));
        b = _mm256_add_ps(b, _mm256_load_ps(s->at + i + 8));
        c = _mm256_add_ps(c, _mm256_load_ps(s->at + i + 16));
        d = _mm256_add_ps(d, _mm256_load_ps(s->at + i + 24));
    }
    a = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
    limits_sink = _mm256_cvtss_f32(a);
}

/* 16 chains of 1000 each. */
LIMITS_512 static inline void limits_fma_512(void *arg) {
    const float *x = arg;
    __m512 acc[16], m = _mm512_set1_ps(x[0]), n = _mm512_set1_ps(x[1]);
    for (int i = 0; i < 16; i++)
        acc[i] = _mm512_set1_ps(x[i]);
    for (int k = 0; k < 1000; k++) {
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            acc[i] = _mm512_fmadd_ps(acc[i], m, n);
    }
    __m512 sum = acc[0];
    for (int i = 1; i < 16; i++)
        sum = _mm512_add_ps(sum, acc[i]);
    limits_sink = _mm512_cvtss_f32(sum);
}

LIMITS_256 static inline void limits_fma_256(void *arg) {
    const float *x = arg;
    __m256 acc[12], m = _mm256_set1_ps(x[0]), n = _mm256_set1_ps(x[1]);
    for (int i = 0; i < 12; i++)
        acc[i] = _mm256_set1_ps(x[i]);
    for (int k = 0; k < 1000; k++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            acc[i] = _mm256_fmadd_ps(acc[i], m, n);
    }
    __m256 sum = acc[0];
    for (int i = 1; i < 12; i++)
        sum = _mm256_add_ps(sum, acc[i]);
    limits_sink = _mm256_cvtss_f32(sum);
}
#endif

/* Whether this processor runs the table of that name. */
static inline bool limits_holds(const char *name) {
    for (size_t t = 0; recs__kernels_at(t); t++)
        if (!strcmp(recs__kernels_at(t)->name, name))
            return true;
    return false;
}

/* Bytes a second of a plain pass in order over floats at a cache line, a
 * multiple of 64 of them, pass after pass, so that a block within a cache is
 * read from there. */
static inline double limits_read_at(const float *at, size_t floats, double budget) {
    limits_stretch s = {at, floats};
    double speed = 0;
#if defined(__x86_64__)
    if (limits_holds("avx2"))
        speed = (double)floats * 4 / limits_best(limits_read_256, &s, budget);
    if (limits_holds("avx512")) {
        double wide = (double)floats * 4 / limits_best(limits_read_512, &s, budget);
        speed = wide > speed ? wide : speed;
    }
#endif
    (void)s, (void)budget;
    return speed;
}

/* The same over a fresh block of that many bytes, rounded to 256. */
static inline double limits_read(size_t bytes) {
    size_t floats = (bytes < 256 ? 256 : bytes / 256 * 256) / sizeof(float);
    float *block = limits_block(floats, sizeof *block);
    for (size_t i = 0; i < floats; i++)
        block[i] = (float)(i & 1023);
    double speed = limits_read_at(block, floats, bytes > (64u << 20) ? 1.0 : 0.15);
    free(block);
    return speed;
}

/* Multiply-adds a second of independent chains; two operations each. */
static inline double limits_fma(void) {
    double speed = 0;
#if defined(__x86_64__)
    float x[16];
    for (int i = 0; i < 16; i++)
        x[i] = 0.5f - (float)i / 32;
    if (limits_holds("avx2"))
        speed = 12 * 8 * 1000 / limits_best(limits_fma_256, x, 0.15);
    if (limits_holds("avx512")) {
        double wide = 16 * 16 * 1000 / limits_best(limits_fma_512, x, 0.15);
        speed = wide > speed ? wide : speed;
    }
#endif
    return speed;
}

#endif
