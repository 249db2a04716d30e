/* recs/query.h - a prepared request, its working memory and its answer.
 *
 * A query is to recommendations what a statement is to SQL: made once per
 * thread, filled by setters, run by a verb of recommend.h, read by index or
 * by column, reset, and used again for ever. Once warm it allocates nothing.
 *
 *     recs_query_create(&q, NULL, &error);
 *     recs_query_user(q, "42");
 *     recs_query_limit(q, 10);
 *     recs_recommend(model, q, &error);
 *     for (size_t i = 0; i < recs_query_count(q); i++)
 *         puts(recs_query_id(q, i));
 *     recs_query_reset(q);
 *
 * Setters return a status, and a failed one is remembered: until
 * recs_query_reset every verb fails with the status and text of the first, so
 * a caller may check only the verb, and no filter is lost unseen.
 * Setters copy what they are given. Unknown items in histories, deny and
 * allow lists are counted (recs_query_ignored), not refused: shops sell
 * things a model has not seen yet.
 *
 * Answers are copied into the query and pin no model; they live until the
 * next verb, reset or destroy. Setters do not disturb them, nor do recs_score,
 * recs_score_rows, recs_recommend_rows and recs_explain, which leave no list.
 * A verb that fails leaves an empty answer and a query that can be used again.
 *
 * Memory: once warm a query holds 1 bit per item, 4 bytes per item for each
 * item model its component stands on (with a component that has one), what
 * the request lists and the answer; recs_query_memory counts it.
 */
#ifndef RECS_QUERY_H
#define RECS_QUERY_H

#include "recs/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recs_query recs_query;

/* An empty query in *query, owned by the caller. host may be NULL; under
 * recs_recommend_rows its executor runs the work and its memory callbacks are
 * called from the executor's threads. ARGUMENT: the host. MEMORY. Since 0.1. */
RECS_API recs_status recs_query_create(recs_query **query, const recs_host *host,
                                       recs_error *error);

/* Frees the query and its answer. NULL is harmless. Since 0.1. */
RECS_API void recs_query_destroy(recs_query *query);

/* Back to the state after create, without an answer or a remembered error,
 * keeping all memory. Since 0.1. */
RECS_API void recs_query_reset(recs_query *query);

/* ---- who and what --------------------------------------------------------- */

/* The visitor, by the shop's id. A verb that needs a known user and finds no
 * history in the query returns NOT_FOUND for one the model does not store.
 * ARGUMENT: empty, over 511 bytes, not UTF-8. Since 0.1. */
RECS_API recs_status recs_query_user(recs_query *query, const char *user);

/* The item in question: what to find similar ones or users for. It is never
 * among the items of an answer itself, in recs_recommend neither (a product
 * page does not recommend its product); a verb that does not need it takes no
 * offence at one the model does not know. ARGUMENT as above. Since 0.1. */
RECS_API recs_status recs_query_item(recs_query *query, const char *item);

/* History known to the host, one entry at a time, as columns of packed ids
 * (offsets: count + 1) or as columns of rows of the model the query will run
 * on. weight: positive = evidence, negative = dislike, 0 = only seen; NULL =
 * all 1. time: milliseconds, RECS_NO_TIME or NULL = not known. Entries of the
 * same item add up in the order given; an item whose sum is below 0 is
 * disliked and never shown. ARGUMENT: NaN or infinite weight, bad id, offsets
 * that go back (the text names the entry); rows beyond the catalogue when the
 * verb runs. LIMIT: more than 2^20 entries. MEMORY. On failure none of the
 * entries is taken. Since 0.1. */
RECS_API recs_status recs_query_history(recs_query *query, const char *item, float weight,
                                        int64_t time);
RECS_API recs_status recs_query_history_packed(recs_query *query, const char *bytes,
                                               const uint32_t *offsets, const float *weights,
                                               const int64_t *times, size_t count);
