/* Nearest neighbours beside a search through everything: metrics, storages, blocks,
 * filters, ties, histories, ranges, indexes that miss things, many at once, and
 * searching while somebody adds. */
#include "base/memory.h"
#include "recs.h"
#include "support/fault_host.h"
#include "support/made_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIMENSION = 24, COUNT = 900 };

typedef struct rival {
    float score;
    char id[32];
} rival;

static int better(const void *a, const void *b) {
    const rival *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* Everything in the set but what leave_out says, best first. Scores are the set's own
 * (coarse numbers are exact in float and double alike). */
typedef bool skip_rule(const char *id, void *data);
static size_t rivals_of(const recs_vectors *set, const float *query, skip_rule *leave_out, void *data,
                        rival *out) {
    size_t count = 0;
    float stored[DIMENSION];
    for (uint32_t row = 0; row < recs_vectors_rows(set); row++) {
        char id[RECS_ID_MAX + 1];
        if (recs_vectors_id(set, row, id, NULL) != RECS_OK || (leave_out != NULL && leave_out(id, data)))
            continue;
        assert_int_equal(recs_vectors_get(set, id, stored, DIMENSION, NULL), RECS_OK);
        out[count].score =
            made_vectors_score(recs_vectors_metric(set), query, stored, DIMENSION);
        snprintf(out[count].id, sizeof out[count].id, "%.31s", id);
        count++;
    }
    qsort(out, count, sizeof *out, better);
    return count;
}

static void check_answer(const recs_query *query, const rival *rivals, size_t count, size_t limit) {
    size_t expected = limit < count ? limit : count;
    assert_int_equal(recs_query_count(query), expected);
    for (size_t i = 0; i < expected; i++) {
        float score = recs_query_score(query, i);
        assert_true(fabsf(score - rivals[i].score) <= 1e-4f * (1.0f + fabsf(score)));
        /* Near ties may be in either order. */
        if ((i == 0 || rivals[i - 1].score - rivals[i].score > 1e-4f * (1 + fabsf(score))) &&
            (i + 1 == count || rivals[i].score - rivals[i + 1].score > 1e-4f * (1 + fabsf(score))))
            assert_string_equal(recs_query_id(query, i), rivals[i].id);
    }
}

/* A set of several blocks with some removed. */
static recs_vectors *make_set(const char *description, const made_vectors *made,
                              const recs_vectors_options *options) {
    recs_error error = {0};
    recs_vectors *set = NULL;
    static const size_t ends[] = {0, 600, 850, 890, 899, 900};
    if (recs_vectors_create(&set, DIMENSION, description, options, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i + 1 < sizeof ends / sizeof *ends; i++)
        if (recs_vectors_add(set, made->bytes, made->offsets + ends[i],
                             made->values + ends[i] * DIMENSION, DIMENSION, ends[i + 1] - ends[i],
                             &error) != RECS_OK)
            fail_msg("%s", error.text);
    size_t removed;
    assert_int_equal(recs_vectors_remove(set, made->bytes, made->offsets + 300, 20, &removed, NULL),
                     RECS_OK);
    assert_int_equal(removed, 20);
    return set;
}

static recs_query *new_query(void) {
    recs_query *query = NULL;
    assert_int_equal(recs_query_create(&query, NULL, NULL), RECS_OK);
    return query;
}

static void run(const recs_vectors *set, recs_query *query) {
    recs_error error = {0};
    if (recs_knn(set, query, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static void test_everything(void **state) {
    (void)state;
    static const char *const metrics[] = {"inner", "cosine", "l2"};
    static const char *const storages[] = {"float32", "float16", "bfloat16", "int8"};
    static rival rivals[COUNT];
    for (int coarse = 0; coarse < 2; coarse++)
        for (size_t m = 0; m < 3; m++)
            for (size_t s = 0; s < 4; s++) {
                char text[96];
                made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 10 + m + s, coarse);
                made_vectors asked = made_vectors_of(3, DIMENSION, "q", 70 + s, coarse);
                snprintf(text, sizeof text, "knn(metric=%s, storage=%s)", metrics[m], storages[s]);
                recs_vectors *set = make_set(text, &made, NULL);
                recs_query *query = new_query();
                for (size_t q = 0; q < 3; q++) {
                    const float *vector = asked.values + q * DIMENSION;
                    size_t count = rivals_of(set, vector, NULL, NULL, rivals);
                    assert_int_equal(count, COUNT - 20);
                    recs_query_vector(query, vector, DIMENSION);
                    recs_query_limit(query, q == 2 ? 5000 : 17);
                    run(set, query);
                    check_answer(query, rivals, count, q == 2 ? 5000 : 17);
                    assert_int_equal(recs_query_eligible(query), COUNT - 20);
                }
                recs_query_destroy(query);
                recs_vectors_destroy(set);
                made_vectors_free(&made);
                made_vectors_free(&asked);
            }
}

/* Coarse inner products are exact: ties are in order of ids over all blocks, before and
 * after compacting. */
static void test_ties(void **state) {
    (void)state;
    static rival rivals[COUNT];
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 20, 1);
    recs_vectors *set = make_set("knn(metric=inner)", &made, NULL);
    recs_query *query = new_query();
    recs_query_vector(query, made.values, DIMENSION);
    recs_query_limit(query, 200);
    for (int turn = 0; turn < 2; turn++) {
        size_t count = rivals_of(set, made.values, NULL, NULL, rivals), ties = 0;
        run(set, query);
        for (size_t i = 0; i < 200 && i < count; i++) {
            assert_string_equal(recs_query_id(query, i), rivals[i].id);
            assert_true(recs_query_score(query, i) == rivals[i].score);
            ties += i != 0 && rivals[i].score == rivals[i - 1].score;
        }
        assert_true(ties > 100);
        assert_int_equal(recs_vectors_compact(set, NULL, NULL, NULL), RECS_OK);
        assert_int_equal(recs_vectors_blocks(set), 1);
    }
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

/* ---- filters ------------------------------------------------------------------------------ */

static int number_of(const char *id) { return atoi(id + 1); }

static bool not_by_seven(const char *id, void *data) {
    (void)data;
    return number_of(id) % 7 != 0;
}
static bool odd(const char *id, void *data) {
    (void)data;
    return number_of(id) % 2 != 0;
}
static bool not_by_fourteen(const char *id, void *data) {
    return not_by_seven(id, data) || odd(id, data);
}

static size_t asked_about;
static int32_t keep_even(void *data, const char *bytes, const uint32_t *offsets, size_t count,
                         uint8_t *keep) {
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(bytes[offsets[i]], 'v');
        keep[i] = (bytes[offsets[i + 1] - 1] - '0') % 2 == 0;
    }
    asked_about += count;
    return data != NULL ? *(int32_t *)data : RECS_OK;
}

static void test_filters(void **state) {
    (void)state;
    static rival rivals[COUNT];
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 30, 0);
    recs_vectors *set = make_set("knn(metric=cosine)", &made, NULL);
    recs_query *query = new_query();
    const float *vector = made.values + 5 * DIMENSION;

    /* An allow list by id. */
    recs_query_vector(query, vector, DIMENSION);
    recs_query_limit(query, 40);
    for (int i = 0; i < COUNT; i += 7) {
        char id[16];
        snprintf(id, sizeof id, "v%d", i);
        recs_query_allow(query, id);
    }
    recs_query_allow(query, "nobody");
    run(set, query);
    size_t count = rivals_of(set, vector, not_by_seven, NULL, rivals);
    check_answer(query, rivals, count, 40);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_LISTED);
    assert_int_equal(recs_query_eligible(query), count);
    assert_true(recs_query_ignored(query) >= 1);
    assert_true(recs_query_scored(query) < COUNT / 2);

    /* And with a predicate on top. */
    recs_query_predicate(query, keep_even, NULL);
    run(set, query);
    count = rivals_of(set, vector, not_by_fourteen, NULL, rivals);
    check_answer(query, rivals, count, 40);

    /* The predicate alone: it is asked about few. */
    recs_query_reset(query);
    recs_query_vector(query, vector, DIMENSION);
    recs_query_limit(query, 10);
    recs_query_predicate(query, keep_even, NULL);
    asked_about = 0;
    run(set, query);
    count = rivals_of(set, vector, odd, NULL, rivals);
    check_answer(query, rivals, count, 10);
    assert_true(asked_about <= 200);
    recs_query_limit(query, 2000);
    run(set, query);
    check_answer(query, rivals, count, 2000);

    /* What it returns is what the verb returns. */
    int32_t refusal = RECS_ERR_CALLBACK;
    recs_error error = {0};
    recs_query_predicate(query, keep_even, &refusal);
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_CALLBACK);
    assert_non_null(strstr(error.text, "predicate"));
    assert_int_equal(recs_query_count(query), 0);
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

/* A bitmap, of rows; and deny. */
static void test_bitmaps(void **state) {
    (void)state;
    static rival rivals[COUNT];
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 30, 0);
    recs_vectors *set = make_set("knn(metric=cosine)", &made, NULL);
    recs_query *query = new_query();
    const float *vector = made.values + 5 * DIMENSION;
    recs_error error = {0};
    size_t count;
    uint64_t bits[COUNT / 64 + 1] = {0};
    uint32_t rows = (uint32_t)recs_vectors_rows(set), denied = RECS_NO_ROW;
    for (uint32_t row = 0; row < rows; row++) {
        char id[RECS_ID_MAX + 1];
        if (recs_vectors_id(set, row, id, NULL) != RECS_OK || odd(id, NULL))
            continue;
        bits[row >> 6] |= UINT64_C(1) << (row & 63);
        denied = row;
    }
    recs_query_vector(query, vector, DIMENSION);
    recs_query_limit(query, 1000);
    recs_query_allow_bits(query, bits, rows);
    count = rivals_of(set, vector, odd, NULL, rivals);
    run(set, query);
    check_answer(query, rivals, count, 1000);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_MASKED);
    recs_query_deny_rows(query, &denied, 1);
    run(set, query);
    assert_int_equal(recs_query_count(query), count - 1);
    denied = rows;
    recs_query_deny_rows(query, &denied, 1);
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "generation"));
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

