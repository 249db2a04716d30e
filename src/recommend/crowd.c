/* crowd.c - user neighbours at request time.
 *
 * With v the history, w the item weights, x the stored rows:
 *
 *   overlap_u  = sum over the history of v_h (w_h x_uh): postings, one chain a
 *                row, history ascending
 *   sim_u      = overlap_u / (|v|_w^(2 (1 - asymmetry)) norm_u + shrinkage),
 *                |v|_w^2 = sum of w_h v_h^2, norm_u from the file
 *   neighbours = the `neighbors` rows with the largest sim above 0, ties by row
 *   vote_u     = sim_u^power over the sum of those of all neighbours
 *   score_i    = sum over the neighbours, best first, of vote_u crowd_ui: one
 *                chain an item
 *
 * A score is a weighted mean over the neighbours, of 0 for those without the
 * item; rows of the file may be anything and are checked where they index.
 * Nothing is allocated once the arrays have grown to the model's size. */
#include "recommend/crowd.h"

#include "base/math.h"
#include "base/memory.h"
#include "search/room.h"

#include <math.h>

void recs__crowd_clear(recs__crowd *crowd) {
    recs__lane_clear(&crowd->sums);
    crowd->count = 0;
}

void recs__crowd_free(recs__crowd *crowd, const recs_host *host) {
    recs__lane_free(&crowd->sums, host);
    recs__topk_free(&crowd->best, host);
    recs__free_aligned(host, crowd->rows);
    recs__free_aligned(host, crowd->weights);
    recs__free_aligned(host, crowd->held);
}

size_t recs__crowd_memory(const recs__crowd *crowd) {
    return recs__lane_memory(&crowd->sums) + recs__topk_memory(&crowd->best) +
           crowd->row_capacity * sizeof *crowd->rows +
           (crowd->weight_capacity + crowd->held_capacity) * sizeof *crowd->weights;
}

static bool usable(const recs__component *component) {
    return component->crowd.columns != NULL && component->crowd.values != NULL &&
           component->postings.columns != NULL && component->postings.values != NULL &&
           component->row_norms != NULL && component->item_weights != NULL;
}

/* ---- who is like the visitor ---------------------------------------------------- */

/* |v|_w to the power of 2 (1 - asymmetry), as float. */
static float length_of(const recs__component *component, const uint32_t *rows,
                       const float *values, size_t count) {
    double squared = 0.0;
    for (size_t i = 0; i < count; i++)
        squared += (double)component->item_weights[rows[i]] * (double)values[i] *
                   (double)values[i];
    if (!(squared > 0.0) || !isfinite(squared))
        return 0.0f;
    return (float)recs__pow(squared, 1.0 - (double)component->asymmetry);
}

static recs_status add_overlaps(const recs__component *component, recs__crowd *crowd,
                                const recs_host *host, const uint32_t *rows, const float *values,
                                size_t count, recs_error *error) {
    const recs__csr *postings = &component->postings;
    uint64_t first;
    size_t total = 0;
    for (size_t i = 0; i < count && total < component->crowd_rows; i++)
        total += recs__csr_row(postings, rows[i], &first);
    recs_status status = recs__lane_begin(&crowd->sums, host, component->crowd_rows, total, error);
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        size_t size = recs__csr_row(postings, rows[i], &first);
        recs__score_scatter(values[i], postings->columns + first, postings->values + first, size,
                            &crowd->sums);
    }
    return status;
}

static void offer(const recs__component *component, recs__crowd *crowd, float length,
                  uint32_t row) {
    float overlap = crowd->sums.scores[row];
    if (!(overlap > 0.0f))
        return;
    float below = fmaf(length, component->row_norms[row], component->shrinkage);
    float similarity = overlap / below;
    if (below > 0.0f && similarity > 0.0f && isfinite(similarity))
        recs__topk_offer(&crowd->best, similarity, row);
}

