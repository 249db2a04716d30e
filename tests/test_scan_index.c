/* test_scan_index.c - content through an approximate index that is lent with the request: the
 * exact answer where the index misses nothing, as many answers where it does, filters inside,
 * new items beside it, one visitor or many. */
#include "base/memory.h"
#include "kernels/kernels.h"
#include "model/format.h"
#include "recs.h"
#include "recs/writer.h"
#include "support/fault_host.h"
#include "support/made_vectors.h"
#include "support/test.h"
#include "support/tmp.h"
#include "support/vectors_lent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 3000, DIMENSION = 12, STRIDE = 16, USERS = 20, OWN = 6 };

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s", error->text);
}

static recs_writer *writer;

static void put(uint32_t type, uint32_t component, uint32_t flags, const void *bytes,
                uint64_t size) {
    recs_error error = {0};
    ok(recs_writer_section(writer, type, component, flags, bytes, size, &error), &error);
}

/* Items i0000 …, users u00 … of six items each, all of whom have vectors or four in five. */
static void put_items(void) {
    static uint64_t offsets[ITEMS + 1], user_offsets[USERS + 1], history[USERS + 1];
    static char bytes[ITEMS * 6 + 1], user_bytes[USERS * 4];
    static uint32_t order[ITEMS], columns[USERS * OWN];
    static float values[USERS * OWN], popular[ITEMS];
    static uint64_t near_offsets[ITEMS + 1];
    static uint32_t near[ITEMS * 8];
    static float near_values[ITEMS * 8];
    for (uint32_t i = 0; i < ITEMS; i++) {
        offsets[i + 1] = (i + 1) * 6;
        snprintf(bytes + i * 6, 6, "i%04u", i);
        order[i] = i;
        popular[i] = (float)(ITEMS - i) / ITEMS;
        near_offsets[i + 1] = (uint64_t)(i + 1) * 8;
        for (uint32_t j = 0; j < 8; j++) {
            near[i * 8 + j] = (i % 97) * 8 + j * 300 + j;
            near_values[i * 8 + j] = 0.1f * (float)(j + 1);
        }
    }
    for (uint32_t u = 0; u < USERS; u++) {
        user_offsets[u + 1] = (u + 1) * 4;
        snprintf(user_bytes + u * 4, 4, "u%02u", u);
        for (uint32_t i = 0; i < OWN; i++) {
            columns[u * OWN + i] = i * (ITEMS / OWN) + 10 * u;
            values[u * OWN + i] = 1.0f;
        }
        history[u + 1] = (u + 1) * OWN;
    }
    put(RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_MODEL, 0, offsets, sizeof offsets);
    put(RECS_SECTION_ITEM_ID_BYTES, RECS_SECTION_MODEL, 0, bytes, ITEMS * 6);
    put(RECS_SECTION_USER_ID_OFFSETS, RECS_SECTION_MODEL, 0, user_offsets, sizeof user_offsets);
    put(RECS_SECTION_USER_ID_BYTES, RECS_SECTION_MODEL, 0, user_bytes, USERS * 4);
    put(RECS_SECTION_HISTORY_OFFSETS, RECS_SECTION_MODEL, 0, history, sizeof history);
    put(RECS_SECTION_HISTORY_ITEMS, RECS_SECTION_MODEL, 0, columns, sizeof columns);
    put(RECS_SECTION_HISTORY_VALUES, RECS_SECTION_MODEL, 0, values, sizeof values);
    put(RECS_SECTION_POPULAR_ORDER, RECS_SECTION_MODEL, 0, order, sizeof order);
    put(RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, 0, popular, sizeof popular);
    put(RECS_SECTION_NEIGHBOR_OFFSETS, 1, 0, near_offsets, sizeof near_offsets);
    put(RECS_SECTION_NEIGHBOR_ITEMS, 1, 0, near, sizeof near);
    put(RECS_SECTION_NEIGHBOR_VALUES, 1, 0, near_values, sizeof near_values);
}

static float vectors[ITEMS][STRIDE];

