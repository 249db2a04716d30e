/* netting.c - from events to what each user did to each item.
 *
 * Events are brought into the order of users, a part of them at once
 * (training_part.h), those of one user into that of items; the events of one
 * pair are then sorted by time, returns after sales of the same moment, and
 * settled:
 *
 *   - a return takes its pieces from the sales before it, the nearest first
 *     (type return from buys; a negative quantity from events of its type);
 *   - what is left of each type is joined by the rule for duplicates and
 *     weighed, also by where it came from (echo.c); the value of the pair is
 *     the sum over types;
 *   - a dislike after all evidence makes the pair negative, one before it is
 *     forgotten;
 *   - a pair of which nothing is left leaves no trace.
 *
 * Cost: two walks over the log per part and a sort within each user. Memory:
 * 4 bytes per event (of a file under a budget), 17 to 34 per event of a part,
 * and 112 per event of the most active user. */
#include "train/training_part.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define TICK_USERS 16384
#define INSERTION 16

/* An event within its pair. */
typedef struct deed {
    int64_t time;
    uint64_t event; /* place in the part */
    float left;     /* pieces not returned */
    uint32_t older; /* open sale of the type below this one; UINT32_MAX: none */
    uint8_t type;
    bool returns;   /* takes pieces away */
} deed;

typedef struct settling {
    recs__training *training;
    recs__netting *netting;
    recs__values values;
    recs__part part;       /* users ordered at once               */
    deed *all;             /* of a user, as they come: [longest]  */
    deed *deeds, *scratch; /* of a pair: [longest] each           */
} settling;

/* ---- order --------------------------------------------------------------------------- */

static bool before(const deed *a, const deed *b) {
    return a->time != b->time ? a->time < b->time : a->returns < b->returns;
}

/* Stable: insertion sort of runs, then merging. Most pairs have one deed. */
static void sort_deeds(deed *deeds, deed *scratch, size_t count) {
    for (size_t run = 0; run < count; run += INSERTION)
        for (size_t i = run + 1; i < count && i < run + INSERTION; i++) {
            deed moved = deeds[i];
            size_t at = i;
            for (; at > run && before(&moved, &deeds[at - 1]); at--)
                deeds[at] = deeds[at - 1];
            deeds[at] = moved;
        }
    for (size_t width = INSERTION; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t left = begin, right = middle;
            for (size_t at = begin; at < end; at++)
                scratch[at] = right < end && (left >= middle || before(&deeds[right], &deeds[left]))
                                  ? deeds[right++] : deeds[left++];
        }
        memcpy(deeds, scratch, count * sizeof *deeds);
    }
}

/* ---- one pair --------------------------------------------------------------------------- */

/* The events of a user, in the order of the log: s->all; and that of their
 * items: the part's keys. */
static void collect(settling *s, uint64_t from, uint64_t to) {
    recs__part *part = &s->part;
    for (uint64_t i = from; i < to; i++) {
        float quantity = part->quantities ? part->quantities[i] : 1.0f;
        s->all[i - from] = (deed){.time = part->times[i], .event = i, .left = quantity,
                                  .type = part->types[i],
                                  .returns = part->types[i] == RECS_EVENT_RETURN ||
                                             quantity < 0.0f};
    }
    recs__part_sort(part, from, to);
}

/* Lets returns cancel sales. True when there was a return at all. */
static bool cancel(settling *s, size_t count) {
    uint32_t open[RECS_EVENT_MAX + 1];
    bool any = false;
    memset(open, 0xFF, sizeof open);
    for (size_t i = 0; i < count; i++) {
        deed *d = &s->deeds[i];
        if (!d->returns) {
            d->older = open[d->type];
            open[d->type] = (uint32_t)i;
            continue;
        }
        any = true;
        float wanted = fabsf(d->left);
        bool found = false;
        uint32_t *top = &open[d->type == RECS_EVENT_RETURN ? RECS_EVENT_BUY : d->type];
        while (wanted > 0.0f && *top != UINT32_MAX) {
            deed *sale = &s->deeds[*top];
            float taken = sale->left < wanted ? sale->left : wanted;
            sale->left -= taken;
            wanted -= taken;
            found |= taken > 0.0f;
            if (sale->left > 0.0f)
                break;
            s->netting->sales_cancelled += taken > 0.0f;
            *top = sale->older;
        }
        d->left = 0.0f;
        s->netting->returns_netted += found;
        s->netting->returns_alone += wanted > 0.0f;
    }
    return any;
}

