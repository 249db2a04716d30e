/* test_writer.c - making model files: states, streaming, compression, failure. */
#include "base/hash.h"
#include "model/internal.h"
#include "support/fault_host.h"
#include "support/sample_model.h"
#include "support/test.h"
#include "support/tmp.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

static recs_writer *make(const char *path, const recs_host *host) {
    recs_writer *writer;
    assert_int_equal(recs_writer_create(&writer, path, host, NULL), RECS_OK);
    return writer;
}

#define REFUSED(call, wanted, part)                                                              \
    do {                                                                                         \
        recs_error error = {0};                                                                  \
        assert_int_equal((call), (wanted));                                                      \
        assert_int_equal(error.status, (wanted));                                                \
        if (strstr(error.text, (part)) == NULL)                                                  \
            fail_msg("\"%s\" does not name \"%s\"", error.text, (part));                         \
    } while (0)

/* The sample as bytes; the caller frees them with the model. */
static recs_model *sample(const char *users, uint32_t flags) {
    recs_writer *writer = make(NULL, NULL);
    recs_model *model = NULL;
    recs_error error = {0};
    if (recs_test_sample_sections(writer, users, flags, &error) != RECS_OK ||
        recs_writer_finish(writer, &model, &error) != RECS_OK)
        fail_msg("%s", error.text);
    recs_writer_destroy(writer);
    return model;
}

static void test_misuse(void **state) {
    (void)state;
    recs_writer *w = make(NULL, NULL);
    recs_model *model = NULL;
    REFUSED(recs_writer_append(w, "x", 1, &error), RECS_ERR_STATE, "between sections");
    REFUSED(recs_writer_end(w, &error), RECS_ERR_STATE, "between sections");
    REFUSED(recs_writer_section(w, 2, RECS_SECTION_MODEL, 8, "x", 1, &error), RECS_ERR_ARGUMENT,
            "flags 0x8");
    REFUSED(recs_writer_section(w, 2, RECS_SECTION_MODEL, 0, NULL, 1, &error), RECS_ERR_ARGUMENT,
            "NULL");
    REFUSED(recs_writer_begin(w, 2, RECS_SECTION_MODEL, RECS_SECTION_COMPRESS, &error),
            RECS_ERR_ARGUMENT, "flags 0x2");
    assert_int_equal(recs_writer_section(w, 2, RECS_SECTION_MODEL, 0, "x", 1, NULL), RECS_OK);
    REFUSED(recs_writer_section(w, 2, RECS_SECTION_MODEL, 0, "x", 1, &error), RECS_ERR_ARGUMENT,
            "twice");
    assert_int_equal(recs_writer_begin(w, 999, 0, 0, NULL), RECS_OK);
    REFUSED(recs_writer_begin(w, 998, 0, 0, &error), RECS_ERR_STATE, "inside");
    REFUSED(recs_writer_section(w, 998, 0, 0, "x", 1, &error), RECS_ERR_STATE, "inside");
    REFUSED(recs_writer_finish(w, &model, &error), RECS_ERR_STATE, "inside");
    assert_int_equal(recs_writer_append(w, "xy", 2, NULL), RECS_OK);
    assert_int_equal(recs_writer_append(w, NULL, 0, NULL), RECS_OK);
    assert_int_equal(recs_writer_end(w, NULL), RECS_OK);
    REFUSED(recs_writer_finish(w, NULL, &error), RECS_ERR_ARGUMENT, "path");
    REFUSED(recs_writer_finish(w, &model, &error), RECS_ERR_CORRUPT, "section meta is missing");
    assert_null(model);
    REFUSED(recs_writer_section(w, 3, RECS_SECTION_MODEL, 0, "x", 1, &error), RECS_ERR_STATE,
            "failed");
    recs_writer_destroy(w);
    recs_writer_destroy(NULL);

    w = make(NULL, NULL);
    for (uint32_t i = 0; i < RECS__FILE_SECTIONS_MAX; i++)
        assert_int_equal(recs_writer_section(w, 1000, i, 0, NULL, 0, NULL), RECS_OK);
    REFUSED(recs_writer_section(w, 1001, 0, 0, NULL, 0, &error), RECS_ERR_LIMIT, "4096");
    recs_writer_destroy(w);
}

