/* test_dataset.c - reading logs into a dataset: what is used, counted, refused
 * and undone; settings; batches; writing. */
#include "train/dataset.h"

#include "base/random.h"
#include "recs/events.h"
#include "support/data.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

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

static recs_dataset *create(const recs_host *host) {
    recs_dataset *dataset = NULL;
    recs_error error = {0};
    assert_int_equal(recs_dataset_create(&dataset, host, &error), RECS_OK);
    return dataset;
}

static void set(recs_dataset *dataset, const char *name, const char *value) {
    recs_error error = {0};
    if (recs_dataset_set(dataset, name, value, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static recs_status read_text(recs_dataset *dataset, const char *name, const char *text,
                             recs_error *error) {
    char path[TMP_PATH_MAX];
    tmp_write(&folder, name, text, strlen(text), path);
    return recs_dataset_read(dataset, path, error);
}

static void read_good(recs_dataset *dataset, const char *name, const char *text) {
    recs_error error = {0};
    if (read_text(dataset, name, text, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static void expect_count(const recs_dataset *dataset, const char *name, uint64_t wanted) {
    uint64_t got = recs_dataset_count(dataset, name);
    if (got != wanted)
        fail_msg("%s is %llu, expected %llu", name, (unsigned long long)got,
                 (unsigned long long)wanted);
}

static void expect_report(recs_dataset *dataset, const char *says) {
    const char *report = recs_dataset_report(dataset);
    if (strstr(report, says) == NULL)
        fail_msg("\"%s\" is not in:\n%s", says, report);
}

/* ---- formats --------------------------------------------------------------------------- */

static void test_csv(void **state) {
    (void)state;
    recs_dataset *d = create(NULL);
    read_good(d, "a.csv", "user,item,time,type,qty,price,order,city\n"
                          "u1,i1,2020-01-01,buy,2,9.5,o1,Paris\n"
                          "u2,i1,2020-01-02,view,,,,\n"
                          ",i2,2020-01-01,buy,1,1,o2,Rome\n");
    expect_count(d, "rows", 3);
    expect_count(d, "used", 3);
    expect_count(d, "dropped", 0);
    expect_count(d, "users", 2);
    expect_count(d, "items", 2);
    expect_count(d, "baskets", 2);
    expect_count(d, "places", 2);
    expect_count(d, "out_of_order", 1);
    expect_count(d, "no such figure", UINT64_MAX);
    recs__event e = recs__log_get(&d->log, 0);
    assert_true(e.time == INT64_C(1577836800000) && e.quantity == 2.0f && e.price == 9.5f);
    assert_int_equal(e.type, RECS_EVENT_BUY);
    e = recs__log_get(&d->log, 1);
    assert_true(e.quantity == 1.0f && e.price != e.price && e.basket == RECS_NO_ROW);
    e = recs__log_get(&d->log, 2);
    assert_true(e.user == RECS_NO_ROW && e.basket == 1);
    expect_report(d, "user = user, item = item, type = type, time = time, quantity = qty, "
                     "price = price, basket = order, place = city");
    expect_report(d, "2020-01-01T00:00:00Z to 2020-01-02T00:00:00Z, 1 rows earlier");
    recs_dataset_destroy(d);
}

static void test_formats(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
    } logs[] = {{"a.csv", "user,item\nu,i\nu,j\nv,i\n"},
                {"b.tsv", "user\titem\nu\ti\nu\tj\nv\ti\n"},
                {"c.txt", "user\titem\r\nu\ti\r\nu\tj\r\nv\ti\r\n"},
                {"d.txt", "user;item\nu;i\nu;j\nv;i"},
                {"e.csv", "\xEF\xBB\xBFuser,item\n\"u\",i\nu,j\nv,i\n"}};
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        recs_dataset *d = create(NULL);
        read_good(d, logs[i].name, logs[i].text);
        expect_count(d, "events", 3);
        expect_count(d, "users", 2);
        expect_count(d, "items", 2);
        recs_dataset_destroy(d);
    }
    recs_dataset *d = create(NULL);
    read_good(d, "gowalla.txt", "0 5 6 7\n1 5\n2\n3 8 \n");
    expect_count(d, "events", 5);
    expect_count(d, "users", 4);
    expect_count(d, "items", 4);
    expect_report(d, "as lightgcn");
    recs_dataset_destroy(d);
    d = create(NULL);
    set(d, "format", "lightgcn");
    read_good(d, "names", "anna book film\nbert film");
    expect_count(d, "events", 3);
    recs_dataset_destroy(d);
    d = create(NULL);
    set(d, "columns", "user=1,item=2,value=3,time=4");
    set(d, "delimiter", "tab");
    read_good(d, "u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n");
    expect_count(d, "events", 2);
    assert_true(recs__log_get(&d->log, 0).time == INT64_C(881250949000));
    recs_dataset_destroy(d);
}

/* A user with more items than a block of the reader holds. */
static void test_long_line(void **state) {
    (void)state;
    enum { ITEMS = 300000 };
    char *text = malloc(ITEMS * 8 + 16);
    size_t size = (size_t)sprintf(text, "0");
    for (int i = 0; i < ITEMS; i++)
        size += (size_t)sprintf(text + size, " %d", i);
    text[size] = '\0';
    recs_dataset *d = create(NULL);
    read_good(d, "long.txt", text);
    expect_count(d, "events", ITEMS);
    expect_count(d, "users", 1);
    expect_count(d, "items", ITEMS);
    recs_dataset_destroy(d);
    free(text);
}

static void test_dates_by_sample(void **state) {
    (void)state;
    recs_dataset *d = create(NULL);
    read_good(d, "us.csv", "user,item,date\nu,i,12/1/2010 8:26\nu,j,12/31/2010 8:26\n");
    assert_true(recs__log_get(&d->log, 0).time == INT64_C(1291191960000));
    recs_dataset_destroy(d);
    d = create(NULL);
    read_good(d, "eu.csv", "user,item,date\nu,i,1/12/2010 8:26\nu,j,31/12/2010 8:26\n");
    assert_true(recs__log_get(&d->log, 0).time == INT64_C(1291191960000));
    recs_dataset_destroy(d);
    d = create(NULL);
    recs_error error = {0};
    assert_int_equal(read_text(d, "x.csv", "user,item,date\nu,i,1/12/2010\n", &error),
                     RECS_ERR_DATA);
    assert_non_null(strstr(error.text, "dmy or mdy"));
    set(d, "time", "mdy");
    read_good(d, "x.csv", "user,item,date\nu,i,1/12/2010\n");
    set(d, "timezone", "+01:00");
    set(d, "time", "auto");
    read_good(d, "y.csv", "user,item,date\nu,i,1970-01-01 01:00\n");
    assert_true(recs__log_get(&d->log, 1).time == 0);
    recs_dataset_destroy(d);
}

/* ---- rows that cannot be used ------------------------------------------------------------- */

static const char dirty[] = "user,item,time,qty,type,title\n"
                            "u,i,2020-01-01,1,buy,Good\n"
                            "u,i\n"
                            ",i,2020-01-01,1,buy,\n"
                            "u,,2020-01-01,1,buy,\n"
                            "u,i,yesterday,1,buy,\n"
                            "u,i,2020-01-01,nan,buy,\n"
                            "u,i,2020-01-01,inf,buy,\n"
                            "u,i,2020-01-01,1e99,buy,\n"
                            "u,i,2020-01-01,many,buy,\n"
                            "\xFF,i,2020-01-01,1,buy,\n"
                            "u,new\xC0,2020-01-01,1,buy,\n"
                            "v,j,2020-01-01,1,buy,B\xFF" "d\n";

/* Coordinates are a path of cells, above what the place column says. */
static void test_coordinates(void **state) {
    (void)state;
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    set(d, "columns", "latitude=lat,longitude=lon");
    set(d, "cells", "4,9,13");
    read_good(d, "points.csv", "user,item,place,lat,lon\n"
                               "u1,a,fair,40.6892,-74.0445\n"
                               "u2,a,,40.6892,-74.0445\n"
                               "u3,b,fair,,\n"
                               "u4,b,,,\n"
                               "u5,c,x,90.5,0\n"
                               "u6,c,x,0,180.5\n"
                               "u7,c,x,1,\n"
                               "u8,c,x,nan,1\n"
                               "u9,c,x,north,1\n"
                               "u10,d,x,-90,180\n");
    expect_count(d, "used", 5);
    expect_count(d, "problems", 5);
    expect_report(d, "degrees from -90 to 90");
    expect_report(d, "degrees from -180 to 180");
    static const char *const places[] = {"geo/89d/89c2508c/fair", "geo/89d/89c2508c", "fair", NULL,
                                         "geo/b01/b0000004/x"};
    for (uint64_t e = 0; e < 5; e++) {
        uint32_t place = recs__log_get(&d->log, e).place;
        size_t size;
        if (places[e] == NULL) {
            assert_int_equal(place, RECS_NO_ROW);
            continue;
        }
        const char *text = recs__intern_text(&d->places, place, &size);
        assert_int_equal(size, strlen(places[e]));
        assert_memory_equal(text, places[e], size);
    }
    assert_int_equal(recs_dataset_set(d, "cells", "4,3,12", &error), RECS_ERR_STATE);
    recs_dataset_destroy(d);

    d = create(NULL);
    static const char *const bad[] = {"", "4", "4,3", "4,3,13,", "4,0,13", "5,1,4", "0,1,31",
                                      "a,b,c", "4,3,13,2", "-1,3,5", ",,"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(recs_dataset_set(d, "cells", bad[i], &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_dataset_set(d, "columns", "latitude=lat", &error), RECS_ERR_ARGUMENT);
    assert_string_equal(error.text, "columns: latitude without longitude");
    assert_int_equal(recs_dataset_set(d, "columns", "longitude=3,latitude=none", &error),
                     RECS_ERR_ARGUMENT);
    set(d, "columns", "longitude=none,latitude=none");
    read_good(d, "more.csv", "user,item,lat,lon\nu,a,40,-74\n");
    assert_int_equal(recs__log_get(&d->log, 0).place, RECS_NO_ROW);
    recs_dataset_destroy(d);
}

static void test_problems(void **state) {
    (void)state;
    recs_dataset *d = create(NULL);
    read_good(d, "dirty.csv", dirty);
    expect_count(d, "rows", 12);
    expect_count(d, "used", 2);
    expect_count(d, "dropped", 10);
    expect_count(d, "users", 2); /* nothing of a bad row is kept */
    expect_count(d, "items", 2);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_FIELDS], 1);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_USER], 2);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_ITEM], 2);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_TIME], 1);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_NUMBER], 4);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_TITLE], 1);
    expect_report(d, "dirty.csv, line 6, column time: \"yesterday\": expected seconds");
    expect_report(d, "line 7, column qty: \"nan\": expected a number between -1e30 and 1e30");
    expect_report(d, "line 9, column qty: \"1e99\"");
    assert_null(strstr(recs_dataset_report(d), "line 10,")); /* the fourth of its reason */
    recs_dataset_destroy(d);
}

