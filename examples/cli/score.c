/* score.c - `recs score`: what a component gives items for a visitor. */
#include "cli.h"

#include <stdlib.h>

enum { SCORE_ITEMS = OPTION_COMMAND, SCORE_ITEM };

/* The items asked about: lists of ids and single ids, in order. */
typedef struct asked {
    const char **texts;
    bool *lists;
    size_t count, rows_count;
    const recs_model *model;
    uint32_t *rows;
    const char *missing;
    char missing_id[RECS_ID_MAX + 1];
} asked;

static bool take_option(void *context, const command *self, int option, const char *value) {
    asked *s = context;
    const char **texts = realloc(s->texts, (s->count + 1) * sizeof *texts);
    bool *lists = texts ? realloc(s->lists, (s->count + 1) * sizeof *lists) : NULL;

    if (texts)
        s->texts = texts;
    if (!lists) {
        usage_error(self, "no memory for so many items");
        return false;
    }
    s->lists = lists;
    s->texts[s->count] = value;
    s->lists[s->count++] = option == SCORE_ITEMS;
    return true;
}

static recs_status add_row(void *context, const char *id) {
    asked *s = context;
    uint32_t row = recs_model_item_row(s->model, id);
    uint32_t *rows;

    if (row == RECS_NO_ROW) {
        snprintf(s->missing_id, sizeof s->missing_id, "%s", id);
        s->missing = s->missing_id;
        return RECS_ERR_NOT_FOUND;
    }
    rows = realloc(s->rows, (s->rows_count + 1) * sizeof *rows);
    if (!rows)
        return RECS_ERR_MEMORY;
    s->rows = rows;
    s->rows[s->rows_count++] = row;
    return RECS_OK;
}

static int find_rows(asked *s) {
    for (size_t i = 0; i < s->count; i++) {
        recs_status status =
            s->lists[i] ? each_part(s->texts[i], add_row, s) : add_row(s, s->texts[i]);
        if (s->missing)
            return missing_item(s->missing);
        if (status != RECS_OK) {
            fprintf(stderr, "recs: no memory for so many items\n");
            return EXIT_FAILED;
        }
    }
    return EXIT_OK;
}

static int print_scores(const ask *a, const asked *s, const float *scores) {
    const char *component = a->request.component ? a->request.component
                                                 : recs_model_component_name(a->model, 0);
    json_t *root, *list;

    if (!a->shared.json) {
        for (size_t i = 0; i < s->rows_count; i++) {
            printf("%12.9g  ", (double)scores[i]);
            print_name(recs_model_item_id(a->model, s->rows[i]),
                       recs_model_item_title(a->model, s->rows[i]));
            putchar('\n');
        }
        return EXIT_OK;
    }
    root = json_object();
    list = json_array();
    set_text(root, "component", component);
    json_object_set_new(root, "scores", list);
    for (size_t i = 0; i < s->rows_count; i++) {
        json_t *one = json_object();
        set_text(one, "item", recs_model_item_id(a->model, s->rows[i]));
        set_text(one, "title", recs_model_item_title(a->model, s->rows[i]));
        set_number(one, "score", (double)scores[i]);
        json_array_append_new(list, one);
    }
    return print_json(root);
}

static int score(const ask *a, asked *s, const command *self) {
    recs_error error;
    float *scores;
    int code;

    if (s->count == 0)
        return usage_error(self, "--item ID or --items ID,ID,... is missing");
    s->model = a->model;
    code = find_rows(s);
    if (code != EXIT_OK)
        return code;
    if (s->rows_count == 0)
        return usage_error(self, "--items names no item");
    scores = calloc(s->rows_count, sizeof *scores);
    if (!scores) {
        fprintf(stderr, "recs: no memory for %zu scores\n", s->rows_count);
        return EXIT_FAILED;
    }
    if (recs_score_rows(a->model, a->request.query, s->rows, s->rows_count, scores, &error))
        code = fail(&error);
    else
        code = print_scores(a, s, scores);
    free(scores);
    return code;
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {VISITOR_OPTIONS,
                                            COMPONENT_OPTION,
                                            {"items", required_argument, NULL, SCORE_ITEMS},
                                            {"item", required_argument, NULL, SCORE_ITEM},
                                            COMMON_OPTIONS,
                                            {0}};
    asked s = {0};
    ask a;
    int code;

    if (ask_open(&a, self, argc, argv, options, take_option, &s, &code))
        code = score(&a, &s, self);
    ask_close(&a);
    free(s.texts);
    free(s.lists);
    free(s.rows);
    return code;
}

const command command_score = {
    "score", "what a component gives items for a visitor",
    "usage: recs score --model FILE (--user ID | --history ID,...) --items ID,ID,... [options]\n\n"
    "The scores of single items for a visitor: the same numbers recs recommend ranks by.\n\n"
    "  --model FILE           the model\n"
    "  --items ID,ID,...      the items; --item ID takes an id with a comma, repeatable\n"
    VISITOR_USAGE COMPONENT_USAGE COMMON_USAGE,
    run};
