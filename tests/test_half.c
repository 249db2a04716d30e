/* test_half.c - bfloat16: rounding, folding in on it, and als stored as it. */
#include "kernels/half.h"

#include "base/random.h"
#include "kernels/foldin.h"
#include "kernels/kernels.h"
#include "support/made_training.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void test_the_nearest_half(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++) {
        float x = recs__half_float((uint16_t)half);
        if (x != x) { /* a NaN stays one */
            float back = recs__half_float(recs__half_of(x));
            assert_true(back != back);
            continue;
        }
        assert_int_equal(recs__half_of(x), half);
    }
    recs__random random;
    recs__random_seed(&random, 3);
    for (int i = 0; i < 200000; i++) {
        float x = from_bits((uint32_t)recs__random_u64(&random));
        if (!isfinite(x) || fabsf(x) > 3e38f)
            continue;
        uint16_t half = recs__half_of(x);
        double error = fabs((double)recs__half_float(half) - (double)x);
        for (int step = -1; step <= 1; step += 2) { /* no neighbour is nearer */
            float near = recs__half_float((uint16_t)(half + step));
            if (isfinite(near) && signbit(near) == signbit(x))
                assert_true(error <= fabs((double)near - (double)x));
        }
    }
    assert_int_equal(recs__half_of(from_bits(0x3F808000)), 0x3F80); /* a tie, to even */
    assert_int_equal(recs__half_of(from_bits(0x3F818000)), 0x3F82);
    assert_int_equal(recs__half_of(from_bits(0x7F7FFFFF)), 0x7F80); /* above all of them */
    assert_int_equal(recs__half_of(-0.0f), 0x8000);
}

enum { ITEMS = 150 };

/* Bit for bit what the floats give that the halves stand for, rounded. */
static void test_folding_in_on_halves(void **state) {
    (void)state;
    static const size_t factors[] = {1, 5, 16, 33, 64};
    static const size_t counts[] = {1, 4, 15, 32, 33, 64, 65, 129, 149};
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
        size_t n = factors[f], stride = (n + 15) / 16 * 16;
        recs__random random;
        recs__random_seed(&random, n);
        float *floats = calloc(ITEMS * stride, sizeof *floats), *gram = calloc(n, sizeof *gram);
        uint16_t *halves = calloc(ITEMS * stride, sizeof *halves);
        for (size_t i = 0; i < ITEMS; i++)
            for (size_t j = 0; j < n; j++) {
                halves[i * stride + j] = recs__half_of(0.4f * recs__random_normal(&random));
                float x = floats[i * stride + j] = recs__half_float(halves[i * stride + j]);
                gram[j] += x * x;
            }
        recs__foldin wide = {.item_factors = floats, .gram = gram, .items = ITEMS, .factors = n,
                             .stride = stride, .alpha = 7.5f, .regularization = 0.3f,
                             .regularization_exponent = 0.5f, .items_trained = ITEMS};
        recs__foldin narrow = wide;
        narrow.item_factors = NULL;
        narrow.item_halves = halves;
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            size_t count = counts[c];
            uint32_t rows[ITEMS];
            float values[ITEMS], a[64], b[64], z[64], shares[ITEMS], shares_too[ITEMS];
            for (size_t i = 0; i < count; i++) {
                rows[i] = (uint32_t)(i * ITEMS / count);
                values[i] = i % 5 == 4 ? -1.0f : 0.25f + recs__random_float(&random);
            }
            float *one = malloc(recs__foldin_scratch(&wide, count) * sizeof(float));
            float *two = malloc(recs__foldin_scratch(&narrow, count) * sizeof(float));
            assert_true(recs__foldin_solve(&wide, rows, values, count, one, a));
            assert_true(recs__foldin_solve(&narrow, rows, values, count, two, b));
            for (size_t j = 0; j < stride; j++) {
                float rounded = recs__half_float(recs__half_of(a[j]));
                assert_memory_equal(&rounded, &b[j], sizeof rounded);
            }
            const float *y = floats + 17 * stride;
            recs__foldin_contributions(&wide, rows, values, count, one, y, z, shares);
            recs__foldin_contributions(&narrow, rows, values, count, two, y, z, shares_too);
            assert_memory_equal(shares, shares_too, count * sizeof *shares);
            free(one);
            free(two);
        }
        free(floats);
        free(halves);
        free(gram);
    }
}

