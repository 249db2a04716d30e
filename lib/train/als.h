/* als.h - the parts of the als trainer: what a side is, its Gram matrix, its
 * rotation, and the half-step that solves its rows.
 *
 * A half-step reads the other side, whose Gram matrix is at hand, and writes
 * rows of its own side. Rows are independent, so that any slab of them can be
 * solved by itself: recs__als_solve takes a matrix of some rows and the number
 * of the first. */
#ifndef RECS_TRAIN_ALS_H
#define RECS_TRAIN_ALS_H

#include "kernels/foldin.h"
#include "train/trainer.h"

typedef enum recs__als_solver {
    RECS__ALS_AUTO,
    RECS__ALS_CG,      /* conjugate gradient, from where the row stands        */
    RECS__ALS_BLOCK,   /* iALS++: blocks of factors, each exactly, one after another */
    RECS__ALS_CHOLESKY /* exactly, through the fold-in                         */
} recs__als_solver;

/* Users or items. */
typedef struct recs__als_side {
    const recs__csr *matrix; /* its rows, the other side in columns */
    float *factors;          /* [rows][stride] */
    uint32_t trained;        /* rows with entries */
    size_t longest;          /* entries of the longest row */
    bool cold;               /* all factors are 0: nothing to start from */
} recs__als_side;

typedef struct recs__als {
    const recs_host *host;
    const recs__training *training;
    recs__progress *progress;
    size_t factors, stride;
    float alpha, regularization, exponent;
    unsigned cg_steps;
    size_t block;
    recs__als_side users, items;
    float *gram;     /* [factors][stride], both triangles: of the side read */
    float *diagonal; /* [stride]: its diagonal, padded with +0 */
    bool rotated;    /* beside the diagonal is nothing: gram is not filled */
    float *partial;  /* [recs__als_parts][factors][stride] */
    uint64_t done, total; /* half-steps */
} recs__als;

/* How many parts a Gram matrix of count rows is summed in: by the data alone. */
size_t recs__als_parts(size_t count, size_t factors);

/* gram and diagonal of a side. NUMERIC when they are not finite: the training
 * has diverged. rows * f^2 / 2 multiply-adds. */
recs_status recs__als_gram(recs__als *als, const recs__als_side *side, recs_error *error);

/* How far gram, of side read, is from its diagonal: the largest entry beside it
 * relative to the roots of the two on it, each with the least regularisation. */
float recs__als_skew(const recs__als *als, const recs__als_side *read);

/* Turns side (and other, unless NULL) to the eigenvectors of side's gram, so
 * that products stay and side's Gram matrix is diagonal. MEMORY, NUMERIC.
 * rows * f^2 multiply-adds and a decomposition. */
recs_status recs__als_rotate(recs__als *als, recs__als_side *side, recs__als_side *other,
                             recs_error *error);

/* Turns side so that its columns, whose Gram matrix is als->gram, are at right
 * angles and of the given length; columns that depend on those before them
 * become +0 and empty. MEMORY. rows * f^2 / 2 multiply-adds. */
recs_status recs__als_orthogonalise(recs__als *als, recs__als_side *side, float length,
                                    bool *empty, recs_error *error);

/* Item factors to begin with, those of items without interactions as they are;
 * the users' are zero and cold afterwards. MEMORY, NUMERIC, CANCELLED. About 4 passes of
 * entries * factors multiply-adds. */
recs_status recs__als_begin(recs__als *als, uint64_t seed, recs_error *error);

/* Multiplies each column of one side and divides that of the other so that both
 * weigh the same in the objective. No product changes. MEMORY. */
recs_status recs__als_balance(recs__als *als, recs_error *error);

/* The system of rows of own against read: the fold-in's, with the diagonal. */
recs__foldin recs__als_system(const recs__als *als, const recs__als_side *read);

/* Rows first … first + slab->rows of own from their entries in slab, which
 * are columns of read. MEMORY, NUMERIC, CANCELLED. */
recs_status recs__als_solve(recs__als *als, const recs__als_side *read, recs__als_side *own,
                            recs__als_solver solver, const recs__csr *slab, uint32_t first,
                            recs_error *error);

/* The error of numbers that left float32. */
recs_status recs__als_diverged(const recs__als *als, const char *what, recs_error *error);

#endif
