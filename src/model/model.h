/* model.h - what an open model shows the rooms below it: plain read-only
 * views over the mapped bytes, checked for size at open and clamped at use.
 *
 * Nothing here owns memory; everything lives with the model. Arrays that the
 * file does not have are NULL. Values read from the file (rows, offsets,
 * floats) may be anything: whoever indexes with them checks them. */
#ifndef RECS_MODEL_MODEL_H
#define RECS_MODEL_MODEL_H

#include "data/csr.h"
#include "data/ids.h"
#include "kernels/codes.h"
#include "model/format.h"
#include "recs/model.h"

typedef struct recs__component {
    const char *name;
    const char *trainer;
    const char *settings;
    recs__kind kind;
    uint32_t index;
    float scale, scale_similar; /* finite; 1 when the file's is not */

    /* KIND_POPULAR */
    const float *scores; /* [items]; popular_scores when the file has none of its own */

    /* KIND_FACTORS, and the low-rank part of KIND_ITEMS (factors 0: none) */
    uint32_t factors, stride; /* stride: factors rounded up to 16, rows padded with +0 */
    const float *item_factors; /* [items][stride] */

    /* KIND_FACTORS: floats, or where item_factors is NULL bfloat16 */
    const float *user_factors; /* [users][stride] or NULL */
    const uint16_t *item_halves; /* [items][stride] */
    const uint16_t *user_halves; /* [users][stride] or NULL */
    const float *gram;         /* [factors]: the diagonal Y^T Y */
    const float *item_norms;   /* [items] */
    float alpha, regularization, regularization_exponent;
    uint32_t items_trained;
    const recs__codes *codes; /* the quantised copy of the item factors, or of the vectors of
                                 KIND_VECTORS; or NULL */
    recs__codes codes_room;

    /* KIND_ITEMS: the weight of history item h for item j is row h, column j of
     * neighbors plus the low-rank part: history_factors[h] . item_factors[j], or
     * history_scales[h] * (item_factors[h] . item_factors[j]) */
    recs__csr neighbors;
    const float *history_factors; /* [items][stride], or NULL                    */
    const float *history_scales;  /* [items]; not NULL where there are factors and
                                     no history_factors                          */

    /* KIND_USERS */
    uint32_t crowd_rows;       /* users or baskets in it                        */
    uint32_t neighbor_count;   /* how many of them count, at least 1            */
    float asymmetry, shrinkage, power; /* 0 to 1; finite, not below 0; above 0, at most 16 */
    recs__csr crowd;           /* rows x items: what a row adds to an item      */
    recs__csr postings;        /* items x rows: what an item speaks for a row   */
    const float *row_norms;    /* [crowd_rows]                                  */
    const float *item_weights; /* [items]                                       */

    /* KIND_VECTORS: factors is the dimension */
    const void *vectors;          /* [vector_count][stride] of the storage's type      */
    const float *vector_scales;   /* [vector_count], int8 alone                        */
    const float *vector_norms;    /* [vector_count]                                    */
    const uint32_t *vector_items; /* [vector_count] ascending rows of items; NULL: all */
    uint32_t vector_count;
    int32_t metric, storage, merge; /* of recs_metric, recs_vector_storage, recs_merge */
    const void *vector_codes;     /* the quantised copy, or NULL                       */
    uint64_t vector_codes_size;
    const void *index_bytes;      /* an approximate index, or NULL                     */
    uint64_t index_size;
    const char *index_made_by, *index_version, *index_text; /* "" where there is none  */

    /* KIND_TRENDS: rows are places, the root first */
    const recs__file_trend_rules *trend_rules; /* checked at open                */
    const unsigned char *trend_state; /* of trend_size bytes, believed nothing   */
    size_t trend_size;
    const uint32_t *trend_rows; /* of the state's items, ascending: clamped at use */
    uint32_t trend_items;

    /* KIND_BLEND: terms name components of lower index only (checked at open) */
    const recs__file_term *terms;
    uint32_t term_count;
} recs__component;

typedef struct recs__view {
    uint32_t items, users;
    recs__ids item_ids, user_ids, titles;
    uint32_t users_mode;
    recs__csr history;             /* users x items; values as in recs/model.h */
    const uint8_t *history_types;  /* NULL: all RECS_EVENT_VIEW                */
    const int64_t *history_times;  /* NULL: none has a time                    */
    const uint32_t *popular_order; /* [items]                                  */
    const float *popular_scores;   /* [items]                                  */
    const int8_t *available;       /* FLAG column "available", or NULL         */
    const recs__component *components;
    uint32_t component_count;
    const struct recs__column *columns;
    uint32_t column_count;
    uint64_t fingerprint;
} recs__view;

/* A column of the catalogue; what does not fit its type is NULL or empty. A
 * type of a later version keeps its number and has no values. */
typedef struct recs__column {
    const char *name;
    uint32_t type; /* a recs_column_type */
    const uint32_t *codes;
    recs__ids dictionary;
    const double *numbers;
    const int64_t *times;
    const int8_t *flags;
} recs__column;

/* Never NULL; lives with the model. */
const recs__view *recs__model_view(const recs_model *model);

/* Row of a user by the shop's id, hashing it first where the model does. */
uint32_t recs__model_find_user(const recs_model *model, const char *id, size_t size);

#endif
