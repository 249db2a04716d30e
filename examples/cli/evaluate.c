/* evaluate.c - `recs evaluate`: how good a model is on events it has not seen. */
#include "cli.h"

#include <string.h>

enum {
    EVALUATE_TEST = OPTION_COMMAND,
    EVALUATE_COMPONENT,
    EVALUATE_AT,
    EVALUATE_REPEATS,
    EVALUATE_RECENT,
    EVALUATE_NO_BASELINES
};

typedef struct job {
    common shared;
    data input;
    recs_evaluate_options how;
} job;

static bool take_repeats(job *j, const command *self, int *code) {
    static const char *const names[] = {"exclude", "include", "only"};

    for (int32_t i = 0; i < 3; i++) {
        if (strcmp(optarg, names[i]) != 0)
            continue;
        j->how.repeats = i;
        return true;
    }
    *code = usage_error(self, "--repeats is '%s', expected exclude, include or only", optarg);
    return false;
}

static bool take_option(job *j, const command *self, const struct option *options, int index,
                        int option, int *code) {
    switch (option) {
    case EVALUATE_TEST:
        return data_option(&j->input, self, &options[index], DATA_INPUT, optarg, code);
    case EVALUATE_COMPONENT:
        j->how.component = optarg;
        return true;
    case EVALUATE_AT:
        j->how.cutoffs = optarg;
        return true;
    case EVALUATE_REPEATS:
        return take_repeats(j, self, code);
    case EVALUATE_RECENT:
        if (parse_number(optarg, &j->how.recent_days) && j->how.recent_days > 0.0)
            return true;
        *code = usage_error(self, "--recent-days is '%s', expected a number above 0", optarg);
        return false;
    case EVALUATE_NO_BASELINES:
        j->how.baselines = 0;
        return true;
    default:
        return data_option(&j->input, self, &options[index], option, optarg, code);
    }
}

static bool read_options(job *j, const command *self, int argc, char **argv, int *code) {
    static const struct option options[] = {
        DATA_OPTIONS,
        {"test", required_argument, NULL, EVALUATE_TEST},
        {"component", required_argument, NULL, EVALUATE_COMPONENT},
        {"at", required_argument, NULL, EVALUATE_AT},
        {"repeats", required_argument, NULL, EVALUATE_REPEATS},
        {"recent-days", required_argument, NULL, EVALUATE_RECENT},
        {"no-baselines", no_argument, NULL, EVALUATE_NO_BASELINES},
        COMMON_OPTIONS,
        {0}};
    int index = 0, option;
    bool done = false;

    while ((option = next_option(self, argc, argv, "h", options, &index, &j->shared, &done,
                                 code)) != -1 &&
           !done)
        if (option != 0 && !take_option(j, self, options, index, option, code))
            return false;
    if (!done && j->input.input_count == 0) {
        *code = usage_error(self, "--test FILE is missing (- is standard input)");
        return false;
    }
    return !done;
}

/* "20" of "recall@20"; "" of a metric without a cut. */
static const char *cut_of(const char *metric) {
    const char *at = strrchr(metric, '@');
    return at ? at + 1 : "";
}

/* A table of the metrics that have the same cut as metric `first`. */
static void print_table(const recs_evaluation *e, size_t first) {
    size_t metrics = recs_evaluation_metrics(e);
    const char *cut = cut_of(recs_evaluation_metric_name(e, first));
    int widest = 8;

    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        int width = (int)strlen(recs_evaluation_row_name(e, row));
        widest = width > widest ? width : widest;
    }
    printf("\n%-*s", widest, "");
    for (size_t m = first; m < metrics; m++) {
        const char *name = recs_evaluation_metric_name(e, m);
        if (strcmp(cut_of(name), cut) == 0)
            printf("  %*s", (int)strlen(name) > 9 ? (int)strlen(name) : 9, name);
    }
    putchar('\n');
    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        printf("%-*s", widest, recs_evaluation_row_name(e, row));
        for (size_t m = first; m < metrics; m++) {
            const char *name = recs_evaluation_metric_name(e, m);
            double value = recs_evaluation_value(e, row, m);
            if (strcmp(cut_of(name), cut) == 0)
                printf("  %*.*f", (int)strlen(name) > 9 ? (int)strlen(name) : 9,
                       strncmp(name, "popularity", 10) == 0 ? 1 : 4, value);
        }
        putchar('\n');
    }
}

