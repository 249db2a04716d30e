/* Tests of src/recommend/recommend.c: the verbs on the sample model. */
#include "support/test.h"

#include "recs/query.h"
#include "recs/recommend.h"
#include "support/sample_model.h"

#include <string.h>

static recs_model *model;
static recs_query *query;
static recs_error error;

static int setup(void **state) {
    (void)state;
    assert_int_equal(recs_test_sample_model(&model, NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    recs_query_destroy(query);
    recs_model_release(model);
    return 0;
}

static void known_user_gets_scores_that_score_agrees_with(void **state) {
    (void)state;
    for (uint32_t c = 0; c < recs_model_component_count(model); c++) {
        recs_query_reset(query);
        recs_query_component(query, recs_model_component_name(model, c));
        recs_query_user(query, "ann");
        assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
        assert_true(recs_query_count(query) > 0);
        assert_int_equal(recs_query_count(query), recs_query_eligible(query));
        for (size_t i = 0; i < recs_query_count(query); i++) {
            float score;
            assert_int_equal(
                recs_score(model, query, recs_query_id(query, i), &score, &error), RECS_OK);
            float listed = recs_query_score(query, i);
            assert_memory_equal(&score, &listed, sizeof score);
        }
    }
}

static void unknown_user_is_not_found_and_told_what_to_do(void **state) {
    (void)state;
    recs_query_reset(query);
    recs_query_user(query, "zoe");
    assert_int_equal(recs_recommend(model, query, &error), RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "zoe"));
    assert_non_null(strstr(error.text, "give a history"));
    assert_int_equal(recs_query_count(query), 0);
}

static void nobody_gets_popular_items(void **state) {
    (void)state;
    recs_query_reset(query);
    recs_query_limit(query, 3);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(recs_query_source(query, i), RECS_FROM_FILL);
    assert_true(recs_model_item_rank(model, recs_query_row(query, 0)) <
                recs_model_item_rank(model, recs_query_row(query, 1)));
}

static void similar_items_leave_the_item_out(void **state) {
    (void)state;
    recs_query_reset(query);
    recs_query_item(query, "axe");
    assert_int_equal(recs_similar(model, query, &error), RECS_OK);
    assert_true(recs_query_count(query) > 0);
    for (size_t i = 0; i < recs_query_count(query); i++)
        assert_string_not_equal(recs_query_id(query, i), "axe");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_user_gets_scores_that_score_agrees_with),
        cmocka_unit_test(unknown_user_is_not_found_and_told_what_to_do),
        cmocka_unit_test(nobody_gets_popular_items),
        cmocka_unit_test(similar_items_leave_the_item_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
