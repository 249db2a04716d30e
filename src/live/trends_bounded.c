/* trends_bounded.c - counting in blocks, and showing them as cells.
 *
 * Invariants: (1) of every entry, in the base series and whatever came in,
 * sum - before <= truth <= sum + bound: the first part was counted since the
 * entry was admitted, rounding of floats aside (a relative 2^-24 an addition);
 * (2) a node of a bounded state with a block has cells in its stripe's view or
 * none; (3) the view of a stripe belongs to one node, under the stripe's lock.
 *
 * Cost: an event looks through the entries of its place (a few cache lines);
 * without an entry it costs one line of the tail more. */
#include "live/trends_bounded.h"

#include "base/hash.h"
#include "base/math.h"
#include "live/trends_actors.h"
#include "live/trends_mapped.h"
#include "live/trends_recent.h"

#include <math.h>
#include <string.h>

#define UNIT ((float)(1 << RECS__TREND_FRACTION))

/* ---- layout --------------------------------------------------------------------- */

uint32_t recs__bounded_columns(const recs_trends *trends) {
    uint32_t columns = 0;
    for (uint32_t s = 0; s < trends->options.series_count; s++)
        columns += trends->options.series[s].half_life != 0 ? 1 : trends->options.series[s].slots;
    return columns;
}

size_t recs__bounded_block_size(const recs_trends *trends, uint32_t capacity) {
    return sizeof(recs__trend_block) + 2 * (size_t)trends->cell_size +
           (size_t)capacity * (12 + 4 * (size_t)recs__bounded_columns(trends));
}

recs__trend_entries recs__bounded_entries(const recs_trends *trends, recs__trend_block *block) {
    unsigned char *at = block->rest;
    recs__trend_entries e;
    e.totals[0] = (recs__trend_cell *)(void *)at;
    e.totals[1] = (recs__trend_cell *)(void *)(at + trends->cell_size);
    at += 2 * (size_t)trends->cell_size;
    e.items = (uint32_t *)(void *)at;
    e.firsts = e.items + block->capacity;
    e.sums = (float *)(void *)(e.firsts + block->capacity);
    e.before = (recs__rough *)(void *)(e.sums + (size_t)recs__bounded_columns(trends) *
                                                    block->capacity);
    e.bounds = e.before + block->capacity;
    return e;
}

