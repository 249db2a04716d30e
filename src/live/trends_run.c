/* trends_run.c - the usual piece of events: all in the newest slots of one or two
 * half-lives, nobody known, every counter exact.
 *
 * What each event adds is computed once, into an entry, while the events are put in order
 * of their places. Then each level of places, from the root down to those named, is one walk
 * over entries: the places' own stretches of them, or those of the places below, which are
 * not copied and not joined. A walk asks for the line of a cell long before it comes to it.
 * Places that another thread is at are left for the end.
 *
 * Room: where a table could not take every entry for a new cell, the cells that are missing
 * are made first, empty, which is the same as none (invariant 1).
 *
 * Cost an event: its worth, two passes of a sort, and a cell at each level. Entries of one
 * cell in a piece (of 65,536 events Zipf(1.1): 0.66 cells an event at cities, 0.52 at
 * regions, 0.26 at the root) could be added up first; that costs more than the second
 * touch of a cell which the first has brought near (docs/trends.md). */
#include "live/trends_hot.h"
#include "live/trends_scratch.h"

#include "live/trends_share.h"

#include <string.h>

typedef recs__trend_scratch scratch;
typedef recs__trend_group group;
typedef recs__trend_entry entry;

enum { STEP = 128, AHEAD = 20, NODES_AHEAD = 8 };
#define DONE UINT32_MAX /* the cells of a group that is counted */

bool recs__trend_run_fits(const recs_trends *trends, scratch *s) {
    const recs__trend_options *options = &trends->options;
    if (options->half_lives != options->series_count || options->series_count > 2 || s->known ||
        trends->bounded != NULL || s->count == 0)
        return false;
    if ((uint64_t)s->heaviest * s->count >> (62 - RECS__TREND_HALVINGS) != 0)
        return false; /* sums of a piece might not fit */
    int64_t newest = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    s->now_newest = newest > s->newest ? newest : s->newest;
    recs__trend_slots_at(trends, s->now_newest, s->slots);
    for (uint32_t k = 0; k < options->series_count; k++)
        if (s->oldest < s->slots[k] * options->series[k].width)
            return false;
    return true;
}

/* ---- the places named --------------------------------------------------------------- */

/* Where the newest slots begin, and what a millisecond in them is. */
typedef struct lens {
    int64_t begins[2];
    double steps[2];
} lens;

__attribute__((always_inline)) static inline void
make_entry(entry *e, const recs_trends *trends, const lens *l, const recs__trend_event *event,
           const uint32_t series) {
    int64_t offset = event->time - l->begins[series - 1]; /* the longest half-life is the base */
    e->item = event->item;
    e->seconds = (uint32_t)((uint64_t)offset / 1000);
    if (series == 1)
        e->worth[0] = recs__trend_worth_hot(trends->powers, l->steps[0], event->weight, offset);
    else
        recs__trend_worth_pair(trends->powers, l->steps, event->weight,
                               event->time - l->begins[0], offset, e->worth);
}

static void add_group(scratch *s, uint32_t node, size_t begin, size_t end) {
    s->groups[s->group_count++] = (group){
        .node = node, .begin = (uint32_t)begin, .end = (uint32_t)end};
}

/* The places named, in order, each with its stretch of the pairs, which are sorted: by
 * counting where there are more events than places; the pairs stay as they are then. */
static void name_groups(const recs_trends *trends, scratch *s, uint32_t most, bool by_counting) {
    uint32_t *counts = s->table;
    size_t begin = 0;
    if (!by_counting) {
        recs__trend_sort_pairs(s->pairs, s->spare, s->pair_count, most);
        for (size_t i = 1; i <= s->pair_count; i++) {
            if (i < s->pair_count && s->pairs[i] >> 32 == s->pairs[begin] >> 32)
                continue;
            uint32_t node = (uint32_t)(s->pairs[begin] >> 32);
            __builtin_prefetch(recs__trend_node_at(trends, node), 1);
            add_group(s, node, begin, i);
            begin = i;
        }
        return;
    }
    memset(counts, 0, (most + (size_t)1) * sizeof *counts);
    for (size_t i = 0; i < s->pair_count; i++)
        counts[s->pairs[i] >> 32]++;
    for (uint32_t node = 0; node <= most; node++) {
        if (counts[node] == 0)
            continue;
        __builtin_prefetch(recs__trend_node_at(trends, node), 1);
        add_group(s, node, begin, begin + counts[node]);
        begin += counts[node];
    }
}

