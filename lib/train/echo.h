/* echo.h - how much an event counts by where it came from, so that a shop
 * does not train on its own recommendations. */
#ifndef RECS_TRAIN_ECHO_H
#define RECS_TRAIN_ECHO_H

#include "train/log.h"
#include "train/values.h"

#define RECS__SOURCES 2 /* recs_event_source */

typedef struct recs__echo {
    double weights[RECS__SOURCES]; /* of a source, over the mean of 1 / propensity */
    double clip;                   /* 0: propensities are ignored                  */
} recs__echo;

/* From the rules (default_type resolved) and the whole log. O(n) where there
 * are propensities to use, else constant. */
void recs__echo_init(recs__echo *echo, const recs__values *values, const recs__log *log);

/* The weight of an event, at least 0: 1 where no rule says otherwise. */
double recs__echo_weight(const recs__echo *echo, const recs__log *log, uint64_t event);

#endif
