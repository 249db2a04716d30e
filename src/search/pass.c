/* pass.c - the inner loops of the exact search.
 *
 * codes  Blocks of 256 rows, longest rows first. For every vector the block's
 *        bound gives the least sum of codes a row needs; the kernel says which
 *        rows have it. Of these the vector itself times the row's codes, which
 *        are still in a cache, says more; who may still be an answer waits.
 *        Of those that wait k prove a bar; in the end the few that reach it are
 *        scored in full, the best first, until the next cannot be an answer. A
 *        vector is done when the block's longest row is too short, and skips
 *        blocks that cannot hold a row for it.
 * plain  Rows in order, in blocks that stay in the cache for all vectors.
 * list   The rows of an allow list, or the set bits of a filter.
 *
 * Invariant: a row is passed over only when its canonical score is below a bar,
 * which k offered rows reach (proof in docs/search.md). */
#include "search/pass.h"

#include "kernels/kernels.h"
#include "search/sort.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = RECS__CODES_BLOCK,
    TILES = BLOCK / RECS__CODES_TILE,
    ROWS = 512,          /* of a plain block, at most                              */
    ALONE = 8,           /* blocks that are looked at one by one                    */
    STEP = 4,            /* … and as many at a time then,                           */
    STEP_BYTES = 128 << 10, /* within so many bytes of codes, which stay in a cache */
    PAIRS_LEAST = 8,     /* vectors for which half the multiplications pay           */
    TAKEN = 512,         /* places taken together                                   */
    LEAD_TOP = 1024,     /* k up to which the first blocks prove a bar,             */
    LEAD_SHARE = 4,      /* … a block for each so many of k                         */
    LEAD_LEAST = 8,
    LEAD_MOST = 32,
    LEAD_HELD = 2 * LEAD_TOP + BLOCK, /* rows that are held for it                  */
    PROVE_TOP = 1024,    /* k up to which rows that wait prove a bar                */
    WAITING = 128,       /* rows that wait beside these, or where they do not       */
    BINS = 64,           /* … by so many steps of what they reach                   */
    SIFTED = 24,         /* rows more that wait until they are sifted, at least     */
    SCORED = 16,         /* rows scored together                                    */
    FLOOD_LEAST = 4096,  /* rows refined before the codes are judged,               */
    FLOOD_TOP = 8,       /* … and so many for each of k                             */
    FLOOD_SHARE = 3      /* … and more than one in so many: the plain scan is faster */
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
    for (size_t i = 0; space->weight != 0.0f && i < count; i++)
        scores[i] *= space->weight;
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

/* ---- rows that wait --------------------------------------------------------------------- */

/* What a pass in codes works with. */
typedef struct working {
    const recs__space *space;
    const recs__kernels *kernels;
    const recs__accept *accept;
    recs__margins margins;
    float *wide;     /* [dims], a row as stored                      */
    uint64_t *keys;  /* of waiting rows                              */
    float *sums;     /* of the rows of LEAD_MOST blocks              */
} working;

static size_t padded(size_t count) {
    return (count + 15) / 16 * 16;
}

size_t recs__pass_waiting(size_t limit) {
    return limit <= PROVE_TOP ? 2 * limit + WAITING : WAITING;
}

size_t recs__pass_room(uint32_t dims, size_t waiting) {
    return padded(dims) + 2 * padded(waiting) + LEAD_MOST * BLOCK;
}

static working start_working(const recs__space *space, const recs__accept *accept, size_t waiting,
                             float *room) {
    float *keys = room + padded(space->stored.dims);
    return (working){.space = space,
                     .kernels = recs__kernels_get(),
                     .accept = accept,
                     .margins = recs__margins_of(space->stored.dims),
                     .wide = room,
                     .keys = (uint64_t *)(void *)keys,
                     .sums = keys + 2 * padded(waiting)};
}

static recs__asking asking_of(const recs__space *space, const recs__exact_slot *slot) {
    return (recs__asking){space, slot->vector, slot->seek->norm};
}

