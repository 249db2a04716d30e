/* topk.h - the k best of many scored rows, exactly: score descending, row
 * ascending on a tie; a score that is not a number never enters.
 *
 * A bounded buffer of 64-bit keys. Once it is full the k best are selected
 * and the worst of them is the bar: rows that cannot pass it are dropped by
 * one comparison, a block of scores by one vector compare (kernels->above).
 * Offered n rows in random order about k ln(n / k) enter.
 *
 * Invariant: the k best of the rows offered so far are in the buffer. */
#ifndef RECS_SEARCH_TOPK_H
#define RECS_SEARCH_TOPK_H

#include "recs/base.h"

#include <stdbool.h>
#include <string.h>

typedef struct recs__topk {
    uint64_t *keys;
    size_t capacity; /* of the memory                                     */
    size_t room;     /* keys held before a selection                      */
    size_t limit;    /* k                                                 */
    size_t count;
    uint64_t bar_key; /* only smaller keys may enter                      */
    float bar;        /* among rows offered in ascending order only scores
                         above this one may enter                         */
} recs__topk;

/* Order as an integer: a smaller key is a better place. */
static inline uint64_t recs__topk_key(float score, uint32_t row) {
    uint32_t bits;
    score += 0.0f; /* -0 and +0 tie */
    memcpy(&bits, &score, sizeof bits);
    uint32_t ascending = bits & UINT32_C(0x80000000) ? ~bits : bits | UINT32_C(0x80000000);
    return (uint64_t)~ascending << 32 | row;
}

static inline uint32_t recs__topk_row(uint64_t key) {
    return (uint32_t)key;
}

static inline float recs__topk_score(uint64_t key) {
    uint32_t ascending = ~(uint32_t)(key >> 32);
    uint32_t bits =
        ascending & UINT32_C(0x80000000) ? ascending & UINT32_C(0x7fffffff) : ~ascending;
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* Starts anew. Only scores above floor enter (-INFINITY: all finite ones).
 * MEMORY: limit * 12 bytes at least are held. */
recs_status recs__topk_begin(recs__topk *topk, const recs_host *host, size_t limit, float floor,
                             recs_error *error);

/* Keeps the best `limit` and moves the bar. */
void recs__topk_select(recs__topk *topk);

static inline void recs__topk_offer(recs__topk *topk, float score, uint32_t row) {
    if (score != score)
        return;
    uint64_t key = recs__topk_key(score, row);
    if (key >= topk->bar_key)
        return;
    topk->keys[topk->count++] = key;
    if (topk->count == topk->room)
        recs__topk_select(topk);
}

/* Sorts what is left, best first; returns the number, at most limit. */
size_t recs__topk_finish(recs__topk *topk);

void recs__topk_free(recs__topk *topk, const recs_host *host);
size_t recs__topk_memory(const recs__topk *topk);

#endif
