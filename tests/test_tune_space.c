/* test_tune_space.c - free settings: the grammar and its refusals, every range
 * of its own, and places that go there and back. */
#include "train/tune_space.h"

#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs__space *parsed(const char *text) {
    recs__space *space = malloc(sizeof *space);
    recs_error error = {0};
    if (recs__space_parse(space, text, &error) != RECS_OK)
        fail_msg("'%s': %s", text, error.text);
    return space;
}

enum { FACTORS, ITERATIONS, REGULARIZATION, ALPHA };

static void test_values(void **state) {
    (void)state;
    uint32_t free_settings[RECS__SETTINGS_MAX];
    recs__space *s = parsed("als(factors = 128|64|32, alpha=1..100 log, iterations=3..8, "
                            "regularization=0.5)");
    const recs__range *r = s->ranges[0];
    assert_int_equal(recs__space_free(s, 0, free_settings), 3);
    assert_true(r[FACTORS].free && r[FACTORS].value_count == 3 && r[FACTORS].values[0] == 32.0 &&
                r[FACTORS].values[2] == 128.0);
    assert_true(r[ALPHA].log && r[ALPHA].low == 1.0 && r[ALPHA].high == 100.0);
    assert_true(!r[ITERATIONS].log && r[ITERATIONS].low == 3.0);
    assert_true(!r[REGULARIZATION].free && s->base.specs[0].settings[REGULARIZATION] == 0.5);
    /* The default, or the nearest to it that is allowed. */
    assert_true(s->base.specs[0].settings[FACTORS] == 64.0);
    assert_true(s->base.specs[0].settings[ALPHA] == 20.0);
    assert_true(s->base.specs[0].settings[ITERATIONS] == 8.0);
    free(s);

    s = parsed("popular(count=units|events), x = popular(half_life=?), blend(popular, x)");
    assert_int_equal(recs__space_free(s, 0, free_settings), 1);
    assert_int_equal(recs__space_free(s, 1, free_settings), 1);
    assert_int_equal(recs__space_free(s, 2, free_settings), 0);
    assert_int_equal(s->base.specs[2].weights, RECS__WEIGHTS_TO_LEARN);
    free(s);

    s = parsed("als(factors=16, ?), itemknn(), popular");
    assert_int_equal(recs__space_free(s, 0, free_settings), 2);
    assert_int_equal(recs__space_free(s, 1, free_settings), 0);
    assert_int_equal(recs__space_free(s, 2, free_settings), 1);
    free(s);
}

static void refuse(const char *text, unsigned column, const char *says) {
    recs__space *space = malloc(sizeof *space);
    recs_error error = {0};
    char at[40];
    snprintf(at, sizeof at, "column %u:", column);
    assert_int_equal(recs__space_parse(space, text, &error), RECS_ERR_ARGUMENT);
    if (!strstr(error.text, at) || !strstr(error.text, says))
        fail_msg("'%s': '%s', expected %s and %s", text, error.text, at, says);
    free(space);
}

static void test_refusals(void **state) {
    (void)state;
    refuse("als(alpha=100..1)", 11, "the range is empty");
    refuse("als(alpha=1..1)", 11, "the range is empty");
    refuse("als(alpha=0..1)", 11, "'0' is no number from 1e-06");
    refuse("popular(half_life=0..1 log)", 19, "log needs a low end above 0");
    refuse("als(factors=1.5..3)", 13, "'1.5' is no whole number");
    refuse("als(factors=8..)", 13, "'' is no whole number");
    refuse("als(factors=8..4096)", 13, "'4096'");
    refuse("als(factors=8|)", 13, "''");
    refuse("als(factors=8|8)", 13, "there twice");
    refuse("als(factors=1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17)", 13, "at most 16");
    refuse("als(alpha=1..10 lag)", 11, "'10 lag'");
    refuse("als(alpha=)", 11, "a value");
    refuse("als(alpha)", 10, "'='");
    refuse("als(cg_steps=?)", 14, "no range of its own");
    refuse("als(?, alpha=3)", 6, "')' after '?'");
    refuse("als(alpha=?, alpha=3)", 14, "given twice");
    refuse("popular(count=units|all)", 15, "expected words of units|events");
    refuse("popular(count=units..events)", 15, "words have no range");
    refuse("popular, x = blend(popular, popular)", 29, "twice");
    refuse("popular(?", 10, "')' after '?'");
    refuse("popular, y = popular(), blend(popular, y, k=10..20)", 45, "expected a whole number");
    refuse("als(depth=?)", 5, "no setting 'depth'");
}

static void test_every_own_range(void **state) {
    (void)state;
    const recs__trainer *trainer;
    for (size_t t = 0; (trainer = recs__trainer_at(t)) != NULL; t++) {
        uint32_t free_settings[RECS__SETTINGS_MAX], found = 0;
        for (size_t i = 0; i < trainer->setting_count; i++)
            found += recs__range_own(trainer->name, trainer->settings[i].name) != NULL;
        if (found == 0)
            fail_msg("%s has no range of its own to tune: lib/train/tune_ranges.c", trainer->name);
        recs__space *s = parsed(trainer->name);
        assert_int_equal(recs__space_free(s, 0, free_settings), found);
        free(s);
    }
    assert_null(recs__range_own("als", "b"));
}

static void test_places(void **state) {
    (void)state;
    recs__space *s = parsed("als(factors=8|16|64, iterations=1..20, regularization=0.01..1, "
                            "alpha=1e-3..1e5 log)");
    const recs__setting *settings = s->base.specs[0].trainer->settings;
    for (uint32_t i = 0; i < 4; i++)
        for (int k = -1; k <= 101; k++) {
            const recs__range *r = &s->ranges[0][i];
            double value = recs__range_value(r, &settings[i], k / 100.0);
            double place = recs__range_place(r, value);
            assert_true(value >= r->low && value <= r->high);
            assert_true(place >= 0.0 && place <= 1.0);
            assert_true(!settings[i].integer || value == floor(value));
            assert_true(recs__range_value(r, &settings[i], place) == value);
            if (i == ALPHA && k >= 0 && k <= 100)
                assert_true(fabs(place - k / 100.0) < 0.001);
        }
    assert_true(recs__range_value(&s->ranges[0][ALPHA], &settings[ALPHA], 0.5) == 10.0);
    free(s);
}

static void test_hashes_differ(void **state) {
    (void)state;
    static const char *const texts[] = {"als", "als()", "als(?)", "als(alpha=1..2)", "als(alpha=1..2 log)",
                                        "als(alpha=1..3)", "als(alpha=1|2)", "x = als(alpha=1|2)",
                                        "als(alpha=2, factors=1|2)", "als, popular()",
                                        "als, popular(), blend(als, popular)",
                                        "als, popular(), blend(popular, als)"};
    enum { COUNT = sizeof texts / sizeof *texts };
    uint64_t hashes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        recs__space *s = parsed(texts[i]);
        hashes[i] = recs__space_hash(s);
        free(s);
    }
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < i; j++)
            if ((hashes[i] == hashes[j]) != (i == 2 && j == 0))
                fail_msg("%s and %s", texts[i], texts[j]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),          cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_own_range), cmocka_unit_test(test_places),
        cmocka_unit_test(test_hashes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
