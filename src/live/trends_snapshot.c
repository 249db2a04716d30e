/* trends_snapshot.c - writing a state as bytes.
 *
 * Only what lives is written: slots that the newest event keeps, windows of
 * actors that are remembered, and the names these use. Names are in byte order
 * and everything else in theirs, so states that counted the same events give
 * the same bytes, whatever their handles and the order of their tables.
 *
 * An actor's entry is written once, as weight and time; what it added to the
 * sums is taken out of the sums that are written. A merge then adds the sums
 * and joins the entries, which is why it equals the merged stream. Totals
 * follow from cells and entries and are not written.
 *
 * Cost: two passes over the cells, a sort of the names in use and of each
 * place's items. Memory: the sections, and the bytes they are put together
 * into; the largest place's sums on top. */
#include "live/trends_snapshot.h"

#include "base/checked.h"
#include "base/math.h"
#include "live/trends_actors.h"
#include "live/trends_tally.h"
#include "live/trends_bounded.h"
#include "live/trends_saved.h"
#include "search/sort.h"

typedef struct part {
    unsigned char *bytes;
    size_t used, capacity;
} part;

/* Names in use: order[i] is the handle of the i-th, rank[handle] its i. */
typedef struct ranked {
    uint32_t *rank, *order;
    size_t handles, used;
} ranked;

typedef struct writer {
    recs_trends *trends;
    part parts[RECS__IMAGE_SECTIONS];
    ranked items, paths, segments;
    uint64_t *nodes; /* keys: rank of path << 32 | rank of segment + 1 */
    size_t node_count, nodes_capacity;
    int64_t newest;
    int32_t slots[RECS__TREND_SERIES]; /* newest of each series */
    uint64_t *keys;      /* of one node's cells: item << 32 | index */
    size_t keys_capacity;
    uint32_t *dense;     /* index of a cell -> its row in sums */
    size_t dense_capacity;
    int64_t *sums;       /* rows of options.columns */
    size_t sums_capacity;
    uint64_t cells_put;
    bool ready, frozen;
    recs_error *error;
} writer;

static const recs_host *host_of(const writer *w) { return &w->trends->host; }

static void *put(writer *w, recs__image_section section, size_t size) {
    part *p = &w->parts[section];
    void *block = p->bytes;
    size_t need;
    if (recs__add_size(p->used, size, &need))
        need = SIZE_MAX;
    if (recs__grow(host_of(w), &block, &p->capacity, need, 1, w->error) != RECS_OK)
        return NULL;
    p->bytes = block;
    unsigned char *at = p->bytes + p->used;
    p->used += size;
    return at;
}

static recs_status put_bytes(writer *w, recs__image_section section, const void *bytes,
                             size_t size) {
    if (size == 0)
        return RECS_OK;
    void *at = put(w, section, size);
    if (at == NULL)
        return RECS_ERR_MEMORY;
    memcpy(at, bytes, size);
    return RECS_OK;
}

/* ---- what lives -------------------------------------------------------------------- */

static int32_t sketch_slot(const writer *w) {
    return (int32_t)(w->newest / w->trends->options.series[w->trends->options.base].length);
}

static int32_t window_slot(const writer *w) {
    return (int32_t)(w->newest / w->trends->options.actors);
}

static bool window_lives(const writer *w, const recs__trend_window *window) {
    int32_t newest = window_slot(w);
    return window->used != 0 && window->slot <= newest &&
           newest - window->slot < (int32_t)w->trends->options.actors_kept;
}

/* First times of the older and the newer slot of the base series. */
static bool living_first(const writer *w, const recs__trend_cell *cell, uint32_t first[2]) {
    uint32_t base = w->trends->options.base;
    int32_t newest = w->slots[base], held;
    memcpy(&held, (const unsigned char *)cell + w->trends->newest_at + base * sizeof held,
           sizeof held);
    for (int32_t i = 0; i < 2; i++) {
        int32_t slot = newest - 1 + i;
        first[i] = slot >= 0 && slot <= held && held - slot < 2 ? cell->first[slot & 1] : 0;
    }
    return (first[0] | first[1]) != 0;
}

