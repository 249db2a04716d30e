/* tune.c - `recs tune`: searches settings on a validation part held out of the
 * log, then trains with them on all of it and tests once. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TUNE_SPEC = OPTION_COMMAND,
    TUNE_BUDGET,
    TUNE_TRIALS,
    TUNE_STATE,
    TUNE_METRIC,
    TUNE_BY,
    TUNE_REPEATS,
    TUNE_COVERAGE,
    TUNE_USERS,
    TUNE_SEED,
    TUNE_OUTPUT_SPEC,
    TUNE_OUTPUT,
    TUNE_TEST
};

typedef struct job {
    common shared;
    data input, test;
    recs_tune_options how;
    const char *spec, *output_spec, *output;
    size_t seed, trials, users;
    int64_t printed;
    bool line; /* of progress, is there */
} job;

/* "90", "90s", "10m", "2h": seconds. */
static bool parse_budget(const char *text, double *out) {
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *copy = strdup(text);
    size_t size = copy ? strlen(copy) : 0;
    double factor = 1.0;
    for (size_t i = 0; i < sizeof units / sizeof *units && size > 1; i++)
        if (copy[size - 1] == units[i].unit) {
            factor = units[i].seconds;
            copy[size - 1] = '\0';
            break;
        }
    bool good = copy && parse_number(copy, out) && *out > 0.0 && *out * factor <= 1e9;
    *out *= factor;
    free(copy);
    return good;
}

static bool wrong(const command *self, int *code, const char *option, const char *expected) {
    *code = usage_error(self, "--%s is '%s', expected %s", option, optarg, expected);
    return false;
}

static bool take_repeats(job *j, const command *self, int *code) {
    static const char *const names[] = {"exclude", "include", "only"};
    for (int32_t i = 0; i < 3; i++)
        if (strcmp(optarg, names[i]) == 0) {
            j->how.repeats = i;
            return true;
        }
    return wrong(self, code, "repeats", "exclude, include or only");
}

static bool take_option(job *j, const command *self, const struct option *options, int index,
                        int option, int *code) {
    switch (option) {
    case TUNE_SPEC:
        j->spec = optarg;
        return true;
    case TUNE_BUDGET:
        return parse_budget(optarg, &j->how.budget_seconds) ||
               wrong(self, code, "budget", "a time above 0, as in 90s, 10m or 2h");
    case TUNE_TRIALS:
        return (parse_count(optarg, 1000000, &j->trials) && j->trials > 0) ||
               wrong(self, code, "trials", "a whole number from 1 to 1000000");
    case TUNE_STATE:
        j->how.state = optarg;
        return true;
    case TUNE_METRIC:
        j->how.metric = optarg;
        return true;
    case TUNE_BY:
        j->how.validation = optarg;
        return true;
    case TUNE_REPEATS:
        return take_repeats(j, self, code);
    case TUNE_COVERAGE:
        return (parse_number(optarg, &j->how.min_coverage) && j->how.min_coverage >= 0.0 &&
                j->how.min_coverage <= 1.0) ||
               wrong(self, code, "min-coverage", "a share from 0 to 1");
    case TUNE_USERS:
        return (parse_count(optarg, SIZE_MAX, &j->users) && j->users > 0) ||
               wrong(self, code, "sample-users", "a whole number from 1");
    case TUNE_SEED:
        return parse_count(optarg, SIZE_MAX, &j->seed) ||
               wrong(self, code, "seed", "a whole number from 0");
    case TUNE_OUTPUT_SPEC:
        j->output_spec = optarg;
        return true;
    case TUNE_OUTPUT:
        j->output = optarg;
        return true;
    case TUNE_TEST:
        return data_option(&j->test, self, &options[index], DATA_INPUT, optarg, code);
    default:
        return data_option(&j->input, self, &options[index], option, optarg, code);
    }
}

