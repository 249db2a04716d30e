/* trends_lists.c - candidates kept ready, so that a query scans nothing.
 *
 * A node whose table is small has no lists: its table is the list. Else it has
 * one list per series, ordered by the cell's value there (the order of decayed
 * counts does not change as time passes), and one more per series of its new
 * items: short ones, which keep 56 and answer most queries from a few cache
 * lines, and long ones that keep `candidates` (in a state with a budget once a query
 * wanted more). A cell
 * enters when its value passes the list's bar; when twice as many are in as it
 * keeps, the better half stays and the bar becomes the largest value that was
 * ever put out (-1 before: the list has all there is). So (invariant 3) every cell
 * outside has a value of at most the bar: values of cells outside grow only by
 * events, and an event offers the cell. What time does to values (a slot that
 * leaves) only lowers them, and the bar is lowered with them where that is exact. A
 * cell becomes new again without an event only when the base series moves to a new
 * slot and forgets its first one: a list of new items from before is then made
 * anew by the query that finds it.
 *
 * Cost: a comparison per event and series against the lowest bar, more for what
 * passes it; amortised constant per entry. */
#include "live/trends_old.h"
#include "live/trends_ready.h"

#include <string.h>

enum { SMALL = 512 }; /* cells that are read as fast as lists would be kept for them */

/* What a short list keeps; with the most series there are no marks for two tiers. */
static uint32_t short_keep(const recs_trends *trends) {
    uint32_t candidates = trends->options.candidates;
    return candidates <= RECS__TREND_SHORT || trends->options.series_count == RECS__TREND_SERIES
               ? candidates
               : (uint32_t)RECS__TREND_SHORT;
}

uint32_t recs__trend_tiers(const recs_trends *trends, uint32_t capacity) {
    uint32_t candidates = trends->options.candidates;
    if (capacity <= (candidates < SMALL / 2 ? 2 * candidates : (uint32_t)SMALL))
        return 0;
    return short_keep(trends) == candidates || capacity <= 2 * candidates ? 1 : 2;
}

/* Series that orders a list; whether the list is one of new items. */
static uint32_t series_of(const recs_trends *trends, uint32_t list) {
    return list % trends->options.series_count;
}

static bool of_new(const recs_trends *trends, uint32_t list) {
    return list / trends->options.series_count % 2 == 1;
}

/* By the lists' newest slot of the base series, which is the state's; where it is known
 * to be old by other places' events, it is not. */
static bool is_new(const recs_trends *trends, const recs__trend_lists *lists,
                   const recs__trend_cell *cell, int64_t now) {
    uint32_t base = trends->options.base;
    int64_t width = trends->options.series[base].width;
    int32_t held, newest = lists->newest[base];
    memcpy(&held, (const unsigned char *)cell + trends->newest_at + base * sizeof held,
           sizeof held);
    for (int32_t slot = newest - 1; slot <= newest; slot++)
        if (slot >= 0 && slot <= held && held - slot < 2 && cell->first[slot & 1] != 0)
            return slot * width + (int64_t)(cell->first[slot & 1] - 1) * 1000 >
                       recs__trend_listed_since(trends, now) &&
                   !recs__trend_is_old(trends, cell->item, newest,
                                       recs__trend_listed_since(trends, now));
    return false;
}

static size_t block_size(const recs_trends *trends, uint32_t tiers) {
    size_t kinds = 2 * (size_t)trends->options.series_count,
           entries = 2 * (size_t)short_keep(trends);
    if (tiers == 2)
        entries += 2 * (size_t)trends->options.candidates;
    return sizeof(recs__trend_lists) + 2 * kinds * sizeof(recs__trend_list) +
           kinds * entries * sizeof(uint32_t);
}

static void free_ready(recs_trends *trends, recs__trend_lists *lists) {
    for (uint32_t l = 0; l < lists->count; l++) {
        recs__trend_ready_free(trends, lists->list[l].ready);
        lists->list[l].ready = NULL;
    }
}

