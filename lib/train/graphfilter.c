/* graphfilter.c - linear graph filters: no training by gradients, one function
 * of the item graph's spectrum.
 *
 * Over the units x items matrix X (users or baskets; positive values), with
 * d_u and d_i the sums of its rows and columns,
 *
 *   R = D_u^-user_exponent X D_i^-item_exponent
 *   P = R^T R, divided by its largest eigenvalue unless both exponents are 1/2
 *   W = D_i^-b f(P) D_i^b + ideal * D_i^-c V V^T D_i^c
 *
 * with f a transfer function (filter_shape.h), V the eigenvectors of P of the
 * `rank` largest eigenvalues, b popularity and c ideal_popularity; with
 * merge=early the ideal part is sharpened, too (filter=sharpen, f(x) = x S(x)):
 * times D_i^-b S(P) D_i^b from the right. GF-CF (Shen
 * et al., CIKM 2021), BSPM (Choi et al., SIGIR 2023), Turbo-CF (Park et al.,
 * SIGIR 2024: P^power entry by entry) and ChebyCF (Kim et al., SIGIR 2025) are
 * settings of it; docs/models.md lists which.
 *
 * W is dense. Where b = c it is served as U U'^T + sparse: the eigenvectors
 * carry f(x) + ideal of their own eigenvalues exactly, and what is left,
 * f(P) - V f(X) V^T, lives on small eigenvalues, where f is nearly f(0) + s x:
 * s (P - V X V^T) + f(0) on the diagonal, of whose rows the k largest entries
 * are kept. So f is never applied as a polynomial of a dense matrix, and all
 * that is cut off is the residual's smaller entries. Where b and c differ, the
 * eigenvectors carry the ideal part alone and the sparse rows all of f(P).
 *
 * Two ways to a row, the same but for one thing: dense rows (a product of
 * eigenvectors, then P's entries on top) see all of the residual; where P is
 * sparse enough only its own entries are looked at (SPARSE).
 *
 * Cost: the decomposition (svd.h), sum over units of d_u^2 multiply-adds for P,
 * and rank times items^2 (dense, on BLAS) or times the entries of P. Memory:
 * 32 bytes per entry of X, 4 (2 rank + k') bytes an item, k' twice the entries
 * kept, and the decomposition's. The eigenvectors come out of BLAS: the same
 * bytes for any number of threads, not for any processor. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "model/format.h"
#include "train/budget.h"
#include "train/filter_shape.h"
#include "train/filter_sharpen.h"
#include "train/linalg.h"
#include "train/neighbour_rows.h"
#include "train/scratch.h"
#include "train/sparse.h"
#include "train/svd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    FILTER,
    USER_EXPONENT,
    ITEM_EXPONENT,
    POWER,
    FLATNESS,
    DEGREE,
    TIME,
    MERGE,
    RANK,
    POPULARITY,
    IDEAL,
    IDEAL_POPULARITY,
    K,
    SETTING_COUNT
};

enum { LATE, EARLY };

static const recs__setting graphfilter_settings[] = {
    [FILTER] = {.name = "filter",
                .fallback = RECS__SHAPE_PLATEAU,
                .choices = "linear|second|third|sharpen|plateau|chebyshev"},
    [USER_EXPONENT] = {"user_exponent", 0.3, 0, 2, false, NULL, 0},
    [ITEM_EXPONENT] = {"item_exponent", 0.5, 0, 2, false, NULL, 0},
    [POWER] = {"power", 1, 0.01, 10, false, NULL, 0},
    [FLATNESS] = {"flatness", 3, 0.1, 100, false, NULL, 0},
    [DEGREE] = {"degree", 8, 1, RECS__SHAPE_DEGREES, true, NULL, 0},
    [TIME] = {"time", 2.5, 0, 10, false, NULL, 0},
    [MERGE] = {.name = "merge", .fallback = LATE, .choices = "late|early"},
    [RANK] = {"rank", 256, 0, 4096, true, NULL, 0},
    [POPULARITY] = {"popularity", 0.3, -1, 1, false, NULL, 0},
    [IDEAL] = {"ideal", 0.2, 0, 100, false, NULL, 0},
    [IDEAL_POPULARITY] = {"ideal_popularity", 0.3, -1, 1, false, NULL, 0},
    [K] = {"k", 300, 1, 100000, true, NULL, 0},
};

#define PANEL_FLOATS ((size_t)16 << 20) /* dense rows made at a time */
#define PANEL_ROWS 512
#define ROWS_PER_TASK 8
#define ROWS_PER_BATCH 512 /* between two looks at progress */
#define SPARSE 16 /* P is sparse where it has fewer than items^2 / SPARSE entries */