static bool cell_lives(const writer *w, const recs__trend_cell *cell) {
    uint32_t first[2];
    if (living_first(w, cell, first))
        return true;
    for (uint32_t s = 0; s < w->trends->options.series_count; s++)
        for (int32_t age = 0; age < (int32_t)w->trends->options.series[s].slots; age++)
            if (recs__trend_sum(w->trends, cell, s, w->slots[s] - age) != 0)
                return true;
    return false;
}

static bool is_item(const recs__trend_cell *cell) {
    return (cell->item & ~RECS__TREND_RETURNED) < RECS__TREND_ITEMS &&
           cell->item != RECS__TREND_FREE;
}

/* ---- names: which, and their order ------------------------------------------------------ */

static recs_status ranked_begin(writer *w, ranked *names, const recs__trend_names *from) {
    names->handles = atomic_load_explicit(&from->count, memory_order_acquire);
    names->rank = recs__alloc_zero(host_of(w), names->handles, sizeof *names->rank, w->error);
    return names->rank == NULL ? RECS_ERR_MEMORY : RECS_OK;
}

static uint64_t four_bytes(recs__trend_text name, size_t at) {
    uint64_t key = 0;
    for (size_t i = at; i < at + 4; i++)
        key = key << 8 | (i < name.size ? (unsigned char)name.text[i] : 0);
    return key;
}

/* Orders keys by the four bytes at `at` of their names, then what ties by the
 * next four. Names hold no NUL, so one that ended comes first, and is unique. */
static void order_names(const recs__trend_names *names, uint64_t *keys, size_t count, size_t at) {
    for (size_t i = 0; i < count; i++) {
        uint32_t handle = (uint32_t)keys[i];
        keys[i] = four_bytes(recs__trend_names_get(names, handle), at) << 32 | handle;
    }
    recs__sort_keys(keys, count);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && keys[to] >> 32 == keys[from] >> 32;)
            to++;
        if (to - from > 1)
            order_names(names, keys + from, to - from, at + 4);
    }
}

static recs_status rank_names(writer *w, ranked *names, const recs__trend_names *from,
                              recs__image_section offsets) {
    size_t used = 0;
    uint64_t total = 0;
    for (size_t h = 0; h < names->handles; h++)
        used += names->rank[h] != 0;
    uint64_t *keys = recs__alloc(host_of(w), used, sizeof *keys, w->error);
    names->order = recs__alloc(host_of(w), used, sizeof *names->order, w->error);
    recs_status status = keys == NULL || names->order == NULL ? RECS_ERR_MEMORY
                                                              : put_bytes(w, offsets, &total, 8);
    if (status == RECS_OK) {
        names->used = 0;
        for (size_t h = 0; h < names->handles; h++)
            if (names->rank[h] != 0)
                keys[names->used++] = h;
        order_names(from, keys, used, 0);
    }
    for (size_t i = 0; i < used && status == RECS_OK; i++) {
        uint32_t handle = (uint32_t)keys[i];
        recs__trend_text name = recs__trend_names_get(from, handle);
        names->order[i] = handle;
        names->rank[handle] = (uint32_t)i;
        total += name.size + 1; /* and a 0 */
        status = put_bytes(w, offsets, &total, sizeof total);
        if (status == RECS_OK)
            status = put_bytes(w, (recs__image_section)(offsets + 1), name.text, name.size + 1);
    }
    recs__free(host_of(w), keys);
    return status;
}

static void mark_item(writer *w, uint32_t item, bool *lives) {
    item &= ~RECS__TREND_RETURNED;
    if (item < w->items.handles)
        w->items.rank[item] = 1;
    *lives = true;
}

