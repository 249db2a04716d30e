/* search_body.h - the bodies of search shared by the vector tables: squared
 * distances, widening, and the scan of codes. Included once by each of avx2.c,
 * avx512.c and neon.c, behind body.h, after they define:
 *
 *   LINE_VECS           ints that hold a line: 4 codes of each of 16 rows
 *   ints                integers, 64 / LINE_VECS bytes
 *   ints_set(u32)       that number in every place
 *   ints_load(p)        codes, unaligned
 *   ints_step(acc, items, query)  acc plus the products of four codes a row: two sums
 *                       of 16 bits a row, which may wrap, or (WIDE) one of 32
 *   ints_widen(acc)     the sum of 32 bits of each row (WIDE: as it is)
 *   ints_add(a, b)      of 32 bits
 *   ints_floats(a)      of 32 bits, as WIDTH floats
 *   vec_reach(x, limit) bit i: x[i] >= limit
 *   vec_sub(a, b), vec_load_float16(p), vec_load_int8(p)  WIDTH floats
 *
 * Why 16 bits are enough: a row's code less 64 is at most 45 in magnitude, and the
 * query's codes of a segment's half add up to 728 at most, so what a half ends
 * at, its start included, is at most 32,760. Sums on the way there may wrap; the
 * end is the same modulo 2^16. Of a single product pair, 109 * (127 + 127) is
 * below 2^15 too, so that an addition that saturates never does. */
#ifndef RECS_KERNELS_SEARCH_BODY_H
#define RECS_KERNELS_SEARCH_BODY_H

/* ---- distances ------------------------------------------------------------------ */

INLINE float distance(const float *a, const float *b, size_t n) {
    vec acc[PER_LANES];
    UNROLL for (size_t p = 0; p < PER_LANES; p++) acc[p] = vec_zero();
    size_t k = 0;
    for (; k + LANES <= n; k += LANES) {
        UNROLL for (size_t p = 0; p < PER_LANES; p++) {
            vec d = vec_sub(vec_load(a + k + p * WIDTH), vec_load(b + k + p * WIDTH));
            acc[p] = vec_fma(d, d, acc[p]);
        }
    }
    if (k < n) {
        UNROLL for (size_t p = 0; p < PER_LANES; p++) {
            size_t from = least(n - k, p * WIDTH), some = least(n - k - from, WIDTH);
            vec d = vec_sub(vec_load_part(a + k + from, some), vec_load_part(b + k + from, some));
            acc[p] = vec_fma(d, d, acc[p]);
        }
    }
    return reduce_one(acc);
}

static void distance_rows(const float *query, const float *rows, size_t stride, size_t n,
                          size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = distance(query, rows + i * stride, n);
}

static void distance_gather(const float *query, const float *base, size_t stride, size_t n,
                            const uint32_t *rows, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        const float *ahead = base + rows[least(i + 4, count - 1)] * stride;
        for (size_t k = 0; k < n; k += CACHE_LINE) __builtin_prefetch(ahead + k);
        out[i] = distance(query, base + rows[i] * stride, n);
    }
}

/* ---- widening -------------------------------------------------------------------- */

static void widen_float16(const uint16_t *half, float *out, size_t n) {
    size_t j = 0;
    for (; j + WIDTH <= n; j += WIDTH) vec_store(out + j, vec_load_float16(half + j));
    if (j == n) return;
    uint16_t some[WIDTH] = {0};
    memcpy(some, half + j, (n - j) * sizeof *some);
    vec_store_part(out + j, n - j, vec_load_float16(some));
}

static void widen_int8(const int8_t *codes, float scale, float *out, size_t n) {
    const vec factor = vec_set(scale);
    size_t j = 0;
    for (; j + WIDTH <= n; j += WIDTH)
        vec_store(out + j, vec_mul(vec_load_int8(codes + j), factor));
    if (j == n) return;
    int8_t some[WIDTH] = {0};
    memcpy(some, codes + j, n - j);
    vec_store_part(out + j, n - j, vec_mul(vec_load_int8(some), factor));
}

/* ---- codes ----------------------------------------------------------------------- */

enum { QUERIES = 4 }; /* that share the loads of a tile */

