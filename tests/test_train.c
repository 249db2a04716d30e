/* test_train.c - from a dataset and a description to a model that answers. */
#include "recs/train.h"

#include "model/model.h"
#include "recs/recommend.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USERS = 60, ITEMS = 40 };

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

static recs_dataset *empty_dataset(const char *users) {
    recs_dataset *dataset = NULL;
    recs_error error = {0};
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    ok(recs_dataset_set(dataset, "weight", "binary", &error), &error);
    ok(recs_dataset_set(dataset, "users", users, &error), &error);
    return dataset;
}

/* Users of two tastes, and the lower items of each more often. */
static recs_dataset *small_dataset(const char *users) {
    recs_dataset *dataset = empty_dataset(users);
    recs_events *events;
    recs_error error = {0};
    ok(recs_events_create(&events, NULL, &error), &error);
    for (int u = 0; u < USERS; u++)
        for (int i = 0; i < ITEMS; i++) {
            char name[20];
            if (i % 2 != u % 2 || (u * 7 + i * i) % (i / 4 + 2) != 0)
                continue;
            snprintf(name, sizeof name, "i%02d", i);
            ok(recs_events_begin(events, name, RECS_EVENT_BUY, 86400000LL * (u + i), &error),
               &error);
            snprintf(name, sizeof name, "u%02d", u);
            ok(recs_events_text(events, RECS_FIELD_USER, name, &error), &error);
        }
    ok(recs_dataset_add(dataset, events, &error), &error);
    recs_events_destroy(events);
    return dataset;
}

static const char everything[] = "als(factors=8, iterations=4), itemknn(k=9), popular, "
                                 "home = 0.7*als + 0.3*itemknn";

static recs_model *train_as(const recs_dataset *dataset, const char *description,
                            const recs_train_options *options, const recs_host *host) {
    recs_model *model = NULL;
    recs_error error = {0};
    ok(recs_train(dataset, description, options, host, &model, &error), &error);
    ok(recs_model_verify(model, &error), &error);
    return model;
}

static void test_a_model_of_every_component(void **state) {
    (void)state;
    static const char *const kinds[] = {"als", "itemknn", "popular", "blend"};
    static const char *const names[] = {"als", "itemknn", "popular", "home"};
    recs_dataset *dataset = small_dataset("full");
    recs_model *model = train_as(dataset, everything, NULL, NULL);
    char *normalised = NULL;
    assert_int_equal(recs_description_check(everything, NULL, &normalised, NULL), RECS_OK);
    assert_string_equal(recs_model_description(model), normalised);
    recs_text_free(normalised, NULL);
    assert_int_equal(recs_model_component_count(model), 4);
    for (uint32_t c = 0; c < 4; c++) {
        assert_string_equal(recs_model_component_name(model, c), names[c]);
        assert_string_equal(recs_model_component_kind(model, c), kinds[c]);
    }
    assert_string_equal(recs_model_component_settings(model, 3), "0.7*als + 0.3*itemknn");
    assert_non_null(strstr(recs_model_component_settings(model, 0), "factors=8"));
    assert_int_equal(recs_model_items(model), recs_dataset_count(dataset, "items"));
    assert_int_equal(recs_model_users(model), recs_dataset_count(dataset, "users"));
    recs_model_release(model);
    recs_dataset_destroy(dataset);
}

/* Every score of a user asked for by id is that of the same history given. */
static void test_known_user_is_given_history(void **state) {
    (void)state;
    recs_dataset *dataset = small_dataset("full");
    recs_model *model = train_as(dataset, everything, NULL, NULL);
    recs_query *query;
    recs_error error = {0};
    uint32_t items = recs_model_items(model), rows[ITEMS];
    float known[ITEMS], given[ITEMS];
    ok(recs_query_create(&query, NULL, &error), &error);
    for (uint32_t i = 0; i < items; i++)
        rows[i] = i;
    for (uint32_t c = 0; c < recs_model_component_count(model); c++)
        for (uint32_t u = 0; u < recs_model_users(model); u++) {
            recs_query_reset(query);
            recs_query_component(query, recs_model_component_name(model, c));
            recs_query_user(query, recs_model_user_id(model, u));
            ok(recs_score_rows(model, query, rows, items, known, &error), &error);
            recs_query_reset(query);
            recs_query_component(query, recs_model_component_name(model, c));
            for (size_t e = 0; e < recs_model_history_count(model, u); e++)
                recs_query_history(
                    query, recs_model_item_id(model, recs_model_history_item(model, u, e)),
                    recs_model_history_value(model, u, e), RECS_NO_TIME);
            ok(recs_score_rows(model, query, rows, items, given, &error), &error);
            assert_memory_equal(known, given, items * sizeof *known);
        }
    recs_query_destroy(query);
    recs_model_release(model);
    recs_dataset_destroy(dataset);
}

