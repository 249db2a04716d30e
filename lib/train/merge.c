/* merge.c - netting and joining the events of one actor and item.
 *
 * Netting keeps, per type, a chain of the sales not cancelled yet, newest
 * first, so a run of n events costs O(n) whatever the order of sales and
 * returns. */
#include "train/merge.h"

#include <math.h>
#include <string.h>

#define NONE SIZE_MAX

int32_t recs__merge_type(const recs__log *log, const recs__values *values, uint64_t event) {
    uint8_t type = log->types[event];
    return type > RECS_EVENT_MAX ? values->default_type : type;
}

/* Takes `amount` off the newest sales of a type; what it could not take. */
static float cancel(const uint64_t *run, float *remaining, const size_t *previous, size_t *newest,
                    float amount, recs__merge_counts *counts) {
    while (amount > 0.0f && *newest != NONE) {
        float *left = &remaining[run[*newest]];
        if (*left > amount) {
            *left -= amount;
            return 0.0f;
        }
        amount -= *left;
        *left = 0.0f;
        counts->netted++;
        *newest = previous[*newest];
    }
    return amount;
}

void recs__merge_net(const recs__log *log, const recs__values *values, const uint64_t *run,
                     size_t count, float *remaining, size_t *previous,
                     recs__merge_counts *counts) {
    size_t newest[RECS_EVENT_MAX + 1];
    for (size_t type = 0; type <= RECS_EVENT_MAX; type++)
        newest[type] = NONE;

    for (size_t i = 0; i < count; i++) {
        int32_t type = recs__merge_type(log, values, run[i]);
        float quantity = recs__log_quantity(log, run[i]);
        if (type != RECS_EVENT_RETURN && quantity >= 0.0f) {
            remaining[run[i]] = quantity;
            previous[i] = newest[type];
            if (quantity > 0.0f)
                newest[type] = i;
            continue;
        }
        float amount = fabsf(quantity), left = amount;
        remaining[run[i]] = 0.0f;
        counts->returns++;
        if (type == RECS_EVENT_RETURN) {
            left = cancel(run, remaining, previous, &newest[RECS_EVENT_BUY], left, counts);
            if (values->default_type != RECS_EVENT_BUY)
                left = cancel(run, remaining, previous, &newest[values->default_type], left,
                              counts);
        } else {
            left = cancel(run, remaining, previous, &newest[type], left, counts);
        }
        counts->returns_unmatched += left == amount;
    }
}

static bool is_evidence(const recs__log *log, const recs__values *values, uint64_t event) {
    float value = recs__log_value(log, event);
    if (isnan(value))
        return true;
    return values->positive_given ? (double)value >= values->positive : value > 0.0f;
}

/* How much of something an event is: its own value where values are weights,
 * one where values are ratings, else the quantity left. */
static double amount_of(const recs__log *log, const recs__values *values, uint64_t event,
                        float remaining) {
    float value = recs__log_value(log, event);
    if (!is_evidence(log, values, event))
        return 0.0;
    if (isnan(value))
        return (double)remaining;
    return values->positive_given ? 1.0 : (double)value;
}

void recs__merge_run(const recs__log *log, const recs__values *values, const uint64_t *run,
                     size_t count, const float *remaining, recs__merged *merged,
                     recs__merge_counts *counts) {
    double amounts[RECS_EVENT_MAX + 1];
    bool disliked = false;

    merged->types = 0;
    merged->value = 0.0f;
    for (size_t i = 0; i < count; i++) {
        int32_t type = recs__merge_type(log, values, run[i]);
        int64_t time = log->times[run[i]];
        float left = remaining[run[i]];
        if (!(left > 0.0f))
            continue;
        double amount = amount_of(log, values, run[i], left);
        bool rating = !isnan(recs__log_value(log, run[i])) && values->positive_given;
        if (!(merged->types & RECS_EVENT_BIT(type))) {
            merged->types |= RECS_EVENT_BIT(type);
            merged->last_time[type] = time;
            amounts[type] = amount;
        } else {
            bool last = rating && values->duplicates != RECS__DUPLICATES_MAX;
            amounts[type] = last ? amount : recs__values_join(values, amounts[type], amount);
            if (time > merged->last_time[type])
                merged->last_time[type] = time;
            counts->duplicates++;
        }
        if (type == RECS_EVENT_DISLIKE)
            disliked = true;
        else if (amount > 0.0 && values->type_weights[type] > 0.0f)
            disliked = false;
    }
    for (int32_t type = 0; type <= RECS_EVENT_MAX; type++) {
        if (!(merged->types & RECS_EVENT_BIT(type)) || (type == RECS_EVENT_DISLIKE) != disliked)
            continue;
        if (amounts[type] > 0.0)
            merged->value += values->type_weights[type] *
                             recs__values_weigh(values, amounts[type]);
    }
    if (disliked)
        merged->value = -merged->value;
    if (!isfinite(merged->value))
        merged->value = disliked ? -3e38f : 3e38f;
}

float recs__merge_weight(const recs__log *log, const recs__values *values, uint64_t event,
                         float remaining) {
    int32_t type = recs__merge_type(log, values, event);
    if (!(remaining > 0.0f) || type == RECS_EVENT_DISLIKE || !is_evidence(log, values, event))
        return 0.0f;
    return values->type_weights[type];
}
