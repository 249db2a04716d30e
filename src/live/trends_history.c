/* trends_history.c - how an item came over time at a place: the buckets of a window.
 *
 * Cost: a look-up, and one more for its returns. */
#include "live/trends_actors.h"
#include "live/trends_mapped.h"
#include "live/trends_pending.h"

#include <inttypes.h>

/* The window of a length, or the first one. */
static recs_status find_window(const recs_trends *trends, int64_t window, uint32_t *series,
                               recs_error *error) {
    const recs__trend_options *options = &trends->options;
    for (uint32_t s = options->half_lives; s < options->series_count; s++)
        if (window == 0 || options->series[s].length == window) {
            *series = s;
            return RECS_OK;
        }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "a window of %" PRId64 " ms is not kept, expected one of: %s", window,
                      trends->description);
}

/* Under the node's lock. */
static void add_up(const recs_trends *trends, const recs__trend_node *node, uint32_t item,
                   uint32_t s, int32_t newest, double sign, double *counts) {
    const recs__trend_cell *cell = recs__trend_find(trends, node, item);
    int32_t buckets = (int32_t)trends->options.series[s].slots - 1;
    for (int32_t b = 0; cell != NULL && b < buckets; b++)
        counts[b] += sign * (double)recs__trend_sum(trends, cell, s, newest - buckets + 1 + b) /
                     (1 << RECS__TREND_FRACTION);
}

recs_status recs_trends_history(recs_trends *trends, uint32_t place, uint32_t item,
                                int64_t window, double *counts, size_t room, size_t *count,
                                int64_t *begin, int64_t *width, recs_error *error) {
    uint32_t s = 0;
    *count = 0;
    *begin = RECS_NO_TIME;
    *width = 0;
    recs_status status = find_window(trends, window, &s, error);
    if (status == RECS_OK && (place >= recs_trends_place_count(trends) ||
                              (item != RECS_NO_ROW && item >= recs_trends_item_count(trends))))
        status = recs__fail(error, RECS_ERR_ARGUMENT,
                            "place %u, item %u: expected handles below %u and %u", place, item,
                            recs_trends_place_count(trends), recs_trends_item_count(trends));
    if (status == RECS_OK)
        status = recs__trend_settle(trends, error);
    if (status != RECS_OK)
        return status;
    const recs__trend_series *series = &trends->options.series[s];
    *width = series->width;
    *count = series->slots - 1;
    if (counts == NULL)
        return RECS_OK;
    if (room < *count)
        return recs__fail(error, RECS_ERR_ARGUMENT, "room for %zu counts, expected %zu", room,
                          *count);
    for (size_t b = 0; b < *count; b++)
        counts[b] = 0.0;
    int64_t now = atomic_load_explicit(&trends->newest, memory_order_acquire);
    if (now < 0)
        return RECS_OK;
    recs__trend_node *node = trends->mapped != NULL ? recs__mapped_node(trends, place)
                                                    : recs__trend_node_at(trends, place);
    if (node == NULL)
        return recs__fail(error, RECS_ERR_CORRUPT, "place %u cannot be read", place);
    int32_t newest = recs__trend_slot(series, now);
    *begin = ((int64_t)newest - (int64_t)*count + 1) * series->width;
    item = item == RECS_NO_ROW ? RECS__TREND_TOTAL : item;
    recs__trend_read_lock(trends, node);
    if (trends->options.actors == 0 || trends->options.min_actors == 0 ||
        recs__trend_actors_reach(trends, node, trends->options.min_actors)) {
        add_up(trends, node, item, s, newest, 1.0, counts);
        add_up(trends, node, item | RECS__TREND_RETURNED, s, newest, -1.0, counts);
    }
    recs__trend_unlock(trends, node);
    for (size_t b = 0; b < *count; b++)
        counts[b] = counts[b] > 0.0 ? counts[b] : 0.0;
    return RECS_OK;
}
