/* trends_scratch.c - working memory of adders; sorting; locks of a few places. */
#include "live/trends_scratch.h"

#include "live/trends_bounded.h"
#include "live/trends_share.h"

#include <string.h>

typedef recs__trend_scratch scratch;

/* ---- taken and given back ----------------------------------------------------------- */

recs_status recs__trend_scratch_take(recs_trends *trends, scratch **taken, recs_error *error) {
    recs_status status = recs__trend_renew(trends, error);
    if (status != RECS_OK)
        return status;
    if (trends->options.memory != 0 && recs__bounded_due(trends))
        recs__trend_maintain(trends);
    pthread_mutex_lock(&trends->scratch_lock);
    recs__trend_enter(trends);
    scratch *free_one = trends->scratch;
    if (free_one != NULL)
        trends->scratch = free_one->next;
    pthread_mutex_unlock(&trends->scratch_lock);
    if (free_one == NULL) {
        free_one = recs__alloc_zero(&trends->host, 1, sizeof *free_one, error);
        if (free_one == NULL) {
            pthread_mutex_lock(&trends->scratch_lock);
            recs__trend_leave(trends);
            pthread_mutex_unlock(&trends->scratch_lock);
            return RECS_ERR_MEMORY;
        }
    }
    *taken = free_one;
    return RECS_OK;
}

void recs__trend_scratch_give(recs_trends *trends, scratch *s) {
    pthread_mutex_lock(&trends->scratch_lock);
    s->next = trends->scratch;
    trends->scratch = s;
    recs__trend_leave(trends);
    pthread_mutex_unlock(&trends->scratch_lock);
}

void recs__trend_scratch_free(recs_trends *trends) {
    const recs_host *host = &trends->host;
    while (trends->scratch != NULL) {
        scratch *s = trends->scratch;
        trends->scratch = s->next;
        recs__free(host, s->events);
        recs__free(host, s->moved);
        recs__free(host, s->records);
        recs__free(host, s->places);
        recs__free(host, s->known_above);
        recs__free(host, s->pairs);
        recs__free(host, s->spare);
        recs__free(host, s->groups);
        recs__free(host, s->entries);
        recs__free(host, s->table);
        recs__free(host, s);
    }
}

/* ---- room ---------------------------------------------------------------------------- */

/* One array of a scratch, its growth counted in trends->memory. */
static recs_status grow(recs_trends *trends, void **block, size_t *capacity, size_t need,
                        size_t size, recs_error *error) {
    size_t before = *capacity;
    if (need <= before)
        return RECS_OK;
    recs_status status = recs__grow(&trends->host, block, capacity, need, size, error);
    atomic_fetch_add_explicit(&trends->memory, (*capacity - before) * size, memory_order_relaxed);
    return status;
}

recs_status recs__trend_event_room(recs_trends *trends, scratch *s, size_t count,
                                   recs_error *error) {
    recs_status status = grow(trends, (void **)&s->events, &s->event_capacity, count,
                              sizeof *s->events, error);
    if (status == RECS_OK)
        status = grow(trends, (void **)&s->places, &s->place_capacity, count, sizeof *s->places,
                      error);
    if (status == RECS_OK)
        status = grow(trends, (void **)&s->known_above, &s->known_capacity, count,
                      sizeof *s->known_above, error);
    return status;
}

recs_status recs__trend_moved_room(recs_trends *trends, scratch *s, size_t count,
                                   recs_error *error) {
    return grow(trends, (void **)&s->moved, &s->moved_capacity, count, sizeof *s->moved, error);
}

recs_status recs__trend_record_room(recs_trends *trends, scratch *s, size_t bytes,
                                    recs_error *error) {
    return grow(trends, (void **)&s->records, &s->record_capacity, bytes, 1, error);
}

recs_status recs__trend_pair_room(recs_trends *trends, scratch *s, size_t pairs, size_t groups,
                                  recs_error *error) {
    recs_status status =
        grow(trends, (void **)&s->pairs, &s->pair_capacity, pairs, sizeof *s->pairs, error);
    if (status == RECS_OK)
        status =
            grow(trends, (void **)&s->spare, &s->spare_capacity, pairs, sizeof *s->spare, error);
    if (status == RECS_OK)
        status = grow(trends, (void **)&s->groups, &s->group_capacity, groups, sizeof *s->groups,
                      error);
    return status;
}

recs_status recs__trend_entry_room(recs_trends *trends, scratch *s, size_t entries,
                                   recs_error *error) {
    recs_status status = grow(trends, (void **)&s->entries, &s->entry_capacity, entries,
                              sizeof *s->entries, error);
    if (status == RECS_OK)
        status = grow(trends, (void **)&s->table, &s->table_capacity, entries + 1,
                      sizeof *s->table, error);
    return status;
}

