/* The content component: scores beside sums in double, reasons that add up, blends, items
 * without a vector, and the same bits as recs_knn. */
#include "kernels/kernels.h"
#include "model/format.h"
#include "recs.h"
#include "recs/writer.h"
#include "support/fault_host.h"
#include "support/made_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 1100, DIMENSION = 12, STRIDE = 16 };

static float vectors[ITEMS][DIMENSION];

static bool has_vector(uint32_t item) { return item % 5 != 3; }

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s", error->text);
}

/* popular, content, and a blend of both; ids i0000 …; float32 or int8. */
static recs_model *make_model(uint32_t metric, uint32_t storage, uint32_t merge) {
    recs_error error = {0};
    recs_writer *writer = NULL;
    recs_model *model = NULL;
    static uint64_t offsets[ITEMS + 1];
    static char bytes[ITEMS * 6 + 1];
    static uint32_t order[ITEMS], items[ITEMS];
    static float popular[ITEMS], rows[ITEMS][STRIDE], norms[ITEMS], scales[ITEMS];
    static int8_t codes[ITEMS][STRIDE];
    recs__random random;
    uint32_t count = 0;
    recs__random_seed(&random, 11);
    memset(rows, 0, sizeof rows);
    for (uint32_t i = 0; i < ITEMS; i++) {
        offsets[i] = i * 6;
        snprintf(bytes + i * 6, 7, "i%04u", i);
        order[i] = i;
        popular[i] = (float)(ITEMS - i);
        for (size_t j = 0; j < DIMENSION; j++)
            vectors[i][j] = recs__random_normal(&random) + 0.5f;
        if (!has_vector(i))
            continue;
        float largest = 0;
        for (size_t j = 0; j < DIMENSION; j++)
            largest = fmaxf(largest, fabsf(vectors[i][j]));
        scales[count] = largest / 127;
        for (size_t j = 0; j < DIMENSION; j++) {
            codes[count][j] = (int8_t)rintf(vectors[i][j] / scales[count]);
            if (storage == RECS_STORAGE_INT8)
                vectors[i][j] = scales[count] * (float)codes[count][j];
            rows[count][j] = vectors[i][j];
        }
        norms[count] = sqrtf(recs__kernels_get()->dot(rows[count], rows[count], DIMENSION));
        items[count++] = i;
    }
    offsets[ITEMS] = ITEMS * 6;
    recs__file_meta meta = {.items = ITEMS, .first_time = RECS_NO_TIME, .last_time = RECS_NO_TIME,
                            .components = 3, .terms = 2};
    recs__file_component components[3] = {
        {.name = "popular", .trainer = "popular", .kind = RECS__KIND_POPULAR, .scale = 0.001f,
         .scale_similar = 1},
        {.name = "content", .trainer = "content", .kind = RECS__KIND_VECTORS, .factors = DIMENSION,
         .scale = 1, .scale_similar = 1, .rows = count, .metric = metric, .storage = storage,
         .merge = merge},
        {.name = "home", .trainer = "blend", .kind = RECS__KIND_BLEND, .scale = 1,
         .scale_similar = 1, .term_count = 2}};
    recs__file_term terms[] = {{0, 0.25f}, {1, 0.75f}};
    ok(recs_writer_create(&writer, NULL, NULL, &error), &error);
#define PUT(type, component, from, size) \
    ok(recs_writer_section(writer, type, component, 0, from, size, &error), &error)
    PUT(RECS_SECTION_META, RECS_SECTION_MODEL, &meta, sizeof meta);
    PUT(RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, components, sizeof components);
    PUT(RECS_SECTION_TERMS, RECS_SECTION_MODEL, terms, sizeof terms);
    PUT(RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_MODEL, offsets, sizeof offsets);
    PUT(RECS_SECTION_ITEM_ID_BYTES, RECS_SECTION_MODEL, bytes, ITEMS * 6);
    PUT(RECS_SECTION_POPULAR_ORDER, RECS_SECTION_MODEL, order, sizeof order);
    PUT(RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, popular, sizeof popular);
    if (storage == RECS_STORAGE_INT8) {
        PUT(RECS_SECTION_VECTORS, 1, codes, count * STRIDE);
        PUT(RECS_SECTION_VECTOR_SCALES, 1, scales, count * sizeof *scales);
    } else {
        PUT(RECS_SECTION_VECTORS, 1, rows, count * sizeof *rows);
    }
    PUT(RECS_SECTION_VECTOR_NORMS, 1, norms, count * sizeof *norms);
    PUT(RECS_SECTION_VECTOR_ITEMS, 1, items, count * sizeof *items);
    ok(recs_writer_finish(writer, &model, &error), &error);
    recs_writer_destroy(writer);
    return model;
}

