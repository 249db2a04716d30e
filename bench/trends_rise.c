/* trends_rise.c - what `trending` is for: risers found, calm streams left alone,
 * bursts shown soon.
 *
 *     build/bench/trends_rise risers PREFIX FROM END DEPTH SHORT LONG PRIOR
 *         At every seventh midnight a place's list of 20 (half-lives SHORT and
 *         LONG, as in 6h and 7d). A riser's share of the place's pairs of actor, item and day in
 *         the next seven days is at least twice that of the 28 days before, with
 *         at least 10 pairs in them. Precision: risers among those listed. Beside it,
 *         on the same counts: the most popular of the last seven days; the
 *         largest ratio of the last seven days' share to that of 28, of items with
 *         at least 3 pairs; the largest growth of the last seven days over the
 *         seven before (what trend services rank by).
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

enum { TOP = 20, WAYS = 4, BURSTS_MAX = 16 };
static const double support_next = 10.0, support_now = 3.0;

static void settings_of(char out[160], const char *brief, const char *lengthy, const char *prior) {
    snprintf(out, 160, "half_life=%s|%s,candidates=1024,prior=%s", brief, lengthy, prior);
}

/* ---- risers ---------------------------------------------------------------------------- */

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

typedef struct periods {
    double *next, *week, *before, *month; /* by item */
    double next_sum, week_sum, month_sum;
} periods;

/* The best by a way of scoring; items of score 0 are none. */
static size_t best_by(const periods *t, uint32_t items, int way, uint32_t out[TOP]) {
    double scores[TOP];
    size_t used = 0;
    for (uint32_t i = 0; i < items; i++) {
        double score = 0.0, count = t->week[i];
        if (way == 1)
            score = count;
        else if (way == 2 && count >= support_now)
            score = count / t->week_sum / (t->month[i] / t->month_sum);
        else if (way == 3)
            score = count - t->before[i];
        if (!(score > 0.0) || (used == TOP && !(score > scores[TOP - 1])))
            continue;
        size_t at = used < TOP ? used++ : TOP - 1;
        for (; at > 0 && score > scores[at - 1]; at--) {
            scores[at] = scores[at - 1];
            out[at] = out[at - 1];
        }
        scores[at] = score;
        out[at] = i;
    }
    return used;
}

static void risers(const event_log *log, replayer *r, int64_t from, int64_t end, int depth) {
    static const char *const names[WAYS] = {"librecs trending", "popular, 7 days",
                                            "share of 7 days over 28", "growth over 7 days"};
    double listed[WAYS] = {0}, right[WAYS] = {0}, base = 0.0, eligible = 0.0;
    size_t cases = 0, places = 0;
    periods t = {bench_alloc(log->item_count, 8), bench_alloc(log->item_count, 8),
                 bench_alloc(log->item_count, 8), bench_alloc(log->item_count, 8), 0, 0, 0};
    bool *counted = bench_alloc(log->place_count, sizeof *counted);
    for (int64_t now = from; now + 7 * DAY <= end; now += 7 * DAY) {
        replay_until(r, now);
        for (uint32_t p = 0; p < log->place_count; p++) {
            if (log_depth(log, p) != depth)
                continue;
            t.next_sum = count_pairs(log, p, now, now + 7 * DAY, t.next);
            t.month_sum = count_pairs(log, p, now - 28 * DAY, now, t.month);
            if (t.next_sum < 200.0 || t.month_sum < 200.0)
                continue;
            t.week_sum = count_pairs(log, p, now - 7 * DAY, now, t.week);
            count_pairs(log, p, now - 14 * DAY, now - 7 * DAY, t.before);
            cases++;
            places += !counted[p];
            counted[p] = true;
            for (uint32_t i = 0; i < log->item_count; i++) {
                bool rose = t.next[i] >= support_next &&
                            t.next[i] / t.next_sum >= 2.0 * t.month[i] / t.month_sum;
                base += rose && t.week[i] >= support_now;
                eligible += t.week[i] >= support_now;
            }
            for (int way = 0; way < WAYS; way++) {
                uint32_t list[TOP];
                size_t count = way ? best_by(&t, log->item_count, way, list)
                                   : replay_ask(r, p, now, RECS_RANK_TRENDING, 0, TOP, list);
                listed[way] += (double)count;
                for (size_t i = 0; i < count; i++)
                    right[way] += t.next[list[i]] >= support_next &&
                                  t.next[list[i]] / t.next_sum >=
                                      2.0 * t.month[list[i]] / t.month_sum;
            }
        }
    }
    for (int way = 0; way < WAYS; way++)
        printf("{\"way\": \"%s\", \"lists\": %zu, \"places\": %zu, \"listed\": %.0f, \"risers\": "
               "%.0f, \"precision\": %.6f, \"by_chance\": %.6f}\n", names[way], cases, places,
               listed[way], right[way], listed[way] > 0 ? right[way] / listed[way] : 0.0,
               eligible > 0 ? base / eligible : 0.0);
    free(t.next);
    free(t.week);
    free(t.before);
    free(t.month);
    free(counted);
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
    if (argc == 9 && strcmp(argv[1], "risers") == 0) {
        replayer r;
        log = log_read(argv[2]);
        settings_of(settings, argv[6], argv[7], argv[8]);
        replay_open(&r, &log, settings);
        risers(&log, &r, atoll(argv[3]), atoll(argv[4]), atoi(argv[5]));
        replay_close(&r);
    } else if (argc == 6 && strcmp(argv[1], "bursts") == 0) {
        log = log_read(argv[2]);
        settings_of(settings, argv[4], argv[5], "20");
        bursts(&log, settings, argv[3]);
    } else if (argc == 6 && strcmp(argv[1], "calm") == 0) {
        uint32_t days = (uint32_t)atoi(argv[2]);
        log = calm_log(days, (uint32_t)atoi(argv[3]));
        settings_of(settings, argv[4], argv[5], "20");
        calm(&log, settings, days);
    } else {
        fprintf(stderr, "usage: %s risers PREFIX FROM END DEPTH SHORT LONG PRIOR | bursts PREFIX FILE SHORT LONG | "
                        "calm DAYS PER_DAY SHORT LONG\n", argv[0]);
        return 2;
    }
    log_free(&log);
    return 0;
}
