/* content.c - the content component behind content.h.
 *
 * A step holds one vector (centroid, or the item asked about) or one for each
 * item of the history (best), each with its length. A block of items becomes
 * a list of rows of vectors, which the search engine's own scoring goes
 * through: the bits are those of recs_knn. */
#include "recommend/content.h"

#include "kernels/kernels.h"
#include "recs/query.h"
#include "recs/vectors.h"

#include <math.h>
#include <string.h>

bool recs__content_usable(const recs__component *component) {
    return component->kind == RECS__KIND_VECTORS && component->vectors != NULL &&
           component->vector_norms != NULL && component->vector_count != 0;
}

recs__space recs__content_space(const recs__component *component) {
    static const recs__stored_type types[] = {RECS__STORED_FLOAT, RECS__STORED_FLOAT16,
                                              RECS__STORED_HALF, RECS__STORED_INT8};
    static const recs__metric metrics[] = {RECS__METRIC_PRODUCT, RECS__METRIC_COSINE,
                                           RECS__METRIC_DISTANCE};
    return (recs__space){.stored = {.values = component->vectors,
                                    .scales = component->vector_scales,
                                    .type = types[component->storage],
                                    .rows = component->vector_count,
                                    .dims = component->factors,
                                    .stride = component->stride},
                         .norms = component->vector_norms,
                         .codes = component->codes,
                         .items = component->vector_items,
                         .metric = metrics[component->metric]};
}