/* The vectors of component 0 and the made index of them. */
static uint32_t put_vectors(bool all) {
    static float rows[ITEMS][STRIDE], units[ITEMS * DIMENSION], norms[ITEMS];
    static uint32_t items[ITEMS];
    recs__random random;
    recs_error error = {0};
    recs_host host;
    uint32_t count = 0;
    recs__random_seed(&random, 5);
    for (uint32_t i = 0; i < ITEMS; i++) {
        for (size_t j = 0; j < DIMENSION; j++)
            vectors[i][j] = recs__random_normal(&random) + 0.3f;
        if (!all && i % 5 == 3)
            continue;
        memcpy(rows[count], vectors[i], sizeof rows[count]);
        norms[count] = sqrtf(recs__kernels_get()->dot(rows[count], rows[count], DIMENSION));
        for (size_t j = 0; j < DIMENSION; j++)
            units[count * DIMENSION + j] = rows[count][j] / norms[count];
        items[count++] = i;
    }
    put(RECS_SECTION_VECTORS, 0, 0, rows, (uint64_t)count * STRIDE * 4);
    put(RECS_SECTION_VECTOR_NORMS, 0, 0, norms, count * sizeof *norms);
    if (!all)
        put(RECS_SECTION_VECTOR_ITEMS, 0, 0, items, count * sizeof *items);
    vectors_lent lent = {.rows = units, .count = count, .dimension = DIMENSION,
                         .metric = RECS_METRIC_COSINE};
    recs_vector_source source = vectors_source(&lent);
    bytes_sink bytes = {0};
    recs_vector_sink sink = bytes_to(&bytes);
    void *index = NULL;
    recs__host_init(&host, NULL, NULL);
    assert_int_equal(made_backend.build(NULL, &source, "made", NULL, NULL, &host, &index, &error),
                     RECS_OK);
    assert_int_equal(made_backend.save(NULL, index, &sink, &error), RECS_OK);
    made_backend.destroy(NULL, index);
    static const char texts[] = "made\0001\0made(effort=7)";
    put(RECS_SECTION_VECTOR_INDEX_TEXT, 0, 0, texts, sizeof texts);
    put(RECS_SECTION_VECTOR_INDEX, 0, RECS_SECTION_TRUSTED, bytes.bytes, bytes.size);
    free(bytes.bytes);
    return count;
}

static recs_model *make_model(bool all, uint32_t merge) {
    recs_error error = {0};
    recs_model *model = NULL;
    ok(recs_writer_create(&writer, NULL, NULL, &error), &error);
    put_items();
    recs__file_component components[6] = {
        {.name = "content", .trainer = "content", .kind = RECS__KIND_VECTORS, .factors = DIMENSION,
         .scale = 1, .scale_similar = 1, .rows = put_vectors(all), .metric = RECS_METRIC_COSINE,
         .merge = merge},
        {.name = "near", .trainer = "itemknn", .kind = RECS__KIND_ITEMS, .scale = 1,
         .scale_similar = 1},
        {.name = "popular", .trainer = "popular", .kind = RECS__KIND_POPULAR, .scale = 1,
         .scale_similar = 1},
        {.name = "home", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1,
         .scale_similar = 1, .term_count = 3},
        {.name = "less", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1,
         .scale_similar = 1, .first_term = 3, .term_count = 2},
        {.name = "blends", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1,
         .scale_similar = 1, .first_term = 5, .term_count = 2}};
    recs__file_meta meta = {.items = ITEMS,
                            .users = USERS,
                            .history_entries = USERS * OWN,
                            .first_time = RECS_NO_TIME,
                            .last_time = RECS_NO_TIME,
                            .users_mode = RECS__USERS_FULL,
                            .components = 6,
                            .terms = 7};
    recs__file_term term[] = {{0, 0.4f}, {1, 0.02f}, {2, 1.0f}, {0, 1.0f}, {1, -0.5f},
                              {3, 1.0f}, {0, 1.0f}};
    put(RECS_SECTION_META, RECS_SECTION_MODEL, 0, &meta, sizeof meta);
    put(RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, 0, components, sizeof components);
    put(RECS_SECTION_TERMS, RECS_SECTION_MODEL, 0, term, sizeof term);
    ok(recs_writer_finish(writer, &model, &error), &error);
    recs_writer_destroy(writer);
    return model;
}

static recs_vectors *open_set(const recs_model *model) {
    recs_error error = {0};
    recs_vectors *set = NULL;
    recs_vectors_options options = {.struct_size = sizeof options, .backend = &made_backend};
    made_backend_miss = 0;
    made_backend_blind = 0;
    ok(recs_vectors_open_model(&set, model, "content", &options, NULL, &error), &error);
    return set;
}

