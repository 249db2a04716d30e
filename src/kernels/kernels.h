/* kernels.h - the inner loops, one table of function pointers per
 * instruction set, chosen once.
 *
 * Two canonical orders of arithmetic; every table gives the same bits.
 *
 *   dot      16 lanes. Lane l holds one fma chain over elements l, l + 16,
 *            l + 32 … in ascending order, starting at +0; elements beyond the
 *            end count as +0 * +0 (the fma is still done, so that -0 becomes
 *            +0 in a partial last block). The lanes are summed
 *            by one tree: l + (l+8), then + (l+4), + (l+2), + (l+1).
 *   update   each output is one fma chain in ascending index of the input.
 *
 * Operations and their cost in multiply-adds are beside each entry. All
 * pointers may be unaligned; 64-byte alignment is faster. n may be 0. */
#ifndef RECS_KERNELS_H
#define RECS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* A query of code_scan (codes.h makes it). groups: dimensions / 4, rounded up;
 * a segment is RECS__CODES_SEGMENT groups. */
typedef struct recs__code_query {
    const int8_t *codes;    /* [groups * 4], -127 to 127                                */
    const uint32_t *starts; /* [segments]: two numbers modulo 2^16, the low one -64 times
                               the sum of the segment's codes 4 g and 4 g + 1, the high
                               one of its 4 g + 2 and 4 g + 3                           */
    int32_t start;          /* -64 times the sum of all codes                           */
    int32_t bias;           /* added to the sum of every row, below 2^30                */
    const int8_t *pairs;    /* code_scan_pairs: [groups * 4], or NULL: of a pair of lines first
                               the second one's codes and 26, then the first one's less 64;
                               a last line without a pair: its codes                      */
    const uint32_t *pair_starts; /* [segments], as starts: with them a segment's sums are those
                               of codes less 64                                        */
} recs__code_query;

#define RECS__CODES_TILE 16
#define RECS__CODES_SEGMENT 16
#define RECS__CODES_PAIR_REACH 45    /* of a query's codes in pairs */
#define RECS__CODES_PAIRS_DIMS 4096 /* that have pairs, at most    */

