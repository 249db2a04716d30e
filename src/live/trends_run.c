/* trends_run.c - the usual piece of events: all in the newest slots of one or two
 * half-lives, nobody known, every counter exact.
 *
 * Events are sorted by place; those of one place and item are joined into one
 * entry (their earliest time, the sums of what they add), the entries of places into
 * those of the place above them, and so on to the root: exact sums of integers do
 * not mind in which order they are added up. So a cell is touched once a piece, by
 * a walk that has asked for its line long before. On Zipf(1.1) items and
 * cities the entries of 65,536 events are 0.66 an event at the cities, 0.52 at
 * the regions and 0.26 at the root (of 16,384: 0.74, 0.63, 0.34).
 *
 * Cost an event: its worth, two passes of a sort, one look-up in a small table for
 * each level of places, and 1.4 cells (then). */
#include "live/trends_hot.h"
#include "live/trends_scratch.h"

#include "live/trends_share.h"

#include <string.h>

typedef recs__trend_scratch scratch;
typedef recs__trend_group group;
typedef recs__trend_entry entry;

enum { STEP = 128, AHEAD = 20, NODES_AHEAD = 8 };

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

/* ---- joining ------------------------------------------------------------------------ */

/* The entries of one group as they come: open addressing over their numbers. */
typedef struct joining {
    entry *entries; /* of the group */
    uint32_t *table; /* number + 1, 0: free */
    uint32_t count, shift;
} joining;

static joining joining_begin(scratch *s, size_t inputs) {
    uint32_t bits = 4;
    while ((size_t)1 << bits < 2 * inputs)
        bits++;
    memset(s->table, 0, sizeof *s->table << bits);
    return (joining){.entries = s->entries + s->entry_count, .table = s->table, .shift = 32 - bits};
}

static inline void join(joining *j, const entry *e, const uint32_t series) {
    uint32_t at = (e->item * UINT32_C(0x9e3779b1)) >> j->shift, last = UINT32_MAX >> j->shift;
    for (; j->table[at] != 0; at = (at + 1) & last) {
        entry *have = &j->entries[j->table[at] - 1];
        if (have->item != e->item)
            continue;
        have->seconds = e->seconds < have->seconds ? e->seconds : have->seconds;
        for (uint32_t k = 0; k < series; k++)
            have->worth[k] += e->worth[k]; /* below 2^62, see recs__trend_run_fits */
        return;
    }
    j->entries[j->count] = *e;
    j->table[at] = ++j->count;
}

static void add_group(scratch *s, uint32_t node, size_t begin, size_t end) {
    s->groups[s->group_count++] = (group){
        .node = node, .begin = (uint32_t)begin, .end = (uint32_t)end};
}

/* ---- the places named --------------------------------------------------------------- */

/* Where the newest slots begin, and what a millisecond in them is. */
typedef struct lens {
    int64_t begins[2];
    double steps[2];
    uint32_t base;
} lens;

static inline entry entry_of(const recs_trends *trends, const lens *l,
                             const recs__trend_event *event, const uint32_t series) {
    entry e = {.item = event->item};
    for (uint32_t k = 0; k < series; k++) {
        int64_t offset = event->time - l->begins[k];
        e.worth[k] = recs__trend_worth_hot(trends->powers, l->steps[k], event->weight, offset);
        if (k + 1 == series) /* the longest half-life is the base */
            e.seconds = (uint32_t)((uint64_t)offset / 1000);
    }
    return e;
}

__attribute__((always_inline)) static inline void
join_events(recs_trends *trends, scratch *s, const uint32_t series) {
    lens l;
    for (uint32_t k = 0; k < series; k++) {
        l.begins[k] = s->slots[k] * trends->options.series[k].width;
        l.steps[k] = trends->options.series[k].steps;
    }
    for (size_t i = 0; i < s->pair_count;) {
        size_t end = i + 1;
        while (end < s->pair_count && s->pairs[end] >> 32 == s->pairs[i] >> 32)
            end++;
        size_t begin = s->entry_count;
        uint32_t node = (uint32_t)(s->pairs[i] >> 32);
        joining j = joining_begin(s, end - i);
        for (; i < end; i++) {
            if (i + 12 < s->pair_count)
                __builtin_prefetch(&s->events[(uint32_t)s->pairs[i + 12]]);
            entry e = entry_of(trends, &l, &s->events[(uint32_t)s->pairs[i]], series);
            join(&j, &e, series);
        }
        s->entry_count += j.count;
        add_group(s, node, begin, s->entry_count);
    }
}

