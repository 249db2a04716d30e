/* trends_mapped.c - see trends_mapped.h. Checked when used: offsets of names, where a
 * place's cells, hashes and lists are, and that entries of lists are inside its table. A
 * table without a free cell ends a search after one turn (trends_cells.c). */
#include "live/trends_mapped.h"

#include "live/trends_actors.h"
#include "live/trends_share.h"
#include "recs/trends_share.h"

#include <inttypes.h>
#include <math.h>

#define NO_SEGMENT UINT32_MAX

recs_status recs__mapped_refuse(recs_error *error) {
    return recs__fail(error, RECS_ERR_STATE,
                      "these trends are a mapped file and only answer: to count on, load it "
                      "(recs_trends_load)");
}

recs_status recs__mapped_copy(const recs_trends *trends, unsigned char **bytes, size_t *size,
                              recs_error *error) {
    const recs__trend_image *image = &trends->mapped->image;
    *bytes = recs__alloc(&trends->host, image->size, 1, error);
    if (*bytes == NULL)
        return RECS_ERR_MEMORY;
    memcpy(*bytes, image->bytes, image->size);
    *size = image->size;
    return RECS_OK;
}

/* ---- places of the file ------------------------------------------------------------- */

static uint64_t key_of(uint32_t path, uint32_t segment) {
    return (uint64_t)path << 32 | (uint32_t)(segment + 1); /* none: 0 */
}

uint32_t recs__mapped_find(const recs_trends *trends, const char *path, size_t size,
                           const char *segment, size_t segment_size) {
    struct recs__trend_mapped *mapped = trends->mapped;
    uint32_t name = recs__trend_names_find(&mapped->paths, path, size), part = NO_SEGMENT;
    if (name == UINT32_MAX)
        return RECS_NO_PLACE;
    if (segment_size != 0 &&
        (part = recs__trend_names_find(&mapped->segments, segment, segment_size)) == UINT32_MAX)
        return RECS_NO_PLACE;
    uint64_t key = key_of(name, part);
    size_t low = 0, high = mapped->image.nodes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        recs__image_node node = recs__image_node_at(&mapped->image, middle);
        if (key_of(node.path, node.segment) < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == mapped->image.nodes)
        return RECS_NO_PLACE;
    recs__image_node node = recs__image_node_at(&mapped->image, low);
    return key_of(node.path, node.segment) == key ? (uint32_t)low : RECS_NO_PLACE;
}

const char *recs__mapped_name(const recs_trends *trends, uint32_t place, const char **segment) {
    const struct recs__trend_mapped *mapped = trends->mapped;
    *segment = NULL;
    if (place >= mapped->image.nodes)
        return place == 0 ? "" : NULL;
    recs__image_node node = recs__image_node_at(&mapped->image, place);
    if (node.segment != NO_SEGMENT)
        *segment = recs__trend_names_get(&mapped->segments, node.segment).text;
    return recs__trend_names_get(&mapped->paths, node.path).text;
}

uint32_t recs__mapped_parent(const recs_trends *trends, uint32_t place) {
    const char *segment, *path = recs__mapped_name(trends, place, &segment);
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    if (path == NULL || path[0] == '\0')
        return RECS_NO_PLACE;
    return recs__mapped_find(trends, path, slash != NULL ? (size_t)(slash - path) : 0, segment,
                             segment != NULL ? strlen(segment) : 0);
}

recs__trend_node *recs__mapped_node(recs_trends *trends, uint32_t place) {
    const char *segment, *path = recs__mapped_name(trends, place, &segment);
    uint32_t node;
    if (path == NULL || recs__trend_node_take(trends, path, strlen(path), segment,
                                              segment != NULL ? strlen(segment) : 0, &node,
                                              NULL) != RECS_OK)
        return NULL;
    return recs__trend_node_at(trends, node);
}

