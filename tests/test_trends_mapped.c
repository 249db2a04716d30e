/* test_trends_mapped.c - a saved state that is asked where it lies answers as the state
 * that was saved: ids, scores and parts to the bit, for every ranking, place, segment,
 * series, filter and radius, with lists and without, exact and within a budget. Nothing can
 * be added to it, and no damage of its file crashes. */
#include "recs/trends_share.h"

#include "base/random.h"
#include "live/trends_image.h"
#include "recs/places.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define START (20000 * DAY)

static const char *const paths[] = {"", "a", "a/x", "a/x/deep", "b", "b/z", "thin/place"};
enum { PATHS = sizeof paths / sizeof *paths };

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

/* Some weeks of events, with actors, returns, segments, new items and a place that hardly
 * anybody visits; and cells of coordinates. */
static recs_trends *make(const char *description, uint32_t items, int count, uint64_t seed) {
    recs_trends *trends;
    recs_error error = {0};
    recs__random random;
    recs__random_seed(&random, seed);
    ok(recs_trends_create(&trends, description, NULL, &error), &error);
    for (int e = 0; e < count; e++) {
        uint32_t item, place;
        char text[32], cell[RECS_PLACE_ROOM];
        uint32_t number = (uint32_t)recs__random_below(
            &random, recs__random_below(&random, items) + 1);
        int64_t time = START + 30 * DAY * e / count;
        snprintf(text, sizeof text, "item-%u", e > count * 9 / 10 && e % 7 == 0 ? items + number % 40
                                                                             : number);
        ok(recs_trends_item(trends, text, &item, &error), &error);
        uint64_t where = recs__random_below(&random, 100);
        if (where >= 90) {
            double at = (double)(where - 90) * 0.01;
            ok(recs_place_from_coordinates(51.5 + at, 0.1 - at, 4, 3, 13, cell, sizeof cell,
                                           &error),
               &error);
            ok(recs_trends_place(trends, cell, NULL, &place, &error), &error);
        } else {
            const char *path = where == 89 ? paths[6] : paths[where % 6];
            ok(recs_trends_place(trends, path, where % 3 == 0 ? "new" : NULL, &place, &error),
               &error);
        }
        uint64_t actor = e % 11 == 0 ? RECS_NO_ACTOR : 1 + recs__random_below(&random, 900) * 7919;
        uint8_t returned = e % 23 == 0;
        ok(recs_trends_add_rows(trends, &item, &place, &actor, &time, NULL, &returned, 1,
                                START + 31 * DAY, NULL, &error),
           &error);
    }
    return trends;
}

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static char asking[256];

/* bounds: those of estimates, as floats. */
static void compare(recs_trends *live, recs_trends *mapped, recs_query *q[2], bool bounds) {
    recs_error error = {0};
    ok(recs_trending(live, q[0], &error), &error);
    ok(recs_trending(mapped, q[1], &error), &error);
    if (recs_query_count(q[0]) != recs_query_count(q[1]))
        fail_msg("%s: %s: %zu, expected %zu", recs_trends_description(live), asking,
                 recs_query_count(q[1]), recs_query_count(q[0]));
    for (size_t i = 0; i < recs_query_count(q[0]); i++) {
        if (strcmp(recs_query_id(q[0], i), recs_query_id(q[1], i)) != 0 ||
            recs_query_score(q[0], i) != recs_query_score(q[1], i))
            fail_msg("%s: %s: rank %zu, %s %.9g, expected %s %.9g", recs_trends_description(live),
                     asking, i, recs_query_id(q[1], i), (double)recs_query_score(q[1], i),
                     recs_query_id(q[0], i), (double)recs_query_score(q[0], i));
        assert_int_equal(recs_query_source(q[0], i), recs_query_source(q[1], i));
        for (int32_t part = RECS_TREND_COUNT; part <= RECS_TREND_MOST; part++) {
            double a = recs_query_trend(q[0], i, part), b = recs_query_trend(q[1], i, part);
            if (bounds && part >= RECS_TREND_LEAST)
                assert_true(same(a, b) || fabs(a - b) < 1e-5 * (1 + fabs(a)));
            else
                assert_true(same(a, b));
        }
    }
    if (recs_query_count(q[0]) == 0)
        return;
    ok(recs_trending_explain(live, q[0], 0, &error), &error);
    ok(recs_trending_explain(mapped, q[1], 0, &error), &error);
    assert_int_equal(recs_query_reason_count(q[0]), recs_query_reason_count(q[1]));
    for (size_t r = 0; r < recs_query_reason_count(q[0]); r++)
        assert_true(recs_query_reason_contribution(q[0], r) ==
                    recs_query_reason_contribution(q[1], r));
}

