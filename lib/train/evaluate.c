/* evaluate.c - how good a model's answers are on a test part.
 *
 * Every list comes from recs_recommend itself, so offline figures and live
 * answers cannot differ. Systems (rows of the result) are the model's
 * components, each as it stands (evidence only) and with fill, and three
 * baselines that need no model: popular, recent-popular and the user's own
 * items. Metric definitions are in recs/train.h.
 *
 * Users are spread over the executor in chunks of a fixed number; sums are
 * added chunk by chunk in order, so figures do not depend on threads.
 *
 * Cost: one recommendation per user and component. Memory: 5 bytes per item
 * and running chunk beside its query, 2 bytes per item and row of the result. */
#include "recs/train.h"

#include "base/error.h"
#include "base/lent.h"
#include "base/math.h"
#include "base/memory.h"
#include "base/text.h"
#include "recs/recommend.h"
#include "train/evaluation.h"
#include "train/progress.h"
#include "train/training.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define USERS_PER_CHUNK 128
#define CHUNKS_PER_BATCH 64
#define CUTOFF_MOST 10000

typedef enum system_kind { BY_COMPONENT, BY_ORDER, BY_OWN_ITEMS } system_kind;

/* A way to make a list. BY_COMPONENT fills two rows: evidence and filled. */
typedef struct system_ {
    system_kind kind;
    const char *component;
    uint32_t *order; /* BY_ORDER: items, best first; owned */
    size_t first_row, row_count;
} system_;

typedef struct evaluator {
    const recs_model *model;
    const recs__training *test;
    recs_evaluate_options options;
    recs__progress progress;
    recs_host host;
    recs_evaluation *result;
    uint32_t items;

    system_ systems[RECS__EVALUATION_ROWS];
    size_t system_count;
    size_t cutoffs[RECS__EVALUATION_CUTOFFS], cutoff_count, deepest;
    double *discounts; /* [deepest]: 1 / log2(rank + 2); then its running sum */

    uint32_t *test_items;            /* test row of an item -> model row, or none */
    uint32_t *users, *test_users;    /* parallel: model row, test row */
    size_t user_count;

    double *chunk_sums;              /* [chunks of a batch][rows][cutoffs][SUM_COUNT] */
    double *sums;                    /* [rows][cutoffs][SUM_COUNT] */
    _Atomic(unsigned short) *shown;  /* [rows][items]: a bit per cutoff */
    size_t first_chunk;
    _Atomic(int) status;
    atomic_flag error_taken;
    recs_error error;
} evaluator;

enum { RECALL, NDCG, PRECISION, HIT, MRR, MAP, POPULARITY, SHOWN, USERS, SUM_COUNT };

static const char *const metric_names[] = {"recall",   "ndcg", "precision", "hit_rate",
                                           "mrr",      "map",  "coverage",  "popularity"};
#define METRICS (sizeof metric_names / sizeof *metric_names)

/* ---- one list ------------------------------------------------------------------------------ */

/* What a chunk works with: a query, marks on the user's own items, the list. */
typedef struct workspace {
    recs_query *query;
    unsigned char *own;    /* [items]: the user has it */
    uint32_t *truth;       /* sorted model rows of the test items */
    size_t truth_known;    /* of them in the model */
    size_t truth_size;     /* all, unknown ones too: the denominator */
    uint32_t *list;        /* [deepest] */
    float *values;         /* [deepest]: of the user's own items on the list */
    int64_t *times;        /* [deepest] */
} workspace;

static bool holds(const uint32_t *sorted, size_t count, uint32_t row) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && sorted[low] == row;
}

