/* vector_rows.h - a block of vectors as it is stored: rows of one of four number
 * types, each padded with zeros to a multiple of 16 numbers.
 *
 *   float32    the number itself
 *   float16    IEEE binary16           bfloat16   upper half of a float32
 *   int8       q of -127 … 127, times one scale a row: the row's largest
 *              magnitude over 127
 *
 * A stored vector stands for the floats it decodes to, and everything that is
 * said of it (norm, score, what a look-up gives) is said of those. Scores are
 * the canonical ones: dot as in kernels.h; cosine is dot(q, x) *
 * (1 / (|q| * |x|)) with q of length 1 and |q| taken as 1; l2 is minus the sum
 * of squared differences in 16 lanes, each product rounded, lane l over
 * elements l, l + 16 … ascending, then the tree of dot. */
#ifndef RECS_SEARCH_VECTOR_ROWS_H
#define RECS_SEARCH_VECTOR_ROWS_H

#include "recs/vectors.h"

#include <stdbool.h>

typedef struct recs__vector_rows {
    const void *data;    /* [count][stride] of the type                       */
    const float *scales; /* [count], int8 alone                               */
    const float *norms;  /* [count]: euclidean length of what a row decodes to */
    uint32_t count, dimension, stride;
    int32_t storage, metric;
} recs__vector_rows;

uint32_t recs__vector_stride(uint32_t dimension);
/* Bytes of a number; 0 for an unknown storage. */
size_t recs__storage_width(int32_t storage);

/* Encodes one vector (dimension floats, finite) into row (stride numbers) and
 * *scale (1 but for int8), its norm into *norm; room: stride floats. Returns
 * what is wrong with it, or NULL: too large for the type, a norm that is not
 * finite, under cosine no direction. */
const char *recs__vector_encode(int32_t storage, int32_t metric, uint32_t dimension,
                                const float *vector, void *row, float *scale, float *norm,
                                float *room);

/* Rows first … first + count as floats, out[i * stride]. */
void recs__vector_decode(const recs__vector_rows *stored, uint32_t first, size_t count, float *out);
/* One row where it lies, or decoded into room (stride floats). */
const float *recs__vector_floats(const recs__vector_rows *stored, uint32_t row, float *room);

/* minus the squared distance of two vectors of n floats. */
float recs__minus_distance(const float *a, const float *b, size_t n);

/* Canonical scores of the rows listed, or (rows NULL) of first … first + count.
 * query: stride floats, padded with 0, under cosine of length 1. room: stride
 * floats. */
void recs__vector_scores(const recs__vector_rows *stored, const float *query, const uint32_t *rows,
                         uint32_t first, size_t count, float *room, float *out);

#endif
