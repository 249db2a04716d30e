/* recommend.h - the steps of recommend and similar, shared by the verbs that
 * answer about them. All of them work on a recs__visit, so that they run on
 * any view, with or without a file behind it. */
#ifndef RECS_RECOMMEND_RECOMMEND_H
#define RECS_RECOMMEND_RECOMMEND_H

#include "recommend/visitor.h"

/* Prepares the query's work for the request: history, filter, scorer.
 * probe may be NULL. The work is to be cleared, whatever is returned. */
recs_status recs__recommend_prepare(const recs__visit *visit, recs__probe *probe,
                                    recs_error *error);
recs_status recs__similar_prepare(const recs__visit *visit, recs_error *error);

/* Scans the prepared work and writes the answer. */
recs_status recs__recommend_answer(const recs__visit *visit, recs__verb verb, recs_error *error);

/* The verbs, on a view. */
recs_status recs__recommend(const recs__visit *visit, recs_error *error);
recs_status recs__similar(const recs__visit *visit, recs_error *error);
recs_status recs__score_listed(const recs__visit *visit, const uint32_t *rows, size_t count,
                               float *scores, recs_error *error);
recs_status recs__users(const recs__visit *visit, recs_error *error);
recs_status recs__explain(const recs__visit *visit, size_t index, recs_error *error);
recs_status recs__why_not(const recs__visit *visit, const char *item, recs_error *error);
recs_status recs__recommend_listed(const recs__visit *visit, const uint32_t *users, size_t count,
                                   uint32_t *out_rows, float *out_scores, recs_error *error);

/* NOT_FOUND when the request's item is not in the model, ARGUMENT when none
 * is set. */
recs_status recs__need_item(const recs__visit *visit, recs_error *error);

/* Reasons of one row of the prepared work into the query; fill: it was placed
 * by fill. */
recs_status recs__explain_row(const recs__visit *visit, uint32_t row, bool fill, recs_error *error);

#endif
