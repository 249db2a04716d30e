/* test_trending_explain.c - the reasons of answers of recs_trending: they sum to the score, name
 * their places, and tell what was counted there. */
#include "support/test.h"

#include "recs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000)
static const char *const paths[3] = {"", "uk", "uk/leeds"};

static recs_trends *fill(const char *settings, int64_t *now) {
    recs_trends *trends = NULL;
    recs_error error = {0};
    uint64_t state = 3;
    if (recs_trends_create(&trends, settings, NULL, &error))
        fail_msg("%s", error.text);
    int64_t begin = 4000 * DAY;
    for (int e = 0; e < 6000; e++) {
        char id[16];
        uint32_t item, place;
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t r = (uint32_t)(state >> 40);
        *now = begin + e * (60 * DAY / 6000);
        /* From day 50 on i39 comes more often. */
        snprintf(id, sizeof id, "i%u", e > 5000 && r % 7 == 0 ? 39u : r % 40u * (r % 3u) % 40u);
        assert_int_equal(recs_trends_item(trends, id, &item, &error), RECS_OK);
        assert_int_equal(recs_trends_place(trends, paths[r / 64 % 3], NULL, &place, &error), RECS_OK);
        assert_int_equal(recs_trends_add_one(trends, item, place, 0, *now, 1, &error), RECS_OK);
    }
    return trends;
}

/* All answers of a place and ranking; how many reasons the first had. */
static size_t explain_all(recs_trends *trends, recs_query *q, const char *place, int32_t ranking,
                          int64_t now) {
    recs_error error = {0};
    size_t first = 0;
    recs_query_reset(q);
    recs_query_place(q, place);
    recs_query_ranking(q, ranking);
    recs_query_time(q, now);
    recs_query_limit(q, 15);
    assert_int_equal(recs_trending(trends, q, &error), RECS_OK);
    assert_true(recs_query_count(q) > 0);
    for (size_t i = 0; i < recs_query_count(q); i++) {
        double sum = 0.0, last = (double)INFINITY, score = (double)recs_query_score(q, i);
        if (recs_trending_explain(trends, q, i, &error))
            fail_msg("%s", error.text);
        size_t count = recs_query_reason_count(q);
        first = i == 0 ? count : first;
        assert_true(count > 0);
        for (size_t r = 0; r < count; r++) {
            double part = recs_query_reason_contribution(q, r);
            sum += part;
            assert_int_equal(recs_query_reason_component(q, r), UINT32_MAX);
            assert_null(recs_query_reason_id(q, r));
            if (recs_query_reason_kind(q, r) == RECS_REASON_REMAINDER) {
                assert_int_equal(r, count - 1);
                assert_true(fabs(part) < 1e-5 * score);
                assert_true(isnan(recs_query_reason_trend(q, r, RECS_TREND_COUNT)));
                continue;
            }
            assert_int_equal(recs_query_reason_kind(q, r), RECS_REASON_TREND);
            assert_true(part <= last);
            last = part;
            const char *at = recs_query_reason_place(q, r);
            assert_true(strcmp(at, "") == 0 || strcmp(at, "uk") == 0 || strcmp(at, "uk/leeds") == 0);
            assert_true(recs_query_reason_trend(q, r, RECS_TREND_SUPPORT) > 0.0);
            assert_true(isnan(recs_query_reason_trend(q, r, RECS_TREND_RISE)) ==
                        (ranking != RECS_RANK_TRENDING));
            assert_true(isnan(recs_query_reason_trend(q, r, RECS_TREND_FIRST)));
            if (strcmp(at, place) == 0)
                for (int32_t p = RECS_TREND_COUNT; p <= RECS_TREND_SUPPORT; p++) {
                    double a = recs_query_trend(q, i, p), b = recs_query_reason_trend(q, r, p);
                    assert_true((isnan(a) && isnan(b)) || a == b);
                }
        }
        assert_true(fabs(sum - score) < 1e-9 * fabs(score) + 1e-12);
    }
    return first;
}

static void test_reasons(void **unused) {
    static const char *const settings[] = {
        "half_life=1d|30d,actors=off,prior=20", "half_life=1d|30d,actors=off,prior=20,own=40",
        "half_life=1d|30d,actors=off,prior=0.5", "half_life=1d|30d,window=4d/1d,baseline=4d,actors=off,min_share=0"};
    (void)unused;
    for (size_t s = 0; s < sizeof settings / sizeof *settings; s++) {
        int64_t now = 0;
        recs_trends *trends = fill(settings[s], &now);
        recs_query *q = NULL;
        assert_int_equal(recs_query_create(&q, NULL, NULL), RECS_OK);
        for (int32_t ranking = RECS_RANK_POPULAR; ranking <= RECS_RANK_TRENDING; ranking++)
            for (int p = 0; p < 3; p++) {
                size_t reasons = explain_all(trends, q, paths[p], ranking, now);
                if (s == 0 && p == 2) /* Leeds leans on what is above it */
                    assert_true(reasons >= 2);
            }
        explain_all(trends, q, "uk/leeds", RECS_RANK_TRENDING, now + 3600000);
        recs_query_destroy(q);
        recs_trends_destroy(trends);
    }
}

/* Events that come after the answer are in the remainder. */
static void test_later(void **unused) {
    int64_t now = 0;
    recs_error error = {0};
    recs_trends *trends = fill("half_life=1d|30d,actors=off", &now);
    recs_query *q = NULL;
    (void)unused;
    assert_int_equal(recs_query_create(&q, NULL, NULL), RECS_OK);
    recs_query_time(q, now);
    recs_query_limit(q, 3);
    assert_int_equal(recs_trending_explain(trends, q, 0, &error), RECS_ERR_STATE);
    assert_int_equal(recs_trending(trends, q, &error), RECS_OK);
    uint32_t item;
    assert_int_equal(recs_trends_item(trends, recs_query_id(q, 0), &item, &error), RECS_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(recs_trends_add_one(trends, item, 0, 0, now, 1, &error), RECS_OK);
    assert_int_equal(recs_trending_explain(trends, q, 0, &error), RECS_OK);
    size_t count = recs_query_reason_count(q);
    assert_int_equal(recs_query_reason_kind(q, count - 1), RECS_REASON_REMAINDER);
    assert_true(fabs(recs_query_reason_contribution(q, count - 1) + 10.0) < 1e-2);
    assert_int_equal(recs_trending_explain(trends, q, 3, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_query_reason_count(q), 0);
    assert_int_equal(recs_trending_explain(NULL, q, 0, &error), RECS_ERR_ARGUMENT);
    recs_trends *others = fill("half_life=1d", &now);
    assert_int_equal(recs_trending_explain(others, q, 0, &error), RECS_ERR_STATE);
    assert_string_equal(error.text, "the answer is of other trends: ask these");
    recs_query_limit(q, 4);
    assert_int_equal(recs_trending_explain(trends, q, 0, &error), RECS_ERR_STATE);
    assert_true(isnan(recs_query_reason_trend(q, 0, RECS_TREND_COUNT)));
    recs_query_destroy(q);
    recs_trends_destroy(trends);
    recs_trends_destroy(others);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reasons),
                                       cmocka_unit_test(test_later)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
