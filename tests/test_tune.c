/* test_tune.c - a search ends where its trials end, goes on from its file as if
 * it had not stopped, keeps to the floor of coverage, and refuses what it cannot do. */
#include "recs/train.h"

#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"
#include "train/tuning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static recs_dataset *shop(int users, int items, int each) {
    recs_dataset *dataset = NULL;
    recs_events *events;
    recs_error error = {0};
    uint32_t state = 9;
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (int u = 0; u < users; u++)
        for (int n = 0; n < each; n++) {
            int item = next(&state) % 4 == 0
                           ? (int)(next(&state) % (uint32_t)items)
                           : u % 5 * (items / 5) + (int)(next(&state) % (uint32_t)(items / 5));
            char name[20];
            snprintf(name, sizeof name, "i%04d", item);
            ok(recs_events_begin(events, name, RECS_EVENT_BUY, RECS_NO_TIME, &error), &error);
            snprintf(name, sizeof name, "u%05d", u);
            ok(recs_events_text(events, RECS_FIELD_USER, name, &error), &error);
        }
    ok(recs_dataset_add(dataset, events, &error), &error);
    recs_events_destroy(events);
    return dataset;
}

#define SPACE "itemknn(asymmetry=0.2..0.8, user_exponent=?), als(factors=4|8, iterations=3, alpha=?), " \
              "popular(), home = blend(itemknn, popular)"

static recs_tuning *tuned(const recs_dataset *dataset, const char *space,
                          const recs_tune_options *options, const recs_host *host) {
    recs_tuning *tuning = NULL;
    recs_error error = {0};
    ok(recs_tune(dataset, space, options, host, &tuning, &error), &error);
    return tuning;
}

static void assert_same(const recs_tuning *a, const recs_tuning *b) {
    assert_string_equal(recs_tuning_description(a), recs_tuning_description(b));
    assert_int_equal(recs_tuning_trials(a), recs_tuning_trials(b));
    for (size_t i = 0; i < recs_tuning_trials(a); i++) {
        assert_string_equal(recs_tuning_trained(a, i), recs_tuning_trained(b, i));
        assert_true(recs_tuning_value(a, i, "value") == recs_tuning_value(b, i, "value"));
        assert_true(recs_tuning_value(a, i, "share") == recs_tuning_value(b, i, "share"));
    }
}

static void test_trials(void **state) {
    (void)state;
    recs_dataset *dataset = shop(90, 60, 12);
    recs_tune_options options = {.struct_size = sizeof options, .trials = 17, .seed = 4};
    recs_tuning *t = tuned(dataset, SPACE, &options, NULL);
    size_t per[3] = {0, 0, 0};
    /* 9 and 8 alone, then the four together. */
    assert_int_equal(recs_tuning_trials(t), 17 + 4);
    assert_string_equal(recs_tuning_validation(t), "random:0.1");
    for (size_t i = 0; i < 17; i++) {
        const char *component = recs_tuning_component(t, i);
        per[strcmp(component, "als") == 0]++;
        if (recs_tuning_failed(t, i))
            fail_msg("%s: %s", recs_tuning_trained(t, i), recs_tuning_failed(t, i));
        assert_true(recs_tuning_value(t, i, "value") == recs_tuning_value(t, i, "ndcg"));
        assert_true(recs_tuning_value(t, i, "recall") > 0.0);
        assert_true(recs_tuning_value(t, i, "coverage") > 0.0);
        assert_true(recs_tuning_value(t, i, "popularity") > 0.0);
        assert_true(recs_tuning_value(t, i, "users") > 70.0);
        assert_true(recs_tuning_value(t, i, "share") == 1.0);
        assert_true(recs_tuning_value(t, i, "whole") == 0.0);
        assert_true(recs_tuning_value(t, i, "value") <=
                    recs_tuning_value(t, recs_tuning_best(t, component), "value"));
    }
    assert_int_equal(per[0], 9);
    /* The defaults come first. */
    assert_non_null(strstr(recs_tuning_trained(t, 0), "asymmetry=0.6, user_exponent=0.5"));
    assert_string_equal(recs_tuning_varied(t, 0), "asymmetry=0.6, user_exponent=0.5");
    assert_string_equal(recs_tuning_component(t, 20), "home");
    assert_true(recs_tuning_value(t, 20, "whole") == 1.0);
    assert_string_equal(recs_tuning_trained(t, 20), recs_tuning_description(t));
    assert_non_null(strstr(recs_tuning_description(t), "home = blend(itemknn, popular"));
    assert_int_equal(recs_tuning_met(t), 1);
    assert_int_equal(recs_tuning_stopped(t), 0);
    assert_true(isnan(recs_tuning_value(t, 0, "nothing")));
    assert_true(isnan(recs_tuning_value(t, 21, "value")));
    assert_null(recs_tuning_trained(t, 21));
    assert_true(recs_tuning_best(t, "none") == SIZE_MAX);

    recs_pool *pool;
    ok(recs_pool_create(&pool, 3, NULL, NULL), NULL);
    recs_host host = {.struct_size = sizeof host, .executor_data = pool, .run = recs_pool_run};
    recs_tuning *other = tuned(dataset, SPACE, &options, &host);
    assert_same(t, other);
    recs_tuning_destroy(other);
    recs_pool_destroy(pool);
    recs_tuning_destroy(t);
    recs_dataset_destroy(dataset);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    assert_true(stage != NULL && done <= total);
    return --*(int *)data == 0;
}

