/* trends.h - what tests of src/live share: times, a clock that stands still, and a call that
 * must succeed. A test may define another T0, where its events begin, before it. */
#ifndef SUPPORT_TRENDS_H
#define SUPPORT_TRENDS_H

#include "recs/trends.h"
#include "support/test.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#ifndef T0
#define T0 (INT64_C(20000) * DAY) /* some time in 2024 */
#endif

static recs_error error;

#define OK(call)                                                                                 \
    do {                                                                                         \
        if ((call) != RECS_OK)                                                                   \
            fail_msg("line %d: %s", __LINE__, error.text);                                       \
    } while (0)

static inline int64_t trends_clock(void *data) {
    (void)data;
    return T0 + 40 * DAY;
}

#endif
