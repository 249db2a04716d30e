/* history.c - collecting and adding up, behind history.h. */
#include "recommend/history.h"

#include "base/memory.h"
#include "recs/events.h"
#include "search/room.h"
#include "search/sort.h"

#include <math.h>

recs_status recs__history_begin(recs__history *history, const recs_host *host, size_t need,
                                recs_error *error) {
    history->entry_count = history->count = 0;
    history->stored = false;
    history->user_row = RECS_NO_ROW;
    recs_status status = recs__room_fresh(host, (void **)&history->entries,
                                          &history->entry_capacity, need,
                                          sizeof *history->entries, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&history->keys, &history->key_capacity, need,
                                  sizeof *history->keys, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&history->rows, &history->row_capacity, need,
                                  sizeof *history->rows, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&history->values, &history->value_capacity, need,
                                  sizeof *history->values, error);
    return status;
}

void recs__history_add(recs__history *history, recs__entry entry) {
    if (history->entry_count < history->entry_capacity)
        history->entries[history->entry_count++] = entry;
}

size_t recs__history_stored_count(const recs__view *view, uint32_t user) {
    uint64_t first;
    return user < view->users ? recs__csr_row(&view->history, user, &first) : 0;
}

void recs__history_add_stored(recs__history *history, const recs__view *view, uint32_t user) {
    uint64_t first;
    size_t count = user < view->users ? recs__csr_row(&view->history, user, &first) : 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = first + i;
        uint32_t row = view->history.columns[at];
        uint32_t type = view->history_types != NULL ? view->history_types[at] : RECS_EVENT_VIEW;
        if (row >= view->items)
            continue;
        recs__history_add(history,
                          (recs__entry){
                              .time = view->history_times != NULL ? view->history_times[at]
                                                                  : RECS_NO_TIME,
                              .row = row,
                              .types = RECS_EVENT_BIT(type & RECS_EVENT_MAX),
                              .weight = view->history.values != NULL ? view->history.values[at]
                                                                     : 1.0f,
                          });
    }
}

void recs__history_merge(recs__history *history) {
    for (size_t i = 0; i < history->entry_count; i++)
        history->keys[i] = (uint64_t)history->entries[i].row << 32 | (uint32_t)i;
    recs__sort_keys(history->keys, history->entry_count);

    size_t count = 0;
    for (size_t i = 0; i < history->entry_count;) {
        uint32_t row = (uint32_t)(history->keys[i] >> 32);
        float sum = 0.0f;
        for (; i < history->entry_count && (uint32_t)(history->keys[i] >> 32) == row; i++)
            sum += history->entries[(uint32_t)history->keys[i]].weight;
        if (sum != 0.0f && isfinite(sum)) {
            history->rows[count] = row;
            history->values[count++] = sum;
        }
    }
    history->count = count;
}

void recs__history_free(recs__history *history, const recs_host *host) {
    recs__free_aligned(host, history->entries);
    recs__free_aligned(host, history->keys);
    recs__free_aligned(host, history->rows);
    recs__free_aligned(host, history->values);
    *history = (recs__history){0};
}

size_t recs__history_memory(const recs__history *history) {
    return history->entry_capacity * sizeof *history->entries +
           history->key_capacity * sizeof *history->keys +
           history->row_capacity * sizeof *history->rows +
           history->value_capacity * sizeof *history->values;
}
