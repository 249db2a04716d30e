/* ease.c - the linear autoencoder with a closed form: W predicts every item
 * of a unit from its others by ridge regression.
 *
 * Steck, WWW 2019 (EASE). Over the units x items matrix X (users or baskets,
 * only positive values), D = diag(d_u^-user_exponent) with d_u the items of a
 * unit, and regularization lambda:
 *
 *     W = argmin sum_u D_u |x_u - x_u W|^2 + lambda |W|^2   with diag W = 0
 *       = I - P diag(1 / P_jj),   P = (X^T D X + lambda I)^-1
 *
 * and each W_ij is divided by n_i^history_exponent n_j^target_exponent, n the
 * units of an item: a little of either holds bestsellers back, which ridge
 * regression alone favours. All exponents 0 is the published model. The dense way (ease_dense.c) inverts
 * the whole matrix and keeps the k entries of largest magnitude of each row
 * of W (of both signs: a negative one says "rather not with that"); the sparse
 * way (ease_sparse.c) regresses every item on its `candidates` most alike
 * ones only.
 *
 * method=auto takes the dense way for up to DENSE_ITEMS items when its matrix
 * fits the memory there is; beyond, its time grows with the cube of the items
 * and what was measured of the sparse way is as good or better (docs/models.md).
 * What it took goes into the model's own description. */
#include "train/ease.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "model/format.h"
#include "train/budget.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    REGULARIZATION,
    K,
    METHOD,
    CANDIDATES,
    USER_EXPONENT,
    HISTORY_EXPONENT,
    TARGET_EXPONENT,
    LONGEST,
    SETTING_COUNT
};
enum { AUTO, DENSE, SPARSE };

#define DENSE_ITEMS 10000 /* of method=auto: 10^12 flops, half a minute of a processor */

static const recs__setting ease_settings[] = {
    [REGULARIZATION] = {"regularization", 10, 1e-6, 1e9, false, NULL, 0},
    [K] = {"k", 200, 1, 100000, true, NULL, 0},
    [METHOD] = {"method", AUTO, 0, 0, false, "auto|dense|sparse", 0},
    [CANDIDATES] = {"candidates", 200, 1, 2000, true, NULL, 0},
    [USER_EXPONENT] = {"user_exponent", 0.5, 0, 2, false, NULL, 0},
    [HISTORY_EXPONENT] = {"history_exponent", 0, 0, 1, false, NULL, 0},
    [TARGET_EXPONENT] = {"target_exponent", 0, 0, 1, false, NULL, 0},
    [LONGEST] = {"longest", 10000, 1, 4294967295.0, true, NULL, 0},
};

recs_status recs__ease_singular(const recs__ease *ease, size_t item, recs_error *error) {
    const recs__ids *ids = &ease->job->training->item_ids;
    char id[64] = "";
    size_t size = 0;
    const char *text = item < ids->count ? recs__ids_get(ids, (uint32_t)item, &size) : NULL;
    if (text && size < sizeof id)
        memcpy(id, text, size);
    return recs__fail(error, RECS_ERR_NUMERIC,
                      "%s: no finite solution with regularization=%.9g (it showed near item "
                      "\"%s\"): raise regularization, or even out the values (weight=log1p, "
                      "cap(n) or binary)",
                      ease->job->spec->name, ease->regularization, id);
}

/* ---- the matrix ---------------------------------------------------------------------------- */

static size_t usable(const recs__csr *units, uint32_t unit, double longest, uint64_t *at,
                     size_t *count) {
    size_t positive = 0;
    *count = recs__csr_row(units, unit, at);
    for (size_t i = 0; i < *count; i++)
        positive += units->values[*at + i] > 0.0f;
    return (double)positive <= longest ? positive : 0;
}

static recs_status matrix(recs__ease *ease, recs_error *error) {
    const recs__csr *units = &ease->job->training->units;
    const double *settings = ease->job->spec->settings;
    uint64_t entries = 0, put = 0, at;
    size_t count;

    for (uint32_t u = 0; u < units->rows; u++)
        entries += usable(units, u, settings[LONGEST], &at, &count);
    recs_status status = recs__sparse_create(&ease->by_unit, units->rows, units->column_count,
                                             entries, ease->host, error);
    if (status)
        return status;
    ease->unit_weights =
        recs__alloc(ease->host, units->rows, sizeof *ease->unit_weights, error);
    ease->diagonal =
        recs__alloc_zero(ease->host, units->column_count, sizeof *ease->diagonal, error);
    if (!ease->unit_weights || !ease->diagonal)
        return RECS_ERR_MEMORY;
    for (uint32_t u = 0; u < units->rows; u++) {
        size_t positive = usable(units, u, settings[LONGEST], &at, &count);
        float weight =
            positive ? (float)recs__pow((double)positive, -settings[USER_EXPONENT]) : 0.0f;
        ease->unit_weights[u] = weight;
        for (size_t i = 0; positive && i < count; i++) {
            float value = units->values[at + i];
            if (!(value > 0.0f))
                continue;
            ease->by_unit.columns[put] = units->columns[at + i];
            ease->by_unit.values[put++] = value;
        }
        ease->by_unit.offsets[u + 1] = put;
    }
    recs__csr view = recs__sparse_view(&ease->by_unit);
    status = recs__sparse_transpose(&ease->by_item, &view, ease->host, error);
    for (uint32_t i = 0; i < ease->by_item.rows && status == RECS_OK; i++) {
        double sum = 0.0;
        for (uint64_t e = ease->by_item.offsets[i]; e < ease->by_item.offsets[i + 1]; e++) {
            double value = (double)ease->by_item.values[e];
            sum += value * value * (double)ease->unit_weights[ease->by_item.columns[e]];
        }
        ease->diagonal[i] = (float)sum;
        if (!isfinite(ease->diagonal[i]))
            status = recs__ease_singular(ease, i, error);
    }
    return status;
}

