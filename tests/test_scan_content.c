/* test_scan_content.c - content as a component goes through the exact search: the same ids,
 * order and bits as scoring every item, for every metric, storage, merge, filter and
 * number of answers, with and without a quantised copy and an executor. */
#include "kernels/codes.h"
#include "kernels/half.h"
#include "model/format.h"
#include "model/model.h"
#include "recs.h"
#include "base/memory.h"
#include "recs/writer.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 6000, DIMENSION = 20, STRIDE = 32, USERS = 40, OWN = 100 };

static recs_host alone, threads;

typedef struct made {
    uint32_t metric, storage, merge;
    bool all, coarse, copy; /* all items have vectors; many ties; a quantised copy */
} made;

static bool has_vector(const made *m, uint32_t item) { return m->all || item % 5 != 3; }
static bool is_available(uint32_t item) { return item % 7 != 2; }

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s", error->text);
}

static recs_writer *writer;
static uint64_t user_entries;

static void put(uint32_t type, uint32_t component, const void *bytes, uint64_t size) {
    recs_error error = {0};
    ok(recs_writer_section(writer, type, component, 0, bytes, size, &error), &error);
}

static void put_items(void) {
    static uint64_t offsets[ITEMS + 1], user_offsets[USERS + 1], history[USERS + 1];
    static char bytes[ITEMS * 6 + 1], user_bytes[USERS * 4];
    static uint32_t order[ITEMS], columns[USERS * OWN];
    static float values[USERS * OWN];
    static int8_t available[ITEMS];
    for (uint32_t i = 0; i < ITEMS; i++) {
        offsets[i + 1] = (i + 1) * 6;
        snprintf(bytes + i * 6, 6, "i%04u", i);
        order[i] = i;
        available[i] = is_available(i);
    }
    for (uint32_t u = 0; u < USERS; u++) { /* none, one, some, more than go together */
        uint64_t at = history[u];
        uint32_t size = u % 4 == 0 ? 0 : u % 4 == 1 ? 1 : u % 4 == 2 ? 5 : OWN;
        user_offsets[u + 1] = (u + 1) * 4;
        snprintf(user_bytes + u * 4, 4, "u%02u", u);
        for (uint32_t i = 0; i < size; i++) {
            columns[at] = i * (ITEMS / OWN) + u;
            values[at++] = i == 2 ? -1.0f : (float)(i % 3) + 0.5f;
        }
        history[u + 1] = at;
    }
    user_entries = history[USERS];
    recs__file_column column = {.name = "available", .type = RECS_COLUMN_FLAG};
    put(RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_MODEL, offsets, sizeof offsets);
    put(RECS_SECTION_ITEM_ID_BYTES, RECS_SECTION_MODEL, bytes, ITEMS * 6);
    put(RECS_SECTION_USER_ID_OFFSETS, RECS_SECTION_MODEL, user_offsets, sizeof user_offsets);
    put(RECS_SECTION_USER_ID_BYTES, RECS_SECTION_MODEL, user_bytes, USERS * 4);
    put(RECS_SECTION_HISTORY_OFFSETS, RECS_SECTION_MODEL, history, sizeof history);
    put(RECS_SECTION_HISTORY_ITEMS, RECS_SECTION_MODEL, columns, history[USERS] * 4);
    put(RECS_SECTION_HISTORY_VALUES, RECS_SECTION_MODEL, values, history[USERS] * 4);
    put(RECS_SECTION_POPULAR_ORDER, RECS_SECTION_MODEL, order, sizeof order);
    static float popular[ITEMS];
    put(RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, popular, sizeof popular);
    put(RECS_SECTION_COLUMNS, RECS_SECTION_MODEL, &column, sizeof column);
    put(RECS_SECTION_COLUMN_VALUES, 0, available, ITEMS);
}

