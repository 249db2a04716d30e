/* overlay.c - scoring and filtering what a model does not know, behind overlay.h.
 *
 * New items are few, so they are scored in blocks without an index, and the
 * filters, which speak of ids here, are asked about those alone that would enter the
 * answer. */
#include "recommend/overlay.h"

#include "base/error.h"
#include "recommend/content.h"
#include "recs/events.h"
#include "search/room.h"
#include "search/sort.h"

#include <math.h>
#include <string.h>

recs_status recs__overlay_enter(recs__overlay *overlay, const recs__visit *visit,
                                recs_error *error) {
    const recs_vectors *set = visit->query->request.overlay;
    *overlay = (recs__overlay){.set = NULL};
    if (set == NULL)
        return RECS_OK;
    if (set->fingerprint != visit->view->fingerprint)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "the overlay of the query is a set of another model: open it from this "
                          "one (recs_vectors_open_model)");
    overlay->set = set;
    overlay->snapshot = recs__vectors_enter(set, &overlay->ticket);
    for (uint32_t i = 0; i < overlay->snapshot->count; i++) {
        const recs__part *part = &overlay->snapshot->parts[i];
        if (part->segment->model == NULL)
            overlay->live += part->segment->stored.count - recs__part_dead(part);
    }
    return RECS_OK;
}

void recs__overlay_leave(recs__overlay *overlay) {
    if (overlay->set != NULL)
        recs__vectors_leave(overlay->set, overlay->ticket);
    overlay->set = NULL;
}

recs_status recs__overlay_visit(recs__visit *here, recs__overlay *overlay,
                                const recs__visit *visit, recs_error *error) {
    recs_status status = recs__overlay_enter(overlay, visit, error);
    *here = *visit;
    here->overlay = overlay->set != NULL ? overlay : NULL;
    return status;
}

recs__lent recs__overlay_lent(const recs__overlay *overlay, const recs__visit *visit) {
    recs__lent lent = {.effort = visit->query->request.effort};
    if (overlay->set == NULL || lent.effort == RECS_EFFORT_EXACT)
        return lent;
    lent.component = overlay->set->component;
    for (uint32_t i = 0; i < overlay->snapshot->count; i++) {
        const recs__segment *segment = overlay->snapshot->parts[i].segment;
        if (segment->model != NULL && segment->index != NULL &&
            lent.component < visit->view->component_count &&
            segment->stored.count == visit->view->components[lent.component].vector_count)
            lent.part = &overlay->snapshot->parts[i];
    }
    return lent;
}

/* A row of the overlay by id, among those the model does not know. */
static bool find(const recs__overlay *overlay, const char *id, size_t size, uint32_t *part,
                 uint32_t *row) {
    return overlay != NULL && overlay->set != NULL &&
           recs__snapshot_find(overlay->snapshot, id, size, part, row) &&
           overlay->snapshot->parts[*part].segment->model == NULL;
}

bool recs__overlay_knows(const recs__overlay *overlay, const char *id, size_t size) {
    uint32_t part, row;
    return find(overlay, id, size, &part, &row);
}

/* ---- the visitor's own, and the item asked about --------------------------------------------- */

static recs__newcomer newcomer_of(const recs__overlay *overlay, uint32_t part, uint32_t row) {
    const recs__part *from = &overlay->snapshot->parts[part];
    return (recs__newcomer){.stored = recs__vector_stored(&from->segment->stored),
                            .at = row,
                            .row = RECS__OVERLAY_BIT | (from->first + row),
                            .norm = from->segment->stored.norms[row]};
}

static const recs__given *given_at(const recs__request *request, size_t index) {
    return index < request->history_count ? &request->history[index]
                                          : &request->dislikes[index - request->history_count];
}

recs_status recs__overlay_history(const recs__visit *visit, recs_error *error) {
    const recs__request *request = &visit->query->request;
    recs__scorer *scorer = &visit->query->work.scorer;
    uint64_t *keys = visit->query->work.history.keys; /* room for all, and not needed any more */
    size_t total = request->history_count + request->dislike_count, count = 0;
    if (visit->overlay == NULL)
        return RECS_OK;
    for (size_t i = 0; i < total; i++) {
        const recs__ref *ref = &given_at(request, i)->item;
        uint32_t part, row;
        if (ref->row == RECS_NO_ROW &&
            find(visit->overlay, request->text + ref->text, ref->size, &part, &row) &&
            recs__ids_find(&visit->view->item_ids, request->text + ref->text, ref->size) ==
                RECS_NO_ROW)
            keys[count++] = (uint64_t)(visit->overlay->snapshot->parts[part].first + row) << 32 | i;
    }
    recs_status status = recs__room_fresh(&visit->query->host, (void **)&scorer->newcomers,
                                          &scorer->newcomer_capacity, count,
                                          sizeof *scorer->newcomers, error);
    if (status != RECS_OK)
        return status;
    recs__sort_keys(keys, count);
    scorer->newcomer_component = visit->overlay->set->component;
    for (size_t i = 0; i < count;) {
        uint32_t row = (uint32_t)(keys[i] >> 32);
        uint32_t part = recs__snapshot_part(visit->overlay->snapshot, row);
        recs__newcomer own =
            newcomer_of(visit->overlay, part, row - visit->overlay->snapshot->parts[part].first);
        for (; i < count && (uint32_t)(keys[i] >> 32) == row; i++)
            own.weight += given_at(request, (uint32_t)keys[i])->weight;
        if (own.weight != 0.0f && isfinite(own.weight))
            scorer->newcomers[scorer->newcomer_count++] = own;
    }
    return RECS_OK;
}

