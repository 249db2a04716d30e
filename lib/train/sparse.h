/* sparse.h - sparse matrices the trainers make for themselves: owned arrays
 * behind a recs__csr. */
#ifndef RECS_TRAIN_SPARSE_H
#define RECS_TRAIN_SPARSE_H

#include "data/csr.h"
#include "recs/base.h"

/* A recs__csr whose arrays are host blocks (aligned: recs__free_aligned). */
typedef struct recs__sparse {
    uint64_t *offsets;
    uint32_t *columns;
    float *values;
    uint32_t rows, column_count;
    uint64_t entries;
} recs__sparse;

recs__csr recs__sparse_view(const recs__sparse *sparse);
void recs__sparse_clear(recs__sparse *sparse, const recs_host *host);

/* Room for entries of a rows x columns matrix; offsets are zero. */
recs_status recs__sparse_create(recs__sparse *sparse, uint32_t rows, uint32_t columns,
                                uint64_t entries, const recs_host *host, recs_error *error);

/* The transpose; columns ascend within its rows. O(entries + columns). */
recs_status recs__sparse_transpose(recs__sparse *out, const recs__csr *in, const recs_host *host,
                                   recs_error *error);

#endif
