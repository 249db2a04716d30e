/* format.h - the fixed-width structures of a model file, as in
 * docs/model-format.md. Little-endian; every section starts at a multiple of
 * 64 bytes; gaps are zero.
 *
 *   0     recs__file_header, 64 bytes
 *   64    sections in the order they were written, each padded to 64
 *   …     section table: recs__file_section[section_count]
 *
 * Invariants
 *   1. header.table_checksum is the hash of the table's bytes,
 *      header.header_checksum that of the header's bytes before it.
 *   2. No two sections overlap each other, the header or the table; all end
 *      at or before file_size, which is the size of the file.
 *   3. (type, component) is unique.
 *   4. A reader refuses an unknown type with the critical flag and skips any
 *      other unknown type.
 *   5. fingerprint is the hash of the table with every offset taken as 0.
 *   6. Bytes that no section, nor header nor table, holds are zero. */
#ifndef RECS_MODEL_FORMAT_H
#define RECS_MODEL_FORMAT_H

#include <stdint.h>

#define RECS__FILE_MAGIC "\x89RECS\r\n\x1a" /* 8 bytes: text-mode damage shows */
#define RECS__FILE_VERSION_MAJOR 1
#define RECS__FILE_VERSION_MINOR 0
#define RECS__FILE_ALIGN 64
#define RECS__FILE_SECTIONS_MAX 4096

typedef struct recs__file_header {
    unsigned char magic[8];
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t section_count;
    uint64_t file_size;
    uint64_t table_offset;
    uint64_t fingerprint;
    uint64_t table_checksum;
    uint64_t reserved;
    uint64_t header_checksum; /* of the 56 bytes before it */
} recs__file_header;

/* Limits a reader enforces, so that a hostile file cannot make it work or
 * allocate without bound. */
#define RECS__FILE_COMPONENTS_MAX 1024
#define RECS__FILE_COLUMNS_MAX 1024
#define RECS__FILE_TERMS_MAX 65536
#define RECS__FILE_FACTORS_MAX 4096
#define RECS__FILE_DIMENSION_MAX 65536
#define RECS__FILE_TEXT_MAX 65536 /* DESCRIPTION, SETTINGS, EVENT_TYPES */
/* Scores a blend adds up when blends in it are written out. */
#define RECS__FILE_BLEND_MAX 4096
#define RECS__FILE_RAW_MAX (UINT64_C(1) << 40)

#define RECS__CODEC_NONE 0
#define RECS__CODEC_ZSTD 1

typedef struct recs__file_section {
    uint32_t type;      /* recs_section of recs/writer.h            */
    uint32_t component; /* or column; UINT32_MAX: the whole model   */
    uint32_t flags;     /* RECS_SECTION_CRITICAL, _TRUSTED; others ignored */
    uint32_t codec;
    uint64_t offset;
    uint64_t size;      /* bytes stored                             */
    uint64_t raw_size;  /* bytes after inflating; size without codec */
    uint64_t checksum;  /* of the bytes stored                      */
    uint64_t reserved[2];
} recs__file_section;

#define RECS__USERS_NONE 0
#define RECS__USERS_HASHED 1
#define RECS__USERS_FULL 2

typedef struct recs__file_meta {
    uint32_t items;
    uint32_t users; /* stored */
    uint64_t history_entries;
    int64_t first_time;
    int64_t last_time;
    uint32_t users_mode;
    uint32_t components;
    uint32_t columns;
    uint32_t terms;
    uint64_t trained_users; /* users (units) trained on, stored or not */
    uint64_t trained_interactions;
    uint32_t reserved[16];
} recs__file_meta; /* 128 bytes */

