/* training_rows.c - rows of users and items: the byte order of their ids.
 *
 * Users are those with an event; items all that occur in the log or the
 * catalogue, or with rollup their groups. Under users=hashed the users' rows
 * are in the order of the hashes, since that is what the model stores.
 * O(n log n) in ids. */
#include "train/training_store.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/format.h"

#include <string.h>

/* Ids of the rows, packed as a model has them. texts[row] numbers intern's. */
static recs_status pack(const recs__intern *intern, const uint32_t *numbers, uint32_t count,
                        const recs_host *host, char **bytes, uint64_t **offsets,
                        recs__ids *ids, recs_error *error) {
    uint64_t used = 0;
    for (uint32_t row = 0; row < count; row++) {
        size_t size;
        recs__intern_text(intern, numbers[row], &size);
        used += size + 1;
    }
    *bytes = recs__alloc(host, (size_t)used, 1, error);
    *offsets = recs__alloc(host, (size_t)count + 1, sizeof **offsets, error);
    if (*bytes == NULL || *offsets == NULL)
        return RECS_ERR_MEMORY;
    used = 0;
    for (uint32_t row = 0; row < count; row++) {
        size_t size;
        const char *text = recs__intern_text(intern, numbers[row], &size);
        (*offsets)[row] = used;
        memcpy(*bytes + used, text, size + 1);
        used += size + 1;
    }
    (*offsets)[count] = used;
    *ids = (recs__ids){.offsets = *offsets, .bytes = *bytes, .size = used, .count = count};
    return RECS_OK;
}

/* ---- users ---------------------------------------------------------------------- */

/* The users that have an event, as numbers, in the order of their ids or of
 * their hashes; their count in *count. */
static recs_status order_users(const recs_dataset *dataset, const recs_host *host, bool hashed,
                               uint32_t *order, recs__intern *hashes, recs_error *error) {
    const recs__intern *users = &dataset->users;
    if (!hashed)
        return recs__intern_order(users, host, order, error);
    for (uint32_t u = 0; u < users->count; u++) {
        char hex[33];
        size_t size;
        uint32_t number;
        const char *text = recs__intern_text(users, u, &size);
        recs__hash_hex(text, size, hex);
        recs_status status = recs__intern_add(hashes, host, hex, 32, UINT32_MAX, "users", &number,
                                              error);
        if (status != RECS_OK)
            return status;
        if (number != u)
            return recs__fail(error, RECS_ERR_CONFLICT,
                              "two users have the same 128-bit hash %s; use users=full", hex);
    }
    return recs__intern_order(hashes, host, order, error);
}

static recs_status user_rows(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_dataset *dataset = store->dataset;
    const recs_host *host = &training->host;
    bool hashed = training->users_mode == RECS__USERS_HASHED;
    uint32_t count = dataset->users.count;
    recs__intern hashes = {0};
    uint32_t *order = recs__alloc(host, count, sizeof *order, error);
    store->user_rows = recs__alloc(host, count, sizeof *store->user_rows, error);
    recs_status status = order != NULL && store->user_rows != NULL ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = order_users(dataset, host, hashed, order, &hashes, error);
    if (status == RECS_OK) {
        for (uint32_t u = 0; u < count; u++)
            store->user_rows[u] = RECS_NO_ROW;
        for (uint64_t e = 0; e < dataset->log.count; e++)
            if (dataset->log.users[e] != RECS_NO_ROW)
                store->user_rows[dataset->log.users[e]] = 0;
        uint32_t rows = 0;
        for (uint32_t i = 0; i < count; i++)
            if (store->user_rows[order[i]] == 0) {
                order[rows] = order[i];
                store->user_rows[order[rows]] = rows;
                rows++;
            }
        training->users = rows;
        status = pack(&dataset->users, order, rows, host, &store->user_id_bytes,
                      &store->user_id_offsets, &training->user_ids, error);
    }
    recs__ids stored;
    if (status == RECS_OK && hashed)
        status = pack(&hashes, order, training->users, host, &store->stored_id_bytes,
                      &store->stored_id_offsets, &stored, error);
    recs__intern_clear(&hashes, host);
    recs__free(host, order);
    return status;
}

/* ---- items ---------------------------------------------------------------------- */

/* The id an item counts under: its own or its group's. */
static const char *counted_id(const recs_dataset *dataset,
                              const recs__catalogue_column *groups, uint32_t item, size_t *size) {
    const char *group = groups ? recs__catalogue_text(&dataset->catalogue, groups, item, size)
                               : NULL;
    if (group != NULL && *size != 0 && recs__id_problem(group, *size) == NULL)
        return group;
    return recs__intern_text(&dataset->items, item, size);
}

