/* answer.c - the columns a verb leaves behind, and their getters.
 *
 * Ids are copied twice, packed and with a NUL after each, so that both ways
 * of reading need no work. */
#include "recommend/query.h"

#include "base/error.h"
#include "search/room.h"

#include <stdio.h>
#include <string.h>

void recs__reasons_clear(recs_query *query) {
    query->reasons.count = 0;
    query->trend.told_count = 0;
}

void recs__answer_clear(recs_query *query) {
    recs__answer *answer = &query->answer;
    answer->count = answer->eligible = answer->evidence = 0;
    answer->strategy = RECS_STRATEGY_NONE;
    answer->scored = 0;
    answer->verb = RECS__VERB_NONE;
    answer->fingerprint = 0;
    answer->component_name[0] = '\0';
    query->ignored = 0;
    query->why.verdict = RECS_VERDICT_NONE;
    query->why.score = query->why.cutoff = 0.0f;
    query->why.rank = SIZE_MAX;
    query->why.text[0] = '\0';
    recs__reasons_clear(query);
}

recs_status recs__answer_check(const recs_query *query, size_t index, recs_error *error) {
    const recs__answer *answer = &query->answer;
    if (answer->changes != query->request.changes)
        return recs__fail(error, RECS_ERR_STATE,
                          "the request was changed after the answer: ask again first");
    if (index >= answer->count)
        return recs__fail(error, RECS_ERR_ARGUMENT, "index %zu, the answer has %zu entries", index,
                          answer->count);
    return RECS_OK;
}

recs_status recs__answer_reserve(recs_query *query, size_t count, recs_error *error) {
    recs__answer *answer = &query->answer;
    const recs_host *host = &query->host;
    recs_status status = recs__room_fresh(host, (void **)&answer->rows, &answer->row_capacity,
                                          count, sizeof *answer->rows, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&answer->scores, &answer->score_capacity, count,
                                  sizeof *answer->scores, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&answer->sources, &answer->source_capacity,
                                  count, sizeof *answer->sources, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&answer->offsets, &answer->offset_capacity,
                                  count + 1, sizeof *answer->offsets, error);
    return status;
}

recs_status recs__answer_ids(recs_query *query, recs__id_of *id_of, const void *context,
                             size_t count, recs_error *error) {
    recs__answer *answer = &query->answer;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = 0;
        if (id_of(context, answer->rows[i], &size) == NULL)
            size = 0;
        total += size;
    }
    if (total > UINT32_MAX)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "the ids of %zu answers have %llu bytes, more than an answer holds: "
                          "4294967295",
                          count, (unsigned long long)total);
    recs_status status =
        recs__room_fresh(&query->host, (void **)&answer->packed, &answer->packed_capacity,
                         (size_t)total, 1, error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&answer->texts, &answer->text_capacity,
                                  (size_t)total + count, 1, error);
    if (status != RECS_OK)
        return status;

    uint32_t at = 0;
    answer->offsets[0] = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = 0;
        const char *id = id_of(context, answer->rows[i], &size);
        if (id == NULL)
            size = 0;
        if (size != 0) {
            memcpy(answer->packed + at, id, size);
            memcpy(answer->texts + at + i, id, size);
        }
        at += (uint32_t)size;
        answer->texts[at + i] = '\0';
        answer->offsets[i + 1] = at;
    }
    answer->count = count;
    answer->changes = query->request.changes;
    return RECS_OK;
}

const char *recs__id_in_table(const void *context, uint32_t row, size_t *size) {
    return recs__ids_get(context, row, size);
}

recs_status recs__answer_finish(recs_query *query, const recs__view *view, recs__id_of *id_of,
                                const void *context, size_t count, recs__verb verb, uint32_t component,
                                recs_error *error) {
    recs__answer *answer = &query->answer;
    recs_status status = recs__answer_ids(query, id_of, context, count, error);
    if (status != RECS_OK)
        return status;
    answer->verb = verb;
    answer->component = component;
    answer->fingerprint = view->fingerprint;
    answer->component_name[0] = '\0';
    if (component < view->component_count && view->components[component].name != NULL)
        snprintf(answer->component_name, sizeof answer->component_name, "%s",
                 view->components[component].name);
    return RECS_OK;
}

void recs__answer_free(recs_query *query) {
    recs__answer *answer = &query->answer;
    recs__reasons *reasons = &query->reasons;
    const recs_host *host = &query->host;
    recs__free_aligned(host, answer->rows);
    recs__free_aligned(host, answer->scores);
    recs__free_aligned(host, answer->sources);
    recs__free_aligned(host, answer->offsets);
    recs__free_aligned(host, answer->packed);
    recs__free_aligned(host, answer->texts);
    recs__free_aligned(host, reasons->list);
    recs__free_aligned(host, reasons->spare);
    recs__free_aligned(host, reasons->ids);
    recs__free_aligned(host, reasons->offsets);
    recs__free_aligned(host, reasons->coefficients);
    recs__free_aligned(host, reasons->room);
}

