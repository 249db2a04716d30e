/* Tests of src/recommend/recommend.c: answers against a slow reference, over
 * every component, kernel table and kind of filter. */
#include "support/test.h"

#include "kernels/kernels.h"
#include "recs/events.h"
#include "recs/query.h"
#include "recs/recommend.h"
#include "support/random_model.h"
#include "support/sample_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_error error;

enum { ENTRIES = 256 };

/* One stored user through recommend and the reference. */
static void check_user(recs_model *model, recs_query *query, uint32_t user, uint32_t component,
                       size_t limit, bool evidence_only) {
    const recs__view *view = recs__model_view(model);
    uint32_t rows[ENTRIES];
    float values[ENTRIES];
    bool *excluded = reference_excluded(view, user);
    reference request = {.view = view,
                         .component = component,
                         .rows = rows,
                         .values = values,
                         .count = reference_history(view, user, rows, values, NULL),
                         .excluded = excluded,
                         .limit = limit,
                         .evidence_only = evidence_only};
    reference_answer expected = reference_run(&request);
    recs_query_reset(query);
    recs_query_user(query, recs_model_user_id(model, user));
    recs_query_component(query, recs_model_component_name(model, component));
    recs_query_limit(query, limit);
    recs_query_evidence_only(query, evidence_only);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    reference_compare(&expected, query);

    /* The same as a history given by hand: the same bits. */
    recs_query_reset(query);
    uint64_t first;
    size_t count = recs__csr_row(&view->history, user, &first);
    for (size_t i = count; i-- > 0;) { /* in another order */
        char id[16];
        snprintf(id, sizeof id, "i%06u", view->history.columns[first + i]);
        recs_query_history(query, id, view->history.values[first + i], RECS_NO_TIME);
    }
    recs_query_component(query, recs_model_component_name(model, component));
    recs_query_limit(query, limit);
    recs_query_evidence_only(query, evidence_only);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    reference_compare(&expected, query);

    /* And every row by score. */
    uint32_t *all = malloc(view->items * sizeof *all);
    float *scores = malloc(view->items * sizeof *scores);
    for (uint32_t row = 0; row < view->items; row++)
        all[row] = row;
    assert_int_equal(recs_score_rows(model, query, all, view->items, scores, &error), RECS_OK);
    for (size_t i = 0; i < expected.count; i++)
        assert_memory_equal(&scores[expected.rows[i]], &expected.scores[i], sizeof *scores);
    for (uint32_t row = 0; row < view->items; row += 17) {
        char id[16];
        float score;
        snprintf(id, sizeof id, "i%06u", row);
        assert_int_equal(recs_score(model, query, id, &score, &error), RECS_OK);
        assert_memory_equal(&score, &scores[row], sizeof score);
    }
    free(all);
    free(scores);
    free(excluded);
    reference_free(&expected);
}

static void answers_are_the_references_for_every_component_and_table(void **state) {
    (void)state;
    const random_settings settings[] = {
        {.items = 700, .users = 12, .factors = 19, .history = 9, .neighbors = 14, .seed = 1},
        {.items = 1100, .users = 6, .factors = 32, .history = 60, .neighbors = 90, .seed = 2,
         .no_user_factors = true},
        {.items = 37, .users = 5, .factors = 3, .history = 4, .neighbors = 5, .seed = 3},
        {.items = 600, .users = 9, .factors = 19, .history = 70, .neighbors = 14, .seed = 4,
         .halves = true},
        {.items = 300, .users = 6, .factors = 32, .history = 60, .neighbors = 9, .seed = 5,
         .halves = true, .no_user_factors = true},
    };
    for (size_t s = 0; s < sizeof settings / sizeof settings[0]; s++) {
        recs_model *model = random_model(&settings[s]);
        recs_query *query;
        assert_int_equal(recs_query_create(&query, NULL, &error), RECS_OK);
        for (size_t k = 0; recs__kernels_at(k) != NULL; k++) {
            recs__kernels_force(recs__kernels_at(k));
            for (uint32_t user = 0; user < settings[s].users; user += k == 0 ? 1 : 3)
                for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
                    static const size_t limits[] = {10, 0, 1, 333, 5000};
                    check_user(model, query, user, c, limits[(user + c) % 5], (user + c) % 4 == 1);
                }
        }
        recs__kernels_force(NULL);
        recs_query_destroy(query);
        recs_model_release(model);
    }
}