void recs__trend_lists_free(recs_trends *trends, recs__trend_node *node) {
    recs__trend_lists *lists = node->lists;
    if (lists == NULL)
        return;
    free_ready(trends, lists);
    recs__trend_release(trends, lists, block_size(trends, lists->tiers));
    node->lists = NULL;
}

static void set_bar(const recs_trends *trends, recs__trend_lists *lists, uint32_t index,
                    int64_t bar) {
    uint32_t s = series_of(trends, index);
    int64_t least = lists->bars[index] = bar;
    for (uint32_t l = s; l < lists->count; l += trends->options.series_count)
        least = lists->bars[l] < least ? lists->bars[l] : least;
    lists->floors[s] = least;
    lists->changes++;
}

static void align(const recs_trends *trends, recs__trend_lists *lists, uint32_t s,
                  int32_t newest) {
    int32_t gone = newest - lists->newest[s];
    lists->newest[s] = newest;
    if (trends->options.series[s].half_life == 0)
        return;
    for (uint32_t l = s; l < lists->count; l += trends->options.series_count) {
        int64_t bar = lists->bars[l];
        for (int32_t steps = gone; steps > 0 && bar > 1; steps--) /* rounded up: still a bound */
            bar = (bar >> RECS__TREND_HALVINGS) + 1;
        set_bar(trends, lists, l, bar);
    }
}

