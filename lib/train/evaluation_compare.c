/* evaluation_compare.c - two systems on the same users, paired: the difference
 * of their figures, resampled with the same users drawn for both.
 *
 * Users are paired by id; those of one evaluation alone are left out and
 * counted. Cost: a bootstrap over twice the cells of a row. */
#include "train/evaluation.h"

#include "base/error.h"
#include "base/lent.h"
#include "base/memory.h"
#include "train/bootstrap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct pairing {
    const recs_evaluation *a, *b;
    size_t row_a, row_b;
    size_t cells_a, cells_b; /* of a row */
    float *values;           /* [users][cells_a + cells_b] */
    size_t users;
    uint64_t unpaired;
} pairing;

static const float *row_cells(const recs_evaluation *e, size_t user, size_t row) {
    return e->cells + (user * e->row_count + row) * e->cutoff_count * RECS__CELLS;
}

/* Ids ascend in both. */
static void pair_users(pairing *p) {
    size_t i = 0, j = 0, stride = p->cells_a + p->cells_b;
    while (i < p->a->kept && j < p->b->kept) {
        int order = strcmp(p->a->ids + p->a->id_offsets[i], p->b->ids + p->b->id_offsets[j]);
        if (order == 0) {
            float *to = p->values + p->users++ * stride;
            memcpy(to, row_cells(p->a, i++, p->row_a), p->cells_a * sizeof *to);
            memcpy(to + p->cells_a, row_cells(p->b, j++, p->row_b), p->cells_b * sizeof *to);
        } else {
            p->unpaired++;
            i += order < 0;
            j += order > 0;
        }
    }
    p->unpaired += p->a->kept - i + (p->b->kept - j);
}

/* The column of b with the name of a's; metric_count of b: none. */
static size_t column_of(const recs_evaluation *b, const char *name) {
    size_t m = 0;
    while (m < b->metric_count && strcmp(b->metrics[m], name) != 0)
        m++;
    return m;
}

static void value_pair(const pairing *p, const recs__metric *metric, size_t cutoff_a,
                       size_t cutoff_b, const double *sums, double *first, double *second) {
    *first = recs__metric_value(metric, sums + cutoff_a * RECS__CELLS, (double)p->users);
    *second =
        recs__metric_value(metric, sums + p->cells_a + cutoff_b * RECS__CELLS, (double)p->users);
}

static recs_status fill(const pairing *p, recs__comparison *out, const recs_compare_options *how,
                        recs__progress *progress, recs_error *error) {
    const recs_host *host = &p->a->host;
    size_t stride = p->cells_a + p->cells_b;
    recs__sample sample = {p->values, stride, stride, NULL, p->users};
    double *drawn = recs__alloc(host, how->resamples, sizeof *drawn, error);
    double *whole = recs__alloc_zero(host, stride, sizeof *whole, error), *sums = NULL;
    recs_status status = drawn && whole ? recs__bootstrap(&sample, how->resamples, how->seed, host,
                                                          progress, &sums, error)
                                        : RECS_ERR_MEMORY;
    for (size_t u = 0; u < p->users && status == RECS_OK; u++)
        for (size_t c = 0; c < stride; c++)
            whole[c] += (double)p->values[u * stride + c];
    for (size_t m = 0; m < p->a->metric_count && status == RECS_OK; m++) {
        size_t cutoff_a, cutoff_b, count = 0, other = column_of(p->b, p->a->metrics[m]);
        const recs__metric *metric = recs__evaluation_metric(p->a, m, &cutoff_a);
        if (other == p->b->metric_count || metric->of_catalogue)
            continue;
        recs__evaluation_metric(p->b, other, &cutoff_b);
        value_pair(p, metric, cutoff_a, cutoff_b, whole, &out->first[m], &out->second[m]);
        out->difference[m] = out->first[m] - out->second[m];
        for (uint32_t r = 0; r < how->resamples; r++) {
            double first, second;
            value_pair(p, metric, cutoff_a, cutoff_b, sums + r * stride, &first, &second);
            if (isfinite(first - second))
                drawn[count++] = first - second;
        }
        if (2 * count <= how->resamples || isnan(out->difference[m]))
            continue;
        out->p[m] = recs__bootstrap_p(drawn, count);
        recs__bootstrap_interval(drawn, count, how->confidence, &out->low[m], &out->high[m]);
    }
    recs__free(host, drawn);
    recs__free(host, whole);
    recs__free(host, sums);
    return status;
}

static recs_status check(const pairing *p, const recs_compare_options *how, recs_error *error) {
    if (!p->a->id_offsets || !p->b->id_offsets)
        return recs__fail(error, RECS_ERR_STATE,
                          "a comparison needs the figures of users: evaluate with keep_users=1");
    if (p->row_a >= p->a->row_count || p->row_b >= p->b->row_count)
        return recs__fail(error, RECS_ERR_ARGUMENT, "row %zu, the evaluation has %zu",
                          p->row_a >= p->a->row_count ? p->row_a : p->row_b,
                          p->row_a >= p->a->row_count ? p->a->row_count : p->b->row_count);
    if (how->resamples < RECS__RESAMPLES_LEAST || how->resamples > RECS__RESAMPLES_MOST)
        return recs__fail(error, RECS_ERR_ARGUMENT, "resamples is %u, expected 0 (1000) or %d to %d",
                          how->resamples, RECS__RESAMPLES_LEAST, RECS__RESAMPLES_MOST);
    if (!(how->confidence >= 0.5 && how->confidence <= 0.999))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "confidence is %g, expected 0.5 to 0.999, or 0 for 0.95", how->confidence);
    return RECS_OK;
}

