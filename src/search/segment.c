/* segment.c - making, merging and dropping the blocks behind segment.h.
 *
 * Invariant: shape->held is the sum of the bytes of all segments and alive
 * arrays that live; nothing is allocated before recs__shape_allow agreed. */
#include "search/segment.h"

#include "base/checked.h"
#include "base/text.h"
#include "search/index.h"

#include <math.h>
#include <string.h>

/* ---- memory --------------------------------------------------------------------- */

recs_status recs__shape_allow(const recs__vector_shape *shape, uint64_t bytes,
                              recs_error *error) {
    uint64_t held = atomic_load(&shape->held), after;
    if (recs__add_u64(held, bytes, &after))
        return recs__fail_memory(error, SIZE_MAX);
    if (shape->limit != 0 && after > shape->limit)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "the set holds %llu bytes and would need %llu more, its limit "
                          "(recs_vectors_options.memory) is %llu",
                          (unsigned long long)held, (unsigned long long)bytes,
                          (unsigned long long)shape->limit);
    return RECS_OK;
}

static void free_blocks(recs__segment *segment, const recs_host *host) {
    recs__free_aligned(host, segment->data);
    recs__free_aligned(host, segment->scales);
    recs__free_aligned(host, segment->norms);
    recs__free_aligned(host, segment->offsets);
    recs__free_aligned(host, segment->text);
    recs__free_aligned(host, segment->code_bytes);
    recs__free(host, segment);
}

void recs__segment_drop(recs__segment *segment, recs__vector_shape *shape) {
    if (segment == NULL || --segment->owners != 0)
        return;
    recs__index_drop(segment->index, shape);
    recs_model_release((recs_model *)(uintptr_t)segment->model);
    atomic_fetch_sub(&shape->held, segment->bytes);
    free_blocks(segment, &shape->host);
}

/* A segment of so many rows and bytes of ids, everything but the content. */
static recs_status new_segment(recs__segment **out, recs__vector_shape *shape, size_t rows,
                               uint64_t text, recs_error *error) {
    const recs_host *host = &shape->host;
    bool scaled = shape->storage == RECS_STORAGE_INT8;
    size_t row = shape->stride * recs__storage_width(shape->storage), data;
    if (rows > INT32_MAX)
        return recs__fail(error, RECS_ERR_LIMIT, "%zu vectors in one block, the limit is %d", rows,
                          INT32_MAX);
    if (recs__mul_size(rows, row, &data) || text > SIZE_MAX / 2 || data > SIZE_MAX / 2)
        return recs__fail_memory(error, SIZE_MAX);
    uint64_t bytes = sizeof(recs__segment) + (uint64_t)data + text + (rows + 1) * sizeof(uint64_t) +
                     rows * sizeof(float) * (scaled ? 2 : 1);
    recs_status status = recs__shape_allow(shape, bytes, error);
    if (status != RECS_OK)
        return status;
    recs__segment *made = recs__alloc_zero(host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->data = recs__alloc_aligned(host, data, 1, error);
    made->norms = made->data != NULL ? recs__alloc_aligned(host, rows, sizeof *made->norms, error)
                                     : NULL;
    made->scales = scaled && made->norms != NULL
                       ? recs__alloc_aligned(host, rows, sizeof *made->scales, error)
                       : NULL;
    made->offsets = made->norms != NULL && (made->scales != NULL || !scaled)
                        ? recs__alloc_aligned(host, rows + 1, sizeof *made->offsets, error)
                        : NULL;
    made->text = made->offsets != NULL ? recs__alloc_aligned(host, (size_t)text, 1, error) : NULL;
    if (made->text == NULL) {
        free_blocks(made, host);
        return RECS_ERR_MEMORY;
    }
    made->stored = (recs__vector_rows){.data = made->data,
                                  .scales = made->scales,
                                  .norms = made->norms,
                                  .count = (uint32_t)rows,
                                  .dimension = shape->dimension,
                                  .stride = shape->stride,
                                  .storage = shape->storage,
                                  .metric = shape->metric};
    made->ids = (recs__ids){.offsets = made->offsets,
                            .bytes = made->text,
                            .size = text,
                            .count = (uint32_t)rows,
                            .longest = RECS_ID_MAX};
    made->offsets[0] = 0;
    made->owners = 1;
    made->bytes = bytes;
    atomic_fetch_add(&shape->held, bytes);
    *out = made;
    return RECS_OK;
}

static void put_id(recs__segment *segment, uint32_t row, const char *id, size_t size) {
    uint64_t at = segment->offsets[row];
    memcpy(segment->text + at, id, size);
    segment->text[at + size] = '\0';
    segment->offsets[row + 1] = at + size + 1;
}

/* ---- a batch ---------------------------------------------------------------------- */

/* The order of ids: the first eight bytes as a number decide most. */
typedef struct order {
    uint64_t head;
    uint32_t entry;
} order;

typedef struct batch {
    const char *bytes;
    const uint32_t *offsets;
} batch;

static uint64_t head_of(const char *id, size_t size) {
    uint64_t head = 0;
    for (size_t i = 0; i < 8; i++)
        head = head << 8 | (i < size ? (unsigned char)id[i] : 0);
    return head;
}

static int compare(const batch *ids, const order *a, const order *b) {
    if (a->head != b->head)
        return a->head < b->head ? -1 : 1;
    const uint32_t *offsets = ids->offsets;
    return recs__compare_ids(ids->bytes + offsets[a->entry],
                             offsets[a->entry + 1] - offsets[a->entry],
                             ids->bytes + offsets[b->entry],
                             offsets[b->entry + 1] - offsets[b->entry]);
}

/* Merge sort from the bottom up; both arrays have count members. Returns the
 * one that holds the result. */
static order *sort_ids(const batch *ids, order *keys, order *spare, size_t count) {
    bool sorted = true;
    for (size_t i = 1; sorted && i < count; i++)
        sorted = compare(ids, &keys[i - 1], &keys[i]) <= 0;
    for (size_t width = 1; !sorted && width < count; width *= 2) {
        for (size_t first = 0; first < count; first += 2 * width) {
            size_t middle = first + width < count ? first + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t a = first, b = middle, to = first;
            while (a < middle && b < end)
                spare[to++] = compare(ids, &keys[b], &keys[a]) < 0 ? keys[b++] : keys[a++];
            while (a < middle)
                spare[to++] = keys[a++];
            while (b < end)
                spare[to++] = keys[b++];
        }
        order *swap = keys;
        keys = spare;
        spare = swap;
    }
    return keys;
}

static recs_status check_ids(const char *bytes, const uint32_t *offsets, size_t count,
                             recs_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (offsets[i + 1] < offsets[i])
            return recs__fail(error, RECS_ERR_ARGUMENT, "vector %zu: offsets go back from %u to %u",
                              i, offsets[i], offsets[i + 1]);
        const char *id = bytes + offsets[i];
        size_t size = offsets[i + 1] - offsets[i];
        const char *problem = recs__id_problem(id, size);
        if (problem != NULL)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "vector %zu: id \"%.*s\" %s, expected 1 to %d bytes of UTF-8", i,
                              size < 64 ? (int)size : 64, id, problem, RECS_ID_MAX);
    }
    return RECS_OK;
}

