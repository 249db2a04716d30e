/* test_exact.c - the exact search against scoring and sorting every row: the
 * same rows, order and bits, for every metric, type, way, filter, table and
 * executor, on plain and on nasty vectors. */
#include "search/exact.h"

#include "base/memory.h"
#include "base/random.h"
#include "kernels/half.h"
#include "recs/base.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_host alone, threads;

/* What the rows look like. */
typedef enum shape {
    PLAIN,
    SPREAD,     /* norms over eight orders of magnitude                 */
    EQUAL,      /* all rows the same                                    */
    FEW,        /* ten different rows                                   */
    SIGNS,      /* +1 and -1: many ties                                 */
    SPARSE,     /* mostly zero rows and zeros                           */
    DENORMAL,   /* products underflow                                   */
    HUGE_ONES,  /* products near the largest float                      */
    TOO_HUGE,   /* products overflow: no copy                           */
    PEAKED,     /* one large number in each                             */
    NEAR,       /* rows that differ in the last bits                    */
    SHAPES
} shape;

static float bell(recs__random *random) {
    float sum = -3.0f;
    for (int i = 0; i < 6; i++)
        sum += recs__random_float(random);
    return sum;
}

static void make_row(recs__random *random, shape what, uint32_t row, float *out, uint32_t dims) {
    recs__random again;
    uint64_t seed = what == EQUAL || what == NEAR ? 1 : what == FEW ? row % 10 : 0;
    recs__random_seed(&again, seed + 77);
    recs__random *from = what == EQUAL || what == FEW || what == NEAR ? &again : random;
    float norm = what == SPREAD      ? powf(10.0f, bell(random) * 1.5f)
                 : what == DENORMAL  ? 1e-22f
                 : what == HUGE_ONES ? 1e17f / sqrtf((float)dims)
                 : what == TOO_HUGE  ? 3e18f
                                     : 1.0f;
    bool none = what == SPARSE && recs__random_below(random, 3) != 0;
    for (uint32_t j = 0; j < dims; j++) {
        float x = bell(from) * norm;
        if (what == SIGNS)
            x = recs__random_below(random, 2) ? 1.0f : -1.0f;
        if (none || (what == SPARSE && recs__random_below(random, 4) != 0))
            x = recs__random_below(random, 2) ? 0.0f : -0.0f;
        if (what == PEAKED)
            x *= j == row % dims ? 100.0f : 0.01f;
        if (what == NEAR)
            x *= 1.0f + (float)recs__random_below(random, 4) * 0x1p-23f;
        out[j] = x;
    }
}

typedef struct set {
    recs__space space;
    float *floats; /* what is stored, as floats, [rows][stride] */
    void *values;
    float *scales, *norms;
    void *bytes;
    recs__codes codes;
    bool coded;
} set;

static void make(set *s, shape what, recs__stored_type type, recs__metric metric, uint32_t rows,
                 uint32_t dims, size_t stride, uint64_t seed) {
    static const size_t sizes[] = {4, 2, 2, 1};
    recs__random random;
    recs__random_seed(&random, seed);
    *s = (set){0};
    s->floats = calloc(rows * stride, sizeof *s->floats);
    s->values = calloc(rows * stride, sizes[type]);
    s->scales = calloc(rows, sizeof *s->scales);
    s->norms = calloc(rows, sizeof *s->norms);
    for (uint32_t row = 0; row < rows; row++) {
        float *at = s->floats + row * stride, largest = 0;
        make_row(&random, what, row, at, dims);
        for (uint32_t j = 0; j < dims; j++)
            largest = fabsf(at[j]) > largest ? fabsf(at[j]) : largest;
        s->scales[row] = largest / 127;
        for (uint32_t j = 0; j < dims; j++) {
            size_t i = row * stride + j;
            int8_t code = (int8_t)(s->scales[row] > 0 ? rintf(at[j] / s->scales[row]) : 0);
            if (type == RECS__STORED_HALF)
                ((uint16_t *)s->values)[i] = recs__half_of(at[j]);
            else if (type == RECS__STORED_FLOAT16)
                ((uint16_t *)s->values)[i] = recs__float16_of(at[j]);
            else if (type == RECS__STORED_INT8)
                ((int8_t *)s->values)[i] = code;
            else
                ((float *)s->values)[i] = at[j];
        }
    }
    s->space = (recs__space){.stored = {s->values, s->scales, type, rows, dims, stride},
                             .norms = s->norms,
                             .metric = metric};
    for (uint32_t row = 0; row < rows; row++) {
        float *at = s->floats + row * stride;
        const float *wide = recs__stored_floats(&s->space.stored, row, at);
        memmove(at, wide, dims * sizeof *at);
        s->norms[row] = sqrtf(recs__kernels_get()->dot(at, at, dims));
    }
    uint64_t size = recs__codes_size(rows, dims);
    s->bytes = aligned_alloc(64, size);
    s->coded = recs__codes_build(&s->space.stored, &alone, s->bytes, NULL) == RECS_OK;
    assert_int_equal(s->coded, what != TOO_HUGE);
    if (s->coded) {
        assert_true(recs__codes_read(&s->codes, s->bytes, size, rows, dims));
        s->space.codes = &s->codes;
    }
}

