/* recs/writer.h - making a model file, section by section.
 *
 * For trainers and importers; a host that serves never needs it. What each
 * section holds is in docs/model-format.md. Sections may come in any order;
 * the same sections in the same order give the same bytes.
 */
#ifndef RECS_WRITER_H
#define RECS_WRITER_H

#include "recs/base.h"
#include "recs/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum recs_section {
    RECS_SECTION_META = 1,        /* counts and first and last time, 128 bytes; required */
    RECS_SECTION_DESCRIPTION = 2, /* text, no NUL                                     */
    RECS_SECTION_COMPONENTS = 3,  /* 192-byte records                                 */
    RECS_SECTION_TERMS = 4,       /* terms of blends: { uint32 component, float weight } */
    RECS_SECTION_SETTINGS = 5,    /* text, one per component                          */
    RECS_SECTION_EVENT_TYPES = 6, /* names of the shop's own types, NUL after each    */

    RECS_SECTION_ITEM_ID_OFFSETS = 10, /* uint64 [items + 1]; each id ends in a NUL   */
    RECS_SECTION_ITEM_ID_BYTES = 11,
    RECS_SECTION_TITLE_OFFSETS = 12, /* uint64 [items + 1]; each title ends in a NUL; empty
                                      or without bytes at all = no title            */
    RECS_SECTION_TITLE_BYTES = 13,
    RECS_SECTION_USER_ID_OFFSETS = 14, /* uint64 [users + 1]                          */
    RECS_SECTION_USER_ID_BYTES = 15,

    RECS_SECTION_HISTORY_OFFSETS = 20, /* uint64 [users + 1]                          */
    RECS_SECTION_HISTORY_ITEMS = 21,   /* uint32, ascending within a user             */
    RECS_SECTION_HISTORY_VALUES = 22,  /* float                                       */
    RECS_SECTION_HISTORY_TYPES = 23,   /* uint8; absent: all RECS_EVENT_VIEW          */
    RECS_SECTION_HISTORY_TIMES = 24,   /* int64; absent: none has a time              */

    RECS_SECTION_POPULAR_ORDER = 30,  /* uint32 [items], most popular first           */
    RECS_SECTION_POPULAR_SCORES = 31, /* float [items]                                */

    RECS_SECTION_ITEM_FACTORS = 40, /* float [items][stride]                          */
    RECS_SECTION_USER_FACTORS = 41, /* float [users][stride]                          */
    RECS_SECTION_GRAM = 42,         /* float [factors], the diagonal of the Gram      */
    RECS_SECTION_ITEM_NORMS = 43,   /* float [items], euclidean                       */
    RECS_SECTION_HISTORY_FACTORS = 44, /* float [items][stride]: item models, the side
                                      of the history; critical                      */
    RECS_SECTION_HISTORY_SCALES = 45,  /* float [items]: instead of 44, the history's
                                      side is item factors times these; critical    */

    RECS_SECTION_ITEM_HALVES = 46,  /* bfloat16 [items][stride], instead of 40; mark it and 47
                                      CRITICAL                                   */
    RECS_SECTION_USER_HALVES = 47,  /* bfloat16 [users][stride], instead of 41    */

    RECS_SECTION_NEIGHBOR_OFFSETS = 50, /* uint64 [items + 1]                         */
    RECS_SECTION_NEIGHBOR_ITEMS = 51,   /* uint32, ascending within a row             */
    RECS_SECTION_NEIGHBOR_VALUES = 52,  /* float                                      */

    RECS_SECTION_COMPONENT_SCORES = 55, /* float [items]: a popularity component      */

    RECS_SECTION_COLUMNS = 60,        /* 96-byte records                              */
    RECS_SECTION_COLUMN_VALUES = 61,  /* by the column's type; component = column     */
    RECS_SECTION_COLUMN_OFFSETS = 62, /* text dictionary: uint64 [entries + 1]        */
    RECS_SECTION_COLUMN_BYTES = 63,

    /* User neighbours: rows are users or baskets, nobody says whose.               */
    RECS_SECTION_ROW_OFFSETS = 70,     /* uint64 [rows + 1]                          */
    RECS_SECTION_ROW_ITEMS = 71,       /* uint32, ascending within a row             */
    RECS_SECTION_ROW_VALUES = 72,      /* float: what the row adds to the item       */
    RECS_SECTION_POSTING_OFFSETS = 73, /* uint64 [items + 1]                         */
    RECS_SECTION_POSTING_ROWS = 74,    /* uint32, ascending within an item           */
    RECS_SECTION_POSTING_VALUES = 75,  /* float: what the item speaks for the row    */
    RECS_SECTION_ROW_NORMS = 76,       /* float [rows]                               */
    RECS_SECTION_ITEM_WEIGHTS = 77,    /* float [items]                              */

    RECS_SECTION_ITEM_CODES = 78, /* the quantised copy of 40 or 46: recs_writer_item_codes */

    /* Vectors of items (content); stride: the dimension rounded up to 16.          */
    RECS_SECTION_VECTORS = 80,         /* [vectors][stride] float, float16, bfloat16 or int8 */
    RECS_SECTION_VECTOR_SCALES = 81,   /* float [vectors], of int8                   */
    RECS_SECTION_VECTOR_NORMS = 82,    /* float [vectors], euclidean, of the decoded */
    RECS_SECTION_VECTOR_ITEMS = 83,    /* uint32 [vectors], ascending rows of items; absent: all */
    RECS_SECTION_VECTOR_INDEX = 84,    /* a backend's bytes; TRUSTED                 */
    RECS_SECTION_VECTOR_INDEX_TEXT = 85, /* name and version of the backend that made 84
                                        (empty: none did) and its description, NUL after each */
    RECS_SECTION_VECTOR_CODES = 86,    /* the quantised copy (docs/model-format.md)  */

    /* Trends by place, frozen: rows are places, the root first, then by path. */
    RECS_SECTION_TREND_RULES = 100,        /* one record of 128 bytes                */
    RECS_SECTION_TREND_STATE = 101,        /* bytes of recs_trends_freeze            */
    RECS_SECTION_TREND_ROWS = 102          /* uint32 [rows]: of the state's items, ascending */
} recs_section;

