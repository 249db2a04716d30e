/* test_near.c - a radius as one place: the same answers as a state whose events within the
 * cells of the cover were given one place of their own, under the same one above, to the
 * bit. */
#include "base/random.h"
#include "recs/places.h"
#include "recs/trends.h"
#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DAY INT64_C(86400000)
#define BEGIN INT64_C(1320000000000)

enum { FIRST = 4, STEP = 3, LAST = 13, EVENTS = 3000, ITEMS = 50, MOST = 256 };

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

typedef struct event {
    char item[8], user[8], place[RECS_PLACE_ROOM];
    uint64_t cell; /* of level LAST */
    int64_t time;
    int32_t type;
} event;

static event events[EVENTS];

/* Around a middle, the nearer the denser; one in five for away. */
static void make_events(uint64_t seed, double latitude, double longitude, int users) {
    recs__random random;
    recs_error error = {0};
    recs__random_seed(&random, seed);
    for (int e = 0; e < EVENTS; e++) {
        event *at = &events[e];
        double scale = 0.3 / (double)(1 + recs__random_below(&random, 20));
        double y = latitude + scale * ((double)recs__random_below(&random, 1000) / 500.0 - 1.0);
        double x = longitude + scale * ((double)recs__random_below(&random, 1000) / 500.0 - 1.0);
        if (recs__random_below(&random, 5) == 0)
            x = longitude - 20.0;
        y = y > 90.0 ? 180.0 - y : y;
        x = x > 180.0 ? x - 360.0 : x < -180.0 ? x + 360.0 : x;
        snprintf(at->item, sizeof at->item, "i%02d",
                 (int)recs__random_below(&random, recs__random_below(&random, ITEMS) + 1));
        snprintf(at->user, sizeof at->user, "u%d",
                 (int)recs__random_below(&random, (uint64_t)users));
        at->cell = recs_cell_at(y, x, LAST);
        ok(recs_place_from_coordinates(y, x, FIRST, STEP, LAST, at->place, sizeof at->place,
                                       &error),
           &error);
        at->time = BEGIN + (int64_t)recs__random_below(&random, 20 * DAY);
        if (strcmp(at->item, "i03") == 0)
            at->time = BEGIN + 19 * DAY + at->time % DAY; /* rises */
        at->type = recs__random_below(&random, 15) == 0 ? RECS_EVENT_RETURN : RECS_EVENT_BUY;
    }
}

/* zone not NULL: the place of what is within the cells. */
static recs_trends *count_events(const char *description, const uint64_t *cells, size_t count,
                                 const char *zone) {
    recs_trends *trends;
    recs_events *batch;
    recs_error error = {0};
    ok(recs_trends_create(&trends, description, NULL, &error), &error);
    ok(recs_events_create(&batch, NULL, &error), &error);
    for (int e = 0; e < EVENTS; e++) {
        bool within = false;
        for (size_t c = 0; c < count; c++)
            within |= recs_cell_contains(cells[c], events[e].cell) != 0;
        ok(recs_events_begin(batch, events[e].item, events[e].type, events[e].time, &error),
           &error);
        ok(recs_events_text(batch, RECS_FIELD_USER, events[e].user, &error), &error);
        ok(recs_events_text(batch, RECS_FIELD_PLACE,
                            zone != NULL && within ? zone : events[e].place, &error),
           &error);
    }
    ok(recs_trends_add(trends, batch, BEGIN + 21 * DAY, &error), &error);
    recs_events_destroy(batch);
    return trends;
}

/* The place above all events' cells of the cover: the common steps of the paths of the
 * cells that have any; of one cell its parent. */
static bool find_above(const uint64_t *cells, size_t count, char *above) {
    recs_error error = {0};
    size_t known = 0;
    for (size_t c = 0; c < count; c++) {
        bool any = false;
        char path[RECS_PLACE_ROOM];
        for (int e = 0; e < EVENTS; e++)
            any |= recs_cell_contains(cells[c], events[e].cell) != 0;
        if (!any)
            continue;
        ok(recs_place_from_cell(cells[c], FIRST, STEP, path, sizeof path, &error), &error);
        if (known++ == 0) {
            strcpy(above, path);
            continue;
        }
        size_t same = 0, slash = 0;
        for (; path[same] == above[same] && path[same] != '\0'; same++)
            slash = path[same] == '/' ? same : slash;
        if (above[same] != '\0' || (path[same] != '/' && path[same] != '\0'))
            above[slash] = '\0';
    }
    if (known == 1)
        *strrchr(above, '/') = '\0';
    return known != 0;
}

