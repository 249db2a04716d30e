/* vector_file.c - opening, telling formats apart, ids and batches.
 *
 * A format hands out one row at a time; here it gets its id and is checked, and a
 * batch grows as rows come: memory is what a batch needs, whatever a header
 * claims. */
#include "train/vector_file.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/lent.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const recs__vector_format *const formats[] = {&recs__vector_npy, &recs__vector_fvecs,
                                                     &recs__vector_jsonl, &recs__vector_csv};
enum { FORMATS = 4 };

/* ---- for the formats -------------------------------------------------------------------- */

recs_status recs__vector_take(recs_vector_file *file, void *out, size_t size, size_t *got,
                              recs_error *error) {
    *got = 0;
    while (*got < size) {
        const char *bytes;
        size_t there;
        bool more = true;
        recs__csv_peek(&file->csv, &bytes, &there);
        if (there == 0) {
            recs_status status = recs__csv_fill(&file->csv, &more, error);
            if (status != RECS_OK || !more)
                return status;
            continue;
        }
        size_t part = there < size - *got ? there : size - *got;
        memcpy((char *)out + *got, bytes, part);
        recs__csv_skip(&file->csv, part);
        *got += part;
    }
    return RECS_OK;
}

recs_status recs__vector_width(recs_vector_file *file, uint64_t dimension, recs_error *error) {
    if (dimension == 0 || dimension > RECS__VECTOR_DIMENSION_MAX)
        return recs__fail(error, RECS_ERR_DATA, "%s: vectors of dimension %llu, expected 1 to %d",
                          file->path, (unsigned long long)dimension, RECS__VECTOR_DIMENSION_MAX);
    file->dimension = (uint32_t)dimension;
    return recs__grow(&file->host, (void **)&file->row, &file->row_capacity, file->dimension,
                      sizeof *file->row, error);
}

