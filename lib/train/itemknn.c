/* itemknn.c - item-based nearest neighbours: W[i][j], how much having item i
 * speaks for item j, the k largest of each row kept.
 *
 * Sarwar, Karypis, Konstan, Riedl, WWW 2001 (cosine); Deshpande, Karypis, TOIS
 * 2004 (users with long histories count less); Aiolli, RecSys 2013
 * (asymmetric cosine). Over the units x items matrix X (users or baskets, only
 * positive values), with d_u the items of a unit and n_i = sum over u of
 * x_ui^2 (for binary values: the units of an item):
 *
 *   c_ij     = sum over u of x_ui x_uj d_u^-user_exponent
 *   cosine   W_ij = c_ij / (n_i^asymmetry n_j^(1 - asymmetry) + shrinkage)
 *   tfidf    the same on x = sqrt(x) ln(items / (1 + d_u))
 *   bm25     W_ij = c_ij on x = x (K1 + 1) / (K1 (1 - B + B n_i / mean n) + x) *
 *            ln(items / (1 + d_u)), n_i here the sum of x_ui
 *   jaccard  W_ij = |i and j| / (|i or j| + shrinkage), values ignored
 *
 * asymmetry 0.5 is the plain cosine; above it, neighbours that are bestsellers
 * are held back less than history items that are, which on every log tried
 * ranks better. Units with more than `longest` items are left out: they tell
 * little and cost the square of their length.
 *
 * The product and the choice of each row's k are sparse_product.c's, the same
 * bytes for any threads and instruction set. Cost: sum over units of d_u^2
 * multiply-adds; memory 8 bytes per kept neighbour, 26 bytes per interaction and
 * 8 bytes per item and running task. Under a memory budget all but 2 to 4 of
 * those 26 are in files, which the product reads in the order of items. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "model/format.h"
#include "train/budget.h"
#include "train/evidence.h"
#include "train/sparse_product.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SIMILARITY,
    K,
    SHRINKAGE,
    ASYMMETRY,
    USER_EXPONENT,
    BM25_K1,
    BM25_B,
    LONGEST,
    COLUMN_K,
    SETTING_COUNT
};
enum { COSINE, TFIDF, BM25, JACCARD };

static const recs__setting itemknn_settings[] = {
    [SIMILARITY] = {"similarity", COSINE, 0, 0, false, "cosine|tfidf|bm25|jaccard", 0},
    [K] = {"k", 200, 1, 100000, true, NULL, 0},
    [SHRINKAGE] = {"shrinkage", 0, 0, 1e9, false, NULL, 0},
    [ASYMMETRY] = {"asymmetry", 0.6, 0, 1, false, NULL, 0},
    [USER_EXPONENT] = {"user_exponent", 0.5, 0, 2, false, NULL, 0},
    [BM25_K1] = {"k1", 1.2, 0, 1000, false, NULL, 0},
    [BM25_B] = {"b", 0.75, 0, 1, false, NULL, 0},
    [LONGEST] = {"longest", 10000, 1, 4294967295.0, true, NULL, 0},
    [COLUMN_K] = {"column_k", 0, 0, 100000, true, NULL, 0},
};

typedef struct itemknn {
    const recs__train_job *job;
    const recs_host *host, *big; /* big: of the two copies of the matrix */
    recs__sparse by_unit; /* transformed, long units empty, only positive values */
    recs__sparse by_item;
    bool ones;            /* by_unit stands for a matrix of ones, its values are in by_item */
    float *row, *column;  /* [items]: the two factors of the denominator, or one over them */
    double *mass;         /* [items]: sums of values, for bm25 */
    unsigned similarity;
    float shrinkage;
} itemknn;

/* ---- the matrix the similarities are made of ----------------------------------------------- */

/* The positive values, transformed per unit; the sums bm25 needs of items are
 * taken before. */
static recs_status transform(itemknn *w, recs_error *error) {
    const double *settings = w->job->spec->settings;
    recs__sparse *units = &w->by_unit;
    double *mass = w->mass, total = 0.0, items;
    recs_status status = recs__evidence_copy(units, &w->job->training->units, settings[LONGEST],
                                             w->big, error);
    if (status)
        return status;
    items = (double)units->column_count;
    memset(mass, 0, (size_t)units->column_count * sizeof *mass);
    for (uint64_t e = 0; e < units->entries; e++) {
        mass[units->columns[e]] += (double)units->values[e];
        total += (double)units->values[e];
    }
    double mean = units->column_count ? total / items : 1.0;
    for (uint32_t u = 0; u < units->rows; u++) {
        double own = (double)(units->offsets[u + 1] - units->offsets[u]);
        double idf = recs__log2(items / (1.0 + own)) * 0.69314718055994530942;
        if (idf < 0.0)
            idf = 0.0;
        for (uint64_t e = units->offsets[u]; e < units->offsets[u + 1]; e++) {
            double x = (double)units->values[e];
            if (w->similarity == JACCARD)
                x = 1.0;
            else if (w->similarity == TFIDF)
                x = sqrt(x) * idf;
            else if (w->similarity == BM25)
                x = x * (settings[BM25_K1] + 1.0) /
                    (settings[BM25_K1] * (1.0 - settings[BM25_B] +
                                          settings[BM25_B] * mass[units->columns[e]] / mean) +
                     x) *
                    idf;
            units->values[e] = (float)x;
        }
    }
    return RECS_OK;
}

/* The denominator's factors; without shrinkage one over them, as the form of
 * the product wants it. */
