/* scan_content.c - behind scan_content.h.
 *
 * Between two passes of one history the best so far are kept as keys of a top k, unique
 * by row; they go into the work's own top k when all are known, as an item must be
 * offered once. */
#include "recommend/scan_content.h"

#include "base/checked.h"
#include "base/error.h"
#include "kernels/kernels.h"
#include "recommend/content.h"
#include "recommend/scan_index.h"
#include "search/room.h"
#include "search/sort.h"

#include <math.h>

enum { TOGETHER = RECS__NEAREST_MAX };

bool recs__scan_content_takes(const recs__work *work) {
    const recs__step *root = recs__scorer_root(&work->scorer);
    return root != NULL && root->component->kind == RECS__KIND_VECTORS;
}

void recs__merge_free(recs__merge_room *room, const recs_host *host) {
    for (size_t i = 0; room->each != NULL && i < TOGETHER; i++)
        recs__topk_free(&room->each[i], host);
    recs__free(host, room->each);
    recs__free_aligned(host, room->keys);
    *room = (recs__merge_room){0};
}

size_t recs__merge_memory(const recs__merge_room *room) {
    size_t bytes = room->key_capacity * sizeof *room->keys;
    for (size_t i = 0; room->each != NULL && i < TOGETHER; i++)
        bytes += sizeof *room->each + recs__topk_memory(&room->each[i]);
    return bytes;
}

/* What a search did, added to the work's. */
static void tell(recs__work *work, const recs__seek *seek) {
    uint64_t scored = seek->way == RECS__WAY_CODES ? seek->rescored : seek->scanned;
    if (work->seek.way == RECS__WAY_NONE)
        work->seek.way = seek->way;
    work->seek.scanned += scored;
    work->seek.rescored += scored;
}

/* ---- visitors of one vector ------------------------------------------------------------- */

static recs_status search_ones(recs__work *const *works, size_t count, const recs__space *space,
                               const recs_host *host, recs_error *error) {
    recs__seek seeks[TOGETHER];
    recs__work *of[TOGETHER];
    size_t asked = 0;
    for (size_t i = 0; i < count && asked < TOGETHER; i++) {
        const recs__step *root = recs__scorer_root(&works[i]->scorer);
        if (root->content_count != 1 || recs__scan_index_takes(works[i]))
            continue;
        of[asked] = works[i];
        seeks[asked++] = (recs__seek){.vector = root->content,
                                      .norm = root->content_norms[0],
                                      .filter = &works[i]->filter,
                                      .topk = &works[i]->topk};
    }
    if (asked == 0)
        return RECS_OK;
    recs_status status =
        recs__exact_search(space, seeks, asked, NULL, &works[0]->exact, host, error);
    for (size_t i = 0; status == RECS_OK && i < asked; i++)
        tell(of[i], &seeks[i]);
    return status;
}

/* ---- the best of a history ----------------------------------------------------------------- */

static recs_status need_merge(recs__work *work, size_t keys, const recs_host *host,
                              recs_error *error) {
    recs__merge_room *room = &work->merge;
    if (room->each == NULL)
        room->each = recs__alloc_zero(host, TOGETHER, sizeof *room->each, error);
    if (room->each == NULL)
        return RECS_ERR_MEMORY;
    return recs__room_fresh(host, (void **)&room->keys, &room->key_capacity, keys,
                            sizeof *room->keys, error);
}

/* Each row once, with its best score; then the best limit of them. */
static size_t keep_best(uint64_t *keys, size_t count, size_t limit) {
    size_t kept = 0;
    uint64_t last = UINT64_MAX;
    for (size_t i = 0; i < count; i++)
        keys[i] = keys[i] << 32 | keys[i] >> 32;
    recs__sort_keys(keys, count); /* by row, the best first */
    for (size_t i = 0; i < count; i++) {
        uint64_t row = keys[i] >> 32;
        if (row != last)
            keys[kept++] = keys[i] << 32 | row;
        last = row;
    }
    recs__sort_keys(keys, kept);
    return kept < limit ? kept : limit;
}

/* The best of vectors first … first + count of a history, behind the keys there are. */
static recs_status search_pass(recs__work *work, const recs__space *space, size_t first,
                               size_t count, float floor, size_t *have, const recs_host *host,
                               recs_error *error) {
    const recs__step *root = recs__scorer_root(&work->scorer);
    recs__merge_room *room = &work->merge;
    recs__seek seeks[TOGETHER];
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        status = recs__topk_begin(&room->each[i], host, work->topk.limit, floor, error);
        seeks[i] =
            (recs__seek){.vector = root->content + (first + i) * root->component->stride,
                         .norm = root->content_norms[first + i],
                         .filter = &work->filter,
                         .topk = &room->each[i]};
    }
    if (status == RECS_OK)
        status = recs__exact_search(space, seeks, count, NULL, &work->exact, host, error);
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        size_t found = recs__topk_finish(&room->each[i]);
        for (size_t j = 0; j < found; j++)
            room->keys[(*have)++] = room->each[i].keys[j];
        tell(work, &seeks[i]);
    }
    return status;
}