/* Section belongs to the model, not to one component or column. */
#define RECS_SECTION_MODEL UINT32_MAX

/* Flags of a section. */
#define RECS_SECTION_CRITICAL UINT32_C(1) /* a reader that does not know it must refuse */
#define RECS_SECTION_COMPRESS UINT32_C(2) /* store with zstd when that is smaller       */
#define RECS_SECTION_TRUSTED UINT32_C(4)  /* only a trusted file's is opened            */

typedef struct recs_writer recs_writer;

/* path NULL: into memory. Otherwise a temporary beside path, renamed by
 * finish. Errors as in recs_model_write. Since 0.1. */
RECS_API recs_status recs_writer_create(recs_writer **writer, const char *path,
                                        const recs_host *host, recs_error *error);

/* One whole section. component: index of the component or column, or
 * RECS_SECTION_MODEL. ARGUMENT: the same type and component twice; unknown
 * flags. LIMIT: more than 4,096 sections. Since 0.1. */
RECS_API recs_status recs_writer_section(recs_writer *writer, uint32_t type, uint32_t component,
                                         uint32_t flags, const void *bytes, size_t size,
                                         recs_error *error);

/* The section RECS_SECTION_ITEM_CODES of a component with factors (kind 2): the
 * quantised copy of its item factors, which makes exact answers three times as
 * fast and more, and without which they are the same. factors: [items][stride],
 * stride = dims rounded up to 16, float, or bfloat16 where halves is 1. Nothing is
 * written, and the call succeeds, for fewer than 2,048 items and for factors that
 * can have no copy (not finite, or longer than 1e18). The bytes depend on the
 * factors alone. Cost: 4 ns a number, on the host's executor; dims + 8 bytes an
 * item, in memory meanwhile and in the file. ARGUMENT: dims 0 or above 4,096,
 * items above 2^31 - 1, halves not 0 or 1; and as recs_writer_section. Since 0.1. */
RECS_API recs_status recs_writer_item_codes(recs_writer *writer, uint32_t component,
                                            const void *factors, int32_t halves, uint32_t items,
                                            uint32_t dims, recs_error *error);

/* A section in parts, for what does not fit in memory (COMPRESS is ARGUMENT
 * here). begin, any number of append, end. Since 0.1. */
RECS_API recs_status recs_writer_begin(recs_writer *writer, uint32_t type, uint32_t component,
                                       uint32_t flags, recs_error *error);
RECS_API recs_status recs_writer_append(recs_writer *writer, const void *bytes, size_t size,
                                        recs_error *error);
RECS_API recs_status recs_writer_end(recs_writer *writer, recs_error *error);

/* Writes table and header and ends the writer's work: makes the file, or the
 * model in memory. model: NULL for "do not open"; required without a path
 * (ARGUMENT). Otherwise the model is opened as trusted, compressed sections
 * inflated. Errors: IO, MEMORY; CORRUPT: the sections do not make a model. A
 * failure to write replaced nothing; a file that was written and then could
 * not be opened stays. Only destroy may follow. Since 0.1. */
RECS_API recs_status recs_writer_finish(recs_writer *writer, recs_model **model,
                                        recs_error *error);

/* Frees the writer; removes the temporary when finish did not succeed.
 * NULL is harmless. Since 0.1. */
RECS_API void recs_writer_destroy(recs_writer *writer);

#ifdef __cplusplus
}
#endif

#endif /* RECS_WRITER_H */
