/* trends_bounded.h - places that keep their heavy hitters, once a state has
 * outgrown half its budget (option memory).
 *
 * A place has a block of at most `most` entries instead of a table of cells;
 * what has no entry is counted in the tail (tail.h), and gets one when its
 * estimate there passes the least entry, which goes back into the tail. An
 * entry's sums are floats: what was counted since it was admitted, and the
 * tail's estimate of what came before, which is kept beside it together with a
 * bound that the truth never passes.
 *
 * Readers see cells all the same: taking a place's lock for reading spreads its
 * block out into the one table of cells that its stripe has (a view). */
#ifndef RECS_LIVE_TRENDS_BOUNDED_H
#define RECS_LIVE_TRENDS_BOUNDED_H

#include "live/tail.h"
#include "live/trends_add.h"

#include <string.h>

enum {
    RECS__BOUNDED_MOST = 256, /* entries a place may have, if the budget has views for them */
    RECS__BOUNDED_FEW = 128,  /* it always has for these                                    */
    RECS__BOUNDED_LEAST = 8
};

typedef struct recs__trend_block {
    uint64_t key; /* of path and segment, the same in every state */
    uint32_t capacity, count;
    float least;  /* no entry's score was less when it was last looked at             */
    float norms[RECS__TREND_SERIES]; /* of the half-lives: what a score of 1 stands for */
    uint16_t looks;                  /* since the norms were made                       */
    float missed; /* returns, in the base series, that no entry's sum could be lowered by   */
    bool dropped; /* something was put out: a new entry may have been counted before */
    int32_t newest[RECS__TREND_SERIES];
    /* two cells: totals of sales and returns; then by entry: */
    unsigned char rest[];
} recs__trend_block;

/* The upper half of a float that is not below 0, rounded up: 2^-7 too much at most. */
typedef uint16_t recs__rough;

static inline float recs__rough_value(recs__rough rough) {
    uint32_t bits = (uint32_t)rough << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline recs__rough recs__rough_up(float value) {
    uint32_t bits;
    if (!(value > 0.0f))
        return 0;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits >> 16) + ((bits & 0xffff) != 0);
    return (recs__rough)(bits < 0x7f7f ? bits : 0x7f7f); /* finite */
}

/* Columns of a block, made from its address and the state's layout. */
typedef struct recs__trend_entries {
    recs__trend_cell *totals[2];
    uint32_t *items;
    uint32_t *firsts; /* 1 + seconds from the beginning of the slot before the base series'
                         newest; 0: unknown, or before that */
    float *sums;      /* recs__bounded_columns * capacity: column by column         */
    recs__rough *before; /* of the base sum: the tail's estimate                    */
    recs__rough *bounds; /* what the tail may have held instead, at most            */
} recs__trend_entries;

typedef struct recs__trend_view {
    unsigned char *cells;
    struct recs__trend_node *node; /* whose, NULL: nobody's */
    bool stale;
} recs__trend_view;

typedef struct recs__trend_recent recs__trend_recent;

typedef struct recs__trend_bounded {
    recs__tail *tail;
    recs__trend_recent *recent; /* NULL: actors are off */
    recs__trend_view *views;    /* one a stripe */
    uint32_t view_capacity; /* cells */
    _Atomic uint32_t most;
    _Atomic bool tight;         /* a block found no room to grow */
    int64_t started;            /* newest time when the tail began */
    _Atomic int64_t epoch;      /* base half-lives at the last halving */
    _Atomic uint32_t halvings;
} recs__trend_bounded;

/* How units become sums at a time; made once a piece. */
typedef struct recs__bounded_lens {
    int64_t now;
    float scale[RECS__TREND_SERIES]; /* a unit now, in the newest slot; windows: 0 */
    float past[RECS__TREND_SERIES];  /* of what the base series had before, this series' part */
} recs__bounded_lens;

/* The least budget of these options; what a budget allows exact counters. */
size_t recs__bounded_least(const recs__trend_options *options, size_t cell_size);
bool recs__bounded_due(const recs_trends *trends);

