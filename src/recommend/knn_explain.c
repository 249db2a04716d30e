/* knn_explain.c - where the score of a neighbour comes from.
 *
 * The centroid is a sum over the history, and so is its product with a vector: each item
 * has its share, what floats lost on the way the remainder. Under best the nearest item
 * has all. Only the state of the set that answered is asked, so the vectors are the same. */
#include "recommend/query.h"

#include "base/error.h"
#include "kernels/kernels.h"
#include "recs/vectors.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

typedef struct asked {
    const recs_vectors *vectors;
    const recs__snapshot *snapshot;
    recs_query *query;
    uint32_t to;  /* row of the answer */
    double score;
} asked;

static void add(recs_query *query, int32_t kind, uint32_t row, double contribution) {
    recs__reasons *reasons = &query->reasons;
    if (contribution == 0.0 || !isfinite(contribution))
        return;
    reasons->list[reasons->count++] = (recs__reason){
        .contribution = contribution, .row = row, .component = UINT32_MAX, .kind = kind};
}

static const float *floats_of(const asked *at, uint32_t row, float *norm, float *room) {
    const recs__part *part = &at->snapshot->parts[recs__snapshot_part(at->snapshot, row)];
    *norm = part->segment->stored.norms[row - part->first];
    return recs__vector_floats(&part->segment->stored, row - part->first, room);
}

/* Shares of the centroid; rooms of a stride each. */
static void share(const asked *at, float *sum, float *own, const float *to, float to_norm) {
    const recs__history *history = &at->query->work.history;
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t n = at->vectors->shape.dimension;
    bool cosine = at->vectors->shape.metric == RECS_METRIC_COSINE;
    double total = 0.0, length;
    size_t used = 0;
    float norm;
    memset(sum, 0, at->vectors->shape.stride * sizeof *sum);
    for (size_t i = 0; i < history->count; i++) {
        total += history->values[i] > 0.0f ? (double)history->values[i] : 0.0;
        used += history->values[i] > 0.0f;
    }
    for (size_t i = 0; cosine && i < history->count; i++) {
        if (!(history->values[i] > 0.0f))
            continue;
        const float *mine = floats_of(at, history->rows[i], &norm, own);
        kernels->axpy((float)((double)history->values[i] / total) / norm, mine, sum, n);
    }
    length = used > 1 ? sqrt((double)kernels->dot(sum, sum, n)) : 1.0;
    for (size_t i = 0; i < history->count; i++) {
        if (!(history->values[i] > 0.0f))
            continue;
        const float *mine = floats_of(at, history->rows[i], &norm, own);
        double part = (double)history->values[i] / total * (double)kernels->dot(mine, to, n);
        if (cosine)
            part /= (double)norm * (double)to_norm * length;
        add(at->query, RECS_REASON_VECTOR, history->rows[i], part);
    }
}

/* The nearest of the history. */
static void name_nearest(const asked *at, float *own, const float *to) {
    const recs__history *history = &at->query->work.history;
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t n = at->vectors->shape.dimension, best = RECS_NO_ROW;
    double nearest = -INFINITY;
    for (size_t i = 0; i < history->count; i++) {
        float norm, score;
        if (!(history->values[i] > 0.0f))
            continue;
        const float *mine = floats_of(at, history->rows[i], &norm, own);
        if (at->vectors->shape.metric == RECS_METRIC_L2)
            kernels->distance_rows(mine, to, n, n, 1, &score);
        else
            score = kernels->dot(mine, to, n);
        double near = at->vectors->shape.metric == RECS_METRIC_L2       ? -(double)score
                      : at->vectors->shape.metric == RECS_METRIC_COSINE ? (double)score / (double)norm
                                                                        : (double)score;
        if (near > nearest) {
            nearest = near;
            best = history->rows[i];
        }
    }
    if (best != RECS_NO_ROW)
        add(at->query, RECS_REASON_VECTOR, best, at->score);
}

static const char *id_in_set(const void *snapshot, uint32_t row, size_t *size) {
    return recs__snapshot_id(snapshot, row, size);
}

static recs_status explain(const asked *at, recs_error *error) {
    recs_query *query = at->query;
    const recs__request *request = &query->request;
    recs__reasons *reasons = &query->reasons;
    uint32_t stride = at->vectors->shape.stride, part, row;
    size_t ignored = query->ignored;
    bool by_history = request->dimension == 0 && !request->item.set;
    recs_status status = recs__knn_history(at->vectors, query, at->snapshot, error);
    query->ignored = ignored;
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&reasons->room, &reasons->room_capacity,
                                  3 * (size_t)stride, sizeof *reasons->room, error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&reasons->list, &reasons->list_capacity,
                                  query->work.history.count + 2, sizeof *reasons->list, error);
    if (status != RECS_OK)
        return status;
    float *sum = reasons->room, *own = sum + stride, *room = own + stride, norm;
    const float *to = floats_of(at, at->to, &norm, room);
    if (by_history && request->merge == RECS_MERGE_BEST)
        name_nearest(at, own, to);
    else if (by_history && at->vectors->shape.metric != RECS_METRIC_L2)
        share(at, sum, own, to, norm);
    else if (request->dimension == 0 && request->item.set &&
             recs__snapshot_find(at->snapshot, request->item.text, request->item.size, &part,
                                 &row))
        add(query, RECS_REASON_SIMILAR, at->snapshot->parts[part].first + row, at->score);
    status = recs__reasons_sort(query, error);
    double told = 0.0;
    for (size_t i = 0; i < reasons->count; i++)
        told += reasons->list[i].contribution;
    add(query, RECS_REASON_REMAINDER, RECS_NO_ROW, at->score - told);
    return status == RECS_OK ? recs__reasons_ids(query, id_in_set, at->snapshot, error) : status;
}

static recs_status check(const recs__snapshot *snapshot, const recs_query *query, size_t index,
                         recs_error *error) {
    const recs__answer *answer = &query->answer;
    if (answer->verb != RECS__VERB_KNN)
        return recs__fail(error, RECS_ERR_STATE,
                          "the query holds no answer of recs_knn to explain");
    if (answer->fingerprint != snapshot->fingerprint)
        return recs__fail(error, RECS_ERR_STATE,
                          "the answer is of another set, or the set was changed after it: ask "
                          "again first");
    return recs__answer_check(query, index, error);
}

recs_status recs_knn_explain(const recs_vectors *vectors, recs_query *query, size_t index,
                             recs_error *error) {
    recs_status status =
        vectors == NULL
            ? recs__fail(error, RECS_ERR_ARGUMENT, "vectors is NULL, expected a set")
            : recs__query_check(vectors, query, error);
    if (query != NULL)
        recs__reasons_clear(query);
    if (status != RECS_OK)
        return status;
    uint32_t ticket, part, row;
    asked at = {.vectors = vectors, .query = query};
    at.snapshot = recs__vectors_enter(vectors, &ticket);
    status = check(at.snapshot, query, index, error);
    if (status == RECS_OK) {
        const char *id = recs_query_id(query, index);
        if (recs__snapshot_find(at.snapshot, id, strlen(id), &part, &row)) {
            at.to = at.snapshot->parts[part].first + row;
            at.score = (double)recs_query_score(query, index);
            status = explain(&at, error);
        } else {
            status = recs__fail(error, RECS_ERR_STATE,
                                "the set has no \"%.64s\": the answer is of another one", id);
        }
    }
    recs__vectors_leave(vectors, ticket);
    if (status != RECS_OK)
        recs__reasons_clear(query);
    return status;
}
