/* catalogue.c - typed columns of the shop's catalogue.
 *
 * Operations: getters, constant, but for the look-up by name, O(columns).
 * A value of another type than asked for is a missing one. */
#include "model/internal.h"

#include <math.h>
#include <string.h>

uint32_t recs_model_column_count(const recs_model *model) { return model->view.column_count; }

const char *recs_model_column_name(const recs_model *model, uint32_t column) {
    return column < model->view.column_count ? model->columns[column].name : NULL;
}

int32_t recs_model_column_type(const recs_model *model, uint32_t column) {
    if (column >= model->view.column_count || model->columns[column].type > INT32_MAX)
        return 0;
    return (int32_t)model->columns[column].type;
}

uint32_t recs_model_column_find(const recs_model *model, const char *name) {
    for (uint32_t i = 0; name != NULL && i < model->view.column_count; i++)
        if (strcmp(model->columns[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

/* The column when it and the row exist. */
static const recs__column *find(const recs_model *model, uint32_t column, uint32_t row) {
    return column < model->view.column_count && row < model->view.items ? &model->columns[column]
                                                                        : NULL;
}

const char *recs_model_item_text(const recs_model *model, uint32_t column, uint32_t row) {
    const recs__column *found = find(model, column, row);
    if (found == NULL || found->codes == NULL)
        return NULL;
    return recs__ids_get(&found->dictionary, found->codes[row], NULL);
}

double recs_model_item_number(const recs_model *model, uint32_t column, uint32_t row) {
    const recs__column *found = find(model, column, row);
    return found != NULL && found->numbers != NULL ? found->numbers[row] : (double)NAN;
}

int64_t recs_model_item_time(const recs_model *model, uint32_t column, uint32_t row) {
    const recs__column *found = find(model, column, row);
    return found != NULL && found->times != NULL ? found->times[row] : RECS_NO_TIME;
}

int32_t recs_model_item_flag(const recs_model *model, uint32_t column, uint32_t row) {
    const recs__column *found = find(model, column, row);
    if (found == NULL || found->flags == NULL)
        return -1;
    int8_t flag = found->flags[row];
    return flag == 0 || flag == 1 ? flag : -1;
}