static bool read_options(job *j, const command *self, int argc, char **argv, int *code) {
    static const struct option options[] = {
        DATA_OPTIONS,
        {"spec", required_argument, NULL, TUNE_SPEC},
        {"budget", required_argument, NULL, TUNE_BUDGET},
        {"trials", required_argument, NULL, TUNE_TRIALS},
        {"state", required_argument, NULL, TUNE_STATE},
        {"metric", required_argument, NULL, TUNE_METRIC},
        {"by", required_argument, NULL, TUNE_BY},
        {"repeats", required_argument, NULL, TUNE_REPEATS},
        {"min-coverage", required_argument, NULL, TUNE_COVERAGE},
        {"sample-users", required_argument, NULL, TUNE_USERS},
        {"seed", required_argument, NULL, TUNE_SEED},
        {"output-spec", required_argument, NULL, TUNE_OUTPUT_SPEC},
        {"output", required_argument, NULL, TUNE_OUTPUT},
        {"test", required_argument, NULL, TUNE_TEST},
        COMMON_OPTIONS,
        {0}};
    int index = 0, option;
    bool done = false;

    while ((option = next_option(self, argc, argv, "h", options, &index, &j->shared, &done,
                                 code)) != -1 &&
           !done)
        if (option != 0 && !take_option(j, self, options, index, option, code))
            return false;
    return !done;
}

static bool apart(const job *j, const command *self) {
    const char *outputs[] = {j->output, j->output_spec, j->how.state};
    static const char *const names[] = {"output", "output-spec", "state"};
    for (size_t a = 0; a < 3; a++) {
        if (outputs[a] && !data_apart(&j->input, self, names[a], outputs[a]))
            return false;
        for (size_t b = 0; b < a; b++)
            if (!output_apart(self, names[a], outputs[a], names[b], outputs[b]))
                return false;
        for (size_t t = 0; t < j->test.input_count; t++)
            if (!output_apart(self, names[a], outputs[a], "test", j->test.inputs[t]))
                return false;
    }
    return true;
}

static bool check(job *j, const command *self, int *code) {
    *code = EXIT_USAGE;
    if (j->input.input_count == 0)
        usage_error(self, "--input LOG is missing (- is standard input)");
    else if (j->shared.model)
        usage_error(self, "--model is for commands that ask a model; here it is --output FILE");
    else
        return apart(j, self);
    return false;
}

/* ---- while it runs -------------------------------------------------------------------------- */

static void clear_line(job *j) {
    if (j->line)
        fputs("\r\033[K", stderr);
    j->line = false;
}

/* One line: which trial, what it is doing, the best so far, what is left. */
static int32_t show(void *user_data, const char *stage, uint64_t done, uint64_t total) {
    job *j = user_data;
    int64_t now = now_ms();

    if (stop_signal())
        return 1;
    if (j->shared.quiet || !isatty(STDERR_FILENO) || now - j->printed < 100)
        return 0;
    j->printed = now;
    j->line = true;
    uint64_t left = total - done;
    if (j->how.budget_seconds > 0.0)
        fprintf(stderr, "\r\033[K%.100s, %llu:%02llu left", stage,
                (unsigned long long)(left / 60000), (unsigned long long)(left / 1000 % 60));
    else
        fprintf(stderr, "\r\033[K%.100s, %llu trials left", stage, (unsigned long long)left);
    fflush(stderr);
    return 0;
}

static void print_head(const char *metric) {
    printf("\n%5s  %-10s  %5s  %9s  %9s  %9s  %10s  %7s  %s\n", "trial", "component", "in", metric,
           "recall", "coverage", "popularity", "seconds", "settings");
}

static double seconds_of(const recs_tuning *t, size_t i) {
    return recs_tuning_value(t, i, "train_seconds") + recs_tuning_value(t, i, "evaluate_seconds");
}

