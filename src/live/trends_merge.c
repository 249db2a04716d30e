/* trends_merge.c - the counts of an image into a state: reserve, then commit.
 *
 * Sums are added, first times are lowered, an actor's entry is joined as the
 * event it was, hashes of actors are united. All four are associative and
 * commutative, so a merge equals the merged stream in any order and grouping;
 * joining is idempotent too, sums are not: whether an image was counted
 * before, trends_share.c knows.
 *
 * Cost: a look-up a cell and an entry; the candidates of each place that has
 * lists are chosen anew. A place is under its lock while it is merged, and
 * queries and adders go on elsewhere. */
#include "live/trends_merge.h"

#include "live/trends_actors.h"
#include "live/trends_tally.h"

typedef struct reserved {
    uint32_t node;
    uint32_t cells;
    uint32_t seen;   /* first of the first records of the node's windows, below */
    uint32_t windows;
} reserved;

/* Entries of a node in one window. */
typedef struct window_room {
    uint32_t age, count;
} window_room;

struct recs__trend_merger {
    recs_trends *trends;
    const recs__trend_image *image;
    uint32_t *items;    /* image's item -> handle      */
    reserved *nodes;    /* one for every node so far   */
    window_room *rooms;
    size_t node_count, room_count, node_capacity, room_capacity;
    recs__trend_window gone; /* a node's tallies in a window that the state no longer knows */
    uint32_t gone_age;
    int32_t theirs[RECS__TREND_SERIES]; /* newest slots of the image       */
    int32_t newest[RECS__TREND_SERIES]; /* and of the state once merged    */
    int64_t now;
    uint64_t stopped;
};

static int64_t window_begins(const recs__trend_merger *m, uint32_t age) {
    int64_t width = m->trends->options.actors;
    return (m->image->newest / width - age) * width;
}

static uint32_t item_of(const recs__trend_merger *m, uint32_t item) {
    return m->items[item & ~RECS__TREND_RETURNED] | (item & RECS__TREND_RETURNED);
}

/* ---- reserving ------------------------------------------------------------------ */

static recs_status resolve_items(recs__trend_merger *m, recs_error *error) {
    recs_trends *trends = m->trends;
    m->items = recs__alloc(&trends->host, m->image->items, sizeof *m->items, error);
    recs_status status = m->items == NULL ? RECS_ERR_MEMORY : RECS_OK;
    for (size_t i = 0; i < m->image->items && status == RECS_OK; i++) {
        size_t size;
        const char *text = recs__image_text(m->image, RECS__IMAGE_ITEM_OFFSETS, i, &size);
        status = recs__trend_names_take(&trends->items, &trends->host, text, size,
                                        RECS__TREND_ITEMS, &m->items[i], error);
    }
    return status;
}

static recs_status resolve_node(recs__trend_merger *m, const recs__image_node *record,
                                uint32_t *node, recs_error *error) {
    size_t size, segment_size = 0;
    const char *path = recs__image_text(m->image, RECS__IMAGE_PATH_OFFSETS, record->path, &size);
    const char *segment = NULL;
    if (record->segment != UINT32_MAX)
        segment = recs__image_text(m->image, RECS__IMAGE_SEGMENT_OFFSETS, record->segment,
                                   &segment_size);
    return recs__trend_node_take(m->trends, path, size, segment, segment_size, node, error);
}

/* Cells that entries of actors from `seen` on may need beside the record's own. */
static uint64_t more_cells(const recs__trend_merger *m, const recs__image_node *record,
                           size_t cell, size_t seen) {
    uint64_t more = 0;
    recs__image_seen before = {.age = UINT32_MAX};
    size_t at = cell, end = cell + (size_t)record->cells;
    for (uint64_t i = 0; i < record->seen; i++) {
        recs__image_seen entry = recs__image_seen_at(m->image, seen + (size_t)i);
        if (entry.age != before.age)
            at = cell; /* a window begins with its first item */
        else if (entry.item == before.item)
            continue;
        while (at < end && recs__image_cell_at(m->image, at).item < entry.item)
            at++;
        more += at == end || recs__image_cell_at(m->image, at).item != entry.item;
        before = entry;
    }
    return more;
}

