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
 * A row is summed into a dense array by one pass over the units of its item
 * (Gustavson), in ascending order of units, so the bytes do not depend on
 * threads. Cost: sum over units of d_u^2 multiply-adds; memory 8 bytes per
 * kept neighbour, twice while they are put together, and 16 bytes per item and
 * running task. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "model/format.h"
#include "train/scratch.h"
#include "train/sparse.h"

#include <math.h>
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
    SETTING_COUNT
};
enum { COSINE, TFIDF, BM25, JACCARD };

static const recs__setting itemknn_settings[] = {
    [SIMILARITY] = {"similarity", COSINE, 0, 0, false, "cosine|tfidf|bm25|jaccard"},
    [K] = {"k", 200, 1, 100000, true, NULL},
    [SHRINKAGE] = {"shrinkage", 0, 0, 1e9, false, NULL},
    [ASYMMETRY] = {"asymmetry", 0.6, 0, 1, false, NULL},
    [USER_EXPONENT] = {"user_exponent", 0.5, 0, 2, false, NULL},
    [BM25_K1] = {"k1", 1.2, 0, 1000, false, NULL},
    [BM25_B] = {"b", 0.75, 0, 1, false, NULL},
    [LONGEST] = {"longest", 10000, 1, 4294967295.0, true, NULL},
};

#define ITEMS_PER_TASK 64
#define TASKS_PER_BATCH 64

/* What one task found: its rows' neighbours, one after another. */
typedef struct found {
    uint32_t *columns;
    float *values;
} found;

typedef struct itemknn {
    const recs__train_job *job;
    const recs_host *host;
    recs__sparse by_unit; /* transformed, long units empty, only positive values */
    recs__sparse by_item;
    double *row_norm, *column_norm; /* the two factors of the denominator */
    unsigned similarity;
    size_t k;
    double shrinkage;
    recs__scratch scratch;
    size_t first_task;
    found *found; /* one per task */
    uint32_t *counts; /* neighbours of each item */
    atomic_bool out_of_memory;
} itemknn;

/* ---- the matrix the similarities are made of ----------------------------------------------- */

static bool usable(const recs__csr *units, uint32_t unit, double longest, uint64_t *at,
                   size_t *count, size_t *positive) {
    *count = recs__csr_row(units, unit, at);
    *positive = 0;
    for (size_t i = 0; i < *count; i++)
        *positive += units->values[*at + i] > 0.0f;
    return *positive > 0 && (double)*positive <= longest;
}

/* Copies the positive values, transformed per unit; the sums bm25 needs of
 * items are taken before. */
static recs_status transform(itemknn *w, recs_error *error) {
    const recs__csr *units = &w->job->training->units;
    const double *settings = w->job->spec->settings;
    uint64_t at, entries = 0, put = 0;
    size_t count, positive;
    double *mass = w->row_norm, total = 0.0;

    memset(mass, 0, (size_t)units->column_count * sizeof *mass);
    for (uint32_t u = 0; u < units->rows; u++) {
        if (!usable(units, u, settings[LONGEST], &at, &count, &positive))
            continue;
        entries += positive;
        for (size_t i = 0; i < count; i++)
            if (units->values[at + i] > 0.0f) {
                mass[units->columns[at + i]] += (double)units->values[at + i];
                total += (double)units->values[at + i];
            }
    }
    recs_status status = recs__sparse_create(&w->by_unit, units->rows, units->column_count, entries,
                                             w->host, error);
    if (status)
        return status;
    double mean = units->column_count ? total / (double)units->column_count : 1.0;
    for (uint32_t u = 0; u < units->rows; u++) {
        bool use = usable(units, u, settings[LONGEST], &at, &count, &positive);
        double idf = recs__log2((double)units->column_count / (1.0 + (double)positive)) *
                     0.69314718055994530942;
        if (idf < 0.0)
            idf = 0.0;
        for (size_t i = 0; use && i < count; i++) {
            double x = (double)units->values[at + i];
            uint32_t item = units->columns[at + i];
            if (!(x > 0.0))
                continue;
            if (w->similarity == JACCARD)
                x = 1.0;
            else if (w->similarity == TFIDF)
                x = sqrt(x) * idf;
            else if (w->similarity == BM25)
                x = x * (settings[BM25_K1] + 1.0) /
                    (settings[BM25_K1] *
                         (1.0 - settings[BM25_B] + settings[BM25_B] * mass[item] / mean) +
                     x) *
                    idf;
            w->by_unit.columns[put] = item;
            w->by_unit.values[put++] = (float)x;
        }
        w->by_unit.offsets[u + 1] = put;
    }
    return RECS_OK;
}

