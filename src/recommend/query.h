/* query.h - the inside of a recs_query, for the files of this room.
 *
 * Three parts that do not touch each other: the request (written by setters),
 * the working memory (used by one verb at a time) and the answer (written at
 * a verb's end, read by getters). */
#ifndef RECS_RECOMMEND_QUERY_H
#define RECS_RECOMMEND_QUERY_H

#include "base/memory.h"
#include "live/trends_rank.h"
#include "model/model.h"
#include "recommend/history.h"
#include "recommend/score.h"
#include "recs/query.h"
#include "recs/trends.h"
#include "recs/vectors.h"
#include "search/exact.h"
#include "search/filter.h"
#include "search/topk.h"
#include "search/vectors.h"

#include <stdbool.h>

/* An item as the request names it: a row, or (row RECS_NO_ROW) an id in the
 * request's text. */
typedef struct recs__ref {
    size_t text;
    uint32_t size;
    uint32_t row;
} recs__ref;

typedef struct recs__given {
    recs__ref item;
    int64_t time;
    float weight;
} recs__given;

typedef struct recs__name {
    uint32_t size;
    bool set;
    char text[RECS_ID_MAX + 1];
} recs__name;

/* Cells that stand for a radius, at most. */
#define RECS__NEAR_CELLS 256

/* What is asked of trends, and those beside a model. */
typedef struct recs__asked_trend {
    recs__name place, segment;
    int64_t time, half_life, window;
    int32_t ranking;
    bool near; /* the cells of a radius, place that of its middle */
    uint32_t cell_count, cell_first, cell_step;
    uint64_t cells[RECS__NEAR_CELLS];
    recs_trends *beside; /* NULL: none */
    float weight;
} recs__asked_trend;

typedef struct recs__request {
    recs__name user, item, component;
    char *text;
    size_t text_size, text_capacity;
    recs__given *history, *dislikes;
    size_t history_count, history_capacity, dislike_count, dislike_capacity;
    recs__ref *deny, *allow;
    size_t deny_count, deny_capacity, allow_count, allow_capacity;
    size_t limit;
    bool append, evidence_only, include_unavailable, allow_only;
    uint32_t seen_types;
    int64_t seen_after;
    uint64_t *allow_bits;
    size_t allow_bit_count, allow_bit_capacity; /* rows; words */
    bool allow_masked;
    recs_predicate *predicate;
    void *predicate_data;
    float *vector;
    size_t vector_capacity;
    uint32_t dimension; /* of vector; 0: none */
    bool has_radius;
    float radius;
    int32_t merge;
    uint32_t effort;
    const recs_vectors *overlay;
    recs__asked_trend trend;
    uint64_t changes;  /* counts setters and resets                     */
    recs_error failed; /* the first setter that failed; status 0: none  */
} recs__request;

/* The searches of one history, one for each of its items (scan_content.h). */
typedef struct recs__merge_room {
    recs__topk *each; /* of a pass, or NULL                      */
    uint64_t *keys;   /* the best so far, then what the pass found */
    size_t key_capacity;
} recs__merge_room;

/* The approximate index of a set that the request lends (scan_index.h). */
typedef struct recs__lent {
    const recs__part *part; /* of its pinned snapshot; NULL: none */
    uint32_t component;     /* whose vectors it is of             */
    uint32_t effort;
} recs__lent;

typedef struct recs__index_room {
    struct recs__nearest *nearest; /* or NULL                                     */
    recs__filter filter;           /* of rows of vectors, where they are not the items */
    uint64_t *bits, *keys; /* of the filter; candidates (scan_candidates.h) */
    uint32_t *rows;
    size_t bit_capacity, key_capacity, row_capacity;
} recs__index_room;

/* Bounds by row, and codes of a vector (scan_bounds.h). */
typedef struct recs__bounds_room {
    float *upper, *part;
    unsigned char *codes;
    size_t upper_capacity, part_capacity, code_capacity;
} recs__bounds_room;

