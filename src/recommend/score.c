/* score.c - the component scorers behind score.h.
 *
 *   popular   a column of the file
 *   factors   dot of the visitor's folded-in vector (or the item's) and rows
 *   items     a dense array of the catalogue, filled by one fma chain per row
 *             over the history in row order; reset by walking what it touched;
 *             with a low-rank part plus the dot of the history on its factors
 *             and the row's
 *   users     the same array, filled by the stored rows most like the history
 *             (crowd.c)
 *   content   the vector of the row and the visitor's or the item's (content.c)
 *   trends    the same array, filled by the counts of a place (frozen.c)
 *   blend     one fma chain over its terms
 *   beside    live trends in the same array, blended with the component (beside.c)
 *
 * Nothing is allocated once the arrays have grown to the model's size. */
#include "recommend/score.h"

#include "base/memory.h"
#include "kernels/foldin.h"
#include "kernels/kernels.h"
#include "recommend/beside.h"
#include "recommend/content.h"
#include "recommend/crowd.h"
#include "recommend/frozen.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

float recs__score_clean(float score) {
    return isfinite(score) ? score + 0.0f : 0.0f;
}

bool recs__score_has_factors(const recs__component *component) {
    return component->factors != 0 && component->stride >= component->factors &&
           (component->item_factors != NULL || component->item_halves != NULL) &&
           component->item_norms != NULL;
}

bool recs__score_has_low_rank(const recs__component *component) {
    return component->kind == RECS__KIND_ITEMS && component->factors != 0 &&
           component->stride >= component->factors && component->item_factors != NULL &&
           (component->history_factors != NULL || component->history_scales != NULL);
}

/* Has a step with a vector. */
static bool has_vector(const recs__component *component) {
    return (component->kind == RECS__KIND_FACTORS && recs__score_has_factors(component)) ||
           recs__score_has_low_rank(component);
}

static bool has_terms(const recs__component *component) {
    return component->kind == RECS__KIND_BLEND && component->terms != NULL;
}

recs__foldin recs__score_foldin(const recs__view *view, const recs__component *component) {
    return (recs__foldin){
        .item_factors = component->item_factors,
        .item_halves = component->item_halves,
        .gram = component->gram,
        .items = view->items,
        .factors = component->factors,
        .stride = component->stride,
        .alpha = component->alpha,
        .regularization = component->regularization,
        .regularization_exponent = component->regularization_exponent,
        .items_trained = component->items_trained,
    };
}

float recs__score_term_weight(const recs__view *view, const recs__component *blend, uint32_t term,
                              bool similar) {
    const recs__file_term *named = &blend->terms[term];
    if (named->component >= blend->index || named->component >= view->component_count)
        return 0.0f;
    const recs__component *component = &view->components[named->component];
    float weight = named->weight * (similar ? component->scale_similar : component->scale);
    return isfinite(weight) ? weight : 0.0f;
}

float recs__scorer_term_weight(const recs__scorer *scorer, const recs__component *blend,
                               uint32_t term) {
    if (blend == &scorer->beside_parts[1])
        return blend->terms[term].weight;
    float weight = recs__score_term_weight(scorer->view, blend, term, scorer->similar);
    return weight * scorer->steps[scorer->step_of[blend->terms[term].component]].factor;
}

/* ---- the plan ----------------------------------------------------------------- */

static recs_status need_lane(recs__scorer *scorer, const recs_host *host, size_t index,
                             recs_error *error) {
    if (index < scorer->lane_count)
        return RECS_OK;
    if (scorer->lane_count == scorer->lane_capacity) {
        recs_status status = recs__grow(host, (void **)&scorer->lanes, &scorer->lane_capacity,
                                        index + 1, sizeof *scorer->lanes, error);
        if (status != RECS_OK)
            return status;
    }
    recs__lane *lane = recs__alloc_zero(host, 1, sizeof *lane, error);
    if (lane == NULL)
        return RECS_ERR_MEMORY;
    scorer->lanes[scorer->lane_count++] = lane;
    return RECS_OK;
}