typedef struct recs__kernels {
    const char *name;

    /* dot(a, b). n multiply-adds. */
    float (*dot)(const float *a, const float *b, size_t n);

    /* out[i] = dot(query, rows + i * stride) for i < count, each of length n,
     * each the same bits as dot(). Rows side by side, for rows that a core's
     * caches hold; a call over many more goes as dot_stream does. */
    void (*dot_rows)(const float *query, const float *rows, size_t stride, size_t n, size_t count,
                     float *out);

    /* The same, row after row: for rows that come from memory, also when a
     * long scan asks for them in many short calls, in order. Reads
     * count * n * 4 bytes at the speed of memory: the scan of an exact top-k. */
    void (*dot_stream)(const float *query, const float *rows, size_t stride, size_t n,
                       size_t count, float *out);

    /* out[i] = dot(query, base + rows[i] * stride): the scan of an allow-list
     * or a history. */
    void (*dot_gather)(const float *query, const float *base, size_t stride, size_t n,
                       const uint32_t *rows, size_t count, float *out);

    /* The same three on rows of halves: bfloat16, the upper 16 bits of a float;
     * the bits are those of dot() on the floats they stand for. Half the bytes
     * to read. */
    void (*dot_rows_half)(const float *query, const uint16_t *rows, size_t stride, size_t n,
                          size_t count, float *out);
    void (*dot_stream_half)(const float *query, const uint16_t *rows, size_t stride, size_t n,
                            size_t count, float *out);
    void (*dot_gather_half)(const float *query, const uint16_t *base, size_t stride, size_t n,
                            const uint32_t *rows, size_t count, float *out);

    /* The floats n halves stand for. */
    void (*widen)(const uint16_t *half, float *out, size_t n);

    /* update: y[j] = fma(a, x[j], y[j]). */
    void (*axpy)(float a, const float *x, float *y, size_t n);

    /* y[j] = chain over i ascending of fma(a[i], rows[i * stride + j], y[j]):
     * `count` axpys in one pass over y. */
    void (*axpy_rows)(const float *a, const float *rows, size_t stride, size_t count, float *y,
                      size_t n);

    /* The same with rows at base + index[i] * stride. */
    void (*axpy_gather)(const float *a, const float *base, size_t stride, const uint32_t *index,
                        size_t count, float *y, size_t n);

    /* Lower triangle of c (n x n, row stride ldc):
     * c[j][l] = chain over i ascending of fma(rows[i][j] * w[i], rows[i][l],
     * c[j][l]) for l <= j, the product rows[i][j] * w[i] rounded to float
     * first; w NULL means 1. rows at base + index[i] * stride, index NULL
     * means i. n * (n + 1) / 2 * count multiply-adds. */
    void (*syrk)(const float *w, const float *base, size_t stride, const uint32_t *index,
                 size_t count, float *c, size_t ldc, size_t n);

    /* update: c[r][j] = chain over i < k ascending of fma(a[r * lda + i * step],
     * b[i][j], c[r][j]) for r < rows, j < n; step 1: rows of a, lda 1: columns.
     * rows * n * k multiply-adds. */
    void (*multiply)(const float *a, size_t lda, size_t step, size_t rows, const float *b,
                     size_t ldb, size_t k, float *c, size_t ldc, size_t n);

    /* The rows listed, weighted and turned:
     * out[j * ldo + i] = (base[index[i] * stride + j] * q[j]) * s[i], each
     * product rounded to float, for i < count, j < n. */
    void (*turn_gather)(const float *base, size_t stride, const uint32_t *index, size_t count,
                        size_t n, const float *q, const float *s, float *out, size_t ldo);

    /* Cholesky factorisation in place of the lower triangle of a (n x n, row
     * stride lda) and its use to solve a x = b in place of b; each entry one
     * update chain: a[j][l] = chain over i < l ascending of
     * fma(-L[j][i], L[l][i], a[j][l]); square roots and divisions are IEEE.
     * cholesky returns 0, or 1 + the index of the first pivot that is not
     * greater than 0 or not finite (a then holds nothing of use).
     * n^3 / 6 multiply-adds. cholesky_solve goes forward with i ascending,
     * then backward with i descending, the order in which each x[i] becomes
     * known; n^2 multiply-adds. Only lower triangles are written, and nothing
     * depends on what the upper ones hold. */
    size_t (*cholesky)(float *a, size_t lda, size_t n);
    void (*cholesky_solve)(const float *l, size_t ldl, float *b, size_t n);

    /* Both in one, the same bits and the same returns: a small system is worth
     * it. After a bad pivot neither a nor b holds anything of use. */
    size_t (*solve)(float *a, size_t lda, float *b, size_t n);

    /* Indexes i < n with values[i] > threshold, ascending, into out (room for
     * n); returns their number. NaN is never above. */
    size_t (*above)(const float *values, size_t n, float threshold, uint32_t *out);

    /* The same of values[i] * factors[i], each product rounded to float. */
    size_t (*above_scaled)(const float *values, const float *factors, size_t n, float threshold,
                           uint32_t *out);

    /* x[j] *= a. */
    void (*scale)(float a, float *x, size_t n);

    /* ---- search ---- */

    /* out[i] = the squared distance of query and rows + i * stride, each of length
     * n: as dot, with (a - b) * (a - b) for a * b, the difference rounded to float. */
    void (*distance_rows)(const float *query, const float *rows, size_t stride, size_t n,
                          size_t count, float *out);

    /* The same with rows at base + rows[i] * stride. */
    void (*distance_gather)(const float *query, const float *base, size_t stride, size_t n,
                            const uint32_t *rows, size_t count, float *out);

    /* The floats that n IEEE half precision numbers (binary16) stand for. */
    void (*widen_float16)(const uint16_t *half, float *out, size_t n);

    /* out[j] = codes[j] * scale, rounded to float. */
    void (*widen_int8)(const int8_t *codes, float scale, float *out, size_t n);

    /* Tiles of 16 rows of codes from 19 to 109: byte 64 * (t * groups + g) + 4 * i + j
     * is code 4 * g + j of row i of tile t. With S the sum over a row's codes of code
     * times the query's, plus the query's start and bias, bit i of hits[c * tiles + t]
     * says whether (float)S * scales[16 * t + i] >= limits[c], for query c < count. S is
     * exact as long as the 32 query codes of each half of a segment have magnitudes that
     * add up to 728 at most. count * tiles * groups * 64 multiply-adds. */
    void (*code_scan)(const recs__code_query *queries, const float *limits, size_t count,
                      const uint8_t *codes, size_t groups, size_t tiles, const float *scales,
                      uint16_t *hits);

    /* The same for queries that have pairs, up to RECS__CODES_PAIRS_DIMS dimensions. Faster
     * for 8 queries and more; NULL where it would not be. */
    void (*code_scan_pairs)(const recs__code_query *queries, const float *limits, size_t count,
                            const uint8_t *codes, size_t groups, size_t tiles,
                            const float *scales, uint16_t *hits);

    /* Of one query those numbers themselves: out[16 * t + i] = (float)S *
     * scales[16 * t + i]. */
    void (*code_sums)(const recs__code_query *query, const uint8_t *codes, size_t groups,
                      size_t tiles, const float *scales, float *out);

    /* The sum modulo 2^32 of query [groups * 4] times the codes of one row of a tile, whose
     * first four codes are at `at`, the others 64 bytes apart. groups * 4 multiply-adds. */
    int32_t (*code_product)(const int16_t *query, const uint8_t *at, size_t groups);
} recs__kernels;

/* The table for this processor and operating system. The first call chooses;
 * later ones read one atomic pointer. */
const recs__kernels *recs__kernels_get(void);

/* All tables this build holds that this machine can run, the scalar one
 * first; NULL past the end. For tests and benchmarks. */
const recs__kernels *recs__kernels_at(size_t index);

#ifdef RECS_TEST
/* Every later recs__kernels_get returns table, NULL = choose again. */
void recs__kernels_force(const recs__kernels *table);
#endif

extern const recs__kernels recs__kernels_scalar;
int32_t recs__code_product_scalar(const int16_t *query, const uint8_t *at, size_t groups);
#if defined(__x86_64__) || defined(_M_X64)
extern const recs__kernels recs__kernels_avx2;
extern const recs__kernels recs__kernels_avx512;
extern const recs__kernels recs__kernels_vnni;
#endif
#if defined(__aarch64__)
extern const recs__kernels recs__kernels_neon;
#endif

#endif
