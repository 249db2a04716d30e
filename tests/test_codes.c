/* test_codes.c - the quantised copy: its bounds, its bytes, queries in codes, and
 * copies that are not what they say. */
#include "kernels/codes.h"

#include "base/memory.h"
#include "base/random.h"
#include "kernels/half.h"
#include "recs/base.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static recs_host host;

typedef struct made {
    float *values;
    recs__stored stored;
    void *bytes;
    uint64_t size;
    recs__codes codes;
} made;

static void fill(float *values, size_t count, uint64_t seed) {
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t i = 0; i < count; i++)
        values[i] = recs__random_float(&random) * 2.0f - 1.0f;
}

static void make(made *m, uint32_t rows, uint32_t dims, uint64_t seed) {
    size_t stride = dims + seed % 5;
    m->values = malloc(rows * stride * sizeof *m->values);
    fill(m->values, rows * stride, seed);
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t j = 0; row % 7 == 3 && j < dims; j++)
            m->values[row * stride + j] *= row % 2 ? 1e-12f : 1e12f;
    for (uint32_t j = 0; rows > 5 && j < dims; j++)
        m->values[5 * stride + j] = 0.0f;
    for (uint32_t j = 0; rows > 6 && j < dims; j++)
        m->values[6 * stride + j] = j % 2 ? 1e-42f : -0.0f;
    m->stored = (recs__stored){m->values, NULL, RECS__STORED_FLOAT, rows, dims, stride};
    m->size = recs__codes_size(rows, dims);
    m->bytes = aligned_alloc(64, m->size);
    memset(m->bytes, 0xA5, m->size);
}

static void drop(made *m) {
    free(m->values);
    free(m->bytes);
}

static void copies_keep_their_bounds(void **state) {
    (void)state;
    static const uint32_t shapes[][2] = {{1, 1},   {15, 3},  {16, 4},    {17, 5},   {255, 16},
                                         {256, 7}, {257, 9}, {1000, 64}, {300, 129}, {20, 4099}};
    recs_pool *pool;
    assert_int_equal(recs_pool_create(&pool, 3, NULL, NULL), RECS_OK);
    recs_host threads = host;
    threads.run = recs_pool_run;
    threads.executor_data = pool;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        made m;
        make(&m, shapes[i][0], shapes[i][1], i + 1);
        recs_error error = {0};
        assert_int_equal(recs__codes_build(&m.stored, &host, m.bytes, &error), RECS_OK);
        assert_true(recs__codes_read(&m.codes, m.bytes, m.size, shapes[i][0], shapes[i][1]));
        if (recs__codes_verify(&m.codes, &m.stored, &host, &error) != RECS_OK)
            fail_msg("%s", error.text);
        for (size_t place = 1; place < shapes[i][0]; place++)
            assert_true(m.codes.bounds[place / 256].most <= m.codes.bounds[(place - 1) / 256].most);
        /* On threads, and with every table: the same bytes. */
        void *again = aligned_alloc(64, m.size);
        assert_int_equal(recs__codes_build(&m.stored, &threads, again, NULL), RECS_OK);
        assert_memory_equal(again, m.bytes, m.size);
        free(again);
        drop(&m);
    }
    recs_pool_destroy(pool);
}