static recs_status need_crowd(recs__scorer *scorer, const recs_host *host, size_t index,
                              recs_error *error) {
    if (index < scorer->crowd_count)
        return RECS_OK;
    recs_status status = recs__grow(host, (void **)&scorer->crowds, &scorer->crowd_capacity,
                                    index + 1, sizeof *scorer->crowds, error);
    if (status != RECS_OK)
        return status;
    recs__crowd *crowd = recs__alloc_zero(host, 1, sizeof *crowd, error);
    if (crowd == NULL)
        return RECS_ERR_MEMORY;
    scorer->crowds[scorer->crowd_count++] = crowd;
    return RECS_OK;
}

enum { FROZEN_KEPT = 4 }; /* states that a query keeps open beyond those it needs at once */

/* One for the next component, at index: the one that has its state open, if any has. */
static recs_status need_frozen(recs__scorer *scorer, const recs_host *host, size_t index,
                               const recs__component *component, recs_error *error) {
    for (size_t i = index; i < scorer->frozen_count; i++)
        if (recs__frozen_holds(scorer->frozens[i], component)) {
            recs__frozen *found = scorer->frozens[i];
            scorer->frozens[i] = scorer->frozens[index];
            scorer->frozens[index] = found;
            return RECS_OK;
        }
    if (index < scorer->frozen_count && scorer->frozen_count >= FROZEN_KEPT)
        return RECS_OK;
    if (index < scorer->frozen_count && scorer->frozens[index]->trends == NULL)
        return RECS_OK;
    recs_status status = recs__grow(host, (void **)&scorer->frozens, &scorer->frozen_capacity,
                                    scorer->frozen_count + 1, sizeof *scorer->frozens, error);
    if (status != RECS_OK)
        return status;
    recs__frozen *frozen = recs__alloc_zero(host, 1, sizeof *frozen, error);
    if (frozen == NULL)
        return RECS_ERR_MEMORY;
    scorer->frozens[scorer->frozen_count++] = frozen;
    scorer->frozens[scorer->frozen_count - 1] = scorer->frozens[index];
    scorer->frozens[index] = frozen;
    return RECS_OK;
}

/* Marks what the component needs: a descending pass, as terms point down. */
static size_t mark_needed(recs__scorer *scorer, const recs__view *view, uint32_t component) {
    size_t count = 0;
    for (uint32_t i = 0; i <= component; i++)
        scorer->step_of[i] = UINT32_MAX;
    scorer->step_of[component] = 0;
    for (uint32_t i = component + 1; i-- > 0;) {
        const recs__component *at = &view->components[i];
        if (scorer->step_of[i] == UINT32_MAX)
            continue;
        count++;
        for (uint32_t t = 0; has_terms(at) && t < at->term_count; t++)
            if (at->terms[t].component < i)
                scorer->step_of[at->terms[t].component] = 0;
    }
    return count;
}

/* The last two steps: live trends, and what they make with the component. */
static recs_status add_beside(recs__scorer *scorer, const recs_host *host, uint32_t component,
                              size_t lanes, recs_error *error) {
    uint32_t first = scorer->view->component_count;
    recs_status status = need_lane(scorer, host, lanes, error);
    if (status != RECS_OK)
        return status;
    scorer->beside_terms[0] = (recs__file_term){.component = component, .weight = 1.0f};
    scorer->beside_terms[1] =
        (recs__file_term){.component = first, .weight = scorer->beside->weight};
    scorer->beside_parts[0] = (recs__component){.kind = RECS__KIND_TRENDS, .index = first};
    scorer->beside_parts[1] = (recs__component){.kind = RECS__KIND_BLEND,
                                                .index = first + 1,
                                                .terms = scorer->beside_terms,
                                                .term_count = 2};
    for (uint32_t i = 0; i < 2; i++) {
        size_t index = scorer->step_count++;
        scorer->step_of[first + i] = (uint32_t)index;
        scorer->steps[index] = (recs__step){
            .component = &scorer->beside_parts[i],
            .scores = scorer->blocks + index * RECS__BLOCK,
            .evidence = scorer->evidence + index * RECS__BLOCK,
            .lane = i == 0 ? scorer->lanes[lanes] : NULL,
            .factor = 1.0f,
        };
    }
    return RECS_OK;
}

