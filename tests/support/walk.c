/* walk.c - seal and walk, see walk.h. */
#include "support/walk.h"

#include "base/hash.h"
#include "model/internal.h"
#include "recs/events.h"

#include <stdlib.h>
#include <string.h>

unsigned char *walk_copy(const void *bytes, size_t size) {
    size_t room = (size + 127) / 64 * 64;
    unsigned char *copy = aligned_alloc(64, room);
    if (copy == NULL)
        abort();
    memset(copy, 0, room);
    if (size != 0)
        memcpy(copy, bytes, size);
    return copy;
}

void walk_seal(unsigned char *bytes, size_t size, bool sections) {
    recs__file_header header;
    if (size < sizeof header)
        return;
    memcpy(&header, bytes, sizeof header);
    header.file_size = size;
    uint64_t table_size = (uint64_t)header.section_count * sizeof(recs__file_section);
    if (header.section_count <= RECS__FILE_SECTIONS_MAX && header.table_offset <= size &&
        table_size <= size - header.table_offset) {
        recs__hash_stream hash;
        recs__file_section *table = malloc((size_t)table_size + 1);
        if (table == NULL)
            abort();
        memcpy(table, bytes + header.table_offset, (size_t)table_size);
        for (uint32_t i = 0; i < header.section_count && sections; i++)
            if (table[i].offset <= size && table[i].size <= size - table[i].offset)
                table[i].checksum = recs__hash(bytes + table[i].offset, (size_t)table[i].size);
        header.fingerprint = recs__table_fingerprint(table, header.section_count, &hash);
        header.table_checksum = recs__hash(table, (size_t)table_size);
        memcpy(bytes + header.table_offset, table, (size_t)table_size);
        free(table);
    }
    header.header_checksum = recs__hash(&header, sizeof header - sizeof header.header_checksum);
    memcpy(bytes, &header, sizeof header);
}

static uint64_t total; /* tests run on one thread */

static void add(uint64_t value) { total = total * 31 + value; }

static void add_text(const char *text) { add(text == NULL ? 7 : strlen(text)); }

static void add_number(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add(bits);
}

static void walk_item(const recs_model *model, uint32_t row) {
    const char *id = recs_model_item_id(model, row);
    add_text(id);
    if (id != NULL)
        add(recs_model_item_row(model, id));
    add_text(recs_model_item_title(model, row));
    add(recs_model_item_rank(model, row));
    add_number((double)recs_model_item_popularity(model, row));
    for (uint32_t column = 0; column <= recs_model_column_count(model); column++) {
        add_text(recs_model_item_text(model, column, row));
        add_number(recs_model_item_number(model, column, row));
        add((uint64_t)recs_model_item_time(model, column, row));
        add((uint64_t)recs_model_item_flag(model, column, row));
    }
}

static void walk_user(const recs_model *model, uint32_t row, uint32_t limit) {
    const char *id = recs_model_user_id(model, row);
    add_text(id);
    if (id != NULL)
        add(recs_model_user_row(model, id));
    size_t count = recs_model_history_count(model, row);
    add(count);
    for (size_t i = 0; i <= count && i < limit; i++) {
        add(recs_model_history_item(model, row, i));
        add_number((double)recs_model_history_value(model, row, i));
        add((uint64_t)recs_model_history_type(model, row, i));
        add((uint64_t)recs_model_history_time(model, row, i));
    }
}