/* ---- sorting -------------------------------------------------------------------------- */

/* By bytes from the lowest on. */
void recs__trend_sort_pairs(uint64_t *keys, uint64_t *spare, size_t count, uint32_t most) {
    if (count <= 24) { /* by insertion: no counters to clear */
        for (size_t i = 1; i < count; i++) {
            uint64_t key = keys[i];
            size_t at = i;
            for (; at > 0 && keys[at - 1] >> 32 > key >> 32; at--)
                keys[at] = keys[at - 1];
            keys[at] = key;
        }
        return;
    }
    /* Digits of equal width, few enough of them; counted in one reading. */
    uint32_t bits = most == 0 ? 0 : 32u - (uint32_t)__builtin_clz(most), passes = (bits + 7) / 8,
             width = passes == 0 ? 8 : (bits + passes - 1) / passes, counts[4][256] = {{0}};
    const uint64_t mask = (UINT64_C(1) << width) - 1;
    for (size_t i = 0; i < count; i++)
        for (uint32_t p = 0; p < passes; p++)
            counts[p][keys[i] >> (32 + p * width) & mask]++;
    uint64_t *from = keys, *to = spare;
    for (uint32_t p = 0; p < passes; p++) {
        uint32_t start = 0, shift = 32 + p * width;
        for (uint32_t b = 0; b <= mask; b++) {
            uint32_t here = counts[p][b];
            counts[p][b] = start;
            start += here;
        }
        for (size_t i = 0; i < count; i++)
            to[counts[p][from[i] >> shift & mask]++] = from[i];
        uint64_t *t = from;
        from = to;
        to = t;
    }
    if (from != keys)
        memcpy(keys, from, count * sizeof *keys);
}

/* ---- levels of places ---------------------------------------------------------------- */

recs_status recs__trend_first_pairs(recs_trends *trends, scratch *s, uint32_t *most,
                                    recs_error *error) {
    uint32_t highest = 0;
    s->pair_count = s->group_count = 0;
    recs_status status =
        recs__trend_pair_room(trends, s, 2 * (size_t)s->count, 2 * (size_t)s->count, error);
    if (status != RECS_OK)
        return status;
    bool segments = atomic_load_explicit(&trends->segments.count, memory_order_acquire) != 0;
    for (uint32_t e = 0; e < s->count; e++) {
        uint32_t node = s->places[e];
        s->pairs[s->pair_count++] = (uint64_t)node << 32 | e;
        highest = node > highest ? node : highest;
        uint32_t base = segments ? recs__trend_node_at(trends, node)->base : RECS_NO_PLACE;
        if (base == RECS_NO_PLACE)
            continue;
        s->pairs[s->pair_count++] = (uint64_t)base << 32 | e;
        highest = base > highest ? base : highest;
    }
    *most = highest;
    return RECS_OK;
}

size_t recs__trend_parents(recs_trends *trends, scratch *s, size_t level, uint64_t *room) {
    size_t parents = 0;
    uint32_t most = 0;
    for (size_t g = level; g < s->group_count; g++) {
        uint32_t parent = recs__trend_node_at(trends, s->groups[g].node)->parent;
        if (parent == RECS_NO_PLACE)
            continue;
        s->spare[parents++] = (uint64_t)parent << 32 | g;
        most = parent > most ? parent : most;
    }
    recs__trend_sort_pairs(s->spare, room, parents, most);
    return parents;
}

recs_status recs__trend_reserve_cells(recs_trends *trends, recs__trend_node *node,
                                      recs__trend_group *g, uint32_t count, recs_error *error) {
    recs_status status = recs__trend_make_room(trends, node, count + 2, error);
    if (status == RECS_OK) {
        g->cells = count + 2;
        node->reserved += g->cells;
    }
    return status;
}

/* ---- a few places ----------------------------------------------------------------------- */

void recs__trend_lock_groups(recs_trends *trends, scratch *s) {
    for (size_t g = 0; g < s->group_count; g++) {
        uint16_t stripe = recs__trend_node_at(trends, s->groups[g].node)->stripe;
        uint32_t at = s->locked_count;
        while (at > 0 && s->locked[at - 1] > stripe)
            at--;
        if (at > 0 && s->locked[at - 1] == stripe)
            continue;
        memmove(s->locked + at + 1, s->locked + at, (s->locked_count++ - at) * sizeof stripe);
        s->locked[at] = stripe;
    }
    for (uint32_t i = 0; i < s->locked_count; i++)
        recs__trend_lock_stripe(trends, s->locked[i]);
}

void recs__trend_unlock_groups(recs_trends *trends, scratch *s) {
    for (uint32_t i = 0; i < s->locked_count; i++)
        pthread_mutex_unlock(&trends->stripes[s->locked[i]].lock);
    s->locked_count = 0;
}