static size_t scans; /* of mapped states, plain questions */

static void ask_everything(recs_trends *live, recs_trends *mapped, const int64_t *series,
                           size_t series_count, bool bounds) {
    recs_query *q[2];
    recs_error error = {0};
    int64_t newest = recs_trends_newest(live);
    newest = newest == RECS_NO_TIME ? START : newest;
    static const char *const asked[] = {"", "a", "a/x", "a/x/deep/er", "b/z", "thin/place",
                                        "thin/place/x", "nowhere", "thin"};
    static const size_t limits[] = {5000, 200, 50, 10, 1};
    ok(recs_query_create(&q[0], NULL, &error), &error);
    ok(recs_query_create(&q[1], NULL, &error), &error);
    for (size_t p = 0; p < sizeof asked / sizeof *asked; p++)
        for (int32_t ranking = 0; ranking < 3; ranking++)
            for (size_t s = 0; s < 3 * series_count; s++)
                for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
                    int64_t times[] = {newest, newest + 5 * HOUR, newest - 2 * DAY};
                    int turn = (int)(p + s + l + (size_t)ranking);
                    for (int i = 0; i < 2; i++) {
                        recs_query_reset(q[i]);
                        recs_query_place(q[i], asked[p]);
                        recs_query_segment(q[i], turn % 3 == 1 ? "new" : turn % 3 ? "odd" : NULL);
                        recs_query_time(q[i], times[s % 3]);
                        if (series[s / 3] > 0)
                            recs_query_half_life(q[i], series[s / 3]);
                        else
                            recs_query_window(q[i], -series[s / 3]);
                        recs_query_ranking(q[i], ranking);
                        recs_query_limit(q[i], limits[l]);
                        recs_query_evidence_only(q[i], turn % 4 == 0);
                        if (turn % 5 == 0)
                            recs_query_deny(q[i], "item-1");
                        for (int a = 0; a < 30 && turn % 7 == 0; a++) {
                            char id[32];
                            snprintf(id, sizeof id, "item-%d", a);
                            recs_query_allow(q[i], id);
                        }
                    }
                    snprintf(asking, sizeof asking, "%s, ranking %d, series %zu, limit %zu, %d",
                             asked[p], ranking, s, limits[l], turn);
                    compare(live, mapped, q, bounds);
                    scans += (size_t)recs_query_trend_scanned(q[1]);
                }
    for (int32_t ranking = 0; ranking < 3; ranking++) {
        for (int i = 0; i < 2; i++) {
            recs_query_reset(q[i]);
            ok(recs_query_near(q[i], 51.53, 0.07, 3000, 4, 3, 13), &error);
            recs_query_time(q[i], newest);
            recs_query_ranking(q[i], ranking);
            recs_query_limit(q[i], 20);
        }
        compare(live, mapped, q, bounds);
    }
    recs_query_destroy(q[0]);
    recs_query_destroy(q[1]);
}