/* Marks what a node uses; true when it has anything that lives. Under its lock. */
static bool mark_node(writer *w, const recs__trend_node *node) {
    bool lives = false;
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    for (uint32_t at = 0; at < capacity; at++) {
        const recs__trend_cell *cell = recs__trend_at(w->trends, cells, at);
        if (is_item(cell) && cell_lives(w, cell))
            mark_item(w, cell->item, &lives);
    }
    for (int side = 0; side < 2 && node->block != NULL; side++)
        lives |= cell_lives(w, recs__bounded_entries(w->trends, node->block).totals[side]);
    if (node->actors == NULL)
        return lives;
    for (uint32_t i = 0; i < w->trends->options.actors_kept; i++) {
        const recs__trend_window *window = &node->actors->windows[i];
        for (uint32_t at = 0; window_lives(w, window) && at < window->capacity; at++)
            if (window->seen[at].weight != 0)
                mark_item(w, window->seen[at].item, &lives);
    }
    for (int i = 0; i < 2; i++)
        lives |= node->actors->sketches[i].count != 0 &&
                 node->actors->sketches[i].slot >= sketch_slot(w) - 1;
    return lives;
}

static recs_status choose(writer *w) {
    recs_trends *trends = w->trends;
    uint32_t count = atomic_load_explicit(&trends->node_count, memory_order_acquire);
    uint32_t *chosen = recs__alloc(host_of(w), count, sizeof *chosen, w->error);
    if (chosen == NULL)
        return RECS_ERR_MEMORY;
    size_t lives = 0;
    for (uint32_t n = 0; n < count && w->newest >= 0; n++) {
        recs__trend_node *node = recs__trend_node_at(trends, n);
        recs__trend_read_lock(trends, node);
        bool has = mark_node(w, node);
        recs__trend_unlock(trends, node);
        if (!has)
            continue;
        chosen[lives++] = n;
        w->paths.rank[node->name] = 1;
        if (node->segment != UINT32_MAX)
            w->segments.rank[node->segment] = 1;
    }
    recs_status status = rank_names(w, &w->items, &trends->items, RECS__IMAGE_ITEM_OFFSETS);
    if (status == RECS_OK)
        status = rank_names(w, &w->paths, &trends->paths, RECS__IMAGE_PATH_OFFSETS);
    if (status == RECS_OK)
        status = rank_names(w, &w->segments, &trends->segments, RECS__IMAGE_SEGMENT_OFFSETS);
    w->nodes = status == RECS_OK ? recs__alloc(host_of(w), lives, sizeof *w->nodes, w->error)
                                 : NULL;
    if (w->nodes == NULL)
        status = RECS_ERR_MEMORY;
    for (size_t i = 0; i < lives && status == RECS_OK; i++) {
        const recs__trend_node *node = recs__trend_node_at(trends, chosen[i]);
        uint64_t segment =
            node->segment == UINT32_MAX ? 0 : (uint64_t)w->segments.rank[node->segment] + 1;
        w->nodes[w->node_count++] = (uint64_t)w->paths.rank[node->name] << 32 | segment;
    }
    recs__free(host_of(w), chosen);
    if (status == RECS_OK)
        recs__sort_keys(w->nodes, w->node_count);
    return status;
}

/* ---- one node ------------------------------------------------------------------------------ */