static uint32_t put_vectors(const made *m, recs__random *random) {
    static float rows[ITEMS][STRIDE], norms[ITEMS], scales[ITEMS], decoded[STRIDE];
    static int8_t bytes[ITEMS][STRIDE];
    static uint32_t items[ITEMS];
    uint32_t count = 0;
    memset(rows, 0, sizeof rows);
    for (uint32_t i = 0; i < ITEMS; i++) {
        float largest = 0;
        if (!has_vector(m, i))
            continue;
        for (size_t j = 0; j < DIMENSION; j++) {
            rows[count][j] = m->coarse ? (float)recs__random_below(random, 3) - 1.0f
                                       : recs__random_normal(random) + 0.3f;
            largest = fmaxf(largest, fabsf(rows[count][j]));
        }
        if (largest == 0)
            rows[count][0] = largest = 1;
        scales[count] = largest / 127;
        for (size_t j = 0; j < STRIDE; j++) {
            bytes[count][j] = (int8_t)rintf(rows[count][j] / scales[count]);
            decoded[j] = m->storage == RECS_STORAGE_INT8 ? scales[count] * (float)bytes[count][j]
                                                         : rows[count][j];
        }
        norms[count] = sqrtf(recs__kernels_get()->dot(decoded, decoded, DIMENSION));
        items[count++] = i;
    }
    bool coded = m->storage == RECS_STORAGE_INT8;
    recs__stored stored = {.values = coded ? (const void *)bytes : rows,
                           .scales = coded ? scales : NULL,
                           .type = coded ? RECS__STORED_INT8 : RECS__STORED_FLOAT,
                           .rows = count,
                           .dims = DIMENSION,
                           .stride = STRIDE};
    put(RECS_SECTION_VECTORS, 0, stored.values, (uint64_t)count * STRIDE * (coded ? 1 : 4));
    if (coded)
        put(RECS_SECTION_VECTOR_SCALES, 0, scales, count * sizeof *scales);
    put(RECS_SECTION_VECTOR_NORMS, 0, norms, count * sizeof *norms);
    if (!m->all)
        put(RECS_SECTION_VECTOR_ITEMS, 0, items, count * sizeof *items);
    if (m->copy) {
        recs_error error = {0};
        uint64_t size = recs__codes_size(count, DIMENSION);
        void *copy = aligned_alloc(64, (size_t)(size + 63) / 64 * 64);
        ok(recs__codes_build(&stored, &alone, copy, &error), &error);
        put(RECS_SECTION_VECTOR_CODES, 0, copy, size);
        free(copy);
    }
    return count;
}

static recs_model *make_model(const made *m) {
    recs_error error = {0};
    recs_model *model = NULL;
    recs__random random;
    recs__random_seed(&random, 5 + m->metric);
    ok(recs_writer_create(&writer, NULL, NULL, &error), &error);
    put_items();
    uint32_t count = put_vectors(m, &random);
    recs__file_meta meta = {.items = ITEMS, .users = USERS, .users_mode = RECS__USERS_FULL,
                            .history_entries = user_entries, .first_time = RECS_NO_TIME,
                            .last_time = RECS_NO_TIME, .components = 1, .columns = 1};
    recs__file_component component = {
        .name = "content", .trainer = "content", .kind = RECS__KIND_VECTORS, .factors = DIMENSION,
        .scale = 1, .scale_similar = 1, .rows = count, .metric = m->metric,
        .storage = m->storage, .merge = m->merge};
    put(RECS_SECTION_META, RECS_SECTION_MODEL, &meta, sizeof meta);
    put(RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, &component, sizeof component);
    ok(recs_writer_finish(writer, &model, &error), &error);
    recs_writer_destroy(writer);
    ok(recs_model_verify(model, &error), &error);
    return model;
}

/* ---- by looking at every item -------------------------------------------------------------- */

typedef struct place {
    float score;
    uint32_t row;
} place;

static int by_place(const void *a, const void *b) {
    const place *x = a, *y = b;
    return x->score != y->score ? (x->score > y->score ? -1 : 1) : x->row < y->row ? -1 : 1;
}

static uint32_t every[ITEMS];

/* The answer against the scores of all items of which none is excluded. */
static void compare(const made *m, const recs_query *query, const float *scores,
                    const bool *excluded, size_t limit, const char *what) {
    static place places[ITEMS];
    size_t count = 0;
    for (uint32_t i = 0; i < ITEMS; i++)
        if (has_vector(m, i) && !excluded[i])
            places[count++] = (place){scores[i], i};
    qsort(places, count, sizeof *places, by_place);
    count = count < limit ? count : limit;
    if (recs_query_count(query) != count)
        fail_msg("%s: %zu answers, expected %zu", what, recs_query_count(query), count);
    for (size_t i = 0; i < count; i++) {
        float score = recs_query_score(query, i);
        if (recs_query_row(query, i) != places[i].row ||
            memcmp(&score, &places[i].score, sizeof score) != 0)
            fail_msg("%s metric %u storage %u merge %u limit %zu: place %zu is %u with %.9g, "
                     "expected %u with %.9g",
                     what, m->metric, m->storage, m->merge, limit, i, recs_query_row(query, i),
                     (double)score, places[i].row, (double)places[i].score);
    }
}

