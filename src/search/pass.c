/* pass.c - the inner loops of the exact search.
 *
 * codes  Blocks of 256 rows, longest rows first. For every vector the block's
 *        bound gives the least sum of codes a row needs (limit_of); the kernel
 *        says which rows have it; these are scored in full, 32 at a time, so
 *        that their bytes are fetched while the scan goes on. A vector is done
 *        when the block's longest row is too short, and skips blocks that
 *        cannot hold a row for it.
 * plain  Rows in order, in blocks that stay in the cache for all vectors.
 * list   The rows of an allow list, or the set bits of a filter.
 *
 * Invariant: a row is passed over only when its canonical score is below a bar,
 * which k offered rows reach (proof in docs/search.md). */
#include "search/pass.h"

#include "kernels/kernels.h"

#include <math.h>

enum {
    BLOCK = RECS__CODES_BLOCK,
    TILES = BLOCK / RECS__CODES_TILE,
    ROWS = 512,          /* of a plain block, at most                              */
    LEAD_TOP = 100,      /* k up to which two blocks are enough for a first bar     */
    LEAD_STEPS = 8,      /* of halving the range of scores                          */
    FLOOD_LEAST = 4096,  /* rows scored before the codes are judged                 */
    FLOOD_SHARE = 8      /* … and more than one in so many: the plain scan is faster */
};

/* ---- scores ---------------------------------------------------------------------- */

static void finish_scores(const recs__space *space, float norm, const uint32_t *rows,
                          uint32_t first, size_t count, float *scores) {
    if (space->metric == RECS__METRIC_COSINE)
        for (size_t i = 0; i < count; i++)
            scores[i] *= 1.0f / (norm * space->norms[rows != NULL ? rows[i] : first + i]);
    else if (space->metric == RECS__METRIC_DISTANCE)
        for (size_t i = 0; i < count; i++)
            scores[i] = -scores[i];
}

/* Rows that need widening, one at a time; rows NULL: first and on. */
static void score_widened(const recs__space *space, const float *vector, const uint32_t *rows,
                          uint32_t first, size_t count, float *scores, float *wide) {
    const recs__kernels *kernels = recs__kernels_get();
    size_t dims = space->stored.dims;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = rows != NULL ? rows[i] : first + (uint32_t)i;
        const float *floats = recs__stored_floats(&space->stored, row, wide);
        if (space->metric == RECS__METRIC_DISTANCE)
            kernels->distance_rows(vector, floats, dims, dims, 1, &scores[i]);
        else
            scores[i] = kernels->dot(vector, floats, dims);
    }
}

void recs__exact_score(const recs__space *space, const float *vector, float norm,
                       const uint32_t *rows, size_t count, float *scores, float *wide) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__stored *stored = &space->stored;
    if (stored->type == RECS__STORED_FLOAT && space->metric == RECS__METRIC_DISTANCE)
        kernels->distance_gather(vector, stored->values, stored->stride, stored->dims, rows,
                                 count, scores);
    else if (stored->type == RECS__STORED_FLOAT)
        kernels->dot_gather(vector, stored->values, stored->stride, stored->dims, rows, count,
                            scores);
    else if (stored->type == RECS__STORED_HALF && space->metric != RECS__METRIC_DISTANCE)
        kernels->dot_gather_half(vector, stored->values, stored->stride, stored->dims, rows,
                                 count, scores);
    else
        score_widened(space, vector, rows, 0, count, scores, wide);
    finish_scores(space, norm, rows, 0, count, scores);
}

/* cached: another vector has just read these rows. */
static void score_range(const recs__space *space, const recs__seek *seek, uint32_t first,
                        size_t count, bool cached, float *scores, float *wide) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__stored *stored = &space->stored;
    size_t at = (size_t)first * stored->stride;
    if (stored->type == RECS__STORED_FLOAT && space->metric == RECS__METRIC_DISTANCE)
        kernels->distance_rows(seek->vector, (const float *)stored->values + at, stored->stride,
                               stored->dims, count, scores);
    else if (stored->type == RECS__STORED_FLOAT)
        (cached ? kernels->dot_rows : kernels->dot_stream)(
            seek->vector, (const float *)stored->values + at, stored->stride, stored->dims, count,
            scores);
    else if (stored->type == RECS__STORED_HALF && space->metric != RECS__METRIC_DISTANCE)
        (cached ? kernels->dot_rows_half : kernels->dot_stream_half)(
            seek->vector, (const uint16_t *)stored->values + at, stored->stride, stored->dims,
            count, scores);
    else
        score_widened(space, seek->vector, NULL, first, count, scores, wide);
    finish_scores(space, seek->norm, NULL, first, count, scores);
}

