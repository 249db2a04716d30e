/* test_start.c - warm starts from a model, and checkpoints: fewer iterations to
 * the same loss, and the same bytes after any interruption. */
#include "train/start.h"

#include "base/random.h"
#include "recs/recommend.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static tmp_folder folder;

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

/* Users of two tastes; more of them, and items, when later. */
static recs_dataset *shop(uint32_t users, uint32_t items) {
    recs_dataset *dataset = NULL;
    recs_events *events = NULL;
    recs_error error = {0};
    recs__random random;
    recs__random_seed(&random, 11);
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (uint32_t u = 0; u < users; u++)
        for (uint32_t n = 0; n < 12; n++) {
            char name[20];
            uint32_t item = 2 * (uint32_t)recs__random_below(&random, items / 2) + u % 2;
            snprintf(name, sizeof name, "i%03u", item);
            ok(recs_events_begin(events, name, RECS_EVENT_BUY, 1000 * n, &error), &error);
            snprintf(name, sizeof name, "u%03u", u);
            ok(recs_events_text(events, RECS_FIELD_USER, name, &error), &error);
        }
    ok(recs_dataset_add(dataset, events, &error), &error);
    recs_events_destroy(events);
    return dataset;
}

static recs_model *trained(const recs_dataset *dataset, const char *text,
                           const recs_train_options *options) {
    recs_model *model = NULL;
    recs_error error = {0};
    ok(recs_train(dataset, text, options, NULL, &model, &error), &error);
    ok(recs_model_verify(model, &error), &error);
    return model;
}

/* The mean score of what users have over that of what they have not. */
static double gain(const recs_model *model) {
    recs_query *query;
    recs_error error = {0};
    uint32_t items = recs_model_items(model), *rows = malloc(items * sizeof *rows);
    float *scores = malloc(items * sizeof *scores);
    double own = 0.0, owned = 0.0, all = 0.0, seen = 0.0;
    ok(recs_query_create(&query, NULL, &error), &error);
    for (uint32_t i = 0; i < items; i++)
        rows[i] = i;
    for (uint32_t u = 0; u < recs_model_users(model); u++) {
        recs_query_reset(query);
        recs_query_user(query, recs_model_user_id(model, u));
        ok(recs_score_rows(model, query, rows, items, scores, &error), &error);
        for (size_t h = 0; h < recs_model_history_count(model, u); h++, owned++)
            own += (double)scores[recs_model_history_item(model, u, h)];
        for (uint32_t i = 0; i < items; i++, seen++)
            all += (double)scores[i];
    }
    recs_query_destroy(query);
    free(rows);
    free(scores);
    return own / owned - all / seen;
}

static void test_a_warm_start_is_further(void **state) {
    (void)state;
    static const char *const texts[] = {"als(factors=6, iterations=%d)",
                                        "als(factors=6, iterations=%d, storage=bfloat16)"};
    for (size_t t = 0; t < 2; t++) {
        char one[80], many[80];
        snprintf(one, sizeof one, texts[t], 1);
        snprintf(many, sizeof many, texts[t], 12);
        recs_dataset *early = shop(200, 60), *late = shop(230, 70);
        recs_model *before = trained(early, many, NULL);
        recs_train_options warm = {.struct_size = sizeof warm, .start = before};
        recs_model *cold = trained(late, one, NULL), *next = trained(late, one, &warm);
        recs_model *settled = trained(late, many, NULL);
        assert_int_equal(recs_model_items(next), 70);
        double end = gain(settled);
        assert_true(fabs(gain(next) - end) < 0.1 * end); /* with 30 users and 10 items new */
        recs_train_options on = {.struct_size = sizeof on, .start = settled};
        recs_model *further = trained(late, one, &on);
        assert_true(fabs(gain(further) - end) < 0.5 * fabs(gain(cold) - end));
        recs_model_release(further);
        recs_model *again = trained(late, one, &warm);
        assert_true(recs_model_fingerprint(next) == recs_model_fingerprint(again));
        recs_model_release(before);
        recs_model_release(cold);
        recs_model_release(next);
        recs_model_release(settled);
        recs_model_release(again);
        recs_dataset_destroy(early);
        recs_dataset_destroy(late);
    }
}

