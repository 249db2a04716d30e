/* info.c - `recs info`: what is in a model file. */
#include "cli.h"

#include <string.h>

static const char *column_type_name(int32_t type) {
    static const char *const names[] = {"unknown", "text", "number", "time", "flag"};
    return type >= 1 && type <= 4 ? names[type] : names[0];
}

static const char *section_owner(const recs_model *model, uint32_t section) {
    uint32_t owner = recs_model_section_component(model, section);
    const char *name = recs_model_section_name(model, section);
    if (owner == RECS_SECTION_MODEL || !name)
        return NULL;
    return strncmp(name, "column", 6) == 0 ? recs_model_column_name(model, owner)
                                           : recs_model_component_name(model, owner);
}

static void set_lists(json_t *root, const recs_model *model) {
    json_t *components = json_array(), *columns = json_array(), *sections = json_array(),
           *types = json_array();

    for (uint32_t i = 0; i < recs_model_component_count(model); i++) {
        json_t *one = json_object();
        set_text(one, "name", recs_model_component_name(model, i));
        set_text(one, "kind", recs_model_component_kind(model, i));
        set_text(one, "settings", recs_model_component_settings(model, i));
        json_array_append_new(components, one);
    }
    for (uint32_t i = 0; i < recs_model_column_count(model); i++) {
        json_t *one = json_object();
        set_text(one, "name", recs_model_column_name(model, i));
        set_text(one, "type", column_type_name(recs_model_column_type(model, i)));
        json_array_append_new(columns, one);
    }
    for (uint32_t i = 0; i < recs_model_section_count(model); i++) {
        json_t *one = json_object();
        set_text(one, "name", recs_model_section_name(model, i));
        set_text(one, "of", section_owner(model, i));
        set_count(one, "bytes", recs_model_section_size(model, i));
        json_array_append_new(sections, one);
    }
    for (int32_t type = RECS_EVENT_CUSTOM; type <= RECS_EVENT_MAX; type++)
        if (recs_model_event_name(model, type))
            json_array_append_new(types, json_string(recs_model_event_name(model, type)));
    json_object_set_new(root, "components", components);
    json_object_set_new(root, "columns", columns);
    json_object_set_new(root, "event_types", types);
    json_object_set_new(root, "sections", sections);
}

json_t *model_json(const recs_model *model) {
    json_t *root = json_object();
    char text[32];

    snprintf(text, sizeof text, "%016llx", (unsigned long long)recs_model_fingerprint(model));
    set_text(root, "fingerprint", text);
    set_count(root, "bytes", recs_model_size(model));
    set_count(root, "items", recs_model_items(model));
    set_count(root, "users", recs_model_users(model));
    set_text(root, "users_mode", recs_model_users_mode(model));
    set_count(root, "interactions", recs_model_interactions(model));
    if (recs_model_first_time(model) != RECS_NO_TIME) {
        json_object_set_new(root, "first_time", json_integer(recs_model_first_time(model)));
        json_object_set_new(root, "last_time", json_integer(recs_model_last_time(model)));
    }
    set_text(root, "description", recs_model_description(model));
    set_lists(root, model);
    return root;
}

/* The log's own event types, which --exclude-types takes by these names. */
static void print_types(const recs_model *model) {
    bool any = false;

    for (int32_t type = RECS_EVENT_CUSTOM; type <= RECS_EVENT_MAX; type++) {
        const char *name = recs_model_event_name(model, type);
        if (!name)
            continue;
        fputs(any ? "  " : "\nown event types\n  ", stdout);
        print_plain(name);
        putchar('\n');
        any = true;
    }
}

static void print_lists(const recs_model *model) {
    char text[32];

    printf("\ncomponents (the first is the default)\n");
    for (uint32_t i = 0; i < recs_model_component_count(model); i++)
        printf("  %-14s %-10s %s\n", recs_model_component_name(model, i),
               recs_model_component_kind(model, i), recs_model_component_settings(model, i));
    if (recs_model_column_count(model) > 0)
        printf("\ncatalogue\n");
    for (uint32_t i = 0; i < recs_model_column_count(model); i++) {
        fputs("  ", stdout);
        print_padded(recs_model_column_name(model, i), 14);
        printf(" %s\n", column_type_name(recs_model_column_type(model, i)));
    }
    print_types(model);
    printf("\nsections\n");
    for (uint32_t i = 0; i < recs_model_section_count(model); i++) {
        const char *owner = section_owner(model, i);
        printf("  %-22s %12s%s", recs_model_section_name(model, i),
               size_text(recs_model_section_size(model, i), text), owner ? "  " : "");
        print_plain(owner ? owner : "");
        putchar('\n');
    }
}

void print_model(const recs_model *model) {
    char text[32], last[32];

    printf("size          %s\n", size_text(recs_model_size(model), text));
    printf("items         %u\n", recs_model_items(model));
    printf("users         %u (%s)\n", recs_model_users(model), recs_model_users_mode(model));
    printf("interactions  %llu\n", (unsigned long long)recs_model_interactions(model));
    if (recs_model_first_time(model) != RECS_NO_TIME)
        printf("from, to      %s, %s UTC\n", time_text(recs_model_first_time(model), text),
               time_text(recs_model_last_time(model), last));
    printf("fingerprint   %016llx\n", (unsigned long long)recs_model_fingerprint(model));
    printf("description   %s\n", recs_model_description(model));
}

static int run(const command *self, int argc, char **argv) {
    static const struct option options[] = {COMMON_OPTIONS, {0}};
    ask a;
    int code;

    if (ask_open(&a, self, argc, argv, options, NULL, NULL, &code)) {
        if (a.shared.json) {
            json_t *root = model_json(a.model);
            set_text(root, "model", a.shared.model);
            code = print_json(root);
        } else {
            printf("model         %s\n", a.shared.model);
            print_model(a.model);
            print_lists(a.model);
            code = EXIT_OK;
        }
    }
    ask_close(&a);
    return code;
}

const command command_info = {"info", "what is in a model file",
                              "usage: recs info --model FILE [options]\n\n"
                              "Sizes, components, columns of the catalogue and sections of a "
                              "model file.\n\n"
                              "  --model FILE           the model\n" COMMON_USAGE,
                              run};
