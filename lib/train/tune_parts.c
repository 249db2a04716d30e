/* tune_parts.c - samples of users of a validation split.
 *
 * Who is in a sample is decided by a hash of the id, so the smaller sample is
 * part of the larger one, whatever the order of the log. Events of guests are
 * taken by basket or session, else one by one. The validation part of the
 * last rung is thinned, too, when it has more users than are to be judged on:
 * training sees all. */
#include "train/tune_parts.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <string.h>

#define RUNG_USERS 1500
#define RUNG_FACTOR 3
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
    parts->rungs = 1;
    uint32_t left = parts->holdout.users / RUNG_FACTOR;
    for (; parts->rungs < RECS__RUNGS && left >= RUNG_USERS; left /= RUNG_FACTOR)
        parts->rungs++;
    double share = 1.0;
    for (uint32_t r = parts->rungs; r-- > 0; share /= RUNG_FACTOR)
        parts->rung[r].share = share;
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
    for (uint64_t e = 0; status == RECS_OK && e < log->count; e++) {
        uint32_t group = recs__log_group(log, RECS__EXTRA_BASKET, e);
        if (group == RECS_NO_ROW)
            group = recs__log_group(log, RECS__EXTRA_SESSION, e);
        uint64_t guest = group == RECS_NO_ROW ? e : group;
        marks[e] = log->users[e] != RECS_NO_ROW
                       ? taken[log->users[e]]
                       : sampled(parts, (const char *)&guest, sizeof guest, share);
    }
    if (status == RECS_OK)
        status = recs__split_part(from, marks, 1, "sample of users\n", part, error);
    recs__free(host, marks);
    recs__free(host, taken);
    return status;
}

recs_status recs__parts_need(recs__tune_parts *parts, uint32_t rung, recs_error *error) {
    recs__holdout *holdout = &parts->holdout;
    double share = parts->rung[rung].share;
    recs_status status = RECS_OK;

    if (parts->rung[rung].train && parts->rung[rung].valid)
        return RECS_OK;
    if (share < 1.0) {
        if (!parts->rung[rung].train)
            status = sample(parts, holdout->train, share, &parts->rung[rung].train, error);
    } else {
        parts->rung[rung].train = holdout->train;
        share = (double)parts->users / holdout->users;
    }
    /* Judged on no more than asked for, in a lower rung neither. */
    double most = (double)parts->users / holdout->users;
    share = share < most ? share : most;
    if (status == RECS_OK && share < 1.0)
        status = sample(parts, holdout->valid, share, &parts->rung[rung].valid, error);
    else if (status == RECS_OK)
        parts->rung[rung].valid = holdout->valid;
    if (status)
        return status;
    recs_dataset_progress(parts->rung[rung].train, parts->progress, parts->progress_data);
    recs_dataset_progress(parts->rung[rung].valid, parts->progress, parts->progress_data);
    return RECS_OK;
}

void recs__parts_clear(recs__tune_parts *parts) {
    for (uint32_t r = 0; r < RECS__RUNGS; r++) {
        if (parts->rung[r].train != parts->holdout.train)
            recs_dataset_destroy(parts->rung[r].train);
        if (parts->rung[r].valid != parts->holdout.valid)
            recs_dataset_destroy(parts->rung[r].valid);
    }
    recs__holdout_clear(&parts->holdout);
    memset(parts->rung, 0, sizeof parts->rung);
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
