/* test_error.c - the text a failure leaves behind. */
#include "base/error.h"
#include "base/text.h"
#include "support/test.h"

#include <errno.h>
#include <string.h>

static void test_layout(void **state) {
    (void)state;
    assert_int_equal(sizeof(recs_error), 512);
    assert_int_equal(offsetof(recs_error, text), 8);
}

static void test_fail_fills_and_returns(void **state) {
    (void)state;
    recs_error error = {.reserved = 7};
    assert_int_equal(recs__fail(&error, RECS_ERR_LIMIT, "k is %d, expected at most %s", 9, "5"),
                     RECS_ERR_LIMIT);
    assert_int_equal(error.status, RECS_ERR_LIMIT);
    assert_int_equal(error.reserved, 0);
    assert_string_equal(error.text, "k is 9, expected at most 5");
    assert_int_equal(recs__fail(NULL, RECS_ERR_DATA, "nobody listens"), RECS_ERR_DATA);
}

static void test_wraps_its_own_text(void **state) {
    (void)state;
    recs_error error = {0};
    recs__fail(&error, RECS_ERR_DATA, "inner");
    recs__fail(&error, RECS_ERR_IO, "outer: %s", error.text);
    assert_string_equal(error.text, "outer: inner");
}

static void test_cleans_hostile_text(void **state) {
    (void)state;
    recs_error error = {0};
    recs__fail(&error, RECS_ERR_DATA, "id \"%s\"", "a\nb\r\tc\x1B[31m\x7F");
    assert_string_equal(error.text, "id \"a?b??c?[31m?\"");
    recs__fail(&error, RECS_ERR_DATA, "%s", "\xFF x \xC0\x80 y \xED\xA0\x80 z \xE2\x82");
    assert_string_equal(error.text, "? x ?? y ??? z ??");
    recs__fail(&error, RECS_ERR_DATA, "%s", "C1 \xC2\x85 separators \xE2\x80\xA8\xE2\x80\xA9.");
    assert_string_equal(error.text, "C1 ? separators ??.");
    recs__fail(&error, RECS_ERR_DATA, "%s", "h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8D\x95");
    assert_string_equal(error.text, "h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8D\x95");
}

/* For every length around the limit and every kind of character there. */
static void test_cuts_at_a_character(void **state) {
    (void)state;
    static const char *const kinds[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x8D\x95",
                                        "\xFF"};
    for (size_t kind = 0; kind < 5; kind++)
        for (size_t front = 0; front < 8; front++)
            for (size_t whole = 480; whole < 2600; whole += whole < 520 ? 1 : 97) {
                char text[2700];
                size_t width = strlen(kinds[kind]), used = front;
                memset(text, '-', front);
                while (used + width <= whole) {
                    memcpy(text + used, kinds[kind], width);
                    used += width;
                }
                text[used] = '\0';
                recs_error error;
                memset(&error, 0x55, sizeof error);
                recs__fail(&error, RECS_ERR_DATA, "%s", text);
                size_t size = strlen(error.text);
                assert_true(size < sizeof error.text);
                assert_true(recs__utf8_valid(error.text, size));
                if (used < sizeof error.text) {
                    if (kind < 4)
                        assert_string_equal(error.text, text);
                    else
                        assert_int_equal(size, used);
                } else {
                    assert_true(size > sizeof error.text - 1 - 4 - 3);
                    assert_string_equal(error.text + size - 3, "\xE2\x80\xA6");
                    if (kind < 4)
                        assert_memory_equal(error.text, text, size - 3);
                }
            }
}

static void test_small_rooms(void **state) {
    (void)state;
    for (size_t room = 5; room < 20; room++) {
        char out[20];
        memset(out, 'Z', sizeof out);
        size_t size = recs__one_line(out, room, "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 9, false);
        assert_true(size < room);
        assert_int_equal(out[size], '\0');
        assert_int_equal(strlen(out), size);
        assert_true(recs__utf8_valid(out, size));
        for (size_t i = room; i < sizeof out; i++)
            assert_int_equal(out[i], 'Z');
    }
}

static void test_memory_text(void **state) {
    (void)state;
    recs_error error = {0};
    assert_int_equal(recs__fail_memory(&error, 123), RECS_ERR_MEMORY);
    assert_string_equal(error.text, "out of memory: 123 bytes asked for");
    assert_int_equal(recs__fail_memory(&error, SIZE_MAX), RECS_ERR_MEMORY);
    assert_null(strstr(error.text, "18446744073709551615"));
}

static void test_errno_text(void **state) {
    (void)state;
    recs_error error = {0};
    assert_int_equal(recs__fail_errno(&error, ENOENT, "cannot open %s", "a.recs"),
                     RECS_ERR_NOT_FOUND);
    assert_string_equal(error.text, "cannot open a.recs: No such file or directory");
    assert_int_equal(recs__fail_errno(&error, ENOMEM, "x"), RECS_ERR_MEMORY);
    assert_int_equal(recs__fail_errno(&error, ENOSPC, "cannot write %s", "a.recs"), RECS_ERR_IO);
    assert_string_equal(error.text, "cannot write a.recs: No space left on device");
    assert_int_equal(error.status, RECS_ERR_IO);
    assert_int_equal(recs__fail_errno(NULL, EACCES, "x"), RECS_ERR_IO);
    recs__fail_errno(&error, 99999, "odd");
    assert_memory_equal(error.text, "odd: ", 5);
    assert_true(strlen(error.text) > 5);
}

static void test_errno_reason_survives_a_long_path(void **state) {
    (void)state;
    char path[4097];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    recs_error error = {0};
    recs__fail_errno(&error, EACCES, "cannot open %s", path);
    const char *reason = "\xE2\x80\xA6: Permission denied";
    assert_string_equal(error.text + strlen(error.text) - strlen(reason), reason);
}

static void test_status_text(void **state) {
    (void)state;
    for (int a = RECS_OK; a <= RECS_ERR_CALLBACK; a++) {
        assert_string_not_equal(recs_status_text((recs_status)a), "unknown status");
        for (int b = 0; b < a; b++)
            assert_string_not_equal(recs_status_text((recs_status)a),
                                    recs_status_text((recs_status)b));
    }
    assert_string_equal(recs_status_text(RECS_ERR_NOT_FOUND), "not found");
    assert_string_equal(recs_status_text((recs_status)14), "unknown status");
    assert_string_equal(recs_status_text((recs_status)-1), "unknown status");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_fail_fills_and_returns),
        cmocka_unit_test(test_wraps_its_own_text),
        cmocka_unit_test(test_cleans_hostile_text),
        cmocka_unit_test(test_cuts_at_a_character),
        cmocka_unit_test(test_small_rooms),
        cmocka_unit_test(test_memory_text),
        cmocka_unit_test(test_errno_text),
        cmocka_unit_test(test_errno_reason_survives_a_long_path),
        cmocka_unit_test(test_status_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