/* What there is, by handle. */
static void same_places(recs_trends *live, recs_trends *mapped) {
    assert_string_equal(recs_trends_description(live), recs_trends_description(mapped));
    assert_true(recs_trends_newest(live) == recs_trends_newest(mapped));
    assert_int_equal(recs_trends_exact(live), recs_trends_exact(mapped));
    for (int32_t c = 0; c < RECS_TRENDS_COUNTERS; c++)
        assert_int_equal(recs_trends_counter(live, c), recs_trends_counter(mapped, c));
    assert_int_equal(recs_trends_origin_count(live), recs_trends_origin_count(mapped));
    for (uint32_t p = 0; p < recs_trends_place_count(mapped); p++) {
        uint32_t place, parent = recs_trends_place_parent(mapped, p), again;
        const char *name = recs_trends_place_name(mapped, p),
                   *segment = recs_trends_place_segment(mapped, p);
        recs_error error = {0};
        ok(recs_trends_place(live, name, segment, &place, &error), &error);
        ok(recs_trends_place(mapped, name, segment, &again, &error), &error);
        assert_int_equal(again, p);
        assert_int_equal(recs_trends_place_items(live, place), recs_trends_place_items(mapped, p));
        assert_true(recs_trends_place_actors(live, place) == recs_trends_place_actors(mapped, p));
        uint32_t above = recs_trends_place_parent(live, place);
        assert_int_equal(above == RECS_NO_PLACE, parent == RECS_NO_PLACE);
        if (above != RECS_NO_PLACE)
            assert_string_equal(recs_trends_place_name(live, above),
                                recs_trends_place_name(mapped, parent));
    }
    assert_null(recs_trends_place_name(mapped, recs_trends_place_count(mapped)));
    uint32_t items = recs_trends_item_count(mapped), handle;
    for (uint32_t i = 0; i < items; i++) {
        const char *id = recs_trends_item_id(mapped, i);
        recs_error error = {0};
        ok(recs_trends_item(mapped, id, &handle, &error), &error);
        assert_int_equal(handle, i);
    }
    assert_null(recs_trends_item_id(mapped, items));
}

static void answers_are_the_same(void **state) {
    (void)state;
    static const struct {
        const char *description;
        uint32_t items;
        int count;
        int64_t series[4]; /* half-lives, windows negative */
        size_t series_count;
    } cases[] = {
        {"half_life=1d|7d", 1500, 12000, {DAY, 7 * DAY}, 2},
        {"half_life=12h|7d, candidates=16, min_actors=0, min_share=0", 1200, 9000,
         {12 * HOUR, 7 * DAY}, 2},
        {"half_life=1d|7d, window=28d/1d, profile=28d, baseline=28d, own=50, min_actors=20", 500,
         6000, {DAY, 7 * DAY, -28 * DAY}, 3},
        {"half_life=7d, actors=off, window=1d/1h", 700, 6000, {7 * DAY, -DAY}, 2},
        {"half_life=1d|7d", 20, 0, {DAY, 7 * DAY}, 2},
        {"half_life=1d|7d", 20, 3, {DAY, 7 * DAY}, 2},
        {"half_life=1d|7d, memory=64M", 3000, 20000, {DAY, 7 * DAY}, 2},
        {"half_life=1d|7d, memory=10M, candidates=16", 20000, 40000, {DAY, 7 * DAY}, 2},
    };
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    tmp_path(&folder, "state", path);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        recs_error error = {0};
        recs_trends *live =
            make(cases[c].description, cases[c].items, cases[c].count, c + 1), *mapped, *loaded;
        ok(recs_trends_save(live, path, &error), &error);
        ok(recs_trends_open(&mapped, path, NULL, &error), &error);
        ok(recs_trends_verify(mapped, &error), &error);
        if (c == 7)
            assert_int_equal(recs_trends_exact(mapped), 0);
        scans = 0;
        ask_everything(live, mapped, cases[c].series, cases[c].series_count,
                       !recs_trends_exact(mapped));
        if (c < 1)
            assert_true(scans < 200); /* lists answer most of some 1,000 */
        same_places(live, mapped);
        ok(recs_trends_load(&loaded, path, NULL, &error), &error);
        unsigned char *bytes[2];
        size_t sizes[2];
        ok(recs_trends_snapshot(loaded, &bytes[0], &sizes[0], &error), &error);
        ok(recs_trends_snapshot(mapped, &bytes[1], &sizes[1], &error), &error);
        if (recs_trends_exact(mapped))
            assert_true(recs_trends_fingerprint(bytes[0], sizes[0]) ==
                        recs_trends_fingerprint(bytes[1], sizes[1]));
        recs_trends_bytes_free(loaded, bytes[0]);
        recs_trends_bytes_free(mapped, bytes[1]);
        recs_trends_destroy(loaded);
        recs_trends_destroy(mapped);
        recs_trends_destroy(live);
    }
    tmp_remove(&folder);
}

