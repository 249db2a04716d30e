/* The trainer of content: vectors from a file to a model that recommends, items
 * without a vector, ids nobody knows, blends, and what is wrong with a file. */
#include "recs.h"
#include "recs/train.h"
#include "recs/vector_file.h"
#include "support/fault_host.h"
#include "support/made_log.h"
#include "support/test.h"
#include "support/tmp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tmp_folder folder;
static char path[TMP_PATH_MAX];

/* Vectors of i00 … i29 but i05, of three numbers, and one of a stranger. */
static void write_vectors(const char *line) {
    char text[4096];
    size_t size = (size_t)snprintf(text, sizeof text, "id,x,y,z\nstranger,1,2,3\n%s", line);
    for (int i = 29; i >= 0; i--)
        if (i != 5)
            size += (size_t)snprintf(text + size, sizeof text - size, "i%02d,%d,%d,1\n", i, i % 6,
                                     5 - i % 6);
    tmp_write(&folder, "vectors with space.csv", text, size, path);
}

static char warned[512];
static void warn(void *data, int32_t level, const char *text) {
    (void)data, (void)level;
    snprintf(warned, sizeof warned, "%s", text);
}

static recs_status train(const recs_dataset *dataset, const char *settings, recs_model **model,
                         recs_error *error) {
    char text[TMP_PATH_MAX + 200];
    recs_host host = {.struct_size = sizeof host, .log = warn};
    snprintf(text, sizeof text, "popular, content(vectors=\"%s\"%s), home = 0.5*popular + 0.5*content",
             path, settings);
    return recs_train(dataset, text, NULL, &host, model, error);
}

static void test_train(void **state) {
    (void)state;
    recs_dataset *dataset = made_log(40, 30, 6, 1, 3);
    recs_error error = {0};
    recs_model *model = NULL;
    recs_query *query = NULL;
    static const char *const settings[] = {"", ", storage=int8, merge=best", ", metric=inner",
                                           ", storage=bfloat16"};
    write_vectors("");
    for (size_t i = 0; i < 4; i++) {
        warned[0] = '\0';
        made_ok(train(dataset, settings[i], &model, &error), &error);
        assert_non_null(strstr(warned, "1 of 30 vectors"));
        made_ok(recs_model_verify(model, &error), &error);
        assert_string_equal(recs_model_component_kind(model, 1), "content");
        assert_non_null(strstr(recs_model_component_settings(model, 1), "vectors=\""));
        char *again = NULL; /* the description in the model trains the same again */
        made_ok(recs_description_check(recs_model_description(model), NULL, &again, &error),
                &error);
        assert_string_equal(again, recs_model_description(model));
        recs_text_free(again, NULL);

        made_ok(recs_query_create(&query, NULL, &error), &error);
        recs_query_component(query, "content");
        recs_query_item(query, "i06");
        recs_query_limit(query, 5);
        made_ok(recs_similar(model, query, &error), &error);
        /* Those whose number has the same remainder by 6 lie in the same direction. */
        for (size_t a = 0; i != 2 && a < 4; a++)
            assert_int_equal(atoi(recs_query_id(query, a) + 1) % 6, 0);
        recs_query_reset(query);
        recs_query_component(query, "home");
        recs_query_user(query, "u003");
        made_ok(recs_recommend(model, query, &error), &error);
        assert_true(recs_query_count(query) > 0);
        made_ok(recs_explain(model, query, 0, &error), &error);
        assert_true(recs_query_reason_count(query) > 0);
        recs_query_destroy(query);
        recs_vectors *set = NULL;
        made_ok(recs_vectors_open_model(&set, model, NULL, NULL, NULL, &error), &error);
        assert_true(recs_vectors_count(set) > 15);
        assert_int_equal(recs_vectors_row(set, "i05"), RECS_NO_ROW);
        recs_vectors_destroy(set);
        recs_model_release(model);
    }
    recs_dataset_destroy(dataset);
}

static void test_refused(void **state) {
    (void)state;
    recs_dataset *dataset = made_log(40, 30, 6, 1, 3);
    recs_error error = {0};
    recs_model *model = NULL;
    assert_int_equal(recs_train(dataset, "content", NULL, NULL, &model, &error),
                     RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "vectors=FILE"));
    assert_int_equal(recs_train(dataset, "content(vectors=/nonexistent.npy)", NULL, NULL, &model,
                                &error), RECS_ERR_NOT_FOUND);
    assert_int_equal(recs_description_check("content(vectors=\"x)", NULL, NULL, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_description_check("content(vectors=)", NULL, NULL, &error),
                     RECS_ERR_ARGUMENT);
    write_vectors("i07,1,1,1\n");
    assert_int_equal(train(dataset, "", &model, &error), RECS_ERR_DATA);
    assert_non_null(strstr(error.text, "two vectors of \"i07\""));
    write_vectors("i05,0,0,0\n");
    recs_status status = train(dataset, "", &model, &error);
    if (status == RECS_OK) /* i05 may not be in the log */
        recs_model_release(model);
    else
        assert_non_null(strstr(error.text, "i05"));
    made_ok(train(dataset, ", zero=skip", &model, &error), &error);
    recs_model_release(model);
    tmp_write(&folder, "vectors with space.csv", "a,1\nb,2\n", 8, path);
    assert_int_equal(train(dataset, "", &model, &error), RECS_ERR_DATA);
    assert_non_null(strstr(error.text, "none of its 2 ids"));
    recs_dataset_destroy(dataset);
}

static void test_no_memory(void **state) {
    (void)state;
    recs_dataset *dataset = made_log(10, 12, 3, 0, 3);
    char text[TMP_PATH_MAX + 64];
    write_vectors("");
    snprintf(text, sizeof text, "content(vectors=\"%s\", storage=int8)", path);
    fault_host faults;
    fault_host_init(&faults);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_model *model = NULL;
        if (fault_passed(&faults, recs_train(dataset, text, NULL, &faults.host, &model, &error),
                         &error))
            recs_model_release(model);
    }
    fault_host_done(&faults);
    recs_dataset_destroy(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
    };
    tmp_make(&folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tmp_remove(&folder);
    return failed;
}
