/*
 * simulate.c - runs the shop. Time goes in slices of at most an hour; each
 * slice starts as many sessions as its share of the events asks for. A
 * session is made whole when it starts and its events wait in a queue, so
 * the log comes out in order of time and only open sessions are in memory;
 * returns wait in a queue of their own, at most MAX_RETURNS of them.
 *
 * A session is a list of visits. The truth about one (see README.md):
 *   1. a base draw picks item j by the user's taste;
 *   2. the visit happens if j is on sale that day and its category's season
 *      lets it pass (chance season/256); otherwise nothing is written;
 *   3. after a visit that happened, with chance SHOP_W_COMPLEMENT/256 one of
 *      the two complements of j is visited, if that too is on sale and in season.
 * Whether a visited item goes into the cart, is bought or returned does not
 * depend on the item. So the expected number of visits, and of sales, of an
 * item to a user is known, which is what oracle.c ranks by.
 */
#include "shop.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_RETURNS = 1 << 18, /* returns open at once; a sale beyond that is kept */
    MAX_CART = 16,
    SLICE_EVENTS = 2048,   /* aimed at; a slice is never longer than an hour */
    BOUGHT = 3             /* consumables a user is known to come back for */
};

/* Consumables a user bought, to be bought again. */
struct habits {
    uint32_t item[BOUGHT]; /* item + 1; 0 = none */
    uint16_t day[BOUGHT];
};

struct shop_run {
    const shop_world *world;
    shop_sink sink;
    void *user_data;
    shop_tally *tally;
    shop_rng rng;
    shop_queue open, returns;
    struct habits *habits;
    uint16_t seasons[SHOP_MAX_CATEGORIES]; /* of the current day */
    uint64_t regular, pushed;              /* events asked for and made, specials aside */
    uint64_t bot_pushed, sessions, baskets;
    uint32_t gap_ms; /* longest pause between two steps of a session */
    bool failed;
};

/* One session while it is made. */
struct session {
    shop_event event; /* the template of the next event */
    uint32_t day;
    int64_t time;
    uint32_t cart[MAX_CART];
    unsigned cart_count;
};

static bool put(struct shop_run *run, shop_queue *queue, const shop_event *event)
{
    if (run->pushed >= run->regular || run->failed)
        return false;
    if (shop_queue_push(queue, event) != 0) {
        run->failed = true;
        return false;
    }
    run->pushed++;
    return true;
}

/* Specials have their own budget. */
static void put_special(struct shop_run *run, const shop_event *event)
{
    if (!run->failed && shop_queue_push(&run->open, event) != 0)
        run->failed = true;
}

static bool step(struct shop_run *run, struct session *s, uint8_t type)
{
    int64_t last = shop_plan_until(&run->world->plan) - 1;
    s->event.type = type;
    s->event.time = s->time < last ? s->time : last;
    return put(run, &run->open, &s->event);
}

static void pause_between(struct shop_run *run, struct session *s)
{
    s->time += (int64_t)shop_rng_below(&run->rng, run->gap_ms) + (run->gap_ms >= 80000 ? 1500 : 0);
}

/* On sale, and let through by the season. */
static bool met(struct shop_run *run, uint32_t item_number, uint32_t day)
{
    const shop_item *item = &run->world->items[item_number];
    return shop_item_on_sale(item, day) && shop_rng_chance(&run->rng, run->seasons[item->category]);
}

static uint32_t draw_item(struct shop_run *run, const shop_taste *taste)
{
    const shop_world *world = run->world;
    unsigned x = (unsigned)(shop_rng_next(&run->rng) >> 56);
    if (x < SHOP_W_INTEREST_0)
        return shop_lists_draw(&world->cells, taste->cell[0], &run->rng);
    x -= SHOP_W_INTEREST_0;
    if (x < SHOP_W_INTEREST_1)
        return shop_lists_draw(&world->cells, taste->cell[1], &run->rng);
    x -= SHOP_W_INTEREST_1;
    if (x < SHOP_W_INTEREST_2)
        return shop_lists_draw(&world->cells, taste->cell[2], &run->rng);
    x -= SHOP_W_INTEREST_2;
    if (x < SHOP_W_BRAND)
        return shop_lists_draw(&world->by_brand, taste->brand, &run->rng);
    x -= SHOP_W_BRAND;
    if (x < SHOP_W_CITY)
        return shop_lists_draw(&world->cells, world->city_cell[taste->city], &run->rng);
    return shop_world_draw_global(world, &run->rng);
}