static const uint32_t mine[] = {4, 17, 500, 503, 900};
static const float weights[] = {1, 2, 0.5f, 3, -1}; /* 503 has no vector, 900 is disliked */

/* What the component should say of an item. */
static double expected(uint32_t metric, uint32_t merge, uint32_t item) {
    double mean[DIMENSION] = {0}, total = 3.5, best = -1e30, length = 0, dot = 0, own = 0;
    for (size_t h = 0; h < 3; h++) {
        float score = made_vectors_score((int32_t)metric, vectors[mine[h]], vectors[item],
                                         DIMENSION);
        best = (double)score > best ? (double)score : best;
        double norm = 0;
        for (size_t j = 0; j < DIMENSION; j++)
            norm += (double)vectors[mine[h]][j] * vectors[mine[h]][j];
        for (size_t j = 0; j < DIMENSION; j++)
            mean[j] += weights[h] / total * vectors[mine[h]][j] /
                       (metric == RECS_METRIC_COSINE ? sqrt(norm) : 1.0);
    }
    if (merge == RECS_MERGE_BEST)
        return best;
    for (size_t j = 0; j < DIMENSION; j++) {
        length += mean[j] * mean[j];
        own += (double)vectors[item][j] * vectors[item][j];
        dot += mean[j] * vectors[item][j];
    }
    return metric == RECS_METRIC_COSINE  ? dot / sqrt(length * own)
           : metric == RECS_METRIC_INNER ? dot
                                         : -(length + own - 2 * dot);
}

static void test_scores(void **state) {
    (void)state;
    for (uint32_t metric = 0; metric < 3; metric++)
        for (uint32_t merge = 0; merge < 2; merge++)
            for (uint32_t storage = 0; storage < 4; storage += 3) {
                recs_error error = {0};
                recs_model *model = make_model(metric, storage, merge);
                recs_query *query = NULL;
                static uint32_t rows[ITEMS];
                static float scores[ITEMS], blended[ITEMS];
                ok(recs_model_verify(model, &error), &error);
                ok(recs_query_create(&query, NULL, &error), &error);
                recs_query_history_rows(query, mine, weights, NULL, 5);
                recs_query_component(query, "content");
                recs_query_limit(query, ITEMS);
                recs_query_evidence_only(query, 1);
                for (uint32_t i = 0; i < ITEMS; i++)
                    rows[i] = i;
                ok(recs_score_rows(model, query, rows, ITEMS, scores, &error), &error);
                for (uint32_t i = 0; i < ITEMS; i++) {
                    double score = has_vector(i) ? expected(metric, merge, i) : 0.0;
                    if (fabs((double)scores[i] - score) > 1e-4 * (1 + fabs(score)))
                        fail_msg("metric %u merge %u item %u: %g, expected %g", metric, merge, i,
                                 (double)scores[i], score);
                }
                ok(recs_recommend(model, query, &error), &error);
                assert_int_equal(recs_query_count(query), ITEMS * 4 / 5 - 4);
                for (size_t i = 0; i < recs_query_count(query); i++) {
                    uint32_t row = recs_query_row(query, i);
                    assert_true(has_vector(row) && row != 4 && row != 17 && row != 900);
                    assert_true(recs_query_score(query, i) == scores[row]);
                    assert_true(i == 0 ||
                                recs_query_score(query, i) <= recs_query_score(query, i - 1));
                }
                /* Reasons add up; an own item each. */
                ok(recs_explain(model, query, 3, &error), &error);
                double sum = 0, largest = 0;
                size_t own = 0;
                for (size_t r = 0; r < recs_query_reason_count(query); r++) {
                    double part = recs_query_reason_contribution(query, r);
                    sum += part;
                    if (recs_query_reason_kind(query, r) == RECS_REASON_VECTOR)
                        own++;
                    else
                        largest = fmax(largest, fabs(part));
                }
                assert_true(fabs(sum - (double)recs_query_score(query, 3)) < 1e-5);
                assert_int_equal(own, merge == RECS_MERGE_BEST     ? 1
                                      : metric != RECS_METRIC_L2 ? 3
                                                                   : 0);
                assert_true(own == 0 || largest < 1e-4);

                /* The blend is what it says. */
                recs_query_component(query, "home");
                ok(recs_score_rows(model, query, rows, ITEMS, blended, &error), &error);
                for (uint32_t i = 0; i < ITEMS; i++)
                    assert_true(fabsf(blended[i] - (0.25f * 0.001f * (float)(ITEMS - i) +
                                                    0.75f * scores[i])) < 1e-4f);
                ok(recs_recommend(model, query, &error), &error);
                assert_int_equal(recs_query_count(query), ITEMS - 5);
                ok(recs_explain(model, query, 0, &error), &error);
                assert_true(recs_query_reason_count(query) >= 1);
                ok(recs_why_not(model, query, "i0017", &error), &error);
                assert_int_equal(recs_query_verdict(query), RECS_VERDICT_SEEN);
                recs_query_destroy(query);
                recs_model_release(model);
            }
}

