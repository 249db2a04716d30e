/* test_knn_explain.c - reasons of neighbours against shares computed in double: every metric,
 * storage and merge, by item, vector and history, and what is refused. */
#include "base/random.h"
#include "recs.h"
#include "support/fault_host.h"
#include "support/made_vectors.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 600, DIMENSION = 13, OWN = 4 };

static const char *const own[OWN] = {"v7", "v90", "v300", "v301"};
static const float weights[OWN] = {1, 2.5f, 0.5f, -1};

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s", error->text);
}

static recs_vectors *make_set(const made_vectors *made, int metric, int storage,
                              const recs_host *host) {
    static const char *const metrics[] = {"inner", "cosine", "l2"};
    static const char *const storages[] = {"float32", "int8"};
    char spec[64];
    recs_error error = {0};
    recs_vectors *set = NULL;
    snprintf(spec, sizeof spec, "knn(metric=%s, storage=%s)", metrics[metric], storages[storage]);
    ok(recs_vectors_create(&set, DIMENSION, spec, NULL, host, &error), &error);
    ok(recs_vectors_add(set, made->bytes, made->offsets, made->values, DIMENSION, made->count,
                        &error),
       &error);
    return set;
}

static void give_history(recs_query *query, int32_t merge) {
    for (size_t i = 0; i < OWN; i++)
        recs_query_history(query, own[i], weights[i], RECS_NO_TIME);
    recs_query_merge(query, merge);
}

static double dot(const float *a, const float *b) {
    double sum = 0;
    for (size_t j = 0; j < DIMENSION; j++)
        sum += (double)a[j] * (double)b[j];
    return sum;
}

/* What is told of an item of the history, and in all. */
static double told(const recs_query *query, const char *id, double *sum) {
    double found = 0;
    *sum = 0;
    for (size_t r = 0; r < recs_query_reason_count(query); r++) {
        const char *of = recs_query_reason_id(query, r);
        double part = recs_query_reason_contribution(query, r);
        assert_int_equal(recs_query_reason_component(query, r), UINT32_MAX);
        *sum += part;
        if (of == NULL) {
            assert_int_equal(recs_query_reason_kind(query, r), RECS_REASON_REMAINDER);
            continue;
        }
        if (id != NULL && strcmp(of, id) == 0) {
            assert_int_equal(recs_query_reason_kind(query, r), RECS_REASON_VECTOR);
            found = part;
        }
    }
    return found;
}

static void stored(const recs_vectors *set, const char *id, float *out) {
    recs_error error = {0};
    ok(recs_vectors_get(set, id, out, DIMENSION, &error), &error);
}

static void shares_of_a_history(void **state) {
    (void)state;
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 3, 0);
    for (int n = 0; n < 12; n++) {
        int metric = n % 3, storage = n / 3 % 2;
        int32_t merge = n / 6;
        recs_error error = {0};
        recs_vectors *set = make_set(&made, metric, storage, NULL);
        recs_query *query = NULL;
        float mine[OWN][DIMENSION];
        double mean[DIMENSION] = {0}, length = 0;
        for (size_t h = 0; h < OWN; h++)
            stored(set, own[h], mine[h]);
        for (size_t h = 0; h < 3; h++)
            for (size_t j = 0; j < DIMENSION; j++)
                mean[j] += (double)weights[h] / 4.0 * (double)mine[h][j] /
                           (metric == 1 ? sqrt(dot(mine[h], mine[h])) : 1.0);
        for (size_t j = 0; j < DIMENSION; j++)
            length += mean[j] * mean[j];
        ok(recs_query_create(&query, NULL, &error), &error);
        give_history(query, merge);
        recs_query_limit(query, 30);
        ok(recs_knn(set, query, &error), &error);
        for (size_t i = 0; i < 30; i++) {
            float to[DIMENSION];
            double score = (double)recs_query_score(query, i), sum, best = -1e30;
            size_t nearest = 0;
            stored(set, recs_query_id(query, i), to);
            ok(recs_knn_explain(set, query, i, &error), &error);
            for (size_t h = 0; h < 3; h++) {
                float near = made_vectors_score((int32_t)(metric == 0   ? RECS_METRIC_INNER
                                                          : metric == 1 ? RECS_METRIC_COSINE
                                                                        : RECS_METRIC_L2),
                                                mine[h], to, DIMENSION);
                if ((double)near > best) {
                    best = (double)near;
                    nearest = h;
                }
            }
            for (size_t h = 0; h < OWN; h++) {
                double part = told(query, own[h], &sum), expect = 0;
                if (merge == RECS_MERGE_BEST)
                    expect = h == nearest ? score : 0;
                else if (metric != 2 && h != 3)
                    expect = (double)weights[h] / 4.0 * dot(mine[h], to) /
                             (metric == 1 ? sqrt(dot(mine[h], mine[h]) * dot(to, to) * length)
                                          : 1.0);
                if (fabs(part - expect) > 1e-4 * (1 + fabs(expect)))
                    fail_msg("%d, %zu: %s %g, expected %g", n, i, own[h], part, expect);
                assert_true(fabs(sum - score) < 1e-6 * (1 + fabs(score)));
            }
        }
        recs_query_destroy(query);
        recs_vectors_destroy(set);
    }
    made_vectors_free(&made);
}

