/* als.c - seconds of our ALS to a loss and a recall.
 *
 *   build/bench/als [--train FILE] [--test FILE] [--factors 64,128]
 *       [--threads 1,2] [--solver auto,cg,block,cholesky] [--iterations 10]
 *       [--alpha 40] [--regularization 1] [--exponent 0] [--at 20] [--seed 1]
 *       [--table NAME] [--more "cg_steps=3"] [--users-tested N]
 *
 * FILEs in the LightGCN form, row numbers, as bench/peers_als.py reads them:
 * the same bytes and the same settings for both. Without --train: 200,000
 * users, 50,000 items and 10 million different pairs from the seed. A list of
 * iterations trains anew for each of them. One JSON line a figure: seconds and
 * processor seconds of the whole fit with its last half-step, seconds of an
 * iteration (both half-steps with their Gram matrices and rotations; median
 * and least), the loss reached, its multiply-adds a second as GFLOP/s and as a
 * share of the FMA peak that this run measured on one thread, times threads.
 * With --test recall and ndcg over all items, the user's train items left out. */
#include "base/memory.h"
#include "base/random.h"
#include "limits.h"
#include "train/sparse.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static recs_host host;

static void *take(size_t count, size_t size) {
    void *block = malloc(count * size + 1);
    if (!block) {
        fprintf(stderr, "als: no memory for %zu bytes\n", count * size);
        exit(1);
    }
    return block;
}

static void check(recs_status status, const recs_error *error) {
    if (status) {
        fprintf(stderr, "als: %s\n", error->text);
        exit(1);
    }
}

/* ---- data -------------------------------------------------------------------------------- */

typedef struct pairs {
    uint64_t *keys; /* user << 32 | item, ascending, unique */
    size_t count;
    uint32_t users, items;
} pairs;

static int by_key(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_unique(pairs *p) {
    size_t kept = 0;
    qsort(p->keys, p->count, sizeof *p->keys, by_key);
    for (size_t i = 0; i < p->count; i++)
        if (kept == 0 || p->keys[i] != p->keys[kept - 1])
            p->keys[kept++] = p->keys[i];
    p->count = kept;
}

static void add_pair(pairs *p, size_t *room, uint32_t user, uint32_t item) {
    if (p->count == *room) {
        *room = *room ? *room * 2 : 1 << 20;
        p->keys = realloc(p->keys, *room * sizeof *p->keys);
        if (!p->keys) {
            fprintf(stderr, "als: no memory for %zu pairs\n", *room);
            exit(1);
        }
    }
    p->keys[p->count++] = (uint64_t)user << 32 | item;
    p->users = user >= p->users ? user + 1 : p->users;
    p->items = item >= p->items ? item + 1 : p->items;
}

static pairs read_pairs(const char *path) {
    pairs p = {NULL, 0, 0, 0};
    size_t room = 0, size = 0;
    char *line = NULL;
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(1);
    }
    while (getline(&line, &size, file) > 0) {
        char *at = line, *end;
        unsigned long user = strtoul(at, &end, 10);
        for (at = end; at != line;) {
            unsigned long item = strtoul(at, &end, 10);
            if (end == at)
                break;
            add_pair(&p, &room, (uint32_t)user, (uint32_t)item);
            at = end;
        }
    }
    free(line);
    fclose(file);
    sort_unique(&p);
    return p;
}

/* Activity and popularity both skewed: powers of uniform numbers. */
static pairs generate_pairs(uint64_t seed) {
    const uint32_t users = 200000, items = 50000;
    const size_t wanted = 10000000;
    pairs p = {take(2 * wanted, sizeof(uint64_t)), 0, users, items};
    recs__random random;
    recs__random_seed(&random, seed);
    while (p.count < wanted) {
        while (p.count < 2 * wanted) {
            double u = recs__random_double(&random), i = recs__random_double(&random);
            uint64_t user = (uint64_t)(u * sqrt(u) * users), item = (uint64_t)(i * i * i * items);
            p.keys[p.count++] = user << 32 | item;
        }
        sort_unique(&p);
    }
    for (size_t i = 0; i < wanted; i++) { /* any 10 million of them */
        size_t other = i + recs__random_below(&random, p.count - i);
        uint64_t kept = p.keys[i];
        p.keys[i] = p.keys[other];
        p.keys[other] = kept;
    }
    p.count = wanted;
    sort_unique(&p);
    return p;
}