static void norms(itemknn *w) {
    const double *settings = w->job->spec->settings;
    for (uint32_t i = 0; i < w->by_item.rows; i++) {
        double n = 0.0;
        for (uint64_t e = w->by_item.offsets[i]; e < w->by_item.offsets[i + 1]; e++)
            n += (double)w->by_item.values[e] * (double)w->by_item.values[e];
        if (w->similarity == JACCARD) {
            w->row_norm[i] = w->column_norm[i] = n;
        } else if (w->similarity == BM25 || n == 0.0) {
            w->row_norm[i] = w->column_norm[i] = 1.0;
        } else {
            w->row_norm[i] = recs__pow(n, settings[ASYMMETRY]);
            w->column_norm[i] = recs__pow(n, 1.0 - settings[ASYMMETRY]);
        }
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

/* ---- one row ------------------------------------------------------------------------------- */

static float similarity_of(const itemknn *w, uint32_t i, uint32_t j, float sum) {
    double denominator = w->similarity == JACCARD
                             ? w->row_norm[i] + w->column_norm[j] - (double)sum
                             : w->row_norm[i] * w->column_norm[j];
    return (float)((double)sum / (denominator + w->shrinkage));
}

/* Value and column as one integer whose order is: larger value first, then
 * lower column. Values are positive floats, so their bits are in their order. */
static uint64_t key_of(float value, uint32_t column) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint64_t)bits << 32 | (UINT32_MAX - column);
}

/* Moves the k largest keys to the front (Hoare's selection, middle pivot). */
static void select_largest(uint64_t *keys, size_t count, size_t k) {
    size_t low = 0, high = count;
    while (high - low > 1) {
        uint64_t pivot = keys[low + (high - low) / 2];
        size_t i = low, j = high - 1;
        for (;;) {
            while (keys[i] > pivot)
                i++;
            while (keys[j] < pivot)
                j--;
            if (i >= j)
                break;
            uint64_t swapped = keys[i];
            keys[i++] = keys[j];
            keys[j--] = swapped;
        }
        if (k <= i)
            high = i;
        else
            low = i;
        if (low == k || high == k)
            break;
    }
}

/* Sorts columns ascending with their values: insertion for few, else heap. */
static void sift_down(uint64_t *pairs, size_t root, size_t count) {
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && pairs[child + 1] > pairs[child])
            child++;
        if (pairs[root] >= pairs[child])
            return;
        uint64_t swapped = pairs[root];
        pairs[root] = pairs[child];
        pairs[child] = swapped;
    }
}

static void sort_ascending(uint64_t *pairs, size_t count) {
    for (size_t root = count / 2; root-- > 0;)
        sift_down(pairs, root, count);
    while (count-- > 1) {
        uint64_t swapped = pairs[0];
        pairs[0] = pairs[count];
        pairs[count] = swapped;
        sift_down(pairs, 0, count);
    }
}

/* Neighbours of item i into keys, as (column << 32 | value bits) ascending;
 * returns their number. sums is all zero before and after. */
