/* trends_ready.c - gathers, orders and keeps what trends_ready.h tells of.
 *
 * Cost: nothing while it is right; else a cache line an entry, asked for ahead, and a
 * sort that finds them nearly in order.
 *
 * Invariant: a block with the stripe's version and the lens's slots holds exactly the
 * entries of its list, with the sums of their cells. Whoever changes cells or entries
 * takes the lock as a writer (recs__trend_lock), or frees the block. */
#include "live/trends_ready.h"

#include "live/trends_lens.h"
#include "live/trends_old.h"
#include "search/sort.h"

#include <string.h>

enum { AHEAD = 16, INDEX_BITS = 16 };
_Static_assert(2 * RECS__TREND_CANDIDATES <= 1 << INDEX_BITS, "an entry's number fits a key");

struct recs__trend_ready {
    uint64_t version;
    int32_t newest[2];  /* slots: of the list's series, of the other */
    uint32_t other;     /* series */
    uint32_t count, room;
    double sums[]; /* room, as many of the other, then uint32_t items[room] */
};

static size_t block_size(uint32_t room) {
    return sizeof(struct recs__trend_ready) + room * (2 * sizeof(double) + sizeof(uint32_t));
}

static double *others_of(struct recs__trend_ready *ready) { return ready->sums + ready->room; }

static uint32_t *items_of(struct recs__trend_ready *ready) {
    return (uint32_t *)(void *)(ready->sums + 2 * (size_t)ready->room);
}

void recs__trend_ready_free(recs_trends *trends, struct recs__trend_ready *ready) {
    if (ready != NULL)
        recs__trend_release(trends, ready, block_size(ready->room));
}

/* An entry before it has found its place. */
typedef struct recs__trend_rough {
    double sum, other;
    uint32_t item, entry;
} rough;

/* Entries as they are in the list; what is known to be old leaves a list of new items
 * (none of those outside is new through that, so its bar stays right). */
static uint32_t read_cells(const recs__trend_lens *lens, recs__trend_node *node, uint32_t index,
                           int which, rough *out, uint64_t *keys) {
    recs_trends *trends = lens->trends;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    recs__trend_list *list = &node->lists->list[index];
    uint32_t base = trends->options.base, count = 0;
    /* Once the lists are of a later slot what was old may be new there. */
    bool put_off = lens->known_old && node->lists->newest[base] == lens->slots[base] &&
                   index / trends->options.series_count % 2 == 1;
    for (uint32_t i = 0; i < list->count && i < AHEAD; i++)
        __builtin_prefetch(recs__trend_at(trends, cells, list->entries[i]));
    for (uint32_t i = 0; i < list->count; i++) {
        if (i + AHEAD < list->count)
            __builtin_prefetch(recs__trend_at(trends, cells, list->entries[i + AHEAD]));
        recs__trend_cell *cell = recs__trend_at(trends, cells, list->entries[i]);
        if (put_off && recs__trend_is_old(trends, cell->item, lens->slots[base],
                                          recs__trend_listed_since(trends, lens->now))) {
            cell->marks &= ~(UINT32_C(1) << index);
            continue;
        }
        rough *r = &out[count];
        *r = (rough){recs__trend_raw(lens, cell, which), recs__trend_raw(lens, cell, !which),
                     cell->item, list->entries[i]};
        if (cell->marks & RECS__TREND_HAS_RETURNS) {
            const recs__trend_cell *returns =
                recs__trend_find(trends, node, cell->item | RECS__TREND_RETURNED);
            if (returns != NULL) {
                r->sum -= recs__trend_raw(lens, returns, which);
                r->other -= recs__trend_raw(lens, returns, !which);
            }
        }
        uint64_t bits = 0;
        if (r->sum > 0.0)
            memcpy(&bits, &r->sum, sizeof bits);
        keys[count] = (~bits >> INDEX_BITS << INDEX_BITS) | count;
        count++;
    }
    list->count = count;
    return count;
}

/* The block of a list with room for all it may hold; NULL: none is kept. */
static struct recs__trend_ready *block_of(recs_trends *trends, recs__trend_list *list) {
    if (list->ready == NULL && trends->options.memory == 0) {
        list->ready = recs__trend_alloc(trends, block_size(2 * list->keep), NULL);
        if (list->ready != NULL) {
            list->ready->room = 2 * list->keep;
            list->ready->version = UINT64_MAX;
        }
    }
    return list->ready;
}

recs_status recs__trend_ready(const recs__trend_lens *lens, recs__trend_work *work,
                              recs__trend_node *node, uint32_t index, int which,
                              const recs_host *host, recs__trend_row *row, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs__trend_list *list = &node->lists->list[index];
    uint64_t version = trends->stripes[node->stripe].version;
    struct recs__trend_ready *ready = block_of(trends, list);
    uint32_t room = 2 * list->keep;
    if (ready == NULL || ready->version != version || ready->other != lens->series[!which] ||
        ready->newest[0] != lens->newest[which] || ready->newest[1] != lens->newest[!which]) {
        size_t bytes = room * (sizeof(uint64_t) + sizeof(rough)) + block_size(room);
        recs_status status = recs__grow(host, (void **)&work->rough, &work->rough_capacity, bytes,
                                        1, error);
        if (status != RECS_OK)
            return status;
        uint64_t *keys = (uint64_t *)(void *)work->rough;
        rough *found = (rough *)(void *)(keys + room);
        if (ready == NULL) {
            ready = (struct recs__trend_ready *)(void *)(found + room);
            ready->room = room;
        }
        ready->version = version;
        ready->newest[0] = lens->newest[which];
        ready->newest[1] = lens->newest[!which];
        ready->other = lens->series[!which];
        ready->count = read_cells(lens, node, index, which, found, keys);
        recs__sort_keys(keys, ready->count);
        double *others = others_of(ready);
        uint32_t *items = items_of(ready);
        for (uint32_t i = 0; i < ready->count; i++) {
            const rough *r = &found[keys[i] & ((1 << INDEX_BITS) - 1)];
            ready->sums[i] = r->sum;
            others[i] = r->other;
            items[i] = r->item;
            list->entries[i] = r->entry;
        }
    }
    *row = (recs__trend_row){ready->count, ready->sums, others_of(ready), items_of(ready)};
    return RECS_OK;
}