/* ---- items, histories, ranges ----------------------------------------------------------------- */

static bool is_one_of(const char *id, void *data) {
    for (const char *const *one = data; *one != NULL; one++)
        if (strcmp(*one, id) == 0)
            return true;
    return false;
}

static void test_histories(void **state) {
    (void)state;
    static rival rivals[COUNT], best[COUNT];
    static const char *const metrics[] = {"inner", "cosine", "l2"};
    const char *mine[] = {"v3", "v77", "v500", NULL};
    const float weights[] = {1.0f, 3.0f, 0.5f};
    for (size_t m = 0; m < 3; m++) {
        char text[64];
        snprintf(text, sizeof text, "knn(metric=%s)", metrics[m]);
        made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 40, 0);
        recs_vectors *set = make_set(text, &made, NULL);
        recs_query *query = new_query();
        float vectors[3][DIMENSION], mean[DIMENSION] = {0};
        for (size_t i = 0; i < 3; i++) {
            float norm = 0;
            recs_query_history(query, mine[i], weights[i], RECS_NO_TIME);
            if (recs_vectors_get(set, mine[i], vectors[i], DIMENSION, NULL) != RECS_OK)
                fail();
            for (size_t j = 0; j < DIMENSION; j++)
                norm += vectors[i][j] * vectors[i][j];
            for (size_t j = 0; j < DIMENSION; j++)
                mean[j] += vectors[i][j] * weights[i] / 4.5f / (m == 1 ? sqrtf(norm) : 1.0f);
        }
        recs_query_history(query, "nobody", 1.0f, RECS_NO_TIME);
        recs_query_limit(query, 25);
        run(set, query);
        assert_int_equal(recs_query_ignored(query), 1);
        size_t count = rivals_of(set, mean, is_one_of, (void *)mine, rivals);
        check_answer(query, rivals, count, 25);

        recs_query_merge(query, RECS_MERGE_BEST);
        run(set, query);
        for (size_t i = 0; i < 3; i++) {
            static rival one[COUNT];
            size_t n = rivals_of(set, vectors[i], is_one_of, (void *)mine, one);
            assert_int_equal(n, count);
            for (size_t a = 0; a < n; a++)
                for (size_t b = 0; b < n; b++)
                    if (i == 0 ? a == b : strcmp(best[a].id, one[b].id) == 0)
                        best[a] = i == 0 ? one[b] : best[a].score < one[b].score ? one[b] : best[a];
        }
        qsort(best, count, sizeof *best, better);
        check_answer(query, best, count, 25);

        /* Seen items come back when asked for. */
        recs_query_exclude_seen(query, 0, RECS_NO_TIME);
        run(set, query);
        assert_true(m == 0 || is_one_of(recs_query_id(query, 0), (void *)mine));

        /* Nobody the set knows: an empty answer, not an error. */
        recs_query_reset(query);
        recs_query_history(query, "nobody", 1.0f, RECS_NO_TIME);
        for (int merge = 0; merge < 2; merge++) {
            recs_query_merge(query, merge);
            run(set, query);
            assert_int_equal(recs_query_count(query), 0);
        }
        recs_query_destroy(query);
        recs_vectors_destroy(set);
        made_vectors_free(&made);
    }
}

