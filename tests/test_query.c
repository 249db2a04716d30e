/* Tests of src/recommend/query.c: what setters refuse, remember and keep. */
#include "support/test.h"

#include "recs/query.h"
#include "recs/recommend.h"
#include "support/fault_host.h"
#include "support/sample_model.h"

#include <math.h>
#include <string.h>

static recs_model *model;
static recs_query *query;
static recs_error error;

static int setup(void **state) {
    (void)state;
    assert_int_equal(recs_test_sample_model(&model, NULL, &error), RECS_OK);
    return recs_query_create(&query, NULL, &error) != RECS_OK;
}

static int teardown(void **state) {
    (void)state;
    recs_query_destroy(query);
    recs_query_destroy(NULL);
    recs_model_release(model);
    return 0;
}

/* The setter just failed with status: the verbs do, too, until a reset. */
static void refused(recs_status status, recs_status expected, const char *words) {
    float score;
    assert_int_equal(status, expected);
    recs_query_limit(query, 3); /* a later good one does not hide it */
    assert_int_equal(recs_recommend(model, query, &error), expected);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    assert_int_equal(recs_score(model, query, "axe", &score, &error), expected);
    assert_int_equal(recs_query_count(query), 0);
    recs_query_reset(query);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
}

static void bad_ids_are_named(void **state) {
    (void)state;
    char longest[514];
    memset(longest, 'x', sizeof longest);
    longest[512] = '\0';
    refused(recs_query_user(query, longest), RECS_ERR_ARGUMENT, "user");
    refused(recs_query_user(query, ""), RECS_ERR_ARGUMENT, "empty");
    refused(recs_query_user(query, NULL), RECS_ERR_ARGUMENT, "NULL");
    refused(recs_query_item(query, "\xff"), RECS_ERR_ARGUMENT, "UTF-8");
    refused(recs_query_component(query, longest), RECS_ERR_ARGUMENT, "component");
    refused(recs_query_deny(query, longest), RECS_ERR_ARGUMENT, "deny");
    refused(recs_query_allow(query, "\xc0\x80"), RECS_ERR_ARGUMENT, "allow");
    refused(recs_query_history(query, "", 1.0f, 0), RECS_ERR_ARGUMENT, "history");
    refused(recs_query_dislike(query, NULL, 1.0f), RECS_ERR_ARGUMENT, "dislike");
    longest[511] = '\0';
    assert_int_equal(recs_query_deny(query, longest), RECS_OK);
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    assert_int_equal(recs_query_ignored(query), 1);
    recs_query_reset(query);
}

static void bad_numbers_are_named(void **state) {
    (void)state;
    refused(recs_query_history(query, "axe", NAN, 0), RECS_ERR_ARGUMENT, "not a number");
    refused(recs_query_history(query, "axe", INFINITY, 0), RECS_ERR_ARGUMENT, "infinite");
    refused(recs_query_dislike(query, "axe", 0.0f), RECS_ERR_ARGUMENT, "dislike weight is 0");
    refused(recs_query_dislike(query, "axe", -1.0f), RECS_ERR_ARGUMENT, "-1");
    refused(recs_query_dislike(query, "axe", NAN), RECS_ERR_ARGUMENT, "dislike weight");
    refused(recs_query_limit(query, (size_t)INT32_MAX + 1), RECS_ERR_ARGUMENT, "2147483648");
    refused(recs_query_append_history(query, 2), RECS_ERR_ARGUMENT, "append_history is 2");
    refused(recs_query_evidence_only(query, -1), RECS_ERR_ARGUMENT, "evidence_only");
    refused(recs_query_include_unavailable(query, 7), RECS_ERR_ARGUMENT, "7");
}

static void bad_columns_name_the_entry_and_change_nothing(void **state) {
    (void)state;
    static const uint32_t offsets[] = {0, 3, 7, 10}, backwards[] = {0, 3, 2, 10};
    static const float weights[] = {1.0f, 2.0f, NAN};
    static const uint32_t rows[] = {1, UINT32_MAX};
    refused(recs_query_history_packed(query, "axebeercup", offsets, weights, NULL, 3),
            RECS_ERR_ARGUMENT, "entry 2");
    refused(recs_query_history_packed(query, "axebeercup", backwards, NULL, NULL, 3),
            RECS_ERR_ARGUMENT, "entry 1");
    refused(recs_query_history_packed(query, "axe\xff\xff\xff\xff" "cup", offsets, NULL, NULL, 3),
            RECS_ERR_ARGUMENT, "entry 1");
    refused(recs_query_history_packed(query, NULL, NULL, NULL, NULL, 3), RECS_ERR_ARGUMENT,
            "offsets");
    refused(recs_query_history_rows(query, rows, NULL, NULL, 2), RECS_ERR_ARGUMENT, "entry 1");
    refused(recs_query_history_rows(query, NULL, NULL, NULL, 2), RECS_ERR_ARGUMENT, "NULL");
    refused(recs_query_deny_rows(query, rows, 2), RECS_ERR_ARGUMENT, "deny entry 1");
    refused(recs_query_allow_rows(query, NULL, 2), RECS_ERR_ARGUMENT, "allow rows");
    refused(recs_query_history_rows(query, rows, NULL, NULL, ((size_t)1 << 20) + 1),
            RECS_ERR_LIMIT, "1048576");
}