INLINE uint32_t four_codes(const int8_t *codes) {
    uint32_t four;
    memcpy(&four, codes, sizeof four);
    return four;
}

/* A tile's sums for up to QUERIES queries; count is known where it is used. */
INLINE void code_tile(const recs__code_query *queries, const size_t count, const uint8_t *tile,
                      size_t groups, ints sum[QUERIES][LINE_VECS]) {
    UNROLL for (size_t q = 0; q < count; q++) {
        int32_t first = queries[q].bias + (WIDE ? queries[q].start : 0);
        UNROLL for (size_t v = 0; v < LINE_VECS; v++) sum[q][v] = ints_set((uint32_t)first);
    }
    for (size_t from = 0, s = 0; from < groups; from += RECS__CODES_SEGMENT, s++) {
        size_t to = least(from + RECS__CODES_SEGMENT, groups);
        ints acc[QUERIES][LINE_VECS];
        UNROLL for (size_t q = 0; q < count; q++) {
            UNROLL for (size_t v = 0; v < LINE_VECS; v++)
                acc[q][v] = WIDE ? sum[q][v] : ints_set(queries[q].starts[s]);
        }
        for (size_t g = from; g < to; g++) {
            ints items[LINE_VECS];
            UNROLL for (size_t v = 0; v < LINE_VECS; v++)
                items[v] = ints_load(tile + 64 * g + v * sizeof(ints));
            UNROLL for (size_t q = 0; q < count; q++) {
                ints wanted = ints_set(four_codes(queries[q].codes + 4 * g));
                UNROLL for (size_t v = 0; v < LINE_VECS; v++)
                    acc[q][v] = ints_step(acc[q][v], items[v], wanted);
            }
        }
        UNROLL for (size_t q = 0; q < count; q++) {
            UNROLL for (size_t v = 0; v < LINE_VECS; v++)
                sum[q][v] = WIDE ? acc[q][v] : ints_add(sum[q][v], ints_widen(acc[q][v]));
        }
    }
}

INLINE void code_hits(const recs__code_query *queries, const float *limits, const size_t count,
                      const uint8_t *tile, size_t groups, const float *scales, uint16_t *hits,
                      size_t tiles) {
    ints sum[QUERIES][LINE_VECS];
    code_tile(queries, count, tile, groups, sum);
    UNROLL for (size_t q = 0; q < count; q++) {
        uint32_t bits = 0;
        UNROLL for (size_t v = 0; v < LINE_VECS; v++)
            bits |= vec_reach(vec_mul(ints_floats(sum[q][v]), vec_load(scales + v * WIDTH)),
                              limits[q])
                    << (v * WIDTH);
        hits[q * tiles] = (uint16_t)bits;
    }
}

static void code_sums(const recs__code_query *query, const uint8_t *codes, size_t groups,
                      size_t tiles, const float *scales, float *out) {
    for (size_t t = 0; t < tiles; t++) {
        ints sum[QUERIES][LINE_VECS];
        code_tile(query, 1, codes + 64 * groups * t, groups, sum);
        UNROLL for (size_t v = 0; v < LINE_VECS; v++) {
            size_t at = 16 * t + v * WIDTH;
            vec_store(out + at, vec_mul(ints_floats(sum[0][v]), vec_load(scales + at)));
        }
    }
}

static void code_scan(const recs__code_query *queries, const float *limits, size_t count,
                      const uint8_t *codes, size_t groups, size_t tiles, const float *scales,
                      uint16_t *hits) {
    for (size_t t = 0; t < tiles; t++) {
        const uint8_t *tile = codes + 64 * groups * t;
        const float *scale = scales + 16 * t;
        size_t c = 0;
        for (; c + QUERIES <= count; c += QUERIES)
            code_hits(queries + c, limits + c, QUERIES, tile, groups, scale,
                      hits + c * tiles + t, tiles);
        if (count - c == 3)
            code_hits(queries + c, limits + c, 3, tile, groups, scale, hits + c * tiles + t, tiles);
        else if (count - c == 2)
            code_hits(queries + c, limits + c, 2, tile, groups, scale, hits + c * tiles + t, tiles);
        else if (count - c == 1)
            code_hits(queries + c, limits + c, 1, tile, groups, scale, hits + c * tiles + t, tiles);
    }
}

#endif
