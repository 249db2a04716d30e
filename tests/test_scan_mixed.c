/* test_scan_mixed.c - item models with a low-rank part and blends through the exact engine:
 * every component of a random model answers as the reference does, whatever the kernels,
 * the filter, the copy and the number of visitors, and says which way it went. */
#include "recommend/scan_mixed.h"

#include "kernels/kernels.h"
#include "recs.h"
#include "support/fault_host.h"
#include "support/random_model.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS = 5000, USERS = 12 };

static recs_error error;
static size_t by_engine[RANDOM_COMPONENTS]; /* answers */
static const char *const names[RANDOM_COMPONENTS] = {
    "als", "itemknn", "popular", "home", "deep", "filter", "mirror", "mixed", "crowd", "party",
    "pair"};

static recs_model *make(bool no_codes) {
    random_settings settings = {.items = ITEMS, .users = USERS, .factors = 21, .history = 12,
                                .neighbors = 9, .seed = 23, .no_codes = no_codes};
    return random_model(&settings);
}

static void compare_visitor(recs_model *model, recs_query *query, uint32_t component,
                            uint32_t user, size_t limit) {
    const recs__view *view = recs__model_view(model);
    uint32_t rows[64];
    float values[64];
    reference request = {.view = view, .component = component, .rows = rows,
                         .values = values, .limit = limit};
    request.count = reference_history(view, user, rows, values, NULL);
    request.excluded = reference_excluded(view, user);
    reference_answer expected = reference_run(&request);
    recs_query_reset(query);
    recs_query_user(query, recs_model_user_id(model, user));
    recs_query_component(query, names[component]);
    recs_query_limit(query, limit);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    reference_compare(&expected, query);
    /* Who has no vector is answered from sparse parts or popularity alone. */
    if (recs_query_strategy(query) == RECS_STRATEGY_MASKED) {
        by_engine[component]++;
        if (view->components[RANDOM_ALS].codes != NULL && limit < 9)
            assert_true(recs_query_scored(query) < ITEMS / 3);
    }
    reference_free(&expected);
    free((void *)(uintptr_t)request.excluded);
}

static void compare_similar(recs_model *model, recs_query *query, uint32_t component,
                            uint32_t item, size_t limit) {
    const recs__view *view = recs__model_view(model);
    bool *excluded = calloc(ITEMS, 1);
    for (uint32_t row = 0; row < ITEMS; row++)
        excluded[row] = view->available[row] == 0 || row == item;
    reference similar = {.view = view, .component = component, .similar = true, .item = item,
                         .excluded = excluded, .limit = limit};
    reference_answer expected = reference_run(&similar);
    recs_query_reset(query);
    recs_query_item(query, recs_model_item_id(model, item));
    recs_query_component(query, names[component]);
    recs_query_limit(query, limit);
    assert_int_equal(recs_similar(model, query, &error), RECS_OK);
    reference_compare(&expected, query);
    reference_free(&expected);
    free(excluded);
}

static void answers_are_the_references(void **state) {
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        recs_model *model = make(plain != 0);
        recs_query *query;
        assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
        assert_int_equal(recs_model_verify(model, &error), RECS_OK);
        assert_true((recs__model_view(model)->components[RANDOM_FILTER].codes == NULL) ==
                    (plain != 0));
        for (size_t t = 0; recs__kernels_at(t) != NULL; t++) {
            recs__kernels_force(recs__kernels_at(t));
            for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++)
                for (uint32_t user = 0; user < USERS; user++) {
                    compare_visitor(model, query, c, user, 1 + user * 5);
                    compare_similar(model, query, c, user * 97, 3 + user * 4);
                }
        }
        recs__kernels_force(NULL);
        static const uint32_t always[] = {RANDOM_ALS, RANDOM_FILTER, RANDOM_MIRROR, RANDOM_PAIR},
                              coded[] = {RANDOM_HOME, RANDOM_DEEP, RANDOM_MIXED};
        for (size_t i = 0; i < sizeof always / sizeof *always; i++)
            assert_true(by_engine[always[i]] > USERS / 2);
        for (size_t i = 0; i < sizeof coded / sizeof *coded; i++)
            assert_true((by_engine[coded[i]] > USERS / 2) == (plain == 0));
        memset(by_engine, 0, sizeof by_engine);
        recs_query_destroy(query);
        recs_model_release(model);
    }
}

