/* rp3beta.c - random walks of three steps on the graph of units and items:
 * p3alpha and rp3beta, whose W[i][j] is how likely a walk from item i over a
 * unit ends at item j, popular ends held back by beta.
 *
 * Cooper, Lee, Radzik, Siantos, WWW 2014 companion (P3alpha); Paudel,
 * Christoffel, Newell, Bernstein, TiiS 7(1) 2017 (RP3beta). Over the units x
 * items matrix X of positive values, n_i the units of item i:
 *
 *   W_ij = sum over u of (1 / n_i)^alpha (x_ui' / sum over l of x_ul)^alpha / n_j^beta
 *
 * in the form of the reference evaluations (Ferrari Dacrema, Cremonesi,
 * Jannach 2019): the transition from an item to a unit does not look at
 * values, the one from a unit to item j does (x_uj) unless `implicit`. The k
 * largest of each row are kept; `normalize` then divides a row by its sum, so
 * that every item of a history says as much; of each column the column_k
 * largest stay after that, which those evaluations do with k itself and
 * which shortens the lists that bestsellers are on. p3alpha is beta = 0.
 *
 * The product is sparse_product.c's. Cost and memory as itemknn's. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "model/format.h"
#include "train/budget.h"
#include "train/evidence.h"
#include "train/sparse_product.h"

#include <math.h>

enum { ALPHA, K, COLUMN_K, NORMALIZE, IMPLICIT, LONGEST, BETA, SETTING_COUNT };
enum { NO, YES };

#define SETTINGS(k)                                                  \
    [ALPHA] = {"alpha", 0.9, 0, 4, false, NULL, 0},                     \
    [K] = {"k", k, 1, 100000, true, NULL, 0},                           \
    [COLUMN_K] = {"column_k", 0, 0, 100000, true, NULL, 0},             \
    [NORMALIZE] = {"normalize", YES, 0, 0, false, "no|yes", 0},         \
    [IMPLICIT] = {"implicit", YES, 0, 0, false, "no|yes", 0},           \
    [LONGEST] = {"longest", 10000, 1, 4294967295.0, true, NULL, 0}

static const recs__setting p3alpha_settings[] = {SETTINGS(300)};
static const recs__setting rp3beta_settings[] = {
    SETTINGS(300),
    [BETA] = {"beta", 0.2, 0, 4, false, NULL, 0},
};

typedef struct walk {
    const recs__train_job *job;
    const recs_host *host, *big; /* big: of the two copies of the matrix */
    recs__sparse by_unit, by_item;
    bool ones;
    float *start, *end; /* [items]: n^-alpha, n^-beta */
} walk;

/* Values of by_unit: the chance of each step from a unit, to the power of alpha. */
static void steps_of_units(walk *w) {
    const double *settings = w->job->spec->settings;
    recs__sparse *units = &w->by_unit;
    for (uint32_t u = 0; u < units->rows; u++) {
        uint64_t first = units->offsets[u], last = units->offsets[u + 1];
        double sum = 0.0, even = recs__pow((double)(last - first), -settings[ALPHA]);
        for (uint64_t e = first; e < last; e++)
            sum += (double)units->values[e];
        for (uint64_t e = first; e < last; e++)
            units->values[e] =
                (float)(settings[IMPLICIT] == YES
                            ? even
                            : recs__pow((double)units->values[e] / sum, settings[ALPHA]));
    }
}

static recs_status prepare(walk *w, double beta, recs_error *error) {
    const recs__training *training = w->job->training;
    const double *settings = w->job->spec->settings;
    uint32_t items = training->units.column_count;
    recs_status status = recs__evidence_copy(&w->by_unit, &training->units, settings[LONGEST],
                                             w->big, error);
    if (status)
        return status;
    steps_of_units(w);
    recs__csr view = recs__sparse_view(&w->by_unit);
    if ((status = recs__sparse_transpose(&w->by_item, &view, w->big, error)) != RECS_OK)
        return status;
    w->start = recs__alloc(w->host, items, sizeof *w->start, error);
    w->end = w->start ? recs__alloc(w->host, items, sizeof *w->end, error) : NULL;
    if (!w->end)
        return RECS_ERR_MEMORY;
    for (uint64_t e = 0; e < w->by_item.entries; e++)
        w->by_item.values[e] = 1.0f;
    for (uint32_t i = 0; i < items; i++) {
        double n = (double)(w->by_item.offsets[i + 1] - w->by_item.offsets[i]);
        w->start[i] = n > 0.0 ? (float)recs__pow(n, -settings[ALPHA]) : 1.0f;
        w->end[i] = n > 0.0 ? (float)recs__pow(n, -beta) : 1.0f;
    }
    w->ones = recs__evidence_fold(&w->by_unit, &w->by_item);
    return RECS_OK;
}