/* ---- filters ------------------------------------------------------------------------------- */

static recs_model *model;
static recs_query *query;
static const recs__view *view;

static int setup(void **state) {
    (void)state;
    random_settings settings = {.items = 600, .users = 10, .factors = 16, .history = 20,
                                .neighbors = 12, .seed = 10};
    model = random_model(&settings);
    view = recs__model_view(model);
    return recs_query_create(&query, NULL, &error) != RECS_OK;
}

static int teardown(void **state) {
    (void)state;
    recs_query_destroy(query);
    recs_model_release(model);
    return 0;
}

/* The query's settings are made; user 0 asks. */
static void check_filtered(bool *excluded, uint32_t component, size_t limit) {
    uint32_t rows[ENTRIES];
    float values[ENTRIES];
    reference request = {.view = view,
                         .component = component,
                         .rows = rows,
                         .values = values,
                         .count = reference_history(view, 0, rows, values, NULL),
                         .excluded = excluded,
                         .limit = limit};
    reference_answer expected = reference_run(&request);
    recs_query_user(query, "u000000");
    recs_query_component(query, recs_model_component_name(model, component));
    recs_query_limit(query, limit);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    reference_compare(&expected, query);
    /* A second time: the working memory was left as found. */
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    reference_compare(&expected, query);
    reference_free(&expected);
}

static void denied_items_are_left_out_and_unknown_ones_counted(void **state) {
    (void)state;
    for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
        bool *excluded = reference_excluded(view, 0);
        uint32_t some[] = {5, 17, 5, 99};
        recs_query_reset(query);
        recs_query_deny(query, "i000003");
        recs_query_deny(query, "no such thing");
        recs_query_deny_rows(query, some, 4);
        excluded[3] = excluded[5] = excluded[17] = excluded[99] = true;
        check_filtered(excluded, c, 30);
        assert_int_equal(recs_query_ignored(query), 1);
        free(excluded);
    }
}

static void only_allowed_items_are_shown_few_or_many(void **state) {
    (void)state;
    for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
        for (uint32_t step = 2; step < 200; step += 40) {
            bool *excluded = reference_excluded(view, 0);
            recs_query_reset(query);
            for (uint32_t row = 0; row < view->items; row++) {
                if (row % step == 1) {
                    uint32_t twice[] = {row, row};
                    recs_query_allow_rows(query, twice, 2);
                } else {
                    excluded[row] = true;
                }
            }
            excluded[step + 1] = true;
            uint32_t denied = step + 1;
            recs_query_deny_rows(query, &denied, 1);
            check_filtered(excluded, c, 25);
            free(excluded);
        }
    }
}

static void an_empty_allow_list_allows_nothing(void **state) {
    (void)state;
    recs_query_reset(query);
    recs_query_allow_rows(query, NULL, 0);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 0);
    assert_int_equal(recs_query_eligible(query), 0);
}

static void unavailable_items_can_be_shown_too(void **state) {
    (void)state;
    bool *excluded = reference_excluded(view, 0), *seen = calloc(view->items, 1);
    uint32_t rows[ENTRIES];
    float values[ENTRIES];
    reference_history(view, 0, rows, values, seen);
    for (uint32_t row = 0; row < view->items; row++)
        excluded[row] = seen[row];
    recs_query_reset(query);
    recs_query_include_unavailable(query, 1);
    check_filtered(excluded, RANDOM_HOME, 600);
    free(excluded);
    free(seen);
}

static void seen_depends_on_type_and_time(void **state) {
    (void)state;
    uint64_t first;
    size_t count = recs__csr_row(&view->history, 0, &first);
    assert_true(count > 2);
    int64_t cut = view->history_times[first + count / 2];
    for (int pass = 0; pass < 3; pass++) {
        uint32_t types = pass == 0 ? RECS_EVENT_BIT(RECS_EVENT_BUY) : pass == 1 ? UINT32_MAX : 0;
        bool *excluded = calloc(view->items, 1);
        float *sum = calloc(view->items, sizeof *sum);
        for (size_t i = 0; i < count; i++) {
            uint32_t row = view->history.columns[first + i];
            int64_t time = view->history_times[first + i];
            sum[row] += view->history.values[first + i];
            excluded[row] |= (types >> view->history_types[first + i] & 1) != 0 &&
                             (time == RECS_NO_TIME || time >= cut);
        }
        for (uint32_t row = 0; row < view->items; row++)
            excluded[row] |= view->available[row] == 0 || sum[row] < 0.0f;
        recs_query_reset(query);
        recs_query_exclude_seen(query, types, cut);
        check_filtered(excluded, RANDOM_KNN, 50);
        free(excluded);
        free(sum);
    }
}