static recs_query *new_query(void) {
    recs_query *query = NULL;
    assert_int_equal(recs_query_create(&query, NULL, NULL), RECS_OK);
    return query;
}

static int32_t even_alone(void *data, const char *bytes, const uint32_t *offsets, size_t count,
                          uint8_t *keep) {
    (void)data;
    for (size_t i = 0; i < count; i++)
        keep[i] = (bytes[offsets[i + 1] - 1] - '0') % 2 == 0;
    return RECS_OK;
}

enum { PLAIN, SEEN, DENIED, SHORT, LONG, MASK, PREDICATE, FILTERS };

static void filter(recs_query *query, int which) {
    static uint32_t rows[ITEMS];
    static uint64_t bits[(ITEMS + 63) / 64];
    size_t count = 0;
    for (uint32_t i = 0; i < ITEMS; i++)
        bits[i / 64] |= (uint64_t)(i % 3 != 0) << (i % 64);
    for (uint32_t i = 0; i < ITEMS; i += which == SHORT ? 100 : 2)
        rows[count++] = i;
    if (which == SEEN)
        recs_query_exclude_seen(query, RECS_EVENT_ALL, RECS_NO_TIME);
    else
        recs_query_exclude_seen(query, 0, RECS_NO_TIME);
    if (which == DENIED)
        recs_query_deny_rows(query, rows, count);
    if (which == SHORT || which == LONG)
        recs_query_allow_rows(query, rows, count);
    if (which == MASK)
        recs_query_allow_bits(query, bits, ITEMS);
    if (which == PREDICATE)
        recs_query_predicate(query, even_alone, NULL);
}

static void ask(const recs_model *model, recs_query *query, bool similar) {
    recs_error error = {0};
    ok(similar ? recs_similar(model, query, &error) : recs_recommend(model, query, &error), &error);
}

/* One request by both ways. */
static void compare(const recs_model *model, recs_query *query, recs_query *exact, bool similar,
                    int which) {
    recs_query *both[] = {query, exact};
    static const uint32_t own[] = {4, 600, 1203, 2400};
    for (int i = 0; i < 2; i++) {
        if (similar)
            recs_query_item(both[i], "i0600");
        else
            recs_query_history_rows(both[i], own, NULL, NULL, 4);
        filter(both[i], which);
        recs_query_limit(both[i], 25);
    }
    ask(model, exact, similar);
    unsigned calls = made_backend_calls;
    ask(model, query, similar);
    assert_int_equal(made_backend_calls == calls, which == SHORT);
    assert_int_equal(recs_query_count(query), 25);
    assert_int_equal(recs_query_evidence(query), recs_query_evidence(exact));
    assert_int_equal(recs_query_eligible(query), recs_query_eligible(exact));
    for (size_t i = 0; i < 25; i++) {
        float score;
        if (made_backend_miss == 0) {
            assert_string_equal(recs_query_id(query, i), recs_query_id(exact, i));
            assert_true(recs_query_score(query, i) == recs_query_score(exact, i));
            continue;
        }
        assert_true(i == 0 || recs_query_score(query, i) <= recs_query_score(query, i - 1));
        if (similar)
            continue;
        recs_error error = {0};
        ok(recs_score(model, exact, recs_query_id(query, i), &score, &error), &error);
        assert_true(score == recs_query_score(query, i));
    }
    int32_t strategy = recs_query_strategy(query);
    assert_int_equal(strategy, which == SHORT ? RECS_STRATEGY_LISTED : RECS_STRATEGY_INDEX);
    assert_true(recs_query_scored(query) > 0 && recs_query_scored(query) < 1000);
}

static void test_both_ways(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        recs_model *model = make_model(kind % 2 == 0, kind / 2 == 0 ? RECS_MERGE_CENTROID
                                                                    : RECS_MERGE_BEST);
        recs_vectors *set = open_set(model);
        recs_query *query = new_query(), *exact = new_query();
        for (uint32_t miss = 0; miss < 8; miss += 7)
            for (int similar = 0; similar < 2; similar++)
                for (int which = 0; which < FILTERS; which++) {
                    made_backend_miss = miss;
                    recs_query_reset(query);
                    recs_query_reset(exact);
                    recs_query_overlay(query, set);
                    compare(model, query, exact, similar != 0, which);
                }
        made_backend_miss = 0;
        recs_query_effort(query, RECS_EFFORT_EXACT);
        ask(model, query, true);
        assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_MASKED);
        recs_query_effort(query, 0);
        recs_query_destroy(query);
        recs_query_destroy(exact);
        recs_vectors_destroy(set);
        recs_model_release(model);
    }
}