static void test_strict(void **state) {
    (void)state;
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    set(d, "strict", "yes");
    assert_int_equal(read_text(d, "dirty.csv", dirty, &error), RECS_ERR_DATA);
    assert_non_null(strstr(error.text, "dirty.csv, line 3"));
    expect_count(d, "rows", 0);
    expect_count(d, "users", 0);
    recs_dataset_destroy(d);
}

static void test_long_ids(void **state) {
    (void)state;
    char text[4096];
    recs_dataset *d = create(NULL);
    size_t size = (size_t)sprintf(text, "user,item\n");
    for (int extra = 0; extra < 2; extra++) {
        memset(text + size, 'x', (size_t)(RECS_ID_MAX + extra));
        size += (size_t)(RECS_ID_MAX + extra);
        size += (size_t)sprintf(text + size, ",i\n");
    }
    read_good(d, "long.csv", text);
    expect_count(d, "used", 1);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_USER], 1);
    recs_dataset_destroy(d);
}

static void refuse(const char *name, const char *text, recs_status wanted, const char *says) {
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    recs_status status = read_text(d, name, text, &error);
    if (status != wanted || strstr(error.text, says) == NULL)
        fail_msg("status %d, \"%s\", expected %d with \"%s\"", (int)status, error.text,
                 (int)wanted, says);
    expect_count(d, "rows", 0);
    expect_count(d, "events", 0);
    recs_dataset_destroy(d);
}

