/* test_frozen.c - trends frozen into a model answer as the live state they
 * were taken from, to the bit; with filters, blends and reasons. */
#include "train/trainer.h"

#include "base/random.h"
#include "model/internal.h"
#include "recs/recommend.h"
#include "recs/trends.h"
#include "support/test.h"
#include "support/walk.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000)
#define BEGIN INT64_C(1320000000000)

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

static const char *const places[] = {"uk",    "uk/london", "uk/london/soho", "uk/leeds", "de",
                                     "de/ulm", NULL,       "fr/x",           "us-x",     "us/ca"};
enum { PLACES = sizeof places / sizeof *places, ITEMS = 60 };

/* A log of some weeks, not in order, with returns, repeats, guests and a place in
 * ten that hardly anybody comes from. */
static recs_events *make_events(uint64_t seed, int count) {
    recs_events *events;
    recs_error error = {0};
    recs__random random;
    recs__random_seed(&random, seed);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (int e = 0; e < count; e++) {
        char item[16], user[16];
        uint64_t skew = recs__random_below(&random, ITEMS);
        int64_t time = BEGIN + (int64_t)recs__random_below(&random, 40 * DAY);
        int32_t type = (int32_t)recs__random_below(&random, 12);
        uint64_t place = recs__random_below(&random, 40);
        place = place < 4 ? 0 : place < 14 ? 1 : place < 20 ? 2 : place < 30 ? 3 : place < 33 ? 4
                : place < 36 ? 6 : place == 36 ? 5 : place == 37 ? 7 : place == 38 ? 8 : 9;
        snprintf(item, sizeof item, "i%02d",
                 (int)recs__random_below(&random, skew + 1));
        snprintf(user, sizeof user, "u%d", (int)recs__random_below(&random, 200));
        type = type == 0   ? RECS_EVENT_RETURN
               : type == 1 ? RECS_EVENT_CART
               : type == 2 ? RECS_EVENT_DISLIKE
                           : RECS_EVENT_BUY;
        if (strcmp(item, "i07") == 0 && time < BEGIN + 37 * DAY)
            snprintf(item, sizeof item, "i03"); /* a new one, that rises */
        ok(recs_events_begin(events, item, type, time, &error), &error);
        ok(recs_events_text(events, e % 9 ? RECS_FIELD_USER : RECS_FIELD_BASKET, user, &error),
           &error);
        if (places[place] != NULL)
            ok(recs_events_text(events, RECS_FIELD_PLACE, places[place], &error), &error);
        if (e % 31 == 0 && type == RECS_EVENT_BUY)
            ok(recs_events_quantity(events, -1, &error), &error);
    }
    return events;
}

static recs_model *train(const recs_events *events, const char *description, const char *types) {
    recs_dataset *dataset;
    recs_model *model = NULL;
    recs_error error = {0};
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    if (types != NULL)
        ok(recs_dataset_set(dataset, "types", types, &error), &error);
    ok(recs_dataset_add(dataset, events, &error), &error);
    ok(recs_train(dataset, description, NULL, NULL, &model, &error), &error);
    recs_dataset_destroy(dataset);
    ok(recs_model_verify(model, &error), &error);
    return model;
}

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The live state of the same events, one after another as they happened. */
static recs_trends *live_of(const recs_events *events, const char *description) {
    recs_trends *trends;
    recs_error error = {0};
    recs_events *one;
    size_t count = recs_events_count(events);
    int64_t(*order)[2] = malloc(count * sizeof *order);
    assert_non_null(order);
    for (size_t e = 0; e < count; e++) {
        order[e][0] = recs_events_get_time(events, e) * 100000 + (int64_t)e;
        order[e][1] = (int64_t)e;
    }
    qsort(order, count, sizeof *order, by_time);
    ok(recs_trends_create(&trends, description, NULL, &error), &error);
    ok(recs_events_create(&one, NULL, &error), &error);
    for (size_t i = 0; i < count; i++) {
        size_t e = (size_t)order[i][1], size;
        recs_events_reset(one);
        ok(recs_events_begin(one, recs_events_get_text(events, e, RECS_FIELD_ITEM, &size),
                             recs_events_get_type(events, e), recs_events_get_time(events, e),
                             &error),
           &error);
        static const int32_t fields[] = {RECS_FIELD_USER, RECS_FIELD_BASKET, RECS_FIELD_PLACE};
        for (int f = 0; f < 3; f++)
            ok(recs_events_text(one, fields[f], recs_events_get_text(events, e, fields[f], &size),
                                &error),
               &error);
        ok(recs_events_quantity(one, recs_events_get_quantity(events, e), &error), &error);
        ok(recs_trends_add(trends, one, BEGIN + 50 * DAY, &error), &error);
    }
    recs_events_destroy(one);
    free(order);
    return trends;
}

