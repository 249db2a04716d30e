/* Tests of src/live: counts against sums made the slow way, the top k against
 * everything there is, what is refused and what is counted how. */
#include "support/test.h"

#include "base/random.h"
#include "recs/query.h"
#include "recs/trends.h"
#include "support/fault_host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define T0 (INT64_C(20000) * DAY) /* some time in 2024 */

static recs_error error;

static recs_trends *make(const char *description) {
    recs_trends *trends = NULL;
    recs_status status = recs_trends_create(&trends, description, NULL, &error);
    if (status != RECS_OK)
        print_message("%s\n", error.text);
    assert_int_equal(status, RECS_OK);
    return trends;
}

static uint32_t item_of(recs_trends *trends, const char *id) {
    uint32_t handle;
    assert_int_equal(recs_trends_item(trends, id, &handle, &error), RECS_OK);
    return handle;
}

static uint32_t place_of(recs_trends *trends, const char *path) {
    uint32_t handle;
    assert_int_equal(recs_trends_place(trends, path, NULL, &handle, &error), RECS_OK);
    return handle;
}

static void add(recs_trends *trends, const char *item, const char *place, const char *actor,
                int64_t time, float weight, bool returned) {
    uint32_t i = item_of(trends, item), p = place_of(trends, place);
    uint64_t a = recs_trends_actor(trends, actor);
    uint8_t back = returned;
    assert_int_equal(recs_trends_add_rows(trends, &i, &p, &a, &time, &weight, &back, 1, time, NULL,
                                          &error),
                     RECS_OK);
}

static recs_query *ask(recs_trends *trends, recs_query *query, const char *place, int64_t time,
                       int32_t ranking, size_t limit) {
    recs_query_reset(query);
    recs_query_place(query, place);
    recs_query_time(query, time);
    recs_query_ranking(query, ranking);
    recs_query_limit(query, limit);
    recs_status status = recs_trending(trends, query, &error);
    if (status != RECS_OK)
        print_message("%s\n", error.text);
    assert_int_equal(status, RECS_OK);
    return query;
}

static recs_query *new_query(void) {
    recs_query *query = NULL;
    assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
    return query;
}

/* ---- against sums made the slow way ------------------------------------------------- */

enum { ITEMS = 3000, PLACES = 13, EVENTS = 60000 };

typedef struct stream {
    uint32_t items[EVENTS], places[EVENTS];
    int64_t times[EVENTS];
    float weights[EVENTS];
    uint8_t returned[EVENTS];
} stream;

static const char *const place_names[PLACES] = {
    "",        "us",      "us/ca",   "us/ca/sf", "us/ca/la", "us/ny", "us/ny/nyc",
    "de",      "de/by",   "de/by/m", "de/be",    "de/be/b",  "fr"};

static stream *make_stream(uint64_t seed) {
    stream *s = malloc(sizeof *s);
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t e = 0; e < EVENTS; e++) {
        double u = recs__random_double(&random);
        s->items[e] = (uint32_t)(ITEMS * u * u * u);
        s->places[e] = (uint32_t)recs__random_below(&random, PLACES);
        s->times[e] = T0 + (int64_t)recs__random_below(&random, 30 * DAY);
        s->weights[e] = (float)(1 + recs__random_below(&random, 40)) / 8.0f;
        s->returned[e] = recs__random_below(&random, 10) == 0;
    }
    return s;
}

static void name_all(recs_trends *trends) {
    for (uint32_t i = 0; i < ITEMS; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%05u", i);
        assert_int_equal(item_of(trends, id), i);
    }
    for (uint32_t p = 0; p < PLACES; p++)
        place_of(trends, place_names[p]);
}

