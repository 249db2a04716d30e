/* knn.c - nearest neighbours in a vector set as a verb of a query.
 *
 * A request becomes one vector, or one for each item of a history, and what is
 * eligible; search/nearest.h does the rest. A set has rows of its own, which
 * histories and filters here are made of: rows of one pinned snapshot.
 *
 * The predicate is asked about the best alone: twice as many as are wanted,
 * then four times as many, and when that has become a good part of the set,
 * about everything. It is never asked twice about a row that it refused. */
#include "recommend/query.h"

#include "base/checked.h"
#include "base/error.h"
#include "kernels/kernels.h"
#include "recs/events.h"
#include "recs/vectors.h"
#include "search/nearest.h"
#include "search/room.h"
#include "search/sort.h"

#include <math.h>
#include <string.h>

struct recs__knn {
    recs__nearest nearest;
    recs__part_filters filters;
    recs__hit *hits, *all; /* of the request; of all searches of a history */
    float *vector;
    uint64_t *keys;
    uint32_t *rows;
    size_t hit_capacity, all_capacity, vector_capacity, key_capacity, row_capacity;
    size_t count; /* of hits */
};

typedef struct run {
    const recs_vectors *vectors;
    recs_query *query;
    const recs__snapshot *snapshot;
    recs__knn *knn;
    recs__nearest_how how;
    uint32_t item; /* row of the query's item, or RECS_NO_ROW */
} run;

/* ---- memory --------------------------------------------------------------------------- */

static recs_status need_knn(recs_query *query, recs_error *error) {
    if (query->knn != NULL)
        return RECS_OK;
    query->knn = recs__alloc_zero(&query->host, 1, sizeof *query->knn, error);
    return query->knn == NULL ? RECS_ERR_MEMORY : RECS_OK;
}

void recs__knn_free(recs_query *query) {
    recs__knn *knn = query->knn;
    const recs_host *host = &query->host;
    if (knn == NULL)
        return;
    recs__nearest_free(&knn->nearest, host);
    recs__part_filters_free(&knn->filters, host);
    recs__free_aligned(host, knn->hits);
    recs__free_aligned(host, knn->all);
    recs__free_aligned(host, knn->vector);
    recs__free_aligned(host, knn->keys);
    recs__free_aligned(host, knn->rows);
    recs__free(host, knn);
    query->knn = NULL;
}

size_t recs__knn_memory(const recs_query *query) {
    const recs__knn *knn = query->knn;
    if (knn == NULL)
        return 0;
    return sizeof *knn + recs__nearest_memory(&knn->nearest) +
                   recs__part_filters_memory(&knn->filters) +
                   (knn->hit_capacity + knn->all_capacity) * sizeof *knn->hits +
                   knn->vector_capacity * sizeof *knn->vector +
                   knn->key_capacity * sizeof *knn->keys + knn->row_capacity * sizeof *knn->rows;
}

/* ---- rows of the request ------------------------------------------------------------------ */

static const char *id_in_set(const void *snapshot, uint32_t row, size_t *size) {
    return recs__snapshot_id(snapshot, row, size);
}

static recs_status resolve(const run *at, const recs__ref *ref, const char *what, size_t entry,
                           uint32_t *row, recs_error *error) {
    uint32_t part;
    *row = ref->row;
    if (ref->row != RECS_NO_ROW) {
        if (ref->row < at->snapshot->rows)
            return RECS_OK;
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s entry %zu: row %u, the set has %u rows: rows of another generation?",
                          what, entry, ref->row, at->snapshot->rows);
    }
    if (recs__snapshot_find(at->snapshot, at->query->request.text + ref->text, ref->size, &part,
                            row)) {
        *row += at->snapshot->parts[part].first;
    } else {
        *row = RECS_NO_ROW;
        at->query->ignored++;
    }
    return RECS_OK;
}

