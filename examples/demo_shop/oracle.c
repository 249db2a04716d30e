/*
 * oracle.c - ranks items by the planted truth: the expected number of visits
 * of each item in one visit's draw after the cut, known because simulate.c
 * draws from it. For taste weights w over lists L (README.md has the whole):
 *
 *   score(i) = S(i) * B(i) + sum over items j with complement i of
 *              (SHOP_W_COMPLEMENT/256)/2 * E(j, i) * B(j)
 *   B(i)     = sum over L of w(L) * weight(i) / weight(L)
 *
 * S(i): the mean over the days after the cut (by base draws) of on sale times
 * season; E(j, i): the mean of the product of both. The score is linear in
 * the w(L), so the global part is computed once and a user costs only the
 * members of five lists: exact, without scoring every item for every user.
 *
 * Doubles with + * / alone, in a fixed order: the same bits everywhere.
 * Memory: 54 bytes an item. Creation O(items * days after the cut).
 */
#include "shop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fills on_sale and edge from the day shares of the draws. */
static int measure_days(shop_oracle *oracle, const uint64_t *draws)
{
    const shop_world *world = oracle->world;
    const shop_plan *plan = &world->plan;
    uint32_t days = plan->days - plan->cut_day;
    double *demand = malloc((size_t)days * (world->categories + 1) * sizeof *demand);
    double total = 0;
    if (demand == NULL)
        return shop_fail("out of memory for %u days", days);
    for (uint32_t d = 0; d < days; d++)
        total += (double)draws[plan->cut_day + d];
    for (uint32_t d = 0; d < days; d++) {
        double *row = demand + (size_t)d * (world->categories + 1);
        row[world->categories] = total > 0 ? (double)draws[plan->cut_day + d] / total : 0;
        for (uint32_t c = 0; c < world->categories; c++)
            row[c] = shop_season(plan, c, plan->cut_day + d) / 256.0;
    }
    for (uint32_t i = 0; i < plan->items; i++) {
        const shop_item *item = &world->items[i];
        for (uint32_t d = 0; d < days; d++) {
            const double *row = demand + (size_t)d * (world->categories + 1);
            if (!shop_item_on_sale(item, plan->cut_day + d))
                continue;
            double met = row[world->categories] * row[item->category];
            oracle->on_sale[i] += met;
            for (unsigned e = 0; e < 2; e++) {
                const shop_item *other = &world->items[item->complement[e]];
                if (other != item && shop_item_on_sale(other, plan->cut_day + d))
                    oracle->edge[2 * (size_t)i + e] += met * row[other->category];
            }
        }
    }
    free(demand);
    return 0;
}

static void add(shop_oracle *oracle, uint32_t item, double amount)
{
    if (amount <= 0)
        return;
    if (oracle->sum[item] <= 0)
        oracle->touched[oracle->touched_count++] = item;
    oracle->sum[item] += amount;
}

/* Adds w times what a draw from the list brings. */
static void add_list(shop_oracle *oracle, const shop_lists *lists, uint32_t list, double w)
{
    uint32_t from = lists->start[list], to = lists->start[list + 1];
    if (from == to || w <= 0)
        return;
    double per_weight = w / (double)lists->cum[to - 1];
    for (uint32_t at = from; at < to; at++) {
        uint32_t j = lists->items[at];
        const shop_item *item = &oracle->world->items[j];
        double drawn = per_weight * (double)item->weight;
        add(oracle, j, oracle->on_sale[j] * drawn);
        for (unsigned e = 0; e < 2; e++)
            add(oracle, item->complement[e],
                SHOP_W_COMPLEMENT / 512.0 * oracle->edge[2 * (size_t)j + e] * drawn);
    }
}

static void clear(shop_oracle *oracle)
{
    for (uint32_t t = 0; t < oracle->touched_count; t++)
        oracle->sum[oracle->touched[t]] = 0;
    oracle->touched_count = 0;
}