/* Gives the groups stretches of entries in order of the place above them, so that the entries of
 * that place are one stretch, too; spare: the groups in that order. The groups themselves stay
 * in order of places, since neighbours share a lock. They are copied behind, where there is room
 * for as many, with their stretches of pairs. */
static const group *place_groups(recs_trends *trends, scratch *s) {
    size_t count = s->group_count;
    group *named = s->groups + count;
    uint64_t *keys = s->spare, *room = s->spare + count;
    uint32_t most = 0, start = 0;
    memcpy(named, s->groups, count * sizeof *named);
    for (size_t g = 0; g < count; g++) {
        uint32_t parent = recs__trend_node_at(trends, named[g].node)->parent;
        parent = parent == RECS_NO_PLACE ? 0 : parent;
        most = parent > most ? parent : most;
        keys[g] = (uint64_t)parent << 32 | g;
    }
    recs__trend_sort_pairs(keys, room, count, most);
    for (size_t i = 0; i < count; i++) {
        group *g = &s->groups[(uint32_t)keys[i]];
        g->end = start + g->end - g->begin;
        g->begin = start;
        start = g->end;
    }
    return named;
}

/* The entries of the groups. */
__attribute__((always_inline)) static inline void
make_entries(recs_trends *trends, scratch *s, const lens *l, const group *named, bool by_counting,
             const uint32_t series) {
    if (by_counting) {
        uint32_t *ends = s->table;
        for (size_t g = 0; g < s->group_count; g++)
            ends[s->groups[g].node] = s->groups[g].begin;
        for (size_t i = 0; i < s->pair_count; i++) {
            uint64_t pair = s->pairs[i];
            make_entry(&s->entries[ends[pair >> 32]++], trends, l, &s->events[(uint32_t)pair],
                       series);
        }
        return;
    }
    for (size_t i = 0, at = 0; i < s->group_count; i++) {
        const group *g = &named[(uint32_t)s->spare[i]];
        for (uint32_t p = g->begin; p < g->end; p++)
            make_entry(&s->entries[at++], trends, l, &s->events[(uint32_t)s->pairs[p]], series);
    }
}

static recs_status first_level(recs_trends *trends, scratch *s, recs_error *error) {
    uint32_t most;
    lens l;
    recs_status status = recs__trend_first_pairs(trends, s, &most, error);
    if (status == RECS_OK)
        status = recs__trend_entry_room(trends, s, s->pair_count, error);
    if (status == RECS_OK)
        status = recs__trend_pair_room(trends, s, 2 * s->pair_count, 2 * s->pair_count, error);
    if (status != RECS_OK)
        return status;
    bool by_counting = most <= s->pair_count;
    name_groups(trends, s, most, by_counting);
    const group *named = place_groups(trends, s);
    for (uint32_t k = 0; k < trends->options.series_count; k++) {
        l.begins[k] = s->slots[k] * trends->options.series[k].width;
        l.steps[k] = trends->options.series[k].steps;
    }
    if (trends->options.series_count == 1)
        make_entries(trends, s, &l, named, by_counting, 1);
    else
        make_entries(trends, s, &l, named, by_counting, 2);
    return RECS_OK;
}

/* ---- the places above --------------------------------------------------------------- */

/* Of pairs (place, group), the place above each that has one instead. How many. */
static size_t climb(recs_trends *trends, scratch *s, size_t count, uint32_t *most) {
    size_t kept = 0;
    *most = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t node = (uint32_t)(s->pairs[i] >> 32),
                 parent = recs__trend_node_at(trends, node)->parent;
        if (parent == RECS_NO_PLACE)
            continue;
        s->pairs[kept++] = (uint64_t)parent << 32 | (uint32_t)s->pairs[i];
        *most = parent > *most ? parent : *most;
    }
    return kept;
}