typedef enum recs__kind {
    RECS__KIND_POPULAR = 1, /* COMPONENT_SCORES                                  */
    RECS__KIND_FACTORS = 2, /* ITEM_FACTORS, ITEM_NORMS, GRAM, USER_FACTORS      */
    RECS__KIND_ITEMS = 3,   /* NEIGHBOR_*, and with factors ITEM_FACTORS and
                               HISTORY_FACTORS or _SCALES: history x (W + U V^T)  */
    RECS__KIND_BLEND = 4,   /* TERMS                                             */
    RECS__KIND_USERS = 5,   /* ROW_*, POSTING_*, ITEM_WEIGHTS: nearest users     */
    RECS__KIND_TRENDS = 6,  /* TREND_*: counts by place when the log ended       */
    RECS__KIND_VECTORS = 7  /* VECTORS, VECTOR_*: content                        */
} recs__kind;

typedef struct recs__file_component {
    char name[64];     /* NUL-padded, unique                                      */
    char trainer[32];  /* "als", "itemknn", "popular", "blend"                    */
    uint32_t kind;
    uint32_t factors;  /* KIND_FACTORS, KIND_ITEMS (0: no low-rank part): f; stride
                          of a row = f rounded up to 16                           */
    float scale;       /* normalisation constant in a blend: recommend            */
    float scale_similar; /* the same for similar                                  */
    float alpha;       /* KIND_FACTORS: confidence of an observation is
                          1 + alpha * |value| (weight of the unobserved: 1)       */
    float regularization;
    float regularization_exponent; /* lambda_u = regularization *
                          (n_u + items_trained / alpha)^exponent; 0: constant.
                          n_u: entries of the history with value != 0             */
    uint32_t items_trained;        /* items with at least one interaction         */
    uint32_t first_term; /* KIND_BLEND: slice of the terms                        */
    uint32_t term_count;
    uint32_t rows;       /* KIND_USERS: of its matrix; _TRENDS: places; _VECTORS: those */
    uint32_t neighbors;  /* KIND_USERS: how many of the most similar rows count   */
    float asymmetry;     /* KIND_USERS: the visitor's norm to the power of 1 minus
                            this is below the line                                */
    float shrinkage;     /* KIND_USERS: added below the line                      */
    float power;         /* KIND_USERS: of a similarity                           */
    uint32_t metric;     /* KIND_VECTORS: a recs_metric; factors is the dimension */
    uint32_t storage;    /* KIND_VECTORS: a recs_vector_storage                   */
    uint32_t merge;      /* KIND_VECTORS: a recs_merge, of histories              */
    uint32_t reserved[6];
} recs__file_component; /* 192 bytes */

/* What is asked of the state of KIND_TRENDS. */
typedef struct recs__file_trend_rules {
    int64_t newest;    /* time of the newest event                             */
    double root_total; /* traffic of all places in the asked series at newest  */
    uint32_t ranking;  /* 0 popular, 1 trending, 2 new                         */
    uint32_t series;   /* of the state's half-lives and windows: what is asked */
    uint32_t reserved[26];
} recs__file_trend_rules; /* 128 bytes */

typedef struct recs__file_term {
    uint32_t component; /* lower than the blend's own index */
    float weight;
} recs__file_term;

typedef struct recs__file_column {
    char name[64];
    uint32_t type; /* recs_column_type; TEXT values are uint32 codes into the
                      dictionary, UINT32_MAX = missing; NUMBER double; TIME
                      int64; FLAG int8 */
    uint32_t dictionary; /* TEXT: entries */
    uint32_t reserved[6];
} recs__file_column; /* 96 bytes */

_Static_assert(sizeof(recs__file_header) == 64, "the header is 64 bytes");
_Static_assert(sizeof(recs__file_section) == 64, "an entry of the table is 64 bytes");
_Static_assert(sizeof(recs__file_meta) == 128, "META is 128 bytes");
_Static_assert(sizeof(recs__file_component) == 192, "a component is 192 bytes");
_Static_assert(sizeof(recs__file_trend_rules) == 128, "the rules of trends are 128 bytes");
_Static_assert(sizeof(recs__file_term) == 8, "a term is 8 bytes");
_Static_assert(sizeof(recs__file_column) == 96, "a column is 96 bytes");

#endif
