/* made_training.h - a recs__training made by hand: what trainers read, without
 * a dataset in front of it. */
#ifndef SUPPORT_MADE_TRAINING_H
#define SUPPORT_MADE_TRAINING_H

#include "train/sparse.h"
#include "train/trainer.h"

typedef struct made_entry {
    uint32_t user, item;
    float value;
} made_entry;

typedef struct made_training {
    recs__training training;
    recs__sparse by_user, by_item; /* malloc'ed through the default host */
    uint64_t *event_offsets;
    int64_t *event_times;
    float *event_weights;
    uint64_t *item_units;
    recs_host plain;
} made_training;

/* users x items with the entries, which are in order of (user, item). Units
 * are the users. Every entry of positive value is an event of that weight and
 * of the time `user * 1000 + item` days. host: what the trainers allocate
 * with; NULL: the defaults. */
void made_training_make(made_training *made, uint32_t users, uint32_t items,
                        const made_entry *entries, size_t count, const recs_host *host);

/* Seeded: each user has about `mean` different items, the popular ones (low
 * rows) more often; values 0.5 to 4, about one in ten negative when dislikes. */
void made_training_random(made_training *made, uint32_t users, uint32_t items, uint32_t mean,
                          bool dislikes, uint64_t seed, const recs_host *host);

void made_training_free(made_training *made);

/* Trains the one component that text describes; NULL progress. */
recs_status made_training_train(const made_training *made, const char *text, uint64_t seed,
                                recs__trained *trained, recs_error *error);

/* The section of that type; NULL with size 0 when there is none. */
const void *made_training_section(const recs__trained *trained, uint32_t type, size_t *size);

/* True when both have the same fields and the same sections with the same bytes. */
bool made_training_equal(const recs__trained *a, const recs__trained *b);

#endif
