/* explain.c - `recs explain`: why an item would be recommended. It is the one
 * item allowed and what is seen counts, too, so the answer is the item. */
#include "cli.h"

static int print_explanation(ask *a, const char *item, recs_error *error) {
    const recs_query *query = a->request.query;
    json_t *root;

    if (recs_explain(a->model, a->request.query, 0, error))
        return fail(error);
    if (a->shared.json) {
        root = answer_json(a->model, query, 0, false);
        set_text(root, "component", recs_query_component_name(query));
        json_object_set_new(root, "reasons", reasons_json(a->model, query));
        return print_json(root);
    }
    uint32_t row = recs_model_item_row(a->model, item);
    print_name(item, recs_model_item_title(a->model, row));
    printf(" scores %.9g in %s\n", (double)recs_query_score(query, 0),
           recs_query_component_name(query));
    print_reasons(a->model, query, SIZE_MAX);
    return EXIT_OK;
}

static int explain(ask *a, const command *self) {
    recs_query *query = a->request.query;
    const char *item = a->request.item;
    recs_error error;

    if (!a->request.has_item)
        return usage_error(self, "--item ID is missing");
    if (recs_model_item_row(a->model, item) == RECS_NO_ROW)
        return missing_item(item);
    recs_query_limit(query, 1);
    recs_query_allow(query, item);
    recs_query_exclude_seen(query, 0, RECS_NO_TIME);
    recs_query_include_unavailable(query, 1);
    if (recs_recommend(a->model, query, &error))
        return fail(&error);
    if (recs_query_count(query) > 0)
        return print_explanation(a, item, &error);
    if (recs_why_not(a->model, query, item, &error))
        return fail(&error);
    fprintf(stderr, "recs: %s is never recommended here: %s\n", item,
            recs_query_verdict_text(query));
    return EXIT_FAILED;
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {ITEM_OPTION, VISITOR_OPTIONS, COMPONENT_OPTION,
                                            COMMON_OPTIONS, {0}};
    ask a;
    int code;

    if (ask_open(&a, self, argc, argv, options, NULL, NULL, &code))
        code = explain(&a, self);
    ask_close(&a);
    return code;
}

const command command_explain = {
    "explain", "why an item would be recommended",
    "usage: recs explain --model FILE (--user ID | --history ID,...) --item ID [options]\n\n"
    "Which of the visitor's own items speak for an item, and how much of its score\n"
    "each one brings; the contributions sum to the score.\n\n"
    "  --model FILE           the model\n"
    "  --item ID              the item\n" VISITOR_USAGE COMPONENT_USAGE COMMON_USAGE,
    run};
