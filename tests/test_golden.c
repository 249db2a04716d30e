/* test_golden.c - the golden file of format version 1 opens, verifies, gives
 * the answers it gave when it was made, and is made again to the byte.
 *
 * A deliberate change of the format makes it anew, with a line in
 * CHANGELOG.md:   build/tests/test_golden tests/golden/v1.recs */
#include "model/model.h"
#include "recs/events.h"
#include "support/sample_model.h"
#include "support/test.h"
#include "support/tmp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char golden[] = "tests/golden/v1.recs";

static recs_model *open_golden(void) {
    recs_open_options options = {.struct_size = sizeof options, .verify = 1};
    recs_model *model;
    recs_error error = {0};
    if (recs_model_open(&model, golden, &options, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    return model;
}

static void test_answers(void **state) {
    (void)state;
    recs_model *m = open_golden();
    assert_int_equal(recs_model_items(m), 8);
    assert_int_equal(recs_model_users(m), 5);
    assert_int_equal(recs_model_interactions(m), 11);
    assert_string_equal(recs_model_users_mode(m), "full");
    assert_string_equal(recs_model_item_id(m, 1), "beer");
    assert_int_equal(recs_model_item_row(m, "hat"), 7);
    assert_string_equal(recs_model_user_id(m, 4), "eve");
    assert_string_equal(recs_model_item_title(m, 1), "B\xC3\xA4renbr\xC3\xA4u, dark");
    assert_null(recs_model_item_title(m, 3)); /* no bytes */
    assert_null(recs_model_item_title(m, 6)); /* a lone NUL */

    static const uint32_t ranks[] = {0, 3, 1, 5, 2, 4, 6, 7};
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(recs_model_item_rank(m, i), ranks[i]);
    assert_true(recs_model_item_popularity(m, 2) == 2);

    assert_int_equal(recs_model_history_count(m, 0), 4);
    assert_int_equal(recs_model_history_item(m, 0, 1), 2);
    assert_true(recs_model_history_value(m, 0, 1) == 2);
    assert_int_equal(recs_model_history_type(m, 0, 2), RECS_EVENT_BUY);
    assert_true(recs_model_history_time(m, 3, 0) == INT64_C(1700000540000));
    assert_true(recs_model_history_time(m, 2, 1) == RECS_NO_TIME);
    assert_int_equal(recs_model_history_count(m, 4), 0);
    assert_int_equal(recs_model_history_item(m, 0, 4), RECS_NO_ROW);
    assert_int_equal(recs_model_history_type(m, 5, 0), -1);

    static const char *const names[] = {"als", "itemknn", "popular", "home", "filter", "crowd"};
    static const char *const kinds[] = {"als", "itemknn", "popular", "blend", "graphfilter",
                                        "userknn"};
    assert_int_equal(recs_model_component_count(m), 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_string_equal(recs_model_component_name(m, i), names[i]);
        assert_string_equal(recs_model_component_kind(m, i), kinds[i]);
        assert_int_equal(recs_model_component_find(m, names[i]), i);
    }
    assert_string_equal(recs_model_component_settings(m, 1), "itemknn(k=3)");
    assert_int_equal(recs_model_component_find(m, "none"), UINT32_MAX);
    recs_model_release(m);
}

static void test_catalogue(void **state) {
    (void)state;
    recs_model *m = open_golden();
    uint32_t brand = recs_model_column_find(m, "brand"), price = recs_model_column_find(m, "price");
    uint32_t created = recs_model_column_find(m, "created");
    uint32_t available = recs_model_column_find(m, "available");
    assert_int_equal(recs_model_column_count(m), 4);
    assert_int_equal(recs_model_column_find(m, "colour"), UINT32_MAX);
    assert_int_equal(recs_model_column_type(m, brand), RECS_COLUMN_TEXT);
    assert_int_equal(recs_model_column_type(m, available), RECS_COLUMN_FLAG);
    assert_string_equal(recs_model_item_text(m, brand, 2), "Zenith");
    assert_null(recs_model_item_text(m, brand, 4));
    assert_null(recs_model_item_text(m, price, 2));
    assert_true(recs_model_item_number(m, price, 3) == 7.25);
    assert_true(isnan(recs_model_item_number(m, price, 6)));
    assert_true(isnan(recs_model_item_number(m, brand, 2)));
    assert_true(recs_model_item_time(m, created, 1) == INT64_C(1699913600000));
    assert_true(recs_model_item_time(m, created, 5) == RECS_NO_TIME);
    assert_int_equal(recs_model_item_flag(m, available, 3), 0);
    assert_int_equal(recs_model_item_flag(m, available, 0), 1);
    assert_int_equal(recs_model_item_flag(m, available, 7), -1);
    assert_int_equal(recs_model_item_flag(m, available, 8), -1);
    recs_model_release(m);
}

static void test_arrays(void **state) {
    (void)state;
    recs_model *m = open_golden();
    const recs__view *view = recs__model_view(m);
    const recs__component *als = &view->components[0], *knn = &view->components[1];
    assert_int_equal(als->stride, 16);
    assert_true(als->item_factors[0] == -0.5F && als->item_factors[16] == 0.375F);
    assert_true(als->alpha == 2 && als->regularization == 0.5F);
    assert_int_equal((uintptr_t)als->item_factors % 64, 0);
    assert_non_null(als->user_factors);
    assert_int_equal(knn->neighbors.entries, 12);
    uint64_t first;
    assert_int_equal(recs__csr_row(&knn->neighbors, 2, &first), 3);
    assert_int_equal(first, 4);
    assert_true(view->components[2].scores[2] == 2.5F);
    assert_int_equal(view->components[3].term_count, 2);
    assert_int_equal(view->components[3].terms[1].component, 1);
    assert_true(view->components[3].terms[0].weight == 0.75F);
    const recs__component *filter = &view->components[4];
    assert_int_equal(filter->factors, 2);
    assert_int_equal(filter->stride, 16);
    assert_true(filter->history_factors[16] == 0.5F && filter->item_factors[17] == -0.125F);
    assert_null(filter->history_scales);
    assert_int_equal(filter->neighbors.entries, 2);
    const recs__component *crowd = &view->components[5];
    assert_int_equal(crowd->crowd_rows, 4);
    assert_int_equal(crowd->neighbor_count, 2);
    assert_true(crowd->asymmetry == 0.5F && crowd->shrinkage == 0.25F && crowd->power == 1);
    assert_int_equal(crowd->crowd.entries, 9);
    assert_true(crowd->row_norms[2] == 1.75F && crowd->item_weights[1] == 1);
    assert_int_equal(recs__csr_row(&crowd->postings, 4, &first), 2);
    assert_true(crowd->postings.values[first + 1] == 1);
    assert_non_null(view->available);
    recs_model_release(m);
}

static void test_made_again(void **state) {
    (void)state;
    recs_model *sample;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    tmp_path(&folder, "again.recs", path);
    assert_int_equal(recs_test_sample_model(&sample, NULL, NULL), RECS_OK);
    assert_int_equal(recs_model_write(sample, path, NULL), RECS_OK);
    size_t old_size, new_size;
    char *old = tmp_read(golden, &old_size), *made = tmp_read(path, &new_size);
    assert_int_equal(new_size, old_size);
    assert_memory_equal(made, old, old_size);
    free(old);
    free(made);
    recs_model_release(sample);
    tmp_remove(&folder);
}

int main(int argc, char **argv) {
    if (argc == 2) {
        recs_model *sample;
        recs_error error = {0};
        recs_status status = recs_test_sample_model(&sample, NULL, &error);
        if (status == RECS_OK)
            status = recs_model_write(sample, argv[1], &error);
        printf("%s: %s\n", argv[1], status == RECS_OK ? "written" : error.text);
        return status != RECS_OK;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