/* Scaled, the mean of the best answers of the users is 1. */
static void test_blends_weigh_like_with_like(void **state) {
    (void)state;
    recs_dataset *dataset = small_dataset("full");
    recs_model *model = train_as(dataset, everything, NULL, NULL);
    const recs__view *view = recs__model_view(model);
    recs_query *query;
    recs_error error = {0};
    ok(recs_query_create(&query, NULL, &error), &error);
    for (uint32_t c = 0; c < 3; c++) {
        double sum = 0.0, users = 0.0;
        for (uint32_t u = 0; u < recs_model_users(model); u++) {
            double total = 0.0;
            recs_query_reset(query);
            recs_query_component(query, view->components[c].name);
            recs_query_user(query, recs_model_user_id(model, u));
            recs_query_limit(query, 20);
            recs_query_evidence_only(query, 1);
            ok(recs_recommend(model, query, &error), &error);
            for (size_t i = 0; i < recs_query_count(query); i++)
                total += (double)recs_query_score(query, i);
            if (recs_query_count(query) == 0 || total <= 0.0)
                continue;
            sum += total / (double)recs_query_count(query);
            users += 1.0;
        }
        assert_true(users > 30.0);
        assert_true(fabs(sum / users * (double)view->components[c].scale - 1.0) < 1e-5);
        assert_true(view->components[c].scale_similar > 0.0f);
    }
    assert_true(view->components[3].scale == 1.0f);
    recs_query_destroy(query);
    recs_model_release(model);
    recs_dataset_destroy(dataset);
}

static void test_same_bytes_for_any_threads(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    size_t size, first_size = 0;
    char *first = NULL;
    recs_dataset *dataset = small_dataset("full");
    tmp_make(&folder);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        recs_pool *pool;
        recs_error error = {0};
        ok(recs_pool_create(&pool, threads, NULL, &error), &error);
        recs_host host = {.struct_size = sizeof host, .executor_data = pool, .run = recs_pool_run};
        recs_model *model = train_as(dataset, everything, NULL, &host);
        ok(recs_model_write(model, tmp_path(&folder, "a.recs", path), &error), &error);
        char *bytes = tmp_read(path, &size);
        if (!first) {
            first = bytes;
            first_size = size;
        } else {
            assert_int_equal(size, first_size);
            assert_memory_equal(bytes, first, size);
            free(bytes);
        }
        recs_model_release(model);
        recs_pool_destroy(pool);
    }
    free(first);
    recs_train_options options = {.struct_size = sizeof options, .seed = 2};
    recs_model *a = train_as(dataset, everything, NULL, NULL);
    recs_model *b = train_as(dataset, everything, &options, NULL);
    assert_true(recs_model_fingerprint(a) != recs_model_fingerprint(b));
    recs_model_release(a);
    recs_model_release(b);
    recs_dataset_destroy(dataset);
    tmp_remove(&folder);
}

/* users=none: nothing of them in the file, and it serves a history as well. */
static void test_without_users(void **state) {
    (void)state;
    recs_dataset *full = small_dataset("full"), *none = small_dataset("none");
    recs_model *a = train_as(full, everything, NULL, NULL);
    recs_model *b = train_as(none, everything, NULL, NULL);
    recs_query *query;
    recs_error error = {0};
    uint32_t rows[10];
    assert_int_equal(recs_model_users(b), 0);
    assert_true(recs_model_size(b) < recs_model_size(a));
    ok(recs_query_create(&query, NULL, &error), &error);
    for (int m = 0; m < 2; m++) {
        recs_query_reset(query);
        recs_query_component(query, "home");
        recs_query_history(query, "i02", 1.0f, RECS_NO_TIME);
        recs_query_history(query, "i04", 1.0f, RECS_NO_TIME);
        ok(recs_recommend(m ? b : a, query, &error), &error);
        assert_int_equal(recs_query_count(query), 10);
        if (m)
            assert_memory_equal(rows, recs_query_rows(query), sizeof rows);
        else
            memcpy(rows, recs_query_rows(query), sizeof rows);
    }
    recs_query_destroy(query);
    recs_model_release(a);
    recs_model_release(b);
    recs_dataset_destroy(full);
    recs_dataset_destroy(none);
}

static void refuse(const recs_dataset *dataset, const char *description, recs_status expected,
                   const char *says) {
    recs_model *model = (recs_model *)1;
    recs_error error = {0};
    recs_status status = recs_train(dataset, description, NULL, NULL, &model, &error);
    if (status != expected || !strstr(error.text, says))
        fail_msg("%s: %s, '%s'; expected %s, '%s'", description, recs_status_text(status),
                 error.text, recs_status_text(expected), says);
    assert_ptr_equal(model, (recs_model *)1);
}

