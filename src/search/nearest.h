/* nearest.h - the nearest rows of one snapshot of a vector set to one vector,
 * or to up to 64 at once.
 *
 * Each part is searched by itself: exactly (exact.h), or through its index, whose
 * candidates are scored again and whose shortfall an exact search makes up.
 * Rows of a part are in order of their ids, so the best of a part are right
 * with their ties; lists of parts are merged by score, then by id. */
#ifndef RECS_SEARCH_NEAREST_H
#define RECS_SEARCH_NEAREST_H

#include "search/exact.h"
#include "search/filter.h"
#include "search/topk.h"
#include "search/vectors.h"

#define RECS__NEAREST_MAX 64

typedef struct recs__hit {
    float score;
    uint32_t row; /* of the set */
} recs__hit;

/* What is eligible, part by part; kept from request to request. */
typedef struct recs__part_filters {
    recs__filter list[RECS__PARTS_MAX];
    uint32_t used; /* since they were cleared */
} recs__part_filters;

/* One vector's search. */
typedef struct recs__nearest_one {
    recs__topk topk;
    float *query; /* [stride]: padded, under cosine of length 1 */
    float norm;
    float *room;
    recs__hit *hits, *spare;
    size_t query_capacity, room_capacity, hit_capacity, spare_capacity;
    size_t count;     /* of hits, best first */
    uint64_t scored;  /* vectors scored exactly for it */
    int32_t strategy; /* a recs_strategy, of the largest part */
    bool enough;      /* the index found what an answer can have */
    recs_status status;
    recs_error error;
} recs__nearest_one;

typedef struct recs__nearest {
    recs__nearest_one one[RECS__NEAREST_MAX];
    recs__seek seeks[RECS__NEAREST_MAX];
    recs__exact_room exact;
    uint64_t *allowed;
    float *packed;  /* vectors one behind the other, for an index */
    uint32_t *rows; /* candidates of each, their scores and keys  */
    float *scores;
    uint64_t *keys;
    size_t allowed_capacity, packed_capacity, row_capacity, score_capacity, key_capacity;
} recs__nearest;

/* What a search is told beside the vectors. */
typedef struct recs__nearest_how {
    size_t limit;
    float floor;     /* only scores above it */
    uint32_t effort; /* of an index; RECS_EFFORT_EXACT: without one */
    bool ids;        /* those of the hits will be read */
} recs__nearest_how;

/* Takes vector number at, [dimension] floats. ARGUMENT: one is not finite; all are 0
 * under cosine. MEMORY. */
recs_status recs__nearest_vector(recs__nearest *nearest, size_t at,
                                 const recs__vector_shape *shape, const recs_host *host,
                                 const float *vector, recs_error *error);

/* The same of a vector that is as a search takes it, with its length: no bit of it changes.
 * MEMORY. */
recs_status recs__nearest_settled(recs__nearest *nearest, size_t at, const recs_host *host,
                                  const float *vector, uint32_t stride, float norm,
                                  recs_error *error);

/* Fills the hits of the first count ones with the best of the eligible rows, a filter a
 * part, on the host's executor. MEMORY; what a backend says. */
recs_status recs__nearest_search(recs__nearest *nearest, size_t count,
                                 const recs__snapshot *snapshot, const recs__filter *filters,
                                 const recs__nearest_how *how,
                                 const recs_host *host, recs_error *error);

/* a stands before b in an answer. */
bool recs__hit_before(const recs__snapshot *snapshot, const recs__hit *a, const recs__hit *b);

/* All rows of a snapshot that are left. */
recs_status recs__part_filters_begin(recs__part_filters *filters, const recs__snapshot *snapshot,
                                     const recs_host *host, recs_error *error);
void recs__part_filters_clear(recs__part_filters *filters);
void recs__part_filters_free(recs__part_filters *filters, const recs_host *host);
size_t recs__part_filters_memory(const recs__part_filters *filters);

void recs__nearest_free(recs__nearest *nearest, const recs_host *host);
size_t recs__nearest_memory(const recs__nearest *nearest);

#endif