/* The node's living cells as keys in order, and their sums as dense rows. */
static recs_status gather(writer *w, const recs__trend_node *node, size_t *count) {
    const recs__trend_options *options = &w->trends->options;
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    void *keys = w->keys, *dense = w->dense, *sums = w->sums;
    recs_status status =
        recs__grow(host_of(w), &keys, &w->keys_capacity, node->used, sizeof *w->keys, w->error);
    w->keys = keys;
    if (status == RECS_OK)
        status = recs__grow(host_of(w), &dense, &w->dense_capacity, capacity, sizeof *w->dense,
                            w->error);
    w->dense = dense;
    if (status == RECS_OK)
        status = recs__grow(host_of(w), &sums, &w->sums_capacity,
                            (size_t)node->used * options->columns, sizeof *w->sums, w->error);
    w->sums = sums;
    *count = 0;
    for (uint32_t at = 0; at < capacity && status == RECS_OK; at++) {
        const recs__trend_cell *cell = recs__trend_at(w->trends, cells, at);
        if (!is_item(cell) || !cell_lives(w, cell))
            continue;
        int64_t *row = w->sums + *count * options->columns;
        for (uint32_t s = 0; s < options->series_count; s++)
            for (int32_t age = 0; age < (int32_t)options->series[s].slots; age++)
                row[options->series[s].column + (uint32_t)age] =
                    recs__trend_sum(w->trends, cell, s, w->slots[s] - age);
        uint32_t item = w->items.rank[cell->item & ~RECS__TREND_RETURNED] |
                        (cell->item & RECS__TREND_RETURNED);
        w->keys[*count] = (uint64_t)item << 32 | at;
        w->dense[at] = (uint32_t)(*count)++;
    }
    return status;
}

/* Takes out of the dense sums what an actor's entry put in. */
static void take_out(writer *w, const recs__trend_node *node, const recs__trend_window *window,
                     const recs__trend_seen *seen) {
    const recs__trend_options *options = &w->trends->options;
    uint32_t item = seen->item, level = recs__trend_tally_level(window, seen->actor);
    recs__trend_event event = {.actor = seen->actor,
                               .item = item,
                               .weight = recs__trend_levelled(seen->weight, level),
                               .time = window->slot * options->actors + seen->time};
    recs__trend_any_record any;
    recs__trend_cell *cell = recs__trend_find(w->trends, node, item);
    if (cell == NULL || !cell_lives(w, cell) ||
        !recs__trend_record_make(w->trends, w->slots, &event, &any.record))
        return;
    const int32_t *slots = recs__trend_slots(w->trends, &any.record);
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    size_t at = (size_t)((const unsigned char *)cell - cells) / w->trends->cell_size;
    int64_t *row = w->sums + (size_t)w->dense[at] * options->columns;
    for (uint32_t s = 0; s < options->series_count; s++) {
        int32_t age = w->slots[s] - slots[s];
        if (slots[s] < 0 || age < 0 || age >= (int32_t)options->series[s].slots)
            continue;
        int64_t *sum = &row[options->series[s].column + (uint32_t)age];
        if (*sum != INT64_MAX) /* a sum that stopped stays where it is */
            *sum = *sum > any.record.worth[s] ? *sum - any.record.worth[s] : 0;
    }
}

static bool seen_before(const recs__image_seen *a, const recs__image_seen *b) {
    return a->item != b->item ? a->item < b->item : a->actor < b->actor;
}

static void sift(recs__image_seen *e, size_t from, size_t count) {
    recs__image_seen moved = e[from];
    for (size_t child; (child = 2 * from + 1) < count; from = child) {
        child += child + 1 < count && seen_before(&e[child], &e[child + 1]);
        if (!seen_before(&moved, &e[child]))
            break;
        e[from] = e[child];
    }
    e[from] = moved;
}

static void sort_seen(recs__image_seen *e, size_t count) {
    for (size_t i = count / 2; i-- > 0;)
        sift(e, i, count);
    for (size_t end = count; end > 1;) {
        recs__image_seen largest = e[0];
        e[0] = e[--end];
        e[end] = largest;
        sift(e, 0, end);
    }
}

/* One window's entries, in order of item and actor. */
static recs_status put_window(writer *w, const recs__trend_node *node,
                              const recs__trend_window *window, uint64_t *count) {
    recs__image_seen *first =
        put(w, RECS__IMAGE_SEEN, (size_t)window->used * sizeof(recs__image_seen)), *at = first;
    if (first == NULL)
        return RECS_ERR_MEMORY;
    for (uint32_t i = 0; i < window->capacity; i++) {
        const recs__trend_seen *seen = &window->seen[i];
        if (seen->weight == 0)
            continue;
        *at = (recs__image_seen){.actor = seen->actor,
                                 .item = w->items.rank[seen->item & ~RECS__TREND_RETURNED] |
                                         (seen->item & RECS__TREND_RETURNED),
                                 .weight = seen->weight,
                                 .time = seen->time,
                                 .age = (uint32_t)(window_slot(w) - window->slot)};
        take_out(w, node, window, seen);
        at++;
    }
    sort_seen(first, (size_t)(at - first));
    *count += (uint64_t)(at - first);
    return RECS_OK;
}

