/* recs/train.h - librecs-train: logs in, models out, and how good they are.
 *
 *     recs_dataset_create(&d, NULL, &error);
 *     recs_dataset_set(d, "columns", "user=userId,item=movieId,value=rating", &error);
 *     recs_dataset_set(d, "positive", "3.5", &error);
 *     recs_dataset_read(d, "ratings.csv", &error);
 *     recs_train(d, "als(factors=64), itemknn, popular", NULL, &model, &error);
 *     recs_model_write(model, "films.recs", &error);
 *
 * This library brings OpenBLAS (the serial build), zlib and zstd. It starts
 * no thread: work is split on the executor of the host it is lent, and the
 * bytes of a model do not depend on the number of threads.
 */
#ifndef RECS_TRAIN_H
#define RECS_TRAIN_H

#include "recs/base.h"
#include "recs/events.h"
#include "recs/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- dataset ------------------------------------------------------------------ */

/* A log of events and a catalogue, in memory or, with the setting "memory", in
 * temporary files but for the ids and the catalogue. Costs 17 bytes per event kept
 * (user, item, time, type) and 4 more for each of quantity, value, price,
 * basket, session, place, source and propensity that occurs in it; of each id the bytes once and
 * 20 to 32 beside; the catalogue's columns. Spare room of growing arrays is at
 * most as much again; recs_dataset_count "bytes" says what is held. One
 * thread at a time, training from it and splitting it included. */
typedef struct recs_dataset recs_dataset;

RECS_API recs_status recs_dataset_create(recs_dataset **dataset, const recs_host *host,
                                         recs_error *error);
RECS_API void recs_dataset_destroy(recs_dataset *dataset);

/* A rule of reading or of values, by name; strict: an unknown name or value
 * is ARGUMENT and lists what there is. Set before the first read or add
 * (STATE after, for those that would need the rows again).
 *
 *   reading
 *     format      auto | csv | tsv | lightgcn           default auto: by name and first line
 *     columns     user=userId,item=2,...  field=header name or number from 1, or none
 *     header      auto | yes | no
 *     delimiter   one character or "tab"                default by format and first line
 *     timezone    UTC | +02:00 | Europe/London ...      for times without one; default UTC
 *     time        auto | s | ms | iso | dmy | mdy       default auto
 *     strict      no | yes: a row that cannot be used is an error
 *     after, before   a time: events before `after` and from `before` on are dropped and
 *                 counted (STATE once there are events)
 *     drop_items  POST,DOT,M: items whose events are dropped and counted (STATE likewise)
 *     item_columns  id=sku,title=name,weight:number,note:none: of a catalogue; name=column,
 *                 name:type or name=column:type, with type text, number, time, flag or none
 *   meaning
 *     type        the type of events without one        default: rating with a value column,
 *                 buy with quantities or baskets, else view
 *     types       view=1,cart=3,buy=5: weight of each type; types not named count 1
 *                 (impressions 0)
 *     weight      log1p | binary | raw | cap(n)          default log1p of the netted quantity:
 *                                                   ln(1 + q) / ln 2, so one piece weighs 1
 *     positive    x: values (ratings) at or above x are evidence, lower ones only seen;
 *                 ratings without it are DATA when a model is trained
 *     duplicates  sum | last | max                      events of one user, item and type; of
 *                 ratings the last counts, or the highest under max
 *     unit        auto | users | baskets: what item models train on; auto: users, or baskets
 *                 and sessions when no event has a user
 *     users       full | hashed | none: what the model keeps of them
 *     rollup      no | group: variants count as the item of their group
 *     recommended  w: weight, 0 to 1000, of events with source recommended     default 1
 *     propensity  ignore | inverse | clip(p): events count one over their propensity, or
 *                 over p where that is more; mean 1 within a source. Default ignore
 *   memory (before the first read or add; STATE after)
 *     memory      500M | 2G | bytes: reading and training hold no more than this of private
 *                 memory; default: no budget. The log, the matrices and the model's image
 *                 then lie in temporary files, mapped, and the model has the same bytes.
 *                 LIMIT with what is needed where it is too small
 *     temporary   folder of those files, which never have a name; default /var/tmp
 * docs/data.md explains each.
 * Since 0.1. */
RECS_API recs_status recs_dataset_set(recs_dataset *dataset, const char *name, const char *value,
                                      recs_error *error);

/* Progress of long work: done of total (total 0: not known), in units named
 * by stage ("reading films.csv", "als iteration"). Return non-zero to cancel:
 * the call then returns CANCELLED and nothing was changed. Called on the
 * calling thread about ten times a second at most. */
typedef int32_t recs_progress(void *user_data, const char *stage, uint64_t done, uint64_t total);
RECS_API void recs_dataset_progress(recs_dataset *dataset, recs_progress *progress,
                                    void *user_data);

