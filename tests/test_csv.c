/* test_csv.c - records and fields, against texts and against a slow reader. */
#include "train/csv.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/fault_host.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_host host;

static int make_host(void **state) {
    (void)state;
    return recs__host_init(&host, NULL, NULL);
}

/* All records as "a|b\n"; the line of each before it. */
static recs_status flatten(const char *text, size_t size, char delimiter, const recs_host *lent,
                           char *out, recs_error *error) {
    recs__input *input = NULL;
    recs__csv csv = {0};
    bool more = true;
    size_t used = 0;
    recs_status status = recs__input_memory(&input, text, size, lent, error);
    if (status == RECS_OK)
        status = recs__csv_open(&csv, input, delimiter, lent, error);
    while (status == RECS_OK) {
        status = recs__csv_next(&csv, &more, error);
        if (status != RECS_OK || !more)
            break;
        used += (size_t)sprintf(out + used, "%llu:", (unsigned long long)csv.line);
        for (size_t i = 0; i < csv.count; i++) {
            if (i != 0)
                out[used++] = '|';
            memcpy(out + used, csv.fields[i].text, csv.fields[i].size);
            used += csv.fields[i].size;
        }
        out[used++] = '\n';
    }
    out[used] = '\0';
    recs__csv_close(&csv);
    recs__input_close(input);
    return status;
}

static void expect(const char *text, char delimiter, const char *wanted) {
    char out[4096];
    recs_error error = {0};
    assert_int_equal(flatten(text, strlen(text), delimiter, &host, out, &error), RECS_OK);
    assert_string_equal(out, wanted);
}

static void test_records(void **state) {
    (void)state;
    expect("", 0, "");
    expect("a,b\nc,d\n", 0, "1:a|b\n2:c|d\n");
    expect("a,b\nc,d", 0, "1:a|b\n2:c|d\n");
    expect("a,b\r\nc,d\r\n", 0, "1:a|b\n2:c|d\n");
    expect("a,,\n,b,\n,,\n", 0, "1:a||\n2:|b|\n3:||\n");
    expect("a\n\n\r\nb\n", 0, "1:a\n4:b\n");
    expect("\xEF\xBB\xBF" "a,b\n", 0, "1:a|b\n");
    expect("a\tb c\n", 0, "1:a|b c\n");
    expect("a;b,5;c\n", 0, "1:a|b,5|c\n");
    expect("a|b\n", 0, "1:a|b\n");
    expect("a:b,c\n", ':', "1:a|b,c\n");
    expect("\"a;b;c\",d\n", 0, "1:a;b;c|d\n"); /* what is quoted does not count */
}

static void test_quotes(void **state) {
    (void)state;
    expect("\"a\",\"b,c\"\n", 0, "1:a|b,c\n");
    expect("\"say \"\"hi\"\"\",\"\"\n", ',', "1:say \"hi\"|\n");
    expect("\"\"\"\"\n", ',', "1:\"\n");
    expect("\"two\nlines\",x\ny,z\n", ',', "1:two\nlines|x\n3:y|z\n");
    expect("\"a\"\r\n\"b\"\r\n", ',', "1:a\n2:b\n");
    expect("5\" disk,x\n", ',', "1:5\" disk|x\n");
    expect("\"last\"", ',', "1:last\n");
}

static void refuse(const char *text, const char *where) {
    char out[4096];
    recs_error error = {0};
    assert_int_equal(flatten(text, strlen(text), ',', &host, out, &error), RECS_ERR_DATA);
    if (strstr(error.text, where) == NULL)
        fail_msg("\"%s\" does not say %s", error.text, where);
}

static void test_refused(void **state) {
    (void)state;
    refuse("a,b\nc,\"d\n", "line 2, field 2");
    refuse("a\n\"b\"c\n", "line 2, field 1");
    refuse("\"", "line 1, field 1");
    char *wide = malloc(RECS__CSV_FIELDS_MAX + 10);
    memset(wide, ',', RECS__CSV_FIELDS_MAX + 2);
    wide[RECS__CSV_FIELDS_MAX + 2] = '\0';
    refuse(wide, "4096 fields");
    free(wide);
    size_t size = RECS__CSV_RECORD_MAX + ((size_t)2 << 20);
    char *long_one = malloc(size + 1);
    memset(long_one, 'x', size);
    memcpy(long_one, "a\n\"", 3);
    long_one[size] = '\0';
    refuse(long_one, "line 2");
    free(long_one);
    refuse("\xFF\xFEu", "UTF-16");
    refuse("\xFE\xFFu", "UTF-16");
}