static recs_status add_given(const run *at, const recs__given *list, size_t count,
                             const char *what, uint32_t types, recs_error *error) {
    for (size_t i = 0; i < count; i++) {
        uint32_t row;
        recs_status status = resolve(at, &list[i].item, what, i, &row, error);
        if (status != RECS_OK)
            return status;
        if (row != RECS_NO_ROW)
            recs__history_add(&at->query->work.history,
                              (recs__entry){.time = list[i].time,
                                            .row = row,
                                            .types = types,
                                            .weight = list[i].weight});
    }
    return RECS_OK;
}

static recs_status read_history(const run *at, recs_error *error) {
    const recs__request *request = &at->query->request;
    recs__history *history = &at->query->work.history;
    recs_status status = recs__history_begin(history, &at->query->host,
                                             request->history_count + request->dislike_count,
                                             error);
    if (status == RECS_OK)
        status = add_given(at, request->history, request->history_count, "history",
                           RECS_EVENT_ALL, error);
    if (status == RECS_OK)
        status = add_given(at, request->dislikes, request->dislike_count, "dislike", 0, error);
    if (status == RECS_OK)
        recs__history_merge(history);
    return status;
}

recs_status recs__knn_history(const recs_vectors *vectors, recs_query *query,
                              const recs__snapshot *snapshot, recs_error *error) {
    run at = {.vectors = vectors, .query = query, .snapshot = snapshot};
    return read_history(&at, error);
}

/* ---- what is eligible ---------------------------------------------------------------------- */

static recs_status exclude(const run *at, uint32_t row, recs_error *error) {
    uint32_t part = recs__snapshot_part(at->snapshot, row);
    return recs__filter_exclude(&at->knn->filters.list[part], &at->query->host,
                                row - at->snapshot->parts[part].first, error);
}

/* The allow list, part by part. */
static recs_status allow_listed(const run *at, recs_error *error) {
    const recs__request *request = &at->query->request;
    recs__knn *knn = at->knn;
    const recs_host *host = &at->query->host;
    size_t count = 0;
    recs_status status = recs__room_fresh(host, (void **)&knn->keys, &knn->key_capacity,
                                          request->allow_count, sizeof *knn->keys, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&knn->rows, &knn->row_capacity,
                                  request->allow_count, sizeof *knn->rows, error);
    for (size_t i = 0; status == RECS_OK && i < request->allow_count; i++) {
        uint32_t row;
        status = resolve(at, &request->allow[i], "allow", i, &row, error);
        if (status == RECS_OK && row != RECS_NO_ROW)
            knn->keys[count++] = row;
    }
    if (status != RECS_OK)
        return status;
    recs__sort_keys(knn->keys, count);
    size_t next = 0;
    for (uint32_t i = 0; status == RECS_OK && i < at->snapshot->count; i++) {
        const recs__part *part = &at->snapshot->parts[i];
        size_t here = 0;
        for (; next < count && knn->keys[next] < part->first + part->segment->stored.count; next++)
            knn->rows[here++] = (uint32_t)knn->keys[next] - part->first;
        status = recs__filter_allow(&knn->filters.list[i], host, knn->rows, here, error);
    }
    return status;
}

static recs_status exclude_history(const run *at, recs_error *error) {
    const recs__request *request = &at->query->request;
    const recs__history *history = &at->query->work.history;
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < history->count; i++)
        if (history->values[i] < 0.0f)
            status = exclude(at, history->rows[i], error);
    for (size_t i = 0; status == RECS_OK && i < history->entry_count; i++) {
        const recs__entry *entry = &history->entries[i];
        bool seen = (entry->types & request->seen_types) != 0 &&
                    (entry->time == RECS_NO_TIME || entry->time >= request->seen_after);
        if (seen || entry->types == 0)
            status = exclude(at, entry->row, error);
    }
    return status;
}

