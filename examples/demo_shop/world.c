/*
 * world.c - builds what never changes: items in groups of variants, their
 * cells (category x style) and brands, popularity, complements, stock-outs,
 * launches, and the planted specials (bursts, wholesale lines, the bot).
 *
 * Creation is O(items log items). Users take no memory here: a taste is
 * derived from the seed and the user's number whenever it is needed.
 *
 * Invariants: every cell and brand that a taste names has at least one item;
 * the first group is on sale every day, so a global draw can always succeed.
 */
#include "shop.h"

#include <stdlib.h>
#include <string.h>

static uint32_t clamp_u32(uint32_t x, uint32_t low, uint32_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* ---- items ------------------------------------------------------------------- */

static uint32_t group_size(uint64_t hash)
{
    static const uint8_t sizes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4};
    return sizes[hash >> 60];
}

/* Fills group, cell, brand, price, launch and stock-out of every item. */
static int make_items(shop_world *world)
{
    const shop_plan *plan = &world->plan;
    uint64_t seed = plan->seed;
    uint32_t group = 0;
    for (uint32_t i = 0; i < plan->items; group++) {
        uint64_t h = shop_hash(seed, SHOP_TAG_GROUP, group);
        uint32_t size = group_size(h), end = i + size;
        uint32_t category = (uint32_t)shop_scale(h << 4, world->categories);
        uint32_t style = (uint32_t)shop_scale(h << 20, world->styles);
        uint32_t brand = (uint32_t)shop_scale(h << 34, world->brands);
        uint64_t l = shop_hash(seed, SHOP_TAG_LAUNCH, group);
        uint32_t launch = 0;
        if (group != 0 && (l & 255) < 40)
            launch = (uint32_t)shop_scale(l, plan->days);
        for (uint32_t variant = 0; i < end && i < plan->items; i++, variant++) {
            shop_item *item = &world->items[i];
            uint64_t own = shop_hash(seed, SHOP_TAG_STOCK, i);
            *item = (shop_item){.group = group, .brand = (uint16_t)brand,
                                .cell = (uint16_t)(category * world->styles + style),
                                .category = (uint8_t)category, .variant = (uint8_t)variant,
                                .launch = (uint16_t)launch};
            /* Squaring a uniform number makes many cheap things and a few dear ones. */
            uint64_t u = h << 44 >> 48;
            item->price = (uint32_t)(199 + (u * u >> 18) + variant * 50);
            if (group != 0 && (own & 255) < 90) {
                uint32_t length = 2 + (uint32_t)((own >> 8) % 12);
                item->out_from = (uint16_t)shop_scale(own, plan->days);
                uint32_t to = item->out_from + length;
                item->out_to = (uint16_t)(to < plan->days ? to : plan->days);
            }
        }
    }
    world->groups = group;
    world->group_brand = malloc((size_t)group * sizeof *world->group_brand);
    if (world->group_brand == NULL)
        return shop_fail("out of memory for %u groups", group);
    for (uint32_t i = 0; i < plan->items; i++)
        world->group_brand[world->items[i].group] = world->items[i].brand;
    return 0;
}

/* ---- lists ------------------------------------------------------------------- */

struct member {
    uint64_t list_then_order; /* list in the high 16 bits, the group's place by hash below */
    uint32_t item;
};

static int member_order(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    if (a->list_then_order != b->list_then_order)
        return a->list_then_order < b->list_then_order ? -1 : 1;
    return a->item < b->item ? -1 : a->item > b->item;
}

/* Popularity in a cell: 1 / (place + 4) for the group, shared out among its variants. */
static void weigh_items(shop_world *world, const struct member *members)
{
    static const uint8_t share[4] = {6, 3, 2, 1};
    uint32_t place = 0, cell = UINT32_MAX, group = UINT32_MAX;
    for (uint32_t i = 0; i < world->plan.items; i++) {
        shop_item *item = &world->items[members[i].item];
        if (item->cell != cell) {
            cell = item->cell;
            place = 0;
        } else if (item->group != group) {
            place++;
        }
        group = item->group;
        item->weight = (uint32_t)((UINT32_C(1) << 28) / (place + 4)) * share[item->variant] / 12 + 1;
    }
}

