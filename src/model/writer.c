/* writer.c - making a model file, section by section, on disk or in memory.
 *
 * Operations: recs_writer_*, recs_model_write. Each byte is written and
 * hashed once as it comes; a file needs no memory beyond the table, an image
 * in memory grows by doubling in place where the allocator can.
 *
 * Invariants
 *   1. Bytes before `position` are final but for the header, which is zero
 *      until finish patches it in: a torn file is never taken for a model.
 *   2. A section is entered in the table when it is complete.
 *   3. What fails before anything was written changes nothing; a failed write
 *      to a file leaves the state FAILED, after which only destroy works. */
#include "recs/writer.h"

#include "base/checked.h"
#include "kernels/codes.h"
#include "model/internal.h"

#include <string.h>

typedef enum writer_state {
    READY,   /* between sections          */
    INSIDE,  /* after begin, before end   */
    DONE,    /* finished                  */
    FAILED
} writer_state;

struct recs_writer {
    recs_host host;
    writer_state state;
    char *path; /* NULL: into memory */
    recs__file_writer *file;

    /* In memory: bytes begin at the first aligned address of block. */
    void *block;
    size_t block_size;
    size_t skip;

    uint64_t position;
    recs__file_section *table;
    size_t table_capacity;
    uint32_t count;

    recs__hash_stream *hash; /* aligned */
    recs__file_section open; /* INSIDE: the section begun */
};

static const unsigned char zeros[RECS__FILE_ALIGN];

/* ---- bytes out ------------------------------------------------------------------- */

/* Room in the image for `size` more bytes. A block that moved to another
 * alignment has its bytes shifted; one the system remaps in place has not. */
static recs_status reserve(recs_writer *writer, uint64_t size, recs_error *error) {
    if (writer->path != NULL)
        return RECS_OK;
    uint64_t need;
    if (recs__add_u64(writer->position, size, &need) ||
        recs__add_u64(need, RECS__FILE_ALIGN, &need) || need > SIZE_MAX)
        return recs__fail_memory(error, SIZE_MAX);
    recs_status status = recs__grow(&writer->host, &writer->block, &writer->block_size,
                                    (size_t)need, 1, error);
    if (status != RECS_OK)
        return status;
    size_t skip = (size_t)(-(uintptr_t)writer->block % RECS__FILE_ALIGN);
    if (skip != writer->skip) {
        unsigned char *block = writer->block;
        memmove(block + skip, block + writer->skip, (size_t)writer->position);
        writer->skip = skip;
    }
    return RECS_OK;
}

/* Reserved before. */
static recs_status put(recs_writer *writer, const void *bytes, size_t size, recs_error *error) {
    if (size == 0)
        return RECS_OK;
    if (writer->path != NULL) {
        recs_status status = recs__file_write(writer->file, bytes, size, error);
        if (status != RECS_OK) {
            writer->state = FAILED;
            return status;
        }
    } else {
        memcpy((unsigned char *)writer->block + writer->skip + writer->position, bytes, size);
    }
    writer->position += size;
    return RECS_OK;
}

static recs_status pad(recs_writer *writer, recs_error *error) {
    return put(writer, zeros, (size_t)(-writer->position % RECS__FILE_ALIGN), error);
}

/* ---- create and destroy ------------------------------------------------------------ */

recs_status recs_writer_create(recs_writer **writer, const char *path, const recs_host *host,
                               recs_error *error) {
    if (writer == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "writer is NULL, expected where to put it");
    *writer = NULL;
    recs_host resolved;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status != RECS_OK)
        return status;
    recs_writer *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    made->hash = recs__alloc_aligned(&resolved, 1, sizeof *made->hash, error);
    if (made->hash == NULL)
        status = RECS_ERR_MEMORY;
    if (status == RECS_OK && path != NULL) {
        made->path = recs__copy_text(&resolved, path, error);
        status = made->path == NULL ? RECS_ERR_MEMORY
                                    : recs__file_create(&made->file, path, &resolved, error);
    }
    if (status == RECS_OK)
        status = reserve(made, RECS__FILE_ALIGN, error);
    if (status == RECS_OK)
        status = put(made, zeros, sizeof(recs__file_header), error);
    if (status != RECS_OK) {
        recs_writer_destroy(made);
        return status;
    }
    *writer = made;
    return RECS_OK;
}