/* history: the request's history was read and counts. */
static recs_status make_filters(const run *at, bool history, recs_error *error) {
    const recs__request *request = &at->query->request;
    recs__part_filters *filters = &at->knn->filters;
    recs_status status =
        recs__part_filters_begin(filters, at->snapshot, &at->query->host, error);
    if (status == RECS_OK && request->allow_only)
        status = allow_listed(at, error);
    for (uint32_t i = 0; status == RECS_OK && request->allow_masked && i < at->snapshot->count;
         i++)
        recs__filter_mask(&filters->list[i], request->allow_bits, request->allow_bit_count,
                          at->snapshot->parts[i].first);
    if (status == RECS_OK && at->item != RECS_NO_ROW)
        status = exclude(at, at->item, error);
    for (size_t i = 0; status == RECS_OK && i < request->deny_count; i++) {
        uint32_t row;
        status = resolve(at, &request->deny[i], "deny", i, &row, error);
        if (status == RECS_OK && row != RECS_NO_ROW)
            status = exclude(at, row, error);
    }
    return status == RECS_OK && history ? exclude_history(at, error) : status;
}

static size_t count_eligible(const run *at) {
    size_t count = 0;
    for (uint32_t i = 0; i < at->snapshot->count; i++)
        count += at->knn->filters.list[i].eligible;
    return count;
}

/* The predicate about all of every part. */
typedef struct part_ids {
    const recs__snapshot *snapshot;
    uint32_t first;
} part_ids;

static const char *id_in_part(const void *context, uint32_t row, size_t *size) {
    const part_ids *ids = context;
    return recs__snapshot_id(ids->snapshot, ids->first + row, size);
}

static recs_status ask_about_all(const run *at, recs_error *error) {
    recs_status status = RECS_OK;
    for (uint32_t i = 0; status == RECS_OK && i < at->snapshot->count; i++) {
        part_ids ids = {at->snapshot, at->snapshot->parts[i].first};
        status = recs__predicate_all(at->query, id_in_part, &ids, &at->knn->filters.list[i],
                                     error);
    }
    return status;
}

/* About the hits, of which those it refuses are excluded; *kept of the others. */
static recs_status ask_about_hits(const run *at, size_t *kept, recs_error *error) {
    recs_status status = RECS_OK;
    *kept = 0;
    for (uint32_t i = 0; status == RECS_OK && i < at->snapshot->count; i++) {
        const recs__part *part = &at->snapshot->parts[i];
        part_ids ids = {at->snapshot, part->first};
        uint32_t rows[256];
        size_t count = 0;
        for (size_t j = 0; status == RECS_OK && j < at->knn->count; j++) {
            uint32_t row = at->knn->hits[j].row;
            if (row >= part->first && row - part->first < part->segment->stored.count)
                rows[count++] = row - part->first;
            if (count != 256 && j + 1 != at->knn->count)
                continue;
            status = recs__predicate_ask(at->query, id_in_part, &ids, rows, count,
                                         &at->knn->filters.list[i], kept, error);
            count = 0;
        }
    }
    return status;
}

/* ---- searching ------------------------------------------------------------------------------ */

static recs_status search_one(const run *at, const float *vector, size_t limit,
                              recs_error *error) {
    recs__nearest *nearest = &at->knn->nearest;
    recs__nearest_how how = at->how;
    how.limit = limit;
    recs_status status =
        recs__nearest_vector(nearest, 0, &at->vectors->shape, &at->query->host, vector, error);
    if (status == RECS_OK)
        status = recs__nearest_search(nearest, 1, at->snapshot, at->knn->filters.list, &how,
                                      &at->query->host, error);
    if (status != RECS_OK)
        return status;
    at->query->answer.strategy = nearest->one[0].strategy;
    at->query->answer.scored += nearest->one[0].scored;
    return RECS_OK;
}

static recs_status keep_hits(const run *at, const recs__hit *from, size_t count,
                             recs_error *error) {
    recs__knn *knn = at->knn;
    recs_status status = recs__room_fresh(&at->query->host, (void **)&knn->hits,
                                          &knn->hit_capacity, count, sizeof *knn->hits, error);
    if (status != RECS_OK)
        return status;
    if (count != 0)
        memcpy(knn->hits, from, count * sizeof *from);
    knn->count = count;
    return RECS_OK;
}

/* The stored vector of a row of the set, where it lies or in the room. */
static const float *floats_of(const run *at, uint32_t row, float *norm, float *room) {
    const recs__part *part = &at->snapshot->parts[recs__snapshot_part(at->snapshot, row)];
    *norm = part->segment->stored.norms[row - part->first];
    return recs__vector_floats(&part->segment->stored, row - part->first, room);
}