static recs_status note_windows(recs__trend_merger *m, const recs__image_node *record,
                                reserved *r, size_t seen, recs_error *error) {
    recs_status status = RECS_OK;
    r->seen = (uint32_t)m->room_count;
    for (uint64_t i = 0; i < record->seen && status == RECS_OK; i++) {
        uint32_t age = recs__image_seen_at(m->image, seen + (size_t)i).age;
        if (r->windows != 0 && m->rooms[m->room_count - 1].age == age) {
            m->rooms[m->room_count - 1].count++;
            continue;
        }
        void *rooms = m->rooms;
        status = recs__grow(&m->trends->host, &rooms, &m->room_capacity, m->room_count + 1,
                            sizeof *m->rooms, error);
        m->rooms = rooms;
        if (status != RECS_OK)
            break;
        m->rooms[m->room_count++] = (window_room){age, 1};
        r->windows++;
    }
    return status;
}

static recs_status reserve_actors(recs__trend_merger *m, recs__trend_node *node, reserved *r,
                                  recs_error *error) {
    uint32_t windows = r->windows;
    r->windows = 0;
    recs_status status = recs__trend_actors_open(m->trends, node, error);
    for (uint32_t w = 0; w < windows && status == RECS_OK; w++) {
        const window_room *room = &m->rooms[r->seen + w];
        status = recs__trend_actors_window_room(m->trends, node, window_begins(m, room->age),
                                                room->count, error);
        r->windows += status == RECS_OK;
        if (status == RECS_OK) /* for the largest */
            status = recs__trend_tally_room(m->trends, &m->gone, room->count, error);
    }
    return status;
}

static void give_back(recs__trend_merger *m, const reserved *r, recs__trend_node *node) {
    node->reserved -= r->cells;
    for (uint32_t w = 0; w < r->windows; w++) {
        const window_room *room = &m->rooms[r->seen + w];
        recs__trend_actors_window_unroom(m->trends, node, window_begins(m, room->age),
                                         room->count);
    }
}

/* Room for the records of a node; first: where they begin. */
static recs_status reserve_node(recs__trend_merger *m, const recs__image_node *record, size_t cell,
                                size_t seen, recs_error *error) {
    reserved r = {0};
    recs_status status = resolve_node(m, record, &r.node, error);
    if (status != RECS_OK)
        return status;
    uint64_t cells = record->cells + more_cells(m, record, cell, seen) + 2;
    if (cells >= RECS__TREND_ITEMS)
        return recs__fail(error, RECS_ERR_LIMIT, "a place has more than %u items",
                          RECS__TREND_ITEMS);
    status = note_windows(m, record, &r, seen, error);
    void *nodes = m->nodes;
    if (status == RECS_OK)
        status = recs__grow(&m->trends->host, &nodes, &m->node_capacity, m->node_count + 1,
                            sizeof *m->nodes, error);
    m->nodes = nodes;
    if (status != RECS_OK)
        return status;
    recs__trend_node *node = recs__trend_node_at(m->trends, r.node);
    recs__trend_lock(m->trends, node);
    status = recs__trend_make_room(m->trends, node, (uint32_t)cells, error);
    if (status == RECS_OK) {
        r.cells = (uint32_t)cells;
        node->reserved += r.cells;
        if (record->seen != 0 || record->hashes[0] != 0 || record->hashes[1] != 0)
            status = reserve_actors(m, node, &r, error);
        if (status != RECS_OK)
            give_back(m, &r, node);
    }
    recs__trend_unlock(m->trends, node);
    if (status == RECS_OK)
        m->nodes[m->node_count++] = r;
    return status;
}

recs_status recs__trend_merge_begin(recs__trend_merger **merger, recs_trends *trends,
                                    const recs__trend_image *image, recs_error *error) {
    *merger = NULL;
    recs__trend_merger *m = recs__alloc_zero(&trends->host, 1, sizeof *m, error);
    if (m == NULL)
        return RECS_ERR_MEMORY;
    m->trends = trends;
    m->image = image;
    recs_status status = resolve_items(m, error);
    size_t cell = 0, seen = 0;
    for (size_t i = 0; i < image->nodes && status == RECS_OK; i++) {
        recs__image_node record = recs__image_node_at(image, i);
        status = reserve_node(m, &record, cell, seen, error);
        cell += (size_t)record.cells;
        seen += (size_t)record.seen;
    }
    if (status != RECS_OK) {
        recs__trend_merge_abandon(m);
        return status;
    }
    *merger = m;
    return RECS_OK;
}

static void merger_free(recs__trend_merger *m) {
    recs_host host = m->trends->host;
    recs__trend_tally_free(m->trends, &m->gone);
    recs__free(&host, m->items);
    recs__free(&host, m->nodes);
    recs__free(&host, m->rooms);
    recs__free(&host, m);
}

