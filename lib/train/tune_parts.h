/* tune_parts.h - what trials are trained and judged on: a validation part, and
 * the same for a ninth and a third of the users. */
#ifndef RECS_TRAIN_TUNE_PARTS_H
#define RECS_TRAIN_TUNE_PARTS_H

#include "train/holdout.h"

#define RECS__RUNGS 3

typedef struct recs__tune_parts {
    recs__holdout holdout;
    uint32_t rungs; /* 1 to RECS__RUNGS; the last is of all users */
    struct {
        recs_dataset *train, *valid; /* owned but where they are the holdout's */
        double share;                /* of the users that are trained on */
    } rung[RECS__RUNGS];
    recs_progress *progress; /* of the parts, set by the caller after they are made */
    void *progress_data;
    uint64_t users; /* judged on at most */
    uint64_t seed;
} recs__tune_parts;

/* validation: NULL or "auto", or as recs_dataset_split. There are as many rungs
 * as leave RUNG_USERS users to judge the lowest by (tune_parts.c). DATA: no user is in
 * both parts. Errors of the split. */
recs_status recs__parts_make(recs__tune_parts *parts, const recs_dataset *dataset,
                             const char *validation, uint64_t users, uint64_t seed,
                             recs_error *error);
/* Makes the parts of a rung unless they are there. MEMORY. */
recs_status recs__parts_need(recs__tune_parts *parts, uint32_t rung, recs_error *error);
void recs__parts_clear(recs__tune_parts *parts);

/* Of the events, their ids and the rules: the same log read the same way. */
recs_status recs__dataset_hash(const recs_dataset *dataset, uint64_t *hash, recs_error *error);

#endif
