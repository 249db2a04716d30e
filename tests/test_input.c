/* test_input.c - plain, zstd and gzip bytes; streams cut short or damaged. */
#include "train/input.h"

#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { SIZE = 1 << 20 };

static char *sample(void) {
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + (i * 7 + i / 977) % 26);
    return bytes;
}

static size_t pack_gzip(const char *bytes, size_t size, char *out, size_t room) {
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t packed = stream.total_out;
    deflateEnd(&stream);
    return packed;
}

/* Reads in odd steps; the status of the first failure. */
static recs_status read_all(recs__input *input, char *out, size_t room, size_t *size,
                            recs_error *error) {
    static const size_t steps[] = {1, 7, 4096, 100000};
    *size = 0;
    for (size_t i = 0;; i++) {
        size_t got, step = steps[i % 4];
        step = step < room - *size ? step : room - *size;
        recs_status status = recs__input_read(input, out + *size, step, &got, error);
        if (status != RECS_OK)
            return status;
        *size += got;
        if (got < step || step == 0)
            return RECS_OK;
    }
}

static void expect(const void *bytes, size_t size, const char *wanted, size_t wanted_size) {
    recs__input *input;
    recs_error error = {0};
    char *out = malloc(2 * SIZE + 10);
    size_t got;
    assert_int_equal(recs__input_memory(&input, bytes, size, NULL, &error), RECS_OK);
    assert_int_equal(read_all(input, out, 2 * SIZE + 10, &got, &error), RECS_OK);
    assert_int_equal(got, wanted_size);
    assert_memory_equal(out, wanted, wanted_size);
    assert_true(recs__input_done(input) == size && recs__input_total(input) == size);
    recs__input_close(input);
    free(out);
}

static void test_codecs(void **state) {
    (void)state;
    char *bytes = sample(), *packed = malloc(2 * SIZE), *twice = malloc(2 * SIZE);
    expect(bytes, SIZE, bytes, SIZE);
    expect("", 0, "", 0);
    size_t zstd = ZSTD_compress(packed, 2 * SIZE, bytes, SIZE, 3);
    expect(packed, zstd, bytes, SIZE);
    /* Two frames one after another are one stream. */
    size_t second = ZSTD_compress(packed + zstd, 2 * SIZE - zstd, bytes, SIZE, 1);
    memcpy(twice, bytes, SIZE);
    memcpy(twice + SIZE, bytes, SIZE);
    expect(packed, zstd + second, twice, 2 * SIZE);
    size_t gzip = pack_gzip(bytes, SIZE, packed, 2 * SIZE);
    expect(packed, gzip, bytes, SIZE);
    size_t more = pack_gzip(bytes, SIZE, packed + gzip, 2 * SIZE - gzip);
    expect(packed, gzip + more, twice, 2 * SIZE);
    memset(packed + gzip + more, 0, 512); /* padding of a tape */
    expect(packed, gzip + more + 512, twice, 2 * SIZE);
    size_t empty = pack_gzip("", 0, packed, 2 * SIZE);
    expect(packed, empty, "", 0);
    free(bytes);
    free(packed);
    free(twice);
}

static void expect_corrupt(const char *bytes, size_t size) {
    recs__input *input;
    recs_error error = {0};
    char *out = malloc(2 * SIZE);
    size_t got;
    assert_int_equal(recs__input_memory(&input, bytes, size, NULL, &error), RECS_OK);
    assert_int_equal(read_all(input, out, 2 * SIZE, &got, &error), RECS_ERR_CORRUPT);
    assert_non_null(strstr(error.text, "memory"));
    recs__input_close(input);
    free(out);
}

static void test_damage(void **state) {
    (void)state;
    char *bytes = sample(), *packed = malloc(2 * SIZE);
    size_t size = ZSTD_compress(packed, 2 * SIZE, bytes, SIZE, 3);
    expect_corrupt(packed, size - 1);
    expect_corrupt(packed, 9);
    for (size_t i = size / 2; i < size / 2 + 20; i++)
        packed[i] = (char)0xFF;
    size = pack_gzip(bytes, SIZE, packed, 2 * SIZE);
    expect_corrupt(packed, size - 1);
    expect_corrupt(packed, 12);
    packed[size - 6] = (char)(packed[size - 6] ^ 1); /* the checksum */
    expect_corrupt(packed, size);
    free(bytes);
    free(packed);
}

static void test_files(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX], buffer[16];
    recs__input *input;
    recs_error error = {0};
    size_t got;
    tmp_make(&folder);
    tmp_write(&folder, "log.csv", "a,b\n", 4, path);
    assert_int_equal(recs__input_open(&input, path, NULL, &error), RECS_OK);
    assert_true(recs__input_total(input) == 4);
    assert_int_equal(recs__input_read(input, buffer, sizeof buffer, &got, &error), RECS_OK);
    assert_int_equal(got, 4);
    assert_string_equal(recs__input_name(input), path);
    recs__input_close(input);

    tmp_path(&folder, "absent", path);
    assert_int_equal(recs__input_open(&input, path, NULL, &error), RECS_ERR_NOT_FOUND);
    assert_null(input);
    assert_non_null(strstr(error.text, "absent"));
    assert_int_equal(recs__input_open(&input, folder.path, NULL, &error), RECS_ERR_IO);
    assert_int_equal(recs__input_open(&input, "", NULL, &error), RECS_ERR_ARGUMENT);
    tmp_remove(&folder);
}

static void test_memory(void **state) {
    (void)state;
    char packed[256], out[64];
    size_t sizes[2] = {ZSTD_compress(packed, 128, "hello", 5, 3), 0};
    sizes[1] = pack_gzip("hello", 5, packed + 128, 128);
    fault_host faults;
    for (int codec = 0; codec < 2; codec++)
        FAULT_LOOP(faults) {
            recs__input *input = NULL;
            recs_error error = {0};
            size_t got = 0;
            recs_status status = recs__input_memory(&input, packed + 128 * codec, sizes[codec],
                                                    &faults.host, &error);
            if (status == RECS_OK)
                status = recs__input_read(input, out, sizeof out, &got, &error);
            if (fault_passed(&faults, status, &error))
                assert_int_equal(got, 5);
            recs__input_close(input);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codecs), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_files),  cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
