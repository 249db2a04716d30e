/* place_trends.c - what was popular, rising or new at each place when the log
 * ended, as a component.
 *
 * The log goes in time order through a recs_trends, the same that counts live
 * (recs_trends_add), and what it counted is asked of it place by place: each
 * place with all its items, in the asked and in the longest half-life, at the
 * beginning of the grid's slot, where counts are plain sums. The file keeps those
 * sums, and the request scores them as a live state would (src/recommend/frozen.c):
 * same log, same settings, same answers to the bit.
 *
 * Actors, returns and the least number of actors of a place are the live state's
 * rules; weights of types are the dataset's `types`. Ratings below `positive` and
 * events without a time do not count; sources and propensities are not looked at.
 *
 * Cost: a sort of the log by time unless it is sorted, one event at a time through
 * the state (about 1 us), and twice the counted pairs of place and item. Memory:
 * the state, 8 bytes an event while an unsorted log is put in order, and 12 to 28
 * bytes a pair in the file. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/memory.h"
#include "model/format.h"
#include "recs/query.h"
#include "recs/trends.h"
#include "train/budget.h"
#include "train/order.h"
#include "train/training_store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    RANKING,
    HALF_LIFE,
    BASELINE,
    ACTORS,
    MIN_ACTORS,
    MIN_SUPPORT,
    SUPPORT,
    PRIOR,
    CANDIDATES,
    NEW_WITHIN,
    SETTING_COUNT
};

/* Times in days. baseline 0: four half-lives. */
static const recs__setting trending_settings[] = {
    [RANKING] = {"ranking", RECS_RANK_POPULAR, 0, 0, false, "popular|trending|new", 0},
    [HALF_LIFE] = {"half_life", 7, 1.0 / 1440, 1000, false, NULL, 0},
    [BASELINE] = {"baseline", 0, 0, 1000, false, NULL, 0},
    [ACTORS] = {"actors", 1, 0, 30, false, NULL, 0},
    [MIN_ACTORS] = {"min_actors", 3, 0, 64, true, NULL, 0},
    [MIN_SUPPORT] = {"min_support", 3, 0, 1e6, false, NULL, 0},
    [SUPPORT] = {"support", 10, 0, 1e6, false, NULL, 0},
    [PRIOR] = {"prior", 20, 0, 1e6, false, NULL, 0},
    [CANDIDATES] = {"candidates", 256, 16, 4096, true, NULL, 0},
    [NEW_WITHIN] = {"new_within", 7, 1.0 / 24, 1000, false, NULL, 0},
};

#define GRID_HALF_LIVES 16 /* a slot of the grid, docs/trends.md */
#define BATCH 16384

typedef struct freezing {
    const recs__train_job *job;
    const recs_dataset *dataset;
    const recs__training *training;
    const recs_host *host;
    recs_trends *trends;
    recs_events *events;
    recs_query *query;
    char description[1024];
    int64_t last;                  /* of the log             */
    int64_t newest;                /* 0: nothing was counted */
    int64_t half_life[2], grid[2]; /* asked, longest         */
    bool rising;
    uint64_t *order; /* events by time; NULL: they are */

    uint32_t places;
    uint32_t *handles, *rows; /* of the state's places by row, and back */
    uint64_t capacity, entries;
    recs__file_trend_rules *rules;
    recs__file_trend_place *records;
    uint64_t *path_offsets, *offsets;
    char *path_bytes;
    size_t path_size;
    uint32_t *items;
    double *counts, *bases;
    int64_t *firsts;
    double *dense[2]; /* [items]: of the place in hand, NaN: not there */
    int64_t *dense_firsts;
    uint32_t *touched;
    uint32_t touched_count;
} freezing;

/* ---- the state ------------------------------------------------------------------------ */

static int64_t milliseconds(double days) { return (int64_t)(days * 86400.0 + 0.5) * 1000; }

