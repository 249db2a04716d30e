/* test_blend_learning.c - blend(…): the cached cases against lists ranked the
 * long way, weights that no other point of the grid beats, and what is done
 * when there is little to learn from. */
#include "train/blend_learning.h"

#include "base/memory.h"
#include "recs/recommend.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "train/blend_cases.h"
#include "train/holdout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Visitors of a few tastes in a shop where some items are liked by all; with
 * days between events when `timed`. */
static recs_dataset *shop(int users, int items, bool timed, const char *mode) {
    recs_dataset *dataset = NULL;
    recs_events *events;
    recs_error error = {0};
    uint32_t state = 5;
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    ok(recs_dataset_set(dataset, "users", mode, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (int u = 0; u < users; u++)
        for (int n = 0; n < 12; n++) {
            int taste = u % 4, pick = (int)(next(&state) % 10);
            int item = pick < 2   ? (int)(next(&state) % 5)
                       : pick < 8 ? taste * (items / 4) + (int)(next(&state) % (uint32_t)(items / 4))
                                  : (int)(next(&state) % (uint32_t)items);
            char name[20];
            snprintf(name, sizeof name, "i%03d", item);
            ok(recs_events_begin(events, name, RECS_EVENT_BUY,
                                 timed ? 86400000LL * (1 + (int)(next(&state) % 100)) : RECS_NO_TIME,
                                 &error),
               &error);
            snprintf(name, sizeof name, "u%03d", u);
            ok(recs_events_text(events, RECS_FIELD_USER, name, &error), &error);
        }
    ok(recs_dataset_add(dataset, events, &error), &error);
    recs_events_destroy(events);
    return dataset;
}

static const char blended[] = "itemknn(k=20), popular, als(factors=4, iterations=3), "
                              "home = blend(itemknn, popular), all = blend(als, itemknn)";

typedef struct lines {
    char text[4000];
    size_t count;
} lines;

static void take_line(void *data, int32_t level, const char *text) {
    lines *l = data;
    (void)level;
    l->count++;
    strncat(l->text, text, sizeof l->text - strlen(l->text) - 2);
    strcat(l->text, "\n");
}

static recs_model *train_as(const recs_dataset *dataset, const char *description,
                            const recs_host *host) {
    recs_model *model = NULL;
    recs_error error = {0};
    ok(recs_train(dataset, description, NULL, host, &model, &error), &error);
    ok(recs_model_verify(model, &error), &error);
    return model;
}

/* ---- cases ------------------------------------------------------------------------------ */

typedef struct fixture {
    recs_dataset *dataset;
    recs__holdout holdout;
    recs_model *model;
    recs__training *valid;
    recs_host host;
    recs__cases cases;
    recs__learning_sample sample;
} fixture;

static const char *const names[] = {"itemknn", "popular"};

static void make_fixture(fixture *f, recs__blend_metric metric, uint32_t k,
                         recs__blend_repeats repeats) {
    recs_error error = {0};
    recs__progress progress;
    memset(f, 0, sizeof *f);
    ok(recs__host_init(&f->host, NULL, &error), &error);
    bool timed = repeats != RECS__BLEND_EXCLUDE; /* a random part holds no item twice */
    f->dataset = shop(80, 60, timed, "full");
    ok(recs__holdout_make(&f->holdout, f->dataset, timed ? RECS__HOLDOUT_TIME : RECS__HOLDOUT_AUTO,
                          timed ? 0.5 : 0.2, 1, &error),
       &error);
    assert_string_equal(f->holdout.how, timed ? "time:0.5" : "random:0.2");
    f->model = train_as(f->holdout.train, "itemknn(k=20), popular", NULL);
    ok(recs__training_build(&f->valid, f->holdout.valid, NULL, &error), &error);
    recs__progress_init(&progress, NULL, NULL, &f->host);
    f->cases = (recs__cases){.host = &f->host, .components = 2, .k = k, .metric = metric,
                             .repeats = repeats};
    ok(recs__cases_make(&f->cases, f->model, f->valid, names, &progress, &f->sample, &error),
       &error);
}

static void clear_fixture(fixture *f) {
    recs__cases_clear(&f->cases);
    recs__free(&f->host, f->sample.ids);
    recs__training_destroy(f->valid);
    recs_model_release(f->model);
    recs__holdout_clear(&f->holdout);
    recs_dataset_destroy(f->dataset);
}

/* All items scored and ranked for one user; NAN when there is nothing to find. */
static double long_way(const fixture *f, const char *user, uint32_t test_user, const double *w) {
    uint32_t items = recs_model_items(f->model), row = recs_model_user_row(f->model, user);
    float scores[2][64];
    uint32_t rows[64];
    bool own[64] = {false}, truth[64] = {false}, listed[64];
    double gain = 0.0, ideal = 0.0, hits = 0.0;
    uint32_t wanted = 0;
    recs_query *query;
    recs_error error = {0};
    uint64_t at;
    size_t count = recs__csr_row(&f->valid->by_user, test_user, &at);

    ok(recs_query_create(&query, NULL, &error), &error);
    for (uint32_t i = 0; i < items; i++)
        rows[i] = i;
    for (int c = 0; c < 2; c++) {
        recs_query_reset(query);
        recs_query_user(query, user);
        recs_query_component(query, names[c]);
        ok(recs_score_rows(f->model, query, rows, items, scores[c], &error), &error);
    }
    recs_query_destroy(query);
    for (size_t e = 0; e < recs_model_history_count(f->model, row); e++)
        own[recs_model_history_item(f->model, row, e)] = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t item = recs_model_item_row(
            f->model, recs__ids_get(&f->valid->item_ids, f->valid->by_user.columns[at + i], NULL));
        bool again = item != RECS_NO_ROW && own[item];
        if (f->cases.repeats == RECS__BLEND_INCLUDE ||
            again == (f->cases.repeats == RECS__BLEND_ONLY)) {
            wanted++;
            if (item != RECS_NO_ROW)
                truth[item] = true;
        }
    }
    for (uint32_t i = 0; i < items; i++)
        listed[i] = f->cases.repeats == RECS__BLEND_INCLUDE ||
                    own[i] == (f->cases.repeats == RECS__BLEND_ONLY);
    if (wanted == 0)
        return NAN;
    for (uint32_t i = 0; i < items; i++) {
        uint32_t rank = 0;
        float mine = (float)w[0] * (scores[0][i] * (float)f->cases.scale[0]) +
                     (float)w[1] * (scores[1][i] * (float)f->cases.scale[1]);
        if (!truth[i])
            continue;
        for (uint32_t j = 0; j < items; j++) {
            float other = (float)w[0] * (scores[0][j] * (float)f->cases.scale[0]) +
                          (float)w[1] * (scores[1][j] * (float)f->cases.scale[1]);
            rank += listed[j] && (other > mine || (other == mine && j < i));
        }
        if (rank < f->cases.k && mine > 0.0f) {
            gain += 1.0 / log2(rank + 2.0);
            hits += 1.0;
        }
    }
    for (uint32_t r = 0; r < wanted && r < f->cases.k; r++)
        ideal += 1.0 / log2(r + 2.0);
    return f->cases.metric == RECS__BLEND_RECALL ? hits / wanted : gain / ideal;
}

static void test_cases_are_lists(void **state) {
    (void)state;
    static const double weights[][2] = {{1, 0}, {0, 1}, {0.5, 0.5}, {0.9, 0.1}, {0.003, 0.997}};
    for (int run = 0; run < 12; run++) {
        fixture f;
        recs__blend_repeats repeats = (recs__blend_repeats)(run / 4);
        make_fixture(&f, run % 2 ? RECS__BLEND_RECALL : RECS__BLEND_NDCG, run / 2 % 2 ? 20 : 1,
                     repeats);
        double *values = malloc(f.cases.users * sizeof *values);
        assert_true(f.cases.users >= RECS__LEARNING_FEWEST);
        assert_true(f.sample.count == f.cases.users);
        for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
            double sum = 0.0, expected = 0.0;
            uint32_t users = 0;
            recs__cases_value(&f.cases, weights[w], values);
            for (uint32_t u = 0; u < f.cases.users; u++)
                sum += values[u];
            for (uint32_t u = 0; u < f.valid->users; u++) {
                const char *id = recs__ids_get(&f.valid->user_ids, u, NULL);
                if (recs_model_user_row(f.model, id) == RECS_NO_ROW)
                    continue;
                double one = long_way(&f, id, u, weights[w]);
                if (isnan(one))
                    continue;
                expected += one;
                users++;
            }
            assert_int_equal(users, f.cases.users);
            assert_true(fabs(sum - expected) < 1e-6 * users);
            assert_true(sum > 0.0);
        }
        free(values);
        clear_fixture(&f);
    }
}

