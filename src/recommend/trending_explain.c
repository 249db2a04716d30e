/* trending_explain.c - why an item is among the answers of recs_trending.
 *
 * The chain of places is measured again for that one item, as of the time that was asked: each
 * place is a reason with its part of the score and what was counted there. What was counted
 * since the answer shows in the parts, and the remainder makes up for it. Cost: a look-up
 * at each place of the chain. */
#include "base/error.h"
#include "recommend/query.h"
#include "recs/trends.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

static recs_status check(const recs_trends *trends, const recs_query *query, size_t index,
                         recs_error *error) {
    if (query->answer.verb != RECS__VERB_TRENDING)
        return recs__fail(error, RECS_ERR_STATE,
                          "the query holds no answer of recs_trending to explain");
    if (query->trend.of != trends)
        return recs__fail(error, RECS_ERR_STATE, "the answer is of other trends: ask these");
    return recs__answer_check(query, index, error);
}

/* Largest contribution first, lower places first among equal ones. */
static void order(recs__trend_reason *reasons, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        recs__trend_reason moved = reasons[i];
        uint32_t at = i;
        for (; at > 0 && reasons[at - 1].contribution < moved.contribution; at--)
            reasons[at] = reasons[at - 1];
        reasons[at] = moved;
    }
}

static void add(recs_trends *trends, recs_query *query, const recs__trend_reason *from) {
    recs__reason *reason = &query->reasons.list[query->reasons.count++];
    *reason = (recs__reason){.contribution = from->contribution,
                             .row = RECS_NO_ROW,
                             .component = UINT32_MAX,
                             .kind = RECS_REASON_TREND};
    const recs__name *asked = &query->request.trend.place;
    if (from->node != NULL) {
        recs__trend_text name = recs__trend_names_get(&trends->paths, from->node->name);
        reason->path = name.text;
        reason->path_size = name.size;
    } else { /* a radius goes by its middle */
        reason->path = asked->set ? asked->text : "";
        reason->path_size = asked->set ? asked->size : 0;
    }
    double *told = query->trend.told[query->trend.told_count++];
    told[RECS_TREND_COUNT] = from->count;
    told[RECS_TREND_BASELINE] = from->expected;
    told[RECS_TREND_RISE] = from->rise;
    told[RECS_TREND_SUPPORT] = from->total;
}

static bool is_item(const void *data, uint32_t item) {
    return item == *(const uint64_t *)data;
}

static recs_status explain(recs_trends *trends, recs_query *query, size_t index,
                           recs_error *error) {
    recs__trend_reason found[RECS__TREND_LEVELS];
    recs__trend_ask ask;
    recs__trend_room *room = &query->trend;
    recs__reasons *reasons = &query->reasons;
    uint32_t levels = 0;
    const char *id = recs_query_id(query, index);
    uint64_t item = recs__trend_names_find(&trends->items, id, strlen(id));
    recs_status status = recs__trend_resolve(trends, query, &ask, error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&reasons->list, &reasons->list_capacity,
                                  RECS__TREND_LEVELS + 1, sizeof *reasons->list, error);
    if (status != RECS_OK)
        return status;
    ask.time = room->time;
    ask.limit = 1;
    ask.only = &item;
    ask.only_count = 1;
    ask.allowed = is_item; /* a radius goes through all its items */
    ask.data = &item;
    bool scanned = room->work.scanned;
    size_t scored = room->work.scored;
    if (item != UINT32_MAX)
        status = recs__trend_explain(trends, &ask, &room->work, &query->host, found, &levels,
                                     error);
    room->work.scanned = scanned;
    room->work.scored = scored;
    if (status != RECS_OK)
        return status;
    order(found, levels);
    double score = (double)recs_query_score(query, index), sum = 0.0;
    for (uint32_t l = 0; l < levels; l++)
        if (found[l].contribution != 0.0) {
            add(trends, query, &found[l]);
            sum += found[l].contribution;
        }
    if (score != sum)
        reasons->list[reasons->count++] = (recs__reason){.contribution = score - sum,
                                                         .row = RECS_NO_ROW,
                                                         .component = UINT32_MAX,
                                                         .kind = RECS_REASON_REMAINDER};
    return recs__reasons_ids(query, NULL, NULL, error);
}

recs_status recs_trending_explain(recs_trends *trends, recs_query *query, size_t index,
                                  recs_error *error) {
    recs_status status =
        trends == NULL
            ? recs__fail(error, RECS_ERR_ARGUMENT, "trends is NULL, expected a recs_trends")
            : recs__query_check(trends, query, error);
    if (query != NULL)
        recs__reasons_clear(query);
    if (status == RECS_OK)
        status = check(trends, query, index, error);
    if (status == RECS_OK)
        status = explain(trends, query, index, error);
    if (status != RECS_OK && query != NULL)
        recs__reasons_clear(query);
    return status;
}

double recs_query_reason_trend(const recs_query *query, size_t index, int32_t part) {
    const recs__trend_room *room = &query->trend;
    return index < room->told_count && part >= 0 && part <= RECS_TREND_SUPPORT
               ? room->told[index][part]
               : (double)NAN;
}