/* Blends by candidates: the exact answer where the index misses nothing. */
static void test_blends(void **state) {
    (void)state;
    static const char *const names[] = {"home", "less", "blends"};
    size_t grown = 0;
    for (int kind = 0; kind < 4; kind++) {
        recs_model *model = make_model(kind % 2 == 0, kind / 2 == 0 ? RECS_MERGE_CENTROID
                                                                    : RECS_MERGE_BEST);
        recs_vectors *set = open_set(model);
        recs_query *query = new_query(), *exact = new_query(), *both[] = {query, exact};
        size_t searched = 0;
        for (int turn = 0; turn < 3 * 2 * FILTERS; turn++) {
            size_t limit = turn % 2 == 0 ? 5 : 45;
            int which = turn % FILTERS, similar = turn / FILTERS % 2, name = turn / FILTERS / 2;
            for (int i = 0; i < 2; i++) {
                static const uint32_t own[] = {4, 600, 1203, 2400};
                recs_query_reset(both[i]);
                recs_query_component(both[i], names[name]);
                if (similar)
                    recs_query_item(both[i], "i0600");
                else
                    recs_query_history_rows(both[i], own, NULL, NULL, 4);
                filter(both[i], which);
                recs_query_limit(both[i], limit);
            }
            recs_query_overlay(query, set);
            unsigned calls = made_backend_calls;
            ask(model, exact, similar);
            ask(model, query, similar);
            assert_int_equal(recs_query_count(query), recs_query_count(exact));
            assert_int_equal(recs_query_evidence(query), recs_query_evidence(exact));
            for (size_t i = 0; i < recs_query_count(exact); i++) {
                assert_string_equal(recs_query_id(query, i), recs_query_id(exact, i));
                assert_true(recs_query_score(query, i) == recs_query_score(exact, i));
            }
            bool by_index = recs_query_strategy(query) == RECS_STRATEGY_INDEX;
            assert_true(name == 0 || !by_index); /* a negative weight, a blend of a blend */
            searched += by_index;
            grown += made_backend_calls - calls > 1;
        }
        assert_true(searched > 3);
        recs_query_destroy(query);
        recs_query_destroy(exact);
        recs_vectors_destroy(set);
        recs_model_release(model);
    }
    assert_true(grown > 0);
}

/* What an index misses or returns in spite of the filter costs answers nothing. */
static void test_too_few(void **state) {
    (void)state;
    recs_model *model = make_model(false, RECS_MERGE_CENTROID);
    recs_vectors *set = open_set(model);
    recs_query *query = new_query(), *exact = new_query();
    recs_query_overlay(query, set);
    recs_query_item(query, "i0600");
    recs_query_item(exact, "i0600");
    recs_query_limit(query, 2000);
    recs_query_limit(exact, 2000);
    made_backend_miss = 2;
    ask(model, query, true);
    ask(model, exact, true);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_INDEX_SCAN);
    for (size_t i = 0; i < 2000; i++)
        assert_string_equal(recs_query_id(query, i), recs_query_id(exact, i));
    made_backend_miss = 0;
    made_backend_blind = 1;
    recs_query_limit(query, 20);
    filter(query, MASK);
    filter(exact, MASK);
    ask(model, query, true);
    ask(model, exact, true);
    for (size_t i = 0; i < 20; i++)
        assert_string_equal(recs_query_id(query, i), recs_query_id(exact, i));
    recs_query_limit(query, 5000); /* more than there are: filled up */
    recs_query_limit(exact, 5000);
    ask(model, query, true);
    ask(model, exact, true);
    assert_int_equal(recs_query_count(query), recs_query_count(exact));
    recs_query_destroy(query);
    recs_query_destroy(exact);
    recs_vectors_destroy(set);
    recs_model_release(model);
}