/* In a burst, a third of the base draws in its city go to its items. */
static bool draw_burst(struct shop_run *run, const struct session *s, uint32_t *item)
{
    for (uint32_t b = 0; b < run->world->burst_count; b++) {
        const shop_burst *burst = &run->world->bursts[b];
        if (s->event.city == burst->city && s->time >= burst->from && s->time < burst->until &&
            shop_rng_chance(&run->rng, 85)) {
            *item = burst->items[shop_rng_below(&run->rng, SHOP_BURST_ITEMS)];
            return true;
        }
    }
    return false;
}

/* A recommended visit was one of four items shown; the other three are of the global draw. */
static void show(struct shop_run *run, struct session *s, uint32_t item)
{
    shop_event visited = s->event;
    for (unsigned i = 0; i < 4; i++) {
        s->event.item = i == 0 ? item : shop_world_draw_global(run->world, &run->rng);
        s->event.position = (uint8_t)(i == 0 ? visited.position : (visited.position + i - 1) % 10 + 1);
        if (shop_item_on_sale(&run->world->items[s->event.item], s->day))
            step(run, s, SHOP_IMPRESSION);
    }
    s->event = visited;
}

/* A view, now and then a dislike, often the cart. */
static void visit(struct shop_run *run, struct session *s, uint32_t item, bool to_cart)
{
    uint64_t x = shop_rng_next(&run->rng);
    s->event.item = item;
    s->event.price = shop_world_price(run->world, item, s->day);
    s->event.quantity = 1;
    s->event.placement = s->event.position = 0;
    if ((x & 3) == 0) {
        s->event.placement = (uint8_t)(1 + (x >> 2) % 3);
        s->event.position = (uint8_t)(1 + (x >> 8) % 10);
        if (run->world->plan.impressions)
            show(run, s, item);
    }
    step(run, s, SHOP_VIEW);
    pause_between(run, s);
    bool wanted = to_cart || (x >> 16 & 255) < 64;
    if (!wanted) {
        if ((x >> 24 & 1023) < 8)
            step(run, s, SHOP_DISLIKE);
        return;
    }
    for (unsigned i = 0; i < s->cart_count; i++)
        if (s->cart[i] == item)
            return;
    if (s->cart_count < MAX_CART && step(run, s, SHOP_CART)) {
        s->cart[s->cart_count++] = item;
        pause_between(run, s);
    }
}

/* Whether this sale, made by `event`, will be returned; if so the return is queued. */
static bool plan_return(struct shop_run *run, const shop_event *event)
{
    uint64_t x = shop_rng_next(&run->rng);
    if ((x & 255) >= 18 || run->returns.count >= MAX_RETURNS)
        return false;
    shop_event back = *event;
    back.type = SHOP_RETURN;
    back.session = 0;
    back.placement = back.position = 0;
    back.time += SHOP_DAY_MS / 2 + (int64_t)shop_scale(x, (uint64_t)(13 * SHOP_DAY_MS));
    if (back.time >= shop_plan_until(&run->world->plan))
        return false;
    /* Half of those who bought several keep some. */
    if (event->quantity > 1 && (x >> 8 & 1))
        back.quantity = 1;
    back.quantity = -back.quantity;
    return put(run, &run->returns, &back);
}

static void buy(struct shop_run *run, struct session *s, uint32_t item)
{
    uint64_t x = shop_rng_next(&run->rng);
    bool consumable = shop_category_consumable(run->world->items[item].category);
    s->event.item = item;
    s->event.price = shop_world_price(run->world, item, s->day);
    s->event.quantity = 1;
    if ((x & 255) < (consumable ? 100u : 30u))
        s->event.quantity += 1 + (int32_t)((x >> 8) % 4);
    s->event.placement = s->event.position = 0;
    if (!step(run, s, SHOP_BUY))
        return;
    bool returned = plan_return(run, &s->event);
    if (!returned && consumable && s->event.user != SHOP_GUEST) {
        struct habits *habits = &run->habits[s->event.user];
        unsigned at = (unsigned)((x >> 16) % BOUGHT);
        for (unsigned i = 0; i < BOUGHT; i++)
            if (habits->item[i] == item + 1)
                at = i;
        habits->item[at] = item + 1;
        habits->day[at] = (uint16_t)s->day;
    }
}