/* Sorts the pairs by place: by counting where there are more events than places. */
static void sort_by_place(scratch *s, uint32_t most) {
    uint32_t *starts = s->table, start = 0;
    if (most >= s->table_capacity || most > s->pair_count) {
        recs__trend_sort_pairs(s->pairs, s->spare, s->pair_count, most);
        return;
    }
    memset(starts, 0, (most + (size_t)1) * sizeof *starts);
    for (size_t i = 0; i < s->pair_count; i++)
        starts[s->pairs[i] >> 32]++;
    for (uint32_t node = 0; node <= most; node++) {
        uint32_t here = starts[node];
        starts[node] = start;
        start += here;
    }
    for (size_t i = 0; i < s->pair_count; i++)
        s->spare[starts[s->pairs[i] >> 32]++] = s->pairs[i];
    uint64_t *sorted = s->spare;
    size_t capacity = s->spare_capacity;
    s->spare = s->pairs;
    s->spare_capacity = s->pair_capacity;
    s->pairs = sorted;
    s->pair_capacity = capacity;
}

static recs_status first_level(recs_trends *trends, scratch *s, recs_error *error) {
    uint32_t most;
    recs_status status = recs__trend_first_pairs(trends, s, &most, error);
    if (status == RECS_OK)
        status = recs__trend_entry_room(trends, s, s->pair_count, s->pair_count, error);
    if (status != RECS_OK)
        return status;
    sort_by_place(s, most);
    if (trends->options.series_count == 1)
        join_events(trends, s, 1);
    else
        join_events(trends, s, 2);
    return RECS_OK;
}

/* ---- the places above --------------------------------------------------------------- */

/* Groups from begin on whose parent is that of spare[p], joined into one; the first p
 * of another parent. A single group's entries serve its parent, too. */
static size_t join_parent(scratch *s, size_t p, size_t parents) {
    size_t end = p, inputs = 0, begin = s->entry_count;
    for (; end < parents && s->spare[end] >> 32 == s->spare[p] >> 32; end++) {
        const group *below = &s->groups[(uint32_t)s->spare[end]];
        inputs += below->end - below->begin;
    }
    uint32_t node = (uint32_t)(s->spare[p] >> 32);
    if (end == p + 1) {
        const group *below = &s->groups[(uint32_t)s->spare[p]];
        add_group(s, node, below->begin, below->end);
        return end;
    }
    joining j = joining_begin(s, inputs);
    for (; p < end; p++) {
        const group *below = &s->groups[(uint32_t)s->spare[p]];
        for (uint32_t i = below->begin; i < below->end; i++)
            join(&j, &s->entries[i], 2);
    }
    s->entry_count += j.count;
    add_group(s, node, begin, s->entry_count);
    return end;
}

/* From the groups of one level those of the places above. */
static recs_status next_level(recs_trends *trends, scratch *s, size_t level, recs_error *error) {
    size_t level_end = s->group_count, inputs = 0;
    for (size_t g = level; g < level_end; g++)
        inputs += s->groups[g].end - s->groups[g].begin;
    recs_status status = recs__trend_pair_room(trends, s, 2 * level_end, 2 * level_end, error);
    if (status == RECS_OK)
        status = recs__trend_entry_room(trends, s, s->entry_count + inputs, inputs, error);
    if (status != RECS_OK)
        return status;
    size_t parents = recs__trend_parents(trends, s, level, s->pairs); /* the pairs have served */
    for (size_t p = 0; p < parents;)
        p = join_parent(s, p, parents);
    return RECS_OK;
}

static recs_status make_levels(recs_trends *trends, scratch *s, recs_error *error) {
    recs_status status = first_level(trends, s, error);
    size_t level = 0;
    while (status == RECS_OK && level < s->group_count) {
        size_t end = s->group_count;
        status = next_level(trends, s, level, error);
        level = end;
    }
    return status;
}

/* ---- reserving ---------------------------------------------------------------------- */

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
    if (capacity != 0 && count > 8 + node->used / 8) {
        uint32_t missing = 0;
        for (uint32_t i = g->begin; i < g->end; i++) {
            if (i + AHEAD < g->end)
                recs__trend_prefetch(trends, node, s->entries[i + AHEAD].item);
            missing += recs__trend_find(trends, node, s->entries[i].item) == NULL;
        }
        count = missing;
    }
    return recs__trend_reserve_cells(trends, node, g, count, error);
}

/* Of the groups one after another, each under its lock; the next group's turn takes
 * over the lock where it is the same. */
