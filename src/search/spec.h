/* spec.h - the one string that says what a vector set is:
 *
 *     knn(metric=cosine, storage=int8, index=exact)
 *
 * Every part may be left out; the defaults are written here once: cosine,
 * float32, exact. What stands behind index= other than exact is the
 * backend's own language, with balanced parentheses, or in double quotes:
 * index=hnsw(m=32), index="IVF4096,PQ16". */
#ifndef RECS_SEARCH_SPEC_H
#define RECS_SEARCH_SPEC_H

#include "recs/vectors.h"

#include <stdbool.h>

#define RECS__INDEX_TEXT 256
#define RECS__SPEC_TEXT (RECS__INDEX_TEXT + 96)

typedef struct recs__vector_spec {
    int32_t metric;  /* a recs_metric         */
    int32_t storage; /* a recs_vector_storage */
    char index[RECS__INDEX_TEXT]; /* "exact", or for the backend, without quotes */
} recs__vector_spec;

/* NULL or "": the defaults. ARGUMENT names the column, the value and what would do. */
recs_status recs__vector_spec_parse(recs__vector_spec *spec, const char *text, recs_error *error);

/* The same with every default in place. */
void recs__vector_spec_text(const recs__vector_spec *spec, char out[RECS__SPEC_TEXT]);

bool recs__vector_spec_exact(const recs__vector_spec *spec);
const char *recs__metric_name(int32_t metric);
const char *recs__storage_name(int32_t storage);

#endif