void recs_writer_destroy(recs_writer *writer) {
    if (writer == NULL)
        return;
    recs_host host = writer->host;
    if (writer->file != NULL)
        recs__file_abandon(writer->file);
    recs__free(&host, writer->path);
    recs__free(&host, writer->block);
    recs__free(&host, writer->table);
    recs__free_aligned(&host, writer->hash);
    recs__free(&host, writer);
}

/* ---- sections ---------------------------------------------------------------------- */

static recs_status check_state(const recs_writer *writer, writer_state wanted, const char *call,
                               recs_error *error) {
    static const char *const states[] = {"between sections", "inside a section", "finished",
                                         "failed"};
    if (writer->state == wanted)
        return RECS_OK;
    return recs__fail(error, RECS_ERR_STATE, "%s: the writer is %s, expected %s", call,
                      states[writer->state], states[wanted]);
}

/* All that can be wrong before a byte is written; makes room in the table. */
static recs_status check_section(recs_writer *writer, uint32_t type, uint32_t component,
                                 uint32_t flags, uint32_t flags_allowed, recs_error *error) {
    if ((flags & ~flags_allowed) != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "section %s: flags 0x%X, expected a combination of 0x%X",
                          recs__section_label(type), flags, flags_allowed);
    for (uint32_t i = 0; i < writer->count; i++) {
        if (writer->table[i].type != type || writer->table[i].component != component)
            continue;
        char place[RECS__SECTION_PLACE];
        recs__section_place(type, component, place);
        return recs__fail(error, RECS_ERR_ARGUMENT, "section %s is written twice", place);
    }
    if (writer->count == RECS__FILE_SECTIONS_MAX)
        return recs__fail(error, RECS_ERR_LIMIT, "more than %d sections",
                          RECS__FILE_SECTIONS_MAX);
    void *table = writer->table;
    recs_status status = recs__grow(&writer->host, &table, &writer->table_capacity,
                                    (size_t)writer->count + 1, sizeof *writer->table, error);
    writer->table = table;
    return status;
}

recs_status recs_writer_section(recs_writer *writer, uint32_t type, uint32_t component,
                                uint32_t flags, const void *bytes, size_t size,
                                recs_error *error) {
    const uint32_t known = RECS_SECTION_CRITICAL | RECS_SECTION_COMPRESS | RECS_SECTION_TRUSTED;
    recs_status status = check_state(writer, READY, "recs_writer_section", error);
    if (status == RECS_OK && bytes == NULL && size != 0)
        status = recs__fail(error, RECS_ERR_ARGUMENT, "section %s: bytes is NULL and size %zu",
                            recs__section_label(type), size);
    if (status == RECS_OK)
        status = check_section(writer, type, component, flags, known, error);
    if (status != RECS_OK)
        return status;

    recs__file_section section = {.type = type,
                                  .component = component,
                                  .flags = flags & ~RECS_SECTION_COMPRESS,
                                  .raw_size = size};
    void *packed = NULL;
    size_t packed_size = 0;
    if ((flags & RECS_SECTION_COMPRESS) != 0) {
        status = recs__deflate(&writer->host, bytes, size, &packed, &packed_size, error);
        if (status != RECS_OK)
            return status;
    }
    if (packed != NULL) {
        section.codec = RECS__CODEC_ZSTD;
        bytes = packed;
        size = packed_size;
    }
    section.size = size;
    section.checksum = recs__hash(bytes, size);
    status = reserve(writer, (uint64_t)size + RECS__FILE_ALIGN, error);
    if (status == RECS_OK)
        status = pad(writer, error);
    section.offset = writer->position;
    if (status == RECS_OK)
        status = put(writer, bytes, size, error);
    recs__free(&writer->host, packed);
    if (status == RECS_OK)
        writer->table[writer->count++] = section;
    return status;
}

