/* trends_count.c - one event at one node: arithmetic, cell, totals, actors. */
#include "live/trends_actors.h"
#include "live/trends_hot.h"
#include "live/trends_tally.h"

#include <string.h>

void recs__trend_slots_at(const recs_trends *trends, int64_t time, int32_t *slots) {
    for (uint32_t s = 0; s < trends->options.series_count; s++)
        slots[s] = time < 0 ? -1 : recs__trend_slot(&trends->options.series[s], time);
}

void recs__trend_advance(recs_trends *trends, int64_t time) {
    int64_t newest = atomic_load_explicit(&trends->newest, memory_order_relaxed);
    while (time > newest && !atomic_compare_exchange_weak(&trends->newest, &newest, time))
        ;
}

bool recs__trend_record_make(const recs_trends *trends, const int32_t *newest,
                             const recs__trend_event *event, recs__trend_record *record) {
    int32_t *slots = recs__trend_slots(trends, record);
    bool kept = false;
    record->item = event->item;
    record->seconds = 0;
    for (uint32_t s = 0; s < trends->options.series_count; s++) {
        const recs__trend_series *series = &trends->options.series[s];
        /* Most events are in the newest slot: no division then. */
        int32_t slot = newest[s];
        int64_t offset = event->time - slot * series->width;
        if (offset < 0 || offset >= series->width) {
            slot = recs__trend_slot(series, event->time);
            offset = event->time - slot * series->width;
        }
        if (newest[s] - slot >= (int32_t)series->slots) {
            slots[s] = -1;
            record->worth[s] = 0;
            continue;
        }
        kept = true;
        slots[s] = slot;
        record->worth[s] = recs__trend_worth(trends, s, event->weight, offset);
        if (s == trends->options.base)
            record->seconds = (uint32_t)(offset / 1000);
    }
    return kept;
}

/* ---- adding ----------------------------------------------------------------------- */

uint32_t recs__trend_count(recs_trends *trends, recs__trend_node *node,
                           recs__trend_record *record, const int32_t *newest, int64_t now,
                           bool totals) {
    const int32_t *slots = recs__trend_slots(trends, record);
    uint32_t stopped = recs__trend_count_hot(trends, node, record, newest, now);
    if (!totals)
        return stopped;
    uint32_t total = RECS__TREND_TOTAL | (record->item & RECS__TREND_RETURNED);
    recs__trend_cell *cell = recs__trend_take_hot(trends, node, total);
    recs__trend_add_hot(trends, cell, record->worth, slots);
    return stopped;
}

void recs__trend_correct(recs_trends *trends, recs__trend_node *node, uint32_t item,
                         recs__trend_record *before, recs__trend_record *after) {
    const int32_t *old = recs__trend_slots(trends, before);
    const int32_t *slots = recs__trend_slots(trends, after);
    recs__trend_cell *cell = recs__trend_take(trends, node, item);
    for (uint32_t s = 0; s < trends->options.series_count; s++) {
        if (old[s] >= 0)
            recs__trend_change(trends, cell, s, old[s], -before->worth[s]);
        if (slots[s] >= 0)
            recs__trend_add(trends, cell, s, slots[s], after->worth[s]);
    }
}

recs__trend_join recs__trend_count_actor(recs_trends *trends, recs__trend_node *node,
                                         const recs__trend_event *event,
                                         recs__trend_record *record, const int32_t *newest,
                                         int64_t now, uint32_t *stopped) {
    recs__trend_event joined = *event, before;
    recs__trend_any_record old, more;
    uint32_t level;
    recs__trend_join join = recs__trend_actors_join(trends, node, &joined, &before, &level);
    if (join != RECS__TREND_JOIN_NEW && join != RECS__TREND_JOIN_MORE)
        return join;
    if (join == RECS__TREND_JOIN_NEW) {
        if (level != 0) {
            joined.weight = recs__trend_levelled(joined.weight, level);
            recs__trend_record_make(trends, newest, &joined, &more.record);
        }
        *stopped += recs__trend_count(trends, node, level != 0 ? &more.record : record, newest,
                                      now, true);
        return join;
    }
    before.weight = recs__trend_levelled(before.weight, level);
    joined.weight = recs__trend_levelled(joined.weight, level);
    recs__trend_record_make(trends, newest, &before, &old.record);
    recs__trend_record_make(trends, newest, &joined, &more.record);
    recs__trend_correct(trends, node, event->item, &old.record, &more.record);
    recs__trend_correct(trends, node, RECS__TREND_TOTAL | (event->item & RECS__TREND_RETURNED),
                        &old.record, &more.record);
    recs__trend_cell *cell = recs__trend_take(trends, node, event->item);
    int32_t slot = recs__trend_slots(trends, &more.record)[trends->options.base];
    if (slot >= 0)
        recs__trend_appeared(trends, node, cell, slot, more.record.seconds);
    if (node->lists != NULL)
        recs__trend_offer(trends, node, cell, newest, now);
    return join;
}
