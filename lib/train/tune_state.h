/* tune_state.h - the file a search is taken up from: JSON Lines, a header and
 * a line a trial, each flat: strings and numbers.
 *
 * Invariants: (1) a line is appended by one write and synced before the next
 * trial begins; (2) what is after the last newline was cut off by an end of the
 * process and is dropped; (3) any other line that cannot be read is CORRUPT, by
 * its number; (4) one process at a time (flock). */
#ifndef RECS_TRAIN_TUNE_STATE_H
#define RECS_TRAIN_TUNE_STATE_H

#include "recs/base.h"

#include <stdbool.h>

#define RECS__STATE_FIELDS 24

/* A line taken apart: strings in place, NUL-terminated. */
typedef struct recs__state_line {
    struct {
        const char *name, *text; /* text NULL: a number */
        double number;
    } fields[RECS__STATE_FIELDS];
    uint32_t count;
} recs__state_line;

const char *recs__state_text(const recs__state_line *line, const char *name); /* NULL: none */
/* False: none, or a text. */
bool recs__state_number(const recs__state_line *line, const char *name, double *out);

typedef struct recs__state {
    const recs_host *host;
    char *path;
    int descriptor; /* -1: no file */
    char *bytes;    /* what was there when it was opened */
    size_t size, at, line_number;
} recs__state;

/* Opens or makes the file and locks it. IO, MEMORY; CONFLICT: another process
 * has it. */
recs_status recs__state_open(recs__state *state, const char *path, const recs_host *host,
                             recs_error *error);
/* The next line that was there; *there is false at the end. CORRUPT names it. */
recs_status recs__state_next(recs__state *state, recs__state_line *line, bool *there,
                             recs_error *error);
void recs__state_close(recs__state *state);

/* A line being made. The strings are escaped; numbers read back as the same.
 * A number that is not finite is left out. */
typedef struct recs__state_writer {
    const recs_host *host;
    char *bytes;
    size_t size, capacity;
    recs_status status;
    recs_error *error;
} recs__state_writer;

void recs__state_begin(recs__state_writer *writer, const recs_host *host, recs_error *error);
void recs__state_add_text(recs__state_writer *writer, const char *name, const char *text);
void recs__state_add_number(recs__state_writer *writer, const char *name, double number);
/* Ends the line and appends it to the file, if there is one. IO, MEMORY. */
recs_status recs__state_append(recs__state *state, recs__state_writer *writer, recs_error *error);

#endif
