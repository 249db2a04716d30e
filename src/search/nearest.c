/* nearest.c - searching the parts of a snapshot, behind nearest.h.
 *
 *   listed   a short allow list: its rows
 *   scan     everything, a block at a time, the filter for survivors alone
 *   index    candidates of a backend, scored exactly; where fewer of them are
 *            eligible than could be, the part is scanned after all */
#include "search/nearest.h"

#include "base/error.h"
#include "base/text.h"
#include "kernels/kernels.h"
#include "search/index.h"
#include "search/room.h"
#include "search/sort.h"

#include <math.h>
#include <string.h>

enum { BLOCK_ROWS = 512, BLOCK_NUMBERS = 32768, FEW_EXCLUDED = 256 };

recs_status recs__nearest_vector(recs__nearest *nearest, const recs__vector_shape *shape,
                                 const recs_host *host, const float *vector, recs_error *error) {
    recs_status status = recs__room_fresh(host, (void **)&nearest->query, &nearest->query_capacity,
                                          shape->stride, sizeof *nearest->query, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&nearest->room, &nearest->room_capacity,
                                  shape->stride, sizeof *nearest->room, error);
    if (status != RECS_OK)
        return status;
    for (uint32_t j = 0; j < shape->dimension; j++)
        if (!isfinite(vector[j]))
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "query vector, column %u: %s, expected a finite number", j,
                              isnan(vector[j]) ? "NaN" : "an infinity");
    memcpy(nearest->query, vector, shape->dimension * sizeof *vector);
    memset(nearest->query + shape->dimension, 0,
           (shape->stride - shape->dimension) * sizeof *vector);
    if (shape->metric != RECS_METRIC_COSINE)
        return RECS_OK;
    /* Scaled by a power of two first, so that no square over- or underflows. */
    float largest = 0.0f;
    for (uint32_t j = 0; j < shape->dimension; j++)
        largest = fabsf(vector[j]) > largest ? fabsf(vector[j]) : largest;
    if (!(largest > 0.0f))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "the query vector is zero: it has no direction, which cosine needs");
    int exponent;
    (void)frexpf(largest, &exponent);
    for (uint32_t j = 0; j < shape->dimension; j++)
        nearest->query[j] = ldexpf(nearest->query[j], -exponent);
    float norm =
        sqrtf(recs__kernels_get()->dot(nearest->query, nearest->query, shape->dimension));
    for (uint32_t j = 0; j < shape->dimension; j++)
        nearest->query[j] /= norm;
    return RECS_OK;
}

/* ---- one part --------------------------------------------------------------------------- */

static void offer_listed(recs__nearest *nearest, const recs__part *part, const uint32_t *rows,
                         size_t count) {
    float scores[BLOCK_ROWS];
    recs__vector_scores(&part->segment->stored, nearest->query, rows, 0, count, nearest->room,
                        scores);
    nearest->scored += count;
    for (size_t i = 0; i < count; i++)
        if (isfinite(scores[i]))
            recs__topk_offer(&nearest->topk, scores[i], rows[i]);
}

static void search_listed(recs__nearest *nearest, const recs__part *part,
                          const recs__filter *filter) {
    uint32_t rows[BLOCK_ROWS];
    for (size_t i = 0; i < filter->allow_count;) {
        size_t count = 0;
        for (; i < filter->allow_count && count < BLOCK_ROWS; i++)
            if (recs__filter_eligible(filter, (uint32_t)filter->allow[i]))
                rows[count++] = (uint32_t)filter->allow[i];
        offer_listed(nearest, part, rows, count);
    }
}

static void search_all(recs__nearest *nearest, const recs__part *part,
                       const recs__filter *filter) {
    const recs__vector_rows *stored = &part->segment->stored;
    const recs__kernels *kernels = recs__kernels_get();
    float scores[BLOCK_ROWS];
    uint32_t survivors[BLOCK_ROWS];
    size_t block = BLOCK_NUMBERS / stored->stride;
    block = block < 1 ? 1 : block > BLOCK_ROWS ? BLOCK_ROWS : block;
    for (uint32_t first = 0; first < stored->count;) {
        size_t count = stored->count - first < block ? stored->count - first : block;
        recs__vector_scores(stored, nearest->query, NULL, first, count, nearest->room, scores);
        size_t found = kernels->above(scores, count, nearest->topk.bar, survivors);
        for (size_t i = 0; i < found; i++)
            if (isfinite(scores[survivors[i]]) &&
                recs__filter_eligible(filter, first + survivors[i]))
                recs__topk_offer(&nearest->topk, scores[survivors[i]], first + survivors[i]);
        first += (uint32_t)count;
    }
    nearest->scored += stored->count;
}

