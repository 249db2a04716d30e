/* benchmark.c - a log to figures in one call: split as the protocol says, train,
 * evaluate, and say so. Raw events are split, before duplicates are merged and
 * returns netted. Memory: the log, its parts, and what training and evaluation
 * take. */
#include "train/dataset.h"
#include "train/evaluator.h"

#include "base/error.h"
#include "base/lent.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define LENGTHS_MOST 12
#define LENGTH_MOST 1000

typedef struct plan {
    const char *name;         /* of the protocol, as recs_evaluate knows it */
    char split[80], inner[40]; /* of the log; of the users held out         */
    size_t lengths[LENGTHS_MOST], length_count;
} plan;

typedef struct benchmark {
    const recs_dataset *log;
    const char *description;
    recs_evaluate_options evaluate;
    recs_benchmark_options options;
    recs_host host;
    plan plan;
    recs_dataset *train, *held, *histories, *test;
    recs_model *model;
    char *normalised;
    char *preamble;
    size_t preamble_used, preamble_capacity;
} benchmark;

/* ---- the protocol ------------------------------------------------------------------------ */

static bool has_times(const recs_dataset *log) {
    for (uint64_t e = 0; e < log->log.count; e++)
        if (log->log.times[e] != RECS_NO_TIME)
            return true;
    return false;
}

static bool parse_lengths(const char *text, plan *out) {
    for (const char *at = text; at != NULL;) {
        size_t size = strcspn(at, ",");
        int64_t value;
        if (out->length_count == LENGTHS_MOST || !recs__parse_i64(at, size, &value) || value < 1 ||
            value > LENGTH_MOST ||
            (out->length_count && (size_t)value <= out->lengths[out->length_count - 1]))
            return false;
        out->lengths[out->length_count++] = (size_t)value;
        at = at[size] == ',' ? at + size + 1 : NULL;
    }
    return true;
}

static recs_status parse_plan(const recs_dataset *log, const char *text, plan *out,
                              recs_error *error) {
    static const struct {
        const char *name, *split, *fallback, *inner;
    } known[] = {{"time", "time", "0.8", ""},
                 {"last", "last", "1", ""},
                 {"random", "random", "0.2", ""},
                 {"strong", "users", "0.1", "random:0.2"},
                 {"history", "users", "0.1", ""}};
    memset(out, 0, sizeof *out);
    if (text == NULL || *text == '\0')
        text = has_times(log) ? "time" : "random";
    size_t size = strcspn(text, ":");
    const char *value = text[size] == ':' ? text + size + 1 : NULL;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (strlen(known[k].name) != size || memcmp(known[k].name, text, size) != 0)
            continue;
        bool lengths = strcmp(known[k].name, "history") == 0;
        out->name = known[k].name;
        snprintf(out->split, sizeof out->split, "%s:%.64s", known[k].split,
                 value && !lengths ? value : known[k].fallback);
        snprintf(out->inner, sizeof out->inner, "%s", known[k].inner);
        if (!lengths)
            return RECS_OK;
        if (!parse_lengths(value ? value : "1,2,3,5,10", out))
            break;
        snprintf(out->inner, sizeof out->inner, "first:%zu", out->lengths[out->length_count - 1]);
        return RECS_OK;
    }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "protocol \"%.60s\": expected time, time:0.8, time:2011-10-01, last:1, "
                      "random:0.2, strong, strong:0.1 or history:1,2,3,5,10 (rising, 1 to %d, at "
                      "most %d)",
                      text, LENGTH_MOST, LENGTHS_MOST);
}

/* ---- the steps --------------------------------------------------------------------------- */

static recs_status split(benchmark *b, recs_error *error) {
    const plan *p = &b->plan;
    recs_dataset **rest = p->inner[0] ? &b->held : &b->test;
    recs_status status =
        recs_dataset_split(b->log, p->split, b->options.seed, &b->train, rest, error);
    if (status == RECS_OK && p->inner[0])
        status = recs_dataset_split(b->held, p->inner, b->options.seed, &b->histories, &b->test,
                                    error);
    return status;
}

static recs_status tell(benchmark *b, recs_error *error) {
    const plan *p = &b->plan;
    recs_status status = recs__dataset_print(
        &b->host, &b->preamble, &b->preamble_used, &b->preamble_capacity, error,
        "log split by %s, seed %llu: %llu events of %llu users to train on\n", p->split,
        (unsigned long long)b->options.seed,
        (unsigned long long)recs_dataset_count(b->train, "events"),
        (unsigned long long)recs_dataset_count(b->train, "users"));
    if (status == RECS_OK && p->inner[0])
        status = recs__dataset_print(
            &b->host, &b->preamble, &b->preamble_used, &b->preamble_capacity, error,
            "%llu users held out, their events split by %s: %llu to ask with, %llu to find\n",
            (unsigned long long)recs_dataset_count(b->held, "users"), p->inner,
            (unsigned long long)recs_dataset_count(b->histories, "events"),
            (unsigned long long)recs_dataset_count(b->test, "events"));
    else if (status == RECS_OK)
        status = recs__dataset_print(&b->host, &b->preamble, &b->preamble_used,
                                     &b->preamble_capacity, error, "%llu events to test on\n",
                                     (unsigned long long)recs_dataset_count(b->test, "events"));
    if (status == RECS_OK)
        status = recs__dataset_print(&b->host, &b->preamble, &b->preamble_used,
                                     &b->preamble_capacity, error, "trained: %s\n", b->normalised);
    return status;
}

