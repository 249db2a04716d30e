/* random_model.h - whole models of any size, made from a seed, and what the
 * verbs should answer on them, computed the slow way.
 *
 *   items   i000000, i000001 …; every seventh item is not available, every
 *           eleventh untrained (factors 0)
 *   users   u000000 …; every fifth has no history; histories hold several
 *           types per item, times, zero values and dislikes
 *   components
 *     0 als      1 itemknn    2 popular
 *     3 home     0.7 * als + 0.3 * itemknn + 0.1 * popular
 *     4 deep     0.5 * home + 0.25 * itemknn
 *     5 filter   an item model with a low-rank part of two matrices
 *     6 mirror   one of a matrix and scales, few neighbours
 *     7 mixed    0.6 * filter + 0.4 * mirror + 0.2 * als
 *     8 crowd    user neighbours, few of them
 *     9 party    0.5 * crowd + 0.5 * itemknn
 *    10 pair     0.7 * als + 0.3 * itemknn */
#ifndef SUPPORT_RANDOM_MODEL_H
#define SUPPORT_RANDOM_MODEL_H

#include "model/model.h"
#include "recs/query.h"

#include <stdbool.h>

enum {
    RANDOM_ALS,
    RANDOM_KNN,
    RANDOM_POPULAR,
    RANDOM_HOME,
    RANDOM_DEEP,
    RANDOM_FILTER,
    RANDOM_MIRROR,
    RANDOM_MIXED,
    RANDOM_CROWD,
    RANDOM_PARTY,
    RANDOM_PAIR,
    RANDOM_COMPONENTS
};

typedef struct random_settings {
    uint32_t items, users, factors;
    uint32_t history;   /* longest, in items          */
    uint32_t neighbors; /* longest row of the item model */
    uint64_t seed;
    bool no_user_factors;
    bool halves; /* factors as bfloat16 */
    bool no_codes; /* without the quantised copy that 2,048 items and more have */
    bool no_users;
} random_settings;

/* In memory; fails the test when it cannot. The caller releases it. */
recs_model *random_model(const random_settings *settings);

/* A request as the reference takes it. */
typedef struct reference {
    const recs__view *view;
    uint32_t component;
    const uint32_t *rows; /* merged history */
    const float *values;
    size_t count;
    bool similar;
    uint32_t item;       /* of similar                                */
    const bool *excluded; /* [items]                                  */
    size_t limit;
    bool evidence_only;
} reference;

/* Score of one row, and whether the component has evidence for it. */
float reference_score(const reference *request, uint32_t component, uint32_t row, bool *evidence);

typedef struct reference_answer {
    uint32_t *rows;
    float *scores;
    uint8_t *sources;
    size_t count, eligible;
} reference_answer;

/* All rows scored and sorted. Free with reference_free. */
reference_answer reference_run(const reference *request);
void reference_free(reference_answer *answer);

/* Fails the test unless the query's answer is the reference's to the bit. */
void reference_compare(const reference_answer *expected, const recs_query *query);

/* The merged history of a stored user; rows and values hold as many as the
 * history has entries. *seen[row] is set for all its items (NULL: not). */
size_t reference_history(const recs__view *view, uint32_t user, uint32_t *rows, float *values,
                         bool *seen);

/* The eligible set of a plain request: unavailable, seen and disliked items
 * of a stored user are excluded. [items], the caller frees it. */
bool *reference_excluded(const recs__view *view, uint32_t user);

#endif