void recs__trend_lists_align(const recs_trends *trends, recs__trend_lists *lists,
                             const int32_t *newest) {
    if (lists->base < 0)
        lists->base = newest[trends->options.base];
    for (uint32_t s = 0; s < trends->options.series_count; s++)
        if (lists->newest[s] < newest[s])
            align(trends, lists, s, newest[s]);
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

/* A cell that may be new is on no list of its kind, or not on all. */
static void lose(const recs_trends *trends, recs__trend_lists *lists,
                 const recs__trend_cell *cell) {
    int64_t first = recs__trend_first(trends, cell);
    if (first != RECS_NO_TIME && first > lists->lost)
        lists->lost = first;
}

static void shrink(const recs_trends *trends, recs__trend_node *node, uint32_t index,
                   int64_t now) {
    recs__trend_lists *lists = node->lists;
    recs__trend_list *list = &lists->list[index];
    uint32_t s = series_of(trends, index), keep = list->keep, count = 0;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    entry e[2 * RECS__TREND_CANDIDATES];
    bool fresh = of_new(trends, index);
    for (uint32_t i = 0; i < list->count; i++) {
        if (i + 8 < list->count)
            __builtin_prefetch(recs__trend_at(trends, cells, list->entries[i + 8]), 1);
        recs__trend_cell *cell = recs__trend_at(trends, cells, list->entries[i]);
        if (fresh && !is_new(trends, lists, cell, now)) {
            cell->marks &= ~(UINT32_C(1) << index); /* can never be new again */
            continue;
        }
        e[count++] = (entry){value_of(trends, cell, s, lists->newest[s]), list->entries[i]};
    }
    if (count > keep)
        select_best(e, count, keep);
    list->count = count < keep ? count : keep;
    for (uint32_t i = 0; i < list->count; i++)
        list->entries[i] = e[i].cell;
    int64_t bar = lists->bars[index];
    for (uint32_t i = list->count; i < count; i++) {
        recs__trend_cell *cell = recs__trend_at(trends, cells, e[i].cell);
        cell->marks &= ~(UINT32_C(1) << index);
        if (fresh)
            lose(trends, lists, cell);
        if (e[i].value > bar)
            bar = e[i].value;
    }
    set_bar(trends, lists, index, bar);
}

static void enter(const recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                  uint32_t index, int64_t now) {
    recs__trend_list *list = &node->lists->list[index];
    list->entries[list->count++] = index_of(trends, node, cell);
    cell->marks |= UINT32_C(1) << index;
    if (list->count == 2 * list->keep)
        shrink(trends, node, index, now);
}

void recs__trend_offer(const recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                       const int32_t *newest, int64_t now) {
    recs__trend_lists *lists = node->lists;
    uint32_t count = trends->options.series_count;
    if (lists == NULL || cell->item >= RECS__TREND_ITEMS)
        return;
    recs__trend_lists_align(trends, lists, newest);
    for (uint32_t s = 0; s < count; s++) {
        int64_t value = value_of(trends, cell, s, lists->newest[s]);
        if (value <= lists->floors[s])
            continue;
        for (uint32_t l = s; l < lists->count; l += count)
            if (value > lists->bars[l] && !(cell->marks >> l & 1) &&
                (!of_new(trends, l) || is_new(trends, lists, cell, now)))
                enter(trends, node, cell, l, now);
    }
}

void recs__trend_arrived(recs_trends *trends, recs__trend_node *node, uint32_t item) {
    int64_t now = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    recs__trend_lists *lists = node->lists;
    if (now < 0 || trends->options.memory != 0)
        return;
    int32_t slot = recs__trend_slot(&trends->options.series[trends->options.base], now);
    if (node->parent == RECS_NO_PLACE && node->base == RECS_NO_PLACE)
        recs__trend_set_known(trends, item, slot, now);
    if (lists == NULL ||
        recs__trend_is_old(trends, item, slot, recs__trend_listed_since(trends, now)))
        return;
    uint32_t at = lists->arrivals++ % RECS__TREND_ARRIVALS;
    if (lists->arrivals > RECS__TREND_ARRIVALS && lists->arrived_at[at] > lists->lost)
        lists->lost = lists->arrived_at[at];
    lists->arrived[at] = item;
    lists->arrived_at[at] = now;
    if (lists->arrivals == 2 * RECS__TREND_ARRIVALS)
        lists->arrivals = RECS__TREND_ARRIVALS;
}

/* ---- making them ------------------------------------------------------------------------ */

void recs__trend_lists_follow(recs_trends *trends, recs__trend_node *node) {
    recs__trend_lists *lists = node->lists;
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed),
             tiers = recs__trend_first_tiers(trends, capacity);
    if (lists->tiers < tiers && lists->tiers < recs__trend_tiers(trends, capacity)) {
        recs__trend_lists_build(trends, node, tiers);
        return;
    }
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    for (uint32_t l = 0; l < lists->count; l++)
        lists->list[l].count = 0;
    for (uint32_t at = 0; at < capacity; at++) {
        const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item == RECS__TREND_FREE)
            continue;
        uint32_t marks = cell->marks & ~RECS__TREND_HAS_RETURNS;
        for (; marks != 0; marks &= marks - 1) {
            recs__trend_list *list = &lists->list[__builtin_ctz(marks)];
            list->entries[list->count++] = at;
        }
    }
}

static void begin(const recs_trends *trends, recs__trend_lists *lists, uint32_t tiers,
                  const int32_t *newest) {
    uint32_t kinds = 2 * trends->options.series_count;
    lists->tiers = tiers;
    lists->count = tiers * kinds;
    lists->changes++;
    uint32_t *entries = (uint32_t *)(void *)(lists->list + 2 * (size_t)kinds);
    for (uint32_t l = 0; l < 4 * RECS__TREND_SERIES; l++)
        lists->bars[l] = l < lists->count ? -1 : INT64_MAX;
    for (uint32_t s = 0; s < RECS__TREND_SERIES; s++) {
        lists->floors[s] = -1;
        lists->newest[s] = s < trends->options.series_count ? newest[s] : 0;
    }
    lists->base = newest[trends->options.base]; /* or -1: nothing is counted yet */
    lists->arrivals = 0;
    lists->lost = -1;
    for (uint32_t l = 0; l < lists->count; l++) {
        uint32_t keep = l < kinds ? short_keep(trends) : trends->options.candidates;
        lists->list[l] = (recs__trend_list){.keep = keep, .entries = entries};
        entries += 2 * (size_t)keep;
    }
}

