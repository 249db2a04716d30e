/* trends_near.c - the first level of a question about several places as one (a radius).
 *
 * An item counts what it counts at each of them, added up in their order. Each place's list
 * says what its best items count there and what another has at most: its bar. So an item's
 * sum over the lists and the bars of the others bound what it counts in all; only those
 * whose bound reaches what `limit` items have for certain are looked up everywhere, and
 * the largest bound of the rest becomes the level's bar, by which trends_rank.c proves the
 * answer or asks for longer lists, and at last for all cells (threshold algorithm: Fagin,
 * Lotem, Naor, PODS 2001, with the look-ups at its end).
 *
 * Cost: an entry of each list, and a look-up at each place for about as many items as are
 * asked for. */
#include "live/trends_candidates.h"

#include "live/trends_actors.h"

/* Traffic and actors of several places together. */
void recs__trend_measure_near(const recs__trend_lens *lens, recs__trend_level *level) {
    recs_trends *trends = lens->trends;
    const recs__trend_options *options = &trends->options;
    uint64_t kept[RECS__TREND_SKETCH];
    uint32_t actors = 0;
    level->node = NULL;
    level->total = level->total_baseline = 0.0;
    for (uint32_t i = 0; i < lens->ask->near_count; i++) {
        recs__trend_node *node = recs__trend_node_at(trends, lens->ask->near[i]);
        recs__trend_read_lock(trends, node);
        recs__trend_actors_unite(trends, node, kept, &actors);
        const recs__trend_cell *total = recs__trend_find(trends, node, RECS__TREND_TOTAL);
        level->total += total != NULL ? recs__trend_raw(lens, total, 0) : 0.0;
        if (total != NULL && lens->base)
            level->total_baseline += recs__trend_raw(lens, total, 1);
        recs__trend_unlock(trends, node);
    }
    level->total *= lens->scale[0];
    level->total_baseline =
        recs__trend_rest(level->total_baseline * lens->scale[1], level->total);
    level->shown = options->actors == 0 || options->min_actors == 0 ||
                   recs__trend_actors_united(kept, actors) >= (double)options->min_actors;
    if (!level->shown)
        level->total = level->total_baseline = 0.0;
}

/* ---- what a place counts --------------------------------------------------------------- */

/* Sales less returns, not scaled to the asked time yet; false: it has neither. Under the
 * lock. */
static bool net_of(const recs__trend_lens *lens, const recs__trend_node *node, uint32_t item,
                   recs__trend_seen_count *net) {
    const recs_trends *trends = lens->trends;
    const recs__trend_cell *sales = recs__trend_find_hot(trends, node, item), *returns = NULL;
    if (sales != NULL ? (sales->marks & RECS__TREND_HAS_RETURNS) != 0
                      : atomic_load_explicit(&trends->returns, memory_order_relaxed))
        returns = recs__trend_find(trends, node, item | RECS__TREND_RETURNED);
    *net = (recs__trend_seen_count){0.0, 0.0};
    if (sales != NULL) {
        net->count = recs__trend_raw(lens, sales, 0);
        net->baseline = lens->base ? recs__trend_raw(lens, sales, 1) : 0.0;
    }
    if (returns != NULL) {
        net->count -= recs__trend_raw(lens, returns, 0);
        net->baseline -= lens->base ? recs__trend_raw(lens, returns, 1) : 0.0;
    }
    return sales != NULL || returns != NULL;
}