static void items_vectors_and_refusals(void **state) {
    (void)state;
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 3, 0);
    recs_error error = {0};
    recs_vectors *set = make_set(&made, 1, 0, NULL);
    recs_query *query = NULL;
    double sum;
    ok(recs_query_create(&query, NULL, &error), &error);
    assert_int_equal(recs_knn_explain(set, query, 0, &error), RECS_ERR_STATE);
    assert_int_equal(recs_knn_explain(NULL, query, 0, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_knn_explain(set, NULL, 0, &error), RECS_ERR_ARGUMENT);
    recs_query_item(query, "v12");
    ok(recs_knn(set, query, &error), &error);
    ok(recs_knn_explain(set, query, 2, &error), &error);
    assert_int_equal(recs_query_reason_count(query), 1);
    assert_int_equal(recs_query_reason_kind(query, 0), RECS_REASON_SIMILAR);
    assert_string_equal(recs_query_reason_id(query, 0), "v12");
    assert_true(recs_query_reason_contribution(query, 0) == (double)recs_query_score(query, 2));
    recs_query_vector(query, made.values, DIMENSION);
    assert_int_equal(recs_knn_explain(set, query, 2, &error), RECS_ERR_STATE); /* changed */
    assert_int_equal(recs_query_reason_count(query), 0);
    ok(recs_knn(set, query, &error), &error);
    ok(recs_knn_explain(set, query, 0, &error), &error);
    assert_int_equal(recs_query_reason_count(query), 1);
    told(query, NULL, &sum);
    assert_true(sum == (double)recs_query_score(query, 0));
    assert_int_equal(recs_knn_explain(set, query, 10, &error), RECS_ERR_ARGUMENT);
    /* One item alone; asked about with others after it, unknown ones, and a changed set. */
    recs_query_reset(query);
    recs_query_history(query, "v5", 3, RECS_NO_TIME);
    recs_query_history(query, "nobody", 1, RECS_NO_TIME);
    ok(recs_knn(set, query, &error), &error);
    ok(recs_knn_explain(set, query, 4, &error), &error);
    assert_int_equal(recs_query_ignored(query), 1);
    assert_true(fabs(told(query, "v5", &sum) - (double)recs_query_score(query, 4)) < 1e-6);
    const char *id = "v77";
    ok(recs_vectors_remove(set, id, (uint32_t[]){0, 3}, 1, NULL, &error), &error);
    assert_int_equal(recs_knn_explain(set, query, 4, &error), RECS_ERR_STATE);
    assert_non_null(strstr(error.text, "changed"));
    recs_query_destroy(query);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

static void failed_allocations_are_survived(void **state) {
    (void)state;
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 3, 0);
    recs_vectors *set = make_set(&made, 1, 1, NULL);
    fault_host faults;
    fault_host_init(&faults);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_query *query = NULL;
        if (!fault_passed(&faults, recs_query_create(&query, &faults.host, &error), &error))
            continue;
        give_history(query, RECS_MERGE_CENTROID);
        if (fault_passed(&faults, recs_knn(set, query, &error), &error))
            (void)fault_passed(&faults, recs_knn_explain(set, query, 0, &error), &error);
        recs_query_destroy(query);
    }
    fault_host_done(&faults);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_a_history),
        cmocka_unit_test(items_vectors_and_refusals),
        cmocka_unit_test(failed_allocations_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
