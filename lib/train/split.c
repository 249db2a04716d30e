/* split.c - a log cut in two, on raw events: before anything is merged or
 * netted.
 *
 * A part is a dataset of its own with the rules, the catalogue and the ids of
 * its own events: an item that is only in the test part has no row in a model
 * of the train part, unless the catalogue names it. Cost: O(n), and a sort
 * within each user or, for "time:0.8", of the times. Memory: the parts, and 1
 * to 17 bytes per event while cutting. */
#include "train/dataset.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#include <string.h>

typedef enum split_how {
    BY_DATE,
    BY_SHARE_OF_TIME,
    BY_LAST,
    BY_FIRST,
    BY_CHANCE,
    BY_USERS
} split_how;

typedef struct split_plan {
    split_how how;
    int64_t date;
    double share;  /* BY_USERS: 0 for a number */
    uint64_t last; /* items of a user; BY_USERS: users */
    uint64_t seed;
} split_plan;

/* ---- what is asked -------------------------------------------------------------------- */

static recs_status parse_plan(const recs_dataset *dataset, const char *text, uint64_t seed,
                              split_plan *out, recs_error *error) {
    const char *asked = text != NULL && text[0] != '\0' ? text : "time:0.8";
    int64_t last;
    *out = (split_plan){.seed = seed, .date = RECS_NO_TIME};
    if (strncmp(asked, "time:", 5) == 0) {
        const char *value = asked + 5;
        out->how = BY_SHARE_OF_TIME;
        if (recs__parse_double(value, strlen(value), &out->share) && out->share > 0.0 &&
            out->share < 1.0)
            return RECS_OK;
        out->how = BY_DATE;
        if (recs__time_parse(value, strlen(value), RECS__TIME_AUTO, dataset->settings.zone,
                             &out->date))
            return RECS_OK;
    } else if (strncmp(asked, "last:", 5) == 0) {
        out->how = BY_LAST;
        if (recs__parse_i64(asked + 5, strlen(asked + 5), &last) && last > 0) {
            out->last = (uint64_t)last;
            return RECS_OK;
        }
    } else if (strncmp(asked, "first:", 6) == 0) {
        out->how = BY_FIRST;
        if (recs__parse_i64(asked + 6, strlen(asked + 6), &last) && last > 0) {
            out->last = (uint64_t)last;
            return RECS_OK;
        }
    } else if (strncmp(asked, "users:", 6) == 0) {
        out->how = BY_USERS;
        if (recs__parse_i64(asked + 6, strlen(asked + 6), &last) && last > 0) {
            out->last = (uint64_t)last;
            return RECS_OK;
        }
        if (recs__parse_double(asked + 6, strlen(asked + 6), &out->share) && out->share > 0.0 &&
            out->share < 1.0)
            return RECS_OK;
    } else if (strncmp(asked, "random:", 7) == 0) {
        out->how = BY_CHANCE;
        if (recs__parse_double(asked + 7, strlen(asked + 7), &out->share) && out->share > 0.0 &&
            out->share < 1.0)
            return RECS_OK;
    }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "split \"%.64s\": expected time:2011-10-01, time:0.8, last:1, first:10, "
                      "random:0.1, users:0.1 or users:500",
                      asked);
}

/* ---- by time ------------------------------------------------------------------------------ */

/* The value at a place of the sorted order, by quickselect in three parts. */
static int64_t select_time(int64_t *times, uint64_t count, uint64_t place) {
    uint64_t low = 0, high = count - 1;
    while (low < high) {
        int64_t pivot = times[low + (high - low) / 2];
        uint64_t less = low, at = low, more = high + 1;
        while (at < more) {
            int64_t time = times[at];
            if (time < pivot) {
                times[at++] = times[less];
                times[less++] = time;
            } else if (time > pivot) {
                times[at] = times[--more];
                times[more] = time;
            } else {
                at++;
            }
        }
        if (place >= less && place < more)
            return pivot;
        if (place < less)
            high = less - 1;
        else
            low = more;
    }
    return times[low];
}

static recs_status cut_by_time(const recs_dataset *dataset, split_plan *plan, uint8_t *test,
                               recs_error *error) {
    const recs__log *log = &dataset->log;
    uint64_t timed = 0;
    for (uint64_t e = 0; e < log->count; e++)
        timed += log->times[e] != RECS_NO_TIME;
    if (timed == 0)
        return recs__fail(error, RECS_ERR_STATE,
                          "a split by time, but no event has a time; last:N or random:0.1 need "
                          "none");
    if (plan->how == BY_SHARE_OF_TIME) {
        int64_t *times = recs__alloc(&dataset->host, (size_t)timed, sizeof *times, error);
        if (times == NULL)
            return RECS_ERR_MEMORY;
        uint64_t used = 0;
        for (uint64_t e = 0; e < log->count; e++)
            if (log->times[e] != RECS_NO_TIME)
                times[used++] = log->times[e];
        uint64_t place = (uint64_t)((double)timed * plan->share);
        plan->date = select_time(times, timed, place < timed ? place : timed - 1);
        recs__free(&dataset->host, times);
    }
    for (uint64_t e = 0; e < log->count; e++)
        test[e] = log->times[e] != RECS_NO_TIME && log->times[e] >= plan->date;
    return RECS_OK;
}