/* Weights of types the dataset has changed. */
static recs_status describe_types(freezing *f, size_t used, recs_error *error) {
    const float *weights = f->dataset->settings.values.type_weights;
    for (int32_t type = 0; type <= RECS_EVENT_MAX; type++) {
        const char *name = recs_event_name(type);
        if (type == RECS_EVENT_RETURN || type == RECS_EVENT_DISLIKE ||
            type == RECS_EVENT_IMPRESSION || weights[type] == 1.0f)
            continue;
        if (weights[type] > 1000.0f)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "trending: the dataset's types give %s the weight %g, expected at "
                              "most 1000",
                              recs__settings_type_name(&f->dataset->settings, type),
                              (double)weights[type]);
        char number[16];
        snprintf(number, sizeof number, "%d", type);
        int wrote = snprintf(f->description + used, sizeof f->description - used,
                             ", weight.%s=%.9g", name != NULL ? name : number,
                             (double)weights[type]);
        used += wrote > 0 ? (size_t)wrote : 0;
        if (used >= sizeof f->description)
            return recs__fail(error, RECS_ERR_LIMIT, "trending: too many weights of types");
    }
    return RECS_OK;
}

/* prior only matters to who asks, and here each place is asked alone: 0. */
static recs_status describe(freezing *f, recs_error *error) {
    const double *s = f->job->spec->settings;
    double baseline = s[BASELINE] > 0.0 ? s[BASELINE] : fmin(4.0 * s[HALF_LIFE], 1000.0);
    f->half_life[0] = milliseconds(s[HALF_LIFE]);
    f->half_life[1] = milliseconds(baseline);
    f->rising = (int)s[RANKING] == RECS_RANK_TRENDING;
    if (f->half_life[1] < f->half_life[0] || (f->rising && f->half_life[1] == f->half_life[0]))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "trending: baseline=%.9g, expected %s than half_life=%.9g", baseline,
                          f->rising ? "more" : "not less", s[HALF_LIFE]);
    char longest[32] = "", actors[32] = "off";
    if (f->half_life[1] > f->half_life[0])
        snprintf(longest, sizeof longest, "|%llds", (long long)f->half_life[1] / 1000);
    if (s[ACTORS] > 0.0)
        snprintf(actors, sizeof actors, "%llds", (long long)milliseconds(s[ACTORS]) / 1000);
    int wrote = snprintf(f->description, sizeof f->description,
                         "half_life=%llds%s, actors=%s, min_actors=%u, prior=0, future=365d",
                         (long long)f->half_life[0] / 1000, longest, actors,
                         (unsigned)s[MIN_ACTORS]);
    size_t used = wrote > 0 ? (size_t)wrote : 0;
    if ((int)s[RANKING] == RECS_RANK_NEW) {
        wrote = snprintf(f->description + used, sizeof f->description - used, ", new_within=%llds",
                         (long long)milliseconds(s[NEW_WITHIN]) / 1000);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    return describe_types(f, used, error);
}

/* ---- the log in time order ---------------------------------------------------------------- */

static recs_status tell_order(void *data, uint64_t done, uint64_t total, recs_error *error) {
    const freezing *f = data;
    return recs__progress_tell(f->job->progress, "trending order", done, total, error);
}

static recs_status sort_log(freezing *f, recs_error *error) {
    const recs__log *log = &f->dataset->log;
    const int64_t *times = log->times;
    size_t count = (size_t)log->count;
    bool sorted = true;
    f->last = RECS_NO_TIME;
    for (size_t e = 0; e < count; e++) {
        sorted &= times[e] >= f->last;
        f->last = times[e] > f->last ? times[e] : f->last;
    }
    if (count != 0 && f->last == RECS_NO_TIME)
        return recs__fail(error, RECS_ERR_STATE,
                          "trending needs times and no event of the log has one");
    if (sorted)
        return RECS_OK;
    const recs_host *big = recs__training_big(f->training);
    f->order = recs__alloc(big, count, sizeof *f->order, error);
    uint64_t *spare = f->order != NULL ? recs__alloc(big, count, sizeof *spare, error) : NULL;
    if (spare == NULL)
        return RECS_ERR_MEMORY;
    for (size_t e = 0; e < count; e++)
        f->order[e] = e;
    recs_status status =
        recs__order_events(f->order, spare, count, times, tell_order, f, error);
    recs__free(big, spare);
    return status;
}