void print_evaluation(const recs_evaluation *e) {
    const char *protocol = recs_evaluation_protocol(e);
    size_t length = strlen(protocol);

    printf("%s%s", protocol, length && protocol[length - 1] == '\n' ? "" : "\n");
    for (size_t m = 0; m < recs_evaluation_metrics(e); m++) {
        bool fresh = true;
        for (size_t before = 0; before < m; before++)
            fresh &= strcmp(cut_of(recs_evaluation_metric_name(e, before)),
                            cut_of(recs_evaluation_metric_name(e, m))) != 0;
        if (fresh)
            print_table(e, m);
    }
}

json_t *evaluation_json(const recs_evaluation *e) {
    static const char *const counts[] = {"users", "users_unknown", "users_empty", "items_unknown"};
    json_t *root = json_object(), *systems = json_array();

    set_text(root, "protocol", recs_evaluation_protocol(e));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (recs_evaluation_count(e, counts[i]) != UINT64_MAX)
            set_count(root, counts[i], recs_evaluation_count(e, counts[i]));
    for (size_t row = 0; row < recs_evaluation_rows(e); row++) {
        json_t *one = json_object();
        set_text(one, "name", recs_evaluation_row_name(e, row));
        for (size_t m = 0; m < recs_evaluation_metrics(e); m++)
            set_number(one, recs_evaluation_metric_name(e, m), recs_evaluation_value(e, row, m));
        json_array_append_new(systems, one);
    }
    json_object_set_new(root, "systems", systems);
    return root;
}

static int evaluate(job *j, const command *self, const recs_model *model, const recs_host *host) {
    recs_evaluation *evaluation = NULL;
    recs_dataset *test;
    recs_error error;
    progress p;
    int code;

    progress_open(&p, j->shared.quiet);
    test = data_read(&j->input, self, host, &p, &code);
    if (!test)
        return code;
    if (!j->shared.json && !j->shared.quiet) {
        data_report(test, &p);
        putchar('\n');
    }
    j->how.progress = progress_show;
    j->how.progress_data = &p;
    code = EXIT_OK;
    if (recs_evaluate(model, test, &j->how, host, &evaluation, &error)) {
        progress_close(&p);
        code = fail(&error);
    } else {
        progress_close(&p);
        if (j->shared.json)
            print_json(evaluation_json(evaluation));
        else
            print_evaluation(evaluation);
    }
    recs_evaluation_destroy(evaluation);
    recs_dataset_destroy(test);
    return code;
}

static int run(const command *self, int argc, char **argv) {
    job j = {.how = {.struct_size = sizeof j.how, .baselines = 1}};
    recs_model *model;
    recs_error error;
    session s;
    int code;

    if (!read_options(&j, self, argc, argv, &code))
        return code;
    session_open(&s);
    model = open_model(self, &j.shared, &code);
    if (!model)
        return code;
    if (j.how.component && recs_model_component_find(model, j.how.component) == UINT32_MAX) {
        code = missing_component(model, j.how.component);
    } else if (!session_start(&s, &j.shared, &error)) {
        code = fail_work(&error);
    } else {
        stop_on_signal();
        code = evaluate(&j, self, model, &s.host);
    }
    session_close(&s);
    recs_model_release(model);
    return code;
}

const command command_evaluate = {
    "evaluate", "how good a model is on events it has not seen",
    "usage: recs evaluate --model FILE --test LOG [options]\n\n"
    "Ranks all items for the users of a test log and prints what was measured and how.\n"
    "Popular items, recently popular ones and the user's own stand beside the model.\n\n"
    "  --model FILE           the model; it must store its users\n"
    "  --test LOG             events after those it was trained on; read as --input of train\n"
    "  --component NAME       only this one (default: all)\n"
    "  --at K,K,...           lengths of the list (default 20)\n"
    "  --repeats R            exclude (default): what a user has is masked and not counted;\n"
    "                         include: nothing is masked; only: only what a user has\n"
    "  --recent-days N        window of recently popular (default 30)\n"
    "  --no-baselines         the model alone\n"
    "  --items CATALOGUE      a catalogue to read with the test log\n" DATA_USAGE COMMON_USAGE,
    run};
