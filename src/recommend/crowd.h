/* crowd.h - user neighbours at request time: the stored rows (users or
 * baskets) most like a history vote for their items. */
#ifndef RECS_RECOMMEND_CROWD_H
#define RECS_RECOMMEND_CROWD_H

#include "recommend/score.h"
#include "search/topk.h"

/* Of one step, between its filling and the scorer's clearing. */
typedef struct recs__crowd {
    recs__lane sums; /* by stored row: the overlap with the history */
    recs__topk best;
    uint32_t *rows;  /* the neighbours, best first                  */
    float *weights;  /* of their votes; they add up to 1            */
    float *held;     /* recs__crowd_reach: what each adds to a row  */
    size_t count, row_capacity, weight_capacity, held_capacity;
} recs__crowd;

/* Fills the step's lane with the votes for a history (rows ascending and below
 * items). Clears what a filling before left. MEMORY.
 * Cost: the postings of the history, then the rows of the neighbours. */
recs_status recs__crowd_fill(recs__step *step, const recs_host *host, uint32_t items,
                             const uint32_t *rows, const float *values, size_t count,
                             recs_error *error);

/* How the votes for a row come from the history that filled the step: first
 * reach the row, then each entry's share. They add up to the score but for
 * rounding. Cost: a search per neighbour; another per entry and voter. */
void recs__crowd_reach(recs__step *step, uint32_t row);
double recs__crowd_share(const recs__step *step, uint32_t from, float value);

void recs__crowd_clear(recs__crowd *crowd);
void recs__crowd_free(recs__crowd *crowd, const recs_host *host);
size_t recs__crowd_memory(const recs__crowd *crowd);

#endif