static recs_status check_values(const recs__vector_shape *shape, const float *values, size_t count,
                                recs_error *error) {
    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < shape->dimension; j++) {
            float value = values[i * shape->dimension + j];
            if (!isfinite(value))
                return recs__fail(error, RECS_ERR_ARGUMENT,
                                  "vector %zu, column %u: %s, expected a finite number", i, j,
                                  isnan(value) ? "NaN" : value > 0 ? "infinity" : "-infinity");
        }
    return RECS_OK;
}

static recs_status encode_rows(recs__segment *segment, const recs__vector_shape *shape,
                               const batch *ids, const float *values, const order *keys,
                               float *room, recs_error *error) {
    size_t row_bytes = shape->stride * recs__storage_width(shape->storage);
    for (uint32_t row = 0; row < segment->stored.count; row++) {
        size_t entry = keys[row].entry;
        const char *id = ids->bytes + ids->offsets[entry];
        size_t size = ids->offsets[entry + 1] - ids->offsets[entry];
        float scale;
        const char *problem = recs__vector_encode(
            shape->storage, shape->metric, shape->dimension, values + entry * shape->dimension,
            (char *)segment->data + row * row_bytes, &scale, &segment->norms[row], room);
        if (problem != NULL)
            return recs__fail(error, RECS_ERR_ARGUMENT, "vector %zu (\"%.*s\") %s", entry,
                              size < 64 ? (int)size : 64, id, problem);
        if (segment->scales != NULL)
            segment->scales[row] = scale;
        put_id(segment, row, id, size);
    }
    return RECS_OK;
}

static recs_status check_unique(const batch *ids, const order *keys, size_t count,
                                recs_error *error) {
    for (size_t i = 1; i < count; i++)
        if (compare(ids, &keys[i - 1], &keys[i]) == 0) {
            uint32_t a = keys[i - 1].entry, b = keys[i].entry;
            size_t size = ids->offsets[a + 1] - ids->offsets[a];
            return recs__fail(error, RECS_ERR_CONFLICT, "vectors %u and %u have the same id \"%.*s\"",
                              a < b ? a : b, a < b ? b : a, size < 64 ? (int)size : 64,
                              ids->bytes + ids->offsets[a]);
        }
    return RECS_OK;
}

