/*
 * report.c - ceiling.json: what was asked for, what was planted, and the best
 * reachable numbers. Every double has six decimals. Constant memory.
 */
#include "shop.h"

static void put_stamp(FILE *file, const char *name, int64_t time, const char *after)
{
    char date[11] = "";
    shop_date(time, date);
    fprintf(file, "\"%s\": \"%sT%02d:%02d:%02d.%03dZ\"%s", name, date,
            (int)(time / 3600000 % 24), (int)(time / 60000 % 60), (int)(time / 1000 % 60),
            (int)(time % 1000), after);
}

static void put_scores(FILE *file, const char *name, const shop_scores *scores, const char *after)
{
    fprintf(file, "      \"%s\": {\"recall@10\": %.6f, \"ndcg@10\": %.6f, "
                  "\"recall@20\": %.6f, \"ndcg@20\": %.6f}%s\n",
            name, scores->recall[0], scores->ndcg[0], scores->recall[1], scores->ndcg[1], after);
}

static void put_item(FILE *file, uint32_t item)
{
    char id[32];
    shop_item_id(item, id);
    fprintf(file, "\"%s\"", id);
}

static void put_planted(const shop_world *world, FILE *file)
{
    fputs("  \"bursts\": [", file);
    for (uint32_t b = 0; b < world->burst_count; b++) {
        const shop_burst *burst = &world->bursts[b];
        fprintf(file, "%s\n    {\"place\": \"%s\", ", b ? "," : "", shop_city_place(burst->city));
        put_stamp(file, "from", burst->from, ", ");
        put_stamp(file, "until", burst->until, ", \"items\": [");
        for (uint32_t i = 0; i < SHOP_BURST_ITEMS; i++) {
            fputs(i ? ", " : "", file);
            put_item(file, burst->items[i]);
        }
        fputs("]}", file);
    }
    fputs("\n  ],\n  \"wholesale\": [", file);
    for (uint32_t w = 0; w < world->wholesale_count; w++) {
        const shop_wholesale *line = &world->wholesales[w];
        fprintf(file, "%s\n    {\"user\": \"gen-wholesale\", \"item\": ", w ? "," : "");
        put_item(file, line->item);
        fprintf(file, ", \"quantity\": %u, ", line->quantity);
        put_stamp(file, "bought", line->time, ", ");
        put_stamp(file, "returned", line->returned, "}");
    }
    fputs("\n  ],\n", file);
    if (world->bot_events > 0) {
        fprintf(file, "  \"bot\": {\"user\": \"gen-bot\", \"views\": %llu, ",
                (unsigned long long)world->bot_events);
        put_stamp(file, "from", world->bot_from, ", ");
        put_stamp(file, "until", world->bot_until, "},\n");
    }
}

/* The first twenty; a session may still end up to an hour after its item ran out. */
static void put_stock_outs(const shop_world *world, FILE *file)
{
    const shop_plan *plan = &world->plan;
    uint32_t shown = 0;
    fputs("  \"stock_outs\": [", file);
    for (uint32_t i = 0; i < plan->items && shown < 20; i++) {
        const shop_item *item = &world->items[i];
        if (item->out_to <= item->out_from || item->launch > item->out_from)
            continue;
        fputs(shown++ ? ",\n    {\"item\": " : "\n    {\"item\": ", file);
        put_item(file, i);
        fputs(", ", file);
        put_stamp(file, "from", plan->from + item->out_from * SHOP_DAY_MS + SHOP_HOUR_MS, ", ");
        put_stamp(file, "until", plan->from + item->out_to * SHOP_DAY_MS, "}");
    }
    fputs("\n  ],\n", file);
}

static void put_protocols(const shop_ceiling *ceilings, FILE *file)
{
    static const char *const names[SHOP_PROTOCOLS] = {"buy", "any"};
    fputs("  \"protocols\": {\n", file);
    for (int p = 0; p < SHOP_PROTOCOLS; p++) {
        const shop_ceiling *c = &ceilings[p];
        fprintf(file, "    \"%s\": {\n      \"users\": %llu, \"users_without_train\": %llu, "
                      "\"held_out\": %llu,\n",
                names[p], (unsigned long long)c->users, (unsigned long long)c->without_train,
                (unsigned long long)c->held_out);
        put_scores(file, "ceiling", &c->oracle, ",");
        put_scores(file, "popular", &c->popular, "");
        fputs(p + 1 < SHOP_PROTOCOLS ? "    },\n" : "    }\n", file);
    }
    fputs("  }\n", file);
}

int shop_report_write(const shop_world *world, const shop_truth *truth, const shop_tally *tally,
                      const shop_ceiling ceilings[SHOP_PROTOCOLS], FILE *file)
{
    static const char *const types[] = {"view", "cart", "buy", "return", "dislike", "impression"};
    const shop_plan *plan = &world->plan;
    fprintf(file, "{\n  \"generated\": true,\n  \"generator\": \"demo_shop\",\n"
                  "  \"note\": \"invented data; no person, shop or sale in it is real\",\n");
    fprintf(file, "  \"users\": %u, \"items\": %u, \"events\": %llu, \"days\": %u, "
                  "\"seed\": %llu,\n  ",
            plan->users, plan->items, (unsigned long long)plan->events, plan->days,
            (unsigned long long)plan->seed);
    put_stamp(file, "from", plan->from, ", ");
    put_stamp(file, "cut", shop_plan_cut(plan), ", ");
    put_stamp(file, "until", shop_plan_until(plan), ",\n");
    fprintf(file, "  \"cut_ms\": %lld,\n  \"train_events\": %llu, \"test_events\": %llu,\n"
                  "  \"events_by_type\": {",
            (long long)shop_plan_cut(plan), (unsigned long long)tally->train,
            (unsigned long long)tally->test);
    for (unsigned t = 0; t < 6; t++)
        fprintf(file, "%s\"%s\": %llu", t ? ", " : "", types[t],
                (unsigned long long)tally->by_type[t]);
    fprintf(file, "},\n  \"guest_sessions\": %llu,\n", (unsigned long long)tally->guests);
    put_planted(world, file);
    put_stock_outs(world, file);
    fprintf(file, "  \"users_tracked_of_1024\": %u,\n", truth->tracked_of_1024);
    put_protocols(ceilings, file);
    fputs("}\n", file);
    if (fflush(file) != 0 || ferror(file)) {
        perror("demo_shop: writing the report");
        return -1;
    }
    return 0;
}