static recs_status vector_room(const run *at, size_t vectors, recs_error *error) {
    size_t stride = at->vectors->shape.stride;
    recs__knn *knn = at->knn;
    return recs__room_fresh(&at->query->host, (void **)&knn->vector, &knn->vector_capacity,
                            vectors * stride, sizeof *knn->vector, error);
}

/* Mean of the history by weight; *any: it has a direction. */
static recs_status make_centroid(const run *at, bool *any, recs_error *error) {
    const recs__history *history = &at->query->work.history;
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t stride = at->vectors->shape.stride, n = at->vectors->shape.dimension;
    bool cosine = at->vectors->shape.metric == RECS_METRIC_COSINE;
    double total = 0.0;
    recs_status status = vector_room(at, 2, error);
    if (status != RECS_OK)
        return status;
    float *sum = at->knn->vector, *room = sum + stride;
    size_t used = 0;
    for (size_t i = 0; i < history->count; i++) {
        total += history->values[i] > 0.0f ? (double)history->values[i] : 0.0;
        used += history->values[i] > 0.0f;
    }
    bool directions = cosine && used > 1; /* one item is searched for as it is */
    memset(sum, 0, stride * sizeof *sum);
    for (size_t i = 0; i < history->count; i++) {
        float norm;
        if (!(history->values[i] > 0.0f))
            continue;
        const float *floats = floats_of(at, history->rows[i], &norm, room);
        float weight = (float)((double)history->values[i] / total);
        kernels->axpy(directions ? weight / norm : weight, floats, sum, n);
    }
    *any = !cosine;
    for (uint32_t j = 0; j < n; j++)
        *any |= sum[j] != 0.0f;
    *any &= total > 0.0;
    return RECS_OK;
}

/* One search for each item, the best score of a row counts. */
static recs_status search_each(const run *at, size_t limit, recs_error *error) {
    const recs__history *history = &at->query->work.history;
    recs__knn *knn = at->knn;
    const recs_host *host = &at->query->host;
    size_t total = 0, kept = 0, room = 0;
    recs_status status = vector_room(at, 1, error);
    limit = limit < at->snapshot->live ? limit : at->snapshot->live;
    recs__nearest_how how = at->how;
    how.limit = limit;
    if (status == RECS_OK && recs__mul_size(limit, history->count, &room))
        status = recs__fail_memory(error, SIZE_MAX);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&knn->all, &knn->all_capacity, room,
                                  sizeof *knn->all, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&knn->keys, &knn->key_capacity, room,
                                  sizeof *knn->keys, error);
    for (size_t i = 0; status == RECS_OK && i < history->count;) {
        size_t together = 0;
        for (; status == RECS_OK && i < history->count && together < RECS__NEAREST_MAX; i++) {
            float norm;
            if (!(history->values[i] > 0.0f))
                continue;
            status = recs__nearest_vector(&knn->nearest, together++, &at->vectors->shape, host,
                                          floats_of(at, history->rows[i], &norm, knn->vector),
                                          error);
        }
        if (status == RECS_OK && together != 0)
            status = recs__nearest_search(&knn->nearest, together, at->snapshot, knn->filters.list,
                                          &how, host, error);
        for (size_t j = 0; status == RECS_OK && j < together; j++) {
            const recs__nearest_one *one = &knn->nearest.one[j];
            if (one->count != 0)
                memcpy(knn->all + total, one->hits, one->count * sizeof *knn->all);
            total += one->count;
            at->query->answer.strategy = one->strategy;
            at->query->answer.scored += one->scored;
        }
    }
    if (status != RECS_OK)
        return status;
    /* By row, the best first: the first of a row stays. */
    for (size_t i = 0; i < total; i++)
        knn->keys[i] = (uint64_t)knn->all[i].row << 32 |
                       recs__topk_key(knn->all[i].score, 0) >> 32;
    recs__sort_keys(knn->keys, total);
    for (size_t i = 0; i < total; i++)
        if (i == 0 || knn->keys[i] >> 32 != knn->keys[i - 1] >> 32)
            knn->all[kept++] = (recs__hit){recs__topk_score(knn->keys[i] << 32),
                                           (uint32_t)(knn->keys[i] >> 32)};
    /* The best of them in the order of an answer: by score, then by id. */
    for (size_t i = 0; i < kept; i++)
        knn->keys[i] = (recs__topk_key(knn->all[i].score, 0) & ~UINT64_C(0xFFFFFFFF)) | i;
    recs__sort_keys(knn->keys, kept);
    status = keep_hits(at, knn->all, kept, error);
    for (size_t i = 0; status == RECS_OK && i < kept; i++) {
        recs__hit hit = knn->all[(uint32_t)knn->keys[i]];
        size_t to = i;
        for (; to > 0 && knn->hits[to - 1].score == hit.score &&
               recs__hit_before(at->snapshot, &hit, &knn->hits[to - 1]);
             to--)
            knn->hits[to] = knn->hits[to - 1];
        knn->hits[to] = hit;
    }
    if (status == RECS_OK)
        knn->count = kept < limit ? kept : limit;
    return status;
}

