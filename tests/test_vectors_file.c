/* Vector sets in files: what is written is read back to the bit, alone and as a
 * model, with an index and without, and what is damaged is refused. */
#include "model/format.h"
#include "recs.h"
#include "recs/writer.h"
#include "support/fault_host.h"
#include "support/made_vectors.h"
#include "support/tmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIMENSION = 20, COUNT = 300 };

static char path[TMP_PATH_MAX];

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s", error->text);
}

static recs_vectors *make_set(const char *description, const recs_vectors_options *options,
                              bool changed) {
    recs_error error = {0};
    recs_vectors *set = NULL;
    made_vectors made = made_vectors_of(COUNT, DIMENSION, "v", 1, 0);
    ok(recs_vectors_create(&set, DIMENSION, description, options, NULL, &error), &error);
    ok(recs_vectors_add(set, made.bytes, made.offsets, made.values, DIMENSION, 200, &error),
       &error);
    ok(recs_vectors_add(set, made.bytes, made.offsets + 200, made.values + 200 * DIMENSION,
                        DIMENSION, 100, &error), &error);
    if (changed)
        ok(recs_vectors_remove(set, made.bytes, made.offsets + 10, 7, NULL, &error), &error);
    made_vectors_free(&made);
    return set;
}

static recs_vectors *open_set(const recs_vectors_options *options, int32_t trusted) {
    recs_error error = {0};
    recs_vectors *set = NULL;
    recs_open_options how = {.struct_size = sizeof how, .trusted = trusted, .verify = 1};
    ok(recs_vectors_open(&set, path, NULL, &how, options, NULL, &error), &error);
    return set;
}

/* The same ids, vectors and neighbours. */
static void check_same(const recs_vectors *a, const recs_vectors *b) {
    recs_query *x = NULL, *y = NULL;
    assert_int_equal(recs_query_create(&x, NULL, NULL), RECS_OK);
    assert_int_equal(recs_query_create(&y, NULL, NULL), RECS_OK);
    assert_int_equal(recs_vectors_count(a), recs_vectors_count(b));
    for (uint32_t row = 0; row < recs_vectors_rows(b); row++) {
        char id[RECS_ID_MAX + 1];
        float from[DIMENSION], to[DIMENSION];
        if (recs_vectors_id(b, row, id, NULL) != RECS_OK)
            continue;
        assert_int_equal(recs_vectors_get(a, id, from, DIMENSION, NULL), RECS_OK);
        assert_int_equal(recs_vectors_get(b, id, to, DIMENSION, NULL), RECS_OK);
        assert_memory_equal(from, to, sizeof from);
        recs_query_item(x, id);
        recs_query_item(y, id);
        assert_int_equal(recs_knn(a, x, NULL), RECS_OK);
        assert_int_equal(recs_knn(b, y, NULL), RECS_OK);
        assert_int_equal(recs_query_count(x), recs_query_count(y));
        for (size_t i = 0; i < recs_query_count(x); i++)
            assert_string_equal(recs_query_id(x, i), recs_query_id(y, i));
        assert_memory_equal(recs_query_scores(x), recs_query_scores(y),
                            recs_query_count(x) * sizeof(float));
    }
    recs_query_destroy(x);
    recs_query_destroy(y);
}

static void test_round_trip(void **state) {
    (void)state;
    static const char *const texts[] = {
        "knn(metric=cosine, storage=float32)", "knn(metric=l2, storage=float16)",
        "knn(metric=inner, storage=bfloat16)", "knn(metric=cosine, storage=int8)"};
    recs_error error = {0};
    for (size_t i = 0; i < 4; i++)
        for (int changed = 0; changed < 2; changed++) {
            recs_vectors *set = make_set(texts[i], NULL, changed);
            ok(recs_vectors_write(set, path, &error), &error);
            recs_vectors *again = open_set(NULL, 0);
            assert_string_equal(recs_vectors_description(again), recs_vectors_description(set));
            assert_int_equal(recs_vectors_blocks(again), 1);
            check_same(set, again);
            assert_true(recs_vectors_memory(again) < 8192); /* mapped */

            /* An opened set goes on living, and is written again. */
            made_vectors more = made_vectors_of(50, DIMENSION, "w", 2, 0);
            for (int which = 0; which < 2; which++)
                ok(recs_vectors_replace(which ? again : set, more.bytes, more.offsets, more.values,
                                        DIMENSION, 50, &error), &error);
            ok(recs_vectors_remove(again, "v5w7", (uint32_t[]){0, 2, 4}, 2, NULL, &error), &error);
            ok(recs_vectors_remove(set, "v5w7", (uint32_t[]){0, 2, 4}, 2, NULL, &error), &error);
            check_same(set, again);
            ok(recs_vectors_write(again, path, &error), &error);
            recs_vectors *third = open_set(NULL, 0);
            check_same(again, third);
            made_vectors_free(&more);
            recs_vectors_destroy(third);
            recs_vectors_destroy(again);
            recs_vectors_destroy(set);
        }
}