/* What is left of a pair, by type. */
typedef struct outcome {
    bool has[RECS_EVENT_MAX + 1];
    recs__amount amounts[RECS_EVENT_MAX + 1];
    int64_t last[RECS_EVENT_MAX + 1];
    size_t types;
    bool disliked;
} outcome;

static void settle(settling *s, size_t count, outcome *out) {
    float *kept = s->part.kept;
    const recs__values *values = &s->values;
    uint64_t rated = UINT64_MAX; /* the rating that counts so far */
    memset(out->has, 0, sizeof out->has);
    out->types = 0;
    out->disliked = false;
    for (size_t i = 0; i < count; i++) {
        const deed *d = &s->deeds[i];
        if (d->returns || !(d->left > 0.0f))
            continue;
        float value = s->part.values ? s->part.values[d->event] : NAN;
        double quantity = (double)d->left, weight = recs__part_weight(&s->part, d->event);
        uint32_t source = recs__part_source(&s->part, d->event);
        if (d->type == RECS_EVENT_RATING) {
            quantity = (double)value >= values->positive ? 1.0 : 0.0;
            if (rated != UINT64_MAX && values->duplicates != RECS__DUPLICATES_MAX)
                kept[rated] = 0.0f;
            rated = d->event;
        } else if (value == value) { /* a weight the shop gave */
            quantity = value > 0.0f ? quantity * (double)value : 0.0;
        }
        if (d->type == RECS_EVENT_DISLIKE) {
            out->disliked = true;
        } else if (quantity > 0.0 && weight > 0.0 && values->type_weights[d->type] > 0.0f) {
            out->disliked = false;
            kept[d->event] = (float)quantity;
        }
        recs__amount *amount = &out->amounts[d->type];
        s->netting->duplicates_merged += out->has[d->type];
        if (!out->has[d->type] ||
            (d->type == RECS_EVENT_RATING && values->duplicates == RECS__DUPLICATES_SUM))
            recs__amount_set(amount, source, quantity, weight); /* the last rating counts */
        else
            recs__values_join(values, amount, source, quantity, weight);
        out->types += !out->has[d->type];
        out->has[d->type] = true;
        out->last[d->type] = d->time;
    }
    for (size_t i = 0; i < count && out->disliked; i++)
        kept[s->deeds[i].event] = 0.0f; /* no evidence for anybody */
}

static float value_of(const settling *s, const outcome *out) {
    float value = 0.0f;
    if (out->disliked)
        return -s->values.type_weights[RECS_EVENT_DISLIKE];
    for (int type = 0; type <= RECS_EVENT_MAX; type++)
        if (out->has[type] && type != RECS_EVENT_DISLIKE)
            value += s->values.type_weights[type] *
                     recs__values_amount(&s->values, &out->amounts[type]);
    return value;
}

static recs_status record_history(settling *s, uint32_t item, float value, const outcome *out,
                                  recs_error *error) {
    recs__training_store *store = s->training->store;
    size_t need = (size_t)store->history_count + out->types;
    recs_status status = RECS_OK;
    if (need > store->history_capacity[3]) {
        status = recs__grow(store->big, (void **)&store->history_items, &store->history_capacity[0],
                            need, sizeof *store->history_items, error);
        if (status == RECS_OK)
            status = recs__grow(store->big, (void **)&store->history_values,
                                &store->history_capacity[1], need,
                                sizeof *store->history_values, error);
        if (status == RECS_OK)
            status = recs__grow(store->big, (void **)&store->history_types, &store->history_capacity[2],
                                need, sizeof *store->history_types, error);
        if (status == RECS_OK)
            status = recs__grow(store->big, (void **)&store->history_times, &store->history_capacity[3],
                                need, sizeof *store->history_times, error);
        if (status != RECS_OK)
            return status;
    }
    for (int type = 0; type <= RECS_EVENT_MAX; type++) {
        if (!out->has[type])
            continue;
        uint64_t at = store->history_count++;
        store->history_items[at] = item;
        store->history_values[at] = value;
        store->history_types[at] = (uint8_t)type;
        store->history_times[at] = out->last[type];
        value = 0.0f; /* stands on the item's first entry only */
    }
    return RECS_OK;
}

