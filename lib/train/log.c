/* log.c - events in memory, by column.
 *
 * All columns share one capacity, so an append checks one number. Large
 * blocks grow by half: at most a third of the memory is spare.
 *
 * Invariant: every column that is there holds capacity elements. */
#include "train/log.h"

#include "base/checked.h"
#include "base/memory.h"

#include <string.h>

#define FIRST_CAPACITY 1024
#define EXTRA_SIZE sizeof(uint32_t)

void recs__log_clear(recs__log *log, const recs_host *host) {
    recs__free(host, log->users);
    recs__free(host, log->items);
    recs__free(host, log->times);
    recs__free(host, log->types);
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        recs__free(host, log->extras[e]);
    memset(log, 0, sizeof *log);
}

uint32_t recs__log_extras(const recs__log *log) {
    uint32_t mask = 0;
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        mask |= (uint32_t)(log->extras[e] != NULL) << e;
    return mask;
}

/* Grows one column; a capacity of its own lets recs__grow do it. */
static recs_status grow(const recs_host *host, void **column, size_t had, size_t need,
                        size_t size, recs_error *error) {
    void *block = *column != NULL && had != 0
                      ? host->reallocate(host->memory_data, *column, need * size)
                      : recs__alloc(host, need, size, error);
    if (block == NULL)
        return recs__fail_memory(error, need * size);
    *column = block;
    return RECS_OK;
}

recs_status recs__log_reserve(recs__log *log, const recs_host *host, uint64_t count,
                              recs_error *error) {
    size_t bytes, had = log->capacity;
    if (count <= had)
        return RECS_OK;
    size_t need = had + had / 2 > FIRST_CAPACITY ? had + had / 2 : FIRST_CAPACITY;
    if (need < count)
        need = (size_t)count;
    if (recs__mul_size(need, sizeof(int64_t), &bytes))
        return recs__fail_memory(error, SIZE_MAX);
    recs_status status = grow(host, (void **)&log->users, had, need, sizeof *log->users, error);
    if (status == RECS_OK)
        status = grow(host, (void **)&log->items, had, need, sizeof *log->items, error);
    if (status == RECS_OK)
        status = grow(host, (void **)&log->times, had, need, sizeof *log->times, error);
    if (status == RECS_OK)
        status = grow(host, (void **)&log->types, had, need, sizeof *log->types, error);
    for (int e = 0; e < RECS__EXTRA_COUNT && status == RECS_OK; e++)
        if (log->extras[e] != NULL)
            status = grow(host, &log->extras[e], had, need, EXTRA_SIZE, error);
    if (status == RECS_OK)
        log->capacity = need;
    return status;
}

static bool is_group(int extra) {
    return extra == RECS__EXTRA_BASKET || extra == RECS__EXTRA_SESSION ||
           extra == RECS__EXTRA_PLACE || extra == RECS__EXTRA_SEGMENT;
}

