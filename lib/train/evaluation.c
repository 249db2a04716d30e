/* evaluation.c - making and reading the table an evaluation ends in. */
#include "train/evaluation.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

recs_evaluation *recs__evaluation_create(const recs_host *host, recs_error *error) {
    recs_evaluation *evaluation = recs__alloc_zero(host, 1, sizeof *evaluation, error);
    if (evaluation)
        evaluation->host = *host;
    return evaluation;
}

recs_status recs__figures_create(recs__figures_table *table, const recs_evaluation *evaluation,
                                 bool intervals, recs_error *error) {
    size_t count = evaluation->row_count * evaluation->metric_count;
    double **columns[] = {&table->values, &table->lows, &table->highs};
    for (size_t i = 0; i < (intervals ? 3 : 1); i++) {
        *columns[i] = recs__alloc(&evaluation->host, count, sizeof **columns[i], error);
        if (!*columns[i])
            return RECS_ERR_MEMORY;
        for (size_t v = 0; v < count; v++)
            (*columns[i])[v] = NAN;
    }
    return RECS_OK;
}

void recs__figures_clear(recs__figures_table *table, const recs_host *host) {
    recs__free(host, table->values);
    recs__free(host, table->lows);
    recs__free(host, table->highs);
    memset(table, 0, sizeof *table);
}

recs_status recs__evaluation_segment(recs_evaluation *evaluation, const char *kind,
                                     const char *name, uint64_t users, bool intervals,
                                     recs__segment **segment, recs_error *error) {
    recs_status status = recs__grow(&evaluation->host, (void **)&evaluation->segments,
                                    &evaluation->segment_capacity, evaluation->segment_count + 1,
                                    sizeof *evaluation->segments, error);
    if (status)
        return status;
    recs__segment *made = &evaluation->segments[evaluation->segment_count];
    memset(made, 0, sizeof *made);
    made->kind = kind;
    made->users = users;
    snprintf(made->name, sizeof made->name, "%s", name);
    status = recs__figures_create(&made->table, evaluation, intervals, error);
    if (status)
        recs__figures_clear(&made->table, &evaluation->host);
    else
        evaluation->segment_count++;
    *segment = made;
    return status;
}

recs_status recs__evaluation_say(recs_evaluation *evaluation, recs_error *error,
                                 const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0)
        return RECS_OK;
    recs_status status = recs__grow(&evaluation->host, (void **)&evaluation->protocol,
                                    &evaluation->protocol_capacity,
                                    evaluation->protocol_used + (size_t)size + 1, 1, error);
    if (status)
        return status;
    va_start(arguments, format);
    vsnprintf(evaluation->protocol + evaluation->protocol_used, (size_t)size + 1, format,
              arguments);
    va_end(arguments);
    evaluation->protocol_used += (size_t)size;
    return RECS_OK;
}

void recs_evaluation_destroy(recs_evaluation *evaluation) {
    if (!evaluation)
        return;
    recs_host host = evaluation->host;
    recs__figures_clear(&evaluation->table, &host);
    for (size_t s = 0; s < evaluation->segment_count; s++)
        recs__figures_clear(&evaluation->segments[s].table, &host);
    recs__free(&host, evaluation->segments);
    for (size_t c = 0; c < evaluation->comparison_count; c++)
        recs__comparison_clear(&evaluation->comparisons[c], &host);
    recs__free(&host, evaluation->comparisons);
    recs__free(&host, evaluation->cells);
    recs__free(&host, evaluation->histories);
    recs__free(&host, evaluation->tests);
    recs__free(&host, evaluation->ids);
    recs__free(&host, evaluation->id_offsets);
    recs__free(&host, evaluation->protocol);
    recs__free(&host, evaluation);
}

size_t recs_evaluation_rows(const recs_evaluation *evaluation) {
    return evaluation->row_count;
}

const char *recs_evaluation_row_name(const recs_evaluation *evaluation, size_t row) {
    return row < evaluation->row_count ? evaluation->rows[row] : NULL;
}

size_t recs_evaluation_metrics(const recs_evaluation *evaluation) {
    return evaluation->metric_count;
}

const char *recs_evaluation_metric_name(const recs_evaluation *evaluation, size_t metric) {
    return metric < evaluation->metric_count ? evaluation->metrics[metric] : NULL;
}

