/* trends_rise.c - what `trending` is for: calm streams left alone, bursts shown soon
 * (risers found: trends_risers.c).
 *
 *     build/bench/trends_rise bursts PREFIX FILE SHORT LONG
 *         FILE has lines "place from until item ..."; every ten minutes from
 *         there on: when each item is first on its place's list of 20, and when
 *         it is first there as risen to twice.
 *     build/bench/trends_rise calm DAYS PER_DAY SHORT LONG
 *         A stream whose shares never change: 2,000 items by Zipf(1), hours and
 *         weekdays of a shop. How many items a day a list of 20, looked at every
 *         hour, shows as risen to twice or more; beside the ratio of one day's
 *         share to that of seven, of items with at least 3 pairs.
 *     build/bench/trends_rise cycle DAYS PER_DAY SETTINGS
 *         A stream whose shares change by the hour and the weekday alone, but for
 *         bursts: 300 items by Zipf(0.8), ten of them eight times as often from
 *         seven to ten in the morning, five six times on Saturdays; from the 36th
 *         day on, on every second day at three in the afternoon (two of three) or
 *         eight in the morning, one of the others ten times as often for four
 *         hours. How many items an hour and how many different ones a day
 *         are shown as risen to twice without having a burst; and how many bursts are
 *         shown so, after how many minutes.
 *
 * One JSON line a figure. */
#include "trends_replayer.h"

#include <math.h>

enum { TOP = 20 };
static const double support_now = 3.0;

static void settings_of(char out[160], const char *brief, const char *lengthy, const char *prior) {
    snprintf(out, 160, "half_life=%s|%s,candidates=1024,prior=%s", brief, lengthy, prior);
}

/* Pairs per item of a place in [from, until); their sum. */
static double count_pairs(const event_log *log, uint32_t place, int64_t from, int64_t until,
                          double *counts) {
    size_t low = 0, high = log->count;
    double sum = 0.0;
    memset(counts, 0, log->item_count * sizeof *counts);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->events[middle].time < from)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t e = low; e < log->count && log->events[e].time < until; e++) {
        int p = (int)log->events[e].place;
        while (p > (int)place)
            p = log->parents[p]; /* parents have lower numbers */
        if (p != (int)place || !log->events[e].counts)
            continue;
        counts[log->events[e].item] += 1.0;
        sum += 1.0;
    }
    return sum;
}

/* ---- bursts ------------------------------------------------------------------------------- */

static void burst(replayer *r, uint32_t place, int64_t from, int64_t until, uint32_t item) {
    double shown = NAN, doubled = NAN, pairs = 0.0;
    for (int64_t now = from; now <= until && isnan(doubled); now += 600000) {
        uint32_t list[TOP];
        replay_until(r, now);
        size_t count = replay_ask(r, place, now, RECS_RANK_TRENDING, 0, TOP, list);
        for (size_t i = 0; i < count; i++)
            if (list[i] == item) {
                double minutes = (double)(now - from) / 60000.0;
                shown = isnan(shown) ? minutes : shown;
                pairs = recs_query_trend(r->query, i, RECS_TREND_COUNT);
                if (recs_query_trend(r->query, i, RECS_TREND_RISE) >= 2.0)
                    doubled = minutes;
            }
    }
    printf("{\"place\": \"%s\", \"item\": \"%s\", \"shown_minutes\": %s%.0f, \"doubled_minutes\": "
           "%s%.0f, \"count\": %.1f}\n", r->log->places[place], r->log->items[item],
           isnan(shown) ? "-" : "", isnan(shown) ? 1.0 : shown, isnan(doubled) ? "-" : "",
           isnan(doubled) ? 1.0 : doubled, pairs);
}

static void bursts(const event_log *log, const char *settings, const char *path) {
    FILE *file = fopen(path, "r");
    unsigned place, item;
    long long from, until;
    if (!file) {
        fprintf(stderr, "no %s\n", path);
        exit(1);
    }
    while (fscanf(file, "%u %lld %lld %u", &place, &from, &until, &item) == 4) {
        replayer r; /* anew: time runs forwards */
        replay_open(&r, log, settings);
        burst(&r, place, from, until, item);
        replay_close(&r);
    }
    fclose(file);
}

/* ---- calm ----------------------------------------------------------------------------------- */