static void nothing_is_added(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    recs_trends *live = make("half_life=1d|7d", 50, 500, 3), *mapped;
    recs_events *events;
    uint32_t item = 0, place = 0;
    unsigned char *bytes;
    size_t size;
    tmp_make(&folder);
    tmp_path(&folder, "state", path);
    ok(recs_trends_save(live, path, &error), &error);
    ok(recs_trends_open(&mapped, path, NULL, &error), &error);
    assert_int_equal(recs_trends_add_one(mapped, item, place, 1, START, 1, &error),
                     RECS_ERR_STATE);
    assert_non_null(strstr(error.text, "recs_trends_load"));
    assert_int_equal(recs_trends_add_rows(mapped, &item, &place, NULL, NULL, NULL, NULL, 1, START,
                                          NULL, &error),
                     RECS_ERR_STATE);
    ok(recs_events_create(&events, NULL, &error), &error);
    assert_int_equal(recs_trends_add(mapped, events, START, &error), RECS_ERR_STATE);
    recs_events_destroy(events);
    assert_int_equal(recs_trends_follow(mapped, 0, &error), RECS_ERR_STATE);
    assert_int_equal(recs_trends_item(mapped, "unheard of", &item, &error), RECS_ERR_NOT_FOUND);
    assert_int_equal(recs_trends_place(mapped, "mars", NULL, &place, &error), RECS_ERR_NOT_FOUND);
    assert_int_equal(recs_trends_place(mapped, "a", "odd", &place, &error), RECS_ERR_NOT_FOUND);
    ok(recs_trends_snapshot(live, &bytes, &size, &error), &error);
    assert_int_equal(recs_trends_merge(mapped, bytes, size, 0, &error), RECS_ERR_STATE);
    /* A snapshot for exchange has no tables; a file, and bytes in memory, that are none. */
    recs_trends *other = NULL;
    unsigned char *aligned = aligned_alloc(64, size / 64 * 64 + 64);
    assert_non_null(aligned);
    memcpy(aligned, bytes, size);
    assert_int_equal(recs_trends_open_memory(&other, aligned, size, NULL, &error),
                     RECS_ERR_UNSUPPORTED);
    assert_null(other);
    assert_int_equal(recs_trends_open_memory(&other, "x", 1, NULL, &error), RECS_ERR_CORRUPT);
    tmp_path(&folder, "none", path);
    assert_int_equal(recs_trends_open(&other, path, NULL, &error), RECS_ERR_NOT_FOUND);
    free(aligned);
    recs_trends_bytes_free(live, bytes);
    recs_trends_destroy(mapped);
    recs_trends_destroy(live);
    tmp_remove(&folder);
}

/* Reads all there is. */
static void walk(recs_trends *mapped) {
    recs_query *q;
    recs_error error = {0};
    ok(recs_query_create(&q, NULL, &error), &error);
    for (uint32_t p = 0; p < recs_trends_place_count(mapped) && p < 40; p++) {
        (void)recs_trends_place_name(mapped, p);
        (void)recs_trends_place_segment(mapped, p);
        (void)recs_trends_place_parent(mapped, p);
        (void)recs_trends_place_items(mapped, p);
        (void)recs_trends_place_actors(mapped, p);
    }
    for (uint32_t i = 0; i < recs_trends_item_count(mapped) && i < 40; i++)
        (void)recs_trends_item_id(mapped, i);
    for (int turn = 0; turn < 2 * 3 * PATHS; turn++) {
        recs_query_reset(q);
        recs_query_place(q, paths[turn / 6]);
        recs_query_segment(q, turn % 2 ? "new" : NULL);
        recs_query_ranking(q, turn % 3);
        recs_query_limit(q, turn % 5 == 0 ? 500 : 5);
        recs_query_time(q, START + 32 * DAY);
        if (recs_trending(mapped, q, &error) == RECS_OK && recs_query_count(q) != 0)
            (void)recs_trending_explain(mapped, q, 0, &error);
    }
    recs_query_destroy(q);
}

