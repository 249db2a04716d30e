/* recs/model.h - one immutable model, mapped from one .recs file.
 *
 * Caveats
 *   - Opening checks the header, the section table and all bounds, at a cost
 *     independent of the file's size; it does not read the contents.
 *     recs_model_verify does. Contents that are wrong all the same (a damaged
 *     or hostile file) give clamped or empty answers, never a crash.
 *   - A file that another process truncates while it is mapped raises SIGBUS,
 *     as every mapping does: replace models by rename, or open with
 *     RECS_LOAD_COPY.
 *   - Text returned lives with the model.
 */
#ifndef RECS_MODEL_H
#define RECS_MODEL_H

#include "recs/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recs_model recs_model;

typedef enum recs_load {
    RECS_LOAD_MAP = 0, /* map read-only: pages are shared by all processes  */
    RECS_LOAD_COPY = 1 /* read into memory of the host                      */
} recs_load;

typedef struct recs_open_options {
    size_t struct_size;
    int32_t load;    /* a recs_load                                             */
    int32_t inflate; /* 1: accept compressed sections; they become private memory */
    int32_t verify;  /* 1: recs_model_verify before returning                   */
    int32_t trusted; /* 1: sections that only a trusted file may carry are opened */
    /* above: version 0.1 */
} recs_open_options;

/* Opens a model file. options and host may be NULL.
 * NOT_FOUND: no such file. IO. CORRUPT: not a model file, truncated, or a
 * header, table or bound is wrong (the text says which). UNSUPPORTED: an
 * unknown section marked critical, a major version above ours, compressed
 * sections without inflate, a big-endian host. MEMORY. ARGUMENT: options.
 * Cost: constant. Since 0.1. */
RECS_API recs_status recs_model_open(recs_model **model, const char *path,
                                     const recs_open_options *options, const recs_host *host,
                                     recs_error *error);

/* The same from bytes the caller keeps alive and unchanged until the last
 * release. bytes must be 64-byte aligned, or options->load RECS_LOAD_COPY
 * (else ARGUMENT). Since 0.1. */
RECS_API recs_status recs_model_open_memory(recs_model **model, const void *bytes, size_t size,
                                            const recs_open_options *options,
                                            const recs_host *host, recs_error *error);

/* Counts a further owner; returns model. Any thread. Since 0.1. */
RECS_API recs_model *recs_model_retain(const recs_model *model);

/* Gives up one ownership; the last one unmaps. NULL is harmless. Since 0.1. */
RECS_API void recs_model_release(recs_model *model);

/* Writes the model to path: temporary beside it, fsync, rename, fsync of the
 * folder. An old file stays whole until then and on any failure.
 * IO (full disk, no permission …), NOT_FOUND (no such folder), MEMORY. Cost: one write. Since 0.1. */
RECS_API recs_status recs_model_write(const recs_model *model, const char *path,
                                      recs_error *error);

/* Reads everything: checksums, order of ids, offsets, rows, finite values.
 * CORRUPT names the section, the row and what is wrong. Cost: one read of
 * the file and about 2 GB/s. Since 0.1. */
RECS_API recs_status recs_model_verify(const recs_model *model, recs_error *error);

/* ---- info --------------------------------------------------------------- */

/* A number made from the content: equal files have equal ones. Rows and
 * compiled filters are valid for one fingerprint. Since 0.1. */
RECS_API uint64_t recs_model_fingerprint(const recs_model *model);
RECS_API uint64_t recs_model_size(const recs_model *model); /* bytes of the file */
RECS_API uint32_t recs_model_items(const recs_model *model);
RECS_API uint32_t recs_model_users(const recs_model *model); /* 0: none stored */
/* Entries of the stored histories: one per user, item and event type. */
RECS_API uint64_t recs_model_interactions(const recs_model *model);
/* Time of the first and last interaction trained on, or RECS_NO_TIME. */
RECS_API int64_t recs_model_first_time(const recs_model *model);
RECS_API int64_t recs_model_last_time(const recs_model *model);
/* The description the model was trained from, defaults resolved. */
RECS_API const char *recs_model_description(const recs_model *model);

/* "none", "hashed" or "full": what the file keeps of users. Hashed ids are
 * 128-bit hashes: pseudonyms, not anonymity; look-ups hash the id given. */
RECS_API const char *recs_model_users_mode(const recs_model *model);

/* Components in the order of the description; the first is the default of a
 * query. index beyond the last gives NULL. Since 0.1. */
RECS_API uint32_t recs_model_component_count(const recs_model *model);
RECS_API const char *recs_model_component_name(const recs_model *model, uint32_t index);
/* "popular", "als", "itemknn", "blend" … */
RECS_API const char *recs_model_component_kind(const recs_model *model, uint32_t index);
/* "als(factors=64, …)" with every default resolved. */
RECS_API const char *recs_model_component_settings(const recs_model *model, uint32_t index);
/* UINT32_MAX when there is none of that name. */
RECS_API uint32_t recs_model_component_find(const recs_model *model, const char *name);