void recs__trend_merge_abandon(recs__trend_merger *m) {
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->node_count; i++) {
        recs__trend_node *node = recs__trend_node_at(m->trends, m->nodes[i].node);
        recs__trend_lock(m->trends, node);
        give_back(m, &m->nodes[i], node);
        recs__trend_unlock(m->trends, node);
    }
    merger_free(m);
}

/* ---- counting -------------------------------------------------------------------- */

/* Where the next records of a node begin. */
typedef struct place {
    size_t cell, sum, seen, hash;
} place;

static uint32_t series_of(const recs_trends *trends, uint32_t column) {
    uint32_t s = 0;
    while (s + 1 < trends->options.series_count && column >= trends->options.series[s + 1].column)
        s++;
    return s;
}

static bool alive(const recs__trend_merger *m, uint32_t s, int32_t slot) {
    return slot >= 0 && m->newest[s] - slot < (int32_t)m->trends->options.series[s].slots;
}

static bool cell_alive(const recs__trend_merger *m, const recs__image_cell *record, size_t sum) {
    uint32_t base = m->trends->options.base;
    for (int32_t i = 0; i < 2; i++)
        if (record->first[i] != 0 && alive(m, base, m->theirs[base] - 1 + i))
            return true;
    for (size_t i = sum; i < sum + record->sums; i++) {
        uint32_t column = recs__image_column(m->image, i), s = series_of(m->trends, column);
        int32_t age = (int32_t)(column - m->trends->options.series[s].column);
        if (alive(m, s, m->theirs[s] - age))
            return true;
    }
    return false;
}

static void count_cell(recs__trend_merger *m, recs__trend_node *node,
                       const recs__image_cell *record, size_t sum) {
    recs_trends *trends = m->trends;
    uint32_t base = trends->options.base;
    if (!cell_alive(m, record, sum))
        return;
    uint32_t item = item_of(m, record->item);
    recs__trend_cell *total =
        recs__trend_take(trends, node, RECS__TREND_TOTAL | (item & RECS__TREND_RETURNED));
    recs__trend_cell *cell = recs__trend_take(trends, node, item);
    for (size_t i = sum; i < sum + record->sums; i++) {
        uint32_t column = recs__image_column(m->image, i), s = series_of(trends, column);
        int32_t slot = m->theirs[s] - (int32_t)(column - trends->options.series[s].column);
        int64_t value = (int64_t)recs__image_u64(m->image, RECS__IMAGE_SUMS, i);
        if (!alive(m, s, slot))
            continue;
        m->stopped += recs__trend_add(trends, cell, s, slot, value);
        recs__trend_add(trends, total, s, slot, value);
    }
    for (int32_t i = 0; i < 2; i++) {
        int32_t slot = m->theirs[base] - 1 + i;
        if (record->first[i] == 0 || !alive(m, base, slot))
            continue;
        recs__trend_add(trends, cell, base, slot, 0); /* so that the cell knows the slot */
        recs__trend_appeared(trends, node, cell, slot, record->first[i] - 1);
    }
}

/* The tallies of a node's entries of one window, which begin at `at`. */
static void tally_gone(recs__trend_merger *m, uint32_t age, size_t at, size_t end) {
    recs__trend_tally_clear(&m->gone);
    m->gone_age = age;
    for (m->gone.used = 0; at < end; at++) {
        recs__image_seen entry = recs__image_seen_at(m->image, at);
        if (entry.age != age)
            break;
        m->gone.used++;
        recs__trend_tally_enter(&m->gone, entry.actor);
    }
}

/* An entry of a window this state no longer knows anybody of, as it weighs there. */
static void count_gone(recs__trend_merger *m, recs__trend_node *node, recs__trend_event *event,
                       uint32_t *stopped) {
    recs__trend_any_record any;
    event->weight = recs__trend_levelled(
        event->weight, recs__trend_tally_level_of(m->trends, &m->gone, event->actor));
    if (recs__trend_record_make(m->trends, m->newest, event, &any.record))
        *stopped += recs__trend_count(m->trends, node, &any.record, m->newest, m->now, true);
}

