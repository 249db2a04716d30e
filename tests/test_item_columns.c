/* test_item_columns.c - catalogues: types, names, several files, dirt. */
#include "train/item_columns.h"

#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"
#include "train/dataset.h"

#include <stdio.h>
#include <string.h>

static tmp_folder folder;

static int prepare(void **state) {
    (void)state;
    tmp_make(&folder);
    return 0;
}

static int tidy(void **state) {
    (void)state;
    tmp_remove(&folder);
    return 0;
}

static recs_dataset *create(const recs_host *host) {
    recs_dataset *dataset = NULL;
    assert_int_equal(recs_dataset_create(&dataset, host, NULL), RECS_OK);
    return dataset;
}

static recs_status read_items(recs_dataset *dataset, const char *text, recs_error *error) {
    char path[TMP_PATH_MAX];
    tmp_write(&folder, "items.csv", text, strlen(text), path);
    return recs_dataset_read_items(dataset, path, error);
}

static void read_good(recs_dataset *dataset, const char *text) {
    recs_error error = {0};
    if (read_items(dataset, text, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static uint32_t item(const recs_dataset *d, const char *id) {
    uint32_t number = recs__intern_find(&d->items, id, strlen(id));
    if (number == RECS_NO_ROW)
        fail_msg("no item %s", id);
    return number;
}

static const recs__catalogue_column *column(const recs_dataset *d, const char *name,
                                            int32_t type) {
    const recs__catalogue_column *found = recs__catalogue_find(&d->catalogue, name);
    if (found == NULL || found->type != type)
        fail_msg("column %s: %s", name, found ? "of another type" : "not there");
    return found;
}

static const char *text_of(const recs_dataset *d, const char *name, const char *id) {
    size_t size;
    return recs__catalogue_text(&d->catalogue, column(d, name, RECS_COLUMN_TEXT), item(d, id),
                                &size);
}

static double number_of(const recs_dataset *d, const char *name, const char *id) {
    return ((const double *)column(d, name, RECS_COLUMN_NUMBER)->values)[item(d, id)];
}

static int flag_of(const recs_dataset *d, const char *name, const char *id) {
    return ((const int8_t *)column(d, name, RECS_COLUMN_FLAG)->values)[item(d, id)];
}

static int64_t time_of(const recs_dataset *d, const char *name, const char *id) {
    return ((const int64_t *)column(d, name, RECS_COLUMN_TIME)->values)[item(d, id)];
}

static void test_types(void **state) {
    (void)state;
    size_t size;
    recs_dataset *d = create(NULL);
    read_good(d, "sku,product_name,group_id,category,brand,price,in_stock,created_at,grams,organic,"
                 "ean,colour,seen\n"
                 "a,Apple,g1,fruit,Acme,1.5,yes,2020-01-01,100,true,0012,red,2020-02-01\n"
                 "b,Bread,,bakery,Acme,2,0,,250,false,0013,,\n"
                 "c,,g1,fruit,,,5,2021-01-01,,,,green,2020-02-02T10:00:00Z\n");
    assert_int_equal(d->items.count, 3);
    assert_int_equal(recs_dataset_count(d, "item_rows"), 3);
    assert_int_equal(recs_dataset_count(d, "item_columns"), 11);
    assert_string_equal(recs__dataset_item_title(d, item(d, "a"), &size), "Apple");
    assert_null(recs__dataset_item_title(d, item(d, "c"), &size));
    assert_string_equal(text_of(d, "group", "a"), "g1");
    assert_null(text_of(d, "group", "b"));
    assert_string_equal(text_of(d, "category", "b"), "bakery");
    assert_true(number_of(d, "price", "a") == 1.5 && number_of(d, "grams", "b") == 250.0);
    assert_true(number_of(d, "price", "c") != number_of(d, "price", "c"));
    assert_int_equal(flag_of(d, "available", "a"), 1);
    assert_int_equal(flag_of(d, "available", "b"), 0);
    assert_int_equal(flag_of(d, "available", "c"), 1); /* five pieces in stock */
    assert_int_equal(flag_of(d, "organic", "b"), 0);
    assert_int_equal(flag_of(d, "organic", "c"), -1);
    assert_true(time_of(d, "created", "a") == INT64_C(1577836800000));
    assert_true(time_of(d, "created", "b") == RECS_NO_TIME);
    assert_true(time_of(d, "seen", "a") == INT64_C(1580515200000));
    assert_string_equal(text_of(d, "ean", "a"), "0012"); /* a code, not a number */
    assert_string_equal(text_of(d, "colour", "c"), "green");
    assert_non_null(strstr(recs_dataset_report(d), "id = sku, title = product_name"));
    recs_dataset_destroy(d);
}

static void test_given(void **state) {
    (void)state;
    recs_error error = {0};
    size_t size;
    recs_dataset *d = create(NULL);
    recs_dataset_set(d, "item_columns",
                     "id=code,title=label,weight=grams:number,shelf:text,note:none,price=cost",
                     &error);
    read_good(d, "code,label,grams,shelf,note,cost\nx,Ex,12,7,secret,3\n");
    assert_string_equal(recs__dataset_item_title(d, item(d, "x"), &size), "Ex");
    assert_true(number_of(d, "weight", "x") == 12.0);
    assert_string_equal(text_of(d, "shelf", "x"), "7");
    assert_true(number_of(d, "price", "x") == 3.0);
    assert_null(recs__catalogue_find(&d->catalogue, "note"));
    static const char *const bad[] = {"id=nothing", "code:colour", "weight=grams:", "missing:text"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        recs_dataset_set(d, "item_columns", bad[i], &error);
        recs_status status = read_items(d, "code,label,grams\ny,Y,1\n", &error);
        assert_true(status == RECS_ERR_DATA || status == RECS_ERR_ARGUMENT);
    }
    assert_int_equal(d->items.count, 1);
    recs_dataset_destroy(d);
}

static void test_several(void **state) {
    (void)state;
    recs_error error = {0};
    char path[TMP_PATH_MAX];
    recs_dataset *d = create(NULL);
    static const char log[] = "user,item\nu,b\nu,z\n";
    tmp_write(&folder, "log.csv", log, strlen(log), path);
    assert_int_equal(recs_dataset_read(d, path, &error), RECS_OK);
    read_good(d, "id,price,brand\na,1,Acme\nb,2,Best\n");
    read_good(d, "id,price,size\nb,3,L\nc,4,M\n");
    assert_int_equal(d->items.count, 4);
    assert_true(number_of(d, "price", "a") == 1.0 && number_of(d, "price", "b") == 3.0);
    assert_string_equal(text_of(d, "brand", "b"), "Best");
    assert_string_equal(text_of(d, "size", "c"), "M");
    assert_null(text_of(d, "size", "a"));
    assert_true(d->catalogue.listed[item(d, "a")] && !d->catalogue.listed[item(d, "z")]);
    /* A column cannot change its type; all stays as it was. */
    assert_int_equal(read_items(d, "id,size\nq,5\n", &error), RECS_ERR_DATA);
    assert_non_null(strstr(error.text, "size"));
    assert_int_equal(d->items.count, 4);
    recs_dataset_destroy(d);
}

static void test_dirt(void **state) {
    (void)state;
    recs_error error = {0};
    static const char text[] = "id,title,price,created\n"
                               "a,Apple,cheap,2020-01-01\n"
                               "a,Again,1,2020-01-01\n"
                               ",None,1,\n"
                               "b,B\xFF,2\n"
                               "c,C\xFF,nan,soon\n";
    recs_dataset *d = create(NULL);
    read_good(d, text);
    assert_int_equal(d->items.count, 2);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_TWICE], 1);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_ITEM], 1);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_FIELDS], 1);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_TITLE], 1);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_NUMBER], 2);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_TIME], 1);
    size_t size;
    assert_string_equal(recs__dataset_item_title(d, item(d, "a"), &size), "Apple");
    recs_dataset_destroy(d);
    d = create(NULL);
    recs_dataset_set(d, "strict", "yes", &error);
    assert_int_equal(read_items(d, text, &error), RECS_ERR_DATA);
    assert_non_null(strstr(error.text, "line 3"));
    assert_int_equal(d->items.count, 0);
    assert_int_equal(recs__problems_total(&d->problems), 0);
    assert_int_equal(read_items(d, "", &error), RECS_ERR_DATA);
    assert_int_equal(read_items(d, "colour\nred\n", &error), RECS_ERR_DATA);
    assert_int_equal(read_items(d, "id\n", &error), RECS_ERR_DATA);
    d->limit = 1;
    assert_int_equal(read_items(d, "id\na\nb\n", &error), RECS_ERR_LIMIT);
    assert_int_equal(d->items.count, 0);
    recs_dataset_destroy(d);
}

static void test_memory(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    fault_host faults;
    static const char text[] = "id,title,price,available,colour\na,A,1,yes,red\nb,B,2,no,blue\n";
    tmp_write(&folder, "m.csv", text, strlen(text), path);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        fault_off(&faults);
        recs_dataset *d = create(&faults.host);
        fault_on(&faults);
        bool passed = fault_passed(&faults, recs_dataset_read_items(d, path, &error), &error);
        fault_off(&faults);
        assert_int_equal(d->items.count, passed ? 2 : 0);
        assert_int_equal(d->catalogue.column_count, passed ? 3 : 0);
        recs_dataset_destroy(d);
        fault_on(&faults);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),   cmocka_unit_test(test_given),
        cmocka_unit_test(test_several), cmocka_unit_test(test_dirt),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
