/* evidence.h - the part of the units that item models count: positive values
 * of units that are not too long. */
#ifndef RECS_TRAIN_EVIDENCE_H
#define RECS_TRAIN_EVIDENCE_H

#include "train/sparse.h"

#include <stdbool.h>

/* Copies the values above zero; a unit with none, or with more than longest,
 * is an empty row. Bots and resellers tell little and cost the square of
 * their length. O(entries). MEMORY. */
recs_status recs__evidence_copy(recs__sparse *out, const recs__csr *units, double longest,
                                const recs_host *host, recs_error *error);

/* Where every row has one value throughout, as all have without quantities or
 * ratings, left (the transpose of rows, or values in its shape) is multiplied
 * by them and rows stands for a matrix of ones: the same products, a third
 * less to read. True when that was done. */
bool recs__evidence_fold(const recs__sparse *rows, recs__sparse *left);

#endif