static void norms(itemknn *w) {
    const double *settings = w->job->spec->settings;
    bool inverse = w->similarity != JACCARD && w->shrinkage == 0.0f;
    for (uint32_t i = 0; i < w->by_item.rows; i++) {
        double n = 0.0, row = 1.0, column = 1.0;
        for (uint64_t e = w->by_item.offsets[i]; e < w->by_item.offsets[i + 1]; e++)
            n += (double)w->by_item.values[e] * (double)w->by_item.values[e];
        if (w->similarity == JACCARD) {
            row = column = n;
        } else if (w->similarity != BM25 && n > 0.0) {
            row = recs__pow(n, settings[ASYMMETRY]);
            column = recs__pow(n, 1.0 - settings[ASYMMETRY]);
        }
        w->row[i] = (float)(inverse ? 1.0 / row : row);
        w->column[i] = (float)(inverse ? 1.0 / column : column);
    }
}

/* Folds d_u^-user_exponent into the copy that is read by item, so that the
 * product of both copies carries it once. After the norms were taken. */
static void weigh_units(itemknn *w) {
    double exponent = w->job->spec->settings[USER_EXPONENT];
    if (w->similarity == JACCARD || exponent == 0.0)
        return;
    for (uint64_t e = 0; e < w->by_item.entries; e++) {
        uint32_t u = w->by_item.columns[e];
        double degree = (double)(w->by_unit.offsets[u + 1] - w->by_unit.offsets[u]);
        w->by_item.values[e] = (float)((double)w->by_item.values[e] * recs__pow(degree, -exponent));
    }
}

/* ---- training ------------------------------------------------------------------------------ */

static recs_status prepare(itemknn *w, recs_error *error) {
    size_t items = w->job->training->units.column_count;
    recs_status status;

    w->row = recs__alloc(w->host, items, sizeof *w->row, error);
    w->column = w->row ? recs__alloc(w->host, items, sizeof *w->column, error) : NULL;
    w->mass = w->column ? recs__alloc(w->host, items, sizeof *w->mass, error) : NULL;
    if (!w->mass)
        return RECS_ERR_MEMORY;
    if ((status = transform(w, error)) != RECS_OK)
        return status;
    recs__csr view = recs__sparse_view(&w->by_unit);
    if ((status = recs__sparse_transpose(&w->by_item, &view, w->big, error)) != RECS_OK)
        return status;
    norms(w);
    weigh_units(w);
    w->ones = recs__evidence_fold(&w->by_unit, &w->by_item);
    return RECS_OK;
}

static recs_status neighbours(const itemknn *w, recs__trained *trained, recs_error *error) {
    recs__csr left = recs__sparse_view(&w->by_item), right = recs__sparse_view(&w->by_unit);
    recs__product product = {.left = &left, .right = &right, .ones = w->ones, .skip_self = true,
                             .k = (size_t)w->job->spec->settings[K]};
    recs__neighbour_rows rows;

    if (w->similarity == JACCARD || w->shrinkage != 0.0f) {
        product.form = w->similarity == JACCARD ? RECS__PRODUCT_OVERLAP : RECS__PRODUCT_RATIO;
        product.row_norm = w->row;
        product.column_norm = w->column;
        product.add = w->shrinkage;
    } else if (w->similarity != BM25) {
        product.row_scale = w->row;
        product.column_scale = w->column;
    }
    recs_status status = recs__product_best(&product, w->host, w->job->progress, "itemknn items",
                                            &rows, error);
    if (status == RECS_OK && w->job->spec->settings[COLUMN_K] > 0.0)
        status = recs__neighbour_rows_cut_columns(
            &rows, (size_t)w->job->spec->settings[COLUMN_K], error);
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

/* What is private under a budget: the labels of the interactions, which are
 * read in any order, the result, and for each item some sums. The two copies
 * of the matrix lie in files. */
static recs_status check_memory(const itemknn *w, recs_error *error) {
    const recs__csr *units = &w->job->training->units;
    uint64_t items = units->column_count, k = (uint64_t)w->job->spec->settings[K];
    uint64_t label = items <= UINT16_MAX + UINT64_C(1) ? 2 : 4;
    char what[96];

    snprintf(what, sizeof what, "%llu neighbours of each of %llu items",
             (unsigned long long)(k < items ? k : items), (unsigned long long)items);
    return recs__budget_check(w->job,
                              units->entries * label + items * (8 * (k < items ? k : items) + 64),
                              what, error);
}

static recs_status train_itemknn(const recs__train_job *job, recs__trained *trained,
                                 recs_error *error) {
    const double *settings = job->spec->settings;
    itemknn w = {.job = job, .host = &job->training->host,
                 .big = recs__training_big(job->training)};

    w.similarity = (unsigned)settings[SIMILARITY];
    w.shrinkage = (float)settings[SHRINKAGE];
    if (w.similarity == BM25 && w.shrinkage != 0.0f)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "itemknn: shrinkage=%.9g has no meaning with similarity=bm25, whose k1 "
                          "and b play its part",
                          settings[SHRINKAGE]);
    recs_status status = check_memory(&w, error);
    if (status == RECS_OK)
        status = prepare(&w, error);
    if (status == RECS_OK)
        status = neighbours(&w, trained, error);
    recs__sparse_clear(&w.by_unit, w.big);
    recs__sparse_clear(&w.by_item, w.big);
    recs__free(w.host, w.row);
    recs__free(w.host, w.column);
    recs__free(w.host, w.mass);
    return status;
}

const recs__trainer recs__trainer_itemknn = {"itemknn", itemknn_settings, SETTING_COUNT,
                                             train_itemknn, false};
