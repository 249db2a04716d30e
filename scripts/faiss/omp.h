/* omp.h for FAISS compiled without OpenMP: one thread, so nothing to lock.
 *
 * FAISS asks how many threads there are and guards its graph building against
 * them; its pragmas are skipped by a compiler that is not told -fopenmp. What
 * is built this way starts no thread, so a fork cannot lose one that a later
 * search would wait for, and the library needs no libgomp. Searches still may
 * run on many threads at once: they only read the index. (FAISS's counters of
 * its own work are then not exact. Nothing here reads them.)
 *
 * Only what FAISS names is here; another version that names more will say so
 * when it is compiled. */
#ifndef RECS_FAISS_SERIAL_OMP_H
#define RECS_FAISS_SERIAL_OMP_H

#include <time.h>

typedef struct omp_lock_t {
    char unused;
} omp_lock_t;
typedef omp_lock_t omp_nest_lock_t;

static inline int omp_get_max_threads(void) { return 1; }
static inline int omp_get_num_threads(void) { return 1; }
static inline int omp_get_thread_num(void) { return 0; }
static inline int omp_get_num_procs(void) { return 1; }
static inline int omp_in_parallel(void) { return 0; }
static inline int omp_get_nested(void) { return 0; }
static inline void omp_set_nested(int nested) { (void)nested; }
static inline void omp_set_num_threads(int threads) { (void)threads; }

static inline void omp_init_lock(omp_lock_t *lock) { (void)lock; }
static inline void omp_destroy_lock(omp_lock_t *lock) { (void)lock; }
static inline void omp_set_lock(omp_lock_t *lock) { (void)lock; }
static inline void omp_unset_lock(omp_lock_t *lock) { (void)lock; }
static inline int omp_test_lock(omp_lock_t *lock) {
    (void)lock;
    return 1;
}

static inline double omp_get_wtime(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