static void other_types_are_what_they_stand_for(void **state) {
    (void)state;
    enum { ROWS = 300, DIMS = 21 };
    static uint16_t halves[ROWS * DIMS], float16s[ROWS * DIMS];
    static int8_t int8s[ROWS * DIMS];
    static float floats[3][ROWS * DIMS], scales[ROWS];
    recs__random random;
    recs__random_seed(&random, 9);
    for (size_t i = 0; i < ROWS * DIMS; i++) {
        float x = recs__random_float(&random) - 0.5f;
        if (i % DIMS == 0)
            scales[i / DIMS] = x * x + 0.01f;
        halves[i] = recs__half_of(x);
        float16s[i] = recs__float16_of(x);
        int8s[i] = (int8_t)(x * 254);
        floats[0][i] = recs__half_float(halves[i]);
        floats[1][i] = recs__float16_float(float16s[i]);
        floats[2][i] = (float)int8s[i] * scales[i / DIMS];
    }
    const void *values[] = {halves, float16s, int8s};
    uint64_t size = recs__codes_size(ROWS, DIMS);
    void *ours = aligned_alloc(64, size), *theirs = aligned_alloc(64, size);
    for (int t = 0; t < 3; t++) {
        recs__stored stored = {values[t], scales, RECS__STORED_HALF + t, ROWS, DIMS, DIMS};
        recs__stored plain = {floats[t], NULL, RECS__STORED_FLOAT, ROWS, DIMS, DIMS};
        float room[DIMS];
        for (uint32_t row = 0; row < ROWS; row++)
            assert_memory_equal(recs__stored_floats(&stored, row, room), floats[t] + row * DIMS,
                                sizeof room);
        assert_int_equal(recs__codes_build(&stored, &host, ours, NULL), RECS_OK);
        assert_int_equal(recs__codes_build(&plain, &host, theirs, NULL), RECS_OK);
        assert_memory_equal(ours, theirs, size);
    }
    free(ours);
    free(theirs);
}

static void what_has_no_copy_is_refused(void **state) {
    (void)state;
    assert_int_equal(recs__codes_size(0, 4), 0);
    assert_int_equal(recs__codes_size(4, 0), 0);
    assert_int_equal(recs__codes_size(4, 65537), 0);
    assert_int_equal(recs__codes_size(UINT32_C(1) << 31, 1), 0);
    float bad[] = {NAN, INFINITY, -INFINITY, 3e38f, 1.1e18f};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        made m;
        make(&m, 100, 8, 3);
        m.values[70 * m.stored.stride + 2] = bad[i];
        recs_error error = {0};
        assert_int_equal(recs__codes_build(&m.stored, &host, m.bytes, &error), RECS_ERR_NUMERIC);
        assert_non_null(strstr(error.text, "row 70"));
        drop(&m);
    }
    recs__stored none = {NULL, NULL, RECS__STORED_FLOAT, 0, 8, 8};
    recs_error error = {0};
    assert_int_equal(recs__codes_build(&none, &host, NULL, &error), RECS_ERR_ARGUMENT);
}

static void a_changed_copy_is_found_out(void **state) {
    (void)state;
    made m;
    make(&m, 600, 10, 5);
    assert_int_equal(recs__codes_build(&m.stored, &host, m.bytes, NULL), RECS_OK);
    assert_true(recs__codes_read(&m.codes, m.bytes, m.size, 600, 10));
    assert_false(recs__codes_read(&m.codes, m.bytes, m.size, 601, 10));
    assert_false(recs__codes_read(&m.codes, m.bytes, m.size, 600, 11));
    assert_false(recs__codes_read(&m.codes, m.bytes, m.size - 64, 600, 10));
    assert_false(recs__codes_read(&m.codes, NULL, m.size, 600, 10));
    recs__codes_read(&m.codes, m.bytes, m.size, 600, 10);
    struct {
        const void *at;
        uint32_t mask;
    } changes[] = {
        {&m.codes.order[10], 1},          {&m.codes.order[599], UINT32_C(1) << 31},
        {&m.codes.order[603], 1},         {&m.codes.scales[3], UINT32_C(1) << 31},
        {&m.codes.scales[40], 0x00400000}, {&m.codes.bounds[1].most, UINT32_C(1) << 28},
        {&m.codes.bounds[0].error, UINT32_C(1) << 30}, {&m.codes.bounds[2].least, UINT32_C(1) << 30},
        {&m.codes.codes[320], 0x40404040},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        size_t at = (size_t)((const unsigned char *)changes[i].at - (unsigned char *)m.bytes);
        uint32_t was, is;
        memcpy(&was, (unsigned char *)m.bytes + at, sizeof was);
        is = was ^ changes[i].mask;
        memcpy((unsigned char *)m.bytes + at, &is, sizeof is);
        recs_error error = {0};
        if (recs__codes_verify(&m.codes, &m.stored, &host, &error) != RECS_ERR_CORRUPT)
            fail_msg("change %zu was not seen", i);
        memcpy((unsigned char *)m.bytes + at, &was, sizeof was);
    }
    assert_int_equal(recs__codes_verify(&m.codes, &m.stored, &host, NULL), RECS_OK);
    ((unsigned char *)m.bytes)[0] = 1; /* of another version */
    assert_false(recs__codes_read(&m.codes, m.bytes, m.size, 600, 10));
    drop(&m);
}