static void ask(recs_query *q, int32_t ranking, size_t limit, bool evidence_only) {
    recs_query_time(q, BEGIN + 20 * DAY);
    recs_query_ranking(q, ranking);
    recs_query_limit(q, limit);
    recs_query_evidence_only(q, evidence_only);
    recs_query_deny(q, "i01");
}

static bool equal(double a, double b) {
    return (isnan(a) && isnan(b)) || a == b;
}

static void compare(recs_trends *trends, recs_trends *zoned, const char *zone, double latitude,
                    double longitude, double radius) {
    recs_query *near, *at;
    recs_error error = {0};
    ok(recs_query_create(&near, NULL, &error), &error);
    ok(recs_query_create(&at, NULL, &error), &error);
    for (int turn = 0; turn < 12; turn++) {
        size_t limit = turn % 2 ? 1000 : 7;
        recs_query_reset(near);
        recs_query_reset(at);
        recs_query_near(near, latitude, longitude, radius, FIRST, STEP, LAST);
        recs_query_place(at, zone);
        ask(near, turn / 2 % 3, limit, turn >= 6);
        ask(at, turn / 2 % 3, limit, turn >= 6);
        ok(recs_trending(trends, near, &error), &error);
        ok(recs_trending(zoned, at, &error), &error);
        assert_int_equal(recs_query_count(near), recs_query_count(at));
        for (size_t i = 0; i < recs_query_count(near); i++) {
            assert_true(equal(recs_query_score(near, i), recs_query_score(at, i)));
            assert_string_equal(recs_query_id(near, i), recs_query_id(at, i));
            assert_int_equal(recs_query_source(near, i), recs_query_source(at, i));
            for (int32_t part = 0; part <= RECS_TREND_MOST; part++)
                assert_true(equal(recs_query_trend(near, i, part), recs_query_trend(at, i, part)));
        }
        assert_true(recs_query_count(near) != 0 || limit == 0 || turn >= 6 || turn / 2 % 3 != 0);
    }
    recs_query_destroy(near);
    recs_query_destroy(at);
}

static void test_as_one_place(void **state) {
    (void)state;
    static const double middles[][2] = {{51.5, -0.12}, {-33.9, 151.2}, {89.9, 10.0}, {0.1, 179.95}};
    static const double radii[] = {0.0, 900.0, 6000.0, 30000.0, 300000.0};
    static const char *const descriptions[] = {
        "actors=off, new_within=2d, half_life=1d|7d", "actors=off, prior=200, own=30",
        "actors=off, prior=0.5, window=1h/5m"};
    recs_error error = {0};
    size_t asked = 0;
    for (int m = 0; m < 4; m++) {
        make_events((uint64_t)m + 1, middles[m][0], middles[m][1], 300);
        for (int r = 0; r < 5; r++) {
            uint64_t cells[MOST];
            size_t count;
            char zone[RECS_PLACE_ROOM + 8];
            ok(recs_cells_cover(middles[m][0], middles[m][1], radii[r], FIRST, STEP, LAST, MOST,
                                cells, &count, &error),
               &error);
            if (!find_above(cells, count, zone))
                continue;
            strcat(zone, "/zone");
            const char *description = descriptions[(m + r) % 3];
            recs_trends *trends = count_events(description, NULL, 0, NULL);
            recs_trends *zoned = count_events(description, cells, count, zone);
            compare(trends, zoned, zone, middles[m][0], middles[m][1], radii[r]);
            recs_trends_destroy(trends);
            recs_trends_destroy(zoned);
            asked++;
        }
    }
    assert_true(asked >= 12);
}

/* Actors of all cells together, each once: two of three are one too few. */
static void test_actors_together(void **state) {
    (void)state;
    recs_error error = {0};
    recs_query *q;
    ok(recs_query_create(&q, NULL, &error), &error);
    for (int users = 2; users <= 80; users += users == 2 ? 1 : 77) {
        make_events(7, 40.0, -75.0, users);
        recs_trends *trends = count_events("actors=1d, min_actors=3", NULL, 0, NULL);
        recs_query_reset(q);
        recs_query_near(q, 40.0, -75.0, 5000.0, FIRST, STEP, LAST);
        ask(q, RECS_RANK_POPULAR, 1000, true);
        ok(recs_trending(trends, q, &error), &error);
        assert_int_equal(recs_query_count(q) != 0, users >= 3);
        recs_trends_destroy(trends);
    }
    recs_query_destroy(q);
}

