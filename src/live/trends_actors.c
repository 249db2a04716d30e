/* trends_actors.c - each actor once per item and window, and distinct actors.
 *
 * Windows. A ring of `actors_kept` tables by slot of the grid of option actors;
 * an entry is 24 bytes, a table at most 3/4 full. When the grid moves on a
 * table is emptied and used anew. Joining takes the heaviest weight and the
 * earliest time of an actor's events for an item: associative, commutative and
 * idempotent, so that states merge; while events come in order of time nothing
 * that was counted is ever taken back.
 *
 * Sketches. K minimum values (Bar-Yossef et al., RANDOM 2002; Beyer et al.,
 * SIGMOD 2007) with K = 64: exact below 64, else (K - 1) / (K-th hash as a
 * fraction), standard error 1 / sqrt(K - 2). The grid is one longest half-life
 * wide and two slots are kept. */
#include "live/trends_actors.h"

#include "live/trends_tally.h"

#include <string.h>

static uint64_t mix(uint64_t x) { /* splitmix64's finalizer: a bijection */
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint32_t home(uint64_t actor, uint32_t item, uint32_t capacity) {
    uint64_t hash = mix(actor + item * UINT64_C(0x9e3779b97f4a7c15));
    return (uint32_t)((hash >> 32) * capacity >> 32);
}

static recs__trend_window *window_of(const recs_trends *trends, recs__trend_actors *actors,
                                     int64_t time, int32_t *slot) {
    *slot = (int32_t)recs__trend_divide(&trends->options.by_actors, time);
    return &actors->windows[(uint32_t)*slot % trends->options.actors_kept];
}

/* Slot of a time on the sketches' grid, one longest half-life wide. */
static int32_t sketch_slot(const recs_trends *trends, int64_t time) {
    const recs__trend_series *base = &trends->options.series[trends->options.base];
    return (int32_t)recs__trend_divide(&base->by_length, time);
}

static recs__trend_sketch *sketch_of(const recs_trends *trends, recs__trend_actors *actors,
                                     int64_t time, int32_t *slot) {
    *slot = sketch_slot(trends, time);
    return &actors->sketches[*slot & 1];
}

void recs__trend_window_free(recs_trends *trends, recs__trend_window *window) {
    recs__trend_release(trends, window->seen, window->capacity * sizeof *window->seen);
    recs__trend_tally_free(trends, window);
    *window = (recs__trend_window){.slot = -1};
}

void recs__trend_window_clear(recs__trend_window *window) {
    if (window->used != 0)
        memset(window->seen, 0, window->capacity * sizeof *window->seen);
    recs__trend_tally_clear(window);
    window->used = 0;
    window->slot = -1;
}

static size_t actors_size(const recs_trends *trends) {
    return sizeof(recs__trend_actors) + trends->options.actors_kept * sizeof(recs__trend_window);
}

void recs__trend_actors_free(recs_trends *trends, recs__trend_node *node) {
    recs__trend_actors *actors = node->actors;
    if (actors == NULL)
        return;
    for (uint32_t w = 0; w < trends->options.actors_kept; w++)
        recs__trend_window_free(trends, &actors->windows[w]);
    for (int s = 0; s < 2; s++)
        recs__trend_release(trends, actors->sketches[s].hashes,
                            actors->sketches[s].capacity * sizeof(uint64_t));
    recs__trend_release(trends, actors, actors_size(trends));
    node->actors = NULL;
}

/* ---- room ------------------------------------------------------------------------- */

static recs_status begin(recs_trends *trends, recs__trend_node *node, recs_error *error) {
    if (node->actors != NULL)
        return RECS_OK;
    recs__trend_actors *made = recs__trend_alloc(trends, actors_size(trends), error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    memset(made, 0, actors_size(trends));
    for (uint32_t w = 0; w < trends->options.actors_kept; w++)
        made->windows[w].slot = -1;
    made->sketches[0].slot = made->sketches[1].slot = -1;
    node->actors = made;
    return RECS_OK;
}

/* The entry of an actor and item, or the free one where it belongs. */
static recs__trend_seen *look(recs__trend_seen *seen, uint32_t capacity, uint64_t actor,
                              uint32_t item) {
    uint32_t at = home(actor, item, capacity);
    while (seen[at].weight != 0 && (seen[at].actor != actor || seen[at].item != item))
        at = at + 1 == capacity ? 0 : at + 1;
    return &seen[at];
}

static recs_status window_room(recs_trends *trends, recs__trend_window *window, uint32_t more,
                               recs_error *error) {
    uint64_t need = (uint64_t)window->used + window->reserved + more;
    if (need * 4 <= (uint64_t)window->capacity * 3)
        return RECS_OK;
    uint64_t wanted = window->capacity < 4 ? 4 : (uint64_t)window->capacity * 2;
    if (wanted * 3 < need * 4)
        wanted = (need * 4 + 2) / 3;
    if (wanted > UINT32_MAX)
        return recs__fail_memory(error, SIZE_MAX);
    size_t size = (size_t)wanted * sizeof(recs__trend_seen);
    recs__trend_seen *seen = recs__trend_alloc(trends, size, error);
    if (seen == NULL)
        return RECS_ERR_MEMORY;
    memset(seen, 0, size);
    for (uint32_t i = 0; i < window->capacity; i++)
        if (window->seen[i].weight != 0)
            *look(seen, (uint32_t)wanted, window->seen[i].actor, window->seen[i].item) =
                window->seen[i];
    recs__trend_release(trends, window->seen, window->capacity * sizeof(recs__trend_seen));
    window->seen = seen;
    window->capacity = (uint32_t)wanted;
    return RECS_OK;
}

static recs_status sketch_room(recs_trends *trends, recs__trend_sketch *sketch, uint32_t more,
                               recs_error *error) {
    if (sketch->count + sketch->reserved + more <= sketch->capacity ||
        sketch->capacity == RECS__TREND_SKETCH)
        return RECS_OK;
    uint32_t wanted = sketch->capacity < 4 ? 4 : sketch->capacity * 2u;
    if (wanted > RECS__TREND_SKETCH || more > 1)
        wanted = RECS__TREND_SKETCH;
    uint64_t *hashes = recs__trend_alloc(trends, wanted * sizeof *hashes, error);
    if (hashes == NULL)
        return RECS_ERR_MEMORY;
    if (sketch->count != 0)
        memcpy(hashes, sketch->hashes, sketch->count * sizeof *hashes);
    recs__trend_release(trends, sketch->hashes, sketch->capacity * sizeof *hashes);
    sketch->hashes = hashes;
    sketch->capacity = (uint16_t)wanted;
    return RECS_OK;
}

recs_status recs__trend_actors_room(recs_trends *trends, recs__trend_node *node,
                                    const recs__trend_event *event, recs_error *error) {
    int32_t slot;
    recs_status status = begin(trends, node, error);
    if (status != RECS_OK)
        return status;
    recs__trend_window *window = window_of(trends, node->actors, event->time, &slot);
    recs__trend_sketch *sketch = sketch_of(trends, node->actors, event->time, &slot);
    status = window_room(trends, window, 1, error);
    if (status == RECS_OK)
        status = recs__trend_tally_room(trends, window, 1, error);
    if (status == RECS_OK)
        status = sketch_room(trends, sketch, 1, error);
    if (status == RECS_OK) {
        window->reserved++;
        sketch->reserved++;
    }
    return status;
}

void recs__trend_actors_unroom(recs_trends *trends, recs__trend_node *node,
                               const recs__trend_event *event) {
    int32_t slot;
    window_of(trends, node->actors, event->time, &slot)->reserved--;
    sketch_of(trends, node->actors, event->time, &slot)->reserved--;
}

recs_status recs__trend_actors_open(recs_trends *trends, recs__trend_node *node,
                                    recs_error *error) {
    recs_status status = begin(trends, node, error);
    for (int i = 0; i < 2 && status == RECS_OK; i++)
        status = sketch_room(trends, &node->actors->sketches[i], RECS__TREND_SKETCH, error);
    return status;
}

recs_status recs__trend_actors_window_room(recs_trends *trends, recs__trend_node *node,
                                           int64_t time, uint32_t entries, recs_error *error) {
    int32_t slot;
    recs__trend_window *window = window_of(trends, node->actors, time, &slot);
    recs_status status = window_room(trends, window, entries, error);
    if (status == RECS_OK)
        status = recs__trend_tally_room(trends, window, entries, error);
    if (status == RECS_OK)
        window->reserved += entries;
    return status;
}

void recs__trend_actors_window_unroom(recs_trends *trends, recs__trend_node *node, int64_t time,
                                      uint32_t entries) {
    int32_t slot;
    window_of(trends, node->actors, time, &slot)->reserved -= entries;
}

/* ---- joining ------------------------------------------------------------------------ */

/* Whether the hash changed the sketch. */
static bool sketch_add(recs__trend_actors *actors, int32_t slot, uint64_t hash) {
    recs__trend_sketch *sketch = &actors->sketches[slot & 1];
    if (slot < sketch->slot)
        return false;
    if (slot > sketch->slot) {
        sketch->slot = slot;
        sketch->count = 0;
    }
    uint32_t low = 0, high = sketch->count;
    if (high == RECS__TREND_SKETCH && hash >= sketch->hashes[high - 1])
        return false;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sketch->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < sketch->count && sketch->hashes[low] == hash)
        return false;
    uint32_t last = sketch->count < RECS__TREND_SKETCH ? sketch->count++ : sketch->count - 1u;
    memmove(sketch->hashes + low + 1, sketch->hashes + low, (last - low) * sizeof hash);
    sketch->hashes[low] = hash;
    return true;
}

void recs__trend_actors_ask(const recs_trends *trends, const recs__trend_node *node,
                            const recs__trend_event *event) {
    int32_t slot;
    if (node->actors == NULL)
        return;
    const recs__trend_window *window = window_of(trends, node->actors, event->time, &slot);
    if (window->capacity == 0)
        return;
    __builtin_prefetch(&window->seen[home(event->actor, event->item, window->capacity)], 1);
    recs__trend_tally_ask(window, event->actor);
}

recs__trend_join recs__trend_actors_join(recs_trends *trends, recs__trend_node *node,
                                         recs__trend_event *event, recs__trend_event *before,
                                         uint32_t *level) {
    int32_t slot;
    recs__trend_window *window = window_of(trends, node->actors, event->time, &slot);
    if (slot < window->slot)
        return RECS__TREND_JOIN_LATE;
    if (slot > window->slot) {
        recs__trend_window_clear(window);
        window->slot = slot;
    }
    bool seen_before = true; /* by the sketch */
    if (!(event->item & RECS__TREND_RETURNED))
        seen_before = !sketch_add(node->actors, sketch_slot(trends, event->time),
                                  mix(event->actor));
    recs__trend_seen *seen = look(window->seen, window->capacity, event->actor, event->item);
    int64_t begins = slot * trends->options.actors;
    uint32_t time = (uint32_t)(event->time - begins);
    if (seen->weight == 0) {
        *seen = (recs__trend_seen){.actor = event->actor,
                                   .item = event->item,
                                   .weight = event->weight,
                                   .time = time};
        window->used++;
        *level = recs__trend_tally_count(trends, window, event->actor);
        return RECS__TREND_JOIN_NEW;
    }
    if (event->weight <= seen->weight && time >= seen->time)
        return seen_before ? RECS__TREND_JOIN_KNOWN : RECS__TREND_JOIN_SAME;
    *level = recs__trend_tally_level(window, event->actor);
    *before = *event;
    before->weight = seen->weight;
    before->time = begins + seen->time;
    if (event->weight < seen->weight)
        event->weight = seen->weight;
    if (time > seen->time)
        event->time = before->time;
    seen->weight = event->weight;
    seen->time = (uint32_t)(event->time - begins);
    return RECS__TREND_JOIN_MORE;
}

void recs__trend_actors_hash(const recs_trends *trends, recs__trend_node *node, int64_t time,
                             int32_t back, uint64_t hash) {
    int32_t slot = sketch_slot(trends, time) - back;
    if (slot >= 0)
        sketch_add(node->actors, slot, hash);
}

/* ---- of several nodes ------------------------------------------------------------------ */

static void keep(uint64_t *kept, uint32_t *count, uint64_t hash) {
    uint32_t at = *count;
    while (at > 0 && kept[at - 1] > hash)
        at--;
    if ((at > 0 && kept[at - 1] == hash) || at == RECS__TREND_SKETCH)
        return;
    uint32_t last = *count < RECS__TREND_SKETCH ? (*count)++ : *count - 1;
    memmove(kept + at + 1, kept + at, (last - at) * sizeof *kept);
    kept[at] = hash;
}

void recs__trend_actors_unite(const recs_trends *trends, const recs__trend_node *node,
                              uint64_t *kept, uint32_t *count) {
    int64_t newest = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    if (node->actors == NULL || newest < 0)
        return;
    int32_t slot = sketch_slot(trends, newest);
    for (int i = 0; i < 2; i++) {
        const recs__trend_sketch *sketch = &node->actors->sketches[i];
        bool recent = sketch->slot == slot || sketch->slot == slot - 1;
        for (uint32_t h = 0; recent && h < sketch->count; h++)
            keep(kept, count, sketch->hashes[h]);
    }
}

double recs__trend_actors_united(const uint64_t *kept, uint32_t count) {
    if (count < RECS__TREND_SKETCH)
        return (double)count;
    return (RECS__TREND_SKETCH - 1) / ((double)kept[count - 1] / 18446744073709551616.0);
}

/* ---- how many ------------------------------------------------------------------------- */

/* Up to `most` (at most RECS__TREND_SKETCH) of the smallest hashes in the newest two
 * slots: their number, the largest in *last. */
static uint32_t smallest(const recs_trends *trends, const recs__trend_node *node, uint32_t most,
                         uint64_t *last) {
    int64_t newest = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    if (node->actors == NULL || newest < 0)
        return 0;
    int32_t slot = sketch_slot(trends, newest);
    const recs__trend_sketch *a = &node->actors->sketches[slot & 1],
                             *b = &node->actors->sketches[~slot & 1];
    uint32_t a_count = a->slot == slot ? a->count : 0,
             b_count = b->slot == slot - 1 ? b->count : 0, i = 0, j = 0, count = 0;
    while (count < most && (i < a_count || j < b_count)) {
        bool from_a = j == b_count || (i < a_count && a->hashes[i] <= b->hashes[j]);
        *last = from_a ? a->hashes[i] : b->hashes[j];
        i += i < a_count && a->hashes[i] == *last;
        j += j < b_count && b->hashes[j] == *last;
        count++;
    }
    return count;
}

double recs__trend_actors_count(const recs_trends *trends, const recs__trend_node *node,
                                bool *exact) {
    uint64_t last = 0;
    uint32_t count = smallest(trends, node, RECS__TREND_SKETCH, &last);
    *exact = count < RECS__TREND_SKETCH;
    return *exact ? (double)count
                  : (RECS__TREND_SKETCH - 1) / ((double)last / 18446744073709551616.0);
}

bool recs__trend_actors_reach(const recs_trends *trends, const recs__trend_node *node,
                              uint32_t least) {
    uint64_t last = 0;
    bool exact;
    return least < RECS__TREND_SKETCH
               ? smallest(trends, node, least, &last) >= least
               : recs__trend_actors_count(trends, node, &exact) >= (double)least;
}