/* Every row of neighbours divided by its sum. */
static void normalize(const recs__neighbour_rows *rows) {
    recs__csr view = recs__neighbour_rows_view(rows);
    for (uint32_t i = 0; i < view.rows; i++) {
        double sum = 0.0;
        for (uint64_t e = view.offsets[i]; e < view.offsets[i + 1]; e++)
            sum += (double)view.values[e];
        for (uint64_t e = view.offsets[i]; e < view.offsets[i + 1]; e++)
            rows->values[e] = (float)((double)rows->values[e] / sum);
    }
}

static recs_status walks(const walk *w, const char *stage, recs__trained *trained,
                         recs_error *error) {
    const double *settings = w->job->spec->settings;
    recs__csr left = recs__sparse_view(&w->by_item), right = recs__sparse_view(&w->by_unit);
    recs__product product = {.left = &left, .right = &right, .ones = w->ones, .skip_self = true,
                             .column_scale = w->end, .k = (size_t)settings[K],
                             .row_scale = settings[NORMALIZE] == YES ? NULL : w->start};
    recs__neighbour_rows rows;
    uint64_t entries = (uint64_t)left.rows * (product.k < left.rows ? product.k : left.rows);
    recs_status status = recs__budget_check(w->job,
                                            recs__product_bytes(&product) +
                                                (settings[COLUMN_K] > 0.0 ? 24 * entries : 0),
                                            "the neighbours of the walks, fewer with a smaller k",
                                            error);
    if (status == RECS_OK)
        status = recs__product_best(&product, w->host, w->job->progress, stage, &rows, error);
    if (status)
        return status;
    recs__neighbour_rows_pack(&rows);
    if (settings[NORMALIZE] == YES)
        normalize(&rows);
    if (settings[COLUMN_K] > 0.0)
        status = recs__neighbour_rows_cut_columns(&rows, (size_t)settings[COLUMN_K], error);
    if (status) {
        recs__neighbour_rows_clear(&rows);
        return status;
    }
    trained->kind = RECS__KIND_ITEMS;
    for (uint32_t i = 0; i < left.rows; i++)
        trained->items_trained += left.offsets[i + 1] > left.offsets[i];
    recs__neighbour_rows_hand_over(&rows, trained);
    return RECS_OK;
}

static recs_status train_walks(const recs__train_job *job, double beta, const char *stage,
                               recs__trained *trained, recs_error *error) {
    walk w = {.job = job, .host = &job->training->host,
              .big = recs__training_big(job->training)};
    recs_status status = prepare(&w, beta, error);
    if (status == RECS_OK)
        status = walks(&w, stage, trained, error);
    recs__sparse_clear(&w.by_unit, w.big);
    recs__sparse_clear(&w.by_item, w.big);
    recs__free(w.host, w.start);
    recs__free(w.host, w.end);
    return status;
}

static recs_status train_p3alpha(const recs__train_job *job, recs__trained *trained,
                                 recs_error *error) {
    return train_walks(job, 0.0, "p3alpha items", trained, error);
}

static recs_status train_rp3beta(const recs__train_job *job, recs__trained *trained,
                                 recs_error *error) {
    return train_walks(job, job->spec->settings[BETA], "rp3beta items", trained, error);
}

const recs__trainer recs__trainer_p3alpha = {"p3alpha", p3alpha_settings, BETA, train_p3alpha,
                                             false};
const recs__trainer recs__trainer_rp3beta = {"rp3beta", rp3beta_settings, SETTING_COUNT,
                                             train_rp3beta, false};