/* The bits of an absent value of an extra column. */
static uint32_t absent(int extra) {
    bool one = extra == RECS__EXTRA_QUANTITY || extra == RECS__EXTRA_PROPENSITY;
    float value = one ? 1.0f : NAN;
    uint32_t bits;
    if (extra == RECS__EXTRA_SOURCE)
        return 0; /* organic */
    if (is_group(extra))
        return RECS_NO_ROW;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool is_absent(int extra, const uint32_t *bits) {
    float value;
    if (is_group(extra) || extra == RECS__EXTRA_SOURCE)
        return *bits == absent(extra);
    memcpy(&value, bits, sizeof value);
    return extra == RECS__EXTRA_VALUE || extra == RECS__EXTRA_PRICE ? value != value
                                                                    : value == 1.0f;
}

static recs_status make_extra(recs__log *log, const recs_host *host, int extra,
                              recs_error *error) {
    uint32_t *column = recs__alloc(host, log->capacity, EXTRA_SIZE, error);
    if (column == NULL)
        return RECS_ERR_MEMORY;
    for (uint64_t i = 0; i < log->count; i++)
        column[i] = absent(extra);
    recs__spill_done(log->spill, column, (size_t)log->count * EXTRA_SIZE);
    log->extras[extra] = column;
    return RECS_OK;
}

recs_status recs__log_append(recs__log *log, const recs_host *host, const recs__event *event,
                             recs_error *error) {
    uint32_t extras[RECS__EXTRA_COUNT];
    memcpy(&extras[RECS__EXTRA_QUANTITY], &event->quantity, EXTRA_SIZE);
    memcpy(&extras[RECS__EXTRA_VALUE], &event->value, EXTRA_SIZE);
    memcpy(&extras[RECS__EXTRA_PRICE], &event->price, EXTRA_SIZE);
    extras[RECS__EXTRA_BASKET] = event->basket;
    extras[RECS__EXTRA_SESSION] = event->session;
    extras[RECS__EXTRA_PLACE] = event->place;
    extras[RECS__EXTRA_SEGMENT] = event->segment;
    extras[RECS__EXTRA_SOURCE] = event->source;
    float propensity = event->propensity > 0.0f ? event->propensity : 1.0f;
    memcpy(&extras[RECS__EXTRA_PROPENSITY], &propensity, EXTRA_SIZE);

    uint64_t at = log->count;
    if (at == log->capacity) {
        recs_status status = recs__log_reserve(log, host, at + 1, error);
        if (status != RECS_OK)
            return status;
    }
    uint32_t had = recs__log_extras(log);
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        if (log->extras[e] == NULL && !is_absent(e, &extras[e]) &&
            make_extra(log, host, e, error) != RECS_OK) {
            recs__log_truncate(log, host, at, had);
            return RECS_ERR_MEMORY;
        }
    log->users[at] = event->user;
    log->items[at] = event->item;
    log->times[at] = event->time;
    log->types[at] = event->type;
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        if (log->extras[e] != NULL)
            memcpy((uint32_t *)log->extras[e] + at, &extras[e], EXTRA_SIZE);
    log->count = at + 1;
    if (log->count % RECS__LOG_BLOCK == 0)
        recs__log_done(log, log->count - RECS__LOG_BLOCK, log->count);
    return RECS_OK;
}

void recs__log_truncate(recs__log *log, const recs_host *host, uint64_t count, uint32_t extras) {
    if (count < log->count)
        log->count = count;
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        if (!(extras >> e & 1)) {
            recs__free(host, log->extras[e]);
            log->extras[e] = NULL;
        }
}

recs__event recs__log_get(const recs__log *log, uint64_t index) {
    const float *prices = log->extras[RECS__EXTRA_PRICE];
    return (recs__event){
        .user = log->users[index],
        .item = log->items[index],
        .basket = recs__log_group(log, RECS__EXTRA_BASKET, index),
        .session = recs__log_group(log, RECS__EXTRA_SESSION, index),
        .place = recs__log_group(log, RECS__EXTRA_PLACE, index),
        .segment = recs__log_group(log, RECS__EXTRA_SEGMENT, index),
        .time = log->times[index],
        .quantity = recs__log_quantity(log, index),
        .value = recs__log_value(log, index),
        .price = prices ? prices[index] : NAN,
        .propensity = recs__log_propensity(log, index),
        .type = log->types[index],
        .source = (uint8_t)recs__log_source(log, index),
    };
}

void recs__log_done(const recs__log *log, uint64_t begin, uint64_t end) {
    recs__spill *spill = log->spill;
    size_t count = (size_t)(end - begin);
    if (spill == NULL)
        return;
    recs__spill_done(spill, log->users + begin, count * sizeof *log->users);
    recs__spill_done(spill, log->items + begin, count * sizeof *log->items);
    recs__spill_done(spill, log->times + begin, count * sizeof *log->times);
    recs__spill_done(spill, log->types + begin, count * sizeof *log->types);
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        if (log->extras[e] != NULL)
            recs__spill_done(spill, (const uint32_t *)log->extras[e] + begin, count * EXTRA_SIZE);
}

uint64_t recs__log_bytes(const recs__log *log) {
    uint64_t each = 2 * sizeof(uint32_t) + sizeof(int64_t) + sizeof(uint8_t);
    for (int e = 0; e < RECS__EXTRA_COUNT; e++)
        each += log->extras[e] != NULL ? EXTRA_SIZE : 0;
    return each * log->capacity;
}
