/* item_facts.c - read once from the model, behind item_facts.h.
 *
 * The pairs of a list need no pass over pairs: an item is the unit vector of
 * its users, 1 / sqrt(n) each, so the cosines of an item with all before it
 * are the sum of what those left with the item's users. */
#include "train/item_facts.h"

#include "base/math.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

static void set_groups(recs__item_facts *facts, const uint32_t *order, double total) {
    double before = 0.0;
    for (uint32_t rank = 0; rank < facts->items; rank++) {
        uint32_t item = order[rank];
        double popularity = (double)facts->popularity[item];
        size_t group = RECS__GROUP_COLD;
        if (popularity > 0.0 && total > 0.0) {
            group = (size_t)(before / total * 5.0);
            group = group > RECS__GROUP_TAIL ? RECS__GROUP_TAIL : group;
        }
        facts->group[item] = (uint8_t)group;
        facts->group_items[group]++;
        before += popularity > 0.0 ? popularity : 0.0;
    }
}

static recs_status read_items(recs__item_facts *facts, const recs_model *model,
                              const recs_host *host, recs_error *error) {
    uint32_t *order = recs__alloc(host, facts->items, sizeof *order, error);
    double total = 0.0;
    if (!order)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < facts->items; i++)
        order[i] = i;
    for (uint32_t i = 0; i < facts->items; i++) {
        uint32_t rank = recs_model_item_rank(model, i);
        float popularity = recs_model_item_popularity(model, i);
        facts->popularity[i] = popularity;
        if (popularity > 0.0f && isfinite(popularity))
            total += (double)popularity;
        if (rank < facts->items)
            order[rank] = i;
    }
    for (uint32_t i = 0; i < facts->items; i++) {
        double share = (double)facts->popularity[i];
        share = (share >= 1.0 && isfinite(share) ? share : 1.0) / (total > 1.0 ? total : 1.0);
        facts->information[i] = (float)(0.0 - recs__log2(share < 1.0 ? share : 1.0));
    }
    set_groups(facts, order, total);
    recs__free(host, order);
    return RECS_OK;
}

/* An item and a user once, however many types of events they share. */
static bool counts(const recs_model *model, uint32_t user, size_t entry, uint32_t items,
                   uint32_t *item) {
    *item = recs_model_history_item(model, user, entry);
    return *item < items && recs_model_history_value(model, user, entry) > 0.0f;
}

static recs_status read_users(recs__item_facts *facts, const recs_model *model,
                              const recs_host *host, recs_error *error) {
    uint32_t item;
    facts->user_count = recs_model_users(model);
    facts->offsets = recs__alloc_zero(host, facts->items + (size_t)2, sizeof *facts->offsets, error);
    if (!facts->offsets)
        return RECS_ERR_MEMORY;
    for (uint32_t u = 0; u < facts->user_count; u++)
        for (size_t e = 0, n = recs_model_history_count(model, u); e < n; e++)
            if (counts(model, u, e, facts->items, &item))
                facts->offsets[item + 2]++;
    for (uint32_t i = 0; i < facts->items; i++)
        facts->offsets[i + 2] += facts->offsets[i + 1];
    facts->users = recs__alloc(host, facts->offsets[facts->items + (size_t)1],
                               sizeof *facts->users, error);
    if (!facts->users)
        return RECS_ERR_MEMORY;
    for (uint32_t u = 0; u < facts->user_count; u++)
        for (size_t e = 0, n = recs_model_history_count(model, u); e < n; e++)
            if (counts(model, u, e, facts->items, &item))
                facts->users[facts->offsets[item + 1]++] = u;
    return RECS_OK;
}

recs_status recs__item_facts_make(recs__item_facts *facts, const recs_model *model,
                                  bool with_users, const recs_host *host, recs_error *error) {
    memset(facts, 0, sizeof *facts);
    facts->items = recs_model_items(model);
    facts->popularity = recs__alloc(host, facts->items, sizeof *facts->popularity, error);
    facts->information = recs__alloc(host, facts->items, sizeof *facts->information, error);
    facts->group = recs__alloc(host, facts->items, sizeof *facts->group, error);
    if (!facts->popularity || !facts->information || !facts->group)
        return RECS_ERR_MEMORY;
    recs_status status = read_items(facts, model, host, error);
    if (status == RECS_OK && with_users && recs_model_users(model) != 0)
        status = read_users(facts, model, host, error);
    return status;
}

void recs__item_facts_clear(recs__item_facts *facts, const recs_host *host) {
    recs__free(host, facts->popularity);
    recs__free(host, facts->information);
    recs__free(host, facts->group);
    recs__free(host, facts->offsets);
    recs__free(host, facts->users);
    memset(facts, 0, sizeof *facts);
}

double recs__item_facts_meet(const recs__item_facts *facts, uint32_t item, float *held) {
    uint64_t begin = facts->offsets[item], end = facts->offsets[item + 1];
    if (begin == end)
        return 0.0;
    double weight = 1.0 / sqrt((double)(end - begin)), met = 0.0;
    for (uint64_t e = begin; e < end; e++) {
        met += (double)held[facts->users[e]];
        held[facts->users[e]] += (float)weight;
    }
    return met * weight;
}

void recs__item_facts_forget(const recs__item_facts *facts, const uint32_t *list, size_t length,
                             float *held) {
    uint64_t touched = 0;
    for (size_t i = 0; i < length; i++)
        touched += facts->offsets[list[i] + 1] - facts->offsets[list[i]];
    if (touched > facts->user_count / 8) {
        memset(held, 0, facts->user_count * sizeof *held);
        return;
    }
    for (size_t i = 0; i < length; i++)
        for (uint64_t e = facts->offsets[list[i]]; e < facts->offsets[list[i] + 1]; e++)
            held[facts->users[e]] = 0.0f;
}