static void add_stream(recs_trends *trends, const stream *s, size_t begin, size_t end,
                       const uint32_t *handles) {
    uint32_t *places = malloc((end - begin + 1) * sizeof *places);
    for (size_t e = begin; e < end; e++)
        places[e - begin] = handles[s->places[e]];
    size_t added = 0;
    assert_int_equal(recs_trends_add_rows(trends, s->items + begin, places, NULL,
                                          s->times + begin, s->weights + begin,
                                          s->returned + begin, end - begin, T0 + 30 * DAY, &added,
                                          &error),
                     RECS_OK);
    assert_int_equal(added, end - begin);
    free(places);
}

static bool below(const char *place, const char *above) {
    size_t size = strlen(above);
    return size == 0 || (strncmp(place, above, size) == 0 &&
                         (place[size] == '\0' || place[size] == '/'));
}

/* Net counts of all items at a place. window 0: half-life. */
static void slow_counts(const stream *s, const char *place, int64_t now, int64_t half_life,
                        int64_t window, int64_t bucket, double *counts) {
    memset(counts, 0, ITEMS * sizeof *counts);
    for (size_t e = 0; e < EVENTS; e++) {
        if (!below(place_names[s->places[e]], place))
            continue;
        double worth = (double)s->weights[e];
        if (window == 0) {
            worth *= pow(2.0, -(double)(now - s->times[e]) / (double)half_life);
        } else {
            int64_t back = now / bucket - s->times[e] / bucket;
            if (back < 0 || back >= window / bucket)
                worth = 0.0;
        }
        counts[s->items[e]] += s->returned[e] ? -worth : worth;
    }
}

static void check_counts(recs_trends *trends, const stream *s, const uint32_t *handles) {
    static const struct {
        int64_t half_life, window, bucket;
    } series[] = {{6 * HOUR, 0, 0}, {7 * DAY, 0, 0}, {0, 48 * HOUR, HOUR}};
    recs_query *query = new_query();
    double *counts = malloc(ITEMS * sizeof *counts);
    (void)handles;
    for (uint32_t p = 0; p < PLACES; p++)
        for (int k = 0; k < 3; k++) {
            int64_t now = T0 + 30 * DAY;
            slow_counts(s, place_names[p], now, series[k].half_life, series[k].window,
                        series[k].bucket, counts);
            recs_query_reset(query);
            recs_query_place(query, place_names[p]);
            recs_query_time(query, now);
            if (series[k].window != 0)
                recs_query_window(query, series[k].window);
            else
                recs_query_half_life(query, series[k].half_life);
            recs_query_limit(query, ITEMS);
            assert_int_equal(recs_trending(trends, query, &error), RECS_OK);
            size_t positive = 0, shown = recs_query_count(query);
            for (uint32_t i = 0; i < ITEMS; i++)
                positive += counts[i] > 1e-3;
            assert_true(shown >= positive);
            for (size_t r = 0; r < shown; r++) {
                uint32_t item = item_of(trends, recs_query_id(query, r));
                double score = (double)recs_query_score(query, r);
                if (fabs(score - counts[item]) > 1e-2 + 1e-4 * counts[item])
                    print_message("%s %s: %g, not %g\n", place_names[p], recs_query_id(query, r),
                                  score, counts[item]);
                assert_true(fabs(score - counts[item]) <= 1e-2 + 1e-4 * counts[item]);
                assert_true(r == 0 || recs_query_score(query, r - 1) >= recs_query_score(query, r));
            }
        }
    free(counts);
    recs_query_destroy(query);
}

static const char *const no_actors =
    "half_life=6h|7d, window=48h/1h, actors=off, prior=0, candidates=32";

static void test_counts(void **state) {
    (void)state;
    stream *s = make_stream(1);
    recs_trends *trends = make(no_actors);
    uint32_t handles[PLACES];
    name_all(trends);
    for (uint32_t p = 0; p < PLACES; p++)
        handles[p] = place_of(trends, place_names[p]);
    for (size_t begin = 0; begin < EVENTS;) { /* pieces of all sizes */
        size_t size = begin < 100 ? 1 : begin < 10000 ? 137 : 25000;
        size_t end = begin + size < EVENTS ? begin + size : EVENTS;
        add_stream(trends, s, begin, end, handles);
        begin = end;
    }
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_ADDED), EVENTS);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_SATURATED), 0);
    check_counts(trends, s, handles);
    recs_trends_destroy(trends);
    free(s);
}