/* The plainest reader of quoted text there is. */
static void slowly(const char *text, size_t size, char *out) {
    size_t used = 0, at = 0, line = 1;
    while (at < size) {
        size_t begin = used, first = line, fields = 1;
        used += (size_t)sprintf(out + used, "%zu:", line);
        size_t content = used;
        for (bool ended = false; !ended;) {
            if (text[at] == '"') {
                for (at++; !(text[at] == '"' && text[at + 1] != '"'); at++) {
                    at += text[at] == '"';
                    line += text[at] == '\n';
                    out[used++] = text[at];
                }
                at++;
            } else {
                while (text[at] != ',' && text[at] != '\n')
                    out[used++] = text[at++];
            }
            ended = text[at++] == '\n';
            fields += !ended;
            if (!ended)
                out[used++] = '|';
        }
        line++;
        (void)first;
        if (fields == 1 && used == content)
            used = begin;
        else
            out[used++] = '\n';
    }
    out[used] = '\0';
}

static void test_against_slow(void **state) {
    (void)state;
    enum { SIZE = 3 << 20 };
    char *text = malloc(SIZE + 64), *wanted = malloc(6 * SIZE), *got = malloc(6 * SIZE);
    recs__random random;
    recs__random_seed(&random, 11);
    size_t size = 0;
    while (size < SIZE) { /* longer than the buffer, so that it is refilled */
        if (recs__random_below(&random, 4) == 0) {
            text[size++] = '"';
            for (size_t n = recs__random_below(&random, 40); n > 0; n--) {
                char c = "ab,\n\"x "[recs__random_below(&random, 7)];
                if (c == '"')
                    text[size++] = '"';
                text[size++] = c;
            }
            text[size++] = '"';
        } else {
            for (size_t n = recs__random_below(&random, 20); n > 0; n--)
                text[size++] = "abcd\xC3\x8A\x8D 0-"[recs__random_below(&random, 10)];
        }
        text[size++] = recs__random_below(&random, 5) ? ',' : '\n';
    }
    text[size - 1] = '\n';
    recs_error error = {0};
    slowly(text, size, wanted);
    assert_int_equal(flatten(text, size, ',', &host, got, &error), RECS_OK);
    assert_string_equal(got, wanted);
    free(text);
    free(wanted);
    free(got);
}

static void test_peek_and_skip(void **state) {
    (void)state;
    recs__input *input;
    recs__csv csv;
    recs_error error = {0};
    const char *bytes;
    size_t size;
    bool more;
    assert_int_equal(recs__input_memory(&input, "ab cd\nef", 8, &host, &error), RECS_OK);
    assert_int_equal(recs__csv_open(&csv, input, ' ', &host, &error), RECS_OK);
    recs__csv_peek(&csv, &bytes, &size);
    assert_int_equal(size, 9); /* the line feed it ought to have */
    assert_memory_equal(bytes, "ab cd\nef\n", 9);
    recs__csv_skip(&csv, 6);
    assert_int_equal(recs__csv_fill(&csv, &more, &error), RECS_OK);
    assert_false(more);
    recs__csv_peek(&csv, &bytes, &size);
    assert_memory_equal(bytes, "ef\n", 3);
    recs__csv_close(&csv);
    recs__input_close(input);
}

static void test_memory(void **state) {
    (void)state;
    fault_host faults;
    char out[2048];
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs_host lent;
        assert_int_equal(recs__host_init(&lent, &faults.host, &error), RECS_OK);
        if (fault_passed(&faults, flatten("a,\"b\"\"\"\n", 8, 0, &lent, out, &error), &error))
            assert_string_equal(out, "1:a|b\"\n");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),      cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_against_slow),
        cmocka_unit_test(test_peek_and_skip), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, make_host, NULL);
}
