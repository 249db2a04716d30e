/* recs/evaluate.h - librecs-train: how good a model's lists are.
 *
 * Evaluation of a model on a test part, intervals, segments, comparisons, what
 * is written of them, and the whole way from a log to figures in one call.
 * Part of recs/train.h, which brings it in. docs/evaluation.md explains it.
 */
#ifndef RECS_EVALUATE_H
#define RECS_EVALUATE_H

#include "recs/train.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum recs_repeats {
    RECS_REPEATS_EXCLUDE = 0, /* train items masked and taken out of test   */
    RECS_REPEATS_INCLUDE = 1, /* nothing masked                              */
    RECS_REPEATS_ONLY = 2     /* only the user's own items, in and out       */
} recs_repeats;

typedef struct recs_evaluate_options {
    size_t struct_size;
    const char *component;   /* NULL: every component of the model; "als,home": these */
    const char *cutoffs;     /* "20" or "10,20,50"; NULL: "20"                */
    int32_t repeats;         /* a recs_repeats                                */
    int32_t baselines;       /* 1: popular, recent-popular, own items as rows */
    double recent_days;      /* window of recent-popular; 0: 30               */
    recs_progress *progress;
    void *progress_data;
    const char *metrics;     /* "recall,gini", "all"; NULL: the eight marked * */
    const recs_dataset *histories; /* visitors by what they have: see below   */
    const char *protocol;    /* lightgcn, strong, history, time, last or random: what the
                                split was; NULL: not said                     */
    double confidence;       /* of intervals; 0: 0.95                         */
    uint64_t seed;           /* of resampling                                 */
    uint32_t resamples;      /* for intervals: 0 (none), or 100 to 100000     */
    int32_t segments;        /* 1: the breakdown, too                         */
    int32_t keep_users;      /* 1: the figures of each user, too: for recs_evaluation_user_value
                                and recs_evaluation_compare                   */
    int32_t new_users;       /* 1: users the model does not know are counted as visitors
                                without a history instead of being left out   */
    /* above: version 0.1 */
} recs_evaluate_options;

/* Rows (systems) by columns (metrics) over the users of a test part. */
typedef struct recs_evaluation recs_evaluation;

/* Scores test with the model through recs_recommend and recs_recommend_rows
 * themselves. The train part is what the model stores of each user; or, with
 * options.histories, what that dataset has of them: the users are then not
 * looked up in the model at all but asked for by history, as a shop asks for
 * somebody new. Definitions, for a user with test set T and list L cut at k:
 *   recall@k *     |L n T| / |T|
 *   recall_min@k   |L n T| / min(k, |T|): "Recall@k" of the Mult-VAE protocol
 *   ndcg@k *       sum over hits of 1/log2(rank + 1), ranks from 1, over the
 *                  same sum for min(k, |T|) hits at the top
 *   precision@k *  |L n T| / k
 *   hit_rate@k *   1 if L n T is not empty
 *   mrr@k *        1 / rank of the first hit
 *   map@k *        sum of the precision at each hit over min(k, |T|)
 *   coverage@k *   share of the catalogue shown to anybody
 *   gini@k         Gini coefficient of how often each item of the catalogue is
 *                  shown: 0 all alike, near 1 few items alone
 *   novelty@k      mean self-information of what is shown, in bits: -log2 of
 *                  the item's share of all train interactions (an item without
 *                  any counts as with one)
 *   diversity@k    1 - the mean cosine of the pairs of items of L, an item
 *                  being the set of its train users; mean over lists of two
 *                  items and more. NaN when the model stores no users. Costs
 *                  the train users of every item shown, k times popularity@k a
 *                  list, and 4 bytes a train interaction
 *   popularity@k * mean training popularity (interactions) of what is shown
 *   lift@k         mean popularity of a list, averaged over users, over the
 *                  same of their own items, - 1
 *   tail@k         share of what is shown from the long tail: items beyond the
 *                  most popular ones that hold 80 % of the train interactions
 * means over users with a non-empty T (popularity, novelty and tail: over all
 * items shown); test items the model does not know stay in T. Rows end in
 * "+fill" where fill is counted in. Columns are in the order above, cutoff by
 * cutoff.
 *
 * options.protocol says how train and test were made, pins the definition that
 * is cited with it, and is told with the result:
 *   lightgcn  random per user; recall over |T|, repeats=exclude
 *   strong    users not in train (Mult-VAE): needs histories; recall over
 *             min(k, |T|), repeats=exclude; cutoffs 20,50,100 by default
 *   history   users not in train, by the last n of their items: needs histories
 *   time      one date for all;   last  the last items of each user;   random
 *
 * ARGUMENT: an option (the text says which and what is allowed). NOT_FOUND: no
 * such component. DATA: the test part has no events, or no user to take a mean
 * over; the text says how many are not in the model and how many have no test
 * item left. STATE: the model stores no users and there are no histories.
 * LIMIT, MEMORY, CANCELLED. On failure *evaluation is not touched.
 * Memory: 4 bytes per item, row and cutoff; with resamples, segments or
 * keep_users 60 bytes per user, row and cutoff, with segments 96 more. The
 * same bits for any number of threads. Since 0.1. */
