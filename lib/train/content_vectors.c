/* content_vectors.c - vectors that the shop has of its items (of pictures, texts, anything) as
 * a component: read from a file, tied to items by id and stored. Nothing is learned;
 * what is done with them at request time is in src/recommend/content.c.
 *
 * Ids that neither log nor catalogue know are passed over and counted in the log of
 * the host; items without a vector have no evidence. A new item gets its vector at run
 * time (recs_vectors_open_model and recs_query_overlay).
 *
 * An approximate index (index="hnsw(m=32)", recs/faiss.h) is built of them by librecs-faiss
 * and stored for those who search the vectors by themselves.
 *
 * Cost: one pass over the file; memory: what is stored, and the quantised copy
 * that exact search reads, about a byte a number. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/vector_encode.h"
#include "kernels/codes.h"
#include "model/format.h"
#include "recs/vector_file.h"
#include "train/budget.h"
#include "train/content_index.h"

#include <string.h>

enum { VECTORS, IDS, METRIC, STORAGE, MERGE, ZERO, INDEX, SETTING_COUNT };

static const recs__setting content_settings[SETTING_COUNT] = {
    [VECTORS] = {.name = "vectors", .text = 1},
    [IDS] = {.name = "ids", .text = 2},
    [METRIC] = {.name = "metric", .choices = "cosine|inner"},
    [STORAGE] = {.name = "storage", .choices = "float32|float16|bfloat16|int8"},
    [MERGE] = {.name = "merge", .choices = "centroid|best"},
    [ZERO] = {.name = "zero", .choices = "error|skip"},
    [INDEX] = {.name = "index", .text = 3},
};

enum { BATCH = 1024, CODED_ROWS = 8192 };

typedef struct content {
    const recs__train_job *job;
    const recs_host *host;
    recs_vector_file *file;
    uint32_t dimension, stride, items, count;
    int32_t metric, storage;
    size_t row; /* bytes */
    unsigned char *rows;
    float *scales, *norms, *room;
    uint32_t *at; /* [items]: the item, once its vector is there; else RECS_NO_ROW */
    uint64_t unknown;
    recs__content_index index;
} content;

static recs_status open_file(content *c, recs_error *error) {
    const recs__spec *spec = c->job->spec;
    if (spec->settings[VECTORS] == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s: content needs vectors=FILE, a file with vectors of the items",
                          spec->name);
    recs_vector_file_options options = {
        .struct_size = sizeof options,
        .ids = spec->settings[IDS] != 0 ? spec->texts[1] : NULL,
        .skip_zero = spec->settings[ZERO] != 0};
    recs_status status =
        recs_vector_file_open(&c->file, spec->texts[0], &options, c->host, error);
    if (status != RECS_OK)
        return status;
    c->dimension = recs_vector_file_dimension(c->file);
    c->stride = recs__vector_stride(c->dimension);
    c->row = c->stride * recs__storage_width(c->storage);
    if (spec->settings[INDEX] == 0)
        return RECS_OK;
    recs_error why = {0};
    status = recs__content_index_check(&c->index, spec->texts[2], c->dimension, c->metric, &why);
    return status == RECS_OK ? RECS_OK : recs__fail(error, status, "%s: %s", spec->name, why.text);
}

static recs_status make_room(content *c, recs_error *error) {
    uint64_t bytes = (uint64_t)c->items * (c->row + 12 + recs__codes_size(1, c->dimension) / 16);
    recs_status status =
        recs__budget_check(c->job, bytes, "vectors of all items with their copy", error);
    if (status != RECS_OK)
        return status;
    c->rows = recs__alloc_aligned(c->host, c->items, c->row, error);
    c->scales = c->rows ? recs__alloc_aligned(c->host, c->items, sizeof(float), error) : NULL;
    c->norms = c->scales ? recs__alloc_aligned(c->host, c->items, sizeof(float), error) : NULL;
    c->at = c->norms ? recs__alloc_aligned(c->host, c->items, sizeof(uint32_t), error) : NULL;
    c->room = c->at ? recs__alloc_aligned(c->host, c->stride, sizeof(float), error) : NULL;
    if (c->room == NULL)
        return RECS_ERR_MEMORY;
    memset(c->at, 0xFF, c->items * sizeof *c->at);
    return RECS_OK;
}

static recs_status take(content *c, const char *id, size_t size, const float *vector,
                        recs_error *error) {
    uint32_t item = recs__ids_find(&c->job->training->item_ids, id, size);
    if (item == RECS_NO_ROW) {
        c->unknown++;
        return RECS_OK;
    }
    if (c->at[item] != RECS_NO_ROW)
        return recs__fail(error, RECS_ERR_DATA, "%s has two vectors of \"%.*s\"",
                          c->job->spec->texts[0], size < 64 ? (int)size : 64, id);
    const char *problem =
        recs__vector_encode(c->storage, c->metric, c->dimension, vector, c->rows + item * c->row,
                            &c->scales[item], &c->norms[item], c->room);
    if (problem != NULL)
        return recs__fail(error, RECS_ERR_DATA, "%s: the vector of \"%.*s\" %s",
                          c->job->spec->texts[0], size < 64 ? (int)size : 64, id, problem);
    c->at[item] = item;
    c->count++;
    return RECS_OK;
}

