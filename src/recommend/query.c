/* query.c - the handle and its setters.
 *
 * Setters validate, reserve, then commit; a failed one changes nothing but
 * the remembered error. Ids are kept as text until a verb runs, because a row
 * means something for one model only. */
#include "recommend/beside.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_MAX ((size_t)1 << 20)

static void request_defaults(recs__request *request) {
    request->user.set = request->item.set = request->component.set = false;
    request->text_size = request->history_count = request->dislike_count = 0;
    request->deny_count = request->allow_count = 0;
    request->limit = 10;
    request->append = request->evidence_only = request->include_unavailable = false;
    request->allow_only = request->allow_masked = request->has_radius = false;
    request->allow_bit_count = 0;
    request->predicate = NULL;
    request->overlay = NULL;
    request->dimension = request->effort = 0;
    request->merge = RECS_MERGE_CENTROID;
    request->seen_types = UINT32_MAX;
    request->seen_after = RECS_NO_TIME;
    recs__asked_trend_defaults(&request->trend);
    request->failed.status = RECS_OK;
    request->failed.text[0] = '\0';
    request->changes++;
}

recs_status recs_query_create(recs_query **query, const recs_host *host, recs_error *error) {
    recs_host resolved;
    if (query == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "query is NULL, expected where to put it");
    recs_status status = recs__host_init(&resolved, host, error);
    if (status != RECS_OK)
        return status;
    recs_query *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    request_defaults(&made->request);
    *query = made;
    return RECS_OK;
}

void recs_query_destroy(recs_query *query) {
    if (query == NULL)
        return;
    recs_host host = query->host;
    recs__request *request = &query->request;
    recs__crew_free(query);
    recs__knn_free(query);
    recs__trend_room_free(query);
    recs__beside_free(query);
    recs__answer_free(query);
    recs__work_free(&query->work, &host);
    recs__free(&host, request->text);
    recs__free(&host, request->history);
    recs__free(&host, request->dislikes);
    recs__free(&host, request->deny);
    recs__free(&host, request->allow);
    recs__free_aligned(&host, request->allow_bits);
    recs__free_aligned(&host, request->vector);
    recs__free_aligned(&host, query->rows);
    recs__free(&host, query);
}

void recs_query_reset(recs_query *query) {
    if (query == NULL)
        return;
    request_defaults(&query->request);
    recs__answer_clear(query);
}

recs_status recs__query_check(const void *model, const recs_query *query, recs_error *error) {
    if (model == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "model is NULL, expected an open one");
    if (query == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "query is NULL, expected a recs_query");
    const recs_error *failed = &query->request.failed;
    if (failed->status != RECS_OK)
        return recs__fail(error, (recs_status)failed->status, "%s", failed->text);
    return RECS_OK;
}

size_t recs_query_memory(const recs_query *query) {
    if (query == NULL)
        return 0;
    const recs__request *request = &query->request;
    return sizeof *query + request->text_capacity +
           (request->history_capacity + request->dislike_capacity) * sizeof(recs__given) +
           (request->deny_capacity + request->allow_capacity) * sizeof(recs__ref) +
           query->rows_capacity * sizeof *query->rows + recs__work_memory(&query->work) +
           request->allow_bit_capacity * sizeof *request->allow_bits +
           request->vector_capacity * sizeof *request->vector + recs__answer_memory(query) +
           recs__crew_memory(query) + recs__knn_memory(query) + recs__trend_room_memory(query) +
           recs__beside_memory(query);
}

/* ---- working memory --------------------------------------------------------------- */

void recs__work_clear(recs__work *work) {
    recs__filter_clear(&work->filter);
    recs__filter_clear(&work->index.filter);
    work->lent.part = NULL;
    recs__scorer_clear(&work->scorer);
}

void recs__work_free(recs__work *work, const recs_host *host) {
    recs__history_free(&work->history, host);
    recs__filter_free(&work->filter, host);
    recs__scorer_free(&work->scorer, host);
    recs__topk_free(&work->topk, host);
    recs__exact_free(&work->exact, host);
    recs__merge_free(&work->merge, host);
    recs__free_aligned(host, work->apart);
    recs__topk_free(&work->before, host);
    recs__bounds_free(&work->bounds, host);
    recs__index_room_free(&work->index, host);
}

size_t recs__work_memory(const recs__work *work) {
    return recs__history_memory(&work->history) + recs__filter_memory(&work->filter) +
           recs__scorer_memory(&work->scorer) + recs__topk_memory(&work->topk) +
           recs__exact_memory(&work->exact) + recs__merge_memory(&work->merge) +
           recs__index_room_memory(&work->index) + recs__topk_memory(&work->before) +
           work->apart_capacity * sizeof *work->apart + recs__bounds_memory(&work->bounds);
}

