/* ease_sparse.c - ease on a neighbourhood: every item is regressed on its
 * `candidates` most alike items only, an exact small system each.
 *
 * Steck, NeurIPS 2019 (Markov Random Fields for Collaborative Filtering)
 * approximates the inverse by the inverses of such submatrices; here every
 * target has its own (his r = 0). Over the candidates C of item j, those with
 * the largest G_ij / sqrt(G_ii) and so the largest cosine to j,
 *
 *     w = (G_CC + lambda I)^-1 G_Cj,    W_ij = w_i, the k of largest magnitude.
 *
 * G_Cj is a row summed over the units of j (Gustavson). G_CC is summed unit by
 * unit: the units of the candidates are listed by counting, and each adds the
 * products of the candidates it has, so no part of G is ever stored. The
 * solver is the Cholesky of our own kernels: unlike the dense way, the same
 * bits on every processor.
 *
 * Cost: sum over units of d_u^2 for the rows; for each item the units of its
 * candidates, their pairs and m^3 / 6 multiply-adds. Memory: twice 8 k bytes
 * an item and for a running task 16 bytes an item, 8 a unit, 4 m^2 and 8 times
 * the entries of the m items with most units. */
#include "train/ease.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "train/linalg.h"
#include "train/scratch.h"

#include <math.h>
#include <string.h>

#define ITEMS_PER_TASK 16
#define TASKS_PER_BATCH 64

typedef struct sparse_way {
    recs__ease *ease;
    recs__neighbour_rows targets; /* row j: the items that speak for j */
    recs__scratch scratch;
    size_t items, units, m, stride, most; /* most: entries that candidates can have together */
    size_t first_task;
    atomic_bool out_of_memory;
    atomic_size_t singular; /* an item, SIZE_MAX: none */
} sparse_way;

/* Where in a task's block the parts are. */
typedef struct desk {
    uint64_t *keys;       /* of a choice of m or k */
    float *sums;          /* [items] zero between items */
    uint32_t *touched;    /* [items + 1] */
    uint32_t *count;      /* [units + 1] candidates of a unit; zero between items */
    uint32_t *found;      /* [units + 1] units of any candidate */
    uint64_t *start;      /* [units + 1] parallel to found */
    uint32_t *list_at;    /* [most] candidates of each found unit, ascending */
    float *list_value;    /* [most] */
    uint32_t *columns;    /* [m] */
    float *right, *gram;  /* [stride], [m][stride] */
} desk;

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Bytes of a desk; with block, the desk itself. Widest members first. */
static size_t desk_size(const sparse_way *w, unsigned char *block, desk *d) {
    size_t at = 0;
    size_t sizes[] = {recs__best_room(larger(w->m, w->ease->k)) * sizeof(uint64_t),
                      (w->units + 1) * sizeof(uint64_t),
                      w->items * sizeof(float),
                      (w->items + 1) * sizeof(uint32_t),
                      (w->units + 1) * sizeof(uint32_t),
                      (w->units + 1) * sizeof(uint32_t),
                      w->most * sizeof(uint32_t),
                      w->most * sizeof(float),
                      w->m * sizeof(uint32_t),
                      w->stride * sizeof(float),
                      w->m * w->stride * sizeof(float)};
    void *parts[sizeof sizes / sizeof *sizes] = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (block)
            parts[i] = block + at;
        at += (sizes[i] + 63) / 64 * 64;
    }
    if (block)
        *d = (desk){.keys = parts[0], .start = parts[1], .sums = parts[2], .touched = parts[3],
                    .count = parts[4], .found = parts[5], .list_at = parts[6],
                    .list_value = parts[7], .columns = parts[8], .right = parts[9],
                    .gram = parts[10]};
    return at;
}

/* ---- one item -------------------------------------------------------------------------------- */

/* The most alike items of j into d->columns (ascending) and what they share
 * with j into d->right; returns their number. */
