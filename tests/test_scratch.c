/* test_scratch.c - blocks are nobody else's while taken, and come back. */
#include "train/scratch.h"

#include "base/memory.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <stdbool.h>
#include <string.h>

static void test_takes_and_gives(void **state) {
    (void)state;
    fault_host faults;
    recs_host host;
    recs__scratch scratch;
    fault_host_init(&faults);
    assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
    recs__scratch_init(&scratch, 100, &host);
    unsigned char *a = recs__scratch_take(&scratch), *b = recs__scratch_take(&scratch);
    assert_true(a && b && a != b);
    assert_int_equal((uintptr_t)a % 64, 0);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(a[i] | b[i], 0);
    recs__scratch_give(&scratch, a);
    assert_ptr_equal(recs__scratch_take(&scratch), a);
    recs__scratch_give(&scratch, b);
    recs__scratch_give(&scratch, a);
    recs__scratch_clear(&scratch);
    recs__scratch_clear(&scratch);
    fault_host_done(&faults);
}

/* More at once than there are slots: the rest is freed, not lost. */
static void test_more_than_slots(void **state) {
    (void)state;
    static void *blocks[RECS__SCRATCH_SLOTS + 50];
    fault_host faults;
    recs_host host;
    recs__scratch scratch;
    fault_host_init(&faults);
    assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
    recs__scratch_init(&scratch, 8, &host);
    for (size_t i = 0; i < RECS__SCRATCH_SLOTS + 50; i++)
        assert_non_null(blocks[i] = recs__scratch_take(&scratch));
    for (size_t i = 0; i < RECS__SCRATCH_SLOTS + 50; i++)
        recs__scratch_give(&scratch, blocks[i]);
    assert_int_equal(faults.live_blocks, RECS__SCRATCH_SLOTS);
    recs__scratch_clear(&scratch);
    fault_host_done(&faults);
}

static void test_no_memory(void **state) {
    (void)state;
    fault_host faults;
    recs_host host;
    recs__scratch scratch;
    fault_host_init(&faults);
    assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
    recs__scratch_init(&scratch, 8, &host);
    fault_arm(&faults, 1, true);
    assert_null(recs__scratch_take(&scratch));
    recs__scratch_clear(&scratch);
    fault_host_done(&faults);
}

typedef struct shared {
    recs__scratch scratch;
    atomic_int clashes;
} shared;

/* The block must be all zero when taken, as every task leaves it. */
static void use_block(void *arg, size_t index) {
    shared *s = arg;
    (void)index;
    volatile unsigned char *block = recs__scratch_take(&s->scratch);
    for (size_t i = 0; i < 64; i++) {
        if (block[i])
            atomic_fetch_add(&s->clashes, 1);
        block[i] = 1;
    }
    for (size_t i = 0; i < 64; i++)
        block[i] = 0;
    recs__scratch_give(&s->scratch, (void *)(uintptr_t)block);
}

static void test_from_many_threads(void **state) {
    (void)state;
    fault_host faults;
    recs_host host;
    recs_pool *pool;
    shared s;
    fault_host_init(&faults);
    assert_int_equal(recs__host_init(&host, &faults.host, NULL), RECS_OK);
    assert_int_equal(recs_pool_create(&pool, 4, NULL, NULL), RECS_OK);
    recs__scratch_init(&s.scratch, 64, &host);
    atomic_init(&s.clashes, 0);
    recs_pool_run(pool, use_block, &s, 20000);
    assert_int_equal(atomic_load(&s.clashes), 0);
    assert_true(faults.total <= 4);
    recs__scratch_clear(&s.scratch);
    recs_pool_destroy(pool);
    fault_host_done(&faults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_and_gives),
        cmocka_unit_test(test_more_than_slots),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
