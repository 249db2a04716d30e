/* neighbour_rows.c - choosing the k best, and rows put together in place.
 *
 * Keys are 64-bit numbers whose order is the order of merit, all different, so
 * Hoare's selection on plain integers decides and the outcome is one set
 * whatever the order of arrival. They are listed by column through a radix
 * sort into the second half of their own room. Rows are stored at the place
 * where they would begin if all before them were full, and moved down once all
 * are there: nothing is copied twice and no task allocates. */
#include "train/neighbour_rows.h"

#include "base/error.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "model/format.h"

/* ---- the k best of one row ------------------------------------------------------------- */

/* Moves the k largest keys to the front (Hoare's selection, pivot: the median
 * of three). */
static void select_largest(uint64_t *keys, size_t count, size_t k) {
    size_t low = 0, high = count;
    while (high - low > 1) {
        uint64_t a = keys[low], b = keys[low + (high - low) / 2], c = keys[high - 1];
        uint64_t pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        size_t i = low, j = high - 1;
        for (;;) {
            while (keys[i] > pivot)
                i++;
            while (keys[j] < pivot)
                j--;
            if (i >= j)
                break;
            uint64_t swapped = keys[i];
            keys[i++] = keys[j];
            keys[j--] = swapped;
        }
        if (k <= i)
            high = i;
        else
            low = i;
        if (low == k || high == k)
            break;
    }
}

void recs__best_cut(recs__best *best) {
    if (best->count <= best->k)
        return;
    select_largest(best->keys, best->count, best->k);
    best->count = best->k;
    uint64_t least = best->keys[0];
    for (size_t i = 1; i < best->count; i++)
        least = best->keys[i] < least ? best->keys[i] : least;
    /* One below the least magnitude: an equal one may win by its column. */
    uint32_t bits = (uint32_t)(least >> 32) - 1;
    memcpy(&best->floor, &bits, sizeof bits);
}

enum { DIGIT = 8, DIGITS = 1 << DIGIT, FEW = 24 };

static void insertion_sort(uint64_t *keys, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        size_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/* Sorts keys by their upper halves, least digit first, to and fro between keys
 * and spare; returns where they are. `differ`: bits in which they differ. */
static uint64_t *radix_sort(uint64_t *keys, uint64_t *spare, size_t count, uint32_t differ) {
    for (unsigned shift = 0; shift < 32 && differ >> shift; shift += DIGIT) {
        uint32_t starts[DIGITS] = {0}, sum = 0;
        if ((differ >> shift & (DIGITS - 1)) == 0)
            continue;
        for (size_t i = 0; i < count; i++)
            starts[keys[i] >> (32 + shift) & (DIGITS - 1)]++;
        for (size_t d = 0; d < DIGITS; d++) {
            uint32_t here = starts[d];
            starts[d] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            spare[starts[keys[i] >> (32 + shift) & (DIGITS - 1)]++] = keys[i];
        uint64_t *swapped = keys;
        keys = spare;
        spare = swapped;
    }
    return keys;
}

size_t recs__best_take(recs__best *best, uint32_t *columns, float *values) {
    uint64_t *keys = best->keys;
    uint32_t any = 0, all = UINT32_MAX;

    recs__best_cut(best);
    size_t count = best->count;
    for (size_t i = 0; i < count; i++) { /* column above, value below */
        uint32_t low = (uint32_t)keys[i];
        uint32_t column = UINT32_C(0x7FFFFFFF) - (low >> 1);
        any |= column;
        all &= column;
        keys[i] = (uint64_t)column << 32 | (uint32_t)(keys[i] >> 32) | low << 31;
    }
    if (count <= FEW)
        insertion_sort(keys, count);
    else
        keys = radix_sort(keys, keys + best->k, count, any & ~all);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)keys[i];
        columns[i] = (uint32_t)(keys[i] >> 32);
        memcpy(&values[i], &bits, sizeof bits);
    }
    recs__best_begin(best, best->keys, best->k);
    return count;
}

/* ---- all rows -------------------------------------------------------------------------- */

void recs__neighbour_rows_clear(recs__neighbour_rows *n) {
    if (n->host == NULL)
        return;
    recs__free_aligned(n->host, n->offsets);
    recs__free_aligned(n->host, n->columns);
    recs__free_aligned(n->host, n->values);
    recs__free(n->host, n->counts);
    memset(n, 0, sizeof *n);
}

recs_status recs__neighbour_rows_create(recs__neighbour_rows *n, uint32_t rows, uint32_t columns,
                                        size_t k, const uint64_t *most, const recs_host *host,
                                        recs_error *error) {
    memset(n, 0, sizeof *n);
    n->host = host;
    n->rows = rows;
    n->column_count = columns;
    n->k = k;
    n->offsets = recs__alloc_aligned(host, (size_t)rows + 1, sizeof *n->offsets, error);
    n->counts = n->offsets ? recs__alloc_zero(host, rows, sizeof *n->counts, error) : NULL;
    if (n->counts) {
        uint64_t at = 0, each = k < columns ? k : columns;
        for (uint32_t r = 0; r < rows; r++) {
            n->offsets[r] = at;
            at += most && most[r] < each ? most[r] : each;
        }
        n->offsets[rows] = at;
        n->columns = recs__alloc_aligned(host, (size_t)at, sizeof *n->columns, error);
        if (n->columns)
            n->values = recs__alloc_aligned(host, (size_t)at, sizeof *n->values, error);
    }
    if (n->values)
        return RECS_OK;
    recs__neighbour_rows_clear(n);
    return RECS_ERR_MEMORY;
}

