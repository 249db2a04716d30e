/* test_split.c - cutting a log in two. */
#include "support/data.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"
#include "train/dataset.h"

#include <stdio.h>
#include <stdlib.h>
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

static recs_dataset *dataset_of(const char *log, const char *items) {
    char path[TMP_PATH_MAX];
    recs_dataset *d = NULL;
    recs_error error = {0};
    assert_int_equal(recs_dataset_create(&d, NULL, &error), RECS_OK);
    tmp_write(&folder, "log.csv", log, strlen(log), path);
    if (recs_dataset_read(d, path, &error) != RECS_OK)
        fail_msg("%s", error.text);
    if (items != NULL) {
        tmp_write(&folder, "items.csv", items, strlen(items), path);
        if (recs_dataset_read_items(d, path, &error) != RECS_OK)
            fail_msg("%s", error.text);
    }
    return d;
}

/* "user:item user:item …" in the log's order. */
static void flatten(const recs_dataset *d, char *out) {
    size_t used = 0;
    out[0] = '\0';
    for (uint64_t e = 0; e < d->log.count; e++)
        used += (size_t)sprintf(
            out + used, "%s%s:%s", e ? " " : "",
            d->log.users[e] == RECS_NO_ROW ? "" : recs__intern_text(&d->users, d->log.users[e], NULL),
            recs__intern_text(&d->items, d->log.items[e], NULL));
}

static void expect(const recs_dataset *d, const char *how, const char *train_wanted,
                   const char *test_wanted) {
    char text[4096];
    recs_dataset *train, *test;
    recs_error error = {0};
    if (recs_dataset_split(d, how, 7, &train, &test, &error) != RECS_OK)
        fail_msg("%s", error.text);
    flatten(train, text);
    assert_string_equal(text, train_wanted);
    flatten(test, text);
    assert_string_equal(text, test_wanted);
    recs_dataset_destroy(train);
    recs_dataset_destroy(test);
}

static const char small[] = "user,item,time,session\n"
                            "u,a,2020-01-01,\nu,b,2020-01-05,\nv,a,2020-01-02,\n,c,2020-01-06,s\n"
                            "u,c,2020-01-03,\nu,a,2020-01-04,\n";

static void test_by_time(void **state) {
    (void)state;
    recs_dataset *d = dataset_of(small, NULL);
    expect(d, "time:2020-01-04", "u:a v:a u:c", "u:b :c u:a");
    expect(d, "time:0.5", "u:a v:a u:c", "u:b :c u:a");
    expect(d, NULL, "u:a v:a u:c u:a", "u:b :c"); /* four fifths of six */
    expect(d, "time:2030-01-01", "u:a u:b v:a :c u:c u:a", "");
    recs_dataset_destroy(d);
}

static void test_by_last(void **state) {
    (void)state;
    recs_dataset *d = dataset_of(small, NULL);
    /* v has one item only; all events of an item go together; guests stay. */
    expect(d, "last:1", "u:a v:a :c u:c u:a", "u:b");
    expect(d, "last:2", "v:a :c u:c", "u:a u:b u:a");
    expect(d, "last:3", "u:a u:b v:a :c u:c u:a", "");
    recs_dataset_destroy(d);
    d = dataset_of("user,item\nu,a\nu,b\nu,c\n", NULL); /* no times: the log's order */
    expect(d, "last:1", "u:a u:b", "u:c");
    recs_dataset_destroy(d);
}

static void test_by_first(void **state) {
    (void)state;
    recs_dataset *d = dataset_of(small, NULL);
    /* An item counts from its first event on; v has one item only. */
    expect(d, "first:1", "u:a v:a :c u:a", "u:b u:c");
    expect(d, "first:2", "u:a v:a :c u:c u:a", "u:b");
    expect(d, "first:3", "u:a u:b v:a :c u:c u:a", "");
    recs_dataset_destroy(d);
    d = dataset_of("user,item\nu,a\nu,b\nu,c\n", NULL);
    expect(d, "first:1", "u:a", "u:b u:c");
    recs_dataset_destroy(d);
}

