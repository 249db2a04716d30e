/* dataset.c - events and catalogue in memory: making, filling, undoing.
 *
 * Rows are dense numbers in order of first appearance; the byte order of ids
 * is made when a training is built. Every reading takes a mark first and goes
 * back to it on failure, so a failed read leaves the dataset as before. */
#include "train/dataset.h"

#include "base/memory.h"
#include "base/text.h"
#include "train/budget.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_ROWS INT32_MAX /* 2^31 - 1 users or items, so rows stay below 2^31 */
#define TICK_MS 100
#define EVENTS_PER_CHECK 65536

recs_status recs_dataset_create(recs_dataset **dataset, const recs_host *host,
                                recs_error *error) {
    recs_host resolved;
    if (dataset == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "dataset is NULL, expected where to put it");
    *dataset = NULL;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status != RECS_OK)
        return status;
    recs_dataset *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    made->limit = LIMIT_ROWS;
    made->figures.lowest = 1.0; /* above highest: no value seen */
    made->netting = recs__alloc_zero(&resolved, 1, sizeof *made->netting, error);
    status = made->netting != NULL ? recs__settings_init(&made->settings, &resolved, error)
                                   : RECS_ERR_MEMORY;
    if (status != RECS_OK) {
        recs__free(&resolved, made->netting);
        recs__free(&resolved, made);
        return status;
    }
    *dataset = made;
    return RECS_OK;
}

void recs_dataset_destroy(recs_dataset *dataset) {
    if (dataset == NULL)
        return;
    recs_host host = dataset->host;
    recs__settings_clear(&dataset->settings, &host);
    recs__intern_clear(&dataset->users, &host);
    recs__intern_clear(&dataset->items, &host);
    recs__intern_clear(&dataset->baskets, &host);
    recs__intern_clear(&dataset->sessions, &host);
    recs__intern_clear(&dataset->places, &host);
    recs__intern_clear(&dataset->segments, &host);
    recs__log_clear(&dataset->log, dataset->spill ? recs__spill_host(dataset->spill) : &host);
    recs__spill_release(dataset->spill);
    recs__catalogue_clear(&dataset->catalogue, &host);
    recs__free(&host, dataset->title_bytes);
    recs__free(&host, dataset->titles);
    recs__free(&host, dataset->sources);
    recs__free(&host, dataset->report);
    recs__free(&host, dataset->netting);
    recs__free(&host, dataset);
}

recs_status recs_dataset_set(recs_dataset *dataset, const char *name, const char *value,
                             recs_error *error) {
    recs_status status = recs__settings_set(&dataset->settings, &dataset->host, name, value,
                                            dataset->log.count != 0, error);
    if (status == RECS_OK)
        dataset->netting->known = false;
    return status;
}

void recs_dataset_progress(recs_dataset *dataset, recs_progress *progress, void *user_data) {
    dataset->progress = progress;
    dataset->progress_data = user_data;
}

recs_status recs__dataset_tick(const recs_dataset *dataset, const char *stage, uint64_t done,
                               uint64_t total, recs_error *error) {
    if (dataset->progress == NULL)
        return RECS_OK;
    int64_t now = recs__now(&dataset->host);
    int64_t last = dataset->netting->last_tick;
    if (now - last < TICK_MS && now >= last && done != total)
        return RECS_OK;
    dataset->netting->last_tick = now;
    if (dataset->progress(dataset->progress_data, stage, done, total) != 0)
        return recs__fail(error, RECS_ERR_CANCELLED, "%s: cancelled", stage);
    return RECS_OK;
}

void recs__dataset_stage(char out[RECS__STAGE_TEXT], const char *file) {
    size_t size = strlen(file), room = RECS__STAGE_TEXT - sizeof "reading ...";
    bool cut = size > room;
    snprintf(out, RECS__STAGE_TEXT, "reading %s%s", cut ? "..." : "",
             file + (cut ? size - room : 0));
}

/* ---- marks ------------------------------------------------------------------- */

void recs__dataset_mark(const recs_dataset *dataset, recs__mark *mark) {
    mark->users = dataset->users.count;
    mark->items = dataset->items.count;
    mark->baskets = dataset->baskets.count;
    mark->sessions = dataset->sessions.count;
    mark->places = dataset->places.count;
    mark->segments = dataset->segments.count;
    mark->extras = recs__log_extras(&dataset->log);
    mark->types = dataset->settings.type_count;
    mark->events = dataset->log.count;
    mark->figures = dataset->figures;
    mark->problems = dataset->problems;
    mark->title_used = dataset->title_used;
    mark->sources_used = dataset->sources_used;
}