static size_t candidates_of(const sparse_way *w, uint32_t j, desk *d) {
    const recs__ease *ease = w->ease;
    const recs__sparse *by_item = &ease->by_item, *by_unit = &ease->by_unit;
    size_t touched = 0;
    recs__best best;
    for (uint64_t e = by_item->offsets[j]; e < by_item->offsets[j + 1]; e++) {
        uint32_t u = by_item->columns[e];
        float x = by_item->values[e] * ease->unit_weights[u];
        uint64_t end = by_unit->offsets[u + 1];
        for (uint64_t f = by_unit->offsets[u]; f < end; f++) {
            uint32_t i = by_unit->columns[f];
            float before = d->sums[i], after = before + x * by_unit->values[f];
            d->touched[touched] = i;
            touched += before == 0.0f && after > 0.0f;
            d->sums[i] = after;
        }
    }
    recs__best_begin(&best, d->keys, w->m);
    for (size_t t = 0; t < touched; t++) {
        uint32_t i = d->touched[t];
        if (i != j)
            recs__best_put(&best, i, (float)((double)d->sums[i] / sqrt((double)ease->diagonal[i])));
    }
    size_t count = recs__best_take(&best, d->columns, d->right);
    for (size_t t = 0; t < count; t++)
        d->right[t] = d->sums[d->columns[t]];
    for (size_t t = 0; t < touched; t++)
        d->sums[d->touched[t]] = 0.0f;
    return count;
}

/* The lower triangle of G_CC + lambda I into d->gram. */
static void gram_of(const sparse_way *w, size_t count, desk *d) {
    const recs__ease *ease = w->ease;
    const recs__sparse *by_item = &ease->by_item;
    size_t found = 0, filled = 0;
    for (size_t t = 0; t < count; t++) {
        uint32_t i = d->columns[t];
        memset(d->gram + t * w->stride, 0, (t + 1) * sizeof *d->gram);
        d->gram[t * w->stride + t] = ease->diagonal[i] + (float)ease->regularization;
        for (uint64_t e = by_item->offsets[i]; e < by_item->offsets[i + 1]; e++) {
            uint32_t u = by_item->columns[e];
            d->found[found] = u;
            found += d->count[u]++ == 0;
        }
    }
    for (size_t f = 0; f < found; f++) { /* units of one candidate have no pairs */
        uint32_t u = d->found[f], pairs = d->count[u] > 1 ? d->count[u] : 0;
        d->start[u] = filled;
        filled += pairs;
        d->count[u] = pairs ? 0 : UINT32_MAX;
    }
    for (size_t t = 0; t < count; t++) {
        uint32_t i = d->columns[t];
        for (uint64_t e = by_item->offsets[i]; e < by_item->offsets[i + 1]; e++) {
            uint32_t u = by_item->columns[e];
            if (d->count[u] == UINT32_MAX)
                continue;
            uint64_t at = d->start[u] + d->count[u]++;
            d->list_at[at] = (uint32_t)t;
            d->list_value[at] = by_item->values[e];
        }
    }
    for (size_t f = 0; f < found; f++) {
        uint32_t u = d->found[f];
        size_t size = d->count[u] == UINT32_MAX ? 0 : d->count[u];
        const uint32_t *list = d->list_at + d->start[u];
        const float *values = d->list_value + d->start[u];
        d->count[u] = 0;
        for (size_t a = 1; a < size; a++) {
            float x = values[a] * ease->unit_weights[u];
            float *row = d->gram + list[a] * w->stride;
            for (size_t b = 0; b < a; b++)
                row[list[b]] += x * values[b];
        }
    }
}

static void item_task(void *arg, size_t index) {
    sparse_way *w = arg;
    const recs__kernels *kernels = recs__kernels_get();
    size_t first = (w->first_task + index) * ITEMS_PER_TASK;
    size_t last = first + ITEMS_PER_TASK < w->items ? first + ITEMS_PER_TASK : w->items;
    unsigned char *block = recs__scratch_take(&w->scratch);
    desk d;
    if (!block) {
        atomic_store(&w->out_of_memory, true);
        return;
    }
    desk_size(w, block, &d);
    for (size_t j = first; j < last; j++) {
        size_t count = candidates_of(w, (uint32_t)j, &d);
        recs__best best;
        gram_of(w, count, &d);
        bool bad = kernels->solve(d.gram, w->stride, d.right, count) != 0;
        recs__best_begin(&best, d.keys, w->ease->k);
        for (size_t t = 0; t < count && !bad; t++) {
            bad = !isfinite(d.right[t]);
            recs__best_put(&best, d.columns[t],
                           d.right[t] * w->ease->history_scale[d.columns[t]] *
                               w->ease->target_scale[j]);
        }
        size_t none = SIZE_MAX;
        if (bad)
            atomic_compare_exchange_strong(&w->singular, &none, j);
        recs__neighbour_rows_store(&w->targets, (uint32_t)j, &best, 1.0f);
    }
    recs__scratch_give(&w->scratch, block);
}

