/* test_zone.c - offsets, zoneinfo files made here, footer rules, damage; and
 * against the system's C library where its files are there. */
#include "train/zone.h"

#include "base/memory.h"
#include "support/fault_host.h"
#include "support/test.h"
#include "support/tmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static recs_host host;
static tmp_folder folder;

static int prepare(void **state) {
    (void)state;
    tmp_make(&folder);
    return recs__host_init(&host, NULL, NULL);
}

static int tidy(void **state) {
    (void)state;
    tmp_remove(&folder);
    return 0;
}

/* ---- a file of two changes and a footer -------------------------------------------------- */

static size_t put_u32(unsigned char *out, uint32_t value) {
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (24 - 8 * i));
    return 4;
}

static size_t put_i64(unsigned char *out, int64_t value) {
    put_u32(out, (uint32_t)((uint64_t)value >> 32));
    return 4 + put_u32(out + 4, (uint32_t)value);
}

static size_t put_header(unsigned char *out, uint32_t times, uint32_t types) {
    memset(out, 0, 44);
    memcpy(out, "TZif2", 5);
    put_u32(out + 32, times);
    put_u32(out + 36, types);
    put_u32(out + 40, 4);
    return 44;
}

/* Local mean time +0:30 until 1000000, then +1:00, from 2000000 +2:00. */
static size_t make_file(unsigned char *out, const char *footer) {
    static const int32_t offsets[] = {1800, 3600, 7200};
    size_t size = put_header(out, 0, 1); /* the old part, which is skipped */
    size += put_u32(out + size, 0);
    memset(out + size, 0, 6);
    size += 2 + 4;
    size += put_header(out + size, 2, 3);
    size += put_i64(out + size, 1000000);
    size += put_i64(out + size, 2000000);
    out[size++] = 1;
    out[size++] = 2;
    for (int i = 0; i < 3; i++) {
        size += put_u32(out + size, (uint32_t)offsets[i]);
        out[size++] = 0;
        out[size++] = 0;
    }
    memcpy(out + size, "LMT", 4);
    size += 4;
    return size + (size_t)sprintf((char *)out + size, "\n%s\n", footer);
}

static recs_status open_made(const unsigned char *bytes, size_t size, recs__zone **zone,
                             recs_error *error) {
    char path[TMP_PATH_MAX];
    tmp_write(&folder, "Made", bytes, size, path);
    return recs__zone_open(zone, "Made", folder.path, &host, error);
}

static recs__zone *zone_with(const char *footer) {
    unsigned char bytes[512];
    recs__zone *zone = NULL;
    recs_error error = {0};
    size_t size = make_file(bytes, footer);
    if (open_made(bytes, size, &zone, &error) != RECS_OK)
        fail_msg("%s: %s", footer, error.text);
    return zone;
}

static void test_offsets(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int32_t seconds;
    } good[] = {{"Z", 0},         {"+00:00", 0},     {"+02:00", 7200}, {"-0330", -12600},
                {"+5", 18000},    {"-05", -18000},   {"+05:45", 20700}, {"+14:00", 50400}};
    static const char *const bad[] = {"", "+", "2", "+1:00", "+123", "+99:00", "+05:61", "05:00",
                                      "+05:4", "+0:545", "++5", "+05:45Z"};
    int32_t seconds;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(recs__zone_parse_offset(good[i].text, strlen(good[i].text), &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (recs__zone_parse_offset(bad[i], strlen(bad[i]), &seconds))
            fail_msg("\"%s\" was taken", bad[i]);
}

static void test_fixed(void **state) {
    (void)state;
    recs__zone *zone;
    recs_error error = {0};
    assert_int_equal(recs__zone_open(&zone, "+02:00", "/absent", &host, &error), RECS_OK);
    assert_int_equal(recs__zone_offset(zone, 0), 7200);
    assert_true(recs__zone_to_utc(zone, 7200) == 0);
    recs__zone_close(zone);
    assert_int_equal(recs__zone_open(&zone, "UTC", "/absent", &host, &error), RECS_OK);
    assert_true(recs__zone_to_utc(zone, 12345) == 12345);
    recs__zone_close(zone);
    recs__zone_close(NULL);
}

static void test_names(void **state) {
    (void)state;
    static const char *const bad[] = {"", "/etc/passwd", "../x", "Europe/../../x", "a b", "caf\xE9"};
    recs__zone *zone;
    recs_error error = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(recs__zone_open(&zone, bad[i], folder.path, &host, &error),
                         RECS_ERR_ARGUMENT);
    assert_int_equal(recs__zone_open(&zone, "Mars/Base", folder.path, &host, &error),
                     RECS_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "Mars/Base"));
    assert_null(zone);
}

