/* table.c - header and section table: what a file says it holds and where.
 *
 * Operations: recs__table_read, O(s log s) for s <= 4096 sections and
 * independent of the file's size; recs__model_section O(log s); section names
 * and scopes, constant.
 *
 * Invariants established by a successful read (numbers as in format.h)
 *   1. both checksums match;
 *   2. every section and the table lie inside the file, 64-byte aligned, and
 *      no two of them overlap;
 *   3. (type, component) is unique, so by_key can be searched. */
#include "base/checked.h"
#include "model/internal.h"

#include <stdio.h>
#include <string.h>

/* ---- kinds of sections --------------------------------------------------------- */

static const struct {
    uint32_t type;
    recs__scope scope;
    const char *label;
} kinds[] = {
    {RECS_SECTION_META, RECS__SCOPE_MODEL, "meta"},
    {RECS_SECTION_DESCRIPTION, RECS__SCOPE_MODEL, "description"},
    {RECS_SECTION_COMPONENTS, RECS__SCOPE_MODEL, "components"},
    {RECS_SECTION_TERMS, RECS__SCOPE_MODEL, "terms"},
    {RECS_SECTION_SETTINGS, RECS__SCOPE_COMPONENT, "settings"},
    {RECS_SECTION_EVENT_TYPES, RECS__SCOPE_MODEL, "event_types"},
    {RECS_SECTION_ITEM_ID_OFFSETS, RECS__SCOPE_MODEL, "item_id_offsets"},
    {RECS_SECTION_ITEM_ID_BYTES, RECS__SCOPE_MODEL, "item_id_bytes"},
    {RECS_SECTION_TITLE_OFFSETS, RECS__SCOPE_MODEL, "title_offsets"},
    {RECS_SECTION_TITLE_BYTES, RECS__SCOPE_MODEL, "title_bytes"},
    {RECS_SECTION_USER_ID_OFFSETS, RECS__SCOPE_MODEL, "user_id_offsets"},
    {RECS_SECTION_USER_ID_BYTES, RECS__SCOPE_MODEL, "user_id_bytes"},
    {RECS_SECTION_HISTORY_OFFSETS, RECS__SCOPE_MODEL, "history_offsets"},
    {RECS_SECTION_HISTORY_ITEMS, RECS__SCOPE_MODEL, "history_items"},
    {RECS_SECTION_HISTORY_VALUES, RECS__SCOPE_MODEL, "history_values"},
    {RECS_SECTION_HISTORY_TYPES, RECS__SCOPE_MODEL, "history_types"},
    {RECS_SECTION_HISTORY_TIMES, RECS__SCOPE_MODEL, "history_times"},
    {RECS_SECTION_POPULAR_ORDER, RECS__SCOPE_MODEL, "popular_order"},
    {RECS_SECTION_POPULAR_SCORES, RECS__SCOPE_MODEL, "popular_scores"},
    {RECS_SECTION_ITEM_FACTORS, RECS__SCOPE_COMPONENT, "item_factors"},
    {RECS_SECTION_USER_FACTORS, RECS__SCOPE_COMPONENT, "user_factors"},
    {RECS_SECTION_GRAM, RECS__SCOPE_COMPONENT, "gram"},
    {RECS_SECTION_ITEM_NORMS, RECS__SCOPE_COMPONENT, "item_norms"},
    {RECS_SECTION_HISTORY_FACTORS, RECS__SCOPE_COMPONENT, "history_factors"},
    {RECS_SECTION_HISTORY_SCALES, RECS__SCOPE_COMPONENT, "history_scales"},
    {RECS_SECTION_ITEM_HALVES, RECS__SCOPE_COMPONENT, "item_halves"},
    {RECS_SECTION_USER_HALVES, RECS__SCOPE_COMPONENT, "user_halves"},
    {RECS_SECTION_NEIGHBOR_OFFSETS, RECS__SCOPE_COMPONENT, "neighbor_offsets"},
    {RECS_SECTION_NEIGHBOR_ITEMS, RECS__SCOPE_COMPONENT, "neighbor_items"},
    {RECS_SECTION_NEIGHBOR_VALUES, RECS__SCOPE_COMPONENT, "neighbor_values"},
    {RECS_SECTION_COMPONENT_SCORES, RECS__SCOPE_COMPONENT, "component_scores"},
    {RECS_SECTION_COLUMNS, RECS__SCOPE_MODEL, "columns"},
    {RECS_SECTION_COLUMN_VALUES, RECS__SCOPE_COLUMN, "column_values"},
    {RECS_SECTION_COLUMN_OFFSETS, RECS__SCOPE_COLUMN, "column_offsets"},
    {RECS_SECTION_COLUMN_BYTES, RECS__SCOPE_COLUMN, "column_bytes"},
    {RECS_SECTION_ROW_OFFSETS, RECS__SCOPE_COMPONENT, "row_offsets"},
    {RECS_SECTION_ROW_ITEMS, RECS__SCOPE_COMPONENT, "row_items"},
    {RECS_SECTION_ROW_VALUES, RECS__SCOPE_COMPONENT, "row_values"},
    {RECS_SECTION_POSTING_OFFSETS, RECS__SCOPE_COMPONENT, "posting_offsets"},
    {RECS_SECTION_POSTING_ROWS, RECS__SCOPE_COMPONENT, "posting_rows"},
    {RECS_SECTION_POSTING_VALUES, RECS__SCOPE_COMPONENT, "posting_values"},
    {RECS_SECTION_ROW_NORMS, RECS__SCOPE_COMPONENT, "row_norms"},
    {RECS_SECTION_ITEM_WEIGHTS, RECS__SCOPE_COMPONENT, "item_weights"},
    {RECS_SECTION_ITEM_CODES, RECS__SCOPE_COMPONENT, "item_codes"},
    {RECS_SECTION_VECTORS, RECS__SCOPE_COMPONENT, "vectors"},
    {RECS_SECTION_VECTOR_SCALES, RECS__SCOPE_COMPONENT, "vector_scales"},
    {RECS_SECTION_VECTOR_NORMS, RECS__SCOPE_COMPONENT, "vector_norms"},
    {RECS_SECTION_VECTOR_ITEMS, RECS__SCOPE_COMPONENT, "vector_items"},
    {RECS_SECTION_VECTOR_INDEX, RECS__SCOPE_COMPONENT, "vector_index"},
    {RECS_SECTION_VECTOR_INDEX_TEXT, RECS__SCOPE_COMPONENT, "vector_index_text"},
    {RECS_SECTION_VECTOR_CODES, RECS__SCOPE_COMPONENT, "vector_codes"},
    {RECS_SECTION_TREND_RULES, RECS__SCOPE_COMPONENT, "trend_rules"},
    {RECS_SECTION_TREND_STATE, RECS__SCOPE_COMPONENT, "trend_state"},
    {RECS_SECTION_TREND_ROWS, RECS__SCOPE_COMPONENT, "trend_rows"},
};