recs_status recs__overlay_item(const recs__visit *visit, bool *found, recs_error *error) {
    const recs__name *item = &visit->query->request.item;
    recs__scorer *scorer = &visit->query->work.scorer;
    uint32_t part, row;
    *found = item->set && visit->item_row == RECS_NO_ROW &&
             find(visit->overlay, item->text, item->size, &part, &row);
    if (!*found)
        return RECS_OK;
    recs_status status = recs__room_fresh(&visit->query->host, (void **)&scorer->newcomers,
                                          &scorer->newcomer_capacity, 1,
                                          sizeof *scorer->newcomers, error);
    if (status != RECS_OK)
        return status;
    scorer->newcomer_component = visit->overlay->set->component;
    scorer->newcomers[0] = newcomer_of(visit->overlay, part, row);
    scorer->newcomers[0].weight = 1.0f;
    scorer->newcomer_count = 1;
    return RECS_OK;
}

/* ---- scores ---------------------------------------------------------------------------------- */

static void score_rows(const recs__overlay *overlay, recs__scorer *scorer, const recs__part *part,
                       uint32_t first, size_t count) {
    const recs__space space = recs__vector_space(&part->segment->stored);
    for (size_t i = 0; i < scorer->step_count; i++) {
        recs__step *step = &scorer->steps[i];
        const recs__component *component = step->component;
        if (component->kind == RECS__KIND_BLEND && component->terms != NULL) {
            recs__scorer_blend(scorer, step, count);
        } else if (component->index == overlay->set->component && step->content_count != 0) {
            recs__content_score_foreign(step, &space, first, count);
        } else {
            memset(step->scores, 0, count * sizeof *step->scores);
            memset(step->evidence, 0, count);
        }
    }
}

/* ---- filters, by id ------------------------------------------------------------------------------ */

static bool is_named(const recs__request *request, const recs__ref *ref, const char *id,
                     size_t size) {
    return ref->row == RECS_NO_ROW && ref->size == size &&
           memcmp(request->text + ref->text, id, size) == 0;
}

static bool is_listed(const recs__request *request, const recs__ref *list, size_t count,
                      const char *id, size_t size) {
    for (size_t i = 0; i < count; i++)
        if (is_named(request, &list[i], id, size))
            return true;
    return false;
}

/* What the visitor's own entries say of it. */
static int32_t own_verdict(const recs__request *request, const char *id, size_t size) {
    bool seen = false, disliked = false;
    float sum = 0.0f;
    for (size_t i = 0; i < request->history_count; i++) {
        const recs__given *given = &request->history[i];
        if (!is_named(request, &given->item, id, size))
            continue;
        sum += given->weight;
        seen |= (RECS_EVENT_ALL & request->seen_types) != 0 &&
                (given->time == RECS_NO_TIME || given->time >= request->seen_after);
    }
    for (size_t i = 0; i < request->dislike_count; i++)
        disliked |= is_named(request, &request->dislikes[i].item, id, size);
    return disliked || sum < 0.0f ? RECS_VERDICT_DISLIKED
           : seen                 ? RECS_VERDICT_SEEN
                                  : RECS_VERDICT_NONE;
}

recs_status recs__overlay_verdict(const recs__visit *visit, const char *id, size_t size,
                                  int32_t *verdict, recs_error *error) {
    const recs__request *request = &visit->query->request;
    uint32_t offsets[2] = {0, (uint32_t)size};
    uint8_t keep = 1;
    *verdict = RECS_VERDICT_NONE;
    if (recs__ids_find(&visit->view->item_ids, id, size) != RECS_NO_ROW)
        *verdict = RECS_VERDICT_UNKNOWN; /* the model's, not ours */
    else if (request->allow_masked || /* of rows of the model */
             (request->allow_only &&
              !is_listed(request, request->allow, request->allow_count, id, size)))
        *verdict = RECS_VERDICT_NOT_ALLOWED;
    else if (request->item.set && request->item.size == size &&
             memcmp(request->item.text, id, size) == 0)
        *verdict = RECS_VERDICT_QUERY_ITEM;
    else if (is_listed(request, request->deny, request->deny_count, id, size))
        *verdict = RECS_VERDICT_DENIED;
    else
        *verdict = own_verdict(request, id, size);
    if (*verdict != RECS_VERDICT_NONE || request->predicate == NULL)
        return RECS_OK;
    int32_t said = request->predicate(request->predicate_data, id, offsets, 1, &keep);
    if (keep == 0)
        *verdict = RECS_VERDICT_FILTERED;
    if (said != RECS_OK)
        return recs__fail(error, (recs_status)said, "the predicate of the query returned %d (%s)",
                          said, recs_status_text((recs_status)said));
    return RECS_OK;
}