/* ---- all items --------------------------------------------------------------------------------- */

/* The most entries that m items have together. */
static size_t most_entries(const recs__ease *ease, size_t m) {
    const recs__sparse *by_item = &ease->by_item;
    size_t most = 0;
    for (uint32_t i = 0; i < by_item->rows; i++)
        most = larger(most, (size_t)(by_item->offsets[i + 1] - by_item->offsets[i]));
    size_t product;
    if (recs__mul_size(most, m, &product) || product > by_item->entries)
        product = (size_t)by_item->entries;
    return product;
}

static sparse_way way_of(recs__ease *ease) {
    sparse_way w = {.ease = ease, .items = ease->by_item.rows, .units = ease->by_unit.rows};
    w.m = ease->candidates < w.items ? ease->candidates : larger(w.items, 1);
    w.stride = (w.m + 15) / 16 * 16;
    w.most = most_entries(ease, w.m);
    return w;
}

uint64_t recs__ease_sparse_bytes(const recs__ease *ease) {
    recs__ease copy = *ease;
    sparse_way w = way_of(&copy);
    size_t kept = ease->k < w.m ? ease->k : w.m;
    return (uint64_t)w.items * (2 * kept * 8 + 20) +
           (uint64_t)RECS__LANES / 8 * desk_size(&w, NULL, NULL);
}

static recs_status all_items(sparse_way *w, recs_error *error) {
    size_t tasks = w->items / ITEMS_PER_TASK + (w->items % ITEMS_PER_TASK != 0);
    for (w->first_task = 0; w->first_task < tasks; w->first_task += TASKS_PER_BATCH) {
        size_t left = tasks - w->first_task;
        recs_status status = recs__progress_tell(w->ease->job->progress, "ease items",
                                                 (uint64_t)w->first_task * ITEMS_PER_TASK,
                                                 w->items, error);
        if (status)
            return status;
        recs__run(w->ease->host, item_task, w, left < TASKS_PER_BATCH ? left : TASKS_PER_BATCH);
        if (atomic_load(&w->out_of_memory))
            return recs__fail_memory(error, w->scratch.size);
        if (atomic_load(&w->singular) != SIZE_MAX)
            return recs__ease_singular(w->ease, atomic_load(&w->singular), error);
    }
    return RECS_OK;
}

recs_status recs__ease_sparse(recs__ease *ease, recs__neighbour_rows *rows, recs_error *error) {
    sparse_way w = way_of(ease);
    recs__sparse turned = {0};
    atomic_init(&w.out_of_memory, false);
    atomic_init(&w.singular, SIZE_MAX);
    recs__scratch_init(&w.scratch, desk_size(&w, NULL, NULL), ease->host);
    size_t kept = ease->k < w.m ? ease->k : w.m;
    recs_status status =
        recs__neighbour_rows_create(&w.targets, (uint32_t)w.items, (uint32_t)w.items, kept, NULL,
                                    ease->host, error);
    if (status == RECS_OK)
        status = all_items(&w, error);
    recs__scratch_clear(&w.scratch);
    if (status == RECS_OK) {
        recs__neighbour_rows_pack(&w.targets);
        recs__csr view = recs__neighbour_rows_view(&w.targets);
        status = recs__sparse_transpose(&turned, &view, ease->host, error);
    }
    recs__neighbour_rows_clear(&w.targets);
    if (status == RECS_OK)
        *rows = (recs__neighbour_rows){.host = ease->host,
                                       .offsets = turned.offsets,
                                       .columns = turned.columns,
                                       .values = turned.values,
                                       .rows = (uint32_t)w.items,
                                       .column_count = (uint32_t)w.items,
                                       .k = w.items};
    return status;
}
