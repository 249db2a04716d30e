/* test_model_hostile.c - truncated, flipped and made-up model files: an error
 * or clamped answers, never a crash and never more memory than the file. */
#include "model/internal.h"
#include "support/fault_host.h"
#include "support/sample_model.h"
#include "support/test.h"
#include "support/walk.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 64 };

static recs_model *sample;
static const unsigned char *original;
static size_t size;

static int setup(void **state) {
    (void)state;
    if (recs_test_sample_model(&sample, NULL, NULL) != RECS_OK)
        return -1;
    original = sample->image.bytes;
    size = (size_t)sample->image.size;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    recs_model_release(sample);
    return 0;
}

/* Opens, verifies and walks; true when it opened. */
static bool exercise(const unsigned char *bytes, size_t length, bool *verified) {
    recs_open_options options = {
        .struct_size = sizeof options, .inflate = 1, .trusted = 1};
    recs_model *model = NULL;
    recs_error error = {0};
    recs_status status = recs_model_open_memory(&model, bytes, length, &options, NULL, &error);
    *verified = false;
    if (status != RECS_OK) {
        assert_null(model);
        assert_true(status == RECS_ERR_CORRUPT || status == RECS_ERR_UNSUPPORTED);
        assert_int_equal(error.status, status);
        assert_true(strlen(error.text) > 10);
        return false;
    }
    status = recs_model_verify(model, &error);
    assert_true(status == RECS_OK || status == RECS_ERR_CORRUPT);
    *verified = status == RECS_OK;
    walk_model(model, ROWS);
    recs_model_release(model);
    return true;
}

static void test_truncated_at_every_length(void **state) {
    (void)state;
    bool verified;
    for (size_t length = 0; length < size; length++) {
        /* Exactly as many bytes as there are, so that a sanitizer sees any
         * read behind them. */
        unsigned char *room = NULL;
        assert_int_equal(posix_memalign((void **)&room, 64, length + (length == 0)), 0);
        memcpy(room, original, length);
        assert_false(exercise(room, length, &verified));
        walk_seal(room, length, false);
        exercise(room, length, &verified);
        free(room);
    }
}

static void test_every_bit_of_header_and_table(void **state) {
    (void)state;
    unsigned char *copy = walk_copy(original, size);
    const recs__file_header *header = sample->header;
    size_t table = (size_t)header->table_offset, opened = 0;
    for (size_t at = 0; at < size; at++) {
        if (at == sizeof *header)
            at = table;
        for (int bit = 0; bit < 8; bit++) {
            bool verified;
            copy[at] ^= (unsigned char)(1 << bit);
            assert_false(exercise(copy, size, &verified)); /* a checksum sees it */
            walk_seal(copy, size, false);
            opened += exercise(copy, size, &verified);
            memcpy(copy, original, size);
        }
    }
    assert_true(opened > 0); /* sealing does reach what is behind the checksums */
    free(copy);
}

static void test_bits_of_sections(void **state) {
    (void)state;
    unsigned char *copy = walk_copy(original, size);
    size_t end = (size_t)sample->header->table_offset;
    for (size_t at = sizeof(recs__file_header); at < end; at++) {
        bool verified;
        int bit = (int)(at * 5 % 8);
        copy[at] ^= (unsigned char)(1 << bit);
        if (exercise(copy, size, &verified))
            assert_false(verified); /* whatever changed, verify notices */
        walk_seal(copy, size, true);
        exercise(copy, size, &verified);
        copy[at] = 0xFF;
        walk_seal(copy, size, true);
        exercise(copy, size, &verified);
        memcpy(copy, original, size);
    }
    free(copy);
}

/* Large numbers where counts and offsets stand, one member after the other. */
static void test_wild_numbers(void **state) {
    (void)state;
    static const uint64_t wild[] = {0, 1, 0x7FFFFFFF, 0x80000000, UINT32_MAX, UINT64_MAX,
                                    UINT64_C(1) << 63, UINT64_C(0x7FF0000000000000)};
    unsigned char *copy = walk_copy(original, size);
    fault_host faults;
    fault_host_init(&faults);
    for (size_t at = 0; at + 8 <= size; at += 4)
        for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++)
            for (size_t width = 4; width <= 8; width += 4) {
                memcpy(copy + at, &wild[i], width);
                walk_seal(copy, size, true);
                recs_model *model;
                if (recs_model_open_memory(&model, copy, size, NULL, &faults.host, NULL) ==
                    RECS_OK) {
                    recs_model_verify(model, NULL);
                    if (i % 4 == 3)
                        walk_model(model, ROWS);
                    recs_model_release(model);
                }
                memcpy(copy + at, original + at, width);
                memcpy(copy, original, sizeof(recs__file_header));
                memcpy(copy + sample->header->table_offset,
                       original + sample->header->table_offset,
                       size - (size_t)sample->header->table_offset);
            }
    assert_true(faults.peak_bytes < 16 * size); /* of memory the file never had */
    free(copy);
    fault_host_done(&faults);
}

