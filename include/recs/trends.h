/* recs/trends.h - what is popular, rising or new, by place, as it happens.
 *
 * A recs_trends takes events (item, place, actor, time, weight) from any
 * number of threads and answers at once: the top k of a place, a time and a
 * half-life or window. The method, its formulas and error bounds are in
 * docs/trends.md.
 *
 *     recs_trends_create(&trends, "half_life=1d|7d, actors=1d", NULL, &error);
 *     recs_trends_add(trends, events, RECS_NO_TIME, &error);
 *     recs_query_place(q, "us/ca/san-francisco");
 *     recs_query_ranking(q, RECS_RANK_TRENDING);
 *     recs_trending(trends, q, &error);
 *
 * Places are a hierarchy by name, "us/ca/san-francisco"; the root, above all
 * of them, is the empty name. An event counts at its place and at every place
 * above it.
 *
 * Threads: every call may run beside every other, create and destroy aside.
 * Fork: mutable, so when no other thread is inside a call; parent and child
 * then count on their own. */
#ifndef RECS_TRENDS_H
#define RECS_TRENDS_H

#include "recs/base.h"
#include "recs/events.h"
#include "recs/query.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recs_trends recs_trends;

/* No place, no actor. Handles of places and items are numbers from 0 on. */
#define RECS_NO_PLACE UINT32_MAX
#define RECS_NO_ACTOR UINT64_C(0)

/* An empty state in *trends, owned by the caller. description says how it
 * counts, as "name=value" separated by commas; NULL or "": all defaults.
 *
 *   half_life=1d|7d    half-lives of the decayed counts, ascending, 1 to 6 of
 *                      them from 1m to 1000d
 *   window=1h/5m|...   exact sliding windows of whole buckets, length/bucket,
 *                      at most 8 series with the half-lives together; a bucket
 *                      of 10s or more, 2 to 240 of them, at most 16 times the
 *                      longest half-life in all
 *   actors=1d          an actor counts once per item, place and this time (1h
 *                      to 30d); off: every event counts
 *   actors_kept=2      so many of these times are remembered, 1 to 30: events
 *                      of an actor that come later than that are refused
 *   actor_share=0.2    of a place's pairs of actor and item in one such time, no actor
 *                      carries more than this share, or than 32 pairs: what goes beyond
 *                      counts a half, a quarter ... (docs/trends.md), 0.001 to 1, or off
 *   min_actors=3       a place shows nothing of its own below so many distinct
 *                      actors in one to two of the longest half-lives, 0 to 64
 *   min_support=3      least decayed count of an item that may trend, 0 to 1e6
 *   min_share=0.005    and its least share of the place's traffic, 0 to 1; default: 1
 *                      over candidates, 1/256. Below it lists may not be proven enough
 *                      and places are scanned
 *   support=10         count beside which twice the baseline is looked at: what has
 *                      less is hardly believed to rise, 0 to 1e6
 *   baseline=7d        what a rise is measured against: one of the half-lives or
 *                      windows (a window where both have the length); default: the
 *                      longest half-life
 *   prior=20           weight of the parent's shares at a place, 0 to 1e6
 *   own=0              weight of the place's own shares in the longest half-life, under
 *                      those of the half-life or window asked for, 0 to 1e6
 *   profile=off        popular looks at weekdays, trending at the time of the week, too:
 *                      one of the windows, 14d or more in buckets of 1d or a part of
 *                      it (28d/3h; 8 bytes a bucket and counted item); for popular
 *                      places are then scanned; not with memory
 *   weekly=0.3         of a popular count, what the coming day's share in the weeks before
 *                      makes of the traffic, 0 to 1
 *   candidates=256     items kept ready per long list, 16 to 1024 (56 at most in short
 *                      ones, which most queries read)
 *   new_within=7d      how long an item is new, 1h to 16 times the longest
 *                      half-life
 *   future=1h          events this far ahead of the clock are refused, 0s to 365d
 *   weight.TYPE=1      weight of an event type (a name of recs_event_name or a
 *                      number), 0 to 1000; 0: not counted. Default 1, for
 *                      dislike and impression 0; a return takes its weight from buy
 *   memory=off         budget in bytes of everything, names included, "64M":
 *                      counters are exact while they fit about half of it; beyond,
 *                      each place keeps its heavy hitters and the rest is
 *                      estimated, with bounds (docs/trends.md). Too small for
 *                      the series named: ARGUMENT with what is needed
 *   seed=0             of the hashes of actors; equal where states are merged
 *
 * ARGUMENT: an unknown name, a value out of its range (the text names both);
 * the host. MEMORY. Since 0.1. */
