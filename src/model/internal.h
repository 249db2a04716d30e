/* internal.h - the open model as the files of this room see it. */
#ifndef RECS_MODEL_INTERNAL_H
#define RECS_MODEL_INTERNAL_H

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "model/format.h"
#include "model/model.h"
#include "recs/writer.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Where a model's bytes are and what has to be given back: at most one of
 * map, aligned (recs__free_aligned) and plain (recs__free) is set; none for
 * bytes that the caller keeps. */
typedef struct recs__image {
    const unsigned char *bytes; /* 64-byte aligned */
    uint64_t size;
    recs__map map;
    void *aligned;
    void *plain;
} recs__image;

/* Contents of one section, inflated where it is compressed. bytes NULL: the
 * section is unknown or not trusted and counts as absent. */
typedef struct recs__content {
    const unsigned char *bytes;
    uint64_t size;
    void *inflated; /* owned, or NULL */
} recs__content;

struct recs_model {
    recs_host host;
    atomic_size_t owners;
    recs__image image;
    const recs__file_header *header;
    const recs__file_section *table;
    recs__content *contents; /* [section_count], as in the table */
    uint32_t *by_key;        /* table indexes in order of (type, component) */
    uint32_t *by_offset;     /* and of offset */
    const recs__file_meta *meta;
    recs__component *components;
    recs__column *columns;
    char *texts; /* description and settings, copied to get their NUL */
    const char *description;
    recs__view view;
};

/* ---- table.c ---------------------------------------------------------------- */

/* What a section belongs to. */
typedef enum recs__scope {
    RECS__SCOPE_UNKNOWN,
    RECS__SCOPE_MODEL,
    RECS__SCOPE_COMPONENT,
    RECS__SCOPE_COLUMN
} recs__scope;

recs__scope recs__section_scope(uint32_t type);
const char *recs__section_label(uint32_t type); /* "item_ids" …; "unknown" */

/* A section as error texts name it: "history_items (type 21)", "gram (type 42) of
 * component 0", "column_values (type 61) of column 2". */
#define RECS__SECTION_PLACE 96
void recs__section_place(uint32_t type, uint32_t component, char out[RECS__SECTION_PLACE]);

/* What a probe of 01 02 03 04 reads as on this host: refuses big-endian ones. */
recs_status recs__check_byte_order(uint32_t probe, recs_error *error);
uint32_t recs__byte_order_probe(void);

/* Header, table and bounds, invariants 1 to 3 of format.h; fills header,
 * table, by_key and by_offset of a model whose image is set. O(s log s). */
recs_status recs__table_read(recs_model *model, recs_error *error);

/* Content of a section, NULL when it is absent. O(log s). */
const recs__content *recs__model_section(const recs_model *model, uint32_t type,
                                         uint32_t component);

/* Hash of a table with its offsets taken as 0. */
uint64_t recs__table_fingerprint(const recs__file_section *table, uint32_t count,
                                 recs__hash_stream *room);

/* ---- codec.c ------------------------------------------------------------------ */

/* Inflates one section into a new aligned block. CORRUPT: not zstd, or it
 * does not hold what raw_size says; LIMIT: implausibly large. */
recs_status recs__inflate(const recs_host *host, const recs__file_section *section,
                          const unsigned char *bytes, void **out, recs_error *error);

/* Compresses into a new block (free with recs__free); *out NULL and OK when
 * the result would not be smaller. */
recs_status recs__deflate(const recs_host *host, const void *bytes, size_t size, void **out,
                          size_t *out_size, recs_error *error);

/* ---- view.c --------------------------------------------------------------------- */

/* Checks sizes against META and fills meta, components, columns, texts and
 * view of a model whose contents are there. What it allocates belongs to the
 * model, on failure too. */
recs_status recs__view_build(recs_model *model, recs_error *error);

/* ---- open.c --------------------------------------------------------------------- */

/* Opens an image; on success the model owns it, on failure the caller still
 * does. host is resolved, options have every member. */
recs_status recs__model_adopt(recs_model **model, const recs__image *image,
                              const recs_open_options *options, const recs_host *host,
                              recs_error *error);
void recs__image_free(recs__image *image, const recs_host *host);

#endif
