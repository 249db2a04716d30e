/* order.h - putting events in order by counting: O(events + keys), stable. */
#ifndef RECS_TRAIN_ORDER_H
#define RECS_TRAIN_ORDER_H

#include "recs/base.h"

#include <stdbool.h>

/* Reorders `order` (count indexes of events) by keys[index], ascending, keeping
 * the order among equal keys. keys are below key_count, or RECS_NO_ROW: those
 * events come last and *known tells how many come before. room: count more
 * indexes. offsets: key_count + 1 numbers, left as the first place of each
 * key. */
void recs__order_by_key(uint64_t *order, uint64_t *room, uint64_t count, const uint32_t *keys,
                        uint32_t key_count, uint64_t *offsets, uint64_t *known);

/* Orders a slice by time, then by index: the order of the log. Nothing to do
 * where it is already; otherwise a merge through room. */
void recs__order_by_time(uint64_t *slice, uint64_t *room, size_t count, const int64_t *times);

#endif
