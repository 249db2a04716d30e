/* trends.c - events a second into a recs_trends, and time per query.
 *
 *   build/bench/trends [--events 8000000] [--items 1000000] [--cities 9899]
 *       [--regions 100] [--skew 1.1] [--place-skew 1.1] [--batch 65536]
 *       [--describe "half_life=1d|7d, actors=off"] [--actors 200000] [--depth 2]
 *       [--threads 1,2] [--limit 50] [--passes 1] [--seed 1] [--only batch,one,ids,actors,query,near]
 *
 * Items are Zipf(skew), cities Zipf(place-skew) (0: all alike), cities lie in
 * regions and regions under the root: an event counts at three places. The
 * stream lasts three days. "cold" counts it into an empty state, tables growing;
 * "warm" counts it once more (--passes: as often), three days later, when most cells
 * are there. --depth 1: events name regions, 0: the root alone. Times are of the
 * processor (all threads' sum for the rate per core) and of the wall. The state's
 * settings (actors=off: nobody is counted once) and its memory are in each line. One
 * JSON line a figure. Queries ask for the top 50 (or --limit) of cities drawn as events
 * are: alone; while one thread adds batches at its full speed; while it adds one by one;
 * and while it counts three days in a second. In the first two the shop's clock runs as
 * fast as this one (5,000 events a millisecond), and every thousandth event is of an item
 * that nobody has seen. */
#include "trends_stream.h"

#include "recs.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


typedef struct settings {
    size_t events, items, cities, regions, batch, actors;
    double skew, place_skew;
    int32_t rankings, passes, depth;
    size_t limit;
    const char *description, *only, *threads;
    uint64_t seed;
} settings;

static recs_error error;

static void check(recs_status status) {
    if (status) {
        fprintf(stderr, "trends: %s\n", error.text);
        exit(1);
    }
}

static void *take(size_t count, size_t size) {
    void *block = malloc(count * size + 1);
    if (!block) {
        fprintf(stderr, "trends: no memory for %zu bytes\n", count * size);
        exit(1);
    }
    return block;
}

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the stream ---------------------------------------------------------------------- */

static stream_shape shape_of(const settings *o) {
    return (stream_shape){.events = o->events, .items = o->items, .cities = o->cities,
                          .regions = o->regions, .actors = o->actors, .skew = o->skew,
                          .place_skew = o->place_skew, .depth = o->depth, .seed = o->seed};
}

static void city_name(const settings *o, size_t city, char name[64]) {
    stream_shape shape = shape_of(o);
    stream_city(&shape, city, name);
}

enum { UNSEEN = 100000, EVERY = 1000 }; /* items for later, and how often there is one */

/* Root 0, regions 1 .. regions, then the cities. */
static recs_trends *make_state(const settings *o, const char *description) {
    recs_trends *trends;
    char name[64];
    uint32_t handle;
    check(recs_trends_create(&trends, description, NULL, &error));
    for (size_t i = 0; i < o->items + UNSEEN; i++) {
        stream_item(i, name);
        check(recs_trends_item(trends, name, &handle, &error));
    }
    for (size_t r = 0; r < o->regions; r++) {
        stream_region(r, name);
        check(recs_trends_place(trends, name, NULL, &handle, &error));
    }
    for (size_t c = 0; c < o->cities; c++) {
        city_name(o, c, name);
        check(recs_trends_place(trends, name, NULL, &handle, &error));
        if (handle != 1 + o->regions + c)
            exit(2);
    }
    return trends;
}

/* ---- counting --------------------------------------------------------------------------- */

enum { PACE = 5000 }; /* events a millisecond */

typedef struct pour {
    recs_trends *trends;
    const settings *settings;
    const stream *stream;
    const uint64_t *actors;
    size_t begin, end, batch;
    int64_t shift;
    int64_t from; /* not 0: the time of the first event, others follow at PACE */
    size_t unseen; /* then: how many items have been new */
    bool one;
    double cpu;
    atomic_bool *stop;
    size_t added;
} pour;

