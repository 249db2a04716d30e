/* nearest.h - the nearest rows of one snapshot of a vector set to one vector.
 *
 * Each part is searched by itself: exactly, or through its index, whose
 * candidates are scored again and whose shortfall a scan makes up. Rows of a
 * part are in order of their ids, so the best of a part are right with their
 * ties; lists of parts are merged by score, then by id. */
#ifndef RECS_SEARCH_NEAREST_H
#define RECS_SEARCH_NEAREST_H

#include "search/filter.h"
#include "search/topk.h"
#include "search/vectors.h"

typedef struct recs__hit {
    float score;
    uint32_t row; /* of the set */
} recs__hit;

/* What is eligible, part by part; kept from request to request. */
typedef struct recs__part_filters {
    recs__filter list[RECS__PARTS_MAX];
} recs__part_filters;

typedef struct recs__nearest {
    recs__topk topk;
    float *query; /* [stride]: padded, under cosine of length 1 */
    float *room;  /* [stride] */
    uint32_t *rows;
    uint64_t *allowed, *keys;
    recs__hit *hits, *spare;
    size_t query_capacity, room_capacity, row_capacity, allowed_capacity, key_capacity,
        hit_capacity, spare_capacity;
    size_t count;     /* of hits, best first */
    uint64_t scored;  /* vectors scored exactly for it */
    int32_t strategy; /* a recs_strategy, of the largest part */
} recs__nearest;

/* What a search is told beside the vector. */
typedef struct recs__nearest_how {
    size_t limit;
    float floor;     /* only scores above it */
    uint32_t effort; /* of an index; RECS_EFFORT_EXACT: without one */
} recs__nearest_how;

/* Takes the vector to search for, [dimension] finite floats. ARGUMENT: a number that is
 * not, or of length 0 or not finite under cosine. MEMORY. */
recs_status recs__nearest_vector(recs__nearest *nearest, const recs__vector_shape *shape,
                                 const recs_host *host, const float *vector, recs_error *error);

/* Fills hits with the best of the eligible rows. MEMORY; what a backend says. */
recs_status recs__nearest_search(recs__nearest *nearest, const recs__snapshot *snapshot,
                                 const recs__part_filters *filters, const recs__nearest_how *how,
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