static void test_starts_that_do_not_fit(void **state) {
    (void)state;
    recs_dataset *dataset = shop(50, 20);
    recs_model *six = trained(dataset, "als(factors=6), near = itemknn", NULL), *model = NULL;
    recs_train_options warm = {.struct_size = sizeof warm, .start = six};
    recs_error error = {0};
    assert_int_equal(recs_train(dataset, "als(factors=8)", &warm, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "has 6 factors and factors=8"));
    assert_int_equal(recs_train(dataset, "near = als(factors=6)", &warm, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "without factors"));
    assert_int_equal(recs_train(dataset, "itemknn, popular", &warm, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "nothing in the description begins"));
    assert_null(model);
    /* Another name begins anew. */
    recs_model *a = trained(dataset, "other = als(factors=8)", &warm);
    recs_model *b = trained(dataset, "other = als(factors=8)", NULL);
    assert_true(recs_model_fingerprint(a) == recs_model_fingerprint(b));
    recs_model_release(a);
    recs_model_release(b);
    recs_model_release(six);
    recs_dataset_destroy(dataset);
}

static int32_t stop_after(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)stage, (void)done, (void)total;
    return --*(int *)data == 0;
}

static int64_t running_clock(void *data) { return *(int64_t *)data += 1000; }

static const char text[] = "als(factors=6, iterations=5), second = als(factors=4, iterations=3)";

/* Stopped at every moment and begun again until it is through. */
static void test_interruptions_change_no_byte(void **state) {
    (void)state;
    recs_dataset *dataset = shop(80, 30);
    recs_model *whole = trained(dataset, text, NULL), *model = NULL;
    char path[TMP_PATH_MAX];
    tmp_path(&folder, "check", path);
    for (int step = 3; step < 12; step += 2) {
        int rounds = 0;
        recs_status status = RECS_ERR_CANCELLED;
        for (; status == RECS_ERR_CANCELLED && rounds < 200; rounds++) {
            int left = step + rounds;
            int64_t now = 0;
            recs_error error = {0};
            recs_host host = {.struct_size = sizeof host, .now = running_clock,
                              .clock_data = &now};
            recs_train_options options = {.struct_size = sizeof options, .checkpoint = path,
                                          .progress = stop_after, .progress_data = &left};
            status = recs_train(dataset, text, &options, &host, &model, &error);
            assert_true(tmp_count(&folder) <= 2); /* no temporary */
        }
        assert_int_equal(status, RECS_OK);
        assert_true(rounds > 1);
        assert_true(recs_model_fingerprint(model) == recs_model_fingerprint(whole));
        recs_model_release(model);
        char name[TMP_PATH_MAX + 8];
        snprintf(name, sizeof name, "%s.als", path);
        assert_int_equal(unlink(name), 0);
        snprintf(name, sizeof name, "%s.second", path);
        assert_int_equal(unlink(name), 0);
    }
    recs_model_release(whole);
    recs_dataset_destroy(dataset);
}

