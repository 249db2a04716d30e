/* zone.c - time zones.
 *
 * A zone is a table of changes (UTC second, offset from then on), the offset
 * before the first, and a rule for after the last. Look-up is a binary
 * search; to_utc keeps the span in which the last answer's offset holds, so a
 * log in time order searches once per change.
 *
 * A zoneinfo file is outside bytes: every count is bounded by the file's size,
 * every index checked, offsets held within a day and a bit. */
#include "train/zone.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400
#define OFFSET_MAX (26 * 3600)
#define FILE_MAX ((size_t)1 << 20)

/* One of the two yearly changes of a footer. */
typedef struct change_rule {
    char kind; /* 'M': month, week, day; 'J': day 1-365 without 29 February; '0': day 0-365 */
    int month, week, day;
    int32_t second; /* local, may be negative or above a day */
} change_rule;

typedef struct footer {
    bool present, summer;
    int32_t offset, summer_offset;
    change_rule begins, ends;
} footer;

struct recs__zone {
    recs_host host;
    size_t count;
    int64_t *changes;
    int32_t *offsets; /* from changes[i] on */
    int32_t first_offset;
    footer rule;
    int64_t cached_from, cached_to; /* local; offset holds a day around it too */
    int32_t cached_offset;
};

/* ---- the calendar ------------------------------------------------------------ */

/* After Hinnant's description of the 400-year era. */
int64_t recs__zone_days(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool leap(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t year_of(int64_t seconds) {
    int64_t days = floor_div(seconds, DAY);
    int64_t year = days >= 0 ? 1970 + days / 366 : 1969 + days / 365; /* not beyond it */
    while (recs__zone_days(year + 1, 1, 1) <= days)
        year++;
    return year;
}

/* Local second of a rule's change in a year. */
static int64_t change_in(const change_rule *rule, int64_t year) {
    int64_t days;
    if (rule->kind == 'M') {
        int64_t first = recs__zone_days(year, rule->month, 1);
        int weekday = (int)(((first + 4) % 7 + 7) % 7);
        days = first + (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
        int64_t next = rule->month == 12 ? recs__zone_days(year + 1, 1, 1)
                                         : recs__zone_days(year, rule->month + 1, 1);
        if (days >= next)
            days -= 7;
    } else if (rule->kind == 'J') {
        days = recs__zone_days(year, 1, 1) + rule->day - 1 + (leap(year) && rule->day >= 60);
    } else {
        days = recs__zone_days(year, 1, 1) + rule->day;
    }
    return days * DAY + rule->second;
}

static int32_t footer_offset(const footer *rule, int64_t utc) {
    if (!rule->summer)
        return rule->offset;
    int64_t year = year_of(utc + rule->offset);
    int64_t begins = change_in(&rule->begins, year) - rule->offset;
    int64_t ends = change_in(&rule->ends, year) - rule->summer_offset;
    bool summer = begins < ends ? utc >= begins && utc < ends : utc >= begins || utc < ends;
    return summer ? rule->summer_offset : rule->offset;
}

int32_t recs__zone_offset(const recs__zone *zone, int64_t utc) {
    if (zone->count == 0 || utc < zone->changes[0])
        return zone->count == 0 && zone->rule.present ? footer_offset(&zone->rule, utc)
                                                      : zone->first_offset;
    if (utc >= zone->changes[zone->count - 1] && zone->rule.present)
        return footer_offset(&zone->rule, utc);
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle] <= utc)
            low = middle;
        else
            high = middle;
    }
    return zone->offsets[low];
}

int64_t recs__zone_to_utc(recs__zone *zone, int64_t local) {
    if (local >= zone->cached_from && local < zone->cached_to)
        return local - zone->cached_offset;
    int32_t before = recs__zone_offset(zone, local - DAY - DAY / 2);
    int32_t after = recs__zone_offset(zone, local + DAY + DAY / 2);
    if (before == after && recs__zone_offset(zone, local - before) == before) {
        /* No change is near: changes lie days apart, so a day is safe. */
        zone->cached_from = local - DAY / 4;
        zone->cached_to = local + DAY / 4;
        zone->cached_offset = before;
        return local - before;
    }
    if (recs__zone_offset(zone, local - before) == before)
        return local - before;
    if (recs__zone_offset(zone, local - after) == after)
        return local - after;
    return local - before;
}

/* ---- texts -------------------------------------------------------------------- */

static bool digit(char c) { return c >= '0' && c <= '9'; }

