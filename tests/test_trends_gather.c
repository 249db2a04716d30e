/* test_trends_gather.c - a query through lists answers as one that looks up every item:
 * the same ids in the same order, scores and parts to the bit. Where all items are
 * allowed by name (no more than 512) they are looked up one by one, without any list,
 * bound or order; so each question is asked twice. */
#include "support/same_trends.h"
#include "support/test.h"

#include "recs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 400, PLACES = 6, DENIED = 40 };
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define START (20000 * DAY)
static const char *const paths[PLACES] = {"", "a", "a/x", "a/y", "b", "b/z"};

static uint64_t state = 7;

static uint32_t draw(uint32_t below) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % below);
}

static const char *id_of(uint32_t item) {
    static char id[16];
    snprintf(id, sizeof id, "item-%u", item);
    return id;
}

typedef struct question {
    const char *place, *segment;
    int64_t time, half_life, window;
    int32_t ranking;
    size_t limit;
    bool evidence, deny;
} question;

static void put(recs_query *q, const question *asked) {
    recs_query_reset(q);
    recs_query_place(q, asked->place);
    recs_query_segment(q, asked->segment);
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

static size_t compare(recs_trends *trends, recs_query *q, recs_query *r, const question *asked) {
    recs_error error = {0};
    put(q, asked);
    put(r, asked);
    for (uint32_t item = 0; item < ITEMS; item++)
        recs_query_allow(r, id_of(item));
    if (recs_trending(trends, q, &error) || recs_trending(trends, r, &error))
        fail_msg("%s", error.text);
    assert_int_equal(recs_query_trend_scanned(r), 0);
    char about[120];
    snprintf(about, sizeof about, "place \"%s\", ranking %d, %lld ms after the newest",
             asked->place, asked->ranking,
             (long long)(asked->time - recs_trends_newest(trends)));
    same_trends(q, r, about);
    return recs_query_count(q);
}

static void ask_all(recs_trends *trends, recs_query *q, recs_query *r, int64_t now, bool windows,
                    size_t *answers, size_t *scans, size_t *queries) {
    static const int64_t later[] = {0, 9 * HOUR, 18 * HOUR, -HOUR / 3, -2 * DAY};
    static const size_t limits[] = {1, 7, 50, 90, 200};
    for (int turn = 0; turn < 60; turn++) {
        question asked = {.place = paths[draw(PLACES)],
                          .segment = draw(4) == 0 ? "new customers" : NULL,
                          .time = now + later[draw(5)],
                          .half_life = draw(2) == 0 ? DAY : 8 * DAY,
                          .ranking = (int32_t)draw(3),
                          .limit = limits[draw(5)],
                          .evidence = draw(3) == 0,
                          .deny = draw(4) == 0};
        if (windows && draw(3) == 0)
            asked.window = 6 * HOUR;
        *answers += compare(trends, q, r, &asked);
        *scans += (size_t)recs_query_trend_scanned(q);
        ++*queries;
    }
}

/* What sells drifts; some items come to one place long after another. All at whole
 * hours, so that equal scores are frequent. */
static void pour(recs_trends *trends, int64_t from, int64_t to, uint32_t count) {
    recs_error error = {0};
    for (uint32_t e = 0; e < count; e++) {
        int64_t time = from + (to - from) / HOUR * e / count * HOUR;
        uint32_t drift = (uint32_t)((time - START) / DAY) * 5;
        uint32_t item = (draw(60) * draw(7) + drift) % ITEMS, place, handle;
        uint8_t returned = draw(12) == 0;
        assert_int_equal(recs_trends_item(trends, id_of(item), &handle, &error), RECS_OK);
        assert_int_equal(recs_trends_place(trends, paths[draw(PLACES)],
                                           draw(3) == 0 ? "new customers" : NULL, &place, &error),
                         RECS_OK);
        if (recs_trends_add_rows(trends, &handle, &place, NULL, &time, NULL, &returned, 1, time,
                                 NULL, &error))
            fail_msg("%s", error.text);
    }
}

static void run(const char *settings, bool windows, size_t *scans, size_t *queries) {
    recs_trends *trends = NULL;
    recs_query *q = NULL, *r = NULL;
    recs_error error = {0};
    size_t answers = 0;
    if (recs_trends_create(&trends, settings, NULL, &error))
        fail_msg("%s", error.text);
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&r, NULL, &error), RECS_OK);
    for (int step = 0; step < 12; step++) { /* 300 days: slots of both series move on */
        int64_t from = START + step * 25 * DAY;
        pour(trends, from, from + (step % 3 == 0 ? 2 : 25) * DAY, 700);
        ask_all(trends, q, r, recs_trends_newest(trends), windows, &answers, scans, queries);
    }
    assert_true(answers > 1000);
    recs_query_destroy(q);
    recs_query_destroy(r);
    recs_trends_destroy(trends);
}

