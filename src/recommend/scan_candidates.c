/* scan_candidates.c - behind scan_candidates.h. */
#include "recommend/scan_candidates.h"

#include "recommend/scan.h"
#include "recommend/scan_index.h"
#include "search/room.h"
#include "search/sort.h"

#include <math.h>

enum { FIRST = 64, PART_MOST = 8 };

typedef struct lists {
    recs__work *work;
    const recs_host *host;
    size_t depth; /* of a list that has to end */
    uint64_t *keys;
    size_t count, room;
    double beyond; /* what no list names scores at most this */
} lists;

static const recs__step *step_of(const recs__scorer *scorer, const recs__component *blend,
                                 uint32_t term) {
    return &scorer->steps[scorer->step_of[blend->terms[term].component]];
}

static bool is_touched(const recs__step *step) {
    return step->lane != NULL && !step->lane->whole && !step->has_vector;
}

/* The order of the model tells where the column's list ends. */
static bool is_ordered(const recs__work *work, const recs__step *step) {
    const recs__view *view = work->scorer.view;
    return step->component->kind == RECS__KIND_POPULAR && !work->scorer.similar &&
           step->component->scores != NULL && step->component->scores == view->popular_scores &&
           view->popular_order != NULL;
}

/* Has no evidence for anything. */
static bool is_silent(const recs__work *work, const recs__step *step) {
    return step->lane == NULL && step->vector == NULL && step->content == NULL &&
           step->component->kind == RECS__KIND_POPULAR && work->scorer.similar;
}

bool recs__scan_candidates_takes(const recs__work *work) {
    const recs__scorer *scorer = &work->scorer;
    const recs__step *root = recs__scorer_root(scorer), *content = recs__scan_index_step(work);
    bool named = false;
    if (content == NULL || content->content_count == 0 || root == content ||
        root->component->kind != RECS__KIND_BLEND || root->component->terms == NULL)
        return false;
    for (uint32_t t = 0; t < root->component->term_count; t++) {
        if (root->component->terms[t].component >= root->component->index)
            continue;
        const recs__step *step = step_of(scorer, root->component, t);
        if (!(recs__scorer_term_weight(scorer, root->component, t) >= 0.0f) ||
            !(step == content || is_touched(step) || is_ordered(work, step) ||
              is_silent(work, step)))
            return false;
        named |= step == content;
    }
    return named;
}

static recs_status need(lists *all, size_t more, recs_error *error) {
    recs__index_room *room = &all->work->index;
    if (more <= all->room - all->count)
        return RECS_OK;
    recs_status status = recs__grow(all->host, (void **)&room->keys, &room->key_capacity,
                                    all->count + more, sizeof *room->keys, error);
    all->keys = room->keys;
    all->room = room->key_capacity;
    return status;
}

static void name(lists *all, uint32_t row) {
    if (recs__filter_eligible(&all->work->filter, row))
        all->keys[all->count++] = row;
}

static recs_status name_touched(lists *all, const recs__lane *lane, recs_error *error) {
    recs_status status = need(all, lane->touched_count, error);
    for (size_t i = 0; status == RECS_OK && i < lane->touched_count; i++)
        name(all, lane->touched[i]);
    return status;
}

static recs_status name_popular(lists *all, float weight, recs_error *error) {
    const recs__view *view = all->work->scorer.view;
    size_t before = all->count;
    float last = 0.0f;
    recs_status status = need(all, all->depth, error);
    for (uint32_t i = 0; status == RECS_OK && i < view->items; i++) {
        uint32_t row = view->popular_order[i];
        if (row >= view->items)
            continue;
        last = view->popular_scores[row];
        if (all->count - before == all->depth || !(last > 0.0f))
            break;
        name(all, row);
    }
    all->beyond += last > 0.0f ? (double)weight * (double)last : 0.0;
    return status;
}

