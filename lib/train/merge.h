/* merge.h - from events to what a pair is worth: returns cancel sales, then
 * events of one type are joined, then types are weighed and added.
 *
 * A run is the events of one actor (a user, or a guest's basket or session)
 * and one item, in time order. */
#ifndef RECS_TRAIN_MERGE_H
#define RECS_TRAIN_MERGE_H

#include "train/log.h"
#include "train/values.h"

/* What the rules did, summed over all runs. */
typedef struct recs__merge_counts {
    uint64_t returns;            /* events that were returns                     */
    uint64_t returns_unmatched;  /* of them, with nothing left to cancel         */
    uint64_t netted;             /* sales that came back whole, and were dropped */
    uint64_t duplicates;         /* events joined to another of the same type    */
} recs__merge_counts;

/* What is left of a run. */
typedef struct recs__merged {
    uint32_t types;                     /* a bit per type with an event left     */
    int64_t last_time[RECS_EVENT_MAX + 1]; /* of each such type                  */
    float value; /* > 0 evidence, 0 only seen, < 0 disliked                      */
} recs__merged;

/* The type of an event, the default for one without. */
int32_t recs__merge_type(const recs__log *log, const recs__values *values, uint64_t event);

/* Cancels sales by returns within a run: remaining[e] for each event e of the
 * run becomes the quantity left, 0 for returns. previous: room for count
 * indexes. A return cancels the sales nearest before it: of the same type for
 * a negative quantity, bought (or of the default type) for a return event. */
void recs__merge_net(const recs__log *log, const recs__values *values, const uint64_t *run,
                     size_t count, float *remaining, size_t *previous,
                     recs__merge_counts *counts);

/* Joins what is left of a run. The last of a dislike and any evidence decides
 * the sign. */
void recs__merge_run(const recs__log *log, const recs__values *values, const uint64_t *run,
                     size_t count, const float *remaining, recs__merged *merged,
                     recs__merge_counts *counts);

/* How much one event adds to popularity: its type's weight, 0 when nothing of
 * it is left or it is no evidence. */
float recs__merge_weight(const recs__log *log, const recs__values *values, uint64_t event,
                         float remaining);

#endif