bool recs__zone_parse_offset(const char *text, size_t size, int32_t *seconds) {
    if (size == 1 && (text[0] == 'Z' || text[0] == 'z')) {
        *seconds = 0;
        return true;
    }
    char digits[4];
    size_t count = 0;
    if (size < 2 || size > 6 || (text[0] != '+' && text[0] != '-'))
        return false;
    for (size_t i = 1; i < size; i++) {
        if (text[i] == ':' && count == 2 && i + 3 == size)
            continue;
        if (!digit(text[i]) || count == 4)
            return false;
        digits[count++] = text[i];
    }
    if (count == 3)
        return false;
    int hours = count == 1 ? digits[0] - '0' : (digits[0] - '0') * 10 + digits[1] - '0';
    int minutes = count == 4 ? (digits[2] - '0') * 10 + digits[3] - '0' : 0;
    if (hours > 15 || minutes > 59)
        return false;
    *seconds = (hours * 60 + minutes) * 60 * (text[0] == '-' ? -1 : 1);
    return true;
}

/* The footer: "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30". */
typedef struct scanner {
    const char *at, *end;
    bool wrong;
} scanner;

static bool take(scanner *s, char c) {
    if (s->at < s->end && *s->at == c) {
        s->at++;
        return true;
    }
    return false;
}

static int number(scanner *s, int most) {
    int value = 0;
    if (s->at >= s->end || !digit(*s->at))
        s->wrong = true;
    while (s->at < s->end && digit(*s->at) && value <= most)
        value = value * 10 + (*s->at++ - '0');
    if (value > most)
        s->wrong = true;
    return value;
}

static void zone_name(scanner *s) {
    const char *from = s->at;
    if (take(s, '<')) {
        while (s->at < s->end && *s->at != '>')
            s->at++;
        if (!take(s, '>'))
            s->wrong = true;
        return;
    }
    while (s->at < s->end && ((*s->at >= 'A' && *s->at <= 'Z') || (*s->at >= 'a' && *s->at <= 'z')))
        s->at++;
    if (s->at - from < 3)
        s->wrong = true;
}

static int32_t clock_time(scanner *s) {
    int sign = take(s, '-') ? -1 : (take(s, '+'), 1);
    int32_t seconds = number(s, 167) * 3600;
    if (take(s, ':'))
        seconds += number(s, 59) * 60;
    if (take(s, ':'))
        seconds += number(s, 59);
    return sign * seconds;
}

static void rule_of(scanner *s, change_rule *rule) {
    rule->kind = '0';
    if (take(s, 'M')) {
        rule->kind = 'M';
        rule->month = number(s, 12);
        s->wrong |= !take(s, '.');
        rule->week = number(s, 5);
        s->wrong |= !take(s, '.') || rule->month == 0 || rule->week == 0;
        rule->day = number(s, 6);
    } else {
        if (take(s, 'J'))
            rule->kind = 'J';
        rule->day = number(s, 365);
        s->wrong |= rule->kind == 'J' && rule->day == 0;
    }
    rule->second = take(s, '/') ? clock_time(s) : 2 * 3600;
}

static bool parse_footer(footer *rule, const char *text, size_t size) {
    scanner s = {text, text + size, false};
    zone_name(&s);
    rule->offset = -clock_time(&s);
    if (!s.wrong && s.at < s.end) {
        rule->summer = true;
        zone_name(&s);
        rule->summer_offset = rule->offset + 3600;
        if (s.at < s.end && *s.at != ',')
            rule->summer_offset = -clock_time(&s);
        s.wrong |= !take(&s, ',');
        rule_of(&s, &rule->begins);
        s.wrong |= !take(&s, ',');
        rule_of(&s, &rule->ends);
    }
    rule->present = !s.wrong && s.at == s.end && rule->offset <= OFFSET_MAX &&
                    rule->offset >= -OFFSET_MAX && rule->summer_offset <= OFFSET_MAX &&
                    rule->summer_offset >= -OFFSET_MAX;
    return rule->present;
}

/* ---- zoneinfo files --------------------------------------------------------------- */

