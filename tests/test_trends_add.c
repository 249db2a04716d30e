/* Tests of src/live/trends_add.c and trends_run.c: a tree of places counts at each of its
 * levels what a state without a tree counts that is told the place of that level alone,
 * also where an actor's repeats are known from the place below. */
#include "support/trends.h"

#include "base/random.h"
#include "recs/query.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 40, REGIONS = 3, CITIES = 12, ACTORS = 25, LEVELS = 3, MOST = 300 };

/* One state with the tree, and one for each level whose places have nothing between them and
 * the root. */
typedef struct states {
    recs_trends *tree, *flat[LEVELS];
    uint32_t cities[CITIES][2], flats[LEVELS][CITIES][2]; /* without and with the segment */
    bool sold[CITIES][2]; /* there; else a place borrows, which flat ones do from others */
} states;

static uint32_t place_of(recs_trends *trends, const char *path, const char *segment) {
    uint32_t handle;
    OK(recs_trends_place(trends, path, segment, &handle, &error));
    return handle;
}

static void flat_name(int level, int city, char name[32]) {
    if (level == 0)
        name[0] = '\0';
    else
        snprintf(name, 32, level == 1 ? "region-%d" : "city-%d",
                 level == 1 ? city % REGIONS : city);
}

static recs_trends *make(const char *description) {
    recs_trends *trends = NULL;
    char name[32];
    uint32_t handle;
    OK(recs_trends_create(&trends, description, NULL, &error));
    for (int i = 0; i < ITEMS; i++) {
        snprintf(name, sizeof name, "item-%d", i);
        OK(recs_trends_item(trends, name, &handle, &error));
    }
    return trends;
}

static void begin(states *s, const char *description) {
    memset(s->sold, 0, sizeof s->sold);
    s->tree = make(description);
    for (int level = 0; level < LEVELS; level++)
        s->flat[level] = make(description);
    for (int c = 0; c < CITIES; c++)
        for (int with = 0; with < 2; with++) {
            const char *segment = with ? "app" : NULL;
            char name[64];
            snprintf(name, sizeof name, "region-%d/city-%d", c % REGIONS, c);
            s->cities[c][with] = place_of(s->tree, name, segment);
            for (int level = 0; level < LEVELS; level++) {
                flat_name(level, c, name);
                s->flats[level][c][with] = place_of(s->flat[level], name, segment);
            }
        }
}

static void end(states *s) {
    recs_trends_destroy(s->tree);
    for (int level = 0; level < LEVELS; level++)
        recs_trends_destroy(s->flat[level]);
}

/* A batch of events of one to three days, to the tree and each flat state. */
static void pour(states *s, recs__random *random, int64_t day) {
    uint32_t items[MOST], places[MOST];
    uint64_t actors[MOST];
    int64_t times[MOST];
    float weights[MOST];
    uint8_t returned[MOST], city[MOST], with[MOST];
    size_t count = 1 + recs__random_below(random, MOST);
    int64_t span = DAY * (1 + (int64_t)recs__random_below(random, 3));
    for (size_t e = 0; e < count; e++) {
        double u = recs__random_double(random);
        items[e] = (uint32_t)(ITEMS * u * u);
        city[e] = (uint8_t)(CITIES * u * recs__random_double(random));
        with[e] = recs__random_below(random, 4) == 0;
        actors[e] = recs__random_below(random, 5) == 0 ? 0 : 1 + recs__random_below(random, ACTORS);
        times[e] = day + (int64_t)recs__random_below(random, (uint64_t)span);
        weights[e] = (float)(1 + recs__random_below(random, 3)) / 2.0f;
        returned[e] = recs__random_below(random, 12) == 0;
        s->sold[city[e]][0] |= !returned[e];
        s->sold[city[e]][1] |= with[e] && !returned[e];
    }
    for (int level = -1; level < LEVELS; level++) {
        for (size_t e = 0; e < count; e++)
            places[e] = level < 0 ? s->cities[city[e]][with[e]]
                                  : s->flats[level][city[e]][with[e]];
        OK(recs_trends_add_rows(level < 0 ? s->tree : s->flat[level], items, places, actors, times,
                                weights, returned, count, day + 4 * DAY, NULL, &error));
    }
}

static size_t ask(recs_trends *trends, recs_query *query, const char *place, const char *segment) {
    recs_query_reset(query);
    recs_query_place(query, place);
    if (segment != NULL)
        recs_query_segment(query, segment);
    recs_query_time(query, recs_trends_newest(trends));
    recs_query_limit(query, ITEMS);
    OK(recs_trending(trends, query, &error));
    return recs_query_count(query);
}