static void test_new_items_and_reasons(void **state) {
    (void)state;
    recs_error error = {0};
    recs_model *model = make_model(true, RECS_MERGE_CENTROID);
    recs_vectors *set = open_set(model);
    recs_query *query = new_query();
    const uint32_t offsets[2] = {0, 4};
    ok(recs_vectors_add(set, "new1", offsets, vectors[600], DIMENSION, 1, &error), &error);
    recs_query_overlay(query, set);
    recs_query_history(query, "i0600", 1, RECS_NO_TIME);
    recs_query_limit(query, 10);
    ask(model, query, false);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_INDEX);
    assert_string_equal(recs_query_id(query, 0), "new1");
    ok(recs_explain(model, query, 1, &error), &error);
    assert_string_equal(recs_query_reason_id(query, 0), "i0600");
    uint32_t row;
    float score;
    assert_int_equal(recs_recommend_rows(model, query, &row, 0, &row, &score, &error),
                     RECS_ERR_UNSUPPORTED);
    /* What the index misses is told. */
    char second[8];
    snprintf(second, sizeof second, "%s", recs_query_id(query, 1));
    made_backend_miss = (uint32_t)atoi(second + 1);
    ok(recs_why_not(model, query, second, &error), &error);
    assert_int_equal(recs_query_verdict(query), RECS_VERDICT_BELOW);
    assert_non_null(strstr(recs_query_verdict_text(query), "the approximate index did not find it"));
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    recs_model_release(model);
}

static void test_many_visitors(void **state) {
    (void)state;
    for (uint32_t merge = 0; merge < 2; merge++) {
        recs_error error = {0};
        recs_model *model = make_model(merge == 0, merge);
        recs_vectors *set = open_set(model);
        recs_query *query = new_query();
        uint32_t users[USERS], rows[2][USERS * 8];
        float scores[2][USERS * 8];
        for (uint32_t u = 0; u < USERS; u++)
            users[u] = u;
        recs_query_limit(query, 8);
        ok(recs_recommend_rows(model, query, users, USERS, rows[0], scores[0], &error), &error);
        recs_query_overlay(query, set);
        unsigned calls = made_backend_calls;
        ok(recs_recommend_rows(model, query, users, USERS, rows[1], scores[1], &error), &error);
        assert_int_equal(made_backend_calls - calls, USERS);
        assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
        assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
        recs_query_destroy(query);
        recs_vectors_destroy(set);
        recs_model_release(model);
    }
}

static void test_not_trusted(void **state) {
    (void)state;
    recs_error error = {0};
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    recs_model *made = make_model(true, RECS_MERGE_CENTROID), *model = NULL;
    tmp_make(&folder);
    tmp_path(&folder, "indexed.recs", path);
    ok(recs_model_write(made, path, &error), &error);
    recs_model_release(made);
    ok(recs_model_open(&model, path, NULL, NULL, &error), &error);
    recs_vectors *set = open_set(model);
    recs_query *query = new_query();
    recs_query_overlay(query, set);
    recs_query_item(query, "i0600");
    ask(model, query, true);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_MASKED);
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    recs_model_release(model);
    tmp_remove(&folder);
}

static void test_no_memory(void **state) {
    (void)state;
    for (uint32_t merge = 0; merge < 2; merge++) {
        static const uint32_t own[] = {4, 600, 1203, 2400};
        recs_model *model = make_model(false, merge);
        recs_vectors *set = open_set(model);
        fault_host faults;
        FAULT_LOOP(faults) {
            recs_error error = {0};
            recs_query *query = NULL;
            if (!fault_passed(&faults, recs_query_create(&query, &faults.host, &error), &error))
                continue;
            recs_query_overlay(query, set);
            recs_query_history_rows(query, own, NULL, NULL, 4);
            filter(query, merge == 0 ? LONG : MASK);
            recs_query_limit(query, 5);
            recs_query_component(query, merge == 0 ? "content" : "home");
            (void)fault_passed(&faults, recs_recommend(model, query, &error), &error);
            recs_query_destroy(query);
        }
        fault_host_done(&faults);
        /* Asked again, it takes no memory. */
        recs_query *query = new_query();
        recs_query_overlay(query, set);
        recs_query_history_rows(query, own, NULL, NULL, 4);
        ask(model, query, false);
        size_t memory = recs_query_memory(query);
        ask(model, query, false);
        assert_int_equal(memory, recs_query_memory(query));
        recs_query_destroy(query);
        recs_vectors_destroy(set);
        recs_model_release(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_blends),
        cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_new_items_and_reasons),
        cmocka_unit_test(test_many_visitors),
        cmocka_unit_test(test_not_trusted),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
