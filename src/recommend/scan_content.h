/* scan_content.h - the best rows of a content component through the exact search.
 *
 * A visitor is one vector (centroid, similar), or under merge=best one for each
 * item of the history. The best of the greatest of several scores are among the best
 * of each, so the lists of the vectors, each exact, are merged: an item keeps
 * its greatest score, the k best stay. Ids, order and bits are those of scoring
 * every item. */
#ifndef RECS_RECOMMEND_SCAN_CONTENT_H
#define RECS_RECOMMEND_SCAN_CONTENT_H

#include "recommend/query.h"

/* Whether the component asked for is content alone. */
bool recs__scan_content_takes(const recs__work *work);

/* Offers the best items to the top k of each work, at most 64 of the same component, and
 * tells how in its seek. Visitors of one vector share a pass; the vectors of one history
 * go together, 64 a pass, each pass with the bar of those before it. Cost: that of the
 * exact search; where k answers for each vector are more than there are rows,
 * the rows are scored block by block instead. MEMORY. */
recs_status recs__scan_content(recs__work *const *works, size_t count, const recs_host *host,
                               recs_error *error);

#endif
