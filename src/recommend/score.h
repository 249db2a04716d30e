/* score.h - what a component says of a row, for one visitor or one item.
 *
 * A scorer is prepared once per request (fold-in, accumulation of neighbours)
 * and then asked for blocks of rows. Blends are evaluated as a list of steps,
 * every component once, in file order: a term can only name a component
 * before it, so no depth or width of nesting costs more than its terms.
 *
 * A score that is not finite is 0 without evidence, and -0 is +0: the same in
 * every verb. */
#ifndef RECS_RECOMMEND_SCORE_H
#define RECS_RECOMMEND_SCORE_H

#include "kernels/foldin.h"
#include "kernels/stored.h"
#include "model/model.h"
#include "recommend/history.h"

#include <stdbool.h>

/* Rows asked for at a time, at most: 512 rows of 64 factors are 128 KiB. */
#define RECS__BLOCK 512

/* Where and when a request is: what trends need to know. */
typedef struct recs__where {
    const char *place; /* a path, not NUL-terminated where size says so */
    size_t size;       /* 0: the root     */
    int64_t time;      /* RECS_NO_TIME: as the log ended */
} recs__where;

/* Dense scores of one item model, all zero between requests. */
typedef struct recs__lane {
    float *scores;
    size_t capacity;
    uint64_t *marks; /* a bit per row in touched */
    size_t mark_capacity;
    uint32_t *touched;
    size_t touched_count, touched_capacity;
    uint32_t rows;
    bool whole; /* so many neighbours that touched is not kept */
} recs__lane;

/* An item of the history, or the one asked about, that the model does not know: its
 * vector for one component (overlay.h). */
typedef struct recs__newcomer {
    recs__stored stored;
    uint32_t at, row; /* of stored; of the overlay, high bit set */
    float norm, weight;
} recs__newcomer;

typedef struct recs__step {
    const recs__component *component;
    float *scores;     /* [RECS__BLOCK], of the block asked for last */
    uint8_t *evidence; /* [RECS__BLOCK]                              */
    float *vector;     /* factors: the visitor's, or the item's; item models with a
                          low-rank part: the history on its factors             */
    bool has_vector;   /* it is not all zero                         */
    float norm;        /* similar: the item's                        */
    recs__lane *lane;  /* item models, user neighbours and trends, those alone */
    struct recs__crowd *crowd; /* user neighbours (crowd.h)          */
    float *content, *content_norms, *content_room; /* content (content.h): vectors, lengths */
    size_t content_count;
    const recs__newcomer *newcomers; /* content: further entries of the history */
    size_t newcomer_count;
    bool each; /* content: a vector for each entry, merge=best */
    const float *foreign; /* of an item that is not the model's, for its reasons */
    float foreign_norm;
    double content_total, content_length; /* centroid: sum of weights, length before scaling */
    struct recs__frozen *frozen; /* trends (frozen.h)                */
    float factor;      /* what a blend multiplies by beside its constant; 1 but for trends */
} recs__step;

typedef struct recs__scorer {
    const recs__view *view;
    recs__where where; /* set by whoever owns the scorer, kept until set again */
    /* So is this: live trends, NULL for none. With a weight above 0 two components
     * that are not in the file come last: their scores, and the blend of those and the
     * component asked for. */
    const struct recs__beside *beside;
    recs__component beside_parts[2];
    recs__file_term beside_terms[2];
    bool similar;
    bool streams; /* blocks come from memory, in order: not from a cache */
    recs__step *steps; /* the last one is the component asked for */
    size_t step_count, step_capacity;
    uint32_t *step_of; /* by component, UINT32_MAX: not needed */
    size_t step_of_capacity;
    float *blocks;
    size_t block_capacity;
    uint8_t *evidence;
    size_t evidence_capacity;
    float *vectors;
    size_t vector_capacity;
    recs__newcomer *newcomers; /* ascending rows; gone with recs__scorer_clear */
    size_t newcomer_count, newcomer_capacity;
    uint32_t newcomer_component; /* whose vectors they have */
    float *contents; /* of the steps */
    size_t content_capacity;
    float *scratch; /* fold-in */
    size_t scratch_capacity;
    recs__lane **lanes;
    size_t lane_count, lane_capacity;
    struct recs__crowd **crowds;
    size_t crowd_count, crowd_capacity;
    struct recs__frozen **frozens;
    size_t frozen_count, frozen_capacity;
} recs__scorer;

/* Plans the steps for a component (an index of the view; beyond its
 * components: a scorer that has no evidence for anything). MEMORY. */
recs_status recs__scorer_begin(recs__scorer *scorer, const recs_host *host,
                               const recs__view *view, uint32_t component, recs_error *error);

