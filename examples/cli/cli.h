/* cli.h - what the sub-commands of `recs` share. The tool is a host like any
 * other: it uses the public headers alone. */
#ifndef RECS_CLI_H
#define RECS_CLI_H

#include "recs.h"
#include "recs/train.h"

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Exit codes, as in the man page. */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,   /* the work could not be done                     */
    EXIT_USAGE = 2,    /* the command line is wrong                      */
    EXIT_MISSING = 3   /* no such user, item or component                */
};

typedef struct command {
    const char *name;
    const char *summary; /* one line for `recs --help`                   */
    const char *usage;   /* everything for `recs NAME --help`            */
    int (*run)(const struct command *self, int argc, char **argv);
} command;

extern const command command_train, command_recommend, command_similar, command_users,
    command_score, command_explain, command_why_not, command_items, command_evaluate,
    command_split, command_benchmark, command_info, command_verify, command_export, command_tune,
    command_trends, command_knn;

/* ---- command line (arguments.c) ---------------------------------------------- */

/* Long options: getopt's own struct. Values of options without a letter. */
enum {
    OPTION_FIRST = 256,
    OPTION_HELP,
    OPTION_MODEL,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_THREADS,
    OPTION_COMMAND /* first value a command may use for its own */
};

typedef struct common {
    const char *model;
    bool json;
    bool quiet;
    bool trusted; /* sections that only a trusted file may carry are opened */
    unsigned threads;
} common;

#define COMMON_OPTIONS                                                                             \
    {"help", no_argument, NULL, OPTION_HELP}, {"model", required_argument, NULL, OPTION_MODEL},    \
        {"json", no_argument, NULL, OPTION_JSON}, {"quiet", no_argument, NULL, OPTION_QUIET},      \
        {"threads", required_argument, NULL, OPTION_THREADS}

/* Next option of a command: its value, -1 at the end, 0 after one that was
 * common and is dealt with. *done: the command is to return *code at once
 * (help was printed, or the option is unknown). */
int next_option(const command *self, int argc, char **argv, const char *letters,
                const struct option *options, int *index, common *shared, bool *done, int *code);

/* What --help says of the options every command has. */
#define COMMON_USAGE                                                                               \
    "  --threads N            how many threads (default: one per processor)\n"                     \
    "  --json                 the answer as JSON\n"                                                \
    "  --quiet                no progress and no report\n"                                         \
    "  -h, --help             this text\n"

