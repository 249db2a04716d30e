/* evaluation_csv.c - an evaluation as tables for other programs: a line per
 * figure, with its interval, for the whole, the segments and the comparisons;
 * and a line per user and system. */
#include "train/evaluation.h"
#include "train/output.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "recall" and "20" of "recall@20". */
static void metric_fields(recs__output *o, const char *metric) {
    char name[32];
    const char *at = strrchr(metric, '@');
    snprintf(name, sizeof name, "%.*s", at ? (int)(at - metric) : (int)strlen(metric), metric);
    recs__output_field(o, name);
    recs__output_field(o, at ? at + 1 : "");
}

static void table_lines(recs__output *o, const recs_evaluation *e, const char *kind,
                        const char *name, uint64_t users, const recs__figures_table *table) {
    for (size_t row = 0; row < e->row_count; row++)
        for (size_t m = 0; m < e->metric_count; m++) {
            size_t at = row * e->metric_count + m;
            if (isnan(table->values[at]))
                continue;
            recs__output_field(o, kind);
            recs__output_field(o, name);
            recs__output_field_number(o, (double)users);
            recs__output_field(o, e->rows[row]);
            metric_fields(o, e->metrics[m]);
            recs__output_field_number(o, table->values[at]);
            recs__output_field_number(o, table->lows ? table->lows[at] : NAN);
            recs__output_field_number(o, table->highs ? table->highs[at] : NAN);
            recs__output_field(o, "");
            recs__output_line(o);
        }
}

static void comparison_lines(recs__output *o, const recs_evaluation *e) {
    for (size_t c = 0; c < e->comparison_count; c++) {
        const recs__comparison *comparison = &e->comparisons[c];
        for (size_t m = 0; m < e->metric_count; m++) {
            if (isnan(comparison->difference[m]))
                continue;
            recs__output_field(o, "difference");
            recs__output_field(o, "");
            recs__output_field_number(o, (double)comparison->users);
            recs__output_field(o, comparison->name);
            metric_fields(o, e->metrics[m]);
            recs__output_field_number(o, comparison->difference[m]);
            recs__output_field_number(o, comparison->low[m]);
            recs__output_field_number(o, comparison->high[m]);
            recs__output_field_number(o, comparison->p[m]);
            recs__output_line(o);
        }
    }
}

recs_status recs_evaluation_write_csv(const recs_evaluation *evaluation, const char *path,
                                      recs_error *error) {
    recs__output o;
    recs_status status = recs__output_open(&o, path, &evaluation->host, error);
    if (status)
        return status;
    recs__output_text(&o, "kind,segment,users,system,metric,cutoff,value,low,high,p\n");
    table_lines(&o, evaluation, "all", "", evaluation->users, &evaluation->table);
    for (size_t s = 0; s < evaluation->segment_count; s++) {
        const recs__segment *segment = &evaluation->segments[s];
        table_lines(&o, evaluation, segment->kind, segment->name, segment->users, &segment->table);
    }
    comparison_lines(&o, evaluation);
    return recs__output_close(&o);
}

recs_status recs_evaluation_write_users(const recs_evaluation *evaluation, const char *path,
                                        recs_error *error) {
    recs__output o;
    if (!evaluation->id_offsets)
        return recs__fail(error, RECS_ERR_STATE,
                          "no figures of users are kept: evaluate with keep_users=1");
    recs_status status = recs__output_open(&o, path, &evaluation->host, error);
    if (status)
        return status;
    recs__output_text(&o, "user,history,test,system");
    o.begun = true;
    for (size_t m = 0; m < evaluation->metric_count; m++) {
        size_t cutoff;
        if (!recs__evaluation_metric(evaluation, m, &cutoff)->of_catalogue)
            recs__output_field(&o, evaluation->metrics[m]);
    }
    recs__output_line(&o);
    for (size_t u = 0; u < evaluation->kept && o.status == RECS_OK; u++)
        for (size_t row = 0; row < evaluation->row_count; row++) {
            recs__output_field(&o, evaluation->ids + evaluation->id_offsets[u]);
            recs__output_field_number(&o, (double)evaluation->histories[u]);
            recs__output_field_number(&o, (double)evaluation->tests[u]);
            recs__output_field(&o, evaluation->rows[row]);
            for (size_t m = 0; m < evaluation->metric_count; m++) {
                size_t cutoff;
                if (!recs__evaluation_metric(evaluation, m, &cutoff)->of_catalogue)
                    recs__output_field_number(&o,
                                              recs_evaluation_user_value(evaluation, u, row, m));
            }
            recs__output_line(&o);
        }
    return recs__output_close(&o);
}
