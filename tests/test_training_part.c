/* test_training_part.c - the same model bytes however small the parts are in
 * which a log is ordered, in memory and in temporary files. */
#include "train/training_part.h"

#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tmp_folder folder;

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

typedef struct recipe {
    uint32_t events, users, items;
    const char *memory, *unit, *mode;
    uint64_t part_events;
    bool ratings, guests;
} recipe;

static recs_dataset *start(const recipe *r, const recs_host *host, recs_error *error) {
    recs_dataset *dataset = NULL;
    recs_status status = recs_dataset_create(&dataset, host, error);
    if (status == RECS_OK && r->memory != NULL)
        status = recs_dataset_set(dataset, "memory", r->memory, error);
    if (status == RECS_OK && r->memory != NULL)
        status = recs_dataset_set(dataset, "temporary", folder.path, error);
    if (status == RECS_OK && r->unit != NULL)
        status = recs_dataset_set(dataset, "unit", r->unit, error);
    if (status == RECS_OK && r->mode != NULL)
        status = recs_dataset_set(dataset, "users", r->mode, error);
    if (status == RECS_OK)
        status = recs_dataset_set(dataset, "positive", "3", error);
    if (status == RECS_OK)
        status = recs_dataset_set(dataset, "recommended", "0.5", error);
    if (status == RECS_OK)
        status = recs_dataset_set(dataset, "propensity", "clip(0.2)", error);
    if (status != RECS_OK) {
        recs_dataset_destroy(dataset);
        return NULL;
    }
    dataset->part_events = r->part_events;
    return dataset;
}

/* All kinds of events, many on the same pair, some at the same moment. */
static recs_status add(recs_dataset *dataset, const recipe *r, recs_error *error) {
    recs__random random;
    recs_events *events = NULL;
    recs_status status = recs_events_create(&events, NULL, error);
    recs__random_seed(&random, 7);
    for (uint32_t e = 0; e < r->events && status == RECS_OK; e++) {
        char item[20], text[20];
        uint64_t dice = recs__random_u64(&random);
        uint32_t user = (uint32_t)(dice % r->users), near = (uint32_t)(dice >> 20) % r->items;
        static const int32_t types[] = {RECS_EVENT_VIEW, RECS_EVENT_BUY,     RECS_EVENT_BUY,
                                        RECS_EVENT_CART, RECS_EVENT_RETURN,  RECS_EVENT_BUY,
                                        RECS_EVENT_VIEW, RECS_EVENT_DISLIKE, RECS_EVENT_VIEW};
        int32_t type = types[(dice >> 40) % 9];
        if (r->ratings && (dice >> 50) % 4 == 0)
            type = RECS_EVENT_RATING;
        snprintf(item, sizeof item, "i%u", (user * 3 + near % (user % 5 + 9)) % r->items);
        status = recs_events_begin(events, item, type, (int64_t)(e / 3) * 60000, error);
        if (status == RECS_OK && (!r->guests || dice >> 60 != 0)) {
            snprintf(text, sizeof text, "u%u", user);
            status = recs_events_text(events, RECS_FIELD_USER, text, error);
        }
        if (status == RECS_OK && r->guests) {
            snprintf(text, sizeof text, "b%u", e / 4);
            status = recs_events_text(events, e % 8 < 5 ? RECS_FIELD_BASKET : RECS_FIELD_SESSION,
                                      text, error);
        }
        if (status == RECS_OK && r->guests && (dice >> 44) % 3 == 0)
            status = recs_events_source(events, RECS_SOURCE_RECOMMENDED, error);
        if (status == RECS_OK && r->guests && (dice >> 47) % 3 == 0)
            status = recs_events_propensity(events, 0.1 + (double)(dice >> 50 & 7) / 10, error);
        if (status == RECS_OK && type == RECS_EVENT_RATING)
            status = recs_events_value(events, (double)(dice >> 33 & 3) + 1.0, error);
        else if (status == RECS_OK && (dice >> 30) % 5 == 0)
            status = recs_events_quantity(events, (double)((int)(dice >> 33 & 7) - 2), error);
    }
    if (status == RECS_OK)
        status = recs_dataset_add(dataset, events, error);
    recs_events_destroy(events);
    return status;
}

static recs_status train(const recipe *r, const char *what, const recs_host *host,
                         const char *path, recs_error *error) {
    recs_dataset *dataset = start(r, host, error);
    recs_model *model = NULL;
    if (dataset == NULL)
        return RECS_ERR_MEMORY;
    recs_status status = add(dataset, r, error);
    if (status == RECS_OK)
        status = recs_train(dataset, what, NULL, host, &model, error);
    recs_dataset_destroy(dataset);
    if (status == RECS_OK) {
        status = recs_model_verify(model, error);
        if (status == RECS_OK)
            status = recs_model_write(model, path, error);
    }
    recs_model_release(model);
    return status;
}

static const char all[] = "als(factors=8, iterations=2), itemknn(k=20), popular, "
                          "fresh = popular(half_life=30), home = als + 0.5*itemknn";

static char *bytes_of(const recipe *r, const char *what, size_t *size) {
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    ok(train(r, what, NULL, tmp_path(&folder, "model.recs", path), &error), &error);
    char *bytes = tmp_read(path, size);
    remove(path);
    assert_int_equal(tmp_count(&folder), 0);
    return bytes;
}

