/* test_sparse.c - transposing matrices, with empty rows and without any. */
#include "train/sparse.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* Each cell of rows x columns is there with one chance in `rare`. */
static void make(recs__sparse *out, uint32_t rows, uint32_t columns, uint32_t rare,
                 const recs_host *host) {
    recs__random random;
    recs__sparse_create(out, rows, columns, (uint64_t)rows * columns, host, NULL);
    recs__random_seed(&random, rows + columns);
    uint64_t put = 0;
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t c = 0; c < columns; c++)
            if (recs__random_below(&random, rare) == 0) {
                out->columns[put] = c;
                out->values[put++] = recs__random_float(&random);
            }
        out->offsets[r + 1] = put;
    }
    out->entries = put;
}

static void test_transposes(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {5, 9}, {40, 3}, {100, 100},
                                       {0, 7}, {7, 0}, {0, 0}};
    recs_host host;
    assert_int_equal(recs__host_init(&host, NULL, NULL), RECS_OK);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint32_t rare = 1; rare < 60; rare = rare * 3 + 1) {
            recs__sparse in, out, back;
            make(&in, sizes[s][0], sizes[s][1], rare, &host);
            recs__csr view = recs__sparse_view(&in);
            assert_int_equal(recs__sparse_transpose(&out, &view, &host, NULL), RECS_OK);
            assert_int_equal(out.rows, in.column_count);
            assert_int_equal(out.column_count, in.rows);
            assert_int_equal(out.entries, in.entries);
            assert_int_equal(out.offsets[out.rows], in.entries);
            recs__csr turned = recs__sparse_view(&out);
            for (uint32_t r = 0; r < out.rows; r++) {
                uint64_t at;
                size_t count = recs__csr_row(&turned, r, &at);
                for (size_t e = 1; e < count; e++)
                    assert_true(turned.columns[at + e] > turned.columns[at + e - 1]);
            }
            assert_int_equal(recs__sparse_transpose(&back, &turned, &host, NULL), RECS_OK);
            assert_memory_equal(back.offsets, in.offsets, (in.rows + 1) * sizeof *in.offsets);
            if (in.entries) {
                assert_memory_equal(back.columns, in.columns, in.entries * sizeof *in.columns);
                assert_memory_equal(back.values, in.values, in.entries * sizeof *in.values);
            }
            recs__sparse_clear(&in, &host);
            recs__sparse_clear(&out, &host);
            recs__sparse_clear(&back, &host);
            recs__sparse_clear(&back, &host); /* clear twice is harmless */
        }
}

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs__sparse in, out;
        recs_error error = {0};
        fault_off(&faults);
        make(&in, 5, 6, 2, &faults.host);
        recs__csr view = recs__sparse_view(&in);
        fault_on(&faults);
        if (!fault_passed(&faults, recs__sparse_transpose(&out, &view, &faults.host, &error),
                          &error))
            assert_null(out.offsets);
        recs__sparse_clear(&out, &faults.host);
        recs__sparse_clear(&in, &faults.host);
    }
}

static void test_too_large_to_count(void **state) {
    (void)state;
    recs_host host;
    recs_error error = {0};
    recs__sparse out;
    assert_int_equal(recs__host_init(&host, NULL, NULL), RECS_OK);
    assert_int_equal(recs__sparse_create(&out, 1, 1, UINT64_MAX / 2, &host, &error),
                     RECS_ERR_MEMORY);
    assert_null(out.values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transposes),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_too_large_to_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
