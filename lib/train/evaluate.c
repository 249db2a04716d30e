/* evaluate.c - how good a model's answers are on a test part: options, the
 * order of the steps, sums to values.
 *
 * Every list comes from recs_recommend or recs_recommend_rows, so offline
 * figures and live answers cannot differ. Systems (rows of the result) are the
 * model's components, each as it stands (evidence only) and with fill, and
 * three baselines that need no model. Metric definitions are in recs/train.h.
 *
 * Cost: one recommendation per user and component. Memory: recs/train.h and
 * the lists of a batch. */
#include "train/evaluator.h"

#include "base/error.h"
#include "base/lent.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/bootstrap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CUTOFF_MOST 10000

void recs__evaluator_fail(recs__evaluator *e, recs_status status, const recs_error *error) {
    if (atomic_flag_test_and_set(&e->error_taken))
        return;
    e->error = *error;
    atomic_store(&e->status, (int)status);
}

recs_status recs__evaluator_status(recs__evaluator *e, recs_error *error) {
    recs_status status = (recs_status)atomic_load(&e->status);
    if (status && error)
        *error = e->error;
    return status;
}

/* ---- reading the options ----------------------------------------------------------------- */

static recs_status parse_cutoffs(recs__evaluator *e, recs_error *error) {
    recs_evaluation *result = e->result;
    const char *text = e->options.cutoffs ? e->options.cutoffs : "20", *at = text;
    bool more = true;
    while (more) {
        size_t size = strcspn(at, ",");
        int64_t value;
        if (!recs__parse_i64(at, size, &value) || value < 1 || value > CUTOFF_MOST ||
            (result->cutoff_count && (size_t)value <= result->cutoffs[result->cutoff_count - 1]))
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "cutoffs '%.60s': expected rising whole numbers from 1 to %d, as in "
                              "10,20,50",
                              text, CUTOFF_MOST);
        if (result->cutoff_count == RECS__EVALUATION_CUTOFFS)
            return recs__fail(error, RECS_ERR_LIMIT, "cutoffs '%.60s': at most %d", text,
                              RECS__EVALUATION_CUTOFFS);
        result->cutoffs[result->cutoff_count++] = (size_t)value;
        at += size;
        more = *at == ',';
        at += more;
    }
    e->deepest = result->cutoffs[result->cutoff_count - 1];
    return RECS_OK;
}

static recs_status check_switch(const char *name, int32_t value, recs_error *error) {
    return value == 0 || value == 1
               ? RECS_OK
               : recs__fail(error, RECS_ERR_ARGUMENT, "%s is %d, expected 0 or 1", name, (int)value);
}

static recs_status check_numbers(const recs_evaluate_options *options, recs_error *error) {
    recs_status status = RECS_OK;
    if (options->repeats < RECS_REPEATS_EXCLUDE || options->repeats > RECS_REPEATS_ONLY)
        return recs__fail(error, RECS_ERR_ARGUMENT, "repeats is %d, expected 0, 1 or 2",
                          (int)options->repeats);
    if (!(options->recent_days >= 0.0 && isfinite(options->recent_days)))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "recent_days is %g, expected a number of days above 0, or 0 for 30",
                          options->recent_days);
    if (options->resamples != 0 && (options->resamples < RECS__RESAMPLES_LEAST ||
                                    options->resamples > RECS__RESAMPLES_MOST))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "resamples is %u, expected 0 (no intervals) or %d to %d",
                          options->resamples, RECS__RESAMPLES_LEAST, RECS__RESAMPLES_MOST);
    if (options->confidence != 0.0 &&
        !(options->confidence >= 0.5 && options->confidence <= 0.999))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "confidence is %g, expected 0.5 to 0.999, or 0 for 0.95",
                          options->confidence);
    const struct {
        const char *name;
        int32_t value;
    } switches[] = {{"baselines", options->baselines},
                    {"segments", options->segments},
                    {"keep_users", options->keep_users},
                    {"new_users", options->new_users}};
    for (size_t i = 0; i < sizeof switches / sizeof *switches && status == RECS_OK; i++)
        status = check_switch(switches[i].name, switches[i].value, error);
    return status;
}

