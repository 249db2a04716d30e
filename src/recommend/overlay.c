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

static bool is_seen(const recs__request *request, const char *id, size_t size) {
    bool excluded = false;
    for (size_t i = 0; i < request->history_count; i++) {
        const recs__given *given = &request->history[i];
        excluded |= is_named(request, &given->item, id, size) &&
                    ((RECS_EVENT_ALL & request->seen_types) != 0 || given->weight < 0.0f) &&
                    (given->weight < 0.0f || given->time == RECS_NO_TIME ||
                     given->time >= request->seen_after);
    }
    for (size_t i = 0; i < request->dislike_count; i++)
        excluded |= is_named(request, &request->dislikes[i].item, id, size);
    return excluded;
}

static recs_status may_show(const recs__visit *visit, const char *id, size_t size, bool *may,
                            recs_error *error) {
    const recs__request *request = &visit->query->request;
    uint32_t offsets[2] = {0, (uint32_t)size};
    uint8_t keep = 1;
    *may = recs__ids_find(&visit->view->item_ids, id, size) == RECS_NO_ROW &&
           !(request->item.set && request->item.size == size &&
             memcmp(request->item.text, id, size) == 0) &&
           !request->allow_masked &&
           (!request->allow_only ||
            is_listed(request, request->allow, request->allow_count, id, size)) &&
           !is_listed(request, request->deny, request->deny_count, id, size) &&
           !is_seen(request, id, size);
    if (!*may || request->predicate == NULL)
        return RECS_OK;
    int32_t said = request->predicate(request->predicate_data, id, offsets, 1, &keep);
    *may = keep != 0;
    if (said != RECS_OK)
        return recs__fail(error, (recs_status)said, "the predicate of the query returned %d (%s)",
                          said, recs_status_text((recs_status)said));
    return RECS_OK;
}

recs_status recs__overlay_offer(const recs__overlay *overlay, const recs__visit *visit,
                                recs_error *error) {
    recs__work *work = &visit->query->work;
    const recs__step *root = recs__scorer_root(&work->scorer);
    recs_status status = RECS_OK;
    if (overlay->set == NULL || root == NULL || work->topk.limit == 0)
        return RECS_OK;
    for (uint32_t p = 0; p < overlay->snapshot->count; p++) {
        const recs__part *part = &overlay->snapshot->parts[p];
        uint32_t rows = part->segment->model == NULL ? part->segment->stored.count : 0;
        for (uint32_t first = 0; first < rows;) {
            size_t count = rows - first < RECS__BLOCK ? rows - first : RECS__BLOCK;
            score_rows(overlay, &work->scorer, part, first, count);
            for (size_t i = 0; status == RECS_OK && i < count; i++) {
                uint32_t row = first + (uint32_t)i;
                size_t size;
                bool may;
                if (!root->evidence[i] || !(root->scores[i] > work->topk.bar) ||
                    !recs__part_alive(part, row))
                    continue;
                const char *id = recs__segment_id(part->segment, row, &size);
                if (id == NULL)
                    continue;
                status = may_show(visit, id, size, &may, error);
                if (status == RECS_OK && may)
                    recs__topk_offer(&work->topk, root->scores[i],
                                     RECS__OVERLAY_BIT | (part->first + row));
            }
            if (status != RECS_OK)
                return status;
            first += (uint32_t)count;
        }
    }
    return RECS_OK;
}

/* ---- ids and reasons ------------------------------------------------------------------------------- */

const char *recs__overlay_id(const void *overlay_ids, uint32_t row, size_t *size) {
    const recs__overlay_ids *from = overlay_ids;
    if ((row & RECS__OVERLAY_BIT) == 0 || from->overlay->set == NULL)
        return recs__ids_get(from->ids, row, size);
    return recs__snapshot_id(from->overlay->snapshot, row & ~RECS__OVERLAY_BIT, size);
}

recs_status recs__overlay_look(const recs__overlay *overlay, const recs__visit *visit,
                               const char *id, bool *found, recs_error *error) {
    recs_query *query = visit->query;
    recs__scorer *scorer = &query->work.scorer;
    uint32_t part, row;
    *found = overlay->set != NULL &&
             recs__snapshot_find(overlay->snapshot, id, strlen(id), &part, &row);
    if (!*found)
        return RECS_OK;
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