/* ---- learning ------------------------------------------------------------------------------ */

static void test_no_grid_point_is_better(void **state) {
    (void)state;
    fixture f;
    recs__description *d = malloc(sizeof *d);
    recs_train_options options = {.struct_size = sizeof options};
    recs__learning_sample sample = {0};
    recs_error error = {0};
    make_fixture(&f, RECS__BLEND_NDCG, 20, RECS__BLEND_EXCLUDE);
    ok(recs__description_parse(d, "itemknn(k=20), popular, home = blend(itemknn, popular, "
                                  "share=0.2, validation=random)",
                               &error),
       &error);
    options.seed = 1;
    ok(recs__blends_learn(d, f.dataset, &options, &f.host, &sample, &error), &error);
    const recs__spec *home = &d->specs[2];
    assert_int_equal(home->weights, RECS__WEIGHTS_LEARNED);
    double learned[2] = {0}, best = 0.0, found, *values = malloc(f.cases.users * sizeof *values);
    for (uint32_t t = 0; t < home->term_count; t++)
        learned[home->terms[t].component] = (double)home->terms[t].weight;
    recs__cases_value(&f.cases, learned, values);
    found = 0.0;
    for (uint32_t u = 0; u < f.cases.users; u++)
        found += values[u];
    found -= 5.0 * 2 * (learned[0] - 0.5) * (learned[0] - 0.5);
    for (int i = 0; i <= 10; i++) {
        double w[2] = {i / 10.0, 1.0 - i / 10.0}, sum = 0.0;
        recs__cases_value(&f.cases, w, values);
        for (uint32_t u = 0; u < f.cases.users; u++)
            sum += values[u];
        sum -= 5.0 * 2 * (w[0] - 0.5) * (w[0] - 0.5);
        best = sum > best ? sum : best;
    }
    assert_true(found >= best - 1e-6);
    free(values);
    free(d);
    recs__free(&f.host, sample.ids);
    clear_fixture(&f);
}

