/* verify.c - reading everything a model file holds and saying what is wrong.
 *
 * Operation: recs_model_verify. Cost: one pass over the file, about 2 GB/s;
 * one bit per item of memory. Messages name the section, the row and what was
 * expected.
 *
 * Invariant: nothing found wrong here can make a getter crash; verify is for
 * knowing, not for safety. */
#include "base/text.h"
#include "kernels/codes.h"
#include "kernels/kernels.h"
#include "model/internal.h"
#include "recs/events.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "section gram of component 2": where a check is. */
typedef struct spot {
    const char *section;
    uint32_t of;
} spot;

static recs_status wrong(spot at, uint64_t row, recs_error *error, const char *format, ...)
    RECS_PRINTF(4, 5);

static recs_status wrong(spot at, uint64_t row, recs_error *error, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (at.of == RECS_SECTION_MODEL)
        return recs__fail(error, RECS_ERR_CORRUPT, "section %s, row %llu: %s", at.section,
                          (unsigned long long)row, text);
    return recs__fail(error, RECS_ERR_CORRUPT, "section %s of %u, row %llu: %s", at.section, at.of,
                      (unsigned long long)row, text);
}

/* ---- bytes -------------------------------------------------------------------------- */

static recs_status verify_checksums(const recs_model *model, recs_error *error) {
    for (uint32_t i = 0; i < model->header->section_count; i++) {
        const recs__file_section *section = &model->table[i];
        uint64_t checksum =
            recs__hash(model->image.bytes + section->offset, (size_t)section->size);
        if (checksum == section->checksum)
            continue;
        char place[RECS__SECTION_PLACE];
        recs__section_place(section->type, section->component, place);
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "section %s is damaged: checksum %016llx, expected %016llx", place,
                          (unsigned long long)checksum, (unsigned long long)section->checksum);
    }
    return RECS_OK;
}

static recs_status verify_zeros(const recs_model *model, uint64_t begin, uint64_t end,
                                recs_error *error) {
    for (uint64_t i = begin; i < end; i++)
        if (model->image.bytes[i] != 0)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "byte %llu between sections is 0x%02X, expected 0",
                              (unsigned long long)i, model->image.bytes[i]);
    return RECS_OK;
}

static recs_status verify_gaps(const recs_model *model, recs_error *error) {
    const recs__file_header *header = model->header;
    uint64_t table_end =
        header->table_offset + (uint64_t)header->section_count * sizeof(recs__file_section);
    uint64_t used = sizeof *header;
    bool table_seen = false;
    recs_status status = RECS_OK;
    for (uint32_t i = 0; i <= header->section_count && status == RECS_OK; i++) {
        const recs__file_section *section =
            i < header->section_count ? &model->table[model->by_offset[i]] : NULL;
        if (section != NULL && section->size == 0)
            continue;
        uint64_t begin = section != NULL ? section->offset : header->file_size;
        if (!table_seen && header->table_offset < begin) {
            status = verify_zeros(model, used, header->table_offset, error);
            used = table_end;
            table_seen = true;
        }
        if (status == RECS_OK)
            status = verify_zeros(model, used, begin, error);
        used = section != NULL ? section->offset + section->size : begin;
    }
    return status;
}

static recs_status verify_fingerprint(const recs_model *model, recs_error *error) {
    recs__hash_stream *room = recs__alloc_aligned(&model->host, 1, sizeof *room, error);
    if (room == NULL)
        return RECS_ERR_MEMORY;
    uint64_t fingerprint =
        recs__table_fingerprint(model->table, model->header->section_count, room);
    recs__free_aligned(&model->host, room);
    if (fingerprint != model->header->fingerprint)
        return recs__fail(error, RECS_ERR_CORRUPT, "fingerprint %016llx, expected %016llx",
                          (unsigned long long)model->header->fingerprint,
                          (unsigned long long)fingerprint);
    return RECS_OK;
}

/* ---- plain arrays --------------------------------------------------------------------- */

