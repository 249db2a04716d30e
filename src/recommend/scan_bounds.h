/* scan_bounds.h - the best rows of a blend that scan_mixed.h does not take: several parts
 * with vectors, popularity, blends within blends.
 *
 * The copies of the parts (kernels/codes.h) are each in an order of their own. Each gives for
 * every row a number that the part's score is not above; weighed and added by row, with what
 * the other parts say exactly and what rounding may take, that is a bound of the blend's
 * score. Rows are gone through in order; those whose bound reaches the bar are scored as ever.
 * Ids, order and bits are those of scoring every row. */
#ifndef RECS_RECOMMEND_SCAN_BOUNDS_H
#define RECS_RECOMMEND_SCAN_BOUNDS_H

#include "recommend/query.h"

/* Whether the work's component is a blend whose parts with vectors all have copies. */
bool recs__scan_bounds_takes(const recs__work *work);

/* Offers what can be an answer. *done false: the bounds cannot be had (a number that is not
 * finite) and nothing was offered. room: of any work, one at a time. MEMORY: likewise. Cost: a quarter of the bytes of the
 * parts' rows, 4 bytes a row and part, and the rows that are scored. */
recs_status recs__scan_bounds(recs__work *work, recs__bounds_room *room, const recs_host *host,
                              bool *done, recs_error *error);

#endif
