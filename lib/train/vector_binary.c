/* vector_binary.c - NumPy arrays and fvecs.
 *
 * The .npy format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * (magic, version, length, a Python dictionary in ASCII, the numbers). fvecs:
 * http://corpus-texmex.irisa.fr (an int32 before each row). */
#include "train/vector_file.h"

#include "base/error.h"
#include "kernels/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX = 4096 };

/* What stands behind 'name': in the dictionary, or NULL. */
static const char *member(const char *header, const char *name) {
    const char *at = strstr(header, name);
    if (at == NULL)
        return NULL;
    at += strlen(name);
    while (*at == ' ' || *at == '\'' || *at == '"' || *at == ':')
        at++;
    return at;
}

static recs_status bad_header(const recs_vector_file *file, const char *what, recs_error *error) {
    return recs__fail(error, RECS_ERR_DATA, "%s: not a NumPy array that can be read: %s",
                      file->path, what);
}

static recs_status read_type(recs_vector_file *file, const char *header, recs_error *error) {
    static const struct {
        const char *text;
        char type;
    } types[] = {{"<f4", 'f'}, {"<f8", 'd'}, {"<f2", 'e'}, {"|i1", 'b'}, {"|u1", 'B'}};
    const char *at = member(header, "'descr'");
    for (size_t i = 0; at != NULL && i < sizeof types / sizeof *types; i++)
        if (strncmp(at, types[i].text, 3) == 0 && (at[3] == '\'' || at[3] == '"')) {
            file->type = types[i].type;
            return RECS_OK;
        }
    return recs__fail(error, RECS_ERR_DATA,
                      "%s: a NumPy array of type \"%.8s\", expected <f4, <f8, <f2, |i1 or |u1",
                      file->path, at != NULL ? at : "");
}

static recs_status read_shape(recs_vector_file *file, const char *header, recs_error *error) {
    const char *order = member(header, "'fortran_order'"), *at = member(header, "'shape'");
    if (order == NULL || strncmp(order, "False", 5) != 0)
        return bad_header(file, "it is not in C order", error);
    unsigned long long sides[2] = {0, 0};
    if (at == NULL || *at != '(')
        return bad_header(file, "it has no shape", error);
    at++;
    for (size_t i = 0; i < 2; i++) {
        char *end;
        while (*at == ' ')
            at++;
        if (*at < '0' || *at > '9')
            return bad_header(file, "it has not two dimensions", error);
        sides[i] = strtoull(at, &end, 10);
        at = end;
        while (*at == ' ')
            at++;
        if (*at == ',')
            at++;
        else if (i == 0)
            return bad_header(file, "it has not two dimensions", error);
    }
    while (*at == ' ')
        at++;
    if (*at != ')')
        return bad_header(file, "it has not two dimensions", error);
    if (sides[0] > INT32_MAX)
        return recs__fail(error, RECS_ERR_LIMIT, "%s: %llu vectors, the limit is %d", file->path,
                          sides[0], INT32_MAX);
    file->expected = sides[0];
    return recs__vector_width(file, sides[1], error);
}

