/* training.c - a dataset frozen for training: the steps in their order, and
 * what is thrown away behind them. */
#include "train/training_store.h"

#include "base/memory.h"
#include "model/format.h"
#include "train/budget.h"

#include <math.h>
#include <string.h>

/* The least a budget leaves for ordering events. */
#define WORKING_EVENTS 16384
#define WORKING_BYTES 64
#define HASHED_BYTES 96 /* per user: the stored id, and its table while sorting */

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
            store->item_rows,       store->user_rows,       store->row_items,
            store->row_begins,      store->user_id_bytes,   store->item_id_bytes,
            store->user_id_offsets, store->item_id_offsets, store->stored_id_bytes,
            store->stored_id_offsets, store->transposed_offsets, store->event_offsets,
            store->item_units,
        };
        void *big[] = {
            store->kept,           store->user_offsets,    store->user_columns,
            store->user_values,    store->transposed_columns, store->transposed_values,
            store->unit_offsets,   store->unit_columns,    store->unit_values,
            store->event_times,    store->event_weights,   store->history_offsets,
            store->history_items,  store->history_values,  store->history_types,
            store->history_times,
        };
        for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
            recs__free(&host, blocks[i]);
        for (size_t i = 0; i < sizeof big / sizeof big[0] && store->big != NULL; i++)
            recs__free(store->big, big[i]);
        recs__spill_release(store->spill);
        recs__free(&host, store);
    }
    recs__free(&host, training);
}

/* What only the building needed. */
static void drop_working_memory(recs__training *training) {
    recs__training_store *store = training->store;
    recs__free(store->big, store->kept);
    store->kept = NULL;
}

recs_status recs__training_budget(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_dataset *dataset = store->dataset;
    const recs__settings *settings = &dataset->settings;
    char need[RECS__BUDGET_TEXT], have[RECS__BUDGET_TEXT], ids[RECS__BUDGET_TEXT];
    store->big = &training->host;
    if (settings->memory == 0)
        return RECS_OK;
    recs_status status = recs__spill_create(
        &store->spill, settings->temporary ? settings->temporary : RECS__TEMPORARY,
        &training->host, error);
    if (status != RECS_OK)
        return status;
    store->big = recs__spill_host(store->spill);

    /* What stays: rows of users, rows and offsets of items, and the packed ids.
     * What comes and goes: the sort of ids, then begins of users or units. */
    uint64_t users = dataset->users.count, items = dataset->items.count;
    uint64_t units = users + dataset->baskets.count + dataset->sessions.count;
    uint64_t base = recs__dataset_private(dataset);
    store->held = base + 4 * users + 36 * items + dataset->users.used + 8 * users +
                  dataset->items.used;
    if (training->users_mode == RECS__USERS_HASHED)
        store->held += HASHED_BYTES * users;
    uint64_t sorting = 36 * (users > items ? users : items), begins = 8 * units;
    uint64_t most = store->held + (sorting > begins ? sorting : begins);
    uint64_t events = dataset->log.count;
    uint64_t block = (events < WORKING_EVENTS ? events : WORKING_EVENTS) * WORKING_BYTES;
    uint64_t least = most > store->held + begins + block ? most : store->held + begins + block;
    if (least > settings->memory)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "the memory setting of %s is too small for this log: ids, their rows "
                          "and a block to order events need %s (ids, titles and catalogue %s)",
                          recs__budget_text(settings->memory, have),
                          recs__budget_text(least, need), recs__budget_text(base, ids));
    store->working = settings->memory - store->held - begins;
    recs__host_log(&training->host, RECS_LOG_INFO,
                   "memory %s: %s for ids and rows, the rest to order %llu events in blocks",
                   recs__budget_text(settings->memory, have),
                   recs__budget_text(store->held + begins, need), (unsigned long long)events);
    return RECS_OK;
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
        status = recs__training_budget(made, error);
    }
    if (status == RECS_OK)
        status = recs__dataset_tick(dataset, "ordering ids", 0, 1, error);
    if (status == RECS_OK)
        status = recs__training_rows(made, error);
    if (status == RECS_OK)
        status = recs__training_net(made, error);
    if (status == RECS_OK)
        status = recs__training_units(made, error);
    if (status != RECS_OK) {
        if (made->store != NULL)
            status = recs__spill_status(made->store->spill, status, error);
        recs__training_destroy(made);
        return status;
    }
    drop_working_memory(made);
    dataset->netting->known = true;
    *training = made;
    return RECS_OK;
}

const recs_host *recs__training_big(const recs__training *training) {
    return training->store != NULL ? training->store->big : &training->host;
}

uint64_t recs__training_left(const recs__training *training) {
    const recs__training_store *store = training->store;
    if (store == NULL || store->spill == NULL)
        return 0;
    uint64_t budget = store->dataset->settings.memory;
    return budget > store->held ? budget - store->held : 1;
}

void recs__training_done(const recs__training *training, const recs__csr *matrix, uint64_t begin,
                         uint64_t end) {
    if (training->store == NULL || training->store->spill == NULL || begin >= end)
        return;
    size_t count = (size_t)(end - begin);
    recs__spill_done(training->store->spill, matrix->columns + begin,
                     count * sizeof *matrix->columns);
    recs__spill_done(training->store->spill, matrix->values + begin,
                     count * sizeof *matrix->values);
}

recs_status recs__training_status(const recs__training *training, recs_status status,
                                  recs_error *error) {
    recs__spill *spill = training->store != NULL ? training->store->spill : NULL;
    return recs__spill_status(spill, status, error);
}
