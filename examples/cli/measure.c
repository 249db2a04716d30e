/* measure.c - what evaluate and benchmark share: options, comparisons, files. */
#include "cli.h"

#include <string.h>

measure measure_defaults(void) {
    return (measure){.how = {.struct_size = sizeof(recs_evaluate_options),
                             .baselines = 1,
                             .metrics = "all",
                             .resamples = 1000}};
}

static bool take_repeats(measure *m, const command *self, const char *value, int *code) {
    static const char *const names[] = {"exclude", "include", "only"};

    for (int32_t i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) != 0)
            continue;
        m->how.repeats = i;
        return true;
    }
    *code = usage_error(self, "--repeats is '%s', expected exclude, include or only", value);
    return false;
}

static bool take_number(measure *m, const command *self, int option, const char *value,
                        int *code) {
    size_t count;
    switch (option) {
    case MEASURE_RECENT:
        if (parse_number(value, &m->how.recent_days) && m->how.recent_days > 0.0)
            return true;
        *code = usage_error(self, "--recent-days is '%s', expected a number above 0", value);
        return false;
    case MEASURE_BOOTSTRAP:
        if (parse_count(value, 100000, &count) && (count == 0 || count >= 100)) {
            m->how.resamples = (uint32_t)count;
            return true;
        }
        *code = usage_error(self, "--bootstrap is '%s', expected 0 or 100 to 100000", value);
        return false;
    case MEASURE_CONFIDENCE:
        if (parse_number(value, &m->how.confidence) && m->how.confidence >= 0.5 &&
            m->how.confidence <= 0.999)
            return true;
        *code = usage_error(self, "--confidence is '%s', expected 0.5 to 0.999", value);
        return false;
    default:
        if (parse_count(value, SIZE_MAX, &count)) {
            m->how.seed = count;
            return true;
        }
        *code = usage_error(self, "--seed is '%s', expected a whole number from 0", value);
        return false;
    }
}

bool measure_option(measure *m, const command *self, int option, const char *value, int *code) {
    *code = EXIT_OK;
    switch (option) {
    case MEASURE_COMPONENT:
        m->how.component = value;
        return true;
    case MEASURE_AT:
        m->how.cutoffs = value;
        m->cutoffs_given = true;
        return true;
    case MEASURE_METRICS:
        m->how.metrics = value;
        return true;
    case MEASURE_REPEATS:
        return take_repeats(m, self, value, code);
    case MEASURE_NO_BASELINES:
        m->how.baselines = 0;
        return true;
    case MEASURE_NEW_USERS:
        m->how.new_users = 1;
        return true;
    case MEASURE_SEGMENTS:
        m->how.segments = 1;
        return true;
    case MEASURE_COMPARE:
        m->compare = value;
        return true;
    case MEASURE_CSV:
        m->csv = value;
        return true;
    case MEASURE_USERS_CSV:
        m->users_csv = value;
        return true;
    case MEASURE_HTML:
        m->html = value;
        return true;
    case MEASURE_TITLE:
        m->title = value;
        return true;
    case MEASURE_RECENT:
    case MEASURE_BOOTSTRAP:
    case MEASURE_CONFIDENCE:
    case MEASURE_SEED:
        return take_number(m, self, option, value, code);
    default:
        return false;
    }
}

bool measure_check(measure *m, const command *self, const data *d, const char *model) {
    const struct {
        const char *option, *path;
    } outputs[] = {{"csv", m->csv}, {"users-csv", m->users_csv}, {"html", m->html}};

    for (size_t i = 0; i < 3; i++) {
        if (!outputs[i].path)
            continue;
        if (!data_apart(d, self, outputs[i].option, outputs[i].path) ||
            !output_apart(self, outputs[i].option, outputs[i].path, "model", model))
            return false;
        for (size_t j = 0; j < i; j++)
            if (!output_apart(self, outputs[i].option, outputs[i].path, outputs[j].option,
                              outputs[j].path))
                return false;
    }
    m->how.keep_users = m->compare != NULL || m->users_csv != NULL;
    if (m->html) {
        m->how.segments = 1;
        if (!m->cutoffs_given)
            m->how.cutoffs = "1,2,5,10,20,50,100";
    }
    return true;
}

/* ---- comparisons ------------------------------------------------------------------------- */