/* Reads a log; several files add up. path "-": standard input. ".zst" and
 * ".gz" are seen by their first bytes, whatever the name.
 * NOT_FOUND, IO, CORRUPT (compressed stream), DATA (no usable header; under
 * strict: the first bad row by line and column; no usable row at all), LIMIT
 * (2^31 users or items), MEMORY, CANCELLED. On failure the dataset is as
 * before. Since 0.1. */
RECS_API recs_status recs_dataset_read(recs_dataset *dataset, const char *path, recs_error *error);

/* Reads a catalogue: id (required), title, group, category, brand, price,
 * available, created and any further column, whose type is inferred or given
 * in item_columns. Several files add up; a value read later stands. An id a
 * second time in one file is counted and its row dropped. Errors as in
 * recs_dataset_read. Since 0.1. */
RECS_API recs_status recs_dataset_read_items(recs_dataset *dataset, const char *path,
                                             recs_error *error);

/* Adds a batch; all or nothing. DATA (an event without an item, of no type, or
 * not finite), LIMIT, MEMORY. Since 0.1. */
RECS_API recs_status recs_dataset_add(recs_dataset *dataset, const recs_events *events,
                                      recs_error *error);

/* Figures by name. Of reading: "rows" read, "used", "dropped", "problems",
 * "outside" (of after and before), "dropped_items", "out_of_order",
 * "item_rows" of catalogues. Held: "events", "users", "items", "baskets",
 * "sessions", "places", "item_columns", "bytes". Of the value rules, which are
 * worked out at the first such question after a change, at the cost of a
 * training's preparation: "interactions" (pairs of user and item),
 * "positive", "disliked", "returns_netted", "returns_alone",
 * "sales_cancelled", "pairs_cancelled", "duplicates_merged", "guests",
 * "recommended" (events from recommendations).
 * UINT64_MAX for an unknown name, or when the rules cannot be worked out.
 * Since 0.1. */
RECS_API uint64_t recs_dataset_count(const recs_dataset *dataset, const char *name);

/* What was read, how columns were mapped, what was dropped and why with the
 * first rows of each reason, in a few lines of text. Lives with the dataset
 * until it changes. */
RECS_API const char *recs_dataset_report(recs_dataset *dataset);

/* Cuts a log in two before duplicates are merged and returns netted.
 *   how  "time:2011-10-01"   events at or after the date are test (default for logs with times)
 *        "time:0.8"          the date at which 80 % of events have passed
 *        "last:N"            the last N items of each user with more than N: leaks over time
 *        "first:N"           all but the first N items of each user with more than N
 *        "random:0.1"        so much of each user's items, by seed
 *        "users:0.1", "users:500"   all events of so many of the users, by seed
 * Both parts are owned by the caller and keep rules and catalogue.
 * STATE: a time is needed and events have none. Since 0.1. */
RECS_API recs_status recs_dataset_split(const recs_dataset *dataset, const char *how,
                                        uint64_t seed, recs_dataset **train, recs_dataset **test,
                                        recs_error *error);

/* Writes the events as CSV (header and all columns there are), atomically. */
RECS_API recs_status recs_dataset_write(const recs_dataset *dataset, const char *path,
                                        recs_error *error);

/* ---- training ------------------------------------------------------------------- */

typedef struct recs_train_options {
    size_t struct_size;
    uint64_t seed; /* same data, description and seed: same bytes              */
    recs_progress *progress;
    void *progress_data;
    int32_t compress; /* 1: titles, ids and catalogue compressed in the file     */
    int32_t reserved;
    const recs_model *start; /* factors of its components are where those of the same name
                                begin, matched by the ids of items and users; new ones as
                                usual. als. Other names begin anew                     */
    const char *checkpoint;  /* a path: long trainings (als) keep PATH.COMPONENT after every
                                checkpoint_every iterations, replaced as a whole, and go on
                                from it when it is there: to the same bytes. The caller
                                removes it once the model is kept                      */
    uint64_t checkpoint_every; /* iterations; 0: 1                                     */
    /* above: version 0.1 */
} recs_train_options;

/* Trains what the description says:
 *
 *   als(factors=64, iterations=15, regularization=…, alpha=…), itemknn(k=200),
 *   popular, home = 0.7*als + 0.3*itemknn
 *
 * docs/models.md names every setting. ARGUMENT: an unknown name or a value out
 * of range (column, value and what is allowed), or a start of other factors.
 * CONFLICT: a checkpoint of other data or settings. NUMERIC: no finite solution.
 * MEMORY, CANCELLED. An empty log with a catalogue gives a valid model whose
 * answers are all fill; with neither: DATA. Since 0.1. */
RECS_API recs_status recs_train(const recs_dataset *dataset, const char *description,
                                const recs_train_options *options, const recs_host *host,
                                recs_model **model, recs_error *error);

/* Checks a description without training: ARGUMENT as recs_train. normalised
 * (may be NULL) receives it with defaults resolved, owned by the caller: give
 * it back with recs_text_free of the same host. Since 0.1. */
