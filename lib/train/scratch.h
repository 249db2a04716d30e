/* scratch.h - working memory for tasks of an executor whose number of threads
 * nobody knows. A task takes a block and gives it back as clean as it found
 * it; as many blocks exist as tasks ever ran at once. */
#ifndef RECS_TRAIN_SCRATCH_H
#define RECS_TRAIN_SCRATCH_H

#include "recs/base.h"

#include <stdatomic.h>

#define RECS__SCRATCH_SLOTS 256

typedef struct recs__scratch {
    const recs_host *host;
    size_t size;
    _Atomic(void *) slots[RECS__SCRATCH_SLOTS];
} recs__scratch;

/* Blocks of size bytes, 64-byte aligned, zero when new. */
void recs__scratch_init(recs__scratch *scratch, size_t size, const recs_host *host);
/* NULL when memory ran out. Any thread. */
void *recs__scratch_take(recs__scratch *scratch);
void recs__scratch_give(recs__scratch *scratch, void *block);
void recs__scratch_clear(recs__scratch *scratch);

#endif
