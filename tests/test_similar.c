/* Tests of src/recommend/similar.c: against the slow reference. */
#include "support/test.h"

#include "kernels/kernels.h"
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
    random_settings settings = {.items = 1300, .users = 6, .factors = 21, .history = 8,
                                .neighbors = 12, .seed = 5};
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

static void check(uint32_t item, uint32_t component, bool *excluded, size_t limit) {
    char id[16];
    reference request = {.view = view, .component = component, .similar = true, .item = item,
                         .excluded = excluded, .limit = limit};
    reference_answer expected = reference_run(&request);
    snprintf(id, sizeof id, "i%06u", item);
    recs_query_item(query, id);
    recs_query_component(query, recs_model_component_name(model, component));
    recs_query_limit(query, limit);
    assert_int_equal(recs_similar(model, query, &error), RECS_OK);
    reference_compare(&expected, query);
    reference_free(&expected);
}

static void similar_items_are_the_references(void **state) {
    (void)state;
    for (size_t k = 0; recs__kernels_at(k) != NULL; k++) {
        recs__kernels_force(recs__kernels_at(k));
        /* 10 is untrained, 12 a copy of 11. */
        static const uint32_t items[] = {0, 10, 11, 12, 655, 1299};
        for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
            for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
                bool *excluded = calloc(view->items, 1);
                for (uint32_t row = 0; row < view->items; row++)
                    excluded[row] = view->available[row] == 0 || row == items[i];
                recs_query_reset(query);
                check(items[i], c, excluded, i == 2 ? 1300 : 20);
                free(excluded);
            }
    }
    recs__kernels_force(NULL);
}

static void seen_items_are_left_out_when_a_user_is_set(void **state) {
    (void)state;
    bool *excluded = reference_excluded(view, 0);
    excluded[3] = true;
    recs_query_reset(query);
    recs_query_user(query, "u000000");
    check(3, RANDOM_ALS, excluded, 1300);
    free(excluded);
}

static void an_unknown_user_excludes_nothing(void **state) {
    (void)state;
    bool *excluded = calloc(view->items, 1);
    for (uint32_t row = 0; row < view->items; row++)
        excluded[row] = view->available[row] == 0 || row == 3;
    recs_query_reset(query);
    recs_query_user(query, "nobody");
    check(3, RANDOM_HOME, excluded, 50);
    free(excluded);
}

static void the_item_must_be_there(void **state) {
    (void)state;
    recs_query_reset(query);
    assert_int_equal(recs_similar(model, query, &error), RECS_ERR_ARGUMENT);
    recs_query_item(query, "no such item");
    assert_int_equal(recs_similar(model, query, &error), RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "no such item"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similar_items_are_the_references),
        cmocka_unit_test(seen_items_are_left_out_when_a_user_is_set),
        cmocka_unit_test(an_unknown_user_excludes_nothing),
        cmocka_unit_test(the_item_must_be_there),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