static recs__sparse matrix_of(const pairs *p, uint32_t users, uint32_t items) {
    recs__sparse m;
    recs_error error;
    check(recs__sparse_create(&m, users, items, p->count, &host, &error), &error);
    for (size_t e = 0; e < p->count; e++) {
        m.offsets[(p->keys[e] >> 32) + 1]++;
        m.columns[e] = (uint32_t)p->keys[e];
        m.values[e] = 1.0f;
    }
    for (uint32_t u = 0; u < users; u++)
        m.offsets[u + 1] += m.offsets[u];
    return m;
}

/* ---- measuring ------------------------------------------------------------------------------ */

/* The clock of the host jumps, so that every batch is told. */
static int64_t jumping_clock(void *data) { return *(int64_t *)data += 1000000; }

typedef struct watch {
    double ended[2 * 1000 + 2]; /* time at which half-step d had its last batch */
} watch;

static int32_t look(void *data, const char *stage, uint64_t done, uint64_t total) {
    (void)stage;
    (void)total;
    ((watch *)data)->ended[done] = limits_now();
    return 0;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Multiply-adds of an iteration, at most: without what a rotation spares or
 * costs. */
static double work_of(const recs__training *t, size_t f, const recs__spec *spec) {
    double n = 2.0 * (double)t->by_user.entries, rows = (double)t->users + (double)t->items;
    double ff = (double)f, gram = rows * ff * (ff + 1) / 2, sum = 0.0;
    double steps = spec->settings[6], block = spec->settings[7] < ff ? spec->settings[7] : ff;
    if (spec->settings[5] == 2.0) /* block */
        return gram + rows * ff * ff + n * (3 * ff + ff * block / 2) + rows * ff * block * block / 6;
    if (spec->settings[5] != 3.0) /* cg */
        return gram + rows * ff * ff + n * ff * (2 * steps + 1);
    for (int side = 0; side < 2; side++) {
        const recs__csr *m = side ? &t->by_item : &t->by_user;
        for (uint32_t row = 0; row < m->rows; row++) {
            uint64_t at;
            double count = (double)recs__csr_row(m, row, &at);
            double less = count < ff ? count : ff, more = count < ff ? ff : count;
            sum += less * less * more / 2 + less * less * less / 6;
        }
    }
    return gram + rows * ff * ff + sum;
}

/* The objective: sum over all pairs of c (p - x.y)^2 by the trace of the two
 * Gram matrices, and the regularisation. */
static double loss_of(const recs__training *t, const recs__trained *m, const float *users,
                      const float *items) {
    size_t f = m->factors, stride = (f + 15) / 16 * 16;
    const float *sides[] = {users, items};
    const recs__csr *matrices[] = {&t->by_user, &t->by_item};
    double *gram[2], loss = 0.0, trained[2] = {0, 0};
    for (int s = 0; s < 2; s++) {
        uint64_t at;
        float *small = take(f * stride, sizeof *small);
        gram[s] = take(f * f, sizeof **gram);
        memset(gram[s], 0, f * f * sizeof **gram);
        for (uint32_t row = 0; row < matrices[s]->rows; row++)
            trained[s] += recs__csr_row(matrices[s], row, &at) > 0;
        for (uint32_t from = 0; from < matrices[s]->rows; from += 256) {
            size_t some = matrices[s]->rows - from < 256 ? matrices[s]->rows - from : 256;
            memset(small, 0, f * stride * sizeof *small);
            recs__kernels_get()->syrk(NULL, sides[s] + from * stride, stride, NULL, some, small,
                                      stride, f);
            for (size_t j = 0; j < f; j++)
                for (size_t l = 0; l <= j; l++)
                    gram[s][j * f + l] += (double)small[j * stride + l];
        }
        free(small);
    }
    for (size_t j = 0; j < f; j++)
        for (size_t l = 0; l <= j; l++)
            loss += (l < j ? 2.0 : 1.0) * gram[0][j * f + l] * gram[1][j * f + l];
    free(gram[0]);
    free(gram[1]);
    for (int s = 0; s < 2; s++)
        for (uint32_t row = 0; row < matrices[s]->rows; row++) {
            uint64_t at;
            size_t count = recs__csr_row(matrices[s], row, &at);
            const float *x = sides[s] + row * stride;
            double lambda = (double)m->regularization *
                            pow((double)count + trained[1 - s] / (double)m->alpha,
                                (double)m->regularization_exponent);
            loss += lambda * (double)recs__kernels_get()->dot(x, x, f);
            for (size_t e = 0; s == 0 && e < count; e++) {
                double score = (double)recs__kernels_get()->dot(
                    x, items + t->by_user.columns[at + e] * stride, f);
                double v = (double)t->by_user.values[at + e], wanted = v > 0.0 ? 1.0 : 0.0;
                loss += (1.0 + (double)m->alpha * fabs(v)) * (wanted - score) * (wanted - score) -
                        score * score;
            }
        }
    return loss;
}

static const float *section(const recs__trained *trained, uint32_t type) {
    for (uint32_t s = 0; s < trained->section_count; s++)
        if (trained->sections[s].type == type)
            return trained->sections[s].bytes;
    return NULL;
}

typedef struct quality {
    const recs__training *training;
    const recs__csr *test;
    const float *users, *items;
    size_t stride, factors, at;
    double *recall, *ndcg; /* [users]; -1: no test item */
} quality;

static int by_row(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void judge(void *arg, size_t user) {
    const quality *q = arg;
    uint64_t at, seen_at;
    size_t count = recs__csr_row(q->test, (uint32_t)user, &at), found = 0;
    q->recall[user] = -1.0;
    if (count == 0)
        return;
    float *scores = take(q->training->items, sizeof *scores);
    uint32_t *best = take(q->at + 1, sizeof *best);
    recs__kernels_get()->dot_rows(q->users + user * q->stride, q->items, q->stride, q->factors,
                                  q->training->items, scores);
    size_t seen = recs__csr_row(&q->training->by_user, (uint32_t)user, &seen_at);
    for (size_t e = 0; e < seen; e++)
        scores[q->training->by_user.columns[seen_at + e]] = -INFINITY;
    for (uint32_t i = 0; i < q->training->items; i++) {
        if (found == q->at && !(scores[i] > scores[best[found - 1]]))
            continue;
        size_t place = found < q->at ? found++ : found - 1;
        for (; place > 0 && scores[best[place - 1]] < scores[i]; place--)
            best[place] = best[place - 1];
        best[place] = i;
    }
    double hits = 0.0, gain = 0.0, ideal = 0.0;
    for (size_t r = 0; r < found; r++) {
        double discount = 1.0 / log2((double)r + 2.0);
        ideal += r < count ? discount : 0.0;
        if (bsearch(&best[r], q->test->columns + at, count, sizeof *best, by_row)) {
            hits += 1.0;
            gain += discount;
        }
    }
    q->recall[user] = hits / (double)count;
    q->ndcg[user] = gain / ideal;
    free(scores);
    free(best);
}

typedef struct settings {
    double alpha, regularization, exponent;
    unsigned iterations, at;
    uint64_t seed;
    const char *more;
} settings;

static void print_quality(const recs__training *training, const recs__csr *test,
                          const recs__trained *trained, size_t at) {
    quality q = {training, test, section(trained, RECS_SECTION_USER_FACTORS),
                 section(trained, RECS_SECTION_ITEM_FACTORS),
                 (trained->factors + 15) / 16 * 16, trained->factors, at,
                 take(training->users, sizeof(double)), take(training->users, sizeof(double))};
    double recall = 0.0, ndcg = 0.0, users = 0.0;
    recs__run(&training->host, judge, &q, training->users);
    for (uint32_t u = 0; u < training->users; u++)
        if (q.recall[u] >= 0.0) {
            recall += q.recall[u];
            ndcg += q.ndcg[u];
            users += 1.0;
        }
    printf(", \"recall@%zu\": %.5f, \"ndcg@%zu\": %.5f", at, recall / users, at, ndcg / users);
    free(q.recall);
    free(q.ndcg);
}

static double processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void measure(recs__training *training, const recs__csr *test, const settings *s,
                    unsigned factors, unsigned threads, const char *solver, double peak) {
    char text[500];
    recs_pool *pool = NULL;
    recs_error error;
    int64_t clock = 0;
    static watch w;
    recs__trained trained = {0};
    recs__progress progress;
    recs__description *description = take(1, sizeof *description);

    snprintf(text, sizeof text,
             "als(factors=%u, iterations=%u, alpha=%.9g, regularization=%.9g, "
             "regularization_exponent=%.9g, solver=%s%s%s)",
             factors, s->iterations, s->alpha, s->regularization, s->exponent, solver,
             *s->more ? ", " : "", s->more);
    check(recs__description_parse(description, text, &error), &error);
    check(recs_pool_create(&pool, threads, NULL, &error), &error);
    training->host.run = recs_pool_run;
    training->host.executor_data = pool;
    recs_host jumping = host;
    jumping.now = jumping_clock;
    jumping.clock_data = &clock;
    recs__progress_init(&progress, look, &w, &jumping);
    recs__train_job job = {training, &description->specs[0], s->seed, true, &progress, 0, NULL,
                               NULL, 0};
    double began = limits_now(), used = processor_seconds(), seconds[1000];
    check(recs__trainer_als.train(&job, &trained, &error), &error);
    double whole = limits_now() - began;
    used = processor_seconds() - used;
    for (unsigned i = 0; i < s->iterations; i++)
        seconds[i] = w.ended[2 * i + 1] - (i ? w.ended[2 * i - 1] : began);
    qsort(seconds, s->iterations, sizeof *seconds, ascending);
    double fmas = work_of(training, factors, &description->specs[0]);
    double loss = loss_of(training, &trained, section(&trained, RECS_SECTION_USER_FACTORS),
                          section(&trained, RECS_SECTION_ITEM_FACTORS));
    printf("{\"figure\": \"als\", \"peer\": \"recs\", \"isa\": \"%s\", \"solver\": \"%s\", "
           "\"factors\": %u, \"threads\": %u, \"users\": %u, \"items\": %u, \"pairs\": %llu, "
           "\"alpha\": %g, \"regularization\": %g, \"exponent\": %g, \"iterations\": %u, "
           "\"seed\": %llu, \"seconds_median\": %.4f, \"seconds_min\": %.4f, "
           "\"seconds_fit\": %.3f, \"cpu_fit\": %.3f, \"loss\": %.6g, \"more\": \"%s\", \"gflops\": %.1f",
           recs__kernels_get()->name, solver, factors, threads, training->users, training->items,
           (unsigned long long)training->by_user.entries, s->alpha, s->regularization, s->exponent,
           s->iterations, (unsigned long long)s->seed, seconds[s->iterations / 2], seconds[0],
           whole, used, loss, s->more, 2e-9 * fmas / seconds[0]);
    if (peak > 0.0)
        printf(", \"peak_gflops\": %.1f, \"share_of_peak\": %.3f", 2e-9 * peak * threads,
               fmas / seconds[0] / (peak * threads));
    if (test)
        print_quality(training, test, &trained, s->at);
    puts("}");
    fflush(stdout);
    recs__trained_clear(&trained, &host);
    recs_pool_destroy(pool);
    free(description);
}

/* ---- the command line ----------------------------------------------------------------- */

static const char *option(int argc, char **argv, const char *name, const char *fallback) {
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return fallback;
}

static double number(int argc, char **argv, const char *name, const char *fallback) {
    return strtod(option(argc, argv, name, fallback), NULL);
}

static void force_table(const char *name) {
    const recs__kernels *table;
    for (size_t t = 0; name && (table = recs__kernels_at(t)) != NULL; t++)
        if (strcmp(table->name, name) == 0)
            recs__kernels_force(table);
}

int main(int argc, char **argv) {
    const char *train = option(argc, argv, "--train", NULL);
    const char *held = option(argc, argv, "--test", NULL);
    settings s = {number(argc, argv, "--alpha", "40"), number(argc, argv, "--regularization", "1"),
                  number(argc, argv, "--exponent", "0"),
                  (unsigned)number(argc, argv, "--iterations", "10"),
                  (unsigned)number(argc, argv, "--at", "20"),
                  (uint64_t)number(argc, argv, "--seed", "1"), option(argc, argv, "--more", "")};
    const char *solvers = option(argc, argv, "--solver", "auto");
    if (s.iterations < 1 || s.iterations > 1000 || s.at < 1 || argc % 2 == 0) {
        fprintf(stderr, "als: options come as --name value; see the head of bench/als.c\n");
        return 2;
    }
    check(recs__host_init(&host, NULL, NULL), NULL);
    force_table(option(argc, argv, "--table", NULL));

    pairs p = train ? read_pairs(train) : generate_pairs(s.seed), t = {NULL, 0, 0, 0};
    if (held)
        t = read_pairs(held);
    uint32_t users = p.users > t.users ? p.users : t.users;
    uint32_t items = p.items > t.items ? p.items : t.items;
    recs__sparse by_user = matrix_of(&p, users, items), by_item, test_matrix = {0};
    recs__csr test;
    size_t tested = 0, limit = (size_t)number(argc, argv, "--users-tested", "4294967295");
    for (size_t e = 0; e < t.count; e++) { /* the first ones alone */
        tested += e == 0 || t.keys[e] >> 32 != t.keys[e - 1] >> 32;
        if (tested > limit)
            t.count = e;
    }
    if (held)
        test_matrix = matrix_of(&t, users, items);
    test = recs__sparse_view(&test_matrix);
    free(p.keys);
    free(t.keys);
    recs__training training = {.users = users, .items = items, .host = host};
    training.by_user = training.units = recs__sparse_view(&by_user);
    recs_error error;
    check(recs__sparse_transpose(&by_item, &training.by_user, &host, &error), &error);
    training.by_item = recs__sparse_view(&by_item);

    double peak = limits_fma();
    for (const char *f = option(argc, argv, "--factors", "64,128"); f;
         f = strchr(f, ',') ? strchr(f, ',') + 1 : NULL)
        for (const char *n = option(argc, argv, "--threads", "1,2"); n;
             n = strchr(n, ',') ? strchr(n, ',') + 1 : NULL)
            for (int solver = 0; solver < 4; solver++) {
                static const char *const names[] = {"auto", "cg", "block", "cholesky"};
                const char *i = option(argc, argv, "--iterations", "10");
                for (; strstr(solvers, names[solver]) && i;
                     i = strchr(i, ',') ? strchr(i, ',') + 1 : NULL) {
                    s.iterations = (unsigned)atoi(i);
                    measure(&training, held ? &test : NULL, &s, (unsigned)atoi(f),
                            (unsigned)atoi(n), names[solver], peak);
                }
            }
    recs__sparse_clear(&by_user, &host);
    recs__sparse_clear(&by_item, &host);
    recs__sparse_clear(&test_matrix, &host);
    return 0;
}