static void drop(set *s) {
    free(s->floats);
    free(s->values);
    free(s->scales);
    free(s->norms);
    free(s->bytes);
}

/* ---- the reference: every row, by definition ---------------------------------------- */

static float score_of(const set *s, const float *vector, float norm, uint32_t row) {
    const float *at = s->floats + row * s->space.stored.stride;
    uint32_t dims = s->space.stored.dims;
    float score;
    if (s->space.metric == RECS__METRIC_DISTANCE) {
        recs__kernels_scalar.distance_rows(vector, at, dims, dims, 1, &score);
        return -score;
    }
    score = recs__kernels_scalar.dot(vector, at, dims);
    return s->space.metric == RECS__METRIC_COSINE ? score * (1.0f / (norm * s->norms[row]))
                                                  : score;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Keys of all answers, best first. */
static size_t reference(const set *s, const float *vector, float norm, const recs__filter *filter,
                        float floor, uint64_t *keys) {
    size_t count = 0;
    for (uint32_t row = 0; row < s->space.stored.rows; row++) {
        float score = score_of(s, vector, norm, row);
        if (!isfinite(score) || !(score > floor) || (filter && !recs__filter_eligible(filter, row)))
            continue;
        if ((s->space.no_zeros || s->space.metric == RECS__METRIC_COSINE) && s->norms[row] == 0)
            continue;
        keys[count++] = recs__topk_key(score, row);
    }
    qsort(keys, count, sizeof *keys, ascending);
    return count;
}

/* ---- a check --------------------------------------------------------------------------- */

typedef struct asked {
    size_t limit;
    float floor;
    const recs__filter *filter;
    const recs__accept *accept;
    const recs_host *host;
} asked;

enum { VECTORS = 70 };

/* Searches count vectors together; all must be what reference gives. */
static void check(const set *s, const float *vectors, size_t count, asked a, const char *what) {
    const recs__stored *stored = &s->space.stored;
    static recs__exact_room room;
    recs__topk topks[VECTORS] = {{0}};
    recs__seek seeks[VECTORS];
    recs_error error = {0};
    for (size_t i = 0; i < count; i++) {
        const float *vector = vectors + i * stored->dims;
        assert_int_equal(recs__topk_begin(&topks[i], &alone, a.limit, a.floor, NULL), RECS_OK);
        seeks[i] = (recs__seek){.vector = vector,
                                .norm = sqrtf(recs__kernels_get()->dot(vector, vector,
                                                                       stored->dims)),
                                .filter = a.filter,
                                .topk = &topks[i]};
    }
    assert_int_equal(
        recs__exact_search(&s->space, seeks, count, a.accept, &room, a.host, &error), RECS_OK);
    uint64_t *keys = malloc((stored->rows + 1) * sizeof *keys);
    for (size_t i = 0; i < count; i++) {
        size_t all = reference(s, seeks[i].vector, seeks[i].norm, a.filter, a.floor, keys);
        size_t wanted = all < a.limit ? all : a.limit, found = recs__topk_finish(&topks[i]);
        if (found != wanted || memcmp(topks[i].keys, keys, found * sizeof *keys) != 0)
            fail_msg("%s: vector %zu, way %d, limit %zu: %zu found, %zu expected, or others", what,
                     i, seeks[i].way, a.limit, found, wanted);
        assert_true(seeks[i].rescored <= seeks[i].scanned);
        recs__topk_free(&topks[i], &alone);
    }
    free(keys);
    recs__exact_free(&room, &alone);
}

static float *some_vectors(const set *s, shape what, size_t count, uint64_t seed) {
    uint32_t dims = s->space.stored.dims;
    float *vectors = calloc(count * dims, sizeof *vectors);
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        make_row(&random,
                 what == EQUAL || what == FEW || what == NEAR ? (shape)((int)(i % 2) * (int)what)
                                                              : what,
                 (uint32_t)i, vectors + i * dims, dims);
        if (i % 5 == 3) /* a row itself */
            memcpy(vectors + i * dims, s->floats + (i * 37) * s->space.stored.stride,
                   dims * sizeof *vectors);
        for (uint32_t j = 0; i % 31 == 30 && j < dims; j++)
            vectors[i * dims + j] = 0.0f;
    }
    return vectors;
}

