/* metrics.h - what is measured of a list: one table of names and definitions,
 * and one function from a list to numbers.
 *
 * A user's list leaves a row of cells at each cutoff; cells are added up over
 * users, and a metric is one cell over another, or a figure of the catalogue
 * (coverage, gini). So a mean, its bootstrap and its segments are all made
 * from the same cells. */
#ifndef RECS_TRAIN_METRICS_H
#define RECS_TRAIN_METRICS_H

#include "recs/train.h"

#include <stdbool.h>

typedef enum recs__cell {
    RECS__CELL_RECALL,
    RECS__CELL_RECALL_MIN,
    RECS__CELL_NDCG,
    RECS__CELL_HIT,
    RECS__GROUP_CELLS, /* the first ones are also kept for groups of items */
    RECS__CELL_PRECISION = RECS__GROUP_CELLS,
    RECS__CELL_MRR,
    RECS__CELL_MAP,
    RECS__CELL_SHOWN,      /* items on the list                             */
    RECS__CELL_POPULARITY, /* sum over them of their training popularity    */
    RECS__CELL_NOVELTY,    /* ... of their self-information in bits         */
    RECS__CELL_TAIL,       /* ... of them in the long tail                  */
    RECS__CELL_PAIRED,     /* 1: the list has two items at least            */
    RECS__CELL_DIVERSITY,  /* 1 - the mean cosine of its pairs              */
    RECS__CELL_LISTED,     /* mean popularity of the list ...               */
    RECS__CELL_OWNED,      /* ... and of the user's own items; 0, 0: either is empty */
    RECS__CELLS,
    RECS__CELL_USERS = RECS__CELLS /* not a cell: one for each user */
} recs__cell;

typedef struct recs__metric {
    const char *name;
    recs__cell over, under; /* under RECS__CELL_USERS: a mean over users */
    double less;            /* subtracted from the quotient              */
    bool of_catalogue;      /* coverage, gini: not made of cells         */
    bool is_default;        /* without being asked for                   */
    const char *definition; /* for the protocol's text                   */
} recs__metric;

#define RECS__METRICS 14

const recs__metric *recs__metric_at(size_t index); /* NULL past the end */

/* "all", "recall,ndcg" or NULL (the default ones) into indexes of the table in
 * its order. ARGUMENT names what is not there and what is. */
recs_status recs__metrics_parse(const char *text, size_t chosen[RECS__METRICS], size_t *count,
                                recs_error *error);

/* Value of a metric made of cells; NaN where its denominator is 0. */
double recs__metric_value(const recs__metric *metric, const double *cells, double users);
/* Of one user's cells as they are kept. */
double recs__metric_user_value(const recs__metric *metric, const float *cells);

/* The Gini coefficient of how often each of `items` items was shown, given how
 * many items were shown each number of times: times[t], t up to most. */
double recs__metric_gini(const uint64_t *times, size_t most, uint64_t items);

/* 1 / log2(rank + 2) for ranks from 0, then its running sums: [2 * deepest]. */
void recs__metrics_discounts(double *discounts, size_t deepest);

/* One list against one test set. */
typedef struct recs__judged {
    const uint32_t *list;
    size_t length;
    const uint32_t *truth; /* sorted rows of the test items the model knows */
    size_t truth_known, truth_size; /* all of them, the unknown ones too: the denominator */
    const double *discounts;
    size_t deepest;
    const size_t *cutoffs;
    size_t cutoff_count;
} recs__judged;

/* The ranking cells RECALL to MAP and SHOWN at each cutoff: cells is
 * [cutoffs][RECS__CELLS], all zero before. O(length log truth). */
void recs__metrics_judge(const recs__judged *judged, double *cells);

/* The same first RECS__GROUP_CELLS cells for the test items of each group:
 * group_of by item row, sizes[g] test items of each; cells is
 * [groups][cutoffs][RECS__GROUP_CELLS], zero before. */
void recs__metrics_judge_groups(const recs__judged *judged, const uint8_t *group_of,
                                const uint32_t *sizes, size_t groups, float *cells);

bool recs__sorted_holds(const uint32_t *sorted, size_t count, uint32_t row);

#endif