/* The best rows and their votes. */
static recs_status choose(const recs__component *component, recs__crowd *crowd,
                          const recs_host *host, float length, recs_error *error) {
    recs__lane *sums = &crowd->sums;
    size_t limit = component->neighbor_count < component->crowd_rows ? component->neighbor_count
                                                                     : component->crowd_rows;
    recs_status status = recs__topk_begin(&crowd->best, host, limit, 0.0f, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&crowd->rows, &crowd->row_capacity, limit,
                                  sizeof *crowd->rows, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&crowd->weights, &crowd->weight_capacity, limit,
                                  sizeof *crowd->weights, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&crowd->held, &crowd->held_capacity, limit,
                                  sizeof *crowd->held, error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; !sums->whole && i < sums->touched_count; i++)
        offer(component, crowd, length, sums->touched[i]);
    for (uint32_t row = 0; sums->whole && row < sums->rows; row++)
        offer(component, crowd, length, row);

    size_t found = recs__topk_finish(&crowd->best);
    double power = (double)component->power, total = 0.0;
    for (size_t i = 0; i < found; i++) {
        double similarity = (double)recs__topk_score(crowd->best.keys[i]);
        crowd->rows[i] = recs__topk_row(crowd->best.keys[i]);
        crowd->weights[i] = (float)(power == 1.0 ? similarity : recs__pow(similarity, power));
        total += (double)crowd->weights[i];
    }
    crowd->count = total > 0.0 && isfinite(total) ? found : 0;
    for (size_t i = 0; i < crowd->count; i++)
        crowd->weights[i] = (float)((double)crowd->weights[i] / total);
    return RECS_OK;
}

/* ---- what they vote for ------------------------------------------------------------ */

recs_status recs__crowd_fill(recs__step *step, const recs_host *host, uint32_t items,
                             const uint32_t *rows, const float *values, size_t count,
                             recs_error *error) {
    const recs__component *component = step->component;
    recs__crowd *crowd = step->crowd;
    uint64_t first;
    size_t total = 0;
    recs__crowd_clear(crowd);
    recs__lane_clear(step->lane);
    if (!usable(component))
        count = 0;
    float length = length_of(component, rows, values, count);
    recs_status status = add_overlaps(component, crowd, host, rows, values, count, error);
    if (status == RECS_OK)
        status = choose(component, crowd, host, length, error);
    for (size_t i = 0; i < crowd->count && total < items; i++)
        total += recs__csr_row(&component->crowd, crowd->rows[i], &first);
    if (status == RECS_OK)
        status = recs__lane_begin(step->lane, host, items, total, error);
    for (size_t i = 0; i < crowd->count && status == RECS_OK; i++) {
        size_t size = recs__csr_row(&component->crowd, crowd->rows[i], &first);
        recs__score_scatter(crowd->weights[i], component->crowd.columns + first,
                            component->crowd.values + first, size, step->lane);
    }
    return status;
}

/* ---- where votes come from ------------------------------------------------------------ */

/* The value in a row and column of a matrix whose rows ascend; 0 for none. */
static float entry(const recs__csr *matrix, uint32_t row, uint32_t column) {
    uint64_t first;
    size_t low = 0, count = recs__csr_row(matrix, row, &first), high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (matrix->columns[first + middle] < column)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && matrix->columns[first + low] == column ? matrix->values[first + low]
                                                                 : 0.0f;
}

void recs__crowd_reach(recs__step *step, uint32_t row) {
    recs__crowd *crowd = step->crowd;
    for (size_t i = 0; i < crowd->count; i++)
        crowd->held[i] = entry(&step->component->crowd, crowd->rows[i], row);
}

double recs__crowd_share(const recs__step *step, uint32_t from, float value) {
    const recs__crowd *crowd = step->crowd;
    double share = 0.0;
    for (size_t i = 0; i < crowd->count; i++) {
        if (crowd->held[i] == 0.0f)
            continue;
        float overlap = crowd->sums.scores[crowd->rows[i]];
        double part = (double)value *
                      (double)entry(&step->component->postings, from, crowd->rows[i]) /
                      (double)overlap;
        share += (double)crowd->weights[i] * (double)crowd->held[i] * part;
    }
    return share;
}