/* Whole users, as many as asked for, whatever the order of the log. */
static void test_by_users(void **state) {
    (void)state;
    static const char *const hows[] = {"users:0.25", "users:5"};
    char log[4000], back[4000], first[4000], text[4000];
    size_t size = (size_t)sprintf(log, "user,item,session\n"), back_size = size;
    strcpy(back, log);
    for (int u = 0; u < 20; u++) {
        size += (size_t)sprintf(log + size, "u%d,a,\nu%d,b,\n", u, u);
        back_size += (size_t)sprintf(back + back_size, "u%d,b,\nu%d,a,\n", 19 - u, 19 - u);
    }
    sprintf(log + size, ",g,s\n");
    recs_dataset *d = dataset_of(log, NULL), *other = dataset_of(back, NULL), *train, *test;
    recs_error error = {0};
    for (int h = 0; h < 2; h++) {
        assert_int_equal(recs_dataset_split(d, hows[h], 3, &train, &test, &error), RECS_OK);
        assert_int_equal(test->log.count, 10);
        assert_int_equal(test->users.count, 5);
        assert_int_equal(train->log.count, 31); /* guests stay in train */
        flatten(test, h == 0 ? first : text);
        recs_dataset_destroy(train);
        recs_dataset_destroy(test);
    }
    assert_string_equal(first, text);
    assert_int_equal(recs_dataset_split(other, "users:5", 3, &train, &test, &error), RECS_OK);
    for (uint32_t u = 0; u < test->users.count; u++) {
        snprintf(text, sizeof text, "%s:a", recs__intern_text(&test->users, u, NULL));
        assert_non_null(strstr(first, text));
    }
    recs_dataset_destroy(train);
    recs_dataset_destroy(test);
    assert_int_equal(recs_dataset_split(d, "users:20", 3, &train, &test, &error), RECS_ERR_DATA);
    assert_int_equal(recs_dataset_split(d, "users:0.001", 3, &train, &test, &error), RECS_ERR_DATA);
    assert_null(train);
    recs_dataset_destroy(d);
    recs_dataset_destroy(other);
}

static void test_by_chance(void **state) {
    (void)state;
    char log[20000], first[20000], second[20000];
    size_t size = (size_t)sprintf(log, "user,item\n");
    for (int u = 0; u < 20; u++)
        for (int i = 0; i < 10; i++)
            size += (size_t)sprintf(log + size, "u%d,i%d\n", u, (i * 7 + u) % 40);
    recs_dataset *d = dataset_of(log, NULL), *train, *test;
    recs_error error = {0};
    for (uint64_t seed = 1; seed <= 2; seed++) {
        assert_int_equal(recs_dataset_split(d, "random:0.3", seed, &train, &test, &error),
                         RECS_OK);
        assert_int_equal(test->log.count, 60); /* three of each user's ten */
        assert_int_equal(train->log.count, 140);
        flatten(test, seed == 1 ? first : second);
        recs_dataset_destroy(train);
        recs_dataset_destroy(test);
    }
    assert_string_not_equal(first, second);
    assert_int_equal(recs_dataset_split(d, "random:0.3", 1, &train, &test, &error), RECS_OK);
    flatten(test, second);
    assert_string_equal(first, second);
    recs_dataset_destroy(train);
    recs_dataset_destroy(test);
    recs_dataset_destroy(d);
}

