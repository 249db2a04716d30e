/* training_store.h - what a training owns beside what trainers see; shared by
 * the files that build and write it. */
#ifndef RECS_TRAIN_TRAINING_STORE_H
#define RECS_TRAIN_TRAINING_STORE_H

#include "train/dataset.h"
#include "train/echo.h"
#include "train/spill.h"
#include "train/training.h"

typedef struct recs__training_store {
    const recs_dataset *dataset; /* must outlive the training */

    /* Arrays of a size in events are big's: of a spill under a memory budget,
     * else the training's host again. */
    const recs_host *big;
    recs__spill *spill; /* NULL: no budget */
    uint64_t held;      /* private memory of dataset and training, under a budget */
    uint64_t working;   /* what the budget leaves for ordering                    */

    uint32_t *item_rows; /* of the dataset's item numbers; RECS_NO_ROW never */
    uint32_t *user_rows; /* of its user numbers; RECS_NO_ROW: no event      */
    uint32_t *row_items; /* dataset items ordered by row, then by id        */
    uint32_t *row_begins; /* [items + 1] into row_items: the variants       */

    char *user_id_bytes, *item_id_bytes;
    uint64_t *user_id_offsets, *item_id_offsets;
    char *stored_id_bytes; /* of users as the model stores them; NULL: as they are */
    uint64_t *stored_id_offsets;

    recs__echo echo; /* what events count by source and propensity */
    float *kept; /* quantity left of event e, 0: not evidence */

    uint64_t *user_offsets, *transposed_offsets, *unit_offsets, *event_offsets;
    uint32_t *user_columns, *transposed_columns, *unit_columns;
    float *user_values, *transposed_values, *unit_values;
    size_t user_columns_capacity, user_values_capacity;
    int64_t *event_times;
    float *event_weights;
    uint64_t *item_units; /* [items]: units with positive evidence */
    int64_t first_time;

    /* Histories: entries per user, item and type. */
    uint64_t *history_offsets, history_count;
    uint32_t *history_items;
    float *history_values;
    uint8_t *history_types;
    int64_t *history_times;
    size_t history_capacity[4];
} recs__training_store;

/* The rules with defaults resolved. */
recs__values recs__training_values(const recs_dataset *dataset);

static inline int32_t recs__training_type(const recs__values *values, uint8_t type) {
    return type == RECS__TYPE_DEFAULT ? values->default_type : type;
}

/* Steps of a build, in this order; each fills what is named. */
recs_status recs__training_rows(recs__training *training, recs_error *error);
recs_status recs__training_net(recs__training *training, recs_error *error);
recs_status recs__training_units(recs__training *training, recs_error *error);

/* Under a budget: opens the spill and adds up what will be held; LIMIT with the
 * figure when the budget is too small. Before the steps. */
recs_status recs__training_budget(recs__training *training, recs_error *error);

#endif
