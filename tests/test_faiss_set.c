/* test_faiss_set.c - a vector set whose index is FAISS's, end to end: filters,
 * changes, files trusted and not, removal of everything, building while others search.
 * Skipped where FAISS is not built. */
#include "recs.h"
#include "recs/faiss.h"
#include "support/test.h"
#include "support/tmp.h"
#include "support/vectors_lent.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 3000, DIMENSION = 16, K = 10 };

static vectors_lent made;
static recs_vectors_options options;

static void add(recs_vectors *set, uint32_t first, uint32_t count) {
    recs_error error = {0};
    char *ids = malloc((size_t)count * 8);
    uint32_t *ends = calloc(count + 1, sizeof *ends);
    for (uint32_t i = 0; i < count; i++)
        ends[i + 1] = ends[i] + (uint32_t)sprintf(ids + ends[i], "v%05u", first + i);
    if (recs_vectors_add(set, ids, ends, made.rows + (size_t)first * DIMENSION, DIMENSION, count,
                         &error) != RECS_OK)
        fail_msg("%s", error.text);
    free(ids);
    free(ends);
}

static void drop(recs_vectors *set, uint32_t first, uint32_t count) {
    recs_error error = {0};
    size_t removed = 0;
    for (uint32_t i = first; i < first + count; i++) {
        char id[16];
        uint32_t ends[2] = {0, (uint32_t)sprintf(id, "v%05u", i)};
        assert_int_equal(recs_vectors_remove(set, id, ends, 1, &removed, &error), RECS_OK);
    }
}

