/* tune_parts.h - what trials are trained and judged on: a log in two parts, and
 * samples of the users to judge on. */
#ifndef RECS_TRAIN_TUNE_PARTS_H
#define RECS_TRAIN_TUNE_PARTS_H

#include "train/holdout.h"

#define RECS__RUNGS 3

typedef struct recs__tune_parts {
    recs__holdout holdout;
    recs_dataset *judge[RECS__RUNGS]; /* by depth; owned but where it is the holdout's */
    recs_progress *progress; /* of the parts, set by the caller after they are made */
    void *progress_data;
    uint64_t users; /* judged on at most */
    uint64_t seed;
} recs__tune_parts;

/* validation: NULL or "auto", or as recs_dataset_split. DATA: no user is in both
 * parts. Errors of the split. */
recs_status recs__parts_make(recs__tune_parts *parts, const recs_dataset *dataset,
                             const char *validation, uint64_t users, uint64_t seed,
                             recs_error *error);
/* Makes what is judged on so many rungs below the last, unless it is there: a
 * third of the users a rung, but JUDGED_LEAST of them (tune_parts.c). MEMORY. */
recs_status recs__parts_need(recs__tune_parts *parts, uint32_t depth, recs_error *error);
void recs__parts_clear(recs__tune_parts *parts);

/* Of the events, their ids and the rules: the same log read the same way. */
recs_status recs__dataset_hash(const recs_dataset *dataset, uint64_t *hash, recs_error *error);

#endif
