/* codes.h - the quantised copy of rows: codes of -45 to 45, a byte, a scale a row, and a
 * bound of what that lost. Searching reads the copy and asks the rows
 * themselves only where the bound cannot decide (docs/search.md has the proof).
 *
 * One block of bytes, the same wherever it is kept (docs/model-format.md, section
 * item_codes); every part begins at a multiple of 64:
 *
 *   recs__codes_head
 *   uint32 order  [padded]   rows by length, longest first; then 0xFFFFFFFF
 *   float  scales [padded]   of order's rows; a row is about scale * (code - 64)
 *   bound  bounds [blocks]   of 256 rows each
 *   uint8  codes  [tiles][groups][64]   as kernels->code_scan wants them
 *
 * padded: rows rounded up to 16; tiles = padded / 16; groups: a quarter of the
 * dimensions, rounded up. The bytes are a function of the rows alone. */
#ifndef RECS_KERNELS_CODES_H
#define RECS_KERNELS_CODES_H

#include "kernels/stored.h"
#include "recs/base.h"

#include <stdbool.h>

#define RECS__CODES_VERSION 2
#define RECS__CODES_BLOCK 256
#define RECS__CODES_DIMS_MAX 65536
/* Fewer rows than this are as fast without a copy: none is written or used. */
#define RECS__CODES_ROWS_LEAST 2048
/* Rows longer than this have no copy: products of two such lengths stay below
 * what a float can hold. */
#define RECS__CODES_LENGTH_MAX 1e18f

typedef struct recs__codes_head {
    uint32_t version, rows, dims, block;
    uint32_t reserved[12];
} recs__codes_head;

/* Of the true lengths of a block's rows: at most `most`, at least `least`; every
 * row is no further than `error` from scale * (code - 64), nor, where ratio is not
 * 0, than ratio times its scale. */
typedef struct recs__codes_bound {
    float most, least, error, ratio;
} recs__codes_bound;

typedef struct recs__codes {
    uint32_t rows, dims;
    size_t groups, tiles, blocks;
    const uint32_t *order;
    const float *scales;
    const recs__codes_bound *bounds;
    const uint8_t *codes;
} recs__codes;

/* Bytes of the copy of rows x dims; 0: none can be made (no rows, no dimensions,
 * more of either than the limits). */
uint64_t recs__codes_size(uint32_t rows, uint32_t dims);

/* The parts of a copy in size bytes at a multiple of 64. False: they are not the
 * copy of rows x dims. Constant cost: what the arrays hold is not looked at. */
bool recs__codes_read(recs__codes *codes, const void *bytes, uint64_t size, uint32_t rows,
                      uint32_t dims);

/* Writes the copy of stored into recs__codes_size bytes, 64-byte aligned.
 * NUMERIC: a row is longer than RECS__CODES_LENGTH_MAX or not finite: no copy, the
 * rows are searched plainly. MEMORY: 16 bytes a row meanwhile. Cost: about 4 ns a
 * number; on the host's executor. The same bytes for any executor and machine. */
recs_status recs__codes_build(const recs__stored *stored, const recs_host *host, void *bytes,
                              recs_error *error);

/* Whether a copy is what build makes bounds of: order a permutation and every
 * row within its bounds. CORRUPT: what is not, and where. MEMORY: a bit a row,
 * a row of floats. Cost: as build. */
recs_status recs__codes_verify(const recs__codes *codes, const recs__stored *stored,
                               const recs_host *host, recs_error *error);

/* ---- queries ----------------------------------------------------------------- */

/* A query in codes: about scale * code. Lengths are rounded up. */
typedef struct recs__code_vector {
    recs__code_query query;
    double scale;  /* 0: has no codes (all zero, too long or too short): search plainly */
    double inverse; /* 1 / scale                                                        */
    double length; /* of the vector                                                    */
    double error;  /* of vector - scale * codes                                        */
    const int16_t *fine; /* [groups * 4], of 16 bits: about fine_scale * fine          */
    int32_t fine_start;  /* -64 times their sum                                        */
    double fine_scale, fine_error;
} recs__code_vector;

/* Bytes of room a query's codes take, a multiple of 64. */
size_t recs__codes_room(uint32_t dims);

/* Codes of vector [dims] into room, 64-byte aligned, where they stay. many: of fewer
 * levels, with pairs, where the kernels have a use for them. Cost: some 3 ns a number. */
void recs__codes_query(recs__code_vector *out, const float *vector, uint32_t dims, bool many,
                       void *room);

#endif
