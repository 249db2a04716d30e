/* scan_mixed.c - behind scan_mixed.h.
 *
 * Rows that were touched are taken out of the filter by flips, each listed, and put back
 * when the search is over. Invariant: no row is offered twice. */
#include "recommend/scan_mixed.h"

#include "recommend/content.h"
#include "search/room.h"

#include <math.h>

enum { TOGETHER = 64 };

/* The one part with vectors; step NULL: there is none. */
typedef struct part {
    const recs__step *step;
    const float *vector;
    float norm, weight;
} part;

recs__space recs__scan_space(const recs__scorer *scorer, const recs__step *step) {
    const recs__component *component = step->component;
    if (component->kind == RECS__KIND_VECTORS)
        return recs__content_space(component);
    bool floats = component->item_factors != NULL, low_rank = step->lane != NULL;
    return (recs__space){
        .stored = {.values = floats ? (const void *)component->item_factors
                                    : component->item_halves,
                   .type = floats ? RECS__STORED_FLOAT : RECS__STORED_HALF,
                   .rows = scorer->view->items,
                   .dims = component->factors,
                   .stride = component->stride},
        .norms = low_rank ? NULL : component->item_norms,
        .codes = component->codes,
        .metric = scorer->similar && !low_rank ? RECS__METRIC_COSINE : RECS__METRIC_PRODUCT,
        .no_zeros = !low_rank,
    };
}

/* ---- which part --------------------------------------------------------------------- */

/* Whether a term can be taken: of few rows, or the one part with vectors. */
static bool take_term(const recs__scorer *scorer, const recs__step *term, float weight,
                      part *one) {
    const recs__component *component = term->component;
    if (component->kind == RECS__KIND_BLEND)
        return false;
    if (term->lane != NULL) /* a low-rank part has no evidence where it is not above 0 */
        return !term->lane->whole && !term->has_vector;
    if (component->kind == RECS__KIND_POPULAR)
        return scorer->similar || component->scores == NULL;
    part found = {.step = term, .weight = weight};
    if (term->vector != NULL && term->has_vector) {
        found.vector = term->vector;
        found.norm = term->norm;
    } else if (term->content != NULL && term->content_count == 1) {
        found.vector = term->content;
        found.norm = term->content_norms[0];
    } else {
        return term->content == NULL || term->content_count == 0;
    }
    if (one->step != NULL || !(weight > 0.0f))
        return false;
    *one = found;
    return true;
}

static bool find_part(const recs__work *work, part *one) {
    const recs__scorer *scorer = &work->scorer;
    const recs__step *root = recs__scorer_root(scorer);
    *one = (part){.step = NULL};
    if (root == NULL || work->filter.rows != scorer->view->items)
        return false;
    const recs__component *blend = root->component;
    if (root->lane != NULL) {
        *one = (part){root, root->vector, 0.0f, 0.0f};
        return root->has_vector && !root->lane->whole;
    }
    if (blend->kind != RECS__KIND_BLEND || blend->terms == NULL)
        return false;
    for (uint32_t t = 0; t < blend->term_count; t++) {
        if (blend->terms[t].component >= blend->index)
            continue;
        const recs__step *term = &scorer->steps[scorer->step_of[blend->terms[t].component]];
        if (!take_term(scorer, term, recs__scorer_term_weight(scorer, blend, t), one))
            return false;
    }
    return true;
}

bool recs__scan_mixed_takes(const recs__work *work) {
    part one;
    return find_part(work, &one);
}

/* ---- rows apart ----------------------------------------------------------------------- */

static recs_status need_apart(recs__work *work, const recs_host *host, recs_error *error) {
    size_t most = 0;
    for (size_t i = 0; i < work->scorer.step_count; i++)
        if (work->scorer.steps[i].lane != NULL)
            most += work->scorer.steps[i].lane->touched_count;
    recs_status status = recs__topk_begin(&work->before, host, work->topk.limit, work->topk.bar,
                                          error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&work->apart, &work->apart_capacity, most,
                                  sizeof *work->apart, error);
    return status;
}

/* Takes the rows touched out of the filter; the best of them are kept for the end, and what
 * k of them reach is the floor of the search. */
static void set_apart(recs__work *work, const recs_host *host) {
    recs__scorer *scorer = &work->scorer;
    for (size_t i = 0; i < scorer->step_count; i++) {
        const recs__lane *lane = scorer->steps[i].lane;
        for (size_t t = 0; lane != NULL && t < lane->touched_count; t++) {
            uint32_t row = lane->touched[t];
            if (row >= work->filter.rows || !recs__filter_eligible(&work->filter, row))
                continue;
            recs__filter_flip(&work->filter, row);
            work->apart[work->apart_count++] = row;
        }
    }
    for (size_t first = 0; first < work->apart_count; first += RECS__BLOCK) {
        size_t left = work->apart_count - first, count = left < RECS__BLOCK ? left : RECS__BLOCK;
        recs__scorer_gather(scorer, work->apart + first, count);
        const float *scores = recs__scorer_scores(scorer);
        const uint8_t *evidence = recs__scorer_evidence(scorer);
        for (size_t i = 0; i < count; i++)
            if (evidence[i])
                recs__topk_offer(&work->before, scores[i], work->apart[first + i]);
    }
    recs__topk_select(&work->before);
    if (work->before.limit != 0 && work->before.count == work->before.limit) {
        size_t count = recs__topk_finish(&work->before);
        float worst = recs__topk_score(work->before.keys[count - 1]);
        recs__topk_begin(&work->topk, host, work->topk.limit, recs__exact_floor(worst), NULL);
    }
}

static void put_back(recs__work *work) {
    for (size_t i = 0; i < work->apart_count; i++)
        recs__filter_flip(&work->filter, work->apart[i]);
    for (size_t i = 0; i < work->before.count; i++)
        recs__topk_offer(&work->topk, recs__topk_score(work->before.keys[i]),
                         recs__topk_row(work->before.keys[i]));
}

/* ---- the search -------------------------------------------------------------------------- */

recs_status recs__scan_mixed(recs__work *const *works, size_t count, const recs_host *host,
                             recs_error *error) {
    recs__seek seeks[TOGETHER];
    recs__work *of[TOGETHER];
    recs__space space = {.weight = 0.0f};
    recs_status status = RECS_OK;
    size_t asked = 0;
    for (size_t i = 0; i < count; i++)
        works[i]->apart_count = works[i]->before.count = 0;
    for (size_t i = 0; status == RECS_OK && i < count; i++)
        status = need_apart(works[i], host, error);
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        part one;
        find_part(works[i], &one);
        set_apart(works[i], host);
        works[i]->seek = (recs__seek){.way = RECS__WAY_LIST, .scanned = works[i]->apart_count};
        if (one.step == NULL)
            continue;
        space = recs__scan_space(&works[i]->scorer, one.step);
        space.weight = one.weight;
        of[asked] = works[i];
        seeks[asked++] = (recs__seek){.vector = one.vector,
                                      .norm = one.norm,
                                      .filter = &works[i]->filter,
                                      .topk = &works[i]->topk};
    }
    if (status == RECS_OK && asked != 0)
        status = recs__exact_search(&space, seeks, asked, NULL, &works[0]->exact, host, error);
    for (size_t i = 0; i < count; i++)
        put_back(works[i]);
    for (size_t i = 0; status == RECS_OK && i < asked; i++) {
        uint64_t apart = of[i]->apart_count;
        of[i]->seek = seeks[i];
        of[i]->seek.scanned += apart;
        of[i]->seek.rescored += apart;
    }
    return status;
}