/* Groups of each level above: a place's are the stretches of entries that the groups named
 * below it have, joined where one ends as the next begins. */
static recs_status make_levels(recs_trends *trends, scratch *s, recs_error *error) {
    recs_status status = first_level(trends, s, error);
    size_t named = s->group_count, count = named;
    for (size_t i = 0; i < named && status == RECS_OK; i++) { /* the pairs have served */
        uint32_t g = (uint32_t)s->spare[i];
        s->pairs[i] = (uint64_t)s->groups[g].node << 32 | g;
    }
    while (status == RECS_OK) {
        uint32_t most;
        count = climb(trends, s, count, &most);
        status = recs__trend_pair_room(trends, s, 2 * named, s->group_count + count, error);
        if (status != RECS_OK || count == 0)
            return status;
        memcpy(s->spare, s->pairs, count * sizeof *s->pairs);
        recs__trend_sort_pairs(s->spare, s->spare + named, count, most);
        group *last = NULL;
        for (size_t i = 0; i < count; i++) {
            const group *below = &s->groups[(uint32_t)s->spare[i]];
            uint32_t node = (uint32_t)(s->spare[i] >> 32);
            if (last != NULL && last->node == node && last->end == below->begin) {
                last->end = below->end;
                continue;
            }
            add_group(s, node, below->begin, below->end);
            last = &s->groups[s->group_count - 1];
        }
    }
    return status;
}

/* ---- reserving ---------------------------------------------------------------------- */

/* Makes the cells that are missing. */
static recs_status make_cells(recs_trends *trends, const scratch *s, const group *g,
                              recs__trend_node *node, recs_error *error) {
    recs_status status = RECS_OK;
    uint32_t count = g->end - g->begin;
    if (node->used < count / 4) /* from so many events there will be as many cells */
        status = recs__trend_make_room(trends, node, count / 4, error);
    for (uint32_t i = g->begin; i < g->end && status == RECS_OK; i++) {
        uint32_t item = s->entries[i].item;
        if (i + AHEAD < g->end)
            recs__trend_prefetch(trends, node, s->entries[i + AHEAD].item);
        if (recs__trend_find(trends, node, item) != NULL)
            continue;
        status = recs__trend_make_room(trends, node, 1, error);
        if (status == RECS_OK)
            recs__trend_take(trends, node, item);
    }
    return status;
}

/* Takes every entry for a new cell, unless that would swell the table: 7/8 of it may be
 * reserved for a while, but what is used beyond 3/4 makes it grow. */
static recs_status reserve_group(recs_trends *trends, const scratch *s, group *g,
                                 recs__trend_node *node, recs_error *error) {
    uint32_t count = g->end - g->begin,
             capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    uint64_t used = (uint64_t)node->used + node->reserved;
    if (node->used * UINT64_C(4) <= capacity * UINT64_C(3) &&
        (used + count + 2) * 8 <= capacity * UINT64_C(7)) {
        g->cells = count + 2;
        node->reserved += g->cells;
        return RECS_OK;
    }
    recs_status status = make_cells(trends, s, g, node, error);
    if (status == RECS_OK)
        status = recs__trend_reserve_cells(trends, node, g, 0, error);
    return status;
}

/* The node of a group and its lock: that of the group counted before it, another, or none where
 * all are held. NULL: another thread has it, and to wait is not wanted. */
static recs__trend_node *lock_group(recs_trends *trends, const scratch *s, const group *g,
                                    recs__trend_node **held, bool wait) {
    recs__trend_node *node = recs__trend_node_at(trends, g->node);
    if (s->locked_count != 0)
        return node;
    if (*held != NULL && (*held)->stripe == node->stripe) {
        recs__trend_make_way(trends, node);
        return node;
    }
    if (*held != NULL)
        recs__trend_unlock(trends, *held);
    *held = NULL;
    if (wait)
        recs__trend_lock(trends, node);
    else if (!recs__trend_try_lock(trends, node))
        return NULL;
    *held = node;
    return node;
}