void recs__neighbour_rows_store(recs__neighbour_rows *n, uint32_t row, recs__best *best,
                                float scale) {
    uint32_t *columns = n->columns + n->offsets[row];
    float *values = n->values + n->offsets[row];
    size_t count = recs__best_take(best, columns, values), kept = 0;
    if (scale != 1.0f) {
        for (size_t i = 0; i < count; i++) {
            float value = values[i] * scale;
            columns[kept] = columns[i];
            values[kept] = value;
            kept += value != 0.0f && value >= -FLT_MAX && value <= FLT_MAX;
        }
        count = kept;
    }
    n->counts[row] = (uint32_t)count;
}

enum { STRIP = 512 };

void recs__neighbour_rows_dense(recs__neighbour_rows *n, uint32_t row, const float *values,
                                recs__keep keep, uint32_t skip, uint64_t *keys) {
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t found[STRIP];
    float magnitudes[STRIP];
    recs__best best;

    recs__best_begin(&best, keys, n->k);
    for (size_t at = 0; at < n->column_count; at += STRIP) {
        size_t some = n->column_count - at < STRIP ? n->column_count - at : STRIP;
        const float *strip = values + at;
        if (keep == RECS__KEEP_LARGEST) {
            for (size_t i = 0; i < some; i++)
                magnitudes[i] = strip[i] < 0.0f ? -strip[i] : strip[i];
            strip = magnitudes;
        }
        size_t above = kernels->above(strip, some, best.floor, found);
        for (size_t i = 0; i < above; i++)
            if (at + found[i] != skip)
                recs__best_put(&best, (uint32_t)at + found[i], values[at + found[i]]);
    }
    recs__neighbour_rows_store(n, row, &best, 1.0f);
}

uint64_t recs__neighbour_rows_pack(recs__neighbour_rows *n) {
    uint64_t put = 0;
    if (n->counts == NULL) /* packed before */
        return n->offsets ? n->offsets[n->rows] : 0;
    for (uint32_t r = 0; r < n->rows; r++) {
        uint64_t from = n->offsets[r];
        if (from != put) {
            memmove(n->columns + put, n->columns + from, n->counts[r] * sizeof *n->columns);
            memmove(n->values + put, n->values + from, n->counts[r] * sizeof *n->values);
        }
        n->offsets[r] = put;
        put += n->counts[r];
    }
    n->offsets[n->rows] = put;
    recs__free(n->host, n->counts);
    n->counts = NULL;
    return put;
}

recs__csr recs__neighbour_rows_view(const recs__neighbour_rows *n) {
    recs__csr view = {n->offsets, n->columns,      n->values,
                      n->rows,    n->column_count, n->offsets[n->rows]};
    return view;
}

recs_status recs__neighbour_rows_cut_columns(recs__neighbour_rows *n, size_t k,
                                             recs_error *error) {
    recs__sparse turned = {0}, back = {0};
    recs__neighbour_rows kept = {0};
    recs__best best;
    recs__neighbour_rows_pack(n);
    recs__csr view = recs__neighbour_rows_view(n);
    uint64_t *keys = recs__alloc(n->host, recs__best_room(k), sizeof *keys, error);
    recs_status status = keys ? recs__sparse_transpose(&turned, &view, n->host, error)
                              : RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = recs__neighbour_rows_create(&kept, turned.rows, turned.column_count, k, NULL,
                                             n->host, error);
    for (uint32_t j = 0; status == RECS_OK && j < turned.rows; j++) {
        recs__best_begin(&best, keys, k);
        for (uint64_t e = turned.offsets[j]; e < turned.offsets[j + 1]; e++)
            recs__best_put(&best, turned.columns[e], turned.values[e]);
        recs__neighbour_rows_store(&kept, j, &best, 1.0f);
    }
    if (status == RECS_OK) {
        recs__neighbour_rows_pack(&kept);
        view = recs__neighbour_rows_view(&kept);
        status = recs__sparse_transpose(&back, &view, n->host, error);
    }
    if (status == RECS_OK) {
        memcpy(n->offsets, back.offsets, ((size_t)back.rows + 1) * sizeof *back.offsets);
        memcpy(n->columns, back.columns, (size_t)back.entries * sizeof *back.columns);
        memcpy(n->values, back.values, (size_t)back.entries * sizeof *back.values);
    }
    recs__neighbour_rows_clear(&kept);
    recs__sparse_clear(&turned, n->host);
    recs__sparse_clear(&back, n->host);
    recs__free(n->host, keys);
    return status;
}

void recs__neighbour_rows_hand_over(recs__neighbour_rows *n, recs__trained *trained) {
    uint64_t entries = recs__neighbour_rows_pack(n);
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_OFFSETS, n->offsets,
                      ((size_t)n->rows + 1) * sizeof *n->offsets);
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_ITEMS, n->columns,
                      (size_t)entries * sizeof *n->columns);
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_VALUES, n->values,
                      (size_t)entries * sizeof *n->values);
    n->offsets = NULL;
    n->columns = NULL;
    n->values = NULL;
    recs__neighbour_rows_clear(n);
}
