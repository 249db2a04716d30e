/* print.c - answers and reasons, for people and as JSON. */
#include "cli.h"

#include <math.h>
#include <string.h>
#include <time.h>

int print_json(json_t *value) {
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', stdout);
    json_decref(value);
    return EXIT_OK;
}

int print_plain(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    int printed = 0;

    for (; *at; at++, printed++) {
        /* U+0080 to U+009F control terminals, too. */
        bool wide = at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0;
        putchar(wide || *at < 0x20 || *at == 0x7F ? ' ' : *at);
        at += wide;
    }
    return printed;
}

void print_padded(const char *text, int width) {
    int printed = print_plain(text);
    printf("%*s", printed < width ? width - printed : 0, "");
}

void print_name(const char *id, const char *title) {
    print_plain(id);
    if (title) {
        fputs("  ", stdout);
        print_plain(title);
    }
}

/* Title when there is one, else id. */
static void print_label(const char *before, const recs_model *model, uint32_t row) {
    const char *title = recs_model_item_title(model, row);
    const char *id = recs_model_item_id(model, row);

    printf("         %s ", before);
    print_plain(title && *title ? title : id ? id : "?");
}

static const char *reason_name(int32_t kind) {
    static const char *const names[] = {"history", "popular",   "fill",
                                        "similar", "remainder", "trend", "vector"};
    return kind >= 0 && kind < 7 ? names[kind] : "unknown";
}

void set_text(json_t *object, const char *key, const char *text) {
    if (text)
        json_object_set_new(object, key, json_string(text));
}

void set_count(json_t *object, const char *key, uint64_t count) {
    json_object_set_new(object, key, json_integer((json_int_t)count));
}

void set_number(json_t *object, const char *key, double number) {
    json_object_set_new(object, key, isfinite(number) ? json_real(number) : json_null());
}

const char *time_text(int64_t ms, char *text) {
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm parts;

    text[0] = '\0';
    if (ms != RECS_NO_TIME && gmtime_r(&seconds, &parts))
        strftime(text, 32, "%Y-%m-%d %H:%M", &parts);
    return text;
}

