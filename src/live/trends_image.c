/* trends_image.c - reading a snapshot or a delta: nothing is believed.
 *
 * Operations: read, open, seal. Cost: two passes over the bytes (checksum, checks); to
 * open, a few microseconds.
 *
 * What is checked, in this order: (1) magic, version, sizes, checksums;
 * (2) every section is where and as large as its entry says, and a whole
 * number of records; (3) the description is one, in its fixed form; (4) names
 * are ids and paths, ascending; (5) nodes, cells, sums, actors and hashes
 * ascend, their counts add up, and every index, slot, time and weight is in
 * its range. */
#include "live/trends_image.h"

#include "base/hash.h"
#include "base/text.h"

#include <inttypes.h>

static const unsigned char magic[8] = {0x89, 'R', 'T', 'R', 0x0d, 0x0a, 0x1a, 0x0a};

enum {
    AT_MAJOR = 8,
    AT_KIND = 12,
    AT_SIZE = 16,
    AT_CHECK = 24,   /* of everything behind the header */
    AT_CONTENT = 32, /* of sections and newest that equal states share */
    AT_NEWEST = 40,
    AT_ACTORS_FROM = 48,
    AT_ORIGIN = 56,
    AT_FROM = 72,
    AT_TO = 80,
    AT_SECTIONS = 88,
    AT_HEADER_CHECK = 120
};

static const char *const section_name[RECS__IMAGE_SECTIONS] = {
    "description",   "item offsets", "item bytes", "path offsets", "path bytes",
    "segment offsets", "segment bytes", "nodes",   "cells",        "columns",
    "sums",          "seen",         "hashes",     "origins",      "counters",
    "bounds",        "totals",       "dropped",    "lines",        "tail",
    "ready places",  "tables",       "lists"};

size_t recs__image_record(recs__image_section section) {
    static const unsigned char size[RECS__IMAGE_SECTIONS] = {
        1, 8, 1, 8, 1, 8, 1, sizeof(recs__image_node), sizeof(recs__image_cell), 2,
        8, sizeof(recs__image_seen), 8, sizeof(recs__origin_mark), 8, 8, 8, 8, 64,
        sizeof(recs__image_tail), sizeof(recs__image_ready), 32, 4};
    return size[section];
}
_Static_assert(sizeof(recs__image_node) == 32 && sizeof(recs__image_cell) == 16 &&
                   sizeof(recs__image_seen) == 24 && sizeof(recs__origin_mark) == 24 &&
                   sizeof(recs__image_ready) == 40,
               "records of the format have no padding");