static void print_trial(const recs_tuning *t, size_t i, const char *mark) {
    const char *failed = recs_tuning_failed(t, i), *settings = recs_tuning_varied(t, i);
    double share = recs_tuning_value(t, i, "share");
    const char *component = recs_tuning_component(t, i);
    char part[16] = "-";

    if (recs_tuning_value(t, i, "whole") == 1.0)
        settings = "(all together)";
    if (share > 0.0)
        snprintf(part, sizeof part, share < 0.9 ? "1/%.0f" : "full", 1.0 / share);
    printf("%4zu%s  %-10s  %5s  ", i + 1, mark, component, part);
    if (failed)
        printf("%9s  %9s  %9s  %10s  %7s  %s: %s\n", "-", "-", "-", "-", "-", settings, failed);
    else
        printf("%9.4f  %9.4f  %9.4f  %10.1f  %7.2f  %s\n", recs_tuning_value(t, i, "value"),
               recs_tuning_value(t, i, "recall"), recs_tuning_value(t, i, "coverage"),
               recs_tuning_value(t, i, "popularity"), seconds_of(t, i), settings);
}

static void told(void *user_data, const recs_tuning *tuning, size_t index) {
    job *j = user_data;
    clear_line(j);
    if (j->shared.quiet || j->shared.json)
        return;
    print_trial(tuning, index, " ");
    fflush(stdout);
}

/* ---- afterwards ------------------------------------------------------------------------------- */

static bool is_best(const recs_tuning *t, size_t i) {
    return recs_tuning_value(t, i, "whole") != 1.0 &&
           recs_tuning_best(t, recs_tuning_component(t, i)) == i;
}

static void say_floor(const job *j, const recs_tuning *t) {
    if (j->how.min_coverage > 0.0 && !recs_tuning_met(t))
        fprintf(stderr,
                "recs: no settings of every component that were judged on all users cover "
                "--min-coverage %g of the catalogue; what is shown covers most\n",
                j->how.min_coverage);
}

static void print_result(const job *j, const recs_tuning *t) {
    print_head("best");
    for (size_t i = 0; i < recs_tuning_trials(t); i++)
        if (is_best(t, i) || recs_tuning_value(t, i, "whole") == 1.0)
            print_trial(t, i, is_best(t, i) ? "*" : " ");
    printf("\nvalidation    %s of the log, %zu trials%s\n", recs_tuning_validation(t),
           recs_tuning_trials(t), recs_tuning_stopped(t) ? ", stopped" : "");
    printf("description   %s\n", recs_tuning_description(t));
    if (recs_tuning_stopped(t) && j->how.state)
        printf("to go on      run the same command again\n");
    fflush(stdout);
}

static json_t *tuning_json(const recs_tuning *t) {
    static const char *const figures[] = {"value", "recall", "ndcg", "coverage", "popularity",
                                          "users", "share", "train_seconds", "evaluate_seconds"};
    json_t *root = json_object(), *trials = json_array();

    set_text(root, "description", recs_tuning_description(t));
    set_text(root, "validation", recs_tuning_validation(t));
    json_object_set_new(root, "met", json_boolean(recs_tuning_met(t)));
    json_object_set_new(root, "stopped", json_boolean(recs_tuning_stopped(t)));
    for (size_t i = 0; i < recs_tuning_trials(t); i++) {
        json_t *one = json_object();
        set_text(one, "component", recs_tuning_component(t, i));
        set_text(one, "trained", recs_tuning_trained(t, i));
        set_text(one, "varied", recs_tuning_varied(t, i));
        set_text(one, "failed", recs_tuning_failed(t, i));
        json_object_set_new(one, "whole", json_boolean(recs_tuning_value(t, i, "whole") == 1.0));
        json_object_set_new(one, "best", json_boolean(is_best(t, i)));
        for (size_t f = 0; f < sizeof figures / sizeof *figures; f++)
            set_number(one, figures[f], recs_tuning_value(t, i, figures[f]));
        json_array_append_new(trials, one);
    }
    json_object_set_new(root, "trials", trials);
    return root;
}