RECS_API recs_status recs_trends_create(recs_trends **trends, const char *description,
                                        const recs_host *host, recs_error *error);

/* Frees the state; no call may be inside. NULL is harmless. Since 0.1. */
RECS_API void recs_trends_destroy(recs_trends *trends);

/* The description with every setting written out, in one fixed form: equal
 * texts count alike. Lives with the state. Since 0.1. */
RECS_API const char *recs_trends_description(const recs_trends *trends);

/* ---- handles: resolved once, valid as long as the state ----------------------- */

/* Handle of an item, made when new. ARGUMENT: not an id (1 to 511 bytes of
 * UTF-8). LIMIT: 2^31 - 16 items. MEMORY. Since 0.1. */
RECS_API recs_status recs_trends_item(recs_trends *trends, const char *id, uint32_t *handle,
                                      recs_error *error);

/* Handle of a place, or of a segment at a place (segment NULL or "": all
 * visitors), made when new together with the places above it. "" is the root.
 * Events of a segment's handle count for the segment and for all.
 * ARGUMENT: an empty step ("us//ca", a slash at either end), a control
 * character, more than 12 steps, more than 511 bytes, not UTF-8. LIMIT: 2^31
 * places. MEMORY. Since 0.1. */
RECS_API recs_status recs_trends_place(recs_trends *trends, const char *path, const char *segment,
                                       uint32_t *handle, recs_error *error);

/* Actors have no table: the handle is a hash of the id, RECS_NO_ACTOR for NULL
 * or "". Since 0.1. */
RECS_API uint64_t recs_trends_actor(const recs_trends *trends, const char *id);

/* Whole columns, packed as in Arrow (offsets: count + 1). An empty place is
 * the root, an empty actor none. segments may be NULL. On failure nothing is
 * written to the handles; the text names the row. Since 0.1. */
RECS_API recs_status recs_trends_items(recs_trends *trends, const char *bytes,
                                       const uint32_t *offsets, size_t count, uint32_t *handles,
                                       recs_error *error);
RECS_API recs_status recs_trends_places(recs_trends *trends, const char *bytes,
                                        const uint32_t *offsets, size_t count, uint32_t *handles,
                                        recs_error *error);
RECS_API recs_status recs_trends_actors(const recs_trends *trends, const char *bytes,
                                        const uint32_t *offsets, size_t count, uint64_t *handles,
                                        recs_error *error);

/* What there is, by handle; NULL (0, RECS_NO_PLACE) at or beyond the count.
 * Texts live with the state. A place's name is its whole path. Since 0.1. */
RECS_API uint32_t recs_trends_item_count(const recs_trends *trends);
RECS_API const char *recs_trends_item_id(const recs_trends *trends, uint32_t item);
RECS_API uint32_t recs_trends_place_count(const recs_trends *trends);
RECS_API const char *recs_trends_place_name(const recs_trends *trends, uint32_t place);
RECS_API const char *recs_trends_place_segment(const recs_trends *trends, uint32_t place);
RECS_API uint32_t recs_trends_place_parent(const recs_trends *trends, uint32_t place);
/* Items with a count at the place, and its distinct actors in the newest one to
 * two of the longest half-lives: exact below 64, an estimate above (standard
 * error 13 %). Since 0.1. */