static void test_refused(void **state) {
    (void)state;
    refuse("empty.csv", "", RECS_ERR_DATA, "is empty");
    refuse("what.csv", "1,2,3\n", RECS_ERR_DATA, "no column is known");
    refuse("bad.csv", "user,item\n,i\n,j\n", RECS_ERR_DATA, "none of the 2 rows");
    refuse("quote.csv", "user,item\nu,i\nu,\"j\n", RECS_ERR_DATA, "line 3");
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    assert_int_equal(recs_dataset_read(d, "/absent/log.csv", &error), RECS_ERR_NOT_FOUND);
    recs_dataset_destroy(d);
}

/* What a failed read leaves: all as it was. */
static void test_undone(void **state) {
    (void)state;
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    read_good(d, "a.csv", "user,item,title\nu,i,\nv,j,Jay\n");
    char *before = strdup(recs_dataset_report(d));
    *strstr(before, "memory:") = '\0'; /* spare room may have grown */
    char text[1024];
    sprintf(text, "user,item,time,qty,price,session,city,title,type\n"
                  "u,i,2020-01-01,3,1,s,c,Eye,wish\nw,k,2020-01-01,3,1,s,c,Kay,wish\nu,\"i");
    assert_int_equal(read_text(d, "b.csv", text, &error), RECS_ERR_DATA);
    assert_memory_equal(recs_dataset_report(d), before, strlen(before));
    assert_int_equal(d->settings.type_count, 0);
    assert_int_equal(recs__log_extras(&d->log), 0);
    size_t size;
    assert_null(recs__dataset_item_title(d, 0, &size));
    assert_string_equal(recs__dataset_item_title(d, 1, &size), "Jay");
    assert_int_equal(recs__intern_find(&d->users, "w", 1), RECS_NO_ROW);
    read_good(d, "c.csv", "user,item,title\nw,i,Eye\n");
    assert_int_equal(recs__intern_find(&d->users, "w", 1), 2);
    assert_string_equal(recs__dataset_item_title(d, 0, &size), "Eye");
    free(before);
    recs_dataset_destroy(d);
}

