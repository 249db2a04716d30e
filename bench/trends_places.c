/* trends_places.c - very many places, most of them with one event.
 *
 *   build/bench/trends_places [--places 10000000] [--more 2000000] [--items 100000]
 *       [--describe "half_life=1d|7d, actors=off"] [--queries 20000] [--save FILE]
 *
 * Places lie two below the root, a thousand to a region. Each has one event, and `more`
 * events go to places drawn as Zipf(1.1); items are Zipf(1.1). Batches of 65,536 by
 * handle over three days. Memory is the state's own count, with names; beside it the
 * process's largest. Queries: the top 20 of places drawn at random (a new one almost
 * every time: nothing of it is in a cache), and of the root.
 *
 * --save: the state into a file, which is then opened where it lies: bytes, seconds to
 * save, microseconds to open, to ask a place for the first time and once more, beside
 * the seconds of loading it. One JSON line a figure. Times are of the processor, those
 * of queries of the wall. */
#include "base/random.h"
#include "recs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define HOUR INT64_C(3600000)
#define START (INT64_C(20000) * 24 * HOUR)
#define BATCH 65536

static recs_error error;

static void check(recs_status status) {
    if (status) {
        fprintf(stderr, "trends_places: %s\n", error.text);
        exit(1);
    }
}

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Rank of a Zipf(1.1) draw among n: the continuous law's inverse, rounded down. */
static uint32_t draw(recs__random *random, uint32_t n) {
    double u = recs__random_double(random), top = 1.0 - pow((double)n + 1.0, -0.1);
    double rank = pow(1.0 - u * top, -10.0) - 1.0;
    return rank < (double)n ? (uint32_t)rank : n - 1;
}

static void name_place(uint32_t place, char out[48]) {
    snprintf(out, 48, "r%u/p%u", place / 1000, place);
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void report(const char *what, double *times, size_t count) {
    qsort(times, count, sizeof *times, by_value);
    printf("{\"what\": \"%s\", \"median_us\": %.2f, \"p99.9_us\": %.2f, \"queries\": %zu}\n", what,
           1e6 * times[count / 2], 1e6 * times[count * 999 / 1000], count);
}

/* The same places are asked twice when again. */
static void ask(recs_trends *trends, uint32_t places, size_t queries, const char *first,
                const char *again) {
    recs_query *query;
    double *times = malloc((queries + 1) * sizeof *times);
    if (times == NULL || queries == 0)
        exit(1);
    check(recs_query_create(&query, NULL, &error));
    for (int turn = 0; turn < (again != NULL ? 2 : 1); turn++) {
        recs__random random;
        recs__random_seed(&random, 77);
        for (size_t q = 0; q < queries; q++) {
            char path[48];
            name_place((uint32_t)recs__random_below(&random, places), path);
            recs_query_place(query, path);
            recs_query_time(query, START + 72 * HOUR);
            recs_query_limit(query, 20);
            double begin = seconds(CLOCK_MONOTONIC);
            check(recs_trending(trends, query, &error));
            times[q] = seconds(CLOCK_MONOTONIC) - begin;
        }
        report(turn ? again : first, times, queries);
    }
    recs_query_destroy(query);
    free(times);
}

static recs_trends *count(const char *description, uint32_t places, size_t more,
                          uint32_t item_count) {
    recs_trends *trends;
    recs__random random;
    uint32_t *handles = malloc(places * sizeof *handles), *of_items = malloc(item_count * 4);
    static uint32_t batch_items[BATCH], batch_places[BATCH];
    static int64_t batch_times[BATCH];
    size_t events = places + more;
    if (handles == NULL || of_items == NULL)
        exit(1);
    recs__random_seed(&random, 1);
    check(recs_trends_create(&trends, description, NULL, &error));
    double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t p = 0; p < places; p++) {
        char path[48];
        name_place(p, path);
        check(recs_trends_place(trends, path, NULL, &handles[p], &error));
    }
    for (uint32_t i = 0; i < item_count; i++) {
        char id[16];
        snprintf(id, sizeof id, "item%u", i);
        check(recs_trends_item(trends, id, &of_items[i], &error));
    }
    double named = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t e = 0; e < events;) {
        size_t size = 0;
        for (; size < BATCH && e < events; size++, e++) {
            uint32_t place = e < places ? (uint32_t)((e * UINT64_C(2654435761)) % places)
                                        : draw(&random, places);
            batch_places[size] = handles[place];
            batch_items[size] = of_items[draw(&random, item_count)];
            batch_times[size] = START + (int64_t)((double)e / (double)events * 72.0 * (double)HOUR);
        }
        check(recs_trends_add_rows(trends, batch_items, batch_places, NULL, batch_times, NULL, NULL,
                                   size, START + 72 * HOUR, NULL, &error));
    }
    double counted = seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double bytes = (double)recs_trends_memory(trends);
    printf("{\"what\": \"count\", \"places\": %u, \"events\": %zu, \"cells\": %llu, "
           "\"memory_mb\": %.1f, \"largest_mb\": %.1f, \"bytes_per_place\": %.1f, "
           "\"bytes_per_cell\": %.1f, \"name_us\": %.3f, \"million_per_second\": %.3f, "
           "\"description\": \"%s\"}\n",
           recs_trends_place_count(trends), events, (unsigned long long)recs_trends_cells(trends),
           bytes / 1e6, (double)usage.ru_maxrss / 1e3,
           bytes / (double)recs_trends_place_count(trends),
           bytes / (double)recs_trends_cells(trends), 1e6 * (named - begin) / places,
           (double)events / (counted - named) / 1e6, recs_trends_description(trends));
    fflush(stdout);
    free(handles);
    free(of_items);
    return trends;
}