static void prefetch_row(const recs__stored *stored, uint32_t row) {
    static const uint8_t sizes[] = {4, 2, 2, 1};
    size_t size = sizes[stored->type], bytes = stored->dims * size;
    const char *at = (const char *)stored->values + (size_t)row * stored->stride * size;
    for (size_t i = 0; i < bytes && i < 512; i += 64)
        __builtin_prefetch(at + i);
}

/* Scores the rows that wait, those first that may be best, until no other can reach
 * the bar. */
static void score_waiting(const working *w, recs__exact_slot *slot) {
    const recs__space *space = w->space;
    size_t count = slot->waiting_count, done = 0;
    for (size_t i = 0; i < count; i++)
        w->keys[i] = recs__topk_key(slot->waiting[i].most, (uint32_t)i);
    recs__sort_keys(w->keys, count);
    while (done < count) {
        uint32_t rows[SCORED];
        float scores[SCORED], bar = bar_of(slot);
        size_t n = 0;
        for (; n < SCORED && done < count; n++, done++) {
            const recs__waiting *next = &slot->waiting[recs__topk_row(w->keys[done])];
            if (next->most < bar) {
                done = count;
                break;
            }
            rows[n] = next->row;
            prefetch_row(&space->stored, next->row);
        }
        if (n == 0)
            break;
        recs__exact_score(space, slot->seek->vector, slot->seek->norm, rows, n, scores, w->wide);
        offer(space, slot, rows, scores, n, w->accept);
        slot->rescored += n;
        share_bar(slot);
    }
    slot->waiting_count = 0;
}

/* A number that limit of count numbers from `from` on reach, near the greatest such: the
 * least of those in the upper bins that hold as many. from itself, if they are fewer. */
static float reached(const float *numbers, size_t step, size_t count, size_t limit, float from) {
    float top = -INFINITY, low = INFINITY, least[BINS];
    uint32_t counts[BINS] = {0};
    size_t some = 0;
    for (size_t i = 0; i < count; i++) {
        float x = numbers[i * step];
        bool in = x >= from && x > -INFINITY;
        some += in;
        top = in && x > top ? x : top;
        low = in && x < low ? x : low;
    }
    if (some < limit)
        return from;
    float scale = (float)BINS / (top - low);
    if (!(scale > 0.0f) || scale > 1e30f)
        return low;
    for (size_t b = 0; b < BINS; b++)
        least[b] = INFINITY;
    for (size_t i = 0; i < count; i++) {
        float x = numbers[i * step];
        if (!(x >= low))
            continue;
        size_t bin = (size_t)((x - low) * scale);
        bin = bin < BINS ? bin : BINS - 1;
        counts[bin]++;
        least[bin] = x < least[bin] ? x : least[bin];
    }
    float reach = INFINITY;
    some = 0;
    for (size_t b = BINS; b-- > 0 && some < limit;) {
        some += counts[b];
        reach = least[b] < reach ? least[b] : reach;
    }
    return reach;
}

/* k of the rows that wait are proven to reach a bar: those below it need not. Where
 * the host may take rows out nothing is proven. */
static void sift(const working *w, recs__exact_slot *slot) {
    size_t limit = slot->topk->limit, left = 0;
    if (w->accept == NULL && limit <= PROVE_TOP && slot->waiting_count >= limit)
        raise_bar(slot, reached(&slot->waiting[0].least, sizeof *slot->waiting / sizeof(float),
                                slot->waiting_count, limit, bar_of(slot)));
    float bar = bar_of(slot);
    for (size_t i = 0; i < slot->waiting_count; i++)
        if (slot->waiting[i].most >= bar)
            slot->waiting[left++] = slot->waiting[i];
    slot->waiting_count = left;
    /* Soon, for a higher bar, but not before it is worth the work. */
    slot->waiting_next = left + left / 2 + SIFTED;
}

/* A row that the kernel let through: what its codes say of the vector itself, not of
 * the vector's codes, decides whether it has to wait for its score. */
