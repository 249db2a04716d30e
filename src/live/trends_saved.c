/* trends_saved.c - the tables and lists of trends_saved.h.
 *
 * Both follow from the counts alone (cells are put in in the order of their items, ties
 * of lists go by item), so equal states give equal bytes. A table is at most 3/4 full.
 * Cost: a pass over the cells for the table, one a list. */
#include "live/trends_saved.h"

#include <string.h>

uint32_t recs__saved_capacity(size_t used) {
    return used == 0 ? 0 : used < 3 ? 4 : (uint32_t)((used * 4 + 2) / 3);
}

void recs__saved_begin(const recs_trends *trends, unsigned char *cells, uint32_t capacity) {
    if (capacity != 0)
        memset(cells, 0xff, (size_t)capacity * trends->cell_size); /* RECS__TREND_FREE */
}

void recs__saved_add(const recs_trends *trends, const int32_t *newest, unsigned char *cells,
                     uint32_t capacity, const recs__trend_cell *from, uint32_t item) {
    const recs__trend_options *options = &trends->options;
    recs__trend_cell *cell = recs__trend_look(trends, cells, capacity, item);
    int32_t held;
    memset(cell, 0, trends->cell_size);
    cell->item = item;
    for (uint32_t s = 0; s < options->series_count; s++) {
        const recs__trend_series *series = &options->series[s];
        for (int32_t age = 0; age < (int32_t)series->slots && age <= newest[s]; age++)
            cell->sums[series->column + recs__trend_column(series, newest[s] - age)] =
                recs__trend_sum(trends, from, s, newest[s] - age);
        recs__trend_newest(trends, cell)[s] = newest[s];
    }
    memcpy(&held,
           (const unsigned char *)from + trends->newest_at + options->base * sizeof held,
           sizeof held);
    for (int32_t slot = newest[options->base] - 1; slot <= newest[options->base]; slot++)
        if (slot >= 0 && slot <= held && held - slot < 2)
            cell->first[slot & 1] = from->first[slot & 1];
}

void recs__saved_finish(const recs_trends *trends, unsigned char *cells, uint32_t capacity) {
    for (uint32_t at = 0; at < capacity; at++) {
        const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item == RECS__TREND_FREE || (cell->item & RECS__TREND_RETURNED) == 0)
            continue;
        recs__trend_cell *sales = recs__trend_look(trends, cells, capacity, cell->item & ~RECS__TREND_RETURNED);
        if (sales->item != RECS__TREND_FREE)
            sales->marks |= RECS__TREND_HAS_RETURNS;
    }
}

/* ---- lists --------------------------------------------------------------------------- */

typedef struct entry {
    int64_t value;
    uint32_t item, at;
} entry;

static bool before(const entry *a, const entry *b) {
    return a->value != b->value ? a->value > b->value : a->item < b->item;
}

/* A heap, the last of them on top. */
static void sift(entry *heap, size_t from, size_t count) {
    entry moved = heap[from];
    for (size_t child; (child = 2 * from + 1) < count; from = child) {
        child += child + 1 < count && before(&heap[child], &heap[child + 1]);
        if (!before(&moved, &heap[child]))
            break;
        heap[from] = heap[child];
    }
    heap[from] = moved;
}

static bool is_new(const recs_trends *trends, int32_t newest, int64_t now,
                   const recs__trend_cell *cell) {
    int64_t width = trends->options.series[trends->options.base].width;
    for (int32_t slot = newest > 0 ? newest - 1 : 0; slot <= newest; slot++)
        if (cell->first[slot & 1] != 0)
            return slot * width + (int64_t)(cell->first[slot & 1] - 1) * 1000 >
                   now - trends->options.new_within;
    return false;
}

size_t recs__saved_lists_room(const recs_trends *trends) {
    return 2 * (size_t)trends->options.series_count * (3 + (size_t)trends->options.candidates);
}

size_t recs__saved_lists(const recs_trends *trends, const int32_t *newest, int64_t now,
                         const unsigned char *cells, uint32_t capacity, uint32_t *words) {
    entry best[RECS__TREND_CANDIDATES];
    const recs__trend_options *options = &trends->options;
    uint32_t *out = words;
    for (uint32_t l = 0; l < 2 * options->series_count; l++) {
        uint32_t s = l % options->series_count, count = 0;
        int64_t bar = -1;
        for (uint32_t at = 0; at < capacity; at++) {
            const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
            if (cell->item >= RECS__TREND_ITEMS ||
                (l >= options->series_count &&
                 !is_new(trends, newest[options->base], now, cell)))
                continue;
            entry e = {recs__trend_value(trends, cell, s, newest[s]), cell->item, at};
            if (count < options->candidates) {
                best[count++] = e;
                for (size_t i = count / 2; count == options->candidates && i-- > 0;)
                    sift(best, i, count);
                continue;
            }
            entry out_of_it = e;
            if (before(&e, &best[0])) {
                out_of_it = best[0];
                best[0] = e;
                sift(best, 0, count);
            }
            bar = out_of_it.value > bar ? out_of_it.value : bar;
        }
        for (size_t i = count / 2; count < options->candidates && i-- > 0;)
            sift(best, i, count);
        for (size_t end = count; end > 1;) {
            entry last = best[0];
            best[0] = best[--end];
            best[end] = last;
            sift(best, 0, end);
        }
        memcpy(out, &bar, sizeof bar);
        out[2] = count;
        for (uint32_t i = 0; i < count; i++)
            out[3 + i] = best[i].at;
        out += 3 + count;
    }
    return (size_t)(out - words);
}