static void test_empty(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vectors *set = NULL, *again;
    ok(recs_vectors_create(&set, 3, NULL, NULL, NULL, &error), &error);
    ok(recs_vectors_write(set, path, &error), &error);
    again = open_set(NULL, 0);
    assert_int_equal(recs_vectors_count(again), 0);
    assert_int_equal(recs_vectors_dimension(again), 3);
    const float one[3] = {1, 2, 3};
    ok(recs_vectors_add(again, "x", (uint32_t[]){0, 1}, one, 3, 1, &error), &error);
    assert_int_equal(recs_vectors_count(again), 1);
    recs_vectors_destroy(again);
    recs_vectors_destroy(set);
}

/* The file is a model: it verifies, lists its component and answers. */
static void test_is_a_model(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vectors *set = make_set("knn(storage=int8)", NULL, false);
    recs_model *model = NULL;
    recs_query *query = NULL;
    ok(recs_vectors_write(set, path, &error), &error);
    ok(recs_model_open(&model, path, NULL, NULL, &error), &error);
    ok(recs_model_verify(model, &error), &error);
    assert_string_equal(recs_model_component_name(model, 0), "content");
    assert_int_equal(recs_model_items(model), COUNT);
    ok(recs_query_create(&query, NULL, &error), &error);
    recs_query_item(query, "v17");
    ok(recs_similar(model, query, &error), &error);
    assert_int_equal(recs_query_evidence(query), 10);
    recs_query *other = NULL;
    ok(recs_query_create(&other, NULL, &error), &error);
    recs_query_item(other, "v17");
    ok(recs_knn(set, other, &error), &error);
    for (size_t i = 0; i < 10; i++) {
        assert_string_equal(recs_query_id(query, i), recs_query_id(other, i));
        assert_true(recs_query_score(query, i) == recs_query_score(other, i));
    }
    recs_query_destroy(other);
    recs_query_destroy(query);
    recs_vectors *inside = NULL;
    ok(recs_vectors_open_model(&inside, model, "content", NULL, NULL, &error), &error);
    recs_model_release(model); /* the set retains it */
    check_same(set, inside);
    recs_vectors_destroy(inside);
    recs_vectors_destroy(set);
}

static void test_index(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vectors_options options = {.struct_size = sizeof options, .backend = &made_backend};
    recs_vectors *set = make_set("knn(index=made, storage=float16)", &options, true), *again;
    char label[64];
    made_backend_miss = 0;
    ok(recs_vectors_build(set, NULL, NULL, &error), &error);
    ok(recs_vectors_write(set, path, &error), &error);
    again = open_set(&options, 1);
    recs_vectors_index(again, label, sizeof label);
    assert_string_equal(label, "made 1");
    assert_int_equal(recs_vectors_unindexed(again), 0);
    assert_string_equal(recs_vectors_description(again), recs_vectors_description(set));
    check_same(set, again);
    recs_vectors_destroy(again);
    /* Not trusted: the same answers, exactly. */
    again = open_set(&options, 0);
    recs_vectors_index(again, label, sizeof label);
    assert_string_equal(label, "exact");
    check_same(set, again);
    recs_vectors_destroy(again);
    /* Of another version, and by another backend. */
    recs_vector_backend other = made_backend;
    other.name = "other";
    options.backend = &other;
    recs_open_options how = {.struct_size = sizeof how, .trusted = 1};
    assert_int_equal(recs_vectors_open(&again, path, NULL, &how, &options, NULL, &error),
                     RECS_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "\"made\""));
    /* No library at all: named. */
    assert_int_equal(recs_vectors_open(&again, path, NULL, &how, NULL, NULL, &error),
                     RECS_ERR_UNSUPPORTED);
    assert_null(again);
    recs_vectors_destroy(set);
}

