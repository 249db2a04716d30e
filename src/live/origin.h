/* origin.h - who counted what: 128-bit origins and how far each was read.
 *
 * An origin is one state in one process; its sequence is the number of events
 * it has taken. A state holds a map from every origin it contains to the
 * sequence it contains it up to, ascending by origin, so that equal maps are
 * equal bytes.
 *
 * Cost: find log n; set linear in n (a handful of processes). */
#ifndef RECS_LIVE_ORIGIN_H
#define RECS_LIVE_ORIGIN_H

#include "base/memory.h"

#include <stdbool.h>

typedef struct recs__origin {
    unsigned char bytes[16];
} recs__origin;

typedef struct recs__origin_mark {
    recs__origin origin;
    uint64_t sequence;
} recs__origin_mark;

typedef struct recs__origins {
    recs__origin_mark *marks;
    size_t count, capacity;
} recs__origins;

/* Random bytes of the system. IO: it has none to give. */
recs_status recs__origin_make(recs__origin *origin, recs_error *error);
/* 32 hexadecimal digits and a NUL. */
void recs__origin_text(const recs__origin *origin, char out[33]);
static inline int recs__origin_order(const recs__origin *a, const recs__origin *b) {
    return __builtin_memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* The sequence of an origin, 0 when it is not in the map. */
uint64_t recs__origins_at(const recs__origins *map, const recs__origin *origin);
recs_status recs__origins_reserve(recs__origins *map, size_t more, const recs_host *host,
                                  recs_error *error);
/* Sets the sequence of an origin; 0 takes it out. There must be room. */
void recs__origins_set(recs__origins *map, const recs__origin *origin, uint64_t sequence);
void recs__origins_free(recs__origins *map, const recs_host *host);

typedef enum recs__origins_relation {
    RECS__ORIGINS_APART,    /* no origin in both (or nothing in one of them)    */
    RECS__ORIGINS_CONTAINS, /* all of theirs is in mine, as far or farther      */
    RECS__ORIGINS_WITHIN,   /* all of mine is in theirs, and they are not equal */
    RECS__ORIGINS_TANGLED   /* something counted in both, and each has more     */
} recs__origins_relation;

/* both (may be NULL): an origin that is in both, when there is one. */
recs__origins_relation recs__origins_compare(const recs__origins *mine,
                                             const recs__origins *theirs,
                                             recs__origin *both);

/* ---- fork ------------------------------------------------------------------ */

/* Notices that the process is another one than the one that made the mark: a
 * page that the system wipes in a child (MADV_WIPEONFORK), or the process id
 * where it does not know how. The page is the only memory here that does not
 * come from the host: no allocator can promise that. */
typedef struct recs__fork_mark {
    volatile unsigned char *page; /* NULL: by process id */
    size_t page_size;
    int64_t process;
} recs__fork_mark;

void recs__fork_mark_init(recs__fork_mark *mark);
void recs__fork_mark_free(recs__fork_mark *mark);
/* True in a child, until renewed. One read with the page. */
bool recs__fork_mark_passed(const recs__fork_mark *mark);
void recs__fork_mark_renew(recs__fork_mark *mark);

#endif