/* ---- the remembered error ------------------------------------------------------------ */

recs_status recs__query_settle(recs_query *query, recs_status status, const recs_error *failed) {
    query->request.changes++;
    if (status != RECS_OK && query->request.failed.status == RECS_OK)
        query->request.failed = *failed;
    return status;
}

static recs_status settle(recs_query *query, recs_status status, const recs_error *failed) {
    return recs__query_settle(query, status, failed);
}

static recs_status check_id(const char *what, const char *id, size_t size, recs_error *error) {
    const char *problem = recs__id_problem(id, size);
    if (problem == NULL)
        return RECS_OK;
    return recs__fail(error, RECS_ERR_ARGUMENT, "%s \"%.*s\" %s, expected 1 to %d bytes of UTF-8",
                      what, size < 64 ? (int)size : 64, id, problem, RECS_ID_MAX);
}

/* Length of a text, at most one byte more than an id may have. */
static size_t id_length(const char *id) {
    size_t size = 0;
    while (size <= RECS_ID_MAX && id[size] != '\0')
        size++;
    return size;
}

static recs_status set_name(recs_query *query, recs__name *name, const char *what,
                            const char *text) {
    recs_error failed = {0};
    recs_status status;
    size_t size = 0;
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    if (text == NULL) {
        status = recs__fail(&failed, RECS_ERR_ARGUMENT, "%s is NULL, expected an id", what);
    } else {
        size = id_length(text);
        status = check_id(what, text, size, &failed);
    }
    if (status == RECS_OK) {
        memcpy(name->text, text, size);
        name->text[size] = '\0';
        name->size = (uint32_t)size;
        name->set = true;
    }
    return settle(query, status, &failed);
}

recs_status recs_query_user(recs_query *query, const char *user) {
    return set_name(query, query != NULL ? &query->request.user : NULL, "user", user);
}

recs_status recs_query_item(recs_query *query, const char *item) {
    return set_name(query, query != NULL ? &query->request.item : NULL, "item", item);
}

recs_status recs_query_component(recs_query *query, const char *name) {
    if (query != NULL && name == NULL) {
        query->request.component.set = false;
        return settle(query, RECS_OK, NULL);
    }
    return set_name(query, query != NULL ? &query->request.component : NULL, "component", name);
}

/* ---- items of the request --------------------------------------------------------------- */

/* Appends an id (already checked) to the request's text. */
static recs_status keep_text(recs_query *query, const char *id, size_t size, recs__ref *ref,
                             recs_error *error) {
    recs__request *request = &query->request;
    size_t end;
    if (recs__add_size(request->text_size, size, &end))
        return recs__fail_memory(error, SIZE_MAX);
    recs_status status = recs__grow(&query->host, (void **)&request->text,
                                    &request->text_capacity, end, 1, error);
    if (status != RECS_OK)
        return status;
    memcpy(request->text + request->text_size, id, size);
    *ref = (recs__ref){.text = request->text_size, .size = (uint32_t)size, .row = RECS_NO_ROW};
    request->text_size = end;
    return RECS_OK;
}

static recs_status check_weight(float weight, size_t entry, recs_error *error) {
    if (isfinite(weight))
        return RECS_OK;
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "history entry %zu: weight is %s, expected a finite number", entry,
                      isnan(weight) ? "not a number" : "infinite");
}

/* Room for count more entries; LIMIT above 2^20. */
static recs_status reserve_given(recs_query *query, recs__given **list, size_t *capacity,
                                 size_t have, size_t count, const char *what, recs_error *error) {
    if (count > HISTORY_MAX || have > HISTORY_MAX - count)
        return recs__fail(error, RECS_ERR_LIMIT, "more than %zu %s entries in one query",
                          HISTORY_MAX, what);
    return recs__grow(&query->host, (void **)list, capacity, have + count, sizeof **list, error);
}

/* One entry by id into history or dislikes. */
static recs_status add_given(recs_query *query, recs__given **list, size_t *capacity,
                             size_t *count, const char *what, const char *item, float weight,
                             int64_t time, recs_error *error) {
    recs_status status;
    if (item == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s item is NULL, expected an id", what);
    size_t size = id_length(item);
    status = check_id(what, item, size, error);
    if (status == RECS_OK)
        status = reserve_given(query, list, capacity, *count, 1, what, error);
    recs__given given = {.time = time, .weight = weight};
    if (status == RECS_OK)
        status = keep_text(query, item, size, &given.item, error);
    if (status == RECS_OK)
        (*list)[(*count)++] = given;
    return status;
}

recs_status recs_query_history(recs_query *query, const char *item, float weight, int64_t time) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs__request *request = &query->request;
    recs_status status = check_weight(weight, request->history_count, &failed);
    if (status == RECS_OK)
        status = add_given(query, &request->history, &request->history_capacity,
                           &request->history_count, "history", item, weight, time, &failed);
    return settle(query, status, &failed);
}