/* ---- the top k is that of a scan ------------------------------------------------------- */

static void compare_top(recs_trends *trends, recs_query *all, recs_query *top, const char *place,
                        int64_t now, int32_t ranking, int64_t half_life, int64_t window,
                        size_t limit, size_t *proven) {
    recs_query *both[2] = {all, top};
    for (int i = 0; i < 2; i++) {
        recs_query_reset(both[i]);
        recs_query_place(both[i], place);
        recs_query_time(both[i], now);
        recs_query_ranking(both[i], ranking);
        if (window != 0)
            recs_query_window(both[i], window);
        else
            recs_query_half_life(both[i], half_life);
        recs_query_limit(both[i], i == 0 ? ITEMS : limit);
        /* the candidates first: a scan makes them anew */
        assert_int_equal(recs_trending(trends, both[1 - i] == top ? top : both[i], &error),
                         RECS_OK);
    }
    recs_query_limit(top, limit);
    assert_int_equal(recs_trending(trends, top, &error), RECS_OK);
    *proven += recs_query_trend_scanned(top) == 0;
    assert_int_equal(recs_trending(trends, all, &error), RECS_OK);
    size_t count = recs_query_count(all);
    assert_int_equal(recs_query_count(top), count < limit ? count : limit);
    for (size_t r = 0; r < recs_query_count(top); r++) {
        if (recs_query_score(top, r) != recs_query_score(all, r))
            print_message("\"%s\" ranking %d half-life %lld window %lld: %s %.9g, not %s %.9g\n",
                          place, ranking, (long long)half_life, (long long)window,
                          recs_query_id(top, r), (double)recs_query_score(top, r),
                          recs_query_id(all, r), (double)recs_query_score(all, r));
        assert_string_equal(recs_query_id(top, r), recs_query_id(all, r));
        assert_true(recs_query_score(top, r) == recs_query_score(all, r));
    }
}

static void test_exact(void **state) {
    (void)state;
    static const char *const how[] = {
        "half_life=6h|7d, window=48h/1h, actors=off, prior=0, candidates=32",
        "half_life=6h|7d, window=48h/1h, actors=off, prior=100, candidates=40, new_within=10d"};
    for (int h = 0; h < 2; h++) {
        stream *s = make_stream(2);
        recs_trends *trends = make(how[h]);
        recs_query *all = new_query(), *top = new_query();
        uint32_t handles[PLACES];
        size_t asked = 0, proven = 0;
        name_all(trends);
        for (uint32_t p = 0; p < PLACES; p++)
            handles[p] = place_of(trends, place_names[p]);
        for (size_t begin = 0; begin < EVENTS; begin += 6000) {
            add_stream(trends, s, begin, begin + 6000, handles);
            for (uint32_t p = 0; p < PLACES; p += 2)
                for (int32_t ranking = 0; ranking < 3; ranking++)
                    for (int k = 0; k < 3; k++, asked++)
                        compare_top(trends, all, top, place_names[p], T0 + 30 * DAY + 5 * HOUR,
                                    ranking, k == 0 ? 6 * HOUR : 7 * DAY, k == 2 ? 48 * HOUR : 0,
                                    k == 1 ? 20 : 5, &proven);
        }
        print_message("%zu of %zu without a scan\n", proven, asked);
        assert_true(proven > 0);
        recs_query_destroy(all);
        recs_query_destroy(top);
        recs_trends_destroy(trends);
        free(s);
    }
}

/* ---- honest counting -------------------------------------------------------------------- */

