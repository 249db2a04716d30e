/* frozen.c - a trends component: counts by place as a log ended, scored as a
 * live state would score them (src/live/trends_rank.c).
 *
 * Counts are told at the beginning of a slot of their half-life's grid, which
 * makes them sums without rounding; at a query's time they are multiplied by
 * 2^(-age / half-life), as a live state does with its sums. The items of the
 * place and of those that lend to it are merged row by row from their ascending
 * lists: no memory but the lane. Rows a damaged file has out of order are
 * written again or left out. */
#include "recommend/frozen.h"

#include "base/math.h"
#include "live/trends_score.h"
#include "recs/trends.h"

#include <math.h>
#include <string.h>

const char *recs__frozen_path(const recs__component *component, uint32_t place, size_t *size) {
    const char *path =
        place != 0 ? recs__ids_get(&component->trend_paths, place - 1, size) : NULL;
    if (path != NULL)
        return path;
    *size = 0;
    return "";
}

/* The nearest place at or above a path. */
static uint32_t find_place(const recs__component *component, const recs__where *where) {
    size_t size = where->size;
    while (size != 0) {
        uint32_t found = recs__ids_find(&component->trend_paths, where->place, size);
        if (found < component->trend_paths.count)
            return found + 1;
        while (size != 0 && where->place[size - 1] != '/')
            size--;
        size -= size != 0;
    }
    return 0;
}

static double finite_count(double value) { return value >= 0.0 && isfinite(value) ? value : 0.0; }

/* ---- the chain of places ------------------------------------------------------------ */

static void measure(const recs__component *component, recs__frozen *frozen, uint32_t place,
                    int64_t time) {
    const recs__file_trend_rules *rules = component->trend_rules;
    bool rising = rules->ranking == RECS_RANK_TRENDING;
    frozen->time = time == RECS_NO_TIME || time < rules->newest ? rules->newest : time;
    frozen->scale[0] =
        recs__exp2(-((double)(frozen->time - rules->grid) / (double)rules->half_life));
    frozen->scale[1] =
        recs__exp2(-((double)(frozen->time - rules->base_grid) / (double)rules->base_half_life));
    frozen->levels = 0;
    while (place < component->trend_items.rows && frozen->levels < RECS__FROZEN_LEVELS) {
        const recs__file_trend_place *at = &component->trend_places[place];
        recs__frozen_level *level = &frozen->level[frozen->levels++];
        uint32_t above = at->parent < place ? at->parent : UINT32_MAX;
        level->place = place;
        level->total = finite_count(at->total) * frozen->scale[0];
        level->total_base =
            rising ? recs__trend_rest(finite_count(at->base_total) * frozen->scale[1],
                                      level->total)
                   : 0.0;
        level->lent = recs__trend_lent(rules->prior, level->total, above != UINT32_MAX);
        if (level->lent == 0.0)
            break;
        place = above;
    }
}