recs_status recs__scorer_begin(recs__scorer *scorer, const recs_host *host,
                               const recs__view *view, uint32_t component, recs_error *error) {
    bool beside = scorer->beside != NULL && scorer->beside->weight != 0.0f;
    recs__scorer_clear(scorer);
    scorer->view = view;
    scorer->step_count = 0;
    scorer->similar = false;
    if (component >= view->component_count)
        return RECS_OK;

    recs_status status =
        recs__room_fresh(host, (void **)&scorer->step_of, &scorer->step_of_capacity,
                         (size_t)view->component_count + 2, sizeof *scorer->step_of, error);
    if (status != RECS_OK)
        return status;
    size_t count = mark_needed(scorer, view, component), vector_floats = 0, lanes = 0, crowds = 0;
    size_t frozens = 0;
    count += beside ? 2 : 0;
    for (uint32_t i = 0; i <= component; i++)
        if (scorer->step_of[i] != UINT32_MAX && has_vector(&view->components[i]))
            vector_floats += view->components[i].stride;

    status = recs__room_fresh(host, (void **)&scorer->steps, &scorer->step_capacity, count,
                              sizeof *scorer->steps, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&scorer->blocks, &scorer->block_capacity,
                                  count * RECS__BLOCK, sizeof *scorer->blocks, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&scorer->evidence, &scorer->evidence_capacity,
                                  count * RECS__BLOCK, sizeof *scorer->evidence, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&scorer->vectors, &scorer->vector_capacity,
                                  vector_floats, sizeof *scorer->vectors, error);

    float *vector = scorer->vectors;
    for (uint32_t i = 0; status == RECS_OK && i <= component; i++) {
        if (scorer->step_of[i] == UINT32_MAX)
            continue;
        const recs__component *at = &view->components[i];
        size_t index = scorer->step_count;
        recs__step *step = &scorer->steps[index];
        *step = (recs__step){
            .component = at,
            .scores = scorer->blocks + index * RECS__BLOCK,
            .evidence = scorer->evidence + index * RECS__BLOCK,
            .factor = 1.0f,
        };
        if (has_vector(at)) {
            step->vector = vector;
            vector += at->stride;
        }
        if (at->kind == RECS__KIND_USERS) {
            status = need_crowd(scorer, host, crowds, error);
            if (status != RECS_OK)
                break;
            step->crowd = scorer->crowds[crowds++];
        }
        if (at->kind == RECS__KIND_TRENDS) {
            status = need_frozen(scorer, host, frozens, at, error);
            if (status != RECS_OK)
                break;
            step->frozen = scorer->frozens[frozens++];
        }
        if (at->kind == RECS__KIND_ITEMS || at->kind == RECS__KIND_USERS ||
            at->kind == RECS__KIND_TRENDS) {
            status = need_lane(scorer, host, lanes, error);
            if (status != RECS_OK)
                break;
            step->lane = scorer->lanes[lanes++];
        }
        scorer->step_of[i] = (uint32_t)index;
        scorer->step_count++;
    }
    if (status == RECS_OK && beside)
        status = add_beside(scorer, host, component, lanes, error);
    if (status != RECS_OK)
        scorer->step_count = 0;
    return status;
}

static const recs__step *from_end(const recs__scorer *scorer, size_t back) {
    size_t count = scorer->step_count;
    bool there = count > 2 && scorer->steps[count - 1].component == &scorer->beside_parts[1];
    return there ? &scorer->steps[count - back] : NULL;
}

const recs__step *recs__scorer_beside(const recs__scorer *scorer) {
    return from_end(scorer, 2);
}

const recs__step *recs__scorer_plain(const recs__scorer *scorer) {
    return from_end(scorer, 3);
}

const recs__step *recs__scorer_root(const recs__scorer *scorer) {
    return scorer->step_count != 0 ? &scorer->steps[scorer->step_count - 1] : NULL;
}

float recs__scorer_floor(const recs__scorer *scorer) {
    const recs__step *root = recs__scorer_root(scorer);
    return root != NULL && (root->component->kind == RECS__KIND_POPULAR ||
                            root->component->kind == RECS__KIND_ITEMS ||
                            root->component->kind == RECS__KIND_USERS ||
                            root->component->kind == RECS__KIND_TRENDS)
               ? 0.0f
               : -INFINITY;
}

/* ---- item models ---------------------------------------------------------------- */

