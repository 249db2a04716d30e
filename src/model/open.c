/* open.c - a model's life: open, retain, release.
 *
 * Operations: recs_model_open, recs_model_open_memory: O(s log s) for s <=
 * 4096 sections plus at most 1024 component and column records, whatever the
 * file's size; inflating and verifying, when asked for, read what they must.
 * retain and release: one atomic operation.
 *
 * Invariants
 *   1. A recs_model is never changed after open returned it, but for the
 *      count of its owners.
 *   2. A failed open gives everything back and leaves *model NULL. */
#include "base/lent.h"
#include "model/internal.h"

#include <string.h>

/* ---- options ------------------------------------------------------------------- */

static recs_status check_flag(const char *name, int32_t value, recs_error *error) {
    if (value != 0 && value != 1)
        return recs__fail(error, RECS_ERR_ARGUMENT, "recs_open_options.%s is %d, expected 0 or 1",
                          name, value);
    return RECS_OK;
}

static recs_status resolve_options(recs_open_options *out, const recs_open_options *options,
                                   recs_error *error) {
    recs_open_options resolved;
    recs_status status =
        recs__lent_copy(&resolved, sizeof resolved, options, "recs_open_options", error);
    if (status != RECS_OK)
        return status;
    if (resolved.load != RECS_LOAD_MAP && resolved.load != RECS_LOAD_COPY)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "recs_open_options.load is %d, expected %d (map) or %d (copy)",
                          resolved.load, RECS_LOAD_MAP, RECS_LOAD_COPY);
    status = check_flag("inflate", resolved.inflate, error);
    if (status == RECS_OK)
        status = check_flag("verify", resolved.verify, error);
    if (status == RECS_OK)
        status = check_flag("trusted", resolved.trusted, error);
    *out = resolved;
    return status;
}

/* ---- sections -------------------------------------------------------------------- */

/* Decides whether one section is read, and inflates it when it has to be. */
static recs_status read_section(recs_model *model, uint32_t index,
                                const recs_open_options *options, recs_error *error) {
    const recs__file_section *section = &model->table[index];
    recs__content *content = &model->contents[index];
    bool critical = (section->flags & RECS_SECTION_CRITICAL) != 0;
    const char *label = recs__section_label(section->type);
    recs__scope scope = recs__section_scope(section->type);
    if (scope == RECS__SCOPE_UNKNOWN) {
        if (critical)
            return recs__fail(error, RECS_ERR_UNSUPPORTED,
                              "section type %u is not known to this version and marked critical",
                              section->type);
        return RECS_OK;
    }
    if ((scope == RECS__SCOPE_MODEL) != (section->component == RECS_SECTION_MODEL))
        return recs__fail(error, RECS_ERR_CORRUPT, "section %s belongs to %s, its table entry says "
                          "%u", label, scope == RECS__SCOPE_MODEL ? "the whole model" :
                          scope == RECS__SCOPE_COLUMN ? "a column" : "a component",
                          section->component);
    if ((section->flags & RECS_SECTION_TRUSTED) != 0 && !options->trusted) {
        if (critical)
            return recs__fail(error, RECS_ERR_UNSUPPORTED,
                              "section %s is opened only from a trusted file (option trusted)",
                              label);
        return RECS_OK;
    }
    const unsigned char *bytes = model->image.bytes + section->offset;
    if (section->codec == RECS__CODEC_NONE) {
        if (section->raw_size != section->size)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "section %s: raw size %llu, expected its size %llu: it has no codec",
                              label, (unsigned long long)section->raw_size,
                              (unsigned long long)section->size);
        content->bytes = bytes;
        content->size = section->size;
        return RECS_OK;
    }
    if (section->codec != RECS__CODEC_ZSTD)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "section %s has codec %u, this version knows 0 (none) and 1 (zstd)",
                          label, section->codec);
    if (!options->inflate)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "section %s is compressed: open with the option inflate, which reads it "
                          "into private memory",
                          label);
    recs_status status = recs__inflate(&model->host, section, bytes, &content->inflated, error);
    if (status == RECS_OK) {
        content->bytes = content->inflated;
        content->size = section->raw_size;
    }
    return status;
}

static recs_status read_sections(recs_model *model, const recs_open_options *options,
                                 recs_error *error) {
    uint32_t count = model->header->section_count;
    model->contents = recs__alloc_zero(&model->host, count, sizeof *model->contents, error);
    if (model->contents == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        recs_status status = read_section(model, i, options, error);
        if (status != RECS_OK)
            return status;
    }
    return RECS_OK;
}

/* ---- life -------------------------------------------------------------------------- */