RECS_API recs_status recs_query_history_rows(recs_query *query, const uint32_t *rows,
                                             const float *weights, const int64_t *times,
                                             size_t count);

/* With both a stored user and a history given: 0 (default) = the given one
 * replaces the stored one, as evidence and as what is seen; 1 = it is added to
 * it. ARGUMENT: neither 0 nor 1. Since 0.1. */
RECS_API recs_status recs_query_append_history(recs_query *query, int32_t append);

/* An item the visitor does not like: evidence of weight -weight (> 0, finite)
 * that joins whatever history is used, and never shown. Alone it is not a
 * history: an unknown user stays unknown. ARGUMENT: weight, id. Since 0.1. */
RECS_API recs_status recs_query_dislike(recs_query *query, const char *item, float weight);

/* ---- how ------------------------------------------------------------------ */

/* At most so many answers. Default 10; 0 to 2^31 - 1; above the catalogue's
 * size means all. */
RECS_API recs_status recs_query_limit(recs_query *query, size_t limit);

/* Component by name; NULL or never called: the model's first. A name the
 * model does not have is NOT_FOUND when the verb runs. Since 0.1. */
RECS_API recs_status recs_query_component(recs_query *query, const char *name);

/* 1: only items the component has evidence for; 0 (default): fill up to the
 * limit in popularity order. */
RECS_API recs_status recs_query_evidence_only(recs_query *query, int32_t evidence_only);

/* ---- filters: applied before the top k -------------------------------------- */

/* Which of the visitor's own items not to show: those with an event whose
 * type's bit is in event_types and whose time is at or after not_before
 * (RECS_NO_TIME: of any age; an entry without a time counts as recent).
 * Default: all types, any age. event_types 0: exclude none. History given in
 * the query counts as every type. Since 0.1. */
RECS_API recs_status recs_query_exclude_seen(recs_query *query, uint32_t event_types,
                                             int64_t not_before);

/* Never these; only these. Once any allow call was made (with count 0, too)
 * only allowed items are eligible. Rows above the catalogue are ARGUMENT when
 * the verb runs. Since 0.1. */
RECS_API recs_status recs_query_deny(recs_query *query, const char *item);
RECS_API recs_status recs_query_deny_rows(recs_query *query, const uint32_t *rows, size_t count);
RECS_API recs_status recs_query_allow(recs_query *query, const char *item);
RECS_API recs_status recs_query_allow_rows(recs_query *query, const uint32_t *rows, size_t count);

/* Items whose catalogue column "available" is 0 are not shown by default;
 * 1: show them too. */
RECS_API recs_status recs_query_include_unavailable(recs_query *query, int32_t include);

/* Only rows whose bit is 1: row r is bit r & 63 of word r >> 6; rows beyond count
 * are not allowed. Joins the allow lists: with both, what is in both. Rows of the
 * model or set the query will run on. Copied. MEMORY. Since 0.1. */
RECS_API recs_status recs_query_allow_bits(recs_query *query, const uint64_t *bits, size_t count);

/* The host's own filter, asked in batches of ids while a verb runs: keep[i] = 0 where id i,
 * bytes[offsets[i]] up to offsets[i + 1], may not be shown (it is 1 before the call).
 * A status other than RECS_OK ends the verb, which returns it. It must give the same answer
 * for the same id throughout a verb; recs_recommend_rows asks it from the executor's
 * threads. recs_knn asks about the best alone, more of them until enough pass; other verbs
 * about everything that is eligible, once a request. NULL: none (the default). Since 0.1. */
typedef int32_t recs_predicate(void *user_data, const char *bytes, const uint32_t *offsets,
                               size_t count, uint8_t *keep);
RECS_API recs_status recs_query_predicate(recs_query *query, recs_predicate *predicate,
                                          void *user_data);

/* ---- nearest neighbours (recs/vectors.h) ---------------------------------------- */

