/* test_trainers.c - what every trainer owes, asked of each one in the list:
 * strict settings, the same bytes for any number of threads, a description
 * that trains the same again, cancelling and failing allocations anywhere,
 * and on data that has nothing regular about it an answer that is finite or
 * an error that says why. A new trainer is held to it by being in the list. */
#include "train/trainer.h"

#include "kernels/kernels.h"
#include "recs/recommend.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void ok(recs_status status, const recs_error *error, const char *what) {
    if (status != RECS_OK)
        fail_msg("%s: %s: %s", what, recs_status_text(status), error->text);
}

/* ---- logs ---------------------------------------------------------------------------------- */

typedef struct made_log {
    recs_events *events;
    int64_t time;
} made_log;

static void put(made_log *log, int user, int item, int32_t type, double quantity) {
    recs_error error = {0};
    char id[16];
    log->time += 60000;
    snprintf(id, sizeof id, "i%03d", item);
    ok(recs_events_begin(log->events, id, type, log->time, &error), &error, "begin");
    if (quantity > 0.0)
        ok(recs_events_quantity(log->events, quantity, &error), &error, "quantity");
    snprintf(id, sizeof id, "u%03d", user < 0 ? -user : user);
    ok(recs_events_text(log->events, user < 0 ? RECS_FIELD_BASKET : RECS_FIELD_USER, id, &error),
       &error, "who");
}

static void one_pair(made_log *log) {
    put(log, 1, 1, RECS_EVENT_BUY, 1);
}

static void one_user(made_log *log) {
    for (int i = 0; i < 40; i++)
        put(log, 1, i, RECS_EVENT_BUY, 1);
}

static void one_item(made_log *log) {
    for (int u = 0; u < 40; u++)
        put(log, u, 1, RECS_EVENT_BUY, 1);
}

static void all_of_all(made_log *log) {
    for (int u = 0; u < 12; u++)
        for (int i = 0; i < 15; i++)
            put(log, u, i, RECS_EVENT_BUY, 1);
}

static void pairs_apart(made_log *log) {
    for (int u = 0; u < 30; u++)
        put(log, u, u, RECS_EVENT_BUY, 1);
}

static void dislikes_alone(made_log *log) {
    for (int u = 0; u < 9; u++)
        for (int i = u % 3; i < 12; i += 3)
            put(log, u, i, RECS_EVENT_DISLIKE, 0);
}

static void tastes(made_log *log) {
    for (int u = 0; u < 50; u++)
        for (int i = 0; i < 36; i++)
            if (i % 3 == u % 3 && (u * 7 + i * i) % (i / 6 + 2) == 0)
                put(log, u, i, (u + i) % 11 == 5 ? RECS_EVENT_DISLIKE : RECS_EVENT_BUY,
                    (u + i) % 11 == 5 ? 0 : 1 + (u * i) % 4);
}

/* One item that everybody has beside the tastes, and users with one item. */
static void a_bestseller(made_log *log) {
    tastes(log);
    for (int u = 0; u < 70; u++)
        put(log, u, 90, RECS_EVENT_BUY, 1);
}

static void huge_and_tiny(made_log *log) {
    for (int u = 0; u < 20; u++)
        for (int i = 0; i < 20; i++)
            if ((u + 2 * i) % 5 < 2)
                put(log, u, i, RECS_EVENT_BUY, (u + i) % 2 ? 9e29 : 1e-30);
}

static void baskets_alone(made_log *log) {
    for (int b = 1; b < 40; b++)
        for (int i = b % 4; i < 24; i += 4)
            if ((b * i) % 5 != 1)
                put(log, -b, i, RECS_EVENT_BUY, 1);
}

static void nothing(made_log *log) {
    (void)log;
}

typedef struct log_kind {
    const char *name;
    void (*fill)(made_log *log);
    bool catalogue;
} log_kind;

static const log_kind logs[] = {
    {"tastes", tastes, false},
    {"one pair", one_pair, false},
    {"one user", one_user, false},
    {"one item", one_item, false},
    {"everybody has everything", all_of_all, false},
    {"pairs apart", pairs_apart, false},
    {"dislikes alone", dislikes_alone, false},
    {"a bestseller", a_bestseller, false},
    {"huge and tiny", huge_and_tiny, false},
    {"baskets alone", baskets_alone, false},
    {"a catalogue alone", nothing, true},
    {"a catalogue and one pair", one_pair, true},
};
enum { LOGS = sizeof logs / sizeof *logs };