static void score_list(const evaluator *e, const workspace *w, size_t row, const uint32_t *list,
                       size_t length, double *sums) {
    const double *ideal = e->discounts + e->deepest;
    double gain = 0.0, precision_sum = 0.0, first = 0.0, popularity = 0.0;
    size_t hits = 0, at = 0;

    for (size_t c = 0; c < e->cutoff_count; c++) {
        size_t cutoff = e->cutoffs[c];
        double *sum = sums + (row * e->cutoff_count + c) * SUM_COUNT;
        for (; at < length && at < cutoff; at++) {
            popularity += (double)recs_model_item_popularity(e->model, list[at]);
            for (size_t later = c; later < e->cutoff_count; later++)
                atomic_fetch_or_explicit(&e->shown[row * e->items + list[at]],
                                         (unsigned short)(1u << later), memory_order_relaxed);
            if (!holds(w->truth, w->truth_known, list[at]))
                continue;
            hits++;
            gain += e->discounts[at];
            precision_sum += (double)hits / (double)(at + 1);
            if (hits == 1)
                first = 1.0 / (double)(at + 1);
        }
        size_t reachable = w->truth_size < cutoff ? w->truth_size : cutoff;
        sum[RECALL] += (double)hits / (double)w->truth_size;
        sum[NDCG] += gain / ideal[reachable - 1];
        sum[PRECISION] += (double)hits / (double)cutoff;
        sum[HIT] += hits > 0;
        sum[MRR] += first;
        sum[MAP] += precision_sum / (double)reachable;
        sum[POPULARITY] += popularity;
        sum[SHOWN] += (double)at;
        sum[USERS] += 1.0;
    }
}

static bool eligible(const evaluator *e, const workspace *w, uint32_t item) {
    if (e->options.repeats == RECS_REPEATS_EXCLUDE)
        return !w->own[item];
    return e->options.repeats == RECS_REPEATS_INCLUDE || w->own[item];
}

static size_t list_by_order(const evaluator *e, const workspace *w, const uint32_t *order) {
    size_t length = 0;
    for (uint32_t i = 0; i < e->items && length < e->deepest; i++)
        if (eligible(e, w, order[i]))
            w->list[length++] = order[i];
    return length;
}

/* The user's own items by value, then the more recent, then by row. Selection
 * by repeated insertion into a list of at most `deepest`. */
static size_t list_of_own(const evaluator *e, const workspace *w, uint32_t user) {
    size_t entries = recs_model_history_count(e->model, user), length = 0;
    float *values = w->values;
    int64_t *times = w->times;

    for (size_t i = 0; i < entries; i++) {
        uint32_t item = recs_model_history_item(e->model, user, i);
        float value = recs_model_history_value(e->model, user, i);
        int64_t time = recs_model_history_time(e->model, user, i);
        if (!(value > 0.0f) || item >= e->items || !eligible(e, w, item))
            continue;
        size_t at = length < e->deepest ? length++ : e->deepest;
        while (at > 0 && (values[at - 1] < value ||
                          (values[at - 1] == value && times[at - 1] < time))) {
            if (at < e->deepest) {
                values[at] = values[at - 1];
                times[at] = times[at - 1];
                w->list[at] = w->list[at - 1];
            }
            at--;
        }
        if (at < e->deepest) {
            values[at] = value;
            times[at] = time;
            w->list[at] = item;
        }
    }
    return length;
}

/* ---- one user -------------------------------------------------------------------------------- */

/* Marks the user's own items and gathers the truth; false when nothing is
 * left to find. */
static bool prepare_user(const evaluator *e, workspace *w, uint32_t user, uint32_t test_user) {
    size_t entries = recs_model_history_count(e->model, user);
    uint64_t at;
    size_t count = recs__csr_row(&e->test->by_user, test_user, &at);

    for (size_t i = 0; i < entries; i++) {
        uint32_t item = recs_model_history_item(e->model, user, i);
        if (item < e->items)
            w->own[item] = 1;
    }
    w->truth_known = w->truth_size = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(e->test->by_user.values[at + i] > 0.0f))
            continue;
        uint32_t item = e->test_items[e->test->by_user.columns[at + i]];
        if (item == RECS_NO_ROW) {
            w->truth_size += e->options.repeats != RECS_REPEATS_ONLY;
        } else if (eligible(e, w, item)) {
            w->truth[w->truth_known++] = item; /* ascending: both tables are in id order */
            w->truth_size++;
        }
    }
    return w->truth_size > 0;
}

static void unmark_user(const evaluator *e, workspace *w, uint32_t user) {
    size_t entries = recs_model_history_count(e->model, user);
    for (size_t i = 0; i < entries; i++) {
        uint32_t item = recs_model_history_item(e->model, user, i);
        if (item < e->items)
            w->own[item] = 0;
    }
}

/* The user is asked for by the shop's own id, which the test part has: under
 * users=hashed the model's is only a hash. */
