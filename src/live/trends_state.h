/* trends_state.h - what a recs_trends is made of.
 *
 * Series. A half-life or a window is a series: a row of slots on an absolute
 * time grid, slot = floor(time / width). A half-life's slot is 16 half-lives
 * long and the newest two are kept; inside it an event at x half-lives counts
 * weight * 2^x. A window's slot is a bucket, weight 1, and one more than the
 * window has is kept. Sums are int64 in steps of 2^-12, grow only, and stop at
 * INT64_MAX for good; min(sum, INT64_MAX) of additions that are never negative
 * is associative and commutative, so a merge equals the merged stream.
 *
 * Which slots are alive depends on the newest event of the whole state alone
 * (recs__trend_oldest), never on a cell: what lies outside is as if it were
 * not there, whether or not memory was given back.
 *
 * Nodes. A place, or a segment at a place, is a node with a table of cells of
 * its own: open addressing, linear probing, one cell per item (and one more for
 * its returns, item | RECS__TREND_RETURNED). Two cells are the node's totals:
 * RECS__TREND_TOTAL and its returns; they follow from the others. Cells have
 * cell_size bytes (recs__trends.cell_size):
 *
 *     uint32 item, marks, first[2], stamp, spare | int64 sums[columns] |
 *     int32 newest[series]
 *
 * sums[series.column + slot % slots] is the sum of a slot; newest[s] is the
 * newest slot the cell has been written to in series s. first[b & 1] belongs
 * to slot b of the base series (the longest half-life): 1 + seconds from the
 * slot's beginning to the item's first event in it; 0: none.
 *
 * Invariants
 *   1. A cell whose sums are all 0 in living slots is the same as no cell.
 *   2. Nodes and names are never moved or removed: reading one needs no lock.
 *      A node's cells, lists and actors are under the lock of its stripe.
 *   3. list.entries holds exactly the cells that carry the list's mark; every
 *      other cell's value is at most the list's bar (trends_lists.c).
 *   4. used + reserved never passes the table's load: what was reserved can be
 *      committed without an allocation. */
#ifndef RECS_LIVE_TRENDS_STATE_H
#define RECS_LIVE_TRENDS_STATE_H

#include "base/memory.h"
#include "live/trends_compact.h"
#include "recs/trends.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    RECS__TREND_SERIES = 8,     /* at most                                    */
    RECS__TREND_DEPTH = 12,     /* steps below the root                       */
    RECS__TREND_STRIPES = 256,
    RECS__TREND_CHUNKS = 24,    /* of doubling size                           */
    RECS__TREND_FIRST_CHUNK = 256,
    RECS__TREND_PIECE = 65536,  /* events counted at a time                   */
    RECS__TREND_SMALL_PIECE = 16384, /* the same in a state with a budget     */
    RECS__TREND_FRACTION = 12,  /* bits below the point of a sum and a weight */
    RECS__TREND_BUCKETS = 240,  /* of a window, at most                      */
    RECS__TREND_HALVINGS = 16,  /* half-lives in a slot                       */
    RECS__TREND_CANDIDATES = 1024, /* the option's largest                    */
    RECS__TREND_SHORT = 56,     /* kept by a short list (trends_lists.c)      */
    RECS__TREND_LARGE = 16384,  /* cells: long lists are kept from then on    */
    RECS__TREND_ARRIVALS = 64,  /* items that came to a place last            */
    RECS__TREND_SKETCH = 64     /* smallest hashes of actors kept per slot    */
};

#define RECS__TREND_RETURNED UINT32_C(0x80000000)
#define RECS__TREND_ITEMS UINT32_C(0x7ffffff0) /* handles are below          */
#define RECS__TREND_TOTAL UINT32_C(0x7ffffffe)
#define RECS__TREND_FREE UINT32_MAX            /* item of a free cell         */
#define RECS__TREND_HAS_RETURNS UINT32_C(0x80000000) /* a mark                */
#define RECS__TREND_TIME_END INT64_C(19880899200000) /* 2600-01-01            */

/* ---- settings ------------------------------------------------------------------ */

/* Division by a width without dividing. */
typedef struct recs__trend_divisor {
    uint64_t factor;
    uint32_t shift;
} recs__trend_divisor;

__extension__ typedef unsigned __int128 recs__trend_wide;