static void dislikes_are_evidence_and_never_shown(void **state) {
    (void)state;
    uint32_t rows[] = {20, 40};
    float values[] = {1.5f, -2.0f};
    bool *excluded = calloc(view->items, 1);
    for (uint32_t row = 0; row < view->items; row++)
        excluded[row] = view->available[row] == 0 || row == 20 || row == 40;
    for (uint32_t c = 0; c < RANDOM_COMPONENTS; c++) {
        reference request = {.view = view, .component = c, .rows = rows, .values = values,
                             .count = 2, .excluded = excluded, .limit = 40};
        reference_answer expected = reference_run(&request);
        recs_query_reset(query);
        recs_query_dislike(query, "i000040", 2.0f);
        recs_query_history(query, "i000020", 0.5f, RECS_NO_TIME);
        recs_query_history(query, "i000020", 1.0f, RECS_NO_TIME);
        recs_query_limit(query, 40);
        recs_query_component(query, recs_model_component_name(model, c));
        assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
        reference_compare(&expected, query);
        reference_free(&expected);
    }
    free(excluded);
}

static void a_given_history_replaces_or_joins_the_stored_one(void **state) {
    (void)state;
    uint32_t rows[ENTRIES];
    float values[ENTRIES];
    uint32_t extra = 0;
    bool *excluded = reference_excluded(view, 0);
    while (excluded[extra])
        extra++;
    size_t count = reference_history(view, 0, rows, values, NULL), at = count;
    while (at > 0 && rows[at - 1] > extra) {
        rows[at] = rows[at - 1];
        values[at] = values[at - 1];
        at--;
    }
    rows[at] = extra;
    values[at] = 0.75f;
    excluded[extra] = true;
    reference joined = {.view = view, .component = RANDOM_HOME, .rows = rows, .values = values,
                        .count = count + 1, .excluded = excluded, .limit = 50};
    reference_answer expected = reference_run(&joined);
    float weight = 0.75f;
    recs_query_reset(query);
    recs_query_user(query, "u000000");
    recs_query_history_rows(query, &extra, &weight, NULL, 1);
    recs_query_append_history(query, 1);
    recs_query_component(query, "home");
    recs_query_limit(query, 50);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    reference_compare(&expected, query);
    reference_free(&expected);

    for (uint32_t row = 0; row < view->items; row++)
        excluded[row] = view->available[row] == 0 || row == extra;
    reference alone = {.view = view, .component = RANDOM_HOME, .rows = &extra, .values = &weight,
                       .count = 1, .excluded = excluded, .limit = 50};
    expected = reference_run(&alone);
    recs_query_append_history(query, 0);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    reference_compare(&expected, query);
    reference_free(&expected);
    free(excluded);
}

/* ---- who ------------------------------------------------------------------------------------- */

static void unknown_user_is_not_found_and_told_what_to_do(void **state) {
    (void)state;
    recs_query_reset(query);
    recs_query_user(query, "zoe");
    assert_int_equal(recs_recommend(model, query, &error), RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "zoe"));
    assert_non_null(strstr(error.text, "give a history"));
    assert_int_equal(recs_query_count(query), 0);
    char longest[RECS_ID_MAX + 1] = {0};
    memset(longest, 'z', RECS_ID_MAX);
    recs_query_user(query, longest);
    assert_int_equal(recs_recommend(model, query, &error), RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "give a history"));
    float score;
    assert_int_equal(recs_score(model, query, "i000001", &score, &error), RECS_ERR_NOT_FOUND);
    recs_query_history(query, "i000001", 1.0f, RECS_NO_TIME);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 10);
}