/* A consumable bought on an earlier day is bought again. */
static void visit_habit(struct shop_run *run, struct session *s)
{
    if (s->event.user == SHOP_GUEST || !shop_rng_chance(&run->rng, 90))
        return;
    const struct habits *habits = &run->habits[s->event.user];
    unsigned at = (unsigned)shop_rng_below(&run->rng, BOUGHT);
    if (habits->item[at] == 0 || habits->day[at] >= s->day)
        return;
    uint32_t item = habits->item[at] - 1;
    if (shop_item_on_sale(&run->world->items[item], s->day))
        visit(run, s, item, true);
}

/* Who comes: an account by activity (places near 0 come most often), or a guest. */
static uint32_t draw_user(struct shop_run *run, uint32_t day)
{
    if (shop_rng_chance(&run->rng, 51))
        return SHOP_GUEST;
    for (unsigned attempt = 0; attempt < 8; attempt++) {
        uint64_t r = shop_rng_next(&run->rng);
        uint64_t squared = (uint64_t)(((shop_u128)r * r) >> 64);
        uint64_t spread = squared - squared / 17 + r / 17; /* (16 r^2 + r) / 17 */
        uint32_t place = (uint32_t)shop_scale(spread, run->world->plan.users);
        uint32_t user = shop_world_user_at(run->world, place);
        if (shop_world_join_day(run->world, user) <= day)
            return user;
    }
    return SHOP_GUEST; /* almost nobody has an account yet */
}

static void make_session(struct shop_run *run, int64_t start, uint32_t day)
{
    const shop_world *world = run->world;
    shop_taste taste;
    struct session s = {.day = day, .time = start};
    s.event.session = ++run->sessions;
    s.event.user = draw_user(run, day);
    bool guest = s.event.user == SHOP_GUEST;
    run->tally->guests += guest;
    shop_world_taste(world, guest ? SHOP_TAG_GUEST : SHOP_TAG_USER,
                     guest ? s.event.session : s.event.user, &taste);
    s.event.city = (uint8_t)taste.city;
    uint64_t x = shop_rng_next(&run->rng);
    if ((x & 255) < 8) /* on a journey */
        s.event.city = (uint8_t)shop_scale(x, shop_city_count());
    unsigned visits = 1 + (unsigned)(x >> 8 & 3) + (unsigned)(x >> 10 & 3);
    for (unsigned v = 0; v < visits; v++) {
        uint32_t item;
        if (!draw_burst(run, &s, &item)) {
            item = draw_item(run, &taste);
            run->tally->draws[day] += !guest;
        }
        if (!met(run, item, day))
            continue;
        visit(run, &s, item, false);
        if (shop_rng_chance(&run->rng, SHOP_W_COMPLEMENT)) {
            uint32_t other = world->items[item].complement[shop_rng_next(&run->rng) >> 63];
            if (other != item && met(run, other, day))
                visit(run, &s, other, false);
        }
    }
    visit_habit(run, &s);
    if (s.cart_count > 0 && shop_rng_chance(&run->rng, 154)) {
        s.event.basket = ++run->baskets;
        pause_between(run, &s);
        for (unsigned i = 0; i < s.cart_count; i++)
            buy(run, &s, s.cart[i]);
    }
}

/* ---- specials ----------------------------------------------------------------- */

/* The bot walks through the catalogue in [from, until), at an even pace. */
static void run_bot(struct shop_run *run, int64_t from, int64_t until)
{
    const shop_world *world = run->world;
    if (until <= world->bot_from || from >= world->bot_until)
        return;
    int64_t reached = (until < world->bot_until ? until : world->bot_until) - world->bot_from;
    uint64_t length = (uint64_t)(world->bot_until - world->bot_from);
    uint64_t target = (uint64_t)((shop_u128)world->bot_events * (uint64_t)reached / length);
    uint32_t day = (uint32_t)((from - world->plan.from) / SHOP_DAY_MS);
    for (; run->bot_pushed < target; run->bot_pushed++) {
        uint32_t item = (uint32_t)(run->bot_pushed % world->plan.items);
        shop_event event = {.session = UINT64_MAX, .user = world->plan.users, .item = item,
                            .quantity = 1, .type = SHOP_VIEW};
        event.price = shop_world_price(world, item, day);
        event.time = world->bot_from +
                     (int64_t)((shop_u128)run->bot_pushed * length / world->bot_events);
        if (event.time < from)
            event.time = from;
        put_special(run, &event);
    }
}

static void run_wholesale(struct shop_run *run, int64_t from, int64_t until)
{
    for (uint32_t w = 0; w < run->world->wholesale_count; w++) {
        const shop_wholesale *line = &run->world->wholesales[w];
        if (line->time < from || line->time >= until)
            continue;
        shop_event event = {.time = line->time, .basket = ++run->baskets,
                            .user = run->world->plan.users + 1, .item = line->item,
                            .quantity = (int32_t)line->quantity, .type = SHOP_BUY};
        event.price = run->world->items[line->item].price;
        put_special(run, &event);
        event.time = line->returned;
        event.quantity = -event.quantity;
        event.type = SHOP_RETURN;
        put_special(run, &event);
    }
}