/* similar is recs_knn by item, to the bit; an item without a vector has none. */
static void test_similar(void **state) {
    (void)state;
    recs_error error = {0};
    recs_model *model = make_model(RECS_METRIC_COSINE, RECS_STORAGE_INT8, RECS_MERGE_CENTROID);
    recs_vectors *set = NULL;
    recs_query *query = NULL, *other = NULL;
    ok(recs_vectors_open_model(&set, model, NULL, NULL, NULL, &error), &error);
    assert_int_equal(recs_vectors_count(set), ITEMS * 4 / 5);
    ok(recs_query_create(&query, NULL, &error), &error);
    ok(recs_query_create(&other, NULL, &error), &error);
    recs_query_component(query, "content");
    recs_query_item(query, "i0100");
    recs_query_item(other, "i0100");
    ok(recs_similar(model, query, &error), &error);
    ok(recs_knn(set, other, &error), &error);
    for (size_t i = 0; i < 10; i++) {
        assert_string_equal(recs_query_id(query, i), recs_query_id(other, i));
        assert_true(recs_query_score(query, i) == recs_query_score(other, i));
    }
    ok(recs_explain(model, query, 0, &error), &error);
    assert_int_equal(recs_query_reason_kind(query, 0), RECS_REASON_SIMILAR);
    recs_query_item(query, "i0503");
    recs_query_evidence_only(query, 1);
    ok(recs_similar(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), 0);
    recs_query_item(other, "i0503");
    assert_int_equal(recs_knn(set, other, &error), RECS_ERR_NOT_FOUND);
    /* An allow list goes another way through the same scores. */
    recs_query_item(query, "i0100");
    uint32_t allowed[] = {9, 3, 700};
    recs_query_allow_rows(query, allowed, 3);
    ok(recs_similar(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), 2);
    /* One item in a history is that item. */
    recs_query_reset(query);
    recs_query_component(query, "content");
    recs_query_history(query, "i0100", 3, RECS_NO_TIME);
    ok(recs_recommend(model, query, &error), &error);
    ok(recs_explain(model, query, 0, &error), &error);
    assert_string_equal(recs_query_reason_id(query, 0), "i0100");
    assert_true(fabs(recs_query_reason_contribution(query, 0) -
                     (double)recs_query_score(query, 0)) < 1e-5);
    recs_query_destroy(other);
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    recs_model_release(model);
}