static recs_status ask_component(const evaluator *e, workspace *w, const system_ *system,
                                 size_t at, double *sums, recs_error *error) {
    recs_query *query = w->query;
    uint32_t user = e->users[at];
    recs_query_reset(query);
    recs_query_user(query, recs__ids_get(&e->test->user_ids, e->test_users[at], NULL));
    recs_query_component(query, system->component);
    recs_query_limit(query, e->deepest);
    recs_query_include_unavailable(query, 1);
    if (e->options.repeats != RECS_REPEATS_EXCLUDE)
        recs_query_exclude_seen(query, 0, RECS_NO_TIME);
    if (e->options.repeats == RECS_REPEATS_ONLY) {
        size_t entries = recs_model_history_count(e->model, user);
        recs_query_allow_rows(query, NULL, 0);
        for (size_t i = 0; i < entries; i++) {
            uint32_t item = recs_model_history_item(e->model, user, i);
            if (item < e->items)
                recs_query_allow_rows(query, &item, 1);
        }
    }
    recs_status status = recs_recommend(e->model, query, error);
    if (status)
        return status;
    const uint32_t *list = recs_query_rows(query);
    score_list(e, w, system->first_row, list, recs_query_evidence(query), sums);
    score_list(e, w, system->first_row + 1, list, recs_query_count(query), sums);
    return RECS_OK;
}

static recs_status evaluate_user(const evaluator *e, workspace *w, size_t at, double *sums,
                                 recs_error *error) {
    recs_status status = RECS_OK;
    for (size_t s = 0; s < e->system_count && status == RECS_OK; s++) {
        const system_ *system = &e->systems[s];
        if (system->kind == BY_COMPONENT) {
            status = ask_component(e, w, system, at, sums, error);
            continue;
        }
        size_t length = system->kind == BY_ORDER ? list_by_order(e, w, system->order)
                                                 : list_of_own(e, w, e->users[at]);
        score_list(e, w, system->first_row, w->list, length, sums);
    }
    return status;
}

static recs_status open_workspace(const evaluator *e, workspace *w, recs_error *error) {
    memset(w, 0, sizeof *w);
    w->own = recs__alloc_zero(&e->host, e->items, 1, error);
    if (w->own)
        w->truth = recs__alloc(&e->host, e->items, sizeof *w->truth, error);
    if (w->truth)
        w->list = recs__alloc(&e->host, e->deepest, sizeof *w->list, error);
    if (w->list)
        w->values = recs__alloc(&e->host, e->deepest, sizeof *w->values, error);
    if (w->values)
        w->times = recs__alloc(&e->host, e->deepest, sizeof *w->times, error);
    return w->times ? recs_query_create(&w->query, &e->host, error) : RECS_ERR_MEMORY;
}

static void close_workspace(const evaluator *e, workspace *w) {
    recs_query_destroy(w->query);
    recs__free(&e->host, w->own);
    recs__free(&e->host, w->truth);
    recs__free(&e->host, w->list);
    recs__free(&e->host, w->values);
    recs__free(&e->host, w->times);
}

static void chunk_task(void *arg, size_t index) {
    evaluator *e = arg;
    size_t row_sums = e->result->row_count * e->cutoff_count * SUM_COUNT;
    double *sums = e->chunk_sums + index * row_sums;
    size_t first = (e->first_chunk + index) * USERS_PER_CHUNK;
    size_t last = first + USERS_PER_CHUNK < e->user_count ? first + USERS_PER_CHUNK : e->user_count;
    workspace w;
    recs_error error;

    memset(sums, 0, row_sums * sizeof *sums);
    recs_status status = open_workspace(e, &w, &error);
    for (size_t u = first; u < last && status == RECS_OK; u++) {
        if (prepare_user(e, &w, e->users[u], e->test_users[u]))
            status = evaluate_user(e, &w, u, sums, &error);
        unmark_user(e, &w, e->users[u]);
    }
    close_workspace(e, &w);
    if (status && !atomic_flag_test_and_set(&e->error_taken)) {
        e->error = error;
        atomic_store(&e->status, (int)status);
    }
}

/* ---- the systems --------------------------------------------------------------------------- */

