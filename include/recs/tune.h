/* recs/tune.h - librecs-train: settings picked on a held-out part.
 *
 * Part of recs/train.h, which brings it in. docs/tuning.md explains it.
 */
#ifndef RECS_TUNE_H
#define RECS_TUNE_H

#include "recs/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What was tried, and what it comes to. */
typedef struct recs_tuning recs_tuning;

/* Called when trial `index` is done, on the calling thread. */
typedef void recs_tune_told(void *user_data, const recs_tuning *tuning, size_t index);

typedef struct recs_tune_options {
    size_t struct_size;
    uint64_t seed;
    double budget_seconds;   /* no trial begins after it, a running one is given up; 0: none */
    uint32_t trials;         /* so many and no more, those of the state file counted; 0: no limit.
                                With this alone the result does not depend on the machine's speed */
    int32_t repeats;         /* a recs_repeats, as in recs_evaluate                   */
    const char *metric;      /* recall, ndcg, precision, hit_rate, mrr or map and @k; NULL: ndcg@20 */
    const char *validation;  /* as recs_dataset_split; NULL or "auto": time:0.9 where events have
                                times and enough users are left, else random:0.1          */
    double min_coverage;     /* share of the catalogue that must be shown, 0 to 1       */
    uint64_t users;          /* validation users asked at most; 0: 10000              */
    const char *state;       /* file the search is kept in and taken up from; NULL: none */
    recs_progress *progress; /* done of total: milliseconds of the budget, else trials; non-zero
                                ends the search with what there is                    */
    void *progress_data;
    recs_tune_told *told;
    void *told_data;
    /* above: version 0.1 */
} recs_tune_options;

/* Searches settings on a validation part held out of the data: that of one
 * component after another, each judged alone, then the description as a whole
 * with the best of each, where blend(…) learns its weights. space is a
 * description in which settings may be free:
 *
 *   als(factors=64|128, alpha=1..100 log, regularization=?), itemknn, blend(als, itemknn)
 *
 * docs/tuning.md has the grammar and the method (successive halving over
 * iterations, a response surface for what to try). Nothing of the validation
 * part is trained on; the test part is yours to keep for the end.
 * ARGUMENT: space (column), options, nothing to search, neither budget nor
 * trials. DATA: no user to validate on. CONFLICT: the state file is of other
 * data or another search, or in use. CORRUPT: it is damaged (line). LIMIT: the
 * budget ended before a trial was done. CANCELLED: progress ended it before
 * that. What training the defaults says, where it fails. MEMORY, IO. On
 * failure *tuning is not touched; trials that were done are in the state file.
 * Cost: the trials; memory: a copy of the log beside what training takes. Since 0.1. */
RECS_API recs_status recs_tune(const recs_dataset *dataset, const char *space,
                               const recs_tune_options *options, const recs_host *host,
                               recs_tuning **tuning, recs_error *error);
RECS_API void recs_tuning_destroy(recs_tuning *tuning);

/* The description to use: what was best of everything searched. Lives with the
 * tuning. */
RECS_API const char *recs_tuning_description(const recs_tuning *tuning);
/* 1: the best of each component covers min_coverage, measured in full. */
RECS_API int32_t recs_tuning_met(const recs_tuning *tuning);
/* 1: progress ended it. */
RECS_API int32_t recs_tuning_stopped(const recs_tuning *tuning);
/* How the validation part was cut, "time:0.9". */
RECS_API const char *recs_tuning_validation(const recs_tuning *tuning);

RECS_API size_t recs_tuning_trials(const recs_tuning *tuning);
/* Of a trial, in the order they were done: the component it judges, what was
 * trained, of that what was searched ("alpha=3, factors=64"; nothing when all were
 * trained), and why it could not be (NULL when it could). NULL for no such trial. */
RECS_API const char *recs_tuning_component(const recs_tuning *tuning, size_t trial);
RECS_API const char *recs_tuning_trained(const recs_tuning *tuning, size_t trial);
RECS_API const char *recs_tuning_varied(const recs_tuning *tuning, size_t trial);
RECS_API const char *recs_tuning_failed(const recs_tuning *tuning, size_t trial);
/* "value" (the metric asked for), "recall", "ndcg", "coverage", "popularity" at
 * its k; "users" judged on; "share" of its iterations it was trained with; "train_seconds",
 * "evaluate_seconds"; "whole": 1 when the description as a whole was trained.
 * NaN for an unknown name, no such trial or one that failed. */
RECS_API double recs_tuning_value(const recs_tuning *tuning, size_t trial, const char *name);
/* Index of the best trial of a component so far; SIZE_MAX: none. */
RECS_API size_t recs_tuning_best(const recs_tuning *tuning, const char *component);

#ifdef __cplusplus
}
#endif

#endif /* RECS_TUNE_H */
