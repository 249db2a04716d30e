/* nearest.c - searching the parts of a snapshot, behind nearest.h.
 *
 * A part without an index is one call of the exact engine for all vectors. One
 * with an index is asked for candidates, in groups of vectors on the executor;
 * they are scored exactly, and the vectors for which fewer were eligible than
 * an answer can have go to the engine after all. A short allow list is always
 * the engine's: an index is of no use for it. */
#include "search/nearest.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "kernels/kernels.h"
#include "search/index.h"
#include "search/room.h"
#include "search/sort.h"

#include <math.h>
#include <string.h>

enum {
    FEW_EXCLUDED = 256,
    SHORT_LIST = 32, /* an allow list below 1/32 of the rows     */
    TASKS = 8,       /* groups of vectors, where there is an executor */
    PAIRS_OF = 16,   /* candidates whose pairs are sooner compared than sorted */
    FETCHED = 1024   /* bytes of a row; the processor sees the rest coming */
};

/* ---- the vector ------------------------------------------------------------------------- */

static recs_status normalise(recs__nearest_one *one, uint32_t dimension, recs_error *error) {
    /* Scaled by a power of two first, so that no square over- or underflows. Floats that are not
     * negative are in the order of their bits. */
    uint32_t most = 0, bits;
    for (uint32_t j = 0; j < dimension; j++) {
        memcpy(&bits, &one->query[j], sizeof bits);
        bits &= UINT32_C(0x7FFFFFFF);
        most = bits > most ? bits : most;
    }
    float largest;
    memcpy(&largest, &most, sizeof largest);
    if (most == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "the query vector is zero: it has no direction, which cosine needs");
    int exponent;
    (void)frexpf(largest, &exponent);
    float power = ldexpf(1.0f, -exponent);
    bool twice = !(power < INFINITY); /* of a denormal length */
    power = twice ? ldexpf(1.0f, 126) : power;
    for (uint32_t j = 0; j < dimension; j++)
        one->query[j] *= power;
    for (uint32_t j = 0; twice && j < dimension; j++)
        one->query[j] = ldexpf(one->query[j], -exponent - 126);
    float norm = sqrtf(recs__kernels_get()->dot(one->query, one->query, dimension));
    for (uint32_t j = 0; j < dimension; j++)
        one->query[j] /= norm;
    return RECS_OK;
}

static recs_status nearest_room(recs__nearest_one *one, const recs_host *host, uint32_t stride,
                                recs_error *error) {
    recs_status status = recs__room_fresh(host, (void **)&one->query, &one->query_capacity, stride,
                                          sizeof *one->query, error);
    return status == RECS_OK
               ? recs__room_fresh(host, (void **)&one->room, &one->room_capacity, stride,
                                  sizeof *one->room, error)
               : status;
}

recs_status recs__nearest_settled(recs__nearest *nearest, size_t at, const recs_host *host,
                                  const float *vector, uint32_t stride, float norm,
                                  recs_error *error) {
    recs__nearest_one *one = &nearest->one[at];
    recs_status status = nearest_room(one, host, stride, error);
    if (status != RECS_OK)
        return status;
    memcpy(one->query, vector, stride * sizeof *vector);
    one->norm = norm;
    return RECS_OK;
}

recs_status recs__nearest_vector(recs__nearest *nearest, size_t at,
                                 const recs__vector_shape *shape, const recs_host *host,
                                 const float *vector, recs_error *error) {
    recs__nearest_one *one = &nearest->one[at];
    recs_status status = nearest_room(one, host, shape->stride, error);
    if (status != RECS_OK)
        return status;
    uint32_t strange = 0, bits;
    for (uint32_t j = 0; j < shape->dimension; j++) {
        memcpy(&bits, &vector[j], sizeof bits);
        strange |= (bits & UINT32_C(0x7F800000)) == UINT32_C(0x7F800000);
    }
    for (uint32_t j = 0; strange != 0 && j < shape->dimension; j++)
        if (!isfinite(vector[j]))
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "query vector, column %u: %s, expected a finite number", j,
                              isnan(vector[j]) ? "NaN" : "an infinity");
    memcpy(one->query, vector, shape->dimension * sizeof *vector);
    memset(one->query + shape->dimension, 0,
           (shape->stride - shape->dimension) * sizeof *vector);
    if (shape->metric == RECS_METRIC_COSINE)
        status = normalise(one, shape->dimension, error);
    one->norm = sqrtf(recs__kernels_get()->dot(one->query, one->query, shape->dimension));
    return status;
}

/* ---- candidates of an index ------------------------------------------------------------------ */

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

/* Vectors are handed over in groups, which costs a backend less than one by one:
 * a graph clears a byte for each of its rows before a search, once for a group. */