recs_status recs__mapped_touch(recs_trends *trends, const char *path, size_t size,
                               const char *segment, size_t segment_size, recs_error *error) {
    uint32_t node;
    if (trends->mapped == NULL ||
        recs__trend_node_find(trends, path, size, segment, segment_size) != RECS_NO_PLACE)
        return RECS_OK;
    if (segment_size != 0 && recs__trend_names_find(&trends->mapped->segments, segment,
                                                    segment_size) == UINT32_MAX)
        segment_size = 0; /* nobody has it */
    for (;;) { /* the nearest, as recs__trend_node_nearest has it */
        bool last = size == 0;
        uint32_t place = recs__mapped_find(trends, path, size, segment, segment_size);
        if (place == RECS_NO_PLACE && last)
            segment_size = 0;
        if (place != RECS_NO_PLACE || last)
            return recs__trend_node_take(trends, path, size, segment_size != 0 ? segment : NULL,
                                         segment_size, &node, error);
        while (size > 0 && path[size - 1] != '/')
            size--;
        size -= size > 0;
    }
}

/* ---- a node -------------------------------------------------------------------------- */

static recs_status damaged(recs_error *error, const char *what, uint32_t place) {
    return recs__fail(error, RECS_ERR_CORRUPT, "trends snapshot: %s of place %u", what, place);
}

static recs_status take_hashes(recs_trends *trends, recs__trend_node *node, uint32_t place,
                               uint64_t first, const uint32_t count[2], recs_error *error) {
    const recs__trend_image *image = &trends->mapped->image;
    if (count[0] > RECS__TREND_SKETCH || count[1] > RECS__TREND_SKETCH ||
        first > image->hashes || count[0] + count[1] > image->hashes - first)
        return damaged(error, "actors", place);
    if (count[0] + count[1] == 0 || trends->options.actors == 0)
        return RECS_OK;
    recs_status status = recs__trend_actors_open(trends, node, error);
    for (uint32_t i = 0; i < count[0] + count[1] && status == RECS_OK; i++)
        recs__trend_actors_hash(trends, node, image->newest, i < count[0],
                                recs__image_u64(image, RECS__IMAGE_HASHES, (size_t)first + i));
    return status;
}

static recs_status take_lists(recs_trends *trends, recs__trend_node *node, uint32_t place,
                              uint64_t at, uint32_t capacity, recs_error *error) {
    const recs__trend_image *image = &trends->mapped->image;
    uint32_t entries[RECS__TREND_CANDIDATES];
    recs_status status = recs__trend_lists_open(trends, node, capacity, error);
    for (uint32_t l = 0; l < 2 * trends->options.series_count && status == RECS_OK; l++) {
        int64_t bar;
        if (at > image->words || image->words - at < 3)
            return damaged(error, "lists", place);
        uint32_t words[2] = {recs__image_word(image, (size_t)at),
                             recs__image_word(image, (size_t)at + 1)};
        uint32_t count = recs__image_word(image, (size_t)at + 2);
        memcpy(&bar, words, sizeof bar);
        at += 3;
        if (count > trends->options.candidates || count > image->words - at || bar < -1)
            return damaged(error, "lists", place);
        for (uint32_t i = 0; i < count; i++) {
            entries[i] = recs__image_word(image, (size_t)at + i);
            if (entries[i] >= capacity)
                return damaged(error, "lists", place);
        }
        recs__trend_lists_set(trends, node, l, bar, entries, count);
        at += count;
    }
    return status;
}

recs_status recs__mapped_fill(recs_trends *trends, recs__trend_node *node, recs_error *error) {
    const recs__trend_image *image = &trends->mapped->image;
    recs__trend_text path = recs__trend_names_get(&trends->paths, node->name), segment = {0};
    if (node->segment != NO_SEGMENT)
        segment = recs__trend_names_get(&trends->segments, node->segment);
    uint32_t place =
        recs__mapped_find(trends, path.text, path.size, segment.text, segment.size);
    node->reserved = 0;
    if (place == RECS_NO_PLACE || image->newest == RECS_NO_TIME)
        return RECS_OK;
    recs__image_ready ready = recs__image_ready_at(image, place);
    recs__image_node record = recs__image_node_at(image, place);
    if (ready.table > image->tables || ready.capacity > image->tables - ready.table ||
        ready.capacity > RECS__TREND_ITEMS)
        return damaged(error, "the table", place);
    const unsigned char *cells =
        image->section[RECS__IMAGE_TABLES] + (size_t)ready.table * trends->cell_size;
    atomic_store_explicit(&node->cells, ready.capacity == 0 ? NULL : (unsigned char *)(uintptr_t)cells,
                          memory_order_relaxed);
    recs_status status =
        take_hashes(trends, node, place, ready.hash, record.hashes, error);
    if (status == RECS_OK && ready.lists != UINT64_MAX &&
        recs__trend_tiers(trends, ready.capacity) != 0)
        status = take_lists(trends, node, place, ready.lists, ready.capacity, error);
    if (status != RECS_OK) {
        recs__trend_cells_free(trends, node);
        return status;
    }
    node->reserved = place + 1;
    node->used = ready.capacity; /* no more than these are gone through */
    atomic_store_explicit(&node->capacity, ready.capacity, memory_order_relaxed);
    return RECS_OK;
}