static int make_lists(shop_world *world, shop_lists *lists, uint32_t count, bool by_brand)
{
    uint32_t n = world->plan.items;
    struct member *members = malloc((size_t)n * sizeof *members);
    lists->count = count;
    lists->start = calloc((size_t)count + 1, sizeof *lists->start);
    lists->items = malloc((size_t)n * sizeof *lists->items);
    lists->cum = malloc((size_t)n * sizeof *lists->cum);
    if (members == NULL || lists->start == NULL || lists->items == NULL || lists->cum == NULL) {
        free(members);
        return shop_fail("out of memory for lists of %u items", n);
    }
    for (uint32_t i = 0; i < n; i++) {
        const shop_item *item = &world->items[i];
        uint64_t list = by_brand ? item->brand : item->cell;
        uint64_t order = shop_hash(world->plan.seed, SHOP_TAG_GROUP_ORDER, item->group) >> 16;
        members[i] = (struct member){.list_then_order = list << 48 | order, .item = i};
        lists->start[list + 1]++;
    }
    qsort(members, n, sizeof *members, member_order);
    if (!by_brand)
        weigh_items(world, members);
    for (uint32_t list = 0; list < count; list++) {
        uint64_t sum = 0;
        lists->start[list + 1] += lists->start[list];
        for (uint32_t at = lists->start[list]; at < lists->start[list + 1]; at++) {
            lists->items[at] = members[at].item;
            sum += world->items[members[at].item].weight;
            lists->cum[at] = sum;
        }
    }
    free(members);
    return 0;
}

/* The first index in [from, to) whose running sum exceeds x. */
static uint32_t find_cum(const uint64_t *cum, uint32_t from, uint32_t to, uint64_t x)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (cum[middle] > x)
            to = middle;
        else
            from = middle + 1;
    }
    return from;
}

uint32_t shop_lists_draw(const shop_lists *lists, uint32_t list, shop_rng *rng)
{
    uint32_t from = lists->start[list], to = lists->start[list + 1];
    uint64_t x = shop_rng_below(rng, lists->cum[to - 1]);
    return lists->items[find_cum(lists->cum, from, to, x)];
}

uint32_t shop_world_cell_at(const shop_world *world, uint64_t x)
{
    uint32_t count = world->cells.count;
    return find_cum(world->cell_cum, 0, count, shop_scale(x, world->cell_cum[count - 1]));
}

uint32_t shop_world_draw_global(const shop_world *world, shop_rng *rng)
{
    uint32_t cell = shop_world_cell_at(world, shop_rng_next(rng));
    return shop_lists_draw(&world->cells, cell, rng);
}

/* Cells: 1 / (category's place + 3) * 1 / (style's place + 3), none where nothing is in it. */
static int weigh_cells(shop_world *world)
{
    uint32_t count = world->cells.count;
    world->cell_cum = malloc((size_t)count * sizeof *world->cell_cum);
    if (world->cell_cum == NULL)
        return shop_fail("out of memory for %u cells", count);
    uint64_t sum = 0;
    for (uint32_t cell = 0; cell < count; cell++) {
        uint64_t category = cell / world->styles, style = cell % world->styles;
        if (world->cells.start[cell + 1] > world->cells.start[cell])
            sum += (UINT64_C(1) << 30) / ((category + 3) * (style + 3));
        world->cell_cum[cell] = sum;
    }
    return 0;
}

/* Two items of the neighbouring category and the same style go with each item. */
static void pair_items(shop_world *world)
{
    for (uint32_t i = 0; i < world->plan.items; i++) {
        shop_item *item = &world->items[i];
        uint32_t partner = item->category ^ 1u;
        if (partner >= world->categories)
            partner = item->category;
        uint32_t cell = partner * world->styles + item->cell % world->styles;
        uint32_t from = world->cells.start[cell], size = world->cells.start[cell + 1] - from;
        for (unsigned e = 0; e < 2; e++) {
            uint64_t h = shop_hash(world->plan.seed, SHOP_TAG_COMPLEMENT, 2 * (uint64_t)i + e);
            item->complement[e] = size ? world->cells.items[from + shop_scale(h, size)] : i;
        }
    }
}

/* ---- specials ---------------------------------------------------------------- */