/* Of a width above 0 and at most 2^45. */
static inline recs__trend_divisor recs__trend_divisor_of(int64_t width) {
    uint32_t bits = width == 1 ? 0 : 64u - (uint32_t)__builtin_clzll((uint64_t)width - 1);
    return (recs__trend_divisor){
        (uint64_t)(((recs__trend_wide)1 << (46 + bits)) / (uint64_t)width) + 1, 46 + bits};
}

/* time / width, for a time from 0 to 2^45, which is in the year 3084: factor * width is 2^shift and
 * at most the width more, so the quotient's error is below 1 / width. */
static inline int64_t recs__trend_divide(const recs__trend_divisor *by, int64_t time) {
    return (int64_t)((recs__trend_wide)(uint64_t)time * by->factor >> by->shift);
}

typedef struct recs__trend_series {
    int64_t half_life; /* milliseconds; 0: a window                          */
    int64_t width;     /* of a slot, milliseconds                            */
    int64_t length;    /* the window's or the half-life's, milliseconds      */
    uint32_t slots;    /* kept                                               */
    uint32_t column;   /* first of its sums                                  */
    double steps;      /* table steps (1/256 half-life) per millisecond      */
    recs__trend_divisor by_width, by_length;
} recs__trend_series;

typedef struct recs__trend_options {
    recs__trend_series series[RECS__TREND_SERIES]; /* half-lives ascending, then windows */
    uint32_t series_count, half_lives, columns;
    uint32_t base;        /* the longest half-life's series                  */
    uint32_t baseline;    /* the series that rises are measured against      */
    int64_t actors;       /* milliseconds, 0: off                            */
    recs__trend_divisor by_actors;
    double actor_share;   /* 0: off (trends_tally.h)                         */
    uint32_t actors_kept, min_actors, candidates;
    double min_support, support, prior, own;
    double min_share; /* -1: 1/candidates */
    uint32_t profile; /* a window's series, RECS__TREND_SERIES: none */
    double weekly;
    int64_t new_within, future;
    float weights[RECS_EVENT_MAX + 1];
    uint64_t seed;
    uint64_t memory;      /* bytes, 0: no budget */
} recs__trend_options;

/* Strict; fills every default. */
recs_status recs__trend_options_read(recs__trend_options *options, const char *description,
                                     recs_error *error);
/* The fixed form; room for all of it is 2048 bytes. */
void recs__trend_options_write(const recs__trend_options *options, char out[2048]);

/* ---- names: text -> handle, never removed ----------------------------------------- */

/* Half a cache line, so that a usual id costs one and not two. */
typedef struct recs__trend_name {
    const char *text; /* NUL-terminated; own, where it fits */
    uint32_t size;
    uint32_t hash;
    char own[16];
} recs__trend_name;

typedef struct recs__trend_text {
    const char *text; /* NUL-terminated */
    uint32_t size;
} recs__trend_text;

typedef struct recs__trend_names {
    pthread_mutex_t lock; /* of what follows except reading entries below count */
    _Atomic(recs__trend_name *) chunks[RECS__TREND_CHUNKS];
    recs__compact *compact; /* not NULL: instead of chunks, index and arena */
    _Atomic uint32_t count;
    uint32_t *index; /* handle + 1, 0: free; power of two */
    uint32_t index_size;
    char *arena;     /* newest block of texts; its first word links to the older */
    size_t arena_used, arena_size;
    _Atomic size_t memory;
    uint64_t seed;   /* of the table's hash, the process's own */
    struct {
        const unsigned char *offsets, *bytes; /* offsets NULL: not fixed */
        size_t size;
    } fixed; /* names in a mapped file, ascending, instead of all that */
} recs__trend_names;

recs_status recs__trend_names_init(recs__trend_names *names, uint64_t seed, recs_error *error);
/* Before the first name: in little memory (trends_compact.h). */
recs_status recs__trend_names_compact(recs__trend_names *names, const recs_host *host,
                                      recs_error *error);
void recs__trend_names_free(recs__trend_names *names, const recs_host *host);
/* UINT32_MAX when there is none. Takes the lock. */
uint32_t recs__trend_names_find(recs__trend_names *names, const char *text, size_t size);
/* The same for up to RECS__TREND_MANY texts, whose lines are all asked for before the first is
 * read. */
enum { RECS__TREND_MANY = 64 };
void recs__trend_names_find_many(recs__trend_names *names, const char *const *texts,
                                 const size_t *sizes, uint32_t count, uint32_t *handles);
/* Made when new. Takes the lock. LIMIT above most. */
recs_status recs__trend_names_take(recs__trend_names *names, const recs_host *host,
                                   const char *text, size_t size, uint32_t most,
                                   uint32_t *handle, recs_error *error);