static void nobody_and_users_without_history_get_popular_items(void **state) {
    (void)state;
    for (int known = 0; known < 2; known++) {
        recs_query_reset(query);
        if (known)
            recs_query_user(query, "u000004");
        assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
        assert_int_equal(recs_query_count(query), 10);
        assert_int_equal(recs_query_evidence(query), 0);
        uint32_t place = 0;
        for (size_t i = 0; i < 10; i++, place++) {
            while (view->available[view->popular_order[place]] == 0)
                place++;
            assert_int_equal(recs_query_row(query, i), view->popular_order[place]);
            assert_int_equal(recs_query_source(query, i), RECS_FROM_FILL);
        }
        recs_query_evidence_only(query, 1);
        assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
        assert_int_equal(recs_query_count(query), 0);
    }
}

static void wrong_requests_are_refused_by_name(void **state) {
    (void)state;
    uint32_t beyond = view->items;
    float score = 7.0f;
    recs_query_reset(query);
    recs_query_component(query, "nothing");
    assert_int_equal(recs_recommend(model, query, &error), RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "als, itemknn, popular, home, deep"));
    recs_query_reset(query);
    recs_query_history_rows(query, &beyond, NULL, NULL, 1);
    assert_int_equal(recs_recommend(model, query, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "row 600"));
    recs_query_reset(query);
    recs_query_allow_rows(query, &beyond, 1);
    assert_int_equal(recs_recommend(model, query, &error), RECS_ERR_ARGUMENT);
    recs_query_reset(query);
    recs_query_deny_rows(query, &beyond, 1);
    assert_int_equal(recs_recommend(model, query, &error), RECS_ERR_ARGUMENT);
    recs_query_reset(query);
    assert_int_equal(recs_score_rows(model, query, &beyond, 1, &score, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_score(model, query, "no such", &score, &error), RECS_ERR_NOT_FOUND);
    assert_true(score == 7.0f);
    assert_int_equal(recs_recommend(NULL, query, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_recommend(model, NULL, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
}

static void a_catalogue_without_users_serves_by_history(void **state) {
    (void)state;
    random_settings settings = {.items = 90, .factors = 8, .neighbors = 9, .seed = 4,
                                .no_users = true};
    recs_model *none = random_model(&settings);
    recs_query_reset(query);
    recs_query_history(query, "i000007", 1.0f, RECS_NO_TIME);
    assert_int_equal(recs_recommend(none, query, &error), RECS_OK);
    assert_int_equal(recs_query_count(query), 10);
    assert_int_equal(recs_query_source(query, 0), RECS_FROM_COMPONENT);
    recs_query_user(query, "u000001");
    assert_int_equal(recs_recommend(none, query, &error), RECS_OK);
    recs_model_release(none);
}

static void the_sample_is_what_it_was(void **state) {
    (void)state;
    recs_model *sample;
    assert_int_equal(recs_test_sample_model(&sample, NULL, &error), RECS_OK);
    recs_query_reset(query);
    recs_query_component(query, "itemknn");
    recs_query_user(query, "cat");
    assert_int_equal(recs_recommend(sample, query, &error), RECS_OK);
    /* cat has the axe (1) and only saw the door: the axe's neighbours. */
    assert_string_equal(recs_query_id(query, 0), "cup");
    assert_string_equal(recs_query_id(query, 1), "egg");
    assert_true(recs_query_score(query, 0) == 0.5f);
    assert_true(recs_query_score(query, 1) == 0.25f);
    assert_int_equal(recs_query_evidence(query), 2);
    assert_int_equal(recs_query_fingerprint(query), recs_model_fingerprint(sample));
    assert_string_equal(recs_query_component_name(query), "itemknn");
    recs_model_release(sample);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_the_references_for_every_component_and_table),
        cmocka_unit_test(denied_items_are_left_out_and_unknown_ones_counted),
        cmocka_unit_test(only_allowed_items_are_shown_few_or_many),
        cmocka_unit_test(an_empty_allow_list_allows_nothing),
        cmocka_unit_test(unavailable_items_can_be_shown_too),
        cmocka_unit_test(seen_depends_on_type_and_time),
        cmocka_unit_test(dislikes_are_evidence_and_never_shown),
        cmocka_unit_test(a_given_history_replaces_or_joins_the_stored_one),
        cmocka_unit_test(unknown_user_is_not_found_and_told_what_to_do),
        cmocka_unit_test(nobody_and_users_without_history_get_popular_items),
        cmocka_unit_test(wrong_requests_are_refused_by_name),
        cmocka_unit_test(a_catalogue_without_users_serves_by_history),
        cmocka_unit_test(the_sample_is_what_it_was),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
