/* made_vectors.h - vector sets with ids for tests, kept beside as plain
 * arrays, and neighbours found by looking at all of them. */
#ifndef SUPPORT_MADE_VECTORS_H
#define SUPPORT_MADE_VECTORS_H

#include "base/random.h"
#include "recs/vectors.h"

#include <stdatomic.h>
typedef struct made_vectors {
    uint32_t dimension;
    size_t count;
    char *bytes;       /* packed ids */
    uint32_t *offsets; /* count + 1  */
    float *values;     /* [count][dimension] */
} made_vectors;

/* ids "<prefix><number>" in mixed order; values normal, or (coarse) of few
 * values so that scores tie. malloc. */
made_vectors made_vectors_of(size_t count, uint32_t dimension, const char *prefix, uint64_t seed,
                             int coarse);
void made_vectors_free(made_vectors *made);

/* Index of an id, SIZE_MAX when there is none. */
size_t made_vectors_find(const made_vectors *made, const char *id);

/* The score that the set must give: of the vectors it says it stores. */
float made_vectors_score(int32_t metric, const float *query, const float *stored,
                         uint32_t dimension);

/* A backend that looks at all vectors, but misses every row that `miss` divides
 * (0: none): what an approximate index may do at worst. */
extern const recs_vector_backend made_backend;
extern uint32_t made_backend_miss;
/* Ignores the filter it is given. */
extern int made_backend_blind;
/* Searches it was asked for, each of any number of vectors. */
extern atomic_uint made_backend_calls;

#endif
