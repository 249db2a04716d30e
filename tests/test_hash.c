/* test_hash.c - XXH3 as published, and as models have stored it. */
#include "base/hash.h"
#include "support/test.h"

#include <string.h>

static void test_published(void **state) {
    (void)state;
    char hex[33];
    assert_true(recs__hash("", 0) == UINT64_C(0x2D06800538D394C2));
    recs__hash_hex("", 0, hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
    assert_true(recs__hash("abc", 3) == UINT64_C(0x78af5f94892f3950));
    assert_true(recs__hash_seeded("abc", 3, 7) == UINT64_C(0x48ff56f569e39912));
    recs__hash_hex("abc", 3, hex);
    assert_string_equal(hex, "06b05ab6733a618578af5f94892f3950");
}

/* All lengths around the method's internal borders, at every alignment. */
static void test_lengths_and_alignment(void **state) {
    (void)state;
    unsigned char bytes[1300];
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 167 >> 3);
    for (size_t size = 0; size <= 1200; size++) {
        unsigned char moved[1300];
        size_t shift = size % 8;
        memcpy(moved + shift, bytes, size);
        uint64_t hash = recs__hash(bytes, size);
        assert_true(hash == recs__hash(moved + shift, size));
        assert_true(hash == recs__hash_seeded(bytes, size, 0));
        assert_true(hash != recs__hash_seeded(bytes, size, 1));
        sum = sum * 31 + hash;
    }
    assert_true(sum == UINT64_C(0x537c9e79c9e49f27));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published),
                                       cmocka_unit_test(test_lengths_and_alignment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