static recs_status record_value(settling *s, uint32_t item, float value, recs_error *error) {
    recs__training_store *store = s->training->store;
    recs__csr *matrix = &s->training->by_user;
    size_t need = (size_t)matrix->entries + 1;
    if (need > store->user_columns_capacity || need > store->user_values_capacity) {
        recs_status status = recs__grow(store->big, (void **)&store->user_columns,
                                        &store->user_columns_capacity, need,
                                        sizeof *store->user_columns, error);
        if (status == RECS_OK)
            status = recs__grow(store->big, (void **)&store->user_values,
                                &store->user_values_capacity, need, sizeof *store->user_values,
                                error);
        if (status != RECS_OK)
            return status;
    }
    store->user_columns[matrix->entries] = item;
    store->user_values[matrix->entries++] = value;
    return RECS_OK;
}

/* keys: those of one pair, in the order of the log. */
static recs_status settle_pair(settling *s, const uint64_t *keys, size_t count,
                               recs_error *error) {
    outcome out;
    uint32_t item = (uint32_t)(keys[0] >> 32);
    bool returned = false;
    for (size_t i = 0; i < count; i++) {
        s->deeds[i] = s->all[(uint32_t)keys[i]];
        returned |= s->deeds[i].returns;
    }
    if (count > 1)
        sort_deeds(s->deeds, s->scratch, count);
    if (returned)
        returned = cancel(s, count);
    settle(s, count, &out);
    if (out.types == 0) {
        s->netting->pairs_cancelled += returned;
        return RECS_OK;
    }
    float value = value_of(s, &out);
    s->netting->interactions++;
    s->netting->positive += value > 0.0f;
    s->netting->disliked += value < 0.0f;
    recs_status status = record_history(s, item, value, &out, error);
    if (status == RECS_OK && (value > 0.0f || value < 0.0f))
        status = record_value(s, item, value, error);
    return status;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* Fills the part's columns with the events of its users. */
static recs_status load(settling *s, uint64_t *begins, recs_error *error) {
    const recs__training_store *store = s->training->store;
    const recs__log *log = &store->dataset->log;
    recs__part *part = &s->part;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0;
    while (recs__walk(s->training, "ordering events", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            uint32_t user = log->users[e];
            uint64_t row = user != RECS_NO_ROW ? store->user_rows[user] : UINT64_MAX;
            if (row < part->first || row >= part->end)
                continue;
            uint64_t at = begins[row]++ - part->base;
            part->items[at] = store->item_rows[log->items[e]];
            part->times[at] = log->times[e];
            part->types[at] = (uint8_t)recs__training_type(&s->values, log->types[e]);
            recs__part_echo(part, &store->echo, log, e, at);
            if (part->quantities != NULL)
                part->quantities[at] = recs__log_quantity(log, e);
            if (part->values != NULL)
                part->values[at] = recs__log_value(log, e);
        }
    recs__part_rewind(part, begins);
    memset(part->kept, 0, (size_t)part->count * sizeof *part->kept);
    return status;
}

/* What is left of the part's events, in the order of the log. */
static recs_status unload(settling *s, uint64_t *begins, recs_error *error) {
    recs__training_store *store = s->training->store;
    const recs__log *log = &store->dataset->log;
    const recs__part *part = &s->part;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0;
    while (recs__walk(s->training, "netting", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            uint32_t user = log->users[e];
            uint64_t row = user != RECS_NO_ROW ? store->user_rows[user] : UINT64_MAX;
            if (row >= part->first && row < part->end)
                store->kept[e] = part->kept[begins[row]++ - part->base];
        }
    recs__part_rewind(part, begins);
    return status;
}

/* What was appended since the last part stays in the files. */
static void forget(const settling *s, uint64_t entries, uint64_t history) {
    const recs__training_store *store = s->training->store;
    size_t pairs = (size_t)(s->training->by_user.entries - entries);
    size_t count = (size_t)(store->history_count - history);
    if (store->spill == NULL)
        return;
    if (pairs > 0) { /* else there may be no array; so below */
        recs__spill_done(store->spill, store->user_columns + entries, pairs * sizeof(uint32_t));
        recs__spill_done(store->spill, store->user_values + entries, pairs * sizeof(float));
    }
    if (count > 0) {
        recs__spill_done(store->spill, store->history_items + history, count * sizeof(uint32_t));
        recs__spill_done(store->spill, store->history_values + history, count * sizeof(float));
        recs__spill_done(store->spill, store->history_types + history, count);
        recs__spill_done(store->spill, store->history_times + history, count * sizeof(int64_t));
    }
}

static recs_status settle_part(settling *s, const uint64_t *begins, recs_error *error) {
    recs__training *training = s->training;
    recs__training_store *store = training->store;
    recs__part *part = &s->part;
    recs_status status = RECS_OK;
    uint64_t entries = training->by_user.entries, history = store->history_count;
    for (uint64_t user = part->first; user < part->end && status == RECS_OK; user++) {
        store->user_offsets[user] = training->by_user.entries;
        store->history_offsets[user] = store->history_count;
        size_t count = (size_t)(begins[user + 1] - begins[user]);
        collect(s, begins[user] - part->base, begins[user + 1] - part->base);
        for (size_t at = 0; at < count && status == RECS_OK;) {
            size_t next = at + 1;
            while (next < count && part->keys[next] >> 32 == part->keys[at] >> 32)
                next++;
            status = settle_pair(s, part->keys + at, next - at, error);
            at = next;
        }
        if (status == RECS_OK && user % TICK_USERS == 0)
            status = recs__dataset_tick(store->dataset, "netting", user, training->users, error);
    }
    forget(s, entries, history);
    return status;
}

static recs_status settle_users(settling *s, uint64_t *begins, recs_error *error) {
    recs__training *training = s->training;
    recs__training_store *store = training->store;
    recs_status status = RECS_OK;
    while (status == RECS_OK && recs__part_next(&s->part, begins, training->users)) {
        status = load(s, begins, error);
        if (status == RECS_OK)
            status = settle_part(s, begins, error);
        if (status == RECS_OK)
            status = unload(s, begins, error);
    }
    store->user_offsets[training->users] = training->by_user.entries;
    store->history_offsets[training->users] = store->history_count;
    return status;
}

/* Guests cannot return what they bought in another basket, so only what they
 * took counts. */
static recs_status settle_guests(settling *s, recs_error *error) {
    recs__training_store *store = s->training->store;
    const recs__log *log = &store->dataset->log;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0;
    while (recs__walk(s->training, "netting", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            if (log->users[e] != RECS_NO_ROW)
                continue;
            int32_t type = recs__training_type(&s->values, log->types[e]);
            float quantity = recs__log_quantity(log, e), value = recs__log_value(log, e);
            if (type == RECS_EVENT_RETURN || quantity < 0.0f) {
                s->netting->returns_alone++;
                continue;
            }
            if (type == RECS_EVENT_RATING)
                quantity = (double)value >= s->values.positive ? 1.0f : 0.0f;
            else if (value == value)
                quantity = value > 0.0f ? quantity * value : 0.0f;
            if (type != RECS_EVENT_DISLIKE && quantity > 0.0f &&
                recs__echo_weight(&store->echo, log, e) > 0.0 &&
                s->values.type_weights[type] > 0.0f) {
                store->kept[e] = quantity;
                s->netting->guests++;
            }
        }
    return status;
}

/* How much of the evidence came from recommendations, and what it counts. */
static recs_status count_recommended(settling *s, recs_error *error) {
    const recs__training_store *store = s->training->store;
    const recs__log *log = &store->dataset->log;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0;
    while (log->extras[RECS__EXTRA_SOURCE] != NULL &&
           recs__walk(s->training, "netting", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            if (recs__log_source(log, e) != RECS_SOURCE_RECOMMENDED)
                continue;
            s->netting->recommended++;
            if (store->kept[e] > 0.0f) {
                s->netting->recommended_evidence++;
                s->netting->recommended_weight += recs__echo_weight(&store->echo, log, e);
            }
        }
    return status;
}

/* Events per user, as begins of their slices; *guests: events without one.
 * Nothing is kept yet. */
static recs_status count_users(settling *s, uint64_t *begins, uint64_t *guests,
                               recs_error *error) {
    const recs__training_store *store = s->training->store;
    const recs__log *log = &store->dataset->log;
    recs_status status = RECS_OK;
    uint64_t begin = 0, end = 0, users = s->training->users;
    memset(begins, 0, (size_t)(users + 1) * sizeof *begins);
    while (recs__walk(s->training, "ordering events", &begin, &end, &status, error))
        for (uint64_t e = begin; e < end; e++) {
            store->kept[e] = 0.0f;
            if (log->users[e] == RECS_NO_ROW)
                ++*guests;
            else
                begins[store->user_rows[log->users[e]] + UINT64_C(1)]++;
        }
    for (uint64_t user = 0; user < users; user++)
        begins[user + 1] += begins[user];
    return status;
}

/* Room for the deeds of the most active user. */
static recs_status make_room(settling *s, recs_error *error) {
    size_t longest = (size_t)s->part.longest;
    s->all = recs__alloc(&s->training->host, longest * 3, sizeof *s->all, error);
    if (s->all == NULL)
        return RECS_ERR_MEMORY;
    s->deeds = s->all + longest;
    s->scratch = s->deeds + longest;
    return RECS_OK;
}

static recs_status prepare(recs__training *training, uint64_t **begins, recs_error *error) {
    recs__training_store *store = training->store;
    size_t count = (size_t)store->dataset->log.count, users = training->users;
    *begins = recs__alloc(&training->host, users + 1, sizeof **begins, error);
    store->kept = recs__alloc(store->big, count, sizeof *store->kept, error);
    store->user_offsets = recs__alloc(store->big, users + 1, sizeof *store->user_offsets, error);
    store->history_offsets = recs__alloc(store->big, users + 1, sizeof *store->history_offsets,
                                         error);
    return *begins && store->kept && store->user_offsets && store->history_offsets
               ? RECS_OK : RECS_ERR_MEMORY;
}

recs_status recs__training_net(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    uint64_t *begins = NULL, guests = 0;
    settling s = {.training = training, .netting = store->dataset->netting,
                  .values = recs__training_values(store->dataset)};
    int64_t last_tick = s.netting->last_tick;
    memset(s.netting, 0, sizeof *s.netting);
    s.netting->last_tick = last_tick;
    recs__echo_init(&store->echo, &s.values, &store->dataset->log);
    recs_status status = prepare(training, &begins, error);
    if (status == RECS_OK)
        status = count_users(&s, begins, &guests, error);
    if (status == RECS_OK)
        status = recs__part_open(&s.part, training, begins, training->users, RECS__PART_DEEDS,
                                 3 * sizeof *s.all, "user", error);
    if (status == RECS_OK)
        status = make_room(&s, error);
    if (status == RECS_OK)
        status = settle_users(&s, begins, error);
    if (status == RECS_OK && guests != 0)
        status = settle_guests(&s, error);
    if (status == RECS_OK)
        status = count_recommended(&s, error);
    if (status == RECS_OK) {
        training->by_user.offsets = store->user_offsets;
        training->by_user.columns = store->user_columns;
        training->by_user.values = store->user_values;
        training->by_user.rows = training->users;
        training->by_user.column_count = training->items;
        s.netting->users = training->users;
        s.netting->items = training->items;
    }
    recs__part_close(&s.part, &training->host);
    recs__free(&training->host, s.all);
    recs__free(&training->host, begins);
    return status;
}
