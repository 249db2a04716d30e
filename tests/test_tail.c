/* test_tail.c - bounds that always hold, estimates that are near. */
#include "base/random.h"
#include "live/tail.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS = 4000 };

static recs_host host;

static uint64_t key_of(uint32_t number) {
    recs__random random;
    recs__random_seed(&random, number);
    return recs__random_u64(&random);
}

static recs__tail *make(size_t lines) {
    recs__tail *tail;
    assert_int_equal(recs__tail_create(&tail, lines * RECS__TAIL_LINE, &host, NULL), RECS_OK);
    assert_int_equal(recs__tail_lines(tail), lines);
    return tail;
}

static void check(recs__tail *tail, const double *truth) {
    for (uint32_t k = 0; k < KEYS; k++) {
        uint32_t bound, count = recs__tail_peek(tail, key_of(k), &bound);
        if ((double)bound < truth[k] || bound < count)
            fail_msg("key %u: bound %u, estimate %u, truth %g", k, bound, count, truth[k]);
    }
}

/* Any sequence of operations, on a tail much too small. */
static void test_bounds(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 3);
    for (int turn = 0; turn < 12; turn++) {
        double *truth = calloc(KEYS, sizeof *truth);
        recs__tail *tail = make(1 + recs__random_below(&random, 40));
        for (int step = 0; step < 20000; step++) {
            double u = recs__random_double(&random);
            uint32_t k = (uint32_t)(KEYS * u * u * u), bound;
            uint32_t units = (uint32_t)recs__random_below(&random, 4);
            switch (recs__random_below(&random, 60)) {
            case 0: /* its counter takes over what was counted, and gives it back */
                recs__tail_peek(tail, key_of(k), &bound);
                recs__tail_take(tail, key_of(k));
                recs__tail_give(tail, key_of(k), bound < 60000 ? bound : 60000);
                break;
            case 1:
                if (recs__random_below(&random, 20) == 0) {
                    recs__tail_halve(tail);
                    for (uint32_t i = 0; i < KEYS; i++)
                        truth[i] /= 2;
                }
                break;
            default:
                truth[k] += units;
                uint32_t count = recs__tail_add(tail, key_of(k), units, &bound);
                assert_true(bound >= count && (double)bound >= truth[k]);
            }
        }
        check(tail, truth);
        recs__tail_destroy(tail);
        free(truth);
    }
}

static void test_merge(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 4);
    double *truth = calloc(KEYS, sizeof *truth);
    recs__tail *a = make(60), *b = make(60);
    unsigned char *lines = malloc(60 * RECS__TAIL_LINE);
    for (int step = 0; step < 60000; step++) {
        double u = recs__random_double(&random);
        uint32_t k = (uint32_t)(KEYS * u * u * u), bound;
        recs__tail_add(step % 3 == 0 ? a : b, key_of(k), 1, &bound);
        truth[k]++;
    }
    recs__tail_read(b, 0, 60, lines);
    recs__tail_merge(a, lines);
    check(a, truth);
    for (size_t i = 0; i < 60 * RECS__TAIL_LINE; i++) /* any bytes */
        lines[i] = (unsigned char)recs__random_u64(&random);
    recs__tail_merge(a, lines);
    check(a, truth);
    free(lines);
    free(truth);
    recs__tail_destroy(a);
    recs__tail_destroy(b);
}

/* Where there is room, counts up to 4 are exact, and larger ones on average. */
static void test_estimates(void **state) {
    (void)state;
    recs__tail *tail = make(400);
    double sum = 0, counted = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
        uint32_t bound, times = k % 40 == 0 ? 300 : 1 + k % 4;
        for (uint32_t i = 0; i < times; i++)
            recs__tail_add(tail, key_of(k), 1, &bound);
        uint32_t count = recs__tail_peek(tail, key_of(k), &bound);
        if (times == 300) {
            sum += count;
            counted += times;
        }
    }
    assert_true(sum > counted * 0.85 && sum < counted * 1.15);
    uint32_t exact = 0, small = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
        uint32_t bound;
        small += k % 40 != 0;
        exact += k % 40 != 0 && recs__tail_peek(tail, key_of(k), &bound) == 1 + k % 4;
    }
    assert_true(exact > small * 95 / 100); /* fingerprints of 11 bits collide */
    recs__tail_destroy(tail);
    for (unsigned level = 1; level < 32; level++)
        assert_true(recs__tail_level(level) > recs__tail_level(level - 1));
}

static void test_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs__tail *tail;
        recs_error error = {0};
        if (fault_passed(&faults, recs__tail_create(&tail, 6400, &faults.host, &error), &error))
            recs__tail_destroy(tail);
    }
}

int main(void) {
    recs__host_init(&host, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
