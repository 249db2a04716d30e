/* training.h - what trainers read: a frozen dataset with rows in id order.
 *
 * Made by recs__training_build from a dataset: ids sorted, duplicates merged,
 * returns netted, values transformed. The trainers see matrices only. */
#ifndef RECS_TRAIN_TRAINING_H
#define RECS_TRAIN_TRAINING_H

#include "data/csr.h"
#include "data/ids.h"
#include "recs/train.h"
#include "recs/writer.h"

typedef struct recs__training {
    uint32_t items;
    uint32_t users; /* all users trained on, whether stored or not */
    uint32_t users_mode; /* RECS__USERS_NONE, _HASHED, _FULL: what the model stores */

    recs__ids user_ids, item_ids; /* the shop's own ids of the rows, never hashed */

    /* Evidence. Values > 0: weight of the pair; < 0: dislike. Zero values (only
     * seen) are left out. Columns ascend within a row. */
    recs__csr by_user; /* users x items */
    recs__csr by_item; /* items x users: its transpose */

    /* What item models train on: by_user itself, or one row per basket (or
     * session, or user where an event has neither) under unit=baskets. */
    recs__csr units;   /* units x items */

    /* How many units have positive evidence for each item: users, and guests by
     * their basket or session, or under unit=baskets the rows of units. What a
     * model calls popularity. */
    const uint64_t *item_units; /* [items] */

    /* Every kept event of positive weight: popularity and recency. Parallel,
     * ordered by (item, time). A time may be RECS_NO_TIME. */
    const uint64_t *event_offsets; /* [items + 1] */
    const int64_t *event_times;
    const float *event_weights;    /* by type and source, after netting */
    uint64_t events;
    int64_t last_time; /* RECS_NO_TIME when no event has one */

    recs_host host;
    struct recs__training_store *store; /* owns the arrays */
} recs__training;

/* STATE, MEMORY, LIMIT, CANCELLED. Cost: O(n log n) in events. */
recs_status recs__training_build(recs__training **training, const recs_dataset *dataset,
                                 const recs_host *host, recs_error *error);
void recs__training_destroy(recs__training *training);

/* What arrays of a size in events, and the image of a model, are allocated
 * with: under a memory budget blocks in temporary files. */
const recs_host *recs__training_big(const recs__training *training);
/* What a budget leaves a trainer beside the training; 0: no budget. */
uint64_t recs__training_left(const recs__training *training);
/* The elements [begin, end) of a matrix of the training are not needed for a
 * while: under a budget their pages leave the process. */
void recs__training_done(const recs__training *training, const recs__csr *matrix, uint64_t begin,
                         uint64_t end);
/* MEMORY that was for want of room on the disk becomes IO and says so. */
recs_status recs__training_status(const recs__training *training, recs_status status,
                                  recs_error *error);

/* Writes META, ids, titles, history, popularity order and catalogue. The
 * component and term counts go into META. popularity order and scores: number
 * of units with positive evidence, ties by row. flags: 0 or
 * RECS_SECTION_COMPRESS for text. */
recs_status recs__training_write(const recs__training *training, recs_writer *writer,
                                 uint32_t components, uint32_t terms, uint32_t flags,
                                 recs_error *error);

#endif
