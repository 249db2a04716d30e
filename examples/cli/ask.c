/* ask.c - what all commands that put a request to a model do first. */
#include "cli.h"

#include <string.h>

static bool read_options(ask *a, const command *self, int argc, char **argv,
                         const struct option *options, ask_own *own, void *context, int *code) {
    int index = 0, option;
    bool done = false;

    while ((option = next_option(self, argc, argv, "hk:", options, &index, &a->shared, &done,
                                 code)) != -1 &&
           !done) {
        if (option == 0 || request_option(&a->request, self, option, optarg, code))
            continue;
        if (*code == EXIT_OK && own && own(context, self, option, optarg))
            continue;
        *code = EXIT_USAGE;
        return false;
    }
    return !done;
}

/* A verb would refuse the visitor, too, but cannot name our options. */
static bool known_visitor(const ask *a) {
    const request *r = &a->request;

    if (!r->has_user || r->has_history || recs_model_user_row(a->model, r->user) != RECS_NO_ROW)
        return true;
    fprintf(stderr,
            "recs: no user '%s' in the model; say what the visitor has with --history ID,ID,..., "
            "or leave --user out\n",
            r->user);
    return false;
}

/* The vectors of the component that answers, with their index. */
static bool lend_index(ask *a, int *code) {
    recs_error error;
    const char *name = a->request.component ? a->request.component
                                            : recs_model_component_name(a->model, 0);
    uint32_t index = recs_model_component_find(a->model, name);

    if (!a->request.trusted || index == UINT32_MAX)
        return true; /* the verb says what is wrong with the component */
    if (strcmp(recs_model_component_kind(a->model, index), "content") != 0)
        return true;
    if (recs_vectors_open_model(&a->set, a->model, name, NULL, &a->session.host, &error)) {
        *code = fail_work(&error);
        return false;
    }
    recs_query_overlay(a->request.query, a->set);
    return true;
}

bool ask_open(ask *a, const command *self, int argc, char **argv, const struct option *options,
              ask_own *own, void *context, int *code) {
    recs_error error;

    memset(a, 0, sizeof *a);
    *code = EXIT_FAILED;
    session_open(&a->session);
    if (!request_open(&a->request, &a->session.host, &error)) {
        fail_work(&error);
        return false;
    }
    if (!read_options(a, self, argc, argv, options, own, context, code))
        return false;
    if (!session_start(&a->session, &a->shared, &error)) {
        *code = fail_work(&error);
        return false;
    }
    a->shared.trusted = a->request.trusted;
    a->model = open_model(self, &a->shared, code);
    if (!a->model)
        return false;
    if (!request_finish(&a->request, self, a->model)) {
        *code = EXIT_USAGE;
        return false;
    }
    if (!lend_index(a, code))
        return false;
    if (known_visitor(a))
        return true;
    *code = EXIT_MISSING;
    return false;
}

void ask_close(ask *a) {
    request_close(&a->request);
    recs_vectors_destroy(a->set);
    recs_model_release(a->model);
    session_close(&a->session);
}

int missing_item(const char *item) {
    fprintf(stderr, "recs: no item '%s' in the model; recs items --find TEXT looks for one\n",
            item);
    return EXIT_MISSING;
}

int missing_component(const recs_model *model, const char *name) {
    fprintf(stderr, "recs: no component '%s' in the model; it has:", name);
    for (uint32_t i = 0; i < recs_model_component_count(model); i++)
        fprintf(stderr, "%s %s", i ? "," : "", recs_model_component_name(model, i));
    fputc('\n', stderr);
    return EXIT_MISSING;
}
