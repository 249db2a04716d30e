/* evaluate_users.c - who is evaluated: users of the test part, what they have
 * (stored by the model, or given as a dataset) and what is to be found. */
#include "train/evaluator.h"

#include "base/error.h"
#include "base/memory.h"
#include "train/training_store.h"

#include <string.h>

/* ---- what a visitor has ------------------------------------------------------------------ */

size_t recs__visitor_count(const recs__evaluator *e, size_t visitor) {
    const recs__visitors *v = &e->visitors;
    if (v->given)
        return (size_t)(v->offsets[visitor + 1] - v->offsets[visitor]);
    return v->rows[visitor] == RECS_NO_ROW
               ? 0
               : recs_model_history_count(e->model, v->rows[visitor]);
}

recs__held recs__visitor_item(const recs__evaluator *e, size_t visitor, size_t entry) {
    const recs__visitors *v = &e->visitors;
    if (v->given) {
        uint64_t at = v->offsets[visitor] + entry;
        return (recs__held){v->items[at], v->values[at], v->times[at]};
    }
    uint32_t user = v->rows[visitor], item = recs_model_history_item(e->model, user, entry);
    return (recs__held){item < e->items ? item : RECS_NO_ROW,
                        recs_model_history_value(e->model, user, entry),
                        recs_model_history_time(e->model, user, entry)};
}

void recs__visitors_clear(recs__visitors *v, const recs_host *host) {
    recs__free(host, v->rows);
    recs__free(host, v->tests);
    recs__free(host, v->offsets);
    recs__free(host, v->items);
    recs__free(host, v->values);
    recs__free(host, v->times);
    recs__free(host, v->owned);
    recs__free(host, v->truths);
    recs__free(host, v->groups);
    memset(v, 0, sizeof *v);
}

/* ---- matching ---------------------------------------------------------------------------- */

static uint32_t *item_rows(recs__evaluator *e, const recs__training *part, uint64_t *unknown,
                           recs_error *error) {
    uint32_t *rows = recs__alloc(&e->host, part->items, sizeof *rows, error);
    for (uint32_t i = 0; rows && i < part->items; i++) {
        const char *id = recs__ids_get(&part->item_ids, i, NULL);
        rows[i] = id ? recs_model_item_row(e->model, id) : RECS_NO_ROW;
        *unknown += rows[i] == RECS_NO_ROW;
    }
    return rows;
}

/* One user's entries of the histories given, as rows of the model. */
static recs_status give(recs__evaluator *e, const recs__training *part, uint32_t row,
                        const uint32_t *rows, recs_error *error) {
    recs__visitors *v = &e->visitors;
    const recs__training_store *store = part->store;
    uint64_t begin = store->history_offsets[row], end = store->history_offsets[row + 1];
    size_t need = v->given_count + (size_t)(end - begin);
    recs_status status = recs__grow(&e->host, (void **)&v->items, &v->given_capacity[0], need,
                                    sizeof *v->items, error);
    if (status == RECS_OK)
        status = recs__grow(&e->host, (void **)&v->values, &v->given_capacity[1], need,
                            sizeof *v->values, error);
    if (status == RECS_OK)
        status = recs__grow(&e->host, (void **)&v->times, &v->given_capacity[2], need,
                            sizeof *v->times, error);
    for (uint64_t h = begin; h < end && status == RECS_OK; h++) {
        uint32_t item = rows[store->history_items[h]];
        if (item == RECS_NO_ROW)
            continue;
        v->items[v->given_count] = item;
        v->values[v->given_count] = store->history_values[h];
        v->times[v->given_count++] = store->history_times[h];
    }
    return status;
}

/* Where the user's history is: in the model, or in the dataset given. */
static uint32_t find_user(const recs__evaluator *e, const recs__training *part, uint32_t test) {
    size_t size;
    const char *id = recs__ids_get(&e->test->user_ids, test, &size);
    if (!id)
        return RECS_NO_ROW;
    return part ? recs__ids_find(&part->user_ids, id, size) : recs_model_user_row(e->model, id);
}

static recs_status list_visitors(recs__evaluator *e, const recs__training *part,
                                 const uint32_t *rows, recs_error *error) {
    recs__visitors *v = &e->visitors;
    recs_status status = RECS_OK;
    for (uint32_t u = 0; u < e->test->users && status == RECS_OK; u++) {
        uint64_t at;
        size_t wanted = recs__csr_row(&e->test->by_user, u, &at);
        if (wanted == 0)
            continue;
        uint32_t row = find_user(e, part, u);
        if (row == RECS_NO_ROW) {
            if (!e->options.new_users) {
                e->result->users_unknown++;
                continue;
            }
            e->result->users_new++;
        }
        if (v->given && row != RECS_NO_ROW)
            status = give(e, part, row, rows, error);
        v->rows[v->count] = v->given ? RECS_NO_ROW : row;
        v->tests[v->count] = u;
        v->count++;
        if (v->given)
            v->offsets[v->count] = v->given_count;
        size_t history = status == RECS_OK ? recs__visitor_count(e, v->count - 1) : 0;
        v->longest_history = history > v->longest_history ? history : v->longest_history;
        v->longest_test = wanted > v->longest_test ? wanted : v->longest_test;
    }
    return status;
}

