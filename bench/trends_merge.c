/* trends_merge.c - trends under a budget, merged, and sent as deltas.
 *
 *   build/bench/trends_merge recall [--events 8000000] [--memory 64M]
 *   build/bench/trends_merge shards [--events 8000000] [--shards 8] [--actors 0]
 *   build/bench/trends_merge deltas [--events 2000000] [--actors 0]
 *       also [--items 1000000] [--cities 9899] [--regions 100] [--skew 1.1]
 *            [--place-skew 1.1] [--seed 1]
 *
 * The stream is that of bench/trends.c (trends_stream.h), half-lives 1h and 7d.
 *
 * recall   the same events into a state with a budget and into one without.
 *          For each place that counted 50 items or more: how many of the true top
 *          50 (by the decayed count; what ties with the 50th is as good) the
 *          bounded list holds; whether the true counts lie in the bounds given.
 *          Macro: mean over places; micro: weighted by their events.
 * shards   events go to a shard each by their row; snapshots are merged one by
 *          one into the first. Seconds of processor per million entries (cells
 *          and actors' entries merged), and whether the bytes equal one stream's.
 * deltas   two regions count an hour each and exchange; bytes of a delta, the
 *          cost of following.
 *
 * Prints one JSON line a figure. */
#include "trends_stream.h"

#include "recs.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 65536

typedef struct settings {
    size_t events, items, cities, regions, actors, shards;
    double skew, place_skew;
    const char *memory;
    uint64_t seed;
} settings;

static recs_error error;

static void check(recs_status status) {
    if (status) {
        fprintf(stderr, "trends_merge: %s\n", error.text);
        exit(1);
    }
}