/* ---- by user -------------------------------------------------------------------------------- */

/* An item of a user: the higher the rank (then the order), the rather test. */
typedef struct pick {
    int64_t rank;
    uint64_t order;
    uint32_t item;
} pick;

static bool higher(const pick *a, const pick *b) {
    return a->rank != b->rank ? a->rank > b->rank : a->order > b->order;
}

static void sort_picks(pick *picks, pick *scratch, size_t count) {
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t left = begin, right = middle;
            for (size_t i = begin; i < end; i++)
                scratch[i] = right < end && (left >= middle || higher(&picks[right], &picks[left]))
                                 ? picks[right++] : picks[left++];
        }
        memcpy(picks, scratch, count * sizeof *picks);
    }
}

typedef struct cutting {
    const recs_dataset *dataset;
    const split_plan *plan;
    uint64_t *begins, *events; /* events by user */
    uint32_t *place;           /* of an item among the user's picks, + 1; 0: not there */
    pick *picks, *scratch;     /* [longest] each */
    uint8_t *test;
} cutting;

/* Of the ids, so that it does not depend on the order of the log. */
static int64_t chance_of(const cutting *c, uint32_t user, uint32_t item) {
    size_t user_size, item_size;
    const char *user_id = recs__intern_text(&c->dataset->users, user, &user_size);
    const char *item_id = recs__intern_text(&c->dataset->items, item, &item_size);
    uint64_t hash = recs__hash_seeded(user_id, user_size, c->plan->seed);
    return (int64_t)(recs__hash_seeded(item_id, item_size, hash) >> 1);
}

static void cut_user(const cutting *c, uint32_t user) {
    const recs__log *log = &c->dataset->log;
    size_t count = 0, taken;
    for (uint64_t i = c->begins[user]; i < c->begins[user + 1]; i++) {
        uint64_t e = c->events[i];
        uint32_t item = log->items[e];
        if (c->place[item] == 0) {
            c->picks[count] =
                (pick){RECS_NO_TIME, c->plan->how == BY_FIRST ? UINT64_MAX : 0, item};
            c->place[item] = (uint32_t)++count;
        }
        pick *own = &c->picks[c->place[item] - 1];
        int64_t rank = c->plan->how == BY_CHANCE ? chance_of(c, user, item) : log->times[e];
        if (c->plan->how == BY_FIRST ? own->order == UINT64_MAX || rank < own->rank
                                     : rank >= own->rank) {
            own->rank = rank;
            own->order = c->plan->how == BY_CHANCE ? item : e;
        }
    }
    if (c->plan->how == BY_LAST)
        taken = count > c->plan->last ? (size_t)c->plan->last : 0;
    else if (c->plan->how == BY_FIRST)
        taken = count > c->plan->last ? count - (size_t)c->plan->last : 0;
    else
        taken = (size_t)((double)count * c->plan->share + 0.5);
    taken = taken >= count ? (count > 0 ? count - 1 : 0) : taken;
    for (size_t i = 0; i < count; i++)
        c->place[c->picks[i].item] = 0;
    sort_picks(c->picks, c->scratch, count);
    for (size_t i = 0; i < taken; i++)
        c->place[c->picks[i].item] = 1;
    for (uint64_t i = c->begins[user]; i < c->begins[user + 1]; i++)
        c->test[c->events[i]] = (uint8_t)c->place[log->items[c->events[i]]];
    for (size_t i = 0; i < taken; i++)
        c->place[c->picks[i].item] = 0;
}