static void test_items_and_ranges(void **state) {
    (void)state;
    static rival rivals[COUNT];
    recs_error error = {0};
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 50, 0);
    recs_vectors *set = make_set("knn(metric=l2)", &made, NULL);
    recs_query *query = new_query();
    const char *self[] = {"v123", NULL};
    float vector[DIMENSION];
    assert_int_equal(recs_vectors_get(set, "v123", vector, DIMENSION, NULL), RECS_OK);
    size_t count = rivals_of(set, vector, is_one_of, (void *)self, rivals);
    recs_query_item(query, "v123");
    run(set, query);
    check_answer(query, rivals, count, 10);

    recs_query_limit(query, 1000);
    float radius = sqrtf(0.5f * (-rivals[41].score - rivals[42].score));
    recs_query_radius(query, radius);
    run(set, query);
    assert_int_equal(recs_query_count(query), 42);
    recs_query_radius(query, 0);
    run(set, query);
    assert_int_equal(recs_query_count(query), 0);
    recs_query_exclude_seen(query, 0, RECS_NO_TIME);
    recs_query_radius(query, -1);
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_query_radius(query, NAN), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_ARGUMENT);

    recs_query_reset(query);
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "nothing to search by"));
    recs_query_item(query, "nobody");
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_NOT_FOUND);
    recs_query_vector(query, vector, DIMENSION); /* the item only is not to be shown */
    run(set, query);
    recs_query_vector(query, vector, DIMENSION - 1);
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "dimension 23, the set has 24"));
    vector[4] = NAN;
    assert_int_equal(recs_query_vector(query, vector, DIMENSION), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "column 4"));
    recs_query_destroy(query);
    recs_vectors_destroy(set);

    /* A zero query has no cosine; an empty set has no neighbours. */
    assert_int_equal(recs_vectors_create(&set, DIMENSION, NULL, NULL, NULL, NULL), RECS_OK);
    query = new_query();
    memset(vector, 0, sizeof vector);
    recs_query_vector(query, vector, DIMENSION);
    assert_int_equal(recs_knn(set, query, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "zero"));
    vector[3] = 1e-30f; /* tiny is not zero */
    recs_query_vector(query, vector, DIMENSION);
    run(set, query);
    assert_int_equal(recs_query_count(query), 0);
    recs_query_limit(query, 0);
    run(set, query);
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

