/* benchmark.c - `recs benchmark`: a log split, trained on and evaluated in one go. */
#include "cli.h"

#include <string.h>

enum { BENCHMARK_SPEC = OPTION_COMMAND, BENCHMARK_PROTOCOL };

typedef struct job {
    common shared;
    data input;
    measure measure;
    const char *spec, *protocol;
} job;

static bool take_option(job *j, const command *self, const struct option *options, int index,
                        int option, int *code) {
    switch (option) {
    case BENCHMARK_SPEC:
        j->spec = optarg;
        return true;
    case BENCHMARK_PROTOCOL:
        j->protocol = optarg;
        return true;
    default:
        if (measure_option(&j->measure, self, option, optarg, code) || *code != EXIT_OK)
            return *code == EXIT_OK;
        return data_option(&j->input, self, &options[index], option, optarg, code);
    }
}

static bool read_options(job *j, const command *self, int argc, char **argv, int *code) {
    static const struct option options[] = {DATA_OPTIONS,
                                            {"spec", required_argument, NULL, BENCHMARK_SPEC},
                                            {"protocol", required_argument, NULL,
                                             BENCHMARK_PROTOCOL},
                                            MEASURE_OPTIONS,
                                            COMMON_OPTIONS,
                                            {0}};
    int index = 0, option;
    bool done = false;
    recs_error error;

    while ((option = next_option(self, argc, argv, "h", options, &index, &j->shared, &done,
                                 code)) != -1 &&
           !done)
        if (option != 0 && !take_option(j, self, options, index, option, code))
            return false;
    if (done)
        return false;
    *code = EXIT_USAGE;
    if (j->shared.model)
        usage_error(self, "--model is for recs evaluate; here the model is trained");
    else if (j->input.input_count == 0)
        usage_error(self, "--input LOG is missing (- is standard input)");
    else if (recs_description_check(j->spec, NULL, NULL, &error))
        *code = error.status == RECS_ERR_ARGUMENT ? usage_error(self, "--spec: %s", error.text)
                                                  : fail_work(&error);
    else
        return measure_check(&j->measure, self, &j->input, NULL);
    return false;
}

static int benchmark(job *j, const recs_dataset *log, const recs_host *host, progress *p) {
    recs_benchmark_options options = {.struct_size = sizeof options, .seed = j->measure.how.seed};
    recs_evaluation *evaluation = NULL;
    recs_error error;
    int code;

    j->measure.how.progress = progress_show;
    j->measure.how.progress_data = p;
    if (recs_benchmark(log, j->spec, j->protocol, &j->measure.how, &options, host, &evaluation,
                       &error)) {
        progress_close(p);
        return fail(&error);
    }
    code = measure_finish(&j->measure, j->shared.json, evaluation, NULL, NULL, p);
    recs_evaluation_destroy(evaluation);
    return code;
}

static int run(const command *self, int argc, char **argv) {
    job j = {.spec = "als, itemknn, popular", .measure = measure_defaults()};
    recs_dataset *log;
    recs_error error;
    session s;
    progress p;
    int code;

    if (!read_options(&j, self, argc, argv, &code))
        return code;
    session_open(&s);
    if (!session_start(&s, &j.shared, &error))
        return fail_work(&error);
    stop_on_signal();
    progress_open(&p, j.shared.quiet);
    log = data_read(&j.input, self, &s.host, &p, &code);
    if (log) {
        if (!j.shared.json && !j.shared.quiet) {
            data_report(log, &p);
            putchar('\n');
        }
        code = benchmark(&j, log, &s.host, &p);
        recs_dataset_destroy(log);
    }
    session_close(&s);
    return code;
}

const command command_benchmark = {
    "benchmark", "splits a log, trains and evaluates in one go",
    "usage: recs benchmark --input LOG [--spec TEXT] [--protocol P] [options]\n\n"
    "Splits the log as the protocol says, trains on one part, evaluates on the other and\n"
    "prints what was measured and how. Nothing is kept but what --csv and --html write.\n\n"
    "  --input LOG            the log; - is standard input; repeatable\n"
    "  --spec TEXT            what to train (default \"als, itemknn, popular\")\n"
    "  --protocol P           time:0.8, time:2011-10-01   one date for all (default, if there\n"
    "                                      are times)\n"
    "                         last:1       the last items of each user: leaks over time\n"
    "                         random:0.2   a random part of each user's items: leaks, too\n"
    "                         strong:0.1   users that are not trained on, asked for by 80 % of\n"
    "                                      their items (Mult-VAE)\n"
    "                         history:1,2,3,5,10   such users by their last n items\n" MEASURE_USAGE
    "  --items CATALOGUE      a catalogue to read with the log\n" DATA_USAGE COMMON_USAGE,
    run};