static void test_actors_count_once(void **state) {
    (void)state;
    recs_trends *trends = make("half_life=1d, min_actors=0, prior=0");
    recs_query *query = new_query();
    for (int i = 0; i < 1000; i++)
        add(trends, "bot's", "us/ca", "bot", T0 + i * 1000, 1, false);
    for (int i = 0; i < 5; i++) {
        char actor[16];
        snprintf(actor, sizeof actor, "u%d", i);
        add(trends, "good", "us/ca", actor, T0 + i * 1000, 1, false);
    }
    ask(trends, query, "us", T0 + 1000000, RECS_RANK_POPULAR, 10);
    assert_int_equal(recs_query_count(query), 2);
    assert_string_equal(recs_query_id(query, 0), "good");
    assert_true(fabs((double)recs_query_score(query, 0) - 5) < 0.1);
    assert_true(fabs((double)recs_query_score(query, 1) - 1) < 0.1);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_REPEATED), 999);
    assert_true(recs_trends_place_actors(trends, place_of(trends, "us")) == 6);

    /* Heaviest weight, earliest time, whatever the order. */
    add(trends, "late", "de", "a", T0 + 20 * HOUR, 1, false);
    add(trends, "late", "de", "a", T0 + 2 * HOUR, 4, false);
    add(trends, "late", "de", "a", T0 + 8 * HOUR, 2, false);
    ask(trends, query, "de", T0 + 2 * HOUR + DAY, RECS_RANK_POPULAR, 10);
    assert_true(fabs((double)recs_query_score(query, 0) - 2) < 1e-3);
    /* The next day he counts again. */
    add(trends, "late", "de", "a", T0 + DAY + 2 * HOUR, 4, false);
    ask(trends, query, "de", T0 + 2 * HOUR + DAY, RECS_RANK_POPULAR, 10);
    assert_true(fabs((double)recs_query_score(query, 0) - 6) < 1e-3);
    recs_query_destroy(query);
    recs_trends_destroy(trends);
}

static void test_few_actors_show_nothing(void **state) {
    (void)state;
    recs_trends *trends = make("min_actors=3");
    recs_query *query = new_query();
    add(trends, "secret", "us/village", "neighbour", T0, 1, false);
    add(trends, "secret", "us/village", "wife", T0, 1, false);
    ask(trends, query, "us/village", T0, RECS_RANK_POPULAR, 10);
    assert_int_equal(recs_query_count(query), 0);
    add(trends, "known", "us/town", "other", T0, 1, false);
    ask(trends, query, "us/village", T0, RECS_RANK_POPULAR, 10); /* borrows from us */
    assert_int_equal(recs_query_count(query), 2);
    assert_int_equal(recs_query_source(query, 0), RECS_FROM_FILL);
    assert_int_equal(recs_query_evidence(query), 0);
    recs_query_evidence_only(query, 1);
    assert_int_equal(recs_trending(trends, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 0);
    add(trends, "secret", "us/village", "third", T0, 1, false);
    ask(trends, query, "us/village", T0, RECS_RANK_POPULAR, 10);
    assert_int_equal(recs_query_source(query, 0), RECS_FROM_TREND);
    recs_query_destroy(query);
    recs_trends_destroy(trends);
}

static void test_returns(void **state) {
    (void)state;
    recs_trends *trends = make("half_life=1d, actors=off, prior=0");
    recs_query *query = new_query();
    add(trends, "back", "", NULL, T0, 1, true); /* a return without a sale */
    add(trends, "x", "", NULL, T0, 1, false);
    add(trends, "x", "", NULL, T0, 1, false);
    add(trends, "x", "", NULL, T0, 1, true);
    add(trends, "back", "", NULL, T0, 1, false);
    ask(trends, query, "", T0, RECS_RANK_POPULAR, 10);
    assert_int_equal(recs_query_count(query), 1);
    assert_string_equal(recs_query_id(query, 0), "x");
    assert_true(fabs((double)recs_query_score(query, 0) - 1) < 1e-3);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_RETURNS), 2);
    recs_query_destroy(query);
    recs_trends_destroy(trends);
}

