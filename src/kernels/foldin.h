/* foldin.h - a visitor's factors from a history: the one solver that both
 * training's last half-step and every request use, so that stored, given and
 * second-old histories agree to the bit.
 *
 * Minimises, for fixed item factors y (Hu, Koren, Volinsky 2008; the scaled
 * regularisation of Rendle et al. 2021),
 *
 *     sum over all items of (x.y_i)^2
 *   + sum over the history of alpha |v_i| (x.y_i)^2, observed p_i = 1 or 0
 *   + lambda_u |x|^2
 *
 * that is (D + lambda_u I + sum alpha |v_i| y_i y_i^T) x = sum over v_i > 0 of
 * (1 + alpha v_i) y_i. D is the Gram matrix of the items, diagonal because
 * training rotates the factors to its eigenvectors. A disliked item (v < 0) is
 * an observation of preference 0.
 *
 * A history shorter than the factors is solved in as many dimensions as it has
 * entries (the identity of Sherman, Morrison and Woodbury): with
 * L = D + lambda_u I, w_i = alpha |v_i|, c_i the right-hand side's weights and
 * Z the rows sqrt(w_i) y_i L^-1/2,
 *
 *     K = I + Z Z^T,   t = K^-1 (c_i / sqrt(w_i)),
 *     x = L^-1 sum of sqrt(w_i) t_i y_i.
 *
 * y_i L^-1 y_i <= 1 since y_i y_i^T is a part of D, so that no entry of K's
 * diagonal is above 1 + w_i: it is well conditioned for any lambda. A longer
 * one is solved in the dimensions of the factors. Both by Cholesky in the
 * canonical update order. */
#ifndef RECS_KERNELS_FOLDIN_H
#define RECS_KERNELS_FOLDIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct recs__foldin {
    const float *item_factors; /* [items][stride], rows padded with +0     */
    const float *gram;         /* [factors], the diagonal of the Gram matrix */
    uint32_t items;
    size_t factors, stride;
    float alpha, regularization, regularization_exponent;
    uint32_t items_trained;
    const uint16_t *item_halves; /* the same rows as bfloat16, where item_factors is NULL; x is
                                  then rounded to bfloat16, as a stored user's is */
} recs__foldin;

/* lambda_u of a history of count entries. */
float recs__foldin_regularization(const recs__foldin *foldin, size_t count);

/* Floats of scratch a call needs for histories of at most count entries. */
size_t recs__foldin_scratch(const recs__foldin *foldin, size_t count);

/* rows ascend and are below items, values are finite and not 0. x receives
 * stride floats, padded with +0. False when the system is singular or the
 * answer not finite: x is then all +0. On success the scratch holds the
 * Cholesky factor for recs__foldin_contributions.
 * Cost: n entries, f factors, s the smaller and l the larger of them:
 * s^2 l / 2 + s^3 / 6 multiply-adds. */
bool recs__foldin_solve(const recs__foldin *foldin, const uint32_t *rows, const float *values,
                        size_t count, float *scratch, float *x);

/* After solve with the same arguments: how much each history entry adds to
 * the score of the item whose factors are y: out[i] = (1 + alpha v_i) y_i . z
 * with z = A^-1 y, and 0 for dislikes. z_room: stride floats. */
void recs__foldin_contributions(const recs__foldin *foldin, const uint32_t *rows,
                                const float *values, size_t count, const float *scratch,
                                const float *y, float *z_room, float *out);

#endif
