/* train.c - `recs train`: logs and a catalogue in, one model file out. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TRAIN_SPEC = OPTION_COMMAND,
    TRAIN_OUTPUT,
    TRAIN_SEED,
    TRAIN_COMPRESS,
    TRAIN_START,
    TRAIN_CHECKPOINT
};

typedef struct job {
    common shared;
    data input;
    const char *spec, *output;
    const char *start, *checkpoint; /* NULL: none */
    size_t seed;
    bool compress;
    double seconds[3]; /* reading, training, writing */
} job;

static bool take_option(job *j, const command *self, const struct option *options, int index,
                        int option, int *code) {
    switch (option) {
    case TRAIN_SPEC:
        j->spec = optarg;
        return true;
    case TRAIN_OUTPUT:
        j->output = j->input.beside = optarg;
        return true;
    case TRAIN_SEED:
        if (parse_count(optarg, SIZE_MAX, &j->seed))
            return true;
        *code = usage_error(self, "--seed is '%s', expected a whole number from 0", optarg);
        return false;
    case TRAIN_START:
        j->start = optarg;
        return true;
    case TRAIN_CHECKPOINT:
        j->checkpoint = optarg;
        return true;
    case TRAIN_COMPRESS:
        j->compress = true;
        return true;
    default:
        return data_option(&j->input, self, &options[index], option, optarg, code);
    }
}