static recs_status text(freezing *f, int32_t field, const recs__intern *table, uint32_t number,
                        recs_error *error) {
    size_t size;
    if (number == RECS_NO_ROW)
        return RECS_OK;
    return recs_events_text(f->events, field, recs__intern_text(table, number, &size), error);
}

/* Appends an event of the log to the batch, if it counts. */
static recs_status take_event(freezing *f, const recs__values *values, uint64_t index,
                              recs_error *error) {
    const recs_dataset *dataset = f->dataset;
    recs__event event = recs__log_get(&dataset->log, index);
    int32_t type = recs__training_type(values, event.type);
    if (event.time == RECS_NO_TIME ||
        (type == RECS_EVENT_RATING && values->positive_given &&
         !((double)event.value >= values->positive)))
        return RECS_OK;
    uint32_t row = f->training->store->item_rows[event.item];
    recs_status status = recs_events_begin(
        f->events, recs__ids_get(&f->training->item_ids, row, NULL), type, event.time, error);
    if (status == RECS_OK)
        status = text(f, RECS_FIELD_USER, &dataset->users, event.user, error);
    if (status == RECS_OK)
        status = text(f, RECS_FIELD_SESSION, &dataset->sessions, event.session, error);
    if (status == RECS_OK)
        status = text(f, RECS_FIELD_BASKET, &dataset->baskets, event.basket, error);
    if (status == RECS_OK)
        status = text(f, RECS_FIELD_PLACE, &dataset->places, event.place, error);
    if (status == RECS_OK && event.quantity < 0.0f)
        status = recs_events_quantity(f->events, (double)event.quantity, error);
    return status;
}

static recs_status flush(freezing *f, uint64_t done, recs_error *error) {
    recs_status status = recs_trends_add(f->trends, f->events, f->last, error);
    recs_events_reset(f->events);
    if (status == RECS_OK && f->job->memory != 0)
        status = recs__budget_check(f->job, recs_trends_memory(f->trends),
                                    "trending: what is counted at places", error);
    if (status == RECS_OK)
        status = recs__progress_tell(f->job->progress, "trending events", done,
                                     f->dataset->log.count, error);
    return status;
}