static const void *section(const recs__trained *trained, uint32_t type, size_t *size) {
    const void *bytes = made_training_section(trained, type, size);
    assert_non_null(bytes);
    return bytes;
}

static void train_ok(const made_training *made, const char *text, recs__trained *trained) {
    recs_error error = {0};
    memset(trained, 0, sizeof *trained);
    if (made_training_train(made, text, 5, trained, &error) != RECS_OK)
        fail_msg("%s", error.text);
}

static void test_als_stored_as_halves(void **state) {
    (void)state;
    static const char text[] = "als(factors=20, iterations=3, storage=bfloat16)";
    made_training made;
    recs__trained trained, floats, again;
    size_t size, float_size;
    made_training_random(&made, 300, 60, 7, true, 4, NULL);
    train_ok(&made, text, &trained);
    train_ok(&made, "als(factors=20, iterations=3)", &floats);
    assert_null(made_training_section(&trained, RECS_SECTION_ITEM_FACTORS, &size));
    assert_null(made_training_section(&trained, RECS_SECTION_USER_FACTORS, &size));
    const uint16_t *items = section(&trained, RECS_SECTION_ITEM_HALVES, &size);
    section(&floats, RECS_SECTION_ITEM_FACTORS, &float_size);
    assert_int_equal(size * 2, float_size);
    const uint16_t *users = section(&trained, RECS_SECTION_USER_HALVES, &size);
    assert_int_equal(size, 300 * 32 * 2);

    /* A stored user is the folded-in one, bit for bit. */
    recs__foldin foldin = {.item_halves = items,
                           .gram = section(&trained, RECS_SECTION_GRAM, &size), .items = 60,
                           .factors = 20, .stride = 32, .alpha = trained.alpha,
                           .regularization = trained.regularization,
                           .regularization_exponent = trained.regularization_exponent,
                           .items_trained = trained.items_trained};
    float *scratch = malloc(recs__foldin_scratch(&foldin, 60) * sizeof(float)), x[32];
    const float *norms = section(&trained, RECS_SECTION_ITEM_NORMS, &size);
    for (uint32_t u = 0; u < 300; u++) {
        uint64_t at;
        size_t count = recs__csr_row(&made.training.by_user, u, &at);
        recs__foldin_solve(&foldin, made.training.by_user.columns + at,
                           made.training.by_user.values + at, count, scratch, x);
        for (size_t j = 0; j < 32; j++)
            assert_int_equal(recs__half_of(x[j]), users[u * 32 + j]);
    }
    for (uint32_t i = 0; i < 60; i++) {
        recs__kernels_get()->widen(items + i * 32, x, 32);
        assert_true(norms[i] == sqrtf(recs__kernels_get()->dot(x, x, 20)));
    }
    free(scratch);

    for (uint32_t threads = 1; threads <= 3; threads++) {
        recs_pool *pool;
        assert_int_equal(recs_pool_create(&pool, threads, NULL, NULL), RECS_OK);
        made.training.host.run = recs_pool_run;
        made.training.host.executor_data = pool;
        train_ok(&made, text, &again);
        assert_true(made_training_equal(&trained, &again));
        recs__trained_clear(&again, &made.training.host);
        recs_pool_destroy(pool);
    }
    made.training.host.run = made.plain.run;
    for (size_t t = 0; recs__kernels_at(t) != NULL; t++) {
        recs__kernels_force(recs__kernels_at(t));
        train_ok(&made, text, &again);
        recs__kernels_force(NULL);
        assert_true(made_training_equal(&trained, &again));
        recs__trained_clear(&again, &made.training.host);
    }
    recs__trained_clear(&trained, &made.training.host);
    recs__trained_clear(&floats, &made.training.host);
    made_training_free(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nearest_half),
        cmocka_unit_test(test_folding_in_on_halves),
        cmocka_unit_test(test_als_stored_as_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
