/* info.c - reading an open model: figures, ids, titles, stored histories.
 *
 * Operations: getters, constant but for the look-ups by id and by popularity
 * (O(log n)) and by name (O(components), O(bytes of event type names)). Nothing allocates or fails; damaged
 * contents give NULL, RECS_NO_ROW or 0. */
#include "model/internal.h"
#include "recs/events.h"

#include <math.h>
#include <string.h>

uint64_t recs_model_fingerprint(const recs_model *model) { return model->view.fingerprint; }
uint64_t recs_model_size(const recs_model *model) { return model->image.size; }
uint32_t recs_model_items(const recs_model *model) { return model->view.items; }
uint32_t recs_model_users(const recs_model *model) { return model->view.users; }

uint64_t recs_model_interactions(const recs_model *model) { return model->view.history.entries; }

int64_t recs_model_first_time(const recs_model *model) { return model->meta->first_time; }
int64_t recs_model_last_time(const recs_model *model) { return model->meta->last_time; }
const char *recs_model_description(const recs_model *model) { return model->description; }

const char *recs_model_users_mode(const recs_model *model) {
    static const char *const names[] = {"none", "hashed", "full"};
    return names[model->view.users_mode]; /* checked at open */
}

/* ---- components and sections ------------------------------------------------------ */

uint32_t recs_model_component_count(const recs_model *model) {
    return model->view.component_count;
}

const char *recs_model_component_name(const recs_model *model, uint32_t index) {
    return index < model->view.component_count ? model->components[index].name : NULL;
}

const char *recs_model_component_kind(const recs_model *model, uint32_t index) {
    return index < model->view.component_count ? model->components[index].trainer : NULL;
}

const char *recs_model_component_settings(const recs_model *model, uint32_t index) {
    return index < model->view.component_count ? model->components[index].settings : NULL;
}