/* All answers at a place and a time, or those an allow list leaves. */
static void compare(recs_trends *trends, const recs_model *model, const char *place, int64_t time,
                    int32_t ranking, int64_t window, bool some) {
    recs_query *live, *frozen;
    recs_error error = {0};
    ok(recs_query_create(&live, NULL, &error), &error);
    ok(recs_query_create(&frozen, NULL, &error), &error);
    recs_query *both[] = {live, frozen};
    for (int q = 0; q < 2; q++) {
        recs_query_place(both[q], place);
        recs_query_time(both[q], time);
        recs_query_limit(both[q], 1000);
        for (int i = 0; some && i < ITEMS; i += 7) {
            char id[16];
            snprintf(id, sizeof id, "i%02d", i);
            recs_query_allow(both[q], id);
        }
    }
    recs_query_ranking(live, ranking);
    recs_query_window(live, window);
    recs_query_evidence_only(frozen, 1);
    if (time == RECS_NO_TIME)
        recs_query_time(live, recs_trends_newest(trends));
    ok(recs_trending(trends, live, &error), &error);
    ok(recs_recommend(model, frozen, &error), &error);
    if (recs_query_count(live) != recs_query_count(frozen))
        fail_msg("%s, ranking %d: live %zu, frozen %zu", place, ranking, recs_query_count(live),
                 recs_query_count(frozen));
    for (size_t i = 0; i < recs_query_count(live); i++) {
        float a = recs_query_score(live, i), b = recs_query_score(frozen, i), alone;
        if (strcmp(recs_query_id(live, i), recs_query_id(frozen, i)) != 0 ||
            memcmp(&a, &b, sizeof a) != 0)
            fail_msg("%s, ranking %d, place %zu: live %s %.9g, frozen %s %.9g", place, ranking, i,
                     recs_query_id(live, i), (double)a, recs_query_id(frozen, i), (double)b);
        assert_int_equal(recs_query_source(frozen, i), RECS_FROM_COMPONENT);
        ok(recs_score(model, frozen, recs_query_id(frozen, i), &alone, &error), &error);
        assert_memory_equal(&alone, &b, sizeof b);
        ok(recs_explain(model, frozen, i, &error), &error);
        double sum = 0.0;
        for (size_t r = 0; r < recs_query_reason_count(frozen); r++) {
            sum += recs_query_reason_contribution(frozen, r);
            assert_true(recs_query_reason_kind(frozen, r) == RECS_REASON_TREND ||
                        recs_query_reason_kind(frozen, r) == RECS_REASON_REMAINDER);
            assert_int_equal(recs_query_reason_place(frozen, r) != NULL,
                             recs_query_reason_kind(frozen, r) == RECS_REASON_TREND);
            assert_null(recs_query_reason_id(frozen, r));
        }
        assert_true(fabs(sum - (double)b) < 1e-9 * (1 + fabs((double)b)));
    }
    recs_query_destroy(live);
    recs_query_destroy(frozen);
}

