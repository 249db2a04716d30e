/* trending.c - the verb of a recs_trends, and its setters of a query.
 *
 * Names become a node, a series and sorted lists of handles; live/trends_rank.c
 * does the rest. Nothing here is allocated once the query is warm. */
#include "base/error.h"
#include "base/text.h"
#include "live/trends_mapped.h"
#include "live/trends_pending.h"
#include "recommend/query.h"
#include "recs/places.h"
#include "recs/trends.h"
#include "search/room.h"
#include "search/sort.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PARTS = RECS_TREND_MOST + 1 };

/* ---- setters ------------------------------------------------------------------------ */

void recs__asked_trend_defaults(recs__asked_trend *asked) {
    asked->place.set = asked->segment.set = false;
    asked->time = RECS_NO_TIME;
    asked->half_life = asked->window = 0;
    asked->ranking = RECS_RANK_POPULAR;
    asked->near = false;
    asked->beside = NULL;
    asked->weight = 0.0f;
}

/* Text NULL or empty: not set. */
static recs_status set_text(recs_query *query, recs__name *name, const char *what,
                            const char *text, bool path) {
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    size_t size = text == NULL ? 0 : strnlen(text, RECS_ID_MAX + 1);
    const char *problem = size == 0 ? NULL
                          : path    ? recs__trend_path_problem(text, size)
                                    : recs__id_problem(text, size);
    if (problem != NULL) {
        recs_error failed = {0};
        recs_status status = recs__fail(&failed, RECS_ERR_ARGUMENT, "%s \"%.*s\" %s", what,
                                        size < 80 ? (int)size : 80, text, problem);
        return recs__query_settle(query, status, &failed);
    }
    name->set = size != 0;
    name->size = (uint32_t)size;
    if (size != 0)
        memcpy(name->text, text, size);
    name->text[size] = '\0';
    return recs__query_settle(query, RECS_OK, NULL);
}

recs_status recs_query_place(recs_query *query, const char *path) {
    recs_status status = set_text(query, query != NULL ? &query->request.trend.place : NULL,
                                  "place", path, true);
    if (status == RECS_OK)
        query->request.trend.near = false;
    return status;
}

recs_status recs_query_near(recs_query *query, double latitude, double longitude, double radius,
                            uint32_t first, uint32_t step, uint32_t last) {
    recs_error failed = {0};
    char place[RECS_PLACE_ROOM];
    uint64_t cells[RECS__NEAR_CELLS];
    size_t count = 0;
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs__asked_trend *asked = &query->request.trend;
    recs_status status = recs_place_from_coordinates(latitude, longitude, first, step, last, place,
                                                     sizeof place, &failed);
    if (status == RECS_OK)
        status = recs_cells_cover(latitude, longitude, radius, first, step, last,
                                  RECS__NEAR_CELLS, cells, &count, &failed);
    if (status == RECS_OK) {
        const char *problem = recs__trend_path_problem(place, strlen(place));
        if (problem != NULL)
            status = recs__fail(&failed, RECS_ERR_ARGUMENT, "place \"%.80s\" %s", place, problem);
    }
    if (status == RECS_OK) {
        asked->place.set = true;
        asked->place.size = (uint32_t)strlen(place);
        memcpy(asked->place.text, place, asked->place.size + 1);
        asked->near = true;
        asked->cell_count = (uint32_t)count;
        asked->cell_first = first;
        asked->cell_step = step;
        memcpy(asked->cells, cells, count * sizeof *cells);
    }
    return recs__query_settle(query, status, &failed);
}

recs_status recs_query_segment(recs_query *query, const char *segment) {
    return set_text(query, query != NULL ? &query->request.trend.segment : NULL, "segment",
                    segment, false);
}

recs_status recs_query_time(recs_query *query, int64_t time) {
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    if (time != RECS_NO_TIME && (time < 0 || time >= RECS__TREND_TIME_END)) {
        recs_error failed = {0};
        recs_status status =
            recs__fail(&failed, RECS_ERR_ARGUMENT,
                       "time %" PRId64 ", expected milliseconds from 1970 to 2600", time);
        return recs__query_settle(query, status, &failed);
    }
    query->request.trend.time = time;
    return recs__query_settle(query, RECS_OK, NULL);
}

