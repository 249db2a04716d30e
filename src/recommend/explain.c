/* explain.c - where a score comes from.
 *
 * The components under the one asked for are walked as the scorer's steps,
 * last to first, each with the product of the weights that lead to it; every
 * leaf adds its reasons times that. What floats lost on the way to the score
 * is the remainder. Cost: a solve for each factor component, one look-up in a
 * row of neighbours and one dot of the low-rank part per entry of the history
 * for each item model. */
#include "base/error.h"
#include "kernels/kernels.h"
#include "recommend/beside.h"
#include "recommend/content.h"
#include "recommend/crowd.h"
#include "recommend/frozen.h"
#include "recommend/overlay.h"
#include "recommend/recommend.h"
#include "recs/recommend.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

/* ---- reasons of one component ------------------------------------------------------------ */

static void add(recs__reasons *reasons, int32_t kind, uint32_t row, uint32_t component,
                double contribution) {
    if (contribution == 0.0 || !isfinite(contribution))
        return;
    reasons->list[reasons->count++] = (recs__reason){
        .contribution = contribution, .row = row, .component = component, .kind = kind};
}

/* What the low-rank part makes of one history item for a row. */
static double low_rank_weight(const recs__component *component, uint32_t from, uint32_t row) {
    const float *to = component->item_factors + (size_t)row * component->stride;
    size_t at = (size_t)from * component->stride;
    if (component->history_factors != NULL)
        return (double)recs__kernels_get()->dot(component->history_factors + at, to,
                                                component->factors);
    return (double)component->history_scales[from] *
           (double)recs__kernels_get()->dot(component->item_factors + at, to, component->factors);
}

/* First of count ascending columns that is not below row. A file whose columns
 * do not ascend explains less; the remainder says how much. */
