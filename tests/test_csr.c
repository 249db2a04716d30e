/* test_csr.c - rows of a sparse matrix, whole and damaged. */
#include "data/csr.h"
#include "support/test.h"

static void test_rows(void **state) {
    (void)state;
    const uint64_t offsets[] = {0, 2, 2, 5};
    recs__csr csr = {.offsets = offsets, .rows = 3, .column_count = 9, .entries = 5};
    uint64_t first = 99;
    assert_int_equal(recs__csr_row(&csr, 0, &first), 2);
    assert_int_equal(first, 0);
    assert_int_equal(recs__csr_row(&csr, 1, &first), 0);
    assert_int_equal(recs__csr_row(&csr, 2, &first), 3);
    assert_int_equal(first, 2);
    assert_int_equal(recs__csr_row(&csr, 3, &first), 0);
    assert_int_equal(first, 0);
    assert_int_equal(recs__csr_row(&csr, UINT32_MAX, &first), 0);
    recs__csr none = {0};
    assert_int_equal(recs__csr_row(&none, 0, &first), 0);
}

static void test_damaged(void **state) {
    (void)state;
    const uint64_t offsets[] = {0, 4, 3, 6, UINT64_MAX, 0};
    recs__csr csr = {.offsets = offsets, .rows = 5, .column_count = 9, .entries = 5};
    const size_t counts[] = {4, 0, 0, 0, 0};
    for (uint32_t row = 0; row < 5; row++) {
        uint64_t first;
        size_t count = recs__csr_row(&csr, row, &first);
        assert_int_equal(count, counts[row]);
        assert_true(first + count <= csr.entries);
    }
}

/* More than 2^32 entries: only offsets are looked at. */
static void test_large(void **state) {
    (void)state;
    const uint64_t offsets[] = {0, UINT64_C(5000000000), UINT64_C(5000000003)};
    recs__csr csr = {.offsets = offsets, .rows = 2, .entries = UINT64_C(5000000003)};
    uint64_t first;
    assert_int_equal(recs__csr_row(&csr, 1, &first), 3);
    assert_true(first == UINT64_C(5000000000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
