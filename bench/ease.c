/* ease.c - seconds that training ease takes, beside what BLAS could do at best.
 *
 *   build/bench/ease [--items 5000,10000] [--threads 1,2] [--method dense]
 *       [--users 3] [--mean 20] [--k 200] [--seed 1]
 *
 * Generated pairs: `users` users an item, about `mean` items each, popularity
 * skewed. One JSON line a size and number of threads: seconds of the whole
 * training (matrix, inverse, rows of W), elapsed and of the processor; of the
 * dense way items^3 flops over them as GFLOP/s, and how many times as long it
 * took as those flops would at the speed of sgemm, 4096 x 4096 x 1024 by
 * every thread at once, measured before and after in this very run (the better
 * of the two): "times_blas" by elapsed, "times_blas_cpu" by processor time,
 * which others on the machine disturb less. */
#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "train/linalg.h"
#include "train/sparse.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static recs_host host;

static void check(recs_status status, const recs_error *error) {
    if (status) {
        fprintf(stderr, "ease: %s\n", error->text);
        exit(1);
    }
}

typedef struct moment {
    double elapsed, processor;
} moment;

static double clock_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static moment now(void) {
    return (moment){clock_of(CLOCK_MONOTONIC), clock_of(CLOCK_PROCESS_CPUTIME_ID)};
}

/* ---- what BLAS can do --------------------------------------------------------------------- */

enum { M = 4096, N = 4096, DEPTH = 1024 };

static void product_task(void *arg, size_t lane, size_t index) {
    float **blocks = arg;
    (void)lane;
    recs__tile_multiply(M, N, DEPTH, 1.0f, blocks[index], DEPTH,
                        blocks[index] + (size_t)M * DEPTH, DEPTH,
                        blocks[index] + (size_t)(M + N) * DEPTH, N);
}

/* GFLOP/s of all threads: by elapsed and by processor time. */
static void peak_of(const recs_host *lent, unsigned threads, double best[2]) {
    float *blocks[64];
    size_t floats = (size_t)(M + N) * DEPTH + (size_t)M * N;
    for (unsigned t = 0; t < threads; t++) {
        blocks[t] = calloc(floats, sizeof **blocks);
        if (!blocks[t])
            exit(1);
        for (size_t i = 0; i < floats; i++)
            blocks[t][i] = (float)(i % 7) * 0.125f;
    }
    for (unsigned turn = 0; turn < 3; turn++) {
        moment start = now();
        recs__tiles(lent, product_task, blocks, threads);
        moment end = now();
        double flops = 2e-9 * M * N * DEPTH * threads;
        best[0] = fmax(best[0], flops / (end.elapsed - start.elapsed));
        best[1] = fmax(best[1], flops / (end.processor - start.processor));
    }
    for (unsigned t = 0; t < threads; t++)
        free(blocks[t]);
}

/* ---- the data ----------------------------------------------------------------------------- */

static recs__sparse generate(uint32_t users, uint32_t items, uint32_t mean, uint64_t seed) {
    recs__sparse m;
    recs_error error;
    recs__random random;
    bool *has = calloc(items, 1);
    uint64_t put = 0;
    check(recs__sparse_create(&m, users, items, (uint64_t)users * mean * 2, &host, &error), &error);
    recs__random_seed(&random, seed);
    for (uint32_t u = 0; u < users; u++) {
        uint64_t wanted = 1 + recs__random_below(&random, 2 * (uint64_t)mean - 1);
        for (uint64_t w = 0; w < wanted; w++) {
            double x = recs__random_double(&random);
            has[(size_t)(x * x * items)] = true;
        }
        for (uint32_t i = 0; i < items; i++)
            if (has[i]) {
                m.columns[put] = i;
                m.values[put++] = 1.0f;
                has[i] = false;
            }
        m.offsets[u + 1] = put;
    }
    m.entries = put;
    free(has);
    return m;
}

/* ---- stages --------------------------------------------------------------------------------- */

typedef struct stages {
    const char *names[8];
    double seconds[8]; /* of the processor */
    size_t count;
    double since;
} stages;

static int32_t watch(void *user_data, const char *stage, uint64_t done, uint64_t total) {
    stages *s = user_data;
    double at = now().processor;
    (void)done;
    (void)total;
    if (s->count)
        s->seconds[s->count - 1] += at - s->since;
    s->since = at;
    if ((s->count == 0 || s->names[s->count - 1] != stage) && s->count < 8) {
        s->names[s->count] = stage;
        s->seconds[s->count++] = 0.0;
    }
    return 0;
}

/* ---- one run -------------------------------------------------------------------------------- */

