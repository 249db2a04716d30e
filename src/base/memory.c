/* memory.c - the host: what it lends, resolved once, and every allocation.
 *
 * Operations: recs__host_init; alloc, alloc_zero, alloc_aligned, grow, free,
 * free_aligned, large_pages, copy_text; log, now, run. Cost: those of the host's callbacks.
 * An aligned block costs at most 64 + sizeof(void *) bytes more: the pointer
 * the host gave sits just below the aligned address.
 *
 * Invariant: nothing here is called with an unresolved host except
 * recs__host_init, which accepts a resolved one too. */
#include "base/memory.h"

#include "base/checked.h"
#include "base/lent.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    ALIGNMENT = 64
};

/* ---- defaults ------------------------------------------------------------- */

static void *default_allocate(void *data, size_t size) {
    (void)data;
    return malloc(size);
}

static void *default_reallocate(void *data, void *block, size_t size) {
    (void)data;
    return realloc(block, size);
}

static void default_release(void *data, void *block) {
    (void)data;
    free(block);
}

static int64_t default_now(void *data) {
    (void)data;
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void default_run(void *data, void (*task)(void *arg, size_t index), void *arg,
                        size_t count) {
    (void)data;
    for (size_t i = 0; i < count; i++)
        task(arg, i);
}

/* ---- the host --------------------------------------------------------------- */

recs_status recs__host_init(recs_host *out, const recs_host *host, recs_error *error) {
    recs_host resolved;
    recs_status status = recs__lent_copy(&resolved, sizeof resolved, host, "recs_host", error);
    if (status != RECS_OK)
        return status;

    int memory_members = (resolved.allocate != NULL) + (resolved.reallocate != NULL) +
                         (resolved.release != NULL);
    if (memory_members != 0 && memory_members != 3)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "recs_host sets %d of allocate, reallocate and release, expected all "
                          "three or none: %s is NULL",
                          memory_members,
                          resolved.allocate == NULL     ? "allocate"
                          : resolved.reallocate == NULL ? "reallocate"
                                                        : "release");
    if (memory_members == 0) {
        resolved.allocate = default_allocate;
        resolved.reallocate = default_reallocate;
        resolved.release = default_release;
    }
    if (resolved.now == NULL)
        resolved.now = default_now;
    if (resolved.run == NULL)
        resolved.run = default_run;
    *out = resolved;
    return RECS_OK;
}

void recs__host_log(const recs_host *host, recs_log_level level, const char *format, ...) {
    if (host->log == NULL)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    recs__one_line_v(text, sizeof text, format, args);
    va_end(args);
    host->log(host->log_data, level, text);
}

recs_host recs__host_alone(const recs_host *host) {
    recs_host alone = *host;
    alone.run = default_run;
    alone.executor_data = NULL;
    return alone;
}

bool recs__host_serial(const recs_host *host) { return host->run == default_run; }

int64_t recs__now(const recs_host *host) { return host->now(host->clock_data); }

void recs__run(const recs_host *host, void (*task)(void *arg, size_t index), void *arg,
               size_t count) {
    if (count != 0)
        host->run(host->executor_data, task, arg, count);
}

/* ---- blocks ----------------------------------------------------------------- */

/* count * size, at least 1; SIZE_MAX stands for "cannot be counted". */
static size_t block_size(size_t count, size_t size) {
    size_t total;
    if (recs__mul_size(count, size, &total))
        return SIZE_MAX;
    return total != 0 ? total : 1;
}

static void *allocate(const recs_host *host, size_t total, recs_error *error) {
    void *block = total == SIZE_MAX ? NULL : host->allocate(host->memory_data, total);
    if (block == NULL)
        recs__fail_memory(error, total);
    return block;
}

void *recs__alloc(const recs_host *host, size_t count, size_t size, recs_error *error) {
    return allocate(host, block_size(count, size), error);
}

void *recs__alloc_zero(const recs_host *host, size_t count, size_t size, recs_error *error) {
    size_t total = block_size(count, size);
    void *block = allocate(host, total, error);
    if (block != NULL)
        memset(block, 0, total);
    return block;
}

void *recs__alloc_aligned(const recs_host *host, size_t count, size_t size, recs_error *error) {
    size_t total = block_size(count, size);
    if (recs__add_size(total, ALIGNMENT - 1 + sizeof(void *), &total))
        total = SIZE_MAX;
    unsigned char *block = allocate(host, total, error);
    if (block == NULL)
        return NULL;
    uintptr_t first = (uintptr_t)block + sizeof(void *);
    size_t skip = sizeof(void *) + (size_t)(-first % ALIGNMENT);
    unsigned char *aligned = block + skip;
    void *original = block;
    memcpy(aligned - sizeof original, &original, sizeof original);
    return aligned;
}

recs_status recs__grow(const recs_host *host, void **block, size_t *capacity, size_t need,
                       size_t size, recs_error *error) {
    if (need <= *capacity)
        return RECS_OK;
    size_t wanted = *capacity < 4 ? 8 : *capacity * 2;
    if (*capacity > SIZE_MAX / 2 || wanted < need)
        wanted = need;
    size_t total = block_size(wanted, size);
    if (total == SIZE_MAX)
        return recs__fail_memory(error, total);
    void *grown = *block == NULL ? host->allocate(host->memory_data, total)
                                 : host->reallocate(host->memory_data, *block, total);
    if (grown == NULL)
        return recs__fail_memory(error, total);
    *block = grown;
    *capacity = wanted;
    return RECS_OK;
}

void recs__free(const recs_host *host, void *block) {
    if (block != NULL)
        host->release(host->memory_data, block);
}

void recs__free_aligned(const recs_host *host, void *block) {
    if (block == NULL)
        return;
    void *original;
    memcpy(&original, (unsigned char *)block - sizeof original, sizeof original);
    host->release(host->memory_data, original);
}

void recs__large_pages(void *block, size_t size) {
#ifdef MADV_HUGEPAGE
    const size_t page = (size_t)2 << 20, skip = (size_t)(-(uintptr_t)block % page);
    if (size >= skip + page)
        (void)madvise((unsigned char *)block + skip, (size - skip) / page * page, MADV_HUGEPAGE);
#else
    (void)block, (void)size;
#endif
}

char *recs__copy_text(const recs_host *host, const char *text, recs_error *error) {
    size_t size = strlen(text) + 1;
    char *copy = recs__alloc(host, size, 1, error);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}