static recs_status cut_by_user(const recs_dataset *dataset, const split_plan *plan, uint8_t *test,
                               recs_error *error) {
    const recs__log *log = &dataset->log;
    const recs_host *host = &dataset->host;
    uint32_t users = dataset->users.count;
    uint64_t longest = 0;
    cutting c = {.dataset = dataset, .plan = plan, .test = test};
    c.begins = recs__alloc_zero(host, users + (size_t)2, sizeof *c.begins, error);
    c.events = recs__alloc(host, (size_t)log->count, sizeof *c.events, error);
    c.place = recs__alloc_zero(host, dataset->items.count, sizeof *c.place, error);
    recs_status status = c.begins && c.events && c.place ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK) {
        for (uint64_t e = 0; e < log->count; e++)
            if (log->users[e] != RECS_NO_ROW)
                c.begins[log->users[e] + 2]++;
        for (uint32_t u = 0; u < users; u++) {
            longest = c.begins[u + 2] > longest ? c.begins[u + 2] : longest;
            c.begins[u + 2] += c.begins[u + 1];
        }
        for (uint64_t e = 0; e < log->count; e++)
            if (log->users[e] != RECS_NO_ROW)
                c.events[c.begins[log->users[e] + 1]++] = e;
        c.picks = recs__alloc(host, (size_t)longest * 2, sizeof *c.picks, error);
        status = c.picks != NULL ? RECS_OK : RECS_ERR_MEMORY;
        c.scratch = c.picks != NULL ? c.picks + longest : NULL;
    }
    for (uint32_t u = 0; u < users && status == RECS_OK; u++)
        cut_user(&c, u);
    recs__free(host, c.begins);
    recs__free(host, c.events);
    recs__free(host, c.place);
    recs__free(host, c.picks);
    return status;
}

/* ---- whole users ----------------------------------------------------------------------------- */

/* Those with the highest hashes of seed and id, whatever the order of the log. */
static recs_status cut_users(const recs_dataset *dataset, const split_plan *plan, uint8_t *test,
                             recs_error *error) {
    const recs__log *log = &dataset->log;
    const recs_host *host = &dataset->host;
    uint32_t users = dataset->users.count;
    uint64_t wanted = plan->share > 0.0 ? (uint64_t)((double)users * plan->share + 0.5) : plan->last;
    if (wanted == 0 || wanted >= users)
        return recs__fail(error, RECS_ERR_DATA,
                          "a split by users: the log has %u, so %llu for the test part leaves %s",
                          users, (unsigned long long)wanted,
                          wanted == 0 ? "nobody to test on" : "nobody to train on");
    pick *picks = recs__alloc(host, (size_t)users * 2, sizeof *picks, error);
    uint8_t *taken = recs__alloc_zero(host, users, 1, error);
    if (picks == NULL || taken == NULL) {
        recs__free(host, picks);
        recs__free(host, taken);
        return RECS_ERR_MEMORY;
    }
    for (uint32_t u = 0; u < users; u++) {
        size_t size;
        const char *id = recs__intern_text(&dataset->users, u, &size);
        picks[u] = (pick){(int64_t)(recs__hash_seeded(id, size, plan->seed) >> 1), u, u};
    }
    sort_picks(picks, picks + users, users);
    for (uint64_t i = 0; i < wanted; i++)
        taken[picks[i].item] = 1;
    for (uint64_t e = 0; e < log->count; e++)
        test[e] = log->users[e] != RECS_NO_ROW && taken[log->users[e]];
    recs__free(host, picks);
    recs__free(host, taken);
    return RECS_OK;
}

/* ---- the parts ------------------------------------------------------------------------------- */

/* New numbers of the texts of one table, given as they are met. */
static recs_status carry(const recs_host *host, recs__intern *to, const recs__intern *from,
                         uint32_t *map, uint32_t *number, recs_error *error) {
    uint32_t old = *number;
    if (old == RECS_NO_ROW)
        return RECS_OK;
    if (map[old] == RECS_NO_ROW) {
        size_t size;
        const char *text = recs__intern_text(from, old, &size);
        recs_status status = recs__intern_add(to, host, text, size, UINT32_MAX - 1, "ids",
                                              &map[old], error);
        if (status != RECS_OK)
            return status;
    }
    *number = map[old];
    return RECS_OK;
}

enum { USERS, ITEMS, BASKETS, SESSIONS, PLACES, SEGMENTS, TABLES };

static void tables_of(recs_dataset *dataset, recs__intern *tables[TABLES]) {
    tables[USERS] = &dataset->users;
    tables[ITEMS] = &dataset->items;
    tables[BASKETS] = &dataset->baskets;
    tables[SESSIONS] = &dataset->sessions;
    tables[PLACES] = &dataset->places;
    tables[SEGMENTS] = &dataset->segments;
}

static recs_status carry_event(const recs_dataset *from, recs_dataset *part, uint64_t index,
                               uint32_t *maps[TABLES], recs_error *error) {
    const recs__intern *sources[TABLES] = {&from->users, &from->items, &from->baskets,
                                           &from->sessions, &from->places, &from->segments};
    recs__intern *tables[TABLES];
    recs__event event = recs__log_get(&from->log, index);
    uint32_t *numbers[TABLES] = {&event.user, &event.item, &event.basket, &event.session,
                                 &event.place, &event.segment};
    uint32_t old_item = event.item, items = part->items.count;
    recs_status status = RECS_OK;
    tables_of(part, tables);
    for (int t = 0; t < TABLES && status == RECS_OK; t++)
        status = carry(&part->host, tables[t], sources[t], maps[t], numbers[t], error);
    if (status == RECS_OK && part->items.count > items && old_item < from->title_count &&
        from->titles[old_item] != 0) {
        const char *title = from->title_bytes + from->titles[old_item] - 1;
        status = recs__dataset_title(part, event.item, title, strlen(title), error);
    }
    part->figures.rows++;
    return status == RECS_OK ? recs__dataset_event(part, &event, error) : status;
}

