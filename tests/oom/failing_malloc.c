/* failing_malloc.c - takes the place of malloc and its kin (LD_PRELOAD), counts
 * calls between start and stop, makes the nth fail, and knows which blocks
 * made in between are still there.
 *
 * Blocks are kept in a fixed table under one lock; a program with more of them
 * at once is not what this is for, and is told so. */
#include "failing_malloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own, which ours stand in front of. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

enum { SLOTS = 1 << 18 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int counting, fail_after;
static size_t fail_at;
static failing_malloc_report seen;
static void *blocks[SLOTS]; /* open addressing; GONE marks a slot once used */
static char gone;

static size_t slot_of(const void *block)
{
    return (size_t)(((uintptr_t)block >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 46) % SLOTS;
}

static void remember(void *block)
{
    for (size_t step = 0, i = slot_of(block); step < SLOTS; step++, i = (i + 1) % SLOTS)
        if (blocks[i] == NULL || blocks[i] == &gone) {
            blocks[i] = block;
            seen.leaked++;
            return;
        }
    static const char text[] = "failing_malloc: too many blocks at once\n";
    ssize_t ignored = write(2, text, sizeof text - 1);
    (void)ignored;
    _exit(99);
}

static void forget(const void *block)
{
    for (size_t step = 0, i = slot_of(block); step < SLOTS && blocks[i]; step++, i = (i + 1) % SLOTS)
        if (blocks[i] == block) {
            blocks[i] = &gone;
            seen.leaked--;
            return;
        }
}

/* True when the call that asks may go on. */
static int allowed(void)
{
    if (!counting)
        return 1;
    seen.allocations++;
    if (fail_at != 0 && (seen.allocations == fail_at || (fail_after && seen.allocations > fail_at))) {
        seen.failed++;
        errno = ENOMEM;
        return 0;
    }
    return 1;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size)
{
    pthread_mutex_lock(&lock);
    void *block = allowed() ? __libc_malloc(size) : NULL;
    if (block && counting)
        remember(block);
    pthread_mutex_unlock(&lock);
    return block;
}

EXPORT void *calloc(size_t count, size_t size)
{
    pthread_mutex_lock(&lock);
    void *block = allowed() ? __libc_calloc(count, size) : NULL;
    if (block && counting)
        remember(block);
    pthread_mutex_unlock(&lock);
    return block;
}

EXPORT void *realloc(void *block, size_t size)
{
    pthread_mutex_lock(&lock);
    void *grown = NULL;
    if (allowed()) {
        uintptr_t old = (uintptr_t)block;
        grown = __libc_realloc(block, size);
        if (old && (grown || size == 0))
            forget((void *)old);
        if (grown && counting)
            remember(grown);
    }
    pthread_mutex_unlock(&lock);
    return grown;
}

static void *aligned(size_t alignment, size_t size)
{
    pthread_mutex_lock(&lock);
    void *block = allowed() ? __libc_memalign(alignment, size) : NULL;
    if (block && counting)
        remember(block);
    pthread_mutex_unlock(&lock);
    return block;
}

EXPORT void *memalign(size_t alignment, size_t size);
EXPORT void *memalign(size_t alignment, size_t size)
{
    return aligned(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return aligned(alignment, size);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *block = aligned(alignment, size);
    if (!block)
        return ENOMEM;
    *out = block;
    return 0;
}

EXPORT void free(void *block)
{
    if (!block)
        return;
    pthread_mutex_lock(&lock);
    forget(block);
    __libc_free(block);
    pthread_mutex_unlock(&lock);
}

EXPORT void failing_malloc_start(size_t nth, int after)
{
    pthread_mutex_lock(&lock);
    seen = (failing_malloc_report){0};
    fail_at = nth;
    fail_after = after;
    counting = 1;
    pthread_mutex_unlock(&lock);
}

EXPORT void failing_malloc_stop(failing_malloc_report *report)
{
    pthread_mutex_lock(&lock);
    counting = 0;
    *report = seen;
    pthread_mutex_unlock(&lock);
}
