/* test_benchmark.c - protocols from a log in one call, beside their steps done
 * one by one. */
#include "recs/train.h"

#include "support/fault_host.h"
#include "support/made_log.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

static recs_dataset *timed, *untimed;

static int prepare(void **state) {
    (void)state;
    timed = made_log(200, 60, 20, 1, 9);
    untimed = made_log(120, 40, 8, 0, 4);
    return 0;
}

static int tidy(void **state) {
    (void)state;
    recs_dataset_destroy(timed);
    recs_dataset_destroy(untimed);
    return 0;
}

static recs_evaluate_options usual(void) {
    return (recs_evaluate_options){.struct_size = sizeof(recs_evaluate_options), .baselines = 1};
}

static recs_evaluation *run(const recs_dataset *log, const char *protocol,
                            const recs_evaluate_options *how) {
    recs_benchmark_options options = {.struct_size = sizeof options, .seed = 5};
    recs_evaluation *e = NULL;
    recs_error error = {0};
    made_ok(recs_benchmark(log, "itemknn(k=10), popular", protocol, how, &options, NULL, &e, &error),
            &error);
    return e;
}

static void has(const recs_evaluation *e, const char *text) {
    if (!strstr(recs_evaluation_protocol(e), text))
        fail_msg("'%s' is not told in:\n%s", text, recs_evaluation_protocol(e));
}