/* Stopped wherever, a search goes on to the end it would have had. */
static void test_goes_on(void **state) {
    (void)state;
    recs_dataset *dataset = shop(60, 40, 12);
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    recs_tune_options options = {.struct_size = sizeof options, .trials = 8};
    tmp_make(&folder);
    recs_tuning *straight = tuned(dataset, SPACE, &options, NULL);
    options.state = tmp_path(&folder, "state", path);
    for (int at = 3; at < 40; at += 9) {
        int left = at;
        recs_tuning *t = NULL;
        recs_error error = {0};
        options.progress = stop;
        options.progress_data = &left;
        recs_status status = recs_tune(dataset, SPACE, &options, NULL, &t, &error);
        if (status == RECS_ERR_CANCELLED) {
            assert_null(t);
            assert_non_null(strstr(error.text, "ancelled"));
            continue;
        }
        assert_int_equal(status, RECS_OK);
        assert_int_equal(error.status, RECS_OK);
        if (recs_tuning_stopped(t))
            assert_true(recs_tuning_trials(t) < recs_tuning_trials(straight));
        recs_tuning_destroy(t);
    }
    options.progress = NULL;
    recs_tuning *t = tuned(dataset, SPACE, &options, NULL);
    assert_same(straight, t);
    recs_tuning_destroy(t);

    /* Nothing is tried again; with more trials it goes further. */
    size_t size, longer;
    free(tmp_read(path, &size));
    t = tuned(dataset, SPACE, &options, NULL);
    free(tmp_read(path, &longer));
    assert_int_equal(size, longer);
    recs_tuning_destroy(t);
    options.trials = 12;
    t = tuned(dataset, SPACE, &options, NULL);
    assert_true(recs_tuning_trials(t) >= 16);
    recs_tuning_destroy(t);

    /* Of another search, or other data. */
    recs_error error = {0};
    options.seed = 1;
    t = NULL;
    assert_int_equal(recs_tune(dataset, SPACE, &options, NULL, &t, &error), RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "its seed is 0, here it is 1"));
    options.seed = 0;
    options.min_coverage = 0.5;
    assert_int_equal(recs_tune(dataset, SPACE, &options, NULL, &t, &error), RECS_ERR_CONFLICT);
    options.min_coverage = 0.0;
    assert_int_equal(recs_tune(dataset, "itemknn", &options, NULL, &t, &error), RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "its space is itemknn(asymmetry=0.2..0.8"));
    recs_dataset *more = shop(61, 40, 12);
    assert_int_equal(recs_tune(more, SPACE, &options, NULL, &t, &error), RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "its data is"));
    recs_dataset_destroy(more);
    assert_null(t);
    recs_tuning_destroy(straight);
    recs_dataset_destroy(dataset);
    tmp_remove(&folder);
}