/* Offers what may be shown, where offer is true, and counts what comes before key. */
static recs_status walk(const recs__overlay *overlay, const recs__visit *visit, bool offer,
                        uint64_t key, size_t *before, recs_error *error) {
    recs__work *work = &visit->query->work;
    const recs__step *root = recs__scorer_root(&work->scorer);
    for (uint32_t p = 0; p < overlay->snapshot->count; p++) {
        const recs__part *part = &overlay->snapshot->parts[p];
        uint32_t rows = part->segment->model == NULL ? part->segment->stored.count : 0;
        for (uint32_t first = 0; first < rows;) {
            size_t count = rows - first < RECS__BLOCK ? rows - first : RECS__BLOCK;
            score_rows(overlay, &work->scorer, part, first, count);
            for (size_t i = 0; i < count; i++) {
                uint32_t row = first + (uint32_t)i, named = RECS__OVERLAY_BIT | (part->first + row);
                size_t size;
                int32_t verdict;
                if (!root->evidence[i] || !recs__part_alive(part, row) ||
                    (offer ? !(root->scores[i] > work->topk.bar)
                           : recs__topk_key(root->scores[i], named) >= key))
                    continue;
                const char *id = recs__segment_id(part->segment, row, &size);
                if (id == NULL)
                    continue;
                recs_status status = recs__overlay_verdict(visit, id, size, &verdict, error);
                if (status != RECS_OK)
                    return status;
                *before += verdict == RECS_VERDICT_NONE;
                if (offer && verdict == RECS_VERDICT_NONE)
                    recs__topk_offer(&work->topk, root->scores[i], named);
            }
            first += (uint32_t)count;
        }
    }
    return RECS_OK;
}

recs_status recs__overlay_before(const recs__visit *visit, uint64_t key, size_t *before,
                                 recs_error *error) {
    *before = 0;
    if (visit->overlay == NULL || recs__scorer_root(&visit->query->work.scorer) == NULL)
        return RECS_OK;
    return walk(visit->overlay, visit, false, key, before, error);
}

recs_status recs__overlay_offer(const recs__overlay *overlay, const recs__visit *visit,
                                recs_error *error) {
    const recs__work *work = &visit->query->work;
    size_t offered = 0;
    if (overlay->set == NULL || recs__scorer_root(&work->scorer) == NULL || work->topk.limit == 0)
        return RECS_OK;
    return walk(overlay, visit, true, 0, &offered, error);
}

/* ---- ids and reasons ------------------------------------------------------------------------------- */

const char *recs__overlay_id(const void *overlay_ids, uint32_t row, size_t *size) {
    const recs__overlay_ids *from = overlay_ids;
    if ((row & RECS__OVERLAY_BIT) == 0 || from->overlay->set == NULL)
        return recs__ids_get(from->ids, row, size);
    return recs__snapshot_id(from->overlay->snapshot, row & ~RECS__OVERLAY_BIT, size);
}

recs_status recs__overlay_look(const recs__overlay *overlay, const recs__visit *visit,
                               const char *id, uint32_t *named, recs_error *error) {
    recs_query *query = visit->query;
    recs__scorer *scorer = &query->work.scorer;
    uint32_t part, row;
    *named = RECS_NO_ROW;
    if (!find(overlay, id, strlen(id), &part, &row))
        return RECS_OK;
    *named = RECS__OVERLAY_BIT | (overlay->snapshot->parts[part].first + row);
    const recs__part *from = &overlay->snapshot->parts[part];
    recs_status status = recs__room_fresh(&query->host, (void **)&scorer->scratch,
                                          &scorer->scratch_capacity, overlay->set->shape.stride,
                                          sizeof *scorer->scratch, error);
    if (status != RECS_OK)
        return status;
    score_rows(overlay, scorer, from, row, 1);
    for (size_t i = 0; i < scorer->step_count; i++)
        if (scorer->steps[i].component->index == overlay->set->component) {
            scorer->steps[i].foreign =
                recs__vector_floats(&from->segment->stored, row, scorer->scratch);
            scorer->steps[i].foreign_norm = from->segment->stored.norms[row];
        }
    return RECS_OK;
}