/* ---- the bar ------------------------------------------------------------------------ */

/* No row below this can be an answer; one at it can. */
static float bar_of(const recs__exact_slot *slot) {
    float bar = slot->topk->bar;
    float other = recs__pass_bar(atomic_load_explicit(slot->shared, memory_order_relaxed));
    return other > bar ? other : bar;
}

static void raise_bar(recs__exact_slot *slot, float bar) {
    uint32_t key = recs__pass_key(bar);
    uint32_t seen = atomic_load_explicit(slot->shared, memory_order_relaxed);
    while (key > seen && !atomic_compare_exchange_weak_explicit(
                             slot->shared, &seen, key, memory_order_relaxed, memory_order_relaxed))
        ;
}

static void share_bar(recs__exact_slot *slot) {
    recs__topk_select(slot->topk);
    raise_bar(slot, slot->topk->bar);
}

static uint32_t name_of(const recs__space *space, uint32_t row) {
    return space->items != NULL ? space->items[row] : row;
}

static bool may_answer(const recs__space *space, const recs__seek *seek, uint32_t row) {
    if ((space->no_zeros || space->metric == RECS__METRIC_COSINE) && space->norms[row] == 0.0f)
        return false;
    if (seek->filter == NULL)
        return true;
    row = name_of(space, row); /* of a damaged file: any number */
    return row < seek->filter->rows && recs__filter_eligible(seek->filter, row);
}

/* Rows that may answer and their scores. At most ROWS. */
static void offer(const recs__space *space, recs__exact_slot *slot, const uint32_t *rows,
                  const float *scores, size_t count, const recs__accept *accept) {
    float bar = bar_of(slot);
    if (accept == NULL) {
        for (size_t i = 0; i < count; i++)
            if (scores[i] >= bar && isfinite(scores[i]))
                recs__topk_offer(slot->topk, scores[i], name_of(space, rows[i]));
        return;
    }
    uint32_t asked[ROWS], at[ROWS];
    uint8_t keep[ROWS];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (scores[i] >= bar && isfinite(scores[i])) {
            at[n] = (uint32_t)i;
            keep[n] = 1;
            asked[n++] = name_of(space, rows[i]);
        }
    if (n != 0)
        accept->rows(accept->data, asked, n, keep);
    for (size_t i = 0; i < n; i++)
        if (keep[i] != 0)
            recs__topk_offer(slot->topk, scores[at[i]], asked[i]);
}

/* ---- codes ---------------------------------------------------------------------------- */

/* What a pass computes with: shares of rounding, by dimensions. */
typedef struct margins {
    double rounding; /* of a canonical sum and of the kernel's test, of the lengths' product */
    double tiny;     /* what underflow may take                                         */
} margins;

static margins margins_of(uint32_t dims) {
    return (margins){.rounding = ((double)dims / 16 + 24) * 0x1p-24,
                     .tiny = ((double)dims + 64) * 0x1p-148};
}

/* The least product of vector and row, or of their lengths, that a row of this
 * block with a score of at least bar has. */
static double least_product(const recs__space *space, const recs__exact_slot *slot,
                            const recs__codes_bound *bound, float bar, margins m) {
    double length = slot->vector->length, most = bound->most, least = bound->least;
    if (space->metric == RECS__METRIC_COSINE) {
        double wanted = ((double)bar - 0x1p-140) * slot->seek->norm;
        if (least < 1e-15 || slot->seek->norm < 1e-15f)
            return -INFINITY;
        return wanted >= 0 ? wanted * least * (1 - 2 * m.rounding)
                           : wanted * most * (1 + 2 * m.rounding);
    }
    if (space->metric == RECS__METRIC_DISTANCE) {
        double apart = ((m.tiny - (double)bar) * (1 + 2 * m.rounding)), own = length * (1 - 1e-8);
        return (own * own + least * least * (1 - 1e-8) - apart) / 2;
    }
    return bar;
}

