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

/* Writes settings never tried before. False: there are none left in the space
 * (or a thousand draws found none). O(count * m^2 + m^3) for m = 1 + d + d (d + 1) / 2
 * and d free settings. */
bool recs__propose(const recs__proposer *proposer, double settings[RECS__SETTINGS_MAX]);

#endif
