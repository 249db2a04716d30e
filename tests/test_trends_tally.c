/* test_trends_tally.c - no actor carries more than a stated share of a place:
 * counts against the rule computed anew from all entries, in any order and
 * grouping, with returns, merges and deltas. */
#include "support/fault_host.h"
#include "support/test.h"

#include "recs.h"
#include "recs/trends_share.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000)
#define START (INT64_C(1700000000000) / DAY * DAY)
enum { ITEMS = 120, ACTORS = 60, PLACES = 3, DAYS = 4, MOST = 6000 };

static uint64_t state;

static uint32_t draw(uint32_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % below);
}

typedef struct event {
    uint32_t item, place, actor; /* actor 1.. */
    int64_t time;
    float weight;
    uint8_t returned;
} event;

static event events[MOST];

/* Days in order, times within a day in none; actor 1 is a bot, 2 a large buyer. Places
 * 1 and 2 are below 0. */
static size_t make_events(size_t count) {
    for (size_t e = 0; e < count; e++) {
        uint32_t kind = draw(100);
        int64_t day = (int64_t)(e * DAYS / count);
        events[e] = (event){.item = draw(ITEMS),
                            .place = draw(PLACES),
                            .actor = kind < 40   ? 1
                                     : kind < 55 ? 2
                                                 : 3 + draw(ACTORS - 2),
                            .time = START + day * DAY + draw((uint32_t)DAY),
                            .weight = draw(4) == 0 ? 0.01f : 1.0f + (float)draw(3),
                            .returned = draw(12) == 0};
    }
    return count;
}

static recs_trends *make_on(const char *more, const recs_host *host) {
    char text[256], name[16];
    recs_trends *trends = NULL;
    recs_error error = {0};
    uint32_t handle;
    const char *share = strstr(more, "actor_share") == NULL ? ", actor_share=0.05" : "";
    snprintf(text, sizeof text, "half_life=1d, window=8d/1d, min_actors=0, prior=0, future=365d%s%s",
             share, more);
    assert_int_equal(recs_trends_create(&trends, text, host, &error), RECS_OK);
    for (uint32_t i = 0; i < ITEMS; i++) {
        snprintf(name, sizeof name, "i%03u", i);
        assert_int_equal(recs_trends_item(trends, name, &handle, &error), RECS_OK);
    }
    static const char *const paths[PLACES] = {"de", "de/berlin", "de/bonn"};
    for (uint32_t p = 0; p < PLACES; p++)
        assert_int_equal(recs_trends_place(trends, paths[p], NULL, &handle, &error), RECS_OK);
    return trends;
}

static recs_trends *make(const char *more) { return make_on(more, NULL); }

static uint64_t actor_of(const recs_trends *trends, uint32_t actor) {
    char name[16];
    snprintf(name, sizeof name, "u%u", actor);
    return recs_trends_actor(trends, name);
}

/* Rows [begin, end) that `mine` of `shards` has. */
static recs_status try_add(recs_trends *trends, size_t begin, size_t end, uint32_t mine,
                           uint32_t shards, recs_error *error) {
    static uint32_t items[MOST], places[MOST];
    static uint64_t actors[MOST];
    static int64_t times[MOST];
    static float weights[MOST];
    static uint8_t returned[MOST];
    size_t count = 0;
    for (size_t e = begin; e < end; e++) {
        if (e * 7 / 3 % shards != mine)
            continue;
        items[count] = events[e].item;
        places[count] = 1 + events[e].place;
        actors[count] = actor_of(trends, events[e].actor);
        times[count] = events[e].time;
        weights[count] = events[e].weight;
        returned[count++] = events[e].returned;
    }
    return recs_trends_add_rows(trends, items, places, actors, times, weights, returned, count,
                                START + DAYS * DAY, NULL, error);
}

static void add(recs_trends *trends, size_t begin, size_t end, uint32_t mine, uint32_t shards) {
    recs_error error = {0};
    if (try_add(trends, begin, end, mine, shards, &error))
        fail_msg("%s", error.text);
}

static uint64_t print_of(recs_trends *trends) {
    unsigned char *bytes;
    size_t size;
    recs_error error = {0};
    assert_int_equal(recs_trends_snapshot(trends, &bytes, &size, &error), RECS_OK);
    uint64_t print = recs_trends_fingerprint(bytes, size);
    recs_trends_bytes_free(trends, bytes);
    return print;
}