static recs_status set_length(recs_query *query, const char *what, int64_t length, bool window) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs_status status = RECS_OK;
    if (length < 0)
        status = recs__fail(&failed, RECS_ERR_ARGUMENT,
                            "%s %" PRId64 ", expected milliseconds, 0 for the default", what,
                            length);
    if (status == RECS_OK) {
        query->request.trend.half_life = window ? 0 : length;
        query->request.trend.window = window ? length : 0;
    }
    return recs__query_settle(query, status, &failed);
}

recs_status recs_query_half_life(recs_query *query, int64_t milliseconds) {
    return set_length(query, "half-life", milliseconds, false);
}

recs_status recs_query_window(recs_query *query, int64_t milliseconds) {
    return set_length(query, "window", milliseconds, true);
}

recs_status recs_query_ranking(recs_query *query, int32_t ranking) {
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    if (ranking < RECS_RANK_POPULAR || ranking > RECS_RANK_NEW) {
        recs_error failed = {0};
        recs_status status =
            recs__fail(&failed, RECS_ERR_ARGUMENT,
                       "ranking %d, expected 0 (popular), 1 (trending) or 2 (new)", ranking);
        return recs__query_settle(query, status, &failed);
    }
    query->request.trend.ranking = ranking;
    return recs__query_settle(query, RECS_OK, NULL);
}

/* ---- memory -------------------------------------------------------------------------- */

void recs__trend_room_free(recs_query *query) {
    recs__trend_room *room = &query->trend;
    const recs_host *host = &query->host;
    recs__trend_work_free(&room->work, host);
    recs__free_aligned(host, room->denied);
    recs__free_aligned(host, room->allowed);
    recs__free_aligned(host, room->parts);
}

size_t recs__trend_room_memory(const recs_query *query) {
    const recs__trend_room *room = &query->trend;
    return recs__trend_work_memory(&room->work) +
           (room->denied_capacity + room->allowed_capacity) * sizeof(uint64_t) +
           room->parts_capacity * sizeof(double);
}

/* ---- deny and allow --------------------------------------------------------------------- */

static bool among(const uint64_t *handles, size_t count, uint32_t handle) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (handles[middle] < handle)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && handles[low] == handle;
}

/* The known handles of a list of the request, ascending. extra: one more id. */
static recs_status resolve(recs_trends *trends, recs_query *query, const char *what,
                           const recs__ref *list, size_t count, const recs__name *extra,
                           uint64_t **handles, size_t *capacity, size_t *found,
                           recs_error *error) {
    recs_status status = recs__room_fresh(&query->host, (void **)handles, capacity, count + 1,
                                          sizeof **handles, error);
    *found = 0;
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        if (list[i].row != RECS_NO_ROW)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "%s entry %zu is row %u: trends know items by id alone", what, i,
                              list[i].row);
        uint32_t handle = recs__trend_names_find(
            &trends->items, query->request.text + list[i].text, list[i].size);
        if (handle != UINT32_MAX)
            (*handles)[(*found)++] = handle;
        else
            query->ignored++;
    }
    if (status == RECS_OK && extra != NULL && extra->set) {
        uint32_t handle = recs__trend_names_find(&trends->items, extra->text, extra->size);
        if (handle != UINT32_MAX)
            (*handles)[(*found)++] = handle;
    }
    if (status == RECS_OK && *found > 1)
        recs__sort_keys(*handles, *found);
    return status;
}

static bool may_show(const void *data, uint32_t item) {
    const recs_query *query = data;
    const recs__trend_room *room = &query->trend;
    return (!query->request.allow_only || among(room->allowed, room->allowed_count, item)) &&
           !among(room->denied, room->denied_count, item);
}

/* ---- what is asked ------------------------------------------------------------------------ */

