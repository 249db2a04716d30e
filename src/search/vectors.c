/* vectors.c - the life of a vector set and its changes.
 *
 * Operations: create, add, replace, remove, compact, build, reap, destroy (one
 * thread at a time); the getters, by any. A change makes new segments and
 * alive arrays, puts them in a new snapshot and swaps it in (base/pin.h);
 * readers go on in the old one, which a later change frees.
 *
 * Small segments are merged as in a log-structured tree: after a change, as
 * long as the last segment has at least half the rows of the one before, the
 * two become one. A row is thus copied about log2(n) times however the set
 * was filled. A mapped segment, and one with an index, is left alone until
 * compact or build; one that lost more than half of its rows is rewritten.
 *
 * Invariants
 *   1. a snapshot is never changed after it was published;
 *   2. a segment's and an alive array's owners are the snapshots that show
 *      them, those retired included, and whoever is about to publish;
 *   3. a failed change publishes nothing and gives back what it made. */
#include "search/vectors.h"

#include "base/backend.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/lent.h"
#include "base/text.h"
#include "search/index.h"

#include <string.h>

/* ---- snapshots ---------------------------------------------------------------------- */

static void drop_parts(recs_vectors *vectors, const recs__part *parts, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        recs__alive_drop(parts[i].alive, parts[i].segment->stored.count, &vectors->shape);
        recs__segment_drop(parts[i].segment, &vectors->shape);
    }
}

static void hold_part(const recs__part *part) {
    part->segment->owners++;
    if (part->alive != NULL)
        part->alive->owners++;
}

static void free_snapshot(void *context, void *object) {
    recs_vectors *vectors = context;
    recs__snapshot *snapshot = object;
    drop_parts(vectors, snapshot->parts, snapshot->count);
    recs__free(&vectors->shape.host, snapshot);
}

const recs__snapshot *recs__vectors_enter(const recs_vectors *vectors, uint32_t *ticket) {
    return recs__pin_enter(vectors->pin, ticket);
}

void recs__vectors_leave(const recs_vectors *vectors, uint32_t ticket) {
    recs__pin_leave(vectors->pin, ticket);
}

recs_status recs__vectors_publish(recs_vectors *vectors, const recs__part *parts, uint32_t count,
                                  recs_error *error) {
    uint64_t rows = 0, live = 0;
    if (count > RECS__PARTS_MAX)
        return recs__fail(error, RECS_ERR_LIMIT, "%u blocks in one set, the limit is %d: compact it",
                          count, RECS__PARTS_MAX);
    recs__snapshot *made = recs__alloc_zero(&vectors->shape.host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        made->parts[i] = parts[i];
        made->parts[i].first = (uint32_t)rows;
        rows += parts[i].segment->stored.count;
        live += parts[i].segment->stored.count - recs__part_dead(&parts[i]);
        if (rows > INT32_MAX) {
            recs__free(&vectors->shape.host, made);
            return recs__fail(error, RECS_ERR_LIMIT, "%llu vectors in one set, the limit is %d",
                              (unsigned long long)rows, INT32_MAX);
        }
    }
    made->count = count;
    made->rows = (uint32_t)rows;
    made->live = (uint32_t)live;
    made->generation = atomic_load(&vectors->generation) + 1;
    /* A set's rows are told apart by its generation. */
    const uint64_t whose[] = {vectors->fingerprint, made->generation};
    made->fingerprint = recs__hash(whose, sizeof whose);
    recs_status status = recs__pin_swap(vectors->pin, made, error);
    if (status != RECS_OK) {
        recs__free(&vectors->shape.host, made);
        return status;
    }
    atomic_store(&vectors->generation, made->generation);
    return RECS_OK;
}

bool recs__snapshot_find(const recs__snapshot *snapshot, const char *id, size_t size,
                         uint32_t *part, uint32_t *row) {
    for (uint32_t i = snapshot->count; i-- > 0;) {
        uint32_t found = recs__segment_find(snapshot->parts[i].segment, id, size);
        if (found == RECS_NO_ROW || !recs__part_alive(&snapshot->parts[i], found))
            continue;
        *part = i;
        *row = found;
        return true;
    }
    return false;
}

