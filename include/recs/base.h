/* recs/base.h - status and error text, the host, version, pool.
 *
 * Caveats a host will regret not knowing
 *   - librecs keeps no global and no thread-local state, starts no thread of
 *     its own, reads no environment variable, never prints and never exits.
 *     What it needs from the process it asks of the recs_host.
 *   - A recs_query (query.h) belongs to one thread at a time. A recs_model
 *     (model.h) is immutable and shared by all.
 *   - The file behind a mapped model must not be changed while it is open:
 *     replace it by rename, never by writing into it.
 *   - After fork() immutable handles are safe in the child; mutable ones are
 *     safe when no other thread was inside a call at the time of the fork.
 *     Threads do not survive fork(): make a recs_pool in the child.
 *
 * Lifetimes, in three words used throughout
 *   owned       the caller frees it with the matching destroy or release
 *   borrowed    valid until the call returns
 *   lives with X  valid as long as X is
 */
#ifndef RECS_BASE_H
#define RECS_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define RECS_API
#elif defined(__GNUC__)
#define RECS_API __attribute__((visibility("default")))
#else
#define RECS_API
#endif

/* ---- version ---------------------------------------------------------- */

#define RECS_VERSION_MAJOR 0
#define RECS_VERSION_MINOR 1
#define RECS_VERSION_PATCH 0

/* Version of the library that is loaded, as opposed to the headers one was
 * compiled with: major * 1000000 + minor * 1000 + patch. Since 0.1. */
RECS_API uint32_t recs_version(void);

/* The same as text, "0.1.0". Lives with the library. Since 0.1. */
RECS_API const char *recs_version_text(void);

/* Name of the instruction set whose kernels were chosen: "scalar", "avx2",
 * "avx512", "avx512-vnni" or "neon". Answers do not depend on it, only their speed.
 * Lives with the library. Since 0.1. */
RECS_API const char *recs_kernel_name(void);

/* ---- status and error text -------------------------------------------- */

typedef enum recs_status {
    RECS_OK = 0,
    RECS_ERR_ARGUMENT = 1,    /* a value given to the call is not allowed        */
    RECS_ERR_MEMORY = 2,      /* an allocation failed; nothing was changed       */
    RECS_ERR_NOT_FOUND = 3,   /* no such user, item, component, file             */
    RECS_ERR_IO = 4,          /* the system refused to read or write             */
    RECS_ERR_CORRUPT = 5,     /* a file is damaged or not what it says it is     */
    RECS_ERR_UNSUPPORTED = 6, /* valid, but not by this version, build or host   */
    RECS_ERR_LIMIT = 7,       /* above a documented limit                        */
    RECS_ERR_DATA = 8,        /* rows of a log or catalogue cannot be used       */
    RECS_ERR_STATE = 9,       /* the handle is not ready for this call           */
    RECS_ERR_CONFLICT = 10,   /* contradicts what is already there               */
    RECS_ERR_CANCELLED = 11,  /* the caller's progress callback asked to stop    */
    RECS_ERR_NUMERIC = 12,    /* a computation has no finite answer              */
    RECS_ERR_CALLBACK = 13    /* never made by the library: yours to return      */
} recs_status;

/* One line of text about the last failure of a call, owned by the caller and
 * fixed in size for ever. A call that succeeds leaves it untouched; so does
 * passing NULL. The text names the wrong value and what was expected. */
typedef struct recs_error {
    int32_t status;    /* a recs_status                                       */
    uint32_t reserved; /* zero                                                */
    char text[504];    /* UTF-8, one line, NUL-terminated, cut at a character */
} recs_error;

/* Short name of a status, "not found". Lives with the library; never NULL.
 * Since 0.1. */
RECS_API const char *recs_status_text(recs_status status);

/* ---- what the host lends ---------------------------------------------- */