void recs__trend_complete_near(const recs__trend_lens *lens, recs__trend_work *work,
                               const uint32_t *chosen, size_t count) {
    recs_trends *trends = lens->trends;
    bool any = false;
    for (size_t i = 0; i < count; i++)
        if (work->counts[(size_t)chosen[i] * work->stride].count < 0.0) {
            work->sums[chosen[i]] = (recs__trend_seen_count){0.0, 0.0};
            any = true;
        }
    for (uint32_t n = 0; any && n < lens->ask->near_count; n++) {
        recs__trend_node *node = recs__trend_node_at(trends, lens->ask->near[n]);
        recs__trend_read_lock(trends, node);
        for (size_t i = 0; i < count; i++) {
            uint32_t c = chosen[i];
            if (i + RECS__TREND_AHEAD < count)
                recs__trend_ask_for(trends, node, work->items[chosen[i + RECS__TREND_AHEAD]]);
            recs__trend_seen_count net;
            if (work->counts[(size_t)c * work->stride].count < 0.0 &&
                net_of(lens, node, work->items[c], &net)) {
                work->sums[c].count += net.count;
                work->sums[c].baseline += net.baseline;
            }
        }
        recs__trend_unlock(trends, node);
    }
    for (size_t i = 0; i < count; i++) {
        const recs__trend_seen_count *sum = &work->sums[chosen[i]];
        if (work->counts[(size_t)chosen[i] * work->stride].count < 0.0)
            recs__trend_set_counts(lens, work, chosen[i], 0,
                                   recs__trend_from_net(sum->count * lens->scale[0],
                                                        sum->baseline * lens->scale[1]));
    }
}

/* ---- all cells ------------------------------------------------------------------------- */

/* A candidate's sums; a new one's are 0. */
static recs__trend_seen_count *sums_of(recs__trend_work *work, uint32_t item) {
    size_t before = work->count;
    uint32_t c = recs__trend_take_candidate(work, item);
    if (work->count != before)
        work->sums[c] = (recs__trend_seen_count){0.0, 0.0};
    return &work->sums[c];
}

static recs_status near_room(recs__trend_work *work, size_t more, const recs_host *host,
                             recs_error *error) {
    recs_status status = recs__trend_candidate_room(work, host, more, error);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&work->sums, &work->sum_capacity, work->count + more,
                            sizeof *work->sums, error);
    return status;
}

/* Under the lock. */
static recs_status add_table(const recs__trend_lens *lens, recs__trend_work *work,
                             const recs__trend_node *node, const recs_host *host,
                             recs_error *error) {
    const recs_trends *trends = lens->trends;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    recs_status status = near_room(work, node->used, host, error);
    for (uint32_t at = 0; at < capacity && status == RECS_OK; at++) {
        uint32_t item = recs__trend_at(trends, cells, at)->item;
        recs__trend_seen_count net;
        if (item == RECS__TREND_FREE)
            continue;
        if ((item & RECS__TREND_RETURNED) != 0) { /* its sales' turn counts it, if there are any */
            item &= ~RECS__TREND_RETURNED;
            if (recs__trend_find(trends, node, item) != NULL)
                continue;
        }
        if (!recs__trend_asked_for(lens, item) || !net_of(lens, node, item, &net))
            continue;
        recs__trend_seen_count *sums = sums_of(work, item);
        sums->count += net.count;
        sums->baseline += net.baseline;
    }
    return status;
}

static recs_status gather_all(const recs__trend_lens *lens, recs__trend_work *work,
                              const recs_host *host, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs_status status = RECS_OK;
    for (uint32_t n = 0; n < lens->ask->near_count && status == RECS_OK; n++) {
        recs__trend_node *node = recs__trend_node_at(trends, lens->ask->near[n]);
        recs__trend_read_lock(trends, node);
        work->scanned |= node->lists != NULL;
        status = add_table(lens, work, node, host, error);
        recs__trend_unlock(trends, node);
    }
    for (uint32_t c = 0; c < work->count; c++)
        recs__trend_set_counts(lens, work, c, 0,
                               recs__trend_from_net(work->sums[c].count * lens->scale[0],
                                                    work->sums[c].baseline * lens->scale[1]));
    work->level[0].whole = true;
    return status;
}

/* ---- lists ----------------------------------------------------------------------------- */

/* Adds what is counted at a place of an item to what is known of it; the bar it is spared
 * is told apart, in baseline. */
static void add_known(recs__trend_work *work, uint32_t item, double count, double bar) {
    recs__trend_seen_count *known = sums_of(work, item);
    known->count += count;
    known->baseline += bar;
}

/* Who came last to a place where no other outside its lists can be new (trends_lists.c):
 * then there is no bar. */
