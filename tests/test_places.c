/* test_places.c - coordinates as paths, cells out of paths, columns of them. */
#include "base/random.h"
#include "recs/places.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static void paths_hold_their_cells(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 21);
    char place[RECS_PLACE_ROOM], again[RECS_PLACE_ROOM];
    assert_int_equal(
        recs_place_from_coordinates(40.6892, -74.0445, 4, 3, 13, place, sizeof place, NULL), RECS_OK);
    assert_string_equal(place, "geo/89d/89c24/89c251/89c2508c");
    for (int i = 0; i < 5000; i++) {
        double latitude = recs__random_double(&random) * 180 - 90;
        double longitude = recs__random_double(&random) * 360 - 180;
        uint32_t first = (uint32_t)recs__random_below(&random, 31);
        uint32_t last = first + (uint32_t)recs__random_below(&random, 31 - first);
        uint32_t step = 1 + (uint32_t)recs__random_below(&random, 6);
        assert_int_equal(recs_place_from_coordinates(latitude, longitude, first, step, last, place,
                                                     sizeof place, NULL),
                         RECS_OK);
        uint32_t reached = first + (last - first) / step * step;
        uint64_t cell = recs_cell_at(latitude, longitude, reached);
        assert_true(recs_place_cell(place) == cell);
        assert_int_equal(recs_place_from_cell(cell, first, step, again, sizeof again, NULL),
                         RECS_OK);
        assert_string_equal(place, again);
        strcat(place, "/fair");
        assert_true(recs_place_cell(place) == cell);
    }
}

static void what_is_no_path_of_cells(void **state) {
    (void)state;
    static const char *const none[] = {"", "geo", "geo/", "geo//", "us/ca", "GEO/89d", "geox/89d",
                                       "geo/x/89c2", "geo/890", "/geo/89d"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_true(recs_place_cell(none[i]) == 0);
    assert_true(recs_place_cell(NULL) == 0);
    uint64_t cell = recs_cell_from_token("89d");
    static const char *const some[] = {"geo/89d", "geo/89d/", "geo/89d/89d", "geo/89d//89c24",
                                       "geo/89d/487", "geo/89d/123456789abcdef123456"};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        assert_true(recs_place_cell(some[i]) == cell);
}

static void bad_requests_are_refused(void **state) {
    (void)state;
    char place[RECS_PLACE_ROOM];
    recs_error error;
    assert_int_equal(recs_place_from_coordinates(NAN, 0, 4, 3, 13, place, sizeof place, &error),
                     RECS_ERR_ARGUMENT);
    assert_string_equal(error.text, "latitude nan, expected degrees from -90 to 90");
    assert_int_equal(recs_place_from_coordinates(0, 360, 4, 3, 13, place, sizeof place, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_place_from_coordinates(0, 0, 4, 0, 13, place, sizeof place, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_place_from_coordinates(0, 0, 14, 1, 13, place, sizeof place, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_place_from_coordinates(0, 0, 4, 3, 13, place, 8, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_place_from_coordinates(0, 0, 4, 3, 13, NULL, 99, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_place_from_cell(0, 4, 3, place, sizeof place, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(
        recs_place_from_cell(recs_cell_at(1, 1, 5), 4, 3, place, sizeof place, &error),
        RECS_ERR_ARGUMENT);
    /* The longest there is */
    assert_int_equal(recs_place_from_coordinates(1, 1, 0, 1, 30, place, sizeof place, &error),
                     RECS_OK);
    assert_true(strlen(place) <= RECS_ID_MAX);
}

static void columns_of_events(void **state) {
    (void)state;
    recs_events *events;
    recs_error error;
    const double latitudes[] = {40.6892, NAN, 51.5007}, longitudes[] = {-74.0445, NAN, -0.1246};
    const double bad[] = {1, 2, 95};
    size_t size;
    assert_int_equal(recs_events_create(&events, NULL, &error), RECS_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(recs_events_begin(events, "a", RECS_EVENT_BUY, i, &error), RECS_OK);
    assert_int_equal(
        recs_events_set_coordinates(events, latitudes, longitudes, 3, 4, 9, 13, &error), RECS_OK);
    assert_string_equal(recs_events_get_text(events, 0, RECS_FIELD_PLACE, &size),
                        "geo/89d/89c2508c");
    assert_null(recs_events_get_text(events, 1, RECS_FIELD_PLACE, &size));
    assert_string_equal(recs_events_get_text(events, 2, RECS_FIELD_PLACE, &size),
                        "geo/487/487604c4");

    assert_int_equal(recs_events_set_coordinates(events, bad, longitudes, 3, 4, 9, 13, &error),
                     RECS_ERR_ARGUMENT);
    assert_string_equal(error.text,
                        "entry 1: longitude nan, expected degrees from -180 to 180");
    assert_int_equal(recs_events_set_coordinates(events, latitudes, longitudes, 2, 4, 9, 13, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_events_set_coordinates(events, NULL, longitudes, 3, 4, 9, 13, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_events_set_coordinates(events, latitudes, longitudes, 3, 4, 0, 13, &error),
                     RECS_ERR_ARGUMENT);
    assert_string_equal(recs_events_get_text(events, 0, RECS_FIELD_PLACE, &size),
                        "geo/89d/89c2508c");
    recs_events_destroy(events);
}

static void failed_allocations_change_nothing(void **state) {
    (void)state;
    const double latitudes[] = {40.6892, 10}, longitudes[] = {-74.0445, 20};
    fault_host faults;
    fault_host_init(&faults);
    FAULT_LOOP(faults) {
        recs_events *events;
        recs_error error = {0};
        size_t size;
        fault_off(&faults);
        assert_int_equal(recs_events_create(&events, &faults.host, &error), RECS_OK);
        for (int i = 0; i < 2; i++)
            assert_int_equal(recs_events_begin(events, "a", RECS_EVENT_BUY, i, &error), RECS_OK);
        assert_int_equal(recs_events_text(events, RECS_FIELD_PLACE, "us", &error), RECS_OK);
        fault_on(&faults);
        bool set = fault_passed(
            &faults,
            recs_events_set_coordinates(events, latitudes, longitudes, 2, 4, 9, 13, &error), &error);
        fault_off(&faults);
        assert_string_equal(recs_events_get_text(events, 1, RECS_FIELD_PLACE, &size),
                            set ? "geo/113/11282084" : "us");
        recs_events_destroy(events);
    }
    fault_host_done(&faults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_hold_their_cells),
        cmocka_unit_test(what_is_no_path_of_cells),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(columns_of_events),
        cmocka_unit_test(failed_allocations_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