static recs_dataset *dataset_of(const log_kind *kind) {
    recs_dataset *dataset = NULL;
    recs_error error = {0};
    made_log log = {NULL, 1600000000000};
    ok(recs_dataset_create(&dataset, NULL, &error), &error, kind->name);
    ok(recs_dataset_set(dataset, "weight", kind->fill == huge_and_tiny ? "raw" : "log1p", &error),
       &error, kind->name);
    ok(recs_events_create(&log.events, NULL, &error), &error, kind->name);
    kind->fill(&log);
    if (recs_events_count(log.events) > 0)
        ok(recs_dataset_add(dataset, log.events, &error), &error, kind->name);
    recs_events_destroy(log.events);
    if (kind->catalogue) {
        tmp_folder folder;
        char path[TMP_PATH_MAX];
        tmp_make(&folder);
        tmp_path(&folder, "items.csv", path);
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs("id,title\n", out);
        for (int i = 0; i < 30; i++)
            fprintf(out, "i%03d,thing %d\n", i, i);
        fclose(out);
        ok(recs_dataset_read_items(dataset, path, &error), &error, kind->name);
        tmp_remove(&folder);
    }
    return dataset;
}

/* ---- hosts --------------------------------------------------------------------------------- */

/* A second passes with every look at the clock, so that every progress that
 * could be told is. */
static int64_t hasty_clock(void *data) {
    return *(int64_t *)data += 1000;
}

static uint64_t fingerprint_of(const recs_dataset *dataset, const char *description,
                               uint32_t threads) {
    recs_error error = {0};
    recs_pool *pool = NULL;
    recs_model *model = NULL;
    ok(recs_pool_create(&pool, threads, NULL, &error), &error, description);
    recs_host host = {.struct_size = sizeof host, .executor_data = pool, .run = recs_pool_run};
    ok(recs_train(dataset, description, NULL, &host, &model, &error), &error, description);
    uint64_t fingerprint = recs_model_fingerprint(model);
    recs_model_release(model);
    recs_pool_destroy(pool);
    return fingerprint;
}

/* ---- one of the list at a time ---------------------------------------------------------------- */

#define FOR_TRAINERS(trainer)                                                                      \
    for (size_t t = 0; ((trainer) = recs__trainer_at(t)) != NULL; t++)                             \
        if ((trainer)->settings[0].text == 0) /* content needs a file: test_content_vectors.c */

static void refused(const char *description, const char *setting) {
    recs_error error = {0};
    recs_status status = recs_description_check(description, NULL, NULL, &error);
    if (status != RECS_ERR_ARGUMENT || strstr(error.text, "column ") == NULL ||
        strstr(error.text, setting) == NULL)
        fail_msg("%s: %s, '%s'", description, recs_status_text(status), error.text);
}

static void test_settings_are_strict(void **state) {
    (void)state;
    const recs__trainer *trainer;
    char text[256];
    FOR_TRAINERS(trainer) {
        snprintf(text, sizeof text, "%s(no_such_setting=1)", trainer->name);
        refused(text, "no_such_setting");
        for (size_t s = 0; s < trainer->setting_count; s++) {
            const recs__setting *setting = &trainer->settings[s];
            const char *const never[] = {"nan", "inf", "-inf", "1x", "0x", "--1", "such a word"};
            for (size_t n = 0; n < sizeof never / sizeof *never; n++) {
                snprintf(text, sizeof text, "%s(%s=%s)", trainer->name, setting->name, never[n]);
                refused(text, setting->name);
            }
            snprintf(text, sizeof text, "%s(%s=)", trainer->name, setting->name);
            refused(text, "expected a value");
            if (setting->choices != NULL)
                continue;
            assert_true(setting->low <= setting->high);
            assert_true(setting->fallback >= setting->low && setting->fallback <= setting->high);
            snprintf(text, sizeof text, "%s(%s=%.17g)", trainer->name, setting->name,
                     setting->low > 0.0 ? setting->low / 2 : setting->low * 2 - 1);
            refused(text, setting->name);
            snprintf(text, sizeof text, "%s(%s=%.17g)", trainer->name, setting->name,
                     setting->high * 2 + 1);
            refused(text, setting->name);
            if (setting->integer) {
                snprintf(text, sizeof text, "%s(%s=%.17g)", trainer->name, setting->name,
                         setting->low + 0.5);
                refused(text, setting->name);
            }
            snprintf(text, sizeof text, "%s(%s=%.17g, %s=%.17g)", trainer->name, setting->name,
                     setting->fallback, setting->name, setting->fallback);
            refused(text, setting->name);
        }
    }
}

