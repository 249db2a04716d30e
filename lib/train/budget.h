/* budget.h - how much memory a training may take, as text, as a check before
 * a large allocation, and what there is when nobody said. */
#ifndef RECS_TRAIN_BUDGET_H
#define RECS_TRAIN_BUDGET_H

#include "recs/base.h"
#include "train/trainer.h"

#include <stdbool.h>

/* "500M" of a setting: a number and K, M, G or T of 1,024, or bytes alone.
 * False: it is none, or not from 1 byte to 2^62. */
bool recs__budget_parse(const char *text, size_t size, uint64_t *bytes);

/* The same back, rounded up to what four digits say, so that a figure in an
 * error can be given as the setting: "6.71G". Returns out. */
#define RECS__MEMORY_LEAST (UINT64_C(1) << 20) /* of the setting */
#define RECS__BUDGET_TEXT 24
const char *recs__budget_text(uint64_t bytes, char out[RECS__BUDGET_TEXT]);

/* Bytes this process may still take: what the system calls available, less
 * where a control group or the process's own limits leave less. UINT64_MAX
 * when nothing of it can be learned. Reads a few small files of the system. */
uint64_t recs__budget_available(void);

/* To be called by a trainer before it allocates: bytes is the most it holds at
 * once, its result included; what names it ("the matrix of 40,981 items").
 * Compared with job->memory, what the dataset's "memory" setting leaves the
 * trainer, or without one (0) with recs__budget_available().
 * LIMIT: it does not fit; the text says how much is needed and what there is. */
recs_status recs__budget_check(const recs__train_job *job, uint64_t bytes, const char *what,
                               recs_error *error);

#endif
