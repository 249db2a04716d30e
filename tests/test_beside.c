/* test_beside.c - live trends beside a model: lists, scores, reasons and verdicts against
 * what the model and the state say each for itself, put together in the test. */
#include "base/random.h"
#include "recs/recommend.h"
#include "recs/train.h"
#include "recs/trends.h"
#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000)
#define BEGIN INT64_C(1320000000000)

enum { ITEMS = 60, NEW = 8, CANDIDATES = 64 };

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

typedef struct shop {
    recs_model *model;
    recs_trends *trends;
    recs_query *query;
    uint32_t items;
} shop;

static recs_events *make_events(uint64_t seed, int items, int users, int count) {
    recs_events *events;
    recs_error error = {0};
    recs__random random;
    recs__random_seed(&random, seed);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (int e = 0; e < count; e++) {
        char item[16], user[16];
        uint64_t skew = recs__random_below(&random, (uint64_t)items) + 1;
        snprintf(item, sizeof item, "i%02d", (int)recs__random_below(&random, skew));
        snprintf(user, sizeof user, "u%d", (int)recs__random_below(&random, (uint64_t)users));
        ok(recs_events_begin(events, item, RECS_EVENT_BUY,
                             BEGIN + (int64_t)recs__random_below(&random, 20 * DAY), &error),
           &error);
        ok(recs_events_text(events, RECS_FIELD_USER, user, &error), &error);
        ok(recs_events_text(events, RECS_FIELD_PLACE, e % 3 ? "uk/leeds" : e % 7 ? "de" : "fr",
                            &error),
           &error);
    }
    return events;
}

static shop open_shop(void) {
    shop s;
    recs_error error = {0};
    recs_dataset *dataset;
    recs_events *past = make_events(1, ITEMS, 30, 300), *now = make_events(2, ITEMS + NEW, 90, 900);
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    ok(recs_dataset_add(dataset, past, &error), &error);
    ok(recs_train(dataset,
                  "als(factors=4, iterations=2), itemknn(k=4), popular, trending(min_actors=1), "
                  "home = 0.7*als + 0.3*itemknn",
                  NULL, NULL, &s.model, &error),
       &error);
    char description[64];
    snprintf(description, sizeof description, "actors=1d, min_actors=2, candidates=%d", CANDIDATES);
    ok(recs_trends_create(&s.trends, description, NULL, &error), &error);
    ok(recs_trends_add(s.trends, now, BEGIN + 21 * DAY, &error), &error);
    ok(recs_query_create(&s.query, NULL, &error), &error);
    recs_dataset_destroy(dataset);
    recs_events_destroy(past);
    recs_events_destroy(now);
    s.items = recs_model_items(s.model);
    return s;
}

static void close_shop(shop *s) {
    recs_query_destroy(s->query);
    recs_trends_destroy(s->trends);
    recs_model_release(s->model);
}

/* ---- the reference ------------------------------------------------------------------- */

typedef struct asked {
    const char *component, *place, *user;
    int32_t ranking;
    float weight;
    bool filters, evidence_only;
    size_t limit;
} asked;

typedef struct expected {
    float scores[ITEMS + NEW], trend[ITEMS + NEW];
    size_t order[ITEMS + NEW]; /* of trends: place in the list; SIZE_MAX */
    bool plain[ITEMS + NEW], evidence[ITEMS + NEW], eligible[ITEMS + NEW];
    uint32_t rows[ITEMS + NEW];
    int32_t sources[ITEMS + NEW];
    size_t count, evidences;
} expected;

static void set_request(const shop *s, const asked *a, bool trends) {
    recs_query *q = s->query;
    recs_query_reset(q);
    recs_query_component(q, a->component);
    recs_query_place(q, a->place);
    recs_query_time(q, BEGIN + 20 * DAY);
    recs_query_ranking(q, a->ranking);
    recs_query_limit(q, a->limit);
    recs_query_evidence_only(q, a->evidence_only);
    if (a->user != NULL)
        recs_query_user(q, a->user);
    if (a->filters) {
        recs_query_deny(q, "i01");
        recs_query_deny(q, "i65"); /* the model has it not */
        for (int i = 0; i < ITEMS; i += 1 + i % 2) {
            char id[16];
            snprintf(id, sizeof id, "i%02d", i);
            recs_query_allow(q, id);
        }
    } else {
        recs_query_exclude_seen(q, 0, RECS_NO_TIME);
    }
    if (trends)
        recs_query_trends(q, s->trends, a->weight);
}

