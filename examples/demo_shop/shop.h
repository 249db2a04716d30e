/*
 * shop.h - what the files of demo_shop share: the plan (what was asked for),
 * the world (items, lists of items, cities, tastes: never changes after
 * creation), the events, and the calls between the files.
 *
 * One thread, no globals. Calls that can fail return 0, or -1 after
 * printing one line to stderr.
 */
#ifndef DEMO_SHOP_H
#define DEMO_SHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rng.h"

#define SHOP_DAY_MS INT64_C(86400000)
#define SHOP_HOUR_MS INT64_C(3600000)
#define SHOP_GUEST UINT32_MAX
#define SHOP_MAX_CATEGORIES 24
#define SHOP_MAX_STYLES 16
#define SHOP_INTERESTS 3
#define SHOP_BURSTS 2
#define SHOP_BURST_ITEMS 3
#define SHOP_WHOLESALES 2
#define SHOP_TOP 20

/* Where a visit comes from, in 1/256 of a user's base draws; they add up to 256. */
enum {
    SHOP_W_INTEREST_0 = 88,
    SHOP_W_INTEREST_1 = 44,
    SHOP_W_INTEREST_2 = 24,
    SHOP_W_BRAND = 28,
    SHOP_W_CITY = 16,
    SHOP_W_GLOBAL = 56,
    /* After a visit that came about, one of the item's two complements is visited too. */
    SHOP_W_COMPLEMENT = 64
};

/* Tags of shop_hash: one per kind of derived fact. */
enum {
    SHOP_TAG_GROUP = 1, SHOP_TAG_GROUP_ORDER, SHOP_TAG_ITEM, SHOP_TAG_STOCK, SHOP_TAG_LAUNCH,
    SHOP_TAG_COMPLEMENT, SHOP_TAG_USER, SHOP_TAG_USER_BRAND, SHOP_TAG_USER_CITY, SHOP_TAG_JOIN,
    SHOP_TAG_CITY, SHOP_TAG_GUEST, SHOP_TAG_SALE_WEEK, SHOP_TAG_TRACKED, SHOP_TAG_BURST,
    SHOP_TAG_WHOLESALE, SHOP_TAG_STREAM, SHOP_TAG_TITLE, SHOP_TAG_SCATTER
};

/* ---- the plan ---------------------------------------------------------------- */

typedef struct shop_plan {
    uint32_t users, items, days;
    uint64_t events, seed;
    bool time_in_ms;  /* times as milliseconds since 1970 instead of ISO 8601 */
    bool impressions; /* write impression events for recommended visits */
    bool split;       /* also write train.csv and test.csv */
    bool ceiling_all; /* measure the ceiling on every user, whatever the memory */
    int64_t from;     /* first millisecond of the log, a midnight UTC */
    uint32_t cut_day; /* days before it are train */
} shop_plan;

static inline int64_t shop_plan_cut(const shop_plan *p)
{
    return p->from + (int64_t)p->cut_day * SHOP_DAY_MS;
}

static inline int64_t shop_plan_until(const shop_plan *p)
{
    return p->from + (int64_t)p->days * SHOP_DAY_MS;
}

/* ---- the world --------------------------------------------------------------- */

typedef struct shop_item {
    uint32_t group;
    uint32_t weight;        /* share of its lists, relative to the other members */
    uint32_t price;         /* cents */
    uint32_t complement[2]; /* items bought along with it; itself where there is none */
    uint16_t cell, brand;
    uint16_t launch;            /* first day on sale */
    uint16_t out_from, out_to;  /* days [from, to) without stock; equal = never out */
    uint8_t category, variant;
} shop_item;

/* Item lists of one kind, one after the other. cum[] are running sums of the
 * members' weights, starting anew in each list. */
typedef struct shop_lists {
    uint32_t count;
    uint32_t *start; /* count + 1 */
    uint32_t *items; /* by list, most popular group first */
    uint64_t *cum;
} shop_lists;

typedef struct shop_burst {
    uint32_t city, day, items[SHOP_BURST_ITEMS];
    int64_t from, until;
} shop_burst;

typedef struct shop_wholesale {
    int64_t time, returned;
    uint32_t item, quantity;
} shop_wholesale;