static void add_system(evaluator *e, system_kind kind, const char *name, uint32_t *order) {
    system_ *system = &e->systems[e->system_count++];
    recs_evaluation *result = e->result;
    system->kind = kind;
    system->component = name;
    system->order = order;
    system->first_row = result->row_count;
    system->row_count = kind == BY_COMPONENT ? 2 : 1;
    for (size_t r = 0; r < system->row_count; r++)
        snprintf(result->rows[result->row_count++], sizeof result->rows[0], "%s%s", name,
                 r ? "+fill" : "");
}

/* Items by falling counts, ties by row: a counting sort would need the largest
 * count, so this is a heap sort on (count, row). */
static bool before(const uint64_t *counts, uint32_t a, uint32_t b) {
    return counts[a] > counts[b] || (counts[a] == counts[b] && a < b);
}

static void sink(const uint64_t *counts, uint32_t *order, size_t root, size_t size) {
    for (size_t child; (child = 2 * root + 1) < size; root = child) {
        if (child + 1 < size && before(counts, order[child], order[child + 1]))
            child++;
        if (before(counts, order[child], order[root]))
            return;
        uint32_t swapped = order[root];
        order[root] = order[child];
        order[child] = swapped;
    }
}

static void sort_by_count(const uint64_t *counts, uint32_t *order, size_t size) {
    for (size_t i = 0; i < size; i++)
        order[i] = (uint32_t)i;
    for (size_t root = size / 2; root-- > 0;)
        sink(counts, order, root, size);
    while (size-- > 1) {
        uint32_t swapped = order[0];
        order[0] = order[size];
        order[size] = swapped;
        sink(counts, order, 0, size);
    }
}

static recs_status add_recent(evaluator *e, recs_error *error) {
    int64_t last = recs_model_last_time(e->model);
    double days = e->options.recent_days > 0.0 ? e->options.recent_days : 30.0;
    if (last == RECS_NO_TIME)
        return RECS_OK;
    uint64_t *counts = recs__alloc_zero(&e->host, e->items, sizeof *counts, error);
    uint32_t *order = recs__alloc(&e->host, e->items, sizeof *order, error);
    if (!counts || !order) {
        recs__free(&e->host, counts);
        recs__free(&e->host, order);
        return RECS_ERR_MEMORY;
    }
    uint32_t users = recs_model_users(e->model);
    for (uint32_t user = 0; user < users; user++) {
        size_t entries = recs_model_history_count(e->model, user);
        for (size_t i = 0; i < entries; i++) {
            uint32_t item = recs_model_history_item(e->model, user, i);
            int64_t time = recs_model_history_time(e->model, user, i);
            if (item < e->items && time != RECS_NO_TIME &&
                recs_model_history_value(e->model, user, i) > 0.0f &&
                (double)last - (double)time <= days * 86400000.0)
                counts[item]++;
        }
    }
    sort_by_count(counts, order, e->items);
    recs__free(&e->host, counts);
    add_system(e, BY_ORDER, "baseline/recent-popular", order);
    return RECS_OK;
}

static recs_status add_popular(evaluator *e, recs_error *error) {
    uint32_t *order = recs__alloc(&e->host, e->items, sizeof *order, error);
    if (!order)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < e->items; i++)
        order[i] = i;
    for (uint32_t i = 0; i < e->items; i++) {
        uint32_t rank = recs_model_item_rank(e->model, i);
        if (rank < e->items)
            order[rank] = i;
    }
    add_system(e, BY_ORDER, "baseline/popular", order);
    return RECS_OK;
}

static recs_status fail_component(const evaluator *e, recs_error *error) {
    char list[256] = "";
    size_t used = 0;
    for (uint32_t c = 0; c < recs_model_component_count(e->model) && used < sizeof list - 1; c++) {
        int wrote = snprintf(list + used, sizeof list - used, "%s%s", c ? ", " : "",
                             recs_model_component_name(e->model, c));
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    return recs__fail(error, RECS_ERR_NOT_FOUND,
                      "the model has no component \"%.100s\", expected one of: %s",
                      e->options.component, list);
}

static recs_status add_systems(evaluator *e, recs_error *error) {
    uint32_t components = recs_model_component_count(e->model), first = 0, last = components;
    recs_status status = RECS_OK;

    if (e->options.component) {
        first = recs_model_component_find(e->model, e->options.component);
        if (first == UINT32_MAX)
            return fail_component(e, error);
        last = first + 1;
    }
    if (2 * (size_t)(last - first) + 3 > RECS__EVALUATION_ROWS)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "the model has %u components, at most %d are evaluated at once; name one",
                          components, (RECS__EVALUATION_ROWS - 3) / 2);
    for (uint32_t c = first; c < last; c++)
        add_system(e, BY_COMPONENT, recs_model_component_name(e->model, c), NULL);
    if (!e->options.baselines)
        return RECS_OK;
    if ((status = add_popular(e, error)) == RECS_OK)
        status = add_recent(e, error);
    if (status == RECS_OK)
        add_system(e, BY_OWN_ITEMS, "baseline/own-items", NULL);
    return status;
}

