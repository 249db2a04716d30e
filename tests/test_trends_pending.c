/* test_trends_pending.c - events added one by one: everybody who reads sees them, the
 * state is that of a batch to the bit, a fork counts them once, and no memory loses
 * none; batches joined by place and item against events one after another. */
#include "base/random.h"
#include "recs/query.h"
#include "recs/trends_share.h"
#include "support/fault_host.h"
#include "support/trends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const recs_host still = {.struct_size = sizeof still, .now = trends_clock};

enum { ITEMS = 60, PLACES = 8, EVENTS = 6000 };

static const char *const paths[PLACES] = {"",         "us",    "us/ca", "us/ca/sf",
                                          "us/ca/sf", "us/ny", "de/by", "de"};
static const char *const segments[PLACES] = {NULL, NULL, NULL, NULL, "new", "club", NULL, "new"};

static uint32_t items[EVENTS], places[EVENTS];
static uint64_t actors[EVENTS];
static int64_t times[EVENTS];
static float weights[EVENTS];
static uint8_t returned[EVENTS];

static recs_trends *make(const char *description, const recs_host *host) {
    recs_trends *trends = NULL;
    uint32_t handle;
    OK(recs_trends_create(&trends, description, host, &error));
    for (uint32_t i = 0; i < ITEMS; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%u", i);
        OK(recs_trends_item(trends, id, &handle, &error));
        assert_int_equal(handle, i);
    }
    for (int p = 0; p < PLACES; p++)
        OK(recs_trends_place(trends, paths[p], segments[p], &handle, &error));
    return trends;
}

/* Times ascend over a span; heavy: some weights of a million. */
static void make_events(recs_trends *trends, uint64_t seed, int64_t span, bool heavy) {
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t e = 0; e < EVENTS; e++) {
        double u = recs__random_double(&random);
        size_t p = recs__random_below(&random, PLACES);
        items[e] = (uint32_t)(ITEMS * u * u);
        OK(recs_trends_place(trends, paths[p], segments[p], &places[e], &error));
        actors[e] = recs__random_below(&random, 40);
        times[e] = T0 + (int64_t)((double)span * (double)e / EVENTS);
        weights[e] = heavy && e % 5 == 0 ? 1e6f : (float)recs__random_below(&random, 9) / 4;
        returned[e] = recs__random_below(&random, 9) == 0;
    }
}

static uint64_t state_of(recs_trends *trends) {
    unsigned char *bytes;
    size_t size;
    OK(recs_trends_snapshot(trends, &bytes, &size, &error));
    uint64_t fingerprint = recs_trends_fingerprint(bytes, size);
    recs_trends_bytes_free(trends, bytes);
    return fingerprint;
}

static void add_ones(recs_trends *trends, size_t begin, size_t end) {
    for (size_t e = begin; e < end; e++)
        OK(recs_trends_add_one(trends, items[e], places[e], actors[e], times[e], weights[e],
                               &error));
}

static void add_rows(recs_trends *trends, size_t begin, size_t end, bool returns) {
    OK(recs_trends_add_rows(trends, items + begin, places + begin, actors + begin, times + begin,
                            weights + begin, returns ? returned + begin : NULL, end - begin,
                            RECS_NO_TIME, NULL, &error));
}

static void test_seen_at_once(void **state) {
    (void)state;
    recs_trends *trends = make("half_life=1d|7d, actors=1d, min_actors=0", &still);
    recs_query *query;
    OK(recs_query_create(&query, &still, &error));
    for (uint32_t n = 1; n <= 40; n++) {
        char id[16];
        OK(recs_trends_add_one(trends, n, 0, n, T0 + n * HOUR, 1, &error));
        snprintf(id, sizeof id, "i%u", n);
        switch (n % 8) {
        case 0:
            assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_ADDED), n);
            break;
        case 1:
            assert_true(recs_trends_newest(trends) == T0 + n * HOUR);
            break;
        case 2:
            assert_int_equal(recs_trends_cells(trends), n + 1);
            break;
        case 3:
            assert_int_equal(recs_trends_place_items(trends, 0), n);
            break;
        case 4:
            assert_int_equal(recs_trends_place_actors(trends, 0), n);
            break;
        case 5: {
            char origin[33];
            OK(recs_trends_origin(trends, origin, &error));
            assert_int_equal(recs_trends_sequence(trends, origin), n);
            break;
        }
        default:
            recs_query_reset(query);
            recs_query_limit(query, 1);
            OK(recs_trending(trends, query, &error));
            assert_string_equal(recs_query_id(query, 0), id);
        }
    }
    recs_query_destroy(query);
    recs_trends_destroy(trends);
}

static void test_refused(void **state) {
    (void)state;
    recs_trends *trends = make("future=1h", &still);
    assert_int_equal(recs_trends_add_one(trends, ITEMS, 0, 1, T0, 1, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_add_one(trends, 0, 99, 1, T0, 1, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_add_one(trends, 0, 0, 1, -1, 1, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_add_one(trends, 0, 0, 1, T0, -1, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_add_one(NULL, 0, 0, 1, T0, 1, &error), RECS_ERR_ARGUMENT);
    OK(recs_trends_add_one(trends, 0, 0, 1, T0 + 40 * DAY + HOUR + 1, 1, &error));
    OK(recs_trends_add_one(trends, 0, 0, 1, T0 + 40 * DAY + HOUR, 0, &error));
    OK(recs_trends_add_one(trends, 0, 0, 1, RECS_NO_TIME, 1, &error));
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_FUTURE), 1);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_WEIGHTLESS), 1);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_ADDED), 1);
    assert_true(recs_trends_newest(trends) == T0 + 40 * DAY);
    recs_trends_destroy(trends);
}

