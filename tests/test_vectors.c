/* Vector sets: what is put in comes out, changes keep their promises, and what
 * is wrong is named. */
#include "base/memory.h"
#include "recs/vectors.h"
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

enum { DIMENSION = 21 };

static recs_vectors *new_set(const char *description) {
    recs_error error = {0};
    recs_vectors *set = NULL;
    if (recs_vectors_create(&set, DIMENSION, description, NULL, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    return set;
}

static void add_all(recs_vectors *set, const made_vectors *made) {
    recs_error error = {0};
    if (recs_vectors_add(set, made->bytes, made->offsets, made->values, made->dimension,
                         made->count, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static void id_at(const made_vectors *made, size_t i, char id[64]) {
    size_t size = made->offsets[i + 1] - made->offsets[i];
    memcpy(id, made->bytes + made->offsets[i], size);
    id[size] = '\0';
}

static void test_storages(void **state) {
    (void)state;
    static const char *const texts[] = {"knn(metric=l2)", "knn(metric=l2, storage=float16)",
                                        "knn(metric=l2, storage=bfloat16)",
                                        "knn(storage=int8, metric=l2)"};
    static const double tolerance[] = {0, 0x1p-11, 0x1p-8, 1.0 / 254};
    made_vectors made = made_vectors_of(300, DIMENSION, "v", 1, 0);
    for (size_t s = 0; s < 4; s++) {
        recs_vectors *set = new_set(texts[s]);
        add_all(set, &made);
        assert_int_equal(recs_vectors_count(set), 300);
        assert_int_equal(recs_vectors_storage(set), (int)s);
        for (size_t i = 0; i < made.count; i++) {
            char id[64];
            float out[DIMENSION], largest = 0;
            id_at(&made, i, id);
            assert_int_equal(recs_vectors_get(set, id, out, DIMENSION, NULL), RECS_OK);
            for (size_t j = 0; j < DIMENSION; j++)
                largest = fmaxf(largest, fabsf(made.values[i * DIMENSION + j]));
            for (size_t j = 0; j < DIMENSION; j++)
                assert_true(fabs((double)out[j] - made.values[i * DIMENSION + j]) <=
                            tolerance[s] * 1.001 * largest);
        }
        recs_vectors_destroy(set);
    }
    made_vectors_free(&made);
}

/* Rows are in byte order of the ids when compact; ids and rows agree. */
static void test_rows(void **state) {
    (void)state;
    made_vectors made = made_vectors_of(200, DIMENSION, "v", 2, 0);
    recs_vectors *set = new_set(NULL);
    add_all(set, &made);
    char before[RECS_ID_MAX + 1] = "", id[RECS_ID_MAX + 1];
    for (uint32_t row = 0; row < 200; row++) {
        assert_int_equal(recs_vectors_id(set, row, id, NULL), RECS_OK);
        assert_true(strcmp(before, id) < 0);
        assert_int_equal(recs_vectors_row(set, id), row);
        strcpy(before, id);
    }
    assert_int_equal(recs_vectors_id(set, 200, id, NULL), RECS_ERR_NOT_FOUND);
    assert_int_equal(recs_vectors_row(set, "nobody"), RECS_NO_ROW);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

static void test_bad_input(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vectors *set = new_set("knn(metric=cosine, storage=float16)");
    made_vectors made = made_vectors_of(5, DIMENSION, "v", 3, 0);
    uint64_t generation = recs_vectors_generation(set);

    assert_int_equal(recs_vectors_add(set, made.bytes, made.offsets, made.values, DIMENSION - 1, 5,
                                      &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "dimension 20, the set has 21"));

    float keep = made.values[3 * DIMENSION + 7];
    made.values[3 * DIMENSION + 7] = NAN;
    assert_int_equal(recs_vectors_add(set, made.bytes, made.offsets, made.values, DIMENSION, 5,
                                      &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "vector 3, column 7: NaN"));
    made.values[3 * DIMENSION + 7] = -INFINITY;
    assert_int_equal(recs_vectors_add(set, made.bytes, made.offsets, made.values, DIMENSION, 5,
                                      &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "vector 3, column 7: -infinity"));
    made.values[3 * DIMENSION + 7] = 1e6f; /* beyond float16 */
    assert_int_equal(recs_vectors_add(set, made.bytes, made.offsets, made.values, DIMENSION, 5,
                                      &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "too large for the storage"));
    made.values[3 * DIMENSION + 7] = keep;

    float row[DIMENSION];
    memcpy(row, made.values + 2 * DIMENSION, sizeof row);
    memset(made.values + 2 * DIMENSION, 0, sizeof row);
    assert_int_equal(recs_vectors_add(set, made.bytes, made.offsets, made.values, DIMENSION, 5,
                                      &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "vector 2"));
    assert_non_null(strstr(error.text, "cosine needs a direction"));
    memcpy(made.values + 2 * DIMENSION, row, sizeof row);

    const uint32_t twice[] = {0, 1, 2, 3, 4, 5};
    assert_int_equal(recs_vectors_add(set, "abcab", twice, made.values, DIMENSION, 5, &error),
                     RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "vectors 0 and 3"));
    const uint32_t empty_id[] = {0, 1, 1};
    assert_int_equal(recs_vectors_add(set, "ab", empty_id, made.values, DIMENSION, 2, &error),
                     RECS_ERR_ARGUMENT);
    const uint32_t back[] = {3, 2, 4};
    assert_int_equal(recs_vectors_add(set, "abcd", back, made.values, DIMENSION, 2, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_vectors_generation(set), generation);
    assert_int_equal(recs_vectors_count(set), 0);

    add_all(set, &made);
    assert_int_equal(recs_vectors_add(set, made.bytes, made.offsets + 4, made.values, DIMENSION, 1,
                                      &error), RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "already"));
    assert_int_equal(recs_vectors_get(set, "nobody", row, DIMENSION, &error), RECS_ERR_NOT_FOUND);
    assert_int_equal(recs_vectors_get(set, "v1", row, 5, &error), RECS_ERR_ARGUMENT);
    recs_vectors_destroy(set);

    assert_int_equal(recs_vectors_create(&set, 0, NULL, NULL, NULL, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_vectors_create(&set, 65537, NULL, NULL, NULL, &error),
                     RECS_ERR_ARGUMENT);
    assert_null(set);
    /* So long that its norm overflows. */
    set = new_set("knn(metric=inner)");
    made.values[0] = 3e38f;
    assert_int_equal(recs_vectors_add(set, made.bytes, made.offsets, made.values, DIMENSION, 5,
                                      &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "norm is not finite"));
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

/* A long random life beside a plain array. */
static void test_changes(void **state) {
    (void)state;
    enum { IDS = 400, STEPS = 300 };
    recs__random random;
    recs__random_seed(&random, 4);
    recs_vectors *set = new_set("knn(metric=l2)");
    static float now[IDS][DIMENSION];
    static bool there[IDS];
    memset(there, 0, sizeof there);
    size_t most_blocks = 0;
    for (size_t step = 0; step < STEPS; step++) {
        size_t count = 1 + (size_t)recs__random_below(&random, step % 7 == 0 ? 60 : 4);
        uint64_t what = recs__random_below(&random, 10);
        char bytes[64 * 16];
        uint32_t offsets[65] = {0};
        float values[64][DIMENSION];
        size_t n = 0, expected = 0, taken[64];
        for (size_t i = 0; i < count; i++) {
            size_t id = (size_t)recs__random_below(&random, IDS);
            bool again = false;
            for (size_t j = 0; j < n; j++)
                again |= taken[j] == id;
            if (again || (what < 4 && there[id]))
                continue;
            taken[n] = id;
            offsets[n + 1] = offsets[n] + (uint32_t)snprintf(bytes + offsets[n], 16, "item%zu", id);
            for (size_t j = 0; j < DIMENSION; j++)
                values[n][j] = recs__random_normal(&random);
            n++;
        }
        recs_error error = {0};
        recs_status status;
        if (what < 7) {
            status = (what < 4 ? recs_vectors_add : recs_vectors_replace)(
                set, bytes, offsets, &values[0][0], DIMENSION, n, &error);
            for (size_t i = 0; i < n; i++) {
                memcpy(now[taken[i]], values[i], sizeof values[i]);
                there[taken[i]] = true;
            }
        } else if (what < 9) {
            size_t removed;
            for (size_t i = 0; i < n; i++) {
                expected += there[taken[i]];
                there[taken[i]] = false;
            }
            status = recs_vectors_remove(set, bytes, offsets, n, &removed, &error);
            assert_int_equal(removed, expected);
        } else {
            status = recs_vectors_compact(set, NULL, NULL, &error);
            assert_true(recs_vectors_blocks(set) <= 1);
        }
        if (status != RECS_OK)
            fail_msg("step %zu: %s", step, error.text);
        size_t live = 0;
        for (size_t id = 0; id < IDS; id++) {
            char text[16];
            float out[DIMENSION];
            live += there[id];
            snprintf(text, sizeof text, "item%zu", id);
            assert_int_equal(recs_vectors_get(set, text, out, DIMENSION, NULL),
                             there[id] ? RECS_OK : RECS_ERR_NOT_FOUND);
            if (there[id])
                assert_memory_equal(out, now[id], sizeof out);
        }
        assert_int_equal(recs_vectors_count(set), live);
        if (recs_vectors_blocks(set) > most_blocks)
            most_blocks = recs_vectors_blocks(set);
    }
    assert_true(most_blocks <= 12);
    recs_vectors_destroy(set);
}

static void test_remove_everything(void **state) {
    (void)state;
    made_vectors made = made_vectors_of(100, DIMENSION, "v", 5, 0);
    recs_vectors *set = new_set(NULL);
    size_t removed;
    add_all(set, &made);
    uint64_t full = recs_vectors_memory(set);
    assert_int_equal(recs_vectors_remove(set, made.bytes, made.offsets, 100, &removed, NULL),
                     RECS_OK);
    assert_int_equal(removed, 100);
    assert_int_equal(recs_vectors_count(set), 0);
    assert_int_equal(recs_vectors_rows(set), 0);
    assert_int_equal(recs_vectors_compact(set, NULL, NULL, NULL), RECS_OK);
    assert_int_equal(recs_vectors_reap(set), 0);
    assert_true(recs_vectors_memory(set) < full / 4);
    add_all(set, &made);
    assert_int_equal(recs_vectors_count(set), 100);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

static void test_memory_limit(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vectors *set = NULL;
    recs_vectors_options options = {.struct_size = sizeof options, .memory = 60000};
    made_vectors made = made_vectors_of(2000, DIMENSION, "v", 6, 0);
    assert_int_equal(recs_vectors_create(&set, DIMENSION, NULL, &options, NULL, NULL), RECS_OK);
    size_t added = 0;
    recs_status status = RECS_OK;
    while (status == RECS_OK && added + 50 <= made.count) {
        status = recs_vectors_add(set, made.bytes, made.offsets + added,
                                  made.values + added * DIMENSION, DIMENSION, 50, &error);
        added += status == RECS_OK ? 50 : 0;
    }
    assert_int_equal(status, RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "60000"));
    assert_true(added >= 100 && added < 2000);
    assert_int_equal(recs_vectors_count(set), added);
    float out[DIMENSION];
    char id[64];
    id_at(&made, added - 1, id);
    assert_int_equal(recs_vectors_get(set, id, out, DIMENSION, NULL), RECS_OK);
    id_at(&made, added, id);
    assert_int_equal(recs_vectors_get(set, id, out, DIMENSION, NULL), RECS_ERR_NOT_FOUND);
    recs_vectors_destroy(set);
    made_vectors_free(&made);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)stage, (void)done, (void)total;
    return ++*(int *)data;
}

static void test_cancel(void **state) {
    (void)state;
    recs_error error = {0};
    int asked = 0;
    recs_vectors_options options = {.struct_size = sizeof options, .backend = &made_backend};
    recs_vectors *set = NULL;
    made_vectors a = made_vectors_of(40, DIMENSION, "a", 7, 0), b = made_vectors_of(9, DIMENSION, "b", 8, 0);
    assert_int_equal(recs_vectors_create(&set, DIMENSION, "knn(index=made)", &options, NULL, NULL),
                     RECS_OK);
    add_all(set, &a);
    add_all(set, &b);
    uint64_t generation = recs_vectors_generation(set);
    assert_int_equal(recs_vectors_compact(set, stop, &asked, &error), RECS_ERR_CANCELLED);
    assert_int_equal(recs_vectors_build(set, stop, &asked, &error), RECS_ERR_CANCELLED);
    assert_true(asked >= 2);
    assert_int_equal(recs_vectors_generation(set), generation);
    assert_int_equal(recs_vectors_unindexed(set), 49);
    recs_vectors_destroy(set);
    made_vectors_free(&a);
    made_vectors_free(&b);
}

static void test_no_memory(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs_vectors_options options = {.struct_size = sizeof options, .backend = &made_backend};
    made_vectors a = made_vectors_of(40, DIMENSION, "a", 7, 0), b = made_vectors_of(30, DIMENSION, "b", 8, 0);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_vectors *set = NULL;
        if (!fault_passed(&faults, recs_vectors_create(&set, DIMENSION, "knn(storage=int8, index=made)",
                                                       &options, &faults.host, &error), &error)) {
            assert_null(set);
            continue;
        }
        size_t expected = 0;
        if (fault_passed(&faults, recs_vectors_add(set, a.bytes, a.offsets, a.values, DIMENSION,
                                                   a.count, &error), &error))
            expected += a.count;
        if (fault_passed(&faults, recs_vectors_replace(set, b.bytes, b.offsets, b.values, DIMENSION,
                                                       b.count, &error), &error))
            expected += b.count;
        assert_int_equal(recs_vectors_count(set), expected);
        size_t removed;
        if (fault_passed(&faults, recs_vectors_remove(set, a.bytes, a.offsets, 3, &removed, &error),
                         &error))
            expected -= removed;
        (void)fault_passed(&faults, recs_vectors_compact(set, NULL, NULL, &error), &error);
        (void)fault_passed(&faults, recs_vectors_build(set, NULL, NULL, &error), &error);
        assert_int_equal(recs_vectors_count(set), expected);
        recs_vectors_destroy(set);
    }
    fault_host_done(&faults);
    made_vectors_free(&a);
    made_vectors_free(&b);
}

static void test_no_backend(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vectors *set = NULL;
    recs_vectors_options options = {.struct_size = sizeof options, .backend = &made_backend};
    assert_int_equal(recs_vectors_create(&set, 8, "knn(index=other(m=3))", &options, NULL, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "index=other(m=3)"));
    assert_int_equal(recs_vectors_create(&set, 8, "knn(index=made)", &options, NULL, &error),
                     RECS_OK);
    assert_string_equal(recs_vectors_description(set),
                        "knn(metric=cosine, storage=float32, index=made(effort=7))");
    recs_vectors_destroy(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storages),      cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bad_input),     cmocka_unit_test(test_changes),
        cmocka_unit_test(test_remove_everything), cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_cancel),        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_backend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