typedef struct shop_world {
    shop_plan plan;
    uint32_t categories, styles, brands, groups;
    shop_item *items;
    shop_lists cells;     /* category x style */
    shop_lists by_brand;
    uint64_t *cell_cum;   /* running sums of the cells' weights in the global draw */
    uint32_t city_cell[64];
    uint32_t *group_brand;
    shop_burst bursts[SHOP_BURSTS];
    uint32_t burst_count;
    shop_wholesale wholesales[SHOP_WHOLESALES];
    uint32_t wholesale_count;
    uint64_t bot_events;
    int64_t bot_from, bot_until;
} shop_world;

/* What a user, or a guest's session, likes. */
typedef struct shop_taste {
    uint32_t cell[SHOP_INTERESTS];
    uint32_t brand;
    uint32_t city; /* home */
} shop_taste;

/* Builds the world of `plan`. About 60 bytes an item; nothing per user. */
int shop_world_create(shop_world *world, const shop_plan *plan);
void shop_world_destroy(shop_world *world);

/* The taste of user `key` (tag SHOP_TAG_USER) or of guest session `key` (SHOP_TAG_GUEST). */
void shop_world_taste(const shop_world *world, uint64_t tag, uint64_t key, shop_taste *taste);

/* Day on which a user first may appear. */
uint32_t shop_world_join_day(const shop_world *world, uint32_t user);

/* The user who holds a place in the order of activity; a bijection of [0, users). */
uint32_t shop_world_user_at(const shop_world *world, uint32_t place);

/* One member of a list, or one item of the global draw, by its weight. */
uint32_t shop_lists_draw(const shop_lists *lists, uint32_t list, shop_rng *rng);
uint32_t shop_world_draw_global(const shop_world *world, shop_rng *rng);

/* The cell at position x of [0, 2^64) of the global weights. */
uint32_t shop_world_cell_at(const shop_world *world, uint64_t x);

/* Whether an item can be had on a day: launched and in stock. */
static inline bool shop_item_on_sale(const shop_item *item, uint32_t day)
{
    return day >= item->launch && !(day >= item->out_from && day < item->out_to);
}

/* Price in cents on a day: now and then a week at 20 % off. */
uint32_t shop_world_price(const shop_world *world, uint32_t item, uint32_t day);

bool shop_category_consumable(uint32_t category);
const char *shop_category_name(uint32_t category);
const char *shop_style_name(uint32_t style);
uint32_t shop_city_count(void);
const char *shop_city_place(uint32_t city);
uint32_t shop_city_at(uint64_t x); /* the city at position x of [0, 2^64) of their weights */

/* ---- the calendar ------------------------------------------------------------ */

/* Share of the usual demand, in 1/256, that a category meets on a day. */
unsigned shop_season(const shop_plan *plan, uint32_t category, uint32_t day);

/* Running sums of the hours' weights: 24 * days + 1 numbers, malloc'ed; NULL = no memory. */
uint64_t *shop_calendar_hours(const shop_plan *plan);

/* "YYYY-MM-DD" (10 bytes, no NUL) of a time. */
void shop_date(int64_t time, char out[10]);

/* ---- events ------------------------------------------------------------------ */

enum { SHOP_VIEW, SHOP_CART, SHOP_BUY, SHOP_RETURN, SHOP_DISLIKE, SHOP_IMPRESSION };

typedef struct shop_event {
    int64_t time;
    uint64_t session; /* 0 = none */
    uint64_t basket;  /* 0 = none */
    uint32_t user;    /* SHOP_GUEST, or users + 0 the bot, users + 1 the wholesaler */
    uint32_t item;
    int32_t quantity;
    uint32_t price;
    uint8_t type, city, placement /* 0 = organic */, position;
} shop_event;

/* A queue of events by time; equal times leave in the order of arrival. */
typedef struct shop_queue {
    struct shop_queue_key {
        int64_t time;
        uint32_t seq, slot;
    } *keys;
    shop_event *pool;
    uint32_t *unused;
    uint32_t count, unused_count, capacity, seq, peak;
} shop_queue;

int shop_queue_push(shop_queue *queue, const shop_event *event);
void shop_queue_pop(shop_queue *queue, shop_event *event);
void shop_queue_destroy(shop_queue *queue);

/* Receives every event in order of time; returns 0, or -1 to stop. */
typedef int (*shop_sink)(void *user_data, const shop_event *event);