uint32_t recs__snapshot_part(const recs__snapshot *snapshot, uint32_t row) {
    uint32_t part = 0;
    while (part + 1 < snapshot->count && row >= snapshot->parts[part + 1].first)
        part++;
    return part;
}

const char *recs__snapshot_id(const recs__snapshot *snapshot, uint32_t row, size_t *size) {
    if (size != NULL)
        *size = 0;
    if (row >= snapshot->rows)
        return NULL;
    const recs__part *part = &snapshot->parts[recs__snapshot_part(snapshot, row)];
    return recs__segment_id(part->segment, row - part->first, size);
}

/* ---- life ----------------------------------------------------------------------------- */

recs_status recs__vectors_new(recs_vectors **out, uint32_t dimension,
                              const recs__vector_spec *spec, const recs_vectors_options *options,
                              const recs_host *host, recs_error *error) {
    recs_host resolved;
    recs_vectors_options lent;
    *out = NULL;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status == RECS_OK)
        status = recs__lent_copy(&lent, sizeof lent, options, "recs_vectors_options", error);
    if (status == RECS_OK && (dimension == 0 || dimension > RECS_DIMENSION_MAX))
        status = recs__fail(error, RECS_ERR_ARGUMENT, "dimension is %u, expected 1 to %d",
                            dimension, RECS_DIMENSION_MAX);
    if (status != RECS_OK)
        return status;
    recs_vectors *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->shape.host = resolved;
    made->shape.dimension = dimension;
    made->shape.stride = recs__vector_stride(dimension);
    made->shape.metric = spec->metric;
    made->shape.storage = spec->storage;
    made->shape.limit = lent.memory;
    atomic_init(&made->shape.held, 0);
    atomic_init(&made->generation, 0);
    made->spec = *spec;
    made->given = lent.backend;
    recs__vector_spec_text(spec, made->description);
    status = recs__pin_create(&made->pin, free_snapshot, made, &resolved, error);
    if (status == RECS_OK)
        status = recs__vectors_publish(made, NULL, 0, error);
    if (status != RECS_OK) {
        recs_vectors_destroy(made);
        return status;
    }
    *out = made;
    return RECS_OK;
}

recs_status recs__vectors_backend(recs_vectors *vectors, recs_error *error) {
    if (vectors->backend.struct_size != 0)
        return RECS_OK;
    recs_vector_backend found;
    recs_status status =
        recs__backend_find(&found, vectors->given, vectors->spec.index, error);
    if (status != RECS_OK)
        return status;
    char resolved[RECS__INDEX_TEXT] = "";
    recs_error left = {0};
    int32_t said = found.check(found.user_data, vectors->spec.index, vectors->shape.dimension,
                               vectors->shape.metric, resolved, sizeof resolved, &left);
    if (said != RECS_OK)
        return recs__fail(error, (recs_status)said, "index=%s: %s", vectors->spec.index,
                          left.text[0] != '\0' ? left.text : "the backend refuses it");
    resolved[sizeof resolved - 1] = '\0';
    /* An opened set has the resolved text already, and readers beside us. */
    if (strcmp(vectors->spec.index, resolved) != 0) {
        memcpy(vectors->spec.index, resolved, sizeof resolved);
        recs__vector_spec_text(&vectors->spec, vectors->description);
    }
    vectors->backend = found;
    return RECS_OK;
}

