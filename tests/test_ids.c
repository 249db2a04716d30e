/* test_ids.c - the id table, whole and damaged. */
#include "data/ids.h"
#include "recs/base.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static const uint64_t offsets[] = {0, 2, 5, 9};
static const char bytes[] = "b\0ba\0\xC3\xA4z"; /* b, ba, äz; the last NUL is the literal's */
static const recs__ids table = {.offsets = offsets, .bytes = bytes, .size = 9, .count = 3};

static void test_get(void **state) {
    (void)state;
    size_t size = 99;
    assert_string_equal(recs__ids_get(&table, 0, &size), "b");
    assert_int_equal(size, 1);
    assert_string_equal(recs__ids_get(&table, 1, NULL), "ba");
    assert_string_equal(recs__ids_get(&table, 2, &size), "\xC3\xA4z");
    assert_int_equal(size, 3);
    assert_null(recs__ids_get(&table, 3, &size));
    assert_int_equal(size, 0);
    assert_null(recs__ids_get(&table, RECS_NO_ROW, NULL));
}

static void test_find(void **state) {
    (void)state;
    assert_int_equal(recs__ids_find(&table, "b", 1), 0);
    assert_int_equal(recs__ids_find(&table, "ba", 2), 1);
    assert_int_equal(recs__ids_find(&table, "\xC3\xA4z", 3), 2);
    const char *absent[] = {"", "a", "bb", "b\x01", "\xC3\xA4", "\xC3\xA4zz"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        assert_int_equal(recs__ids_find(&table, absent[i], strlen(absent[i])), RECS_NO_ROW);
    recs__ids empty = {0};
    assert_int_equal(recs__ids_find(&empty, "b", 1), RECS_NO_ROW);
    assert_null(recs__ids_get(&empty, 0, NULL));
}

static void test_find_among_many(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    static uint64_t ends[COUNT + 1];
    static char ids[COUNT * 5];
    for (int i = 0; i < COUNT; i++) {
        snprintf(ids + (size_t)i * 5, 5, "%04d", i * 7);
        ends[i + 1] = (uint64_t)(i + 1) * 5;
    }
    recs__ids many = {.offsets = ends, .bytes = ids, .size = sizeof ids, .count = COUNT};
    for (int i = 0; i < COUNT * 7; i++) {
        char id[16];
        int size = snprintf(id, sizeof id, "%04d", i);
        assert_int_equal(recs__ids_find(&many, id, (size_t)size),
                         i % 7 == 0 ? (uint32_t)i / 7 : RECS_NO_ROW);
    }
}

static void test_damaged(void **state) {
    (void)state;
    const uint64_t bad[] = {5, 2, 2, 10, UINT64_MAX, 4};
    recs__ids damaged = {.offsets = bad, .bytes = bytes, .size = 9, .count = 5};
    for (uint32_t i = 0; i < 5; i++) {
        size_t size = 7;
        assert_null(recs__ids_get(&damaged, i, &size)); /* backwards, empty, beyond, wild */
        assert_int_equal(size, 0);
    }
    assert_int_equal(recs__ids_find(&damaged, "b", 1), RECS_NO_ROW);

    const uint64_t no_nul[] = {0, 1};
    recs__ids torn = {.offsets = no_nul, .bytes = bytes, .size = 9, .count = 1};
    assert_null(recs__ids_get(&torn, 0, NULL));
}

static void test_longest(void **state) {
    (void)state;
    recs__ids limited = table;
    limited.longest = 2;
    assert_string_equal(recs__ids_get(&limited, 1, NULL), "ba");
    assert_null(recs__ids_get(&limited, 2, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),     cmocka_unit_test(test_find),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_find_among_many),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
