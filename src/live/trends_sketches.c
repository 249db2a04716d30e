/* trends_sketches.c - merging where one side has outgrown its budget.
 *
 * Entries of both add up: sums, what the tails held before, and bounds. For an
 * entry that only one side has, the other side's tail says what it may have
 * counted of it, and loses it. Entries that do not fit go into the tail with
 * all that their bound allows. Then the tails are added, line by line, after
 * each was halved to the newest time. Every step keeps: truth of the merged
 * stream within [sum - before, sum + bound].
 *
 * Cost: as merging exactly, one line of a tail an entry, and all lines once; a
 * second tail for as long as it takes. */
#include "live/trends_sketches.h"

#include "live/trends_actors.h"

#include <math.h>

struct recs__trend_joiner {
    recs_trends *trends;
    const recs__trend_image *image;
    uint32_t *items, *nodes;
    recs__tail *theirs; /* NULL: the image is exact */
    int32_t slots[RECS__TREND_SERIES];  /* newest of the image */
    int32_t newest[RECS__TREND_SERIES]; /* of both */
    recs__bounded_lens lens;
    float wider; /* of their tail's bounds */
};

/* ---- reserving -------------------------------------------------------------------- */

static recs_status resolve(recs__trend_joiner *j, recs_error *error) {
    recs_trends *trends = j->trends;
    const recs__trend_image *image = j->image;
    recs_status status = RECS_OK;
    size_t size, segment_size;
    for (size_t i = 0; i < image->items && status == RECS_OK; i++) {
        const char *text = recs__image_text(image, RECS__IMAGE_ITEM_OFFSETS, i, &size);
        status = recs__trend_names_take(&trends->items, &trends->host, text, size,
                                        RECS__TREND_ITEMS, &j->items[i], error);
    }
    for (size_t i = 0; i < image->nodes && status == RECS_OK; i++) {
        recs__image_node node = recs__image_node_at(image, i);
        const char *path = recs__image_text(image, RECS__IMAGE_PATH_OFFSETS, node.path, &size);
        const char *segment = NULL;
        segment_size = 0;
        if (node.segment != UINT32_MAX)
            segment = recs__image_text(image, RECS__IMAGE_SEGMENT_OFFSETS, node.segment,
                                       &segment_size);
        status = recs__trend_node_take(trends, path, size, segment, segment_size, &j->nodes[i],
                                       error);
    }
    return status;
}

static recs_status read_tail(recs__trend_joiner *j, recs_error *error) {
    const recs__trend_image *image = j->image;
    if (!image->sketched)
        return RECS_OK;
    recs_status status = recs__tail_create(&j->theirs, image->lines * RECS__TAIL_LINE,
                                           &j->trends->host, error);
    if (status == RECS_OK)
        recs__tail_merge(j->theirs, image->section[RECS__IMAGE_LINES]);
    return status;
}

static recs_status make_room(recs__trend_joiner *j, recs_error *error) {
    recs_status status = RECS_OK;
    for (size_t i = 0; i < j->image->nodes && status == RECS_OK; i++) {
        recs__image_node record = recs__image_node_at(j->image, i);
        recs__trend_node *node = recs__trend_node_at(j->trends, j->nodes[i]);
        uint32_t more = record.cells < RECS__BOUNDED_MOST ? (uint32_t)record.cells
                                                          : RECS__BOUNDED_MOST;
        recs__trend_lock(j->trends, node);
        status = recs__bounded_room(j->trends, node, more, error);
        if (status == RECS_OK && (record.hashes[0] | record.hashes[1]) != 0)
            status = recs__trend_actors_open(j->trends, node, error);
        recs__trend_unlock(j->trends, node);
    }
    return status;
}

