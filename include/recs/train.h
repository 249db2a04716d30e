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
 *     cells       first,step,last: levels of the cells (places.h) that latitude and longitude
 *                 columns become a place of; before the first read. Default 4,3,13
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

/* Progress of long work and its cancelling, as recs_progress in base.h says. */
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

/* Hands the events out again in order of time, equal times in the log's order:
 * those with a time at or after from and before until (RECS_NO_TIME: no bound),
 * in batches of at most 4,096 and one hour that live until take returns. Non-zero
 * from take ends it: CANCELLED, as does the dataset's progress. 16 bytes an event while it
 * runs where the log is not in order. MEMORY. Since 0.1. */
typedef int32_t recs_replay_batch(void *user_data, const recs_events *events);
RECS_API recs_status recs_dataset_replay(recs_dataset *dataset, int64_t from, int64_t until,
                                         recs_replay_batch *take, void *user_data,
                                         recs_error *error);

/* A time as the log's are read (settings time and timezone), in milliseconds.
 * ARGUMENT: no time. Since 0.1. */
RECS_API recs_status recs_dataset_time(const recs_dataset *dataset, const char *text,
                                       int64_t *time, recs_error *error);

/* Title of an item, from the catalogue or else the log; NULL: none. Lives with
 * the dataset until it changes. Since 0.1. */
RECS_API const char *recs_dataset_title(const recs_dataset *dataset, const char *item);

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
 * of range (column, value and what is allowed), a start of other factors, or one
 * that nothing in the description begins from (als does).
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

RECS_API uint32_t recs_train_version(void);

#ifdef __cplusplus
}
#endif

#include "recs/evaluate.h"
#include "recs/tune.h"

#endif /* RECS_TRAIN_H */
