/* values.c - how much a pair counts. Pure functions; the logarithm is base's
 * own, so that the same log makes the same model file everywhere. */
#include "train/values.h"

#include "base/error.h"
#include "base/math.h"
#include "base/text.h"

#include <string.h>

#define VALUE_MOST 1e30f /* times the weight of a type it is still finite */

void recs__values_init(recs__values *values) {
    memset(values, 0, sizeof *values);
    for (int type = 0; type <= RECS_EVENT_MAX; type++)
        values->type_weights[type] = 1.0f;
    values->type_weights[RECS_EVENT_IMPRESSION] = 0.0f;
    values->type_weights[RECS_EVENT_RETURN] = 0.0f;
    values->default_type = -1;
    values->recommended = 1.0;
}

recs_status recs__values_parse_weight(recs__values *values, const char *text, recs_error *error) {
    static const char *const names[] = {"log1p", "binary", "raw"};
    size_t size = strlen(text);
    double cap;
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            values->weight = (recs__weight)i;
            return RECS_OK;
        }
    if (size > 5 && memcmp(text, "cap(", 4) == 0 && text[size - 1] == ')' &&
        recs__parse_double(text + 4, size - 5, &cap) && cap > 0.0 && cap < 1e30) {
        values->weight = RECS__WEIGHT_CAP;
        values->cap = cap;
        return RECS_OK;
    }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "weight \"%.64s\": expected log1p, binary, raw or cap(n) with n above 0",
                      text);
}

float recs__values_weigh(const recs__values *values, double quantity) {
    if (!(quantity > 0.0))
        return 0.0f;
    switch (values->weight) {
    case RECS__WEIGHT_BINARY:
        return 1.0f;
    case RECS__WEIGHT_RAW:
        return (float)quantity;
    case RECS__WEIGHT_CAP:
        return (float)(quantity < values->cap ? quantity : values->cap);
    case RECS__WEIGHT_LOG1P:
        break;
    }
    return (float)(recs__log1p(quantity) * 1.4426950408889634); /* / log1p(1) */
}

recs_status recs__values_parse_propensity(recs__values *values, const char *text,
                                          recs_error *error) {
    size_t size = strlen(text);
    double clip = -1.0;
    if (strcmp(text, "ignore") == 0)
        clip = 0.0;
    else if (strcmp(text, "inverse") == 0)
        clip = RECS__CLIP_LEAST;
    else if (size > 6 && memcmp(text, "clip(", 5) == 0 && text[size - 1] == ')' &&
             (!recs__parse_double(text + 5, size - 6, &clip) ||
              !(clip >= RECS__CLIP_LEAST && clip <= 1.0)))
        clip = -1.0;
    if (!(clip >= 0.0))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "propensity \"%.64s\": expected ignore, inverse or clip(p) with p from "
                          "1e-6 to 1", text);
    values->clip = clip;
    return RECS_OK;
}

void recs__amount_set(recs__amount *amount, uint32_t source, double quantity, double weight) {
    memset(amount, 0, sizeof *amount);
    amount->quantity[source] = quantity;
    amount->weighted[source] = quantity * weight;
}

void recs__values_join(const recs__values *values, recs__amount *amount, uint32_t source,
                       double quantity, double weight) {
    switch (values->duplicates) {
    case RECS__DUPLICATES_LAST:
        recs__amount_set(amount, source, quantity, weight);
        return;
    case RECS__DUPLICATES_MAX:
        if (!(quantity > amount->quantity[source]))
            return;
        amount->quantity[source] = quantity;
        amount->weighted[source] = quantity * weight;
        return;
    case RECS__DUPLICATES_SUM:
        break;
    }
    amount->quantity[source] += quantity;
    amount->weighted[source] += quantity * weight;
}

float recs__values_amount(const recs__values *values, const recs__amount *amount) {
    double organic = amount->quantity[RECS_SOURCE_ORGANIC];
    double added = amount->quantity[RECS_SOURCE_RECOMMENDED];
    float alone = recs__values_weigh(values, organic);
    double value = 0.0;
    if (organic > 0.0)
        value = (double)alone * (amount->weighted[RECS_SOURCE_ORGANIC] / organic);
    if (added > 0.0) {
        double all = values->duplicates != RECS__DUPLICATES_MAX ? organic + added
                     : added > organic                          ? added : organic;
        value += ((double)recs__values_weigh(values, all) - (double)alone) *
                 (amount->weighted[RECS_SOURCE_RECOMMENDED] / added);
    }
    return value < VALUE_MOST ? (float)value : VALUE_MOST;
}