static recs_status search(const run *at, size_t limit, recs_error *error) {
    const recs__request *request = &at->query->request;
    recs_status status = RECS_OK;
    bool any = true;
    at->knn->count = 0;
    if (request->dimension != 0) {
        status = search_one(at, request->vector, limit, error);
    } else if (at->item != RECS_NO_ROW) {
        float norm;
        status = vector_room(at, 1, error);
        if (status == RECS_OK)
            status = search_one(at, floats_of(at, at->item, &norm, at->knn->vector), limit, error);
    } else if (request->merge == RECS_MERGE_BEST) {
        return search_each(at, limit, error);
    } else {
        status = make_centroid(at, &any, error);
        if (status == RECS_OK && any)
            status = search_one(at, at->knn->vector, limit, error);
    }
    if (status == RECS_OK && any)
        status = keep_hits(at, at->knn->nearest.one[0].hits, at->knn->nearest.one[0].count,
                           error);
    return status;
}

/* Hits that the predicate did not refuse, limit at most. */
static void drop_refused(const run *at, size_t limit) {
    recs__knn *knn = at->knn;
    size_t kept = 0;
    for (size_t i = 0; i < knn->count && kept < limit; i++) {
        uint32_t part = recs__snapshot_part(at->snapshot, knn->hits[i].row);
        if (recs__filter_eligible(&knn->filters.list[part],
                                  knn->hits[i].row - at->snapshot->parts[part].first))
            knn->hits[kept++] = knn->hits[i];
    }
    knn->count = kept;
}

static recs_status search_asking(const run *at, size_t limit, recs_error *error) {
    recs_status status = RECS_OK;
    size_t wide = limit < SIZE_MAX / 8 - 16 ? 2 * limit + 16 : limit;
    for (; wide < count_eligible(at) / 4; wide *= 4) {
        size_t kept;
        status = search(at, wide, error);
        bool all = at->knn->count < wide;
        if (status == RECS_OK)
            status = ask_about_hits(at, &kept, error);
        if (status != RECS_OK)
            return status;
        if (kept >= limit || all) {
            drop_refused(at, limit);
            return RECS_OK;
        }
    }
    status = ask_about_all(at, error);
    return status == RECS_OK ? search(at, limit, error) : status;
}

/* ---- the verb ---------------------------------------------------------------------------------- */

static recs_status find_item(run *at, recs_error *error) {
    const recs__name *item = &at->query->request.item;
    uint32_t part, row;
    at->item = RECS_NO_ROW;
    if (!item->set)
        return RECS_OK;
    if (recs__snapshot_find(at->snapshot, item->text, item->size, &part, &row)) {
        at->item = at->snapshot->parts[part].first + row;
        return RECS_OK;
    }
    if (at->query->request.dimension != 0) /* it only would not have been shown */
        return RECS_OK;
    return recs__fail(error, RECS_ERR_NOT_FOUND, "the set has no vector of \"%s\"", item->text);
}