static int32_t even_alone(void *data, const char *bytes, const uint32_t *offsets, size_t count,
                          uint8_t *keep) {
    for (size_t i = 0; i < count; i++)
        keep[i] = (bytes[offsets[i + 1] - 1] - '0') % 2 == 0;
    *(size_t *)data += count;
    return RECS_OK;
}

static void test_filters_of_every_verb(void **state) {
    (void)state;
    recs_error error = {0};
    recs_model *model = make_model(RECS_METRIC_COSINE, RECS_STORAGE_FLOAT32, RECS_MERGE_CENTROID);
    recs_query *query = NULL;
    size_t asked = 0;
    ok(recs_query_create(&query, NULL, &error), &error);
    recs_query_limit(query, ITEMS);
    recs_query_component(query, "popular");
    recs_query_predicate(query, even_alone, &asked);
    ok(recs_recommend(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), ITEMS / 2);
    assert_int_equal(asked, ITEMS);
    ok(recs_why_not(model, query, "i0017", &error), &error);
    assert_int_equal(recs_query_verdict(query), RECS_VERDICT_FILTERED);
    uint64_t bits[ITEMS / 64 + 1] = {0};
    for (uint32_t i = 0; i < 200; i++)
        bits[i >> 6] |= UINT64_C(1) << (i & 63);
    recs_query_allow_bits(query, bits, 150);
    ok(recs_recommend(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), 75);
    recs_query_allow(query, "i0100");
    recs_query_allow(query, "i0160");
    ok(recs_recommend(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), 1);
    assert_string_equal(recs_query_id(query, 0), "i0100");
    recs_query_reset(query);
    ok(recs_recommend(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), 10);
    recs_query_destroy(query);
    recs_model_release(model);
}

/* New items beside the mapped ones: scored as if they had been trained, filtered by id,
 * explained, alone and in a blend. */