static void add_global(shop_oracle *oracle, double w)
{
    const shop_world *world = oracle->world;
    double total = (double)world->cell_cum[world->cells.count - 1];
    for (uint32_t cell = 0; cell < world->cells.count; cell++) {
        uint64_t own = world->cell_cum[cell] - (cell > 0 ? world->cell_cum[cell - 1] : 0);
        add_list(oracle, &world->cells, cell, w * (double)own / total);
    }
}

/* The shares of the base draws: one taste's, times `w`, but for the global one. */
static void share_out(const shop_world *world, const shop_taste *taste, double w, double *cells,
                      double *brands)
{
    static const double interest[SHOP_INTERESTS] = {
        SHOP_W_INTEREST_0 / 256.0, SHOP_W_INTEREST_1 / 256.0, SHOP_W_INTEREST_2 / 256.0,
    };
    for (unsigned i = 0; i < SHOP_INTERESTS; i++)
        cells[taste->cell[i]] += w * interest[i];
    brands[taste->brand] += w * (SHOP_W_BRAND / 256.0);
    cells[world->city_cell[taste->city]] += w * (SHOP_W_CITY / 256.0);
}

/* The average user after the cut: users weighted by how often they come and since when. */
static int add_average(shop_oracle *oracle, const uint64_t *draws)
{
    const shop_world *world = oracle->world;
    const shop_plan *plan = &world->plan;
    double *cells = calloc((size_t)world->cells.count + world->brands, sizeof *cells);
    double *since = calloc((size_t)plan->days + 1, sizeof *since);
    if (cells == NULL || since == NULL) {
        free(cells);
        free(since);
        return shop_fail("out of memory for %u lists", world->cells.count + world->brands);
    }
    double *brands = cells + world->cells.count, total = 0, before = 0;
    for (uint32_t d = plan->days; d > 0; d--)
        since[d - 1] = since[d] + (d - 1 >= plan->cut_day ? (double)draws[d - 1] : 0);
    for (uint32_t place = 0; place < plan->users; place++) {
        /* simulate.c makes places of (16 r^2 + r) / 17, r uniform; those up to this one take: */
        double upto = (sqrt(1 + 1088 * ((place + 1.0) / plan->users)) - 1) / 32;
        uint32_t user = shop_world_user_at(world, place);
        double w = (upto - before) * since[shop_world_join_day(world, user)];
        shop_taste taste;
        before = upto;
        shop_world_taste(world, SHOP_TAG_USER, user, &taste);
        share_out(world, &taste, w, cells, brands);
        total += w;
    }
    if (total > 0) {
        for (uint32_t cell = 0; cell < world->cells.count; cell++)
            add_list(oracle, &world->cells, cell, cells[cell] / total);
        for (uint32_t brand = 0; brand < world->brands; brand++)
            add_list(oracle, &world->by_brand, brand, brands[brand] / total);
    }
    add_global(oracle, SHOP_W_GLOBAL / 256.0);
    free(cells);
    free(since);
    return 0;
}

struct scored {
    double score;
    uint32_t item;
};

static int best_first(const void *left, const void *right)
{
    const struct scored *a = left, *b = right;
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    return a->item < b->item ? -1 : a->item > b->item;
}

static int order_items(const shop_oracle *oracle, const double *scores, uint32_t *order)
{
    uint32_t n = oracle->world->plan.items;
    struct scored *all = malloc((size_t)n * sizeof *all);
    if (all == NULL)
        return shop_fail("out of memory for the order of %u items", n);
    for (uint32_t i = 0; i < n; i++)
        all[i] = (struct scored){scores[i], i};
    qsort(all, n, sizeof *all, best_first);
    for (uint32_t i = 0; i < n; i++)
        order[i] = all[i].item;
    free(all);
    return 0;
}