static void packed_history_is_the_history(void **state) {
    (void)state;
    static const uint32_t offsets[] = {4, 7, 11, 14}, rows[] = {0, 1, 2};
    static const float weights[] = {1.0f, 2.0f, 0.5f};
    uint32_t shown[3][8];
    for (int form = 0; form < 3; form++) {
        recs_query_reset(query);
        if (form == 0) {
            recs_query_history(query, "axe", 1.0f, RECS_NO_TIME);
            recs_query_history(query, "beer", 2.0f, RECS_NO_TIME);
            recs_query_history(query, "cup", 0.5f, RECS_NO_TIME);
        } else if (form == 1) {
            recs_query_history_packed(query, "----axebeercup", offsets, weights, NULL, 3);
        } else {
            recs_query_history_rows(query, rows, weights, NULL, 3);
        }
        assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
        assert_int_equal(recs_query_count(query), 4);
        memcpy(shown[form], recs_query_rows(query), 4 * sizeof(uint32_t));
    }
    assert_memory_equal(shown[0], shown[1], 4 * sizeof(uint32_t));
    assert_memory_equal(shown[0], shown[2], 4 * sizeof(uint32_t));
}

static void answers_are_read_by_index_and_by_column(void **state) {
    (void)state;
    const uint32_t *offsets;
    recs_query_reset(query);
    assert_null(recs_query_rows(query));
    assert_null(recs_query_scores(query));
    assert_null(recs_query_ids(query, &offsets));
    assert_null(offsets);
    recs_query_user(query, "ann");
    assert_int_equal(recs_recommend(model, query, &error), RECS_OK);
    size_t count = recs_query_count(query);
    const char *bytes = recs_query_ids(query, &offsets);
    assert_int_equal(offsets[0], 0);
    for (size_t i = 0; i < count; i++) {
        const char *id = recs_query_id(query, i);
        assert_int_equal(strlen(id), offsets[i + 1] - offsets[i]);
        assert_memory_equal(id, bytes + offsets[i], strlen(id));
        assert_int_equal(recs_query_rows(query)[i], recs_query_row(query, i));
        assert_true(recs_query_scores(query)[i] == recs_query_score(query, i));
        assert_string_equal(id, recs_model_item_id(model, recs_query_row(query, i)));
    }
    assert_null(recs_query_id(query, count));
    assert_int_equal(recs_query_row(query, count), RECS_NO_ROW);
    assert_true(recs_query_score(query, count) == 0.0f);
    assert_int_equal(recs_query_source(query, count), -1);

    /* Setters do not disturb the answer, and it outlives the model. */
    recs_query_limit(query, 1);
    recs_query_user(query, "bob");
    assert_int_equal(recs_query_count(query), count);
    assert_true(recs_query_memory(query) > 1000);
}

/* Every setter and verb; the Nth allocation fails. */
static recs_status everything(recs_query *mine, recs_error *failed) {
    static const uint32_t offsets[] = {0, 3, 7}, rows[] = {0, 1, 2, 4, 5, 6};
    float scores[2];
    recs_status status;
    recs_query_user(mine, "ann");
    recs_query_item(mine, "egg");
    recs_query_component(mine, "home");
    recs_query_history(mine, "axe", 1.0f, 5);
    recs_query_history_packed(mine, "axebeer", offsets, NULL, NULL, 2);
    recs_query_append_history(mine, 1);
    recs_query_dislike(mine, "fan", 1.0f);
    recs_query_deny(mine, "gem");
    recs_query_allow(mine, "hat");
    recs_query_allow_rows(mine, rows, 6);
    status = recs_recommend(model, mine, failed);
    if (status == RECS_OK)
        status = recs_explain(model, mine, 0, failed);
    if (status == RECS_OK)
        status = recs_why_not(model, mine, "axe", failed);
    if (status == RECS_OK)
        status = recs_similar(model, mine, failed);
    if (status == RECS_OK)
        status = recs_score_rows(model, mine, rows, 2, scores, failed);
    if (status == RECS_OK)
        status = recs_users(model, mine, failed);
    return status;
}

static void lack_of_memory_is_survived_by_setters_and_verbs(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error failed = {0};
        recs_query *mine = NULL;
        if (!fault_passed(&faults, recs_query_create(&mine, &faults.host, &failed), &failed))
            continue;
        fault_passed(&faults, everything(mine, &failed), &failed);
        fault_off(&faults);
        recs_query_reset(mine);
        assert_int_equal(everything(mine, &failed), RECS_OK);
        recs_query_destroy(mine);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_ids_are_named),
        cmocka_unit_test(bad_numbers_are_named),
        cmocka_unit_test(bad_columns_name_the_entry_and_change_nothing),
        cmocka_unit_test(packed_history_is_the_history),
        cmocka_unit_test(answers_are_read_by_index_and_by_column),
        cmocka_unit_test(lack_of_memory_is_survived_by_setters_and_verbs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
