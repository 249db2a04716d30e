/* scratch.c - a few slots of atomic pointers; taking is an exchange. */
#include "train/scratch.h"

#include "base/memory.h"

#include <string.h>

void recs__scratch_init(recs__scratch *scratch, size_t size, const recs_host *host) {
    scratch->host = host;
    scratch->size = size;
    for (size_t i = 0; i < RECS__SCRATCH_SLOTS; i++)
        atomic_init(&scratch->slots[i], NULL);
}

void *recs__scratch_take(recs__scratch *scratch) {
    for (size_t i = 0; i < RECS__SCRATCH_SLOTS; i++) {
        if (!atomic_load_explicit(&scratch->slots[i], memory_order_relaxed))
            continue;
        void *block = atomic_exchange(&scratch->slots[i], NULL);
        if (block)
            return block;
    }
    void *block = recs__alloc_aligned(scratch->host, scratch->size, 1, NULL);
    if (block)
        memset(block, 0, scratch->size);
    return block;
}

void recs__scratch_give(recs__scratch *scratch, void *block) {
    for (size_t i = 0; i < RECS__SCRATCH_SLOTS; i++) {
        void *empty = NULL;
        if (atomic_compare_exchange_strong(&scratch->slots[i], &empty, block))
            return;
    }
    recs__free_aligned(scratch->host, block);
}

void recs__scratch_clear(recs__scratch *scratch) {
    for (size_t i = 0; i < RECS__SCRATCH_SLOTS; i++)
        recs__free_aligned(scratch->host, atomic_exchange(&scratch->slots[i], NULL));
}
