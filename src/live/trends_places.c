/* trends_places.c - the tree of places, and of segments at places.
 *
 * A node is found by its (path, segment) through an index of keys
 * path << 32 | segment + 1 in open addressing; node 0 is the root (path "").
 * Making a place makes all above it; a segment's node has the segment's node
 * of the place above as its parent, and the place itself as its base.
 * Nodes lie in doubling chunks that never move. */
#include "live/trends_mapped.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

enum { FIRST_INDEX = 64 };
#define NO_SEGMENT UINT32_MAX

const char *recs__trend_path_problem(const char *path, size_t size) {
    if (size == 0)
        return NULL;
    const char *problem = recs__id_problem(path, size);
    if (problem != NULL)
        return problem;
    if (path[0] == '/' || path[size - 1] == '/')
        return "begins or ends with a slash";
    size_t steps = 1;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            return "holds a control character";
        if (path[i] == '/' && path[i - 1] == '/')
            return "has an empty step";
        steps += path[i] == '/';
    }
    return steps > RECS__TREND_DEPTH ? "has more than 12 steps" : NULL;
}

uint32_t recs__trend_lender(const recs__trend_node *node) {
    return node->parent != RECS_NO_PLACE ? node->parent : node->base;
}

/* ---- the index, under nodes_lock ---------------------------------------------------- */

static uint64_t key_of(uint32_t path, uint32_t segment) {
    return (uint64_t)path << 32 | (uint32_t)(segment + 1); /* none: 0 */
}

static uint32_t spread(uint64_t key, uint32_t mask) {
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
}

static uint64_t key_at(const recs_trends *trends, uint32_t node) {
    const recs__trend_node *n = recs__trend_node_at(trends, node);
    return key_of(n->name, n->segment);
}

/* Slot with the key, or the free one where it belongs. Slots hold node + 1. */
static uint32_t look(const recs_trends *trends, uint64_t key) {
    uint32_t mask = trends->node_index_size - 1, at = spread(key, mask);
    while (trends->node_index[at] != 0 &&
           key_at(trends, trends->node_index[at] - 1) != key)
        at = (at + 1) & mask;
    return at;
}

static uint32_t find(const recs_trends *trends, uint32_t path, uint32_t segment) {
    if (trends->node_index_size == 0)
        return RECS_NO_PLACE;
    return trends->node_index[look(trends, key_of(path, segment))] - 1; /* 0 - 1: none */
}

void recs__trend_nodes_find_many(recs_trends *trends, const uint32_t *paths, uint32_t count,
                                 uint32_t *nodes) {
    pthread_mutex_lock(&trends->nodes_lock);
    uint32_t mask = trends->node_index_size - 1; /* no index: nothing is read */
    for (uint32_t i = 0; i < count && trends->node_index_size != 0; i++)
        __builtin_prefetch(&trends->node_index[spread(key_of(paths[i], NO_SEGMENT), mask)]);
    for (uint32_t i = 0; i < count && trends->node_index_size != 0; i++) {
        uint32_t node = trends->node_index[spread(key_of(paths[i], NO_SEGMENT), mask)];
        if (node != 0)
            __builtin_prefetch(recs__trend_node_at(trends, node - 1));
    }
    for (uint32_t i = 0; i < count; i++)
        nodes[i] = paths[i] == UINT32_MAX ? RECS_NO_PLACE : find(trends, paths[i], NO_SEGMENT);
    pthread_mutex_unlock(&trends->nodes_lock);
}

static recs_status index_room(recs_trends *trends, uint32_t count, recs_error *error) {
    if ((uint64_t)(count + 1) * 2 <= trends->node_index_size)
        return RECS_OK;
    uint32_t size = trends->node_index_size == 0 ? FIRST_INDEX : trends->node_index_size * 2;
    if (size == 0)
        return recs__fail_memory(error, SIZE_MAX);
    uint32_t *index = recs__trend_alloc(trends, (size_t)size * sizeof *index, error);
    if (index == NULL)
        return RECS_ERR_MEMORY;
    memset(index, 0, (size_t)size * sizeof *index);
    for (uint32_t node = 0; node < count; node++) {
        uint32_t at = spread(key_at(trends, node), size - 1);
        while (index[at] != 0)
            at = (at + 1) & (size - 1);
        index[at] = node + 1;
    }
    recs__trend_release(trends, trends->node_index,
                        (size_t)trends->node_index_size * sizeof *index);
    trends->node_index = index;
    trends->node_index_size = size;
    return RECS_OK;
}

