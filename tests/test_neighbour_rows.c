/* test_neighbour_rows.c - the k best beside a full sort, on values with ties,
 * signs and what is not finite; rows of any fill packed and handed over. */
#include "train/neighbour_rows.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/made_training.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 3000 };

static const float *order_of; /* of the comparison below */

static int by_merit(const void *a, const void *b) {
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    float x = fabsf(order_of[i]), y = fabsf(order_of[j]);
    return x != y ? (x > y ? -1 : 1) : (i < j ? -1 : i > j);
}

static int by_column(const void *a, const void *b) {
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    return i < j ? -1 : i > j;
}

/* Columns of the k best of values[n], ascending, by sorting all. */
static size_t reference(const float *values, uint32_t n, size_t k, recs__keep keep, uint32_t skip,
                        uint32_t *out) {
    size_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i != skip && isfinite(values[i]) &&
            (keep == RECS__KEEP_POSITIVE ? values[i] > 0.0f : values[i] != 0.0f))
            out[count++] = i;
    order_of = values;
    qsort(out, count, sizeof *out, by_merit);
    count = count < k ? count : k;
    qsort(out, count, sizeof *out, by_column);
    return count;
}

/* shape 0: all different; 1: few values, many ties; 2: mostly zero, some not
 * finite; 3: all equal. */
static void draw(recs__random *random, int shape, float *values, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        float x = recs__random_float(random) - 0.4f;
        if (shape == 1)
            x = (float)((int)recs__random_below(random, 7) - 3);
        else if (shape == 2)
            x = recs__random_below(random, 10) ? (recs__random_below(random, 2) ? 0.0f : -0.0f)
                : recs__random_below(random, 5) ? x * 1e-41f
                : recs__random_below(random, 2) ? NAN
                                                : -INFINITY;
        else if (shape == 3)
            x = 2.5f;
        values[i] = x;
    }
}

static void test_the_k_best_of_dense_rows(void **state) {
    (void)state;
    static const size_t ks[] = {1, 2, 23, 24, 25, 100, 700, 100000};
    static const uint32_t sizes[] = {1, 31, 512, 513, MOST};
    recs_host host;
    recs__random random;
    float *values = malloc(MOST * sizeof *values);
    uint32_t *expected = malloc(MOST * sizeof *expected);
    recs__random_seed(&random, 5);
    assert_int_equal(recs__host_init(&host, NULL, NULL), RECS_OK);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t c = 0; c < sizeof ks / sizeof *ks; c++)
            for (int shape = 0; shape < 4; shape++)
                for (int keep = 0; keep < 2; keep++) {
                    recs__neighbour_rows n;
                    uint64_t *keys = malloc(recs__best_room(ks[c]) * sizeof *keys);
                    uint32_t skip = shape == 3 ? UINT32_MAX : sizes[s] / 2;
                    draw(&random, shape, values, sizes[s]);
                    assert_int_equal(recs__neighbour_rows_create(&n, 1, sizes[s], ks[c], NULL,
                                                                 &host, NULL),
                                     RECS_OK);
                    recs__neighbour_rows_dense(&n, 0, values, (recs__keep)keep, skip, keys);
                    size_t count = reference(values, sizes[s], ks[c], (recs__keep)keep, skip,
                                             expected);
                    assert_int_equal(recs__neighbour_rows_pack(&n), count);
                    recs__csr view = recs__neighbour_rows_view(&n);
                    assert_int_equal(view.entries, count);
                    for (size_t i = 0; i < count; i++) {
                        assert_int_equal(view.columns[i], expected[i]);
                        assert_true(view.values[i] == values[expected[i]]);
                    }
                    recs__neighbour_rows_clear(&n);
                    free(keys);
                }
    free(values);
    free(expected);
}