/* The same sections give the same bytes: whole, in parts, in memory, on disk. */
static void test_parts_and_places(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    tmp_path(&folder, "model.recs", path);

    recs_model *whole = sample("full", 0), *again = NULL;
    recs_writer *w = make(path, NULL);
    for (uint32_t i = 0; i < whole->header->section_count; i++) {
        const recs__file_section *section = &whole->table[i];
        const unsigned char *bytes = whole->image.bytes + section->offset;
        assert_int_equal(recs_writer_begin(w, section->type, section->component, section->flags,
                                           NULL),
                         RECS_OK);
        for (uint64_t at = 0; at < section->size; at += 7)
            assert_int_equal(recs_writer_append(w, bytes + at,
                                                section->size - at < 7 ? section->size - at : 7,
                                                NULL),
                             RECS_OK);
        assert_int_equal(recs_writer_end(w, NULL), RECS_OK);
    }
    assert_int_equal(tmp_count(&folder), 1); /* the temporary, not yet the file */
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(recs_writer_finish(w, &again, NULL), RECS_OK);
    recs_writer_destroy(w);
    assert_int_equal(tmp_count(&folder), 1);
    assert_true(again->image.size == whole->image.size);
    assert_memory_equal(again->image.bytes, whole->image.bytes, whole->image.size);
    assert_true(recs_model_fingerprint(again) == recs_model_fingerprint(whole));
    recs_model_release(again);

    /* Destroyed before finish: nothing is left, and an old file stays. */
    w = make(path, NULL);
    assert_int_equal(recs_test_sample_sections(w, "none", 0, NULL), RECS_OK);
    recs_writer_destroy(w);
    assert_int_equal(tmp_count(&folder), 1);
    size_t size;
    char *bytes = tmp_read(path, &size);
    assert_int_equal(size, whole->image.size);
    assert_memory_equal(bytes, whole->image.bytes, size);
    free(bytes);
    recs_model_release(whole);
    tmp_remove(&folder);
}

static void test_compressed(void **state) {
    (void)state;
    recs_writer *w = make(NULL, NULL);
    recs_model *model = NULL;
    recs_error why = {0};
    char *filler = calloc(1, 100000);
    assert_int_equal(recs_test_sample_sections(w, "full", RECS_SECTION_COMPRESS, &why), RECS_OK);
    assert_int_equal(recs_writer_section(w, RECS_SECTION_EVENT_TYPES, RECS_SECTION_MODEL,
                                         RECS_SECTION_COMPRESS, filler, 60000, &why),
                     RECS_OK);
    free(filler);
    assert_int_equal(recs_writer_finish(w, &model, &why), RECS_OK);
    recs_writer_destroy(w);
    uint32_t packed = 0;
    for (uint32_t i = 0; i < model->header->section_count; i++) {
        packed += model->table[i].codec == RECS__CODEC_ZSTD;
        assert_int_equal((uintptr_t)model->contents[i].bytes % 64, 0);
        if (model->table[i].codec == RECS__CODEC_ZSTD)
            assert_true(model->table[i].size < model->table[i].raw_size);
    }
    assert_true(packed >= 2);
    assert_int_equal(recs_model_verify(model, &why), RECS_OK);
    assert_string_equal(recs_model_item_text(model, 0, 2), "Zenith");

    recs_model *other = NULL;
    REFUSED(recs_model_open_memory(&other, model->image.bytes, model->image.size, NULL, NULL,
                                   &error),
            RECS_ERR_UNSUPPORTED, "inflate");
    assert_null(other);
    recs_model_release(model);
}

/* Sizes a hostile table may claim for a compressed section. */
static void test_implausible_claims(void **state) {
    (void)state;
    char raw[1000] = {0};
    void *packed, *out = NULL;
    size_t size;
    recs_host host;
    assert_int_equal(recs__host_init(&host, NULL, NULL), RECS_OK);
    assert_int_equal(recs__deflate(&host, raw, sizeof raw, &packed, &size, NULL), RECS_OK);
    assert_non_null(packed);
    recs__file_section section = {.type = RECS_SECTION_GRAM, .codec = 1, .size = size};
    fault_host faults;
    fault_host_init(&faults);
    static const uint64_t claims[] = {0, 999, 1001, UINT64_C(1) << 40, UINT64_MAX,
                                      (UINT64_C(1) << 40) + 1};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        section.raw_size = claims[i];
        REFUSED(recs__inflate(&faults.host, &section, packed, &out, &error), RECS_ERR_CORRUPT,
                "gram");
    }
    /* A frame whose own header claims 2^40 bytes, in 14 bytes. */
    unsigned char bomb[14] = {0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
    section.size = sizeof bomb;
    section.raw_size = UINT64_C(1) << 40;
    REFUSED(recs__inflate(&faults.host, &section, bomb, &out, &error), RECS_ERR_CORRUPT, "cannot");
    assert_int_equal(faults.total, 0); /* nothing was allocated for any of them */

    section.size = size;
    section.raw_size = sizeof raw;
    ((unsigned char *)packed)[size - 1] ^= 0xFF;
    ((unsigned char *)packed)[size - 2] ^= 0xFF;
    recs_status status = recs__inflate(&faults.host, &section, packed, &out, NULL);
    assert_true(status == RECS_ERR_CORRUPT || status == RECS_OK);
    if (status == RECS_OK)
        recs__free_aligned(&faults.host, out);
    section.size = 3;
    REFUSED(recs__inflate(&faults.host, &section, packed, &out, &error), RECS_ERR_CORRUPT, "zstd");
    fault_host_done(&faults);
    recs__free(&host, packed);

    unsigned char noise[64];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)(i * 151 + i * i * 7);
    assert_int_equal(recs__deflate(&host, noise, sizeof noise, &packed, &size, NULL), RECS_OK);
    assert_null(packed); /* would not be smaller */
}

