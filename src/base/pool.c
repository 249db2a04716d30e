/* pool.c - threads for a host that has none to lend.
 *
 * Operations: create, destroy, threads, run. Cost: a run wakes the workers
 * (one broadcast) and hands out indexes by one atomic addition each; it
 * allocates nothing. Idle workers sleep on a condition variable.
 *
 * Who may be inside: one job at a time. A second caller waits for its turn; a
 * call from inside a task is recognised by pthread_self() being a worker's or
 * the caller's of the present job, and runs inline, since waiting for itself
 * would be for ever.
 *
 * Invariants, all under the lock
 *   (1) job, arg, count and next belong to the caller for which busy is set;
 *   (2) inside counts the workers that have seen the present job and not yet
 *       left it; the caller returns only when every index is done and inside
 *       is 0, so no worker touches a job that is over;
 *   (3) round grows with every job: a worker joins each at most once. */
#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 1024 };

struct recs_pool {
    recs_host host;
    uint32_t threads;  /* the caller's included            */
    uint32_t started;  /* entries of workers that are real */
    pthread_t *workers;

    pthread_mutex_t lock;
    pthread_cond_t work; /* a job was posted, or stop         */
    pthread_cond_t done; /* the last worker left the job      */
    pthread_cond_t turn; /* busy was cleared                  */
    bool stop;
    bool busy;
    pthread_t caller; /* while busy */
    uint64_t round;
    uint32_t inside;

    void (*task)(void *arg, size_t index);
    void *arg;
    size_t count;
    atomic_size_t next; /* the first index not handed out */
};

/* Each addition goes past count at most once per thread, so next cannot
 * overflow while count leaves room for THREADS_MAX more. */
static void take_indexes(recs_pool *pool) {
    size_t count = pool->count;
    void (*task)(void *, size_t) = pool->task;
    void *arg = pool->arg;
    for (;;) {
        size_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= count)
            return;
        task(arg, index);
    }
}

static void *worker(void *data) {
    recs_pool *pool = data;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->stop && (pool->round == seen || !pool->busy))
            pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->stop)
            break;
        seen = pool->round;
        pool->inside++;
        pthread_mutex_unlock(&pool->lock);
        take_indexes(pool);
        pthread_mutex_lock(&pool->lock);
        if (--pool->inside == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Processors this process may use, at least 1. */
static uint32_t usable_processors(void) {
    long count = 0;
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
#endif
    if (count < 1) /* no such call, or more processors than a cpu_set_t has */
        count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1)
        count = 1;
    return count > THREADS_MAX ? THREADS_MAX : (uint32_t)count;
}

/* Workers take no signals: those are the host's own threads' business. */
static recs_status start_workers(recs_pool *pool, recs_error *error) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = 0;
    while (failure == 0 && pool->started < pool->threads - 1) {
        failure = pthread_create(&pool->workers[pool->started], NULL, worker, pool);
        if (failure == 0)
            pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure == 0)
        return RECS_OK;
    recs__fail_errno(error, failure, "cannot start thread %u of %u", pool->started + 2,
                     pool->threads);
    if (error != NULL)
        error->status = RECS_ERR_IO; /* whichever resource the system lacked */
    return RECS_ERR_IO;
}

recs_status recs_pool_create(recs_pool **pool, uint32_t threads, const recs_host *host,
                             recs_error *error) {
    if (pool == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "pool is NULL");
    if (threads > THREADS_MAX)
        return recs__fail(error, RECS_ERR_ARGUMENT, "threads is %u, expected 0 to %d", threads,
                          THREADS_MAX);
    recs_host resolved;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status != RECS_OK)
        return status;

    recs_pool *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    made->threads = threads != 0 ? threads : usable_processors();
    made->workers = recs__alloc(&resolved, made->threads - 1, sizeof *made->workers, error);
    if (made->workers == NULL) {
        recs__free(&resolved, made);
        return RECS_ERR_MEMORY;
    }
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->work, NULL);
    pthread_cond_init(&made->done, NULL);
    pthread_cond_init(&made->turn, NULL);
    atomic_init(&made->next, 0);

    status = start_workers(made, error);
    if (status != RECS_OK) {
        recs_pool_destroy(made);
        return status;
    }
    *pool = made;
    return RECS_OK;
}

void recs_pool_destroy(recs_pool *pool) {
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->turn);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    recs_host host = pool->host;
    recs__free(&host, pool->workers);
    recs__free(&host, pool);
}

uint32_t recs_pool_threads(const recs_pool *pool) { return pool->threads; }

/* Whether the calling thread is running a task of this pool. workers is
 * complete: no job can be posted before create has returned. */
static bool called_from_task(const recs_pool *pool) {
    pthread_t self = pthread_self();
    if (pool->busy && pthread_equal(pool->caller, self))
        return true;
    for (uint32_t i = 0; i < pool->started; i++)
        if (pthread_equal(pool->workers[i], self))
            return true;
    return false;
}

void recs_pool_run(void *pool_data, void (*task)(void *arg, size_t index), void *arg,
                   size_t count) {
    recs_pool *pool = pool_data;
    if (count == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    bool alone = pool->started == 0 || count == 1 || count > SIZE_MAX - THREADS_MAX;
    if (alone || called_from_task(pool)) {
        pthread_mutex_unlock(&pool->lock);
        for (size_t i = 0; i < count; i++)
            task(arg, i);
        return;
    }
    while (pool->busy)
        pthread_cond_wait(&pool->turn, &pool->lock);
    pool->busy = true;
    pool->caller = pthread_self();
    pool->task = task;
    pool->arg = arg;
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pool->round++;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);

    take_indexes(pool);

    /* A worker that wakes only now finds busy cleared and sleeps again. */
    pthread_mutex_lock(&pool->lock);
    while (pool->inside != 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pool->busy = false;
    pthread_cond_signal(&pool->turn);
    pthread_mutex_unlock(&pool->lock);
}