static uint32_t u32_at(const unsigned char *bytes, size_t at) {
    uint32_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

static uint64_t u64_at(const unsigned char *bytes, size_t at) {
    uint64_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

static recs_status bad(recs_error *error, const char *what, size_t at) {
    return recs__fail(error, RECS_ERR_CORRUPT, "trends snapshot: %s (record %zu)", what, at);
}

/* ---- checksums ----------------------------------------------------------------- */

/* Of the newest time and every section but origins, counters and what is only there to be
 * found soon. */
static uint64_t content_of(const unsigned char *bytes) {
    uint64_t parts[RECS__IMAGE_READY - 1], count = 0;
    for (int s = 0; s < RECS__IMAGE_READY; s++) {
        if (s == RECS__IMAGE_ORIGINS || s == RECS__IMAGE_COUNTERS)
            continue;
        size_t entry = recs__image_entry((recs__image_section)s);
        uint64_t size = u64_at(bytes, entry + 16);
        parts[count++] = recs__hash_seeded(bytes + u64_at(bytes, entry + 8), (size_t)size, size);
    }
    parts[count++] = u64_at(bytes, AT_NEWEST);
    return recs__hash(parts, (size_t)count * sizeof *parts);
}

void recs__trend_image_seal(unsigned char *bytes, size_t size) {
    uint64_t content = content_of(bytes);
    memcpy(bytes + AT_CONTENT, &content, sizeof content);
    uint64_t check = recs__hash(bytes + RECS__IMAGE_HEADER, size - RECS__IMAGE_HEADER);
    memcpy(bytes + AT_CHECK, &check, sizeof check);
    check = recs__hash(bytes, AT_HEADER_CHECK);
    memcpy(bytes + AT_HEADER_CHECK, &check, sizeof check);
}

/* ---- header and table ------------------------------------------------------------ */

static recs_status read_header(recs__trend_image *image, recs_error *error) {
    const unsigned char *b = image->bytes;
    if (image->size < recs__image_entry(RECS__IMAGE_SECTIONS) || memcmp(b, magic, 8) != 0)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "not a snapshot of trends: %zu bytes that do not begin as one",
                          image->size);
    uint16_t major;
    memcpy(&major, b + AT_MAJOR, sizeof major);
    if (u64_at(b, AT_HEADER_CHECK) != recs__hash(b, AT_HEADER_CHECK))
        return recs__fail(error, RECS_ERR_CORRUPT, "trends snapshot: the header is damaged");
    if (major != RECS__IMAGE_MAJOR)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "trends snapshot of version %u, this library reads %d", major,
                          RECS__IMAGE_MAJOR);
    image->kind = u32_at(b, AT_KIND);
    if (image->kind != RECS__IMAGE_SNAPSHOT && image->kind != RECS__IMAGE_DELTA)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "trends snapshot of kind %u, expected 1 (snapshot) or 2 (delta)",
                          image->kind);
    if (u64_at(b, AT_SIZE) != image->size)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "trends snapshot of %" PRIu64 " bytes is %zu bytes long",
                          u64_at(b, AT_SIZE), image->size);
    if (u32_at(b, AT_SECTIONS) != RECS__IMAGE_SECTIONS)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "trends snapshot with %u sections, expected %d", u32_at(b, AT_SECTIONS),
                          RECS__IMAGE_SECTIONS);
    image->newest = (int64_t)u64_at(b, AT_NEWEST);
    image->actors_from = (int64_t)u64_at(b, AT_ACTORS_FROM);
    image->content = u64_at(b, AT_CONTENT);
    memcpy(image->origin.bytes, b + AT_ORIGIN, sizeof image->origin.bytes);
    image->from = u64_at(b, AT_FROM);
    image->to = u64_at(b, AT_TO);
    if (image->newest != RECS_NO_TIME &&
        (image->newest < 0 || image->newest >= RECS__TREND_TIME_END))
        return bad(error, "the newest time is out of range", 0);
    if (image->kind == RECS__IMAGE_DELTA ? image->from >= image->to
                                         : image->from != 0 || image->to != 0)
        return bad(error, "the range of sequences is empty or not a delta's", 0);
    return RECS_OK;
}

static recs_status read_sections(recs__trend_image *image, recs_error *error) {
    size_t end = recs__image_entry(RECS__IMAGE_SECTIONS);
    for (int s = 0; s < RECS__IMAGE_SECTIONS; s++) {
        size_t entry = recs__image_entry((recs__image_section)s);
        size_t record = recs__image_record((recs__image_section)s);
        uint64_t offset = u64_at(image->bytes, entry + 8), size = u64_at(image->bytes, entry + 16);
        if (u32_at(image->bytes, entry) != (uint32_t)s + 1 ||
            u32_at(image->bytes, entry + 4) != record)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "trends snapshot: section %d is not %s of %zu bytes a record", s + 1,
                              section_name[s], record);
        if (offset < end || offset % recs__image_align((recs__image_section)s) != 0 ||
            offset > image->size ||
            size > image->size - offset || size % record != 0)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "trends snapshot: section %s at %" PRIu64 " of %" PRIu64
                              " bytes is out of place",
                              section_name[s], offset, size);
        image->section[s] = image->bytes + offset;
        image->section_size[s] = (size_t)size;
        end = (size_t)(offset + size);
    }
    return RECS_OK;
}

static size_t records(const recs__trend_image *image, recs__image_section section) {
    return image->section_size[section] / recs__image_record(section);
}

static recs_status read_counts(recs__trend_image *image, recs_error *error) {
    for (recs__image_section s = RECS__IMAGE_ITEM_OFFSETS; s <= RECS__IMAGE_SEGMENT_OFFSETS;
         s = (recs__image_section)(s + 2))
        if (records(image, s) == 0)
            return bad(error, "a table of names has no end", 0);
    image->items = records(image, RECS__IMAGE_ITEM_OFFSETS) - 1;
    image->paths = records(image, RECS__IMAGE_PATH_OFFSETS) - 1;
    image->segments = records(image, RECS__IMAGE_SEGMENT_OFFSETS) - 1;
    image->nodes = records(image, RECS__IMAGE_NODES);
    image->cells = records(image, RECS__IMAGE_CELLS);
    image->sums = records(image, RECS__IMAGE_SUMS);
    image->seen = records(image, RECS__IMAGE_SEEN);
    image->hashes = records(image, RECS__IMAGE_HASHES);
    image->origins = records(image, RECS__IMAGE_ORIGINS);
    image->words = records(image, RECS__IMAGE_LISTS);
    image->ready = records(image, RECS__IMAGE_READY) != 0;
    image->sketched = records(image, RECS__IMAGE_TAIL) != 0;
    if (image->ready && records(image, RECS__IMAGE_READY) != image->nodes)
        return bad(error, "ready places are not as many as places", 0);
    if (image->items > RECS__TREND_ITEMS || image->paths > RECS__TREND_ITEMS ||
        image->segments > RECS__TREND_ITEMS || image->nodes > RECS__TREND_ITEMS)
        return bad(error, "more names or places than there may be", 0);
    if (records(image, RECS__IMAGE_COLUMNS) != image->sums ||
        records(image, RECS__IMAGE_COUNTERS) != RECS_TRENDS_COUNTERS)
        return bad(error, "columns and sums, or counters, are not as many as they should be", 0);
    if (image->newest == RECS_NO_TIME && (image->cells | image->seen | image->hashes) != 0)
        return bad(error, "counts without a newest time", 0);
    return RECS_OK;
}