/* A batch as it would come now. */
static void make_present(const settings *o, pour *p, size_t count, uint32_t *items,
                         int64_t *times) {
    for (size_t i = 0; i < count; i++) {
        size_t number = p->added + i;
        times[i] = p->from + (int64_t)(number / PACE);
        if (number % EVERY == 0)
            items[i] = (uint32_t)(o->items + p->unseen++ % UNSEEN);
    }
}

static void *pour_run(void *data) {
    pour *p = data;
    const stream *s = p->stream;
    int64_t *times = take(p->batch, 8);
    uint32_t *items = take(p->batch, 4);
    double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
    do {
        for (size_t at = p->begin; at < p->end; at += p->batch) {
            size_t count = p->end - at < p->batch ? p->end - at : p->batch;
            for (size_t i = 0; i < count; i++)
                times[i] = s->times[at + i] + p->shift;
            memcpy(items, s->items + at, count * sizeof *items);
            if (p->from)
                make_present(p->settings, p, count, items, times);
            recs_error failed;
            recs_status status = RECS_OK;
            if (p->one)
                for (size_t i = 0; i < count && !status; i++)
                    status = recs_trends_add_one(p->trends, items[i], s->places[at + i],
                                                 p->actors ? p->actors[at + i] : 0, times[i], 1,
                                                 &failed);
            else
                status = recs_trends_add_rows(p->trends, items, s->places + at,
                                              p->actors ? p->actors + at : NULL, times, NULL, NULL,
                                              count, START + 3000 * HOUR, NULL, &failed);
            if (status) {
                fprintf(stderr, "trends: %s\n", failed.text);
                exit(1);
            }
            p->added += count;
            if (p->stop && atomic_load(p->stop))
                break;
        }
    } while (p->stop && !atomic_load(p->stop));
    p->cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
    free(times);
    free(items);
    return NULL;
}

static void report(const settings *o, recs_trends *trends, const char *what, int threads,
                   size_t events, double wall, double cpu) {
    printf("{\"bench\": \"trends\", \"what\": \"%s\", \"threads\": %d, \"events\": %zu, "
           "\"million_per_second\": %.2f, \"million_per_core_second\": %.2f, \"wall\": %.3f, "
           "\"cpu\": %.3f, \"cells\": %llu, \"memory_mb\": %.0f, \"items\": %zu, \"places\": %zu, "
           "\"batch\": %zu, \"skew\": %g, \"place_skew\": %g, \"repeated\": %llu, "
           "\"description\": \"%s\"}\n",
           what, threads, events, 1e-6 * (double)events / wall, 1e-6 * (double)events / cpu, wall,
           cpu, (unsigned long long)recs_trends_cells(trends),
           1e-6 * (double)recs_trends_memory(trends), o->items, 1 + o->regions + o->cities,
           o->batch, o->skew, o->place_skew,
           (unsigned long long)recs_trends_counter(trends, RECS_TRENDS_REPEATED),
           recs_trends_description(trends));
    fflush(stdout);
}

/* The stream once, on threads that take every other stretch. */
static void pour_all(const settings *o, recs_trends *trends, const stream *s, int threads,
                     const uint64_t *actors, int64_t shift, bool one, const char *what) {
    pour pours[16];
    pthread_t ids[16];
    double begin = seconds(CLOCK_MONOTONIC), cpu = 0;
    for (int t = 0; t < threads; t++) {
        pours[t] = (pour){.trends = trends,
                          .settings = o,
                          .stream = s,
                          .actors = actors,
                          .begin = s->count * (size_t)t / (size_t)threads,
                          .end = s->count * (size_t)(t + 1) / (size_t)threads,
                          .batch = o->batch,
                          .shift = shift,
                          .one = one};
        if (pthread_create(&ids[t], NULL, pour_run, &pours[t]))
            exit(1);
    }
    for (int t = 0; t < threads; t++) {
        pthread_join(ids[t], NULL);
        cpu += pours[t].cpu;
    }
    report(o, trends, what, threads, s->count, seconds(CLOCK_MONOTONIC) - begin, cpu);
}