static void damage_is_survived(void **state) {
    (void)state;
    static const char *const descriptions[] = {"half_life=1d|7d, candidates=16",
                                               "half_life=1d|7d, memory=10M, candidates=16"};
    recs__random random;
    recs__random_seed(&random, 17);
    for (int d = 0; d < 2; d++) {
        tmp_folder folder;
        char path[TMP_PATH_MAX];
        recs_error error = {0};
        size_t size;
        recs_trends *live = make(descriptions[d], d ? 20000 : 120, d ? 40000 : 1500, 5), *mapped;
        tmp_make(&folder);
        tmp_path(&folder, "state", path);
        ok(recs_trends_save(live, path, &error), &error);
        recs_trends_destroy(live);
        char *bytes = tmp_read(path, &size);
        tmp_remove(&folder);
        unsigned char *copy = aligned_alloc(64, (size + 63) / 64 * 64);
        assert_non_null(copy);
        size_t refused = 0, damaged = 0;
        for (int turn = 0; turn < 400; turn++) {
            memcpy(copy, bytes, size);
            for (int byte = 0; byte <= turn % 40; byte++) {
                size_t at = RECS__IMAGE_HEADER + recs__random_below(&random, size - RECS__IMAGE_HEADER);
                if (turn % 4 == 0) /* where offsets and counts are */
                    at = recs__image_entry((recs__image_section)(turn / 4 % RECS__IMAGE_SECTIONS)) +
                         recs__random_below(&random, RECS__IMAGE_ENTRY);
                copy[at] = turn % 3 == 0 ? 0xff : (unsigned char)recs__random_u64(&random);
            }
            if (recs_trends_open_memory(&mapped, copy, size, NULL, &error) != RECS_OK) {
                assert_true(error.text[0] != '\0');
                refused++;
                continue;
            }
            damaged += recs_trends_verify(mapped, &error) == RECS_ERR_CORRUPT;
            walk(mapped);
            recs_trends_destroy(mapped);
        }
        assert_true(refused > 20 && damaged > 200);
        for (size_t cut = 0; cut < size; cut += 1 + size / 50)
            assert_int_not_equal(recs_trends_open_memory(&mapped, copy, cut, NULL, &error),
                                 RECS_OK);
        free(copy);
        free(bytes);
    }
}

/* Saving, freezing, opening and the first questions without memory. */
static void failed_allocations_are_survived(void **state) {
    (void)state;
    recs_error error = {0};
    recs_trends *live = make("half_life=1d|7d, candidates=16", 120, 400, 5);
    unsigned char *bytes;
    size_t size;
    ok(recs_trends_freeze(live, &bytes, &size, &error), &error);
    unsigned char *aligned = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(aligned);
    memcpy(aligned, bytes, size);
    recs_trends_bytes_free(live, bytes);
    recs_trends_destroy(live);
    fault_host faults;
    fault_host_init(&faults);
    FAULT_LOOP(faults) {
        recs_trends *mapped = NULL;
        recs_query *q;
        fault_off(&faults);
        ok(recs_query_create(&q, NULL, &error), &error);
        recs_query_place(q, "a/x/deep");
        recs_query_segment(q, "new");
        recs_query_time(q, START + 32 * DAY);
        fault_on(&faults);
        if (fault_passed(&faults,
                         recs_trends_open_memory(&mapped, aligned, size, &faults.host, &error),
                         &error)) {
            (void)fault_passed(&faults, recs_trending(mapped, q, &error), &error);
            recs_trends_destroy(mapped);
        }
        fault_off(&faults);
        recs_query_destroy(q);
    }
    fault_host_done(&faults);
    free(aligned);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_same),
        cmocka_unit_test(nothing_is_added),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(failed_allocations_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
