/* evaluation.h - the table an evaluation ends in: systems by metrics. */
#ifndef RECS_TRAIN_EVALUATION_H
#define RECS_TRAIN_EVALUATION_H

#include "recs/train.h"

#define RECS__EVALUATION_ROWS 160
#define RECS__EVALUATION_CUTOFFS 12
#define RECS__EVALUATION_METRICS (8 * RECS__EVALUATION_CUTOFFS)

struct recs_evaluation {
    recs_host host;
    char rows[RECS__EVALUATION_ROWS][80];
    char metrics[RECS__EVALUATION_METRICS][32];
    double values[RECS__EVALUATION_ROWS][RECS__EVALUATION_METRICS];
    size_t row_count, metric_count;
    uint64_t users, users_unknown, users_empty, items_unknown;
    char protocol[1024];
};

recs_evaluation *recs__evaluation_create(const recs_host *host, recs_error *error);

#endif