/* ---- string ids ------------------------------------------------------------------------- */

static void pour_ids(const settings *o, recs_trends *trends, const stream *s, int64_t shift,
                     const char *what) {
    recs_events *events;
    size_t count = s->count / 4, batch = 16384;
    char *items = take(batch, 32), *places = take(batch, 64);
    int64_t *times = take(batch, 8);
    uint32_t *item_ends = take(batch + 1, 4), *place_ends = take(batch + 1, 4);
    int32_t *types = take(batch, 4);
    double cpu = 0, wall = 0;
    check(recs_events_create(&events, NULL, &error));
    for (size_t at = 0; at + batch <= count; at += batch) {
        item_ends[0] = place_ends[0] = 0;
        for (size_t i = 0; i < batch; i++) {
            char name[64];
            int size = snprintf(items + item_ends[i], 32, "item-%u", s->items[at + i]);
            item_ends[i + 1] = item_ends[i] + (uint32_t)size;
            city_name(o, s->places[at + i] - 1 - o->regions, name);
            size = snprintf(places + place_ends[i], 64, "%s", name);
            place_ends[i + 1] = place_ends[i] + (uint32_t)size;
            types[i] = RECS_EVENT_BUY;
            times[i] = s->times[at + i] + shift;
        }
        double c = seconds(CLOCK_THREAD_CPUTIME_ID), w = seconds(CLOCK_MONOTONIC);
        recs_events_reset(events);
        check(recs_events_set_text(events, RECS_FIELD_ITEM, items, item_ends, batch, &error));
        check(recs_events_set_text(events, RECS_FIELD_PLACE, places, place_ends, batch, &error));
        check(recs_events_set_types(events, types, batch, &error));
        check(recs_events_set_times(events, times, batch, &error));
        check(recs_trends_add(trends, events, START + 3000 * HOUR, &error));
        cpu += seconds(CLOCK_THREAD_CPUTIME_ID) - c;
        wall += seconds(CLOCK_MONOTONIC) - w;
    }
    report(o, trends, what, 1, count / batch * batch, wall, cpu);
    recs_events_destroy(events);
    free(items);
    free(places);
    free(item_ends);
    free(place_ends);
    free(types);
    free(times);
}

/* ---- queries ---------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { QUERIES = 10000 };

typedef struct answers {
    double scored, items;
    double large; /* the median of regions and the root */
    size_t scanned;
} answers;

/* Microseconds of each query by a clock, ascending. */
static answers ask_by(const settings *o, recs_trends *trends, const stream *s, int32_t ranking,
                      clockid_t clock, double *times) {
    answers a = {0};
    recs_query *query;
    char name[64];
    double *large = take(QUERIES / 16 + 1, 8);
    check(recs_query_create(&query, NULL, &error));
    for (size_t i = 0; i < QUERIES; i++) {
        uint32_t place = s->places[i * 97 % s->count];
        city_name(o, place - 1 - o->regions, name);
        if (i % 16 == 0) /* a region, the root */
            *strchr(name, '/') = '\0';
        if (i % 64 == 0)
            name[0] = '\0';
        int64_t now = recs_trends_newest(trends);
        double begin = seconds(clock);
        recs_query_reset(query);
        recs_query_place(query, name);
        recs_query_time(query, now);
        recs_query_ranking(query, ranking);
        recs_query_limit(query, o->limit);
        check(recs_trending(trends, query, &error));
        times[i] = 1e6 * (seconds(clock) - begin);
        if (i % 16 == 0)
            large[i / 16] = times[i];
        a.scanned += (size_t)recs_query_trend_scanned(query);
        a.scored += (double)recs_query_trend_scored(query) / QUERIES;
        a.items += (double)recs_query_count(query) / QUERIES;
    }
    recs_query_destroy(query);
    qsort(times, QUERIES, 8, ascending);
    qsort(large, QUERIES / 16, 8, ascending);
    a.large = large[QUERIES / 32];
    free(large);
    return a;
}