static void take_row(const working *w, recs__exact_slot *slot, const recs__codes_bound *bound,
                     size_t place) {
    const recs__codes *codes = w->space->codes;
    uint32_t row = codes->order[place];
    if (row >= w->space->stored.rows || !may_answer(w->space, slot->seek, row))
        return;
    recs__asking asking = asking_of(w->space, slot);
    float scale = codes->scales[place];
    const uint8_t *at = codes->codes + place / RECS__CODES_TILE * codes->groups * 64 +
                        place % RECS__CODES_TILE * 4;
    int32_t sum = (int32_t)((uint32_t)w->kernels->code_product(slot->vector->fine, at,
                                                               codes->groups) +
                            (uint32_t)slot->vector->fine_start);
    double product = (double)sum * (slot->vector->fine_scale * (double)scale);
    double error = recs__bound_error(&asking, bound, scale, w->margins);
    float most = recs__bound_most(&asking, bound, product + error, w->margins);
    slot->refined++;
    if (most < bar_of(slot))
        return;
    float least = recs__bound_least(&asking, bound, product - error, w->margins);
    slot->waiting[slot->waiting_count++] = (recs__waiting){most, least, row};
    if (slot->waiting_count < slot->waiting_next && slot->waiting_count < slot->waiting_room)
        return;
    sift(w, slot);
    if (slot->waiting_count > slot->waiting_room * 3 / 4)
        score_waiting(w, slot);
}

/* ---- the first rows ------------------------------------------------------------------------ */

static size_t lead_blocks(size_t limit) {
    size_t blocks = limit / LEAD_SHARE;
    return limit > LEAD_TOP ? 0 : blocks < LEAD_LEAST ? LEAD_LEAST
           : blocks < LEAD_MOST  ? blocks
                                 : LEAD_MOST;
}

/* What the scores of the best of a block's rows, by their sums, are at least, into
 * reach behind count others. */
static size_t add_least(const working *w, const recs__exact_slot *slot, size_t block, float limit,
                        float *reach, size_t count) {
    const recs__codes *codes = w->space->codes;
    const recs__codes_bound *bound = &codes->bounds[block];
    const float *sums = w->sums + block * BLOCK, *scales = codes->scales + block * BLOCK;
    recs__asking asking = asking_of(w->space, slot);
    uint32_t at[BLOCK];
    uint64_t some[BLOCK];
    int32_t bias;
    size_t found = w->kernels->above(sums, BLOCK, limit, at), n = 0;
    size_t most = 2 * slot->topk->limit;
    for (size_t i = 0; i < found; i++) {
        uint32_t row = codes->order[block * BLOCK + at[i]];
        if (row < w->space->stored.rows && may_answer(w->space, slot->seek, row))
            some[n++] = recs__topk_key(sums[at[i]], at[i]);
    }
    if (n > most) {
        recs__select_keys(some, n, most);
        n = most;
    }
    double margin = recs__bound_margin(&asking, bound, w->margins, &bias);
    for (size_t i = 0; i < n; i++) {
        /* The sum has the bias that makes it too high: twice that less it is too low. */
        uint32_t place = recs__topk_row(some[i]);
        double sum = (double)sums[place] + 2.0 * bias * (double)scales[place];
        reach[count++] = recs__bound_least(&asking, bound, sum * slot->vector->scale - margin,
                                           w->margins);
    }
    return count;
}

/* Raises the bar to what limit of the numbers reach and keeps those, of equal ones some. */
static size_t keep_reach(float *reach, size_t count, size_t limit, float *bar) {
    float found = reached(reach, 1, count, limit, *bar);
    size_t kept = 0, most = LEAD_HELD - BLOCK;
    *bar = found > *bar ? found : *bar;
    for (size_t i = 0; i < count && kept < most; i++)
        if (reach[i] >= *bar)
            reach[kept++] = reach[i];
    return kept;
}

