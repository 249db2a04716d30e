/* test_bootstrap.c - intervals on made data whose true means are known. */
#include "train/bootstrap.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static recs_host plain;

static recs__progress silent(void) {
    recs__progress progress;
    recs__progress_init(&progress, NULL, NULL, &plain);
    return progress;
}

/* Column 0: hits of one in five; column 1: skewed, as recall is, mean 1/3. */
static void draw(float *values, size_t users, recs__random *random) {
    for (size_t u = 0; u < users; u++) {
        double x = recs__random_double(random);
        values[2 * u] = recs__random_below(random, 5) == 0;
        values[2 * u + 1] = (float)(x * x);
    }
}

/* Of 400 data sets the 95 % interval holds the truth in 95 %, give or take three
 * standard errors (0.033) and what the percentile interval loses at 150 users. */
static void test_coverage(void **state) {
    (void)state;
    enum { SETS = 400, USERS = 150, RESAMPLES = 199 };
    float values[2 * USERS];
    double drawn[RESAMPLES], *sums, low, high;
    static const double truth[2] = {0.2, 1.0 / 3.0};
    int holds[2] = {0};
    recs__random random;
    recs__progress progress = silent();
    recs__random_seed(&random, 42);
    for (int set = 0; set < SETS; set++) {
        recs__sample sample = {values, 2, 2, NULL, USERS};
        draw(values, USERS, &random);
        assert_int_equal(recs__bootstrap(&sample, RESAMPLES, (uint64_t)set, &plain, &progress,
                                         &sums, NULL),
                         RECS_OK);
        for (int c = 0; c < 2; c++) {
            for (int r = 0; r < RESAMPLES; r++)
                drawn[r] = sums[2 * r + c] / USERS;
            recs__bootstrap_interval(drawn, RESAMPLES, 0.95, &low, &high);
            assert_true(low <= high);
            holds[c] += low <= truth[c] && truth[c] <= high;
        }
        recs__free(&plain, sums);
    }
    for (int c = 0; c < 2; c++) {
        double share = (double)holds[c] / SETS;
        if (share < 0.91 || share > 0.985)
            fail_msg("the interval of column %d holds the truth in %.3f of the sets", c, share);
    }
}

/* No difference is found in 5 % of the sets, a large one always. */
static void test_p_values(void **state) {
    (void)state;
    enum { SETS = 300, USERS = 120, RESAMPLES = 199 };
    float values[2 * USERS];
    double drawn[RESAMPLES], *sums;
    int found = 0;
    recs__random random;
    recs__progress progress = silent();
    recs__random_seed(&random, 8);
    for (int set = 0; set < SETS; set++) {
        recs__sample sample = {values, 2, 2, NULL, USERS};
        for (size_t u = 0; u < 2 * USERS; u++)
            values[u] = recs__random_float(&random);
        recs__bootstrap(&sample, RESAMPLES, (uint64_t)set, &plain, &progress, &sums, NULL);
        for (int r = 0; r < RESAMPLES; r++)
            drawn[r] = sums[2 * r] - sums[2 * r + 1];
        found += recs__bootstrap_p(drawn, RESAMPLES) <= 0.05;
        for (int r = 0; r < RESAMPLES; r++)
            drawn[r] = sums[2 * r] + 0.3 * USERS - sums[2 * r + 1];
        assert_true(recs__bootstrap_p(drawn, RESAMPLES) <= 0.011);
        recs__free(&plain, sums);
    }
    if (found < 3 || found > 30)
        fail_msg("%d of %d sets without a difference are found to have one", found, SETS);
    double same[3] = {0, 0, 0};
    assert_true(recs__bootstrap_p(same, 3) == 1.0);
}

/* The same bits on one thread and on three, of all users and of some. */
static void test_threads(void **state) {
    (void)state;
    enum { USERS = 1000, CELLS = 37, RESAMPLES = 150 };
    float *values = malloc(USERS * CELLS * sizeof *values);
    uint32_t some[] = {5, 7, 400, 999, 998};
    recs__random random;
    recs__progress progress = silent();
    recs_pool *pool;
    double *one, *three;
    recs__random_seed(&random, 1);
    for (size_t i = 0; i < USERS * CELLS; i++)
        values[i] = recs__random_float(&random);
    assert_int_equal(recs_pool_create(&pool, 3, NULL, NULL), RECS_OK);
    recs_host host = plain;
    host.run = recs_pool_run;
    host.executor_data = pool;
    for (int turn = 0; turn < 2; turn++) {
        recs__sample sample = {values, CELLS, CELLS, turn ? some : NULL, turn ? 5 : USERS};
        recs__bootstrap(&sample, RESAMPLES, 9, &plain, &progress, &one, NULL);
        recs__bootstrap(&sample, RESAMPLES, 9, &host, &progress, &three, NULL);
        assert_memory_equal(one, three, RESAMPLES * CELLS * sizeof *one);
        /* As many users as there are: a column of ones sums to their number. */
        recs__free(&plain, one);
        recs__free(&plain, three);
    }
    for (size_t i = 0; i < USERS; i++)
        values[i] = 1.0f;
    recs__sample ones = {values, 1, 1, NULL, USERS};
    recs__bootstrap(&ones, RESAMPLES, 9, &plain, &progress, &one, NULL);
    for (size_t r = 0; r < RESAMPLES; r++)
        assert_true(one[r] == USERS);
    recs__free(&plain, one);
    recs_pool_destroy(pool);
    free(values);
}

static void test_one_user_and_order_statistics(void **state) {
    (void)state;
    float value = 0.25f;
    double *sums, low, high, ladder[999];
    recs__progress progress = silent();
    recs__sample sample = {&value, 1, 1, NULL, 1};
    recs__bootstrap(&sample, 100, 0, &plain, &progress, &sums, NULL);
    recs__bootstrap_interval(sums, 100, 0.95, &low, &high);
    assert_true(low == 0.25 && high == 0.25);
    recs__free(&plain, sums);
    for (int i = 0; i < 999; i++)
        ladder[i] = (i * 7 % 999) + 1;
    recs__bootstrap_interval(ladder, 999, 0.95, &low, &high);
    assert_true(low == 25 && high == 975);
    recs__bootstrap_interval(ladder, 999, 0.999, &low, &high);
    assert_true(low == 1 && high == 999);
}

static int32_t stop(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)data, (void)stage, (void)done, (void)total;
    return 1;
}

static void test_cancel_and_memory(void **state) {
    (void)state;
    float values[40] = {0};
    recs__sample sample = {values, 2, 2, NULL, 20};
    recs__progress progress;
    recs_error error = {0};
    double *sums = NULL;
    fault_host faults;
    recs__progress_init(&progress, stop, NULL, &plain);
    assert_int_equal(recs__bootstrap(&sample, 100, 0, &plain, &progress, &sums, &error),
                     RECS_ERR_CANCELLED);
    assert_null(sums);
    progress = silent();
    FAULT_LOOP(faults) {
        recs_host host;
        memset(&error, 0, sizeof error);
        assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
        if (fault_passed(&faults, recs__bootstrap(&sample, 100, 0, &host, &progress, &sums, &error),
                         &error))
            recs__free(&host, sums);
    }
}

static int prepare(void **state) {
    (void)state;
    return recs__host_init(&plain, NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage), cmocka_unit_test(test_p_values),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_one_user_and_order_statistics),
        cmocka_unit_test(test_cancel_and_memory)};
    return cmocka_run_group_tests(tests, prepare, NULL);
}