/* ---- reading the options and the test part ------------------------------------------------- */

static recs_status parse_cutoffs(evaluator *e, recs_error *error) {
    const char *text = e->options.cutoffs ? e->options.cutoffs : "20", *at = text;
    bool more = true;
    while (more) {
        size_t size = strcspn(at, ",");
        int64_t value;
        if (!recs__parse_i64(at, size, &value) || value < 1 || value > CUTOFF_MOST ||
            (e->cutoff_count && (size_t)value <= e->cutoffs[e->cutoff_count - 1]))
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "cutoffs '%.60s': expected rising whole numbers from 1 to %d, as in "
                              "10,20,50",
                              text, CUTOFF_MOST);
        if (e->cutoff_count == RECS__EVALUATION_CUTOFFS)
            return recs__fail(error, RECS_ERR_LIMIT, "cutoffs '%.60s': at most %d", text,
                              RECS__EVALUATION_CUTOFFS);
        e->cutoffs[e->cutoff_count++] = (size_t)value;
        at += size;
        more = *at == ',';
        at += more;
    }
    e->deepest = e->cutoffs[e->cutoff_count - 1];
    return RECS_OK;
}

/* Rows of the model for the test part's ids, and the users to go through. */
static recs_status match_rows(evaluator *e, recs_error *error) {
    const recs__training *test = e->test;
    e->test_items = recs__alloc(&e->host, test->items, sizeof *e->test_items, error);
    e->users = recs__alloc(&e->host, test->users, sizeof *e->users, error);
    e->test_users = recs__alloc(&e->host, test->users, sizeof *e->test_users, error);
    if (!e->test_items || !e->users || !e->test_users)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < test->items; i++) {
        const char *id = recs__ids_get(&test->item_ids, i, NULL);
        e->test_items[i] = id ? recs_model_item_row(e->model, id) : RECS_NO_ROW;
        e->result->items_unknown += e->test_items[i] == RECS_NO_ROW;
    }
    for (uint32_t u = 0; u < test->users; u++) {
        uint64_t at;
        if (recs__csr_row(&test->by_user, u, &at) == 0)
            continue;
        const char *id = recs__ids_get(&test->user_ids, u, NULL);
        uint32_t row = id ? recs_model_user_row(e->model, id) : RECS_NO_ROW;
        if (row == RECS_NO_ROW) {
            e->result->users_unknown++;
            continue;
        }
        e->users[e->user_count] = row;
        e->test_users[e->user_count++] = u;
    }
    return RECS_OK;
}

static recs_status reserve(evaluator *e, recs_error *error) {
    size_t cells = e->result->row_count * e->cutoff_count * SUM_COUNT;
    e->discounts = recs__alloc(&e->host, 2 * e->deepest, sizeof *e->discounts, error);
    e->sums = recs__alloc_zero(&e->host, cells, sizeof *e->sums, error);
    e->chunk_sums =
        recs__alloc(&e->host, CHUNKS_PER_BATCH * cells, sizeof *e->chunk_sums, error);
    e->shown = recs__alloc_zero(&e->host, e->result->row_count * (size_t)e->items,
                                sizeof *e->shown, error);
    if (!e->discounts || !e->sums || !e->chunk_sums || !e->shown)
        return RECS_ERR_MEMORY;
    double ideal = 0.0;
    for (size_t rank = 0; rank < e->deepest; rank++) {
        e->discounts[rank] = 1.0 / recs__log2((double)rank + 2.0);
        ideal += e->discounts[rank];
        e->discounts[e->deepest + rank] = ideal;
    }
    return RECS_OK;
}

