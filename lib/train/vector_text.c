/* vector_text.c - vectors in CSV and JSON Lines.
 *
 * JSON is read by a scanner that knows what an object of this kind may hold: it
 * decodes the id, reads the numbers where they stand and passes over all other
 * members, whatever is nested in them, in one pass and no more depth than a
 * counter. */
#include "train/vector_file.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>

/* ---- CSV ---------------------------------------------------------------------------------- */

static bool is_number(const recs__field *field) {
    double value;
    size_t from = 0, to = field->size;
    while (from < to && field->text[from] == ' ')
        from++;
    while (to > from && field->text[to - 1] == ' ')
        to--;
    return recs__parse_double(field->text + from, to - from, &value);
}

static bool separates(char c) {
    return c == ' ' || c == ',' || c == ';' || c == '\t' || c == '[' || c == ']' || c == '\n' ||
           c == '\r';
}

/* Numbers in one field: how many; with row, read into it. */
static recs_status read_list(recs_vector_file *file, const recs__field *field, bool into,
                             uint64_t line, size_t *count, recs_error *error) {
    *count = 0;
    for (size_t at = 0; at < field->size;) {
        size_t end = at;
        while (end < field->size && !separates(field->text[end]))
            end++;
        if (end != at && into && *count < file->dimension) {
            recs_status status =
                recs__vector_number(file, field->text + at, end - at, *count, line, error);
            if (status != RECS_OK)
                return status;
        }
        *count += end != at;
        at = end + 1;
    }
    return RECS_OK;
}

static bool is_list(const recs__csv *csv) {
    return csv->count == 2 && !is_number(&csv->fields[1]);
}

/* What a first column with a name is called, also where the others are called 0, 1, 2 … */
static bool is_id_name(const recs__field *field) {
    static const char *const names[] = {"id", "item", "item_id", "sku", "product_id", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == field->size &&
            strncasecmp(field->text, names[i], field->size) == 0)
            return true;
    return false;
}

static recs_status begin_csv(recs_vector_file *file, recs_error *error) {
    bool more;
    recs__csv *csv = &file->csv;
    size_t count = 0;
    recs_status status = recs__csv_next(csv, &more, error);
    /* A header: nothing in it is a number, and nothing is a list of them. */
    bool numbers = false;
    bool named = status == RECS_OK && more && is_id_name(&csv->fields[0]);
    for (size_t i = 1; status == RECS_OK && more && i < csv->count && !numbers; i++) {
        recs__field first = csv->fields[i];
        size_t from = 0, to;
        while (from < first.size && separates(first.text[from]))
            from++;
        for (to = from; to < first.size && !separates(first.text[to]);)
            to++;
        first = (recs__field){first.text + from, to - from};
        numbers = first.size != 0 && is_number(&first);
    }
    if (status == RECS_OK && more && (named || !numbers))
        status = recs__csv_next(csv, &more, error);
    if (status == RECS_OK && (!more || csv->count < 2))
        status = recs__fail(error, RECS_ERR_DATA,
                            "%s: expected records of an id and numbers, found none", file->path);
    if (status != RECS_OK)
        return status;
    count = csv->count - 1;
    if (is_list(csv))
        status = read_list(file, &csv->fields[1], false, csv->line, &count, error);
    file->pending = true;
    return status == RECS_OK ? recs__vector_width(file, count, error) : status;
}

static recs_status next_csv(recs_vector_file *file, recs__vector_row *row, bool *more,
                            recs_error *error) {
    recs__csv *csv = &file->csv;
    recs_status status = RECS_OK;
    *more = true;
    if (!file->pending)
        status = recs__csv_next(csv, more, error);
    file->pending = false;
    if (status != RECS_OK || !*more)
        return status;
    size_t count = csv->count - 1;
    if (count == 1 && (file->dimension != 1 || is_list(csv))) {
        status = read_list(file, &csv->fields[1], true, csv->line, &count, error);
    } else {
        for (size_t i = 0; status == RECS_OK && i < count && i < file->dimension; i++)
            status = recs__vector_number(file, csv->fields[i + 1].text, csv->fields[i + 1].size, i,
                                         csv->line, error);
    }
    if (status == RECS_OK && count != file->dimension)
        status = recs__fail(error, RECS_ERR_DATA, "%s line %llu has %zu numbers, the first has %u",
                            file->path, (unsigned long long)csv->line, count, file->dimension);
    row->id = csv->fields[0].text;
    row->id_size = csv->fields[0].size;
    row->line = csv->line;
    return status;
}

const recs__vector_format recs__vector_csv = {"csv", true, begin_csv, next_csv};

/* ---- JSON Lines ------------------------------------------------------------------------------ */

/* Longest line: 65,536 numbers of 32 characters and as much again. */
enum { LINE_MAX_BYTES = 4 << 20 };