recs_status recs__evaluator_users(recs__evaluator *e, recs_error *error) {
    recs__visitors *v = &e->visitors;
    recs__training *part = NULL;
    uint32_t users = e->test->users, *rows = NULL;
    recs_status status = RECS_OK;

    v->given = e->options.histories != NULL;
    e->test_items = item_rows(e, e->test, &e->result->items_unknown, error);
    v->rows = recs__alloc(&e->host, users, sizeof *v->rows, error);
    v->tests = recs__alloc(&e->host, users, sizeof *v->tests, error);
    if (!e->test_items || !v->rows || !v->tests)
        return RECS_ERR_MEMORY;
    if (v->given) {
        v->offsets = recs__alloc_zero(&e->host, users + (size_t)1, sizeof *v->offsets, error);
        status = v->offsets ? recs__training_build(&part, e->options.histories, &e->host, error)
                            : RECS_ERR_MEMORY;
        if (status == RECS_OK && !(rows = item_rows(e, part, &e->items_ignored, error)))
            status = RECS_ERR_MEMORY;
    }
    if (status == RECS_OK)
        status = list_visitors(e, part, rows, error);
    recs__free(&e->host, rows);
    recs__training_destroy(part);
    if (status)
        return status;
    v->owned = recs__alloc_zero(&e->host, v->count, sizeof *v->owned, error);
    v->truths = recs__alloc_zero(&e->host, v->count, sizeof *v->truths, error);
    v->groups = recs__alloc_zero(&e->host, v->count, sizeof *v->groups, error);
    return v->owned && v->truths && v->groups ? RECS_OK : RECS_ERR_MEMORY;
}

/* ---- needs ------------------------------------------------------------------------------- */

recs_status recs__needs_create(recs__needs *needs, const recs__evaluator *e, recs_error *error) {
    memset(needs, 0, sizeof *needs);
    needs->own = recs__alloc(&e->host, e->visitors.longest_history, sizeof *needs->own, error);
    needs->truth = recs__alloc(&e->host, e->visitors.longest_test, sizeof *needs->truth, error);
    return needs->own && needs->truth ? RECS_OK : RECS_ERR_MEMORY;
}

void recs__needs_clear(recs__needs *needs, const recs_host *host) {
    recs__free(host, needs->own);
    recs__free(host, needs->truth);
}

/* Histories are in item order; a damaged file's are put in order here. */
static void put_own(recs__needs *needs, uint32_t item) {
    size_t at = needs->own_count;
    if (at > 0 && needs->own[at - 1] == item)
        return;
    while (at > 0 && needs->own[at - 1] > item)
        at--;
    if (at < needs->own_count && needs->own[at] == item)
        return;
    memmove(needs->own + at + 1, needs->own + at, (needs->own_count - at) * sizeof *needs->own);
    needs->own[at] = item;
    needs->own_count++;
}

bool recs__needs_eligible(const recs__needs *needs, const recs__evaluator *e, uint32_t item) {
    if (e->options.repeats == RECS_REPEATS_INCLUDE)
        return true;
    return recs__sorted_holds(needs->own, needs->own_count, item) ==
           (e->options.repeats == RECS_REPEATS_ONLY);
}

bool recs__needs_of(recs__needs *needs, const recs__evaluator *e, size_t visitor) {
    const recs__csr *by_user = &e->test->by_user;
    size_t entries = recs__visitor_count(e, visitor);
    uint64_t at;
    size_t count = recs__csr_row(by_user, e->visitors.tests[visitor], &at);

    needs->own_count = needs->evidence = 0;
    needs->own_popularity = 0.0;
    for (size_t i = 0; i < entries; i++) {
        recs__held held = recs__visitor_item(e, visitor, i);
        if (held.item == RECS_NO_ROW)
            continue;
        put_own(needs, held.item);
        if (held.value > 0.0f) {
            needs->evidence++;
            needs->own_popularity += (double)e->facts.popularity[held.item];
        }
    }
    if (needs->evidence)
        needs->own_popularity /= (double)needs->evidence;
    needs->truth_known = needs->truth_size = 0;
    memset(needs->group_sizes, 0, sizeof needs->group_sizes);
    for (size_t i = 0; i < count; i++) {
        if (!(by_user->values[at + i] > 0.0f))
            continue;
        uint32_t item = e->test_items[by_user->columns[at + i]];
        if (item == RECS_NO_ROW ? e->options.repeats == RECS_REPEATS_ONLY
                                : !recs__needs_eligible(needs, e, item))
            continue;
        needs->truth_size++;
        needs->group_sizes[item == RECS_NO_ROW ? RECS__GROUP_COLD : e->facts.group[item]]++;
        if (item != RECS_NO_ROW)
            needs->truth[needs->truth_known++] = item; /* ascending: both in id order */
    }
    return needs->truth_size > 0;
}
