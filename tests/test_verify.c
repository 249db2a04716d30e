/* test_verify.c - each thing recs_model_verify looks for, broken once, with
 * checksums put right so that nothing else can see it. */
#include "model/internal.h"
#include "support/fault_host.h"
#include "support/sample_model.h"
#include "support/test.h"
#include "support/walk.h"

#include <stdlib.h>
#include <string.h>

typedef struct damage {
    uint32_t type, component;
    size_t at;
    const void *bytes;
    size_t size;
    const char *text; /* part of what verify says */
} damage;

static const unsigned char *find(unsigned char *bytes, const recs_model *sample, uint32_t type,
                                 uint32_t component, size_t *size) {
    for (uint32_t i = 0; i < sample->header->section_count; i++)
        if (sample->table[i].type == type && sample->table[i].component == component) {
            *size = (size_t)sample->table[i].size;
            return bytes + sample->table[i].offset;
        }
    fail_msg("no section %u of %u", type, component);
    return NULL;
}

#define MODEL RECS_SECTION_MODEL
#define U8(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define U32(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__})
#define U64(...) (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__})
#define F32(...) (const float[]){__VA_ARGS__}, sizeof((const float[]){__VA_ARGS__})

static void test_each_check(void **state) {
    (void)state;
    const uint32_t nan = 0x7FC00000, minus_zero = 0x80000000;
    const damage cases[] = {
        {RECS_SECTION_META, MODEL, 16, U64(INT64_MAX), "first time"},
        {RECS_SECTION_META, MODEL, 16, U64(UINT64_C(1) << 63), "first time"},
        {RECS_SECTION_COMPONENTS, MODEL, 124, U32(9), "trained on 9 items of 8"},
        {RECS_SECTION_COMPONENTS, MODEL, 104, U32(nan), "scale"},
        {RECS_SECTION_DESCRIPTION, MODEL, 3, U8(0xFF), "section description"},
        {RECS_SECTION_DESCRIPTION, MODEL, 3, U8(0), "without a NUL"},
        {RECS_SECTION_SETTINGS, 1, 0, U8(0xC0), "section settings of 1"},
        {RECS_SECTION_ITEM_ID_OFFSETS, MODEL, 0, U64(1), "section item_id_offsets, row 0: begins"},
        {RECS_SECTION_ITEM_ID_OFFSETS, MODEL, 16, U64(1), "row 1: ends at 1"},
        {RECS_SECTION_ITEM_ID_OFFSETS, MODEL, 64, U64(30), "row 8: the last offset is 30"},
        {RECS_SECTION_ITEM_ID_BYTES, MODEL, 3, U8('x'), "section item_id_bytes, row 0"},
        {RECS_SECTION_ITEM_ID_BYTES, MODEL, 4, U8(0xFF), "row 1: the id is not valid UTF-8"},
        {RECS_SECTION_ITEM_ID_BYTES, MODEL, 5, U8(0), "row 1: the id holds a NUL"},
        {RECS_SECTION_ITEM_ID_BYTES, MODEL, 4, U8('a'), "\"aeer\" does not come after \"axe\""},
        {RECS_SECTION_USER_ID_BYTES, MODEL, 4, U8('a', 'n', 'n'), "section user_id_bytes, row 1"},
        {RECS_SECTION_TITLE_BYTES, MODEL, 0, U8(0xFF), "section title_bytes, row 0"},
        {RECS_SECTION_TITLE_BYTES, MODEL, 11, U8('x'), "row 0: the text has no NUL"},
        {RECS_SECTION_POPULAR_SCORES, MODEL, 8, U32(nan), "section popular_scores, row 2: nan"},
        {RECS_SECTION_POPULAR_ORDER, MODEL, 0, U32(8), "item row 8, expected below 8"},
        {RECS_SECTION_POPULAR_ORDER, MODEL, 4, U32(0), "item row 0 for the second time"},
        {RECS_SECTION_POPULAR_ORDER, MODEL, 0, U32(2, 0), "expected by score, then row"},
        {RECS_SECTION_HISTORY_OFFSETS, MODEL, 8, U64(8), "section history_offsets, row 1"},
        {RECS_SECTION_HISTORY_ITEMS, MODEL, 0, U32(8), "section history_items, row 0: item row 8"},
        {RECS_SECTION_HISTORY_ITEMS, MODEL, 0, U32(3), "item row 2 after 3"},
        {RECS_SECTION_HISTORY_VALUES, MODEL, 4, U32(nan), "section history_values, row 1"},
        {RECS_SECTION_HISTORY_TYPES, MODEL, 2, U8(32), "event type 32"},
        {RECS_SECTION_ITEM_FACTORS, 0, 64, U32(nan), "section item_factors of 0, row 1: factor 0"},
        {RECS_SECTION_ITEM_FACTORS, 0, 24, U32(minus_zero), "row 0: the padding"},
        {RECS_SECTION_USER_FACTORS, 0, 4 * 16 * 4 + 60, F32(1), "section user_factors of 0, row 4"},
        {RECS_SECTION_GRAM, 0, 4, U32(nan), "section gram of 0, row 1: nan"},
        {RECS_SECTION_GRAM, 0, 0, F32(-1), "expected a sum of squares"},
        {RECS_SECTION_ITEM_NORMS, 0, 12, F32(7), "section item_norms of 0, row 3: 7, expected"},
        {RECS_SECTION_NEIGHBOR_OFFSETS, 1, 8, U64(5), "section neighbor_offsets of 1"},
        {RECS_SECTION_NEIGHBOR_ITEMS, 1, 0, U32(4), "section neighbor_items of 1, row 0"},
        {RECS_SECTION_NEIGHBOR_VALUES, 1, 0, U32(nan), "section neighbor_values of 1, row 0"},
        {RECS_SECTION_HISTORY_FACTORS, 4, 64, U32(nan), "history_factors of 4, row 1: factor 0"},
        {RECS_SECTION_HISTORY_FACTORS, 4, 8, F32(1), "row 0: the padding"},
        {RECS_SECTION_ITEM_FACTORS, 4, 4, U32(nan), "section item_factors of 4, row 0: factor 1"},
        {RECS_SECTION_ROW_OFFSETS, 5, 8, U64(6), "section row_offsets of 5"},
        {RECS_SECTION_ROW_ITEMS, 5, 0, U32(8), "section row_items of 5, row 0: item row 8"},
        {RECS_SECTION_POSTING_ROWS, 5, 0, U32(3), "section posting_rows of 5, row 0"},
        {RECS_SECTION_POSTING_VALUES, 5, 4, U32(nan), "section posting_values of 5, row 1"},
        {RECS_SECTION_ROW_NORMS, 5, 4, U32(nan), "section row_norms of 5, row 1"},
        {RECS_SECTION_ITEM_WEIGHTS, 5, 0, U32(nan), "section item_weights of 5, row 0"},
        {RECS_SECTION_COMPONENT_SCORES, 2, 4, U32(nan), "section component_scores of 2, row 1"},
        {RECS_SECTION_COLUMN_VALUES, 0, 4, U32(3), "column_values of 0, row 1: code 3"},
        {RECS_SECTION_COLUMN_BYTES, 0, 0, U8(0xFF), "section column_bytes of 0, row 0"},
        {RECS_SECTION_COLUMN_VALUES, 1, 0, U64(UINT64_C(0x7FF0000000000000)), "infinite"},
        {RECS_SECTION_COLUMN_VALUES, 3, 1, U8(2), "column_values of 3, row 1: flag 2"},
    };
    recs_model *sample;
    assert_int_equal(recs_test_sample_model(&sample, NULL, NULL), RECS_OK);
    size_t size = (size_t)sample->image.size;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char *copy = walk_copy(sample->image.bytes, size);
        size_t room;
        const unsigned char *section =
            find(copy, sample, cases[i].type, cases[i].component, &room);
        assert_true(cases[i].at + cases[i].size <= room);
        memcpy(copy + (section - copy) + cases[i].at, cases[i].bytes, cases[i].size);

        /* Without new checksums those notice, and name the section. */
        recs_model *model;
        recs_error error = {0};
        assert_int_equal(recs_model_open_memory(&model, copy, size, NULL, NULL, &error), RECS_OK);
        assert_int_equal(recs_model_verify(model, &error), RECS_ERR_CORRUPT);
        assert_non_null(strstr(error.text, "is damaged: checksum"));
        assert_null(strstr(error.text, "4294967295"));
        assert_non_null(strstr(error.text, recs__section_label(cases[i].type)));
        recs_model_release(model);

        walk_seal(copy, size, true);
        recs_open_options options = {.struct_size = sizeof options, .verify = 1};
        recs_status status = recs_model_open_memory(&model, copy, size, &options, NULL, &error);
        if (status != RECS_ERR_CORRUPT || strstr(error.text, cases[i].text) == NULL)
            fail_msg("case %zu: status %d, \"%s\", expected \"%s\"", i, status, error.text,
                     cases[i].text);
        assert_null(model);
        free(copy);
    }
    recs_model_release(sample);
}