static void test_limit(void **state) {
    (void)state;
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    d->limit = 3;
    read_good(d, "a.csv", "user,item\na,1\nb,2\nc,3\na,3\n");
    assert_int_equal(read_text(d, "b.csv", "user,item\na,1\na,4\n", &error), RECS_ERR_LIMIT);
    assert_non_null(strstr(error.text, "more than 3 items"));
    assert_int_equal(read_text(d, "b.csv", "user,item\nd,1\n", &error), RECS_ERR_LIMIT);
    expect_count(d, "events", 4);
    expect_count(d, "items", 3);
    recs_dataset_destroy(d);
}

/* ---- filters and titles ----------------------------------------------------------------------- */

static void test_left_out(void **state) {
    (void)state;
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    set(d, "after", "2020-01-02");
    set(d, "before", "2020-01-04");
    set(d, "drop_items", "POST,M");
    read_good(d, "a.csv", "user,item,time\nu,i,2020-01-01\nu,i,2020-01-02\nu,POST,2020-01-03\n"
                          "u,i,2020-01-03T23:59:59Z\nu,i,2020-01-04\nv,M,2020-01-02\n");
    expect_count(d, "used", 2);
    expect_count(d, "outside", 2);
    expect_count(d, "dropped_items", 2);
    expect_count(d, "users", 1);
    expect_count(d, "items", 1);
    assert_int_equal(recs_dataset_set(d, "after", "2019-01-01", &error), RECS_ERR_STATE);
    recs_dataset_destroy(d);
}

