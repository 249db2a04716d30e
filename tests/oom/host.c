/* host.c - a small shop, end to end through the public calls, for a malloc that
 * fails (scripts/check-oom):
 *
 *     host serve MODEL N AFTER     opens a model and asks it everything
 *     host train FOLDER N AFTER    reads logs there, trains, evaluates, writes
 *     host tune FOLDER N AFTER     reads a log there and searches settings
 *
 * Allocation N and, with AFTER 1, all later ones fail. Exit 0: everything went
 * well; 10: a call said RECS_ERR_MEMORY, with text, and nothing was left; any
 * other is a fault. Prints "allocations failed answers" where answers is a
 * hash of everything that was answered, the same whenever the exit is 0.
 *
 *     host make FOLDER             writes the logs and the model
 */
#include "failing_malloc.h"
#include "recs.h"
#include "recs/train.h"
#include "recs/tune.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_OK = 0, EXIT_FAULT = 1, EXIT_LEAK = 2, EXIT_MEMORY = 10 };

static uint64_t answers;

static void answer(const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; i++)
        answers = (answers ^ byte[i]) * UINT64_C(0x100000001B3);
}

/* The first failure ends the work; where names the call in its report. */
static recs_error first;
static const char *where;

static int went_well(recs_status status, const recs_error *error, const char *call)
{
    if (status == RECS_OK)
        return 1;
    if (!where) {
        where = call;
        first = *error;
        first.status = (int32_t)status;
    }
    return 0;
}
#define TRY(call) (memset(&error, 0, sizeof error), went_well((call), &error, #call))

static void note_answers(const recs_query *query)
{
    for (size_t i = 0; i < recs_query_count(query); i++) {
        const char *id = recs_query_id(query, i);
        float score = recs_query_score(query, i);
        answer(id, strlen(id));
        answer(&score, sizeof score);
    }
}

static int ask(const recs_model *model, recs_query *query)
{
    recs_error error;
    for (uint32_t c = 0; c < recs_model_component_count(model); c++) {
        recs_query_reset(query);
        recs_query_user(query, "user3");
        recs_query_limit(query, 12);
        recs_query_component(query, recs_model_component_name(model, c));
        if (!TRY(recs_recommend(model, query, &error)))
            return 0;
        note_answers(query);
        for (size_t i = 0; i < recs_query_count(query); i++) {
            if (!TRY(recs_explain(model, query, i, &error)))
                return 0;
            for (size_t r = 0; r < recs_query_reason_count(query); r++) {
                double part = recs_query_reason_contribution(query, r);
                answer(&part, sizeof part);
            }
        }
        if (!TRY(recs_why_not(model, query, "item1", &error)))
            return 0;
        int32_t verdict = recs_query_verdict(query);
        answer(&verdict, sizeof verdict);

        recs_query_reset(query);
        recs_query_component(query, recs_model_component_name(model, c));
        for (int h = 0; h < 6; h++) {
            char id[16];
            snprintf(id, sizeof id, "item%d", h * 3);
            recs_query_history(query, id, 1.0f + (float)h, RECS_NO_TIME);
        }
        recs_query_dislike(query, "item7", 1.0f);
        recs_query_deny(query, "item8");
        if (!TRY(recs_recommend(model, query, &error)))
            return 0;
        note_answers(query);
        float score = 0;
        if (!TRY(recs_score(model, query, "item9", &score, &error)))
            return 0;
        answer(&score, sizeof score);

        recs_query_reset(query);
        recs_query_component(query, recs_model_component_name(model, c));
        recs_query_item(query, "item5");
        memset(&error, 0, sizeof error);
        recs_status similar = recs_similar(model, query, &error);
        if (similar != RECS_ERR_UNSUPPORTED && /* trends know none */
            !went_well(similar, &error, "recs_similar"))
            return 0;
        note_answers(query);
        if (!TRY(recs_users(model, query, &error)))
            return 0;
        note_answers(query);

        recs_query_reset(query);
        recs_query_limit(query, 4);
        recs_query_component(query, recs_model_component_name(model, c));
        uint32_t users[3] = {0, 1, 2}, rows[12];
        float scores[12];
        if (!TRY(recs_recommend_rows(model, query, users, 3, rows, scores, &error)))
            return 0;
        answer(rows, sizeof rows);
        answer(scores, sizeof scores);
    }
    return 1;
}

