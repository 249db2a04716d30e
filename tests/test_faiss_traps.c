/* test_faiss_traps.c - what is known to go wrong with FAISS and its C API, each with
 * what keeps it from doing so here. Skipped where FAISS is not built. */
#include "faiss/faiss_library.h"
#include "recs/faiss.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/vectors_lent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 3000, DIMENSION = 16, K = 10 };

static const recs_vector_backend *faiss;
static vectors_lent set;

static int32_t build_on(const char *text, recs_progress *progress, void *data,
                        const recs_host *host, void **index, recs_error *error) {
    recs_vector_source source = vectors_source(&set);
    return faiss->build(NULL, &source, text, progress, data, host, index, error);
}

static void *built(const char *text) {
    recs_error error = {0};
    void *index = NULL;
    if (build_on(text, NULL, NULL, NULL, &index, &error) != RECS_OK)
        fail_msg("%s: %s", text, error.text);
    return index;
}

static int32_t search(const void *index, size_t candidates, uint32_t *rows, recs_error *error) {
    recs_vector_search s = {.struct_size = sizeof s,
                            .queries = set.rows,
                            .count = 1,
                            .candidates = candidates,
                            .rows = rows};
    return faiss->search(NULL, index, &s, error);
}

static int32_t open_from(const void *bytes, size_t size, const char *text, const char *made_by,
                         uint64_t count, uint32_t dimension, int32_t metric, recs_error *error) {
    void *index = NULL;
    int32_t status = faiss->open(NULL, bytes, size, text, made_by, count, dimension, metric, NULL,
                                 &index, error);
    if (status == RECS_OK)
        faiss->destroy(NULL, index);
    else
        assert_null(index);
    return status;
}

/* FAISS_IO_FLAG_MMAP of the C header is not the flag of that name in C++. None is
 * passed: an index reads its bytes once and does not need them after. */
static void test_bytes_are_not_mapped(void **state) {
    (void)state;
    static const char *const texts[] = {"hnsw", "ivf(lists=10)"};
    for (int i = 0; i < 2; i++) {
        recs_error error = {0};
        bytes_sink saved = {0};
        recs_vector_sink sink = bytes_to(&saved);
        uint32_t before[K], after[K];
        void *index = built(texts[i]);
        assert_int_equal(search(index, K, before, &error), RECS_OK);
        assert_int_equal(faiss->save(NULL, index, &sink, &error), RECS_OK);
        faiss->destroy(NULL, index);
        assert_int_equal(faiss->open(NULL, saved.bytes, saved.size, texts[i], faiss->version,
                                     COUNT, DIMENSION, RECS_METRIC_INNER, NULL, &index, &error),
                         RECS_OK);
        memset(saved.bytes, 0xA5, saved.size);
        free(saved.bytes);
        assert_int_equal(search(index, K, after, &error), RECS_OK);
        assert_memory_equal(after, before, sizeof before);
        faiss->destroy(NULL, index);
    }
}

/* A graph cannot remove: the vector set keeps tombstones and builds anew. What FAISS
 * says to the attempt comes back as a status. */
static void test_graph_cannot_remove(void **state) {
    (void)state;
    const recs__faiss *library;
    recs_error error = {0};
    assert_int_equal(recs__faiss_get(&library, &error), RECS_OK);
    FaissIndex *graph = NULL;
    FaissIDSelector *selector = NULL;
    int64_t row = 3;
    size_t removed = 0;
    assert_int_equal(library->call.index_factory(&graph, DIMENSION, "HNSW8,Flat", RECS__FAISS_L2),
                     0);
    assert_int_equal(library->call.Index_add(graph, 100, set.rows), 0);
    assert_int_equal(library->call.IDSelectorBatch_new(&selector, 1, &row), 0);
    assert_int_not_equal(library->call.Index_remove_ids(graph, selector, &removed), 0);
    assert_int_equal(recs__faiss_fail_call(library, &error, RECS_ERR_UNSUPPORTED, "removing"),
                     RECS_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "removing"));
    assert_int_equal(library->call.Index_ntotal(graph), 100);
    library->call.IDSelector_free(selector);
    library->call.Index_free(graph);
}

/* Fewer neighbours than were asked for are rows of -1 in FAISS, RECS_NO_ROW here,
 * behind those that were found. */