static void *take(size_t count, size_t size) {
    void *block = calloc(count + 1, size);
    if (!block) {
        fprintf(stderr, "trends_merge: no memory for %zu bytes\n", count * size);
        exit(1);
    }
    return block;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the stream ------------------------------------------------------------------ */

static stream_shape shape_of(const settings *o) {
    return (stream_shape){.events = o->events, .items = o->items, .cities = o->cities,
                          .regions = o->regions, .actors = o->actors == 0 ? 200000 : o->actors,
                          .skew = o->skew, .place_skew = o->place_skew, .depth = 2,
                          .seed = o->seed};
}

static stream make_stream(const settings *o) {
    stream_shape shape = shape_of(o);
    stream s = stream_make(&shape);
    for (size_t e = 0; e < s.count && o->actors == 0; e++)
        s.actors[e] = RECS_NO_ACTOR;
    return s;
}

/* Place 0 is the root, then regions, then cities; items by number. */
static recs_trends *make(const settings *o, const char *memory) {
    recs_trends *trends;
    char text[128], name[64];
    stream_shape shape = shape_of(o);
    uint32_t handle;
    snprintf(text, sizeof text, "half_life=1h|7d, actors=%s, min_actors=0, prior=0, memory=%s",
             o->actors == 0 ? "off" : "1d, actors_kept=4", memory);
    check(recs_trends_create(&trends, text, NULL, &error));
    for (size_t i = 0; i < o->items; i++) {
        stream_item(i, name);
        check(recs_trends_item(trends, name, &handle, &error));
    }
    for (size_t r = 0; r < o->regions; r++) {
        stream_region(r, name);
        check(recs_trends_place(trends, name, NULL, &handle, &error));
    }
    for (size_t c = 0; c < o->cities; c++) {
        stream_city(&shape, c, name);
        check(recs_trends_place(trends, name, NULL, &handle, &error));
    }
    return trends;
}

static double add(recs_trends *trends, const stream *s, size_t begin, size_t end) {
    double started = seconds();
    for (size_t at = begin; at < end; at += BATCH) {
        size_t count = end - at < BATCH ? end - at : BATCH;
        check(recs_trends_add_rows(trends, s->items + at, s->places + at, s->actors + at,
                                   s->times + at, NULL, NULL, count, START + 72 * HOUR, NULL,
                                   &error));
    }
    return seconds() - started;
}

/* ---- recall ------------------------------------------------------------------------- */

enum { TOP = 50, DEEP = 400 };

static void ask(recs_trends *trends, recs_query *query, const char *place, int64_t half_life,
                uint32_t limit) {
    recs_query_reset(query);
    recs_query_place(query, place);
    recs_query_half_life(query, half_life);
    recs_query_time(query, START + 72 * HOUR);
    recs_query_limit(query, limit);
    check(recs_trending(trends, query, &error));
}

typedef struct tally {
    double recall, micro, weight, worst, within, answers, width;
    size_t places;
} tally;

static void compare(recs_query *truth, recs_query *list, double *position, tally *t) {
    size_t true_count = recs_query_count(truth), hits = 0;
    double last = (double)recs_query_score(truth, TOP - 1) * (1 - 1e-6);
    double traffic = recs_query_trend(truth, 0, RECS_TREND_SUPPORT);
    for (size_t i = 0; i < true_count; i++)
        position[strtoul(recs_query_id(truth, i) + 5, NULL, 10)] = (double)recs_query_score(truth, i);
    for (size_t i = 0; i < recs_query_count(list); i++) {
        double real = position[strtoul(recs_query_id(list, i) + 5, NULL, 10)];
        double least = recs_query_trend(list, i, RECS_TREND_LEAST);
        double most = recs_query_trend(list, i, RECS_TREND_MOST);
        hits += real >= last;
        if (real == 0)
            continue; /* deeper than was asked */
        t->within += real >= least * (1 - 1e-4) - 1e-3 && real <= most * (1 + 1e-4) + 1e-3;
        t->width += (most - least) / real;
        t->answers++;
    }
    for (size_t i = 0; i < true_count; i++)
        position[strtoul(recs_query_id(truth, i) + 5, NULL, 10)] = 0;
    double recall = (double)hits / TOP;
    t->recall += recall;
    t->micro += recall * traffic;
    t->weight += traffic;
    t->worst = recall < t->worst ? recall : t->worst;
    t->places++;
}

static void recall_of(const settings *o, const char *what, recs_trends *exact,
                      recs_trends *bounded, int64_t half_life) {
    recs_query *truth, *list;
    double *position = take(o->items, sizeof *position);
    tally levels[3] = {{.worst = 1}, {.worst = 1}, {.worst = 1}}, all = {.worst = 1};
    check(recs_query_create(&truth, NULL, &error));
    check(recs_query_create(&list, NULL, &error));
    for (uint32_t p = 0; p < recs_trends_place_count(exact); p++) {
        const char *place = recs_trends_place_name(exact, p);
        ask(exact, truth, place, half_life, DEEP);
        if (recs_query_count(truth) < TOP)
            continue;
        ask(bounded, list, place, half_life, TOP);
        compare(truth, list, position, &levels[p == 0 ? 0 : p <= o->regions ? 1 : 2]);
        compare(truth, list, position, &all);
    }
    printf("{\"bench\": \"trends_merge recall\", \"half_life_hours\": %.0f, \"of\": \"%s\", "
           "\"places\": %zu, \"macro\": %.4f, \"micro\": %.4f, \"worst\": %.2f, \"root\": %.4f, "
           "\"regions\": %.4f, \"cities\": %.4f, \"within_bounds\": %.5f, "
           "\"mean_width_over_count\": %.3f}\n",
           (double)half_life / (double)HOUR, what, all.places, all.recall / (double)all.places,
           all.micro / all.weight, all.worst, levels[0].recall / (double)levels[0].places,
           levels[1].recall / (double)levels[1].places,
           levels[2].recall / (double)levels[2].places, all.within / all.answers,
           all.width / all.answers);
    recs_query_destroy(truth);
    recs_query_destroy(list);
    free(position);
}

static void run_recall(const settings *o) {
    stream s = make_stream(o);
    recs_trends *exact = make(o, "off"), *bounded = make(o, o->memory);
    size_t names = recs_trends_memory(exact), theirs = recs_trends_memory(bounded);
    double exact_time = add(exact, &s, 0, s.count), bounded_time = add(bounded, &s, 0, s.count);
    printf("{\"bench\": \"trends_merge recall\", \"isa\": \"%s\", \"threads\": 1, \"events\": %zu, "
           "\"items\": %zu, \"places\": %u, \"memory\": \"%s\", \"exact_bytes\": %zu, "
           "\"exact_cells\": %llu, \"bytes_a_cell\": %.1f, \"bounded_bytes_with_names\": %zu, "
           "\"bounded_names_bytes\": %zu, \"names_bytes\": %zu, \"bounded_entries\": %llu, \"exact\": %d, "
           "\"exact_events_a_second\": %.3g, \"bounded_events_a_second\": %.3g}\n",
           recs_kernel_name(), s.count, o->items, recs_trends_place_count(exact), o->memory,
           recs_trends_memory(exact) - names, (unsigned long long)recs_trends_cells(exact),
           (double)(recs_trends_memory(exact) - names) / (double)recs_trends_cells(exact),
           recs_trends_memory(bounded), theirs, names,
           (unsigned long long)recs_trends_cells(bounded), recs_trends_exact(bounded),
           (double)s.count / exact_time, (double)s.count / bounded_time);
    recall_of(o, "budget", exact, bounded, HOUR);
    recall_of(o, "budget", exact, bounded, 7 * 24 * HOUR);
    recs_trends_destroy(exact);
    recs_trends_destroy(bounded);
}

/* ---- shards --------------------------------------------------------------------------- */

static uint64_t fingerprint(recs_trends *trends, size_t *size, double *time) {
    unsigned char *bytes;
    double started = seconds();
    check(recs_trends_snapshot(trends, &bytes, size, &error));
    *time = seconds() - started;
    uint64_t print = recs_trends_fingerprint(bytes, *size);
    recs_trends_bytes_free(trends, bytes);
    return print;
}

static void run_shards(const settings *o) {
    stream s = make_stream(o);
    recs_trends *whole = make(o, "off"), *first = NULL;
    double add_time = add(whole, &s, 0, s.count), merge_time = 0, snapshot_time = 0, time;
    size_t size, total = 0;
    uint64_t cells = 0, wanted = fingerprint(whole, &size, &time);
    uint64_t whole_cells = recs_trends_cells(whole);
    recs_trends_destroy(whole);
    for (size_t k = 0; k < o->shards; k++) {
        recs_trends *shard = make(o, "off");
        stream part = {take(s.count / o->shards + 1, 4), take(s.count / o->shards + 1, 4),
                       take(s.count / o->shards + 1, 8), take(s.count / o->shards + 1, 8), 0};
        for (size_t e = k; e < s.count; e += o->shards) {
            part.items[part.count] = s.items[e];
            part.places[part.count] = s.places[e];
            part.actors[part.count] = s.actors[e];
            part.times[part.count++] = s.times[e];
        }
        add(shard, &part, 0, part.count);
        free(part.items);
        free(part.places);
        free(part.actors);
        free(part.times);
        if (first == NULL) {
            first = shard;
            continue;
        }
        unsigned char *bytes;
        double started = seconds();
        check(recs_trends_snapshot(shard, &bytes, &size, &error));
        snapshot_time += seconds() - started;
        cells += recs_trends_cells(shard);
        total += size;
        started = seconds();
        check(recs_trends_merge(first, bytes, size, 0, &error));
        merge_time += seconds() - started;
        recs_trends_bytes_free(shard, bytes);
        recs_trends_destroy(shard);
    }
    bool equal = fingerprint(first, &size, &time) == wanted;
    printf("{\"bench\": \"trends_merge shards\", \"isa\": \"%s\", \"threads\": 1, \"events\": %zu, "
           "\"actors\": %zu, \"shards\": %zu, \"equal_to_one_stream\": %s, \"cells\": %llu, "
           "\"merged_cells\": %llu, \"merge_seconds_a_million_cells\": %.3f, "
           "\"snapshot_seconds_a_million_cells\": %.3f, \"bytes_a_cell\": %.1f, "
           "\"one_stream_seconds\": %.2f}\n",
           recs_kernel_name(), s.count, o->actors, o->shards, equal ? "true" : "false",
           (unsigned long long)whole_cells, (unsigned long long)cells,
           merge_time * 1e6 / (double)cells, snapshot_time * 1e6 / (double)cells,
           (double)total / (double)cells, add_time);
    recs_trends_destroy(first);
}

/* ---- deltas ------------------------------------------------------------------------------ */

static void run_deltas(const settings *o) {
    stream s = make_stream(o);
    recs_trends *plain = make(o, "off"), *region[2] = {make(o, "off"), make(o, "off")};
    size_t half = s.count / 2, hour = half / 36, sizes = 0, letters = 0;
    double plain_time = add(plain, &s, 0, s.count), follow_time = 0, delta_time = 0;
    double merge_time = 0, time;
    uint64_t since[2] = {0, 0};
    check(recs_trends_follow(region[0], 0, &error));
    check(recs_trends_follow(region[1], 0, &error));
    for (size_t at = 0; at < half; at += hour) { /* an hour apart, then exchange */
        for (int r = 0; r < 2; r++) {
            size_t begin = (size_t)r * half + at, end = (size_t)r * half + half;
            follow_time += add(region[r], &s, begin, begin + hour < end ? begin + hour : end);
        }
        for (int r = 0; r < 2; r++) {
            unsigned char *bytes;
            size_t size;
            double started = seconds();
            check(recs_trends_delta(region[r], since[r], &bytes, &size, &since[r], &error));
            delta_time += seconds() - started;
            started = seconds();
            check(recs_trends_merge(region[1 - r], bytes, size, 0, &error));
            check(recs_trends_merge(region[1 - r], bytes, size, 0, &error)); /* repeated */
            merge_time += seconds() - started;
            recs_trends_bytes_free(region[r], bytes);
            recs_trends_delta_done(region[r], since[r]);
            sizes += size;
            letters++;
        }
    }
    size_t size;
    uint64_t wanted = fingerprint(plain, &size, &time);
    bool equal = fingerprint(region[0], &size, &time) == wanted &&
                 fingerprint(region[1], &size, &time) == wanted;
    printf("{\"bench\": \"trends_merge deltas\", \"isa\": \"%s\", \"threads\": 1, \"events\": %zu, "
           "\"actors\": %zu, \"regions\": 2, \"equal_to_one_stream\": %s, \"deltas\": %zu, "
           "\"bytes_a_delta\": %.0f, \"bytes_an_event\": %.1f, \"snapshot_bytes\": %zu, "
           "\"add_seconds\": %.2f, \"add_seconds_followed\": %.2f, \"delta_seconds\": %.2f, "
           "\"merge_seconds\": %.2f, \"bytes_an_origin\": 24}\n",
           recs_kernel_name(), s.count, o->actors, equal ? "true" : "false", letters,
           (double)sizes / (double)letters, (double)sizes / (double)s.count, size, plain_time,
           follow_time, delta_time, merge_time);
    recs_trends_destroy(plain);
    recs_trends_destroy(region[0]);
    recs_trends_destroy(region[1]);
}

/* ---- the program -------------------------------------------------------------------------- */

static void usage(void) {
    fprintf(stderr, "usage: trends_merge recall|shards|deltas [--events N] [--memory 64M] "
                    "[--shards N] [--actors N] [--items N] [--cities N] [--regions N] "
                    "[--skew X] [--place-skew X] [--seed N]\n");
    exit(2);
}

int main(int argc, char **argv) {
    settings o = {.events = 8000000, .items = 1000000, .cities = 9899, .regions = 100,
                  .shards = 8, .skew = 1.1, .place_skew = 1.1, .memory = "64M", .seed = 1};
    if (argc < 2)
        usage();
    bool deltas = strcmp(argv[1], "deltas") == 0;
    if (deltas)
        o.events = 2000000;
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        size_t *sizes[] = {&o.events, &o.items, &o.cities, &o.regions, &o.actors, &o.shards};
        static const char *const names[] = {"--events", "--items", "--cities",
                                            "--regions", "--actors", "--shards"};
        bool known = false;
        for (int n = 0; n < 6; n++)
            if (strcmp(name, names[n]) == 0) {
                *sizes[n] = strtoull(value, NULL, 10);
                known = true;
            }
        if (strcmp(name, "--memory") == 0)
            o.memory = value;
        else if (strcmp(name, "--skew") == 0)
            o.skew = strtod(value, NULL);
        else if (strcmp(name, "--place-skew") == 0)
            o.place_skew = strtod(value, NULL);
        else if (strcmp(name, "--seed") == 0)
            o.seed = strtoull(value, NULL, 10);
        else if (!known)
            usage();
    }
    if (argc % 2 != 0 || o.events == 0 || o.items == 0 || o.cities == 0 || o.regions == 0 ||
        o.shards == 0)
        usage();
    if (strcmp(argv[1], "recall") == 0)
        run_recall(&o);
    else if (strcmp(argv[1], "shards") == 0)
        run_shards(&o);
    else if (deltas)
        run_deltas(&o);
    else
        usage();
    return 0;
}
