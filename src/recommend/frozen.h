/* frozen.h - the trends of a model's component at a place and a time. */
#ifndef RECS_RECOMMEND_FROZEN_H
#define RECS_RECOMMEND_FROZEN_H

#include "recommend/score.h"

/* A place and those that lend to it, its own first. At most 12 steps of a path
 * and the root. */
enum { RECS__FROZEN_LEVELS = 13 };

typedef struct recs__frozen_level {
    uint32_t place;
    double total, total_base, lent;
} recs__frozen_level;

/* What a step needs to explain itself, between its filling and the next. */
typedef struct recs__frozen {
    recs__frozen_level level[RECS__FROZEN_LEVELS];
    uint32_t levels;
    double scale[2]; /* of counts and bases at the asked time */
    int64_t time;
} recs__frozen;

/* Fills the step's lane with the scores at a place. MEMORY. Cost: the items
 * counted at the place and those that lend to it. */
recs_status recs__frozen_fill(recs__step *step, const recs_host *host, uint32_t items,
                              const recs__where *where, recs_error *error);

/* Where a row's score comes from: contributions by level, own place first, that
 * add up to it but for rounding; their number. One for a rise. */
uint32_t recs__frozen_parts(const recs__step *step, uint32_t row,
                            double parts[RECS__FROZEN_LEVELS]);

/* A place's path; "" for the root, and for what a file does not have. */
const char *recs__frozen_path(const recs__component *component, uint32_t place, size_t *size);

/* What the scores of a place of this traffic are multiplied by before a blend's
 * constant, which was measured at the root. */
float recs__frozen_factor(const recs__component *component, const recs__frozen *frozen);

#endif
