/* recs/vectors.h - a set of vectors with the shop's ids, and its nearest
 * neighbours.
 *
 *     recs_vectors_create(&set, 512, "knn(metric=cosine, storage=int8)", NULL, NULL, &error);
 *     recs_vectors_add(set, ids, offsets, values, 512, count, &error);
 *     recs_query_item(q, "frame-17");
 *     recs_knn(set, q, &error);                       read the answer as any other
 *
 * Neighbours are exact unless the description asks for an approximate index;
 * scores are always those of the stored vectors. A set is written alone into
 * one file, or is a section of a model (its component `content`); either is
 * opened mapped, at a cost that does not depend on its size.
 *
 * Caveats
 *   - One thread at a time changes a set (add, replace, remove, compact, build);
 *     any number search and look up meanwhile, without waiting, each in the
 *     state that was there when its call began. Those who leave last free
 *     nothing: memory of older states is given back by the next change, by
 *     recs_vectors_reap or by destroy.
 *   - Numbers are kept as the storage has them: what a look-up returns and what a score
 *     is of are the stored numbers, for float16, bfloat16 and int8 near to what
 *     was given.
 *   - A row of a set is valid for one recs_vectors_generation; ids are for ever.
 */
#ifndef RECS_VECTORS_H
#define RECS_VECTORS_H

#include "recs/backend.h"
#include "recs/base.h"
#include "recs/model.h"
#include "recs/query.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recs_vectors recs_vectors;

/* Scores are better the larger they are: the inner product; the cosine; minus
 * the squared euclidean distance. recs_metric is in recs/backend.h. */

typedef enum recs_vector_storage {
    RECS_STORAGE_FLOAT32 = 0,
    RECS_STORAGE_FLOAT16 = 1,  /* IEEE binary16, at most 65,504                 */
    RECS_STORAGE_BFLOAT16 = 2, /* the upper half of a float32                   */
    RECS_STORAGE_INT8 = 3      /* -127 … 127 times a scale of the vector's own  */
} recs_vector_storage;

/* Longest vector. */
#define RECS_DIMENSION_MAX 65536

typedef struct recs_vectors_options {
    size_t struct_size;
    const recs_vector_backend *backend; /* for an index other than exact; NULL: loaded by name
                                           when first needed. Lives longer than the set     */
    uint64_t memory;                    /* bytes the set may hold, 0: no limit. What would pass
                                           it is LIMIT and changes nothing                  */
    /* above: version 0.1 */
} recs_vectors_options;

/* ---- life ------------------------------------------------------------------ */

/* An empty set. dimension: 1 to RECS_DIMENSION_MAX. description, NULL for the
 * defaults named first:
 *     knn(metric=cosine|inner|l2, storage=float32|float16|bfloat16|int8,
 *         index=exact|an index of the backend, "in quotes" where it has commas)
 * ARGUMENT: a dimension or description of no use (the text names column and
 * value), options. UNSUPPORTED: an index without a backend. MEMORY. Since 0.1. */
RECS_API recs_status recs_vectors_create(recs_vectors **vectors, uint32_t dimension,
                                         const char *description,
                                         const recs_vectors_options *options,
                                         const recs_host *host, recs_error *error);

/* Opens a set from a file: one written alone, or the vectors of a model's
 * component (NULL: the first that has some). open_options as in recs/model.h: an
 * approximate index is opened only where trusted is 1, and searched exactly
 * otherwise. The set can be added to; the file is not changed by that.
 * NOT_FOUND: no such file or component. Else as recs_model_open. Cost:
 * constant. Since 0.1. */
RECS_API recs_status recs_vectors_open(recs_vectors **vectors, const char *path,
                                       const char *component,
                                       const recs_open_options *open_options,
                                       const recs_vectors_options *options,
                                       const recs_host *host, recs_error *error);

/* The same from an open model, which the set retains. Ids are the model's. Since 0.1. */
RECS_API recs_status recs_vectors_open_model(recs_vectors **vectors, const recs_model *model,
                                             const char *component,
                                             const recs_vectors_options *options,
                                             const recs_host *host, recs_error *error);

/* Writes the set alone: temporary, fsync, rename. What was removed is left out. The file is a
 * model with one component, `content`. Errors as recs_model_write. Cost: one write;
 * where the set was changed, as much memory again for the time. Since 0.1. */