static recs_status put_actors(writer *w, const recs__trend_node *node, recs__image_node *record) {
    const recs__trend_actors *actors = node->actors;
    recs_status status = RECS_OK;
    if (actors == NULL)
        return RECS_OK;
    uint32_t kept = w->trends->options.actors_kept;
    int32_t newest = window_slot(w), sketch = sketch_slot(w);
    for (int32_t slot = newest - (int32_t)kept + 1; slot <= newest && status == RECS_OK; slot++) {
        const recs__trend_window *window =
            slot < 0 ? NULL : &actors->windows[(uint32_t)slot % kept];
        if (window != NULL && window->slot == slot && window->used != 0)
            status = put_window(w, node, window, &record->seen);
    }
    for (int32_t i = 0; i < 2 && status == RECS_OK; i++) {
        int32_t slot = sketch - 1 + i;
        const recs__trend_sketch *hashes = &actors->sketches[slot & 1];
        if (slot < 0 || hashes->slot != slot)
            continue;
        record->hashes[i] = hashes->count;
        status = put_bytes(w, RECS__IMAGE_HASHES, hashes->hashes, hashes->count * sizeof(uint64_t));
    }
    return status;
}

/* What an item's estimate may be off by, relative to the newest slot. */
static recs_status put_bounds(writer *w, const recs__trend_node *node, uint32_t item) {
    double less, more;
    recs__bounded_error(w->trends, node, item, w->slots[w->trends->options.base], &less, &more);
    double missed = node->block->missed * recs__exp2(-RECS__TREND_HALVINGS *
                                                      (w->slots[w->trends->options.base] -
                                                       node->block->newest[w->trends->options.base]));
    float bounds[2] = {(float)(less > missed ? less - missed : 0.0), (float)more};
    return put_bytes(w, RECS__IMAGE_BOUNDS, bounds, sizeof bounds);
}

static recs_status put_block(writer *w, const recs__trend_node *node, bool hidden) {
    const recs__trend_options *options = &w->trends->options;
    uint32_t base = options->base, dropped = node->block != NULL && node->block->dropped;
    float missed = node->block == NULL
                       ? 0.0f
                       : recs__bounded_missed(w->trends, node->block) *
                             (float)recs__exp2(-RECS__TREND_HALVINGS *
                                               (w->slots[base] - node->block->newest[base]));
    recs_status status = put_bytes(w, RECS__IMAGE_DROPPED, &dropped, sizeof dropped);
    if (status == RECS_OK)
        status = put_bytes(w, RECS__IMAGE_DROPPED, &missed, sizeof missed);
    for (int side = 0; side < 2; side++)
        for (uint32_t s = 0; s < options->series_count; s++)
            for (int32_t age = 0; age < (int32_t)options->series[s].slots && status == RECS_OK;
                 age++) {
                int64_t sum = 0;
                if (node->block != NULL && !hidden)
                    sum = recs__trend_sum(
                        w->trends, recs__bounded_entries(w->trends, node->block).totals[side], s,
                        w->slots[s] - age);
                status = put_bytes(w, RECS__IMAGE_TOTALS, &sum, sizeof sum);
            }
    return status;
}