static recs_status fill_lane(recs__step *step, const recs_host *host, uint32_t items,
                             const uint32_t *rows, const float *values, size_t count,
                             recs_error *error) {
    const recs__csr *neighbors = &step->component->neighbors;
    recs__lane *lane = step->lane;
    uint64_t first;
    size_t total = 0;
    if (neighbors->columns == NULL || neighbors->values == NULL)
        count = 0;
    for (size_t i = 0; i < count && total < items; i++)
        total += recs__csr_row(neighbors, rows[i], &first);

    recs_status status = recs__lane_begin(lane, host, items, total, error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        size_t size = recs__csr_row(neighbors, rows[i], &first);
        if (size != 0)
            recs__score_scatter(values[i], neighbors->columns + first, neighbors->values + first,
                                size, lane);
    }
    return RECS_OK;
}

/* ---- preparing ------------------------------------------------------------------- */

const float *recs__score_item_floats(const recs__component *component, uint32_t item,
                                     float *room) {
    size_t at = (size_t)item * component->stride;
    if (component->item_factors != NULL)
        return component->item_factors + at;
    recs__kernels_get()->widen(component->item_halves + at, room, component->stride);
    return room;
}

static bool any_nonzero(const float *vector, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (vector[i] != 0.0f)
            return true;
    return false;
}

recs_status recs__scorer_fold_in(recs__scorer *scorer, recs__step *step, const recs_host *host,
                                 const recs__history *history, recs_error *error) {
    const recs__component *component = step->component;
    memset(step->vector, 0, component->stride * sizeof *step->vector);
    if (history->stored && component->user_factors != NULL &&
        history->user_row < scorer->view->users) {
        memcpy(step->vector,
               component->user_factors + (size_t)history->user_row * component->stride,
               component->factors * sizeof *step->vector);
    } else if (history->stored && component->user_halves != NULL &&
               history->user_row < scorer->view->users) {
        recs__kernels_get()->widen(
            component->user_halves + (size_t)history->user_row * component->stride, step->vector,
            component->factors);
    } else if (history->count != 0 && component->gram != NULL) {
        recs__foldin foldin = recs__score_foldin(scorer->view, component);
        recs_status status =
            recs__room_fresh(host, (void **)&scorer->scratch, &scorer->scratch_capacity,
                             recs__foldin_scratch(&foldin, history->count),
                             sizeof *scorer->scratch, error);
        if (status != RECS_OK)
            return status;
        recs__foldin_solve(&foldin, history->rows, history->values, history->count,
                           scorer->scratch, step->vector);
    }
    step->has_vector = any_nonzero(step->vector, component->factors);
    return RECS_OK;
}

recs_status recs__scorer_project(recs__scorer *scorer, recs__step *step, const recs_host *host,
                                 const uint32_t *rows, const float *values, size_t count,
                                 recs_error *error) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__component *component = step->component;
    const float *base = component->history_factors;
    if (base == NULL) {
        recs_status status =
            recs__room_fresh(host, (void **)&scorer->scratch, &scorer->scratch_capacity, count,
                             sizeof *scorer->scratch, error);
        if (status != RECS_OK)
            return status;
        for (size_t i = 0; i < count; i++)
            scorer->scratch[i] = values[i] * component->history_scales[rows[i]];
        values = scorer->scratch;
        base = component->item_factors;
    }
    memset(step->vector, 0, component->stride * sizeof *step->vector);
    kernels->axpy_gather(values, base, component->stride, rows, count, step->vector,
                         component->factors);
    step->has_vector = any_nonzero(step->vector, component->factors);
    return RECS_OK;
}

/* Both parts of an item model for the rows of a history, or its neighbours. */
static recs_status fill_items(recs__scorer *scorer, recs__step *step, const recs_host *host,
                              const uint32_t *rows, const float *values, size_t count,
                              recs_error *error) {
    if (step == recs__scorer_beside(scorer))
        return recs__beside_fill(step, host, scorer->view->items, scorer->beside, error);
    if (step->frozen != NULL) /* a similar item has no place */
        return scorer->similar
                   ? recs__lane_begin(step->lane, host, scorer->view->items, 0, error)
                   : recs__frozen_fill(step, host, scorer->view->items, &scorer->where, error);
    if (step->crowd != NULL)
        return recs__crowd_fill(step, host, scorer->view->items, rows, values, count, error);
    recs_status status =
        fill_lane(step, host, scorer->view->items, rows, values, count, error);
    if (status == RECS_OK && step->vector != NULL)
        status = recs__scorer_project(scorer, step, host, rows, values, count, error);
    return status;
}