/* First place of vector_items that is not below item. */
static uint32_t lower_bound(const recs__component *component, uint32_t item) {
    uint32_t low = 0, high = component->vector_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (component->vector_items[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t recs__content_row(const recs__component *component, uint32_t item) {
    if (component->vector_items == NULL)
        return item < component->vector_count ? item : RECS_NO_ROW;
    uint32_t at = lower_bound(component, item);
    return at < component->vector_count && component->vector_items[at] == item ? at : RECS_NO_ROW;
}

/* Layout of the room: two rows of floats to decode into, then vectors, then lengths. */
size_t recs__content_room(const recs__component *component, size_t count) {
    size_t vectors = component->merge == RECS_MERGE_BEST && count > 1 ? count : 1;
    return (vectors + 2) * component->stride + (vectors + 15) / 16 * 16;
}

static float length_of(const float *vector, uint32_t n) {
    return sqrtf(recs__kernels_get()->dot(vector, vector, n));
}

/* As a search takes a vector: under cosine of length 1. False: it has no direction. */
static bool settle(const recs__component *component, float *vector, float *norm) {
    *norm = length_of(vector, component->factors);
    if (!isfinite(*norm))
        return false;
    if (component->metric != RECS_METRIC_COSINE)
        return true;
    if (!(*norm > 0.0f))
        return false;
    for (uint32_t j = 0; j < component->factors; j++)
        vector[j] /= *norm;
    *norm = length_of(vector, component->factors);
    return isfinite(*norm) && *norm > 0.0f;
}

static const float *newcomer_floats(const recs__step *step, const recs__newcomer *newcomer) {
    return recs__stored_floats(&newcomer->stored, newcomer->at, step->content_room);
}

static void fill_centroid(recs__step *step, float *sum, const uint32_t *rows, const float *values,
                          size_t count) {
    const recs__component *component = step->component;
    const recs__space space = recs__content_space(component);
    const recs__kernels *kernels = recs__kernels_get();
    bool cosine = component->metric == RECS_METRIC_COSINE, any = false;
    double total = 0.0;
    size_t used = 0;
    memset(sum, 0, component->stride * sizeof *sum);
    for (size_t i = 0; i < count; i++)
        if (values[i] > 0.0f && recs__content_row(component, rows[i]) != RECS_NO_ROW) {
            total += (double)values[i];
            used++;
        }
    for (size_t i = 0; i < step->newcomer_count; i++)
        if (step->newcomers[i].weight > 0.0f) {
            total += (double)step->newcomers[i].weight;
            used++;
        }
    cosine &= used > 1; /* one item is taken as it is: the bits of a search for it */
    for (size_t i = 0; i < count; i++) {
        uint32_t row = recs__content_row(component, rows[i]);
        if (!(values[i] > 0.0f) || row == RECS_NO_ROW)
            continue;
        float weight = (float)((double)values[i] / total);
        if (cosine) /* of their directions */
            weight /= component->vector_norms[row];
        if (!isfinite(weight))
            continue; /* a damaged length */
        kernels->axpy(weight, recs__stored_floats(&space.stored, row, step->content_room), sum,
                      component->factors);
        any = true;
    }
    for (size_t i = 0; i < step->newcomer_count; i++) {
        const recs__newcomer *own = &step->newcomers[i];
        float weight = (float)((double)own->weight / total);
        if (!(own->weight > 0.0f))
            continue;
        if (cosine)
            weight /= own->norm;
        if (!isfinite(weight))
            continue;
        kernels->axpy(weight, newcomer_floats(step, own), sum, component->factors);
        any = true;
    }
    step->content_total = total;
    step->content_length = used > 1 ? (double)length_of(sum, component->factors) : 1.0;
    step->content_count = any && settle(component, sum, &step->content_norms[0]);
}

static void add_vector(recs__step *step, const float *floats) {
    const recs__component *component = step->component;
    float *vector = step->content + step->content_count * component->stride;
    memset(vector, 0, component->stride * sizeof *vector);
    memcpy(vector, floats, component->factors * sizeof *vector);
    step->content_count += settle(component, vector, &step->content_norms[step->content_count]);
}

static void fill_each(recs__step *step, const uint32_t *rows, const float *values, size_t count) {
    const recs__component *component = step->component;
    const recs__space space = recs__content_space(component);
    for (size_t i = 0; i < count; i++) {
        uint32_t row = recs__content_row(component, rows[i]);
        if (!(values[i] > 0.0f) || row == RECS_NO_ROW)
            continue;
        add_vector(step, recs__stored_floats(&space.stored, row, step->content_room));
    }
    for (size_t i = 0; i < step->newcomer_count; i++)
        if (step->newcomers[i].weight > 0.0f)
            add_vector(step, newcomer_floats(step, &step->newcomers[i]));
}

void recs__content_fill(recs__step *step, float *room, const uint32_t *rows, const float *values,
                        size_t count) {
    const recs__component *component = step->component;
    size_t all = count + step->newcomer_count;
    step->each = component->merge == RECS_MERGE_BEST && all > 1;
    step->content_room = room;
    step->content = room + 2 * (size_t)component->stride;
    step->content_norms = step->content + (step->each ? all : 1) * component->stride;
    step->content_count = 0;
    if (step->each)
        fill_each(step, rows, values, count);
    else
        fill_centroid(step, step->content, rows, values, count);
}

/* ---- scores ------------------------------------------------------------------------------- */

/* Rows of the vectors of a block, and where in the block they belong. */
static size_t list_rows(const recs__component *component, const uint32_t *items, uint32_t first,
                        size_t count, uint32_t *rows, uint32_t *places) {
    size_t found = 0;
    if (items == NULL && component->vector_items != NULL) {
        for (uint32_t at = lower_bound(component, first);
             at < component->vector_count && found < count; at++) {
            uint32_t item = component->vector_items[at];
            if (item < first || item - first >= count)
                break;
            rows[found] = at;
            places[found++] = item - first;
        }
        return found;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t row =
            recs__content_row(component, items != NULL ? items[i] : first + (uint32_t)i);
        if (row == RECS_NO_ROW)
            continue;
        rows[found] = row;
        places[found++] = (uint32_t)i;
    }
    return found;
}

void recs__content_score(recs__step *step, const uint32_t *items, uint32_t first, size_t count) {
    const recs__space space = recs__content_space(step->component);
    uint32_t rows[RECS__BLOCK], places[RECS__BLOCK];
    float scores[RECS__BLOCK];
    memset(step->scores, 0, count * sizeof *step->scores);
    memset(step->evidence, 0, count);
    size_t found = step->content_count != 0
                       ? list_rows(step->component, items, first, count, rows, places)
                       : 0;
    for (size_t v = 0; v < step->content_count; v++) {
        recs__exact_score(&space, step->content + v * step->component->stride,
                          step->content_norms[v], rows, found, scores, step->content_room);
        for (size_t i = 0; i < found; i++) {
            uint32_t at = places[i];
            if (!isfinite(scores[i]) || (step->evidence[at] && !(scores[i] > step->scores[at])))
                continue;
            step->scores[at] = scores[i] + 0.0f;
            step->evidence[at] = 1;
        }
    }
}

float recs__content_score_one(const recs__step *step, uint32_t item, bool *evidence) {
    const recs__space space = recs__content_space(step->component);
    uint32_t row = recs__content_row(step->component, item);
    float best = 0.0f;
    *evidence = false;
    for (size_t v = 0; row != RECS_NO_ROW && v < step->content_count; v++) {
        float score;
        recs__exact_score(&space, step->content + v * step->component->stride,
                          step->content_norms[v], &row, 1, &score, step->content_room);
        if (!isfinite(score) || (*evidence && !(score > best)))
            continue;
        best = score + 0.0f;
        *evidence = true;
    }
    return best;
}

void recs__content_score_foreign(recs__step *step, const recs__space *space, uint32_t first,
                                 size_t count) {
    uint32_t rows[RECS__BLOCK];
    float scores[RECS__BLOCK];
    memset(step->scores, 0, count * sizeof *step->scores);
    memset(step->evidence, 0, count);
    for (size_t i = 0; i < count; i++)
        rows[i] = first + (uint32_t)i;
    for (size_t v = 0; v < step->content_count; v++) {
        recs__exact_score(space, step->content + v * step->component->stride,
                          step->content_norms[v], rows, count, scores, step->content_room);
        for (size_t i = 0; i < count; i++) {
            if (!isfinite(scores[i]) || (step->evidence[i] && !(scores[i] > step->scores[i])))
                continue;
            step->scores[i] = scores[i] + 0.0f;
            step->evidence[i] = 1;
        }
    }
}

/* ---- reasons -------------------------------------------------------------------------------- */

/* Entries of the history, then newcomers: whether it has a vector and says anything. */
static bool has_share(const recs__step *step, const recs__history *history, size_t entry) {
    if (entry >= history->count)
        return step->newcomers[entry - history->count].weight > 0.0f;
    return history->values[entry] > 0.0f &&
           recs__content_row(step->component, history->rows[entry]) != RECS_NO_ROW;
}

/* The index of the history's vector that gives the score, under best. */
static bool is_the_best(const recs__step *step, const recs__history *history, size_t entry,
                        uint32_t row, const recs__space *space, float *score) {
    recs__space alone = *space; /* the foreign vector as a space of one row */
    alone.codes = NULL;
    alone.items = NULL;
    if (step->foreign != NULL) {
        alone.stored = (recs__stored){.values = step->foreign,
                                      .type = RECS__STORED_FLOAT,
                                      .rows = 1,
                                      .dims = space->stored.dims,
                                      .stride = space->stored.stride};
        alone.norms = &step->foreign_norm;
        space = &alone;
        row = 0;
    }
    size_t at = 0, mine = SIZE_MAX, best = SIZE_MAX;
    float best_score = 0.0f;
    for (size_t i = 0; i < history->count + step->newcomer_count && at < step->content_count;
         i++) {
        if (!has_share(step, history, i))
            continue;
        float found;
        recs__exact_score(space, step->content + at * step->component->stride,
                          step->content_norms[at], &row, 1, &found, step->content_room);
        if (isfinite(found) && (best == SIZE_MAX || found > best_score)) {
            best = i;
            best_score = found;
        }
        mine = i == entry ? i : mine;
        at++;
    }
    *score = best_score;
    return mine != SIZE_MAX && mine == best;
}

double recs__content_share(const recs__step *step, const recs__history *history, size_t entry,
                           uint32_t item) {
    const recs__component *component = step->component;
    const recs__space space = recs__content_space(component);
    uint32_t row = step->foreign != NULL ? 0 : recs__content_row(component, item);
    float score;
    if (step->content_count == 0 || row == RECS_NO_ROW || !has_share(step, history, entry))
        return 0.0;
    if (step->each)
        return is_the_best(step, history, entry, row, &space, &score) ? (double)score : 0.0;
    if (component->metric == RECS_METRIC_L2)
        return 0.0;
    /* The centroid is a sum, and so is its product with the item. */
    float *own_room = step->content_room + component->stride;
    const recs__newcomer *fresh =
        entry < history->count ? NULL : &step->newcomers[entry - history->count];
    uint32_t own = fresh != NULL ? fresh->at
                                 : recs__content_row(component, history->rows[entry]);
    const float *mine =
        recs__stored_floats(fresh != NULL ? &fresh->stored : &space.stored, own, own_room);
    float weight = fresh != NULL ? fresh->weight : history->values[entry];
    float own_norm = fresh != NULL ? fresh->norm : component->vector_norms[own];
    const float *to = step->foreign != NULL
                          ? step->foreign
                          : recs__stored_floats(&space.stored, row, step->content_room);
    float norm = step->foreign != NULL ? step->foreign_norm : component->vector_norms[row];
    double share = (double)weight / step->content_total *
                   (double)recs__kernels_get()->dot(mine, to, component->factors);
    if (component->metric == RECS_METRIC_COSINE)
        share /= (double)own_norm * (double)norm * step->content_length;
    return share;
}
