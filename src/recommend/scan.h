/* scan.h - from a prepared work (scorer, filter) to the best rows. */
#ifndef RECS_RECOMMEND_SCAN_H
#define RECS_RECOMMEND_SCAN_H

#include "recommend/query.h"

/* Starts the top k of a prepared work: k = limit or what is eligible, more of it beside
 * the catalogue (overlay.h). */
recs_status recs__scan_begin(recs__work *work, const recs_host *host, size_t limit, size_t more,
                             recs_error *error);

/* Offers every eligible row with evidence to each work's top k, or what comes to
 * the same. At most 64 works, all of the same model and component; a block of
 * rows is read once for all of them. Components with factors or vectors go through the exact
 * search (search/exact.h), on the host's executor. Cost: the neighbours touched
 * (item models), the allow list (a short one), else one pass over the catalogue.
 * MEMORY: before anything is offered. */
recs_status recs__scan_rows(recs__work *const *works, size_t count, const recs_host *host,
                            recs_error *error);

/* Scores rows, at most RECS__BLOCK, and offers those with evidence to the top k. */
void recs__scan_offer(recs__work *work, const uint32_t *rows, size_t count);

/* The answer of a scanned work: rows with evidence in order, then (fill) the
 * others in popularity order, at most limit. sources may be NULL. Returns
 * their number, those with evidence in *evidence. */
size_t recs__scan_finish(recs__work *work, bool fill, uint32_t *rows, float *scores,
                         uint8_t *sources, size_t *evidence);

#endif
