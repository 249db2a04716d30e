/* view.c - from sections to typed arrays: every size checked against META.
 *
 * Operation: recs__view_build. Cost: constant in the size of the arrays; reads
 * META, the records of components, terms and columns, and the texts. What the
 * arrays hold is neither read nor trusted.
 *
 * Invariants established: an array in the view is NULL or has exactly the
 * members its comment in model.h says; a blend's terms name lower components
 * and finite weights; names are NUL-terminated, unique and not empty; copied
 * texts end in a NUL. */
#include "base/checked.h"
#include "base/text.h"
#include "model/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum presence { OPTIONAL, REQUIRED };

/* "section gram of component 2" */
typedef struct place_text {
    char text[96];
} place_text;

static place_text place(uint32_t type, uint32_t component) {
    place_text out;
    recs__scope scope = recs__section_scope(type);
    const char *label = recs__section_label(type);
    if (scope == RECS__SCOPE_MODEL)
        snprintf(out.text, sizeof out.text, "section %s", label);
    else
        snprintf(out.text, sizeof out.text, "section %s of %s %u", label,
                 scope == RECS__SCOPE_COLUMN ? "column" : "component", component);
    return out;
}

/* An array of exactly count members of `element` bytes; NULL when the section
 * is absent and may be. An empty array is not NULL. */
static recs_status array(const recs_model *model, uint32_t type, uint32_t component,
                         uint64_t count, uint64_t element, enum presence presence,
                         const void **out, recs_error *error) {
    *out = NULL;
    const recs__content *content = recs__model_section(model, type, component);
    if (content == NULL) {
        if (presence == OPTIONAL)
            return RECS_OK;
        return recs__fail(error, RECS_ERR_CORRUPT, "%s is missing", place(type, component).text);
    }
    uint64_t size;
    if (recs__mul_u64(count, element, &size) || content->size != size)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "%s has %llu bytes, expected %llu members of %llu bytes",
                          place(type, component).text, (unsigned long long)content->size,
                          (unsigned long long)count, (unsigned long long)element);
    *out = content->bytes;
    return RECS_OK;
}

/* Offsets and bytes of a table of texts. */
static recs_status texts(const recs_model *model, uint32_t offsets_type, uint32_t component,
                         uint32_t count, enum presence presence, recs__ids *out,
                         recs_error *error) {
    const void *offsets;
    recs_status status = array(model, offsets_type, component, (uint64_t)count + 1,
                               sizeof(uint64_t), presence, &offsets, error);
    if (status != RECS_OK || offsets == NULL)
        return status;
    uint32_t bytes_type = offsets_type + 1; /* so for each of them in recs/writer.h */
    const recs__content *bytes = recs__model_section(model, bytes_type, component);
    if (bytes == NULL)
        return recs__fail(error, RECS_ERR_CORRUPT, "%s is missing",
                          place(bytes_type, component).text);
    out->offsets = offsets;
    out->bytes = (const char *)bytes->bytes;
    out->size = bytes->size;
    out->count = count;
    return RECS_OK;
}

/* Three parallel arrays of a sparse matrix; what is optional comes whole. */
static recs_status sparse(const recs_model *model, uint32_t offsets_type, uint32_t component,
                          uint32_t rows, uint32_t column_count, enum presence presence,
                          recs__csr *out, recs_error *error) {
    const void *offsets, *columns, *values;
    recs_status status = array(model, offsets_type, component, (uint64_t)rows + 1,
                               sizeof(uint64_t), presence, &offsets, error);
    if (status != RECS_OK || offsets == NULL)
        return status;
    const recs__content *content = recs__model_section(model, offsets_type + 1, component);
    uint64_t entries = content != NULL ? content->size / sizeof(uint32_t) : 0;
    status = array(model, offsets_type + 1, component, entries, sizeof(uint32_t), REQUIRED,
                   &columns, error);
    if (status == RECS_OK)
        status = array(model, offsets_type + 2, component, entries, sizeof(float), REQUIRED,
                       &values, error);
    if (status != RECS_OK)
        return status;
    out->offsets = offsets;
    out->columns = columns;
    out->values = values;
    out->rows = rows;
    out->column_count = column_count;
    out->entries = entries;
    return RECS_OK;
}

/* ---- META ------------------------------------------------------------------------- */

