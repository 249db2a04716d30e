/* sparse_product.c - Gustavson's row-wise product with the choice of the best
 * done while a row's sums are in cache.
 *
 * A row's sums are one dense array. Columns are relabelled, those with most
 * entries first, so that the few which take most of the additions share the
 * first cache lines; labels never reach the outcome, as ties go by column. A
 * row with many additions is looked through by strips with a vector compare
 * against the least value that still matters; one with few keeps a list of
 * the columns it touched. Rows are taken in order of their cost, the dear ones
 * first, in batches between which progress is told. */
#include "train/sparse_product.h"

#include "base/error.h"
#include "base/memory.h"
#include "kernels/kernels.h"
#include "train/scratch.h"

#include <math.h>
#include <stdatomic.h>

enum {
    ROWS_PER_TASK = 8,
    STRIP = 512,         /* columns looked at together */
    LISTED_BELOW = 32,   /* a row with fewer additions than columns / 32 keeps a list */
    AHEAD = 8,           /* rows of right fetched before use */
    SAMPLED = 8,         /* one column in so many is looked at to guess a floor */
    LOOK = STRIP / SAMPLED,
    GUESS_FROM = 64,     /* the least k for which a guess pays, */
    GUESS_TIMES = 4      /* and how many times k additions */
};
#define WORK_PER_BATCH (UINT64_C(1) << 26) /* additions, about a tenth of a second */

typedef struct product {
    const recs__product *p;
    const recs_host *host;
    recs__neighbour_rows *out;
    uint32_t *labels;   /* [entries of right]: its columns relabelled; or, where 16 bits do, */
    uint16_t *short_labels;
    uint32_t *original; /* [columns]: label to column */
    float *scale;       /* [columns], by label: column_scale or column_norm */
    uint64_t *work;     /* [rows]: additions */
    uint32_t *order;    /* rows, dear ones first */
    size_t padded;      /* columns rounded up to whole strips */
    size_t first, last; /* of order: this batch */
    recs__scratch scratch;
    atomic_bool out_of_memory;
} product;

/* Scratch of a task: sums [padded], all zero before and after, the list of
 * touched labels [padded] and the keys of the choice. */
typedef struct row_room {
    float *sums;
    uint32_t *touched;
    uint64_t *keys;
} row_room;

/* ---- preparing ------------------------------------------------------------------------- */

/* A bucket for a count, fewer for larger ones: 8 for each power of two. */
static size_t bucket_of(uint64_t count) {
    if (count < 8)
        return (size_t)count;
    unsigned bits = 63 - (unsigned)__builtin_clzll(count);
    return 8 * (size_t)(bits - 2) + (size_t)(count >> (bits - 3) & 7);
}

enum { BUCKETS = 8 * 63 };

/* Indexes of counts, large ones first, equal buckets in ascending order. */
static void sort_by_count(const uint64_t *counts, uint32_t n, uint32_t *out) {
    uint64_t starts[BUCKETS + 1] = {0}, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        starts[bucket_of(counts[i])]++;
    for (size_t b = BUCKETS + 1; b-- > 0;) {
        uint64_t here = starts[b];
        starts[b] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < n; i++)
        out[starts[bucket_of(counts[i])]++] = i;
}

static recs_status relabel(product *w, recs_error *error) {
    const recs__csr *right = w->p->right;
    uint32_t columns = right->column_count;
    const float *scale =
        w->p->form == RECS__PRODUCT_SCALED ? w->p->column_scale : w->p->column_norm;
    uint64_t *counts = recs__alloc_zero(w->host, columns, sizeof *counts, error);
    uint32_t *label_of = counts ? recs__alloc(w->host, columns, sizeof *label_of, error) : NULL;

    w->padded = ((size_t)columns + STRIP - 1) / STRIP * STRIP;
    if (label_of && columns <= UINT16_MAX + UINT32_C(1))
        w->short_labels = recs__alloc(w->host, right->entries, sizeof *w->short_labels, error);
    else if (label_of)
        w->labels = recs__alloc(w->host, right->entries, sizeof *w->labels, error);
    if (w->labels || w->short_labels)
        w->original = recs__alloc(w->host, columns, sizeof *w->original, error);
    if (w->original)
        w->scale = recs__alloc_zero(w->host, w->padded, sizeof *w->scale, error);
    if (w->scale) {
        for (uint64_t e = 0; e < right->entries; e++)
            counts[right->columns[e]]++;
        sort_by_count(counts, columns, w->original);
        for (uint32_t j = 0; j < columns; j++) {
            label_of[w->original[j]] = j;
            w->scale[j] = scale ? scale[w->original[j]] : 1.0f;
        }
        for (uint64_t e = 0; e < right->entries; e++)
            if (w->labels)
                w->labels[e] = label_of[right->columns[e]];
            else
                w->short_labels[e] = (uint16_t)label_of[right->columns[e]];
    }
    recs__free(w->host, counts);
    recs__free(w->host, label_of);
    return w->scale ? RECS_OK : RECS_ERR_MEMORY;
}