RECS_API uint32_t recs_trends_place_items(recs_trends *trends, uint32_t place);
RECS_API double recs_trends_place_actors(recs_trends *trends, uint32_t place);

/* ---- adding ------------------------------------------------------------------- */

/* One event. actor RECS_NO_ACTOR: none. time RECS_NO_TIME: the clock's. weight
 * finite, 0 to 1,000,000, counted in steps of 1/4096 (0: not counted). An
 * event that is refused by a rule (too far ahead, too old, an actor's late
 * one) is counted (recs_trends_counter) and no error. Up to 512 events of a thread wait
 * to be counted together, 4,096 once nobody has read the state for 60,000; whatever
 * reads the state (queries, snapshots, deltas, merges, counters) or adds a batch counts
 * them first, so nobody sees a state without them. What waits when a process forks is
 * counted by the parent. ARGUMENT: weight, handle, time before 1970 or after 2600.
 * MEMORY: this event was not taken; those that wait go on waiting (so a query may say
 * MEMORY, too; calls that cannot fail then speak of the state without them). Cost: 40 ns,
 * and a batch's for so many. Since 0.1. */
RECS_API recs_status recs_trends_add_one(recs_trends *trends, uint32_t item, uint32_t place,
                                         uint64_t actor, int64_t time, float weight,
                                         recs_error *error);

/* Columns of handles. actors, weights, returned may be NULL (none; all 1; all
 * 0); times NULL: the clock's. returned 1: so much came back, at the time of
 * its sale if that is known, else its own. now: the clock's time, against
 * which events from the future are refused; RECS_NO_TIME: the host's clock.
 * All rows are validated before any is counted (ARGUMENT names column and
 * row); then they are counted in pieces of 65,536 (16,384 with a budget). MEMORY:
 * *added (may be NULL) says how many rows from the first on were taken. Larger batches
 * are faster, up to a piece: events of one place and item are added up first. An
 * addition to a sum is that of a piece's events (RECS_TRENDS_SATURATED). Since 0.1. */
RECS_API recs_status recs_trends_add_rows(recs_trends *trends, const uint32_t *items,
                                          const uint32_t *places, const uint64_t *actors,
                                          const int64_t *times, const float *weights,
                                          const uint8_t *returned, size_t count, int64_t now,
                                          size_t *added, recs_error *error);

/* A batch by id. The actor is the user, else the session, else the basket; the
 * weight that of the type, whatever the quantity (a wholesaler's thousand is
 * one buyer); a return or a negative quantity comes back. As recs_trends_add_rows
 * otherwise, and an event without a place counts at the root. Since 0.1. */
RECS_API recs_status recs_trends_add(recs_trends *trends, const recs_events *events, int64_t now,
                                     recs_error *error);

/* ---- what it counted ------------------------------------------------------------ */

typedef enum recs_trends_count {
    RECS_TRENDS_ADDED = 0,      /* events counted                                     */
    RECS_TRENDS_RETURNS = 1,    /* of them returns                                    */
    RECS_TRENDS_FUTURE = 2,     /* refused: too far ahead of the clock                */
    RECS_TRENDS_TOO_OLD = 3,    /* refused: before the oldest slot of every series    */
    RECS_TRENDS_LATE_ACTOR = 4, /* refused: the actor's time is no longer remembered  */
    RECS_TRENDS_REPEATED = 5,   /* counted before: the actor's repeat added nothing   */
    RECS_TRENDS_WEIGHTLESS = 6, /* of weight 0                                        */
    RECS_TRENDS_SATURATED = 7   /* additions that stopped at the largest sum          */
} recs_trends_count;
#define RECS_TRENDS_COUNTERS 8

/* Since the state was made; 0 for no such counter. Since 0.1. */
RECS_API uint64_t recs_trends_counter(const recs_trends *trends, int32_t counter);

/* Time of the newest event, RECS_NO_TIME before the first. Since 0.1. */
RECS_API int64_t recs_trends_newest(const recs_trends *trends);

