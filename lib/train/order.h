/* order.h - orders of rows and of events that keep equal ones as they came. */
#ifndef RECS_TRAIN_ORDER_H
#define RECS_TRAIN_ORDER_H

#include "recs/base.h"
#include "train/progress.h"

#include <stdbool.h>

/* Whether row a comes before row b; false for equal ones. */
typedef bool recs__row_before(const void *data, uint32_t a, uint32_t b);

/* Puts rows in order; spare has room for as many. progress (may be NULL: then nothing can
 * fail) is told of `stage`; its refusal leaves the rows in no order. O(n log n). */
recs_status recs__order_rows(uint32_t *rows, uint32_t *spare, size_t count,
                             recs__row_before *before, const void *data,
                             recs__progress *progress, const char *stage, recs_error *error);

/* Says how long a sort has become, done of total; a refusal ends it. */
typedef recs_status recs__order_tell(void *data, uint64_t done, uint64_t total, recs_error *error);

/* Puts numbers of events in the order of times[number]. Likewise. */
recs_status recs__order_events(uint64_t *events, uint64_t *spare, uint64_t count,
                               const int64_t *times, recs__order_tell *tell, void *data,
                               recs_error *error);

#endif