typedef struct probing {
    recs__nearest *nearest;
    const recs__part *part;
    const recs__filter *filter;
    const uint64_t *allowed; /* NULL: few are excluded, more are asked for */
    size_t count, group, candidates;
    uint32_t effort;
    bool ids; /* of the answer will be read */
} probing;

static recs_status probe_room(const probing *all, const recs_host *host, recs_error *error) {
    recs__nearest *nearest = all->nearest;
    size_t slots, floats = all->count * all->part->segment->stored.dimension;
    if (recs__mul_size(all->count, all->candidates, &slots))
        slots = SIZE_MAX;
    recs_status status = recs__room_fresh(host, (void **)&nearest->rows, &nearest->row_capacity,
                                          slots, sizeof *nearest->rows, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&nearest->keys, &nearest->key_capacity, slots,
                                  sizeof *nearest->keys, error);
    if (status == RECS_OK)
        status = recs__room_fresh(host, (void **)&nearest->scores, &nearest->score_capacity,
                                  slots, sizeof *nearest->scores, error);
    if (status == RECS_OK && all->group > 1)
        status = recs__room_fresh(host, (void **)&nearest->packed, &nearest->packed_capacity,
                                  floats, sizeof *nearest->packed, error);
    return status;
}

/* Candidates lie anywhere in memory: all that will be read of them is asked for at once, first
 * where the ids lie, whose text is asked for when that has come. */
static void fetch(const probing *all, const uint32_t *rows, size_t count) {
    const recs__segment *segment = all->part->segment;
    const recs__vector_rows *stored = &segment->stored;
    size_t width = recs__storage_width(stored->storage), bytes = stored->dimension * width;
    for (size_t i = 0; all->ids && i < count && rows[i] != RECS_NO_ROW; i++)
        recs__segment_id_soon(segment, rows[i], false);
    for (size_t i = 0; i < count && rows[i] != RECS_NO_ROW; i++) {
        const char *at = (const char *)stored->data + (size_t)rows[i] * stored->stride * width;
        for (size_t j = 0; j < bytes && j < FETCHED; j += 64)
            __builtin_prefetch(at + j);
        if (stored->metric == RECS_METRIC_COSINE)
            __builtin_prefetch(&stored->norms[rows[i]]);
        if (stored->scales != NULL)
            __builtin_prefetch(&stored->scales[rows[i]]);
    }
    for (size_t i = 0; all->ids && i < count && rows[i] != RECS_NO_ROW; i++)
        recs__segment_id_soon(segment, rows[i], true);
}

/* Whether a row may be there twice; of many rows it is for who sorts them to see. */
static bool has_twins(const uint32_t *rows, size_t count) {
    uint32_t twins = count > PAIRS_OF;
    for (size_t i = 1; i < count && count <= PAIRS_OF; i++)
        for (size_t j = 0; j < i; j++)
            twins |= rows[i] == rows[j];
    return twins != 0;
}

/* Scores what was found for a vector: its rows, in rows; keys and scores are room. */
static void take(const probing *all, recs__nearest_one *one, uint32_t *rows, uint64_t *keys,
                 float *scores) {
    size_t found = 0, eligible = 0;
    while (found < all->candidates && rows[found] != RECS_NO_ROW)
        found++;
    if (has_twins(rows, found)) { /* a row twice would be two answers */
        for (size_t i = 0; i < found; i++)
            keys[i] = rows[i];
        recs__sort_keys(keys, found);
        size_t kept = 0;
        for (size_t i = 0; i < found; i++)
            if (i == 0 || keys[i] != keys[i - 1])
                rows[kept++] = (uint32_t)keys[i];
        found = kept;
    }
    for (size_t i = 0; i < found; i++)
        if (recs__filter_eligible(all->filter, rows[i]))
            rows[eligible++] = rows[i];
    one->enough = eligible >= one->topk.limit;
    if (!one->enough)
        return;
    recs__space space = recs__vector_space(&all->part->segment->stored);
    recs__exact_score(&space, one->query, one->norm, rows, eligible, scores, one->room);
    for (size_t i = 0; i < eligible; i++)
        if (isfinite(scores[i]))
            recs__topk_offer(&one->topk, scores[i], rows[i]);
    one->scored += eligible;
}

static recs_status probe(const probing *all, size_t first, size_t count, recs_error *error) {
    recs__nearest *nearest = all->nearest;
    const recs__vector_rows *stored = &all->part->segment->stored;
    size_t n = all->candidates;
    uint32_t *rows = nearest->rows + first * n;
    const float *queries = nearest->one[first].query;
    if (all->group > 1) {
        float *packed = nearest->packed + first * stored->dimension;
        for (size_t i = 0; i < count; i++)
            memcpy(packed + i * stored->dimension, nearest->one[first + i].query,
                   stored->dimension * sizeof *packed);
        queries = packed;
    }
    recs_status status = recs__index_search(all->part->segment->index, queries, count, n,
                                            all->effort, all->allowed, rows, error);
    if (status != RECS_OK)
        return status;
    fetch(all, rows, n);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count)
            fetch(all, rows + (i + 1) * n, n);
        take(all, &nearest->one[first + i], rows + i * n, nearest->keys + (first + i) * n,
             nearest->scores + (first + i) * n);
    }
    return RECS_OK;
}