/* Chunk and place in it of an index into doubling chunks. */
static inline uint32_t recs__trend_chunk(uint32_t index, uint32_t *within) {
    uint64_t at = (uint64_t)index + RECS__TREND_FIRST_CHUNK;
    uint32_t chunk = 63u - (uint32_t)__builtin_clzll(at) - 8u;
    *within = (uint32_t)(at - ((uint64_t)RECS__TREND_FIRST_CHUNK << chunk));
    return chunk;
}

static inline const recs__trend_name *recs__trend_names_entry(const recs__trend_names *names,
                                                              uint32_t handle) {
    uint32_t within, chunk = recs__trend_chunk(handle, &within);
    return atomic_load_explicit(&names->chunks[chunk], memory_order_acquire) + within;
}

/* Empty names become those of a file: u64 offsets[count + 1] into size bytes, each name
 * ended by a 0 byte; nothing of it is believed. Taking one that is not there is NOT_FOUND. */
void recs__trend_names_fix(recs__trend_names *names, const unsigned char *offsets,
                           const unsigned char *bytes, size_t size, uint32_t count);
recs__trend_text recs__trend_names_fixed(const recs__trend_names *names, uint32_t handle);

/* handle below the count. Of fixed names any; "" for one that a file does not have. */
static inline recs__trend_text recs__trend_names_get(const recs__trend_names *names,
                                                     uint32_t handle) {
    if (names->fixed.offsets != NULL)
        return recs__trend_names_fixed(names, handle);
    if (names->compact != NULL) {
        recs__trend_text text;
        text.text = recs__compact_get(names->compact, handle, &text.size);
        return text;
    }
    const recs__trend_name *name = recs__trend_names_entry(names, handle);
    return (recs__trend_text){name->text, name->size};
}

/* The line of memory that this begins with, to be asked for ahead. */
static inline const void *recs__trend_names_line(const recs__trend_names *names,
                                                 uint32_t handle) {
    if (names->compact != NULL)
        return recs__compact_position(names->compact, handle);
    return names->fixed.offsets == NULL
               ? (const void *)recs__trend_names_entry(names, handle)
               : names->fixed.offsets + (size_t)handle * sizeof(uint64_t);
}

/* ---- cells, lists, actors, nodes ---------------------------------------------------- */

typedef struct recs__trend_cell {
    uint32_t item;
    uint32_t marks; /* bit l: on list l; RECS__TREND_HAS_RETURNS */
    uint32_t first[2];
    uint32_t stamp; /* for whoever follows changes; this room writes 0 */
    uint32_t spare;
    int64_t sums[]; /* columns, then int32_t newest[series] */
} recs__trend_cell;

/* Candidates of a node in one series; its bar is in recs__trend_lists. */
typedef struct recs__trend_list {
    uint32_t count;
    uint32_t keep;     /* what is kept when it is full at twice as many   */
    uint32_t *entries; /* indexes of cells                                */
    struct recs__trend_ready *ready; /* their sums (trends_ready.h); NULL: not asked yet */
} recs__trend_list;

/* A node's lists. With n series: the short ones of all items (0 .. n - 1), of
 * new items (as many more), then, where tiers is 2, the long ones likewise. */
typedef struct recs__trend_lists {
    int32_t newest[RECS__TREND_SERIES];   /* slots that bars and values are relative to */
    uint32_t changes;                     /* of bars */
    int64_t floors[RECS__TREND_SERIES];   /* the least bar of a series' lists: a value up
                                             to it is wanted by none                    */
    int64_t bars[4 * RECS__TREND_SERIES]; /* no cell outside has a larger value (-1: there
                                             is none); of lists there are not: INT64_MAX */
    int32_t base; /* newest slot of the base series when the lists were made */
    uint32_t tiers, count;
    /* Items that came here lately and may be new anywhere; with them the lists of new items
     * have all that appeared after `lost`. */
    uint32_t arrivals;
    uint32_t arrived[RECS__TREND_ARRIVALS];
    int64_t arrived_at[RECS__TREND_ARRIVALS];
    int64_t lost;
    recs__trend_list list[];              /* count, in the room of two tiers; then their
                                             entries, the short lists' first            */
} recs__trend_lists;

struct recs__trend_actors; /* trends_actors.h */