/* Then one of: scores for the visitor of a merged history; similarity to an
 * item (below items). MEMORY. Cost: a fold-in for each factor component, the
 * neighbours of the history for each item model. */
recs_status recs__scorer_visitor(recs__scorer *scorer, const recs_host *host,
                                 const recs__history *history, recs_error *error);
recs_status recs__scorer_item(recs__scorer *scorer, const recs_host *host, uint32_t item,
                              recs_error *error);

/* Similarity to the one newcomer: content alone knows it. */
recs_status recs__scorer_newcomer(recs__scorer *scorer, const recs_host *host,
                                  recs_error *error);

/* scores[i] = dot of a step's vector and row first + i of the item factors, no
 * norms, no cleaning; scorer->streams says where the rows come from. */
void recs__score_rows(const recs__scorer *scorer, const recs__step *step, uint32_t first,
                      size_t count, float *scores);

/* Scores and evidence (0 or 1) of rows first … first + count, or of the rows
 * listed, all below items, count at most RECS__BLOCK. The columns live with
 * the scorer until the next call. */
void recs__scorer_block(recs__scorer *scorer, uint32_t first, size_t count);
void recs__scorer_gather(recs__scorer *scorer, const uint32_t *rows, size_t count);
const float *recs__scorer_scores(const recs__scorer *scorer);
const uint8_t *recs__scorer_evidence(const recs__scorer *scorer);

/* The step of live trends and the one of the component they are beside; NULL where
 * the scorer has none. */
const recs__step *recs__scorer_beside(const recs__scorer *scorer);
const recs__step *recs__scorer_plain(const recs__scorer *scorer);

/* The step asked for; NULL for a scorer without one. */
const recs__step *recs__scorer_root(const recs__scorer *scorer);

/* Scores above this at least have evidence: 0 or -INFINITY. */
float recs__scorer_floor(const recs__scorer *scorer);

/* weight * normalisation of a blend's term, rounded to float; 0 when the file
 * has no finite one or names no earlier component. */
float recs__score_term_weight(const recs__view *view, const recs__component *blend, uint32_t term,
                              bool similar);
/* The same times the factor of the term's step. */
float recs__scorer_term_weight(const recs__scorer *scorer, const recs__component *blend,
                               uint32_t term);

/* The rules of this file, for those who score in another order: one visitor's
 * vector into the step; a blend's block from the blocks of its terms. */
recs_status recs__scorer_fold_in(recs__scorer *scorer, recs__step *step, const recs_host *host,
                                 const recs__history *history, recs_error *error);
void recs__scorer_blend(recs__scorer *scorer, recs__step *step, size_t count);
float recs__score_clean(float score);
recs__foldin recs__score_foldin(const recs__view *view, const recs__component *component);
/* The floats of an item's factors: the row itself, or room [stride] with what
 * its bfloat16 stand for. */
const float *recs__score_item_floats(const recs__component *component, uint32_t item,
                                     float *room);
bool recs__score_has_factors(const recs__component *component);

/* The steps of content for a history or an item. */
recs_status recs__scorer_contents(recs__scorer *scorer, const recs_host *host,
                                  const uint32_t *rows, const float *values, size_t count,
                                  recs_error *error);

/* An item model with a low-rank part; its step then has a vector. */
bool recs__score_has_low_rank(const recs__component *component);

/* A history (rows ascending and below items) on the factors of an item model's
 * low-rank part into the step's vector: one update chain over the rows, of
 * value * history factors, or of value * scale, rounded to float, * item
 * factors. Cost: count * factors. */
recs_status recs__scorer_project(recs__scorer *scorer, recs__step *step, const recs_host *host,
                                 const uint32_t *rows, const float *values, size_t count,
                                 recs_error *error);

/* An empty lane of that many rows, for values of total entries (no more need be
 * counted than rows). MEMORY. Clearing walks what was touched. */
recs_status recs__lane_begin(recs__lane *lane, const recs_host *host, uint32_t rows, size_t total,
                             recs_error *error);
void recs__lane_clear(recs__lane *lane);
/* The score of a row below rows, counted in total. */
void recs__lane_set(recs__lane *lane, uint32_t row, float score);
void recs__lane_free(recs__lane *lane, const recs_host *host);
size_t recs__lane_memory(const recs__lane *lane);

/* scores[columns[i]] = fma(value, values[i], scores[columns[i]]) for columns
 * below rows; marks and touched (both NULL: not kept) receive new rows. */
void recs__score_scatter(float value, const uint32_t *columns, const float *values, size_t count,
                         recs__lane *lane);

/* Lanes back to zero. Cost: the rows touched. */
void recs__scorer_clear(recs__scorer *scorer);
void recs__scorer_free(recs__scorer *scorer, const recs_host *host);
size_t recs__scorer_memory(const recs__scorer *scorer);

#endif
