/* evaluate_lists.c - systems and their lists.
 *
 * Components are asked through recs_recommend_rows, a batch of users at a time
 * (a block of item factors is read once for several of them), for evidence
 * alone; whose list is short then is asked again with fill, which begins with
 * the same items. Users the model does not store, and lists of a user's own
 * items alone (a filter of each user's own), go one by one through
 * recs_recommend. Baselines need no model: popular, recent-popular, own items. */
#include "train/evaluator.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

#define LIST_ROOM ((size_t)1 << 21) /* entries of a batch's lists, about */
#define BATCH_MOST 2048

/* ---- the systems ------------------------------------------------------------------------- */

static void add_system(recs__evaluator *e, recs__system_kind kind, const char *name,
                       uint32_t *order) {
    recs__system *system = &e->systems[e->system_count++];
    recs_evaluation *result = e->result;
    system->kind = kind;
    system->component = name;
    system->order = order;
    system->first_row = result->row_count;
    system->row_count = kind == RECS__BY_COMPONENT ? 2 : 1;
    for (size_t r = 0; r < system->row_count; r++)
        snprintf(result->rows[result->row_count++], sizeof result->rows[0], "%s%s", name,
                 r ? "+fill" : "");
}

/* Items by falling counts, ties by row: a counting sort would need the largest
 * count, so this is a heap sort on (count, row). */
static bool before(const uint64_t *counts, uint32_t a, uint32_t b) {
    return counts[a] > counts[b] || (counts[a] == counts[b] && a < b);
}

static void sink(const uint64_t *counts, uint32_t *order, size_t root, size_t size) {
    for (size_t child; (child = 2 * root + 1) < size; root = child) {
        if (child + 1 < size && before(counts, order[child], order[child + 1]))
            child++;
        if (before(counts, order[child], order[root]))
            return;
        uint32_t swapped = order[root];
        order[root] = order[child];
        order[child] = swapped;
    }
}

static void sort_by_count(const uint64_t *counts, uint32_t *order, size_t size) {
    for (size_t i = 0; i < size; i++)
        order[i] = (uint32_t)i;
    for (size_t root = size / 2; root-- > 0;)
        sink(counts, order, root, size);
    while (size-- > 1) {
        uint32_t swapped = order[0];
        order[0] = order[size];
        order[size] = swapped;
        sink(counts, order, 0, size);
    }
}

static recs_status add_recent(recs__evaluator *e, recs_error *error) {
    int64_t last = recs_model_last_time(e->model);
    double days = e->options.recent_days > 0.0 ? e->options.recent_days : 30.0;
    if (last == RECS_NO_TIME || recs_model_users(e->model) == 0)
        return RECS_OK;
    uint64_t *counts = recs__alloc_zero(&e->host, e->items, sizeof *counts, error);
    uint32_t *order = recs__alloc(&e->host, e->items, sizeof *order, error);
    if (!counts || !order) {
        recs__free(&e->host, counts);
        recs__free(&e->host, order);
        return RECS_ERR_MEMORY;
    }
    for (uint32_t user = 0; user < recs_model_users(e->model); user++) {
        size_t entries = recs_model_history_count(e->model, user);
        for (size_t i = 0; i < entries; i++) {
            uint32_t item = recs_model_history_item(e->model, user, i);
            int64_t time = recs_model_history_time(e->model, user, i);
            if (item < e->items && time != RECS_NO_TIME &&
                recs_model_history_value(e->model, user, i) > 0.0f &&
                (double)last - (double)time <= days * 86400000.0)
                counts[item]++;
        }
    }
    sort_by_count(counts, order, e->items);
    recs__free(&e->host, counts);
    add_system(e, RECS__BY_ORDER, "baseline/recent-popular", order);
    return RECS_OK;
}

static recs_status add_popular(recs__evaluator *e, recs_error *error) {
    uint32_t *order = recs__alloc(&e->host, e->items, sizeof *order, error);
    if (!order)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < e->items; i++)
        order[i] = i;
    for (uint32_t i = 0; i < e->items; i++) {
        uint32_t rank = recs_model_item_rank(e->model, i);
        if (rank < e->items)
            order[rank] = i;
    }
    add_system(e, RECS__BY_ORDER, "baseline/popular", order);
    return RECS_OK;
}

