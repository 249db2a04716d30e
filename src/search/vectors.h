/* vectors.h - a vector set as the rooms below see it: snapshots that readers
 * pin, and the parts they are made of.
 *
 * A snapshot is a row of parts; part i shows a segment, what was removed of
 * it, and the number of its first row in the set. Ids are unique among the
 * rows that are left. Readers enter, use the snapshot and leave; nothing in it
 * changes meanwhile. */
#ifndef RECS_SEARCH_VECTORS_H
#define RECS_SEARCH_VECTORS_H

#include "base/pin.h"
#include "recs/vectors.h"
#include "search/segment.h"
#include "search/spec.h"

/* Merging keeps a set at about the logarithm of its size. */
#define RECS__PARTS_MAX 64

typedef struct recs__part {
    recs__segment *segment;
    recs__alive *alive; /* NULL: nothing was removed */
    uint32_t first;
} recs__part;

typedef struct recs__snapshot {
    uint64_t generation;
    uint64_t fingerprint;
    uint32_t rows, live;
    uint32_t count;
    recs__part parts[RECS__PARTS_MAX];
} recs__snapshot;

struct recs_vectors {
    recs__vector_shape shape;
    recs__vector_spec spec;
    char description[RECS__SPEC_TEXT];
    recs_vector_backend backend; /* struct_size 0: not found yet */
    const recs_vector_backend *given;
    recs__pin *pin;
    uint64_t fingerprint; /* of the model it was opened from, or 0 */
    uint32_t component;   /* of that model */
    atomic_uint_fast64_t generation;
};

const recs__snapshot *recs__vectors_enter(const recs_vectors *vectors, uint32_t *ticket);
void recs__vectors_leave(const recs_vectors *vectors, uint32_t ticket);

static inline uint32_t recs__part_dead(const recs__part *part) {
    return part->alive != NULL ? part->alive->dead : 0;
}
static inline bool recs__part_alive(const recs__part *part, uint32_t row) {
    return part->alive == NULL || part->alive->rows[row] != 0;
}

/* Part and row of an id that is left, false when there is none. */
bool recs__snapshot_find(const recs__snapshot *snapshot, const char *id, size_t size,
                         uint32_t *part, uint32_t *row);
/* Part of a row of the set below snapshot->rows. */
uint32_t recs__snapshot_part(const recs__snapshot *snapshot, uint32_t row);
/* Id of a row of the set, NULL when there is none. */
const char *recs__snapshot_id(const recs__snapshot *snapshot, uint32_t row, size_t *size);

/* ---- for the files of this room ---- */

/* An empty set of a shape; spec resolved. */
recs_status recs__vectors_new(recs_vectors **out, uint32_t dimension,
                              const recs__vector_spec *spec, const recs_vectors_options *options,
                              const recs_host *host, recs_error *error);

/* Publishes parts (their counts are taken over on success alone). */
recs_status recs__vectors_publish(recs_vectors *vectors, const recs__part *parts, uint32_t count,
                                  recs_error *error);

/* The backend of the set, found when first needed, by the one that changes it. */
recs_status recs__vectors_backend(recs_vectors *vectors, recs_error *error);

#endif
