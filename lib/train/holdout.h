/* holdout.h - a validation part of a log: what is tuned and learned on events
 * that the models under comparison were not trained on. */
#ifndef RECS_TRAIN_HOLDOUT_H
#define RECS_TRAIN_HOLDOUT_H

#include "train/dataset.h"

/* AUTO: by time where events have times and enough users are left to learn
 * from, else at random. */
typedef enum recs__holdout_how {
    RECS__HOLDOUT_AUTO,
    RECS__HOLDOUT_TIME,
    RECS__HOLDOUT_RANDOM
} recs__holdout_how;

/* As few as these users in both parts, and AUTO cuts at random instead. */
#define RECS__HOLDOUT_USERS 100

typedef struct recs__holdout {
    recs_dataset *train, *valid; /* owned */
    char how[32];                /* as recs_dataset_split was asked: "time:0.9" */
    uint32_t users;              /* in both parts */
} recs__holdout;

/* Holds out share of the events (the latest, or of each user's items at
 * random by seed). Both parts keep their users' ids whatever users= says: they
 * never become a model that is given away. STATE: TIME, and no event has one.
 * MEMORY. On failure *holdout is empty. Cost: O(n) and a copy of the log. */
recs_status recs__holdout_make(recs__holdout *holdout, const recs_dataset *dataset,
                               recs__holdout_how how, double share, uint64_t seed,
                               recs_error *error);
/* The same with the text that recs_dataset_split takes. ARGUMENT, STATE, MEMORY. */
recs_status recs__holdout_split(recs__holdout *holdout, const recs_dataset *dataset,
                                const char *how, uint64_t seed, recs_error *error);
void recs__holdout_clear(recs__holdout *holdout);

#endif