recs_status recs__scorer_contents(recs__scorer *scorer, const recs_host *host,
                                  const uint32_t *rows, const float *values, size_t count,
                                  recs_error *error) {
    size_t need = 0;
    for (size_t i = 0; i < scorer->step_count; i++) {
        recs__step *step = &scorer->steps[i];
        if (!recs__content_usable(step->component))
            continue;
        if (step->component->index == scorer->newcomer_component) {
            step->newcomers = scorer->newcomers;
            step->newcomer_count = scorer->newcomer_count;
        }
        need += recs__content_room(step->component, count + step->newcomer_count);
    }
    recs_status status = recs__room_fresh(host, (void **)&scorer->contents,
                                          &scorer->content_capacity, need,
                                          sizeof *scorer->contents, error);
    float *room = scorer->contents;
    for (size_t i = 0; status == RECS_OK && i < scorer->step_count; i++) {
        recs__step *step = &scorer->steps[i];
        if (!recs__content_usable(step->component))
            continue;
        recs__content_fill(step, room, rows, values, count);
        room += recs__content_room(step->component, count + step->newcomer_count);
    }
    return status;
}

recs_status recs__scorer_visitor(recs__scorer *scorer, const recs_host *host,
                                 const recs__history *history, recs_error *error) {
    scorer->similar = false;
    for (size_t i = 0; i < scorer->step_count; i++) {
        recs__step *step = &scorer->steps[i];
        recs_status status = RECS_OK;
        if (step->lane != NULL)
            status = fill_items(scorer, step, host, history->rows, history->values,
                                history->count, error);
        else if (step->vector != NULL)
            status = recs__scorer_fold_in(scorer, step, host, history, error);
        if (status != RECS_OK)
            return status;
    }
    return recs__scorer_contents(scorer, host, history->rows, history->values, history->count,
                                 error);
}

recs_status recs__scorer_item(recs__scorer *scorer, const recs_host *host, uint32_t item,
                              recs_error *error) {
    const float one = 1.0f;
    scorer->similar = true;
    for (size_t i = 0; i < scorer->step_count; i++) {
        recs__step *step = &scorer->steps[i];
        if (step->lane != NULL) {
            recs_status status = fill_items(scorer, step, host, &item, &one, 1, error);
            if (status != RECS_OK)
                return status;
        } else if (step->vector != NULL) {
            const recs__component *component = step->component;
            memset(step->vector, 0, component->stride * sizeof *step->vector);
            if (component->item_factors != NULL)
                memcpy(step->vector, component->item_factors + (size_t)item * component->stride,
                       component->factors * sizeof *step->vector);
            else
                recs__kernels_get()->widen(component->item_halves +
                                               (size_t)item * component->stride,
                                           step->vector, component->factors);
            step->norm = component->item_norms[item];
            step->has_vector = step->norm != 0.0f;
        }
    }
    return recs__scorer_contents(scorer, host, &item, &one, 1, error);
}

recs_status recs__scorer_newcomer(recs__scorer *scorer, const recs_host *host,
                                  recs_error *error) {
    scorer->similar = true;
    for (size_t i = 0; i < scorer->step_count; i++) {
        recs__step *step = &scorer->steps[i];
        if (step->vector != NULL) {
            memset(step->vector, 0, step->component->stride * sizeof *step->vector);
            step->norm = 0.0f;
            step->has_vector = false;
        }
        if (step->lane == NULL)
            continue;
        recs_status status = recs__lane_begin(step->lane, host, scorer->view->items, 0, error);
        if (status != RECS_OK)
            return status;
    }
    return recs__scorer_contents(scorer, host, NULL, NULL, 0, error);
}

/* ---- blocks of rows -------------------------------------------------------------- */

/* Rows of a block: first + i, or rows[i]. */
typedef struct recs__span {
    const uint32_t *rows;
    uint32_t first;
    size_t count;
} recs__span;

