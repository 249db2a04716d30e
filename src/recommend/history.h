/* history.h - a visitor's items, from wherever they come, as the components
 * want them: rows ascending and unique, values added up.
 *
 * Entries are collected in a defined order (stored, given, dislikes), sorted
 * by row with that order kept inside a row, and the values of a row are added
 * in it: the same items give the same bits however they arrived. What adds up
 * to 0, or to no finite number, is only seen. */
#ifndef RECS_RECOMMEND_HISTORY_H
#define RECS_RECOMMEND_HISTORY_H

#include "model/model.h"

#include <stdbool.h>

typedef struct recs__entry {
    int64_t time;   /* RECS_NO_TIME: not known, counts as recent */
    uint32_t row;
    uint32_t types; /* bits of the event's types; 0: a dislike   */
    float weight;
} recs__entry;

typedef struct recs__history {
    recs__entry *entries; /* as collected */
    size_t entry_count, entry_capacity;
    uint64_t *keys;
    size_t key_capacity;
    uint32_t *rows; /* merged: the evidence */
    float *values;
    size_t count, row_capacity, value_capacity;
    bool stored;       /* exactly what the model stores for user_row */
    uint32_t user_row; /* or RECS_NO_ROW                             */
} recs__history;

/* Empty, with room for `need` entries, so that add cannot fail. */
recs_status recs__history_begin(recs__history *history, const recs_host *host, size_t need,
                                recs_error *error);

/* Within the room made. */
void recs__history_add(recs__history *history, recs__entry entry);

/* All entries of a stored user with rows below items; at most
 * recs__history_stored_count of them. */
void recs__history_add_stored(recs__history *history, const recs__view *view, uint32_t user);
size_t recs__history_stored_count(const recs__view *view, uint32_t user);

/* Sorts and adds up: fills rows, values and count. O(n log n), O(n) when the
 * entries came in order. */
void recs__history_merge(recs__history *history);

void recs__history_free(recs__history *history, const recs_host *host);
size_t recs__history_memory(const recs__history *history);

#endif