recs__scope recs__section_scope(uint32_t type) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type)
            return kinds[i].scope;
    return RECS__SCOPE_UNKNOWN;
}

const char *recs__section_label(uint32_t type) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type)
            return kinds[i].label;
    return "unknown";
}

void recs__section_place(uint32_t type, uint32_t component, char out[RECS__SECTION_PLACE]) {
    size_t used = (size_t)snprintf(out, RECS__SECTION_PLACE, "%s (type %u)",
                                   recs__section_label(type), type);
    if (component != RECS_SECTION_MODEL)
        snprintf(out + used, RECS__SECTION_PLACE - used, " of %s%u",
                 recs__section_scope(type) == RECS__SCOPE_COLUMN ? "column " : "component ",
                 component);
}

/* ---- the host -------------------------------------------------------------------- */

uint32_t recs__byte_order_probe(void) {
    static const unsigned char bytes[4] = {1, 2, 3, 4};
    uint32_t probe;
    memcpy(&probe, bytes, sizeof probe);
    return probe;
}

recs_status recs__check_byte_order(uint32_t probe, recs_error *error) {
    if (probe == UINT32_C(0x04030201))
        return RECS_OK;
    return recs__fail(error, RECS_ERR_UNSUPPORTED,
                      "model files are little-endian and this machine is not (bytes 01 02 03 04 "
                      "read as 0x%08X)",
                      probe);
}

