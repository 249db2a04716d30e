/* test_trends_near.c - a radius through the lists of its places answers as one that looks
 * up every item at each of them: ids, order, scores and parts to the bit. (That look-ups
 * are right: tests/test_near.c.) */
#include "recs/places.h"
#include "support/same_trends.h"
#include "support/test.h"

#include "recs.h"

#include <stdbool.h>
#include <stdio.h>

enum { ITEMS = 500, FIRST = 4, STEP = 3, LAST = 13, EVENTS = 2500, DENIED = 30 };
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define START (20000 * DAY)
#define LATITUDE 48.2
#define LONGITUDE 16.37

static uint64_t state = 11;

static uint32_t draw(uint32_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % below);
}

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

static const char *id_of(uint32_t item) {
    static char id[16];
    snprintf(id, sizeof id, "item-%u", item);
    return id;
}

/* What sells drifts; a tenth are returns, not always where it was sold; some come late. */
static bool returning;

static void pour(recs_trends *trends, int64_t from, int64_t to) {
    recs_error error = {0};
    static uint32_t items[EVENTS], places[EVENTS];
    static int64_t times[EVENTS];
    static uint8_t returned[EVENTS];
    for (uint32_t e = 0; e < EVENTS; e++) {
        char place[RECS_PLACE_ROOM];
        double y = LATITUDE + 0.0004 * ((double)draw(900) - 450.0),
               x = LONGITUDE + 0.0006 * ((double)draw(900) - 450.0);
        uint32_t drift = (uint32_t)((from - START) / DAY) * 7;
        ok(recs_place_from_coordinates(y, x, FIRST, STEP, LAST, place, sizeof place, &error),
           &error);
        ok(recs_trends_item(trends, id_of((draw(80) * draw(7) + drift) % ITEMS), &items[e], &error),
           &error);
        ok(recs_trends_place(trends, place, NULL, &places[e], &error), &error);
        times[e] = from + (to - from) / EVENTS * e - (draw(20) == 0 ? 3 * HOUR : 0);
        returned[e] = returning && draw(10) == 0;
    }
    ok(recs_trends_add_rows(trends, items, places, NULL, times, NULL, returned, EVENTS, to, NULL,
                            &error), &error);
}

typedef struct question {
    int64_t time, half_life, window;
    int32_t ranking;
    size_t limit;
    double radius;
    bool evidence, deny;
} question;

static void put(recs_query *q, const question *asked) {
    recs_query_reset(q);
    recs_query_near(q, LATITUDE, LONGITUDE, asked->radius, FIRST, STEP, LAST);
    recs_query_time(q, asked->time);
    recs_query_half_life(q, asked->half_life);
    if (asked->window != 0)
        recs_query_window(q, asked->window);
    recs_query_ranking(q, asked->ranking);
    recs_query_limit(q, asked->limit);
    recs_query_evidence_only(q, asked->evidence);
    for (uint32_t item = 0; asked->deny && item < DENIED; item++)
        recs_query_deny(q, id_of(item * 3));
}

static void compare(recs_trends *trends, recs_query *q, recs_query *r, const question *asked) {
    recs_error error = {0};
    put(q, asked);
    put(r, asked);
    for (uint32_t item = 0; item < ITEMS; item++)
        recs_query_allow(r, id_of(item));
    ok(recs_trending(trends, q, &error), &error);
    ok(recs_trending(trends, r, &error), &error);
    assert_int_equal(recs_query_trend_scanned(r), 0);
    char about[80];
    snprintf(about, sizeof about, "radius %g, ranking %d", asked->radius, asked->ranking);
    same_trends(q, r, about);
}

static void run(const char *settings, bool windows, size_t *scans, size_t *queries) {
    static const double radii[] = {0.0, 900.0, 4000.0, 20000.0};
    static const int64_t later[] = {0, 9 * HOUR, -HOUR / 3, -2 * DAY};
    static const size_t limits[] = {1, 7, 30, 80};
    recs_trends *trends = NULL;
    recs_query *q = NULL, *r = NULL;
    recs_error error = {0};
    ok(recs_trends_create(&trends, settings, NULL, &error), &error);
    ok(recs_query_create(&q, NULL, &error), &error);
    ok(recs_query_create(&r, NULL, &error), &error);
    for (int step = 0; step < 10; step++) {
        int64_t from = START + step * 20 * DAY;
        pour(trends, from, from + (step % 3 == 0 ? DAY : 20 * DAY));
        for (int turn = 0; turn < 40; turn++) {
            question asked = {.time = recs_trends_newest(trends) + later[draw(4)],
                              .half_life = draw(2) == 0 ? DAY : 8 * DAY,
                              .window = windows && draw(3) == 0 ? 6 * HOUR : 0,
                              .ranking = (int32_t)draw(3),
                              .limit = limits[draw(4)],
                              .radius = radii[draw(4)],
                              .evidence = draw(3) == 0,
                              .deny = draw(4) == 0};
            compare(trends, q, r, &asked);
            *scans += (size_t)recs_query_trend_scanned(q);
            ++*queries;
        }
    }
    recs_query_destroy(q);
    recs_query_destroy(r);
    recs_trends_destroy(trends);
}

static void test_lists_and_look_ups(void **unused) {
    size_t scans = 0, queries = 0;
    (void)unused;
    run("half_life=1d|8d,actors=off,candidates=16,new_within=5d", false, &scans, &queries);
    run("half_life=1d|8d,window=6h/1h,actors=off,candidates=64,prior=9", true, &scans, &queries);
    returning = true;
    run("half_life=1d|8d,actors=off,candidates=16,new_within=5d", false, &scans, &queries);
    run("half_life=1d|8d,window=6h/1h,actors=off,candidates=64,prior=2", true, &scans, &queries);
    run("half_life=1d|8d,actors=off,candidates=128,own=30,min_support=1", false, &scans, &queries);
    run("half_life=1d|8d,actors=off,candidates=100,prior=0,min_share=0.01", false, &scans,
        &queries);
    if (scans == 0 || scans > queries * 3 / 4)
        fail_msg("%zu of %zu questions scanned, expected some", scans, queries);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists_and_look_ups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
