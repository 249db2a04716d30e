/* test_segments.c - the breakdown, intervals, figures of users, comparisons and
 * histories given, beside what can be worked out another way. */
#include "recs/recommend.h"
#include "recs/train.h"

#include "support/fault_host.h"
#include "support/made_log.h"
#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_dataset *whole, *train, *test;
static recs_model *model;

static int prepare(void **state) {
    (void)state;
    recs_error error = {0};
    whole = made_log(300, 60, 12, 1, 5);
    made_ok(recs_dataset_split(whole, "random:0.3", 1, &train, &test, &error), &error);
    made_ok(recs_train(train, "als(factors=4, iterations=3), itemknn(k=3), popular", NULL, NULL,
                       &model, &error),
            &error);
    return 0;
}

static int tidy(void **state) {
    (void)state;
    recs_model_release(model);
    recs_dataset_destroy(whole);
    recs_dataset_destroy(train);
    recs_dataset_destroy(test);
    return 0;
}

static recs_evaluate_options everything(void) {
    return (recs_evaluate_options){.struct_size = sizeof(recs_evaluate_options),
                                   .cutoffs = "2,5",
                                   .metrics = "all",
                                   .baselines = 1,
                                   .resamples = 200,
                                   .segments = 1,
                                   .keep_users = 1,
                                   .seed = 3};
}

static recs_evaluation *evaluate(const recs_evaluate_options *options, const recs_host *host) {
    recs_evaluation *evaluation = NULL;
    recs_error error = {0};
    made_ok(recs_evaluate(model, test, options, host, &evaluation, &error), &error);
    return evaluation;
}

static size_t column(const recs_evaluation *e, const char *name) {
    size_t m = 0;
    while (recs_evaluation_metric_name(e, m) && strcmp(recs_evaluation_metric_name(e, m), name) != 0)
        m++;
    assert_true(m < recs_evaluation_metrics(e));
    return m;
}

/* Means of what is told of users are the figures told of all and of segments. */
static void test_users_add_up(void **state) {
    (void)state;
    static const char *const means[] = {"recall@2", "recall_min@5", "ndcg@5", "precision@5",
                                        "hit_rate@2", "mrr@5", "map@2", "diversity@5"};
    recs_evaluate_options options = everything();
    recs_evaluation *e = evaluate(&options, NULL);
    size_t users = recs_evaluation_users(e);
    assert_int_equal(users, recs_evaluation_count(e, "users"));
    assert_int_equal(recs_evaluation_count(e, "resamples"), 200);
    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        for (size_t row = 0, m = column(e, means[i]); row < recs_evaluation_rows(e); row++) {
            double sum = 0, count = 0;
            for (size_t u = 0; u < users; u++) {
                double value = recs_evaluation_user_value(e, u, row, m);
                sum += isnan(value) ? 0 : value;
                count += !isnan(value);
            }
            if (count > 0)
                assert_true(fabs(sum / count - recs_evaluation_value(e, row, m)) < 1e-6);
        }
    for (size_t s = 0; s < recs_evaluation_segments(e); s++) {
        const char *name = recs_evaluation_segment_name(e, s);
        size_t m = column(e, "ndcg@5");
        unsigned low, high;
        double sum = 0, count = 0;
        if (strcmp(recs_evaluation_segment_kind(e, s), "items") == 0)
            continue;
        int parts = sscanf(name, "%u-%u", &low, &high);
        high = parts == 2 ? high : strchr(name, '+') ? UINT32_MAX : low;
        for (size_t u = 0; u < users; u++)
            if (recs_evaluation_user_history(e, u) >= low &&
                recs_evaluation_user_history(e, u) <= high) {
                sum += recs_evaluation_user_value(e, u, 0, m);
                count++;
            }
        assert_true(count == (double)recs_evaluation_segment_users(e, s));
        assert_true(fabs(sum / count - recs_evaluation_segment_value(e, s, 0, m)) < 1e-9);
    }
    for (size_t u = 1; u < users; u++)
        assert_true(strcmp(recs_evaluation_user_id(e, u - 1), recs_evaluation_user_id(e, u)) < 0);
    assert_null(recs_evaluation_user_id(e, users));
    assert_true(isnan(recs_evaluation_user_value(e, users, 0, 0)));
    recs_evaluation_destroy(e);
}