static double value_of(const recs_evaluation *evaluation, const double *values, size_t row,
                       size_t metric, double otherwise) {
    return values && row < evaluation->row_count && metric < evaluation->metric_count
               ? values[row * evaluation->metric_count + metric]
               : otherwise;
}

double recs_evaluation_value(const recs_evaluation *evaluation, size_t row, size_t metric) {
    return value_of(evaluation, evaluation->table.values, row, metric, 0.0);
}

static int32_t interval_of(const recs_evaluation *evaluation, const recs__figures_table *table,
                           size_t row, size_t metric, double *low, double *high) {
    *low = value_of(evaluation, table->lows, row, metric, NAN);
    *high = value_of(evaluation, table->highs, row, metric, NAN);
    return !isnan(*low);
}

int32_t recs_evaluation_interval(const recs_evaluation *evaluation, size_t row, size_t metric,
                                 double *low, double *high) {
    return interval_of(evaluation, &evaluation->table, row, metric, low, high);
}

uint64_t recs_evaluation_count(const recs_evaluation *evaluation, const char *name) {
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {{"users", evaluation->users},
                  {"users_unknown", evaluation->users_unknown},
                  {"users_empty", evaluation->users_empty},
                  {"users_new", evaluation->users_new},
                  {"items_unknown", evaluation->items_unknown},
                  {"resamples", evaluation->resamples}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(name, counts[i].name) == 0)
            return counts[i].count;
    return UINT64_MAX;
}

const char *recs_evaluation_protocol(const recs_evaluation *evaluation) {
    return evaluation->protocol ? evaluation->protocol : "";
}

/* ---- segments --------------------------------------------------------------------------- */

static const recs__segment *segment_at(const recs_evaluation *evaluation, size_t segment) {
    static const recs__segment none;
    return segment < evaluation->segment_count ? &evaluation->segments[segment] : &none;
}

size_t recs_evaluation_segments(const recs_evaluation *evaluation) {
    return evaluation->segment_count;
}

const char *recs_evaluation_segment_kind(const recs_evaluation *evaluation, size_t segment) {
    return segment_at(evaluation, segment)->kind;
}

const char *recs_evaluation_segment_name(const recs_evaluation *evaluation, size_t segment) {
    return segment < evaluation->segment_count ? evaluation->segments[segment].name : NULL;
}

uint64_t recs_evaluation_segment_users(const recs_evaluation *evaluation, size_t segment) {
    return segment_at(evaluation, segment)->users;
}

double recs_evaluation_segment_value(const recs_evaluation *evaluation, size_t segment, size_t row,
                                     size_t metric) {
    return value_of(evaluation, segment_at(evaluation, segment)->table.values, row, metric, NAN);
}

int32_t recs_evaluation_segment_interval(const recs_evaluation *evaluation, size_t segment,
                                         size_t row, size_t metric, double *low, double *high) {
    return interval_of(evaluation, &segment_at(evaluation, segment)->table, row, metric, low,
                       high);
}

/* ---- users ------------------------------------------------------------------------------- */

size_t recs_evaluation_users(const recs_evaluation *evaluation) {
    return evaluation->kept;
}

const char *recs_evaluation_user_id(const recs_evaluation *evaluation, size_t user) {
    return user < evaluation->kept ? evaluation->ids + evaluation->id_offsets[user] : NULL;
}

uint32_t recs_evaluation_user_history(const recs_evaluation *evaluation, size_t user) {
    return user < evaluation->kept ? evaluation->histories[user] : 0;
}

uint32_t recs_evaluation_user_test(const recs_evaluation *evaluation, size_t user) {
    return user < evaluation->kept ? evaluation->tests[user] : 0;
}

double recs_evaluation_user_value(const recs_evaluation *evaluation, size_t user, size_t row,
                                  size_t metric) {
    size_t cutoff;
    if (user >= evaluation->kept || row >= evaluation->row_count ||
        metric >= evaluation->metric_count)
        return NAN;
    const recs__metric *asked = recs__evaluation_metric(evaluation, metric, &cutoff);
    size_t at = (user * evaluation->row_count + row) * evaluation->cutoff_count + cutoff;
    return recs__metric_user_value(asked, evaluation->cells + at * RECS__CELLS);
}
