/* test_text.c - UTF-8, ids and numbers, the last against the C library. */
#include "base/random.h"
#include "base/text.h"
#include "recs/base.h"
#include "support/test.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- UTF-8 ------------------------------------------------------------------ */

/* Every code point, encoded by the rule, and what borders on it. */
static void test_all_code_points(void **state) {
    (void)state;
    for (uint32_t c = 0; c < 0x110100; c++) {
        unsigned char b[4];
        size_t size;
        if (c < 0x80) {
            b[0] = (unsigned char)c;
            size = 1;
        } else if (c < 0x800) {
            b[0] = (unsigned char)(0xC0 | c >> 6);
            size = 2;
        } else if (c < 0x10000) {
            b[0] = (unsigned char)(0xE0 | c >> 12);
            size = 3;
        } else {
            b[0] = (unsigned char)(0xF0 | c >> 18);
            size = 4;
        }
        for (size_t i = 1; i < size; i++)
            b[i] = (unsigned char)(0x80 | (c >> (6 * (size - 1 - i)) & 0x3F));
        bool allowed = c < 0x110000 && !(c >= 0xD800 && c < 0xE000);
        const char *text = (const char *)b;
        assert_int_equal(recs__utf8_step(text, size), allowed ? size : 0);
        assert_int_equal(recs__utf8_valid(text, size), allowed);
        if (size > 1)
            assert_false(recs__utf8_valid(text, size - 1));
    }
}

static void test_malformed(void **state) {
    (void)state;
    static const char *const wrong[] = {"\x80",         "\xBF",         "\xC0\x80",
                                        "\xC1\xBF",     "\xE0\x80\x80", "\xE0\x9F\xBF",
                                        "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF5\x80\x80\x80",
                                        "\xFE",         "\xFF",         "\xC3(",
                                        "\xE2\x82(",    "\xF0\x9F\x8D(", "\xED\xA0\x80"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        for (size_t front = 0; front < 20; front++) {
            char text[64];
            int size = snprintf(text, sizeof text, "%.*s%s", (int)front,
                                "aaaaaaaaaaaaaaaaaaaa", wrong[i]);
            assert_false(recs__utf8_valid(text, (size_t)size));
            strcat(text, "tail of ascii");
            assert_false(recs__utf8_valid(text, strlen(text)));
        }
    assert_true(recs__utf8_valid("", 0));
    assert_int_equal(recs__utf8_step("x", 0), 0);
}

/* ---- ids --------------------------------------------------------------------- */

static void test_id_problem(void **state) {
    (void)state;
    char longest[RECS_ID_MAX + 1];
    memset(longest, 'x', sizeof longest);
    assert_null(recs__id_problem("42", 2));
    assert_null(recs__id_problem("caf\xC3\xA9", 5));
    assert_null(recs__id_problem(longest, RECS_ID_MAX));
    assert_string_equal(recs__id_problem(longest, RECS_ID_MAX + 1), "is longer than 511 bytes");
    assert_string_equal(recs__id_problem("", 0), "is empty");
    assert_string_equal(recs__id_problem("a\0b", 3), "holds a NUL byte");
    assert_string_equal(recs__id_problem("a\xFF", 2), "is not valid UTF-8");
}

static void test_compare_ids(void **state) {
    (void)state;
    static const char *const ordered[] = {"", "1", "10", "100", "2", "A", "a", "aa", "\xC3\xA9"};
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 9; j++)
            assert_int_equal(recs__compare_ids(ordered[i], strlen(ordered[i]), ordered[j],
                                               strlen(ordered[j])),
                             (i > j) - (i < j));
    assert_int_equal(recs__compare_ids(NULL, 0, NULL, 0), 0);
}

/* ---- numbers ------------------------------------------------------------------- */

static void test_i64(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } right[] = {{"0", 0},
                 {"-0", 0},
                 {"+7", 7},
                 {"007", 7},
                 {"-123456", -123456},
                 {"9223372036854775807", INT64_MAX},
                 {"-9223372036854775808", INT64_MIN},
                 {"00000000000000000000000009", 9}};
    static const char *const wrong[] = {"",    "-",   "+",   " 1",  "1 ",
                                        "1.0", "1e3", "0x1", "--1", "9223372036854775808",
                                        "-9223372036854775809", "99999999999999999999"};
    int64_t value = 5;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        assert_true(recs__parse_i64(right[i].text, strlen(right[i].text), &value));
        assert_true(value == right[i].value);
    }
    value = 5;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(recs__parse_i64(wrong[i], strlen(wrong[i]), &value));
    assert_int_equal(value, 5);
    assert_true(recs__parse_i64("123", 2, &value) && value == 12); /* size, not NUL */
}

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void assert_same_as_library(const char *text) {
    double ours, theirs = strtod(text, NULL);
    if (!recs__parse_double(text, strlen(text), &ours))
        fail_msg("\"%s\" was refused", text);
    if (bits_of(ours) != bits_of(theirs))
        fail_msg("\"%s\" gave %a, expected %a", text, ours, theirs);
}