static recs_status scales(recs__ease *ease, recs_error *error) {
    const double *settings = ease->job->spec->settings;
    size_t items = ease->by_item.rows;
    ease->history_scale = recs__alloc(ease->host, items, sizeof *ease->history_scale, error);
    ease->target_scale = recs__alloc(ease->host, items, sizeof *ease->target_scale, error);
    if (!ease->history_scale || !ease->target_scale)
        return RECS_ERR_MEMORY;
    for (size_t i = 0; i < items; i++) {
        double n = (double)(ease->by_item.offsets[i + 1] - ease->by_item.offsets[i]);
        n = n < 1.0 ? 1.0 : n;
        ease->history_scale[i] = (float)recs__pow(n, -settings[HISTORY_EXPONENT]);
        ease->target_scale[i] = (float)recs__pow(n, -settings[TARGET_EXPONENT]);
    }
    return RECS_OK;
}

/* ---- training ------------------------------------------------------------------------------ */

/* Which way, and whether it fits; what is going to happen goes to the log. */
static recs_status choose(const recs__ease *ease, size_t *method, recs_error *error) {
    size_t items = ease->by_item.rows;
    uint64_t dense = recs__ease_dense_bytes(items, ease->k);
    uint64_t sparse = recs__ease_sparse_bytes(ease);
    char what[96], need[RECS__BUDGET_TEXT];

    *method = (size_t)ease->job->spec->settings[METHOD];
    if (*method == AUTO)
        *method = items <= DENSE_ITEMS &&
                          recs__budget_check(ease->job, dense, "", NULL) == RECS_OK
                      ? DENSE
                      : SPARSE;
    snprintf(what, sizeof what, *method == DENSE
                                    ? "the matrix of %zu items (method=sparse takes less)"
                                    : "regressing %zu items",
             items);
    recs_status status =
        recs__budget_check(ease->job, *method == DENSE ? dense : sparse, what, error);
    if (status)
        return status;
    recs__host_log(ease->host, RECS_LOG_INFO, "%s: %zu items, method=%s, up to %s of memory",
                   ease->job->spec->name, items, *method == DENSE ? "dense" : "sparse",
                   recs__budget_text(*method == DENSE ? dense : sparse, need));
    return RECS_OK;
}

static recs_status train_ease(const recs__train_job *job, recs__trained *trained,
                              recs_error *error) {
    const double *settings = job->spec->settings;
    recs__ease ease = {.job = job,
                       .host = &job->training->host,
                       .regularization = settings[REGULARIZATION],
                       .k = (size_t)settings[K],
                       .candidates = (size_t)settings[CANDIDATES]};
    recs__neighbour_rows rows = {0};
    size_t method = DENSE;
    recs_status status = matrix(&ease, error);

    if (status == RECS_OK)
        status = scales(&ease, error);
    if (status == RECS_OK)
        status = choose(&ease, &method, error);
    if (status == RECS_OK)
        status = method == DENSE ? recs__ease_dense(&ease, &rows, error)
                                 : recs__ease_sparse(&ease, &rows, error);
    if (status == RECS_OK) {
        trained->kind = RECS__KIND_ITEMS;
        for (uint32_t i = 0; i < job->training->units.column_count; i++)
            trained->items_trained += ease.diagonal[i] > 0.0f;
        recs__trained_resolve(trained, METHOD, (double)method);
        recs__neighbour_rows_hand_over(&rows, trained);
    }
    recs__neighbour_rows_clear(&rows);
    recs__sparse_clear(&ease.by_unit, ease.host);
    recs__sparse_clear(&ease.by_item, ease.host);
    recs__free(ease.host, ease.unit_weights);
    recs__free(ease.host, ease.diagonal);
    recs__free(ease.host, ease.history_scale);
    recs__free(ease.host, ease.target_scale);
    return status;
}

const recs__trainer recs__trainer_ease = {.name = "ease",
                                          .settings = ease_settings,
                                          .setting_count = SETTING_COUNT,
                                          .train = train_ease,
                                          .blas = true};
