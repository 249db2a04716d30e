/* training_store.h - what a training owns beside what trainers see; shared by
 * the files that build and write it. */
#ifndef RECS_TRAIN_TRAINING_STORE_H
#define RECS_TRAIN_TRAINING_STORE_H

#include "train/dataset.h"
#include "train/echo.h"
#include "train/training.h"

typedef struct recs__training_store {
    const recs_dataset *dataset; /* must outlive the training */

    uint32_t *item_rows; /* of the dataset's item numbers; RECS_NO_ROW never */
    uint32_t *user_rows; /* of its user numbers; RECS_NO_ROW: no event      */
    uint32_t *row_items; /* dataset items ordered by row, then by id        */
    uint32_t *row_begins; /* [items + 1] into row_items: the variants       */

    char *user_id_bytes, *item_id_bytes;
    uint64_t *user_id_offsets, *item_id_offsets;
    char *stored_id_bytes; /* of users as the model stores them; NULL: as they are */
    uint64_t *stored_id_offsets;

    /* Events in the order of users, then of units. kept[e]: quantity left of
     * event e, 0: not evidence. */
    uint64_t *by_group;
    float *kept;
    recs__echo echo; /* what events count by source and propensity */

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

/* Orders events by a key below keys, stably: from into to (both [count]); keys
 * of the events by the function. counts is [keys + 1] and ends as the begin
 * of each key's slice. */
typedef uint64_t recs__event_key(const recs__training *training, uint64_t event);
void recs__training_order(const recs__training *training, recs__event_key *key,
                          const uint64_t *from, uint64_t *to, uint64_t count, uint64_t *counts,
                          uint64_t keys);

#endif
