/* test_file.c - mapping, loading and replacing files; the numbers in brackets
 * are the invariants of src/base/file.c. */
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static tmp_folder folder;

static int make_folder(void **state) {
    (void)state;
    tmp_make(&folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    tmp_remove(&folder);
    return 0;
}

static void assert_holds(const char *path, const char *text) {
    size_t size;
    char *bytes = tmp_read(path, &size);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    free(bytes);
}

/* ---- reading ---------------------------------------------------------------- */

static void test_map(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs_error error = {0};
    recs__map map;
    tmp_write(&folder, "full", "hello", 5, path);
    assert_int_equal(recs__map_open(&map, path, &error), RECS_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.bytes, "hello", 5);
    recs__map_close(&map);
    assert_null(map.bytes);
    recs__map_close(&map); /* twice is harmless */

    tmp_write(&folder, "empty", "", 0, path);
    assert_int_equal(recs__map_open(&map, path, &error), RECS_OK);
    assert_int_equal(map.size, 0);
    assert_null(map.bytes);
    recs__map_close(&map);
}

/* What was mapped stays what it was when the file is replaced by rename. */
static void test_map_outlives_replacement(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs__map map;
    tmp_write(&folder, "model", "old", 3, path);
    assert_int_equal(recs__map_open(&map, path, NULL), RECS_OK);
    recs__file_writer *writer;
    assert_int_equal(recs__file_create(&writer, path, NULL, NULL), RECS_OK);
    assert_int_equal(recs__file_write(writer, "new!", 4, NULL), RECS_OK);
    assert_int_equal(recs__file_commit(writer, NULL), RECS_OK);
    assert_memory_equal(map.bytes, "old", 3);
    recs__map_close(&map);
    assert_holds(path, "new!");
}

static void test_load(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    unsigned char *bytes;
    size_t size;
    tmp_write(&folder, "full", "hello", 5, path);
    assert_int_equal(recs__file_load(NULL, path, &bytes, &size, NULL), RECS_OK);
    assert_int_equal(size, 5);
    assert_int_equal((uintptr_t)bytes % 64, 0);
    assert_memory_equal(bytes, "hello", 5);
    recs_host host;
    recs__host_init(&host, NULL, NULL);
    recs__free_aligned(&host, bytes);

    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        if (fault_passed(&faults, recs__file_load(&faults.host, path, &bytes, &size, &error),
                         &error))
            recs__free_aligned(&faults.host, bytes);
    }
}

static void test_what_cannot_be_read(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs__map map;
    unsigned char *bytes;
    size_t size;
    recs_error error = {0};
    tmp_path(&folder, "absent", path);
    assert_int_equal(recs__map_open(&map, path, &error), RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, path));
    assert_int_equal(recs__file_load(NULL, path, &bytes, &size, &error), RECS_ERR_NOT_FOUND);
    assert_int_equal(recs__map_open(&map, folder.path, &error), RECS_ERR_IO);
    assert_non_null(strstr(error.text, "folder"));
    assert_int_equal(recs__map_open(&map, "/dev/null", &error), RECS_ERR_IO);
    assert_non_null(strstr(error.text, "device"));
    tmp_path(&folder, "pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(recs__map_open(&map, path, &error), RECS_ERR_IO); /* and does not wait */
    assert_int_equal(recs__file_load(NULL, path, &bytes, &size, &error), RECS_ERR_IO);
}

/* ---- writing ---------------------------------------------------------------- */