/* Working memory of one visitor at a time. */
typedef struct recs__work {
    recs__history history;
    recs__filter filter;
    recs__scorer scorer;
    recs__topk topk;
    recs__exact_room exact;
    recs__merge_room merge;
    recs__lent lent;
    recs__index_room index;
    uint32_t *apart; /* rows that are scored one by one (scan_mixed.h), and their best */
    size_t apart_count, apart_capacity;
    recs__topk before;
    recs__bounds_room bounds;
    recs__seek seek; /* how the rows were gone through; way NONE: not by exact.h */
    int32_t strategy; /* of an index; RECS_STRATEGY_NONE: none was asked */
} recs__work;

typedef enum recs__verb {
    RECS__VERB_NONE,
    RECS__VERB_RECOMMEND,
    RECS__VERB_SIMILAR,
    RECS__VERB_USERS,
    RECS__VERB_KNN,
    RECS__VERB_TRENDING
} recs__verb;

/* The working memory of recs_trending and the parts of its scores. */
typedef struct recs__trend_room {
    recs__trend_work work;
    uint64_t *denied, *allowed; /* handles, ascending */
    double *parts;              /* 6 per answer */
    size_t denied_capacity, allowed_capacity, parts_capacity;
    size_t denied_count, allowed_count;
    uint32_t near[RECS__NEAR_CELLS]; /* nodes of the radius */
    const recs_trends *of;           /* who answered, and for when */
    int64_t time;
    double told[RECS__TREND_LEVELS][4]; /* parts behind the first reasons, in their order */
    size_t told_count;                  /* 0: the reasons are of another verb */
} recs__trend_room;

/* Live trends as rows of a model, best first (beside.h). */
typedef struct recs__beside {
    recs__trend_work work;
    uint32_t *rows;
    float *scores; /* above 0, at most 1 */
    size_t count, row_capacity, score_capacity;
    float weight;
    uint64_t changes, fingerprint; /* of the request and the model they were read for */
    uint32_t path_size;
    char path[RECS_ID_MAX + 1]; /* of the place */
} recs__beside;

typedef struct recs__answer {
    uint32_t *rows;
    float *scores;
    uint8_t *sources;
    uint32_t *offsets; /* count + 1 */
    char *packed;      /* ids without NUL */
    char *texts;       /* ids with NUL: id i begins at offsets[i] + i */
    size_t row_capacity, score_capacity, source_capacity, offset_capacity, packed_capacity,
        text_capacity;
    size_t count, eligible, evidence;
    int32_t strategy;
    uint64_t scored;
    recs__verb verb;
    uint32_t component;
    uint64_t changes; /* of the request it answers */
    uint64_t fingerprint;
    char component_name[72];
} recs__answer;

typedef struct recs__reason {
    double contribution;
    uint32_t row, component;
    int32_t kind;
    uint32_t path_size;
    const char *path; /* of a trend's place, until it is copied to the ids; else NULL */
} recs__reason;

typedef struct recs__reasons {
    recs__reason *list, *spare;
    char *ids;
    size_t *offsets;
    double *coefficients; /* by step */
    float *room;          /* fold-in contributions */
    size_t count, list_capacity, spare_capacity, id_capacity, offset_capacity,
        coefficient_capacity, room_capacity;
} recs__reasons;

typedef struct recs__why {
    int32_t verdict;
    float score, cutoff;
    size_t rank;
    char text[1600];
} recs__why;

typedef struct recs__knn recs__knn; /* knn.c: working memory of recs_knn */
typedef struct recs__crew recs__crew; /* rows.c: working memory of the executor's tasks */

struct recs_query {
    recs_host host;
    recs__request request;
    recs__work work;
    recs__answer answer;
    recs__reasons reasons;
    recs__why why;
    recs__trend_room trend;
    recs__beside beside;
    recs__crew *crew;
    recs__knn *knn;
    uint32_t *rows; /* resolved deny and allow rows; fill candidates */
    size_t rows_capacity;
    size_t ignored;
    /* Zeros in the column "available", counted once per model. */
    const int8_t *counted_available;
    uint64_t counted_fingerprint;
    uint32_t counted_rows;
    size_t unavailable;
};

