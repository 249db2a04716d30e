/* test_trends_rank.c - the popular ranking with option own, against its formula
 * over all items: through lists and scans, at places of any depth. */
#include "support/test.h"

#include "recs.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 300, PLACES = 4 };
#define DAY INT64_C(86400000)
static const char *const paths[PLACES] = {"", "a", "a/b", "a/b/c"};
static const double half_lives[2] = {2, 32};

/* [place][half-life][item] as of a time; [ITEMS] is the sum. */
typedef struct brute {
    double counts[PLACES][2][ITEMS + 1];
    double own, prior;
} brute;

static uint64_t state = 5;

static uint32_t draw(uint32_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % below);
}

static void score_all(const brute *b, int place, double scores[ITEMS]) {
    static double shares[ITEMS];
    memset(shares, 0, sizeof shares);
    for (int p = 0; p <= place; p++) {
        double total = b->counts[p][0][ITEMS], whole = b->counts[p][1][ITEMS];
        double thick = b->prior > 0.0 ? whole / (50.0 * b->prior) : 1.0;
        double lent = p > 0 && thick < 1.0 ? b->prior * (1.0 - thick) : 0.0;
        for (int i = 0; i < ITEMS; i++) {
            double weight = whole + lent;
            double below = weight > 0.0 ? (b->counts[p][1][i] + lent * shares[i]) / weight : 0.0;
            scores[i] = b->counts[p][0][i] + b->own * below;
            shares[i] = scores[i] / (total + b->own);
        }
    }
}

static void ask(recs_trends *trends, recs_query *q, const brute *b, int place, int64_t now,
                size_t top) {
    static double scores[ITEMS];
    recs_error error = {0};
    score_all(b, place, scores);
    recs_query_reset(q);
    recs_query_place(q, paths[place]);
    recs_query_time(q, now);
    recs_query_limit(q, top);
    if (recs_trending(trends, q, &error))
        fail_msg("%s", error.text);
    assert_true(recs_query_count(q) <= top && recs_query_count(q) > 0);
    for (size_t r = 0; r < recs_query_count(q); r++) {
        int better = 0, item = atoi(recs_query_id(q, r) + 1);
        double got = (double)recs_query_score(q, r);
        /* Counts are whole steps of 1/4096. */
        if (fabs(got - scores[item]) > 4e-4 * scores[item] + 1e-6)
            fail_msg("%s item %d: %.9g, expected %.9g", paths[place], item, got, scores[item]);
        for (int i = 0; i < ITEMS; i++)
            better += scores[i] > got * (1.0 + 8e-4) + 2e-6;
        assert_true((size_t)better <= r);
        assert_int_equal(recs_query_source(q, r), b->counts[place][1][item] > 1e-9 ? RECS_FROM_TREND
                                                                                   : RECS_FROM_FILL);
    }
}

