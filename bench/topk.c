/* topk.c - the exact top k of vectors, one at a time and many together, beside the
 * machine's read bandwidth and, on the bytes that --vectors names, beside the peers
 * of bench/peers_topk.py.
 *
 *   build/bench/topk [--items N] [--factors F] [--model FILE] [--at 10,20,100]
 *                    [--threads 1,2] [--batch 1,64,1024] [--calls N] [--filters]
 *                    [--vectors FILE] [--reuse]
 *
 * Rows are normal numbers from a seed, or those of the model's first component with
 * factors, tiled with a jitter of a twentieth until there are N; queries are the same
 * of its users. FILE is written: raw float32, items * factors; FILE.queries with one
 * query a row; FILE.answers.K with the rows found, a query a line; --reuse: FILE and
 * its queries are read. One JSON line a figure:
 *
 *   build    seconds of quantising, bytes a row; the longest, the middle and the
 *            shortest row's length
 *   topk     k, batch, threads: median and least milliseconds a call, by the clock and
 *            of the processor; share of rows refined and of those scored in full; GB/s
 *            of the codes and the fraction of the read bandwidth measured in the same run
 *   filter   the same with a thousand rows seen (any, or the best ones), or one row in
 *            a hundred or a thousand allowed; the making of the filter included
 *   recommend  the same question through recs_recommend and recs_recommend_rows */
#include "big_model.h"

#include "base/memory.h"
#include "model/model.h"
#include "search/exact.h"

#include <getopt.h>

enum { QUERIES = 1024, LIST = 8, AT = 20 };

typedef struct bench {
    const char *data;
    size_t items, factors, stride, calls;
    float *rows, *queries;
    recs__codes codes;
    recs__space space;
    double bandwidth;
    recs_host host;
    recs__topk topks[QUERIES];
    recs__seek seeks[QUERIES];
    recs__exact_room room;
} bench;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- rows -------------------------------------------------------------------------- */

static FILE *need_file(const char *path, const char *suffix, const char *mode) {
    char name[4096];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    FILE *file = fopen(name, mode);
    if (!file) {
        perror(name);
        exit(1);
    }
    return file;
}

static void rows_to_file(FILE *file, float *rows, size_t count, const bench *b, bool read) {
    for (size_t r = 0; r < count; r++) {
        float *at = rows + r * b->stride;
        size_t done = read ? fread(at, sizeof *at, b->factors, file)
                           : fwrite(at, sizeof *at, b->factors, file);
        if (done != b->factors) {
            fprintf(stderr, "topk: a file of vectors is short\n");
            exit(1);
        }
    }
    if (fclose(file) != 0)
        exit(1);
}

/* count rows from those of a model, again and again, each number up to a twentieth
 * longer or shorter. */
static void tile(float *out, size_t count, const float *from, size_t have, const bench *b,
                 uint64_t seed) {
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t r = 0; r < count; r++)
        for (size_t j = 0; j < b->factors; j++) {
            float jitter = r < have ? 1.0f : 0.95f + 0.1f * recs__random_float(&random);
            out[r * b->stride + j] = from[r % have * b->stride + j] * jitter;
        }
}

static void rows_of_model(bench *b, const char *path) {
    recs_model *model;
    recs_error error;
    must(recs_model_open(&model, path, NULL, NULL, &error), &error);
    const recs__view *view = recs__model_view(model);
    const recs__component *c = NULL;
    for (uint32_t i = 0; c == NULL && i < view->component_count; i++)
        if (view->components[i].kind == RECS__KIND_FACTORS && view->components[i].item_factors &&
            view->components[i].user_factors)
            c = &view->components[i];
    if (c == NULL || view->users == 0) {
        fprintf(stderr, "topk: %s has no component with factors of items and users\n", path);
        exit(1);
    }
    b->factors = c->factors;
    b->stride = c->stride;
    b->rows = limits_block(b->items * b->stride, sizeof *b->rows);
    b->queries = limits_block(QUERIES * b->stride, sizeof *b->queries);
    memset(b->rows, 0, b->items * b->stride * sizeof *b->rows);
    memset(b->queries, 0, QUERIES * b->stride * sizeof *b->queries);
    tile(b->rows, b->items, c->item_factors, view->items, b, 3);
    for (size_t q = 0; q < QUERIES; q++)
        memcpy(b->queries + q * b->stride,
               c->user_factors + (q * 7919) % view->users * b->stride, b->stride * sizeof(float));
    recs_model_release(model);
}