recs_status recs_vectors_create(recs_vectors **vectors, uint32_t dimension,
                                const char *description, const recs_vectors_options *options,
                                const recs_host *host, recs_error *error) {
    recs__vector_spec spec;
    if (vectors == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "vectors is NULL, expected where to put it");
    *vectors = NULL;
    recs_status status = recs__vector_spec_parse(&spec, description, error);
    recs_vectors *made = NULL;
    if (status == RECS_OK)
        status = recs__vectors_new(&made, dimension, &spec, options, host, error);
    if (status == RECS_OK && !recs__vector_spec_exact(&spec))
        status = recs__vectors_backend(made, error);
    if (status != RECS_OK) {
        recs_vectors_destroy(made);
        return status;
    }
    *vectors = made;
    return RECS_OK;
}

void recs_vectors_destroy(recs_vectors *vectors) {
    if (vectors == NULL)
        return;
    recs_host host = vectors->shape.host;
    recs__pin_destroy(vectors->pin);
    recs__free(&host, vectors);
}

size_t recs_vectors_reap(recs_vectors *vectors) {
    return recs__pin_reap(vectors->pin);
}

/* ---- a change --------------------------------------------------------------------------- */

/* The parts of the next snapshot, each held once. */
typedef struct change {
    recs_vectors *vectors;
    recs__part parts[RECS__PARTS_MAX + 1];
    uint64_t fresh; /* bit i: the alive array of part i is ours to write */
    uint32_t count;
} change;

/* The writer is alone, so the current snapshot stays without a pin. */
static void change_begin(change *next, recs_vectors *vectors) {
    uint32_t ticket;
    (void)recs__pin_reap(vectors->pin);
    const recs__snapshot *now = recs__vectors_enter(vectors, &ticket);
    memset(next, 0, sizeof *next);
    next->vectors = vectors;
    next->count = now->count;
    for (uint32_t i = 0; i < now->count; i++) {
        next->parts[i] = now->parts[i];
        hold_part(&next->parts[i]);
    }
    recs__vectors_leave(vectors, ticket);
}

static recs_status change_remove(change *next, uint32_t part, uint32_t row, recs_error *error) {
    recs__part *at = &next->parts[part];
    recs__vector_shape *shape = &next->vectors->shape;
    if ((next->fresh >> part & 1) == 0) {
        recs__alive *copy;
        recs_status status =
            recs__alive_copy(&copy, at->alive, at->segment->stored.count, shape, error);
        if (status != RECS_OK)
            return status;
        recs__alive_drop(at->alive, at->segment->stored.count, shape);
        at->alive = copy;
        next->fresh |= UINT64_C(1) << part;
    }
    at->alive->rows[row] = 0;
    at->alive->dead++;
    return RECS_OK;
}

static bool change_find(const change *next, const char *id, size_t size, uint32_t *part,
                        uint32_t *row) {
    for (uint32_t i = next->count; i-- > 0;) {
        *part = i;
        *row = recs__segment_find(next->parts[i].segment, id, size);
        if (*row != RECS_NO_ROW && recs__part_alive(&next->parts[i], *row))
            return true;
    }
    return false;
}

/* Parts first … last become one. */
static recs_status change_merge(change *next, uint32_t first, uint32_t count,
                                recs_progress *progress, void *progress_data, recs_error *error) {
    recs__merge_part merge[RECS__PARTS_MAX + 1] = {{0}};
    recs__segment *made;
    for (uint32_t i = 0; i < count; i++)
        merge[i] = (recs__merge_part){next->parts[first + i].segment,
                                      next->parts[first + i].alive};
    recs_status status = recs__segment_merge(&made, &next->vectors->shape, merge, count, progress,
                                             progress_data, error);
    if (status != RECS_OK)
        return status;
    drop_parts(next->vectors, next->parts + first, count);
    next->parts[first] = (recs__part){.segment = made};
    memmove(next->parts + first + 1, next->parts + first + count,
            (next->count - first - count) * sizeof *next->parts);
    next->count -= count - 1;
    next->fresh &= (UINT64_C(1) << first) - 1; /* later ones are copied again: harmless */
    return RECS_OK;
}

static void change_forget(change *next, uint32_t part) {
    drop_parts(next->vectors, next->parts + part, 1);
    memmove(next->parts + part, next->parts + part + 1,
            (next->count - part - 1) * sizeof *next->parts);
    next->count--;
    next->fresh &= (UINT64_C(1) << part) - 1;
}

