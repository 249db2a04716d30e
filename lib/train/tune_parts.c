/* tune_parts.c - samples of users of a validation split.
 *
 * Every trial is trained on the whole train part; samples are of whom it is judged
 * on. (Training on a third or a ninth of the users was tried on Gowalla: the
 * fewer there are, the more neighbour models want popular neighbours, and the
 * order of the settings turned round.) Who is in a sample is decided by a hash of
 * the id, so the smaller sample is part of the larger one, whatever the order
 * of the log. */
#include "train/tune_parts.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <string.h>

#define JUDGED_LEAST 1500
#define FACTOR 3
#define DEFAULT_USERS 10000

static bool is_auto(const char *validation) {
    return !validation || strcmp(validation, "auto") == 0;
}

recs_status recs__parts_make(recs__tune_parts *parts, const recs_dataset *dataset,
                             const char *validation, uint64_t users, uint64_t seed,
                             recs_error *error) {
    memset(parts, 0, sizeof *parts);
    recs_status status =
        is_auto(validation)
            ? recs__holdout_make(&parts->holdout, dataset, RECS__HOLDOUT_AUTO, 0.1, seed, error)
            : recs__holdout_split(&parts->holdout, dataset, validation, seed, error);
    if (status)
        return status;
    if (parts->holdout.users == 0)
        return recs__fail(error, RECS_ERR_DATA,
                          "validation by %s: no user has events in both parts to judge settings by",
                          parts->holdout.how);
    parts->users = users ? users : DEFAULT_USERS;
    parts->seed = seed;
    return RECS_OK;
}

/* Whether the hash of an id falls into the first `share` of all. */
static bool sampled(const recs__tune_parts *parts, const char *id, size_t size, double share) {
    return (double)(recs__hash_seeded(id, size, parts->seed) >> 11) * 0x1p-53 < share;
}

static recs_status sample(const recs__tune_parts *parts, const recs_dataset *from, double share,
                          recs_dataset **part, recs_error *error) {
    const recs__log *log = &from->log;
    const recs_host *host = &from->host;
    uint8_t *marks = recs__alloc_zero(host, (size_t)log->count, 1, error);
    uint8_t *taken = recs__alloc_zero(host, from->users.count, 1, error);
    recs_status status = marks && taken ? RECS_OK : RECS_ERR_MEMORY;

    for (uint32_t u = 0; status == RECS_OK && u < from->users.count; u++) {
        size_t size;
        const char *id = recs__intern_text(&from->users, u, &size);
        taken[u] = sampled(parts, id, size, share);
    }
    for (uint64_t e = 0; status == RECS_OK && e < log->count; e++)
        marks[e] = log->users[e] != RECS_NO_ROW && taken[log->users[e]];
    if (status == RECS_OK)
        status = recs__split_part(from, marks, 1, "sample of users\n", part, error);
    recs__free(host, marks);
    recs__free(host, taken);
    return status;
}

recs_status recs__parts_need(recs__tune_parts *parts, uint32_t depth, recs_error *error) {
    recs__holdout *holdout = &parts->holdout;
    double wanted = (double)(parts->users < holdout->users ? parts->users : holdout->users);
    recs_status status = RECS_OK;

    if (parts->judge[depth])
        return RECS_OK;
    for (uint32_t d = 0; d < depth && wanted / FACTOR >= JUDGED_LEAST; d++)
        wanted /= FACTOR;
    if (wanted < holdout->users)
        status = sample(parts, holdout->valid, wanted / holdout->users, &parts->judge[depth], error);
    else
        parts->judge[depth] = holdout->valid;
    if (status)
        return status;
    recs_dataset_progress(holdout->train, parts->progress, parts->progress_data);
    recs_dataset_progress(parts->judge[depth], parts->progress, parts->progress_data);
    return RECS_OK;
}

void recs__parts_clear(recs__tune_parts *parts) {
    for (uint32_t d = 0; d < RECS__RUNGS; d++)
        if (parts->judge[d] != parts->holdout.valid)
            recs_dataset_destroy(parts->judge[d]);
    recs__holdout_clear(&parts->holdout);
    memset(parts->judge, 0, sizeof parts->judge);
}

/* ---- the data's mark ------------------------------------------------------------------------ */

static void add_intern(recs__hash_stream *stream, const recs__intern *intern) {
    recs__hash_add(stream, &intern->count, sizeof intern->count);
    if (intern->used)
        recs__hash_add(stream, intern->bytes, intern->used);
}

recs_status recs__dataset_hash(const recs_dataset *dataset, uint64_t *hash, recs_error *error) {
    /* What the rules make of the events stands for the rules. */
    static const char *const counts[] = {"interactions", "positive", "disliked", "users", "items"};
    const recs__log *log = &dataset->log;
    recs__hash_stream *stream = recs__alloc_aligned(&dataset->host, 1, sizeof *stream, error);
    if (!stream)
        return RECS_ERR_MEMORY;
    recs__hash_begin(stream);
    recs__hash_add(stream, &log->count, sizeof log->count);
    if (log->count) {
        size_t n = (size_t)log->count;
        recs__hash_add(stream, log->users, n * sizeof *log->users);
        recs__hash_add(stream, log->items, n * sizeof *log->items);
        recs__hash_add(stream, log->times, n * sizeof *log->times);
        recs__hash_add(stream, log->types, n);
        for (int x = 0; x < RECS__EXTRA_COUNT; x++)
            if (log->extras[x])
                recs__hash_add(stream, log->extras[x], n * 4);
    }
    add_intern(stream, &dataset->users);
    add_intern(stream, &dataset->items);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t count = recs_dataset_count(dataset, counts[i]);
        recs__hash_add(stream, &count, sizeof count);
    }
    const recs__values *values = &dataset->settings.values;
    double rules[4] = {dataset->settings.unit, values->weight, values->cap, values->duplicates};
    recs__hash_add(stream, rules, sizeof rules);
    recs__hash_add(stream, values->type_weights, sizeof values->type_weights);
    *hash = recs__hash_end(stream);
    recs__free_aligned(&dataset->host, stream);
    return RECS_OK;
}