/* The state as bytes, asked where they lie. */
static void freeze(recs_trends *trends, recs_query *query, int64_t now)
{
    static _Alignas(64) unsigned char frozen[1 << 18];
    recs_error error;
    recs_trends *mapped = NULL;
    unsigned char *bytes = NULL;
    size_t size;
    if (!TRY(recs_trends_freeze(trends, &bytes, &size, &error)))
        return;
    int fits = size <= sizeof frozen;
    if (fits)
        memcpy(frozen, bytes, size);
    answer(&fits, sizeof fits);
    recs_trends_bytes_free(trends, bytes);
    recs_query_reset(query);
    recs_query_place(query, "us/ca");
    recs_query_time(query, now);
    if (fits && TRY(recs_trends_open_memory(&mapped, frozen, size, NULL, &error)) &&
        TRY(recs_trends_verify(mapped, &error)) && TRY(recs_trending(mapped, query, &error)))
        note_answers(query);
    recs_query_reset(query);
    recs_trends_destroy(mapped);
}

/* Counts what sells where, and asks for it, alone and beside the model. */
static void count(const recs_model *model, recs_query *query)
{
    recs_error error;
    recs_trends *trends = NULL;
    recs_events *events = NULL;
    const int64_t day = 86400000, begin = 20000 * day;
    if (TRY(recs_trends_create(&trends, "half_life=1h|7d, window=1h/5m, candidates=16", NULL,
                               &error)) &&
        TRY(recs_events_create(&events, NULL, &error))) {
        for (int e = 0; e < 300 && !where; e++) {
            char item[16], user[16];
            snprintf(item, sizeof item, "item%d", e * 7 % 50);
            snprintf(user, sizeof user, "user%d", e % 11);
            TRY(recs_events_begin(events, item, RECS_EVENT_BUY, begin + e * 1000, &error));
            TRY(recs_events_text(events, RECS_FIELD_USER, user, &error));
            TRY(recs_events_text(events, RECS_FIELD_PLACE, e % 3 ? "us/ca" : "de", &error));
        }
        if (!where)
            TRY(recs_trends_add(trends, events, begin + day, &error));
    }
    for (int32_t ranking = 0; ranking < 3 && !where; ranking++) {
        recs_query_reset(query);
        recs_query_place(query, "us/ca");
        recs_query_ranking(query, ranking);
        recs_query_time(query, begin + day);
        if (TRY(recs_trending(trends, query, &error))) {
            note_answers(query);
            if (recs_query_count(query) != 0)
                (void)TRY(recs_trending_explain(trends, query, 0, &error));
        }
    }
    if (!where) {
        recs_query_near(query, 40.0, -75.0, 900.0, 4, 3, 13);
        if (TRY(recs_trending(trends, query, &error)))
            note_answers(query);
    }
    for (int weight = 0; weight < 2 && !where; weight++) { /* beside the model */
        recs_query_reset(query);
        recs_query_place(query, "us/ca");
        recs_query_time(query, begin + day);
        recs_query_history(query, "item5", 1, RECS_NO_TIME);
        recs_query_trends(query, trends, (float)weight);
        if (TRY(recs_recommend(model, query, &error)) && TRY(recs_explain(model, query, 0, &error)))
            note_answers(query);
    }
    if (!where)
        freeze(trends, query, begin + day);
    recs_query_reset(query);
    recs_events_destroy(events);
    recs_trends_destroy(trends);
}

/* A set of vectors: made, changed, searched. */
static void vectors(void)
{
    static const uint32_t offsets[] = {0, 1, 2, 3, 4};
    static const float values[] = {1, 0, 0, 1, 1, 1, 0.5f, 1};
    recs_error error;
    recs_vectors *set = NULL;
    recs_query *query = NULL;
    if (TRY(recs_vectors_create(&set, 2, "knn(storage=int8)", NULL, NULL, &error)) &&
        TRY(recs_vectors_add(set, "abcd", offsets, values, 2, 3, &error)) &&
        TRY(recs_vectors_replace(set, "abcd", offsets + 2, values, 2, 2, &error)) &&
        TRY(recs_vectors_remove(set, "abcd", offsets, 1, NULL, &error)) &&
        TRY(recs_vectors_compact(set, NULL, NULL, &error)) &&
        TRY(recs_query_create(&query, NULL, &error))) {
        recs_query_history(query, "b", 1, RECS_NO_TIME);
        recs_query_history(query, "c", 1, RECS_NO_TIME);
        for (int32_t merge = 0; merge < 2; merge++) {
            recs_query_merge(query, merge);
            if (!TRY(recs_knn(set, query, &error)))
                break;
            note_answers(query);
        }
    }
    recs_query_destroy(query);
    recs_vectors_destroy(set);
}

