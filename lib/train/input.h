/* input.h - bytes of a file, of standard input or of memory, decompressed.
 *
 * zstd and gzip are seen by their first bytes, whatever the name. Reading is
 * sequential, in blocks. */
#ifndef RECS_TRAIN_INPUT_H
#define RECS_TRAIN_INPUT_H

#include "recs/base.h"

typedef struct recs__input recs__input;

/* path "-": standard input. NOT_FOUND, IO (naming the path), MEMORY. */
recs_status recs__input_open(recs__input **input, const char *path, const recs_host *host,
                             recs_error *error);
/* bytes stay the caller's and must outlive the input. */
recs_status recs__input_memory(recs__input **input, const void *bytes, size_t size,
                               const recs_host *host, recs_error *error);
void recs__input_close(recs__input *input);

/* Fills out with up to room bytes; *got below room means the end was reached.
 * IO, CORRUPT (damaged or truncated compressed stream), MEMORY. */
recs_status recs__input_read(recs__input *input, char *out, size_t room, size_t *got,
                             recs_error *error);

/* The path, for texts ("standard input", "memory"). Lives with the input. */
const char *recs__input_name(const recs__input *input);

/* Bytes taken from the source so far and its size; 0 when not known. Both
 * are of the compressed form. */
uint64_t recs__input_done(const recs__input *input);
uint64_t recs__input_total(const recs__input *input);

#endif