/* How far a row's score may be from its codes' in this block. */
static double margin_of(const recs__exact_slot *slot, const recs__codes_bound *bound, margins m) {
    double most = bound->most, error = bound->error;
    double coded = slot->vector->length + slot->vector->error; /* length of the codes, at most */
    double margin = slot->vector->error * most + coded * error +
                    m.rounding * coded * (most + error) + m.tiny;
    return margin * (1 + 1e-9);
}

/* limit_of: rows whose scaled sum of codes is below it have a score below bar.
 * INFINITY: no row of the block can have it. */
static float limit_of(const recs__space *space, const recs__exact_slot *slot,
                      const recs__codes_bound *bound, float bar, margins m) {
    const recs__code_vector *vector = slot->vector;
    double most = bound->most, error = bound->error;
    double coded = vector->length + vector->error; /* the length of the codes, at most */
    double least = least_product(space, slot, bound, bar, m);
    /* The billionth is for this arithmetic itself. */
    double margin = margin_of(slot, bound, m) + 1e-9 * fabs(least);
    double limit = (least - margin) / vector->scale;
    if (limit * vector->scale > coded * (most + error) * (1 + 1e-9))
        return INFINITY;
    float rounded = (float)limit;
    return (double)rounded > limit ? nextafterf(rounded, -INFINITY) : rounded;
}

/* Rows of this length and shorter have no score of at least bar. */
static bool too_short(const recs__space *space, const recs__exact_slot *slot, float most,
                      float bar, margins m) {
    if (most == 0.0f && (space->no_zeros || space->metric == RECS__METRIC_COSINE))
        return true;
    return space->metric == RECS__METRIC_PRODUCT &&
           slot->vector->length * most * (1 + m.rounding) * (1 + 1e-9) + m.tiny < (double)bar;
}

static void score_later(const recs__space *space, recs__exact_slot *slot,
                        const recs__accept *accept, float *wide) {
    float scores[RECS__PASS_LATER];
    if (slot->later_count == 0)
        return;
    recs__exact_score(space, slot->seek->vector, slot->seek->norm, slot->later, slot->later_count,
                      scores, wide);
    offer(space, slot, slot->later, scores, slot->later_count, accept);
    slot->rescored += slot->later_count;
    slot->later_count = 0;
    share_bar(slot);
}

static void fetch(const recs__stored *stored, uint32_t row) {
    static const uint8_t sizes[] = {4, 2, 2, 1};
    size_t size = sizes[stored->type], bytes = stored->dims * size;
    const char *at = (const char *)stored->values + (size_t)row * stored->stride * size;
    for (size_t i = 0; i < bytes && i < 1024; i += 64)
        __builtin_prefetch(at + i);
}

/* The rows of a block that the kernel let through. */
static void take_hits(const recs__space *space, recs__exact_slot *slot, size_t place,
                      const uint16_t *hits, size_t tiles, const recs__accept *accept,
                      float *wide) {
    for (size_t t = 0; t < tiles; t++) {
        for (uint32_t bits = hits[t]; bits != 0; bits &= bits - 1) {
            size_t at = place + t * RECS__CODES_TILE + (size_t)__builtin_ctz(bits);
            uint32_t row = space->codes->order[at];
            if (row >= space->stored.rows || !may_answer(space, slot->seek, row))
                continue;
            fetch(&space->stored, row);
            slot->later[slot->later_count++] = row;
            if (slot->later_count == RECS__PASS_LATER)
                score_later(space, slot, accept, wide);
        }
    }
}

/* The slots that look at a block, compacted; those that are done leave active. */
typedef struct looking {
    recs__code_query queries[RECS__PASS_GROUP];
    float limits[RECS__PASS_GROUP];
    uint8_t slots[RECS__PASS_GROUP];
    uint8_t active[RECS__PASS_GROUP];
    size_t count, left;
} looking;

static void look_at(looking *now, const recs__space *space, recs__exact_slot *slots,
                    const recs__codes_bound *bound, margins m) {
    size_t left = 0;
    now->count = 0;
    for (size_t a = 0; a < now->left; a++) {
        recs__exact_slot *slot = &slots[now->active[a]];
        float bar = bar_of(slot);
        if (slot->flooded || too_short(space, slot, bound->most, bar, m))
            continue;
        now->active[left++] = now->active[a];
        float limit = limit_of(space, slot, bound, bar, m);
        if (limit == INFINITY)
            continue;
        now->queries[now->count] = slot->vector->query;
        now->limits[now->count] = limit;
        now->slots[now->count++] = now->active[a];
    }
    now->left = left;
}

