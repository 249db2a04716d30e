/* memory.h - every allocation of the library goes through a host here.
 *
 * recs__host_init resolves a caller's recs_host once; handles keep the copy.
 * Sizes are count * size with the multiplication checked. Zero bytes asked
 * for give a valid block of one byte. */
#ifndef RECS_BASE_MEMORY_H
#define RECS_BASE_MEMORY_H

#include "base/error.h"

#include <stdbool.h>

/* Copies host (NULL: all defaults) into out with every default filled in:
 * no member of out is NULL afterwards, except log. ARGUMENT by the
 * struct_size rule of recs/base.h, or when one of the three memory callbacks
 * is missing. */
recs_status recs__host_init(recs_host *out, const recs_host *host, recs_error *error);

/* NULL on failure (and on overflow of count * size); fills error. */
void *recs__alloc(const recs_host *host, size_t count, size_t size, recs_error *error);
void *recs__alloc_zero(const recs_host *host, size_t count, size_t size, recs_error *error);
/* 64-byte aligned; free with recs__free_aligned only. */
void *recs__alloc_aligned(const recs_host *host, size_t count, size_t size, recs_error *error);
/* Grows *block (of element size `size`) to hold at least `need` elements,
 * doubling; *capacity is updated. On failure nothing is changed. */
recs_status recs__grow(const recs_host *host, void **block, size_t *capacity, size_t need,
                       size_t size, recs_error *error);
void recs__free(const recs_host *host, void *block);
void recs__free_aligned(const recs_host *host, void *block);
/* Asks the system to hold the block's memory in large pages where it has such: a wish, for
 * the whole large pages inside the block alone. For what is read in no order. */
void recs__large_pages(void *block, size_t size);
char *recs__copy_text(const recs_host *host, const char *text, recs_error *error);

/* One line, cleaned as the text of an error is; silent without host->log. */
void recs__host_log(const recs_host *host, recs_log_level level, const char *format, ...)
    RECS_PRINTF(3, 4);
int64_t recs__now(const recs_host *host);
/* The same host without its executor, for calls from inside a task. */
recs_host recs__host_alone(const recs_host *host);
/* Whether run is the default: the calling thread, in order. */
bool recs__host_serial(const recs_host *host);
void recs__run(const recs_host *host, void (*task)(void *arg, size_t index), void *arg,
               size_t count);

#endif