static recs_status fill_segment(recs__segment **out, recs__vector_shape *shape, const batch *ids,
                                const float *values, size_t count, order *keys, float *room,
                                recs_error *error) {
    for (size_t i = 0; i < count; i++)
        keys[i] = (order){head_of(ids->bytes + ids->offsets[i],
                                  ids->offsets[i + 1] - ids->offsets[i]),
                          (uint32_t)i};
    order *sorted = sort_ids(ids, keys, keys + count, count);
    recs_status status = check_unique(ids, sorted, count, error);
    if (status == RECS_OK)
        status = new_segment(out, shape, count,
                             (uint64_t)(ids->offsets[count] - ids->offsets[0]) + count, error);
    if (status == RECS_OK)
        status = encode_rows(*out, shape, ids, values, sorted, room, error);
    return status;
}

recs_status recs__segment_make(recs__segment **out, recs__vector_shape *shape, const char *bytes,
                               const uint32_t *offsets, const float *values, size_t count,
                               recs_error *error) {
    *out = NULL;
    if (count > INT32_MAX)
        return recs__fail(error, RECS_ERR_LIMIT, "%zu vectors in one call, the limit is %d", count,
                          INT32_MAX);
    recs_status status = check_ids(bytes, offsets, count, error);
    if (status == RECS_OK)
        status = check_values(shape, values, count, error);
    if (status != RECS_OK)
        return status;
    order *keys = recs__alloc(&shape->host, count, 2 * sizeof *keys, error);
    float *room = recs__alloc_aligned(&shape->host, shape->stride, sizeof *room, error);
    batch ids = {bytes, offsets};
    status = keys == NULL || room == NULL
                 ? RECS_ERR_MEMORY
                 : fill_segment(out, shape, &ids, values, count, keys, room, error);
    recs__free(&shape->host, keys);
    recs__free_aligned(&shape->host, room);
    if (status != RECS_OK) {
        recs__segment_drop(*out, shape);
        *out = NULL;
    }
    return status;
}

/* ---- merging ------------------------------------------------------------------------ */

static bool is_alive(const recs__merge_part *part, uint32_t row) {
    return part->alive == NULL || part->alive->rows[row] != 0;
}

/* Next row of a part that is left, from `row` on. */
static uint32_t next_alive(const recs__merge_part *part, uint32_t row) {
    while (row < part->segment->stored.count && !is_alive(part, row))
        row++;
    return row;
}

/* The part whose next id comes first; count when none has one left. */
static size_t first_part(const recs__merge_part *parts, const uint32_t *at, size_t count) {
    size_t best = count, best_size = 0;
    const char *best_id = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t size;
        if (at[i] >= parts[i].segment->stored.count)
            continue;
        const char *id = recs__segment_id(parts[i].segment, at[i], &size);
        if (best == count || recs__compare_ids(id, size, best_id, best_size) < 0) {
            best = i;
            best_id = id;
            best_size = size;
        }
    }
    return best;
}

static void copy_row(recs__segment *to, uint32_t row, const recs__segment *from, uint32_t at) {
    size_t bytes = to->stored.stride * recs__storage_width(to->stored.storage), size;
    memcpy((char *)to->data + row * bytes, (const char *)from->stored.data + at * bytes, bytes);
    to->norms[row] = from->stored.norms[at];
    if (to->scales != NULL)
        to->scales[row] = from->stored.scales[at];
    const char *id = recs__segment_id(from, at, &size);
    put_id(to, row, id, size);
}

static recs_status tell(recs_progress *progress, void *data, uint64_t done, uint64_t total,
                        recs_error *error) {
    if (progress == NULL || progress(data, "merging vectors", done, total) == 0)
        return RECS_OK;
    return recs__fail(error, RECS_ERR_CANCELLED,
                      "cancelled by the caller during merging vectors (%llu of %llu)",
                      (unsigned long long)done, (unsigned long long)total);
}

enum { TELL_ROWS = 65536 };

