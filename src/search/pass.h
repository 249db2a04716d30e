/* pass.h - one pass of exact.h over a range of rows, for a group of vectors. */
#ifndef RECS_SEARCH_PASS_H
#define RECS_SEARCH_PASS_H

#include "search/bound.h"

#include <stdatomic.h>

enum { RECS__PASS_GROUP = 64 }; /* vectors that share a pass */

/* A row that the codes could not decide: its score is between least and most. */
struct recs__waiting {
    float most, least;
    uint32_t row;
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
    uint64_t scanned, refined, rescored;
    recs__waiting *waiting; /* CODES: [waiting_room], recs__pass_waiting of its k   */
    size_t waiting_count, waiting_room;
    size_t waiting_next; /* so many are sifted next                                 */
    bool flooded; /* codes decide too little: the plain scan takes over             */
};

/* Rows that a pass in codes lets wait for a top k of that size; and the floats of
 * room that any pass needs while it runs, for rows of dims and that many waiting. */
size_t recs__pass_waiting(size_t limit);
size_t recs__pass_room(uint32_t dims, size_t waiting);

/* A bar as an integer of the same order. */
static inline uint32_t recs__pass_key(float bar) {
    return ~(uint32_t)(recs__topk_key(bar, 0) >> 32);
}

static inline float recs__pass_bar(uint32_t key) {
    return recs__topk_score((uint64_t)~key << 32);
}

/* Offers rows to the slots' top k: those of blocks first … end of the copy; rows
 * first … end; the eligible ones of the slot's filter. count at most
 * RECS__PASS_GROUP; wide: recs__pass_room of waiting, the most of any slot, at a
 * multiple of 64. In codes a pass from block 0 on looks first at the longest rows,
 * for a bar. */
void recs__pass_codes(const recs__space *space, recs__exact_slot *slots, size_t count,
                      size_t first, size_t end, size_t waiting, const recs__accept *accept,
                      float *wide);
void recs__pass_plain(const recs__space *space, recs__exact_slot *slots, size_t count,
                      size_t first, size_t end, const recs__accept *accept, float *wide);
void recs__pass_list(const recs__space *space, recs__exact_slot *slot,
                     const recs__accept *accept, float *wide);

#endif
