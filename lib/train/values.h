/* values.h - how much a pair counts: the rules between events and weights. */
#ifndef RECS_TRAIN_VALUES_H
#define RECS_TRAIN_VALUES_H

#include "recs/events.h"

#include <stdbool.h>

typedef enum recs__weight {
    RECS__WEIGHT_LOG1P,
    RECS__WEIGHT_BINARY,
    RECS__WEIGHT_RAW,
    RECS__WEIGHT_CAP
} recs__weight;

typedef enum recs__duplicates {
    RECS__DUPLICATES_SUM,
    RECS__DUPLICATES_LAST,
    RECS__DUPLICATES_MAX
} recs__duplicates;

typedef struct recs__values {
    recs__weight weight;
    double cap;
    recs__duplicates duplicates;
    float type_weights[RECS_EVENT_MAX + 1];
    bool positive_given;
    double positive;
    int32_t default_type; /* of events without one, resolved */
} recs__values;

/* Every type counts 1; impressions and returns 0. */
void recs__values_init(recs__values *values);

/* "log1p", "binary", "raw", "cap(3)". ARGUMENT. */
recs_status recs__values_parse_weight(recs__values *values, const char *text, recs_error *error);

/* The weight of a quantity > 0 (log1p: ln(1 + q) / ln 2, so that one piece
 * weighs 1 under every rule), before the weight of its type; 0 for others. */
float recs__values_weigh(const recs__values *values, double quantity);

/* Joins a further quantity of the same user, item and type, later in time. */
double recs__values_join(const recs__values *values, double before, double quantity);

#endif
