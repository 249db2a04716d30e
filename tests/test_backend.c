/* Finding a backend: handed over, by name, missing, not whole. */
#include "base/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static int32_t check(void *user, const char *index, uint32_t dimension, int32_t metric,
                     char *resolved, size_t size, recs_error *error) {
    (void)user, (void)index, (void)dimension, (void)metric, (void)resolved, (void)size;
    (void)error;
    return RECS_OK;
}
static int32_t build(void *user, const recs_vector_source *source, const char *index,
                     recs_progress *progress, void *data, const recs_host *host, void **out,
                     recs_error *error) {
    (void)user, (void)source, (void)index, (void)progress, (void)data, (void)host, (void)out;
    (void)error;
    return RECS_OK;
}
static int32_t save(void *user, const void *index, const recs_vector_sink *sink,
                    recs_error *error) {
    (void)user, (void)index, (void)sink, (void)error;
    return RECS_OK;
}
static int32_t open_bytes(void *user, const void *bytes, size_t size, const char *index,
                          const char *made_by, uint64_t count, uint32_t dimension, int32_t metric,
                          const recs_host *host, void **out, recs_error *error) {
    (void)user, (void)bytes, (void)size, (void)index, (void)made_by, (void)count;
    (void)dimension, (void)metric, (void)host, (void)out, (void)error;
    return RECS_OK;
}
static int32_t search(void *user, const void *index, const recs_vector_search *asked,
                      recs_error *error) {
    (void)user, (void)index, (void)asked, (void)error;
    return RECS_OK;
}
static uint64_t memory(void *user, const void *index) {
    (void)user, (void)index;
    return 0;
}
static void destroy(void *user, void *index) { (void)user, (void)index; }
static void effort(void *user, const void *index, uint32_t *low, uint32_t *high,
                   uint32_t *described) {
    (void)user, (void)index;
    *low = *high = *described = 0;
}

static const recs_vector_backend whole = {
    .struct_size = sizeof whole, .name = "made", .version = "1", .check = check, .build = build,
    .save = save, .open = open_bytes, .search = search, .memory = memory, .destroy = destroy,
    .effort_range = effort};

static void test_handed_over(void **state) {
    (void)state;
    recs_vector_backend out;
    assert_int_equal(recs__backend_find(&out, &whole, "x", NULL), RECS_OK);
    assert_string_equal(out.name, "made");
    assert_ptr_equal(out.search, search);
}

static void test_not_whole(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vector_backend out, part = whole;
    part.search = NULL;
    assert_int_equal(recs__backend_find(&out, &part, "x", &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "search"));
    part = whole;
    part.struct_size = 3;
    assert_int_equal(recs__backend_find(&out, &part, "x", &error), RECS_ERR_ARGUMENT);
    /* Of an older caller, without the last member. */
    part = whole;
    part.struct_size = offsetof(recs_vector_backend, effort_range);
    assert_int_equal(recs__backend_find(&out, &part, "x", &error), RECS_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "effort_range"));
}

static void test_no_library(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vector_backend out;
    assert_int_equal(recs__backend_load(&out, "librecs-nosuch.so.0", "f", "hnsw(m=32)", &error),
                     RECS_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "librecs-nosuch.so.0"));
    assert_non_null(strstr(error.text, "index=hnsw(m=32)"));
}

static void test_another_library(void **state) {
    (void)state;
    recs_error error = {0};
    recs_vector_backend out;
    assert_int_equal(recs__backend_load(&out, "libm.so.6", "recs_no_such_function", "pq", &error),
                     RECS_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "recs_no_such_function"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handed_over),
        cmocka_unit_test(test_not_whole),
        cmocka_unit_test(test_no_library),
        cmocka_unit_test(test_another_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
