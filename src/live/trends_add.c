/* trends_add.c - batches: validate, reserve, then commit.
 *
 * A piece of up to 65,536 events (16,384 in a state with a budget) is taken at a
 * time. The usual one, all in the newest slots and nobody known, is counted by
 * trends_run.c; here is the general way: events are brought into records (their
 * arithmetic done once), sorted by place, and counted place by place: first the
 * places named, then those above them, and so on to the root. What is counted at
 * a place above is the join of sorted runs below, so the events are sorted once.
 * Places with numbers near each other share a lock, so a sorted piece locks a
 * few hundred times, and cells are prefetched a dozen events ahead.
 *
 * Reserving makes room for every cell and every actor that may be new before
 * anything is counted; counting then cannot fail, and a failed reservation is
 * given back. Between 128 events a writer lets waiting readers in. */
#include "live/trends_actors.h"
#include "live/trends_hot.h"

#include "base/text.h"
#include "live/trends_bounded.h"
#include "live/trends_mapped.h"
#include "live/trends_pending.h"
#include "live/trends_scratch.h"
#include "live/trends_share.h"
#include "live/trends_tally.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { STEP = 128, AHEAD = 16, ACTORS_AHEAD = 8 };

#define WEIGHT_MAX 1e6f

typedef recs__trend_scratch scratch;
typedef recs__trend_group group;

static recs__trend_record *record_at(const recs_trends *trends, const scratch *s, size_t event) {
    return (recs__trend_record *)(void *)(s->records + event * recs__trend_record_size(trends));
}

/* ---- grouping ------------------------------------------------------------------------- */

/* Groups of equal upper halves among the pairs from begin on. */
static void cut_groups(scratch *s, size_t begin) {
    for (size_t i = begin; i < s->pair_count;) {
        size_t end = i + 1;
        while (end < s->pair_count && s->pairs[end] >> 32 == s->pairs[i] >> 32)
            end++;
        s->groups[s->group_count++] = (group){.node = (uint32_t)(s->pairs[i] >> 32),
                                              .begin = (uint32_t)i,
                                              .end = (uint32_t)end};
        i = end;
    }
}

static recs_status first_groups(recs_trends *trends, scratch *s, recs_error *error) {
    uint32_t most;
    recs_status status = recs__trend_first_pairs(trends, s, &most, error);
    if (status != RECS_OK)
        return status;
    recs__trend_sort_pairs(s->pairs, s->spare, s->pair_count, most);
    cut_groups(s, 0);
    return RECS_OK;
}

/* From the groups of one level those of the places above. */
static recs_status next_groups(recs_trends *trends, scratch *s, size_t level_begin,
                               recs_error *error) {
    size_t level_end = s->group_count, pairs = 0;
    for (size_t g = level_begin; g < level_end; g++)
        pairs += s->groups[g].end - s->groups[g].begin;
    recs_status status = recs__trend_pair_room(trends, s, s->pair_count + pairs,
                                               level_end + (level_end - level_begin), error);
    if (status != RECS_OK)
        return status;
    /* The pairs' own places behind pair_count serve as the sort's second array. */
    size_t begin = s->pair_count;
    size_t parents = recs__trend_parents(trends, s, level_begin, s->pairs + begin);
    for (size_t p = 0; p < parents; p++) {
        const group *below = &s->groups[(uint32_t)s->spare[p]];
        uint64_t node = s->spare[p] >> 32 << 32;
        for (uint32_t i = below->begin; i < below->end; i++)
            s->pairs[s->pair_count++] = node | (uint32_t)s->pairs[i];
    }
    cut_groups(s, begin);
    return RECS_OK;
}

static recs_status make_groups(recs_trends *trends, scratch *s, recs_error *error) {
    recs_status status = first_groups(trends, s, error);
    size_t begin = 0;
    while (status == RECS_OK && begin < s->group_count) {
        size_t end = s->group_count;
        status = next_groups(trends, s, begin, error);
        begin = end;
    }
    return status;
}