static void test_table(void **state) {
    (void)state;
    recs__zone *zone = zone_with("<+02>-2");
    assert_int_equal(recs__zone_offset(zone, -5), 1800);
    assert_int_equal(recs__zone_offset(zone, 999999), 1800);
    assert_int_equal(recs__zone_offset(zone, 1000000), 3600);
    assert_int_equal(recs__zone_offset(zone, 1999999), 3600);
    assert_int_equal(recs__zone_offset(zone, 2000000), 7200);
    assert_int_equal(recs__zone_offset(zone, INT64_C(4000000000)), 7200);
    /* The change at 1000000 leaves out half an hour of local time. */
    assert_true(recs__zone_to_utc(zone, 1001799) == 999999);
    assert_true(recs__zone_to_utc(zone, 1001800) == 1000000);
    assert_true(recs__zone_to_utc(zone, 1003599) == 1001799);
    assert_true(recs__zone_to_utc(zone, 1003600) == 1000000);
    recs__zone_close(zone);
}

/* Summer time from the last Sunday of March, 01:00 UTC, to that of October. */
static void test_footer(void **state) {
    (void)state;
    recs__zone *zone = zone_with("CET-1CEST,M3.5.0,M10.5.0/3");
    const int64_t spring = INT64_C(2058397200), autumn = INT64_C(2077146000); /* 2035 */
    assert_int_equal(recs__zone_offset(zone, spring - 1), 3600);
    assert_int_equal(recs__zone_offset(zone, spring), 7200);
    assert_int_equal(recs__zone_offset(zone, autumn - 1), 7200);
    assert_int_equal(recs__zone_offset(zone, autumn), 3600);
    assert_true(recs__zone_to_utc(zone, spring - 1 + 3600) == spring - 1);
    assert_true(recs__zone_to_utc(zone, spring + 7200) == spring);
    /* 02:30 happens twice in autumn: the first of them. */
    assert_true(recs__zone_to_utc(zone, autumn + 1800 + 3600) == autumn - 1800);
    recs__zone_close(zone);
    /* South of the equator the year begins in summer. */
    zone = zone_with("AEST-10AEDT,M10.1.0,M4.1.0/3");
    assert_int_equal(recs__zone_offset(zone, INT64_C(2051222400)), 39600); /* 2035-01-01 */
    assert_int_equal(recs__zone_offset(zone, INT64_C(2066860800)), 36000); /* 2035-07-01 */
    recs__zone_close(zone);
    zone = zone_with("XXX3YYY,J60/0,300/26"); /* by days of the year */
    assert_int_equal(recs__zone_offset(zone, INT64_C(2056320000) + 10799), -10800);
    assert_int_equal(recs__zone_offset(zone, INT64_C(2056320000) + 10800), -7200); /* 1 March */
    recs__zone_close(zone);
}

