/* A warm query allocates nothing: 10,000 mixed requests through a counting
 * host. */
#include "support/test.h"

#include "recs/query.h"
#include "recs/recommend.h"
#include "support/fault_host.h"
#include "support/random_model.h"

static recs_model *model;
static recs_error error;

enum { USERS = 20, BATCH = 18, LIMIT = 10 };

/* Request number i: every verb, component and way of asking in turn. */
static void request(recs_query *query, uint32_t i) {
    static uint32_t users[BATCH], rows[BATCH * LIMIT];
    static float scores[BATCH * LIMIT];
    uint32_t allowed[40];
    recs_query_reset(query);
    recs_query_component(query, recs_model_component_name(model, i % RANDOM_COMPONENTS));
    recs_query_item(query, recs_model_item_id(model, i % 13));
    if (i % 3 == 0)
        recs_query_user(query, recs_model_user_id(model, i % USERS));
    for (uint32_t j = 0; i % 3 != 1 && j < i % 9; j++)
        recs_query_history(query, recs_model_item_id(model, (i + j * 37) % 500), 1.0f,
                           RECS_NO_TIME);
    if (i % 2 == 0)
        recs_query_append_history(query, 1);
    if (i % 7 == 0)
        recs_query_deny(query, "i000009");
    if (i % 11 == 0)
        recs_query_dislike(query, "i000019", 2.0f);
    for (uint32_t j = 0; j < 40; j++)
        allowed[j] = (i + 11 * j) % 500;
    if (i % 5 == 0)
        recs_query_allow_rows(query, allowed, 40);
    recs_query_limit(query, i % 17);
    recs_status status = RECS_OK;
    switch (i % 8) {
    case 0: status = recs_similar(model, query, &error); break;
    case 1: status = recs_score_rows(model, query, allowed, 40, scores, &error); break;
    case 2: status = recs_why_not(model, query, "i000030", &error); break;
    case 3: status = recs_users(model, query, &error); break;
    case 4:
        recs_query_limit(query, LIMIT);
        for (uint32_t j = 0; j < BATCH; j++)
            users[j] = (i + j) % USERS;
        status = recs_recommend_rows(model, query, users, BATCH, rows, scores, &error);
        break;
    default:
        status = recs_recommend(model, query, &error);
        if (status == RECS_OK && recs_query_count(query) != 0)
            status = recs_explain(model, query, recs_query_count(query) - 1, &error);
    }
    if (status != RECS_OK)
        fail_msg("request %u: %s", i, error.text);
}

static void ten_thousand_requests_allocate_nothing(void **state) {
    (void)state;
    random_settings settings = {.items = 500, .users = USERS, .factors = 12, .history = 10,
                                .neighbors = 12, .seed = 51};
    fault_host faults;
    recs_query *query;
    fault_host_init(&faults);
    model = random_model(&settings);
    assert_int_equal(recs_query_create(&query, &faults.host, &error), RECS_OK);
    for (uint32_t i = 0; i < 10000; i++)
        request(query, i);
    size_t before = faults.total, bytes = recs_query_memory(query);
    assert_true(before > 0);
    for (uint32_t i = 0; i < 10000; i++)
        request(query, i);
    assert_int_equal(faults.total, before);
    assert_int_equal(recs_query_memory(query), bytes);
    /* And what it says it holds is what it holds, up to alignment. */
    assert_true(faults.live_bytes >= bytes && faults.live_bytes < bytes + bytes / 4 + 40000);
    recs_query_destroy(query);
    recs_model_release(model);
    fault_host_done(&faults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_requests_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
