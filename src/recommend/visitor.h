/* visitor.h - from a request and a model to a prepared piece of work: who the
 * visitor is, what is eligible, which component answers. */
#ifndef RECS_RECOMMEND_VISITOR_H
#define RECS_RECOMMEND_VISITOR_H

#include "recommend/query.h"

/* Where the request meets one model. user_row: of the request's user, or
 * RECS_NO_ROW when there is none or the model does not store it. */
typedef struct recs__visit {
    const recs__view *view;
    recs_query *query;
    uint32_t user_row;
    uint32_t item_row;  /* of the request's item, or RECS_NO_ROW */
    uint32_t component; /* beyond the components: the model has none */
    const struct recs__overlay *overlay; /* pinned (overlay.h), or NULL: none is looked at */
} recs__visit;

/* Looks up the component (NOT_FOUND) and the item. */
recs_status recs__visit_begin(recs__visit *visit, const recs__view *view, recs_query *query,
                              uint32_t user_row, recs_error *error);
/* The same for a public verb: looks up the user, too. */
recs_status recs__visit_model(recs__visit *visit, const recs_model *model, recs_query *query,
                              recs_error *error);

/* The history of the request's visitor, merged, into the query's work.
 * required: an unknown user without a history given is NOT_FOUND. ARGUMENT:
 * rows beyond the catalogue. */
recs_status recs__visit_history(const recs__visit *visit, bool required, recs_error *error);

/* The history of a stored user alone, merged. */
recs_status recs__visit_stored(const recs__visit *visit, recs__history *history, uint32_t user,
                               recs_error *error);

/* What made a row not eligible: a recs_verdict. */
typedef struct recs__probe {
    uint32_t row;
    int32_t verdict; /* RECS_VERDICT_NONE: it is eligible */
} recs__probe;

/* The eligible set of the request for a history: allow, availability, the
 * query's item, deny, dislikes, seen, in this order; probe may be NULL.
 * recs__visit_lists comes first. */
recs_status recs__visit_filter(const recs__visit *visit, const recs__history *history,
                               recs__filter *filter, recs__probe *probe, recs_error *error);

/* The lists of the request as rows of the model, in query->rows: allow first,
 * then deny. recs__visit_filter uses them; made once per verb. */
recs_status recs__visit_lists(const recs__visit *visit, recs_error *error);

#endif