/* Bytes a second that two threads read together, piece by piece of one block; 0 without
 * AVX2. */
typedef struct reading {
    const float *block;
    size_t floats; /* of a piece */
} reading;

static void read_piece(void *arg, size_t index) {
    const reading *r = arg;
    limits_stretch piece = {r->block + index * r->floats, r->floats};
#if defined(__x86_64__)
    limits_read_256(&piece);
#endif
}

static double read_in_two(size_t bytes) {
    enum { PIECES = 16, PASSES = 30 };
    size_t floats = bytes / (256 * PIECES) * 64;
    recs_pool *pool;
    recs_error error;
    double best = INFINITY;
    if (!limits_holds("avx2") || floats == 0)
        return 0.0;
    must(recs_pool_create(&pool, 2, NULL, &error), &error);
    float *block = limits_block(floats * PIECES, sizeof *block);
    for (size_t i = 0; i < floats * PIECES; i++)
        block[i] = (float)(i & 1023);
    for (int pass = 0; pass < PASSES; pass++) {
        double start = limits_now();
        recs_pool_run(pool, read_piece, &(reading){block, floats}, PIECES);
        start = limits_now() - start;
        best = start < best ? start : best;
    }
    free(block);
    recs_pool_destroy(pool);
    return (double)floats * PIECES * 4 / best;
}

static void prepare(bench *b, const char *model, const char *vectors, bool reuse) {
    recs_error error;
    must(recs__host_init(&b->host, NULL, &error), &error);
    b->data = model ? "als" : "random";
    b->stride = (b->factors + 15) / 16 * 16;
    if (reuse) {
        b->rows = limits_block(b->items * b->stride, sizeof *b->rows);
        b->queries = limits_block(QUERIES * b->stride, sizeof *b->queries);
        memset(b->rows, 0, b->items * b->stride * sizeof *b->rows);
        memset(b->queries, 0, QUERIES * b->stride * sizeof *b->queries);
        rows_to_file(need_file(vectors, "", "rb"), b->rows, b->items, b, true);
        rows_to_file(need_file(vectors, ".queries", "rb"), b->queries, QUERIES, b, true);
    } else if (model) {
        rows_of_model(b, model);
    } else {
        b->rows = big_model_factors(b->items, b->factors, 1);
        b->queries = big_model_factors(QUERIES, b->factors, 2);
    }
    if (vectors && !reuse) {
        rows_to_file(need_file(vectors, "", "wb"), b->rows, b->items, b, false);
        rows_to_file(need_file(vectors, ".queries", "wb"), b->queries, QUERIES, b, false);
    }
    b->space = (recs__space){.stored = {.values = b->rows,
                                        .type = RECS__STORED_FLOAT,
                                        .rows = (uint32_t)b->items,
                                        .dims = (uint32_t)b->factors,
                                        .stride = b->stride},
                             .metric = RECS__METRIC_PRODUCT};
    uint64_t size = recs__codes_size((uint32_t)b->items, (uint32_t)b->factors);
    void *bytes = limits_block(size, 1);
    double start = limits_processor();
    must(recs__codes_build(&b->space.stored, &b->host, bytes, &error), &error);
    start = limits_processor() - start;
    recs__codes_read(&b->codes, bytes, size, (uint32_t)b->items, (uint32_t)b->factors);
    b->space.codes = &b->codes;
    b->bandwidth = limits_read(size);
    printf("{\"figure\": \"build\", \"data\": \"%s\", \"items\": %zu, \"factors\": %zu, "
           "\"cpu_s\": %.3f, \"bytes_per_row\": %.1f, \"lengths\": [%.4g, %.4g, %.4g], "
           "\"read_gb_per_s\": %.2f, \"read_in_two_gb_per_s\": %.2f, \"isa\": \"%s\"}\n",
           b->data, b->items, b->factors, start, (double)size / (double)b->items,
           (double)b->codes.bounds[0].most, (double)b->codes.bounds[b->codes.blocks / 2].most,
           (double)b->codes.bounds[b->codes.blocks - 1].least, b->bandwidth * 1e-9,
           read_in_two(size) * 1e-9, recs_kernel_name());
    fflush(stdout);
}

