/* Tests of src/recommend/history.c. */
#include "support/test.h"

#include "base/memory.h"
#include "recommend/history.h"
#include "recs/events.h"

#include <float.h>
#include <math.h>

static recs_host host;
static recs_error error;

static void add(recs__history *history, uint32_t row, float weight) {
    recs__history_add(history, (recs__entry){.row = row, .weight = weight, .types = 1,
                                             .time = RECS_NO_TIME});
}

static void rows_ascend_and_add_up_in_the_order_given(void **state) {
    (void)state;
    recs__history history = {0};
    assert_int_equal(recs__history_begin(&history, &host, 9, &error), RECS_OK);
    /* In this order 1e8f + 1 - 1e8f is 0 and 1e8f - 1e8f + 1 is 1. */
    add(&history, 7, 1e8f);
    add(&history, 3, 1e8f);
    add(&history, 7, 1.0f);
    add(&history, 3, -1e8f);
    add(&history, 7, -1e8f);
    add(&history, 3, 1.0f);
    add(&history, 5, -2.0f);
    add(&history, 9, 0.0f);
    add(&history, 1, 0.5f);
    recs__history_merge(&history);
    assert_int_equal(history.count, 3);
    assert_int_equal(history.rows[0], 1);
    assert_int_equal(history.rows[1], 3);
    assert_int_equal(history.rows[2], 5);
    assert_true(history.values[0] == 0.5f && history.values[1] == 1.0f &&
                history.values[2] == -2.0f);
    assert_int_equal(history.entry_count, 9); /* all of them seen */
    recs__history_free(&history, &host);
}

static void what_is_not_finite_is_only_seen(void **state) {
    (void)state;
    recs__history history = {0};
    assert_int_equal(recs__history_begin(&history, &host, 4, &error), RECS_OK);
    add(&history, 1, NAN);
    add(&history, 2, FLT_MAX);
    add(&history, 2, FLT_MAX);
    add(&history, 3, 1.0f);
    recs__history_merge(&history);
    assert_int_equal(history.count, 1);
    assert_int_equal(history.rows[0], 3);
    recs__history_free(&history, &host);
}

static void stored_entries_come_clamped(void **state) {
    (void)state;
    static const uint64_t offsets[] = {0, 3, 900, 3, 4};
    static const uint32_t columns[] = {2, 88, 0, 1};
    static const float values[] = {1.0f, 2.0f, 3.0f, 4.0f};
    static const uint8_t types[] = {RECS_EVENT_BUY, 0, 200, RECS_EVENT_VIEW};
    recs__view view = {.items = 4, .users = 4, .history_types = types,
                       .history = {offsets, columns, values, 4, 4, 4}};
    recs__history history = {0};
    assert_int_equal(recs__history_stored_count(&view, 0), 3);
    assert_int_equal(recs__history_stored_count(&view, 1), 0); /* beyond the entries */
    assert_int_equal(recs__history_stored_count(&view, 2), 0); /* runs backwards     */
    assert_int_equal(recs__history_stored_count(&view, 4), 0);
    assert_int_equal(recs__history_begin(&history, &host, 3, &error), RECS_OK);
    recs__history_add_stored(&history, &view, 0);
    recs__history_merge(&history);
    assert_int_equal(history.entry_count, 2); /* item 88 is none */
    assert_int_equal(history.entries[0].types, RECS_EVENT_BIT(RECS_EVENT_BUY));
    assert_int_equal(history.entries[0].time, RECS_NO_TIME);
    assert_int_equal(history.count, 2);
    assert_int_equal(history.rows[0], 0);
    assert_true(history.values[0] == 3.0f);
    recs__history_free(&history, &host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_ascend_and_add_up_in_the_order_given),
        cmocka_unit_test(what_is_not_finite_is_only_seen),
        cmocka_unit_test(stored_entries_come_clamped),
    };
    if (recs__host_init(&host, NULL, NULL) != RECS_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
