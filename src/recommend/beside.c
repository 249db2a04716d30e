/* beside.c - live trends beside a model.
 *
 * What recs_trending would answer for the place, without any filter, as deep as the
 * candidates of the state prove without a scan most of the time (half of them), becomes
 * rows of the model; scores are divided by the best of that list, known to the model or
 * not, so that neither filters nor the catalogue change one. The scorer adds them to the
 * component's as a blend would (weight above 0), or the answer is filled up from them
 * before popularity (weight 0).
 *
 * docs/trends.md, "Beside a model". Cost: that of recs_trending and a
 * look-up of each id. Invariant: rows ascend where scores tie, as ids do. */
#include "recommend/beside.h"

#include "base/error.h"
#include "live/trends_state.h"
#include "recs/trends.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

recs_status recs_query_trends(recs_query *query, recs_trends *trends, float weight) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    recs_status status = RECS_OK;
    if (!(weight >= 0.0f && weight <= 1e6f)) /* NaN, too */
        status = recs__fail(&failed, RECS_ERR_ARGUMENT,
                            "weight %g of trends, expected 0 to 1000000", (double)weight);
    if (status == RECS_OK) {
        query->request.trend.beside = trends;
        query->request.trend.weight = weight + 0.0f;
    }
    return recs__query_settle(query, status, &failed);
}

/* ---- reading -------------------------------------------------------------------------- */

static recs_status read_list(const recs__visit *visit, recs_trends *trends, recs_error *error) {
    recs_query *query = visit->query;
    recs__beside *beside = &query->beside;
    recs__trend_ask ask;
    size_t count = 0;
    recs_status status = recs__trend_resolve(trends, query, &ask, error);
    if (status != RECS_OK)
        return status;
    ask.limit = trends->options.candidates / 2;
    status = recs__trend_rank(trends, &ask, &beside->work, &query->host, &count, error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&beside->rows, &beside->row_capacity,
                                  count, sizeof *beside->rows, error);
    if (status == RECS_OK)
        status = recs__room_fresh(&query->host, (void **)&beside->scores,
                                  &beside->score_capacity, count, sizeof *beside->scores, error);
    if (status != RECS_OK)
        return status;
    const recs__trend_hit *hits = beside->work.hits;
    beside->count = 0;
    for (size_t i = 0; i < count; i++) {
        recs__trend_text name = recs__trend_names_get(&trends->items, hits[i].item);
        uint32_t row = recs__ids_find(&visit->view->item_ids, name.text, name.size);
        float score = hits[i].score / hits[0].score;
        if (row >= visit->view->items || !(score > 0.0f) || !isfinite(score))
            continue;
        beside->rows[beside->count] = row;
        beside->scores[beside->count++] = score;
    }
    recs__trend_text path =
        recs__trend_names_get(&trends->paths, recs__trend_node_at(trends, ask.node)->name);
    beside->path_size = path.size;
    memcpy(beside->path, path.text, path.size);
    return RECS_OK;
}

recs_status recs__beside_read(const recs__visit *visit, recs_error *error) {
    recs_query *query = visit->query;
    const recs__request *request = &query->request;
    const recs__answer *answer = &query->answer;
    recs__beside *beside = &query->beside;
    query->work.scorer.beside = NULL;
    if (request->trend.beside == NULL)
        return RECS_OK;
    bool answered = answer->verb == RECS__VERB_RECOMMEND &&
                    answer->changes == request->changes &&
                    answer->fingerprint == visit->view->fingerprint;
    if (!answered || beside->changes != request->changes ||
        beside->fingerprint != visit->view->fingerprint) {
        beside->count = 0;
        beside->changes = 0; /* none: the first setter makes it 1 */
        recs_status status = read_list(visit, request->trend.beside, error);
        if (status != RECS_OK)
            return status;
        beside->weight = request->trend.weight;
        beside->changes = request->changes;
        beside->fingerprint = visit->view->fingerprint;
    }
    query->work.scorer.beside = beside;
    return RECS_OK;
}

/* ---- what was read ---------------------------------------------------------------------- */

recs_status recs__beside_fill(recs__step *step, const recs_host *host, uint32_t items,
                              const recs__beside *beside, recs_error *error) {
    recs_status status = recs__lane_begin(step->lane, host, items, beside->count, error);
    for (size_t i = 0; status == RECS_OK && i < beside->count; i++)
        recs__lane_set(step->lane, beside->rows[i], beside->scores[i]);
    return status;
}

size_t recs__beside_find(const recs__beside *beside, uint32_t row) {
    size_t at = 0;
    while (at < beside->count && beside->rows[at] != row)
        at++;
    return at;
}

void recs__beside_free(recs_query *query) {
    recs__beside *beside = &query->beside;
    recs__trend_work_free(&beside->work, &query->host);
    recs__free_aligned(&query->host, beside->rows);
    recs__free_aligned(&query->host, beside->scores);
}

size_t recs__beside_memory(const recs_query *query) {
    const recs__beside *beside = &query->beside;
    return recs__trend_work_memory(&beside->work) + beside->row_capacity * sizeof *beside->rows +
           beside->score_capacity * sizeof *beside->scores;
}
