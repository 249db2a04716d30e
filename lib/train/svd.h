/* svd.h - the strongest singular values and right singular vectors of a sparse
 * matrix. */
#ifndef RECS_TRAIN_SVD_H
#define RECS_TRAIN_SVD_H

#include "data/csr.h"
#include "train/progress.h"

typedef struct recs__svd {
    size_t rank;    /* found: at most what was asked for, and not more than there are */
    size_t stride;  /* of vectors: what was asked for, rounded up to 16               */
    double *values; /* [rank], descending, above 0                                    */
    float *vectors; /* [columns][stride]: column k is right singular vector k; +0
                       behind the rank. 64-byte aligned                               */
} recs__svd;

/* a is rows x columns, transposed its transpose; both finite. The columns of
 * vectors are orthonormal; sign and, where singular values are close together,
 * direction follow from seed. Singular values below about 1e-3 of the largest
 * are not looked for. NUMERIC, MEMORY, CANCELLED (stage: what progress is told).
 *
 * Cost: about 16 passes of entries * (rank + more) multiply-adds and 6 Gram
 * products of that width on the shorter side, `more` being an eighth of the
 * rank and at least 16; recs__svd_memory bytes. */
recs_status recs__svd_truncated(recs__svd *svd, const recs__csr *a, const recs__csr *transposed,
                                size_t rank, uint64_t seed, const recs_host *host,
                                recs__progress *progress, const char *stage, recs_error *error);
void recs__svd_clear(recs__svd *svd, const recs_host *host);

/* Bytes held at once, the result included. */
uint64_t recs__svd_memory(uint32_t rows, uint32_t columns, size_t rank);

/* out (rows x n, row stride ld) = a * dense (columns x n, row stride ld): each
 * output row one update chain over the row's entries, so the bits are ours. */
void recs__sparse_times_dense(const recs_host *host, const recs__csr *a, const float *dense,
                              size_t ld, size_t n, float *out);

#endif