/* Bit r: row r is among all the answers of the request without trends. */
static void mark_answers(const shop *s, const asked *a, bool filters, bool evidence_only,
                         bool *marks) {
    recs_error error = {0};
    asked plain = *a;
    plain.limit = 1000;
    plain.filters = filters;
    plain.evidence_only = evidence_only;
    set_request(s, &plain, false);
    ok(recs_recommend(s->model, s->query, &error), &error);
    memset(marks, 0, (ITEMS + NEW) * sizeof *marks);
    for (size_t i = 0; i < recs_query_count(s->query); i++)
        marks[recs_query_row(s->query, i)] = true;
}

static bool before(const expected *e, uint32_t a, uint32_t b) {
    return e->scores[a] != e->scores[b] ? e->scores[a] > e->scores[b] : a < b;
}

/* Rows of one kind, best first, behind what there is. */
static void append(expected *e, const shop *s, const asked *a, int kind, const uint32_t *popular) {
    for (;;) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < s->items; i++) {
            uint32_t row = kind == 2 ? popular[i] : i;
            bool taken = false;
            for (size_t j = 0; j < e->count; j++)
                taken |= e->rows[j] == row;
            bool is = kind == 0   ? e->evidence[row]
                      : kind == 1 ? !e->evidence[row] && e->order[row] != SIZE_MAX
                                  : !e->evidence[row];
            if (taken || !is || !e->eligible[row])
                continue;
            if (best == UINT32_MAX || (kind == 0 && before(e, row, best)) ||
                (kind == 1 && e->order[row] < e->order[best]))
                best = row;
        }
        if (best == UINT32_MAX || e->count == a->limit)
            return;
        e->sources[e->count] = kind == 0   ? e->plain[best] ? RECS_FROM_COMPONENT : RECS_FROM_TREND
                               : kind == 1 ? RECS_FROM_TREND
                                           : RECS_FROM_FILL;
        e->evidences += kind == 0 && e->plain[best];
        e->rows[e->count++] = best;
    }
}

static void work_out(const shop *s, const asked *a, expected *e) {
    recs_error error = {0};
    uint32_t rows[ITEMS + NEW], popular[ITEMS + NEW];
    memset(e, 0, sizeof *e);
    for (uint32_t r = 0; r < s->items; r++)
        rows[r] = r;
    set_request(s, a, false);
    ok(recs_score_rows(s->model, s->query, rows, s->items, e->scores, &error), &error);
    mark_answers(s, a, false, true, e->plain);
    mark_answers(s, a, a->filters, false, e->eligible);

    recs_query_reset(s->query); /* nobody: popularity order */
    recs_query_component(s->query, "als");
    recs_query_limit(s->query, 1000);
    ok(recs_recommend(s->model, s->query, &error), &error);
    assert_int_equal(recs_query_count(s->query), s->items);
    for (uint32_t i = 0; i < s->items; i++)
        popular[i] = recs_query_row(s->query, i);

    recs_query_reset(s->query);
    recs_query_place(s->query, a->place);
    recs_query_time(s->query, BEGIN + 20 * DAY);
    recs_query_ranking(s->query, a->ranking);
    recs_query_limit(s->query, CANDIDATES / 2);
    ok(recs_trending(s->trends, s->query, &error), &error);
    for (uint32_t r = 0; r < s->items; r++) {
        e->order[r] = SIZE_MAX;
        e->evidence[r] = e->plain[r];
    }
    for (size_t i = 0; i < recs_query_count(s->query); i++)
        for (uint32_t r = 0; r < s->items; r++)
            if (strcmp(recs_model_item_id(s->model, r), recs_query_id(s->query, i)) == 0) {
                e->order[r] = i;
                e->trend[r] = recs_query_score(s->query, i) / recs_query_score(s->query, 0);
                if (a->weight > 0.0f) {
                    e->scores[r] = fmaf(a->weight, e->trend[r], e->scores[r]);
                    e->evidence[r] = true;
                }
            }
    append(e, s, a, 0, popular);
    if (!a->evidence_only) {
        append(e, s, a, 1, popular);
        append(e, s, a, 2, popular);
    }
}

/* ---- against it -------------------------------------------------------------------------- */

