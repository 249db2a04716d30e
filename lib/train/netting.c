/* netting.c - from events to what each user did to each item.
 *
 * Events are brought into the order of users by a counting sort, those of one
 * user into that of items; the events of one pair are then sorted by time,
 * returns after sales of the same moment, and settled:
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
 * Cost: O(n) and a sort within each user. Memory: 12 bytes per event while it
 * lasts, and 96 per event of the most active user. */
#include "train/training_store.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define TICK_USERS 16384
#define INSERTION 16
#define AHEAD 8 /* events whose columns are fetched early */

/* An event within its pair. */
typedef struct deed {
    int64_t time;
    uint64_t event;
    float left;     /* pieces not returned */
    uint32_t older; /* open sale of the type below this one; UINT32_MAX: none */
    uint8_t type;
    bool returns;   /* takes pieces away */
} deed;

typedef struct settling {
    recs__training *training;
    recs__netting *netting;
    recs__values values;
    deed *all;             /* of a user, as they come: [capacity] */
    deed *deeds, *scratch; /* of a pair: [capacity] each          */
    uint64_t *keys, *key_scratch; /* item above place in all: [capacity] each */
} settling;

/* ---- order --------------------------------------------------------------------------- */

void recs__training_order(const recs__training *training, recs__event_key *key,
                          const uint64_t *from, uint64_t *to, uint64_t count, uint64_t *counts,
                          uint64_t keys) {
    memset(counts, 0, (size_t)(keys + 1) * sizeof *counts);
    for (uint64_t i = 0; i < count; i++)
        counts[key(training, from ? from[i] : i) + 1]++;
    for (uint64_t k = 0; k < keys; k++)
        counts[k + 1] += counts[k];
    for (uint64_t i = 0; i < count; i++) {
        uint64_t event = from ? from[i] : i;
        to[counts[key(training, event)]++] = event;
    }
    memmove(counts + 1, counts, (size_t)keys * sizeof *counts);
    counts[0] = 0;
}

/* Guests come last. */
static uint64_t user_key(const recs__training *training, uint64_t event) {
    const recs__training_store *store = training->store;
    uint32_t user = store->dataset->log.users[event];
    return user == RECS_NO_ROW ? training->users : store->user_rows[user];
}

static bool before(const deed *a, const deed *b) {
    return a->time != b->time ? a->time < b->time : a->returns < b->returns;
}

static void sort_keys(uint64_t *keys, uint64_t *scratch, size_t count) {
    for (size_t run = 0; run < count; run += INSERTION)
        for (size_t i = run + 1; i < count && i < run + INSERTION; i++) {
            uint64_t moved = keys[i];
            size_t at = i;
            for (; at > run && moved < keys[at - 1]; at--)
                keys[at] = keys[at - 1];
            keys[at] = moved;
        }
    for (size_t width = INSERTION; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t left = begin, right = middle;
            for (size_t at = begin; at < end; at++)
                scratch[at] = right < end && (left >= middle || keys[right] < keys[left])
                                  ? keys[right++] : keys[left++];
        }
        memcpy(keys, scratch, count * sizeof *keys);
    }
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