recs_status recs__vector_number(recs_vector_file *file, const char *text, size_t size, size_t at,
                                uint64_t line, recs_error *error) {
    double value;
    while (size != 0 && (*text == ' ' || *text == '\t')) {
        text++;
        size--;
    }
    while (size != 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    if (size == 0 || !recs__parse_double(text, size, &value))
        return recs__fail(error, RECS_ERR_DATA,
                          "%s line %llu, number %zu: \"%.*s\" is not a number", file->path,
                          (unsigned long long)line, at + 1, size < 40 ? (int)size : 40, text);
    file->row[at] = (float)value;
    if (!isfinite(file->row[at]))
        return recs__fail(error, RECS_ERR_DATA,
                          "%s line %llu, number %zu: \"%.*s\", expected a finite float",
                          file->path, (unsigned long long)line, at + 1,
                          size < 40 ? (int)size : 40, text);
    return RECS_OK;
}

recs_status recs__vector_keep_id(recs_vector_file *file, const char *id, size_t size,
                                 recs_error *error) {
    recs_status status = recs__grow(&file->host, (void **)&file->id, &file->id_capacity, size + 1,
                                    1, error);
    if (status != RECS_OK)
        return status;
    if (size != 0)
        memcpy(file->id, id, size);
    file->id_size = size;
    return RECS_OK;
}

/* ---- opening -------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *ending) {
    static const char *const packed[] = {"", ".gz", ".zst"};
    size_t size = strlen(path);
    for (size_t i = 0; i < 3; i++) {
        char whole[32];
        int length = snprintf(whole, sizeof whole, "%s%s", ending, packed[i]);
        if (size > (size_t)length && strcmp(path + size - (size_t)length, whole) == 0)
            return true;
    }
    return false;
}

static recs_status guess_format(recs_vector_file *file, recs_error *error) {
    const char *bytes;
    size_t size;
    bool more = true;
    recs__csv_peek(&file->csv, &bytes, &size);
    if (size == 0) {
        recs_status status = recs__csv_fill(&file->csv, &more, error);
        if (status != RECS_OK)
            return status;
        recs__csv_peek(&file->csv, &bytes, &size);
    }
    size_t first = 0;
    while (first < size && (bytes[first] == ' ' || bytes[first] == '\n' || bytes[first] == '\r'))
        first++;
    if (size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
        file->format = &recs__vector_npy;
    else if (ends_in(file->path, ".fvecs"))
        file->format = &recs__vector_fvecs;
    else if (first < size && bytes[first] == '{')
        file->format = &recs__vector_jsonl;
    else
        file->format = &recs__vector_csv;
    return RECS_OK;
}

static recs_status choose_format(recs_vector_file *file, const char *name, recs_error *error) {
    if (name == NULL || strcmp(name, "auto") == 0)
        return guess_format(file, error);
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i]->name, name) == 0) {
            file->format = formats[i];
            return RECS_OK;
        }
    return recs__fail(error, RECS_ERR_ARGUMENT,
                      "format is \"%.32s\", expected auto, npy, fvecs, jsonl or csv", name);
}

static recs_status open_ids(recs_vector_file *file, const char *path, recs_error *error) {
    if (path == NULL)
        return RECS_OK;
    if (file->format->own_ids)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s: a file of ids is given, but %s has ids of its own", file->path,
                          file->format->name);
    recs_status status = recs__input_open(&file->id_input, path, &file->host, error);
    if (status == RECS_OK)
        status = recs__csv_open(&file->ids, file->id_input, '\1', &file->host, error);
    file->ids_open = status == RECS_OK;
    return status;
}

recs_status recs_vector_file_open(recs_vector_file **file, const char *path,
                                  const recs_vector_file_options *options, const recs_host *host,
                                  recs_error *error) {
    recs_host resolved;
    recs_vector_file_options lent;
    if (file == NULL || path == NULL)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL", file == NULL ? "file" : "path");
    *file = NULL;
    recs_status status = recs__host_init(&resolved, host, error);
    if (status == RECS_OK)
        status = recs__lent_copy(&lent, sizeof lent, options, "recs_vector_file_options", error);
    if (status == RECS_OK && (lent.reserved != 0 || (lent.skip_zero != 0 && lent.skip_zero != 1)))
        status = recs__fail(error, RECS_ERR_ARGUMENT,
                            "recs_vector_file_options: skip_zero %d, reserved %d: expected 0 or 1, 0",
                            lent.skip_zero, lent.reserved);
    if (status != RECS_OK)
        return status;
    recs_vector_file *made = recs__alloc_zero(&resolved, 1, sizeof *made, error);
    if (made == NULL)
        return RECS_ERR_MEMORY;
    made->host = resolved;
    made->skip_zero = lent.skip_zero == 1;
    made->path = recs__copy_text(&resolved, path, error);
    status = made->path == NULL ? RECS_ERR_MEMORY
                                : recs__input_open(&made->input, path, &made->host, error);
    if (status == RECS_OK) {
        status = recs__csv_open(&made->csv, made->input, 0, &made->host, error);
        made->csv_open = status == RECS_OK;
    }
    if (status == RECS_OK)
        status = choose_format(made, lent.format, error);
    if (status == RECS_OK)
        status = open_ids(made, lent.ids, error);
    if (status == RECS_OK)
        status = made->format->begin(made, error);
    if (status != RECS_OK) {
        recs_vector_file_close(made);
        return status;
    }
    *file = made;
    return RECS_OK;
}

void recs_vector_file_close(recs_vector_file *file) {
    if (file == NULL)
        return;
    recs_host host = file->host;
    if (file->csv_open)
        recs__csv_close(&file->csv);
    if (file->ids_open)
        recs__csv_close(&file->ids);
    recs__input_close(file->input);
    recs__input_close(file->id_input);
    recs__free(&host, file->path);
    recs__free(&host, file->line);
    recs__free(&host, file->id);
    recs__free(&host, file->bytes);
    recs__free(&host, file->offsets);
    recs__free(&host, file->values);
    recs__free(&host, file->row);
    recs__free(&host, file);
}

/* ---- rows ------------------------------------------------------------------------------------- */

/* The row's id where the format has none: a line of the file of ids, or its number. */
static recs_status give_id(recs_vector_file *file, recs__vector_row *row, recs_error *error) {
    char number[24];
    if (!file->ids_open) {
        int size = snprintf(number, sizeof number, "%llu", (unsigned long long)file->read);
        recs_status status = recs__vector_keep_id(file, number, (size_t)size, error);
        row->id = file->id;
        row->id_size = file->id_size;
        return status;
    }
    bool more;
    recs_status status = recs__csv_next(&file->ids, &more, error);
    if (status != RECS_OK)
        return status;
    if (!more)
        return recs__fail(error, RECS_ERR_DATA, "%s has %llu ids, %s has more vectors",
                          recs__input_name(file->id_input), (unsigned long long)file->read,
                          file->path);
    row->id = file->ids.fields[0].text;
    row->id_size = file->ids.fields[0].size;
    return RECS_OK;
}

static recs_status check_id(const recs_vector_file *file, const recs__vector_row *row,
                            recs_error *error) {
    const char *problem = recs__id_problem(row->id, row->id_size);
    if (problem == NULL)
        return RECS_OK;
    return recs__fail(error, RECS_ERR_DATA, "%s %s %llu: id \"%.*s\" %s", file->path,
                      row->line != 0 ? "line" : "row",
                      (unsigned long long)(row->line != 0 ? row->line : file->read),
                      row->id_size < 64 ? (int)row->id_size : 64, row->id, problem);
}

static bool is_zero(const recs_vector_file *file) {
    for (uint32_t j = 0; j < file->dimension; j++)
        if (file->row[j] != 0.0f)
            return false;
    return true;
}

static recs_status keep_row(recs_vector_file *file, const recs__vector_row *row, size_t at,
                            recs_error *error) {
    const recs_host *host = &file->host;
    size_t end = 0, numbers;
    recs_status status = recs__grow(host, (void **)&file->offsets, &file->offset_capacity, at + 2,
                                    sizeof *file->offsets, error);
    if (status == RECS_OK) {
        file->offsets[0] = 0;
        end = file->offsets[at] + row->id_size;
        status = recs__grow(host, (void **)&file->bytes, &file->byte_capacity, end, 1, error);
    }
    if (status == RECS_OK && recs__mul_size(at + 1, file->dimension, &numbers))
        status = recs__fail_memory(error, SIZE_MAX);
    if (status == RECS_OK)
        status = recs__grow(host, (void **)&file->values, &file->value_capacity, numbers,
                            sizeof *file->values, error);
    if (status != RECS_OK)
        return status;
    memcpy(file->bytes + file->offsets[at], row->id, row->id_size);
    memcpy(file->values + at * file->dimension, file->row, file->dimension * sizeof *file->row);
    file->offsets[at + 1] = (uint32_t)end;
    return RECS_OK;
}

static recs_status read_row(recs_vector_file *file, recs__vector_row *row, bool *more,
                            recs_error *error) {
    *row = (recs__vector_row){0};
    recs_status status = file->format->next(file, row, more, error);
    if (status == RECS_OK && !*more && file->ids_open) {
        bool ids = false;
        status = recs__csv_next(&file->ids, &ids, error);
        if (status == RECS_OK && ids)
            status = recs__fail(error, RECS_ERR_DATA, "%s has more than the %llu ids that %s has "
                                "vectors", recs__input_name(file->id_input),
                                (unsigned long long)file->read, file->path);
    }
    if (status != RECS_OK || !*more)
        return status;
    if (!file->format->own_ids)
        status = give_id(file, row, error);
    return status == RECS_OK ? check_id(file, row, error) : status;
}

/* So that offsets of a batch stay 32 bits. */
enum { BATCH_MAX = 1 << 20 };

recs_status recs_vector_file_next(recs_vector_file *file, size_t most, const char **bytes,
                                  const uint32_t **offsets, const float **values, size_t *count,
                                  recs_error *error) {
    *count = 0;
    if (most == 0 || most > BATCH_MAX)
        return recs__fail(error, RECS_ERR_ARGUMENT, "%zu vectors asked for, expected 1 to %d", most,
                          BATCH_MAX);
    size_t at = 0;
    bool more = true;
    recs_status status = RECS_OK;
    while (status == RECS_OK && at < most) {
        recs__vector_row row;
        status = read_row(file, &row, &more, error);
        if (status != RECS_OK || !more)
            break;
        file->read++;
        if (file->skip_zero && is_zero(file)) {
            file->skipped++;
            continue;
        }
        status = keep_row(file, &row, at, error);
        at += status == RECS_OK;
    }
    if (status != RECS_OK)
        return status;
    file->rows += at;
    *bytes = file->bytes;
    *offsets = file->offsets;
    *values = file->values;
    *count = at;
    return RECS_OK;
}

uint32_t recs_vector_file_dimension(const recs_vector_file *file) {
    return file->dimension;
}

const char *recs_vector_file_format(const recs_vector_file *file) {
    return file->format->name;
}

uint64_t recs_vector_file_rows(const recs_vector_file *file) {
    return file->rows;
}

uint64_t recs_vector_file_skipped(const recs_vector_file *file) {
    return file->skipped;
}

uint64_t recs_vector_file_done(const recs_vector_file *file) {
    return recs__input_done(file->input);
}

uint64_t recs_vector_file_total(const recs_vector_file *file) {
    return recs__input_total(file->input);
}