static recs__trend_node *turn(recs_trends *trends, const scratch *s, size_t at,
                              recs__trend_node **held) {
    recs__trend_node *node = recs__trend_node_at(trends, s->groups[at].node);
    if (at + NODES_AHEAD < s->group_count)
        __builtin_prefetch(recs__trend_node_at(trends, s->groups[at + NODES_AHEAD].node), 1);
    if (s->locked_count != 0)
        return node;
    if (*held != NULL && (*held)->stripe == node->stripe) {
        recs__trend_make_way(trends, node);
        return node;
    }
    if (*held != NULL)
        recs__trend_unlock(trends, *held);
    recs__trend_lock(trends, node);
    *held = node;
    return node;
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

/* The next group's. False: there is none. */
static bool look_at_next(const recs_trends *trends, const scratch *s, ahead *a) {
    if (a->group == s->group_count)
        return false;
    const group *g = &s->groups[a->group++];
    const recs__trend_node *node = recs__trend_node_at(trends, g->node);
    if (a->group + NODES_AHEAD < s->group_count)
        __builtin_prefetch(recs__trend_node_at(trends, s->groups[a->group + NODES_AHEAD].node), 1);
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
    recs__trend_appeared(trends, cell, p->newest[series - 1], e->seconds);
    recs__trend_offer(trends, node, cell, p->newest, p->now);
    return stopped;
}

/* Entries [begin, end) of a group, whose lock is held. Returns the sums that stopped. */
__attribute__((always_inline)) static inline uint32_t
count_entries(recs_trends *trends, scratch *s, recs__trend_node *node, const present *p, ahead *a,
              uint32_t begin, uint32_t end, int64_t *totals, const uint32_t series) {
    const uint32_t base = series - 1;
    const recs__trend_lists *lists = node->lists;
    const recs__trend_marks marks = recs__trend_marks_of(lists, series);
    unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    const uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const entry *const entries = s->entries;
    uint32_t stopped = 0;
    int32_t newest[2];
    uint32_t parity[2];
    int64_t floors[2];
    ahead next = *a;
    for (uint32_t k = 0; k < series; k++) {
        floors[k] = lists == NULL ? INT64_MAX : lists->floors[k];
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
        int64_t values[2];
        bool usual = true;
        for (uint32_t k = 0; k < series; k++) {
            sums[k] += e->worth[k];
            usual &= held[k] == newest[k];
        }
        if (!usual && !roll(cell, p, series)) {
            stopped += add_slowly(trends, node, cell, e, p);
            continue;
        }
        bool near = false;
        for (uint32_t k = 0; k < series; k++)
            near |= cell->sums[2 * k + parity[k]] > INT64_MAX / 4 || e->worth[k] > INT64_MAX / 4;
        if (near) {
            stopped += add_slowly(trends, node, cell, e, p);
            continue;
        }
        for (uint32_t k = 0; k < series; k++) {
            int64_t sum = cell->sums[2 * k + parity[k]] += e->worth[k];
            values[k] = sum + (cell->sums[2 * k + !parity[k]] >> RECS__TREND_HALVINGS);
        }
        uint32_t first = cell->first[parity[base]];
        if (first == 0 || e->seconds + 1 < first)
            cell->first[parity[base]] = e->seconds + 1;
        bool above = false; /* the floor of any list, which few are */
        for (uint32_t k = 0; k < series; k++)
            above |= values[k] > floors[k];
        if (above &&
            recs__trend_wanted(lists, marks, cell, values, series, p->fresh, parity[base])) {
            recs__trend_offer(trends, node, cell, p->newest, p->now);
            for (uint32_t k = 0; k < series; k++)
                floors[k] = lists->floors[k];
        }
    }
    *a = next;
    return stopped;
}

static uint32_t count_group(recs_trends *trends, scratch *s, const group *g,
                            recs__trend_node *node, const present *p, ahead *a) {
    uint32_t series = trends->options.series_count, stopped = 0;
    int64_t totals[2 * 2] = {0};
    if (node->lists != NULL)
        recs__trend_lists_align(trends, node->lists, p->newest);
    for (uint32_t i = g->begin; i < g->end; i += STEP) {
        uint32_t end = g->end - i < STEP ? g->end : i + STEP;
        stopped += series == 1 ? count_entries(trends, s, node, p, a, i, end, totals, 1)
                               : count_entries(trends, s, node, p, a, i, end, totals, 2);
        if (end < g->end && s->locked_count == 0)
            recs__trend_make_way(trends, node);
    }
    for (uint32_t t = 0; t < 2 * series; t++) {
        if (totals[t] == 0)
            continue;
        recs__trend_cell *cell =
            recs__trend_take(trends, node, RECS__TREND_TOTAL |
                                               (t < series ? UINT32_C(0) : RECS__TREND_RETURNED));
        recs__trend_add(trends, cell, t % series, p->newest[t % series], totals[t]);
    }
    node->reserved -= g->cells;
    return stopped;
}

static void commit(recs_trends *trends, scratch *s) {
    recs__trend_node *held = NULL;
    present p = {.now = s->now_newest};
    ahead a = {0};
    uint32_t series = trends->options.series_count;
    for (uint32_t k = 0; k < series; k++) {
        p.newest[k] = s->slots[k];
        p.parity[k] = (uint32_t)s->slots[k] & 1;
    }
    p.fresh = recs__trend_fresh_since(trends, p.newest[series - 1], p.now);
    for (int i = 0; i < AHEAD; i++)
        look_ahead(trends, s, &a);
    for (size_t at = 0; at < s->group_count; at++) {
        recs__trend_node *node = turn(trends, s, at, &held);
        s->counts[RECS_TRENDS_SATURATED] +=
            count_group(trends, s, &s->groups[at], node, &p, &a);
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