static recs_status read_line(recs_vector_file *file, bool *more, recs_error *error) {
    file->line_size = 0;
    for (;;) {
        const char *bytes;
        size_t size;
        recs__csv_peek(&file->csv, &bytes, &size);
        if (size == 0) {
            recs_status status = recs__csv_fill(&file->csv, more, error);
            if (status != RECS_OK)
                return status;
            if (!*more) {
                *more = file->line_size != 0;
                file->line_number += file->line_size != 0;
                return RECS_OK;
            }
            continue;
        }
        const char *end = memchr(bytes, '\n', size);
        size_t part = end != NULL ? (size_t)(end - bytes) : size;
        if (file->line_size + part > LINE_MAX_BYTES)
            return recs__fail(error, RECS_ERR_DATA, "%s line %llu is longer than %d bytes",
                              file->path, (unsigned long long)file->line_number + 1,
                              LINE_MAX_BYTES);
        recs_status status = recs__grow(&file->host, (void **)&file->line, &file->line_capacity,
                                        file->line_size + part + 1, 1, error);
        if (status != RECS_OK)
            return status;
        memcpy(file->line + file->line_size, bytes, part);
        file->line_size += part;
        file->line[file->line_size] = '\0';
        recs__csv_skip(&file->csv, part + (end != NULL));
        if (end == NULL)
            continue;
        file->line_number++;
        size_t blank = 0;
        while (blank < file->line_size && separates(file->line[blank]) && file->line[blank] != '[')
            blank++;
        if (blank != file->line_size) {
            *more = true;
            return RECS_OK;
        }
        file->line_size = 0;
    }
}

typedef struct scanner {
    recs_vector_file *file;
    char *at, *end;
    recs_error *error;
} scanner;

static recs_status expected(const scanner *s, const char *what) {
    size_t left = (size_t)(s->end - s->at);
    return recs__fail(s->error, RECS_ERR_DATA, "%s line %llu, column %zu: expected %s, found \"%.*s\"",
                      s->file->path, (unsigned long long)s->file->line_number,
                      (size_t)(s->at - s->file->line) + 1, what, left < 24 ? (int)left : 24, s->at);
}