/* Groups one after another, waiting for the locks. */
static recs__trend_node *turn(recs_trends *trends, const scratch *s, size_t at,
                              recs__trend_node **held) {
    if (at + NODES_AHEAD < s->group_count)
        __builtin_prefetch(recs__trend_node_at(trends, s->groups[at + NODES_AHEAD].node), 1);
    return lock_group(trends, s, &s->groups[at], held, true);
}

static recs_status reserve(recs_trends *trends, scratch *s, recs_error *error) {
    recs_status status = RECS_OK;
    recs__trend_node *held = NULL;
    size_t done = 0;
    for (; done < s->group_count && status == RECS_OK; done++) {
        recs__trend_node *node = turn(trends, s, done, &held);
        status = reserve_group(trends, s, &s->groups[done], node, error);
    }
    for (size_t g = 0; status != RECS_OK && g < done; g++) {
        recs__trend_node *node = turn(trends, s, g, &held);
        node->reserved -= s->groups[g].cells;
    }
    if (held != NULL)
        recs__trend_unlock(trends, held);
    return status;
}

/* ---- counting ----------------------------------------------------------------------- */

/* The entry whose cell is asked for next. Tables that move meanwhile make the wish
 * useless, not wrong. */
typedef struct ahead {
    size_t group;
    uint32_t at, end, capacity;
    const unsigned char *cells;
} ahead;

/* The next group's, the one before this. False: there is none. */
static bool look_at_next(const recs_trends *trends, const scratch *s, ahead *a) {
    if (a->group == 0)
        return false;
    const group *g = &s->groups[--a->group];
    const recs__trend_node *node = recs__trend_node_at(trends, g->node);
    if (a->group >= NODES_AHEAD)
        __builtin_prefetch(recs__trend_node_at(trends, s->groups[a->group - NODES_AHEAD].node), 1);
    a->cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    a->capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    a->at = g->begin;
    a->end = g->end;
    recs__trend_prefetch(trends, node, RECS__TREND_TOTAL);
    __builtin_prefetch(atomic_load_explicit(&node->lists, memory_order_relaxed));
    return true;
}

/* Asks for the line where the next entry's cell is likely to be and the one after it,
 * which two in five need. */
__attribute__((always_inline)) static inline void look_ahead(const recs_trends *trends,
                                                             const scratch *s, ahead *a) {
    if (a->at == a->end && !look_at_next(trends, s, a))
        return;
    size_t home = recs__trend_home(s->entries[a->at++].item, a->capacity);
    __builtin_prefetch((const void *)((uintptr_t)a->cells + home * 64), 1);
    __builtin_prefetch((const void *)((uintptr_t)a->cells + home * 64 + 64), 1);
}

/* What all entries of a piece share. */
typedef struct present {
    int32_t newest[2];
    uint32_t parity[2];
    recs__trend_fresh fresh;
    int64_t now;
} present;

/* Brings a cell to the newest slots. False: it is ahead of them. */
static inline bool roll(recs__trend_cell *cell, const present *p, const uint32_t series) {
    int32_t *held = (int32_t *)(void *)(cell->sums + 2 * series);
    for (uint32_t k = 0; k < series; k++)
        if (held[k] > p->newest[k])
            return false;
    for (uint32_t k = 0; k < series; k++) {
        if (held[k] == p->newest[k])
            continue;
        bool both = held[k] != p->newest[k] - 1;
        cell->sums[2 * k + p->parity[k]] = 0;
        if (both)
            cell->sums[2 * k + !p->parity[k]] = 0;
        if (k + 1 == series) {
            cell->first[p->parity[k]] = 0;
            if (both)
                cell->first[!p->parity[k]] = 0;
        }
        held[k] = p->newest[k];
    }
    return true;
}

/* An entry for a cell that another writer has brought to later slots, or that is near
 * its end. Returns the sums that stopped. */
static uint32_t add_slowly(recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                           const entry *e, const present *p) {
    uint32_t stopped = 0, series = trends->options.series_count;
    for (uint32_t k = 0; k < series; k++)
        stopped += recs__trend_add(trends, cell, k, p->newest[k], e->worth[k]);
    recs__trend_appeared(trends, node, cell, p->newest[series - 1], e->seconds);
    recs__trend_offer(trends, node, cell, p->newest, p->now);
    return stopped;
}