static void every_shape_metric_and_type(void **state) {
    (void)state;
    for (int what = 0; what < SHAPES; what++)
        for (int metric = 0; metric < 3; metric++)
            for (int type = 0; type < 4; type++) {
                if (type == RECS__STORED_FLOAT16 && (what == HUGE_ONES || what == TOO_HUGE ||
                                                     what == SPREAD))
                    continue; /* beyond its range */
                char name[80];
                snprintf(name, sizeof name, "shape %d metric %d type %d", what, metric, type);
                set s;
                uint32_t dims = what % 3 == 0 ? 33 : 64;
                make(&s, (shape)what, (recs__stored_type)type, (recs__metric)metric, 2600, dims,
                     (dims + 15) / 16 * 16, (uint64_t)what + 1);
                s.space.no_zeros = type == RECS__STORED_HALF;
                float *vectors = some_vectors(&s, (shape)what, 5, 11);
                check(&s, vectors, 5, (asked){10, -INFINITY, NULL, NULL, &alone}, name);
                check(&s, vectors + dims, 1, (asked){20, -INFINITY, NULL, NULL, &threads}, name);
                free(vectors);
                drop(&s);
            }
}

/* Enough rows that a search is split, and floods. */
static void pieces_and_floods(void **state) {
    (void)state;
    for (int what = 0; what < SHAPES; what++) {
        char name[80];
        snprintf(name, sizeof name, "shape %d", what);
        set s;
        make(&s, (shape)what, what % 2 ? RECS__STORED_FLOAT : RECS__STORED_HALF,
             what == PEAKED ? RECS__METRIC_DISTANCE : RECS__METRIC_PRODUCT, 50000, 20, 32,
             (uint64_t)what + 9);
        float *vectors = some_vectors(&s, (shape)what, 3, 5);
        check(&s, vectors, 3, (asked){30, -INFINITY, NULL, NULL, &alone}, name);
        check(&s, vectors, 3, (asked){30, -INFINITY, NULL, NULL, &threads}, name);
        check(&s, vectors, 1, (asked){what % 2 ? 1500 : 700, -INFINITY, NULL, NULL, &alone}, name);
        free(vectors);
        drop(&s);
    }
}

static void many_at_once_and_any_k(void **state) {
    (void)state;
    set s;
    make(&s, SPREAD, RECS__STORED_FLOAT, RECS__METRIC_PRODUCT, 9000, 48, 48, 3);
    float *vectors = some_vectors(&s, PLAIN, VECTORS, 8);
    static const size_t counts[] = {0, 1, 2, 3, 7, 16, 17, 64, 65, VECTORS};
    static const size_t limits[] = {0, 1, 100, 5, 281, 282, 9000, 20000, 10, 10};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        check(&s, vectors, counts[i], (asked){limits[i], -INFINITY, NULL, NULL, &alone}, "alone");
        check(&s, vectors, counts[i], (asked){limits[i], -INFINITY, NULL, NULL, &threads},
              "threads");
        check(&s, vectors, 2, (asked){limits[i], recs__exact_floor(0.25f), NULL, NULL, &alone},
              "range");
    }
    free(vectors);
    drop(&s);
}