static void test_damaged_state(void **state) {
    (void)state;
    static const char *const wrong[][2] = {{"\"rung\": 0", "\"rung\": 7"},
                                           {"\"component\": \"itemknn\"", "\"component\": \"it\""},
                                           {"asymmetry=", "asymmetrie="},
                                           {"\"recall\"", "\"rekall\""},
                                           {"\"whole\": 0", "\"whole\": x"}};
    recs_dataset *dataset = shop(60, 40, 12);
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    recs_tune_options options = {.struct_size = sizeof options, .trials = 2};
    tmp_make(&folder);
    options.state = tmp_path(&folder, "state", path);
    recs_tuning_destroy(tuned(dataset, "itemknn", &options, NULL));
    char *good = tmp_read(path, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *bad = calloc(strlen(good) + 20, 1), *third = strchr(strchr(good, '\n') + 1, '\n') + 1;
        char *at = strstr(third, wrong[i][0]);
        recs_error error = {0};
        recs_tuning *t = NULL;
        assert_non_null(at);
        memcpy(bad, good, (size_t)(at - good));
        strcat(bad, wrong[i][1]);
        strcat(bad, at + strlen(wrong[i][0]));
        tmp_write(&folder, "state", bad, strlen(bad), path);
        assert_int_equal(recs_tune(dataset, "itemknn", &options, NULL, &t, &error),
                         RECS_ERR_CORRUPT);
        if (!strstr(error.text, "line 3"))
            fail_msg("%s", error.text);
        assert_null(t);
        free(bad);
    }
    free(good);
    recs_dataset_destroy(dataset);
    tmp_remove(&folder);
}

static void test_floor_of_coverage(void **state) {
    (void)state;
    recs_dataset *dataset = shop(90, 100, 12);
    recs_tune_options options = {.struct_size = sizeof options, .trials = 12};
    static const char space[] = "als(factors=2..16, alpha=0.1..500 log, iterations=4)";
    recs_tuning *t = tuned(dataset, space, &options, NULL);
    double low = 1.0, high = 0.0;
    for (size_t i = 0; i < recs_tuning_trials(t); i++) {
        double coverage = recs_tuning_value(t, i, "coverage");
        low = coverage < low ? coverage : low;
        high = coverage > high ? coverage : high;
    }
    assert_true(low < high);
    recs_tuning_destroy(t);
    options.min_coverage = high;
    t = tuned(dataset, space, &options, NULL);
    assert_int_equal(recs_tuning_met(t), 1);
    assert_true(recs_tuning_value(t, recs_tuning_best(t, "als"), "coverage") >= high);
    recs_tuning_destroy(t);
    /* Nothing covers everything: the one that covers most is the best. */
    options.min_coverage = 1.0;
    options.metric = "recall@1";
    t = tuned(dataset, space, &options, NULL);
    assert_int_equal(recs_tuning_met(t), 0);
    size_t best = recs_tuning_best(t, "als");
    for (size_t i = 0; i < recs_tuning_trials(t); i++)
        assert_true(recs_tuning_value(t, i, "coverage") <= recs_tuning_value(t, best, "coverage"));
    assert_non_null(recs_tuning_description(t));
    recs_tuning_destroy(t);
    recs_dataset_destroy(dataset);
}

