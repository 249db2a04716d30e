/* test_scan.c - models with a quantised copy of their factors answer as the
 * reference does, as those without answer, and say which way they went, on made and
 * on real factors; copies
 * that are damaged, and what the writer refuses. */
#include "recommend/scan.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "model/internal.h"
#include "recs.h"
#include "recs/train.h"
#include "support/data.h"
#include "support/fault_host.h"
#include "support/random_model.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 2600, USERS = 20, MANY = 36000 };

static recs_error error;
static recs_pool *pool;
static recs_host threads;

static recs_model *make(uint32_t items, bool halves, bool no_codes) {
    random_settings settings = {.items = items, .users = USERS, .factors = 21, .history = 12,
                                .neighbors = 3, .seed = 17, .halves = halves,
                                .no_codes = no_codes};
    return random_model(&settings);
}

static recs_query *new_query(const recs_host *host) {
    recs_query *query;
    assert_int_equal(recs_query_create(&query, host, &error), RECS_OK);
    return query;
}

static void answers_are_the_references(void **state) {
    (void)state;
    for (int halves = 0; halves < 2; halves++) {
        recs_model *model = make(ITEMS, halves != 0, false);
        const recs__view *view = recs__model_view(model);
        assert_non_null(view->components[RANDOM_ALS].codes);
        assert_int_equal(recs_model_verify(model, &error), RECS_OK);
        recs_query *query = new_query(NULL);
        for (size_t t = 0; recs__kernels_at(t) != NULL; t++) {
            recs__kernels_force(recs__kernels_at(t));
            for (uint32_t user = 0; user < USERS; user++) {
                uint32_t rows[64];
                float values[64];
                reference request = {.view = view, .component = RANDOM_ALS, .rows = rows,
                                     .values = values, .limit = 1 + user * 4};
                request.count = reference_history(view, user, rows, values, NULL);
                request.excluded = reference_excluded(view, user);
                reference_answer expected = reference_run(&request);
                recs_query_reset(query);
                recs_query_user(query, recs_model_user_id(model, user));
                recs_query_component(query, "als");
                recs_query_limit(query, request.limit);
                assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
                reference_compare(&expected, query);
                assert_int_equal(recs_query_strategy(query),
                                 request.count ? RECS_STRATEGY_MASKED : RECS_STRATEGY_NONE);
                reference_free(&expected);

                bool *excluded = calloc(ITEMS, 1);
                for (uint32_t row = 0; row < ITEMS; row++)
                    excluded[row] = view->available[row] == 0 || row == user * 97;
                reference similar = {.view = view, .component = RANDOM_ALS, .similar = true,
                                     .item = user * 97, .excluded = excluded, .limit = 25};
                expected = reference_run(&similar);
                recs_query_reset(query);
                recs_query_item(query, recs_model_item_id(model, user * 97));
                recs_query_component(query, "als");
                recs_query_limit(query, 25);
                assert_int_equal(recs_similar(model, query, &error), RECS_OK);
                reference_compare(&expected, query);
                reference_free(&expected);
                free(excluded);
                free((void *)(uintptr_t)request.excluded);
            }
        }
        recs__kernels_force(NULL);
        recs_query_destroy(query);
        recs_model_release(model);
    }
}

static void ask(const recs_model *model, recs_query *query, uint32_t turn) {
    recs_query_reset(query);
    recs_query_component(query, "als");
    recs_query_user(query, recs_model_user_id(model, turn % USERS));
    recs_query_limit(query, 5 + turn * 7);
    uint32_t rows[1000];
    for (uint32_t i = 0; i < 1000; i++)
        rows[i] = (i * 7919) % recs_model_items(model);
    if (turn % 4 == 1)
        recs_query_allow_rows(query, rows, 300);
    if (turn % 4 == 2)
        recs_query_deny_rows(query, rows, 1000);
    recs_query_evidence_only(query, turn % 3 == 0);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
}

static void same_answer(const recs_query *a, const recs_query *b) {
    size_t count = recs_query_count(a);
    assert_int_equal(count, recs_query_count(b));
    assert_int_equal(recs_query_evidence(a), recs_query_evidence(b));
    if (count == 0)
        return;
    assert_memory_equal(recs_query_rows(a), recs_query_rows(b), count * sizeof(uint32_t));
    assert_memory_equal(recs_query_scores(a), recs_query_scores(b), count * sizeof(float));
}