/* ---- files made up with one thing wrong -------------------------------------------- */

typedef void edit(unsigned char *bytes, recs__file_header *header, recs__file_section *table);

static recs__file_section *find(recs__file_section *table, uint32_t type, uint32_t component) {
    uint32_t count = sample->header->section_count;
    for (uint32_t i = 0; i < count; i++)
        if (table[i].type == type && table[i].component == component)
            return &table[i];
    fail_msg("no section %u of %u", type, component);
    return NULL;
}

static void *content(unsigned char *bytes, recs__file_section *table, uint32_t type,
                     uint32_t component) {
    return bytes + find(table, type, component)->offset;
}

#define MODEL RECS_SECTION_MODEL
#define EDIT(name)                                                                               \
    static void name(unsigned char *b, recs__file_header *h, recs__file_section *t)
#define UNUSED ((void)b, (void)h, (void)t)

EDIT(newer_major) { UNUSED; h->version_major = 2; }
EDIT(older_major) { UNUSED; h->version_major = 0; }
EDIT(newer_minor) { UNUSED; h->version_minor = 9; }
EDIT(unaligned) { UNUSED; t[2].offset += 4; }
EDIT(outside) { UNUSED; t[2].offset = UINT64_MAX - 63; }
EDIT(into_header) { UNUSED; t[2].offset = 0; }
EDIT(overlapping) { UNUSED; t[4].offset = t[2].offset; }
EDIT(over_table) { UNUSED; t[4].offset = h->table_offset; }
EDIT(twice) { UNUSED; t[1].type = RECS_SECTION_META; }
EDIT(unknown_skipped) { UNUSED; find(t, RECS_SECTION_HISTORY_TIMES, MODEL)->type = 7777; }
EDIT(unknown_critical) {
    UNUSED;
    recs__file_section *section = find(t, RECS_SECTION_HISTORY_TIMES, MODEL);
    section->type = 7777;
    section->flags = RECS_SECTION_CRITICAL;
}
EDIT(unknown_codec) { UNUSED; find(t, RECS_SECTION_GRAM, 0)->codec = 2; }
EDIT(not_zstd) { UNUSED; find(t, RECS_SECTION_GRAM, 0)->codec = 1; }
EDIT(wrong_raw) { UNUSED; find(t, RECS_SECTION_GRAM, 0)->raw_size++; }
EDIT(wrong_scope) { UNUSED; find(t, RECS_SECTION_GRAM, 0)->component = MODEL; }
EDIT(more_items) { UNUSED; ((recs__file_meta *)content(b, t, 1, MODEL))->items = 9; }
EDIT(endless_items) { UNUSED; ((recs__file_meta *)content(b, t, 1, MODEL))->items = UINT32_MAX; }
EDIT(users_in_none) { UNUSED; ((recs__file_meta *)content(b, t, 1, MODEL))->users_mode = 0; }
EDIT(no_mode) { UNUSED; ((recs__file_meta *)content(b, t, 1, MODEL))->users_mode = 3; }
EDIT(more_history) { UNUSED; ((recs__file_meta *)content(b, t, 1, MODEL))->history_entries++; }

static recs__file_component *component(unsigned char *b, recs__file_section *t, int index) {
    return (recs__file_component *)content(b, t, RECS_SECTION_COMPONENTS, MODEL) + index;
}

