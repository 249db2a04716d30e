/* training_write.c - what a training puts into a model: META, ids, titles,
 * histories, popularity, the shop's own event types, catalogue columns.
 *
 * Under rollup the values of a row are those of the item whose id the row
 * has, or else of the first variant that has one; a flag is the highest of
 * all variants, so that a group is available when one of them is. */
#include "train/training_store.h"

#include "base/checked.h"
#include "base/memory.h"
#include "model/format.h"
#include "train/order.h"

#include <math.h>
#include <string.h>

typedef struct output {
    const recs__training *training;
    const recs__training_store *store;
    recs_writer *writer;
    uint32_t flags;
    recs_error *error;
} output;

static recs_status put(const output *o, uint32_t type, uint32_t component, uint32_t flags,
                       const void *bytes, uint64_t count, size_t size) {
    size_t total;
    if (count > SIZE_MAX || recs__mul_size((size_t)count, size, &total))
        return recs__fail_memory(o->error, SIZE_MAX);
    return recs_writer_section(o->writer, type, component, flags, bytes, total, o->error);
}

static recs_status write_meta(const output *o, uint32_t components, uint32_t terms) {
    const recs__training *training = o->training;
    bool users = training->users_mode != RECS__USERS_NONE;
    recs__file_meta meta = {
        .items = training->items,
        .users = users ? training->users : 0,
        .history_entries = users ? o->store->history_count : 0,
        .first_time = o->store->first_time,
        .last_time = training->last_time,
        .users_mode = training->users_mode,
        .components = components,
        .columns = (uint32_t)o->store->dataset->catalogue.column_count,
        .terms = terms,
        .trained_users = training->by_user.rows,
        .trained_interactions = training->by_user.entries,
    };
    return put(o, RECS_SECTION_META, RECS_SECTION_MODEL, RECS_SECTION_CRITICAL, &meta, 1,
               sizeof meta);
}

static recs_status write_ids(const output *o) {
    const recs__training *training = o->training;
    const recs__training_store *store = o->store;
    recs_status status = put(o, RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_MODEL, o->flags,
                             store->item_id_offsets, training->items + 1ull, sizeof(uint64_t));
    if (status == RECS_OK)
        status = put(o, RECS_SECTION_ITEM_ID_BYTES, RECS_SECTION_MODEL, o->flags,
                     store->item_id_bytes, store->item_id_offsets[training->items], 1);
    if (status != RECS_OK || training->users_mode == RECS__USERS_NONE)
        return status;
    bool hashed = store->stored_id_bytes != NULL;
    const uint64_t *offsets = hashed ? store->stored_id_offsets : store->user_id_offsets;
    status = put(o, RECS_SECTION_USER_ID_OFFSETS, RECS_SECTION_MODEL, o->flags, offsets,
                 training->users + 1ull, sizeof(uint64_t));
    if (status == RECS_OK)
        status = put(o, RECS_SECTION_USER_ID_BYTES, RECS_SECTION_MODEL, o->flags,
                     hashed ? store->stored_id_bytes : store->user_id_bytes,
                     offsets[training->users], 1);
    return status;
}

/* ---- texts --------------------------------------------------------------------------- */

static const char *title_of_row(const recs__training_store *store, uint32_t row, size_t *size) {
    for (uint32_t v = store->row_begins[row]; v < store->row_begins[row + 1]; v++) {
        const char *title = recs__dataset_item_title(store->dataset, store->row_items[v], size);
        if (title != NULL)
            return title;
    }
    *size = 0;
    return NULL;
}

static recs_status write_titles(const output *o) {
    const recs_host *host = &o->training->host;
    uint32_t items = o->training->items;
    uint64_t used = 0;
    size_t size;
    for (uint32_t row = 0; row < items; row++)
        used += title_of_row(o->store, row, &size) != NULL ? size + 1 : 0;
    if (used == 0)
        return RECS_OK;
    uint64_t *offsets = recs__alloc(host, items + (size_t)1, sizeof *offsets, o->error);
    char *bytes = recs__alloc(host, (size_t)used, 1, o->error);
    recs_status status = offsets && bytes ? RECS_OK : RECS_ERR_MEMORY;
    used = 0;
    for (uint32_t row = 0; row < items && status == RECS_OK; row++) {
        const char *title = title_of_row(o->store, row, &size);
        offsets[row] = used;
        if (title != NULL)
            memcpy(bytes + used, title, size + 1);
        used += title != NULL ? size + 1 : 0;
        offsets[row + 1] = used;
    }
    if (status == RECS_OK)
        status = put(o, RECS_SECTION_TITLE_OFFSETS, RECS_SECTION_MODEL, o->flags, offsets,
                     items + 1ull, sizeof *offsets);
    if (status == RECS_OK)
        status = put(o, RECS_SECTION_TITLE_BYTES, RECS_SECTION_MODEL, o->flags, bytes, used, 1);
    recs__free(host, offsets);
    recs__free(host, bytes);
    return status;
}