/* Additions of a row. */
static uint64_t work_of(const recs__product *p, uint32_t row) {
    const recs__csr *left = p->left, *right = p->right;
    uint64_t work = 0;
    for (uint64_t e = left->offsets[row]; e < left->offsets[row + 1]; e++)
        work += right->offsets[left->columns[e] + 1] - right->offsets[left->columns[e]];
    return work;
}

uint64_t recs__product_bytes(const recs__product *p) {
    uint64_t columns = p->right->column_count, each = p->k < columns ? p->k : columns, kept = 0;
    for (uint32_t r = 0; r < p->left->rows; r++) {
        uint64_t work = work_of(p, r);
        kept += work < each ? work : each;
    }
    uint64_t label = columns <= UINT16_MAX + UINT32_C(1) ? 2 : 4;
    return 8 * kept + 24 * (uint64_t)p->left->rows + label * p->right->entries + 20 * columns +
           2 * (8 * (columns + STRIP) + 16 * each);
}

static recs_status plan_rows(product *w, recs_error *error) {
    const recs__csr *left = w->p->left;
    w->work = recs__alloc_zero(w->host, left->rows, sizeof *w->work, error);
    w->order = w->work ? recs__alloc(w->host, left->rows, sizeof *w->order, error) : NULL;
    if (!w->order)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < left->rows; i++)
        w->work[i] = work_of(w->p, i);
    sort_by_count(w->work, left->rows, w->order);
    return RECS_OK;
}

/* ---- the sums of one row --------------------------------------------------------------- */

/* What a later entry of the row of left will read: first where its row of
 * right begins, then the first lines of that. */
static inline void fetch(const product *w, uint64_t e, uint64_t end) {
    const recs__csr *right = w->p->right;
    const uint32_t *inner = w->p->left->columns;
    if (e + 2 * AHEAD < end)
        __builtin_prefetch(right->offsets + inner[e + 2 * AHEAD]);
    if (e + AHEAD >= end)
        return;
    uint64_t at = right->offsets[inner[e + AHEAD]];
    const char *label = w->short_labels ? (const char *)(w->short_labels + at)
                                        : (const char *)(w->labels + at);
    __builtin_prefetch(label);
    __builtin_prefetch(label + 64);
    if (!w->p->ones) {
        __builtin_prefetch(right->values + at);
        __builtin_prefetch(right->values + at + 16);
    }
}

/* sums[labels[f]] += x values[f], values NULL: 1. The labels of a row of right
 * are different, so four sums may be loaded before the first is stored. */
#define ADD_ROW(name, label)                                                                     \
    static inline void name(const label *restrict labels, const float *restrict values, float x, \
                            size_t count, float *restrict sums) {                                \
        size_t f = 0;                                                                            \
        for (; f + 4 <= count; f += 4) {                                                         \
            size_t a = labels[f], b = labels[f + 1], c = labels[f + 2], d = labels[f + 3];       \
            float p = sums[a] + (values ? x * values[f] : x);                                    \
            float q = sums[b] + (values ? x * values[f + 1] : x);                                \
            float r = sums[c] + (values ? x * values[f + 2] : x);                                \
            float s = sums[d] + (values ? x * values[f + 3] : x);                                \
            sums[a] = p;                                                                         \
            sums[b] = q;                                                                         \
            sums[c] = r;                                                                         \
            sums[d] = s;                                                                         \
        }                                                                                        \
        for (; f < count; f++)                                                                   \
            sums[labels[f]] += values ? x * values[f] : x;                                       \
    }
ADD_ROW(add_row, uint32_t)
ADD_ROW(add_short_row, uint16_t)

static void add_all(const product *w, uint32_t row, float *sums) {
    const recs__csr *left = w->p->left, *right = w->p->right;
    uint64_t end = left->offsets[row + 1];

    for (uint64_t e = left->offsets[row]; e < end; e++) {
        uint64_t at = right->offsets[left->columns[e]];
        size_t count = (size_t)(right->offsets[left->columns[e] + 1] - at);
        float x = left->values[e];
        fetch(w, e, end);
        if (w->short_labels && w->p->ones)
            add_short_row(w->short_labels + at, NULL, x, count, sums);
        else if (w->short_labels)
            add_short_row(w->short_labels + at, right->values + at, x, count, sums);
        else if (w->p->ones)
            add_row(w->labels + at, NULL, x, count, sums);
        else
            add_row(w->labels + at, right->values + at, x, count, sums);
    }
}