/* A state of before there was actor_share had none, and did not say so. */
static void forget_share(recs__trend_image *image, const char *text, char *fixed) {
    static const char none[] = ", actor_share=off";
    if (image->options.actors == 0 || strstr(text, "actor_share=") != NULL)
        return;
    image->options.actor_share = 0.0;
    recs__trend_options_write(&image->options, fixed);
    char *at = strstr(fixed, none);
    memmove(at, at + sizeof none - 1, strlen(at + sizeof none - 1) + 1);
}

static recs_status read_description(recs__trend_image *image, recs_error *error) {
    char text[2048], fixed[2048];
    recs_error why = {0};
    size_t size = image->section_size[RECS__IMAGE_DESCRIPTION];
    if (size >= sizeof text || memchr(image->section[RECS__IMAGE_DESCRIPTION], 0, size) != NULL)
        return bad(error, "the description is too long or holds a NUL byte", size);
    memcpy(text, image->section[RECS__IMAGE_DESCRIPTION], size);
    text[size] = '\0';
    if (recs__trend_options_read(&image->options, text, &why) != RECS_OK)
        return recs__fail(error, RECS_ERR_CORRUPT, "trends snapshot: its description: %s",
                          why.text);
    recs__trend_options_write(&image->options, fixed);
    forget_share(image, text, fixed);
    if (strcmp(text, fixed) != 0)
        return bad(error, "the description is not in its fixed form", 0);
    uint32_t newest_at;
    image->tables = image->section_size[RECS__IMAGE_TABLES] /
                    recs__trend_cell_layout(&image->options, &newest_at);
    return RECS_OK;
}

/* ---- contents ----------------------------------------------------------------------- */

static recs_status check_names(const recs__trend_image *image, recs__image_section offsets,
                               size_t count, bool paths, recs_error *error) {
    size_t room = image->section_size[offsets + 1];
    if (recs__image_u64(image, offsets, 0) != 0 || recs__image_u64(image, offsets, count) != room)
        return bad(error, "offsets of names do not span their bytes", 0);
    const char *before = NULL;
    size_t before_size = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t from = recs__image_u64(image, offsets, i);
        uint64_t to = recs__image_u64(image, offsets, i + 1);
        if (to <= from || to > room || image->section[offsets + 1][to - 1] != '\0')
            return bad(error, "an offset of a name goes back or too far, or no 0 ends it", i);
        size_t size;
        const char *text = recs__image_text(image, offsets, i, &size);
        if (paths ? recs__trend_path_problem(text, size) != NULL
                  : recs__id_problem(text, size) != NULL)
            return bad(error, "a name is none", i);
        if (before != NULL && recs__compare_ids(before, before_size, text, size) >= 0)
            return bad(error, "names do not ascend", i);
        before = text;
        before_size = size;
    }
    return RECS_OK;
}

/* Series of a column and how many slots before the newest it is. */
static bool column_alive(const recs__trend_image *image, uint16_t column) {
    const recs__trend_options *options = &image->options;
    for (uint32_t s = 0; s < options->series_count; s++) {
        const recs__trend_series *series = &options->series[s];
        if (column >= series->column && column < series->column + series->slots)
            return recs__trend_slot(series, image->newest) >= (int32_t)(column - series->column);
    }
    return false;
}

