/* csv.h - records and fields of a text with a delimiter (RFC 4180).
 *
 * Fields in quotes may hold delimiters, line ends and doubled quotes; a quote
 * inside a field that does not begin with one is an ordinary character. Lines
 * end in LF or CRLF; empty lines are skipped; a byte order mark is skipped.
 * Fields point into the reader's buffer: nothing is copied. */
#ifndef RECS_TRAIN_CSV_H
#define RECS_TRAIN_CSV_H

#include "train/input.h"

#include <stdbool.h>

#define RECS__CSV_FIELDS_MAX 4096
#define RECS__CSV_RECORD_MAX ((size_t)16 << 20)

typedef struct recs__field {
    char *text; /* not NUL-terminated */
    size_t size;
} recs__field;

typedef struct recs__csv {
    const recs_host *host;
    recs__input *input; /* borrowed */
    char delimiter;
    uint64_t line;      /* where the current record begins, from 1 */

    /* The current record; valid until the next call. */
    recs__field *fields;
    size_t count;

    /* Private. */
    char *buffer;
    size_t capacity, begin, end;
    bool ended;
    uint64_t next_line;
    bool *escaped; /* fields that hold doubled quotes */
    size_t field_capacity, escaped_capacity;
} recs__csv;

/* delimiter 0: decided by the first line: the one of , ; tab | that is there
 * most often outside quotes, else a comma. input must outlive the reader. */
recs_status recs__csv_open(recs__csv *csv, recs__input *input, char delimiter,
                           const recs_host *host, recs_error *error);
void recs__csv_close(recs__csv *csv);

/* The next record; *more false at the end. DATA: a quote that is never closed
 * or is followed by text, a record above RECS__CSV_RECORD_MAX bytes, more
 * than RECS__CSV_FIELDS_MAX fields (by line). Errors of the input. */
recs_status recs__csv_next(recs__csv *csv, bool *more, recs_error *error);

/* For looking at the text before deciding how to read it, and for readers of
 * other formats: what is in the buffer and not read yet (it ends in a line
 * feed at the end of the text), to take some of it away, to read more behind
 * it. Bytes are valid until the next call but skip. *more false: the text has
 * ended and nothing was added. fill fails as next does. */
void recs__csv_peek(const recs__csv *csv, const char **bytes, size_t *size);
void recs__csv_skip(recs__csv *csv, size_t size);
recs_status recs__csv_fill(recs__csv *csv, bool *more, recs_error *error);

#endif
