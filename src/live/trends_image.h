/* trends_image.h - a snapshot or a delta as bytes (docs/trends-format.md).
 *
 * recs__trend_image_read believes nothing: every count, order and range is
 * checked once, in one pass over the bytes, and what reads them afterwards
 * need not look again. recs__trend_image_open looks at the header, the section table
 * and the description alone, in constant time: who reads on believes nothing itself. The bytes may stand at any address; they are read where
 * they are (a mapped file), copied nowhere. */
#ifndef RECS_LIVE_TRENDS_IMAGE_H
#define RECS_LIVE_TRENDS_IMAGE_H

#include "live/origin.h"
#include "live/trends_state.h"

#include <string.h>

enum {
    RECS__IMAGE_SNAPSHOT = 1,
    RECS__IMAGE_DELTA = 2,
    RECS__IMAGE_HEADER = 128,
    RECS__IMAGE_ENTRY = 32, /* of the section table */
    RECS__IMAGE_MAJOR = 1
};

/* Sections, all there, in this order. The number is the type less one. */
typedef enum recs__image_section {
    RECS__IMAGE_DESCRIPTION,  /* text                              */
    RECS__IMAGE_ITEM_OFFSETS, /* u64[items + 1]                    */
    RECS__IMAGE_ITEM_BYTES,
    RECS__IMAGE_PATH_OFFSETS,
    RECS__IMAGE_PATH_BYTES,
    RECS__IMAGE_SEGMENT_OFFSETS,
    RECS__IMAGE_SEGMENT_BYTES,
    RECS__IMAGE_NODES,        /* recs__image_node                  */
    RECS__IMAGE_CELLS,        /* recs__image_cell                  */
    RECS__IMAGE_COLUMNS,      /* u16: of which sum                 */
    RECS__IMAGE_SUMS,         /* i64                               */
    RECS__IMAGE_SEEN,         /* recs__image_seen                  */
    RECS__IMAGE_HASHES,       /* u64                               */
    RECS__IMAGE_ORIGINS,      /* recs__origin_mark                 */
    RECS__IMAGE_COUNTERS,     /* u64[8]                            */
    RECS__IMAGE_BOUNDS,       /* f32[2] by cell; this and what follows: estimates alone */
    RECS__IMAGE_TOTALS,       /* i64[2 * columns] by node          */
    RECS__IMAGE_DROPPED,      /* u32, f32 by node                  */
    RECS__IMAGE_LINES,        /* 64 bytes                          */
    RECS__IMAGE_TAIL,         /* recs__image_tail, one or none     */
    RECS__IMAGE_READY,        /* recs__image_ready by node; this and what follows: of states that
                                 are saved alone, to be asked where they lie (trends_saved.c) */
    RECS__IMAGE_TABLES,       /* cells of recs_trends.cell_size, at a multiple of 64 */
    RECS__IMAGE_LISTS,        /* u32                               */
    RECS__IMAGE_SECTIONS
} recs__image_section;

typedef struct recs__image_node {
    uint32_t path, segment; /* segment UINT32_MAX: none                     */
    uint64_t cells, seen;   /* how many of the next are its own              */
    uint32_t hashes[2];     /* the same, of the older and the newer slot     */
} recs__image_node;

typedef struct recs__image_cell {
    uint32_t item;     /* RECS__TREND_RETURNED: its returns              */
    uint32_t first[2]; /* of the older and the newer slot, as in a cell  */
    uint32_t sums;     /* how many of the next columns and sums          */
} recs__image_cell;

typedef struct recs__image_seen {
    uint64_t actor;
    uint32_t item, weight, time;
    uint32_t age; /* windows before the newest event's */
} recs__image_seen;

/* Where a node's records are. */
typedef struct recs__image_ready {
    uint64_t cell, hash; /* first in their sections                             */
    uint64_t table;      /* first of `capacity` cells                           */
    uint64_t lists;      /* first word of its lists; UINT64_MAX: there are none */
    uint32_t capacity;   /* 0: the place shows nothing                          */
    uint32_t spare;
} recs__image_ready;

typedef struct recs__image_tail {
    int64_t started, epoch;
    uint64_t halvings;
} recs__image_tail;

