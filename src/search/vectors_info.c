/* vectors_info.c - looking into a vector set; each call pins one snapshot. */
#include "base/error.h"
#include "search/index.h"
#include "search/vectors.h"

#include <stdio.h>
#include <string.h>

static size_t id_length(const char *id) {
    return id != NULL ? strnlen(id, RECS_ID_MAX + 1) : 0;
}

recs_status recs_vectors_get(const recs_vectors *vectors, const char *id, float *out,
                             uint32_t dimension, recs_error *error) {
    if (vectors == NULL || id == NULL || out == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                          vectors == NULL ? "vectors" : id == NULL ? "id" : "out");
    if (dimension != vectors->shape.dimension)
        return recs__fail(error, RECS_ERR_ARGUMENT, "room for dimension %u, the set has %u",
                          dimension, vectors->shape.dimension);
    float *room = recs__alloc_aligned(&vectors->shape.host, vectors->shape.stride, sizeof *room,
                                      error);
    if (room == NULL)
        return RECS_ERR_MEMORY;
    uint32_t ticket, part, row;
    const recs__snapshot *now = recs__vectors_enter(vectors, &ticket);
    bool found = recs__snapshot_find(now, id, id_length(id), &part, &row);
    if (found)
        memcpy(out, recs__vector_floats(&now->parts[part].segment->stored, row, room),
               dimension * sizeof *out);
    recs__vectors_leave(vectors, ticket);
    recs__free_aligned(&vectors->shape.host, room);
    return found ? RECS_OK
                 : recs__fail(error, RECS_ERR_NOT_FOUND, "the set has no vector of \"%.64s\"", id);
}

uint32_t recs_vectors_row(const recs_vectors *vectors, const char *id) {
    uint32_t ticket, part, row;
    const recs__snapshot *now = recs__vectors_enter(vectors, &ticket);
    bool found = recs__snapshot_find(now, id, id_length(id), &part, &row);
    row = found ? now->parts[part].first + row : RECS_NO_ROW;
    recs__vectors_leave(vectors, ticket);
    return row;
}

recs_status recs_vectors_id(const recs_vectors *vectors, uint32_t row, char *out,
                            recs_error *error) {
    uint32_t ticket;
    size_t size;
    const recs__snapshot *now = recs__vectors_enter(vectors, &ticket);
    const char *id = recs__snapshot_id(now, row, &size);
    uint32_t part = id != NULL ? recs__snapshot_part(now, row) : 0;
    bool found = id != NULL && recs__part_alive(&now->parts[part], row - now->parts[part].first);
    if (found)
        memcpy(out, id, size + 1);
    uint32_t rows = now->rows;
    recs__vectors_leave(vectors, ticket);
    return found ? RECS_OK
                 : recs__fail(error, RECS_ERR_NOT_FOUND,
                              "no vector in row %u: the set has %u rows, some of them removed", row,
                              rows);
}

uint64_t recs_vectors_count(const recs_vectors *vectors) {
    uint32_t ticket;
    uint64_t count = recs__vectors_enter(vectors, &ticket)->live;
    recs__vectors_leave(vectors, ticket);
    return count;
}

uint64_t recs_vectors_rows(const recs_vectors *vectors) {
    uint32_t ticket;
    uint64_t rows = recs__vectors_enter(vectors, &ticket)->rows;
    recs__vectors_leave(vectors, ticket);
    return rows;
}

uint64_t recs_vectors_unindexed(const recs_vectors *vectors) {
    uint32_t ticket;
    const recs__snapshot *now = recs__vectors_enter(vectors, &ticket);
    uint64_t count = 0;
    for (uint32_t i = 0; i < now->count; i++)
        if (now->parts[i].segment->index == NULL)
            count += now->parts[i].segment->stored.count - recs__part_dead(&now->parts[i]);
    recs__vectors_leave(vectors, ticket);
    return count;
}

size_t recs_vectors_blocks(const recs_vectors *vectors) {
    uint32_t ticket;
    size_t count = recs__vectors_enter(vectors, &ticket)->count;
    recs__vectors_leave(vectors, ticket);
    return count;
}

uint64_t recs_vectors_generation(const recs_vectors *vectors) {
    return atomic_load(&vectors->generation);
}

uint32_t recs_vectors_dimension(const recs_vectors *vectors) {
    return vectors->shape.dimension;
}

int32_t recs_vectors_metric(const recs_vectors *vectors) {
    return vectors->shape.metric;
}

int32_t recs_vectors_storage(const recs_vectors *vectors) {
    return vectors->shape.storage;
}

const char *recs_vectors_description(const recs_vectors *vectors) {
    return vectors->description;
}

uint64_t recs_vectors_memory(const recs_vectors *vectors) {
    return sizeof *vectors + atomic_load(&vectors->shape.held);
}

void recs_vectors_index(const recs_vectors *vectors, char *out, size_t size) {
    uint32_t ticket;
    const recs__snapshot *now = recs__vectors_enter(vectors, &ticket);
    const char *label = "exact";
    for (uint32_t i = 0; i < now->count; i++)
        if (now->parts[i].segment->index != NULL)
            label = now->parts[i].segment->index->label;
    if (size != 0)
        snprintf(out, size, "%s", label);
    recs__vectors_leave(vectors, ticket);
}

void recs_vectors_effort(const recs_vectors *vectors, uint32_t *low, uint32_t *high,
                         uint32_t *described) {
    uint32_t ticket;
    const recs__snapshot *now = recs__vectors_enter(vectors, &ticket);
    *low = *high = *described = 0;
    for (uint32_t i = 0; i < now->count; i++) {
        const recs__vector_index *index = now->parts[i].segment->index;
        if (index != NULL)
            index->backend.effort_range(index->backend.user_data, index->object, low, high,
                                        described);
    }
    recs__vectors_leave(vectors, ticket);
}