/* ---- rising and new --------------------------------------------------------------------- */

/* The score of the first of the root's trends, from its counts in both half-lives. */
static void check_surplus(recs_trends *trends, recs_query *query, int64_t now, double support) {
    char first[16];
    snprintf(first, sizeof first, "%s", recs_query_id(query, 0));
    double count = recs_query_trend(query, 0, RECS_TREND_COUNT),
           total = recs_query_trend(query, 0, RECS_TREND_SUPPORT);
    double score = (double)recs_query_score(query, 0), usual = 0.0;
    recs_query_ranking(query, RECS_RANK_POPULAR);
    recs_query_half_life(query, 7 * DAY);
    recs_query_limit(query, 20);
    recs_query_time(query, now);
    assert_int_equal(recs_trending(trends, query, NULL), RECS_OK);
    for (size_t r = 0; r < recs_query_count(query); r++)
        if (strcmp(recs_query_id(query, r), first) == 0)
            usual = total * recs_query_trend(query, r, RECS_TREND_COUNT) /
                    recs_query_trend(query, r, RECS_TREND_SUPPORT);
    double z = (count - sqrt(support * support + 4 * usual * usual)) / sqrt(count + 1);
    assert_true(usual > 0.0 && fabs(score - (z >= 0 ? 1 + z : 1 / (1 - z))) < 1e-5 * score);
}

/* Ten items sell alike for three weeks, more by day than by night; in the last
 * six hours one sells six times as much, and another is seen for the first time. */
static void test_rising_and_new(void **state) {
    (void)state;
    recs_trends *trends = make("half_life=6h|7d, actors=off, prior=20, support=3, new_within=2d");
    recs_query *query = new_query();
    recs__random random;
    char id[16];
    recs__random_seed(&random, 9);
    for (int hour = 0; hour < 21 * 24; hour++) {
        int sales = hour % 24 >= 8 && hour % 24 < 20 ? 30 : 6;
        bool burst = hour >= 21 * 24 - 6;
        for (int sale = 0; sale < sales; sale++) {
            snprintf(id, sizeof id, "i%d", (int)recs__random_below(&random, 10));
            add(trends, id, "us", NULL, T0 + hour * HOUR + sale, 1, false);
        }
        for (int sale = 0; burst && sale < sales / 2; sale++)
            add(trends, sale % 3 ? "i7" : "first", "us", NULL, T0 + hour * HOUR + sale, 1, false);
        if (hour == 12) { /* counting has just begun: nothing rises by much */
            ask(trends, query, "us", T0 + 13 * HOUR, RECS_RANK_TRENDING, 10);
            for (size_t r = 0; r < recs_query_count(query); r++)
                assert_true((double)recs_query_score(query, r) < 1.0 &&
                            recs_query_trend(query, r, RECS_TREND_RISE) < 1.3);
        }
        if (hour % 24 == 9 && !burst && hour > 24) { /* a morning is no trend */
            ask(trends, query, "us", T0 + (hour + 1) * HOUR, RECS_RANK_TRENDING, 10);
            for (size_t r = 0; r < recs_query_count(query); r++)
                assert_true((double)recs_query_score(query, r) < 1.0 &&
                            recs_query_trend(query, r, RECS_TREND_RISE) < 1.8);
        }
    }
    int64_t now = T0 + 21 * 24 * HOUR;
    ask(trends, query, "", now, RECS_RANK_TRENDING, 2); /* the root borrows nothing */
    assert_int_equal(recs_query_count(query), 2);
    for (size_t r = 0; r < 2; r++) {
        const char *which = recs_query_id(query, r);
        assert_true(strcmp(which, "i7") == 0 || strcmp(which, "first") == 0);
        assert_true((double)recs_query_score(query, r) > (which[0] == 'f' ? 1.0 : 0.5));
        double count = recs_query_trend(query, r, RECS_TREND_COUNT),
               expected = recs_query_trend(query, r, RECS_TREND_BASELINE);
        assert_true(fabs(recs_query_trend(query, r, RECS_TREND_RISE) -
                         (count + 10) / (expected + 10)) < 1e-9);
        assert_true(recs_query_trend(query, r, RECS_TREND_SUPPORT) > count);
    }
    check_surplus(trends, query, now, 3.0);
    ask(trends, query, "us/unknown", now, RECS_RANK_NEW, 10);
    assert_int_equal(recs_query_count(query), 1);
    assert_string_equal(recs_query_id(query, 0), "first");
    assert_true(recs_query_trend(query, 0, RECS_TREND_FIRST) == (double)(now - 6 * HOUR));
    assert_true(isnan(recs_query_trend(query, 0, RECS_TREND_RISE)));
    assert_true(isnan(recs_query_trend(query, 1, RECS_TREND_COUNT)));
    ask(trends, query, "us", now + 3 * DAY, RECS_RANK_NEW, 10);
    assert_int_equal(recs_query_count(query), 0);
    recs_query_destroy(query);
    recs_trends_destroy(trends);
}