/* Converts when exact counters outgrew their part, halves the tail when its time
 * has come, shrinks blocks when memory is tight. Nobody may be adding. A failed
 * allocation leaves exact what was: it is tried again. */
void recs__bounded_maintain(recs_trends *trends);
void recs__bounded_free(recs_trends *trends);
void recs__bounded_block_free(recs_trends *trends, recs__trend_node *node);

/* Under the node's lock: a block with room for more entries, as far as there is. */
recs_status recs__bounded_room(recs_trends *trends, recs__trend_node *node, uint32_t more,
                               recs_error *error);
void recs__bounded_lens_make(const recs_trends *trends, int64_t now, recs__bounded_lens *lens);
/* Counts an event (cannot fail). False: this actor's repeat, which adds nothing. */
bool recs__bounded_count(recs_trends *trends, recs__trend_node *node,
                         const recs__trend_event *event, recs__trend_record *record,
                         const int32_t *newest, const recs__bounded_lens *lens);
/* The node's cells into its stripe's view. */
void recs__bounded_expand(recs_trends *trends, recs__trend_node *node);

/* How far an item's count in a series may be off, in steps of 2^-12 of the slot
 * newest: the truth is in [value - less, value + more]. */
void recs__bounded_error(const recs_trends *trends, const recs__trend_node *node, uint32_t item,
                         int32_t base_slot, double *less, double *more);

/* Places that found no memory when the state converted: now, or MEMORY. */
recs_status recs__bounded_complete(recs_trends *trends, recs_error *error);
/* Brings the tail to the newest time. */
void recs__bounded_halve(recs_trends *trends);
/* Becomes a bounded state now. MEMORY: stays exact. */
recs_status recs__bounded_convert(recs_trends *trends, recs_error *error);

/* ---- blocks (trends_bounded.c), under the node's lock -------------------------- */

size_t recs__bounded_block_size(const recs_trends *trends, uint32_t capacity);
/* An empty block of a node that has none. */
recs_status recs__bounded_begin(recs_trends *trends, recs__trend_node *node, uint32_t capacity,
                                recs_error *error);
/* Room for capacity entries; those beyond are gone (put them out before). */
recs_status recs__bounded_resize(recs_trends *trends, recs__trend_node *node, uint32_t capacity,
                                 recs_error *error);
/* A cell of the node's table as an entry, or into the tail; or as a total. */
void recs__bounded_keep(recs_trends *trends, recs__trend_node *node, const recs__trend_cell *cell,
                        const recs__bounded_lens *lens);
/* Down to so many entries. */
void recs__bounded_cut(recs_trends *trends, recs__trend_node *node, uint32_t capacity,
                       const recs__bounded_lens *lens);
/* For merging (trends_sketches.c): to the newest slots; an entry's place, the
 * count when it has none; admit with what the tail had before (units); the
 * weakest entry, its score in block->least; out into the tail; all empty. */
void recs__bounded_roll(recs_trends *trends, recs__trend_node *node, const int32_t *newest);
uint32_t recs__bounded_find(const recs__trend_entries *e, uint32_t count, uint32_t item);
uint32_t recs__bounded_admit(recs_trends *trends, recs__trend_block *block, uint32_t item,
                             uint32_t before, uint32_t bound, uint32_t first,
                             const recs__bounded_lens *lens);
uint32_t recs__bounded_weakest(const recs_trends *trends, recs__trend_block *block);
void recs__bounded_put_out(recs_trends *trends, recs__trend_block *block, uint32_t at,
                           const recs__bounded_lens *lens);
uint32_t recs__bounded_units(float sum, float scale);
void recs__bounded_clear(recs_trends *trends, recs__trend_node *node);
/* block->missed, and what a snapshot cannot say because sums are not below 0. */
float recs__bounded_missed(const recs_trends *trends, recs__trend_block *block);
uint32_t recs__bounded_columns(const recs_trends *trends);
recs__trend_entries recs__bounded_entries(const recs_trends *trends, recs__trend_block *block);
uint64_t recs__bounded_key(const recs_trends *trends, const recs__trend_block *block,
                           uint32_t item);

#endif
