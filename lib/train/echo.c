/* echo.c - weights of events by source and propensity.
 *
 * An item that was recommended is clicked because it was shown. Two rules say
 * what such an event is worth:
 *
 *   recommended=w     all events from recommendations weigh w
 *   propensity=...    an event weighs one over the probability with which it
 *                     could come about at all (the item was shown, at that
 *                     place): inverse propensity scoring, with propensities
 *                     below a clip counted as the clip, which bounds the
 *                     variance (Schnabel, Swaminathan, Singh, Chandak,
 *                     Joachims: Recommendations as Treatments, 2016)
 *
 * The inverse propensities are self-normalised (Swaminathan and Joachims
 * 2015) within each source: their mean over the events that can be evidence
 * is 1. Propensities therefore decide who of a source gets how much, and
 * `recommended` alone how much the source counts beside the organic events. */
#include "train/echo.h"

#include "train/training_store.h"

static double inverse(const recs__echo *echo, const recs__log *log, uint64_t event) {
    double propensity = (double)recs__log_propensity(log, event);
    return 1.0 / (propensity > echo->clip ? propensity : echo->clip);
}

/* Whether an event can be evidence, whatever its source. */
static bool counts(const recs__values *values, const recs__log *log, uint64_t event) {
    int32_t type = recs__training_type(values, log->types[event]);
    return type != RECS_EVENT_RETURN && type != RECS_EVENT_DISLIKE &&
           values->type_weights[type] > 0.0f && recs__log_quantity(log, event) > 0.0f;
}

void recs__echo_init(recs__echo *echo, const recs__values *values, const recs__log *log) {
    double sums[RECS__SOURCES] = {0.0};
    uint64_t events[RECS__SOURCES] = {0};
    *echo = (recs__echo){.weights = {1.0, values->recommended}, .clip = values->clip};
    if (log->extras[RECS__EXTRA_PROPENSITY] == NULL)
        echo->clip = 0.0;
    if (!(echo->clip > 0.0))
        return;
    for (uint64_t e = 0; e < log->count; e++) {
        if (!counts(values, log, e))
            continue;
        uint32_t source = recs__log_source(log, e);
        sums[source] += inverse(echo, log, e);
        events[source]++;
        if (events[source] % RECS__LOG_BLOCK == 0)
            recs__log_done(log, 0, e);
    }
    recs__log_done(log, 0, log->count);
    for (int s = 0; s < RECS__SOURCES; s++)
        if (events[s] != 0)
            echo->weights[s] *= (double)events[s] / sums[s];
}

double recs__echo_weight(const recs__echo *echo, const recs__log *log, uint64_t event) {
    double weight = echo->weights[recs__log_source(log, event)];
    return echo->clip > 0.0 ? weight * inverse(echo, log, event) : weight;
}