/* The series of the half-life or window asked for. */
static recs_status find_series(const recs_trends *trends, const recs__asked_trend *asked,
                               uint32_t *series, recs_error *error) {
    const recs__trend_options *options = &trends->options;
    *series = 0;
    if (asked->half_life == 0 && asked->window == 0)
        return RECS_OK;
    for (uint32_t s = 0; s < options->series_count; s++) {
        bool window = options->series[s].half_life == 0;
        if (options->series[s].length == (window ? asked->window : asked->half_life)) {
            *series = s;
            return RECS_OK;
        }
    }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "%s of %" PRId64 " ms is not kept, expected one of: %s",
                      asked->window != 0 ? "a window" : "a half-life",
                      asked->window != 0 ? asked->window : asked->half_life,
                      trends->description);
}

/* The nodes of a radius, and who lends to them: the lowest place above all of them,
 * the parent of one, or (none is known) the nearest above its middle. */
static recs_status resolve_near(recs_trends *trends, recs_query *query, recs__trend_ask *ask,
                                recs_error *error) {
    const recs__asked_trend *asked = &query->request.trend;
    uint32_t *nodes = query->trend.near;
    ask->near = nodes;
    for (uint32_t i = 0; i < asked->cell_count; i++) {
        char place[RECS_PLACE_ROOM];
        recs_status status = recs_place_from_cell(asked->cells[i], asked->cell_first,
                                                  asked->cell_step, place, sizeof place, error);
        if (status != RECS_OK)
            return status;
        status = recs__mapped_touch(trends, place, strlen(place), asked->segment.text,
                                    asked->segment.set ? asked->segment.size : 0, error);
        if (status != RECS_OK)
            return status;
        uint32_t node =
            recs__trend_node_find(trends, place, strlen(place), asked->segment.text,
                                  asked->segment.set ? asked->segment.size : 0);
        if (node != RECS_NO_PLACE)
            nodes[ask->near_count++] = node;
    }
    if (ask->near_count != 0)
        ask->node = nodes[0];
    for (uint32_t i = 1; i < ask->near_count; i++)
        ask->node = recs__trend_node_join(trends, ask->node, nodes[i]);
    if (ask->near_count == 1)
        ask->node = recs__trend_lender(recs__trend_node_at(trends, nodes[0]));
    return RECS_OK;
}

recs_status recs__trend_resolve(recs_trends *trends, recs_query *query,
                                recs__trend_ask *ask, recs_error *error) {
    const recs__asked_trend *asked = &query->request.trend;
    bool exact;
    *ask = (recs__trend_ask){.ranking = asked->ranking, .time = asked->time};
    recs_status status = find_series(trends, asked, &ask->series, error);
    if (status == RECS_OK)
        status = recs__trend_settle(trends, error);
    if (status == RECS_OK)
        status = recs__mapped_touch(trends, asked->place.text,
                                    asked->place.set ? asked->place.size : 0, asked->segment.text,
                                    asked->segment.set ? asked->segment.size : 0, error);
    if (status != RECS_OK)
        return status;
    if (ask->time == RECS_NO_TIME) {
        int64_t newest = recs_trends_newest(trends);
        ask->time = recs__now(&query->host);
        ask->time = ask->time < newest ? newest : ask->time;
    }
    if (ask->time < 0 || ask->time >= RECS__TREND_TIME_END)
        ask->time = recs_trends_newest(trends); /* a clock that makes no sense */
    ask->node = recs__trend_node_nearest(
        trends, asked->place.text, asked->place.set ? asked->place.size : 0, asked->segment.text,
        asked->segment.set ? asked->segment.size : 0, &exact);
    return asked->near ? resolve_near(trends, query, ask, error) : RECS_OK;
}

