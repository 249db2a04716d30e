/* recs/recommend.h - the verbs: recommend, similar, score, users, explain,
 * why-not.
 *
 * One rule binds them: for the same model, component and history, the score
 * of an item is the same bits in every verb, for any thread count, batch size
 * and instruction set. What a score is:
 *
 *   als       dot of the visitor's folded-in factors and the item's
 *   item models   sum over the visitor's history, in row order, of
 *             weight * similarity
 *   popular   the item's popularity
 *   blend     sum over its terms, in file order, of weight * score * the
 *             component's stored normalisation constant
 *
 * An item the component has no evidence for (untrained; no neighbour in the
 * history; a score of zero or less in an item model or of popularity) keeps
 * that score and can only be placed by fill. A blend has evidence where one of
 * its terms has. A score that is not finite (a damaged file) is 0 without
 * evidence.
 */
#ifndef RECS_RECOMMEND_H
#define RECS_RECOMMEND_H

#include "recs/base.h"
#include "recs/model.h"
#include "recs/query.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The best items for the query's visitor. With neither user nor history, or a
 * user without one, components that need a history have no evidence and the
 * answer is fill: popular items. If k eligible items exist, k come back.
 * NOT_FOUND: the user is not stored and no history is given (the text says
 * what to do), or no such component. ARGUMENT: rows of another model. MEMORY.
 * Cost: als one read of the quantised copy of its factors (docs/search.md), of the
 * factors themselves in a model without; item models the neighbours of the
 * history. Threads: from 32,768 items on a search of factors is split on the
 * executor of the query's host. Inside a task of that same executor use a query
 * whose host has none, unless the executor takes calls from its own tasks, as
 * recs_pool does. Since 0.1.
 * Source: Hu, Koren, Volinsky 2008 (als); Sarwar et al. 2001 (item models). */
RECS_API recs_status recs_recommend(const recs_model *model, recs_query *query, recs_error *error);

/* The items most similar to the query's item, itself left out; the visitor's
 * seen items are excluded only if a user or history is set, and a user the
 * model does not know excludes nothing. als: cosine of factors, y_i . y_j *
 * (1 / (|y_i| |y_j|)) (the inner product would list bestsellers); item models:
 * the row of neighbours; popular: no evidence. ARGUMENT: no item is set.
 * NOT_FOUND: the item, the component. MEMORY. Cost: as recs_recommend.
 * Since 0.1. */
RECS_API recs_status recs_similar(const recs_model *model, recs_query *query, recs_error *error);

/* The score of one item, or of count rows, for the query's visitor; filters
 * and limit do not matter. out as many floats. ARGUMENT: a row beyond the
 * catalogue (names it). NOT_FOUND: as recs_recommend, or the item.
 * Since 0.1. */
RECS_API recs_status recs_score(const recs_model *model, recs_query *query, const char *item,
                                float *score, recs_error *error);
RECS_API recs_status recs_score_rows(const recs_model *model, recs_query *query,
                                     const uint32_t *rows, size_t count, float *scores,
                                     recs_error *error);

/* recs_recommend for count stored users with the query's settings (limit,
 * component, filters; its user, history and dislikes are not used): out_rows and
 * out_scores hold count * limit members, user by user; beyond an answer's end
 * RECS_NO_ROW and 0. Runs on the executor of the query's host in chunks of
 * 32 users; a block of item factors is read once for 32 of them. ARGUMENT: a row
 * beyond the users. UNSUPPORTED: the query has an overlay with new
 * items; its index is used. MEMORY: the outputs are all RECS_NO_ROW and 0 then. Keeps
 * working memory for each task that ran at once. Since 0.1. */
RECS_API recs_status recs_recommend_rows(const recs_model *model, recs_query *query,
                                         const uint32_t *user_rows, size_t count,
                                         uint32_t *out_rows, float *out_scores,
                                         recs_error *error);

/* The stored users with the highest scores for the query's item: answers are
 * users (rows, ids). Users who have the item are left out by exclude_seen as
 * in recs_recommend. NOT_FOUND: the item. STATE: the model stores no users.
 * Cost: als users * factors; item models one pass over all histories; user
 * neighbours a request for every stored user.
 * Since 0.1. */
RECS_API recs_status recs_users(const recs_model *model, recs_query *query, recs_error *error);

/* Reasons of answer `index` of the query's last answer (recommend or
 * similar), as columns of the query. The request must not have been changed
 * in between. STATE: no answer, another model, or the request was changed (of recs_knn:
 * recs_knn_explain).
 * ARGUMENT: index. MEMORY. Cost: a fold-in and the neighbours of the history.
 * als: contributions after Hu, Koren, Volinsky 2008, section 5. Since 0.1. */
RECS_API recs_status recs_explain(const recs_model *model, recs_query *query, size_t index,
                                  recs_error *error);

/* Why an item is not among the answers of the query (or that it is): runs
 * recs_recommend on the request, keeps its answer, and fills the verdict and
 * the reasons of the item's score. An unknown item is a verdict, not an error; one
 * of the query's overlay is known.
 * Of several filters the first in this order is named: unavailable, not
 * allowed, the query's item, denied, disliked, seen, the predicate. Errors as recs_recommend.
 * Cost: that, and one more pass over the catalogue. Since 0.1. */
RECS_API recs_status recs_why_not(const recs_model *model, recs_query *query, const char *item,
                                  recs_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RECS_RECOMMEND_H */
