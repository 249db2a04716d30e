/* test_events.c - batches of events, one by one and by column. */
#include "recs/events.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static recs_events *make(const recs_host *host) {
    recs_events *events;
    assert_int_equal(recs_events_create(&events, host, NULL), RECS_OK);
    return events;
}

static void assert_text(const recs_events *events, size_t index, int32_t field,
                        const char *expected) {
    size_t size = 999;
    const char *text = recs_events_get_text(events, index, field, &size);
    if (expected == NULL) {
        assert_null(text);
        assert_int_equal(size, 0);
    } else {
        assert_non_null(text);
        assert_string_equal(text, expected);
        assert_int_equal(size, strlen(expected));
    }
}

static void assert_absent(const recs_events *events, size_t index) {
    for (int32_t field = 0; field < RECS_FIELD_COUNT; field++)
        if (field != RECS_FIELD_ITEM)
            assert_text(events, index, field, NULL);
    assert_true(recs_events_get_quantity(events, index) == 1);
    assert_true(isnan(recs_events_get_price(events, index)));
    assert_true(isnan(recs_events_get_value(events, index)));
    assert_true(recs_events_get_propensity(events, index) == 1);
    assert_int_equal(recs_events_get_source(events, index), RECS_SOURCE_ORGANIC);
    assert_int_equal(recs_events_get_position(events, index), UINT32_MAX);
}

static void test_types(void **state) {
    (void)state;
    for (int32_t type = 0; type < RECS_EVENT_CUSTOM; type++)
        assert_int_equal(recs_event_type_of(recs_event_name(type)), type);
    assert_null(recs_event_name(-1));
    assert_null(recs_event_name(RECS_EVENT_CUSTOM));
    assert_int_equal(recs_event_type_of("AddToCart"), RECS_EVENT_CART);
    assert_int_equal(recs_event_type_of("add_to_cart"), RECS_EVENT_CART);
    assert_int_equal(recs_event_type_of("Page-View"), RECS_EVENT_VIEW);
    assert_int_equal(recs_event_type_of("transaction"), RECS_EVENT_BUY);
    assert_int_equal(recs_event_type_of("REFUND"), RECS_EVENT_RETURN);
    assert_int_equal(recs_event_type_of("vie"), -1);
    assert_int_equal(recs_event_type_of("views"), -1);
    assert_int_equal(recs_event_type_of(""), -1);
    assert_int_equal(recs_event_type_of(NULL), -1);
    assert_int_equal(recs_event_bit(RECS_EVENT_BUY), 8);
    assert_true(recs_event_bit(31) == UINT32_C(0x80000000));
    assert_int_equal(recs_event_bit(32), 0);
    assert_int_equal(recs_event_bit(-1), 0);
    assert_true(recs_event_all() == UINT32_MAX);
}

static void test_one_by_one(void **state) {
    (void)state;
    recs_events *e = make(NULL);
    assert_int_equal(recs_events_begin(e, "sku-1", RECS_EVENT_VIEW, 5, NULL), RECS_OK);
    assert_absent(e, 0);
    assert_int_equal(recs_events_begin(e, "sku-2", RECS_EVENT_BUY, RECS_NO_TIME, NULL), RECS_OK);
    for (int32_t field = 0; field < RECS_FIELD_COUNT; field++) {
        char text[32];
        snprintf(text, sizeof text, "text %d", field);
        assert_int_equal(recs_events_text(e, field, text, NULL), RECS_OK);
    }
    assert_int_equal(recs_events_quantity(e, -2.5, NULL), RECS_OK);
    assert_int_equal(recs_events_price(e, 9.99, NULL), RECS_OK);
    assert_int_equal(recs_events_value(e, 4, NULL), RECS_OK);
    assert_int_equal(recs_events_source(e, RECS_SOURCE_RECOMMENDED, NULL), RECS_OK);
    assert_int_equal(recs_events_propensity(e, 0.25, NULL), RECS_OK);
    assert_int_equal(recs_events_position(e, 3, NULL), RECS_OK);
    assert_int_equal(recs_events_begin(e, "sku-3", RECS_EVENT_MAX, -1, NULL), RECS_OK);

    assert_int_equal(recs_events_count(e), 3);
    assert_absent(e, 0);
    assert_text(e, 0, RECS_FIELD_ITEM, "sku-1");
    assert_text(e, 1, RECS_FIELD_ITEM, "text 4");
    assert_text(e, 1, RECS_FIELD_USER, "text 1");
    assert_text(e, 1, RECS_FIELD_PLACEMENT, "text 8");
    assert_true(recs_events_get_quantity(e, 1) == -2.5);
    assert_true(recs_events_get_price(e, 1) == 9.99);
    assert_true(recs_events_get_value(e, 1) == 4);
    assert_true(recs_events_get_propensity(e, 1) == 0.25);
    assert_int_equal(recs_events_get_source(e, 1), RECS_SOURCE_RECOMMENDED);
    assert_int_equal(recs_events_get_position(e, 1), 3);
    assert_int_equal(recs_events_get_type(e, 1), RECS_EVENT_BUY);
    assert_true(recs_events_get_time(e, 1) == RECS_NO_TIME);
    assert_absent(e, 2);
    assert_text(e, 2, RECS_FIELD_ITEM, "sku-3");
    assert_int_equal(recs_events_get_type(e, 2), 31);
    assert_true(recs_events_get_time(e, 2) == -1);

    /* A text set again replaces; an empty one takes it away. */
    assert_int_equal(recs_events_text(e, RECS_FIELD_USER, "first", NULL), RECS_OK);
    assert_int_equal(recs_events_text(e, RECS_FIELD_USER, "2nd", NULL), RECS_OK);
    assert_text(e, 2, RECS_FIELD_USER, "2nd");
    assert_int_equal(recs_events_text(e, RECS_FIELD_USER, "", NULL), RECS_OK);
    assert_text(e, 2, RECS_FIELD_USER, NULL);
    assert_text(e, 1, RECS_FIELD_USER, "text 1");

    /* Beyond the last event everything is absent. */
    assert_text(e, 3, RECS_FIELD_ITEM, NULL);
    assert_text(e, 0, RECS_FIELD_COUNT, NULL);
    recs_events_destroy(e);
    recs_events_destroy(NULL);
}