recs_status recs__segment_merge(recs__segment **out, recs__vector_shape *shape,
                                const recs__merge_part *parts, size_t count,
                                recs_progress *progress, void *progress_data, recs_error *error) {
    *out = NULL;
    size_t rows = 0;
    uint64_t text = 0;
    for (size_t i = 0; i < count; i++)
        for (uint32_t row = 0; row < parts[i].segment->stored.count; row++) {
            size_t size;
            if (!is_alive(&parts[i], row))
                continue;
            if (recs__segment_id(parts[i].segment, row, &size) == NULL)
                return recs__fail(error, RECS_ERR_CORRUPT, "the id of vector %u is damaged", row);
            rows++;
            text += size + 1;
        }
    uint32_t *at = recs__alloc_zero(&shape->host, count, sizeof *at, error);
    recs_status status =
        at == NULL ? RECS_ERR_MEMORY : new_segment(out, shape, rows, text, error);
    for (size_t i = 0; status == RECS_OK && i < count; i++)
        at[i] = next_alive(&parts[i], 0);
    for (uint32_t row = 0; status == RECS_OK && row < rows; row++) {
        size_t part = first_part(parts, at, count);
        copy_row(*out, row, parts[part].segment, at[part]);
        at[part] = next_alive(&parts[part], at[part] + 1);
        if ((row + 1) % TELL_ROWS == 0)
            status = tell(progress, progress_data, row + 1, rows, error);
    }
    if (status == RECS_OK)
        status = tell(progress, progress_data, rows, rows, error);
    recs__free(&shape->host, at);
    if (status != RECS_OK) {
        recs__segment_drop(*out, shape);
        *out = NULL;
    }
    return status;
}

/* ---- the quantised copy ---------------------------------------------------------------- */

/* Fewer rows are searched plainly in no time. */
enum { CODED_ROWS = 8192 };

recs_status recs__segment_code(recs__segment *segment, recs__vector_shape *shape,
                               recs_error *error) {
    const recs__vector_rows *rows = &segment->stored;
    uint64_t size = recs__codes_size(rows->count, rows->dimension);
    if (rows->codes != NULL || rows->count < CODED_ROWS || size == 0 || size > SIZE_MAX / 2)
        return RECS_OK;
    recs_status status = recs__shape_allow(shape, size, error);
    if (status != RECS_OK)
        return status;
    void *bytes = recs__alloc_aligned(&shape->host, (size_t)size, 1, error);
    if (bytes == NULL)
        return RECS_ERR_MEMORY;
    recs__stored stored = recs__vector_stored(rows);
    recs_error why = {0};
    status = recs__codes_build(&stored, &shape->host, bytes, &why);
    if (status == RECS_OK &&
        recs__codes_read(&segment->codes, bytes, size, rows->count, rows->dimension)) {
        segment->code_bytes = bytes;
        segment->stored.codes = &segment->codes;
        segment->bytes += size;
        atomic_fetch_add(&shape->held, size);
        return RECS_OK;
    }
    recs__free_aligned(&shape->host, bytes);
    return status == RECS_OK || status == RECS_ERR_NUMERIC
               ? RECS_OK
               : recs__fail(error, status, "%s", why.text);
}

/* ---- what was removed ----------------------------------------------------------------- */

recs_status recs__alive_copy(recs__alive **out, const recs__alive *alive, uint32_t rows,
                             recs__vector_shape *shape, recs_error *error) {
    size_t bytes = sizeof(recs__alive) + rows;
    *out = NULL;
    recs_status status = recs__shape_allow(shape, bytes, error);
    if (status != RECS_OK)
        return status;
    recs__alive *made = recs__alloc(&shape->host, bytes, 1, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->owners = 1;
    made->dead = alive != NULL ? alive->dead : 0;
    if (alive != NULL)
        memcpy(made->rows, alive->rows, rows);
    else
        memset(made->rows, 1, rows);
    atomic_fetch_add(&shape->held, bytes);
    *out = made;
    return RECS_OK;
}

void recs__alive_drop(recs__alive *alive, uint32_t rows, recs__vector_shape *shape) {
    if (alive == NULL || --alive->owners != 0)
        return;
    atomic_fetch_sub(&shape->held, sizeof *alive + rows);
    recs__free(&shape->host, alive);
}

/* ---- ids ------------------------------------------------------------------------------ */

uint32_t recs__segment_find(const recs__segment *segment, const char *id, size_t size) {
    uint32_t found = recs__ids_find(&segment->ids, id, size);
    if (segment->items == NULL || found == RECS_NO_ROW)
        return found < segment->stored.count ? found : RECS_NO_ROW;
    uint32_t low = 0, high = segment->stored.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (segment->items[middle] < found)
            low = middle + 1;
        else
            high = middle;
    }
    return low < segment->stored.count && segment->items[low] == found ? low : RECS_NO_ROW;
}

const char *recs__segment_id(const recs__segment *segment, uint32_t row, size_t *size) {
    if (segment->items != NULL && row < segment->stored.count)
        row = segment->items[row];
    return recs__ids_get(&segment->ids, row, size);
}
