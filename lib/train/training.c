/* training.c - a dataset frozen for training: the steps in their order, and
 * what is thrown away behind them. */
#include "train/training_store.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

recs__values recs__training_values(const recs_dataset *dataset) {
    recs__values values = dataset->settings.values;
    values.default_type = recs__dataset_default_type(dataset);
    return values;
}

/* A value that parts good from bad on most scales: seven tenths of the way,
 * on a half step of short scales (3.5 of 0.5 to 5, 4 of 1 to 5, 70 of 100). */
static double suggestion(double lowest, double highest) {
    double raw = lowest + 0.7 * (highest - lowest);
    double step = highest - lowest <= 20.0 ? 0.5 : 1.0;
    double rounded = floor(raw / step + 0.5) * step;
    return rounded >= lowest && rounded <= highest ? rounded : highest;
}

static recs_status check(const recs_dataset *dataset, recs_error *error) {
    const recs__figures *figures = &dataset->figures;
    recs__values values = recs__training_values(dataset);
    if (dataset->items.count == 0)
        return recs__fail(error, RECS_ERR_DATA,
                          "there is nothing to train on: no events and no catalogue");
    bool rated = figures->lowest <= figures->highest && !values.positive_given;
    bool ratings = false;
    for (uint64_t e = 0; e < dataset->log.count && rated && !ratings; e++)
        ratings = recs__training_type(&values, dataset->log.types[e]) == RECS_EVENT_RATING;
    if (ratings)
        return recs__fail(error, RECS_ERR_DATA,
                          "there are ratings from %g to %g and \"positive\" is not set: say from "
                          "which rating on an item is liked, for example positive=%g (lower ones "
                          "then count as seen), or columns=…,value=none to count them all alike",
                          figures->lowest, figures->highest,
                          suggestion(figures->lowest, figures->highest));
    return RECS_OK;
}

void recs__training_destroy(recs__training *training) {
    if (training == NULL)
        return;
    recs_host host = training->host;
    recs__training_store *store = training->store;
    if (store != NULL) {
        void *blocks[] = {
            store->item_rows,        store->user_rows,          store->row_items,
            store->row_begins,       store->user_id_bytes,      store->item_id_bytes,
            store->user_id_offsets,  store->item_id_offsets,    store->stored_id_bytes,
            store->stored_id_offsets, store->by_group,          store->kept,
            store->user_offsets,       store->transposed_offsets,
            store->unit_offsets,     store->event_offsets,      store->user_columns,
            store->transposed_columns, store->unit_columns,     store->user_values,
            store->transposed_values, store->unit_values,       store->event_times,
            store->event_weights,    store->item_units,         store->history_offsets,
            store->history_items,    store->history_values,     store->history_types,
            store->history_times,
        };
        for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
            recs__free(&host, blocks[i]);
        recs__free(&host, store);
    }
    recs__free(&host, training);
}

/* What only the building needed. */
static void drop_working_memory(recs__training *training) {
    recs__training_store *store = training->store;
    recs__free(&training->host, store->by_group);
    recs__free(&training->host, store->kept);
    store->by_group = NULL;
    store->kept = NULL;
}

recs_status recs__training_build(recs__training **training, const recs_dataset *dataset,
                                 const recs_host *host, recs_error *error) {
    recs_host resolved;
    *training = NULL;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status == RECS_OK)
        status = check(dataset, error);
    if (status != RECS_OK)
        return status;
    recs__training *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    made->users_mode = dataset->settings.users_mode;
    made->store = recs__alloc_zero(&resolved, 1, sizeof *made->store, error);
    status = made->store != NULL ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK) {
        made->store->dataset = dataset;
        status = recs__dataset_tick(dataset, "ordering ids", 0, 1, error);
    }
    if (status == RECS_OK)
        status = recs__training_rows(made, error);
    if (status == RECS_OK)
        status = recs__training_net(made, error);
    if (status == RECS_OK)
        status = recs__training_units(made, error);
    if (status != RECS_OK) {
        recs__training_destroy(made);
        return status;
    }
    drop_working_memory(made);
    dataset->netting->known = true;
    *training = made;
    return RECS_OK;
}