/* Twice the same questions: by the processor's clock (whose two calls are some 0.3
 * microseconds of each figure), then by the wall's, which knows of other programs. */
static void ask(const settings *o, recs_trends *trends, const stream *s, int32_t ranking,
                const char *what) {
    static const char *const names[] = {"popular", "trending", "new"};
    double *cpu = take(QUERIES, 8), *wall = take(QUERIES, 8);
    answers first = ask_by(o, trends, s, ranking, CLOCK_THREAD_CPUTIME_ID, cpu);
    answers a = ask_by(o, trends, s, ranking, CLOCK_MONOTONIC, wall);
    printf("{\"bench\": \"trends\", \"what\": \"top %zu, %s, %s\", \"queries\": %d, "
           "\"median_us\": %.2f, \"regions_median_us\": %.2f, \"p99_us\": %.2f, "
           "\"p99.9_us\": %.2f, \"most_us\": %.0f, "
           "\"cpu_median_us\": %.2f, \"cpu_p99_us\": %.2f, \"cpu_p99.9_us\": %.2f, "
           "\"candidates\": %.0f, \"scanned\": %zu, \"scanned_at_first\": %zu, "
           "\"answers\": %.1f}\n",
           o->limit, names[ranking], what, QUERIES, wall[QUERIES / 2], a.large,
           wall[QUERIES - QUERIES / 100],
           wall[QUERIES - QUERIES / 1000], wall[QUERIES - 1], cpu[QUERIES / 2],
           cpu[QUERIES - QUERIES / 100], cpu[QUERIES - QUERIES / 1000], a.scored, a.scanned,
           first.scanned, a.items);
    fflush(stdout);
    free(cpu);
    free(wall);
}

static void ask_all(const settings *o, recs_trends *trends, const stream *s) {
    int64_t last = o->passes + 1;
    for (int32_t ranking = 0; ranking < o->rankings; ranking++)
        ask(o, trends, s, ranking, "alone");
    static const char *const ways[] = {"while events pour in", "while they come one by one",
                                       "while days go by"};
    size_t unseen = 0;
    for (int way = 0; way < 3; way++) {
        atomic_bool stop = false;
        pour p = {.trends = trends,
                  .settings = o,
                  .stream = s,
                  .end = s->count,
                  .batch = o->batch,
                  .shift = last * 72 * HOUR,
                  .from = way < 2 ? recs_trends_newest(trends) + 1 : 0,
                  .unseen = unseen,
                  .one = way == 1,
                  .stop = &stop};
        pthread_t id;
        double begin = seconds(CLOCK_MONOTONIC);
        if (pthread_create(&id, NULL, pour_run, &p))
            exit(1);
        for (int32_t ranking = 0; ranking < o->rankings; ranking++)
            ask(o, trends, s, ranking, ways[way]);
        atomic_store(&stop, true);
        pthread_join(id, NULL);
        report(o, trends, "beside queries", 1, p.added, seconds(CLOCK_MONOTONIC) - begin, p.cpu);
        unseen = p.unseen;
    }
}

/* ---- a radius ------------------------------------------------------------------------------------ */

enum { FIRST = 6, STEP = 3, LAST = 12, RADII = 1000 };

/* Cities lie in a country of 450 km; an event is within 2 km of its city's middle. */
static void where(const settings *o, uint32_t place, uint32_t number, double *latitude,
                  double *longitude) {
    uint32_t city = place - 1 - (uint32_t)o->regions;
    double y = city * 0.7548776662, x = city * 0.5698402910;
    *latitude = 47 + 4 * (y - floor(y)) + 0.00002 * (double)(number * 7919u % 2000u);
    *longitude = 10 + 6 * (x - floor(x)) + 0.00002 * (double)(number * 104729u % 2000u);
}

