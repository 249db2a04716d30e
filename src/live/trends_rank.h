/* trends_rank.h - the top k of a node. */
#ifndef RECS_LIVE_TRENDS_RANK_H
#define RECS_LIVE_TRENDS_RANK_H

#include "live/trends_state.h"

enum { RECS__TREND_LEVELS = 2 * (RECS__TREND_DEPTH + 1) };

/* What is asked. Times and series are resolved; allowed NULL: all. */
typedef struct recs__trend_ask {
    uint32_t node;
    const uint32_t *near; /* not NULL: these nodes as one place, to which node lends */
    uint32_t near_count;
    uint32_t series;
    int32_t ranking; /* a recs_ranking */
    int64_t time;
    size_t limit;
    bool evidence_only;
    bool (*allowed)(const void *data, uint32_t item);
    const void *data;
} recs__trend_ask;

/* What a level counts of an item. */
typedef struct recs__trend_seen_count {
    double count;    /* in the asked series, net of returns, not below 0 */
    double baseline; /* in the longest half-life, without what count has; where it is needed */
} recs__trend_seen_count;

typedef struct recs__trend_hit {
    uint32_t item;
    float score;
    double parts[8]; /* by recs_trend_part */
    bool borrowed;
} recs__trend_hit;

/* One place of the chain, own place first. */
typedef struct recs__trend_level {
    recs__trend_node *node; /* NULL: those near */
    double total, total_baseline; /* traffic: sales, gross */
    double lent;                  /* weight of what the next level lends */
    double bar;                   /* an item that is not among its candidates counts at most this */
    double bar_base;              /* and in the longest half-life this, where that is needed */
    bool shown;                   /* enough actors */
} recs__trend_level;

/* A candidate among the best so far. */
typedef struct recs__trend_pick {
    float score;
    uint32_t candidate;
} recs__trend_pick;

/* Working memory, kept between questions. */
typedef struct recs__trend_work {
    uint32_t *items;                /* candidates */
    recs__trend_seen_count *counts; /* candidate * levels + level */
    recs__trend_pick *picks;        /* a heap, the worst on top */
    uint32_t *index;                /* by item: candidate + 1 */
    recs__trend_hit *hits;
    size_t item_capacity, count_capacity, pick_capacity, index_capacity, hit_capacity;
    size_t count;
    uint32_t levels;
    recs__trend_level level[RECS__TREND_LEVELS];
    recs__trend_node *root; /* where an item's first appearance is looked up */
    size_t scored;
    bool scanned, indexed; /* indexed: candidates are found by item */
} recs__trend_work;

/* The best `limit` into work->hits, best first; their number in *count. */
recs_status recs__trend_rank(recs_trends *trends, const recs__trend_ask *ask,
                             recs__trend_work *work, const recs_host *host, size_t *count,
                             recs_error *error);
void recs__trend_work_free(recs__trend_work *work, const recs_host *host);
size_t recs__trend_work_memory(const recs__trend_work *work);

#endif
