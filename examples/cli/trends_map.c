/* trends_map.c - `recs trends map`: the places with most events, their lists, and
 * how their events came over time.
 *
 * Of a log the lists are those after its last event (or at --at); a second pass
 * counts events, returns aside, of the places and items shown into equal steps of
 * time. A state that keeps a window has its buckets, and those are its sparklines; without
 * one it has counts but no past. */
#include "trends.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int out_of_memory(void) {
    fputs("recs: out of memory\n", stderr);
    return EXIT_FAILED;
}

static void map_free(map *m) {
    for (size_t p = 0; p < m->place_count; p++) {
        for (size_t i = 0; i < m->places[p].item_count; i++) {
            free(m->places[p].items[i].id);
            free(m->places[p].items[i].title);
        }
        free(m->places[p].items);
        free(m->places[p].name);
    }
    free(m->places);
}

/* ---- which places ------------------------------------------------------------------------ */

typedef struct ranked {
    const char *name;
    double support;
} ranked;

static int by_support(const void *left, const void *right) {
    const ranked *a = left, *b = right;
    if (a->support != b->support)
        return a->support < b->support ? 1 : -1;
    return strcmp(a->name, b->name);
}

static double support_of(trends_job *j, const char *name, int64_t time) {
    recs_error error;
    size_t limit = j->limit;
    recs_status status;

    j->limit = 1;
    status = trends_ask(j, name, time, &error);
    j->limit = limit;
    double support = status == RECS_OK && recs_query_count(j->query)
                         ? recs_query_trend(j->query, 0, RECS_TREND_SUPPORT)
                         : 0.0;
    return isnan(support) ? 0.0 : support;
}

/* Everywhere first, then those of most traffic; *count of them, or as asked. */
static ranked *choose(trends_job *j, map *m, size_t *count) {
    uint32_t known = recs_trends_place_count(j->trends);
    ranked *all = calloc((size_t)known + 1 + TRENDS_LIST, sizeof *all);
    size_t used = 0;

    if (!all)
        return NULL;
    for (uint32_t p = 0; p < known && j->place_count == 0; p++) {
        const char *name = recs_trends_place_name(j->trends, p);
        if (!name || recs_trends_place_segment(j->trends, p))
            continue;
        if (p % 64 == 0 && progress_show(&j->progress, "choosing places", p, known))
            break;
        all[used++] = (ranked){name, *name ? support_of(j, name, m->asked) : INFINITY};
    }
    for (size_t p = 0; p < j->place_count; p++)
        all[used++] = (ranked){j->places[p], -(double)p};
    qsort(all, used, sizeof *all, by_support);
    m->place_total = used;
    *count = j->place_count || used < j->shown ? used : j->shown;
    return all;
}

/* ---- their lists ---------------------------------------------------------------------------- */

static char *copy_text(const char *text) {
    return text ? strdup(text) : NULL;
}

static recs_status fill_place(trends_job *j, map *m, map_place *place, const char *name,
                              recs_error *error) {
    recs_status status = trends_ask(j, name, m->asked, error);
    size_t count = status == RECS_OK ? recs_query_count(j->query) : 0;
    uint32_t handle;

    place->name = strdup(name);
    place->cell = recs_place_cell(name);
    place->items = calloc(count + 1, sizeof *place->items);
    if (!place->name || !place->items)
        return RECS_ERR_MEMORY;
    if (status == RECS_OK && recs_trends_place(j->trends, name, j->segment, &handle, error) == RECS_OK)
        place->actors = recs_trends_place_actors(j->trends, handle);
    for (size_t i = 0; i < count; i++) {
        map_item *item = &place->items[place->item_count++];
        const char *id = recs_query_id(j->query, i);
        item->id = strdup(id);
        item->title = copy_text(trends_title(j, id));
        item->score = (double)recs_query_score(j->query, i);
        item->count = recs_query_trend(j->query, i, RECS_TREND_COUNT);
        item->rise = recs_query_trend(j->query, i, RECS_TREND_RISE);
        place->support = recs_query_trend(j->query, i, RECS_TREND_SUPPORT);
        if (!item->id || recs_trends_item(j->trends, id, &item->handle, error))
            return RECS_ERR_MEMORY;
    }
    return status;
}

/* ---- how it came over time -------------------------------------------------------------------- */

typedef struct counting {
    const map *m;
    const trends_job *j;
    double width; /* of a step, milliseconds */
} counting;

static bool within(const char *outer, const char *inner) {
    size_t size = strlen(outer);
    return size == 0 || (strncmp(outer, inner, size) == 0 &&
                         (inner[size] == '\0' || inner[size] == '/'));
}

static int32_t count_steps(void *user_data, const recs_events *events) {
    const counting *c = user_data;

    for (size_t e = 0; e < recs_events_count(events); e++) {
        size_t size;
        const char *where = recs_events_get_text(events, e, RECS_FIELD_PLACE, &size);
        const char *id = recs_events_get_text(events, e, RECS_FIELD_ITEM, &size);
        const char *segment = recs_events_get_text(events, e, RECS_FIELD_SEGMENT, &size);
        if (c->j->segment && (!segment || strcmp(segment, c->j->segment) != 0))
            continue;
        double at = (double)(recs_events_get_time(events, e) - c->m->from) / c->width;
        size_t step = at > 0.0 ? (size_t)at : 0;
        uint32_t item;
        if (recs_events_get_type(events, e) == RECS_EVENT_RETURN ||
            recs_events_get_quantity(events, e) < 0.0 ||
            recs_trends_item(c->j->trends, id, &item, NULL))
            continue;
        step = step < TRENDS_STEPS ? step : TRENDS_STEPS - 1;
        for (size_t p = 0; p < c->m->place_count; p++) {
            map_place *place = &c->m->places[p];
            if (!within(place->name, where ? where : ""))
                continue;
            place->steps[step] += 1.0;
            for (size_t i = 0; i < place->item_count; i++)
                if (place->items[i].handle == item)
                    place->items[i].steps[step] += 1.0;
        }
    }
    return 0;
}

