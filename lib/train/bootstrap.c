/* bootstrap.c - resamples in tasks of TOGETHER, which share each pass over a
 * block of users: their rows are read from a cache for all but the first.
 * Sums of a block are single precision, those of blocks double. */
#include "train/bootstrap.h"

#include "base/memory.h"
#include "base/random.h"
#include "kernels/kernels.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define TOGETHER 8
#define TASKS_PER_TELL 16
#define USERS_PER_BLOCK 64

typedef struct run {
    const recs__sample *sample;
    const recs_host *host;
    uint32_t resamples, first;
    uint64_t seed;
    double *sums;
    atomic_bool failed; /* an allocation */
} run;

static void draw(const run *r, uint32_t resample, float *times) {
    size_t count = r->sample->count;
    recs__random random;
    recs__random_seed(&random, r->seed ^ ((uint64_t)resample + 1) * UINT64_C(0xD1B54A32D192ED03));
    memset(times, 0, count * sizeof *times);
    for (size_t i = 0; i < count; i++)
        times[recs__random_below(&random, count)] += 1.0f;
}

static void add_block(const recs__sample *sample, const float *times, size_t first, size_t last,
                      float *block, double *sums) {
    const recs__kernels *kernels = recs__kernels_get();
    memset(block, 0, sample->cells * sizeof *block);
    for (size_t p = first; p < last; p++) {
        size_t user = sample->users ? sample->users[p] : p;
        if (times[p] != 0.0f)
            kernels->axpy(times[p], sample->values + user * sample->stride, block, sample->cells);
    }
    for (size_t c = 0; c < sample->cells; c++)
        sums[c] += (double)block[c];
}

static void task(void *arg, size_t index) {
    run *r = arg;
    const recs__sample *sample = r->sample;
    uint32_t first = r->first + (uint32_t)index * TOGETHER;
    size_t count = r->resamples - first < TOGETHER ? r->resamples - first : TOGETHER;
    float *times = recs__alloc(r->host, sample->count, count * sizeof *times, NULL);
    float *block = recs__alloc(r->host, sample->cells, sizeof *block, NULL);
    double *sums = r->sums + (size_t)first * sample->cells;

    if (!times || !block) {
        atomic_store(&r->failed, true);
    } else {
        memset(sums, 0, count * sample->cells * sizeof *sums);
        for (size_t i = 0; i < count; i++)
            draw(r, first + (uint32_t)i, times + i * sample->count);
        for (size_t p = 0; p < sample->count; p += USERS_PER_BLOCK) {
            size_t last = p + USERS_PER_BLOCK < sample->count ? p + USERS_PER_BLOCK : sample->count;
            for (size_t i = 0; i < count; i++)
                add_block(sample, times + i * sample->count, p, last, block,
                          sums + i * sample->cells);
        }
    }
    recs__free(r->host, times);
    recs__free(r->host, block);
}

recs_status recs__bootstrap(const recs__sample *sample, uint32_t resamples, uint64_t seed,
                            const recs_host *host, recs__progress *progress, double **sums,
                            recs_error *error) {
    run r = {.sample = sample, .host = host, .resamples = resamples, .seed = seed};
    recs_status status = RECS_OK;
    atomic_init(&r.failed, false);
    r.sums = recs__alloc(host, (size_t)resamples * sample->cells, sizeof *r.sums, error);
    if (!r.sums)
        return RECS_ERR_MEMORY;
    while (r.first < resamples && status == RECS_OK) {
        uint32_t left = (resamples - r.first + TOGETHER - 1) / TOGETHER;
        uint32_t tasks = left < TASKS_PER_TELL ? left : TASKS_PER_TELL;
        status = recs__progress_tell(progress, "resampling users", r.first, resamples, error);
        if (status)
            break;
        recs__run(host, task, &r, tasks);
        if (atomic_load(&r.failed))
            status = recs__fail_memory(error, sample->count * TOGETHER * sizeof(float));
        r.first += tasks * TOGETHER;
    }
    if (status) {
        recs__free(host, r.sums);
        return status;
    }
    *sums = r.sums;
    return RECS_OK;
}

/* ---- from resamples to statements ------------------------------------------------------- */

static void sink(double *values, size_t root, size_t size) {
    for (size_t child; (child = 2 * root + 1) < size; root = child) {
        if (child + 1 < size && values[child + 1] > values[child])
            child++;
        if (values[child] <= values[root])
            return;
        double swapped = values[root];
        values[root] = values[child];
        values[child] = swapped;
    }
}

static void sort_values(double *values, size_t size) {
    for (size_t root = size / 2; root-- > 0;)
        sink(values, root, size);
    while (size-- > 1) {
        double swapped = values[0];
        values[0] = values[size];
        values[size] = swapped;
        sink(values, 0, size);
    }
}

void recs__bootstrap_interval(double *values, size_t count, double confidence, double *low,
                              double *high) {
    size_t place = (size_t)(((double)count + 1.0) * (1.0 - confidence) / 2.0);
    place = place < 1 ? 1 : place;
    sort_values(values, count);
    *low = values[place - 1];
    *high = values[count - place];
}

double recs__bootstrap_p(const double *values, size_t count) {
    size_t below = 0, above = 0;
    for (size_t i = 0; i < count; i++) {
        below += values[i] <= 0.0;
        above += values[i] >= 0.0;
    }
    double p = 2.0 * ((double)(below < above ? below : above) + 1.0) / ((double)count + 1.0);
    return p < 1.0 ? p : 1.0;
}
