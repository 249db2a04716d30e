/* place_trends.c - what was popular, rising or new at each place when the log
 * ended, as a component.
 *
 * The log goes in time order through a recs_trends, the same that counts live
 * (recs_trends_add), and its counts are stored as they are (recs_trends_freeze); requests ask
 * them with the live state's code (src/recommend/frozen.c): same log, same settings, same
 * answers to the bit. Nothing of actors is stored, and nothing of places that too few
 * actors have come to.
 *
 * Actors, returns and the least number of actors of a place are the live state's
 * rules; weights of types are the dataset's `types`. Ratings below `positive` and
 * events without a time do not count; sources and propensities are not looked at.
 *
 * Cost: a sort of the log by time unless it is sorted, one event at a time through
 * the state (about 1 us), and a snapshot. Memory: the state, 8 bytes an event while an
 * unsorted log is put in order, and three times the file's part while that is written:
 * 64 bytes for up to two half-lives (8 more a bucket of a window), 4/3 of that a counted pair
 * of place and item, and some 30 a pair beside. */
#include "train/trainer.h"

#include "base/error.h"
#include "base/memory.h"
#include "model/format.h"
#include "recs/query.h"
#include "recs/trends_share.h"
#include "train/budget.h"
#include "train/order.h"
#include "train/training_store.h"

#include <math.h>
#include <stdarg.h>
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
    MIN_SHARE,
    OWN,
    ACTOR_SHARE,
    WINDOW,
    BUCKET,
    PROFILE,
    WEEKLY,
    SETTING_COUNT
};

/* Times in days. baseline 0: four half-lives. window above 0: what is asked is a window of
 * that length, in 24 buckets, and no half-life. bucket above 0: the baseline is a window of
 * buckets of that length. profile: a window of days, 0: off. min_share -1: 1/candidates. */
static const recs__setting trending_settings[] = {
    [RANKING] = {"ranking", RECS_RANK_POPULAR, 0, 0, false, "popular|trending|new", 0},
    [HALF_LIFE] = {"half_life", 7, 1.0 / 1440, 1000, false, NULL, 0},
    [BASELINE] = {"baseline", 0, 0, 1000, false, NULL, 0},
    [ACTORS] = {"actors", 1, 0, 30, false, NULL, 0},
    [MIN_ACTORS] = {"min_actors", 3, 0, 64, true, NULL, 0},
    [MIN_SUPPORT] = {"min_support", 3, 0, 1e6, false, NULL, 0},
    [SUPPORT] = {"support", 10, 0, 1e6, false, NULL, 0},
    [PRIOR] = {"prior", 20, 0, 1e6, false, NULL, 0},
    [CANDIDATES] = {"candidates", 256, 16, 1024, true, NULL, 0},
    [NEW_WITHIN] = {"new_within", 7, 1.0 / 24, 1000, false, NULL, 0},
    [MIN_SHARE] = {"min_share", -1, -1, 1, false, NULL, 0},
    [OWN] = {"own", 0, 0, 1e6, false, NULL, 0},
    [ACTOR_SHARE] = {"actor_share", 0.2, 0, 1, false, NULL, 0},
    [WINDOW] = {"window", 0, 0, 1000, false, NULL, 0},
    [BUCKET] = {"bucket", 0, 0, 500, false, NULL, 0},
    [PROFILE] = {"profile", 0, 0, 240, true, NULL, 0},
    [WEEKLY] = {"weekly", 0.3, 0, 1, false, NULL, 0},
};

_Static_assert(SETTING_COUNT <= RECS__SETTINGS_MAX, "a description has room for all settings");
#define BATCH 16384