static void test_missing_rows(void **state) {
    (void)state;
    recs_error error = {0};
    /* Lists that are not probed have neighbours that are not found. */
    void *index = built("ivf(lists=200, probe=1)");
    static uint32_t rows[COUNT + 5];
    assert_int_equal(search(index, COUNT + 5, rows, &error), RECS_OK);
    size_t found = 0;
    while (found < COUNT + 5 && rows[found] != RECS_NO_ROW)
        assert_true(rows[found++] < COUNT);
    assert_in_range(found, 1, COUNT / 4);
    for (size_t i = found; i < COUNT + 5; i++)
        assert_int_equal(rows[i], RECS_NO_ROW);
    faiss->destroy(NULL, index);

    /* A filter that leaves one in a thousand: at most those. */
    static uint8_t allowed[(COUNT + 7) / 8];
    for (uint32_t r = 0; r < COUNT; r += 1000)
        allowed[r >> 3] |= (uint8_t)(1u << (r & 7));
    index = built("hnsw");
    recs_vector_search s = {.struct_size = sizeof s,
                            .queries = set.rows,
                            .count = 1,
                            .candidates = K,
                            .allowed = allowed,
                            .allowed_size = sizeof allowed,
                            .rows = rows};
    assert_int_equal(faiss->search(NULL, index, &s, &error), RECS_OK);
    for (size_t i = 0; i < K; i++)
        assert_true(rows[i] == RECS_NO_ROW || rows[i] % 1000 == 0);
    memset(allowed, 0, sizeof allowed);
    assert_int_equal(faiss->search(NULL, index, &s, &error), RECS_OK);
    for (size_t i = 0; i < K; i++)
        assert_int_equal(rows[i], RECS_NO_ROW);
    faiss->destroy(NULL, index);
}

/* A parent that built and searched (and, with a FAISS of OpenMP, used its threads)
 * forks; the child searches and builds, with another setting than the parent had. */
static void test_fork(void **state) {
    (void)state;
    recs_error error = {0};
    uint32_t rows[K], parents[K];
    void *index = built("hnsw");
    assert_int_equal(search(index, K, parents, &error), RECS_OK);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60); /* a search that hangs ends here */
        int wrong = search(index, K, rows, &error) != RECS_OK ||
                    memcmp(rows, parents, sizeof rows) != 0;
        recs_vector_search s = {.struct_size = sizeof s,
                                .queries = set.rows,
                                .count = 200,
                                .candidates = 1,
                                .effort = 3,
                                .rows = malloc(200 * sizeof(uint32_t))};
        wrong += faiss->search(NULL, index, &s, &error) != RECS_OK;
        void *other = NULL;
        wrong += build_on("ivf(lists=20, probe=3, code=flat)", NULL, NULL, NULL, &other, &error) !=
                 RECS_OK;
        _exit(wrong);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    faiss->destroy(NULL, index);
}

/* Wrong bytes make FAISS write where it should not: it never sees them. */
static void test_damaged_bytes(void **state) {
    (void)state;
    static const char *const texts[] = {"hnsw(m=4)", "ivf(lists=10)", "pq(bits=4)"};
    for (int i = 0; i < 3; i++) {
        recs_error error = {0};
        bytes_sink saved = {0};
        recs_vector_sink sink = bytes_to(&saved);
        void *index = built(texts[i]);
        assert_int_equal(faiss->save(NULL, index, &sink, &error), RECS_OK);
        faiss->destroy(NULL, index);
        unsigned char *copy = malloc(saved.size);
        assert_non_null(copy);
        for (size_t size = 0; size < saved.size; size += size < 200 ? 1 : saved.size / 50) {
            memcpy(copy, saved.bytes, size);
            assert_int_equal(open_from(copy, size, texts[i], faiss->version, COUNT, DIMENSION,
                                       RECS_METRIC_INNER, &error),
                             RECS_ERR_CORRUPT);
        }
        for (size_t at = 0; at < saved.size; at += at < 80 ? 1 : saved.size / 50) {
            memcpy(copy, saved.bytes, saved.size);
            copy[at] ^= 0x40;
            int32_t status = open_from(copy, saved.size, texts[i], faiss->version, COUNT,
                                       DIMENSION, RECS_METRIC_INNER, &error);
            /* The header's spare bytes and the low bits of the greatest length mean nothing. */
            if (at < 32 || at >= 64)
                assert_int_equal(status, RECS_ERR_CORRUPT);
        }
        free(copy);
        free(saved.bytes);
    }
}

