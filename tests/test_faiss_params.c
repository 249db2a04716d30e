/* test_faiss_params.c - settings that a newer FAISS takes with each search: a
 * filter as a bitmap selector, the length of the search. The FAISS that is there may
 * be older, so its functions for these are stood in for here by their description:
 * the selector takes its size in bytes and borrows the bitmap. Skipped where FAISS
 * is not built. */
#include "faiss/faiss_index.h"
#include "recs/faiss.h"
#include "support/test.h"
#include "support/vectors_lent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 1003, DIMENSION = 8, QUERIES = 3, K = 5 };

struct FaissIDSelectorBitmap_H {
    size_t bytes;
    const uint8_t *bitmap;
};
struct FaissSearchParameters_H {
    const FaissIDSelectorBitmap *selector;
    int ef;
    size_t probe;
};

static const recs__faiss *real;
static int live, searches, last_ef, fail_at;
static size_t last_probe;

static int new_bitmap(FaissIDSelectorBitmap **out, size_t bytes, const uint8_t *bitmap) {
    if (fail_at == 1)
        return -4;
    *out = malloc(sizeof **out);
    **out = (FaissIDSelectorBitmap){bytes, bitmap};
    live++;
    return 0;
}

static void free_selector(FaissIDSelector *selector) {
    free(selector);
    live--;
}

static int new_params(FaissSearchParameters **out, FaissIDSelector *selector, int ef,
                      size_t probe) {
    if (fail_at == 2)
        return -4;
    *out = malloc(sizeof **out);
    **out = (FaissSearchParameters){(const FaissIDSelectorBitmap *)(const void *)selector, ef,
                                    probe};
    live++;
    return 0;
}

static int new_graph_params(FaissSearchParameters **out, FaissIDSelector *selector, int ef) {
    return new_params(out, selector, ef, 0);
}

static int new_list_params(FaissSearchParameters **out, FaissIDSelector *selector, size_t probe,
                           size_t codes) {
    assert_int_equal(codes, 0);
    return new_params(out, selector, 0, probe);
}

static void free_params(FaissSearchParameters *params) {
    free(params);
    live--;
}

/* All rows by the real index, of which the selector's first k stay. */
static int search_with(const FaissIndex *index, int64_t n, const float *x, int64_t k,
                       const FaissSearchParameters *params, float *distances, int64_t *labels) {
    static float all_distances[COUNT];
    static int64_t all[COUNT];
    searches++;
    last_ef = params->ef;
    last_probe = params->probe;
    if (fail_at == 3)
        return -2;
    for (int64_t q = 0; q < n; q++) {
        real->call.Index_search(index, 1, x + q * real->call.Index_d(index), COUNT, all_distances,
                                all);
        int64_t found = 0;
        for (int64_t i = 0; i < COUNT && found < k; i++) {
            const FaissIDSelectorBitmap *s = params->selector;
            uint64_t row = (uint64_t)all[i];
            if (all[i] < 0 || (s != NULL && (row >> 3 >= s->bytes ||
                                             (s->bitmap[row >> 3] >> (row & 7) & 1) == 0)))
                continue;
            distances[q * k + found] = all_distances[i];
            labels[q * k + found++] = all[i];
        }
        for (; found < k; found++)
            labels[q * k + found] = -1;
    }
    return 0;
}

static void stand_in(recs__faiss *faiss) {
    *faiss = *real;
    faiss->call.IDSelectorBitmap_new = new_bitmap;
    faiss->call.IDSelector_free = free_selector;
    faiss->call.SearchParametersHNSW_new_with = new_graph_params;
    faiss->call.SearchParametersIVF_new_with = new_list_params;
    faiss->call.SearchParameters_free = free_params;
    faiss->call.Index_search_with_params = search_with;
}

static void test_selector_and_effort(void **state) {
    (void)state;
    static const char *const texts[] = {"hnsw(ef=33)", "ivf(lists=9, probe=9, code=flat)"};
    static uint8_t allowed[(COUNT + 7) / 8];
    recs__faiss faiss;
    stand_in(&faiss);
    for (int turn = 0; turn < 4; turn++) {
        /* Under the inner product some rows are kept apart and labels are not rows. */
        int kind = turn % 2, metric = turn < 2 ? RECS_METRIC_L2 : RECS_METRIC_INNER;
        vectors_lent v;
        vectors_make(&v, COUNT, DIMENSION, metric, 1);
        recs_vector_source source = vectors_source(&v);
        recs__faiss_index *index = NULL;
        recs_error error = {0};
        recs__faiss_progress silent = {0};
        assert_int_equal(recs__faiss_index_create(&index, texts[kind], COUNT, DIMENSION, metric,
                                                  NULL, &error),
                         RECS_OK);
        index->faiss = &faiss;
        assert_int_equal(recs__faiss_index_build(index, &source, &silent, &error), RECS_OK);
        assert_true(index->params);
        assert_int_equal(index->head.count, metric == RECS_METRIC_L2 ? 0 : COUNT / 20);

        /* The last row of an odd number, then no row at all. */
        memset(allowed, 0, sizeof allowed);
        for (uint32_t r = 2; r < COUNT; r += 100)
            allowed[r >> 3] |= (uint8_t)(1u << (r & 7));
        uint32_t rows[QUERIES * K], best[K];
        recs_vector_search s = {.struct_size = sizeof s,
                                .queries = v.rows,
                                .count = QUERIES,
                                .candidates = K,
                                .effort = 7,
                                .allowed = allowed,
                                .allowed_size = sizeof allowed,
                                .rows = rows};
        assert_int_equal(recs__faiss_index_search(index, &s, &error), RECS_OK);
        for (size_t q = 0; kind == 1 && q < QUERIES; q++) {
            vectors_best(&v, v.rows + q * DIMENSION, allowed, K, best);
            assert_int_equal(vectors_hits(rows + q * K, best, K), K);
        }
        assert_int_equal(kind == 0 ? (size_t)last_ef : last_probe, 7);
        assert_int_equal(live, 0);
        s.effort = 0;
        s.allowed = NULL;
        assert_int_equal(recs__faiss_index_search(index, &s, &error), RECS_OK);
        assert_int_equal(kind == 0 ? (size_t)last_ef : last_probe, kind == 0 ? 33 : 9);
        /* Shorter than what is asked of a graph it is never. */
        s.candidates = 1;
        s.effort = 1;
        assert_int_equal(recs__faiss_index_search(index, &s, &error), RECS_OK);
        assert_int_equal(kind == 0 ? (size_t)last_ef : last_probe, 1);
        s.candidates = K;
        assert_int_equal(recs__faiss_index_search(index, &s, &error), RECS_OK);
        assert_int_equal(kind == 0 ? (size_t)last_ef : last_probe, kind == 0 ? K : 1);

        s.allowed = allowed;
        for (fail_at = 1; fail_at <= 3; fail_at++) {
            assert_int_not_equal(recs__faiss_index_search(index, &s, &error), RECS_OK);
            assert_int_equal(live, 0);
        }
        fail_at = 0;
        assert_true(searches > 0);
        recs__faiss_index_destroy(index);
        vectors_free(&v);
    }
}

int main(void) {
    recs_error error = {0};
    if (recs__faiss_get(&real, &error) != RECS_OK) {
        printf("skipped: %s\n", error.text);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selector_and_effort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