static recs_status train(benchmark *b, recs_error *error) {
    recs_train_options options = {.struct_size = sizeof options,
                                  .seed = b->options.seed,
                                  .progress = b->evaluate.progress,
                                  .progress_data = b->evaluate.progress_data};
    recs_status status = recs_description_check(b->description, &b->host, &b->normalised, error);
    if (status == RECS_OK)
        status = tell(b, error);
    if (status == RECS_OK)
        status = recs_train(b->train, b->description, &options, &b->host, &b->model, error);
    return status;
}

/* ---- by length of the history ------------------------------------------------------------ */

/* The figures of one length as a segment of the longest one's. */
static recs_status add_length(recs_evaluation *whole, const recs_evaluation *part, size_t length,
                              recs_error *error) {
    size_t figures = whole->row_count * whole->metric_count;
    recs__segment *segment;
    char name[24];
    snprintf(name, sizeof name, "%zu", length);
    recs_status status = recs__evaluation_segment(whole, "given", name, part->users,
                                                  whole->table.lows != NULL, &segment, error);
    if (status)
        return status;
    memcpy(segment->table.values, part->table.values, figures * sizeof(double));
    if (whole->table.lows) {
        memcpy(segment->table.lows, part->table.lows, figures * sizeof(double));
        memcpy(segment->table.highs, part->table.highs, figures * sizeof(double));
    }
    return RECS_OK;
}

static recs_status evaluate_length(benchmark *b, size_t length, recs_evaluation *whole,
                                   recs_error *error) {
    recs_evaluate_options options = b->evaluate;
    recs_dataset *earlier = NULL, *last = NULL;
    recs_evaluation *part = NULL;
    char how[32];
    snprintf(how, sizeof how, "last:%zu", length);
    recs_status status = recs_dataset_split(b->histories, how, 0, &earlier, &last, error);
    options.histories = last;
    options.segments = options.keep_users = 0;
    if (status == RECS_OK)
        status = recs__evaluate(b->model, b->test, &options, NULL, &b->host, &part, error);
    if (status == RECS_OK)
        status = add_length(whole, part, length, error);
    recs_evaluation_destroy(part);
    recs_dataset_destroy(earlier);
    recs_dataset_destroy(last);
    return status;
}

static recs_status evaluate(benchmark *b, recs_evaluation **evaluation, recs_error *error) {
    recs_evaluation *whole = NULL;
    b->evaluate.protocol = b->plan.name;
    b->evaluate.histories = b->histories;
    recs_status status = recs__evaluate(b->model, b->test, &b->evaluate, b->preamble, &b->host,
                                        &whole, error);
    for (size_t i = 0; i + 1 < b->plan.length_count && status == RECS_OK; i++)
        status = evaluate_length(b, b->plan.lengths[i], whole, error);
    if (status == RECS_OK && b->plan.length_count)
        status = add_length(whole, whole, b->plan.lengths[b->plan.length_count - 1], error);
    if (status == RECS_OK)
        *evaluation = whole;
    else
        recs_evaluation_destroy(whole);
    return status;
}

static recs_status check(const benchmark *b, recs_error *error) {
    if (b->options.reserved[0] != 0 || b->options.reserved[1] != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "recs_benchmark_options.reserved is not 0");
    if (b->evaluate.protocol || b->evaluate.histories)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "recs_evaluate_options.%s is set, and the protocol decides it",
                          b->evaluate.protocol ? "protocol" : "histories");
    return RECS_OK;
}

recs_status recs_benchmark(const recs_dataset *log, const char *description, const char *protocol,
                           const recs_evaluate_options *how, const recs_benchmark_options *options,
                           const recs_host *host, recs_evaluation **evaluation,
                           recs_error *error) {
    benchmark b = {.log = log, .description = description};
    if (log == NULL || description == NULL || evaluation == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                          log == NULL           ? "log"
                          : description == NULL ? "description"
                                                : "evaluation");
    recs_status status = recs__host_init(&b.host, host, error);
    if (status == RECS_OK)
        status = recs__lent_copy(&b.evaluate, sizeof b.evaluate, how, "recs_evaluate_options",
                                 error);
    if (status == RECS_OK)
        status = recs__lent_copy(&b.options, sizeof b.options, options, "recs_benchmark_options",
                                 error);
    if (status == RECS_OK)
        status = check(&b, error);
    if (status == RECS_OK)
        status = parse_plan(log, protocol, &b.plan, error);
    if (status)
        return status;
    status = split(&b, error);
    if (status == RECS_OK)
        status = train(&b, error);
    if (status == RECS_OK)
        status = evaluate(&b, evaluation, error);
    recs_dataset_destroy(b.train);
    recs_dataset_destroy(b.held);
    recs_dataset_destroy(b.histories);
    recs_dataset_destroy(b.test);
    recs_model_release(b.model);
    recs_text_free(b.normalised, &b.host);
    recs__free(&b.host, b.preamble);
    return status;
}