static recs_status check_request(const run *at, recs_error *error) {
    const recs__request *request = &at->query->request;
    if (request->dimension != 0 && request->dimension != at->vectors->shape.dimension)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "a query vector of dimension %u, the set has %u", request->dimension,
                          at->vectors->shape.dimension);
    if (request->dimension == 0 && !request->item.set && request->history_count == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "nothing to search by: give recs_query_vector, _item or _history");
    return RECS_OK;
}

/* Scores above the floor are within the radius. */
static recs_status make_how(run *at, recs_error *error) {
    const recs__request *request = &at->query->request;
    float radius = request->radius;
    at->how = (recs__nearest_how){
        .limit = request->limit, .floor = -INFINITY, .effort = request->effort, .ids = true};
    if (!request->has_radius)
        return RECS_OK;
    if (at->vectors->shape.metric == RECS_METRIC_L2) {
        if (radius < 0.0f)
            return recs__fail(error, RECS_ERR_ARGUMENT, "radius is %g, expected a distance: 0 or more",
                              (double)radius);
        radius = 0.0f - radius * radius;
    }
    at->how.floor = nextafterf(radius, -INFINITY);
    return RECS_OK;
}

/* Ids of the hits lie anywhere in memory. */
static void fetch_ids(const run *at) {
    for (size_t i = 0; i < at->knn->count; i++) {
        uint32_t row = at->knn->hits[i].row;
        const recs__part *part = &at->snapshot->parts[recs__snapshot_part(at->snapshot, row)];
        recs__segment_id_soon(part->segment, row - part->first, true);
    }
}

static recs_status write_answer(const run *at, recs_error *error) {
    recs_query *query = at->query;
    recs__answer *answer = &query->answer;
    recs__knn *knn = at->knn;
    recs_status status = recs__answer_reserve(query, knn->count, error);
    if (status != RECS_OK)
        return status;
    fetch_ids(at);
    for (size_t i = 0; i < knn->count; i++) {
        answer->rows[i] = knn->hits[i].row;
        answer->scores[i] = knn->hits[i].score;
        answer->sources[i] = RECS_FROM_COMPONENT;
    }
    status = recs__answer_ids(query, id_in_set, at->snapshot, knn->count, error);
    if (status != RECS_OK)
        return status;
    answer->verb = RECS__VERB_KNN;
    answer->component = UINT32_MAX;
    answer->fingerprint = at->snapshot->fingerprint;
    answer->eligible = count_eligible(at);
    answer->evidence = knn->count;
    return RECS_OK;
}

static recs_status run_verb(run *at, recs_error *error) {
    recs_query *query = at->query;
    recs_status status = check_request(at, error);
    if (status == RECS_OK)
        status = make_how(at, error);
    if (status == RECS_OK)
        status = find_item(at, error);
    if (status == RECS_OK)
        status = read_history(at, error);
    if (status == RECS_OK)
        status = make_filters(at, true, error);
    if (status == RECS_OK)
        status = query->request.predicate != NULL ? search_asking(at, at->how.limit, error)
                                                  : search(at, at->how.limit, error);
    if (status == RECS_OK)
        status = write_answer(at, error);
    return status;
}

recs_status recs_knn(const recs_vectors *vectors, recs_query *query, recs_error *error) {
    recs_status status = vectors == NULL
                             ? recs__fail(error, RECS_ERR_ARGUMENT, "vectors is NULL, expected a set")
                             : recs__query_check(vectors, query, error);
    if (query != NULL)
        recs__answer_clear(query);
    if (status == RECS_OK)
        status = need_knn(query, error);
    if (status != RECS_OK)
        return status;
    uint32_t ticket;
    run at = {.vectors = vectors, .query = query, .knn = query->knn};
    at.snapshot = recs__vectors_enter(vectors, &ticket);
    status = run_verb(&at, error);
    recs__part_filters_clear(&query->knn->filters);
    recs__vectors_leave(vectors, ticket);
    if (status != RECS_OK)
        recs__answer_clear(query);
    return status;
}

/* ---- many at once ---------------------------------------------------------------------------- */

