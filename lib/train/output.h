/* output.h - text into a file that appears whole or not at all: CSV and HTML.
 *
 * The first failure is kept and everything after it does nothing, so that
 * writers need not look; recs__output_close says how it went. Numbers have a
 * point whatever the process's locale says. */
#ifndef RECS_TRAIN_OUTPUT_H
#define RECS_TRAIN_OUTPUT_H

#include "base/file.h"

#include <stdbool.h>

typedef struct recs__output {
    const recs_host *host;
    recs__file_writer *file;
    char *buffer;
    size_t used;
    bool begun; /* the line has a field already */
    recs_status status;
    recs_error *error;
} recs__output;

recs_status recs__output_open(recs__output *output, const char *path, const recs_host *host,
                              recs_error *error);
/* Commits, or abandons after a failure. */
recs_status recs__output_close(recs__output *output);

void recs__output_put(recs__output *output, const char *bytes, size_t size);
void recs__output_text(recs__output *output, const char *text);
/* At most 1,023 bytes; %s of text that is known to be harmless. */
void recs__output_print(recs__output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* For HTML: & < > " ' as references, control characters as spaces. */
void recs__output_escaped(recs__output *output, const char *text);

/* Fields of a CSV line, quoted where needed (RFC 4180). Not a number: empty. */
void recs__output_field_bytes(recs__output *output, const char *text, size_t size);
void recs__output_field(recs__output *output, const char *text);
void recs__output_field_number(recs__output *output, double value);
void recs__output_line(recs__output *output);

#endif