static size_t neighbours_of(const itemknn *w, uint32_t i, float *sums, uint32_t *touched,
                            uint64_t *keys) {
    size_t count = 0, kept = 0;

    for (uint64_t e = w->by_item.offsets[i]; e < w->by_item.offsets[i + 1]; e++) {
        uint32_t u = w->by_item.columns[e];
        float x = w->by_item.values[e];
        uint64_t end = w->by_unit.offsets[u + 1];
        for (uint64_t f = w->by_unit.offsets[u]; f < end; f++) {
            uint32_t j = w->by_unit.columns[f];
            float before = sums[j], after = before + x * w->by_unit.values[f];
            touched[count] = j;
            count += before == 0.0f && after > 0.0f;
            sums[j] = after;
        }
    }
    for (size_t t = 0; t < count; t++) {
        uint32_t j = touched[t];
        float value = similarity_of(w, i, j, sums[j]);
        sums[j] = 0.0f;
        if (j != i && value > 0.0f && isfinite(value))
            keys[kept++] = key_of(value, j);
    }
    if (kept > w->k) {
        select_largest(keys, kept, w->k);
        kept = w->k;
    }
    for (size_t t = 0; t < kept; t++)
        keys[t] = (uint64_t)(UINT32_MAX - (uint32_t)keys[t]) << 32 | keys[t] >> 32;
    sort_ascending(keys, kept);
    return kept;
}

static void itemknn_task(void *arg, size_t index) {
    itemknn *w = arg;
    size_t task = w->first_task + index, items = w->by_item.rows;
    size_t first = task * ITEMS_PER_TASK, put = 0, room = 0;
    size_t last = first + ITEMS_PER_TASK < items ? first + ITEMS_PER_TASK : items;
    found out = {NULL, NULL};
    unsigned char *block = recs__scratch_take(&w->scratch);
    if (!block) {
        atomic_store(&w->out_of_memory, true);
        return;
    }
    uint64_t *keys = (uint64_t *)(void *)block;
    float *sums = (float *)(void *)(keys + items);
    uint32_t *touched = (uint32_t *)(void *)(sums + items);

    for (size_t i = first; i < last; i++) {
        size_t count = neighbours_of(w, (uint32_t)i, sums, touched, keys);
        void *columns = out.columns, *values = out.values;
        size_t room_columns = room, room_values = room;
        bool grown =
            recs__grow(w->host, &columns, &room_columns, put + count, sizeof *out.columns, NULL) ==
            RECS_OK;
        out.columns = columns;
        grown = grown && recs__grow(w->host, &values, &room_values, put + count,
                                    sizeof *out.values, NULL) == RECS_OK;
        out.values = values;
        if (!grown) {
            recs__free(w->host, out.columns);
            recs__free(w->host, out.values);
            out.columns = NULL;
            out.values = NULL;
            atomic_store(&w->out_of_memory, true);
            break;
        }
        room = room_columns < room_values ? room_columns : room_values;
        for (size_t t = 0; t < count; t++) {
            uint32_t bits = (uint32_t)keys[t];
            out.columns[put] = (uint32_t)(keys[t] >> 32);
            memcpy(&out.values[put++], &bits, sizeof bits);
        }
        w->counts[i] = (uint32_t)count;
    }
    w->found[task] = out;
    recs__scratch_give(&w->scratch, block);
}

/* ---- training ------------------------------------------------------------------------------ */

static recs_status all_rows(itemknn *w, size_t tasks, recs_error *error) {
    recs_status status = RECS_OK;
    for (w->first_task = 0; w->first_task < tasks && status == RECS_OK;
         w->first_task += TASKS_PER_BATCH) {
        size_t left = tasks - w->first_task;
        status = recs__progress_tell(w->job->progress, "itemknn items",
                                      (uint64_t)w->first_task * ITEMS_PER_TASK, w->by_item.rows,
                                      error);
        if (status)
            break;
        recs__run(w->host, itemknn_task, w, left < TASKS_PER_BATCH ? left : TASKS_PER_BATCH);
        if (atomic_load(&w->out_of_memory))
            status = recs__fail_memory(error, w->scratch.size);
    }
    return status;
}

