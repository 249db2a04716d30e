/* index.h - an approximate index of one segment, made by a backend.
 *
 * The backend sees the vectors as floats, under cosine of length 1, and gives
 * candidates; who asked scores them again from the stored vectors. */
#ifndef RECS_SEARCH_INDEX_H
#define RECS_SEARCH_INDEX_H

#include "recs/backend.h"
#include "search/segment.h"

/* Members are read, never changed, after making. */
struct recs__vector_index {
    recs_vector_backend backend;
    void *object;
    uint32_t rows;
    char label[128]; /* name and version of the backend */
    char text[256];  /* what it was built by            */
    uint64_t held;   /* bytes counted in the shape      */
};

/* Builds one over all rows. text: resolved. */
recs_status recs__index_build(recs__vector_index **out, recs__vector_shape *shape,
                              const recs_vector_backend *backend, const char *text,
                              const recs__vector_rows *stored, recs_progress *progress,
                              void *progress_data, recs_error *error);

/* Opens one from bytes that outlive it. */
recs_status recs__index_open(recs__vector_index **out, recs__vector_shape *shape,
                             const recs_vector_backend *backend, const char *text,
                             const char *made_by, const recs__vector_rows *stored, const void *bytes,
                             size_t size, recs_error *error);

/* NULL is harmless. */
void recs__index_drop(recs__vector_index *index, recs__vector_shape *shape);

/* How many candidates to ask for, at least wanted. */
size_t recs__index_candidates(const recs__vector_index *index, size_t wanted);

/* Rows of up to `candidates` candidates for each of count queries, best first; rows beyond
 * the segment are dropped, RECS_NO_ROW stands behind the rest. queries: [count][dimension],
 * of length 1 under cosine. allowed: a bit per row, NULL all. rows: [count][candidates]. */
recs_status recs__index_search(const recs__vector_index *index, const float *queries,
                               size_t count, size_t candidates, uint32_t effort,
                               const uint64_t *allowed, uint32_t *rows, recs_error *error);

#endif