static size_t find_column(const uint32_t *columns, size_t count, uint32_t row) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (columns[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* fma(value, W, ...) without what was there before: the entry's own share. */
static void explain_items(const recs__visit *visit, const recs__step *step, uint32_t row,
                          double coefficient) {
    const recs__history *history = &visit->query->work.history;
    const recs__csr *neighbors = &step->component->neighbors;
    bool sparse = neighbors->columns != NULL && neighbors->values != NULL;
    for (size_t i = 0; i < history->count; i++) {
        uint64_t first;
        size_t count = sparse ? recs__csr_row(neighbors, history->rows[i], &first) : 0;
        double share = 0.0;
        if (step->vector != NULL)
            share = (double)history->values[i] *
                    low_rank_weight(step->component, history->rows[i], row);
        size_t at = count ? find_column(neighbors->columns + first, count, row) : 0;
        for (; at < count && neighbors->columns[first + at] == row; at++)
            share += (double)history->values[i] * (double)neighbors->values[first + at];
        add(&visit->query->reasons, RECS_REASON_HISTORY, history->rows[i], step->component->index,
            coefficient * share);
    }
}

/* Each entry's part in the votes of the neighbours. */
static void explain_crowd(const recs__visit *visit, recs__step *step, uint32_t row,
                          double coefficient) {
    const recs__history *history = &visit->query->work.history;
    recs__crowd_reach(step, row);
    for (size_t i = 0; i < history->count; i++)
        add(&visit->query->reasons, RECS_REASON_HISTORY, history->rows[i], step->component->index,
            coefficient * recs__crowd_share(step, history->rows[i], history->values[i]));
}

/* What each place of the chain gives. */
static recs_status explain_frozen(const recs__visit *visit, const recs__step *step, uint32_t row,
                                  double coefficient, recs_error *error) {
    recs__reasons *reasons = &visit->query->reasons;
    recs__frozen_part parts[RECS__TREND_LEVELS];
    uint32_t count;
    recs_status status =
        recs__frozen_parts(step, &visit->query->host, row, parts, &count, error);
    for (uint32_t l = 0; l < count && status == RECS_OK; l++) {
        size_t had = reasons->count;
        add(reasons, RECS_REASON_TREND, RECS_NO_ROW, step->component->index,
            coefficient * parts[l].contribution);
        if (reasons->count == had)
            continue;
        reasons->list[had].path = parts[l].path;
        reasons->list[had].path_size = parts[l].path_size;
    }
    return status;
}

/* A reason of live trends: not of a component of the model. */
static recs__reason beside_reason(const recs__beside *beside, double contribution) {
    return (recs__reason){.contribution = contribution,
                          .row = RECS_NO_ROW,
                          .component = UINT32_MAX,
                          .kind = RECS_REASON_TREND,
                          .path = beside->path,
                          .path_size = beside->path_size};
}

static recs_status explain_factors(const recs__visit *visit, const recs__step *step, uint32_t row,
                                   double coefficient, recs_error *error) {
    recs_query *query = visit->query;
    const recs__history *history = &query->work.history;
    const recs__component *component = step->component;
    recs__scorer *scorer = &query->work.scorer;
    recs__reasons *reasons = &query->reasons;
    if (history->count == 0 || component->gram == NULL)
        return RECS_OK;

    recs__foldin foldin = recs__score_foldin(visit->view, component);
    recs_status status =
        recs__room_fresh(&query->host, (void **)&scorer->scratch, &scorer->scratch_capacity,
                         recs__foldin_scratch(&foldin, history->count), sizeof *scorer->scratch,
                         error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&reasons->room, &reasons->room_capacity,
                                  3 * (size_t)component->stride + history->count,
                                  sizeof *reasons->room, error);
    if (status != RECS_OK)
        return status;
    float *vector = reasons->room, *z = vector + component->stride;
    float *wide = z + component->stride, *out = wide + component->stride;
    if (!recs__foldin_solve(&foldin, history->rows, history->values, history->count,
                            scorer->scratch, vector))
        return RECS_OK;
    recs__foldin_contributions(&foldin, history->rows, history->values, history->count,
                               scorer->scratch,
                               recs__score_item_floats(component, row, wide), z, out);
    for (size_t i = 0; i < history->count; i++)
        add(reasons, RECS_REASON_HISTORY, history->rows[i], component->index,
            coefficient * (double)out[i]);
    return RECS_OK;
}

/* ---- the walk over the steps --------------------------------------------------------------- */

static recs_status explain_leaf(const recs__visit *visit, recs__step *step, uint32_t row,
                                double coefficient, recs_error *error) {
    recs__reasons *reasons = &visit->query->reasons;
    if ((row & RECS__OVERLAY_BIT) != 0 && step->foreign == NULL)
        return RECS_OK; /* an item this component does not know */
    if (visit->query->work.scorer.similar) {
        add(reasons, RECS_REASON_SIMILAR,
            visit->item_row == RECS_NO_ROW && step->newcomer_count != 0 ? step->newcomers[0].row
                                                                        : visit->item_row,
            step->component->index,
            coefficient * (double)step->scores[0]);
        return RECS_OK;
    }
    if (step->lane == NULL && step->vector != NULL)
        return explain_factors(visit, step, row, coefficient, error);
    if (step->content != NULL) {
        const recs__history *history = &visit->query->work.history;
        for (size_t i = 0; i < history->count + step->newcomer_count; i++)
            add(reasons, RECS_REASON_VECTOR,
                i < history->count ? history->rows[i] : step->newcomers[i - history->count].row,
                step->component->index, coefficient * recs__content_share(step, history, i, row));
        return RECS_OK;
    }
    if (step == recs__scorer_beside(&visit->query->work.scorer)) {
        if (step->scores[0] != 0.0f)
            reasons->list[reasons->count++] =
                beside_reason(visit->query->work.scorer.beside, coefficient * (double)step->scores[0]);
        return RECS_OK;
    }
    if (step->frozen != NULL)
        return explain_frozen(visit, step, row, coefficient, error);
    if (step->crowd != NULL)
        explain_crowd(visit, step, row, coefficient);
    else if (step->lane != NULL)
        explain_items(visit, step, row, coefficient);
    else
        add(reasons, RECS_REASON_POPULAR, RECS_NO_ROW, step->component->index,
            coefficient * (double)step->scores[0]);
    return RECS_OK;
}

static recs_status explain_steps(const recs__visit *visit, uint32_t row, recs_error *error) {
    recs__scorer *scorer = &visit->query->work.scorer;
    double *coefficients = visit->query->reasons.coefficients;
    recs_status status = RECS_OK;
    for (size_t i = 0; i < scorer->step_count; i++)
        coefficients[i] = i + 1 == scorer->step_count ? 1.0 : 0.0;
    for (size_t i = scorer->step_count; status == RECS_OK && i-- > 0;) {
        const recs__component *component = scorer->steps[i].component;
        if (component->kind == RECS__KIND_BLEND) {
            for (uint32_t t = 0; component->terms != NULL && t < component->term_count; t++)
                if (component->terms[t].component < component->index)
                    coefficients[scorer->step_of[component->terms[t].component]] +=
                        coefficients[i] * (double)recs__scorer_term_weight(scorer, component, t);
        } else {
            status = explain_leaf(visit, &scorer->steps[i], row, coefficients[i], error);
        }
    }
    return status;
}

/* Largest first, ties by row, then by component: a stable order by key. */
recs_status recs__reasons_sort(recs_query *query, recs_error *error) {
    recs__reasons *reasons = &query->reasons;
    recs_status status = recs__room_fresh(&query->host, (void **)&reasons->spare,
                                          &reasons->spare_capacity, reasons->count,
                                          sizeof *reasons->spare, error);
    if (status != RECS_OK)
        return status;
    /* A merge sort from spare to list and back: n log n, stable. */
    recs__reason *from = reasons->list, *to = reasons->spare;
    size_t count = reasons->count;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t middle = start + width < count ? start + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t left = start, right = middle;
            for (size_t i = start; i < end; i++) {
                bool take_left = left < middle;
                if (take_left && right < end) {
                    const recs__reason *a = &from[left], *b = &from[right];
                    take_left = a->contribution != b->contribution
                                    ? a->contribution > b->contribution
                                    : a->row != b->row ? a->row < b->row
                                                       : a->component <= b->component;
                }
                to[i] = take_left ? from[left++] : from[right++];
            }
        }
        recs__reason *swap = from;
        from = to;
        to = swap;
    }
    if (from != reasons->list)
        memcpy(reasons->list, from, count * sizeof *from);
    return RECS_OK;
}