static void test_refusals(void **state) {
    (void)state;
    recs_dataset *dataset = small_dataset("full"), *empty = empty_dataset("full");
    refuse(dataset, "alss", RECS_ERR_ARGUMENT, "column 1: unknown trainer 'alss'");
    refuse(dataset, "als(factors=0)", RECS_ERR_ARGUMENT, "column 13");
    refuse(dataset, "itemknn(similarity=bm25, shrinkage=1)", RECS_ERR_ARGUMENT, "shrinkage=1");
    refuse(empty, "popular", RECS_ERR_DATA, "");
    recs_train_options options = {.struct_size = 1};
    recs_model *model = NULL;
    recs_error error = {0};
    assert_int_equal(recs_train(dataset, "popular", &options, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    recs_dataset_destroy(dataset);
    recs_dataset_destroy(empty);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)stage;
    assert_true(total == 0 || done <= total);
    return --*(int *)data == 0;
}

/* Options and outputs are looked at before the work, not after it. */
static void test_refused_before_the_work(void **state) {
    (void)state;
    recs_dataset *dataset = small_dataset("full");
    recs_model *model = NULL;
    recs_evaluation *evaluation;
    recs_error error = {0};
    int calls = 1;
    recs_train_options options = {.struct_size = sizeof options, .progress = stop,
                                  .progress_data = &calls};
    assert_int_equal(recs_train(dataset, "popular", &options, NULL, NULL, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_train(NULL, "popular", &options, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    options.compress = 3;
    assert_int_equal(recs_train(dataset, "popular", &options, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "compress is 3, expected 0 or 1"));
    options.compress = 0;
    options.reserved = 1;
    assert_int_equal(recs_train(dataset, "popular", &options, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "reserved"));
    assert_int_equal(calls, 1);
    assert_null(model);
    assert_int_equal(recs_dataset_create(NULL, NULL, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_evaluate(NULL, dataset, NULL, NULL, &evaluation, &error),
                     RECS_ERR_ARGUMENT);
    assert_string_equal(error.text, "model is NULL");
    recs_dataset_destroy(dataset);
}

/* A shop before its first visitor: all answers are fill. */
static void test_only_a_catalogue(void **state) {
    (void)state;
    static const char csv[] = "id,title\ncup,A cup\nhat,A hat\nfan,A fan\n";
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    recs_dataset *dataset = empty_dataset("full");
    recs_query *query;
    recs_error error = {0};
    tmp_make(&folder);
    ok(recs_dataset_read_items(dataset, tmp_write(&folder, "c.csv", csv, sizeof csv - 1, path),
                               &error),
       &error);
    recs_model *model = train_as(dataset, everything, NULL, NULL);
    ok(recs_query_create(&query, NULL, &error), &error);
    for (uint32_t c = 0; c < recs_model_component_count(model); c++) {
        recs_query_reset(query);
        recs_query_component(query, recs_model_component_name(model, c));
        recs_query_history(query, "cup", 1.0f, RECS_NO_TIME);
        ok(recs_recommend(model, query, &error), &error);
        assert_int_equal(recs_query_count(query), 2);
        assert_int_equal(recs_query_source(query, 0), RECS_FROM_FILL);
    }
    recs_query_destroy(query);
    recs_model_release(model);
    recs_dataset_destroy(dataset);
    tmp_remove(&folder);
}

static void test_cancel(void **state) {
    (void)state;
    recs_dataset *dataset = small_dataset("full");
    for (int at = 1; at <= 3; at++) {
        int left = at;
        recs_train_options options = {
            .struct_size = sizeof options, .progress = stop, .progress_data = &left};
        recs_model *model = (recs_model *)1;
        recs_error error = {0};
        assert_int_equal(recs_train(dataset, everything, &options, NULL, &model, &error),
                         RECS_ERR_CANCELLED);
        assert_ptr_equal(model, (recs_model *)1);
    }
    recs_dataset_destroy(dataset);
}

static void test_compressed_answers_the_same(void **state) {
    (void)state;
    recs_dataset *dataset = small_dataset("full");
    recs_train_options options = {.struct_size = sizeof options, .compress = 1};
    recs_model *model = train_as(dataset, everything, &options, NULL);
    assert_int_equal(recs_model_item_row(model, "i01"), 1);
    recs_model_release(model);
    recs_dataset_destroy(dataset);
}

static void test_out_of_memory(void **state) {
    (void)state;
    recs_dataset *dataset = small_dataset("full");
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_model *model = NULL;
        if (fault_passed(&faults,
                         recs_train(dataset, "als(factors=3, iterations=1), itemknn(k=3), "
                                             "popular, home = als + itemknn",
                                    NULL, &faults.host, &model, &error),
                         &error))
            recs_model_release(model);
        else
            assert_null(model);
    }
    recs_dataset_destroy(dataset);
}

static void test_version(void **state) {
    (void)state;
    assert_int_equal(recs_train_version(), recs_version());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_of_every_component),
        cmocka_unit_test(test_known_user_is_given_history),
        cmocka_unit_test(test_blends_weigh_like_with_like),
        cmocka_unit_test(test_same_bytes_for_any_threads),
        cmocka_unit_test(test_without_users),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_before_the_work),
        cmocka_unit_test(test_only_a_catalogue),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_compressed_answers_the_same),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