static recs_status read_meta(recs_model *model, recs_error *error) {
    const void *found;
    recs_status status = array(model, RECS_SECTION_META, RECS_SECTION_MODEL, 1,
                               sizeof(recs__file_meta), REQUIRED, &found, error);
    if (status != RECS_OK)
        return status;
    const recs__file_meta *meta = found;
    const struct {
        const char *name;
        uint32_t value, limit;
    } limits[] = {
        {"items", meta->items, INT32_MAX},
        {"users", meta->users, INT32_MAX},
        {"users_mode", meta->users_mode, RECS__USERS_FULL},
        {"components", meta->components, RECS__FILE_COMPONENTS_MAX},
        {"columns", meta->columns, RECS__FILE_COLUMNS_MAX},
        {"terms", meta->terms, RECS__FILE_TERMS_MAX},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (limits[i].value > limits[i].limit)
            return recs__fail(error, RECS_ERR_CORRUPT, "section meta: %s is %u, the limit is %u",
                              limits[i].name, limits[i].value, limits[i].limit);
    if (meta->users_mode == RECS__USERS_NONE && meta->users != 0)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "section meta: %u users, expected 0 where the mode keeps none",
                          meta->users);
    model->meta = meta;
    return RECS_OK;
}

/* ---- users and items ---------------------------------------------------------------- */

static recs_status read_items(recs_model *model, recs_error *error) {
    recs__view *view = &model->view;
    uint32_t items = model->meta->items;
    const void *order = NULL, *scores = NULL;
    recs_status status = texts(model, RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_MODEL, items,
                               REQUIRED, &view->item_ids, error);
    if (status == RECS_OK)
        status = texts(model, RECS_SECTION_TITLE_OFFSETS, RECS_SECTION_MODEL, items, OPTIONAL,
                       &view->titles, error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_POPULAR_ORDER, RECS_SECTION_MODEL, items,
                       sizeof(uint32_t), REQUIRED, &order, error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, items,
                       sizeof(float), REQUIRED, &scores, error);
    view->item_ids.longest = RECS_ID_MAX;
    view->items = items;
    view->popular_order = order;
    view->popular_scores = scores;
    return status;
}

static recs_status read_users(recs_model *model, recs_error *error) {
    recs__view *view = &model->view;
    const recs__file_meta *meta = model->meta;
    const void *types = NULL, *times = NULL;
    recs_status status = texts(model, RECS_SECTION_USER_ID_OFFSETS, RECS_SECTION_MODEL,
                               meta->users, meta->users != 0 ? REQUIRED : OPTIONAL,
                               &view->user_ids, error);
    if (status == RECS_OK)
        status = sparse(model, RECS_SECTION_HISTORY_OFFSETS, RECS_SECTION_MODEL, meta->users,
                        meta->items, meta->users != 0 ? REQUIRED : OPTIONAL, &view->history,
                        error);
    if (status == RECS_OK && view->history.entries != meta->history_entries)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "section history_items has %llu members, META says %llu",
                          (unsigned long long)view->history.entries,
                          (unsigned long long)meta->history_entries);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_HISTORY_TYPES, RECS_SECTION_MODEL,
                       view->history.entries, 1, OPTIONAL, &types, error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_HISTORY_TIMES, RECS_SECTION_MODEL,
                       view->history.entries, sizeof(int64_t), OPTIONAL, &times, error);
    view->user_ids.longest = RECS_ID_MAX;
    view->users = meta->users;
    view->users_mode = meta->users_mode;
    view->history_types = types;
    view->history_times = times;
    return status;
}

/* ---- texts ---------------------------------------------------------------------------- */

static recs_status text_size(const recs_model *model, uint32_t type, uint32_t component,
                             size_t *total, recs_error *error) {
    const recs__content *content = recs__model_section(model, type, component);
    if (content == NULL)
        return RECS_OK;
    if (content->size > RECS__FILE_TEXT_MAX)
        return recs__fail(error, RECS_ERR_CORRUPT, "%s has %llu bytes, the limit is %d",
                          place(type, component).text, (unsigned long long)content->size,
                          RECS__FILE_TEXT_MAX);
    *total += (size_t)content->size + 1;
    return RECS_OK;
}