/* The text of a reason: an item's id, a place's path, or none. */
static const char *text_of(recs__id_of *id_of, const void *ids, const recs__reason *reason,
                           size_t *size) {
    *size = reason->path_size;
    const char *text = reason->path != NULL            ? reason->path
                       : reason->row == RECS_NO_ROW ? NULL
                                                    : id_of(ids, reason->row, size);
    if (text == NULL)
        *size = 0;
    return text;
}

recs_status recs__reasons_ids(recs_query *query, recs__id_of *id_of, const void *ids,
                              recs_error *error) {
    recs__reasons *reasons = &query->reasons;
    size_t total = 0, size;
    for (size_t i = 0; i < reasons->count; i++) {
        text_of(id_of, ids, &reasons->list[i], &size);
        total += size + 1;
    }
    recs_status status =
        recs__room_fresh(&query->host, (void **)&reasons->ids, &reasons->id_capacity,
                         total, 1, error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&reasons->offsets,
                                  &reasons->offset_capacity, reasons->count,
                                  sizeof *reasons->offsets, error);
    if (status != RECS_OK)
        return status;
    size_t at = 0;
    for (size_t i = 0; i < reasons->count; i++) {
        const char *text = text_of(id_of, ids, &reasons->list[i], &size);
        if (size != 0)
            memcpy(reasons->ids + at, text, size);
        reasons->ids[at + size] = '\0';
        reasons->offsets[i] = at;
        at += size + 1;
    }
    return RECS_OK;
}