/* The sticky error of the setters; NULL arguments. ARGUMENT. */
recs_status recs__query_check(const void *model, const recs_query *query, recs_error *error);

/* Every setter ends here: counts the change and remembers the first failure. */
recs_status recs__query_settle(recs_query *query, recs_status status, const recs_error *failed);

/* ---- trending.c ---- */

void recs__asked_trend_defaults(recs__asked_trend *asked);
void recs__trend_room_free(recs_query *query);
size_t recs__trend_room_memory(const recs_query *query);
/* Series, time and node of the request, without lists and limit. ARGUMENT. */
recs_status recs__trend_resolve(recs_trends *trends, recs_query *query,
                                recs__trend_ask *ask, recs_error *error);

/* Working memory. */
void recs__work_clear(recs__work *work);
void recs__work_free(recs__work *work, const recs_host *host);
size_t recs__work_memory(const recs__work *work);

/* ---- scan_bounds.c ---- */

void recs__bounds_free(recs__bounds_room *room, const recs_host *host);
size_t recs__bounds_memory(const recs__bounds_room *room);

/* ---- scan_content.c ---- */

void recs__merge_free(recs__merge_room *room, const recs_host *host);
size_t recs__merge_memory(const recs__merge_room *room);

/* ---- scan_index.c ---- */

void recs__index_room_free(recs__index_room *room, const recs_host *host);
size_t recs__index_room_memory(const recs__index_room *room);

/* ---- answer.c ---- */

/* No answer, no reasons, no verdict. */
void recs__answer_clear(recs_query *query);
void recs__reasons_clear(recs_query *query);

/* Whether the answer's entry `index` can still be explained: the request is what it was
 * (STATE) and there is such an entry (ARGUMENT). */
recs_status recs__answer_check(const recs_query *query, size_t index, recs_error *error);

/* Room for count rows in the answer's columns. */
recs_status recs__answer_reserve(recs_query *query, size_t count, recs_error *error);

/* Ids by a call: NULL where a row has none; that of an id table (recs__ids). */
typedef const char *recs__id_of(const void *context, uint32_t row, size_t *size);
const char *recs__id_in_table(const void *ids, uint32_t row, size_t *size);

/* Names the component and copies the ids of the rows in place. LIMIT: 4 GiB of
 * ids. The answer is empty on failure. */
recs_status recs__answer_finish(recs_query *query, const recs__view *view, recs__id_of *id_of,
                                const void *context, size_t count, recs__verb verb,
                                uint32_t component, recs_error *error);

/* The ids alone. */
recs_status recs__answer_ids(recs_query *query, recs__id_of *id_of, const void *context,
                             size_t count, recs_error *error);

void recs__answer_free(recs_query *query);
size_t recs__answer_memory(const recs_query *query);

/* ---- predicate.c ---- */

/* Asks the request's predicate about rows; what may not be shown is excluded from
 * the filter, *kept (may be NULL) the others. What the predicate returned. */
recs_status recs__predicate_ask(const recs_query *query, recs__id_of *id_of, const void *context,
                                const uint32_t *rows, size_t count, recs__filter *filter,
                                size_t *kept, recs_error *error);
/* The same about every row that is eligible. */
recs_status recs__predicate_all(const recs_query *query, recs__id_of *id_of, const void *context,
                                recs__filter *filter, recs_error *error);

/* ---- explain.c ---- */

/* Reasons in their order; then, with the last of them added, their ids. */
recs_status recs__reasons_sort(recs_query *query, recs_error *error);
recs_status recs__reasons_ids(recs_query *query, recs__id_of *id_of, const void *ids,
                              recs_error *error);

/* ---- knn.c ---- */

/* The history of the request as rows of a snapshot, merged, into the query's work. */
recs_status recs__knn_history(const recs_vectors *vectors, recs_query *query,
                              const recs__snapshot *snapshot, recs_error *error);

void recs__knn_free(recs_query *query);
size_t recs__knn_memory(const recs_query *query);

/* ---- rows.c ---- */

void recs__crew_free(recs_query *query);
size_t recs__crew_memory(const recs_query *query);

#endif
