/* test_cells.c - cells against what the S2 libraries give, and against the
 * geometry that defines them. */
#include "base/random.h"
#include "recs/places.h"
#include "support/test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static double uniform(recs__random *random, double low, double high) {
    return low + (high - low) * recs__random_double(random);
}

static uint64_t random_cell(recs__random *random, uint32_t level) {
    double z = uniform(random, -1, 1);
    return recs_cell_at(asin(z) * 57.29577951308232, uniform(random, -180, 180), level);
}

/* Tokens at levels 4, 13 and 30 as Google's library and its Python port give them. */
static void tokens_are_those_of_s2(void **state) {
    (void)state;
    static const struct {
        double latitude, longitude;
        const char *tokens[3];
    } known[] = {
        {40.6892, -74.0445, {"89d", "89c2508c", "89c25088d6fe3dd9"}},
        {51.5007, -0.1246, {"487", "487604c4", "487604c43f1045c3"}},
        {-33.8568, 151.2153, {"6b1", "6b12ae64", "6b12ae669072a21f"}},
        {90, 0, {"501", "50000004", "5000000000000001"}},
        {-90, 77, {"b01", "b0000004", "b000000000000001"}},
        {0, -180, {"701", "70000004", "7000000000000001"}},
        {0, 180, {"701", "70000004", "7000000000000001"}},
        {64.1466, -21.9426, {"48d", "48d60b2c", "48d60b2d9a05f47d"}},
        {-16.5, 179.99, {"6e3", "6e20006c", "6e20006ff0f21f03"}},
        {35.6586, 139.7454, {"601", "60188bbc", "60188bbd9a7f993b"}},
    };
    static const uint32_t levels[] = {4, 13, 30};
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
        for (int l = 0; l < 3; l++) {
            char token[RECS_CELL_TOKEN_ROOM];
            uint64_t cell = recs_cell_at(known[k].latitude, known[k].longitude, levels[l]);
            assert_int_equal(recs_cell_token(cell, token), 1);
            assert_string_equal(token, known[k].tokens[l]);
            assert_true(recs_cell_from_token(token) == cell);
            assert_int_equal(recs_cell_level(cell), levels[l]);
        }
}

/* Whatever the longitude, a pole is one point; both names of the date line are one
 * meridian. */
static void poles_and_the_date_line(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 4);
    for (int i = 0; i < 2000; i++) {
        double longitude = uniform(&random, -180, 180), latitude = uniform(&random, -90, 90);
        assert_true(recs_cell_at(90, longitude, 30) == recs_cell_at(90, 0, 30));
        assert_true(recs_cell_at(-90, longitude, 30) == recs_cell_at(-90, 0, 30));
        assert_true(recs_cell_at(latitude, 180, 30) == recs_cell_at(latitude, -180, 30));
        assert_true(recs_distance(latitude, 180, latitude, -180) == 0);
        assert_true(recs_distance(90, longitude, 90, 12) < 1e-6);
    }
    double pole = recs_distance(90, 0, -90, 55), half = acos(-1) * 6371008.8;
    assert_true(fabs(pole - half) < 1e-6 * half);
    assert_true(fabs(recs_distance(0, 179.999, 0, -179.999) - 0.002 / 180 * half) < 1e-3);
}

