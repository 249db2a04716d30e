/* segment.h - blocks of a vector set that never change once made.
 *
 * A segment holds stored vectors (vector_rows.h) and their ids, rows in byte order
 * of the ids. Its bytes are its own, or lie in a model that it retains, whose
 * item table then names the rows. What was removed since is told by a
 * recs__alive, a byte per row, of which every change makes a new one. Both are
 * counted by those who show them; only the writer of a set counts, so the
 * counts are plain.
 *
 * Cost: find O(log n); make and merge one pass and a sort of the ids. */
#ifndef RECS_SEARCH_SEGMENT_H
#define RECS_SEARCH_SEGMENT_H

#include "base/memory.h"
#include "data/ids.h"
#include "recs/model.h"
#include "search/vector_rows.h"

#include <stdatomic.h>
#include <stdbool.h>

/* What the segments of one set share. held: bytes of all that live. */
typedef struct recs__vector_shape {
    recs_host host;
    uint32_t dimension, stride;
    int32_t metric, storage;
    uint64_t limit; /* of held; 0: none */
    atomic_uint_fast64_t held;
} recs__vector_shape;

typedef struct recs__vector_index recs__vector_index; /* index.h */

typedef struct recs__segment {
    recs__vector_rows stored;
    recs__ids ids;         /* own rows, or the model's items              */
    const uint32_t *items; /* row -> row of ids; NULL: the same           */
    const recs_model *model;
    recs__vector_index *index; /* approximate, or NULL                    */
    size_t owners;
    bool settled;   /* compacting it again would change nothing           */
    uint64_t bytes; /* held */
    void *data;     /* owned, or NULL */
    float *scales, *norms;
    uint64_t *offsets;
    char *text;
    recs__codes codes; /* of stored.codes                             */
    void *code_bytes;  /* owned, or NULL                              */
} recs__segment;

typedef struct recs__alive {
    size_t owners;
    uint32_t dead;
    int8_t rows[]; /* 1, or 0: removed */
} recs__alive;

/* From a batch: packed ids and values in any order. error as recs_vectors_add
 * says, but for ids that other segments hold. */
recs_status recs__segment_make(recs__segment **out, recs__vector_shape *shape, const char *bytes,
                               const uint32_t *offsets, const float *values, size_t count,
                               recs_error *error);

/* What recs__segment_merge reads. alive NULL: nothing was removed. */
typedef struct recs__merge_part {
    const recs__segment *segment;
    const recs__alive *alive;
} recs__merge_part;

/* All rows that are left of some segments, no id in two of them. Values are
 * copied as they are stored. CANCELLED by progress, which may be NULL. */
recs_status recs__segment_merge(recs__segment **out, recs__vector_shape *shape,
                                const recs__merge_part *parts, size_t count,
                                recs_progress *progress, void *progress_data, recs_error *error);

/* The quantised copy of a new segment, which makes exact search fast; of few or of
 * overlong rows there is none. MEMORY, LIMIT. */
recs_status recs__segment_code(recs__segment *segment, recs__vector_shape *shape,
                               recs_error *error);

void recs__segment_drop(recs__segment *segment, recs__vector_shape *shape);

/* A copy of alive (NULL: all) to be changed before others see it. LIMIT, MEMORY. */
recs_status recs__alive_copy(recs__alive **out, const recs__alive *alive, uint32_t rows,
                             recs__vector_shape *shape, recs_error *error);
void recs__alive_drop(recs__alive *alive, uint32_t rows, recs__vector_shape *shape);

/* Bytes about to be held: LIMIT where they would pass the shape's. */
recs_status recs__shape_allow(const recs__vector_shape *shape, uint64_t bytes, recs_error *error);

/* Row of an id, RECS_NO_ROW; the id of a row. */
uint32_t recs__segment_find(const recs__segment *segment, const char *id, size_t size);
const char *recs__segment_id(const recs__segment *segment, uint32_t row, size_t *size);
/* As recs__ids_soon. */
static inline void recs__segment_id_soon(const recs__segment *segment, uint32_t row, bool text) {
    recs__ids_soon(&segment->ids, segment->items != NULL ? segment->items[row] : row, text);
}

#endif