/* Histories of a few and of many; filters that leave all, most, some and few. */
static void check(const made *m, const recs_model *model, const recs_host *host) {
    static const uint32_t sizes[] = {1, 4, OWN};
    static const size_t limits[] = {1, 10, 90, ITEMS}; /* the last with few filters */
    static float scores[ITEMS];
    recs_error error = {0};
    recs_query *query = NULL;
    ok(recs_query_create(&query, host, &error), &error);
    for (size_t s = 0; s < 3; s++)
        for (int filter = 0; filter < 5; filter++)
            for (size_t l = 0; l < (filter == 0 || filter == 4 ? 4u : 3u); l++) {
                static bool excluded[ITEMS];
                static uint32_t listed[ITEMS];
                uint32_t own[OWN];
                size_t count = 0;
                recs_query_reset(query);
                for (uint32_t i = 0; i < ITEMS; i++)
                    excluded[i] = !is_available(i);
                for (uint32_t i = 0; i < sizes[s]; i++) {
                    own[i] = (i * 37 + 5 + (uint32_t)s) % ITEMS; /* some without a vector */
                    excluded[own[i]] = true;
                }
                recs_query_history_rows(query, own, NULL, NULL, sizes[s]);
                recs_query_evidence_only(query, 1);
                recs_query_limit(query, limits[l]);
                if (filter == 1) {
                    recs_query_include_unavailable(query, 1);
                    recs_query_exclude_seen(query, 0, RECS_NO_TIME);
                    memset(excluded, 0, sizeof excluded);
                } else if (filter == 2) { /* every third */
                    for (uint32_t i = 0; i < ITEMS; i += 3)
                        excluded[listed[count++] = i] = true;
                    recs_query_deny_rows(query, listed, count);
                } else if (filter > 2) {
                    uint32_t step = filter == 3 ? 2 : 50;
                    for (uint32_t i = 0; i < ITEMS; i++) {
                        if (i % step == 0)
                            listed[count++] = i;
                        else
                            excluded[i] = true;
                    }
                    recs_query_allow_rows(query, listed, count);
                }
                if (filter == 0 && l == 0)
                    ok(recs_score_rows(model, query, every, ITEMS, scores, &error), &error);
                ok(recs_recommend(model, query, &error), &error);
                bool whole = filter == 1;
                int32_t strategy = recs_query_strategy(query);
                /* Long histories may be scored in blocks, list or none. */
                if (filter != 4)
                    assert_int_equal(strategy,
                                     whole ? RECS_STRATEGY_SCAN : RECS_STRATEGY_MASKED);
                else if (m->merge == RECS_MERGE_CENTROID || sizes[s] != OWN)
                    assert_int_equal(strategy, RECS_STRATEGY_LISTED);
                assert_true(recs_query_scored(query) != 0);
                if (m->copy && !m->coarse && limits[l] == 1 && filter < 3 && sizes[s] == 1)
                    assert_true(recs_query_scored(query) < ITEMS / 3);
                compare(m, query, scores, excluded, limits[l], "recommend");
            }
    recs_query_destroy(query);
}

static void every_metric_storage_and_merge(void **state) {
    (void)state;
    for (uint32_t n = 0; n < 3 * 2 * 2 * 2; n += TEST_INSTRUMENTED ? 5 : 1) {
        made m = {.metric = n % 3,
                  .storage = n / 3 % 2 != 0 ? RECS_STORAGE_INT8 : RECS_STORAGE_FLOAT32,
                  .merge = n / 6 % 2,
                  .all = n % 5 == 0,
                  .coarse = n / 12 != 0,
                  .copy = n % 4 != 3};
        recs_model *model = make_model(&m);
        check(&m, model, n % 2 != 0 ? &threads : &alone);
        recs_model_release(model);
    }
}