/* Entries [begin, end) of a group, whose lock is held. Returns the sums that stopped. A loop of
 * its own for one series and for two, with lists and without. */
__attribute__((always_inline)) static inline uint32_t
count_entries(recs_trends *trends, scratch *s, recs__trend_node *node, const present *p, ahead *a,
              uint32_t begin, uint32_t end, int64_t *totals, const uint32_t series,
              const recs__trend_lists *const lists) {
    const uint32_t base = series - 1;
    recs__trend_doors doors = recs__trend_doors_of(lists, series);
    uint32_t changes = lists != NULL ? lists->changes : 0;
    unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    const uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const entry *const entries = s->entries;
    uint32_t stopped = 0;
    int32_t newest[2];
    uint32_t parity[2];
    ahead next = *a;
    for (uint32_t k = 0; k < series; k++) {
        newest[k] = p->newest[k];
        parity[k] = p->parity[k];
    }
    for (uint32_t i = begin; i < end; i++) {
        look_ahead(trends, s, &next);
        const entry *e = &entries[i];
        int64_t *sums = totals + (e->item & RECS__TREND_RETURNED ? series : 0);
        uint32_t at = recs__trend_home(e->item, capacity);
        recs__trend_cell *cell = (recs__trend_cell *)(void *)(cells + (size_t)at * 64);
        while (cell->item != e->item) {
            if (cell->item == RECS__TREND_FREE) {
                recs__trend_begin(trends, node, cell, e->item);
                break;
            }
            at = at + 1 == capacity ? 0 : at + 1;
            cell = (recs__trend_cell *)(void *)(cells + (size_t)at * 64);
        }
        const int32_t *held = (const int32_t *)(const void *)(cell->sums + 2 * series);
        int64_t values[2], before = 0;
        bool usual = true;
        for (uint32_t k = 0; k < series; k++) {
            sums[k] += e->worth[k];
            usual &= held[k] == newest[k];
        }
        if (!usual && !roll(cell, p, series)) {
            stopped += add_slowly(trends, node, cell, e, p);
            continue;
        }
        for (uint32_t k = 0; k < series; k++)
            before |= cell->sums[2 * k + parity[k]];
        if (before > INT64_MAX / 4) { /* a worth is 2^48 at most */
            stopped += add_slowly(trends, node, cell, e, p);
            continue;
        }
        for (uint32_t k = 0; k < series; k++) {
            int64_t sum = cell->sums[2 * k + parity[k]] += e->worth[k];
            values[k] = sum + (cell->sums[2 * k + !parity[k]] >> RECS__TREND_HALVINGS);
        }
        uint32_t first = cell->first[parity[base]];
        if (first == 0 || e->seconds + 1 < first)
            recs__trend_appeared(trends, node, cell, newest[base], e->seconds);
        if (lists != NULL &&
            recs__trend_wanted(&doors, cell, values, series, p->fresh, parity[base])) {
            recs__trend_offer(trends, node, cell, p->newest, p->now);
            if (lists->changes != changes)
                doors = recs__trend_doors_of(lists, series);
            changes = lists->changes;
        }
    }
    *a = next;
    return stopped;
}

/* What the groups of one place add to its totals: sales by series, then returns. */
static void add_totals(recs_trends *trends, recs__trend_node *node, const present *p,
                       int64_t *totals) {
    uint32_t series = trends->options.series_count;
    for (uint32_t t = 0; t < 2 * series; t++) {
        if (totals[t] == 0)
            continue;
        recs__trend_cell *cell =
            recs__trend_take(trends, node, RECS__TREND_TOTAL |
                                               (t < series ? UINT32_C(0) : RECS__TREND_RETURNED));
        recs__trend_add(trends, cell, t % series, p->newest[t % series], totals[t]);
        totals[t] = 0;
    }
}

