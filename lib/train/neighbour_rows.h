/* neighbour_rows.h - sparse rows of the k best: found row by row by tasks in
 * any order, put together at the end as what an item model is made of.
 *
 *   recs__best            a running choice of the k best of what is put in,
 *                         in memory of 2 k + RECS__BEST_MORE keys
 *   recs__neighbour_rows  room for up to k entries of every row; different
 *                         rows may be stored by different threads
 *
 * Best is the larger value, and of equal ones the lower column, so what is
 * kept depends on what was put in and not on its order. Cost: a put O(1)
 * amortised, a row stored O(k). */
#ifndef RECS_TRAIN_NEIGHBOUR_ROWS_H
#define RECS_TRAIN_NEIGHBOUR_ROWS_H

#include "train/sparse.h"
#include "train/trainer.h"

#include <float.h>
#include <string.h>

/* ---- the k best of one row ------------------------------------------------------------- */

#define RECS__BEST_MORE 128

typedef struct recs__best {
    uint64_t *keys; /* magnitude, then the lower column, then the sign */
    size_t k, count, room;
    float floor;    /* a magnitude that is not above cannot be among the best: at least 0 */
} recs__best;

/* Keys that recs__best_begin needs for k. */
static inline size_t recs__best_room(size_t k) {
    return 2 * k + RECS__BEST_MORE;
}

/* keys: room as above; contents do not matter. k at least 1. */
static inline void recs__best_begin(recs__best *best, uint64_t *keys, size_t k) {
    best->keys = keys;
    best->k = k;
    best->count = 0;
    best->room = recs__best_room(k);
    best->floor = 0.0f;
}

/* Drops all but the k best and raises floor. */
void recs__best_cut(recs__best *best);

/* Puts value in, whatever the floor; ranked by its magnitude. Zero and what is
 * not finite are left out. column < 2^31. */
static inline void recs__best_put(recs__best *best, uint32_t column, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t magnitude = bits & UINT32_C(0x7FFFFFFF);
    if (magnitude == 0 || magnitude >= UINT32_C(0x7F800000))
        return;
    if (best->count == best->room)
        recs__best_cut(best);
    best->keys[best->count++] =
        (uint64_t)magnitude << 32 | (UINT32_C(0x7FFFFFFF) - column) << 1 | bits >> 31;
}

/* Cuts to the k best and lists them by ascending column; returns how many.
 * columns and values have room for k. The choice is then empty. */
size_t recs__best_take(recs__best *best, uint32_t *columns, float *values);

/* ---- all rows -------------------------------------------------------------------------- */

typedef struct recs__neighbour_rows {
    const recs_host *host;
    uint64_t *offsets; /* rows + 1: where a row's room begins; once packed, its entries */
    uint32_t *counts;  /* entries of each row */
    uint32_t *columns;
    float *values;
    uint32_t rows, column_count;
    size_t k;
} recs__neighbour_rows;

/* Room for min(k, columns, most[row]) entries in each row; most NULL: no
 * further bound. 8 bytes an entry; all rows are empty. MEMORY, LIMIT. */
recs_status recs__neighbour_rows_create(recs__neighbour_rows *n, uint32_t rows, uint32_t columns,
                                        size_t k, const uint64_t *most, const recs_host *host,
                                        recs_error *error);
void recs__neighbour_rows_clear(recs__neighbour_rows *n);

/* Stores the choice as row, once. Its values times scale, without
 * those that this makes zero or not finite. Any thread. */
void recs__neighbour_rows_store(recs__neighbour_rows *n, uint32_t row, recs__best *best,
                                float scale);

/* Which entries of a dense row count. */
typedef enum recs__keep {
    RECS__KEEP_POSITIVE, /* those above zero */
    RECS__KEEP_LARGEST   /* those of the largest magnitude, whatever the sign */
} recs__keep;

/* Stores the k best of values[columns] as row, without column skip
 * (UINT32_MAX: none). keys: recs__best_room(k) of them. Any thread. */
void recs__neighbour_rows_dense(recs__neighbour_rows *n, uint32_t row, const float *values,
                                recs__keep keep, uint32_t skip, uint64_t *keys);

/* Closes the gaps between rows; nothing is stored afterwards. Returns the
 * number of entries. The view reads the rows and lives as long as n. */
uint64_t recs__neighbour_rows_pack(recs__neighbour_rows *n);
recs__csr recs__neighbour_rows_view(const recs__neighbour_rows *n);

/* Packs, if that was not done, and keeps of every column the k largest alone:
 * an item then has at most k others that speak for it. k at least 1. Holds
 * 24 bytes an entry beside the rows. MEMORY: the rows are as they were. */
recs_status recs__neighbour_rows_cut_columns(recs__neighbour_rows *n, size_t k, recs_error *error);

/* Packs, if that was not done, and gives the rows to trained as the three
 * sections of neighbours; n is empty then. */
void recs__neighbour_rows_hand_over(recs__neighbour_rows *n, recs__trained *trained);

#endif
