/* faiss_index.h - one approximate index, whole: its making, its bytes, its
 * search. The struct is seen by the files behind this header.
 *
 * What FAISS sees of a vector. Its metric here is L2 for cosine too, since unit
 * vectors are ranked alike by both, and the inner product for graphs and codes under
 * that. For lists under the inner product a vector x gets one component more,
 * sqrt(M^2 - |x|^2), M the greatest length there is (and zeros up to a multiple of
 * four): all then have length M, a query gets a zero there, and the least distance is
 * the largest inner product. A query is brought to length M too, so that its own
 * length cannot drown the difference in rounding. (Bachrach et al., Speeding up the
 * Xbox recommender system using a Euclidean transformation for inner-product spaces,
 * RecSys 2014.) For graphs and lists the longest vectors are kept apart (faiss_head.h);
 * what is said here is then of the others, the tail.
 *
 * Invariants: 1. index->index holds exactly `tail` rows, labelled in order of their
 * rows, index->head the others; 2. both are only read after the making, but for the
 * setting behind the gate. */
#ifndef RECS_FAISS_INDEX_H
#define RECS_FAISS_INDEX_H

#include "faiss/faiss_gate.h"
#include "faiss/faiss_head.h"
#include "faiss/faiss_host.h"
#include "faiss/faiss_library.h"
#include "faiss/faiss_spec.h"

enum { RECS__FAISS_SCRATCHES = 8 };

typedef struct recs__faiss_scratch {
    size_t size;
} recs__faiss_scratch;

typedef struct recs__faiss_index {
    recs_host host;
    const recs__faiss *faiss;
    FaissIndex *index;
    recs__faiss_head head; /* of 0 rows for most */
    recs__faiss_spec spec;
    uint64_t count, tail, bytes;
    uint32_t dimension, width; /* given, and as FAISS sees it */
    int32_t metric;
    bool augmented, params; /* params: FAISS takes settings with each search */
    float reach;            /* M; of no use unless augmented */
    const char *effort;     /* FAISS's name of the length of a search, or NULL */
    uint32_t described, effort_most;
    recs__faiss_gate gate;
    /* Working memory of past searches, taken and put back whole. */
    _Atomic(recs__faiss_scratch *) scratch[RECS__FAISS_SCRATCHES];
} recs__faiss_index;

recs_status recs__faiss_index_create(recs__faiss_index **out, const char *text,
                                     uint64_t count, uint32_t dimension, int32_t metric,
                                     const recs_host *host, recs_error *error);
void recs__faiss_index_destroy(recs__faiss_index *index);

/* Puts what the description says in force, once the rows are in. */
recs_status recs__faiss_index_settle(recs__faiss_index *index, recs_error *error);

/* `rows` vectors as given, made `width` wide in out. */
void recs__faiss_index_widen(const recs__faiss_index *index, const float *rows, size_t count,
                             float *out);

recs_status recs__faiss_index_build(recs__faiss_index *index, const recs_vector_source *source,
                                    recs__faiss_progress *progress, recs_error *error);

/* Places the centroids of an inverted file, in iterations that end when the
 * caller says so. rows: [count][width]. Cost: count * lists * width
 * multiply-adds for each of 10 iterations. */
recs_status recs__faiss_index_place(recs__faiss_index *index, const float *rows, size_t count,
                                    recs__faiss_progress *progress, recs_error *error);

recs_status recs__faiss_index_save(const recs__faiss_index *index, const recs_vector_sink *sink,
                                   recs_error *error);
recs_status recs__faiss_index_open(recs__faiss_index *index, const void *bytes, size_t size,
                                   recs_error *error);

/* Bytes that saving it would write; 0 where it cannot be saved. */
uint64_t recs__faiss_index_measure(const recs__faiss_index *index);

recs_status recs__faiss_index_search(recs__faiss_index *index, const recs_vector_search *search,
                                     recs_error *error);

#endif