static event_log calm_log(uint32_t days, uint32_t per_day) {
    static const double hours[24] = {2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 10,
                                     10, 9, 9, 9, 9, 10, 11, 12, 12, 10, 7, 4};
    static const double weekdays[7] = {1, 0.9, 0.9, 1, 1.2, 1.5, 1.3};
    enum { ITEMS = 2000 };
    event_log log = {.count = (size_t)days * per_day, .place_count = 1, .item_count = ITEMS,
                     .actor_count = 1000000};
    uint64_t state = 7;
    double sums[ITEMS], sum = 0.0;
    log.events = bench_alloc(log.count + days, sizeof *log.events);
    log.places = bench_alloc(1, sizeof *log.places);
    log.parents = bench_alloc(1, sizeof *log.parents);
    log.items = bench_alloc(ITEMS, sizeof *log.items);
    log.places[0] = strdup("");
    log.parents[0] = -1;
    for (uint32_t i = 0; i < ITEMS; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%u", i);
        log.items[i] = strdup(id);
        sums[i] = sum += 1.0 / (i + 1);
    }
    size_t used = 0;
    for (uint32_t d = 0; d < days; d++)
        for (int h = 0; h < 24; h++) {
            size_t share = (size_t)((double)per_day * weekdays[d % 7] / 7.8 * 7 * hours[h] / 167);
            for (size_t e = 0; e < share && used < log.count; e++, used++) {
                double at = (double)(bench_random(&state) >> 11) * 0x1p-53 * sum;
                uint32_t low = 0, high = ITEMS - 1;
                while (low < high) {
                    uint32_t middle = low + (high - low) / 2;
                    if (sums[middle] < at)
                        low = middle + 1;
                    else
                        high = middle;
                }
                log.events[used] = (log_event){
                    .time = INT64_C(1700000000000) / DAY * DAY + d * DAY + h * INT64_C(3600000) +
                            (int64_t)((double)e / (double)share * 3600000.0),
                    .actor = (uint32_t)(bench_random(&state) % 1000000), .item = low};
            }
        }
    log.count = used;
    log_mark(&log);
    return log;
}

static void calm(const event_log *log, const char *settings, uint32_t days) {
    replayer r;
    int64_t from = log->events[0].time / DAY * DAY, warm = 30;
    double alarms = 0.0, plain = 0.0;
    bool *shown = bench_alloc(log->item_count, 1), *loud = bench_alloc(log->item_count, 1);
    double *day = bench_alloc(log->item_count, 8), *week = bench_alloc(log->item_count, 8);
    replay_open(&r, log, settings);
    for (int64_t d = warm; d < days; d++) {
        memset(shown, 0, log->item_count);
        memset(loud, 0, log->item_count);
        for (int h = 1; h <= 24; h++) {
            uint32_t list[TOP];
            int64_t now = from + d * DAY + h * INT64_C(3600000);
            replay_until(&r, now);
            size_t count = replay_ask(&r, 0, now, RECS_RANK_TRENDING, 0, TOP, list);
            for (size_t i = 0; i < count; i++)
                shown[list[i]] |= recs_query_trend(r.query, i, RECS_TREND_RISE) >= 2.0;
            if (h % 6)
                continue; /* the plain way is slow: four times a day */
            double in_day = count_pairs(log, 0, now - DAY, now, day);
            double in_week = count_pairs(log, 0, now - 7 * DAY, now, week);
            for (uint32_t i = 0; i < log->item_count; i++)
                loud[i] |= day[i] >= support_now && day[i] / in_day >= 2.0 * week[i] / in_week;
        }
        for (uint32_t i = 0; i < log->item_count; i++) {
            alarms += shown[i];
            plain += loud[i];
        }
    }
    printf("{\"days\": %lld, \"events\": %zu, \"false_alarms_per_day\": %.4f, \"plain_ratio_per_day\": "
           "%.4f}\n", (long long)(days - warm), log->count, alarms / (double)(days - warm),
           plain / (double)(days - warm));
    replay_close(&r);
    free(shown);
    free(loud);
    free(day);
    free(week);
}

/* ---- a cycle ---------------------------------------------------------------------------------- */

enum { CYCLE_ITEMS = 300, WARM = 35, MORNINGS = 10, SATURDAYS = 5 };

/* The burst of a day: an item and its hour, or none. */
static bool burst_of(uint32_t day, uint32_t *item, int *hour) {
    if (day < WARM || day % 2)
        return false;
    *item = 30 + day * 7 % 100;
    *hour = day % 3 == 0 ? 8 : 15;
    return true;
}

static double rate_of(uint32_t item, uint32_t day, int hour) {
    double rate = pow(item + 1, -0.8);
    uint32_t burst;
    int from;
    if (item >= 10 && item < 10 + MORNINGS && hour >= 7 && hour < 10)
        rate *= 8.0;
    if (item >= 20 && item < 20 + SATURDAYS && day % 7 == 2)
        rate *= 6.0;
    if (burst_of(day, &burst, &from) && burst == item && hour >= from && hour < from + 4)
        rate *= 10.0;
    return rate;
}

