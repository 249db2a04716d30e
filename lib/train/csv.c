/* csv.c - records and fields, found eight bytes at a time.
 *
 * The buffer holds whole records; when one does not end in it, what is left
 * is moved to its beginning and more is read, into a larger buffer if need
 * be. A record is first measured, without changing a byte, and only then are
 * its doubled quotes undone in place, so that it may be measured again.
 *
 * Cost: one pass; about 1 GB/s for unquoted fields. Memory: BLOCK, or twice
 * the longest record.
 *
 * Invariant: PADDING bytes behind `end` are allocated, so that a load of
 * eight bytes never leaves the buffer. */
#include "train/csv.h"

#include "base/memory.h"

#include <string.h>

#define BLOCK ((size_t)1 << 20)
#define PADDING 16

#define ONES UINT64_C(0x0101010101010101)
#define LOW7 UINT64_C(0x7F7F7F7F7F7F7F7F)

/* Sets the high bit of every byte of word that is zero, and no other. */
static uint64_t zero_bytes(uint64_t word) { return ~(((word & LOW7) + LOW7) | word | LOW7); }

static size_t first_byte(uint64_t mask) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(mask) / 8;
#else
    return (size_t)__builtin_clzll(mask) / 8;
#endif
}

/* First delimiter or line feed at or after at; may be up to 7 beyond end. */
static size_t find_end(const char *buffer, size_t at, size_t end, uint64_t delimiters) {
    for (; at < end; at += 8) {
        uint64_t word;
        memcpy(&word, buffer + at, sizeof word);
        uint64_t hits = zero_bytes(word ^ delimiters) | zero_bytes(word ^ (ONES * '\n'));
        if (hits != 0)
            return at + first_byte(hits);
    }
    return end;
}

/* Moves the unread bytes to the front and reads more behind them. A text that
 * does not end in a line feed is given one. */
static recs_status fill(recs__csv *csv, recs_error *error) {
    size_t kept = csv->end - csv->begin, got = 0;
    if (csv->begin != 0 && kept != 0)
        memmove(csv->buffer, csv->buffer + csv->begin, kept);
    csv->begin = 0;
    csv->end = kept;
    if (kept > RECS__CSV_RECORD_MAX)
        return recs__fail(error, RECS_ERR_DATA,
                          "%s, line %llu: the record is longer than %zu bytes; is a quote not "
                          "closed?",
                          recs__input_name(csv->input), (unsigned long long)csv->next_line,
                          RECS__CSV_RECORD_MAX);
    size_t wanted = kept + BLOCK / 2 + PADDING;
    recs_status status = recs__grow(csv->host, (void **)&csv->buffer, &csv->capacity,
                                    wanted > BLOCK + PADDING ? wanted : BLOCK + PADDING, 1, error);
    if (status != RECS_OK)
        return status;
    size_t room = csv->capacity - PADDING - kept;
    status = recs__input_read(csv->input, csv->buffer + kept, room, &got, error);
    if (status != RECS_OK)
        return status;
    csv->end += got;
    csv->ended = got < room;
    if (csv->ended && csv->end != 0 && csv->buffer[csv->end - 1] != '\n')
        csv->buffer[csv->end++] = '\n';
    memset(csv->buffer + csv->end, 0, csv->capacity - csv->end < PADDING
                                          ? csv->capacity - csv->end : PADDING);
    return RECS_OK;
}

static char guess_delimiter(const char *bytes, size_t size) {
    static const char candidates[] = {',', ';', '\t', '|'};
    size_t counts[sizeof candidates] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < size && (quoted || bytes[i] != '\n'); i++) {
        if (bytes[i] == '"')
            quoted = !quoted;
        for (size_t c = 0; c < sizeof candidates && !quoted; c++)
            counts[c] += bytes[i] == candidates[c];
    }
    for (size_t c = 1; c < sizeof candidates; c++)
        if (counts[c] > counts[best])
            best = c;
    return candidates[best];
}

recs_status recs__csv_open(recs__csv *csv, recs__input *input, char delimiter,
                           const recs_host *host, recs_error *error) {
    memset(csv, 0, sizeof *csv);
    csv->host = host;
    csv->input = input;
    csv->next_line = 1;
    recs_status status = fill(csv, error);
    if (status == RECS_OK && csv->end >= 3 && memcmp(csv->buffer, "\xEF\xBB\xBF", 3) == 0)
        csv->begin = 3;
    if (status == RECS_OK && csv->end >= 2 &&
        (memcmp(csv->buffer, "\xFF\xFE", 2) == 0 || memcmp(csv->buffer, "\xFE\xFF", 2) == 0))
        status = recs__fail(error, RECS_ERR_DATA, "%s is UTF-16 text, expected UTF-8",
                            recs__input_name(input));
    if (status == RECS_OK)
        csv->delimiter = delimiter != 0 ? delimiter
                                        : guess_delimiter(csv->buffer + csv->begin,
                                                          csv->end - csv->begin);
    if (status != RECS_OK)
        recs__csv_close(csv);
    return status;
}

void recs__csv_close(recs__csv *csv) {
    if (csv->host == NULL)
        return;
    recs__free(csv->host, csv->buffer);
    recs__free(csv->host, csv->fields);
    recs__free(csv->host, csv->escaped);
    memset(csv, 0, sizeof *csv);
}

void recs__csv_peek(const recs__csv *csv, const char **bytes, size_t *size) {
    *bytes = csv->buffer + csv->begin;
    *size = csv->end - csv->begin;
}

void recs__csv_skip(recs__csv *csv, size_t size) { csv->begin += size; }

