/* trends_compact.h - the names of a state with a budget, in a third of the room.
 *
 * Texts lie one behind the other in pages of 64 KB that never move, each with
 * its size in two bytes before it and a NUL behind; four bytes a handle say
 * where, so reading one costs two cache lines and not one. The index has
 * 4 bytes a slot, is 60 to 75 % full, and keeps in the bits that no handle
 * needs a part of the hash, so that few texts are compared. An id of 7 bytes
 * takes about 20 bytes in all.
 *
 * Threads: get needs no lock; find and take are called under the lock of the
 * names (trends_names.c). Since a position has 32 bits, texts end at 4 GB. */
#ifndef RECS_LIVE_TRENDS_COMPACT_H
#define RECS_LIVE_TRENDS_COMPACT_H

#include "base/memory.h"

#include <stdatomic.h>

enum { RECS__COMPACT_PAGE = 65536, RECS__COMPACT_CHUNKS = 16, RECS__COMPACT_FIRST = 256 };

/* Pages by number, in doubling chunks of pointers. */
typedef struct recs__compact_pages {
    _Atomic(unsigned char **) chunks[RECS__COMPACT_CHUNKS];
    uint32_t count;
} recs__compact_pages;

typedef struct recs__compact {
    recs__compact_pages texts, positions; /* positions: u32 by handle */
    uint32_t used;  /* bytes of the last page of texts */
    uint32_t *index; /* 0: free; else handle + 1 in the low bits, of the hash above */
    uint32_t index_size;
    unsigned bits;  /* of a handle + 1 */
    size_t memory;
} recs__compact;

static inline const unsigned char *recs__compact_page(const recs__compact_pages *pages,
                                                      uint32_t page) {
    uint64_t at = (uint64_t)page + RECS__COMPACT_FIRST;
    unsigned chunk = 63u - (unsigned)__builtin_clzll(at) - 8u;
    unsigned char **list = atomic_load_explicit(&pages->chunks[chunk], memory_order_acquire);
    return list[at - ((uint64_t)RECS__COMPACT_FIRST << chunk)];
}

/* Where the text of a handle is said to be. */
const unsigned char *recs__compact_position(const recs__compact *compact, uint32_t handle);
/* The text of a handle, NUL-terminated. */
const char *recs__compact_get(const recs__compact *compact, uint32_t handle, uint32_t *size);
/* UINT32_MAX: there is none. */
uint32_t recs__compact_find(const recs__compact *compact, uint32_t count, const char *text,
                            size_t size, uint64_t seed);
/* Adds the text of a new handle, `count` of them being there. LIMIT: 4 GB. MEMORY. */
recs_status recs__compact_add(recs__compact *compact, const recs_host *host, uint32_t count,
                              const char *text, size_t size, uint64_t seed, recs_error *error);
void recs__compact_free(recs__compact *compact, const recs_host *host);

#endif
