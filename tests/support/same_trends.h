/* same_trends.h - answers of trends compared, as tests of src/live do that ask twice. */
#ifndef SUPPORT_SAME_TRENDS_H
#define SUPPORT_SAME_TRENDS_H

#include "recs/trends.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

/* Two answers that have to be the same: ids in order, scores and parts to the bit. about: of
 * what, for the message. */
static inline void same_trends(const recs_query *q, const recs_query *r, const char *about) {
    if (recs_query_count(q) != recs_query_count(r))
        fail_msg("%zu items, expected %zu: %s", recs_query_count(q), recs_query_count(r), about);
    for (size_t i = 0; i < recs_query_count(q); i++) {
        if (strcmp(recs_query_id(q, i), recs_query_id(r, i)) != 0)
            fail_msg("rank %zu: %s (%.9g), expected %s (%.9g): %s", i, recs_query_id(q, i),
                     (double)recs_query_score(q, i), recs_query_id(r, i),
                     (double)recs_query_score(r, i), about);
        assert_true(recs_query_score(q, i) == recs_query_score(r, i));
        assert_int_equal(recs_query_source(q, i), recs_query_source(r, i));
        for (int32_t part = RECS_TREND_COUNT; part <= RECS_TREND_MOST; part++) {
            double a = recs_query_trend(q, i, part), b = recs_query_trend(r, i, part);
            assert_true(a == b || (isnan(a) && isnan(b)));
        }
    }
}

#endif
