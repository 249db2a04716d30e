/* visitor.c - resolving a request against one model, behind visitor.h. */
#include "recommend/visitor.h"

#include "base/checked.h"
#include "base/error.h"
#include "recommend/overlay.h"
#include "recs/events.h"
#include "search/room.h"

#include <stdio.h>
#include <string.h>

/* ---- component, user, item ----------------------------------------------------------- */

static recs_status find_component(recs__visit *visit, recs_error *error) {
    const recs__view *view = visit->view;
    const recs__name *name = &visit->query->request.component;
    visit->component = 0;
    if (!name->set)
        return RECS_OK;
    for (uint32_t i = 0; i < view->component_count; i++) {
        if (view->components[i].name != NULL && strcmp(view->components[i].name, name->text) == 0) {
            visit->component = i;
            return RECS_OK;
        }
    }
    char list[256];
    size_t used = 0;
    list[0] = '\0';
    for (uint32_t i = 0; i < view->component_count && used < sizeof list - 1; i++) {
        int wrote = snprintf(list + used, sizeof list - used, "%s%s", i != 0 ? ", " : "",
                             view->components[i].name != NULL ? view->components[i].name : "");
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    return recs__fail(error, RECS_ERR_NOT_FOUND,
                      "the model has no component \"%s\", expected one of: %s", name->text,
                      view->component_count != 0 ? list : "(it has none)");
}

recs_status recs__visit_begin(recs__visit *visit, const recs__view *view, recs_query *query,
                              uint32_t user_row, recs_error *error) {
    const recs__name *item = &query->request.item;
    *visit = (recs__visit){
        .view = view, .query = query, .user_row = user_row, .item_row = RECS_NO_ROW};
    const recs__asked_trend *trend = &query->request.trend;
    query->work.scorer.where = (recs__where){.place = trend->place.text,
                                             .size = trend->place.set ? trend->place.size : 0,
                                             .time = trend->time};
    query->work.scorer.beside = NULL; /* until recs__beside_read */
    if (item->set)
        visit->item_row = recs__ids_find(&view->item_ids, item->text, item->size);
    if (visit->item_row >= view->items)
        visit->item_row = RECS_NO_ROW;
    return find_component(visit, error);
}

recs_status recs__visit_model(recs__visit *visit, const recs_model *model, recs_query *query,
                              recs_error *error) {
    const recs__name *user = &query->request.user;
    const recs__view *view = recs__model_view(model);
    uint32_t row = RECS_NO_ROW;
    if (user->set && view->users != 0)
        row = recs__model_find_user(model, user->text, user->size);
    return recs__visit_begin(visit, view, query, row < view->users ? row : RECS_NO_ROW, error);
}

/* Row of an item named by the request: RECS_NO_ROW for an unknown id. */
static recs_status resolve(const recs__visit *visit, const recs__ref *ref, const char *what,
                           size_t entry, uint32_t *row, recs_error *error) {
    const recs__view *view = visit->view;
    *row = ref->row;
    if (ref->row == RECS_NO_ROW) {
        *row = recs__ids_find(&view->item_ids, visit->query->request.text + ref->text, ref->size);
        if (*row >= view->items) {
            *row = RECS_NO_ROW;
            visit->query->ignored += !recs__overlay_knows(
                visit->overlay, visit->query->request.text + ref->text, ref->size);
        }
    } else if (ref->row >= view->items) {
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s entry %zu: row %u, the model has %u items: rows of another model?",
                          what, entry, ref->row, view->items);
    }
    return RECS_OK;
}

/* ---- history --------------------------------------------------------------------------- */

static recs_status add_given(const recs__visit *visit, recs__history *history,
                             const recs__given *list, size_t count, const char *what,
                             uint32_t types, recs_error *error) {
    for (size_t i = 0; i < count; i++) {
        uint32_t row;
        recs_status status = resolve(visit, &list[i].item, what, i, &row, error);
        if (status != RECS_OK)
            return status;
        if (row != RECS_NO_ROW)
            recs__history_add(history, (recs__entry){.time = list[i].time,
                                                     .row = row,
                                                     .types = types,
                                                     .weight = list[i].weight});
    }
    return RECS_OK;
}

recs_status recs__visit_stored(const recs__visit *visit, recs__history *history, uint32_t user,
                               recs_error *error) {
    const recs__view *view = visit->view;
    recs_status status = recs__history_begin(history, &visit->query->host,
                                             recs__history_stored_count(view, user), error);
    if (status != RECS_OK)
        return status;
    recs__history_add_stored(history, view, user);
    recs__history_merge(history);
    history->stored = true;
    history->user_row = user;
    return RECS_OK;
}

