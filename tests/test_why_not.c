/* Tests of src/recommend/why_not.c: every verdict, and places counted the
 * slow way. */
#include "support/test.h"

#include "recs/query.h"
#include "recs/recommend.h"
#include "support/random_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_model *model;
static recs_query *query;
static const recs__view *view;
static recs_error error;

static int setup(void **state) {
    (void)state;
    random_settings settings = {.items = 700, .users = 12, .factors = 16, .history = 14,
                                .neighbors = 10, .seed = 31};
    model = random_model(&settings);
    view = recs__model_view(model);
    return recs_query_create(&query, NULL, &error) != RECS_OK;
}

static int teardown(void **state) {
    (void)state;
    recs_query_destroy(query);
    recs_model_release(model);
    return 0;
}

/* The place of each item in a list without an end is its rank in a short one,
 * and the score is recs_score's. */
static void places_are_those_of_the_whole_list(void **state) {
    (void)state;
    recs_query *whole;
    assert_int_equal(recs_query_create(&whole, NULL, &error), RECS_OK);
    for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
        recs_query_reset(whole);
        recs_query_user(whole, "u000002");
        recs_query_component(whole, recs_model_component_name(model, c));
        recs_query_limit(whole, 700);
        assert_int_equal(recs_recommend(model, whole, &error), RECS_OK);
        for (size_t i = 0; i < recs_query_count(whole); i += 11) {
            recs_query_reset(query);
            recs_query_user(query, "u000002");
            recs_query_component(query, recs_model_component_name(model, c));
            recs_query_limit(query, 20);
            assert_int_equal(recs_why_not(model, query, recs_query_id(whole, i), &error), RECS_OK);
            assert_int_equal(recs_query_verdict(query),
                             i < 20 ? RECS_VERDICT_SHOWN : RECS_VERDICT_BELOW);
            assert_int_equal(recs_query_verdict_rank(query), i);
            assert_true(recs_query_verdict_score(query) == recs_query_score(whole, i));
            assert_true(recs_query_verdict_cutoff(query) == recs_query_score(whole, 19));
            assert_int_equal(recs_query_count(query), 20);
            assert_non_null(strstr(recs_query_verdict_text(query), recs_query_id(whole, i)));
            double sum = 0.0;
            for (size_t r = 0; r < recs_query_reason_count(query); r++)
                sum += recs_query_reason_contribution(query, r);
            assert_true((float)sum == recs_query_verdict_score(query));
        }
    }
    recs_query_destroy(whole);
}

static void expect(const char *item, int32_t verdict) {
    assert_int_equal(recs_why_not(model, query, item, &error), RECS_OK);
    assert_int_equal(recs_query_verdict(query), verdict);
    assert_non_null(strstr(recs_query_verdict_text(query), item));
}

static void every_filter_is_named(void **state) {
    (void)state;
    char id[16], disliked[16] = "", seen[16] = "";
    uint64_t first;
    size_t count = recs__csr_row(&view->history, 2, &first);
    for (size_t i = 0; i < count; i++) {
        uint32_t row = view->history.columns[first + i];
        if (view->available[row] == 0)
            continue;
        snprintf(id, sizeof id, "i%06u", row);
        if (view->history.values[first + i] < 0.0f)
            memcpy(disliked, id, sizeof id);
        else if (view->history.values[first + i] > 0.0f)
            memcpy(seen, id, sizeof id);
    }
    assert_true(seen[0] != '\0');
    recs_query_reset(query);
    assert_int_equal(recs_query_verdict(query), RECS_VERDICT_NONE);
    assert_int_equal(recs_query_verdict_rank(query), SIZE_MAX);
    recs_query_user(query, "u000002");
    expect("no such item", RECS_VERDICT_UNKNOWN);
    expect(seen, RECS_VERDICT_SEEN);
    if (disliked[0] != '\0')
        expect(disliked, RECS_VERDICT_DISLIKED);
    expect("i000006", RECS_VERDICT_UNAVAILABLE);
    assert_int_equal(recs_query_verdict_rank(query), SIZE_MAX);
    recs_query_item(query, "i000001");
    expect("i000001", RECS_VERDICT_QUERY_ITEM);
    recs_query_deny(query, "i000003");
    expect("i000003", RECS_VERDICT_DENIED);
    recs_query_dislike(query, "i000004", 1.0f);
    expect("i000004", RECS_VERDICT_DISLIKED);
    recs_query_evidence_only(query, 1);
    expect("i000010", RECS_VERDICT_NO_EVIDENCE);
    recs_query_allow(query, "i000000");
    expect("i000008", RECS_VERDICT_NOT_ALLOWED);
    expect("i000006", RECS_VERDICT_UNAVAILABLE);
}

static void failures_leave_no_verdict(void **state) {
    (void)state;
    recs_query_reset(query);
    recs_query_user(query, "nobody");
    assert_int_equal(recs_why_not(model, query, "i000001", &error), RECS_ERR_NOT_FOUND);
    assert_int_equal(recs_query_verdict(query), RECS_VERDICT_NONE);
    assert_int_equal(recs_why_not(model, query, NULL, &error), RECS_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_those_of_the_whole_list),
        cmocka_unit_test(every_filter_is_named),
        cmocka_unit_test(failures_leave_no_verdict),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
