/* data.c - reading logs and catalogues as the options say. */
#include "cli.h"

#include <string.h>

bool data_option(data *d, const struct option *option, int value, const char *argument) {
    switch (value) {
    case DATA_INPUT:
        if (d->input_count < DATA_FILES)
            d->inputs[d->input_count++] = argument;
        return true;
    case DATA_ITEMS:
        d->items = argument;
        return true;
    case DATA_STRICT:
    case DATA_RULE:
        if (d->rule_count < DATA_FILES) {
            d->rules[d->rule_count].name =
                strcmp(option->name, "drop-items") == 0 ? "drop_items" : option->name;
            d->rules[d->rule_count++].value = value == DATA_STRICT ? "yes" : argument;
        }
        return true;
    default:
        return false;
    }
}

recs_dataset *data_read(const data *d, const recs_host *host, progress *p, recs_error *error) {
    recs_dataset *dataset = NULL;
    recs_status status = recs_dataset_create(&dataset, host, error);

    if (status == RECS_OK)
        recs_dataset_progress(dataset, progress_show, p);
    for (size_t i = 0; i < d->rule_count && status == RECS_OK; i++)
        status = recs_dataset_set(dataset, d->rules[i].name, d->rules[i].value, error);
    if (status == RECS_OK && d->items)
        status = recs_dataset_read_items(dataset, d->items, error);
    for (size_t i = 0; i < d->input_count && status == RECS_OK; i++)
        status = recs_dataset_read(dataset, d->inputs[i], error);
    progress_close(p);
    if (status == RECS_OK)
        return dataset;
    recs_dataset_destroy(dataset);
    return NULL;
}
