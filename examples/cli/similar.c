/* similar.c - `recs similar`: the items most like an item. */
#include "cli.h"

static int answer(ask *a, const command *self) {
    recs_error error;

    if (!a->request.has_item)
        return usage_error(self, "--item ID is missing");
    recs_query_item(a->request.query, a->request.item);
    if (recs_similar(a->model, a->request.query, &error))
        return fail(&error);
    return print_answers(a->model, &a->request, false, false, a->shared.json, &error);
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {
        ITEM_OPTION,    VISITOR_OPTIONS, COMPONENT_OPTION, SEEN_OPTIONS,
        FILTER_OPTIONS, INDEX_OPTIONS,   COMMON_OPTIONS,
        {0}};
    ask a;
    int code;

    if (ask_open(&a, self, argc, argv, options, NULL, NULL, &code))
        code = answer(&a, self);
    ask_close(&a);
    return code;
}

const command command_similar = {
    "similar", "the items most like an item",
    "usage: recs similar --model FILE --item ID [options]\n\n"
    "The items most like an item: by the angle between factors (als), by the table of\n"
    "neighbours (itemknn), by their vectors (content). With a visitor, what he has already is\n"
    "left out.\n\n"
    "  --model FILE           the model\n"
    "  --item ID              the item\n" VISITOR_USAGE LIMIT_USAGE COMPONENT_USAGE SEEN_USAGE
        FILTER_USAGE INDEX_USAGE COMMON_USAGE,
    run};