recs_status recs__trend_join_begin(recs__trend_joiner **joiner, recs_trends *trends,
                                   const recs__trend_image *image, recs_error *error) {
    *joiner = NULL;
    recs__trend_joiner *j = recs__alloc_zero(&trends->host, 1, sizeof *j, error);
    if (j == NULL)
        return RECS_ERR_MEMORY;
    j->trends = trends;
    j->image = image;
    j->items = recs__alloc(&trends->host, image->items, sizeof *j->items, error);
    j->nodes = recs__alloc(&trends->host, image->nodes, sizeof *j->nodes, error);
    recs_status status =
        j->items == NULL || j->nodes == NULL ? RECS_ERR_MEMORY : resolve(j, error);
    if (status == RECS_OK)
        status = read_tail(j, error);
    if (status == RECS_OK)
        status = recs__bounded_convert(trends, error);
    if (status == RECS_OK)
        status = recs__bounded_complete(trends, error);
    if (status == RECS_OK && j->theirs != NULL &&
        recs__tail_lines(trends->bounded->tail) != image->lines)
        status = recs__fail(error, RECS_ERR_CORRUPT,
                            "trends snapshot: a tail of %zu lines, expected %zu", image->lines,
                            recs__tail_lines(trends->bounded->tail));
    if (status == RECS_OK)
        status = make_room(j, error);
    if (status != RECS_OK) {
        recs__trend_join_abandon(j);
        return status;
    }
    *joiner = j;
    return RECS_OK;
}

void recs__trend_join_abandon(recs__trend_joiner *j) {
    if (j == NULL)
        return;
    recs_host host = j->trends->host;
    recs__tail_destroy(j->theirs);
    recs__free(&host, j->items);
    recs__free(&host, j->nodes);
    recs__free(&host, j);
}

/* ---- counting ----------------------------------------------------------------------- */

/* A cell of the image as an entry would have it, at the newest slots. */
typedef struct incoming {
    uint32_t item, first;
    float before, bound;
    float sums[RECS__TREND_SERIES * 241];
} incoming;

static float fade(int32_t slots) {
    return slots <= 0 ? 1.0f : slots < 8 ? ldexpf(1.0f, -RECS__TREND_HALVINGS * slots) : 0.0f;
}

/* Adds the sum of a column to a block's columns; to the totals where they follow. */
static void add_column(recs__trend_joiner *j, recs__trend_cell *total, uint32_t column,
                       int64_t value, float *sums) {
    const recs__trend_options *options = &j->trends->options;
    uint32_t s = 0, own = 0;
    while (s + 1 < options->series_count && column >= options->series[s + 1].column) {
        own += options->series[s].half_life != 0 ? 1 : options->series[s].slots;
        s++;
    }
    const recs__trend_series *series = &options->series[s];
    int32_t slot = j->slots[s] - (int32_t)(column - series->column);
    if (slot < 0 || j->newest[s] - slot >= (int32_t)series->slots)
        return;
    if (total != NULL)
        recs__trend_add(j->trends, total, s, slot, value);
    if (sums == NULL)
        return;
    if (series->half_life != 0)
        sums[own] += (float)value * fade(j->newest[s] - slot);
    else
        sums[own + (uint32_t)recs__trend_column(series, slot)] += (float)value;
}

static uint32_t first_of(const recs__trend_joiner *j, const recs__image_cell *cell) {
    const recs__trend_options *options = &j->trends->options;
    int64_t width = options->series[options->base].width / 1000;
    int64_t from = j->newest[options->base] - 1;
    for (int32_t i = 0; i < 2; i++) {
        int64_t slot = (int64_t)j->slots[options->base] - 1 + i;
        if (cell->first[i] != 0 && slot >= from)
            return (uint32_t)((slot - from) * width + cell->first[i]);
    }
    return 0;
}

