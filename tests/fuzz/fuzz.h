/* fuzz.h - what fuzz targets share. */
#ifndef FUZZ_H
#define FUZZ_H

#include "recs/base.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for any input. */
#define FUZZ_CHECK(condition)                                                                    \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);       \
            abort();                                                                             \
        }                                                                                        \
    } while (0)

/* A host whose memory ends: allocations that would bring what is held above
 * `limit` bytes return NULL, as they would in a small machine. An input of a
 * few kilobytes that runs into a generous limit has found an allocation
 * without bound. One thread. */
typedef struct fuzz_memory {
    size_t held, limit;
    size_t refused; /* allocations above the limit so far */
} fuzz_memory;

/* A host on top of memory, whose limit is set by the caller. */
recs_host fuzz_host(fuzz_memory *memory);

#endif