/* ---- a few events: every place locked at once ------------------------------------------- */

/* Locks them while their cells are on the way. */
static void lock_all(recs_trends *trends, scratch *s) {
    if (s->pair_count > RECS__TREND_SMALL)
        return;
    for (size_t i = 0; i < s->pair_count; i++) {
        const recs__trend_node *node = recs__trend_node_at(trends, (uint32_t)(s->pairs[i] >> 32));
        recs__trend_prefetch(trends, node, record_at(trends, s, (uint32_t)s->pairs[i])->item);
        recs__trend_prefetch(trends, node, RECS__TREND_TOTAL);
    }
    recs__trend_lock_groups(trends, s);
}

/* ---- reserving --------------------------------------------------------------------------- */

/* Takes every event for a new cell, unless that would swell the table. */
static recs_status reserve_cells(recs_trends *trends, const scratch *s, group *g,
                                 recs__trend_node *node, recs_error *error) {
    uint32_t count = g->end - g->begin,
             capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    if (capacity != 0 && count > 8 + node->used / 8 &&
        ((uint64_t)node->used + node->reserved + count + 2) * 4 > (uint64_t)capacity * 3) {
        uint32_t missing = 0;
        for (uint32_t i = g->begin; i < g->end; i++)
            missing += recs__trend_find(trends, node,
                                        record_at(trends, s, (uint32_t)s->pairs[i])->item) == NULL;
        count = missing;
    }
    return recs__trend_reserve_cells(trends, node, g, count, error);
}

static recs_status reserve_actors(recs_trends *trends, const scratch *s, group *g,
                                  recs__trend_node *node, recs_error *error) {
    recs_status status = RECS_OK;
    for (uint32_t i = g->begin; i < g->end && status == RECS_OK; i++) {
        const recs__trend_event *event = &s->events[(uint32_t)s->pairs[i]];
        if (event->actor != RECS_NO_ACTOR)
            status = recs__trend_actors_room(trends, node, event, error);
        if (status == RECS_OK)
            g->actors = i + 1 - g->begin;
    }
    return status;
}

static void unreserve(recs_trends *trends, const scratch *s, size_t groups) {
    for (size_t at = 0; at < groups; at++) {
        const group *g = &s->groups[at];
        recs__trend_node *node = recs__trend_node_at(trends, g->node);
        if (s->locked_count == 0)
            recs__trend_lock(trends, node);
        node->reserved -= g->cells;
        for (uint32_t i = g->begin; i < g->begin + g->actors; i++) {
            const recs__trend_event *event = &s->events[(uint32_t)s->pairs[i]];
            if (event->actor != RECS_NO_ACTOR)
                recs__trend_actors_unroom(trends, node, event);
        }
        if (s->locked_count == 0)
            recs__trend_unlock(trends, node);
    }
}

static recs_status reserve(recs_trends *trends, scratch *s, recs_error *error) {
    recs_status status = RECS_OK;
    recs__trend_node *held = NULL;
    size_t at = 0;
    for (; at < s->group_count && status == RECS_OK; at++) {
        group *g = &s->groups[at];
        recs__trend_node *node = recs__trend_node_at(trends, g->node);
        if (s->locked_count == 0 && (held == NULL || held->stripe != node->stripe)) {
            if (held != NULL)
                recs__trend_unlock(trends, held);
            recs__trend_lock(trends, node);
            held = node;
        }
        if (trends->bounded != NULL) {
            status = recs__bounded_room(trends, node, g->end - g->begin, error);
            continue;
        }
        status = reserve_cells(trends, s, g, node, error);
        if (status == RECS_OK && trends->options.actors != 0)
            status = reserve_actors(trends, s, g, node, error);
    }
    if (held != NULL)
        recs__trend_unlock(trends, held);
    if (status != RECS_OK)
        unreserve(trends, s, at);
    return status;
}