EDIT(name_unending) { UNUSED; memset(component(b, t, 0)->name, 'x', 64); }
EDIT(name_empty) { UNUSED; component(b, t, 0)->name[0] = '\0'; }
EDIT(name_twice) { UNUSED; strcpy(component(b, t, 1)->name, "als"); }
EDIT(name_garbled) { UNUSED; component(b, t, 1)->name[0] = '\xFF'; }
EDIT(unknown_kind) { UNUSED; component(b, t, 1)->kind = 99; }
EDIT(no_factors) { UNUSED; component(b, t, 0)->factors = 0; }
EDIT(many_factors) { UNUSED; component(b, t, 0)->factors = UINT32_MAX; }
EDIT(other_stride) { UNUSED; component(b, t, 0)->factors = 17; }
EDIT(bad_alpha) { UNUSED; component(b, t, 0)->alpha = -1; }
EDIT(no_neighbors) { UNUSED; component(b, t, 5)->neighbors = 0; }
EDIT(endless_rows) { UNUSED; component(b, t, 5)->rows = UINT32_MAX; }
EDIT(more_rows) { UNUSED; component(b, t, 5)->rows = 5; }
EDIT(bad_asymmetry) { UNUSED; component(b, t, 5)->asymmetry = 1.5F; }
EDIT(bad_power) { UNUSED; component(b, t, 5)->power = 0; }
EDIT(no_terms) { UNUSED; component(b, t, 3)->term_count = 0; }
EDIT(terms_beyond) { UNUSED; component(b, t, 3)->first_term = UINT32_MAX; }
EDIT(term_of_itself) {
    UNUSED;
    ((recs__file_term *)content(b, t, RECS_SECTION_TERMS, MODEL))->component = 3;
}
EDIT(term_infinite) {
    UNUSED;
    ((recs__file_term *)content(b, t, RECS_SECTION_TERMS, MODEL))->weight = 1.0F / 0.0F;
}
EDIT(column_twice) {
    UNUSED;
    strcpy(((recs__file_column *)content(b, t, RECS_SECTION_COLUMNS, MODEL))[1].name, "brand");
}
EDIT(column_of_the_future) {
    UNUSED;
    ((recs__file_column *)content(b, t, RECS_SECTION_COLUMNS, MODEL))[1].type = 9;
}
EDIT(long_dictionary) {
    UNUSED;
    ((recs__file_column *)content(b, t, RECS_SECTION_COLUMNS, MODEL))->dictionary = 4;
}

static void test_made_up(void **state) {
    (void)state;
    static const struct {
        edit *change;
        recs_status status;
        const char *text;
    } cases[] = {
        {newer_major, RECS_ERR_UNSUPPORTED, "2.0"},
        {older_major, RECS_ERR_CORRUPT, "0.0"},
        {newer_minor, RECS_OK, ""},
        {unaligned, RECS_ERR_CORRUPT, "multiple of 64"},
        {outside, RECS_ERR_CORRUPT, "outside"},
        {into_header, RECS_ERR_CORRUPT, "outside"},
        {overlapping, RECS_ERR_CORRUPT, "overlaps"},
        {over_table, RECS_ERR_CORRUPT, ""},
        {twice, RECS_ERR_CORRUPT, "twice"},
        {unknown_skipped, RECS_OK, ""},
        {unknown_critical, RECS_ERR_UNSUPPORTED, "7777"},
        {unknown_codec, RECS_ERR_UNSUPPORTED, "codec 2"},
        {not_zstd, RECS_ERR_CORRUPT, "zstd"},
        {wrong_raw, RECS_ERR_CORRUPT, "raw size"},
        {wrong_scope, RECS_ERR_CORRUPT, "component"},
        {more_items, RECS_ERR_CORRUPT, "item_id_offsets has 72 bytes, expected 10 members"},
        {endless_items, RECS_ERR_CORRUPT, "items is 4294967295"},
        {users_in_none, RECS_ERR_CORRUPT, "users"},
        {no_mode, RECS_ERR_CORRUPT, "users_mode is 3"},
        {more_history, RECS_ERR_CORRUPT, "META says 12"},
        {name_unending, RECS_ERR_CORRUPT, "NUL"},
        {name_empty, RECS_ERR_CORRUPT, "empty"},
        {name_twice, RECS_ERR_CORRUPT, "both named als"},
        {name_garbled, RECS_ERR_CORRUPT, "UTF-8"},
        {unknown_kind, RECS_ERR_UNSUPPORTED, "kind 99"},
        {no_factors, RECS_ERR_CORRUPT, "0 factors"},
        {many_factors, RECS_ERR_CORRUPT, "4294967295 factors"},
        {other_stride, RECS_ERR_CORRUPT, "item_factors of component 0"},
        {bad_alpha, RECS_ERR_CORRUPT, "alpha -1"},
        {no_neighbors, RECS_ERR_CORRUPT, "0 neighbors"},
        {endless_rows, RECS_ERR_CORRUPT, "4294967295 rows"},
        {more_rows, RECS_ERR_CORRUPT, "row_offsets of component 5"},
        {bad_asymmetry, RECS_ERR_CORRUPT, "asymmetry 1.5"},
        {bad_power, RECS_ERR_CORRUPT, "power 0"},
        {no_terms, RECS_ERR_CORRUPT, "0 terms"},
        {terms_beyond, RECS_ERR_CORRUPT, "terms"},
        {term_of_itself, RECS_ERR_CORRUPT, "lower component"},
        {term_infinite, RECS_ERR_CORRUPT, "inf"},
        {column_twice, RECS_ERR_CORRUPT, "both named brand"},
        {column_of_the_future, RECS_OK, ""},
        {long_dictionary, RECS_ERR_CORRUPT, "column_offsets of column 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char *copy = walk_copy(original, size);
        recs__file_header *header = (recs__file_header *)(void *)copy;
        cases[i].change(copy, header,
                        (recs__file_section *)(void *)(copy + sample->header->table_offset));
        walk_seal(copy, size, true);
        recs_open_options options = {.struct_size = sizeof options, .inflate = 1};
        recs_model *model = NULL;
        recs_error error = {0};
        recs_status status = recs_model_open_memory(&model, copy, size, &options, NULL, &error);
        if (status != cases[i].status || strstr(error.text, cases[i].text) == NULL)
            fail_msg("case %zu: status %d, \"%s\"; expected %d, \"%s\"", i, status, error.text,
                     cases[i].status, cases[i].text);
        if (status == RECS_OK)
            walk_model(model, ROWS);
        recs_model_release(model);
        free(copy);
    }
}

/* Blends of blends that double at each step: refused before they cost time. */
static void test_exploding_blends(void **state) {
    (void)state;
    enum { COUNT = 40 };
    static recs__file_component records[COUNT];
    static recs__file_term terms[2 * COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        records[i].name[0] = 'a';
        records[i].name[1] = (char)('A' + i);
        records[i].kind = i == 0 ? RECS__KIND_POPULAR : RECS__KIND_BLEND;
        records[i].first_term = 2 * i;
        records[i].term_count = i == 0 ? 0 : 2;
        terms[2 * i] = terms[2 * i + 1] = (recs__file_term){i == 0 ? 0 : i - 1, 1};
    }
    recs__file_meta meta = {.components = COUNT, .terms = 2 * COUNT,
                            .first_time = RECS_NO_TIME, .last_time = RECS_NO_TIME};
    uint64_t zero = 0;
    recs_writer *w;
    assert_int_equal(recs_writer_create(&w, NULL, NULL, NULL), RECS_OK);
    recs_writer_section(w, RECS_SECTION_META, MODEL, 0, &meta, sizeof meta, NULL);
    recs_writer_section(w, RECS_SECTION_ITEM_ID_OFFSETS, MODEL, 0, &zero, sizeof zero, NULL);
    recs_writer_section(w, RECS_SECTION_ITEM_ID_BYTES, MODEL, 0, NULL, 0, NULL);
    recs_writer_section(w, RECS_SECTION_POPULAR_ORDER, MODEL, 0, NULL, 0, NULL);
    recs_writer_section(w, RECS_SECTION_POPULAR_SCORES, MODEL, 0, NULL, 0, NULL);
    recs_writer_section(w, RECS_SECTION_COMPONENTS, MODEL, 0, records, sizeof records, NULL);
    recs_writer_section(w, RECS_SECTION_TERMS, MODEL, 0, terms, sizeof terms, NULL);
    recs_model *model = NULL;
    recs_error error = {0};
    assert_int_equal(recs_writer_finish(w, &model, &error), RECS_ERR_CORRUPT);
    assert_non_null(strstr(error.text, "adds up more than"));
    recs_writer_destroy(w);
}

static void test_big_endian(void **state) {
    (void)state;
    recs_error error = {0};
    assert_int_equal(recs__check_byte_order(recs__byte_order_probe(), &error), RECS_OK);
    assert_int_equal(recs__check_byte_order(UINT32_C(0x01020304), &error), RECS_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "little-endian"));
}