/* ---- what is wrong ------------------------------------------------------------------------- */

/* A model of three items with vectors, one section of which is as the test says. */
typedef struct faulty {
    uint32_t type;
    const void *bytes;
    size_t size;
    recs__file_component component;
} faulty;

static recs_status write_faulty(const faulty *fault, const char *to, recs_model **model,
                                recs_error *error) {
    recs_writer *writer = NULL;
    static const uint64_t offsets[] = {0, 2, 4, 6};
    static const uint32_t order[] = {0, 1, 2};
    static const float zeros[3], norms[] = {5, 1};
    float vectors[32] = {3, 4};
    uint32_t items[] = {0, 2};
    vectors[17] = 1;
    recs__file_meta meta = {.items = 3, .first_time = RECS_NO_TIME, .last_time = RECS_NO_TIME,
                            .components = 1};
    struct {
        uint32_t type, component;
        const void *bytes;
        size_t size;
    } parts[] = {
        {RECS_SECTION_META, RECS_SECTION_MODEL, &meta, sizeof meta},
        {RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, &fault->component, sizeof fault->component},
        {RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_MODEL, offsets, sizeof offsets},
        {RECS_SECTION_ITEM_ID_BYTES, RECS_SECTION_MODEL, "a\0b\0c", 6},
        {RECS_SECTION_POPULAR_ORDER, RECS_SECTION_MODEL, order, sizeof order},
        {RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, zeros, sizeof zeros},
        {RECS_SECTION_VECTORS, 0, vectors, sizeof vectors},
        {RECS_SECTION_VECTOR_NORMS, 0, norms, sizeof norms},
        {RECS_SECTION_VECTOR_ITEMS, 0, items, sizeof items},
    };
    ok(recs_writer_create(&writer, to, NULL, error), error);
    bool done = false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bool here = parts[i].type == fault->type;
        done |= here;
        if (!here || fault->bytes != NULL)
            ok(recs_writer_section(writer, parts[i].type, parts[i].component, 0,
                                   here ? fault->bytes : parts[i].bytes,
                                   here ? fault->size : parts[i].size, error), error);
    }
    if (!done && fault->type != 0)
        ok(recs_writer_section(writer, fault->type, 0, 0, fault->bytes, fault->size, error), error);
    recs_status status = recs_writer_finish(writer, model, error);
    recs_writer_destroy(writer);
    return status;
}

static faulty sound(void) {
    return (faulty){.component = {.name = "content", .trainer = "content",
                                  .kind = RECS__KIND_VECTORS, .factors = 2, .scale = 1,
                                  .scale_similar = 1, .rows = 2}};
}

static void test_refused(void **state) {
    (void)state;
    recs_error error = {0};
    recs_model *model = NULL;
    faulty fault = sound();
    ok(write_faulty(&fault, NULL, &model, &error), &error);
    ok(recs_model_verify(model, &error), &error);
    recs_vectors *set = NULL;
    ok(recs_vectors_open_model(&set, model, NULL, NULL, NULL, &error), &error);
    assert_int_equal(recs_vectors_count(set), 2);
    assert_int_equal(recs_vectors_row(set, "c"), 1);
    assert_int_equal(recs_vectors_row(set, "b"), RECS_NO_ROW);
    /* Written alone, the item without a vector is left out. */
    ok(recs_vectors_write(set, path, &error), &error);
    recs_vectors *again = open_set(NULL, 0);
    assert_int_equal(recs_vectors_count(again), 2);
    recs_vectors_destroy(again);
    assert_int_equal(recs_vectors_open_model(&again, model, "nothing", NULL, NULL, &error),
                     RECS_ERR_NOT_FOUND);
    recs_vectors_destroy(set);
    recs_model_release(model);

    for (int what = 0; what < 9; what++) {
        fault = sound();
        switch (what) {
        case 0: fault.component.factors = 0; break;
        case 1: fault.component.factors = 65537; break;
        case 2: fault.component.rows = 4; break;
        case 3: fault.component.metric = 3; break;
        case 4: fault.component.storage = 4; break;
        case 5: fault.type = RECS_SECTION_VECTOR_ITEMS; break; /* missing */
        case 6: fault.component.storage = 3; break;            /* no scales, another size */
        case 7: fault.type = RECS_SECTION_VECTORS; fault.bytes = "12345678"; fault.size = 8; break;
        default: fault.type = RECS_SECTION_VECTOR_INDEX_TEXT; fault.bytes = "ab"; fault.size = 2;
        }
        if (write_faulty(&fault, NULL, &model, &error) != RECS_ERR_CORRUPT)
            fail_msg("case %d was not refused", what);
        assert_null(model);
    }
}