/* ---- indexes ------------------------------------------------------------------------------------ */

static void test_index(void **state) {
    (void)state;
    static rival rivals[COUNT];
    recs_vectors_options options = {.struct_size = sizeof options, .backend = &made_backend};
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 60, 0);
    recs_vectors *set = make_set("knn(metric=cosine, storage=int8, index=made)", &made, &options);
    recs_query *query = new_query();
    const float *vector = made.values;
    recs_query_vector(query, vector, DIMENSION);
    recs_query_limit(query, 30);
    made_backend_miss = 0;
    made_backend_blind = 0;

    size_t count = rivals_of(set, vector, NULL, NULL, rivals);
    run(set, query); /* not built yet */
    check_answer(query, rivals, count, 30);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_MASKED);
    recs_error error = {0};
    if (recs_vectors_build(set, NULL, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    char label[64];
    recs_vectors_index(set, label, sizeof label);
    assert_string_equal(label, "made 1");
    assert_int_equal(recs_vectors_unindexed(set), 0);
    run(set, query);
    check_answer(query, rivals, count, 30);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_INDEX);
    assert_int_equal(recs_query_scored(query), 30);
    recs_query_effort(query, RECS_EFFORT_EXACT);
    run(set, query);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_SCAN);
    recs_query_effort(query, 0);

    /* Added beside, removed from under the index. */
    made_vectors more = made_vectors_of(50, DIMENSION, "w", 61, 0);
    assert_int_equal(recs_vectors_add(set, more.bytes, more.offsets, more.values, DIMENSION, 50,
                                      NULL), RECS_OK);
    assert_int_equal(recs_vectors_remove(set, made.bytes, made.offsets, 300, NULL, NULL), RECS_OK);
    assert_int_equal(recs_vectors_unindexed(set), 50);
    static rival wide[COUNT + 50];
    for (int blind = 0; blind < 2; blind++) {
        made_backend_blind = blind;
        count = rivals_of(set, vector, NULL, NULL, wide);
        run(set, query);
        check_answer(query, wide, count, 30);
        /* A backend that ignores what may be found gives too few: scanned after all. */
        assert_int_equal(recs_query_strategy(query),
                         blind ? RECS_STRATEGY_INDEX_SCAN : RECS_STRATEGY_INDEX);
        /* k eligible come back whatever it misses. */
        made_backend_miss = 2;
        recs_query_limit(query, 5000);
        run(set, query);
        assert_int_equal(recs_query_count(query), count);
        recs_query_limit(query, 30);
        run(set, query);
        assert_int_equal(recs_query_count(query), 30);
        made_backend_miss = 0;
    }
    made_backend_blind = 0;
    /* A predicate over an index. */
    recs_query_predicate(query, NULL, NULL);
    assert_int_equal(recs_vectors_build(set, NULL, NULL, &error), RECS_OK);
    assert_int_equal(recs_vectors_blocks(set), 1);
    run(set, query);
    check_answer(query, wide, count, 30);
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    made_vectors_free(&more);
    made_vectors_free(&made);
}