/* What to search for, dimension floats. Copied. ARGUMENT: NaN or infinite (names the
 * column), dimension 0 or above 65,536. MEMORY. Since 0.1. */
RECS_API recs_status recs_query_vector(recs_query *query, const float *vector, uint32_t dimension);

typedef enum recs_merge {
    RECS_MERGE_CENTROID = 0, /* one search, for the mean of the history's vectors by weight
                                (cosine: of their directions)                        */
    RECS_MERGE_BEST = 1      /* a search for each; an answer's score is that of its nearest */
} recs_merge;

/* How a history becomes neighbours; entries with weights of 0 or less are no evidence.
 * Default centroid, one search whatever the history; best keeps several tastes apart and
 * found a third more of the next items where we measured it (docs/vectors.md), for as many
 * searches as the history is long. ARGUMENT. Since 0.1. */
RECS_API recs_status recs_query_merge(recs_query *query, int32_t merge);

/* Only answers with at least this score (inner product, cosine), or at most this
 * distance (l2). ARGUMENT: NaN; below 0 under l2 when the verb runs. Since 0.1. */
RECS_API recs_status recs_query_radius(recs_query *query, float radius);

/* How hard an approximate index searches, on its own scale (hnsw: search length; ivf: lists
 * probed). 0 (default): as described. RECS_EFFORT_EXACT: do without it. Since 0.1. */
#define RECS_EFFORT_EXACT UINT32_MAX
RECS_API recs_status recs_query_effort(recs_query *query, uint32_t effort);

/* ---- the answer ------------------------------------------------------------- */

typedef enum recs_source {
    RECS_FROM_COMPONENT = 0, /* the component has evidence for it       */
    RECS_FROM_FILL = 1,      /* filled up in popularity order           */
    RECS_FROM_TREND = 2      /* counted at the place (recs/trends.h)    */
} recs_source;

/* Number of answers, best first. Ties are in order of the id's bytes. */
RECS_API size_t recs_query_count(const recs_query *query);

/* By index; index at or beyond the count: NULL, RECS_NO_ROW, 0, -1. */
RECS_API const char *recs_query_id(const recs_query *query, size_t index);
RECS_API uint32_t recs_query_row(const recs_query *query, size_t index);
RECS_API float recs_query_score(const recs_query *query, size_t index);
RECS_API int32_t recs_query_source(const recs_query *query, size_t index);

/* By column, recs_query_count members; NULL when there is none. ids are
 * packed: id i is bytes[offsets[i]] up to offsets[i + 1], no NUL counted. */
RECS_API const uint32_t *recs_query_rows(const recs_query *query);
RECS_API const float *recs_query_scores(const recs_query *query);
RECS_API const char *recs_query_ids(const recs_query *query, const uint32_t **offsets);

/* Fingerprint of the model that answered; the component's name. */
RECS_API uint64_t recs_query_fingerprint(const recs_query *query);
RECS_API const char *recs_query_component_name(const recs_query *query);

/* Ids of the request that neither the model nor the query's overlay knows (history,
 * dislikes, deny, allow), as the last verb found them. */
RECS_API size_t recs_query_ignored(const recs_query *query);

/* Items (recs_users: users) that were eligible, and how many of the answers are
 * from the component. */
RECS_API size_t recs_query_eligible(const recs_query *query);
RECS_API size_t recs_query_evidence(const recs_query *query);

/* How recs_knn found them, of the largest block, or recs_recommend and recs_similar
 * of a component with factors or vectors; vectors (items) whose score was computed: of a model
 * with a quantised copy those the copy could not decide. */
typedef enum recs_strategy {
    RECS_STRATEGY_NONE = 0,      /* nothing was eligible                           */
    RECS_STRATEGY_SCAN = 1,      /* all vectors                                    */
    RECS_STRATEGY_MASKED = 2,    /* all, those that are not eligible passed over   */
    RECS_STRATEGY_LISTED = 3,    /* those of a short allow list                    */
    RECS_STRATEGY_INDEX = 4,     /* candidates of the approximate index            */
    RECS_STRATEGY_INDEX_SCAN = 5 /* the index found too few: all vectors after all */
} recs_strategy;
RECS_API int32_t recs_query_strategy(const recs_query *query);
RECS_API uint64_t recs_query_scored(const recs_query *query);