/* The same, listing the labels that got a sum; returns how many. */
static size_t add_listed(const product *w, uint32_t row, float *restrict sums,
                         uint32_t *restrict touched) {
    const recs__csr *left = w->p->left, *right = w->p->right;
    uint64_t end = left->offsets[row + 1];
    size_t count = 0;

    for (uint64_t e = left->offsets[row]; e < end; e++) {
        float x = left->values[e];
        uint64_t last = right->offsets[left->columns[e] + 1];
        fetch(w, e, end);
        for (uint64_t f = right->offsets[left->columns[e]]; f < last; f++) {
            uint32_t j = w->labels ? w->labels[f] : w->short_labels[f];
            float before = sums[j];
            float after = before + (w->p->ones ? x : x * right->values[f]);
            touched[count] = j;
            count += before == 0.0f && after > 0.0f;
            sums[j] = after;
        }
    }
    return count;
}

/* ---- the best of one row --------------------------------------------------------------- */

static inline float value_of(const recs__product *p, float row_norm, float scale, float sum) {
    switch (p->form) {
    case RECS__PRODUCT_SCALED:
        return sum * scale;
    case RECS__PRODUCT_RATIO:
        return sum / (row_norm * scale + p->add);
    default:
        return sum / (row_norm + scale - sum + p->add);
    }
}

/* Values of some columns, as value_of has them. */
static inline void values_of(const recs__product *p, float row_norm, const float *restrict scale,
                             const float *restrict sums, size_t count, float *restrict out) {
    float add = p->add;
    if (p->form == RECS__PRODUCT_SCALED)
        for (size_t i = 0; i < count; i++)
            out[i] = sums[i] * scale[i];
    else if (p->form == RECS__PRODUCT_RATIO)
        for (size_t i = 0; i < count; i++)
            out[i] = sums[i] / (row_norm * scale[i] + add);
    else
        for (size_t i = 0; i < count; i++)
            out[i] = sums[i] / (row_norm + scale[i] - sums[i] + add);
}

static void put_listed(const product *w, float norm, const float *sums, const uint32_t *touched,
                       size_t count, size_t step, uint32_t skip, recs__best *best) {
    for (size_t t = 0; t < count; t += step) {
        uint32_t j = touched[t];
        float value = value_of(w->p, norm, w->scale[j], sums[j]);
        if (value > best->floor && w->original[j] != skip)
            recs__best_put(best, w->original[j], value);
    }
}

/* Most values of a row are far from its best k. A look at one column in
 * SAMPLED, spread over all, tells a floor that some more than k are likely to
 * be above; where it was too high (best->count < k) the row is done again from
 * zero. touched NULL: all columns. */
static void guess_floor(const product *w, float norm, const float *sums, const uint32_t *touched,
                        size_t count, recs__best *best) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t mean = w->p->k / SAMPLED;
    uint32_t found[LOOK];
    float values[LOOK];
    recs__best sample;

    recs__best_begin(&sample, best->keys, mean + 3 * (size_t)sqrt((double)mean) + 3);
    if (touched)
        put_listed(w, norm, sums, touched, count, SAMPLED, UINT32_MAX, &sample);
    for (size_t at = 0; !touched && at < w->padded; at += STRIP) {
        size_t from = at + at / STRIP * 3 * LOOK % STRIP;
        values_of(w->p, norm, w->scale + from, sums + from, LOOK, values);
        size_t above = kernels->above(values, LOOK, sample.floor, found);
        for (size_t i = 0; i < above; i++)
            recs__best_put(&sample, (uint32_t)from + found[i], values[found[i]]);
    }
    recs__best_cut(&sample);
    best->floor = sample.floor; /* still 0 when the sample held too few */
}

/* Puts what is above the floor and leaves the sums zero. */
static void best_of_all(const product *w, uint32_t row, float norm, float *sums,
                        recs__best *best) {
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t skip = w->p->skip_self ? row : UINT32_MAX, found[STRIP];
    bool scaled = w->p->form == RECS__PRODUCT_SCALED;
    float values[STRIP];

    for (size_t at = 0; at < w->padded; at += STRIP) {
        size_t above;
        if (scaled) {
            above = kernels->above_scaled(sums + at, w->scale + at, STRIP, best->floor, found);
        } else {
            values_of(w->p, norm, w->scale + at, sums + at, STRIP, values);
            above = kernels->above(values, STRIP, best->floor, found);
        }
        for (size_t i = 0; i < above; i++) {
            uint32_t j = found[i], column = w->original[at + j];
            if (column != skip)
                recs__best_put(best, column,
                               scaled ? sums[at + j] * w->scale[at + j] : values[j]);
        }
        memset(sums + at, 0, STRIP * sizeof *sums);
    }
}