static inline uint32_t span_row(const recs__span *span, size_t i) {
    return span->rows != NULL ? span->rows[i] : span->first + (uint32_t)i;
}

static void clean(recs__step *step, size_t count) {
    for (size_t i = 0; i < count; i++)
        step->scores[i] = recs__score_clean(step->scores[i]);
}

static void score_column(recs__step *step, const float *column, const recs__span *span) {
    for (size_t i = 0; i < span->count; i++)
        step->scores[i] = recs__score_clean(column[span_row(span, i)]);
    for (size_t i = 0; i < span->count; i++)
        step->evidence[i] = step->scores[i] > 0.0f;
}

void recs__score_rows(const recs__scorer *scorer, const recs__step *step, uint32_t first,
                      size_t count, float *scores) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__component *component = step->component;
    if (component->item_factors != NULL)
        (scorer->streams ? kernels->dot_stream : kernels->dot_rows)(
            step->vector, component->item_factors + (size_t)first * component->stride,
            component->stride, component->factors, count, scores);
    else
        (scorer->streams ? kernels->dot_stream_half : kernels->dot_rows_half)(
            step->vector, component->item_halves + (size_t)first * component->stride,
            component->stride, component->factors, count, scores);
}

static void dot_span(const recs__scorer *scorer, recs__step *step, const recs__span *span) {
    const recs__component *component = step->component;
    const recs__kernels *kernels = recs__kernels_get();
    if (span->rows != NULL && component->item_factors != NULL)
        kernels->dot_gather(step->vector, component->item_factors, component->stride,
                            component->factors, span->rows, span->count, step->scores);
    else if (span->rows != NULL)
        kernels->dot_gather_half(step->vector, component->item_halves, component->stride,
                                 component->factors, span->rows, span->count, step->scores);
    else
        recs__score_rows(scorer, step, span->first, span->count, step->scores);
}

static void score_items(const recs__scorer *scorer, recs__step *step, const recs__span *span) {
    const float *sparse = step->lane->scores;
    if (step->vector == NULL || !step->has_vector) {
        score_column(step, sparse, span);
        return;
    }
    dot_span(scorer, step, span);
    for (size_t i = 0; i < span->count; i++)
        step->scores[i] = recs__score_clean(sparse[span_row(span, i)] + step->scores[i]);
    for (size_t i = 0; i < span->count; i++)
        step->evidence[i] = step->scores[i] > 0.0f;
}

static void score_factors(const recs__scorer *scorer, recs__step *step, const recs__span *span) {
    const bool similar = scorer->similar;
    const float *norms = step->component->item_norms;
    dot_span(scorer, step, span);
    for (size_t i = 0; i < span->count; i++) {
        float norm = norms[span_row(span, i)];
        if (similar)
            step->scores[i] *= 1.0f / (step->norm * norm);
        step->evidence[i] = step->has_vector && norm != 0.0f && isfinite(step->scores[i]);
    }
    clean(step, span->count);
}

void recs__scorer_blend(recs__scorer *scorer, recs__step *step, size_t count) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__component *blend = step->component;
    memset(step->scores, 0, count * sizeof *step->scores);
    memset(step->evidence, 0, count);
    for (uint32_t t = 0; t < blend->term_count; t++) {
        if (blend->terms[t].component >= blend->index)
            continue;
        const recs__step *term = &scorer->steps[scorer->step_of[blend->terms[t].component]];
        kernels->axpy(recs__scorer_term_weight(scorer, blend, t), term->scores, step->scores, count);
        for (size_t i = 0; i < count; i++)
            step->evidence[i] |= term->evidence[i];
    }
    for (size_t i = 0; i < count; i++)
        step->evidence[i] &= isfinite(step->scores[i]) != 0;
    clean(step, count);
}

static void score_span(recs__scorer *scorer, const recs__span *span) {
    for (size_t i = 0; i < scorer->step_count; i++) {
        recs__step *step = &scorer->steps[i];
        const recs__component *component = step->component;
        if (has_terms(component)) {
            recs__scorer_blend(scorer, step, span->count);
        } else if (step->lane != NULL) {
            score_items(scorer, step, span);
        } else if (step->vector != NULL) {
            score_factors(scorer, step, span);
        } else if (step->content != NULL) {
            recs__content_score(step, span->rows, span->first, span->count);
        } else if (component->kind == RECS__KIND_POPULAR && component->scores != NULL &&
                   !scorer->similar) {
            score_column(step, component->scores, span);
        } else {
            memset(step->scores, 0, span->count * sizeof *step->scores);
            memset(step->evidence, 0, span->count);
        }
    }
}