#define REFUSED(call, wanted, part)                                                              \
    do {                                                                                         \
        recs_error error = {0};                                                                  \
        assert_int_equal((call), (wanted));                                                      \
        assert_int_equal(error.status, (wanted));                                                \
        if (strstr(error.text, (part)) == NULL)                                                  \
            fail_msg("\"%s\" does not name \"%s\"", error.text, (part));                         \
    } while (0)

static void test_refused(void **state) {
    (void)state;
    recs_events *e = make(NULL);
    char longest[RECS_ID_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[RECS_ID_MAX + 1] = '\0';
    REFUSED(recs_events_quantity(e, 1, &error), RECS_ERR_STATE, "recs_events_begin");
    REFUSED(recs_events_text(e, RECS_FIELD_USER, "u", &error), RECS_ERR_STATE, "begin");
    REFUSED(recs_events_source(e, 0, &error), RECS_ERR_STATE, "begin");
    REFUSED(recs_events_position(e, 0, &error), RECS_ERR_STATE, "begin");
    REFUSED(recs_events_begin(e, "", 0, 0, &error), RECS_ERR_ARGUMENT, "is empty");
    REFUSED(recs_events_begin(e, NULL, 0, 0, &error), RECS_ERR_ARGUMENT, "is empty");
    REFUSED(recs_events_begin(e, "a\xFF", 0, 0, &error), RECS_ERR_ARGUMENT, "UTF-8");
    REFUSED(recs_events_begin(e, longest, 0, 0, &error), RECS_ERR_ARGUMENT, "511");
    REFUSED(recs_events_begin(e, "a", 32, 0, &error), RECS_ERR_ARGUMENT, "32");
    REFUSED(recs_events_begin(e, "a", -1, 0, &error), RECS_ERR_ARGUMENT, "-1");
    assert_int_equal(recs_events_count(e), 0);

    longest[RECS_ID_MAX] = '\0';
    assert_int_equal(recs_events_begin(e, longest, 0, 0, NULL), RECS_OK);
    assert_text(e, 0, RECS_FIELD_ITEM, longest);
    assert_int_equal(recs_events_text(e, RECS_FIELD_USER, "kept", NULL), RECS_OK);
    REFUSED(recs_events_text(e, RECS_FIELD_USER, "\xC0\x80", &error), RECS_ERR_ARGUMENT, "user");
    assert_text(e, 0, RECS_FIELD_USER, "kept");
    REFUSED(recs_events_text(e, RECS_FIELD_ITEM, "", &error), RECS_ERR_ARGUMENT, "item");
    REFUSED(recs_events_text(e, 9, "x", &error), RECS_ERR_ARGUMENT, "9");
    REFUSED(recs_events_quantity(e, (double)NAN, &error), RECS_ERR_ARGUMENT, "quantity");
    REFUSED(recs_events_price(e, (double)INFINITY, &error), RECS_ERR_ARGUMENT, "inf");
    REFUSED(recs_events_value(e, -(double)INFINITY, &error), RECS_ERR_ARGUMENT, "value");
    REFUSED(recs_events_propensity(e, 0, &error), RECS_ERR_ARGUMENT, "propensity");
    REFUSED(recs_events_propensity(e, 1.5, &error), RECS_ERR_ARGUMENT, "1.5");
    REFUSED(recs_events_propensity(e, (double)NAN, &error), RECS_ERR_ARGUMENT, "propensity");
    REFUSED(recs_events_source(e, 2, &error), RECS_ERR_ARGUMENT, "2");
    assert_true(recs_events_get_quantity(e, 0) == 1);
    assert_true(isnan(recs_events_get_price(e, 0)));
    recs_events_destroy(e);
}

static void test_columns(void **state) {
    (void)state;
    recs_events *e = make(NULL);
    const uint32_t items[] = {0, 1, 3, 6}, users[] = {0, 0, 2, 2};
    const int32_t types[] = {3, 0, 31};
    const int64_t times[] = {30, RECS_NO_TIME, -10};
    const double numbers[] = {2, (double)NAN, -1};
    assert_int_equal(recs_events_set_times(e, times, 3, NULL), RECS_OK);
    assert_int_equal(recs_events_count(e), 3);
    assert_text(e, 0, RECS_FIELD_ITEM, NULL);
    assert_int_equal(recs_events_get_type(e, 2), RECS_EVENT_VIEW);
    assert_int_equal(recs_events_set_text(e, RECS_FIELD_ITEM, "abbccc", items, 3, NULL), RECS_OK);
    assert_int_equal(recs_events_set_text(e, RECS_FIELD_USER, "u1", users, 3, NULL), RECS_OK);
    assert_int_equal(recs_events_set_types(e, types, 3, NULL), RECS_OK);
    assert_int_equal(recs_events_set_quantities(e, numbers, 3, NULL), RECS_OK);
    assert_int_equal(recs_events_set_prices(e, numbers, 3, NULL), RECS_OK);
    assert_int_equal(recs_events_set_values(e, numbers, 3, NULL), RECS_OK);
    assert_text(e, 0, RECS_FIELD_ITEM, "a");
    assert_text(e, 1, RECS_FIELD_ITEM, "bb");
    assert_text(e, 2, RECS_FIELD_ITEM, "ccc");
    assert_text(e, 0, RECS_FIELD_USER, NULL);
    assert_text(e, 1, RECS_FIELD_USER, "u1");
    assert_text(e, 2, RECS_FIELD_USER, NULL);
    assert_int_equal(recs_events_get_type(e, 2), 31);
    assert_true(recs_events_get_time(e, 2) == -10);
    assert_true(recs_events_get_quantity(e, 0) == 2);
    assert_true(recs_events_get_quantity(e, 1) == 1);
    assert_true(isnan(recs_events_get_price(e, 1)));
    assert_true(recs_events_get_value(e, 2) == -1);

    /* An event may follow the columns. */
    assert_int_equal(recs_events_begin(e, "d", 1, 7, NULL), RECS_OK);
    assert_text(e, 3, RECS_FIELD_ITEM, "d");
    assert_text(e, 3, RECS_FIELD_USER, NULL);
    assert_text(e, 2, RECS_FIELD_ITEM, "ccc");
    assert_int_equal(recs_events_text(e, RECS_FIELD_USER, "u2", NULL), RECS_OK);
    assert_text(e, 3, RECS_FIELD_USER, "u2");
    assert_text(e, 2, RECS_FIELD_USER, NULL);

    recs_events_reset(e);
    assert_int_equal(recs_events_count(e), 0);
    assert_int_equal(recs_events_set_times(e, times, 2, NULL), RECS_OK);
    assert_int_equal(recs_events_begin(e, "z", 1, 7, NULL), RECS_OK);
    assert_text(e, 1, RECS_FIELD_ITEM, NULL);
    assert_text(e, 2, RECS_FIELD_ITEM, "z");
    assert_int_equal(recs_events_get_type(e, 1), RECS_EVENT_VIEW);
    recs_events_destroy(e);
}

static void test_columns_refused(void **state) {
    (void)state;
    recs_events *e = make(NULL);
    const uint32_t good[] = {0, 1, 2}, late[] = {1, 1, 2}, back[] = {0, 2, 1}, gap[] = {0, 1, 1};
    const int32_t types[] = {0, 32};
    const double numbers[] = {1, (double)INFINITY};
    const int64_t times[] = {1, 2, 3};
    REFUSED(recs_events_set_text(e, RECS_FIELD_ITEM, "ab", late, 2, &error), RECS_ERR_ARGUMENT,
            "start at 1");
    REFUSED(recs_events_set_text(e, RECS_FIELD_ITEM, "ab", back, 2, &error), RECS_ERR_ARGUMENT,
            "row 1");
    REFUSED(recs_events_set_text(e, RECS_FIELD_ITEM, "ab", gap, 2, &error), RECS_ERR_ARGUMENT,
            "row 1");
    REFUSED(recs_events_set_text(e, RECS_FIELD_USER, "a\xFF", good, 2, &error), RECS_ERR_ARGUMENT,
            "UTF-8");
    REFUSED(recs_events_set_text(e, RECS_FIELD_USER, NULL, good, 2, &error), RECS_ERR_ARGUMENT,
            "NULL");
    REFUSED(recs_events_set_text(e, -1, "ab", good, 2, &error), RECS_ERR_ARGUMENT, "-1");
    REFUSED(recs_events_set_types(e, types, 2, &error), RECS_ERR_ARGUMENT, "row 1 is 32");
    REFUSED(recs_events_set_prices(e, numbers, 2, &error), RECS_ERR_ARGUMENT, "row 1");
    REFUSED(recs_events_set_times(e, NULL, 2, &error), RECS_ERR_ARGUMENT, "NULL");
    assert_int_equal(recs_events_count(e), 0);
    assert_int_equal(recs_events_set_text(e, RECS_FIELD_ITEM, "ab", good, 2, NULL), RECS_OK);
    REFUSED(recs_events_set_times(e, times, 3, &error), RECS_ERR_ARGUMENT, "3 members, expected 2");
    REFUSED(recs_events_set_times(e, times, 0, &error), RECS_ERR_ARGUMENT, "0 members");
    assert_int_equal(recs_events_count(e), 2);
    recs_events_destroy(e);
}

static void fill(recs_events *e, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "item-%zu", i);
        assert_int_equal(recs_events_begin(e, id, (int32_t)(i % 8), (int64_t)i, NULL), RECS_OK);
        if (i % 3 == 0)
            assert_int_equal(recs_events_text(e, RECS_FIELD_USER, id + 5, NULL), RECS_OK);
        if (i % 5 == 0)
            assert_int_equal(recs_events_price(e, (double)i, NULL), RECS_OK);
    }
}

