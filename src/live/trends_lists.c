/* trends_lists.c - candidates kept ready, so that a query scans nothing.
 *
 * A node whose table is small has no lists: its table is the list. Else it has
 * one list per series, ordered by the cell's value there (the order of decayed
 * counts does not change as time passes), and one more per series of its new
 * items. A cell enters when its value passes the list's
 * bar; when 2 * candidates are in, the better half stays and the bar becomes
 * the largest value that was ever put out. So (invariant 3) every cell outside
 * has a value of at most the bar: values of cells outside grow only by events,
 * and an event offers the cell. What time does to values (a slot that leaves)
 * only lowers them, and the bar is lowered with them where that is exact. A cell
 * becomes new again without an event only when the base series moves to a new
 * slot and forgets its first one: a list of new items from before is then made
 * anew by the query that finds it.
 *
 * Cost: a comparison per event and list; amortised constant per entry. */
#include "live/trends_state.h"

#include <string.h>

static uint32_t lists_of(const recs_trends *trends) { return 2 * trends->options.series_count; }

/* Series that orders a list. */
static uint32_t series_of(const recs_trends *trends, uint32_t list) {
    return list % trends->options.series_count;
}

static bool is_new(const recs_trends *trends, const recs__trend_cell *cell, int64_t now) {
    int64_t first = recs__trend_first(trends, cell);
    return first != RECS_NO_TIME && first > now - trends->options.new_within;
}

static size_t block_size(const recs_trends *trends) {
    return lists_of(trends) * (sizeof(recs__trend_list) +
                               2 * (size_t)trends->options.candidates * sizeof(uint32_t));
}

void recs__trend_lists_free(recs_trends *trends, recs__trend_node *node) {
    if (node->lists != NULL)
        recs__trend_release(trends, node->lists, block_size(trends));
    node->lists = NULL;
}

void recs__trend_list_align(const recs_trends *trends, recs__trend_list *list, uint32_t index,
                            int32_t newest) {
    if (newest <= list->newest)
        return;
    int32_t steps = newest - list->newest;
    if (trends->options.series[series_of(trends, index)].half_life != 0 && list->bar > 0)
        for (; steps > 0 && list->bar > 1; steps--) /* rounded up: still a bound */
            list->bar = (list->bar >> RECS__TREND_HALVINGS) + 1;
    list->newest = newest;
}

static uint32_t index_of(const recs_trends *trends, const recs__trend_node *node,
                         const recs__trend_cell *cell) {
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    return (uint32_t)((size_t)((const unsigned char *)cell - cells) / trends->cell_size);
}

/* ---- keeping the better half ---------------------------------------------------------- */

typedef struct entry {
    int64_t value;
    uint32_t cell;
} entry;

static void swap(entry *a, entry *b) {
    entry t = *a;
    *a = *b;
    *b = t;
}

/* Moves the `keep` largest (keep >= 1) to the front. */
static void select_best(entry *e, size_t count, size_t keep) {
    ptrdiff_t low = 0, high = (ptrdiff_t)count - 1, last = (ptrdiff_t)keep - 1;
    while (low < high) {
        int64_t pivot = e[low + (high - low) / 2].value;
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (e[i].value > pivot)
                i++;
            while (e[j].value < pivot)
                j--;
            if (i <= j)
                swap(&e[i++], &e[j--]);
        }
        if (last <= j)
            high = j;
        else if (last >= i)
            low = i;
        else
            return;
    }
}

/* recs__trend_value for the usual case: two slots, the newest of them written. */
static inline int64_t value_of(const recs_trends *trends, recs__trend_cell *cell, uint32_t s,
                               int32_t newest) {
    const recs__trend_series *series = &trends->options.series[s];
    const int64_t *sums = cell->sums + series->column;
    if (series->half_life == 0 || recs__trend_newest(trends, cell)[s] != newest)
        return recs__trend_value(trends, cell, s, newest);
    int64_t value = sums[newest & 1], before = sums[~newest & 1] >> RECS__TREND_HALVINGS;
    return value > INT64_MAX - before ? INT64_MAX : value + before;
}

