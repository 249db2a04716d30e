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
    double recommended;   /* weight of events from recommendations */
    double clip;          /* propensities below count as this; 0: they are ignored */
} recs__values;

/* Propensities below this are taken for it: a weight of a million. */
#define RECS__CLIP_LEAST 1e-6

/* Every type counts 1; impressions and returns 0. */
void recs__values_init(recs__values *values);

/* "log1p", "binary", "raw", "cap(3)". ARGUMENT. */
recs_status recs__values_parse_weight(recs__values *values, const char *text, recs_error *error);

/* The weight of a quantity > 0 (log1p: ln(1 + q) / ln 2, so that one piece
 * weighs 1 under every rule), before the weight of its type; 0 for others. */
float recs__values_weigh(const recs__values *values, double quantity);

/* "ignore", "inverse", "clip(0.05)". ARGUMENT. */
recs_status recs__values_parse_propensity(recs__values *values, const char *text,
                                          recs_error *error);

/* What events of one user, item and type come to, by where they came from
 * (recs_event_source): pieces, and pieces times the weight of each event. */
typedef struct recs__amount {
    double quantity[2], weighted[2];
} recs__amount;

/* The first event of a pair and type, or one that replaces those before it. */
void recs__amount_set(recs__amount *amount, uint32_t source, double quantity, double weight);

/* Joins a further event, later in time. */
void recs__values_join(const recs__values *values, recs__amount *amount, uint32_t source,
                       double quantity, double weight);

/* What it weighs, before the weight of the type: the organic events as
 * recs__values_weigh of their pieces, each piece by the mean weight of its
 * events, and what the recommended ones add on top by theirs. So an event of
 * weight 0 adds nothing, one of weight 1/2 half of what it would, under every
 * rule of weights. */
float recs__values_amount(const recs__values *values, const recs__amount *amount);

#endif