typedef struct recs__trend_image {
    const unsigned char *bytes;
    size_t size;
    uint32_t kind;
    int64_t newest;      /* RECS_NO_TIME: nothing was counted              */
    int64_t actors_from; /* oldest window an actor was counted in, or none */
    uint64_t content;    /* checksum of what two equal states share        */
    recs__origin origin; /* delta: whose, and its events (from, to]        */
    uint64_t from, to;
    bool sketched; /* of a state that outgrew its budget */
    recs__image_tail tail;
    recs__trend_options options;
    const unsigned char *section[RECS__IMAGE_SECTIONS];
    size_t section_size[RECS__IMAGE_SECTIONS];
    size_t items, paths, segments, nodes, cells, sums, seen, hashes, origins, lines;
    size_t tables, words; /* cells of tables; words of lists */
    bool ready;
} recs__trend_image;

#define RECS__IMAGE_NO_ACTORS INT64_MAX

/* CORRUPT (damaged, or not a snapshot), UNSUPPORTED (a newer version), each
 * naming what was found where. */
recs_status recs__trend_image_read(recs__trend_image *image, const void *bytes, size_t size,
                                   recs_error *error);

recs_status recs__trend_image_open(recs__trend_image *image, const void *bytes, size_t size,
                                   recs_error *error);
/* Bytes of a cell and where in it newest[] begins, by what is counted. */
uint32_t recs__trend_cell_layout(const recs__trend_options *options, uint32_t *newest_at);

/* Checksums of a whole image, which is written last: content first. */
void recs__trend_image_seal(unsigned char *bytes, size_t size);
/* First byte of a section's entry in the table. */
static inline size_t recs__image_entry(recs__image_section section) {
    return RECS__IMAGE_HEADER + (size_t)section * RECS__IMAGE_ENTRY;
}
size_t recs__image_record(recs__image_section section);
/* What its offset is a multiple of. */
static inline size_t recs__image_align(recs__image_section section) {
    return section == RECS__IMAGE_TABLES ? 64 : 8;
}

/* Record `index` of a section, copied out. */
static inline void recs__image_get(const recs__trend_image *image, recs__image_section section,
                                   size_t index, void *out, size_t size) {
    memcpy(out, image->section[section] + index * size, size);
}
static inline recs__image_node recs__image_node_at(const recs__trend_image *image, size_t i) {
    recs__image_node node;
    recs__image_get(image, RECS__IMAGE_NODES, i, &node, sizeof node);
    return node;
}
static inline recs__image_cell recs__image_cell_at(const recs__trend_image *image, size_t i) {
    recs__image_cell cell;
    recs__image_get(image, RECS__IMAGE_CELLS, i, &cell, sizeof cell);
    return cell;
}
static inline recs__image_seen recs__image_seen_at(const recs__trend_image *image, size_t i) {
    recs__image_seen seen;
    recs__image_get(image, RECS__IMAGE_SEEN, i, &seen, sizeof seen);
    return seen;
}
static inline recs__origin_mark recs__image_origin_at(const recs__trend_image *image, size_t i) {
    recs__origin_mark mark;
    recs__image_get(image, RECS__IMAGE_ORIGINS, i, &mark, sizeof mark);
    return mark;
}
static inline uint64_t recs__image_u64(const recs__trend_image *image,
                                       recs__image_section section, size_t i) {
    uint64_t value;
    recs__image_get(image, section, i, &value, sizeof value);
    return value;
}
static inline float recs__image_f32(const recs__trend_image *image, recs__image_section section,
                                    size_t i) {
    float value;
    recs__image_get(image, section, i, &value, sizeof value);
    return value;
}
static inline uint16_t recs__image_column(const recs__trend_image *image, size_t i) {
    uint16_t column;
    recs__image_get(image, RECS__IMAGE_COLUMNS, i, &column, sizeof column);
    return column;
}

static inline recs__image_ready recs__image_ready_at(const recs__trend_image *image, size_t i) {
    recs__image_ready ready;
    recs__image_get(image, RECS__IMAGE_READY, i, &ready, sizeof ready);
    return ready;
}
static inline uint32_t recs__image_word(const recs__trend_image *image, size_t i) {
    uint32_t word;
    recs__image_get(image, RECS__IMAGE_LISTS, i, &word, sizeof word);
    return word;
}

/* Text i of one of the three tables of names; of an image that was read. */
static inline const char *recs__image_text(const recs__trend_image *image,
                                           recs__image_section offsets, size_t i, size_t *size) {
    uint64_t from = recs__image_u64(image, offsets, i);
    *size = (size_t)(recs__image_u64(image, offsets, i + 1) - from) - 1; /* a 0 ends it */
    return (const char *)(image->section[offsets + 1] + from);
}

#endif