/* ---- counting --------------------------------------------------------------------------- */

typedef struct totals {
    int32_t slots[2][RECS__TREND_SERIES]; /* sales, returns */
    int64_t sums[2][RECS__TREND_SERIES];
} totals;

static void flush_total(recs_trends *trends, recs__trend_node *node, totals *t, int side,
                        uint32_t series) {
    if (t->sums[side][series] == 0)
        return;
    recs__trend_cell *cell = recs__trend_take(
        trends, node, RECS__TREND_TOTAL | (side ? RECS__TREND_RETURNED : UINT32_C(0)));
    recs__trend_add(trends, cell, series, t->slots[side][series], t->sums[side][series]);
    t->sums[side][series] = 0;
}

static void add_total(recs_trends *trends, recs__trend_node *node, totals *t,
                      recs__trend_record *record) {
    const int32_t *slots = recs__trend_slots(trends, record);
    int side = (record->item & RECS__TREND_RETURNED) != 0;
    for (uint32_t s = 0; s < trends->options.series_count; s++) {
        if (slots[s] < 0)
            continue;
        if (slots[s] != t->slots[side][s] || t->sums[side][s] > INT64_MAX / 2) {
            flush_total(trends, node, t, side, s);
            t->slots[side][s] = slots[s];
        }
        t->sums[side][s] += record->worth[s]; /* 2^48 at most */
    }
}

static void flush_totals(recs_trends *trends, recs__trend_node *node, totals *t) {
    for (int side = 0; side < 2; side++)
        for (uint32_t s = 0; s < trends->options.series_count; s++)
            flush_total(trends, node, t, side, s);
}

static void count_actor(recs_trends *trends, scratch *s, recs__trend_node *node, uint32_t event,
                        uint32_t *stopped) {
    const recs__trend_event *e = &s->events[event];
    bool plain = node->base == RECS_NO_PLACE; /* not of a segment */
    uint8_t known = plain ? 1 : 2;
    recs__trend_actors_unroom(trends, node, e);
    if (s->known_above[event] & known)
        return;
    recs__trend_join join =
        recs__trend_count_actor(trends, node, e, record_at(trends, s, event), s->slots,
                                s->now_newest, stopped);
    if (join == RECS__TREND_JOIN_KNOWN)
        s->known_above[event] |= known;
    if (plain) { /* each event passes the root once, or is known before */
        bool same = join == RECS__TREND_JOIN_SAME && node->depth == 0,
             late = join == RECS__TREND_JOIN_LATE && node->depth == 0;
        s->counts[RECS_TRENDS_REPEATED] += same || join == RECS__TREND_JOIN_KNOWN;
        s->counts[RECS_TRENDS_LATE_ACTOR] += late;
    }
}

/* Asks for what pair i will need: first its record and its place, later its cell. */
static void look_ahead(const recs_trends *trends, const scratch *s, size_t i) {
    if (i + 2 * AHEAD < s->pair_count) {
        uint64_t pair = s->pairs[i + 2 * AHEAD];
        __builtin_prefetch(record_at(trends, s, (uint32_t)pair));
        __builtin_prefetch(recs__trend_node_at(trends, (uint32_t)(pair >> 32)));
    }
    if (i + AHEAD < s->pair_count) {
        uint64_t pair = s->pairs[i + AHEAD];
        const recs__trend_node *node = recs__trend_node_at(trends, (uint32_t)(pair >> 32));
        recs__trend_prefetch(trends, node, record_at(trends, s, (uint32_t)pair)->item);
    }
}

/* Asks for the actor's entry of a pair of the same place. */
static void look_ahead_at_actor(const recs_trends *trends, const scratch *s,
                                const recs__trend_node *node, size_t i) {
    uint32_t event = (uint32_t)s->pairs[i];
    if (s->events[event].actor != RECS_NO_ACTOR && s->known_above[event] == 0)
        recs__trend_actors_ask(trends, node, &s->events[event]);
}

