/* test_cover.c - a cover holds the circle, touches it everywhere, is disjoint
 * and within its number. */
#include "base/random.h"
#include "recs/places.h"
#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static uint64_t cells[RECS_COVER_MAX];

static bool covered(uint64_t leaf, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (recs_cell_contains(cells[i], leaf))
            return true;
    return false;
}

static double uniform(recs__random *random, double low, double high) {
    return low + (high - low) * recs__random_double(random);
}

static void check_one(recs__random *random, double latitude, double longitude, double radius,
                      uint32_t first, uint32_t step, uint32_t last, size_t most) {
    size_t count = 99;
    recs_error error = {0};
    memset(cells, 0xee, sizeof cells);
    recs_status status = recs_cells_cover(latitude, longitude, radius, first, step, last, most,
                                          cells, &count, &error);
    if (most < RECS_COVER_MAX)
        assert_true(cells[most] == UINT64_C(0xeeeeeeeeeeeeeeee));
    if (status == RECS_ERR_LIMIT) {
        assert_int_equal(count, 0);
        return;
    }
    assert_int_equal(status, RECS_OK);
    assert_true(count >= 1 && count <= most);
    for (size_t i = 0; i < count; i++) {
        double near, far;
        uint32_t level = recs_cell_level(cells[i]);
        assert_true(level >= first && level <= last && (level - first) % step == 0);
        assert_true(i == 0 || cells[i - 1] < cells[i]);
        recs_cell_distance(cells[i], latitude, longitude, &near, &far);
        assert_true(near <= radius + 1e-5);
        for (size_t j = 0; j < i; j++)
            assert_false(recs_cell_contains(cells[i], cells[j]) ||
                         recs_cell_contains(cells[j], cells[i]));
    }
    assert_true(covered(recs_cell_at(latitude, longitude, 30), count));
    /* Points of the circle, the rim among them, found by walking towards random ones. */
    for (int s = 0; s < 200; s++) {
        double reach = fmin(radius / 111195.0, 180);
        double la = latitude + uniform(random, -reach, reach);
        double lo = longitude + uniform(random, -reach, reach) / fmax(0.01, cos(latitude / 57.3));
        if (la > 90 || la < -90) { /* over the pole */
            la = (la > 0 ? 180 : -180) - la;
            lo += 180;
        }
        while (lo > 180) /* across the date line */
            lo -= 360;
        while (lo < -180)
            lo += 360;
        if (recs_distance(latitude, longitude, la, lo) <= radius)
            assert_true(covered(recs_cell_at(la, lo, 30), count));
    }
}

static void covers_hold_their_circle(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 11);
    for (int i = 0; i < 600; i++) {
        double latitude = uniform(&random, -90, 90), longitude = uniform(&random, -180, 180);
        if (i % 7 == 0)
            latitude = i % 2 ? 90 : -90;
        if (i % 5 == 0)
            longitude = i % 2 ? 180 : -179.9999;
        double radius = exp2(uniform(&random, -4, 24.4));
        uint32_t first = (uint32_t)recs__random_below(&random, 7);
        uint32_t step = 1 + (uint32_t)recs__random_below(&random, 4);
        uint32_t last = first + (uint32_t)recs__random_below(&random, 20);
        size_t most = 1 + recs__random_below(&random, i % 3 ? 60 : 400);
        check_one(&random, latitude, longitude, radius, first, step, last, most);
    }
}

static void the_whole_globe_and_a_point(void **state) {
    (void)state;
    size_t count;
    assert_int_equal(recs_cells_cover(10, 20, 2.1e7, 0, 1, 30, 100, cells, &count, NULL), RECS_OK);
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(recs_cell_level(cells[i]), 0);
    assert_int_equal(recs_cells_cover(10, 20, 0, 0, 1, 30, 8, cells, &count, NULL), RECS_OK);
    assert_int_equal(count, 1);
    assert_true(cells[0] == recs_cell_at(10, 20, 30));
    assert_int_equal(recs_cells_cover(90, 20, 0, 2, 1, 2, 8, cells, &count, NULL), RECS_OK);
    assert_int_equal(count, 4); /* four meet at the pole */
    assert_int_equal(recs_cells_cover(10, 20, 1, 5, 7, 30, 1, cells, &count, NULL), RECS_OK);
    assert_int_equal(count, 1);
}