static void a_range_has_all_rows_at_its_edge(void **state) {
    (void)state;
    set s;
    make(&s, SIGNS, RECS__STORED_FLOAT, RECS__METRIC_DISTANCE, 5000, 12, 16, 3);
    float *vectors = some_vectors(&s, SIGNS, 4, 8);
    for (int radius = 0; radius <= 20; radius += 4)
        check(&s, vectors, 4,
              (asked){150, recs__exact_floor(-(float)radius), NULL, NULL, &alone}, "radius");
    free(vectors);
    drop(&s);
}

/* ---- filters ------------------------------------------------------------------------------ */

/* Leaves few of the rows asked about: the best are not among them. */
static void one_in_29(void *data, const uint32_t *rows, size_t count, uint8_t *keep) {
    size_t *calls = data;
    ++*calls;
    assert_true(count > 0 && count <= 512);
    for (size_t i = 0; i < count; i++)
        keep[i] = rows[i] % 29 == 0;
}

static void filters_of_every_size(void **state) {
    (void)state;
    enum { ROWS = 6000 };
    static const size_t sizes[] = {0, 1, 6, 60, 499, 501, 3000, 5999, 6000};
    static int8_t available[ROWS];
    static uint32_t rows[ROWS];
    for (int metric = 0; metric < 3; metric++) {
        set s;
        make(&s, SPREAD, RECS__STORED_FLOAT, (recs__metric)metric, ROWS, 24, 32, 4);
        float *vectors = some_vectors(&s, SPREAD, 5, 2);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes * 4; i++) {
            recs__filter filter = {0};
            size_t size = sizes[i / 4];
            bool allow = i % 2, column = i / 2 % 2;
            for (uint32_t row = 0; row < ROWS; row++) {
                rows[row] = (row * 7919u + 5) % ROWS;
                available[row] = (int8_t)(row % 11 != 0);
            }
            assert_int_equal(
                recs__filter_begin(&filter, &alone, ROWS, column ? available : NULL,
                                   recs__filter_unavailable(column ? available : NULL, ROWS),
                                   NULL),
                RECS_OK);
            if (allow)
                recs__filter_allow(&filter, &alone, rows, size, NULL);
            for (size_t j = 0; j < (allow ? size / 5 : ROWS - size); j++)
                recs__filter_exclude(&filter, &alone, rows[j], NULL);
            check(&s, vectors, 5, (asked){25, -INFINITY, &filter, NULL, &alone}, "filter");
            check(&s, vectors, 1, (asked){25, -INFINITY, &filter, NULL, &threads}, "filter");
            recs__filter_free(&filter, &alone);
        }
        /* The host's own filter is as one of rows. */
        recs__filter filter = {0};
        recs__filter_begin(&filter, &alone, ROWS, NULL, 0, NULL);
        for (uint32_t row = 0; row < ROWS; row++)
            if (row % 29 != 0)
                recs__filter_exclude(&filter, &alone, row, NULL);
        for (int way = 0; way < 3; way++) {
            size_t calls = 0;
            recs__accept accept = {one_in_29, &calls};
            recs__exact_room room = {0};
            recs__topk ours = {0}, theirs = {0};
            recs__space space = s.space;
            space.codes = way == 1 ? NULL : space.codes;
            recs__filter few = {0};
            recs__filter_begin(&few, &alone, ROWS, NULL, 0, NULL);
            if (way == 2)
                recs__filter_allow(&few, &alone, rows, 200, NULL);
            for (size_t j = 0; way == 2 && j < 200; j++)
                if (rows[j] % 29 != 0)
                    recs__filter_exclude(&few, &alone, rows[j], NULL);
            recs__filter all = {0};
            recs__filter_begin(&all, &alone, ROWS, NULL, 0, NULL);
            if (way == 2)
                recs__filter_allow(&all, &alone, rows, 200, NULL);
            recs__topk_begin(&ours, &alone, 12, -INFINITY, NULL);
            recs__topk_begin(&theirs, &alone, 12, -INFINITY, NULL);
            recs__seek a = {.vector = vectors, .norm = 1, .filter = &all, .topk = &ours};
            recs__seek b = {.vector = vectors, .norm = 1,
                            .filter = way == 2 ? &few : &filter, .topk = &theirs};
            recs__exact_search(&space, &a, 1, &accept, &room, &threads, NULL);
            recs__exact_search(&space, &b, 1, NULL, &room, &alone, NULL);
            assert_true(calls > 0);
            assert_int_equal(recs__topk_finish(&ours), recs__topk_finish(&theirs));
            assert_memory_equal(ours.keys, theirs.keys, ours.count * sizeof *ours.keys);
            recs__topk_free(&ours, &alone);
            recs__topk_free(&theirs, &alone);
            recs__filter_free(&few, &alone);
            recs__filter_free(&all, &alone);
            recs__exact_free(&room, &alone);
        }
        recs__filter_free(&filter, &alone);
        free(vectors);
        drop(&s);
    }
}