/* Denied and allowed rows, one at a time on threads and many together: with the copy and
 * without the same. */
static void filters_and_batches_agree(void **state) {
    (void)state;
    recs_model *models[2] = {make(false), make(true)};
    recs_pool *pool;
    recs_host threads;
    assert_int_equal(recs_pool_create(&pool, 2, NULL, &error), RECS_OK);
    threads = (recs_host){.struct_size = sizeof threads, .run = recs_pool_run,
                          .executor_data = pool};
    recs_query *queries[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(recs_query_create(&queries[i], i == 0 ? &threads : NULL, &error),
                         RECS_OK);
    uint32_t some[1500], users[40];
    for (uint32_t i = 0; i < 1500; i++)
        some[i] = i * 7919 % ITEMS;
    for (uint32_t i = 0; i < 40; i++)
        users[i] = i * 5 % USERS;
    for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
        for (uint32_t turn = 0; turn < 24; turn++) {
            for (int i = 0; i < 2; i++) {
                recs_query_reset(queries[i]);
                recs_query_component(queries[i], names[c]);
                recs_query_user(queries[i], recs_model_user_id(models[i], turn % USERS));
                recs_query_limit(queries[i], 7 + turn);
                if (turn % 3 == 1)
                    recs_query_allow_rows(queries[i], some, turn % 2 ? 1500 : 100);
                if (turn % 3 == 2)
                    recs_query_deny_rows(queries[i], some, 1500);
                recs_query_evidence_only(queries[i], turn % 2 == 0);
                assert_int_equal(recs_recommend(models[i], queries[i], &error), RECS_OK);
            }
            size_t count = recs_query_count(queries[0]);
            assert_int_equal(count, recs_query_count(queries[1]));
            assert_int_equal(recs_query_evidence(queries[0]), recs_query_evidence(queries[1]));
            if (count != 0)
                assert_memory_equal(recs_query_rows(queries[0]), recs_query_rows(queries[1]),
                                    count * sizeof(uint32_t));
            if (count != 0)
                assert_memory_equal(recs_query_scores(queries[0]), recs_query_scores(queries[1]),
                                    count * sizeof(float));
        }
        static uint32_t rows[2][40 * 9];
        static float scores[2][40 * 9];
        for (int i = 0; i < 2; i++) {
            recs_query_reset(queries[i]);
            recs_query_component(queries[i], names[c]);
            recs_query_limit(queries[i], 9);
            assert_int_equal(recs_recommend_rows(models[i], queries[i], users, 40, rows[i],
                                                 scores[i], &error),
                             RECS_OK);
        }
        assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
        assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    }
    for (int i = 0; i < 2; i++) {
        recs_query_destroy(queries[i]);
        recs_model_release(models[i]);
    }
    recs_pool_destroy(pool);
}

static void failed_allocations_are_survived(void **state) {
    (void)state;
    recs_model *model = make(false);
    static const uint32_t asked[] = {RANDOM_FILTER, RANDOM_PAIR, RANDOM_HOME, RANDOM_MIXED};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        fault_host faults;
        FAULT_LOOP(faults) {
            fault_off(&faults);
            recs_query *query;
            assert_int_equal(recs_query_create(&query, &faults.host, &error), RECS_OK);
            recs_query_user(query, recs_model_user_id(model, 1));
            recs_query_component(query, names[asked[i]]);
            fault_on(&faults);
            recs_status status = recs_recommend(model, query, &error);
            fault_off(&faults);
            if (status != RECS_OK)
                fault_passed(&faults, status, &error);
            recs_query_destroy(query);
        }
    }
    recs_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_references),
        cmocka_unit_test(filters_and_batches_agree),
        cmocka_unit_test(failed_allocations_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