/* ---- header ----------------------------------------------------------------------- */

static recs_status read_header(const recs__image *image, const recs__file_header **out,
                               recs_error *error) {
    if (image->size < sizeof(recs__file_header))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "not a model file: %llu bytes, a header alone has %zu",
                          (unsigned long long)image->size, sizeof(recs__file_header));
    const recs__file_header *header = (const recs__file_header *)(const void *)image->bytes;
    if (memcmp(header->magic, RECS__FILE_MAGIC, sizeof header->magic) != 0)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "not a model file: it does not begin with the bytes 89 52 45 43 53 0D "
                          "0A 1A");
    if (header->version_major > RECS__FILE_VERSION_MAJOR)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "format version %u.%u, this library reads up to %u.x",
                          header->version_major, header->version_minor, RECS__FILE_VERSION_MAJOR);
    uint64_t checksum =
        recs__hash(header, sizeof *header - sizeof header->header_checksum);
    if (checksum != header->header_checksum)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "the header is damaged: checksum %016llx, expected %016llx",
                          (unsigned long long)checksum,
                          (unsigned long long)header->header_checksum);
    if (header->version_major == 0)
        return recs__fail(error, RECS_ERR_CORRUPT, "format version 0.%u does not exist",
                          header->version_minor);
    if (header->file_size != image->size)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "%s: the header says %llu bytes, there are %llu",
                          header->file_size > image->size ? "truncated" : "something was appended",
                          (unsigned long long)header->file_size, (unsigned long long)image->size);
    if (header->section_count > RECS__FILE_SECTIONS_MAX)
        return recs__fail(error, RECS_ERR_CORRUPT, "%u sections, the limit is %d",
                          header->section_count, RECS__FILE_SECTIONS_MAX);
    *out = header;
    return RECS_OK;
}

static recs_status read_table(const recs__image *image, const recs__file_header *header,
                              const recs__file_section **out, recs_error *error) {
    uint64_t size = (uint64_t)header->section_count * sizeof(recs__file_section), end;
    if (header->table_offset % RECS__FILE_ALIGN != 0 ||
        header->table_offset < sizeof(recs__file_header) ||
        recs__add_u64(header->table_offset, size, &end) || end > image->size)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "the section table of %llu bytes at %llu does not fit a file of %llu "
                          "bytes, or is not aligned",
                          (unsigned long long)size, (unsigned long long)header->table_offset,
                          (unsigned long long)image->size);
    const unsigned char *bytes = image->bytes + header->table_offset;
    uint64_t checksum = recs__hash(bytes, (size_t)size);
    if (checksum != header->table_checksum)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "the section table is damaged: checksum %016llx, expected %016llx",
                          (unsigned long long)checksum,
                          (unsigned long long)header->table_checksum);
    *out = (const recs__file_section *)(const void *)bytes;
    return RECS_OK;
}

/* ---- order: a heap sort, for qsort may allocate behind the host's back ---------- */

typedef bool precedes(const recs__file_section *a, const recs__file_section *b);

static bool key_precedes(const recs__file_section *a, const recs__file_section *b) {
    return a->type != b->type ? a->type < b->type : a->component < b->component;
}

/* Empty sections first: they may share an offset with what follows. */
static bool offset_precedes(const recs__file_section *a, const recs__file_section *b) {
    return a->offset != b->offset ? a->offset < b->offset : a->size < b->size;
}

static void sift_down(uint32_t *order, uint32_t root, uint32_t count,
                      const recs__file_section *table, precedes *before) {
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count)
            return;
        if (child + 1 < count && before(&table[order[child]], &table[order[child + 1]]))
            child++;
        if (!before(&table[order[root]], &table[order[child]]))
            return;
        uint32_t swapped = order[root];
        order[root] = order[child];
        order[child] = swapped;
        root = child;
    }
}

