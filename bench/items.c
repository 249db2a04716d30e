/* items.c - seconds to train an item model on pairs of user and item.
 *
 *   build/bench/items --train FILE --spec "itemknn(k=100)" [--threads 1,2]
 *       [--turns 3] [--seed 1] [--table NAME]
 *
 * FILE in the LightGCN form, row numbers, as bench/peers_itemknn.py reads it.
 * One JSON line a figure: wall and processor seconds (median and least of the
 * turns) of the trainer alone, from matrices to the rows of neighbours; the
 * multiply-adds of the product of the items' and the users' rows, the sum over
 * users of their squared number of items, and nanoseconds for each; beside
 * it what an addition to a scattered float costs where all of them fit in the
 * first-level cache, measured in this run, which no such product can beat. */
#include "base/memory.h"
#include "base/random.h"
#include "limits.h"
#include "train/sparse.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static recs_host host;

static void check(recs_status status, const recs_error *error) {
    if (status) {
        fprintf(stderr, "items: %s\n", error->text);
        exit(1);
    }
}

static void *take(size_t count, size_t size) {
    void *block = malloc(count * size + 1);
    if (!block) {
        fprintf(stderr, "items: no memory for %zu bytes\n", count * size);
        exit(1);
    }
    return block;
}

static double processor_seconds(void) {
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- data -------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static recs__sparse read_matrix(const char *path) {
    uint64_t *keys = NULL;
    size_t count = 0, kept = 0, room = 0, size = 0;
    uint32_t users = 0, items = 0;
    char *line = NULL;
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) {
        fprintf(stderr, "items: --train names no file that can be read\n");
        exit(1);
    }
    while (getline(&line, &size, file) > 0) {
        char *at = line, *end;
        unsigned long user = strtoul(at, &end, 10), item;
        for (at = end; (item = strtoul(at, &end, 10)), end != at; at = end) {
            if (count == room) {
                room = room ? room * 2 : 1 << 20;
                keys = realloc(keys, room * sizeof *keys);
                if (!keys) {
                    fprintf(stderr, "items: no memory for %zu pairs\n", room);
                    exit(1);
                }
            }
            keys[count++] = (uint64_t)user << 32 | (uint32_t)item;
            users = user >= users ? (uint32_t)user + 1 : users;
            items = item >= items ? (uint32_t)item + 1 : items;
        }
    }
    free(line);
    fclose(file);
    qsort(keys, count, sizeof *keys, by_key);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || keys[i] != keys[kept - 1])
            keys[kept++] = keys[i];
    recs__sparse m;
    recs_error error;
    check(recs__sparse_create(&m, users, items, kept, &host, &error), &error);
    for (size_t e = 0; e < kept; e++) {
        m.offsets[(keys[e] >> 32) + 1]++;
        m.columns[e] = (uint32_t)keys[e];
        m.values[e] = 1.0f;
    }
    for (uint32_t u = 0; u < users; u++)
        m.offsets[u + 1] += m.offsets[u];
    free(keys);
    return m;
}

/* ---- measuring ------------------------------------------------------------------------------ */

/* Nanoseconds an addition to one of 4,096 floats at places known beforehand. */
static double scattered_add(uint64_t seed) {
    enum { FLOATS = 4096, PLACES = 1 << 14, ROUNDS = 400 };
    static float sums[FLOATS];
    static uint32_t places[PLACES];
    recs__random random;
    double best = 1e9;
    recs__random_seed(&random, seed);
    for (size_t i = 0; i < PLACES; i++)
        places[i] = (uint32_t)recs__random_below(&random, FLOATS);
    for (int turn = 0; turn < 5; turn++) {
        double began = processor_seconds();
        for (int round = 0; round < ROUNDS; round++)
            for (size_t i = 0; i < PLACES; i++)
                sums[places[i]] += 0.25f;
        double each = (processor_seconds() - began) * 1e9 / (double)ROUNDS / (double)PLACES;
        best = each < best ? each : best;
    }
    limits_sink = sums[0];
    return best;
}