void recs__dataset_rewind(recs_dataset *dataset, const recs__mark *mark) {
    recs__intern_truncate(&dataset->users, mark->users);
    recs__intern_truncate(&dataset->items, mark->items);
    recs__intern_truncate(&dataset->baskets, mark->baskets);
    recs__intern_truncate(&dataset->sessions, mark->sessions);
    recs__intern_truncate(&dataset->places, mark->places);
    recs__intern_truncate(&dataset->segments, mark->segments);
    recs__log_truncate(&dataset->log, dataset->spill ? recs__spill_host(dataset->spill)
                                                     : &dataset->host, mark->events, mark->extras);
    dataset->settings.type_count = mark->types;
    dataset->figures = mark->figures;
    dataset->problems = mark->problems;
    dataset->title_used = mark->title_used;
    if (dataset->title_count > mark->items)
        dataset->title_count = mark->items;
    for (size_t i = 0; i < dataset->title_count; i++)
        if (dataset->titles[i] > mark->title_used)
            dataset->titles[i] = 0;
    dataset->sources_used = mark->sources_used;
    if (dataset->sources != NULL)
        dataset->sources[mark->sources_used] = '\0';
}

/* ---- filling ------------------------------------------------------------------- */

recs_status recs__dataset_title(recs_dataset *dataset, uint32_t item, const char *text,
                                size_t size, recs_error *error) {
    if (item < dataset->title_count && dataset->titles[item] != 0)
        return RECS_OK;
    recs_status status = recs__grow(&dataset->host, (void **)&dataset->titles,
                                    &dataset->titles_capacity, (size_t)item + 1,
                                    sizeof *dataset->titles, error);
    if (status == RECS_OK)
        status = recs__grow(&dataset->host, (void **)&dataset->title_bytes,
                            &dataset->title_capacity, dataset->title_used + size + 1, 1, error);
    if (status != RECS_OK)
        return status;
    while (dataset->title_count <= item)
        dataset->titles[dataset->title_count++] = 0;
    memcpy(dataset->title_bytes + dataset->title_used, text, size);
    dataset->title_bytes[dataset->title_used + size] = '\0';
    dataset->titles[item] = dataset->title_used + 1;
    dataset->title_used += size + 1;
    return RECS_OK;
}

const char *recs__dataset_item_title(const recs_dataset *dataset, uint32_t item, size_t *size) {
    const recs__catalogue *catalogue = &dataset->catalogue;
    *size = 0;
    if (item < catalogue->count && catalogue->titles[item] != RECS_NO_ROW)
        return recs__intern_text(&catalogue->title_texts, catalogue->titles[item], size);
    if (item >= dataset->title_count || dataset->titles[item] == 0)
        return NULL;
    const char *title = dataset->title_bytes + dataset->titles[item] - 1;
    *size = strlen(title);
    return title;
}

bool recs__dataset_within(const recs_dataset *dataset, int64_t time) {
    const recs__settings *settings = &dataset->settings;
    if (settings->after == RECS_NO_TIME && settings->before == RECS_NO_TIME)
        return true;
    return time != RECS_NO_TIME &&
           (settings->after == RECS_NO_TIME || time >= settings->after) &&
           (settings->before == RECS_NO_TIME || time < settings->before);
}

recs_status recs__dataset_log_host(recs_dataset *dataset, const recs_host **host,
                                   recs_error *error) {
    const recs__settings *settings = &dataset->settings;
    *host = &dataset->host;
    if (settings->memory == 0)
        return RECS_OK;
    if (dataset->spill == NULL) {
        const char *folder = settings->temporary ? settings->temporary : RECS__TEMPORARY;
        recs_status status = recs__spill_create(&dataset->spill, folder, &dataset->host, error);
        if (status != RECS_OK)
            return status;
        dataset->log.spill = dataset->spill;
    }
    *host = recs__spill_host(dataset->spill);
    return RECS_OK;
}

uint64_t recs__dataset_private(const recs_dataset *dataset) {
    uint64_t log = recs__log_bytes(&dataset->log);
    return recs_dataset_count(dataset, "bytes") - (dataset->spill ? log : 0);
}

/* The ids of a log must fit, whatever becomes of its events. */
static recs_status check_budget(const recs_dataset *dataset, recs_error *error) {
    char held[RECS__BUDGET_TEXT], budget[RECS__BUDGET_TEXT];
    uint64_t bytes = dataset->settings.memory ? recs__dataset_private(dataset) : 0;
    if (bytes <= dataset->settings.memory)
        return RECS_OK;
    return recs__fail(error, RECS_ERR_LIMIT,
                      "ids, titles and catalogue hold %s after %llu events, more than the memory "
                      "setting of %s", recs__budget_text(bytes, held),
                      (unsigned long long)dataset->log.count,
                      recs__budget_text(dataset->settings.memory, budget));
}

recs_status recs__dataset_event(recs_dataset *dataset, const recs__event *event,
                                recs_error *error) {
    recs__figures *figures = &dataset->figures;
    const recs_host *host;
    recs_status status = recs__dataset_log_host(dataset, &host, error);
    if (status == RECS_OK && dataset->log.count % EVENTS_PER_CHECK == 0)
        status = check_budget(dataset, error);
    if (status == RECS_OK)
        status = recs__log_append(&dataset->log, host, event, error);
    if (status != RECS_OK)
        return recs__spill_status(dataset->spill, status, error);
    figures->used++;
    if (event->value == event->value &&
        (event->type == RECS_EVENT_RATING || event->type == RECS__TYPE_DEFAULT)) {
        double value = (double)event->value;
        bool first = figures->lowest > figures->highest;
        figures->lowest = first || value < figures->lowest ? value : figures->lowest;
        figures->highest = first || value > figures->highest ? value : figures->highest;
    }
    return RECS_OK;
}