/* Reasons are of the answer asked about, whose count in the radius is told. */
static void test_reasons(void **state) {
    (void)state;
    recs_error error = {0};
    recs_query *q;
    ok(recs_query_create(&q, NULL, &error), &error);
    make_events(5, 40.0, -75.0, 300);
    recs_trends *trends = count_events("actors=off, min_share=0", NULL, 0, NULL);
    for (int32_t ranking = RECS_RANK_POPULAR; ranking <= RECS_RANK_NEW; ranking++) {
        recs_query_reset(q);
        recs_query_near(q, 40.0, -75.0, 9000.0, FIRST, STEP, LAST);
        ask(q, ranking, 20, true);
        ok(recs_trending(trends, q, &error), &error);
        for (size_t i = 0; i < recs_query_count(q); i++) {
            double score = (double)recs_query_score(q, i), sum = 0.0;
            bool told = false;
            ok(recs_trending_explain(trends, q, i, &error), &error);
            for (size_t r = 0; r < recs_query_reason_count(q); r++) {
                sum += recs_query_reason_contribution(q, r);
                if (recs_query_reason_kind(q, r) == RECS_REASON_REMAINDER)
                    assert_true(fabs(recs_query_reason_contribution(q, r)) < 1e-5 * score);
                told |= equal(recs_query_reason_trend(q, r, RECS_TREND_COUNT),
                              recs_query_trend(q, i, RECS_TREND_COUNT));
            }
            assert_true(told);
            assert_true(fabs(sum - score) < 1e-9 * score + 1e-12);
        }
        assert_true(ranking != RECS_RANK_POPULAR || recs_query_count(q) > 5);
    }
    recs_trends_destroy(trends);
    recs_query_destroy(q);
}

/* Beyond a budget the truth is within the bounds. */
static void test_within_a_budget(void **state) {
    (void)state;
    recs_error error = {0};
    recs_query *exact, *q;
    ok(recs_query_create(&exact, NULL, &error), &error);
    ok(recs_query_create(&q, NULL, &error), &error);
    make_events(11, 40.0, -75.0, 300);
    for (int e = 0; e < EVENTS; e++)
        events[e].type = RECS_EVENT_BUY; /* returns stay at their cell there */
    recs_trends *all = count_events("actors=off, candidates=16, half_life=1d", NULL, 0, NULL);
    recs_trends *few =
        count_events("actors=off, candidates=16, half_life=1d, memory=10M", NULL, 0, NULL);
    for (uint32_t n = 0; n < 150000; n++) { /* elsewhere, until the budget is spent */
        char id[16];
        uint32_t item, place;
        snprintf(id, sizeof id, "other%u", n);
        ok(recs_trends_item(few, id, &item, &error), &error);
        ok(recs_trends_place(few, "x/y", NULL, &place, &error), &error);
        ok(recs_trends_add_one(few, item, place, RECS_NO_ACTOR, BEGIN + 20 * DAY, 1.0f, &error),
           &error);
    }
    assert_int_equal(recs_trends_exact(few), 0);
    recs_query *both[] = {exact, q};
    for (int i = 0; i < 2; i++) {
        recs_query_near(both[i], 40.0, -75.0, 9000.0, FIRST, STEP, LAST);
        ask(both[i], RECS_RANK_POPULAR, 1000, false);
        ok(recs_trending(i ? few : all, both[i], &error), &error);
    }
    size_t found = 0;
    for (size_t i = 0; i < recs_query_count(exact); i++)
        for (size_t j = 0; j < recs_query_count(q); j++) {
            if (strcmp(recs_query_id(exact, i), recs_query_id(q, j)) != 0)
                continue;
            double count = recs_query_trend(exact, i, RECS_TREND_COUNT);
            assert_true(recs_query_trend(q, j, RECS_TREND_LEAST) <= count + 0.01);
            assert_true(recs_query_trend(q, j, RECS_TREND_MOST) >= count - 0.01);
            found++;
        }
    assert_true(found >= 10);
    recs_trends_destroy(all);
    recs_trends_destroy(few);
    recs_query_destroy(exact);
    recs_query_destroy(q);
}

