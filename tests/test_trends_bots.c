/* test_trends_bots.c - who makes no trend: a bot with a tenth of all events, and
 * wholesalers with thousands of pieces in a line. The real wholesale lines are
 * those of Online Retail (RECS_DATA; left out where it is absent). */
#include "support/data.h"
#include "support/test.h"

#include "recs.h"
#include "recs/train.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000)
#define START (INT64_C(1700000000000) / DAY * DAY)
enum { ITEMS = 500, TOP = 20 };

static uint64_t state;

static uint32_t draw(uint32_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % below);
}

/* Whether an item is on the place's list of 20. */
static bool listed(recs_trends *trends, recs_query *q, const char *place, int32_t ranking,
                   int64_t half_life, int64_t now, const char *item) {
    recs_error error = {0};
    recs_query_reset(q);
    recs_query_place(q, place);
    recs_query_ranking(q, ranking);
    recs_query_half_life(q, half_life);
    recs_query_time(q, now);
    recs_query_limit(q, TOP);
    if (recs_trending(trends, q, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; i < recs_query_count(q); i++)
        if (strcmp(recs_query_id(q, i), item) == 0)
            return true;
    return false;
}

/* Thirty days of shoppers at two places of a region; on the last day, for an
 * hour, a bot that makes a tenth of all events of the state's memory looks at three
 * items over and over, or at all of them. */
static void run_bot(bool everything) {
    static const char *const places[] = {"de/berlin", "de/hamburg"}, *above[] = {"", "de"};
    recs_trends *trends = NULL;
    recs_query *q = NULL;
    recs_error error = {0};
    uint32_t handles[ITEMS], at[2];
    state = 11;
    assert_int_equal(recs_trends_create(&trends, "", NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    for (uint32_t i = 0; i < ITEMS; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%u", i);
        assert_int_equal(recs_trends_item(trends, id, &handles[i], &error), RECS_OK);
    }
    for (int p = 0; p < 2; p++)
        assert_int_equal(recs_trends_place(trends, places[p], NULL, &at[p], &error), RECS_OK);
    size_t events = 30 * 2000, robots = events / 9; /* a tenth of all */
    int64_t now = START;
    for (size_t e = 0; e < events; e++) {
        char actor[16];
        uint32_t item = draw(draw(ITEMS) + 1); /* some sell far more than others */
        snprintf(actor, sizeof actor, "u%u", draw(4000));
        now = START + (int64_t)(e * 30 * (uint64_t)DAY / events);
        assert_int_equal(recs_trends_add_one(trends, handles[item], at[draw(2)],
                                             recs_trends_actor(trends, actor), now, 1.0f, &error),
                         RECS_OK);
    }
    for (size_t e = 0; e < robots; e++) {
        uint32_t item = everything ? (uint32_t)(e % ITEMS) : ITEMS - 3 + (uint32_t)(e % 3);
        int64_t time = now + (int64_t)(e * 3600000 / robots);
        assert_int_equal(recs_trends_add_one(trends, handles[item], at[0],
                                             recs_trends_actor(trends, "bot"), time, 1.0f, &error),
                         RECS_OK);
    }
    now += 3600000;
    for (uint32_t i = ITEMS - 3; i < ITEMS; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%u", i);
        for (int p = 0; p < 4; p++)
            for (int32_t ranking = RECS_RANK_POPULAR; ranking <= RECS_RANK_TRENDING; ranking++)
                assert_false(listed(trends, q, p < 2 ? places[p] : above[p - 2], ranking, DAY, now,
                                    id));
    }
    recs_query_destroy(q);
    recs_trends_destroy(trends);
}

static void test_bot(void **unused) {
    (void)unused;
    run_bot(false);
    run_bot(true);
}

/* ---- a bot that spreads itself ---------------------------------------------------------- */

enum { SPREAD = 1000 };

/* For ten days a tenth of all events at a place is a bot's, over a thousand items that
 * nobody else looks at. What part of the place's traffic its items count; none of
 * them is on a list of 20. */
static double spread_part(const char *settings) {
    recs_trends *trends = NULL;
    recs_query *q = NULL;
    recs_error error = {0};
    uint32_t handles[ITEMS + SPREAD], place;
    double part = 0.0;
    int64_t now = START;
    state = 23;
    assert_int_equal(recs_trends_create(&trends, settings, NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    for (uint32_t i = 0; i < ITEMS + SPREAD; i++) {
        char id[16];
        snprintf(id, sizeof id, "%c%u", i < ITEMS ? 'i' : 'b', i);
        assert_int_equal(recs_trends_item(trends, id, &handles[i], &error), RECS_OK);
    }
    assert_int_equal(recs_trends_place(trends, "de/berlin", NULL, &place, &error), RECS_OK);
    size_t events = 10 * 6000;
    for (size_t e = 0; e < events; e++) {
        char actor[16];
        bool bot = e % 10 == 0;
        uint32_t item = bot ? ITEMS + (uint32_t)(e / 10 % SPREAD) : draw(draw(ITEMS) + 1);
        snprintf(actor, sizeof actor, bot ? "bot" : "u%u", draw(4000));
        now = START + (int64_t)(e * 10 * (uint64_t)DAY / events);
        assert_int_equal(recs_trends_add_one(trends, handles[item], place,
                                             recs_trends_actor(trends, actor), now, 1.0f, &error),
                         RECS_OK);
    }
    for (int32_t ranking = RECS_RANK_POPULAR; ranking <= RECS_RANK_NEW; ranking++) {
        recs_query_reset(q);
        recs_query_place(q, "de/berlin");
        recs_query_ranking(q, ranking);
        recs_query_half_life(q, 7 * DAY);
        recs_query_time(q, now);
        recs_query_limit(q, ITEMS + SPREAD);
        assert_int_equal(recs_trending(trends, q, &error), RECS_OK);
        for (size_t i = 0; i < recs_query_count(q); i++) {
            bool bots = recs_query_id(q, i)[0] == 'b';
            assert_false(bots && i < TOP);
            if (bots && ranking == RECS_RANK_POPULAR)
                part += recs_query_trend(q, i, RECS_TREND_COUNT) /
                        recs_query_trend(q, i, RECS_TREND_SUPPORT);
        }
    }
    recs_query_destroy(q);
    recs_trends_destroy(trends);
    return part;
}

static void test_spread(void **unused) {
    (void)unused;
    double off = spread_part("actor_share=off"), on = spread_part("actor_share=0.05"),
           tight = spread_part("actor_share=0.01");
    printf("a tenth of all events on 1,000 items: %.4f of the place's counts without "
           "actor_share, %.4f with 0.05, %.4f with 0.01\n", off, on, tight);
    assert_true(off > 0.09);
    assert_true(on > 0.02 && on <= 0.05);
    assert_true(tight <= 0.0101);
}

/* ---- Online Retail --------------------------------------------------------------------- */

/* 80,995 pieces of PAPER CRAFT, LITTLE BIRDIE on 2011-12-09 and 74,215 of MEDIUM
 * CERAMIC TOP STORAGE JAR on 2011-01-18, each cancelled within a quarter of an
 * hour. */
static const struct {
    const char *item, *when;
} wholesale[] = {{"23843", "2011-12-09T09:15:00"}, {"23166", "2011-01-18T10:01:00"}};

typedef struct watch {
    recs_trends *trends;
    recs_query *query;
    int64_t from[2], next; /* asked every quarter of an hour for two days     */
    size_t asked, found;
    bool seen[2];
} watch;

static void look(watch *w, int64_t now) {
    static const char *const places[] = {"", "United Kingdom"};
    for (size_t i = 0; i < 2; i++) {
        if (now < w->from[i] || now > w->from[i] + 2 * DAY)
            continue;
        for (int p = 0; p < 2; p++)
            for (int32_t ranking = RECS_RANK_POPULAR; ranking <= RECS_RANK_NEW; ranking++)
                for (int h = 0; h < 2; h++) {
                    w->asked++;
                    w->found += listed(w->trends, w->query, places[p], ranking,
                                       h ? 7 * DAY : DAY, now, wholesale[i].item);
                }
    }
}

static int32_t take(void *user_data, const recs_events *events) {
    watch *w = user_data;
    recs_error error = {0};
    int64_t now = recs_events_get_time(events, recs_events_count(events) - 1);
    for (size_t e = 0; e < recs_events_count(events); e++) {
        size_t size;
        const char *item = recs_events_get_text(events, e, RECS_FIELD_ITEM, &size);
        for (size_t i = 0; i < 2; i++)
            w->seen[i] |= strcmp(item, wholesale[i].item) == 0 &&
                          recs_events_get_quantity(events, e) > 70000.0;
    }
    if (recs_trends_add(w->trends, events, now, &error))
        fail_msg("%s", error.text);
    look(w, now);
    return 0;
}

static void test_wholesale(void **unused) {
    char path[DATA_PATH_MAX];
    recs_dataset *d = NULL;
    recs_error error = {0};
    watch w = {0};
    (void)unused;
    DATA_OR_SKIP("online-retail/online_retail.csv.zst", path);
    assert_int_equal(recs_dataset_create(&d, NULL, &error), RECS_OK);
    if (recs_dataset_read(d, path, &error))
        fail_msg("%s", error.text);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(recs_dataset_time(d, wholesale[i].when, &w.from[i], &error), RECS_OK);
    assert_int_equal(recs_trends_create(&w.trends, "candidates=1024", NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&w.query, NULL, &error), RECS_OK);
    if (recs_dataset_replay(d, RECS_NO_TIME, RECS_NO_TIME, take, &w, &error))
        fail_msg("%s", error.text);
    assert_true(w.seen[0] && w.seen[1]);
    assert_true(w.asked > 100);
    assert_int_equal(w.found, 0);
    recs_query_destroy(w.query);
    recs_trends_destroy(w.trends);
    recs_dataset_destroy(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bot),
                                       cmocka_unit_test(test_spread),
                                       cmocka_unit_test(test_wholesale)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