void recs__mapped_error(const recs_trends *trends, const recs__trend_node *node, uint32_t item,
                        double *less, double *more) {
    const recs__trend_image *image = &trends->mapped->image;
    *less = *more = 0.0;
    if (!image->sketched || node->reserved == 0)
        return;
    uint32_t place = node->reserved - 1, dropped;
    float missed, bounds[2];
    uint64_t low = recs__image_ready_at(image, place).cell,
             high = recs__image_node_at(image, place).cells;
    memcpy(&dropped, image->section[RECS__IMAGE_DROPPED] + (size_t)place * 8, sizeof dropped);
    missed = recs__image_f32(image, RECS__IMAGE_DROPPED, 2 * (size_t)place + 1);
    *more = dropped ? (double)INFINITY : 0.0;
    if (low > image->cells || high > image->cells - low)
        return;
    for (high += low; low < high;) {
        uint64_t middle = low + (high - low) / 2;
        if (recs__image_cell_at(image, (size_t)middle).item < item)
            low = middle + 1;
        else
            high = middle;
    }
    if (low >= image->cells || recs__image_cell_at(image, (size_t)low).item != item)
        return;
    recs__image_get(image, RECS__IMAGE_BOUNDS, (size_t)low, bounds, sizeof bounds);
    double sum = (double)bounds[0] + (double)missed;
    *less = sum >= 0.0 ? sum : 0.0; /* nor NaN */
    *more = bounds[1] >= 0.0f ? (double)bounds[1] : 0.0;
}

/* ---- opening --------------------------------------------------------------------------- */

static recs_status check(const recs__trend_image *image, recs_error *error) {
    if (image->kind != RECS__IMAGE_SNAPSHOT)
        return recs__fail(error, RECS_ERR_CORRUPT, "a delta of trends, expected a snapshot");
    if (image->nodes != 0 && !image->ready)
        return recs__fail(error, RECS_ERR_UNSUPPORTED,
                          "a snapshot of trends for exchange, expected one that was saved "
                          "(recs_trends_save) to be asked where it lies: load it");
    if (image->sketched &&
        (image->section_size[RECS__IMAGE_BOUNDS] / 8 != image->cells ||
         image->section_size[RECS__IMAGE_DROPPED] / 8 != image->nodes))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "trends snapshot: estimates are not as many as they should be");
    if ((uintptr_t)image->section[RECS__IMAGE_TABLES] % 64 != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "bytes of a snapshot at an address that is no multiple of 64");
    return RECS_OK;
}

/* The handle of an image that was opened; it has no budget of its own. */
static recs_status make(recs_trends **trends, const struct recs__trend_mapped *from,
                        const recs_host *host, recs_error *error) {
    char description[2048];
    recs__trend_options options = from->image.options;
    options.memory = 0;
    recs__trend_options_write(&options, description);
    recs_status status = recs_trends_create(trends, description, host, error);
    if (status != RECS_OK)
        return status;
    recs_trends *made = *trends;
    recs__trend_options_write(&from->image.options, made->description);
    made->mapped = recs__alloc(&made->host, 1, sizeof *made->mapped, error);
    if (made->mapped == NULL)
        return RECS_ERR_MEMORY;
    *made->mapped = *from;
    made->mapped->map = (recs__map){0}; /* until nothing can fail */
    return RECS_OK;
}