static void queries_are_within_what_the_kernels_take(void **state) {
    (void)state;
    static const uint32_t dims[] = {1, 3, 4, 31, 64, 65, 128, 784, 4099, 65536};
    recs__random random;
    recs__random_seed(&random, 4);
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
        for (int shape = 0; shape < 4; shape++) {
            uint32_t n = dims[i];
            float *vector = malloc(n * sizeof *vector);
            fill(vector, n, i);
            for (uint32_t j = 0; j < n; j++)
                vector[j] = shape == 1   ? 1.0f
                            : shape == 2 ? (j % 2 ? -3e-5f : 3e-5f)
                            : shape == 3 ? (j == n / 2 ? 7e9f : vector[j])
                                         : vector[j];
            void *room = aligned_alloc(64, recs__codes_room(n));
            recs__code_vector v;
            recs__codes_query(&v, vector, n, shape % 2 != 0, room);
            assert_true(v.scale > 0);
            size_t padded = ((size_t)n + 3) / 4 * 4, halves[2] = {0, 0};
            int64_t total = 0;
            double off = 0, length = 0;
            for (size_t j = 0; j < padded; j++) {
                if (j % 64 == 0)
                    halves[0] = halves[1] = 0;
                int code = v.query.codes[j];
                double x = j < n ? (double)vector[j] : 0.0;
                halves[j / 2 % 2] += (size_t)abs(code);
                assert_true(abs(code) <= 127 && halves[j / 2 % 2] <= 728);
                total += code;
                off += (x - v.scale * code) * (x - v.scale * code);
                length += x * x;
            }
            assert_int_equal(v.query.start, -64 * total);
            assert_true(sqrt(off) <= v.error && sqrt(length) <= v.length);
            free(room);
            free(vector);
        }
    float none[5] = {0.0f, -0.0f, 1e-40f, 0.0f, 0.0f}, far[2] = {1e19f, 0.0f};
    recs__code_vector v;
    void *room = aligned_alloc(64, recs__codes_room(5));
    recs__codes_query(&v, none, 5, false, room);
    assert_true(v.scale == 0);
    recs__codes_query(&v, far, 2, false, room);
    assert_true(v.scale == 0);
    free(room);
}

