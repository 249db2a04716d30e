/* trends_snapshot.h - a state as bytes, in the one order that equal states
 * share (docs/trends-format.md). */
#ifndef RECS_LIVE_TRENDS_SNAPSHOT_H
#define RECS_LIVE_TRENDS_SNAPSHOT_H

#include "live/trends_image.h"

/* What the header says beside the counts. */
typedef struct recs__snapshot_head {
    uint32_t kind;
    int64_t actors_from;
    recs__origin origin; /* delta */
    uint64_t from, to;
    const recs__origins *origins; /* snapshot */
    bool ready;                   /* to be asked where it lies, too */
    bool frozen;                  /* and nothing of actors          */
} recs__snapshot_head;

/* *bytes: a block of the state's host (recs__free). Nobody may be adding. */
recs_status recs__trend_snapshot(recs_trends *trends, const recs__snapshot_head *head,
                                 unsigned char **bytes, size_t *size, recs_error *error);

#endif