static recs_status verify_floats(const float *values, uint64_t count, spot at,
                                 recs_error *error) {
    for (uint64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return wrong(at, i, error, "%g is not finite", (double)values[i]);
    return RECS_OK;
}

static recs_status verify_offsets(const uint64_t *offsets, uint64_t rows, uint64_t end, spot at,
                                  recs_error *error) {
    if (offsets == NULL)
        return RECS_OK;
    if (offsets[0] != 0)
        return wrong(at, 0, error, "begins at %llu, expected 0", (unsigned long long)offsets[0]);
    for (uint64_t i = 0; i < rows; i++)
        if (offsets[i + 1] < offsets[i])
            return wrong(at, i, error, "ends at %llu, before its beginning, %llu",
                         (unsigned long long)offsets[i + 1], (unsigned long long)offsets[i]);
    if (offsets[rows] != end)
        return wrong(at, rows, error, "the last offset is %llu, expected %llu",
                     (unsigned long long)offsets[rows], (unsigned long long)end);
    return RECS_OK;
}

/* Ids: valid, sorted, unique. */
static recs_status verify_ids(const recs__ids *ids, uint32_t offsets_type, uint32_t of,
                              recs_error *error) {
    spot offsets = {recs__section_label(offsets_type), of};
    spot bytes = {recs__section_label(offsets_type + 1), of};
    recs_status status = verify_offsets(ids->offsets, ids->count, ids->size, offsets, error);
    const char *before = NULL;
    size_t before_size = 0;
    for (uint32_t i = 0; i < ids->count && status == RECS_OK; i++) {
        size_t size;
        const char *id = recs__ids_get(ids, i, &size);
        if (id == NULL)
            return wrong(bytes, i, error, "not 1 to %d bytes with a NUL behind them", RECS_ID_MAX);
        const char *problem = recs__id_problem(id, size);
        if (problem != NULL)
            return wrong(bytes, i, error, "the id %s", problem);
        if (before != NULL && recs__compare_ids(before, before_size, id, size) >= 0)
            return wrong(bytes, i, error, "\"%.80s\" does not come after \"%.80s\"", id, before);
        before = id;
        before_size = size;
    }
    return status;
}

/* Titles and dictionaries: UTF-8 without a NUL inside; no bytes at all or a
 * lone NUL for an empty one. */
static recs_status verify_texts(const recs__ids *texts, uint32_t offsets_type, uint32_t of,
                                recs_error *error) {
    spot offsets = {recs__section_label(offsets_type), of};
    spot bytes = {recs__section_label(offsets_type + 1), of};
    recs_status status = verify_offsets(texts->offsets, texts->count, texts->size, offsets, error);
    for (uint32_t i = 0; i < texts->count && status == RECS_OK; i++) {
        size_t size;
        const char *text = recs__ids_get(texts, i, &size);
        if (text == NULL && texts->offsets[i] != texts->offsets[i + 1])
            return wrong(bytes, i, error, "the text has no NUL behind it");
        if (text != NULL && (memchr(text, '\0', size) != NULL || !recs__utf8_valid(text, size)))
            return wrong(bytes, i, error, "the text is not valid UTF-8 without a NUL");
    }
    return status;
}

/* ---- matrices ---------------------------------------------------------------------------- */

/* distinct: whether a column may be there once only in a row. */
static recs_status verify_csr(const recs__csr *csr, uint32_t offsets_type, uint32_t of,
                              bool distinct, recs_error *error) {
    spot offsets = {recs__section_label(offsets_type), of};
    spot columns = {recs__section_label(offsets_type + 1), of};
    spot values = {recs__section_label(offsets_type + 2), of};
    recs_status status = verify_offsets(csr->offsets, csr->rows, csr->entries, offsets, error);
    if (status == RECS_OK)
        status = csr->values != NULL ? verify_floats(csr->values, csr->entries, values, error)
                                     : RECS_OK;
    for (uint32_t row = 0; row < csr->rows && status == RECS_OK; row++) {
        uint64_t first;
        size_t count = recs__csr_row(csr, row, &first);
        for (size_t i = 0; i < count; i++) {
            uint32_t column = csr->columns[first + i];
            if (column >= csr->column_count)
                return wrong(columns, row, error, "item row %u, expected below %u", column,
                             csr->column_count);
            uint32_t before = i != 0 ? csr->columns[first + i - 1] : 0;
            if (i != 0 && (distinct ? column <= before : column < before))
                return wrong(columns, row, error, "item row %u after %u, expected ascending",
                             column, before);
        }
    }
    return status;
}

/* Finite, and +0 to the bit behind the factors. */
static recs_status verify_factors(const float *rows, uint32_t count, const recs__component *of,
                                  uint32_t type, recs_error *error) {
    spot at = {recs__section_label(type), of->index};
    if (rows == NULL)
        return RECS_OK;
    for (uint32_t row = 0; row < count; row++) {
        const float *values = rows + (size_t)row * of->stride;
        for (uint32_t i = 0; i < of->factors; i++)
            if (!isfinite(values[i]))
                return wrong(at, row, error, "factor %u is %g, expected a finite number", i,
                             (double)values[i]);
        for (uint32_t i = of->factors; i < of->stride; i++) {
            uint32_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            if (bits != 0)
                return wrong(at, row, error, "the padding behind the factors is %g, expected +0",
                             (double)values[i]);
        }
    }
    return RECS_OK;
}

/* The same of bfloat16: no infinity and no NaN, and +0 behind. */
static recs_status verify_halves(const uint16_t *rows, uint32_t count, const recs__component *of,
                                 uint32_t type, recs_error *error) {
    spot at = {recs__section_label(type), of->index};
    for (uint32_t row = 0; rows != NULL && row < count; row++) {
        const uint16_t *values = rows + (size_t)row * of->stride;
        for (uint32_t i = 0; i < of->factors; i++)
            if ((values[i] & 0x7F80) == 0x7F80)
                return wrong(at, row, error, "factor %u is 0x%04X, expected a finite number", i,
                             values[i]);
        for (uint32_t i = of->factors; i < of->stride; i++)
            if (values[i] != 0)
                return wrong(at, row, error, "the padding behind the factors is 0x%04X, expected +0",
                             values[i]);
    }
    return RECS_OK;
}

static recs_status verify_gram(const recs__component *of, recs_error *error) {
    spot at = {recs__section_label(RECS_SECTION_GRAM), of->index};
    for (uint32_t row = 0; row < of->factors; row++) {
        if (!isfinite(of->gram[row]) || of->gram[row] < 0)
            return wrong(at, row, error, "%g, expected a sum of squares", (double)of->gram[row]);
    }
    return RECS_OK;
}

static recs_status verify_norms(const recs_model *model, const recs__component *component,
                                recs_error *error) {
    const recs__kernels *kernels = recs__kernels_get();
    spot at = {recs__section_label(RECS_SECTION_ITEM_NORMS), component->index};
    float wide[RECS__FILE_FACTORS_MAX];
    for (uint32_t i = 0; i < model->view.items; i++) {
        size_t begin = (size_t)i * component->stride;
        const float *row = component->item_factors + begin;
        if (component->item_factors == NULL) {
            kernels->widen(component->item_halves + begin, wide, component->factors);
            row = wide;
        }
        float norm = sqrtf(kernels->dot(row, row, component->factors));
        if (!(component->item_norms[i] == norm))
            return wrong(at, i, error, "%.9g, expected %.9g, the length of the item's factors",
                         (double)component->item_norms[i], (double)norm);
    }
    return RECS_OK;
}

static recs_status verify_codes(const recs_model *model, const recs__component *of,
                                recs_error *error) {
    recs__stored stored = {
        .values = of->item_factors != NULL ? (const void *)of->item_factors : of->item_halves,
        .type = of->item_factors != NULL ? RECS__STORED_FLOAT : RECS__STORED_HALF,
        .rows = model->view.items,
        .dims = of->factors,
        .stride = of->stride};
    recs_error found;
    if (of->codes == NULL)
        return RECS_OK;
    recs_status status = recs__codes_verify(of->codes, &stored, &model->host, &found);
    if (status == RECS_ERR_CORRUPT)
        return recs__fail(error, status, "section %s of %u, %s",
                          recs__section_label(RECS_SECTION_ITEM_CODES), of->index, found.text);
    return status == RECS_OK ? status : recs__fail(error, status, "%s", found.text);
}

/* ---- parts of the model ---------------------------------------------------------------------- */

static recs_status verify_popular(const recs_model *model, recs_error *error) {
    const recs__view *view = &model->view;
    spot order = {recs__section_label(RECS_SECTION_POPULAR_ORDER), RECS_SECTION_MODEL};
    spot scores = {recs__section_label(RECS_SECTION_POPULAR_SCORES), RECS_SECTION_MODEL};
    recs_status status = verify_floats(view->popular_scores, view->items, scores, error);
    if (status != RECS_OK)
        return status;
    uint8_t *seen =
        recs__alloc_zero(&model->host, (size_t)view->items / 8 + 1, sizeof *seen, error);
    if (seen == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < view->items && status == RECS_OK; i++) {
        uint32_t row = view->popular_order[i];
        if (row >= view->items) {
            status = wrong(order, i, error, "item row %u, expected below %u", row, view->items);
            break;
        }
        if ((seen[row / 8] >> (row % 8) & 1) != 0) {
            status = wrong(order, i, error, "item row %u for the second time", row);
            break;
        }
        seen[row / 8] = (uint8_t)(seen[row / 8] | 1 << (row % 8));
        if (i == 0)
            continue;
        uint32_t before = view->popular_order[i - 1];
        float score = view->popular_scores[row], score_before = view->popular_scores[before];
        if (score > score_before || (score == score_before && row < before))
            status = wrong(order, i, error,
                           "item row %u with %g after row %u with %g: expected by score, then row",
                           row, (double)score, before, (double)score_before);
    }
    recs__free(&model->host, seen);
    return status;
}

static recs_status verify_history(const recs_model *model, recs_error *error) {
    const recs__view *view = &model->view;
    recs_status status = verify_csr(&view->history, RECS_SECTION_HISTORY_OFFSETS,
                                    RECS_SECTION_MODEL, false, error);
    spot types = {recs__section_label(RECS_SECTION_HISTORY_TYPES), RECS_SECTION_MODEL};
    for (uint64_t i = 0; view->history_types != NULL && i < view->history.entries; i++)
        if (status == RECS_OK && view->history_types[i] > RECS_EVENT_MAX)
            status = wrong(types, i, error, "event type %u, expected at most %d",
                           view->history_types[i], RECS_EVENT_MAX);
    return status;
}

/* Vectors as floats are finite, their norms what they say, items ascend, and the
 * quantised copy bounds them. */
static recs_status verify_vectors(const recs_model *model, const recs__component *component,
                                  recs_error *error) {
    static const recs__stored_type types[] = {RECS__STORED_FLOAT, RECS__STORED_FLOAT16,
                                              RECS__STORED_HALF, RECS__STORED_INT8};
    recs__stored stored = {.values = component->vectors,
                           .scales = component->vector_scales,
                           .type = types[component->storage],
                           .rows = component->vector_count,
                           .dims = component->factors,
                           .stride = component->stride};
    spot vectors = {recs__section_label(RECS_SECTION_VECTORS), component->index};
    spot norms = {recs__section_label(RECS_SECTION_VECTOR_NORMS), component->index};
    spot items = {recs__section_label(RECS_SECTION_VECTOR_ITEMS), component->index};
    spot codes = {recs__section_label(RECS_SECTION_VECTOR_CODES), component->index};
    float *room = recs__alloc(&model->host, component->stride, sizeof *room, error);
    recs_status status = room != NULL ? RECS_OK : RECS_ERR_MEMORY;
    for (uint32_t row = 0; status == RECS_OK && row < component->vector_count; row++) {
        const float *floats = recs__stored_floats(&stored, row, room);
        for (uint32_t j = 0; status == RECS_OK && j < component->factors; j++)
            if (!isfinite(floats[j]))
                status = wrong(vectors, row, error, "number %u is %g, expected a finite one", j,
                               (double)floats[j]);
        float norm = sqrtf(recs__kernels_get()->dot(floats, floats, component->factors));
        if (status == RECS_OK && !(component->vector_norms[row] == norm))
            status = wrong(norms, row, error, "%.9g, expected %.9g, the length of the vector",
                           (double)component->vector_norms[row], (double)norm);
        if (status == RECS_OK && component->vector_items != NULL &&
            (component->vector_items[row] >= model->view.items ||
             (row != 0 && component->vector_items[row] <= component->vector_items[row - 1])))
            status = wrong(items, row, error, "item row %u, expected ascending rows below %u",
                           component->vector_items[row], model->view.items);
    }
    recs__free(&model->host, room);
    recs__codes copy;
    if (status == RECS_OK && component->vector_codes != NULL) {
        if (!recs__codes_read(&copy, component->vector_codes, component->vector_codes_size,
                              stored.rows, stored.dims))
            return wrong(codes, 0, error, "not a copy of %u vectors of dimension %u", stored.rows,
                         stored.dims);
        status = recs__codes_verify(&copy, &stored, &model->host, error);
    }
    return status;
}

/* The state has a checksum of its own and is checked where it is asked. */
static recs_status verify_trends(const recs_model *model, const recs__component *component,
                                 recs_error *error) {
    spot at = {recs__section_label(RECS_SECTION_TREND_ROWS), component->index};
    for (uint32_t i = 0; i < component->trend_items; i++)
        if (component->trend_rows[i] >= model->view.items ||
            (i > 0 && component->trend_rows[i] <= component->trend_rows[i - 1]))
            return wrong(at, i, error, "row %u, expected ascending rows below %u",
                         component->trend_rows[i], model->view.items);
    return RECS_OK;
}

static recs_status verify_component(const recs_model *model, const recs__component *component,
                                    recs_error *error) {
    const recs__view *view = &model->view;
    spot scores = {recs__section_label(RECS_SECTION_COMPONENT_SCORES), component->index};
    recs_status status;
    switch (component->kind) {
    case RECS__KIND_POPULAR:
        return verify_floats(component->scores, view->items, scores, error);
    case RECS__KIND_ITEMS:
        status = verify_csr(&component->neighbors, RECS_SECTION_NEIGHBOR_OFFSETS,
                            component->index, true, error);
        if (status == RECS_OK)
            status = verify_factors(component->item_factors, view->items, component,
                                    RECS_SECTION_ITEM_FACTORS, error);
        if (status == RECS_OK)
            status = verify_factors(component->history_factors, view->items, component,
                                    RECS_SECTION_HISTORY_FACTORS, error);
        if (status == RECS_OK && component->history_scales != NULL)
            status = verify_floats(
                component->history_scales, view->items,
                (spot){recs__section_label(RECS_SECTION_HISTORY_SCALES), component->index}, error);
        if (status == RECS_OK && component->item_factors != NULL)
            status = verify_codes(model, component, error);
        return status;
    case RECS__KIND_FACTORS:
        status = verify_factors(component->item_factors, view->items, component,
                                RECS_SECTION_ITEM_FACTORS, error);
        if (status == RECS_OK)
            status = verify_factors(component->user_factors, view->users, component,
                                    RECS_SECTION_USER_FACTORS, error);
        if (status == RECS_OK)
            status = verify_halves(component->item_halves, view->items, component,
                                   RECS_SECTION_ITEM_HALVES, error);
        if (status == RECS_OK)
            status = verify_halves(component->user_halves, view->users, component,
                                   RECS_SECTION_USER_HALVES, error);
        if (status == RECS_OK)
            status = verify_gram(component, error);
        if (status == RECS_OK)
            status = verify_norms(model, component, error);
        if (status == RECS_OK)
            status = verify_codes(model, component, error);
        return status;
    case RECS__KIND_VECTORS:
        return verify_vectors(model, component, error);
    case RECS__KIND_USERS:
        status = verify_csr(&component->crowd, RECS_SECTION_ROW_OFFSETS, component->index, true,
                            error);
        if (status == RECS_OK)
            status = verify_csr(&component->postings, RECS_SECTION_POSTING_OFFSETS,
                                component->index, true, error);
        if (status == RECS_OK)
            status = verify_floats(
                component->row_norms, component->crowd_rows,
                (spot){recs__section_label(RECS_SECTION_ROW_NORMS), component->index}, error);
        if (status == RECS_OK)
            status = verify_floats(
                component->item_weights, view->items,
                (spot){recs__section_label(RECS_SECTION_ITEM_WEIGHTS), component->index}, error);
        return status;
    case RECS__KIND_TRENDS:
        return verify_trends(model, component, error);
    case RECS__KIND_BLEND:
        return RECS_OK; /* all of it was checked at open */
    }
    return RECS_OK;
}

static recs_status verify_column(const recs_model *model, uint32_t index, recs_error *error) {
    const recs__column *column = &model->columns[index];
    spot at = {recs__section_label(RECS_SECTION_COLUMN_VALUES), index};
    uint32_t items = model->view.items;
    recs_status status = RECS_OK;
    if (column->codes != NULL)
        status = verify_texts(&column->dictionary, RECS_SECTION_COLUMN_OFFSETS, index, error);
    for (uint32_t i = 0; i < items && status == RECS_OK; i++) {
        if (column->codes != NULL && column->codes[i] != UINT32_MAX &&
            column->codes[i] >= column->dictionary.count)
            return wrong(at, i, error, "code %u, expected below %u", column->codes[i],
                         column->dictionary.count);
        if (column->numbers != NULL && isinf(column->numbers[i]))
            return wrong(at, i, error, "the number is infinite");
        if (column->flags != NULL && (column->flags[i] < -1 || column->flags[i] > 1))
            return wrong(at, i, error, "flag %d, expected -1, 0 or 1", column->flags[i]);
    }
    return status;
}

static recs_status verify_meta(const recs_model *model, recs_error *error) {
    const recs__file_meta *meta = model->meta;
    bool first = meta->first_time != RECS_NO_TIME, last = meta->last_time != RECS_NO_TIME;
    if (first != last || meta->first_time > meta->last_time)
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "section meta: first time %lld and last time %lld do not fit",
                          (long long)meta->first_time, (long long)meta->last_time);
    for (uint32_t i = 0; i < model->view.component_count; i++) {
        const recs__file_component *record =
            (const recs__file_component *)(const void *)recs__model_section(
                model, RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL)->bytes + i;
        if (record->items_trained > meta->items)
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "section components, row %u: trained on %u items of %u", i,
                              record->items_trained, meta->items);
        if (!isfinite(record->scale) || !isfinite(record->scale_similar))
            return recs__fail(error, RECS_ERR_CORRUPT,
                              "section components, row %u: scale %g and %g, expected finite", i,
                              (double)record->scale, (double)record->scale_similar);
    }
    return RECS_OK;
}