/* Prints "recs NAME: text" and where help is; returns EXIT_USAGE. */
int usage_error(const command *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool parse_count(const char *text, size_t most, size_t *out);
bool parse_number(const char *text, double *out);

/* Calls each for every part of a comma-separated list; stops at a failure. */
recs_status each_part(const char *list, recs_status (*each)(void *context, const char *part),
                      void *context);

/* ---- running (session.c) -------------------------------------------------------- */

/* Prints "recs: text" on stderr; the exit code of the status. */
int fail(const recs_error *error);
/* The same of a failure that is not about what was asked for (a file that is
 * not there, a folder that is full): always EXIT_FAILED. */
int fail_work(const recs_error *error);

/* From now on Ctrl-C and SIGTERM make progress_show cancel the work, so that
 * nothing half-done is left; a second one ends the program at once. */
void stop_on_signal(void);
/* The signal that came, 0 for none. */
int stop_signal(void);

/* Opens the model, or says why not. NULL then, with *code set. */
recs_model *open_model(const command *self, const common *shared, int *code);

/* An output must not be a file that is read, or that is the other output. False
 * when `output` is the file `other`, by whatever name or link; said then, and
 * the code is EXIT_USAGE. "-" as other is standard input; NULL for one that
 * was not given. */
bool output_apart(const command *self, const char *option, const char *output,
                  const char *other_option, const char *other);

/* A host whose executor is a pool of shared->threads (0: one per processor)
 * threads. The host is there from session_open on, so that handles can be
 * made while options are still being read; the threads from session_start on.
 * The session must stay where it is until session_close. */
typedef struct session {
    recs_host host;
    recs_pool *pool;
} session;
void session_open(session *s);
/* What the library logs goes to stderr, a line each. */
void session_talk(session *s);
bool session_start(session *s, const common *shared, recs_error *error);
void session_close(session *s);

/* Progress on stderr when it is a terminal and not quiet; a line per stage. */
typedef struct progress {
    bool shown;
    bool quiet;
    char stage[64];
    int64_t started, printed;
} progress;
void progress_open(progress *p, bool quiet);
int32_t progress_show(void *progress, const char *stage, uint64_t done, uint64_t total);
void progress_close(progress *p);

int64_t now_ms(void);

/* ---- requests (request.c): the options of all commands that ask a model ---------- */

#define VISITOR_OPTIONS                                                                            \
    {"user", required_argument, NULL, REQUEST_USER},                                               \
        {"history", required_argument, NULL, REQUEST_HISTORY},                                     \
        {"history-item", required_argument, NULL, REQUEST_HISTORY_ITEM},                           \
        {"append", no_argument, NULL, REQUEST_APPEND},                                             \
        {"dislike", required_argument, NULL, REQUEST_DISLIKE}
#define ITEM_OPTION                                                                                \
    { "item", required_argument, NULL, REQUEST_ITEM }
#define COMPONENT_OPTION                                                                           \
    { "component", required_argument, NULL, REQUEST_COMPONENT }
#define SEEN_OPTIONS                                                                               \
    {"include-seen", no_argument, NULL, REQUEST_SEEN},                                             \
        {"exclude-types", required_argument, NULL, REQUEST_TYPES},                                 \
        {"exclude-days", required_argument, NULL, REQUEST_DAYS}
#define FILTER_OPTIONS                                                                             \
    {"deny", required_argument, NULL, REQUEST_DENY},                                               \
        {"allow", required_argument, NULL, REQUEST_ALLOW},                                         \
        {"evidence-only", no_argument, NULL, REQUEST_EVIDENCE},                                    \
        {"include-unavailable", no_argument, NULL, REQUEST_UNAVAILABLE},                           \
        {"place", required_argument, NULL, REQUEST_PLACE}
#define INDEX_OPTIONS                                                                              \
    {"trusted", no_argument, NULL, REQUEST_TRUSTED},                                               \
        {"effort", required_argument, NULL, REQUEST_EFFORT}

enum {
    REQUEST_USER = OPTION_COMMAND + 1000,
    REQUEST_HISTORY,
    REQUEST_HISTORY_ITEM,
    REQUEST_APPEND,
    REQUEST_DISLIKE,
    REQUEST_ITEM,
    REQUEST_COMPONENT,
    REQUEST_DENY,
    REQUEST_ALLOW,
    REQUEST_EVIDENCE,
    REQUEST_SEEN,
    REQUEST_TYPES,
    REQUEST_DAYS,
    REQUEST_UNAVAILABLE,
    REQUEST_PLACE,
    REQUEST_TRUSTED,
    REQUEST_EFFORT
};

#define VISITOR_USAGE                                                                              \
    "  --user ID              a visitor the model knows\n"                                         \
    "  --history ID,ID,...    or what a visitor has; --history-item ID takes an id with a comma\n" \
    "  --append               add the history to the stored one instead of replacing it\n"         \
    "  --dislike ID,...       items the visitor does not like\n"
#define COMPONENT_USAGE                                                                            \
    "  --component NAME       which component answers (default: the model's first)\n"
#define LIMIT_USAGE "  -k N                   how many (default 10)\n"
#define SEEN_USAGE                                                                                 \
    "  --include-seen         do not leave out what the visitor has\n"                             \
    "  --exclude-types T,...  leave out only what was seen by these types (buy, view, its own)\n"  \
    "  --exclude-days N       leave out only what was seen in the last N days\n"
#define FILTER_USAGE                                                                               \
    "  --deny ID,...          never these\n"                                                       \
    "  --allow ID,...         only these\n"                                                        \
    "  --evidence-only        no filling up with popular items\n"                                  \
    "  --include-unavailable  items the catalogue says are not available, too\n"                   \
    "  --place PATH           where the visitor is (uk/london), for components of trends\n"
#define INDEX_USAGE                                                                                \
    "  --trusted              search content by its approximate index: only of files you made\n"   \
    "  --effort N             how hard the index searches\n"

typedef struct request {
    recs_query *query;
    bool has_user, has_history, has_item, has_limit;
    const char *user, *item, *component;
    const char *types; /* names of --exclude-types, NULL for all */
    size_t limit;
    double days;
    bool include_seen, trusted;
} request;

/* host: what the query works with, NULL for the defaults. */
bool request_open(request *r, const recs_host *host, recs_error *error);
void request_close(request *r);
/* Takes an option of those above; false when its value is not usable (said)
 * or it is none of them (not said: *code is EXIT_OK). */
bool request_option(request *r, const command *self, int option, const char *value, int *code);
/* After the last option, with the model: what the types are called is in it.
 * False, said why, when it has none of that name. */
bool request_finish(request *r, const command *self, const recs_model *model);

/* ---- asking (ask.c): command line, model and query of such a command -------------- */

typedef struct ask {
    common shared;
    session session;
    request request;
    recs_model *model;
    recs_vectors *set; /* of the model, with its index: --trusted */
} ask;

/* Reads the command line; own takes the command's own options (false: its
 * value is not usable and this was said). Then opens the model. False: the
 * command is to return *code. ask_close in any case. */
typedef bool ask_own(void *context, const command *self, int option, const char *value);
bool ask_open(ask *a, const command *self, int argc, char **argv, const struct option *options,
              ask_own *own, void *context, int *code);
void ask_close(ask *a);

/* Says that the model has no such item, or no such component. EXIT_MISSING. */
int missing_item(const char *item);
int missing_component(const recs_model *model, const char *name);

/* ---- printing (print.c) ------------------------------------------------------------- */

/* Answers of a query; reasons of each when explain (which re-asks the model). */
int print_answers(const recs_model *model, request *r, bool users, bool explain, bool json,
                  recs_error *error);
json_t *answer_json(const recs_model *model, const recs_query *query, size_t index, bool users);
json_t *reasons_json(const recs_model *model, const recs_query *query);
/* The first `most` of them. */
void print_reasons(const recs_model *model, const recs_query *query, size_t most);
enum { FEW_REASONS = 3 };
/* Tables of an evaluation, and the same as JSON (evaluate.c). */
void print_evaluation(const recs_evaluation *evaluation);
json_t *evaluation_json(const recs_evaluation *evaluation);
/* "index", "masked" …: recs_query_strategy. */
const char *strategy_text(const recs_query *query);
int print_json(json_t *value); /* takes value; EXIT_OK */
/* Sets a text; none when it is NULL. */
void set_text(json_t *object, const char *key, const char *text);
void set_count(json_t *object, const char *key, uint64_t count);
/* JSON has no infinity and no NaN: they become null. */
void set_number(json_t *object, const char *key, double number);
/* "2011-10-01 12:00" in UTC into 32 bytes; "" for RECS_NO_TIME. */
const char *time_text(int64_t ms, char *text);
/* "812 bytes", "1.5 MB" into 32 bytes. */
const char *size_text(uint64_t bytes, char *text);
/* What is known of a model as a whole (info.c). */
json_t *model_json(const recs_model *model);
void print_model(const recs_model *model);
/* Text of a log or catalogue, for people: control bytes would break the table
 * or reach the terminal, so each is a space. How many bytes were printed. */
int print_plain(const char *text);
/* The same, filled up with spaces to a width. */
void print_padded(const char *text, int width);
/* An id and, when there is one, the title. */
void print_name(const char *id, const char *title);

/* ---- datasets (data.c): the options of all commands that read logs -------------------- */

#define DATA_OPTIONS                                                                               \
    {"input", required_argument, NULL, DATA_INPUT},                                                \
        {"items", required_argument, NULL, DATA_ITEMS},                                            \
        {"columns", required_argument, NULL, DATA_RULE},                                           \
        {"format", required_argument, NULL, DATA_RULE},                                            \
        {"header", required_argument, NULL, DATA_RULE},                                            \
        {"delimiter", required_argument, NULL, DATA_RULE},                                         \
        {"timezone", required_argument, NULL, DATA_RULE},                                          \
        {"time", required_argument, NULL, DATA_RULE},                                              \
        {"type", required_argument, NULL, DATA_RULE},                                              \
        {"types", required_argument, NULL, DATA_RULE},                                             \
        {"weight", required_argument, NULL, DATA_RULE},                                            \
        {"positive", required_argument, NULL, DATA_RULE},                                          \
        {"duplicates", required_argument, NULL, DATA_RULE},                                        \
        {"unit", required_argument, NULL, DATA_RULE},                                              \
        {"users", required_argument, NULL, DATA_RULE},                                             \
        {"rollup", required_argument, NULL, DATA_RULE},                                            \
        {"after", required_argument, NULL, DATA_RULE},                                             \
        {"before", required_argument, NULL, DATA_RULE},                                            \
        {"drop-items", required_argument, NULL, DATA_RULE},                                        \
        {"item-columns", required_argument, NULL, DATA_RULE},                                      \
        {"recommended", required_argument, NULL, DATA_RULE},                                       \
        {"propensity", required_argument, NULL, DATA_RULE},                                        \
        {"cells", required_argument, NULL, DATA_RULE},                                             \
        {"memory", required_argument, NULL, DATA_RULE},                                            \
        {"temporary", required_argument, NULL, DATA_RULE},                                         \
        {"strict", no_argument, NULL, DATA_STRICT}

enum { DATA_INPUT = OPTION_COMMAND + 2000, DATA_ITEMS, DATA_RULE, DATA_STRICT };

#define DATA_USAGE                                                                                 \
    "  --columns F=NAME,...   which column is which field: user, item, type, time, value,\n"       \
    "                         quantity, price, basket, session, place, title, source,\n"           \
    "                         propensity, latitude, longitude; a name of the header or a\n"        \
    "                         number from 1; common names are recognised without\n"                \
    "  --format F             auto, csv, tsv or lightgcn (default auto)\n"                         \
    "  --header H             auto, yes or no;  --delimiter C  one character or tab\n"             \
    "  --time T               auto, s, ms, iso, dmy or mdy;  --timezone Z  UTC, +02:00,\n"         \
    "                         Europe/London\n"                                                     \
    "  --positive X           ratings from X on are evidence, lower ones only seen\n"              \
    "  --weight W             of quantities: log1p (default), binary, raw or cap(N)\n"             \
    "  --type T               type of events without one;  --types view=1,buy=5  weights\n"        \
    "  --duplicates D         sum (default), last or max\n"                                        \
    "  --unit U               what item models train on: users, baskets or auto (default:\n"       \
    "                         baskets when no event has a user)\n"                                \
    "  --users U              full (default), hashed or none: what the model keeps of users\n"     \
    "  --rollup R             no (default) or group: variants count as their group\n"              \
    "  --recommended W        weight of events with source recommended (default 1)\n"             \
    "  --propensity P         ignore (default), inverse or clip(0.05): events count one over\n"     \
    "                         their propensity\n"                                                  \
    "  --cells F,S,L          levels of the cells that coordinates are places of: first, step\n"     \
    "                         and last (default 4,3,13)\n"                                          \
    "  --after T, --before T  only events in between\n"                                            \
    "  --drop-items ID,...    leave these out (postage, fees)\n"                                   \
    "  --item-columns F=N,... the same of the catalogue; NAME:number, text, time or flag sets a\n" \
    "                         column's type\n"                                                     \
    "  --strict               a row that cannot be used is an error\n"                             \
    "  --memory SIZE          hold no more than this (500M, 2G): the log and what is made of it\n" \
    "                         lie in temporary files instead\n"                                    \
    "  --temporary DIR        where those are made (default: $TMPDIR, or beside the output)\n"

#define DATA_FILES 64

typedef struct data {
    const char *inputs[DATA_FILES];
    size_t input_count;
    const char *items;
    struct {
        const char *name, *value;
    } rules[DATA_FILES];
    size_t rule_count;
    const char *beside; /* the output, for temporary files; may be NULL */
} data;

/* Takes an option of DATA_OPTIONS; false when there are too many (said) or it
 * is none of them (not said: *code is EXIT_OK). */
bool data_option(data *d, const command *self, const struct option *option, int value,
                 const char *argument, int *code);
/* output_apart of every file that is read. */
bool data_apart(const data *d, const command *self, const char *option, const char *output);
/* Reads everything. NULL: said why, *code set. */
recs_dataset *data_read(const data *d, const command *self, const recs_host *host, progress *p,
                        int *code);
/* Prints what was read and what was left out. */
void data_report(recs_dataset *dataset, progress *p);

/* ---- measuring (measure.c, measure_print.c): evaluate and benchmark ------------------- */

#define MEASURE_OPTIONS                                                                            \
    {"component", required_argument, NULL, MEASURE_COMPONENT},                                     \
        {"at", required_argument, NULL, MEASURE_AT},                                               \
        {"metrics", required_argument, NULL, MEASURE_METRICS},                                     \
        {"repeats", required_argument, NULL, MEASURE_REPEATS},                                     \
        {"recent-days", required_argument, NULL, MEASURE_RECENT},                                  \
        {"no-baselines", no_argument, NULL, MEASURE_NO_BASELINES},                                 \
        {"new-users", no_argument, NULL, MEASURE_NEW_USERS},                                       \
        {"segments", no_argument, NULL, MEASURE_SEGMENTS},                                         \
        {"bootstrap", required_argument, NULL, MEASURE_BOOTSTRAP},                                 \
        {"confidence", required_argument, NULL, MEASURE_CONFIDENCE},                               \
        {"seed", required_argument, NULL, MEASURE_SEED},                                           \
        {"compare", required_argument, NULL, MEASURE_COMPARE},                                     \
        {"csv", required_argument, NULL, MEASURE_CSV},                                             \
        {"users-csv", required_argument, NULL, MEASURE_USERS_CSV},                                 \
        {"html", required_argument, NULL, MEASURE_HTML},                                           \
        {"title", required_argument, NULL, MEASURE_TITLE}

enum {
    MEASURE_COMPONENT = OPTION_COMMAND + 3000,
    MEASURE_AT,
    MEASURE_METRICS,
    MEASURE_REPEATS,
    MEASURE_RECENT,
    MEASURE_NO_BASELINES,
    MEASURE_NEW_USERS,
    MEASURE_SEGMENTS,
    MEASURE_BOOTSTRAP,
    MEASURE_CONFIDENCE,
    MEASURE_SEED,
    MEASURE_COMPARE,
    MEASURE_CSV,
    MEASURE_USERS_CSV,
    MEASURE_HTML,
    MEASURE_TITLE
};

#define MEASURE_USAGE                                                                              \
    "  --component NAME,...   only these (default: all)\n"                                         \
    "  --at K,K,...           lengths of the list (default 20; with --html 1 to 100)\n"            \
    "  --metrics M,...        recall, recall_min, ndcg, precision, hit_rate, mrr, map, coverage,\n" \
    "                         gini, novelty, diversity, popularity, lift, tail (default: all)\n"   \
    "  --repeats R            exclude (default): what a user has is masked and not counted;\n"     \
    "                         include: nothing is masked; only: only what a user has\n"            \
    "  --recent-days N        window of recently popular (default 30)\n"                           \
    "  --no-baselines         the model alone\n"                                                   \
    "  --new-users            users the model does not know count, too, as visitors without a\n"   \
    "                         history\n"                                                           \
    "  --segments             broken down by history length, user activity, item popularity\n"     \
    "  --bootstrap N          resamples of users for intervals: 100 to 100000, or 0 for none\n"    \
    "                         (default 1000);  --confidence X  of them (default 0.95)\n"           \
    "  --seed N               of all that is drawn (default 0)\n"                                  \
    "  --compare A,B,...      A with each of the others on the same users; A alone: with all\n"    \
    "  --csv FILE             every figure as CSV;  --users-csv FILE  those of each user\n"        \
    "  --html FILE            a report with plots, one file that needs no network;\n"              \
    "                         --title TEXT  its heading\n"

typedef struct measure {
    recs_evaluate_options how;
    const char *compare, *csv, *users_csv, *html, *title;
    bool cutoffs_given;
} measure;

measure measure_defaults(void);
/* Takes an option of those above; as data_option. */
bool measure_option(measure *m, const command *self, int option, const char *value, int *code);
/* No output is a file that is read or another output; what the outputs need. */
bool measure_check(measure *m, const command *self, const data *d, const char *model);
/* Comparisons, printing and writing; the exit code. against may be NULL, else
 * the same test part by another model called other. */
int measure_finish(const measure *m, bool json, recs_evaluation *evaluation,
                   const recs_evaluation *against, const char *other, progress *p);
void measure_print(const measure *m, const recs_evaluation *e, const recs_evaluation *against,
                   const char *other);

#endif
