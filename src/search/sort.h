/* sort.h - ordering 64-bit keys in place: the one sort of answers, histories
 * and allow lists. A caller packs what it orders by into the high bits and an
 * index into the low ones, so that keys are unique and the order is total. */
#ifndef RECS_SEARCH_SORT_H
#define RECS_SEARCH_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Ascending. O(n log n) whatever the input, no memory. */
void recs__sort_keys(uint64_t *keys, size_t count);

/* Moves the `keep` smallest keys to the front, in no order, the largest of
 * them at keep - 1. 0 < keep <= count. O(n), at worst O(n log n). */
void recs__select_keys(uint64_t *keys, size_t count, size_t keep);

#endif