recs_status recs__csv_fill(recs__csv *csv, bool *more, recs_error *error) {
    *more = !csv->ended;
    return csv->ended ? RECS_OK : fill(csv, error);
}

static recs_status add_field(recs__csv *csv, size_t begin, size_t end, bool escaped,
                             recs_error *error) {
    if (csv->count == csv->field_capacity || csv->count == csv->escaped_capacity) {
        if (csv->count >= RECS__CSV_FIELDS_MAX)
            return recs__fail(error, RECS_ERR_DATA, "%s, line %llu: more than %d fields",
                              recs__input_name(csv->input), (unsigned long long)csv->line,
                              RECS__CSV_FIELDS_MAX);
        size_t need = csv->count ? csv->count * 2 : 64;
        recs_status status = recs__grow(csv->host, (void **)&csv->fields, &csv->field_capacity,
                                        need, sizeof *csv->fields, error);
        if (status == RECS_OK)
            status = recs__grow(csv->host, (void **)&csv->escaped, &csv->escaped_capacity, need,
                                sizeof *csv->escaped, error);
        if (status != RECS_OK)
            return status;
    }
    csv->fields[csv->count] = (recs__field){csv->buffer + begin, end - begin};
    csv->escaped[csv->count++] = escaped;
    return RECS_OK;
}

typedef enum measured { WHOLE, CUT, FAILED } measured;

/* Measures a field in quotes whose opening quote is at `at`. *end is where
 * its delimiter or line feed is. */
static measured measure_quoted(recs__csv *csv, size_t at, size_t *end, uint64_t *lines,
                               recs_status *status, recs_error *error) {
    size_t begin = at + 1, close = begin;
    bool escaped = false;
    for (;; close += 2) {
        const char *quote = close < csv->end
                                ? memchr(csv->buffer + close, '"', csv->end - close) : NULL;
        if (quote == NULL)
            return CUT;
        close = (size_t)(quote - csv->buffer);
        if (close + 1 >= csv->end)
            return CUT;
        if (csv->buffer[close + 1] != '"')
            break;
        escaped = true;
    }
    for (size_t i = begin; i < close; i++) {
        const char *feed = memchr(csv->buffer + i, '\n', close - i);
        if (feed == NULL)
            break;
        i = (size_t)(feed - csv->buffer);
        (*lines)++;
    }
    size_t after = close + 1;
    if (csv->buffer[after] == '\r' && after + 1 < csv->end && csv->buffer[after + 1] == '\n')
        after++;
    else if (csv->buffer[after] == '\r' && after + 1 >= csv->end)
        return CUT;
    if (csv->buffer[after] != csv->delimiter && csv->buffer[after] != '\n') {
        *status = recs__fail(error, RECS_ERR_DATA,
                             "%s, line %llu, field %zu: text after the closing quote; a quote "
                             "inside quotes is written twice",
                             recs__input_name(csv->input),
                             (unsigned long long)(csv->line + *lines - 1), csv->count + 1);
        return FAILED;
    }
    *end = after;
    *status = add_field(csv, begin, close, escaped, error);
    return *status == RECS_OK ? WHOLE : FAILED;
}

/* Measures the record at csv->begin. *next is where the one after it begins. */
static measured measure(recs__csv *csv, size_t *next, uint64_t *lines, recs_status *status,
                        recs_error *error) {
    const uint64_t delimiters = ONES * (unsigned char)csv->delimiter;
    size_t at = csv->begin;
    csv->count = 0;
    *lines = 1;
    for (;;) {
        size_t end;
        if (at < csv->end && csv->buffer[at] == '"') {
            measured result = measure_quoted(csv, at, &end, lines, status, error);
            if (result != WHOLE)
                return result;
        } else {
            end = find_end(csv->buffer, at, csv->end, delimiters);
            if (end >= csv->end)
                return CUT;
            size_t stop = end;
            if (csv->buffer[end] == '\n' && stop > at && csv->buffer[stop - 1] == '\r')
                stop--;
            *status = add_field(csv, at, stop, false, error);
            if (*status != RECS_OK)
                return FAILED;
        }
        at = end + 1;
        if (csv->buffer[end] == '\n')
            break;
    }
    *next = at;
    return WHOLE;
}

static void unescape(recs__field *field) {
    char *to = field->text;
    const char *from = field->text, *stop = field->text + field->size;
    while (from < stop) {
        from += from[0] == '"' && from + 1 < stop;
        *to++ = *from++;
    }
    field->size = (size_t)(to - field->text);
}

recs_status recs__csv_next(recs__csv *csv, bool *more, recs_error *error) {
    for (;;) {
        size_t next = 0;
        uint64_t lines = 1;
        recs_status status = RECS_OK;
        csv->line = csv->next_line;
        measured result = csv->begin < csv->end ? measure(csv, &next, &lines, &status, error) : CUT;
        if (result == FAILED)
            return status;
        if (result == CUT && csv->ended) {
            *more = false;
            if (csv->begin >= csv->end)
                return RECS_OK;
            return recs__fail(error, RECS_ERR_DATA, "%s, line %llu, field %zu: the quote is never "
                              "closed", recs__input_name(csv->input),
                              (unsigned long long)csv->line, csv->count + 1);
        }
        if (result == CUT) {
            status = fill(csv, error);
            if (status != RECS_OK)
                return status;
            continue;
        }
        csv->begin = next;
        csv->next_line += lines;
        if (csv->count == 1 && csv->fields[0].size == 0)
            continue; /* an empty line */
        for (size_t i = 0; i < csv->count; i++)
            if (csv->escaped[i])
                unescape(&csv->fields[i]);
        *more = true;
        return RECS_OK;
    }
}