/* More iterations go on; anything else is another training. */
static void test_checkpoints_of_other_trainings(void **state) {
    (void)state;
    char path[TMP_PATH_MAX], name[TMP_PATH_MAX + 8];
    tmp_path(&folder, "check", path);
    snprintf(name, sizeof name, "%s.als", path);
    recs_dataset *dataset = shop(80, 30), *other = shop(81, 30);
    recs_train_options keep = {.struct_size = sizeof keep, .checkpoint = path,
                               .checkpoint_every = 2};
    recs_model *model = trained(dataset, "als(factors=6, iterations=3)", &keep);
    recs_model_release(model);
    model = trained(dataset, "als(factors=6, iterations=7)", &keep);
    recs_model *whole = trained(dataset, "als(factors=6, iterations=7)", NULL);
    assert_true(recs_model_fingerprint(model) == recs_model_fingerprint(whole));
    recs_model_release(model);
    recs_model_release(whole);

    recs_error error = {0};
    model = NULL;
    static const char *const others[] = {"als(factors=6, iterations=5)",
                                         "als(factors=5, iterations=9)",
                                         "als(factors=6, iterations=9, alpha=3)"};
    for (size_t o = 0; o < 3; o++)
        assert_int_equal(recs_train(dataset, others[o], &keep, NULL, &model, &error),
                         RECS_ERR_CONFLICT);
    assert_int_equal(recs_train(other, "als(factors=6, iterations=9)", &keep, NULL, &model, &error),
                     RECS_ERR_CONFLICT);
    keep.seed = 4;
    assert_int_equal(recs_train(dataset, "als(factors=6, iterations=9)", &keep, NULL, &model,
                                &error),
                     RECS_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "another training"));
    keep.seed = 0;

    /* Every byte matters, and every length. */
    size_t size;
    char *bytes = tmp_read(name, &size);
    for (size_t at = 0; at < size; at += at < 64 ? 5 : 997) {
        FILE *file = fopen(name, "wb");
        bytes[at] ^= 0x20;
        fwrite(bytes, 1, size, file);
        bytes[at] ^= 0x20;
        fclose(file);
        if (at >= 48 && at < 64)
            continue; /* reserved */
        recs_status status = recs_train(dataset, "als(factors=6, iterations=9)", &keep, NULL,
                                        &model, &error);
        if (at >= 16 && at < 24 && status == RECS_ERR_CONFLICT)
            continue; /* how far it was */
        if (status != RECS_ERR_CORRUPT && status != RECS_ERR_CONFLICT)
            fail_msg("byte %zu: %s", at, recs_status_text(status));
    }
    for (size_t length = 0; length < size; length += length < 70 ? 7 : 1009) {
        FILE *file = fopen(name, "wb");
        fwrite(bytes, 1, length, file);
        fclose(file);
        assert_int_equal(recs_train(dataset, "als(factors=6, iterations=9)", &keep, NULL, &model,
                                    &error),
                         RECS_ERR_CORRUPT);
    }
    free(bytes);
    unlink(name);
    recs_train_options nowhere = {.struct_size = sizeof nowhere, .checkpoint = "/no/such/check"};
    assert_int_equal(recs_train(dataset, "als(factors=6)", &nowhere, NULL, &model, &error),
                     RECS_ERR_NOT_FOUND);
    assert_null(model);
    recs_dataset_destroy(dataset);
    recs_dataset_destroy(other);
}

static void test_out_of_memory(void **state) {
    (void)state;
    char path[TMP_PATH_MAX], name[TMP_PATH_MAX + 8];
    tmp_path(&folder, "check", path);
    snprintf(name, sizeof name, "%s.als", path);
    recs_dataset *dataset = shop(30, 20);
    recs_model *before = trained(dataset, "als(factors=3, iterations=2)", NULL);
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_model *model = NULL;
        recs_train_options options = {.struct_size = sizeof options, .checkpoint = path,
                                      .start = before};
        if (fault_passed(&faults,
                         recs_train(dataset, "als(factors=3, iterations=2)", &options,
                                    &faults.host, &model, &error),
                         &error))
            recs_model_release(model);
        assert_true(tmp_count(&folder) <= 1);
        unlink(name);
    }
    recs_model_release(before);
    recs_dataset_destroy(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_warm_start_is_further),
        cmocka_unit_test(test_starts_that_do_not_fit),
        cmocka_unit_test(test_interruptions_change_no_byte),
        cmocka_unit_test(test_checkpoints_of_other_trainings),
        cmocka_unit_test(test_out_of_memory),
    };
    tmp_make(&folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tmp_remove(&folder);
    return failed;
}
