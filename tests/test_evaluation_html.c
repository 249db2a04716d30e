/* test_evaluation_html.c - the report and the tables as files: whole or not at
 * all, names escaped, nothing from elsewhere. */
#include "recs/train.h"

#include "support/fault_host.h"
#include "support/made_log.h"
#include "support/test.h"
#include "support/tmp.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define HOSTILE_ESCAPED \
    "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quoted&quot;\n name"

static tmp_folder folder;
static recs_evaluation *evaluation;

static const char hostile[] = "<script>alert('x')</script> & \"quoted\"\n\tname";

static int prepare(void **state) {
    (void)state;
    recs_error error = {0};
    recs_dataset *log = made_log(150, 40, 10, 1, 3);
    recs_evaluate_options how = {.struct_size = sizeof how,
                                 .cutoffs = "1,5,20",
                                 .metrics = "all",
                                 .baselines = 1,
                                 .resamples = 100,
                                 .segments = 1,
                                 .keep_users = 1};
    tmp_make(&folder);
    made_ok(recs_benchmark(log, "itemknn(k=2), popular", "random:0.3", &how, NULL, NULL,
                           &evaluation, &error),
            &error);
    recs_compare_options other = {.struct_size = sizeof other, .other = hostile};
    made_ok(recs_evaluation_compare(evaluation, 1, evaluation, 3, &other, &error), &error);
    recs_dataset_destroy(log);
    return 0;
}

static int tidy(void **state) {
    (void)state;
    recs_evaluation_destroy(evaluation);
    tmp_remove(&folder);
    return 0;
}

static size_t times(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

static void test_html(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    tmp_path(&folder, "report.html", path);
    made_ok(recs_evaluation_write_html(evaluation, hostile, path, &error), &error);
    char *html = tmp_read(path, NULL);
    static const char *const there[] = {"<!DOCTYPE html>", "recall by length of the list",
                                        "recall@20 by user activity",
                                        "ndcg@20 by popularity of the test items",
                                        "Compared on the same users", "How it was measured",
                                        "prefers-color-scheme:dark", "recall@k = hits / |test|",
                                        HOSTILE_ESCAPED, "</html>"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (!strstr(html, there[i]))
            fail_msg("no '%s' in the report", there[i]);
    static const char *const not_there[] = {"<script", "http:", "https:", "src=", "url(", "@import",
                                            "<link", "nan", "inf<"};
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
        if (strstr(html, not_there[i]))
            fail_msg("'%s' in the report", not_there[i]);
    assert_int_equal(times(html, "<svg"), times(html, "</svg>"));
    assert_int_equal(times(html, "<table"), times(html, "</table>"));
    assert_int_equal(times(html, "<tr"), times(html, "</tr>"));
    assert_int_equal(times(html, "<td"), times(html, "</td>"));
    assert_true(times(html, "<svg") >= 8);
    free(html);
}

static void test_csv(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    tmp_path(&folder, "figures.csv", path);
    made_ok(recs_evaluation_write_csv(evaluation, path, &error), &error);
    char *csv = tmp_read(path, NULL);
    assert_true(strncmp(csv, "kind,segment,users,system,metric,cutoff,value,low,high,p\n", 57) == 0);
    assert_non_null(strstr(csv, "\nall,,"));
    assert_non_null(strstr(csv, ",itemknn+fill,ndcg,20,0."));
    assert_non_null(strstr(csv, "\nitems,tail,"));
    assert_non_null(strstr(csv, "\"\"quoted\"\""));
    free(csv);
    tmp_path(&folder, "users.csv", path);
    made_ok(recs_evaluation_write_users(evaluation, path, &error), &error);
    csv = tmp_read(path, NULL);
    assert_true(strncmp(csv, "user,history,test,system,recall@1,", 34) == 0);
    assert_null(strstr(csv, "coverage"));
    assert_int_equal(times(csv, "\n"),
                     1 + recs_evaluation_users(evaluation) * recs_evaluation_rows(evaluation));
    free(csv);
}

/* A locale with a comma changes no byte; a folder that is not there is an error. */
static void test_locale_and_bad_paths(void **state) {
    (void)state;
    char path[TMP_PATH_MAX], other[TMP_PATH_MAX];
    recs_error error = {0};
    tmp_path(&folder, "a.csv", path);
    tmp_path(&folder, "b.csv", other);
    made_ok(recs_evaluation_write_csv(evaluation, path, &error), &error);
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") || setlocale(LC_NUMERIC, "fr_FR.UTF-8")) {
        made_ok(recs_evaluation_write_csv(evaluation, other, &error), &error);
        char *a = tmp_read(path, NULL), *b = tmp_read(other, NULL);
        assert_string_equal(a, b);
        free(a);
        free(b);
        setlocale(LC_NUMERIC, "C");
    }
    size_t before = tmp_count(&folder);
    tmp_path(&folder, "no/such/folder.html", path);
    assert_int_equal(recs_evaluation_write_html(evaluation, NULL, path, &error),
                     RECS_ERR_NOT_FOUND);
    assert_int_equal(recs_evaluation_write_csv(evaluation, path, &error), RECS_ERR_NOT_FOUND);
    assert_int_equal(recs_evaluation_write_users(evaluation, path, &error), RECS_ERR_NOT_FOUND);
    assert_int_equal(tmp_count(&folder), before);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    recs_error error = {0};
    recs_dataset *log = made_log(20, 12, 3, 1, 2), *train, *test;
    recs_model *model;
    char path[TMP_PATH_MAX];
    tmp_path(&folder, "fault.html", path);
    made_ok(recs_dataset_split(log, "random:0.3", 1, &train, &test, &error), &error);
    made_ok(recs_train(train, "popular", NULL, NULL, &model, &error), &error);
    size_t before = tmp_count(&folder);
    FAULT_LOOP(faults) {
        recs_evaluate_options how = {.struct_size = sizeof how, .keep_users = 1, .segments = 1};
        recs_evaluation *e = NULL;
        memset(&error, 0, sizeof error);
        fault_off(&faults);
        made_ok(recs_evaluate(model, test, &how, &faults.host, &e, &error), &error);
        fault_on(&faults);
        if (fault_passed(&faults, recs_evaluation_write_html(e, "t", path, &error), &error) &&
            fault_passed(&faults, recs_evaluation_write_csv(e, path, &error), &error))
            fault_passed(&faults, recs_evaluation_write_users(e, path, &error), &error);
        recs_evaluation_destroy(e);
    }
    assert_int_equal(tmp_count(&folder), before + 1);
    recs_model_release(model);
    recs_dataset_destroy(log);
    recs_dataset_destroy(train);
    recs_dataset_destroy(test);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_html), cmocka_unit_test(test_csv),
                                       cmocka_unit_test(test_locale_and_bad_paths),
                                       cmocka_unit_test(test_out_of_memory)};
    return cmocka_run_group_tests(tests, prepare, tidy);
}
