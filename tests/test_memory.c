/* test_memory.c - resolving a host, and blocks from it. */
#include "base/memory.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <string.h>

/* A recs_host as a later version might have it. */
typedef struct later_host {
    recs_host host;
    void *more[4];
} later_host;

static void test_layout(void **state) {
    (void)state;
    if (sizeof(void *) == 8) {
        assert_int_equal(sizeof(recs_host), 88);
        assert_int_equal(offsetof(recs_host, memory_data), 8);
        assert_int_equal(offsetof(recs_host, log_data), 40);
        assert_int_equal(offsetof(recs_host, clock_data), 56);
        assert_int_equal(offsetof(recs_host, executor_data), 72);
        assert_int_equal(offsetof(recs_host, run), 80);
    }
}

static void count_task(void *arg, size_t index) {
    size_t *seen = arg;
    assert_int_equal(seen[0], index); /* in order */
    seen[0]++;
}

static void test_defaults(void **state) {
    (void)state;
    recs_host host;
    recs_error error = {0};
    assert_int_equal(recs__host_init(&host, NULL, &error), RECS_OK);
    assert_int_equal(host.struct_size, sizeof host);
    assert_non_null(host.allocate);
    assert_non_null(host.reallocate);
    assert_non_null(host.release);
    assert_non_null(host.now);
    assert_non_null(host.run);
    assert_null(host.log);
    recs__host_log(&host, RECS_LOG_ERROR, "into the void %d", 1);
    assert_true(recs__now(&host) > INT64_C(1600000000000));
    size_t seen = 0;
    recs__run(&host, count_task, &seen, 5);
    assert_int_equal(seen, 5);

    recs_host again; /* a resolved host resolves to itself */
    assert_int_equal(recs__host_init(&again, &host, &error), RECS_OK);
    assert_memory_equal(&again, &host, sizeof host);
    assert_string_equal(error.text, "");
}

static int64_t ten_past(void *data) { return *(int64_t *)data + 10; }

static void keep_line(void *data, int32_t level, const char *text) {
    char *line = data;
    line[0] = (char)('0' + level);
    strcpy(line + 1, text);
}

static void test_what_is_lent_is_used(void **state) {
    (void)state;
    int64_t start = 90;
    char line[600] = "";
    recs_host given = {.struct_size = sizeof given,
                       .clock_data = &start,
                       .now = ten_past,
                       .log_data = line,
                       .log = keep_line};
    recs_host host;
    assert_int_equal(recs__host_init(&host, &given, NULL), RECS_OK);
    assert_int_equal(recs__now(&host), 100);
    recs__host_log(&host, RECS_LOG_WARNING, "item %s\n", "7");
    assert_string_equal(line, "2item 7?");
}

static void test_struct_size(void **state) {
    (void)state;
    recs_host host;
    recs_error error = {0};

    int64_t start = 0;
    recs_host smaller = {.struct_size = offsetof(recs_host, clock_data),
                         .clock_data = &start,
                         .now = ten_past};
    assert_int_equal(recs__host_init(&host, &smaller, &error), RECS_OK);
    assert_true(host.now != ten_past); /* beyond its size: not read */
    assert_int_equal(host.struct_size, sizeof host);

    later_host larger = {.host = {.struct_size = sizeof larger}};
    assert_int_equal(recs__host_init(&host, &larger.host, &error), RECS_OK);
    larger.more[2] = &larger;
    memset(&host, 0x33, sizeof host);
    recs_host untouched = host;
    assert_int_equal(recs__host_init(&host, &larger.host, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "does not know"));
    assert_memory_equal(&host, &untouched, sizeof host);

    static const size_t wrong[] = {0, 1, 4, 9, 87, 100000, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        recs_host odd = {.struct_size = wrong[i]};
        assert_int_equal(recs__host_init(&host, &odd, &error), RECS_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "struct_size"));
    }
}

static void test_all_three_or_none(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    for (int given = 1; given < 7; given++) {
        recs_host host, odd = {.struct_size = sizeof odd};
        recs_error error = {0};
        if (given & 1)
            odd.allocate = faults.host.allocate;
        if (given & 2)
            odd.reallocate = faults.host.reallocate;
        if (given & 4)
            odd.release = faults.host.release;
        assert_int_equal(recs__host_init(&host, &odd, &error), RECS_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "is NULL"));
    }
    fault_host_done(&faults);
}