static recs_vectors *make(const char *index) {
    recs_error error = {0};
    recs_vectors *set = NULL;
    char description[160];
    snprintf(description, sizeof description, "knn(metric=cosine, index=\"%s\")", index);
    if (recs_vectors_create(&set, DIMENSION, description, &options, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    add(set, 0, COUNT / 2);
    if (recs_vectors_build(set, NULL, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    return set;
}

static uint32_t number_of(const recs_query *query, size_t i) {
    return (uint32_t)strtoul(recs_query_id(query, i) + 1, NULL, 10);
}

/* Of the k exact ones, how many the set finds; every answer has k, best first. */
static size_t hits(const recs_vectors *set, recs_query *query, uint32_t which,
                   const uint8_t *allowed) {
    recs_error error = {0};
    uint32_t best[K], rows[K];
    recs_query_vector(query, made.rows + (size_t)which * DIMENSION, DIMENSION);
    if (recs_knn(set, query, &error) != RECS_OK)
        fail_msg("%s", error.text);
    if (recs_query_count(query) != K)
        fail_msg("%zu answers, strategy %d", recs_query_count(query), recs_query_strategy(query));
    for (size_t i = 0; i < K; i++) {
        rows[i] = number_of(query, i);
        assert_true(allowed == NULL || (allowed[rows[i] >> 3] >> (rows[i] & 7) & 1) != 0);
        if (i > 0)
            assert_true(recs_query_score(query, i) <= recs_query_score(query, i - 1));
    }
    vectors_best(&made, made.rows + (size_t)which * DIMENSION, allowed, K, best);
    return vectors_hits(rows, best, K);
}

static recs_query *new_query(void) {
    recs_error error = {0};
    recs_query *query = NULL;
    assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
    recs_query_limit(query, K);
    return query;
}

/* Rows added since are searched beside the index, removed ones are passed over. */
static void test_changes(void **state) {
    (void)state;
    recs_vectors *set = make("hnsw(ef=80)");
    recs_query *query = new_query();
    add(set, COUNT / 2, COUNT / 2);
    assert_int_equal(recs_vectors_unindexed(set), COUNT / 2);
    size_t found = 0;
    for (uint32_t q = 0; q < COUNT; q += 30)
        found += hits(set, query, q, NULL);
    assert_true(found >= COUNT / 30 * K * 97 / 100);

    static uint8_t allowed[(COUNT + 7) / 8];
    memset(allowed, 0xFF, sizeof allowed);
    for (uint32_t r = 100; r < 700; r++)
        allowed[r >> 3] &= (uint8_t)~(1u << (r & 7));
    drop(set, 100, 600);
    found = 0;
    for (uint32_t q = 0; q < COUNT; q += 30)
        found += hits(set, query, q, allowed);
    assert_true(found >= COUNT / 30 * K * 97 / 100);

    recs_error error = {0};
    assert_int_equal(recs_vectors_build(set, NULL, NULL, &error), RECS_OK);
    assert_int_equal(recs_vectors_unindexed(set), 0);
    found = 0;
    for (uint32_t q = 0; q < COUNT; q += 30)
        found += hits(set, query, q, allowed);
    assert_true(found >= COUNT / 30 * K * 97 / 100);

    drop(set, 0, COUNT);
    assert_int_equal(recs_vectors_count(set), 0);
    recs_query_vector(query, made.rows, DIMENSION);
    assert_int_equal(recs_knn(set, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 0);
    recs_status built = recs_vectors_build(set, NULL, NULL, &error);
    if (built != RECS_OK)
        fail_msg("%s", error.text);
    add(set, 0, K);
    assert_int_equal(hits(set, query, 3, (const uint8_t[(COUNT + 7) / 8]){0xFF, 0x03}), K);
    recs_query_destroy(query);
    recs_vectors_destroy(set);
}

/* If k eligible vectors exist, k come back, however few they are. */
static void test_filters(void **state) {
    (void)state;
    static const char *const indexes[] = {"hnsw(ef=60)", "ivf(lists=60, probe=1)", "pq(bits=4)"};
    for (int i = 0; i < 3; i++) {
        recs_vectors *set = make(indexes[i]);
        recs_query *query = new_query();
        for (uint32_t one_of = 1; one_of <= 150; one_of += one_of == 1 ? 2 : 21) {
            static uint8_t allowed[(COUNT + 7) / 8];
            static uint64_t bits[(COUNT + 63) / 64];
            memset(allowed, 0, sizeof allowed);
            memset(bits, 0, sizeof bits);
            for (uint32_t r = 0; r < COUNT / 2; r += one_of) {
                allowed[r >> 3] |= (uint8_t)(1u << (r & 7));
                bits[r >> 6] |= UINT64_C(1) << (r & 63); /* ids are in order: row = number */
            }
            recs_query_allow_bits(query, bits, COUNT / 2);
            for (uint32_t q = 0; q < COUNT / 2; q += 100)
                hits(set, query, q, allowed);
        }
        recs_query_destroy(query);
        recs_vectors_destroy(set);
    }
}

static void index_of(const recs_vectors *set, char out[128]) { recs_vectors_index(set, out, 128); }

static void test_file(void **state) {
    (void)state;
    recs_error error = {0};
    char path[TMP_PATH_MAX], label[128];
    tmp_folder folder;
    tmp_make(&folder);
    tmp_path(&folder, "faiss-set.recs", path);
    recs_vectors *set = make("hnsw(ef=80)"), *opened = NULL;
    recs_query *query = new_query();
    assert_int_equal(recs_vectors_write(set, path, &error), RECS_OK);
    size_t before = hits(set, query, 7, NULL);
    recs_vectors_destroy(set);

    recs_open_options open = {.struct_size = sizeof open, .trusted = 1};
    if (recs_vectors_open(&opened, path, NULL, &open, &options, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    index_of(opened, label);
    assert_non_null(strstr(label, "faiss"));
    assert_int_equal(recs_vectors_unindexed(opened), 0);
    assert_int_equal(hits(opened, query, 7, NULL), before);
    assert_int_equal(recs_query_strategy(query), RECS_STRATEGY_INDEX);
    recs_vectors_destroy(opened);

    /* Not trusted: the index is not looked at, the answer is exact. */
    open.trusted = 0;
    assert_int_equal(recs_vectors_open(&opened, path, NULL, &open, &options, NULL, &error), RECS_OK);
    index_of(opened, label);
    assert_string_equal(label, "exact");
    hits(opened, query, 7, NULL);
    assert_int_not_equal(recs_query_strategy(query), RECS_STRATEGY_INDEX);
    recs_vectors_destroy(opened);
    recs_query_destroy(query);
    tmp_remove(&folder);
}

typedef struct searching {
    const recs_vectors *set;
    atomic_bool stop;
    int wrong;
} searching;

static void *search_on(void *arg) {
    searching *s = arg;
    recs_error error = {0};
    recs_query *query = NULL;
    s->wrong = recs_query_create(&query, NULL, &error) != RECS_OK;
    recs_query_limit(query, K);
    for (uint32_t q = 0; !atomic_load(&s->stop); q = (q + 37) % COUNT) {
        recs_query_vector(query, made.rows + (size_t)q * DIMENSION, DIMENSION);
        recs_query_effort(query, 20 + q % 3);
        s->wrong += recs_knn(s->set, query, &error) != RECS_OK || recs_query_count(query) != K;
    }
    recs_query_destroy(query);
    return NULL;
}

static int32_t stop_at_half(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)data;
    return strstr(stage, "adding to the index") != NULL && done * 2 >= total;
}

/* Readers search while one adds, builds and stops a build halfway. */
static void test_search_during_build(void **state) {
    (void)state;
    recs_vectors *set = make("hnsw(m=8, ef_construction=40)");
    searching readers[2] = {{.set = set}, {.set = set}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, search_on, &readers[i]), 0);
    recs_error error = {0};
    for (uint32_t first = COUNT / 2; first < COUNT; first += COUNT / 8) {
        uint32_t count = COUNT - first < COUNT / 8 ? COUNT - first : COUNT / 8;
        add(set, first, count);
        assert_int_equal(recs_vectors_build(set, stop_at_half, NULL, &error), RECS_ERR_CANCELLED);
        assert_int_equal(recs_vectors_count(set), first + count);
        assert_int_equal(recs_vectors_build(set, NULL, NULL, &error), RECS_OK);
        assert_int_equal(recs_vectors_unindexed(set), 0);
    }
    for (int i = 0; i < 2; i++) {
        atomic_store(&readers[i].stop, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(readers[i].wrong, 0);
    }
    recs_vectors_destroy(set);
}

int main(void) {
    recs_error error = {0};
    if (recs_faiss_check(&error) != RECS_OK) {
        printf("skipped: %s\n", error.text);
        return 77;
    }
    options = (recs_vectors_options){.struct_size = sizeof options, .backend = recs_faiss_backend()};
    vectors_make(&made, COUNT, DIMENSION, RECS_METRIC_COSINE, 4);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_search_during_build),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    vectors_free(&made);
    return failed;
}