int shop_oracle_create(shop_oracle *oracle, const shop_world *world, const uint64_t *draws)
{
    size_t n = world->plan.items;
    memset(oracle, 0, sizeof *oracle);
    oracle->world = world;
    oracle->on_sale = calloc(n, sizeof *oracle->on_sale);
    oracle->edge = calloc(2 * n, sizeof *oracle->edge);
    oracle->global = malloc(n * sizeof *oracle->global);
    oracle->sum = calloc(n, sizeof *oracle->sum);
    oracle->touched = malloc(n * sizeof *oracle->touched);
    oracle->masked = calloc(n, sizeof *oracle->masked);
    oracle->by_global = malloc(n * sizeof *oracle->by_global);
    oracle->by_popular = malloc(n * sizeof *oracle->by_popular);
    if (!oracle->on_sale || !oracle->edge || !oracle->global || !oracle->sum || !oracle->touched ||
        !oracle->masked || !oracle->by_global || !oracle->by_popular)
        return shop_fail("out of memory for the oracle of %zu items", n);
    if (measure_days(oracle, draws) != 0 || add_average(oracle, draws) != 0 ||
        order_items(oracle, oracle->sum, oracle->by_popular) != 0)
        return -1;
    clear(oracle);
    add_global(oracle, SHOP_W_GLOBAL / 256.0);
    memcpy(oracle->global, oracle->sum, n * sizeof *oracle->global);
    clear(oracle);
    return order_items(oracle, oracle->global, oracle->by_global);
}

void shop_oracle_destroy(shop_oracle *oracle)
{
    free(oracle->on_sale);
    free(oracle->edge);
    free(oracle->global);
    free(oracle->sum);
    free(oracle->touched);
    free(oracle->masked);
    free(oracle->by_global);
    free(oracle->by_popular);
}

/* Keeps the best SHOP_TOP, best first; returns how many there are. */
static uint32_t offer(struct scored *top, uint32_t count, double score, uint32_t item)
{
    struct scored candidate = {score, item};
    if (count == SHOP_TOP && best_first(&candidate, &top[count - 1]) > 0)
        return count;
    uint32_t at = count < SHOP_TOP ? count++ : count - 1;
    for (; at > 0 && best_first(&candidate, &top[at - 1]) < 0; at--)
        top[at] = top[at - 1];
    top[at] = candidate;
    return count;
}

uint32_t shop_oracle_rank(shop_oracle *oracle, uint32_t user, uint32_t items[SHOP_TOP])
{
    const shop_world *world = oracle->world;
    struct scored top[SHOP_TOP];
    uint32_t count = 0, untouched = 0;
    shop_taste taste;
    shop_world_taste(world, SHOP_TAG_USER, user, &taste);
    add_list(oracle, &world->cells, taste.cell[0], SHOP_W_INTEREST_0 / 256.0);
    add_list(oracle, &world->cells, taste.cell[1], SHOP_W_INTEREST_1 / 256.0);
    add_list(oracle, &world->cells, taste.cell[2], SHOP_W_INTEREST_2 / 256.0);
    add_list(oracle, &world->by_brand, taste.brand, SHOP_W_BRAND / 256.0);
    add_list(oracle, &world->cells, world->city_cell[taste.city], SHOP_W_CITY / 256.0);
    for (uint32_t t = 0; t < oracle->touched_count; t++) {
        uint32_t item = oracle->touched[t];
        if (!oracle->masked[item])
            count = offer(top, count, oracle->sum[item] + oracle->global[item], item);
    }
    /* Of the others only the globally best can be among the best. */
    for (uint32_t i = 0; i < world->plan.items && untouched < SHOP_TOP; i++) {
        uint32_t item = oracle->by_global[i];
        if (oracle->masked[item] || oracle->sum[item] > 0)
            continue;
        count = offer(top, count, oracle->global[item], item);
        untouched++;
    }
    clear(oracle);
    for (uint32_t i = 0; i < count; i++)
        items[i] = top[i].item;
    return count;
}

uint32_t shop_oracle_rank_popular(const shop_oracle *oracle, uint32_t items[SHOP_TOP])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < oracle->world->plan.items && count < SHOP_TOP; i++)
        if (!oracle->masked[oracle->by_popular[i]])
            items[count++] = oracle->by_popular[i];
    return count;
}
