/* test_order.c - orders beside a sort by insertion: equal ones stay as they came. */
#include "train/order.h"

#include "support/test.h"

#include <stdlib.h>

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static const size_t sizes[] = {0, 1, 2, 3, 31, 32, 33, 64, 65, 97, 1000, 1025};
#define MOST 1025

static bool lower(const void *data, uint32_t a, uint32_t b) {
    const int64_t *keys = data;
    return keys[a] < keys[b];
}

static recs_status count_calls(void *data, uint64_t done, uint64_t total, recs_error *error) {
    size_t *left = data;
    (void)error;
    assert_true(done < total);
    return (*left)-- == 0 ? RECS_ERR_CANCELLED : RECS_OK;
}

/* Keys of few different values, numbers in a drawn order, and what they should become. */
static void draw(size_t count, uint32_t *state, int64_t *keys, uint32_t *given, uint32_t *wanted) {
    for (size_t i = 0; i < count; i++) {
        keys[i] = (int64_t)(next(state) % 37) - 18;
        given[i] = (uint32_t)i;
    }
    for (size_t i = count; i > 1; i--) {
        size_t j = next(state) % i;
        uint32_t swap = given[i - 1];
        given[i - 1] = given[j];
        given[j] = swap;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && keys[wanted[at - 1]] > keys[given[i]]; at--)
            wanted[at] = wanted[at - 1];
        wanted[at] = given[i];
    }
}

static void test_orders(void **unused) {
    (void)unused;
    static int64_t keys[MOST];
    static uint32_t given[MOST], wanted[MOST], spare[MOST];
    static uint64_t events[MOST], more[MOST];
    uint32_t state = 7;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int turn = 0; turn < 20; turn++) {
            size_t count = sizes[s], calls = SIZE_MAX;
            draw(count, &state, keys, given, wanted);
            for (size_t i = 0; i < count; i++)
                events[i] = given[i];
            assert_int_equal(recs__order_rows(given, spare, count, lower, keys, NULL, NULL, NULL),
                             RECS_OK);
            assert_int_equal(
                recs__order_events(events, more, count, keys, count_calls, &calls, NULL), RECS_OK);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(given[i], wanted[i]);
                assert_int_equal(events[i], wanted[i]);
            }
        }
}

static void test_a_refusal_ends_it(void **unused) {
    (void)unused;
    static int64_t keys[MOST];
    static uint32_t given[MOST], wanted[MOST];
    static uint64_t events[MOST], more[MOST];
    uint32_t state = 11;
    for (size_t allowed = 0; allowed < 5; allowed++) {
        size_t left = allowed;
        draw(MOST, &state, keys, given, wanted);
        for (size_t i = 0; i < MOST; i++)
            events[i] = given[i];
        assert_int_equal(recs__order_events(events, more, MOST, keys, count_calls, &left, NULL),
                         RECS_ERR_CANCELLED);
        assert_true(left == SIZE_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_a_refusal_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
