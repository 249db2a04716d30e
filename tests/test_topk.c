/* Tests of src/search/topk.c. */
#include "support/test.h"

#include "base/memory.h"
#include "base/random.h"
#include "search/topk.h"
#include "support/fault_host.h"

#include <math.h>
#include <stdlib.h>

typedef struct scored {
    float score;
    uint32_t row;
} scored;

static int better(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static recs_host host;

static void check(size_t count, size_t limit, float floor, uint64_t seed, bool shuffled) {
    scored *all = calloc(count + 1, sizeof *all);
    size_t kept = 0;
    recs__topk topk = {0};
    recs__random random;
    recs__random_seed(&random, seed);
    assert_int_equal(recs__topk_begin(&topk, &host, limit, floor, NULL), RECS_OK);
    for (size_t i = 0; i < count; i++) {
        /* Few values, so that most tie; some are not numbers, some -0. */
        uint64_t pick = recs__random_below(&random, 12);
        float score = pick == 0   ? NAN
                      : pick == 1 ? -0.0f
                      : pick == 2 ? 0.0f
                                  : ((float)recs__random_below(&random, 40) - 15.0f) / 4.0f;
        uint32_t row = (uint32_t)(shuffled ? (i * 7919) % count : i);
        recs__topk_offer(&topk, score, row);
        if (score > floor)
            all[kept++] = (scored){score, row};
    }
    qsort(all, kept, sizeof *all, better);
    size_t found = recs__topk_finish(&topk);
    assert_int_equal(found, kept < limit ? kept : limit);
    for (size_t i = 0; i < found; i++) {
        assert_int_equal(recs__topk_row(topk.keys[i]), all[i].row);
        assert_true(recs__topk_score(topk.keys[i]) == all[i].score);
    }
    recs__topk_free(&topk, &host);
    free(all);
}

static void the_best_are_kept_in_order(void **state) {
    (void)state;
    static const size_t limits[] = {0, 1, 2, 10, 63, 500, 4999, 5000, 9000};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            check(5000, limits[i], -INFINITY, seed, false);
            check(4999, limits[i], 0.0f, seed, true);
            check(3, limits[i], -INFINITY, seed, false);
        }
}

static void keys_order_as_scores_and_rows_do(void **state) {
    (void)state;
    static const float ordered[] = {INFINITY, 3e38f, 1.0f, 1e-45f, 0.0f, -1e-45f, -1.0f, -3e38f};
    for (size_t i = 0; i < 8; i++) {
        assert_true(recs__topk_score(recs__topk_key(ordered[i], 5)) == ordered[i]);
        assert_int_equal(recs__topk_row(recs__topk_key(ordered[i], 77)), 77);
        if (i != 0)
            assert_true(recs__topk_key(ordered[i - 1], 9) < recs__topk_key(ordered[i], 0));
    }
    assert_true(recs__topk_key(-0.0f, 3) == recs__topk_key(0.0f, 3));
    assert_true(recs__topk_key(1.0f, 3) < recs__topk_key(1.0f, 4));
}

static void the_bar_rises_to_the_last_place(void **state) {
    (void)state;
    recs__topk topk = {0};
    assert_int_equal(recs__topk_begin(&topk, &host, 10, -INFINITY, NULL), RECS_OK);
    for (uint32_t i = 0; i < 10000; i++)
        recs__topk_offer(&topk, (float)i, i);
    recs__topk_select(&topk);
    assert_true(topk.bar == 9990.0f);
    recs__topk_free(&topk, &host);
}

static void an_impossible_limit_is_no_memory(void **state) {
    (void)state;
    recs__topk topk = {0};
    recs_error error = {0};
    assert_int_equal(recs__topk_begin(&topk, &host, SIZE_MAX, 0.0f, &error), RECS_ERR_MEMORY);
    assert_int_equal(recs__topk_begin(&topk, &host, 4, 0.0f, &error), RECS_OK);
    recs__topk_free(&topk, &host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_are_kept_in_order),
        cmocka_unit_test(keys_order_as_scores_and_rows_do),
        cmocka_unit_test(the_bar_rises_to_the_last_place),
        cmocka_unit_test(an_impossible_limit_is_no_memory),
    };
    if (recs__host_init(&host, NULL, NULL) != RECS_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