/* ---- many at once ---------------------------------------------------------------------------------- */

static void test_rows(void **state) {
    (void)state;
    enum { ASKED = 75, LIMIT = 12 };
    recs_pool *pool = NULL;
    recs_query *query = NULL, *one = new_query();
    assert_int_equal(recs_pool_create(&pool, 3, NULL, NULL), RECS_OK);
    recs_host host = {.struct_size = sizeof host, .executor_data = pool, .run = recs_pool_run};
    assert_int_equal(recs_query_create(&query, &host, NULL), RECS_OK);
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 80, 0);
    made_vectors asked = made_vectors_of(ASKED, DIMENSION, "q", 81, 0);
    recs_vectors *set = make_set("knn(storage=float16)", &made, NULL);
    static uint32_t rows[ASKED * LIMIT];
    static float scores[ASKED * LIMIT];
    uint64_t generation;
    recs_error error = {0};
    recs_query_limit(query, LIMIT);
    recs_query_limit(one, LIMIT);
    recs_query_deny(query, "v9");
    recs_query_deny(one, "v9");
    recs_query_predicate(query, keep_even, NULL);
    recs_query_predicate(one, keep_even, NULL);
    if (recs_knn_rows(set, query, asked.values, DIMENSION, ASKED, rows, scores, &generation,
                      &error) != RECS_OK)
        fail_msg("%s", error.text);
    assert_int_equal(generation, recs_vectors_generation(set));
    for (size_t i = 0; i < ASKED; i++) {
        recs_query_vector(one, asked.values + i * DIMENSION, DIMENSION);
        run(set, one);
        assert_memory_equal(recs_query_rows(one), rows + i * LIMIT, LIMIT * sizeof *rows);
        assert_memory_equal(recs_query_scores(one), scores + i * LIMIT, LIMIT * sizeof *scores);
    }
    /* One bad vector: nothing is answered, the entry is named. */
    asked.values[40 * DIMENSION + 2] = INFINITY;
    assert_int_equal(recs_knn_rows(set, query, asked.values, DIMENSION, ASKED, rows, scores, NULL,
                                   &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "entry 40"));
    assert_int_equal(rows[0], RECS_NO_ROW);
    assert_int_equal(recs_knn_rows(set, query, asked.values, DIMENSION + 1, ASKED, rows, scores,
                                   NULL, &error), RECS_ERR_ARGUMENT);
    recs_query_limit(query, 2 * COUNT);
    uint32_t *wide = malloc(2 * COUNT * sizeof *wide);
    float *wide_scores = malloc(2 * COUNT * sizeof *wide_scores);
    assert_int_equal(recs_knn_rows(set, query, asked.values, DIMENSION, 1, wide, wide_scores, NULL,
                                   &error), RECS_OK);
    assert_true(wide[400] != RECS_NO_ROW && wide[2 * COUNT - 1] == RECS_NO_ROW);
    free(wide);
    free(wide_scores);
    recs_query_destroy(query);
    recs_query_destroy(one);
    recs_vectors_destroy(set);
    recs_pool_destroy(pool);
    made_vectors_free(&made);
    made_vectors_free(&asked);
}