/* The default is one date where there are times, else a random part. */
static void test_simple_protocols(void **state) {
    (void)state;
    static const struct {
        const char *asked, *split, *told, *warned;
    } cases[] = {{NULL, "time:0.8", "log split by time:0.8", "train ends at one date"},
                 {"time:0.7", "time:0.7", "log split by time:0.7", "train ends at one date"},
                 {"last", "last:1", "log split by last:1", "LEAKS over time"},
                 {"last:2", "last:2", "log split by last:2", "LEAKS over time"},
                 {"random:0.3", "random:0.3", "log split by random:0.3, seed 5", "LEAKS over time"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recs_dataset *train, *test;
        recs_model *model;
        recs_evaluation *e = run(timed, cases[i].asked, NULL), *steps = NULL;
        recs_error error = {0};
        has(e, cases[i].told);
        has(e, cases[i].warned);
        has(e, "trained: itemknn(");
        has(e, "stay in the denominator");
        made_ok(recs_dataset_split(timed, cases[i].split, 5, &train, &test, &error), &error);
        made_ok(recs_train(train, "itemknn(k=10), popular", NULL, NULL, &model, &error), &error);
        made_ok(recs_evaluate(model, test, NULL, NULL, &steps, &error), &error);
        assert_int_equal(recs_evaluation_count(e, "users"), recs_evaluation_count(steps, "users"));
        for (size_t m = 0; m < recs_evaluation_metrics(e); m++)
            assert_true(recs_evaluation_value(e, 1, m) == recs_evaluation_value(steps, 1, m));
        recs_evaluation_destroy(steps);
        recs_model_release(model);
        recs_dataset_destroy(train);
        recs_dataset_destroy(test);
        recs_evaluation_destroy(e);
    }
    recs_evaluation *e = run(untimed, NULL, NULL);
    has(e, "log split by random:0.2");
    recs_evaluation_destroy(e);
}

/* Users of the test part are in no train part, and are asked by four fifths. */
static void test_strong(void **state) {
    (void)state;
    recs_evaluate_options how = usual();
    recs_dataset *train, *held, *given, *test;
    recs_error error = {0};
    recs_model *model;
    recs_evaluation *steps = NULL, *e = run(timed, "strong", &how), *again;
    has(e, "log split by users:0.1");
    has(e, "20 users held out, their events split by random:0.2");
    has(e, "Recall@k is recall_min@k");
    has(e, "recall_min@k = hits / min(k, |test|)");
    assert_string_equal(recs_evaluation_metric_name(e, 1), "recall_min@20");
    assert_non_null(strstr(recs_evaluation_metric_name(e, recs_evaluation_metrics(e) - 1), "@100"));
    made_ok(recs_dataset_split(timed, "users:0.1", 5, &train, &held, &error), &error);
    made_ok(recs_dataset_split(held, "random:0.2", 5, &given, &test, &error), &error);
    assert_int_equal(recs_dataset_count(train, "users"), 180);
    made_ok(recs_dataset_set(train, "users", "none", &error), &error);
    made_ok(recs_train(train, "itemknn(k=10), popular", NULL, NULL, &model, &error), &error);
    how.histories = given;
    how.protocol = "strong";
    how.metrics = "recall_min";
    how.cutoffs = "20";
    made_ok(recs_evaluate(model, test, &how, NULL, &steps, &error), &error);
    assert_true(recs_evaluation_value(steps, 1, 0) == recs_evaluation_value(e, 1, 1));
    assert_true(recs_evaluation_value(e, 1, 1) > 0);
    assert_int_equal(recs_evaluation_count(e, "users_unknown"), 0);
    how = usual();
    again = run(timed, "strong:20", &how); /* the same number of users */
    for (size_t m = 0; m < recs_evaluation_metrics(e); m++)
        assert_true(recs_evaluation_value(e, 1, m) == recs_evaluation_value(again, 1, m));
    recs_evaluation_destroy(again);
    recs_evaluation_destroy(steps);
    recs_evaluation_destroy(e);
    recs_model_release(model);
    recs_dataset_destroy(train);
    recs_dataset_destroy(held);
    recs_dataset_destroy(given);
    recs_dataset_destroy(test);
}

/* The same users and targets for every length. */
static void test_history(void **state) {
    (void)state;
    recs_evaluate_options how = usual();
    double low, high;
    how.resamples = 100;
    how.keep_users = 1;
    recs_evaluation *e = run(timed, "history:1,2,5", &how);
    has(e, "their events split by first:5");
    has(e, "protocol history");
    has(e, "WARNING: intervals from fewer than 30 users"); /* twenty are held out */
    assert_int_equal(recs_evaluation_segments(e), 3);
    static const char *const names[] = {"1", "2", "5"};
    for (size_t s = 0; s < 3; s++) {
        assert_string_equal(recs_evaluation_segment_kind(e, s), "given");
        assert_string_equal(recs_evaluation_segment_name(e, s), names[s]);
        assert_int_equal(recs_evaluation_segment_users(e, s), recs_evaluation_count(e, "users"));
        assert_int_equal(recs_evaluation_segment_interval(e, s, 1, 0, &low, &high), 1);
    }
    for (size_t u = 0; u < recs_evaluation_users(e); u++)
        assert_int_equal(recs_evaluation_user_history(e, u), 5);
    for (size_t m = 0; m < recs_evaluation_metrics(e); m++)
        assert_true(recs_evaluation_segment_value(e, 2, 1, m) == recs_evaluation_value(e, 1, m));
    assert_true(recs_evaluation_segment_value(e, 0, 1, 0) !=
                recs_evaluation_segment_value(e, 2, 1, 0));
    recs_evaluation_destroy(e);
}

static void refuse(const recs_dataset *log, const char *spec, const char *protocol,
                   const recs_evaluate_options *how, recs_status expected, const char *says) {
    recs_evaluation *e = (recs_evaluation *)1;
    recs_error error = {0};
    recs_status status = recs_benchmark(log, spec, protocol, how, NULL, NULL, &e, &error);
    if (status != expected || !strstr(error.text, says))
        fail_msg("%s: '%s' instead of %s: '%s'", recs_status_text(status), error.text,
                 recs_status_text(expected), says);
    assert_ptr_equal(e, (recs_evaluation *)1);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)stage, (void)done, (void)total;
    return --*(int *)data <= 0;
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const bad[] = {"weak", "strongest", "history:0", "history:5,2", "history:x",
                                      "history:1001", "history:",
                                      "history:1,2,3,4,5,6,7,8,9,10,11,12,13"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse(timed, "popular", bad[i], NULL, RECS_ERR_ARGUMENT, "expected time, time:0.8");
    refuse(timed, "popular", "strong:1000", NULL, RECS_ERR_DATA, "nobody to train on");
    refuse(timed, "popular", "strong:0.001", NULL, RECS_ERR_DATA, "nobody to test on");
    refuse(timed, "popular", "strong:-1", NULL, RECS_ERR_ARGUMENT, "users:-1");
    refuse(timed, "popular", "history:500", NULL, RECS_ERR_DATA, "no events to evaluate on");
    refuse(timed, "unpopular", "last", NULL, RECS_ERR_ARGUMENT, "unpopular");
    refuse(untimed, "popular", "time", NULL, RECS_ERR_STATE, "no event has a time");
    recs_evaluate_options how = usual();
    how.protocol = "last";
    refuse(timed, "popular", "last", &how, RECS_ERR_ARGUMENT, "the protocol decides it");
    how = usual();
    int left = 1;
    how.progress = stop;
    how.progress_data = &left;
    refuse(timed, "popular", "last", &how, RECS_ERR_CANCELLED, "cancelled");
    refuse(NULL, "popular", "last", NULL, RECS_ERR_ARGUMENT, "log is NULL");
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    recs_dataset *small = made_log(12, 12, 3, 1, 2);
    FAULT_LOOP(faults) {
        recs_evaluate_options how = usual();
        recs_evaluation *e = NULL;
        recs_error error = {0};
        how.baselines = 0;
        if (fault_passed(&faults,
                         recs_benchmark(small, "popular", "history:1,2", &how, NULL, &faults.host,
                                        &e, &error),
                         &error))
            recs_evaluation_destroy(e);
        else
            assert_null(e);
    }
    recs_dataset_destroy(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple_protocols), cmocka_unit_test(test_strong),
        cmocka_unit_test(test_history),          cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, prepare, tidy);
}
