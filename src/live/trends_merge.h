/* trends_merge.h - the counts of an image into a state. */
#ifndef RECS_LIVE_TRENDS_MERGE_H
#define RECS_LIVE_TRENDS_MERGE_H

#include "live/trends_image.h"

/* An image whose counts have a place reserved for them: what follows cannot
 * fail. */
typedef struct recs__trend_merger recs__trend_merger;

/* Resolves names, makes places and reserves room; counts nothing. MEMORY,
 * LIMIT: names and places may have been made, which changes no answer. The
 * image stays until commit or abandon. */
recs_status recs__trend_merge_begin(recs__trend_merger **merger, recs_trends *trends,
                                    const recs__trend_image *image, recs_error *error);
/* Counts, and frees the merger. */
void recs__trend_merge_commit(recs__trend_merger *merger);
void recs__trend_merge_abandon(recs__trend_merger *merger);

/* Makes a state empty, for an image that contains all of it: between begin and
 * commit, whose room stays. Nobody may be adding. */
void recs__trend_forget(recs_trends *trends);

#endif