static void test_the_file_has_plain_terms(void **state) {
    (void)state;
    static const char *const modes[] = {"full", "hashed", "none"};
    for (int m = 0; m < 3; m++) {
        recs_dataset *dataset = shop(120, 60, m == 1, modes[m]);
        lines log = {{0}, 0};
        recs_host host = {.struct_size = sizeof host, .log = take_line, .log_data = &log};
        recs_model *model = train_as(dataset, blended, &host);
        char *normalised = NULL;
        assert_int_equal(log.count, 2);
        assert_non_null(strstr(log.text, "home = "));
        assert_non_null(strstr(log.text, "ndcg@20"));
        assert_int_equal(recs_description_check(blended, NULL, &normalised, NULL), RECS_OK);
        assert_string_equal(recs_model_description(model), normalised);
        assert_non_null(strstr(normalised, "home = blend(itemknn, popular, metric=ndcg, k=20, "
                                           "validation=auto, share=0.1, repeats=exclude)"));
        assert_string_equal(recs_model_component_kind(model, 3), "blend");
        assert_non_null(strstr(recs_model_component_settings(model, 3), "*"));
        assert_null(strstr(recs_model_component_settings(model, 3), "blend"));
        /* The same again from what the model says of itself. */
        recs_model *again = train_as(dataset, recs_model_description(model), NULL);
        assert_true(recs_model_fingerprint(model) == recs_model_fingerprint(again));
        recs_text_free(normalised, NULL);
        recs_model_release(again);
        recs_model_release(model);
        recs_dataset_destroy(dataset);
    }
}

