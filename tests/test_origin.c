/* test_origin.c - maps of origins against plain arrays, and what a fork leaves. */
#include "base/random.h"
#include "live/origin.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static recs_host host;

static recs__origin numbered(unsigned char number) {
    recs__origin origin = {{number}};
    return origin;
}

static void test_random(void **state) {
    (void)state;
    recs__origin a, b;
    char text[33];
    assert_int_equal(recs__origin_make(&a, NULL), RECS_OK);
    assert_int_equal(recs__origin_make(&b, NULL), RECS_OK);
    assert_true(recs__origin_order(&a, &b) != 0);
    a = (recs__origin){{0, 1, 0xab, [15] = 0xf0}};
    recs__origin_text(&a, text);
    assert_string_equal(text, "0001ab000000000000000000000000f0");
}

/* Against an array of 8 sequences. */
static recs__origins_relation expected(const uint64_t *mine, const uint64_t *theirs) {
    bool shared = false, more = false, less = false;
    for (int i = 0; i < 8; i++) {
        shared |= mine[i] != 0 && theirs[i] != 0;
        more |= mine[i] > theirs[i];
        less |= mine[i] < theirs[i];
    }
    if (!less)
        return RECS__ORIGINS_CONTAINS;
    if (!shared)
        return RECS__ORIGINS_APART;
    return more ? RECS__ORIGINS_TANGLED : RECS__ORIGINS_WITHIN;
}

static void test_map(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 7);
    size_t seen[4] = {0};
    for (int turn = 0; turn < 2000; turn++) {
        recs__origins maps[2] = {{0}};
        uint64_t plain[2][8] = {{0}};
        for (int m = 0; m < 2; m++)
            for (int step = (int)recs__random_below(&random, 12); step > 0; step--) {
                unsigned char number = (unsigned char)recs__random_below(&random, 8);
                uint64_t sequence = recs__random_below(&random, 3);
                recs__origin origin = numbered(number);
                assert_int_equal(recs__origins_reserve(&maps[m], 1, &host, NULL), RECS_OK);
                recs__origins_set(&maps[m], &origin, sequence);
                plain[m][number] = sequence;
            }
        for (int m = 0; m < 2; m++)
            for (unsigned char i = 0; i < 8; i++) {
                recs__origin origin = numbered(i);
                assert_true(recs__origins_at(&maps[m], &origin) == plain[m][i]);
            }
        recs__origin both = numbered(99);
        recs__origins_relation relation = recs__origins_compare(&maps[0], &maps[1], &both);
        assert_int_equal(relation, expected(plain[0], plain[1]));
        if (relation >= RECS__ORIGINS_WITHIN && maps[0].count != 0 && both.bytes[0] != 99)
            assert_true(plain[0][both.bytes[0]] != 0 && plain[1][both.bytes[0]] != 0);
        seen[relation]++;
        recs__origins_free(&maps[0], &host);
        recs__origins_free(&maps[1], &host);
    }
    for (int i = 0; i < 4; i++)
        assert_true(seen[i] > 20);
}

static void fork_is_noticed(recs__fork_mark *mark) {
    assert_false(recs__fork_mark_passed(mark));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool noticed = recs__fork_mark_passed(mark);
        recs__fork_mark_renew(mark);
        _exit(noticed && !recs__fork_mark_passed(mark) ? 0 : 1);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_false(recs__fork_mark_passed(mark));
}

static void test_fork(void **state) {
    (void)state;
    recs__fork_mark mark;
    recs__fork_mark_init(&mark);
    fork_is_noticed(&mark);
    recs__fork_mark_free(&mark);
    recs__fork_mark by_process = {.process = (int64_t)getpid()};
    fork_is_noticed(&by_process);
}

static void test_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs__origins map = {0};
        recs_error error = {0};
        if (fault_passed(&faults, recs__origins_reserve(&map, 3, &faults.host, &error), &error))
            assert_true(map.capacity >= 3);
        recs__origins_free(&map, &faults.host);
    }
}

int main(void) {
    recs__host_init(&host, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
