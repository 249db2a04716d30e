/* kernels.c - what each kernel reaches of what this machine can do.
 *
 *   build/bench/kernels [seconds per figure, 0.15 by default]
 *
 * In one run, one thread: the read bandwidth of a plain vector sum over a
 * block that fits L1, L2 and L3 and over one far beyond them; the peak of
 * independent fused multiply-adds; then every kernel of every table, with the
 * fraction of the limit that binds it. Best of several passes: other work on
 * the machine only makes a figure smaller. */
#include "base/random.h"
#include "limits.h"

enum { ROWS_FAR = 1000000, MAX_N = 2048 };

static double budget = 0.15;

static double best_time(void (*work)(void *), void *arg) {
    return limits_best(work, arg, budget);
}

static void fill(float *x, size_t n, uint64_t seed) {
    recs__random random;
    recs__random_seed(&random, seed);
    for (size_t i = 0; i < n; i++) x[i] = recs__random_float(&random) - 0.5f;
}

typedef struct limits {
    double l1, l2, l3, far; /* bytes per second */
    double fma;             /* multiply-adds per second */
} limits;

/* ---- the kernels ------------------------------------------------------------- */

typedef struct job {
    const recs__kernels *table;
    const float *rows, *query, *w;
    const uint32_t *index;
    float *out, *c;
    uint32_t *found;
    size_t n, count;
} job;

static void work_dot_rows(void *arg) {
    job *j = arg;
    j->table->dot_rows(j->query, j->rows, j->n, j->n, j->count, j->out);
}

/* The rows as bfloat16: what they stand for is of no matter here. */
static void work_dot_halves(void *arg) {
    job *j = arg;
    j->table->dot_rows_half(j->query, (const uint16_t *)(const void *)j->rows, j->n, j->n,
                            j->count, j->out);
}

static void work_dot_gather(void *arg) {
    job *j = arg;
    j->table->dot_gather(j->query, j->rows, j->n, j->n, j->index, j->count, j->out);
}

static void work_axpy_rows(void *arg) {
    job *j = arg;
    j->table->axpy_rows(j->w, j->rows, j->n, j->count, j->out, j->n);
}

static void work_axpy_gather(void *arg) {
    job *j = arg;
    j->table->axpy_gather(j->w, j->rows, j->n, j->index, j->count, j->out, j->n);
}

static void work_syrk(void *arg) {
    job *j = arg;
    j->table->syrk(j->w, j->rows, j->n, j->index, j->count, j->c, j->n, j->n);
}

/* c = a copy of the matrix, which costs n^2 of the n^3 / 6. */
static void work_cholesky(void *arg) {
    job *j = arg;
    memcpy(j->c, j->rows, j->n * j->n * sizeof(float));
    if (j->table->cholesky(j->c, j->n, j->n)) abort();
}

static void work_solve(void *arg) {
    job *j = arg;
    memcpy(j->out, j->query, j->n * sizeof(float));
    j->table->cholesky_solve(j->c, j->n, j->out, j->n);
}

static void work_above(void *arg) {
    job *j = arg;
    limits_sink = (float)j->table->above(j->rows, j->count, 0.499f, j->found);
}

/* Codes as bytes that are there: what they say is of no matter here, limits let
 * nothing through. */
typedef struct code_job {
    const job *j;
    const recs__code_query *queries;
    size_t count;
    uint16_t *hits;
} code_job;

static void work_codes(void *arg) {
    code_job *c = arg;
    static float bars[64];
    for (size_t q = 0; q < c->count; q++) bars[q] = 3e38f;
    c->j->table->code_scan(c->queries, bars, c->count, (const uint8_t *)(const void *)c->j->rows,
                           c->j->n / 4, c->j->count / 16, c->j->out, c->hits);
}

static void work_distance(void *arg) {
    job *j = arg;
    j->table->distance_rows(j->query, j->rows, j->n, j->n, j->count, j->out);
}

static void work_float16(void *arg) {
    job *j = arg;
    j->table->widen_float16((const uint16_t *)(const void *)j->rows, j->out, j->count);
}

static void work_int8(void *arg) {
    job *j = arg;
    j->table->widen_int8((const int8_t *)(const void *)j->rows, 0.5f, j->out, j->count);
}

