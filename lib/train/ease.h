/* ease.h - what the two ways of ease share: the matrix they regress in, and
 * where the rows of W go. */
#ifndef RECS_TRAIN_EASE_H
#define RECS_TRAIN_EASE_H

#include "train/neighbour_rows.h"
#include "train/sparse.h"
#include "train/trainer.h"

/* Of the settings (their table is in ease.c). */
typedef struct recs__ease {
    const recs__train_job *job;
    const recs_host *host;
    double regularization;
    size_t k;
    size_t candidates;
    recs__sparse by_unit; /* units x items: positive values of the units that count */
    recs__sparse by_item; /* its transpose */
    float *unit_weights;  /* [units] */
    float *history_scale, *target_scale; /* [items] n_i^-history_exponent, n_j^-target_exponent */
    float *diagonal;      /* [items] of G = X^T diag(unit_weights) X; 0: an item without units */
} recs__ease;

/* Bytes a way holds at its peak, its rows in the model included, for so many
 * items; UINT64_MAX: more than can be counted. */
uint64_t recs__ease_dense_bytes(size_t items, size_t k);
uint64_t recs__ease_sparse_bytes(const recs__ease *ease);

/* W into rows, which is empty before and whose room these make. MEMORY,
 * NUMERIC, CANCELLED. The dense way clears by_unit and by_item on its way. */
recs_status recs__ease_dense(recs__ease *ease, recs__neighbour_rows *rows, recs_error *error);
recs_status recs__ease_sparse(recs__ease *ease, recs__neighbour_rows *rows, recs_error *error);

/* The error of a system without a solution, at the item where it showed. */
recs_status recs__ease_singular(const recs__ease *ease, size_t item, recs_error *error);

#endif
