/* csr.h - compressed sparse rows over memory that may be a hostile file.
 *
 * A row is a slice [offsets[r], offsets[r + 1]) of columns and values. Access
 * is clamped: a slice that runs backwards or beyond the entries is empty, so
 * wrong offsets give wrong answers and never a wild read. Column numbers are
 * checked by whoever uses them as an index. Header only; O(1) a row. */
#ifndef RECS_DATA_CSR_H
#define RECS_DATA_CSR_H

#include <stddef.h>
#include <stdint.h>

typedef struct recs__csr {
    const uint64_t *offsets; /* rows + 1; NULL when rows is 0 */
    const uint32_t *columns; /* entries                       */
    const float *values;     /* entries                       */
    uint32_t rows;
    uint32_t column_count;
    uint64_t entries;
} recs__csr;

/* First entry of the row and their number. */
static inline size_t recs__csr_row(const recs__csr *csr, uint32_t row, uint64_t *first) {
    *first = 0;
    if (row >= csr->rows)
        return 0;
    uint64_t begin = csr->offsets[row], end = csr->offsets[row + 1];
    if (begin > end || end > csr->entries)
        return 0;
    *first = begin;
    return (size_t)(end - begin);
}

#endif
