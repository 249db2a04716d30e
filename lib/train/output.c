/* output.c - a buffer in front of the atomic file writer, behind output.h. */
#include "train/output.h"

#include "base/memory.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUFFER ((size_t)64 << 10)

recs_status recs__output_open(recs__output *output, const char *path, const recs_host *host,
                              recs_error *error) {
    memset(output, 0, sizeof *output);
    output->host = host;
    output->error = error;
    output->buffer = recs__alloc(host, BUFFER, 1, error);
    output->status = output->buffer ? recs__file_create(&output->file, path, host, error)
                                    : RECS_ERR_MEMORY;
    if (output->status)
        recs__free(host, output->buffer);
    return output->status;
}

static void flush(recs__output *output) {
    if (output->status == RECS_OK && output->used)
        output->status =
            recs__file_write(output->file, output->buffer, output->used, output->error);
    output->used = 0;
}

recs_status recs__output_close(recs__output *output) {
    flush(output);
    if (output->status == RECS_OK)
        output->status = recs__file_commit(output->file, output->error);
    if (output->status)
        recs__file_abandon(output->file);
    recs__free(output->host, output->buffer);
    return output->status;
}

void recs__output_put(recs__output *output, const char *bytes, size_t size) {
    while (size > 0) {
        size_t room = BUFFER - output->used, part = size < room ? size : room;
        memcpy(output->buffer + output->used, bytes, part);
        output->used += part;
        bytes += part;
        size -= part;
        if (output->used == BUFFER)
            flush(output);
    }
}

void recs__output_text(recs__output *output, const char *text) {
    recs__output_put(output, text, strlen(text));
}

void recs__output_print(recs__output *output, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int wrote = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (wrote > 0)
        recs__output_text(output, text);
}

void recs__output_escaped(recs__output *output, const char *text) {
    for (const char *at = text; *at; at++) {
        const char *reference = *at == '&'    ? "&amp;"
                                : *at == '<'  ? "&lt;"
                                : *at == '>'  ? "&gt;"
                                : *at == '"'  ? "&quot;"
                                : *at == '\'' ? "&#39;"
                                : (unsigned char)*at < 0x20 && *at != '\n' ? " "
                                                                           : NULL;
        if (reference)
            recs__output_text(output, reference);
        else
            recs__output_put(output, at, 1);
    }
}

static void separate(recs__output *output) {
    if (output->begun)
        recs__output_put(output, ",", 1);
    output->begun = true;
}

void recs__output_field_bytes(recs__output *output, const char *text, size_t size) {
    /* What stands at an edge would be taken for padding. */
    bool quoted = size && (text[0] == ' ' || text[size - 1] == ' ');
    for (size_t i = 0; i < size && !quoted; i++)
        quoted = text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r';
    separate(output);
    if (!quoted) {
        recs__output_put(output, text, size);
        return;
    }
    recs__output_put(output, "\"", 1);
    for (size_t i = 0; i < size; i++)
        recs__output_put(output, text[i] == '"' ? "\"\"" : text + i, text[i] == '"' ? 2 : 1);
    recs__output_put(output, "\"", 1);
}

void recs__output_field(recs__output *output, const char *text) {
    recs__output_field_bytes(output, text, strlen(text));
}

void recs__output_field_number(recs__output *output, double value) {
    char raw[48], text[48];
    size_t size = 0;
    separate(output);
    if (!isfinite(value))
        return;
    snprintf(raw, sizeof raw, "%.9g", value);
    for (const char *at = raw; *at; at++)
        if ((*at >= '0' && *at <= '9') || *at == '-' || *at == '+' || *at == 'e')
            text[size++] = *at;
        else if (size && text[size - 1] != '.')
            text[size++] = '.'; /* a locale's point, of any length */
    recs__output_put(output, text, size);
}

void recs__output_line(recs__output *output) {
    recs__output_put(output, "\n", 1);
    output->begun = false;
}