/* ---- a figure ---------------------------------------------------------------------- */

typedef struct question {
    size_t at, batch;
    uint32_t threads;
    const recs_host *host;
    const char *filter; /* NULL: none */
} question;

static void begin_filter(const bench *b, const question *q, recs__filter *filter,
                         const uint32_t *rows, size_t count) {
    recs_error error;
    must(recs__filter_begin(filter, &b->host, (uint32_t)b->items, NULL, 0, &error), &error);
    if (!strncmp(q->filter, "seen", 4))
        for (size_t i = 0; i < count; i++)
            must(recs__filter_exclude(filter, &b->host, rows[i], &error), &error);
    else
        must(recs__filter_allow(filter, &b->host, rows, count, &error), &error);
}

static void ask(bench *b, const question *q, size_t first, const recs__filter *filter) {
    recs_error error;
    for (size_t i = 0; i < q->batch; i++) {
        must(recs__topk_begin(&b->topks[i], &b->host, q->at, -INFINITY, &error), &error);
        b->seeks[i] = (recs__seek){.vector = b->queries + (first + i) % QUERIES * b->stride,
                                   .filter = filter,
                                   .topk = &b->topks[i]};
    }
    must(recs__exact_search(&b->space, b->seeks, q->batch, NULL, &b->room, q->host, &error),
         &error);
    for (size_t i = 0; i < q->batch; i++)
        recs__topk_finish(&b->topks[i]);
}

/* The rows that a filter names, for every query of a figure alike. */
static size_t filter_rows(bench *b, const question *q, size_t query, uint32_t *rows) {
    if (q->filter == NULL)
        return 0;
    if (!strcmp(q->filter, "seen 1000")) {
        for (size_t i = 0; i < 1000; i++)
            rows[i] = (uint32_t)((query + i * 7919) % b->items);
        return 1000;
    }
    if (!strcmp(q->filter, "seen best 1000")) {
        question best = {.at = 1000, .batch = 1, .host = &b->host};
        ask(b, &best, query, NULL);
        for (size_t i = 0; i < b->topks[0].count; i++)
            rows[i] = recs__topk_row(b->topks[0].keys[i]);
        return b->topks[0].count;
    }
    size_t share = !strcmp(q->filter, "allow 1 %") ? 100 : 1000, count = 0;
    for (size_t row = query % share; row < b->items; row += share)
        rows[count++] = (uint32_t)row;
    return count;
}

static void line(const bench *b, const char *figure, const question *q, double *seconds,
                 double *processor, size_t calls, double scanned, double refined, double rescored) {
    qsort(seconds, calls, sizeof *seconds, by_value);
    qsort(processor, calls, sizeof *processor, by_value);
    double median = seconds[calls / 2], best = seconds[0];
    double bytes = (double)recs__codes_size((uint32_t)b->items, (uint32_t)b->factors);
    double queries = (double)calls * (double)q->batch, rows = (double)b->items;
    printf("{\"figure\": \"%s\", \"peer\": \"librecs\", \"data\": \"%s\", \"items\": %zu, "
           "\"factors\": %zu, \"k\": %zu, \"batch\": %zu, \"threads\": %u, \"filter\": \"%s\", "
           "\"calls\": %zu, \"median_ms\": %.4f, \"min_ms\": %.4f, \"cpu_ms\": %.4f, "
           "\"cpu_min_ms\": %.4f, "
           "\"scanned\": %.4f, \"refined\": %.6f, \"rescored\": %.6f, \"gb_per_s\": %.2f, "
           "\"fraction\": %.3f, \"isa\": \"%s\"}\n",
           figure, b->data, b->items, b->factors, q->at, q->batch, q->threads,
           q->filter ? q->filter : "", calls, median * 1e3, best * 1e3,
           processor[calls / 2] * 1e3, processor[0] * 1e3, scanned / queries / rows,
           refined / queries / rows, rescored / queries / rows, bytes / best * 1e-9, bytes / best / b->bandwidth, recs_kernel_name());
    fflush(stdout);
}

