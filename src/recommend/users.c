/* users.c - the stored users with the highest scores for one item: recommend
 * turned round.
 *
 *   factors   one pass over the user factors; without them every stored
 *             history is folded in
 *   items     the item's column of W is laid out once, then one chain per
 *             user over the stored history; a low-rank part adds the dot of the
 *             history on its factors, history * factors a user
 *   users     every stored user is asked as a visitor
 *   content   likewise
 *
 * Every score is the bits recs_score gives for that user and item, because
 * the chains run in the same order over the same values. Users are taken 512
 * at a time. Who has no evidence for the item is not listed: there is no
 * popularity order of users to fill from. */
#include "base/error.h"
#include "kernels/foldin.h"
#include "kernels/kernels.h"
#include "recommend/content.h"
#include "recommend/crowd.h"
#include "recommend/frozen.h"
#include "recommend/recommend.h"
#include "recs/events.h"
#include "recs/recommend.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

typedef struct search {
    const recs__visit *visit;
    uint32_t item;
    uint8_t has_item[RECS__BLOCK]; /* of the block: left out */
} search;

/* ---- who has the item -------------------------------------------------------------------- */

static bool user_has_item(const search *asked, uint32_t user) {
    const recs__view *view = asked->visit->view;
    const recs__request *request = &asked->visit->query->request;
    uint64_t first;
    size_t count = recs__csr_row(&view->history, user, &first);
    const uint32_t *columns = view->history.columns + first;
    bool seen = false;
    float value = 0.0f;
    for (size_t i = 0; i < count; i++) {
        if (columns[i] != asked->item)
            continue;
        uint64_t at = first + i;
        uint32_t type = view->history_types != NULL ? view->history_types[at] : RECS_EVENT_VIEW;
        int64_t time = view->history_times != NULL ? view->history_times[at] : RECS_NO_TIME;
        seen |= (RECS_EVENT_BIT(type & RECS_EVENT_MAX) & request->seen_types) != 0 &&
                (time == RECS_NO_TIME || time >= request->seen_after);
        value += view->history.values[at];
    }
    return seen || (value < 0.0f && isfinite(value));
}

/* ---- item models --------------------------------------------------------------------------- */

/* W[h][item] for every h into the lane, NaN where there is none. */
static recs_status lay_out_column(const search *asked, recs__step *step, recs_error *error) {
    const recs_host *host = &asked->visit->query->host;
    uint32_t items = asked->visit->view->items;
    const recs__csr *neighbors = &step->component->neighbors;
    recs__lane *lane = step->lane;
    recs_status status = recs__room_fresh(host, (void **)&lane->scores, &lane->capacity, items,
                                          sizeof *lane->scores, error);
    if (status != RECS_OK)
        return status;
    lane->rows = items;
    lane->whole = true;
    for (uint32_t row = 0; row < items; row++) {
        uint64_t first;
        size_t low = 0, count = recs__csr_row(neighbors, row, &first), high = count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (neighbors->columns[first + middle] < asked->item)
                low = middle + 1;
            else
                high = middle;
        }
        lane->scores[row] = low < count && neighbors->columns[first + low] == asked->item
                                ? neighbors->values[first + low]
                                : NAN;
    }
    return RECS_OK;
}

static float chain(const recs__history *history, const float *column) {
    float score = 0.0f;
    for (size_t i = 0; i < history->count; i++)
        if (!isnan(column[history->rows[i]]))
            score = fmaf(history->values[i], column[history->rows[i]], score);
    return score;
}

/* The chain straight from the file, for histories in order as an honest file
 * has them; false: not in order. */
static bool chain_stored(const recs__view *view, uint32_t user, const float *column,
                         float *score) {
    uint64_t first;
    size_t count = recs__csr_row(&view->history, user, &first);
    const uint32_t *rows = view->history.columns + first;
    const float *values = view->history.values + first;
    *score = 0.0f;
    for (size_t i = 0; i < count;) {
        uint32_t row = rows[i];
        float sum = 0.0f;
        if (row >= view->items)
            return false;
        for (; i < count && rows[i] == row; i++)
            sum += values[i];
        if (i < count && rows[i] < row)
            return false;
        if (sum != 0.0f && isfinite(sum) && !isnan(column[row]))
            *score = fmaf(sum, column[row], *score);
    }
    return true;
}

static recs_status score_items(const search *asked, recs__step *step, uint32_t first,
                               size_t count, recs_error *error) {
    recs_query *query = asked->visit->query;
    recs__history *history = &query->work.history;
    for (size_t i = 0; i < count; i++) {
        float score;
        bool low_rank = step->vector != NULL;
        if (low_rank ||
            !chain_stored(asked->visit->view, first + (uint32_t)i, step->lane->scores, &score)) {
            recs_status status =
                recs__visit_stored(asked->visit, history, first + (uint32_t)i, error);
            if (status == RECS_OK && low_rank)
                status = recs__scorer_project(&query->work.scorer, step, &query->host,
                                              history->rows, history->values, history->count,
                                              error);
            if (status != RECS_OK)
                return status;
            score = chain(history, step->lane->scores);
            if (low_rank && step->has_vector)
                score += recs__kernels_get()->dot(
                    step->vector,
                    step->component->item_factors + (size_t)asked->item * step->component->stride,
                    step->component->factors);
        }
        step->scores[i] = recs__score_clean(score);
        step->evidence[i] = step->scores[i] > 0.0f;
    }
    return RECS_OK;
}