static void ask_radius(const settings *o, recs_trends *trends, const stream *s, double radius,
                       int32_t ranking) {
    static const char *const names[] = {"popular", "trending", "new"};
    double *cpu = take(RADII, 8);
    recs_query *query;
    size_t scanned[2] = {0, 0};
    double items = 0, candidates = 0;
    check(recs_query_create(&query, NULL, &error));
    for (int turn = 0; turn < 2; turn++) /* the second is told */
        for (size_t i = 0; i < RADII; i++) {
            double y, x;
            where(o, s->places[i * 97 % s->count], 0, &y, &x);
            recs_query_reset(query);
            recs_query_near(query, y, x, radius, FIRST, STEP, LAST);
            recs_query_time(query, recs_trends_newest(trends));
            recs_query_ranking(query, ranking);
            recs_query_limit(query, o->limit);
            double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
            check(recs_trending(trends, query, &error));
            cpu[i] = 1e6 * (seconds(CLOCK_THREAD_CPUTIME_ID) - begin);
            scanned[turn] += (size_t)recs_query_trend_scanned(query);
            candidates += (double)recs_query_trend_scored(query) / (2 * RADII);
            items += (double)recs_query_count(query) / (2 * RADII);
        }
    recs_query_destroy(query);
    qsort(cpu, RADII, 8, ascending);
    printf("{\"bench\": \"trends\", \"what\": \"top %zu within %g km, %s\", \"queries\": %d, "
           "\"cpu_median_us\": %.1f, \"cpu_p99_us\": %.1f, \"cpu_most_us\": %.0f, "
           "\"candidates\": %.0f, \"scanned\": %zu, \"scanned_at_first\": %zu, "
           "\"answers\": %.1f}\n",
           o->limit, radius / 1000, names[ranking], RADII, cpu[RADII / 2],
           cpu[RADII - RADII / 100], cpu[RADII - 1], candidates, scanned[1], scanned[0], items);
    fflush(stdout);
    free(cpu);
}

static void ask_near(const settings *o, const stream *s) {
    recs_trends *trends;
    recs_error failed;
    char place[RECS_PLACE_ROOM];
    uint32_t *places = take(s->count, 4);
    check(recs_trends_create(&trends, o->description, NULL, &error));
    for (size_t i = 0; i < o->items; i++) {
        char name[32];
        uint32_t handle;
        snprintf(name, sizeof name, "item-%zu", i);
        check(recs_trends_item(trends, name, &handle, &error));
    }
    for (size_t e = 0; e < s->count; e++) {
        double y, x;
        where(o, s->places[e], (uint32_t)e, &y, &x);
        check(recs_place_from_coordinates(y, x, FIRST, STEP, LAST, place, sizeof place, &error));
        check(recs_trends_place(trends, place, NULL, &places[e], &error));
    }
    for (size_t at = 0; at < s->count; at += o->batch) {
        size_t count = s->count - at < o->batch ? s->count - at : o->batch;
        check(recs_trends_add_rows(trends, s->items + at, places + at, NULL, s->times + at, NULL,
                                   NULL, count, START + 3000 * HOUR, NULL, &failed));
    }
    for (int32_t ranking = 0; ranking < o->rankings; ranking++) {
        ask_radius(o, trends, s, 5000, ranking);
        ask_radius(o, trends, s, 25000, ranking);
    }
    recs_trends_destroy(trends);
    free(places);
}

/* ---- the program ------------------------------------------------------------------------------------ */

static bool wanted(const settings *o, const char *part) {
    return o->only == NULL || strstr(o->only, part) != NULL;
}

