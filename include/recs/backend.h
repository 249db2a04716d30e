/* recs/backend.h - approximate search, lent to a vector set by somebody else.
 *
 * librecs.so holds no approximate index. A set whose description asks for one
 * (`index=hnsw(m=32)`) hands its vectors to a backend, keeps the bytes the
 * backend makes of them beside the vectors in the file, and asks it for
 * candidates; every candidate is scored again from the stored vectors, and
 * what a backend does not find is found by the exact scan, so a backend
 * decides how fast an answer is and how many neighbours it misses, never what
 * a score is. librecs-faiss is such a backend (recs/faiss.h); a host may
 * write its own.
 *
 * Caveats
 *   - A backend parses bytes from files. A checksum does not stop a hostile
 *     file, so an index is opened only from a model opened as trusted.
 *   - search and memory are called by many threads at once; build, open and
 *     destroy by one at a time for one index. No call comes while the index is
 *     destroyed.
 *   - Every function returns a recs_status and fills error (never NULL) when
 *     it is not RECS_OK. The library hands both to its caller as they are.
 */
#ifndef RECS_BACKEND_H
#define RECS_BACKEND_H

#include "recs/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum recs_metric {
    RECS_METRIC_INNER = 0,  /* inner product                                        */
    RECS_METRIC_COSINE = 1, /* of the angle; a backend is given unit vectors        */
    RECS_METRIC_L2 = 2      /* euclidean distance; scores are minus its square      */
} recs_metric;

/* The vectors to build from, read in parts so that no second copy is needed.
 * read writes rows first … first + count as floats, row by row, dimension
 * each; they are finite, and under cosine of length 1. */
typedef struct recs_vector_source {
    size_t struct_size;
    uint64_t count;
    uint32_t dimension;
    int32_t metric; /* a recs_metric */
    void *data;
    int32_t (*read)(void *data, uint64_t first, size_t count, float *out, recs_error *error);
    /* above: version 0.1 */
} recs_vector_source;

/* Where the bytes of an index go, in order. A status other than RECS_OK ends
 * the saving and is to be returned. */
typedef struct recs_vector_sink {
    size_t struct_size;
    void *data;
    int32_t (*write)(void *data, const void *bytes, size_t size, recs_error *error);
    /* above: version 0.1 */
} recs_vector_sink;

/* What is asked of an index. rows and scores hold count * candidates members,
 * query by query, best first; beyond what was found RECS_NO_ROW. */
typedef struct recs_vector_search {
    size_t struct_size;
    const float *queries; /* [count][dimension]; under cosine of length 1 */
    size_t count;
    size_t candidates;
    uint32_t effort;        /* the index's own scale, search length or probes; 0: as described */
    uint32_t reserved;      /* zero                                             */
    const uint8_t *allowed; /* row r may be found if bit r & 7 of byte r >> 3 is 1;
                               NULL: all. Borrowed. A backend may ignore it: rows
                               that are not allowed are dropped afterwards      */
    size_t allowed_size;    /* bytes of it                                      */
    uint32_t *rows;
    /* above: version 0.1 */
} recs_vector_search;

typedef struct recs_vector_backend {
    size_t struct_size;
    void *user_data;
    const char *name;    /* "faiss"; stored beside the index                    */
    const char *version; /* of whatever made the bytes, "1.7.3 avx2"; likewise  */

    /* Checks what stands behind `index=` and writes it with every default resolved
     * into resolved (at most size bytes with the NUL). ARGUMENT names the
     * value and what would do. */
    int32_t (*check)(void *user_data, const char *index, uint32_t dimension, int32_t metric,
                     char *resolved, size_t size, recs_error *error);

    /* Makes an index of all rows of source. index is a resolved text. Runs on the
     * calling thread; progress may be NULL. *out is set on RECS_OK alone. */
    int32_t (*build)(void *user_data, const recs_vector_source *source, const char *index,
                     recs_progress *progress, void *progress_data, const recs_host *host,
                     void **out, recs_error *error);

    /* Its bytes, such that open makes the same index of them. */
    int32_t (*save)(void *user_data, const void *index, const recs_vector_sink *sink,
                    recs_error *error);

    /* bytes live as long as the index. made_by: the version that saved them.
     * CORRUPT: they are no index, or not one of count rows of that dimension
     * and metric; UNSUPPORTED: of a version this one cannot read. */
    int32_t (*open)(void *user_data, const void *bytes, size_t size, const char *index,
                    const char *made_by, uint64_t count, uint32_t dimension, int32_t metric,
                    const recs_host *host, void **out, recs_error *error);

    int32_t (*search)(void *user_data, const void *index, const recs_vector_search *search,
                      recs_error *error);

    /* Bytes it holds beside those it was opened from. */
    uint64_t (*memory)(void *user_data, const void *index);

    void (*destroy)(void *user_data, void *index);

    /* The scale of `effort` for tuning: least and most sensible value, and the one
     * that the description stands for; 0, 0, 0 where an index has none. */
    void (*effort_range)(void *user_data, const void *index, uint32_t *low, uint32_t *high,
                         uint32_t *described);

    /* How many candidates to ask for so that `wanted` of them are the right ones: more
     * where its distances are rough (codes of a few bits). May be NULL: as many. */
    size_t (*candidates)(void *user_data, const void *index, size_t wanted);
    /* above: version 0.1 */
} recs_vector_backend;

/* What a companion library exports to be loaded by name. librecs-faiss.so.0 has it as
 * recs_faiss_backend. Lives with that library. */
typedef const recs_vector_backend *recs_vector_backend_function(void);

#ifdef __cplusplus
}
#endif

#endif /* RECS_BACKEND_H */
