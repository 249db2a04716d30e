/* body.h - the bodies shared by the vector tables. Included once by each of
 * avx2.c, avx512.c and neon.c, after they define:
 *
 *   WIDTH                 floats in a vec: 4, 8 or 16
 *   GROUP                 rows whose dots are taken together
 *   TILE_ROWS, TILE_VECS  the register block of syrk and cholesky
 *   vec, vec_zero, vec_set, vec_load, vec_store, vec_mul, vec_div,
 *   vec_fma(a, b, c)      a * b + c; vec_fnma: -a * b + c
 *   vec_pick(x, l)        lane l in all lanes; vec_first(x): lane 0
 *   turn_four(from, ldf, to, ldt)  a 4 x 4 block transposed
 *   turn_four_scaled(row, j, q, s, to, ldt)  floats j … j + 4 of four rows, times
 *                         the four of q, then times the row's own of s, transposed
 *   vec_load_part(p, n)   the first n <= WIDTH floats, the rest +0; memory
 *                         beyond them is not touched
 *   vec_store_part(p, n, x)
 *   vec_merge_part(p, n, x)  the same where all WIDTH floats at p are memory
 *                         of ours: what is behind the n keeps its value
 *   vec_load_half(p)      WIDTH bfloat16 as floats
 *   reduce_group(acc, out)  GROUP sums of 16 lanes by the tree of kernels.h
 *   above_any             not shared: compaction differs too much; they define
 *                         above_any(values, factors or NULL, n, threshold, out)
 *                         after the include and the two entries with it
 *
 * Blocking never changes bits: every output is one chain in the canonical
 * order, whose intermediate value waits in a register or in memory. All
 * scratch is on the stack, 24 KB at most. Cholesky factors are in factor.h, which
 * this file includes. */
#ifndef RECS_KERNELS_BODY_H
#define RECS_KERNELS_BODY_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))
/* Register blocks are small arrays: they live in registers only when the
 * loops over them are gone. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_EXITS /* it does not unroll a loop that is left in the middle, and says so */
#else
#define UNROLL _Pragma("GCC unroll 64")
#define UNROLL_EXITS UNROLL
#endif

enum {
    LANES = 16,
    PER_LANES = LANES / WIDTH, /* vecs that hold the 16 lanes of a dot */
    ABREAST = 4,               /* rows whose dots run side by side */
    AHEAD = 32,                /* rows a gather fetches before use */
    FAR_FLOATS = 2 << 20,      /* a scan of more is not served by a core's caches */
    PACK = WIDTH > TILE_ROWS ? WIDTH : TILE_ROWS, /* columns weighted at a time */
    CHUNK = 64,                /* rows taken per pass over an output */
    PANEL = 16,                /* columns factored at a time */
    STRIP = 192,               /* transposed columns at hand in a trailing update */
    CACHE_LINE = 64 / sizeof(float)
};

INLINE size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- dot ---------------------------------------------------------------- */

/* `rest` floats, at most 16, of each of two vectors into the 16 lanes. */
INLINE void lanes_part(vec *acc, const float *a, const float *b, size_t rest) {
    UNROLL for (size_t p = 0; p < PER_LANES; p++) {
        size_t from = least(rest, p * WIDTH), some = least(rest - from, WIDTH);
        acc[p] = vec_fma(vec_load_part(a + from, some), vec_load_part(b + from, some), acc[p]);
    }
}

/* Rows of floats, or of halves (bfloat16), which a load widens; the bodies below are
 * written once and `half` is known where they are used. */
INLINE vec load_of(const void *row, size_t at, const bool half) {
    return half ? vec_load_half((const uint16_t *)row + at) : vec_load((const float *)row + at);
}

