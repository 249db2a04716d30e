/* vectors_file.c - vector sets in files: opening the vectors of a model's
 * component, and writing a set alone as a model of one component.
 *
 * Opening is constant: the segment's arrays are the file's, checked for size when
 * the model was opened, its ids are the model's item table. What the arrays
 * hold is clamped at use: a row of items beyond the table has no id, a score
 * that is not finite is no answer.
 *
 * Writing streams the arrays. A set in several blocks, or with removed vectors, is
 * merged first, into memory of its own. */
#include "base/error.h"
#include "base/hash.h"
#include "model/model.h"
#include "recs/writer.h"
#include "search/index.h"
#include "search/vectors.h"

#include <stdio.h>
#include <string.h>

/* ---- opening ------------------------------------------------------------------------------- */

static recs_status find_component(const recs__view *view, const char *name, uint32_t *out,
                                  recs_error *error) {
    for (uint32_t i = 0; i < view->component_count; i++) {
        const recs__component *component = &view->components[i];
        if (name != NULL ? strcmp(component->name, name) != 0
                         : component->kind != RECS__KIND_VECTORS)
            continue;
        if (component->kind != RECS__KIND_VECTORS)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "component \"%s\" is of the kind \"%s\" and has no vectors of items",
                              name, component->trainer);
        *out = i;
        return RECS_OK;
    }
    return recs__fail(error, RECS_ERR_NOT_FOUND, "the model has no component %s%s%s",
                      name != NULL ? "\"" : "with vectors", name != NULL ? name : "",
                      name != NULL ? "\"" : "");
}

static recs_status new_mapped(recs__segment **out, recs_vectors *vectors, const recs_model *model,
                              const recs__view *view, const recs__component *component,
                              recs_error *error) {
    recs__segment *made = recs__alloc_zero(&vectors->shape.host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->stored = (recs__vector_rows){.data = component->vectors,
                                       .scales = component->vector_scales,
                                       .norms = component->vector_norms,
                                       .count = component->vector_count,
                                       .dimension = component->factors,
                                       .stride = component->stride,
                                       .storage = component->storage,
                                       .metric = component->metric};
    if (component->vector_codes != NULL &&
        recs__codes_read(&made->codes, component->vector_codes, component->vector_codes_size,
                         component->vector_count, component->factors))
        made->stored.codes = &made->codes;
    made->ids = view->item_ids;
    made->items = component->vector_items;
    made->model = recs_model_retain(model);
    made->owners = 1;
    made->settled = true;
    made->bytes = sizeof *made;
    atomic_fetch_add(&vectors->shape.held, made->bytes);
    *out = made;
    return RECS_OK;
}

static recs_status open_index(recs_vectors *vectors, recs__segment *segment,
                              const recs__component *component, recs_error *error) {
    if (component->index_bytes == NULL)
        return RECS_OK;
    recs_status status = recs__vectors_backend(vectors, error);
    if (status == RECS_OK && strcmp(vectors->backend.name, component->index_made_by) != 0)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "the index was made by \"%.64s\", the backend at hand is \"%s\"",
                          component->index_made_by, vectors->backend.name);
    return status == RECS_OK
               ? recs__index_open(&segment->index, &vectors->shape, &vectors->backend,
                                  component->index_text, component->index_version,
                                  &segment->stored, component->index_bytes,
                                  (size_t)component->index_size, error)
               : status;
}

recs_status recs_vectors_open_model(recs_vectors **vectors, const recs_model *model,
                                    const char *component, const recs_vectors_options *options,
                                    const recs_host *host, recs_error *error) {
    if (vectors == NULL || model == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                          vectors == NULL ? "vectors" : "model");
    *vectors = NULL;
    const recs__view *view = recs__model_view(model);
    uint32_t index = 0;
    recs_status status = find_component(view, component, &index, error);
    if (status != RECS_OK)
        return status;
    const recs__component *from = &view->components[index];
    recs__vector_spec spec = {.metric = from->metric, .storage = from->storage, .index = "exact"};
    if (strlen(from->index_text) >= sizeof spec.index)
        return recs__fail(error, RECS_ERR_CORRUPT, "the description of the index is too long");
    if (from->index_text[0] != '\0')
        snprintf(spec.index, sizeof spec.index, "%s", from->index_text);
    recs_vectors *made = NULL;
    recs__segment *segment = NULL;
    status = recs__vectors_new(&made, from->factors, &spec, options, host, error);
    if (status == RECS_OK) {
        made->fingerprint = view->fingerprint;
        made->component = index;
    }
    if (status == RECS_OK && from->vector_count != 0) {
        status = new_mapped(&segment, made, model, view, from, error);
        if (status == RECS_OK)
            status = open_index(made, segment, from, error);
        recs__part part = {.segment = segment};
        if (status == RECS_OK)
            status = recs__vectors_publish(made, &part, 1, error);
        if (status != RECS_OK)
            recs__segment_drop(segment, &made->shape);
    }
    if (status != RECS_OK) {
        recs_vectors_destroy(made);
        return status;
    }
    *vectors = made;
    return RECS_OK;
}