static void test_lists_and_look_ups(void **unused) {
    size_t scans = 0, queries = 0;
    (void)unused;
    run("half_life=1d|8d,actors=off,candidates=16,new_within=5d", false, &scans, &queries);
    run("half_life=1d|8d,window=6h/1h,actors=off,candidates=16,prior=2", true, &scans, &queries);
    run("half_life=1d|8d,actors=off,candidates=32,own=30,min_support=1", false, &scans, &queries);
    run("half_life=1d|8d,actors=off,candidates=100,prior=0", false, &scans, &queries);
    assert_true(scans > 0 && scans < queries / 2); /* both ways were taken */
}

/* What lists have made ready for one question is not told to the next after an event, a
 * return or a merge, wherever it was counted. */
static void test_asked_again(void **unused) {
    recs_trends *trends = NULL, *other = NULL;
    recs_query *q = NULL, *r = NULL;
    recs_error error = {0};
    unsigned char *bytes;
    size_t size;
    (void)unused;
    const char *settings = "half_life=1d|8d,window=6h/1h,actors=off,candidates=20,prior=5";
    assert_int_equal(recs_trends_create(&trends, settings, NULL, &error), RECS_OK);
    assert_int_equal(recs_trends_create(&other, settings, NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&r, NULL, &error), RECS_OK);
    pour(trends, START, START + DAY, 3000);
    pour(other, START, START + DAY, 500);
    for (int turn = 0; turn < 600; turn++) {
        question asked = {.place = paths[turn / 6 % PLACES],
                          .time = recs_trends_newest(trends) + turn % 2 * 1234,
                          .half_life = turn % 4 < 2 ? DAY : 8 * DAY,
                          .window = turn % 24 == 7 ? 6 * HOUR : 0,
                          .ranking = turn % 3, .limit = 5 + (size_t)turn % 30,
                          .deny = turn % 7 == 0};
        compare(trends, q, r, &asked);
        if (turn % 3 == 0)
            pour(trends, START + DAY + turn * 60000, START + DAY + turn * 60000 + HOUR,
                 1 + draw(3));
        if (turn == 300) {
            assert_int_equal(recs_trends_snapshot(other, &bytes, &size, &error), RECS_OK);
            if (recs_trends_merge(trends, bytes, size, 0, &error))
                fail_msg("%s", error.text);
            recs_trends_bytes_free(other, bytes);
        }
        compare(trends, q, r, &asked);
    }
    recs_query_destroy(q);
    recs_query_destroy(r);
    recs_trends_destroy(trends);
    recs_trends_destroy(other);
}

/* An item that is new at a place may be old elsewhere: such do not fill the lists. */
static void test_old_elsewhere(void **unused) {
    recs_trends *trends = NULL;
    recs_query *q = NULL, *r = NULL;
    recs_error error = {0};
    size_t late = 0;
    (void)unused;
    assert_int_equal(recs_trends_create(&trends,
                                        "half_life=1d|8d,actors=off,candidates=16,new_within=5d,"
                                        "prior=0", NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&r, NULL, &error), RECS_OK);
    for (int day = 0; day < 40; day++)
        for (uint32_t e = 0; e < 300; e++) {
            int64_t time = START + day * DAY + e * 60000;
            bool fresh = e % 10 == 0; /* ten of these a day, new everywhere, sold thrice */
            uint32_t item = fresh ? 200 + ((uint32_t)day * 5 + e / 10 % 10) % 200 : draw(200),
                     place, handle;
            /* At "b" items appear only after day 20, known by then at "a". */
            const char *path = day < 20 || draw(2) == 0 ? "a" : "b";
            assert_int_equal(recs_trends_item(trends, id_of(item), &handle, &error), RECS_OK);
            assert_int_equal(recs_trends_place(trends, path, NULL, &place, &error), RECS_OK);
            assert_int_equal(recs_trends_add_rows(trends, &handle, &place, NULL, &time, NULL, NULL,
                                                  1, time, NULL, &error), RECS_OK);
            if (day > 20 && e % 30 == 29) {
                question asked = {.place = "b", .time = time, .half_life = 8 * DAY,
                                  .ranking = RECS_RANK_NEW, .limit = 10};
                compare(trends, q, r, &asked);
                late += day > 30 && recs_query_trend_scanned(q) != 0;
            }
        }
    assert_true(late < 30); /* of 90 */
    recs_query_destroy(q);
    recs_query_destroy(r);
    recs_trends_destroy(trends);
}

