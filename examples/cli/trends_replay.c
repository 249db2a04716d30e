/* trends_replay.c - `recs trends replay`: counting a log in order of time. */
#include "trends.h"

#include <stdlib.h>
#include <string.h>

/* ---- counting --------------------------------------------------------------------- */

static void length_text(int64_t ms, char out[32]) {
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
    for (size_t u = 0; u < 4; u++)
        if (ms % units[u].ms == 0 || u == 3) {
            snprintf(out, 32, "%lld%s", (long long)(ms / units[u].ms), units[u].unit);
            return;
        }
}

/* What fits the question where --settings says nothing: a half-life asked for
 * has one four times as long beside it, against which a rise is measured; a
 * window has 60 buckets. The lists are the longest there are, so that an item
 * of a thousandth of the traffic may trend. */
static const char *settings_of(trends_job *j) {
    char first[32], second[32];

    if (j->settings)
        return j->settings;
    if (!j->half_life && !j->window)
        return "candidates=1024";
    if (j->half_life) {
        length_text(j->half_life, first);
        length_text(4 * j->half_life, second);
        snprintf(j->description, sizeof j->description, "half_life=%s|%s,candidates=1024", first,
                 second);
    } else {
        int64_t bucket = j->window / 60 / 1000 * 1000;
        length_text(j->window, first);
        length_text(bucket < 10000 ? 10000 : bucket, second);
        snprintf(j->description, sizeof j->description, "window=%s/%s,candidates=1024", first,
                 second);
    }
    return j->description;
}

static recs_status make_state(trends_job *j, recs_error *error) {
    recs_status status = recs_trends_create(&j->trends, settings_of(j), &j->session.host, error);
    return status == RECS_OK ? recs_query_create(&j->query, &j->session.host, error) : status;
}

bool trends_begin(trends_job *j, int *code) {
    recs_error error;

    for (size_t f = 0; f < j->file_count; f++) {
        if (j->input.input_count == DATA_FILES) {
            *code = usage_error(j->self, "more than %d logs", DATA_FILES);
            return false;
        }
        j->input.inputs[j->input.input_count++] = j->files[f];
    }
    if (j->input.input_count == 0) {
        *code = usage_error(j->self, "a log is missing (- is standard input)");
        return false;
    }
    if ((j->save && !data_apart(&j->input, j->self, "save", j->save)) ||
        (j->output && !data_apart(&j->input, j->self, "output", j->output))) {
        *code = EXIT_USAGE;
        return false;
    }
    if (make_state(j, &error)) {
        *code = error.status == RECS_ERR_ARGUMENT ? usage_error(j->self, "--settings: %s", error.text)
                                                  : fail_work(&error);
        return false;
    }
    if (!session_start(&j->session, &j->shared, &error)) {
        *code = fail_work(&error);
        return false;
    }
    j->log = data_read(&j->input, j->self, &j->session.host, &j->progress, code);
    if (j->log && !j->shared.json && !j->shared.quiet)
        data_report(j->log, &j->progress);
    return j->log != NULL;
}

typedef struct taking {
    recs_trends *trends;
    recs_status status;
    recs_error *error;
} taking;

/* The clock of a replay is the log's own. */
static int32_t take(void *user_data, const recs_events *events) {
    taking *t = user_data;
    int64_t now = recs_events_get_time(events, recs_events_count(events) - 1);

    t->status = recs_trends_add(t->trends, events, now, t->error);
    return t->status != RECS_OK;
}

recs_status trends_count(trends_job *j, int64_t from, int64_t until, recs_error *error) {
    recs_error own = {0};
    taking t = {.trends = j->trends, .error = &own};
    recs_status status = recs_dataset_replay(j->log, from, until, take, &t, error);

    if (t.status != RECS_OK)
        *error = own;
    return t.status != RECS_OK ? t.status : status;
}

void trends_end(trends_job *j) {
    progress_close(&j->progress);
    recs_query_destroy(j->query);
    recs_trends_destroy(j->trends);
    recs_dataset_destroy(j->log);
    session_close(&j->session);
}

/* ---- replay -------------------------------------------------------------------------- */

static int by_time(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static bool read_times(trends_job *j, int64_t times[TRENDS_LIST], int *code) {
    recs_error error;

    for (size_t i = 0; i < j->at_count; i++)
        if (recs_dataset_time(j->log, j->at[i], &times[i], &error)) {
            *code = usage_error(j->self, "--at: %s", error.text);
            return false;
        }
    qsort(times, j->at_count, sizeof *times, by_time);
    return true;
}

/* Counts up to each time in turn and answers there. */
static int answer_at(trends_job *j, const int64_t *times, json_t *lists) {
    int64_t from = RECS_NO_TIME;
    recs_error error;
    int code = EXIT_OK;

    for (size_t i = 0; i < j->at_count && code == EXIT_OK; i++) {
        if (i == 0 || times[i] > from) {
            if (trends_count(j, from, times[i], &error))
                return fail_work(&error);
            from = times[i];
        }
        progress_close(&j->progress);
        code = trends_show(j, times[i], lists);
    }
    if (j->at_count || code != EXIT_OK)
        return code;
    if (trends_count(j, from, RECS_NO_TIME, &error))
        return fail_work(&error);
    progress_close(&j->progress);
    return trends_show(j, recs_trends_newest(j->trends), lists);
}

int trends_replay(trends_job *j) {
    int64_t times[TRENDS_LIST];
    recs_error error;
    int code;

    if (!trends_begin(j, &code) || !read_times(j, times, &code))
        return code;
    json_t *root = j->shared.json ? json_object() : NULL;
    json_t *lists = root ? json_array() : NULL;
    code = answer_at(j, times, lists);
    if (code == EXIT_OK && j->save && recs_trends_save(j->trends, j->save, &error))
        code = fail_work(&error);
    if (code == EXIT_OK && root) {
        json_object_set(root, "lists", lists);
        json_object_set_new(root, "counted", trends_counted(j));
        code = print_json(json_incref(root));
    } else if (code == EXIT_OK && !j->shared.quiet) {
        trends_report(j);
    }
    json_decref(lists);
    json_decref(root);
    return code;
}
