/* evaluate.c - `recs evaluate`: how good a model is on events it has not seen. */
#include "cli.h"

#include <string.h>

enum { EVALUATE_TEST = OPTION_COMMAND, EVALUATE_HISTORIES, EVALUATE_PROTOCOL, EVALUATE_AGAINST };

typedef struct job {
    common shared;
    data input, histories;
    measure measure;
    const char *against;
} job;

static bool take_option(job *j, const command *self, const struct option *options, int index,
                        int option, int *code) {
    switch (option) {
    case EVALUATE_TEST:
        return data_option(&j->input, self, &options[index], DATA_INPUT, optarg, code);
    case EVALUATE_HISTORIES:
        return data_option(&j->histories, self, &options[index], DATA_INPUT, optarg, code);
    case EVALUATE_PROTOCOL:
        j->measure.how.protocol = optarg;
        return true;
    case EVALUATE_AGAINST:
        j->against = optarg;
        return true;
    default:
        if (measure_option(&j->measure, self, option, optarg, code) || *code != EXIT_OK)
            return *code == EXIT_OK;
        return data_option(&j->input, self, &options[index], option, optarg, code);
    }
}

static bool check(job *j, const command *self, int *code) {
    *code = EXIT_USAGE;
    if (j->input.input_count == 0)
        usage_error(self, "--test FILE is missing (- is standard input)");
    else if (measure_check(&j->measure, self, &j->input, j->shared.model)) {
        j->measure.how.keep_users |= j->against != NULL;
        /* Read by the same rules. */
        j->histories.rule_count = j->input.rule_count;
        memcpy(j->histories.rules, j->input.rules, sizeof j->histories.rules);
        return true;
    }
    return false;
}

static bool read_options(job *j, const command *self, int argc, char **argv, int *code) {
    static const struct option options[] = {
        DATA_OPTIONS,
        {"test", required_argument, NULL, EVALUATE_TEST},
        {"histories", required_argument, NULL, EVALUATE_HISTORIES},
        {"protocol", required_argument, NULL, EVALUATE_PROTOCOL},
        {"against", required_argument, NULL, EVALUATE_AGAINST},
        MEASURE_OPTIONS,
        COMMON_OPTIONS,
        {0}};
    int index = 0, option;
    bool done = false;

    while ((option = next_option(self, argc, argv, "h", options, &index, &j->shared, &done,
                                 code)) != -1 &&
           !done)
        if (option != 0 && !take_option(j, self, options, index, option, code))
            return false;
    return !done && check(j, self, code);
}

/* The same test part by another model; NULL: said why, *code set. */
static recs_evaluation *evaluate_other(const job *j, const recs_dataset *test,
                                       const recs_host *host, int *code) {
    recs_open_options options = {.struct_size = sizeof options, .inflate = 1};
    recs_evaluate_options how = j->measure.how;
    recs_evaluation *evaluation = NULL;
    recs_model *model = NULL;
    recs_error error;

    how.component = NULL;
    *code = EXIT_OK;
    if (recs_model_open(&model, j->against, &options, NULL, &error) ||
        recs_evaluate(model, test, &how, host, &evaluation, &error))
        *code = fail_work(&error);
    recs_model_release(model);
    return evaluation;
}

static int evaluate(job *j, const recs_model *model, const recs_dataset *test,
                    const recs_host *host, progress *p) {
    recs_evaluation *evaluation = NULL, *against = NULL;
    recs_error error;
    int64_t begun = now_ms();
    int code = EXIT_OK;

    j->measure.how.progress = progress_show;
    j->measure.how.progress_data = p;
    if (recs_evaluate(model, test, &j->measure.how, host, &evaluation, &error)) {
        progress_close(p);
        return fail(&error);
    }
    double seconds = (double)(now_ms() - begun) / 1000.0;
    if (j->against)
        against = evaluate_other(j, test, host, &code);
    if (code == EXIT_OK)
        code = measure_finish(&j->measure, j->shared.json, evaluation, against, j->against, p);
    progress_close(p);
    if (code == EXIT_OK && !j->shared.json && !j->shared.quiet)
        printf("\n%.2f s, %.0f users a second\n", seconds,
               (double)recs_evaluation_count(evaluation, "users") / (seconds > 0 ? seconds : 1e-3));
    recs_evaluation_destroy(evaluation);
    recs_evaluation_destroy(against);
    return code;
}

static int read_and_evaluate(job *j, const command *self, const recs_model *model,
                             const recs_host *host) {
    recs_dataset *test, *histories = NULL;
    progress p;
    int code;

    progress_open(&p, j->shared.quiet);
    test = data_read(&j->input, self, host, &p, &code);
    if (!test)
        return code;
    if (j->histories.input_count) {
        histories = data_read(&j->histories, self, host, &p, &code);
        if (!histories) {
            recs_dataset_destroy(test);
            return code;
        }
        j->measure.how.histories = histories;
    }
    if (!j->shared.json && !j->shared.quiet) {
        data_report(test, &p);
        putchar('\n');
    }
    code = evaluate(j, model, test, host, &p);
    recs_dataset_destroy(histories);
    recs_dataset_destroy(test);
    return code;
}

static int run(const command *self, int argc, char **argv) {
    job j = {.measure = measure_defaults()};
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
    if (!session_start(&s, &j.shared, &error)) {
        code = fail_work(&error);
    } else {
        stop_on_signal();
        code = read_and_evaluate(&j, self, model, &s.host);
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
    "  --model FILE           the model; it must store its users, or --histories is given\n"
    "  --test LOG             events after those it was trained on; read as --input of train\n"
    "  --histories LOG        what the users of the test log have: they are asked for by it,\n"
    "                         as visitors the model does not know\n"
    "  --protocol P           how the log was split: lightgcn, strong, history, time, last or\n"
    "                         random; pins the definitions that are cited with it\n"
    "  --against FILE         another model on the same users, and the differences\n" MEASURE_USAGE
    "  --items CATALOGUE      a catalogue to read with the test log\n" DATA_USAGE COMMON_USAGE,
    run};