void recs__pass_codes(const recs__space *space, recs__exact_slot *slots, size_t count,
                      size_t first, size_t end, const recs__accept *accept, float *wide) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__codes *codes = space->codes;
    margins m = margins_of(codes->dims);
    uint16_t hits[RECS__PASS_GROUP * TILES];
    looking now = {.left = count};
    for (size_t i = 0; i < count; i++)
        now.active[i] = (uint8_t)i;
    for (size_t b = first; b < end && now.left != 0; b++) {
        size_t tile = b * TILES, tiles = codes->tiles - tile;
        tiles = tiles < TILES ? tiles : TILES;
        look_at(&now, space, slots, &codes->bounds[b], m);
        if (now.count == 0)
            continue;
        kernels->code_scan(now.queries, now.limits, now.count,
                           codes->codes + tile * codes->groups * 64, codes->groups, tiles,
                           codes->scales + tile * RECS__CODES_TILE, hits);
        for (size_t c = 0; c < now.count; c++) {
            recs__exact_slot *slot = &slots[now.slots[c]];
            slot->scanned += tiles * RECS__CODES_TILE;
            take_hits(space, slot, tile * RECS__CODES_TILE, hits + c * tiles, tiles, accept,
                      wide);
            slot->flooded = slot->rescored > FLOOD_LEAST &&
                            slot->rescored > slot->scanned / FLOOD_SHARE;
        }
    }
    for (size_t i = 0; i < count; i++)
        if (!slots[i].flooded)
            score_later(space, &slots[i], accept, wide);
}

/* ---- the first bar ------------------------------------------------------------------------ */

/* Whether k of the first tiles' rows have a scaled sum of codes of at least limit. */
static bool enough_above(const recs__space *space, const recs__exact_slot *slot, float limit,
                         size_t tiles, uint16_t *hits) {
    const recs__codes *codes = space->codes;
    size_t wanted = slot->topk->limit, count = 0;
    recs__kernels_get()->code_scan(&slot->vector->query, &limit, 1, codes->codes, codes->groups,
                                   tiles, codes->scales, hits);
    for (size_t t = 0; t < tiles; t++)
        count += (size_t)__builtin_popcount(hits[t]);
    for (size_t t = 0; t < tiles && count >= wanted; t++)
        for (uint32_t bits = hits[t]; bits != 0; bits &= bits - 1) {
            uint32_t row =
                codes->order[t * RECS__CODES_TILE + (size_t)__builtin_ctz(bits)];
            count -= row >= space->stored.rows || !may_answer(space, slot->seek, row);
        }
    return count >= wanted;
}

/* The least score of a row whose product with the vector is at least this. */
static double least_score(const recs__space *space, const recs__exact_slot *slot, double product,
                          double most, margins m) {
    double length = slot->vector->length;
    if (space->metric == RECS__METRIC_PRODUCT)
        return product;
    if (space->metric == RECS__METRIC_DISTANCE)
        return -(length * length + most * most - 2 * product) * (1 + 2 * m.rounding) -
               1e-9 * (length * length + most * most) - m.tiny;
    return product > 0 && slot->seek->norm >= 1e-15f
               ? product / ((double)slot->seek->norm * most) * (1 - 2 * m.rounding) - 0x1p-140
               : -INFINITY;
}

void recs__pass_lead(const recs__space *space, recs__exact_slot *slot) {
    const recs__codes *codes = space->codes;
    const recs__code_vector *vector = slot->vector;
    size_t blocks = slot->topk->limit <= LEAD_TOP ? 2 : 8;
    uint16_t hits[8 * TILES];
    if (slot->topk->limit > 4 * LEAD_TOP || blocks * BLOCK > codes->rows)
        return;
    recs__codes_bound bound = codes->bounds[0];
    for (size_t b = 1; b < blocks; b++)
        bound.error = codes->bounds[b].error > bound.error ? codes->bounds[b].error : bound.error;
    margins m = margins_of(codes->dims);
    double coded = vector->length + vector->error;
    double high = coded * ((double)bound.most + bound.error) / vector->scale, low = -high;
    bool found = false;
    for (int step = 0; step < LEAD_STEPS; step++) {
        float middle = (float)((low + high) / 2);
        if (enough_above(space, slot, middle, blocks * TILES, hits)) {
            low = middle;
            found = true;
        } else {
            high = middle;
        }
    }
    if (!found)
        return;
    double product = low * vector->scale, margin = margin_of(slot, &bound, m);
    double score = least_score(space, slot, product - margin - 1e-9 * fabs(product), bound.most, m);
    float bar = nextafterf((float)(score - 1e-9 * fabs(score)), -INFINITY);
    if (isfinite(bar) && bar > slot->topk->bar)
        raise_bar(slot, bar);
}

