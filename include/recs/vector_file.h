/* recs/vector_file.h - librecs-train: vectors by id from the files that others
 * write: NumPy arrays, fvecs, JSON Lines, CSV.
 *
 *     recs_vector_file_open(&file, "frames.npy", &options, NULL, &error);
 *     recs_vectors_create(&set, recs_vector_file_dimension(file), NULL, NULL, NULL, &error);
 *     do recs_vector_file_next(file, 10000, &ids, &offsets, &values, &count, &error);
 *     while (count != 0 && recs_vectors_add(set, ids, offsets, values, …, count, &error) == 0);
 *
 *   npy     two dimensions, C order, little-endian float16, float32 or float64, or int8 or
 *           uint8; ids from a file of their own, or the row's number from 0
 *   fvecs   a row is an int32 with its dimension and as many float32; ids likewise
 *   jsonl   an object a line: {"id": "a", "vector": [1, 2.5]}; other members are passed
 *           over; an id may be a whole number
 *   csv     an id and as many numbers as the first record has, or an id and one field with
 *           numbers between spaces, commas or semicolons, in [brackets] or not; a first record
 *           without numbers is a header
 *
 * All of them plain, .gz or .zst, or "-" for standard input.
 */
#ifndef RECS_VECTOR_FILE_H
#define RECS_VECTOR_FILE_H

#include "recs/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct recs_vector_file recs_vector_file;

typedef struct recs_vector_file_options {
    size_t struct_size;
    const char *format; /* "auto" (NULL): by the first bytes and the name; "npy", "fvecs", "jsonl",
                           "csv"                                                     */
    const char *ids;    /* npy, fvecs: a file with an id a line, as many as rows      */
    int32_t skip_zero;  /* 1: vectors of zeros alone are dropped and counted, as cosine
                           has no use for them                                       */
    int32_t reserved;   /* zero                                                       */
    /* above: version 0.1 */
} recs_vector_file_options;

/* Opens a file and reads as far as it needs to know the dimension. NOT_FOUND, IO,
 * CORRUPT (compressed stream), ARGUMENT (options, ids with a format that has its own), DATA:
 * no vectors, no such format, a header that makes no sense. MEMORY. Since 0.1. */
RECS_API recs_status recs_vector_file_open(recs_vector_file **file, const char *path,
                                           const recs_vector_file_options *options,
                                           const recs_host *host, recs_error *error);
RECS_API void recs_vector_file_close(recs_vector_file *file);

/* Numbers a vector, 1 to 65,536. "npy", "fvecs" …; lives with the file. */
RECS_API uint32_t recs_vector_file_dimension(const recs_vector_file *file);
RECS_API const char *recs_vector_file_format(const recs_vector_file *file);

/* The next vectors, at most `most`: packed ids and values [count][dimension], which live
 * until the next call. *count 0: the end. DATA: a vector of another dimension, what is no
 * number, NaN or infinite, no id, a file that ends in the middle, ids that are more or fewer
 * than rows: the text names file, row or line, column and value. Since 0.1. */
RECS_API recs_status recs_vector_file_next(recs_vector_file *file, size_t most, const char **bytes,
                                           const uint32_t **offsets, const float **values,
                                           size_t *count, recs_error *error);

/* Vectors read and dropped so far; bytes taken from the file and in all (0: not known). */
RECS_API uint64_t recs_vector_file_rows(const recs_vector_file *file);
RECS_API uint64_t recs_vector_file_skipped(const recs_vector_file *file);
RECS_API uint64_t recs_vector_file_done(const recs_vector_file *file);
RECS_API uint64_t recs_vector_file_total(const recs_vector_file *file);

#ifdef __cplusplus
}
#endif

#endif /* RECS_VECTOR_FILE_H */
