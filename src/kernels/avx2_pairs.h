/* avx2_pairs.h - the scan of codes for many queries, with half the multiplications.
 *
 * Winograd's inner product (IEEE Transactions on Computers C-17, 1968): of two numbers
 * each
 *
 *   (x0 + q1) (x1 + q0) = x0 q0 + x1 q1 + x0 x1 + q0 q1
 *
 * What is of the row alone or of the query alone is computed once a tile or once a query.
 * A multiplication by bytes is one execution port's, additions are any of three's, where
 * 256 bits are two halves; so three operations for twice the products are faster than two.
 *
 * x are a row's codes less 64, q a query's, at most 45 in magnitude each; the numbers of line g
 * are multiplied with those of line g + 1. The first sum is moved by 90 to be unsigned,
 * 0 to 180, the second is -90 to 90: two products are at most 32,400, so that
 * vpmaddubsw never saturates. Sums of 16 bits may wrap, as in search_body.h; what a
 * segment ends at fits. */
#ifndef RECS_KERNELS_AVX2_PAIRS_H
#define RECS_KERNELS_AVX2_PAIRS_H

enum {
    PAIR_TILES = 4, /* that share the loads of a query */
    PAIR_SEGMENTS = RECS__CODES_PAIRS_DIMS / 4 / RECS__CODES_SEGMENT
};

static inline __m256i line_at(const uint8_t *tile, size_t at) {
    return _mm256_loadu_si256((const __m256i *)(const void *)(tile + at));
}

/* Adds the products of lines from … to of some tiles; the last line of an odd number
 * is multiplied as it is, which the query's starts know. */
INLINE void pair_lines(const int8_t *query, const uint8_t *tile, size_t groups, size_t from,
                       size_t to, const size_t tiles, __m256i acc[PAIR_TILES][2]) {
    size_t g = from;
    for (; g + 2 <= to; g += 2) {
        const __m256i u = _mm256_set1_epi32((int)four_codes(query + 4 * g));
        const __m256i v = _mm256_set1_epi32((int)four_codes(query + 4 * g + 4));
        UNROLL for (size_t t = 0; t < tiles; t++) {
            UNROLL for (size_t h = 0; h < 2; h++) {
                const size_t at = 64 * (t * groups + g) + 32 * h;
                __m256i one = _mm256_add_epi8(line_at(tile, at), u);
                __m256i two = _mm256_add_epi8(line_at(tile, at + 64), v);
                acc[t][h] = _mm256_add_epi16(acc[t][h], _mm256_maddubs_epi16(one, two));
            }
        }
    }
    if (g == to) return;
    const __m256i u = _mm256_set1_epi32((int)four_codes(query + 4 * g));
    UNROLL for (size_t t = 0; t < tiles; t++) {
        UNROLL for (size_t h = 0; h < 2; h++) {
            __m256i line = line_at(tile, 64 * (t * groups + g) + 32 * h);
            acc[t][h] = _mm256_add_epi16(acc[t][h], _mm256_maddubs_epi16(line, u));
        }
    }
}

/* What each segment of a tile's rows adds of itself. */
INLINE void pair_rests(const uint8_t *tile, size_t groups, const size_t tiles,
                       __m256i rests[PAIR_SEGMENTS][PAIR_TILES][2]) {
    static const int8_t none[8] = {26, 26, 26, 26, -64, -64, -64, -64};
    int8_t query[4 * RECS__CODES_SEGMENT];
    for (size_t i = 0; i < RECS__CODES_SEGMENT / 2; i++) memcpy(query + 8 * i, none, 8);
    for (size_t from = 0, s = 0; from < groups; from += RECS__CODES_SEGMENT, s++) {
        size_t pairs = least(RECS__CODES_SEGMENT, groups - from) / 2;
        __m256i acc[PAIR_TILES][2];
        UNROLL for (size_t t = 0; t < tiles; t++) acc[t][0] = acc[t][1] = _mm256_setzero_si256();
        pair_lines(query, tile + 64 * from, groups, 0, 2 * pairs, tiles, acc);
        UNROLL for (size_t t = 0; t < tiles; t++) {
            UNROLL for (size_t h = 0; h < 2; h++) rests[s][t][h] = acc[t][h];
        }
    }
}

INLINE void pair_hits(const recs__code_query *query, float limit, const uint8_t *tile,
                      size_t groups, const size_t tiles, const float *scales,
                      __m256i rests[PAIR_SEGMENTS][PAIR_TILES][2], uint16_t *hits) {
    const __m256i ones = _mm256_set1_epi16(1), bias = _mm256_set1_epi32(query->bias);
    __m256i sum[PAIR_TILES][2];
    UNROLL for (size_t t = 0; t < tiles; t++) sum[t][0] = sum[t][1] = bias;
    for (size_t from = 0, s = 0; from < groups; from += RECS__CODES_SEGMENT, s++) {
        const __m256i start = _mm256_set1_epi32((int)query->pair_starts[s]);
        __m256i acc[PAIR_TILES][2];
        UNROLL for (size_t t = 0; t < tiles; t++) {
            UNROLL for (size_t h = 0; h < 2; h++)
                acc[t][h] = _mm256_sub_epi16(start, rests[s][t][h]);
        }
        pair_lines(query->pairs, tile, groups, from, least(from + RECS__CODES_SEGMENT, groups),
                   tiles, acc);
        UNROLL for (size_t t = 0; t < tiles; t++) {
            UNROLL for (size_t h = 0; h < 2; h++)
                sum[t][h] = _mm256_add_epi32(sum[t][h], _mm256_madd_epi16(acc[t][h], ones));
        }
    }
    UNROLL for (size_t t = 0; t < tiles; t++) {
        uint32_t bits = 0;
        UNROLL for (size_t h = 0; h < 2; h++) {
            vec score = vec_mul(ints_floats(sum[t][h]), vec_load(scales + 16 * t + 8 * h));
            bits |= vec_reach(score, limit) << (8 * h);
        }
        hits[t] = (uint16_t)bits;
    }
}

INLINE void pair_tiles(const recs__code_query *queries, const float *limits, size_t count,
                       const uint8_t *tile, size_t groups, const size_t tiles,
                       const float *scales, uint16_t *hits, size_t step) {
    __m256i rests[PAIR_SEGMENTS][PAIR_TILES][2];
    pair_rests(tile, groups, tiles, rests);
    for (size_t c = 0; c < count; c++)
        pair_hits(&queries[c], limits[c], tile, groups, tiles, scales, rests,
                  hits + c * step);
}

static void code_scan_pairs(const recs__code_query *queries, const float *limits, size_t count,
                            const uint8_t *codes, size_t groups, size_t tiles,
                            const float *scales, uint16_t *hits) {
    size_t t = 0;
    for (; t + PAIR_TILES <= tiles; t += PAIR_TILES)
        pair_tiles(queries, limits, count, codes + 64 * groups * t, groups, PAIR_TILES,
                   scales + 16 * t, hits + t, tiles);
    for (; t < tiles; t++)
        pair_tiles(queries, limits, count, codes + 64 * groups * t, groups, 1, scales + 16 * t,
                   hits + t, tiles);
}

#endif
