/* checked.h - arithmetic that says when it would overflow. True = overflow,
 * *out untouched or unspecified then. Header only. */
#ifndef RECS_BASE_CHECKED_H
#define RECS_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool recs__add_size(size_t a, size_t b, size_t *out) {
    if (a > SIZE_MAX - b)
        return true;
    *out = a + b;
    return false;
}

static inline bool recs__mul_size(size_t a, size_t b, size_t *out) {
    if (b != 0 && a > SIZE_MAX / b)
        return true;
    *out = a * b;
    return false;
}

static inline bool recs__add_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (a > UINT64_MAX - b)
        return true;
    *out = a + b;
    return false;
}

static inline bool recs__mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
    if (b != 0 && a > UINT64_MAX / b)
        return true;
    *out = a * b;
    return false;
}

#endif
