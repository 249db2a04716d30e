/* scan_index.h - the best rows of a content component through an approximate index.
 *
 * The index is that of a vector set opened from the model and lent with the request
 * (recs_query_overlay). It proposes candidates among what is eligible; they are scored from the
 * stored vectors, with the bits of every other way, and where it finds fewer than an answer can
 * have the exact search answers (search/nearest.h).
 *
 * The index knows rows of vectors, the filter rows of items. Where the two differ the filter is
 * told anew: an allow list or the rows that are excluded one by one, else in a pass. */
#ifndef RECS_RECOMMEND_SCAN_INDEX_H
#define RECS_RECOMMEND_SCAN_INDEX_H

#include "recommend/query.h"
#include "search/nearest.h"

/* The step of the component a lent index is of, NULL where the work has none. */
const recs__step *recs__scan_index_step(const recs__work *work);

/* Whether that is the component asked for. */
bool recs__scan_index_takes(const recs__work *work);

/* Once a work, before the searches: what is eligible. MEMORY. */
recs_status recs__scan_index_begin(recs__work *work, const recs_host *host, recs_error *error);

/* Searches for vectors first … first + count of that step's content, at most RECS__NEAREST_MAX.
 * Their hits are in work->index.nearest until the next search, by rows of vectors; the strategy
 * and what was scored are told in the work. MEMORY; what a backend says. */
recs_status recs__scan_index_search(recs__work *work, size_t first, size_t count, size_t limit,
                                    float floor, const recs_host *host, recs_error *error);

/* Item of a hit, RECS_NO_ROW where a damaged file says nonsense. */
uint32_t recs__scan_index_item(const recs__work *work, const recs__hit *hit);

#endif
