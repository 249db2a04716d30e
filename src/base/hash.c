/* hash.c - XXH3 behind our own names; the only file that includes xxhash.h.
 *
 * Inlined, so that librecs needs no further library. XXH3 is frozen: the same
 * bytes give the same hash with every version of the header from 0.8 on, on
 * every machine. Cost: about 20 ns for an id, memory bandwidth for a file. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/hash.h"

#if XXH_VERSION_NUMBER < 800
#error "librecs needs xxHash 0.8.0 or newer: XXH3 was not frozen before"
#endif

uint64_t recs__hash(const void *bytes, size_t size) { return XXH3_64bits(bytes, size); }

uint64_t recs__hash_seeded(const void *bytes, size_t size, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, size, seed);
}

_Static_assert(sizeof(XXH3_state_t) <= sizeof(recs__hash_stream), "a hash stream is too small");

void recs__hash_begin(recs__hash_stream *stream) {
    XXH3_state_t *state = (XXH3_state_t *)(void *)stream->state;
    XXH3_INITSTATE(state);
    XXH3_64bits_reset(state);
}

void recs__hash_add(recs__hash_stream *stream, const void *bytes, size_t size) {
    XXH3_64bits_update((XXH3_state_t *)(void *)stream->state, bytes, size);
}

uint64_t recs__hash_end(const recs__hash_stream *stream) {
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)stream->state);
}

void recs__hash_hex(const void *bytes, size_t size, char out[33]) {
    static const char digits[16] = "0123456789abcdef";
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = digits[canonical.digest[i] >> 4];
        out[2 * i + 1] = digits[canonical.digest[i] & 15];
    }
    out[32] = '\0';
}
