/* tune_propose.h - the next settings to try of one component. A pure function
 * of what was tried, in order, and a seed: a search that is taken up again goes
 * on as if it had never stopped. */
#ifndef RECS_TRAIN_TUNE_PROPOSE_H
#define RECS_TRAIN_TUNE_PROPOSE_H

#include "train/tune_space.h"

/* Settings tried, and how good they were (higher is better). */
typedef struct recs__tried {
    double settings[RECS__SETTINGS_MAX]; /* as in a spec */
    double value;
    bool judged; /* value is there: at the fidelity that is compared, not failed */
} recs__tried;

typedef struct recs__proposer {
    const recs__space *space;
    uint32_t component;
    uint64_t seed;
    const recs__tried *tried;
    size_t count;
} recs__proposer;

/* Writes settings never tried before. *any false: there are none left in the space
 * (or a thousand draws found none). MEMORY. O(n^3) for n judged, at most 200. */
recs_status recs__propose(const recs__proposer *proposer, const recs_host *host,
                          double settings[RECS__SETTINGS_MAX], bool *any, recs_error *error);

#endif