static void count_group(recs_trends *trends, scratch *s, const group *g,
                        recs__trend_node *node) {
    totals t = {0};
    uint32_t stopped = 0;
    for (uint32_t i = g->begin; i < g->end; i++) {
        look_ahead(trends, s, i);
        if (trends->options.actors != 0 && i + ACTORS_AHEAD < g->end)
            look_ahead_at_actor(trends, s, node, i + ACTORS_AHEAD);
        uint32_t event = (uint32_t)s->pairs[i];
        recs__trend_record *record = record_at(trends, s, event);
        if (trends->options.actors != 0 && s->events[event].actor != RECS_NO_ACTOR) {
            count_actor(trends, s, node, event, &stopped);
        } else {
            stopped += recs__trend_count_hot(trends, node, record, s->slots, s->now_newest);
            add_total(trends, node, &t, record);
        }
        if ((i - g->begin) % STEP == STEP - 1)
            recs__trend_make_way(trends, node);
    }
    flush_totals(trends, node, &t);
    if (trends->options.actors != 0)
        recs__trend_tally_settle(trends, node, s->slots);
    node->reserved -= g->cells;
    s->counts[RECS_TRENDS_SATURATED] += stopped;
}

static void count_bounded(recs_trends *trends, scratch *s, const group *g,
                          recs__trend_node *node, const recs__bounded_lens *lens) {
    bool root = node->depth == 0 && node->base == RECS_NO_PLACE;
    for (uint32_t i = g->begin; i < g->end; i++) {
        uint32_t event = (uint32_t)s->pairs[i];
        bool counted = recs__bounded_count(trends, node, &s->events[event],
                                           record_at(trends, s, event), s->slots, lens);
        s->counts[RECS_TRENDS_REPEATED] += root && !counted;
        if ((i - g->begin) % STEP == STEP - 1)
            recs__trend_make_way(trends, node);
    }
}

static void commit(recs_trends *trends, scratch *s) {
    recs__trend_node *held = NULL;
    recs__bounded_lens lens;
    bool bounded = trends->bounded != NULL;
    if (bounded)
        recs__bounded_lens_make(trends, s->now_newest, &lens);
    for (size_t at = 0; at < s->group_count; at++) {
        recs__trend_node *node = recs__trend_node_at(trends, s->groups[at].node);
        if (s->locked_count != 0) {
            ; /* held already */
        } else if (held == NULL || held->stripe != node->stripe) {
            if (held != NULL)
                recs__trend_unlock(trends, held);
            recs__trend_lock(trends, node);
            held = node;
        } else {
            recs__trend_make_way(trends, node);
        }
        if (bounded)
            count_bounded(trends, s, &s->groups[at], node, &lens);
        else
            count_group(trends, s, &s->groups[at], node);
    }
    if (held != NULL)
        recs__trend_unlock(trends, held);
}

/* ---- a piece ---------------------------------------------------------------------------- */

typedef struct columns {
    const uint32_t *items, *places;
    const uint64_t *actors;
    const int64_t *times;
    const float *weights;
    const uint8_t *returned;
    size_t count;
    int64_t now;
} columns;

