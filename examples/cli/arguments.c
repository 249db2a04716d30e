/* arguments.c - reading command lines, with getopt_long underneath. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int usage_error(const command *self, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "recs %s: ", self->name);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nrecs %s --help lists the options\n", self->name);
    va_end(arguments);
    return EXIT_USAGE;
}

bool parse_count(const char *text, size_t most, size_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end || errno || strchr(text, '-') || value > most)
        return false;
    *out = (size_t)value;
    return true;
}

bool parse_number(const char *text, double *out) {
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

static int take_common(const command *self, int option, common *shared, bool *done, int *code) {
    size_t threads;
    switch (option) {
    case 'h':
    case OPTION_HELP:
        fputs(self->usage, stdout);
        *done = true;
        *code = EXIT_OK;
        return 0;
    case OPTION_MODEL:
        shared->model = optarg;
        return 0;
    case OPTION_JSON:
        shared->json = true;
        return 0;
    case OPTION_QUIET:
        shared->quiet = true;
        return 0;
    case OPTION_THREADS:
        if (!parse_count(optarg, 1024, &threads)) {
            *code = usage_error(self, "--threads is '%s', expected 0 to 1024", optarg);
            *done = true;
        } else {
            shared->threads = (unsigned)threads;
        }
        return 0;
    default:
        return option;
    }
}

int next_option(const command *self, int argc, char **argv, const char *letters,
                const struct option *options, int *index, common *shared, bool *done, int *code) {
    opterr = 0;
    int option = getopt_long(argc, argv, letters, options, index);
    if (option == -1) {
        if (optind < argc) {
            *code = usage_error(self, "'%s' is not an option", argv[optind]);
            *done = true;
        }
        return -1;
    }
    if (option == '?' || option == ':') {
        const char *culprit = argv[optind - 1];
        bool known = option == ':' || optopt == 'k';
        for (const struct option *o = options; o->name; o++)
            known |= strncmp(culprit, "--", 2) == 0 && strcmp(culprit + 2, o->name) == 0;
        *code = known ? usage_error(self, "option '%s' needs a value", culprit)
                      : usage_error(self, "unknown option '%s'", culprit);
        *done = true;
        return 0;
    }
    return take_common(self, option, shared, done, code);
}

recs_status each_part(const char *list, recs_status (*each)(void *context, const char *part),
                      void *context) {
    char *copy = strdup(list), *at = copy;
    recs_status status = copy ? RECS_OK : RECS_ERR_MEMORY;
    while (at && status == RECS_OK) {
        char *part = strsep(&at, ",");
        if (*part)
            status = each(context, part);
    }
    free(copy);
    return status;
}