static void test_same_bytes_for_any_threads(void **state) {
    (void)state;
    const recs__trainer *trainer;
    recs_dataset *dataset = dataset_of(&logs[7]);
    FOR_TRAINERS(trainer) {
        uint64_t first = fingerprint_of(dataset, trainer->name, 1);
        for (uint32_t threads = 1; threads <= 3; threads++)
            if (fingerprint_of(dataset, trainer->name, threads) != first)
                fail_msg("%s: other bytes with %u threads", trainer->name, threads);
    }
    recs_dataset_destroy(dataset);
}

static void test_same_bytes_on_any_processor(void **state) {
    (void)state;
    const recs__trainer *trainer;
    const recs__kernels *table;
    recs_dataset *dataset = dataset_of(&logs[7]);
    FOR_TRAINERS(trainer) {
        recs__kernels_force(&recs__kernels_scalar);
        uint64_t first = fingerprint_of(dataset, trainer->name, 1);
        for (size_t k = 1; (table = recs__kernels_at(k)) != NULL; k++) {
            recs__kernels_force(table);
            if (!trainer->blas && fingerprint_of(dataset, trainer->name, 1) != first)
                fail_msg("%s: other bytes from %s", trainer->name, table->name);
        }
        recs__kernels_force(NULL);
    }
    recs_dataset_destroy(dataset);
}

static void test_the_description_trains_the_same_again(void **state) {
    (void)state;
    const recs__trainer *trainer;
    recs_dataset *dataset = dataset_of(&logs[0]);
    FOR_TRAINERS(trainer) {
        recs_error error = {0};
        recs_model *model = NULL;
        ok(recs_train(dataset, trainer->name, NULL, NULL, &model, &error), &error, trainer->name);
        if (fingerprint_of(dataset, recs_model_description(model), 1) !=
            recs_model_fingerprint(model))
            fail_msg("%s: other bytes from '%s'", trainer->name, recs_model_description(model));
        recs_model_release(model);
    }
    recs_dataset_destroy(dataset);
}

/* ---- answers ----------------------------------------------------------------------------------- */

static void finite_list(const recs_query *query, const char *trainer, const char *log) {
    for (size_t i = 0; i < recs_query_count(query); i++)
        if (!isfinite(recs_query_score(query, i)))
            fail_msg("%s on %s: a score that is not finite", trainer, log);
}

static void ask_user(const recs_model *model, recs_query *query, uint32_t user, const char *trainer,
                     const char *log) {
    recs_error error = {0};
    uint32_t items = recs_model_items(model), rows[128];
    float known[128], given[128];
    assert_true(items <= 128);
    for (uint32_t i = 0; i < items; i++)
        rows[i] = i;
    recs_query_reset(query);
    recs_query_user(query, recs_model_user_id(model, user));
    ok(recs_score_rows(model, query, rows, items, known, &error), &error, trainer);
    ok(recs_recommend(model, query, &error), &error, trainer);
    finite_list(query, trainer, log);
    for (size_t i = 0; i < recs_query_count(query); i++) {
        double sum = 0.0, size = 0.0;
        ok(recs_explain(model, query, i, &error), &error, trainer);
        for (size_t r = 0; r < recs_query_reason_count(query); r++) {
            sum += recs_query_reason_contribution(query, r);
            size += fabs(recs_query_reason_contribution(query, r));
        }
        if (!(fabs(sum - (double)recs_query_score(query, i)) <= 1e-6 * (size + 1e-30)))
            fail_msg("%s on %s: reasons add up to %.9g, the score is %.9g", trainer, log, sum,
                     (double)recs_query_score(query, i));
    }
    recs_query_reset(query);
    for (size_t e = 0; e < recs_model_history_count(model, user); e++)
        if (recs_model_history_value(model, user, e) != 0.0f)
            recs_query_history(query,
                               recs_model_item_id(model, recs_model_history_item(model, user, e)),
                               recs_model_history_value(model, user, e), RECS_NO_TIME);
    ok(recs_score_rows(model, query, rows, items, given, &error), &error, trainer);
    if (memcmp(known, given, items * sizeof *known) != 0)
        fail_msg("%s on %s: a known user is not who gives the same history", trainer, log);
}