/* With the copy and without, alone and on threads, one and many. */
static void answers_do_not_depend_on_the_way(void **state) {
    (void)state;
    recs_model *coded = make(MANY, false, false), *plain = make(MANY, false, true);
    assert_null(recs__model_view(plain)->components[RANDOM_ALS].codes);
    recs_query *queries[4] = {new_query(NULL), new_query(&threads), new_query(NULL),
                              new_query(&threads)};
    for (uint32_t turn = 0; turn < 12; turn++) {
        for (int i = 0; i < 4; i++)
            ask(i < 2 ? coded : plain, queries[i], turn);
        for (int i = 1; i < 4; i++)
            same_answer(queries[0], queries[i]);
        bool any = recs_model_history_count(coded, turn % USERS) != 0;
        for (int i = 0; i < 4; i++)
            assert_int_equal(recs_query_strategy(queries[i]),
                             !any              ? RECS_STRATEGY_NONE
                             : turn % 4 == 1   ? RECS_STRATEGY_LISTED
                                               : RECS_STRATEGY_MASKED);
        if (any && turn % 4 != 1) {
            assert_true(recs_query_scored(queries[2]) >= MANY);
            assert_true(recs_query_scored(queries[0]) > 0);
            assert_true(recs_query_scored(queries[0]) < MANY / 4);
        }
        /* Why the first one below the list is not in it, and reasons, agree. */
        size_t count = recs_query_count(queries[0]);
        if (turn % 4 == 0 && any && count != 0) {
            assert_int_equal(recs_explain(coded, queries[0], count - 1, &error), RECS_OK);
            assert_int_equal(recs_explain(plain, queries[2], count - 1, &error), RECS_OK);
            assert_int_equal(recs_query_reason_count(queries[0]),
                             recs_query_reason_count(queries[2]));
        }
    }
    static uint32_t users[3 * USERS], rows[2][3 * USERS * 9];
    static float scores[2][3 * USERS * 9];
    for (uint32_t i = 0; i < 3 * USERS; i++)
        users[i] = i * 7 % USERS;
    for (int i = 0; i < 2; i++) {
        recs_query *query = queries[i == 0 ? 1 : 2];
        recs_query_reset(query);
        recs_query_component(query, "als");
        recs_query_limit(query, 9);
        assert_int_equal(recs_recommend_rows(i == 0 ? coded : plain, query, users, 3 * USERS,
                                             rows[i], scores[i], &error),
                         RECS_OK);
    }
    assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    for (int i = 0; i < 4; i++)
        recs_query_destroy(queries[i]);
    recs_model_release(coded);
    recs_model_release(plain);
}

/* The list, a score and why-not say the same of an item just outside. */
static void why_not_agrees(void **state) {
    (void)state;
    recs_model *model = make(ITEMS, false, false);
    recs_query *query = new_query(NULL);
    for (uint32_t user = 0; user < USERS; user++) {
        if (recs_model_history_count(model, user) == 0)
            continue;
        recs_query_reset(query);
        recs_query_component(query, "als");
        recs_query_user(query, recs_model_user_id(model, user));
        recs_query_limit(query, 11);
        assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
        char id[32];
        snprintf(id, sizeof id, "%s", recs_query_id(query, 10));
        float score = recs_query_score(query, 10);
        recs_query_limit(query, 10);
        assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
        assert_int_equal(recs_why_not(model, query, id, &error), RECS_OK);
        assert_int_equal(recs_query_verdict_rank(query), 10);
        assert_true(recs_query_verdict_score(query) == score);
    }
    recs_query_destroy(query);
    recs_model_release(model);
}

/* als of a real log: for many users the search with the copy and the one without
 * give the same keys, alone and together. */