static void test_gaps_and_fingerprint(void **state) {
    (void)state;
    recs_model *sample, *model;
    recs_error error = {0};
    assert_int_equal(recs_test_sample_model(&sample, NULL, NULL), RECS_OK);
    size_t size = (size_t)sample->image.size;
    unsigned char *copy = walk_copy(sample->image.bytes, size);
    const recs__file_section *description = &sample->table[1];
    assert_true(description->size % 64 != 0);
    copy[description->offset + description->size] = 1;
    assert_int_equal(recs_model_open_memory(&model, copy, size, NULL, NULL, NULL), RECS_OK);
    assert_int_equal(recs_model_verify(model, &error), RECS_ERR_CORRUPT);
    assert_non_null(strstr(error.text, "between sections"));
    recs_model_release(model);
    copy[description->offset + description->size] = 0;

    recs__file_header *header = (recs__file_header *)(void *)copy;
    header->fingerprint ^= 1;
    header->header_checksum = recs__hash(copy, 56);
    assert_int_equal(recs_model_open_memory(&model, copy, size, NULL, NULL, NULL), RECS_OK);
    assert_int_equal(recs_model_verify(model, &error), RECS_ERR_CORRUPT);
    assert_non_null(strstr(error.text, "fingerprint"));
    recs_model_release(model);
    free(copy);
    recs_model_release(sample);
}

static void test_out_of_memory(void **state) {
    (void)state;
    recs_model *sample;
    assert_int_equal(recs_test_sample_model(&sample, NULL, NULL), RECS_OK);
    fault_host faults;
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_model *model = NULL;
        recs_open_options options = {
            .struct_size = sizeof options, .load = RECS_LOAD_COPY, .verify = 1};
        if (fault_passed(&faults,
                         recs_model_open_memory(&model, sample->image.bytes,
                                                (size_t)sample->image.size, &options,
                                                &faults.host, &error),
                         &error))
            recs_model_release(model);
        else
            assert_null(model);
    }
    recs_model_release(sample);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_check),
        cmocka_unit_test(test_gaps_and_fingerprint),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