/* 27 iterations make three rungs: most trials have 3 of them, the best go up. */
static void test_rungs(void **state) {
    (void)state;
    recs_dataset *dataset = shop(6500, 50, 6);
    recs_tune_options options = {.struct_size = sizeof options, .trials = 14};
    recs_tuning *t = tuned(dataset, "als(factors=4, iterations=27, alpha=1..100 log, "
                                    "regularization=0.01..10 log)",
                           &options, NULL);
    size_t at[3] = {0, 0, 0}, best = recs_tuning_best(t, "als");
    for (size_t i = 0; i < recs_tuning_trials(t); i++) {
        double share = recs_tuning_value(t, i, "share"), users = recs_tuning_value(t, i, "users");
        int rung = share > 0.9 ? 2 : share > 0.2 ? 1 : 0;
        at[rung]++;
        assert_non_null(strstr(recs_tuning_trained(t, i), "iterations=27"));
        /* At least 1,500 to judge on, so that two rungs are judged on as many. */
        assert_true(rung == 2 ? users > 2000.0 : users > 1000.0 && users < 2000.0);
    }
    assert_true(at[0] >= 5 && at[1] >= 2 && at[2] >= 2);
    assert_true(at[0] > at[1] && at[1] >= at[2]);
    assert_true(recs_tuning_value(t, best, "share") == 1.0);
    /* The defaults went all the way first. */
    assert_string_equal(recs_tuning_trained(t, 0), recs_tuning_trained(t, 2));
    recs_tuning_destroy(t);

    /* Without iterations there is one rung; with free ones, too. */
    t = tuned(dataset, "itemknn(asymmetry=?), als(factors=2, iterations=1|9)",
              &(recs_tune_options){.struct_size = sizeof options, .trials = 4}, NULL);
    for (size_t i = 0; i < recs_tuning_trials(t); i++)
        assert_true(recs_tuning_value(t, i, "share") == 1.0);
    recs_tuning_destroy(t);
    recs_dataset_destroy(dataset);
}

static int64_t clock_of(void *data) {
    return *(int64_t *)data += 40;
}

static void test_budget_of_time(void **state) {
    (void)state;
    recs_dataset *dataset = shop(60, 40, 12);
    int64_t now = 1000000;
    recs_host host = {.struct_size = sizeof host, .clock_data = &now, .now = clock_of};
    recs_tune_options options = {.struct_size = sizeof options, .budget_seconds = 30.0};
    recs_tuning *t = tuned(dataset, "itemknn, popular", &options, &host);
    assert_true(recs_tuning_trials(t) > 3);
    assert_true(now < 1000000 + 31000);
    recs_tuning_destroy(t);
    /* Too short for the defaults. */
    recs_error error = {0};
    t = NULL;
    options.budget_seconds = 0.1;
    assert_int_equal(recs_tune(dataset, "itemknn", &options, &host, &t, &error), RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "before the first trial"));
    assert_null(t);
    recs_dataset_destroy(dataset);
}