static bool all_arrived(const recs__trend_lens *lens, const recs__trend_lists *lists) {
    const recs_trends *trends = lens->trends;
    return lens->ask->ranking == RECS_RANK_NEW && lens->known_old &&
           lists->base == lens->slots[trends->options.base] &&
           lists->lost <= lens->ask->time - trends->options.new_within;
}

/* One place's list, its bar in *bar. Under the lock, lists aligned. */
static recs_status add_list(const recs__trend_lens *lens, recs__trend_work *work,
                            recs__trend_node *node, uint32_t index, const recs_host *host,
                            double *bar, recs_error *error) {
    const recs_trends *trends = lens->trends;
    const recs__trend_lists *lists = node->lists;
    recs__trend_row row;
    recs_status status = recs__trend_ready(lens, work, node, index, 0, host, &row, error);
    if (status == RECS_OK)
        status = near_room(work, row.count + RECS__TREND_ARRIVALS, host, error);
    if (status != RECS_OK)
        return status;
    double most = (double)lists->bars[index];
    if (trends->options.series[lens->series[0]].half_life != 0 && most >= 0.0)
        most += 1.0; /* of half-lives values are rounded down */
    *bar = most > 0.0 ? most : 0.0;
    uint32_t arrivals = 0;
    if (*bar > 0.0 && all_arrived(lens, lists)) {
        *bar = 0.0;
        arrivals = lists->arrivals < RECS__TREND_ARRIVALS ? lists->arrivals
                                                          : RECS__TREND_ARRIVALS;
    }
    for (uint32_t i = 0; i < row.count; i++)
        if (recs__trend_asked_for(lens, row.items[i]))
            add_known(work, row.items[i], row.sums[i], *bar);
    for (uint32_t i = 0; i < arrivals; i++) {
        const recs__trend_cell *cell = recs__trend_find_hot(trends, node, lists->arrived[i]);
        recs__trend_seen_count net;
        if (cell != NULL && (cell->marks >> index & 1) == 0 &&
            recs__trend_asked_for(lens, cell->item) && net_of(lens, node, cell->item, &net))
            add_known(work, cell->item, net.count, 0.0);
    }
    return status;
}

/* Every cell of a place as known. */
static recs_status add_cells(const recs__trend_lens *lens, recs__trend_work *work,
                             const recs__trend_node *node, const recs_host *host,
                             recs_error *error) {
    const recs_trends *trends = lens->trends;
    const unsigned char *cells = atomic_load_explicit(&node->cells, memory_order_relaxed);
    uint32_t capacity = atomic_load_explicit(&node->capacity, memory_order_relaxed);
    recs_status status = near_room(work, node->used, host, error);
    for (uint32_t at = 0; at < capacity && status == RECS_OK; at++) {
        const recs__trend_cell *cell = recs__trend_at(trends, cells, at);
        if (cell->item >= RECS__TREND_ITEMS || !recs__trend_asked_for(lens, cell->item))
            continue;
        recs__trend_seen_count net = {recs__trend_raw(lens, cell, 0), 0.0};
        if (cell->marks & RECS__TREND_HAS_RETURNS)
            net_of(lens, node, cell->item, &net);
        if (net.count > 0.0)
            add_known(work, cell->item, net.count, 0.0);
    }
    return status;
}

/* Under the lock. */
static recs_status add_place(const recs__trend_lens *lens, recs__trend_work *work,
                             recs__trend_node *node, uint32_t which, bool longer,
                             const recs_host *host, double *bar, recs_error *error) {
    recs_trends *trends = lens->trends;
    recs__trend_lists *lists = node->lists;
    *bar = 0.0;
    if (lists == NULL)
        return add_cells(lens, work, node, host, error);
    recs__trend_lists_align(trends, lists, lens->slots);
    bool stale = which != lens->series[0] && lists->base != lens->slots[trends->options.base];
    if (!stale && lists->tiers > (uint32_t)longer)
        return add_list(lens, work, node,
                        which + (longer ? 2 * trends->options.series_count : 0), host, bar,
                        error);
    recs_status status = add_cells(lens, work, node, host, error);
    recs__trend_lists_build(trends, node, stale ? 1 : 2);
    work->scanned = true;
    return status;
}

