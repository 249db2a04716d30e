/* items.c - `recs items`: what the model knows of its items, and finding them
 * by a part of their title or id. One pass over the catalogue. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS_FIND = OPTION_COMMAND };

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Letters A to Z match both cases; all other bytes, so all else of UTF-8,
 * match themselves. */
static bool contains(const char *text, const char *part) {
    if (!text)
        return false;
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] && lower(text[i]) == lower(part[i]))
            i++;
        if (!part[i])
            return true;
    }
    return !*part;
}

typedef struct found {
    uint32_t rank, row;
} found;

static int by_rank(const void *a, const void *b) {
    const found *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void set_columns(json_t *object, const recs_model *model, uint32_t row) {
    char text[32];
    for (uint32_t c = 0; c < recs_model_column_count(model); c++) {
        const char *name = recs_model_column_name(model, c);
        switch (recs_model_column_type(model, c)) {
        case RECS_COLUMN_NUMBER:
            set_number(object, name, recs_model_item_number(model, c, row));
            break;
        case RECS_COLUMN_TIME:
            set_text(object, name, time_text(recs_model_item_time(model, c, row), text));
            break;
        case RECS_COLUMN_FLAG:
            if (recs_model_item_flag(model, c, row) >= 0)
                json_object_set_new(object, name,
                                    json_boolean(recs_model_item_flag(model, c, row)));
            break;
        default:
            set_text(object, name, recs_model_item_text(model, c, row));
        }
    }
}

static json_t *item_json(const recs_model *model, uint32_t row) {
    json_t *one = json_object(), *columns = json_object();
    set_text(one, "item", recs_model_item_id(model, row));
    set_text(one, "title", recs_model_item_title(model, row));
    set_count(one, "rank", (uint64_t)recs_model_item_rank(model, row) + 1);
    set_number(one, "popularity", (double)recs_model_item_popularity(model, row));
    set_columns(columns, model, row);
    json_object_set_new(one, "catalogue", columns);
    return one;
}

/* Everything of one item, for people. */
static void print_item(const recs_model *model, uint32_t row) {
    json_t *columns = json_object(), *value;
    const char *key, *title = recs_model_item_title(model, row);

    fputs("item        ", stdout);
    print_plain(recs_model_item_id(model, row));
    if (title) {
        fputs("\ntitle       ", stdout);
        print_plain(title);
    }
    printf("\npopularity  %.9g, place %u of %u\n", (double)recs_model_item_popularity(model, row),
           recs_model_item_rank(model, row) + 1, recs_model_items(model));
    set_columns(columns, model, row);
    json_object_foreach(columns, key, value) {
        if (json_is_null(value))
            continue;
        print_padded(key, 12);
        if (json_is_string(value))
            print_plain(json_string_value(value));
        else if (json_is_real(value))
            printf("%.9g", json_real_value(value));
        else
            fputs(json_is_true(value) ? "yes" : "no", stdout);
        putchar('\n');
    }
    json_decref(columns);
}

static void print_found(const recs_model *model, const found *all, size_t shown, size_t count,
                        bool json) {
    json_t *root = json_object(), *list = json_array();

    set_count(root, "found", count);
    json_object_set_new(root, "items", list);
    for (size_t i = 0; i < shown; i++) {
        uint32_t row = all[i].row;
        if (json) {
            json_array_append_new(list, item_json(model, row));
            continue;
        }
        printf("%10.9g  ", (double)recs_model_item_popularity(model, row));
        print_name(recs_model_item_id(model, row), recs_model_item_title(model, row));
        putchar('\n');
    }
    if (json)
        print_json(json_incref(root));
    else if (count > shown)
        printf("and %zu more\n", count - shown);
    json_decref(root);
}

static int find(const ask *a, const char *part) {
    uint32_t items = recs_model_items(a->model);
    found *all = malloc((items ? items : 1) * sizeof *all);
    size_t count = 0, limit = a->request.limit;

    if (!all) {
        fprintf(stderr, "recs: no memory for %u items\n", items);
        return EXIT_FAILED;
    }
    for (uint32_t row = 0; row < items; row++)
        if (contains(recs_model_item_title(a->model, row), part) ||
            contains(recs_model_item_id(a->model, row), part))
            all[count++] = (found){recs_model_item_rank(a->model, row), row};
    qsort(all, count, sizeof *all, by_rank);
    print_found(a->model, all, count < limit ? count : limit, count, a->shared.json);
    free(all);
    if (count > 0 || !*part)
        return EXIT_OK;
    fprintf(stderr, "recs: no title and no id contains '%s'\n", part);
    return EXIT_MISSING;
}

static int show(const ask *a) {
    uint32_t row = recs_model_item_row(a->model, a->request.item);

    if (row == RECS_NO_ROW)
        return missing_item(a->request.item);
    if (a->shared.json)
        return print_json(item_json(a->model, row));
    print_item(a->model, row);
    return EXIT_OK;
}

static bool take_option(void *context, const command *self, int option, const char *value) {
    (void)self;
    (void)option;
    *(const char **)context = value;
    return true;
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {ITEM_OPTION,
                                            {"find", required_argument, NULL, ITEMS_FIND},
                                            COMMON_OPTIONS,
                                            {0}};
    const char *part = "";
    ask a;
    int code;

    if (ask_open(&a, self, argc, argv, options, take_option, &part, &code))
        code = a.request.has_item ? show(&a) : find(&a, part);
    ask_close(&a);
    return code;
}

const command command_items = {
    "items", "finds items by title, shows what is known of one",
    "usage: recs items --model FILE [--find TEXT | --item ID] [options]\n\n"
    "Items whose title or id contains a text, the most popular first; without one, all.\n\n"
    "  --model FILE           the model\n"
    "  --find TEXT            part of a title or id; a-z and A-Z are the same\n"
    "  --item ID              everything the catalogue says of this item\n"
    LIMIT_USAGE COMMON_USAGE,
    run};