recs_status recs_writer_item_codes(recs_writer *writer, uint32_t component, const void *factors,
                                   int32_t halves, uint32_t items, uint32_t dims,
                                   recs_error *error) {
    recs_status status = check_state(writer, READY, "recs_writer_item_codes", error);
    if (status != RECS_OK)
        return status;
    if (dims == 0 || dims > RECS__FILE_FACTORS_MAX || items > INT32_MAX || halves < 0 ||
        halves > 1 || (factors == NULL && items != 0))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "codes of %u items, %u dimensions, halves %d%s: expected up to 2147483647 "
                          "items, 1 to %d dimensions, halves 0 or 1, and factors",
                          items, dims, halves, factors == NULL ? ", no factors" : "",
                          RECS__FILE_FACTORS_MAX);
    if (items < RECS__CODES_ROWS_LEAST)
        return RECS_OK;
    recs__stored stored = {.values = factors,
                           .type = halves ? RECS__STORED_HALF : RECS__STORED_FLOAT,
                           .rows = items,
                           .dims = dims,
                           .stride = ((size_t)dims + 15) / 16 * 16};
    uint64_t size = recs__codes_size(items, dims);
    if (size > SIZE_MAX)
        return recs__fail_memory(error, SIZE_MAX);
    void *bytes = recs__alloc_aligned(&writer->host, (size_t)size, 1, error);
    if (bytes == NULL)
        return RECS_ERR_MEMORY;
    recs_error refused;
    status = recs__codes_build(&stored, &writer->host, bytes, &refused);
    if (status == RECS_OK)
        status = recs_writer_section(writer, RECS_SECTION_ITEM_CODES, component, 0, bytes,
                                     (size_t)size, error);
    else if (status == RECS_ERR_NUMERIC)
        status = RECS_OK; /* searched without */
    else if (error != NULL)
        *error = refused;
    recs__free_aligned(&writer->host, bytes);
    return status;
}

recs_status recs_writer_begin(recs_writer *writer, uint32_t type, uint32_t component,
                              uint32_t flags, recs_error *error) {
    recs_status status = check_state(writer, READY, "recs_writer_begin", error);
    if (status == RECS_OK)
        status = check_section(writer, type, component, flags,
                               RECS_SECTION_CRITICAL | RECS_SECTION_TRUSTED, error);
    if (status == RECS_OK)
        status = reserve(writer, RECS__FILE_ALIGN, error);
    if (status == RECS_OK)
        status = pad(writer, error);
    if (status != RECS_OK)
        return status;
    writer->open = (recs__file_section){
        .type = type, .component = component, .flags = flags, .offset = writer->position};
    recs__hash_begin(writer->hash);
    writer->state = INSIDE;
    return RECS_OK;
}

recs_status recs_writer_append(recs_writer *writer, const void *bytes, size_t size,
                               recs_error *error) {
    recs_status status = check_state(writer, INSIDE, "recs_writer_append", error);
    if (status == RECS_OK && bytes == NULL && size != 0)
        status = recs__fail(error, RECS_ERR_ARGUMENT, "section %s: bytes is NULL and size %zu",
                            recs__section_label(writer->open.type), size);
    if (status == RECS_OK)
        status = reserve(writer, size, error);
    if (status == RECS_OK)
        status = put(writer, bytes, size, error);
    if (status == RECS_OK && size != 0)
        recs__hash_add(writer->hash, bytes, size);
    return status;
}

recs_status recs_writer_end(recs_writer *writer, recs_error *error) {
    recs_status status = check_state(writer, INSIDE, "recs_writer_end", error);
    if (status != RECS_OK)
        return status;
    writer->open.size = writer->position - writer->open.offset;
    writer->open.raw_size = writer->open.size;
    writer->open.checksum = recs__hash_end(writer->hash);
    writer->table[writer->count++] = writer->open;
    writer->state = READY;
    return RECS_OK;
}