static bool stays(const recs__part *part) {
    return part->segment->model != NULL || part->segment->index != NULL;
}

static uint32_t left_of(const recs__part *part) {
    return part->segment->stored.count - recs__part_dead(part);
}

/* Keeps the parts few. A merge that finds no memory is put off. */
static void change_tidy(change *next) {
    for (uint32_t i = next->count; i-- > 0;) {
        const recs__part *part = &next->parts[i];
        if (left_of(part) == 0)
            change_forget(next, i);
        else if (!stays(part) && recs__part_dead(part) > left_of(part))
            (void)change_merge(next, i, 1, NULL, NULL, NULL);
    }
    while (next->count >= 2) {
        uint32_t last = next->count - 1;
        if (stays(&next->parts[last - 1]) || stays(&next->parts[last]) ||
            left_of(&next->parts[last]) < left_of(&next->parts[last - 1]) / 2 ||
            change_merge(next, last - 1, 2, NULL, NULL, NULL) != RECS_OK)
            break;
    }
}

static void change_abandon(change *next) {
    drop_parts(next->vectors, next->parts, next->count);
    next->count = 0;
}

static recs_status change_commit(change *next, recs_error *error) {
    recs_status status = recs__vectors_publish(next->vectors, next->parts, next->count, error);
    if (status != RECS_OK)
        change_abandon(next);
    else
        (void)recs__pin_reap(next->vectors->pin);
    return status;
}

/* ---- add, replace, remove ----------------------------------------------------------------- */

static recs_status check_call(const recs_vectors *vectors, const char *bytes,
                              const uint32_t *offsets, size_t count, recs_error *error) {
    if (vectors == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "vectors is NULL, expected a set");
    if (count != 0 && (bytes == NULL || offsets == NULL))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL, expected %zu packed ids",
                          bytes == NULL ? "bytes" : "offsets", count);
    return RECS_OK;
}

/* Ids of the new segment that are there: an error, or removed. */
static recs_status meet_others(change *next, const recs__segment *made, bool replace,
                               recs_error *error) {
    recs_status status = RECS_OK;
    for (uint32_t row = 0; status == RECS_OK && row < made->stored.count; row++) {
        size_t size;
        uint32_t part, other;
        const char *id = recs__segment_id(made, row, &size);
        if (!change_find(next, id, size, &part, &other))
            continue;
        if (replace)
            status = change_remove(next, part, other, error);
        else
            status = recs__fail(error, RECS_ERR_CONFLICT,
                                "the set has a vector of \"%.*s\" already: replace it",
                                size < 64 ? (int)size : 64, id);
    }
    return status;
}

static recs_status put(recs_vectors *vectors, const char *bytes, const uint32_t *offsets,
                       const float *values, uint32_t dimension, size_t count, bool replace,
                       recs_error *error) {
    recs_status status = check_call(vectors, bytes, offsets, count, error);
    if (status != RECS_OK)
        return status;
    if (dimension != vectors->shape.dimension)
        return recs__fail(error, RECS_ERR_ARGUMENT, "vectors of dimension %u, the set has %u",
                          dimension, vectors->shape.dimension);
    if (count == 0)
        return RECS_OK;
    if (values == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "values is NULL, expected %zu vectors", count);
    recs__segment *made;
    change next;
    status = recs__segment_make(&made, &vectors->shape, bytes, offsets, values, count, error);
    if (status != RECS_OK)
        return status;
    change_begin(&next, vectors);
    status = meet_others(&next, made, replace, error);
    if (status != RECS_OK) {
        recs__segment_drop(made, &vectors->shape);
        change_abandon(&next);
        return status;
    }
    next.parts[next.count++] = (recs__part){.segment = made};
    change_tidy(&next);
    return change_commit(&next, error);
}