/* ---- reasons: filled by recs_explain and recs_why_not ------------------------- */

typedef enum recs_reason_kind {
    RECS_REASON_HISTORY = 0,    /* an item of the visitor's own                   */
    RECS_REASON_POPULAR = 1,    /* popularity                                     */
    RECS_REASON_FILL = 2,       /* placed by popularity order, no evidence        */
    RECS_REASON_SIMILAR = 3,    /* similarity to the item asked about             */
    RECS_REASON_REMAINDER = 4,  /* what the other reasons leave of the score      */
    RECS_REASON_TREND = 5,      /* what trends at a place                         */
    RECS_REASON_VECTOR = 6      /* an item of the visitor's own, by its vector    */
} recs_reason_kind;

/* Reasons of one answer: FILL first if it is one, then by contribution, largest
 * first (ties by row), REMAINDER last; those that add nothing are left out.
 * Contributions sum (in double, then rounded) to the score, the remainder
 * included. id is NULL where the reason is not an item. */
RECS_API size_t recs_query_reason_count(const recs_query *query);
RECS_API int32_t recs_query_reason_kind(const recs_query *query, size_t index);
RECS_API uint32_t recs_query_reason_row(const recs_query *query, size_t index);
RECS_API const char *recs_query_reason_id(const recs_query *query, size_t index);
/* Of a trend: the path of the place it was counted at, "" for all places; NULL
 * for other reasons. */
RECS_API const char *recs_query_reason_place(const recs_query *query, size_t index);
RECS_API double recs_query_reason_contribution(const recs_query *query, size_t index);
/* Index of the component of the model it comes from; UINT32_MAX: live trends. */
RECS_API uint32_t recs_query_reason_component(const recs_query *query, size_t index);

typedef enum recs_verdict {
    RECS_VERDICT_NONE = 0,         /* recs_why_not was not called                */
    RECS_VERDICT_SHOWN = 1,        /* it is among the answers                    */
    RECS_VERDICT_UNKNOWN = 2,      /* the model has no such item                 */
    RECS_VERDICT_SEEN = 3,         /* excluded as seen                           */
    RECS_VERDICT_DENIED = 4,       /* on the deny list                           */
    RECS_VERDICT_NOT_ALLOWED = 5,  /* not on the allow list                      */
    RECS_VERDICT_UNAVAILABLE = 6,  /* the catalogue says not available           */
    RECS_VERDICT_DISLIKED = 7,     /* the visitor dislikes it                    */
    RECS_VERDICT_NO_EVIDENCE = 8,  /* evidence only, and there is none           */
    RECS_VERDICT_BELOW = 9,        /* ranked below the limit                     */
    RECS_VERDICT_QUERY_ITEM = 10,  /* it is the item asked about                 */
    RECS_VERDICT_FILTERED = 11     /* the predicate says no                      */
} recs_verdict;

RECS_API int32_t recs_query_verdict(const recs_query *query);
/* The verdict as one English sentence naming the figures. */
RECS_API const char *recs_query_verdict_text(const recs_query *query);
/* Its score, its place among all eligible (0 = first; SIZE_MAX when not
 * eligible) and the score of the last answer shown. */
RECS_API float recs_query_verdict_score(const recs_query *query);
RECS_API size_t recs_query_verdict_rank(const recs_query *query);
RECS_API float recs_query_verdict_cutoff(const recs_query *query);

/* Bytes the query holds, working memory and answer. */
RECS_API size_t recs_query_memory(const recs_query *query);

#ifdef __cplusplus
}
#endif

#endif /* RECS_QUERY_H */
