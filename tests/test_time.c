/* test_time.c - times of logs, known ones and refused ones. */
#include "train/time.h"

#include "base/memory.h"
#include "support/test.h"

#include <string.h>

static recs_host host;
static recs__zone *utc, *paris_winter;

static int open_zones(void **state) {
    (void)state;
    return recs__host_init(&host, NULL, NULL) ||
           recs__zone_open(&utc, "UTC", "/absent", &host, NULL) ||
           recs__zone_open(&paris_winter, "+01:00", "/absent", &host, NULL);
}

static int close_zones(void **state) {
    (void)state;
    recs__zone_close(utc);
    recs__zone_close(paris_winter);
    return 0;
}

static void expect_in(recs__zone *zone, recs__time_format format, const char *text,
                      int64_t wanted) {
    int64_t got = -1;
    if (!recs__time_parse(text, strlen(text), format, zone, &got) || got != wanted)
        fail_msg("\"%s\" gives %lld, expected %lld", text, (long long)got, (long long)wanted);
}

static void expect(const char *text, int64_t wanted) {
    expect_in(utc, RECS__TIME_AUTO, text, wanted);
}

static void refuse_as(recs__time_format format, const char *text) {
    int64_t got;
    if (recs__time_parse(text, strlen(text), format, utc, &got))
        fail_msg("\"%s\" gives %lld, expected a refusal", text, (long long)got);
}

static void test_numbers(void **state) {
    (void)state;
    expect("0", 0);
    expect("1577836800", INT64_C(1577836800000));
    expect("1577836800.25", INT64_C(1577836800250));
    expect("1577836800.0004", INT64_C(1577836800000));
    expect("1.5778368e9", INT64_C(1577836800000));
    expect("1577836800000", INT64_C(1577836800000));
    expect("1577836800000000", INT64_C(1577836800000));
    expect("1577836800000000000", INT64_C(1577836800000));
    expect("-5", -5000);
    expect("-0.25", -250);
    expect_in(utc, RECS__TIME_MILLISECONDS, "5", 5);
    expect_in(utc, RECS__TIME_SECONDS, "5", 5000);
    expect_in(utc, RECS__TIME_SECONDS, "100000000000", INT64_C(100000000000000));
    refuse_as(RECS__TIME_SECONDS, "999999999999999"); /* after the year 9999 */
    refuse_as(RECS__TIME_ISO, "1577836800");
    refuse_as(RECS__TIME_SECONDS, "2020-01-01");
    refuse_as(RECS__TIME_AUTO, "nan");
    refuse_as(RECS__TIME_AUTO, "inf");
    refuse_as(RECS__TIME_AUTO, "");
    refuse_as(RECS__TIME_AUTO, "yesterday");
}

static void test_iso(void **state) {
    (void)state;
    expect("1970-01-01", 0);
    expect("2010-12-01 08:26:00", INT64_C(1291191960000));
    expect("2010-12-01T08:26", INT64_C(1291191960000));
    expect(" 2010-12-01T08:26:00.5 ", INT64_C(1291191960500));
    expect("2010-12-01T08:26:00.1239Z", INT64_C(1291191960123));
    expect("2010-12-01T09:26:00+01:00", INT64_C(1291191960000));
    expect("2010-12-01T09:26:00 +0100", INT64_C(1291191960000));
    expect("2010-12-01 03:26:00-05", INT64_C(1291191960000));
    expect("2019-11-01 00:00:00 UTC", INT64_C(1572566400000));
    expect("2010/12/01 08:26", INT64_C(1291191960000));
    expect("2000-02-29", INT64_C(951782400000));
    expect("1969-12-31T23:59:59.999Z", -1);
    expect("0001-01-01", INT64_C(-62135596800000));
    expect("9999-12-31T23:59:59", INT64_C(253402300799000));
}

static void test_iso_refused(void **state) {
    (void)state;
    refuse_as(RECS__TIME_AUTO, "1900-02-29");
    refuse_as(RECS__TIME_AUTO, "2010-13-01");
    refuse_as(RECS__TIME_AUTO, "2010-00-10");
    refuse_as(RECS__TIME_AUTO, "2010-04-31");
    refuse_as(RECS__TIME_AUTO, "2010-12-01 25:00");
    refuse_as(RECS__TIME_AUTO, "2010-12-01 08:60");
    refuse_as(RECS__TIME_AUTO, "2010-12-01 08:26:00.");
    refuse_as(RECS__TIME_AUTO, "2010-12-01 08:26 PM");
    refuse_as(RECS__TIME_AUTO, "2010-12-01x");
    refuse_as(RECS__TIME_AUTO, "2010-12/01");
    refuse_as(RECS__TIME_AUTO, "0000-01-01");
    refuse_as(RECS__TIME_AUTO, "9999-12-31T24:00"); /* the first moment of 10000 */
}

static void test_zone_is_used(void **state) {
    (void)state;
    expect_in(paris_winter, RECS__TIME_AUTO, "2010-12-01 09:26:00", INT64_C(1291191960000));
    expect_in(paris_winter, RECS__TIME_AUTO, "2010-12-01 08:26:00Z", INT64_C(1291191960000));
    expect_in(paris_winter, RECS__TIME_AUTO, "1291191960", INT64_C(1291191960000));
}

static void test_day_and_month(void **state) {
    (void)state;
    expect("31/12/2010 8:26", INT64_C(1293783960000));
    expect("12/31/2010 8:26", INT64_C(1293783960000));
    expect("31.12.2010 08:26:00", INT64_C(1293783960000));
    expect("1.12.2010 8:26", INT64_C(1291191960000));
    expect("5/5/2010", INT64_C(1273017600000));
    refuse_as(RECS__TIME_AUTO, "12/1/2010 8:26");
    refuse_as(RECS__TIME_AUTO, "13/13/2010");
    refuse_as(RECS__TIME_AUTO, "12/1/10");
    expect_in(utc, RECS__TIME_MONTH_FIRST, "12/1/2010 8:26", INT64_C(1291191960000));
    expect_in(utc, RECS__TIME_DAY_FIRST, "1/12/2010 8:26", INT64_C(1291191960000));
    assert_int_equal(recs__time_order("12/31/2010 8:26", 15), RECS__TIME_MONTH_FIRST);
    assert_int_equal(recs__time_order("31/12/2010", 10), RECS__TIME_DAY_FIRST);
    assert_int_equal(recs__time_order("12/1/2010", 9), RECS__TIME_AUTO);
    assert_int_equal(recs__time_order("2010/12/31", 10), RECS__TIME_AUTO);
}

/* Every day of ten thousand years, forth and back; under instruments every 37th. */
static void test_text(void **state) {
    (void)state;
    char text[RECS__TIME_TEXT];
    int64_t day = INT64_C(86400000), back;
    for (int64_t days = -719162; days < 2932897; days += TEST_INSTRUMENTED ? 37 : 1) {
        int64_t time = days * day + (days & 1 ? 45296789 : 0);
        size_t size = recs__time_text(time, text);
        if (!recs__time_parse(text, size, RECS__TIME_ISO, utc, &back) || back != time)
            fail_msg("%s of %lld reads back as %lld", text, (long long)time, (long long)back);
    }
    recs__time_text(INT64_C(1291191960000), text);
    assert_string_equal(text, "2010-12-01T08:26:00Z");
    recs__time_text(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_iso),
        cmocka_unit_test(test_iso_refused),   cmocka_unit_test(test_zone_is_used),
        cmocka_unit_test(test_day_and_month), cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
