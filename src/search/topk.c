/* topk.c - the selection behind topk.h. The buffer holds k keys and a slack
 * of k / 2 + 64, so that a selection is paid by at least that many entries. */
#include "search/topk.h"

#include "base/checked.h"
#include "base/memory.h"
#include "search/sort.h"

#include <math.h>

recs_status recs__topk_begin(recs__topk *topk, const recs_host *host, size_t limit, float floor,
                             recs_error *error) {
    size_t room;
    if (recs__add_size(limit, limit / 2 + 64, &room))
        room = SIZE_MAX;
    if (room > topk->capacity) {
        recs_status status = recs__grow(host, (void **)&topk->keys, &topk->capacity, room,
                                        sizeof *topk->keys, error);
        if (status != RECS_OK)
            return status;
    }
    topk->room = room;
    topk->limit = limit;
    topk->count = 0;
    topk->bar = limit == 0 ? INFINITY : floor;
    topk->bar_key = limit == 0 ? 0 : recs__topk_key(floor, 0);
    return RECS_OK;
}

void recs__topk_select(recs__topk *topk) {
    if (topk->count <= topk->limit || topk->limit == 0)
        return;
    recs__select_keys(topk->keys, topk->count, topk->limit);
    topk->count = topk->limit;
    topk->bar_key = topk->keys[topk->limit - 1];
    topk->bar = recs__topk_score(topk->bar_key);
}

size_t recs__topk_finish(recs__topk *topk) {
    recs__topk_select(topk);
    recs__sort_keys(topk->keys, topk->count);
    return topk->count;
}

void recs__topk_free(recs__topk *topk, const recs_host *host) {
    recs__free(host, topk->keys);
    *topk = (recs__topk){0};
}

size_t recs__topk_memory(const recs__topk *topk) {
    return topk->capacity * sizeof *topk->keys;
}
