/* test_pool.c - every index once, from any thread, and from inside. */
#include "base/memory.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void count_up(void *arg, size_t index) {
    unsigned char *seen = arg;
    seen[index]++; /* plain: no index may be given out twice */
}

static void test_every_index_once(void **state) {
    (void)state;
    static const uint32_t threads[] = {1, 2, 3, 8};
    static const size_t counts[] = {0, 1, 2, 7, 1000, 20000};
    for (size_t t = 0; t < 4; t++) {
        recs_pool *pool;
        recs_error error = {0};
        assert_int_equal(recs_pool_create(&pool, threads[t], NULL, &error), RECS_OK);
        assert_int_equal(recs_pool_threads(pool), threads[t]);
        for (size_t c = 0; c < 6; c++) {
            unsigned char *seen = calloc(counts[c] + 1, 1);
            recs_pool_run(pool, count_up, seen, counts[c]);
            for (size_t i = 0; i < counts[c]; i++)
                assert_int_equal(seen[i], 1);
            assert_int_equal(seen[counts[c]], 0);
            free(seen);
        }
        recs_pool_destroy(pool);
    }
    recs_pool_destroy(NULL);
}

static void test_many_short_runs(void **state) {
    (void)state;
    recs_pool *pool;
    assert_int_equal(recs_pool_create(&pool, 3, NULL, NULL), RECS_OK);
    for (int i = 0; i < 3000; i++) {
        unsigned char seen[5] = {0};
        recs_pool_run(pool, count_up, seen, 4);
        assert_memory_equal(seen, "\1\1\1\1\0", 5);
    }
    recs_pool_destroy(pool);
}

static void test_zero_means_processors(void **state) {
    (void)state;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    recs_pool *pool;
    assert_int_equal(recs_pool_create(&pool, 0, NULL, NULL), RECS_OK);
    int usable = CPU_COUNT(&set);
    assert_int_equal(recs_pool_threads(pool), usable < 1024 ? usable : 1024);
    recs_pool_destroy(pool);
}

static void test_refused(void **state) {
    (void)state;
    recs_pool *pool = NULL;
    recs_error error = {0};
    assert_int_equal(recs_pool_create(&pool, 1025, NULL, &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "1025"));
    assert_int_equal(recs_pool_create(NULL, 1, NULL, &error), RECS_ERR_ARGUMENT);
    recs_host odd = {.struct_size = 3};
    assert_int_equal(recs_pool_create(&pool, 1, &odd, &error), RECS_ERR_ARGUMENT);
    assert_null(pool);
}

