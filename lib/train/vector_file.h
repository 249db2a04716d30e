/* vector_file.h - the inside of a recs_vector_file: one row at a time by
 * format, collected into batches. */
#ifndef RECS_TRAIN_VECTOR_FILE_H
#define RECS_TRAIN_VECTOR_FILE_H

#include "base/memory.h"
#include "recs/vector_file.h"
#include "train/csv.h"

#define RECS__VECTOR_DIMENSION_MAX 65536

typedef struct recs__vector_format recs__vector_format;

/* A row as a format reads it. id_size 0: the format has none. */
typedef struct recs__vector_row {
    char *id;
    size_t id_size;
    uint64_t line; /* of the text, from 1; 0: not a text */
} recs__vector_row;

struct recs_vector_file {
    recs_host host;
    char *path;
    const recs__vector_format *format;
    recs__input *input;
    recs__csv csv;  /* the window on the input, whatever the format */
    bool csv_open;
    recs__input *id_input;
    recs__csv ids;  /* of the file of ids */
    bool ids_open, skip_zero;
    uint32_t dimension;
    uint64_t rows, skipped, read; /* handed out; dropped; read */

    /* of npy */
    char type; /* e: float16, f, d; b: int8, B: uint8 */
    uint64_t expected;
    /* of csv and jsonl: the first record was read to know the dimension */
    bool pending;
    char *line; /* jsonl: a line, and room to decode strings in */
    size_t line_size, line_capacity;
    uint64_t line_number;
    char *id; /* of the row read last */
    size_t id_size, id_capacity;

    /* the batch */
    char *bytes;
    uint32_t *offsets;
    float *values;
    size_t byte_capacity, offset_capacity, value_capacity;
    float *row; /* [dimension] */
    size_t row_capacity;
};

struct recs__vector_format {
    const char *name;
    bool own_ids;
    /* Sets dimension. */
    recs_status (*begin)(recs_vector_file *file, recs_error *error);
    /* Fills file->row, *more false at the end. */
    recs_status (*next)(recs_vector_file *file, recs__vector_row *row, bool *more,
                        recs_error *error);
};

extern const recs__vector_format recs__vector_npy, recs__vector_fvecs, recs__vector_jsonl,
    recs__vector_csv;

/* Exactly size bytes of the input; *got less at its end. */
recs_status recs__vector_take(recs_vector_file *file, void *out, size_t size, size_t *got,
                              recs_error *error);
/* Sets the dimension and makes room for a row. DATA: not 1 to 65,536. */
recs_status recs__vector_width(recs_vector_file *file, uint64_t dimension, recs_error *error);
/* A number of a text at column (from 1) of a line into row[at]. DATA. */
recs_status recs__vector_number(recs_vector_file *file, const char *text, size_t size, size_t at,
                                uint64_t line, recs_error *error);
recs_status recs__vector_keep_id(recs_vector_file *file, const char *id, size_t size,
                                 recs_error *error);

#endif