/* `rest` elements of a row from `at` on into the 16 lanes. */
INLINE void lanes_of(vec *acc, const float *query, const void *row, size_t at, size_t rest,
                     const bool half) {
    if (!half) {
        lanes_part(acc, query + at, (const float *)row + at, rest);
        return;
    }
    uint16_t some[LANES] = {0};
    memcpy(some, (const uint16_t *)row + at, rest * sizeof *some);
    UNROLL for (size_t p = 0; p < PER_LANES; p++) {
        size_t from = least(rest, p * WIDTH);
        acc[p] = vec_fma(vec_load_part(query + at + from, least(rest - from, WIDTH)),
                         vec_load_half(some + p * WIDTH), acc[p]);
    }
}

INLINE const void *row_of(const void *base, size_t stride, size_t row, const bool half) {
    return half ? (const void *)((const uint16_t *)base + row * stride)
                : (const void *)((const float *)base + row * stride);
}

static float dot(const float *a, const float *b, size_t n) {
    vec acc[PER_LANES];
    UNROLL for (size_t p = 0; p < PER_LANES; p++) acc[p] = vec_zero();
    size_t k = 0;
    for (; k + LANES <= n; k += LANES) {
        UNROLL for (size_t p = 0; p < PER_LANES; p++) {
            const size_t at = k + p * WIDTH;
            acc[p] = vec_fma(vec_load(a + at), vec_load(b + at), acc[p]);
        }
    }
    if (k < n) lanes_part(acc, a + k, b + k, n - k);
    return reduce_one(acc);
}

/* GROUP dots at once, ABREAST rows side by side. The rows in `ahead`, if
 * any, are fetched meanwhile. */
INLINE void dot_group(const float *query, const void *const *row, const void *const *ahead,
                      size_t n, float *out, const bool half) {
    vec acc[GROUP][PER_LANES];
    UNROLL for (size_t first = 0; first < GROUP; first += ABREAST) {
        vec sum[ABREAST][PER_LANES];
        UNROLL for (size_t g = 0; g < ABREAST; g++) {
            UNROLL for (size_t p = 0; p < PER_LANES; p++) sum[g][p] = vec_zero();
        }
        size_t k = 0;
        for (; k + LANES <= n; k += LANES) {
            vec q[PER_LANES];
            UNROLL for (size_t p = 0; p < PER_LANES; p++) q[p] = vec_load(query + k + p * WIDTH);
            UNROLL for (size_t g = 0; g < ABREAST; g++) {
                if (ahead) __builtin_prefetch(row_of(ahead[first + g], 1, k, half));
                UNROLL for (size_t p = 0; p < PER_LANES; p++)
                    sum[g][p] = vec_fma(q[p], load_of(row[first + g], k + p * WIDTH, half),
                                        sum[g][p]);
            }
        }
        if (k < n) {
            UNROLL for (size_t g = 0; g < ABREAST; g++) {
                if (ahead) __builtin_prefetch(row_of(ahead[first + g], 1, k, half));
                lanes_of(sum[g], query, row[first + g], k, n - k, half);
            }
        }
        UNROLL for (size_t g = 0; g < ABREAST; g++) {
            UNROLL for (size_t p = 0; p < PER_LANES; p++) acc[first + g][p] = sum[g][p];
        }
    }
    reduce_group(acc, out);
}

/* Row i of a call: index NULL means rows one after another. */
INLINE const float *row_at(const float *base, size_t stride, const uint32_t *index, size_t i) {
    return base + (index ? index[i] : i) * stride;
}

