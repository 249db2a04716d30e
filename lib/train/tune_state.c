/* tune_state.c - reading and appending the lines of a search. */
#include "train/tune_state.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST (256u << 20)

/* ---- reading ---------------------------------------------------------------------------- */

static recs_status read_all(recs__state *state, size_t size, recs_error *error) {
    state->bytes = recs__alloc(state->host, size + 1, 1, error);
    if (!state->bytes)
        return RECS_ERR_MEMORY;
    while (state->size < size) {
        ssize_t got = pread(state->descriptor, state->bytes + state->size, size - state->size,
                            (off_t)state->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return recs__fail_errno(error, errno, "reading the state file %s", state->path);
        if (got == 0)
            break;
        state->size += (size_t)got;
    }
    /* The tail of a line that was being written when the process ended. */
    while (state->size > 0 && state->bytes[state->size - 1] != '\n')
        state->size--;
    if (ftruncate(state->descriptor, (off_t)state->size) != 0)
        return recs__fail_errno(error, errno, "cutting the last, unfinished line of %s",
                                state->path);
    return RECS_OK;
}

recs_status recs__state_open(recs__state *state, const char *path, const recs_host *host,
                             recs_error *error) {
    struct stat about;
    memset(state, 0, sizeof *state);
    state->host = host;
    state->descriptor = -1;
    if (!path)
        return RECS_OK;
    if (!(state->path = recs__copy_text(host, path, error)))
        return RECS_ERR_MEMORY;
    state->descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (state->descriptor < 0 || fstat(state->descriptor, &about) != 0)
        return recs__fail_errno(error, errno, "opening the state file %s", path);
    if (!S_ISREG(about.st_mode))
        return recs__fail(error, RECS_ERR_IO, "the state file %s is not a plain file", path);
    if (flock(state->descriptor, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? recs__fail(error, RECS_ERR_CONFLICT,
                                "the state file %s is in use by another search", path)
                   : recs__fail_errno(error, errno, "locking the state file %s", path);
    if (about.st_size > (off_t)LARGEST)
        return recs__fail(error, RECS_ERR_LIMIT, "the state file %s has %lld bytes, expected at "
                                                 "most %u",
                          path, (long long)about.st_size, LARGEST);
    return read_all(state, (size_t)about.st_size, error);
}

void recs__state_close(recs__state *state) {
    if (state->descriptor >= 0)
        close(state->descriptor);
    recs__free(state->host, state->bytes);
    recs__free(state->host, state->path);
    state->descriptor = -1;
    state->bytes = state->path = NULL;
}

/* A string from behind its quote to the other, unescaped in place; where to go
 * on, or NULL. */
static char *take_string(char *at, const char **text) {
    char *to = at;
    *text = at;
    while (*at && *at != '"' && *at != '\n') {
        if (*at == '\\') {
            at++;
            if (*at == 'n')
                *to++ = '\n';
            else if (*at == 't')
                *to++ = '\t';
            else if (*at == '"' || *at == '\\')
                *to++ = *at;
            else
                return NULL;
            at++;
        } else {
            *to++ = *at++;
        }
    }
    if (*at != '"')
        return NULL;
    *to = '\0';
    return at + 1;
}

static char *skip(char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

/* "name": "text" or a number; where to go on, or NULL. */
static char *take_field(char *at, recs__state_line *line) {
    if (*at != '"' || line->count == RECS__STATE_FIELDS)
        return NULL;
    if (!(at = take_string(at + 1, &line->fields[line->count].name)))
        return NULL;
    at = skip(at);
    if (*at != ':')
        return NULL;
    at = skip(at + 1);
    line->fields[line->count].text = NULL;
    if (*at == '"') {
        if (!(at = take_string(at + 1, &line->fields[line->count].text)))
            return NULL;
    } else {
        size_t size = strcspn(at, " \t\r\n,}");
        double *number = &line->fields[line->count].number;
        if (size == 0 || !recs__parse_double(at, size, number) || !isfinite(*number))
            return NULL;
        at += size;
    }
    line->count++;
    return skip(at);
}

static bool take_line(char *at, recs__state_line *line) {
    line->count = 0;
    at = skip(at);
    if (*at != '{')
        return false;
    at = skip(at + 1);
    while (at && *at != '}') {
        if (!(at = take_field(at, line)))
            return false;
        if (*at == ',')
            at = skip(at + 1);
        else if (*at != '}')
            return false;
    }
    return at && *skip(at + 1) == '\0';
}

recs_status recs__state_next(recs__state *state, recs__state_line *line, bool *there,
                             recs_error *error) {
    *there = state->descriptor >= 0 && state->at < state->size;
    if (!*there)
        return RECS_OK;
    char *begin = state->bytes + state->at;
    char *end = memchr(begin, '\n', state->size - state->at);
    state->at = (size_t)(end - state->bytes) + 1;
    state->line_number++;
    *end = '\0';
    if (memchr(begin, '\0', (size_t)(end - begin)) || !take_line(begin, line))
        return recs__fail(error, RECS_ERR_CORRUPT,
                          "the state file %s is damaged at line %zu; take that line out or start "
                          "with another file",
                          state->path, state->line_number);
    return RECS_OK;
}

const char *recs__state_text(const recs__state_line *line, const char *name) {
    for (uint32_t i = 0; i < line->count; i++)
        if (strcmp(line->fields[i].name, name) == 0)
            return line->fields[i].text;
    return NULL;
}

bool recs__state_number(const recs__state_line *line, const char *name, double *out) {
    for (uint32_t i = 0; i < line->count; i++)
        if (strcmp(line->fields[i].name, name) == 0 && !line->fields[i].text) {
            *out = line->fields[i].number;
            return true;
        }
    return false;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void put(recs__state_writer *w, const char *bytes, size_t size) {
    void *block = w->bytes;
    if (w->status)
        return;
    w->status = recs__grow(w->host, &block, &w->capacity, w->size + size + 1, 1, w->error);
    if (w->status)
        return;
    w->bytes = block;
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
    w->bytes[w->size] = '\0';
}

static void put_string(recs__state_writer *w, const char *text) {
    put(w, "\"", 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            put(w, "\\", 1);
        if (*text == '\n')
            put(w, "\\n", 2);
        else if (*text == '\t')
            put(w, "\\t", 2);
        else
            put(w, (unsigned char)*text < 0x20 ? " " : text, 1);
    }
    put(w, "\"", 1);
}

void recs__state_begin(recs__state_writer *writer, const recs_host *host, recs_error *error) {
    memset(writer, 0, sizeof *writer);
    writer->host = host;
    writer->error = error;
    put(writer, "{", 1);
}

static void put_name(recs__state_writer *w, const char *name) {
    if (w->size > 1)
        put(w, ", ", 2);
    put_string(w, name);
    put(w, ": ", 2);
}

void recs__state_add_text(recs__state_writer *writer, const char *name, const char *text) {
    put_name(writer, name);
    put_string(writer, text);
}

void recs__state_add_number(recs__state_writer *writer, const char *name, double number) {
    char text[40];
    double back;
    if (!isfinite(number))
        return;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        for (char *c = text; *c; c++)
            if (!strchr("0123456789+-e", *c)) /* the host's locale */
                *c = '.';
        if (recs__parse_double(text, strlen(text), &back) && back == number)
            break;
    }
    put_name(writer, name);
    put(writer, text, strlen(text));
}

static recs_status write_all(const recs__state *state, const char *bytes, size_t size,
                             recs_error *error) {
    while (size > 0) {
        ssize_t wrote = write(state->descriptor, bytes, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return recs__fail_errno(error, errno, "writing the state file %s", state->path);
        bytes += wrote;
        size -= (size_t)wrote;
    }
    if (fsync(state->descriptor) != 0)
        return recs__fail_errno(error, errno, "syncing the state file %s", state->path);
    return RECS_OK;
}

recs_status recs__state_append(recs__state *state, recs__state_writer *writer, recs_error *error) {
    put(writer, "}\n", 2);
    recs_status status = writer->status;
    if (status == RECS_OK && state->descriptor >= 0)
        status = write_all(state, writer->bytes, writer->size, error);
    recs__free(writer->host, writer->bytes);
    writer->bytes = NULL;
    return status;
}