/* ---- what is refused -------------------------------------------------------------------- */

static void test_descriptions(void **state) {
    (void)state;
    static const struct {
        const char *text, *names;
    } wrong[] = {
        {"half_life=0s", "half_life"},  {"half_life=7d|1d", "ascend"},
        {"half_life=1001d", "1001d"},   {"half_life=", "half_life"},
        {"halflife=1d", "halflife"},    {"actors=5m", "actors"},
        {"window=1h/7m", "window"},     {"window=1h", "window"},
        {"prior=nan", "nan"},           {"prior=-1", "-1"},
        {"candidates=5", "candidates"}, {"candidates=16.5", "16.5"},
        {"seed=1,seed=1", "twice"},     {"weight.nothing=1", "nothing"},
        {"weight.buy=1001", "1001"},    {"bare", "bare"},
        {"new_within=9999d", "9999d"},  {"half_life=1m|2m|3m|4m|5m|6m|7m", "6"},
        {"window=1h/1m|1h/2m", "twice"}};
    recs_trends *trends = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(recs_trends_create(&trends, wrong[i].text, NULL, &error),
                         RECS_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, wrong[i].names));
        assert_null(trends);
    }
    trends = make(" half_life = 1h|2w , window=1h/5m|24h/1h, actors=off, weight.view=0.25,"
                  "weight.9=3, seed=7 ");
    assert_string_equal(
        recs_trends_description(trends),
        "half_life=1h|14d, window=1h/5m|1d/1h, actors=off, actors_kept=2, min_actors=3, "
        "min_support=3, prior=20, candidates=256, new_within=7d, future=1h, weight.view=0.25, "
        "weight.9=3, seed=7");
    recs_trends *again = make(recs_trends_description(trends));
    assert_string_equal(recs_trends_description(again), recs_trends_description(trends));
    recs_trends_destroy(again);
    recs_trends_destroy(trends);
    trends = make("half_life=10m"); /* shorter than what is new by default */
    recs_trends_destroy(trends);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const paths[] = {"/us", "us/", "us//ca", "a\tb", "\xff", "a/b/c/d/e/f/g/h/i/j/k/l/m"};
    recs_trends *trends = make("half_life=1d, actors=off, window=1h/5m, future=1h");
    uint32_t handle, item = item_of(trends, "x"), place = 0, bad = 99;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(recs_trends_place(trends, paths[i], NULL, &handle, &error),
                         RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_place_count(trends), 1);
    assert_int_equal(recs_trends_item(trends, "", &handle, &error), RECS_ERR_ARGUMENT);
    int64_t time = T0;
    float weights[] = {(float)NAN, INFINITY, -1, 1000001};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(recs_trends_add_rows(trends, &item, &place, NULL, &time, &weights[i], NULL,
                                              1, T0, NULL, &error),
                         RECS_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "weights row 0"));
    }
    assert_int_equal(recs_trends_add_rows(trends, &bad, &place, NULL, &time, NULL, NULL, 1, T0,
                                          NULL, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "items row 0"));
    assert_int_equal(recs_trends_add_rows(trends, &item, &bad, NULL, &time, NULL, NULL, 1, T0, NULL,
                                          &error),
                     RECS_ERR_ARGUMENT);
    int64_t times[] = {-5, INT64_MAX, INT64_C(19880899200000)};
    for (int i = 0; i < 3; i++)
        assert_int_equal(recs_trends_add_rows(trends, &item, &place, NULL, &times[i], NULL, NULL, 1,
                                              T0, NULL, &error),
                         RECS_ERR_ARGUMENT);
    assert_int_equal(recs_trends_newest(trends), RECS_NO_TIME);

    /* By rule, and counted. */
    add(trends, "x", "", NULL, T0, 1, false);
    time = T0 + HOUR + 1;
    assert_int_equal(recs_trends_add_rows(trends, &item, &place, NULL, &time, NULL, NULL, 1, T0,
                                          NULL, &error),
                     RECS_OK);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_FUTURE), 1);
    assert_int_equal(recs_trends_newest(trends), T0);
    add(trends, "x", "", NULL, T0 - 40 * DAY, 1, false);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_TOO_OLD), 1);
    add(trends, "x", "", NULL, T0, 1e-6f, false);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_WEIGHTLESS), 1);
    assert_int_equal(recs_trends_counter(trends, RECS_TRENDS_ADDED), 1);
    recs_trends_destroy(trends);
}