const char *size_text(uint64_t bytes, char *text) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000.0;
        unit++;
    }
    snprintf(text, 32, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

json_t *reasons_json(const recs_model *model, const recs_query *query) {
    json_t *list = json_array();
    for (size_t i = 0; i < recs_query_reason_count(query); i++) {
        uint32_t row = recs_query_reason_row(query, i);
        json_t *reason = json_object();
        set_text(reason, "kind", reason_name(recs_query_reason_kind(query, i)));
        set_number(reason, "contribution", recs_query_reason_contribution(query, i));
        set_text(reason, "component",
                 recs_model_component_name(model, recs_query_reason_component(query, i)));
        set_text(reason, "place", recs_query_reason_place(query, i));
        if (row != RECS_NO_ROW) {
            set_text(reason, "item", recs_query_reason_id(query, i));
            set_text(reason, "title", recs_model_item_title(model, row));
        }
        json_array_append_new(list, reason);
    }
    return list;
}

json_t *answer_json(const recs_model *model, const recs_query *query, size_t index, bool users) {
    bool filled = recs_query_source(query, index) == RECS_FROM_FILL;
    json_t *answer = json_object();
    set_text(answer, users ? "user" : "item", recs_query_id(query, index));
    set_number(answer, "score", (double)recs_query_score(query, index));
    set_text(answer, "source", filled ? "fill" : "component");
    if (!users)
        set_text(answer, "title", recs_model_item_title(model, recs_query_row(query, index)));
    return answer;
}

/* In a blend, which of its components a reason comes from. */
static const char *reason_place(const recs_model *model, const recs_query *query, size_t index) {
    const char *part =
        recs_model_component_name(model, recs_query_reason_component(query, index));
    const char *whole = recs_query_component_name(query);
    return part && whole && strcmp(part, whole) != 0 ? part : "";
}

void print_reasons(const recs_model *model, const recs_query *query, size_t most) {
    size_t count = recs_query_reason_count(query);
    double largest = count ? fabs(recs_query_reason_contribution(query, 0)) : 0.0;

    for (size_t i = 0; i < count && i < most; i++) {
        uint32_t row = recs_query_reason_row(query, i);
        double contribution = recs_query_reason_contribution(query, i);
        const char *place = reason_place(model, query, i);
        const char *comma = *place ? ", " : "";
        switch (recs_query_reason_kind(query, i)) {
        case RECS_REASON_HISTORY:
        case RECS_REASON_VECTOR:
            print_label(contribution < 0.0 ? "despite" : "because of", model, row);
            printf(" (%+.4g%s%s)\n", contribution, comma, place);
            break;
        case RECS_REASON_SIMILAR:
            print_label("similar to", model, row);
            printf(" (%.4g%s%s)\n", contribution, comma, place);
            break;
        case RECS_REASON_POPULAR:
            printf("         popular (%.4g%s%s)\n", contribution, comma, place);
            break;
        case RECS_REASON_TREND:
            printf("         trending at ");
            print_plain(*recs_query_reason_place(query, i) ? recs_query_reason_place(query, i)
                                                           : "all places");
            printf(" (%.4g%s%s)\n", contribution, comma, place);
            break;
        case RECS_REASON_FILL:
            printf("         filled up: the next most popular\n");
            break;
        default:
            if (count == 1)
                printf("         no single item explains it (%.4g)\n", contribution);
            else if (most > FEW_REASONS && fabs(contribution) > 1e-4 * largest)
                printf("         the rest (%+.4g)\n", contribution);
            break;
        }
    }
}

static int print_list(const recs_model *model, request *r, bool users, bool explain,
                      recs_error *error) {
    size_t count = recs_query_count(r->query), ignored = recs_query_ignored(r->query);
    size_t eligible = recs_query_eligible(r->query);
    if (count == 0)
        printf("nothing to show: %zu %s eligible\n", eligible, eligible == 1 ? "is" : "are");
    for (size_t i = 0; i < count; i++) {
        uint32_t row = recs_query_row(r->query, i);
        const char *title = users ? NULL : recs_model_item_title(model, row);
        printf("%4zu  %10.5g  ", i + 1, (double)recs_query_score(r->query, i));
        print_name(recs_query_id(r->query, i), title);
        puts(recs_query_source(r->query, i) == RECS_FROM_FILL ? "  [popular]" : "");
        if (!explain)
            continue;
        if (recs_explain(model, r->query, i, error))
            return fail(error);
        print_reasons(model, r->query, FEW_REASONS);
    }
    if (ignored == 1)
        fputs("recs: 1 id of the request is not in the model and was ignored\n", stderr);
    else if (ignored)
        fprintf(stderr, "recs: %zu ids of the request are not in the model and were ignored\n",
                ignored);
    return EXIT_OK;
}

const char *strategy_text(const recs_query *query) {
    static const char *const names[] = {"none", "scan", "masked", "listed", "index", "index_scan"};
    return names[recs_query_strategy(query)];
}

int print_answers(const recs_model *model, request *r, bool users, bool explain, bool json,
                  recs_error *error) {
    if (!json)
        return print_list(model, r, users, explain, error);
    json_t *root = json_object(), *list = json_array();
    set_text(root, "component", recs_query_component_name(r->query));
    set_count(root, "eligible", recs_query_eligible(r->query));
    set_count(root, "ignored", recs_query_ignored(r->query));
    if (recs_query_strategy(r->query) != RECS_STRATEGY_NONE)
        set_text(root, "strategy", strategy_text(r->query));
    json_object_set_new(root, users ? "users" : "items", list);
    for (size_t i = 0; i < recs_query_count(r->query); i++) {
        json_t *answer = answer_json(model, r->query, i, users);
        json_array_append_new(list, answer);
        if (!explain)
            continue;
        if (recs_explain(model, r->query, i, error)) {
            json_decref(root);
            return fail(error);
        }
        json_object_set_new(answer, "reasons", reasons_json(model, r->query));
    }
    return print_json(root);
}