static void real_factors(void **state) {
    (void)state;
    char path[DATA_PATH_MAX];
    DATA_OR_SKIP("gowalla/train.txt", path);
    recs_dataset *log;
    recs_model *model;
    assert_int_equal(recs_dataset_create(&log, NULL, &error), RECS_OK);
    assert_int_equal(recs_dataset_read(log, path, &error), RECS_OK);
    assert_int_equal(recs_train(log, "als(factors=32, iterations=1)", NULL, &threads, &model,
                                &error),
                     RECS_OK);
    recs_dataset_destroy(log);
    assert_int_equal(recs_model_verify(model, &error), RECS_OK);
    const recs__view *view = recs__model_view(model);
    const recs__component *als = &view->components[0];
    recs__space space = {.stored = {.values = als->item_factors, .type = RECS__STORED_FLOAT,
                                    .rows = view->items, .dims = als->factors,
                                    .stride = als->stride},
                         .norms = als->item_norms, .no_zeros = true};
    recs_host host;
    recs__host_init(&host, &threads, NULL);
    enum { TOGETHER = 50 };
    static recs__topk topks[2][TOGETHER];
    static recs__seek seeks[TOGETHER];
    recs__exact_room room = {0};
    uint64_t rescored = 0;
    for (int metric = 0; metric < 3; metric++) {
        space.metric = (recs__metric)metric;
        for (int coded = 0; coded < 2; coded++) {
            space.codes = coded ? als->codes : NULL;
            for (uint32_t i = 0; i < TOGETHER; i++) {
                const float *vector = als->user_factors + (size_t)i * 571 * als->stride;
                recs__topk_begin(&topks[coded][i], &host, 20, -INFINITY, NULL);
                seeks[i] = (recs__seek){.vector = vector, .topk = &topks[coded][i],
                                        .norm = sqrtf(recs__kernels_get()->dot(vector, vector,
                                                                               als->factors))};
            }
            assert_int_equal(recs__exact_search(&space, seeks, TOGETHER, NULL, &room,
                                                &host, &error),
                             RECS_OK);
        }
        for (uint32_t i = 0; i < TOGETHER; i++) {
            /* Users are far from all items alike: for some, codes decide too little. */
            assert_true(seeks[i].way == RECS__WAY_CODES || metric == RECS__METRIC_DISTANCE);
            rescored += seeks[i].rescored;
            assert_int_equal(recs__topk_finish(&topks[0][i]), 20);
            assert_int_equal(recs__topk_finish(&topks[1][i]), 20);
            assert_memory_equal(topks[0][i].keys, topks[1][i].keys, 20 * sizeof(uint64_t));
        }
    }
    assert_true(rescored < (uint64_t)3 * TOGETHER * view->items / 10);
    for (uint32_t i = 0; i < 2 * TOGETHER; i++)
        recs__topk_free(&topks[i % 2][i / 2], &host);
    recs__exact_free(&room, &host);
    recs_model_release(model);
}

/* ---- files ----------------------------------------------------------------------------- */

/* The model's sections again, with other codes. */
static recs_status rewritten(const recs_model *model, const void *codes, size_t size,
                             recs_model **out) {
    recs_writer *writer;
    assert_int_equal(recs_writer_create(&writer, NULL, NULL, &error), RECS_OK);
    for (uint32_t i = 0; i < recs_model_section_count(model); i++) {
        const recs__file_section *section = &model->table[i];
        uint32_t type = section->type, component = section->component;
        const void *bytes = model->contents[i].bytes;
        size_t own = model->contents[i].size;
        bool changed = type == RECS_SECTION_ITEM_CODES && component == 0;
        assert_int_equal(recs_writer_section(writer, type, component, 0, changed ? codes : bytes,
                                             changed ? size : own, &error),
                         RECS_OK);
    }
    recs_status status = recs_writer_finish(writer, out, &error);
    recs_writer_destroy(writer);
    return status;
}

