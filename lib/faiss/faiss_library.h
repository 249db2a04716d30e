/* faiss_library.h - finding FAISS and loading it, once in a process.
 *
 * Looked for, in this order, and the first that loads is taken:
 *   1. FAISS_PREFIX of the build, its lib/libfaiss_c.so
 *   2. recs-faiss/librecs-faiss-avx2.so (where the processor has AVX2 and FMA)
 *      and recs-faiss/librecs-faiss-baseline.so, beside this library or one
 *      folder up: what scripts/build-faiss makes
 *   3. libfaiss_c.so wherever the system finds libraries
 * It is loaded with local names, so another FAISS in the process is not mixed
 * up with it, and is never unloaded. */
#ifndef RECS_FAISS_LIBRARY_H
#define RECS_FAISS_LIBRARY_H

#include "faiss/faiss_calls.h"
#include "recs/base.h"

#include <stdbool.h>

typedef struct recs__faiss {
    recs__faiss_calls call;
    FaissParameterSpace *space; /* without state; shared by all threads */
    char version[64];           /* "1.7.3 avx2"; empty: no FAISS        */
    char failure[480];          /* why there is none                    */
} recs__faiss;

/* The one of this process; tries to load it at the first call. Any thread.
 * UNSUPPORTED: there is none, or it lacks a function; the text says where was
 * looked. */
recs_status recs__faiss_get(const recs__faiss **out, recs_error *error);

/* Its version, "none" where there is none. */
const char *recs__faiss_version(void);

/* Loads one file into out (all zero before). False, with the failure in it. */
bool recs__faiss_load(recs__faiss *out, const char *path);

/* Fills error with FAISS's own text about the call that just failed on this
 * thread, with what before it. MEMORY where memory was what it lacked,
 * otherwise status. */
recs_status recs__faiss_fail_call(const recs__faiss *faiss, recs_error *error, recs_status status,
                                  const char *what);

/* Counts the forks behind this process: another value than before means that
 * only this thread is left of those that were here. */
unsigned recs__faiss_forks(void);

/* Around a call that computes: one thread inside, where FAISS has OpenMP. The
 * number of threads is a setting of the calling thread, given back after. */
int recs__faiss_alone(const recs__faiss *faiss);
void recs__faiss_alone_end(const recs__faiss *faiss, int threads);

#endif