/* Users of the two kinds add up to all; hits of the groups of items, too. */
static void test_segments_part_everything(void **state) {
    (void)state;
    recs_evaluate_options options = everything();
    recs_evaluation *e = evaluate(&options, NULL);
    uint64_t by_history = 0, by_activity = 0, items = 0;
    double low, high;
    for (size_t s = 0; s < recs_evaluation_segments(e); s++) {
        const char *kind = recs_evaluation_segment_kind(e, s);
        uint64_t users = recs_evaluation_segment_users(e, s);
        assert_true(users > 0);
        by_history += strcmp(kind, "history") == 0 ? users : 0;
        by_activity += strcmp(kind, "activity") == 0 ? users : 0;
        items += strcmp(kind, "items") == 0;
        assert_true(isnan(recs_evaluation_segment_value(e, s, 0, column(e, "coverage@2"))));
        size_t m = column(e, "recall@5");
        double value = recs_evaluation_segment_value(e, s, 0, m);
        assert_int_equal(recs_evaluation_segment_interval(e, s, 0, m, &low, &high), 1);
        assert_true(low <= value + 1e-6 && value <= high + 1e-6);
        assert_int_equal(recs_evaluation_segment_interval(e, s, 0, column(e, "gini@5"), &low, &high),
                         0);
        if (strcmp(kind, "items") == 0)
            assert_true(isnan(recs_evaluation_segment_value(e, s, 0, column(e, "novelty@5"))));
    }
    assert_int_equal(by_history, recs_evaluation_count(e, "users"));
    assert_int_equal(by_activity, recs_evaluation_count(e, "users"));
    assert_true(items >= 5);
    assert_null(recs_evaluation_segment_kind(e, recs_evaluation_segments(e)));
    assert_null(recs_evaluation_segment_name(e, recs_evaluation_segments(e)));
    for (size_t m = 0; m < recs_evaluation_metrics(e); m++) {
        int there = recs_evaluation_interval(e, 1, m, &low, &high);
        double value = recs_evaluation_value(e, 1, m);
        if (there)
            assert_true(low <= value + 1e-6 && value <= high + 1e-6);
        else
            assert_true(strncmp(recs_evaluation_metric_name(e, m), "coverage", 8) == 0 ||
                        strncmp(recs_evaluation_metric_name(e, m), "gini", 4) == 0);
    }
    recs_evaluation_destroy(e);
}

static bool same_or_nan(double a, double b) {
    return a == b || (isnan(a) && isnan(b));
}

static void same(const recs_evaluation *a, const recs_evaluation *b) {
    double low[2], high[2];
    assert_int_equal(recs_evaluation_segments(a), recs_evaluation_segments(b));
    assert_int_equal(recs_evaluation_rows(a), recs_evaluation_rows(b));
    for (size_t row = 0; row < recs_evaluation_rows(a); row++)
        for (size_t m = 0; m < recs_evaluation_metrics(a); m++) {
            assert_true(same_or_nan(recs_evaluation_value(a, row, m),
                                    recs_evaluation_value(b, row, m)));
            recs_evaluation_interval(a, row, m, &low[0], &high[0]);
            recs_evaluation_interval(b, row, m, &low[1], &high[1]);
            assert_true(same_or_nan(low[0], low[1]) && same_or_nan(high[0], high[1]));
            for (size_t s = 0; s < recs_evaluation_segments(a); s++)
                assert_true(same_or_nan(recs_evaluation_segment_value(a, s, row, m),
                                        recs_evaluation_segment_value(b, s, row, m)));
        }
}