static recs_status write_types(const output *o) {
    const recs__settings *settings = &o->store->dataset->settings;
    char names[RECS__CUSTOM_TYPES * RECS__TYPE_NAME];
    size_t used = 0;
    for (uint32_t i = 0; i < settings->type_count; i++) {
        size_t size = strlen(settings->types[i]) + 1;
        memcpy(names + used, settings->types[i], size);
        used += size;
    }
    return used ? put(o, RECS_SECTION_EVENT_TYPES, RECS_SECTION_MODEL, 0, names, used, 1)
                : RECS_OK;
}

/* ---- histories and popularity ----------------------------------------------------------- */

static recs_status write_history(const output *o) {
    const recs__training_store *store = o->store;
    uint64_t count = store->history_count;
    bool timed = false, typed = false;
    for (uint64_t i = 0; i < count && !(timed && typed); i++) {
        timed |= store->history_times[i] != RECS_NO_TIME;
        typed |= store->history_types[i] != RECS_EVENT_VIEW;
    }
    recs_status status = put(o, RECS_SECTION_HISTORY_OFFSETS, RECS_SECTION_MODEL, 0,
                             store->history_offsets, o->training->users + 1ull, sizeof(uint64_t));
    if (status == RECS_OK)
        status = put(o, RECS_SECTION_HISTORY_ITEMS, RECS_SECTION_MODEL, 0, store->history_items,
                     count, sizeof *store->history_items);
    if (status == RECS_OK)
        status = put(o, RECS_SECTION_HISTORY_VALUES, RECS_SECTION_MODEL, 0, store->history_values,
                     count, sizeof *store->history_values);
    if (status == RECS_OK && typed)
        status = put(o, RECS_SECTION_HISTORY_TYPES, RECS_SECTION_MODEL, 0, store->history_types,
                     count, sizeof *store->history_types);
    if (status == RECS_OK && timed)
        status = put(o, RECS_SECTION_HISTORY_TIMES, RECS_SECTION_MODEL, 0, store->history_times,
                     count, sizeof *store->history_times);
    return status;
}

static bool more_popular(const void *scores, uint32_t a, uint32_t b) {
    return ((const float *)scores)[a] > ((const float *)scores)[b];
}

static recs_status write_popularity(const output *o) {
    const recs_host *host = &o->training->host;
    uint32_t items = o->training->items;
    uint32_t *both = recs__alloc(host, (size_t)items * 2, sizeof *both, o->error);
    float *scores = recs__alloc(host, items, sizeof *scores, o->error);
    recs_status status = both != NULL && scores != NULL ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK) {
        for (uint32_t row = 0; row < items; row++) {
            scores[row] = (float)o->training->item_units[row];
            both[row] = row;
        }
        /* Highest first, ties by row. */
        (void)recs__order_rows(both, both + items, items, more_popular, scores, NULL, NULL, NULL);
        status = put(o, RECS_SECTION_POPULAR_ORDER, RECS_SECTION_MODEL, 0, both, items,
                     sizeof *both);
    }
    if (status == RECS_OK)
        status = put(o, RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, 0, scores, items,
                     sizeof *scores);
    recs__free(host, both);
    recs__free(host, scores);
    return status;
}

/* ---- catalogue ---------------------------------------------------------------------------- */

static bool is_missing(int32_t type, const char *value) {
    double number;
    int64_t time;
    uint32_t code;
    if (type == RECS_COLUMN_NUMBER)
        return memcpy(&number, value, sizeof number), number != number;
    if (type == RECS_COLUMN_TIME)
        return memcpy(&time, value, sizeof time), time == RECS_NO_TIME;
    if (type == RECS_COLUMN_FLAG)
        return *(const int8_t *)value < 0;
    return memcpy(&code, value, sizeof code), code == RECS_NO_ROW;
}