static void serve(const char *path)
{
    recs_error error;
    recs_model *model = NULL;
    recs_query *query = NULL;
    if (TRY(recs_model_open(&model, path, NULL, NULL, &error)) &&
        TRY(recs_model_verify(model, &error)) && TRY(recs_query_create(&query, NULL, &error)) &&
        ask(model, query))
        count(model, query);
    recs_query_destroy(query);
    recs_model_release(model);
    if (!where)
        vectors();
}

static const char description[] =
    "als(factors=8, iterations=2), itemknn(k=10), popular, bpr(factors=8, iterations=2), "
    "ease(k=10), "
    "graphfilter(rank=6, k=10), "
    "userknn(k=10), rp3beta(k=10, column_k=5), slim(candidates=8), trending(min_actors=1), "
    "home = 0.7*als + 0.3*itemknn";

static void train(const char *folder, const char *to)
{
    char log[4096], items[4096], out[4096];
    snprintf(log, sizeof log, "%s/log.csv", folder);
    snprintf(items, sizeof items, "%s/items.csv", folder);
    snprintf(out, sizeof out, "%s/%s", folder, to);

    recs_error error;
    recs_dataset *all = NULL, *known = NULL, *held = NULL;
    recs_model *model = NULL;
    recs_evaluation *evaluation = NULL;
    recs_evaluate_options options = {.struct_size = sizeof options, .cutoffs = "5", .baselines = 1,
                                     .metrics = "all", .resamples = 100, .segments = 1,
                                     .keep_users = 1};
    char report[4096];
    snprintf(report, sizeof report, "%s/report.html", folder);
    if (TRY(recs_dataset_create(&all, NULL, &error)) &&
        TRY(recs_dataset_set(all, "columns", "user=user,item=item,type=type,time=time", &error)) &&
        TRY(recs_dataset_read(all, log, &error)) &&
        TRY(recs_dataset_read_items(all, items, &error)) &&
        TRY(recs_dataset_split(all, "last:2", 1, &known, &held, &error)) &&
        TRY(recs_train(known, description, NULL, NULL, &model, &error)) &&
        TRY(recs_evaluate(model, held, &options, NULL, &evaluation, &error)) &&
        TRY(recs_evaluation_compare(evaluation, 0, evaluation, 2, NULL, &error)) &&
        TRY(recs_evaluation_write_html(evaluation, "failing", report, &error)) &&
        TRY(recs_model_write(model, out, &error))) {
        uint64_t fingerprint = recs_model_fingerprint(model);
        answer(&fingerprint, sizeof fingerprint);
        for (size_t r = 0; r < recs_evaluation_rows(evaluation); r++) {
            double recall = recs_evaluation_value(evaluation, r, 0);
            answer(&recall, sizeof recall);
        }
    }
    recs_evaluation_destroy(evaluation);
    recs_model_release(model);
    recs_dataset_destroy(held);
    recs_dataset_destroy(known);
    recs_dataset_destroy(all);
}

/* A trial that found no memory is told in the tuning, which goes on without it:
 * what is best then may be another. */
static void note_trials(const recs_tuning *tuning)
{
    for (size_t t = 0; t < recs_tuning_trials(tuning); t++) {
        const char *failed = recs_tuning_failed(tuning, t);
        double value = recs_tuning_value(tuning, t, "value");
        if (failed && !where) {
            where = "a trial";
            first.status = RECS_ERR_MEMORY;
            snprintf(first.text, sizeof first.text, "%s", failed);
        }
        answer(&value, sizeof value);
    }
    answer(recs_tuning_description(tuning), strlen(recs_tuning_description(tuning)));
}

