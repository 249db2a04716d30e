/* test_golden_trained.c - a model trained with bfloat16 factors is today what it
 * was when the golden file was made, to the byte and with every kernel table, and
 * that file answers as it did.
 *
 * A deliberate change of the format, of als or of a canonical order makes it anew,
 * with a line in CHANGELOG.md:  build/tests/test_golden_trained tests/golden/halves.recs */
#include "kernels/kernels.h"
#include "model/model.h"
#include "recs/recommend.h"
#include "recs/train.h"
#include "support/test.h"
#include "support/tmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char golden[] = "tests/golden/halves.recs";

static void ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

/* 14 users of two tastes among 9 items; everything is said here. */
static recs_model *trained(void) {
    recs_dataset *dataset = NULL;
    recs_events *events = NULL;
    recs_model *model = NULL;
    recs_error error = {0};
    char name[20];
    ok(recs_dataset_create(&dataset, NULL, &error), &error);
    ok(recs_events_create(&events, NULL, &error), &error);
    for (uint32_t u = 0; u < 14; u++)
        for (uint32_t n = 0; n < 4; n++) {
            snprintf(name, sizeof name, "item%u", (u * 5 + n * n * 2 + u % 2) % 9);
            ok(recs_events_begin(events, name, RECS_EVENT_BUY, 1000 * n, &error), &error);
            snprintf(name, sizeof name, "user%u", u);
            ok(recs_events_text(events, RECS_FIELD_USER, name, &error), &error);
        }
    ok(recs_dataset_add(dataset, events, &error), &error);
    recs_events_destroy(events);
    ok(recs_train(dataset, "als(factors=6, iterations=3, storage=bfloat16)", NULL, NULL, &model,
                  &error), &error);
    recs_dataset_destroy(dataset);
    return model;
}

static void test_made_again(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    size_t old_size, new_size;
    char *old = tmp_read(golden, &old_size);
    tmp_make(&folder);
    tmp_path(&folder, "again.recs", path);
    for (size_t t = 0; recs__kernels_at(t); t++) {
        recs__kernels_force(recs__kernels_at(t));
        recs_model *model = trained();
        recs_error error = {0};
        ok(recs_model_write(model, path, &error), &error);
        char *made = tmp_read(path, &new_size);
        assert_int_equal(new_size, old_size);
        assert_memory_equal(made, old, old_size);
        free(made);
        recs_model_release(model);
    }
    recs__kernels_force(NULL);
    free(old);
    tmp_remove(&folder);
}

static void test_answers(void **state) {
    (void)state;
    recs_open_options options = {.struct_size = sizeof options, .verify = 1};
    recs_model *model = NULL;
    recs_query *query = NULL;
    recs_error error = {0};
    ok(recs_model_open(&model, golden, &options, NULL, &error), &error);
    const recs__component *als = &recs__model_view(model)->components[0];
    assert_non_null(als->item_halves);
    assert_non_null(als->user_halves);
    assert_null(als->item_factors);
    assert_int_equal(als->factors, 6);
    ok(recs_query_create(&query, NULL, &error), &error);
    assert_int_equal(recs_query_user(query, "user3"), RECS_OK);
    assert_int_equal(recs_query_limit(query, 3), RECS_OK);
    ok(recs_recommend(model, query, &error), &error);
    assert_int_equal(recs_query_count(query), 3);
    for (size_t i = 1; i < 3; i++)
        assert_true(recs_query_score(query, i - 1) >= recs_query_score(query, i));
    recs_query_destroy(query);
    recs_model_release(model);
}

int main(int argc, char **argv) {
    if (argc == 2) {
        recs_model *model = trained();
        recs_error error = {0};
        recs_status status = recs_model_write(model, argv[1], &error);
        printf("%s: %s\n", argv[1], status == RECS_OK ? "written" : error.text);
        recs_model_release(model);
        return status != RECS_OK;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_again),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