static void measure(bench *b, const question *q) {
    size_t calls = q->batch == 1 ? b->calls : q->batch <= 64 ? b->calls / 20 + 2 : 2, warm = 3;
    double *seconds = limits_block(calls, sizeof *seconds), scanned = 0, refined = 0, rescored = 0;
    double *processor = limits_block(calls, sizeof *processor);
    size_t room = q->filter ? b->items / 100 + 1001 : 1, *counts;
    uint32_t *all = limits_block((calls + warm) * room, sizeof *all);
    recs__filter filter = {0};
    counts = limits_block(calls + warm, sizeof *counts);
    /* Before the first call, so that all calls find the caches as calls leave them. */
    for (size_t call = 0; call < calls + warm; call++)
        counts[call] = filter_rows(b, q, call * q->batch, all + call * room);
    for (size_t call = 0; call < calls + warm; call++) {
        size_t query = call * q->batch, count = counts[call];
        const uint32_t *rows = all + call * room;
        double start = limits_now(), cpu = limits_processor();
        if (q->filter)
            begin_filter(b, q, &filter, rows, count);
        ask(b, q, query, q->filter ? &filter : NULL);
        if (q->filter)
            recs__filter_clear(&filter);
        if (call < warm)
            continue;
        seconds[call - warm] = limits_now() - start;
        processor[call - warm] = limits_processor() - cpu;
        for (size_t i = 0; i < q->batch; i++) {
            scanned += (double)b->seeks[i].scanned;
            refined += (double)b->seeks[i].refined;
            rescored += (double)b->seeks[i].rescored;
        }
    }
    line(b, q->filter ? "filter" : "topk", q, seconds, processor, calls, scanned, refined,
         rescored);
    recs__filter_free(&filter, &b->host);
    free(seconds);
    free(processor);
    free(all);
    free(counts);
}

/* What every query found, as the peers write theirs. */
static void write_answers(bench *b, const char *path, size_t at) {
    char suffix[32];
    snprintf(suffix, sizeof suffix, ".answers.%zu", at);
    FILE *file = need_file(path, suffix, "w");
    question q = {.at = at, .batch = QUERIES, .host = &b->host};
    ask(b, &q, 0, NULL);
    for (size_t i = 0; i < QUERIES; i++)
        for (size_t j = 0; j <= b->topks[i].count; j++)
            if (j == b->topks[i].count)
                fputc('\n', file);
            else
                fprintf(file, "%s%u", j ? " " : "", recs__topk_row(b->topks[i].keys[j]));
    if (fclose(file) != 0)
        exit(1);
}

/* ---- through a model --------------------------------------------------------------------- */

static void through_a_model(bench *b, const recs_host *host, uint32_t threads) {
    big_model big = {(uint32_t)b->items, QUERIES, b->factors, b->rows, b->queries, false};
    recs_model *model;
    recs_query *query;
    recs_error error;
    big_model_write(&big, NULL, &model);
    must(recs_query_create(&query, host, &error), &error);
    double *seconds = limits_block(b->calls + 3, sizeof *seconds), scored = 0;
    double *processor = limits_block(b->calls + 3, sizeof *processor);
    for (size_t call = 0; call < b->calls + 3; call++) {
        recs_query_reset(query);
        recs_query_user(query, recs_model_user_id(model, (uint32_t)(call % QUERIES)));
        recs_query_limit(query, AT);
        double start = limits_now(), cpu = limits_processor();
        must(recs_recommend(model, query, &error), &error);
        if (call < 3)
            continue;
        seconds[call - 3] = limits_now() - start;
        processor[call - 3] = limits_processor() - cpu;
        scored += (double)recs_query_scored(query);
    }
    question one = {.at = AT, .batch = 1, .threads = threads};
    line(b, "recommend", &one, seconds, processor, b->calls, 0, 0, scored);
    uint32_t *users = limits_block(QUERIES, 4), *rows = limits_block(QUERIES * AT, 4);
    float *scores = limits_block(QUERIES * AT, 4);
    for (uint32_t i = 0; i < QUERIES; i++)
        users[i] = i;
    recs_query_reset(query);
    recs_query_limit(query, AT);
    for (size_t call = 0; call < 3; call++) {
        double start = limits_now(), cpu = limits_processor();
        must(recs_recommend_rows(model, query, users + call * 64, 64, rows, scores, &error),
             &error);
        seconds[call] = limits_now() - start;
        processor[call] = limits_processor() - cpu;
    }
    question many = {.at = AT, .batch = 64, .threads = threads};
    line(b, "recommend", &many, seconds, processor, 3, 0, 0, 0);
    recs_query_destroy(query);
    recs_model_release(model);
    free(seconds), free(processor), free(users), free(rows), free(scores);
}