/* ---- plain ------------------------------------------------------------------------------ */

static void plain_block(const recs__space *space, recs__exact_slot *slot, uint32_t first,
                        size_t count, bool cached, const recs__accept *accept, float *wide) {
    float scores[ROWS];
    uint32_t rows[ROWS];
    score_range(space, slot->seek, first, count, cached, scores, wide);
    /* A tie with another pass's bar may still be an answer. */
    float bar = slot->topk->bar, other = bar_of(slot);
    if (other > bar)
        bar = nextafterf(other, -INFINITY);
    size_t found = recs__kernels_get()->above(scores, count, bar, rows), n = 0;
    for (size_t i = 0; i < found; i++) {
        uint32_t at = rows[i];
        if (!may_answer(space, slot->seek, first + at))
            continue;
        scores[n] = scores[at];
        rows[n++] = first + at;
    }
    slot->scanned += count;
    if (n == 0)
        return;
    offer(space, slot, rows, scores, n, accept);
    raise_bar(slot, slot->topk->bar);
}

void recs__pass_plain(const recs__space *space, recs__exact_slot *slots, size_t count,
                      size_t first, size_t end, const recs__accept *accept, float *wide) {
    /* Blocks of 128 KiB; fewer rows than a megabyte holds are in a cache anyway. */
    size_t stride = space->stored.stride, block = (size_t)ROWS * 64 / stride;
    block = block == 0 ? 1 : block < ROWS ? block : ROWS;
    bool small = (uint64_t)space->stored.rows * stride < UINT64_C(1) << 18;
    for (size_t row = first; row < end;) {
        size_t n = end - row < block ? end - row : block;
        for (size_t i = 0; i < count; i++)
            plain_block(space, &slots[i], (uint32_t)row, n, i != 0 || small, accept, wide);
        row += n;
    }
}

/* ---- list ------------------------------------------------------------------------------- */

static void list_some(const recs__space *space, recs__exact_slot *slot, uint32_t *rows,
                      size_t count, const recs__accept *accept, float *wide) {
    float scores[ROWS];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (may_answer(space, slot->seek, rows[i]))
            rows[n++] = rows[i];
    if (n == 0)
        return;
    recs__exact_score(space, slot->seek->vector, slot->seek->norm, rows, n, scores, wide);
    slot->scanned += n;
    offer(space, slot, rows, scores, n, accept);
}

/* The row that is called name, names ascending from call to call; false: none is. */
static bool row_called(const recs__space *space, uint32_t name, uint32_t *from, uint32_t *row) {
    *row = name;
    if (space->items == NULL)
        return name < space->stored.rows;
    uint32_t low = *from, high = space->stored.rows;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (space->items[middle] < name)
            low = middle + 1;
        else
            high = middle;
    }
    *row = *from = low;
    return low < space->stored.rows && space->items[low] == name;
}

void recs__pass_list(const recs__space *space, recs__exact_slot *slot,
                     const recs__accept *accept, float *wide) {
    const recs__filter *filter = slot->seek->filter;
    uint32_t rows[ROWS], from = 0;
    size_t n = 0;
    for (size_t i = 0; filter->allow_only && i < filter->allow_count; i++) {
        n += row_called(space, (uint32_t)filter->allow[i], &from, &rows[n]);
        if (n == ROWS) {
            list_some(space, slot, rows, n, accept, wide);
            n = 0;
        }
    }
    uint64_t flip = filter->polarity != 0 ? UINT64_MAX : 0;
    size_t words = filter->allow_only ? 0 : ((size_t)filter->rows + 63) / 64;
    for (size_t w = 0; w < words; w++) {
        uint64_t bits = filter->bits[w] ^ flip;
        for (; bits != 0; bits &= bits - 1) {
            uint32_t row = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
            if (row >= filter->rows)
                break;
            n += row_called(space, row, &from, &rows[n]);
            if (n == ROWS) {
                list_some(space, slot, rows, n, accept, wide);
                n = 0;
            }
        }
    }
    if (n != 0)
        list_some(space, slot, rows, n, accept, wide);
}