/* One line, beside its place and renamed. */
static bool write_spec(const char *path, const char *text) {
    size_t size = strlen(path);
    char *beside = malloc(size + 5);
    FILE *file = NULL;
    bool good = false;
    if (beside) {
        memcpy(beside, path, size);
        memcpy(beside + size, ".new", 5);
        file = fopen(beside, "w");
    }
    if (file) {
        good = fprintf(file, "%s\n", text) > 0;
        good &= fflush(file) == 0 && fsync(fileno(file)) == 0;
        good &= fclose(file) == 0;
        good = good && rename(beside, path) == 0;
        if (!good)
            remove(beside);
    }
    if (!good)
        fprintf(stderr, "recs: --output-spec %s cannot be written\n", path);
    free(beside);
    return good;
}

/* The test part, for the one model that was chosen. */
static int test_once(job *j, const command *self, const recs_model *model, const recs_host *host,
                     progress *p, json_t *root) {
    recs_evaluate_options how = {.struct_size = sizeof how,
                                 .repeats = j->how.repeats,
                                 .baselines = 1,
                                 .progress = progress_show,
                                 .progress_data = p};
    const char *metric = j->how.metric ? j->how.metric : "ndcg@20";
    recs_evaluation *e = NULL;
    recs_error error;
    int code;

    how.cutoffs = strchr(metric, '@') ? strchr(metric, '@') + 1 : NULL;
    /* Read by the rules of the log. */
    memcpy(j->test.rules, j->input.rules, sizeof j->test.rules);
    j->test.rule_count = j->input.rule_count;
    j->test.items = j->input.items;
    recs_dataset *test = data_read(&j->test, self, host, p, &code);
    if (!test)
        return code;
    recs_status status = recs_evaluate(model, test, &how, host, &e, &error);
    progress_close(p);
    recs_dataset_destroy(test);
    if (status)
        return fail(&error);
    if (root)
        json_object_set_new(root, "test", evaluation_json(e));
    else if (!j->shared.quiet) {
        printf("\ntest part, once:\n");
        print_evaluation(e);
    }
    recs_evaluation_destroy(e);
    return EXIT_OK;
}

static int finish(job *j, const command *self, const recs_dataset *dataset, const recs_tuning *t,
                  const recs_host *host, json_t *root) {
    const char *description = recs_tuning_description(t);
    recs_train_options how = {.struct_size = sizeof how, .seed = j->seed};
    recs_model *model = NULL;
    recs_error error;
    progress p;
    int code = EXIT_OK;

    if (j->output_spec && !write_spec(j->output_spec, description))
        return EXIT_FAILED;
    if (recs_tuning_stopped(t) || (!j->output && j->test.input_count == 0))
        return EXIT_OK;
    progress_open(&p, j->shared.quiet);
    how.progress = progress_show;
    how.progress_data = &p;
    recs_status status = recs_train(dataset, description, &how, host, &model, &error);
    progress_close(&p);
    if (status == RECS_OK && j->output)
        status = recs_model_write(model, j->output, &error);
    if (status)
        code = fail_work(&error);
    else if (j->output && !j->shared.json && !j->shared.quiet)
        printf("written       %s, trained on everything\n", j->output);
    if (status == RECS_OK && j->test.input_count)
        code = test_once(j, self, model, host, &p, root);
    recs_model_release(model);
    return code;
}