static recs_status prepare(recs_trends *trends, recs_query *query, recs__trend_ask *ask,
                           recs_error *error) {
    const recs__request *request = &query->request;
    recs__trend_room *room = &query->trend;
    recs_status status = recs__trend_resolve(trends, query, ask, error);
    ask->limit = request->limit;
    ask->evidence_only = request->evidence_only;
    if (status == RECS_OK)
        status = resolve(trends, query, "deny", request->deny, request->deny_count,
                         &request->item, &room->denied, &room->denied_capacity,
                         &room->denied_count, error);
    if (status == RECS_OK)
        status = resolve(trends, query, "allow", request->allow, request->allow_count, NULL,
                         &room->allowed, &room->allowed_capacity, &room->allowed_count, error);
    if (status != RECS_OK)
        return status;
    if (room->denied_count != 0 || request->allow_only) {
        ask->allowed = may_show;
        ask->data = query;
    }
    if (request->allow_only) {
        ask->only = room->allowed;
        ask->only_count = room->allowed_count;
    }
    return RECS_OK;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static const char *id_of_handle(const void *context, uint32_t handle, size_t *size) {
    const recs_trends *trends = context;
    recs__trend_text name = recs__trend_names_get(&trends->items, handle);
    *size = name.size;
    return name.text;
}

static recs_status write_answer(recs_trends *trends, recs_query *query,
                                const recs__trend_ask *ask, size_t count, recs_error *error) {
    static const char rankings[][16] = {"popular", "trending", "new"};
    recs__answer *answer = &query->answer;
    recs__trend_room *room = &query->trend;
    recs_status status = recs__answer_reserve(query, count, error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&room->parts, &room->parts_capacity,
                                  count * PARTS, sizeof *room->parts, error);
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        answer->rows[i] = room->work.hits[i].item; /* handles, for a moment */
        __builtin_prefetch(recs__trend_names_get(&trends->items, answer->rows[i]).text);
    }
    if (status == RECS_OK)
        status = recs__answer_ids(query, id_of_handle, trends, count, error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        const recs__trend_hit *hit = &room->work.hits[i];
        answer->rows[i] = RECS_NO_ROW;
        answer->scores[i] = hit->score;
        answer->sources[i] = (uint8_t)(hit->borrowed ? RECS_FROM_FILL : RECS_FROM_TREND);
        answer->evidence += !hit->borrowed;
        memcpy(room->parts + i * PARTS, hit->parts, sizeof hit->parts);
    }
    answer->eligible = room->work.scored;
    answer->verb = RECS__VERB_TRENDING;
    answer->changes = query->request.changes;
    room->of = trends;
    room->time = ask->time;
    answer->component = UINT32_MAX;
    memcpy(answer->component_name, rankings[ask->ranking], sizeof rankings[0]);
    return RECS_OK;
}

recs_status recs_trending(recs_trends *trends, recs_query *query, recs_error *error) {
    recs__trend_ask ask;
    size_t count = 0;
    if (trends == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "trends is NULL, expected a recs_trends");
    if (query == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "query is NULL, expected a recs_query");
    recs__answer_clear(query);
    recs_status status = recs__query_check(trends, query, error);
    if (status == RECS_OK)
        status = prepare(trends, query, &ask, error);
    if (status == RECS_OK)
        status = recs__trend_rank(trends, &ask, &query->trend.work, &query->host, &count, error);
    if (status == RECS_OK)
        status = write_answer(trends, query, &ask, count, error);
    if (status != RECS_OK)
        recs__answer_clear(query);
    return status;
}

/* ---- getters --------------------------------------------------------------------------------- */

double recs_query_trend(const recs_query *query, size_t index, int32_t part) {
    const recs__answer *answer = &query->answer;
    if (answer->verb != RECS__VERB_TRENDING || index >= answer->count || part < 0 ||
        part >= PARTS)
        return (double)NAN;
    return query->trend.parts[index * PARTS + (size_t)part];
}

size_t recs_query_trend_scored(const recs_query *query) {
    return query->answer.verb == RECS__VERB_TRENDING ? query->trend.work.scored : 0;
}

int32_t recs_query_trend_scanned(const recs_query *query) {
    return query->answer.verb == RECS__VERB_TRENDING && query->trend.work.scanned;
}
