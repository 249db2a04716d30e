/* recs/faiss.h - librecs-faiss: approximate search, by FAISS.
 *
 *     options.backend = recs_faiss_backend();          (recs/vectors.h)
 *     "knn(metric=cosine, index=hnsw(m=32))"
 *
 * or without the first line: librecs loads librecs-faiss.so.0 by name when a
 * description asks for an index and no backend was handed over.
 *
 * What `index=` may be; every number has a default
 *   hnsw(m=32, ef_construction=128, ef=64, code=flat)   a graph; fast, large
 *   ivf(lists=auto, probe=16, code=flat)   lists around centroids; quick to build
 *   pq(parts=auto, bits=8)                 codes, scanned whole; small
 *   sq8                                    a byte a component, scanned whole
 *   factory("OPQ16_64,IVF1024,PQ16", probe=32)   FAISS's own description
 * code: flat, fp16 or sq8, how the index keeps the vectors. A query's `effort`
 * takes the place of ef (hnsw) or probe (ivf). Under metric=inner hnsw, ivf and
 * a factory's graphs and lists take head=auto or 1 to 65536: so many of the longest
 * vectors are scanned beside the index; auto: those longer than 1.5 times the
 * median, at most 4096, one in 20 and a megabyte. docs/approximate.md says when to use which.
 *
 * Caveats
 *   - This library is not the quiet guest that librecs.so is: FAISS brings
 *     libstdc++, allocates outside the host's memory (an index, and what a
 *     search works with), and has thread-local text of its last failure. Built
 *     by scripts/build-faiss it has no OpenMP; any other FAISS is held to one
 *     thread while it is called. A handler counts forks (pthread_atfork). Once
 *     loaded it stays loaded.
 *   - Searches run side by side on any threads, and in a child after fork().
 *     With a FAISS before 1.14 two searches of one index with different
 *     efforts wait for each other.
 *   - Bytes of an index can make FAISS write anywhere: open such a file only
 *     from those you trust (recs_open_options.trusted).
 */
#ifndef RECS_FAISS_H
#define RECS_FAISS_H

#include "recs/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The backend. Never NULL; where FAISS cannot be loaded its calls return
 * UNSUPPORTED and say where it was looked for. Lives with the library. Any
 * thread. Since 0.1. */
RECS_API const recs_vector_backend *recs_faiss_backend(void);

/* The FAISS that was loaded and which build of it: "1.7.3 avx2"; "none". Lives with
 * the library. Since 0.1. */
RECS_API const char *recs_faiss_version(void);

/* OK when FAISS is there. UNSUPPORTED: it was not found, or is of a version
 * without a function needed here; the text names both. Cost: loading it, the first
 * time. Since 0.1. */
RECS_API recs_status recs_faiss_check(recs_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RECS_FAISS_H */
