/* test_evaluate.c - metrics of cases small enough to work out by hand.
 *
 * Train, everything bought once:      Test:
 *   u1  a b                             u1  c x   (x is in no train part)
 *   u2  a b c                           u2  d
 *   u3  a                               u3  b d
 *   u4  a d                             u4  a
 *                                       u9  a     (no such user)
 * Popularity a 4, b 2, c 1, d 1: the component "popular" lists a b c d. The
 * purchases of c and d are of day 100, all others of day 0. */
#include "recs/train.h"

#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000)

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

/* pairs: "u1 a u1 b …", user and item of two and one characters. */
static recs_dataset *dataset_of(const char *pairs, const char *users) {
    recs_dataset *dataset;
    recs_events *events;
    recs_error error = {0};
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    ok(recs_dataset_set(dataset, "weight", "binary", &error), &error);
    ok(recs_dataset_set(dataset, "users", users, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (const char *at = pairs; *at; at += at[4] ? 5 : 4) {
        char user[3] = {at[0], at[1], 0}, item[2] = {at[3], 0};
        ok(recs_events_begin(events, item, RECS_EVENT_BUY,
                             *item == 'c' || *item == 'd' ? 100 * DAY : 0, &error),
           &error);
        ok(recs_events_text(events, RECS_FIELD_USER, user, &error), &error);
    }
    ok(recs_dataset_add(dataset, events, &error), &error);
    recs_events_destroy(events);
    return dataset;
}

static const char train_pairs[] = "u1 a u1 b u2 a u2 b u2 c u3 a u4 a u4 d";
static const char test_pairs[] = "u1 c u1 x u2 d u3 b u3 d u4 a u9 a";

typedef struct fixture {
    recs_dataset *train, *test;
    recs_model *model;
} fixture;

static void make(fixture *f, const char *users, const char *description) {
    recs_error error = {0};
    f->train = dataset_of(train_pairs, users);
    f->test = dataset_of(test_pairs, "full");
    ok(recs_train(f->train, description, NULL, NULL, &f->model, &error), &error);
}

static void drop(fixture *f) {
    recs_model_release(f->model);
    recs_dataset_destroy(f->train);
    recs_dataset_destroy(f->test);
}

static double value(const recs_evaluation *evaluation, const char *row, const char *metric) {
    for (size_t r = 0; r < recs_evaluation_rows(evaluation); r++)
        for (size_t m = 0; m < recs_evaluation_metrics(evaluation); m++)
            if (strcmp(recs_evaluation_row_name(evaluation, r), row) == 0 &&
                strcmp(recs_evaluation_metric_name(evaluation, m), metric) == 0)
                return recs_evaluation_value(evaluation, r, m);
    fail_msg("no %s of %s", metric, row);
    return NAN;
}

typedef struct figure {
    const char *metric;
    double expected;
} figure;

static void expect(const recs_evaluation *evaluation, const char *row, const figure *figures,
                   size_t count) {
    for (size_t i = 0; i < count; i++) {
        double is = value(evaluation, row, figures[i].metric);
        if (!(fabs(is - figures[i].expected) < 1e-9))
            fail_msg("%s of %s is %.12f, expected %.12f", figures[i].metric, row, is,
                     figures[i].expected);
    }
}
#define EXPECT(evaluation, row, figures)                                                         \
    expect((evaluation), (row), (figures), sizeof(figures) / sizeof *(figures))

static recs_evaluation *evaluate(const fixture *f, recs_repeats repeats, const recs_host *host) {
    recs_evaluate_options options = {.struct_size = sizeof options,
                                     .cutoffs = "1,2",
                                     .repeats = (int32_t)repeats,
                                     .baselines = 1,
                                     .recent_days = 10};
    recs_evaluation *evaluation = NULL;
    recs_error error = {0};
    ok(recs_evaluate(f->model, f->test, &options, host, &evaluation, &error), &error);
    return evaluation;
}

static void counts(const recs_evaluation *e, uint64_t users, uint64_t unknown, uint64_t empty) {
    assert_int_equal(recs_evaluation_count(e, "users"), users);
    assert_int_equal(recs_evaluation_count(e, "users_unknown"), unknown);
    assert_int_equal(recs_evaluation_count(e, "users_empty"), empty);
    assert_int_equal(recs_evaluation_count(e, "items_unknown"), 1);
    assert_true(recs_evaluation_count(e, "nonsense") == UINT64_MAX);
}

/* Lists: u1 c d, u2 d, u3 b c; u4 has nothing left to find. */
static void test_exclude(void **state) {
    (void)state;
    double two = 1.0 / (1.0 + 1.0 / log2(3.0)); /* ndcg of a hit at 1 of 2 */
    const figure figures[] = {
        {"recall@1", 2.0 / 3},     {"recall@2", 2.0 / 3},       {"precision@1", 1},
        {"precision@2", 0.5},      {"hit_rate@1", 1},           {"hit_rate@2", 1},
        {"ndcg@1", 1},             {"ndcg@2", (2 * two + 1) / 3}, {"map@1", 1},
        {"map@2", 2.0 / 3},        {"mrr@1", 1},                {"mrr@2", 1},
        {"coverage@1", 0.75},      {"coverage@2", 0.75},        {"popularity@1", 4.0 / 3},
        {"popularity@2", 6.0 / 5},
    };
    fixture f;
    make(&f, "full", "popular");
    recs_evaluation *e = evaluate(&f, RECS_REPEATS_EXCLUDE, NULL);
    counts(e, 3, 1, 1);
    assert_int_equal(recs_evaluation_rows(e), 5);
    assert_int_equal(recs_evaluation_metrics(e), 16);
    EXPECT(e, "popular", figures);
    EXPECT(e, "popular+fill", figures);
    EXPECT(e, "baseline/popular", figures);
    /* c d, then a b: u1 c, u2 d, u3 c d. */
    const figure recent[] = {{"recall@1", 1.5 / 3}, {"recall@2", 2.0 / 3}, {"mrr@2", 2.5 / 3},
                             {"hit_rate@1", 2.0 / 3}};
    EXPECT(e, "baseline/recent-popular", recent);
    const figure own[] = {{"recall@2", 0}, {"coverage@2", 0}, {"popularity@2", 0}};
    EXPECT(e, "baseline/own-items", own);
    assert_non_null(strstr(recs_evaluation_protocol(e), "masked"));
    assert_null(recs_evaluation_row_name(e, 5));
    assert_null(recs_evaluation_metric_name(e, 16));
    recs_evaluation_destroy(e);
    drop(&f);
}

/* Everybody is shown a b. */
static void test_include(void **state) {
    (void)state;
    const figure figures[] = {{"recall@1", 0.25},   {"recall@2", 1.5 / 4}, {"mrr@2", 1.5 / 4},
                              {"hit_rate@2", 0.5},  {"precision@2", 0.25}, {"map@2", 1.25 / 4},
                              {"coverage@1", 0.25}, {"coverage@2", 0.5},   {"popularity@2", 3}};
    /* u4 has d more recently than a. */
    const figure own[] = {{"recall@1", 0}, {"recall@2", 0.25}, {"precision@2", 0.125}};
    const figure recent[] = {{"recall@1", 0.125}, {"recall@2", 2.0 / 4}};
    fixture f;
    make(&f, "full", "popular");
    recs_evaluation *e = evaluate(&f, RECS_REPEATS_INCLUDE, NULL);
    counts(e, 4, 1, 0);
    EXPECT(e, "popular", figures);
    EXPECT(e, "baseline/popular", figures);
    EXPECT(e, "baseline/own-items", own);
    EXPECT(e, "baseline/recent-popular", recent);
    recs_evaluation_destroy(e);
    drop(&f);
}

/* Only u4 comes back for something of his own: a, before d. */
static void test_only(void **state) {
    (void)state;
    const figure figures[] = {{"recall@1", 1}, {"precision@2", 0.5}, {"ndcg@2", 1},
                              {"coverage@1", 0.25}, {"coverage@2", 0.5}, {"popularity@2", 2.5}};
    const figure recent[] = {{"recall@1", 0}, {"recall@2", 1}, {"mrr@2", 0.5}};
    fixture f;
    make(&f, "full", "popular");
    recs_evaluation *e = evaluate(&f, RECS_REPEATS_ONLY, NULL);
    counts(e, 1, 1, 3);
    EXPECT(e, "popular", figures);
    EXPECT(e, "popular+fill", figures);
    EXPECT(e, "baseline/popular", figures);
    EXPECT(e, "baseline/recent-popular", recent);
    recs_evaluation_destroy(e);
    drop(&f);
}

/* itemknn has evidence for few items; fill adds the rest in popularity order. */
static void test_with_and_without_fill(void **state) {
    (void)state;
    fixture f;
    make(&f, "full", "itemknn(k=1)");
    recs_evaluation *e = evaluate(&f, RECS_REPEATS_EXCLUDE, NULL);
    assert_true(value(e, "itemknn+fill", "recall@2") >= value(e, "itemknn", "recall@2"));
    assert_true(value(e, "itemknn+fill", "coverage@2") >= value(e, "itemknn", "coverage@2"));
    assert_true(value(e, "itemknn+fill", "recall@2") > 0.0);
    recs_evaluation_destroy(e);
    drop(&f);
}

static bool same(const recs_evaluation *a, const recs_evaluation *b) {
    if (recs_evaluation_rows(a) != recs_evaluation_rows(b))
        return false;
    for (size_t r = 0; r < recs_evaluation_rows(a); r++)
        for (size_t m = 0; m < recs_evaluation_metrics(a); m++)
            if (recs_evaluation_value(a, r, m) != recs_evaluation_value(b, r, m))
                return false;
    return strcmp(recs_evaluation_protocol(a), recs_evaluation_protocol(b)) == 0;
}

static void test_same_for_hashed_users_and_threads(void **state) {
    (void)state;
    static const char all[] = "als(factors=4, iterations=2), itemknn, popular, h = als + popular";
    fixture full, hashed;
    recs_pool *pool;
    make(&full, "full", all);
    make(&hashed, "hashed", all);
    assert_int_equal(recs_pool_create(&pool, 3, NULL, NULL), RECS_OK);
    recs_host host = {.struct_size = sizeof host, .executor_data = pool, .run = recs_pool_run};
    for (int repeats = 0; repeats < 3; repeats++) {
        recs_evaluation *a = evaluate(&full, (recs_repeats)repeats, NULL);
        recs_evaluation *b = evaluate(&hashed, (recs_repeats)repeats, NULL);
        recs_evaluation *c = evaluate(&full, (recs_repeats)repeats, &host);
        assert_true(same(a, c));
        /* Rows of hashed users are in another order: sums may differ in the last bit. */
        for (size_t r = 0; r < recs_evaluation_rows(a); r++)
            for (size_t m = 0; m < recs_evaluation_metrics(a); m++)
                if (strncmp(recs_evaluation_row_name(a, r), "als", 3) != 0 &&
                    strncmp(recs_evaluation_row_name(a, r), "h", 1) != 0)
                    assert_true(fabs(recs_evaluation_value(a, r, m) -
                                     recs_evaluation_value(b, r, m)) < 1e-9);
        recs_evaluation_destroy(a);
        recs_evaluation_destroy(b);
        recs_evaluation_destroy(c);
    }
    recs_pool_destroy(pool);
    drop(&full);
    drop(&hashed);
}

static void refuse(const fixture *f, const recs_evaluate_options *options, recs_status expected,
                   const char *says) {
    recs_evaluation *evaluation = (recs_evaluation *)1;
    recs_error error = {0};
    recs_status status = recs_evaluate(f->model, f->test, options, NULL, &evaluation, &error);
    if (status != expected || !strstr(error.text, says))
        fail_msg("%s, '%s'; expected %s, '%s'", recs_status_text(status), error.text,
                 recs_status_text(expected), says);
    assert_ptr_equal(evaluation, (recs_evaluation *)1);
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const cutoffs[] = {"", "0", "-1", "a", "10,5", "1,1", "20,", ",20", "10001",
                                          "1,,2", "1.5"};
    recs_evaluate_options options = {.struct_size = sizeof options};
    fixture f, none;
    make(&f, "full", "popular");
    for (size_t i = 0; i < sizeof cutoffs / sizeof *cutoffs; i++) {
        options.cutoffs = cutoffs[i];
        refuse(&f, &options, RECS_ERR_ARGUMENT, "expected rising whole numbers from 1 to 10000");
    }
    options.cutoffs = "1,2,3,4,5,6,7,8,9,10,11,12,13";
    refuse(&f, &options, RECS_ERR_LIMIT, "at most 12");
    options.cutoffs = NULL;
    options.repeats = 3;
    refuse(&f, &options, RECS_ERR_ARGUMENT, "repeats is 3");
    options.repeats = -1;
    refuse(&f, &options, RECS_ERR_ARGUMENT, "repeats is -1");
    options.repeats = 0;
    options.component = "als";
    refuse(&f, &options, RECS_ERR_NOT_FOUND, "no component \"als\", expected one of: popular");
    options.component = NULL;
    static const double days[] = {-1.0, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        options.recent_days = days[i];
        refuse(&f, &options, RECS_ERR_ARGUMENT, "recent_days is ");
    }
    options.recent_days = 0.0;
    make(&none, "none", "popular");
    refuse(&none, &options, RECS_ERR_STATE, "users=none");
    drop(&none);
    drop(&f);
}

/* A mean over nobody is an error that says where the users went. */
static void test_nobody_left(void **state) {
    (void)state;
    static const struct {
        const char *test, *says;
        int32_t repeats;
    } cases[] = {
        {"u1 a u9 a u8 b", "2 not in the model, 1 with nothing in the test part that they did not",
         RECS_REPEATS_EXCLUDE},
        {"u1 c u2 d", "0 not in the model, 2 with nothing in the test part that they had",
         RECS_REPEATS_ONLY},
        {"u9 a", "1 not in the model, 0 ", RECS_REPEATS_INCLUDE},
        {"", "the test part has no events", RECS_REPEATS_INCLUDE},
    };
    recs_error error = {0};
    fixture f;
    make(&f, "full", "popular");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recs_evaluate_options options = {.struct_size = sizeof options,
                                         .repeats = cases[i].repeats};
        recs_dataset_destroy(f.test);
        f.test = dataset_of(cases[i].test, "full");
        refuse(&f, &options, RECS_ERR_DATA, cases[i].says);
    }
    recs_events *guest;
    ok(recs_events_create(&guest, NULL, &error), &error);
    ok(recs_events_begin(guest, "a", RECS_EVENT_BUY, 0, &error), &error);
    ok(recs_dataset_add(f.test, guest, &error), &error);
    recs_events_destroy(guest);
    refuse(&f, NULL, RECS_ERR_DATA, "no event of the test part has a user");
    drop(&f);
}

/* Without times there is no recent-popular, and the protocol says so. */
static void test_without_times(void **state) {
    (void)state;
    fixture f;
    recs_events *events;
    recs_error error = {0};
    make(&f, "full", "popular");
    recs_model_release(f.model);
    recs_dataset_destroy(f.train);
    ok(recs_dataset_create(&f.train, NULL, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (char item[] = "a"; *item <= 'd'; ++*item) {
        ok(recs_events_begin(events, item, RECS_EVENT_BUY, RECS_NO_TIME, &error), &error);
        ok(recs_events_text(events, RECS_FIELD_USER, *item == 'a' ? "u4" : "u7", &error), &error);
    }
    ok(recs_dataset_add(f.train, events, &error), &error);
    recs_events_destroy(events);
    ok(recs_train(f.train, "popular", NULL, NULL, &f.model, &error), &error);
    recs_evaluation *e = evaluate(&f, RECS_REPEATS_INCLUDE, NULL);
    assert_int_equal(recs_evaluation_rows(e), 4);
    assert_non_null(strstr(recs_evaluation_protocol(e), "recent-popular is left out"));
    assert_non_null(strstr(recs_evaluation_protocol(e), "means over 1 user;"));
    recs_evaluation_destroy(e);
    drop(&f);
}

static void test_defaults_and_one_component(void **state) {
    (void)state;
    fixture f;
    recs_evaluation *e = NULL;
    recs_error error = {0};
    make(&f, "full", "popular, itemknn");
    ok(recs_evaluate(f.model, f.test, NULL, NULL, &e, &error), &error);
    assert_int_equal(recs_evaluation_rows(e), 4);
    assert_string_equal(recs_evaluation_metric_name(e, 0), "recall@20");
    recs_evaluation_destroy(e);
    recs_evaluate_options options = {.struct_size = sizeof options, .component = "itemknn"};
    ok(recs_evaluate(f.model, f.test, &options, NULL, &e, &error), &error);
    assert_int_equal(recs_evaluation_rows(e), 2);
    assert_string_equal(recs_evaluation_row_name(e, 1), "itemknn+fill");
    recs_evaluation_destroy(e);
    recs_evaluation_destroy(NULL);
    drop(&f);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)done;
    (void)total;
    ++*(int *)data;
    assert_non_null(stage);
    return 1;
}

static void test_cancel(void **state) {
    (void)state;
    int calls = 0;
    recs_evaluate_options options = {
        .struct_size = sizeof options, .progress = stop, .progress_data = &calls};
    fixture f;
    make(&f, "full", "popular");
    refuse(&f, &options, RECS_ERR_CANCELLED, "cancelled");
    assert_int_equal(calls, 1);
    drop(&f);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fixture f;
    fault_host faults;
    make(&f, "full", "itemknn, popular");
    FAULT_LOOP(faults) {
        recs_evaluate_options options = {
            .struct_size = sizeof options, .baselines = 1, .repeats = RECS_REPEATS_INCLUDE};
        recs_evaluation *e = NULL;
        recs_error error = {0};
        if (fault_passed(&faults,
                         recs_evaluate(f.model, f.test, &options, &faults.host, &e, &error),
                         &error))
            recs_evaluation_destroy(e);
        else
            assert_null(e);
    }
    drop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exclude),
        cmocka_unit_test(test_include),
        cmocka_unit_test(test_only),
        cmocka_unit_test(test_with_and_without_fill),
        cmocka_unit_test(test_same_for_hashed_users_and_threads),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nobody_left),
        cmocka_unit_test(test_without_times),
        cmocka_unit_test(test_defaults_and_one_component),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
