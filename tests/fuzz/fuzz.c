/* fuzz.c - the host of fuzz.h: malloc with the size of each block before it. */
#include "fuzz.h"

#include <string.h>

enum { HEADER = 64 }; /* keeps malloc's alignment and more */

static void *take(void *memory_data, size_t size)
{
    fuzz_memory *memory = memory_data;
    if (size > memory->limit || memory->held > memory->limit - size) {
        memory->refused++;
        return NULL;
    }
    char *block = malloc(size + HEADER);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    memory->held += size;
    return block + HEADER;
}

static void give_back(void *memory_data, void *block)
{
    fuzz_memory *memory = memory_data;
    if (!block)
        return;
    char *start = (char *)block - HEADER;
    size_t size;
    memcpy(&size, start, sizeof size);
    FUZZ_CHECK(size <= memory->held);
    memory->held -= size;
    free(start);
}

static void *resize(void *memory_data, void *block, size_t size)
{
    void *grown = take(memory_data, size);
    if (grown && block) {
        size_t old;
        memcpy(&old, (char *)block - HEADER, sizeof old);
        memcpy(grown, block, old < size ? old : size);
        give_back(memory_data, block);
    }
    return grown;
}

recs_host fuzz_host(fuzz_memory *memory)
{
    recs_host host = {.struct_size = sizeof host};
    host.memory_data = memory;
    host.allocate = take;
    host.reallocate = resize;
    host.release = give_back;
    return host;
}
