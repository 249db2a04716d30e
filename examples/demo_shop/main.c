/*
 * main.c - the command line of demo_shop: sizes, files, progress.
 *
 * Exit status: 0 done, 1 failed (nothing more is written), 2 wrong usage.
 */
#include "shop.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum print { PRINT_NONE, PRINT_EVENTS, PRINT_ITEMS, PRINT_CEILING };

struct options {
    shop_plan plan;
    uint64_t users, items, events, days; /* 0 = as the size says */
    const char *output_dir;
    enum print print;
    bool quiet;
};

/* Where the events of one run go. */
struct job {
    const shop_world *world;
    shop_truth *truth;   /* NULL = not asked for */
    shop_out *events;    /* NULL = not written */
    shop_out *train, *test;
    uint64_t done;
    bool progress;
};

static const struct {
    const char *name;
    uint32_t users, items, days;
    uint64_t events;
} sizes[] = {
    {"demo", 500, 300, 90, 20000},
    {"small", 5000, 2000, 180, 200000},
    {"medium", 50000, 10000, 365, 2000000},
    {"large", 300000, 50000, 365, 20000000},
    {"huge", 1000000, 200000, 730, 100000000},
};

static void usage(FILE *file)
{
    fputs("usage: demo_shop [options] --output-dir DIR\n"
          "       demo_shop [options] --print events|items|ceiling\n"
          "Writes the log of an invented shop whose customers' tastes are known, so that the\n"
          "best reachable recall is known too. The same options give the same bytes.\n\n"
          "  --size NAME       demo, small (the default), medium, large or huge\n"
          "  --users N         accounts, 1 to 100000000\n"
          "  --items N         articles, variants counted singly, 1 to 10000000\n"
          "  --events N        lines of the log, 1 to 1000000000000\n"
          "  --days N          length of the log from 2025-01-01, 2 to 3650\n"
          "  --seed N          which shop (42)\n"
          "  --output-dir DIR  write events.csv, items.csv, truth.csv, ceiling.json,\n"
          "                    GENERATED.txt there\n"
          "  --split           also write train.csv and test.csv, cut at nine tenths of the days\n"
          "  --impressions     also log what was shown beside recommended visits\n"
          "  --time iso|ms     how times are written (iso)\n"
          "  --ceiling-all     measure the ceiling on every user, however many\n"
          "  --print WHAT      write one stream to standard output instead\n"
          "  --quiet           no progress, no summary\n"
          "  --help            this text\n",
          file);
}

static int parse_number(const char *name, const char *text, uint64_t low, uint64_t high,
                        uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] < '0' || text[0] > '9' ||
        value < low || value > high)
        return shop_fail("--%s %s: expected a whole number from %" PRIu64 " to %" PRIu64, name,
                         text, low, high);
    *out = value;
    return 0;
}

/* The index of `text` among the names of `where`, or -1 with a message. */
static int parse_word(const char *name, const char *text, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return shop_fail("--%s %s: not one of the known words, see --help", name, text);
}

static int apply_option(struct options *o, int option, const char *value, int *size)
{
    static const char *const size_words[] = {"demo", "small", "medium", "large", "huge", NULL};
    static const char *const print_words[] = {"events", "items", "ceiling", NULL};
    static const char *const time_words[] = {"iso", "ms", NULL};
    int word;
    switch (option) {
    case 'u':
        return parse_number("users", value, 1, 100000000, &o->users);
    case 'i':
        return parse_number("items", value, 1, 10000000, &o->items);
    case 'e':
        return parse_number("events", value, 1, UINT64_C(1000000000000), &o->events);
    case 'd':
        return parse_number("days", value, 2, 3650, &o->days);
    case 's':
        return parse_number("seed", value, 0, UINT64_MAX, &o->plan.seed);
    case 'z':
        *size = parse_word("size", value, size_words);
        return *size < 0 ? -1 : 0;
    case 'p':
        word = parse_word("print", value, print_words);
        o->print = (enum print)(word + 1);
        return word < 0 ? -1 : 0;
    case 't':
        word = parse_word("time", value, time_words);
        o->plan.time_in_ms = word == 1;
        return word < 0 ? -1 : 0;
    case 'o':
        o->output_dir = value;
        return 0;
    case 'S':
        o->plan.split = true;
        return 0;
    case 'I':
        o->plan.impressions = true;
        return 0;
    case 'A':
        o->plan.ceiling_all = true;
        return 0;
    default:
        o->quiet = true;
        return 0;
    }
}