static void test_parts(void **state) {
    (void)state;
    recs_dataset *train, *test;
    recs_error error = {0};
    size_t size;
    recs_dataset *d = dataset_of("user,item,time,rating,title\nu,a,2020-01-01,5,Ay\n"
                                 "u,b,2020-01-02,4,Bee\nw,q,2020-01-02,3,Queue\n",
                                 "id,price\nb,2\nz,9\n");
    recs_dataset_set(d, "positive", "3.5", &error);
    recs_dataset_set(d, "timezone", "+01:00", &error);
    recs_dataset_set(d, "drop_items", "x", &error); /* refused: there are rows */
    assert_int_equal(recs_dataset_split(d, "time:2020-01-02", 0, &train, &test, &error), RECS_OK);
    /* q is only in the test part, so a model of the train part knows it not;
     * b and z are of the catalogue. */
    assert_int_equal(train->items.count, 3);
    assert_int_equal(recs__intern_find(&train->items, "q", 1), RECS_NO_ROW);
    assert_int_equal(train->users.count, 1);
    assert_int_equal(test->items.count, 3);
    assert_int_equal(test->users.count, 2);
    uint32_t b = recs__intern_find(&train->items, "b", 1);
    const recs__catalogue_column *price = recs__catalogue_find(&train->catalogue, "price");
    assert_non_null(price);
    assert_true(((const double *)price->values)[b] == 2.0);
    assert_string_equal(recs__dataset_item_title(test, 0, &size), "Bee");
    assert_true(train->settings.values.positive_given && train->settings.values.positive == 3.5);
    assert_string_equal(train->settings.timezone, "+01:00");
    assert_int_equal(recs__dataset_default_type(train), RECS_EVENT_RATING);
    assert_true(test->figures.lowest == 3.0 && test->figures.highest == 4.0);
    recs_dataset_destroy(d); /* the parts live on */
    assert_non_null(recs_dataset_report(train));
    recs_dataset_destroy(train);
    recs_dataset_destroy(test);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"half", "time:", "time:soon", "time:1.5", "last:0", "last:x",
                                      "random:0", "random:1", "random:nan", "first:0", "first:",
                                      "users:0", "users:1.5", "users:-1", "users:x"};
    recs_dataset *d = dataset_of("user,item\nu,a\nu,b\n", NULL), *train, *test;
    recs_error error = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        recs_status status = recs_dataset_split(d, bad[i], 0, &train, &test, &error);
        if (status != RECS_ERR_ARGUMENT && strcmp(bad[i], "time:1.5") != 0)
            fail_msg("%s: status %d", bad[i], (int)status);
        assert_null(train);
        assert_null(test);
    }
    assert_int_equal(recs_dataset_split(d, "time:0.5", 0, &train, &test, &error), RECS_ERR_STATE);
    recs_dataset_destroy(d);
}

static void test_memory(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    fault_host faults;
    tmp_write(&folder, "m.csv", small, strlen(small), path);
    static const char *const hows[] = {"time:0.5", "last:1", "first:1", "users:0.5"};
    for (int h = 0; h < 4; h++)
        FAULT_LOOP(faults) {
            recs_error error = {0};
            recs_dataset *d = NULL, *train = NULL, *test = NULL;
            fault_off(&faults);
            assert_int_equal(recs_dataset_create(&d, &faults.host, &error), RECS_OK);
            assert_int_equal(recs_dataset_read(d, path, &error), RECS_OK);
            fault_on(&faults);
            if (fault_passed(&faults, recs_dataset_split(d, hows[h], 0, &train, &test, &error),
                             &error)) {
                recs_dataset_destroy(train);
                recs_dataset_destroy(test);
            } else {
                assert_null(train);
                assert_null(test);
            }
            recs_dataset_destroy(d);
        }
}

/* The global cut of the Online Retail log, before anything is netted. */
static void test_online_retail(void **state) {
    (void)state;
    char path[DATA_PATH_MAX];
    DATA_OR_SKIP("online-retail/online_retail.csv.zst", path);
    recs_error error = {0};
    recs_dataset *d, *train, *test;
    assert_int_equal(recs_dataset_create(&d, NULL, &error), RECS_OK);
    assert_int_equal(recs_dataset_read(d, path, &error), RECS_OK);
    assert_int_equal(recs_dataset_split(d, "time:2011-10-01", 0, &train, &test, &error), RECS_OK);
    assert_int_equal(train->log.count + test->log.count, 541909);
    int64_t cut = INT64_C(1317427200000);
    for (uint64_t e = 0; e < train->log.count; e++)
        assert_true(train->log.times[e] < cut);
    for (uint64_t e = 0; e < test->log.count; e++)
        assert_true(test->log.times[e] >= cut);
    recs_dataset_destroy(d);
    recs_dataset_destroy(train);
    recs_dataset_destroy(test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_time), cmocka_unit_test(test_by_last),
        cmocka_unit_test(test_by_first), cmocka_unit_test(test_by_users),
        cmocka_unit_test(test_by_chance), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_online_retail),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