/* Copies a text behind *at and returns the copy; "" when there is none. */
static const char *copy_text(const recs_model *model, uint32_t type, uint32_t component,
                             char **at) {
    const recs__content *content = recs__model_section(model, type, component);
    if (content == NULL)
        return "";
    char *copy = *at;
    memcpy(copy, content->bytes, (size_t)content->size);
    copy[content->size] = '\0';
    *at += content->size + 1;
    return copy;
}

/* Description and settings have no NUL in the file. */
static recs_status read_texts(recs_model *model, recs_error *error) {
    size_t total = 1;
    recs_status status =
        text_size(model, RECS_SECTION_DESCRIPTION, RECS_SECTION_MODEL, &total, error);
    for (uint32_t i = 0; i < model->meta->components && status == RECS_OK; i++)
        status = text_size(model, RECS_SECTION_SETTINGS, i, &total, error);
    if (status != RECS_OK)
        return status;
    model->texts = recs__alloc(&model->host, total, 1, error);
    if (model->texts == NULL)
        return RECS_ERR_MEMORY;
    char *at = model->texts;
    model->description =
        copy_text(model, RECS_SECTION_DESCRIPTION, RECS_SECTION_MODEL, &at);
    for (uint32_t i = 0; i < model->meta->components; i++)
        model->components[i].settings = copy_text(model, RECS_SECTION_SETTINGS, i, &at);
    return RECS_OK;
}

/* ---- components ------------------------------------------------------------------------ */

static recs_status check_name(const char *what, uint32_t index, const char *name, size_t room,
                              bool empty_allowed, recs_error *error) {
    const char *end = memchr(name, '\0', room);
    if (end == NULL || (end == name && !empty_allowed) ||
        !recs__utf8_valid(name, (size_t)(end - name)))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "%s %u: a name is %s", what, index,
                          end == NULL   ? "not NUL-terminated"
                          : end == name ? "empty"
                                        : "not valid UTF-8");
    return RECS_OK;
}

static bool bad_parameter(float value) { return !isfinite(value) || value < 0; }

/* The number of factors, checked, and the stride of their rows. */
static recs_status read_width(const recs__file_component *record, uint32_t least,
                              recs__component *out, recs_error *error) {
    if (record->factors < least || record->factors > RECS__FILE_FACTORS_MAX)
        return recs__fail(error, RECS_ERR_CORRUPT, "component %u has %u factors, expected %u to %d",
                          out->index, record->factors, least, RECS__FILE_FACTORS_MAX);
    out->factors = record->factors;
    out->stride = (record->factors + 15) / 16 * 16;
    return RECS_OK;
}

/* A copy of another version is as none. */
static recs_status read_codes(const recs_model *model, recs__component *out, recs_error *error) {
    const recs__content *content =
        recs__model_section(model, RECS_SECTION_ITEM_CODES, out->index);
    uint32_t items = model->meta->items, version;
    if (content == NULL)
        return RECS_OK;
    if (content->size >= sizeof(recs__codes_head)) {
        memcpy(&version, content->bytes, sizeof version);
        if (version != 0 && version != RECS__CODES_VERSION)
            return RECS_OK;
    }
    if (!recs__codes_read(&out->codes_room, content->bytes, content->size, items, out->factors))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "%s has %llu bytes and is not the copy of %u items with %u factors, "
                          "which has %llu",
                          place(RECS_SECTION_ITEM_CODES, out->index).text,
                          (unsigned long long)content->size, items, out->factors,
                          (unsigned long long)recs__codes_size(items, out->factors));
    out->codes = &out->codes_room;
    return RECS_OK;
}