static recs_status take_head(recs_trends *made, recs_error *error) {
    struct recs__trend_mapped *mapped = made->mapped;
    const recs__trend_image *image = &mapped->image;
    const unsigned char *const *at = image->section;
    recs__trend_names_fix(&made->items, at[RECS__IMAGE_ITEM_OFFSETS], at[RECS__IMAGE_ITEM_BYTES],
                          image->section_size[RECS__IMAGE_ITEM_BYTES], (uint32_t)image->items);
    recs__trend_names_fix(&mapped->paths, at[RECS__IMAGE_PATH_OFFSETS],
                          at[RECS__IMAGE_PATH_BYTES],
                          image->section_size[RECS__IMAGE_PATH_BYTES], (uint32_t)image->paths);
    recs__trend_names_fix(&mapped->segments, at[RECS__IMAGE_SEGMENT_OFFSETS],
                          at[RECS__IMAGE_SEGMENT_BYTES],
                          image->section_size[RECS__IMAGE_SEGMENT_BYTES],
                          (uint32_t)image->segments);
    atomic_store(&made->newest, image->newest);
    atomic_store(&made->cells, image->cells);
    atomic_store(&made->returns, true);
    for (int c = 0; c < RECS_TRENDS_COUNTERS; c++)
        atomic_store(&made->counters[c],
                     recs__image_u64(image, RECS__IMAGE_COUNTERS, (size_t)c));
    recs__origins *origins = &made->share->others;
    recs_status status = recs__origins_reserve(origins, image->origins, &made->host, error);
    for (size_t i = 0; i < image->origins && status == RECS_OK; i++)
        origins->marks[origins->count++] = recs__image_origin_at(image, i);
    return status == RECS_OK ? recs__mapped_fill(made, recs__trend_node_at(made, 0), error)
                             : status;
}

static recs_status open_bytes(recs_trends **trends, const recs__map *map, const void *bytes,
                              size_t size, const recs_host *host, recs_error *error) {
    struct recs__trend_mapped mapped;
    memset(&mapped, 0, sizeof mapped);
    recs_status status = recs__trend_image_open(&mapped.image, bytes, size, error);
    if (status == RECS_OK)
        status = check(&mapped.image, error);
    if (status != RECS_OK)
        return status;
    recs_trends *made = NULL;
    status = make(&made, &mapped, host, error);
    if (status == RECS_OK)
        status = take_head(made, error);
    if (status != RECS_OK) {
        recs_trends_destroy(made);
        return status;
    }
    if (map != NULL)
        made->mapped->map = *map;
    *trends = made;
    return RECS_OK;
}

recs_status recs_trends_open(recs_trends **trends, const char *path, const recs_host *host,
                             recs_error *error) {
    recs__map map;
    if (trends == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "trends is NULL, expected where to put it");
    *trends = NULL;
    recs_status status = recs__map_open(&map, path, error);
    if (status != RECS_OK)
        return status;
    status = open_bytes(trends, &map, map.bytes, map.size, host, error);
    if (status != RECS_OK)
        recs__map_close(&map);
    return status;
}

recs_status recs_trends_open_memory(recs_trends **trends, const void *bytes, size_t size,
                                    const recs_host *host, recs_error *error) {
    if (trends == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "trends is NULL, expected where to put it");
    *trends = NULL;
    return open_bytes(trends, NULL, bytes, size, host, error);
}

recs_status recs_trends_verify(const recs_trends *trends, recs_error *error) {
    recs__trend_image image;
    if (trends == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "trends is NULL, expected a recs_trends");
    if (trends->mapped == NULL)
        return RECS_OK;
    return recs__trend_image_read(&image, trends->mapped->image.bytes, trends->mapped->image.size,
                                  error);
}

void recs__mapped_close(recs_trends *trends) {
    struct recs__trend_mapped *mapped = trends->mapped;
    if (mapped == NULL)
        return;
    recs__map_close(&mapped->map);
    recs__free(&trends->host, mapped);
}