INLINE void dot_any(const float *query, const void *base, size_t stride, size_t n,
                    const uint32_t *index, size_t count, float *out, const bool half) {
    const void *row[GROUP], *ahead[GROUP];
    size_t i = 0;
    for (; i + GROUP <= count; i += GROUP) {
        const bool more = index && i + GROUP + AHEAD <= count;
        UNROLL for (size_t g = 0; g < GROUP; g++)
            row[g] = row_of(base, stride, index ? index[i + g] : i + g, half);
        if (more) {
            UNROLL for (size_t g = 0; g < GROUP; g++)
                ahead[g] = row_of(base, stride, index[i + g + AHEAD], half);
            dot_group(query, row, ahead, n, out + i, half);
        } else {
            dot_group(query, row, NULL, n, out + i, half);
        }
    }
    if (i == count) return;
    /* The last few as a group too, the empty places filled with the first. */
    float last[GROUP];
    for (size_t g = 0; g < GROUP; g++) {
        size_t at = i + g < count ? i + g : i;
        row[g] = row_of(base, stride, index ? index[at] : at, half);
    }
    dot_group(query, row, NULL, n, last, half);
    memcpy(out + i, last, (count - i) * sizeof *out);
}

/* The same, row after row through a single load instruction. */
INLINE void stream_any(const float *query, const void *rows, size_t stride, size_t n,
                       size_t count, float *out, const bool half) {
    vec acc[GROUP][PER_LANES];
    size_t i = 0;
    while (i < count) {
        size_t some = least(count - i, GROUP);
        for (size_t g = 0; g < GROUP; g++) {
            const void *row = row_of(rows, stride, i + least(g, some - 1), half);
            vec sum[PER_LANES];
            UNROLL for (size_t p = 0; p < PER_LANES; p++) sum[p] = vec_zero();
            size_t k = 0;
            for (; k + LANES <= n; k += LANES) {
                UNROLL for (size_t p = 0; p < PER_LANES; p++) {
                    const size_t at = k + p * WIDTH;
                    sum[p] = vec_fma(vec_load(query + at), load_of(row, at, half), sum[p]);
                }
            }
            if (k < n) lanes_of(sum, query, row, k, n - k, half);
            UNROLL for (size_t p = 0; p < PER_LANES; p++) acc[g][p] = sum[p];
        }
        float sums[GROUP];
        reduce_group(acc, sums);
        memcpy(out + i, sums, some * sizeof *out);
        i += some;
    }
}

/* Rows side by side hide the latency of the chains, which is what limits a
 * scan of cached rows. From memory one ascending stream is best: the
 * processor's own prefetch follows it, and several streams or prefetch
 * instructions only confuse it (measured: a third to two thirds lost). */
INLINE void rows_any(const float *query, const void *rows, size_t stride, size_t n, size_t count,
                     float *out, const bool half) {
    if (count < (half ? 2 : 1) * FAR_FLOATS / (stride + 1))
        dot_any(query, rows, stride, n, NULL, count, out, half);
    else
        stream_any(query, rows, stride, n, count, out, half);
}

static void dot_stream(const float *query, const float *rows, size_t stride, size_t n,
                       size_t count, float *out) {
    stream_any(query, rows, stride, n, count, out, false);
}

static void dot_rows(const float *query, const float *rows, size_t stride, size_t n, size_t count,
                     float *out) {
    rows_any(query, rows, stride, n, count, out, false);
}

static void dot_gather(const float *query, const float *base, size_t stride, size_t n,
                       const uint32_t *rows, size_t count, float *out) {
    dot_any(query, base, stride, n, rows, count, out, false);
}

static void dot_stream_half(const float *query, const uint16_t *rows, size_t stride, size_t n,
                            size_t count, float *out) {
    stream_any(query, rows, stride, n, count, out, true);
}

static void dot_rows_half(const float *query, const uint16_t *rows, size_t stride, size_t n,
                          size_t count, float *out) {
    rows_any(query, rows, stride, n, count, out, true);
}

static void dot_gather_half(const float *query, const uint16_t *base, size_t stride, size_t n,
                            const uint32_t *rows, size_t count, float *out) {
    dot_any(query, base, stride, n, rows, count, out, true);
}