static void assert_same(const recipe *r, const char *memory, uint64_t part_events) {
    size_t size, other_size;
    recipe other = *r;
    char *bytes = bytes_of(r, all, &size);
    other.memory = memory;
    other.part_events = part_events;
    char *again = bytes_of(&other, all, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(bytes, again, size);
    free(bytes);
    free(again);
}

static void test_small_parts_change_nothing(void **state) {
    (void)state;
    static const char *const units[] = {"users", "baskets"};
    for (size_t u = 0; u < 2; u++)
        for (int ratings = 0; ratings < 2; ratings++) {
            recipe r = {.events = 4000, .users = 90, .items = 70, .unit = units[u],
                        .ratings = ratings, .guests = true};
            assert_same(&r, NULL, 1);
            assert_same(&r, NULL, 333);
        }
}

/* Arrays here are large enough to be files. */
static void test_a_budget_changes_nothing(void **state) {
    (void)state;
    recipe r = {.events = 60000, .users = 700, .items = 90, .ratings = true, .guests = true};
    assert_same(&r, "6M", 0);
    assert_same(&r, "6M", 5000);
    r.unit = "baskets";
    assert_same(&r, "6M", 0);
    r.mode = "hashed";
    r.guests = false;
    assert_same(&r, "3M", 0);
}

static void test_nothing_at_all_under_a_budget(void **state) {
    (void)state;
    recipe r = {.events = 1, .users = 1, .items = 1, .memory = "2M"};
    size_t size;
    free(bytes_of(&r, "popular", &size));
    free(bytes_of(&r, "als(factors=4)", &size));
}

static recs_status refused(const recipe *r, recs_error *error) {
    char path[TMP_PATH_MAX];
    recs_status status = train(r, all, NULL, tmp_path(&folder, "m", path), error);
    assert_int_equal(tmp_count(&folder), 0);
    return status;
}

static void test_budgets_that_are_too_small(void **state) {
    (void)state;
    recs_error error = {0};
    recipe ids = {.events = 70000, .users = 69000, .items = 20, .memory = "1M"};
    assert_int_equal(refused(&ids, &error), RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "ids, titles and catalogue hold"));
    recipe rows = {.events = 60000, .users = 20000, .items = 20, .memory = "2M"};
    assert_int_equal(refused(&rows, &error), RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "too small for this log"));
    recipe one = {.events = 60000, .users = 1, .items = 20, .memory = "3M"};
    assert_int_equal(refused(&one, &error), RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "one user has 60000 events"));
}

static void test_settings_of_the_budget(void **state) {
    (void)state;
    recs_error error = {0};
    recs_dataset *dataset = NULL;
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    assert_int_equal(recs_dataset_set(dataset, "memory", "much", &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_dataset_set(dataset, "memory", "10K", &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "at least 1M"));
    assert_int_equal(recs_dataset_set(dataset, "temporary", "", &error), RECS_ERR_ARGUMENT);
    ok(recs_dataset_set(dataset, "memory", "64M", &error), &error);
    ok(recs_dataset_set(dataset, "temporary", "/no/such/folder", &error), &error);
    recipe r = {.events = 10, .users = 3, .items = 3};
    assert_int_equal(add(dataset, &r, &error), RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "/no/such/folder"));
    assert_int_equal(recs_dataset_count(dataset, "events"), 0);
    ok(recs_dataset_set(dataset, "temporary", folder.path, &error), &error);
    ok(add(dataset, &r, &error), &error);
    assert_int_equal(recs_dataset_set(dataset, "memory", "70M", &error), RECS_ERR_STATE);
    recs_dataset_destroy(dataset);
}

static void test_cancel_at_every_moment(void **state);
static int32_t count_down(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)stage, (void)done, (void)total;
    return --*(int *)data == 0;
}

static int64_t running_clock(void *data) { return *(int64_t *)data += 1000; }

static void test_cancel_at_every_moment(void **state) {
    (void)state;
    recipe r = {.events = 30000, .users = 300, .items = 50, .memory = "5M", .part_events = 3000};
    for (int at = 1;; at += 7) {
        int left = at;
        int64_t now = 0;
        recs_error error = {0};
        recs_host host = {.struct_size = sizeof host, .now = running_clock, .clock_data = &now};
        recs_dataset *dataset = start(&r, &host, &error);
        recs_model *model = NULL;
        ok(add(dataset, &r, &error), &error);
        recs_dataset_progress(dataset, count_down, &left);
        recs_train_options options = {.struct_size = sizeof options, .progress = count_down,
                                      .progress_data = &left};
        recs_status status = recs_train(dataset, "als(factors=4, iterations=2), popular", &options,
                                        &host, &model, &error);
        recs_dataset_destroy(dataset);
        recs_model_release(model);
        assert_int_equal(tmp_count(&folder), 0);
        if (status == RECS_OK)
            break;
        assert_int_equal(status, RECS_ERR_CANCELLED);
        assert_null(model);
    }
}

static void test_failing_allocations(void **state) {
    (void)state;
    recipe r = {.events = 300, .users = 20, .items = 10, .memory = "4M", .unit = "baskets",
                .guests = true, .part_events = 40};
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        char path[TMP_PATH_MAX];
        if (fault_passed(&faults,
                         train(&r, "popular, itemknn(k=3)", &faults.host,
                               tmp_path(&folder, "model.recs", path), &error),
                         &error))
            remove(path);
        assert_int_equal(tmp_count(&folder), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_parts_change_nothing),
        cmocka_unit_test(test_a_budget_changes_nothing),
        cmocka_unit_test(test_nothing_at_all_under_a_budget),
        cmocka_unit_test(test_budgets_that_are_too_small),
        cmocka_unit_test(test_settings_of_the_budget),
        cmocka_unit_test(test_cancel_at_every_moment),
        cmocka_unit_test(test_failing_allocations),
    };
    tmp_make(&folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tmp_remove(&folder);
    return failed;
}