/* The same by a lent index. */
static recs_status search_index(recs__work *work, size_t first, size_t count, float floor,
                                size_t *have, const recs_host *host, recs_error *error) {
    recs_status status =
        recs__scan_index_search(work, first, count, work->topk.limit, floor, host, error);
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        const recs__nearest_one *one = &work->index.nearest->one[i];
        for (size_t j = 0; j < one->count; j++) {
            uint32_t item = recs__scan_index_item(work, &one->hits[j]);
            if (item != RECS_NO_ROW)
                work->merge.keys[(*have)++] = recs__topk_key(one->hits[j].score, item);
        }
    }
    return status;
}

static recs_status search_each(recs__work *work, const recs__space *space, const recs_host *host,
                               recs_error *error) {
    const recs__step *root = recs__scorer_root(&work->scorer);
    recs__merge_room *room = &work->merge;
    size_t limit = work->topk.limit, have = 0;
    float floor = work->topk.bar;
    bool index = recs__scan_index_takes(work);
    recs_status status = index ? recs__scan_index_begin(work, host, error) : RECS_OK;
    for (size_t first = 0; status == RECS_OK && first < root->content_count;) {
        size_t left = root->content_count - first, count = left < TOGETHER ? left : TOGETHER;
        status = index ? search_index(work, first, count, floor, &have, host, error)
                       : search_pass(work, space, first, count, floor, &have, host, error);
        have = keep_best(room->keys, have, limit);
        if (have == limit) /* a row at the bar may still come before one that ties */
            floor = recs__exact_floor(recs__topk_score(room->keys[limit - 1]));
        first += count;
    }
    for (size_t i = 0; status == RECS_OK && i < have; i++)
        recs__topk_offer(&work->topk, recs__topk_score(room->keys[i]),
                         recs__topk_row(room->keys[i]));
    return status;
}

/* So many answers that whole columns of scores are no more. */
static void score_all(recs__work *work) {
    const recs__step *root = recs__scorer_root(&work->scorer);
    uint32_t rows = work->filter.rows, survivors[RECS__BLOCK];
    for (uint32_t first = 0; first < rows;) {
        size_t count = rows - first < RECS__BLOCK ? rows - first : RECS__BLOCK;
        recs__scorer_block(&work->scorer, first, count);
        size_t found =
            recs__kernels_get()->above(root->scores, count, work->topk.bar, survivors);
        for (size_t i = 0; i < found; i++) {
            uint32_t at = survivors[i];
            if (root->evidence[at] && recs__filter_eligible(&work->filter, first + at))
                recs__topk_offer(&work->topk, root->scores[at], first + at);
        }
        first += (uint32_t)count;
    }
    work->seek.way = RECS__WAY_PLAIN;
    work->seek.scanned += (uint64_t)root->component->vector_count * root->content_count;
}

/* One visitor of several vectors, or any whose component has an index. */
static recs_status search_alone(recs__work *work, const recs__space *space, const recs_host *host,
                                recs_error *error) {
    const recs__step *root = recs__scorer_root(&work->scorer);
    size_t limit = work->topk.limit, keys;
    size_t together = root->content_count < TOGETHER ? root->content_count : TOGETHER;
    if (limit == 0 || root->content_count == 0)
        return RECS_OK;
    if (recs__mul_size(limit, together, &keys) || keys > root->component->vector_count) {
        score_all(work);
        return RECS_OK;
    }
    recs_status status = need_merge(work, keys + limit, host, error);
    return status == RECS_OK ? search_each(work, space, host, error) : status;
}

recs_status recs__scan_content(recs__work *const *works, size_t count, const recs_host *host,
                               recs_error *error) {
    const recs__component *component = recs__scorer_root(&works[0]->scorer)->component;
    if (!recs__content_usable(component))
        return RECS_OK;
    const recs__space space = recs__content_space(component);
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        if (recs__scorer_root(&works[i]->scorer)->content_count > 1 ||
            recs__scan_index_takes(works[i]))
            status = search_alone(works[i], &space, host, error);
    }
    return status == RECS_OK ? search_ones(works, count, &space, host, error) : status;
}
