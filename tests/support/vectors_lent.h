/* vectors_lent.h - what a vector backend is lent, for its tests: vectors in an
 * array as a source, bytes in memory as a sink, and the exact answer. */
#ifndef SUPPORT_VECTORS_LENT_H
#define SUPPORT_VECTORS_LENT_H

#include "recs/backend.h"

#include <stdbool.h>

typedef struct vectors_lent {
    float *rows; /* [count][dimension]; of length 1 under cosine */
    uint64_t count;
    uint32_t dimension;
    int32_t metric;
    size_t refuse_after; /* reads that pass before one fails; 0: all pass */
    size_t reads;
} vectors_lent;

/* Clusters of normally spread vectors whose lengths vary widely under the inner
 * product; the same for the same seed. Ends the test when memory runs out. */
void vectors_make(vectors_lent *v, uint64_t count, uint32_t dimension, int32_t metric,
                  uint64_t seed);
void vectors_free(vectors_lent *v);
recs_vector_source vectors_source(vectors_lent *v);

/* Queries like the rows of the set, not among them: the caller frees. */
float *vectors_queries(const vectors_lent *v, size_t count, uint64_t seed);

/* The k best rows of a query by brute force; NULL allowed: all. Fewer: RECS_NO_ROW. */
void vectors_best(const vectors_lent *v, const float *query, const uint8_t *allowed, size_t k,
                  uint32_t *rows);

/* How many of the first k of `rows` are among `best`. */
size_t vectors_hits(const uint32_t *rows, const uint32_t *best, size_t k);

typedef struct bytes_sink {
    unsigned char *bytes;
    size_t size, room;
    size_t refuse_at; /* size above which a write is refused; 0: never */
} bytes_sink;

recs_vector_sink bytes_to(bytes_sink *sink);

#endif
