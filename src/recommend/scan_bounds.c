/* scan_bounds.c - behind scan_bounds.h.
 *
 * A part's weight is the sum over all ways to it from the root of the products of weights.
 * Let M be the sum over the parts of |weight| times the greatest magnitude of the part's
 * scores. The blend's chain and the sum made here have at most T terms and a product each;
 * so they differ by at most (2 T + 8) 2^-23 M from what is exact, each with its roundings,
 * which is added to every bound. Where a weight is below 0 the part's lower bound is taken. */
#include "recommend/scan_bounds.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "recommend/content.h"
#include "recommend/scan.h"
#include "recommend/scan_mixed.h"
#include "search/bound.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

enum { BLOCK = RECS__CODES_BLOCK, STEPS_MAX = 64, TOP_SHARE = 32 };

/* ---- what is taken ------------------------------------------------------------------- */

static bool has_vectors(const recs__step *step) {
    return (step->vector != NULL && step->has_vector) || step->content_count != 0;
}

bool recs__scan_bounds_takes(const recs__work *work) {
    const recs__scorer *scorer = &work->scorer;
    const recs__step *root = recs__scorer_root(scorer);
    size_t parts = 0;
    if (root == NULL || root->component->kind != RECS__KIND_BLEND ||
        root->component->terms == NULL || scorer->step_count > STEPS_MAX ||
        work->filter.rows != scorer->view->items ||
        work->filter.rows < RECS__CODES_ROWS_LEAST ||
        work->topk.limit > work->filter.rows / TOP_SHARE)
        return false;
    for (size_t i = 0; i < scorer->step_count; i++) {
        const recs__step *step = &scorer->steps[i];
        if (!has_vectors(step))
            continue;
        if (step->component->codes == NULL)
            return false;
        parts++;
    }
    return parts != 0;
}

/* ---- weights and magnitudes -------------------------------------------------------------- */

/* Of each step, from the root down; their number of terms. */
static size_t weigh(const recs__scorer *scorer, double weights[STEPS_MAX]) {
    size_t terms = 0;
    for (size_t i = 0; i < scorer->step_count; i++)
        weights[i] = i + 1 == scorer->step_count ? 1.0 : 0.0;
    for (size_t i = scorer->step_count; i-- > 0;) {
        const recs__component *blend = scorer->steps[i].component;
        if (blend->kind != RECS__KIND_BLEND || blend->terms == NULL)
            continue;
        for (uint32_t t = 0; t < blend->term_count; t++) {
            if (blend->terms[t].component >= blend->index)
                continue;
            size_t to = scorer->step_of[blend->terms[t].component];
            weights[to] += weights[i] * (double)recs__scorer_term_weight(scorer, blend, t);
            terms++;
        }
    }
    return terms;
}

/* INFINITY where one is not finite. */
static double largest_of(const float *values, const uint32_t *rows, size_t count) {
    float most = 0.0f;
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        float x = fabsf(values[rows != NULL ? rows[i] : i]);
        finite &= isfinite(x) != 0;
        most = x > most ? x : most;
    }
    return finite ? (double)most : INFINITY;
}

static const float *column_of(const recs__scorer *scorer, const recs__step *step) {
    if (step->lane != NULL)
        return step->lane->whole ? step->lane->scores : NULL;
    return step->component->kind == RECS__KIND_POPULAR && !scorer->similar
               ? step->component->scores
               : NULL;
}

/* What a part with vectors asks its copy. */
typedef struct asked {
    recs__space space;
    recs__code_vector vector;
    recs__asking asking;
    recs__margins margins;
} asked;

/* False: the vector has no codes. */
static bool ask(asked *out, const recs__work *work, const recs__step *step, size_t at,
                void *room) {
    const float *vector = step->vector != NULL
                              ? step->vector
                              : step->content + at * step->component->stride;
    out->space = recs__scan_space(&work->scorer, step);
    recs__codes_query(&out->vector, vector, out->space.stored.dims, false, room);
    out->asking = (recs__asking){&out->space, &out->vector,
                                 step->vector != NULL ? step->norm : step->content_norms[at]};
    out->margins = recs__margins_of(out->space.stored.dims);
    return out->vector.scale > 0.0;
}

static double largest_score(const asked *by) {
    double longest = by->space.codes->bounds[0].most, own = by->vector.length;
    return by->space.metric == RECS__METRIC_PRODUCT  ? own * longest
           : by->space.metric == RECS__METRIC_COSINE ? 2.0
                                                     : (own + longest) * (own + longest);
}