static void test_titles(void **state) {
    (void)state;
    size_t size;
    recs_dataset *d = create(NULL);
    read_good(d, "a.csv", "user,item,qty,description\nu,i,-5,damaged\nu,i,1, LAMP \nu,i,1,other\n");
    assert_string_equal(recs__dataset_item_title(d, 0, &size), "LAMP");
    assert_int_equal(size, 4);
    recs_dataset_destroy(d);
}

static void test_settings(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"colour", "red"},       {"format", "xml"},      {"columns", "user"},
        {"delimiter", "ab"},     {"delimiter", "\""},    {"timezone", "Mars"},
        {"time", "noon"},        {"strict", "maybe"},    {"type", ""},
        {"type", "return"},      {"types", "view"},      {"types", "view=-1"},
        {"types", "view=nan"},   {"weight", "cap(0)"},   {"weight", "log2"},
        {"weight", "cap(nan)"},  {"positive", "good"},   {"positive", "inf"},
        {"duplicates", "first"}, {"unit", "items"},      {"users", "some"},
        {"rollup", "yes"},       {"after", "yesterday"}, {"drop_items", "a,,b"},
    };
    recs_dataset *d = create(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        recs_error error = {0};
        recs_status status = recs_dataset_set(d, bad[i][0], bad[i][1], &error);
        if ((status != RECS_ERR_ARGUMENT && status != RECS_ERR_NOT_FOUND) ||
            strstr(error.text, bad[i][0]) == NULL)
            fail_msg("%s=%s: status %d, \"%s\"", bad[i][0], bad[i][1], (int)status, error.text);
    }
    assert_int_equal(recs_dataset_set(d, NULL, "x", NULL), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_dataset_set(d, "format", NULL, NULL), RECS_ERR_ARGUMENT);
    assert_int_equal(d->settings.type_count, 0);
    set(d, "types", "view=0.5,wishlist=2,buy=5");
    expect_report(d, "weight of wishlist: 2, but no event is of that type");
    assert_int_equal(d->settings.type_count, 1);
    assert_true(d->settings.values.type_weights[RECS_EVENT_CUSTOM] == 2.0f);
    assert_true(d->settings.values.type_weights[RECS_EVENT_CART] == 1.0f);
    set(d, "weight", "cap(3)");
    assert_true(recs__values_weigh(&d->settings.values, 7.0) == 3.0f);
    recs_dataset_destroy(d);
}

static void test_default_type(void **state) {
    (void)state;
    recs_dataset *d = create(NULL);
    read_good(d, "a.csv", "user,item\nu,i\n");
    assert_int_equal(recs__dataset_default_type(d), RECS_EVENT_VIEW);
    read_good(d, "b.csv", "user,item,order\nu,i,7\n");
    assert_int_equal(recs__dataset_default_type(d), RECS_EVENT_BUY);
    read_good(d, "c.csv", "user,item,rating\nu,i,7\n");
    assert_int_equal(recs__dataset_default_type(d), RECS_EVENT_RATING);
    set(d, "type", "cart");
    assert_int_equal(recs__dataset_default_type(d), RECS_EVENT_CART);
    recs_dataset_destroy(d);
}

static void test_many_types(void **state) {
    (void)state;
    char text[4096];
    size_t size = (size_t)sprintf(text, "user,item,type\n");
    for (int i = 0; i < RECS__CUSTOM_TYPES + 2; i++)
        size += (size_t)sprintf(text + size, "u,i,own%d\n", i);
    recs_dataset *d = create(NULL);
    read_good(d, "a.csv", text);
    expect_count(d, "used", RECS__CUSTOM_TYPES);
    assert_int_equal(d->problems.counts[RECS__PROBLEM_TYPE], 2);
    assert_string_equal(recs__settings_type_name(&d->settings, RECS_EVENT_MAX), "own23");
    recs_dataset_destroy(d);
}