/* Vectors at once reach the index in groups, whatever the executor, and find what they
 * find alone. */
static void test_rows_of_an_index(void **state) {
    (void)state;
    enum { ASKED = 75, LIMIT = 12 };
    recs_pool *pool = NULL;
    recs_query *serial = new_query(), *split = NULL, *one = new_query();
    assert_int_equal(recs_pool_create(&pool, 3, NULL, NULL), RECS_OK);
    recs_host host = {.struct_size = sizeof host, .executor_data = pool, .run = recs_pool_run};
    assert_int_equal(recs_query_create(&split, &host, NULL), RECS_OK);
    recs_vectors_options options = {.struct_size = sizeof options, .backend = &made_backend};
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 82, 0);
    made_vectors asked = made_vectors_of(ASKED, DIMENSION, "q", 83, 0);
    recs_vectors *set = make_set("knn(metric=l2, index=made)", &made, &options);
    recs_error error = {0};
    static uint32_t rows[2][ASKED * LIMIT];
    static float scores[2][ASKED * LIMIT];
    assert_int_equal(recs_vectors_build(set, NULL, NULL, &error), RECS_OK);
    made_backend_miss = 7;
    recs_query *both[] = {serial, split};
    static const unsigned calls[] = {2, 8 + 6}; /* of 64 and 11 vectors */
    for (int i = 0; i < 2; i++) {
        recs_query_limit(both[i], LIMIT);
        made_backend_calls = 0;
        if (recs_knn_rows(set, both[i], asked.values, DIMENSION, ASKED, rows[i], scores[i], NULL,
                          &error) != RECS_OK)
            fail_msg("%s", error.text);
        assert_int_equal(made_backend_calls, calls[i]);
    }
    assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
    recs_query_limit(one, LIMIT);
    for (size_t i = 0; i < ASKED; i++) {
        recs_query_vector(one, asked.values + i * DIMENSION, DIMENSION);
        run(set, one);
        assert_memory_equal(recs_query_rows(one), rows[0] + i * LIMIT, LIMIT * sizeof **rows);
        assert_memory_equal(recs_query_scores(one), scores[0] + i * LIMIT,
                            LIMIT * sizeof **scores);
    }
    made_backend_miss = 0;
    recs_query_destroy(serial);
    recs_query_destroy(split);
    recs_query_destroy(one);
    recs_vectors_destroy(set);
    recs_pool_destroy(pool);
    made_vectors_free(&made);
    made_vectors_free(&asked);
}

/* ---- memory and threads ------------------------------------------------------------------------------- */