static void test_overlay(void **state) {
    (void)state;
    enum { NEW = 40 };
    for (uint32_t merge = 0; merge < 2; merge++) {
        recs_error error = {0};
        recs_model *model = make_model(RECS_METRIC_COSINE, RECS_STORAGE_FLOAT32, merge);
        recs_model *other = make_model(RECS_METRIC_COSINE, RECS_STORAGE_INT8, merge);
        recs_vectors *set = NULL, *foreign = NULL;
        recs_query *query = NULL;
        ok(recs_vectors_open_model(&set, model, "content", NULL, NULL, &error), &error);
        ok(recs_vectors_open_model(&foreign, other, "content", NULL, NULL, &error), &error);
        /* Copies of items, a little turned, and one that the model knows by its id. */
        for (uint32_t i = 0; i < NEW; i++) {
            char id[16];
            float vector[DIMENSION];
            uint32_t offsets[2] = {0, (uint32_t)snprintf(id, sizeof id, i == 7 ? "i0003" : "new%02u", i)};
            memcpy(vector, vectors[5 * i], sizeof vector);
            vector[i % DIMENSION] += 0.05f;
            ok(recs_vectors_add(set, id, offsets, vector, DIMENSION, 1, &error), &error);
        }
        ok(recs_query_create(&query, NULL, &error), &error);
        for (int blend = 0; blend < 2; blend++) {
            recs_query_reset(query);
            recs_query_history_rows(query, mine, weights, NULL, 5);
            recs_query_component(query, blend ? "home" : "content");
            recs_query_limit(query, 2 * ITEMS);
            recs_query_overlay(query, set);
            ok(recs_recommend(model, query, &error), &error);
            size_t fresh = 0, explained = 0;
            double last = 1e30;
            for (size_t i = 0; i < recs_query_count(query); i++) {
                bool evident = recs_query_source(query, i) == RECS_FROM_COMPONENT;
                assert_true(!evident || recs_query_score(query, i) <= last);
                last = evident ? (double)recs_query_score(query, i) : last;
                if (strncmp(recs_query_id(query, i), "new", 3) != 0)
                    continue;
                assert_true((recs_query_row(query, i) & 0x80000000u) != 0 && evident);
                fresh++;
                uint32_t like = 5 * (uint32_t)atoi(recs_query_id(query, i) + 3);
                double score = expected(RECS_METRIC_COSINE, merge, like) * (blend ? 0.75 : 1);
                assert_true(fabs((double)recs_query_score(query, i) - score) < 0.05);
                ok(recs_explain(model, query, i, &error), &error);
                double sum = 0;
                for (size_t r = 0; r < recs_query_reason_count(query); r++) {
                    sum += recs_query_reason_contribution(query, r);
                    explained += recs_query_reason_kind(query, r) == RECS_REASON_VECTOR;
                }
                assert_true(fabs(sum - (double)recs_query_score(query, i)) < 1e-5);
            }
            assert_int_equal(fresh, NEW - 1);
            assert_int_equal(explained, (NEW - 1) * (merge ? 1 : 3));
            assert_int_equal(recs_query_count(query), ITEMS - 5 + NEW - 1);
        }
        /* Filters by id. */
        recs_query_reset(query);
        recs_query_item(query, "i0100");
        recs_query_component(query, "content");
        recs_query_limit(query, 3);
        recs_query_overlay(query, set);
        ok(recs_similar(model, query, &error), &error);
        assert_string_equal(recs_query_id(query, 0), "new20"); /* the copy of 100 */
        recs_query_deny(query, "new20");
        ok(recs_similar(model, query, &error), &error);
        assert_string_not_equal(recs_query_id(query, 0), "new20");
        recs_query_reset(query);
        recs_query_component(query, "content");
        recs_query_history(query, "i0100", 1, RECS_NO_TIME);
        recs_query_history(query, "new20", 1, RECS_NO_TIME);
        recs_query_allow(query, "new20");
        recs_query_allow(query, "new21");
        recs_query_overlay(query, set);
        ok(recs_recommend(model, query, &error), &error);
        assert_int_equal(recs_query_count(query), 1);
        assert_string_equal(recs_query_id(query, 0), "new21");
        ok(recs_vectors_remove(set, "new21", (uint32_t[]){0, 5}, 1, NULL, &error), &error);
        assert_int_equal(recs_explain(model, query, 0, &error), RECS_ERR_STATE);
        ok(recs_recommend(model, query, &error), &error);
        assert_int_equal(recs_query_count(query), 0);
        recs_query_overlay(query, foreign);
        assert_int_equal(recs_recommend(model, query, &error), RECS_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "another model"));
        recs_query_destroy(query);
        recs_vectors_destroy(set);
        recs_vectors_destroy(foreign);
        recs_model_release(model);
        recs_model_release(other);
    }
}

/* A set of the model with new items: copies, a little turned, and one that the model knows. */
static recs_vectors *with_new(recs_model *model, uint32_t count) {
    recs_error error = {0};
    recs_vectors *set = NULL;
    ok(recs_vectors_open_model(&set, model, "content", NULL, NULL, &error), &error);
    for (uint32_t i = 0; i < count; i++) {
        char id[16];
        float vector[DIMENSION];
        uint32_t offsets[2] = {
            0, (uint32_t)snprintf(id, sizeof id, i == 7 ? "i0003" : "new%02u", i)};
        memcpy(vector, vectors[5 * i], sizeof vector);
        vector[i % DIMENSION] += 0.05f;
        ok(recs_vectors_add(set, id, offsets, vector, DIMENSION, 1, &error), &error);
    }
    return set;
}

/* The same as recs_knn on the set says, but for the item the model knows without a vector. */
static void same_as_knn(const recs_query *query, const recs_query *knn) {
    size_t at = 0;
    assert_true(recs_query_count(query) > 20);
    for (size_t i = 0; i < recs_query_count(query); i++, at++) {
        float got = recs_query_score(query, i), expect;
        if (strcmp(recs_query_id(knn, at), "i0003") == 0)
            at++;
        expect = recs_query_score(knn, at);
        if (strcmp(recs_query_id(query, i), recs_query_id(knn, at)) != 0 || got != expect)
            fail_msg("%zu: %s %.9g, expected %s %.9g", i, recs_query_id(query, i), (double)got,
                     recs_query_id(knn, at), (double)expect);
    }
}