static void compare(states *s) {
    recs_query *a, *b;
    OK(recs_query_create(&a, NULL, &error));
    OK(recs_query_create(&b, NULL, &error));
    for (int level = 0; level < LEVELS; level++)
        for (int c = 0; c < CITIES; c++)
            for (int with = 0; with < 2; with++) {
                char tree[64], flat[32];
                const char *segment = with ? "app" : NULL;
                if (!s->sold[c][with])
                    continue;
                flat_name(level, c, flat);
                if (level == 2)
                    snprintf(tree, sizeof tree, "region-%d/%s", c % REGIONS, flat);
                else
                    snprintf(tree, sizeof tree, "%s", flat);
                size_t count = ask(s->tree, a, tree, segment);
                assert_int_equal(ask(s->flat[level], b, flat, segment), count);
                for (size_t i = 0; i < count; i++) {
                    assert_string_equal(recs_query_id(a, i), recs_query_id(b, i));
                    assert_true(recs_query_score(a, i) == recs_query_score(b, i));
                }
                assert_true(
                    recs_trends_place_actors(s->tree, place_of(s->tree, tree, segment)) ==
                    recs_trends_place_actors(s->flat[level],
                                             place_of(s->flat[level], flat, segment)));
            }
    for (int level = 0; level < LEVELS; level++)
        for (int counter = 0; counter < RECS_TRENDS_COUNTERS; counter++) {
            if (counter == RECS_TRENDS_REPEATED)
                continue; /* of a heavier and a lighter event the one that comes second may be */
            assert_int_equal(recs_trends_counter(s->tree, counter),
                             recs_trends_counter(s->flat[level], counter));
        }
    recs_query_destroy(a);
    recs_query_destroy(b);
}

static void test_levels(void **state) {
    static const char *const descriptions[] = {
        "half_life=6h|2d, actors=1d, min_actors=0, prior=0",
        "half_life=6h|2d, actors=1d, actor_share=0.2, min_actors=0, prior=0",
        "half_life=1d, window=2d/6h, actors=12h, actors_kept=3, min_actors=0, prior=0",
        "half_life=6h|2d, actors=off, prior=0",
        "half_life=5d, actors=off, prior=0"};
    (void)state;
    for (size_t d = 0; d < sizeof descriptions / sizeof *descriptions; d++) {
        states s;
        recs__random random;
        recs__random_seed(&random, 5 + d);
        begin(&s, descriptions[d]);
        for (int batch = 0; batch < 60; batch++) {
            pour(&s, &random, T0 + batch / 10 * DAY);
            if (batch % 6 == 5)
                compare(&s);
        }
        end(&s);
    }
}

/* Adds one event of each of items [begin, end) at one place and time. */
static void pour_items(recs_trends *trends, uint32_t place, uint32_t begin, uint32_t end,
                       int64_t time) {
    enum { ALL = 8000 };
    static uint32_t items[ALL], places[ALL];
    static int64_t times[ALL];
    for (uint32_t i = begin; i < end; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%04u", i);
        OK(recs_trends_item(trends, name, &items[i - begin], &error));
        places[i - begin] = place;
        times[i - begin] = time;
    }
    OK(recs_trends_add_rows(trends, items, places, NULL, times, NULL, NULL, end - begin, time, NULL,
                            &error));
}

/* Cells that are made before the piece is counted, since tables grow: what is new in them is as
 * new as any. */
static void test_new_in_tables_that_grow(void **state) {
    (void)state;
    recs_trends *trends = NULL;
    recs_query *query;
    OK(recs_trends_create(&trends, "half_life=1d|7d, actors=off, prior=0, new_within=3d", NULL,
                          &error));
    OK(recs_query_create(&query, NULL, &error));
    uint32_t city = place_of(trends, "region/city", NULL);
    pour_items(trends, city, 0, 2000, T0);
    assert_int_equal(ask(trends, query, "region/city", NULL), ITEMS);
    pour_items(trends, city, 2000, 8000, T0 + 10 * DAY);
    static const char *const places[] = {"", "region", "region/city"};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++)
        for (int turn = 0; turn < 2; turn++) {
            recs_query_reset(query);
            recs_query_place(query, places[p]);
            recs_query_time(query, T0 + 10 * DAY);
            recs_query_ranking(query, RECS_RANK_NEW);
            recs_query_limit(query, 50);
            OK(recs_trending(trends, query, &error));
            assert_int_equal(recs_query_count(query), 50);
            for (size_t i = 0; i < 50; i++) { /* all as often: in order of ids */
                char name[16];
                snprintf(name, sizeof name, "n%04zu", 2000 + i);
                assert_string_equal(recs_query_id(query, i), name);
            }
        }
    recs_query_destroy(query);
    recs_trends_destroy(trends);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels),
                                       cmocka_unit_test(test_new_in_tables_that_grow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