/* Circles across the date line and over a pole: points on its other side are inside. */
static void what_lies_beyond_the_edge_of_a_map(void **state) {
    (void)state;
    static const struct {
        double latitude, longitude, there_latitude, there_longitude;
    } cases[] = {{-17.5, 179.99, -17.5, -179.99}, {64.0, -179.9, 64.0, 179.9},
                 {0.0, 180.0, 0.0, -179.99},      {89.99, 0.0, 89.99, 180.0},
                 {-89.995, 45.0, -89.995, -135.0}, {89.9, -90.0, 90.0, 13.0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t count;
        double far = recs_distance(cases[c].latitude, cases[c].longitude, cases[c].there_latitude,
                                   cases[c].there_longitude);
        assert_true(far > 0 && far < 25000);
        for (uint32_t last = 8; last <= 20; last += 4) {
            assert_int_equal(recs_cells_cover(cases[c].latitude, cases[c].longitude, far + 1, 4, 1,
                                              last, 64, cells, &count, NULL),
                             RECS_OK);
            assert_true(covered(recs_cell_at(cases[c].there_latitude, cases[c].there_longitude, 30),
                                count));
        }
    }
    /* Both ends of the date line are one meridian, a pole is one point. */
    assert_true(recs_cell_at(12.5, 180, 30) == recs_cell_at(12.5, -180, 30));
    assert_true(recs_cell_at(90, 0, 30) == recs_cell_at(90, 77, 30));
    assert_true(recs_distance(12.5, 180, 12.5, -180) < 1e-6);
}

/* More cells never cover more, and soon little that is outside. */
static void more_cells_are_closer(void **state) {
    (void)state;
    double before = INFINITY, circle = acos(-1) * 10000.0 * 10000.0;
    for (size_t most = 4; most <= 1024; most *= 2) {
        size_t count;
        double area = 0;
        assert_int_equal(
            recs_cells_cover(48.8566, 2.3522, 10000, 4, 1, 20, most, cells, &count, NULL), RECS_OK);
        for (size_t i = 0; i < count; i++)
            area += recs_cell_area(cells[i]);
        assert_true(area >= circle * 0.9999 && area <= before * 1.0001);
        before = area;
    }
    assert_true(before < 1.03 * circle);
}

static void bad_requests_are_refused(void **state) {
    (void)state;
    size_t count = 1;
    recs_error error;
    const double bad[] = {NAN, INFINITY, -1, -INFINITY};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(recs_cells_cover(1, 2, bad[i], 0, 1, 9, 9, cells, &count, &error),
                         RECS_ERR_ARGUMENT);
    assert_int_equal(recs_cells_cover(91, 2, 5, 0, 1, 9, 9, cells, &count, &error),
                     RECS_ERR_ARGUMENT);
    assert_string_equal(error.text, "latitude 91, expected degrees from -90 to 90");
    assert_int_equal(recs_cells_cover(1, 181, 5, 0, 1, 9, 9, cells, &count, &error),
                     RECS_ERR_ARGUMENT);
    assert_string_equal(error.text, "longitude 181, expected degrees from -180 to 180");
    assert_int_equal(recs_cells_cover(1, 2, 5, 9, 1, 8, 9, cells, &count, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_cells_cover(1, 2, 5, 0, 0, 8, 9, cells, &count, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_cells_cover(1, 2, 5, 0, 1, 31, 9, cells, &count, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_cells_cover(1, 2, 5, 0, 1, 8, 0, cells, &count, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_cells_cover(1, 2, 5, 0, 1, 8, RECS_COVER_MAX + 1, cells, &count, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs_cells_cover(1, 2, 1e6, 12, 1, 14, 50, cells, &count, &error),
                     RECS_ERR_LIMIT);
    assert_int_equal(count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covers_hold_their_circle),
        cmocka_unit_test(the_whole_globe_and_a_point),
        cmocka_unit_test(what_lies_beyond_the_edge_of_a_map),
        cmocka_unit_test(more_cells_are_closer),
        cmocka_unit_test(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
