/* scan_index.c - behind scan_index.h: a snapshot of one part, the model's, is searched as
 * recs_knn searches it. */
#include "recommend/scan_index.h"

#include "recommend/content.h"
#include "search/room.h"

void recs__index_room_free(recs__index_room *room, const recs_host *host) {
    if (room->nearest != NULL)
        recs__nearest_free(room->nearest, host);
    recs__free(host, room->nearest);
    recs__filter_free(&room->filter, host);
    recs__free_aligned(host, room->bits);
    recs__free_aligned(host, room->rows);
    recs__free(host, room->keys);
    *room = (recs__index_room){0};
}

size_t recs__index_room_memory(const recs__index_room *room) {
    size_t bytes = recs__filter_memory(&room->filter) + room->bit_capacity * sizeof *room->bits +
                   room->key_capacity * sizeof *room->keys +
                   room->row_capacity * sizeof *room->rows;
    return room->nearest == NULL
               ? bytes
               : bytes + sizeof *room->nearest + recs__nearest_memory(room->nearest);
}

const recs__step *recs__scan_index_step(const recs__work *work) {
    uint32_t step = work->lent.part == NULL || work->scorer.step_count == 0
                        ? UINT32_MAX
                        : work->scorer.step_of[work->lent.component];
    return step < work->scorer.step_count ? &work->scorer.steps[step] : NULL;
}

static const recs__component *component_of(const recs__work *work) {
    return &work->scorer.view->components[work->lent.component];
}

bool recs__scan_index_takes(const recs__work *work) {
    const recs__step *step = recs__scan_index_step(work);
    return step != NULL && step == recs__scorer_root(&work->scorer);
}

/* Whether rows of vectors are rows of items. */
static bool same_rows(const recs__work *work) {
    const recs__component *component = component_of(work);
    return component->vector_items == NULL && component->vector_count == work->filter.rows;
}

static recs_status allow_rows(recs__work *work, const recs_host *host, recs_error *error) {
    const recs__filter *from = &work->filter;
    recs__index_room *room = &work->index;
    size_t count = 0;
    recs_status status = recs__room_fresh(host, (void **)&room->rows, &room->row_capacity,
                                          from->allow_count, sizeof *room->rows, error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; i < from->allow_count; i++) {
        uint32_t item = (uint32_t)from->allow[i];
        uint32_t row = recs__content_row(component_of(work), item);
        if (row != RECS_NO_ROW && recs__filter_eligible(from, item))
            room->rows[count++] = row;
    }
    return recs__filter_allow(&room->filter, host, room->rows, count, error);
}

static recs_status mask_rows(recs__work *work, const recs_host *host, recs_error *error) {
    const recs__component *component = component_of(work);
    recs__index_room *room = &work->index;
    size_t words = ((size_t)component->vector_count + 63) / 64;
    recs_status status = recs__room_fresh(host, (void **)&room->bits, &room->bit_capacity, words,
                                          sizeof *room->bits, error);
    if (status != RECS_OK)
        return status;
    for (size_t i = 0; i < words; i++)
        room->bits[i] = 0;
    for (uint32_t row = 0; row < component->vector_count; row++) {
        uint32_t item = component->vector_items != NULL ? component->vector_items[row] : row;
        if (item < work->filter.rows && recs__filter_eligible(&work->filter, item))
            room->bits[row >> 6] |= UINT64_C(1) << (row & 63);
    }
    recs__filter_mask(&room->filter, room->bits, component->vector_count, 0);
    return RECS_OK;
}

recs_status recs__scan_index_begin(recs__work *work, const recs_host *host, recs_error *error) {
    const recs__filter *from = &work->filter;
    recs__index_room *room = &work->index;
    if (room->nearest == NULL)
        room->nearest = recs__alloc_zero(host, 1, sizeof *room->nearest, error);
    if (room->nearest == NULL)
        return RECS_ERR_MEMORY;
    if (same_rows(work))
        return RECS_OK;
    recs_status status = recs__filter_begin(&room->filter, host,
                                            component_of(work)->vector_count, NULL, 0, error);
    if (status != RECS_OK)
        return status;
    if (from->allow_only)
        return allow_rows(work, host, error);
    if (from->polarity == 0 || from->available != NULL)
        return mask_rows(work, host, error);
    for (size_t i = 0; status == RECS_OK && i < from->set_count; i++) {
        uint32_t row = recs__content_row(component_of(work), from->set[i]);
        if (row != RECS_NO_ROW)
            status = recs__filter_exclude(&room->filter, host, row, error);
    }
    return status;
}

recs_status recs__scan_index_search(recs__work *work, size_t first, size_t count, size_t limit,
                                    float floor, const recs_host *host, recs_error *error) {
    const recs__step *step = recs__scan_index_step(work);
    recs__nearest *nearest = work->index.nearest;
    uint32_t rows = step->component->vector_count, stride = step->component->stride;
    recs__nearest_how how = {
        .limit = limit, .floor = floor, .effort = work->lent.effort, .ids = true};
    recs__snapshot one = {.rows = rows, .live = rows, .count = 1};
    one.parts[0].segment = work->lent.part->segment;
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < count; i++)
        status = recs__nearest_settled(nearest, i, host, step->content + (first + i) * stride,
                                       stride, step->content_norms[first + i], error);
    if (status == RECS_OK)
        status = recs__nearest_search(nearest, count, &one,
                                      same_rows(work) ? &work->filter : &work->index.filter, &how,
                                      host, error);
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        work->seek.scanned += nearest->one[i].scored;
        if (work->strategy != RECS_STRATEGY_INDEX_SCAN)
            work->strategy = nearest->one[i].strategy;
    }
    return status;
}

uint32_t recs__scan_index_item(const recs__work *work, const recs__hit *hit) {
    const recs__component *component = component_of(work);
    uint32_t item = component->vector_items != NULL ? component->vector_items[hit->row] : hit->row;
    return item < work->filter.rows && recs__filter_eligible(&work->filter, item) ? item
                                                                                  : RECS_NO_ROW;
}
