/* evaluation.c - reading the table an evaluation ends in. */
#include "train/evaluation.h"

#include "base/memory.h"

#include <string.h>

recs_evaluation *recs__evaluation_create(const recs_host *host, recs_error *error) {
    recs_evaluation *evaluation = recs__alloc_zero(host, 1, sizeof *evaluation, error);
    if (evaluation)
        evaluation->host = *host;
    return evaluation;
}

void recs_evaluation_destroy(recs_evaluation *evaluation) {
    if (!evaluation)
        return;
    recs_host host = evaluation->host;
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

double recs_evaluation_value(const recs_evaluation *evaluation, size_t row, size_t metric) {
    return row < evaluation->row_count && metric < evaluation->metric_count
               ? evaluation->values[row][metric]
               : 0.0;
}

uint64_t recs_evaluation_count(const recs_evaluation *evaluation, const char *name) {
    if (strcmp(name, "users") == 0)
        return evaluation->users;
    if (strcmp(name, "users_unknown") == 0)
        return evaluation->users_unknown;
    if (strcmp(name, "users_empty") == 0)
        return evaluation->users_empty;
    if (strcmp(name, "items_unknown") == 0)
        return evaluation->items_unknown;
    return UINT64_MAX;
}

const char *recs_evaluation_protocol(const recs_evaluation *evaluation) {
    return evaluation->protocol;
}