static recs_status fail_component(const recs__evaluator *e, const char *name, size_t size,
                                  recs_error *error) {
    char list[256] = "";
    size_t used = 0;
    for (uint32_t c = 0; c < recs_model_component_count(e->model) && used < sizeof list - 1; c++) {
        int wrote = snprintf(list + used, sizeof list - used, "%s%s", c ? ", " : "",
                             recs_model_component_name(e->model, c));
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    return recs__fail(error, RECS_ERR_NOT_FOUND,
                      "the model has no component \"%.*s\", expected one of: %s",
                      size < 100 ? (int)size : 100, name, list);
}

/* Is name one of the list "a,b"? */
static bool listed(const char *list, const char *name) {
    size_t size = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strcspn(at, ",") == size && memcmp(at, name, size) == 0)
            return true;
    return false;
}

static recs_status check_components(const recs__evaluator *e, recs_error *error) {
    uint32_t components = recs_model_component_count(e->model), wanted = 0;
    const char *list = e->options.component;
    for (const char *at = list; at != NULL;) {
        size_t size = strcspn(at, ",");
        bool found = false;
        for (uint32_t c = 0; c < components && !found; c++) {
            const char *name = recs_model_component_name(e->model, c);
            found = strlen(name) == size && memcmp(name, at, size) == 0;
        }
        if (!found)
            return fail_component(e, at, size, error);
        at = at[size] == ',' ? at + size + 1 : NULL;
    }
    for (uint32_t c = 0; c < components; c++)
        wanted += list == NULL || listed(list, recs_model_component_name(e->model, c));
    if (2 * (size_t)wanted + 3 > RECS__EVALUATION_ROWS)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "the model has %u components, at most %d are evaluated at once; name one",
                          components, (RECS__EVALUATION_ROWS - 3) / 2);
    return RECS_OK;
}

recs_status recs__evaluator_systems(recs__evaluator *e, recs_error *error) {
    recs_status status = check_components(e, error);
    if (status)
        return status;
    for (uint32_t c = 0; c < recs_model_component_count(e->model); c++) {
        const char *name = recs_model_component_name(e->model, c);
        if (e->options.component == NULL || listed(e->options.component, name))
            add_system(e, RECS__BY_COMPONENT, name, NULL);
    }
    if (!e->options.baselines)
        return RECS_OK;
    if ((status = add_popular(e, error)) == RECS_OK)
        status = add_recent(e, error);
    if (status == RECS_OK)
        add_system(e, RECS__BY_OWN_ITEMS, "baseline/own-items", NULL);
    return status;
}

/* ---- many users at a time ---------------------------------------------------------------- */

recs_status recs__lists_reserve(recs__evaluator *e, recs_error *error) {
    recs__lists *lists = &e->lists;
    size_t most = LIST_ROOM / e->deepest / RECS__USERS_PER_CHUNK * RECS__USERS_PER_CHUNK;
    most = most > BATCH_MOST ? BATCH_MOST : most;
    lists->most = most < RECS__USERS_PER_CHUNK ? RECS__USERS_PER_CHUNK : most;
    size_t entries = lists->most * e->deepest;
    lists->rows = recs__alloc(&e->host, entries, sizeof *lists->rows, error);
    lists->spare_rows = recs__alloc(&e->host, entries, sizeof *lists->spare_rows, error);
    lists->scores = recs__alloc(&e->host, entries, sizeof *lists->scores, error);
    lists->users = recs__alloc(&e->host, lists->most, sizeof *lists->users, error);
    lists->places = recs__alloc(&e->host, lists->most, sizeof *lists->places, error);
    lists->evidence = recs__alloc(&e->host, lists->most, sizeof *lists->evidence, error);
    lists->lengths = recs__alloc(&e->host, lists->most, sizeof *lists->lengths, error);
    return lists->rows && lists->spare_rows && lists->scores && lists->users && lists->places &&
                   lists->evidence && lists->lengths
               ? recs_query_create(&e->query, &e->host, error)
               : RECS_ERR_MEMORY;
}

void recs__lists_clear(recs__lists *lists, const recs_host *host) {
    recs__free(host, lists->rows);
    recs__free(host, lists->spare_rows);
    recs__free(host, lists->scores);
    recs__free(host, lists->users);
    recs__free(host, lists->places);
    recs__free(host, lists->evidence);
    recs__free(host, lists->lengths);
    memset(lists, 0, sizeof *lists);
}

