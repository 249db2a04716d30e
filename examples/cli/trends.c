/* trends.c - `recs trends`: its verbs and their command line. */
#include "trends.h"

#include <string.h>

enum {
    TRENDS_AT = OPTION_COMMAND,
    TRENDS_PLACE,
    TRENDS_SEGMENT,
    TRENDS_RANKING,
    TRENDS_HALF_LIFE,
    TRENDS_WINDOW,
    TRENDS_SETTINGS,
    TRENDS_SAVE,
    TRENDS_OUTPUT,
    TRENDS_TITLE,
    TRENDS_PLACES,
    TRENDS_LAT,
    TRENDS_LON,
    TRENDS_DENY,
    TRENDS_ALLOW,
    TRENDS_EVIDENCE,
    TRENDS_APART
};

static const struct option options[] = {
    DATA_OPTIONS,
    {"at", required_argument, NULL, TRENDS_AT},
    {"place", required_argument, NULL, TRENDS_PLACE},
    {"segment", required_argument, NULL, TRENDS_SEGMENT},
    {"ranking", required_argument, NULL, TRENDS_RANKING},
    {"half-life", required_argument, NULL, TRENDS_HALF_LIFE},
    {"window", required_argument, NULL, TRENDS_WINDOW},
    {"settings", required_argument, NULL, TRENDS_SETTINGS},
    {"save", required_argument, NULL, TRENDS_SAVE},
    {"output", required_argument, NULL, TRENDS_OUTPUT},
    {"title", required_argument, NULL, TRENDS_TITLE},
    {"places", required_argument, NULL, TRENDS_PLACES},
    {"lat", required_argument, NULL, TRENDS_LAT},
    {"lon", required_argument, NULL, TRENDS_LON},
    {"deny", required_argument, NULL, TRENDS_DENY},
    {"allow", required_argument, NULL, TRENDS_ALLOW},
    {"evidence-only", no_argument, NULL, TRENDS_EVIDENCE},
    {"apart", no_argument, NULL, TRENDS_APART},
    COMMON_OPTIONS,
    {0}};

static bool append(trends_job *j, const char *option, const char **list, size_t *count,
                   const char *value, int *code) {
    if (*count == TRENDS_LIST) {
        *code = usage_error(j->self, "more than %d times %s", TRENDS_LIST, option);
        return false;
    }
    list[(*count)++] = value;
    return true;
}

/* "90m", "1d": 1 ms to 100,000 days. */
static bool parse_length(const char *text, int64_t *ms) {
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}, {"w", 6.048e8}};
    size_t digits = strspn(text, "0123456789.");
    char number[32];
    double value;

    if (digits == 0 || digits >= sizeof number)
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        if (strcmp(text + digits, units[u].unit) == 0 && parse_number(number, &value) &&
            value * units[u].ms >= 1.0 && value * units[u].ms <= 8.64e12) {
            *ms = (int64_t)(value * units[u].ms + 0.5);
            return true;
        }
    return false;
}

static bool take_length(trends_job *j, const char *name, const char *text, int64_t *ms,
                        int *code) {
    if (parse_length(text, ms))
        return true;
    *code = usage_error(j->self, "--%s is '%s', expected a length such as 90m, 6h or 7d", name,
                        text);
    return false;
}

const char *trends_ranking_name(int32_t ranking) {
    static const char *const names[] = {"popular", "trending", "new"};
    return names[ranking];
}

static bool take_ranking(trends_job *j, const char *text, int *code) {
    for (j->ranking = RECS_RANK_POPULAR; j->ranking <= RECS_RANK_NEW; j->ranking++)
        if (strcmp(text, trends_ranking_name(j->ranking)) == 0)
            return true;
    *code = usage_error(j->self, "--ranking is '%s', expected popular, trending or new", text);
    return false;
}

static bool take_number(trends_job *j, const char *name, const char *text, size_t most,
                        size_t *out, int *code) {
    if (parse_count(text, most, out) && *out > 0)
        return true;
    *code = usage_error(j->self, "%s is '%s', expected 1 to %zu", name, text, most);
    return false;
}

static bool take_option(trends_job *j, int index, int option, int *code) {
    *code = EXIT_OK;
    switch (option) {
    case 'k':
        return take_number(j, "-k", optarg, 1000, &j->limit, code);
    case TRENDS_PLACES:
        return take_number(j, "--places", optarg, 10000, &j->shown, code);
    case TRENDS_AT:
        return append(j, "--at", j->at, &j->at_count, optarg, code);
    case TRENDS_PLACE:
        return append(j, "--place", j->places, &j->place_count, optarg, code);
    case TRENDS_RANKING:
        return take_ranking(j, optarg, code);
    case TRENDS_HALF_LIFE:
        return take_length(j, "half-life", optarg, &j->half_life, code);
    case TRENDS_WINDOW:
        return take_length(j, "window", optarg, &j->window, code);
    case TRENDS_EVIDENCE:
        j->evidence_only = true;
        return true;
    case TRENDS_APART:
        j->apart = true;
        return true;
    default:
        break;
    }
    const char **text = option == TRENDS_SEGMENT    ? &j->segment
                        : option == TRENDS_SETTINGS ? &j->settings
                        : option == TRENDS_SAVE     ? &j->save
                        : option == TRENDS_OUTPUT   ? &j->output
                        : option == TRENDS_TITLE    ? &j->title
                        : option == TRENDS_LAT      ? &j->lat
                        : option == TRENDS_LON      ? &j->lon
                        : option == TRENDS_DENY     ? &j->deny
                        : option == TRENDS_ALLOW    ? &j->allow
                                                    : NULL;
    if (!text)
        return data_option(&j->input, j->self, &options[index], option, optarg, code);
    *text = optarg;
    return true;
}

