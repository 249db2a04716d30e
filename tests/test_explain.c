/* Tests of src/recommend/explain.c: reasons add up to the score and name the
 * visitor's own items. */
#include "support/test.h"

#include "recs/query.h"
#include "recs/recommend.h"
#include "support/fault_host.h"
#include "support/random_model.h"
#include "support/sample_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static recs_model *model;
static recs_query *query;
static const recs__view *view;
static recs_error error;

static int setup(void **state) {
    (void)state;
    random_settings settings = {.items = 400, .users = 12, .factors = 16, .history = 14,
                                .neighbors = 40, .seed = 21};
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

static bool in_history(uint32_t user, uint32_t row) {
    uint64_t first;
    size_t count = recs__csr_row(&view->history, user, &first);
    for (size_t i = 0; i < count; i++)
        if (view->history.columns[first + i] == row)
            return true;
    return false;
}

/* Reasons of the answer: order, sum, rows. */
static void check_reasons(uint32_t user, size_t index) {
    double sum = 0.0;
    size_t count = recs_query_reason_count(query);
    bool filled = recs_query_source(query, index) == RECS_FROM_FILL;
    for (size_t i = 0; i < count; i++) {
        double share = recs_query_reason_contribution(query, i);
        int32_t kind = recs_query_reason_kind(query, i);
        sum += share;
        assert_true(isfinite(share));
        if (kind == RECS_REASON_HISTORY) {
            uint32_t row = recs_query_reason_row(query, i);
            assert_true(in_history(user, row));
            assert_string_equal(recs_query_reason_id(query, i), recs_model_item_id(model, row));
        } else {
            assert_null(recs_query_reason_id(query, i));
        }
        assert_true(kind != RECS_REASON_FILL || (i == 0 && filled));
        assert_true(kind != RECS_REASON_REMAINDER || i + 1 == count);
        if (i > (filled ? 1u : 0u) && kind != RECS_REASON_REMAINDER)
            assert_true(recs_query_reason_contribution(query, i - 1) >= share);
        assert_true(recs_query_reason_component(query, i) < RANDOM_COMPONENTS);
    }
    if (filled)
        assert_int_equal(recs_query_reason_kind(query, 0), RECS_REASON_FILL);
    assert_true((float)sum == recs_query_score(query, index));
}

static void reasons_add_up_for_every_component(void **state) {
    (void)state;
    for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++)
        for (uint32_t user = 0; user < 12; user++) {
            recs_query_reset(query);
            recs_query_user(query, recs_model_user_id(model, user));
            recs_query_component(query, recs_model_component_name(model, c));
            recs_query_limit(query, 300);
            assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
            for (size_t i = 0; i < recs_query_count(query); i += 23) {
                assert_int_equal(recs_explain(model, query, i, &error), RECS_OK);
                check_reasons(user, i);
            }
        }
}

/* The remainder is what rounding left, not a second explanation. */
static void remainders_are_small(void **state) {
    (void)state;
    for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
        recs_query_reset(query);
        recs_query_user(query, "u000001");
        recs_query_component(query, recs_model_component_name(model, c));
        assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
        for (size_t i = 0; i < recs_query_count(query); i++) {
            assert_int_equal(recs_explain(model, query, i, &error), RECS_OK);
            double most = 0.0, rest = 0.0;
            for (size_t j = 0; j < recs_query_reason_count(query); j++) {
                double share = fabs(recs_query_reason_contribution(query, j));
                if (recs_query_reason_kind(query, j) == RECS_REASON_REMAINDER)
                    rest = share;
                else if (share > most)
                    most = share;
            }
            assert_true(rest <= 1e-3 * (most + 1e-3));
        }
    }
}

static void similar_items_are_explained_by_the_item(void **state) {
    (void)state;
    for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
        recs_query_reset(query);
        recs_query_item(query, "i000004");
        recs_query_component(query, recs_model_component_name(model, c));
        assert_int_equal(recs_similar(model, query, &error), RECS_OK);
        for (size_t i = 0; i < recs_query_count(query); i++) {
            double sum = 0.0;
            assert_int_equal(recs_explain(model, query, i, &error), RECS_OK);
            for (size_t j = 0; j < recs_query_reason_count(query); j++) {
                sum += recs_query_reason_contribution(query, j);
                if (recs_query_reason_kind(query, j) == RECS_REASON_SIMILAR)
                    assert_string_equal(recs_query_reason_id(query, j), "i000004");
            }
            assert_true((float)sum == recs_query_score(query, i));
        }
    }
}

static void what_cannot_be_explained_says_why(void **state) {
    (void)state;
    recs_model *other;
    recs_query_reset(query);
    assert_int_equal(recs_explain(model, query, 0, &error), RECS_ERR_STATE);
    recs_query_user(query, "u000001");
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    assert_int_equal(recs_explain(model, query, 10, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_explain(model, query, 0, &error), RECS_OK);
    assert_true(recs_query_reason_count(query) != 0);
    assert_int_equal(recs_test_sample_model(&other, NULL, &error), RECS_OK);
    recs_query_reset(query);
    recs_query_history(query, "i000001", 1.0f, RECS_NO_TIME);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    assert_int_equal(recs_explain(other, query, 0, &error), RECS_ERR_STATE);
    assert_int_equal(recs_query_reason_count(query), 0);
    recs_query_limit(query, 3);
    assert_int_equal(recs_explain(model, query, 0, &error), RECS_ERR_STATE);
    recs_model_release(other);
    assert_int_equal(recs_query_reason_kind(query, 0), -1);
    assert_int_equal(recs_query_reason_row(query, 0), RECS_NO_ROW);
}

static void users_are_not_explained(void **state) {
    (void)state;
    recs_query_reset(query);
    recs_query_item(query, "i000001");
    assert_int_equal(recs_users(model, query, &error), RECS_OK);
    assert_int_equal(recs_explain(model, query, 0, &error), RECS_ERR_STATE);
}

static void lack_of_memory_leaves_the_answer(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error failed = {0};
        recs_query *mine;
        fault_off(&faults);
        assert_int_equal(recs_query_create(&mine, &faults.host, &failed), RECS_OK);
        recs_query_user(mine, "u000001");
        recs_query_component(mine, "deep");
        assert_int_equal(recs_recommend(model, mine, &failed), RECS_OK);
        fault_on(&faults);
        bool passed = fault_passed(&faults, recs_explain(model, mine, 0, &failed), &failed);
        fault_off(&faults);
        assert_int_equal(recs_query_count(mine), 10);
        assert_true(passed == (recs_query_reason_count(mine) != 0));
        recs_query_destroy(mine);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_add_up_for_every_component),
        cmocka_unit_test(remainders_are_small),
        cmocka_unit_test(similar_items_are_explained_by_the_item),
        cmocka_unit_test(what_cannot_be_explained_says_why),
        cmocka_unit_test(users_are_not_explained),
        cmocka_unit_test(lack_of_memory_leaves_the_answer),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