typedef struct freezing {
    const recs__train_job *job;
    const recs_dataset *dataset;
    const recs__training *training;
    const recs_host *host;
    recs_trends *trends;
    recs_events *events;
    recs_query *query;
    char description[2048];
    int64_t last;                  /* of the log             */
    int64_t newest;                /* 0: nothing was counted */
    uint32_t series;               /* that is asked          */
    uint64_t *order; /* events by time; NULL: they are */

    recs__file_trend_rules *rules;
    unsigned char *state; /* frozen, aligned */
    size_t state_size;
    uint32_t *rows;       /* of its items    */
    uint32_t items;
    uint64_t counted;     /* items with a count at the root */
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

static void append(freezing *f, size_t *used, const char *format, ...) RECS_PRINTF(3, 4);

/* Beyond the room: *used says so. */
static void append(freezing *f, size_t *used, const char *format, ...) {
    va_list arguments;
    size_t room = *used < sizeof f->description ? sizeof f->description - *used : 0;
    va_start(arguments, format);
    int wrote = vsnprintf(f->description + (room != 0 ? *used : 0), room, format, arguments);
    va_end(arguments);
    *used += wrote > 0 ? (size_t)wrote : 0;
}

static long long seconds(double days) { return (long long)milliseconds(days) / 1000; }

/* Windows: the asked one, the baseline, the profile; one where two are the same. *asked:
 * which of them is. */
static void describe_windows(freezing *f, size_t *used) {
    const double *s = f->job->spec->settings;
    const double baseline = s[BASELINE] > 0.0 ? s[BASELINE] : fmin(4.0 * s[HALF_LIFE], 1000.0);
    const double windows[3][2] = {
        {s[WINDOW], s[WINDOW] / 24.0}, {s[BUCKET] > 0.0 ? baseline : 0.0, s[BUCKET]},
        {s[PROFILE], 1.0}};
    bool any = false;
    for (int w = 0; w < 3; w++) {
        bool again = false;
        for (int before = 0; before < w; before++)
            again |= seconds(windows[before][0]) == seconds(windows[w][0]) &&
                     seconds(windows[before][1]) == seconds(windows[w][1]);
        if (windows[w][0] > 0.0 && !again) {
            append(f, used, "%s%llds/%llds", any ? "|" : ", window=", seconds(windows[w][0]),
                   seconds(windows[w][1]));
            any = true;
        }
    }
    if (s[BUCKET] > 0.0)
        append(f, used, ", baseline=%llds", seconds(baseline));
    if (s[PROFILE] > 0.0)
        append(f, used, ", profile=%llds, weekly=%.17g", seconds(s[PROFILE]), s[WEEKLY]);
}

/* What a live state of these settings is created with. */
static recs_status describe(freezing *f, recs_error *error) {
    const double *s = f->job->spec->settings;
    bool rising = (int)s[RANKING] == RECS_RANK_TRENDING;
    double longest = s[BASELINE] > 0.0 && s[BUCKET] <= 0.0 ? s[BASELINE]
                                                           : fmin(4.0 * s[HALF_LIFE], 1000.0);
    int64_t half_life = milliseconds(s[HALF_LIFE]), base = milliseconds(longest);
    size_t used = 0;
    if (base < half_life || (rising && s[BUCKET] <= 0.0 && s[WINDOW] <= 0.0 && base == half_life))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "trending: baseline=%.9g, expected %s than half_life=%.9g", longest,
                          rising ? "more" : "not less", s[HALF_LIFE]);
    if (s[MIN_SHARE] < 0.0 && s[MIN_SHARE] > -1.0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "trending: min_share=%.9g, expected 0 to 1, or -1 for 1/candidates",
                          s[MIN_SHARE]);
    append(f, &used, "half_life=%llds", (long long)half_life / 1000);
    if (base > half_life)
        append(f, &used, "|%llds", (long long)base / 1000);
    f->series = s[WINDOW] > 0.0 ? (base > half_life ? 2 : 1) : 0;
    describe_windows(f, &used);
    if (s[ACTORS] > 0.0)
        append(f, &used, ", actors=%llds", seconds(s[ACTORS]));
    else
        append(f, &used, ", actors=off");
    if (s[ACTORS] > 0.0 && s[ACTOR_SHARE] > 0.0)
        append(f, &used, ", actor_share=%.17g", s[ACTOR_SHARE]);
    else if (s[ACTORS] > 0.0)
        append(f, &used, ", actor_share=off");
    append(f, &used,
           ", min_actors=%u, min_support=%.17g, support=%.17g, prior=%.17g, own=%.17g, "
           "candidates=%u, future=365d",
           (unsigned)s[MIN_ACTORS], s[MIN_SUPPORT], s[SUPPORT], s[PRIOR], s[OWN],
           (unsigned)s[CANDIDATES]);
    if (s[MIN_SHARE] >= 0.0)
        append(f, &used, ", min_share=%.17g", s[MIN_SHARE]);
    if ((int)s[RANKING] == RECS_RANK_NEW)
        append(f, &used, ", new_within=%llds", seconds(s[NEW_WITHIN]));
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

/* ---- what is stored ------------------------------------------------------------------------- */

static recs_status take_state(freezing *f, recs_error *error) {
    unsigned char *bytes;
    recs_status status =
        recs__budget_check(f->job, 3 * (uint64_t)recs_trends_memory(f->trends), "trending", error);
    if (status == RECS_OK)
        status = recs_trends_freeze(f->trends, &bytes, &f->state_size, error);
    if (status != RECS_OK)
        return status;
    f->state = recs__alloc_aligned(f->host, f->state_size, 1, error);
    if (f->state != NULL)
        memcpy(f->state, bytes, f->state_size);
    recs_trends_bytes_free(f->trends, bytes);
    return f->state != NULL ? RECS_OK : RECS_ERR_MEMORY;
}

/* Rows of the state's items: both are in order of ids. */
static recs_status find_rows(freezing *f, const recs_trends *frozen, recs_error *error) {
    f->items = recs_trends_item_count(frozen);
    f->rows = recs__alloc_aligned(f->host, f->items, sizeof *f->rows, error);
    if (f->rows == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t item = 0; item < f->items; item++) {
        const char *id = recs_trends_item_id(frozen, item);
        f->rows[item] = recs__ids_find(&f->training->item_ids, id, strlen(id));
        if (f->rows[item] >= f->training->items)
            return recs__fail(error, RECS_ERR_STATE, "trending: \"%.64s\" is no item", id);
    }
    return RECS_OK;
}

/* The root's traffic in the asked series. */
static recs_status ask_root(freezing *f, recs_trends *frozen, recs_error *error) {
    const double *s = f->job->spec->settings;
    recs_query_reset(f->query);
    recs_query_time(f->query, f->newest);
    if (s[WINDOW] > 0.0)
        recs_query_window(f->query, milliseconds(s[WINDOW]));
    else
        recs_query_half_life(f->query, milliseconds(s[HALF_LIFE]));
    recs_query_limit(f->query, INT32_MAX);
    recs_query_evidence_only(f->query, 1);
    recs_status status = recs_trending(frozen, f->query, error);
    if (status != RECS_OK)
        return status;
    f->counted = recs_query_count(f->query);
    if (f->counted != 0)
        f->rules->root_total = recs_query_trend(f->query, 0, RECS_TREND_SUPPORT);
    return RECS_OK;
}

static recs_status freeze(freezing *f, recs_error *error) {
    recs_trends *frozen = NULL;
    f->rules = recs__alloc_aligned(f->host, 1, sizeof *f->rules, error);
    if (f->rules == NULL)
        return RECS_ERR_MEMORY;
    memset(f->rules, 0, sizeof *f->rules);
    f->rules->newest = f->newest;
    f->rules->ranking = (uint32_t)f->job->spec->settings[RANKING];
    f->rules->series = f->series;
    recs_status status = recs__progress_tell(f->job->progress, "trending state", 0, 2, error);
    if (status == RECS_OK)
        status = take_state(f, error);
    if (status == RECS_OK)
        status = recs__progress_tell(f->job->progress, "trending state", 1, 2, error);
    if (status == RECS_OK)
        status = recs_trends_open_memory(&frozen, f->state, f->state_size, f->host, error);
    if (status == RECS_OK)
        status = find_rows(f, frozen, error);
    if (status == RECS_OK)
        status = ask_root(f, frozen, error);
    recs_trends_destroy(frozen);
    return status == RECS_OK
               ? recs__progress_tell(f->job->progress, "trending state", 2, 2, error)
               : status;
}

static void hand_over(freezing *f, recs__trained *trained) {
    trained->kind = RECS__KIND_TRENDS;
    trained->rows = f->items;
    trained->items_trained += f->counted;
    recs__trained_add(trained, RECS_SECTION_TREND_RULES, f->rules, sizeof *f->rules);
    recs__trained_add(trained, RECS_SECTION_TREND_STATE, f->state, f->state_size);
    if (f->items != 0) {
        recs__trained_add(trained, RECS_SECTION_TREND_ROWS, f->rows, f->items * sizeof *f->rows);
        f->rows = NULL;
    }
    f->rules = NULL;
    f->state = NULL;
}

static void clear(freezing *f) {
    recs__free_aligned(f->host, f->rules);
    recs__free_aligned(f->host, f->state);
    recs__free_aligned(f->host, f->rows);
    recs__free(recs__training_big(f->training), f->order);
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
    if (status == RECS_OK)
        status = freeze(&f, error);
    if (status == RECS_OK)
        hand_over(&f, trained);
    clear(&f);
    return status;
}

const recs__trainer recs__trainer_trending = {"trending", trending_settings, SETTING_COUNT,
                                              train_trending, false};