/* One by one, in batches of any size, all at once and out of order (the general way of
 * counting): one state. */
static void same_states(const char *description, uint64_t seed, int64_t span, bool heavy) {
    recs_trends *one = make(description, &still), *some = make(description, &still),
                *all = make(description, &still), *mixed = make(description, &still);
    make_events(one, seed, span, heavy);
    for (size_t e = 0; e < EVENTS; e++) {
        if (returned[e])
            add_rows(one, e, e + 1, true);
        else
            add_ones(one, e, e + 1);
    }
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t begin = 0, end; begin < EVENTS; begin = end) {
        end = begin + 1 + recs__random_below(&random, 900);
        end = end < EVENTS ? end : EVENTS;
        add_rows(some, begin, end, true);
    }
    add_rows(all, 0, EVENTS, true);
    assert_true(state_of(one) == state_of(some));
    assert_true(state_of(one) == state_of(all));
    if (strstr(description, "actors=off") != NULL) {
        add_rows(mixed, EVENTS - 1, EVENTS, true); /* the newest first */
        for (size_t begin = EVENTS - 1; begin > 0;) {
            size_t end = begin;
            begin = end > 700 ? end - 700 : 0;
            add_rows(mixed, begin, end, true);
        }
        assert_true(state_of(one) == state_of(mixed));
    }
    recs_trends_destroy(one);
    recs_trends_destroy(some);
    recs_trends_destroy(all);
    recs_trends_destroy(mixed);
}

static void test_same_states(void **state) {
    (void)state;
    same_states("half_life=1h|7d, actors=off, candidates=16", 1, 30 * HOUR, false);
    same_states("half_life=1h|7d, actors=off, candidates=16", 2, 15 * HOUR, true);
    same_states("half_life=1h, actors=off, candidates=16", 3, 30 * HOUR, false);
    same_states("half_life=1d|7d, actors=1d, actors_kept=5, candidates=16", 4, 3 * DAY, false);
    same_states("half_life=1h, window=12h/30m, actors=off", 5, 20 * HOUR, false);
}

/* What waits at a fork is the parent's: joined, everything counts once. */
/* Desks that nobody looks at for long take more; what one looks at is the same. */
static void test_long_calm(void **state) {
    (void)state;
    recs_trends *one = make("half_life=1d|7d, actors=off", &still),
                *rows = make("half_life=1d|7d, actors=off", &still);
    for (int lap = 0; lap < 15; lap++) {
        add_ones(one, 0, EVENTS);
        add_rows(rows, 0, EVENTS, false);
    }
    assert_true(state_of(one) == state_of(rows));
    add_ones(one, 0, EVENTS / 2);
    add_rows(rows, 0, EVENTS / 2, false);
    assert_int_equal(recs_trends_counter(one, RECS_TRENDS_ADDED),
                     recs_trends_counter(rows, RECS_TRENDS_ADDED));
    assert_true(state_of(one) == state_of(rows));
    recs_trends_destroy(one);
    recs_trends_destroy(rows);
}

static void test_fork(void **state) {
    (void)state;
    recs_trends *trends = make("half_life=1d|7d, actors=off", &still),
                *alone = make("half_life=1d|7d, actors=off", &still);
    make_events(trends, 7, DAY, false);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    OK(recs_trends_follow(trends, 0, &error));
    add_ones(trends, 0, 100);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_FUTURE), 0); /* all are counted */
    add_ones(trends, 100, 300); /* these wait */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        unsigned char *bytes;
        size_t size;
        uint64_t to;
        add_ones(trends, 300, 1000);
        bool good = recs_trends_delta(trends, 0, &bytes, &size, &to, &error) == RECS_OK &&
                    write(ends[1], &size, sizeof size) == sizeof size;
        for (size_t at = 0; good && at < size;) {
            ssize_t wrote = write(ends[1], bytes + at, size - at);
            good = wrote > 0;
            at += good ? (size_t)wrote : 0;
        }
        _exit(good ? 0 : 1);
    }
    size_t size;
    assert_int_equal(read(ends[0], &size, sizeof size), sizeof size);
    unsigned char *bytes = malloc(size);
    for (size_t at = 0; at < size;) {
        ssize_t got = read(ends[0], bytes + at, size - at);
        assert_true(got > 0);
        at += (size_t)got;
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    OK(recs_trends_merge(trends, bytes, size, 0, &error));
    add_ones(alone, 0, 1000);
    assert_true(state_of(trends) == state_of(alone));
    free(bytes);
    close(ends[0]);
    close(ends[1]);
    recs_trends_destroy(trends);
    recs_trends_destroy(alone);
}

/* Whatever allocation fails: what was taken is counted in the end, what was not is not. */
static void test_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        fault_off(&faults);
        recs_trends *trends = make("half_life=1d|7d, actors=1d, min_actors=0", &faults.host);
        recs_error failed = {0};
        make_events(trends, 8, DAY, false);
        for (size_t e = 0; e < 1200; e++)
            weights[e] = 1;
        fault_on(&faults);
        uint64_t taken = 0;
        recs_status status = RECS_OK;
        for (size_t e = 0; e < 1200 && status == RECS_OK; e++) {
            status = recs_trends_add_one(trends, items[e], places[e], RECS_NO_ACTOR, times[e], 1,
                                         &failed);
            taken += status == RECS_OK;
        }
        fault_passed(&faults, status, &failed);
        fault_off(&faults);
        assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_ADDED), taken);
        recs_trends_destroy(trends);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seen_at_once), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_same_states),
        cmocka_unit_test(test_long_calm),  cmocka_unit_test(test_fork),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
