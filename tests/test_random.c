/* test_random.c - the sequence itself, and that it is spread as it says. */
#include "base/random.h"
#include "support/test.h"

/* The authors' reference: the state 1, 2, 3, 4. */
static void test_reference_sequence(void **state) {
    (void)state;
    static const uint64_t wanted[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240),
                                      UINT64_C(1216172134540287360)};
    recs__random random = {{1, 2, 3, 4}};
    for (int i = 0; i < 5; i++)
        assert_true(recs__random_u64(&random) == wanted[i]);
}

static void test_seeding(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 0);
    assert_true(random.state[0] == UINT64_C(0xE220A8397B1DCDAF)); /* splitmix64 of 0 */
    assert_true(random.state[3] == UINT64_C(0xF88BB8A8724C81EC));
    assert_true(recs__random_u64(&random) == UINT64_C(0x99EC5F36CB75F2B4));
    recs__random_seed(&random, 42);
    assert_true(recs__random_u64(&random) == UINT64_C(0x15780B2E0C2EC716));
    assert_true(recs__random_u64(&random) == UINT64_C(0x6104D9866D113A7E));
}

static void test_below(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 5);
    size_t seen[7] = {0};
    for (int i = 0; i < 70000; i++)
        seen[recs__random_below(&random, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9600, 10400); /* four standard deviations and more */
    for (int i = 0; i < 100; i++)
        assert_true(recs__random_below(&random, 1) == 0);
    /* Two thirds of 2^64: a plain remainder would favour the lower half two
     * to one. */
    uint64_t bound = UINT64_MAX / 3 * 2;
    size_t low = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t x = recs__random_below(&random, bound);
        assert_true(x < bound);
        low += x < bound / 2;
    }
    assert_in_range(low, 9600, 10400);
    for (int i = 0; i < 1000; i++)
        assert_true(recs__random_below(&random, UINT64_MAX) < UINT64_MAX);
}

static void test_unit_interval(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 6);
    double sum = 0, sum_float = 0;
    for (int i = 0; i < 100000; i++) {
        double x = recs__random_double(&random);
        float y = recs__random_float(&random);
        assert_true(x >= 0 && x < 1 && y >= 0 && y < 1);
        sum += x;
        sum_float += (double)y;
    }
    assert_true(sum > 49500 && sum < 50500 && sum_float > 49500 && sum_float < 50500);
}

static void test_normal(void **state) {
    (void)state;
    recs__random random;
    recs__random_seed(&random, 7);
    enum { N = 200000 };
    double sum = 0, squares = 0;
    size_t within = 0;
    for (int i = 0; i < N; i++) {
        double x = (double)recs__random_normal(&random);
        assert_true(x >= -6 && x <= 6);
        sum += x;
        squares += x * x;
        within += x > -1 && x < 1;
    }
    assert_true(sum / N > -0.01 && sum / N < 0.01);
    assert_true(squares / N > 0.985 && squares / N < 1.015);
    assert_in_range(within, (size_t)(0.67 * N), (size_t)(0.69 * N));
    recs__random_seed(&random, 42);
    assert_true(recs__random_normal(&random) == 0x1.6f32p-4f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_sequence), cmocka_unit_test(test_seeding),
        cmocka_unit_test(test_below),              cmocka_unit_test(test_unit_interval),
        cmocka_unit_test(test_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
