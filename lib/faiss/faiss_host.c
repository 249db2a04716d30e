/* faiss_host.c - memory, progress and error text, behind faiss_host.h. */
#include "faiss/faiss_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PERIOD_MS = 100 };

void recs__faiss_host_copy(recs_host *out, const recs_host *host) {
    memset(out, 0, sizeof *out);
    if (host != NULL)
        memcpy(out, host, host->struct_size < sizeof *out ? host->struct_size : sizeof *out);
    out->struct_size = sizeof *out;
}

void *recs__faiss_allocate(const recs_host *host, size_t size) {
    size = size != 0 ? size : 1;
    return host->allocate != NULL ? host->allocate(host->memory_data, size) : malloc(size);
}

void *recs__faiss_reallocate(const recs_host *host, void *block, size_t size) {
    size = size != 0 ? size : 1;
    return host->reallocate != NULL ? host->reallocate(host->memory_data, block, size)
                                    : realloc(block, size);
}

void recs__faiss_release(const recs_host *host, void *block) {
    if (block == NULL)
        return;
    if (host->release != NULL)
        host->release(host->memory_data, block);
    else
        free(block);
}

recs_status recs__faiss_fail(recs_error *error, recs_status status, const char *format, ...) {
    if (error == NULL)
        return status;
    char text[sizeof error->text]; /* an argument may point into error */
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0)
        strcpy(text, "(text could not be formatted)");
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7F)
            *at = (unsigned char)*at < 0x20 ? ' ' : '?';
    error->status = status;
    error->reserved = 0;
    memcpy(error->text, text, sizeof error->text);
    return status;
}

recs_status recs__faiss_fail_memory(recs_error *error, size_t size) {
    return recs__faiss_fail(error, RECS_ERR_MEMORY, "out of memory: %zu bytes asked for", size);
}

static int64_t milliseconds(const recs_host *host) {
    if (host->now != NULL)
        return host->now(host->clock_data);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

recs_status recs__faiss_tell(recs__faiss_progress *progress, const char *stage, uint64_t done,
                             uint64_t total, recs_error *error) {
    if (progress->callback == NULL)
        return RECS_OK;
    int64_t now = milliseconds(progress->host);
    uint64_t passed = (uint64_t)now - (uint64_t)progress->told_at;
    if (stage == progress->stage && done != total && passed < PERIOD_MS)
        return RECS_OK;
    progress->stage = stage;
    progress->told_at = now;
    if (progress->callback(progress->user_data, stage, done, total) == 0)
        return RECS_OK;
    return recs__faiss_fail(error, RECS_ERR_CANCELLED,
                            "cancelled by the caller during %s (%llu of %llu)", stage,
                            (unsigned long long)done, (unsigned long long)total);
}
