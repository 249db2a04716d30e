/* Tests of src/recommend/users.c: the scores are recs_score's to the bit, the
 * order and the exclusions those of a slow count. */
#include "support/test.h"

#include "kernels/kernels.h"
#include "recs/events.h"
#include "recs/query.h"
#include "recs/recommend.h"
#include "support/random_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_error error;

/* The score of every user for the item, through recs_score. */
static void score_all(recs_model *model, uint32_t component, const char *item, float *scores) {
    recs_query *query;
    assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
    for (uint32_t user = 0; user < recs_model_users(model); user++) {
        recs_query_reset(query);
        recs_query_user(query, recs_model_user_id(model, user));
        recs_query_component(query, recs_model_component_name(model, component));
        assert_int_equal(recs_score(model, query, item, &scores[user], &error), RECS_OK);
    }
    recs_query_destroy(query);
}

static bool has(const recs__view *view, uint32_t user, uint32_t item) {
    uint64_t first;
    size_t count = recs__csr_row(&view->history, user, &first);
    for (size_t i = 0; i < count; i++)
        if (view->history.columns[first + i] == item)
            return true;
    return false;
}

static void check(recs_model *model, recs_query *query, uint32_t component, uint32_t item,
                  size_t limit) {
    const recs__view *view = recs__model_view(model);
    char id[16];
    snprintf(id, sizeof id, "i%06u", item);
    float *scores = calloc(view->users, sizeof *scores);
    score_all(model, component, id, scores);

    recs_query_reset(query);
    recs_query_item(query, id);
    recs_query_component(query, recs_model_component_name(model, component));
    recs_query_limit(query, limit);
    assert_int_equal(recs_users(model, query, &error), RECS_OK);
    size_t eligible = 0, better = 0, count = recs_query_count(query);
    for (uint32_t user = 0; user < view->users; user++)
        eligible += !has(view, user, item);
    assert_int_equal(recs_query_eligible(query), eligible);
    for (size_t i = 0; i < count; i++) {
        uint32_t user = recs_query_row(query, i);
        float score = recs_query_score(query, i);
        assert_true(user < view->users);
        assert_string_equal(recs_query_id(query, i), recs_model_user_id(model, user));
        assert_memory_equal(&score, &scores[user], sizeof score);
        assert_false(has(view, user, item));
        if (i != 0)
            assert_true(recs_query_score(query, i - 1) > score ||
                        (recs_query_score(query, i - 1) == score &&
                         recs_query_row(query, i - 1) < user));
    }
    /* Nobody who is left out is better than the last one shown. */
    if (count == limit && count != 0) {
        for (uint32_t user = 0; user < view->users; user++)
            better += !has(view, user, item) && scores[user] > recs_query_score(query, count - 1);
        assert_true(better < count);
    } else {
        for (uint32_t user = 0; user < view->users; user++)
            better += !has(view, user, item) && scores[user] > 0.0f;
        assert_true(better <= count);
    }
    free(scores);
}

static void users_have_the_scores_of_score(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        random_settings settings = {.items = 120, .users = 700, .factors = 9, .history = 12,
                                    .neighbors = 10, .seed = 6, .no_user_factors = way % 2 == 0,
                                    .halves = way >= 2};
        recs_model *model = random_model(&settings);
        recs_query *query;
        assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
        for (size_t k = 0; recs__kernels_at(k) != NULL; k++) {
            recs__kernels_force(recs__kernels_at(k));
            for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++)
                for (uint32_t item = 0; item < 120; item += 55)
                    check(model, query, c, item, item == 0 ? 20 : 700);
        }
        recs__kernels_force(NULL);
        recs_query_destroy(query);
        recs_model_release(model);
    }
}

static void untrained_items_have_no_users_by_factors(void **state) {
    (void)state;
    random_settings settings = {.items = 120, .users = 30, .factors = 9, .history = 12,
                                .neighbors = 10, .seed = 6};
    recs_model *model = random_model(&settings);
    recs_query *query;
    assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
    recs_query_item(query, "i000010");
    assert_int_equal(recs_users(model, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 0);
    recs_query_item(query, "nothing");
    assert_int_equal(recs_users(model, query, &error), RECS_ERR_NOT_FOUND);
    recs_query_destroy(query);
    recs_model_release(model);
}

static void those_who_have_it_can_be_asked_for_too(void **state) {
    (void)state;
    random_settings settings = {.items = 30, .users = 100, .factors = 9, .history = 12,
                                .neighbors = 10, .seed = 8};
    recs_model *model = random_model(&settings);
    recs_query *query;
    assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
    recs_query_item(query, "i000001");
    recs_query_limit(query, 100);
    assert_int_equal(recs_users(model, query, &error), RECS_OK);
    size_t fewer = recs_query_eligible(query);
    recs_query_exclude_seen(query, 0, RECS_NO_TIME);
    assert_int_equal(recs_users(model, query, &error), RECS_OK);
    assert_true(recs_query_eligible(query) > fewer);
    recs_query_destroy(query);
    recs_model_release(model);
}

static void a_model_without_users_says_so(void **state) {
    (void)state;
    random_settings settings = {.items = 40, .factors = 4, .neighbors = 4, .seed = 1,
                                .no_users = true};
    recs_model *model = random_model(&settings);
    recs_query *query;
    assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
    recs_query_item(query, "i000001");
    assert_int_equal(recs_users(model, query, &error), RECS_ERR_STATE);
    recs_query_destroy(query);
    recs_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_have_the_scores_of_score),
        cmocka_unit_test(untrained_items_have_no_users_by_factors),
        cmocka_unit_test(those_who_have_it_can_be_asked_for_too),
        cmocka_unit_test(a_model_without_users_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