static void test_a_warm_batch_allocates_nothing(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs_events *e = make(&faults.host);
    enum { COUNT = 20000 };
    fill(e, COUNT);
    size_t total = faults.total, bytes = faults.live_bytes;
    for (int round = 0; round < 3; round++) {
        recs_events_reset(e);
        assert_int_equal(recs_events_count(e), 0);
        fill(e, COUNT);
        for (size_t i = 0; i < COUNT; i += 77) {
            char id[32];
            snprintf(id, sizeof id, "item-%zu", i);
            assert_text(e, i, RECS_FIELD_ITEM, id);
            assert_text(e, i, RECS_FIELD_USER, i % 3 == 0 ? id + 5 : NULL);
            assert_true(i % 5 == 0 ? recs_events_get_price(e, i) == (double)i
                                   : isnan(recs_events_get_price(e, i)));
        }
    }
    assert_int_equal(faults.total, total);
    assert_int_equal(faults.live_bytes, bytes);
    recs_events_destroy(e);
    fault_host_done(&faults);
}

static void test_out_of_memory(void **state) {
    (void)state;
    static const uint32_t offsets[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const double numbers[12] = {0};
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_events *e = NULL;
        if (!fault_passed(&faults, recs_events_create(&e, &faults.host, &error), &error))
            continue;
        bool begun =
            fault_passed(&faults, recs_events_begin(e, "thing", 2, 9, &error), &error);
        assert_int_equal(recs_events_count(e), begun ? 1 : 0);
        if (begun) {
            assert_text(e, 0, RECS_FIELD_ITEM, "thing");
            bool set =
                fault_passed(&faults, recs_events_text(e, RECS_FIELD_USER, "u", &error), &error);
            assert_text(e, 0, RECS_FIELD_USER, set ? "u" : NULL);
            set = fault_passed(&faults, recs_events_price(e, 3, &error), &error);
            assert_true(set ? recs_events_get_price(e, 0) == 3
                            : isnan(recs_events_get_price(e, 0)));
            set = fault_passed(&faults, recs_events_source(e, 1, &error), &error);
            assert_int_equal(recs_events_get_source(e, 0), set ? 1 : 0);
            set = fault_passed(&faults, recs_events_position(e, 1, &error), &error);
            assert_int_equal(recs_events_get_position(e, 0), set ? 1 : UINT32_MAX);
        }
        recs_events_reset(e);
        bool set = fault_passed(
            &faults,
            recs_events_set_text(e, RECS_FIELD_ITEM, "abcdefghijkl", offsets, 12, &error), &error);
        assert_int_equal(recs_events_count(e), set ? 12 : 0);
        if (set)
            assert_text(e, 11, RECS_FIELD_ITEM, "l");
        recs_events_reset(e);
        set = fault_passed(&faults, recs_events_set_quantities(e, numbers, 12, &error), &error);
        assert_int_equal(recs_events_count(e), set ? 12 : 0);
        recs_events_destroy(e);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_columns_refused),
        cmocka_unit_test(test_a_warm_batch_allocates_nothing),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