static void probe_task(void *arg, size_t index) {
    const probing *all = arg;
    size_t first = index * all->group, left = all->count - first;
    recs__nearest_one *one = &all->nearest->one[first];
    one->status = probe(all, first, left < all->group ? left : all->group, &one->error);
}

/* ---- one part --------------------------------------------------------------------------------- */

static recs_status search_index(recs__nearest *nearest, size_t count, const recs__part *part,
                                const recs__filter *filter, const recs__nearest_how *how,
                                const recs_host *host, recs_error *error) {
    size_t excluded = filter->rows - filter->eligible, wanted = nearest->one[0].topk.limit;
    bool masked = filter->polarity == 0 || excluded > FEW_EXCLUDED;
    probing all = {.nearest = nearest,
                   .part = part,
                   .filter = filter,
                   .effort = how->effort,
                   .ids = how->ids,
                   .count = count,
                   .group = recs__host_serial(host) ? count : (count + TASKS - 1) / TASKS,
                   .candidates = recs__index_candidates(part->segment->index,
                                                        wanted + (masked ? 0 : excluded))};
    if (all.candidates > filter->rows)
        all.candidates = filter->rows;
    recs_status status = RECS_OK;
    if (masked) {
        status = make_allowed(nearest, filter, host, error);
        all.allowed = nearest->allowed;
    }
    if (status == RECS_OK)
        status = probe_room(&all, host, error);
    if (status != RECS_OK)
        return status;
    if (all.group == count)
        probe_task(&all, 0);
    else
        recs__run(host, probe_task, &all, (count + all.group - 1) / all.group);
    for (size_t i = 0; i < count; i += all.group)
        if (nearest->one[i].status != RECS_OK)
            return recs__fail(error, nearest->one[i].status, "%s", nearest->one[i].error.text);
    return RECS_OK;
}

/* The engine for those who have not enough. */
static recs_status search_exact(recs__nearest *nearest, size_t count, const recs__part *part,
                                const recs__filter *filter, const recs_host *host,
                                recs_error *error) {
    recs__space space = recs__vector_space(&part->segment->stored);
    bool all = filter->eligible == filter->rows;
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        if (!nearest->one[i].enough)
            nearest->seeks[left++] = (recs__seek){.vector = nearest->one[i].query,
                                                  .norm = nearest->one[i].norm,
                                                  .filter = all ? NULL : filter,
                                                  .topk = &nearest->one[i].topk};
    if (left == 0)
        return RECS_OK;
    recs_status status = recs__exact_search(&space, nearest->seeks, left, NULL, &nearest->exact,
                                            host, error);
    for (size_t i = 0, at = 0; status == RECS_OK && i < count; i++) {
        recs__nearest_one *one = &nearest->one[i];
        if (one->enough)
            continue;
        const recs__seek *seek = &nearest->seeks[at++];
        one->scored += seek->way == RECS__WAY_CODES ? seek->rescored : seek->scanned;
        one->strategy = one->strategy == RECS_STRATEGY_INDEX ? RECS_STRATEGY_INDEX_SCAN
                        : seek->way == RECS__WAY_LIST        ? RECS_STRATEGY_LISTED
                        : all                                ? RECS_STRATEGY_SCAN
                                                             : RECS_STRATEGY_MASKED;
    }
    return status;
}

static recs_status search_part(recs__nearest *nearest, size_t count, const recs__part *part,
                               const recs__filter *filter, const recs__nearest_how *how,
                               const recs_host *host, recs_error *error) {
    size_t limit = how->limit < filter->eligible ? how->limit : filter->eligible;
    recs_status status = RECS_OK;
    bool indexed = part->segment->index != NULL && how->effort != RECS_EFFORT_EXACT &&
                   !(filter->polarity == 0 && filter->eligible < filter->rows / SHORT_LIST);
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        status = recs__topk_begin(&nearest->one[i].topk, host, limit, how->floor, error);
        nearest->one[i].enough = limit == 0;
        nearest->one[i].strategy = limit == 0 ? RECS_STRATEGY_NONE
                                   : indexed  ? RECS_STRATEGY_INDEX
                                              : RECS_STRATEGY_SCAN;
    }
    if (status == RECS_OK && limit != 0 && indexed)
        status = search_index(nearest, count, part, filter, how, host, error);
    return status == RECS_OK && limit != 0
               ? search_exact(nearest, count, part, filter, host, error)
               : status;
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
static void merge_part(recs__nearest_one *one, const recs__snapshot *snapshot,
                       const recs__part *part, size_t limit) {
    size_t found = recs__topk_finish(&one->topk), had = one->count, a = 0, b = 0, to = 0;
    const uint64_t *keys = one->topk.keys;
    while (to < limit && (a < had || b < found)) {
        recs__hit other = {0};
        if (b < found)
            other = (recs__hit){recs__topk_score(keys[b]), part->first + recs__topk_row(keys[b])};
        if (b == found || (a < had && recs__hit_before(snapshot, &one->hits[a], &other)))
            one->spare[to++] = one->hits[a++];
        else {
            one->spare[to++] = other;
            b++;
        }
    }
    recs__hit *swap = one->hits;
    size_t capacity = one->hit_capacity;
    one->hits = one->spare;
    one->hit_capacity = one->spare_capacity;
    one->spare = swap;
    one->spare_capacity = capacity;
    one->count = to;
}

