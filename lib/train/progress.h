/* progress.h - telling the caller how far long work has come, about ten times
 * a second at most, and hearing whether it should stop. */
#ifndef RECS_TRAIN_PROGRESS_H
#define RECS_TRAIN_PROGRESS_H

#include "recs/train.h"

typedef struct recs__progress {
    recs_progress *callback; /* NULL: nobody wants to know */
    void *user_data;
    const recs_host *host;   /* its clock */
    const char *stage;       /* told last */
    int64_t told_at;
} recs__progress;

void recs__progress_init(recs__progress *progress, recs_progress *callback, void *user_data,
                         const recs_host *host);

/* Tells it when the stage is a new one (by address: give literals), when it is
 * done or when a tenth of a second has passed since. CANCELLED when the
 * callback says so. On the calling thread only. */
recs_status recs__progress_tell(recs__progress *progress, const char *stage, uint64_t done,
                                uint64_t total, recs_error *error);

#endif