/* Events of rows [begin, end) that pass the clock and weigh something. */
static void take_events(recs_trends *trends, scratch *s, const columns *c, size_t begin,
                        size_t end) {
    int64_t latest = c->now > INT64_MAX - trends->options.future ? INT64_MAX
                                                                 : c->now + trends->options.future;
    s->count = 0;
    s->newest = RECS_NO_TIME;
    s->oldest = INT64_MAX;
    s->known = false;
    s->heaviest = 0;
    for (size_t row = begin; row < end; row++) {
        int64_t time = c->times == NULL || c->times[row] == RECS_NO_TIME ? c->now : c->times[row];
        float weight = c->weights == NULL ? 1.0f : c->weights[row];
        uint32_t steps = (uint32_t)((double)weight * (1 << RECS__TREND_FRACTION) + 0.5);
        if (time > latest) {
            s->counts[RECS_TRENDS_FUTURE]++;
            continue;
        }
        if (steps == 0) {
            s->counts[RECS_TRENDS_WEIGHTLESS]++;
            continue;
        }
        bool returned = c->returned != NULL && c->returned[row] != 0;
        s->places[s->count] = c->places[row];
        s->events[s->count++] = (recs__trend_event){
            .actor = c->actors == NULL || trends->options.actors == 0 ? RECS_NO_ACTOR
                                                                      : c->actors[row],
            .time = time,
            .item = c->items[row] | (returned ? RECS__TREND_RETURNED : UINT32_C(0)),
            .weight = steps};
        s->newest = time > s->newest ? time : s->newest;
        s->oldest = time < s->oldest ? time : s->oldest;
        s->heaviest = steps > s->heaviest ? steps : s->heaviest;
        s->known |= s->events[s->count - 1].actor != RECS_NO_ACTOR;
    }
}

/* Their records; drops what no series keeps and what an actor sent too late. */
static void make_records(recs_trends *trends, scratch *s) {
    int64_t newest = atomic_load_explicit(&trends->newest, memory_order_relaxed), remembered = 0;
    s->now_newest = newest > s->newest ? newest : s->newest;
    recs__trend_slots_at(trends, s->now_newest, s->slots);
    if (trends->options.actors != 0 && s->now_newest >= 0)
        remembered = (s->now_newest / trends->options.actors - trends->options.actors_kept + 1) *
                     trends->options.actors;
    uint32_t kept = 0;
    for (uint32_t e = 0; e < s->count; e++) {
        const recs__trend_event *event = &s->events[e];
        if (event->actor != RECS_NO_ACTOR && event->time < remembered) {
            s->counts[RECS_TRENDS_LATE_ACTOR]++;
            continue;
        }
        if (!recs__trend_record_make(trends, s->slots, event, record_at(trends, s, kept))) {
            s->counts[RECS_TRENDS_TOO_OLD]++;
            continue;
        }
        s->counts[RECS_TRENDS_ADDED]++;
        s->counts[RECS_TRENDS_RETURNS] += (event->item & RECS__TREND_RETURNED) != 0;
        s->places[kept] = s->places[e];
        s->events[kept++] = *event;
    }
    s->count = kept;
}

static int64_t oldest_of_actors(const recs_trends *trends, const scratch *s) {
    int64_t oldest = INT64_MAX;
    for (uint32_t e = 0; e < s->count && trends->options.actors != 0; e++)
        if (s->events[e].actor != RECS_NO_ACTOR && s->events[e].time < oldest)
            oldest = s->events[e].time;
    return oldest;
}

/* Puts the events themselves in order of their places, so that they are read one after another
 * from then on. Those of one place keep their order. */
static recs_status sort_events(recs_trends *trends, scratch *s, recs_error *error) {
    uint32_t most = 0;
    recs_status status = recs__trend_pair_room(trends, s, s->count, 0, error);
    if (status == RECS_OK)
        status = recs__trend_moved_room(trends, s, s->count, error);
    if (status != RECS_OK)
        return status;
    for (uint32_t e = 0; e < s->count; e++) {
        s->pairs[e] = (uint64_t)s->places[e] << 32 | e;
        most = s->places[e] > most ? s->places[e] : most;
    }
    recs__trend_sort_pairs(s->pairs, s->spare, s->count, most);
    for (uint32_t e = 0; e < s->count; e++) {
        s->moved[e] = s->events[(uint32_t)s->pairs[e]];
        s->places[e] = (uint32_t)(s->pairs[e] >> 32);
    }
    recs__trend_event *events = s->events;
    size_t capacity = s->event_capacity;
    s->events = s->moved;
    s->event_capacity = s->moved_capacity;
    s->moved = events;
    s->moved_capacity = capacity;
    return RECS_OK;
}

