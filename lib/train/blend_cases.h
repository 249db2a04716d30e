/* blend_cases.h - validation users with the candidates of every component of a
 * blend and all their scores, so that weights can be tried without asking a
 * model again. */
#ifndef RECS_TRAIN_BLEND_CASES_H
#define RECS_TRAIN_BLEND_CASES_H

#include "train/blend_learning.h"
#include "train/progress.h"
#include "train/training.h"

typedef struct recs__case_chunk recs__case_chunk;

typedef struct recs__cases {
    const recs_host *host;
    uint32_t components, k;
    recs__blend_metric metric;
    recs__blend_repeats repeats;
    uint32_t users; /* cases: those with something to find */
    double scale[RECS__TERMS_MAX];
    recs__case_chunk *chunks;
    size_t chunk_count;
    double *discounts; /* [k] gains by rank, then their running sums */
} recs__cases;

/* Asks the model for the best candidates of each of the components (by name)
 * for users of the validation part, their own items left out (repeats=include:
 * in; only: nothing but those), and for the
 * scores of all of them by all components, each times a constant: one over the
 * mean of the best 20, own items always left out, of up to RECS__LEARNING_SAMPLE of the users, whose ids go
 * to sample unless it has some. Users are taken evenly spread by row: as many as
 * CASES_MOST and CASES_BYTES in blend_cases.c allow. */
recs_status recs__cases_make(recs__cases *cases, const recs_model *model,
                             const recs__training *valid, const char *const *names,
                             recs__progress *progress, recs__learning_sample *sample,
                             recs_error *error);
void recs__cases_clear(recs__cases *cases);

/* The metric of each case ([users]) under the weights ([components]): the
 * truth's ranks among the case's candidates, ties by row. Candidates are the
 * best of each component, so for weights >= 0 what is missing could only come
 * in below all of them. */
void recs__cases_value(const recs__cases *cases, const double *weights, double *values);

#endif
