/* test_trends_compact.c - names in little memory: what was added is found and reads as it
 * was, what was not is not found; pages that do not fit, texts of all lengths, threads. */
#include "support/fault_host.h"
#include "support/test.h"

#include "base/error.h"
#include "live/trends_compact.h"
#include "recs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t text_of(uint32_t i, char out[600]) {
    size_t size = i % 97 == 0 ? 1 + i * 7 % 511 : 0;
    int begins = snprintf(out, 600, "%u", i * 2654435761u);
    if (size < (size_t)begins)
        return (size_t)begins;
    memset(out + begins, 'a' + (int)(i % 26), size - (size_t)begins);
    out[size] = '\0';
    return size;
}

static void test_add_find(void **unused) {
    recs_host host;
    recs_error error = {0};
    char text[600];
    (void)unused;
    assert_int_equal(recs__host_init(&host, NULL, &error), RECS_OK);
    recs__compact *c = recs__alloc_zero(&host, 1, sizeof *c, &error);
    enum { COUNT = 60000 };
    for (uint32_t i = 0; i < COUNT; i++) {
        size_t size = text_of(i, text);
        assert_int_equal(recs__compact_find(c, i, text, size, 5), UINT32_MAX);
        assert_int_equal(recs__compact_add(c, &host, i, text, size, 5, &error), RECS_OK);
        if (i % 100 == 0 || i < 400)
            for (uint32_t k = 0; k <= i; k += 1 + i / 50) {
                size = text_of(k, text);
                assert_int_equal(recs__compact_find(c, i + 1, text, size, 5), k);
            }
    }
    size_t bytes = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t size;
        const char *got = recs__compact_get(c, i, &size);
        assert_int_equal(size, text_of(i, text));
        assert_string_equal(got, text);
        bytes += size;
    }
    /* 4 and 3 bytes and the text; 4 bytes at 60 to 75 %; pages begun */
    assert_true(c->memory < bytes + COUNT * 7 + COUNT * 4 * 10 / 6 + 4 * RECS__COMPACT_PAGE);
    recs__compact_free(c, &host);
}

/* As the items of a state: handles, texts, and a snapshot that reads the same elsewhere. */
static void test_state(void **unused) {
    recs_trends *trends = NULL, *loaded = NULL;
    recs_error error = {0};
    char text[600];
    uint32_t handle;
    (void)unused;
    assert_int_equal(recs_trends_create(&trends, "memory=64M, actors=off", NULL, &error), RECS_OK);
    for (uint32_t i = 0; i < 3000; i++) {
        text_of(i, text);
        assert_int_equal(recs_trends_item(trends, text, &handle, &error), RECS_OK);
        assert_int_equal(handle, i);
        assert_int_equal(recs_trends_add_one(trends, i, 0, RECS_NO_ACTOR, 1700000000000, 1, &error),
                         RECS_OK);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        text_of(i, text);
        assert_int_equal(recs_trends_item(trends, text, &handle, &error), RECS_OK);
        assert_int_equal(handle, i);
        assert_string_equal(recs_trends_item_id(trends, i), text);
    }
    unsigned char *bytes;
    size_t size;
    assert_int_equal(recs_trends_snapshot(trends, &bytes, &size, &error), RECS_OK);
    assert_int_equal(recs_trends_load_memory(&loaded, bytes, size, NULL, &error), RECS_OK);
    recs_trends_bytes_free(trends, bytes);
    assert_int_equal(recs_trends_item_count(loaded), 3000);
    assert_int_equal(recs_trends_cells(loaded), recs_trends_cells(trends));
    recs_trends_destroy(trends);
    recs_trends_destroy(loaded);
}

/* Every allocation fails in turn: a name is there, or it is not and the others are. */
static void test_no_memory(void **unused) {
    fault_host faults;
    char text[600];
    (void)unused;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        fault_off(&faults);
        recs__compact *c = recs__alloc_zero(&faults.host, 1, sizeof *c, &error);
        fault_on(&faults);
        uint32_t count = 0;
        bool failed = false;
        while (count < 700 && !failed) {
            size_t size = text_of(count, text);
            if (fault_passed(&faults,
                             recs__compact_add(c, &faults.host, count, text, size, 5, &error),
                             &error))
                count++;
            else
                failed = true;
        }
        fault_off(&faults);
        for (uint32_t i = 0; i < count; i++) {
            size_t size = text_of(i, text);
            assert_int_equal(recs__compact_find(c, count, text, size, 5), i);
        }
        size_t size = text_of(count, text); /* again, with memory */
        assert_int_equal(recs__compact_find(c, count, text, size, 5), UINT32_MAX);
        assert_int_equal(recs__compact_add(c, &faults.host, count, text, size, 5, &error),
                         RECS_OK);
        assert_int_equal(recs__compact_find(c, count + 1, text, size, 5), count);
        recs__compact_free(c, &faults.host);
    }
}

static void *take_all(void *data) {
    recs_trends *trends = data;
    recs_error error = {0};
    char text[600];
    uint32_t handle;
    for (uint32_t i = 0; i < 20000; i++) {
        text_of(i, text);
        if (recs_trends_item(trends, text, &handle, &error) ||
            strcmp(recs_trends_item_id(trends, handle), text) != 0)
            return data;
    }
    return NULL;
}

static void test_threads(void **unused) {
    recs_trends *trends = NULL;
    recs_error error = {0};
    pthread_t threads[3];
    (void)unused;
    assert_int_equal(recs_trends_create(&trends, "memory=64M", NULL, &error), RECS_OK);
    for (int t = 0; t < 3; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, take_all, trends), 0);
    for (int t = 0; t < 3; t++) {
        void *failed;
        pthread_join(threads[t], &failed);
        assert_null(failed);
    }
    assert_int_equal(recs_trends_item_count(trends), 20000);
    recs_trends_destroy(trends);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_find),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