static recs_status put_tail(writer *w) {
    const recs__trend_bounded *bounded = w->trends->bounded;
    if (bounded == NULL)
        return RECS_OK;
    recs__image_tail tail = {.started = bounded->started,
                             .epoch = atomic_load(&bounded->epoch),
                             .halvings = atomic_load(&bounded->halvings)};
    size_t lines = recs__tail_lines(bounded->tail);
    recs_status status = put_bytes(w, RECS__IMAGE_TAIL, &tail, sizeof tail);
    void *at = status == RECS_OK ? put(w, RECS__IMAGE_LINES, lines * RECS__TAIL_LINE) : NULL;
    if (at == NULL)
        return RECS_ERR_MEMORY;
    recs__tail_read(bounded->tail, 0, lines, at);
    return RECS_OK;
}

static recs_status put_cells(writer *w, const recs__trend_node *node, size_t count,
                             recs__image_node *record) {
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t columns = w->trends->options.columns;
    recs_status status = RECS_OK;
    recs__sort_keys(w->keys, count);
    for (size_t i = 0; i < count && status == RECS_OK; i++) {
        uint32_t index = (uint32_t)w->keys[i];
        const int64_t *row = w->sums + (size_t)w->dense[index] * columns;
        recs__image_cell cell = {.item = (uint32_t)(w->keys[i] >> 32)};
        living_first(w, recs__trend_at(w->trends, cells, index), cell.first);
        for (uint32_t c = 0; c < columns && status == RECS_OK; c++) {
            uint16_t column = (uint16_t)c;
            if (row[c] == 0)
                continue;
            cell.sums++;
            status = put_bytes(w, RECS__IMAGE_COLUMNS, &column, sizeof column);
            if (status == RECS_OK)
                status = put_bytes(w, RECS__IMAGE_SUMS, &row[c], sizeof row[c]);
        }
        if (status != RECS_OK || (cell.sums | cell.first[0] | cell.first[1]) == 0)
            continue;
        record->cells++;
        status = put_bytes(w, RECS__IMAGE_CELLS, &cell, sizeof cell);
        if (status == RECS_OK && w->trends->bounded != NULL)
            status = put_bounds(w, node, recs__trend_at(w->trends, cells, index)->item);
    }
    return status;
}

/* The table as it will be asked, and its lists. After put_cells, which sorted the keys. */
static recs_status put_ready(writer *w, const recs__trend_node *node, size_t count, bool hidden,
                             const recs__image_node *record) {
    recs_trends *trends = w->trends;
    recs__image_ready ready = {.cell = w->cells_put - record->cells,
                               .hash = w->parts[RECS__IMAGE_HASHES].used / 8 -
                                       record->hashes[0] - record->hashes[1],
                               .table = w->parts[RECS__IMAGE_TABLES].used / trends->cell_size,
                               .lists = UINT64_MAX};
    const uint32_t totals[2] = {RECS__TREND_TOTAL, RECS__TREND_TOTAL | RECS__TREND_RETURNED};
    const recs__trend_cell *total[2];
    size_t used = count;
    for (int side = 0; side < 2; side++) {
        total[side] = recs__trend_find(trends, node, totals[side]);
        if (total[side] != NULL && (hidden || !cell_lives(w, total[side])))
            total[side] = NULL;
        used += total[side] != NULL;
    }
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    ready.capacity = recs__saved_capacity(used);
    if (ready.capacity == 0)
        return put_bytes(w, RECS__IMAGE_READY, &ready, sizeof ready);
    unsigned char *table =
        put(w, RECS__IMAGE_TABLES, (size_t)ready.capacity * trends->cell_size);
    if (table == NULL)
        return RECS_ERR_MEMORY;
    recs__saved_begin(trends, table, ready.capacity);
    for (int side = 0; side < 2; side++)
        if (total[side] != NULL)
            recs__saved_add(trends, w->slots, table, ready.capacity, total[side], totals[side]);
    for (size_t i = 0; i < count; i++)
        recs__saved_add(trends, w->slots, table, ready.capacity,
                        recs__trend_at(trends, cells, (uint32_t)w->keys[i]),
                        (uint32_t)(w->keys[i] >> 32));
    recs__saved_finish(trends, table, ready.capacity);
    if (trends->bounded == NULL && recs__trend_tiers(trends, ready.capacity) != 0) {
        size_t room = recs__saved_lists_room(trends);
        part *lists = &w->parts[RECS__IMAGE_LISTS];
        ready.lists = lists->used / 4;
        uint32_t *words = put(w, RECS__IMAGE_LISTS, room * 4);
        if (words == NULL)
            return RECS_ERR_MEMORY;
        lists->used -= 4 * (room - recs__saved_lists(trends, w->slots, w->newest, table,
                                                     ready.capacity, words));
    }
    return put_bytes(w, RECS__IMAGE_READY, &ready, sizeof ready);
}