static void ask_everything(const recs_model *model, const char *trainer, const char *log) {
    recs_error error = {0};
    recs_query *query = NULL;
    ok(recs_model_verify(model, &error), &error, trainer);
    ok(recs_query_create(&query, NULL, &error), &error, trainer);
    for (uint32_t u = 0; u < recs_model_users(model) && u < 12; u++)
        ask_user(model, query, u, trainer, log);
    for (uint32_t i = 0; i < recs_model_items(model); i++) {
        recs_query_reset(query);
        recs_query_item(query, recs_model_item_id(model, i));
        recs_status similar = recs_similar(model, query, &error);
        if (similar != RECS_ERR_UNSUPPORTED || strstr(error.text, "knows no similar items") == NULL)
            ok(similar, &error, trainer);
        finite_list(query, trainer, log);
        recs_query_reset(query);
        recs_query_history(query, recs_model_item_id(model, i), 1.0f, RECS_NO_TIME);
        recs_query_limit(query, 5);
        ok(recs_recommend(model, query, &error), &error, trainer);
        finite_list(query, trainer, log);
        size_t others = recs_model_items(model) - 1;
        assert_int_equal(recs_query_count(query), others < 5 ? others : 5);
    }
    recs_query_destroy(query);
}

static void test_answers_are_finite_on_any_data(void **state) {
    (void)state;
    const recs__trainer *trainer;
    for (size_t l = 0; l < LOGS; l++) {
        recs_dataset *dataset = dataset_of(&logs[l]);
        FOR_TRAINERS(trainer) {
            recs_error error = {0};
            recs_model *model = NULL;
            recs_status status = recs_train(dataset, trainer->name, NULL, NULL, &model, &error);
            if (status == RECS_OK)
                ask_everything(model, trainer->name, logs[l].name);
            else if (status != RECS_ERR_NUMERIC || strstr(error.text, trainer->name) == NULL)
                fail_msg("%s on %s: %s, '%s'", trainer->name, logs[l].name,
                         recs_status_text(status), error.text);
            else if (l == 0 || logs[l].fill == a_bestseller)
                fail_msg("%s cannot do %s: %s", trainer->name, logs[l].name, error.text);
            recs_model_release(model);
        }
        recs_dataset_destroy(dataset);
    }
}

/* ---- interrupted --------------------------------------------------------------------------------- */

static int32_t stop_after(void *data, const char *stage, uint64_t done, uint64_t total) {
    assert_non_null(stage);
    assert_true(total == 0 || done <= total);
    return --*(int *)data == 0;
}

static void test_cancelled_anywhere(void **state) {
    (void)state;
    const recs__trainer *trainer;
    recs_dataset *dataset = dataset_of(&logs[0]);
    FOR_TRAINERS(trainer) {
        bool cancelled = true;
        for (int calls = 1; cancelled; calls += 1 + calls / 8) {
            recs_error error = {0};
            recs_model *model = NULL;
            fault_host faults;
            int64_t clock = 0;
            int left = calls;
            fault_host_init(&faults);
            faults.host.now = hasty_clock;
            faults.host.clock_data = &clock;
            recs_train_options options = {
                .struct_size = sizeof options, .progress = stop_after, .progress_data = &left};
            recs_status status =
                recs_train(dataset, trainer->name, &options, &faults.host, &model, &error);
            cancelled = left <= 0;
            if (cancelled ? status != RECS_ERR_CANCELLED || model != NULL : status != RECS_OK)
                fail_msg("%s stopped at call %d: %s, '%s'", trainer->name, calls,
                         recs_status_text(status), error.text);
            recs_model_release(model);
            fault_host_done(&faults);
        }
    }
    recs_dataset_destroy(dataset);
}

static void test_out_of_memory_anywhere(void **state) {
    (void)state;
    const recs__trainer *trainer;
    recs_dataset *dataset = dataset_of(&logs[9]);
    FOR_TRAINERS(trainer) {
        fault_host faults;
        FAULT_LOOP(faults) {
            recs_error error = {0};
            recs_model *model = NULL;
            if (fault_passed(&faults,
                             recs_train(dataset, trainer->name, NULL, &faults.host, &model, &error),
                             &error))
                recs_model_release(model);
            else
                assert_null(model);
        }
    }
    recs_dataset_destroy(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_are_strict),
        cmocka_unit_test(test_same_bytes_for_any_threads),
        cmocka_unit_test(test_same_bytes_on_any_processor),
        cmocka_unit_test(test_the_description_trains_the_same_again),
        cmocka_unit_test(test_answers_are_finite_on_any_data),
        cmocka_unit_test(test_cancelled_anywhere),
        cmocka_unit_test(test_out_of_memory_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