static recs_status check(recs__evaluator *e, const recs_dataset *test, recs_error *error) {
    recs_status status = check_numbers(&e->options, error);
    if (status == RECS_OK)
        status = recs__protocol_check(&e->options, error);
    if (status)
        return status;
    if (recs_model_users(e->model) == 0 && e->options.histories == NULL)
        return recs__fail(error, RECS_ERR_STATE,
                          "the model stores no users (users=%s): evaluation needs their histories; "
                          "train with users=full or hashed, or give the histories",
                          recs_model_users_mode(e->model));
    if (recs_model_component_count(e->model) == 0)
        return recs__fail(error, RECS_ERR_STATE, "the model has no component to evaluate");
    if (recs_dataset_count(test, "events") == 0)
        return recs__fail(error, RECS_ERR_DATA, "the test part has no events to evaluate on");
    e->keeps = e->options.resamples || e->options.segments || e->options.keep_users;
    e->options.confidence = e->options.confidence != 0.0 ? e->options.confidence : 0.95;
    e->result->confidence = e->options.confidence;
    e->result->resamples = e->options.resamples;
    e->result->seed = e->options.seed;
    status = parse_cutoffs(e, error);
    if (status == RECS_OK)
        status = recs__metrics_parse(e->options.metrics, e->result->chosen,
                                     &e->result->chosen_count, error);
    return status;
}

static void name_metrics(recs_evaluation *result) {
    for (size_t c = 0; c < result->cutoff_count; c++)
        for (size_t m = 0; m < result->chosen_count; m++)
            snprintf(result->metrics[result->metric_count++], sizeof result->metrics[0], "%s@%zu",
                     recs__metric_at(result->chosen[m])->name, result->cutoffs[c]);
}

static recs_status read_facts(recs__evaluator *e, recs_error *error) {
    bool diverse = false;
    for (size_t m = 0; m < e->result->chosen_count; m++)
        diverse |= recs__metric_at(e->result->chosen[m])->over == RECS__CELL_DIVERSITY;
    return recs__item_facts_make(&e->facts, e->model, diverse, &e->host, error);
}

/* ---- running and summing up -------------------------------------------------------------- */

static recs_status run_systems(recs__evaluator *e, recs_error *error) {
    size_t users = e->visitors.count;
    uint64_t total = (uint64_t)users * e->system_count;
    for (size_t s = 0; s < e->system_count; s++) {
        e->system = &e->systems[s];
        for (size_t first = 0; first < users; first += e->lists.most) {
            size_t count = users - first < e->lists.most ? users - first : e->lists.most;
            recs_status status = recs__progress_tell(&e->progress, "evaluating users",
                                                     (uint64_t)s * users + first, total, error);
            if (status == RECS_OK)
                status = recs__lists_make(e, first, count, error);
            if (status == RECS_OK)
                status = recs__lists_score(e, error);
            if (status)
                return status;
        }
    }
    return RECS_OK;
}

/* Coverage and gini of a row at a cutoff; times: [users + 1]. What was shown at
 * the ranks of each cutoff alone becomes what was shown up to it. */
static void sum_up_catalogue(recs__evaluator *e, size_t row, size_t cutoff, uint64_t *times) {
    recs_evaluation *result = e->result;
    size_t items = e->items, at = (row * result->cutoff_count + cutoff) * items;
    memset(times, 0, (e->visitors.count + 1) * sizeof *times);
    for (size_t i = 0; i < items; i++) {
        uint32_t shown = atomic_load_explicit(&e->shown[at + i], memory_order_relaxed);
        if (cutoff > 0)
            shown += atomic_load_explicit(&e->shown[at - items + i], memory_order_relaxed);
        atomic_store_explicit(&e->shown[at + i], shown, memory_order_relaxed);
        times[shown]++;
    }
    for (size_t m = 0; m < result->chosen_count; m++) {
        const recs__metric *metric = recs__metric_at(result->chosen[m]);
        double *value = &result->table.values[row * result->metric_count +
                                              cutoff * result->chosen_count + m];
        if (metric->of_catalogue && metric->is_default)
            *value = items ? (double)(items - times[0]) / (double)items : 0.0;
        else if (metric->of_catalogue)
            *value = recs__metric_gini(times, e->visitors.count, items);
    }
}

static recs_status sum_up(recs__evaluator *e, recs_error *error) {
    recs_evaluation *result = e->result;
    uint64_t *times = recs__alloc(&e->host, e->visitors.count + 1, sizeof *times, error);
    if (!times)
        return RECS_ERR_MEMORY;
    for (size_t u = 0; u < e->visitors.count; u++)
        result->users += e->visitors.truths[u] > 0;
    result->users_empty = e->visitors.count - result->users;
    recs_status status = recs__figures_create(&result->table, result, result->resamples != 0, error);
    for (size_t row = 0; row < result->row_count && status == RECS_OK; row++)
        for (size_t c = 0; c < result->cutoff_count; c++) {
            const double *sums = e->sums + (row * result->cutoff_count + c) * RECS__CELLS;
            double *values = result->table.values + row * result->metric_count +
                             c * result->chosen_count;
            sum_up_catalogue(e, row, c, times);
            for (size_t m = 0; m < result->chosen_count; m++) {
                const recs__metric *metric = recs__metric_at(result->chosen[m]);
                if (!metric->of_catalogue)
                    values[m] = recs__metric_value(metric, sums, (double)result->users);
                /* Nothing shown at all is shown with popularity 0, as it has been. */
                if (metric->over == RECS__CELL_POPULARITY && sums[RECS__CELL_SHOWN] == 0.0)
                    values[m] = 0.0;
            }
        }
    recs__free(&e->host, times);
    return status;
}

