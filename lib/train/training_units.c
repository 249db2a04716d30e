/* training_units.c - what item models and popularity are made of: the
 * transpose, baskets, and every kept event by item and time.
 *
 * A unit is a user; under unit=baskets the basket of an event, or else its
 * session, or else its user. Guests count in popularity by basket or session;
 * a guest event without either is a unit of its own. All by counting sorts,
 * O(n), and a sort of times within an item where they are not in order. */
#include "train/training_store.h"

#include "base/memory.h"

#include <string.h>

/* ---- the transpose ---------------------------------------------------------------- */

static recs_status transpose(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_host *host = &training->host;
    const recs__csr *in = &training->by_user;
    uint64_t *offsets = recs__alloc_zero(host, (size_t)training->items + 2, sizeof *offsets, error);
    store->transposed_offsets = offsets;
    store->transposed_columns = recs__alloc(host, (size_t)in->entries,
                                            sizeof *store->transposed_columns, error);
    store->transposed_values = recs__alloc(host, (size_t)in->entries,
                                           sizeof *store->transposed_values, error);
    if (!offsets || !store->transposed_columns || !store->transposed_values)
        return RECS_ERR_MEMORY;
    for (uint64_t i = 0; i < in->entries; i++)
        offsets[in->columns[i] + 2]++;
    for (uint32_t item = 0; item < training->items; item++)
        offsets[item + 2] += offsets[item + 1];
    for (uint32_t user = 0; user < in->rows; user++)
        for (uint64_t i = in->offsets[user]; i < in->offsets[user + 1]; i++) {
            uint64_t at = offsets[in->columns[i] + 1]++;
            store->transposed_columns[at] = user;
            store->transposed_values[at] = in->values[i];
        }
    training->by_item = (recs__csr){.offsets = offsets,
                                    .columns = store->transposed_columns,
                                    .values = store->transposed_values,
                                    .rows = training->items,
                                    .column_count = training->users,
                                    .entries = in->entries};
    return RECS_OK;
}

/* ---- units --------------------------------------------------------------------------- */

/* Number of the unit of an event among baskets, sessions, users and, last, no
 * unit at all. */
static uint64_t unit_key(const recs__training *training, uint64_t event) {
    const recs__training_store *store = training->store;
    const recs_dataset *dataset = store->dataset;
    uint32_t basket = recs__log_group(&dataset->log, RECS__EXTRA_BASKET, event);
    if (basket != RECS_NO_ROW)
        return basket;
    uint64_t base = dataset->baskets.count;
    uint32_t session = recs__log_group(&dataset->log, RECS__EXTRA_SESSION, event);
    if (session != RECS_NO_ROW)
        return base + session;
    base += dataset->sessions.count;
    uint32_t user = dataset->log.users[event];
    return user != RECS_NO_ROW ? base + store->user_rows[user] : base + training->users;
}

static uint64_t unit_keys(const recs__training *training) {
    const recs_dataset *dataset = training->store->dataset;
    return (uint64_t)dataset->baskets.count + dataset->sessions.count + training->users;
}

static uint32_t row_of_event(const recs__training *training, uint64_t event) {
    return training->store->item_rows[training->store->dataset->log.items[event]];
}

/* The value of the events of one unit and item, which are all kept ones. */
static float unit_value(const recs__training *training, const recs__values *values,
                        const uint64_t *events, size_t count) {
    const recs__training_store *store = training->store;
    const recs__log *log = &store->dataset->log;
    recs__amount amounts[RECS_EVENT_MAX + 1];
    bool has[RECS_EVENT_MAX + 1] = {false};
    float value = 0.0f;
    for (size_t i = 0; i < count; i++) {
        int32_t type = recs__training_type(values, log->types[events[i]]);
        uint32_t source = recs__log_source(log, events[i]);
        double kept = (double)store->kept[events[i]];
        double weight = recs__echo_weight(&store->echo, log, events[i]);
        if (has[type])
            recs__values_join(values, &amounts[type], source, kept, weight);
        else
            recs__amount_set(&amounts[type], source, kept, weight);
        has[type] = true;
    }
    for (int type = 0; type <= RECS_EVENT_MAX; type++)
        if (has[type])
            value += values->type_weights[type] * recs__values_amount(values, &amounts[type]);
    return value;
}

static uint64_t item_key(const recs__training *training, uint64_t event) {
    return row_of_event(training, event);
}

