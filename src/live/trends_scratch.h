/* trends_scratch.h - the working memory of one adder, and what pieces of events are
 * cut into. Kept by the state between calls, so that adding allocates nothing once
 * it has grown. Shared by trends_add.c (every kind of event) and trends_run.c (the
 * usual ones). */
#ifndef RECS_LIVE_TRENDS_SCRATCH_H
#define RECS_LIVE_TRENDS_SCRATCH_H

#include "live/trends_add.h"

enum { RECS__TREND_SMALL = 32 }; /* (event, node) pairs whose stripes are locked at once */

/* What a piece counts at one node: pairs or entries [begin, end). */
typedef struct recs__trend_group {
    uint32_t node, begin, end;
    uint32_t cells;  /* reserved                                */
    uint32_t actors; /* events whose actors' room was reserved  */
} recs__trend_group;

/* What an event adds to its cells, in the newest slots of one or two half-lives
 * (trends_run.c). */
typedef struct recs__trend_entry {
    uint32_t item;
    uint32_t seconds; /* from the beginning of the base series' slot */
    int64_t worth[2];
} recs__trend_entry;

typedef struct recs__trend_scratch {
    struct recs__trend_scratch *next;
    recs__trend_event *events, *moved; /* moved: room to sort them */
    unsigned char *records;
    uint32_t *places;
    uint8_t *known_above; /* by event: 1, all places above have had it; 2: the segment's */
    uint64_t *pairs, *spare; /* node << 32 | event */
    recs__trend_group *groups; /* one level of places after another */
    recs__trend_entry *entries; /* in order of the places named */
    uint32_t *table;            /* by place: where its entries end */
    size_t event_capacity, moved_capacity, record_capacity, place_capacity, known_capacity,
        pair_capacity, spare_capacity,
        group_capacity, entry_capacity, table_capacity;
    size_t pair_count, group_count;
    uint64_t counts[RECS_TRENDS_COUNTERS];
    int64_t newest; /* of the events taken */
    int64_t oldest; /* of the events taken */
    int64_t now_newest; /* of the state when they are counted */
    int32_t slots[RECS__TREND_SERIES];
    uint32_t count;    /* events of the piece that count */
    uint32_t heaviest; /* of the events taken            */
    bool known;        /* some have an actor             */
    uint16_t locked[RECS__TREND_SMALL]; /* stripes of a small piece, ascending, all held at once */
    uint32_t locked_count;              /* 0: places are locked one after another */
} recs__trend_scratch;

/* Whoever holds one is inside the gate (trends_share.c). */
recs_status recs__trend_scratch_take(recs_trends *trends, recs__trend_scratch **taken,
                                     recs_error *error);
void recs__trend_scratch_give(recs_trends *trends, recs__trend_scratch *s);

/* Room for the events of a piece; to sort them; for their records; for pairs and groups; for
 * entries, and for counting in up to as many places. */
recs_status recs__trend_event_room(recs_trends *trends, recs__trend_scratch *s, size_t count,
                                   recs_error *error);
recs_status recs__trend_moved_room(recs_trends *trends, recs__trend_scratch *s, size_t count,
                                   recs_error *error);
recs_status recs__trend_record_room(recs_trends *trends, recs__trend_scratch *s, size_t bytes,
                                    recs_error *error);
recs_status recs__trend_pair_room(recs_trends *trends, recs__trend_scratch *s, size_t pairs,
                                  size_t groups, recs_error *error);
recs_status recs__trend_entry_room(recs_trends *trends, recs__trend_scratch *s, size_t entries,
                                   recs_error *error);

/* Sorts keys by their upper half, up to `most`; spare has as much room. Stable. */
void recs__trend_sort_pairs(uint64_t *keys, uint64_t *spare, size_t count, uint32_t most);

/* The events taken as pairs, each at its place and at that place without its segment, not sorted
 * yet; no groups. *most: the highest node. MEMORY. */
recs_status recs__trend_first_pairs(recs_trends *trends, recs__trend_scratch *s, uint32_t *most,
                                    recs_error *error);
/* The parents of the groups from level on, in front of spare: node << 32 | group, sorted; how
 * many. room: as much again. */
size_t recs__trend_parents(recs_trends *trends, recs__trend_scratch *s, size_t level,
                           uint64_t *room);
/* Cells for count items and the node's total, put down to the group; the node is locked. MEMORY. */
recs_status recs__trend_reserve_cells(recs_trends *trends, recs__trend_node *node,
                                      recs__trend_group *g, uint32_t count, recs_error *error);

/* Locks all stripes of the groups, in one order so that nobody waits in a ring;
 * at most RECS__TREND_SMALL of them. */
void recs__trend_lock_groups(recs_trends *trends, recs__trend_scratch *s);
void recs__trend_unlock_groups(recs_trends *trends, recs__trend_scratch *s);

/* ---- trends_run.c --------------------------------------------------------------- */

/* Whether the events taken are usual: all in the newest slots of one or two
 * half-lives, nobody known, every counter exact. */
bool recs__trend_run_fits(const recs_trends *trends, recs__trend_scratch *s);
/* Counts them. MEMORY: nothing was counted. */
recs_status recs__trend_run_count(recs_trends *trends, recs__trend_scratch *s, recs_error *error);

#endif