/* ---- running and summing up ---------------------------------------------------------------- */

static recs_status run_chunks(evaluator *e, recs_error *error) {
    size_t cells = e->result->row_count * e->cutoff_count * SUM_COUNT;
    size_t chunks = (e->user_count + USERS_PER_CHUNK - 1) / USERS_PER_CHUNK;

    for (e->first_chunk = 0; e->first_chunk < chunks; e->first_chunk += CHUNKS_PER_BATCH) {
        size_t left = chunks - e->first_chunk;
        size_t count = left < CHUNKS_PER_BATCH ? left : CHUNKS_PER_BATCH;
        recs_status status =
            recs__progress_tell(&e->progress, "evaluating users",
                                (uint64_t)e->first_chunk * USERS_PER_CHUNK, e->user_count, error);
        if (status)
            return status;
        recs__run(&e->host, chunk_task, e, count);
        if (atomic_load(&e->status)) {
            if (error)
                *error = e->error;
            return (recs_status)atomic_load(&e->status);
        }
        for (size_t chunk = 0; chunk < count; chunk++)
            for (size_t i = 0; i < cells; i++)
                e->sums[i] += e->chunk_sums[chunk * cells + i];
    }
    return RECS_OK;
}

static void sum_up(evaluator *e) {
    recs_evaluation *result = e->result;
    for (size_t c = 0; c < e->cutoff_count; c++)
        for (size_t m = 0; m < METRICS; m++)
            snprintf(result->metrics[result->metric_count++], sizeof result->metrics[0], "%s@%zu",
                     metric_names[m], e->cutoffs[c]);
    for (size_t row = 0; row < result->row_count; row++)
        for (size_t c = 0; c < e->cutoff_count; c++) {
            const double *sum = e->sums + (row * e->cutoff_count + c) * SUM_COUNT;
            double users = sum[USERS] > 0.0 ? sum[USERS] : 1.0;
            double *value = &result->values[row][c * METRICS];
            size_t covered = 0;
            for (uint32_t i = 0; i < e->items; i++)
                covered += atomic_load_explicit(&e->shown[row * e->items + i],
                                                memory_order_relaxed) >>
                               c &
                           1u;
            for (size_t m = RECALL; m <= MAP; m++)
                value[m] = sum[m] / users;
            value[6] = e->items ? (double)covered / (double)e->items : 0.0;
            value[7] = sum[SHOWN] > 0.0 ? sum[POPULARITY] / sum[SHOWN] : 0.0;
            result->users = (uint64_t)sum[USERS];
        }
    result->users_empty = e->user_count - result->users;
}

/* A mean over nobody is no figure, so it is an error that says where all went. */
static recs_status check_users(const evaluator *e, recs_error *error) {
    static const char *const reasons[] = {
        "with nothing in the test part that they did not have before (repeats=exclude)",
        "with nothing in the test part that is evidence",
        "with nothing in the test part that they had before (repeats=only)"};
    const recs_evaluation *result = e->result;

    if (result->users > 0)
        return RECS_OK;
    if (result->users_unknown + result->users_empty == 0)
        return recs__fail(error, RECS_ERR_DATA,
                          "no user to evaluate: no event of the test part has a user");
    return recs__fail(error, RECS_ERR_DATA,
                      "no user of the test part can be evaluated: %llu not in the model, %llu %s",
                      (unsigned long long)result->users_unknown,
                      (unsigned long long)result->users_empty, reasons[e->options.repeats]);
}