/* Kept events in the order unit, item: into by_group; *count of them. With
 * guests_only, of guests alone. begins: [unit_keys + 2] or [items + 1], what
 * is more. */
static recs_status order_by_unit(recs__training *training, bool guests_only, uint64_t *begins,
                                 uint64_t *count, recs_error *error) {
    recs__training_store *store = training->store;
    const recs__log *log = &store->dataset->log;
    uint64_t used = 0;
    for (uint64_t e = 0; e < log->count; e++)
        if (store->kept[e] > 0.0f && (!guests_only || log->users[e] == RECS_NO_ROW))
            store->by_group[used++] = e;
    uint64_t *by_item = recs__alloc(&training->host, (size_t)used, sizeof *by_item, error);
    if (by_item == NULL)
        return RECS_ERR_MEMORY;
    recs__training_order(training, item_key, store->by_group, by_item, used, begins,
                         training->items);
    recs__training_order(training, unit_key, by_item, store->by_group, used, begins,
                         unit_keys(training) + 1);
    recs__free(&training->host, by_item);
    *count = used;
    return RECS_OK;
}

/* Rows of by_group's slices, entries counted per item. With no offsets only
 * the counting is done. */
static uint64_t walk_units(recs__training *training, const recs__values *values,
                           const uint64_t *begins, uint64_t *offsets, uint32_t *rows) {
    recs__training_store *store = training->store;
    uint64_t entries = 0, keys = unit_keys(training);
    uint32_t row = 0;
    for (uint64_t key = 0; key < keys; key++) {
        uint64_t at = begins[key], end = begins[key + 1];
        if (at < end && offsets)
            offsets[row] = entries;
        row += at < end;
        while (at < end) {
            uint32_t item = row_of_event(training, store->by_group[at]);
            uint64_t next = at + 1;
            while (next < end && row_of_event(training, store->by_group[next]) == item)
                next++;
            if (offsets) {
                store->unit_columns[entries] = item;
                store->unit_values[entries] = unit_value(training, values, store->by_group + at,
                                                         (size_t)(next - at));
            }
            store->item_units[item]++;
            entries++;
            at = next;
        }
    }
    if (offsets)
        offsets[row] = entries;
    *rows = row;
    return entries;
}

static recs_status basket_units(recs__training *training, const recs__values *values,
                                const uint64_t *begins, uint64_t count, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_host *host = &training->host;
    uint64_t keys = unit_keys(training), nonempty = 0;
    uint32_t rows;
    for (uint64_t key = 0; key < keys; key++)
        nonempty += begins[key] < begins[key + 1];
    if (nonempty > INT32_MAX)
        return recs__fail(error, RECS_ERR_LIMIT, "%llu baskets and sessions; at most 2^31 - 1",
                          (unsigned long long)nonempty);
    store->unit_offsets = recs__alloc(host, (size_t)nonempty + 1, sizeof *store->unit_offsets,
                                      error);
    store->unit_columns = recs__alloc(host, (size_t)count, sizeof *store->unit_columns, error);
    store->unit_values = recs__alloc(host, (size_t)count, sizeof *store->unit_values, error);
    if (!store->unit_offsets || !store->unit_columns || !store->unit_values)
        return RECS_ERR_MEMORY;
    uint64_t entries = walk_units(training, values, begins, store->unit_offsets, &rows);
    training->units = (recs__csr){.offsets = store->unit_offsets,
                                  .columns = store->unit_columns,
                                  .values = store->unit_values,
                                  .rows = rows,
                                  .column_count = training->items,
                                  .entries = entries};
    return RECS_OK;
}

static recs_status make_units(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_dataset *dataset = store->dataset;
    recs__values values = recs__training_values(dataset);
    recs__unit unit = dataset->settings.unit;
    bool baskets = unit == RECS__UNIT_BASKETS || (unit == RECS__UNIT_AUTO && training->users == 0);
    uint64_t count, keys = unit_keys(training);
    uint32_t rows;
    uint64_t room = keys > training->items ? keys : training->items;
    uint64_t *begins = recs__alloc(&training->host, (size_t)room + 2, sizeof *begins, error);
    recs_status status = begins != NULL ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = order_by_unit(training, !baskets, begins, &count, error);
    if (status == RECS_OK) {
        for (uint64_t i = begins[keys]; i < count; i++) /* guests without a unit */
            store->item_units[row_of_event(training, store->by_group[i])]++;
        if (baskets) {
            status = basket_units(training, &values, begins, count, error);
        } else {
            walk_units(training, &values, begins, NULL, &rows);
            training->units = training->by_user;
            for (uint64_t i = 0; i < training->by_user.entries; i++)
                if (training->by_user.values[i] > 0.0f)
                    store->item_units[training->by_user.columns[i]]++;
        }
    }
    recs__free(&training->host, begins);
    return status;
}

