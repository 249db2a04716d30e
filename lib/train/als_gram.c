/* als_gram.c - the Gram matrix of a side, the rotation to its eigenvectors and
 * the way to columns at right angles.
 *
 * The objective of als depends on products x.y and lengths alone, so both
 * sides may be turned by the same orthogonal matrix at any time. */
#include "train/als.h"

#include "base/error.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "train/eigen.h"
#include "train/scratch.h"

#include <math.h>
#include <string.h>

recs_status recs__als_diverged(const recs__als *als, const char *what, recs_error *error) {
    return recs__fail(error, RECS_ERR_NUMERIC,
                      "als %s; raise regularization (now %.9g) or lower alpha (now %.9g)", what,
                      (double)als->regularization, (double)als->alpha);
}

/* ---- the Gram matrix --------------------------------------------------------- */

typedef struct gram_work {
    const float *rows;
    float *partial; /* [parts][factors][stride] */
    size_t factors, stride, count, rows_per_part;
} gram_work;

static void gram_task(void *arg, size_t index) {
    gram_work *work = arg;
    size_t first = index * work->rows_per_part;
    size_t count = work->count - first < work->rows_per_part ? work->count - first
                                                              : work->rows_per_part;
    float *part = work->partial + index * work->factors * work->stride;
    memset(part, 0, work->factors * work->stride * sizeof *part);
    recs__kernels_get()->syrk(NULL, work->rows + first * work->stride, work->stride, NULL, count,
                              part, work->stride, work->factors);
}

/* Few when each is large. */
size_t recs__als_parts(size_t count, size_t factors) {
    size_t most = factors <= 256 ? 32 : 4, parts = (count + 1023) / 1024;
    return parts < 1 ? 1 : parts < most ? parts : most;
}

recs_status recs__als_gram(recs__als *als, const recs__als_side *side, recs_error *error) {
    size_t count = side->matrix->rows, factors = als->factors, stride = als->stride;
    size_t parts = recs__als_parts(count, factors);
    float *gram = als->gram;
    gram_work work = {side->factors, als->partial, factors, stride, count,
                      (count + parts - 1) / parts};

    parts = work.rows_per_part ? (count + work.rows_per_part - 1) / work.rows_per_part : 0;
    memset(gram, 0, factors * stride * sizeof *gram);
    recs__run(als->host, gram_task, &work, parts);
    for (size_t part = 0; part < parts; part++)
        recs__kernels_get()->axpy(1.0f, als->partial + part * factors * stride, gram,
                                  factors * stride);
    bool finite = true;
    for (size_t j = 0; j < factors; j++) {
        for (size_t l = 0; l < j; l++)
            gram[l * stride + j] = gram[j * stride + l];
        als->diagonal[j] = gram[j * stride + j];
        finite &= isfinite(als->diagonal[j]);
    }
    als->rotated = false;
    return finite ? RECS_OK : recs__als_diverged(als, "diverged: factors left float32", error);
}

float recs__als_skew(const recs__als *als, const recs__als_side *read) {
    recs__foldin system = recs__als_system(als, read);
    float lambda = recs__foldin_regularization(&system, 1), most = 0.0f;
    for (size_t j = 0; j < als->factors; j++)
        for (size_t l = 0; l < j; l++) {
            float beside = als->gram[j * als->stride + l];
            float share = beside * beside /
                          ((als->diagonal[j] + lambda) * (als->diagonal[l] + lambda));
            most = share > most ? share : most;
        }
    return sqrtf(most);
}

/* ---- rotation ------------------------------------------------------------------- */

#define TURN_ROWS 32

typedef struct turn_work {
    const recs__als *als;
    const float *turn; /* [factors][stride]: column k is the k-th eigenvector */
    float *rows;
    size_t count;
    recs__scratch scratch;
    atomic_bool out_of_memory;
} turn_work;

static void turn_task(void *arg, size_t index) {
    turn_work *work = arg;
    size_t stride = work->als->stride, first = index * TURN_ROWS;
    size_t count = work->count - first < TURN_ROWS ? work->count - first : TURN_ROWS;
    float *rows = work->rows + first * stride, *kept = recs__scratch_take(&work->scratch);

    if (!kept) {
        atomic_store(&work->out_of_memory, true);
        return;
    }
    memcpy(kept, rows, count * stride * sizeof *rows);
    memset(rows, 0, count * stride * sizeof *rows);
    recs__kernels_get()->multiply(kept, stride, 1, count, work->turn, stride, work->als->factors, rows,
                                  stride, stride);
    recs__scratch_give(&work->scratch, kept);
}

