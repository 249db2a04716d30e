/* test_tune_propose.c - proposals are new, allowed, the same again, run out when
 * the space does, and find the top of a hill faster than covering the space. */
#include "train/tune_propose.h"

#include "base/memory.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FACTORS, ITERATIONS, REGULARIZATION, ALPHA };

static bool propose(const recs__proposer *p, double *settings) {
    recs_host host;
    bool any;
    assert_int_equal(recs__host_init(&host, NULL, NULL), RECS_OK);
    assert_int_equal(recs__propose(p, &host, settings, &any, NULL), RECS_OK);
    return any;
}

static recs__space *parsed(const char *text) {
    recs__space *space = malloc(sizeof *space);
    assert_int_equal(recs__space_parse(space, text, NULL), RECS_OK);
    return space;
}

/* Highest at alpha 20, regularization 0.2, whose logarithms pull on each other. */
static double hill(const double *settings) {
    double a = log2(settings[ALPHA] / 20.0) / 8.0, r = log2(settings[REGULARIZATION] / 0.2) / 8.0;
    return 0.2 - 0.3 * (a - 0.5 * r) * (a - 0.5 * r) - 0.1 * r * r;
}

static double climb(const recs__space *space, uint64_t seed, size_t trials, bool judged,
                    recs__tried *tried) {
    recs__proposer p = {space, 0, seed, tried, 0};
    double best = -1.0;
    for (; p.count < trials; p.count++) {
        recs__tried *t = &tried[p.count];
        assert_true(propose(&p, t->settings));
        for (size_t i = 0; i < p.count; i++)
            assert_true(memcmp(tried[i].settings, t->settings, sizeof t->settings) != 0);
        for (uint32_t i = 0; i < 4; i++) {
            const recs__range *r = &space->ranges[0][i];
            assert_true(!r->free || (t->settings[i] >= r->low && t->settings[i] <= r->high));
        }
        t->value = hill(t->settings);
        t->judged = judged && p.count % 7 != 6; /* some fail */
        best = t->value > best ? t->value : best;
    }
    return best;
}

static void test_finds_the_hill(void **state) {
    (void)state;
    recs__space *space = parsed("als(alpha=1..1000 log, regularization=0.001..100 log)");
    recs__tried first[30], again[30];
    double led = 0.0, covered = 0.0;
    memset(first, 0, sizeof first);
    memset(again, 0, sizeof again);
    for (uint64_t seed = 0; seed < 10; seed++) {
        double a = climb(space, seed, 25, true, first);
        assert_true(climb(space, seed, 25, true, again) == a);
        assert_memory_equal(first, again, sizeof first);
        led += 0.2 - a;
        covered += 0.2 - climb(space, seed, 25, false, again);
    }
    /* What is left to the top, over ten seeds. */
    assert_true(led < covered / 3.0);
    assert_true(led < 10 * 0.003);
    free(space);
}

static void test_runs_out(void **state) {
    (void)state;
    recs__space *space = parsed("als(factors=8|16|32, iterations=3..6)");
    recs__tried tried[12];
    recs__proposer p = {space, 0, 1, tried, 0};
    double settings[RECS__SETTINGS_MAX];
    memset(tried, 0, sizeof tried);
    for (; p.count < 12; p.count++) {
        assert_true(propose(&p, tried[p.count].settings));
        tried[p.count].judged = true;
        tried[p.count].value = 0.1; /* all the same */
    }
    assert_false(propose(&p, settings));
    free(space);
}

static void test_many_settings(void **state) {
    (void)state;
    recs__space *space =
        parsed("als(factors=8..64, iterations=3..60, regularization=0.1..9, alpha=1..9, "
               "regularization_exponent=0..1, cg_steps=1..9, solver=cg|cholesky)");
    recs__tried *tried = calloc(60, sizeof *tried);
    climb(space, 3, 60, true, tried);
    free(tried);
    free(space);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_hill),
        cmocka_unit_test(test_runs_out),
        cmocka_unit_test(test_many_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
