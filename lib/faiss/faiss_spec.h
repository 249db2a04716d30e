/* faiss_spec.h - what stands behind `index=`, read and written back whole.
 *
 *   hnsw(m=32, ef_construction=128, ef=64, code=flat, head=auto)
 *   ivf(lists=auto, probe=16, code=flat, head=auto)
 *   pq(parts=auto, bits=8)
 *   sq8
 *   factory("OPQ16_64,IVF1024,PQ16", probe=32)     also factory="…"
 *
 * code: flat (the vectors once more, as floats), fp16 or sq8. head: how many of the
 * longest vectors stay out of it and are scanned, under the inner product alone; written
 * back only where it was given. */
#ifndef RECS_FAISS_SPEC_H
#define RECS_FAISS_SPEC_H

#include "recs/backend.h"

#include <stdbool.h>

typedef enum recs__faiss_kind {
    RECS__FAISS_HNSW,
    RECS__FAISS_IVF,
    RECS__FAISS_PQ,
    RECS__FAISS_SQ8,
    RECS__FAISS_FACTORY
} recs__faiss_kind;

typedef enum recs__faiss_code {
    RECS__FAISS_FLAT,
    RECS__FAISS_FP16,
    RECS__FAISS_CODE8
} recs__faiss_code;

enum { RECS__FAISS_FACTORY_MOST = 127 };

typedef struct recs__faiss_spec {
    recs__faiss_kind kind;
    recs__faiss_code code;
    uint32_t m, ef_construction, ef; /* hnsw; ef of a factory: 0 where none is given */
    uint32_t lists, probe;           /* ivf; lists 0: by the number of vectors; as ef */
    uint32_t parts, bits;            /* pq; parts 0: by the dimension                 */
    uint32_t head;                   /* hnsw, ivf, factory; 0: by the lengths there are */
    char factory[RECS__FAISS_FACTORY_MOST + 1];
} recs__faiss_spec;

/* ARGUMENT: an unknown name, a value out of its range, text behind the end.
 * parts are resolved and must divide the dimension. */
recs_status recs__faiss_spec_read(recs__faiss_spec *spec, const char *text, uint32_t dimension,
                                  recs_error *error);

/* LIMIT where it does not fit into size. */
recs_status recs__faiss_spec_write(const recs__faiss_spec *spec, char *out, size_t size,
                                   recs_error *error);

/* How many lists an ivf of count vectors gets where none are named: about four
 * times the square root, each with at least the 39 vectors that FAISS wants to
 * place a centroid. */
uint32_t recs__faiss_spec_lists(const recs__faiss_spec *spec, uint64_t count);

/* FAISS's own description of it. */
void recs__faiss_spec_factory(const recs__faiss_spec *spec, uint64_t count, char *out,
                              size_t size);

/* Whether vectors get a further component that makes their lengths equal, so
 * that the largest inner product is the least distance (Bachrach et al. 2014):
 * lists around centroids do under the inner product. Graphs are better over the
 * product itself once the longest vectors are out of them, codes that are scanned whole
 * take it as it is: docs/approximate.md has figures. */
bool recs__faiss_spec_augmented(const recs__faiss_spec *spec, int32_t metric);

/* Whether the longest vectors are kept beside it (faiss_head.h), and at most how many
 * of count. *far: only those that are far longer than the rest. */
bool recs__faiss_spec_headed(const recs__faiss_spec *spec, int32_t metric);
size_t recs__faiss_spec_head(const recs__faiss_spec *spec, uint64_t count, uint32_t dimension,
                             bool *far);

/* The name FAISS has for the length of a search, NULL where it has none, and
 * the value that the description stands for. */
const char *recs__faiss_spec_effort(const recs__faiss_spec *spec, uint32_t *described);

#endif