static void set_query(const recs__evaluator *e, recs_query *query) {
    recs_query_reset(query);
    recs_query_component(query, e->system->component);
    recs_query_limit(query, e->deepest);
    recs_query_include_unavailable(query, 1);
    if (e->options.repeats != RECS_REPEATS_EXCLUDE)
        recs_query_exclude_seen(query, 0, RECS_NO_TIME);
}

static uint32_t length_of(const uint32_t *list, size_t most) {
    uint32_t length = 0;
    while (length < most && list[length] != RECS_NO_ROW)
        length++;
    return length;
}

/* Stored users of the batch whose list is shorter than asked for (first: of
 * whom there is none yet) are asked together; false: there are none. */
static recs_status ask_many(recs__evaluator *e, bool first, recs_error *error) {
    recs__lists *lists = &e->lists;
    size_t count = 0;
    for (size_t i = 0; i < lists->count; i++) {
        uint32_t row = e->visitors.rows[lists->first + i];
        if (row == RECS_NO_ROW || (!first && lists->evidence[i] == e->deepest))
            continue;
        lists->users[count] = row;
        lists->places[count++] = (uint32_t)i;
    }
    if (count == 0)
        return RECS_OK;
    set_query(e, e->query);
    recs_query_evidence_only(e->query, first);
    recs_status status = recs_recommend_rows(e->model, e->query, lists->users, count,
                                             lists->spare_rows, lists->scores, error);
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        uint32_t place = lists->places[i];
        uint32_t *list = lists->rows + place * e->deepest;
        memcpy(list, lists->spare_rows + i * e->deepest, e->deepest * sizeof *list);
        lists->lengths[place] = length_of(list, e->deepest);
        if (first)
            lists->evidence[place] = lists->lengths[place];
    }
    return status;
}

/* ---- one user at a time ------------------------------------------------------------------ */

/* The user is asked for by the shop's own id, which the test part has: under
 * users=hashed the model's is only a hash. */
static recs_status ask_one(const recs__evaluator *e, recs_query *query, size_t visitor,
                           recs_error *error) {
    const recs__visitors *v = &e->visitors;
    const recs__lists *lists = &e->lists;
    size_t place = visitor - lists->first;

    set_query(e, query);
    if (v->given) {
        uint64_t at = v->offsets[visitor];
        recs_query_history_rows(query, v->items + at, v->values + at, v->times + at,
                                (size_t)(v->offsets[visitor + 1] - at));
    } else if (v->rows[visitor] != RECS_NO_ROW) {
        recs_query_user(query, recs__ids_get(&e->test->user_ids, v->tests[visitor], NULL));
    }
    if (e->options.repeats == RECS_REPEATS_ONLY) {
        recs_query_allow_rows(query, NULL, 0);
        for (size_t i = 0, n = recs__visitor_count(e, visitor); i < n; i++) {
            uint32_t item = recs__visitor_item(e, visitor, i).item;
            if (item != RECS_NO_ROW)
                recs_query_allow_rows(query, &item, 1);
        }
    }
    recs_status status = recs_recommend(e->model, query, error);
    if (status)
        return status;
    lists->evidence[place] = (uint32_t)recs_query_evidence(query);
    lists->lengths[place] = (uint32_t)recs_query_count(query);
    if (lists->lengths[place])
        memcpy(lists->rows + place * e->deepest, recs_query_rows(query),
               lists->lengths[place] * sizeof *lists->rows);
    return RECS_OK;
}

static void ask_chunk(void *arg, size_t index) {
    recs__evaluator *e = arg;
    size_t first = index * RECS__USERS_PER_CHUNK, last = first + RECS__USERS_PER_CHUNK;
    recs_query *query = NULL;
    recs_error error;
    recs_status status = RECS_OK;

    last = last < e->lists.count ? last : e->lists.count;
    for (size_t i = first; i < last && status == RECS_OK; i++) {
        if (e->options.repeats != RECS_REPEATS_ONLY &&
            e->visitors.rows[e->lists.first + i] != RECS_NO_ROW)
            continue; /* was asked with the others */
        if (!query) { /* a task gives no tasks of its own */
            recs_host alone = recs__host_alone(&e->host);
            status = recs_query_create(&query, &alone, &error);
        }
        if (status == RECS_OK)
            status = ask_one(e, query, e->lists.first + i, &error);
    }
    recs_query_destroy(query);
    if (status)
        recs__evaluator_fail(e, status, &error);
}