/* One line: bytes per second against a limit of bytes, or multiply-adds
 * against the peak. */
static void line_bytes(const job *j, const char *what, double seconds, double bytes,
                       const char *of, double limit) {
    printf("%-7s %-12s n %4zu count %7zu  %9.2f us  %7.2f GB/s  %5.1f %% of %s\n", j->table->name,
           what, j->n, j->count, seconds * 1e6, bytes / seconds * 1e-9,
           limit > 0 ? 100 * bytes / seconds / limit : 0.0, of);
}

static void line_fma(const job *j, const char *what, double seconds, double fmas, double peak) {
    printf("%-7s %-12s n %4zu count %7zu  %9.2f us  %7.2f GFLOP/s  %5.1f %% of FMA peak\n",
           j->table->name, what, j->n, j->count, seconds * 1e6, 2 * fmas / seconds * 1e-9,
           peak > 0 ? 100 * fmas / seconds / peak : 0.0);
}

static void scans(job j, const limits *l) {
    static const size_t sizes[] = {64, 128};
    for (int i = 0; i < 2; i++) {
        j.n = sizes[i];
        struct {
            const char *name;
            size_t bytes;
            double limit;
        } places[] = {{"L2", 384 << 10, l->l2},
                      {"L3", 8 << 20, l->l3},
                      {"DRAM", (size_t)ROWS_FAR * j.n * 4, l->far}};
        for (int p = 0; p < 3; p++) {
            j.count = places[p].bytes / (4 * j.n);
            double bytes = (double)j.count * (double)j.n * 4;
            double limit = places[p].limit, seconds = best_time(work_dot_rows, &j);
            /* Memory is shared with whatever else runs: limit and kernel in turns. */
            for (int turn = 0; p == 2 && turn < 3; turn++) {
                double read = limits_read_at(j.rows, j.count * j.n, budget);
                double again = best_time(work_dot_rows, &j);
                limit = read > limit ? read : limit;
                seconds = again < seconds ? again : seconds;
            }
            line_bytes(&j, "dot_rows", seconds, bytes, places[p].name, limit);
            double half = best_time(work_dot_halves, &j);
            for (int turn = 0; p == 2 && turn < 3; turn++) {
                double again = best_time(work_dot_halves, &j);
                half = again < half ? again : half;
            }
            line_bytes(&j, "dot_half", half, bytes / 2, places[p].name, limit);
        }
        j.count = 100000;
        double bytes = (double)j.count * (double)j.n * 4;
        line_bytes(&j, "dot_gather", best_time(work_dot_gather, &j), bytes, "DRAM", l->far);
        j.count = 200;
        bytes = (double)j.count * (double)j.n * 4;
        line_bytes(&j, "axpy_rows", best_time(work_axpy_rows, &j), bytes, "L2", l->l2);
        line_bytes(&j, "axpy_gather", best_time(work_axpy_gather, &j), bytes, "L2", l->l2);
    }
    j.n = 1;
    j.count = 1000000;
    line_bytes(&j, "above", best_time(work_above, &j), 4e6, "L3", l->l3);
}

/* Search: pairs of a vector and a row a second, for rows in a cache and in memory. */
static void searches(job j, const limits *l) {
    static const size_t sizes[] = {64, 128, 784};
    static int8_t codes[784];
    static uint32_t starts[16];
    static recs__code_query queries[64];
    uint16_t *hits = limits_block(64 * ROWS_FAR / 16, sizeof *hits);
    for (size_t q = 0; q < 64; q++) queries[q] = (recs__code_query){.codes = codes, .starts = starts};
    for (size_t i = 0; i < 784; i++) codes[i] = (int8_t)(i % 17) - 8;
    for (int i = 0; i < 3; i++) {
        static const size_t counts[] = {1, 4, 64};
        j.n = sizes[i];
        for (int k = 0; k < 4; k++) {
            bool far = k == 3;
            j.count = far ? ROWS_FAR / 2 : 4096;
            if (far && j.n > 128) continue;
            code_job c = {&j, queries, counts[far ? 0 : k], hits};
            double seconds = best_time(work_codes, &c);
            double pairs = (double)j.count * (double)c.count, bytes = (double)j.count * (double)j.n;
            printf("%-7s %-12s n %4zu count %7zu  queries %2zu  %8.1f Mpairs/s  %6.2f GB/s  %6.2f "
                   "Gmac/s%s\n",
                   j.table->name, "code_scan", j.n, j.count, c.count, pairs / seconds * 1e-6,
                   bytes / seconds * 1e-9, pairs * (double)j.n / seconds * 1e-9,
                   far ? "  from DRAM" : "");
        }
        j.count = (384 << 10) / (4 * j.n);
        line_bytes(&j, "distance", best_time(work_distance, &j), (double)j.count * (double)j.n * 4,
                   "L2", l->l2);
    }
    j.n = 1;
    j.count = 48 << 10;
    line_bytes(&j, "float16", best_time(work_float16, &j), (double)j.count * 2, "L2", l->l2);
    line_bytes(&j, "int8", best_time(work_int8, &j), (double)j.count, "L2", l->l2);
    free(hits);
}