/* Counts the events that make_records keeps. */
static recs_status count_records(recs_trends *trends, scratch *s, recs_error *error) {
    recs_status status =
        recs__trend_record_room(trends, s, s->count * recs__trend_record_size(trends), error);
    if (status == RECS_OK && trends->bounded == NULL)
        status = sort_events(trends, s, error);
    if (status != RECS_OK)
        return status;
    make_records(trends, s);
    if (s->count == 0)
        return RECS_OK;
    memset(s->known_above, 0, s->count * sizeof *s->known_above);
    status = make_groups(trends, s, error);
    if (status != RECS_OK)
        return status;
    lock_all(trends, s);
    status = reserve(trends, s, error);
    if (status == RECS_OK) {
        recs__trend_advance(trends, s->now_newest);
        commit(trends, s);
    }
    recs__trend_unlock_groups(trends, s);
    if (status == RECS_OK)
        recs__trend_counted(trends, s->count, oldest_of_actors(trends, s));
    return status;
}

/* Counts the events taken. */
static recs_status count_piece(recs_trends *trends, scratch *s, recs_error *error) {
    recs_status status = recs__trend_run_fits(trends, s) ? recs__trend_run_count(trends, s, error)
                                                         : count_records(trends, s, error);
    if (status != RECS_OK)
        return status;
    for (int i = 0; i < RECS_TRENDS_COUNTERS; i++)
        if (s->counts[i] != 0)
            atomic_fetch_add_explicit(&trends->counters[i], s->counts[i], memory_order_relaxed);
    return RECS_OK;
}

static recs_status add_piece(recs_trends *trends, scratch *s, const columns *c, size_t begin,
                             size_t end, recs_error *error) {
    bool turn;
    memset(s->counts, 0, sizeof s->counts);
    recs_status status = recs__trend_log_room(trends, (uint32_t)(end - begin), &turn, error);
    if (status == RECS_OK)
        status = recs__trend_event_room(trends, s, end - begin, error);
    if (status == RECS_OK) {
        take_events(trends, s, c, begin, end);
        status = count_piece(trends, s, error);
    }
    if (status == RECS_OK && turn && s->count != 0)
        recs__trend_log_add(trends, s->events, s->places, s->count, s->now_newest);
    recs__trend_log_done(trends, &turn);
    return status;
}

/* Events as they were taken before, into the scratch. */
static void take_again(scratch *s, const recs__trend_event *events, const uint32_t *places,
                       uint32_t count) {
    memset(s->counts, 0, sizeof s->counts);
    memcpy(s->events, events, count * sizeof *events);
    memcpy(s->places, places, count * sizeof *places);
    s->count = count;
    s->newest = RECS_NO_TIME;
    s->oldest = INT64_MAX;
    s->known = false;
    s->heaviest = 0;
    for (uint32_t e = 0; e < count; e++) {
        s->newest = events[e].time > s->newest ? events[e].time : s->newest;
        s->oldest = events[e].time < s->oldest ? events[e].time : s->oldest;
        s->heaviest = events[e].weight > s->heaviest ? events[e].weight : s->heaviest;
        s->known |= events[e].actor != RECS_NO_ACTOR;
    }
}

recs_status recs__trend_add_waiting(recs_trends *trends, const recs__trend_event *events,
                                    const uint32_t *places, uint32_t count, recs_error *error) {
    scratch *s;
    bool turn;
    recs_status status = recs__trend_scratch_take(trends, &s, error);
    if (status != RECS_OK)
        return status;
    status = recs__trend_log_room(trends, count, &turn, error);
    if (status == RECS_OK)
        status = recs__trend_event_room(trends, s, count, error);
    if (status == RECS_OK) {
        take_again(s, events, places, count);
        status = count_piece(trends, s, error);
    }
    if (status == RECS_OK && turn && s->count != 0)
        recs__trend_log_add(trends, s->events, s->places, s->count, s->now_newest);
    recs__trend_log_done(trends, &turn);
    recs__trend_scratch_give(trends, s);
    return status;
}