static void test_no_memory(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 90, 0);
    recs_vectors *set = make_set(NULL, &made, NULL);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_query *query = NULL;
        uint32_t rows[6];
        float scores[6];
        if (!fault_passed(&faults, recs_query_create(&query, &faults.host, &error), &error))
            continue;
        for (int what = 0; what < 3; what++) {
            recs_query_reset(query);
            recs_query_limit(query, 3);
            recs_query_history(query, "v5", 1, RECS_NO_TIME);
            recs_query_history(query, "v6", 1, RECS_NO_TIME);
            recs_query_merge(query, what == 1);
            recs_query_predicate(query, what == 2 ? keep_even : NULL, NULL);
            recs_query_allow(query, "v7");
            if (fault_passed(&faults, recs_knn(set, query, &error), &error))
                assert_int_equal(recs_query_count(query), what == 2 ? 0 : 1);
            (void)fault_passed(&faults, recs_knn_rows(set, query, made.values, DIMENSION, 2, rows,
                                                      scores, NULL, &error), &error);
        }
        recs_query_destroy(query);
    }
    fault_host_done(&faults);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

/* Once warm, a search allocates nothing. */
static void test_steady(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 91, 0);
    recs_vectors *set = make_set(NULL, &made, NULL);
    recs_query *query = NULL;
    assert_int_equal(recs_query_create(&query, &faults.host, NULL), RECS_OK);
    size_t warm = 0;
    for (int turn = 0; turn < 4; turn++) {
        recs_query_reset(query);
        recs_query_history(query, "v5", 1, RECS_NO_TIME);
        recs_query_history(query, "v8", 2, RECS_NO_TIME);
        recs_query_deny(query, "v11");
        run(set, query);
        if (turn == 1)
            warm = faults.total;
    }
    assert_int_equal(faults.total, warm);
    recs_query_destroy(query);
    fault_host_done(&faults);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

typedef struct sharing {
    recs_vectors *set;
    atomic_bool stop;
    atomic_size_t searches;
} sharing;

/* Every answer is of some state: "v" vectors are always there, and an id's score is
 * that of its own vector. */
static void *search_meanwhile(void *arg) {
    sharing *shared = arg;
    recs_query *query = NULL;
    (void)recs_query_create(&query, NULL, NULL);
    while (!atomic_load(&shared->stop)) {
        recs_error error = {0};
        recs_query_reset(query);
        recs_query_item(query, "v5");
        recs_query_limit(query, 5000);
        recs_status status = recs_knn(shared->set, query, &error);
        if (status != RECS_OK || recs_query_count(query) < 299)
            abort();
        atomic_fetch_add(&shared->searches, 1);
    }
    recs_query_destroy(query);
    return NULL;
}

static void test_search_during_add(void **state) {
    (void)state;
    sharing shared = {0};
    made_vectors made = made_vectors_of(300, DIMENSION, "v", 95, 0);
    made_vectors more = made_vectors_of(64, DIMENSION, "w", 96, 0);
    assert_int_equal(recs_vectors_create(&shared.set, DIMENSION, NULL, NULL, NULL, NULL), RECS_OK);
    assert_int_equal(recs_vectors_add(shared.set, made.bytes, made.offsets, made.values, DIMENSION,
                                      300, NULL), RECS_OK);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, search_meanwhile, &shared), 0);
    for (int turn = 0; turn < 60 || atomic_load(&shared.searches) < 20; turn++) {
        for (size_t i = 0; i < 64; i += 8)
            assert_int_equal(recs_vectors_replace(shared.set, more.bytes, more.offsets + i,
                                                  more.values + i * DIMENSION, DIMENSION, 8, NULL),
                             RECS_OK);
        assert_int_equal(recs_vectors_remove(shared.set, more.bytes, more.offsets, 64, NULL, NULL),
                         RECS_OK);
        if (turn % 10 == 0)
            assert_int_equal(recs_vectors_compact(shared.set, NULL, NULL, NULL), RECS_OK);
    }
    atomic_store(&shared.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(recs_vectors_reap(shared.set), 0);
    recs_vectors_destroy(shared.set);
    made_vectors_free(&made);
    made_vectors_free(&more);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything), cmocka_unit_test(test_ties),
        cmocka_unit_test(test_filters),    cmocka_unit_test(test_bitmaps),
        cmocka_unit_test(test_histories),
        cmocka_unit_test(test_items_and_ranges), cmocka_unit_test(test_index),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_rows_of_an_index),       cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_steady),     cmocka_unit_test(test_search_during_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
