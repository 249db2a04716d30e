/* test_checked.c - sums and products at the edge of their type. */
#include "base/checked.h"
#include "support/test.h"

static void test_size(void **state) {
    (void)state;
    size_t out = 7;
    assert_false(recs__add_size(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_true(recs__add_size(SIZE_MAX, 1, &out));
    assert_true(recs__add_size(1, SIZE_MAX, &out));
    assert_false(recs__add_size(0, SIZE_MAX, &out));
    assert_false(recs__mul_size(SIZE_MAX, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_false(recs__mul_size(0, SIZE_MAX, &out));
    assert_true(out == 0);
    assert_false(recs__mul_size(SIZE_MAX, 0, &out));
    assert_true(out == 0);
    assert_true(recs__mul_size(SIZE_MAX / 2 + 1, 2, &out));
    assert_false(recs__mul_size(SIZE_MAX / 2, 2, &out));
    assert_true(out == SIZE_MAX - 1);
}

/* Against the same in half the width, where the whole result fits. */
static void test_u64(void **state) {
    (void)state;
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     3,
                                     UINT32_MAX,
                                     UINT64_C(1) << 32,
                                     (UINT64_C(1) << 32) + 1,
                                     UINT64_MAX / 3,
                                     UINT64_MAX / 2,
                                     UINT64_MAX / 2 + 1,
                                     UINT64_MAX - 1,
                                     UINT64_MAX};
    enum { EDGES = sizeof edges / sizeof *edges };
    for (size_t i = 0; i < EDGES; i++)
        for (size_t j = 0; j < EDGES; j++) {
            uint64_t a = edges[i], b = edges[j], out;
            bool over = recs__add_u64(a, b, &out);
            assert_int_equal(over, a + b < a);
            if (!over)
                assert_true(out == a + b);
            bool too_large = recs__mul_u64(a, b, &out);
            assert_int_equal(too_large, a != 0 && a * b / a != b);
            if (!too_large)
                assert_true(out == a * b);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_size), cmocka_unit_test(test_u64)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
