/* trends_ready.h - the sums of a list's items side by side, the largest first, so that
 * a question reads a few cache lines and not a cell for each item.
 *
 * They are the sums, not yet counts at a time: the same for every time asked, and right
 * until a writer takes the lock of the place's stripe. Then the first question after it
 * gathers them from the cells once more; the list's entries stay in their order, so
 * that sorting finds little to do. 20 bytes an entry of a list that was asked for; in a
 * state with a budget nothing is kept. */
#ifndef RECS_LIVE_TRENDS_READY_H
#define RECS_LIVE_TRENDS_READY_H

#include "live/trends_rank.h"

/* By falling sum, but for 2^-36 of it. */
typedef struct recs__trend_row {
    uint32_t count;
    const double *sums;   /* in the series asked with `which`, returns taken off   */
    const double *others; /* in the other of the two that the lens looks at        */
    const uint32_t *items;
} recs__trend_row;

#define RECS__TREND_ROUGH (1.0 + 1e-9) /* a later sum is at most this times an earlier one */

/* Under the lock of the node's stripe, the lists aligned to the lens's slots; valid as
 * long as it is held. which: whether the list is one of the lens's first or second series. */
recs_status recs__trend_ready(const recs__trend_lens *lens, recs__trend_work *work,
                              recs__trend_node *node, uint32_t list, int which,
                              const recs_host *host, recs__trend_row *row, recs_error *error);
void recs__trend_ready_free(recs_trends *trends, struct recs__trend_ready *ready);

#endif
