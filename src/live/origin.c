/* origin.c - random origins, the map of how far each was read, and a mark that
 * a fork leaves.
 *
 * Invariants: marks ascend by origin, no sequence in the map is 0. */
#include "live/origin.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

recs_status recs__origin_make(recs__origin *origin, recs_error *error) {
    size_t have = 0;
    while (have < sizeof origin->bytes) {
        ssize_t got = getrandom(origin->bytes + have, sizeof origin->bytes - have, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return recs__fail_errno(error, got < 0 ? errno : EIO,
                                    "the system gave no random bytes");
        have += (size_t)got;
    }
    return RECS_OK;
}

void recs__origin_text(const recs__origin *origin, char out[33]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof origin->bytes; i++) {
        out[2 * i] = digits[origin->bytes[i] >> 4];
        out[2 * i + 1] = digits[origin->bytes[i] & 15];
    }
    out[32] = '\0';
}

/* Index of the first mark not before origin. */
static size_t lower_bound(const recs__origins *map, const recs__origin *origin) {
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recs__origin_order(&map->marks[middle].origin, origin) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const recs__origins *map, size_t at, const recs__origin *origin) {
    return at < map->count && recs__origin_order(&map->marks[at].origin, origin) == 0;
}

uint64_t recs__origins_at(const recs__origins *map, const recs__origin *origin) {
    size_t at = lower_bound(map, origin);
    return is_at(map, at, origin) ? map->marks[at].sequence : 0;
}

recs_status recs__origins_reserve(recs__origins *map, size_t more, const recs_host *host,
                                  recs_error *error) {
    void *block = map->marks;
    recs_status status =
        recs__grow(host, &block, &map->capacity, map->count + more, sizeof *map->marks, error);
    map->marks = block;
    return status;
}

void recs__origins_set(recs__origins *map, const recs__origin *origin, uint64_t sequence) {
    size_t at = lower_bound(map, origin);
    bool there = is_at(map, at, origin);
    if (sequence == 0 && !there)
        return;
    if (sequence == 0) {
        map->count--;
        memmove(map->marks + at, map->marks + at + 1, (map->count - at) * sizeof *map->marks);
        return;
    }
    if (!there) {
        memmove(map->marks + at + 1, map->marks + at, (map->count - at) * sizeof *map->marks);
        map->count++;
    }
    map->marks[at] = (recs__origin_mark){*origin, sequence};
}

void recs__origins_free(recs__origins *map, const recs_host *host) {
    recs__free(host, map->marks);
    *map = (recs__origins){0};
}

recs__origins_relation recs__origins_compare(const recs__origins *mine,
                                             const recs__origins *theirs, recs__origin *both) {
    bool shared = false, mine_more = false, theirs_more = false;
    size_t i = 0, j = 0;
    while (i < mine->count || j < theirs->count) {
        int order = i == mine->count     ? 1
                    : j == theirs->count ? -1
                                         : recs__origin_order(&mine->marks[i].origin,
                                                              &theirs->marks[j].origin);
        if (order == 0) {
            if (!shared && both != NULL)
                *both = mine->marks[i].origin;
            shared = true;
            mine_more |= mine->marks[i].sequence > theirs->marks[j].sequence;
            theirs_more |= mine->marks[i].sequence < theirs->marks[j].sequence;
        }
        mine_more |= order < 0;
        theirs_more |= order > 0;
        i += order <= 0;
        j += order >= 0;
    }
    if (!theirs_more)
        return RECS__ORIGINS_CONTAINS;
    if (!shared)
        return RECS__ORIGINS_APART;
    return mine_more ? RECS__ORIGINS_TANGLED : RECS__ORIGINS_WITHIN;
}

/* ---- fork ------------------------------------------------------------------ */

void recs__fork_mark_init(recs__fork_mark *mark) {
    *mark = (recs__fork_mark){.process = (int64_t)getpid()};
#ifdef MADV_WIPEONFORK
    long size = sysconf(_SC_PAGESIZE);
    if (size <= 0)
        return;
    void *page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
    if (page == MAP_FAILED)
        return;
    if (madvise(page, (size_t)size, MADV_WIPEONFORK) != 0) {
        munmap(page, (size_t)size);
        return;
    }
    mark->page = page;
    mark->page_size = (size_t)size;
    mark->page[0] = 1;
#endif
}

void recs__fork_mark_free(recs__fork_mark *mark) {
    if (mark->page != NULL)
        munmap((void *)(uintptr_t)mark->page, mark->page_size);
    *mark = (recs__fork_mark){0};
}

bool recs__fork_mark_passed(const recs__fork_mark *mark) {
    if (mark->page != NULL)
        return mark->page[0] == 0;
    return (int64_t)getpid() != mark->process;
}

void recs__fork_mark_renew(recs__fork_mark *mark) {
    if (mark->page != NULL)
        mark->page[0] = 1;
    mark->process = (int64_t)getpid();
}