/* ---- finish ------------------------------------------------------------------------- */

static recs_status put_table(recs_writer *writer, recs__file_header *header, recs_error *error) {
    size_t size = writer->count * sizeof *writer->table;
    recs_status status = reserve(writer, (uint64_t)size + RECS__FILE_ALIGN, error);
    if (status == RECS_OK)
        status = pad(writer, error);
    if (status != RECS_OK)
        return status;
    memset(header, 0, sizeof *header);
    memcpy(header->magic, RECS__FILE_MAGIC, sizeof header->magic);
    header->version_major = RECS__FILE_VERSION_MAJOR;
    header->version_minor = RECS__FILE_VERSION_MINOR;
    header->section_count = writer->count;
    header->table_offset = writer->position;
    header->table_checksum = recs__hash(writer->table, size);
    header->fingerprint =
        recs__table_fingerprint(writer->table, writer->count, writer->hash);
    status = put(writer, writer->table, size, error);
    header->file_size = writer->position;
    header->header_checksum =
        recs__hash(header, sizeof *header - sizeof header->header_checksum);
    return status;
}

/* A file just written is our own: it may be compressed and is trusted. */
static recs_open_options own_options(void) {
    return (recs_open_options){
        .struct_size = sizeof(recs_open_options), .inflate = 1, .trusted = 1};
}

static recs_status finish_file(recs_writer *writer, const recs__file_header *header,
                               recs_model **model, recs_error *error) {
    recs_status status = recs__file_patch(writer->file, 0, header, sizeof *header, error);
    if (status == RECS_OK)
        status = recs__file_commit(writer->file, error);
    if (status != RECS_OK) {
        writer->state = FAILED;
        return status;
    }
    writer->file = NULL;
    writer->state = DONE;
    if (model == NULL)
        return RECS_OK;
    recs_open_options options = own_options();
    return recs_model_open(model, writer->path, &options, &writer->host, error);
}

static recs_status finish_memory(recs_writer *writer, const recs__file_header *header,
                                 recs_model **model, recs_error *error) {
    unsigned char *bytes = (unsigned char *)writer->block + writer->skip;
    memcpy(bytes, header, sizeof *header);
    recs__image image = {.bytes = bytes, .size = writer->position, .plain = writer->block};
    recs_open_options options = own_options();
    recs_status status = recs__model_adopt(model, &image, &options, &writer->host, error);
    writer->state = status == RECS_OK ? DONE : FAILED;
    if (status == RECS_OK)
        writer->block = NULL;
    return status;
}

recs_status recs_writer_finish(recs_writer *writer, recs_model **model, recs_error *error) {
    if (model != NULL)
        *model = NULL;
    recs_status status = check_state(writer, READY, "recs_writer_finish", error);
    if (status == RECS_OK && writer->path == NULL && model == NULL)
        status = recs__fail(error, RECS_ERR_ARGUMENT,
                            "model is NULL and there is no path: the work would be lost");
    if (status != RECS_OK)
        return status;
    recs__file_header header;
    status = put_table(writer, &header, error);
    if (status != RECS_OK) {
        writer->state = FAILED;
        return status;
    }
    return writer->path != NULL ? finish_file(writer, &header, model, error)
                                : finish_memory(writer, &header, model, error);
}

/* ---- a whole model ---------------------------------------------------------------------- */

recs_status recs_model_write(const recs_model *model, const char *path, recs_error *error) {
    if (path == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "path is NULL");
    recs__file_writer *file = NULL;
    recs_status status = recs__file_create(&file, path, &model->host, error);
    if (status != RECS_OK)
        return status;
    status = recs__file_write(file, model->image.bytes, (size_t)model->image.size, error);
    if (status == RECS_OK)
        status = recs__file_commit(file, error);
    if (status != RECS_OK)
        recs__file_abandon(file);
    return status;
}