static recs_status count_events(freezing *f, recs_error *error) {
    const recs__log *log = &f->dataset->log;
    recs__values values = recs__training_values(f->dataset);
    recs_status status = RECS_OK;
    for (uint64_t e = 0; e < log->count && status == RECS_OK; e++) {
        status = take_event(f, &values, f->order != NULL ? f->order[e] : e, error);
        if (status == RECS_OK && ((e + 1) % BATCH == 0 || e + 1 == log->count))
            status = flush(f, e + 1, error);
    }
    return status;
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool path_before(const void *trends, uint32_t a, uint32_t b) {
    return strcmp(recs_trends_place_name(trends, a), recs_trends_place_name(trends, b)) < 0;
}

/* Rows of the places: the root, then by path. */
static recs_status order_places(freezing *f, recs_error *error) {
    uint32_t count = recs_trends_place_count(f->trends);
    f->places = count;
    f->handles = recs__alloc(f->host, count, sizeof *f->handles, error);
    f->rows = recs__alloc(f->host, count, sizeof *f->rows, error); /* spare of the sort first */
    if (f->handles == NULL || f->rows == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t p = 0; p < count; p++)
        f->handles[p] = p;
    (void)recs__order_rows(f->handles, f->rows, count, path_before, f->trends, NULL, NULL, NULL);
    for (uint32_t row = 0; row < count; row++)
        f->rows[f->handles[row]] = row;
    return RECS_OK;
}

static recs_status allocate(freezing *f, recs_error *error) {
    uint32_t items = f->training->items;
    for (uint32_t row = 1; row < f->places; row++)
        f->path_size += strlen(recs_trends_place_name(f->trends, f->handles[row])) + 1;
    f->capacity = recs_trends_cells(f->trends);
    uint64_t bytes = recs_trends_memory(f->trends) + f->capacity * (f->rising ? 28 : 20) +
                     (uint64_t)f->places * 64 + f->path_size + (uint64_t)items * 28;
    recs_status status = recs__budget_check(f->job, bytes, "trending", error);
    if (status != RECS_OK)
        return status;
    size_t pairs = (size_t)f->capacity;
    struct {
        void **block;
        size_t count, size;
    } blocks[] = {
        {(void **)&f->rules, 1, sizeof *f->rules},
        {(void **)&f->records, f->places, sizeof *f->records},
        {(void **)&f->path_offsets, f->places, sizeof *f->path_offsets},
        {(void **)&f->path_bytes, f->path_size, 1},
        {(void **)&f->offsets, (size_t)f->places + 1, sizeof *f->offsets},
        {(void **)&f->items, pairs, sizeof *f->items},
        {(void **)&f->counts, pairs, sizeof *f->counts},
        {(void **)&f->bases, f->rising ? pairs : 0, sizeof *f->bases},
        {(void **)&f->firsts, pairs, sizeof *f->firsts},
        {(void **)&f->dense[0], items, sizeof(double)},
        {(void **)&f->dense[1], items, sizeof(double)},
        {(void **)&f->dense_firsts, items, sizeof(int64_t)},
        {(void **)&f->touched, items, sizeof *f->touched},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if ((*blocks[i].block = recs__alloc_aligned(f->host, blocks[i].count, blocks[i].size,
                                                    error)) == NULL)
            return RECS_ERR_MEMORY;
    for (uint32_t item = 0; item < items; item++)
        f->dense[0][item] = f->dense[1][item] = (double)NAN;
    return RECS_OK;
}

/* ---- what each place has counted ---------------------------------------------------------------- */

/* Into dense[which]; *total its traffic. */
static recs_status ask_place(freezing *f, uint32_t handle, int which, double *total,
                             recs_error *error) {
    recs_query *query = f->query;
    recs_query_reset(query);
    recs_query_place(query, recs_trends_place_name(f->trends, handle));
    recs_query_half_life(query, f->half_life[which]);
    recs_query_time(query, f->grid[which]);
    recs_query_limit(query, INT32_MAX);
    recs_query_evidence_only(query, 1);
    recs_status status = recs_trending(f->trends, query, error);
    size_t count = status == RECS_OK ? recs_query_count(query) : 0;
    *total = count != 0 ? recs_query_trend(query, 0, RECS_TREND_SUPPORT) : 0.0;
    for (size_t i = 0; i < count; i++) {
        const char *id = recs_query_id(query, i);
        uint32_t row = recs__ids_find(&f->training->item_ids, id, strlen(id));
        if (row >= f->training->items)
            return recs__fail(error, RECS_ERR_STATE, "trending: \"%.64s\" is no item", id);
        if (isnan(f->dense[0][row]) && isnan(f->dense[1][row])) {
            f->touched[f->touched_count++] = row;
            f->dense_firsts[row] = RECS_NO_TIME;
        }
        f->dense[which][row] = recs_query_trend(query, i, RECS_TREND_COUNT);
    }
    return status;
}

/* When the items that are new first appeared, anywhere. */
static recs_status ask_firsts(freezing *f, recs_error *error) {
    recs_query *query = f->query;
    recs_query_reset(query);
    recs_query_time(query, f->newest);
    recs_query_ranking(query, RECS_RANK_NEW);
    recs_query_limit(query, INT32_MAX);
    recs_status status = recs_trending(f->trends, query, error);
    for (size_t i = 0; status == RECS_OK && i < recs_query_count(query); i++) {
        const char *id = recs_query_id(query, i);
        uint32_t row = recs__ids_find(&f->training->item_ids, id, strlen(id));
        double first = recs_query_trend(query, i, RECS_TREND_FIRST);
        if (row < f->training->items && !isnan(first))
            f->dense_firsts[row] = (int64_t)first;
    }
    return status;
}

/* Ascending: a heap, as few or many as they are. */
static void sort_rows(uint32_t *rows, uint32_t count) {
    for (uint32_t start = count / 2, end = count; end > 1;) {
        if (start > 0) {
            start--;
        } else {
            end--;
            uint32_t largest = rows[0];
            rows[0] = rows[end];
            rows[end] = largest;
        }
        uint32_t root = start, value = rows[root], child;
        while ((child = 2 * root + 1) < end) {
            child += child + 1 < end && rows[child] < rows[child + 1];
            if (rows[child] <= value)
                break;
            rows[root] = rows[child];
            root = child;
        }
        rows[root] = value;
    }
}

static recs_status freeze_place(freezing *f, uint32_t row, recs_error *error) {
    uint32_t handle = f->handles[row], parent = recs_trends_place_parent(f->trends, handle);
    recs__file_trend_place *record = &f->records[row];
    memset(record, 0, sizeof *record);
    record->parent = parent != RECS_NO_PLACE ? f->rows[parent] : UINT32_MAX;
    f->touched_count = 0;
    recs_status status = ask_place(f, handle, 0, &record->total, error);
    if (status == RECS_OK && f->rising)
        status = ask_place(f, handle, 1, &record->base_total, error);
    if (status == RECS_OK && row == 0 &&
        (int)f->job->spec->settings[RANKING] == RECS_RANK_NEW)
        status = ask_firsts(f, error);
    if (status != RECS_OK)
        return status;
    sort_rows(f->touched, f->touched_count);
    if (f->touched_count > f->capacity - f->entries)
        return recs__fail(error, RECS_ERR_STATE, "trending: the state changed while it was read");
    for (uint32_t i = 0; i < f->touched_count; i++) {
        uint32_t item = f->touched[i];
        f->items[f->entries] = item;
        f->counts[f->entries] = isnan(f->dense[0][item]) ? 0.0 : f->dense[0][item];
        if (f->rising)
            f->bases[f->entries] = isnan(f->dense[1][item]) ? 0.0 : f->dense[1][item];
        f->firsts[f->entries++] = f->dense_firsts[item];
        f->dense[0][item] = f->dense[1][item] = (double)NAN;
    }
    f->offsets[row + 1] = f->entries;
    return RECS_OK;
}

static recs_status freeze(freezing *f, recs_error *error) {
    const double *s = f->job->spec->settings;
    uint64_t used = 0;
    recs_status status = RECS_OK;
    memset(f->rules, 0, sizeof *f->rules);
    *f->rules = (recs__file_trend_rules){
        .newest = f->newest,
        .half_life = f->half_life[0],
        .grid = f->grid[0],
        .base_half_life = f->half_life[1],
        .base_grid = f->grid[1],
        .new_within = milliseconds(s[NEW_WITHIN]),
        .prior = s[PRIOR],
        .min_support = s[MIN_SUPPORT],
        .support = s[SUPPORT],
        .ranking = (uint32_t)s[RANKING],
        .candidates = (uint32_t)s[CANDIDATES],
    };
    f->path_offsets[0] = f->offsets[0] = 0;
    for (uint32_t row = 1; row < f->places; row++) {
        const char *path = recs_trends_place_name(f->trends, f->handles[row]);
        size_t size = strlen(path) + 1;
        memcpy(f->path_bytes + used, path, size);
        used += size;
        f->path_offsets[row] = used;
    }
    for (uint32_t row = 0; row < f->places && status == RECS_OK; row++) {
        status = freeze_place(f, row, error);
        if (status == RECS_OK)
            status = recs__progress_tell(f->job->progress, "trending places", row + 1, f->places,
                                         error);
    }
    return status;
}

static void hand_over(freezing *f, recs__trained *trained) {
    size_t entries = (size_t)f->entries, places = f->places;
    uint32_t ranking = f->rules->ranking;
    trained->kind = RECS__KIND_TRENDS;
    trained->rows = f->places;
    for (uint64_t e = 0; e < f->offsets[1]; e++) /* the root has every item that counts */
        trained->items_trained += f->counts[e] > 0.0;
    struct {
        uint32_t type;
        void **block;
        size_t size;
        bool wanted;
    } sections[] = {
        {RECS_SECTION_TREND_RULES, (void **)&f->rules, sizeof *f->rules, true},
        {RECS_SECTION_TREND_PLACE_OFFSETS, (void **)&f->path_offsets, places * sizeof(uint64_t),
         true},
        {RECS_SECTION_TREND_PLACE_BYTES, (void **)&f->path_bytes, f->path_size, true},
        {RECS_SECTION_TREND_PLACES, (void **)&f->records, places * sizeof *f->records, true},
        {RECS_SECTION_TREND_OFFSETS, (void **)&f->offsets, (places + 1) * sizeof(uint64_t), true},
        {RECS_SECTION_TREND_ITEMS, (void **)&f->items, entries * sizeof *f->items, true},
        {RECS_SECTION_TREND_COUNTS, (void **)&f->counts, entries * sizeof *f->counts, true},
        {RECS_SECTION_TREND_BASES, (void **)&f->bases, entries * sizeof *f->bases, f->rising},
        {RECS_SECTION_TREND_FIRSTS, (void **)&f->firsts, entries * sizeof *f->firsts,
         ranking == RECS_RANK_NEW},
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        if (sections[i].wanted) {
            recs__trained_add(trained, sections[i].type, *sections[i].block, sections[i].size);
            *sections[i].block = NULL;
        }
}

static void clear(freezing *f) {
    void *blocks[] = {f->rules,  f->records, f->path_offsets, f->path_bytes, f->offsets,
                      f->items,  f->counts,  f->bases,        f->firsts,     f->dense[0],
                      f->dense[1], f->dense_firsts, f->touched};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        recs__free_aligned(f->host, blocks[i]);
    recs__free(recs__training_big(f->training), f->order);
    recs__free(f->host, f->handles);
    recs__free(f->host, f->rows);
    recs_query_destroy(f->query);
    recs_events_destroy(f->events);
    recs_trends_destroy(f->trends);
}

static recs_status train_trending(const recs__train_job *job, recs__trained *trained,
                                  recs_error *error) {
    freezing f = {.job = job, .training = job->training, .host = &job->training->host,
                  .dataset = job->training->store->dataset};
    recs_status status = describe(&f, error);
    if (status == RECS_OK)
        status = recs_trends_create(&f.trends, f.description, f.host, error);
    if (status == RECS_OK)
        status = recs_events_create(&f.events, f.host, error);
    if (status == RECS_OK)
        status = recs_query_create(&f.query, f.host, error);
    if (status == RECS_OK)
        status = recs__progress_tell(job->progress, "trending order", 0, 1, error);
    if (status == RECS_OK)
        status = sort_log(&f, error);
    if (status == RECS_OK)
        status = count_events(&f, error);
    if (status == RECS_OK)
        f.newest = recs_trends_newest(f.trends) != RECS_NO_TIME ? recs_trends_newest(f.trends) : 0;
    for (int i = 0; i < 2 && status == RECS_OK; i++)
        f.grid[i] = f.newest / (GRID_HALF_LIVES * f.half_life[i]) *
                    (GRID_HALF_LIVES * f.half_life[i]);
    if (status == RECS_OK)
        status = order_places(&f, error);
    if (status == RECS_OK)
        status = allocate(&f, error);
    if (status == RECS_OK)
        status = freeze(&f, error);
    if (status == RECS_OK)
        hand_over(&f, trained);
    clear(&f);
    return status;
}

const recs__trainer recs__trainer_trending = {"trending", trending_settings, SETTING_COUNT,
                                              train_trending, false};
