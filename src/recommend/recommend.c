/* recommend.c - history -> filter -> component -> top k -> fill, and scores
 * of rows asked for by name. */
#include "recommend/beside.h"
#include "recommend/overlay.h"
#include "recommend/recommend.h"

#include "base/error.h"
#include "recommend/scan.h"
#include "recs/recommend.h"

#include <string.h>

recs_status recs__recommend_prepare(const recs__visit *visit, recs__probe *probe,
                                    recs_error *error) {
    recs_query *query = visit->query;
    recs__work *work = &query->work;
    recs_status status = recs__visit_lists(visit, error);
    if (status == RECS_OK)
        status = recs__visit_history(visit, true, error);
    if (status == RECS_OK)
        status = recs__visit_filter(visit, &work->history, &work->filter, probe, error);
    if (status == RECS_OK)
        status = recs__beside_read(visit, error);
    if (status == RECS_OK)
        status = recs__scorer_begin(&work->scorer, &query->host, visit->view, visit->component,
                                    error);
    if (status == RECS_OK)
        status = recs__overlay_history(visit, error);
    if (status == RECS_OK)
        status = recs__scorer_visitor(&work->scorer, &query->host, &work->history, error);
    return status;
}

static int32_t strategy_of(const recs__work *work) {
    if (work->strategy != RECS_STRATEGY_NONE)
        return work->strategy;
    if (work->seek.way == RECS__WAY_NONE)
        return RECS_STRATEGY_NONE;
    if (work->seek.way == RECS__WAY_LIST)
        return RECS_STRATEGY_LISTED;
    return work->filter.eligible < work->filter.rows ? RECS_STRATEGY_MASKED : RECS_STRATEGY_SCAN;
}

recs_status recs__recommend_answer(const recs__visit *visit, recs__verb verb, recs_error *error) {
    recs_query *query = visit->query;
    recs__work *work = &query->work;
    recs__answer *answer = &query->answer;
    static const recs__overlay none = {.set = NULL};
    const recs__overlay *overlay = visit->overlay != NULL ? visit->overlay : &none;
    work->lent = recs__overlay_lent(overlay, visit);
    recs_status status =
        recs__scan_begin(work, &query->host, query->request.limit, overlay->live, error);
    if (status == RECS_OK)
        status = recs__answer_reserve(query, work->topk.limit, error);
    if (status == RECS_OK)
        status = recs__scan_rows(&work, 1, &query->host, error);
    if (status == RECS_OK)
        status = recs__overlay_offer(overlay, visit, error);
    size_t evidence = 0, count = 0;
    if (status == RECS_OK) {
        count = recs__scan_finish(work, !query->request.evidence_only, answer->rows,
                                  answer->scores, answer->sources, &evidence);
        recs__overlay_ids ids = {&visit->view->item_ids, overlay};
        status = recs__answer_finish(query, visit->view, recs__overlay_id, &ids, count, verb,
                                     visit->component, error);
    }
    if (status == RECS_OK) {
        answer->eligible = work->filter.eligible + overlay->live;
        answer->evidence = evidence;
        answer->strategy = strategy_of(work);
        answer->scored =
            work->seek.way == RECS__WAY_CODES ? work->seek.rescored : work->seek.scanned;
    }
    return status;
}

recs_status recs__recommend(const recs__visit *visit, recs_error *error) {
    recs__visit here;
    recs__overlay overlay;
    recs_status status = recs__overlay_visit(&here, &overlay, visit, error);
    if (status == RECS_OK)
        status = recs__recommend_prepare(&here, NULL, error);
    if (status == RECS_OK)
        status = recs__recommend_answer(&here, RECS__VERB_RECOMMEND, error);
    recs__work_clear(&visit->query->work);
    recs__overlay_leave(&overlay);
    return status;
}

recs_status recs_recommend(const recs_model *model, recs_query *query, recs_error *error) {
    recs__visit visit;
    recs_status status = recs__query_check(model, query, error);
    if (query != NULL)
        recs__answer_clear(query);
    if (status == RECS_OK)
        status = recs__visit_model(&visit, model, query, error);
    return status == RECS_OK ? recs__recommend(&visit, error) : status;
}

/* ---- scores ------------------------------------------------------------------------------ */

recs_status recs__score_listed(const recs__visit *visit, const uint32_t *rows, size_t count,
                               float *scores, recs_error *error) {
    recs_query *query = visit->query;
    recs__scorer *scorer = &query->work.scorer;
    for (size_t i = 0; i < count; i++)
        if (rows[i] >= visit->view->items)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "entry %zu: row %u, the model has %u items", i, rows[i],
                              visit->view->items);
    recs__visit here;
    recs__overlay overlay;
    recs_status status = recs__overlay_visit(&here, &overlay, visit, error);
    if (status == RECS_OK)
        status = recs__visit_history(&here, true, error);
    if (status == RECS_OK)
        status = recs__beside_read(visit, error);
    if (status == RECS_OK)
        status =
            recs__scorer_begin(scorer, &query->host, visit->view, visit->component, error);
    if (status == RECS_OK)
        status = recs__overlay_history(&here, error);
    if (status == RECS_OK)
        status = recs__scorer_visitor(scorer, &query->host, &query->work.history, error);
    for (size_t i = 0; status == RECS_OK && i < count;) {
        size_t n = count - i < RECS__BLOCK ? count - i : RECS__BLOCK;
        recs__scorer_gather(scorer, rows + i, n);
        memcpy(scores + i, recs__scorer_scores(scorer), n * sizeof *scores);
        i += n;
    }
    recs__work_clear(&query->work);
    recs__overlay_leave(&overlay);
    return status;
}

recs_status recs_score_rows(const recs_model *model, recs_query *query, const uint32_t *rows,
                            size_t count, float *scores, recs_error *error) {
    recs__visit visit;
    recs_status status = recs__query_check(model, query, error);
    if (status != RECS_OK)
        return status;
    if (count != 0 && (rows == NULL || scores == NULL))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL, expected %zu members",
                          rows == NULL ? "rows" : "scores", count);
    query->ignored = 0;
    status = recs__visit_model(&visit, model, query, error);
    return status == RECS_OK ? recs__score_listed(&visit, rows, count, scores, error) : status;
}

recs_status recs_score(const recs_model *model, recs_query *query, const char *item, float *score,
                       recs_error *error) {
    recs__visit visit;
    recs_status status = recs__query_check(model, query, error);
    if (status != RECS_OK)
        return status;
    if (item == NULL || score == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL, expected %s",
                          item == NULL ? "item" : "score",
                          item == NULL ? "an id" : "where to put it");
    query->ignored = 0;
    status = recs__visit_model(&visit, model, query, error);
    if (status != RECS_OK)
        return status;
    uint32_t row = recs__ids_find(&visit.view->item_ids, item, strlen(item));
    if (row >= visit.view->items)
        return recs__fail(error, RECS_ERR_NOT_FOUND, "the model has no item \"%.64s\"", item);
    return recs__score_listed(&visit, &row, 1, score, error);
}
