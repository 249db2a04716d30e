/* test_trends_cycle.c - trending with option profile: the factor of the time of the week
 * against its formula over all events, and a stream with planted mornings and Saturdays. */
#include "support/test.h"

#include "recs.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define START (INT64_C(1700000000000) / DAY * DAY)
enum { MOST = 220000, ITEMS = 60, PLACES = 3 };
static const char *const paths[PLACES] = {"", "a", "a/b"};

static uint64_t state;

static uint32_t draw(uint32_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % below);
}

static uint32_t items[MOST], places[MOST];
static int64_t times[MOST];
static uint8_t returned[MOST];
static size_t count;

static recs_trends *make(const char *settings) {
    recs_trends *trends = NULL;
    recs_error error = {0};
    uint32_t handle;
    char name[16];
    if (recs_trends_create(&trends, settings, NULL, &error))
        fail_msg("%s", error.text);
    for (uint32_t i = 0; i < ITEMS; i++) {
        snprintf(name, sizeof name, "i%02u", i);
        assert_int_equal(recs_trends_item(trends, name, &handle, &error), RECS_OK);
    }
    for (uint32_t p = 0; p < PLACES; p++)
        assert_int_equal(recs_trends_place(trends, paths[p], NULL, &handle, &error), RECS_OK);
    return trends;
}

static void add(recs_trends *trends, size_t begin, size_t end) {
    recs_error error = {0};
    if (recs_trends_add_rows(trends, items + begin, places + begin, NULL, times + begin, NULL,
                             returned + begin, end - begin, times[end - 1], NULL, &error))
        fail_msg("%s", error.text);
}

static void ask(recs_trends *trends, recs_query *q, uint32_t place, int64_t now, int64_t window,
                uint32_t limit) {
    recs_error error = {0};
    recs_query_reset(q);
    recs_query_place(q, paths[place]);
    recs_query_ranking(q, RECS_RANK_TRENDING);
    if (window != 0)
        recs_query_window(q, window);
    recs_query_time(q, now);
    recs_query_limit(q, limit);
    if (recs_trending(trends, q, &error))
        fail_msg("%s", error.text);
}

/* ---- the formula ------------------------------------------------------------------------ */

/* The weight of a bucket of three hours at the times that are looked at, by small steps. */
static double weight_of(int64_t begin, int64_t now, int64_t window) {
    double weight = 0.0;
    for (int64_t then = now - WEEK; then > begin; then -= WEEK)
        for (int step = 0; step < 1080; step++) { /* of ten seconds */
            int64_t at = begin + step * 10000 + 5000;
            if (at >= then)
                break;
            weight += window == 0 ? exp2(-(double)(then - at) / (double)(6 * HOUR))
                                  : at >= then - window;
        }
    return weight / 1080.0;
}

/* By item ([ITEMS]: the place): what the buckets of a place have at these times, and in all. */
static void sums_of(uint32_t place, int64_t now, int64_t window, double at[ITEMS + 1],
                    double all[ITEMS + 1]) {
    int64_t width = 3 * HOUR, newest = now / width;
    memset(at, 0, (ITEMS + 1) * sizeof *at);
    memset(all, 0, (ITEMS + 1) * sizeof *all);
    static double weights[4000];
    for (int64_t b = newest - 223; b <= newest; b++)
        weights[b - newest + 223] = weight_of(b * width, now, window);
    for (size_t e = 0; e < count; e++) {
        int64_t b = times[e] / width - newest + 223;
        if (places[e] < place || b < 0 || (times[e] / width + 1) * width > now - WEEK)
            continue;
        double sign = returned[e] ? -1.0 : 1.0;
        at[items[e]] += sign * weights[b];
        all[items[e]] += sign;
        at[ITEMS] += returned[e] ? 0.0 : weights[b];
        all[ITEMS] += returned[e] ? 0.0 : 1.0;
    }
}

static void check_factors(recs_trends *plain, recs_trends *cyclic, recs_query *a, recs_query *b,
                          int64_t now, int64_t window) {
    double factor[ITEMS], rises[2][ITEMS];
    for (uint32_t i = 0; i < ITEMS; i++)
        factor[i] = 1.0;
    for (uint32_t p = 0; p < PLACES; p++) {
        double at[ITEMS + 1], all[ITEMS + 1];
        sums_of(p, now, window, at, all);
        for (uint32_t i = 0; i < ITEMS; i++) {
            double expected = all[ITEMS] > 0 ? at[ITEMS] * fmax(all[i], 0) / all[ITEMS] : 0.0;
            factor[i] = (fmax(at[i], 0) + 10.0 * factor[i]) / (expected + 10.0);
        }
        ask(plain, a, p, now, window, ITEMS);
        ask(cyclic, b, p, now, window, ITEMS);
        assert_true(recs_query_count(a) > 5);
        assert_int_equal(recs_query_count(a), recs_query_count(b));
        double wanted[ITEMS], counts[ITEMS];
        for (size_t r = 0; r < recs_query_count(a); r++) {
            int i = atoi(recs_query_id(a, r) + 1);
            wanted[i] = recs_query_trend(a, r, RECS_TREND_BASELINE) * factor[i];
            counts[i] = recs_query_trend(a, r, RECS_TREND_COUNT);
        }
        for (size_t r = 0; r < recs_query_count(b); r++) {
            int i = atoi(recs_query_id(b, r) + 1);
            double base = recs_query_trend(b, r, RECS_TREND_BASELINE);
            assert_true(recs_query_trend(b, r, RECS_TREND_COUNT) == counts[i]);
            if (fabs(base - wanted[i]) > 2e-3 * wanted[i])
                fail_msg("%s at \"%s\": baseline %g, expected %g", recs_query_id(b, r), paths[p],
                         base, wanted[i]);
            double above = p == 0 ? 1.0 : rises[(p + 1) % 2][i];
            rises[p % 2][i] = (counts[i] + 10.0 * above) / (base + 10.0);
            assert_true(fabs(recs_query_trend(b, r, RECS_TREND_RISE) - rises[p % 2][i]) <
                        1e-4 * rises[p % 2][i]);
        }
        /* Fewer are asked for: the same ones. */
        ask(cyclic, a, p, now, window, 7);
        for (size_t r = 0; r < recs_query_count(a); r++) {
            assert_string_equal(recs_query_id(a, r), recs_query_id(b, r));
            assert_true(recs_query_score(a, r) == recs_query_score(b, r));
        }
    }
}

