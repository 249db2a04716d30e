/* trends_events.c - a batch of events by id into columns of handles.
 *
 * Handles are resolved before anything is counted: a batch whose places or
 * memory are refused leaves names behind, but no counts. */
#include "live/trends_add.h"
#include "live/trends_mapped.h"

#include <math.h>
#include <string.h>

/* One block for all columns of a batch. */
typedef struct batch {
    uint32_t *items, *places;
    uint64_t *actors;
    int64_t *times;
    float *weights;
    uint8_t *returned;
} batch;

static uint64_t actor_of(const recs_trends *trends, const recs_events *events, size_t row) {
    static const int32_t fields[] = {RECS_FIELD_USER, RECS_FIELD_SESSION, RECS_FIELD_BASKET};
    for (int i = 0; i < 3; i++) {
        size_t size;
        const char *text = recs_events_get_text(events, row, fields[i], &size);
        if (text != NULL)
            return recs__trend_actor(trends, text, size);
    }
    return RECS_NO_ACTOR;
}

/* Handles of the items and places of some rows that the state knows, UINT32_MAX for others:
 * all their lines are asked for before the first is waited for. */
static void find_known(recs_trends *trends, const recs_events *events, size_t begin,
                       uint32_t count, batch *b) {
    const char *texts[RECS__TREND_MANY];
    size_t sizes[RECS__TREND_MANY];
    uint32_t paths[RECS__TREND_MANY];
    for (int32_t what = 0; what < 2; what++) {
        for (uint32_t i = 0; i < count; i++) {
            texts[i] = recs_events_get_text(
                events, begin + i, what == 0 ? RECS_FIELD_ITEM : RECS_FIELD_PLACE, &sizes[i]);
            texts[i] = texts[i] != NULL ? texts[i] : "";
        }
        recs__trend_names_find_many(what == 0 ? &trends->items : &trends->paths, texts, sizes,
                                    count, what == 0 ? b->items + begin : paths);
    }
    recs__trend_nodes_find_many(trends, paths, count, b->places + begin);
}

static recs_status read_row(recs_trends *trends, const recs_events *events, size_t row, batch *b,
                            recs_error *error) {
    recs_error failed = {0};
    recs_status status = RECS_OK;
    size_t size, segment_size;
    const char *item = recs_events_get_text(events, row, RECS_FIELD_ITEM, &size);
    if (item == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "event %zu has no item", row);
    if (b->items[row] == UINT32_MAX)
        status = recs__trend_names_take(&trends->items, &trends->host, item, size,
                                        RECS__TREND_ITEMS, &b->items[row], error);
    const char *place = recs_events_get_text(events, row, RECS_FIELD_PLACE, &size);
    const char *segment =
        recs_events_get_text(events, row, RECS_FIELD_SEGMENT, &segment_size);
    if (status == RECS_OK && (b->places[row] == RECS_NO_PLACE || segment_size != 0) &&
        recs__trend_node_take(trends, place != NULL ? place : "", size, segment, segment_size,
                              &b->places[row], &failed) != RECS_OK)
        status = recs__fail(error, (recs_status)failed.status, "event %zu: %s", row, failed.text);
    if (status != RECS_OK)
        return status;
    int32_t type = recs_events_get_type(events, row);
    double quantity = recs_events_get_quantity(events, row);
    b->returned[row] = type == RECS_EVENT_RETURN || quantity < 0;
    b->weights[row] = trends->options.weights[type == RECS_EVENT_RETURN ? RECS_EVENT_BUY : type];
    b->actors[row] = actor_of(trends, events, row);
    b->times[row] = recs_events_get_time(events, row);
    return RECS_OK;
}

/* The columns' block is kept for the next batch; a second thread takes its own. */
static unsigned char *take_rows(recs_trends *trends, size_t count, size_t row_size, size_t *size,
                                recs_error *error) {
    pthread_mutex_lock(&trends->scratch_lock);
    unsigned char *block = trends->rows;
    *size = trends->rows_size;
    trends->rows = NULL;
    trends->rows_size = 0;
    pthread_mutex_unlock(&trends->scratch_lock);
    if (count <= *size / row_size)
        return block;
    recs__free(&trends->host, block);
    *size = 0;
    block = recs__alloc(&trends->host, count, row_size, error);
    if (block != NULL)
        *size = count * row_size;
    return block;
}

static void give_rows(recs_trends *trends, unsigned char *block, size_t size) {
    pthread_mutex_lock(&trends->scratch_lock);
    if (trends->rows_size < size) { /* the larger one stays */
        unsigned char *smaller = trends->rows;
        trends->rows = block;
        trends->rows_size = size;
        block = smaller;
    }
    pthread_mutex_unlock(&trends->scratch_lock);
    recs__free(&trends->host, block);
}

recs_status recs_trends_add(recs_trends *trends, const recs_events *events, int64_t now,
                            recs_error *error) {
    if (trends == NULL || events == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                          trends == NULL ? "trends" : "events");
    if (trends->mapped != NULL)
        return recs__mapped_refuse(error);
    size_t count = recs_events_count(events), row_size = 2 * 8 + 3 * 4 + 1;
    if (count == 0)
        return RECS_OK;
    size_t size = 0;
    unsigned char *block = take_rows(trends, count, row_size, &size, error);
    if (block == NULL)
        return RECS_ERR_MEMORY;
    batch b;
    b.actors = (uint64_t *)(void *)block;
    b.times = (int64_t *)(void *)(b.actors + count);
    b.items = (uint32_t *)(void *)(b.times + count);
    b.places = b.items + count;
    b.weights = (float *)(void *)(b.places + count);
    b.returned = (uint8_t *)(b.weights + count);
    recs_status status = RECS_OK;
    for (size_t row = 0; row < count && status == RECS_OK; row++) {
        size_t some = count - row < RECS__TREND_MANY ? count - row : (size_t)RECS__TREND_MANY;
        if (row % RECS__TREND_MANY == 0)
            find_known(trends, events, row, (uint32_t)some, &b);
        status = read_row(trends, events, row, &b, error);
    }
    if (status == RECS_OK)
        status = recs_trends_add_rows(trends, b.items, b.places, b.actors, b.times, b.weights,
                                      b.returned, count, now, NULL, error);
    give_rows(trends, block, size);
    return status;
}