/* A bit for every eligible row, for the backend. */
static recs_status make_allowed(recs__nearest *nearest, const recs__filter *filter,
                                const recs_host *host, recs_error *error) {
    size_t words = ((size_t)filter->rows + 63) / 64;
    recs_status status = recs__room_fresh(host, (void **)&nearest->allowed,
                                          &nearest->allowed_capacity, words,
                                          sizeof *nearest->allowed, error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; i < words; i++)
        nearest->allowed[i] = filter->polarity != 0 ? ~filter->bits[i] : filter->bits[i];
    for (uint32_t row = 0; filter->available != NULL && row < filter->rows; row++)
        if (filter->available[row] == 0)
            nearest->allowed[row >> 6] &= ~(UINT64_C(1) << (row & 63));
    return RECS_OK;
}

/* Candidates of the index into the top k; *enough: as many of them are
 * eligible as an answer can have. */
static recs_status search_index(recs__nearest *nearest, const recs__part *part,
                                const recs__filter *filter, const recs__nearest_how *how,
                                const recs_host *host, bool *enough, recs_error *error) {
    size_t excluded = filter->rows - filter->eligible, wanted = nearest->topk.limit;
    bool masked = filter->polarity == 0 || excluded > FEW_EXCLUDED;
    size_t found = 0, eligible = 0;
    size_t candidates =
        recs__index_candidates(part->segment->index, wanted + (masked ? 0 : excluded));
    candidates = candidates < filter->rows ? candidates : filter->rows;
    recs_status status = recs__room_fresh(host, (void **)&nearest->rows, &nearest->row_capacity,
                                          candidates, sizeof *nearest->rows, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&nearest->keys, &nearest->key_capacity,
                                  candidates, sizeof *nearest->keys, error);
    if (status == RECS_OK && masked)
        status = make_allowed(nearest, filter, host, error);
    if (status == RECS_OK)
        status = recs__index_search(part->segment->index, nearest->query, candidates, how->effort,
                                    masked ? nearest->allowed : NULL, nearest->rows, &found,
                                    error);
    if (status != RECS_OK)
        return status;
    /* A row twice would be two answers: the order of rows shows it. */
    uint64_t *keys = nearest->keys;
    for (size_t i = 0; i < found; i++)
        keys[i] = nearest->rows[i];
    recs__sort_keys(keys, found);
    for (size_t i = 0; i < found; i++)
        if ((i == 0 || keys[i] != keys[i - 1]) &&
            recs__filter_eligible(filter, (uint32_t)keys[i]))
            nearest->rows[eligible++] = (uint32_t)keys[i];
    *enough = eligible >= wanted;
    for (size_t i = 0; *enough && i < eligible; i += BLOCK_ROWS)
        offer_listed(nearest, part, nearest->rows + i,
                     eligible - i < BLOCK_ROWS ? eligible - i : BLOCK_ROWS);
    return RECS_OK;
}

static recs_status search_part(recs__nearest *nearest, const recs__part *part,
                               const recs__filter *filter, const recs__nearest_how *how,
                               const recs_host *host, int32_t *strategy, recs_error *error) {
    size_t limit = how->limit < filter->eligible ? how->limit : filter->eligible;
    recs_status status = recs__topk_begin(&nearest->topk, host, limit, how->floor, error);
    *strategy = RECS_STRATEGY_NONE;
    if (status != RECS_OK || limit == 0)
        return status;
    if (filter->allow_only && filter->allow_count < filter->rows / 4) {
        *strategy = RECS_STRATEGY_LISTED;
        search_listed(nearest, part, filter);
        return RECS_OK;
    }
    bool enough = false, indexed = part->segment->index != NULL &&
                                   how->effort != RECS_EFFORT_EXACT;
    if (indexed) {
        *strategy = RECS_STRATEGY_INDEX;
        status = search_index(nearest, part, filter, how, host, &enough, error);
    }
    if (status == RECS_OK && !enough) {
        *strategy = indexed                                ? RECS_STRATEGY_INDEX_SCAN
                    : filter->eligible == filter->rows     ? RECS_STRATEGY_SCAN
                                                           : RECS_STRATEGY_MASKED;
        search_all(nearest, part, filter);
    }
    return status;
}

/* ---- all parts ---------------------------------------------------------------------------- */

bool recs__hit_before(const recs__snapshot *snapshot, const recs__hit *a, const recs__hit *b) {
    if (a->score != b->score)
        return a->score > b->score;
    size_t a_size, b_size;
    const char *a_id = recs__snapshot_id(snapshot, a->row, &a_size);
    const char *b_id = recs__snapshot_id(snapshot, b->row, &b_size);
    if (a_id == NULL || b_id == NULL)
        return a->row < b->row;
    return recs__compare_ids(a_id, a_size, b_id, b_size) < 0;
}