recs_status recs__trend_add_events(recs_trends *trends, const recs__trend_event *events,
                                   const uint32_t *places, uint32_t count, int64_t newest,
                                   recs_error *error) {
    scratch *s;
    recs_status status = recs__trend_scratch_take(trends, &s, error);
    if (status != RECS_OK)
        return status;
    status = recs__trend_event_room(trends, s, count, error);
    if (status == RECS_OK) {
        take_again(s, events, places, count);
        s->newest = newest;
        status = count_piece(trends, s, error);
    }
    recs__trend_scratch_give(trends, s);
    return status;
}

/* ---- validation ------------------------------------------------------------------------- */

static recs_status check_row(const columns *c, size_t row, uint32_t items, uint32_t places,
                             recs_error *error) {
    if (c->items[row] >= items)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "items row %zu: handle %u, expected one below %u", row, c->items[row],
                          items);
    if (c->places[row] >= places)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "places row %zu: handle %u, expected one below %u", row, c->places[row],
                          places);
    if (c->weights != NULL && !(c->weights[row] >= 0 && c->weights[row] <= WEIGHT_MAX))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "weights row %zu: %g, expected a number from 0 to 1000000", row,
                          (double)c->weights[row]);
    if (c->times != NULL && c->times[row] != RECS_NO_TIME &&
        (c->times[row] < 0 || c->times[row] >= RECS__TREND_TIME_END))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "times row %zu: %" PRId64 ", expected milliseconds from 1970 to 2600",
                          row, c->times[row]);
    return RECS_OK;
}

static recs_status check_columns(const recs_trends *trends, const columns *c,
                                 recs_error *error) {
    uint32_t items = recs_trends_item_count(trends), places = recs_trends_place_count(trends);
    if (c->count != 0 && (c->items == NULL || c->places == NULL))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL, expected a column of handles",
                          c->items == NULL ? "items" : "places");
    if (c->now < 0 || c->now >= RECS__TREND_TIME_END)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "the clock says %" PRId64 ", expected milliseconds from 1970 to 2600",
                          c->now);
    for (size_t row = 0; row < c->count; row++) {
        bool good = c->items[row] < items && c->places[row] < places;
        if (c->weights != NULL)
            good &= c->weights[row] >= 0 && c->weights[row] <= WEIGHT_MAX;
        if (c->times != NULL)
            good &= c->times[row] == RECS_NO_TIME ||
                    (c->times[row] >= 0 && c->times[row] < RECS__TREND_TIME_END);
        if (!good)
            return check_row(c, row, items, places, error);
    }
    return RECS_OK;
}

/* ---- the calls -------------------------------------------------------------------------- */

/* Where the piece from begin on ends: at its size, or before the first row that is
 * in a later time of actors than those before it, so that a batch over many of
 * these times remembers actors as the same events one by one would. */
static size_t piece_end(const recs_trends *trends, const columns *c, size_t begin) {
    size_t most = trends->options.memory != 0 ? RECS__TREND_SMALL_PIECE : RECS__TREND_PIECE,
           end = c->count - begin < most ? c->count : begin + most;
    int64_t actors = trends->options.actors, bound = INT64_MIN;
    int64_t latest = c->now > INT64_MAX - trends->options.future ? INT64_MAX
                                                                 : c->now + trends->options.future;
    if (actors == 0 || c->actors == NULL || c->times == NULL)
        return end;
    for (size_t row = begin; row < end; row++) {
        int64_t time = c->times[row] == RECS_NO_TIME ? c->now : c->times[row];
        if (time < bound || time > latest)
            continue;
        if (bound != INT64_MIN)
            return row;
        bound = (time / actors + 1) * actors;
    }
    return end;
}