/* A write that meets a full disk, made by a limit on the size of files. */
static void test_full_disk(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    tmp_write(&folder, "model.recs", "old", 3, path);
    recs_model *model = sample("full", 0);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    recs_error why = {0};
    recs_status status = recs_model_write(model, path, &why);
    recs_writer *w = NULL;
    recs_status made = recs_writer_create(&w, path, NULL, NULL);
    recs_status sections = RECS_OK, finished = RECS_OK;
    if (made == RECS_OK) {
        sections = recs_test_sample_sections(w, "full", 0, NULL);
        finished = recs_writer_finish(w, NULL, NULL);
        recs_writer_destroy(w);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, RECS_ERR_IO);
    assert_non_null(strstr(why.text, "model.recs"));
    assert_int_equal(made, RECS_OK);
    assert_true(sections != RECS_OK || finished != RECS_OK);
    size_t size;
    char *bytes = tmp_read(path, &size);
    assert_int_equal(size, 3);
    assert_string_equal(bytes, "old");
    free(bytes);
    assert_int_equal(tmp_count(&folder), 1);
    recs_model_release(model);
    tmp_remove(&folder);

    REFUSED(recs_writer_create(&w, "/nowhere/at/all.recs", NULL, &error), RECS_ERR_NOT_FOUND,
            "/nowhere/at/all.recs");
    assert_null(w);
}

static void test_out_of_memory(void **state) {
    (void)state;
    tmp_folder folder;
    char path[TMP_PATH_MAX];
    tmp_make(&folder);
    tmp_path(&folder, "model.recs", path);
    fault_host faults;
    for (int on_disk = 0; on_disk < 2; on_disk++)
        FAULT_LOOP(faults) {
            recs_error error = {0};
            recs_writer *w = NULL;
            recs_model *model = NULL;
            recs_status status =
                recs_writer_create(&w, on_disk ? path : NULL, &faults.host, &error);
            if (status == RECS_OK)
                status = recs_test_sample_sections(w, "full", RECS_SECTION_COMPRESS, &error);
            if (status == RECS_OK)
                status = recs_writer_finish(w, &model, &error);
            if (fault_passed(&faults, status, &error)) {
                status = recs_model_verify(model, &error);
                fault_passed(&faults, status, &error);
                recs_model_release(model);
            }
            recs_writer_destroy(w);
            assert_true(tmp_count(&folder) <= 1);
        }
    tmp_remove(&folder);
}

/* A failed allocation in memory leaves the writer usable. */
static void test_goes_on_after_a_failed_allocation(void **state) {
    (void)state;
    fault_host faults;
    fault_host_init(&faults);
    recs_writer *w = make(NULL, &faults.host);
    char *big = calloc(1, 100000);
    fault_arm(&faults, 1, true);
    fault_on(&faults);
    assert_int_equal(recs_writer_section(w, 5000, 0, 0, big, 100000, NULL), RECS_ERR_MEMORY);
    assert_int_equal(recs_writer_begin(w, 5001, 0, 0, NULL), RECS_ERR_MEMORY);
    fault_off(&faults);
    assert_int_equal(recs_writer_section(w, 5000, 0, 0, big, 100000, NULL), RECS_OK);
    free(big);
    recs_model *model = NULL;
    assert_int_equal(recs_test_sample_sections(w, "full", 0, NULL), RECS_OK);
    assert_int_equal(recs_writer_finish(w, &model, NULL), RECS_OK);
    recs_writer_destroy(w);
    assert_int_equal(recs_model_verify(model, NULL), RECS_OK);
    recs_model_release(model);
    fault_host_done(&faults);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_parts_and_places),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_implausible_claims),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_goes_on_after_a_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