static void describe_protocol(evaluator *e) {
    static const char *const masks[] = {
        "train items masked and taken out of the test part",
        "nothing masked: repeats count as any other item",
        "only the user's own train items, in the lists and in the test part"};
    snprintf(e->result->protocol, sizeof e->result->protocol,
             "all %u items ranked; %s\n"
             "means over %llu user%s; skipped: %llu not in the model, %llu with no test item left\n"
             "test items the model does not know stay in the denominator (%llu of them)\n"
             "recall@k = hits / |test|; ndcg@k = binary gains, ideal over min(k, |test|); "
             "map@k over min(k, |test|);\n"
             "precision@k = hits / k; coverage@k = share of the catalogue shown; popularity@k = "
             "mean train popularity of what is shown\n%s%s",
             e->items, masks[e->options.repeats], (unsigned long long)e->result->users,
             e->result->users == 1 ? "" : "s", (unsigned long long)e->result->users_unknown,
             (unsigned long long)e->result->users_empty,
             (unsigned long long)e->result->items_unknown,
             e->options.baselines && e->options.repeats == RECS_REPEATS_EXCLUDE
                 ? "baseline/own-items is zero by definition where repeats are excluded\n"
                 : "",
             e->options.baselines && recs_model_last_time(e->model) == RECS_NO_TIME
                 ? "baseline/recent-popular is left out: the train part has no times\n"
                 : "");
}

static void clear(evaluator *e) {
    for (size_t s = 0; s < e->system_count; s++)
        recs__free(&e->host, e->systems[s].order);
    recs__free(&e->host, e->discounts);
    recs__free(&e->host, e->sums);
    recs__free(&e->host, e->chunk_sums);
    recs__free(&e->host, e->shown);
    recs__free(&e->host, e->test_items);
    recs__free(&e->host, e->users);
    recs__free(&e->host, e->test_users);
}

static recs_status check(evaluator *e, const recs_dataset *test, recs_error *error) {
    if (e->options.repeats < RECS_REPEATS_EXCLUDE || e->options.repeats > RECS_REPEATS_ONLY)
        return recs__fail(error, RECS_ERR_ARGUMENT, "repeats is %d, expected 0, 1 or 2",
                          (int)e->options.repeats);
    if (!(e->options.recent_days >= 0.0 && isfinite(e->options.recent_days)))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "recent_days is %g, expected a number of days above 0, or 0 for 30",
                          e->options.recent_days);
    if (recs_model_users(e->model) == 0)
        return recs__fail(error, RECS_ERR_STATE,
                          "the model stores no users (users=%s): evaluation needs their histories; "
                          "train with users=full or hashed",
                          recs_model_users_mode(e->model));
    if (recs_model_component_count(e->model) == 0)
        return recs__fail(error, RECS_ERR_STATE, "the model has no component to evaluate");
    if (recs_dataset_count(test, "events") == 0)
        return recs__fail(error, RECS_ERR_DATA, "the test part has no events to evaluate on");
    return parse_cutoffs(e, error);
}

recs_status recs_evaluate(const recs_model *model, const recs_dataset *test,
                          const recs_evaluate_options *options, const recs_host *host,
                          recs_evaluation **evaluation, recs_error *error) {
    evaluator *e;
    recs__training *frozen = NULL;
    recs_host lent;
    if (model == NULL || test == NULL || evaluation == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL",
                          model == NULL  ? "model"
                          : test == NULL ? "test"
                                         : "evaluation");
    recs_status status = recs__host_init(&lent, host, error);
    if (status)
        return status;
    if (!(e = recs__alloc_zero(&lent, 1, sizeof *e, error)))
        return RECS_ERR_MEMORY;
    e->model = model;
    e->host = lent;
    e->items = recs_model_items(model);
    atomic_flag_clear(&e->error_taken);
    status = recs__lent_copy(&e->options, sizeof e->options, options, "recs_evaluate_options",
                             error);
    recs__progress_init(&e->progress, e->options.progress, e->options.progress_data, &e->host);
    if (status == RECS_OK)
        status = check(e, test, error);
    if (status == RECS_OK && !(e->result = recs__evaluation_create(&lent, error)))
        status = RECS_ERR_MEMORY;
    if (status == RECS_OK)
        status = recs__training_build(&frozen, test, &lent, error);
    e->test = frozen;
    if (status == RECS_OK)
        status = match_rows(e, error);
    if (status == RECS_OK)
        status = add_systems(e, error);
    if (status == RECS_OK)
        status = reserve(e, error);
    if (status == RECS_OK)
        status = run_chunks(e, error);
    if (status == RECS_OK) {
        sum_up(e);
        status = check_users(e, error);
    }
    if (status == RECS_OK) {
        describe_protocol(e);
        *evaluation = e->result;
    } else {
        recs_evaluation_destroy(e->result);
    }
    clear(e);
    recs__training_destroy(frozen);
    recs__free(&lent, e);
    return status;
}