static void test_sums_stop(void **state) {
    (void)state;
    recs_trends *trends = make("half_life=1d, actors=off, prior=0");
    int64_t end = (T0 / (16 * DAY) + 1) * 16 * DAY - 1; /* a slot's last moment */
    enum { MANY = 40000 };
    uint32_t *items = malloc(MANY * 4), *places = calloc(MANY, 4), x = item_of(trends, "x");
    int64_t *times = malloc(MANY * 8);
    float *weights = malloc(MANY * 4);
    for (int i = 0; i < MANY; i++) {
        items[i] = x;
        times[i] = end;
        weights[i] = 1e6f;
    }
    assert_int_equal(recs_trends_add_rows(trends, items, places, NULL, times, weights, NULL, MANY,
                                          end, NULL, &error),
                     RECS_OK);
    assert_true(recs_trends_counter(trends, RECS_TRENDS_SATURATED) > 0);
    recs_query *query = new_query();
    ask(trends, query, "", end, RECS_RANK_POPULAR, 10);
    assert_true(fabs((double)recs_query_score(query, 0) - 0x1p63 / 0x1p28) < 1e5);
    recs_query_destroy(query);
    free(items);
    free(places);
    free(times);
    free(weights);
    recs_trends_destroy(trends);
}

/* ---- by id, segments, memory ------------------------------------------------------------ */

