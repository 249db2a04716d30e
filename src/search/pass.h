/* pass.h - one pass of exact.h over a range of rows, for a group of vectors. */
#ifndef RECS_SEARCH_PASS_H
#define RECS_SEARCH_PASS_H

#include "search/exact.h"

#include <stdatomic.h>

enum {
    RECS__PASS_GROUP = 64, /* vectors that share a pass                            */
    RECS__PASS_LATER = 32  /* rows of a vector that are scored together            */
};

/* A vector within a pass. */
struct recs__exact_slot {
    const recs__seek *seek;
    const recs__code_vector *vector; /* CODES */
    recs__topk *topk;                /* the seek's, or own                         */
    recs__topk own;
    _Atomic(uint32_t) *shared; /* the highest bar of all passes (recs__pass_key)   */
    _Atomic(uint32_t) best;    /* what shared points to, in a seek's first slot     */
    float floor; /* the top k's when the pass began                               */
    uint64_t scanned, rescored;
    size_t later_count;
    bool flooded; /* codes decide too little: the plain scan takes over             */
    uint32_t later[RECS__PASS_LATER];
};

/* A bar as an integer of the same order. */
static inline uint32_t recs__pass_key(float bar) {
    return ~(uint32_t)(recs__topk_key(bar, 0) >> 32);
}

static inline float recs__pass_bar(uint32_t key) {
    return recs__topk_score((uint64_t)~key << 32);
}

/* Raises the slot's shared bar to what k of the longest rows are proven to reach,
 * by their codes alone; only where nothing but the filter takes rows out. Cost:
 * some 5,000 rows in codes. */
void recs__pass_lead(const recs__space *space, recs__exact_slot *slot);

/* Offers rows to the slots' top k: those of blocks first … end of the copy; rows
 * first … end; the eligible ones of the slot's filter. count at most
 * RECS__PASS_GROUP; wide: room [dims], unused for FLOAT. */
void recs__pass_codes(const recs__space *space, recs__exact_slot *slots, size_t count,
                      size_t first, size_t end, const recs__accept *accept, float *wide);
void recs__pass_plain(const recs__space *space, recs__exact_slot *slots, size_t count,
                      size_t first, size_t end, const recs__accept *accept, float *wide);
void recs__pass_list(const recs__space *space, recs__exact_slot *slot,
                     const recs__accept *accept, float *wide);

#endif