/* Similar items, and stored users many at once. */
static void similar_and_rows(void **state) {
    (void)state;
    static float scores[ITEMS], answer_scores[USERS * 12];
    static uint32_t users[USERS], answers[USERS * 12];
    static bool excluded[ITEMS];
    for (uint32_t n = 0; n < 6; n++) {
        made m = {.metric = n % 3, .storage = RECS_STORAGE_FLOAT32, .merge = n / 3, .copy = true};
        recs_error error = {0};
        recs_model *model = make_model(&m);
        recs_query *query = NULL;
        ok(recs_query_create(&query, &threads, &error), &error);
        recs_query_limit(query, 12);
        recs_query_evidence_only(query, 1);
        for (uint32_t u = 0; u < USERS; u++)
            users[u] = u;
        ok(recs_recommend_rows(model, query, users, USERS, answers, answer_scores, &error),
           &error);
        for (uint32_t u = 0; u < USERS; u++) {
            char id[8];
            snprintf(id, sizeof id, "u%02u", u);
            recs_query_user(query, id);
            ok(recs_score_rows(model, query, every, ITEMS, scores, &error), &error);
            ok(recs_recommend(model, query, &error), &error);
            for (size_t i = 0; i < 12; i++) {
                bool some = i < recs_query_count(query);
                assert_int_equal(answers[u * 12 + i],
                                 some ? recs_query_row(query, i) : RECS_NO_ROW);
                assert_true(answer_scores[u * 12 + i] == recs_query_score(query, i));
            }
            if (u % 4 == 0)
                assert_int_equal(recs_query_count(query), 0);
        }
        /* One item: its own vector as the history, under which it scores alike. */
        recs_query_reset(query);
        recs_query_limit(query, 12);
        recs_query_evidence_only(query, 1);
        recs_query_item(query, "i0100");
        ok(recs_similar(model, query, &error), &error);
        assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_MASKED);
        recs_query *other = NULL;
        ok(recs_query_create(&other, NULL, &error), &error);
        recs_query_history(other, "i0100", 1, RECS_NO_TIME);
        ok(recs_score_rows(model, other, every, ITEMS, scores, &error), &error);
        for (uint32_t i = 0; i < ITEMS; i++)
            excluded[i] = !is_available(i) || i == 100;
        compare(&m, query, scores, excluded, 12, "similar");
        recs_query_destroy(other);
        recs_query_destroy(query);
        recs_model_release(model);
    }
}

/* A file that lies about its rows harms nobody. */
static void damaged_rows_do_no_harm(void **state) {
    (void)state;
    made m = {.metric = RECS_METRIC_INNER, .storage = RECS_STORAGE_FLOAT32,
              .merge = RECS_MERGE_BEST, .copy = true};
    recs_error error = {0};
    recs_model *model = make_model(&m);
    recs_query *query = NULL;
    uint32_t own[] = {5, 6, 7, 400};
    ok(recs_query_create(&query, NULL, &error), &error);
    uint32_t *items = (uint32_t *)(uintptr_t)recs__model_view(model)->components[0].vector_items;
    items[100] = UINT32_MAX;
    items[200] = ITEMS;
    items[300] = 3;
    for (int filter = 0; filter < 2; filter++) {
        recs_query_history_rows(query, own, NULL, NULL, 4);
        recs_query_limit(query, 50);
        for (uint32_t i = 0; filter == 1 && i < ITEMS; i += 40)
            recs_query_allow_rows(query, &i, 1);
        ok(recs_recommend(model, query, &error), &error);
        for (size_t i = 0; i < recs_query_count(query); i++)
            assert_true(recs_query_row(query, i) < ITEMS);
    }
    recs_query_destroy(query);
    recs_model_release(model);
}

static void failed_allocations_are_survived(void **state) {
    (void)state;
    made m = {.metric = RECS_METRIC_COSINE, .storage = RECS_STORAGE_INT8,
              .merge = RECS_MERGE_BEST, .copy = true};
    recs_model *model = make_model(&m);
    uint32_t own[] = {5, 6, 7, 400};
    fault_host faults;
    fault_host_init(&faults);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_query *query = NULL;
        if (!fault_passed(&faults, recs_query_create(&query, &faults.host, &error), &error))
            continue;
        recs_query_history_rows(query, own, NULL, NULL, 4);
        (void)fault_passed(&faults, recs_recommend(model, query, &error), &error);
        recs_query_destroy(query);
    }
    fault_host_done(&faults);
    /* Asked again, it takes no memory. */
    recs_error error = {0};
    recs_query *query = NULL;
    ok(recs_query_create(&query, NULL, &error), &error);
    recs_query_history_rows(query, own, NULL, NULL, 4);
    ok(recs_recommend(model, query, &error), &error);
    size_t memory = recs_query_memory(query);
    ok(recs_recommend(model, query, &error), &error);
    assert_int_equal(memory, recs_query_memory(query));
    recs_query_destroy(query);
    recs_model_release(model);
}

int main(void) {
    recs_pool *pool;
    recs__host_init(&alone, NULL, NULL);
    threads = alone;
    for (uint32_t i = 0; i < ITEMS; i++)
        every[i] = i;
    if (recs_pool_create(&pool, 3, NULL, NULL) != RECS_OK)
        return 1;
    threads.run = recs_pool_run;
    threads.executor_data = pool;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_storage_and_merge),
        cmocka_unit_test(similar_and_rows),
        cmocka_unit_test(damaged_rows_do_no_harm),
        cmocka_unit_test(failed_allocations_are_survived),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    recs_pool_destroy(pool);
    return failed;
}
