/* text.h - bytes that claim to be text. */
#ifndef RECS_BASE_TEXT_H
#define RECS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
bool recs__utf8_valid(const char *bytes, size_t size);

/* Length, 1 to 4, of the well-formed character at bytes; 0 when there is none. */
size_t recs__utf8_step(const char *bytes, size_t size);

/* What is wrong with an id, or NULL when nothing is: "is empty", "is longer
 * than 511 bytes", "holds a NUL byte", "is not valid UTF-8". */
const char *recs__id_problem(const char *bytes, size_t size);

/* Decimal number to float or double, independent of the locale; the whole of
 * [bytes, bytes + size) must be one finite or non-finite number. False when
 * it is not a number. Accepts what a CSV holds: sign, digits, point,
 * exponent, "nan", "inf". */
bool recs__parse_double(const char *bytes, size_t size, double *out);
bool recs__parse_i64(const char *bytes, size_t size, int64_t *out);

/* Compares as ids are ordered: bytes, shorter first on a tie. */
int recs__compare_ids(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