/* A mean over nobody is no figure, so it is an error that says where all went. */
static recs_status check_users(const recs__evaluator *e, recs_error *error) {
    static const char *const reasons[] = {
        "with nothing in the test part that they did not have before (repeats=exclude)",
        "with nothing in the test part that is evidence",
        "with nothing in the test part that they had before (repeats=only)"};
    const recs_evaluation *result = e->result;

    if (result->users > 0)
        return RECS_OK;
    if (result->users_unknown + result->users_empty == 0)
        return recs__fail(error, RECS_ERR_DATA,
                          "no user to evaluate: no event of the test part has a user");
    return recs__fail(error, RECS_ERR_DATA,
                      "no user of the test part can be evaluated: %llu not in the %s, %llu %s",
                      (unsigned long long)result->users_unknown,
                      e->visitors.given ? "histories" : "model",
                      (unsigned long long)result->users_empty, reasons[e->options.repeats]);
}

static void clear(recs__evaluator *e) {
    for (size_t s = 0; s < e->system_count; s++)
        recs__free(&e->host, e->systems[s].order);
    recs__free(&e->host, e->discounts);
    recs__free(&e->host, e->sums);
    recs__free(&e->host, e->chunk_sums);
    recs__free(&e->host, e->shown);
    recs__free(&e->host, e->cells);
    recs__free(&e->host, e->group_cells);
    recs__free(&e->host, e->test_items);
    recs__item_facts_clear(&e->facts, &e->host);
    recs__lists_clear(&e->lists, &e->host);
    recs__visitors_clear(&e->visitors, &e->host);
    recs_query_destroy(e->query);
}

static recs_status work(recs__evaluator *e, const recs_dataset *test, const char *preamble,
                        recs_error *error) {
    recs__training *frozen = NULL;
    recs_status status;
    if (!(e->result = recs__evaluation_create(&e->host, error)))
        return RECS_ERR_MEMORY;
    status = check(e, test, error);
    if (status == RECS_OK)
        status = recs__training_build(&frozen, test, &e->host, error);
    e->test = frozen;
    if (status == RECS_OK)
        status = recs__evaluator_users(e, error);
    if (status == RECS_OK)
        status = recs__evaluator_systems(e, error);
    name_metrics(e->result);
    if (status == RECS_OK)
        status = read_facts(e, error);
    if (status == RECS_OK)
        status = recs__lists_reserve(e, error);
    if (status == RECS_OK)
        status = recs__evaluator_reserve(e, error);
    if (status == RECS_OK)
        status = run_systems(e, error);
    if (status == RECS_OK)
        status = sum_up(e, error);
    if (status == RECS_OK)
        status = check_users(e, error);
    if (status == RECS_OK)
        status = recs__protocol_tell(e, preamble, error);
    if (status == RECS_OK)
        status = recs__evaluator_finish(e, error);
    recs__training_destroy(frozen);
    return status;
}

recs_status recs__evaluate(const recs_model *model, const recs_dataset *test,
                           const recs_evaluate_options *options, const char *preamble,
                           const recs_host *host, recs_evaluation **evaluation,
                           recs_error *error) {
    recs__evaluator *e;
    recs_host lent;
    recs_status status = recs__host_init(&lent, host, error);
    if (status)
        return status;
    if (!(e = recs__alloc_zero(&lent, 1, sizeof *e, error)))
        return RECS_ERR_MEMORY;
    e->model = model;
    e->host = lent;
    e->items = recs_model_items(model);
    atomic_flag_clear(&e->error_taken);
    status = recs__lent_copy(&e->options, sizeof e->options, options, "recs_evaluate_options",
                             error);
    recs__progress_init(&e->progress, e->options.progress, e->options.progress_data, &e->host);
    if (status == RECS_OK)
        status = work(e, test, preamble, error);
    if (status == RECS_OK)
        *evaluation = e->result;
    else
        recs_evaluation_destroy(e->result);
    clear(e);
    recs__free(&lent, e);
    return status;
}

recs_status recs_evaluate(const recs_model *model, const recs_dataset *test,
                          const recs_evaluate_options *options, const recs_host *host,
                          recs_evaluation **evaluation, recs_error *error) {
    if (model == NULL || test == NULL || evaluation == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                          model == NULL  ? "model"
                          : test == NULL ? "test"
                                         : "evaluation");
    return recs__evaluate(model, test, options, NULL, host, evaluation, error);
}