static void test_double_known(void **state) {
    (void)state;
    static const char *const right[] = {
        "0", "-0", "+0.0", "1", "-1", "1.", ".5", "-.5e1", "3.5", "1e22", "1e23", "1e-22", "1e-23",
        "9007199254740992", "9007199254740993", "9007199254740993.0000000000000000000000000001",
        "9007199254740992e22", "18446744073709551615", "9999999999999999999", "0.1", "0.3",
        "123456789012345678901234567890", "1e308", "1.7976931348623157e308",
        "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "-1e400", "1e99999999999999",
        "1e-99999999999999999999", "4.9e-324", "2.4703282292062327e-324",
        "2.4703282292062328e-324", "2.2250738585072011e-308", "2.2250738585072014e-308",
        "0.000000000000000000000000000000000001e36", "0e999999", "00000000000000000000001.5",
        "1000000000000000000000000000000000000000000e-42", "8.5e-27", "1e27", "3e-27", "1E5",
        "6.0221e+23"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_same_as_library(right[i]);
}

static void test_double_words(void **state) {
    (void)state;
    double value;
    assert_true(recs__parse_double("nan", 3, &value) && isnan(value));
    assert_true(recs__parse_double("-NaN", 4, &value) && isnan(value));
    assert_true(recs__parse_double("inf", 3, &value) && value == (double)INFINITY);
    assert_true(recs__parse_double("-Infinity", 9, &value) && value == -(double)INFINITY);
    value = 5;
    static const char *const wrong[] = {
        "", "+", "-", ".", "-.", "e5", ".e5", "1e", "1e+", "1e-", "1 ", " 1", "1,5", "1.2.3",
        "0x10", "1_0", "--1", "+-1", "in", "infi", "infinityx", "nano", "nan(1)", "1f", "1e5.0",
        "\xEF\xBC\x91"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (recs__parse_double(wrong[i], strlen(wrong[i]), &value))
            fail_msg("\"%s\" was taken for a number", wrong[i]);
    assert_false(recs__parse_double("1\0", 2, &value));
    assert_true(value == 5);
    assert_true(recs__parse_double("12345", 3, &value) && value == 123);
}

/* Digits and exponents of every length, so that all three ways are taken. */
static void test_double_random(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 8);
    for (int i = 0; i < 300000; i++) {
        char text[64];
        size_t used = 0, digits = 1 + (size_t)recs__random_below(&random, 24);
        size_t point = (size_t)recs__random_below(&random, digits + 4);
        for (size_t d = 0; d < digits; d++) {
            if (d == point)
                text[used++] = '.';
            text[used++] = (char)('0' + recs__random_below(&random, 10));
        }
        text[used] = '\0';
        if (i % 3 != 0)
            snprintf(text + used, sizeof text - used, "e%d",
                     (int)recs__random_below(&random, i % 3 == 1 ? 60 : 700) -
                         (i % 3 == 1 ? 30 : 350));
        assert_same_as_library(text);
    }
}

/* Numbers exactly between two doubles, and a hair's breadth beside. */
static void test_double_halfway(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 9);
    for (int i = 0; i < 20000; i++) {
        uint64_t mantissa = (UINT64_C(1) << 52) | recs__random_u64(&random) >> 12;
        int exponent = (int)recs__random_below(&random, 200) - 150;
        long double middle = ldexpl((long double)(2 * mantissa + 1), exponent);
        char text[900];
        int size = snprintf(text, sizeof text, "%.*Lf", exponent < 0 ? -exponent : 1, middle);
        assert_same_as_library(text);
        strcpy(text + size, "0000000000000000000001");
        assert_same_as_library(text);
    }
    char digits[2000];
    memset(digits, '0', sizeof digits);
    memcpy(digits, "9007199254740993.", 17);
    digits[1998] = '1';
    digits[1999] = '\0';
    assert_same_as_library(digits); /* what decides is digit 1,998 */
    digits[1998] = '0';
    assert_same_as_library(digits);
}

static void test_double_ignores_locale(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "de_AT.UTF-8"};
    size_t at = 0;
    while (at < 4 && setlocale(LC_NUMERIC, names[at]) == NULL)
        at++;
    if (at == 4) {
        print_message("skipped: no locale with a decimal comma installed\n");
        skip();
    }
    double value = 0, slow = 0;
    bool read = recs__parse_double("1.5", 3, &value) && recs__parse_double("1.5e-300", 8, &slow);
    bool comma = recs__parse_double("1,5", 3, &value);
    setlocale(LC_NUMERIC, "C");
    assert_true(read && !comma && value == 1.5 && slow == 1.5e-300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_code_points),  cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_id_problem),       cmocka_unit_test(test_compare_ids),
        cmocka_unit_test(test_i64),              cmocka_unit_test(test_double_known),
        cmocka_unit_test(test_double_words),     cmocka_unit_test(test_double_random),
        cmocka_unit_test(test_double_halfway),   cmocka_unit_test(test_double_ignores_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