static recs_status read_factors(const recs_model *model, const recs__file_component *record,
                                recs__component *out, recs_error *error) {
    uint32_t i = out->index, items = model->meta->items, users = model->meta->users;
    recs_status status = read_width(record, 1, out, error);
    if (status != RECS_OK)
        return status;
    if (bad_parameter(record->alpha) || bad_parameter(record->regularization) ||
        bad_parameter(record->regularization_exponent))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "component %u: alpha %g, regularization %g, exponent %g: expected finite "
                          "numbers not below 0",
                          i, (double)record->alpha, (double)record->regularization,
                          (double)record->regularization_exponent);
    out->alpha = record->alpha;
    out->regularization = record->regularization;
    out->regularization_exponent = record->regularization_exponent;
    out->items_trained = record->items_trained < items ? record->items_trained : items;
    uint64_t row = (uint64_t)out->stride * sizeof(float);
    const void *item_factors = NULL, *user_factors = NULL, *gram = NULL, *norms = NULL;
    const void *item_halves = NULL, *user_halves = NULL;
    status = array(model, RECS_SECTION_ITEM_HALVES, i, items, row / 2, OPTIONAL, &item_halves,
                   error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_ITEM_FACTORS, i, items, row,
                       item_halves != NULL ? OPTIONAL : REQUIRED, &item_factors, error);
    if (status == RECS_OK && item_halves != NULL && item_factors != NULL)
        status = recs__fail(error, RECS_ERR_CORRUPT,
                            "component %u has item_factors and item_halves, expected one of them",
                            i);
    if (status == RECS_OK && item_halves == NULL)
        status = array(model, RECS_SECTION_USER_FACTORS, i, users, row, OPTIONAL, &user_factors,
                       error);
    if (status == RECS_OK && item_halves != NULL)
        status = array(model, RECS_SECTION_USER_HALVES, i, users, row / 2, OPTIONAL, &user_halves,
                       error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_GRAM, i, out->factors, sizeof(float), REQUIRED, &gram,
                       error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_ITEM_NORMS, i, items, sizeof(float), REQUIRED, &norms,
                       error);
    out->item_factors = item_factors;
    out->user_factors = user_factors;
    out->item_halves = item_halves;
    out->user_halves = user_halves;
    out->gram = gram;
    out->item_norms = norms;
    return status == RECS_OK ? read_codes(model, out, error) : status;
}

/* An item model: the sparse part, and the low-rank one where there are factors. */
static recs_status read_items_model(const recs_model *model, const recs__file_component *record,
                                    recs__component *out, recs_error *error) {
    uint32_t i = out->index, items = model->meta->items;
    recs_status status = sparse(model, RECS_SECTION_NEIGHBOR_OFFSETS, i, items, items, REQUIRED,
                                &out->neighbors, error);
    if (status == RECS_OK)
        status = read_width(record, 0, out, error);
    if (status != RECS_OK || out->factors == 0)
        return status;
    uint64_t row = (uint64_t)out->stride * sizeof(float);
    const void *item_factors, *history_factors, *scales = NULL;
    status = array(model, RECS_SECTION_ITEM_FACTORS, i, items, row, REQUIRED, &item_factors,
                   error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_HISTORY_FACTORS, i, items, row, OPTIONAL,
                       &history_factors, error);
    if (status == RECS_OK && history_factors == NULL)
        status = array(model, RECS_SECTION_HISTORY_SCALES, i, items, sizeof(float), REQUIRED,
                       &scales, error);
    if (status != RECS_OK)
        return status;
    out->item_factors = item_factors;
    out->history_factors = history_factors;
    out->history_scales = scales;
    return read_codes(model, out, error);
}

/* A model of user neighbours: its matrix by row and by item. */
static recs_status read_users_model(const recs_model *model, const recs__file_component *record,
                                    recs__component *out, recs_error *error) {
    uint32_t i = out->index, items = model->meta->items;
    if (record->rows > INT32_MAX || record->neighbors == 0)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "component %u: %u rows and %u neighbors, expected less than 2^31 and at "
                          "least 1", i, record->rows, record->neighbors);
    if (!(record->asymmetry >= 0 && record->asymmetry <= 1) || bad_parameter(record->shrinkage) ||
        !(record->power > 0 && record->power <= 16))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "component %u: asymmetry %g, shrinkage %g, power %g: expected 0 to 1, "
                          "finite and not below 0, above 0 and at most 16", i,
                          (double)record->asymmetry, (double)record->shrinkage,
                          (double)record->power);
    out->crowd_rows = record->rows;
    out->neighbor_count = record->neighbors;
    out->asymmetry = record->asymmetry;
    out->shrinkage = record->shrinkage;
    out->power = record->power;
    const void *norms = NULL, *weights = NULL;
    recs_status status = sparse(model, RECS_SECTION_ROW_OFFSETS, i, record->rows, items, REQUIRED,
                                &out->crowd, error);
    if (status == RECS_OK)
        status = sparse(model, RECS_SECTION_POSTING_OFFSETS, i, items, record->rows, REQUIRED,
                        &out->postings, error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_ROW_NORMS, i, record->rows, sizeof(float), REQUIRED,
                       &norms, error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_ITEM_WEIGHTS, i, items, sizeof(float), REQUIRED,
                       &weights, error);
    out->row_norms = norms;
    out->item_weights = weights;
    return status;
}