static void test_replaces_whole(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    tmp_write(&folder, "model", "old", 3, path);
    recs__file_writer *writer;
    recs_error error = {0};
    assert_int_equal(recs__file_create(&writer, path, NULL, &error), RECS_OK);
    assert_int_equal(recs__file_write(writer, "new ", 4, &error), RECS_OK);
    assert_holds(path, "old"); /* (1) */
    assert_int_equal(recs__file_write(writer, "content", 7, &error), RECS_OK);
    assert_int_equal(recs__file_write(writer, "", 0, &error), RECS_OK);
    assert_int_equal(recs__file_patch(writer, 1, "EW", 2, &error), RECS_OK);
    assert_int_equal(recs__file_patch(writer, 10, "tt", 2, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs__file_patch(writer, UINT64_MAX, "t", 1, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(recs__file_write(writer, "!", 1, &error), RECS_OK);
    assert_int_equal(tmp_count(&folder), 2);
    assert_int_equal(recs__file_commit(writer, &error), RECS_OK);
    assert_holds(path, "nEW content!");
    assert_int_equal(tmp_count(&folder), 1); /* (3) */
}

static void test_mode_follows_umask(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    mode_t before = umask(027);
    recs__file_writer *writer;
    assert_int_equal(recs__file_create(&writer, tmp_path(&folder, "m", path), NULL, NULL), 0);
    assert_int_equal(recs__file_commit(writer, NULL), RECS_OK);
    umask(before);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(status.st_size, 0);
}

static void test_abandon(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    tmp_write(&folder, "model", "old", 3, path);
    recs__file_writer *writer;
    assert_int_equal(recs__file_create(&writer, path, NULL, NULL), RECS_OK);
    assert_int_equal(recs__file_write(writer, "new", 3, NULL), RECS_OK);
    recs__file_abandon(writer);
    recs__file_abandon(NULL);
    assert_holds(path, "old");
    assert_int_equal(tmp_count(&folder), 1);
}

/* Pieces of all sizes around the buffer's, patches between them. */
static void test_any_pieces(void **state) {
    (void)state;
    enum { TOTAL = 700000 };
    unsigned char *wanted = malloc(TOTAL);
    char path[TMP_PATH_MAX];
    for (uint64_t seed = 0; seed < 8; seed++) {
        recs__random random;
        recs__random_seed(&random, seed);
        recs__file_writer *writer;
        assert_int_equal(recs__file_create(&writer, tmp_path(&folder, "p", path), NULL, NULL), 0);
        size_t used = 0;
        static const uint64_t bounds[] = {10, 1000, 65535, 65537, 200000};
        while (used < TOTAL) {
            size_t size = (size_t)recs__random_below(
                &random, bounds[recs__random_below(&random, 5)] + 1);
            if (recs__random_below(&random, 8) == 0)
                size = 65536;
            if (size > TOTAL - used)
                size = TOTAL - used;
            for (size_t i = 0; i < size; i++)
                wanted[used + i] = (unsigned char)recs__random_u64(&random);
            assert_int_equal(recs__file_write(writer, wanted + used, size, NULL), RECS_OK);
            used += size;
            size_t at = (size_t)recs__random_below(&random, used + 1);
            size_t patch = used - at < 9 ? used - at : 9;
            memset(wanted + at, 'P', patch);
            assert_int_equal(recs__file_patch(writer, at, "PPPPPPPPP", patch, NULL), RECS_OK);
        }
        assert_int_equal(recs__file_commit(writer, NULL), RECS_OK);
        size_t size;
        char *got = tmp_read(path, &size);
        assert_int_equal(size, TOTAL);
        assert_memory_equal(got, wanted, TOTAL);
        free(got);
    }
    free(wanted);
}

static void test_targets_refused(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs__file_writer *writer;
    recs_error error = {0};
    assert_int_equal(recs__file_create(&writer, tmp_path(&folder, "no/such/x", path), NULL, &error),
                     RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, path));
    assert_int_equal(recs__file_create(&writer, folder.path, NULL, &error), RECS_ERR_IO);
    assert_int_equal(recs__file_create(&writer, "/dev/full", NULL, &error), RECS_ERR_IO);
    assert_int_equal(recs__file_create(&writer, tmp_path(&folder, "", path), NULL, &error),
                     RECS_ERR_ARGUMENT);
    assert_int_equal(recs__file_create(&writer, "", NULL, &error), RECS_ERR_ARGUMENT);
    assert_int_equal(tmp_count(&folder), 0);

    /* The target became a folder meanwhile: rename fails, nothing is left. */
    tmp_path(&folder, "late", path);
    assert_int_equal(recs__file_create(&writer, path, NULL, &error), RECS_OK);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(recs__file_commit(writer, &error), RECS_ERR_IO);
    assert_int_equal(recs__file_commit(writer, &error), RECS_ERR_STATE);
    assert_int_equal(recs__file_write(writer, "x", 1, &error), RECS_ERR_STATE);
    assert_int_equal(recs__file_patch(writer, 0, "", 0, &error), RECS_ERR_STATE);
    recs__file_abandon(writer);
    assert_int_equal(tmp_count(&folder), 1);
}

static void test_long_and_bare_names(void **state) {
    (void)state;
    char name[256], path[TMP_PATH_MAX], here[4096];
    for (size_t i = 0; i < 255; i += 3)
        memcpy(name + i, "\xE2\x82\xAC", 3);
    name[255] = '\0';
    recs__file_writer *writer;
    assert_int_equal(recs__file_create(&writer, tmp_path(&folder, name, path), NULL, NULL), 0);
    assert_int_equal(recs__file_write(writer, "long", 4, NULL), RECS_OK);
    assert_int_equal(recs__file_commit(writer, NULL), RECS_OK);
    assert_holds(path, "long");

    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder.path), 0);
    recs_status made = recs__file_create(&writer, "bare", NULL, NULL);
    recs_status committed = made == RECS_OK ? recs__file_commit(writer, NULL) : made;
    assert_int_equal(chdir(here), 0);
    assert_int_equal(committed, RECS_OK);
    assert_int_equal(tmp_count(&folder), 2);
}

