/* failing_malloc.h - malloc that fails on demand, preloaded under a program.
 * The names are weak: without the preload they are NULL. */
#ifndef FAILING_MALLOC_H
#define FAILING_MALLOC_H

#include <stddef.h>

typedef struct failing_malloc_report {
    size_t allocations; /* counted since the start, those that failed included */
    size_t failed;
    size_t leaked; /* blocks made since the start and not freed */
} failing_malloc_report;

/* From here on, in any thread, allocations count, and the nth fails (0: none),
 * with after all later ones too. */
__attribute__((weak)) void failing_malloc_start(size_t nth, int after);

/* Nothing fails any more; what happened. */
__attribute__((weak)) void failing_malloc_stop(failing_malloc_report *report);

#endif