static void product_row(const product *w, uint32_t row, const row_room *room) {
    const recs__product *p = w->p;
    bool guess = p->k >= GUESS_FROM && w->work[row] >= GUESS_TIMES * (uint64_t)p->k;
    float norm = p->row_norm ? p->row_norm[row] : 0.0f;
    recs__best best;

    recs__best_begin(&best, room->keys, p->k);
    if (w->work[row] >= p->right->column_count / LISTED_BELOW) {
        add_all(w, row, room->sums);
        if (guess)
            guess_floor(w, norm, room->sums, NULL, 0, &best);
        guess = best.floor > 0.0f;
        best_of_all(w, row, norm, room->sums, &best);
        if (guess && best.count < p->k) {
            recs__best_begin(&best, room->keys, p->k);
            add_all(w, row, room->sums);
            best_of_all(w, row, norm, room->sums, &best);
        }
    } else {
        size_t count = add_listed(w, row, room->sums, room->touched);
        uint32_t skip = p->skip_self ? row : UINT32_MAX;
        if (guess && count >= GUESS_TIMES * p->k)
            guess_floor(w, norm, room->sums, room->touched, count, &best);
        guess = best.floor > 0.0f;
        put_listed(w, norm, room->sums, room->touched, count, 1, skip, &best);
        if (guess && best.count < p->k) {
            recs__best_begin(&best, room->keys, p->k);
            put_listed(w, norm, room->sums, room->touched, count, 1, skip, &best);
        }
        for (size_t t = 0; t < count; t++)
            room->sums[room->touched[t]] = 0.0f;
    }
    recs__neighbour_rows_store(w->out, row, &best, p->row_scale ? p->row_scale[row] : 1.0f);
}

static void product_task(void *arg, size_t index) {
    product *w = arg;
    size_t first = w->first + index * ROWS_PER_TASK;
    size_t last = first + ROWS_PER_TASK < w->last ? first + ROWS_PER_TASK : w->last;
    float *block = recs__scratch_take(&w->scratch);
    if (!block) {
        atomic_store(&w->out_of_memory, true);
        return;
    }
    row_room room = {block, (uint32_t *)(void *)(block + w->padded),
                     (uint64_t *)(void *)(block + 2 * w->padded)};
    for (size_t r = first; r < last; r++)
        product_row(w, w->order[r], &room);
    recs__scratch_give(&w->scratch, block);
}

/* ---- all rows --------------------------------------------------------------------------- */

static recs_status all_rows(product *w, recs__progress *progress, const char *stage,
                            recs_error *error) {
    size_t rows = w->p->left->rows;
    recs_status status = RECS_OK;
    for (w->first = 0; w->first < rows && status == RECS_OK; w->first = w->last) {
        uint64_t work = 0;
        status = recs__progress_tell(progress, stage, w->first, rows, error);
        if (status)
            break;
        for (w->last = w->first; w->last < rows && work < WORK_PER_BATCH; w->last++)
            work += w->work[w->order[w->last]] + w->p->right->column_count / 8;
        recs__run(w->host, product_task, w, (w->last - w->first + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
        if (atomic_load(&w->out_of_memory))
            status = recs__fail_memory(error, w->scratch.size);
    }
    return status;
}

recs_status recs__product_best(const recs__product *p, const recs_host *host,
                               recs__progress *progress, const char *stage,
                               recs__neighbour_rows *out, recs_error *error) {
    product w = {.p = p, .host = host, .out = out};
    memset(out, 0, sizeof *out);
    atomic_init(&w.out_of_memory, false);
    recs_status status = plan_rows(&w, error);
    if (status == RECS_OK)
        status = recs__neighbour_rows_create(out, p->left->rows, p->right->column_count, p->k,
                                             w.work, host, error);
    if (status == RECS_OK)
        status = relabel(&w, error);
    if (status == RECS_OK) {
        recs__scratch_init(&w.scratch,
                           2 * w.padded * sizeof(float) +
                               recs__best_room(out->k) * sizeof(uint64_t),
                           host);
        status = all_rows(&w, progress, stage, error);
        recs__scratch_clear(&w.scratch);
    }
    if (status)
        recs__neighbour_rows_clear(out);
    recs__free(host, w.labels);
    recs__free(host, w.short_labels);
    recs__free(host, w.original);
    recs__free(host, w.scale);
    recs__free(host, w.work);
    recs__free(host, w.order);
    return status;
}