/* --lat and --lon are columns like those of --columns: the library takes one
 * list of all. */
static bool join_columns(trends_job *j, int *code) {
    const char *columns = "";
    size_t at = j->input.rule_count;

    if (!j->lat && !j->lon)
        return true;
    for (size_t i = 0; i < j->input.rule_count; i++)
        if (strcmp(j->input.rules[i].name, "columns") == 0) {
            columns = j->input.rules[i].value;
            at = i;
        }
    if (!j->lat || !j->lon || at == DATA_FILES) {
        *code = usage_error(j->self, "--lat and --lon belong together");
        return false;
    }
    int size = snprintf(j->columns, sizeof j->columns, "%s%slatitude=%s,longitude=%s", columns,
                        *columns ? "," : "", j->lat, j->lon);
    if (size < 0 || (size_t)size >= sizeof j->columns) {
        *code = usage_error(j->self, "--columns, --lat and --lon are longer than %zu bytes",
                            sizeof j->columns - 1);
        return false;
    }
    if (at == j->input.rule_count)
        j->input.rule_count++;
    j->input.rules[at].name = "columns";
    j->input.rules[at].value = j->columns;
    return true;
}

static bool read_options(trends_job *j, int argc, char **argv, int *code) {
    int index = 0, option;
    bool done = false;

    while (argc > 1 && (argv[1][0] != '-' || strcmp(argv[1], "-") == 0)) {
        if (!append(j, "a file", j->files, &j->file_count, argv[1], code))
            return false;
        argv++;
        argc--;
    }
    while ((option = next_option(j->self, argc, argv, "hk:", options, &index, &j->shared, &done,
                                 code)) != -1 &&
           !done)
        if (option != 0 && !take_option(j, index, option, code))
            return false;
    if (done)
        return false;
    if (j->half_life && j->window) {
        *code = usage_error(j->self, "--half-life and --window: one of them");
        return false;
    }
    return join_columns(j, code);
}

static const struct verb {
    const char *name;
    int (*run)(trends_job *j);
} verbs[] = {{"replay", trends_replay}, {"top", trends_top}, {"merge", trends_merge},
             {"map", trends_map}};

static int run(const command *self, int argc, char **argv) {
    trends_job j = {.self = self, .limit = 10, .shown = 50};
    int code = EXIT_USAGE;

    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        fputs(self->usage, stdout);
        return EXIT_OK;
    }
    for (size_t v = 0; v < sizeof verbs / sizeof *verbs && argc > 1; v++) {
        if (strcmp(argv[1], verbs[v].name) != 0)
            continue;
        if (!read_options(&j, argc - 1, argv + 1, &code))
            return code;
        stop_on_signal();
        session_open(&j.session);
        progress_open(&j.progress, j.shared.quiet);
        code = verbs[v].run(&j);
        trends_end(&j);
        return code;
    }
    return argc > 1 ? usage_error(self, "no verb '%s', expected replay, top, merge or map", argv[1])
                    : usage_error(self, "a verb is missing: replay, top, merge or map");
}

const command command_trends = {
    "trends", "what is popular, rising or new, by place, from a log or a stream",
    "usage: recs trends replay LOG [options]        counts a log in order of time, then answers\n"
    "       recs trends top STATE [options]         answers from a state that was saved\n"
    "       recs trends merge A B ... --output C    the state of all of them\n"
    "       recs trends map LOG|STATE --output H    places, lists and sparklines as one HTML file\n"
    "                         (of a state: the buckets of its window, if it keeps one)\n\n"
    "  --place PATH           whose list; repeatable (default: everywhere). The steps of a\n"
    "                         hierarchy are joined by slashes: us/ca/san-francisco\n"
    "  --at TIME              as of when; repeatable (default: after the last event)\n"
    "  -k N                   how many (default 10)\n"
    "  --ranking R            popular (default), trending or new\n"
    "  --half-life T          of the counts: 90m, 6h, 7d;  --window T  exact counts of so long\n"
    "  --segment NAME         only these visitors: of a log with --columns ...,segment=COLUMN,\n"
    "                         or of a state that has segments\n"
    "  --deny ID,...          never these;  --allow ID,...  only these\n"
    "  --evidence-only        nothing borrowed from the places above\n"
    "replay and map:\n"
    "  --settings S           how a log is counted: half_life=1d|7d, window=1h/5m, actors=1d,\n"
    "                         min_actors=3, prior=20 ...; docs/trends.md has all. Default: fit\n"
    "                         for --half-life or --window where one is given\n"
    "  --lat NAME, --lon NAME columns of coordinates; places are then cells (--cells)\n"
    "  --save STATE           keep the state\n"
    "merge:\n"
    "  --apart                no actor is in two of the states: the log was split by actor\n"
    "map:\n"
    "  --output FILE          the page; it needs no network\n"
    "  --places N             how many places, those with most events (default 50)\n"
    "  --title TEXT           its heading\n"
    "  --items CATALOGUE      titles of items\n" DATA_USAGE COMMON_USAGE,
    run};