/* The row's entry in an ascending list; false: it has none. */
static bool find_entry(const recs__csr *lists, uint32_t place, uint32_t row, uint64_t *entry) {
    uint64_t first;
    size_t low = 0, count = recs__csr_row(lists, place, &first), high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lists->columns[first + middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    *entry = first + low;
    return low < count && lists->columns[first + low] == row;
}

/* ---- one row -------------------------------------------------------------------------- */

typedef struct counted {
    double count[RECS__FROZEN_LEVELS], base[RECS__FROZEN_LEVELS];
    int64_t first; /* at the root */
} counted;

static void read_entry(const recs__component *component, const recs__frozen *frozen, uint32_t l,
                       uint64_t entry, counted *row) {
    row->count[l] = finite_count(component->trend_counts[entry]) * frozen->scale[0];
    if (component->trend_bases != NULL)
        row->base[l] =
            recs__trend_rest(finite_count(component->trend_bases[entry]) * frozen->scale[1],
                             row->count[l]);
}

static double rise_of(const recs__file_trend_rules *rules, const recs__frozen *frozen,
                      const counted *row) {
    double surplus = 0.0;
    bool supported = false;
    for (uint32_t l = frozen->levels; l-- > 0;) {
        const recs__frozen_level *level = &frozen->level[l];
        double usual =
            recs__trend_usual(level->total, level->total + level->total_base, row->count[l],
                              row->count[l] + row->base[l]);
        surplus = recs__trend_surplus_lent(
            level->total, level->lent, recs__trend_surplus(rules->support, row->count[l], usual),
            surplus);
        supported |= recs__trend_supported(rules->min_support, (double)rules->candidates,
                                           row->count[l], level->total);
    }
    return supported ? recs__trend_risen(surplus) : 0.0;
}

/* The score, 0 for one that is not among the answers of a live state. */
static double score_of(const recs__component *component, const recs__frozen *frozen,
                       const counted *row) {
    const recs__file_trend_rules *rules = component->trend_rules;
    bool somewhere = false;
    for (uint32_t l = 0; l < frozen->levels; l++)
        somewhere |= row->count[l] > 0.0;
    if (!somewhere)
        return 0.0;
    if (rules->ranking == RECS_RANK_TRENDING)
        return rise_of(rules, frozen, row);
    if (rules->ranking == RECS_RANK_NEW &&
        (row->first == RECS_NO_TIME || row->first <= frozen->time - rules->new_within))
        return 0.0;
    double share = 0.0;
    for (uint32_t l = frozen->levels; l-- > 1;)
        share = recs__trend_share(frozen->level[l].total, frozen->level[l].lent, row->count[l],
                                  share);
    return row->count[0] + frozen->level[0].lent * share;
}

/* ---- all rows -------------------------------------------------------------------------- */

static void merge(recs__step *step, uint32_t items) {
    const recs__component *component = step->component;
    const recs__csr *lists = &component->trend_items;
    const recs__frozen *frozen = step->frozen;
    uint64_t at[RECS__FROZEN_LEVELS], end[RECS__FROZEN_LEVELS];
    for (uint32_t l = 0; l < frozen->levels; l++)
        end[l] = recs__csr_row(lists, frozen->level[l].place, &at[l]), end[l] += at[l];
    for (;;) {
        uint32_t next = UINT32_MAX;
        counted row = {.first = RECS_NO_TIME};
        for (uint32_t l = 0; l < frozen->levels; l++)
            if (at[l] < end[l] && lists->columns[at[l]] < next)
                next = lists->columns[at[l]];
        if (next >= items) /* the end, or rows that are none */
            break;
        for (uint32_t l = 0; l < frozen->levels; l++)
            if (at[l] < end[l] && lists->columns[at[l]] == next)
                read_entry(component, frozen, l, at[l]++, &row);
        uint64_t root;
        if (component->trend_firsts != NULL && find_entry(lists, 0, next, &root))
            row.first = component->trend_firsts[root];
        float score = recs__score_clean((float)score_of(component, frozen, &row));
        if (score > 0.0f)
            recs__lane_set(step->lane, next, score);
    }
}

recs_status recs__frozen_fill(recs__step *step, const recs_host *host, uint32_t items,
                              const recs__where *where, recs_error *error) {
    const recs__component *component = step->component;
    uint64_t first;
    size_t total = 0;
    recs__lane_clear(step->lane);
    measure(component, step->frozen, find_place(component, where), where->time);
    for (uint32_t l = 0; l < step->frozen->levels && total < items; l++)
        total += recs__csr_row(&component->trend_items, step->frozen->level[l].place, &first);
    recs_status status = recs__lane_begin(step->lane, host, items, total, error);
    if (status != RECS_OK)
        return status;
    step->factor = recs__frozen_factor(component, step->frozen);
    merge(step, items);
    return RECS_OK;
}

/* ---- what else is asked of it -------------------------------------------------------------- */

float recs__frozen_factor(const recs__component *component, const recs__frozen *frozen) {
    recs__frozen root = {.levels = 0};
    if (component->trend_rules->ranking == RECS_RANK_TRENDING || frozen->levels == 0)
        return 1.0f;
    measure(component, &root, 0, component->trend_rules->newest);
    double here = frozen->level[0].total + frozen->level[0].lent;
    double factor = here > 0.0 && root.levels != 0 ? root.level[0].total / here : 1.0;
    return isfinite(factor) && factor < 1e30 ? (float)factor : 1.0f;
}

uint32_t recs__frozen_parts(const recs__step *step, uint32_t row,
                            double parts[RECS__FROZEN_LEVELS]) {
    const recs__component *component = step->component;
    const recs__frozen *frozen = step->frozen;
    double weight = 1.0;
    if (component->trend_rules->ranking == RECS_RANK_TRENDING || frozen->levels == 0) {
        parts[0] = (double)step->lane->scores[row];
        return 1;
    }
    /* Of the popular score: each level's count, by what is lent on the way to it. */
    for (uint32_t l = 0; l < frozen->levels; l++) {
        uint64_t entry;
        counted counts = {.first = RECS_NO_TIME};
        if (find_entry(&component->trend_items, frozen->level[l].place, row, &entry))
            read_entry(component, frozen, l, entry, &counts);
        if (l > 0) {
            double all = frozen->level[l].total + frozen->level[l].lent;
            weight = all > 0.0 ? weight * frozen->level[l - 1].lent / all : 0.0;
        }
        parts[l] = step->lane->scores[row] > 0.0f ? weight * counts.count[l] : 0.0;
    }
    return frozen->levels;
}