static recs_status begin_npy(recs_vector_file *file, recs_error *error) {
    unsigned char head[12];
    char header[HEADER_MAX + 1];
    size_t got, size;
    recs_status status = recs__vector_take(file, head, 10, &got, error);
    if (status != RECS_OK)
        return status;
    if (got != 10 || memcmp(head, "\x93NUMPY", 6) != 0)
        return bad_header(file, "it does not begin with 93 NUMPY", error);
    size = (size_t)head[8] | (size_t)head[9] << 8;
    if (head[6] >= 2) {
        status = recs__vector_take(file, head + 10, 2, &got, error);
        if (status == RECS_OK && got != 2)
            status = bad_header(file, "it ends in its header", error);
        if (status != RECS_OK)
            return status;
        size |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    if (head[6] < 1 || head[6] > 3 || size > HEADER_MAX)
        return bad_header(file, "a header of a version or length that is not known", error);
    status = recs__vector_take(file, header, size, &got, error);
    if (status != RECS_OK)
        return status;
    if (got != size)
        return bad_header(file, "it ends in its header", error);
    header[size] = '\0';
    status = read_type(file, header, error);
    return status == RECS_OK ? read_shape(file, header, error) : status;
}

static recs_status check_finite(const recs_vector_file *file, recs_error *error) {
    for (uint32_t j = 0; j < file->dimension; j++)
        if (!isfinite(file->row[j]))
            return recs__fail(error, RECS_ERR_DATA,
                              "%s row %llu, column %u: %s, expected a finite float", file->path,
                              (unsigned long long)file->read, j,
                              isnan(file->row[j]) ? "NaN" : "infinite");
    return RECS_OK;
}

/* dimension numbers of a type from bytes in place, in parts that fit the stack. */
static recs_status take_numbers(recs_vector_file *file, bool *whole, recs_error *error) {
    unsigned char part[4096];
    size_t width = file->type == 'd' ? 8 : file->type == 'f' ? 4 : file->type == 'e' ? 2 : 1, got;
    for (uint32_t at = 0; at < file->dimension;) {
        size_t n = sizeof part / width;
        n = n < file->dimension - at ? n : file->dimension - at;
        recs_status status = recs__vector_take(file, part, n * width, &got, error);
        *whole = got == n * width;
        if (status != RECS_OK || !*whole)
            return status;
        for (size_t i = 0; i < n; i++) {
            float *out = &file->row[at + i];
            double wide;
            uint16_t half;
            switch (file->type) {
            case 'd':
                memcpy(&wide, part + i * 8, 8);
                *out = (float)wide;
                break;
            case 'f':
                memcpy(out, part + i * 4, 4);
                break;
            case 'e':
                memcpy(&half, part + i * 2, 2);
                *out = recs__float16_float(half);
                break;
            case 'b':
                *out = (float)(int8_t)part[i];
                break;
            default:
                *out = (float)part[i];
            }
        }
        at += (uint32_t)n;
    }
    return RECS_OK;
}

static recs_status next_npy(recs_vector_file *file, recs__vector_row *row, bool *more,
                            recs_error *error) {
    (void)row;
    *more = file->read < file->expected;
    if (!*more)
        return RECS_OK;
    bool whole = true;
    recs_status status = take_numbers(file, &whole, error);
    if (status == RECS_OK && !whole)
        status = recs__fail(error, RECS_ERR_DATA,
                            "%s ends in row %llu, its header says %llu rows of %u numbers",
                            file->path, (unsigned long long)file->read,
                            (unsigned long long)file->expected, file->dimension);
    return status == RECS_OK ? check_finite(file, error) : status;
}

const recs__vector_format recs__vector_npy = {"npy", false, begin_npy, next_npy};

/* ---- fvecs ------------------------------------------------------------------------------------ */

/* The int32 before a row; *more false: the file has ended before it. */
static recs_status take_width(recs_vector_file *file, uint32_t *width, bool *more,
                              recs_error *error) {
    unsigned char bytes[4];
    size_t got;
    recs_status status = recs__vector_take(file, bytes, 4, &got, error);
    /* The window on the input ends every text in a line feed. */
    *more = got != 0 && !(got == 1 && bytes[0] == '\n' && file->csv.ended);
    if (status != RECS_OK || !*more)
        return status;
    if (got != 4)
        return recs__fail(error, RECS_ERR_DATA, "%s ends in row %llu", file->path,
                          (unsigned long long)file->read);
    *width = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
             (uint32_t)bytes[3] << 24;
    return RECS_OK;
}

static recs_status begin_fvecs(recs_vector_file *file, recs_error *error) {
    uint32_t width = 0;
    bool more;
    recs_status status = take_width(file, &width, &more, error);
    if (status == RECS_OK && !more)
        status = recs__fail(error, RECS_ERR_DATA, "%s has no vectors", file->path);
    if (status == RECS_OK)
        status = recs__vector_width(file, width, error);
    file->type = 'f';
    file->pending = true;
    return status;
}

static recs_status next_fvecs(recs_vector_file *file, recs__vector_row *row, bool *more,
                              recs_error *error) {
    (void)row;
    uint32_t width = file->dimension;
    recs_status status = RECS_OK;
    *more = true;
    if (!file->pending)
        status = take_width(file, &width, more, error);
    file->pending = false;
    if (status != RECS_OK || !*more)
        return status;
    if (width != file->dimension)
        return recs__fail(error, RECS_ERR_DATA, "%s row %llu has dimension %u, the first has %u",
                          file->path, (unsigned long long)file->read, width, file->dimension);
    bool whole = true;
    status = take_numbers(file, &whole, error);
    if (status == RECS_OK && !whole)
        status = recs__fail(error, RECS_ERR_DATA, "%s ends in row %llu", file->path,
                            (unsigned long long)file->read);
    return status == RECS_OK ? check_finite(file, error) : status;
}

const recs__vector_format recs__vector_fvecs = {"fvecs", false, begin_fvecs, next_fvecs};
