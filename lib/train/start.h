/* start.h - where a training begins: factors of an earlier model, matched by
 * the ids of users and items, or a checkpoint of the very same training. */
#ifndef RECS_TRAIN_START_H
#define RECS_TRAIN_START_H

#include "train/trainer.h"

/* The factors that job->start has under the component's name. */
typedef struct recs__start {
    const recs_model *model; /* NULL: nothing to start from */
    const recs__training *training;
    uint32_t factors, stride;
    const float *items, *users;                /* [rows][stride] of the model, or NULL */
    const uint16_t *item_halves, *user_halves; /* or these                             */
} recs__start;

/* Looks for a component of the spec's name; without job->start, or where the
 * model has none of that name, *start has no model and all begins anew.
 * ARGUMENT: the component has no factors, or another number of them than
 * `factors`; the text names both. */
recs_status recs__start_open(recs__start *start, const recs__train_job *job, uint32_t factors,
                             recs_error *error);
/* Factors of the training's item or user row, `factors` floats into out; false
 * when the model does not know it or has only zeros for it. O(log n). */
bool recs__start_item(const recs__start *start, uint32_t row, float *out);
bool recs__start_user(const recs__start *start, uint32_t row, float *out);

/* ---- checkpoints --------------------------------------------------------------- */

/* A file that holds what a trainer needs to go on: blocks of bytes and how far
 * it was. It is replaced as a whole (base/file.h), so that an interruption at
 * any moment leaves the last one. key tells trainings apart: the same data,
 * settings (those given to recs__checkpoint_key) and seed. */
typedef struct recs__checkpoint_block {
    void *bytes;
    size_t size;
} recs__checkpoint_block;

/* A hash of the training's matrices, the component's name and the settings but
 * the one that may differ (its index; SIZE_MAX: none). O(interactions). */
uint64_t recs__checkpoint_key(const recs__train_job *job, size_t free_setting);

/* Fills the blocks, which have the sizes expected. *done 0: there is no
 * checkpoint (or no job->checkpoint). CONFLICT: it is of another training.
 * CORRUPT, IO. */
recs_status recs__checkpoint_read(const recs__train_job *job, uint64_t key,
                                  const recs__checkpoint_block *blocks, size_t count,
                                  uint64_t *done, recs_error *error);
/* Does nothing without job->checkpoint. IO, MEMORY. */
recs_status recs__checkpoint_write(const recs__train_job *job, uint64_t key,
                                   const recs__checkpoint_block *blocks, size_t count,
                                   uint64_t done, recs_error *error);

#endif