static recs_status name_nearest(lists *all, const recs__step *content, float weight,
                                recs_error *error) {
    recs__work *work = all->work;
    bool every = content->component->vector_items == NULL &&
                 content->component->vector_count == work->filter.rows;
    double worst = every ? -INFINITY : 0.0; /* an item without a vector has 0 */
    recs_status status = RECS_OK;
    for (size_t first = 0; status == RECS_OK && first < content->content_count;) {
        size_t left = content->content_count - first;
        size_t count = left < RECS__NEAREST_MAX ? left : RECS__NEAREST_MAX;
        status = recs__scan_index_search(work, first, count, all->depth, -INFINITY, all->host, error);
        for (size_t v = 0; status == RECS_OK && v < count; v++) {
            const recs__nearest_one *one = &work->index.nearest->one[v];
            status = need(all, one->count, error);
            for (size_t i = 0; status == RECS_OK && i < one->count; i++) {
                uint32_t item = recs__scan_index_item(work, &one->hits[i]);
                if (item != RECS_NO_ROW)
                    all->keys[all->count++] = item;
            }
            if (status == RECS_OK && one->count == all->depth)
                worst = fmax(worst, (double)one->hits[one->count - 1].score);
        }
        first += count;
    }
    all->beyond += weight > 0.0f ? (double)weight * worst : 0.0;
    return status;
}

/* Scores what was named and offers it. */
static void score(lists *all) {
    recs__work *work = all->work;
    uint32_t rows[RECS__BLOCK];
    recs__sort_keys(all->keys, all->count);
    for (size_t at = 0; at < all->count;) {
        size_t count = 0;
        for (; at < all->count && count < RECS__BLOCK; at++)
            if (at == 0 || all->keys[at] != all->keys[at - 1])
                rows[count++] = (uint32_t)all->keys[at];
        recs__scan_offer(work, rows, count);
    }
    work->seek.scanned += all->count;
}

static recs_status name_all(lists *all, recs_error *error) {
    const recs__scorer *scorer = &all->work->scorer;
    const recs__component *blend = recs__scorer_root(scorer)->component;
    recs_status status = RECS_OK;
    for (uint32_t t = 0; status == RECS_OK && t < blend->term_count; t++) {
        if (blend->terms[t].component >= blend->index)
            continue;
        const recs__step *step = step_of(scorer, blend, t);
        float weight = recs__scorer_term_weight(scorer, blend, t);
        if (step->lane != NULL)
            status = name_touched(all, step->lane, error);
        else if (step->content != NULL)
            status = name_nearest(all, step, weight, error);
        else if (is_ordered(all->work, step))
            status = name_popular(all, weight, error);
    }
    return status;
}

/* The last answer is above whatever was not named, rounding of the blend's sum included. */
static bool is_settled(const lists *all) {
    recs__topk *topk = &all->work->topk;
    if (topk->limit == 0 || recs__topk_finish(topk) < topk->limit)
        return topk->limit == 0;
    double last = (double)recs__topk_score(topk->keys[topk->limit - 1]);
    return last > all->beyond + 1e-5 * fabs(all->beyond) + 1e-30;
}

recs_status recs__scan_candidates(recs__work *work, const recs_host *host, bool *done,
                                  recs_error *error) {
    const recs__step *content = recs__scan_index_step(work);
    size_t limit = work->topk.limit, most = content->component->vector_count / PART_MOST;
    float floor = work->topk.bar;
    recs_status status = recs__scan_index_begin(work, host, error);
    *done = false;
    for (size_t depth = limit < FIRST / 2 ? FIRST : 2 * limit; status == RECS_OK && depth <= most;
         depth *= 4) {
        lists all = {.work = work,
                     .host = host,
                     .depth = depth,
                     .keys = work->index.keys,
                     .room = work->index.key_capacity};
        status = name_all(&all, error);
        if (status != RECS_OK)
            break;
        score(&all);
        *done = is_settled(&all);
        if (*done)
            return RECS_OK;
        status = recs__topk_begin(&work->topk, host, limit, floor, error);
    }
    work->seek = (recs__seek){.way = RECS__WAY_NONE};
    work->strategy = RECS_STRATEGY_NONE;
    return status;
}