static int search(job *j, const command *self, const recs_dataset *dataset, const recs_host *host) {
    recs_tuning *tuning = NULL;
    recs_error error;

    if (j->how.budget_seconds == 0.0 && j->trials == 0)
        j->how.budget_seconds = 600.0;
    j->how.seed = j->seed;
    j->how.trials = (uint32_t)j->trials;
    j->how.users = j->users;
    j->how.progress = show;
    j->how.told = told;
    j->how.progress_data = j->how.told_data = j;
    if (!j->shared.json && !j->shared.quiet)
        print_head(j->how.metric ? j->how.metric : "ndcg@20");
    recs_status status = recs_tune(dataset, j->spec, &j->how, host, &tuning, &error);
    clear_line(j);
    if (status == RECS_ERR_ARGUMENT)
        return usage_error(self, "%s", error.text);
    if (status)
        return fail_work(&error);
    say_floor(j, tuning);
    if (!j->shared.json && !j->shared.quiet)
        print_result(j, tuning);
    else if (!j->shared.json)
        printf("%s\n", recs_tuning_description(tuning));
    json_t *root = j->shared.json ? tuning_json(tuning) : NULL;
    int code = finish(j, self, dataset, tuning, host, root);
    if (root)
        print_json(root);
    if (code == EXIT_OK && (recs_tuning_stopped(tuning) ||
                            (j->how.min_coverage > 0.0 && !recs_tuning_met(tuning))))
        code = EXIT_FAILED;
    recs_tuning_destroy(tuning);
    return code;
}

static int run(const command *self, int argc, char **argv) {
    job j = {.spec = "als, itemknn, popular(), home = blend(als, itemknn)",
             .how = {.struct_size = sizeof j.how}};
    recs_dataset *dataset;
    recs_error error;
    session s;
    progress p;
    int code;

    if (!read_options(&j, self, argc, argv, &code) || !check(&j, self, &code))
        return code;
    session_open(&s);
    if (!j.shared.quiet)
        session_talk(&s);
    if (!session_start(&s, &j.shared, &error))
        return fail_work(&error);
    stop_on_signal();
    progress_open(&p, j.shared.quiet);
    dataset = data_read(&j.input, self, &s.host, &p, &code);
    if (dataset) {
        if (!j.shared.json && !j.shared.quiet)
            data_report(dataset, &p);
        code = search(&j, self, dataset, &s.host);
        recs_dataset_destroy(dataset);
    }
    session_close(&s);
    return code;
}

const command command_tune = {
    "tune", "picks settings on a part of the log held out",
    "usage: recs tune --input LOG [--spec TEXT] [--budget TIME] [options]\n\n"
    "Holds out a part of the log, tries settings of one component after another on it\n"
    "(with few iterations first, the better ones with more), then all of them\n"
    "together, and prints what was tried and the description to train with. The test\n"
    "part is not needed; given, it is used once, for what was chosen.\n\n"
    "  --input LOG            what to train on; - is standard input; repeatable\n"
    "  --spec TEXT            what to tune (default \"als, itemknn, popular(),\n"
    "                         home = blend(als, itemknn)\"): a description whose settings may be\n"
    "                         32|64|128, 1..100, 1..100 log or ? (the trainer's own range);\n"
    "                         als alone: all that have a range; als(factors=64, ?): the rest\n"
    "  --budget TIME          90s, 10m, 2h (default 10m); the final training is not in it\n"
    "  --trials N             at most so many trials; alone, the result is the same anywhere\n"
    "  --state FILE           keeps every trial; run again, the search goes on from there\n"
    "  --metric M             what is maximised, as ndcg@20 (default), recall@10, map@20\n"
    "  --by HOW               how to hold out, as in recs split (default: time:0.9 with times\n"
    "                         and enough users, else random:0.1)\n"
    "  --repeats R            exclude (default), include or only, as in recs evaluate\n"
    "  --min-coverage S       only settings whose lists show at least this share of the catalogue\n"
    "  --sample-users N       users that are judged on at most (default 10000)\n"
    "  --seed N               default 0\n"
    "  --output-spec FILE     writes the description\n"
    "  --output FILE          trains it on the whole log and writes the model\n"
    "  --test LOG             evaluates that model on it, once\n"
    "  --items CATALOGUE      a catalogue to read with the log\n"
    "exit code 1 when it was stopped, or no settings reach --min-coverage\n" DATA_USAGE COMMON_USAGE,
    run};
