/* overlay.h - items that a model does not know yet, beside those it knows: what was
 * added to a vector set since it was opened from the model; and the index of those it knows,
 * which the set has open.
 *
 * A row of the overlay is a row of the set's snapshot with the high bit set. It is
 * scored by the same steps as any row: content by its vector, blends by their rule, all
 * else without evidence; and it comes after all rows of the model on a tie. */
#ifndef RECS_RECOMMEND_OVERLAY_H
#define RECS_RECOMMEND_OVERLAY_H

#include "recommend/visitor.h"
#include "search/vectors.h"

#define RECS__OVERLAY_BIT UINT32_C(0x80000000)

typedef struct recs__overlay {
    const recs_vectors *set; /* NULL: the request has none */
    const recs__snapshot *snapshot;
    uint32_t ticket;
    uint32_t live; /* rows that may be answers */
} recs__overlay;

/* Pins the request's overlay. ARGUMENT: it is of another model. */
recs_status recs__overlay_enter(recs__overlay *overlay, const recs__visit *visit,
                                recs_error *error);
void recs__overlay_leave(recs__overlay *overlay);

/* The visit with its overlay, pinned: what the verbs begin with. recs__overlay_leave ends it,
 * whatever is returned. */
recs_status recs__overlay_visit(recs__visit *here, recs__overlay *overlay,
                                const recs__visit *visit, recs_error *error);

/* The index of the model's own vectors, where the set has opened it and the request does not
 * want the exact answer; it lives as long as the set is pinned. */
recs__lent recs__overlay_lent(const recs__overlay *overlay, const recs__visit *visit);

/* Whether an id is an item of it; overlay may be NULL. */
bool recs__overlay_knows(const recs__overlay *overlay, const char *id, size_t size);

/* Into the begun scorer of the query's work, where the visit has an overlay: the items of
 * its history and dislikes, or the item asked about, that the model does not know. After the
 * history is merged, before the scorer is told the visitor. MEMORY. */
recs_status recs__overlay_history(const recs__visit *visit, recs_error *error);
recs_status recs__overlay_item(const recs__visit *visit, bool *found, recs_error *error);

/* Offers its items to the top k of the query's work, whose scorer is prepared and whose
 * scan is done. What the predicate returned. */
recs_status recs__overlay_offer(const recs__overlay *overlay, const recs__visit *visit,
                                recs_error *error);

/* Id of a row of the model or of the overlay. */
typedef struct recs__overlay_ids {
    const recs__ids *ids;
    const recs__overlay *overlay;
} recs__overlay_ids;
const char *recs__overlay_id(const void *overlay_ids, uint32_t row, size_t *size);

/* Scores the item of an id by the steps of the prepared scorer, as a block of one, with its
 * vector (room: the component's stride, made to fit) for its reasons. *named is its row, RECS_NO_ROW where it is not there (any more). */
recs_status recs__overlay_look(const recs__overlay *overlay, const recs__visit *visit,
                               const char *id, uint32_t *named, recs_error *error);

/* What keeps an id of the overlay from being an answer, RECS_VERDICT_NONE: nothing but its
 * score. What the predicate returned. */
recs_status recs__overlay_verdict(const recs__visit *visit, const char *id, size_t size,
                                  int32_t *verdict, recs_error *error);

/* Items of the visit's overlay that may be answers and come before the key. */
recs_status recs__overlay_before(const recs__visit *visit, uint64_t key, size_t *before,
                                 recs_error *error);

#endif