static void widen(const uint16_t *half, float *out, size_t n) {
    size_t j = 0;
    for (; j + WIDTH <= n; j += WIDTH) vec_store(out + j, vec_load_half(half + j));
    if (j == n) return;
    uint16_t some[WIDTH] = {0};
    memcpy(some, half + j, (n - j) * sizeof *some);
    vec_store_part(out + j, n - j, vec_load_half(some));
}

/* ---- axpy --------------------------------------------------------------- */

/* vecs * WIDTH outputs stay in registers over all the rows. */
INLINE void axpy_tile(const float *a, const float *const *row, size_t count, float *y, size_t at,
                      const size_t vecs) {
    vec acc[8];
    UNROLL for (size_t v = 0; v < vecs; v++) acc[v] = vec_load(y + at + v * WIDTH);
    for (size_t i = 0; i < count; i++) {
        vec factor = vec_set(a[i]);
        UNROLL for (size_t v = 0; v < vecs; v++)
            acc[v] = vec_fma(factor, vec_load(row[i] + at + v * WIDTH), acc[v]);
    }
    UNROLL for (size_t v = 0; v < vecs; v++) vec_store(y + at + v * WIDTH, acc[v]);
}

static void axpy_pointers(const float *a, const float *const *row, size_t count, float *y,
                          size_t n) {
    size_t at = 0;
    for (; at + 8 * WIDTH <= n; at += 8 * WIDTH) axpy_tile(a, row, count, y, at, 8);
    for (; at + 4 * WIDTH <= n; at += 4 * WIDTH) axpy_tile(a, row, count, y, at, 4);
    for (; at + WIDTH <= n; at += WIDTH) axpy_tile(a, row, count, y, at, 1);
    if (at == n) return;
    vec acc = vec_load_part(y + at, n - at);
    for (size_t i = 0; i < count; i++)
        acc = vec_fma(vec_set(a[i]), vec_load_part(row[i] + at, n - at), acc);
    vec_store_part(y + at, n - at, acc);
}

static void axpy(float a, const float *x, float *y, size_t n) {
    axpy_pointers(&a, &x, 1, y, n);
}

INLINE void axpy_any(const float *a, const float *base, size_t stride, const uint32_t *index,
                     size_t count, float *y, size_t n) {
    const float *row[CHUNK];
    for (size_t i = 0; i < count; i += CHUNK) {
        size_t some = least(count - i, CHUNK);
        for (size_t r = 0; r < some; r++) {
            row[r] = row_at(base, stride, index, i + r);
            for (size_t k = 0; k < least(n, 8 * CACHE_LINE); k += 4 * CACHE_LINE) {
                UNROLL for (size_t line = 0; line < 4; line++)
                    __builtin_prefetch(row[r] + k + line * CACHE_LINE);
            }
        }
        axpy_pointers(a + i, row, some, y, n);
    }
}

static void axpy_rows(const float *a, const float *rows, size_t stride, size_t count, float *y,
                      size_t n) {
    axpy_any(a, rows, stride, NULL, count, y, n);
}

static void axpy_gather(const float *a, const float *base, size_t stride, const uint32_t *index,
                        size_t count, float *y, size_t n) {
    axpy_any(a, base, stride, index, count, y, n);
}

static void scale(float a, float *x, size_t n) {
    vec factor = vec_set(a);
    size_t j = 0;
    for (; j + WIDTH <= n; j += WIDTH) vec_store(x + j, vec_mul(factor, vec_load(x + j)));
    if (j < n) vec_store_part(x + j, n - j, vec_mul(factor, vec_load_part(x + j, n - j)));
}

/* ---- the register block of syrk and cholesky ------------------------------ */

/* How many of the WIDTH entries of row j from column l on are in the lower
 * triangle of a matrix whose rows end before `end`. */
INLINE size_t below_diagonal(size_t j, size_t l, size_t end) {
    return j < end && l <= j ? least(j + 1 - l, WIDTH) : 0;
}

/* The factors of a row of tiles: at[i * stride + r] for row r; taken: the
 * products are subtracted. */
