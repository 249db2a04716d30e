/* trends_replayer.h - a log counted into a recs_trends as a host would, by
 * handles, in order of time. */
#ifndef BENCH_TRENDS_REPLAYER_H
#define BENCH_TRENDS_REPLAYER_H

#include "recs.h"
#include "trends_log.h"

enum { REPLAY_ROWS = 4096 };

typedef struct replayer {
    const event_log *log;
    recs_trends *trends;
    recs_query *query;
    uint32_t *items, *places; /* handles by number in the log      */
    uint32_t *numbers;        /* number in the log of an item's handle */
    size_t next;              /* first event not yet counted       */
} replayer;

static void replay_check(recs_status status, const recs_error *error) {
    if (status != RECS_OK) {
        fprintf(stderr, "%s\n", error->text);
        exit(1);
    }
}

static void replay_open(replayer *r, const event_log *log, const char *settings) {
    recs_error error = {0};
    memset(r, 0, sizeof *r);
    r->log = log;
    replay_check(recs_trends_create(&r->trends, settings, NULL, &error), &error);
    replay_check(recs_query_create(&r->query, NULL, &error), &error);
    r->items = bench_alloc(log->item_count, sizeof *r->items);
    r->numbers = bench_alloc(log->item_count, sizeof *r->numbers);
    r->places = bench_alloc(log->place_count, sizeof *r->places);
    for (uint32_t i = 0; i < log->item_count; i++) {
        replay_check(recs_trends_item(r->trends, log->items[i], &r->items[i], &error), &error);
        r->numbers[r->items[i]] = i;
    }
    for (uint32_t p = 0; p < log->place_count; p++)
        replay_check(recs_trends_place(r->trends, log->places[p], NULL, &r->places[p], &error),
                     &error);
}

static void replay_close(replayer *r) {
    recs_trends_destroy(r->trends);
    recs_query_destroy(r->query);
    free(r->items);
    free(r->numbers);
    free(r->places);
}

/* Counts what was before a time, in pieces of at most an hour. */
static void replay_until(replayer *r, int64_t until) {
    static uint32_t items[REPLAY_ROWS], places[REPLAY_ROWS];
    static uint64_t actors[REPLAY_ROWS];
    static int64_t times[REPLAY_ROWS];
    static uint8_t returned[REPLAY_ROWS];
    const event_log *log = r->log;
    recs_error error = {0};
    while (r->next < log->count && log->events[r->next].time < until) {
        size_t rows = 0;
        int64_t first = log->events[r->next].time;
        for (; rows < REPLAY_ROWS && r->next < log->count; rows++, r->next++) {
            const log_event *event = &log->events[r->next];
            char actor[16];
            if (event->time >= until || event->time - first >= 3600000)
                break;
            snprintf(actor, sizeof actor, "%u", event->actor);
            items[rows] = r->items[event->item];
            places[rows] = r->places[event->place];
            actors[rows] = recs_trends_actor(r->trends, actor);
            times[rows] = event->time;
            returned[rows] = event->returned;
        }
        replay_check(recs_trends_add_rows(r->trends, items, places, actors, times, NULL, returned,
                                          rows, times[rows - 1], NULL, &error), &error);
    }
}

/* The list of a place, as numbers of the log; how many. half_life 0: the first. */
static size_t replay_ask(replayer *r, uint32_t place, int64_t time, int32_t ranking,
                         int64_t half_life, size_t k, uint32_t *out) {
    recs_error error = {0};
    recs_query_reset(r->query);
    recs_query_place(r->query, r->log->places[place]);
    recs_query_time(r->query, time);
    recs_query_ranking(r->query, ranking);
    recs_query_limit(r->query, k);
    if (half_life)
        recs_query_half_life(r->query, half_life);
    replay_check(recs_trending(r->trends, r->query, &error), &error);
    size_t count = recs_query_count(r->query);
    for (size_t i = 0; i < count; i++) {
        uint32_t handle;
        replay_check(recs_trends_item(r->trends, recs_query_id(r->query, i), &handle, &error),
                     &error);
        out[i] = r->numbers[handle];
    }
    return count;
}

#endif