/* ---- user neighbours ------------------------------------------------------------------------- */

/* There is no way but to ask as each of them. */
static recs_status score_crowd(const search *asked, recs__step *step, uint32_t first,
                               size_t count, recs_error *error) {
    recs_query *query = asked->visit->query;
    recs__history *history = &query->work.history;
    for (size_t i = 0; i < count; i++) {
        recs_status status =
            recs__visit_stored(asked->visit, history, first + (uint32_t)i, error);
        if (status == RECS_OK)
            status = recs__crowd_fill(step, &query->host, asked->visit->view->items,
                                      history->rows, history->values, history->count, error);
        if (status != RECS_OK)
            return status;
        step->scores[i] = recs__score_clean(step->lane->scores[asked->item]);
        step->evidence[i] = step->scores[i] > 0.0f;
    }
    return RECS_OK;
}

/* ---- content ---------------------------------------------------------------------------------- */

static recs_status score_content(const search *asked, recs__step *step, uint32_t first,
                                 size_t count, recs_error *error) {
    recs_query *query = asked->visit->query;
    recs__history *history = &query->work.history;
    for (size_t i = 0; i < count; i++) {
        bool evidence;
        recs_status status =
            recs__visit_stored(asked->visit, history, first + (uint32_t)i, error);
        if (status == RECS_OK)
            status = recs__scorer_contents(&query->work.scorer, &query->host, history->rows,
                                           history->values, history->count, error);
        if (status != RECS_OK)
            return status;
        step->scores[i] = recs__content_score_one(step, asked->item, &evidence);
        step->evidence[i] = evidence;
    }
    return RECS_OK;
}

/* ---- factors --------------------------------------------------------------------------------- */

/* Whether a stored user's factors are all 0: of no history. */
static bool is_nobody(const recs__component *component, uint32_t user) {
    size_t at = (size_t)user * component->stride;
    for (size_t j = 0; j < component->factors; j++)
        if (component->user_factors != NULL ? component->user_factors[at + j] != 0.0f
                                            : (component->user_halves[at + j] & 0x7FFF) != 0)
            return false;
    return true;
}

static recs_status score_factors(const search *asked, recs__step *step, uint32_t first,
                                 size_t count, recs_error *error) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__component *component = step->component;
    recs_query *query = asked->visit->query;
    recs__scorer *scorer = &query->work.scorer;
    float wide[RECS__FILE_FACTORS_MAX];
    const float *item = recs__score_item_floats(component, asked->item, wide);
    bool trained = component->item_norms[asked->item] != 0.0f;
    bool stored = component->user_factors != NULL || component->user_halves != NULL;
    size_t begin = (size_t)first * component->stride;

    if (component->user_factors != NULL)
        kernels->dot_rows(item, component->user_factors + begin, component->stride,
                          component->factors, count, step->scores);
    else if (stored)
        kernels->dot_rows_half(item, component->user_halves + begin, component->stride,
                               component->factors, count, step->scores);
    for (size_t i = 0; stored && i < count; i++)
        step->evidence[i] =
            trained && isfinite(step->scores[i]) &&
            (step->scores[i] != 0.0f || !is_nobody(component, first + (uint32_t)i));
    for (size_t i = 0; !stored && i < count; i++) {
        recs__history *history = &query->work.history;
        recs_status status =
            recs__visit_stored(asked->visit, history, first + (uint32_t)i, error);
        if (status == RECS_OK)
            status = recs__scorer_fold_in(scorer, step, &query->host, history, error);
        if (status != RECS_OK)
            return status;
        step->scores[i] = kernels->dot(step->vector, item, component->factors);
        step->evidence[i] = trained && step->has_vector && isfinite(step->scores[i]);
    }
    for (size_t i = 0; i < count; i++)
        step->scores[i] = recs__score_clean(step->scores[i]);
    return RECS_OK;
}

/* Of popularity and trends: the same for everybody. */
static void score_alike(recs__step *step, float score, size_t count) {
    score = recs__score_clean(score);
    for (size_t j = 0; j < count; j++)
        step->scores[j] = score;
    memset(step->evidence, score > 0.0f, count);
}

/* ---- a block of users -------------------------------------------------------------------------- */

