/* exact.h - the best rows for a vector, exactly: the one engine behind factor
 * models and vector sets.
 *
 * A search offers every eligible row to a top k (topk.h), or does what comes to
 * the same: rows that provably cannot enter are passed over. What enters is the
 * canonical score, so ids, order and bits are those of scoring every row:
 *
 *   PRODUCT   kernels->dot(vector, row)
 *   COSINE    dot * (1 / (norm of the vector * norm of the row)), in float
 *   DISTANCE  minus kernels->distance_rows: the squared distance, negative
 *
 * of the floats that stored rows stand for. A score that is not finite never
 * enters. Ways through the rows, chosen for each vector and reported:
 *
 *   LIST      few rows are eligible: those, one by one
 *   CODES     the quantised copy (kernels/codes.h), then the rows it cannot decide
 *   PLAIN     all rows: no copy, a small set, or too many rows undecided
 *
 * docs/search.md proves the bound. Results do not depend on the way, on the
 * executor or on which vectors are searched together. */
#ifndef RECS_SEARCH_EXACT_H
#define RECS_SEARCH_EXACT_H

#include "kernels/codes.h"
#include "kernels/stored.h"
#include "search/filter.h"
#include "search/topk.h"

typedef enum recs__metric {
    RECS__METRIC_PRODUCT,
    RECS__METRIC_COSINE,
    RECS__METRIC_DISTANCE
} recs__metric;

typedef enum recs__way {
    RECS__WAY_NONE, /* nothing is eligible, or k is 0 */
    RECS__WAY_LIST,
    RECS__WAY_CODES,
    RECS__WAY_PLAIN
} recs__way;

/* What is searched. Borrowed; may be shared by any number of threads. */
typedef struct recs__space {
    recs__stored stored;
    const float *norms;       /* [rows], sqrtf(dot(row, row)); NULL unless COSINE or no_zeros */
    const recs__codes *codes; /* of stored, or NULL                                */
    recs__metric metric;
    float weight;  /* above 0: scores are multiplied by it, rounded once more; 0: not   */
    bool no_zeros; /* rows of norm 0 are no answers; so they are under COSINE       */
    const uint32_t *items; /* [rows] ascending: what filters and answers call a row;
                              NULL: by its number                                   */
} recs__space;

/* One vector of a search. */
typedef struct recs__seek {
    const float *vector;        /* [dims], finite                                  */
    float norm;                 /* COSINE: sqrtf(dot(vector, vector))               */
    const recs__filter *filter; /* of rows, or of items; NULL: all are eligible      */
    recs__topk *topk;           /* freshly begun; its floor is the range's (below)  */
    /* filled: */
    recs__way way;
    uint64_t scanned;  /* rows looked at, in codes or in full                       */
    uint64_t refined;  /* of those that had codes, rows that these did not decide   */
    uint64_t rescored; /* … nor together with the vector itself: scored in full     */
} recs__seek;

/* A filter of the host: keep[i] = 0 takes rows[i] out, count at most 512. Asked
 * only of rows that would enter, in batches, on the calling thread. */
typedef struct recs__accept {
    void (*rows)(void *data, const uint32_t *rows, size_t count, uint8_t *keep);
    void *data;
} recs__accept;

/* Working memory, kept from search to search; all zero at first. */
typedef struct recs__exact_slot recs__exact_slot;
typedef struct recs__waiting recs__waiting;
typedef struct recs__exact_room {
    unsigned char *codes; /* of the vectors            */
    recs__code_vector *vectors;
    recs__exact_slot *slots;
    recs__waiting *waiting; /* of the slots   */
    float *wide;            /* of each task   */
    recs__seek **seeks;
    size_t code_capacity, vector_capacity, slot_count, slot_capacity, waiting_capacity,
        wide_capacity, seek_capacity;
} recs__exact_room;

/* Searches for count vectors at once. accept may be NULL. Work is split on the
 * host's executor by what is searched alone, unless there is an accept. MEMORY:
 * before anything is offered. Cost: LIST one random row per eligible one; CODES
 * dims + 4 bytes a row, once for up to 64 vectors, and the rescored rows; PLAIN all
 * stored bytes, once for up to 64 vectors. */
recs_status recs__exact_search(const recs__space *space, recs__seek *seeks, size_t count,
                               const recs__accept *accept, recs__exact_room *room,
                               const recs_host *host, recs_error *error);

/* A floor for recs__topk_begin under which scores of at least least enter. */
float recs__exact_floor(float least);

/* The score of each of rows (below stored.rows), unclean: not finite where it is
 * not. wide: room [dims], unused for FLOAT. */
void recs__exact_score(const recs__space *space, const float *vector, float norm,
                       const uint32_t *rows, size_t count, float *scores, float *wide);

void recs__exact_free(recs__exact_room *room, const recs_host *host);
size_t recs__exact_memory(const recs__exact_room *room);

#endif