/* ---- bounds --------------------------------------------------------------------------------- */

/* Into bounds [BLOCK] what no score of the block's rows is above, or where lower is set
 * below. */
static void bound_block(const asked *by, size_t block, bool lower, float *bounds) {
    const recs__codes *codes = by->space.codes;
    const recs__codes_bound *bound = &codes->bounds[block];
    recs__code_query query = by->vector.query;
    size_t tile = block * BLOCK / RECS__CODES_TILE, tiles = codes->tiles - tile;
    tiles = tiles < BLOCK / RECS__CODES_TILE ? tiles : BLOCK / RECS__CODES_TILE;
    int32_t bias;
    double margin = recs__bound_margin(&by->asking, bound, by->margins, &bias);
    query.bias = lower ? bias : -bias;
    recs__kernels_get()->code_sums(&query, codes->codes + tile * codes->groups * 64,
                                   codes->groups, tiles,
                                   codes->scales + tile * RECS__CODES_TILE, bounds);
    size_t count = tiles * RECS__CODES_TILE;
    if (by->space.metric == RECS__METRIC_PRODUCT) {
        float scale = (float)by->vector.scale, away = (float)(lower ? -margin : margin);
        for (size_t i = 0; i < count; i++)
            bounds[i] = bounds[i] * scale + away;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double product = (double)bounds[i] * by->vector.scale;
        bounds[i] =
            lower ? recs__bound_least(&by->asking, bound, product - margin, by->margins)
                  : recs__bound_most(&by->asking, bound, product + margin, by->margins);
    }
}

/* Of one vector, by item: added, or (several vectors of a history) the greatest kept. */
static void bound_vector(const asked *by, float weight, bool greatest, uint32_t items,
                         float *out) {
    const recs__codes *codes = by->space.codes;
    float bounds[BLOCK];
    for (size_t b = 0; b < codes->blocks; b++) {
        bound_block(by, b, weight < 0.0f, bounds);
        size_t first = b * BLOCK, left = codes->rows - first, count = left < BLOCK ? left : BLOCK;
        for (size_t i = 0; i < count; i++) {
            uint32_t row = codes->order[first + i];
            if (row < codes->rows && by->space.items != NULL)
                row = by->space.items[row];
            if (row >= items) /* of a damaged file */
                continue;
            if (greatest)
                out[row] = bounds[i] > out[row] ? bounds[i] : out[row];
            else
                out[row] += weight * bounds[i];
        }
    }
}

static bool bound_part(const recs__work *work, recs__bounds_room *room, const recs__step *step,
                       float weight) {
    uint32_t items = work->filter.rows;
    size_t vectors = step->vector != NULL ? 1 : step->content_count;
    asked by;
    if (vectors > 1 && weight < 0.0f) /* nothing is known below */
        return false;
    for (size_t i = 0; vectors > 1 && i < items; i++)
        room->part[i] = -INFINITY;
    for (size_t v = 0; v < vectors; v++) {
        if (!ask(&by, work, step, v, room->codes))
            return false;
        bound_vector(&by, weight, vectors > 1, items, vectors > 1 ? room->part : room->upper);
    }
    for (size_t i = 0; vectors > 1 && i < items; i++)
        if (room->part[i] > -INFINITY)
            room->upper[i] += weight * room->part[i];
    return true;
}

/* The parts' weights times their greatest magnitudes; not finite: no bounds. */
static double magnitude(const recs__work *work, const recs__bounds_room *room,
                        const double *weights) {
    const recs__scorer *scorer = &work->scorer;
    double all = 0;
    for (size_t i = 0; i < scorer->step_count; i++) {
        const recs__step *step = &scorer->steps[i];
        const float *column = column_of(scorer, step);
        double most = 0;
        if (weights[i] == 0.0 || step->component->kind == RECS__KIND_BLEND)
            continue;
        if (column != NULL)
            most = largest_of(column, NULL, work->filter.rows);
        else if (step->lane != NULL)
            most = largest_of(step->lane->scores, step->lane->touched,
                              step->lane->touched_count);
        size_t vectors = step->vector != NULL ? step->has_vector : step->content_count;
        for (size_t v = 0; v < vectors; v++) {
            asked by;
            if (!ask(&by, work, step, v, room->codes))
                return INFINITY;
            most += largest_score(&by);
        }
        all += fabs(weights[i]) * most;
    }
    return all;
}