static int32_t first_time(void *user_data, const recs_events *events) {
    *(int64_t *)user_data = recs_events_get_time(events, 0);
    return 1;
}

static recs_status count_time(trends_job *j, map *m, recs_error *error) {
    counting c = {.m = m, .j = j};
    int64_t until = m->asked + 1;
    recs_status status =
        recs_dataset_replay(j->log, RECS_NO_TIME, until, first_time, &m->from, error);

    if (status != RECS_ERR_CANCELLED || stop_signal())
        return status; /* no event with a time */
    m->until = m->asked;
    m->steps = m->until > m->from;
    c.width = (double)(m->until - m->from) / TRENDS_STEPS;
    return m->steps ? recs_dataset_replay(j->log, RECS_NO_TIME, until, count_steps, &c, error)
                    : RECS_OK;
}

/* Buckets spread over the steps: as many to each, or each to as many. */
static void spread(const double *buckets, size_t count, double steps[TRENDS_STEPS]) {
    for (size_t s = 0; s < TRENDS_STEPS; s++) {
        size_t from = s * count / TRENDS_STEPS, to = (s + 1) * count / TRENDS_STEPS;
        steps[s] = 0.0;
        for (size_t b = from; b < (to > from ? to : from + 1); b++)
            steps[s] += buckets[b];
    }
}

/* From the longest window of a state. */
static recs_status read_buckets(trends_job *j, map *m, recs_error *error) {
    double buckets[256]; /* a window has 240 at most */
    size_t count;
    int64_t width;
    uint32_t handle;
    recs_status status = recs_trends_history(j->trends, 0, RECS_NO_ROW, j->window, NULL, 0, &count,
                                             &m->from, &width, error);

    if (status == RECS_ERR_ARGUMENT) /* it keeps none */
        return RECS_OK;
    for (size_t p = 0; p < m->place_count && status == RECS_OK; p++) {
        map_place *place = &m->places[p];
        if (recs_trends_place(j->trends, place->name, j->segment, &handle, error))
            continue; /* asked for by name, and not there */
        for (size_t i = 0; i <= place->item_count && status == RECS_OK; i++) {
            status = recs_trends_history(j->trends, handle,
                                         i ? place->items[i - 1].handle : RECS_NO_ROW, j->window,
                                         buckets, 256, &count, &m->from, &width, error);
            if (status == RECS_OK)
                spread(buckets, count, i ? place->items[i - 1].steps : place->steps);
        }
        if (progress_show(&j->progress, "reading buckets", p, m->place_count))
            break;
    }
    m->steps = status == RECS_OK && m->from != RECS_NO_TIME;
    m->until = m->steps ? m->from + (int64_t)count * width : m->asked;
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static bool source(trends_job *j, map *m, int *code) {
    recs_error error;
    int64_t until = RECS_NO_TIME;

    if (j->file_count == 1 && j->input.input_count == 0 && trends_is_state(j->files[0])) {
        if (!output_apart(j->self, "output", j->output, "state", j->files[0])) {
            *code = EXIT_USAGE;
            return false;
        }
        return trends_load(j, j->files[0], false, code) && trends_one_time(j, &m->asked, code);
    }
    j->input.beside = j->output;
    if (!trends_begin(j, code) || !trends_one_time(j, &until, code))
        return false;
    if (trends_count(j, RECS_NO_TIME, until, &error) ||
        (j->save && recs_trends_save(j->trends, j->save, &error))) {
        *code = fail_work(&error);
        return false;
    }
    m->asked = until;
    return true;
}

int trends_map(trends_job *j) {
    map m = {.asked = RECS_NO_TIME};
    recs_error error = {0};
    size_t count = 0;
    int code;

    if (!j->output)
        return usage_error(j->self, "--output FILE is missing");
    if (!source(j, &m, &code))
        return code;
    if (m.asked == RECS_NO_TIME)
        m.asked = recs_trends_newest(j->trends);
    ranked *chosen = choose(j, &m, &count);
    m.places = calloc(count + 1, sizeof *m.places);
    if (!chosen || !m.places) {
        free(chosen);
        free(m.places);
        return out_of_memory();
    }
    recs_status status = RECS_OK;
    for (size_t p = 0; p < count && status == RECS_OK; p++)
        status = fill_place(j, &m, &m.places[m.place_count++], chosen[p].name, &error);
    free(chosen);
    if (status == RECS_OK && j->log && recs_dataset_count(j->log, "events"))
        status = count_time(j, &m, &error);
    else if (status == RECS_OK)
        status = read_buckets(j, &m, &error);
    progress_close(&j->progress);
    if (status != RECS_OK)
        code = error.status ? fail_work(&error) : out_of_memory();
    else if (stop_signal())
        code = EXIT_FAILED;
    else
        code = trends_page(j, &m);
    map_free(&m);
    return code;
}