/* What is certain of as many as are asked for, or what makes an item trend; sums below it
 * need no look-up. */
static double enough_of(const recs__trend_lens *lens, recs__trend_work *work) {
    const recs__trend_options *options = &lens->trends->options;
    const recs__trend_level *level = &work->level[0];
    size_t want = lens->ask->limit;
    double least = level->total / lens->floor;
    if (lens->ask->ranking == RECS_RANK_TRENDING)
        return (least > options->min_support ? least : options->min_support) / lens->scale[0] *
               (1.0 - 4e-9);
    want += lens->ask->ranking == RECS_RANK_NEW ? want / 2 + 16 : 0; /* some will turn out old */
    for (uint32_t c = 0; c < work->count; c++)
        work->least[c] = work->sums[c].count;
    return recs__trend_threshold(work, want) * (1.0 - 1e-9);
}

/* Keeps whose bound reaches enough; *rest: the largest bound of the others. Whom every
 * place with a bar has on its list is counted, unless something was returned, perhaps
 * elsewhere than it was sold. */
static void keep_best(const recs__trend_lens *lens, recs__trend_work *work, double bars,
                      double enough, double *rest) {
    bool sold = !lens->base &&
                !atomic_load_explicit(&lens->trends->returns, memory_order_relaxed);
    uint32_t kept = 0;
    *rest = bars;
    for (uint32_t c = 0; c < work->count; c++) {
        double missing = bars - work->sums[c].baseline,
               most = (work->sums[c].count + (missing > 0.0 ? missing : 0.0) + 1e-12 * bars) *
                      RECS__TREND_ROUGH;
        if (most < enough) {
            *rest = most > *rest ? most : *rest;
            continue;
        }
        work->items[kept] = work->items[c];
        work->least[kept] = 0.0;
        work->counts[(size_t)kept * work->stride] = (recs__trend_seen_count){-1.0, 0.0};
        if (sold && !(missing > 0.0 || missing < 0.0))
            recs__trend_set_counts(
                lens, work, kept, 0,
                recs__trend_from_net(work->sums[c].count * lens->scale[0], 0.0));
        kept++;
    }
    work->count = kept; /* the counts of levels above are unknown of all */
    work->index_size = 0;
}

recs_status recs__trend_gather_near(const recs__trend_lens *lens, recs__trend_work *work,
                                    recs__trend_depth depth, const recs_host *host,
                                    recs_error *error) {
    recs_trends *trends = lens->trends;
    bool bounded, longer = depth == RECS__TREND_LONG_LISTS_SOME || depth >= RECS__TREND_DEEPER;
    uint32_t which = recs__trend_list_of(lens, &bounded);
    recs_status status = RECS_OK;
    double bars = 0.0, rest;
    size_t cells = 0, unknown = 0;
    work->indexed = true;
    if (!bounded || depth == RECS__TREND_ALL || lens->leans)
        return gather_all(lens, work, host, error);
    for (uint32_t n = 0; n < lens->ask->near_count && status == RECS_OK; n++) {
        recs__trend_node *node = recs__trend_node_at(trends, lens->ask->near[n]);
        double bar;
        recs__trend_read_lock(trends, node);
        status = add_place(lens, work, node, which, longer, host, &bar, error);
        cells += node->used;
        recs__trend_unlock(trends, node);
        bars += bar;
    }
    if (status != RECS_OK)
        return status;
    keep_best(lens, work, bars, enough_of(lens, work), &rest);
    status = recs__grow(host, (void **)&work->chosen, &work->chosen_capacity, work->count,
                        sizeof *work->chosen, error);
    if (status != RECS_OK)
        return status;
    for (uint32_t c = 0; c < work->count; c++) {
        work->chosen[c] = c;
        unknown += work->counts[(size_t)c * work->stride].count < 0.0;
    }
    if (unknown * lens->ask->near_count > cells) { /* going through all is less work */
        work->count = work->index_size = 0;
        return gather_all(lens, work, host, error);
    }
    recs__trend_complete_near(lens, work, work->chosen, work->count);
    work->level[0].bar = rest * RECS__TREND_ROUGH * lens->scale[0];
    return status;
}