recs_status recs__visit_history(const recs__visit *visit, bool required, recs_error *error) {
    const recs__request *request = &visit->query->request;
    recs__history *history = &visit->query->work.history;
    bool given = request->history_count != 0;
    bool known = request->user.set && visit->user_row != RECS_NO_ROW;
    bool stored = known && (!given || request->append);
    if (required && request->user.set && !known && !given)
        return recs__fail(error, RECS_ERR_NOT_FOUND,
                          "give a history (recs_query_history), or leave the user out for popular "
                          "items: the model does not store user \"%s\"",
                          request->user.text);

    size_t need = stored ? recs__history_stored_count(visit->view, visit->user_row) : 0;
    if (recs__add_size(need, request->history_count + request->dislike_count, &need))
        return recs__fail_memory(error, SIZE_MAX);
    recs_status status = recs__history_begin(history, &visit->query->host, need, error);
    if (status == RECS_OK && stored)
        recs__history_add_stored(history, visit->view, visit->user_row);
    size_t from_model = history->entry_count;
    if (status == RECS_OK)
        status = add_given(visit, history, request->history, request->history_count, "history",
                           RECS_EVENT_ALL, error);
    if (status == RECS_OK)
        status = add_given(visit, history, request->dislikes, request->dislike_count, "dislike", 0,
                           error);
    if (status != RECS_OK)
        return status;
    recs__history_merge(history);
    history->stored = stored && history->entry_count == from_model;
    history->user_row = stored ? visit->user_row : RECS_NO_ROW;
    return RECS_OK;
}

/* ---- filter ------------------------------------------------------------------------------ */

recs_status recs__visit_lists(const recs__visit *visit, recs_error *error) {
    recs_query *query = visit->query;
    const recs__request *request = &query->request;
    recs_status status =
        recs__room_fresh(&query->host, (void **)&query->rows, &query->rows_capacity,
                         request->allow_count + request->deny_count, sizeof *query->rows, error);
    for (size_t i = 0; status == RECS_OK && i < request->allow_count; i++)
        status = resolve(visit, &request->allow[i], "allow", i, &query->rows[i], error);
    for (size_t i = 0; status == RECS_OK && i < request->deny_count; i++)
        status = resolve(visit, &request->deny[i], "deny", i,
                         &query->rows[request->allow_count + i], error);
    if (status != RECS_OK)
        return status;

    const recs__view *view = visit->view;
    if (view->available != NULL &&
        (query->counted_available != view->available || query->counted_rows != view->items ||
         query->counted_fingerprint != view->fingerprint)) {
        query->unavailable = recs__filter_unavailable(view->available, view->items);
        query->counted_available = view->available;
        query->counted_rows = view->items;
        query->counted_fingerprint = view->fingerprint;
    }
    return RECS_OK;
}

static void look(const recs__filter *filter, recs__probe *probe, int32_t verdict) {
    if (probe != NULL && probe->verdict == RECS_VERDICT_NONE && probe->row < filter->rows &&
        !recs__filter_eligible(filter, probe->row))
        probe->verdict = verdict;
}

static recs_status exclude_disliked(const recs__history *history, recs__filter *filter,
                                    const recs_host *host, recs_error *error) {
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < history->count; i++)
        if (history->values[i] < 0.0f)
            status = recs__filter_exclude(filter, host, history->rows[i], error);
    for (size_t i = 0; status == RECS_OK && i < history->entry_count; i++)
        if (history->entries[i].types == 0)
            status = recs__filter_exclude(filter, host, history->entries[i].row, error);
    return status;
}

static recs_status exclude_seen(const recs__request *request, const recs__history *history,
                                recs__filter *filter, const recs_host *host, recs_error *error) {
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < history->entry_count; i++) {
        const recs__entry *entry = &history->entries[i];
        if ((entry->types & request->seen_types) != 0 &&
            (entry->time == RECS_NO_TIME || entry->time >= request->seen_after))
            status = recs__filter_exclude(filter, host, entry->row, error);
    }
    return status;
}

recs_status recs__visit_filter(const recs__visit *visit, const recs__history *history,
                               recs__filter *filter, recs__probe *probe, recs_error *error) {
    const recs__view *view = visit->view;
    recs_query *query = visit->query;
    const recs__request *request = &query->request;
    const recs_host *host = &query->host;
    const int8_t *available = request->include_unavailable ? NULL : view->available;

    recs_status status =
        recs__filter_begin(filter, host, view->items, available, query->unavailable, error);
    if (status == RECS_OK)
        look(filter, probe, RECS_VERDICT_UNAVAILABLE);
    if (status == RECS_OK && request->allow_only)
        status = recs__filter_allow(filter, host, query->rows, request->allow_count, error);
    if (status == RECS_OK && request->allow_masked)
        recs__filter_mask(filter, request->allow_bits, request->allow_bit_count, 0);
    if (status == RECS_OK)
        look(filter, probe, RECS_VERDICT_NOT_ALLOWED);
    if (status == RECS_OK && visit->item_row != RECS_NO_ROW)
        status = recs__filter_exclude(filter, host, visit->item_row, error);
    if (status == RECS_OK)
        look(filter, probe, RECS_VERDICT_QUERY_ITEM);
    for (size_t i = 0; status == RECS_OK && i < request->deny_count; i++)
        status = recs__filter_exclude(filter, host, query->rows[request->allow_count + i], error);
    if (status == RECS_OK)
        look(filter, probe, RECS_VERDICT_DENIED);
    if (status == RECS_OK)
        status = exclude_disliked(history, filter, host, error);
    if (status == RECS_OK)
        look(filter, probe, RECS_VERDICT_DISLIKED);
    if (status == RECS_OK)
        status = exclude_seen(request, history, filter, host, error);
    if (status == RECS_OK)
        look(filter, probe, RECS_VERDICT_SEEN);
    if (status == RECS_OK && request->predicate != NULL)
        status = recs__predicate_all(query, recs__id_in_table, &view->item_ids, filter, error);
    if (status == RECS_OK)
        look(filter, probe, RECS_VERDICT_FILTERED);
    return status;
}