uint32_t recs_model_component_find(const recs_model *model, const char *name) {
    for (uint32_t i = 0; name != NULL && i < model->view.component_count; i++)
        if (strcmp(model->components[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

uint32_t recs_model_section_count(const recs_model *model) {
    return model->header->section_count;
}

const char *recs_model_section_name(const recs_model *model, uint32_t index) {
    return index < model->header->section_count ? recs__section_label(model->table[index].type)
                                                : NULL;
}

uint64_t recs_model_section_size(const recs_model *model, uint32_t index) {
    return index < model->header->section_count ? model->table[index].size : 0;
}

uint32_t recs_model_section_component(const recs_model *model, uint32_t index) {
    return index < model->header->section_count ? model->table[index].component
                                                : RECS_SECTION_MODEL;
}

const void *recs_model_section_bytes(const recs_model *model, uint32_t index, uint64_t *size) {
    const recs__content *content =
        index < model->header->section_count ? &model->contents[index] : NULL;
    if (size != NULL)
        *size = content != NULL && content->bytes != NULL ? content->size : 0;
    return content != NULL ? content->bytes : NULL;
}

/* ---- event types -------------------------------------------------------------------- */

/* The own type after `name` (NULL: the first one); NULL after the last. A name
 * without its NUL, in a damaged file, ends the list. */
static const char *next_own_type(const recs__content *names, const char *name) {
    if (names == NULL || names->bytes == NULL)
        return NULL;
    const char *end = (const char *)names->bytes + names->size;
    const char *next = name == NULL ? (const char *)names->bytes : name + strlen(name) + 1;
    return next < end && memchr(next, '\0', (size_t)(end - next)) != NULL ? next : NULL;
}

const char *recs_model_event_name(const recs_model *model, int32_t type) {
    if (type < RECS_EVENT_CUSTOM || type > RECS_EVENT_MAX)
        return recs_event_name(type);
    const recs__content *names =
        recs__model_section(model, RECS_SECTION_EVENT_TYPES, RECS_SECTION_MODEL);
    const char *name = next_own_type(names, NULL);
    for (int32_t i = RECS_EVENT_CUSTOM; i < type && name != NULL; i++)
        name = next_own_type(names, name);
    return name;
}

int32_t recs_model_event_type_of(const recs_model *model, const char *name) {
    int32_t type = recs_event_type_of(name);
    for (int32_t own = RECS_EVENT_CUSTOM; type < 0 && name != NULL && own <= RECS_EVENT_MAX;
         own++) {
        const char *stored = recs_model_event_name(model, own);
        if (stored == NULL)
            break;
        if (strcmp(stored, name) == 0)
            type = own;
    }
    return type;
}

/* ---- ids ----------------------------------------------------------------------------- */

uint32_t recs__model_find_user(const recs_model *model, const char *id, size_t size) {
    if (model->view.users_mode != RECS__USERS_HASHED)
        return recs__ids_find(&model->view.user_ids, id, size);
    char hashed[33];
    recs__hash_hex(id, size, hashed);
    return recs__ids_find(&model->view.user_ids, hashed, sizeof hashed - 1);
}

uint32_t recs_model_item_row(const recs_model *model, const char *id) {
    size_t size = id == NULL ? 0 : strnlen(id, RECS_ID_MAX + 1);
    if (size == 0 || size > RECS_ID_MAX)
        return RECS_NO_ROW;
    return recs__ids_find(&model->view.item_ids, id, size);
}

uint32_t recs_model_user_row(const recs_model *model, const char *id) {
    size_t size = id == NULL ? 0 : strnlen(id, RECS_ID_MAX + 1);
    if (size == 0 || size > RECS_ID_MAX)
        return RECS_NO_ROW;
    return recs__model_find_user(model, id, size);
}

const char *recs_model_item_id(const recs_model *model, uint32_t row) {
    return recs__ids_get(&model->view.item_ids, row, NULL);
}

const char *recs_model_user_id(const recs_model *model, uint32_t row) {
    return recs__ids_get(&model->view.user_ids, row, NULL);
}

const char *recs_model_item_title(const recs_model *model, uint32_t row) {
    size_t size;
    const char *title = recs__ids_get(&model->view.titles, row, &size);
    return size != 0 ? title : NULL;
}

/* ---- popularity ------------------------------------------------------------------------ */

/* The order is by score, highest first, then by row, so a place is found by
 * bisection; where a damaged file is not so ordered, the row is not found. */
uint32_t recs_model_item_rank(const recs_model *model, uint32_t row) {
    const recs__view *view = &model->view;
    if (row >= view->items)
        return UINT32_MAX;
    float score = view->popular_scores[row];
    uint32_t low = 0, high = view->items;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, other = view->popular_order[middle];
        float other_score = other < view->items ? view->popular_scores[other] : -INFINITY;
        if (other_score > score || (other_score == score && other < row))
            low = middle + 1;
        else
            high = middle;
    }
    return low < view->items && view->popular_order[low] == row ? low : UINT32_MAX;
}

float recs_model_item_popularity(const recs_model *model, uint32_t row) {
    if (row >= model->view.items)
        return 0;
    float score = model->view.popular_scores[row];
    return isfinite(score) ? score : 0;
}

/* ---- histories --------------------------------------------------------------------------- */

static bool history_entry(const recs_model *model, uint32_t user_row, size_t index,
                          uint64_t *entry) {
    uint64_t first;
    size_t count = recs__csr_row(&model->view.history, user_row, &first);
    *entry = first + index;
    return index < count;
}

size_t recs_model_history_count(const recs_model *model, uint32_t user_row) {
    uint64_t first;
    return recs__csr_row(&model->view.history, user_row, &first);
}

uint32_t recs_model_history_item(const recs_model *model, uint32_t user_row, size_t index) {
    uint64_t entry;
    if (!history_entry(model, user_row, index, &entry))
        return RECS_NO_ROW;
    uint32_t row = model->view.history.columns[entry];
    return row < model->view.items ? row : RECS_NO_ROW;
}

float recs_model_history_value(const recs_model *model, uint32_t user_row, size_t index) {
    uint64_t entry;
    if (!history_entry(model, user_row, index, &entry))
        return 0;
    float value = model->view.history.values[entry];
    return isfinite(value) ? value : 0;
}

int32_t recs_model_history_type(const recs_model *model, uint32_t user_row, size_t index) {
    uint64_t entry;
    if (!history_entry(model, user_row, index, &entry))
        return -1;
    const uint8_t *types = model->view.history_types;
    return types == NULL || types[entry] > RECS_EVENT_MAX ? RECS_EVENT_VIEW : types[entry];
}

int64_t recs_model_history_time(const recs_model *model, uint32_t user_row, size_t index) {
    uint64_t entry;
    if (!history_entry(model, user_row, index, &entry) || model->view.history_times == NULL)
        return RECS_NO_TIME;
    return model->view.history_times[entry];
}
