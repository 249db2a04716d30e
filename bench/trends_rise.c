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
    } else {
        fprintf(stderr, "usage: %s bursts PREFIX FILE SHORT LONG | "
                        "calm DAYS PER_DAY SHORT LONG\n", argv[0]);
        return 2;
    }
    log_free(&log);
    return 0;
}
