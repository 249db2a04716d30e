/* similar.c - the items most like one item. */
#include "base/error.h"
#include "recommend/overlay.h"
#include "recommend/recommend.h"
#include "recs/recommend.h"

recs_status recs__need_item(const recs__visit *visit, recs_error *error) {
    const recs__name *item = &visit->query->request.item;
    if (!item->set)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "the query has no item, expected one by recs_query_item");
    if (visit->item_row == RECS_NO_ROW)
        return recs__fail(error, RECS_ERR_NOT_FOUND, "the model has no item \"%s\"", item->text);
    return RECS_OK;
}

/* The visitor only says what is seen and disliked, so one the model does not
 * know excludes nothing. */
recs_status recs__similar_prepare(const recs__visit *visit, recs_error *error) {
    recs_query *query = visit->query;
    recs__work *work = &query->work;
    bool fresh = false;
    const recs__name *item = &query->request.item;
    recs_status status = item->set && visit->item_row == RECS_NO_ROW &&
                                 recs__overlay_knows(visit->overlay, item->text, item->size)
                             ? RECS_OK
                             : recs__need_item(visit, error);
    if (status == RECS_OK && visit->component < visit->view->component_count &&
        visit->view->components[visit->component].kind == RECS__KIND_TRENDS)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "component %s ranks by place and time: it knows no similar items",
                          visit->view->components[visit->component].name);
    if (status == RECS_OK)
        status = recs__visit_lists(visit, error);
    if (status == RECS_OK)
        status = recs__visit_history(visit, false, error);
    if (status == RECS_OK)
        status = recs__visit_filter(visit, &work->history, &work->filter, NULL, error);
    if (status == RECS_OK)
        status = recs__scorer_begin(&work->scorer, &query->host, visit->view, visit->component,
                                    error);
    if (status == RECS_OK)
        status = recs__overlay_item(visit, &fresh, error);
    if (status == RECS_OK)
        status = fresh ? recs__scorer_newcomer(&work->scorer, &query->host, error)
                       : recs__scorer_item(&work->scorer, &query->host, visit->item_row, error);
    return status;
}

recs_status recs__similar(const recs__visit *visit, recs_error *error) {
    recs__visit here;
    recs__overlay overlay;
    recs_status status = recs__overlay_visit(&here, &overlay, visit, error);
    if (status == RECS_OK)
        status = recs__similar_prepare(&here, error);
    if (status == RECS_OK)
        status = recs__recommend_answer(&here, RECS__VERB_SIMILAR, error);
    recs__work_clear(&visit->query->work);
    recs__overlay_leave(&overlay);
    return status;
}

recs_status recs_similar(const recs_model *model, recs_query *query, recs_error *error) {
    recs__visit visit;
    recs_status status = recs__query_check(model, query, error);
    if (query != NULL)
        recs__answer_clear(query);
    if (status == RECS_OK)
        status = recs__visit_model(&visit, model, query, error);
    return status == RECS_OK ? recs__similar(&visit, error) : status;
}