/* One cache line. */
typedef struct recs__trend_node {
    uint32_t parent;  /* RECS_NO_PLACE at the root and at a segment's root  */
    uint32_t base;    /* of a segment's node: the place; else RECS_NO_PLACE */
    uint32_t name;    /* in trends->paths                                   */
    uint32_t segment; /* in trends->segments, UINT32_MAX: none              */
    uint16_t stripe;
    uint16_t depth;
    /* under the stripe's lock; cells, capacity and lists are read without it to
     * prefetch */
    _Atomic uint32_t capacity; /* cells */
    uint32_t used, reserved;
    _Atomic(unsigned char *) cells;
    _Atomic(recs__trend_lists *) lists; /* NULL: the whole table is the list */
    struct recs__trend_actors *actors;
    struct recs__trend_block *block; /* instead of cells (trends_bounded.h)     */
} recs__trend_node;

typedef struct recs__trend_stripe {
    _Alignas(64) pthread_mutex_t lock;
    atomic_uint waiting; /* readers at the door */
    uint64_t version;    /* under lock: one more each time a writer takes it */
} recs__trend_stripe;

struct recs__trend_scratch; /* trends_scratch.h */
struct recs__trend_share;   /* trends_share.h */

struct recs_trends {
    recs_host host;
    recs__trend_options options;
    char description[2048];
    uint32_t cell_size;
    uint32_t newest_at; /* byte of newest[] in a cell */
    double powers[257]; /* 2^(i / 256) */
    _Atomic int64_t newest; /* RECS_NO_TIME: no event yet */
    _Atomic uint64_t counters[RECS_TRENDS_COUNTERS];
    _Atomic bool returns;   /* some node has, or had, a cell of returns */
    _Atomic uint64_t cells; /* used cells of all nodes, totals included */
    _Atomic size_t memory;  /* of nodes, cells, lists, actors, scratch */
    struct recs__trend_pool *pool; /* trends_memory.c */
    pthread_mutex_t pool_lock;
    recs__trend_names items, paths, segments;
    _Atomic(_Atomic uint64_t *) known[RECS__TREND_CHUNKS]; /* by item: see trends_old.h */
    _Atomic int64_t oldest_known; /* nothing is known to have appeared before it */
    pthread_mutex_t nodes_lock;
    _Atomic(recs__trend_node *) nodes[RECS__TREND_CHUNKS];
    _Atomic uint32_t node_count;
    uint32_t *node_index; /* by (path, segment): see trends_places.c */
    uint32_t node_index_size;
    recs__trend_stripe *stripes;
    pthread_mutex_t scratch_lock;
    struct recs__trend_scratch *scratch;
    unsigned char *rows; /* columns of a batch by id (trends_events.c) */
    size_t rows_size;
    struct recs__trend_share *share;
    _Atomic(struct recs__trend_bounded *) bounded; /* NULL: everything is exact */
    struct recs__trend_mapped *mapped; /* NULL; else a file that is asked (trends_mapped.h) */
};

static inline recs__trend_node *recs__trend_node_at(const recs_trends *trends, uint32_t node) {
    uint32_t within, chunk = recs__trend_chunk(node, &within);
    return atomic_load_explicit(&trends->nodes[chunk], memory_order_acquire) + within;
}

/* Items that appeared after it may be on lists of new items: those of questions that are
 * asked for a little before the newest event, too. */
static inline int64_t recs__trend_listed_since(const recs_trends *trends, int64_t now) {
    int64_t within = trends->options.new_within, spare = trends->options.future;
    spare = spare < 60000 ? 60000 : spare > within / 8 ? within / 8 : spare;
    return now - within - spare;
}

static inline int32_t *recs__trend_newest(const recs_trends *trends, recs__trend_cell *cell) {
    return (int32_t *)(void *)((unsigned char *)cell + trends->newest_at);
}

/* Slot of a time (not negative). */
static inline int32_t recs__trend_slot(const recs__trend_series *series, int64_t time) {
    return (int32_t)recs__trend_divide(&series->by_width, time);
}

/* Which of its columns a series keeps a slot in. */
static inline uint32_t recs__trend_column(const recs__trend_series *series, int32_t slot) {
    return series->slots == 2 ? (uint32_t)slot & 1 : (uint32_t)slot % series->slots;
}

/* ---- trends_places.c ----------------------------------------------------------------- */

/* The node of a path and a segment (size 0: none), made when new with all
 * above it. */
recs_status recs__trend_node_take(recs_trends *trends, const char *path, size_t size,
                                  const char *segment, size_t segment_size, uint32_t *node,
                                  recs_error *error);
