/* test_training.c - the value rules, matrices, units and what is written. */
#include "train/training.h"

#include "base/hash.h"
#include "base/math.h"
#include "base/random.h"
#include "model/format.h"
#include "support/data.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"
#include "train/training_store.h"

#include <math.h>
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

static recs_dataset *dataset_of(const char *log) {
    char path[TMP_PATH_MAX];
    recs_dataset *d = NULL;
    recs_error error = {0};
    assert_int_equal(recs_dataset_create(&d, NULL, &error), RECS_OK);
    tmp_write(&folder, "log.csv", log, strlen(log), path);
    if (recs_dataset_read(d, path, &error) != RECS_OK)
        fail_msg("%s", error.text);
    return d;
}

static void set(recs_dataset *d, const char *name, const char *value) {
    recs_error error = {0};
    if (recs_dataset_set(d, name, value, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static recs__training *build(const recs_dataset *d) {
    recs__training *training = NULL;
    recs_error error = {0};
    if (recs__training_build(&training, d, NULL, &error) != RECS_OK)
        fail_msg("%s", error.text);
    return training;
}

static uint32_t user_row(const recs__training *t, const char *id) {
    uint32_t row = recs__ids_find(&t->user_ids, id, strlen(id));
    assert_int_not_equal(row, RECS_NO_ROW);
    return row;
}

static uint32_t item_row(const recs__training *t, const char *id) {
    uint32_t row = recs__ids_find(&t->item_ids, id, strlen(id));
    assert_int_not_equal(row, RECS_NO_ROW);
    return row;
}

/* Value of a pair in by_user; 0 when it is not there. */
static float value_of(const recs__training *t, const char *user, const char *item) {
    uint64_t at;
    size_t count = recs__csr_row(&t->by_user, user_row(t, user), &at);
    for (size_t i = 0; i < count; i++)
        if (t->by_user.columns[at + i] == item_row(t, item))
            return t->by_user.values[at + i];
    return 0.0f;
}

static void expect_pair(const recs__training *t, const char *user, const char *item,
                         float wanted) {
    float got = value_of(t, user, item);
    if (got != wanted)
        fail_msg("%s, %s: %g, expected %g", user, item, (double)got, (double)wanted);
}

/* Builds from a log with one setting, checks one pair, throws away. */
static void expect_rule(const char *log, const char *name, const char *value, float wanted) {
    recs_dataset *d = dataset_of(log);
    if (name != NULL)
        set(d, name, value);
    recs__training *t = build(d);
    expect_pair(t, "u", "i", wanted);
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

static float ln(double quantity) { return (float)(recs__log1p(quantity) * 1.4426950408889634); }

/* ---- values ------------------------------------------------------------------------------- */

static void test_weights(void **state) {
    (void)state;
    static const char log[] = "user,item,qty,event\nu,i,3,buy\nu,i,4,buy\n";
    expect_rule(log, NULL, NULL, ln(7));
    expect_rule(log, "weight", "binary", 1.0f);
    expect_rule(log, "weight", "raw", 7.0f);
    expect_rule(log, "weight", "cap(5)", 5.0f);
    expect_rule(log, "types", "buy=2.5", 2.5f * ln(7));
    expect_rule(log, "types", "buy=0", 0.0f); /* only seen */
    expect_rule(log, "duplicates", "last", ln(4));
    expect_rule("user,item,qty,event\nu,i,5,buy\nu,i,4,buy\n", "duplicates", "max", ln(5));
    expect_rule("user,item,event\nu,i,view\nu,i,view\nu,i,buy\n", NULL, NULL, ln(2) + ln(1));
    expect_rule("user,item,event\nu,i,impression\n", NULL, NULL, 0.0f);
    expect_rule("user,item,event,weight\nu,i,view,0.5\n", NULL, NULL, ln(0.5));
    expect_rule("user,item\nu,i\nu,i\n", NULL, NULL, ln(2));
}

static void test_last_is_by_time(void **state) {
    (void)state;
    expect_rule("user,item,qty,time\nu,i,4,2020-01-02\nu,i,3,2020-01-01\n", "duplicates", "last",
                ln(4));
}

static void test_ratings(void **state) {
    (void)state;
    static const char log[] = "user,item,rating,time\nu,i,4,1000000000\nu,j,2,1000000000\n"
                              "u,k,5,1000000000\nu,k,1,1000000001\n";
    recs_error error = {0};
    recs__training *t = NULL;
    recs_dataset *d = dataset_of(log);
    assert_int_equal(recs__training_build(&t, d, NULL, &error), RECS_ERR_DATA);
    assert_null(t);
    assert_non_null(strstr(error.text, "ratings from 1 to 5"));
    assert_non_null(strstr(error.text, "positive=4"));
    set(d, "positive", "4");
    t = build(d);
    expect_pair(t, "u", "i", ln(1));
    expect_pair(t, "u", "j", 0.0f);
    expect_pair(t, "u", "k", 0.0f); /* the second rating counts */
    assert_int_equal(t->by_user.entries, 1);
    assert_int_equal(t->store->history_count, 3); /* all are seen */
    assert_int_equal(t->events, 1);
    recs__training_destroy(t);
    set(d, "duplicates", "max");
    t = build(d);
    expect_pair(t, "u", "k", ln(1));
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

static void test_dislikes(void **state) {
    (void)state;
    expect_rule("user,item,event,time\nu,i,buy,1\nu,i,dislike,2\n", NULL, NULL, -1.0f);
    expect_rule("user,item,event,time\nu,i,dislike,1\nu,i,buy,2\n", NULL, NULL, ln(1));
    expect_rule("user,item,event\nu,i,dislike\n", "types", "dislike=3", -3.0f);
    recs_dataset *d = dataset_of("user,item,event,time\nu,i,buy,1\nu,i,dislike,2\nv,i,buy,1\n");
    recs__training *t = build(d);
    assert_int_equal(t->events, 1); /* what is disliked is evidence of nobody */
    assert_true(recs_dataset_count(d, "disliked") == 1);
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

/* ---- returns --------------------------------------------------------------------------------- */

static void test_returns(void **state) {
    (void)state;
    recs_dataset *d = dataset_of("user,item,qty,time\n"
                                 "u,whole,5,10\nu,whole,-5,20\n"
                                 "u,part,5,10\nu,part,-2,20\n"
                                 "u,near,5,10\nu,near,3,20\nu,near,-4,30\nu,near,7,40\n"
                                 "u,early,-5,5\nu,early,5,10\n"
                                 "u,same,-1,10\nu,same,1,10\n"
                                 "u,alone,-3,10\n"
                                 "u,more,2,10\nu,more,-6,20\n"
                                 "v,whole,4,15\n");
    recs__training *t = build(d);
    expect_pair(t, "u", "whole", 0.0f);
    expect_pair(t, "u", "part", ln(3));
    expect_pair(t, "u", "near", ln(11));
    expect_pair(t, "u", "early", ln(5)); /* a return takes from what was sold before it */
    expect_pair(t, "u", "same", 0.0f);   /* within a moment the sale comes first */
    expect_pair(t, "u", "alone", 0.0f);
    expect_pair(t, "u", "more", 0.0f);
    expect_pair(t, "v", "whole", ln(4)); /* another's return is not mine */
    assert_true(recs_dataset_count(d, "returns_netted") == 5);
    assert_true(recs_dataset_count(d, "returns_alone") == 3);
    assert_true(recs_dataset_count(d, "sales_cancelled") == 4);
    assert_true(recs_dataset_count(d, "pairs_cancelled") == 4);
    assert_true(recs_dataset_count(d, "interactions") == 4);
    assert_int_equal(t->events, 5);
    recs__training_destroy(t);
    set(d, "duplicates", "last"); /* after netting, so of near's sales 4, 0 and 7 */
    t = build(d);
    expect_pair(t, "u", "near", ln(7));
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

static void test_return_events(void **state) {
    (void)state;
    recs_dataset *d = dataset_of("user,item,type,time\nu,i,view,1\nu,i,buy,2\nu,i,return,3\n"
                                 "u,j,view,1\nu,j,return,3\nu,k,buy,1\nu,k,return,3\n");
    recs__training *t = build(d);
    expect_pair(t, "u", "i", ln(1)); /* the view stays */
    expect_pair(t, "u", "j", ln(1)); /* a return takes no view away */
    expect_pair(t, "u", "k", 0.0f);
    assert_int_equal(t->store->history_count, 2);
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

/* The same rule written down plainly, on random logs. */
static void test_against_slow(void **state) {
    (void)state;
    enum { EVENTS = 3000, USERS = 20, ITEMS = 10 };
    struct { int user, item, quantity, time; } e[EVENTS];
    static char log[EVENTS * 40];
    recs__random random;
    recs__random_seed(&random, 3);
    size_t size = (size_t)sprintf(log, "user,item,qty,time\n");
    for (int i = 0; i < EVENTS; i++) {
        e[i].user = (int)recs__random_below(&random, USERS);
        e[i].item = (int)recs__random_below(&random, ITEMS);
        e[i].quantity = (int)recs__random_below(&random, 9) - 3;
        e[i].time = (int)recs__random_below(&random, 500);
        size += (size_t)sprintf(log + size, "%c,%c,%d,%d\n", 'a' + e[i].user, 'a' + e[i].item,
                                e[i].quantity, e[i].time);
    }
    recs_dataset *d = dataset_of(log);
    recs__training *t = build(d);
    for (int user = 0; user < USERS; user++)
        for (int item = 0; item < ITEMS; item++) {
            int left[EVENTS], order[EVENTS], count = 0;
            for (int time = 0; time < 500; time++) /* sales, then returns, of each moment */
                for (int pass = 0; pass < 2; pass++)
                    for (int i = 0; i < EVENTS; i++)
                        if (e[i].user == user && e[i].item == item && e[i].time == time &&
                            (e[i].quantity < 0) == (pass == 1))
                            order[count++] = e[i].quantity;
            for (int i = 0; i < count; i++) {
                left[i] = order[i] > 0 ? order[i] : 0;
                for (int wanted = -order[i], j = i - 1; wanted > 0 && j >= 0; j--) {
                    int taken = left[j] < wanted ? left[j] : wanted;
                    left[j] -= taken;
                    wanted -= taken;
                }
            }
            int sum = 0;
            for (int i = 0; i < count; i++)
                sum += left[i];
            char user_id[] = {(char)('a' + user), 0}, item_id[] = {(char)('a' + item), 0};
            expect_pair(t, user_id, item_id, sum > 0 ? ln(sum) : 0.0f);
        }
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

/* ---- matrices, units, popularity ---------------------------------------------------------------- */

static void check_csr(const recs__csr *csr) {
    for (uint32_t row = 0; row < csr->rows; row++)
        for (uint64_t i = csr->offsets[row]; i < csr->offsets[row + 1]; i++) {
            assert_true(csr->columns[i] < csr->column_count);
            assert_true(i == csr->offsets[row] || csr->columns[i - 1] < csr->columns[i]);
            assert_true(csr->values[i] != 0.0f);
        }
    assert_true(csr->rows == 0 || csr->offsets[csr->rows] == csr->entries);
}

static void check_shape(const recs__training *t) {
    check_csr(&t->by_user);
    check_csr(&t->by_item);
    check_csr(&t->units);
    assert_true(t->by_user.entries == t->by_item.entries);
    for (uint32_t item = 0; item < t->items; item++)
        for (uint64_t i = t->by_item.offsets[item]; i < t->by_item.offsets[item + 1]; i++) {
            uint64_t at, found = UINT64_MAX;
            size_t count = recs__csr_row(&t->by_user, t->by_item.columns[i], &at);
            for (size_t j = 0; j < count; j++)
                if (t->by_user.columns[at + j] == item)
                    found = at + j;
            assert_true(found != UINT64_MAX && t->by_user.values[found] == t->by_item.values[i]);
        }
    for (uint32_t item = 0; item < t->items; item++)
        for (uint64_t i = t->event_offsets[item] + 1; i < t->event_offsets[item + 1]; i++)
            assert_true(t->event_times[i - 1] <= t->event_times[i]);
    assert_true(t->event_offsets[t->items] == t->events);
}

static const char guests[] = "user,basket,session,item,qty,time\n"
                             "u,b1,,i,1,30\nu,b1,,j,2,30\nu,b2,,i,1,20\n"
                             ",b3,,i,1,10\n,b3,,j,1,10\n,b3,,i,4,5\n"
                             ",,s1,k,1,1\n,b4,,k,-1,1\n"
                             "v,,,k,1,40\n";

static void test_units(void **state) {
    (void)state;
    recs_dataset *d = dataset_of(guests);
    recs__training *t = build(d);
    check_shape(t);
    assert_int_equal(t->users, 2);
    assert_true(t->units.offsets == t->by_user.offsets);
    assert_int_equal(t->events, 8);
    /* Users and guests' baskets: i has u and b3, j too, k has s1 and v. */
    for (uint32_t item = 0; item < 3; item++)
        assert_true(t->item_units[item] == 2);
    assert_true(recs_dataset_count(d, "guests") == 4);
    assert_true(recs_dataset_count(d, "returns_alone") == 1);
    assert_true(t->last_time == 40000 && t->store->first_time == 1000);
    assert_true(t->event_times[0] == 5000); /* i's first */
    recs__training_destroy(t);

    set(d, "unit", "baskets");
    t = build(d);
    check_shape(t);
    assert_int_equal(t->units.rows, 5); /* b1 b2 b3 s1 and the user v */
    assert_int_equal(t->units.entries, 7);
    assert_true(t->units.columns[3] == 0 && t->units.values[3] == ln(5)); /* b3, i */
    assert_true(t->item_units[0] == 3 && t->item_units[1] == 2 &&
                t->item_units[2] == 2);
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

static void test_only_sessions(void **state) {
    (void)state;
    recs_dataset *d = dataset_of("SessionId,ItemId,Time\n1,a,1\n1,b,2\n2,a,3\n");
    recs__training *t = build(d);
    check_shape(t);
    assert_int_equal(t->users, 0);
    assert_int_equal(t->units.rows, 2); /* there are no users, so sessions it is */
    assert_int_equal(t->units.entries, 3);
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

static void test_rows_by_id(void **state) {
    (void)state;
    recs_dataset *d = dataset_of("user,item\nb,zz\na,z\n\xC3\xA9,Z\nab,10\nB,9\n");
    recs__training *t = build(d);
    static const char *const users[] = {"B", "a", "ab", "b", "\xC3\xA9"};
    static const char *const items[] = {"10", "9", "Z", "z", "zz"};
    for (uint32_t row = 0; row < 5; row++) {
        assert_string_equal(recs__ids_get(&t->user_ids, row, NULL), users[row]);
        assert_string_equal(recs__ids_get(&t->item_ids, row, NULL), items[row]);
    }
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

/* ---- what is written ------------------------------------------------------------------------------ */

static recs_model *model_of(const recs_dataset *d, uint32_t flags) {
    recs__training *t = build(d);
    recs_writer *writer;
    recs_model *model = NULL;
    recs_error error = {0};
    recs_status status = recs_writer_create(&writer, NULL, NULL, &error);
    if (status == RECS_OK)
        status = recs__training_write(t, writer, 0, 0, flags, &error);
    if (status == RECS_OK)
        status = recs_writer_finish(writer, &model, &error);
    if (status == RECS_OK)
        status = recs_model_verify(model, &error);
    if (status != RECS_OK)
        fail_msg("%s", error.text);
    recs_writer_destroy(writer);
    recs__training_destroy(t);
    return model;
}

static void read_items(recs_dataset *d, const char *text) {
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    tmp_write(&folder, "items.csv", text, strlen(text), path);
    if (recs_dataset_read_items(d, path, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static void test_written(void **state) {
    (void)state;
    recs_dataset *d = dataset_of("user,item,type,time,title\nu,b,view,5,Bee\nu,b,wish,7,\n"
                                 "u,a,buy,6,Ay\nv,a,buy,8,\n");
    read_items(d, "id,title,price,colour,available,created\na,Apple,2.5,red,yes,2020-01-01\n"
                  "c,Sea,,blue,no,\n");
    for (int compressed = 0; compressed < 2; compressed++) {
        recs_model *m = model_of(d, compressed ? RECS_SECTION_COMPRESS : 0);
        assert_int_equal(recs_model_items(m), 3);
        assert_int_equal(recs_model_users(m), 2);
        assert_int_equal(recs_model_interactions(m), 4);
        assert_true(recs_model_first_time(m) == 5000 && recs_model_last_time(m) == 8000);
        assert_string_equal(recs_model_users_mode(m), "full");
        assert_string_equal(recs_model_item_title(m, 0), "Apple"); /* the catalogue's */
        assert_string_equal(recs_model_item_title(m, 1), "Bee");
        assert_string_equal(recs_model_item_title(m, 2), "Sea");
        uint32_t u = recs_model_user_row(m, "u");
        assert_int_equal(recs_model_history_count(m, u), 3);
        assert_int_equal(recs_model_history_item(m, u, 1), 1);
        assert_int_equal(recs_model_history_type(m, u, 1), RECS_EVENT_VIEW);
        assert_true(recs_model_history_value(m, u, 1) == ln(1) + ln(1));
        assert_int_equal(recs_model_history_type(m, u, 2), RECS_EVENT_CUSTOM);
        assert_string_equal(recs_model_event_name(m, RECS_EVENT_CUSTOM), "wish");
        assert_string_equal(recs_model_event_name(m, RECS_EVENT_BUY), "buy");
        assert_null(recs_model_event_name(m, RECS_EVENT_CUSTOM + 1));
        assert_null(recs_model_event_name(m, -1));
        assert_int_equal(recs_model_event_type_of(m, "wish"), RECS_EVENT_CUSTOM);
        assert_int_equal(recs_model_event_type_of(m, "purchase"), RECS_EVENT_BUY);
        assert_int_equal(recs_model_event_type_of(m, "nothing"), -1);
        assert_int_equal(recs_model_event_type_of(m, NULL), -1);
        assert_true(recs_model_history_value(m, u, 2) == 0.0f);
        assert_true(recs_model_history_time(m, u, 2) == 7000);
        assert_int_equal(recs_model_item_rank(m, 0), 0);
        assert_true(recs_model_item_popularity(m, 0) == 2.0f);
        assert_int_equal(recs_model_item_rank(m, 2), 2);
        uint32_t price = recs_model_column_find(m, "price");
        assert_true(recs_model_item_number(m, price, 0) == 2.5);
        assert_true(isnan(recs_model_item_number(m, price, 1)));
        assert_string_equal(
            recs_model_item_text(m, recs_model_column_find(m, "colour"), 2), "blue");
        assert_int_equal(recs_model_item_flag(m, recs_model_column_find(m, "available"), 2), 0);
        assert_true(recs_model_item_time(m, recs_model_column_find(m, "created"), 0) ==
                    INT64_C(1577836800000));
        recs_model_release(m);
    }
    recs_dataset_destroy(d);
}

static void test_users_modes(void **state) {
    (void)state;
    char hex[33];
    recs_dataset *d = dataset_of("user,item\nu,a\nv,b\nw,a\n");
    set(d, "users", "hashed");
    recs__training *t = build(d);
    recs_model *m = model_of(d, 0);
    assert_string_equal(recs_model_users_mode(m), "hashed");
    for (int i = 0; i < 3; i++) {
        char id[] = {(char)('u' + i), 0};
        uint32_t row = recs_model_user_row(m, id);
        assert_int_not_equal(row, RECS_NO_ROW);
        recs__hash_hex(id, 1, hex);
        assert_string_equal(recs_model_user_id(m, row), hex);
        /* The training's rows are the model's, with the shop's own ids. */
        assert_string_equal(recs__ids_get(&t->user_ids, row, NULL), id);
        assert_int_equal(recs_model_history_item(m, row, 0), i == 1);
    }
    recs_model_release(m);
    recs__training_destroy(t);
    set(d, "users", "none");
    m = model_of(d, 0);
    assert_int_equal(recs_model_users(m), 0);
    assert_int_equal(recs_model_interactions(m), 0);
    assert_int_equal(recs_model_items(m), 2);
    recs_model_release(m);
    recs_dataset_destroy(d);
}

static void test_rollup(void **state) {
    (void)state;
    recs_dataset *d = dataset_of("user,item\nu,shirt-s\nu,shirt-m\nv,shirt-l\nv,hat\n");
    read_items(d, "id,group,title,available,price\nshirt-m,shirt,M,no,10\nshirt-s,shirt,S,yes,\n"
                  "shirt-l,shirt,L,no,12\nscarf-1,scarf,One,no,5\nscarf,scarf,Scarf,no,6\n");
    recs_model *m = model_of(d, 0);
    assert_int_equal(recs_model_items(m), 6);
    recs_model_release(m);
    set(d, "rollup", "group");
    recs__training *t = build(d);
    assert_int_equal(t->items, 3);
    expect_pair(t, "u", "shirt", ln(2));
    recs__training_destroy(t);
    m = model_of(d, 0);
    uint32_t shirt = recs_model_item_row(m, "shirt"), scarf = recs_model_item_row(m, "scarf");
    assert_string_equal(recs_model_item_title(m, shirt), "L"); /* the first id of the group */
    assert_string_equal(recs_model_item_title(m, scarf), "Scarf"); /* its own */
    assert_true(recs_model_item_number(m, recs_model_column_find(m, "price"), shirt) == 12.0);
    assert_int_equal(recs_model_item_flag(m, recs_model_column_find(m, "available"), shirt), 1);
    recs_model_release(m);
    recs_dataset_destroy(d);
}

static void test_empty(void **state) {
    (void)state;
    recs_dataset *d = NULL;
    recs__training *t = NULL;
    recs_error error = {0};
    assert_int_equal(recs_dataset_create(&d, NULL, &error), RECS_OK);
    assert_int_equal(recs__training_build(&t, d, NULL, &error), RECS_ERR_DATA);
    assert_non_null(recs_dataset_report(d));
    read_items(d, "id,title\nb,Bee\na,Ay\n");
    recs_model *m = model_of(d, 0); /* a catalogue alone is a valid model */
    assert_int_equal(recs_model_items(m), 2);
    assert_int_equal(recs_model_users(m), 0);
    assert_true(recs_model_last_time(m) == RECS_NO_TIME);
    recs_model_release(m);
    recs_dataset_destroy(d);
    d = dataset_of("user,item\nu,i\n"); /* one user, one item */
    m = model_of(d, 0);
    recs_model_release(m);
    recs_dataset_destroy(d);
}

static int32_t stop_at(void *left, const char *stage, uint64_t done, uint64_t total) {
    (void)stage;
    (void)done;
    (void)total;
    return --*(int *)left < 0;
}

/* A clock that jumps, so that every tick is told. */
static int64_t hasty(void *now) { return *(int64_t *)now += 1000; }

static void test_cancel(void **state) {
    (void)state;
    int64_t clock = 0;
    recs_host host = {.struct_size = sizeof host, .now = hasty, .clock_data = &clock};
    recs_dataset *d = NULL;
    recs_error error = {0};
    char path[TMP_PATH_MAX];
    assert_int_equal(recs_dataset_create(&d, &host, &error), RECS_OK);
    tmp_write(&folder, "log.csv", guests, strlen(guests), path);
    assert_int_equal(recs_dataset_read(d, path, &error), RECS_OK);
    int steps = 0;
    for (;; steps++) {
        int left = steps;
        recs__training *t = NULL;
        recs_dataset_progress(d, stop_at, &left);
        recs_status status = recs__training_build(&t, d, NULL, &error);
        recs__training_destroy(t);
        if (status == RECS_OK)
            break;
        assert_int_equal(status, RECS_ERR_CANCELLED);
        assert_null(t);
    }
    assert_true(steps >= 3);
    recs_dataset_destroy(d);
}

static void test_memory(void **state) {
    (void)state;
    static const char *const settings[][2] = {{"users", "full"}, {"users", "hashed"},
                                              {"unit", "baskets"}, {"rollup", "group"}};
    fault_host faults;
    for (size_t s = 0; s < sizeof settings / sizeof settings[0]; s++) {
        recs_dataset *d = dataset_of(guests);
        read_items(d, "id,group,title,price\ni,g,I,1\nj,g,J,2\n");
        set(d, settings[s][0], settings[s][1]);
        FAULT_LOOP(faults) {
            recs_error error = {0};
            recs__training *t = NULL;
            recs_writer *writer = NULL;
            recs_status status = recs__training_build(&t, d, &faults.host, &error);
            if (status == RECS_OK)
                status = recs_writer_create(&writer, NULL, &faults.host, &error);
            if (status == RECS_OK)
                status = recs__training_write(t, writer, 0, 0, 0, &error);
            fault_passed(&faults, status, &error);
            recs_writer_destroy(writer);
            recs__training_destroy(t);
        }
        recs_dataset_destroy(d);
    }
}

/* ---- real logs --------------------------------------------------------------------------------------- */

static void test_gowalla(void **state) {
    (void)state;
    char path[DATA_PATH_MAX];
    DATA_OR_SKIP("gowalla/train.txt", path);
    recs_error error = {0};
    recs_dataset *d;
    assert_int_equal(recs_dataset_create(&d, NULL, &error), RECS_OK);
    assert_int_equal(recs_dataset_read(d, path, &error), RECS_OK);
    recs__training *t = build(d);
    check_csr(&t->by_user);
    check_csr(&t->by_item);
    assert_int_equal(t->users, 29858);
    assert_int_equal(t->items, 40981);
    assert_int_equal(t->by_user.entries, 810128);
    assert_int_equal(t->events, 810128);
    assert_true(t->last_time == RECS_NO_TIME);
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

static bool has_pair(const recs__training *t, const char *user, const char *item) {
    return value_of(t, user, item) != 0.0f;
}

static void test_online_retail(void **state) {
    (void)state;
    char path[DATA_PATH_MAX];
    DATA_OR_SKIP("online-retail/online_retail.csv.zst", path);
    recs_error error = {0};
    recs_dataset *d;
    assert_int_equal(recs_dataset_create(&d, NULL, &error), RECS_OK);
    assert_int_equal(recs_dataset_read(d, path, &error), RECS_OK);
    recs__training *t = build(d);
    check_csr(&t->by_user);
    /* 74,215 and 80,995 pieces, returned within minutes: nothing is left. */
    assert_false(has_pair(t, "12346.0", "23166"));
    assert_false(has_pair(t, "16446.0", "23843"));
    assert_true(has_pair(t, "17850.0", "85123A"));
    uint64_t most = 0;
    for (uint64_t i = 0; i < t->by_user.entries; i++)
        most = t->by_user.values[i] > ln(20000) ? most + 1 : most;
    assert_int_equal(most, 0);
    assert_true(recs_dataset_count(d, "guests") > 130000);
    assert_true(recs_dataset_count(d, "returns_netted") > 7000);
    recs__training_destroy(t);
    set(d, "unit", "baskets");
    t = build(d);
    check_csr(&t->units);
    assert_true(t->units.rows > 20000 && t->units.rows < 25900);
    recs__training_destroy(t);
    recs_dataset_destroy(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),       cmocka_unit_test(test_last_is_by_time),
        cmocka_unit_test(test_ratings),       cmocka_unit_test(test_dislikes),
        cmocka_unit_test(test_returns),       cmocka_unit_test(test_return_events),
        cmocka_unit_test(test_against_slow),  cmocka_unit_test(test_units),
        cmocka_unit_test(test_only_sessions), cmocka_unit_test(test_rows_by_id),
        cmocka_unit_test(test_written),       cmocka_unit_test(test_users_modes),
        cmocka_unit_test(test_rollup),        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_cancel),        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_gowalla),       cmocka_unit_test(test_online_retail),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