RECS_API recs_status recs_evaluate(const recs_model *model, const recs_dataset *test,
                                   const recs_evaluate_options *options, const recs_host *host,
                                   recs_evaluation **evaluation, recs_error *error);
RECS_API void recs_evaluation_destroy(recs_evaluation *evaluation);
RECS_API size_t recs_evaluation_rows(const recs_evaluation *evaluation);
RECS_API const char *recs_evaluation_row_name(const recs_evaluation *evaluation, size_t row);
RECS_API size_t recs_evaluation_metrics(const recs_evaluation *evaluation);
/* "recall@20", "ndcg@20" ... */
RECS_API const char *recs_evaluation_metric_name(const recs_evaluation *evaluation, size_t metric);
RECS_API double recs_evaluation_value(const recs_evaluation *evaluation, size_t row,
                                      size_t metric);
/* "users" evaluated, "users_unknown" (not in the model), "users_empty" (no
 * test item left), "users_new" (counted in without a history), "items_unknown",
 * "resamples"; UINT64_MAX for an unknown name. */
RECS_API uint64_t recs_evaluation_count(const recs_evaluation *evaluation, const char *name);
/* The definitions above with what was masked, as text to print. */
RECS_API const char *recs_evaluation_protocol(const recs_evaluation *evaluation);

/* Bounds of a value at the confidence asked for, by the percentile bootstrap
 * over users (Efron 1979; the order statistics floor((resamples + 1) a / 2) from
 * either end). 0, and NaN twice: none was asked for, or the metric is one of
 * the whole catalogue (coverage, gini). The train part is taken as given: the
 * interval is about other users, not about another training. Since 0.1. */
RECS_API int32_t recs_evaluation_interval(const recs_evaluation *evaluation, size_t row,
                                          size_t metric, double *low, double *high);

/* The breakdown. A segment has a kind, "history" (how many items the user has
 * in the train part: 0, 1, 2, 3-4 ...), "activity" (users in five equal parts
 * by the same number), "items" (test items alone of one fifth of the train
 * interactions by popularity: head, 2, 3, 4, tail; or cold, without any; users
 * without such a test item are left out, ranks are those in the whole list) or
 * "given" (recs_benchmark, by history length), a name within it and users. Only
 * segments with users are there. Values as above, over these users; NaN where
 * a metric has no meaning: coverage and gini in any segment, all but recall,
 * recall_min, ndcg and hit_rate in "items". Only these four have intervals,
 * except in "given". Since 0.1. */
RECS_API size_t recs_evaluation_segments(const recs_evaluation *evaluation);
RECS_API const char *recs_evaluation_segment_kind(const recs_evaluation *evaluation,
                                                  size_t segment);
RECS_API const char *recs_evaluation_segment_name(const recs_evaluation *evaluation,
                                                  size_t segment);
RECS_API uint64_t recs_evaluation_segment_users(const recs_evaluation *evaluation,
                                                size_t segment);
RECS_API double recs_evaluation_segment_value(const recs_evaluation *evaluation, size_t segment,
                                              size_t row, size_t metric);
RECS_API int32_t recs_evaluation_segment_interval(const recs_evaluation *evaluation,
                                                  size_t segment, size_t row, size_t metric,
                                                  double *low, double *high);

/* The users evaluated, in order of their ids in the test part (keep_users; 0
 * without): id, items in the train part, test items, and what each metric is
 * for the user alone, kept as single precision (NaN: no meaning for one user).
 * Ids live with the evaluation. Since 0.1. */
RECS_API size_t recs_evaluation_users(const recs_evaluation *evaluation);
RECS_API const char *recs_evaluation_user_id(const recs_evaluation *evaluation, size_t user);
RECS_API uint32_t recs_evaluation_user_history(const recs_evaluation *evaluation, size_t user);
RECS_API uint32_t recs_evaluation_user_test(const recs_evaluation *evaluation, size_t user);
RECS_API double recs_evaluation_user_value(const recs_evaluation *evaluation, size_t user,
                                           size_t row, size_t metric);

