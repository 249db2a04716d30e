/*
 * names.c - the words and the fixed facts of the invented shop: categories,
 * styles, cities with their weights, and the calendar (seasons, the rhythm of
 * the week and the day). Constant tables; every call takes constant time,
 * shop_calendar_hours O(days).
 */
#include "shop.h"

#include <stdlib.h>
#include <string.h>

enum season { ALL_YEAR, CHRISTMAS, SUMMER, WINTER };

static const struct {
    const char *name;
    bool consumable;
    enum season season;
} categories[SHOP_MAX_CATEGORIES] = {
    {"kitchen", false, ALL_YEAR},   {"coffee", true, ALL_YEAR},
    {"garden", false, SUMMER},      {"decorations", false, CHRISTMAS},
    {"shirts", false, ALL_YEAR},    {"cosmetics", true, ALL_YEAR},
    {"toys", false, CHRISTMAS},     {"camping", false, SUMMER},
    {"books", false, ALL_YEAR},     {"stationery", true, ALL_YEAR},
    {"lamps", false, ALL_YEAR},     {"pet food", true, ALL_YEAR},
    {"shoes", false, ALL_YEAR},     {"candles", true, CHRISTMAS},
    {"bicycles", false, SUMMER},    {"knitwear", false, WINTER},
    {"audio", false, ALL_YEAR},     {"tea", true, WINTER},
    {"tools", false, ALL_YEAR},     {"swimwear", false, SUMMER},
    {"bedding", false, ALL_YEAR},   {"games", false, CHRISTMAS},
    {"cleaning", true, ALL_YEAR},   {"bags", false, ALL_YEAR},
};

static const char *const styles[SHOP_MAX_STYLES] = {
    "plain", "rustic", "nordic", "retro", "bold", "floral", "striped", "minimal",
    "vintage", "sporty", "classic", "dark", "pastel", "industrial", "playful", "royal",
};

static const struct {
    const char *place;
    uint32_t weight;
} cities[] = {
    {"us/ny/new-york", 84},      {"gb/eng/london", 82},      {"us/ca/los-angeles", 40},
    {"fr/idf/paris", 38},        {"us/il/chicago", 27},      {"de/be/berlin", 36},
    {"us/ca/san-francisco", 26}, {"gb/eng/manchester", 18},  {"us/tx/houston", 23},
    {"de/by/munich", 16},        {"us/wa/seattle", 15},      {"nl/nh/amsterdam", 14},
    {"fr/ara/lyon", 10},         {"us/ma/boston", 13},       {"gb/sct/edinburgh", 9},
    {"de/hh/hamburg", 15},       {"us/co/denver", 10},       {"es/md/madrid", 20},
    {"es/ct/barcelona", 15},     {"it/lom/milan", 13},       {"us/fl/miami", 10},
    {"se/ab/stockholm", 9},      {"pl/mz/warsaw", 12},       {"ca/on/toronto", 19},
};

bool shop_category_consumable(uint32_t category)
{
    return categories[category].consumable;
}

const char *shop_category_name(uint32_t category)
{
    return categories[category].name;
}

const char *shop_style_name(uint32_t style)
{
    return styles[style];
}

uint32_t shop_city_count(void)
{
    return sizeof cities / sizeof cities[0];
}

const char *shop_city_place(uint32_t city)
{
    return cities[city].place;
}

uint32_t shop_city_at(uint64_t x)
{
    uint64_t total = 0, sum = 0;
    uint32_t city = 0;
    for (uint32_t c = 0; c < shop_city_count(); c++)
        total += cities[c].weight;
    x = shop_scale(x, total);
    while (sum += cities[city].weight, sum <= x)
        city++;
    return city;
}

/* Day of the year, counted from 0, without caring for leap days: a season is not that exact. */
static uint32_t day_of_year(const shop_plan *plan, uint32_t day)
{
    return (uint32_t)((plan->from / SHOP_DAY_MS + day - 19723) % 365); /* 19723: 2024-01-01 */
}

/* Rises in a line from `low` at `from` to 256 at `peak`, holds to `hold`, falls to `low` at `to`. */
static unsigned hill(uint32_t x, uint32_t from, uint32_t peak, uint32_t hold, uint32_t to,
                     unsigned low)
{
    if (x < from || x >= to)
        return low;
    if (x < peak)
        return low + (256 - low) * (x - from) / (peak - from);
    if (x < hold)
        return 256;
    return low + (256 - low) * (to - x) / (to - hold);
}

unsigned shop_season(const shop_plan *plan, uint32_t category, uint32_t day)
{
    uint32_t x = day_of_year(plan, day);
    switch (categories[category].season) {
    case CHRISTMAS:
        return hill(x, 300, 340, 357, 362, 64);
    case SUMMER:
        return hill(x, 90, 150, 230, 270, 64);
    case WINTER:
        return hill((x + 182) % 365, 90, 140, 240, 290, 80);
    case ALL_YEAR:
        break;
    }
    return 256;
}

uint64_t *shop_calendar_hours(const shop_plan *plan)
{
    static const uint8_t hour_weight[24] = {
        10, 6, 4, 3, 3, 5, 10, 18, 28, 36, 40, 42, 46, 42, 38, 38, 40, 46, 54, 62, 64, 54, 36, 20,
    };
    static const uint8_t week_weight[7] = {100, 96, 95, 97, 104, 118, 124}; /* Monday first */
    size_t hours = (size_t)plan->days * 24;
    uint64_t *sums = malloc((hours + 1) * sizeof *sums);
    if (sums == NULL)
        return NULL;
    sums[0] = 0;
    for (uint32_t day = 0; day < plan->days; day++) {
        /* 1970-01-01 was a Thursday. */
        unsigned weekday = (unsigned)((plan->from / SHOP_DAY_MS + day + 3) % 7);
        unsigned rush = hill(day_of_year(plan, day), 310, 335, 355, 360, 128);
        uint64_t growth = 100 + 60u * day / plan->days; /* the shop grows */
        for (unsigned hour = 0; hour < 24; hour++) {
            size_t at = (size_t)day * 24 + hour;
            sums[at + 1] = sums[at] + growth * rush * week_weight[weekday] * hour_weight[hour];
        }
    }
    return sums;
}

void shop_date(int64_t time, char out[10])
{
    /* Civil date from days since 1970, in 400-year eras that start on 1 March. */
    int64_t z = time / SHOP_DAY_MS + 719468;
    int64_t era = z / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    unsigned day = doy - (153 * mp + 2) / 5 + 1;
    unsigned month = mp < 10 ? mp + 3 : mp - 9;
    unsigned year = (unsigned)(yoe + era * 400) + (month <= 2);
    const unsigned parts[3][2] = {{year, 4}, {month, 2}, {day, 2}};
    memcpy(out, "0000-00-00", 10);
    for (unsigned p = 0, end = 0; p < 3; p++) {
        end += parts[p][1] + (p > 0);
        unsigned value = parts[p][0];
        for (unsigned i = 1; i <= parts[p][1]; i++, value /= 10)
            out[end - i] = (char)('0' + value % 10);
    }
}
