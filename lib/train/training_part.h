/* training_part.h - a part of the log that is brought into the order of users
 * (or of baskets) at once: its events' columns side by side, grouped by key.
 *
 * A counting sort of the whole log would write all over it. The keys are cut
 * into ranges whose events fit into a working block instead; for each range
 * the log is walked once from front to back, and what belongs to it is placed
 * into the block. Ranges ascend and the order within a key is the log's, so
 * the result is the same whatever the size of a block. */
#ifndef RECS_TRAIN_TRAINING_PART_H
#define RECS_TRAIN_TRAINING_PART_H

#include "train/training_store.h"

#define RECS__PART_EVENTS (UINT64_C(1) << 23) /* without a budget */

/* Columns wanted beside items and types. */
enum { RECS__PART_DEEDS = 1 /* times, quantities, values: for netting */ };

typedef struct recs__part {
    uint64_t first, end; /* keys */
    uint64_t base;       /* events of keys before first */
    uint64_t count, capacity;
    uint32_t *items;     /* rows */
    uint8_t *types;      /* resolved */
    float *kept;
    uint8_t *sources;    /* NULL: all organic */
    double *weights;     /* by source and propensity; NULL: all 1 */
    int64_t *times;      /* of deeds */
    float *quantities, *values; /* of deeds; NULL: no such column in the log */
    uint64_t *keys, *key_scratch; /* [longest]: item above place in the slice */
    uint64_t longest;
} recs__part;

static inline uint32_t recs__part_source(const recs__part *part, uint64_t at) {
    return part->sources ? part->sources[at] : 0; /* RECS_SOURCE_ORGANIC */
}

static inline double recs__part_weight(const recs__part *part, uint64_t at) {
    return part->weights ? part->weights[at] : 1.0;
}

/* Takes where an event came from over into place `at`. */
static inline void recs__part_echo(recs__part *part, const recs__echo *echo, const recs__log *log,
                                   uint64_t event, uint64_t at) {
    if (part->sources != NULL)
        part->sources[at] = (uint8_t)recs__log_source(log, event);
    if (part->weights != NULL)
        part->weights[at] = recs__echo_weight(echo, log, event);
}

/* Room for parts: begins is [keys + 1], what counting gave. LIMIT: one key has
 * more events than the budget (or 2^32) allows; MEMORY. beside: bytes an event
 * of the longest key costs elsewhere. */
recs_status recs__part_open(recs__part *part, const recs__training *training,
                            const uint64_t *begins, uint64_t keys, int columns, size_t beside,
                            const char *what, recs_error *error);
void recs__part_close(recs__part *part, const recs_host *host);

/* The next range of keys; false when there is none left. */
bool recs__part_next(recs__part *part, const uint64_t *begins, uint64_t keys);

/* Sorts the slice [from, to) of the part by item, stably: keys[i] holds the
 * item above and the place from `from` below. */
void recs__part_sort(recs__part *part, uint64_t from, uint64_t to);

/* Ends a walk that moved begins[first … end - 1] on: back to where they were. */
void recs__part_rewind(const recs__part *part, uint64_t *begins);

/* Walks a log in blocks: *end from *begin on, false behind the last event. Each
 * step forgets the block before it and tells the progress. */
bool recs__walk(const recs__training *training, const char *stage, uint64_t *begin, uint64_t *end,
                recs_status *status, recs_error *error);

/* What the training may use at once for ordering `bytes` an element; at least
 * one. */
uint64_t recs__part_room(const recs__training *training, size_t bytes);

#endif