/* Three texts, a NUL after each. */
static recs_status read_index_text(const recs_model *model, recs__component *out,
                                   recs_error *error) {
    const recs__content *content =
        recs__model_section(model, RECS_SECTION_VECTOR_INDEX_TEXT, out->index);
    const char **texts[] = {&out->index_made_by, &out->index_version, &out->index_text};
    const char *at = content != NULL ? (const char *)content->bytes : NULL;
    uint64_t left = content != NULL ? content->size : 0;
    for (size_t i = 0; i < 3; i++) {
        *texts[i] = "";
        if (content == NULL)
            continue;
        const char *end = left != 0 && left <= RECS__FILE_TEXT_MAX ? memchr(at, 0, left) : NULL;
        if (end == NULL)
            return recs__fail(error, RECS_ERR_CORRUPT, "%s: expected three texts, a NUL after each",
                              place(RECS_SECTION_VECTOR_INDEX_TEXT, out->index).text);
        *texts[i] = at;
        left -= (uint64_t)(end + 1 - at);
        at = end + 1;
    }
    return RECS_OK;
}

/* Vectors of items. */
static recs_status read_vectors(const recs_model *model, const recs__file_component *record,
                                recs__component *out, recs_error *error) {
    static const uint64_t widths[] = {4, 2, 2, 1};
    uint32_t i = out->index, items = model->meta->items, count = record->rows;
    if (record->factors == 0 || record->factors > RECS__FILE_DIMENSION_MAX || count > items ||
        record->metric > 2 || record->storage > 3 || record->merge > 1)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "component %u: %u vectors of dimension %u, metric %u, storage %u, merge "
                          "%u: expected at most %u, 1 to %d, at most 2, 3 and 1",
                          i, count, record->factors, record->metric, record->storage,
                          record->merge, items, RECS__FILE_DIMENSION_MAX);
    out->factors = record->factors;
    out->stride = (record->factors + 15) / 16 * 16;
    out->vector_count = count;
    out->metric = (int32_t)record->metric;
    out->storage = (int32_t)record->storage;
    out->merge = (int32_t)record->merge;
    const void *vectors = NULL, *scales = NULL, *norms = NULL, *rows = NULL;
    recs_status status = array(model, RECS_SECTION_VECTORS, i, count,
                               out->stride * widths[record->storage], REQUIRED, &vectors, error);
    if (status == RECS_OK && record->storage == 3)
        status = array(model, RECS_SECTION_VECTOR_SCALES, i, count, sizeof(float), REQUIRED,
                       &scales, error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_VECTOR_NORMS, i, count, sizeof(float), REQUIRED, &norms,
                       error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_VECTOR_ITEMS, i, count, sizeof(uint32_t),
                       count != items ? REQUIRED : OPTIONAL, &rows, error);
    if (status == RECS_OK)
        status = read_index_text(model, out, error);
    out->vectors = vectors;
    out->vector_scales = scales;
    out->vector_norms = norms;
    out->vector_items = rows;
    const recs__content *codes = recs__model_section(model, RECS_SECTION_VECTOR_CODES, i);
    out->vector_codes = codes != NULL ? codes->bytes : NULL;
    out->vector_codes_size = codes != NULL ? codes->size : 0;
    if (recs__codes_read(&out->codes_room, out->vector_codes, out->vector_codes_size, count,
                         out->factors))
        out->codes = &out->codes_room;
    const recs__content *index = recs__model_section(model, RECS_SECTION_VECTOR_INDEX, i);
    out->index_bytes = index != NULL ? index->bytes : NULL;
    out->index_size = index != NULL ? index->size : 0;
    return status;
}

/* Trends by place. Above 0 and below 2^62, so that differences of times fit. */
static recs_status read_trend_rules(const recs_model *model, recs__component *out,
                                    recs_error *error) {
    const void *found;
    recs_status status = array(model, RECS_SECTION_TREND_RULES, out->index, 1,
                               sizeof(recs__file_trend_rules), REQUIRED, &found, error);
    if (status != RECS_OK)
        return status;
    const recs__file_trend_rules *rules = found;
    if (rules->newest < 0 || rules->newest > INT64_MAX / 2 || rules->ranking > 2 ||
        !(rules->root_total >= 0 && rules->root_total <= 1e300))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "%s: expected a time and traffic of 0 or more and a ranking from 0 to 2",
                          place(RECS_SECTION_TREND_RULES, out->index).text);
    out->trend_rules = rules;
    return RECS_OK;
}

