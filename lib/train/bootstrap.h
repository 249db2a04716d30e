/* bootstrap.h - resampling of users, for intervals of any figure made of sums
 * over users. Efron 1979: draw as many users as there are, with replacement,
 * add up, and do it again.
 *
 * A resample depends on the seed, its number and the number of users alone, so
 * figures of the same users are resampled alike: that is what pairs two
 * systems. */
#ifndef RECS_TRAIN_BOOTSTRAP_H
#define RECS_TRAIN_BOOTSTRAP_H

#include "recs/train.h"
#include "train/progress.h"

#define RECS__RESAMPLES_LEAST 100
#define RECS__RESAMPLES_MOST 100000

/* A row of `cells` numbers for each user: that of place p in the sample begins
 * at values + stride * (users ? users[p] : p). */
typedef struct recs__sample {
    const float *values;
    size_t stride, cells;
    const uint32_t *users;
    size_t count;
} recs__sample;

/* sums[r * cells + c]: the sum of cell c over resample r; owned by the caller
 * (recs__free). Cost: resamples * (count draws and 0.63 count * cells
 * multiply-adds), on the host's executor; the same bits for any number of
 * threads. MEMORY (8 * resamples * cells bytes, and 4 * count a task),
 * CANCELLED. */
recs_status recs__bootstrap(const recs__sample *sample, uint32_t resamples, uint64_t seed,
                            const recs_host *host, recs__progress *progress, double **sums,
                            recs_error *error);

/* The percentile interval: the order statistics floor((n + 1) a / 2) from
 * either end, a = 1 - confidence. Sorts values, which are finite. */
void recs__bootstrap_interval(double *values, size_t count, double confidence, double *low,
                              double *high);

/* The two-sided p-value that 0 is the true value, by inverting that interval:
 * 2 (1 + the smaller of the numbers at or below and at or above 0) / (n + 1),
 * at most 1. */
double recs__bootstrap_p(const double *values, size_t count);

#endif