static void measure(recs__training *training, const char *text, unsigned threads, unsigned turns,
                    uint64_t seed) {
    recs_pool *pool = NULL;
    recs_error error;
    recs__progress progress;
    recs__description *description = take(1, sizeof *description);
    double *wall = take(turns, sizeof *wall), *processor = take(turns, sizeof *processor);
    double adds = 0.0, limit = scattered_add(seed);
    uint64_t entries = 0;

    for (uint32_t u = 0; u < training->users; u++) {
        double own = (double)(training->units.offsets[u + 1] - training->units.offsets[u]);
        adds += own * own;
    }
    check(recs__description_parse(description, text, &error), &error);
    check(recs_pool_create(&pool, threads, NULL, &error), &error);
    training->host.run = recs_pool_run;
    training->host.executor_data = pool;
    for (unsigned turn = 0; turn < turns; turn++) {
        recs__trained trained = {0};
        recs__progress_init(&progress, NULL, NULL, &host);
        recs__train_job job = {training, &description->specs[0], seed, true, &progress, 0, NULL,
                               NULL, 0};
        double began = limits_now(), used = processor_seconds();
        check(job.spec->trainer->train(&job, &trained, &error), &error);
        wall[turn] = limits_now() - began;
        processor[turn] = processor_seconds() - used;
        for (uint32_t s = 0; s < trained.section_count; s++)
            if (trained.sections[s].type == RECS_SECTION_NEIGHBOR_ITEMS)
                entries = trained.sections[s].size / sizeof(uint32_t);
        recs__trained_clear(&trained, &host);
    }
    qsort(wall, turns, sizeof *wall, ascending);
    qsort(processor, turns, sizeof *processor, ascending);
    printf("{\"figure\": \"items\", \"peer\": \"recs\", \"spec\": \"%s\", \"isa\": \"%s\", "
           "\"threads\": %u, \"users\": %u, \"items\": %u, \"pairs\": %llu, \"turns\": %u, "
           "\"seed\": %llu, \"seconds_median\": %.4f, \"seconds_min\": %.4f, "
           "\"cpu_seconds_median\": %.4f, \"cpu_seconds_min\": %.4f, \"multiply_adds\": %.0f, "
           "\"ns_each\": %.3f, \"scattered_add_ns\": %.3f, \"entries\": %llu}\n",
           text, recs__kernels_get()->name, threads, training->users, training->items,
           (unsigned long long)training->by_user.entries, turns, (unsigned long long)seed,
           wall[turns / 2], wall[0], processor[turns / 2], processor[0], adds,
           processor[0] * 1e9 / adds, limit, (unsigned long long)entries);
    fflush(stdout);
    recs_pool_destroy(pool);
    free(description);
    free(wall);
    free(processor);
}

/* ---- the command line ----------------------------------------------------------------- */

static const char *option(int argc, char **argv, const char *name, const char *fallback) {
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return fallback;
}

int main(int argc, char **argv) {
    const char *name = option(argc, argv, "--table", NULL);
    unsigned turns = (unsigned)atoi(option(argc, argv, "--turns", "3"));
    uint64_t seed = (uint64_t)strtoull(option(argc, argv, "--seed", "1"), NULL, 10);
    const recs__kernels *table;
    recs_error error;

    if (argc % 2 == 0 || turns < 1) {
        fprintf(stderr, "items: options come as --name value; see the head of bench/items.c\n");
        return 2;
    }
    for (size_t t = 0; name && (table = recs__kernels_at(t)) != NULL; t++)
        if (strcmp(table->name, name) == 0)
            recs__kernels_force(table);
    check(recs__host_init(&host, NULL, NULL), NULL);
    recs__sparse by_user = read_matrix(option(argc, argv, "--train", NULL)), by_item;
    recs__training training = {.users = by_user.rows, .items = by_user.column_count, .host = host};
    training.by_user = training.units = recs__sparse_view(&by_user);
    check(recs__sparse_transpose(&by_item, &training.by_user, &host, &error), &error);
    training.by_item = recs__sparse_view(&by_item);
    for (const char *n = option(argc, argv, "--threads", "1,2"); n;
         n = strchr(n, ',') ? strchr(n, ',') + 1 : NULL)
        measure(&training, option(argc, argv, "--spec", "itemknn"), (unsigned)atoi(n), turns, seed);
    recs__sparse_clear(&by_user, &host);
    recs__sparse_clear(&by_item, &host);
    return 0;
}
