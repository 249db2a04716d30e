/* index.c - building, opening and asking an approximate index, behind index.h. */
#include "search/index.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

typedef struct reader {
    const recs__vector_rows *stored;
    float *room; /* stride */
} reader;

static int32_t read_rows(void *data, uint64_t first, size_t count, float *out, recs_error *error) {
    const reader *from = data;
    const recs__vector_rows *stored = from->stored;
    if (first > stored->count || count > stored->count - first)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "rows %llu to %llu asked for, the source has %u",
                          (unsigned long long)first, (unsigned long long)(first + count),
                          stored->count);
    for (size_t i = 0; i < count; i++, out += stored->dimension) {
        uint32_t row = (uint32_t)(first + i);
        const float *floats = recs__vector_floats(stored, row, from->room);
        if (stored->metric != RECS_METRIC_COSINE) {
            memcpy(out, floats, stored->dimension * sizeof *out);
            continue;
        }
        float inverse = 1.0f / stored->norms[row];
        for (uint32_t j = 0; j < stored->dimension; j++)
            out[j] = floats[j] * inverse;
    }
    return RECS_OK;
}

static recs_status new_index(recs__vector_index **out, const recs__vector_shape *shape,
                             const recs_vector_backend *backend, const char *text,
                             const recs__vector_rows *stored, recs_error *error) {
    recs__vector_index *made = recs__alloc_zero(&shape->host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->backend = *backend;
    made->rows = stored->count;
    snprintf(made->label, sizeof made->label, "%s %s", backend->name, backend->version);
    snprintf(made->text, sizeof made->text, "%s", text);
    *out = made;
    return RECS_OK;
}

/* The status of a callback, with a text where it left none. */
static recs_status settle(recs__vector_index *index, int32_t status, const recs_error *left,
                          const char *what, recs_error *error) {
    if (status == RECS_OK && index->object != NULL)
        return RECS_OK;
    if (status == RECS_OK)
        return recs__fail(error, RECS_ERR_STATE, "the backend %s %s nothing", index->label, what);
    return recs__fail(error, (recs_status)status, "%s%s",
                      left->text[0] != '\0' ? "" : index->label,
                      left->text[0] != '\0' ? left->text : ": no reason given");
}

static recs_status keep(recs__vector_index **out, recs__vector_index *made,
                        recs__vector_shape *shape, recs_status status) {
    if (status != RECS_OK) {
        recs__free(&shape->host, made);
        return status;
    }
    made->held = sizeof *made + made->backend.memory(made->backend.user_data, made->object);
    atomic_fetch_add(&shape->held, made->held);
    *out = made;
    return RECS_OK;
}

recs_status recs__index_build(recs__vector_index **out, recs__vector_shape *shape,
                              const recs_vector_backend *backend, const char *text,
                              const recs__vector_rows *stored, recs_progress *progress,
                              void *progress_data, recs_error *error) {
    recs__vector_index *made = NULL;
    *out = NULL;
    float *room = recs__alloc_aligned(&shape->host, stored->stride, sizeof *room, error);
    recs_status status = room == NULL ? RECS_ERR_MEMORY
                                      : new_index(&made, shape, backend, text, stored, error);
    if (status == RECS_OK) {
        reader from = {stored, room};
        recs_error left = {0};
        recs_vector_source source = {.struct_size = sizeof source,
                                     .count = stored->count,
                                     .dimension = stored->dimension,
                                     .metric = stored->metric,
                                     .data = &from,
                                     .read = read_rows};
        int32_t said = backend->build(backend->user_data, &source, text, progress, progress_data,
                                      &shape->host, &made->object, &left);
        status = keep(out, made, shape, settle(made, said, &left, "built", error));
    }
    recs__free_aligned(&shape->host, room);
    return status;
}

recs_status recs__index_open(recs__vector_index **out, recs__vector_shape *shape,
                             const recs_vector_backend *backend, const char *text,
                             const char *made_by, const recs__vector_rows *stored, const void *bytes,
                             size_t size, recs_error *error) {
    recs__vector_index *made = NULL;
    recs_error left = {0};
    *out = NULL;
    recs_status status = new_index(&made, shape, backend, text, stored, error);
    if (status != RECS_OK)
        return status;
    int32_t said = backend->open(backend->user_data, bytes, size, text, made_by, stored->count,
                                 stored->dimension, stored->metric, &shape->host, &made->object,
                                 &left);
    return keep(out, made, shape, settle(made, said, &left, "opened", error));
}

void recs__index_drop(recs__vector_index *index, recs__vector_shape *shape) {
    if (index == NULL)
        return;
    index->backend.destroy(index->backend.user_data, index->object);
    atomic_fetch_sub(&shape->held, index->held);
    recs__free(&shape->host, index);
}

size_t recs__index_candidates(const recs__vector_index *index, size_t wanted) {
    size_t asked = index->backend.candidates != NULL
                       ? index->backend.candidates(index->backend.user_data, index->object, wanted)
                       : wanted;
    return asked > wanted ? asked : wanted;
}

recs_status recs__index_search(const recs__vector_index *index, const float *queries,
                               size_t count, size_t candidates, uint32_t effort,
                               const uint64_t *allowed, uint32_t *rows, recs_error *error) {
    recs_error left;
    left.text[0] = '\0';
    recs_vector_search search = {.struct_size = sizeof search,
                                 .queries = queries,
                                 .count = count,
                                 .candidates = candidates,
                                 .effort = effort,
                                 .allowed = (const uint8_t *)allowed,
                                 .allowed_size = allowed != NULL ? (index->rows + 7) / 8 : 0,
                                 .rows = rows};
    for (size_t i = 0; i < count * candidates; i++)
        rows[i] = RECS_NO_ROW;
    int32_t said = index->backend.search(index->backend.user_data, index->object, &search, &left);
    if (said != RECS_OK)
        return recs__fail(error, (recs_status)said, "%s: %s", index->label,
                          left.text[0] != '\0' ? left.text : "no reason given");
    for (size_t q = 0; q < count; q++, rows += candidates) {
        size_t found = 0;
        for (size_t i = 0; i < candidates; i++)
            if (rows[i] < index->rows)
                rows[found++] = rows[i];
        while (found < candidates)
            rows[found++] = RECS_NO_ROW;
    }
    return RECS_OK;
}