recs_status recs_vectors_open(recs_vectors **vectors, const char *path, const char *component,
                              const recs_open_options *open_options,
                              const recs_vectors_options *options, const recs_host *host,
                              recs_error *error) {
    recs_model *model = NULL;
    if (vectors != NULL)
        *vectors = NULL;
    recs_status status = recs_model_open(&model, path, open_options, host, error);
    recs_error why = {0};
    if (status == RECS_OK) {
        status = recs_vectors_open_model(vectors, model, component, options, host, &why);
        if (status != RECS_OK)
            recs__fail(error, status, "%s: %s", path, why.text);
    }
    recs_model_release(model);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------- */

typedef struct output {
    recs_writer *writer;
    const recs__segment *segment;
    const recs_vectors *vectors;
    recs_error *error;
} output;

static recs_status put(const output *to, uint32_t type, uint32_t component, const void *bytes,
                       size_t size) {
    return recs_writer_section(to->writer, type, component, 0, bytes, size, to->error);
}

/* Nothing is more popular than anything else: all scores 0, in order of row. */
static recs_status put_popular(const output *to) {
    uint32_t count = to->segment->stored.count, part[1024];
    recs_status status = recs_writer_begin(to->writer, RECS_SECTION_POPULAR_ORDER,
                                           RECS_SECTION_MODEL, 0, to->error);
    for (uint32_t first = 0; status == RECS_OK && first < count;) {
        uint32_t n = count - first < 1024 ? count - first : 1024;
        for (uint32_t i = 0; i < n; i++)
            part[i] = first + i;
        status = recs_writer_append(to->writer, part, n * sizeof *part, to->error);
        first += n;
    }
    if (status == RECS_OK)
        status = recs_writer_end(to->writer, to->error);
    if (status == RECS_OK)
        status = recs_writer_begin(to->writer, RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, 0,
                                   to->error);
    memset(part, 0, sizeof part);
    for (uint32_t first = 0; status == RECS_OK && first < count;) {
        uint32_t n = count - first < 1024 ? count - first : 1024;
        status = recs_writer_append(to->writer, part, n * sizeof *part, to->error);
        first += n;
    }
    return status == RECS_OK ? recs_writer_end(to->writer, to->error) : status;
}

static recs_status put_head(const output *to) {
    const recs__vector_rows *rows = &to->segment->stored;
    const recs__vector_spec *spec = &to->vectors->spec;
    char text[RECS__SPEC_TEXT + 32], settings[RECS__SPEC_TEXT];
    recs__file_meta meta = {.items = rows->count,
                            .first_time = RECS_NO_TIME,
                            .last_time = RECS_NO_TIME,
                            .users_mode = RECS__USERS_NONE,
                            .components = 1};
    recs__file_component component = {.name = "content",
                                      .trainer = "content",
                                      .kind = RECS__KIND_VECTORS,
                                      .factors = rows->dimension,
                                      .scale = 1.0f,
                                      .scale_similar = 1.0f,
                                      .items_trained = rows->count,
                                      .rows = rows->count,
                                      .metric = (uint32_t)rows->metric,
                                      .storage = (uint32_t)rows->storage};
    recs__vector_spec_text(spec, settings);
    int size = snprintf(text, sizeof text, "content = %s", settings);
    recs_status status = put(to, RECS_SECTION_META, RECS_SECTION_MODEL, &meta, sizeof meta);
    if (status == RECS_OK)
        status = put(to, RECS_SECTION_DESCRIPTION, RECS_SECTION_MODEL, text, (size_t)size);
    if (status == RECS_OK)
        status = put(to, RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, &component,
                     sizeof component);
    if (status == RECS_OK)
        status = put(to, RECS_SECTION_SETTINGS, 0, settings, strlen(settings));
    return status;
}

static recs_status put_arrays(const output *to) {
    const recs__segment *segment = to->segment;
    const recs__vector_rows *rows = &segment->stored;
    size_t count = rows->count;
    recs_status status = put(to, RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_MODEL,
                             segment->ids.offsets, (count + 1) * sizeof(uint64_t));
    if (status == RECS_OK)
        status = put(to, RECS_SECTION_ITEM_ID_BYTES, RECS_SECTION_MODEL, segment->ids.bytes,
                     (size_t)segment->ids.size);
    if (status == RECS_OK)
        status = put_popular(to);
    if (status == RECS_OK)
        status = put(to, RECS_SECTION_VECTORS, 0, rows->data,
                     count * rows->stride * recs__storage_width(rows->storage));
    if (status == RECS_OK && rows->scales != NULL)
        status = put(to, RECS_SECTION_VECTOR_SCALES, 0, rows->scales, count * sizeof(float));
    if (status == RECS_OK)
        status = put(to, RECS_SECTION_VECTOR_NORMS, 0, rows->norms, count * sizeof(float));
    if (status == RECS_OK && rows->codes != NULL) {
        const void *codes = segment->code_bytes;
        uint64_t size = recs__codes_size(rows->count, rows->dimension);
        if (codes == NULL) { /* mapped */
            const recs__view *view = recs__model_view(segment->model);
            for (uint32_t i = 0; i < view->component_count; i++)
                if (view->components[i].vectors == rows->data)
                    codes = view->components[i].vector_codes;
        }
        if (codes != NULL)
            status = put(to, RECS_SECTION_VECTOR_CODES, 0, codes, (size_t)size);
    }
    return status;
}

static int32_t write_index(void *data, const void *bytes, size_t size, recs_error *error) {
    const output *to = data;
    return (int32_t)recs_writer_append(to->writer, bytes, size, error);
}

static recs_status put_index(const output *to) {
    const recs__vector_index *index = to->segment->index;
    char texts[3 * 260];
    if (recs__vector_spec_exact(&to->vectors->spec))
        return RECS_OK;
    int size = snprintf(texts, sizeof texts, "%.255s%c%.255s%c%s",
                        index != NULL ? index->backend.name : "", 0,
                        index != NULL ? index->backend.version : "", 0, to->vectors->spec.index);
    recs_status status =
        put(to, RECS_SECTION_VECTOR_INDEX_TEXT, 0, texts, (size_t)size + 1);
    if (status != RECS_OK || index == NULL)
        return status;
    status = recs_writer_begin(to->writer, RECS_SECTION_VECTOR_INDEX, 0, RECS_SECTION_TRUSTED,
                               to->error);
    if (status != RECS_OK)
        return status;
    recs_vector_sink sink = {
        .struct_size = sizeof sink, .data = (void *)(uintptr_t)to, .write = write_index};
    recs_error left = {0};
    status = (recs_status)index->backend.save(index->backend.user_data, index->object, &sink,
                                              &left);
    if (status != RECS_OK)
        return recs__fail(to->error, status, "%s",
                          left.text[0] != '\0' ? left.text : "the backend could not save its index");
    return recs_writer_end(to->writer, to->error);
}

/* The set as one segment; *made is to be dropped where it is not NULL. */
static recs_status gather(const recs__snapshot *now, recs__vector_shape *shape,
                          const recs__segment **segment, recs__segment **made,
                          recs_error *error) {
    recs__merge_part parts[RECS__PARTS_MAX];
    *made = NULL;
    if (now->count == 1 && now->parts[0].alive == NULL && now->parts[0].segment->items == NULL) {
        *segment = now->parts[0].segment;
        return RECS_OK;
    }
    for (uint32_t i = 0; i < now->count; i++)
        parts[i] = (recs__merge_part){now->parts[i].segment, now->parts[i].alive};
    recs_status status = recs__segment_merge(made, shape, parts, now->count, NULL, NULL, error);
    if (status == RECS_OK)
        status = recs__segment_code(*made, shape, error);
    *segment = *made;
    return status;
}

recs_status recs_vectors_write(const recs_vectors *vectors, const char *path, recs_error *error) {
    if (vectors == NULL || path == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                          vectors == NULL ? "vectors" : "path");
    output to = {.vectors = vectors, .error = error};
    recs__segment *made = NULL;
    uint32_t ticket;
    /* Memory for merging is counted apart: the set itself does not change. */
    recs__vector_shape shape = {.host = vectors->shape.host,
                                .dimension = vectors->shape.dimension,
                                .stride = vectors->shape.stride,
                                .metric = vectors->shape.metric,
                                .storage = vectors->shape.storage};
    atomic_init(&shape.held, 0);
    const recs__snapshot *now = recs__vectors_enter(vectors, &ticket);
    recs_status status = gather(now, &shape, &to.segment, &made, error);
    if (status == RECS_OK)
        status = recs_writer_create(&to.writer, path, &shape.host, error);
    if (status == RECS_OK)
        status = put_head(&to);
    if (status == RECS_OK)
        status = put_arrays(&to);
    if (status == RECS_OK)
        status = put_index(&to);
    if (status == RECS_OK)
        status = recs_writer_finish(to.writer, NULL, error);
    recs_writer_destroy(to.writer);
    recs__segment_drop(made, &shape);
    recs__vectors_leave(vectors, ticket);
    return status;
}
