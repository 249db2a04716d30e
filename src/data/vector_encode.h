/* vector_encode.h - one vector from floats to what is stored of it, for vector sets
 * and for training. */
#ifndef RECS_DATA_VECTOR_ENCODE_H
#define RECS_DATA_VECTOR_ENCODE_H

#include "kernels/stored.h"
#include "recs/vectors.h"

uint32_t recs__vector_stride(uint32_t dimension);
/* Bytes of a number; 0 for an unknown storage. */
size_t recs__storage_width(int32_t storage);
recs__stored_type recs__vector_type(int32_t storage);

/* Encodes one vector (dimension floats, finite) into row (stride numbers) and
 * *scale (1 but for int8), its norm into *norm; room: dimension floats. Returns
 * what is wrong with it, or NULL: too large for the type, a norm that is not
 * finite, under cosine no direction. */
const char *recs__vector_encode(int32_t storage, int32_t metric, uint32_t dimension,
                                const float *vector, void *row, float *scale, float *norm,
                                float *room);

#endif