/* Nothing counted in the radius: all is borrowed; where it was, bounds meet. */
static void test_nowhere_and_bounds(void **state) {
    (void)state;
    recs_error error = {0};
    recs_query *q;
    ok(recs_query_create(&q, NULL, &error), &error);
    make_events(9, 40.0, -75.0, 300);
    recs_trends *trends = count_events("actors=off", NULL, 0, NULL);
    recs_query_near(q, -40.0, 75.0, 5000.0, FIRST, STEP, LAST);
    ask(q, RECS_RANK_POPULAR, 10, false);
    ok(recs_trending(trends, q, &error), &error);
    assert_int_equal(recs_query_count(q), 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(recs_query_source(q, i), RECS_FROM_FILL);
        assert_true(recs_query_trend(q, i, RECS_TREND_COUNT) == 0.0);
    }
    recs_query_near(q, 40.0, -75.0, 50000.0, FIRST, STEP, LAST);
    ok(recs_trending(trends, q, &error), &error);
    assert_int_equal(recs_query_source(q, 0), RECS_FROM_TREND);
    for (size_t i = 0; i < 10; i++) {
        double count = recs_query_trend(q, i, RECS_TREND_COUNT);
        assert_true(recs_query_trend(q, i, RECS_TREND_LEAST) == count);
        assert_true(recs_query_trend(q, i, RECS_TREND_MOST) == count);
    }
    recs_query_place(q, "geo"); /* the later one holds */
    ok(recs_trending(trends, q, &error), &error);
    double all = recs_query_trend(q, 0, RECS_TREND_SUPPORT);
    recs_query_near(q, 40.0, -75.0, 900.0, FIRST, STEP, LAST);
    ok(recs_trending(trends, q, &error), &error);
    assert_true(recs_query_trend(q, 0, RECS_TREND_SUPPORT) < all);
    size_t held = recs_query_memory(q);
    ok(recs_trending(trends, q, &error), &error);
    assert_int_equal(recs_query_memory(q), held);
    recs_query_segment(q, "nobody");
    ok(recs_trending(trends, q, &error), &error);
    assert_int_equal(recs_query_source(q, 0), RECS_FROM_FILL);
    recs_trends_destroy(trends);
    recs_query_destroy(q);
}

static void test_bad_input(void **state) {
    (void)state;
    recs_error error = {0};
    recs_query *q;
    recs_trends *trends;
    ok(recs_query_create(&q, NULL, &error), &error);
    ok(recs_trends_create(&trends, NULL, NULL, &error), &error);
    static const double bad[][3] = {{91.0, 0.0, 1.0},         {0.0, 181.0, 1.0},
                                    {(double)NAN, 0.0, 1.0},  {0.0, (double)INFINITY, 1.0},
                                    {0.0, 0.0, -1.0},         {0.0, 0.0, (double)NAN}};
    for (int i = 0; i < 6; i++) {
        recs_query_reset(q);
        assert_int_equal(recs_query_near(q, bad[i][0], bad[i][1], bad[i][2], 4, 3, 13),
                         RECS_ERR_ARGUMENT);
        assert_int_equal(recs_trending(trends, q, &error), RECS_ERR_ARGUMENT);
    }
    recs_query_reset(q);
    assert_int_equal(recs_query_near(q, 0, 0, 1, 4, 0, 13), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_query_near(q, 0, 0, 1, 14, 3, 13), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_query_near(q, 0, 0, 1, 0, 1, 20), RECS_ERR_ARGUMENT); /* 21 steps */
    assert_int_equal(recs_query_near(q, 0, 0, 5e6, 10, 1, 13), RECS_ERR_LIMIT);
    assert_int_equal(recs_query_near(NULL, 0, 0, 1, 4, 3, 13), RECS_ERR_ARGUMENT);
    recs_query_reset(q);
    recs_query_near(q, 0, 0, 1000, 4, 3, 13);
    ok(recs_trending(trends, q, &error), &error); /* a state without events */
    assert_int_equal(recs_query_count(q), 0);
    recs_trends_destroy(trends);
    recs_query_destroy(q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_one_place),
        cmocka_unit_test(test_actors_together),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_within_a_budget),
        cmocka_unit_test(test_nowhere_and_bounds),
        cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
