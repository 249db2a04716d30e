/* training_units.c - what item models and popularity are made of: the
 * transpose, baskets, and every kept event by item and time.
 *
 * A unit is a user; under unit=baskets the basket of an event, or else its
 * session, or else its user. Guests count in popularity by basket or session;
 * a guest event without either is a unit of its own. All by counting sorts,
 * O(n), and a sort of times within an item where they are not in order. Under
 * a memory budget each sort fills one range of items (or of units, as parts)
 * after another and walks over its input once for each. */
#include "train/training_part.h"

#include "base/memory.h"

#include <string.h>

/* ---- the transpose ---------------------------------------------------------------- */

/* Ends the range of items that begins at first: as many as have `most`
 * elements together, at least one item. */
static uint32_t range_end(const uint64_t *offsets, uint32_t first, uint32_t items, uint64_t most) {
    uint32_t end = first + 1;
    while (end < items && offsets[end + 1] - offsets[first] <= most)
        end++;
    return end;
}

/* Where item's next element belongs while a range is filled: offsets[item + 1]
 * moves on from its begin to its end, which is the begin of the next. */
static recs_status place_range(recs__training *training, uint64_t *offsets, uint32_t first,
                               uint32_t end, recs_error *error) {
    recs__training_store *store = training->store;
    const recs__csr *in = &training->by_user;
    recs_status status = RECS_OK;
    uint64_t dropped = 0;
    for (uint32_t user = 0; user < in->rows; user++) {
        for (uint64_t i = in->offsets[user]; i < in->offsets[user + 1]; i++) {
            uint32_t item = in->columns[i];
            if (item < first || item >= end)
                continue;
            uint64_t at = offsets[item + UINT64_C(1)]++;
            store->transposed_columns[at] = user;
            store->transposed_values[at] = in->values[i];
        }
        uint64_t done = in->offsets[user + 1];
        if (done - dropped < RECS__LOG_BLOCK && user + 1 < in->rows)
            continue;
        recs__training_done(training, in, dropped, done);
        dropped = done;
        status = recs__dataset_tick(store->dataset, "transposing", user, in->rows, error);
        if (status != RECS_OK)
            break;
    }
    return status;
}

