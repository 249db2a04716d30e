/* faiss_head.h - the longest vectors under the inner product, kept beside the index
 * and searched whole.
 *
 * A few vectors far longer than the rest are among the best for nearly every
 * question. In a graph over inner products they are the neighbours of
 * everything, so that no link is left for the others; where all are brought
 * to one length by a further component they draw the others together. Both go
 * away with them: the head, at most a few thousand rows, is scanned, and the
 * index holds the tail. (Parting by length: Yan et al., Norm-Ranging LSH for
 * Maximum Inner Product Search, NeurIPS 2018.)
 *
 * The index knows a row of the tail by its label, its place among them. */
#ifndef RECS_FAISS_HEAD_H
#define RECS_FAISS_HEAD_H

#include "faiss/faiss_host.h"
#include "faiss/faiss_library.h"
#include "recs/backend.h"

enum { RECS__FAISS_HEAD_MOST = 65536 };

typedef struct recs__faiss_head {
    uint32_t count;
    uint32_t *rows;   /* ascending, the host's memory  */
    FaissIndex *flat; /* their vectors, NULL for none  */
} recs__faiss_head;

/* Chooses at most `most` rows of source, the longest; `far` says: only those that are
 * much longer than the median. *reach: a bound of the length of all others.
 * NUMERIC: a vector of which squares are not finite. Cost: one reading. */
recs_status recs__faiss_head_choose(recs__faiss_head *head, const recs_vector_source *source,
                                    size_t most, bool far, float *reach, const recs_host *host,
                                    recs__faiss_progress *progress, recs_error *error);

/* Reads their vectors into head->flat. */
recs_status recs__faiss_head_fill(recs__faiss_head *head, const recs__faiss *faiss,
                                  const recs_vector_source *source, const recs_host *host,
                                  recs_error *error);

void recs__faiss_head_free(recs__faiss_head *head, const recs__faiss *faiss,
                           const recs_host *host);

/* The row of a label, and how many rows of the tail follow it without a gap. O(log n). */
uint32_t recs__faiss_head_row(const recs__faiss_head *head, uint32_t label);
size_t recs__faiss_head_run(const recs__faiss_head *head, uint32_t label);

/* A bit for each of `tail` labels of a bit for each row (bytes of them, 0 beyond). out:
 * recs__faiss_head_words(tail) words. Cost: a step for 56 rows and one for each of the head. */
void recs__faiss_head_allowed(const recs__faiss_head *head, uint64_t tail, const uint8_t *allowed,
                              size_t bytes, uint64_t *out);
static inline size_t recs__faiss_head_words(uint64_t tail) { return (size_t)(tail / 64) + 2; }

#endif