/* The first blocks, which have the longest rows, for one slot: their sums prove a bar
 * before any row is taken. */
static void lead(const working *w, recs__exact_slot *slot, size_t blocks) {
    const recs__codes *codes = w->space->codes;
    recs__asking asking = asking_of(w->space, slot);
    recs__code_query query = slot->vector->query;
    float reach[LEAD_HELD];
    size_t limit = slot->topk->limit, count = 0, done = 0;
    float bar = bar_of(slot);
    for (; done < blocks; done++) {
        const recs__codes_bound *bound = &codes->bounds[done];
        float *sums = w->sums + done * BLOCK;
        if (recs__bound_short(&asking, bound->most, bar, w->margins))
            break;
        float needed = recs__bound_limit(&asking, bound, bar, w->margins, &query.bias);
        w->kernels->code_sums(&query, codes->codes + done * BLOCK * codes->groups * 4,
                              codes->groups, TILES, codes->scales + done * BLOCK, sums);
        count = add_least(w, slot, done, needed, reach, count);
        if (count >= limit + limit / 4 + SIFTED)
            count = keep_reach(reach, count, limit, &bar);
    }
    keep_reach(reach, count, limit, &bar);
    raise_bar(slot, bar);
    slot->scanned += done * BLOCK;
    for (size_t b = 0; b < done; b++) {
        uint32_t at[BLOCK];
        int32_t bias;
        float needed = recs__bound_limit(&asking, &codes->bounds[b], bar_of(slot), w->margins,
                                         &bias);
        size_t found = w->kernels->above(w->sums + b * BLOCK, BLOCK,
                                         nextafterf(needed, -INFINITY), at);
        for (size_t i = 0; i < found; i++)
            take_row(w, slot, &codes->bounds[b], b * BLOCK + at[i]);
    }
}

/* Where the codes of all slots lead, and by how many blocks. */
static size_t lead_all(const working *w, recs__exact_slot *slots, size_t count, size_t end) {
    size_t blocks = w->accept == NULL ? end : 0;
    for (size_t i = 0; i < count; i++) {
        size_t wanted = lead_blocks(slots[i].topk->limit);
        blocks = wanted < blocks ? wanted : blocks;
    }
    if (blocks * BLOCK > w->space->codes->rows)
        blocks = 0;
    for (size_t i = 0; blocks != 0 && i < count; i++)
        lead(w, &slots[i], blocks);
    return blocks;
}

/* ---- codes ---------------------------------------------------------------------------- */

/* The slots that look at some blocks, compacted; those that are done leave active. */
typedef struct looking {
    recs__code_query queries[RECS__PASS_GROUP];
    float limits[RECS__PASS_GROUP];
    uint8_t slots[RECS__PASS_GROUP];
    uint8_t active[RECS__PASS_GROUP];
    size_t count, left;
} looking;

static void look_at(looking *now, const working *w, recs__exact_slot *slots,
                    const recs__codes_bound *bound) {
    size_t left = 0;
    now->count = 0;
    for (size_t a = 0; a < now->left; a++) {
        recs__exact_slot *slot = &slots[now->active[a]];
        recs__asking asking = asking_of(w->space, slot);
        float bar = bar_of(slot);
        if (slot->flooded || recs__bound_short(&asking, bound->most, bar, w->margins))
            continue;
        now->active[left++] = now->active[a];
        int32_t bias;
        float limit = recs__bound_limit(&asking, bound, bar, w->margins, &bias);
        if (limit == INFINITY)
            continue;
        now->queries[now->count] = slot->vector->query;
        now->queries[now->count].bias = bias;
        now->limits[now->count] = limit;
        now->slots[now->count++] = now->active[a];
    }
    now->left = left;
}

/* Places that the kernel let through, of all slots; what row is there is fetched
 * meanwhile. */
typedef struct taking {
    const recs__codes_bound *bound;
    recs__exact_slot *slots;
    size_t count;
    uint32_t places[TAKEN];
    uint8_t of[TAKEN];
} taking;