static void test_formula(void **unused) {
    const char *settings = "half_life=6h|7d, window=28d/3h|9h/3h, actors=off, min_support=1, "
                           "min_share=0, prior=10, future=365d";
    char text[256];
    recs_query *a = NULL, *b = NULL;
    recs_error error = {0};
    (void)unused;
    state = 3;
    snprintf(text, sizeof text, "%s, profile=28d", settings);
    recs_trends *plain = make(settings), *cyclic = make(text);
    assert_int_equal(recs_query_create(&a, NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&b, NULL, &error), RECS_OK);
    count = 40000;
    for (size_t e = 0; e < count; e++) {
        times[e] = START + (int64_t)((double)e / (double)count * 31.4 * (double)DAY);
        int64_t hour = times[e] / HOUR % 24;
        items[e] = draw(draw(ITEMS) + 1);
        if (hour < 9 && draw(3) == 0)
            items[e] = 50 + draw(10);
        places[e] = draw(PLACES);
        returned[e] = draw(20) == 0;
    }
    size_t at = 0;
    for (int look = 0; look < 6; look++) { /* the last in the middle of the first week, too */
        size_t end = look == 0 ? 2000 : count * (size_t)(look + 2) / 7;
        add(plain, at, end);
        add(cyclic, at, end);
        at = end;
        size_t all = count;
        count = end;
        check_factors(plain, cyclic, a, b, times[end - 1] + 1, 0);
        check_factors(plain, cyclic, a, b, times[end - 1] + 1, 9 * HOUR);
        count = all;
    }
    recs_query_destroy(a);
    recs_query_destroy(b);
    recs_trends_destroy(plain);
    recs_trends_destroy(cyclic);
}

/* ---- mornings and Saturdays ---------------------------------------------------------------- */

static double rate_of(uint32_t item, int day, int hour) {
    double rate = 1.0 / (item + 4);
    if (item < 5 && hour >= 7 && hour < 10)
        rate *= 8.0;
    if (item >= 5 && item < 8 && day % 7 == 2)
        rate *= 6.0;
    if (item == 40 && day == 37 && hour >= 15 && hour < 19) /* the one thing that happens */
        rate *= 15.0;
    return rate;
}

static void make_week_days(int days, size_t an_hour) {
    count = 0;
    for (int d = 0; d < days; d++)
        for (int h = 0; h < 24; h++) {
            double sums[ITEMS], sum = 0.0;
            size_t here = h < 6 ? an_hour / 4 : an_hour;
            for (uint32_t i = 0; i < ITEMS; i++)
                sums[i] = sum += rate_of(i, d, h);
            for (size_t e = 0; e < here; e++) {
                double drawn = (double)draw(1u << 30) / (1u << 30) * sum;
                uint32_t item = 0;
                while (item + 1 < ITEMS && sums[item] < drawn)
                    item++;
                items[count] = item;
                places[count] = 2;
                returned[count] = 0;
                times[count++] = START + d * DAY + h * HOUR + (int64_t)(e * HOUR / here);
            }
        }
}

/* Looks every hour of the last week: lists that show an item as risen to twice without
 * reason, and whether the one with a reason was shown. */
static size_t false_alarms(const char *settings, bool *found) {
    recs_trends *trends = make(settings);
    recs_query *q = NULL;
    recs_error error = {0};
    size_t alarms = 0, at = 0;
    *found = false;
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    for (int64_t now = START + 35 * DAY + HOUR; now <= START + 42 * DAY; now += HOUR) {
        size_t end = at;
        while (end < count && times[end] < now)
            end++;
        add(trends, at, end);
        at = end;
        ask(trends, q, 2, now, 0, 20);
        for (size_t r = 0; r < recs_query_count(q); r++) {
            bool burst = strcmp(recs_query_id(q, r), "i40") == 0;
            if (recs_query_trend(q, r, RECS_TREND_RISE) < 2.0)
                continue;
            *found |= burst;
            alarms += !burst;
        }
    }
    recs_query_destroy(q);
    recs_trends_destroy(trends);
    return alarms;
}

static void test_planted(void **unused) {
    bool found;
    (void)unused;
    state = 17;
    make_week_days(42, 240);
    size_t plain = false_alarms("half_life=3h|7d, actors=off, future=365d", &found);
    assert_true(found);
    size_t cyclic = false_alarms(
        "half_life=3h|7d, actors=off, future=365d, window=28d/3h, profile=28d", &found);
    assert_true(found);
    assert_true(plain >= 7 * 5); /* each morning's five, for an hour at least */
    assert_true(cyclic <= plain / 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_planted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