/* ---- the run ------------------------------------------------------------------ */

static int emit(struct shop_run *run, int64_t until)
{
    int64_t cut = shop_plan_cut(&run->world->plan);
    for (;;) {
        shop_queue *next = NULL;
        if (run->open.count > 0 && run->open.keys[0].time < until)
            next = &run->open;
        if (run->returns.count > 0 && run->returns.keys[0].time < until &&
            (next == NULL || run->returns.keys[0].time < next->keys[0].time))
            next = &run->returns;
        if (next == NULL)
            return 0;
        shop_event event;
        shop_queue_pop(next, &event);
        run->tally->by_type[event.type]++;
        if (event.time < cut)
            run->tally->train++;
        else
            run->tally->test++;
        if (run->sink(run->user_data, &event) != 0)
            return -1;
    }
}

/* Makes and writes what starts in [from, until), until `target` regular events are made. */
static int run_slice(struct shop_run *run, int64_t from, int64_t until, uint64_t target,
                     uint32_t day)
{
    if (emit(run, from) != 0)
        return -1;
    run_bot(run, from, until);
    run_wholesale(run, from, until);
    while (run->pushed < target && !run->failed) {
        int64_t start = from + (int64_t)shop_rng_below(&run->rng, (uint64_t)(until - from));
        make_session(run, start, day);
    }
    uint32_t open = run->open.count + run->returns.count;
    if (open > run->tally->peak_open)
        run->tally->peak_open = open;
    return run->failed ? -1 : 0;
}

static int run_hours(struct shop_run *run, const uint64_t *hours)
{
    const shop_plan *plan = &run->world->plan;
    size_t count = (size_t)plan->days * 24;
    uint64_t done = 0;
    for (size_t h = 0; h < count; h++) {
        uint64_t target = (uint64_t)((shop_u128)run->regular * hours[h + 1] / hours[count]);
        uint64_t slices = (target - done) / SLICE_EVENTS + 1;
        int64_t start = plan->from + (int64_t)h * SHOP_HOUR_MS;
        uint32_t day = (uint32_t)(h / 24);
        if (slices > 36000)
            slices = 36000;
        if (h % 24 == 0)
            for (uint32_t c = 0; c < run->world->categories; c++)
                run->seasons[c] = (uint16_t)shop_season(plan, c, day);
        for (uint64_t s = 0; s < slices; s++) {
            int64_t from = start + (int64_t)(s * (uint64_t)SHOP_HOUR_MS / slices);
            int64_t until = start + (int64_t)((s + 1) * (uint64_t)SHOP_HOUR_MS / slices);
            uint64_t goal = done + (target - done) * (s + 1) / slices;
            if (run_slice(run, from, until, goal, day) != 0)
                return -1;
        }
        done = target;
    }
    return emit(run, INT64_MAX);
}

/* Shortens the pauses of sessions where so much happens that too many would be open. */
static uint32_t longest_gap(const shop_plan *plan)
{
    uint64_t per_hour_at_peak = plan->events / plan->days / 24 * 6;
    uint32_t gap = 80000;
    while (gap > 1 && per_hour_at_peak / 3600 * (gap * 4 / 1000) > 1 << 17)
        gap /= 2;
    return gap;
}

int shop_simulate(const shop_world *world, shop_sink sink, void *user_data, shop_tally *tally)
{
    struct shop_run run = {.world = world, .sink = sink, .user_data = user_data, .tally = tally};
    uint64_t *hours = shop_calendar_hours(&world->plan);
    int result = -1;
    run.habits = calloc(world->plan.users, sizeof *run.habits);
    run.regular = world->plan.events - world->bot_events - 2 * (uint64_t)world->wholesale_count;
    run.gap_ms = longest_gap(&world->plan);
    shop_rng_seed(&run.rng, shop_hash(world->plan.seed, SHOP_TAG_STREAM, 0));
    if (hours == NULL || run.habits == NULL)
        shop_fail("out of memory for %u users and %u days", world->plan.users, world->plan.days);
    else
        result = run_hours(&run, hours);
    shop_queue_destroy(&run.open);
    shop_queue_destroy(&run.returns);
    free(run.habits);
    free(hours);
    return result;
}
