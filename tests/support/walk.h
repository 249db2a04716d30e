/* walk.h - damaging model files and reading all there is in one.
 *
 * What a test or fuzz target does with a file it made up: seal puts the
 * checksums right again, so that what is behind them is reached; walk calls
 * every getter of recs/model.h with rows inside and outside, and returns a
 * number made from all answers so that nothing is optimised away. */
#ifndef SUPPORT_WALK_H
#define SUPPORT_WALK_H

#include "recs/model.h"

#include <stdbool.h>

/* A 64-byte aligned copy; free with free(). Aborts without memory. */
unsigned char *walk_copy(const void *bytes, size_t size);

/* Recomputes the checksums of the sections that lie in the file (when
 * sections is set), the fingerprint, the table's checksum and the header's,
 * and file_size. Does nothing where header or table do not fit. */
void walk_seal(unsigned char *bytes, size_t size, bool sections);

/* Cost is bounded whatever the file says: at most limit rows of each kind. */
uint64_t walk_model(const recs_model *model, uint32_t limit);

#endif