static recs_status read_trends(const recs_model *model, const recs__file_component *record,
                               recs__component *out, recs_error *error) {
    uint32_t i = out->index, rows = record->rows;
    const void *state = NULL, *items = NULL;
    if (rows > INT32_MAX)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "component %u: %u items in trends, expected less than 2^31", i, rows);
    recs_status status = read_trend_rules(model, out, error);
    const recs__content *content = recs__model_section(model, RECS_SECTION_TREND_STATE, i);
    uint64_t size = content != NULL ? content->size : 0;
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_TREND_STATE, i, size, 1, REQUIRED, &state, error);
    if (status == RECS_OK)
        status = array(model, RECS_SECTION_TREND_ROWS, i, rows, sizeof(uint32_t),
                       rows != 0 ? REQUIRED : OPTIONAL, &items, error);
    out->trend_state = state;
    out->trend_size = (size_t)size;
    out->trend_rows = items;
    out->trend_items = items != NULL ? rows : 0;
    return status;
}

/* costs[i]: scores that component i adds up, blends in blends written out. */
static recs_status read_blend(const recs_model *model, const recs__file_component *record,
                              recs__component *out, uint32_t *costs, recs_error *error) {
    const void *terms;
    recs_status status = array(model, RECS_SECTION_TERMS, RECS_SECTION_MODEL, model->meta->terms,
                               sizeof(recs__file_term), REQUIRED, &terms, error);
    if (status != RECS_OK)
        return status;
    if (record->term_count == 0 || record->first_term > model->meta->terms ||
        record->term_count > model->meta->terms - record->first_term)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "component %u: %u terms from %u on, expected at least one within %u",
                          out->index, record->term_count, record->first_term, model->meta->terms);
    out->terms = (const recs__file_term *)terms + record->first_term;
    out->term_count = record->term_count;
    uint32_t cost = 0;
    for (uint32_t i = 0; i < out->term_count; i++) {
        if (out->terms[i].component >= out->index || !isfinite(out->terms[i].weight))
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "component %u: term %u is %g of component %u, expected a finite "
                              "weight of a lower component",
                              out->index, i, (double)out->terms[i].weight,
                              out->terms[i].component);
        cost += costs[out->terms[i].component];
        if (cost > RECS__FILE_BLEND_MAX)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "component %u adds up more than %d scores", out->index,
                              RECS__FILE_BLEND_MAX);
    }
    costs[out->index] = cost;
    return RECS_OK;
}

static recs_status read_component(recs_model *model, const recs__file_component *record,
                                  recs__component *out, uint32_t *costs, recs_error *error) {
    recs_status status =
        check_name("component", out->index, record->name, sizeof record->name, false, error);
    if (status == RECS_OK)
        status = check_name("component", out->index, record->trainer, sizeof record->trainer, true,
                            error);
    if (status != RECS_OK)
        return status;
    for (uint32_t i = 0; i < out->index; i++)
        if (strcmp(model->components[i].name, record->name) == 0)
            return recs__fail(error, RECS_ERR_CORRUPT, "components %u and %u are both named %s", i,
                              out->index, record->name);
    out->name = record->name;
    out->trainer = record->trainer;
    out->kind = (recs__kind)record->kind;
    out->scale = isfinite(record->scale) ? record->scale : 1.0F;
    out->scale_similar = isfinite(record->scale_similar) ? record->scale_similar : 1.0F;
    costs[out->index] = 1;

    const void *scores;
    switch (record->kind) {
    case RECS__KIND_POPULAR:
        status = array(model, RECS_SECTION_COMPONENT_SCORES, out->index, model->meta->items,
                       sizeof(float), OPTIONAL, &scores, error);
        out->scores = scores != NULL ? scores : model->view.popular_scores;
        return status;
    case RECS__KIND_FACTORS:
        return read_factors(model, record, out, error);
    case RECS__KIND_ITEMS:
        return read_items_model(model, record, out, error);
    case RECS__KIND_BLEND:
        return read_blend(model, record, out, costs, error);
    case RECS__KIND_USERS:
        return read_users_model(model, record, out, error);
    case RECS__KIND_TRENDS:
        return read_trends(model, record, out, error);
    case RECS__KIND_VECTORS:
        return read_vectors(model, record, out, error);
    default:
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "component %u (%s) is of kind %u, this version knows 1 to %d",
                          out->index, record->name, record->kind, RECS__KIND_VECTORS);
    }
}