RECS_API recs_status recs_description_check(const char *description, const recs_host *host,
                                            char **normalised, recs_error *error);
RECS_API void recs_text_free(char *text, const recs_host *host);

/* ---- evaluation ------------------------------------------------------------------- */

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

/* ---- tuning -------------------------------------------------------------------------- */

/* What was tried, and what it comes to. */
typedef struct recs_tuning recs_tuning;

/* Called when trial `index` is done, on the calling thread. */
typedef void recs_tune_told(void *user_data, const recs_tuning *tuning, size_t index);

typedef struct recs_tune_options {
    size_t struct_size;
    uint64_t seed;
    double budget_seconds;   /* no trial begins after it, a running one is given up; 0: none */
    uint32_t trials;         /* so many and no more, those of the state file counted; 0: no limit.
                                With this alone the result does not depend on the machine's speed */
    int32_t repeats;         /* a recs_repeats, as in recs_evaluate                   */
    const char *metric;      /* recall, ndcg, precision, hit_rate, mrr or map and @k; NULL: ndcg@20 */
    const char *validation;  /* as recs_dataset_split; NULL or "auto": time:0.9 where events have
                                times and enough users are left, else random:0.1          */
    double min_coverage;     /* share of the catalogue that must be shown, 0 to 1       */
    uint64_t users;          /* validation users asked at most; 0: 10000              */
    const char *state;       /* file the search is kept in and taken up from; NULL: none */
    recs_progress *progress; /* done of total: milliseconds of the budget, else trials; non-zero
                                ends the search with what there is                    */
    void *progress_data;
    recs_tune_told *told;
    void *told_data;
    /* above: version 0.1 */
} recs_tune_options;

/* Searches settings on a validation part held out of the data: that of one
 * component after another, each judged alone, then the description as a whole
 * with the best of each, where blend(…) learns its weights. space is a
 * description in which settings may be free:
 *
 *   als(factors=64|128, alpha=1..100 log, regularization=?), itemknn, blend(als, itemknn)
 *
 * docs/tuning.md has the grammar and the method (successive halving over
 * iterations, a response surface for what to try). Nothing of the validation
 * part is trained on; the test part is yours to keep for the end.
 * ARGUMENT: space (column), options, nothing to search, neither budget nor
 * trials. DATA: no user to validate on. CONFLICT: the state file is of other
 * data or another search, or in use. CORRUPT: it is damaged (line). LIMIT: the
 * budget ended before a trial was done. CANCELLED: progress ended it before
 * that. What training the defaults says, where it fails. MEMORY, IO. On
 * failure *tuning is not touched; trials that were done are in the state file.
 * Cost: the trials; memory: a copy of the log beside what training takes. Since 0.1. */
RECS_API recs_status recs_tune(const recs_dataset *dataset, const char *space,
                               const recs_tune_options *options, const recs_host *host,
                               recs_tuning **tuning, recs_error *error);
RECS_API void recs_tuning_destroy(recs_tuning *tuning);

/* The description to use: what was best of everything searched. Lives with the
 * tuning. */
RECS_API const char *recs_tuning_description(const recs_tuning *tuning);
/* 1: the best of each component covers min_coverage, measured in full. */
RECS_API int32_t recs_tuning_met(const recs_tuning *tuning);
/* 1: progress ended it. */
RECS_API int32_t recs_tuning_stopped(const recs_tuning *tuning);
/* How the validation part was cut, "time:0.9". */
RECS_API const char *recs_tuning_validation(const recs_tuning *tuning);

RECS_API size_t recs_tuning_trials(const recs_tuning *tuning);
/* Of a trial, in the order they were done: the component it judges, what was
 * trained, of that what was searched ("alpha=3, factors=64"; nothing when all were
 * trained), and why it could not be (NULL when it could). NULL for no such trial. */
RECS_API const char *recs_tuning_component(const recs_tuning *tuning, size_t trial);
RECS_API const char *recs_tuning_trained(const recs_tuning *tuning, size_t trial);
RECS_API const char *recs_tuning_varied(const recs_tuning *tuning, size_t trial);
RECS_API const char *recs_tuning_failed(const recs_tuning *tuning, size_t trial);
/* "value" (the metric asked for), "recall", "ndcg", "coverage", "popularity" at
 * its k; "users" judged on; "share" of its iterations it was trained with; "train_seconds",
 * "evaluate_seconds"; "whole": 1 when the description as a whole was trained.
 * NaN for an unknown name, no such trial or one that failed. */
RECS_API double recs_tuning_value(const recs_tuning *tuning, size_t trial, const char *name);
/* Index of the best trial of a component so far; SIZE_MAX: none. */
RECS_API size_t recs_tuning_best(const recs_tuning *tuning, const char *component);

RECS_API uint32_t recs_train_version(void);

#ifdef __cplusplus
}
#endif

#endif /* RECS_TRAIN_H */