typedef struct filter {
    const recs__train_job *job;
    const recs_host *host;
    const double *settings;
    recs__shape shape;
    recs__sparse by_unit, by_item; /* R and its transpose */
    double *degree;                /* [items], over their mean */
    float *before, *after;         /* [items]: degree^-popularity and its inverse */
    recs__svd svd;
    double scale;   /* P = R^T R / scale     */
    double slope;   /* s of the sparse part  */
    double at_zero; /* f(0): on the diagonal */
    bool taken;     /* the eigenvectors carry f of their eigenvalues */
    float *left;    /* [items][stride]: V times what dense rows begin with; NULL: nothing */
    bool dense;
    recs__neighbour_rows rows;
    recs__scratch scratch;
    float *panel;
    size_t first_row, end_row;
    atomic_bool out_of_memory;
} filter;

/* ---- the graph -------------------------------------------------------------------------- */

static recs_status degrees(const filter *f, double *unit_degree, uint64_t *entries) {
    const recs__csr *units = &f->job->training->units;
    *entries = 0;
    memset(f->degree, 0, (size_t)units->column_count * sizeof *f->degree);
    for (uint32_t u = 0; u < units->rows; u++) {
        uint64_t at;
        size_t count = recs__csr_row(units, u, &at);
        unit_degree[u] = 0.0;
        for (size_t i = 0; i < count; i++) {
            double x = (double)units->values[at + i];
            if (!(x > 0.0))
                continue;
            unit_degree[u] += x;
            f->degree[units->columns[at + i]] += x;
            (*entries)++;
        }
    }
    return RECS_OK;
}

static double power_of(double x, double exponent) {
    return exponent == 0.0 || !(x > 0.0) ? 1.0 : recs__pow(x, exponent);
}

/* R of X, and the degrees of items over their mean, which changes no score and
 * keeps their powers near 1. */
static recs_status normalise(filter *f, recs_error *error) {
    const recs__csr *units = &f->job->training->units;
    uint32_t items = units->column_count;
    uint64_t entries, put = 0;
    f->degree = recs__alloc(f->host, items, sizeof *f->degree, error);
    double *unit_degree = recs__alloc(f->host, units->rows, sizeof *unit_degree, error);
    double *item_factor = recs__alloc(f->host, items, sizeof *item_factor, error);
    recs_status status = f->degree && unit_degree && item_factor ? RECS_OK : RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = degrees(f, unit_degree, &entries);
    if (status == RECS_OK)
        status = recs__sparse_create(&f->by_unit, units->rows, items, entries, f->host, error);
    double total = 0.0, used = 0.0;
    for (uint32_t i = 0; status == RECS_OK && i < items; i++) {
        total += f->degree[i];
        used += f->degree[i] > 0.0;
        item_factor[i] = power_of(f->degree[i], -f->settings[ITEM_EXPONENT]);
    }
    for (uint32_t u = 0; status == RECS_OK && u < units->rows; u++) {
        uint64_t at;
        size_t count = recs__csr_row(units, u, &at);
        double unit_factor = power_of(unit_degree[u], -f->settings[USER_EXPONENT]);
        for (size_t i = 0; i < count; i++) {
            if (!(units->values[at + i] > 0.0f))
                continue;
            uint32_t item = units->columns[at + i];
            f->by_unit.columns[put] = item;
            f->by_unit.values[put++] =
                (float)((double)units->values[at + i] * unit_factor * item_factor[item]);
        }
        f->by_unit.offsets[u + 1] = put;
    }
    for (uint32_t i = 0; status == RECS_OK && i < items; i++)
        f->degree[i] = used > 0.0 ? f->degree[i] * used / total : 0.0;
    recs__free(f->host, unit_degree);
    recs__free(f->host, item_factor);
    if (status)
        return status;
    for (uint64_t e = 0; e < entries; e++)
        if (!isfinite(f->by_unit.values[e]))
            return recs__fail(error, RECS_ERR_NUMERIC,
                              "graphfilter: the values of the log leave float32 under "
                              "user_exponent=%g and item_exponent=%g: take weight=log1p",
                              f->settings[USER_EXPONENT], f->settings[ITEM_EXPONENT]);
    recs__csr view = recs__sparse_view(&f->by_unit);
    return recs__sparse_transpose(&f->by_item, &view, f->host, error);
}