static void test_events(void **state) {
    (void)state;
    recs_trends *trends = make("half_life=1d, min_actors=0, prior=0, weight.view=0.5");
    recs_events *events = NULL;
    recs_query *query = new_query();
    assert_int_equal(recs_events_create(&events, NULL, &error), RECS_OK);
    recs_events_begin(events, "a", RECS_EVENT_BUY, T0, &error);
    recs_events_text(events, RECS_FIELD_USER, "u1", &error);
    recs_events_text(events, RECS_FIELD_PLACE, "us/ca", &error);
    recs_events_text(events, RECS_FIELD_SEGMENT, "men", &error);
    recs_events_quantity(events, 1000, &error);
    recs_events_begin(events, "b", RECS_EVENT_VIEW, T0, &error);
    recs_events_text(events, RECS_FIELD_SESSION, "s1", &error);
    recs_events_text(events, RECS_FIELD_PLACE, "us/ca", &error);
    recs_events_begin(events, "c", RECS_EVENT_IMPRESSION, T0, &error);
    recs_events_begin(events, "a", RECS_EVENT_RETURN, T0, &error);
    recs_events_text(events, RECS_FIELD_USER, "u2", &error);
    assert_int_equal(recs_trends_add(trends, events, T0, &error), RECS_OK);
    ask(trends, query, "us/ca", T0, RECS_RANK_POPULAR, 10);
    assert_int_equal(recs_query_count(query), 2);
    assert_string_equal(recs_query_id(query, 0), "a");
    assert_true(fabs((double)recs_query_score(query, 0) - 1) < 1e-3);
    assert_true(fabs((double)recs_query_score(query, 1) - 0.5) < 1e-3);
    ask(trends, query, "", T0, RECS_RANK_POPULAR, 10); /* a came back at the root */
    assert_int_equal(recs_query_count(query), 1);
    recs_query_place(query, "us/ca/sf"); /* unknown: the nearest above */
    recs_query_segment(query, "men");
    assert_int_equal(recs_trending(trends, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 1);
    assert_string_equal(recs_query_id(query, 0), "a");
    recs_query_deny(query, "a");
    assert_int_equal(recs_trending(trends, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 0);
    recs_query_reset(query);
    recs_query_place(query, "us");
    recs_query_time(query, T0);
    recs_query_allow(query, "b");
    recs_query_allow(query, "nobody's");
    assert_int_equal(recs_trending(trends, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 1);
    assert_int_equal(recs_query_ignored(query), 1);
    assert_int_equal(recs_query_row(query, 0), RECS_NO_ROW);
    recs_query_half_life(query, 12345);
    assert_int_equal(recs_trending(trends, query, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "half_life=1d"));
    recs_events_destroy(events);
    recs_query_destroy(query);
    recs_trends_destroy(trends);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_trends *trends = NULL;
        recs_error failed = {0};
        if (fault_passed(&faults, recs_trends_create(&trends, NULL, &faults.host, &failed),
                         &failed))
            recs_trends_destroy(trends);
        else
            assert_null(trends);
    }
    /* Adding: a batch that failed counted nothing, and works the next time. */
    enum { N = 40 };
    FAULT_LOOP(faults) {
        fault_off(&faults);
        recs_trends *trends = NULL;
        recs_query *query = new_query();
        assert_int_equal(recs_trends_create(&trends, "prior=0, min_actors=0", &faults.host, &error),
                         RECS_OK);
        uint32_t items[N], places[N];
        uint64_t actors[N];
        int64_t times[N];
        for (int i = 0; i < N; i++) {
            char id[16];
            snprintf(id, sizeof id, "i%d", i);
            items[i] = item_of(trends, id);
            places[i] = place_of(trends, i % 2 ? "us/ca" : "us");
            actors[i] = (uint64_t)i % 7 + 1;
            times[i] = T0 + i;
        }
        fault_on(&faults);
        recs_error failed = {0};
        bool passed =
            fault_passed(&faults, recs_trends_add_rows(trends, items, places, actors, times, NULL,
                                                       NULL, N, T0, NULL, &failed),
                         &failed);
        fault_off(&faults);
        ask(trends, query, "us", T0 + N, RECS_RANK_POPULAR, N);
        assert_int_equal(recs_query_count(query), passed ? N : 0);
        if (!passed)
            assert_int_equal(recs_trends_add_rows(trends, items, places, actors, times, NULL, NULL,
                                                  N, T0, NULL, &error),
                             RECS_OK);
        ask(trends, query, "us", T0 + N, RECS_RANK_POPULAR, N);
        assert_int_equal(recs_query_count(query), N);
        recs_query_destroy(query);
        recs_trends_destroy(trends);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_actors_count_once),
        cmocka_unit_test(test_few_actors_show_nothing),
        cmocka_unit_test(test_returns),
        cmocka_unit_test(test_rising_and_new),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sums_stop),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