/* The arrays that answers are made from, first and last members. */
static void walk_component(const recs_model *model, const recs__component *component,
                           uint32_t limit) {
    const recs__view *view = recs__model_view(model);
    add_text(component->name);
    add_text(component->trainer);
    add_text(component->settings);
    if (view->items != 0 && component->scores != NULL)
        add_number((double)component->scores[view->items - 1]);
    if (component->kind == RECS__KIND_FACTORS) {
        if (view->items != 0)
            add_number((component->item_factors != NULL
                            ? (double)component->item_factors[(size_t)view->items *
                                                                  component->stride - 1]
                            : (double)component->item_halves[(size_t)view->items *
                                                                 component->stride - 1]) +
                       (double)component->item_norms[view->items - 1]);
        if (view->users != 0 && component->user_factors != NULL)
            add_number((double)component->user_factors[(size_t)view->users * component->stride - 1]);
        if (view->users != 0 && component->user_halves != NULL)
            add_number((double)component->user_halves[(size_t)view->users * component->stride - 1]);
        add_number((double)component->gram[component->factors - 1]);
    }
    if (component->kind == RECS__KIND_ITEMS && component->factors != 0 && view->items != 0) {
        size_t last = (size_t)view->items * component->stride - 1;
        add_number((double)component->item_factors[last]);
        add_number(component->history_factors != NULL
                       ? (double)component->history_factors[last]
                       : (double)component->history_scales[view->items - 1]);
    }
    for (uint32_t row = 0; component->kind == RECS__KIND_ITEMS && row < view->items && row < limit;
         row++) {
        uint64_t first;
        size_t count = recs__csr_row(&component->neighbors, row, &first);
        if (count != 0) {
            add(component->neighbors.columns[first] + component->neighbors.columns[first + count - 1]);
            add_number((double)component->neighbors.values[first + count - 1]);
        }
    }
    if (component->kind == RECS__KIND_USERS) {
        uint64_t first;
        for (uint32_t row = 0; row < component->crowd_rows && row < limit; row++) {
            size_t count = recs__csr_row(&component->crowd, row, &first);
            if (count != 0)
                add_number((double)component->crowd.values[first + count - 1]);
            add_number((double)component->row_norms[row]);
        }
        for (uint32_t row = 0; row < view->items && row < limit; row++) {
            size_t count = recs__csr_row(&component->postings, row, &first);
            if (count != 0)
                add(component->postings.columns[first + count - 1]);
            add_number((double)component->item_weights[row]);
        }
    }
    if (component->kind == RECS__KIND_TRENDS) {
        add((uint64_t)component->trend_rules->newest);
        add(component->trend_size);
        for (uint32_t item = 0; item < component->trend_items && item < limit; item++)
            add(component->trend_rows[item]);
    }
    for (uint32_t i = 0; i < component->term_count; i++)
        add(component->terms[i].component);
}

uint64_t walk_model(const recs_model *model, uint32_t limit) {
    total = 0;
    const recs__view *view = recs__model_view(model);
    uint32_t items = recs_model_items(model), users = recs_model_users(model);
    add(recs_model_fingerprint(model) + recs_model_size(model) + recs_model_interactions(model));
    add((uint64_t)recs_model_first_time(model) ^ (uint64_t)recs_model_last_time(model));
    add_text(recs_model_description(model));
    add_text(recs_model_users_mode(model));
    for (uint32_t i = 0; i <= recs_model_component_count(model); i++) {
        add_text(recs_model_component_name(model, i));
        add_text(recs_model_component_kind(model, i));
        add_text(recs_model_component_settings(model, i));
        add(recs_model_component_find(model, recs_model_component_name(model, i)));
    }
    for (uint32_t i = 0; i < view->component_count; i++)
        walk_component(model, &view->components[i], limit);
    for (uint32_t i = 0; i <= recs_model_section_count(model) && i < limit; i++) {
        add_text(recs_model_section_name(model, i));
        add(recs_model_section_size(model, i) + recs_model_section_component(model, i));
    }
    for (int32_t type = -1; type <= RECS_EVENT_MAX + 1; type++) {
        add_text(recs_model_event_name(model, type));
        add((uint64_t)recs_model_event_type_of(model, recs_model_event_name(model, type)));
    }
    for (uint32_t i = 0; i <= recs_model_column_count(model); i++) {
        add_text(recs_model_column_name(model, i));
        add((uint64_t)recs_model_column_type(model, i));
        add(recs_model_column_find(model, recs_model_column_name(model, i)));
    }
    for (uint32_t row = 0; row <= items && row < limit; row++)
        walk_item(model, row);
    walk_item(model, items - 1);
    walk_item(model, RECS_NO_ROW);
    for (uint32_t row = 0; row <= users && row < limit; row++)
        walk_user(model, row, limit);
    walk_user(model, users - 1, limit);
    walk_user(model, RECS_NO_ROW, limit);
    add(recs_model_item_row(model, "no such id") + recs_model_user_row(model, "no such id"));
    if (view->available != NULL && items != 0)
        add((uint64_t)view->available[items - 1]);
    return total;
}