/* 0 = go on, 1 = help was shown, -1 = wrong. */
static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {
        {"users", required_argument, NULL, 'u'},      {"items", required_argument, NULL, 'i'},
        {"events", required_argument, NULL, 'e'},     {"days", required_argument, NULL, 'd'},
        {"seed", required_argument, NULL, 's'},       {"size", required_argument, NULL, 'z'},
        {"output-dir", required_argument, NULL, 'o'}, {"print", required_argument, NULL, 'p'},
        {"time", required_argument, NULL, 't'},       {"split", no_argument, NULL, 'S'},
        {"impressions", no_argument, NULL, 'I'},      {"ceiling-all", no_argument, NULL, 'A'},
        {"quiet", no_argument, NULL, 'q'},            {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option, size = 1;
    *o = (struct options){.plan = {.seed = 42, .from = 20089 * SHOP_DAY_MS}}; /* 2025-01-01 */
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h')
            return 1;
        if (option == '?' || apply_option(o, option, optarg, &size) != 0)
            return -1;
    }
    if (optind < argc)
        return shop_fail("%s: arguments without an option are not understood", argv[optind]);
    if ((o->output_dir == NULL) == (o->print == PRINT_NONE))
        return shop_fail("give either --output-dir or --print");
    if (o->plan.split && o->output_dir == NULL)
        return shop_fail("--split needs --output-dir");
    o->plan.users = o->users ? (uint32_t)o->users : sizes[size].users;
    o->plan.items = o->items ? (uint32_t)o->items : sizes[size].items;
    o->plan.days = o->days ? (uint32_t)o->days : sizes[size].days;
    o->plan.events = o->events ? o->events : sizes[size].events;
    o->plan.cut_day = o->plan.days * 9 / 10;
    return 0;
}

static int sink(void *user_data, const shop_event *event)
{
    struct job *job = user_data;
    if (job->truth != NULL && shop_truth_add(job->truth, event) != 0)
        return -1;
    if (job->events != NULL && shop_out_event(job->events, job->world, event) != 0)
        return -1;
    if (job->train != NULL) {
        bool train = event->time < shop_plan_cut(&job->world->plan);
        if (shop_out_event(train ? job->train : job->test, job->world, event) != 0)
            return -1;
    }
    if (job->progress && (++job->done & 0x3ffff) == 0)
        fprintf(stderr, "\r%3d %% of %" PRIu64 " events",
                (int)(job->done * 100 / job->world->plan.events), job->world->plan.events);
    return 0;
}

static FILE *create(const char *dir, const char *name)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) {
        shop_fail("%s: path too long", dir);
        return NULL;
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        shop_fail("%s: %s", path, strerror(errno));
    return file;
}

static int close_file(FILE *file)
{
    if (file != NULL && fclose(file) != 0)
        return shop_fail("closing a file: %s", strerror(errno));
    return 0;
}

/* Runs the simulation into the job's streams; `report` and `pairs` may be NULL. */
static int run(struct job *job, FILE *report, FILE *pairs, shop_tally *tally)
{
    shop_ceiling ceilings[SHOP_PROTOCOLS];
    int result = shop_simulate(job->world, sink, job, tally);
    if (job->progress)
        fputc('\r', stderr);
    if (result == 0 && job->truth != NULL)
        result = shop_truth_ceiling(job->truth, tally, pairs, ceilings);
    if (result == 0 && report != NULL)
        result = shop_report_write(job->world, job->truth, tally, ceilings, report);
    return result;
}