static void check_reasons(const shop *s, const asked *a, const expected *e, size_t index) {
    recs_error error = {0};
    uint32_t row = e->rows[index];
    ok(recs_explain(s->model, s->query, index, &error), &error);
    double sum = 0.0;
    size_t trends = 0, count = recs_query_reason_count(s->query);
    for (size_t i = 0; i < count; i++) {
        sum += recs_query_reason_contribution(s->query, i);
        if (recs_query_reason_kind(s->query, i) != RECS_REASON_TREND ||
            recs_query_reason_component(s->query, i) != UINT32_MAX)
            continue;
        trends++;
        assert_string_equal(recs_query_reason_place(s->query, i), a->place);
        assert_float_equal(recs_query_reason_contribution(s->query, i), a->weight * e->trend[row],
                           1e-6);
    }
    assert_true((float)sum == e->scores[row]);
    bool filled = e->sources[index] == RECS_FROM_TREND;
    assert_int_equal(trends, e->order[row] != SIZE_MAX && (a->weight > 0.0f || filled));
    if (filled && a->weight == 0.0f)
        assert_int_equal(recs_query_reason_kind(s->query, 0), RECS_REASON_TREND);
    if (e->sources[index] == RECS_FROM_FILL)
        assert_int_equal(recs_query_reason_kind(s->query, 0), RECS_REASON_FILL);
}

static void check(const shop *s, const asked *a) {
    expected e;
    recs_error error = {0};
    uint32_t rows[ITEMS + NEW];
    float scores[ITEMS + NEW], one;
    work_out(s, a, &e);
    set_request(s, a, true);
    ok(recs_recommend(s->model, s->query, &error), &error);
    assert_int_equal(recs_query_count(s->query), e.count);
    assert_int_equal(recs_query_evidence(s->query), e.evidences);
    for (size_t i = 0; i < e.count; i++) {
        assert_int_equal(recs_query_row(s->query, i), e.rows[i]);
        assert_int_equal(recs_query_source(s->query, i), e.sources[i]);
        assert_true(recs_query_score(s->query, i) == e.scores[e.rows[i]]);
    }
    for (size_t i = 0; i < e.count; i += 3)
        check_reasons(s, a, &e, i);
    for (uint32_t r = 0; r < s->items; r++)
        rows[r] = r;
    ok(recs_score_rows(s->model, s->query, rows, s->items, scores, &error), &error);
    ok(recs_score(s->model, s->query, "i05", &one, &error), &error);
    assert_true(one == scores[5]);
    for (uint32_t r = 0; r < s->items; r++)
        assert_true(scores[r] == e.scores[r]);

    /* Places of all, shown or not. */
    asked all = *a;
    expected f;
    all.limit = ITEMS + NEW;
    work_out(s, &all, &f);
    set_request(s, a, true);
    for (size_t i = 0; i < f.count; i += 5) {
        ok(recs_why_not(s->model, s->query, recs_model_item_id(s->model, f.rows[i]), &error),
           &error);
        assert_int_equal(recs_query_verdict_rank(s->query), i);
        assert_true(recs_query_verdict_score(s->query) == f.scores[f.rows[i]]);
        assert_int_equal(recs_query_verdict(s->query),
                         i < e.count ? RECS_VERDICT_SHOWN : RECS_VERDICT_BELOW);
    }
}

static void test_lists(void **state) {
    (void)state;
    static const char *const components[] = {"als", "itemknn", "popular", "trending", "home"};
    static const char *const places[] = {"uk/leeds", "de", "fr", ""};
    static const float weights[] = {0.0f, 0.25f, 7.0f};
    shop s = open_shop();
    int turn = 0;
    for (int c = 0; c < 5; c++)
        for (int w = 0; w < 3; w++)
            for (int32_t ranking = 0; ranking < 3; ranking++, turn++)
                for (int filters = 0; filters < 2; filters++) {
                    asked a = {.component = components[c],
                               .place = places[turn % 4],
                               .user = turn % 5 == 4 ? NULL : "u3",
                               .ranking = ranking,
                               .weight = weights[w],
                               .filters = filters,
                               .evidence_only = turn % 7 == 6,
                               .limit = turn % 3 == 0 ? 5 : turn % 3 == 1 ? 45 : 1000};
                    check(&s, &a);
                }
    close_shop(&s);
}