/* Queries in pairs: the same rows as code by code, whatever the rows' codes are. */
static void pairs_are_exact(void **state) {
    (void)state;
    static const uint32_t dims[] = {1, 4, 5, 8, 12, 31, 64, 67, 100, 128, 196, 784, 4096};
    enum { TILES = 6, QUERIES = 9 };
    recs__random random;
    recs__random_seed(&random, 9);
    const recs__kernels *table;
    for (size_t k = 0; (table = recs__kernels_at(k)) != NULL; k++)
        for (size_t i = 0; table->code_scan_pairs != NULL && i < 4 * sizeof dims / sizeof *dims;
             i++) {
            recs__kernels_force(table);
            uint32_t n = dims[i / 4], groups = (n + 3) / 4;
            uint8_t *codes = malloc((size_t)TILES * groups * 64);
            float scales[16 * TILES], *vector = malloc(n * sizeof *vector), limits[QUERIES];
            uint16_t ours[QUERIES * TILES], theirs[QUERIES * TILES];
            void *rooms[QUERIES];
            recs__code_query queries[QUERIES];
            for (size_t j = 0; j < (size_t)TILES * groups * 64; j++)
                codes[j] = (uint8_t)(i % 4 != 0 ? 19 + recs__random_below(&random, 91)
                                     : recs__random_below(&random, 9) ? 109
                                                                      : 19);
            for (size_t j = 0; j < 16 * TILES; j++)
                scales[j] = 0.5f + recs__random_float(&random);
            for (size_t q = 0; q < QUERIES; q++) {
                recs__code_vector coded;
                for (uint32_t j = 0; j < n; j++)
                    vector[j] = i % 4 == 0   ? 1.0f - 2.0f * (recs__random_below(&random, 7) == 0)
                                : i % 4 == 1 ? (float)(j % 31 == q)
                                             : recs__random_float(&random) - 0.5f;
                vector[0] += 0.5f;
                rooms[q] = aligned_alloc(64, recs__codes_room(n));
                recs__codes_query(&coded, vector, n, true, rooms[q]);
                queries[q] = coded.query;
                queries[q].bias = (int32_t)q * 11 - 20;
                assert_non_null(queries[q].pairs);
                float sums[16 * TILES];
                table->code_sums(&queries[q], codes, groups, TILES, scales, sums);
                limits[q] = sums[recs__random_below(&random, 16 * TILES)];
            }
            table->code_scan_pairs(queries, limits, QUERIES, codes, groups, TILES, scales, ours);
            recs__kernels_scalar.code_scan(queries, limits, QUERIES, codes, groups, TILES, scales,
                                           theirs);
            assert_memory_equal(ours, theirs, sizeof ours);
            for (size_t q = 0; q < QUERIES; q++)
                free(rooms[q]);
            free(codes);
            free(vector);
        }
    recs__kernels_force(NULL);
}

static void float16_is_rounded_to_nearest(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++) {
        float x = recs__float16_float((uint16_t)half);
        if (x != x) {
            float back = recs__float16_float(recs__float16_of(x));
            assert_true(back != back);
            continue;
        }
        assert_int_equal(recs__float16_of(x), half);
    }
    recs__random random;
    recs__random_seed(&random, 3);
    for (int i = 0; i < 200000; i++) {
        float x = (recs__random_float(&random) - 0.5f) * (i % 3 ? 4.0f : i % 2 ? 1e-6f : 1e5f);
        uint16_t half = recs__float16_of(x);
        double error = fabs((double)recs__float16_float(half) - (double)x);
        for (int step = -1; step <= 1; step += 2) {
            float near = recs__float16_float((uint16_t)(half + step));
            double other = fabs((double)near - (double)x);
            assert_true(!(other < error) && (other != error || (half & 1) == 0 || near == x));
        }
    }
    assert_int_equal(recs__float16_of(65519.0f), 0x7BFF);
    assert_int_equal(recs__float16_of(65520.0f), 0x7C00);
    assert_int_equal(recs__float16_of(-1e30f), 0xFC00);
}

static void failed_allocations_are_survived(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        fault_off(&faults);
        made m;
        make(&m, 300, 12, 2);
        recs_error error = {0};
        recs_host lent;
        recs__host_init(&lent, &faults.host, NULL);
        fault_on(&faults);
        if (fault_passed(&faults, recs__codes_build(&m.stored, &lent, m.bytes, &error),
                         &error)) {
            fault_off(&faults);
            assert_true(recs__codes_read(&m.codes, m.bytes, m.size, 300, 12));
            fault_on(&faults);
            fault_passed(&faults,
                         recs__codes_verify(&m.codes, &m.stored, &lent, &error), &error);
        }
        fault_off(&faults);
        drop(&m);
    }
}

int main(void) {
    recs__host_init(&host, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_keep_their_bounds),
        cmocka_unit_test(other_types_are_what_they_stand_for),
        cmocka_unit_test(what_has_no_copy_is_refused),
        cmocka_unit_test(a_changed_copy_is_found_out),
        cmocka_unit_test(queries_are_within_what_the_kernels_take),
        cmocka_unit_test(pairs_are_exact),
        cmocka_unit_test(float16_is_rounded_to_nearest),
        cmocka_unit_test(failed_allocations_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