static recs_status verify_plain_text(const recs_model *model, uint32_t type, uint32_t component,
                                     bool nul_allowed, recs_error *error) {
    const recs__content *content = recs__model_section(model, type, component);
    if (content == NULL)
        return RECS_OK;
    const char *bytes = (const char *)content->bytes;
    size_t size = (size_t)content->size;
    if (!recs__utf8_valid(bytes, size) || (!nul_allowed && memchr(bytes, '\0', size) != NULL))
        return wrong((spot){recs__section_label(type), component}, 0, error,
                     "not valid UTF-8%s", nul_allowed ? "" : " without a NUL");
    return RECS_OK;
}

static recs_status verify_all_texts(const recs_model *model, recs_error *error) {
    recs_status status = verify_plain_text(model, RECS_SECTION_DESCRIPTION, RECS_SECTION_MODEL,
                                           false, error);
    if (status == RECS_OK)
        status = verify_plain_text(model, RECS_SECTION_EVENT_TYPES, RECS_SECTION_MODEL, true,
                                   error);
    for (uint32_t i = 0; i < model->view.component_count && status == RECS_OK; i++)
        status = verify_plain_text(model, RECS_SECTION_SETTINGS, i, false, error);
    return status;
}

recs_status recs_model_verify(const recs_model *model, recs_error *error) {
    typedef recs_status check(const recs_model *model, recs_error *error);
    static check *const checks[] = {verify_checksums, verify_gaps,    verify_fingerprint,
                                    verify_meta,      verify_all_texts};
    const recs__view *view = &model->view;
    recs_status status = RECS_OK;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && status == RECS_OK; i++)
        status = checks[i](model, error);
    if (status == RECS_OK)
        status = verify_ids(&view->item_ids, RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_MODEL,
                            error);
    if (status == RECS_OK)
        status = verify_ids(&view->user_ids, RECS_SECTION_USER_ID_OFFSETS, RECS_SECTION_MODEL,
                            error);
    if (status == RECS_OK)
        status = verify_texts(&view->titles, RECS_SECTION_TITLE_OFFSETS, RECS_SECTION_MODEL,
                              error);
    if (status == RECS_OK)
        status = verify_popular(model, error);
    if (status == RECS_OK)
        status = verify_history(model, error);
    for (uint32_t i = 0; i < view->component_count && status == RECS_OK; i++)
        status = verify_component(model, &view->components[i], error);
    for (uint32_t i = 0; i < view->column_count && status == RECS_OK; i++)
        status = verify_column(model, i, error);
    return status;
}