static void test_refusals(void **state) {
    (void)state;
    recs_dataset *dataset = shop(60, 40, 12), *empty = NULL;
    recs_tuning *t = NULL;
    recs_error error = {0};
    const struct {
        const char *space;
        recs_tune_options options;
        recs_status status;
        const char *says;
    } cases[] = {
        {"als(alpha=5..1)", {.trials = 3}, RECS_ERR_ARGUMENT, "column 11"},
        {"als()", {.trials = 3}, RECS_ERR_ARGUMENT, "nothing to search"},
        {"als, itemknn", {.trials = 1}, RECS_ERR_ARGUMENT, "at least one for each of the 2"},
        {"als", {.trials = 0}, RECS_ERR_ARGUMENT, "neither budget_seconds nor trials"},
        {"als", {.budget_seconds = -1}, RECS_ERR_ARGUMENT, "budget_seconds is -1"},
        {"als", {.budget_seconds = NAN}, RECS_ERR_ARGUMENT, "budget_seconds is"},
        {"als", {.trials = 1, .repeats = 3}, RECS_ERR_ARGUMENT, "repeats is 3"},
        {"als", {.trials = 1, .min_coverage = 1.5}, RECS_ERR_ARGUMENT, "min_coverage is 1.5"},
        {"als", {.trials = 1, .metric = "ndcg"}, RECS_ERR_ARGUMENT, "metric is 'ndcg'"},
        {"als", {.trials = 1, .metric = "auc@5"}, RECS_ERR_ARGUMENT, "metric is 'auc@5'"},
        {"als", {.trials = 1, .metric = "ndcg@0"}, RECS_ERR_ARGUMENT, "metric is 'ndcg@0'"},
        {"als", {.trials = 1, .validation = "lost"}, RECS_ERR_ARGUMENT, "split \"lost\""},
        {"als", {.trials = 1, .validation = "time:0.9"}, RECS_ERR_STATE, "no event has a time"},
        {"als", {.trials = 1, .state = "/nowhere/at/all"}, RECS_ERR_NOT_FOUND, "/nowhere"},
        /* Contradictory settings are refused where the defaults have them. */
        {"itemknn(similarity=bm25, shrinkage=5, asymmetry=?)", {.trials = 2}, RECS_ERR_ARGUMENT,
         "shrinkage"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recs_tune_options options = cases[i].options;
        options.struct_size = sizeof options;
        recs_status status = recs_tune(dataset, cases[i].space, &options, NULL, &t, &error);
        if (status != cases[i].status || !strstr(error.text, cases[i].says))
            fail_msg("case %zu: %d, '%s'", i, (int)status, error.text);
        assert_null(t);
    }
    recs_tune_options options = {.struct_size = sizeof options, .trials = 3};
    ok(recs_dataset_create(&empty, NULL, &error), &error);
    assert_int_equal(recs_tune(empty, "itemknn", &options, NULL, &t, &error), RECS_ERR_DATA);
    assert_non_null(strstr(error.text, "no user has events in both parts"));
    assert_int_equal(recs_tune(NULL, "itemknn", &options, NULL, &t, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_tune(empty, NULL, &options, NULL, &t, &error), RECS_ERR_ARGUMENT);
    recs_dataset_destroy(empty);

    /* Settings that cannot be trained are noted, and the search goes on. */
    options.trials = 6;
    t = tuned(dataset, "popular(half_life=0|7|14|30)", &options, NULL);
    size_t failed = 0;
    for (size_t i = 0; i < recs_tuning_trials(t); i++) {
        failed += recs_tuning_failed(t, i) != NULL;
        if (recs_tuning_failed(t, i))
            assert_non_null(strstr(recs_tuning_failed(t, i), "needs times"));
    }
    assert_int_equal(recs_tuning_trials(t), 4);
    assert_int_equal(failed, 3);
    assert_int_equal(recs_tuning_best(t, "popular"), 0);
    recs_tuning_destroy(t);
    recs_dataset_destroy(dataset);
}

static void test_out_of_memory(void **state) {
    (void)state;
    recs_dataset *dataset = shop(50, 30, 8);
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    fault_host faults;
    tmp_make(&folder);
    static const char space[] = "popular(count=units|events), itemknn(k=5|9)";
    recs_tune_options options = {.struct_size = sizeof options, .trials = 3};
    /* The search itself, then one that is all in the file. */
    for (int turn = 0; turn < 2; turn++) {
        if (turn == 1) {
            options.state = tmp_path(&folder, "state", path);
            recs_tuning_destroy(tuned(dataset, space, &options, NULL));
        }
        FAULT_LOOP(faults) {
            recs_error error = {0};
            recs_tuning *t = NULL;
            if (fault_passed(&faults,
                             recs_tune(dataset, space, &options, &faults.host, &t, &error),
                             &error))
                recs_tuning_destroy(t);
            else
                assert_null(t);
        }
    }
    recs_dataset_destroy(dataset);
    tmp_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trials),         cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_damaged_state),  cmocka_unit_test(test_floor_of_coverage),
        cmocka_unit_test(test_rungs),          cmocka_unit_test(test_budget_of_time),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