RECS_API recs_status recs_vectors_write(const recs_vectors *vectors, const char *path,
                                        recs_error *error);

/* No other call may be running. NULL is harmless. Since 0.1. */
RECS_API void recs_vectors_destroy(recs_vectors *vectors);

/* ---- changing ---------------------------------------------------------------- */

/* Adds count vectors: packed ids (offsets: count + 1), values [count][dimension].
 * All or none. ARGUMENT: another dimension than the set's; a bad id; a number
 * that is NaN or infinite, or a vector the storage cannot hold or (cosine) of
 * length 0: the text names row, column and value. CONFLICT: an id that is there already, or
 * twice in the call. LIMIT: options->memory, 2^31 - 1 rows. MEMORY. Cost: sorting the ids
 * and one pass over the values; small additions are merged as they gather. Since 0.1. */
RECS_API recs_status recs_vectors_add(recs_vectors *vectors, const char *bytes,
                                      const uint32_t *offsets, const float *values,
                                      uint32_t dimension, size_t count, recs_error *error);

/* The same, where an id that is there already gets the new vector. */
RECS_API recs_status recs_vectors_replace(recs_vectors *vectors, const char *bytes,
                                          const uint32_t *offsets, const float *values,
                                          uint32_t dimension, size_t count, recs_error *error);

/* Removes ids; those that are not there are passed over. *removed (may be
 * NULL): how many were. An empty set is as good as any. Cost: a byte per row
 * of what is touched. Since 0.1. */
RECS_API recs_status recs_vectors_remove(recs_vectors *vectors, const char *bytes,
                                         const uint32_t *offsets, size_t count, size_t *removed,
                                         recs_error *error);

/* Makes one block of all that was added, leaving out what was removed. The
 * set is as before on any failure (CANCELLED, MEMORY, LIMIT). Since 0.1. */
RECS_API recs_status recs_vectors_compact(recs_vectors *vectors, recs_progress *progress,
                                          void *progress_data, recs_error *error);

/* Compacts and builds the index of the description anew; with index=exact only compacts.
 * Vectors added later are searched exactly beside the index, removed
 * ones are passed over: build again when recs_vectors_unindexed has grown. Since 0.1. */
RECS_API recs_status recs_vectors_build(recs_vectors *vectors, recs_progress *progress,
                                        void *progress_data, recs_error *error);

/* Gives back the memory of older states that nobody reads any more; returns
 * how many are still read. Counts as a change. Since 0.1. */
RECS_API size_t recs_vectors_reap(recs_vectors *vectors);

/* ---- looking up ---------------------------------------------------------------- */

/* The stored vector of an id, dimension floats. NOT_FOUND. ARGUMENT: another dimension.
 * Since 0.1. */
RECS_API recs_status recs_vectors_get(const recs_vectors *vectors, const char *id, float *out,
                                      uint32_t dimension, recs_error *error);

/* Its row, RECS_NO_ROW when there is none; the id of a row into out
 * (RECS_ID_MAX + 1 bytes), NOT_FOUND when there is none. Rows change with the generation. */
RECS_API uint32_t recs_vectors_row(const recs_vectors *vectors, const char *id);
RECS_API recs_status recs_vectors_id(const recs_vectors *vectors, uint32_t row, char *out,
                                     recs_error *error);

/* Vectors that are there; rows, those removed and not yet compacted counted. */
RECS_API uint64_t recs_vectors_count(const recs_vectors *vectors);
RECS_API uint64_t recs_vectors_rows(const recs_vectors *vectors);
/* Of these, how many the approximate index does not hold: added since it was built, all
 * without one. */
RECS_API uint64_t recs_vectors_unindexed(const recs_vectors *vectors);
/* Blocks: 1 when compact. */
RECS_API size_t recs_vectors_blocks(const recs_vectors *vectors);
/* Grows with every change. */
RECS_API uint64_t recs_vectors_generation(const recs_vectors *vectors);
RECS_API uint32_t recs_vectors_dimension(const recs_vectors *vectors);
RECS_API int32_t recs_vectors_metric(const recs_vectors *vectors);
RECS_API int32_t recs_vectors_storage(const recs_vectors *vectors);
/* With every default in place. Lives with the set. */
RECS_API const char *recs_vectors_description(const recs_vectors *vectors);
/* "exact", or name and version of the backend whose index is searched, as text of at
 * most size bytes with its NUL. */
