/* topk.c - one visitor's exact top 20 through recs_recommend, beside the
 * machine's read bandwidth and, when --vectors names a file, beside the peers
 * of bench/peers_topk.py on the same bytes.
 *
 *   build/bench/topk [--items N] [--factors F] [--calls N] [--vectors FILE]
 *
 * FILE is written: raw float32, items * factors; FILE.queries with one query a
 * row; FILE.answers with the rows found, a query a line. Prints one JSON line: median and least milliseconds a call,
 * GB/s of factors read, the fraction of the read bandwidth measured in the
 * same run, ISA. One thread. */
#include "big_model.h"

#include <getopt.h>

enum { USERS = 100, AT = 20 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void write_rows(const char *path, const char *suffix, const float *rows, size_t count,
                       size_t factors) {
    char name[4096];
    size_t stride = (factors + 15) / 16 * 16;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    FILE *file = fopen(name, "wb");
    for (size_t r = 0; file && r < count; r++)
        if (fwrite(rows + r * stride, sizeof *rows, factors, file) != factors)
            break;
    if (!file || fclose(file) != 0) {
        perror(name);
        exit(1);
    }
}

/* The rows of each user's answer, as the peers write theirs. */
static void write_answers(const char *path, const recs_model *model, recs_query *query) {
    char name[4096];
    recs_error error;
    snprintf(name, sizeof name, "%s.answers", path);
    FILE *file = fopen(name, "w");
    for (uint32_t user = 0; file && user < USERS; user++) {
        recs_query_reset(query);
        recs_query_user(query, recs_model_user_id(model, user));
        recs_query_limit(query, AT);
        recs_query_exclude_seen(query, 0, RECS_NO_TIME);
        must(recs_recommend(model, query, &error), &error);
        for (size_t i = 0; i < recs_query_count(query); i++)
            fprintf(file, "%s%u", i ? " " : "", recs_query_row(query, i));
        fputc('\n', file);
    }
    if (!file || fclose(file) != 0) {
        perror(name);
        exit(1);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"items", required_argument, NULL, 'i'},
                                            {"factors", required_argument, NULL, 'f'},
                                            {"calls", required_argument, NULL, 'n'},
                                            {"vectors", required_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    size_t items = 1000000, factors = 64, calls = 200;
    const char *vectors = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'i')
            items = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            factors = strtoull(optarg, NULL, 10);
        else if (option == 'n')
            calls = strtoull(optarg, NULL, 10);
        else if (option == 'v')
            vectors = optarg;
        else
            return 2;
    }
    if (items < USERS || factors == 0 || calls == 0) {
        fprintf(stderr, "topk: at least %d items, 1 factor and 1 call\n", USERS);
        return 2;
    }
    big_model big = {(uint32_t)items, USERS, factors, big_model_factors(items, factors, 1),
                     big_model_factors(USERS, factors, 2), false};
    recs_model *model;
    recs_query *query;
    recs_error error;
    double *seconds = limits_block(calls, sizeof *seconds);

    if (vectors) {
        write_rows(vectors, "", big.item_factors, items, factors);
        write_rows(vectors, ".queries", big.user_factors, USERS, factors);
    }
    big_model_write(&big, NULL, &model);
    must(recs_query_create(&query, NULL, &error), &error);
    for (size_t call = 0; call < calls + 10; call++) { /* ten to warm up */
        char user[16];
        snprintf(user, sizeof user, "u%09zu", call % USERS);
        recs_query_reset(query);
        recs_query_user(query, user);
        recs_query_limit(query, AT);
        double start = limits_now();
        must(recs_recommend(model, query, &error), &error);
        if (call >= 10)
            seconds[call - 10] = limits_now() - start;
    }
    if (vectors)
        write_answers(vectors, model, query);
    qsort(seconds, calls, sizeof *seconds, by_value);
    double bytes = (double)items * (double)((factors + 15) / 16 * 16) * sizeof(float);
    double bandwidth = limits_read((size_t)bytes), median = seconds[calls / 2];
    printf("{\"bench\": \"topk\", \"peer\": \"librecs\", \"items\": %zu, \"factors\": %zu, "
           "\"at\": %d, \"threads\": 1, \"isa\": \"%s\", \"calls\": %zu, \"median_ms\": %.4f, "
           "\"min_ms\": %.4f, \"gb_per_s\": %.2f, \"read_gb_per_s\": %.2f, "
           "\"fraction\": %.3f}\n",
           items, factors, AT, recs_kernel_name(), calls, median * 1e3, seconds[0] * 1e3,
           bytes / median * 1e-9, bandwidth * 1e-9, bytes / median / bandwidth);
    recs_query_destroy(query);
    recs_model_release(model);
    return 0;
}