static void test_damage(void **state) {
    (void)state;
    unsigned char bytes[512];
    recs__zone *zone;
    recs_error error = {0};
    size_t size = make_file(bytes, "CET-1CEST,M3.5.0,M10.5.0/3");
    for (size_t cut = 0; cut < size - 30; cut++) {
        assert_int_equal(open_made(bytes, cut, &zone, &error), RECS_ERR_CORRUPT);
        assert_null(zone);
    }
    /* Any one byte wrong: taken or refused, and all look-ups still end. */
    for (size_t at = 0; at < size; at++)
        for (int bit = 0; bit < 8; bit += 3) {
            bytes[at] = (unsigned char)(bytes[at] ^ 1 << bit);
            if (open_made(bytes, size, &zone, &error) == RECS_OK) {
                for (int64_t t = -5000000; t < INT64_C(5000000000); t += 99999999)
                    recs__zone_to_utc(zone, t);
                recs__zone_close(zone);
            }
            bytes[at] = (unsigned char)(bytes[at] ^ 1 << bit);
        }
    static const char *const footers[] = {"CET", "CET-1CEST", "CET-1CEST,M13.1.0,M10.5.0",
                                          "CET-1CEST,M3.5.0", "C-1", "CET-1,", "CET-999"};
    for (size_t i = 0; i < sizeof footers / sizeof footers[0]; i++) {
        size = make_file(bytes, footers[i]);
        assert_int_equal(open_made(bytes, size, &zone, &error), RECS_ERR_CORRUPT);
    }
}

static void test_memory(void **state) {
    (void)state;
    unsigned char bytes[512];
    char path[TMP_PATH_MAX];
    fault_host faults;
    tmp_write(&folder, "Made", bytes, make_file(bytes, "<+02>-2"), path);
    FAULT_LOOP(faults) {
        recs_error error = {0};
        recs__zone *zone = NULL;
        recs_host lent;
        recs__host_init(&lent, &faults.host, NULL);
        if (fault_passed(&faults, recs__zone_open(&zone, "Made", folder.path, &lent, &error),
                         &error))
            recs__zone_close(zone);
    }
}

static void test_against_libc(void **state) {
    (void)state;
    static const char *const names[] = {"Europe/London", "America/New_York", "Australia/Sydney",
                                        "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Casablanca",
                                        "Europe/Dublin", "Pacific/Apia"};
    recs__zone *zone;
    recs_error error = {0};
    if (access(RECS__ZONE_FOLDER "/Europe/London", R_OK) != 0) {
        print_message("skipped: no %s\n", RECS__ZONE_FOLDER);
        skip();
    }
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        assert_int_equal(recs__zone_open(&zone, names[n], RECS__ZONE_FOLDER, &host, &error),
                         RECS_OK);
        setenv("TZ", names[n], 1);
        tzset();
        for (int64_t t = INT64_C(-2000000000); t < INT64_C(4000000000); t += 3600 * 37 + 11) {
            struct tm local;
            time_t clock = (time_t)t;
            localtime_r(&clock, &local);
            if (recs__zone_offset(zone, t) != (int32_t)local.tm_gmtoff)
                fail_msg("%s at %lld: %d, expected %ld", names[n], (long long)t,
                         recs__zone_offset(zone, t), local.tm_gmtoff);
            int64_t back = recs__zone_to_utc(zone, t + local.tm_gmtoff);
            if (recs__zone_offset(zone, back) + back != t + local.tm_gmtoff || back > t)
                fail_msg("%s at %lld: local time goes back to %lld", names[n], (long long)t,
                         (long long)back);
        }
        recs__zone_close(zone);
    }
    unsetenv("TZ");
    tzset();
}

static void test_days(void **state) {
    (void)state;
    assert_true(recs__zone_days(1970, 1, 1) == 0);
    assert_true(recs__zone_days(2000, 3, 1) == 11017);
    assert_true(recs__zone_days(1, 1, 1) == -719162);
    assert_true(recs__zone_days(10000, 1, 1) == 2932897);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets), cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_table),
        cmocka_unit_test(test_footer),  cmocka_unit_test(test_damage),
        cmocka_unit_test(test_memory),  cmocka_unit_test(test_against_libc),
        cmocka_unit_test(test_days),
    };
    return cmocka_run_group_tests(tests, prepare, tidy);
}