static recs_status score_block(const search *asked, uint32_t first, size_t count,
                               recs_error *error) {
    recs__scorer *scorer = &asked->visit->query->work.scorer;
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < scorer->step_count; i++) {
        recs__step *step = &scorer->steps[i];
        const recs__component *component = step->component;
        if (component->kind == RECS__KIND_BLEND && component->terms != NULL) {
            recs__scorer_blend(scorer, step, count);
        } else if (step->crowd != NULL) {
            status = score_crowd(asked, step, first, count, error);
        } else if (recs__content_usable(component)) {
            status = score_content(asked, step, first, count, error);
        } else if (step->frozen != NULL) {
            score_alike(step, step->lane->scores[asked->item], count);
        } else if (step->lane != NULL) {
            status = score_items(asked, step, first, count, error);
        } else if (step->vector != NULL) {
            status = score_factors(asked, step, first, count, error);
        } else {
            bool known = component->kind == RECS__KIND_POPULAR && component->scores != NULL;
            score_alike(step, known ? component->scores[asked->item] : 0.0f, count);
        }
    }
    return status;
}

static recs_status scan_users(search *asked, recs_error *error) {
    recs_query *query = asked->visit->query;
    recs__topk *topk = &query->work.topk;
    const recs__step *root = recs__scorer_root(&query->work.scorer);
    uint32_t users = asked->visit->view->users;
    query->answer.eligible = 0;
    for (uint32_t first = 0; first < users;) {
        size_t count = users - first < RECS__BLOCK ? users - first : RECS__BLOCK;
        for (size_t i = 0; i < count; i++) {
            asked->has_item[i] = user_has_item(asked, first + (uint32_t)i);
            query->answer.eligible += !asked->has_item[i];
        }
        recs_status status = score_block(asked, first, count, error);
        if (status != RECS_OK)
            return status;
        for (size_t i = 0; root != NULL && i < count; i++)
            if (root->scores[i] > topk->bar && root->evidence[i] && !asked->has_item[i])
                recs__topk_offer(topk, root->scores[i], first + (uint32_t)i);
        first += (uint32_t)count;
    }
    return RECS_OK;
}

/* ---- the verb ----------------------------------------------------------------------------------- */

static recs_status prepare(search *asked, recs_error *error) {
    const recs__visit *visit = asked->visit;
    recs_query *query = visit->query;
    recs__work *work = &query->work;
    size_t limit = query->request.limit;
    recs_status status = recs__scorer_begin(&work->scorer, &query->host, visit->view,
                                            visit->component, error);
    for (size_t i = 0; status == RECS_OK && i < work->scorer.step_count; i++)
        if (work->scorer.steps[i].frozen != NULL)
            status = recs__frozen_fill(&work->scorer.steps[i], &query->host, visit->view->items,
                                       &work->scorer.where, error);
        else if (work->scorer.steps[i].lane != NULL && work->scorer.steps[i].crowd == NULL)
            status = lay_out_column(asked, &work->scorer.steps[i], error);
    if (limit > visit->view->users)
        limit = visit->view->users;
    if (status == RECS_OK)
        status = recs__topk_begin(&work->topk, &query->host, limit,
                                  recs__scorer_floor(&work->scorer), error);
    if (status == RECS_OK)
        status = recs__answer_reserve(query, limit, error);
    return status;
}

recs_status recs__users(const recs__visit *visit, recs_error *error) {
    recs_query *query = visit->query;
    recs__answer *answer = &query->answer;
    recs__topk *topk = &query->work.topk;
    search asked = {.visit = visit, .item = visit->item_row};
    recs_status status = recs__need_item(visit, error);
    if (status != RECS_OK)
        return status;
    if (visit->view->users == 0)
        return recs__fail(error, RECS_ERR_STATE,
                          "the model stores no users: train it with users=full or users=hashed");
    status = prepare(&asked, error);
    if (status == RECS_OK)
        status = scan_users(&asked, error);
    size_t eligible = answer->eligible;
    if (status == RECS_OK) {
        size_t count = recs__topk_finish(topk);
        for (size_t i = 0; i < count; i++) {
            answer->rows[i] = recs__topk_row(topk->keys[i]);
            answer->scores[i] = recs__topk_score(topk->keys[i]);
            answer->sources[i] = RECS_FROM_COMPONENT;
        }
        status = recs__answer_finish(query, visit->view, recs__id_in_table,
                                     &visit->view->user_ids, count,
                                     RECS__VERB_USERS, visit->component, error);
    }
    answer->eligible = status == RECS_OK ? eligible : 0;
    answer->evidence = answer->count;
    recs__work_clear(&query->work);
    return status;
}

recs_status recs_users(const recs_model *model, recs_query *query, recs_error *error) {
    recs__visit visit;
    recs_status status = recs__query_check(model, query, error);
    if (query != NULL)
        recs__answer_clear(query);
    if (status == RECS_OK)
        status = recs__visit_begin(&visit, recs__model_view(model), query, RECS_NO_ROW, error);
    return status == RECS_OK ? recs__users(&visit, error) : status;
}