static void what_is_out_of_range_is_no_cell(void **state) {
    (void)state;
    const double bad[] = {90.0000001, -91, 1e300, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(recs_cell_at(bad[i], 0, 5) == 0);
        assert_true(recs_cell_at(0, bad[i] * 2, 5) == 0);
        assert_true(isnan(recs_distance(0, 0, bad[i], 0)));
    }
    assert_true(recs_cell_at(1, 1, 31) == 0);
    assert_true(recs_cell_at(1, 1, UINT32_MAX) == 0);
    double a[4], b[4], near = 1, far = 1;
    const uint64_t none[] = {0, UINT64_C(7) << 61 | 1, UINT64_C(6) << 61 | UINT64_C(1) << 60,
                             UINT64_C(1) << 61, 2, UINT64_C(1) << 59};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        uint64_t others[8];
        char token[RECS_CELL_TOKEN_ROOM] = "x";
        assert_int_equal(recs_cell_valid(none[i]), 0);
        assert_int_equal(recs_cell_level(none[i]), 0);
        assert_true(recs_cell_parent(none[i], 0) == 0 && recs_cell_child(none[i], 0) == 0);
        assert_int_equal(recs_cell_neighbours(none[i], others), 0);
        assert_int_equal(recs_cell_centre(none[i], a, b) + recs_cell_corners(none[i], a, b), 0);
        assert_true(recs_cell_area(none[i]) == 0);
        assert_int_equal(recs_cell_token(none[i], token), 0);
        assert_string_equal(token, "");
        assert_int_equal(recs_cell_distance(none[i], 0, 0, &near, &far), 0);
        assert_true(near == 0 && far == 0);
        assert_int_equal(recs_cell_contains(none[i], recs_cell_at(0, 0, 3)), 0);
    }
    const char *texts[] = {"", "0", "g", "89C", "89c ", "890", "f", "c1", "89c25088d6fe3dd91",
                           "-1", "0x89c", "89c2508c0000000", "\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_true(recs_cell_from_token(texts[i]) == 0);
    assert_true(recs_cell_from_token(NULL) == 0);
}

static void parents_and_children_are_nested(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 5);
    for (int i = 0; i < 3000; i++) {
        double latitude = uniform(&random, -90, 90), longitude = uniform(&random, -180, 180);
        uint64_t leaf = recs_cell_at(latitude, longitude, 30);
        for (uint32_t level = 0; level <= 30; level++) {
            uint64_t cell = recs_cell_at(latitude, longitude, level);
            assert_true(recs_cell_parent(leaf, level) == cell);
            assert_true(recs_cell_contains(cell, leaf));
            assert_int_equal(recs_cell_contains(leaf, cell), level == 30);
            int holding = 0;
            for (uint32_t k = 0; k < 5; k++) {
                uint64_t child = recs_cell_child(cell, k);
                assert_int_equal(child != 0, level < 30 && k < 4);
                assert_true(child == 0 || recs_cell_parent(child, level) == cell);
                holding += child != 0 && recs_cell_contains(child, leaf);
            }
            assert_int_equal(holding, level < 30);
        }
    }
}

/* A point of a cell is nearer to its middle than its farthest corner, the middle
 * is in it, its corners lie on its rim, and distances are those of samples. */
static void geometry_agrees_with_samples(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 6);
    for (int i = 0; i < 3000; i++) {
        uint32_t level = (uint32_t)recs__random_below(&random, 24);
        uint64_t cell = random_cell(&random, level);
        double latitude, longitude, lats[4], lngs[4], near, far;
        assert_int_equal(recs_cell_centre(cell, &latitude, &longitude), 1);
        assert_true(recs_cell_at(latitude, longitude, level) == cell);
        assert_int_equal(recs_cell_distance(cell, latitude, longitude, &near, &far), 1);
        assert_true(near == 0);
        assert_int_equal(recs_cell_corners(cell, lats, lngs), 1);
        double corner = 0;
        for (int c = 0; c < 4; c++)
            corner = fmax(corner, recs_distance(latitude, longitude, lats[c], lngs[c]));
        if (level > 0)
            assert_true(fabs(corner - far) < 1e-5 * corner);

        double x = asin(uniform(&random, -1, 1)) * 57.29577951308232;
        double y = uniform(&random, -180, 180);
        assert_int_equal(recs_cell_distance(cell, x, y, &near, &far), 1);
        assert_true(near <= far);
        double nearest = INFINITY, farthest = 0;
        for (int s = 0; s < 40; s++) {
            uint64_t within = cell;
            for (uint32_t l = level; l < 30; l++)
                within = recs_cell_child(within, (uint32_t)recs__random_below(&random, 4));
            assert_true(recs_cell_contains(cell, within));
            assert_int_equal(recs_cell_centre(within, &latitude, &longitude), 1);
            double at = recs_distance(x, y, latitude, longitude);
            nearest = fmin(nearest, at);
            farthest = fmax(farthest, at);
        }
        assert_true(near <= nearest + 1e-6 && far >= farthest - 1e-6);
        assert_true(nearest - near <= 3 * corner && far - farthest <= 3 * corner);
    }
}