/* Saved, opened where it lies, asked; and loaded. */
static void use_file(recs_trends *trends, const char *path, uint32_t places, size_t queries) {
    recs_trends *other;
    double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
    check(recs_trends_save(trends, path, &error));
    double saved = seconds(CLOCK_PROCESS_CPUTIME_ID);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        exit(1);
    long size = ftell(file);
    fclose(file);
    double times[101];
    for (int turn = 0; turn < 101; turn++) {
        double from = seconds(CLOCK_MONOTONIC);
        check(recs_trends_open(&other, path, NULL, &error));
        times[turn] = seconds(CLOCK_MONOTONIC) - from;
        if (turn < 100)
            recs_trends_destroy(other);
    }
    printf("{\"what\": \"save\", \"file_mb\": %.1f, \"seconds\": %.2f}\n", (double)size / 1e6,
           saved - begin);
    report("open", times, 101);
    ask(other, places, queries, "mapped, a place for the first time", "mapped, once more");
    printf("{\"what\": \"mapped\", \"memory_mb\": %.1f}\n", (double)recs_trends_memory(other) / 1e6);
    recs_trends_destroy(other);
    begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
    check(recs_trends_load(&other, path, NULL, &error));
    printf("{\"what\": \"load\", \"seconds\": %.2f}\n", seconds(CLOCK_PROCESS_CPUTIME_ID) - begin);
    recs_trends_destroy(other);
}

int main(int argc, char **argv) {
    const char *description = "half_life=1d|7d, actors=off", *save = NULL;
    double places = 1e7, more = 2e6, items = 1e5, queries = 20000;
    for (int i = 1; i + 1 < argc; i += 2) {
        double *number = strcmp(argv[i], "--places") == 0    ? &places
                         : strcmp(argv[i], "--more") == 0    ? &more
                         : strcmp(argv[i], "--items") == 0   ? &items
                         : strcmp(argv[i], "--queries") == 0 ? &queries
                                                             : NULL;
        if (number != NULL)
            *number = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--describe") == 0)
            description = argv[i + 1];
        else if (strcmp(argv[i], "--save") == 0)
            save = argv[i + 1];
        else
            return 2;
    }
    recs_trends *trends = count(description, (uint32_t)places, (size_t)more, (uint32_t)items);
    ask(trends, (uint32_t)places, (size_t)queries, "top 20 of a place", NULL);
    if (save != NULL)
        use_file(trends, save, (uint32_t)places, (size_t)queries);
    recs_trends_destroy(trends);
    return 0;
}