static recs_status name_items(const recs_dataset *dataset, const recs_host *host,
                              recs__intern *names, uint32_t *name_of, recs_error *error) {
    const recs__catalogue_column *groups = recs__catalogue_find(&dataset->catalogue, "group");
    recs_status status = RECS_OK;
    if (groups != NULL && groups->type != RECS_COLUMN_TEXT)
        groups = NULL;
    for (uint32_t i = 0; i < dataset->items.count && status == RECS_OK; i++) {
        size_t size;
        const char *name = counted_id(dataset, groups, i, &size);
        status = recs__intern_add(names, host, name, size, UINT32_MAX, "items", &name_of[i],
                                  error);
    }
    return status;
}

/* Items by row, the one whose own id is the row's first, then by id. */
static void list_variants(recs__training *training, const recs__intern *names,
                          const uint32_t *item_order) {
    recs__training_store *store = training->store;
    const recs_dataset *dataset = store->dataset;
    uint32_t count = dataset->items.count;
    memset(store->row_begins, 0, ((size_t)training->items + 1) * sizeof *store->row_begins);
    for (uint32_t i = 0; i < count; i++)
        store->row_begins[store->item_rows[i] + 1]++;
    for (uint32_t row = 0; row < training->items; row++)
        store->row_begins[row + 1] += store->row_begins[row];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = item_order[i];
        store->row_items[store->row_begins[store->item_rows[item]]++] = item;
    }
    memmove(store->row_begins + 1, store->row_begins,
            training->items * sizeof *store->row_begins);
    store->row_begins[0] = 0;
    for (uint32_t row = 0; row < training->items && names != &dataset->items; row++) {
        size_t size;
        const char *id = recs__ids_get(&training->item_ids, row, &size);
        uint32_t own = recs__intern_find(&dataset->items, id, size);
        uint32_t *first = store->row_items + store->row_begins[row];
        uint32_t *at = first, *end = store->row_items + store->row_begins[row + 1];
        while (at < end && *at != own)
            at++;
        if (at < end) {
            memmove(first + 1, first, (size_t)(at - first) * sizeof *first);
            *first = own;
        }
    }
}

static recs_status item_rows(recs__training *training, recs_error *error) {
    recs__training_store *store = training->store;
    const recs_dataset *dataset = store->dataset;
    const recs_host *host = &training->host;
    uint32_t count = dataset->items.count;
    bool rollup = dataset->settings.rollup;
    recs__intern groups = {0};
    const recs__intern *names = rollup ? &groups : &dataset->items;
    uint32_t *order = recs__alloc(host, count, sizeof *order, error);
    uint32_t *item_order = recs__alloc(host, count, sizeof *item_order, error);
    uint32_t *row_of = recs__alloc(host, count, sizeof *row_of, error);
    store->item_rows = recs__alloc(host, count, sizeof *store->item_rows, error);
    store->row_items = recs__alloc(host, count, sizeof *store->row_items, error);
    store->row_begins = recs__alloc(host, (size_t)count + 1, sizeof *store->row_begins, error);
    recs_status status = order && item_order && row_of && store->item_rows && store->row_items &&
                                 store->row_begins ? RECS_OK : RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < count && status == RECS_OK; i++)
        store->item_rows[i] = i;
    if (status == RECS_OK && rollup)
        status = name_items(dataset, host, &groups, store->item_rows, error);
    if (status == RECS_OK)
        status = recs__intern_order(names, host, order, error);
    if (status == RECS_OK)
        status = recs__intern_order(&dataset->items, host, item_order, error);
    if (status == RECS_OK) {
        training->items = names->count;
        for (uint32_t row = 0; row < names->count; row++)
            row_of[order[row]] = row;
        for (uint32_t i = 0; i < count; i++)
            store->item_rows[i] = row_of[store->item_rows[i]];
        status = pack(names, order, names->count, host, &store->item_id_bytes,
                      &store->item_id_offsets, &training->item_ids, error);
    }
    if (status == RECS_OK)
        list_variants(training, names, item_order);
    recs__intern_clear(&groups, host);
    recs__free(host, order);
    recs__free(host, item_order);
    recs__free(host, row_of);
    return status;
}

recs_status recs__training_rows(recs__training *training, recs_error *error) {
    recs_status status = user_rows(training, error);
    return status == RECS_OK ? item_rows(training, error) : status;
}