static void solves(job j, const limits *l, float *matrix) {
    static const size_t sizes[] = {16, 32, 64, 128, 256, 512, 1024, 2048};
    static const size_t counts[] = {30, 100, 300};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        j.n = sizes[i];
        double n = (double)j.n;
        if (j.n > 128) j.index = NULL; /* the block has rows of 128 only */
        if (!strcmp(j.table->name, "scalar") && j.n > 128) continue;
        for (int k = 0; k < 3; k++) {
            j.count = counts[k];
            memset(j.c, 0, j.n * j.n * sizeof(float));
            line_fma(&j, "syrk", best_time(work_syrk, &j), n * (n + 1) / 2 * (double)j.count,
                     l->fma);
        }
        j.count = 1;
        memset(matrix, 0, j.n * j.n * sizeof(float));
        for (size_t d = 0; d < j.n; d++) {
            for (size_t e = 0; e < d; e++) matrix[d * j.n + e] = j.rows[d * 64 + e] * 0.01f;
            matrix[d * j.n + d] = n;
        }
        job c = j;
        c.rows = matrix;
        line_fma(&c, "cholesky", best_time(work_cholesky, &c), n * n * n / 6, l->fma);
        line_fma(&c, "solve", best_time(work_solve, &c), n * n, l->fma);
    }
}

int main(int argc, char **argv) {
    if (argc > 1) budget = strtod(argv[1], NULL);
    size_t far = (size_t)ROWS_FAR * 128;
    float *rows = limits_block(far, 4), *out = limits_block(ROWS_FAR * 8, 4);
    float *c = limits_block(MAX_N * MAX_N, 4);
    float *matrix = limits_block(MAX_N * MAX_N, 4), query[MAX_N], w[MAX_N];
    uint32_t *index = limits_block(100000, 4), *found = limits_block(1000000, 4);
    fill(rows, far, 1);
    fill(query, MAX_N, 2);
    fill(w, MAX_N, 4);
    memset(out, 0, ROWS_FAR * 8 * sizeof *out);
    recs__random random;
    recs__random_seed(&random, 5);
    for (size_t i = 0; i < 100000; i++) index[i] = (uint32_t)recs__random_below(&random, ROWS_FAR);

    limits l = {limits_read_at(rows, 4 << 10, budget), limits_read_at(rows, 96 << 10, budget),
                limits_read_at(rows, 2 << 20, budget),
                limits_read_at(rows, (size_t)ROWS_FAR * 64, budget), limits_fma()};
    printf("one thread, seed 1, %.2f s a figure\n", budget);
    printf("reads: L1 %.1f, L2 %.1f, L3 %.1f, DRAM %.1f GB/s; FMA peak %.1f GFLOP/s\n",
           l.l1 * 1e-9, l.l2 * 1e-9, l.l3 * 1e-9, l.far * 1e-9, 2 * l.fma * 1e-9);
    for (size_t t = 0; recs__kernels_at(t); t++) {
        job j = {.table = recs__kernels_at(t), .rows = rows, .query = query, .w = w,
                 .index = index, .out = out, .c = c, .found = found};
        scans(j, &l);
        searches(j, &l);
        solves(j, &l, matrix);
    }
    free(rows), free(out), free(c), free(matrix), free(index), free(found);
    return 0;
}