static void shrink(const recs_trends *trends, recs__trend_node *node, uint32_t index,
                   int64_t now) {
    recs__trend_list *list = &node->lists[index];
    uint32_t s = series_of(trends, index), keep = trends->options.candidates, count = 0;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    entry e[2 * RECS__TREND_CANDIDATES];
    for (uint32_t i = 0; i < list->count; i++) {
        if (i + 8 < list->count)
            __builtin_prefetch(recs__trend_at(trends, cells, list->entries[i + 8]), 1);
        recs__trend_cell *cell = recs__trend_at(trends, cells, list->entries[i]);
        if (index >= trends->options.series_count && !is_new(trends, cell, now)) {
            cell->marks &= ~(UINT32_C(1) << index); /* can never be new again */
            continue;
        }
        e[count++] = (entry){value_of(trends, cell, s, list->newest), list->entries[i]};
    }
    if (count > keep)
        select_best(e, count, keep);
    list->count = count < keep ? count : keep;
    for (uint32_t i = 0; i < list->count; i++)
        list->entries[i] = e[i].cell;
    for (uint32_t i = list->count; i < count; i++) {
        recs__trend_at(trends, cells, e[i].cell)->marks &= ~(UINT32_C(1) << index);
        if (e[i].value > list->bar)
            list->bar = e[i].value;
    }
}

static void enter(const recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                  uint32_t index, int64_t now) {
    recs__trend_list *list = &node->lists[index];
    list->entries[list->count++] = index_of(trends, node, cell);
    cell->marks |= UINT32_C(1) << index;
    if (list->count == 2 * trends->options.candidates)
        shrink(trends, node, index, now);
}

void recs__trend_offer(const recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                       const int32_t *newest, int64_t now) {
    if (node->lists == NULL || cell->item >= RECS__TREND_ITEMS)
        return;
    uint32_t count = trends->options.series_count;
    for (uint32_t index = 0; index < 2 * count; index++) {
        if (cell->marks >> index & 1)
            continue;
        recs__trend_list *list = &node->lists[index];
        uint32_t s = index < count ? index : index - count;
        if (list->newest < newest[s])
            recs__trend_list_align(trends, list, index, newest[s]);
        if (value_of(trends, cell, s, list->newest) > list->bar &&
            (index < count || is_new(trends, cell, now)))
            enter(trends, node, cell, index, now);
    }
}

/* ---- making them ------------------------------------------------------------------------ */

void recs__trend_lists_follow(const recs_trends *trends, recs__trend_node *node) {
    uint32_t lists = lists_of(trends),
             capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    for (uint32_t l = 0; l < lists; l++)
        node->lists[l].count = 0;
    for (uint32_t at = 0; at < capacity; at++) {
        const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item == RECS__TREND_FREE)
            continue;
        for (uint32_t l = 0; l < lists; l++)
            if (cell->marks >> l & 1)
                node->lists[l].entries[node->lists[l].count++] = at;
    }
}

void recs__trend_lists_build(recs_trends *trends, recs__trend_node *node) {
    uint32_t lists = lists_of(trends), room = 2 * trends->options.candidates,
             capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    int64_t now = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    if (node->lists == NULL) {
        recs__trend_list *made = recs__trend_alloc(trends, block_size(trends), NULL);
        if (made == NULL)
            return;
        node->lists = made;
    }
    int32_t newest[RECS__TREND_SERIES];
    for (uint32_t s = 0; s < trends->options.series_count; s++)
        newest[s] = now < 0 ? 0 : recs__trend_slot(&trends->options.series[s], now);
    uint32_t *entries = (uint32_t *)(void *)(node->lists + lists);
    for (uint32_t l = 0; l < lists; l++)
        node->lists[l] = (recs__trend_list){.newest = newest[series_of(trends, l)],
                                            .base = newest[trends->options.base],
                                            .entries = entries + (size_t)l * room};
    for (uint32_t at = 0; at < capacity; at++) {
        recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item == RECS__TREND_FREE)
            continue;
        cell->marks &= RECS__TREND_HAS_RETURNS;
        recs__trend_offer(trends, node, cell, newest, now);
    }
}