/* ---- the spectrum ------------------------------------------------------------------------ */

static double eigenvalue(const filter *f, size_t k) {
    return f->svd.values[k] * f->svd.values[k] / f->scale;
}

static recs_status decompose(filter *f, recs_error *error) {
    const double *settings = f->settings;
    recs__csr by_unit = recs__sparse_view(&f->by_unit);
    recs__csr by_item = recs__sparse_view(&f->by_item);
    size_t rank = (size_t)settings[RANK];
    recs_status status = recs__svd_truncated(&f->svd, &by_unit, &by_item, rank ? rank : 1,
                                             f->job->seed, f->host, f->job->progress,
                                             "graphfilter: eigenvectors, round", error);
    if (status)
        return status;
    bool bounded = settings[USER_EXPONENT] == 0.5 && settings[ITEM_EXPONENT] == 0.5;
    f->scale = bounded || f->svd.rank == 0 ? 1.0 : f->svd.values[0] * f->svd.values[0];
    double end = 1.0;
    if (rank == 0)
        f->svd.rank = 0;
    else if (f->svd.rank == rank)
        end = eigenvalue(f, rank - 1);
    recs__shape_init(&f->shape, (recs__shape_kind)settings[FILTER], settings[FLATNESS],
                     (size_t)settings[DEGREE], settings[TIME]);
    f->taken = f->svd.rank > 0 && settings[POWER] == 1.0 &&
               (settings[IDEAL] == 0.0 || settings[POPULARITY] == settings[IDEAL_POPULARITY]);
    f->slope = recs__shape_slope(&f->shape, end);
    f->at_zero = recs__shape_at(&f->shape, 0.0);
    return RECS_OK;
}

