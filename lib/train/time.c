/* time.c - times of a log. One pass over the text, no allocation, no libc
 * calendar: that one reads the process's time zone. */
#include "train/time.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define DAY INT64_C(86400)
#define FIRST_MS (INT64_C(-719162) * DAY * 1000) /* 0001-01-01 */
#define LAST_MS (INT64_C(2932897) * DAY * 1000)  /* 10000-01-01 */

static bool valid_date(int year, int month, int day) {
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1])
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month != 2 || day < 29 || leap;
}

/* Up to `most` digits; their number, 0 for none. */
static size_t digits(const char *text, size_t size, size_t most, int *value) {
    size_t count = 0;
    *value = 0;
    while (count < size && count < most && text[count] >= '0' && text[count] <= '9')
        *value = *value * 10 + (text[count++] - '0');
    return count;
}

/* The three numbers of a date and the separator; bytes taken, 0 for none. */
static size_t date_parts(const char *text, size_t size, int part[3], size_t width[3],
                         char *separator) {
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        width[i] = digits(text + at, size - at, 4, &part[i]);
        if (width[i] == 0)
            return 0;
        at += width[i];
        if (i == 2)
            break;
        if (at >= size || (i == 1 && text[at] != *separator))
            return 0;
        *separator = text[at++];
        if (*separator != '-' && *separator != '/' && *separator != '.')
            return 0;
    }
    return at;
}

/* "8:26", "08:26:00", "08:26:00.123"; bytes taken, 0 for a wrong one. */
static size_t clock_parts(const char *text, size_t size, int64_t *milliseconds) {
    int hour, minute, second = 0, digit;
    size_t at = digits(text, size, 2, &hour);
    if (at == 0 || at >= size || text[at] != ':' ||
        digits(text + at + 1, size - at - 1, 2, &minute) != 2)
        return 0;
    at += 3;
    int64_t fraction = 0;
    if (at < size && text[at] == ':') {
        if (digits(text + at + 1, size - at - 1, 2, &second) != 2)
            return 0;
        at += 3;
        if (at < size && (text[at] == '.' || text[at] == ',')) {
            int64_t scale = 100;
            size_t first = ++at;
            for (; digits(text + at, size - at, 1, &digit) == 1; at++, scale /= 10)
                fraction += digit * scale;
            if (at == first)
                return 0;
        }
    }
    /* A leap second is the last one once more. */
    if (hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute || second || fraction)))
        return 0;
    *milliseconds = ((hour * 60 + minute) * 60 + (second > 59 ? 59 : second)) * INT64_C(1000) +
                    fraction;
    return at;
}

static bool order_parts(const int part[3], const size_t width[3], char separator,
                        recs__time_format format, int date[3]) {
    if (width[0] == 4) {
        date[0] = part[0], date[1] = part[1], date[2] = part[2];
        return separator != '.' && width[1] <= 2 && width[2] <= 2;
    }
    if (width[2] != 4 || width[0] > 2 || width[1] > 2 || separator == '-')
        return false;
    bool day_first = format == RECS__TIME_DAY_FIRST || separator == '.' || part[0] > 12;
    bool month_first = !day_first && (format == RECS__TIME_MONTH_FIRST || part[1] > 12 ||
                                      part[0] == part[1]);
    if (!day_first && !month_first)
        return false;
    date[0] = part[2];
    date[1] = part[day_first ? 1 : 0];
    date[2] = part[day_first ? 0 : 1];
    return true;
}

static bool parse_date(const char *text, size_t size, recs__time_format format, recs__zone *zone,
                       int64_t *out) {
    int part[3], date[3];
    size_t width[3];
    char separator = 0;
    int64_t clock = 0;
    int32_t offset = 0;
    bool zoned = false;
    size_t at = date_parts(text, size, part, width, &separator);
    if (at == 0 || !order_parts(part, width, separator, format, date) ||
        !valid_date(date[0], date[1], date[2]))
        return false;
    if (at < size) {
        if (text[at] != 'T' && text[at] != 't' && text[at] != ' ')
            return false;
        at++;
        size_t taken = clock_parts(text + at, size - at, &clock);
        if (taken == 0)
            return false;
        at += taken;
        while (at < size && text[at] == ' ')
            at++;
        if (at < size && size - at >= 3 && memcmp(text + at, "UTC", 3) == 0 && at + 3 == size)
            zoned = true;
        else if (at < size)
            zoned = recs__zone_parse_offset(text + at, size - at, &offset);
        if (at < size && !zoned)
            return false;
    }
    int64_t seconds = recs__zone_days(date[0], date[1], date[2]) * DAY + clock / 1000;
    seconds = zoned ? seconds - offset : recs__zone_to_utc(zone, seconds);
    *out = seconds * 1000 + clock % 1000;
    return true;
}