static void sort_sections(uint32_t *order, const recs__file_section *table, uint32_t count,
                          precedes *before) {
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(order, i, count, table, before);
    for (uint32_t end = count; end-- > 1;) {
        uint32_t last = order[0];
        order[0] = order[end];
        order[end] = last;
        sift_down(order, 0, end, table, before);
    }
}

/* ---- bounds ------------------------------------------------------------------------ */

static recs_status check_bounds(const recs_model *model, recs_error *error) {
    const recs__file_header *header = model->header;
    uint64_t used = sizeof *header; /* end of the furthest section so far */
    uint64_t table_end =
        header->table_offset + (uint64_t)header->section_count * sizeof(recs__file_section);
    for (uint32_t i = 0; i < header->section_count; i++) {
        const recs__file_section *section = &model->table[model->by_offset[i]];
        const char *label = recs__section_label(section->type);
        uint64_t end;
        if (section->offset % RECS__FILE_ALIGN != 0)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "section %s begins at %llu, expected a multiple of %d", label,
                              (unsigned long long)section->offset, RECS__FILE_ALIGN);
        if (section->offset < sizeof *header ||
            recs__add_u64(section->offset, section->size, &end) || end > header->file_size)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "section %s, %llu bytes at %llu, lies outside the file of %llu bytes",
                              label, (unsigned long long)section->size,
                              (unsigned long long)section->offset,
                              (unsigned long long)header->file_size);
        if (section->size == 0)
            continue;
        if (section->offset < used ||
            (section->offset < table_end && header->table_offset < end))
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "section %s, %llu bytes at %llu, overlaps another or the table",
                              label, (unsigned long long)section->size,
                              (unsigned long long)section->offset);
        used = end;
    }
    return RECS_OK;
}

static recs_status check_unique(const recs_model *model, recs_error *error) {
    for (uint32_t i = 1; i < model->header->section_count; i++) {
        const recs__file_section *a = &model->table[model->by_key[i - 1]];
        const recs__file_section *b = &model->table[model->by_key[i]];
        if (key_precedes(a, b))
            continue;
        char place[RECS__SECTION_PLACE];
        recs__section_place(b->type, b->component, place);
        return recs__fail(error, RECS_ERR_CORRUPT, "section %s is there twice", place);
    }
    return RECS_OK;
}

recs_status recs__table_read(recs_model *model, recs_error *error) {
    recs_status status = recs__check_byte_order(recs__byte_order_probe(), error);
    if (status == RECS_OK)
        status = read_header(&model->image, &model->header, error);
    if (status == RECS_OK)
        status = read_table(&model->image, model->header, &model->table, error);
    if (status != RECS_OK)
        return status;

    uint32_t count = model->header->section_count;
    model->by_key = recs__alloc(&model->host, count, sizeof *model->by_key, error);
    if (model->by_key == NULL)
        return RECS_ERR_MEMORY;
    model->by_offset = recs__alloc(&model->host, count, sizeof *model->by_offset, error);
    if (model->by_offset == NULL)
        return RECS_ERR_MEMORY;
    sort_sections(model->by_key, model->table, count, key_precedes);
    sort_sections(model->by_offset, model->table, count, offset_precedes);
    status = check_unique(model, error);
    if (status == RECS_OK)
        status = check_bounds(model, error);
    return status;
}

/* ---- look-up ------------------------------------------------------------------------- */

const recs__content *recs__model_section(const recs_model *model, uint32_t type,
                                         uint32_t component) {
    recs__file_section wanted = {.type = type, .component = component};
    uint32_t low = 0, high = model->header->section_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (key_precedes(&model->table[model->by_key[middle]], &wanted))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == model->header->section_count)
        return NULL;
    uint32_t index = model->by_key[low];
    const recs__file_section *found = &model->table[index];
    if (found->type != type || found->component != component ||
        model->contents[index].bytes == NULL)
        return NULL;
    return &model->contents[index];
}

uint64_t recs__table_fingerprint(const recs__file_section *table, uint32_t count,
                                 recs__hash_stream *room) {
    recs__hash_begin(room);
    for (uint32_t i = 0; i < count; i++) {
        recs__file_section section = table[i];
        section.offset = 0;
        recs__hash_add(room, &section, sizeof section);
    }
    return recs__hash_end(room);
}