/* A section only a trusted file may carry counts as absent otherwise. */
static void test_trusted(void **state) {
    (void)state;
    unsigned char *copy = walk_copy(original, size);
    recs__file_section *table =
        (recs__file_section *)(void *)(copy + sample->header->table_offset);
    recs__file_section *section = find(table, RECS_SECTION_HISTORY_TIMES, MODEL);
    section->flags = RECS_SECTION_TRUSTED;
    walk_seal(copy, size, true);
    for (int trusted = 0; trusted < 2; trusted++) {
        recs_open_options options = {.struct_size = sizeof options, .trusted = trusted};
        recs_model *model;
        assert_int_equal(recs_model_open_memory(&model, copy, size, &options, NULL, NULL),
                         RECS_OK);
        assert_int_equal(recs__model_view(model)->history_times != NULL, trusted);
        recs_model_release(model);
    }
    section->flags = RECS_SECTION_TRUSTED | RECS_SECTION_CRITICAL;
    walk_seal(copy, size, true);
    recs_model *model;
    assert_int_equal(recs_model_open_memory(&model, copy, size, NULL, NULL, NULL),
                     RECS_ERR_UNSUPPORTED);
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated_at_every_length),
        cmocka_unit_test(test_every_bit_of_header_and_table),
        cmocka_unit_test(test_bits_of_sections),
        cmocka_unit_test(test_wild_numbers),
        cmocka_unit_test(test_made_up),
        cmocka_unit_test(test_exploding_blends),
        cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_trusted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
