/* trends_names.c - texts to handles, for any number of threads.
 *
 * Handles count up from 0 and stay; entries lie in doubling chunks that never
 * move, so that reading the text of a handle needs no lock. Look-up and
 * taking: one lock, one hash, about one comparison. Memory of an entry: 32
 * bytes, which hold a text of up to 15, else the text and a NUL more, and 4 to 8 of index. */
#include "live/trends_state.h"

#include "base/hash.h"
#include "base/text.h"

#include <string.h>

enum { ARENA_BLOCK = 65536, FIRST_INDEX = 256 };

recs_status recs__trend_names_init(recs__trend_names *names, uint64_t seed, recs_error *error) {
    memset(names, 0, sizeof *names);
    names->seed = seed;
    int failed = pthread_mutex_init(&names->lock, NULL);
    return failed == 0 ? RECS_OK : recs__fail_errno(error, failed, "cannot make a lock");
}

void recs__trend_names_free(recs__trend_names *names, const recs_host *host) {
    char *block = names->arena;
    while (block != NULL) {
        char *older;
        memcpy(&older, block, sizeof older);
        recs__free(host, block);
        block = older;
    }
    for (int c = 0; c < RECS__TREND_CHUNKS; c++)
        recs__free_aligned(host, atomic_load(&names->chunks[c]));
    recs__free(host, names->index);
    recs__compact_free(names->compact, host);
    pthread_mutex_destroy(&names->lock);
}

/* ---- fixed: in a file, believed nothing ------------------------------------------- */

recs__trend_text recs__trend_names_fixed(const recs__trend_names *names, uint32_t handle) {
    const recs__trend_text none = {.text = ""};
    uint64_t at[2];
    if (handle >= atomic_load_explicit(&names->count, memory_order_relaxed))
        return none;
    memcpy(at, names->fixed.offsets + (size_t)handle * sizeof *at, sizeof at);
    if (at[0] >= at[1] || at[1] > names->fixed.size || at[1] - at[0] > RECS_ID_MAX + 1 ||
        names->fixed.bytes[at[1] - 1] != '\0')
        return none;
    return (recs__trend_text){.text = (const char *)names->fixed.bytes + at[0],
                              .size = (uint32_t)(at[1] - at[0] - 1)};
}