void recs__scorer_block(recs__scorer *scorer, uint32_t first, size_t count) {
    recs__span span = {.first = first, .count = count};
    score_span(scorer, &span);
}

void recs__scorer_gather(recs__scorer *scorer, const uint32_t *rows, size_t count) {
    recs__span span = {.rows = rows, .count = count};
    score_span(scorer, &span);
}

static const float none_scores[RECS__BLOCK];
static const uint8_t none_evidence[RECS__BLOCK];

const float *recs__scorer_scores(const recs__scorer *scorer) {
    const recs__step *root = recs__scorer_root(scorer);
    return root != NULL ? root->scores : none_scores;
}

const uint8_t *recs__scorer_evidence(const recs__scorer *scorer) {
    const recs__step *root = recs__scorer_root(scorer);
    return root != NULL ? root->evidence : none_evidence;
}

/* ---- memory ---------------------------------------------------------------------- */

void recs__scorer_clear(recs__scorer *scorer) {
    for (size_t i = 0; i < scorer->lane_count; i++)
        recs__lane_clear(scorer->lanes[i]);
    for (size_t i = 0; i < scorer->crowd_count; i++)
        recs__crowd_clear(scorer->crowds[i]);
    scorer->step_count = 0;
    scorer->newcomer_count = 0;
}

void recs__scorer_free(recs__scorer *scorer, const recs_host *host) {
    for (size_t i = 0; i < scorer->lane_count; i++) {
        recs__lane_free(scorer->lanes[i], host);
        recs__free(host, scorer->lanes[i]);
    }
    for (size_t i = 0; i < scorer->crowd_count; i++) {
        recs__crowd_free(scorer->crowds[i], host);
        recs__free(host, scorer->crowds[i]);
    }
    for (size_t i = 0; i < scorer->frozen_count; i++) {
        recs__frozen_free(scorer->frozens[i], host);
        recs__free(host, scorer->frozens[i]);
    }
    recs__free(host, scorer->frozens);
    recs__free(host, scorer->lanes);
    recs__free(host, scorer->crowds);
    recs__free_aligned(host, scorer->steps);
    recs__free_aligned(host, scorer->step_of);
    recs__free_aligned(host, scorer->blocks);
    recs__free_aligned(host, scorer->evidence);
    recs__free_aligned(host, scorer->vectors);
    recs__free_aligned(host, scorer->contents);
    recs__free_aligned(host, scorer->newcomers);
    recs__free_aligned(host, scorer->scratch);
    *scorer = (recs__scorer){0};
}

size_t recs__scorer_memory(const recs__scorer *scorer) {
    size_t bytes = scorer->lane_capacity * sizeof *scorer->lanes +
                   scorer->step_capacity * sizeof *scorer->steps +
                   scorer->step_of_capacity * sizeof *scorer->step_of +
                   scorer->block_capacity * sizeof *scorer->blocks +
                   scorer->evidence_capacity * sizeof *scorer->evidence +
                   (scorer->vector_capacity + scorer->content_capacity) *
                       sizeof *scorer->vectors +
                   scorer->scratch_capacity * sizeof *scorer->scratch +
                   scorer->newcomer_capacity * sizeof *scorer->newcomers;
    bytes += scorer->crowd_capacity * sizeof *scorer->crowds +
             scorer->frozen_capacity * sizeof *scorer->frozens;
    for (size_t i = 0; i < scorer->frozen_count; i++)
        bytes += recs__frozen_memory(scorer->frozens[i]);
    for (size_t i = 0; i < scorer->lane_count; i++)
        bytes += sizeof *scorer->lanes[i] + recs__lane_memory(scorer->lanes[i]);
    for (size_t i = 0; i < scorer->crowd_count; i++)
        bytes += sizeof *scorer->crowds[i] + recs__crowd_memory(scorer->crowds[i]);
    return bytes;
}