/* ---- events by item ----------------------------------------------------------------- */

typedef struct timed {
    int64_t time;
    float weight;
} timed;

/* Sorts an item's events by time, stably, when they are not in order. */
static void sort_times(int64_t *times, float *weights, size_t count, timed *from, timed *to) {
    size_t at = 1;
    while (at < count && times[at - 1] <= times[at])
        at++;
    if (at >= count)
        return;
    for (size_t i = 0; i < count; i++)
        from[i] = (timed){times[i], weights[i]};
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t left = begin, right = middle;
            for (size_t i = begin; i < end; i++)
                to[i] = right < end && (left >= middle || from[right].time < from[left].time)
                            ? from[right++] : from[left++];
        }
        timed *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < count; i++) {
        times[i] = from[i].time;
        weights[i] = from[i].weight;
    }
}

/* Places kept events by item; *longest is the most of one item. */
static void place_events(recs__training *training, const recs__values *values,
                         uint64_t *longest) {
    recs__training_store *store = training->store;
    const recs__log *log = &store->dataset->log;
    uint64_t *offsets = store->event_offsets;
    for (uint64_t e = 0; e < log->count; e++)
        if (store->kept[e] > 0.0f)
            offsets[row_of_event(training, e) + 2]++;
    *longest = 0;
    for (uint32_t item = 0; item < training->items; item++) {
        *longest = offsets[item + 2] > *longest ? offsets[item + 2] : *longest;
        offsets[item + 2] += offsets[item + 1];
    }
    store->first_time = training->last_time = RECS_NO_TIME;
    for (uint64_t e = 0; e < log->count; e++) {
        if (!(store->kept[e] > 0.0f))
            continue;
        uint64_t at = offsets[row_of_event(training, e) + 1]++;
        int64_t time = log->times[e];
        store->event_times[at] = time;
        store->event_weights[at] =
            values->type_weights[recs__training_type(values, log->types[e])] *
            (float)recs__echo_weight(&store->echo, log, e);
        if (time == RECS_NO_TIME)
            continue;
        if (store->first_time == RECS_NO_TIME || time < store->first_time)
            store->first_time = time;
        training->last_time = time > training->last_time ? time : training->last_time;
    }
}

static recs_status list_events(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_host *host = &training->host;
    const recs__log *log = &store->dataset->log;
    recs__values values = recs__training_values(store->dataset);
    uint64_t kept = 0, longest;
    for (uint64_t e = 0; e < log->count; e++)
        kept += store->kept[e] > 0.0f;
    store->event_offsets = recs__alloc_zero(host, (size_t)training->items + 2,
                                            sizeof *store->event_offsets, error);
    store->event_times = recs__alloc(host, (size_t)kept, sizeof *store->event_times, error);
    store->event_weights = recs__alloc(host, (size_t)kept, sizeof *store->event_weights, error);
    if (!store->event_offsets || !store->event_times || !store->event_weights)
        return RECS_ERR_MEMORY;
    place_events(training, &values, &longest);
    timed *scratch = recs__alloc(host, (size_t)longest * 2, sizeof *scratch, error);
    if (scratch == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t item = 0; item < training->items; item++) {
        uint64_t begin = store->event_offsets[item], end = store->event_offsets[item + 1];
        sort_times(store->event_times + begin, store->event_weights + begin,
                   (size_t)(end - begin), scratch, scratch + longest);
    }
    recs__free(host, scratch);
    training->event_offsets = store->event_offsets;
    training->event_times = store->event_times;
    training->event_weights = store->event_weights;
    training->events = kept;
    return RECS_OK;
}

recs_status recs__training_units(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    store->item_units = recs__alloc_zero(&training->host, training->items,
                                         sizeof *store->item_units, error);
    training->item_units = store->item_units;
    recs_status status = store->item_units != NULL ? transpose(training, error) : RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = recs__dataset_tick(store->dataset, "counting units", 0, 2, error);
    if (status == RECS_OK)
        status = make_units(training, error);
    if (status == RECS_OK)
        status = recs__dataset_tick(store->dataset, "counting units", 1, 2, error);
    return status == RECS_OK ? list_events(training, error) : status;
}