/* Adds an incoming entry to that of its item. */
static void add_up(const recs__trend_joiner *j, recs__trend_block *block, uint32_t at,
                   const incoming *in) {
    recs__trend_entries e = recs__bounded_entries(j->trends, block);
    for (uint32_t c = 0; c < recs__bounded_columns(j->trends); c++)
        e.sums[(size_t)c * block->capacity + at] += in->sums[c];
    e.before[at] = recs__rough_up(recs__rough_value(e.before[at]) + in->before);
    e.bounds[at] = recs__rough_up(recs__rough_value(e.bounds[at]) + in->bound);
    if (in->first == 0 || e.firsts[at] == 0)
        e.firsts[at] = 0;
    else if (in->first < e.firsts[at])
        e.firsts[at] = in->first;
}

static float score_of(const recs__trend_joiner *j, const recs__trend_block *block,
                      const incoming *in) {
    float most = 0.0f;
    for (uint32_t s = 0; s < j->trends->options.half_lives; s++)
        most = fmaxf(most, block->norms[s] > 0.0f ? in->sums[s] / block->norms[s] : INFINITY);
    return most;
}

/* An item this state has no entry for. */
static void take_in(recs__trend_joiner *j, recs__trend_block *block, const incoming *in) {
    recs_trends *trends = j->trends;
    recs__tail *tail = trends->bounded->tail;
    uint64_t key = recs__bounded_key(trends, block, in->item);
    uint32_t base = trends->options.base, before = 0, bound = 0;
    float scale = j->lens.scale[base];
    if (block->count == block->capacity) {
        uint32_t out = recs__bounded_weakest(trends, block);
        if (score_of(j, block, in) <= block->least) {
            uint32_t units = recs__bounded_units(in->sums[base], scale);
            recs__tail_give(tail, key, units > 0 ? units : 1);
            recs__tail_widen(tail, key, recs__bounded_units(in->bound, scale));
            block->dropped = true;
            return;
        }
        recs__bounded_put_out(trends, block, out, &j->lens);
    }
    if (block->dropped) {
        before = recs__tail_peek(tail, key, &bound);
        recs__tail_take(tail, key);
    }
    uint32_t at =
        recs__bounded_admit(trends, block, in->item, before, bound, in->first, &j->lens);
    add_up(j, block, at, in);
}

/* Entries of this state that the image has none for: what its tail knows. */
static void ask_theirs(recs__trend_joiner *j, recs__trend_block *block, const bool *matched) {
    recs_trends *trends = j->trends;
    recs__trend_entries e = recs__bounded_entries(trends, block);
    uint32_t base = trends->options.base;
    for (uint32_t i = 0; i < block->count; i++) {
        uint64_t key = recs__bounded_key(trends, block, e.items[i]);
        uint32_t bound, before;
        if (matched[i])
            continue;
        before = recs__tail_peek(j->theirs, key, &bound);
        recs__tail_take(j->theirs, key);
        for (uint32_t s = 0; s < trends->options.half_lives; s++)
            e.sums[(size_t)s * block->capacity + i] +=
                (float)before * j->lens.scale[s] * j->lens.past[s];
        e.before[i] = recs__rough_up(recs__rough_value(e.before[i]) +
                                     (float)before * j->lens.scale[base]);
        e.bounds[i] = recs__rough_up(recs__rough_value(e.bounds[i]) +
                                     (bound == UINT32_MAX
                                          ? 3e38f / 65536.0f
                                          : (float)bound * j->wider * j->lens.scale[base]));
        e.firsts[i] = bound == 0 ? e.firsts[i] : 0;
    }
}

static void add_totals(recs__trend_joiner *j, recs__trend_block *block, size_t node) {
    recs__trend_entries e = recs__bounded_entries(j->trends, block);
    uint32_t columns = j->trends->options.columns;
    for (uint32_t c = 0; c < 2 * columns; c++) {
        int64_t sum = (int64_t)recs__image_u64(j->image, RECS__IMAGE_TOTALS,
                                               node * 2 * columns + c);
        if (sum != 0)
            add_column(j, e.totals[c / columns], c % columns, sum, NULL);
    }
}