static recs_status check_packed(const char *bytes, const uint32_t *offsets, const float *weights,
                                size_t count, recs_error *error) {
    if (offsets == NULL || (bytes == NULL && count != 0))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s is NULL, expected the packed ids of the history",
                          offsets == NULL ? "offsets" : "bytes");
    for (size_t i = 0; i < count; i++) {
        if (offsets[i + 1] < offsets[i])
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "history entry %zu: offsets go back from %u to %u", i, offsets[i],
                              offsets[i + 1]);
        const char *id = bytes + offsets[i];
        size_t size = offsets[i + 1] - offsets[i];
        const char *problem = recs__id_problem(id, size);
        if (problem != NULL)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "history entry %zu: id \"%.*s\" %s, expected 1 to %d bytes of UTF-8",
                              i, size < 64 ? (int)size : 64, id, problem, RECS_ID_MAX);
        recs_status status = RECS_OK;
        if (weights != NULL)
            status = check_weight(weights[i], i, error);
        if (status != RECS_OK)
            return status;
    }
    return RECS_OK;
}

static recs_status add_packed(recs_query *query, const char *bytes, const uint32_t *offsets,
                              const float *weights, const int64_t *times, size_t count,
                              recs_error *error) {
    recs__request *request = &query->request;
    size_t end;
    recs_status status = reserve_given(query, &request->history, &request->history_capacity,
                                       request->history_count, count, "history", error);
    if (status == RECS_OK)
        status = check_packed(bytes, offsets, weights, count, error);
    if (status != RECS_OK || count == 0)
        return status;
    if (recs__add_size(request->text_size, offsets[count] - offsets[0], &end))
        return recs__fail_memory(error, SIZE_MAX);
    status = recs__grow(&query->host, (void **)&request->text, &request->text_capacity, end, 1,
                        error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        recs__given *given = &request->history[request->history_count++];
        given->weight = weights != NULL ? weights[i] : 1.0f;
        given->time = times != NULL ? times[i] : RECS_NO_TIME;
        (void)keep_text(query, bytes + offsets[i], offsets[i + 1] - offsets[i], &given->item,
                        error); /* cannot fail: the room is there */
    }
    return RECS_OK;
}

recs_status recs_query_history_packed(recs_query *query, const char *bytes,
                                      const uint32_t *offsets, const float *weights,
                                      const int64_t *times, size_t count) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    return settle(query, add_packed(query, bytes, offsets, weights, times, count, &failed),
                  &failed);
}

/* No row is the mark of an id, so it cannot be given as a row. */
static recs_status check_rows(const char *what, const uint32_t *rows, size_t count,
                              recs_error *error) {
    if (rows == NULL && count != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s rows is NULL, expected %zu rows", what,
                          count);
    for (size_t i = 0; i < count; i++)
        if (rows[i] > INT32_MAX)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "%s entry %zu: row %u, expected one below 2147483648", what, i,
                              rows[i]);
    return RECS_OK;
}

static recs_status add_rows(recs_query *query, const uint32_t *rows, const float *weights,
                            const int64_t *times, size_t count, recs_error *error) {
    recs__request *request = &query->request;
    recs_status status = reserve_given(query, &request->history, &request->history_capacity,
                                       request->history_count, count, "history", error);
    if (status == RECS_OK)
        status = check_rows("history", rows, count, error);
    for (size_t i = 0; status == RECS_OK && weights != NULL && i < count; i++)
        status = check_weight(weights[i], i, error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        request->history[request->history_count++] = (recs__given){
            .item.row = rows[i],
            .weight = weights != NULL ? weights[i] : 1.0f,
            .time = times != NULL ? times[i] : RECS_NO_TIME,
        };
    return RECS_OK;
}

recs_status recs_query_history_rows(recs_query *query, const uint32_t *rows, const float *weights,
                                    const int64_t *times, size_t count) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    return settle(query, add_rows(query, rows, weights, times, count, &failed), &failed);
}

recs_status recs_query_dislike(recs_query *query, const char *item, float weight) {
    recs_error failed = {0};
    recs_status status = RECS_OK;
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs__request *request = &query->request;
    if (!(weight > 0.0f) || !isfinite(weight))
        status = recs__fail(&failed, RECS_ERR_ARGUMENT,
                            "dislike weight is %g, expected a finite number above 0",
                            (double)weight);
    if (status == RECS_OK)
        status = add_given(query, &request->dislikes, &request->dislike_capacity,
                           &request->dislike_count, "dislike", item, -weight, RECS_NO_TIME,
                           &failed);
    return settle(query, status, &failed);
}

