/* data.c - reading logs and catalogues as the options say. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* The library's name of an option: "drop_items" of --drop-items. */
static const char *rule_name(const char *option) {
    static const char *const differ[][2] = {{"drop-items", "drop_items"},
                                            {"item-columns", "item_columns"}};
    for (size_t i = 0; i < sizeof differ / sizeof *differ; i++)
        if (strcmp(option, differ[i][0]) == 0)
            return differ[i][1];
    return option;
}

static bool too_many(const command *self, const char *what, int *code) {
    *code = usage_error(self, "more than %d times %s", DATA_FILES, what);
    return false;
}

bool data_option(data *d, const command *self, const struct option *option, int value,
                 const char *argument, int *code) {
    *code = EXIT_OK;
    switch (value) {
    case DATA_INPUT:
        if (d->input_count == DATA_FILES)
            return too_many(self, "a log to read", code);
        d->inputs[d->input_count++] = argument;
        return true;
    case DATA_ITEMS:
        d->items = argument;
        return true;
    case DATA_STRICT:
    case DATA_RULE:
        if (d->rule_count == DATA_FILES)
            return too_many(self, "a rule of reading", code);
        d->rules[d->rule_count].name = rule_name(option->name);
        d->rules[d->rule_count++].value = value == DATA_STRICT ? "yes" : argument;
        return true;
    default:
        return false;
    }
}

bool data_apart(const data *d, const command *self, const char *option, const char *output) {
    bool apart = output_apart(self, option, output, "items", d->items);

    for (size_t i = 0; i < d->input_count && apart; i++)
        apart = output_apart(self, option, output, "input", d->inputs[i]);
    return apart;
}

static const char *rule(const data *d, const char *name) {
    const char *value = NULL;
    for (size_t i = 0; i < d->rule_count; i++)
        if (strcmp(d->rules[i].name, name) == 0)
            value = d->rules[i].value;
    return value;
}

/* The folder of temporary files where none is given: the environment's, or that
 * of the output, which has room for as much. */
static recs_status set_temporary(const data *d, recs_dataset *dataset, recs_error *error) {
    const char *folder = getenv("TMPDIR");

    if (!rule(d, "memory") || rule(d, "temporary"))
        return RECS_OK;
    if (folder && *folder)
        return recs_dataset_set(dataset, "temporary", folder, error);
    if (!d->beside)
        return RECS_OK;
    char *copy = strdup(d->beside), *slash = copy ? strrchr(copy, '/') : NULL;
    if (slash)
        slash[slash == copy] = '\0';
    recs_status status = recs_dataset_set(dataset, "temporary", slash ? copy : ".", error);
    free(copy);
    return status;
}

recs_dataset *data_read(const data *d, const command *self, const recs_host *host, progress *p,
                        int *code) {
    recs_dataset *dataset = NULL;
    recs_error error;

    if (recs_dataset_create(&dataset, host, &error)) {
        *code = fail_work(&error);
        return NULL;
    }
    recs_dataset_progress(dataset, progress_show, p);
    for (size_t i = 0; i < d->rule_count; i++) {
        if (recs_dataset_set(dataset, d->rules[i].name, d->rules[i].value, &error) == RECS_OK)
            continue;
        *code = error.status == RECS_ERR_ARGUMENT ? usage_error(self, "%s", error.text)
                                                  : fail_work(&error);
        recs_dataset_destroy(dataset);
        return NULL;
    }
    recs_status status = set_temporary(d, dataset, &error);
    if (status == RECS_OK && d->items)
        status = recs_dataset_read_items(dataset, d->items, &error);
    for (size_t i = 0; i < d->input_count && status == RECS_OK; i++)
        status = recs_dataset_read(dataset, d->inputs[i], &error);
    progress_close(p);
    if (status == RECS_OK)
        return dataset;
    *code = fail_work(&error);
    recs_dataset_destroy(dataset);
    return NULL;
}

void data_report(recs_dataset *dataset, progress *p) {
    const char *text = recs_dataset_report(dataset);

    progress_close(p); /* the first report nets and counts */
    fputs(text, stdout);
    fflush(stdout);
}