static void read_cell(recs__trend_joiner *j, recs__trend_block *block,
                      const recs__image_cell *cell, size_t index, size_t sum, incoming *in) {
    recs__trend_entries e = recs__bounded_entries(j->trends, block);
    uint32_t base = j->trends->options.base;
    bool returned = (cell->item & RECS__TREND_RETURNED) != 0;
    in->item = j->items[cell->item & ~RECS__TREND_RETURNED];
    in->first = first_of(j, cell);
    in->before = in->bound = 0.0f;
    memset(in->sums, 0, recs__bounded_columns(j->trends) * sizeof *in->sums);
    for (size_t i = sum; i < sum + cell->sums; i++)
        add_column(j, j->image->sketched ? NULL : e.totals[returned],
                   recs__image_column(j->image, i),
                   (int64_t)recs__image_u64(j->image, RECS__IMAGE_SUMS, i), in->sums);
    if (!j->image->sketched)
        return;
    float faded = fade(j->newest[base] - j->slots[base]);
    in->before = recs__image_f32(j->image, RECS__IMAGE_BOUNDS, 2 * index) * faded;
    in->bound = recs__image_f32(j->image, RECS__IMAGE_BOUNDS, 2 * index + 1) * faded;
}

/* What came back is taken off its item's entry. */
static void take_off(const recs__trend_joiner *j, recs__trend_block *block, uint32_t at,
                     const incoming *in) {
    recs__trend_entries e = recs__bounded_entries(j->trends, block);
    uint32_t base = j->trends->options.base;
    block->missed += at < block->count ? 0.0f : in->sums[base];
    for (uint32_t c = 0; c < recs__bounded_columns(j->trends) && at < block->count; c++)
        e.sums[(size_t)c * block->capacity + at] -= in->sums[c];
}

static void count_cells(recs__trend_joiner *j, recs__trend_block *block,
                        const recs__image_node *record, size_t cell, size_t *sum) {
    bool matched[RECS__BOUNDED_MOST] = {false};
    incoming in;
    recs__trend_entries e = recs__bounded_entries(j->trends, block);
    for (uint64_t i = 0; i < record->cells && j->theirs != NULL; i++) {
        recs__image_cell c = recs__image_cell_at(j->image, cell + (size_t)i);
        uint32_t at = recs__bounded_find(&e, block->count,
                                         j->items[c.item & ~RECS__TREND_RETURNED]);
        if (at < block->count)
            matched[at] = true;
    }
    if (j->theirs != NULL)
        ask_theirs(j, block, matched);
    for (uint64_t i = 0; i < record->cells; i++) {
        recs__image_cell c = recs__image_cell_at(j->image, cell + (size_t)i);
        read_cell(j, block, &c, cell + (size_t)i, *sum, &in);
        *sum += c.sums;
        uint32_t at = recs__bounded_find(&e, block->count, in.item);
        if ((c.item & RECS__TREND_RETURNED) != 0)
            take_off(j, block, at, &in);
        else if (at < block->count)
            add_up(j, block, at, &in);
        else
            take_in(j, block, &in);
    }
}

static void count_seen(recs__trend_joiner *j, recs__trend_node *node,
                       const recs__image_seen *seen) {
    int64_t width = j->trends->options.actors;
    recs__trend_event event = {
        .actor = seen->actor,
        .item = j->items[seen->item & ~RECS__TREND_RETURNED] | (seen->item & RECS__TREND_RETURNED),
        .weight = seen->weight,
        .time = (j->image->newest / width - seen->age) * width + seen->time};
    recs__trend_any_record any;
    if (recs__trend_record_make(j->trends, j->newest, &event, &any.record))
        recs__bounded_count(j->trends, node, &event, &any.record, j->newest, &j->lens);
}

/* Where the next records of a node begin. */
typedef struct place {
    size_t cell, sum, seen, hash;
} place;

