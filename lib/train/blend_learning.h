/* blend_learning.h - weights of blend(…), learned on a part held out of train.
 *
 * The components are trained on the rest, their best candidates of each
 * validation user and all scores of them are kept, and the weights that rank
 * the held out items best are searched by scoring those again. Then training
 * goes on as if the weights had been given: the file has plain terms and
 * constants, and serving does not know. */
#ifndef RECS_TRAIN_BLEND_LEARNING_H
#define RECS_TRAIN_BLEND_LEARNING_H

#include "train/description.h"

#define RECS__LEARNING_SAMPLE 256
#define RECS__LEARNING_FEWEST 40 /* users to learn weights from */

/* Ids of the users that the constants of the held out model were measured on;
 * those of the final one are measured on the same, so that the weights mean
 * the same. */
typedef struct recs__learning_sample {
    char (*ids)[RECS_ID_MAX + 1]; /* owned: recs__free */
    uint32_t count;
} recs__learning_sample;

/* Turns every blend whose weights are to be learned into one whose weights
 * are learned: terms that got nothing are taken out. Nothing to learn: OK at
 * once. Too few users to learn from: equal weights. What was found is told to
 * the host's log, a line a blend. Errors are those of recs_train. Cost: a
 * training of the components, a list of each for up to 8,192 users, and
 * a few thousand times their cached scores (at most 512 MB). */
recs_status recs__blends_learn(recs__description *description, const recs_dataset *dataset,
                               const recs_train_options *options, const recs_host *host,
                               recs__learning_sample *sample, recs_error *error);

/* One over the mean score, and 1 when there is none to speak of. */
float recs__scale_of(double sum, uint64_t count);

#endif