/* ---- switches ------------------------------------------------------------------------------ */

static recs_status set_switch(recs_query *query, bool *at, const char *what, int32_t value) {
    recs_error failed = {0};
    recs_status status = RECS_OK;
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    if (value == 0 || value == 1)
        *at = value == 1;
    else
        status = recs__fail(&failed, RECS_ERR_ARGUMENT, "%s is %d, expected 0 or 1", what, value);
    return settle(query, status, &failed);
}

recs_status recs_query_append_history(recs_query *query, int32_t append) {
    return set_switch(query, query != NULL ? &query->request.append : NULL, "append_history",
                      append);
}

recs_status recs_query_evidence_only(recs_query *query, int32_t evidence_only) {
    return set_switch(query, query != NULL ? &query->request.evidence_only : NULL,
                      "evidence_only", evidence_only);
}

recs_status recs_query_include_unavailable(recs_query *query, int32_t include) {
    return set_switch(query, query != NULL ? &query->request.include_unavailable : NULL,
                      "include_unavailable", include);
}

recs_status recs_query_limit(recs_query *query, size_t limit) {
    recs_error failed = {0};
    recs_status status = RECS_OK;
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    if (limit > INT32_MAX)
        status = recs__fail(&failed, RECS_ERR_ARGUMENT,
                            "limit is %zu, expected at most 2147483647", limit);
    else
        query->request.limit = limit;
    return settle(query, status, &failed);
}

recs_status recs_query_exclude_seen(recs_query *query, uint32_t event_types, int64_t not_before) {
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    query->request.seen_types = event_types;
    query->request.seen_after = not_before;
    return settle(query, RECS_OK, NULL);
}

/* ---- deny and allow --------------------------------------------------------------------------- */

static recs_status add_ref(recs_query *query, recs__ref **list, size_t *capacity, size_t *count,
                           const char *what, const char *item, recs_error *error) {
    if (item == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s item is NULL, expected an id", what);
    size_t size = id_length(item);
    recs_status status = check_id(what, item, size, error);
    if (status == RECS_OK)
        status = recs__grow(&query->host, (void **)list, capacity, *count + 1, sizeof **list,
                            error);
    recs__ref ref;
    if (status == RECS_OK)
        status = keep_text(query, item, size, &ref, error);
    if (status == RECS_OK)
        (*list)[(*count)++] = ref;
    return status;
}

static recs_status add_ref_rows(recs_query *query, recs__ref **list, size_t *capacity,
                                size_t *count, const char *what, const uint32_t *rows,
                                size_t added, recs_error *error) {
    size_t need = 0;
    recs_status status = check_rows(what, rows, added, error);
    if (status == RECS_OK && recs__add_size(*count, added, &need))
        status = recs__fail_memory(error, SIZE_MAX);
    if (status == RECS_OK)
        status = recs__grow(&query->host, (void **)list, capacity, need, sizeof **list, error);
    for (size_t i = 0; status == RECS_OK && i < added; i++)
        (*list)[(*count)++] = (recs__ref){.row = rows[i]};
    return status;
}

recs_status recs_query_deny(recs_query *query, const char *item) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs__request *request = &query->request;
    return settle(query,
                  add_ref(query, &request->deny, &request->deny_capacity, &request->deny_count,
                          "deny", item, &failed),
                  &failed);
}

recs_status recs_query_deny_rows(recs_query *query, const uint32_t *rows, size_t count) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs__request *request = &query->request;
    return settle(query,
                  add_ref_rows(query, &request->deny, &request->deny_capacity,
                               &request->deny_count, "deny", rows, count, &failed),
                  &failed);
}

/* An allow list that failed must not leave everything allowed: the
 * remembered error sees to that, as no verb runs before a reset. */
recs_status recs_query_allow(recs_query *query, const char *item) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs__request *request = &query->request;
    recs_status status = add_ref(query, &request->allow, &request->allow_capacity,
                                 &request->allow_count, "allow", item, &failed);
    request->allow_only |= status == RECS_OK;
    return settle(query, status, &failed);
}

recs_status recs_query_allow_rows(recs_query *query, const uint32_t *rows, size_t count) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs__request *request = &query->request;
    recs_status status = add_ref_rows(query, &request->allow, &request->allow_capacity,
                                      &request->allow_count, "allow", rows, count, &failed);
    request->allow_only |= status == RECS_OK;
    return settle(query, status, &failed);
}
