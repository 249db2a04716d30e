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
    command_split, command_info, command_verify, command_export;

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

/* Opens the model, or says why not. NULL then, with *code set. */
recs_model *open_model(const command *self, const common *shared, int *code);

/* A host with a pool of shared->threads (0: one per processor) threads. */
typedef struct session {
    recs_host host;
    recs_pool *pool;
} session;
bool session_open(session *s, const common *shared, recs_error *error);
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

#define REQUEST_OPTIONS                                                                            \
    {"user", required_argument, NULL, REQUEST_USER},                                               \
        {"history", required_argument, NULL, REQUEST_HISTORY},                                     \
        {"history-item", required_argument, NULL, REQUEST_HISTORY_ITEM},                           \
        {"append", no_argument, NULL, REQUEST_APPEND},                                             \
        {"dislike", required_argument, NULL, REQUEST_DISLIKE},                                     \
        {"item", required_argument, NULL, REQUEST_ITEM}, {"k", required_argument, NULL, 'k'},      \
        {"component", required_argument, NULL, REQUEST_COMPONENT},                                 \
        {"deny", required_argument, NULL, REQUEST_DENY},                                           \
        {"allow", required_argument, NULL, REQUEST_ALLOW},                                         \
        {"evidence-only", no_argument, NULL, REQUEST_EVIDENCE},                                    \
        {"include-seen", no_argument, NULL, REQUEST_SEEN},                                         \
        {"exclude-types", required_argument, NULL, REQUEST_TYPES},                                 \
        {"exclude-days", required_argument, NULL, REQUEST_DAYS},                                   \
        {"include-unavailable", no_argument, NULL, REQUEST_UNAVAILABLE}

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
    REQUEST_UNAVAILABLE
};

#define REQUEST_USAGE                                                                              \
    "  --user ID              a visitor the model knows\n"                                         \
    "  --history ID,ID,...    or what a visitor has; --history-item ID takes an id with a comma\n" \
    "  --append               add the history to the stored one instead of replacing it\n"         \
    "  --dislike ID,...       items the visitor does not like\n"                                   \
    "  -k N                   how many (default 10)\n"                                             \
    "  --component NAME       which component answers (default: the model's first)\n"              \
    "  --deny ID,...          never these\n"                                                       \
    "  --allow ID,...         only these\n"                                                        \
    "  --evidence-only        no filling up with popular items\n"                                  \
    "  --include-seen         do not leave out what the visitor has\n"                             \
    "  --exclude-types T,...  leave out only what was seen by these types (buy, view, ...)\n"      \
    "  --exclude-days N       leave out only what was seen in the last N days\n"                   \
    "  --include-unavailable  items the catalogue says are not available, too\n"

typedef struct request {
    recs_query *query;
    bool has_user, has_history, has_item;
    const char *user, *item;
    uint32_t types;
    double days;
    bool include_seen;
} request;

bool request_open(request *r, recs_error *error);
void request_close(request *r);
/* Takes an option of REQUEST_OPTIONS; false when its value is not usable. */
bool request_option(request *r, const command *self, int option, const char *value);
/* After the last option. */
void request_finish(request *r);

/* ---- printing (print.c) ------------------------------------------------------------- */

/* Answers of a query; reasons of each when explain (which re-asks the model). */
int print_answers(const recs_model *model, request *r, bool users, bool explain, bool json,
                  recs_error *error);
json_t *answer_json(const recs_model *model, const recs_query *query, size_t index, bool users);
json_t *reasons_json(const recs_model *model, const recs_query *query);
void print_reasons(const recs_model *model, const recs_query *query);
int print_json(json_t *value); /* takes value; EXIT_OK */
/* Title when there is one, else id. */
const char *label_of(const recs_model *model, uint32_t row);

/* ---- datasets (data.c): the options of all commands that read logs -------------------- */

#define DATA_OPTIONS                                                                               \
    {"input", required_argument, NULL, DATA_INPUT}, {"items", required_argument, NULL, DATA_ITEMS}, \
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
        {"strict", no_argument, NULL, DATA_STRICT}

enum { DATA_INPUT = OPTION_COMMAND + 2000, DATA_ITEMS, DATA_RULE, DATA_STRICT };

#define DATA_USAGE                                                                                 \
    "  --columns F=NAME,...   which column is which field: user, item, type, time, value,\n"       \
    "                         quantity, price, basket, session, place, title; a header's name or\n" \
    "                         a number from 1; common names are recognised without\n"              \
    "  --format F             auto, csv, tsv or lightgcn (default auto)\n"                         \
    "  --header H             auto, yes or no;  --delimiter C  one character or tab\n"             \
    "  --time T               auto, s, ms or iso;  --timezone Z  UTC, +02:00, Europe/London\n"     \
    "  --positive X           ratings from X on are evidence, lower ones only seen\n"              \
    "  --weight W             log1p (default), binary, raw or cap(N) of quantities\n"              \
    "  --type T               type of events without one;  --types view=1,buy=5  weights\n"        \
    "  --duplicates D         sum (default), last or max\n"                                        \
    "  --unit U               users (default) or baskets: what item models train on\n"             \
    "  --users U              full (default), hashed or none: what the model keeps of users\n"     \
    "  --rollup R             no (default) or group: variants count as their group\n"              \
    "  --after T, --before T  only events in between\n"                                            \
    "  --drop-items ID,...    leave these out (postage, fees)\n"                                   \
    "  --strict               a row that cannot be used is an error\n"

#define DATA_FILES 64

typedef struct data {
    const char *inputs[DATA_FILES];
    size_t input_count;
    const char *items;
    struct {
        const char *name, *value;
    } rules[DATA_FILES];
    size_t rule_count;
} data;

bool data_option(data *d, const struct option *option, int value, const char *argument);
/* Reads everything; NULL with error filled. */
recs_dataset *data_read(const data *d, const recs_host *host, progress *p, recs_error *error);

#endif
