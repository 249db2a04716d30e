/* faiss_host.h - what librecs-faiss takes from its host: memory, time for its
 * progress, and the text of a failure; it uses the public headers alone, so
 * these few lines stand here once more.
 *
 * FAISS itself allocates with operator new: what an index holds and what a
 * search works with inside FAISS is not the host's memory. */
#ifndef RECS_FAISS_HOST_H
#define RECS_FAISS_HOST_H

#include "recs/base.h"

/* The members missing from a shorter struct are zero. NULL: all default. */
void recs__faiss_host_copy(recs_host *out, const recs_host *host);

/* NULL when there is none left; size 0 counts as 1. release takes NULL. */
void *recs__faiss_allocate(const recs_host *host, size_t size);
void *recs__faiss_reallocate(const recs_host *host, void *block, size_t size);
void recs__faiss_release(const recs_host *host, void *block);

/* One line of text into error (may be NULL); returns status. Control characters
 * of texts that come from elsewhere become spaces. */
recs_status recs__faiss_fail(recs_error *error, recs_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
recs_status recs__faiss_fail_memory(recs_error *error, size_t size);

/* Progress, at most ten times a second and at every change of stage. */
typedef struct recs__faiss_progress {
    recs_progress *callback;
    void *user_data;
    const recs_host *host;
    const char *stage;
    int64_t told_at;
} recs__faiss_progress;

/* CANCELLED when the callback asks for it. */
recs_status recs__faiss_tell(recs__faiss_progress *progress, const char *stage, uint64_t done,
                             uint64_t total, recs_error *error);

#endif