static uint32_t count_group(recs_trends *trends, scratch *s, const group *g,
                            recs__trend_node *node, const present *p, ahead *a,
                            int64_t *totals) {
    uint32_t series = trends->options.series_count, stopped = 0;
    if (node->lists != NULL)
        recs__trend_lists_align(trends, node->lists, p->newest);
    for (uint32_t i = g->begin; i < g->end; i += STEP) {
        uint32_t end = g->end - i < STEP ? g->end : i + STEP;
        const recs__trend_lists *lists = node->lists; /* a reader may have made others */
        if (series == 1 && lists == NULL)
            stopped += count_entries(trends, s, node, p, a, i, end, totals, 1, NULL);
        else if (series == 1)
            stopped += count_entries(trends, s, node, p, a, i, end, totals, 1, lists);
        else if (lists == NULL)
            stopped += count_entries(trends, s, node, p, a, i, end, totals, 2, NULL);
        else
            stopped += count_entries(trends, s, node, p, a, i, end, totals, 2, lists);
        if (end < g->end && s->locked_count == 0)
            recs__trend_make_way(trends, node);
    }
    return stopped;
}

/* Asks for the first entries of the groups before `end`. */
static ahead start_ahead(const recs_trends *trends, const scratch *s, size_t end) {
    ahead a = {.group = end};
    for (int i = 0; i < AHEAD; i++)
        look_ahead(trends, s, &a);
    return a;
}

/* Counts the groups, from the root to the places named. Those that another thread is at are
 * passed over and counted in the end, so that two threads do not walk one behind the other. */
static void commit(recs_trends *trends, scratch *s) {
    recs__trend_node *held = NULL;
    present p = {.now = s->now_newest};
    int64_t totals[2 * 2] = {0};
    uint32_t series = trends->options.series_count;
    size_t passed = 0;
    for (uint32_t k = 0; k < series; k++) {
        p.newest[k] = s->slots[k];
        p.parity[k] = (uint32_t)s->slots[k] & 1;
    }
    p.fresh = recs__trend_fresh_since(trends, p.newest[series - 1], p.now);
    for (int sweep = 0; sweep == 0 || passed != 0; sweep++) {
        ahead a = start_ahead(trends, s, s->group_count);
        bool astray = false; /* what was asked for is not what comes next */
        passed = 0;
        for (size_t at = s->group_count; at-- > 0;) {
            group *g = &s->groups[at];
            recs__trend_node *node = g->cells == DONE
                                         ? NULL : lock_group(trends, s, g, &held, sweep != 0);
            passed += node == NULL && g->cells != DONE;
            astray |= node == NULL;
            if (node == NULL)
                continue;
            if (astray)
                a = start_ahead(trends, s, at + 1);
            astray = false;
            s->counts[RECS_TRENDS_SATURATED] += count_group(trends, s, g, node, &p, &a, totals);
            if (at == 0 || g[-1].node != g->node || g[-1].cells == DONE)
                add_totals(trends, node, &p, totals);
            node->reserved -= g->cells;
            g->cells = DONE;
        }
    }
    if (held != NULL)
        recs__trend_unlock(trends, held);
}

recs_status recs__trend_run_count(recs_trends *trends, scratch *s, recs_error *error) {
    recs_status status = make_levels(trends, s, error);
    if (status != RECS_OK)
        return status;
    if (s->pair_count <= RECS__TREND_SMALL && s->group_count <= RECS__TREND_SMALL) {
        ahead a = {0};
        for (size_t i = 0; i < 2 * RECS__TREND_SMALL; i++)
            look_ahead(trends, s, &a);
        recs__trend_lock_groups(trends, s);
    }
    status = reserve(trends, s, error);
    if (status == RECS_OK) {
        recs__trend_advance(trends, s->now_newest);
        commit(trends, s);
    }
    recs__trend_unlock_groups(trends, s);
    if (status != RECS_OK)
        return status;
    s->counts[RECS_TRENDS_ADDED] += s->count;
    for (uint32_t e = 0; e < s->count; e++)
        s->counts[RECS_TRENDS_RETURNS] += (s->events[e].item & RECS__TREND_RETURNED) != 0;
    recs__trend_counted(trends, s->count, INT64_MAX);
    return RECS_OK;
}
