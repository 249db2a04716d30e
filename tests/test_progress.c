/* test_progress.c - the caller hears of every stage, at a bounded rate. */
#include "train/progress.h"

#include "base/memory.h"
#include "support/test.h"

#include <string.h>

typedef struct listener {
    int calls;
    int stop_at; /* the call that asks to stop */
    uint64_t done, total;
    int64_t now;
} listener;

static int32_t hear(void *data, const char *stage, uint64_t done, uint64_t total) {
    listener *l = data;
    (void)stage;
    l->done = done;
    l->total = total;
    return ++l->calls == l->stop_at ? -5 : 0;
}

static int64_t clock_of(void *data) { return ((listener *)data)->now; }

static void test_is_told_ten_times_a_second(void **state) {
    (void)state;
    listener l = {.now = 1000};
    recs_host host = {.struct_size = sizeof host, .clock_data = &l, .now = clock_of};
    recs__progress progress;
    recs__progress_init(&progress, hear, &l, &host);
    static const char reading[] = "reading", writing[] = "writing";
    for (uint64_t i = 0; i < 1000; i++, l.now++) /* one second */
        assert_int_equal(recs__progress_tell(&progress, reading, i, 5000, NULL), RECS_OK);
    assert_int_equal(l.calls, 10);
    assert_int_equal(recs__progress_tell(&progress, writing, 3, 4, NULL), RECS_OK); /* new stage */
    assert_int_equal(l.calls, 11);
    assert_int_equal(recs__progress_tell(&progress, writing, 4, 4, NULL), RECS_OK); /* the end */
    assert_int_equal(l.calls, 12);
    assert_int_equal(l.done, 4);
    l.now -= 100000; /* the clock was set back */
    assert_int_equal(recs__progress_tell(&progress, writing, 1, 4, NULL), RECS_OK);
    assert_int_equal(l.calls, 13);
}

static void test_may_cancel(void **state) {
    (void)state;
    listener l = {.stop_at = 2};
    recs_host host = {.struct_size = sizeof host, .clock_data = &l, .now = clock_of};
    recs__progress progress;
    recs_error error = {0};
    recs__progress_init(&progress, hear, &l, &host);
    assert_int_equal(recs__progress_tell(&progress, "a", 0, 9, &error), RECS_OK);
    assert_int_equal(recs__progress_tell(&progress, "b", 7, 9, &error), RECS_ERR_CANCELLED);
    assert_non_null(strstr(error.text, "b (7 of 9)"));
}

static void test_nobody_listens(void **state) {
    (void)state;
    recs__progress progress;
    recs__progress_init(&progress, NULL, NULL, NULL);
    assert_int_equal(recs__progress_tell(&progress, "a", 0, 9, NULL), RECS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_told_ten_times_a_second),
        cmocka_unit_test(test_may_cancel),
        cmocka_unit_test(test_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