static void test_blocks(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs_host host;
    assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);

    unsigned char *zero = recs__alloc_zero(&host, 7, 9, NULL);
    for (size_t i = 0; i < 63; i++)
        assert_int_equal(zero[i], 0);
    char *none = recs__alloc(&host, 0, 8, NULL);
    assert_non_null(none);
    none[0] = 1; /* one byte is there */
    char *copy = recs__copy_text(&host, "h\xC3\xA9", NULL);
    assert_string_equal(copy, "h\xC3\xA9");
    assert_int_equal(faults.live_blocks, 3);
    recs__free(&host, zero);
    recs__free(&host, none);
    recs__free(&host, copy);
    recs__free(&host, NULL);
    recs__free_aligned(&host, NULL);

    for (size_t size = 0; size < 300; size += 7) {
        unsigned char *block = recs__alloc_aligned(&host, size, 1, NULL);
        assert_int_equal((uintptr_t)block % 64, 0);
        memset(block, 0xEE, size);
        recs__free_aligned(&host, block);
    }
    fault_host_done(&faults);
}

/* An allocator that gives addresses aligned to nothing at all. */
static void *shifted_allocate(void *data, size_t size) {
    char *arena = data;
    assert_true(size < 900);
    return arena + 1;
}
static void *never_reallocate(void *data, void *block, size_t size) {
    (void)data, (void)block, (void)size;
    return NULL;
}
static void shifted_release(void *data, void *block) {
    char *arena = data;
    assert_ptr_equal(block, arena + 1);
    arena[0] = 'r';
}

static void test_aligned_from_any_address(void **state) {
    (void)state;
    char arena[1000] = "";
    recs_host host = {.struct_size = sizeof host,
                      .memory_data = arena,
                      .allocate = shifted_allocate,
                      .reallocate = never_reallocate,
                      .release = shifted_release};
    unsigned char *block = recs__alloc_aligned(&host, 100, 8, NULL);
    assert_int_equal((uintptr_t)block % 64, 0);
    assert_true((char *)block >= arena + 1 + sizeof(void *));
    assert_true((char *)block + 800 <= arena + 1 + 899);
    recs__free_aligned(&host, block);
    assert_int_equal(arena[0], 'r');
}

static void test_overflow(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs_error error = {0};
    assert_null(recs__alloc(&faults.host, SIZE_MAX / 2, 3, &error));
    assert_int_equal(error.status, RECS_ERR_MEMORY);
    assert_null(recs__alloc_zero(&faults.host, SIZE_MAX, SIZE_MAX, NULL));
    assert_null(recs__alloc_aligned(&faults.host, SIZE_MAX - 3, 1, &error));
    void *block = NULL;
    size_t capacity = 0;
    assert_int_equal(recs__grow(&faults.host, &block, &capacity, SIZE_MAX / 4, 8, &error),
                     RECS_ERR_MEMORY);
    assert_null(block);
    assert_int_equal(capacity, 0);
    assert_int_equal(faults.total, 0); /* the host was not even asked */
    fault_host_done(&faults);
}

static void test_grow(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    uint32_t *values = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        void *block = values;
        assert_int_equal(recs__grow(&faults.host, &block, &capacity, i + 1, 4, NULL), RECS_OK);
        values = block;
        assert_true(capacity > i);
        values[i] = i * 3;
    }
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(values[i], i * 3);
    assert_true(faults.total < 20); /* doubles, so few moves */
    recs__free(&faults.host, values);
    fault_host_done(&faults);
}

static void test_failed_growth_changes_nothing(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        void *block = NULL;
        size_t capacity = 0;
        if (fault_passed(&faults, recs__grow(&faults.host, &block, &capacity, 10, 4, &error),
                         &error)) {
            memset(block, 7, 40);
            void *before = block;
            size_t capacity_before = capacity;
            if (!fault_passed(&faults,
                              recs__grow(&faults.host, &block, &capacity, 1000, 4, &error),
                              &error)) {
                assert_ptr_equal(block, before);
                assert_int_equal(capacity, capacity_before);
            }
            for (size_t i = 0; i < 40; i++)
                assert_int_equal(((char *)block)[i], 7);
        }
        recs__free(&faults.host, block);
    }
}

static void test_failed_blocks(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        void *plain = recs__alloc(&faults.host, 3, 5, &error);
        void *zero = recs__alloc_zero(&faults.host, 3, 5, &error);
        void *aligned = recs__alloc_aligned(&faults.host, 3, 5, &error);
        char *text = recs__copy_text(&faults.host, "text", &error);
        bool all = plain != NULL && zero != NULL && aligned != NULL && text != NULL;
        assert_int_equal(all, faults.faults == 0);
        assert_int_equal(error.status, all ? RECS_OK : RECS_ERR_MEMORY);
        recs__free(&faults.host, plain);
        recs__free(&faults.host, zero);
        recs__free_aligned(&faults.host, aligned);
        recs__free(&faults.host, text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_what_is_lent_is_used),
        cmocka_unit_test(test_struct_size),
        cmocka_unit_test(test_all_three_or_none),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_aligned_from_any_address),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_failed_growth_changes_nothing),
        cmocka_unit_test(test_failed_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
