/* stored.h - rows of numbers as they are stored, whatever their type, and the
 * floats they stand for. Borrowed; nothing here owns memory. */
#ifndef RECS_KERNELS_STORED_H
#define RECS_KERNELS_STORED_H

#include "kernels/kernels.h"

typedef enum recs__stored_type {
    RECS__STORED_FLOAT,   /* float                                          */
    RECS__STORED_HALF,    /* uint16_t: bfloat16                             */
    RECS__STORED_FLOAT16, /* uint16_t: IEEE binary16                        */
    RECS__STORED_INT8     /* int8_t, times the row's scale, rounded to float */
} recs__stored_type;

typedef struct recs__stored {
    const void *values; /* [rows][stride] of the type                        */
    const float *scales; /* [rows] of INT8, else NULL                        */
    recs__stored_type type;
    uint32_t rows, dims;
    size_t stride; /* numbers from one row to the next, at least dims        */
} recs__stored;

/* The floats of a row: the row itself, or room [dims] filled. row below rows.
 * Cost: dims. */
const float *recs__stored_floats(const recs__stored *stored, uint32_t row, float *room);

#endif
