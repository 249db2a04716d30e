/* test_tune_state.c - lines out and in again, cut ones, damaged ones, and two
 * at once. */
#include "train/tune_state.h"

#include "base/memory.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_host host;

static int setup(void **state) {
    (void)state;
    return recs__host_init(&host, NULL, NULL) != RECS_OK;
}

static void append_two(recs__state *s) {
    recs__state_writer w;
    recs_error error = {0};
    recs__state_begin(&w, &host, &error);
    recs__state_add_text(&w, "name", "a \"quoted\\\" text,\n\ttwo {lines}");
    recs__state_add_number(&w, "third", 1.0 / 3.0);
    recs__state_add_number(&w, "none", NAN);
    assert_int_equal(recs__state_append(s, &w, &error), RECS_OK);
    recs__state_begin(&w, &host, &error);
    recs__state_add_number(&w, "whole", -12.0);
    assert_int_equal(recs__state_append(s, &w, &error), RECS_OK);
}

static void expect_two(recs__state *s) {
    recs__state_line line;
    bool there;
    double number;
    recs_error error = {0};
    assert_int_equal(recs__state_next(s, &line, &there, &error), RECS_OK);
    assert_true(there);
    assert_string_equal(recs__state_text(&line, "name"), "a \"quoted\\\" text,\n\ttwo {lines}");
    assert_true(recs__state_number(&line, "third", &number) && number == 1.0 / 3.0);
    assert_false(recs__state_number(&line, "none", &number));
    assert_false(recs__state_number(&line, "name", &number));
    assert_null(recs__state_text(&line, "third"));
    assert_int_equal(recs__state_next(s, &line, &there, &error), RECS_OK);
    assert_true(there);
    assert_true(recs__state_number(&line, "whole", &number) && number == -12.0);
    assert_int_equal(recs__state_next(s, &line, &there, &error), RECS_OK);
    assert_false(there);
}

static void test_there_and_back(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    recs__state s, other;
    recs_error error = {0};
    tmp_make(&folder);
    tmp_path(&folder, "state", path);
    assert_int_equal(recs__state_open(&s, path, &host, &error), RECS_OK);
    append_two(&s);
    /* One at a time. */
    assert_int_equal(recs__state_open(&other, path, &host, &error), RECS_ERR_CONFLICT);
    recs__state_close(&other);
    recs__state_close(&s);

    /* The end of a line that was never finished is cut off. */
    size_t size;
    char *bytes = tmp_read(path, &size);
    char *longer = malloc(size + 30);
    memcpy(longer, bytes, size);
    memcpy(longer + size, "{\"name\": \"half", 14);
    tmp_write(&folder, "state", longer, size + 14, path);
    assert_int_equal(recs__state_open(&s, path, &host, &error), RECS_OK);
    expect_two(&s);
    append_two(&s);
    recs__state_close(&s);
    free(bytes);
    bytes = tmp_read(path, &size);
    assert_int_equal(memchr(bytes, 'h', size) != NULL && strstr(bytes, "half") != NULL, 0);
    free(bytes);
    free(longer);

    /* Without a file nothing is kept. */
    assert_int_equal(recs__state_open(&s, NULL, &host, &error), RECS_OK);
    append_two(&s);
    recs__state_close(&s);
    assert_int_equal(recs__state_open(&s, folder.path, &host, &error), RECS_ERR_IO);
    recs__state_close(&s);
    tmp_remove(&folder);
}

static void test_damaged_lines(void **state) {
    (void)state;
    static const char *const lines[] = {
        "", "x", "[]", "{", "{}x", "{\"a\"}", "{\"a\": }", "{\"a\": 1,, \"b\": 2}", "{\"a\": nan}",
        "{\"a\": 1e999}", "{\"a\": \"x}", "{\"a\": \"\\q\"}", "{a: 1}", "{\"a\": true}",
        "{\"a\": {\"b\": 1}}", "{\"a\": 1 \"b\": 2}", "{\"a\": \"x\\"};
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[100];
        recs__state s;
        recs__state_line line;
        recs_error error = {0};
        bool there;
        int size = snprintf(text, sizeof text, "{\"good\": 1}\n%s\n", lines[i]);
        tmp_write(&folder, "state", text, (size_t)size, path);
        assert_int_equal(recs__state_open(&s, path, &host, &error), RECS_OK);
        assert_int_equal(recs__state_next(&s, &line, &there, &error), RECS_OK);
        if (recs__state_next(&s, &line, &there, &error) != RECS_ERR_CORRUPT)
            fail_msg("'%s' was read", lines[i]);
        assert_non_null(strstr(error.text, "line 2"));
        recs__state_close(&s);
    }
    tmp_remove(&folder);
}

static void test_out_of_memory(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    fault_host faults;
    tmp_make(&folder);
    tmp_write(&folder, "state", "{\"a\": 1}\n", 9, path);
    FAULT_LOOP(faults) {
        recs__state s;
        recs__state_writer w;
        recs_error error = {0};
        recs_host lent;
        assert_int_equal(recs__host_init(&lent, &faults.host, NULL), RECS_OK);
        if (fault_passed(&faults, recs__state_open(&s, path, &lent, &error), &error)) {
            recs__state_begin(&w, &lent, &error);
            recs__state_add_text(&w, "some", "text that is a little longer than the rest of it");
            (void)fault_passed(&faults, recs__state_append(&s, &w, &error), &error);
        }
        recs__state_close(&s);
    }
    tmp_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_damaged_lines),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