static void frozen_is_live(void **state) {
    (void)state;
    static const struct {
        const char *frozen, *live, *types;
        int32_t ranking;
    } cases[] = {
        {"trending(half_life=2, baseline=9)", "half_life=2d|9d, own=0", NULL, RECS_RANK_POPULAR},
        {"trending(half_life=2)", "half_life=2d|8d, weight.cart=0.25, weight.buy=3, own=0",
         "cart=0.25,buy=3", RECS_RANK_POPULAR},
        {"trending(half_life=0.5, actors=0, prior=3)", "half_life=12h|2d, actors=off, prior=3, own=0",
         NULL, RECS_RANK_POPULAR},
        {"trending(ranking=trending, half_life=1, baseline=10, min_support=0.5)",
         "half_life=1d|10d, min_support=0.5", NULL, RECS_RANK_TRENDING},
        {"trending(ranking=trending, half_life=1, baseline=7, min_actors=0, candidates=16)",
         "half_life=1d|7d, min_actors=0, candidates=16", NULL, RECS_RANK_TRENDING},
        {"trending(ranking=new, half_life=3, baseline=3, new_within=5)",
         "half_life=3d, new_within=5d, own=0", NULL, RECS_RANK_NEW},
        {"trending(prior=0, half_life=2, min_actors=20)",
         "half_life=2d|8d, prior=0, min_actors=20, own=0", NULL, RECS_RANK_POPULAR},
        {"trending(half_life=2, own=30, actor_share=0)",
         "half_life=2d|8d, own=30, actor_share=off", NULL, RECS_RANK_POPULAR},
        {"trending(half_life=2, profile=28, weekly=0.6, actor_share=0.2)",
         "half_life=2d|8d, window=28d/1d, profile=28d, weekly=0.6, actor_share=0.2", NULL,
         RECS_RANK_POPULAR},
        {"trending(half_life=2, window=3)", "half_life=2d|8d, window=3d/3h", NULL,
         RECS_RANK_POPULAR},
        {"trending(ranking=trending, half_life=2, baseline=28, bucket=4, min_share=0, support=3)",
         "half_life=2d|8d, window=28d/4d, baseline=28d, min_share=0, support=3", NULL,
         RECS_RANK_TRENDING},
        {"trending(ranking=trending, half_life=2, baseline=28, bucket=1, profile=28, min_share=0.01)",
         "half_life=2d|8d, window=28d/1d, baseline=28d, profile=28d, min_share=0.01", NULL,
         RECS_RANK_TRENDING},
        {"trending(ranking=trending, half_life=2, baseline=8, profile=21, min_share=0)",
         "half_life=2d|8d, window=21d/1d, profile=21d, min_share=0", NULL, RECS_RANK_TRENDING},
        {"trending(ranking=new, half_life=3, window=2, own=5, new_within=5)",
         "half_life=3d|12d, window=2d/2h, own=5, new_within=5d", NULL, RECS_RANK_NEW},
    };
    static const int counts[] = {3000, 150, 4};
    for (int n = 0; n < 3; n++) {
        recs_events *events = make_events((uint64_t)n + 1, counts[n]);
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            recs_model *model = train(events, cases[c].frozen, cases[c].types);
            recs_trends *trends = live_of(events, cases[c].live);
            static const char *const asked[] = {"", "uk", "uk/london", "uk/london/soho", "de/ulm",
                                                "fr/x", "uk/nowhere/at/all", "mars", "us-x", "us"};
            const int64_t times[] = {RECS_NO_TIME, BEGIN + 40 * DAY, BEGIN + 44 * DAY + 12345};
            for (size_t p = 0; p < sizeof asked / sizeof *asked; p++)
                for (int t = 0; t < 3; t++)
                    compare(trends, model, asked[p], times[t], cases[c].ranking,
                            strstr(cases[c].frozen, "window=3")   ? 3 * DAY
                            : strstr(cases[c].frozen, "window=2") ? 2 * DAY
                                                                  : 0,
                            p % 3 == 1);
            recs_trends_destroy(trends);
            recs_model_release(model);
        }
        recs_events_destroy(events);
    }
}

static void it_is_a_component_like_others(void **state) {
    (void)state;
    recs_events *events = make_events(9, 3000);
    recs_model *model =
        train(events, "itemknn, trending(half_life=2), home = 0.5*itemknn + 0.5*trending", NULL);
    recs_query *query;
    recs_error error = {0};
    ok(recs_query_create(&query, NULL, &error), &error);

    /* Seen items leave the list, k come back. */
    recs_query_component(query, "trending");
    recs_query_place(query, "uk");
    recs_query_user(query, "u5");
    recs_query_limit(query, 10);
    ok(recs_recommend(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), 10);
    char first[16];
    snprintf(first, sizeof first, "%s", recs_query_id(query, 0));
    recs_query_deny(query, first);
    ok(recs_recommend(model, query, &error), &error);
    for (size_t i = 0; i < 10; i++)
        assert_string_not_equal(recs_query_id(query, i), first);
    ok(recs_why_not(model, query, first, &error), &error);
    assert_int_equal(recs_query_verdict(query), RECS_VERDICT_DENIED);
    assert_int_equal(recs_query_reason_kind(query, 0), RECS_REASON_TREND);
    assert_string_equal(recs_query_reason_place(query, 0), "uk");

    /* The place decides in a blend, too; and a thin place counts as much as a thick. */
    recs_query_reset(query);
    recs_query_component(query, "home");
    recs_query_history(query, "i02", 1, RECS_NO_TIME);
    recs_query_exclude_seen(query, 0, RECS_NO_TIME);
    double parts[2];
    for (int p = 0; p < 2; p++) {
        recs_query_place(query, p ? "de" : "");
        ok(recs_recommend(model, query, &error), &error);
        ok(recs_explain(model, query, 0, &error), &error);
        parts[p] = 0;
        for (size_t r = 0; r < recs_query_reason_count(query); r++)
            if (recs_query_reason_kind(query, r) == RECS_REASON_TREND)
                parts[p] += recs_query_reason_contribution(query, r);
    }
    assert_true(parts[0] > 0.2 && parts[1] > 0.4 * parts[0] && parts[1] < 4 * parts[0]);

    /* Nothing is similar by place. */
    recs_query_reset(query);
    recs_query_component(query, "trending");
    recs_query_item(query, "i02");
    assert_int_equal(recs_similar(model, query, &error), RECS_ERR_UNSUPPORTED);
    assert_string_equal(error.text,
                        "component trending ranks by place and time: it knows no similar items");
    recs_query_component(query, "home");
    ok(recs_similar(model, query, &error), &error);
    assert_true(recs_query_evidence(query) > 0);

    /* Everybody gets the same. */
    float score;
    recs_query_component(query, "trending");
    ok(recs_score(model, query, "i02", &score, &error), &error);
    recs_query_limit(query, 1000);
    ok(recs_users(model, query, &error), &error);
    for (size_t i = 0; i < recs_query_count(query); i++)
        assert_true(recs_query_score(query, i) == score);
    uint32_t users[40], rows[40 * 3];
    float scores[40 * 3];
    for (uint32_t u = 0; u < 40; u++)
        users[u] = u;
    recs_query_reset(query);
    recs_query_component(query, "trending");
    recs_query_place(query, "uk/leeds");
    recs_query_limit(query, 3);
    ok(recs_recommend_rows(model, query, users, 40, rows, scores, &error), &error);
    for (uint32_t u = 0; u < 40; u++) {
        recs_query_user(query, recs_model_user_id(model, u));
        ok(recs_recommend(model, query, &error), &error);
        assert_memory_equal(recs_query_rows(query), rows + 3 * u, 3 * sizeof *rows);
        assert_memory_equal(recs_query_scores(query), scores + 3 * u, 3 * sizeof *scores);
    }
    recs_query_destroy(query);
    recs_model_release(model);
    recs_events_destroy(events);
}