/* Threads change nothing; nor does asking by history what is stored. */
static void test_threads_and_histories(void **state) {
    (void)state;
    recs_pool *pool;
    assert_int_equal(recs_pool_create(&pool, 3, NULL, NULL), RECS_OK);
    recs_host host = {.struct_size = sizeof host, .executor_data = pool, .run = recs_pool_run};
    for (int repeats = 0; repeats < 3; repeats++) {
        recs_evaluate_options options = everything();
        options.repeats = repeats;
        recs_dataset *own = repeats == RECS_REPEATS_EXCLUDE ? test : train;
        recs_dataset *kept = test;
        test = own;
        recs_evaluation *a = evaluate(&options, NULL), *b = evaluate(&options, &host);
        options.histories = train;
        recs_evaluation *c = evaluate(&options, &host);
        same(a, b);
        same(a, c);
        assert_non_null(strstr(recs_evaluation_protocol(c), "by the histories given"));
        recs_evaluation_destroy(a);
        recs_evaluation_destroy(b);
        recs_evaluation_destroy(c);
        test = kept;
    }
    recs_pool_destroy(pool);
}

/* The lists behind the figures are those of recs_recommend, one user at a time. */
static void test_lists_are_the_served_ones(void **state) {
    (void)state;
    recs_evaluate_options options = everything();
    recs_evaluation *e = evaluate(&options, NULL);
    recs_query *query;
    recs_error error = {0};
    size_t m = column(e, "popularity@5"), row = 3; /* itemknn+fill */
    assert_string_equal(recs_evaluation_row_name(e, row), "itemknn+fill");
    made_ok(recs_query_create(&query, NULL, &error), &error);
    for (size_t u = 0; u < recs_evaluation_users(e); u++) {
        double popularity = 0;
        recs_query_reset(query);
        recs_query_user(query, recs_evaluation_user_id(e, u));
        recs_query_component(query, "itemknn");
        recs_query_limit(query, 5);
        made_ok(recs_recommend(model, query, &error), &error);
        for (size_t i = 0; i < recs_query_count(query); i++)
            popularity += (double)recs_model_item_popularity(model, recs_query_row(query, i));
        assert_true(fabs(popularity / (double)recs_query_count(query) -
                         recs_evaluation_user_value(e, u, row, m)) < 1e-4);
    }
    recs_query_destroy(query);
    recs_evaluation_destroy(e);
}

/* 1 - the mean cosine of all pairs, pair by pair. */
static void test_diversity(void **state) {
    (void)state;
    recs_evaluate_options options = everything();
    recs_evaluation *e = evaluate(&options, NULL);
    uint32_t users = recs_model_users(model), items = recs_model_items(model);
    unsigned char *has = calloc((size_t)users * items, 1);
    recs_query *query;
    recs_error error = {0};
    for (uint32_t u = 0; u < users; u++)
        for (size_t h = 0; h < recs_model_history_count(model, u); h++)
            if (recs_model_history_value(model, u, h) > 0)
                has[u * items + recs_model_history_item(model, u, h)] = 1;
    made_ok(recs_query_create(&query, NULL, &error), &error);
    for (size_t u = 0; u < 40; u++) {
        double cosines = 0, pairs = 0;
        recs_query_reset(query);
        recs_query_user(query, recs_evaluation_user_id(e, u));
        recs_query_component(query, "als");
        recs_query_limit(query, 5);
        made_ok(recs_recommend(model, query, &error), &error);
        for (size_t i = 0; i < recs_query_count(query); i++)
            for (size_t j = 0; j < i; j++) {
                double both = 0, one = 0, other = 0;
                for (uint32_t v = 0; v < users; v++) {
                    bool a = has[v * items + recs_query_row(query, i)];
                    bool b = has[v * items + recs_query_row(query, j)];
                    both += a && b;
                    one += a;
                    other += b;
                }
                cosines += both / sqrt(one * other);
                pairs++;
            }
        assert_true(fabs(1.0 - cosines / pairs -
                         recs_evaluation_user_value(e, u, 1, column(e, "diversity@5"))) < 1e-5);
    }
    recs_query_destroy(query);
    recs_evaluation_destroy(e);
    free(has);
}