static void take_rows(const working *w, taking *taken) {
    for (size_t i = 0; i < taken->count; i++)
        take_row(w, &taken->slots[taken->of[i]], taken->bound, taken->places[i]);
    taken->count = 0;
}

static void take_tile(const working *w, taking *taken, uint8_t slot, size_t place,
                      uint32_t bits) {
    for (; bits != 0; bits &= bits - 1) {
        size_t at = place + (size_t)__builtin_ctz(bits);
        __builtin_prefetch(&w->space->codes->order[at]);
        taken->of[taken->count] = slot;
        taken->places[taken->count++] = (uint32_t)at;
        if (taken->count == TAKEN)
            take_rows(w, taken);
    }
}

/* The rows of some tiles that the kernel let through: tile by tile, so that a tile is
 * read once for all who look at its rows. */
static void take_hits(const working *w, taking *taken, const looking *now, size_t place,
                      const uint16_t *hits, size_t tiles) {
    for (size_t first = 0; first < tiles; first += 4) {
        size_t some = tiles - first < 4 ? tiles - first : 4, found = 0;
        uint8_t any[RECS__PASS_GROUP];
        for (size_t c = 0; c < now->count; c++) {
            uint64_t four = 1;
            if (some == 4)
                memcpy(&four, hits + c * tiles + first, sizeof four);
            any[found] = (uint8_t)c;
            found += four != 0;
        }
        for (size_t t = first; found != 0 && t < first + some; t++)
            for (size_t i = 0; i < found; i++)
                take_tile(w, taken, now->slots[any[i]], place + t * RECS__CODES_TILE,
                          hits[any[i] * tiles + t]);
    }
    take_rows(w, taken);
}

void recs__pass_codes(const recs__space *space, recs__exact_slot *slots, size_t count,
                      size_t first, size_t end, size_t waiting, const recs__accept *accept,
                      float *wide) {
    const recs__codes *codes = space->codes;
    working w = start_working(space, accept, waiting, wide);
    uint16_t hits[RECS__PASS_GROUP * STEP * TILES];
    looking now;
    taking taken;
    now.left = count;
    taken.slots = slots;
    taken.count = 0;
    for (size_t i = 0; i < count; i++)
        now.active[i] = (uint8_t)i;
    if (first == 0)
        first = lead_all(&w, slots, count, end);
    /* Block by block while bars still rise. */
    size_t most = STEP_BYTES / (BLOCK * 4 * codes->groups), step;
    most = most < 1 ? 1 : most < STEP ? most : STEP;
    for (size_t b = first; b < end && now.left != 0; b += step) {
        step = b - first < ALONE ? 1 : most;
        step = step < end - b ? step : end - b;
        size_t tile = b * TILES, tiles = codes->tiles - tile;
        tiles = tiles < step * TILES ? tiles : step * TILES;
        recs__codes_bound bound = recs__bound_of(codes, b, step);
        look_at(&now, &w, slots, &bound);
        if (now.count == 0)
            continue;
        bool pairs = now.count >= PAIRS_LEAST && now.queries[0].pairs != NULL;
        (pairs ? w.kernels->code_scan_pairs : w.kernels->code_scan)(
            now.queries, now.limits, now.count, codes->codes + tile * codes->groups * 64,
            codes->groups, tiles, codes->scales + tile * RECS__CODES_TILE, hits);
        taken.bound = &bound;
        take_hits(&w, &taken, &now, tile * RECS__CODES_TILE, hits, tiles);
        for (size_t c = 0; c < now.count; c++) {
            recs__exact_slot *slot = &slots[now.slots[c]];
            slot->scanned += tiles * RECS__CODES_TILE;
            slot->flooded = slot->refined > FLOOD_LEAST + FLOOD_TOP * slot->topk->limit &&
                            slot->refined > slot->scanned / FLOOD_SHARE;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (slots[i].flooded)
            continue;
        sift(&w, &slots[i]);
        score_waiting(&w, &slots[i]);
    }
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
