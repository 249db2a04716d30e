/* test_model.c - a whole small model: written, opened, read. */
#include "model/internal.h"
#include "recs/events.h"
#include "support/sample_model.h"
#include "support/test.h"
#include "support/tmp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)                                                                                 \
    do {                                                                                         \
        recs_error error_ = {0};                                                                 \
        recs_error *error = &error_;                                                             \
        recs_status status_ = (call);                                                            \
        if (status_ != RECS_OK)                                                                  \
            fail_msg("%s: %s: %s", #call, recs_status_text(status_), error_.text);               \
    } while (0)

static void check_sample(const recs_model *model) {
    assert_int_equal(recs_model_items(model), SAMPLE_ITEMS);
    assert_int_equal(recs_model_users(model), SAMPLE_USERS);
    assert_int_equal(recs_model_interactions(model), 11);
    assert_true(recs_model_first_time(model) == INT64_C(1700000000000));
    assert_true(recs_model_last_time(model) == INT64_C(1700000600000));
    assert_string_equal(recs_model_description(model),
                        "als(factors=6), itemknn(k=3), popular, home = 0.75*als + 0.5*itemknn");
    assert_string_equal(recs_model_users_mode(model), "full");
    for (uint32_t i = 0; i < SAMPLE_ITEMS; i++) {
        assert_int_equal(recs_model_item_row(model, sample_items[i]), i);
        assert_string_equal(recs_model_item_id(model, i), sample_items[i]);
    }
    for (uint32_t i = 0; i < SAMPLE_USERS; i++) {
        assert_int_equal(recs_model_user_row(model, sample_users[i]), i);
        assert_string_equal(recs_model_user_id(model, i), sample_users[i]);
    }
    assert_int_equal(recs_model_item_row(model, "zebra"), RECS_NO_ROW);
    assert_int_equal(recs_model_item_row(model, ""), RECS_NO_ROW);
    assert_int_equal(recs_model_item_row(model, NULL), RECS_NO_ROW);
    assert_int_equal(recs_model_user_row(model, "an"), RECS_NO_ROW);
    assert_null(recs_model_item_id(model, SAMPLE_ITEMS));
    assert_null(recs_model_user_id(model, RECS_NO_ROW));
}

static void test_sample_in_memory(void **state) {
    (void)state;
    recs_model *model;
    OK(recs_test_sample_model(&model, NULL, error));
    check_sample(model);
    OK(recs_model_verify(model, error));
    recs_model_release(model);
}

static void test_sample_on_disk(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    tmp_path(&folder, "sample.recs", path);
    recs_model *model, *opened;
    OK(recs_test_sample_model(&model, NULL, error));
    OK(recs_model_write(model, path, error));
    for (int32_t load = RECS_LOAD_MAP; load <= RECS_LOAD_COPY; load++) {
        recs_open_options options = {.struct_size = sizeof options, .load = load, .verify = 1};
        OK(recs_model_open(&opened, path, &options, NULL, error));
        check_sample(opened);
        assert_true(recs_model_fingerprint(opened) == recs_model_fingerprint(model));
        assert_true(recs_model_size(opened) == recs_model_size(model));
        recs_model_release(opened);
    }
    recs_model_release(model);
    assert_int_equal(tmp_count(&folder), 1);
    tmp_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_in_memory),
        cmocka_unit_test(test_sample_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