static void test_threads_change_nothing(void **state) {
    (void)state;
    recs_dataset *dataset = shop(150, 60, false, "full");
    recs_model *one = train_as(dataset, blended, NULL);
    for (uint32_t threads = 2; threads <= 3; threads++) {
        recs_pool *pool;
        recs_error error = {0};
        ok(recs_pool_create(&pool, threads, NULL, &error), &error);
        recs_host host = {.struct_size = sizeof host, .executor_data = pool, .run = recs_pool_run};
        recs_model *other = train_as(dataset, blended, &host);
        assert_true(recs_model_fingerprint(one) == recs_model_fingerprint(other));
        recs_model_release(other);
        recs_pool_destroy(pool);
    }
    recs_model_release(one);
    recs_dataset_destroy(dataset);
}

/* Too few users, nobody at all, and a component that never has an answer. */
static void test_little_to_learn_from(void **state) {
    (void)state;
    static const char text[] = "itemknn, popular, home = blend(itemknn, popular)";
    lines log = {{0}, 0};
    recs_host host = {.struct_size = sizeof host, .log = take_line, .log_data = &log};
    recs_dataset *few = shop(20, 60, false, "full");
    recs_model *model = train_as(few, text, &host);
    assert_string_equal(recs_model_component_settings(model, 2), "0.5*itemknn + 0.5*popular");
    assert_non_null(strstr(log.text, "expected at least 40"));
    assert_non_null(strstr(log.text, "the weights are equal"));
    recs_model_release(model);
    recs_dataset_destroy(few);

    recs_dataset *guests = NULL;
    recs_events *events;
    recs_error error = {0};
    ok(recs_dataset_create(&guests, NULL, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (int i = 0; i < 30; i++) {
        char name[20];
        snprintf(name, sizeof name, "i%d", i % 7);
        ok(recs_events_begin(events, name, RECS_EVENT_BUY, RECS_NO_TIME, &error), &error);
        snprintf(name, sizeof name, "b%d", i / 3);
        ok(recs_events_text(events, RECS_FIELD_BASKET, name, &error), &error);
    }
    ok(recs_dataset_add(guests, events, &error), &error);
    recs_events_destroy(events);
    model = train_as(guests, text, &host);
    assert_string_equal(recs_model_component_settings(model, 2), "0.5*itemknn + 0.5*popular");
    recs_model_release(model);
    recs_dataset_destroy(guests);

    recs_dataset *many = shop(120, 60, false, "full");
    assert_int_equal(recs_train(many, "itemknn, popular, x = blend(itemknn, popular, "
                                      "validation=time)",
                                NULL, NULL, &model, &error),
                     RECS_ERR_STATE);
    recs_dataset_destroy(many);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    assert_true(stage != NULL && (total == 0 || done <= total));
    return --*(int *)data == 0;
}

static void test_cancel(void **state) {
    (void)state;
    recs_dataset *dataset = shop(80, 60, false, "full");
    for (int at = 1; at <= 100; at++) { /* a slow machine is told of more */
        int left = at;
        recs_train_options options = {
            .struct_size = sizeof options, .progress = stop, .progress_data = &left};
        recs_model *model = (recs_model *)1;
        recs_error error = {0};
        recs_status status = recs_train(dataset, blended, &options, NULL, &model, &error);
        if (status == RECS_OK) { /* fewer stages than that */
            recs_model_release(model);
            break;
        }
        assert_int_equal(status, RECS_ERR_CANCELLED);
        assert_ptr_equal(model, (recs_model *)1);
        assert_true(at < 100);
    }
    recs_dataset_destroy(dataset);
}

static void test_out_of_memory(void **state) {
    (void)state;
    recs_dataset *dataset = shop(60, 40, false, "full");
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_model *model = NULL;
        if (fault_passed(&faults,
                         recs_train(dataset, "itemknn(k=3), popular, "
                                             "home = blend(itemknn, popular, k=3)",
                                    NULL, &faults.host, &model, &error),
                         &error))
            recs_model_release(model);
        else
            assert_null(model);
    }
    recs_dataset_destroy(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_are_lists),
        cmocka_unit_test(test_no_grid_point_is_better),
        cmocka_unit_test(test_the_file_has_plain_terms),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_little_to_learn_from),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
