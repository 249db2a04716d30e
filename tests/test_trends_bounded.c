/* test_trends_bounded.c - a state that outgrew its budget against one without. */
#include "base/random.h"
#include "recs/query.h"
#include "recs/trends_share.h"
#include "support/fault_host.h"
#include "support/trends.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 20000, CITIES = 300, REGIONS = 10, TOP = 20, PIECE = 1000 };

static recs_trends *make(const char *description, const recs_host *host) {
    recs_trends *trends;
    char name[32];
    uint32_t handle;
    OK(recs_trends_create(&trends, description, host, &error));
    for (uint32_t i = 0; i < ITEMS; i++) {
        snprintf(name, sizeof name, "%u", i);
        OK(recs_trends_item(trends, name, &handle, &error));
    }
    for (uint32_t c = 0; c < CITIES; c++) {
        snprintf(name, sizeof name, "r%u", c % REGIONS);
        OK(recs_trends_place(trends, name, NULL, &handle, &error));
        snprintf(name, sizeof name, "r%u/c%u", c % REGIONS, c);
        OK(recs_trends_place(trends, name, NULL, &handle, &error));
    }
    return trends;
}

typedef struct piece {
    uint32_t items[PIECE], places[PIECE];
    uint64_t actors[PIECE];
    int64_t times[PIECE];
    float weights[PIECE];
    uint8_t returned[PIECE];
} piece;

static void draw(piece *p, recs__random *random, uint32_t places, int64_t begin, int64_t span) {
    for (int e = 0; e < PIECE; e++) {
        double u = recs__random_double(random);
        p->items[e] = (uint32_t)(pow(ITEMS, u) - 1); /* weight 1 / rank */
        p->places[e] = (uint32_t)recs__random_below(random, places);
        p->actors[e] = 1 + recs__random_below(random, 500);
        p->times[e] = begin + (int64_t)recs__random_below(random, (uint64_t)span);
        p->weights[e] = (float)(1 + recs__random_below(random, 3));
        p->returned[e] = 0;
    }
}

static recs_status add(recs_trends *trends, const piece *p, bool actors, recs_error *e) {
    return recs_trends_add_rows(trends, p->items, p->places, actors ? p->actors : NULL, p->times,
                                p->weights, p->returned, PIECE, T0 + 1000 * HOUR, NULL, e);
}

static recs_query *ask(recs_trends *trends, const char *place, int64_t half_life, int64_t window,
                       uint32_t limit) {
    recs_query *query;
    OK(recs_query_create(&query, NULL, &error));
    recs_query_place(query, place);
    if (half_life != 0)
        recs_query_half_life(query, half_life);
    else
        recs_query_window(query, window);
    recs_query_time(query, recs_trends_newest(trends));
    recs_query_limit(query, limit);
    OK(recs_trending(trends, query, &error));
    return query;
}

/* Counts lie in their bounds; returns the share of the true top that is there. */
static double compare(recs_trends *exact, recs_trends *bounded, int64_t half_life,
                      int64_t window) {
    double *counts = calloc(ITEMS, sizeof *counts), hits = 0, lists = 0;
    for (uint32_t p = 0; p < recs_trends_place_count(exact); p++) {
        const char *place = recs_trends_place_name(exact, p);
        recs_query *truth = ask(exact, place, half_life, window, ITEMS);
        recs_query *list = ask(bounded, place, half_life, window, TOP);
        size_t count = recs_query_count(truth), top = count < TOP ? count : TOP;
        memset(counts, 0, ITEMS * sizeof *counts);
        for (size_t i = 0; i < count; i++) {
            counts[atoi(recs_query_id(truth, i))] = recs_query_trend(truth, i, RECS_TREND_COUNT);
            assert_true(recs_query_trend(truth, i, RECS_TREND_LEAST) ==
                        recs_query_trend(truth, i, RECS_TREND_MOST));
        }
        double last = top == 0 ? 0 : recs_query_trend(truth, top - 1, RECS_TREND_COUNT);
        for (size_t i = 0; i < recs_query_count(list); i++) {
            double real = counts[atoi(recs_query_id(list, i))];
            double least = recs_query_trend(list, i, RECS_TREND_LEAST),
                   most = recs_query_trend(list, i, RECS_TREND_MOST);
            if (!(real >= least * (1 - 1e-4) - 1e-3 && real <= most * (1 + 1e-4) + 1e-3))
                fail_msg("place %s item %s: %g is not in [%g, %g]", place, recs_query_id(list, i),
                         real, least, most);
            hits += real >= last * (1 - 1e-4);
        }
        lists += (double)top;
        recs_query_destroy(truth);
        recs_query_destroy(list);
    }
    free(counts);
    return hits / lists;
}

