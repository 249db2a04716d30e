/* trends_state.c - `recs trends top` and `recs trends merge`: states in files. */
#include "trends.h"

#include <stdlib.h>
#include <string.h>

/* Mapped, which takes no time, where nothing is to be added; a snapshot for exchange has
 * to be loaded. */
static recs_status open_state(trends_job *j, const char *path, bool add, recs_error *error) {
    recs_status status = add ? RECS_ERR_UNSUPPORTED
                             : recs_trends_open(&j->trends, path, &j->session.host, error);
    return status == RECS_ERR_UNSUPPORTED
               ? recs_trends_load(&j->trends, path, &j->session.host, error)
               : status;
}

bool trends_load(trends_job *j, const char *path, bool add, int *code) {
    recs_error error;

    if (!session_start(&j->session, &j->shared, &error) ||
        open_state(j, path, add, &error) ||
        recs_query_create(&j->query, &j->session.host, &error)) {
        *code = fail_work(&error);
        return false;
    }
    if (!j->input.items)
        return true;
    j->log = data_read(&j->input, j->self, NULL, &j->progress, code); /* titles alone */
    return j->log != NULL;
}

bool trends_is_state(const char *path) {
    static const unsigned char magic[4] = {0x89, 'R', 'T', 'R'}; /* docs/trends-format.md */
    unsigned char first[sizeof magic];
    FILE *file = strcmp(path, "-") == 0 ? NULL : fopen(path, "rb");
    bool is = file && fread(first, 1, sizeof first, file) == sizeof first &&
              memcmp(first, magic, sizeof first) == 0;

    if (file)
        fclose(file);
    return is;
}

bool trends_one_time(trends_job *j, int64_t *time, int *code) {
    recs_dataset *rules = j->log;
    recs_error error;

    *time = RECS_NO_TIME;
    if (j->at_count > 1) {
        *code = usage_error(j->self, "--at: a state answers as of one time, from its newest event on");
        return false;
    }
    if (j->at_count == 0)
        return true;
    if (!rules && recs_dataset_create(&rules, NULL, &error)) {
        *code = fail_work(&error);
        return false;
    }
    recs_status status = recs_dataset_time(rules, j->at[0], time, &error);
    if (rules != j->log)
        recs_dataset_destroy(rules);
    if (status)
        *code = usage_error(j->self, "--at: %s", error.text);
    return status == RECS_OK;
}

int trends_top(trends_job *j) {
    int64_t time;
    int code;

    if (j->file_count != 1 || j->settings || j->save || j->output)
        return usage_error(j->self, j->file_count == 1
                                        ? "top takes no --settings, --save or --output"
                                        : "top takes one state");
    if (!trends_load(j, j->files[0], false, &code) || !trends_one_time(j, &time, &code))
        return code;
    if (time == RECS_NO_TIME)
        time = recs_trends_newest(j->trends);
    json_t *root = j->shared.json ? json_object() : NULL;
    json_t *lists = root ? json_array() : NULL;
    code = trends_show(j, time, lists);
    if (code == EXIT_OK && root) {
        json_object_set(root, "lists", lists);
        json_object_set_new(root, "counted", trends_counted(j));
        code = print_json(json_incref(root));
    }
    json_decref(lists);
    json_decref(root);
    return code;
}

int trends_merge(trends_job *j) {
    recs_error error;
    int code;

    if (j->file_count < 2 || !j->output)
        return usage_error(j->self, j->output ? "merge takes two states or more"
                                              : "--output FILE is missing");
    for (size_t f = 0; f < j->file_count; f++)
        if (!output_apart(j->self, "output", j->output, "state", j->files[f]))
            return EXIT_USAGE;
    if (!trends_load(j, j->files[0], true, &code))
        return code;
    for (size_t f = 1; f < j->file_count; f++) {
        if (progress_show(&j->progress, "merging", f, j->file_count))
            return EXIT_FAILED;
        if (recs_trends_merge_file(j->trends, j->files[f], j->apart ? RECS_TRENDS_APART : 0,
                                   &error)) {
            progress_close(&j->progress);
            fprintf(stderr, "recs: %s: %s\n", j->files[f], error.text);
            return EXIT_FAILED;
        }
    }
    progress_close(&j->progress);
    if (recs_trends_save(j->trends, j->output, &error))
        return fail_work(&error);
    if (j->shared.json)
        return print_json(trends_counted(j));
    if (!j->shared.quiet)
        trends_report(j);
    return EXIT_OK;
}