static void run(const char *settings, double own, double prior, size_t top, bool *lists,
                bool *scans) {
    static brute b;
    recs_trends *trends = NULL;
    recs_query *q = NULL;
    recs_error error = {0};
    int64_t start = 2000 * 32 * DAY, last = start;
    memset(&b, 0, sizeof b);
    b.own = own;
    b.prior = prior;
    assert_int_equal(recs_trends_create(&trends, settings, NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    for (int e = 0; e < 12000; e++) {
        char id[16];
        int64_t time = start + e * (120 * DAY / 12000);
        /* What sells drifts, so that short and long differ. */
        uint32_t item = (draw(40) * draw(8) + (uint32_t)e / 200) % ITEMS;
        int place = (int)draw(PLACES);
        uint32_t handle, at;
        snprintf(id, sizeof id, "i%u", item);
        assert_int_equal(recs_trends_item(trends, id, &handle, &error), RECS_OK);
        assert_int_equal(recs_trends_place(trends, paths[place], NULL, &at, &error), RECS_OK);
        assert_int_equal(recs_trends_add_rows(trends, &handle, &at, NULL, &time, NULL, NULL, 1,
                                              time, NULL, &error), RECS_OK);
        for (int p = 0; p < PLACES; p++)
            for (int h = 0; h < 2; h++)
                for (int i = 0; i <= ITEMS; i++)
                    b.counts[p][h][i] *= i == 0 || time != last
                                             ? exp2(-(double)(time - last) / (double)DAY /
                                                    half_lives[h])
                                             : 1.0;
        for (int p = 0; p <= place; p++)
            for (int h = 0; h < 2; h++) {
                b.counts[p][h][item] += 1.0;
                b.counts[p][h][ITEMS] += 1.0;
            }
        last = time;
        if (e % 500 == 499)
            for (int p = 0; p < PLACES; p++) {
                ask(trends, q, &b, p, time, top);
                *scans |= recs_query_trend_scanned(q) != 0;
                *lists |= recs_query_trend_scanned(q) == 0 && recs_query_trend_scored(q) < 200;
            }
    }
    recs_query_destroy(q);
    recs_trends_destroy(trends);
}

static void test_own(void **unused) {
    bool lists = false, scans = false;
    (void)unused;
    run("half_life=2d|32d,actors=off,own=50,prior=20,candidates=16", 50, 20, 60, &lists, &scans);
    run("half_life=2d|32d,actors=off,own=1000,prior=1,candidates=32", 1000, 1, 12, &lists, &scans);
    run("half_life=2d|32d,actors=off,own=5,prior=0,candidates=64", 5, 0, 12, &lists, &scans);
    assert_true(lists); /* both ways were taken */
    assert_true(scans);
}

/* Ten weeks of items that sell on one weekday each and of one that sells on all, asked at a
 * midnight and at an hour that is none of the buckets': against the formula. */
static void test_profile(void **unused) {
    enum { WEEKS = 10, HOURS = WEEKS * 7 * 24, KINDS = 40 };
    static double counts[KINDS + 1][HOURS];
    recs_trends *trends = NULL;
    recs_query *q = NULL;
    recs_error error = {0};
    int64_t start = 4000 * DAY, hour = DAY / 24;
    (void)unused;
    memset(counts, 0, sizeof counts);
    if (recs_trends_create(&trends, "half_life=8d,window=56d/12h,profile=56d,weekly=0.4,actors=off",
                           NULL, &error))
        fail_msg("%s", error.text);
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    for (int h = 0; h < HOURS; h++)
        for (int e = 0; e < 6; e++) {
            char id[16];
            uint32_t item = e == 0 ? 0 : 1 + (uint32_t)(h / 24 % 7) * 5 + draw(5), handle;
            snprintf(id, sizeof id, "i%u", item);
            assert_int_equal(recs_trends_item(trends, id, &handle, &error), RECS_OK);
            assert_int_equal(recs_trends_add_one(trends, handle, 0, 0, start + h * hour, 1, &error),
                             RECS_OK);
            counts[item][h] += 1.0;
            counts[KINDS][h] += 1.0;
        }
    for (int ahead = 0; ahead < 96; ahead += 31) {
        int now = HOURS + ahead;
        double decayed[KINDS + 1] = {0}, like[KINDS + 1] = {0}, scores[KINDS];
        for (int i = 0; i <= KINDS; i++)
            for (int h = 0; h < HOURS; h++) {
                decayed[i] += counts[i][h] * exp2(-(double)(now - h) / 24.0 / 8.0);
                /* Buckets of 12 hours, of which the window has 112, the running one included. */
                int bucket = h / 12 * 12, inside = 0;
                if (bucket / 12 <= now / 12 - 112)
                    continue;
                for (int week = 1; week <= WEEKS + 1; week++)
                    for (int at = bucket; at < bucket + 12; at++)
                        inside += at >= now - week * 168 && at < now - week * 168 + 24;
                like[i] += counts[i][h] * inside / 12.0;
            }
        for (int i = 0; i < KINDS; i++)
            scores[i] = decayed[i] + 0.4 * like[KINDS] / (like[KINDS] + 50.0) *
                                         (decayed[KINDS] * like[i] / like[KINDS] - decayed[i]);
        recs_query_reset(q);
        recs_query_time(q, start + now * hour);
        recs_query_limit(q, 12);
        assert_int_equal(recs_trending(trends, q, &error), RECS_OK);
        assert_int_equal(recs_query_count(q), 12);
        for (size_t r = 0; r < 12; r++) {
            int better = 0, item = atoi(recs_query_id(q, r) + 1);
            double got = (double)recs_query_score(q, r);
            if (fabs(got - scores[item]) > 1e-3 * scores[item])
                fail_msg("%d hours on, item %d: %.9g, expected %.9g", ahead, item, got,
                         scores[item]);
            for (int i = 0; i < KINDS; i++)
                better += scores[i] > got * 1.002;
            assert_true((size_t)better <= r);
        }
    }
    recs_query_destroy(q);
    recs_trends_destroy(trends);
    assert_int_equal(recs_trends_create(&trends, "window=14d/2d,profile=14d", NULL, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_create(&trends, "window=14d/1d,profile=14d,memory=64M", NULL,
                                        &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_create(&trends, "window=14d/1d,profile=14d", NULL, &error),
                     RECS_OK);
    assert_non_null(strstr(recs_trends_description(trends), ", profile=14d, weekly=0.3, "));
    recs_trends_destroy(trends);
}

static void test_settings(void **unused) {
    recs_trends *trends = NULL;
    recs_error error = {0};
    (void)unused;
    assert_int_equal(recs_trends_create(&trends, "own=12.5", NULL, &error), RECS_OK);
    assert_non_null(strstr(recs_trends_description(trends), ", own=12.5, "));
    recs_trends_destroy(trends);
    assert_int_equal(recs_trends_create(&trends, "", NULL, &error), RECS_OK);
    assert_null(strstr(recs_trends_description(trends), "own"));
    recs_trends_destroy(trends);
    assert_int_equal(recs_trends_create(&trends, "window=14d/1d, support=2.5, baseline=14d", NULL,
                                        &error), RECS_OK);
    assert_non_null(strstr(recs_trends_description(trends), ", support=2.5, baseline=14d, "));
    recs_trends_destroy(trends);
    assert_int_equal(recs_trends_create(&trends, "baseline=3d", NULL, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "expected one of the half-lives and windows"));
    assert_int_equal(recs_trends_create(&trends, "support=-1", NULL, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_create(&trends, "own=-1", NULL, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_create(&trends, "own=nan", NULL, &error), RECS_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_own), cmocka_unit_test(test_profile),
                                       cmocka_unit_test(test_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