static void test_bytes_of_something_else(void **state) {
    (void)state;
    const char *text = "hnsw(m=4)";
    recs_error error = {0};
    bytes_sink saved = {0};
    recs_vector_sink sink = bytes_to(&saved);
    void *index = built(text);
    assert_int_equal(faiss->save(NULL, index, &sink, &error), RECS_OK);
    faiss->destroy(NULL, index);
    const struct {
        const char *text, *made_by;
        uint64_t count;
        uint32_t dimension;
        int32_t metric, status;
        const char *says;
    } rows[] = {
        {text, faiss->version, COUNT, DIMENSION, RECS_METRIC_INNER, RECS_OK, ""},
        {text, "1.5.0 baseline", COUNT, DIMENSION, RECS_METRIC_INNER, RECS_OK, ""},
        {text, faiss->version, COUNT, DIMENSION + 1, RECS_METRIC_INNER, RECS_ERR_CORRUPT,
         "3000 of 17"},
        {text, faiss->version, COUNT - 1, DIMENSION, RECS_METRIC_INNER, RECS_ERR_CORRUPT, "2999"},
        {text, faiss->version, COUNT, DIMENSION, RECS_METRIC_L2, RECS_ERR_CORRUPT, "metric 0"},
        {"sq8", faiss->version, COUNT, DIMENSION, RECS_METRIC_INNER, RECS_ERR_CORRUPT, "kind 0"},
        {text, "99.0.1 avx2", COUNT, DIMENSION, RECS_METRIC_INNER, RECS_ERR_UNSUPPORTED,
         "99.0.1 avx2"},
        {text, "", COUNT, DIMENSION, RECS_METRIC_INNER, RECS_ERR_UNSUPPORTED, "made by"},
        {text, "unknown libfaiss_c", COUNT, DIMENSION, RECS_METRIC_INNER, RECS_ERR_UNSUPPORTED,
         "unknown"},
        {"hnsw(m=4", faiss->version, COUNT, DIMENSION, RECS_METRIC_INNER, RECS_ERR_ARGUMENT, "hnsw"},
        {text, faiss->version, COUNT, 0, RECS_METRIC_INNER, RECS_ERR_ARGUMENT, "dimension 0"},
        {text, faiss->version, COUNT, DIMENSION, 7, RECS_ERR_ARGUMENT, "metric 7"},
        {text, faiss->version, UINT64_C(1) << 31, DIMENSION, 0, RECS_ERR_LIMIT, "2^31"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        error = (recs_error){0};
        assert_int_equal(open_from(saved.bytes, saved.size, rows[i].text, rows[i].made_by,
                                   rows[i].count, rows[i].dimension, rows[i].metric, &error),
                         rows[i].status);
        if (strstr(error.text, rows[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error.text, rows[i].says);
    }
    free(saved.bytes);
}

/* What FAISS throws stays in FAISS. */
static void test_exceptions(void **state) {
    (void)state;
    static const char *const texts[] = {"factory(\"Nonsense\")", "factory(\"IVF0,Flat\")",
                                        "factory(\"PQ7\")", "factory(\"IVF4000,Flat\")",
                                        "ivf(lists=3001, probe=1, code=flat)"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        recs_error error = {0};
        void *index = NULL;
        int32_t status = build_on(texts[i], NULL, NULL, NULL, &index, &error);
        assert_null(index);
        if (status != RECS_ERR_ARGUMENT || error.text[0] == '\0')
            fail_msg("%s: status %d, \"%s\"", texts[i], status, error.text);
    }
}

/* ---- progress, refusals, memory -------------------------------------------------- */

typedef struct telling {
    uint64_t calls, stop_at;
    char stages[512];
} telling;

static int32_t tell(void *data, const char *stage, uint64_t done, uint64_t total) {
    telling *t = data;
    t->calls++;
    assert_true(done <= total);
    if (strstr(t->stages, stage) == NULL && strlen(t->stages) + strlen(stage) + 2 < sizeof t->stages)
        strcat(strcat(t->stages, stage), "\n");
    return t->stop_at != 0 && t->calls >= t->stop_at;
}

/* Each look at the clock is a second later: nothing is held back. */
static int64_t fast_clock(void *data) { return *(int64_t *)data += 1000; }

static void test_cancel(void **state) {
    (void)state;
    static const char *const texts[] = {"hnsw(m=4)", "ivf(lists=20)", "pq(bits=4)", "sq8"};
    int64_t time = 0;
    recs_host host = {.struct_size = sizeof host, .clock_data = &time, .now = fast_clock};
    for (int i = 0; i < 4; i++) {
        telling whole = {0};
        recs_error error = {0};
        void *index = NULL;
        assert_int_equal(build_on(texts[i], tell, &whole, &host, &index, &error), RECS_OK);
        faiss->destroy(NULL, index);
        assert_non_null(strstr(whole.stages, "adding to the index"));
        assert_int_equal(strstr(whole.stages, "placing the lists") != NULL, i == 1);
        for (uint64_t stop = 1; stop <= whole.calls; stop++) {
            telling t = {.stop_at = stop};
            index = NULL;
            assert_int_equal(build_on(texts[i], tell, &t, &host, &index, &error),
                             RECS_ERR_CANCELLED);
            assert_null(index);
            assert_int_equal(t.calls, stop);
        }
    }
}

static void test_refusing_source_and_sink(void **state) {
    (void)state;
    recs_error error = {0};
    void *index = NULL;
    recs_vector_source source = vectors_source(&set);
    set.reads = 0;
    set.refuse_after = 2;
    assert_int_equal(faiss->build(NULL, &source, "hnsw(m=4)", NULL, NULL, NULL, &index, &error),
                     RECS_ERR_CALLBACK);
    assert_string_equal(error.text, "the source refuses");
    set.refuse_after = 0;
    assert_null(index);

    index = built("hnsw(m=4)");
    for (size_t at = 1; at < 300000; at += 20000) {
        bytes_sink full = {.refuse_at = at};
        recs_vector_sink sink = bytes_to(&full);
        error = (recs_error){0};
        assert_int_equal(faiss->save(NULL, index, &sink, &error), RECS_ERR_CALLBACK);
        assert_string_equal(error.text, "the sink is full");
        free(full.bytes);
    }
    faiss->destroy(NULL, index);
}

static void test_failing_allocations(void **state) {
    (void)state;
    static const char *const texts[] = {"hnsw(m=4, ef_construction=8)", "ivf(lists=20)"};
    for (int i = 0; i < 2; i++) {
        fault_host faults;
        FAULT_LOOP(faults) {
            recs_error error = {0};
            void *index = NULL;
            if (fault_passed(&faults,
                             (recs_status)build_on(texts[i], NULL, NULL, &faults.host, &index,
                                                   &error),
                             &error)) {
                static uint32_t rows[COUNT];
                if (fault_passed(&faults, (recs_status)search(index, COUNT, rows, &error), &error))
                    assert_true(rows[0] < COUNT);
            }
            faiss->destroy(NULL, index);
        }
    }
}

/* FAISS runs out of memory halfway: a status, and nothing is left half made. */
static void test_memory_limit(void **state) {
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("skipped: a sanitizer's address space cannot be narrowed\n");
    skip();
#else
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        vectors_lent large;
        vectors_make(&large, 60000, 64, RECS_METRIC_L2, 3);
        FILE *maps = fopen("/proc/self/statm", "r");
        unsigned long pages = 0;
        if (maps == NULL || fscanf(maps, "%lu", &pages) != 1)
            _exit(2);
        fclose(maps);
        struct rlimit limit = {pages * 4096 + (8 << 20), pages * 4096 + (8 << 20)};
        if (setrlimit(RLIMIT_AS, &limit) != 0)
            _exit(2);
        recs_error error = {0};
        void *index = NULL;
        recs_vector_source source = vectors_source(&large);
        int32_t status =
            faiss->build(NULL, &source, "sq8", NULL, NULL, NULL, &index, &error);
        if (status == RECS_OK || index != NULL)
            _exit(3);
        if (status != RECS_ERR_MEMORY)
            fprintf(stderr, "status %d: %s\n", status, error.text);
        _exit(status == RECS_ERR_MEMORY ? 0 : 4);
    }
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

/* ---- the library ------------------------------------------------------------------ */

static void test_no_library(void **state) {
    (void)state;
    recs__faiss none = {0};
    assert_false(recs__faiss_load(&none, "/nonexistent/librecs-faiss-avx2.so"));
    assert_non_null(strstr(none.failure, "/nonexistent/librecs-faiss-avx2.so"));
    /* A library that is no FAISS. */
    recs__faiss other = {0};
    assert_false(recs__faiss_load(&other, "libm.so.6"));
    assert_non_null(strstr(other.failure, "faiss_index_factory"));
}

/* Nothing goes to standard output or error, not even FAISS's warnings. */
static void test_silence(void **state) {
    (void)state;
    fflush(NULL);
    FILE *caught = tmpfile();
    assert_non_null(caught);
    int out = dup(1), err = dup(2);
    dup2(fileno(caught), 1);
    dup2(fileno(caught), 2);
    static const char *const texts[] = {"hnsw(m=4)", "ivf(lists=400)", "pq(parts=2)", "sq8",
                                        "factory(\"Nonsense\")"};
    for (int i = 0; i < 5; i++) {
        recs_error error = {0};
        void *index = NULL;
        build_on(texts[i], NULL, NULL, NULL, &index, &error);
        if (index != NULL)
            faiss->destroy(NULL, index);
    }
    fflush(NULL);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    fseek(caught, 0, SEEK_END);
    assert_int_equal(ftell(caught), 0);
    fclose(caught);
}

int main(void) {
    recs_error error = {0};
    if (recs_faiss_check(&error) != RECS_OK) {
        printf("skipped: %s\n", error.text);
        return 77;
    }
    faiss = recs_faiss_backend();
    vectors_make(&set, COUNT, DIMENSION, RECS_METRIC_INNER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_not_mapped),
        cmocka_unit_test(test_graph_cannot_remove),
        cmocka_unit_test(test_missing_rows),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_damaged_bytes),
        cmocka_unit_test(test_bytes_of_something_else),
        cmocka_unit_test(test_exceptions),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_refusing_source_and_sink),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_no_library),
        cmocka_unit_test(test_silence),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    vectors_free(&set);
    return failed;
}