static recs_status fill_part(const recs_dataset *from, recs_dataset *part, const uint8_t *test,
                             uint8_t wanted, uint32_t *maps[TABLES], const char *name,
                             recs_error *error) {
    const recs__catalogue *catalogue = &from->catalogue;
    uint64_t count = 0;
    for (uint64_t e = 0; e < from->log.count; e++)
        count += test[e] == wanted;
    const recs_host *host;
    recs_status status = recs__dataset_log_host(part, &host, error);
    if (status == RECS_OK)
        status = recs__spill_status(part->spill, recs__log_reserve(&part->log, host, count, error),
                                    error);
    for (uint64_t e = 0; e < from->log.count && status == RECS_OK; e++)
        if (test[e] == wanted)
            status = carry_event(from, part, e, maps, error);
    for (uint32_t i = 0; i < catalogue->count && status == RECS_OK; i++) {
        uint32_t item = i;
        if (catalogue->listed[i])
            status = carry(&part->host, &part->items, &from->items, maps[ITEMS], &item, error);
    }
    if (status == RECS_OK && catalogue->count != 0) {
        recs__catalogue copy;
        status = recs__catalogue_copy(&copy, catalogue, maps[ITEMS], part->items.count,
                                      &part->host, error);
        if (status == RECS_OK)
            part->catalogue = copy;
    }
    if (status == RECS_OK)
        status = recs__dataset_print(&part->host, &part->sources, &part->sources_used,
                                     &part->sources_capacity, error, "%s", name);
    return status;
}

recs_status recs__split_part(const recs_dataset *from, const uint8_t *marks, uint8_t wanted,
                             const char *name, recs_dataset **part, recs_error *error) {
    const recs__intern *sources[TABLES] = {&from->users, &from->items, &from->baskets,
                                           &from->sessions, &from->places, &from->segments};
    uint32_t *maps[TABLES] = {NULL};
    recs__settings settings;
    recs_status status = recs_dataset_create(part, &from->host, error);
    if (status != RECS_OK)
        return status;
    status = recs__settings_copy(&settings, &from->settings, &from->host, error);
    if (status == RECS_OK) {
        recs__settings_clear(&(*part)->settings, &from->host);
        (*part)->settings = settings;
        /* What events without a type are was decided by the whole log. */
        (*part)->settings.values.default_type = recs__dataset_default_type(from);
        (*part)->limit = from->limit;
        (*part)->part_events = from->part_events;
        (*part)->progress = from->progress;
        (*part)->progress_data = from->progress_data;
    }
    for (int t = 0; t < TABLES && status == RECS_OK; t++) {
        maps[t] = recs__alloc(&from->host, sources[t]->count, sizeof **maps, error);
        if (maps[t] == NULL)
            status = RECS_ERR_MEMORY;
        else
            memset(maps[t], 0xFF, sources[t]->count * sizeof **maps);
    }
    if (status == RECS_OK)
        status = fill_part(from, *part, marks, wanted, maps, name, error);
    for (int t = 0; t < TABLES; t++)
        recs__free(&from->host, maps[t]);
    if (status != RECS_OK) {
        recs_dataset_destroy(*part);
        *part = NULL;
    }
    return status;
}

recs_status recs_dataset_split(const recs_dataset *dataset, const char *how_text, uint64_t seed,
                               recs_dataset **train, recs_dataset **test, recs_error *error) {
    split_plan plan;
    *train = *test = NULL;
    recs_status status = parse_plan(dataset, how_text, seed, &plan, error);
    if (status != RECS_OK)
        return status;
    uint8_t *is_test = recs__alloc_zero(&dataset->host, (size_t)dataset->log.count, 1, error);
    if (is_test == NULL)
        return RECS_ERR_MEMORY;
    status = plan.how == BY_USERS ? cut_users(dataset, &plan, is_test, error)
             : plan.how == BY_DATE || plan.how == BY_SHARE_OF_TIME
                 ? cut_by_time(dataset, &plan, is_test, error)
                 : cut_by_user(dataset, &plan, is_test, error);
    if (status == RECS_OK)
        status = recs__split_part(dataset, is_test, 0, "train part of a split\n", train, error);
    if (status == RECS_OK)
        status = recs__split_part(dataset, is_test, 1, "test part of a split\n", test, error);
    if (status != RECS_OK) {
        recs_dataset_destroy(*train);
        *train = NULL;
    }
    recs__free(&dataset->host, is_test);
    return status;
}