/* ---- the rule, from all entries -------------------------------------------------------- */

static uint32_t entry[PLACES + 1][DAYS][ACTORS + 1][2][ITEMS]; /* weight in steps */

static uint32_t levelled(double share, uint32_t weight, uint32_t count, uint32_t all) {
    uint32_t whole = 1, most, level = 0;
    while (whole * 2 <= all)
        whole *= 2;
    most = (uint32_t)(share * whole);
    most = most < 32 ? 32 : most;
    while (share > 0 && count > most << level)
        level++;
    return weight >> level ? weight >> level : 1;
}

/* What a place (0: the root) should count of each item over the eight days. The most
 * that one actor carries of a day's entries of weight 1 or more, in *worst. */
static void expect(double share, size_t count, uint32_t place, double *out) {
    memset(entry, 0, sizeof entry);
    for (size_t e = 0; e < count; e++) {
        const event *v = &events[e];
        bool below = place == 0 || place == 1 || v->place + 1 == place;
        uint32_t steps = (uint32_t)((double)v->weight * 4096 + 0.5);
        uint32_t *at = &entry[place][(v->time - START) / DAY][v->actor][v->returned][v->item];
        if (below && *at < steps)
            *at = steps;
    }
    int64_t net[ITEMS] = {0};
    for (int d = 0; d < DAYS; d++) {
        uint32_t all = 0, of[ACTORS + 1] = {0};
        for (uint32_t a = 1; a <= ACTORS; a++)
            for (uint32_t i = 0; i < 2 * ITEMS; i++)
                of[a] += entry[place][d][a][i / ITEMS][i % ITEMS] != 0;
        for (uint32_t a = 1; a <= ACTORS; a++)
            all += of[a];
        for (uint32_t a = 1; a <= ACTORS; a++)
            for (uint32_t i = 0; i < 2 * ITEMS; i++) {
                uint32_t weight = entry[place][d][a][i / ITEMS][i % ITEMS];
                int64_t less = weight ? levelled(share, weight, of[a], all) : 0;
                net[i % ITEMS] += i < ITEMS ? less : -less;
            }
    }
    for (uint32_t i = 0; i < ITEMS; i++)
        out[i] = net[i] > 0 ? (double)net[i] / 4096 : 0;
}

static void check_counts(recs_trends *trends, double share, size_t count) {
    static const char *const paths[PLACES + 1] = {"", "de", "de/berlin", "de/bonn"};
    recs_query *q = NULL;
    recs_error error = {0};
    double wanted[ITEMS];
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    for (uint32_t p = 0; p <= PLACES; p++) {
        size_t some = 0;
        expect(share, count, p, wanted);
        for (uint32_t i = 0; i < ITEMS; i++)
            some += wanted[i] > 0;
        recs_query_reset(q);
        recs_query_place(q, paths[p]);
        recs_query_window(q, 8 * DAY);
        recs_query_time(q, START + DAYS * DAY - 1);
        recs_query_limit(q, ITEMS);
        recs_query_evidence_only(q, true);
        if (recs_trending(trends, q, &error))
            fail_msg("%s", error.text);
        assert_int_equal(recs_query_count(q), some);
        for (size_t a = 0; a < some; a++) {
            uint32_t i = (uint32_t)strtoul(recs_query_id(q, a) + 1, NULL, 10);
            assert_true(fabs(recs_query_trend(q, a, RECS_TREND_COUNT) - wanted[i]) < 1e-9);
        }
    }
    recs_query_destroy(q);
}

static void test_rule(void **unused) {
    static const struct {
        const char *text;
        double share;
    } settings[] = {{"", 0.05},
                    {", actor_share=0.001", 0.001},
                    {", actor_share=0.2", 0.2},
                    {", actor_share=1", 1},
                    {", actor_share=off", 0}};
    (void)unused;
    state = 3;
    for (size_t s = 0; s < sizeof settings / sizeof settings[0]; s++)
        for (size_t count = 30; count <= MOST; count = count * 3 + 11) {
            make_events(count);
            recs_trends *trends = make(settings[s].text);
            for (size_t at = 0, end; at < count; at = end) {
                end = at + 1 + draw(700);
                end = end < count ? end : count;
                add(trends, at, end, 0, 1);
            }
            check_counts(trends, settings[s].share, count);
            recs_trends_destroy(trends);
        }
}