/* Any order of arrival gives the same choice. */
static void test_order_of_arrival(void **state) {
    (void)state;
    enum { N = 2000, K = 60 };
    static uint32_t order[N];
    static float values[N];
    uint64_t keys[2 * K + RECS__BEST_MORE];
    uint32_t first_columns[K], columns[K];
    float first_values[K], found[K];
    recs__random random;
    recs__best best;
    recs__random_seed(&random, 9);
    for (uint32_t i = 0; i < N; i++) {
        order[i] = i;
        values[i] = (float)recs__random_below(&random, 50);
    }
    for (int turn = 0; turn < 20; turn++) {
        recs__best_begin(&best, keys, K);
        for (uint32_t i = 0; i < N; i++)
            if (turn % 2 || values[order[i]] > best.floor)
                recs__best_put(&best, order[i], values[order[i]]);
        assert_int_equal(recs__best_take(&best, turn ? columns : first_columns,
                                         turn ? found : first_values),
                         K);
        if (turn) {
            assert_memory_equal(columns, first_columns, sizeof columns);
            assert_memory_equal(found, first_values, sizeof found);
        }
        for (uint32_t i = N; i > 1; i--) {
            uint32_t j = (uint32_t)recs__random_below(&random, i), swapped = order[i - 1];
            order[i - 1] = order[j];
            order[j] = swapped;
        }
    }
}

/* Rows stored last to first, some never, into room cut to bounds. */
static void test_rows_are_packed(void **state) {
    (void)state;
    enum { ROWS = 40, K = 30 };
    uint64_t most[ROWS], keys[2 * K + RECS__BEST_MORE];
    recs__neighbour_rows n;
    recs__trained trained = {0};
    recs__best best;
    recs_host host;
    size_t size, total = 0;
    assert_int_equal(recs__host_init(&host, NULL, NULL), RECS_OK);
    for (uint32_t r = 0; r < ROWS; r++)
        most[r] = r % 5 == 0 ? 0 : (uint64_t)r * 3;
    assert_int_equal(recs__neighbour_rows_create(&n, ROWS, 1000, K, most, &host, NULL), RECS_OK);
    recs__best_begin(&best, keys, K);
    for (uint32_t r = ROWS; r-- > 0;) {
        if (r % 7 == 3)
            continue;
        for (uint64_t i = 0; i < most[r]; i++)
            recs__best_put(&best, (uint32_t)(r + i), (float)(r + 1));
        recs__neighbour_rows_store(&n, r, &best, r % 2 ? 0.5f : 1.0f);
    }
    recs__neighbour_rows_hand_over(&n, &trained);
    assert_null(n.offsets);
    const uint64_t *offsets = made_training_section(&trained, RECS_SECTION_NEIGHBOR_OFFSETS, &size);
    assert_int_equal(size, (ROWS + 1) * sizeof *offsets);
    const uint32_t *columns = made_training_section(&trained, RECS_SECTION_NEIGHBOR_ITEMS, &size);
    const float *values = made_training_section(&trained, RECS_SECTION_NEIGHBOR_VALUES, &size);
    for (uint32_t r = 0; r < ROWS; r++) {
        size_t count = r % 7 == 3 ? 0 : most[r] < K ? (size_t)most[r] : K;
        assert_int_equal(offsets[r + 1] - offsets[r], count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(columns[total + i], r + i);
            assert_true(values[total + i] == (float)(r + 1) * (r % 2 ? 0.5f : 1.0f));
        }
        total += count;
    }
    assert_int_equal(size, total * sizeof(float));
    recs__trained_clear(&trained, &host);
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs__neighbour_rows n;
        recs_error error = {0};
        recs_status status =
            recs__neighbour_rows_create(&n, 100, 50, 7, NULL, &faults.host, &error);
        fault_passed(&faults, status, &error);
        recs__neighbour_rows_clear(&n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_k_best_of_dense_rows),
        cmocka_unit_test(test_order_of_arrival),
        cmocka_unit_test(test_rows_are_packed),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