/* ---- comparing, and writing what was found ------------------------------------------- */

typedef struct recs_compare_options {
    size_t struct_size;
    uint64_t seed;      /* of resampling                                        */
    double confidence;  /* 0: 0.95                                              */
    uint32_t resamples; /* 100 to 100000; 0: 1000                               */
    int32_t reserved;
    const char *other;  /* what to call the second evaluation; NULL: nothing    */
    recs_progress *progress;
    void *progress_data;
    /* above: version 0.1 */
} recs_compare_options;

/* Compares a row of a with a row of b (which may be a) on the users both
 * evaluated, and adds the comparison to a: for every metric of a that b has,
 * too, the difference of the means, its percentile interval and a two-sided
 * p-value by inverting that interval, from resamples that draw the same users
 * for both. Both need keep_users. ARGUMENT: rows, options. STATE: keep_users.
 * DATA: no user in common. MEMORY, CANCELLED. Source: Efron, Tibshirani 1993;
 * Sakai 2006 for its use on rankings. Since 0.1. */
RECS_API recs_status recs_evaluation_compare(recs_evaluation *a, size_t row_a,
                                             const recs_evaluation *b, size_t row_b,
                                             const recs_compare_options *options,
                                             recs_error *error);
RECS_API size_t recs_evaluation_comparisons(const recs_evaluation *evaluation);
/* "als+fill - popular+fill". */
RECS_API const char *recs_evaluation_comparison_name(const recs_evaluation *evaluation,
                                                     size_t comparison);
/* Users compared; and (may be NULL) those of one evaluation alone, left out. */
RECS_API uint64_t recs_evaluation_comparison_users(const recs_evaluation *evaluation,
                                                   size_t comparison, uint64_t *unpaired);
/* 0 and NaN: the metric has no comparison (coverage, gini, or not in b). */
RECS_API int32_t recs_evaluation_comparison(const recs_evaluation *evaluation, size_t comparison,
                                            size_t metric, double *difference, double *low,
                                            double *high, double *p);

/* Everything there is as CSV, a line per figure: kind (all, a segment's kind or
 * difference), segment, users, system, metric, cutoff, value, low, high, p.
 * The users as CSV, a line per user and system (STATE: keep_users). A report
 * with tables and plots as one HTML file that needs no other and no network;
 * title may be NULL. Each appears whole or not at all; errors as in
 * recs_model_write. Since 0.1. */
RECS_API recs_status recs_evaluation_write_csv(const recs_evaluation *evaluation, const char *path,
                                               recs_error *error);
RECS_API recs_status recs_evaluation_write_users(const recs_evaluation *evaluation,
                                                 const char *path, recs_error *error);
RECS_API recs_status recs_evaluation_write_html(const recs_evaluation *evaluation,
                                                const char *title, const char *path,
                                                recs_error *error);

/* ---- from a log to figures in one call --------------------------------------------- */

typedef struct recs_benchmark_options {
    size_t struct_size;
    uint64_t seed;      /* of split and training                               */
    int32_t reserved[2];
    /* above: version 0.1 */
} recs_benchmark_options;

/* Splits a log as the protocol says, trains the description on the train part
 * and evaluates it on the rest. protocol:
 *   time, time:0.8, time:2011-10-01   one date for all (NULL: time if the log has
 *                    times, else random)
 *   last, last:N     the last items of each user: leaks over time
 *   random, random:0.2   of each user's items, as LightGCN's splits were made
 *   strong, strong:0.1, strong:10000   strong generalisation, after Liang et al.
 *                    2018 (Mult-VAE): so many users, by seed, are not trained
 *                    on; each is asked for by 80 % of their items (by seed) and
 *                    evaluated on the rest
 *   history, history:1,2,3,5,10   users not trained on (a tenth, by seed) with
 *                    more items than the longest length n: asked for by the last
 *                    1, 2, 3 ... of their first n items and evaluated on all that
 *                    follow, so that users and targets are the same for each
 *                    length. The table is of the longest; the segments of kind
 *                    "given" have them all
 * evaluate as in recs_evaluate (its protocol and histories must be NULL, its
 * cutoffs default to the protocol's); progress covers all. The split and the
 * description are told in the protocol's text. Under strong and history the
 * log's users=none is no hindrance. Errors as of the three steps; ARGUMENT:
 * the protocol. Since 0.1. */
RECS_API recs_status recs_benchmark(const recs_dataset *log, const char *description,
                                    const char *protocol, const recs_evaluate_options *evaluate,
                                    const recs_benchmark_options *options, const recs_host *host,
                                    recs_evaluation **evaluation, recs_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RECS_EVALUATE_H */