static void tune(const char *folder)
{
    char log[4096], state[4096];
    snprintf(log, sizeof log, "%s/log.csv", folder);
    snprintf(state, sizeof state, "%s/state.jsonl", folder);
    remove(state);

    recs_error error;
    recs_dataset *all = NULL;
    recs_tuning *tuning = NULL;
    recs_tune_options options = {.struct_size = sizeof options, .trials = 6, .metric = "recall@5",
                                 .validation = "last:2", .state = state};
    if (TRY(recs_dataset_create(&all, NULL, &error)) &&
        TRY(recs_dataset_set(all, "columns", "user=user,item=item,type=type,time=time", &error)) &&
        TRY(recs_dataset_read(all, log, &error)) &&
        TRY(recs_tune(all, "itemknn(k=4|8, user_exponent=0..1), popular(count=units|events), "
                           "home = blend(itemknn, popular)",
                      &options, NULL, &tuning, &error)))
        note_trials(tuning);
    recs_tuning_destroy(tuning);
    recs_dataset_destroy(all);
}

/* A log with two tastes, so that the models have something to find. */
static int make(const char *folder)
{
    static const char *const types[] = {"view", "cart", "buy"};
    char path[4096];
    snprintf(path, sizeof path, "%s/log.csv", folder);
    FILE *file = fopen(path, "w");
    if (!file)
        return EXIT_FAULT;
    fputs("user,item,type,time\n", file);
    uint32_t state = 1;
    for (int user = 0; user < 30; user++)
        for (int event = 0; event < 12; event++) {
            state = state * 1664525 + 1013904223;
            int item = (int)(state >> 16) % 15 + user % 2 * 15;
            fprintf(file, "user%d,item%d,%s,%d\n", user, item, types[(state >> 8) % 3],
                    1600000000 + event * 86400 + user);
        }
    if (fclose(file) != 0)
        return EXIT_FAULT;
    snprintf(path, sizeof path, "%s/items.csv", folder);
    file = fopen(path, "w");
    if (!file)
        return EXIT_FAULT;
    fputs("id,title,category,price,available\n", file);
    for (int item = 0; item < 32; item++)
        fprintf(file, "item%d,\"Thing, no. %d\",%s,%d.5,%d\n", item, item,
                item % 2 ? "odd" : "even", item, item != 31);
    if (fclose(file) != 0)
        return EXIT_FAULT;
    train(folder, "model.recs");
    return where ? EXIT_FAULT : EXIT_OK;
}

static int judge(const failing_malloc_report *report)
{
    printf("%zu %zu %016llx\n", report->allocations, report->failed, (unsigned long long)answers);
    if (report->leaked > 0) {
        fprintf(stderr, "%zu blocks leaked%s%s\n", report->leaked, where ? " after " : "",
                where ? where : "");
        return EXIT_LEAK;
    }
    if (!where)
        return EXIT_OK;
    if (first.status == RECS_ERR_MEMORY && first.text[0] != '\0')
        return EXIT_MEMORY;
    fprintf(stderr, "%s: status %d, \"%s\"\n", where, (int)first.status, first.text);
    return EXIT_FAULT;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "make") == 0) {
        int made = make(argv[2]);
        if (where)
            fprintf(stderr, "%s: %s\n", where, first.text);
        return made;
    }
    if (argc != 5 || !failing_malloc_start) {
        fputs("see scripts/check-oom\n", stderr);
        return EXIT_FAULT;
    }
    size_t nth = strtoull(argv[3], NULL, 10);
    int after = atoi(argv[4]);
    int training = strcmp(argv[1], "train") == 0, tuning = strcmp(argv[1], "tune") == 0;
    /* What the C library and BLAS set up once for the process is not ours: it
     * happens in a first round without failures. */
    if (training)
        train(argv[2], "warm.recs");
    else if (tuning)
        tune(argv[2]);
    else
        serve(argv[2]);
    if (where) {
        fprintf(stderr, "without a failure, %s: %s\n", where, first.text);
        return EXIT_FAULT;
    }
    answers = 0;
    failing_malloc_report report;
    failing_malloc_start(nth, after);
    if (training)
        train(argv[2], "out.recs");
    else if (tuning)
        tune(argv[2]);
    else
        serve(argv[2]);
    failing_malloc_stop(&report);
    return judge(&report);
}
