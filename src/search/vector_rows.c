/* vector_rows.c - behind vector_rows.h. Decoding and scores are those of
 * kernels/stored.h and exact.h, encoding that of data/vector_encode.h. */
#include "search/vector_rows.h"

recs__stored recs__vector_stored(const recs__vector_rows *rows) {
    return (recs__stored){.values = rows->data,
                          .scales = rows->scales,
                          .type = recs__vector_type(rows->storage),
                          .rows = rows->count,
                          .dims = rows->dimension,
                          .stride = rows->stride};
}

recs__space recs__vector_space(const recs__vector_rows *rows) {
    return (recs__space){.stored = recs__vector_stored(rows),
                         .norms = rows->norms,
                         .codes = rows->codes,
                         .metric = rows->metric == RECS_METRIC_INNER    ? RECS__METRIC_PRODUCT
                                   : rows->metric == RECS_METRIC_COSINE ? RECS__METRIC_COSINE
                                                                        : RECS__METRIC_DISTANCE};
}

const float *recs__vector_floats(const recs__vector_rows *rows, uint32_t row, float *room) {
    recs__stored stored = recs__vector_stored(rows);
    return recs__stored_floats(&stored, row, room);
}