static int write_files(const struct options *o, struct job *job, shop_tally *tally)
{
    static const char *const names[] = {"events.csv", "items.csv", "truth.csv", "ceiling.json",
                                        "GENERATED.txt", "train.csv", "test.csv"};
    enum { EVENTS, ITEMS, PAIRS, REPORT, LABEL, TRAIN, TEST, FILES };
    FILE *files[FILES] = {NULL};
    shop_out outs[3] = {{.file = NULL}};
    int result = 0, out_count = o->plan.split ? 3 : 1;
    static const int out_file[3] = {EVENTS, TRAIN, TEST};
    if (mkdir(o->output_dir, 0777) != 0 && errno != EEXIST)
        return shop_fail("%s: %s", o->output_dir, strerror(errno));
    for (int f = 0; f < (o->plan.split ? FILES : TRAIN) && result == 0; f++)
        result = (files[f] = create(o->output_dir, names[f])) == NULL ? -1 : 0;
    for (int i = 0; i < out_count && result == 0; i++)
        if ((result = shop_out_open(&outs[i], files[out_file[i]])) == 0)
            result = shop_out_event_header(&outs[i]);
    if (result == 0) {
        job->events = &outs[0];
        job->train = o->plan.split ? &outs[1] : NULL;
        job->test = &outs[2];
        fprintf(files[LABEL], "Everything in this folder was generated by demo_shop (seed %" PRIu64
                              ").\nNo person, shop or sale in it is real.\n", o->plan.seed);
        result = shop_catalogue_write(job->world, files[ITEMS]);
    }
    if (result == 0)
        result = run(job, files[REPORT], files[PAIRS], tally);
    for (int i = 0; i < out_count; i++)
        if (outs[i].buffer != NULL && shop_out_close(&outs[i]) != 0)
            result = -1;
    for (int f = 0; f < FILES; f++)
        if (close_file(files[f]) != 0)
            result = -1;
    return result;
}

static int print_stream(const struct options *o, struct job *job, shop_tally *tally)
{
    if (o->print == PRINT_ITEMS)
        return shop_catalogue_write(job->world, stdout);
    if (o->print == PRINT_CEILING)
        return run(job, stdout, NULL, tally);
    shop_out out;
    int result = shop_out_open(&out, stdout);
    if (result == 0)
        result = shop_out_event_header(&out);
    job->events = &out;
    if (result == 0)
        result = run(job, NULL, NULL, tally);
    return out.buffer != NULL && shop_out_close(&out) != 0 ? -1 : result;
}

static int generate(const struct options *o)
{
    shop_world world;
    shop_truth truth = {.slots = NULL};
    shop_tally tally = {.draws = calloc(o->plan.days, sizeof *tally.draws)};
    bool with_truth = o->print == PRINT_NONE || o->print == PRINT_CEILING;
    int result = shop_world_create(&world, &o->plan);
    if (tally.draws == NULL)
        result = shop_fail("out of memory for %u days", o->plan.days);
    if (result == 0 && with_truth)
        result = shop_truth_create(&truth, &world);
    if (result == 0) {
        struct job job = {.world = &world, .truth = with_truth ? &truth : NULL,
                          .progress = !o->quiet && isatty(STDERR_FILENO)};
        result = o->print == PRINT_NONE ? write_files(o, &job, &tally)
                                        : print_stream(o, &job, &tally);
    }
    if (result == 0 && !o->quiet && o->print == PRINT_NONE)
        fprintf(stderr, "%s: %" PRIu64 " generated events, %" PRIu64 " before the cut, %" PRIu64
                        " after; at most %u waiting in memory\n",
                o->output_dir, o->plan.events, tally.train, tally.test, tally.peak_open);
    shop_truth_destroy(&truth);
    shop_world_destroy(&world);
    free(tally.draws);
    return result;
}

int main(int argc, char **argv)
{
    struct options o;
    int parsed = parse_options(argc, argv, &o);
    if (parsed > 0) {
        usage(stdout);
        return 0;
    }
    if (parsed < 0) {
        fputs("Try demo_shop --help.\n", stderr);
        return 2;
    }
    return generate(&o) == 0 ? 0 : 1;
}