static event_log cycle_log(uint32_t days, uint32_t per_day) {
    static const double hours[24] = {2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 10,
                                     10, 9, 9, 9, 9, 10, 11, 12, 12, 10, 7, 4};
    event_log log = {.count = (size_t)days * per_day, .place_count = 1, .item_count = CYCLE_ITEMS,
                     .actor_count = 1000000};
    uint64_t state = 11;
    size_t used = 0;
    log.events = bench_alloc(log.count + days, sizeof *log.events);
    log.places = bench_alloc(1, sizeof *log.places);
    log.parents = bench_alloc(1, sizeof *log.parents);
    log.items = bench_alloc(CYCLE_ITEMS, sizeof *log.items);
    log.places[0] = strdup("");
    log.parents[0] = -1;
    for (uint32_t i = 0; i < CYCLE_ITEMS; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%u", i);
        log.items[i] = strdup(id);
    }
    for (uint32_t d = 0; d < days; d++)
        for (int h = 0; h < 24; h++) {
            double sums[CYCLE_ITEMS], sum = 0.0;
            for (uint32_t i = 0; i < CYCLE_ITEMS; i++)
                sums[i] = sum += rate_of(i, d, h);
            size_t share = (size_t)((double)per_day * hours[h] / 167);
            for (size_t e = 0; e < share && used < log.count; e++, used++) {
                double at = (double)(bench_random(&state) >> 11) * 0x1p-53 * sum;
                uint32_t item = 0;
                while (item + 1 < CYCLE_ITEMS && sums[item] < at)
                    item++;
                log.events[used] = (log_event){
                    .time = INT64_C(1700000000000) / DAY * DAY + d * DAY + h * INT64_C(3600000) +
                            (int64_t)((double)e / (double)share * 3600000.0),
                    .actor = (uint32_t)(bench_random(&state) % 1000000), .item = item};
            }
        }
    log.count = used;
    log_mark(&log);
    return log;
}

static void cycle(const event_log *log, const char *settings, uint32_t days) {
    replayer r;
    int64_t begin = log->events[0].time / DAY * DAY, hour = INT64_C(3600000);
    double alarms = 0.0, hourly = 0.0, planted = 0.0, found = 0.0, minutes = 0.0;
    replay_open(&r, log, settings);
    for (uint32_t d = WARM; d < days; d++) {
        bool shown[CYCLE_ITEMS] = {false}, there = false;
        uint32_t burst = UINT32_MAX;
        int from = 0;
        planted += burst_of(d, &burst, &from);
        for (int step = 1; step <= 24 * 6; step++) {
            uint32_t list[TOP];
            int64_t now = begin + d * DAY + step * (hour / 6), started = begin + d * DAY + from * hour;
            replay_until(&r, now);
            size_t count = replay_ask(&r, 0, now, RECS_RANK_TRENDING, 0, TOP, list);
            for (size_t i = 0; i < count; i++) {
                if (recs_query_trend(r.query, i, RECS_TREND_RISE) < 2.0)
                    continue;
                if (list[i] != burst || now < started) { /* an old burst's rest, too, is none */
                    shown[list[i]] = true;
                    hourly += step % 6 == 0;
                } else if (!there && now <= started + 4 * hour) {
                    there = true;
                    found += 1.0;
                    minutes += (double)(now - started) / 60000.0;
                }
            }
        }
        for (uint32_t i = 0; i < CYCLE_ITEMS; i++)
            alarms += shown[i];
    }
    double asked = (double)(days - WARM);
    printf("{\"settings\": \"%s\", \"days\": %.0f, \"events\": %zu, \"false_alarms_per_day\": %.3f, "
           "\"false_per_hourly_list\": %.4f, \"bursts\": %.0f, \"found\": %.0f, "
           "\"minutes\": %.1f}\n", settings, asked, log->count, alarms / asked,
           hourly / asked / 24.0, planted, found, found > 0.0 ? minutes / found : 0.0);
    replay_close(&r);
}

int main(int argc, char **argv) {
    char settings[160];
    event_log log;
    if (argc == 6 && strcmp(argv[1], "bursts") == 0) {
        log = log_read(argv[2]);
        settings_of(settings, argv[4], argv[5], "20");
        bursts(&log, settings, argv[3]);
    } else if (argc == 6 && strcmp(argv[1], "calm") == 0) {
        uint32_t days = (uint32_t)atoi(argv[2]);
        log = calm_log(days, (uint32_t)atoi(argv[3]));
        settings_of(settings, argv[4], argv[5], "20");
        calm(&log, settings, days);
    } else if (argc == 5 && strcmp(argv[1], "cycle") == 0) {
        uint32_t days = (uint32_t)atoi(argv[2]);
        log = cycle_log(days, (uint32_t)atoi(argv[3]));
        cycle(&log, argv[4], days);
    } else {
        fprintf(stderr, "usage: %s bursts PREFIX FILE SHORT LONG | "
                        "calm DAYS PER_DAY SHORT LONG | "
                        "cycle DAYS PER_DAY SETTINGS\n", argv[0]);
        return 2;
    }
    log_free(&log);
    return 0;
}
