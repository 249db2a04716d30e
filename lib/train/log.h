/* log.h - events in memory, by column. A column that no event uses takes no
 * memory. User and item, time and type are always there: 17 bytes an event;
 * 4 more for each of quantity, value, price, basket, session, place, source
 * and propensity that occurs. */
#ifndef RECS_TRAIN_LOG_H
#define RECS_TRAIN_LOG_H

#include "recs/base.h"
#include "train/spill.h"

#include <math.h>
#include <stdbool.h>

/* Type of an event without one: resolved when the log is used. */
#define RECS__TYPE_DEFAULT 255

typedef struct recs__event {
    uint32_t user, item, basket, session, place, segment; /* RECS_NO_ROW: absent, but the item's */
    int64_t time;                                /* RECS_NO_TIME                        */
    float quantity, value, price;                /* 1, NaN, NaN: absent                 */
    float propensity;                            /* 1 (or 0): absent                    */
    uint8_t type;
    uint8_t source;                              /* a recs_event_source                 */
} recs__event;

typedef enum recs__log_extra {
    RECS__EXTRA_QUANTITY,
    RECS__EXTRA_VALUE,
    RECS__EXTRA_PRICE,
    RECS__EXTRA_BASKET,
    RECS__EXTRA_SESSION,
    RECS__EXTRA_PLACE,
    RECS__EXTRA_SEGMENT,
    RECS__EXTRA_SOURCE,
    RECS__EXTRA_PROPENSITY,
    RECS__EXTRA_COUNT
} recs__log_extra;

typedef struct recs__log {
    uint64_t count;
    size_t capacity;
    uint32_t *users, *items;
    int64_t *times;
    uint8_t *types;
    void *extras[RECS__EXTRA_COUNT]; /* uint32_t, or float of numbers; NULL: absent   */
    recs__spill *spill;              /* NULL: the columns are private memory          */
} recs__log;

/* Long walks over a log go in blocks of so many events: recs__log_done behind
 * each keeps what a spilled log has in memory at one block. */
#define RECS__LOG_BLOCK (UINT64_C(1) << 18)

void recs__log_clear(recs__log *log, const recs_host *host);

/* MEMORY; on failure nothing changed. Amortised constant. */
recs_status recs__log_append(recs__log *log, const recs_host *host, const recs__event *event,
                             recs_error *error);
recs_status recs__log_reserve(recs__log *log, const recs_host *host, uint64_t count,
                              recs_error *error);

/* Forgets events from count on and frees the columns not in mask (a bit per
 * recs__log_extra), which recs__log_extras gave before them. */
void recs__log_truncate(recs__log *log, const recs_host *host, uint64_t count, uint32_t extras);
uint32_t recs__log_extras(const recs__log *log);

recs__event recs__log_get(const recs__log *log, uint64_t index);

/* The events in [begin, end) are not needed for a while. */
void recs__log_done(const recs__log *log, uint64_t begin, uint64_t end);

/* Bytes held, in memory or in files. */
uint64_t recs__log_bytes(const recs__log *log);

static inline float recs__log_quantity(const recs__log *log, uint64_t index) {
    const float *column = log->extras[RECS__EXTRA_QUANTITY];
    return column ? column[index] : 1.0f;
}

static inline float recs__log_value(const recs__log *log, uint64_t index) {
    const float *column = log->extras[RECS__EXTRA_VALUE];
    return column ? column[index] : NAN;
}

static inline uint32_t recs__log_source(const recs__log *log, uint64_t index) {
    const uint32_t *column = log->extras[RECS__EXTRA_SOURCE];
    return column ? column[index] : 0; /* RECS_SOURCE_ORGANIC */
}

static inline float recs__log_propensity(const recs__log *log, uint64_t index) {
    const float *column = log->extras[RECS__EXTRA_PROPENSITY];
    return column ? column[index] : 1.0f;
}

static inline uint32_t recs__log_group(const recs__log *log, recs__log_extra extra,
                                       uint64_t index) {
    const uint32_t *column = log->extras[extra];
    return column ? column[index] : RECS_NO_ROW;
}

#endif
