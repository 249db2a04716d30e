/* content_index.c - behind content_index.h. The bytes of an index are asked for twice:
 * to be counted, and into memory of that size. */
#include "train/content_index.h"

#include "base/backend.h"
#include "base/error.h"
#include "base/memory.h"
#include "model/format.h"
#include "train/budget.h"

#include <stdio.h>
#include <string.h>

recs_status recs__content_index_check(recs__content_index *index, const char *text,
                                      uint32_t dimension, int32_t metric, recs_error *error) {
    recs_error left = {0};
    memset(index, 0, sizeof *index);
    if (strcmp(text, "exact") == 0)
        return RECS_OK;
    recs_vector_backend *backend = &index->backend;
    recs_status status = recs__backend_find(backend, NULL, text, error);
    if (status != RECS_OK)
        return status;
    status = (recs_status)backend->check(backend->user_data, text, dimension, metric, index->text,
                                         sizeof index->text, &left);
    return status == RECS_OK ? RECS_OK : recs__fail(error, status, "%s", left.text);
}

typedef struct reader {
    const recs__stored *rows;
    const float *norms;
    int32_t metric;
    float *room;
} reader;

static int32_t read_rows(void *data, uint64_t first, size_t count, float *out, recs_error *error) {
    const reader *from = data;
    uint32_t dims = from->rows->dims;
    if (first > from->rows->rows || count > from->rows->rows - first)
        return recs__fail(error, RECS_ERR_ARGUMENT, "row %llu asked for, the source has %u",
                          (unsigned long long)(first + count), from->rows->rows);
    for (size_t i = 0; i < count; i++, out += dims) {
        uint32_t row = (uint32_t)(first + i);
        const float *floats = recs__stored_floats(from->rows, row, from->room);
        float scale = from->metric == RECS_METRIC_COSINE ? 1.0f / from->norms[row] : 1.0f;
        for (uint32_t j = 0; j < dims; j++)
            out[j] = floats[j] * scale;
    }
    return RECS_OK;
}

static int32_t told(void *data, const char *stage, uint64_t done, uint64_t total) {
    return recs__progress_tell(data, stage, done, total, NULL) == RECS_OK ? 0 : 1;
}

typedef struct sink {
    unsigned char *bytes; /* NULL: only count */
    size_t size, room;
} sink;

static int32_t write_bytes(void *data, const void *bytes, size_t size, recs_error *error) {
    sink *to = data;
    if (to->bytes != NULL && size > to->room - to->size)
        return recs__fail(error, RECS_ERR_STATE, "the index has more bytes than a moment ago");
    if (to->bytes != NULL)
        memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
    return RECS_OK;
}

static recs_status save(const recs__content_index *index, const void *object,
                        const recs__train_job *job, recs__trained *trained, recs_error *error) {
    const recs_vector_backend *backend = &index->backend;
    const recs_host *host = &job->training->host;
    sink to = {0};
    recs_vector_sink into = {.struct_size = sizeof into, .data = &to, .write = write_bytes};
    int32_t status = backend->save(backend->user_data, object, &into, error);
    if (status == RECS_OK)
        status = recs__budget_check(job, to.size, "the index of the vectors", error);
    if (status == RECS_OK) {
        to.room = to.size;
        to.size = 0;
        to.bytes = recs__alloc_aligned(host, to.room, 1, error);
        status = to.bytes == NULL ? RECS_ERR_MEMORY
                                  : backend->save(backend->user_data, object, &into, error);
    }
    char *text = status == RECS_OK ? recs__alloc_aligned(host, 3 * 260, 1, error) : NULL;
    if (status == RECS_OK && text == NULL)
        status = RECS_ERR_MEMORY;
    if (status != RECS_OK) {
        recs__free_aligned(host, to.bytes);
        return (recs_status)status;
    }
    int size = snprintf(text, 3 * 260, "%.255s%c%.255s%c%s", backend->name, 0, backend->version, 0,
                        index->text);
    recs__trained_add(trained, RECS_SECTION_VECTOR_INDEX_TEXT, text, (size_t)size + 1);
    recs__trained_add(trained, RECS_SECTION_VECTOR_INDEX, to.bytes, to.size);
    return RECS_OK;
}

recs_status recs__content_index_build(const recs__content_index *index,
                                      const recs__train_job *job, const recs__stored *rows,
                                      const float *norms, int32_t metric,
                                      recs__trained *trained, recs_error *error) {
    const recs_vector_backend *backend = &index->backend;
    const recs_host *host = &job->training->host;
    if (backend->struct_size == 0 || rows->rows == 0)
        return RECS_OK;
    reader from = {rows, norms, metric,
                   recs__alloc_aligned(host, rows->stride, sizeof(float), error)};
    if (from.room == NULL)
        return RECS_ERR_MEMORY;
    recs_vector_source source = {.struct_size = sizeof source,
                                 .count = rows->rows,
                                 .dimension = rows->dims,
                                 .metric = metric,
                                 .data = &from,
                                 .read = read_rows};
    void *object = NULL;
    recs_error left = {0};
    recs_status status =
        (recs_status)backend->build(backend->user_data, &source, index->text, told, job->progress,
                                    host, &object, &left);
    if (status == RECS_OK && object == NULL)
        status = recs__fail(&left, RECS_ERR_STATE, "%s built nothing", backend->name);
    if (status == RECS_OK) {
        status = save(index, object, job, trained, &left);
        backend->destroy(backend->user_data, object);
    }
    recs__free_aligned(host, from.room);
    return status == RECS_OK ? RECS_OK
                             : recs__fail(error, status, "%s: %s", index->text,
                                          left.text[0] != '\0' ? left.text : "no reason given");
}
