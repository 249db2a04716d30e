/* replay.c - a log's events handed out again in order of time, in batches.
 *
 * The order is an array of numbers, 8 bytes an event, and as much again while it
 * is sorted; a log that is in order already needs none. Equal times keep the
 * log's order. O(n log n) once, then one pass; the batch is one and reused. */
#include "base/memory.h"
#include "train/dataset.h"
#include "train/order.h"

#include <string.h>

#define BATCH 4096
#define SPAN INT64_C(3600000) /* milliseconds a batch may span */

typedef struct replay {
    recs_dataset *dataset;
    const int64_t *times;
    int64_t from, until;
    uint64_t count;
    uint64_t *order, *spare; /* NULL: the log's own order */
    recs_events *batch;
} replay;

static bool wanted(const replay *r, uint64_t event) {
    int64_t time = r->times[event];
    return time != RECS_NO_TIME && (r->from == RECS_NO_TIME || time >= r->from) &&
           (r->until == RECS_NO_TIME || time < r->until);
}

static bool in_order(const replay *r) {
    int64_t last = INT64_MIN;
    for (uint64_t e = 0; e < r->dataset->log.count; e++) {
        if (!wanted(r, e))
            continue;
        if (r->times[e] < last)
            return false;
        last = r->times[e];
    }
    return true;
}

static recs_status tell(void *data, uint64_t done, uint64_t total, recs_error *error) {
    const replay *r = data;
    (void)done, (void)total;
    return recs__dataset_tick(r->dataset, "ordering by time", 0, 0, error);
}

static recs_status sort(replay *r, recs_error *error) {
    const recs_host *host = &r->dataset->host;
    uint64_t events = r->dataset->log.count;
    r->count = 0;
    for (uint64_t e = 0; e < events; e++)
        r->count += wanted(r, e);
    r->order = recs__alloc(host, r->count, sizeof *r->order, error);
    r->spare = r->order ? recs__alloc(host, r->count, sizeof *r->spare, error) : NULL;
    if (r->spare == NULL)
        return RECS_ERR_MEMORY;
    r->count = 0;
    for (uint64_t e = 0; e < events; e++)
        if (wanted(r, e))
            r->order[r->count++] = e;
    return recs__order_events(r->order, r->spare, r->count, r->times, tell, r, error);
}

/* ---- a batch ------------------------------------------------------------------ */

static recs_status set_text(replay *r, const recs__intern *table, uint32_t number, int32_t field,
                            recs_error *error) {
    if (number == RECS_NO_ROW)
        return RECS_OK;
    return recs_events_text(r->batch, field, recs__intern_text(table, number, NULL), error);
}

static recs_status set_numbers(recs_events *batch, const recs__event *event, recs_error *error) {
    recs_status status = RECS_OK;
    if (event->quantity != 1.0f)
        status = recs_events_quantity(batch, (double)event->quantity, error);
    if (status == RECS_OK && event->value == event->value)
        status = recs_events_value(batch, (double)event->value, error);
    if (status == RECS_OK && event->price == event->price)
        status = recs_events_price(batch, (double)event->price, error);
    if (status == RECS_OK && event->source != RECS_SOURCE_ORGANIC)
        status = recs_events_source(batch, event->source, error);
    if (status == RECS_OK && event->propensity != 1.0f)
        status = recs_events_propensity(batch, (double)event->propensity, error);
    return status;
}

static recs_status append(replay *r, uint64_t index, int32_t default_type, recs_error *error) {
    const recs_dataset *dataset = r->dataset;
    recs__event event = recs__log_get(&dataset->log, index);
    int32_t type = event.type == RECS__TYPE_DEFAULT ? default_type : event.type;
    const char *item = recs__intern_text(&dataset->items, event.item, NULL);
    recs_status status = recs_events_begin(r->batch, item, type, event.time, error);
    if (status == RECS_OK)
        status = set_text(r, &dataset->users, event.user, RECS_FIELD_USER, error);
    if (status == RECS_OK)
        status = set_text(r, &dataset->sessions, event.session, RECS_FIELD_SESSION, error);
    if (status == RECS_OK)
        status = set_text(r, &dataset->baskets, event.basket, RECS_FIELD_BASKET, error);
    if (status == RECS_OK)
        status = set_text(r, &dataset->places, event.place, RECS_FIELD_PLACE, error);
    if (status == RECS_OK)
        status = set_text(r, &dataset->segments, event.segment, RECS_FIELD_SEGMENT, error);
    return status == RECS_OK ? set_numbers(r->batch, &event, error) : status;
}

static recs_status hand_over(replay *r, recs_replay_batch *take, void *user_data,
                             recs_error *error) {
    recs_status status = RECS_OK;
    if (recs_events_count(r->batch) == 0)
        return RECS_OK;
    if (take(user_data, r->batch) != 0)
        status = recs__fail(error, RECS_ERR_CANCELLED, "replaying: stopped by the caller");
    recs_events_reset(r->batch);
    return status;
}

static recs_status run(replay *r, recs_replay_batch *take, void *user_data, recs_error *error) {
    uint64_t count = r->order ? r->count : r->dataset->log.count;
    int32_t type = recs__dataset_default_type(r->dataset);
    recs_status status = RECS_OK;
    int64_t first = 0;
    for (uint64_t i = 0; i < count && status == RECS_OK; i++) {
        uint64_t event = r->order ? r->order[i] : i;
        if (r->order == NULL && !wanted(r, event))
            continue;
        size_t held = recs_events_count(r->batch);
        if (held == BATCH || (held != 0 && r->times[event] - first >= SPAN)) {
            status = hand_over(r, take, user_data, error);
            if (status == RECS_OK)
                status = recs__dataset_tick(r->dataset, "replaying", i, count, error);
            held = 0;
        }
        first = held == 0 ? r->times[event] : first;
        if (status == RECS_OK)
            status = append(r, event, type, error);
    }
    if (status == RECS_OK)
        status = hand_over(r, take, user_data, error);
    return status == RECS_OK ? recs__dataset_tick(r->dataset, "replaying", count, count, error)
                             : status;
}

recs_status recs_dataset_replay(recs_dataset *dataset, int64_t from, int64_t until,
                                recs_replay_batch *take, void *user_data, recs_error *error) {
    if (take == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "take is NULL, expected what takes a batch");
    replay r = {.dataset = dataset, .times = dataset->log.times, .from = from, .until = until};
    recs_status status = recs_events_create(&r.batch, &dataset->host, error);
    if (status == RECS_OK && !in_order(&r))
        status = sort(&r, error);
    if (status == RECS_OK)
        status = run(&r, take, user_data, error);
    recs_events_destroy(r.batch);
    recs__free(&dataset->host, r.order);
    recs__free(&dataset->host, r.spare);
    return status;
}

recs_status recs_dataset_time(const recs_dataset *dataset, const char *text, int64_t *time,
                              recs_error *error) {
    const recs__settings *settings = &dataset->settings;
    if (text == NULL || time == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL", text == NULL ? "text" : "time");
    if (!recs__time_parse(text, strlen(text), settings->time, settings->zone, time))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "'%s' is no time, expected one such as 2011-11-25 or 2011-11-25T18:00",
                          text);
    return RECS_OK;
}

const char *recs_dataset_title(const recs_dataset *dataset, const char *item) {
    size_t size = item != NULL ? strlen(item) : 0;
    uint32_t number = size != 0 ? recs__intern_find(&dataset->items, item, size) : RECS_NO_ROW;
    return number == RECS_NO_ROW ? NULL : recs__dataset_item_title(dataset, number, &size);
}