static recs_status need_room(const recs__work *work, recs__bounds_room *room,
                             const recs_host *host, recs_error *error) {
    size_t items = ((size_t)work->filter.rows + 15) / 16 * 16, codes = 0;
    bool several = false;
    for (size_t i = 0; i < work->scorer.step_count; i++) {
        const recs__step *step = &work->scorer.steps[i];
        if (!has_vectors(step))
            continue;
        size_t bytes = recs__codes_room(step->component->factors);
        codes = bytes > codes ? bytes : codes;
        several |= step->content_count > 1;
    }
    recs_status status = recs__room_fresh(host, (void **)&room->upper, &room->upper_capacity,
                                          items, sizeof *room->upper, error);
    if (status == RECS_OK && several)
        status = recs__room_fresh(host, (void **)&room->part, &room->part_capacity, items,
                                  sizeof *room->part, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&room->codes, &room->code_capacity, codes, 1,
                                  error);
    return status;
}

/* ---- rows ------------------------------------------------------------------------------------- */

static size_t offer_some(recs__work *work, const uint32_t *rows, size_t count) {
    recs__scan_offer(work, rows, count);
    recs__topk_select(&work->topk);
    return count;
}

static void offer_rows(recs__work *work, float *upper, const double *weights, double slack) {
    const recs__scorer *scorer = &work->scorer;
    const recs__kernels *kernels = recs__kernels_get();
    uint32_t rows = work->filter.rows, found[RECS__BLOCK];
    for (uint32_t first = 0; first < rows;) {
        size_t left = rows - first, count = left < RECS__BLOCK ? left : RECS__BLOCK, n = 0;
        for (size_t i = 0; i < scorer->step_count; i++) {
            const float *column = column_of(scorer, &scorer->steps[i]);
            if (column != NULL && weights[i] != 0.0)
                kernels->axpy((float)weights[i], column + first, upper + first, count);
        }
        double bar = (double)work->topk.bar - slack;
        float least = nextafterf((float)(bar - fabs(bar) * 1e-6 - 0x1p-140), -INFINITY);
        bool all = !(least > -INFINITY);
        size_t over = all ? count : kernels->above(upper + first, count, least, found);
        for (size_t i = 0; i < over; i++) {
            uint32_t row = first + (all ? (uint32_t)i : found[i]);
            if (recs__filter_eligible(&work->filter, row))
                found[n++] = row;
        }
        if (n != 0)
            work->seek.rescored += offer_some(work, found, n);
        first += (uint32_t)count;
    }
    work->seek.way = RECS__WAY_CODES;
    work->seek.scanned += rows;
}

recs_status recs__scan_bounds(recs__work *work, recs__bounds_room *room, const recs_host *host,
                              bool *done, recs_error *error) {
    const recs__scorer *scorer = &work->scorer;
    double weights[STEPS_MAX];
    size_t terms = weigh(scorer, weights);
    *done = false;
    recs_status status = need_room(work, room, host, error);
    if (status != RECS_OK)
        return status;
    double all = magnitude(work, room, weights);
    if (!(all < 1e30))
        return RECS_OK;
    memset(room->upper, 0, work->filter.rows * sizeof *room->upper);
    for (size_t i = 0; i < scorer->step_count; i++) {
        const recs__step *step = &scorer->steps[i];
        float weight = (float)weights[i];
        if (weights[i] == 0.0 || step->component->kind == RECS__KIND_BLEND)
            continue;
        if (weight == 0.0f || (has_vectors(step) && !bound_part(work, room, step, weight)))
            return RECS_OK;
        const recs__lane *lane = step->lane;
        for (size_t t = 0; lane != NULL && !lane->whole && t < lane->touched_count; t++)
            room->upper[lane->touched[t]] += weight * lane->scores[lane->touched[t]];
    }
    offer_rows(work, room->upper, weights, (2 * (double)terms + 32) * 0x1p-23 * all + 0x1p-140);
    *done = true;
    return RECS_OK;
}

/* ---- memory -------------------------------------------------------------------------------------- */

void recs__bounds_free(recs__bounds_room *room, const recs_host *host) {
    recs__free_aligned(host, room->upper);
    recs__free_aligned(host, room->part);
    recs__free_aligned(host, room->codes);
    *room = (recs__bounds_room){0};
}

size_t recs__bounds_memory(const recs__bounds_room *room) {
    return (room->upper_capacity + room->part_capacity) * sizeof(float) + room->code_capacity;
}
