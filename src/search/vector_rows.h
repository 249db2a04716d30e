/* vector_rows.h - a block of a vector set as it is stored: rows of one of four
 * number types, each padded with zeros to a multiple of 16 numbers.
 *
 *   float32    the number itself
 *   float16    IEEE binary16           bfloat16   upper half of a float32
 *   int8       q of -127 … 127, times one scale a row: the row's largest
 *              magnitude over 127
 *
 * A stored vector stands for the floats it decodes to, and everything that is
 * said of it (norm, score, what a look-up gives) is said of those. Scores are
 * those of exact.h. */
#ifndef RECS_SEARCH_VECTOR_ROWS_H
#define RECS_SEARCH_VECTOR_ROWS_H

#include "data/vector_encode.h"
#include "recs/vectors.h"
#include "search/exact.h"

typedef struct recs__vector_rows {
    const void *data;    /* [count][stride] of the type                       */
    const float *scales; /* [count], int8 alone                               */
    const float *norms;  /* [count]: euclidean length of what a row decodes to */
    uint32_t count, dimension, stride;
    int32_t storage, metric;
    const recs__codes *codes; /* the quantised copy, or NULL                  */
} recs__vector_rows;

/* The same rows as the search engine takes them. */
recs__stored recs__vector_stored(const recs__vector_rows *rows);
recs__space recs__vector_space(const recs__vector_rows *rows);

/* One row where it lies, or decoded into room (dimension floats). */
const float *recs__vector_floats(const recs__vector_rows *rows, uint32_t row, float *room);

#endif