size_t recs__answer_memory(const recs_query *query) {
    const recs__answer *answer = &query->answer;
    const recs__reasons *reasons = &query->reasons;
    return answer->row_capacity * sizeof *answer->rows +
           answer->score_capacity * sizeof *answer->scores + answer->source_capacity +
           answer->offset_capacity * sizeof *answer->offsets + answer->packed_capacity +
           answer->text_capacity +
           (reasons->list_capacity + reasons->spare_capacity) * sizeof *reasons->list +
           reasons->id_capacity + reasons->offset_capacity * sizeof *reasons->offsets +
           reasons->coefficient_capacity * sizeof *reasons->coefficients +
           reasons->room_capacity * sizeof *reasons->room;
}

/* ---- getters: the answer ------------------------------------------------------------ */

size_t recs_query_count(const recs_query *query) {
    return query->answer.count;
}

const char *recs_query_id(const recs_query *query, size_t index) {
    const recs__answer *answer = &query->answer;
    return index < answer->count ? answer->texts + answer->offsets[index] + index : NULL;
}

uint32_t recs_query_row(const recs_query *query, size_t index) {
    return index < query->answer.count ? query->answer.rows[index] : RECS_NO_ROW;
}

float recs_query_score(const recs_query *query, size_t index) {
    return index < query->answer.count ? query->answer.scores[index] : 0.0f;
}

int32_t recs_query_source(const recs_query *query, size_t index) {
    return index < query->answer.count ? query->answer.sources[index] : -1;
}

const uint32_t *recs_query_rows(const recs_query *query) {
    return query->answer.count != 0 ? query->answer.rows : NULL;
}

const float *recs_query_scores(const recs_query *query) {
    return query->answer.count != 0 ? query->answer.scores : NULL;
}

const char *recs_query_ids(const recs_query *query, const uint32_t **offsets) {
    const recs__answer *answer = &query->answer;
    if (offsets != NULL)
        *offsets = answer->count != 0 ? answer->offsets : NULL;
    return answer->count != 0 ? answer->packed : NULL;
}

uint64_t recs_query_fingerprint(const recs_query *query) {
    return query->answer.fingerprint;
}

const char *recs_query_component_name(const recs_query *query) {
    return query->answer.component_name;
}

size_t recs_query_ignored(const recs_query *query) {
    return query->ignored;
}

size_t recs_query_eligible(const recs_query *query) {
    return query->answer.eligible;
}

size_t recs_query_evidence(const recs_query *query) {
    return query->answer.evidence;
}

int32_t recs_query_strategy(const recs_query *query) {
    return query->answer.strategy;
}

uint64_t recs_query_scored(const recs_query *query) {
    return query->answer.scored;
}

/* ---- getters: reasons and verdict ---------------------------------------------------- */

static const recs__reason *reason_at(const recs_query *query, size_t index) {
    return index < query->reasons.count ? &query->reasons.list[index] : NULL;
}

size_t recs_query_reason_count(const recs_query *query) {
    return query->reasons.count;
}

int32_t recs_query_reason_kind(const recs_query *query, size_t index) {
    const recs__reason *reason = reason_at(query, index);
    return reason != NULL ? reason->kind : -1;
}

uint32_t recs_query_reason_row(const recs_query *query, size_t index) {
    const recs__reason *reason = reason_at(query, index);
    return reason != NULL ? reason->row : RECS_NO_ROW;
}

const char *recs_query_reason_id(const recs_query *query, size_t index) {
    const recs__reason *reason = reason_at(query, index);
    return reason != NULL && reason->row != RECS_NO_ROW
               ? query->reasons.ids + query->reasons.offsets[index]
               : NULL;
}

const char *recs_query_reason_place(const recs_query *query, size_t index) {
    const recs__reason *reason = reason_at(query, index);
    return reason != NULL && reason->kind == RECS_REASON_TREND
               ? query->reasons.ids + query->reasons.offsets[index]
               : NULL;
}

double recs_query_reason_contribution(const recs_query *query, size_t index) {
    const recs__reason *reason = reason_at(query, index);
    return reason != NULL ? reason->contribution : 0.0;
}

uint32_t recs_query_reason_component(const recs_query *query, size_t index) {
    const recs__reason *reason = reason_at(query, index);
    return reason != NULL ? reason->component : UINT32_MAX;
}

int32_t recs_query_verdict(const recs_query *query) {
    return query->why.verdict;
}

const char *recs_query_verdict_text(const recs_query *query) {
    return query->why.text;
}

float recs_query_verdict_score(const recs_query *query) {
    return query->why.score;
}

size_t recs_query_verdict_rank(const recs_query *query) {
    return query->why.rank;
}

float recs_query_verdict_cutoff(const recs_query *query) {
    return query->why.cutoff;
}