/* What the simulation counted. */
typedef struct shop_tally {
    uint64_t by_type[6];
    uint64_t train, test, guests;
    uint64_t *draws; /* per day: base draws of users with an account (caller's, zeroed) */
    uint32_t peak_open; /* most events ever waiting for their turn */
} shop_tally;

/* Runs the shop: exactly plan.events events go to the sink. Memory: 18 bytes a
 * user, 8 bytes an hour, and the events of the open sessions and returns. */
int shop_simulate(const shop_world *world, shop_sink sink, void *user_data, shop_tally *tally);

/* ---- writing ------------------------------------------------------------------ */

typedef struct shop_out {
    FILE *file;
    char *buffer;
    size_t used;
    int64_t day; /* the day `date` is of */
    char date[10];
    bool failed;
} shop_out;

int shop_out_open(shop_out *out, FILE *file);
int shop_out_close(shop_out *out); /* flushes; does not close the file */
int shop_out_event_header(shop_out *out);
int shop_out_event(shop_out *out, const shop_world *world, const shop_event *event);
int shop_out_text(shop_out *out, const char *text);
void shop_user_id(const shop_world *world, uint32_t user, char id[32]);
void shop_item_id(uint32_t item, char id[32]);
int shop_catalogue_write(const shop_world *world, FILE *file);

/* ---- the truth and the ceiling ------------------------------------------------ */

enum { SHOP_PROTOCOL_BUY, SHOP_PROTOCOL_ANY, SHOP_PROTOCOLS };

/* Means over the evaluated users; index 0 is k = 10, 1 is k = 20. */
typedef struct shop_scores {
    double recall[2], ndcg[2];
} shop_scores;

typedef struct shop_ceiling {
    uint64_t users, without_train, held_out;
    shop_scores oracle, popular;
} shop_ceiling;

typedef struct shop_pair {
    uint32_t user1; /* user + 1; 0 = empty slot */
    uint32_t item;
    int32_t train, test; /* pieces bought less pieces returned */
    uint8_t train_any, test_any;
} shop_pair;

/* The (user, item) pairs of the tracked users: an open hash table. */
typedef struct shop_truth {
    const shop_world *world;
    shop_pair *slots;
    uint64_t capacity, count;
    uint32_t tracked_of_1024;
} shop_truth;

int shop_truth_create(shop_truth *truth, const shop_world *world);
void shop_truth_destroy(shop_truth *truth);
int shop_truth_add(shop_truth *truth, const shop_event *event);

/* Evaluates the oracle and the truly popular on the held-out pairs, for both
 * protocols; writes the pairs as CSV when `pairs_out` is not NULL. Ends the
 * use of the truth as a table. */
int shop_truth_ceiling(shop_truth *truth, const shop_tally *tally, FILE *pairs_out,
                       shop_ceiling ceilings[SHOP_PROTOCOLS]);
int shop_report_write(const shop_world *world, const shop_truth *truth, const shop_tally *tally,
                      const shop_ceiling ceilings[SHOP_PROTOCOLS], FILE *file);

/* ---- the oracle ----------------------------------------------------------------- */

typedef struct shop_oracle {
    const shop_world *world;
    double *on_sale;      /* per item: mean share of its demand that is met in the test days */
    double *edge;         /* per item, complement: the same for both being met at once */
    double *global;       /* per item: score under the global draw alone */
    double *sum;          /* per item: scratch, zero between calls */
    uint32_t *touched;    /* scratch */
    uint32_t touched_count;
    uint8_t *masked;      /* scratch */
    uint32_t *by_global;  /* items, best first */
    uint32_t *by_popular; /* items, best first under the average user */
} shop_oracle;

int shop_oracle_create(shop_oracle *oracle, const shop_world *world, const uint64_t *draws);
void shop_oracle_destroy(shop_oracle *oracle);

/* The best SHOP_TOP items not marked in `masked`: for a user, or for everyone.
 * Returns how many there are. */
uint32_t shop_oracle_rank(shop_oracle *oracle, uint32_t user, uint32_t top[SHOP_TOP]);
uint32_t shop_oracle_rank_popular(const shop_oracle *oracle, uint32_t top[SHOP_TOP]);

int shop_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