static void the_way_is_told(void **state) {
    (void)state;
    set s;
    make(&s, PLAIN, RECS__STORED_FLOAT, RECS__METRIC_PRODUCT, 20000, 32, 32, 6);
    set same;
    make(&same, EQUAL, RECS__STORED_FLOAT, RECS__METRIC_PRODUCT, 50000, 32, 32, 6);
    float *vectors = some_vectors(&s, PLAIN, 1, 2);
    recs__exact_room room = {0};
    recs__topk topk = {0};
    recs__filter filter = {0};
    uint32_t few[100];
    for (uint32_t i = 0; i < 100; i++)
        few[i] = i * 17;
    recs__filter_begin(&filter, &alone, 20000, NULL, 0, NULL);
    recs__filter_allow(&filter, &alone, few, 100, NULL);
    struct {
        const set *set;
        const recs__filter *filter;
        size_t limit;
        bool coded;
        recs__way way;
    } cases[] = {
        {&s, NULL, 10, true, RECS__WAY_CODES},    {&s, NULL, 10, false, RECS__WAY_PLAIN},
        {&s, &filter, 10, true, RECS__WAY_LIST},  {&s, NULL, 0, true, RECS__WAY_NONE},
        {&s, NULL, 1000, true, RECS__WAY_PLAIN},  {&same, NULL, 10, true, RECS__WAY_PLAIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recs__space space = cases[i].set->space;
        if (!cases[i].coded)
            space.codes = NULL;
        recs__topk_begin(&topk, &alone, cases[i].limit, -INFINITY, NULL);
        recs__seek seek = {.vector = vectors, .filter = cases[i].filter, .topk = &topk};
        recs__exact_search(&space, &seek, 1, NULL, &room, &alone, NULL);
        assert_int_equal(seek.way, cases[i].way);
        if (seek.way == RECS__WAY_CODES)
            assert_true(seek.scanned >= 20000 && seek.rescored < 3000);
        if (seek.way == RECS__WAY_LIST)
            assert_int_equal(seek.scanned, 100);
    }
    assert_true(recs__exact_memory(&room) > 0);
    recs__exact_free(&room, &alone);
    recs__topk_free(&topk, &alone);
    recs__filter_free(&filter, &alone);
    free(vectors);
    drop(&s);
    drop(&same);
}

static void every_table_gives_the_same(void **state) {
    (void)state;
    set s;
    make(&s, PLAIN, RECS__STORED_INT8, RECS__METRIC_COSINE, 4000, 70, 80, 12);
    float *vectors = some_vectors(&s, PLAIN, 6, 3);
    for (size_t t = 0; recs__kernels_at(t); t++) {
        recs__kernels_force(recs__kernels_at(t));
        check(&s, vectors, 6, (asked){15, -INFINITY, NULL, NULL, &alone}, "table");
    }
    recs__kernels_force(NULL);
    free(vectors);
    drop(&s);
}

/* Hostile copies may answer wrongly but touch nothing that is not theirs. */
static void damaged_copies_do_no_harm(void **state) {
    (void)state;
    set s;
    make(&s, PLAIN, RECS__STORED_FLOAT, RECS__METRIC_PRODUCT, 3000, 16, 16, 12);
    float *vectors = some_vectors(&s, PLAIN, 3, 3);
    recs__random random;
    recs__random_seed(&random, 1);
    uint64_t size = recs__codes_size(3000, 16);
    for (int turn = 0; turn < 60; turn++) {
        for (int i = 0; i < 200; i++) {
            uint64_t at = sizeof(recs__codes_head) +
                          recs__random_below(&random, size - sizeof(recs__codes_head));
            ((unsigned char *)s.bytes)[at] = (unsigned char)recs__random_below(&random, 256);
        }
        recs__exact_room room = {0};
        recs__topk topks[3] = {{0}};
        recs__seek seeks[3];
        for (size_t i = 0; i < 3; i++) {
            recs__topk_begin(&topks[i], &alone, 10, -INFINITY, NULL);
            seeks[i] = (recs__seek){.vector = vectors + i * 16, .topk = &topks[i]};
        }
        recs__exact_search(&s.space, seeks, 3, NULL, &room, &threads, NULL);
        for (size_t i = 0; i < 3; i++) {
            size_t found = recs__topk_finish(&topks[i]);
            assert_true(found <= 10);
            for (size_t j = 0; j < found; j++)
                assert_true(recs__topk_row(topks[i].keys[j]) < 3000);
            recs__topk_free(&topks[i], &alone);
        }
        recs__exact_free(&room, &alone);
    }
    free(vectors);
    drop(&s);
}

static void failed_allocations_are_survived(void **state) {
    (void)state;
    set s;
    make(&s, PLAIN, RECS__STORED_HALF, RECS__METRIC_PRODUCT, 40000, 8, 16, 12);
    float *vectors = some_vectors(&s, PLAIN, 3, 3);
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_host lent = threads;
        recs__exact_room room = {0};
        recs__topk topks[3] = {{0}};
        recs__seek seeks[3];
        uint64_t keys[40000];
        fault_off(&faults);
        lent.memory_data = faults.host.memory_data;
        lent.allocate = faults.host.allocate;
        lent.reallocate = faults.host.reallocate;
        lent.release = faults.host.release;
        for (size_t i = 0; i < 3; i++) {
            recs__topk_begin(&topks[i], &lent, 10, -INFINITY, NULL);
            seeks[i] = (recs__seek){.vector = vectors + i * 8, .topk = &topks[i]};
        }
        fault_on(&faults);
        recs_status status = recs__exact_search(&s.space, seeks, 3, NULL, &room, &lent, &error);
        fault_off(&faults);
        if (status != RECS_OK) /* pieces without memory are searched as one */
            fault_passed(&faults, status, &error);
        for (size_t i = 0; status == RECS_OK && i < 3; i++) {
            size_t all = reference(&s, seeks[i].vector, 0, NULL, -INFINITY, keys);
            assert_int_equal(recs__topk_finish(&topks[i]), all < 10 ? all : 10);
            assert_memory_equal(topks[i].keys, keys, 10 * sizeof *keys);
        }
        recs__exact_free(&room, &lent);
        for (size_t i = 0; i < 3; i++)
            recs__topk_free(&topks[i], &lent);
    }
    free(vectors);
    drop(&s);
}

int main(void) {
    recs_pool *pool;
    recs__host_init(&alone, NULL, NULL);
    threads = alone;
    if (recs_pool_create(&pool, 3, NULL, NULL) != RECS_OK)
        return 1;
    threads.run = recs_pool_run;
    threads.executor_data = pool;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_metric_and_type),
        cmocka_unit_test(pieces_and_floods),
        cmocka_unit_test(many_at_once_and_any_k),
        cmocka_unit_test(a_range_has_all_rows_at_its_edge),
        cmocka_unit_test(filters_of_every_size),
        cmocka_unit_test(the_way_is_told),
        cmocka_unit_test(every_table_gives_the_same),
        cmocka_unit_test(damaged_copies_do_no_harm),
        cmocka_unit_test(failed_allocations_are_survived),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    recs_pool_destroy(pool);
    return failed;
}