static uint64_t mix(uint64_t x) { /* splitmix64's finalizer: a bijection */
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* By texts, so that the tails of two states agree about a key. */
uint64_t recs__bounded_key(const recs_trends *trends, const recs__trend_block *block,
                           uint32_t item) {
    recs__trend_text name = recs__trend_names_get(&trends->items, item);
    return mix(block->key ^ recs__hash_seeded(name.text, name.size, trends->options.seed));
}

static uint64_t key_of_node(const recs_trends *trends, const recs__trend_node *node) {
    recs__trend_text path = recs__trend_names_get(&trends->paths, node->name);
    uint64_t key = recs__hash_seeded(path.text, path.size, trends->options.seed + 1);
    if (node->segment != UINT32_MAX) {
        recs__trend_text name = recs__trend_names_get(&trends->segments, node->segment);
        key ^= mix(recs__hash_seeded(name.text, name.size, trends->options.seed + 2));
    }
    return mix(key);
}

void recs__bounded_lens_make(const recs_trends *trends, int64_t now, recs__bounded_lens *lens) {
    const recs__trend_options *options = &trends->options;
    double whole = 0.0;
    lens->now = now;
    for (uint32_t s = options->series_count; s-- > 0;) {
        const recs__trend_series *series = &options->series[s];
        lens->scale[s] = lens->past[s] = 0.0f;
        if (series->half_life == 0 || now < 0)
            continue;
        double offset = (double)(now % series->width) / (double)series->half_life;
        lens->scale[s] = UNIT * (float)recs__exp2(offset);
    }
    /* Events that came evenly since the tail began weigh so much now: the base
     * series' estimate is split among the others in that proportion. */
    double age = (double)(now - trends->bounded->started);
    for (uint32_t s = options->half_lives; s-- > 0;) {
        double half_life = (double)options->series[s].half_life;
        double weight =
            age > 0.0 ? half_life * (1.0 - recs__exp2(-age / half_life)) : half_life;
        if (s == options->base)
            whole = weight;
        lens->past[s] = age > 0.0 && whole > 0.0 ? (float)(weight / whole) : 1.0f;
    }
}

/* ---- a block -------------------------------------------------------------------------- */

static void touch(recs_trends *trends, const recs__trend_node *node) {
    recs__trend_view *view = &trends->bounded->views[node->stripe];
    if (view->node == node)
        view->stale = true;
}

/* Brings a block to the newest slots. */
static void roll(const recs_trends *trends, recs__trend_block *block, const int32_t *newest) {
    const recs__trend_options *options = &trends->options;
    recs__trend_entries e = recs__bounded_entries(trends, block);
    for (uint32_t s = 0, column = 0; s < options->series_count; s++) {
        const recs__trend_series *series = &options->series[s];
        uint32_t width = series->half_life != 0 ? 1 : series->slots;
        int32_t steps = newest[s] - block->newest[s];
        float *sums = e.sums + (size_t)column * block->capacity;
        column += width;
        if (steps <= 0)
            continue;
        if (series->half_life != 0) {
            float factor = steps < 8 ? ldexpf(1.0f, -RECS__TREND_HALVINGS * steps) : 0.0f;
            for (uint32_t i = 0; i < block->count; i++)
                sums[i] *= factor;
            block->norms[s] = block->norms[s] * factor > 1e-20f ? block->norms[s] * factor : 1e-20f;
            if (s == options->base) {
                uint64_t gone = (uint64_t)steps * (uint64_t)(series->width / 1000);
                block->missed *= factor;
                for (uint32_t i = 0; i < block->count; i++) {
                    e.before[i] = recs__rough_up(recs__rough_value(e.before[i]) * factor);
                    e.bounds[i] = recs__rough_up(recs__rough_value(e.bounds[i]) * factor);
                    e.firsts[i] = e.firsts[i] > gone ? e.firsts[i] - (uint32_t)gone : 0;
                }
            }
        } else {
            for (int32_t i = 0; i < steps && i < (int32_t)series->slots; i++)
                memset(sums + (size_t)recs__trend_column(series, newest[s] - i) * block->capacity,
                       0, block->count * sizeof *sums);
        }
        block->newest[s] = newest[s];
    }
}

static recs__trend_block *make_block(recs_trends *trends, const recs__trend_node *node,
                                     uint32_t capacity, recs_error *error) {
    size_t size = recs__bounded_block_size(trends, capacity);
    recs__trend_block *block = recs__trend_alloc(trends, size, error);
    if (block == NULL)
        return NULL;
    memset(block, 0, size);
    block->key = key_of_node(trends, node);
    block->capacity = capacity;
    recs__trend_entries e = recs__bounded_entries(trends, block);
    e.totals[0]->item = RECS__TREND_TOTAL;
    e.totals[1]->item = RECS__TREND_TOTAL | RECS__TREND_RETURNED;
    for (uint32_t s = 0; s < trends->options.series_count; s++)
        block->newest[s] = -1;
    return block;
}

/* The first `count` entries of one block into another, which has room. */
static void copy_entries(const recs_trends *trends, recs__trend_block *to,
                         recs__trend_block *from, uint32_t count) {
    recs__trend_entries a = recs__bounded_entries(trends, to),
                        b = recs__bounded_entries(trends, from);
    memcpy(a.totals[0], b.totals[0], 2 * (size_t)trends->cell_size);
    memcpy(a.items, b.items, count * sizeof *a.items);
    memcpy(a.firsts, b.firsts, count * sizeof *a.firsts);
    memcpy(a.before, b.before, count * sizeof *a.before);
    memcpy(a.bounds, b.bounds, count * sizeof *a.bounds);
    for (uint32_t c = 0; c < recs__bounded_columns(trends); c++)
        memcpy(a.sums + (size_t)c * to->capacity, b.sums + (size_t)c * from->capacity,
               count * sizeof *a.sums);
    to->count = count;
    to->least = 0.0f; /* looked at anew */
    to->looks = 0;
    memcpy(to->norms, from->norms, sizeof to->norms);
    to->missed = from->missed;
    to->dropped = from->dropped;
    memcpy(to->newest, from->newest, sizeof to->newest);
}

recs_status recs__bounded_resize(recs_trends *trends, recs__trend_node *node, uint32_t capacity,
                          recs_error *error) {
    recs__trend_block *old = node->block;
    recs__trend_block *block = make_block(trends, node, capacity, error);
    if (block == NULL)
        return RECS_ERR_MEMORY;
    copy_entries(trends, block, old, old->count < capacity ? old->count : capacity);
    node->block = block;
    recs__trend_release(trends, old, recs__bounded_block_size(trends, old->capacity));
    return RECS_OK;
}

void recs__bounded_block_free(recs_trends *trends, recs__trend_node *node) {
    if (node->block != NULL)
        recs__trend_release(trends, node->block, recs__bounded_block_size(trends, node->block->capacity));
    node->block = NULL;
}

/* ---- entries ----------------------------------------------------------------------------- */

uint32_t recs__bounded_find(const recs__trend_entries *e, uint32_t count, uint32_t item) {
    for (uint32_t i = 0; i < count; i++)
        if (e->items[i] == item)
            return i;
    return count;
}

/* The value that so many of `count` (at most RECS__BOUNDED_MOST) pass. */
static float passed_by(const float *values, uint32_t count, uint32_t rank) {
    float v[RECS__BOUNDED_MOST];
    memcpy(v, values, count * sizeof *v);
    uint32_t low = 0, high = count - 1;
    while (low < high) { /* Hoare's selection, largest first */
        float pivot = v[low + (high - low) / 2];
        uint32_t i = low, j = high;
        while (i <= j) {
            while (v[i] > pivot)
                i++;
            while (v[j] < pivot)
                j--;
            if (i > j)
                break;
            float t = v[i];
            v[i++] = v[j];
            v[j] = t;
            if (j-- == 0)
                break;
        }
        if (rank <= j && j != UINT32_MAX)
            high = j;
        else if (rank >= i)
            low = i;
        else
            break;
    }
    return v[rank];
}

/* A half-life's norm is the value that its part of the entries pass: six tenths
 * for the longest, the others share the rest. So an entry scores 1 or more when
 * it is among the best of its place in any half-life, and those always fit. */
static void make_norms(const recs_trends *trends, recs__trend_block *block) {
    recs__trend_entries e = recs__bounded_entries(trends, block);
    uint32_t half_lives = trends->options.half_lives;
    for (uint32_t s = 0; s < half_lives; s++) {
        uint32_t part = half_lives == 1                ? block->count
                        : s == trends->options.base ? block->count * 6 / 10
                                                       : block->count * 4 / 10 / (half_lives - 1);
        float norm = passed_by(e.sums + (size_t)s * block->capacity, block->count,
                               part > 0 ? part - 1 : 0);
        block->norms[s] = norm > 1e-20f ? norm : 1e-20f;
    }
}

/* The entry that scores least: the largest of its sums over their norms. */
uint32_t recs__bounded_weakest(const recs_trends *trends, recs__trend_block *block) {
    recs__trend_entries e = recs__bounded_entries(trends, block);
    float least = INFINITY, part[RECS__TREND_SERIES];
    uint32_t at = 0, half_lives = trends->options.half_lives;
    if (block->looks++ % 16 == 0)
        make_norms(trends, block);
    for (uint32_t s = 0; s < half_lives; s++)
        part[s] = 1.0f / block->norms[s];
    for (uint32_t i = 0; i < block->count; i++) {
        float most = 0.0f;
        for (uint32_t s = 0; s < half_lives; s++) {
            float score = e.sums[(size_t)s * block->capacity + i] * part[s];
            most = score > most ? score : most;
        }
        if (most < least) {
            least = most;
            at = i;
        }
    }
    block->least = least;
    return at;
}

/* What an item that is counted now, and before as the tail thinks, would score. */
static float newcomer(const recs_trends *trends, const recs__trend_block *block, uint32_t before,
                      uint32_t units, const recs__bounded_lens *lens) {
    float most = 0.0f;
    for (uint32_t s = 0; s < trends->options.half_lives; s++) {
        float sum = ((float)before * lens->past[s] + (float)units) * lens->scale[s];
        float score = sum / block->norms[s];
        most = score > most ? score : most;
    }
    return most;
}

uint32_t recs__bounded_units(float sum, float scale) {
    float units = sum > 0.0f ? sum / scale + 0.999f : 0.0f; /* a bound stays one */
    return units < 65535.0f ? (uint32_t)units : 65535;
}

/* Returns beyond what was sold, in the base series: what is lost with an entry
 * whose sum is below 0. */
static float debt(const recs_trends *trends, recs__trend_block *block, uint32_t at,
                  const recs__bounded_lens *lens) {
    recs__trend_entries e = recs__bounded_entries(trends, block);
    float most = 0.0f;
    for (uint32_t s = 0; s < trends->options.half_lives; s++)
        most = fminf(most, e.sums[(size_t)s * block->capacity + at] / lens->scale[s]);
    return -most * lens->scale[trends->options.base];
}

/* Puts an entry out, into the tail; the last one takes its place. */
void recs__bounded_put_out(recs_trends *trends, recs__trend_block *block, uint32_t at,
                    const recs__bounded_lens *lens) {
    recs__trend_entries e = recs__bounded_entries(trends, block);
    uint32_t base = trends->options.base, last = block->count - 1;
    uint32_t units =
        recs__bounded_units(e.sums[(size_t)base * block->capacity + at], lens->scale[base]);
    recs__tail_give(trends->bounded->tail, recs__bounded_key(trends, block, e.items[at]),
                    units > 0 ? units : 1);
    block->missed += debt(trends, block, at, lens);
    block->count--;
    block->dropped = true;
    atomic_fetch_sub_explicit(&trends->cells, 1, memory_order_relaxed);
    e.items[at] = e.items[last];
    e.firsts[at] = e.firsts[last];
    e.before[at] = e.before[last];
    e.bounds[at] = e.bounds[last];
    for (uint32_t c = 0; c < recs__bounded_columns(trends); c++)
        e.sums[(size_t)c * block->capacity + at] = e.sums[(size_t)c * block->capacity + last];
}

/* A new entry of which the tail counted so many units before. */
uint32_t recs__bounded_admit(recs_trends *trends, recs__trend_block *block, uint32_t item,
                      uint32_t before, uint32_t bound, uint32_t first,
                      const recs__bounded_lens *lens) {
    recs__trend_entries e = recs__bounded_entries(trends, block);
    uint32_t at = block->count++, base = trends->options.base;
    float wider = atomic_load_explicit(&trends->bounded->halvings, memory_order_relaxed) != 0
                      ? 2.0f
                      : 1.0f;
    atomic_fetch_add_explicit(&trends->cells, 1, memory_order_relaxed);
    e.items[at] = item;
    e.firsts[at] = before == 0 && bound == 0 ? first : 0;
    for (uint32_t c = 0; c < recs__bounded_columns(trends); c++)
        e.sums[(size_t)c * block->capacity + at] = 0.0f;
    for (uint32_t s = 0; s < trends->options.half_lives; s++)
        e.sums[(size_t)s * block->capacity + at] = (float)before * lens->scale[s] * lens->past[s];
    e.before[at] = recs__rough_up((float)before * lens->scale[base]);
    e.bounds[at] = recs__rough_up(
        bound == UINT32_MAX
            ? (float)recs__trend_value(trends, e.totals[0], base, block->newest[base])
            : (float)bound * wider * lens->scale[base]);
    return at;
}

/* Adds (or, for a return, takes off) what an event weighs. */
static void weigh(const recs_trends *trends, recs__trend_block *block, uint32_t at,
                  recs__trend_record *record, float sign) {
    recs__trend_entries e = recs__bounded_entries(trends, block);
    const int32_t *slots = recs__trend_slots(trends, record);
    for (uint32_t s = 0, column = 0; s < trends->options.series_count; s++) {
        const recs__trend_series *series = &trends->options.series[s];
        float worth = (float)record->worth[s] * sign;
        uint32_t c = column;
        column += series->half_life != 0 ? 1 : series->slots;
        if (slots[s] < 0)
            continue;
        if (series->half_life == 0)
            c += recs__trend_column(series, slots[s]);
        else if (slots[s] < block->newest[s])
            worth *= ldexpf(1.0f, -RECS__TREND_HALVINGS * (block->newest[s] - slots[s]));
        e.sums[(size_t)c * block->capacity + at] += worth; /* below 0 it shows as 0 */
    }
}

/* An item without an entry: in the tail, or with one now. UINT32_MAX: none. */
static uint32_t take_entry(recs_trends *trends, recs__trend_block *block, uint32_t item,
                           uint32_t weight, uint32_t first, const recs__bounded_lens *lens) {
    recs__tail *tail = trends->bounded->tail;
    uint32_t bound = 0, before = 0;
    if (block->count < block->capacity) {
        if (block->dropped) {
            uint64_t key = recs__bounded_key(trends, block, item);
            before = recs__tail_peek(tail, key, &bound);
            recs__tail_take(tail, key);
        }
        return recs__bounded_admit(trends, block, item, before, bound, first, lens);
    }
    uint64_t key = recs__bounded_key(trends, block, item);
    uint32_t units = (weight + (1 << RECS__TREND_FRACTION) - 1) >> RECS__TREND_FRACTION;
    uint32_t count = recs__tail_add(tail, key, units, &bound);
    before = count > units ? count - units : 0;
    if (newcomer(trends, block, before, units, lens) <= block->least)
        return UINT32_MAX;
    uint32_t out = recs__bounded_weakest(trends, block);
    if (newcomer(trends, block, before, units, lens) <= block->least)
        return UINT32_MAX;
    recs__tail_take(tail, key);
    recs__bounded_put_out(trends, block, out, lens);
    bound = bound == UINT32_MAX ? bound : bound > units ? bound - units : 0;
    return recs__bounded_admit(trends, block, item, before, bound, first, lens);
}

bool recs__bounded_count(recs_trends *trends, recs__trend_node *node,
                         const recs__trend_event *event, recs__trend_record *record,
                         const int32_t *newest, const recs__bounded_lens *lens) {
    const recs__trend_options *options = &trends->options;
    recs__trend_block *block = node->block;
    roll(trends, block, newest);
    touch(trends, node);
    if (event->actor != RECS_NO_ACTOR && trends->bounded->recent != NULL) {
        uint64_t window = (uint64_t)(event->time / options->actors);
        uint64_t key = mix(mix(block->key ^ event->actor) + event->item + (window << 32));
        if (!(record->item & RECS__TREND_RETURNED))
            recs__trend_actors_hash(trends, node, event->time, 0, mix(event->actor));
        if (recs__trend_recent_seen(trends->bounded->recent, key))
            return false;
    }
    recs__trend_entries e = recs__bounded_entries(trends, block);
    bool returned = (record->item & RECS__TREND_RETURNED) != 0;
    const int32_t *slots = recs__trend_slots(trends, record);
    for (uint32_t s = 0; s < options->series_count; s++)
        if (slots[s] >= 0)
            recs__trend_add(trends, e.totals[returned], s, slots[s], record->worth[s]);
    uint32_t item = record->item & ~RECS__TREND_RETURNED, at = recs__bounded_find(&e, block->count, item);
    if (at == block->count) {
        int64_t width = options->series[options->base].width;
        int64_t from = ((int64_t)block->newest[options->base] - 1) * width;
        uint32_t first =
            event->time >= from ? (uint32_t)((event->time - from) / 1000) + 1 : 0;
        at = returned ? UINT32_MAX
                      : take_entry(trends, block, item, event->weight, first, lens);
    }
    uint32_t base = options->base;
    if (at == UINT32_MAX && returned && slots[base] >= 0)
        block->missed += (float)record->worth[base] *
                         ldexpf(1.0f, -RECS__TREND_HALVINGS * (block->newest[base] - slots[base]));
    if (at != UINT32_MAX)
        weigh(trends, block, at, record, returned ? -1.0f : 1.0f);
    return true;
}

void recs__bounded_roll(recs_trends *trends, recs__trend_node *node, const int32_t *newest) {
    roll(trends, node->block, newest);
    touch(trends, node);
}

void recs__bounded_clear(recs_trends *trends, recs__trend_node *node) {
    recs__trend_block *block = node->block;
    recs__trend_entries e = recs__bounded_entries(trends, block);
    atomic_fetch_sub_explicit(&trends->cells, block->count, memory_order_relaxed);
    block->count = 0;
    block->least = block->missed = 0.0f;
    block->dropped = false;
    for (int side = 0; side < 2; side++) {
        uint32_t item = e.totals[side]->item;
        memset(e.totals[side], 0, trends->cell_size);
        e.totals[side]->item = item;
    }
    touch(trends, node);
}

/* ---- from cells, and to fewer entries ------------------------------------------------------- */

recs_status recs__bounded_begin(recs_trends *trends, recs__trend_node *node, uint32_t capacity,
                                recs_error *error) {
    int64_t newest = recs__trend_newest_time(trends);
    node->block = make_block(trends, node, capacity, error);
    if (node->block == NULL)
        return RECS_ERR_MEMORY;
    recs__trend_slots_at(trends, newest, node->block->newest);
    return RECS_OK;
}

static float score_of(const recs_trends *trends, const recs__trend_block *block,
                      const recs__trend_cell *cell) {
    float most = 0.0f;
    for (uint32_t s = 0; s < trends->options.half_lives; s++) {
        float sum = (float)recs__trend_value(trends, cell, s, block->newest[s]);
        most = sum / block->norms[s] > most ? sum / block->norms[s] : most;
    }
    return most;
}

/* Sums of a cell into an entry; returns are taken off. */
static void take_sums(const recs_trends *trends, const recs__trend_node *node, uint32_t at,
                      const recs__trend_cell *cell) {
    recs__trend_block *block = node->block;
    recs__trend_entries e = recs__bounded_entries(trends, block);
    const recs__trend_cell *returns =
        recs__trend_find(trends, node, cell->item | RECS__TREND_RETURNED);
    for (uint32_t s = 0, column = 0; s < trends->options.series_count; s++) {
        const recs__trend_series *series = &trends->options.series[s];
        uint32_t slots = series->half_life != 0 ? 1 : series->slots;
        for (uint32_t back = 0; back < slots; back++) {
            int32_t slot = block->newest[s] - (int32_t)back;
            float sum, less = 0.0f;
            if (slot < 0)
                continue;
            if (series->half_life != 0) {
                sum = (float)recs__trend_value(trends, cell, s, slot);
                less = returns != NULL ? (float)recs__trend_value(trends, returns, s, slot) : 0.0f;
            } else {
                sum = (float)recs__trend_sum(trends, cell, s, slot);
                less = returns != NULL ? (float)recs__trend_sum(trends, returns, s, slot) : 0.0f;
            }
            uint32_t c =
                column + (series->half_life != 0 ? 0 : (uint32_t)recs__trend_column(series, slot));
            e.sums[(size_t)c * block->capacity + at] = sum - less;
        }
        column += slots;
    }
}

void recs__bounded_keep(recs_trends *trends, recs__trend_node *node, const recs__trend_cell *cell,
                        const recs__bounded_lens *lens) {
    recs__trend_block *block = node->block;
    recs__trend_entries e = recs__bounded_entries(trends, block);
    uint32_t base = trends->options.base;
    bool returned = (cell->item & RECS__TREND_RETURNED) != 0;
    if (returned && (cell->item & ~RECS__TREND_RETURNED) < RECS__TREND_ITEMS) {
        if (recs__trend_find(trends, node, cell->item & ~RECS__TREND_RETURNED) == NULL)
            block->missed += (float)recs__trend_value(trends, cell, base, block->newest[base]);
        return; /* else taken off its sales, or missed with them */
    }
    if (cell->item >= RECS__TREND_ITEMS) {
        memcpy(e.totals[returned], cell, trends->cell_size);
        e.totals[returned]->marks = 0;
        return;
    }
    float value = (float)recs__trend_value(trends, cell, base, block->newest[base]);
    if (!recs__trend_alive(trends, cell))
        return;
    if (block->count == block->capacity) {
        if (score_of(trends, block, cell) <= block->least) {
            uint32_t units = recs__bounded_units(value, lens->scale[base]);
            recs__tail_give(trends->bounded->tail, recs__bounded_key(trends, block, cell->item),
                            units > 0 ? units : 1);
            const recs__trend_cell *back =
                recs__trend_find(trends, node, cell->item | RECS__TREND_RETURNED);
            if (back != NULL)
                block->missed += (float)recs__trend_value(trends, back, base, block->newest[base]);
            block->dropped = true;
            return;
        }
        recs__bounded_put_out(trends, block, recs__bounded_weakest(trends, block), lens);
    }
    int64_t first = recs__trend_first(trends, cell), width = trends->options.series[base].width;
    int64_t from = ((int64_t)block->newest[base] - 1) * width;
    uint32_t at = recs__bounded_admit(trends, block, cell->item, 0, 0,
                        first >= from ? (uint32_t)((first - from) / 1000) + 1 : 0, lens);
    take_sums(trends, node, at, cell);
    if (block->count == block->capacity)
        recs__bounded_weakest(trends, block);
}

void recs__bounded_cut(recs_trends *trends, recs__trend_node *node, uint32_t capacity,
                       const recs__bounded_lens *lens) {
    recs__trend_block *block = node->block;
    int32_t newest[RECS__TREND_SERIES];
    recs__trend_slots_at(trends, lens->now, newest);
    roll(trends, block, newest);
    touch(trends, node);
    while (block->count > capacity)
        recs__bounded_put_out(trends, block, recs__bounded_weakest(trends, block), lens);
    (void)recs__bounded_resize(trends, node, capacity, NULL); /* else it stays as large */
    recs__bounded_weakest(trends, node->block);
}

/* ---- views ----------------------------------------------------------------------------------- */

static recs__trend_cell *view_cell(const recs_trends *trends, recs__trend_node *node,
                                   uint32_t item) {
    uint32_t capacity = trends->bounded->view_capacity, at = recs__trend_home(item, capacity);
    unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    recs__trend_cell *cell = recs__trend_at(trends, cells, at);
    while (cell->item != RECS__TREND_FREE) {
        at = at + 1 == capacity ? 0 : at + 1;
        cell = recs__trend_at(trends, cells, at);
    }
    node->used++;
    return cell;
}

static int64_t whole(float sum) {
    return sum <= 0.0f ? 0 : sum < 9.2e18f ? (int64_t)((double)sum + 0.5) : INT64_MAX;
}

static void fill_cell(const recs_trends *trends, recs__trend_block *block, uint32_t i,
                      recs__trend_cell *cell) {
    const recs__trend_options *options = &trends->options;
    recs__trend_entries e = recs__bounded_entries(trends, block);
    int32_t *newest = recs__trend_newest(trends, cell);
    memset(cell, 0, trends->cell_size);
    cell->item = e.items[i];
    for (uint32_t s = 0, column = 0; s < options->series_count; s++) {
        const recs__trend_series *series = &options->series[s];
        const float *sums = e.sums + (size_t)column * block->capacity + i;
        newest[s] = block->newest[s];
        if (newest[s] < 0)
            continue;
        if (series->half_life != 0) {
            /* What is below one step is worth 2^16 times as much in the slot before. */
            int64_t steps = *sums > 0.0f && *sums < 0x1p40f ? (int64_t)*sums : whole(*sums);
            float rest = *sums > 0.0f && *sums < 0x1p40f ? *sums - (float)steps : 0.0f;
            cell->sums[series->column + recs__trend_column(series, newest[s])] = steps;
            if (newest[s] > 0)
                cell->sums[series->column + recs__trend_column(series, newest[s] - 1)] =
                    (int64_t)(rest * 0x1p16f + 0.5f);
            column++;
            continue;
        }
        for (uint32_t slot = 0; slot < series->slots; slot++)
            cell->sums[series->column + slot] = whole(sums[(size_t)slot * block->capacity]);
        column += series->slots;
    }
    uint32_t width = (uint32_t)(options->series[options->base].width / 1000);
    int32_t slot = block->newest[options->base];
    if (e.firsts[i] != 0 && e.firsts[i] <= width)
        cell->first[(slot - 1) & 1] = e.firsts[i];
    else if (e.firsts[i] != 0)
        cell->first[slot & 1] = e.firsts[i] - width;
}

void recs__bounded_expand(recs_trends *trends, recs__trend_node *node) {
    recs__trend_view *view = &trends->bounded->views[node->stripe];
    if (node->block == NULL || (view->node == node && !view->stale))
        return;
    if (view->node != NULL) {
        atomic_store_explicit(&view->node->cells, NULL, memory_order_relaxed);
        atomic_store_explicit(&view->node->capacity, 0, memory_order_relaxed);
        view->node->used = 0;
    }
    uint32_t capacity = trends->bounded->view_capacity;
    for (uint32_t at = 0; at < capacity; at++)
        recs__trend_at(trends, view->cells, at)->item = RECS__TREND_FREE;
    view->node = node;
    view->stale = false;
    atomic_store_explicit(&node->cells, view->cells, memory_order_relaxed);
    atomic_store_explicit(&node->capacity, capacity, memory_order_relaxed);
    node->used = 0;
    recs__trend_entries e = recs__bounded_entries(trends, node->block);
    for (int side = 0; side < 2; side++)
        memcpy(view_cell(trends, node, e.totals[side]->item), e.totals[side], trends->cell_size);
    for (uint32_t i = 0; i < node->block->count; i++)
        fill_cell(trends, node->block, i, view_cell(trends, node, e.items[i]));
}

float recs__bounded_missed(const recs_trends *trends, recs__trend_block *block) {
    recs__bounded_lens lens;
    float missed = block->missed;
    recs__bounded_lens_make(trends, recs__trend_newest_time(trends), &lens);
    for (uint32_t i = 0; i < block->count; i++)
        missed += debt(trends, block, i, &lens);
    return missed;
}

void recs__bounded_error(const recs_trends *trends, const recs__trend_node *node, uint32_t item,
                         int32_t base_slot, double *less, double *more) {
    *less = *more = 0.0;
    if (trends->mapped != NULL)
        recs__mapped_error(trends, node, item, less, more);
    if (trends->bounded == NULL || node->block == NULL)
        return;
    recs__trend_entries e = recs__bounded_entries(trends, node->block);
    uint32_t at = recs__bounded_find(&e, node->block->count, item), base = trends->options.base;
    double factor = recs__exp2(-RECS__TREND_HALVINGS * (base_slot - node->block->newest[base]));
    if (at == node->block->count) { /* in the tail, if anywhere */
        *more = node->block->dropped ? INFINITY : 0.0;
        return;
    }
    *less = (recs__rough_value(e.before[at]) + node->block->missed) * factor;
    *more = recs__rough_value(e.bounds[at]) * factor;
}