typedef struct asked {
    const char *method;
    double users_per_item;
    uint32_t mean, k;
    uint64_t seed;
} asked;

static void run_one(const asked *a, uint32_t items, unsigned threads) {
    recs_error error;
    recs_pool *pool;
    recs__description *description = malloc(sizeof *description);
    recs__training training;
    recs__progress quiet;
    recs__trained trained = {0};
    double peak[2] = {0, 0};
    char text[200];
    recs__sparse units =
        generate((uint32_t)(a->users_per_item * items), items, a->mean, a->seed);

    check(recs_pool_create(&pool, threads, NULL, &error), &error);
    memset(&training, 0, sizeof training);
    training.items = items;
    training.host = host;
    training.host.run = recs_pool_run;
    training.host.executor_data = pool;
    training.units = recs__sparse_view(&units);
    stages seen = {.count = 0};
    recs__progress_init(&quiet, watch, &seen, &training.host);
    snprintf(text, sizeof text, "ease(method=%s, k=%u, regularization=100)", a->method, a->k);
    check(recs__description_parse(description, text, &error), &error);
    recs__train_job job = {.training = &training,
                           .spec = &description->specs[0],
                           .seed = a->seed,
                           .progress = &quiet};

    peak_of(&training.host, threads, peak);
    moment start = now();
    check(recs__trainer_ease.train(&job, &trained, &error), &error);
    moment end = now();
    watch(&seen, "", 0, 0);
    peak_of(&training.host, threads, peak);
    double seconds = end.elapsed - start.elapsed, processor = end.processor - start.processor;
    double gflop = 1e-9 * (double)items * (double)items * (double)items;
    printf("{\"bench\": \"ease\", \"method\": \"%s\", \"items\": %u, \"pairs\": %llu, \"k\": %u, "
           "\"threads\": %u, \"seconds\": %.3f, \"processor_seconds\": %.3f, ",
           a->method, items, (unsigned long long)units.entries, a->k, threads, seconds, processor);
    if (strcmp(a->method, "dense") == 0)
        printf("\"gflops\": %.1f, \"sgemm_gflops\": %.1f, \"share_of_sgemm\": %.3f, "
               "\"times_blas\": %.3f, \"times_blas_cpu\": %.3f, ",
               gflop / seconds, peak[0], gflop / seconds / peak[0], seconds * peak[0] / gflop,
               processor * peak[1] / gflop);
    printf("\"processor_seconds_by_stage\": {");
    for (size_t i = 0; i + 1 < seen.count; i++)
        printf("%s\"%s\": %.3f", i ? ", " : "", seen.names[i], seen.seconds[i]);
    printf("}, \"isa\": \"%s\", \"blas\": \"%s\", \"seed\": %llu}\n", recs__kernels_get()->name,
           recs__linalg_name(), (unsigned long long)a->seed);
    fflush(stdout);
    recs__trained_clear(&trained, &training.host);
    recs__sparse_clear(&units, &host);
    recs_pool_destroy(pool);
    free(description);
}

static size_t numbers(const char *text, unsigned long *out, size_t room) {
    size_t count = 0;
    for (char *end; *text && count < room; text = *end ? end + 1 : end)
        out[count++] = strtoul(text, &end, 10);
    return count;
}

int main(int argc, char **argv) {
    asked a = {"dense", 3, 20, 200, 1};
    unsigned long items[16] = {5000, 10000}, threads[16] = {1, 2};
    size_t item_count = 2, thread_count = 2;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--items"))
            item_count = numbers(argv[i + 1], items, 16);
        else if (!strcmp(argv[i], "--threads"))
            thread_count = numbers(argv[i + 1], threads, 16);
        else if (!strcmp(argv[i], "--method"))
            a.method = argv[i + 1];
        else if (!strcmp(argv[i], "--users"))
            a.users_per_item = strtod(argv[i + 1], NULL);
        else if (!strcmp(argv[i], "--mean"))
            a.mean = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--k"))
            a.k = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--seed"))
            a.seed = strtoull(argv[i + 1], NULL, 10);
        else
            argc = 0;
    }
    if (argc % 2 == 0) {
        fprintf(stderr, "usage: ease [--items N,N] [--threads N,N] [--method dense|sparse] "
                        "[--users N] [--mean N] [--k N] [--seed N]\n");
        return 2;
    }
    if (recs__host_init(&host, NULL, NULL))
        return 1;
    for (size_t n = 0; n < item_count; n++)
        for (size_t t = 0; t < thread_count; t++)
            if (items[n] > 0 && threads[t] > 0 && threads[t] <= 64)
                run_one(&a, (uint32_t)items[n], (unsigned)threads[t]);
    return 0;
}
