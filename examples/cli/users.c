/* users.c - `recs users`: the visitors an item suits best. */
#include "cli.h"

static int answer(ask *a, const command *self) {
    recs_error error;

    if (!a->request.has_item)
        return usage_error(self, "--item ID is missing");
    recs_query_item(a->request.query, a->request.item);
    if (recs_users(a->model, a->request.query, &error))
        return fail(&error);
    return print_answers(a->model, &a->request, true, false, a->shared.json, &error);
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {ITEM_OPTION, COMPONENT_OPTION, SEEN_OPTIONS,
                                            COMMON_OPTIONS, {0}};
    ask a;
    int code;

    if (ask_open(&a, self, argc, argv, options, NULL, NULL, &code))
        code = answer(&a, self);
    ask_close(&a);
    return code;
}

const command command_users = {
    "users", "the visitors an item suits best",
    "usage: recs users --model FILE --item ID [options]\n\n"
    "The stored visitors with the highest scores for an item, those who have it left\n"
    "out: whom to tell of it.\n\n"
    "  --model FILE           the model\n"
    "  --item ID              the item\n" LIMIT_USAGE COMPONENT_USAGE SEEN_USAGE COMMON_USAGE,
    run};