recs_status recs__explain_row(const recs__visit *visit, uint32_t row, bool fill,
                              recs_error *error) {
    recs_query *query = visit->query;
    recs__scorer *scorer = &query->work.scorer;
    recs__reasons *reasons = &query->reasons;
    static const recs__overlay none = {.set = NULL};
    const recs__overlay_ids ids = {&visit->view->item_ids,
                                   visit->overlay != NULL ? visit->overlay : &none};
    recs__reasons_clear(query);
    /* A leaf gives a reason per entry of the history or place of a chain, or one. */
    size_t each = query->work.history.count + scorer->newcomer_count + 1 + RECS__TREND_LEVELS,
           steps = scorer->step_count;
    recs_status status = recs__room_fresh(&query->host, (void **)&reasons->list,
                                          &reasons->list_capacity, steps * each + 2,
                                          sizeof *reasons->list, error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&reasons->coefficients,
                                  &reasons->coefficient_capacity, steps,
                                  sizeof *reasons->coefficients, error);
    if (status != RECS_OK)
        return status;

    if ((row & RECS__OVERLAY_BIT) == 0) /* else it was scored by recs__overlay_look */
        recs__scorer_gather(scorer, &row, 1);
    double score = (double)recs__scorer_scores(scorer)[0], sum = 0.0;
    status = explain_steps(visit, row, error);
    if (status == RECS_OK)
        status = recs__reasons_sort(query, error);
    if (status == RECS_OK && fill) {
        memmove(reasons->list + 1, reasons->list, reasons->count * sizeof *reasons->list);
        const recs__beside *beside = scorer->beside;
        reasons->list[0] = (recs__reason){
            .row = RECS_NO_ROW, .component = visit->component, .kind = RECS_REASON_FILL};
        if (beside != NULL && recs__beside_find(beside, row) < beside->count)
            reasons->list[0] = beside_reason(beside, 0.0);
        reasons->count++;
    }
    for (size_t i = 0; i < reasons->count; i++)
        sum += reasons->list[i].contribution;
    add(reasons, RECS_REASON_REMAINDER, RECS_NO_ROW, visit->component, score - sum);
    if (status == RECS_OK)
        status = recs__reasons_ids(query, recs__overlay_id, &ids, error);
    if (status != RECS_OK)
        recs__reasons_clear(query);
    return status;
}

/* ---- the verb ----------------------------------------------------------------------------------- */

recs_status recs__explain(const recs__visit *visit, size_t index, recs_error *error) {
    recs_query *query = visit->query;
    const recs__answer *answer = &query->answer;
    recs__reasons_clear(query);
    if (answer->verb != RECS__VERB_RECOMMEND && answer->verb != RECS__VERB_SIMILAR)
        return recs__fail(error, RECS_ERR_STATE,
                          "the query holds no answer of recs_recommend or recs_similar to explain");
    if (answer->fingerprint != visit->view->fingerprint)
        return recs__fail(error, RECS_ERR_STATE, "the answer is of another model: ask this one");
    recs_status status = recs__answer_check(query, index, error);
    if (status != RECS_OK)
        return status;
    size_t ignored = query->ignored;
    recs__visit here;
    recs__overlay overlay;
    status = recs__overlay_visit(&here, &overlay, visit, error);
    if (status == RECS_OK)
        status = answer->verb == RECS__VERB_SIMILAR ? recs__similar_prepare(&here, error)
                                                    : recs__recommend_prepare(&here, NULL, error);
    query->ignored = ignored;
    uint32_t named = 0;
    if (status == RECS_OK && (answer->rows[index] & RECS__OVERLAY_BIT) != 0) {
        status = recs__overlay_look(&overlay, &here, recs_query_id(query, index), &named, error);
        if (status == RECS_OK && named == RECS_NO_ROW)
            status = recs__fail(error, RECS_ERR_STATE,
                                "\"%.64s\" is not in the overlay any more: ask again",
                                recs_query_id(query, index));
    }
    if (status == RECS_OK)
        status = recs__explain_row(
            &here, answer->rows[index],
            answer->sources[index] == RECS_FROM_FILL ||
                (answer->sources[index] == RECS_FROM_TREND &&
                 recs__scorer_beside(&query->work.scorer) == NULL),
            error);
    recs__work_clear(&query->work);
    recs__overlay_leave(&overlay);
    return status;
}

recs_status recs_explain(const recs_model *model, recs_query *query, size_t index,
                         recs_error *error) {
    recs__visit visit;
    recs_status status = recs__query_check(model, query, error);
    if (query != NULL)
        recs__reasons_clear(query);
    if (status == RECS_OK)
        status = recs__visit_model(&visit, model, query, error);
    return status == RECS_OK ? recs__explain(&visit, index, error) : status;
}
