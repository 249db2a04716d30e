/* recommend.c - `recs recommend`: the best items for a visitor. */
#include "cli.h"

enum { RECOMMEND_EXPLAIN = OPTION_COMMAND };

static bool take_option(void *context, const command *self, int option, const char *value) {
    (void)self;
    (void)option;
    (void)value;
    *(bool *)context = true;
    return true;
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {VISITOR_OPTIONS,
                                            COMPONENT_OPTION,
                                            SEEN_OPTIONS,
                                            FILTER_OPTIONS,
                                            INDEX_OPTIONS,
                                            {"explain", no_argument, NULL, RECOMMEND_EXPLAIN},
                                            COMMON_OPTIONS,
                                            {0}};
    bool explain = false;
    ask a;
    int code;
    recs_error error;

    if (ask_open(&a, self, argc, argv, options, take_option, &explain, &code)) {
        if (recs_recommend(a.model, a.request.query, &error))
            code = fail(&error);
        else
            code = print_answers(a.model, &a.request, false, explain, a.shared.json, &error);
    }
    ask_close(&a);
    return code;
}

const command command_recommend = {
    "recommend", "the best items for a visitor",
    "usage: recs recommend --model FILE [--user ID | --history ID,ID,...] [options]\n\n"
    "The best items for a visitor: one the model knows, or one described by what he\n"
    "has. Without either, popular items. Answers marked [popular] fill the list up.\n\n"
    "  --model FILE           the model\n" VISITOR_USAGE LIMIT_USAGE
    "  --explain              which of the visitor's own items put each answer there\n"
    COMPONENT_USAGE SEEN_USAGE FILTER_USAGE INDEX_USAGE COMMON_USAGE,
    run};