/* The nodes of up to RECS__TREND_MANY paths (the texts' handles in trends->paths, UINT32_MAX: none)
 * without segment; RECS_NO_PLACE where there is none. */
void recs__trend_nodes_find_many(recs_trends *trends, const uint32_t *paths, uint32_t count,
                                 uint32_t *nodes);
/* The nearest node at or above the path; the segment is dropped when nobody
 * there has it. Never fails: the root is always there. */
uint32_t recs__trend_node_nearest(recs_trends *trends, const char *path, size_t size,
                                  const char *segment, size_t segment_size, bool *exact);
/* The node of a path and segment, RECS_NO_PLACE when there is none. */
uint32_t recs__trend_node_find(recs_trends *trends, const char *path, size_t size,
                               const char *segment, size_t segment_size);
/* The lowest node above both, or one of them; both of one segment or of none. */
uint32_t recs__trend_node_join(recs_trends *trends, uint32_t a, uint32_t b);
/* What is wrong with a path, NULL when nothing is. */
const char *recs__trend_path_problem(const char *path, size_t size);
/* Whose shares a node borrows: its parent's, at a segment's root the root's. */
uint32_t recs__trend_lender(const recs__trend_node *node);
void recs__trend_nodes_free(recs_trends *trends);

/* ---- trends_cells.c ------------------------------------------------------------------- */

/* All under the lock of the node's stripe. */
recs__trend_cell *recs__trend_find(const recs_trends *trends, const recs__trend_node *node,
                                   uint32_t item);
/* Finds or makes; there must be room (reserved, or checked). */
recs__trend_cell *recs__trend_take(recs_trends *trends, recs__trend_node *node, uint32_t item);
/* Makes a free cell, where an item belongs, that item's; what was reserved has room. */
void recs__trend_begin(recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                       uint32_t item);
/* Room for so many more cells beyond what is used and reserved. */
recs_status recs__trend_make_room(recs_trends *trends, recs__trend_node *node, uint32_t more,
                             recs_error *error);
void recs__trend_cells_free(recs_trends *trends, recs__trend_node *node);

/* The cell at an index. */
static inline recs__trend_cell *recs__trend_at(const recs_trends *trends,
                                               const unsigned char *cells, uint32_t index) {
    return (recs__trend_cell *)(void *)(uintptr_t)(cells + (size_t)index * trends->cell_size);
}

static inline uint32_t recs__trend_home(uint32_t item, uint32_t capacity) {
    return (uint32_t)((uint64_t)(item * UINT32_C(0x9e3779b1)) * capacity >> 32);
}
/* The cell of an item or the free one where it belongs. */
static inline recs__trend_cell *recs__trend_look(const recs_trends *trends, unsigned char *cells,
                                                 uint32_t capacity, uint32_t item) {
    uint32_t at = recs__trend_home(item, capacity);
    for (;;) {
        recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item == item || cell->item == RECS__TREND_FREE)
            return cell;
        at = at + 1 == capacity ? 0 : at + 1;
    }
}

/* Adds value (never negative) to a slot of a cell in series s; slots between
 * are emptied. A slot the cell no longer keeps is left alone. True when the
 * sum stopped at its end. */
bool recs__trend_add(const recs_trends *trends, recs__trend_cell *cell, uint32_t s, int32_t slot,
                     int64_t value);
/* Corrects a slot by what an actor's earlier or heavier event changes; a sum
 * that stopped at its end stays there. Slots the cell does not hold are left. */
void recs__trend_change(const recs_trends *trends, recs__trend_cell *cell, uint32_t s,
                        int32_t slot, int64_t change);
/* Lowers the cell's first time in a slot of the base series, which the cell knows. */
void recs__trend_appeared(recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                          int32_t slot, uint32_t seconds);
/* The sum of a slot; 0 when the cell does not hold it. */
int64_t recs__trend_sum(const recs_trends *trends, const recs__trend_cell *cell, uint32_t s,
                        int32_t slot);
/* Value in series s relative to slot newest: for a half-life the newest sum and
 * 2^-16 of the one before, rounded down; for a window the sum of its slots. */
int64_t recs__trend_value(const recs_trends *trends, const recs__trend_cell *cell, uint32_t s,
                          int32_t newest);
/* What an event of a weight (in steps of 2^-12) adds to its slot, offset
 * milliseconds after the slot's beginning. */