static void test_against_exact(void **state) {
    (void)state;
    static const char *const exact_text =
        "half_life=6h|7d, window=2h/1h, actors=off, prior=0, min_actors=0";
    static const char *const bounded_text =
        "half_life=6h|7d, window=2h/1h, actors=off, prior=0, min_actors=0, memory=14M";
    recs_trends *exact = make(exact_text, NULL), *bounded = make(bounded_text, NULL);
    recs__random random;
    static piece p;
    recs__random_seed(&random, 1);
    size_t names = recs_trends_memory(bounded), largest = 0;
    bool was_exact = false;
    for (int i = 0; i < 250; i++) {
        draw(&p, &random, recs_trends_place_count(exact), T0 + i * HOUR, HOUR);
        OK(add(exact, &p, false, &error));
        OK(add(bounded, &p, false, &error));
        was_exact |= recs_trends_exact(bounded) != 0;
        size_t held = recs_trends_memory(bounded) - names;
        largest = held > largest ? held : largest;
    }
    assert_true(was_exact);
    assert_int_equal(recs_trends_exact(bounded), 0);
    assert_int_equal(recs_trends_exact(exact), 1);
    assert_true(largest < (size_t)14 << 20);
    double slow = compare(exact, bounded, 7 * 24 * HOUR, 0);
    double fast = compare(exact, bounded, 6 * HOUR, 0), window = compare(exact, bounded, 0, 2 * HOUR);
    print_message("recall@%d: 7d %.4f, 6h %.4f, window 2h %.4f\n", TOP, slow, fast, window);
    assert_true(slow > 0.93 && fast > 0.95 && window > 0.8);
    recs_trends_destroy(exact);
    recs_trends_destroy(bounded);
}

static void merge(recs_trends *into, recs_trends *from) {
    unsigned char *bytes;
    size_t size;
    OK(recs_trends_snapshot(from, &bytes, &size, &error));
    OK(recs_trends_merge(into, bytes, size, 0, &error));
    OK(recs_trends_merge(into, bytes, size, 0, &error)); /* once more changes nothing */
    recs_trends_bytes_free(from, bytes);
}

/* Parts of a stream that outgrew their budgets, or not, some days apart. */
static void test_merge(void **state) {
    (void)state;
    static const char *const exact_text =
        "half_life=6h|7d, window=2h/1h, actors=off, prior=0, min_actors=0";
    static const char *const bounded_text =
        "half_life=6h|7d, window=2h/1h, actors=off, prior=0, min_actors=0, memory=14M";
    recs__random random;
    static piece p;
    for (int turn = 0; turn < 3; turn++) {
        recs_trends *exact = make(exact_text, NULL), *part[4];
        recs__random_seed(&random, 11 + (uint64_t)turn);
        for (int s = 0; s < 4; s++)
            part[s] = make(bounded_text, NULL);
        for (int i = 0; i < 240; i++) {
            int s = i % 16 == 0 ? 3 : i % 3; /* the last one stays exact */
            if (turn == 2 && s == 1 && i > 120)
                s = 0; /* the second one stops early: its tail is older */
            draw(&p, &random, recs_trends_place_count(exact), T0 + i * HOUR, HOUR);
            p.returned[i] = 1;
            OK(add(exact, &p, false, &error));
            OK(add(part[s], &p, false, &error));
            p.returned[i] = 0;
        }
        assert_int_equal(recs_trends_exact(part[0]), 0);
        assert_int_equal(recs_trends_exact(part[3]), 1);
        if (turn == 0) { /* one after the other */
            for (int s = 1; s < 4; s++)
                merge(part[0], part[s]);
        } else { /* the exact one first, then two and two */
            merge(part[3], part[1]);
            merge(part[0], part[2]);
            merge(part[0], part[3]);
        }
        double slow = compare(exact, part[0], 7 * 24 * HOUR, 0);
        double fast = compare(exact, part[0], 6 * HOUR, 0);
        print_message("merged recall@%d: 7d %.4f, 6h %.4f\n", TOP, slow, fast);
        assert_true(slow > 0.85 && fast > 0.85);
        merge(part[1], part[0]); /* all of it is in part 0, which takes its place */
        compare(exact, part[1], 7 * 24 * HOUR, 0);
        recs_trends *loaded;
        unsigned char *bytes;
        size_t size;
        OK(recs_trends_snapshot(part[0], &bytes, &size, &error));
        OK(recs_trends_load_memory(&loaded, bytes, size, NULL, &error));
        assert_int_equal(recs_trends_exact(loaded), 0);
        assert_true(compare(exact, loaded, 7 * 24 * HOUR, 0) > slow - 0.02);
        bytes[size / 2] ^= 1;
        assert_int_equal(recs_trends_merge(part[2], bytes, size, 0, &error), RECS_ERR_CORRUPT);
        recs_trends_bytes_free(part[0], bytes);
        recs_trends_destroy(loaded);
        recs_trends_destroy(exact);
        for (int s = 0; s < 4; s++)
            recs_trends_destroy(part[s]);
    }
}

