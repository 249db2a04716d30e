/* popular.c - popularity as a component, of all time or with recent events
 * counting more.
 *
 * half_life (days) 0: an item's score is the number of units with evidence for
 * it (users, and guests by their basket or session: the popularity order of
 * the model), or with count=events the sum of its events' weights. Otherwise
 * each event counts weight * 2^(-age / half_life), its age measured from the last
 * event of the log, so that the same log gives the same model on any day. An
 * event without a time then counts as the oldest one does.
 *
 * Cost: one pass over the events; 4 bytes per item. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "model/format.h"

#include <float.h>

enum { HALF_LIFE, COUNT, SETTING_COUNT };
enum { COUNT_UNITS, COUNT_EVENTS };

static const recs__setting popular_settings[] = {
    [HALF_LIFE] = {"half_life", 0, 0, 100000, false, NULL, 0},
    [COUNT] = {"count", COUNT_UNITS, 0, 0, false, "units|events", 0},
};

static int64_t oldest_time(const recs__training *training) {
    int64_t oldest = training->last_time;
    for (uint64_t e = 0; e < training->events; e++)
        if (training->event_times[e] != RECS_NO_TIME && training->event_times[e] < oldest)
            oldest = training->event_times[e];
    return oldest;
}

static double decayed_sum(const recs__training *training, uint32_t item, double half_life_ms,
                          int64_t oldest) {
    double sum = 0.0;
    for (uint64_t e = training->event_offsets[item]; e < training->event_offsets[item + 1]; e++) {
        int64_t time = training->event_times[e];
        double age = (double)training->last_time - (double)(time == RECS_NO_TIME ? oldest : time);
        sum += (double)training->event_weights[e] * recs__exp2(-age / half_life_ms);
    }
    return sum;
}

static recs_status train_popular(const recs__train_job *job, recs__trained *trained,
                                 recs_error *error) {
    const recs__training *training = job->training;
    double half_life_ms = job->spec->settings[HALF_LIFE] * 86400000.0;
    bool by_units = (unsigned)job->spec->settings[COUNT] == COUNT_UNITS;

    if (half_life_ms > 0.0 && training->last_time == RECS_NO_TIME && training->events > 0)
        return recs__fail(error, RECS_ERR_STATE,
                          "popular: half_life=%.9g needs times and no event of the log has one",
                          job->spec->settings[HALF_LIFE]);
    float *scores = recs__alloc_aligned(&training->host, training->items, sizeof *scores, error);
    if (!scores)
        return RECS_ERR_MEMORY;
    int64_t oldest = half_life_ms > 0.0 ? oldest_time(training) : 0;
    for (uint32_t item = 0; item < training->items; item++) {
        double score = 0.0;
        if (half_life_ms > 0.0) {
            score = decayed_sum(training, item, half_life_ms, oldest);
        } else if (by_units) {
            score = (double)training->item_units[item];
        } else {
            for (uint64_t e = training->event_offsets[item]; e < training->event_offsets[item + 1];
                 e++)
                score += (double)training->event_weights[e];
        }
        scores[item] = score < FLT_MAX ? (float)score : FLT_MAX;
    }
    trained->kind = RECS__KIND_POPULAR;
    trained->items_trained = training->items;
    recs__trained_add(trained, RECS_SECTION_COMPONENT_SCORES, scores,
                      (size_t)training->items * sizeof *scores);
    return recs__progress_tell(job->progress, "popular", 1, 1, error);
}

const recs__trainer recs__trainer_popular = {.name = "popular",
                                       .settings = popular_settings,
                                       .setting_count = SETTING_COUNT,
                                       .train = train_popular};