/* As a question sees it (trends_gather.c). */
static bool shown(const recs_trends *trends, const recs__trend_node *node) {
    return trends->options.actors == 0 || trends->options.min_actors == 0 ||
           recs__trend_actors_reach(trends, node, trends->options.min_actors);
}

static recs_status put_node(writer *w, uint64_t key) {
    recs_trends *trends = w->trends;
    recs__image_node record = {.path = (uint32_t)(key >> 32), .segment = (uint32_t)key - 1};
    recs__trend_text path = recs__trend_names_get(&trends->paths, w->paths.order[record.path]),
                     segment = {0};
    if (record.segment != UINT32_MAX)
        segment = recs__trend_names_get(&trends->segments, w->segments.order[record.segment]);
    uint32_t index;
    recs_status status = recs__trend_node_take(trends, path.text, path.size, segment.text,
                                               segment.size, &index, w->error); /* it is there */
    if (status != RECS_OK)
        return status;
    recs__trend_node *node = recs__trend_node_at(trends, index);
    size_t count;
    recs__trend_read_lock(trends, node);
    bool hidden = w->frozen && !shown(trends, node);
    status = gather(w, node, &count);
    count = hidden ? 0 : count;
    if (status == RECS_OK && !w->frozen)
        status = put_actors(w, node, &record);
    if (status == RECS_OK)
        status = put_cells(w, node, count, &record);
    w->cells_put += record.cells;
    if (status == RECS_OK && trends->bounded != NULL)
        status = put_block(w, node, hidden);
    if (status == RECS_OK && w->ready)
        status = put_ready(w, node, count, hidden, &record);
    recs__trend_unlock(trends, node);
    if (status == RECS_OK)
        status = put_bytes(w, RECS__IMAGE_NODES, &record, sizeof record);
    return status;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static recs_status put_rest(writer *w, const recs__snapshot_head *head) {
    char description[2048];
    recs__trend_options options = w->trends->options;
    if (w->frozen) /* what is there may be shown */
        options.min_actors = 0;
    recs__trend_options_write(&options, description);
    recs_status status =
        put_bytes(w, RECS__IMAGE_DESCRIPTION, description, strlen(description));
    if (status == RECS_OK && head->origins != NULL)
        status = put_bytes(w, RECS__IMAGE_ORIGINS, head->origins->marks,
                           head->origins->count * sizeof *head->origins->marks);
    for (int32_t c = 0; c < RECS_TRENDS_COUNTERS && status == RECS_OK; c++) {
        uint64_t counter = atomic_load_explicit(&w->trends->counters[c], memory_order_relaxed);
        status = put_bytes(w, RECS__IMAGE_COUNTERS, &counter, sizeof counter);
    }
    return status;
}

static void put_at(unsigned char *bytes, size_t at, const void *value, size_t size) {
    memcpy(bytes + at, value, size);
}

static size_t aligned(size_t at, recs__image_section section) {
    size_t align = recs__image_align(section);
    return (at + align - 1) / align * align;
}

static recs_status assemble(const writer *w, const recs__snapshot_head *head,
                            unsigned char **bytes, size_t *size) {
    size_t total = recs__image_entry(RECS__IMAGE_SECTIONS);
    for (int s = 0; s < RECS__IMAGE_SECTIONS; s++)
        if (recs__add_size(aligned(total, (recs__image_section)s), (w->parts[s].used + 7) / 8 * 8,
                           &total))
            return recs__fail_memory(w->error, SIZE_MAX);
    unsigned char *out = recs__alloc(host_of(w), total, 1, w->error);
    if (out == NULL)
        return RECS_ERR_MEMORY;
    static const unsigned char magic[8] = {0x89, 'R', 'T', 'R', 0x0d, 0x0a, 0x1a, 0x0a};
    uint16_t major = RECS__IMAGE_MAJOR;
    uint32_t sections = RECS__IMAGE_SECTIONS;
    uint64_t whole = total, at = recs__image_entry(RECS__IMAGE_SECTIONS);
    memset(out, 0, at);
    put_at(out, 0, magic, sizeof magic);
    put_at(out, 8, &major, sizeof major);
    put_at(out, 12, &head->kind, sizeof head->kind);
    put_at(out, 16, &whole, sizeof whole);
    put_at(out, 40, &w->newest, sizeof w->newest);
    put_at(out, 48, &head->actors_from, sizeof head->actors_from);
    put_at(out, 56, head->origin.bytes, sizeof head->origin.bytes);
    put_at(out, 72, &head->from, sizeof head->from);
    put_at(out, 80, &head->to, sizeof head->to);
    put_at(out, 88, &sections, sizeof sections);
    for (int s = 0; s < RECS__IMAGE_SECTIONS; s++) {
        size_t entry = recs__image_entry((recs__image_section)s), used = w->parts[s].used;
        uint32_t type = (uint32_t)s + 1;
        uint32_t record = (uint32_t)recs__image_record((recs__image_section)s);
        uint64_t part_size = used;
        memset(out + at, 0, aligned(at, (recs__image_section)s) - at);
        at = aligned(at, (recs__image_section)s);
        put_at(out, entry, &type, sizeof type);
        put_at(out, entry + 4, &record, sizeof record);
        put_at(out, entry + 8, &at, sizeof at);
        put_at(out, entry + 16, &part_size, sizeof part_size);
        if (used != 0)
            memcpy(out + at, w->parts[s].bytes, used);
        memset(out + at + used, 0, (size_t)(-used % 8));
        at += (used + 7) / 8 * 8;
    }
    recs__trend_image_seal(out, total);
    *bytes = out;
    *size = total;
    return RECS_OK;
}

recs_status recs__trend_snapshot(recs_trends *trends, const recs__snapshot_head *head,
                                 unsigned char **bytes, size_t *size, recs_error *error) {
    writer w = {.trends = trends,
                .error = error,
                .ready = head->ready,
                .frozen = head->frozen,
                .newest = recs__trend_newest_time(trends)};
    if (w.newest >= 0)
        recs__trend_slots_at(trends, w.newest, w.slots);
    recs_status status = ranked_begin(&w, &w.items, &trends->items);
    if (status == RECS_OK)
        status = ranked_begin(&w, &w.paths, &trends->paths);
    if (status == RECS_OK)
        status = ranked_begin(&w, &w.segments, &trends->segments);
    if (status == RECS_OK)
        status = choose(&w);
    for (size_t i = 0; i < w.node_count && status == RECS_OK; i++)
        status = put_node(&w, w.nodes[i]);
    if (status == RECS_OK)
        status = put_rest(&w, head);
    if (status == RECS_OK)
        status = put_tail(&w);
    if (status == RECS_OK)
        status = assemble(&w, head, bytes, size);
    const recs_host *host = host_of(&w);
    for (int s = 0; s < RECS__IMAGE_SECTIONS; s++)
        recs__free(host, w.parts[s].bytes);
    ranked *names[] = {&w.items, &w.paths, &w.segments};
    for (int i = 0; i < 3; i++) {
        recs__free(host, names[i]->rank);
        recs__free(host, names[i]->order);
    }
    recs__free(host, w.nodes);
    recs__free(host, w.keys);
    recs__free(host, w.dense);
    recs__free(host, w.sums);
    return status;
}