/* Far ahead everything is forgotten; ahead a little, shares stay. */
static void test_time_passes(void **state) {
    (void)state;
    recs_trends *bounded = make("half_life=1h, actors=off, min_actors=0, memory=10M", NULL);
    recs__random random;
    static piece p;
    recs__random_seed(&random, 2);
    for (int i = 0; i < 150; i++) {
        draw(&p, &random, recs_trends_place_count(bounded), T0, HOUR);
        OK(add(bounded, &p, false, &error));
    }
    assert_int_equal(recs_trends_exact(bounded), 0);
    recs_query *before = ask(bounded, "", HOUR, 0, TOP);
    for (int hours = 3; hours <= 400; hours *= 5) {
        draw(&p, &random, 1, T0 + hours * HOUR, 1);
        for (int e = 0; e < PIECE; e++) {
            p.items[e] = ITEMS - 1;
            p.weights[e] = 1000;
        }
        OK(add(bounded, &p, false, &error));
        recs_query *after = ask(bounded, "", HOUR, 0, TOP);
        assert_int_equal(strtoul(recs_query_id(after, 0), NULL, 10), ITEMS - 1);
        if (hours == 3)
            assert_string_equal(recs_query_id(after, 1), recs_query_id(before, 0));
        recs_query_destroy(after);
    }
    recs_query_destroy(before);
    recs_trends_destroy(bounded);
}

/* Repeats of an actor are noticed, before and after the budget is outgrown. */
static void test_actors(void **state) {
    (void)state;
    recs_trends *bounded = make("actors=1d, memory=16M", NULL);
    recs__random random;
    static piece p;
    recs__random_seed(&random, 3);
    for (int i = 0; i < 120 || recs_trends_exact(bounded) != 0; i++) {
        draw(&p, &random, recs_trends_place_count(bounded), T0, HOUR);
        OK(add(bounded, &p, true, &error));
    }
    uint64_t repeated = recs_trends_counter(bounded, RECS_TRENDS_REPEATED);
    OK(add(bounded, &p, true, &error));
    OK(add(bounded, &p, true, &error));
    repeated = recs_trends_counter(bounded, RECS_TRENDS_REPEATED) - repeated;
    assert_true(repeated > PIECE * 9 / 10);
    assert_true(recs_trends_place_actors(bounded, 0) > 300);
    recs_trends_destroy(bounded);
}

static void test_settings(void **state) {
    (void)state;
    recs_trends *trends;
    assert_int_equal(recs_trends_create(&trends, "memory=1M", NULL, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "memory is 1048576 bytes, expected "));
    assert_int_equal(recs_trends_create(&trends, "memory=64", NULL, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_create(&trends, "memory=9999G", NULL, &error), RECS_ERR_ARGUMENT);
    OK(recs_trends_create(&trends, "memory=64M", NULL, &error));
    assert_non_null(strstr(recs_trends_description(trends), "memory=64M"));
    recs_trends_destroy(trends);
}

/* More places than the budget has room for. */
static void test_places(void **state) {
    (void)state;
    recs_trends *trends;
    recs_status status = RECS_OK;
    OK(recs_trends_create(&trends, "actors=off, memory=10M", NULL, &error));
    for (uint32_t i = 0; i < 200000 && status == RECS_OK; i++) {
        char name[32];
        uint32_t place;
        snprintf(name, sizeof name, "a/%u", i);
        status = recs_trends_place(trends, name, NULL, &place, &error);
    }
    assert_int_equal(status, RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "no further place fits"));
    recs_trends_destroy(trends);
}

/* Converting without memory leaves exact what was. */
static void test_memory(void **state) {
    (void)state;
    fault_host faults;
    static piece p;
    fault_host_init(&faults);
    recs_trends *trends = make("half_life=7d, actors=off, memory=10M", &faults.host);
    recs__random random;
    recs__random_seed(&random, 6);
    uint64_t added = 0;
    for (size_t i = 0; i < 260; i++) {
        recs_error e = {0};
        draw(&p, &random, recs_trends_place_count(trends), T0, HOUR);
        fault_arm(&faults, 1 + i % 37, i % 2 == 0);
        fault_on(&faults);
        recs_status status = add(trends, &p, false, &e);
        fault_off(&faults);
        assert_true(status == RECS_OK || status == RECS_ERR_MEMORY);
        added += status == RECS_OK ? PIECE : 0;
        assert_true(recs_trends_counter(trends, RECS_TRENDS_ADDED) == added);
        recs_query_destroy(ask(trends, i % 2 == 0 ? "" : "r3/c133", 7 * 24 * HOUR, 0, TOP));
    }
    assert_int_equal(recs_trends_exact(trends), 1); /* never was there enough to convert */
    OK(add(trends, &p, false, &error));
    assert_int_equal(recs_trends_exact(trends), 0);
    recs_trends_destroy(trends);
    fault_host_done(&faults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_exact), cmocka_unit_test(test_merge),
        cmocka_unit_test(test_time_passes),
        cmocka_unit_test(test_actors),        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_places),        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