/* One by one, in pieces, in one: the same bytes. */
static void test_order(void **unused) {
    (void)unused;
    state = 5;
    size_t count = make_events(4000);
    recs_trends *pieces = make(""), *one = make(""), *alone = make("");
    recs_error error = {0};
    for (size_t at = 0; at < count; at += 37)
        add(pieces, at, at + 37 < count ? at + 37 : count, 0, 1);
    for (size_t e = 0; e < count; e++) { /* returns only come in batches */
        if (events[e].returned)
            add(alone, e, e + 1, 0, 1);
        else
            assert_int_equal(recs_trends_add_one(alone, events[e].item, 1 + events[e].place,
                                                 actor_of(alone, events[e].actor), events[e].time,
                                                 events[e].weight, &error),
                             RECS_OK);
    }
    for (int d = 0; d < DAYS; d++) { /* a day at a time, backwards */
        size_t begin = (size_t)d * count / DAYS, end = (size_t)(d + 1) * count / DAYS;
        for (size_t i = 0; i < (end - begin) / 2; i++) {
            event swap = events[begin + i];
            events[begin + i] = events[end - 1 - i];
            events[end - 1 - i] = swap;
        }
        add(one, begin, end, 0, 1);
    }
    uint64_t wanted = print_of(pieces);
    assert_true(print_of(one) == wanted);
    assert_true(print_of(alone) == wanted);
    check_counts(alone, 0.05, count);
    recs_trends_destroy(pieces);
    recs_trends_destroy(one);
    recs_trends_destroy(alone);
}

static void merge(recs_trends *into, recs_trends *from, uint32_t flags) {
    unsigned char *bytes;
    size_t size;
    recs_error error = {0};
    assert_int_equal(recs_trends_snapshot(from, &bytes, &size, &error), RECS_OK);
    if (recs_trends_merge(into, bytes, size, flags, &error))
        fail_msg("%s", error.text);
    recs_trends_bytes_free(from, bytes);
}

/* Shards that each see a part of every actor's entries, merged while all days are
 * remembered, in two groupings; and a state that is saved and loaded in between. */
static void test_merge(void **unused) {
    (void)unused;
    state = 7;
    size_t count = make_events(5000);
    recs_trends *whole = make(", actors_kept=5"), *shard[4], *again[4];
    recs_error error = {0};
    add(whole, 0, count, 0, 1);
    for (uint32_t k = 0; k < 4; k++) {
        shard[k] = make(", actors_kept=5");
        again[k] = make(", actors_kept=5");
        add(shard[k], 0, count, k, 4);
        add(again[k], 0, count / 2, k, 4);
    }
    uint64_t wanted = print_of(whole);
    assert_true(print_of(shard[0]) != wanted);
    for (uint32_t k = 1; k < 4; k++)
        merge(shard[0], shard[k], 0);
    assert_true(print_of(shard[0]) == wanted);
    check_counts(shard[0], 0.05, count);
    /* (3 + 2) + (1 + 0), and the second half counted into the merged state */
    merge(again[3], again[2], 0);
    merge(again[1], again[0], 0);
    merge(again[1], again[3], 0);
    add(again[1], count / 2, count, 0, 1);
    assert_true(print_of(again[1]) == wanted);
    unsigned char *bytes;
    size_t size;
    recs_trends *loaded = NULL;
    assert_int_equal(recs_trends_snapshot(again[1], &bytes, &size, &error), RECS_OK);
    assert_int_equal(recs_trends_load_memory(&loaded, bytes, size, NULL, &error), RECS_OK);
    recs_trends_bytes_free(again[1], bytes);
    assert_true(print_of(loaded) == wanted);
    check_counts(loaded, 0.05, count);
    for (uint32_t k = 0; k < 4; k++) {
        recs_trends_destroy(shard[k]);
        recs_trends_destroy(again[k]);
    }
    recs_trends_destroy(loaded);
    recs_trends_destroy(whole);
}

/* A window that only one side counted in, and the other no longer knows: what its
 * actors weigh is settled by that side's entries. */