/* ---- batches, progress, writing ----------------------------------------------------------------- */

static void test_add(void **state) {
    (void)state;
    recs_events *events;
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    assert_int_equal(recs_events_create(&events, NULL, &error), RECS_OK);
    recs_events_begin(events, "i", RECS_EVENT_BUY, 5, &error);
    recs_events_text(events, RECS_FIELD_USER, "u", &error);
    recs_events_quantity(events, 3, &error);
    recs_events_begin(events, "j", RECS_EVENT_VIEW, RECS_NO_TIME, &error);
    recs_events_text(events, RECS_FIELD_SESSION, "s", &error);
    assert_int_equal(recs_dataset_add(d, events, &error), RECS_OK);
    expect_count(d, "events", 2);
    expect_count(d, "sessions", 1);
    assert_true(recs__log_get(&d->log, 0).quantity == 3.0f);
    recs_events_reset(events);
    recs_events_begin(events, "k", RECS_EVENT_VIEW, 1, &error);
    recs_events_begin(events, "l", RECS_EVENT_VIEW, 1, &error);
    recs_events_quantity(events, 1e35, &error);
    assert_int_equal(recs_dataset_add(d, events, &error), RECS_ERR_DATA);
    expect_count(d, "events", 2); /* all or nothing */
    expect_count(d, "items", 2);
    recs_events_destroy(events);
    recs_dataset_destroy(d);
}

static int32_t stop(void *calls, const char *stage, uint64_t done, uint64_t total) {
    assert_non_null(stage);
    assert_true(done <= total);
    ++*(int *)calls;
    return 1;
}

static void test_cancel(void **state) {
    (void)state;
    int calls = 0;
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    recs_dataset_progress(d, stop, &calls);
    assert_int_equal(read_text(d, "a.txt", "0 1 2 3\n", &error), RECS_ERR_CANCELLED);
    assert_int_equal(calls, 1);
    expect_count(d, "events", 0);
    recs_dataset_destroy(d);
}

static void test_write(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    recs_dataset *d = create(NULL), *again = create(NULL);
    read_good(d, "a.csv", "user,item,time,qty,price,order,city,event,title\n"
                          "\"a,\"\"b\"\"\",\"two\nlines\",2020-01-01T00:00:00.123,2.5,0.1,o1,Roma,"
                          "wish,\"T, 1\"\n"
                          ",\" i \",1950-06-07,-3,1e-7,o2,,buy,\n"
                          "u,i,2020-01-01,1,16777216,,,,\n");
    assert_int_equal(recs_dataset_write(d, tmp_path(&folder, "out.csv", path), &error), RECS_OK);
    assert_int_equal(recs_dataset_read(again, path, &error), RECS_OK);
    expect_count(again, "events", 3);
    for (uint64_t e = 0; e < 3; e++) {
        recs__event a = recs__log_get(&d->log, e), b = recs__log_get(&again->log, e);
        assert_int_equal(a.user, b.user);
        assert_int_equal(a.item, b.item);
        assert_int_equal(a.basket, b.basket);
        assert_int_equal(a.place, b.place);
        assert_int_equal(a.type, b.type);
        assert_true(a.time == b.time && a.quantity == b.quantity && a.price == b.price);
    }
    assert_string_equal(recs__intern_text(&again->users, 0, NULL), "a,\"b\"");
    assert_string_equal(recs__intern_text(&again->items, 0, NULL), "two\nlines");
    assert_string_equal(recs__intern_text(&again->items, 1, NULL), " i ");
    assert_string_equal(again->settings.types[0], "wish");
    assert_int_equal(recs_dataset_write(d, "/absent/out.csv", &error), RECS_ERR_NOT_FOUND);
    recs_dataset_destroy(d);
    recs_dataset_destroy(again);
}