static void values_of_rows(const output *o, const recs__catalogue_column *column, char *out) {
    const recs__training_store *store = o->store;
    size_t width = recs__catalogue_width(column->type);
    recs__catalogue_missing(column->type, out, 0, o->training->items);
    for (uint32_t row = 0; row < o->training->items; row++)
        for (uint32_t v = store->row_begins[row]; v < store->row_begins[row + 1]; v++) {
            uint32_t item = store->row_items[v];
            if (item >= store->dataset->catalogue.count)
                continue;
            const char *value = (const char *)column->values + item * width;
            if (is_missing(column->type, value))
                continue;
            bool flag = column->type == RECS_COLUMN_FLAG;
            if (!flag && !is_missing(column->type, out + row * width))
                break;
            if (!flag || *(const int8_t *)value > *(const int8_t *)(out + row))
                memcpy(out + row * width, value, width);
        }
}

static recs_status write_dictionary(const output *o, uint32_t index, const recs__intern *texts) {
    uint64_t *offsets = recs__alloc(&o->training->host, texts->count + (size_t)1, sizeof *offsets,
                                    o->error);
    if (offsets == NULL)
        return RECS_ERR_MEMORY;
    offsets[0] = 0;
    if (texts->count != 0)
        memcpy(offsets + 1, texts->ends, texts->count * sizeof *offsets);
    recs_status status = put(o, RECS_SECTION_COLUMN_OFFSETS, index, o->flags, offsets,
                             texts->count + 1ull, sizeof *offsets);
    if (status == RECS_OK)
        status = put(o, RECS_SECTION_COLUMN_BYTES, index, o->flags, texts->bytes, texts->used, 1);
    recs__free(&o->training->host, offsets);
    return status;
}

static recs_status write_column(const output *o, uint32_t index,
                                const recs__catalogue_column *column) {
    size_t width = recs__catalogue_width(column->type);
    char *values = recs__alloc(&o->training->host, o->training->items, width, o->error);
    if (values == NULL)
        return RECS_ERR_MEMORY;
    values_of_rows(o, column, values);
    recs_status status = put(o, RECS_SECTION_COLUMN_VALUES, index, o->flags, values,
                             o->training->items, width);
    recs__free(&o->training->host, values);
    if (status == RECS_OK && column->type == RECS_COLUMN_TEXT)
        status = write_dictionary(o, index, &column->texts);
    return status;
}

static recs_status write_catalogue(const output *o) {
    const recs__catalogue *catalogue = &o->store->dataset->catalogue;
    size_t count = catalogue->column_count;
    if (count == 0)
        return RECS_OK;
    recs__file_column *records = recs__alloc_zero(&o->training->host, count, sizeof *records,
                                                  o->error);
    if (records == NULL)
        return RECS_ERR_MEMORY;
    for (size_t c = 0; c < count; c++) {
        const recs__catalogue_column *column = &catalogue->columns[c];
        memcpy(records[c].name, column->name, sizeof records[c].name);
        records[c].type = (uint32_t)column->type;
        records[c].dictionary = column->type == RECS_COLUMN_TEXT ? column->texts.count : 0;
    }
    recs_status status = put(o, RECS_SECTION_COLUMNS, RECS_SECTION_MODEL, 0, records, count,
                             sizeof *records);
    for (size_t c = 0; c < count && status == RECS_OK; c++)
        status = write_column(o, (uint32_t)c, &catalogue->columns[c]);
    recs__free(&o->training->host, records);
    return status;
}

recs_status recs__training_write(const recs__training *training, recs_writer *writer,
                                 uint32_t components, uint32_t terms, uint32_t flags,
                                 recs_error *error) {
    output o = {training, training->store, writer, flags, error};
    recs_status status = write_meta(&o, components, terms);
    if (status == RECS_OK)
        status = write_ids(&o);
    if (status == RECS_OK)
        status = write_titles(&o);
    if (status == RECS_OK)
        status = write_types(&o);
    if (status == RECS_OK && training->users_mode != RECS__USERS_NONE)
        status = write_history(&o);
    if (status == RECS_OK)
        status = write_popularity(&o);
    return status == RECS_OK ? write_catalogue(&o) : status;
}