/* Fewer than are asked for: lists that have all there is prove that, too. */
static void test_few(void **unused) {
    recs_trends *trends = NULL;
    recs_query *q = NULL;
    recs_error error = {0};
    (void)unused;
    assert_int_equal(recs_trends_create(&trends, "half_life=1d|8d,window=6h/1h,actors=off,"
                                        "new_within=5d", NULL, &error), RECS_OK);
    assert_int_equal(recs_query_create(&q, NULL, &error), RECS_OK);
    for (uint32_t e = 0; e < 1205; e++) { /* 1200 items of long ago, 5 of today */
        int64_t time = START + (e < 1200 ? 0 : 10 * DAY) + e;
        uint32_t place = 0, handle;
        assert_int_equal(recs_trends_item(trends, id_of(e), &handle, &error), RECS_OK);
        assert_int_equal(recs_trends_add_rows(trends, &handle, &place, NULL, &time, NULL, NULL, 1,
                                              time, NULL, &error), RECS_OK);
    }
    for (int window = 0; window < 2; window++)
        for (int turn = 0; turn < 3; turn++) {
            question asked = {.place = "", .time = START + 10 * DAY + 2000, .limit = 20,
                              .window = window ? 6 * HOUR : 0,
                              .ranking = window ? RECS_RANK_POPULAR : RECS_RANK_NEW};
            put(q, &asked);
            assert_int_equal(recs_trending(trends, q, &error), RECS_OK);
            assert_int_equal(recs_query_count(q), 5);
            assert_true(turn == 0 || recs_query_trend_scanned(q) == 0);
        }
    recs_query_destroy(q);
    recs_trends_destroy(trends);
}

/* What was old once is new when it comes back, however many slots of the longest half-life
 * later. */
static void test_new_again(void **unused) {
    static const int slots[] = {3, 64, 255, 256, 510};
    const int64_t slot = 16 * HOUR, begin = START / 2 / slot * slot;
    recs_error error = {0};
    recs_query *q = NULL;
    (void)unused;
    assert_int_equal(recs_query_create(&q, NULL, NULL), RECS_OK);
    for (size_t s = 0; s < sizeof slots / sizeof *slots; s++) {
        recs_trends *trends = NULL;
        if (recs_trends_create(&trends, "half_life=1h,actors=off", NULL, &error))
            fail_msg("%s", error.text);
        /* x, y a slot later, when x is found to be old, and x again. */
        const int64_t times[] = {begin, begin + slot + 1000, begin + (1 + slots[s]) * slot};
        for (int i = 0; i < 3; i++) {
            bool shown = false;
            uint32_t item;
            assert_int_equal(recs_trends_item(trends, i == 1 ? "y" : "x", &item, &error), RECS_OK);
            assert_int_equal(
                recs_trends_add_one(trends, item, 0, RECS_NO_ACTOR, times[i], 1, &error), RECS_OK);
            put(q, &(question){.place = "", .time = times[i], .ranking = RECS_RANK_NEW,
                               .limit = 10});
            assert_int_equal(recs_trending(trends, q, &error), RECS_OK);
            for (size_t r = 0; r < recs_query_count(q); r++)
                shown |= strcmp(recs_query_id(q, r), "x") == 0;
            if (shown != (i != 1))
                fail_msg("%d slots: x is%s among what is new after event %d", slots[s],
                         shown ? "" : " not", i);
        }
        recs_trends_destroy(trends);
    }
    recs_query_destroy(q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_and_look_ups),
        cmocka_unit_test(test_asked_again),
        cmocka_unit_test(test_old_elsewhere),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_new_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
