/* Tests of src/search/filter.c: against plain flags, and left clean. */
#include "support/test.h"

#include "base/memory.h"
#include "base/random.h"
#include "search/filter.h"
#include "support/fault_host.h"

#include <stdlib.h>

enum { ROWS = 1000 };

static recs_host host;
static recs_error error;

static void check(const recs__filter *filter, const bool *eligible) {
    size_t count = 0;
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_int_equal(recs__filter_eligible(filter, row), eligible[row]);
        count += eligible[row];
    }
    assert_int_equal(filter->eligible, count);
}

static void rows_are_what_the_lists_say(void **state) {
    (void)state;
    recs__filter filter = {0};
    recs__random random;
    recs__random_seed(&random, 17);
    int8_t available[ROWS];
    for (uint32_t row = 0; row < ROWS; row++)
        available[row] = (int8_t)((int)recs__random_below(&random, 3) - 1);
    assert_int_equal(recs__filter_unavailable(NULL, ROWS), 0);
    size_t zeros = recs__filter_unavailable(available, ROWS);
    for (int round = 0; round < 40; round++) {
        bool eligible[ROWS], looked = round % 2 == 1, allow = round % 4 >= 2;
        for (uint32_t row = 0; row < ROWS; row++)
            eligible[row] = (!looked || available[row] != 0) && !allow;
        assert_int_equal(recs__filter_begin(&filter, &host, ROWS, looked ? available : NULL,
                                            zeros, &error),
                         RECS_OK);
        if (allow) {
            uint32_t list[300];
            size_t count = (size_t)recs__random_below(&random, 300);
            for (size_t i = 0; i < count; i++) {
                list[i] = (uint32_t)recs__random_below(&random, ROWS + 50);
                if (list[i] < ROWS)
                    eligible[list[i]] = !looked || available[list[i]] != 0;
            }
            assert_int_equal(recs__filter_allow(&filter, &host, list, count, &error), RECS_OK);
            for (size_t i = 1; i < filter.allow_count; i++)
                assert_true(filter.allow[i - 1] < filter.allow[i]);
        }
        check(&filter, eligible);
        for (int i = 0; i < 100; i++) {
            uint32_t row = (uint32_t)recs__random_below(&random, ROWS + 50);
            assert_int_equal(recs__filter_exclude(&filter, &host, row, &error), RECS_OK);
            if (row < ROWS)
                eligible[row] = false;
        }
        check(&filter, eligible);
        for (uint32_t row = 0; row < ROWS; row++) {
            if (!eligible[row])
                continue;
            recs__filter_flip(&filter, row);
            assert_false(recs__filter_eligible(&filter, row));
            recs__filter_flip(&filter, row);
        }
        check(&filter, eligible);
        recs__filter_clear(&filter);
        for (size_t word = 0; word < filter.words; word++)
            assert_true(filter.bits[word] == 0);
    }
    assert_true(recs__filter_memory(&filter) >= ROWS / 8);
    recs__filter_free(&filter, &host);
}

static void lack_of_memory_leaves_it_usable(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error failed = {0};
        recs_host mine;
        recs__filter filter = {0};
        uint32_t list[] = {3, 1, 2};
        bool eligible[ROWS] = {false};
        fault_off(&faults);
        assert_int_equal(recs__host_init(&mine, &faults.host, &failed), RECS_OK);
        fault_on(&faults);
        recs_status status = recs__filter_begin(&filter, &mine, ROWS, NULL, 0, &failed);
        for (uint32_t row = 0; status == RECS_OK && row < 20; row++)
            status = recs__filter_exclude(&filter, &mine, row, &failed);
        if (status == RECS_OK)
            status = recs__filter_begin(&filter, &mine, ROWS, NULL, 0, &failed);
        if (status == RECS_OK)
            status = recs__filter_allow(&filter, &mine, list, 3, &failed);
        fault_passed(&faults, status, &failed);
        fault_off(&faults);
        assert_int_equal(recs__filter_begin(&filter, &mine, ROWS, NULL, 0, &failed), RECS_OK);
        assert_int_equal(recs__filter_allow(&filter, &mine, list, 3, &failed), RECS_OK);
        eligible[1] = eligible[2] = eligible[3] = true;
        check(&filter, eligible);
        recs__filter_free(&filter, &mine);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_what_the_lists_say),
        cmocka_unit_test(lack_of_memory_leaves_it_usable),
    };
    if (recs__host_init(&host, NULL, NULL) != RECS_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