static recs_status chunk_room(recs_trends *trends, uint32_t count, recs_error *error) {
    uint32_t within, chunk = recs__trend_chunk(count, &within);
    if (atomic_load_explicit(&trends->nodes[chunk], memory_order_relaxed) != NULL)
        return RECS_OK;
    size_t size = ((size_t)RECS__TREND_FIRST_CHUNK << chunk) * sizeof(recs__trend_node);
    recs__trend_node *made = recs__trend_alloc(trends, size, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    memset(made, 0, size);
    atomic_store_explicit(&trends->nodes[chunk], made, memory_order_release);
    return RECS_OK;
}

/* The few high places have locks of their own, as far as there are; below,
 * neighbours by number share one, so that a sorted batch locks seldom. */
static uint16_t stripe_of(uint32_t node, uint32_t depth) {
    return (uint16_t)(depth <= 1 ? node % 64 : 64 + node / 64 % (RECS__TREND_STRIPES - 64));
}

static recs_status make(recs_trends *trends, uint32_t path, uint32_t segment, uint32_t parent,
                        uint32_t base, uint32_t depth, uint32_t *node, recs_error *error) {
    uint32_t count = atomic_load_explicit(&trends->node_count, memory_order_relaxed);
    if (count >= RECS__TREND_ITEMS)
        return recs__fail(error, RECS_ERR_LIMIT, "more than %u places", RECS__TREND_ITEMS);
    size_t held = atomic_load_explicit(&trends->memory, memory_order_relaxed);
    if (trends->options.memory != 0 && held > trends->options.memory)
        return recs__fail(error, RECS_ERR_LIMIT,
                          "%zu bytes are held with %u places, memory is %" PRIu64
                          ": no further place fits",
                          held, count, trends->options.memory);
    recs_status status = index_room(trends, count, error);
    if (status == RECS_OK)
        status = chunk_room(trends, count, error);
    if (status != RECS_OK)
        return status;
    recs__trend_node *made = recs__trend_node_at(trends, count);
    made->parent = parent;
    made->base = base;
    made->name = path;
    made->segment = segment;
    made->depth = (uint16_t)depth;
    made->stripe = stripe_of(count, depth);
    if (trends->mapped != NULL)
        status = recs__mapped_fill(trends, made, error);
    if (status != RECS_OK)
        return status;
    trends->node_index[look(trends, key_of(path, segment))] = count + 1;
    atomic_store_explicit(&trends->node_count, count + 1, memory_order_release);
    *node = count;
    return RECS_OK;
}

/* ---- taking and finding --------------------------------------------------------------- */

/* The path's first bytes that name the place `depth` steps below the root. */
static size_t prefix(const char *path, size_t size, uint32_t depth) {
    size_t at = 0;
    for (uint32_t step = 0; step < depth && at < size; step++) {
        const char *slash = memchr(path + at + (step > 0), '/', size - at - (step > 0));
        at = slash == NULL ? size : (size_t)(slash - path);
    }
    return at;
}

static uint32_t depth_of(const char *path, size_t size) {
    uint32_t depth = size > 0;
    for (size_t i = 0; i < size; i++)
        depth += path[i] == '/';
    return depth;
}

/* One chain from the root down, for one segment or none. */
static recs_status take_chain(recs_trends *trends, const char *path, size_t size,
                              uint32_t segment, uint32_t *node, recs_error *error) {
    uint32_t depth = depth_of(path, size), parent = RECS_NO_PLACE;
    recs_status status = RECS_OK;
    for (uint32_t d = 0; d <= depth && status == RECS_OK; d++) {
        uint32_t name, at;
        status = recs__trend_names_take(&trends->paths, &trends->host, path, prefix(path, size, d),
                                        RECS__TREND_ITEMS, &name, error);
        if (status != RECS_OK)
            break;
        at = find(trends, name, segment);
        if (at == RECS_NO_PLACE) {
            uint32_t base = segment == NO_SEGMENT ? RECS_NO_PLACE : find(trends, name, NO_SEGMENT);
            status = make(trends, name, segment, parent, base, d, &at, error);
        }
        parent = at;
    }
    if (status == RECS_OK)
        *node = parent;
    return status;
}

recs_status recs__trend_node_take(recs_trends *trends, const char *path, size_t size,
                                  const char *segment, size_t segment_size, uint32_t *node,
                                  recs_error *error) {
    const char *problem = recs__trend_path_problem(path, size);
    if (problem != NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "place \"%.*s\" %s, expected steps with single slashes between them",
                          size < 80 ? (int)size : 80, path, problem);
    if (segment_size != 0 && (problem = recs__id_problem(segment, segment_size)) != NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "segment \"%.*s\" %s",
                          segment_size < 80 ? (int)segment_size : 80, segment, problem);
    pthread_mutex_lock(&trends->nodes_lock);
    recs_status status = take_chain(trends, path, size, NO_SEGMENT, node, error);
    if (status == RECS_OK && segment_size != 0) {
        uint32_t name;
        status = recs__trend_names_take(&trends->segments, &trends->host, segment, segment_size,
                                        RECS__TREND_ITEMS, &name, error);
        if (status == RECS_OK)
            status = take_chain(trends, path, size, name, node, error);
    }
    pthread_mutex_unlock(&trends->nodes_lock);
    return status;
}

uint32_t recs__trend_node_nearest(recs_trends *trends, const char *path, size_t size,
                                  const char *segment, size_t segment_size, bool *exact) {
    uint32_t depth = depth_of(path, size), found = RECS_NO_PLACE, asked = NO_SEGMENT;
    *exact = true;
    if (segment_size != 0) {
        asked = recs__trend_names_find(&trends->segments, segment, segment_size);
        *exact = asked != NO_SEGMENT;
    }
    pthread_mutex_lock(&trends->nodes_lock);
    for (uint32_t d = depth + 1; d-- > 0 && found == RECS_NO_PLACE;) {
        uint32_t name = recs__trend_names_find(&trends->paths, path, prefix(path, size, d));
        if (name != UINT32_MAX && asked != NO_SEGMENT)
            found = find(trends, name, asked);
        if (name != UINT32_MAX && found == RECS_NO_PLACE && (asked == NO_SEGMENT || d == 0))
            found = find(trends, name, NO_SEGMENT);
        *exact = *exact && d == depth;
    }
    pthread_mutex_unlock(&trends->nodes_lock);
    return found != RECS_NO_PLACE ? found : 0;
}

uint32_t recs__trend_node_find(recs_trends *trends, const char *path, size_t size,
                               const char *segment, size_t segment_size) {
    bool exact;
    uint32_t node = recs__trend_node_nearest(trends, path, size, segment, segment_size, &exact);
    return exact ? node : RECS_NO_PLACE;
}

uint32_t recs__trend_node_join(recs_trends *trends, uint32_t a, uint32_t b) {
    while (a != b) {
        const recs__trend_node *x = recs__trend_node_at(trends, a),
                               *y = recs__trend_node_at(trends, b);
        if (x->depth >= y->depth)
            a = x->parent;
        else
            b = y->parent;
    }
    return a;
}

void recs__trend_nodes_free(recs_trends *trends) {
    uint32_t count = atomic_load(&trends->node_count);
    for (uint32_t node = 0; node < count; node++)
        recs__trend_cells_free(trends, recs__trend_node_at(trends, node));
    for (int c = 0; c < RECS__TREND_CHUNKS; c++)
        recs__trend_release(trends, atomic_load(&trends->nodes[c]),
                            ((size_t)RECS__TREND_FIRST_CHUNK << c) * sizeof(recs__trend_node));
    recs__trend_release(trends, trends->node_index,
                        (size_t)trends->node_index_size * sizeof *trends->node_index);
}
