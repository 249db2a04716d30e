/* trends_compact.c - see trends_compact.h. */
#include "live/trends_compact.h"

#include "base/hash.h"

#include <stdbool.h>
#include <string.h>

enum { HANDLES = RECS__COMPACT_PAGE / 4, FIRST_INDEX = 256 };

static uint32_t hash_of(const char *text, size_t size, uint64_t seed) {
    uint64_t hash = recs__hash_seeded(text, size, seed);
    return (uint32_t)(hash ^ hash >> 32);
}

/* ---- pages ----------------------------------------------------------------------- */

static void free_pages(recs__compact_pages *pages, const recs_host *host) {
    for (uint32_t p = 0; p < pages->count; p++)
        recs__free(host, (void *)(uintptr_t)recs__compact_page(pages, p));
    for (int c = 0; c < RECS__COMPACT_CHUNKS; c++)
        recs__free(host, atomic_load(&pages->chunks[c]));
}

void recs__compact_free(recs__compact *compact, const recs_host *host) {
    if (compact == NULL)
        return;
    free_pages(&compact->texts, host);
    free_pages(&compact->positions, host);
    recs__free(host, compact->index);
    recs__free(host, compact);
}

/* One page more. */
static recs_status page_room(recs__compact *compact, recs__compact_pages *pages,
                             const recs_host *host, recs_error *error) {
    uint64_t at = (uint64_t)pages->count + RECS__COMPACT_FIRST;
    unsigned chunk = 63u - (unsigned)__builtin_clzll(at) - 8u;
    size_t within = (size_t)(at - ((uint64_t)RECS__COMPACT_FIRST << chunk)),
           pointers = (size_t)RECS__COMPACT_FIRST << chunk;
    unsigned char **list = atomic_load_explicit(&pages->chunks[chunk], memory_order_relaxed);
    if (list == NULL) {
        list = recs__alloc_zero(host, pointers, sizeof *list, error);
        if (list == NULL)
            return RECS_ERR_MEMORY;
        compact->memory += pointers * sizeof *list;
        atomic_store_explicit(&pages->chunks[chunk], list, memory_order_release);
    }
    list[within] = recs__alloc(host, RECS__COMPACT_PAGE, 1, error);
    if (list[within] == NULL)
        return RECS_ERR_MEMORY;
    compact->memory += RECS__COMPACT_PAGE;
    pages->count++;
    return RECS_OK;
}

const unsigned char *recs__compact_position(const recs__compact *compact, uint32_t handle) {
    return recs__compact_page(&compact->positions, handle / HANDLES) + handle % HANDLES * 4;
}

const char *recs__compact_get(const recs__compact *compact, uint32_t handle, uint32_t *size) {
    uint32_t position;
    uint16_t length;
    memcpy(&position, recs__compact_position(compact, handle), sizeof position);
    const unsigned char *at = recs__compact_page(&compact->texts, position / RECS__COMPACT_PAGE) +
                              position % RECS__COMPACT_PAGE;
    memcpy(&length, at, sizeof length);
    *size = length;
    return (const char *)at + sizeof length;
}

/* ---- the index ---------------------------------------------------------------------- */

static uint32_t tag_of(const recs__compact *compact, uint32_t hash) {
    return compact->bits >= 32 ? 0 : hash << compact->bits;
}

/* The slot of a text, or the free one where it belongs. */
static uint32_t look(const recs__compact *compact, const char *text, size_t size, uint32_t hash) {
    uint32_t at = (uint32_t)((uint64_t)hash * compact->index_size >> 32);
    uint32_t mask = (uint32_t)((UINT64_C(1) << compact->bits) - 1), tag = tag_of(compact, hash);
    for (; compact->index[at] != 0; at = at + 1 == compact->index_size ? 0 : at + 1) {
        uint32_t length;
        if ((compact->index[at] & ~mask) != tag)
            continue;
        const char *there = recs__compact_get(compact, (compact->index[at] & mask) - 1, &length);
        if (length == size && memcmp(there, text, size) == 0)
            break;
    }
    return at;
}

uint32_t recs__compact_find(const recs__compact *compact, uint32_t count, const char *text,
                            size_t size, uint64_t seed) {
    uint32_t mask = (uint32_t)((UINT64_C(1) << compact->bits) - 1);
    if (count == 0)
        return UINT32_MAX;
    return (compact->index[look(compact, text, size, hash_of(text, size, seed))] & mask) - 1;
}

static void put(const recs__compact *compact, uint32_t handle, uint32_t hash) {
    uint32_t at = (uint32_t)((uint64_t)hash * compact->index_size >> 32);
    while (compact->index[at] != 0)
        at = at + 1 == compact->index_size ? 0 : at + 1;
    compact->index[at] = (handle + 1) | tag_of(compact, hash);
}

/* Room for one more, at most 3/4 full; a quarter larger each time, so at least 3/5. */
static recs_status index_room(recs__compact *compact, const recs_host *host, uint32_t count,
                              uint64_t seed, recs_error *error) {
    if (((uint64_t)count + 1) * 4 <= (uint64_t)compact->index_size * 3)
        return RECS_OK;
    uint64_t size = compact->index_size == 0 ? FIRST_INDEX
                                             : (uint64_t)compact->index_size * 5 / 4;
    uint32_t *index = size > UINT32_MAX ? NULL : recs__alloc_zero(host, size, 4, error);
    if (index == NULL)
        return size > UINT32_MAX ? recs__fail_memory(error, SIZE_MAX) : RECS_ERR_MEMORY;
    recs__free(host, compact->index);
    compact->memory += ((size_t)size - compact->index_size) * sizeof *index;
    compact->index = index;
    compact->index_size = (uint32_t)size;
    compact->bits = 64u - (unsigned)__builtin_clzll(size); /* handles stay below 3/4 of it */
    for (uint32_t handle = 0; handle < count; handle++) {
        uint32_t length;
        const char *text = recs__compact_get(compact, handle, &length);
        put(compact, handle, hash_of(text, length, seed));
    }
    return RECS_OK;
}

recs_status recs__compact_add(recs__compact *compact, const recs_host *host, uint32_t count,
                              const char *text, size_t size, uint64_t seed, recs_error *error) {
    uint16_t length = (uint16_t)size;
    size_t need = sizeof length + size + 1;
    bool turn = compact->texts.count == 0 || RECS__COMPACT_PAGE - compact->used < need;
    recs_status status = RECS_OK;
    if (turn && compact->texts.count == UINT32_MAX / RECS__COMPACT_PAGE + 1)
        return recs__fail(error, RECS_ERR_LIMIT, "the names take more than 4 GB");
    status = index_room(compact, host, count, seed, error);
    if (status == RECS_OK && count / HANDLES == compact->positions.count)
        status = page_room(compact, &compact->positions, host, error);
    if (status == RECS_OK && turn) {
        status = page_room(compact, &compact->texts, host, error);
        compact->used = status == RECS_OK ? 0 : compact->used;
    }
    if (status != RECS_OK)
        return status;
    uint32_t page = compact->texts.count - 1;
    uint32_t position = page * RECS__COMPACT_PAGE + compact->used;
    unsigned char *at =
        (unsigned char *)(uintptr_t)recs__compact_page(&compact->texts, page) + compact->used;
    memcpy(at, &length, sizeof length);
    memcpy(at + sizeof length, text, size);
    at[sizeof length + size] = '\0';
    compact->used += (uint32_t)need;
    memcpy((unsigned char *)(uintptr_t)recs__compact_position(compact, count), &position,
           sizeof position);
    put(compact, count, hash_of(text, size, seed));
    return RECS_OK;
}
