/* item_columns.c - typed columns of the items: keeping, finding, copying.
 *
 * A text column keeps each text once. Arrays reach as far as the item of the
 * highest number with a value; beyond it everything is missing. */
#include "train/item_columns.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

size_t recs__catalogue_width(int32_t type) {
    switch (type) {
    case RECS_COLUMN_NUMBER:
        return sizeof(double);
    case RECS_COLUMN_TIME:
        return sizeof(int64_t);
    case RECS_COLUMN_FLAG:
        return sizeof(int8_t);
    default:
        return sizeof(uint32_t);
    }
}

void recs__catalogue_clear(recs__catalogue *catalogue, const recs_host *host) {
    for (size_t c = 0; c < catalogue->column_count; c++) {
        recs__free(host, catalogue->columns[c].values);
        recs__intern_clear(&catalogue->columns[c].texts, host);
    }
    recs__free(host, catalogue->columns);
    recs__free(host, catalogue->titles);
    recs__free(host, catalogue->listed);
    recs__intern_clear(&catalogue->title_texts, host);
    memset(catalogue, 0, sizeof *catalogue);
}

const recs__catalogue_column *recs__catalogue_find(const recs__catalogue *catalogue,
                                                   const char *name) {
    for (size_t c = 0; c < catalogue->column_count; c++)
        if (strcmp(catalogue->columns[c].name, name) == 0)
            return &catalogue->columns[c];
    return NULL;
}

const char *recs__catalogue_text(const recs__catalogue *catalogue,
                                 const recs__catalogue_column *column, uint32_t item,
                                 size_t *size) {
    const uint32_t *codes = column->values;
    *size = 0;
    if (column->type != RECS_COLUMN_TEXT || item >= catalogue->count ||
        codes[item] == RECS_NO_ROW)
        return NULL;
    return recs__intern_text(&column->texts, codes[item], size);
}

void recs__catalogue_missing(int32_t type, void *values, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) {
        if (type == RECS_COLUMN_NUMBER)
            ((double *)values)[i] = NAN;
        else if (type == RECS_COLUMN_TIME)
            ((int64_t *)values)[i] = RECS_NO_TIME;
        else if (type == RECS_COLUMN_FLAG)
            ((int8_t *)values)[i] = -1;
        else
            ((uint32_t *)values)[i] = RECS_NO_ROW;
    }
}

recs_status recs__catalogue_add_column(recs__catalogue *catalogue, const char *name, int32_t type,
                                       const recs_host *host, recs__catalogue_column **column,
                                       recs_error *error) {
    recs_status status = recs__grow(host, (void **)&catalogue->columns,
                                    &catalogue->column_capacity, catalogue->column_count + 1,
                                    sizeof *catalogue->columns, error);
    if (status != RECS_OK)
        return status;
    recs__catalogue_column *made = &catalogue->columns[catalogue->column_count];
    memset(made, 0, sizeof *made);
    made->type = type;
    memcpy(made->name, name, strlen(name) < sizeof made->name ? strlen(name)
                                                              : sizeof made->name - 1);
    made->values = recs__alloc(host, catalogue->count, recs__catalogue_width(type), error);
    if (made->values == NULL)
        return RECS_ERR_MEMORY;
    recs__catalogue_missing(type, made->values, 0, catalogue->count);
    catalogue->column_count++;
    *column = made;
    return RECS_OK;
}

recs_status recs__catalogue_copy(recs__catalogue *out, const recs__catalogue *from,
                                 const uint32_t *new_items, uint32_t new_count,
                                 const recs_host *host, recs_error *error) {
    memset(out, 0, sizeof *out);
    out->count = new_count;
    out->titles = recs__alloc(host, new_count, sizeof *out->titles, error);
    out->listed = recs__alloc_zero(host, new_count, 1, error);
    recs_status status = out->titles != NULL && out->listed != NULL ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK) {
        recs__catalogue_missing(RECS_COLUMN_TEXT, out->titles, 0, new_count);
        for (uint32_t i = 0; i < from->count; i++)
            if (new_items == NULL || new_items[i] != RECS_NO_ROW) {
                out->titles[new_items ? new_items[i] : i] = from->titles[i];
                out->listed[new_items ? new_items[i] : i] = from->listed[i];
            }
        status = recs__intern_copy(&out->title_texts, &from->title_texts, host, error);
    }
    for (size_t c = 0; c < from->column_count && status == RECS_OK; c++) {
        const recs__catalogue_column *source = &from->columns[c];
        recs__catalogue_column *column = NULL;
        size_t width = recs__catalogue_width(source->type);
        status = recs__catalogue_add_column(out, source->name, source->type, host, &column, error);
        if (status != RECS_OK)
            break;
        for (uint32_t i = 0; i < from->count; i++)
            if (new_items == NULL || new_items[i] != RECS_NO_ROW)
                memcpy((char *)column->values + (new_items ? new_items[i] : i) * width,
                       (const char *)source->values + i * width, width);
        status = recs__intern_copy(&column->texts, &source->texts, host, error);
    }
    if (status != RECS_OK)
        recs__catalogue_clear(out, host);
    return status;
}