int64_t recs__trend_worth(const recs_trends *trends, uint32_t s, uint32_t weight, int64_t offset);

/* ---- trends_lists.c ------------------------------------------------------------------- */

/* After an item appeared that no kept slot of the base series had seen at the node: its cell may
 * be older, empty or long dead. */
void recs__trend_arrived(recs_trends *trends, recs__trend_node *node, uint32_t item);
/* After a cell grew: puts it on the lists it now belongs to. */
void recs__trend_offer(const recs_trends *trends, recs__trend_node *node, recs__trend_cell *cell,
                       const int32_t *newest, int64_t now);
/* Makes the lists of a node whose table outgrew the scan, or fills them anew
 * (after a merge), at least so many tiers of them as far as there may be. A failed
 * allocation leaves what there was, or none: queries then scan. */
void recs__trend_lists_build(recs_trends *trends, recs__trend_node *node, uint32_t tiers);
/* The tiers that the lists of a table of a capacity are made with: long ones where a scan
 * would take long. A smaller place has them once it was scanned for them: there most
 * events would enter one. */
static inline uint32_t recs__trend_first_tiers(const recs_trends *trends, uint32_t capacity) {
    return trends->options.memory == 0 && capacity > RECS__TREND_LARGE ? 2 : 1;
}
void recs__trend_lists_free(recs_trends *trends, recs__trend_node *node);
/* For a node of a mapped file: all the lists a table of a capacity may have, empty; and those
 * of a kind (series, of new items by as many more) from the best cells, best first, beside
 * which none has more than the bar. */
recs_status recs__trend_lists_open(recs_trends *trends, recs__trend_node *node,
                                   uint32_t capacity, recs_error *error);
void recs__trend_lists_set(const recs_trends *trends, recs__trend_node *node, uint32_t kind,
                           int64_t bar, const uint32_t *best, uint32_t count);
/* After the table moved. */
void recs__trend_lists_follow(recs_trends *trends, recs__trend_node *node);
/* Brings all lists to the newest slots of all series. */
void recs__trend_lists_align(const recs_trends *trends, recs__trend_lists *lists,
                             const int32_t *newest);
/* How many tiers of lists a table of a capacity may have. */
uint32_t recs__trend_tiers(const recs_trends *trends, uint32_t capacity);
/* Whether any living slot of a cell holds something. */
bool recs__trend_alive(const recs_trends *trends, const recs__trend_cell *cell);
/* First event of a cell in living slots, RECS_NO_TIME when none. */
int64_t recs__trend_first(const recs_trends *trends, const recs__trend_cell *cell);

/* ---- locks ---------------------------------------------------------------------------- */

/* A writer's: what was made ready of the places under it is out of date. */
void recs__trend_lock_patiently(recs__trend_stripe *stripe);
static inline void recs__trend_lock_stripe(recs_trends *trends, uint32_t stripe) {
    if (pthread_mutex_trylock(&trends->stripes[stripe].lock) != 0)
        recs__trend_lock_patiently(&trends->stripes[stripe]);
    trends->stripes[stripe].version++;
}
static inline void recs__trend_lock(recs_trends *trends, const recs__trend_node *node) {
    recs__trend_lock_stripe(trends, node->stripe);
}
static inline bool recs__trend_try_lock(recs_trends *trends, const recs__trend_node *node) {
    if (pthread_mutex_trylock(&trends->stripes[node->stripe].lock) != 0)
        return false;
    trends->stripes[node->stripe].version++;
    return true;
}
static inline void recs__trend_unlock(recs_trends *trends, const recs__trend_node *node) {
    pthread_mutex_unlock(&trends->stripes[node->stripe].lock);
}
/* A reader's: writers make way between their steps. */
void recs__trend_read_lock(recs_trends *trends, const recs__trend_node *node);
/* A writer's pause in the middle of a long piece of work under a lock. */
void recs__trend_make_way(recs_trends *trends, const recs__trend_node *node);

/* ---- trends_memory.c ------------------------------------------------------------------ */

/* Memory of the state, counted in trends->memory. size must be the same when
 * it is given back. */
void *recs__trend_alloc(recs_trends *trends, size_t size, recs_error *error);
void recs__trend_release(recs_trends *trends, void *block, size_t size);
/* What a block of a size really has. */
size_t recs__trend_good_size(const recs_trends *trends, size_t size);
recs_status recs__trend_pool_make(recs_trends *trends, recs_error *error);
void recs__trend_pool_free(recs_trends *trends);

#endif