/* Bursts and wholesale lines lie before the cut, so they do not disturb the truth after it. */
static void plant(shop_world *world)
{
    const shop_plan *plan = &world->plan;
    uint64_t seed = plan->seed;
    uint32_t days[SHOP_BURSTS] = {plan->cut_day / 2, plan->cut_day - 1};
    world->burst_count = plan->cut_day >= 2 ? SHOP_BURSTS : 1;
    for (uint32_t b = 0; b < world->burst_count; b++) {
        shop_burst *burst = &world->bursts[b];
        burst->city = (uint32_t)shop_scale(shop_hash(seed, SHOP_TAG_BURST, b), shop_city_count());
        burst->day = days[b];
        burst->from = plan->from + burst->day * SHOP_DAY_MS + 9 * SHOP_HOUR_MS;
        burst->until = burst->from + 14 * SHOP_HOUR_MS;
        for (uint32_t i = 0; i < SHOP_BURST_ITEMS; i++) {
            /* Ordinary, little known items: those that would not be seen without the burst. */
            uint32_t item = 0;
            for (uint64_t attempt = 0; attempt < 64; attempt++) {
                uint64_t h = shop_hash(seed, SHOP_TAG_BURST, 1000 * (b + 1) + 100 * i + attempt);
                item = (uint32_t)shop_scale(h, plan->items);
                if (shop_item_on_sale(&world->items[item], burst->day))
                    break;
                item = 0;
            }
            burst->items[i] = item;
        }
    }
    world->wholesale_count = plan->events >= 1000 ? SHOP_WHOLESALES : 0;
    for (uint32_t w = 0; w < world->wholesale_count; w++) {
        shop_wholesale *line = &world->wholesales[w];
        uint64_t h = shop_hash(seed, SHOP_TAG_WHOLESALE, w);
        uint32_t day = plan->cut_day * (w + 1) / (SHOP_WHOLESALES + 1);
        line->time = plan->from + day * SHOP_DAY_MS + 10 * SHOP_HOUR_MS + (int64_t)(h % 3600000);
        line->returned = line->time + 120000 + (int64_t)(h >> 32) % 600000;
        line->quantity = 60000 + (uint32_t)(h >> 20) % 30000;
        line->item = (uint32_t)shop_scale(h, plan->items);
        if (!shop_item_on_sale(&world->items[line->item], day))
            line->item = 0;
    }
    world->bot_events = plan->events >= 1000 ? plan->events / 100 : 0;
    world->bot_from = plan->from + plan->cut_day / 3 * SHOP_DAY_MS + 2 * SHOP_HOUR_MS;
    world->bot_until = world->bot_from + 2 * SHOP_HOUR_MS;
}

int shop_world_create(shop_world *world, const shop_plan *plan)
{
    memset(world, 0, sizeof *world);
    world->plan = *plan;
    world->categories = clamp_u32(plan->items / 100, 4, SHOP_MAX_CATEGORIES);
    world->styles = clamp_u32(plan->items / 400, 3, SHOP_MAX_STYLES);
    world->brands = clamp_u32(plan->items / 60, 4, 2000);
    world->items = malloc((size_t)plan->items * sizeof *world->items);
    if (world->items == NULL)
        return shop_fail("out of memory for %u items", plan->items);
    if (make_items(world) != 0 ||
        make_lists(world, &world->cells, world->categories * world->styles, false) != 0 ||
        make_lists(world, &world->by_brand, world->brands, true) != 0 || weigh_cells(world) != 0)
        return -1;
    pair_items(world);
    for (uint32_t c = 0; c < shop_city_count(); c++)
        world->city_cell[c] = shop_world_cell_at(world, shop_hash(plan->seed, SHOP_TAG_CITY, c));
    plant(world);
    return 0;
}

static void destroy_lists(shop_lists *lists)
{
    free(lists->start);
    free(lists->items);
    free(lists->cum);
}

void shop_world_destroy(shop_world *world)
{
    destroy_lists(&world->cells);
    destroy_lists(&world->by_brand);
    free(world->items);
    free(world->cell_cum);
    free(world->group_brand);
}

/* ---- users -------------------------------------------------------------------- */

void shop_world_taste(const shop_world *world, uint64_t tag, uint64_t key, shop_taste *taste)
{
    uint64_t own = shop_hash(world->plan.seed, tag, key);
    for (unsigned i = 0; i < SHOP_INTERESTS; i++)
        taste->cell[i] = shop_world_cell_at(world, shop_hash(own, SHOP_TAG_USER, i));
    /* Through a group, so that a brand without items is never anyone's favourite. */
    uint64_t group = shop_scale(shop_hash(own, SHOP_TAG_USER_BRAND, 0), world->groups);
    taste->brand = world->group_brand[group];
    taste->city = shop_city_at(shop_hash(own, SHOP_TAG_USER_CITY, 0));
}

uint32_t shop_world_join_day(const shop_world *world, uint32_t user)
{
    uint64_t h = shop_hash(world->plan.seed, SHOP_TAG_JOIN, user);
    return (h & 255) < 180 ? 0 : (uint32_t)shop_scale(h, world->plan.days);
}

uint32_t shop_world_user_at(const shop_world *world, uint32_t place)
{
    /* A prime above every permitted number of users, so this is a bijection. */
    uint64_t offset = shop_hash(world->plan.seed, SHOP_TAG_SCATTER, 0) >> 32;
    return (uint32_t)((place * UINT64_C(2654435761) + offset) % world->plan.users);
}

uint32_t shop_world_price(const shop_world *world, uint32_t item, uint32_t day)
{
    uint32_t price = world->items[item].price;
    uint64_t week = (uint64_t)item << 16 | day / 7;
    uint64_t h = shop_hash(world->plan.seed, SHOP_TAG_SALE_WEEK, week);
    return (h & 255) < 13 ? price - price / 5 : price;
}
