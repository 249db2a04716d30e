/* filter.c - the eligible set behind filter.h. */
#include "search/filter.h"

#include "base/memory.h"
#include "search/room.h"
#include "search/sort.h"

#include <string.h>

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
    filter->allow_only = filter->whole = false;
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
    if (filter->polarity == 0) {
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

/* 64 bits from a place on; those beyond count are 0. */
static uint64_t bits_at(const uint64_t *bits, size_t count, size_t at) {
    size_t word = at >> 6, shift = at & 63;
    if (at >= count)
        return 0;
    uint64_t found = bits[word] >> shift;
    if (shift != 0 && (word + 1) << 6 < count)
        found |= bits[word + 1] << (64 - shift);
    return count - at < 64 ? found & ((UINT64_C(1) << (count - at)) - 1) : found;
}

void recs__filter_mask(recs__filter *filter, const uint64_t *bits, size_t count, uint32_t first) {
    if (filter->allow_only) {
        for (size_t i = 0; i < filter->allow_count; i++) {
            uint32_t row = (uint32_t)filter->allow[i];
            uint64_t *word = &filter->bits[row >> 6], bit = UINT64_C(1) << (row & 63);
            if ((bits_at(bits, count, (size_t)first + row) & 1) != 0)
                continue;
            filter->eligible -= (*word & bit) != 0;
            *word &= ~bit;
        }
        return;
    }
    size_t eligible = 0;
    for (size_t i = 0; i < ((size_t)filter->rows + 63) / 64; i++) {
        uint64_t word = bits_at(bits, count, (size_t)first + i * 64);
        size_t left = filter->rows - i * 64;
        if (left < 64)
            word &= (UINT64_C(1) << left) - 1;
        for (uint64_t rest = filter->available != NULL ? word : 0; rest != 0; rest &= rest - 1) {
            size_t row = i * 64 + (size_t)__builtin_ctzll(rest);
            if (filter->available[row] == 0)
                word &= ~(rest & -rest);
        }
        filter->bits[i] = word;
        eligible += (size_t)__builtin_popcountll(word);
    }
    filter->polarity = 0;
    filter->whole = true;
    filter->eligible = eligible;
    filter->available = NULL; /* the bits know */
}

void recs__filter_clear(recs__filter *filter) {
    if (filter->whole)
        memset(filter->bits, 0, filter->words * sizeof *filter->bits);
    filter->whole = false;
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
