/* Tests of src/recommend/rows.c: many users at once are each user alone, for
 * any number of threads. */
#include "support/test.h"

#include "kernels/kernels.h"
#include "recs/query.h"
#include "recs/recommend.h"
#include "support/fault_host.h"
#include "support/random_model.h"

#include <stdlib.h>
#include <string.h>

static recs_model *model;
static recs_error error;

enum { USERS = 75, LIMIT = 12 };

static int setup(void **state) {
    (void)state;
    random_settings settings = {.items = 900, .users = USERS, .factors = 20, .history = 15,
                                .neighbors = 12, .seed = 11};
    model = random_model(&settings);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    recs_model_release(model);
    return 0;
}

static void settings_of(recs_query *query, uint32_t component) {
    recs_query_component(query, recs_model_component_name(model, component));
    recs_query_limit(query, LIMIT);
    recs_query_deny(query, "i000002");
    recs_query_evidence_only(query, component == RANDOM_KNN);
}

static void every_user_gets_what_recommend_gives_alone(void **state) {
    (void)state;
    uint32_t users[USERS], rows[USERS * LIMIT];
    float scores[USERS * LIMIT];
    for (uint32_t i = 0; i < USERS; i++)
        users[i] = (i * 31) % USERS;
    recs_query *alone;
    assert_int_equal(recs_query_create(&alone, NULL, &error), RECS_OK);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        recs_pool *pool;
        assert_int_equal(recs_pool_create(&pool, threads, NULL, &error), RECS_OK);
        recs_host host = {.struct_size = sizeof host, .run = recs_pool_run,
                          .executor_data = pool};
        recs_query *query;
        assert_int_equal(recs_query_create(&query, &host, &error), RECS_OK);
        for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
            recs__kernels_force(recs__kernels_at(c % 2));
            recs_query_reset(query);
            settings_of(query, c);
            memset(rows, 0x55, sizeof rows);
            assert_int_equal(
                recs_recommend_rows(model, query, users, USERS, rows, scores, &error), RECS_OK);
            recs__kernels_force(NULL);
            for (uint32_t i = 0; i < USERS; i++) {
                recs_query_reset(alone);
                settings_of(alone, c);
                recs_query_user(alone, recs_model_user_id(model, users[i]));
                assert_int_equal(recs_recommend(model, alone, &error), RECS_OK);
                for (size_t j = 0; j < LIMIT; j++) {
                    float score = recs_query_score(alone, j);
                    assert_int_equal(rows[i * LIMIT + j], recs_query_row(alone, j));
                    assert_memory_equal(&scores[i * LIMIT + j], &score, sizeof score);
                }
            }
        }
        recs_query_destroy(query);
        recs_pool_destroy(pool);
    }
    recs_query_destroy(alone);
}

static void a_row_beyond_the_users_is_named(void **state) {
    (void)state;
    uint32_t users[] = {0, USERS}, rows[2 * LIMIT];
    float scores[2 * LIMIT];
    recs_query *query;
    assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
    recs_query_limit(query, LIMIT);
    assert_int_equal(recs_recommend_rows(model, query, users, 2, rows, scores, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "user row 75"));
    assert_int_equal(recs_recommend_rows(model, query, users, 0, NULL, NULL, &error), RECS_OK);
    recs_query_destroy(query);
}

static void lack_of_memory_leaves_no_half_answer(void **state) {
    (void)state;
    uint32_t users[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
    uint32_t rows[18 * LIMIT];
    float scores[18 * LIMIT];
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error failed = {0};
        recs_query *query;
        fault_off(&faults);
        assert_int_equal(recs_query_create(&query, &faults.host, &failed), RECS_OK);
        settings_of(query, RANDOM_DEEP);
        fault_on(&faults);
        bool passed = fault_passed(
            &faults, recs_recommend_rows(model, query, users, 18, rows, scores, &failed), &failed);
        fault_off(&faults);
        assert_int_equal(recs_recommend_rows(model, query, users, 18, rows, scores, &failed),
                         RECS_OK);
        assert_true(passed || rows[0] != RECS_NO_ROW);
        recs_query_destroy(query);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_user_gets_what_recommend_gives_alone),
        cmocka_unit_test(a_row_beyond_the_users_is_named),
        cmocka_unit_test(lack_of_memory_leaves_no_half_answer),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