/* Vectors first … first + count, at most 64. */
static recs_status search_rows(const run *at, const float *values, size_t first, size_t count,
                               uint32_t *out_rows, float *out_scores, recs_error *error) {
    recs__nearest *nearest = &at->knn->nearest;
    const recs_host *host = &at->query->host;
    size_t limit = at->how.limit, dimension = at->vectors->shape.dimension;
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        recs_error why = {0};
        status = recs__nearest_vector(nearest, i, &at->vectors->shape, host,
                                      values + (first + i) * dimension, &why);
        if (status != RECS_OK)
            return recs__fail(error, status, "entry %zu: %s", first + i, why.text);
    }
    status = recs__nearest_search(nearest, count, at->snapshot, at->knn->filters.list, &at->how, host,
                                  error);
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        const recs__nearest_one *one = &nearest->one[i];
        uint32_t *rows = out_rows + (first + i) * limit;
        float *scores = out_scores + (first + i) * limit;
        for (size_t j = 0; j < limit; j++) {
            rows[j] = j < one->count ? one->hits[j].row : RECS_NO_ROW;
            scores[j] = j < one->count ? one->hits[j].score : 0.0f;
        }
    }
    return status;
}

static recs_status run_rows(run *at, const float *values, size_t count, uint32_t *out_rows,
                            float *out_scores, recs_error *error) {
    recs_status status = make_how(at, error);
    at->how.ids = false;
    if (status == RECS_OK)
        status = make_filters(at, false, error);
    if (status == RECS_OK && at->query->request.predicate != NULL)
        status = ask_about_all(at, error);
    for (size_t first = 0; status == RECS_OK && first < count; first += RECS__NEAREST_MAX)
        status = search_rows(at, values, first,
                             count - first < RECS__NEAREST_MAX ? count - first
                                                               : RECS__NEAREST_MAX,
                             out_rows, out_scores, error);
    return status;
}

static recs_status check_rows_call(const recs_vectors *vectors, const recs_query *query,
                                   const float *values, uint32_t dimension, size_t count,
                                   const uint32_t *out_rows, const float *out_scores,
                                   recs_error *error) {
    if (vectors == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "vectors is NULL, expected a set");
    recs_status status = recs__query_check(vectors, query, error);
    if (status != RECS_OK)
        return status;
    if (count != 0 && (values == NULL || out_rows == NULL || out_scores == NULL))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL, expected room for %zu vectors",
                          values == NULL     ? "values"
                          : out_rows == NULL ? "out_rows"
                                             : "out_scores",
                          count);
    if (dimension != vectors->shape.dimension)
        return recs__fail(error, RECS_ERR_ARGUMENT, "query vectors of dimension %u, the set has %u",
                          dimension, vectors->shape.dimension);
    size_t members;
    if (recs__mul_size(count, query->request.limit, &members))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%zu vectors with %zu answers each are more than memory can hold", count,
                          query->request.limit);
    return RECS_OK;
}

recs_status recs_knn_rows(const recs_vectors *vectors, recs_query *query, const float *values,
                          uint32_t dimension, size_t count, uint32_t *out_rows, float *out_scores,
                          uint64_t *generation, recs_error *error) {
    recs_status status = check_rows_call(vectors, query, values, dimension, count, out_rows,
                                         out_scores, error);
    if (status != RECS_OK)
        return status;
    status = need_knn(query, error);
    query->ignored = 0;
    if (status == RECS_OK) {
        uint32_t ticket;
        run at = {.vectors = vectors, .query = query, .knn = query->knn, .item = RECS_NO_ROW};
        at.snapshot = recs__vectors_enter(vectors, &ticket);
        status = run_rows(&at, values, count, out_rows, out_scores, error);
        if (generation != NULL)
            *generation = at.snapshot->generation;
        recs__part_filters_clear(&query->knn->filters);
        recs__vectors_leave(vectors, ticket);
    }
    for (size_t i = 0; status != RECS_OK && i < count * query->request.limit; i++) {
        out_rows[i] = RECS_NO_ROW;
        out_scores[i] = 0.0f;
    }
    return status;
}