static recs_status transpose(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs__csr *in = &training->by_user;
    uint64_t most = recs__part_room(training, sizeof(uint32_t) + sizeof(float));
    uint64_t *offsets = recs__alloc_zero(&training->host, (size_t)training->items + 2,
                                         sizeof *offsets, error);
    store->transposed_offsets = offsets;
    store->transposed_columns = recs__alloc(store->big, (size_t)in->entries,
                                            sizeof *store->transposed_columns, error);
    store->transposed_values = recs__alloc(store->big, (size_t)in->entries,
                                           sizeof *store->transposed_values, error);
    if (!offsets || !store->transposed_columns || !store->transposed_values)
        return RECS_ERR_MEMORY;
    for (uint64_t i = 0; i < in->entries; i++)
        offsets[in->columns[i] + UINT64_C(2)]++;
    for (uint32_t item = 0; item < training->items; item++)
        offsets[item + UINT64_C(2)] += offsets[item + UINT64_C(1)];
    recs_status status = RECS_OK;
    for (uint32_t first = 0; first < training->items && status == RECS_OK;) {
        uint64_t from = offsets[first + UINT64_C(1)];
        uint32_t end = range_end(offsets + 1, first, training->items, most);
        status = place_range(training, offsets, first, end, error);
        size_t count = (size_t)(offsets[end] - from);
        if (count > 0) { /* else there may be no array */
            recs__spill_done(store->spill, store->transposed_columns + from,
                             count * sizeof(uint32_t));
            recs__spill_done(store->spill, store->transposed_values + from,
                             count * sizeof(float));
        }
        first = end;
    }
    training->by_item = (recs__csr){.offsets = offsets,
                                    .columns = store->transposed_columns,
                                    .values = store->transposed_values,
                                    .rows = training->items,
                                    .column_count = training->users,
                                    .entries = in->entries};
    return status;
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

/* The value of the events of one unit and item, which are all kept ones:
 * keys[0 … count - 1] of the slice of the part that begins at from. */
static float unit_value(const recs__part *part, const recs__values *values, uint64_t from,
                        const uint64_t *keys, size_t count) {
    recs__amount amounts[RECS_EVENT_MAX + 1];
    bool has[RECS_EVENT_MAX + 1] = {false};
    float value = 0.0f;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = from + (uint32_t)keys[i];
        int32_t type = part->types[at];
        uint32_t source = recs__part_source(part, at);
        double kept = (double)part->kept[at], weight = recs__part_weight(part, at);
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

/* What making units needs at hand. */
typedef struct units {
    recs__training *training;
    recs__values values;
    recs__part part;
    bool baskets;     /* rows of units are made; else guests are only counted */
    uint64_t *begins; /* [keys + 1] */
    uint64_t keys, entries;
    uint32_t rows;
} units;

/* Whether the event is evidence of a unit that is wanted. */
static bool is_wanted(const units *u, uint64_t event) {
    const recs__training_store *store = u->training->store;
    return store->kept[event] > 0.0f &&
           (u->baskets || store->dataset->log.users[event] == RECS_NO_ROW);
}

/* Events per unit, as begins of their slices. A guest's event without a unit
 * is one of its own. */
static recs_status count_units(units *u, recs_error *error) {
    recs__training_store *store = u->training->store;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0;
    while (recs__walk(u->training, "counting units", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            if (!is_wanted(u, e))
                continue;
            uint64_t key = unit_key(u->training, e);
            if (key < u->keys)
                u->begins[key + 1]++;
            else
                store->item_units[row_of_event(u->training, e)]++;
        }
    for (uint64_t key = 0; key < u->keys; key++)
        u->begins[key + 1] += u->begins[key];
    return status;
}

static recs_status load(units *u, recs_error *error) {
    const recs__training_store *store = u->training->store;
    const recs__log *log = &store->dataset->log;
    recs__part *part = &u->part;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0;
    while (recs__walk(u->training, "counting units", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            uint64_t key = is_wanted(u, e) ? unit_key(u->training, e) : UINT64_MAX;
            if (key < part->first || key >= part->end)
                continue;
            uint64_t at = u->begins[key]++ - part->base;
            part->items[at] = row_of_event(u->training, e);
            part->types[at] = (uint8_t)recs__training_type(&u->values, log->types[e]);
            part->kept[at] = store->kept[e];
            recs__part_echo(part, &store->echo, log, e, at);
        }
    recs__part_rewind(part, u->begins);
    return status;
}

/* Rows of the part's units, entries counted per item. */
static void walk_units(units *u) {
    recs__training_store *store = u->training->store;
    recs__part *part = &u->part;
    uint64_t before = u->entries;
    for (uint64_t key = part->first; key < part->end; key++) {
        uint64_t from = u->begins[key] - part->base, to = u->begins[key + 1] - part->base;
        size_t count = (size_t)(to - from);
        if (count == 0)
            continue;
        if (u->baskets)
            store->unit_offsets[u->rows++] = u->entries;
        recs__part_sort(part, from, to);
        for (size_t at = 0; at < count;) {
            uint32_t item = (uint32_t)(part->keys[at] >> 32);
            size_t next = at + 1;
            while (next < count && part->keys[next] >> 32 == item)
                next++;
            if (u->baskets) {
                store->unit_columns[u->entries] = item;
                store->unit_values[u->entries++] =
                    unit_value(part, &u->values, from, part->keys + at, next - at);
            }
            store->item_units[item]++;
            at = next;
        }
    }
    size_t made = (size_t)(u->entries - before);
    if (made != 0) {
        recs__spill_done(store->spill, store->unit_columns + before, made * sizeof(uint32_t));
        recs__spill_done(store->spill, store->unit_values + before, made * sizeof(float));
    }
}

static recs_status basket_room(units *u, recs_error *error) {
    recs__training_store *store = u->training->store;
    uint64_t nonempty = 0, count = u->begins[u->keys];
    for (uint64_t key = 0; key < u->keys; key++)
        nonempty += u->begins[key] < u->begins[key + 1];
    if (nonempty > store->dataset->limit)
        return recs__fail(error, RECS_ERR_LIMIT, "%llu baskets and sessions; at most %u",
                          (unsigned long long)nonempty, store->dataset->limit);
    store->unit_offsets = recs__alloc(store->big, (size_t)nonempty + 1,
                                      sizeof *store->unit_offsets, error);
    store->unit_columns = recs__alloc(store->big, (size_t)count, sizeof *store->unit_columns,
                                      error);
    store->unit_values = recs__alloc(store->big, (size_t)count, sizeof *store->unit_values, error);
    return store->unit_offsets && store->unit_columns && store->unit_values ? RECS_OK
                                                                            : RECS_ERR_MEMORY;
}

/* Users as units: what by_user holds, and guests, counted before. */
static void units_of_users(recs__training *training) {
    recs__training_store *store = training->store;
    const recs__csr *in = &training->by_user;
    training->units = *in;
    for (uint64_t begin = 0, end; begin < in->entries; begin = end) {
        end = in->entries - begin < RECS__LOG_BLOCK ? in->entries : begin + RECS__LOG_BLOCK;
        for (uint64_t i = begin; i < end; i++)
            if (in->values[i] > 0.0f)
                store->item_units[in->columns[i]]++;
        recs__spill_done(store->spill, in->columns + begin, (size_t)(end - begin) * sizeof(uint32_t));
        recs__spill_done(store->spill, in->values + begin, (size_t)(end - begin) * sizeof(float));
    }
}

static recs_status make_units(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_host *host = &training->host;
    recs__unit unit = store->dataset->settings.unit;
    units u = {.training = training, .values = recs__training_values(store->dataset),
               .baskets = unit == RECS__UNIT_BASKETS ||
                          (unit == RECS__UNIT_AUTO && training->users == 0),
               .keys = unit_keys(training)};
    u.begins = recs__alloc_zero(host, (size_t)u.keys + 1, sizeof *u.begins, error);
    recs_status status = u.begins != NULL ? count_units(&u, error) : RECS_ERR_MEMORY;
    if (status == RECS_OK && u.baskets)
        status = basket_room(&u, error);
    if (status == RECS_OK)
        status = recs__part_open(&u.part, training, u.begins, u.keys, 0, 0, "basket or session",
                                 error);
    while (status == RECS_OK && u.part.capacity != 0 &&
           recs__part_next(&u.part, u.begins, u.keys)) {
        status = load(&u, error);
        if (status == RECS_OK)
            walk_units(&u);
    }
    if (status == RECS_OK && !u.baskets)
        units_of_users(training);
    if (status == RECS_OK && u.baskets) {
        store->unit_offsets[u.rows] = u.entries;
        training->units = (recs__csr){.offsets = store->unit_offsets,
                                      .columns = store->unit_columns,
                                      .values = store->unit_values,
                                      .rows = u.rows,
                                      .column_count = training->items,
                                      .entries = u.entries};
    }
    recs__part_close(&u.part, host);
    recs__free(host, u.begins);
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

/* Counts the kept events of each item, as offsets one place behind the begins;
 * *longest is the most of one item. */
static recs_status count_events(recs__training *training, uint64_t *longest, recs_error *error) {
    recs__training_store *store = training->store;
    const recs__log *log = &store->dataset->log;
    uint64_t *offsets = store->event_offsets;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0;
    store->first_time = training->last_time = RECS_NO_TIME;
    while (recs__walk(training, "listing events", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            if (!(store->kept[e] > 0.0f))
                continue;
            offsets[row_of_event(training, e) + UINT64_C(2)]++;
            int64_t time = log->times[e];
            if (time == RECS_NO_TIME)
                continue;
            if (store->first_time == RECS_NO_TIME || time < store->first_time)
                store->first_time = time;
            training->last_time = time > training->last_time ? time : training->last_time;
        }
    *longest = 0;
    for (uint32_t item = 0; item < training->items; item++) {
        uint64_t *at = &offsets[item + UINT64_C(2)];
        *longest = *at > *longest ? *at : *longest;
        *at += at[-1];
    }
    return status;
}

/* Places the kept events of the items in [first, end), in the log's order. */
static recs_status place_events(recs__training *training, const recs__values *values,
                                uint32_t first, uint32_t end_item, recs_error *error) {
    recs__training_store *store = training->store;
    const recs__log *log = &store->dataset->log;
    uint64_t *offsets = store->event_offsets;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0;
    while (recs__walk(training, "listing events", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            if (!(store->kept[e] > 0.0f))
                continue;
            uint32_t item = row_of_event(training, e);
            if (item < first || item >= end_item)
                continue;
            uint64_t at = offsets[item + UINT64_C(1)]++;
            store->event_times[at] = log->times[e];
            store->event_weights[at] =
                values->type_weights[recs__training_type(values, log->types[e])] *
                (float)recs__echo_weight(&store->echo, log, e);
        }
    return status;
}

/* Places and sorts the events of a range of items. */
static recs_status list_range(recs__training *training, const recs__values *values, uint32_t first,
                              uint32_t end, timed *scratch, uint64_t longest, recs_error *error) {
    recs__training_store *store = training->store;
    uint64_t from = store->event_offsets[first + UINT64_C(1)];
    recs_status status = place_events(training, values, first, end, error);
    for (uint32_t item = first; item < end && status == RECS_OK; item++) {
        uint64_t begin = store->event_offsets[item], after = store->event_offsets[item + 1];
        sort_times(store->event_times + begin, store->event_weights + begin,
                   (size_t)(after - begin), scratch, scratch + longest);
    }
    size_t count = (size_t)(store->event_offsets[end] - from);
    recs__spill_done(store->spill, store->event_times + from, count * sizeof(int64_t));
    recs__spill_done(store->spill, store->event_weights + from, count * sizeof(float));
    return status;
}

static recs_status list_events(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_host *host = &training->host;
    recs__values values = recs__training_values(store->dataset);
    uint64_t longest = 0, most = recs__part_room(training, sizeof(int64_t) + sizeof(float));
    store->event_offsets = recs__alloc_zero(host, (size_t)training->items + 2,
                                            sizeof *store->event_offsets, error);
    if (store->event_offsets == NULL)
        return RECS_ERR_MEMORY;
    recs_status status = count_events(training, &longest, error);
    if (status != RECS_OK)
        return status;
    uint64_t kept = store->event_offsets[training->items + UINT64_C(1)];
    store->event_times = recs__alloc(store->big, (size_t)kept, sizeof *store->event_times, error);
    store->event_weights = recs__alloc(store->big, (size_t)kept, sizeof *store->event_weights,
                                       error);
    timed *scratch = recs__alloc(store->big, (size_t)longest * 2, sizeof *scratch, error);
    if (!store->event_times || !store->event_weights || !scratch)
        status = RECS_ERR_MEMORY;
    for (uint32_t first = 0; first < training->items && status == RECS_OK;) {
        uint32_t end = range_end(store->event_offsets + 1, first, training->items, most);
        status = list_range(training, &values, first, end, scratch, longest, error);
        first = end;
    }
    recs__free(store->big, scratch);
    training->event_offsets = store->event_offsets;
    training->event_times = store->event_times;
    training->event_weights = store->event_weights;
    training->events = kept;
    return status;
}

recs_status recs__training_units(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    store->item_units = recs__alloc_zero(&training->host, training->items,
                                         sizeof *store->item_units, error);
    training->item_units = store->item_units;
    recs_status status = store->item_units != NULL ? transpose(training, error) : RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = make_units(training, error);
    return status == RECS_OK ? list_events(training, error) : status;
}
