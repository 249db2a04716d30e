/* trends_rank.h - the top k of a node: what is asked, and what the files that
 * answer share (trends_gather.c: candidates; trends_rank.c: scores and order). */
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
    const uint64_t *only; /* not NULL: no other items, ascending */
    size_t only_count;
} recs__trend_ask;

/* What a level counts of an item. */
typedef struct recs__trend_seen_count {
    double count;    /* in the asked series, net of returns, not below 0; -1: not known */
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
    double below;                 /* the largest count that was too small to make one of them */
    double bar_base;              /* and in the longest half-life this, where that is needed */
    double now, like; /* of a count and of its profile, what counts: 1 and 0 without one */
    double per_count, per_base;   /* of a popular score, but for rounding: what a count adds */
    bool shown;                   /* enough actors */
    bool whole;                   /* every item with a count here is a candidate, with it */
    bool deepen;                  /* an item outside its candidates may belong to the best */
} recs__trend_level;

/* Working memory, kept between questions. By candidate, unless it says else. */
typedef struct recs__trend_work {
    uint32_t *items;
    recs__trend_seen_count *counts; /* candidate * stride + level */
    double *least;                  /* what is known of a popular score                  */
    double *lent;                   /* of its score: from above, once scored            */
    double *cycles;                 /* as counts: trends_cycle.c; with a profile, once scored */
    int64_t *firsts;                /* ranking new: first seen anywhere, once looked up */
    uint32_t *index;                /* by item: candidate + 1 */
    uint32_t *chosen;               /* candidates that may belong to the best */
    uint64_t *keys;                 /* recs__topk_key of the exact score and a candidate */
    unsigned char *rough;           /* trends_ready.c: bytes */
    recs__trend_seen_count *sums;   /* of several places as one, before the scale */
    recs__trend_hit *hits;
    size_t item_capacity, count_capacity, least_capacity, lent_capacity, cycle_capacity,
        first_capacity, index_capacity, chosen_capacity, key_capacity, rough_capacity,
        sum_capacity, hit_capacity;
    size_t index_size; /* in use */
    size_t count;
    uint32_t levels, stride; /* of the chain: measured; all there are */
    recs__trend_level level[RECS__TREND_LEVELS];
    recs__trend_node *root; /* where an item's first appearance is looked up */
    size_t scored;
    bool scanned;
    bool indexed; /* candidates are found by item: there are some of more than one list */
    bool skipped; /* what weighs little was not gathered */
    double floor; /* what `limit` candidates were known to score at least, below 0: not asked */
} recs__trend_work;

/* A bucket of a window, and how much of it a profile looks at. */
typedef struct recs__trend_bucket {
    int32_t slot;
    double weight;
} recs__trend_bucket;

/* How sums become counts at a time, for the asked series and the one it leans on or is
 * measured against. */
typedef struct recs__trend_lens {
    recs_trends *trends;
    const recs__trend_ask *ask;
    int32_t newest[2]; /* slot whose sum is newest */
    double scale[2];   /* of that sum; times 2^-16 of the one before */
    uint32_t series[2];
    int32_t slots[RECS__TREND_SERIES]; /* the newest of every series */
    double floor;      /* an item trends that has more than this part of the traffic: 1/floor */
    int64_t now;                       /* the newest time                             */
    bool known_old; /* what is known to be old (trends_old.h) is left out */
    uint32_t profile_count; /* buckets of a popular score's profile, 0: none */
    recs__trend_bucket profile[RECS__TREND_BUCKETS];
    bool leans;        /* a popular score leans on the longest half-life */
    bool cycles;       /* a rise is measured against this time of the week */
    bool base;         /* any score needs the second: a rise is measured against it */
} recs__trend_lens;

/* The best `limit` into work->hits, best first; their number in *count. */
recs_status recs__trend_rank(recs_trends *trends, const recs__trend_ask *ask,
                             recs__trend_work *work, const recs_host *host, size_t *count,
                             recs_error *error);

/* All that have a score, as keys in work->keys (recs__topk_score, and recs__topk_row: an
 * index into work->items), in no order; their number. */
recs_status recs__trend_score_all(recs_trends *trends, const recs__trend_ask *ask,
                                  recs__trend_work *work, const recs_host *host, size_t *count,
                                  recs_error *error);

/* What a place of the chain has of an item's score. */
typedef struct recs__trend_reason {
    const recs__trend_node *node; /* NULL: those near */
    double contribution; /* popular, new: what its counts add; trending: the score by its weight */
    double count, expected, rise, total;
} recs__trend_reason;

/* Why the one item that is asked for (only) has its score: by level, own place first; their
 * number in *levels, 0 when it is not among the answers now. */
recs_status recs__trend_explain(recs_trends *trends, const recs__trend_ask *ask,
                                recs__trend_work *work, const recs_host *host,
                                recs__trend_reason out[RECS__TREND_LEVELS], uint32_t *levels,
                                recs_error *error);
void recs__trend_work_free(recs__trend_work *work, const recs_host *host);
size_t recs__trend_work_memory(const recs__trend_work *work);

/* ---- trends_gather.c ---------------------------------------------------------------- */

/* Where candidates are looked for. */
typedef enum recs__trend_depth {
    RECS__TREND_LONG_LISTS_SOME,  /* as far as is likely to do; not at levels that weigh little */
    RECS__TREND_SHORT_LISTS_SOME, /* the same of short ones */
    RECS__TREND_SHORT_LISTS,
    RECS__TREND_DEEPER, /* long ones, where level.deepen says that they would help */
    RECS__TREND_LONG_LISTS,
    RECS__TREND_ALL /* all cells; or all that are asked for */
} recs__trend_depth;

/* Looks at a series with the first or second of two. */
void recs__trend_focus(recs__trend_lens *lens, int which, uint32_t series);
void recs__trend_look_from(recs_trends *trends, const recs__trend_ask *ask,
                           recs__trend_lens *lens);
/* Measures the places of the chain and gathers their candidates. */
recs_status recs__trend_gather(const recs__trend_lens *lens, recs__trend_work *work,
                               recs__trend_depth depth, const recs_host *host,
                               recs_error *error);
/* Looks up what is not known of work->chosen. */
void recs__trend_complete(const recs__trend_lens *lens, recs__trend_work *work, size_t chosen);
/* Their first appearance anywhere, into work->firsts. */
void recs__trend_find_firsts(const recs__trend_lens *lens, recs__trend_work *work,
                             size_t chosen);
/* What the chosen have at this time of the week anyway, into work->cycles (trends_cycle.c);
 * their counts are known. */
void recs__trend_find_cycles(const recs__trend_lens *lens, recs__trend_work *work,
                             size_t chosen);
/* A value that at least `want` of work->least reach, close to the largest such; 0: none. */
double recs__trend_threshold(const recs__trend_work *work, size_t want);

#endif