recs_status recs_vectors_add(recs_vectors *vectors, const char *bytes, const uint32_t *offsets,
                             const float *values, uint32_t dimension, size_t count,
                             recs_error *error) {
    return put(vectors, bytes, offsets, values, dimension, count, false, error);
}

recs_status recs_vectors_replace(recs_vectors *vectors, const char *bytes, const uint32_t *offsets,
                                 const float *values, uint32_t dimension, size_t count,
                                 recs_error *error) {
    return put(vectors, bytes, offsets, values, dimension, count, true, error);
}

recs_status recs_vectors_remove(recs_vectors *vectors, const char *bytes, const uint32_t *offsets,
                                size_t count, size_t *removed, recs_error *error) {
    if (removed != NULL)
        *removed = 0;
    recs_status status = check_call(vectors, bytes, offsets, count, error);
    if (status != RECS_OK)
        return status;
    change next;
    size_t found = 0;
    change_begin(&next, vectors);
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        uint32_t part, row;
        if (offsets[i + 1] < offsets[i])
            status = recs__fail(error, RECS_ERR_ARGUMENT, "id %zu: offsets go back from %u to %u",
                                i, offsets[i], offsets[i + 1]);
        else if (change_find(&next, bytes + offsets[i], offsets[i + 1] - offsets[i], &part,
                             &row)) {
            status = change_remove(&next, part, row, error);
            found++;
        }
    }
    if (status != RECS_OK || found == 0) {
        change_abandon(&next);
        return status;
    }
    change_tidy(&next);
    status = change_commit(&next, error);
    if (status == RECS_OK && removed != NULL)
        *removed = found;
    return status;
}

/* ---- compact and build -------------------------------------------------------------------- */

/* One segment with its quantised copy. One that others can see is not changed any
 * more, so it is copied for that; anew: in any case. */
static recs_status compact(change *next, bool anew, recs_progress *progress, void *progress_data,
                           recs_error *error) {
    for (uint32_t i = next->count; i-- > 0;)
        if (left_of(&next->parts[i]) == 0)
            change_forget(next, i);
    if (next->count == 0 || (next->count == 1 && next->parts[0].alive == NULL && !anew &&
                             next->parts[0].segment->settled))
        return RECS_OK;
    recs_status status = change_merge(next, 0, next->count, progress, progress_data, error);
    if (status == RECS_OK)
        status = recs__segment_code(next->parts[0].segment, &next->vectors->shape, error);
    if (status == RECS_OK)
        next->parts[0].segment->settled = true;
    return status;
}

recs_status recs_vectors_compact(recs_vectors *vectors, recs_progress *progress,
                                 void *progress_data, recs_error *error) {
    change next;
    if (vectors == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "vectors is NULL, expected a set");
    change_begin(&next, vectors);
    recs_status status = compact(&next, false, progress, progress_data, error);
    if (status == RECS_OK)
        return change_commit(&next, error);
    change_abandon(&next);
    return status;
}

recs_status recs_vectors_build(recs_vectors *vectors, recs_progress *progress, void *progress_data,
                               recs_error *error) {
    change next;
    if (vectors == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "vectors is NULL, expected a set");
    if (recs__vector_spec_exact(&vectors->spec))
        return recs_vectors_compact(vectors, progress, progress_data, error);
    recs_status status = recs__vectors_backend(vectors, error);
    if (status != RECS_OK)
        return status;
    change_begin(&next, vectors);
    status = compact(&next, true, progress, progress_data, error);
    if (status == RECS_OK && next.count != 0)
        status = recs__index_build(&next.parts[0].segment->index, &vectors->shape,
                                   &vectors->backend, vectors->spec.index,
                                   &next.parts[0].segment->stored, progress, progress_data, error);
    if (status == RECS_OK && vectors->shape.limit != 0)
        status = recs__shape_allow(&vectors->shape, 0, error);
    if (status == RECS_OK)
        return change_commit(&next, error);
    change_abandon(&next);
    return status;
}
