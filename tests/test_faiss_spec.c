/* test_faiss_spec.c - the description of an index, read and written back. Needs no
 * FAISS. */
#include "faiss/faiss_spec.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void expect(const char *text, uint32_t dimension, const char *resolved) {
    recs__faiss_spec spec, again;
    recs_error error = {0};
    char out[256];
    if (recs__faiss_spec_read(&spec, text, dimension, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
    assert_int_equal(recs__faiss_spec_write(&spec, out, sizeof out, &error), RECS_OK);
    assert_string_equal(out, resolved);
    assert_int_equal(recs__faiss_spec_read(&again, out, dimension, &error), RECS_OK);
    assert_memory_equal(&again, &spec, sizeof spec);
}

static void refused(const char *text, const char *because) {
    recs__faiss_spec spec;
    recs_error error = {0};
    assert_int_equal(recs__faiss_spec_read(&spec, text, 12, &error), RECS_ERR_ARGUMENT);
    if (strstr(error.text, because) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, error.text, because);
}

static void test_resolved(void **state) {
    (void)state;
    expect("hnsw", 64, "hnsw(m=32, ef_construction=128, ef=64, code=flat)");
    expect("hnsw()", 64, "hnsw(m=32, ef_construction=128, ef=64, code=flat)");
    expect(" hnsw ( ef = 7 , code = sq8 , m=2 ) ", 64,
           "hnsw(m=2, ef_construction=128, ef=7, code=sq8)");
    expect("ivf", 64, "ivf(lists=auto, probe=16, code=flat)");
    expect("ivf(lists=4096,probe=3,code=fp16)", 64, "ivf(lists=4096, probe=3, code=fp16)");
    expect("ivf(lists=auto)", 64, "ivf(lists=auto, probe=16, code=flat)");
    expect("pq", 64, "pq(parts=16, bits=8)");
    expect("pq", 63, "pq(parts=21, bits=8)");
    expect("pq", 10, "pq(parts=2, bits=8)");
    expect("pq", 13, "pq(parts=13, bits=8)");
    expect("pq(parts=8, bits=4)", 64, "pq(parts=8, bits=4)");
    expect("sq8", 64, "sq8");
    expect("factory(\"OPQ16_64,IVF1024,PQ16\", probe=32)", 64,
           "factory(\"OPQ16_64,IVF1024,PQ16\", probe=32)");
    expect("hnsw(head=auto)", 64, "hnsw(m=32, ef_construction=128, ef=64, code=flat)");
    expect("ivf(head=900)", 64, "ivf(lists=auto, probe=16, head=900, code=flat)");
    expect("factory(\"HNSW16\", head=7)", 64, "factory(\"HNSW16\", head=7)");
    expect("factory=\"HNSW16\"", 64, "factory(\"HNSW16\")");
}

static void test_refused(void **state) {
    (void)state;
    refused("", "expected exact, hnsw");
    refused("annoy", "expected exact, hnsw");
    refused("hnsw(m=1)", "expected 2 to 256");
    refused("hnsw(m=257)", "m=257");
    refused("hnsw(m=-3)", "m=-3");
    refused("hnsw(head=0)", "expected 1 to 65536 or auto");
    refused("sq8(head=5)", "no setting head");
    refused("hnsw(m=)", "expected 2 to 256");
    refused("hnsw(m=32x)", "m=32x");
    refused("hnsw(m=99999999999999999999)", "expected 2 to 256");
    refused("hnsw(ef)", "has no value");
    refused("hnsw(ef=3, ef=4)", "given twice");
    refused("hnsw(code=flat, code=flat)", "given twice");
    refused("hnsw(lists=3)", "no setting lists");
    refused("hnsw(m=3", "expected , or )");
    refused("hnsw(m=3) x", "behind its end");
    refused("hnsw(m=3,)", "no setting");
    refused("hnsw(code=pq)", "flat, fp16 or sq8");
    refused("ivf(probe=0)", "expected 1 to");
    refused("ivf(lists=0)", "or auto");
    refused("pq(code=sq8)", "no setting code");
    refused("pq(parts=5)", "divisor of the dimension, 12");
    refused("sq8(bits=8)", "no setting bits");
    refused("factory", "in quotes");
    refused("factory()", "in quotes");
    refused("factory(IVF16)", "in quotes");
    refused("factory(\"\")", "0 characters");
    refused("factory(\"IVF16, Flat\")", "character 7");
    refused("factory(\"IVF16", "in quotes");

    char text[400] = "factory(\"";
    memset(text + strlen(text), 'A', 200);
    strcat(text, "\")");
    refused(text, "200 characters");
}

static void test_room(void **state) {
    (void)state;
    recs__faiss_spec spec;
    recs_error error = {0};
    char out[64];
    assert_int_equal(recs__faiss_spec_read(&spec, "sq8", 12, &error), RECS_OK);
    assert_int_equal(recs__faiss_spec_write(&spec, out, 4, &error), RECS_OK);
    assert_int_equal(recs__faiss_spec_write(&spec, out, 3, &error), RECS_ERR_LIMIT);
}

static void test_factory(void **state) {
    (void)state;
    const struct {
        const char *text, *factory;
        int32_t metric;
        bool augmented;
        const char *effort;
        uint32_t described;
    } rows[] = {
        {"hnsw(m=16)", "HNSW16,Flat", RECS_METRIC_INNER, false, "efSearch", 64},
        {"hnsw(code=fp16)", "HNSW32,SQfp16", RECS_METRIC_COSINE, false, "efSearch", 64},
        {"ivf(lists=99)", "IVF99,Flat", RECS_METRIC_INNER, true, "nprobe", 16},
        {"ivf(code=sq8)", "IVF400,SQ8", RECS_METRIC_L2, false, "nprobe", 16},
        {"pq(parts=4)", "PQ4x8np", RECS_METRIC_INNER, false, NULL, 0},
        {"sq8", "SQ8", RECS_METRIC_INNER, false, NULL, 0},
        {"factory(\"HNSW16\",ef=5)", "HNSW16", RECS_METRIC_INNER, false, "efSearch", 5},
        {"factory(\"HNSW16_PQ4\")", "HNSW16_PQ4", RECS_METRIC_INNER, false, "efSearch", 16},
        {"factory(\"IVF64_HNSW8,Flat\")", "IVF64_HNSW8,Flat", RECS_METRIC_INNER, false, "nprobe",
         1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        recs__faiss_spec spec;
        recs_error error = {0};
        char factory[128];
        uint32_t described = 77;
        assert_int_equal(recs__faiss_spec_read(&spec, rows[i].text, 12, &error), RECS_OK);
        recs__faiss_spec_factory(&spec, 20000, factory, sizeof factory);
        if (rows[i].text[0] == 'i' && strstr(rows[i].text, "lists") == NULL)
            assert_int_equal(recs__faiss_spec_lists(&spec, 20000), 512);
        else
            assert_string_equal(factory, rows[i].factory);
        assert_int_equal(recs__faiss_spec_augmented(&spec, rows[i].metric), rows[i].augmented);
        const char *effort = recs__faiss_spec_effort(&spec, &described);
        assert_int_equal(described, rows[i].described);
        if (rows[i].effort == NULL)
            assert_null(effort);
        else
            assert_string_equal(effort, rows[i].effort);
        assert_int_equal(recs__faiss_spec_headed(&spec, rows[i].metric),
                         rows[i].metric == RECS_METRIC_INNER && effort != NULL);
    }
}

static void test_head(void **state) {
    (void)state;
    recs__faiss_spec spec;
    bool far;
    assert_int_equal(recs__faiss_spec_read(&spec, "hnsw", 12, NULL), RECS_OK);
    assert_int_equal(recs__faiss_spec_head(&spec, 1000000, 12, &far), 4096);
    assert_true(far);
    assert_int_equal(recs__faiss_spec_head(&spec, 1000000, 64, &far), 4096);
    assert_int_equal(recs__faiss_spec_head(&spec, 1000000, 128, &far), 2048);
    assert_int_equal(recs__faiss_spec_head(&spec, 1000000, 65536, &far), 64);
    assert_int_equal(recs__faiss_spec_head(&spec, 1000, 12, &far), 50);
    assert_int_equal(recs__faiss_spec_head(&spec, 1, 12, &far), 0);
    assert_int_equal(recs__faiss_spec_read(&spec, "hnsw(head=600)", 12, NULL), RECS_OK);
    assert_int_equal(recs__faiss_spec_head(&spec, 1000000, 12, &far), 600);
    assert_false(far);
    assert_int_equal(recs__faiss_spec_head(&spec, 1000, 65536, &far), 500);
}

static void test_lists(void **state) {
    (void)state;
    recs__faiss_spec spec;
    recs_error error = {0};
    assert_int_equal(recs__faiss_spec_read(&spec, "ivf", 12, &error), RECS_OK);
    assert_int_equal(recs__faiss_spec_lists(&spec, 1), 1);
    assert_int_equal(recs__faiss_spec_lists(&spec, 390), 10);
    assert_int_equal(recs__faiss_spec_lists(&spec, 1000000), 4000);
    assert_int_equal(recs__faiss_spec_lists(&spec, UINT32_MAX), 65536);
    spec.lists = 7;
    assert_int_equal(recs__faiss_spec_lists(&spec, 1000000), 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolved), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_room),     cmocka_unit_test(test_factory),
        cmocka_unit_test(test_head), cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