static void damaged_sections(void **state) {
    (void)state;
    recs_model *model = make(ITEMS, false, false), *other = NULL;
    uint64_t size = recs__codes_size(ITEMS, 21);
    unsigned char *bytes = aligned_alloc(64, size + 64);
    const unsigned char *whole =
        (const unsigned char *)recs__model_view(model)->components[0].codes->order -
        sizeof(recs__codes_head);
    memcpy(bytes, whole, size);
    assert_int_equal(rewritten(model, bytes, size, &other), RECS_OK);
    assert_int_equal(recs_model_verify(other, &error), RECS_OK);
    recs_model_release(other);

    assert_int_equal(rewritten(model, bytes, size - 64, &other), RECS_ERR_CORRUPT);
    assert_non_null(strstr(error.text, "item_codes"));
    assert_int_equal(rewritten(model, bytes, 3, &other), RECS_ERR_CORRUPT);
    bytes[0] = 0;
    assert_int_equal(rewritten(model, bytes, size, &other), RECS_ERR_CORRUPT);
    bytes[0] = RECS__CODES_VERSION + 1; /* of another version: as none */
    assert_int_equal(rewritten(model, bytes, size - 64, &other), RECS_OK);
    assert_null(recs__model_view(other)->components[0].codes);
    recs_model_release(other);

    bytes[0] = RECS__CODES_VERSION;
    bytes[size - 64] ^= 1; /* a code */
    bytes[sizeof(recs__codes_head)] ^= 1; /* the order */
    assert_int_equal(rewritten(model, bytes, size, &other), RECS_OK);
    assert_int_equal(recs_model_verify(other, &error), RECS_ERR_CORRUPT);
    assert_non_null(strstr(error.text, "section item_codes of 0, place"));
    recs_model_release(other);
    free(bytes);
    recs_model_release(model);
}

static void what_the_writer_refuses(void **state) {
    (void)state;
    recs_writer *writer;
    float *factors = calloc(4000 * 16, sizeof *factors);
    factors[5] = 1.0f;
    assert_int_equal(recs_writer_create(&writer, NULL, NULL, &error), RECS_OK);
    static const struct {
        uint32_t items, dims;
        int32_t halves;
    } bad[] = {{4000, 0, 0}, {4000, 4097, 0}, {UINT32_C(1) << 31, 4, 0}, {4000, 8, 2}, {4000, 8, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(recs_writer_item_codes(writer, 0, factors, bad[i].halves, bad[i].items,
                                                bad[i].dims, &error),
                         RECS_ERR_ARGUMENT);
    assert_int_equal(recs_writer_item_codes(writer, 0, NULL, 0, 4000, 8, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_writer_item_codes(writer, 0, factors, 0, 2047, 8, &error), RECS_OK);
    factors[7] = 1e19f; /* no copy, and no failure */
    assert_int_equal(recs_writer_item_codes(writer, 0, factors, 0, 4000, 8, &error), RECS_OK);
    factors[7] = 1.0f;
    assert_int_equal(recs_writer_item_codes(writer, 0, factors, 0, 4000, 8, &error), RECS_OK);
    assert_int_equal(recs_writer_item_codes(writer, 0, factors, 0, 4000, 8, &error),
                     RECS_ERR_ARGUMENT); /* a second time */
    recs_writer_destroy(writer);

    fault_host faults;
    FAULT_LOOP(faults) {
        fault_off(&faults);
        assert_int_equal(recs_writer_create(&writer, NULL, &faults.host, &error), RECS_OK);
        fault_on(&faults);
        fault_passed(&faults, recs_writer_item_codes(writer, 0, factors, 0, 4000, 8, &error),
                     &error);
        fault_off(&faults);
        recs_writer_destroy(writer);
    }
    free(factors);
}

static void failed_allocations_are_survived(void **state) {
    (void)state;
    recs_model *model = make(MANY, true, false);
    fault_host faults;
    FAULT_LOOP(faults) {
        fault_off(&faults);
        recs_host host = faults.host;
        host.run = recs_pool_run;
        host.executor_data = pool;
        recs_query *query = new_query(&host);
        recs_query_component(query, "als");
        recs_query_user(query, recs_model_user_id(model, 1));
        fault_on(&faults);
        recs_status status = recs_recommend(model, query, &error);
        fault_off(&faults);
        if (status != RECS_OK)
            fault_passed(&faults, status, &error);
        recs_query_destroy(query);
    }
    recs_model_release(model);
}

int main(void) {
    if (recs_pool_create(&pool, 3, NULL, NULL) != RECS_OK)
        return 1;
    threads = (recs_host){.struct_size = sizeof threads, .run = recs_pool_run,
                          .executor_data = pool};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_references),
        cmocka_unit_test(answers_do_not_depend_on_the_way),
        cmocka_unit_test(why_not_agrees),
        cmocka_unit_test(real_factors),
        cmocka_unit_test(damaged_sections),
        cmocka_unit_test(what_the_writer_refuses),
        cmocka_unit_test(failed_allocations_are_survived),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    recs_pool_destroy(pool);
    return failed;
}