static recs_status read_components(recs_model *model, recs_error *error) {
    uint32_t count = model->meta->components;
    const void *records;
    recs_status status = array(model, RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, count,
                               sizeof(recs__file_component), count != 0 ? REQUIRED : OPTIONAL,
                               &records, error);
    if (status != RECS_OK)
        return status;
    model->components =
        recs__alloc_zero(&model->host, count, sizeof *model->components, error);
    if (model->components == NULL)
        return RECS_ERR_MEMORY;
    uint32_t costs[RECS__FILE_COMPONENTS_MAX];
    for (uint32_t i = 0; i < count && status == RECS_OK; i++) {
        model->components[i].index = i;
        status = read_component(model, (const recs__file_component *)records + i,
                                &model->components[i], costs, error);
    }
    model->view.components = model->components;
    model->view.component_count = count;
    return status;
}

/* ---- columns ------------------------------------------------------------------------------ */

static recs_status read_column(recs_model *model, const recs__file_column *record, uint32_t index,
                               recs_error *error) {
    recs__column *out = &model->columns[index];
    recs_status status =
        check_name("column", index, record->name, sizeof record->name, false, error);
    if (status != RECS_OK)
        return status;
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(model->columns[i].name, record->name) == 0)
            return recs__fail(error, RECS_ERR_CORRUPT, "columns %u and %u are both named %s", i,
                              index, record->name);
    out->name = record->name;
    out->type = record->type;
    static const uint64_t widths[] = {0, sizeof(uint32_t), sizeof(double), sizeof(int64_t), 1};
    if (record->type < RECS_COLUMN_TEXT || record->type > RECS_COLUMN_FLAG)
        return RECS_OK; /* of a later version: listed, without values */
    const void *values;
    status = array(model, RECS_SECTION_COLUMN_VALUES, index, model->meta->items,
                   widths[record->type], REQUIRED, &values, error);
    if (status != RECS_OK)
        return status;
    switch (record->type) {
    case RECS_COLUMN_TEXT:
        if (record->dictionary > INT32_MAX)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "column %u: a dictionary of %u entries, the limit is %d", index,
                              record->dictionary, INT32_MAX);
        out->codes = values;
        return texts(model, RECS_SECTION_COLUMN_OFFSETS, index, record->dictionary, REQUIRED,
                     &out->dictionary, error);
    case RECS_COLUMN_NUMBER:
        out->numbers = values;
        break;
    case RECS_COLUMN_TIME:
        out->times = values;
        break;
    default:
        out->flags = values;
        if (strcmp(out->name, "available") == 0)
            model->view.available = out->flags;
        break;
    }
    return RECS_OK;
}

static recs_status read_columns(recs_model *model, recs_error *error) {
    uint32_t count = model->meta->columns;
    const void *records;
    recs_status status = array(model, RECS_SECTION_COLUMNS, RECS_SECTION_MODEL, count,
                               sizeof(recs__file_column), count != 0 ? REQUIRED : OPTIONAL,
                               &records, error);
    if (status != RECS_OK)
        return status;
    model->columns = recs__alloc_zero(&model->host, count, sizeof *model->columns, error);
    if (model->columns == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < count && status == RECS_OK; i++)
        status = read_column(model, (const recs__file_column *)records + i, i, error);
    model->view.columns = model->columns;
    model->view.column_count = count;
    return status;
}

/* ---- all ------------------------------------------------------------------------------------ */

recs_status recs__view_build(recs_model *model, recs_error *error) {
    model->view.fingerprint = model->header->fingerprint;
    recs_status status = read_meta(model, error);
    if (status == RECS_OK)
        status = read_items(model, error);
    if (status == RECS_OK)
        status = read_users(model, error);
    if (status == RECS_OK)
        status = read_components(model, error);
    if (status == RECS_OK)
        status = read_texts(model, error);
    if (status == RECS_OK)
        status = read_columns(model, error);
    return status;
}
