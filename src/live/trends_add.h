/* trends_add.h - one event as the counting files hand it on. */
#ifndef RECS_LIVE_TRENDS_ADD_H
#define RECS_LIVE_TRENDS_ADD_H

#include "live/trends_state.h"

/* An event that will be counted. */
typedef struct recs__trend_event {
    uint64_t actor;  /* RECS_NO_ACTOR: none, or actors are off */
    int64_t time;
    uint32_t item;   /* with RECS__TREND_RETURNED              */
    uint32_t weight; /* in steps of 2^-12, above 0             */
} recs__trend_event;

/* What it adds to a cell, series by series. */
typedef struct recs__trend_record {
    uint32_t item;
    uint32_t seconds; /* from the beginning of the base series' slot */
    int64_t worth[];  /* series_count; then int32_t slots[series_count],
                         -1 where the series no longer keeps the slot */
} recs__trend_record;

/* Room for a record of any state. */
typedef union recs__trend_any_record {
    recs__trend_record record;
    unsigned char bytes[8 + 12 * RECS__TREND_SERIES];
} recs__trend_any_record;

static inline size_t recs__trend_record_size(const recs_trends *trends) {
    return (8 + 12 * (size_t)trends->options.series_count + 7) / 8 * 8;
}
static inline int32_t *recs__trend_slots(const recs_trends *trends, recs__trend_record *record) {
    return (int32_t *)(void *)(record->worth + trends->options.series_count);
}

/* The record of an event; newest: the slots of the state's newest time. False
 * when no series keeps its slot. */
bool recs__trend_record_make(const recs_trends *trends, const int32_t *newest,
                             const recs__trend_event *event, recs__trend_record *record);

/* Newest slot of every series at a time, all -1 at RECS_NO_TIME. */
void recs__trend_slots_at(const recs_trends *trends, int64_t time, int32_t *slots);

/* recs_trends_newest without what waits (trends_pending.h). */
static inline int64_t recs__trend_newest_time(const recs_trends *trends) {
    return atomic_load_explicit(&trends->newest, memory_order_acquire);
}
/* Moves the newest time of the state forward. */
void recs__trend_advance(recs_trends *trends, int64_t time);

/* Counts one record (reserved) at a node: its cell, first time, lists and, with
 * totals, the total. Under the lock. Returns the sums that stopped. */
uint32_t recs__trend_count(recs_trends *trends, recs__trend_node *node,
                           recs__trend_record *record, const int32_t *newest, int64_t now,
                           bool totals);

uint64_t recs__trend_actor(const recs_trends *trends, const char *id, size_t size);

void recs__trend_scratch_free(recs_trends *trends);

#endif