static void run(const settings *o) {
    stream_shape shape = shape_of(o);
    stream s = stream_make(&shape);
    for (const char *t = o->threads; t && *t; t = strchr(t, ',') ? strchr(t, ',') + 1 : NULL) {
        int threads = atoi(t);
        if (!wanted(o, "batch"))
            break;
        recs_trends *trends = make_state(o, o->description);
        pour_all(o, trends, &s, threads, NULL, 0, false, "batches of handles, cold");
        for (int pass = 1; pass <= o->passes; pass++)
            pour_all(o, trends, &s, threads, NULL, pass * 72 * HOUR, false,
                     "batches of handles, warm");
        if (wanted(o, "one"))
            pour_all(o, trends, &s, threads, NULL, (o->passes + 1) * 72 * HOUR, true,
                     "one by one, warm");
        if (wanted(o, "query") && threads == 1)
            ask_all(o, trends, &s);
        recs_trends_destroy(trends);
    }
    if (wanted(o, "near") && o->depth == 2) {
        stream part = s;
        part.count = s.count / 4;
        ask_near(o, &part);
    }
    if (wanted(o, "ids") && s.count >= 4 * 16384) {
        recs_trends *trends = make_state(o, o->description);
        for (int pass = 0; pass <= o->passes; pass++)
            pour_ids(o, trends, &s, pass * 72 * HOUR,
                     pass == 0 ? "string ids, batches of 16384, cold"
                               : "string ids, batches of 16384, warm");
        recs_trends_destroy(trends);
    }
    if (wanted(o, "actors")) {
        recs_trends *trends = make_state(
            o, strstr(o->description, "actors=1") ? o->description
                                                  : "half_life=1d|7d, actors=1d, min_actors=0");
        stream part = s; /* 40 bytes an event and place are remembered */
        part.count = s.count / 4;
        pour_all(o, trends, &part, 1, s.actors, 0, false, "batches, each actor once, cold");
        for (int pass = 1; pass <= o->passes; pass++)
            pour_all(o, trends, &part, 1, s.actors, pass * 72 * HOUR, false,
                     "batches, each actor once, warm");
        for (int pass = 1; pass <= o->passes; pass++)
            pour_all(o, trends, &part, 1, s.actors, o->passes * 72 * HOUR, false,
                     "batches, each actor once, all repeated");
        recs_trends_destroy(trends);
    }
    free(s.items);
    free(s.places);
    free(s.actors);
    free(s.times);
}

int main(int argc, char **argv) {
    settings o = {8000000, 1000000, 9899, 100, 65536, 200000, 1.1, 1.1, 3, 1, 2, 50,
                  "half_life=1d|7d, actors=off", NULL, "1,2", 1};
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (!strcmp(name, "--events"))
            o.events = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--items"))
            o.items = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--cities"))
            o.cities = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--regions"))
            o.regions = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--batch"))
            o.batch = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--actors"))
            o.actors = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--skew"))
            o.skew = strtod(value, NULL);
        else if (!strcmp(name, "--place-skew"))
            o.place_skew = strtod(value, NULL);
        else if (!strcmp(name, "--describe"))
            o.description = value;
        else if (!strcmp(name, "--only"))
            o.only = value;
        else if (!strcmp(name, "--threads"))
            o.threads = value;
        else if (!strcmp(name, "--rankings"))
            o.rankings = atoi(value);
        else if (!strcmp(name, "--limit"))
            o.limit = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--passes"))
            o.passes = atoi(value);
        else if (!strcmp(name, "--depth"))
            o.depth = atoi(value);
        else if (!strcmp(name, "--seed"))
            o.seed = strtoull(value, NULL, 10);
        else {
            fprintf(stderr, "trends: %s is no option; see the head of bench/trends.c\n", name);
            return 2;
        }
    }
    if (o.events == 0 || o.items == 0 || o.cities == 0 || o.regions == 0 || o.batch == 0 ||
        o.actors == 0)
        return 2;
    run(&o);
    return 0;
}