void recs__image_free(recs__image *image, const recs_host *host) {
    if (image->map.bytes != NULL)
        recs__map_close(&image->map);
    recs__free_aligned(host, image->aligned);
    recs__free(host, image->plain);
    memset(image, 0, sizeof *image);
}

/* Everything but the image. */
static void free_model(recs_model *model) {
    recs_host host = model->host;
    if (model->contents != NULL)
        for (uint32_t i = 0; i < model->header->section_count; i++)
            recs__free_aligned(&host, model->contents[i].inflated);
    recs__free(&host, model->contents);
    recs__free(&host, model->by_key);
    recs__free(&host, model->by_offset);
    recs__free(&host, model->components);
    recs__free(&host, model->columns);
    recs__free(&host, model->texts);
    recs__free(&host, model);
}

recs_status recs__model_adopt(recs_model **model, const recs__image *image,
                              const recs_open_options *options, const recs_host *host,
                              recs_error *error) {
    *model = NULL;
    recs_model *made = recs__alloc_zero(host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = *host;
    made->image = *image;
    atomic_init(&made->owners, 1);
    recs_status status = recs__table_read(made, error);
    if (status == RECS_OK)
        status = read_sections(made, options, error);
    if (status == RECS_OK)
        status = recs__view_build(made, error);
    if (status == RECS_OK && options->verify)
        status = recs_model_verify(made, error);
    if (status != RECS_OK) {
        free_model(made);
        return status;
    }
    *model = made;
    return RECS_OK;
}

recs_status recs_model_open(recs_model **model, const char *path,
                            const recs_open_options *options, const recs_host *host,
                            recs_error *error) {
    if (model == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "model is NULL, expected where to put it");
    *model = NULL;
    recs_host resolved;
    recs_open_options how;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status == RECS_OK)
        status = resolve_options(&how, options, error);
    if (status != RECS_OK)
        return status;
    if (path == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "path is NULL");

    recs__image image = {0};
    if (how.load == RECS_LOAD_MAP) {
        status = recs__map_open(&image.map, path, error);
        image.bytes = image.map.bytes;
        image.size = image.map.size;
    } else {
        unsigned char *bytes = NULL;
        size_t size = 0;
        status = recs__file_load(&resolved, path, &bytes, &size, error);
        image.aligned = bytes;
        image.bytes = bytes;
        image.size = size;
    }
    if (status != RECS_OK)
        return status;
    recs_error why;
    status = recs__model_adopt(model, &image, &how, &resolved, &why);
    if (status == RECS_OK)
        return RECS_OK;
    recs__image_free(&image, &resolved);
    return recs__fail(error, status, "%s: %s", path, why.text);
}

recs_status recs_model_open_memory(recs_model **model, const void *bytes, size_t size,
                                   const recs_open_options *options, const recs_host *host,
                                   recs_error *error) {
    if (model == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "model is NULL, expected where to put it");
    *model = NULL;
    recs_host resolved;
    recs_open_options how;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status == RECS_OK)
        status = resolve_options(&how, options, error);
    if (status != RECS_OK)
        return status;
    if (bytes == NULL && size != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "bytes is NULL and size %zu", size);

    recs__image image = {.bytes = bytes, .size = size};
    if (how.load == RECS_LOAD_COPY) {
        image.aligned = recs__alloc_aligned(&resolved, size, 1, error);
        if (image.aligned == NULL)
            return RECS_ERR_MEMORY;
        if (size != 0)
            memcpy(image.aligned, bytes, size);
        image.bytes = image.aligned;
    } else if ((uintptr_t)bytes % RECS__FILE_ALIGN != 0) {
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "bytes begin at an address that is not a multiple of %d: align them or "
                          "open with RECS_LOAD_COPY",
                          RECS__FILE_ALIGN);
    }
    status = recs__model_adopt(model, &image, &how, &resolved, error);
    if (status != RECS_OK)
        recs__image_free(&image, &resolved);
    return status;
}

recs_model *recs_model_retain(const recs_model *model) {
    /* Owners are the one thing that changes in a model others see as const. */
    recs_model *shared = (recs_model *)(uintptr_t)model;
    atomic_fetch_add_explicit(&shared->owners, 1, memory_order_relaxed);
    return shared;
}

void recs_model_release(recs_model *model) {
    if (model == NULL || atomic_fetch_sub_explicit(&model->owners, 1, memory_order_acq_rel) != 1)
        return;
    recs_host host = model->host;
    recs__image image = model->image;
    free_model(model);
    recs__image_free(&image, &host);
}

const recs__view *recs__model_view(const recs_model *model) { return &model->view; }