static uint32_t find_fixed(const recs__trend_names *names, const char *text, size_t size) {
    uint32_t low = 0, count = atomic_load_explicit(&names->count, memory_order_relaxed),
             high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        recs__trend_text name = recs__trend_names_fixed(names, middle);
        if (recs__compare_ids(name.text, name.size, text, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    recs__trend_text name = recs__trend_names_fixed(names, low);
    return low < count && name.size == size && memcmp(name.text, text, size) == 0 ? low
                                                                                  : UINT32_MAX;
}

void recs__trend_names_fix(recs__trend_names *names, const unsigned char *offsets,
                           const unsigned char *bytes, size_t size, uint32_t count) {
    names->fixed.offsets = offsets;
    names->fixed.bytes = bytes;
    names->fixed.size = size;
    atomic_store_explicit(&names->count, count, memory_order_release);
}

recs_status recs__trend_names_compact(recs__trend_names *names, const recs_host *host,
                                      recs_error *error) {
    names->compact = recs__alloc_zero(host, 1, sizeof *names->compact, error);
    return names->compact == NULL ? RECS_ERR_MEMORY : RECS_OK;
}

/* Under the lock. */
static uint32_t find_compact(const recs__trend_names *names, const char *text, size_t size) {
    return recs__compact_find(names->compact,
                              atomic_load_explicit(&names->count, memory_order_relaxed), text,
                              size, names->seed);
}

/* The slot of the index that has the text, or the free one where it belongs.
 * Under the lock; the index exists. */
static uint32_t look(const recs__trend_names *names, const char *text, size_t size,
                     uint32_t hash) {
    uint32_t mask = names->index_size - 1, at = hash & mask;
    for (; names->index[at] != 0; at = (at + 1) & mask) {
        const recs__trend_name *name = recs__trend_names_entry(names, names->index[at] - 1);
        if (name->hash == hash && name->size == size && memcmp(name->text, text, size) == 0)
            break;
    }
    return at;
}

static uint32_t hash_of(const recs__trend_names *names, const char *text, size_t size) {
    uint64_t hash = recs__hash_seeded(text, size, names->seed);
    return (uint32_t)(hash ^ hash >> 32);
}

uint32_t recs__trend_names_find(recs__trend_names *names, const char *text, size_t size) {
    if (names->fixed.offsets != NULL)
        return find_fixed(names, text, size);
    uint32_t found = UINT32_MAX, hash = hash_of(names, text, size);
    pthread_mutex_lock(&names->lock);
    if (names->compact != NULL)
        found = find_compact(names, text, size);
    else if (names->index_size != 0)
        found = names->index[look(names, text, size, hash)] - 1; /* 0 - 1: none */
    pthread_mutex_unlock(&names->lock);
    return found;
}

void recs__trend_names_find_many(recs__trend_names *names, const char *const *texts,
                                 const size_t *sizes, uint32_t count, uint32_t *handles) {
    uint32_t hashes[RECS__TREND_MANY];
    bool fixed = names->fixed.offsets != NULL;
    for (uint32_t i = 0; i < count; i++)
        hashes[i] = fixed ? 0 : hash_of(names, texts[i], sizes[i]);
    if (fixed) {
        for (uint32_t i = 0; i < count; i++)
            handles[i] = find_fixed(names, texts[i], sizes[i]);
        return;
    }
    pthread_mutex_lock(&names->lock);
    if (names->compact != NULL) {
        for (uint32_t i = 0; i < count; i++)
            handles[i] = find_compact(names, texts[i], sizes[i]);
        pthread_mutex_unlock(&names->lock);
        return;
    }
    uint32_t mask = names->index_size - 1; /* no index: nothing is read */
    for (uint32_t i = 0; i < count && names->index_size != 0; i++)
        __builtin_prefetch(&names->index[hashes[i] & mask]);
    for (uint32_t i = 0; i < count && names->index_size != 0; i++) {
        uint32_t handle = names->index[hashes[i] & mask];
        if (handle != 0)
            __builtin_prefetch(recs__trend_names_entry(names, handle - 1));
    }
    for (uint32_t i = 0; i < count; i++)
        handles[i] = names->index_size == 0
                         ? UINT32_MAX
                         : names->index[look(names, texts[i], sizes[i], hashes[i])] - 1;
    pthread_mutex_unlock(&names->lock);
}

/* Room in the index for one more, at most 3/4 full. */
static recs_status index_room(recs__trend_names *names, const recs_host *host, uint32_t count,
                              recs_error *error) {
    if ((uint64_t)(count + 1) * 4 <= (uint64_t)names->index_size * 3)
        return RECS_OK;
    uint32_t size = names->index_size == 0 ? FIRST_INDEX : names->index_size * 2;
    if (size == 0)
        return recs__fail_memory(error, SIZE_MAX);
    uint32_t *index = recs__alloc_zero(host, size, sizeof *index, error);
    if (index == NULL)
        return RECS_ERR_MEMORY;
    recs__large_pages(index, size * sizeof *index);
    for (uint32_t handle = 0; handle < count; handle++) {
        uint32_t at = recs__trend_names_entry(names, handle)->hash & (size - 1);
        while (index[at] != 0)
            at = (at + 1) & (size - 1);
        index[at] = handle + 1;
    }
    recs__free(host, names->index);
    names->memory += (size_t)(size - names->index_size) * sizeof *index;
    names->index = index;
    names->index_size = size;
    return RECS_OK;
}

static recs_status chunk_room(recs__trend_names *names, const recs_host *host, uint32_t count,
                              recs_error *error) {
    uint32_t within, chunk = recs__trend_chunk(count, &within);
    if (atomic_load_explicit(&names->chunks[chunk], memory_order_relaxed) != NULL)
        return RECS_OK;
    size_t entries = (size_t)RECS__TREND_FIRST_CHUNK << chunk;
    recs__trend_name *made = recs__alloc_aligned(host, entries, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    recs__large_pages(made, entries * sizeof *made);
    names->memory += entries * sizeof *made;
    atomic_store_explicit(&names->chunks[chunk], made, memory_order_release);
    return RECS_OK;
}

static recs_status arena_room(recs__trend_names *names, const recs_host *host, size_t size,
                              recs_error *error) {
    if (names->arena != NULL && names->arena_size - names->arena_used >= size)
        return RECS_OK;
    size_t want = size > ARENA_BLOCK - sizeof(char *) ? size + sizeof(char *) : ARENA_BLOCK;
    if (names->arena == NULL && want == ARENA_BLOCK)
        want = 1024;
    if (want < size + sizeof(char *))
        want = size + sizeof(char *);
    char *block = recs__alloc(host, want, 1, error);
    if (block == NULL)
        return RECS_ERR_MEMORY;
    memcpy(block, &names->arena, sizeof names->arena);
    names->memory += want;
    names->arena = block;
    names->arena_used = sizeof(char *);
    names->arena_size = want;
    return RECS_OK;
}

/* recs__trend_names_take where names are compact. */
static recs_status take_compact(recs__trend_names *names, const recs_host *host,
                                const char *text, size_t size, uint32_t most, uint32_t *handle,
                                recs_error *error) {
    recs_status status = RECS_OK;
    pthread_mutex_lock(&names->lock);
    uint32_t count = atomic_load_explicit(&names->count, memory_order_relaxed),
             found = find_compact(names, text, size);
    if (found == UINT32_MAX) {
        status = count < most ? recs__compact_add(names->compact, host, count, text, size,
                                                  names->seed, error)
                              : recs__fail(error, RECS_ERR_LIMIT,
                                           "more than %u different names", most);
        atomic_store_explicit(&names->memory, names->compact->memory, memory_order_relaxed);
        if (status == RECS_OK)
            atomic_store_explicit(&names->count, count + 1, memory_order_release);
        found = count;
    }
    if (status == RECS_OK)
        *handle = found;
    pthread_mutex_unlock(&names->lock);
    return status;
}

recs_status recs__trend_names_take(recs__trend_names *names, const recs_host *host,
                                   const char *text, size_t size, uint32_t most,
                                   uint32_t *handle, recs_error *error) {
    if (names->fixed.offsets != NULL) {
        *handle = find_fixed(names, text, size);
        return *handle != UINT32_MAX
                   ? RECS_OK
                   : recs__fail(error, RECS_ERR_NOT_FOUND,
                                "\"%.*s\" is not in this state, which is mapped: nothing can be "
                                "added to it",
                                size < 80 ? (int)size : 80, text);
    }
    if (names->compact != NULL)
        return take_compact(names, host, text, size, most, handle, error);
    uint32_t hash = hash_of(names, text, size);
    recs_status status = RECS_OK;
    pthread_mutex_lock(&names->lock);
    uint32_t count = atomic_load_explicit(&names->count, memory_order_relaxed), at = 0;
    if (names->index_size != 0) {
        at = look(names, text, size, hash);
        if (names->index[at] != 0) {
            *handle = names->index[at] - 1;
            pthread_mutex_unlock(&names->lock);
            return RECS_OK;
        }
    }
    if (count >= most)
        status = recs__fail(error, RECS_ERR_LIMIT, "more than %u different names", most);
    if (status == RECS_OK)
        status = index_room(names, host, count, error);
    if (status == RECS_OK)
        status = chunk_room(names, host, count, error);
    bool fits = size < sizeof((recs__trend_name *)NULL)->own;
    if (status == RECS_OK && !fits)
        status = arena_room(names, host, size + 1, error);
    if (status == RECS_OK) {
        uint32_t within, chunk = recs__trend_chunk(count, &within);
        recs__trend_name *name =
            atomic_load_explicit(&names->chunks[chunk], memory_order_relaxed) + within;
        char *copy = fits ? name->own : names->arena + names->arena_used;
        memcpy(copy, text, size);
        copy[size] = '\0';
        names->arena_used += fits ? 0 : size + 1;
        name->text = copy;
        name->size = (uint32_t)size;
        name->hash = hash;
        names->index[look(names, text, size, hash)] = count + 1;
        atomic_store_explicit(&names->count, count + 1, memory_order_release);
        *handle = count;
    }
    pthread_mutex_unlock(&names->lock);
    return status;
}