static void count_node(recs__trend_joiner *j, size_t index, place *at) {
    recs_trends *trends = j->trends;
    recs__image_node record = recs__image_node_at(j->image, index);
    recs__trend_node *node = recs__trend_node_at(trends, j->nodes[index]);
    recs__trend_lock(trends, node);
    recs__bounded_roll(trends, node, j->newest);
    if (j->image->sketched)
        add_totals(j, node->block, index);
    count_cells(j, node->block, &record, at->cell, &at->sum);
    if (j->image->sketched) {
        uint32_t dropped[2], base = trends->options.base;
        recs__image_get(j->image, RECS__IMAGE_DROPPED, index, dropped, sizeof dropped);
        node->block->dropped |= dropped[0] != 0;
        node->block->missed += recs__image_f32(j->image, RECS__IMAGE_DROPPED, 2 * index + 1) *
                               fade(j->newest[base] - j->slots[base]);
    }
    at->cell += (size_t)record.cells;
    for (uint64_t i = 0; i < record.seen; i++) {
        recs__image_seen seen = recs__image_seen_at(j->image, at->seen++);
        count_seen(j, node, &seen);
    }
    for (int h = 0; h < 2; h++)
        for (uint32_t i = 0; i < record.hashes[h]; i++)
            recs__trend_actors_hash(trends, node, j->image->newest, 1 - h,
                                    recs__image_u64(j->image, RECS__IMAGE_HASHES, at->hash++));
    recs__bounded_weakest(trends, node->block);
    recs__trend_unlock(trends, node);
}

/* Both tails to the newest time; bounds of one that was halved are wider. */
static void align_tails(recs__trend_joiner *j) {
    recs__trend_bounded *bounded = j->trends->bounded;
    const recs__image_tail *tail = &j->image->tail;
    recs__bounded_halve(j->trends);
    if (j->theirs == NULL)
        return;
    int64_t steps = atomic_load(&bounded->epoch) - tail->epoch;
    for (int64_t i = 0; i < steps && i < 17; i++)
        recs__tail_halve(j->theirs);
    j->wider = steps > 0 || tail->halvings != 0 ? 2.0f : 1.0f;
    if (j->wider > 1.0f)
        atomic_fetch_add(&bounded->halvings, 1);
    if (tail->started < bounded->started)
        bounded->started = tail->started;
}

static void clear_all(recs_trends *trends) {
    uint32_t count = recs_trends_place_count(trends);
    for (uint32_t n = 0; n < count; n++) {
        recs__trend_node *node = recs__trend_node_at(trends, n);
        recs__trend_lock(trends, node);
        if (node->block != NULL)
            recs__bounded_clear(trends, node);
        for (int i = 0; node->actors != NULL && i < 2; i++) {
            node->actors->sketches[i].count = 0;
            node->actors->sketches[i].slot = -1;
        }
        recs__trend_unlock(trends, node);
    }
    recs__tail_clear(trends->bounded->tail);
    for (size_t c = 0; c < RECS_TRENDS_COUNTERS; c++)
        atomic_store(&trends->counters[c], 0);
}

void recs__trend_join_commit(recs__trend_joiner *j, bool clear) {
    recs_trends *trends = j->trends;
    if (clear)
        clear_all(trends);
    if (j->image->newest != RECS_NO_TIME)
        recs__trend_advance(trends, j->image->newest);
    align_tails(j);
    recs__trend_slots_at(trends, j->image->newest, j->slots);
    recs__trend_slots_at(trends, recs__trend_newest_time(trends), j->newest);
    recs__bounded_lens_make(trends, recs__trend_newest_time(trends), &j->lens);
    place at = {0};
    for (size_t i = 0; i < j->image->nodes; i++)
        count_node(j, i, &at);
    if (j->theirs != NULL)
        recs__tail_join(trends->bounded->tail, j->theirs);
    for (size_t c = 0; c < RECS_TRENDS_COUNTERS; c++)
        atomic_fetch_add_explicit(&trends->counters[c],
                                  recs__image_u64(j->image, RECS__IMAGE_COUNTERS, c),
                                  memory_order_relaxed);
    recs__trend_join_abandon(j);
}