/* Two writers of one path: each whole, the later commit stays. */
static void test_two_writers(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    recs__file_writer *a, *b;
    assert_int_equal(recs__file_create(&a, tmp_path(&folder, "m", path), NULL, NULL), RECS_OK);
    assert_int_equal(recs__file_create(&b, path, NULL, NULL), RECS_OK);
    assert_int_equal(recs__file_write(a, "aaa", 3, NULL), RECS_OK);
    assert_int_equal(recs__file_write(b, "b", 1, NULL), RECS_OK);
    assert_int_equal(recs__file_commit(b, NULL), RECS_OK);
    assert_holds(path, "b");
    assert_int_equal(recs__file_commit(a, NULL), RECS_OK);
    assert_holds(path, "aaa");
    assert_int_equal(tmp_count(&folder), 1);
}

static void test_out_of_memory(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    fault_host faults;
    tmp_write(&folder, "model", "old", 3, path);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs__file_writer *writer;
        bool made = fault_passed(
            &faults, recs__file_create(&writer, path, &faults.host, &error), &error);
        if (made) {
            assert_int_equal(recs__file_write(writer, "old", 3, &error), RECS_OK);
            assert_int_equal(recs__file_commit(writer, &error), RECS_OK);
        }
        assert_int_equal(tmp_count(&folder), 1);
        assert_holds(path, "old");
    }
}

/* ---- when the system refuses ------------------------------------------------ */

/* Writes until it fails or all is in, in pieces of the given size; then the
 * old file must be there and nothing else. */
static void fill_until_refused(const char *path, const tmp_folder *where, size_t piece,
                               const char *reason) {
    char *zeros = calloc(1, piece);
    recs__file_writer *writer;
    recs_error error = {0};
    assert_int_equal(recs__file_create(&writer, path, NULL, &error), RECS_OK);
    recs_status status = RECS_OK;
    for (size_t total = 0; status == RECS_OK && total < 1000000; total += piece)
        status = recs__file_write(writer, zeros, piece, &error);
    if (status == RECS_OK)
        status = recs__file_commit(writer, &error);
    assert_int_equal(status, RECS_ERR_IO);
    assert_non_null(strstr(error.text, reason));
    assert_non_null(strstr(error.text, path));
    assert_int_equal(recs__file_commit(writer, NULL), RECS_ERR_STATE);
    recs__file_abandon(writer);
    assert_holds(path, "old");
    assert_int_equal(tmp_count(where), 1);
    free(zeros);
}

static void test_file_too_large(void **state) {
    (void)state;
    char path[TMP_PATH_MAX];
    tmp_write(&folder, "model", "old", 3, path);
    struct rlimit before, small = {100000, RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    static const size_t pieces[] = {1000, 65536, 300000};
    for (size_t i = 0; i < 3; i++)
        fill_until_refused(path, &folder, pieces[i], "too large");
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
}

static void test_full_disk(void **state) {
    (void)state;
    tmp_folder disk;
    char path[TMP_PATH_MAX];
    tmp_path(&folder, "disk", disk.path);
    assert_int_equal(mkdir(disk.path, 0700), 0);
    if (mount("tmpfs", disk.path, "tmpfs", 0, "size=256k") != 0) {
        print_message("skipped: may not mount a small disk\n");
        skip();
    }
    tmp_write(&disk, "model", "old", 3, path);
    static const size_t pieces[] = {1000, 65536, 300000};
    for (size_t i = 0; i < 3; i++)
        fill_until_refused(path, &disk, pieces[i], "No space");
    umount2(disk.path, MNT_DETACH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
        WITH_FOLDER(test_map),
        WITH_FOLDER(test_map_outlives_replacement),
        WITH_FOLDER(test_load),
        WITH_FOLDER(test_what_cannot_be_read),
        WITH_FOLDER(test_replaces_whole),
        WITH_FOLDER(test_mode_follows_umask),
        WITH_FOLDER(test_abandon),
        WITH_FOLDER(test_any_pieces),
        WITH_FOLDER(test_targets_refused),
        WITH_FOLDER(test_long_and_bare_names),
        WITH_FOLDER(test_two_writers),
        WITH_FOLDER(test_out_of_memory),
        WITH_FOLDER(test_file_too_large),
        WITH_FOLDER(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
