/* beside.h - the live trends a query has beside a model: the best of its place, as rows. */
#ifndef RECS_RECOMMEND_BESIDE_H
#define RECS_RECOMMEND_BESIDE_H

#include "recommend/visitor.h"

/* Reads the trends of the request into query->beside and shows them to the scorer of the
 * query's work; none attached: none shown. While the query holds an answer of
 * recs_recommend to the same request and model, what was read for it stays. ARGUMENT:
 * a half-life or window that is not kept. MEMORY. */
recs_status recs__beside_read(const recs__visit *visit, recs_error *error);

/* Fills the lane of the scorer's trends. MEMORY. */
recs_status recs__beside_fill(recs__step *step, const recs_host *host, uint32_t items,
                              const recs__beside *beside, recs_error *error);

/* Place of a row in the list; its count when it is not there. */
size_t recs__beside_find(const recs__beside *beside, uint32_t row);

void recs__beside_free(recs_query *query);
size_t recs__beside_memory(const recs_query *query);

#endif