static void test_merge_gone(void **unused) {
    (void)unused;
    state = 9;
    size_t count = make_events(4000), day = count / DAYS;
    recs_trends *whole = make(""), *early = make(""), *late = make("");
    add(whole, 0, day, 0, 1);
    add(whole, 3 * day, count, 0, 1);
    add(early, 0, day, 0, 1);
    add(late, 3 * day, count, 0, 1);
    merge(late, early, 0);
    assert_true(print_of(late) == print_of(whole));
    recs_trends_destroy(whole);
    recs_trends_destroy(early);
    recs_trends_destroy(late);
}

/* Two regions that follow their changes and exchange deltas, repeated. */
static void test_deltas(void **unused) {
    (void)unused;
    state = 13;
    size_t count = make_events(4000);
    recs_trends *whole = make(", actors_kept=5"), *region[2];
    recs_error error = {0};
    uint64_t since[2] = {0, 0};
    add(whole, 0, count, 0, 1);
    for (int r = 0; r < 2; r++) {
        region[r] = make(", actors_kept=5");
        assert_int_equal(recs_trends_follow(region[r], 0, &error), RECS_OK);
    }
    for (size_t at = 0; at < count; at += 500) {
        for (uint32_t r = 0; r < 2; r++)
            add(region[r], at, at + 500, r, 2);
        for (uint32_t r = 0; r < 2; r++) {
            unsigned char *bytes;
            size_t size;
            assert_int_equal(
                recs_trends_delta(region[r], since[r], &bytes, &size, &since[r], &error), RECS_OK);
            for (int times = 0; times < 2; times++)
                assert_int_equal(recs_trends_merge(region[1 - r], bytes, size, 0, &error),
                                 RECS_OK);
            recs_trends_bytes_free(region[r], bytes);
            recs_trends_delta_done(region[r], since[r]);
        }
    }
    uint64_t wanted = print_of(whole);
    assert_true(print_of(region[0]) == wanted);
    assert_true(print_of(region[1]) == wanted);
    check_counts(region[0], 0.05, count);
    recs_trends_destroy(whole);
    recs_trends_destroy(region[0]);
    recs_trends_destroy(region[1]);
}

/* Every allocation of a batch fails in turn: it is counted, or as if it had not been. */
static void test_no_memory(void **unused) {
    fault_host faults;
    (void)unused;
    state = 15;
    size_t count = make_events(500);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        fault_off(&faults);
        recs_trends *trends = make_on("", &faults.host);
        add(trends, 0, 40, 0, 1);
        fault_on(&faults);
        bool added = true;
        /* day by day, as a batch may be counted in part */
        size_t day = count / DAYS, at = 40;
        while (at < count && added) {
            size_t end = (at / day + 1) * day;
            added = fault_passed(&faults, try_add(trends, at, end, 0, 1, &error), &error);
            at = added ? end : at;
        }
        fault_off(&faults);
        assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_ADDED), at);
        add(trends, at, count, 0, 1);
        check_counts(trends, 0.05, count);
        recs_trends_destroy(trends);
    }
}

static void refused(const char *text, const char *says) {
    recs_trends *trends = NULL;
    recs_error error = {0};
    assert_int_equal(recs_trends_create(&trends, text, NULL, &error), RECS_ERR_ARGUMENT);
    assert_null(trends);
    assert_non_null(strstr(error.text, says));
}

static void test_settings(void **unused) {
    recs_trends *trends = NULL;
    recs_error error = {0};
    (void)unused;
    refused("actor_share=0", "actor_share");
    refused("actor_share=0.0009", "0.001 to 1");
    refused("actor_share=1.01", "0.001 to 1");
    refused("actor_share=nan", "actor_share");
    refused("actor_share=", "actor_share");
    assert_int_equal(recs_trends_create(&trends, "actor_share=off", NULL, &error), RECS_OK);
    assert_non_null(strstr(recs_trends_description(trends), "actor_share=off"));
    recs_trends_destroy(trends);
    assert_int_equal(recs_trends_create(&trends, "", NULL, &error), RECS_OK);
    assert_non_null(strstr(recs_trends_description(trends), "actor_share=0.2"));
    recs_trends_destroy(trends);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),   cmocka_unit_test(test_order),
        cmocka_unit_test(test_merge),  cmocka_unit_test(test_merge_gone),
        cmocka_unit_test(test_deltas), cmocka_unit_test(test_settings),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
