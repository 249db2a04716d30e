/* trends_memory.c - the memory of tables, nodes, lists and actors.
 *
 * Tables are many and grow, and counting reaches into them at random: what
 * decides its speed is how many pages of memory the processor must know. So
 * blocks are cut from few large pieces, for which large pages are asked, and
 * a block given back waits in the list of its size for the next one of that
 * size. Sizes are rounded up to eight steps an octave (at most 1/8 is lost);
 * blocks above 4 MB are the host's own, from one large page's beginning on. Cost: one
 * lock; constant.
 *
 * trends->memory counts the pieces, not what is used of them. A state with a
 * budget (option memory) has to know what it uses, and takes every block from
 * the host. */
#include "live/trends_state.h"

#include <string.h>

enum { CLASSES = 8 * 20 };
static const size_t large = (size_t)4 << 20, page = (size_t)2 << 20; /* a large page */

struct recs__trend_pool {
    void *blocks[CLASSES];   /* given back, linked through their first word */
    unsigned char *pieces;   /* newest; its first word links to the older, then one byte:
                                whether it is of large pages                     */
    size_t used, size;       /* of the newest                               */
};

/* Class of a size (64 to large); *rounded is the size of its blocks. */
static uint32_t class_of(size_t size, size_t *rounded) {
    if (size < 64)
        size = 64;
    uint32_t log = 63u - (uint32_t)__builtin_clzll((unsigned long long)size);
    size_t step = (size_t)1 << (log - 3), steps = (size + step - 1) / step; /* 8 to 16 */
    *rounded = (steps * step + 63) / 64 * 64;
    return (log - 6) * 8 + (uint32_t)(steps - 8);
}

size_t recs__trend_good_size(const recs_trends *trends, size_t size) {
    size_t rounded = size;
    if (size <= large && trends->options.memory == 0)
        class_of(size, &rounded);
    return rounded;
}

static void *host_block(recs_trends *trends, size_t size, recs_error *error) {
    unsigned char *block = recs__alloc_aligned(&trends->host, size, 1, error);
    if (block == NULL)
        return NULL;
    atomic_fetch_add_explicit(&trends->memory, size, memory_order_relaxed);
    recs__large_pages(block, size);
    return block;
}

/* A block of whole large pages: it begins on one, and what it begins with in truth is in the
 * word before. What lies around it is never touched. */
static void *page_block(recs_trends *trends, size_t size, recs_error *error) {
    if (size > SIZE_MAX / 2) {
        (void)recs__fail_memory(error, SIZE_MAX);
        return NULL;
    }
    size_t whole = (size + page - 1) / page * page + page + 64;
    unsigned char *raw = recs__alloc_aligned(&trends->host, whole, 1, error);
    if (raw == NULL)
        return NULL;
    unsigned char *block = raw + 64 + (size_t)(-((uintptr_t)raw + 64) % page);
    memcpy(block - sizeof raw, &raw, sizeof raw);
    atomic_fetch_add_explicit(&trends->memory, size, memory_order_relaxed);
    recs__large_pages(block, (size + page - 1) / page * page);
    return block;
}

static void free_page_block(recs_trends *trends, unsigned char *block) {
    unsigned char *raw;
    memcpy(&raw, block - sizeof raw, sizeof raw);
    recs__free_aligned(&trends->host, raw);
}

/* A new piece, twice the last one, from 64 KB to 32 MB. Under the lock. */
static recs_status new_piece(recs_trends *trends, struct recs__trend_pool *pool, size_t need,
                             recs_error *error) {
    size_t size = pool->size == 0 ? (size_t)1 << 16 : pool->size * 2;
    if (size > (size_t)32 << 20)
        size = (size_t)32 << 20;
    while (size < need + 64)
        size *= 2;
    bool pages = size >= large;
    unsigned char *piece =
        pages ? page_block(trends, size, error) : host_block(trends, size, error);
    if (piece == NULL)
        return RECS_ERR_MEMORY;
    memcpy(piece, &pool->pieces, sizeof pool->pieces);
    piece[sizeof pool->pieces] = pages;
    pool->pieces = piece;
    pool->used = 64;
    pool->size = size;
    return RECS_OK;
}

void *recs__trend_alloc(recs_trends *trends, size_t size, recs_error *error) {
    struct recs__trend_pool *pool = trends->pool;
    size_t rounded;
    if (trends->options.memory != 0)
        return host_block(trends, size, error);
    if (size > large)
        return page_block(trends, size, error);
    uint32_t class = class_of(size, &rounded);
    void *block = NULL;
    pthread_mutex_lock(&trends->pool_lock);
    if (pool->blocks[class] != NULL) {
        block = pool->blocks[class];
        memcpy(&pool->blocks[class], block, sizeof pool->blocks[class]);
    } else if (pool->size - pool->used >= rounded ||
               new_piece(trends, pool, rounded, error) == RECS_OK) {
        block = pool->pieces + pool->used;
        pool->used += rounded;
    }
    pthread_mutex_unlock(&trends->pool_lock);
    return block;
}

void recs__trend_release(recs_trends *trends, void *block, size_t size) {
    struct recs__trend_pool *pool = trends->pool;
    size_t rounded;
    if (block == NULL)
        return;
    if (size > large || trends->options.memory != 0) {
        if (trends->options.memory != 0)
            recs__free_aligned(&trends->host, block);
        else
            free_page_block(trends, block);
        atomic_fetch_sub_explicit(&trends->memory, size, memory_order_relaxed);
        return;
    }
    uint32_t class = class_of(size, &rounded);
    pthread_mutex_lock(&trends->pool_lock);
    memcpy(block, &pool->blocks[class], sizeof pool->blocks[class]);
    pool->blocks[class] = block;
    pthread_mutex_unlock(&trends->pool_lock);
}

recs_status recs__trend_pool_make(recs_trends *trends, recs_error *error) {
    trends->pool = recs__alloc_zero(&trends->host, 1, sizeof *trends->pool, error);
    if (trends->pool == NULL)
        return RECS_ERR_MEMORY;
    pthread_mutex_init(&trends->pool_lock, NULL);
    return RECS_OK;
}

void recs__trend_pool_free(recs_trends *trends) {
    if (trends->pool == NULL)
        return;
    unsigned char *piece = trends->pool->pieces;
    while (piece != NULL) {
        unsigned char *older;
        memcpy(&older, piece, sizeof older);
        if (piece[sizeof older])
            free_page_block(trends, piece);
        else
            recs__free_aligned(&trends->host, piece);
        piece = older;
    }
    pthread_mutex_destroy(&trends->pool_lock);
    recs__free(&trends->host, trends->pool);
    trends->pool = NULL;
}