/* Wrong contents open, are found by verify and are harmless. */
static void test_clamped(void **state) {
    (void)state;
    recs_error error = {0};
    const uint32_t wild[] = {7, 4000000000u}, backwards[] = {2, 0};
    const float norms[] = {0, -3};
    float vectors[32] = {0};
    memset(vectors, 0xFF, sizeof vectors);
    const struct {
        uint32_t type;
        const void *bytes;
        size_t size;
    } cases[] = {{RECS_SECTION_VECTOR_ITEMS, wild, sizeof wild},
                 {RECS_SECTION_VECTOR_ITEMS, backwards, sizeof backwards},
                 {RECS_SECTION_VECTOR_NORMS, norms, sizeof norms},
                 {RECS_SECTION_VECTORS, vectors, sizeof vectors},
                 {RECS_SECTION_VECTOR_CODES, "rubbish", 7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        faulty fault = sound();
        recs_model *model = NULL;
        recs_vectors *set = NULL;
        recs_query *query = NULL;
        fault.type = cases[i].type;
        fault.bytes = cases[i].bytes;
        fault.size = cases[i].size;
        for (uint32_t metric = 0; metric < 3; metric++) {
            fault.component.metric = metric;
            ok(write_faulty(&fault, NULL, &model, &error), &error);
            assert_int_equal(recs_model_verify(model, &error), RECS_ERR_CORRUPT);
            ok(recs_vectors_open_model(&set, model, NULL, NULL, NULL, &error), &error);
            ok(recs_query_create(&query, NULL, &error), &error);
            recs_query_vector(query, (float[]){1, 2}, 2);
            ok(recs_knn(set, query, &error), &error);
            recs_query_item(query, "a");
            recs_query_history(query, "c", 1, RECS_NO_TIME);
            (void)recs_knn(set, query, &error);
            (void)recs_similar(model, query, &error);
            (void)recs_recommend(model, query, &error);
            (void)recs_explain(model, query, 0, &error);
            recs_status status = recs_vectors_write(set, path, &error);
            assert_true(status == RECS_OK || status == RECS_ERR_CORRUPT);
            recs_query_destroy(query);
            recs_vectors_destroy(set);
            recs_model_release(model);
        }
    }
}

static void test_no_memory(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs_vectors_options options = {.struct_size = sizeof options, .backend = &made_backend};
    recs_error ignored = {0};
    recs_vectors *set = make_set("knn(index=made, storage=int8)", &options, true);
    ok(recs_vectors_build(set, NULL, NULL, &ignored), &ignored);
    ok(recs_vectors_write(set, path, &ignored), &ignored);
    recs_open_options how = {.struct_size = sizeof how, .trusted = 1};
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_vectors *again = NULL;
        if (!fault_passed(&faults, recs_vectors_open(&again, path, NULL, &how, &options,
                                                     &faults.host, &error), &error)) {
            assert_null(again);
            continue;
        }
        (void)fault_passed(&faults, recs_vectors_remove(again, "v5", (uint32_t[]){0, 2}, 1, NULL,
                                                        &error), &error);
        char other[TMP_PATH_MAX + 16];
        snprintf(other, sizeof other, "%s.again", path);
        (void)fault_passed(&faults, recs_vectors_write(again, other, &error), &error);
        recs_vectors_destroy(again);
    }
    fault_host_done(&faults);
    recs_vectors_destroy(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_is_a_model), cmocka_unit_test(test_index),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_clamped),
        cmocka_unit_test(test_no_memory),
    };
    tmp_folder place;
    tmp_make(&place);
    tmp_path(&place, "set.recs", path);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tmp_remove(&place);
    return failed;
}