recs_status recs__nearest_search(recs__nearest *nearest, size_t count,
                                 const recs__snapshot *snapshot, const recs__filter *filters,
                                 const recs__nearest_how *how,
                                 const recs_host *host, recs_error *error) {
    size_t limit = how->limit < snapshot->live ? how->limit : snapshot->live;
    uint32_t largest = 0;
    int32_t strategy[RECS__NEAREST_MAX] = {RECS_STRATEGY_NONE};
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        recs__nearest_one *one = &nearest->one[i];
        status = recs__room_fresh(host, (void **)&one->hits, &one->hit_capacity, limit,
                                  sizeof *one->hits, error);
        if (status == RECS_OK)
            status = recs__room_fresh(host, (void **)&one->spare, &one->spare_capacity, limit,
                                      sizeof *one->spare, error);
        one->count = 0;
        one->scored = 0;
    }
    for (uint32_t p = 0; status == RECS_OK && p < snapshot->count; p++) {
        const recs__part *part = &snapshot->parts[p];
        status = search_part(nearest, count, part, &filters[p], how, host, error);
        bool larger = part->segment->stored.count > largest;
        for (size_t i = 0; status == RECS_OK && i < count; i++) {
            merge_part(&nearest->one[i], snapshot, part, limit);
            strategy[i] = larger ? nearest->one[i].strategy : strategy[i];
        }
        largest = larger ? part->segment->stored.count : largest;
    }
    for (size_t i = 0; i < count; i++)
        nearest->one[i].strategy = strategy[i];
    return status;
}

/* ---- filters and memory ----------------------------------------------------------------------- */

recs_status recs__part_filters_begin(recs__part_filters *filters, const recs__snapshot *snapshot,
                                     const recs_host *host, recs_error *error) {
    recs_status status = RECS_OK;
    for (uint32_t i = 0; status == RECS_OK && i < snapshot->count; i++) {
        const recs__part *part = &snapshot->parts[i];
        filters->used = i + 1;
        status = recs__filter_begin(&filters->list[i], host, part->segment->stored.count,
                                    part->alive != NULL ? part->alive->rows : NULL,
                                    recs__part_dead(part), error);
    }
    return status;
}

void recs__part_filters_clear(recs__part_filters *filters) {
    for (size_t i = 0; i < filters->used; i++)
        recs__filter_clear(&filters->list[i]);
    filters->used = 0;
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
    for (size_t i = 0; i < RECS__NEAREST_MAX; i++) {
        recs__nearest_one *one = &nearest->one[i];
        recs__topk_free(&one->topk, host);
        recs__free_aligned(host, one->query);
        recs__free_aligned(host, one->room);
        recs__free_aligned(host, one->hits);
        recs__free_aligned(host, one->spare);
    }
    recs__exact_free(&nearest->exact, host);
    recs__free_aligned(host, nearest->allowed);
    recs__free_aligned(host, nearest->packed);
    recs__free_aligned(host, nearest->rows);
    recs__free_aligned(host, nearest->scores);
    recs__free_aligned(host, nearest->keys);
    memset(nearest, 0, sizeof *nearest);
}

size_t recs__nearest_memory(const recs__nearest *nearest) {
    size_t bytes = recs__exact_memory(&nearest->exact) +
                   nearest->allowed_capacity * sizeof *nearest->allowed +
                   (nearest->packed_capacity + nearest->score_capacity) * sizeof(float) +
                   nearest->row_capacity * sizeof *nearest->rows +
                   nearest->key_capacity * sizeof *nearest->keys;
    for (size_t i = 0; i < RECS__NEAREST_MAX; i++) {
        const recs__nearest_one *one = &nearest->one[i];
        bytes += recs__topk_memory(&one->topk) +
                 (one->query_capacity + one->room_capacity) * sizeof(float) +
                 (one->hit_capacity + one->spare_capacity) * sizeof *one->hits;
    }
    return bytes;
}