/* Sections of the file, for tools. index beyond the last: name NULL. */
RECS_API uint32_t recs_model_section_count(const recs_model *model);
RECS_API const char *recs_model_section_name(const recs_model *model, uint32_t index);
RECS_API uint64_t recs_model_section_size(const recs_model *model, uint32_t index);
RECS_API uint32_t recs_model_section_component(const recs_model *model, uint32_t index);
/* Its bytes, inflated where they were compressed, and their number in *size (may
 * be NULL). NULL where it was not opened: unknown, or not trusted. Lives with
 * the model. */
RECS_API const void *recs_model_section_bytes(const recs_model *model, uint32_t index,
                                              uint64_t *size);

/* Event types by name, the shop's own included: those of the log the model was
 * trained on have numbers from RECS_EVENT_CUSTOM on, which recs_event_bit takes
 * for recs_query_exclude_seen. Name of a type, NULL when there is none; type of
 * a name ("view", "purchase", "wishlist" …), -1 when unknown. Since 0.1. */
RECS_API const char *recs_model_event_name(const recs_model *model, int32_t type);
RECS_API int32_t recs_model_event_type_of(const recs_model *model, const char *name);

/* ---- ids and rows ------------------------------------------------------- */

/* Row of an id, RECS_NO_ROW when unknown. Rows are in byte order of the ids.
 * Cost: about 20 comparisons for a million ids. Since 0.1. */
RECS_API uint32_t recs_model_item_row(const recs_model *model, const char *id);
RECS_API uint32_t recs_model_user_row(const recs_model *model, const char *id);

/* Id of a row; NULL when there is no such row. Under users=hashed a user's id
 * is the hash as 32 hexadecimal digits. */
RECS_API const char *recs_model_item_id(const recs_model *model, uint32_t row);
RECS_API const char *recs_model_user_id(const recs_model *model, uint32_t row);

/* Title of an item; NULL when it has none. */
RECS_API const char *recs_model_item_title(const recs_model *model, uint32_t row);

/* Place of an item in popularity order (0 = most popular) and its
 * popularity as the model counts it. UINT32_MAX and 0 for no such row. */
RECS_API uint32_t recs_model_item_rank(const recs_model *model, uint32_t row);
RECS_API float recs_model_item_popularity(const recs_model *model, uint32_t row);

/* ---- stored histories ----------------------------------------------------- */

/* Entries of a stored user's history, in item order; 0 for no such row.
 * One entry per item and event type; the value of the pair (positive:
 * evidence, zero: only seen, negative: disliked) is on the item's first
 * entry. index must be below the count, else row RECS_NO_ROW. Since 0.1. */
RECS_API size_t recs_model_history_count(const recs_model *model, uint32_t user_row);
RECS_API uint32_t recs_model_history_item(const recs_model *model, uint32_t user_row,
                                          size_t index);
RECS_API float recs_model_history_value(const recs_model *model, uint32_t user_row, size_t index);
RECS_API int32_t recs_model_history_type(const recs_model *model, uint32_t user_row, size_t index);
RECS_API int64_t recs_model_history_time(const recs_model *model, uint32_t user_row, size_t index);

/* ---- catalogue ------------------------------------------------------------ */

typedef enum recs_column_type {
    RECS_COLUMN_TEXT = 1,   /* dictionary-coded text                 */
    RECS_COLUMN_NUMBER = 2, /* double; NaN = missing                 */
    RECS_COLUMN_TIME = 3,   /* int64 milliseconds; RECS_NO_TIME = missing */
    RECS_COLUMN_FLAG = 4    /* 0, 1; -1 = missing                    */
} recs_column_type;

/* Columns the shop's catalogue gave: "group", "category", "brand", "price",
 * "available", "created" and its own. Since 0.1. */
RECS_API uint32_t recs_model_column_count(const recs_model *model);
RECS_API const char *recs_model_column_name(const recs_model *model, uint32_t column);
RECS_API int32_t recs_model_column_type(const recs_model *model, uint32_t column);
RECS_API uint32_t recs_model_column_find(const recs_model *model, const char *name);

/* A value; missing (see the types), or for a column of another type. */
RECS_API const char *recs_model_item_text(const recs_model *model, uint32_t column, uint32_t row);
RECS_API double recs_model_item_number(const recs_model *model, uint32_t column, uint32_t row);
RECS_API int64_t recs_model_item_time(const recs_model *model, uint32_t column, uint32_t row);
RECS_API int32_t recs_model_item_flag(const recs_model *model, uint32_t column, uint32_t row);

#ifdef __cplusplus
}
#endif

#endif /* RECS_MODEL_H */