/* ---- the command line ----------------------------------------------------------------------- */

static size_t list_of(const char *text, size_t *out) {
    size_t count = 0;
    for (char *end; count < LIST; text = end + 1) {
        out[count++] = strtoull(text, &end, 10);
        if (*end != ',')
            break;
    }
    return count;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"items", required_argument, NULL, 'i'},   {"factors", required_argument, NULL, 'f'},
        {"model", required_argument, NULL, 'm'},   {"at", required_argument, NULL, 'k'},
        {"threads", required_argument, NULL, 't'}, {"batch", required_argument, NULL, 'b'},
        {"calls", required_argument, NULL, 'n'},   {"vectors", required_argument, NULL, 'v'},
        {"filters", no_argument, NULL, 'x'},       {"reuse", no_argument, NULL, 'r'},
        {NULL, 0, NULL, 0}};
    static bench b = {.items = 1000000, .factors = 64, .calls = 100};
    size_t ats[LIST] = {10, 20, 100}, threads[LIST] = {1, 2}, batches[LIST] = {1};
    size_t at_count = 3, thread_count = 2, batch_count = 1;
    const char *model = NULL, *vectors = NULL;
    bool filters = false, reuse = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'i': b.items = strtoull(optarg, NULL, 10); break;
        case 'f': b.factors = strtoull(optarg, NULL, 10); break;
        case 'm': model = optarg; break;
        case 'k': at_count = list_of(optarg, ats); break;
        case 't': thread_count = list_of(optarg, threads); break;
        case 'b': batch_count = list_of(optarg, batches); break;
        case 'n': b.calls = strtoull(optarg, NULL, 10); break;
        case 'v': vectors = optarg; break;
        case 'x': filters = true; break;
        case 'r': reuse = true; break;
        default: return 2;
        }
    }
    if (b.items < 4096 || b.items > INT32_MAX || b.factors == 0 || b.factors > 4096 ||
        b.calls == 0 || (reuse && !vectors)) {
        fprintf(stderr, "topk: 4096 items at least, 1 to 4096 factors, 1 call at least; --reuse "
                        "needs --vectors\n");
        return 2;
    }
    prepare(&b, model, vectors, reuse);
    for (size_t t = 0; t < thread_count; t++) {
        recs_pool *pool;
        recs_error error;
        recs_host host = b.host;
        must(recs_pool_create(&pool, (uint32_t)threads[t], NULL, &error), &error);
        if (threads[t] > 1) {
            host.run = recs_pool_run;
            host.executor_data = pool;
        }
        for (size_t i = 0; i < batch_count; i++)
            for (size_t k = 0; k < at_count; k++)
                if (batches[i] != 0 && batches[i] <= QUERIES)
                    measure(&b, &(question){.at = ats[k], .batch = batches[i],
                                            .threads = (uint32_t)threads[t], .host = &host});
        static const char *const kinds[] = {"seen 1000", "seen best 1000", "allow 1 %",
                                            "allow 0.1 %"};
        for (size_t f = 0; filters && f < 4; f++)
            measure(&b, &(question){.at = AT, .batch = 1, .threads = (uint32_t)threads[t],
                                    .host = &host, .filter = kinds[f]});
        if (filters)
            through_a_model(&b, &host, (uint32_t)threads[t]);
        recs_pool_destroy(pool);
    }
    for (size_t k = 0; vectors && k < at_count; k++)
        write_answers(&b, vectors, ats[k]);
    recs__exact_free(&b.room, &b.host);
    return 0;
}