static double sum_of_reasons(const recs_query *query, const char *id, int32_t kind, size_t *named) {
    double sum = 0;
    *named = 0;
    for (size_t r = 0; r < recs_query_reason_count(query); r++) {
        const char *reason = recs_query_reason_id(query, r);
        sum += recs_query_reason_contribution(query, r);
        *named += reason != NULL && strcmp(reason, id) == 0 &&
                  recs_query_reason_kind(query, r) == kind;
    }
    return sum;
}

/* A new item as the one asked about. */
static void test_similar_to_a_new_item(void **state) {
    (void)state;
    for (uint32_t n = 0; n < 6; n++) {
        recs_error error = {0};
        recs_model *model = make_model(n % 3, n < 3 ? RECS_STORAGE_FLOAT32 : RECS_STORAGE_INT8,
                                       n % 2);
        recs_vectors *set = with_new(model, 40);
        recs_query *query = NULL, *knn = NULL;
        size_t named;
        ok(recs_query_create(&query, NULL, &error), &error);
        ok(recs_query_create(&knn, NULL, &error), &error);
        recs_query_item(query, "new21");
        recs_query_item(knn, "new21");
        recs_query_component(query, "content");
        recs_query_evidence_only(query, 1);
        recs_query_limit(query, 60);
        recs_query_limit(knn, 61);
        assert_int_equal(recs_similar(model, query, &error), RECS_ERR_NOT_FOUND);
        recs_query_overlay(query, set);
        ok(recs_similar(model, query, &error), &error);
        assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_SCAN);
        ok(recs_knn(set, knn, &error), &error);
        same_as_knn(query, knn);
        for (size_t i = 0; i < 60; i += 7) {
            ok(recs_explain(model, query, i, &error), &error);
            double sum = sum_of_reasons(query, "new21", RECS_REASON_SIMILAR, &named);
            assert_true(fabs(sum - (double)recs_query_score(query, i)) < 1e-5 && named == 1);
        }
        recs_query_component(query, "popular"); /* which does not know it */
        ok(recs_similar(model, query, &error), &error);
        assert_int_equal(recs_query_count(query), 0);
        recs_query_component(query, "home");
        ok(recs_similar(model, query, &error), &error);
        assert_int_equal(recs_query_count(query), 60);
        recs_query_item(query, "new99");
        assert_int_equal(recs_similar(model, query, &error), RECS_ERR_NOT_FOUND);
        recs_query_destroy(query);
        recs_query_destroy(knn);
        recs_vectors_destroy(set);
        recs_model_release(model);
    }
}

