/* filter_sharpen.h - one step of sharpening over a block of vectors. */
#ifndef RECS_TRAIN_FILTER_SHARPEN_H
#define RECS_TRAIN_FILTER_SHARPEN_H

#include "data/csr.h"
#include "train/progress.h"

/* block (columns of a x n, row stride ld) = S(P) block with P = a^T a / scale and
 * S(x) = 1 - t x + (t x)^2 / 2 - (t x)^3 / 6 + (t x)^4 / 24, t = time: the
 * Runge-Kutta step of dr/dt = -P r that recs__shape_sharpening is on the
 * spectrum. transposed is a's transpose. 8 passes of entries * n multiply-adds;
 * recs__filter_sharpen_memory bytes. MEMORY, CANCELLED. */
recs_status recs__filter_sharpen(const recs_host *host, const recs__csr *a,
                                 const recs__csr *transposed, double scale, double time,
                                 float *block, size_t ld, size_t n, recs__progress *progress,
                                 recs_error *error);
uint64_t recs__filter_sharpen_memory(uint32_t rows, uint32_t columns, size_t ld);

#endif