typedef struct side {
    const float *at;
    size_t stride;
    bool taken;
} side;

/* Rows j .. j + TILE_ROWS and columns l .. l + vecs * WIDTH of c, the part in
 * the lower triangle only:
 *   c[j + r][l + x] = chain over i of fma(left[i][r], row[i][l + x], ...).
 * Rows of c from `end` on do not exist. whole: all of the block is in the
 * triangle. last: floats that may be read of the last vec of each row. */
INLINE void tile(const side *left, const float *const *row, size_t count, float *c, size_t ldc,
                 size_t j, size_t l, size_t end, size_t last, const size_t vecs,
                 const bool whole, const bool part) {
    vec acc[TILE_ROWS][TILE_VECS];
    UNROLL for (size_t r = 0; r < TILE_ROWS; r++) {
        UNROLL for (size_t v = 0; v < vecs; v++) {
            const size_t at = l + v * WIDTH;
            if (whole) {
                acc[r][v] = vec_load(c + (j + r) * ldc + at);
            } else {
                size_t some = below_diagonal(j + r, at, end);
                acc[r][v] = some ? vec_load_part(c + (j + r) * ldc + at, some) : vec_zero();
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        vec x[TILE_VECS];
        UNROLL for (size_t v = 0; v < vecs; v++) {
            const float *from = row[i] + l + v * WIDTH;
            x[v] = part && v + 1 == vecs ? vec_load_part(from, last) : vec_load(from);
        }
        UNROLL for (size_t r = 0; r < TILE_ROWS; r++) {
            vec factor = vec_set(left->at[i * left->stride + r]);
            UNROLL for (size_t v = 0; v < vecs; v++)
                acc[r][v] = left->taken ? vec_fnma(factor, x[v], acc[r][v])
                                        : vec_fma(factor, x[v], acc[r][v]);
        }
    }
    UNROLL for (size_t r = 0; r < TILE_ROWS; r++) {
        UNROLL for (size_t v = 0; v < vecs; v++) {
            const size_t at = l + v * WIDTH;
            if (whole) {
                vec_store(c + (j + r) * ldc + at, acc[r][v]);
            } else {
                size_t some = below_diagonal(j + r, at, end);
                if (some == 0) continue;
                if (at + WIDTH <= ldc)
                    vec_merge_part(c + (j + r) * ldc + at, some, acc[r][v]);
                else
                    vec_store_part(c + (j + r) * ldc + at, some, acc[r][v]);
            }
        }
    }
}

INLINE void tile_of(const side *left, const float *const *row, size_t count, float *c, size_t ldc,
                    size_t j, size_t l, size_t end, size_t readable, const size_t vecs) {
    size_t over = l + vecs * WIDTH;
    if (over > readable)
        tile(left, row, count, c, ldc, j, l, end, WIDTH - (over - readable), vecs, false, true);
    else if (over <= j + 1 && j + TILE_ROWS <= end)
        tile(left, row, count, c, ldc, j, l, end, WIDTH, vecs, true, false);
    else
        tile(left, row, count, c, ldc, j, l, end, WIDTH, vecs, false, false);
}

/* The tiles of rows j .. j + TILE_ROWS and columns from .. to, cut to the
 * triangle. Each row may be read up to `readable`. */
INLINE void tile_row(const side *left, const float *const *row, size_t count, float *c,
                     size_t ldc, size_t j, size_t from, size_t to, size_t end, size_t readable) {
    to = least(to, least(j + TILE_ROWS, end));
    while (from < to) {
        size_t vecs = (to - from + WIDTH - 1) / WIDTH;
        if (vecs > TILE_VECS) vecs = vecs == TILE_VECS + 1 ? 2 : TILE_VECS;
        if (vecs == 1)
            tile_of(left, row, count, c, ldc, j, from, end, readable, 1);
        else if (vecs == 2)
            tile_of(left, row, count, c, ldc, j, from, end, readable, 2);
        else
            tile_of(left, row, count, c, ldc, j, from, end, readable, TILE_VECS);
        from += vecs * WIDTH;
    }
}

/* ---- syrk ----------------------------------------------------------------- */

/* left[i][r] = row[i][j + r] * w[i] for PACK columns; those from n on are 0.
 * Laid out as PACK / TILE_ROWS blocks, one for each row of tiles. */
static void pack_left(float *left, const float *const *row, const float *w, size_t count, size_t j,
                      size_t n) {
    _Alignas(64) float line[PACK];
    size_t some = least(n - j, PACK);
    for (size_t i = 0; i < count; i++) {
        vec factor = vec_set(w ? w[i] : 1.0f);
        UNROLL for (size_t p = 0; p < PACK; p += WIDTH) {
            const float *from = row[i] + j + least(p, some);
            vec x = some == PACK ? vec_load(from)
                                 : vec_load_part(from, least(some - least(p, some), WIDTH));
            vec_store(line + p, vec_mul(x, factor));
        }
        UNROLL for (size_t p = 0; p < PACK; p += TILE_ROWS)
            memcpy(left + p * CHUNK + i * TILE_ROWS, line + p, TILE_ROWS * sizeof(float));
    }
}

static void prefetch_row(const float *row, size_t n) {
    for (size_t k = 0; k < n; k += CACHE_LINE) __builtin_prefetch(row + k);
}

static void syrk(const float *w, const float *base, size_t stride, const uint32_t *index,
                 size_t count, float *c, size_t ldc, size_t n) {
    const float *row[CHUNK];
    _Alignas(64) float left[CHUNK * PACK];
    for (size_t i = 0; i < least(count, CHUNK); i++)
        prefetch_row(row_at(base, stride, index, i), n);
    for (size_t i = 0; i < count; i += CHUNK) {
        size_t some = least(count - i, CHUNK);
        size_t next = i + some, coming = least(count - next, CHUNK);
        for (size_t r = 0; r < some; r++) row[r] = row_at(base, stride, index, i + r);
        size_t fetched = 0;
        /* Rows one after another without weights serve as their own factors. */
        bool packed = w || index || n % TILE_ROWS != 0;
        for (size_t j = 0; j < n; j += TILE_ROWS) {
            /* The next rows come in while these are worked on, some a block. */
            for (; fetched * n < coming * (j + TILE_ROWS) && fetched < coming; fetched++)
                prefetch_row(row_at(base, stride, index, next + fetched), n);
            if (packed && j % PACK == 0) pack_left(left, row, w ? w + i : NULL, some, j, n);
            const side s = {packed ? left + j % PACK * CHUNK : row[0] + j,
                            packed ? TILE_ROWS : stride, false};
            tile_row(&s, row, some, c, ldc, j, 0, n, n, n);
        }
    }
}

/* ---- multiply ------------------------------------------------------------- */

/* rows * vecs outputs in registers over all of k; `last` floats of the last
 * vec of each row exist. taken: the products are subtracted. */
INLINE void multiply_tile(const float *a, size_t lda, size_t step, const float *b, size_t ldb,
                          size_t k, float *c, size_t ldc, size_t last, const size_t rows,
                          const size_t vecs, const bool part, const bool taken) {
    vec acc[TILE_ROWS][TILE_VECS];
    UNROLL for (size_t r = 0; r < rows; r++) {
        UNROLL for (size_t v = 0; v < vecs; v++) {
            const float *from = c + r * ldc + v * WIDTH;
            acc[r][v] = part && v + 1 == vecs ? vec_load_part(from, last) : vec_load(from);
        }
    }
    for (size_t i = 0; i < k; i++) {
        vec x[TILE_VECS];
        UNROLL for (size_t v = 0; v < vecs; v++) {
            const float *from = b + i * ldb + v * WIDTH;
            x[v] = part && v + 1 == vecs ? vec_load_part(from, last) : vec_load(from);
        }
        UNROLL for (size_t r = 0; r < rows; r++) {
            vec factor = vec_set(a[r * lda + i * step]);
            UNROLL for (size_t v = 0; v < vecs; v++)
                acc[r][v] = taken ? vec_fnma(factor, x[v], acc[r][v])
                                  : vec_fma(factor, x[v], acc[r][v]);
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++) {
        UNROLL for (size_t v = 0; v < vecs; v++) {
            float *to = c + r * ldc + v * WIDTH;
            if (part && v + 1 == vecs) vec_store_part(to, last, acc[r][v]);
            else vec_store(to, acc[r][v]);
        }
    }
}

/* A strip of vecs columns, from top to bottom: what it reads of b stays near. */
INLINE void multiply_strip(const float *a, size_t lda, size_t step, size_t rows, const float *b,
                           size_t ldb, size_t k, float *c, size_t ldc, size_t last,
                           const size_t vecs, const bool part) {
    size_t r = 0;
    for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
        multiply_tile(a + r * lda, lda, step, b, ldb, k, c + r * ldc, ldc, last, TILE_ROWS, vecs,
                      part, false);
    for (; r < rows; r++)
        multiply_tile(a + r * lda, lda, step, b, ldb, k, c + r * ldc, ldc, last, 1, vecs, part,
                      false);
}

static void multiply(const float *a, size_t lda, size_t step, size_t rows, const float *b,
                     size_t ldb, size_t k, float *c, size_t ldc, size_t n) {
    size_t at = 0;
    while (at < n) {
        size_t vecs = (n - at) / WIDTH;
        if (vecs > TILE_VECS) vecs = vecs == TILE_VECS + 1 ? 2 : TILE_VECS;
        if (vecs == 0)
            multiply_strip(a, lda, step, rows, b + at, ldb, k, c + at, ldc, n - at, 1, true);
        else if (vecs == 1)
            multiply_strip(a, lda, step, rows, b + at, ldb, k, c + at, ldc, WIDTH, 1, false);
        else if (vecs == 2)
            multiply_strip(a, lda, step, rows, b + at, ldb, k, c + at, ldc, WIDTH, 2, false);
        else
            multiply_strip(a, lda, step, rows, b + at, ldb, k, c + at, ldc, WIDTH, TILE_VECS,
                           false);
        at += (vecs ? vecs : 1) * WIDTH;
    }
}

/* ---- turn_gather ---------------------------------------------------------- */

/* 4 x 4 blocks, scaled on the way: of eight rows, so that half a line is written
 * at once, of four, and one by one. */
static void turn_gather(const float *base, size_t stride, const uint32_t *index, size_t count,
                        size_t n, const float *q, const float *s, float *out, size_t ldo) {
    for (size_t i = 0, some; i < count; i += some) {
        const float *row[8];
        size_t j = 0;
        some = count - i >= 8 ? 8 : least(count - i, 4);
        for (size_t r = 0; r < some; r++) row[r] = base + index[i + r] * stride;
        for (size_t r = i + some; r < least(count, i + 2 * some); r++)
            prefetch_row(base + index[r] * stride, least(n, 512));
        for (; some == 8 && j + 4 <= n; j += 4) {
            float *to = out + j * ldo + i;
            turn_four_scaled(row, j, q + j, s + i, to, ldo);
            turn_four_scaled(row + 4, j, q + j, s + i + 4, to + 4, ldo);
        }
        for (; some == 4 && j + 4 <= n; j += 4)
            turn_four_scaled(row, j, q + j, s + i, out + j * ldo + i, ldo);
        for (; j < n; j++)
            for (size_t r = 0; r < some; r++) out[j * ldo + i + r] = (row[r][j] * q[j]) * s[i + r];
    }
}

#include "kernels/factor.h"

#endif