static const char *cell_problem(const recs__trend_image *image, const recs__image_cell *cell,
                                const recs__image_cell *before, size_t at, size_t left) {
    const recs__trend_series *base = &image->options.series[image->options.base];
    if ((cell->item & ~RECS__TREND_RETURNED) >= image->items)
        return "a cell's item is out of range";
    if (before != NULL && cell->item <= before->item)
        return "cells do not ascend";
    if (cell->first[0] > base->width / 1000 + 1 || cell->first[1] > base->width / 1000 + 1)
        return "a first time is outside its slot";
    if (cell->sums > left || cell->sums > image->options.columns)
        return "a cell has more sums than there are";
    if (cell->sums == 0 && cell->first[0] == 0 && cell->first[1] == 0)
        return "a cell is empty";
    for (size_t i = at; i < at + cell->sums; i++) {
        uint16_t column = recs__image_column(image, i);
        if ((i > at && column <= recs__image_column(image, i - 1)) || !column_alive(image, column))
            return "a column is out of order or range";
        if ((int64_t)recs__image_u64(image, RECS__IMAGE_SUMS, i) <= 0)
            return "a sum is not positive";
    }
    return NULL;
}

static const char *seen_problem(const recs__trend_image *image, const recs__image_seen *seen,
                                const recs__image_seen *before) {
    const recs__trend_options *options = &image->options;
    if ((seen->item & ~RECS__TREND_RETURNED) >= image->items)
        return "an actor's item is out of range";
    if (seen->actor == RECS_NO_ACTOR || seen->weight == 0 || seen->weight > 4096000000u ||
        options->actors == 0 || seen->time >= options->actors)
        return "an actor's entry is out of range";
    int64_t window = image->newest / options->actors - seen->age;
    if (seen->age >= options->actors_kept || window < 0)
        return "an actor's window is not kept";
    if (window * options->actors + seen->time > image->newest)
        return "an actor was seen after the newest event";
    if (before != NULL &&
        (seen->age > before->age ||
         (seen->age == before->age &&
          (seen->item < before->item ||
           (seen->item == before->item && seen->actor <= before->actor)))))
        return "actors do not ascend";
    return NULL;
}

/* Where the next records of a node begin. */
typedef struct place {
    size_t cell, sum, seen, hash;
} place;

static recs_status check_node(const recs__trend_image *image, const recs__image_node *node,
                              size_t index, place *at, recs_error *error) {
    if (node->cells > image->cells - at->cell || node->seen > image->seen - at->seen ||
        node->hashes[0] > RECS__TREND_SKETCH || node->hashes[1] > RECS__TREND_SKETCH ||
        node->hashes[0] + node->hashes[1] > image->hashes - at->hash)
        return bad(error, "a place has more records than there are", index);
    recs__image_cell cell, cell_before;
    for (uint64_t i = 0; i < node->cells; i++, cell_before = cell, at->sum += cell.sums) {
        cell = recs__image_cell_at(image, at->cell + i);
        const char *problem = cell_problem(image, &cell, i > 0 ? &cell_before : NULL, at->sum,
                                           image->sums - at->sum);
        if (problem != NULL)
            return bad(error, problem, at->cell + (size_t)i);
    }
    recs__image_seen seen, seen_before;
    for (uint64_t i = 0; i < node->seen; i++, seen_before = seen) {
        seen = recs__image_seen_at(image, at->seen + i);
        const char *problem = seen_problem(image, &seen, i > 0 ? &seen_before : NULL);
        if (problem != NULL)
            return bad(error, problem, at->seen + (size_t)i);
    }
    size_t hash = at->hash;
    for (int h = 0; h < 2; hash += node->hashes[h], h++)
        for (uint32_t i = 1; i < node->hashes[h]; i++)
            if (recs__image_u64(image, RECS__IMAGE_HASHES, hash + i) <=
                recs__image_u64(image, RECS__IMAGE_HASHES, hash + i - 1))
                return bad(error, "hashes of actors do not ascend", hash + i);
    at->cell += node->cells;
    at->seen += node->seen;
    at->hash = hash;
    return RECS_OK;
}

static recs_status check_nodes(const recs__trend_image *image, recs_error *error) {
    place at = {0};
    recs__image_node node, before;
    recs_status status = RECS_OK;
    for (size_t i = 0; i < image->nodes && status == RECS_OK; i++, before = node) {
        node = recs__image_node_at(image, i);
        if (node.path >= image->paths ||
            (node.segment != UINT32_MAX && node.segment >= image->segments))
            return bad(error, "a place's path or segment is out of range", i);
        if (i > 0 && (node.path < before.path ||
                      (node.path == before.path && node.segment + 1 <= before.segment + 1)))
            return bad(error, "places do not ascend", i);
        status = check_node(image, &node, i, &at, error);
    }
    if (status == RECS_OK && (at.cell != image->cells || at.sum != image->sums ||
                              at.seen != image->seen || at.hash != image->hashes))
        return bad(error, "there are more records than the places have", image->nodes);
    return status;
}

