/* filter.c - the eligible set behind filter.h. */
#include "search/filter.h"

#include "base/memory.h"
#include "search/room.h"
#include "search/sort.h"

recs_status recs__filter_begin(recs__filter *filter, const recs_host *host, uint32_t rows,
                               const int8_t *available, size_t unavailable, recs_error *error) {
    recs__filter_clear(filter);
    recs_status status = recs__room_fresh(host, (void **)&filter->bits, &filter->words,
                                          ((size_t)rows + 63) / 64, sizeof *filter->bits, error);
    if (status != RECS_OK)
        return status;
    filter->rows = rows;
    filter->available = available;
    filter->polarity = 1;
    filter->allow_only = false;
    filter->eligible = rows - (available != NULL ? unavailable : 0);
    return RECS_OK;
}

size_t recs__filter_unavailable(const int8_t *available, uint32_t rows) {
    size_t count = 0;
    for (uint32_t row = 0; available != NULL && row < rows; row++)
        count += available[row] == 0;
    return count;
}

recs_status recs__filter_allow(recs__filter *filter, const recs_host *host, const uint32_t *rows,
                               size_t count, recs_error *error) {
    recs_status status = recs__room_fresh(host, (void **)&filter->allow, &filter->allow_capacity,
                                          count, sizeof *filter->allow, error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        filter->allow[i] = rows[i];
    recs__sort_keys(filter->allow, count);

    size_t kept = 0, eligible = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = (uint32_t)filter->allow[i];
        if (row >= filter->rows || (kept != 0 && filter->allow[kept - 1] == row))
            continue;
        filter->allow[kept++] = row;
        if (filter->available == NULL || filter->available[row] != 0) {
            filter->bits[row >> 6] |= UINT64_C(1) << (row & 63);
            eligible++;
        }
    }
    filter->allow_count = kept;
    filter->allow_only = true;
    filter->polarity = 0;
    filter->eligible = eligible;
    filter->available = NULL; /* the bits know */
    return RECS_OK;
}

recs_status recs__filter_exclude(recs__filter *filter, const recs_host *host, uint32_t row,
                                 recs_error *error) {
    if (row >= filter->rows)
        return RECS_OK;
    uint64_t *word = &filter->bits[row >> 6], bit = UINT64_C(1) << (row & 63);
    if (filter->allow_only) {
        filter->eligible -= (*word & bit) != 0;
        *word &= ~bit;
        return RECS_OK;
    }
    if ((*word & bit) != 0)
        return RECS_OK;
    if (filter->set_count == filter->set_capacity) {
        recs_status status = recs__grow(host, (void **)&filter->set, &filter->set_capacity,
                                        filter->set_count + 1, sizeof *filter->set, error);
        if (status != RECS_OK)
            return status;
    }
    filter->set[filter->set_count++] = row;
    filter->eligible -= filter->available == NULL || filter->available[row] != 0;
    *word |= bit;
    return RECS_OK;
}

void recs__filter_clear(recs__filter *filter) {
    for (size_t i = 0; i < filter->set_count; i++)
        filter->bits[filter->set[i] >> 6] = 0;
    for (size_t i = 0; i < filter->allow_count; i++)
        filter->bits[filter->allow[i] >> 6] = 0;
    filter->set_count = 0;
    filter->allow_count = 0;
    filter->allow_only = false;
}

void recs__filter_free(recs__filter *filter, const recs_host *host) {
    recs__free_aligned(host, filter->bits);
    recs__free_aligned(host, filter->allow);
    recs__free(host, filter->set);
    *filter = (recs__filter){0};
}

size_t recs__filter_memory(const recs__filter *filter) {
    return filter->words * sizeof *filter->bits + filter->set_capacity * sizeof *filter->set +
           filter->allow_capacity * sizeof *filter->allow;
}