static void test_comparisons(void **state) {
    (void)state;
    recs_evaluate_options options = everything();
    recs_evaluation *e = evaluate(&options, NULL), *other;
    recs_compare_options how = {.struct_size = sizeof how, .resamples = 300, .other = "B"};
    recs_error error = {0};
    double difference, low, high, p;
    uint64_t unpaired;
    size_t recall = column(e, "recall@5");
    options.component = "popular,als";
    options.cutoffs = "5";
    other = evaluate(&options, NULL);
    made_ok(recs_evaluation_compare(e, 1, e, 1, NULL, &error), &error);
    made_ok(recs_evaluation_compare(e, 1, other, 3, &how, &error), &error);
    assert_int_equal(recs_evaluation_comparisons(e), 2);
    assert_string_equal(recs_evaluation_comparison_name(e, 0), "als+fill - als+fill");
    assert_string_equal(recs_evaluation_comparison_name(e, 1), "als+fill - B: popular+fill");
    assert_int_equal(recs_evaluation_comparison(e, 0, recall, &difference, &low, &high, &p), 1);
    assert_true(difference == 0 && low == 0 && high == 0 && p == 1);
    assert_int_equal(recs_evaluation_comparison_users(e, 1, &unpaired),
                     recs_evaluation_count(e, "users"));
    assert_int_equal(unpaired, 0);
    assert_int_equal(recs_evaluation_comparison(e, 1, recall, &difference, &low, &high, &p), 1);
    assert_true(fabs(difference - (recs_evaluation_value(e, 1, recall) -
                                   recs_evaluation_value(e, 5, recall))) < 1e-6);
    assert_true(low <= difference && difference <= high && p > 0 && p <= 1);
    /* The other has no cutoff 2; the catalogue's figures are no means. */
    assert_int_equal(recs_evaluation_comparison(e, 1, column(e, "recall@2"), &difference, &low,
                                                &high, &p), 0);
    assert_int_equal(recs_evaluation_comparison(e, 1, column(e, "gini@5"), &difference, &low, &high,
                                                &p), 0);
    assert_int_equal(recs_evaluation_comparison(e, 2, recall, &difference, &low, &high, &p), 0);
    assert_int_equal(recs_evaluation_compare(e, 99, other, 0, NULL, &error), RECS_ERR_ARGUMENT);
    how.resamples = 5;
    assert_int_equal(recs_evaluation_compare(e, 0, other, 0, &how, &error), RECS_ERR_ARGUMENT);
    how.resamples = 100;
    how.confidence = 2;
    assert_int_equal(recs_evaluation_compare(e, 0, other, 0, &how, &error), RECS_ERR_ARGUMENT);
    recs_evaluation_destroy(other);
    options.keep_users = 0;
    other = evaluate(&options, NULL);
    assert_int_equal(recs_evaluation_users(other), 0);
    assert_int_equal(recs_evaluation_compare(e, 0, other, 0, NULL, &error), RECS_ERR_STATE);
    assert_int_equal(recs_evaluation_comparisons(e), 2);
    recs_evaluation_destroy(other);
    recs_evaluation_destroy(e);
}

