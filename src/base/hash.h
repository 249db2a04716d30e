/* hash.h - XXH3, inlined from the system's xxhash.h (BSD-2-Clause). */
#ifndef RECS_BASE_HASH_H
#define RECS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3 64 bits, seed 0: checksums, fingerprints, hash tables. */
uint64_t recs__hash(const void *bytes, size_t size);
uint64_t recs__hash_seeded(const void *bytes, size_t size, uint64_t seed);
/* The same as recs__hash over bytes that come in parts: begin, any number of
 * add, end. 64-byte aligned (recs__alloc_aligned). */
typedef struct recs__hash_stream {
    _Alignas(64) unsigned char state[640];
} recs__hash_stream;
void recs__hash_begin(recs__hash_stream *stream);
void recs__hash_add(recs__hash_stream *stream, const void *bytes, size_t size);
uint64_t recs__hash_end(const recs__hash_stream *stream);
/* XXH3 128 bits as 32 lower-case hexadecimal digits and a NUL: the stored
 * form of a user id under users=hashed. */
void recs__hash_hex(const void *bytes, size_t size, char out[33]);

#endif