static bool is_count(float value) { return value >= 0.0f && value <= 3e38f; }

/* What a state that outgrew its budget has beside. */
static recs_status check_sketch(recs__trend_image *image, recs_error *error) {
    size_t bounds = records(image, RECS__IMAGE_BOUNDS), totals = records(image, RECS__IMAGE_TOTALS),
           dropped = records(image, RECS__IMAGE_DROPPED), tails = records(image, RECS__IMAGE_TAIL);
    image->lines = records(image, RECS__IMAGE_LINES);
    if (tails == 0) {
        if ((bounds | totals | dropped | image->lines) != 0)
            return bad(error, "estimates without a tail", 0);
        return RECS_OK;
    }
    if (tails != 1 || image->lines == 0 || bounds != image->cells || dropped != image->nodes ||
        totals != image->nodes * 2 * image->options.columns || image->seen != 0 ||
        image->options.memory == 0)
        return bad(error, "estimates are not as many as they should be", 0);
    recs__image_get(image, RECS__IMAGE_TAIL, 0, &image->tail, sizeof image->tail);
    if (image->tail.started < 0 || image->tail.started >= RECS__TREND_TIME_END ||
        image->tail.epoch < 0 || image->tail.epoch >= RECS__TREND_TIME_END)
        return bad(error, "the tail's times are out of range", 0);
    for (size_t i = 0; i < 2 * bounds; i++)
        if (!is_count(recs__image_f32(image, RECS__IMAGE_BOUNDS, i)))
            return bad(error, "a bound is no count", i / 2);
    for (size_t i = 0; i < dropped; i++)
        if (!is_count(recs__image_f32(image, RECS__IMAGE_DROPPED, 2 * i + 1)))
            return bad(error, "returns that were missed are no count", i);
    for (size_t i = 0; i < totals; i++)
        if ((int64_t)recs__image_u64(image, RECS__IMAGE_TOTALS, i) < 0)
            return bad(error, "a total is negative", i);
    return RECS_OK;
}

static recs_status check_origins(const recs__trend_image *image, recs_error *error) {
    recs__origin_mark mark, before;
    for (size_t i = 0; i < image->origins; i++, before = mark) {
        mark = recs__image_origin_at(image, i);
        if (mark.sequence == 0 ||
            (i > 0 && recs__origin_order(&before.origin, &mark.origin) >= 0))
            return bad(error, "origins do not ascend", i);
    }
    if (image->kind == RECS__IMAGE_DELTA && image->origins != 0)
        return bad(error, "a delta has origins besides its own", 0);
    return RECS_OK;
}

recs_status recs__trend_image_open(recs__trend_image *image, const void *bytes, size_t size,
                                   recs_error *error) {
    *image = (recs__trend_image){.bytes = bytes, .size = bytes == NULL ? 0 : size};
    recs_status status = read_header(image, error);
    if (status == RECS_OK)
        status = read_sections(image, error);
    if (status == RECS_OK)
        status = read_counts(image, error);
    if (status == RECS_OK)
        status = read_description(image, error);
    return status;
}

recs_status recs__trend_image_read(recs__trend_image *image, const void *bytes, size_t size,
                                   recs_error *error) {
    recs_status status = recs__trend_image_open(image, bytes, size, error);
    const unsigned char *b = image->bytes;
    if (status == RECS_OK && u64_at(b, AT_CHECK) != recs__hash(b + RECS__IMAGE_HEADER,
                                                               image->size - RECS__IMAGE_HEADER))
        status = recs__fail(error, RECS_ERR_CORRUPT,
                            "trends snapshot: the contents do not match their checksum");
    if (status == RECS_OK)
        status = check_names(image, RECS__IMAGE_ITEM_OFFSETS, image->items, false, error);
    if (status == RECS_OK)
        status = check_names(image, RECS__IMAGE_PATH_OFFSETS, image->paths, true, error);
    if (status == RECS_OK)
        status = check_names(image, RECS__IMAGE_SEGMENT_OFFSETS, image->segments, false, error);
    if (status == RECS_OK)
        status = check_nodes(image, error);
    if (status == RECS_OK)
        status = check_origins(image, error);
    if (status == RECS_OK)
        status = check_sketch(image, error);
    if (status == RECS_OK && content_of(image->bytes) != image->content)
        status = bad(error, "the checksum of the counts is not theirs", 0);
    return status;
}
