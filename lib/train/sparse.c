/* sparse.c - owned sparse matrices: room, view, transpose by counting. */
#include "train/sparse.h"

#include "base/memory.h"

#include <string.h>

recs__csr recs__sparse_view(const recs__sparse *sparse) {
    recs__csr view = {sparse->offsets, sparse->columns,      sparse->values,
                      sparse->rows,    sparse->column_count, sparse->entries};
    return view;
}

void recs__sparse_clear(recs__sparse *sparse, const recs_host *host) {
    recs__free_aligned(host, sparse->offsets);
    recs__free_aligned(host, sparse->columns);
    recs__free_aligned(host, sparse->values);
    memset(sparse, 0, sizeof *sparse);
}

recs_status recs__sparse_create(recs__sparse *sparse, uint32_t rows, uint32_t columns,
                                uint64_t entries, const recs_host *host, recs_error *error) {
    memset(sparse, 0, sizeof *sparse);
    sparse->rows = rows;
    sparse->column_count = columns;
    sparse->entries = entries;
    sparse->offsets = recs__alloc_aligned(host, (size_t)rows + 1, sizeof *sparse->offsets, error);
    if (sparse->offsets)
        sparse->columns = recs__alloc_aligned(host, entries, sizeof *sparse->columns, error);
    if (sparse->columns)
        sparse->values = recs__alloc_aligned(host, entries, sizeof *sparse->values, error);
    if (!sparse->values) {
        recs__sparse_clear(sparse, host);
        return RECS_ERR_MEMORY;
    }
    memset(sparse->offsets, 0, ((size_t)rows + 1) * sizeof *sparse->offsets);
    return RECS_OK;
}

recs_status recs__sparse_transpose(recs__sparse *out, const recs__csr *in, const recs_host *host,
                                   recs_error *error) {
    recs_status status =
        recs__sparse_create(out, in->column_count, in->rows, in->entries, host, error);
    if (status)
        return status;
    uint64_t *offsets = out->offsets;
    for (uint64_t e = 0; e < in->entries; e++)
        offsets[in->columns[e] + 1]++;
    for (uint32_t r = 0; r < out->rows; r++)
        offsets[r + 1] += offsets[r];
    /* Filling moves each offset to the end of its row; shifting them back by
     * one row restores them without a second array. */
    for (uint32_t r = 0; r < in->rows; r++)
        for (uint64_t e = in->offsets[r]; e < in->offsets[r + 1]; e++) {
            uint64_t at = offsets[in->columns[e]]++;
            out->columns[at] = r;
            out->values[at] = in->values[e];
        }
    memmove(offsets + 1, offsets, (size_t)out->rows * sizeof *offsets);
    offsets[0] = 0;
    return RECS_OK;
}
