/* trends_tally.c - how many entries each actor has, and what they weigh.
 *
 * A window keeps tallies once it has more entries than any actor may have
 * anyway: 16 bytes an actor, open addressing, at most 3/4 full. While a piece
 * is counted, entries are weighed by the level their actor had when it began;
 * where an actor outgrew his level, or the window grew to the next power of
 * two while somebody was beyond his share, the window is settled at the end of
 * the piece: one pass over the tallies, and one over the entries if a level
 * changed. Levels change about once for each doubling of a window and actor
 * beyond his share, of whom there are fewer than 2 / share. */
#include "live/trends_tally.h"

#include <string.h>

static uint64_t mix(uint64_t x) { /* splitmix64's finalizer */
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The tally of an actor, or the free one where it belongs. */
static recs__trend_tally *look(recs__trend_tally *tallies, uint32_t capacity, uint64_t actor) {
    uint32_t at = (uint32_t)((mix(actor) >> 32) * capacity >> 32);
    while (tallies[at].count != 0 && tallies[at].actor != actor)
        at = at + 1 == capacity ? 0 : at + 1;
    return &tallies[at];
}

void recs__trend_tally_ask(const recs__trend_window *window, uint64_t actor) {
    uint32_t capacity = window->tally_capacity;
    if (capacity != 0)
        __builtin_prefetch(&window->tallies[(mix(actor) >> 32) * capacity >> 32], 1);
}

static uint32_t limit_of(double share, uint32_t entries) {
    uint32_t whole = entries == 0 ? 0 : UINT32_C(1) << (31 - __builtin_clz(entries));
    uint32_t most = (uint32_t)(share * (double)whole);
    return most > RECS__TREND_BASKET ? most : RECS__TREND_BASKET;
}

static uint32_t level_within(uint32_t count, uint32_t limit) {
    uint32_t level = 0;
    while (level < RECS__TREND_LEVELS_MOST && count > (uint64_t)limit << level)
        level++;
    return level;
}

void recs__trend_tally_free(recs_trends *trends, recs__trend_window *window) {
    recs__trend_release(trends, window->tallies,
                        window->tally_capacity * sizeof *window->tallies);
    window->tallies = NULL;
    window->tally_capacity = 0;
}

void recs__trend_tally_clear(recs__trend_window *window) {
    if (window->tallied != 0)
        memset(window->tallies, 0, window->tally_capacity * sizeof *window->tallies);
    window->tallied = window->over = 0;
    window->unsettled = false;
}

static uint32_t tally(recs__trend_window *window, recs__trend_tally *tallies, uint32_t capacity,
                      uint64_t actor) {
    recs__trend_tally *t = look(tallies, capacity, actor);
    window->tallied += t->count == 0;
    t->actor = actor;
    return ++t->count;
}

recs_status recs__trend_tally_room(recs_trends *trends, recs__trend_window *window, uint32_t more,
                                   recs_error *error) {
    uint64_t entries = (uint64_t)window->used + window->reserved + more;
    if (trends->options.actor_share <= 0.0 || entries <= RECS__TREND_BASKET)
        return RECS_OK;
    /* Before there are tallies each entry may be another's. */
    uint64_t need = window->tallied != 0
                        ? (uint64_t)window->tallied + window->reserved + more : entries;
    if (need * 4 <= (uint64_t)window->tally_capacity * 3)
        return RECS_OK;
    uint64_t wanted = (uint64_t)window->tally_capacity * 2;
    if (wanted * 3 < need * 4)
        wanted = (need * 4 + 2) / 3;
    if (wanted > UINT32_MAX)
        return recs__fail_memory(error, SIZE_MAX);
    size_t size = (size_t)wanted * sizeof(recs__trend_tally);
    recs__trend_tally *tallies = recs__trend_alloc(trends, size, error);
    if (tallies == NULL)
        return RECS_ERR_MEMORY;
    memset(tallies, 0, size);
    for (uint32_t i = 0; window->tallied != 0 && i < window->tally_capacity; i++)
        if (window->tallies[i].count != 0)
            *look(tallies, (uint32_t)wanted, window->tallies[i].actor) = window->tallies[i];
    recs__trend_tally_free(trends, window);
    window->tallies = tallies;
    window->tally_capacity = (uint32_t)wanted;
    return RECS_OK;
}

uint32_t recs__trend_tally_count(const recs_trends *trends, recs__trend_window *window,
                                 uint64_t actor) {
    double share = trends->options.actor_share;
    if (share <= 0.0 || window->used <= RECS__TREND_BASKET)
        return 0;
    if (window->tallied == 0) { /* the entry is among them */
        for (uint32_t i = 0; i < window->capacity; i++)
            if (window->seen[i].weight != 0)
                tally(window, window->tallies, window->tally_capacity, window->seen[i].actor);
        window->unsettled = true;
        return 0;
    }
    uint32_t count = tally(window, window->tallies, window->tally_capacity, actor);
    uint32_t level = look(window->tallies, window->tally_capacity, actor)->level;
    if ((window->used & (window->used - 1)) == 0 && window->over != 0)
        window->unsettled = true; /* everybody may carry more */
    if (count > RECS__TREND_BASKET && level_within(count, limit_of(share, window->used)) != level)
        window->unsettled = true;
    return level;
}

uint32_t recs__trend_tally_level(const recs__trend_window *window, uint64_t actor) {
    return window->over == 0 ? 0 : look(window->tallies, window->tally_capacity, actor)->level;
}

void recs__trend_tally_enter(recs__trend_window *window, uint64_t actor) {
    if (window->tally_capacity != 0)
        tally(window, window->tallies, window->tally_capacity, actor);
}

uint32_t recs__trend_tally_level_of(const recs_trends *trends, const recs__trend_window *window,
                                    uint64_t actor) {
    if (window->tally_capacity == 0 || window->used <= RECS__TREND_BASKET)
        return 0;
    return level_within(look(window->tallies, window->tally_capacity, actor)->count,
                        limit_of(trends->options.actor_share, window->used));
}

/* ---- settling ------------------------------------------------------------------------- */

/* Bit of an actor in a filter of those whose levels change. */
static uint64_t bit_of(uint64_t actor) { return UINT64_C(1) << (mix(actor) & 63); }

/* The levels that follow from the entries; a filter of the actors whose they change. */
static uint64_t find_levels(const recs_trends *trends, recs__trend_window *window) {
    uint32_t limit = limit_of(trends->options.actor_share, window->used);
    uint64_t changed = 0;
    window->over = 0;
    for (uint32_t i = 0; i < window->tally_capacity; i++) {
        recs__trend_tally *t = &window->tallies[i];
        t->next = (uint16_t)(t->count <= limit ? 0 : level_within(t->count, limit));
        window->over += t->next != 0;
        if (t->next != t->level)
            changed |= bit_of(t->actor);
    }
    return changed;
}

static void reweigh(recs_trends *trends, recs__trend_node *node, const recs__trend_event *event,
                     uint32_t level, uint32_t next, const int32_t *newest) {
    recs__trend_any_record before, after;
    recs__trend_event e = *event;
    e.weight = recs__trend_levelled(event->weight, level);
    recs__trend_record_make(trends, newest, &e, &before.record);
    e.weight = recs__trend_levelled(event->weight, next);
    recs__trend_record_make(trends, newest, &e, &after.record);
    recs__trend_correct(trends, node, event->item, &before.record, &after.record);
    recs__trend_correct(trends, node,
                        RECS__TREND_TOTAL | (event->item & RECS__TREND_RETURNED),
                        &before.record, &after.record);
    if (next < level && node->lists != NULL)
        recs__trend_offer(trends, node, recs__trend_take(trends, node, event->item), newest,
                          recs__trend_newest_time(trends));
}

static void settle_window(recs_trends *trends, recs__trend_node *node,
                          recs__trend_window *window, const int32_t *newest) {
    uint64_t changed = find_levels(trends, window);
    int64_t begins = window->slot * trends->options.actors;
    for (uint32_t i = 0; i < window->capacity && changed != 0; i++) {
        const recs__trend_seen *seen = &window->seen[i];
        if (seen->weight == 0 || (changed & bit_of(seen->actor)) == 0)
            continue;
        const recs__trend_tally *t = look(window->tallies, window->tally_capacity, seen->actor);
        if (t->level == t->next)
            continue;
        recs__trend_event event = {.actor = seen->actor,
                                   .item = seen->item,
                                   .weight = seen->weight,
                                   .time = begins + seen->time};
        reweigh(trends, node, &event, t->level, t->next, newest);
    }
    for (uint32_t i = 0; i < window->tally_capacity && changed != 0; i++)
        window->tallies[i].level = window->tallies[i].next;
    window->unsettled = false;
}

void recs__trend_tally_settle(recs_trends *trends, recs__trend_node *node,
                              const int32_t *newest) {
    if (node->actors == NULL || trends->options.actor_share <= 0.0)
        return;
    for (uint32_t w = 0; w < trends->options.actors_kept; w++)
        if (node->actors->windows[w].unsettled)
            settle_window(trends, node, &node->actors->windows[w], newest);
}