static recs_status hand_over(itemknn *w, size_t tasks, recs__trained *trained, recs_error *error) {
    recs__sparse out;
    size_t items = w->by_item.rows;
    uint64_t entries = 0, put = 0;

    for (size_t i = 0; i < items; i++)
        entries += w->counts[i];
    recs_status status = recs__sparse_create(&out, (uint32_t)items, (uint32_t)items, entries,
                                             w->host, error);
    if (status)
        return status;
    for (size_t i = 0; i < items; i++)
        out.offsets[i + 1] = out.offsets[i] + w->counts[i];
    for (size_t task = 0; task < tasks; task++) {
        size_t last = (task + 1) * ITEMS_PER_TASK < items ? (task + 1) * ITEMS_PER_TASK : items;
        size_t count = (size_t)(out.offsets[last] - put);
        if (count) {
            memcpy(out.columns + put, w->found[task].columns, count * sizeof *out.columns);
            memcpy(out.values + put, w->found[task].values, count * sizeof *out.values);
        }
        put += count;
        recs__free(w->host, w->found[task].columns);
        recs__free(w->host, w->found[task].values);
        w->found[task] = (found){NULL, NULL};
    }
    trained->kind = RECS__KIND_ITEMS;
    for (size_t i = 0; i < items; i++)
        trained->items_trained += w->by_item.offsets[i + 1] > w->by_item.offsets[i];
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_OFFSETS, out.offsets,
                      (items + 1) * sizeof *out.offsets);
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_ITEMS, out.columns,
                      entries * sizeof *out.columns);
    recs__trained_add(trained, RECS_SECTION_NEIGHBOR_VALUES, out.values,
                      entries * sizeof *out.values);
    return RECS_OK;
}

static recs_status prepare(itemknn *w, size_t tasks, recs_error *error) {
    size_t items = w->job->training->units.column_count;
    recs_status status;

    w->row_norm = recs__alloc(w->host, items, sizeof *w->row_norm, error);
    w->column_norm = recs__alloc(w->host, items, sizeof *w->column_norm, error);
    w->counts = recs__alloc_zero(w->host, items, sizeof *w->counts, error);
    w->found = recs__alloc_zero(w->host, tasks, sizeof *w->found, error);
    if (!w->row_norm || !w->column_norm || !w->counts || !w->found)
        return RECS_ERR_MEMORY;
    if ((status = transform(w, error)) != RECS_OK)
        return status;
    recs__csr view = recs__sparse_view(&w->by_unit);
    if ((status = recs__sparse_transpose(&w->by_item, &view, w->host, error)) != RECS_OK)
        return status;
    norms(w);
    weigh_units(w);
    return RECS_OK;
}

static recs_status train_itemknn(const recs__train_job *job, recs__trained *trained,
                                 recs_error *error) {
    const double *settings = job->spec->settings;
    itemknn w = {.job = job, .host = &job->training->host};
    size_t items = job->training->units.column_count;
    size_t tasks = (items + ITEMS_PER_TASK - 1) / ITEMS_PER_TASK;
    recs_status status;

    w.similarity = (unsigned)settings[SIMILARITY];
    w.k = (size_t)settings[K];
    w.shrinkage = settings[SHRINKAGE];
    if (w.similarity == BM25 && w.shrinkage != 0.0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "itemknn: shrinkage=%.9g has no meaning with similarity=bm25, whose k1 "
                          "and b play its part",
                          w.shrinkage);
    recs__scratch_init(&w.scratch,
                       items * (sizeof(uint64_t) + sizeof(float) + sizeof(uint32_t)) +
                           sizeof(uint32_t),
                       w.host);
    atomic_init(&w.out_of_memory, false);
    status = prepare(&w, tasks, error);
    if (status == RECS_OK)
        status = all_rows(&w, tasks, error);
    if (status == RECS_OK)
        status = hand_over(&w, tasks, trained, error);

    for (size_t task = 0; w.found && task < tasks; task++) {
        recs__free(w.host, w.found[task].columns);
        recs__free(w.host, w.found[task].values);
    }
    recs__scratch_clear(&w.scratch);
    recs__sparse_clear(&w.by_unit, w.host);
    recs__sparse_clear(&w.by_item, w.host);
    recs__free(w.host, w.row_norm);
    recs__free(w.host, w.column_norm);
    recs__free(w.host, w.counts);
    recs__free(w.host, w.found);
    return status;
}

const recs__trainer recs__trainer_itemknn = {.name = "itemknn",
                                       .settings = itemknn_settings,
                                       .setting_count = SETTING_COUNT,
                                       .train = train_itemknn};