static void test_rows_of_users(void **state) {
    (void)state;
    shop s = open_shop();
    recs_error error = {0};
    for (int w = 0; w < 2; w++)
        for (int c = 0; c < 2; c++) {
            uint32_t users[20], rows[20 * 30];
            float scores[20 * 30];
            asked a = {.component = c ? "itemknn" : "home", .place = "de", .limit = 30,
                       .weight = (float)w};
            for (uint32_t u = 0; u < 20; u++)
                users[u] = u;
            set_request(&s, &a, true);
            recs_query_exclude_seen(s.query, UINT32_MAX, RECS_NO_TIME);
            ok(recs_recommend_rows(s.model, s.query, users, 20, rows, scores, &error), &error);
            for (uint32_t u = 0; u < 20; u++) {
                recs_query_user(s.query, recs_model_user_id(s.model, u));
                ok(recs_recommend(s.model, s.query, &error), &error);
                assert_int_equal(recs_query_count(s.query), 30);
                for (size_t i = 0; i < 30; i++) {
                    assert_int_equal(rows[u * 30 + i], recs_query_row(s.query, i));
                    assert_true(scores[u * 30 + i] == recs_query_score(s.query, i));
                }
            }
        }
    close_shop(&s);
}

/* What was read for an answer stays; the next one sees what came. */
static void test_events_in_between(void **state) {
    (void)state;
    shop s = open_shop();
    recs_error error = {0};
    float was, is;
    uint32_t item, place;
    asked a = {.component = "als", .place = "de", .user = "u3", .limit = 5, .weight = 2.0f};
    set_request(&s, &a, true);
    ok(recs_recommend(s.model, s.query, &error), &error);
    ok(recs_score(s.model, s.query, "i20", &was, &error), &error);
    ok(recs_trends_item(s.trends, "i20", &item, &error), &error);
    ok(recs_trends_place(s.trends, "de", NULL, &place, &error), &error);
    for (int i = 0; i < 2000; i++)
        ok(recs_trends_add_one(s.trends, item, place, (uint64_t)i + 1000, BEGIN + 20 * DAY - 1,
                               1.0f, &error),
           &error);
    ok(recs_score(s.model, s.query, "i20", &is, &error), &error);
    assert_true(was == is);
    ok(recs_explain(s.model, s.query, 0, &error), &error);
    ok(recs_recommend(s.model, s.query, &error), &error);
    assert_string_equal(recs_query_id(s.query, 0), "i20");
    ok(recs_score(s.model, s.query, "i20", &is, &error), &error);
    assert_true(is > was && is == recs_query_score(s.query, 0));
    size_t held = recs_query_memory(s.query); /* warm: nothing grows */
    for (int i = 0; i < 3; i++)
        ok(recs_recommend(s.model, s.query, &error), &error);
    assert_int_equal(recs_query_memory(s.query), held);
    recs_query_trends(s.query, NULL, 0.0f);
    ok(recs_recommend(s.model, s.query, &error), &error);
    for (size_t i = 0; i < recs_query_count(s.query); i++)
        assert_int_not_equal(recs_query_source(s.query, i), RECS_FROM_TREND);
    close_shop(&s);
}

static void test_bad_input(void **state) {
    (void)state;
    shop s = open_shop();
    recs_error error = {0};
    recs_trends *empty;
    static const float bad[] = {-1.0f, 1.1e6f, (float)NAN, (float)INFINITY};
    assert_int_equal(recs_query_trends(NULL, s.trends, 1.0f), RECS_ERR_ARGUMENT);
    for (int i = 0; i < 4; i++) {
        recs_query_reset(s.query);
        assert_int_equal(recs_query_trends(s.query, s.trends, bad[i]), RECS_ERR_ARGUMENT);
        assert_int_equal(recs_recommend(s.model, s.query, &error), RECS_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "0 to 1000000"));
    }
    recs_query_reset(s.query);
    recs_query_trends(s.query, s.trends, 1.0f);
    recs_query_half_life(s.query, 12345);
    assert_int_equal(recs_recommend(s.model, s.query, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "12345"));
    recs_query_reset(s.query); /* a state without events: nothing but the component */
    ok(recs_trends_create(&empty, NULL, NULL, &error), &error);
    for (int weight = 0; weight < 2; weight++) {
        recs_query_trends(s.query, empty, (float)weight);
        recs_query_place(s.query, "nowhere/at/all");
        ok(recs_recommend(s.model, s.query, &error), &error);
        assert_int_equal(recs_query_count(s.query), 10);
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(recs_query_source(s.query, i), RECS_FROM_FILL);
    }
    recs_query_reset(s.query);
    recs_trends_destroy(empty);
    close_shop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_rows_of_users),
        cmocka_unit_test(test_events_in_between),
        cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