static uint32_t read_u32(const unsigned char *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t read_i64(const unsigned char *b) {
    return (int64_t)((uint64_t)read_u32(b) << 32 | read_u32(b + 4));
}

/* The counts of a header, in the file's order. */
typedef struct counts {
    size_t ut, standard, leaps, times, types, chars;
} counts;

#define HEADER 44

static bool read_counts(const unsigned char *b, size_t size, counts *c) {
    if (size < HEADER || memcmp(b, "TZif", 4) != 0)
        return false;
    c->ut = read_u32(b + 20);
    c->standard = read_u32(b + 24);
    c->leaps = read_u32(b + 28);
    c->times = read_u32(b + 32);
    c->types = read_u32(b + 36);
    c->chars = read_u32(b + 40);
    return c->ut <= FILE_MAX && c->standard <= FILE_MAX && c->leaps <= FILE_MAX &&
           c->times <= FILE_MAX && c->types <= 256 && c->types > 0 && c->chars <= FILE_MAX;
}

static size_t body_size(const counts *c, size_t time_size) {
    return c->times * (time_size + 1) + c->types * 6 + c->chars + c->leaps * (time_size + 4) +
           c->standard + c->ut;
}

static bool offset_of(const unsigned char *types, size_t type, int32_t *offset) {
    *offset = (int32_t)read_u32(types + type * 6);
    return *offset <= OFFSET_MAX && *offset >= -OFFSET_MAX;
}

/* b is the second header (64-bit times); false: damaged. */
static bool read_body(recs__zone *zone, const unsigned char *b, const counts *c) {
    const unsigned char *times = b + HEADER, *indexes = times + c->times * 8;
    const unsigned char *types = indexes + c->times;
    if (!offset_of(types, 0, &zone->first_offset))
        return false;
    for (size_t i = 0; i < c->times; i++) {
        zone->changes[i] = read_i64(times + i * 8);
        if (indexes[i] >= c->types || !offset_of(types, indexes[i], &zone->offsets[i]) ||
            (i > 0 && zone->changes[i] <= zone->changes[i - 1]))
            return false;
    }
    zone->count = c->times;
    return true;
}

static recs_status read_file(recs__zone *zone, const unsigned char *b, size_t size,
                             const char *name, recs_error *error) {
    counts c = {0};
    size_t first = 0;
    bool good = read_counts(b, size, &c) && b[4] >= '2';
    if (good) {
        first = HEADER + body_size(&c, 4);
        good = first <= size && read_counts(b + first, size - first, &c) &&
               HEADER + body_size(&c, 8) <= size - first;
    }
    if (good) {
        zone->changes = recs__alloc(&zone->host, c.times, sizeof *zone->changes, error);
        zone->offsets = recs__alloc(&zone->host, c.times, sizeof *zone->offsets, error);
        if (zone->changes == NULL || zone->offsets == NULL)
            return RECS_ERR_MEMORY;
        good = read_body(zone, b + first, &c);
    }
    if (good) {
        const unsigned char *tail = b + first + HEADER + body_size(&c, 8);
        size_t left = size - (size_t)(tail - b);
        if (left >= 3 && tail[0] == '\n' && tail[left - 1] == '\n')
            good = parse_footer(&zone->rule, (const char *)tail + 1, left - 2);
    }
    return good ? RECS_OK
                : recs__fail(error, RECS_ERR_CORRUPT, "timezone %s: not a usable zoneinfo file",
                             name);
}

static bool good_name(const char *name) {
    size_t size = strlen(name);
    if (size == 0 || size > 64 || name[0] == '/' || strstr(name, "..") != NULL)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        if (!digit(c) && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && c != '/' &&
            c != '_' && c != '-' && c != '+')
            return false;
    }
    return true;
}

static recs_status open_named(recs__zone *zone, const char *name, const char *folder,
                              recs_error *error) {
    char path[512];
    recs_error ignored;
    recs__map map = {0};
    if (!good_name(name))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "timezone \"%s\": expected UTC, an offset such as +02:00 or a name such "
                          "as Europe/London", name);
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return recs__fail(error, RECS_ERR_ARGUMENT, "timezone %s: the path is too long", name);
    recs_status status = recs__map_open(&map, path, &ignored);
    if (status == RECS_ERR_MEMORY)
        return recs__fail_memory(error, 0);
    if (status != RECS_OK)
        return recs__fail(error, RECS_ERR_NOT_FOUND,
                          "timezone \"%s\": no such zone in %s (is tzdata installed?); an offset "
                          "such as +02:00 needs no file", name, folder);
    status = map.size <= FILE_MAX ? read_file(zone, map.bytes, map.size, name, error)
                                  : recs__fail(error, RECS_ERR_CORRUPT,
                                               "timezone %s: the file is too large", name);
    recs__map_close(&map);
    return status;
}

recs_status recs__zone_open(recs__zone **zone, const char *name, const char *folder,
                            const recs_host *host, recs_error *error) {
    *zone = NULL;
    recs__zone *made = recs__alloc_zero(host, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = *host;
    made->cached_from = 1; /* from above to: empty */
    recs_status status = RECS_OK;
    if (strcmp(name, "UTC") != 0 &&
        !recs__zone_parse_offset(name, strlen(name), &made->first_offset))
        status = open_named(made, name, folder, error);
    if (status != RECS_OK) {
        recs__zone_close(made);
        return status;
    }
    *zone = made;
    return RECS_OK;
}

void recs__zone_close(recs__zone *zone) {
    if (zone == NULL)
        return;
    recs_host host = zone->host;
    recs__free(&host, zone->changes);
    recs__free(&host, zone->offsets);
    recs__free(&host, zone);
}