/* Bytes held; counted (place, item) pairs. Since 0.1. */
RECS_API size_t recs_trends_memory(const recs_trends *trends);
RECS_API uint64_t recs_trends_cells(const recs_trends *trends);

/* How an item came over time at a place (RECS_NO_ROW: all items): what each bucket of a
 * window has counted, net of returns and not below 0, oldest first. window: its length in
 * milliseconds, 0: the first one. *count buckets of *width milliseconds, the first from
 * *begin on (RECS_NO_TIME before any event). counts NULL: only how many. A place below
 * min_actors tells zeros. ARGUMENT: no such window (the text lists them), handles, room
 * below *count. MEMORY. Since 0.1. */
RECS_API recs_status recs_trends_history(recs_trends *trends, uint32_t place, uint32_t item,
                                         int64_t window, double *counts, size_t room,
                                         size_t *count, int64_t *begin, int64_t *width,
                                         recs_error *error);

/* ---- asking ----------------------------------------------------------------------- */

typedef enum recs_ranking {
    RECS_RANK_POPULAR = 0,  /* decayed count, or the window's                      */
    RECS_RANK_TRENDING = 1, /* how surely the share has risen to twice its baseline's */
    RECS_RANK_NEW = 2       /* count among items that first appeared new_within    */
} recs_ranking;

/* Setters of a query, remembered as all others are (query.h). Place: a path as
 * above; a place the state does not know answers as the nearest one above it.
 * Segment NULL or "": all. Time RECS_NO_TIME (default): the host's clock, but
 * not before the newest event. Half-life or window in milliseconds, one of the
 * description's; 0 (default): the first half-life. Since 0.1. */
RECS_API recs_status recs_query_place(recs_query *query, const char *path);
RECS_API recs_status recs_query_segment(recs_query *query, const char *segment);
RECS_API recs_status recs_query_time(recs_query *query, int64_t time);
RECS_API recs_status recs_query_half_life(recs_query *query, int64_t milliseconds);
RECS_API recs_status recs_query_window(recs_query *query, int64_t milliseconds);
RECS_API recs_status recs_query_ranking(recs_query *query, int32_t ranking);

/* All places within radius metres of a point as one, in place of recs_query_place (the
 * later of both holds): the cells recs_cells_cover gives for it, at most 256, of the
 * levels first, first + step … last that the events' places were made with
 * (recs_place_from_coordinates). Counts and traffic are added up, different actors counted
 * together for min_actors, and borrowed is from the lowest place above all of them. A
 * component of a model takes the place of the middle. ARGUMENT, LIMIT: as
 * recs_cells_cover. Cost: that, 1 to 2 ms at most; recs_trending then reads a list of each
 * cell and looks some items up at all of them, or, where that proves nothing, goes through
 * all items counted there (recs_query_trend_scanned). Since 0.1. */
RECS_API recs_status recs_query_near(recs_query *query, double latitude, double longitude,
                                     double radius, uint32_t first, uint32_t step, uint32_t last);

/* The top of a place. Uses the query's place, segment, time, half-life or
 * window, ranking, limit, evidence_only, deny, allow and item. Answers have
 * no rows (RECS_NO_ROW); source RECS_FROM_TREND where the place itself has
 * counted the item, RECS_FROM_FILL where it was borrowed from above; with
 * evidence_only the latter are left out. Exact: the same as a scan of all
 * items of the place. ARGUMENT: rows in deny or allow; a half-life or window the
 * state does not keep (the text lists them). MEMORY. Cost: about a cache line for each
 * of some 100 candidates a place and 3 for each answer, some microseconds; by the number of
 * items where few are allowed. Where lists cannot prove the top k the place is scanned
 * and keeps longer ones from then on. Since 0.1. */
RECS_API recs_status recs_trending(recs_trends *trends, recs_query *query, recs_error *error);