/* Merges what the top k holds into hits. */
static void merge_part(recs__nearest *nearest, const recs__snapshot *snapshot,
                       const recs__part *part, size_t limit) {
    size_t found = recs__topk_finish(&nearest->topk), had = nearest->count, a = 0, b = 0, to = 0;
    const uint64_t *keys = nearest->topk.keys;
    while (to < limit && (a < had || b < found)) {
        recs__hit other;
        if (b < found)
            other = (recs__hit){recs__topk_score(keys[b]), part->first + recs__topk_row(keys[b])};
        if (b == found || (a < had && recs__hit_before(snapshot, &nearest->hits[a], &other)))
            nearest->spare[to++] = nearest->hits[a++];
        else {
            nearest->spare[to++] = other;
            b++;
        }
    }
    recs__hit *swap = nearest->hits;
    size_t capacity = nearest->hit_capacity;
    nearest->hits = nearest->spare;
    nearest->hit_capacity = nearest->spare_capacity;
    nearest->spare = swap;
    nearest->spare_capacity = capacity;
    nearest->count = to;
}

recs_status recs__nearest_search(recs__nearest *nearest, const recs__snapshot *snapshot,
                                 const recs__part_filters *filters, const recs__nearest_how *how,
                                 const recs_host *host, recs_error *error) {
    size_t limit = how->limit < snapshot->live ? how->limit : snapshot->live;
    uint32_t largest = 0;
    recs_status status = recs__room_fresh(host, (void **)&nearest->hits, &nearest->hit_capacity,
                                          limit, sizeof *nearest->hits, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&nearest->spare, &nearest->spare_capacity, limit,
                                  sizeof *nearest->spare, error);
    nearest->count = 0;
    nearest->scored = 0;
    nearest->strategy = RECS_STRATEGY_NONE;
    for (uint32_t i = 0; status == RECS_OK && i < snapshot->count; i++) {
        const recs__part *part = &snapshot->parts[i];
        int32_t strategy;
        status = search_part(nearest, part, &filters->list[i], how, host, &strategy, error);
        if (status != RECS_OK)
            break;
        merge_part(nearest, snapshot, part, limit);
        if (part->segment->stored.count > largest) {
            largest = part->segment->stored.count;
            nearest->strategy = strategy;
        }
    }
    return status;
}

/* ---- filters and memory ----------------------------------------------------------------------- */

recs_status recs__part_filters_begin(recs__part_filters *filters, const recs__snapshot *snapshot,
                                     const recs_host *host, recs_error *error) {
    recs_status status = RECS_OK;
    for (uint32_t i = 0; status == RECS_OK && i < snapshot->count; i++) {
        const recs__part *part = &snapshot->parts[i];
        status = recs__filter_begin(&filters->list[i], host, part->segment->stored.count,
                                    part->alive != NULL ? part->alive->rows : NULL,
                                    recs__part_dead(part), error);
    }
    return status;
}

void recs__part_filters_clear(recs__part_filters *filters) {
    for (size_t i = 0; i < RECS__PARTS_MAX; i++)
        recs__filter_clear(&filters->list[i]);
}

void recs__part_filters_free(recs__part_filters *filters, const recs_host *host) {
    for (size_t i = 0; i < RECS__PARTS_MAX; i++)
        recs__filter_free(&filters->list[i], host);
}

size_t recs__part_filters_memory(const recs__part_filters *filters) {
    size_t bytes = 0;
    for (size_t i = 0; i < RECS__PARTS_MAX; i++)
        bytes += recs__filter_memory(&filters->list[i]);
    return bytes;
}

void recs__nearest_free(recs__nearest *nearest, const recs_host *host) {
    recs__topk_free(&nearest->topk, host);
    recs__free_aligned(host, nearest->query);
    recs__free_aligned(host, nearest->room);
    recs__free_aligned(host, nearest->rows);
    recs__free_aligned(host, nearest->allowed);
    recs__free_aligned(host, nearest->keys);
    recs__free_aligned(host, nearest->hits);
    recs__free_aligned(host, nearest->spare);
    memset(nearest, 0, sizeof *nearest);
}

size_t recs__nearest_memory(const recs__nearest *nearest) {
    return recs__topk_memory(&nearest->topk) +
           (nearest->query_capacity + nearest->room_capacity) * sizeof(float) +
           nearest->row_capacity * sizeof *nearest->rows +
           (nearest->allowed_capacity + nearest->key_capacity) * sizeof *nearest->allowed +
           (nearest->hit_capacity + nearest->spare_capacity) * sizeof *nearest->hits;
}
