/* trends_log.h - the logs of bench/trends_data.py in memory, and who counts. */
#ifndef BENCH_TRENDS_LOG_H
#define BENCH_TRENDS_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000)

typedef struct log_event {
    int64_t time, offset; /* ms; of the place's clock */
    uint32_t actor, item, place;
    bool returned;
    bool counts; /* a sale, and the actor's first of this item, place and local day */
} log_event;

typedef struct event_log {
    log_event *events;
    size_t count;
    char **places, **items;
    int *parents; /* -1 at the root, which is place 0 */
    uint32_t place_count, item_count, actor_count;
} event_log;

static inline void *bench_alloc(size_t count, size_t size) {
    void *block = calloc(count ? count : 1, size);
    if (!block) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return block;
}

static FILE *log_file(const char *prefix, const char *end) {
    char path[4096];
    snprintf(path, sizeof path, "%s.%s", prefix, end);
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "no %s: bench/trends makes it\n", path);
        exit(1);
    }
    return file;
}

/* The lines of a file, cut at a tab or, with number, behind their first word. */
static char **log_lines(const char *prefix, const char *end, int **numbers, uint32_t *count) {
    FILE *file = log_file(prefix, end);
    size_t room = 0, line_room = 0;
    char **texts = NULL, *line = NULL;
    for (*count = 0; getline(&line, &line_room, file) > 0; (*count)++) {
        if (*count == room) {
            room = room ? 2 * room : 1024;
            texts = realloc(texts, room * sizeof *texts);
            if (numbers)
                *numbers = realloc(*numbers, room * sizeof **numbers);
            if (!texts || (numbers && !*numbers))
                exit(1);
        }
        char *text = line;
        if (numbers)
            (*numbers)[*count] = (int)strtol(line, &text, 10);
        text += numbers && *text == ' ';
        text[strcspn(text, "\t\n")] = '\0';
        texts[*count] = strdup(text);
    }
    free(line);
    fclose(file);
    return texts;
}

typedef struct log_slot {
    uint64_t key; /* 0: free */
    int64_t day;
} log_slot;

/* Marks what counts: each actor once per item, place and day of the place. */
static void log_mark(event_log *log) {
    size_t room = 16;
    while (room < 2 * log->count)
        room *= 2;
    log_slot *slots = bench_alloc(room, sizeof *slots);
    for (size_t e = 0; e < log->count; e++) {
        log_event *event = &log->events[e];
        uint64_t key = ((uint64_t)event->actor * log->item_count + event->item) *
                           log->place_count + event->place + 1;
        size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);
        int64_t day = (event->time + event->offset) / DAY;
        if (event->returned)
            continue;
        while (slots[at].key && slots[at].key != key)
            at = (at + 1) & (room - 1);
        event->counts = slots[at].key == 0 || slots[at].day != day;
        slots[at] = (log_slot){key, day};
    }
    free(slots);
}

static event_log log_read(const char *prefix) {
    event_log log = {0};
    log.places = log_lines(prefix, "places", &log.parents, &log.place_count);
    log.items = log_lines(prefix, "items", NULL, &log.item_count);
    FILE *file = log_file(prefix, "log");
    long long time, offset, quantity;
    unsigned actor, item, place;
    size_t room = 0;
    while (fscanf(file, "%lld %lld %u %u %u %lld", &time, &offset, &actor, &item, &place,
                  &quantity) == 6) {
        if (log.count == room) {
            room = room ? 2 * room : 65536;
            log.events = realloc(log.events, room * sizeof *log.events);
            if (!log.events)
                exit(1);
        }
        log.events[log.count++] = (log_event){time, offset, actor, item, place, quantity < 0, false};
        log.actor_count = actor >= log.actor_count ? actor + 1 : log.actor_count;
    }
    fclose(file);
    log_mark(&log);
    return log;
}

static void log_free(event_log *log) {
    for (uint32_t p = 0; p < log->place_count; p++)
        free(log->places[p]);
    for (uint32_t i = 0; i < log->item_count; i++)
        free(log->items[i]);
    free(log->places);
    free(log->items);
    free(log->parents);
    free(log->events);
}

static inline int log_depth(const event_log *log, uint32_t place) {
    int depth = 0;
    for (int at = (int)place; log->parents[at] >= 0; at = log->parents[at])
        depth++;
    return depth;
}

/* splitmix64 */
static inline uint64_t bench_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#endif
