/* split.c - `recs split`: cuts a log into a part to train on and one to test on. */
#include "cli.h"

#include <string.h>

enum { SPLIT_BY = OPTION_COMMAND, SPLIT_TRAIN, SPLIT_TEST, SPLIT_SEED };

typedef struct job {
    common shared;
    data input;
    const char *by, *train, *test;
    size_t seed;
} job;

static bool take_option(job *j, const command *self, const struct option *options, int index,
                        int option, int *code) {
    switch (option) {
    case SPLIT_BY:
        j->by = optarg;
        return true;
    case SPLIT_TRAIN:
        j->train = optarg;
        return true;
    case SPLIT_TEST:
        j->test = optarg;
        return true;
    case SPLIT_SEED:
        if (parse_count(optarg, SIZE_MAX, &j->seed))
            return true;
        *code = usage_error(self, "--seed is '%s', expected a whole number from 0", optarg);
        return false;
    default:
        return data_option(&j->input, self, &options[index], option, optarg, code);
    }
}

static bool read_options(job *j, const command *self, int argc, char **argv, int *code) {
    static const struct option options[] = {DATA_OPTIONS,
                                            {"by", required_argument, NULL, SPLIT_BY},
                                            {"train", required_argument, NULL, SPLIT_TRAIN},
                                            {"test", required_argument, NULL, SPLIT_TEST},
                                            {"seed", required_argument, NULL, SPLIT_SEED},
                                            COMMON_OPTIONS,
                                            {0}};
    int index = 0, option;
    bool done = false;

    while ((option = next_option(self, argc, argv, "h", options, &index, &j->shared, &done,
                                 code)) != -1 &&
           !done)
        if (option != 0 && !take_option(j, self, options, index, option, code))
            return false;
    if (done)
        return false;
    *code = EXIT_USAGE;
    if (j->input.input_count == 0)
        usage_error(self, "--input LOG is missing (- is standard input)");
    else if (!j->train || !j->test)
        usage_error(self, "--%s FILE is missing", j->train ? "test" : "train");
    else
        return data_apart(&j->input, self, "train", j->train) &&
               data_apart(&j->input, self, "test", j->test) &&
               output_apart(self, "train", j->train, "test", j->test);
    return false;
}

/* What a number measured with such a cut is worth. */
static const char *note_of(const char *by) {
    if (strncmp(by, "time:", 5) == 0)
        return "one date for all: what a shop would have known then";
    if (strncmp(by, "last:", 5) == 0 || strncmp(by, "first:", 6) == 0)
        return "leaks over time: train holds what others did after a user's test items";
    if (strncmp(by, "users:", 6) == 0)
        return "whole users: those of the test part are not in train (strong generalisation)";
    return "leaks over time: train and test are of the same days";
}

static void set_part(json_t *root, const char *name, const char *path, const recs_dataset *part) {
    json_t *one = json_object();
    set_text(one, "file", path);
    set_count(one, "events", recs_dataset_count(part, "events"));
    set_count(one, "users", recs_dataset_count(part, "users"));
    set_count(one, "items", recs_dataset_count(part, "items"));
    json_object_set_new(root, name, one);
}

static void print_part(const char *name, const char *path, const recs_dataset *part) {
    static const char *const counts[] = {"events", "users", "items"};

    printf("%-5s  %s:", name, path);
    for (size_t i = 0; i < 3; i++) {
        uint64_t count = recs_dataset_count(part, counts[i]);
        int length = (int)strlen(counts[i]) - (count == 1); /* without its s */
        printf("%s %llu %.*s", i ? "," : "", (unsigned long long)count, length, counts[i]);
    }
    putchar('\n');
}

static void print_cut(const job *j, const recs_dataset *train, const recs_dataset *test) {
    json_t *root;

    if (j->shared.json) {
        root = json_object();
        set_text(root, "by", j->by);
        set_text(root, "note", note_of(j->by));
        set_part(root, "train", j->train, train);
        set_part(root, "test", j->test, test);
        print_json(root);
    } else if (!j->shared.quiet) {
        print_part("train", j->train, train);
        print_part("test", j->test, test);
        printf("cut by %s: %s\n", j->by, note_of(j->by));
    }
}

static int cut(const job *j, const command *self, const recs_dataset *whole) {
    recs_dataset *train = NULL, *test = NULL;
    recs_error error;
    recs_status status = recs_dataset_split(whole, j->by, j->seed, &train, &test, &error);

    if (status == RECS_ERR_ARGUMENT)
        return usage_error(self, "--by: %s", error.text);
    if (status == RECS_OK)
        status = recs_dataset_write(train, j->train, &error);
    if (status == RECS_OK)
        status = recs_dataset_write(test, j->test, &error);
    if (status == RECS_OK)
        print_cut(j, train, test);
    recs_dataset_destroy(train);
    recs_dataset_destroy(test);
    return status == RECS_OK ? EXIT_OK : fail_work(&error);
}

static int run(const command *self, int argc, char **argv) {
    job j = {.by = "time:0.8"};
    recs_dataset *whole;
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
    whole = data_read(&j.input, self, &s.host, &p, &code);
    if (whole) {
        if (!j.shared.json && !j.shared.quiet)
            data_report(whole, &p);
        code = cut(&j, self, whole);
        recs_dataset_destroy(whole);
    }
    session_close(&s);
    return code;
}

const command command_split = {
    "split", "cuts a log into train and test",
    "usage: recs split --input LOG --train FILE --test FILE [--by HOW] [options]\n\n"
    "Cuts a log in two, before duplicates are merged and returns netted, and writes\n"
    "both parts as CSV.\n\n"
    "  --input LOG            the log; - is standard input; repeatable\n"
    "  --train FILE           the part to train on\n"
    "  --test FILE            the part to test on\n"
    "  --by HOW               time:2011-10-01   events from that date on are test\n"
    "                         time:0.8          the date when 80 % of events have passed\n"
    "                                           (the default)\n"
    "                         last:N            the last N items of each user: leaks over time\n"
    "                         first:N           all but the first N items of each user: leaks\n"
    "                         random:0.1        so much of each user's items: leaks, too\n"
    "                         users:0.1         all events of so many users (users:500: of 500)\n"
    "  --seed N               of random and users (default 0)\n"
    "  --items CATALOGUE      a catalogue to read with the log\n" DATA_USAGE COMMON_USAGE,
    run};