/* Brings the events of a user into the order of items: s->keys. */
static void collect(settling *s, const uint64_t *events, size_t count) {
    const recs__training_store *store = s->training->store;
    const recs__log *log = &store->dataset->log;
    for (size_t i = 0; i < count; i++) {
        uint64_t e = events[i];
        if (i + AHEAD < count) {
            uint64_t soon = events[i + AHEAD];
            __builtin_prefetch(&log->items[soon]);
            __builtin_prefetch(&log->times[soon]);
            __builtin_prefetch(&log->types[soon]);
        }
        float quantity = recs__log_quantity(log, e);
        int32_t type = recs__training_type(&s->values, log->types[e]);
        s->all[i] = (deed){.time = log->times[e], .event = e, .left = quantity,
                           .type = (uint8_t)type,
                           .returns = type == RECS_EVENT_RETURN || quantity < 0.0f};
        s->keys[i] = (uint64_t)store->item_rows[log->items[e]] << 32 | i;
    }
    sort_keys(s->keys, s->key_scratch, count);
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
    const recs__log *log = &s->training->store->dataset->log;
    const recs__echo *echo = &s->training->store->echo;
    float *kept = s->training->store->kept;
    const recs__values *values = &s->values;
    uint64_t rated = UINT64_MAX; /* the rating that counts so far */
    memset(out->has, 0, sizeof out->has);
    out->types = 0;
    out->disliked = false;
    for (size_t i = 0; i < count; i++) {
        const deed *d = &s->deeds[i];
        if (d->returns || !(d->left > 0.0f))
            continue;
        float value = recs__log_value(log, d->event);
        double quantity = (double)d->left, weight = recs__echo_weight(echo, log, d->event);
        uint32_t source = recs__log_source(log, d->event);
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
    const recs_host *host = &s->training->host;
    size_t need = (size_t)store->history_count + out->types;
    recs_status status = RECS_OK;
    if (need > store->history_capacity[3]) {
        status = recs__grow(host, (void **)&store->history_items, &store->history_capacity[0],
                            need, sizeof *store->history_items, error);
        if (status == RECS_OK)
            status = recs__grow(host, (void **)&store->history_values,
                                &store->history_capacity[1], need,
                                sizeof *store->history_values, error);
        if (status == RECS_OK)
            status = recs__grow(host, (void **)&store->history_types, &store->history_capacity[2],
                                need, sizeof *store->history_types, error);
        if (status == RECS_OK)
            status = recs__grow(host, (void **)&store->history_times, &store->history_capacity[3],
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
        recs_status status = recs__grow(&s->training->host, (void **)&store->user_columns,
                                        &store->user_columns_capacity, need,
                                        sizeof *store->user_columns, error);
        if (status == RECS_OK)
            status = recs__grow(&s->training->host, (void **)&store->user_values,
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

static recs_status settle_users(settling *s, const uint64_t *user_begins, recs_error *error) {
    recs__training *training = s->training;
    recs__training_store *store = training->store;
    recs_status status = RECS_OK;
    for (uint32_t user = 0; user < training->users && status == RECS_OK; user++) {
        store->user_offsets[user] = training->by_user.entries;
        store->history_offsets[user] = store->history_count;
        size_t count = (size_t)(user_begins[user + 1] - user_begins[user]);
        collect(s, store->by_group + user_begins[user], count);
        for (size_t at = 0; at < count && status == RECS_OK;) {
            size_t next = at + 1;
            while (next < count && s->keys[next] >> 32 == s->keys[at] >> 32)
                next++;
            status = settle_pair(s, s->keys + at, next - at, error);
            at = next;
        }
        if (status == RECS_OK && user % TICK_USERS == 0)
            status = recs__dataset_tick(store->dataset, "netting", user, training->users, error);
    }
    store->user_offsets[training->users] = training->by_user.entries;
    store->history_offsets[training->users] = store->history_count;
    return status;
}

/* Guests cannot return what they bought in another basket, so only what they
 * took counts. */
static void settle_guests(settling *s, uint64_t begin, uint64_t end) {
    recs__training_store *store = s->training->store;
    const recs__log *log = &store->dataset->log;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t e = store->by_group[i];
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
            recs__echo_weight(&store->echo, log, e) > 0.0 && s->values.type_weights[type] > 0.0f) {
            store->kept[e] = quantity;
            s->netting->guests++;
        }
    }
}

/* How much of the evidence came from recommendations, and what it counts. */
static void count_recommended(const recs__training_store *store, recs__netting *netting) {
    const recs__log *log = &store->dataset->log;
    if (log->extras[RECS__EXTRA_SOURCE] == NULL)
        return;
    for (uint64_t e = 0; e < log->count; e++) {
        if (recs__log_source(log, e) != RECS_SOURCE_RECOMMENDED)
            continue;
        netting->recommended++;
        if (store->kept[e] > 0.0f) {
            netting->recommended_evidence++;
            netting->recommended_weight += recs__echo_weight(&store->echo, log, e);
        }
    }
}

/* Room for the events of the most active user. */
static recs_status make_room(settling *s, const uint64_t *begins, recs_error *error) {
    const recs_host *host = &s->training->host;
    uint64_t longest = 0;
    for (uint32_t user = 0; user < s->training->users; user++)
        if (begins[user + 1] - begins[user] > longest)
            longest = begins[user + 1] - begins[user];
    if (longest > UINT32_MAX)
        return recs__fail(error, RECS_ERR_LIMIT, "one user has %llu events; at most 2^32 - 1",
                          (unsigned long long)longest);
    s->all = recs__alloc(host, (size_t)longest * 3, sizeof *s->all, error);
    s->keys = recs__alloc(host, (size_t)longest * 2, sizeof *s->keys, error);
    if (s->all == NULL || s->keys == NULL)
        return RECS_ERR_MEMORY;
    s->deeds = s->all + longest;
    s->scratch = s->deeds + longest;
    s->key_scratch = s->keys + longest;
    return RECS_OK;
}

static recs_status prepare(recs__training *training, uint64_t **begins, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_host *host = &training->host;
    size_t count = (size_t)store->dataset->log.count, users = training->users;
    *begins = recs__alloc(host, users + 2, sizeof **begins, error);
    store->by_group = recs__alloc(host, count, sizeof *store->by_group, error);
    store->kept = recs__alloc_zero(host, count, sizeof *store->kept, error);
    store->user_offsets = recs__alloc(host, users + 1, sizeof *store->user_offsets, error);
    store->history_offsets = recs__alloc(host, users + 1, sizeof *store->history_offsets, error);
    return *begins && store->by_group && store->kept && store->user_offsets &&
                   store->history_offsets
               ? RECS_OK : RECS_ERR_MEMORY;
}

recs_status recs__training_net(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    uint64_t count = store->dataset->log.count, *begins = NULL;
    settling s = {.training = training, .netting = store->dataset->netting,
                  .values = recs__training_values(store->dataset)};
    int64_t last_tick = s.netting->last_tick;
    memset(s.netting, 0, sizeof *s.netting);
    s.netting->last_tick = last_tick;
    recs__echo_init(&store->echo, &s.values, &store->dataset->log);
    recs_status status = prepare(training, &begins, error);
    if (status == RECS_OK) {
        recs__training_order(training, user_key, NULL, store->by_group, count, begins,
                             training->users + 1ull);
        status = make_room(&s, begins, error);
    }
    if (status == RECS_OK)
        status = settle_users(&s, begins, error);
    if (status == RECS_OK) {
        settle_guests(&s, begins[training->users], count);
        count_recommended(store, s.netting);
        training->by_user.offsets = store->user_offsets;
        training->by_user.columns = store->user_columns;
        training->by_user.values = store->user_values;
        training->by_user.rows = training->users;
        training->by_user.column_count = training->items;
        s.netting->users = training->users;
        s.netting->items = training->items;
    }
    recs__free(&training->host, s.all);
    recs__free(&training->host, s.keys);
    recs__free(&training->host, begins);
    return status;
}