/* ---- baselines --------------------------------------------------------------------------- */

static size_t list_by_order(const recs__evaluator *e, const recs__needs *needs, uint32_t *list) {
    size_t length = 0;
    for (uint32_t i = 0; i < e->items && length < e->deepest; i++)
        if (recs__needs_eligible(needs, e, e->system->order[i]))
            list[length++] = e->system->order[i];
    return length;
}

/* What a task ranks a user's own items with. */
typedef struct own_room {
    float *values;  /* [deepest] */
    int64_t *times; /* [deepest] */
} own_room;

/* The user's own items by value, then the more recent, then by row. Selection
 * by repeated insertion into a list of at most `deepest`. */
static size_t list_of_own(const recs__evaluator *e, const recs__needs *needs, size_t visitor,
                          const own_room *room, uint32_t *list) {
    size_t entries = recs__visitor_count(e, visitor), length = 0;
    for (size_t i = 0; i < entries; i++) {
        recs__held held = recs__visitor_item(e, visitor, i);
        if (!(held.value > 0.0f) || held.item == RECS_NO_ROW ||
            !recs__needs_eligible(needs, e, held.item))
            continue;
        size_t at = length < e->deepest ? length++ : e->deepest;
        while (at > 0 && (room->values[at - 1] < held.value ||
                          (room->values[at - 1] == held.value && room->times[at - 1] < held.time))) {
            if (at < e->deepest) {
                room->values[at] = room->values[at - 1];
                room->times[at] = room->times[at - 1];
                list[at] = list[at - 1];
            }
            at--;
        }
        if (at < e->deepest) {
            room->values[at] = held.value;
            room->times[at] = held.time;
            list[at] = held.item;
        }
    }
    return length;
}

static void baseline_chunk(void *arg, size_t index) {
    recs__evaluator *e = arg;
    recs__lists *lists = &e->lists;
    size_t first = index * RECS__USERS_PER_CHUNK, last = first + RECS__USERS_PER_CHUNK;
    own_room room = {0};
    recs__needs needs;
    recs_error error;
    recs_status status = recs__needs_create(&needs, e, &error);

    last = last < lists->count ? last : lists->count;
    if (status == RECS_OK) {
        room.values = recs__alloc(&e->host, e->deepest, sizeof *room.values, &error);
        room.times = recs__alloc(&e->host, e->deepest, sizeof *room.times, &error);
        status = room.values && room.times ? RECS_OK : RECS_ERR_MEMORY;
    }
    for (size_t i = first; i < last && status == RECS_OK; i++) {
        uint32_t *list = lists->rows + i * e->deepest;
        size_t length = 0;
        if (recs__needs_of(&needs, e, lists->first + i))
            length = e->system->kind == RECS__BY_ORDER
                         ? list_by_order(e, &needs, list)
                         : list_of_own(e, &needs, lists->first + i, &room, list);
        lists->evidence[i] = lists->lengths[i] = (uint32_t)length;
    }
    recs__needs_clear(&needs, &e->host);
    recs__free(&e->host, room.values);
    recs__free(&e->host, room.times);
    if (status)
        recs__evaluator_fail(e, status, &error);
}

recs_status recs__lists_make(recs__evaluator *e, size_t first, size_t count, recs_error *error) {
    size_t chunks = (count + RECS__USERS_PER_CHUNK - 1) / RECS__USERS_PER_CHUNK;
    bool component = e->system->kind == RECS__BY_COMPONENT;
    recs_status status = RECS_OK;

    e->lists.first = first;
    e->lists.count = count;
    if (component && e->options.repeats != RECS_REPEATS_ONLY) {
        status = ask_many(e, true, error);
        if (status == RECS_OK)
            status = ask_many(e, false, error);
    }
    if (status)
        return status;
    recs__run(&e->host, component ? ask_chunk : baseline_chunk, e, chunks);
    status = recs__evaluator_status(e, error);
    e->differs[e->system->first_row] = true;
    for (size_t i = 0; i < count && component && status == RECS_OK; i++)
        e->differs[e->system->first_row + 1] |= e->lists.lengths[i] != e->lists.evidence[i];
    return status;
}
