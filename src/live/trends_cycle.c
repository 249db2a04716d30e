/* trends_cycle.c - what an item has at this time of the week anyway.
 *
 * With option profile a rise is measured against the baseline times a factor
 * q: how much larger the item's share of the place's traffic was at the same
 * times of the weeks before than in the whole of these weeks,
 *
 *     q = (a + K q') / (P b / B + K),   K = 10,
 *
 * a and P the item's and the place's counts at these times, b and B in all of
 * those weeks, q' the factor at the place above (1 above the root): a Poisson
 * rate over its expectation under a gamma prior of mean q', as a rise is. So a
 * place that has seen little of the item takes its parent's word, and nobody's
 * is 1.
 *
 * The times are what the asked half-life or window looks at, a week earlier,
 * two weeks earlier and so on: the buckets of option profile, each by the mean
 * weight that its part of them has. The week that ends now is left out: what
 * rises now shall not explain itself.
 *
 * Cost: for each candidate and place a look-up and its buckets. */
#include "live/trends_rank.h"

#include "base/math.h"

#include <string.h>

#define WEEK INT64_C(604800000)
#define PRIOR 10.0

/* By how much a bucket lies at the times, and whether in the weeks. */
typedef struct moment {
    int32_t slot;
    double weight; /* at these times; in all of the weeks 1 */
} moment;

typedef struct cycle {
    uint32_t count, series;
    moment moments[RECS__TREND_BUCKETS];
} cycle;

/* The mean weight of [begin, end) in the past of a time, by the asked series. */
static double mean_weight(const recs__trend_series *asked, int64_t begin, int64_t end,
                          int64_t time) {
    int64_t last = end < time ? end : time;
    if (begin >= last)
        return 0.0;
    double width = (double)(end - begin);
    if (asked->half_life == 0) {
        int64_t from = time - asked->length > begin ? time - asked->length : begin;
        return from < last ? (double)(last - from) / width : 0.0;
    }
    double half = (double)asked->half_life;
    double young = (double)(time - last) / half, old = (double)(time - begin) / half;
    return half / 0.6931471805599453 * (recs__exp2(-young) - recs__exp2(-old)) / width;
}

static void find_moments(const recs__trend_lens *lens, cycle *c) {
    const recs__trend_options *options = &lens->trends->options;
    const recs__trend_series *series = &options->series[options->profile],
                             *asked = &options->series[lens->ask->series];
    int64_t time = lens->ask->time;
    int32_t newest = recs__trend_slot(series, time), /* and what its newest event leaves: */
            oldest = lens->slots[options->profile] - (int32_t)series->slots + 1;
    c->series = options->profile;
    c->count = 0;
    for (uint32_t back = 0; back + 1 < series->slots && back < RECS__TREND_BUCKETS; back++) {
        int32_t slot = newest - (int32_t)back;
        int64_t begin = slot * series->width, end = begin + series->width;
        if (slot < 0 || slot < oldest || end > time - WEEK)
            continue;
        double weight = 0.0;
        for (int64_t then = time - WEEK; then > begin; then -= WEEK)
            weight += mean_weight(asked, begin, end, then);
        c->moments[c->count++] = (moment){slot, weight};
    }
}

/* Adds what a cell has at these times and in all. */
static void add_up(const recs_trends *trends, const cycle *c, const recs__trend_cell *cell,
                   double sign, double *at, double *all) {
    for (uint32_t i = 0; cell != NULL && i < c->count; i++) {
        double sum = sign * (double)recs__trend_sum(trends, cell, c->series, c->moments[i].slot);
        *at += c->moments[i].weight * sum;
        *all += sum;
    }
}

static void add_item(const recs_trends *trends, const cycle *c, const recs__trend_node *node,
                     uint32_t item, double *at, double *all) {
    const recs__trend_cell *cell = recs__trend_find(trends, node, item);
    *at = *all = 0.0;
    if (cell == NULL)
        return;
    add_up(trends, c, cell, 1.0, at, all);
    if (cell->marks & RECS__TREND_HAS_RETURNS)
        add_up(trends, c, recs__trend_find(trends, node, item | RECS__TREND_RETURNED), -1.0, at,
               all);
    *at = *at > 0.0 ? *at / (1 << RECS__TREND_FRACTION) : 0.0;
    *all = *all > 0.0 ? *all : 0.0;
}

/* One level's factors, from those of the level above. */
static void find_level(const recs__trend_lens *lens, recs__trend_work *work, const cycle *c,
                       uint32_t l, size_t chosen) {
    recs_trends *trends = lens->trends;
    recs__trend_node *node = work->level[l].node;
    double at = 0.0, all = 0.0, part = 0.0;
    bool known = node != NULL && work->level[l].shown;
    if (known) {
        recs__trend_read_lock(trends, node);
        add_up(trends, c, recs__trend_find(trends, node, RECS__TREND_TOTAL), 1.0, &at, &all);
        part = all > 0.0 ? at / (1 << RECS__TREND_FRACTION) / all : 0.0;
    }
    for (size_t i = 0; i < chosen; i++) {
        double *factor = work->cycles + (size_t)work->chosen[i] * work->stride + l;
        double above = l + 1 < work->levels ? factor[1] : 1.0;
        *factor = above;
        if (!known)
            continue;
        add_item(trends, c, node, work->items[work->chosen[i]], &at, &all);
        *factor = (at + PRIOR * above) / (part * all + PRIOR);
    }
    if (known)
        recs__trend_unlock(trends, node);
}

void recs__trend_find_cycles(const recs__trend_lens *lens, recs__trend_work *work,
                             size_t chosen) {
    cycle c;
    find_moments(lens, &c);
    for (uint32_t l = work->levels; l-- > 0;)
        find_level(lens, work, &c, l, chosen);
}