static bool parse_number(const char *text, size_t size, recs__time_format format, int64_t *out) {
    int64_t whole;
    if (recs__parse_i64(text, size, &whole)) {
        int64_t magnitude = whole < 0 ? -(whole + 1) : whole;
        if (format == RECS__TIME_MILLISECONDS ||
            (format == RECS__TIME_AUTO && magnitude >= INT64_C(100000000000))) {
            if (format == RECS__TIME_AUTO && magnitude >= INT64_C(100000000000000000))
                whole /= 1000000;
            else if (format == RECS__TIME_AUTO && magnitude >= INT64_C(100000000000000))
                whole /= 1000;
            *out = whole;
            return true;
        }
        if (magnitude > LAST_MS / 1000)
            return false;
        *out = whole * 1000;
        return true;
    }
    double value;
    if (!recs__parse_double(text, size, &value))
        return false;
    bool seconds = format == RECS__TIME_SECONDS || (format == RECS__TIME_AUTO && value < 1e11 &&
                                                    value > -1e11);
    value = seconds ? value * 1000.0 : value;
    if (!(value > -1e15 && value < 1e15))
        return false;
    /* To the nearest millisecond, halves up. */
    double shifted = value + 0.5;
    int64_t rounded = (int64_t)shifted;
    *out = rounded - ((double)rounded > shifted);
    return true;
}

bool recs__time_parse(const char *text, size_t size, recs__time_format format, recs__zone *zone,
                      int64_t *milliseconds) {
    while (size > 0 && text[0] == ' ')
        text++, size--;
    while (size > 0 && text[size - 1] == ' ')
        size--;
    bool good = false;
    if (size != 0 && format != RECS__TIME_SECONDS && format != RECS__TIME_MILLISECONDS)
        good = parse_date(text, size, format, zone, milliseconds);
    if (!good && size != 0 && format != RECS__TIME_ISO)
        good = parse_number(text, size, format, milliseconds);
    return good && *milliseconds >= FIRST_MS && *milliseconds < LAST_MS;
}

recs__time_format recs__time_order(const char *text, size_t size) {
    int part[3];
    size_t width[3];
    char separator = 0;
    while (size > 0 && text[0] == ' ')
        text++, size--;
    if (date_parts(text, size, part, width, &separator) == 0 || separator != '/' || width[2] != 4)
        return RECS__TIME_AUTO;
    if (part[0] > 12 && part[0] <= 31 && part[1] <= 12)
        return RECS__TIME_DAY_FIRST;
    if (part[1] > 12 && part[1] <= 31 && part[0] <= 12)
        return RECS__TIME_MONTH_FIRST;
    return RECS__TIME_AUTO;
}

size_t recs__time_text(int64_t milliseconds, char out[RECS__TIME_TEXT]) {
    int64_t days = milliseconds / (DAY * 1000), rest = milliseconds % (DAY * 1000);
    if (rest < 0) {
        rest += DAY * 1000;
        days--;
    }
    int64_t year = 1970 + days / 366;
    if (days < 0)
        year = 1970 + days / 365 - 1;
    year = year < 1 ? 1 : year;
    while (year < 9999 && recs__zone_days(year + 1, 1, 1) <= days)
        year++;
    int month = 1;
    while (month < 12 && recs__zone_days(year, month + 1, 1) <= days)
        month++;
    int day = (int)(days - recs__zone_days(year, month, 1)) + 1, clock = (int)(rest / 1000);
    int length = snprintf(out, RECS__TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d",
                          (int)(year % 10000), month, day % 100, clock / 3600, clock / 60 % 60,
                          clock % 60);
    if (rest % 1000 != 0)
        length += snprintf(out + length, RECS__TIME_TEXT - (size_t)length, ".%03d",
                           (int)(rest % 1000));
    length += snprintf(out + length, RECS__TIME_TEXT - (size_t)length, "Z");
    return (size_t)length;
}