RECS_API void recs_vectors_index(const recs_vectors *vectors, char *out, size_t size);
/* The scale of recs_query_effort under that index: the least and most that make sense and
 * what the description stands for; 0, 0, 0 where there is none. */
RECS_API void recs_vectors_effort(const recs_vectors *vectors, uint32_t *low, uint32_t *high,
                                  uint32_t *described);
/* Bytes held, mapped ones not counted. */
RECS_API uint64_t recs_vectors_memory(const recs_vectors *vectors);

/* ---- new items beside a model --------------------------------------------------- */

/* Items that a model does not know, as answers of recs_recommend and recs_similar: those
 * added to a set since it was opened from that model (recs_vectors_open_model). They have
 * evidence from the component whose vectors the set holds, alone or in a blend, and none from
 * others; limit, deny and allow lists by id, a history given by id, the query's item and the
 * predicate hold for them. Named in a history they are evidence for that component, as the
 * model's own items are (in recs_score and recs_score_rows, too); as the query's item
 * recs_similar finds what is like them. Their rows have the high bit set and are no rows of the
 * model; recs_explain tells their reasons, recs_why_not answers for them and counts them in
 * places. They are never filled up with, and recs_score knows them no more than the model does;
 * recs_recommend_rows is UNSUPPORTED while a query has an overlay with new items. What the set says anew of
 * items the model knows is not looked at. The set is not copied and must outlive its use; NULL: none (the default, and
 * after recs_query_reset). A set of another model is ARGUMENT when the verb runs.
 * recs_knn asks the set itself, for or by new items and old.
 * An approximate index that the set has open (of a model opened as trusted) is lent, too:
 * recs_recommend, recs_similar and recs_recommend_rows search the set's component by it, as long as
 * recs_query_effort says, alone or in a blend with item models, user neighbours, trends and
 * popular; recs_query_strategy tells. Scores stay exact, filters hold inside, and if k eligible
 * items exist, k come back. Since 0.1. */
RECS_API recs_status recs_query_overlay(recs_query *query, const recs_vectors *vectors);

/* ---- searching ------------------------------------------------------------------ */

/* The nearest of the query's vector (recs_query_vector), else of its item
 * (recs_query_item), else of its history (recs_query_history…, merged as
 * recs_query_merge says; ids the set does not hold are counted as ignored). The item and
 * the history's entries are not among the answers unless recs_query_exclude_seen
 * says so. Limit, deny and allow lists, bitmap, predicate and radius hold; if k
 * eligible vectors exist, k come back, under an approximate index too. There is no
 * fill. Ties are in order of the id's bytes.
 * ARGUMENT: nothing to search by; a vector of another dimension, of length 0 under cosine;
 * rows of another generation beyond the set. NOT_FOUND: the item. MEMORY. What the predicate
 * returned. Cost: a pass over the stored vectors that may be answers, split on the
 * executor of the query's host, or the index's. Since 0.1. */
RECS_API recs_status recs_knn(const recs_vectors *vectors, recs_query *query, recs_error *error);

/* Reasons of answer `index` of the query's last recs_knn on this set, as columns of the query
 * (recs_query_reason_count …). By item: RECS_REASON_SIMILAR, the item, the score. By
 * history: RECS_REASON_VECTOR, its items; under centroid each with its exact share of the score
 * (l2: a distance has no shares, all of it is the remainder), under best the nearest with all
 * of it. By vector: the remainder alone. Reasons have no component (UINT32_MAX). STATE: no
 * answer of recs_knn, of another set, or request or set were changed since. ARGUMENT: index. MEMORY. Cost: a product for each item of the history. Since 0.1. */
RECS_API recs_status recs_knn_explain(const recs_vectors *vectors, recs_query *query, size_t index,
                                      recs_error *error);

/* recs_knn for count vectors [count][dimension] at once with the query's
 * settings (its item, history and vector are not used): out_rows and out_scores hold
 * count * limit members; beyond an answer's end RECS_NO_ROW and 0. Runs on
 * the executor of the query's host. generation (may be NULL): of the rows. The
 * outputs are all RECS_NO_ROW and 0 on failure. Since 0.1. */
RECS_API recs_status recs_knn_rows(const recs_vectors *vectors, recs_query *query,
                                   const float *values, uint32_t dimension, size_t count,
                                   uint32_t *out_rows, float *out_scores, uint64_t *generation,
                                   recs_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RECS_VECTORS_H */