/* New items in the history. */
static void test_new_items_in_the_history(void **state) {
    (void)state;
    for (uint32_t n = 0; n < 12; n++) {
        recs_error error = {0};
        recs_model *model = make_model(n % 3, n < 6 ? RECS_STORAGE_FLOAT32 : RECS_STORAGE_INT8,
                                       n / 3 % 2);
        recs_vectors *set = with_new(model, 40);
        recs_query *query = NULL, *knn = NULL;
        static uint32_t rows[ITEMS];
        static float scores[ITEMS];
        size_t named;
        ok(recs_query_create(&query, NULL, &error), &error);
        ok(recs_query_create(&knn, NULL, &error), &error);
        for (int i = 0; i < 2; i++) {
            recs_query *to = i != 0 ? knn : query;
            recs_query_history(to, "new21", 0.25f, RECS_NO_TIME);
            recs_query_history(to, "i0100", 2, RECS_NO_TIME);
            recs_query_history(to, "new05", 1, RECS_NO_TIME);
            recs_query_history(to, "new21", 0.5f, RECS_NO_TIME);
            recs_query_history(to, "nobody", 1, RECS_NO_TIME);
            recs_query_dislike(to, "new09", 1);
        }
        recs_query_component(query, "content");
        recs_query_evidence_only(query, 1);
        recs_query_limit(query, 60);
        recs_query_limit(knn, 61);
        recs_query_merge(knn, n / 3 % 2);
        recs_query_overlay(query, set);
        ok(recs_recommend(model, query, &error), &error);
        assert_int_equal(recs_query_ignored(query), 1);
        ok(recs_knn(set, knn, &error), &error);
        same_as_knn(query, knn);
        for (uint32_t i = 0; i < ITEMS; i++)
            rows[i] = i;
        ok(recs_score_rows(model, query, rows, ITEMS, scores, &error), &error);
        size_t from = 0;
        for (size_t i = 0; i < 60; i++) {
            uint32_t row = recs_query_row(query, i);
            assert_true(row >= ITEMS || scores[row] == recs_query_score(query, i));
            ok(recs_explain(model, query, i, &error), &error);
            double sum = sum_of_reasons(query, "new21", RECS_REASON_VECTOR, &named);
            assert_true(fabs(sum - (double)recs_query_score(query, i)) <
                        1e-5 * (1 + fabs(sum)));
            from += named;
        }
        if (n / 3 % 2 == RECS_MERGE_BEST)
            assert_in_range(from, 1, 59);
        else
            assert_int_equal(from, n % 3 == RECS_METRIC_L2 ? 0 : 60);
        recs_query_overlay(query, NULL);
        ok(recs_recommend(model, query, &error), &error);
        assert_int_equal(recs_query_ignored(query), 5);
        recs_query_destroy(query);
        recs_query_destroy(knn);
        recs_vectors_destroy(set);
        recs_model_release(model);
    }
}

static void expect_verdict(recs_model *model, recs_query *query, const char *item,
                           int32_t verdict, size_t rank) {
    recs_error error = {0};
    ok(recs_why_not(model, query, item, &error), &error);
    if (recs_query_verdict(query) != verdict || recs_query_verdict_rank(query) != rank)
        fail_msg("%s: %s", item, recs_query_verdict_text(query));
}

/* Why a new item is not shown, and places among new ones; rows refuse. */
static void test_verdicts_with_an_overlay(void **state) {
    (void)state;
    for (uint32_t merge = 0; merge < 2; merge++) {
        recs_error error = {0};
        recs_model *model = make_model(RECS_METRIC_COSINE, RECS_STORAGE_FLOAT32, merge);
        recs_vectors *set = with_new(model, 40);
        recs_query *query = NULL, *all = NULL;
        size_t asked = 0, named;
        ok(recs_query_create(&query, NULL, &error), &error);
        ok(recs_query_create(&all, NULL, &error), &error);
        for (int i = 0; i < 2; i++) {
            recs_query *to = i != 0 ? all : query;
            recs_query_history(to, "i0100", 1, RECS_NO_TIME);
            recs_query_history(to, "new05", 1, RECS_NO_TIME);
            recs_query_history(to, "new06", -2, RECS_NO_TIME);
            recs_query_component(to, "content");
            recs_query_deny(to, "new11");
            recs_query_item(to, "new12");
            recs_query_overlay(to, set);
        }
        recs_query_limit(all, 2 * ITEMS);
        ok(recs_recommend(model, all, &error), &error);
        for (size_t i = 0; i < recs_query_count(all); i += i < 20 ? 1 : 31) {
            int32_t verdict = i < 10 ? RECS_VERDICT_SHOWN : RECS_VERDICT_BELOW;
            expect_verdict(model, query, recs_query_id(all, i), verdict, i);
            assert_true(recs_query_verdict_score(query) == recs_query_score(all, i));
            double sum = sum_of_reasons(query, "new05", RECS_REASON_VECTOR, &named);
            assert_true(fabs(sum - (double)recs_query_score(all, i)) < 1e-5);
        }
        expect_verdict(model, query, "new05", RECS_VERDICT_SEEN, SIZE_MAX);
        expect_verdict(model, query, "new06", RECS_VERDICT_DISLIKED, SIZE_MAX);
        expect_verdict(model, query, "new11", RECS_VERDICT_DENIED, SIZE_MAX);
        expect_verdict(model, query, "new12", RECS_VERDICT_QUERY_ITEM, SIZE_MAX);
        expect_verdict(model, query, "new99", RECS_VERDICT_UNKNOWN, SIZE_MAX);
        expect_verdict(model, query, "new07", RECS_VERDICT_UNKNOWN, SIZE_MAX);
        recs_query_predicate(query, even_alone, &asked);
        expect_verdict(model, query, "new13", RECS_VERDICT_FILTERED, SIZE_MAX);
        recs_query_predicate(query, NULL, NULL);
        recs_query_component(query, "popular");
        expect_verdict(model, query, "new13", RECS_VERDICT_NO_EVIDENCE, SIZE_MAX);
        assert_non_null(strstr(recs_query_verdict_text(query), "new to the model"));
        recs_query_component(query, "content");
        recs_query_allow(query, "new20");
        expect_verdict(model, query, "new13", RECS_VERDICT_NOT_ALLOWED, SIZE_MAX);
        expect_verdict(model, query, "new20", RECS_VERDICT_SHOWN, 0);
        uint32_t row;
        float score;
        assert_int_equal(recs_recommend_rows(model, query, &row, 0, &row, &score, &error),
                         RECS_ERR_UNSUPPORTED);
        assert_non_null(strstr(error.text, "overlay"));
        recs_query_overlay(query, NULL);
        ok(recs_recommend_rows(model, query, &row, 0, &row, &score, &error), &error);
        recs_query_destroy(query);
        recs_query_destroy(all);
        recs_vectors_destroy(set);
        recs_model_release(model);
    }
}

