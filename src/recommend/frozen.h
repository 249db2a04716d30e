/* frozen.h - the trends of a model's component at a place and a time. */
#ifndef RECS_RECOMMEND_FROZEN_H
#define RECS_RECOMMEND_FROZEN_H

#include "live/trends_image.h"
#include "live/trends_rank.h"
#include "recommend/score.h"

/* The state of a component, opened where it lies in the model, and what was last asked of
 * it. A query keeps it from request to request, until it is asked of another component. */
typedef struct recs__frozen {
    recs_trends *trends; /* NULL: none is open */
    const unsigned char *bytes;
    size_t size;
    unsigned char head[RECS__IMAGE_HEADER + RECS__IMAGE_SECTIONS * RECS__IMAGE_ENTRY];
    recs__trend_ask ask;
    recs__trend_work work;
} recs__frozen;

/* Whether the component's state is the one that is open. */
bool recs__frozen_holds(const recs__frozen *frozen, const recs__component *component);
void recs__frozen_free(recs__frozen *frozen, const recs_host *host);
size_t recs__frozen_memory(const recs__frozen *frozen);

/* Fills the step's lane with the scores at a place. MEMORY; CORRUPT: a damaged state.
 * Cost: the items counted at the place and those that lend to it. */
recs_status recs__frozen_fill(recs__step *step, const recs_host *host, uint32_t items,
                              const recs__where *where, recs_error *error);

/* Where a row's score comes from at the place it was filled for: contributions by place,
 * its own first, that add up to it but for rounding; their number. */
typedef struct recs__frozen_part {
    double contribution;
    const char *path; /* until another component is asked of the query */
    uint32_t path_size;
} recs__frozen_part;
recs_status recs__frozen_parts(const recs__step *step, const recs_host *host, uint32_t row,
                               recs__frozen_part parts[RECS__TREND_LEVELS], uint32_t *count,
                               recs_error *error);

#endif