static void test_memory(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    fault_host faults;
    static const char text[] = "user,item,time,qty,price,order,session,city,event,title\n"
                               "u,i,2020-01-01,2,3,o,s,c,wish,T\nv,j,2020-01-01,2,3,o,s,c,x,\n";
    tmp_write(&folder, "m.csv", text, strlen(text), path);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_dataset *d = NULL;
        recs_status status = recs_dataset_create(&d, &faults.host, &error);
        if (!fault_passed(&faults, status, &error))
            continue;
        status = recs_dataset_set(d, "drop_items", "x,y", &error);
        if (fault_passed(&faults, status, &error))
            status = recs_dataset_read(d, path, &error);
        bool passed = fault_passed(&faults, status, &error);
        fault_off(&faults);
        expect_count(d, "events", passed ? 2 : 0);
        expect_count(d, "items", passed ? 2 : 0);
        assert_int_equal(d->settings.type_count, passed ? 2 : 0);
        fault_on(&faults);
        assert_non_null(recs_dataset_report(d));
        recs_dataset_destroy(d);
    }
}

/* ---- real logs ------------------------------------------------------------------------------------- */

static void test_gowalla(void **state) {
    (void)state;
    char path[DATA_PATH_MAX];
    DATA_OR_SKIP("gowalla/train.txt", path);
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    assert_int_equal(recs_dataset_read(d, path, &error), RECS_OK);
    expect_count(d, "users", 29858);
    expect_count(d, "items", 40981);
    expect_count(d, "events", 810128);
    expect_count(d, "interactions", 810128);
    recs_dataset_destroy(d);
}

static void test_online_retail(void **state) {
    (void)state;
    char path[DATA_PATH_MAX];
    DATA_OR_SKIP("online-retail/online_retail.csv.zst", path);
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    assert_int_equal(recs_dataset_read(d, path, &error), RECS_OK);
    expect_count(d, "rows", 541909);
    expect_count(d, "used", 541909);
    expect_count(d, "users", 4372);
    expect_count(d, "items", 4070);
    expect_count(d, "baskets", 25900);
    expect_count(d, "places", 38);
    uint64_t guests = 0, negative = 0;
    for (uint64_t e = 0; e < d->log.count; e++) {
        guests += d->log.users[e] == RECS_NO_ROW;
        negative += recs__log_quantity(&d->log, e) < 0.0f;
    }
    assert_int_equal(guests, 135080);
    assert_int_equal(negative, 10624);
    size_t size;
    uint32_t item = recs__intern_find(&d->items, "85123A", 6);
    assert_string_equal(recs__dataset_item_title(d, item, &size),
                        "WHITE HANGING HEART T-LIGHT HOLDER");
    expect_report(d, "items that may be no products: POST,DOT,M");
    expect_report(d, "users: every id ends in .0, as in 17850.0");
    recs_dataset_destroy(d);
}

static void test_sessions(void **state) {
    (void)state;
    char path[DATA_PATH_MAX];
    DATA_OR_SKIP("sessions/serenade-example/train.txt", path);
    recs_error error = {0};
    recs_dataset *d = create(NULL);
    if (recs_dataset_read(d, path, &error) != RECS_OK)
        fail_msg("%s", error.text);
    expect_count(d, "sessions", 23753);
    expect_count(d, "items", 18009);
    expect_count(d, "users", 0);
    recs_dataset_destroy(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),           cmocka_unit_test(test_formats),
        cmocka_unit_test(test_long_line),     cmocka_unit_test(test_dates_by_sample),
        cmocka_unit_test(test_coordinates),
        cmocka_unit_test(test_problems),      cmocka_unit_test(test_strict),
        cmocka_unit_test(test_long_ids),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_undone),        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_left_out),      cmocka_unit_test(test_titles),
        cmocka_unit_test(test_settings),      cmocka_unit_test(test_default_type),
        cmocka_unit_test(test_many_types),    cmocka_unit_test(test_add),
        cmocka_unit_test(test_cancel),        cmocka_unit_test(test_write),
        cmocka_unit_test(test_memory),        cmocka_unit_test(test_gowalla),
        cmocka_unit_test(test_online_retail), cmocka_unit_test(test_sessions),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