static void test_new_users_and_refusals(void **state) {
    (void)state;
    recs_error error = {0};
    recs_evaluation *e = NULL;
    recs_dataset *kept = test, *few = NULL, *rest = NULL, *kept_train = train;
    recs_model *kept_model = model;
    /* A model that has not seen a tenth of the users. */
    made_ok(recs_dataset_split(kept_train, "users:0.1", 0, &few, &rest, &error), &error);
    made_ok(recs_train(few, "itemknn, popular", NULL, NULL, &model, &error), &error);
    recs_evaluate_options options = everything();
    e = evaluate(&options, NULL);
    assert_int_equal(recs_evaluation_count(e, "users_unknown"), 30);
    uint64_t users = recs_evaluation_count(e, "users");
    recs_evaluation_destroy(e);
    options.new_users = 1;
    e = evaluate(&options, NULL);
    assert_int_equal(recs_evaluation_count(e, "users_new"), 30);
    assert_int_equal(recs_evaluation_count(e, "users"), users + 30);
    assert_string_equal(recs_evaluation_segment_name(e, 0), "0");
    assert_int_equal(recs_evaluation_segment_users(e, 0), 30);
    assert_non_null(strstr(recs_evaluation_protocol(e), "30 users the model does not know"));
    assert_null(strstr(recs_evaluation_protocol(e), "WARNING"));
    recs_evaluation_destroy(e);
    recs_model_release(model);
    model = kept_model;
    recs_dataset_destroy(few);
    recs_dataset_destroy(rest);
    test = kept;

    static const struct {
        recs_evaluate_options options;
        const char *says;
    } bad[] = {{{.resamples = 99}, "resamples is 99"},
               {{.resamples = 100001}, "resamples is 100001"},
               {{.confidence = 0.4}, "confidence is 0.4"},
               {{.confidence = NAN}, "confidence is"},
               {{.segments = 2}, "segments is 2"},
               {{.keep_users = -1}, "keep_users is -1"},
               {{.new_users = 3}, "new_users is 3"},
               {{.baselines = 9}, "baselines is 9"},
               {{.metrics = "recall,nothing"}, "\"nothing\" is none"},
               {{.protocol = "weak"}, "expected lightgcn, strong"},
               {{.protocol = "strong"}, "needs histories"},
               {{.protocol = "lightgcn", .repeats = 1}, "masks what a user has"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options = bad[i].options;
        options.struct_size = sizeof options;
        e = (recs_evaluation *)1;
        assert_int_equal(recs_evaluate(model, test, &options, NULL, &e, &error), RECS_ERR_ARGUMENT);
        if (!strstr(error.text, bad[i].says))
            fail_msg("'%s' does not say '%s'", error.text, bad[i].says);
        assert_ptr_equal(e, (recs_evaluation *)1);
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    recs_error error = {0};
    recs_dataset *log = made_log(12, 12, 3, 1, 2), *small_train, *small_test;
    recs_model *small;
    made_ok(recs_dataset_split(log, "random:0.3", 1, &small_train, &small_test, &error), &error);
    made_ok(recs_train(small_train, "itemknn(k=2)", NULL, NULL, &small, &error), &error);
    for (int given = 0; given < 2; given++)
        FAULT_LOOP(faults) {
            recs_evaluate_options options = everything();
            recs_evaluation *e = NULL;
            options.resamples = 100;
            options.histories = given ? small_train : NULL;
            memset(&error, 0, sizeof error);
            if (fault_passed(&faults,
                             recs_evaluate(small, small_test, &options, &faults.host, &e, &error),
                             &error)) {
                if (fault_passed(&faults, recs_evaluation_compare(e, 0, e, 2, NULL, &error),
                                 &error))
                    assert_int_equal(recs_evaluation_comparisons(e), 1);
                else
                    assert_int_equal(recs_evaluation_comparisons(e), 0);
            }
            recs_evaluation_destroy(e);
        }
    recs_model_release(small);
    recs_dataset_destroy(log);
    recs_dataset_destroy(small_train);
    recs_dataset_destroy(small_test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users_add_up),
        cmocka_unit_test(test_segments_part_everything),
        cmocka_unit_test(test_threads_and_histories),
        cmocka_unit_test(test_lists_are_the_served_ones),
        cmocka_unit_test(test_diversity),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_new_users_and_refusals),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