/* The row of a component with fill, or the row of that very name; else the number of rows. */
static size_t find_row(const recs_evaluation *e, const char *name, size_t size) {
    size_t exact = recs_evaluation_rows(e);
    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        const char *own = recs_evaluation_row_name(e, row);
        if (strncmp(own, name, size) != 0)
            continue;
        if (strcmp(own + size, "+fill") == 0)
            return row;
        if (own[size] == '\0')
            exact = row;
    }
    return exact;
}

static recs_compare_options compare_how(const measure *m, const char *other, progress *p) {
    return (recs_compare_options){.struct_size = sizeof(recs_compare_options),
                                  .seed = m->how.seed,
                                  .confidence = m->how.confidence,
                                  .resamples = m->how.resamples,
                                  .other = other,
                                  .progress = progress_show,
                                  .progress_data = p};
}

static int missing_row(const recs_evaluation *e, const char *name, size_t size) {
    fprintf(stderr, "recs: --compare: there is no system '%.*s', expected one of:", (int)size, name);
    for (size_t row = 0; row < recs_evaluation_rows(e); row++)
        fprintf(stderr, "%s %s", row ? "," : "", recs_evaluation_row_name(e, row));
    fputc('\n', stderr);
    return EXIT_MISSING;
}

/* Rows with which a component's own row without fill is not worth comparing. */
static bool worth_comparing(const recs_evaluation *e, size_t first, size_t row) {
    const char *name = recs_evaluation_row_name(e, row);
    return row != first && (strstr(name, "+fill") != NULL || strncmp(name, "baseline/", 9) == 0);
}

static int compare_rows(const measure *m, recs_evaluation *e, progress *p) {
    recs_compare_options how = compare_how(m, NULL, p);
    size_t size = strcspn(m->compare, ","), first = find_row(e, m->compare, size);
    const char *at = m->compare[size] ? m->compare + size + 1 : NULL;
    recs_error error;

    if (first == recs_evaluation_rows(e))
        return missing_row(e, m->compare, size);
    for (size_t row = 0; !at && row < recs_evaluation_rows(e); row++)
        if (worth_comparing(e, first, row) &&
            recs_evaluation_compare(e, first, e, row, &how, &error))
            return fail_work(&error);
    while (at) {
        size = strcspn(at, ",");
        size_t row = find_row(e, at, size);
        if (row == recs_evaluation_rows(e))
            return missing_row(e, at, size);
        if (recs_evaluation_compare(e, first, e, row, &how, &error))
            return fail_work(&error);
        at = at[size] ? at + size + 1 : NULL;
    }
    return EXIT_OK;
}

/* Every component with the one of the same name, or the other's first. */
static int compare_models(const measure *m, recs_evaluation *e, const recs_evaluation *against,
                          const char *other, progress *p) {
    recs_compare_options how = compare_how(m, other, p);
    recs_error error;

    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        const char *name = recs_evaluation_row_name(e, row);
        const char *fill = strstr(name, "+fill");
        if (!fill)
            continue;
        size_t partner = find_row(against, name, (size_t)(fill - name));
        partner = partner < recs_evaluation_rows(against) ? partner : 1;
        if (recs_evaluation_compare(e, row, against, partner, &how, &error))
            return fail_work(&error);
    }
    return EXIT_OK;
}

/* ---- the end ----------------------------------------------------------------------------- */

static int write_files(const measure *m, const recs_evaluation *e) {
    recs_error error;
    recs_status status = RECS_OK;

    if (m->csv)
        status = recs_evaluation_write_csv(e, m->csv, &error);
    if (status == RECS_OK && m->users_csv)
        status = recs_evaluation_write_users(e, m->users_csv, &error);
    if (status == RECS_OK && m->html)
        status = recs_evaluation_write_html(e, m->title, m->html, &error);
    return status == RECS_OK ? EXIT_OK : fail_work(&error);
}

int measure_finish(const measure *m, bool json, recs_evaluation *e, const recs_evaluation *against,
                   const char *other, progress *p) {
    int code = EXIT_OK;
    json_t *root;

    if (against)
        code = compare_models(m, e, against, other, p);
    if (code == EXIT_OK && m->compare)
        code = compare_rows(m, e, p);
    progress_close(p);
    if (code == EXIT_OK)
        code = write_files(m, e);
    if (code != EXIT_OK)
        return code;
    if (!json) {
        measure_print(m, e, against, other);
        return EXIT_OK;
    }
    root = evaluation_json(e);
    if (against)
        json_object_set_new(root, "against", evaluation_json(against));
    return print_json(root);
}
