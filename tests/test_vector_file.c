/* Files of vectors: every format gives the same, and what is wrong is named by file,
 * line or row, column and value. */
#include "recs/vector_file.h"
#include "support/fault_host.h"
#include "support/tmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tmp_folder folder;

/* Writes a file and opens it. */
static recs_status open_bytes(recs_vector_file **file, const char *name, const void *bytes,
                              size_t size, const recs_vector_file_options *options,
                              const recs_host *host, recs_error *error) {
    char path[TMP_PATH_MAX];
    tmp_write(&folder, name, bytes, size, path);
    return recs_vector_file_open(file, path, options, host, error);
}

static size_t npy(char *out, const char *descr, const char *shape, const void *data, size_t size) {
    char header[128];
    int length = snprintf(header, sizeof header,
                          "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)(length + 1);
    out[9] = 0;
    memcpy(out + 10, header, (size_t)length);
    out[10 + length] = '\n';
    memcpy(out + 11 + length, data, size);
    return 11 + (size_t)length + size;
}

static const float rows[3][2] = {{1, 2.5f}, {-3, 0}, {0.125f, 1e10f}};

static void check_rows(recs_vector_file *file, const char *ids, size_t most) {
    recs_error error = {0};
    const char *bytes;
    const uint32_t *offsets;
    const float *values;
    size_t count, at = 0;
    char all[64] = "";
    do {
        if (recs_vector_file_next(file, most, &bytes, &offsets, &values, &count, &error) != RECS_OK)
            fail_msg("%s", error.text);
        for (size_t i = 0; i < count; i++, at++) {
            assert_memory_equal(values + i * 2, rows[at], sizeof rows[at]);
            snprintf(all + strlen(all), sizeof all - strlen(all), "%.*s;",
                     (int)(offsets[i + 1] - offsets[i]), bytes + offsets[i]);
        }
    } while (count != 0);
    assert_int_equal(at, 3);
    assert_string_equal(all, ids);
    assert_int_equal(recs_vector_file_rows(file), 3);
    recs_vector_file_close(file);
}

static void test_formats(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vector_file *file = NULL;
    char bytes[512];
    double wide[3][2];
    for (size_t i = 0; i < 6; i++)
        wide[i / 2][i % 2] = (double)rows[i / 2][i % 2];
    for (size_t most = 1; most <= 4; most += 3) {
        size_t size = npy(bytes, "<f4", "(3, 2)", rows, sizeof rows);
        assert_int_equal(open_bytes(&file, "a.npy", bytes, size, NULL, NULL, &error), RECS_OK);
        assert_string_equal(recs_vector_file_format(file), "npy");
        assert_int_equal(recs_vector_file_dimension(file), 2);
        check_rows(file, "0;1;2;", most);
        size = npy(bytes, "<f8", "(3,2)", wide, sizeof wide);
        assert_int_equal(open_bytes(&file, "a", bytes, size, NULL, NULL, &error), RECS_OK);
        check_rows(file, "0;1;2;", most);
        size = 0;
        for (size_t i = 0; i < 3; i++, size += 12) {
            const uint32_t two = 2;
            memcpy(bytes + size, &two, 4);
            memcpy(bytes + size + 4, rows[i], 8);
        }
        char ids[TMP_PATH_MAX];
        tmp_write(&folder, "ids", "x\ny,z\nw\n", 8, ids);
        recs_vector_file_options options = {.struct_size = sizeof options, .ids = ids};
        assert_int_equal(open_bytes(&file, "a.fvecs", bytes, size, &options, NULL, &error), RECS_OK);
        check_rows(file, "x;y,z;w;", most);
        static const char *const texts[] = {
            "a,1,2.5\nb,-3,0\nc,.125,1e10\n",
            "id,0,1\r\na,1,2.5\r\nb,-3,0\r\nc,0.125,1e10",
            "id;x;y\na;1;2.5\nb;-3;0\nc;0.125;10000000000\n",
            "id,vector\na,\"[1, 2.5]\"\nb,\"[-3, 0]\"\nc,\"[0.125, 1e10]\"\n",
            "a\t1 2.5\nb\t-3 0\nc\t0.125 1e10\n"};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            if (open_bytes(&file, "a.csv", texts[i], strlen(texts[i]), NULL, NULL, &error) != RECS_OK)
                fail_msg("%zu: %s", i, error.text);
            check_rows(file, "a;b;c;", most);
        }
        static const char json[] =
            "{\"id\": \"\\u0061\", \"vector\": [1, 2.5], \"title\": \"}\\\"\"}\n\n"
            "{\"tags\": [{\"a\": [1,2]}, null], \"vector\":[-3,0], \"id\": 17 }\r\n"
            "  {\"vector\" : [ 0.125 , 1e10 ] , \"id\" : \"\\ud83d\\ude00\"}";
        assert_int_equal(open_bytes(&file, "a.jsonl", json, sizeof json - 1, NULL, NULL, &error),
                         RECS_OK);
        assert_string_equal(recs_vector_file_format(file), "jsonl");
        check_rows(file, "a;17;\xF0\x9F\x98\x80;", most);
    }
    uint8_t bytes_of[2][2] = {{1, 255}, {0, 7}};
    size_t size = npy(bytes, "|u1", "(2, 2)", bytes_of, sizeof bytes_of);
    recs_vector_file_options options = {.struct_size = sizeof options, .skip_zero = 1};
    assert_int_equal(open_bytes(&file, "u.npy", bytes, size, &options, NULL, &error), RECS_OK);
    const char *ids;
    const uint32_t *offsets;
    const float *values;
    size_t count;
    assert_int_equal(recs_vector_file_next(file, 10, &ids, &offsets, &values, &count, &error),
                     RECS_OK);
    assert_int_equal(count, 2);
    assert_true(values[1] == 255.0f);
    recs_vector_file_close(file);
    static const char zeros[] = "a,0,0\nb,1,0\nc,0,-0\n";
    assert_int_equal(open_bytes(&file, "z.csv", zeros, sizeof zeros - 1, &options, NULL, &error),
                     RECS_OK);
    assert_int_equal(recs_vector_file_next(file, 10, &ids, &offsets, &values, &count, &error),
                     RECS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(recs_vector_file_skipped(file), 2);
    recs_vector_file_close(file);
}

static void check_refused(const char *name, const void *bytes, size_t size, const char *says) {
    recs_error error = {0};
    recs_vector_file *file = NULL;
    recs_status status = open_bytes(&file, name, bytes, size, NULL, NULL, &error);
    size_t count = 1;
    while (status == RECS_OK && count != 0) {
        const char *ids;
        const uint32_t *offsets;
        const float *values;
        status = recs_vector_file_next(file, 100, &ids, &offsets, &values, &count, &error);
    }
    recs_vector_file_close(file);
    assert_int_equal(status, RECS_ERR_DATA);
    if (strstr(error.text, says) == NULL || strstr(error.text, name) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, says);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *says;
    } cases[] = {
        {"t.csv", "a,1,2\nb,1\n", "line 2 has 1 numbers, the first has 2"},
        {"t.csv", "a,1,2\nb,1,2,3\n", "line 2 has 3 numbers"},
        {"t.csv", "a,1,2\nb,1,x\n", "line 2, number 2: \"x\" is not a number"},
        {"t.csv", "a,1,2\nb,nan,3\n", "line 2, number 1: \"nan\", expected a finite float"},
        {"t.csv", "a,1,2\nb,1e39,3\n", "line 2, number 1"},
        {"t.csv", "a,1,2\n,1,2\n", "line 2: id \"\" is empty"},
        {"t.csv", "", "found none"},
        {"t.csv", "id,vector\n", "found none"},
        {"t.jsonl", "{\"id\": \"a\"}", "line 1 has no \"vector\""},
        {"t.jsonl", "{\"vector\": [1]}", "line 1 has no \"id\""},
        {"t.jsonl", "{\"id\": \"a\", \"vector\": []}", "dimension 0"},
        {"t.jsonl", "{\"id\": \"a\", \"vector\": [1]}\n{\"id\": \"b\", \"vector\": [1, 2]}",
         "line 2 has 2 numbers"},
        {"t.jsonl", "{\"id\": \"a\", \"vector\": [1]}\n{\"id\": \"b\", \"vector\": [null]}",
         "line 2, number 1: \"null\" is not a number"},
        {"t.jsonl", "{\"id\": \"a\", \"vector\": [1}", "column 25: expected a comma or ]"},
        {"t.jsonl", "{\"id\": 1.5, \"vector\": [1]}", "a string or a whole number"},
        {"t.jsonl", "{\"id\": \"\\ud83d\", \"vector\": [1]}", "hexadecimal"},
        {"t.jsonl", "{\"id\": \"a\", \"vector\": [1]} x", "the end of the line"},
        {"t.jsonl", "{\"id\": \"a\", \"x\": [[[", "expected a value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(cases[i].name, cases[i].text, strlen(cases[i].text), cases[i].says);

    char bytes[512];
    size_t size = npy(bytes, "<f4", "(4, 2)", rows, sizeof rows);
    check_refused("t.npy", bytes, size, "ends in row 3");
    size = npy(bytes, "<f4", "(3,)", rows, sizeof rows);
    check_refused("t.npy", bytes, size, "two dimensions");
    size = npy(bytes, "<f4", "(3, 2, 2)", rows, sizeof rows);
    check_refused("t.npy", bytes, size, "two dimensions");
    size = npy(bytes, ">f4", "(3, 2)", rows, sizeof rows);
    check_refused("t.npy", bytes, size, ">f4");
    size = npy(bytes, "<f4", "(3, 100000)", rows, sizeof rows);
    check_refused("t.npy", bytes, size, "dimension 100000");
    check_refused("t.npy", bytes, 20, "ends in its header");
    float bad[2][2] = {{1, 2}, {3, NAN}};
    size = npy(bytes, "<f4", "(2, 2)", bad, sizeof bad);
    check_refused("t.npy", bytes, size, "row 1, column 1: NaN");
    const int32_t fvecs[] = {1, 0, 2, 0, 0};
    check_refused("t.fvecs", fvecs, sizeof fvecs, "row 1 has dimension 2, the first has 1");
    check_refused("t.fvecs", fvecs, 6, "ends in row 0");
    check_refused("t.fvecs", fvecs, 10, "ends in row 1");

    recs_error error = {0};
    recs_vector_file *file = NULL;
    char ids[TMP_PATH_MAX];
    for (int more = 0; more < 2; more++) {
        const char *given;
        const uint32_t *offsets;
        const float *values;
        size_t count;
        tmp_write(&folder, "ids", more ? "a\nb\nc\nd\n" : "a\nb\n", more ? 8 : 4, ids);
        recs_vector_file_options options = {.struct_size = sizeof options, .ids = ids};
        size = npy(bytes, "<f4", "(3, 2)", rows, sizeof rows);
        assert_int_equal(open_bytes(&file, "i.npy", bytes, size, &options, NULL, &error), RECS_OK);
        assert_int_equal(recs_vector_file_next(file, 9, &given, &offsets, &values, &count, &error),
                         RECS_ERR_DATA);
        assert_non_null(strstr(error.text, more ? "more than" : "has 2 ids"));
        recs_vector_file_close(file);
        assert_int_equal(open_bytes(&file, "i.csv", "a,1\n", 4, &options, NULL, &error),
                         RECS_ERR_ARGUMENT);
    }
    recs_vector_file_options options = {.struct_size = sizeof options, .format = "xml"};
    assert_int_equal(open_bytes(&file, "i.csv", "a,1\n", 4, &options, NULL, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_vector_file_open(&file, "/nonexistent/x", NULL, NULL, &error),
                     RECS_ERR_NOT_FOUND);
    assert_null(file);
}

static void test_no_memory(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    static const char json[] = "{\"id\": \"a\", \"vector\": [1, 2]}\n{\"id\": 2, \"vector\": [3, 4]}\n";
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_vector_file *file = NULL;
        const char *ids;
        const uint32_t *offsets;
        const float *values;
        size_t count;
        if (fault_passed(&faults, open_bytes(&file, "m.jsonl", json, sizeof json - 1, NULL,
                                             &faults.host, &error), &error) &&
            fault_passed(&faults, recs_vector_file_next(file, 9, &ids, &offsets, &values, &count,
                                                        &error), &error))
            assert_int_equal(count, 2);
        recs_vector_file_close(file);
    }
    fault_host_done(&faults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
    };
    tmp_make(&folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tmp_remove(&folder);
    return failed;
}
