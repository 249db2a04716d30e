/*
 * catalogue.c - items.csv: one line an item, with titles that need quoting
 * (commas, doubled quotes, UTF-8) here and there, as a shop's export has.
 * Constant memory, O(items).
 */
#include "shop.h"

#include <string.h>

static void brand_name(const shop_world *world, uint32_t brand, char out[32])
{
    static const char *const first[16] = {"Al", "Bor", "Cas", "Dun", "El", "Fal", "Gran", "Hol",
                                          "Ist", "Jun", "Kal", "Lun", "Mar", "Nor", "Oss", "Pen"};
    static const char *const middle[8] = {"a", "e", "i", "o", "u", "ar", "en", "é"};
    static const char *const last[16] = {"da", "lis", "ner", "vik", "ton", "rra", "mo", "sen",
                                         "qua", "beck", "fold", "zio", "wen", "tal", "gö", "ria"};
    uint64_t h = brand * UINT64_C(2654435761) + shop_hash(world->plan.seed, SHOP_TAG_TITLE, 0);
    snprintf(out, 32, "%s%s%s %u", first[h & 15], middle[h >> 4 & 7], last[h >> 7 & 15], brand);
}

static void write_item(const shop_world *world, uint32_t i, FILE *file)
{
    static const char *const sizes[4] = {"", ", large", ", \"\"mini\"\"", ", set of 4"};
    const shop_plan *plan = &world->plan;
    const shop_item *item = &world->items[i];
    uint64_t h = shop_hash(plan->seed, SHOP_TAG_ITEM, i);
    char id[32], brand[32], created[11] = "";
    const char *style = shop_style_name(item->cell % world->styles);
    const char *category = shop_category_name(item->category);
    const char *quote = item->variant > 0 ? "\"" : "";
    shop_item_id(i, id);
    brand_name(world, item->brand, brand);
    /* What is on sale from the first day was there up to three years before. */
    int64_t time = plan->from + item->launch * SHOP_DAY_MS;
    if (item->launch == 0)
        time -= (int64_t)(shop_hash(plan->seed, SHOP_TAG_LAUNCH, item->group) % 1000) * SHOP_DAY_MS;
    shop_date(time, created);
    bool available = shop_item_on_sale(item, plan->cut_day);
    unsigned weight = 20 + (unsigned)(h % 4000), rating = 25 + (unsigned)(h >> 32) % 26;
    fprintf(file, "%s,%s%s %s %s no. %u%s%s,gen-g%06u,%s,%s,%s,%u.%02u,%s,%s,%u,%u.%u\n", id, quote,
            brand, style, category, item->group, sizes[item->variant], quote, item->group,
            category, style, brand, item->price / 100, item->price % 100,
            available ? "true" : "false", created, weight, rating / 10, rating % 10);
}

int shop_catalogue_write(const shop_world *world, FILE *file)
{
    fputs("id,title,group,category,style,brand,price,available,created,weight,rating\n", file);
    for (uint32_t i = 0; i < world->plan.items; i++)
        write_item(world, i, file);
    if (fflush(file) != 0 || ferror(file)) {
        perror("demo_shop: writing the catalogue");
        return -1;
    }
    return 0;
}
