/* trends_sketches.h - merging where one side has outgrown its budget. */
#ifndef RECS_LIVE_TRENDS_SKETCHES_H
#define RECS_LIVE_TRENDS_SKETCHES_H

#include "live/trends_bounded.h"
#include "live/trends_image.h"

typedef struct recs__trend_joiner recs__trend_joiner;

/* As recs__trend_merge_begin, but nobody may be adding from here to commit. The
 * state has outgrown its budget afterwards, whatever follows. */
recs_status recs__trend_join_begin(recs__trend_joiner **joiner, recs_trends *trends,
                                   const recs__trend_image *image, recs_error *error);
/* clear: the image takes the state's place. */
void recs__trend_join_commit(recs__trend_joiner *joiner, bool clear);
void recs__trend_join_abandon(recs__trend_joiner *joiner);

#endif
