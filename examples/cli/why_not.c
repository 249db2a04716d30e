/* why_not.c - `recs why-not`: why an item is not in a visitor's list. */
#include "cli.h"

static const char *verdict_name(int32_t verdict) {
    static const char *const names[] = {"none",        "shown",       "unknown",  "seen",
                                        "denied",      "not-allowed", "unavailable", "disliked",
                                        "no-evidence", "below",       "query-item"};
    return verdict >= 0 && (size_t)verdict < sizeof names / sizeof *names ? names[verdict]
                                                                          : "another";
}

static int print_verdict(const ask *a) {
    const recs_query *query = a->request.query;
    int32_t verdict = recs_query_verdict(query);
    json_t *root;

    if (!a->shared.json) {
        print_plain(recs_query_verdict_text(query));
        putchar('\n');
    } else {
        root = json_object();
        set_text(root, "item", a->request.item);
        set_text(root, "component", recs_query_component_name(query));
        set_text(root, "verdict", verdict_name(verdict));
        set_text(root, "text", recs_query_verdict_text(query));
        if (verdict != RECS_VERDICT_UNKNOWN) {
            set_number(root, "score", (double)recs_query_verdict_score(query));
            set_number(root, "cutoff", (double)recs_query_verdict_cutoff(query));
            if (recs_query_verdict_rank(query) != SIZE_MAX)
                set_count(root, "rank", recs_query_verdict_rank(query) + 1);
        }
        print_json(root);
    }
    return verdict == RECS_VERDICT_UNKNOWN ? EXIT_MISSING : EXIT_OK;
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {
        ITEM_OPTION,    VISITOR_OPTIONS, COMPONENT_OPTION, SEEN_OPTIONS,
        FILTER_OPTIONS, COMMON_OPTIONS,  {0}};
    ask a;
    int code;
    recs_error error;

    if (ask_open(&a, self, argc, argv, options, NULL, NULL, &code)) {
        if (!a.request.has_item)
            code = usage_error(self, "--item ID is missing");
        else if (recs_why_not(a.model, a.request.query, a.request.item, &error))
            code = fail(&error);
        else
            code = print_verdict(&a);
    }
    ask_close(&a);
    return code;
}

const command command_why_not = {
    "why-not", "why an item is not in a visitor's list",
    "usage: recs why-not --model FILE (--user ID | --history ID,...) --item ID [options]\n\n"
    "Why an item is not among the answers recs recommend gives with the same options:\n"
    "seen, denied, not available, or how far below the last one shown.\n\n"
    "  --model FILE           the model\n"
    "  --item ID              the item\n" VISITOR_USAGE LIMIT_USAGE COMPONENT_USAGE SEEN_USAGE
        FILTER_USAGE COMMON_USAGE,
    run};