static recs_status reserve(recs_evaluation *a, recs__comparison *out, recs_error *error) {
    double **columns[] = {&out->first, &out->second, &out->difference,
                          &out->low,   &out->high,   &out->p};
    recs_status status =
        recs__grow(&a->host, (void **)&a->comparisons, &a->comparison_capacity,
                   a->comparison_count + 1, sizeof *a->comparisons, error);
    for (size_t i = 0; i < sizeof columns / sizeof *columns && status == RECS_OK; i++) {
        *columns[i] = recs__alloc(&a->host, a->metric_count, sizeof **columns[i], error);
        status = *columns[i] ? RECS_OK : RECS_ERR_MEMORY;
        for (size_t m = 0; m < a->metric_count && status == RECS_OK; m++)
            (*columns[i])[m] = NAN;
    }
    return status;
}

recs_status recs_evaluation_compare(recs_evaluation *a, size_t row_a, const recs_evaluation *b,
                                    size_t row_b, const recs_compare_options *options,
                                    recs_error *error) {
    recs_compare_options how;
    recs__comparison made = {0};
    recs__progress progress;
    if (a == NULL || b == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL, expected an evaluation",
                          a == NULL ? "a" : "b");
    recs_status status =
        recs__lent_copy(&how, sizeof how, options, "recs_compare_options", error);
    if (status)
        return status;
    how.resamples = how.resamples ? how.resamples : 1000;
    how.confidence = how.confidence != 0.0 ? how.confidence : 0.95;
    pairing p = {.a = a, .b = b, .row_a = row_a, .row_b = row_b,
                 .cells_a = a->cutoff_count * RECS__CELLS,
                 .cells_b = b->cutoff_count * RECS__CELLS};
    if ((status = check(&p, &how, error)) != RECS_OK)
        return status;
    size_t most = a->kept < b->kept ? a->kept : b->kept;
    p.values = recs__alloc(&a->host, most * (p.cells_a + p.cells_b), sizeof *p.values, error);
    status = p.values ? reserve(a, &made, error) : RECS_ERR_MEMORY;
    if (status == RECS_OK)
        pair_users(&p);
    if (status == RECS_OK && p.users == 0)
        status = recs__fail(error, RECS_ERR_DATA, "the two evaluations have no user in common");
    recs__progress_init(&progress, how.progress, how.progress_data, &a->host);
    if (status == RECS_OK)
        status = fill(&p, &made, &how, &progress, error);
    recs__free(&a->host, p.values);
    if (status) {
        recs__comparison_clear(&made, &a->host);
        return status;
    }
    made.users = p.users;
    made.unpaired = p.unpaired;
    snprintf(made.name, sizeof made.name, "%s - %s%.60s%s", a->rows[row_a],
             how.other ? how.other : "", how.other ? ": " : "", b->rows[row_b]);
    a->comparisons[a->comparison_count++] = made;
    return RECS_OK;
}

void recs__comparison_clear(recs__comparison *comparison, const recs_host *host) {
    recs__free(host, comparison->first);
    recs__free(host, comparison->second);
    recs__free(host, comparison->difference);
    recs__free(host, comparison->low);
    recs__free(host, comparison->high);
    recs__free(host, comparison->p);
    memset(comparison, 0, sizeof *comparison);
}

size_t recs_evaluation_comparisons(const recs_evaluation *evaluation) {
    return evaluation->comparison_count;
}

const char *recs_evaluation_comparison_name(const recs_evaluation *evaluation, size_t comparison) {
    return comparison < evaluation->comparison_count ? evaluation->comparisons[comparison].name
                                                     : NULL;
}

uint64_t recs_evaluation_comparison_users(const recs_evaluation *evaluation, size_t comparison,
                                          uint64_t *unpaired) {
    bool there = comparison < evaluation->comparison_count;
    if (unpaired)
        *unpaired = there ? evaluation->comparisons[comparison].unpaired : 0;
    return there ? evaluation->comparisons[comparison].users : 0;
}

int32_t recs_evaluation_comparison(const recs_evaluation *evaluation, size_t comparison,
                                   size_t metric, double *difference, double *low, double *high,
                                   double *p) {
    *difference = *low = *high = *p = NAN;
    if (comparison >= evaluation->comparison_count || metric >= evaluation->metric_count)
        return 0;
    const recs__comparison *from = &evaluation->comparisons[comparison];
    *difference = from->difference[metric];
    *low = from->low[metric];
    *high = from->high[metric];
    *p = from->p[metric];
    return !isnan(*p);
}