static void test_as_executor(void **state) {
    (void)state;
    recs_pool *pool;
    assert_int_equal(recs_pool_create(&pool, 4, NULL, NULL), RECS_OK);
    recs_host given = {.struct_size = sizeof given, .executor_data = pool, .run = recs_pool_run};
    recs_host host;
    assert_int_equal(recs__host_init(&host, &given, NULL), RECS_OK);
    unsigned char seen[101] = {0};
    recs__run(&host, count_up, seen, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    recs_pool_destroy(pool);
}

/* ---- from inside, and from several threads ---------------------------------------- */

typedef struct nest {
    recs_pool *pool;
    unsigned char seen[20][50];
    atomic_size_t other_thread;
} nesting;

typedef struct nest_row {
    nesting *nest;
    size_t row;
    pthread_t thread;
} nest_row;

static void inner_task(void *arg, size_t index) {
    nest_row *row = arg;
    row->nest->seen[row->row][index]++;
    if (!pthread_equal(row->thread, pthread_self()))
        atomic_fetch_add(&row->nest->other_thread, 1);
}

static void outer_task(void *arg, size_t index) {
    nesting *nest = arg;
    nest_row row = {nest, index, pthread_self()};
    recs_pool_run(nest->pool, inner_task, &row, 50);
}

static void test_nested_runs_inline(void **state) {
    (void)state;
    static nesting nest;
    assert_int_equal(recs_pool_create(&nest.pool, 4, NULL, NULL), RECS_OK);
    recs_pool_run(nest.pool, outer_task, &nest, 20);
    for (int r = 0; r < 20; r++)
        for (int i = 0; i < 50; i++)
            assert_int_equal(nest.seen[r][i], 1);
    assert_int_equal(atomic_load(&nest.other_thread), 0);
    recs_pool_destroy(nest.pool);
}

enum { CALLERS = 4 };

typedef struct caller {
    recs_pool *pool;
    struct caller *all; /* CALLERS of them */
    unsigned char seen[200];
    atomic_int inside;  /* tasks of this caller running now             */
    atomic_int clashes; /* times one of another caller ran at that time */
} caller;

static void turn_task(void *arg, size_t index) {
    caller *turn = arg;
    atomic_fetch_add(&turn->inside, 1);
    for (int i = 0; i < CALLERS; i++)
        if (&turn->all[i] != turn && atomic_load(&turn->all[i].inside) != 0)
            atomic_fetch_add(&turn->clashes, 1);
    turn->seen[index]++;
    atomic_fetch_sub(&turn->inside, 1);
}

static void *take_turns(void *data) {
    caller *turn = data;
    for (int i = 0; i < 50; i++)
        recs_pool_run(turn->pool, turn_task, turn, 200);
    return NULL;
}

static void test_callers_take_turns(void **state) {
    (void)state;
    static caller turns[CALLERS];
    pthread_t callers[CALLERS];
    recs_pool *pool;
    assert_int_equal(recs_pool_create(&pool, 3, NULL, NULL), RECS_OK);
    for (int i = 0; i < CALLERS; i++) {
        turns[i].pool = pool;
        turns[i].all = turns;
    }
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, take_turns, &turns[i]), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(atomic_load(&turns[i].clashes), 0);
        for (int j = 0; j < 200; j++)
            assert_int_equal(turns[i].seen[j], 50);
    }
    recs_pool_destroy(pool);
}

/* ---- what it asks of the system ---------------------------------------------------- */

static void test_out_of_memory(void **state) {
    (void)state;
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_pool *pool = NULL;
        if (!fault_passed(&faults, recs_pool_create(&pool, 3, &faults.host, &error), &error)) {
            assert_null(pool);
            continue;
        }
        size_t before = faults.total;
        unsigned char seen[101] = {0};
        recs_pool_run(pool, count_up, seen, 100);
        assert_int_equal(faults.total, before); /* a run allocates nothing */
        recs_pool_destroy(pool);
    }
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

/* Valgrind itself dies in a narrow address space. Its header is there when it is. */
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#ifndef SANITIZED
/* In a process of its own, since an address space cannot be narrowed for a
 * moment only. 0: as expected; 1: not; 2: more threads fit than thought. */
static int start_too_many(void) {
    struct rlimit limit = {400u << 20, 400u << 20};
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    recs_pool *pool = NULL;
    recs_error error = {0};
    recs_status status = recs_pool_create(&pool, 1024, NULL, &error);
    if (status == RECS_OK)
        return 2;
    bool as_expected = status == RECS_ERR_IO && error.status == RECS_ERR_IO && pool == NULL &&
                       strstr(error.text, "cannot start thread") != NULL;
    return as_expected ? 0 : 1;
}
#endif

static void test_no_more_threads(void **state) {
    (void)state;
#ifdef SANITIZED
    print_message("skipped: a sanitizer needs its address space\n");
    skip();
#else
    if (RUNNING_ON_VALGRIND) {
        print_message("skipped: valgrind needs its address space\n");
        skip();
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(start_too_many());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) {
        print_message("skipped: the address space could not be narrowed\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_index_once),
        cmocka_unit_test(test_many_short_runs),
        cmocka_unit_test(test_zero_means_processors),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_as_executor),
        cmocka_unit_test(test_nested_runs_inline),
        cmocka_unit_test(test_callers_take_turns),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_no_more_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
