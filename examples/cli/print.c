/* print.c - answers and reasons, for people and as JSON. */
#include "cli.h"

int print_json(json_t *value) {
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', stdout);
    json_decref(value);
    return EXIT_OK;
}

const char *label_of(const recs_model *model, uint32_t row) {
    const char *title = recs_model_item_title(model, row);
    if (title && *title)
        return title;
    const char *id = recs_model_item_id(model, row);
    return id ? id : "?";
}

static const char *reason_name(int32_t kind) {
    static const char *const names[] = {"history", "popular", "fill", "similar", "remainder"};
    return kind >= 0 && kind < 5 ? names[kind] : "unknown";
}

static void set_text(json_t *object, const char *key, const char *text) {
    if (text)
        json_object_set_new(object, key, json_string(text));
}

json_t *reasons_json(const recs_model *model, const recs_query *query) {
    json_t *list = json_array();
    for (size_t i = 0; i < recs_query_reason_count(query); i++) {
        uint32_t row = recs_query_reason_row(query, i);
        json_t *reason = json_object();
        set_text(reason, "kind", reason_name(recs_query_reason_kind(query, i)));
        json_object_set_new(reason, "contribution",
                            json_real(recs_query_reason_contribution(query, i)));
        set_text(reason, "component",
                 recs_model_component_name(model, recs_query_reason_component(query, i)));
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
    json_object_set_new(answer, "score", json_real((double)recs_query_score(query, index)));
    set_text(answer, "source", filled ? "fill" : "component");
    if (!users)
        set_text(answer, "title", recs_model_item_title(model, recs_query_row(query, index)));
    return answer;
}

void print_reasons(const recs_model *model, const recs_query *query) {
    size_t count = recs_query_reason_count(query);
    for (size_t i = 0; i < count && i < 3; i++) {
        uint32_t row = recs_query_reason_row(query, i);
        double contribution = recs_query_reason_contribution(query, i);
        switch (recs_query_reason_kind(query, i)) {
        case RECS_REASON_HISTORY:
            printf("         %s %s (%+.4g)\n", contribution < 0.0 ? "despite" : "because of",
                   label_of(model, row), contribution);
            break;
        case RECS_REASON_SIMILAR:
            printf("         similar to %s (%.4g)\n", label_of(model, row), contribution);
            break;
        case RECS_REASON_POPULAR:
            printf("         popular (%.4g)\n", contribution);
            break;
        case RECS_REASON_FILL:
            printf("         filled up: the next most popular\n");
            break;
        default:
            if (count == 1)
                printf("         no single item explains it (%.4g)\n", contribution);
            break;
        }
    }
}

static int print_list(const recs_model *model, request *r, bool users, bool explain,
                      recs_error *error) {
    size_t count = recs_query_count(r->query);
    if (count == 0)
        printf("nothing to show: %zu are eligible\n", recs_query_eligible(r->query));
    for (size_t i = 0; i < count; i++) {
        uint32_t row = recs_query_row(r->query, i);
        const char *title = users ? NULL : recs_model_item_title(model, row);
        printf("%4zu  %10.5g  %s%s%s%s\n", i + 1, (double)recs_query_score(r->query, i),
               recs_query_id(r->query, i), title ? "  " : "", title ? title : "",
               recs_query_source(r->query, i) == RECS_FROM_FILL ? "  [popular]" : "");
        if (!explain)
            continue;
        if (recs_explain(model, r->query, i, error))
            return fail(error);
        print_reasons(model, r->query);
    }
    if (recs_query_ignored(r->query))
        fprintf(stderr, "recs: %zu ids of the request are not in the model and were ignored\n",
                recs_query_ignored(r->query));
    return EXIT_OK;
}

int print_answers(const recs_model *model, request *r, bool users, bool explain, bool json,
                  recs_error *error) {
    if (!json)
        return print_list(model, r, users, explain, error);
    json_t *root = json_object(), *list = json_array();
    set_text(root, "component", recs_query_component_name(r->query));
    json_object_set_new(root, "eligible", json_integer((json_int_t)recs_query_eligible(r->query)));
    json_object_set_new(root, "ignored", json_integer((json_int_t)recs_query_ignored(r->query)));
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
