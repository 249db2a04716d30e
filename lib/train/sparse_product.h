/* sparse_product.h - the k best of each row of a product of two sparse
 * matrices, without the product: what item (and user) neighbours are made of.
 *
 *   sum_ij   = sum over m of left[i][m] right[m][j], m ascending
 *   value_ij = sum_ij * column_scale[j]                      RECS__PRODUCT_SCALED
 *            = sum_ij / (row_norm[i] column_norm[j] + add)   RECS__PRODUCT_RATIO
 *            = sum_ij / (row_norm[i] + column_norm[j] - sum_ij + add)   _OVERLAP
 *
 * The k largest values above zero of each row are kept, times row_scale[i].
 * All values of both matrices must be positive. Arithmetic is float32 in one
 * defined order, so the outcome does not depend on threads or instruction set.
 *
 * Cost: the sum over i and m of left of the length of right's row m in
 * multiply-adds, and a look at each column of a row that has many. Memory: 4
 * bytes an entry of right, 12 bytes a column, 8 bytes a value kept, and for
 * each running task 4 to 8 bytes a column and 16 k. */
#ifndef RECS_TRAIN_SPARSE_PRODUCT_H
#define RECS_TRAIN_SPARSE_PRODUCT_H

#include "train/neighbour_rows.h"

typedef enum recs__product_form {
    RECS__PRODUCT_SCALED,
    RECS__PRODUCT_RATIO,
    RECS__PRODUCT_OVERLAP
} recs__product_form;

typedef struct recs__product {
    const recs__csr *left, *right; /* rows x inner, inner x columns */
    bool ones;                     /* all values of right are 1: they are not read */
    recs__product_form form;
    const float *column_scale;           /* [columns]; NULL: 1 */
    const float *row_norm, *column_norm; /* [rows], [columns] */
    float add;
    const float *row_scale; /* [rows]; NULL: 1 */
    bool skip_self;         /* leave out column i of row i */
    size_t k;
} recs__product;

/* The most that recs__product_best holds at once beside left and right, its
 * outcome included, with two tasks running. O(entries of left). */
uint64_t recs__product_bytes(const recs__product *p);

/* Finds the rows; `stage` is what the progress is called. out is made here and
 * empty on failure. MEMORY, CANCELLED. */
recs_status recs__product_best(const recs__product *p, const recs_host *host,
                               recs__progress *progress, const char *stage,
                               recs__neighbour_rows *out, recs_error *error);

#endif
