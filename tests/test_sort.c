/* Tests of src/search/sort.c: random, ordered, equal and adversarial input. */
#include "support/test.h"

#include "base/random.h"
#include "search/sort.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 3000 };

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void fill(uint64_t *keys, size_t count, int shape, recs__random *random) {
    for (size_t i = 0; i < count; i++) {
        switch (shape) {
        case 0: keys[i] = recs__random_u64(random); break;
        case 1: keys[i] = recs__random_below(random, 3); break;
        case 2: keys[i] = i; break;
        case 3: keys[i] = count - i; break;
        case 4: keys[i] = 7; break;
        case 5: keys[i] = i % 2 ? i : count - i; break;
        /* Defeats the median of first, middle and last again and again. */
        default: keys[i] = i < count / 2 ? 2 * i : 2 * (i - count / 2) + 1; break;
        }
    }
}

static void keys_are_sorted_and_selected_as_by_the_c_library(void **state) {
    (void)state;
    static uint64_t keys[MOST], sorted[MOST], chosen[MOST];
    static const size_t counts[] = {0, 1, 2, 3, 24, 25, 26, 100, 513, MOST};
    recs__random random;
    recs__random_seed(&random, 3);
    for (int shape = 0; shape < 7; shape++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            size_t count = counts[c];
            fill(keys, count, shape, &random);
            memcpy(sorted, keys, sizeof keys);
            qsort(sorted, count, sizeof *sorted, ascending);
            for (size_t keep = 1; keep <= count; keep += 1 + count / 5) {
                memcpy(chosen, keys, sizeof keys);
                recs__select_keys(chosen, count, keep);
                assert_true(chosen[keep - 1] == sorted[keep - 1]);
                recs__sort_keys(chosen, keep);
                assert_memory_equal(chosen, sorted, keep * sizeof *sorted);
            }
            recs__sort_keys(keys, count);
            assert_memory_equal(keys, sorted, count * sizeof *sorted);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_sorted_and_selected_as_by_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