/* What dense rows begin with: f and the sparse part's share of the eigenvectors. */
static recs_status prepare_left(filter *f, recs_error *error) {
    size_t items = f->by_unit.column_count, stride = f->svd.stride, rank = f->svd.rank;
    float weights[4096];
    bool any = false;
    for (size_t k = 0; k < rank; k++) {
        double value = eigenvalue(f, k), shape = recs__shape_at(&f->shape, value) - f->at_zero;
        double weight = -f->slope * value + (f->taken ? 0.0 : shape);
        weights[k] = f->settings[POWER] == 1.0 ? (float)weight : 0.0f;
        any |= fabs(weight) > 1e-9 && f->settings[POWER] == 1.0;
    }
    if (!any)
        return RECS_OK;
    f->left = recs__alloc_aligned(f->host, items * stride, sizeof *f->left, error);
    if (!f->left)
        return RECS_ERR_MEMORY;
    for (size_t at = 0; at < items * stride; at++)
        f->left[at] = at % stride < rank ? f->svd.vectors[at] * weights[at % stride] : 0.0f;
    return RECS_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A task's memory: a dense row of zeros, the columns touched, keys. */
typedef struct row_room {
    float *sums;
    uint64_t *marks;
    uint32_t *touched;
    float *values;
    uint64_t *keys;
    size_t count;
} row_room;

static size_t rounded(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

static row_room room_at(const filter *f, void *block) {
    size_t items = f->by_unit.column_count;
    unsigned char *at = block;
    row_room room = {.count = 0};
    room.sums = (float *)(void *)at;
    at += rounded(items * sizeof *room.sums);
    room.marks = (uint64_t *)(void *)at;
    at += rounded((items / 64 + 1) * sizeof *room.marks);
    room.touched = (uint32_t *)(void *)at;
    at += rounded(items * sizeof *room.touched);
    room.values = (float *)(void *)at;
    at += rounded(items * sizeof *room.values);
    room.keys = (uint64_t *)(void *)at;
    return room;
}

static size_t room_size(const filter *f) {
    size_t items = f->by_unit.column_count;
    return 2 * rounded(items * sizeof(float)) + rounded(items * sizeof(uint32_t)) +
           rounded((items / 64 + 1) * sizeof(uint64_t)) +
           recs__best_room((size_t)f->settings[K]) * sizeof(uint64_t);
}

/* Row of s R^T R into sums, the columns it touched listed. */
static void add_graph(const filter *f, uint32_t row, row_room *room) {
    float scale = (float)(f->slope / f->scale);
    const recs__sparse *of = &f->by_item, *unit = &f->by_unit;
    if (f->settings[POWER] != 1.0)
        scale = 1.0f;
    for (uint64_t e = of->offsets[row]; e < of->offsets[row + 1]; e++) {
        float weight = scale * of->values[e];
        uint32_t u = of->columns[e];
        for (uint64_t i = unit->offsets[u]; i < unit->offsets[u + 1]; i++) {
            uint32_t column = unit->columns[i];
            uint64_t *word = &room->marks[column >> 6], bit = UINT64_C(1) << (column & 63);
            if ((*word & bit) == 0) {
                *word |= bit;
                room->touched[room->count++] = column;
            }
            room->sums[column] = fmaf(weight, unit->values[i], room->sums[column]);
        }
    }
    double power = f->settings[POWER];
    for (size_t i = 0; power != 1.0 && i < room->count; i++) {
        float *sum = &room->sums[room->touched[i]];
        *sum = *sum > 0.0f
                   ? (float)(f->slope * recs__pow((double)*sum / f->scale, power))
                   : 0.0f;
    }
}

static void clear_room(row_room *room) {
    for (size_t i = 0; i < room->count; i++) {
        room->sums[room->touched[i]] = 0.0f;
        room->marks[room->touched[i] >> 6] = 0;
    }
    room->count = 0;
}

static void dense_row(filter *f, uint32_t row, row_room *room) {
    uint32_t items = f->by_unit.column_count;
    float *values = f->panel + (size_t)(row - f->first_row) * items;
    for (size_t i = 0; i < room->count; i++)
        values[room->touched[i]] += room->sums[room->touched[i]];
    if (f->degree[row] > 0.0)
        values[row] += (float)f->at_zero;
    float before = f->before[row];
    for (uint32_t i = 0; i < items; i++)
        values[i] *= before * f->after[i];
    recs__neighbour_rows_dense(&f->rows, row, values, RECS__KEEP_LARGEST, UINT32_MAX, room->keys);
}

static void sparse_row(filter *f, uint32_t row, row_room *room) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t stride = f->svd.stride;
    recs__best best;
    if (f->left)
        kernels->dot_gather(f->left + (size_t)row * stride, f->svd.vectors, stride, f->svd.rank,
                            room->touched, room->count, room->values);
    else
        memset(room->values, 0, room->count * sizeof *room->values);
    recs__best_begin(&best, room->keys, f->rows.k);
    for (size_t i = 0; i < room->count; i++) {
        uint32_t column = room->touched[i];
        float value = room->values[i] + room->sums[column];
        if (column == row) /* it has units, or it would not be its own neighbour */
            value += (float)f->at_zero;
        recs__best_put(&best, column, value * (f->before[row] * f->after[column]));
    }
    recs__neighbour_rows_store(&f->rows, row, &best, 1.0f);
}

static void run_rows(void *arg, size_t index) {
    filter *f = arg;
    size_t first = f->first_row + index * ROWS_PER_TASK, end = first + ROWS_PER_TASK;
    void *block = atomic_load(&f->out_of_memory) ? NULL : recs__scratch_take(&f->scratch);
    if (!block) {
        atomic_store(&f->out_of_memory, true);
        return;
    }
    row_room room = room_at(f, block);
    for (size_t row = first; row < end && row < f->end_row; row++) {
        add_graph(f, (uint32_t)row, &room);
        if (f->dense)
            dense_row(f, (uint32_t)row, &room);
        else
            sparse_row(f, (uint32_t)row, &room);
        clear_room(&room);
    }
    recs__scratch_give(&f->scratch, block);
}

/* Entries of P at most, and whether so few that only they are looked at. */
static bool is_dense(const filter *f, uint64_t *most) {
    uint32_t items = f->by_unit.column_count;
    double squares = 0.0;
    for (uint32_t i = 0; i < items; i++) {
        uint64_t sum = 0;
        for (uint64_t e = f->by_item.offsets[i]; e < f->by_item.offsets[i + 1]; e++) {
            uint32_t u = f->by_item.columns[e];
            sum += f->by_unit.offsets[u + 1] - f->by_unit.offsets[u];
        }
        most[i] = sum < items ? sum : items;
        squares += (double)most[i];
    }
    bool dense = f->left && squares * SPARSE > (double)items * items;
    for (uint32_t i = 0; dense && i < items; i++)
        most[i] = items;
    return dense;
}

static recs_status all_rows(filter *f, recs_error *error) {
    size_t items = f->by_unit.column_count, stride = f->svd.stride;
    size_t batch = ROWS_PER_BATCH;
    if (f->dense) {
        batch = PANEL_FLOATS / (items + 1);
        batch = batch < ROWS_PER_TASK ? ROWS_PER_TASK : batch > PANEL_ROWS ? PANEL_ROWS : batch;
        f->panel = recs__alloc_aligned(f->host, batch * items, sizeof *f->panel, error);
        if (!f->panel)
            return RECS_ERR_MEMORY;
    }
    recs_status status = RECS_OK;
    for (size_t first = 0; first < items && status == RECS_OK; first += batch) {
        f->first_row = first;
        f->end_row = first + batch < items ? first + batch : items;
        size_t count = f->end_row - first;
        status = recs__progress_tell(f->job->progress, "graphfilter: rows", first, items, error);
        if (status == RECS_OK && f->dense)
            recs__gemm(f->host, false, true, count, items, f->svd.rank, 1.0f,
                       f->left + first * stride, stride, f->svd.vectors, stride, 0.0f, f->panel,
                       items);
        if (status == RECS_OK)
            recs__run(f->host, run_rows, f, (count + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
        if (status == RECS_OK && atomic_load(&f->out_of_memory))
            status = recs__fail(error, RECS_ERR_MEMORY, "no memory for the rows of graphfilter");
    }
    if (status == RECS_OK)
        status = recs__progress_tell(f->job->progress, "graphfilter: rows", items, items, error);
    return status;
}

static recs_status prune(filter *f, recs_error *error) {
    uint32_t items = f->by_unit.column_count;
    uint64_t *most = recs__alloc(f->host, items, sizeof *most, error);
    f->before = recs__alloc_aligned(f->host, items, sizeof *f->before, error);
    f->after = recs__alloc_aligned(f->host, items, sizeof *f->after, error);
    recs_status status = most && f->before && f->after ? RECS_OK : RECS_ERR_MEMORY;
    for (uint32_t i = 0; status == RECS_OK && i < items; i++) {
        f->before[i] = (float)power_of(f->degree[i], -f->settings[POPULARITY]);
        f->after[i] = (float)power_of(f->degree[i], f->settings[POPULARITY]);
    }
    if (status == RECS_OK) {
        f->dense = is_dense(f, most);
        recs__scratch_init(&f->scratch, room_size(f), f->host);
        status = recs__neighbour_rows_create(&f->rows, items, items, (size_t)f->settings[K], most,
                                             f->host, error);
    }
    recs__free(f->host, most);
    if (status == RECS_OK)
        status = all_rows(f, error);
    recs__free_aligned(f->host, f->panel);
    recs__free_aligned(f->host, f->left);
    f->panel = f->left = NULL;
    return status;
}

/* ---- the low-rank part ------------------------------------------------------------------------ */

static bool merges_early(const filter *f) {
    return f->settings[MERGE] == EARLY && f->settings[IDEAL] != 0.0;
}

/* Weights of the eigenvectors; whether there are negative ones, or none. */
static void weigh(const filter *f, double *weights, bool *negative, bool *any) {
    *negative = *any = false;
    for (size_t k = 0; k < f->svd.rank; k++) {
        weights[k] = f->settings[IDEAL];
        if (f->taken && merges_early(f))
            weights[k] *= recs__shape_sharpening(&f->shape, eigenvalue(f, k));
        if (f->taken)
            weights[k] += recs__shape_at(&f->shape, eigenvalue(f, k)) - f->at_zero;
        *negative |= weights[k] < 0.0;
        *any |= weights[k] != 0.0;
    }
}

/* The side scored, [items][stride] of weighted eigenvectors times degree^c,
 * becomes D^b S(P) D^-b of that. */
static recs_status sharpen(const filter *f, float *factors, recs_error *error) {
    size_t items = f->by_unit.column_count, ld = f->svd.stride, rank = f->svd.rank;
    recs__csr by_unit = recs__sparse_view(&f->by_unit), by_item = recs__sparse_view(&f->by_item);
    for (size_t at = 0; at < items * ld; at++)
        factors[at] *= f->before[at / ld];
    recs_status status =
        recs__filter_sharpen(f->host, &by_unit, &by_item, f->scale, f->settings[TIME], factors, ld,
                             rank, f->job->progress, error);
    for (size_t at = 0; at < items * ld; at++)
        factors[at] *= f->after[at / ld];
    return status;
}

/* Eigenvectors times the root of their weight and the power of degree on the
 * side scored; the side of the history is that times a number an item, or
 * where a weight is negative or that side is sharpened a matrix of its own. In
 * place of the vectors. */
static recs_status low_rank(filter *f, recs__trained *trained, recs_error *error) {
    size_t items = f->by_unit.column_count, stride = f->svd.stride, rank = f->svd.rank;
    double exponent = f->settings[f->taken ? POPULARITY : IDEAL_POPULARITY], weights[4096];
    if (f->settings[IDEAL] != 0.0)
        exponent = f->settings[IDEAL_POPULARITY];
    bool negative, any, early = !f->taken && merges_early(f);
    weigh(f, weights, &negative, &any);
    if (!any)
        return RECS_OK;
    float *factors = f->svd.vectors;
    size_t to = (rank + 15) / 16 * 16; /* fewer than asked for where there are no more */
    bool two_sides = negative || early;
    size_t side = two_sides ? items * to : items;
    float *other = recs__alloc_aligned(f->host, side, sizeof *other, error);
    if (!other)
        return RECS_ERR_MEMORY;
    bool finite = true;
    for (size_t i = 0; i < items; i++) {
        double up = power_of(f->degree[i], exponent), down = power_of(f->degree[i], -exponent);
        if (!two_sides)
            other[i] = (float)(down * down);
        for (size_t k = 0; k < to; k++) {
            double weight = k < rank ? weights[k] : 0.0;
            double value =
                k < rank ? (double)factors[i * stride + k] * sqrt(fabs(weight)) : 0.0;
            if (two_sides)
                other[i * to + k] = (float)(value * (weight < 0.0 ? -down : down));
            factors[i * stride + k] = (float)(value * up);
        }
    }
    recs_status status = early ? sharpen(f, factors, error) : RECS_OK;
    for (size_t i = 0; i < items; i++) {
        memmove(factors + i * to, factors + i * stride, to * sizeof *factors);
        for (size_t k = 0; k < to; k++)
            finite &= isfinite(factors[i * to + k]) != 0;
        finite &= isfinite(other[two_sides ? i * to : i]) != 0;
    }
    f->svd.vectors = NULL;
    trained->factors = (uint32_t)rank;
    recs__trained_add(trained, RECS_SECTION_ITEM_FACTORS, factors, items * to * sizeof *factors);
    recs__trained_add(trained,
                      two_sides ? RECS_SECTION_HISTORY_FACTORS : RECS_SECTION_HISTORY_SCALES,
                      other, side * sizeof *other);
    if (status)
        return status;
    return finite ? RECS_OK
                  : recs__fail(error, RECS_ERR_NUMERIC,
                               "graphfilter: the factors leave float32 under popularity=%g: "
                               "take weight=log1p or a smaller one",
                               exponent);
}

/* ---- the trainer ------------------------------------------------------------------------------- */

static recs_status check(const filter *f, recs_error *error) {
    if (f->settings[POWER] != 1.0 && f->settings[FILTER] != RECS__SHAPE_LINEAR)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "graphfilter: power=%g is of filter=linear alone, whose graph it "
                          "changes: the others take power=1",
                          f->settings[POWER]);
    if (f->settings[MERGE] == EARLY && f->settings[FILTER] != RECS__SHAPE_SHARPEN)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "graphfilter: merge=early is of filter=sharpen alone: there is "
                          "nothing to sharpen in the others");
    const recs__csr *units = &f->job->training->units;
    uint64_t items = units->column_count, rank = (uint64_t)f->settings[RANK];
    uint64_t bytes = units->entries * 16 + items * 24 +
                     recs__svd_memory(units->rows, units->column_count, rank ? rank : 1) +
                     items * rank * sizeof(float) + PANEL_FLOATS * sizeof(float);
    if (f->settings[MERGE] == EARLY)
        bytes += recs__filter_sharpen_memory(units->rows, units->column_count, rank + 15);
    uint64_t kept = f->settings[K] < (double)items ? (uint64_t)f->settings[K] : items;
    char what[96];
    snprintf(what, sizeof what, "graphfilter of %llu items with rank %llu and k %llu",
             (unsigned long long)items, (unsigned long long)rank, (unsigned long long)kept);
    return recs__budget_check(f->job, bytes + items * kept * 8, what, error);
}

static recs_status train_graphfilter(const recs__train_job *job, recs__trained *trained,
                                     recs_error *error) {
    filter f = {.job = job, .host = &job->training->host, .settings = job->spec->settings};
    atomic_init(&f.out_of_memory, false);
    trained->kind = RECS__KIND_ITEMS;
    recs__scratch_init(&f.scratch, 0, f.host);
    recs_status status = check(&f, error);
    if (status == RECS_OK)
        status = normalise(&f, error);
    if (status == RECS_OK)
        status = decompose(&f, error);
    if (status == RECS_OK)
        status = prepare_left(&f, error);
    if (status == RECS_OK)
        status = prune(&f, error);
    if (status == RECS_OK)
        status = low_rank(&f, trained, error);
    if (status == RECS_OK)
        recs__neighbour_rows_hand_over(&f.rows, trained);
    recs__scratch_clear(&f.scratch);
    recs__neighbour_rows_clear(&f.rows);
    recs__sparse_clear(&f.by_unit, f.host);
    recs__sparse_clear(&f.by_item, f.host);
    recs__svd_clear(&f.svd, f.host);
    recs__free(f.host, f.degree);
    recs__free_aligned(f.host, f.before);
    recs__free_aligned(f.host, f.after);
    recs__free_aligned(f.host, f.panel);
    recs__free_aligned(f.host, f.left);
    return status;
}

const recs__trainer recs__trainer_graphfilter = {.name = "graphfilter",
                                                 .settings = graphfilter_settings,
                                                 .setting_count = SETTING_COUNT,
                                                 .train = train_graphfilter,
                                                 .blas = true};