typedef enum recs_trend_part {
    RECS_TREND_COUNT = 0,    /* decayed count (window: count) at the place, net of returns */
    RECS_TREND_BASELINE = 1, /* the count its long share would make it                     */
    RECS_TREND_RISE = 2,     /* smoothed share now over smoothed baseline share            */
    RECS_TREND_SUPPORT = 3,  /* all of the place's traffic in the same half-life or window */
    RECS_TREND_BORROWED = 4, /* of the score: from the places above                        */
    RECS_TREND_FIRST = 5,    /* ranking new: first seen anywhere, milliseconds since 1970  */
    RECS_TREND_LEAST = 6,    /* the true count at the place is this or more ...            */
    RECS_TREND_MOST = 7      /* ... and this or less: both equal the count where exact     */
} recs_trend_part;

/* Parts of an answer's score, by index of the answer; NaN for no such answer or
 * part. Since 0.1. */
RECS_API double recs_query_trend(const recs_query *query, size_t index, int32_t part);

/* Why answer `index` of the query's last recs_trending of these trends has its score, as reasons
 * of the query (recs_query_reason_count …): RECS_REASON_TREND for each place of the
 * chain that has a part in it, largest first, the place by recs_query_reason_place (of a
 * radius the cell of its middle), component UINT32_MAX. Popular and new: what the counts of
 * the place add. Trending: the score times the place's weight in it. RECS_REASON_REMAINDER is
 * rounding, and what was counted since the answer. STATE: no answer of recs_trending,
 * of other trends, or the request was changed since. ARGUMENT: index. MEMORY. Cost: a
 * look-up at each place of the chain. Since 0.1. */
RECS_API recs_status recs_trending_explain(recs_trends *trends, recs_query *query, size_t index,
                                           recs_error *error);

/* What stands behind such a reason: RECS_TREND_COUNT, _BASELINE, _RISE (ranking trending, the
 * places above included) and _SUPPORT at its place. NaN for other reasons and parts. Since 0.1. */
RECS_API double recs_query_reason_trend(const recs_query *query, size_t index, int32_t part);

/* Live trends beside a model, in the next recs_recommend, recs_recommend_rows,
 * recs_score, recs_score_rows, recs_explain and recs_why_not: read at the query's
 * place, segment, time, half-life or window and ranking. What counts is the best
 * candidates / 2 items of the place (128 by default) as recs_trending has them
 * without any filter, each with its score over that of the first, so 1 at most;
 * items the model does not know are left out.
 *
 * weight above 0 (to 1,000,000): an item's score is the component's + weight times
 * this. It has evidence where either has; RECS_FROM_TREND are those the
 * component has none for. weight 0: scores stay, but the answer is filled up
 * from trends (RECS_FROM_TREND, in their order, each with the score the
 * component gives) before popularity. Either way filters change no score, and reasons
 * (RECS_REASON_TREND, component UINT32_MAX) name the place; of weight 0 one of
 * contribution 0 comes first.
 *
 * trends NULL: none (the default, also after recs_query_reset). The state is to live
 * until the query is reset or destroyed. What was read for an answer of recs_recommend
 * or recs_why_not stays for recs_explain and scores of the same request, however many
 * events come in between. ARGUMENT: weight; when the verb runs, a half-life or window
 * the state does not keep. Cost: that of recs_trending for as many, and with a weight
 * one pass over the catalogue, as for a blend. Since 0.1. */
RECS_API recs_status recs_query_trends(recs_query *query, recs_trends *trends, float weight);

/* Whether every counter is exact (1), or places keep their heavy hitters and
 * counts have bounds (0): from the moment a state outgrew its option memory.
 * Since 0.1. */
RECS_API int32_t recs_trends_exact(const recs_trends *trends);

/* How the last recs_trending found its answer: items scored, and whether it
 * scanned the place (1) or the candidates were proven enough (0). Since 0.1. */
RECS_API size_t recs_query_trend_scored(const recs_query *query);
RECS_API int32_t recs_query_trend_scanned(const recs_query *query);

#ifdef __cplusplus
}
#endif

#endif /* RECS_TRENDS_H */