static recs_status read_all(content *c, recs_error *error) {
    recs_status status = RECS_OK;
    size_t count = 1;
    while (status == RECS_OK && count != 0) {
        const char *bytes;
        const uint32_t *offsets;
        const float *values;
        status = recs_vector_file_next(c->file, BATCH, &bytes, &offsets, &values, &count, error);
        for (size_t i = 0; status == RECS_OK && i < count; i++)
            status = take(c, bytes + offsets[i], offsets[i + 1] - offsets[i],
                          values + i * c->dimension, error);
        if (status == RECS_OK)
            status = recs__progress_tell(c->job->progress, "reading vectors",
                                         recs_vector_file_done(c->file),
                                         recs_vector_file_total(c->file), error);
    }
    if (status == RECS_OK && c->count == 0 && c->items != 0)
        status = recs__fail(error, RECS_ERR_DATA,
                            "%s: none of its %llu ids is an item of the log or the catalogue",
                            c->job->spec->texts[0],
                            (unsigned long long)recs_vector_file_rows(c->file));
    if (status == RECS_OK && c->unknown != 0)
        recs__host_log(c->host, RECS_LOG_WARNING,
                       "%s: %llu of %llu vectors are of ids that neither log nor catalogue know",
                       c->job->spec->texts[0], (unsigned long long)c->unknown,
                       (unsigned long long)recs_vector_file_rows(c->file));
    return status;
}

/* Items without a vector make room for those with one. */
static void close_gaps(content *c) {
    uint32_t to = 0;
    for (uint32_t item = 0; item < c->items; item++) {
        if (c->at[item] == RECS_NO_ROW)
            continue;
        if (to != item) {
            memmove(c->rows + to * c->row, c->rows + item * c->row, c->row);
            c->scales[to] = c->scales[item];
            c->norms[to] = c->norms[item];
            c->at[to] = item;
        }
        to++;
    }
}

static void give(recs__trained *trained, uint32_t type, void *block, size_t size) {
    recs__trained_add(trained, type, block, size);
}

static recs__stored stored_of(const content *c) {
    return (recs__stored){.values = c->rows,
                          .scales = c->storage == RECS_STORAGE_INT8 ? c->scales : NULL,
                          .type = recs__vector_type(c->storage),
                          .rows = c->count,
                          .dims = c->dimension,
                          .stride = c->stride};
}

static recs_status give_codes(content *c, recs__trained *trained, recs_error *error) {
    uint64_t size = recs__codes_size(c->count, c->dimension);
    if (c->count < CODED_ROWS || size == 0)
        return RECS_OK;
    void *codes = recs__alloc_aligned(c->host, (size_t)size, 1, error);
    if (codes == NULL)
        return RECS_ERR_MEMORY;
    recs__stored stored = stored_of(c);
    recs_status status = recs__codes_build(&stored, c->host, codes, error);
    if (status == RECS_OK)
        give(trained, RECS_SECTION_VECTOR_CODES, codes, (size_t)size);
    else
        recs__free_aligned(c->host, codes);
    return status == RECS_ERR_NUMERIC ? RECS_OK : status;
}

static recs_status hand_over(content *c, recs__trained *trained, recs_error *error) {
    close_gaps(c);
    recs__stored stored = stored_of(c);
    recs_status status = give_codes(c, trained, error);
    if (status == RECS_OK)
        status = recs__content_index_build(&c->index, c->job, &stored, c->norms, c->metric,
                                           trained, error);
    if (status != RECS_OK)
        return status;
    trained->kind = RECS__KIND_VECTORS;
    trained->factors = c->dimension;
    trained->rows = c->count;
    trained->items_trained = c->count;
    trained->metric = (uint32_t)c->metric;
    trained->storage = (uint32_t)c->storage;
    trained->merge = (uint32_t)c->job->spec->settings[MERGE];
    give(trained, RECS_SECTION_VECTORS, c->rows, c->count * c->row);
    give(trained, RECS_SECTION_VECTOR_NORMS, c->norms, c->count * sizeof(float));
    c->rows = NULL;
    c->norms = NULL;
    if (c->storage == RECS_STORAGE_INT8) {
        give(trained, RECS_SECTION_VECTOR_SCALES, c->scales, c->count * sizeof(float));
        c->scales = NULL;
    }
    if (c->count != c->items) {
        give(trained, RECS_SECTION_VECTOR_ITEMS, c->at, c->count * sizeof(uint32_t));
        c->at = NULL;
    }
    return RECS_OK;
}

static recs_status train_content(const recs__train_job *job, recs__trained *trained,
                                 recs_error *error) {
    content c = {.job = job,
                 .host = &job->training->host,
                 .items = job->training->items,
                 .metric = job->spec->settings[METRIC] == 0 ? RECS_METRIC_COSINE
                                                            : RECS_METRIC_INNER,
                 .storage = (int32_t)job->spec->settings[STORAGE]};
    recs_status status = open_file(&c, error);
    if (status == RECS_OK)
        status = make_room(&c, error);
    if (status == RECS_OK)
        status = read_all(&c, error);
    if (status == RECS_OK)
        status = hand_over(&c, trained, error);
    recs_vector_file_close(c.file);
    recs__free_aligned(c.host, c.rows);
    recs__free_aligned(c.host, c.scales);
    recs__free_aligned(c.host, c.norms);
    recs__free_aligned(c.host, c.at);
    recs__free_aligned(c.host, c.room);
    return status;
}

const recs__trainer recs__trainer_content = {.name = "content",
                                             .settings = content_settings,
                                             .setting_count = SETTING_COUNT,
                                             .train = train_content};