static void areas_add_up(void **state) {
    (void)state;
    const double sphere = 4 * acos(-1) * 6371008.8 * 6371008.8;
    for (uint32_t level = 0; level <= 5; level++) {
        double sum = 0, least = INFINITY, most = 0;
        for (uint64_t face = 0; face < 6; face++) {
            uint64_t count = UINT64_C(1) << 2 * level;
            for (uint64_t at = 0; at < count; at++) {
                uint64_t cell = face << 61 | (2 * at + 1) << (60 - 2 * level);
                double area = recs_cell_area(cell);
                sum += area;
                least = fmin(least, area);
                most = fmax(most, area);
            }
        }
        assert_true(fabs(sum / sphere - 1) < 1e-12);
        assert_true(most / least < 2.1);
    }
}

/* A neighbour shares a corner or an edge: some corner of one is on the rim of the
 * other. And no cell that does is missing: points around the rim are in them. */
static void neighbours_are_around(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 7);
    for (int i = 0; i < 4000; i++) {
        uint32_t level = (uint32_t)recs__random_below(&random, 25);
        uint64_t cell = random_cell(&random, level), others[8];
        if (i % 4 == 0) { /* along an edge or at a corner of the cube */
            cell = recs_cell_at(35.26438968275 + uniform(&random, -1e-4, 1e-4), 90 * (i % 3) - 45,
                                level);
        }
        size_t count = recs_cell_neighbours(cell, others);
        assert_true(level == 0 ? count == 4 : level == 1 ? count >= 6 : count == 8 || count == 7);
        double lats[4], lngs[4], near, far;
        assert_int_equal(recs_cell_corners(cell, lats, lngs), 1);
        for (size_t n = 0; n < count; n++) {
            double rim = INFINITY, theirs[4], those[4];
            assert_int_equal(recs_cell_level(others[n]), level);
            assert_true(others[n] != cell && (n == 0 || others[n - 1] < others[n]));
            recs_cell_corners(others[n], theirs, those);
            for (int c = 0; c < 4; c++) {
                recs_cell_distance(others[n], lats[c], lngs[c], &near, &far);
                rim = fmin(rim, near);
                recs_cell_distance(cell, theirs[c], those[c], &near, &far);
                rim = fmin(rim, near);
            }
            assert_true(rim < 1e-6);
        }
        double width = sqrt(recs_cell_area(cell)) / 111000;
        for (int c = 0; c < 4 && level > 1; c++)
            for (int s = 0; s < 8; s++) {
                double la = lats[c] + uniform(&random, -0.1, 0.1) * width;
                double lo = lngs[c] + uniform(&random, -0.1, 0.1) * width;
                uint64_t at = recs_cell_at(la, lo, level);
                bool found = at == 0 || at == cell;
                for (size_t n = 0; n < count; n++)
                    found = found || at == others[n];
                assert_true(found);
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_of_s2),
        cmocka_unit_test(poles_and_the_date_line),
        cmocka_unit_test(what_is_out_of_range_is_no_cell),
        cmocka_unit_test(parents_and_children_are_nested),
        cmocka_unit_test(geometry_agrees_with_samples),
        cmocka_unit_test(areas_add_up),
        cmocka_unit_test(neighbours_are_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