static void skip_space(scanner *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static bool take(scanner *s, char c) {
    skip_space(s);
    if (s->at >= s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                        : c >= 'A' && c <= 'F'   ? c - 'A' + 10
                                                                 : -1;
}

static bool take_unit(const char *at, const char *end, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        if (at + i >= end || hex(at[i]) < 0)
            return false;
        *unit = *unit << 4 | (uint32_t)hex(at[i]);
    }
    return true;
}

static size_t put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* \uXXXX, two of them for what lies beyond 16 bits. at behind the 'u'. */
static bool take_escape(scanner *s, uint32_t *c) {
    uint32_t low;
    if (!take_unit(s->at, s->end, c))
        return false;
    s->at += 4;
    if (*c < 0xD800 || *c > 0xDFFF)
        return true;
    if (*c > 0xDBFF || s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u' ||
        !take_unit(s->at + 2, s->end, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
    s->at += 6;
    *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* A string, decoded where it stands: it never grows. */
static recs_status take_string(scanner *s, char **text, size_t *size) {
    if (!take(s, '"'))
        return expected(s, "a string");
    char *out = s->at;
    *text = out;
    while (s->at < s->end && *s->at != '"') {
        if ((unsigned char)*s->at < 0x20)
            return expected(s, "a string without control characters");
        if (*s->at != '\\') {
            *out++ = *s->at++;
            continue;
        }
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *which = s->at + 1 < s->end && s->at[1] != '\0' ? strchr(from, s->at[1]) : NULL;
        if (which != NULL) {
            *out++ = to[which - from];
            s->at += 2;
        } else if (s->at + 1 < s->end && s->at[1] == 'u') {
            uint32_t c;
            s->at += 2;
            if (!take_escape(s, &c))
                return expected(s, "four hexadecimal digits of a character");
            out += put_utf8(out, c);
        } else {
            return expected(s, "an escape");
        }
    }
    if (s->at >= s->end)
        return expected(s, "the end of a string");
    *size = (size_t)(out - *text);
    s->at++;
    return RECS_OK;
}

/* A bare word: a number, true, false, null. */
static size_t word_size(const scanner *s) {
    size_t size = 0;
    while (s->at + size < s->end && strchr(",]} \t\r:{[\"", s->at[size]) == NULL)
        size++;
    return size;
}

static recs_status pass_over(scanner *s) {
    size_t depth = 0;
    do {
        char *text;
        size_t size;
        skip_space(s);
        if (s->at >= s->end)
            return expected(s, "a value");
        if (*s->at == '"') {
            recs_status status = take_string(s, &text, &size);
            if (status != RECS_OK)
                return status;
        } else if (*s->at == '{' || *s->at == '[') {
            depth++;
            s->at++;
        } else if ((*s->at == '}' || *s->at == ']') && depth != 0) {
            depth--;
            s->at++;
        } else if ((*s->at == ',' || *s->at == ':') && depth != 0) {
            s->at++;
        } else {
            size = word_size(s);
            if (size == 0)
                return expected(s, "a value");
            s->at += size;
        }
    } while (depth != 0);
    return RECS_OK;
}

/* into false: counts alone. */
static recs_status take_vector(scanner *s, bool into, size_t *count) {
    *count = 0;
    if (!take(s, '['))
        return expected(s, "[ and the numbers of the vector");
    if (take(s, ']'))
        return RECS_OK;
    for (;;) {
        skip_space(s);
        size_t size = word_size(s);
        if (size == 0)
            return expected(s, "a number");
        if (into && *count < s->file->dimension) {
            recs_status status = recs__vector_number(s->file, s->at, size, *count,
                                                     s->file->line_number, s->error);
            if (status != RECS_OK)
                return status;
        }
        ++*count;
        s->at += size;
        if (take(s, ']'))
            return RECS_OK;
        if (!take(s, ','))
            return expected(s, "a comma or ]");
    }
}

static recs_status take_id(scanner *s, bool *found) {
    char *text;
    size_t size;
    skip_space(s);
    *found = true;
    if (s->at < s->end && *s->at == '"') {
        recs_status status = take_string(s, &text, &size);
        return status == RECS_OK ? recs__vector_keep_id(s->file, text, size, s->error) : status;
    }
    int64_t number;
    size = word_size(s);
    if (!recs__parse_i64(s->at, size, &number))
        return expected(s, "an id: a string or a whole number");
    recs_status status = recs__vector_keep_id(s->file, s->at, size, s->error);
    s->at += size;
    return status;
}

static recs_status scan_line(recs_vector_file *file, bool into, size_t *count, recs_error *error) {
    scanner s = {file, file->line, file->line + file->line_size, error};
    bool id = false, vector = false;
    recs_status status = RECS_OK;
    if (!take(&s, '{'))
        return expected(&s, "{ of an object a line");
    bool done = take(&s, '}');
    while (!done && status == RECS_OK) {
        char *name;
        size_t size;
        status = take_string(&s, &name, &size);
        if (status == RECS_OK && !take(&s, ':'))
            status = expected(&s, "a colon");
        if (status != RECS_OK)
            return status;
        if (size == 2 && memcmp(name, "id", 2) == 0 && !id) {
            status = take_id(&s, &id);
        } else if (size == 6 && memcmp(name, "vector", 6) == 0 && !vector) {
            status = take_vector(&s, into, count);
            vector = true;
        } else {
            status = pass_over(&s);
        }
        done = status == RECS_OK && take(&s, '}');
        if (status == RECS_OK && !done && !take(&s, ','))
            status = expected(&s, "a comma or }");
    }
    skip_space(&s);
    if (status == RECS_OK && s.at != s.end)
        status = expected(&s, "the end of the line");
    if (status == RECS_OK && (!id || !vector))
        status = recs__fail(error, RECS_ERR_DATA, "%s line %llu has no \"%s\"", file->path,
                            (unsigned long long)file->line_number, id ? "vector" : "id");
    return status;
}

static recs_status begin_jsonl(recs_vector_file *file, recs_error *error) {
    bool more = true;
    size_t count = 0;
    recs_status status = read_line(file, &more, error);
    if (status == RECS_OK && !more)
        status = recs__fail(error, RECS_ERR_DATA, "%s has no vectors", file->path);
    char *copy = NULL;
    size_t size = file->line_size;
    if (status == RECS_OK) { /* strings are decoded in place, so it is read from a copy */
        copy = recs__alloc(&file->host, size + 1, 1, error);
        status = copy == NULL ? RECS_ERR_MEMORY : RECS_OK;
    }
    if (status == RECS_OK) {
        memcpy(copy, file->line, size + 1);
        status = scan_line(file, false, &count, error);
        memcpy(file->line, copy, size + 1);
    }
    recs__free(&file->host, copy);
    file->pending = true;
    return status == RECS_OK ? recs__vector_width(file, count, error) : status;
}

static recs_status next_jsonl(recs_vector_file *file, recs__vector_row *row, bool *more,
                              recs_error *error) {
    size_t count = 0;
    recs_status status = RECS_OK;
    *more = true;
    if (!file->pending)
        status = read_line(file, more, error);
    file->pending = false;
    if (status != RECS_OK || !*more)
        return status;
    status = scan_line(file, true, &count, error);
    if (status == RECS_OK && count != file->dimension)
        status = recs__fail(error, RECS_ERR_DATA, "%s line %llu has %zu numbers, the first has %u",
                            file->path, (unsigned long long)file->line_number, count,
                            file->dimension);
    row->id = file->id;
    row->id_size = file->id_size;
    row->line = file->line_number;
    return status;
}

const recs__vector_format recs__vector_jsonl = {"jsonl", true, begin_jsonl, next_jsonl};