/* Everything librecs takes from its process. NULL instead of a recs_host, or
 * zero in a member, means the default named beside it. The struct is copied
 * by each constructor that takes one; what it points to must outlive the
 * handle. Callbacks may be called from any thread that calls the handle.
 *
 * struct_size is sizeof(recs_host) as the caller was compiled. Smaller than
 * the library's: the missing tail is zero. Larger: the extra bytes must be
 * zero, else RECS_ERR_ARGUMENT. */
typedef struct recs_host {
    size_t struct_size;

    /* Memory; all three or none. Default malloc, realloc, free. allocate and
     * reallocate return NULL when there is none left. size is never 0. */
    void *memory_data;
    void *(*allocate)(void *memory_data, size_t size);
    void *(*reallocate)(void *memory_data, void *block, size_t size);
    void (*release)(void *memory_data, void *block);

    /* One line of text, without a newline. level: a recs_log_level.
     * Default: silence. */
    void *log_data;
    void (*log)(void *log_data, int32_t level, const char *text);

    /* Milliseconds since 1970 UTC. Default: the system's real-time clock. */
    void *clock_data;
    int64_t (*now)(void *clock_data);

    /* Executor: call task(arg, i) for every i < count, on any threads and in
     * any order, and return when all have. How work is split depends on the
     * data alone, never on the number of threads, so answers do not change.
     * Default: the calling thread, in order. */
    void *executor_data;
    void (*run)(void *executor_data, void (*task)(void *arg, size_t index), void *arg,
                size_t count);
    /* above: version 0.1 */
} recs_host;

typedef enum recs_log_level {
    RECS_LOG_ERROR = 1,
    RECS_LOG_WARNING = 2,
    RECS_LOG_INFO = 3,
    RECS_LOG_DEBUG = 4
} recs_log_level;

/* Progress of long work: done of total (total 0: not known), in units named
 * by stage ("reading films.csv", "als iteration"). Return non-zero to cancel:
 * the call then returns CANCELLED and nothing was changed. Called on the
 * calling thread about ten times a second at most. */
typedef int32_t recs_progress(void *user_data, const char *stage, uint64_t done, uint64_t total);

/* ---- pool: threads, only when the host asks for them -------------------- */

/* A fixed set of threads to lend as an executor:
 *
 *     recs_pool_create(&pool, 4, NULL, &error);
 *     host.run = recs_pool_run; host.executor_data = pool;
 */
typedef struct recs_pool recs_pool;

/* Starts threads - 1 threads; the thread that calls recs_pool_run is the last
 * one. threads: 1 to 1024; 0 = one per processor this process may use.
 * ARGUMENT: threads above 1024. MEMORY. IO: the system refused a thread
 * (those already started are stopped). Since 0.1. */
RECS_API recs_status recs_pool_create(recs_pool **pool, uint32_t threads, const recs_host *host,
                                      recs_error *error);

/* Stops and joins the threads. No call may be inside recs_pool_run. NULL is
 * harmless. Since 0.1. */
RECS_API void recs_pool_destroy(recs_pool *pool);

/* Number of threads, the caller's included. Since 0.1. */
RECS_API uint32_t recs_pool_threads(const recs_pool *pool);

/* An executor as recs_host.run wants it; pool is a recs_pool. Calls from
 * several threads take turns; a call from inside a task runs on the calling
 * thread. Since 0.1. */
RECS_API void recs_pool_run(void *pool, void (*task)(void *arg, size_t index), void *arg,
                            size_t count);

/* ---- limits and constants ------------------------------------------------ */

/* No row. Rows are indexes below 2^31 into a model's users or items. */
#define RECS_NO_ROW UINT32_MAX

/* Longest id in bytes, the terminating NUL not counted. */
#define RECS_ID_MAX 511

/* No time given. */
#define RECS_NO_TIME INT64_MIN

/* The same as functions, for bindings that cannot read macros. Since 0.1. */
RECS_API uint32_t recs_no_row(void);
RECS_API size_t recs_id_max(void);
RECS_API int64_t recs_no_time(void);

#ifdef __cplusplus
}
#endif

#endif /* RECS_BASE_H */