static bool read_options(job *j, const command *self, int argc, char **argv, int *code) {
    static const struct option options[] = {DATA_OPTIONS,
                                            {"spec", required_argument, NULL, TRAIN_SPEC},
                                            {"output", required_argument, NULL, TRAIN_OUTPUT},
                                            {"seed", required_argument, NULL, TRAIN_SEED},
                                            {"compress", no_argument, NULL, TRAIN_COMPRESS},
                                            {"start", required_argument, NULL, TRAIN_START},
                                            {"checkpoint", required_argument, NULL,
                                             TRAIN_CHECKPOINT},
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

/* Hours of training are not to end with a folder that is not there. */
static bool output_possible(const char *path) {
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    const char *name = folder;
    struct stat about;
    bool possible;

    if (slash)
        slash[slash == folder] = '\0';
    else
        name = ".";
    errno = 0;
    possible = name && access(name, W_OK | X_OK) == 0;
    if (!possible)
        fprintf(stderr, "recs: --output %s: the folder cannot be written: %s\n", path,
                strerror(errno));
    else if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        fprintf(stderr, "recs: --output %s is a folder, expected a file\n", path);
        possible = false;
    }
    free(folder);
    return possible;
}

static bool check(const job *j, const command *self, int *code) {
    recs_error error;

    *code = EXIT_USAGE;
    if (!j->output)
        usage_error(self, "--output FILE is missing");
    else if (j->shared.model)
        usage_error(self, "--model is for commands that ask a model; here it is --output FILE");
    else if (j->input.input_count == 0 && !j->input.items)
        usage_error(self, "--input LOG is missing (- is standard input), or --items CATALOGUE");
    else if (recs_description_check(j->spec, NULL, NULL, &error))
        *code = error.status == RECS_ERR_ARGUMENT ? usage_error(self, "--spec: %s", error.text)
                                                  : fail_work(&error);
    else if (!data_apart(&j->input, self, "output", j->output))
        return false;
    else if (!output_possible(j->output))
        *code = EXIT_FAILED;
    else
        return true;
    return false;
}

static void print_report(const job *j, recs_dataset *dataset, const recs_model *model) {
    static const char *const parts[] = {"read", "train", "write"};
    json_t *root, *counts, *seconds;

    if (!j->shared.json) {
        if (j->shared.quiet)
            return;
        printf("\nwritten       %s\n", j->output);
        print_model(model);
        printf("seconds       %.2f reading, %.2f training, %.2f writing\n", j->seconds[0],
               j->seconds[1], j->seconds[2]);
        return;
    }
    static const char *const names[] = {"rows",  "used",  "dropped",      "events",
                                        "users", "items", "interactions", "returns_netted",
                                        "duplicates_merged", "recommended"};
    root = model_json(model);
    counts = json_object();
    seconds = json_object();
    set_text(root, "output", j->output);
    set_count(root, "seed", j->seed);
    set_text(root, "report", recs_dataset_report(dataset));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (recs_dataset_count(dataset, names[i]) != UINT64_MAX)
            set_count(counts, names[i], recs_dataset_count(dataset, names[i]));
    for (size_t i = 0; i < 3; i++)
        set_number(seconds, parts[i], j->seconds[i]);
    json_object_set_new(root, "data", counts);
    json_object_set_new(root, "seconds", seconds);
    print_json(root);
}

static double lap(int64_t *from) {
    int64_t now = now_ms();
    double seconds = (double)(now - *from) / 1000.0;
    *from = now;
    return seconds;
}

/* The model is kept: what could have gone on is not needed. */
static void drop_checkpoints(const job *j, const recs_model *model) {
    for (uint32_t c = 0; j->checkpoint && c < recs_model_component_count(model); c++) {
        const char *name = recs_model_component_name(model, c);
        size_t size = strlen(j->checkpoint) + strlen(name) + 2;
        char *path = malloc(size);

        if (path && snprintf(path, size, "%s.%s", j->checkpoint, name) > 0)
            unlink(path);
        free(path);
    }
}

static int build(job *j, recs_dataset *dataset, const recs_host *host, progress *p) {
    recs_train_options options = {.struct_size = sizeof options,
                                  .seed = j->seed,
                                  .progress = progress_show,
                                  .progress_data = p,
                                  .compress = j->compress,
                                  .checkpoint = j->checkpoint};
    int64_t clock = now_ms();
    recs_model *model = NULL, *start = NULL;
    recs_error error;

    recs_open_options open = {.struct_size = sizeof open, .inflate = 1};
    if (j->start && recs_model_open(&start, j->start, &open, NULL, &error))
        return fail_work(&error);
    options.start = start;
    recs_status status = recs_train(dataset, j->spec, &options, host, &model, &error);

    progress_close(p);
    j->seconds[1] = lap(&clock);
    if (status == RECS_OK)
        status = recs_model_write(model, j->output, &error);
    j->seconds[2] = lap(&clock);
    if (status == RECS_OK) {
        drop_checkpoints(j, model);
        print_report(j, dataset, model);
    }
    recs_model_release(model);
    recs_model_release(start);
    if (status == RECS_OK)
        return EXIT_OK;
    return error.status == RECS_ERR_ARGUMENT ? fail(&error) : fail_work(&error);
}

static int train(job *j, const command *self) {
    recs_dataset *dataset;
    recs_error error;
    session s;
    progress p;
    int64_t clock = now_ms();
    int code;

    session_open(&s);
    if (!j->shared.quiet)
        session_talk(&s);
    if (!session_start(&s, &j->shared, &error))
        return fail_work(&error);
    stop_on_signal();
    progress_open(&p, j->shared.quiet);
    dataset = data_read(&j->input, self, &s.host, &p, &code);
    j->seconds[0] = lap(&clock);
    if (dataset) {
        if (!j->shared.json && !j->shared.quiet)
            data_report(dataset, &p);
        code = build(j, dataset, &s.host, &p);
        recs_dataset_destroy(dataset);
    }
    session_close(&s);
    return code;
}

static int run(const command *self, int argc, char **argv) {
    job j = {.spec = "als, itemknn, popular"};
    int code;

    if (!read_options(&j, self, argc, argv, &code) || !check(&j, self, &code))
        return code;
    return train(&j, self);
}

const command command_train = {
    "train", "a log of interactions in, one model file out",
    "usage: recs train --input LOG --output FILE [options]\n\n"
    "Reads logs and a catalogue, says how columns were understood and what was left\n"
    "out, trains what the description says and writes one model file, whole or not at\n"
    "all. The same data, description and seed make the same bytes.\n\n"
    "  --input LOG            CSV, TSV or LightGCN, plain, .gz or .zst; - is standard\n"
    "                         input; repeatable\n"
    "  --items CATALOGUE      id, title, group, category, brand, price, available, created\n"
    "                         and any further column\n"
    "  --spec TEXT            what to train (default \"als, itemknn, popular\"), such as\n"
    "                         \"als(factors=64), itemknn(k=200), home = 0.7*als + 0.3*itemknn\"\n"
    "  --output FILE          the model\n"
    "  --seed N               default 0\n"
    "  --compress             titles, ids and catalogue compressed in the file\n"
    "  --start MODEL          als begins with the factors of this model's component of the\n"
    "                         same name, by ids; MODEL may be FILE itself\n"
    "  --checkpoint PATH      als keeps PATH.COMPONENT after each iteration and goes on from\n"
    "                         it when interrupted; removed once the model is written\n"
    DATA_USAGE COMMON_USAGE,
    run};
