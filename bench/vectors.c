/* vectors.c - what a vector set costs: adding, building, writing, opening, searching.
 *
 *   build/bench/vectors [--rows 1000000] [--dimension 128] [--storage int8] [FILE]
 *
 * FILE is made, used and removed (default /tmp/recs-vectors.recs). Prints a line of JSON a
 * figure: vectors a second added in batches of 10,000 and in single calls, seconds of
 * build and write, the median and worst microseconds of 101 openings of the mapped file,
 * milliseconds of one search (k = 10) on one thread of a set in the file, and of the same
 * set with 1,000 vectors added one by one on top. */
#include "limits.h"

#include "base/random.h"
#include "recs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 10000, OPENS = 101, SINGLES = 1000, SEARCHES = 51 };

static void must(recs_status status, const recs_error *error) {
    if (status == RECS_OK)
        return;
    fprintf(stderr, "%s\n", error->text);
    exit(1);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add(recs_vectors *set, recs__random *random, uint32_t first, size_t count,
                uint32_t dimension) {
    recs_error error;
    char *bytes = malloc(count * 12);
    uint32_t *offsets = malloc((count + 1) * sizeof *offsets);
    float *values = malloc(count * dimension * sizeof *values);
    if (!bytes || !offsets || !values)
        exit(1);
    for (size_t i = 0; i <= count; i++)
        offsets[i] = (uint32_t)i * 11;
    for (size_t i = 0; i < count; i++)
        snprintf(bytes + i * 11, 12, "item%07u", first + (uint32_t)i);
    for (size_t i = 0; i < count * dimension; i++)
        values[i] = recs__random_normal(random);
    must(recs_vectors_add(set, bytes, offsets, values, dimension, count, &error), &error);
    free(bytes);
    free(offsets);
    free(values);
}

static double search(const recs_vectors *set, recs__random *random, uint32_t dimension) {
    double times[SEARCHES];
    recs_error error;
    recs_query *query;
    float *vector = malloc(dimension * sizeof *vector);
    must(recs_query_create(&query, NULL, &error), &error);
    for (int i = 0; i < SEARCHES; i++) {
        for (uint32_t j = 0; j < dimension; j++)
            vector[j] = recs__random_normal(random);
        recs_query_vector(query, vector, dimension);
        double start = limits_now();
        must(recs_knn(set, query, &error), &error);
        times[i] = (limits_now() - start) * 1e3;
    }
    free(vector);
    recs_query_destroy(query);
    qsort(times, SEARCHES, sizeof *times, by_value);
    return times[SEARCHES / 2];
}

static void say(const char *what, double value, const char *unit) {
    printf("{\"bench\": \"vectors\", \"what\": \"%s\", \"%s\": %.4g}\n", what, unit, value);
    fflush(stdout);
}

int main(int argc, char **argv) {
    uint32_t rows = 1000000, dimension = 128;
    const char *path = "/tmp/recs-vectors.recs", *storage = "int8";
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && strcmp(argv[i], "--rows") == 0)
            rows = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--dimension") == 0)
            dimension = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--storage") == 0)
            storage = argv[++i];
        else
            path = argv[i];
    }
    recs_error error;
    recs_vectors *set;
    recs__random random;
    char text[64];
    recs__random_seed(&random, 1);
    snprintf(text, sizeof text, "knn(storage=%s)", storage);
    must(recs_vectors_create(&set, dimension, text, NULL, NULL, &error), &error);
    printf("{\"bench\": \"vectors\", \"rows\": %u, \"dimension\": %u, \"storage\": \"%s\", "
           "\"kernels\": \"%s\"}\n", rows, dimension, storage, recs_kernel_name());
    double start = limits_now();
    for (uint32_t at = 0; at < rows; at += BATCH)
        add(set, &random, at, rows - at < BATCH ? rows - at : BATCH, dimension);
    say("added in batches, made ones included", rows / (limits_now() - start), "vectors_per_second");
    start = limits_now();
    must(recs_vectors_build(set, NULL, NULL, &error), &error);
    say("build", limits_now() - start, "seconds");
    start = limits_now();
    must(recs_vectors_write(set, path, &error), &error);
    say("write", limits_now() - start, "seconds");
    recs_vectors_destroy(set);

    double micros[OPENS];
    for (int i = 0; i < OPENS; i++) {
        start = limits_now();
        must(recs_vectors_open(&set, path, NULL, NULL, NULL, NULL, &error), &error);
        micros[i] = (limits_now() - start) * 1e6;
        if (i + 1 < OPENS)
            recs_vectors_destroy(set);
    }
    qsort(micros, OPENS, sizeof *micros, by_value);
    say("open, median", micros[OPENS / 2], "microseconds");
    say("open, worst", micros[OPENS - 1], "microseconds");
    say("search, mapped", search(set, &random, dimension), "milliseconds");
    start = limits_now();
    for (uint32_t i = 0; i < SINGLES; i++)
        add(set, &random, rows + i, 1, dimension);
    say("added one by one", SINGLES / (limits_now() - start), "vectors_per_second");
    say("search, with those beside", search(set, &random, dimension), "milliseconds");
    recs_vectors_destroy(set);
    unlink(path);
    return 0;
}