static void what_it_cannot_train_on(void **state) {
    (void)state;
    recs_dataset *dataset;
    recs_events *events;
    recs_model *model = NULL;
    recs_error error = {0};
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    ok(recs_events_begin(events, "a", RECS_EVENT_BUY, RECS_NO_TIME, &error), &error);
    ok(recs_events_text(events, RECS_FIELD_USER, "u", &error), &error);
    ok(recs_dataset_add(dataset, events, &error), &error);
    assert_int_equal(recs_train(dataset, "trending", NULL, NULL, &model, &error), RECS_ERR_STATE);
    assert_string_equal(error.text, "trending needs times and no event of the log has one");
    assert_int_equal(recs_train(dataset, "trending(ranking=trending, half_life=7, baseline=7)",
                                NULL, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(
        recs_train(dataset, "trending(half_life=7, baseline=6)", NULL, NULL, &model, &error),
        RECS_ERR_ARGUMENT);
    assert_string_equal(error.text, "trending: baseline=6, expected not less than half_life=7");
    ok(recs_dataset_set(dataset, "types", "buy=2000", &error), &error);
    assert_int_equal(recs_train(dataset, "trending", NULL, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    recs_events_destroy(events);
    recs_dataset_destroy(dataset);
}

/* Any byte of the trends' sections changed: clamped answers, never a crash. */
static void damaged_files_are_survived(void **state) {
    (void)state;
    recs_events *events = make_events(3, 200);
    recs_model *model = train(events, "trending(ranking=trending)", NULL);
    size_t size = (size_t)model->image.size;
    recs__random random;
    recs__random_seed(&random, 5);
    for (int turn = 0; turn < 3000; turn++) {
        unsigned char *copy = walk_copy(model->image.bytes, size);
        const recs__file_section *section;
        do
            section = &model->table[recs__random_below(&random, model->header->section_count)];
        while (section->type < RECS_SECTION_TREND_RULES || section->size == 0);
        for (int c = 0; c <= turn % 4; c++)
            copy[section->offset + recs__random_below(&random, section->size)] =
                (unsigned char)recs__random_below(&random, 256);
        walk_seal(copy, size, turn % 2 == 0);
        recs_model *damaged = NULL;
        recs_error error = {0};
        if (recs_model_open_memory(&damaged, copy, size, NULL, NULL, &error) == RECS_OK) {
            recs_query *query;
            (void)recs_model_verify(damaged, &error);
            walk_model(damaged, 64);
            ok(recs_query_create(&query, NULL, &error), &error);
            for (size_t p = 0; p < PLACES; p++) {
                recs_query_place(query, places[p]);
                recs_status status = recs_recommend(damaged, query, &error);
                if (status == RECS_ERR_CORRUPT)
                    continue;
                ok(status, &error);
                for (size_t i = 0; i < recs_query_count(query); i++) {
                    assert_true(isfinite(recs_query_score(query, i)));
                    ok(recs_explain(damaged, query, i, &error), &error);
                }
            }
            recs_query_destroy(query);
            recs_model_release(damaged);
        }
        free(copy);
    }
    recs_model_release(model);
    recs_events_destroy(events);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_is_live),
        cmocka_unit_test(it_is_a_component_like_others),
        cmocka_unit_test(what_it_cannot_train_on),
        cmocka_unit_test(damaged_files_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