static recs_status turn_side(const recs__als *als, const float *turn, recs__als_side *side,
                             recs_error *error) {
    size_t bytes = TURN_ROWS * als->stride * sizeof(float);
    turn_work work = {.als = als, .turn = turn, .rows = side->factors, .count = side->matrix->rows};

    recs__scratch_init(&work.scratch, bytes, als->host);
    atomic_init(&work.out_of_memory, false);
    recs__run(als->host, turn_task, &work, (work.count + TURN_ROWS - 1) / TURN_ROWS);
    recs__scratch_clear(&work.scratch);
    return atomic_load(&work.out_of_memory) ? recs__fail_memory(error, bytes) : RECS_OK;
}

/* gram in double, [factors][factors]. NULL: no memory. */
static double *widened(const recs__als *als, recs_error *error) {
    size_t factors = als->factors;
    double *wide = recs__alloc_aligned(als->host, factors * factors, sizeof *wide, error);
    for (size_t j = 0; wide && j < factors; j++)
        for (size_t l = 0; l < factors; l++)
            wide[j * factors + l] = (double)als->gram[j * als->stride + l];
    return wide;
}

/* turn (stride columns, padded with +0) and diagonal from gram. */
static recs_status decompose(recs__als *als, float *turn, recs_error *error) {
    size_t factors = als->factors, stride = als->stride;
    double *vectors = widened(als, error);
    double *values = vectors ? recs__alloc_aligned(als->host, 4 * factors, sizeof *values, error)
                             : NULL;
    recs_status status = values ? RECS_OK : RECS_ERR_MEMORY;

    if (status == RECS_OK && !recs__eigen(vectors, factors, values, values + factors))
        status = recs__als_diverged(als, "cannot decompose the Gram matrix", error);
    if (status == RECS_OK) {
        memset(turn, 0, factors * stride * sizeof *turn);
        for (size_t j = 0; j < factors; j++)
            for (size_t k = 0; k < factors; k++)
                turn[j * stride + k] = (float)vectors[k * factors + j];
        for (size_t k = 0; k < factors; k++)
            als->diagonal[k] = values[k] > 0.0 ? (float)values[k] : 0.0f;
    }
    recs__free_aligned(als->host, values);
    recs__free_aligned(als->host, vectors);
    return status;
}

recs_status recs__als_rotate(recs__als *als, recs__als_side *side, recs__als_side *other,
                             recs_error *error) {
    float *turn = recs__alloc_aligned(als->host, als->factors * als->stride, sizeof *turn, error);
    recs_status status = turn ? decompose(als, turn, error) : RECS_ERR_MEMORY;

    if (status == RECS_OK)
        status = turn_side(als, turn, side, error);
    if (status == RECS_OK && other && !other->cold)
        status = turn_side(als, turn, other, error);
    if (status == RECS_OK)
        als->rotated = true;
    recs__free_aligned(als->host, turn);
    return status;
}

/* ---- columns at right angles ------------------------------------------------------ */

#define DEPENDENT 1e-5 /* of a column's square is left: it is the rounding of float32 */

/* The transposed inverse of a's lower Cholesky factor, in place, row k what
 * column k of the side becomes; rows and columns of dependent ones zero. */
static void invert_root(double *a, size_t n, bool *empty) {
    for (size_t j = 0; j < n; j++) {
        double *row = a + j * n, square = row[j];
        for (size_t l = 0; l < j; l++) {
            double sum = row[l];
            for (size_t i = 0; i < l; i++)
                sum -= row[i] * a[l * n + i];
            row[l] = empty[l] ? 0.0 : sum / a[l * n + l];
            square -= row[l] * row[l];
        }
        empty[j] = !(square > DEPENDENT * row[j]);
        row[j] = empty[j] ? 0.0 : sqrt(square);
    }
    for (size_t j = 0; j < n; j++) { /* row j of L^-1 from the rows above, in place */
        double *row = a + j * n;
        for (size_t l = 0; l < j; l++) {
            double factor = row[l];
            row[l] = 0.0;
            for (size_t i = 0; i <= l && factor != 0.0; i++)
                row[i] -= factor * a[l * n + i];
        }
        double scale = empty[j] ? 0.0 : 1.0 / row[j];
        for (size_t i = 0; i < j; i++)
            row[i] *= scale;
        row[j] = scale;
    }
}

recs_status recs__als_orthogonalise(recs__als *als, recs__als_side *side, float length,
                                    bool *empty, recs_error *error) {
    size_t factors = als->factors, stride = als->stride;
    double *root = widened(als, error);
    float *turn = root ? recs__alloc_aligned(als->host, factors * stride, sizeof *turn, error)
                       : NULL;
    recs_status status = turn ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK) {
        invert_root(root, factors, empty);
        memset(turn, 0, factors * stride * sizeof *turn);
        for (size_t j = 0; j < factors; j++)
            for (size_t l = 0; l <= j; l++)
                turn[l * stride + j] = (float)(root[j * factors + l] * (double)length);
        status = turn_side(als, turn, side, error);
    }
    recs__free_aligned(als->host, turn);
    recs__free_aligned(als->host, root);
    return status;
}