recs_status recs__trend_lists_open(recs_trends *trends, recs__trend_node *node,
                                   uint32_t capacity, recs_error *error) {
    int64_t now = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    int32_t newest[RECS__TREND_SERIES];
    uint32_t tiers = recs__trend_tiers(trends, capacity);
    recs__trend_lists *lists = recs__trend_alloc(trends, block_size(trends, tiers), error);
    if (lists == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t s = 0; s < trends->options.series_count; s++)
        newest[s] = now < 0 ? 0 : recs__trend_slot(&trends->options.series[s], now);
    begin(trends, lists, tiers, newest);
    node->lists = lists;
    return RECS_OK;
}

void recs__trend_lists_set(const recs_trends *trends, recs__trend_node *node, uint32_t kind,
                           int64_t bar, const uint32_t *best, uint32_t count) {
    recs__trend_lists *lists = node->lists;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t s = series_of(trends, kind);
    for (uint32_t l = kind; l < lists->count; l += 2 * trends->options.series_count) {
        recs__trend_list *list = &lists->list[l];
        list->count = count < list->keep ? count : list->keep;
        memcpy(list->entries, best, list->count * sizeof *best);
        set_bar(trends, lists, l,
                count > list->keep
                    ? recs__trend_value(trends, recs__trend_at(trends, cells, best[list->keep]),
                                        s, lists->newest[s])
                    : bar);
    }
}

void recs__trend_lists_build(recs_trends *trends, recs__trend_node *node, uint32_t tiers) {
    if (trends->mapped != NULL) /* a file's cells are not to be marked */
        return;
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed),
             most = recs__trend_tiers(trends, capacity);
    recs__trend_lists *lists = node->lists;
    if (tiers < recs__trend_first_tiers(trends, capacity))
        tiers = recs__trend_first_tiers(trends, capacity);
    tiers = lists != NULL && lists->tiers > tiers ? lists->tiers : tiers;
    tiers = tiers > most ? most : tiers;
    int64_t now = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    if (lists == NULL || lists->tiers != tiers) {
        lists = recs__trend_alloc(trends, block_size(trends, tiers), NULL);
        if (lists == NULL && node->lists == NULL)
            return;
        if (lists != NULL) {
            lists->changes = 0;
            recs__trend_lists_free(trends, node);
            node->lists = lists;
        } else {
            lists = node->lists;
            tiers = lists->tiers;
            free_ready(trends, lists);
        }
    } else {
        free_ready(trends, lists);
    }
    int32_t newest[RECS__TREND_SERIES];
    for (uint32_t s = 0; s < trends->options.series_count; s++)
        newest[s] = now < 0 ? -1 : recs__trend_slot(&trends->options.series[s], now);
    begin(trends, lists, tiers, newest);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    bool root = node == recs__trend_node_at(trends, 0) && now >= 0;
    bool dead = false; /* some cell's item may come back without a new one */
    uint32_t fresh = 0; /* marks of lists of new items */
    for (uint32_t l = 0; l < lists->count; l++)
        fresh |= of_new(trends, l) ? UINT32_C(1) << l : 0;
    for (uint32_t at = 0; at < capacity; at++) {
        recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item == RECS__TREND_FREE)
            continue;
        cell->marks &= RECS__TREND_HAS_RETURNS;
        if (cell->item >= RECS__TREND_ITEMS)
            continue;
        int64_t first = recs__trend_first(trends, cell);
        dead |= first == RECS_NO_TIME && now >= 0;
        if (root && first != RECS_NO_TIME)
            recs__trend_set_known(trends, cell->item, lists->newest[trends->options.base], first);
        recs__trend_offer(trends, node, cell, newest, now);
        if ((cell->marks & fresh) != fresh && first > lists->lost &&
            is_new(trends, lists, cell, now))
            lists->lost = first;
    }
    if (dead)
        lists->lost = INT64_MAX;
}
