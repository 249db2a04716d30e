/* content.h - vectors of items as a component: similarity to the visitor's own, or
 * to one item.
 *
 * centroid   the mean of the history's vectors by weight (cosine: of their
 *            directions); an item's score is that of its vector and the mean
 * best       an item's score is that of its vector and the nearest of the
 *            history's; weights do not matter
 * An entry with a weight of 0 or less is no evidence. An item has evidence when it
 * has a vector and the visitor a history with vectors. Scores are those of
 * recs_knn (search/exact.h); cost: dimension multiply-adds an item, under best
 * times the history. */
#ifndef RECS_RECOMMEND_CONTENT_H
#define RECS_RECOMMEND_CONTENT_H

#include "recommend/score.h"
#include "search/exact.h"

/* Whether the component has vectors that a step can use. */
bool recs__content_usable(const recs__component *component);
recs__space recs__content_space(const recs__component *component);

/* Row of an item's vector, RECS_NO_ROW when it has none. */
uint32_t recs__content_row(const recs__component *component, uint32_t item);

/* Floats of room a step needs for a history of count entries. */
size_t recs__content_room(const recs__component *component, size_t count);

/* The visitor of a merged history and step->newcomers, or (one row of value 1) an item, into
 * step->content; room as counted, for both, which lives with the step. */
void recs__content_fill(recs__step *step, float *room, const uint32_t *rows, const float *values,
                        size_t count);

/* Scores and evidence of the items rows[i], or (NULL) first + i. */
void recs__content_score(recs__step *step, const uint32_t *rows, uint32_t first, size_t count);

/* The same for rows of other vectors of the same kind: new items. */
void recs__content_score_foreign(recs__step *step, const recs__space *space, uint32_t first,
                                 size_t count);

/* One item's score, for users.c: cleaned; *evidence. */
float recs__content_score_one(const recs__step *step, uint32_t item, bool *evidence);

/* What an entry of the history (from its count on: a newcomer) adds to an item's score, or
 * where step->foreign is not NULL
 * to that of the vector there; 0: nothing that can be told. */
double recs__content_share(const recs__step *step, const recs__history *history, size_t entry,
                           uint32_t item);

#endif
