/* filter.h - which rows may be answers: the eligible set of one request.
 *
 * One bit a row. Without an allow list a set bit is an excluded row; with one
 * it is an allowed row that is still eligible. Bits are cleared by walking
 * the rows that were set, so a request costs what it lists and never a pass
 * over the catalogue; the column "available" is read at the rows looked at,
 * and its zeros are counted once per model.
 *
 * Invariant: `eligible` is the number of rows recs__filter_eligible accepts,
 * as long as flips are undone. */
#ifndef RECS_SEARCH_FILTER_H
#define RECS_SEARCH_FILTER_H

#include "recs/base.h"

#include <stdbool.h>

typedef struct recs__filter {
    uint64_t *bits;
    size_t words; /* capacity of bits */
    uint32_t *set; /* rows whose bit was set, without an allow list */
    size_t set_count, set_capacity;
    uint64_t *allow; /* with one: its rows, ascending and unique */
    size_t allow_count, allow_capacity;
    bool allow_only;
    bool whole; /* so many bits are set that all words are cleared */
    const int8_t *available; /* NULL: not looked at */
    uint32_t rows;
    size_t eligible;
    uint64_t polarity; /* 1: a set bit excludes */
} recs__filter;

/* All rows eligible, but those whose available is 0 (available may be NULL;
 * unavailable is the number of its zeros, as recs__filter_unavailable
 * counts). */
recs_status recs__filter_begin(recs__filter *filter, const recs_host *host, uint32_t rows,
                               const int8_t *available, size_t unavailable, recs_error *error);
size_t recs__filter_unavailable(const int8_t *available, uint32_t rows);

/* Only these rows from now on, in any order, repeated or not, each below
 * rows. Once, before any exclude. MEMORY: the filter is as after begin. */
recs_status recs__filter_allow(recs__filter *filter, const recs_host *host, const uint32_t *rows,
                               size_t count, recs_error *error);

/* Of what is eligible only rows r whose bit first + r of bits [count bits] is set; those
 * beyond count are not. Before any exclude. Cost: a bit per row. */
void recs__filter_mask(recs__filter *filter, const uint64_t *bits, size_t count, uint32_t first);

/* Row is not eligible any more; a row beyond the catalogue is ignored. */
recs_status recs__filter_exclude(recs__filter *filter, const recs_host *host, uint32_t row,
                                 recs_error *error);

/* row must be below rows. */
static inline bool recs__filter_eligible(const recs__filter *filter, uint32_t row) {
    return ((filter->bits[row >> 6] >> (row & 63)) & 1) != filter->polarity &&
           (filter->available == NULL || filter->available[row] != 0);
}

/* Takes an eligible row out, or puts it back, without counting or listing:
 * whoever flips flips back. */
static inline void recs__filter_flip(recs__filter *filter, uint32_t row) {
    filter->bits[row >> 6] ^= UINT64_C(1) << (row & 63);
}

/* Sets all bits back to zero. Cost: the rows listed. */
void recs__filter_clear(recs__filter *filter);
void recs__filter_free(recs__filter *filter, const recs_host *host);
size_t recs__filter_memory(const recs__filter *filter);

#endif