recs_status recs_trends_add_rows(recs_trends *trends, const uint32_t *items,
                                 const uint32_t *places, const uint64_t *actors,
                                 const int64_t *times, const float *weights,
                                 const uint8_t *returned, size_t count, int64_t now,
                                 size_t *added, recs_error *error) {
    if (added != NULL)
        *added = 0;
    if (trends == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "trends is NULL, expected a recs_trends");
    if (trends->mapped != NULL)
        return recs__mapped_refuse(error);
    columns c = {.items = items,
                 .places = places,
                 .actors = actors,
                 .times = times,
                 .weights = weights,
                 .returned = returned,
                 .count = count,
                 .now = now == RECS_NO_TIME ? recs__now(&trends->host) : now};
    recs_status status = check_columns(trends, &c, error);
    if (status != RECS_OK || count == 0)
        return status;
    scratch *s;
    status = recs__trend_settle(trends, error); /* what came before is counted before */
    if (status == RECS_OK)
        status = recs__trend_scratch_take(trends, &s, error);
    if (status != RECS_OK)
        return status;
    for (size_t begin = 0, end; begin < count && status == RECS_OK; begin = end) {
        end = piece_end(trends, &c, begin);
        status = add_piece(trends, s, &c, begin, end, error);
        if (status == RECS_OK && added != NULL)
            *added = end;
    }
    recs__trend_scratch_give(trends, s);
    return status;
}

/* The time of an event that comes alone, RECS_NO_TIME being the clock's; *good: not
 * too far ahead of the clock. What the clock has shown before will do where that says
 * so already. */
static recs_status check_clock(recs_trends *trends, int64_t *time, bool *good,
                               recs_error *error) {
    _Atomic int64_t *shown = &trends->share->clock;
    int64_t future = trends->options.future;
    *good = true;
    if (*time != RECS_NO_TIME &&
        *time <= atomic_load_explicit(shown, memory_order_relaxed) + future)
        return RECS_OK;
    columns c = {.now = recs__now(&trends->host)};
    recs_status status = check_columns(trends, &c, error);
    if (status != RECS_OK)
        return status;
    atomic_store_explicit(shown, c.now, memory_order_relaxed);
    *time = *time == RECS_NO_TIME ? c.now : *time;
    *good = *time <= c.now + future;
    return RECS_OK;
}

recs_status recs_trends_add_one(recs_trends *trends, uint32_t item, uint32_t place,
                                uint64_t actor, int64_t time, float weight, recs_error *error) {
    bool good;
    if (trends == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "trends is NULL, expected a recs_trends");
    if (trends->mapped != NULL)
        return recs__mapped_refuse(error);
    columns c = {.items = &item, .places = &place, .times = &time, .weights = &weight};
    recs_status status = check_row(&c, 0, recs_trends_item_count(trends),
                                   recs_trends_place_count(trends), error);
    if (status == RECS_OK)
        status = check_clock(trends, &time, &good, error);
    if (status != RECS_OK)
        return status;
    recs__trend_event event = {
        .actor = trends->options.actors == 0 ? RECS_NO_ACTOR : actor,
        .time = time,
        .item = item,
        .weight = (uint32_t)((double)weight * (1 << RECS__TREND_FRACTION) + 0.5)};
    if (!good || event.weight == 0) {
        atomic_fetch_add_explicit(
            &trends->counters[good ? RECS_TRENDS_WEIGHTLESS : RECS_TRENDS_FUTURE], 1,
            memory_order_relaxed);
        return RECS_OK;
    }
    status = recs__trend_wait(trends, &event, place, error);
    return status == RECS_ERR_UNSUPPORTED
               ? recs__trend_add_waiting(trends, &event, &place, 1, error)
               : status;
}