static void test_no_memory_beside_new_items(void **state) {
    (void)state;
    recs_model *model = make_model(RECS_METRIC_COSINE, RECS_STORAGE_INT8, RECS_MERGE_BEST);
    recs_vectors *set = with_new(model, 40);
    fault_host faults;
    fault_host_init(&faults);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_query *query = NULL;
        if (!fault_passed(&faults, recs_query_create(&query, &faults.host, &error), &error))
            continue;
        recs_query_history(query, "i0100", 1, RECS_NO_TIME);
        recs_query_history(query, "new05", 1, RECS_NO_TIME);
        recs_query_component(query, "home");
        recs_query_overlay(query, set);
        if (fault_passed(&faults, recs_recommend(model, query, &error), &error))
            (void)fault_passed(&faults, recs_explain(model, query, 0, &error), &error);
        (void)fault_passed(&faults, recs_why_not(model, query, "new20", &error), &error);
        recs_query_item(query, "new12");
        (void)fault_passed(&faults, recs_similar(model, query, &error), &error);
        recs_query_destroy(query);
    }
    fault_host_done(&faults);
    recs_vectors_destroy(set);
    recs_model_release(model);
}

static void test_no_memory(void **state) {
    (void)state;
    recs_model *model = make_model(RECS_METRIC_COSINE, RECS_STORAGE_INT8, RECS_MERGE_BEST);
    fault_host faults;
    fault_host_init(&faults);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_query *query = NULL;
        if (!fault_passed(&faults, recs_query_create(&query, &faults.host, &error), &error))
            continue;
        recs_query_history_rows(query, mine, weights, NULL, 5);
        recs_query_component(query, "home");
        if (fault_passed(&faults, recs_recommend(model, query, &error), &error))
            (void)fault_passed(&faults, recs_explain(model, query, 0, &error), &error);
        recs_query_destroy(query);
    }
    fault_host_done(&faults);
    recs_model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_similar),
        cmocka_unit_test(test_filters_of_every_verb),
        cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_similar_to_a_new_item),
        cmocka_unit_test(test_new_items_in_the_history),
        cmocka_unit_test(test_verdicts_with_an_overlay),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_memory_beside_new_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
