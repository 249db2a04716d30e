/* foldin.c - what folding in one visitor costs.
 *
 *   build/bench/foldin [seconds per figure, 0.2 by default]
 *
 * Histories of several lengths of 40,000 items, on this machine's widest
 * kernels, one thread: microseconds of a solve (best of many batches, each of
 * 64 visitors whose items differ, so that rows come from the caches as they
 * do in a busy process), its multiply-adds as a share of the FMA peak that
 * this run measured. One JSON line a figure. */
#include "base/random.h"
#include "kernels/foldin.h"
#include "limits.h"

enum { ITEMS = 40000, VISITORS = 64 };

typedef struct job {
    recs__foldin foldin;
    const uint32_t *rows; /* [VISITORS][count] */
    const float *values;
    size_t count;
    float *scratch, *x;
} job;

static void fold(void *arg) {
    job *j = arg;
    for (size_t v = 0; v < VISITORS; v++)
        if (!recs__foldin_solve(&j->foldin, j->rows + v * j->count, j->values, j->count, j->scratch,
                                j->x))
            abort();
    limits_sink = j->x[0];
}

static int by_row(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure(size_t factors, size_t count, double budget, double peak) {
    size_t stride = (factors + 15) / 16 * 16;
    float *items = limits_block(ITEMS * stride, sizeof *items);
    float *gram = limits_block(factors, sizeof *gram), *values = limits_block(count, sizeof *values);
    uint32_t *rows = limits_block(VISITORS * count, sizeof *rows);
    recs__random random;
    recs__random_seed(&random, 1);
    memset(gram, 0, factors * sizeof *gram);
    for (size_t i = 0; i < ITEMS; i++)
        for (size_t f = 0; f < stride; f++) {
            items[i * stride + f] = f < factors ? 0.1f * recs__random_normal(&random) : 0.0f;
            if (f < factors) gram[f] += items[i * stride + f] * items[i * stride + f];
        }
    for (size_t v = 0; v < VISITORS; v++) {
        for (size_t e = 0; e < count; e++) /* popular items more often */
            rows[v * count + e] = (uint32_t)(recs__random_double(&random) *
                                             recs__random_double(&random) * ITEMS);
        qsort(rows + v * count, count, sizeof *rows, by_row);
    }
    for (size_t e = 0; e < count; e++) values[e] = 1.0f;
    job j = {.foldin = {.item_factors = items, .gram = gram, .items = ITEMS, .factors = factors,
                        .stride = stride, .alpha = 40, .regularization = 0.4f,
                        .regularization_exponent = 1, .items_trained = ITEMS},
             .rows = rows, .values = values, .count = count,
             .x = limits_block(stride, sizeof(float))};
    j.scratch = limits_block(recs__foldin_scratch(&j.foldin, count), sizeof(float));
    double seconds = limits_best(fold, &j, budget) / VISITORS;
    double less = (double)(count < factors ? count : factors);
    double more = (double)(count < factors ? factors : count);
    double work = less * less * more / 2 + less * less * less / 6;
    printf("{\"figure\": \"foldin\", \"peer\": \"librecs\", \"isa\": \"%s\", \"threads\": 1, "
           "\"factors\": %zu, \"entries\": %zu, \"items\": %d, \"microseconds\": %.2f, "
           "\"share_of_peak\": %.3f, \"seed\": 1}\n",
           recs__kernels_get()->name, factors, count, ITEMS, seconds * 1e6,
           peak > 0 ? work / seconds / peak : 0.0);
    fflush(stdout);
    free(items);
    free(gram);
    free(values);
    free(rows);
    free(j.scratch);
    free(j.x);
}

int main(int argc, char **argv) {
    static const size_t factors[] = {64, 128, 256, 512, 2048}, entries[] = {8, 32, 100, 400};
    double budget = argc > 1 ? strtod(argv[1], NULL) : 0.2, peak = limits_fma();
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
        for (size_t e = 0; e < sizeof entries / sizeof *entries; e++)
            measure(factors[f], entries[e], budget, peak);
    return 0;
}
