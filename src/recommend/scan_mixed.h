/* scan_mixed.h - the best rows of a component that is one part of vectors beside others
 * that say something of few rows: an item model with a low-rank part, a blend of factors
 * or vectors with item models, neighbours, trends.
 *
 * Rows that a sparse part touched are scored one by one, as ever. On all others the score
 * is that of the vector part, times its weight in the blend, so the exact search
 * (search/exact.h) finds the best of them: a blend's chain adds zeros to one product, which
 * rounds it once. Ids, order and bits are those of scoring every row. */
#ifndef RECS_RECOMMEND_SCAN_MIXED_H
#define RECS_RECOMMEND_SCAN_MIXED_H

#include "recommend/query.h"

/* Whether the work's component is of that kind for its visitor: a blend with one term of
 * vectors or none, its weight above 0, and no column over all rows. */
bool recs__scan_mixed_takes(const recs__work *work);

/* Offers what such works (at most 64, of one component) can answer; the filter is left as
 * it was. MEMORY: before anything is offered. Cost: the rows touched, scored; the search. */
recs_status recs__scan_mixed(recs__work *const *works, size_t count, const recs_host *host,
                             recs_error *error);

/* The space of a step with factors or vectors, as the scorer asks it. */
recs__space recs__scan_space(const recs__scorer *scorer, const recs__step *step);

#endif
