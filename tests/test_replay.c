/* test_replay.c - a log handed out again in order of time. */
#include "support/data.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"
#include "train/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct seen {
    char text[4096];
    size_t used, events, batches, stop_at;
    int64_t last;
    uint32_t tie; /* of generated logs: the number in the item's id */
    bool sorted;
} seen;

static int32_t take(void *user_data, const recs_events *events) {
    seen *s = user_data;
    size_t count = recs_events_count(events);
    s->batches++;
    assert_true(count > 0 && count <= 4096);
    assert_true(recs_events_get_time(events, count - 1) - recs_events_get_time(events, 0) < 3600000);
    for (size_t i = 0; i < recs_events_count(events); i++) {
        size_t size;
        const char *item = recs_events_get_text(events, i, RECS_FIELD_ITEM, &size);
        const char *user = recs_events_get_text(events, i, RECS_FIELD_USER, &size);
        const char *place = recs_events_get_text(events, i, RECS_FIELD_PLACE, &size);
        int64_t time = recs_events_get_time(events, i);
        uint32_t tie = item[0] == 'i' ? (uint32_t)strtoul(item + 1, NULL, 10) : 0;
        s->sorted &= time > s->last || (time == s->last && tie >= s->tie);
        s->last = time;
        s->tie = tie;
        s->events++;
        if (s->used + 200 < sizeof s->text)
            s->used += (size_t)sprintf(s->text + s->used, "%s:%s:%s:%g ", user ? user : "",
                                       item, place ? place : "",
                                       recs_events_get_quantity(events, i));
    }
    return s->stop_at && s->events >= s->stop_at;
}

static recs_dataset *dataset_of(const char *log, const recs_host *host) {
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    recs_dataset *d = NULL;
    recs_error error = {0};
    tmp_make(&folder);
    tmp_write(&folder, "log.csv", log, strlen(log), path);
    assert_int_equal(recs_dataset_create(&d, host, &error), RECS_OK);
    if (recs_dataset_read(d, path, &error) != RECS_OK)
        fail_msg("%s", error.text);
    tmp_remove(&folder);
    return d;
}

static const char small[] = "user,item,time,place,quantity,title,session\n"
                            "u,b,2020-01-05,uk,1,Bell,\nv,a,2020-01-02,fr,6,Apple,\n"
                            ",c,2020-01-05,,2,,s\nu,d,,uk,1,Drum,\nv,a,2020-01-03,fr,-6,,\n";

static void test_order(void **state) {
    recs_dataset *d = dataset_of(small, NULL);
    recs_error error = {0};
    seen s = {.sorted = true};
    int64_t bound, other;
    (void)state;
    assert_int_equal(recs_dataset_replay(d, RECS_NO_TIME, RECS_NO_TIME, take, &s, &error), RECS_OK);
    assert_string_equal(s.text, "v:a:fr:6 v:a:fr:-6 u:b:uk:1 :c::2 ");
    assert_int_equal(recs_dataset_time(d, "2020-01-03", &bound, &error), RECS_OK);
    assert_int_equal(recs_dataset_time(d, "2020-01-05T00:00:00Z", &other, &error), RECS_OK);
    s = (seen){.sorted = true};
    assert_int_equal(recs_dataset_replay(d, bound, other, take, &s, &error), RECS_OK);
    assert_string_equal(s.text, "v:a:fr:-6 ");
    s = (seen){.sorted = true};
    assert_int_equal(recs_dataset_replay(d, other, bound, take, &s, &error), RECS_OK);
    assert_int_equal(s.batches, 0);
    assert_string_equal(recs_dataset_title(d, "b"), "Bell");
    assert_null(recs_dataset_title(d, "c"));
    assert_null(recs_dataset_title(d, "nobody"));
    assert_null(recs_dataset_title(d, ""));
    assert_int_equal(recs_dataset_time(d, "soon", &bound, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "'soon'"));
    assert_int_equal(recs_dataset_time(d, NULL, &bound, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs_dataset_replay(d, bound, other, NULL, &s, &error), RECS_ERR_ARGUMENT);
    recs_dataset_destroy(d);
}

/* count events at random times of few different values, numbered by the log. */
static char *generated(size_t count, int ordered) {
    char *log = malloc(64 + count * 64);
    size_t used = (size_t)sprintf(log, "item,time,session\n");
    uint64_t x = 1;
    for (size_t i = 0; i < count; i++) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t at = ordered ? i / 7 : (size_t)(x >> 33) % (count / 3 + 1);
        used += (size_t)sprintf(log + used, "i%zu,%zu,s\n", i, 1000000 + at);
    }
    return log;
}

static void test_large(void **state) {
    static const size_t counts[] = {1, 2, 31, 32, 33, 64, 65, 1000, 4096, 4097, 20000};
    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int ordered = 0; ordered < 2; ordered++) {
            char *log = generated(counts[c], ordered);
            recs_dataset *d = dataset_of(log, NULL);
            recs_error error = {0};
            seen s = {.sorted = true};
            assert_int_equal(recs_dataset_replay(d, RECS_NO_TIME, RECS_NO_TIME, take, &s, &error),
                             RECS_OK);
            assert_true(s.sorted);
            assert_int_equal(s.events, counts[c]);
            assert_true(s.batches >= (counts[c] + 4095) / 4096 &&
                        s.batches <= counts[c] / 4096 + 4);
            recs_dataset_destroy(d);
            free(log);
        }
}

static int32_t cancel(void *user_data, const char *stage, uint64_t done, uint64_t total) {
    (void)user_data;
    (void)stage;
    return done != 0 && done == total;
}

static void test_ended(void **state) {
    char *log = generated(20000, 0);
    recs_dataset *d = dataset_of(log, NULL);
    recs_error error = {0};
    seen s = {.sorted = true, .stop_at = 5000};
    (void)state;
    assert_int_equal(recs_dataset_replay(d, RECS_NO_TIME, RECS_NO_TIME, take, &s, &error),
                     RECS_ERR_CANCELLED);
    assert_true(s.events >= 5000 && s.events < 5000 + 4096);
    s = (seen){.sorted = true};
    recs_dataset_progress(d, cancel, NULL);
    assert_int_equal(recs_dataset_replay(d, RECS_NO_TIME, RECS_NO_TIME, take, &s, &error),
                     RECS_ERR_CANCELLED);
    recs_dataset_destroy(d);
    free(log);
}

static void test_no_memory(void **state) {
    static fault_host faults;
    char *log = generated(300, 0);
    (void)state;
    FAULT_LOOP(faults) {
        fault_off(&faults);
        recs_error error = {0};
        seen s = {.sorted = true};
        recs_dataset *d = dataset_of(log, &faults.host);
        fault_on(&faults);
        recs_status status = recs_dataset_replay(d, RECS_NO_TIME, RECS_NO_TIME, take, &s, &error);
        bool passed = fault_passed(&faults, status, &error);
        fault_off(&faults);
        if (passed)
            assert_int_equal(s.events, 300);
        recs_dataset_destroy(d);
    }
    free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_large), cmocka_unit_test(test_ended),
        cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