/* at: of the entry; end: of its node's. */
static void count_seen(recs__trend_merger *m, recs__trend_node *node,
                       const recs__image_seen *entry, size_t at, size_t end) {
    recs_trends *trends = m->trends;
    recs__trend_event event = {.actor = entry->actor,
                               .item = item_of(m, entry->item),
                               .weight = entry->weight,
                               .time = window_begins(m, entry->age) + entry->time};
    recs__trend_event before;
    recs__trend_any_record any;
    uint32_t stopped = 0, level;
    if (!recs__trend_record_make(trends, m->newest, &event, &any.record)) {
        recs__trend_actors_join(trends, node, &event, &before, &level);
        return;
    }
    recs__trend_join join = recs__trend_count_actor(trends, node, &event, &any.record, m->newest,
                                                    m->now, &stopped);
    if (join == RECS__TREND_JOIN_LATE) {
        if (m->gone_age != entry->age)
            tally_gone(m, entry->age, at, end);
        count_gone(m, node, &event, &stopped);
    }
    m->stopped += stopped;
}

static void count_node(recs__trend_merger *m, const recs__image_node *record, const reserved *r,
                       place *at) {
    recs_trends *trends = m->trends;
    recs__trend_node *node = recs__trend_node_at(trends, r->node);
    recs__trend_lock(trends, node);
    for (uint64_t i = 0; i < record->cells; i++) {
        recs__image_cell cell = recs__image_cell_at(m->image, at->cell++);
        count_cell(m, node, &cell, at->sum);
        at->sum += cell.sums;
    }
    m->gone_age = UINT32_MAX;
    for (size_t end = at->seen + (size_t)record->seen; at->seen < end; at->seen++) {
        recs__image_seen entry = recs__image_seen_at(m->image, at->seen);
        count_seen(m, node, &entry, at->seen, end);
    }
    recs__trend_tally_settle(trends, node, m->newest);
    for (int h = 0; h < 2; h++)
        for (uint32_t i = 0; i < record->hashes[h]; i++) {
            uint64_t hash = recs__image_u64(m->image, RECS__IMAGE_HASHES, at->hash++);
            recs__trend_actors_hash(trends, node, m->image->newest, 1 - h, hash);
        }
    give_back(m, r, node);
    if (node->lists != NULL)
        recs__trend_lists_build(trends, node, 1);
    recs__trend_unlock(trends, node);
}

void recs__trend_merge_commit(recs__trend_merger *m) {
    recs_trends *trends = m->trends;
    if (m->image->newest != RECS_NO_TIME)
        recs__trend_advance(trends, m->image->newest);
    m->now = recs__trend_newest_time(trends);
    recs__trend_slots_at(trends, m->image->newest, m->theirs);
    recs__trend_slots_at(trends, m->now, m->newest);
    place at = {0};
    for (size_t i = 0; i < m->node_count; i++) {
        recs__image_node record = recs__image_node_at(m->image, i);
        count_node(m, &record, &m->nodes[i], &at);
    }
    for (size_t c = 0; c < RECS_TRENDS_COUNTERS; c++)
        atomic_fetch_add_explicit(&trends->counters[c],
                                  recs__image_u64(m->image, RECS__IMAGE_COUNTERS, c),
                                  memory_order_relaxed);
    atomic_fetch_add_explicit(&trends->counters[RECS_TRENDS_SATURATED], m->stopped,
                              memory_order_relaxed);
    merger_free(m);
}

/* ---- forgetting -------------------------------------------------------------------- */

/* Keeps tables and what is reserved in them. */
static void empty(recs_trends *trends, recs__trend_node *node) {
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    if (capacity != 0)
        memset(cells, 0xff, (size_t)capacity * trends->cell_size); /* RECS__TREND_FREE */
    atomic_fetch_sub_explicit(&trends->cells, node->used, memory_order_relaxed);
    node->used = 0;
    if (node->lists != NULL)
        recs__trend_lists_build(trends, node, 1);
    recs__trend_actors *actors = node->actors;
    for (uint32_t w = 0; actors != NULL && w < trends->options.actors_kept; w++)
        recs__trend_window_clear(&actors->windows[w]);
    for (int i = 0; actors != NULL && i < 2; i++) {
        actors->sketches[i].count = 0;
        actors->sketches[i].slot = -1;
    }
}

void recs__trend_forget(recs_trends *trends) {
    uint32_t count = atomic_load_explicit(&trends->node_count, memory_order_acquire);
    for (uint32_t n = 0; n < count; n++) {
        recs__trend_node *node = recs__trend_node_at(trends, n);
        recs__trend_lock(trends, node);
        empty(trends, node);
        recs__trend_unlock(trends, node);
    }
    for (size_t c = 0; c < RECS_TRENDS_COUNTERS; c++)
        atomic_store(&trends->counters[c], 0);
}