int32_t recs__dataset_default_type(const recs_dataset *dataset) {
    const recs__log *log = &dataset->log;
    if (dataset->settings.values.default_type >= 0)
        return dataset->settings.values.default_type;
    if (log->extras[RECS__EXTRA_VALUE] != NULL)
        return RECS_EVENT_RATING;
    if (log->extras[RECS__EXTRA_QUANTITY] != NULL || log->extras[RECS__EXTRA_BASKET] != NULL)
        return RECS_EVENT_BUY;
    return RECS_EVENT_VIEW;
}

/* ---- batches ---------------------------------------------------------------------- */

static recs_status add_text(recs_dataset *dataset, recs__intern *intern, const recs_events *events,
                            size_t index, int32_t field, const char *what, uint32_t *number,
                            recs_error *error) {
    size_t size = 0;
    const char *text = recs_events_get_text(events, index, field, &size);
    *number = RECS_NO_ROW;
    if (text == NULL || size == 0)
        return RECS_OK;
    const char *problem = recs__id_problem(text, size);
    if (problem != NULL)
        return recs__fail(error, RECS_ERR_DATA, "event %zu: the %s %s", index, what, problem);
    return recs__intern_add(intern, &dataset->host, text, size, dataset->limit, what, number,
                            error);
}

static recs_status add_event(recs_dataset *dataset, const recs_events *events, size_t index,
                             recs_error *error) {
    recs__event event = {
        .time = recs_events_get_time(events, index),
        .quantity = (float)recs_events_get_quantity(events, index),
        .value = (float)recs_events_get_value(events, index),
        .price = (float)recs_events_get_price(events, index),
        .propensity = (float)recs_events_get_propensity(events, index),
        .source = (uint8_t)recs_events_get_source(events, index),
    };
    int32_t type = recs_events_get_type(events, index);
    size_t size = 0;
    const char *item = recs_events_get_text(events, index, RECS_FIELD_ITEM, &size);
    dataset->figures.rows++;
    if (type < 0 || type > RECS_EVENT_MAX)
        return recs__fail(error, RECS_ERR_DATA, "event %zu: no type %d", index, type);
    if (!(event.quantity > -1e30f && event.quantity < 1e30f))
        return recs__fail(error, RECS_ERR_DATA, "event %zu: the quantity is not finite", index);
    event.type = (uint8_t)type;
    if (!recs__dataset_within(dataset, event.time)) {
        dataset->figures.outside++;
        return RECS_OK;
    }
    if (item != NULL && recs__intern_find(&dataset->settings.drop_items, item, size) !=
                            RECS_NO_ROW) {
        dataset->figures.dropped_items++;
        return RECS_OK;
    }
    recs_status status = add_text(dataset, &dataset->items, events, index, RECS_FIELD_ITEM,
                                  "items", &event.item, error);
    if (status == RECS_OK && event.item == RECS_NO_ROW)
        status = recs__fail(error, RECS_ERR_DATA, "event %zu has no item", index);
    if (status == RECS_OK)
        status = add_text(dataset, &dataset->users, events, index, RECS_FIELD_USER, "users",
                          &event.user, error);
    if (status == RECS_OK)
        status = add_text(dataset, &dataset->baskets, events, index, RECS_FIELD_BASKET, "baskets",
                          &event.basket, error);
    if (status == RECS_OK)
        status = add_text(dataset, &dataset->sessions, events, index, RECS_FIELD_SESSION,
                          "sessions", &event.session, error);
    if (status == RECS_OK)
        status = add_text(dataset, &dataset->places, events, index, RECS_FIELD_PLACE, "places",
                          &event.place, error);
    if (status == RECS_OK)
        status = add_text(dataset, &dataset->segments, events, index, RECS_FIELD_SEGMENT,
                          "segments", &event.segment, error);
    return status == RECS_OK ? recs__dataset_event(dataset, &event, error) : status;
}

recs_status recs_dataset_add(recs_dataset *dataset, const recs_events *events, recs_error *error) {
    size_t count = recs_events_count(events);
    recs__mark mark;
    recs_status status = RECS_OK;
    recs__dataset_mark(dataset, &mark);
    for (size_t i = 0; i < count && status == RECS_OK; i++)
        status = add_event(dataset, events, i, error);
    if (status != RECS_OK)
        recs__dataset_rewind(dataset, &mark);
    else
        dataset->netting->known = false;
    return status;
}

/* ---- text ---------------------------------------------------------------------------- */

recs_status recs__dataset_print(const recs_host *host, char **text, size_t *used,
                                size_t *capacity, recs_error *error, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = length > 0 ? (size_t)length : 0;
    recs_status status = recs__grow(host, (void **)text, capacity, *used + size + 1, 1, error);
    if (status == RECS_OK) {
        vsnprintf(*text + *used, size + 1, format, again);
        *used += size;
    }
    va_end(again);
    return status;
}
