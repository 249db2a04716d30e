/* test_spill.c - memory in files without a name: what is written stays, what
 * fails says why, nothing is left in the folder. */
#include "train/spill.h"

#include "base/memory.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIG ((size_t)3 << 20)

static tmp_folder folder;

static recs__spill *make(const recs_host *base) {
    recs_host host;
    recs__spill *spill = NULL;
    recs_error error = {0};
    assert_int_equal(recs__host_init(&host, base, &error), RECS_OK);
    if (recs__spill_create(&spill, folder.path, &host, &error) != RECS_OK)
        fail_msg("%s", error.text);
    return spill;
}

static void fill(unsigned char *block, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        block[i] = (unsigned char)(i * 31 + i / 4096);
}

static void check(const unsigned char *block, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (block[i] != (unsigned char)(i * 31 + i / 4096))
            fail_msg("byte %zu of %zu", i, size);
}

static void test_blocks_keep_what_is_written(void **state) {
    (void)state;
    recs__spill *spill = make(NULL);
    const recs_host *host = recs__spill_host(spill);
    unsigned char *block = recs__alloc(host, BIG, 1, NULL);
    unsigned char *other = recs__alloc(host, RECS__SPILL_LEAST, 1, NULL);
    assert_non_null(block);
    assert_non_null(other);
    assert_int_equal((uintptr_t)block % 64, 0);
    assert_true(recs__spill_bytes(spill) >= BIG + RECS__SPILL_LEAST);
    for (size_t i = 0; i < BIG; i++)
        assert_int_equal(block[i], 0); /* a new file is zeros */
    fill(block, 0, BIG);
    recs__spill_done(spill, block + 1000, BIG - 2000);
    check(block, BIG);
    block = host->reallocate(host->memory_data, block, 3 * BIG + 17);
    assert_non_null(block);
    check(block, BIG);
    fill(block, BIG, 3 * BIG + 17);
    recs__spill_done(spill, block, 3 * BIG + 17);
    check(block, 3 * BIG + 17);
    block = host->reallocate(host->memory_data, block, BIG / 2);
    check(block, BIG / 2);
    recs__free(host, other);
    recs__free(host, block);
    assert_int_equal(recs__spill_bytes(spill), 0);
    assert_true(recs__spill_peak(spill) >= 3 * BIG);
    assert_int_equal(tmp_count(&folder), 0);
    recs__spill_release(spill);
}

/* Small blocks are the host's own and become files when they grow. */
static void test_small_blocks_grow_into_files(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs__spill *spill = make(&faults.host);
    const recs_host *host = recs__spill_host(spill);
    size_t before = faults.live_blocks;
    unsigned char *block = recs__alloc(host, 1000, 1, NULL);
    assert_int_equal(faults.live_blocks, before + 1);
    assert_int_equal(recs__spill_bytes(spill), 0);
    fill(block, 0, 1000);
    block = host->reallocate(host->memory_data, block, 20000);
    check(block, 1000);
    block = host->reallocate(host->memory_data, block, BIG);
    check(block, 1000);
    assert_int_equal(faults.live_blocks, before);
    assert_true(recs__spill_bytes(spill) >= BIG);
    recs__spill_done(spill, &faults, sizeof faults); /* not its own: nothing happens */
    recs__free(host, block);
    recs__spill_release(spill);
    fault_host_done(&faults);
}

/* A block outlives whoever made the spill. */
static void test_blocks_outlive_the_maker(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs__spill *spill = make(&faults.host);
    recs_host host = *recs__spill_host(spill);
    unsigned char *block = recs__alloc(&host, BIG, 1, NULL);
    unsigned char *small = recs__alloc(&host, 10, 1, NULL);
    fill(block, 0, BIG);
    recs__spill_release(spill);
    check(block, BIG);
    unsigned char *late = recs__alloc(&host, BIG, 1, NULL);
    assert_non_null(late);
    recs__free(&host, small);
    recs__free(&host, block);
    recs__free(&host, late);
    fault_host_done(&faults);
}

static void test_a_folder_that_will_not_do(void **state) {
    (void)state;
    recs_host host;
    recs__spill *spill = NULL;
    recs_error error = {0};
    char path[TMP_PATH_MAX];
    assert_int_equal(recs__host_init(&host, NULL, &error), RECS_OK);
    assert_int_equal(recs__spill_create(&spill, tmp_path(&folder, "none", path), &host, &error),
                     RECS_ERR_NOT_FOUND);
    assert_null(spill);
    assert_non_null(strstr(error.text, "none"));
    tmp_write(&folder, "file", "x", 1, path);
    assert_int_equal(recs__spill_create(&spill, path, &host, &error), RECS_ERR_IO);
    unlink(path);
    fault_host faults;
    FAULT_LOOP(faults) {
        if (fault_passed(&faults, recs__spill_create(&spill, folder.path, &faults.host, &error),
                         &error))
            recs__spill_release(spill);
    }
}

/* Sizes no file can have, and a disk (here: a limit) that is full. */
static void test_what_does_not_fit(void **state) {
    (void)state;
    recs__spill *spill = make(NULL);
    const recs_host *host = recs__spill_host(spill);
    recs_error error = {0};
    assert_null(recs__alloc(host, SIZE_MAX - 100, 1, &error));
    assert_null(recs__alloc(host, SIZE_MAX / 4, 1, &error));
    assert_null(recs__alloc(host, SIZE_MAX - 5, 1, &error));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {2 * BIG, 2 * BIG};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        unsigned char *block = recs__alloc(host, BIG, 1, &error);
        bool good = block != NULL;
        if (good)
            fill(block, 0, BIG);
        good = good && host->reallocate(host->memory_data, block, 8 * BIG) == NULL;
        good = good && recs__alloc(host, 4 * BIG, 1, &error) == NULL;
        good = good && recs__spill_status(spill, RECS_ERR_MEMORY, &error) == RECS_ERR_IO &&
               strstr(error.text, folder.path) != NULL;
        good = good && recs__spill_status(spill, RECS_ERR_DATA, &error) == RECS_ERR_DATA;
        if (good)
            check(block, BIG);
        recs__free(host, block);
        _exit(good && recs__spill_bytes(spill) == 0 ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    recs__spill_release(spill);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_keep_what_is_written),
        cmocka_unit_test(test_small_blocks_grow_into_files),
        cmocka_unit_test(test_blocks_outlive_the_maker),
        cmocka_unit_test(test_a_folder_that_will_not_do),
        cmocka_unit_test(test_what_does_not_fit),
    };
    tmp_make(&folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tmp_remove(&folder);
    return failed;
}
