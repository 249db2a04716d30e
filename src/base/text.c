/* text.c - bytes that claim to be text: UTF-8, ids and numbers of a file.
 *
 * Operations: utf8_step, utf8_valid, id_problem, compare_ids, parse_i64: one
 * pass, no allocation. parse_double: three ways, each correctly rounded and
 * deaf to the locale,
 *   1. at most 2^53 as digits and a power of ten up to 22: one exact multiply
 *      or divide of doubles (what a CSV holds; tens of millions a second);
 *   2. up to 19 digits and a power of ten up to 27: exact integers of 128 bits;
 *   3. all else: strtod_l in the "C" locale on a normalised copy. */
#include "base/text.h"

#include "recs/base.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- UTF-8 and ids ---------------------------------------------------------- */

static bool continues(unsigned char byte) { return (byte & 0xC0) == 0x80; }

size_t recs__utf8_step(const char *bytes, size_t size) {
    const unsigned char *b = (const unsigned char *)bytes;
    if (size == 0)
        return 0;
    if (b[0] < 0x80)
        return 1;
    if (b[0] < 0xC2) /* a continuation, or a two-byte form of ASCII */
        return 0;
    if (b[0] < 0xE0)
        return size >= 2 && continues(b[1]) ? 2 : 0;
    if (b[0] < 0xF0) {
        if (size < 3 || !continues(b[1]) || !continues(b[2]))
            return 0;
        if (b[0] == 0xE0 && b[1] < 0xA0) /* overlong */
            return 0;
        if (b[0] == 0xED && b[1] >= 0xA0) /* a surrogate */
            return 0;
        return 3;
    }
    if (b[0] < 0xF5) {
        if (size < 4 || !continues(b[1]) || !continues(b[2]) || !continues(b[3]))
            return 0;
        if (b[0] == 0xF0 && b[1] < 0x90) /* overlong */
            return 0;
        if (b[0] == 0xF4 && b[1] >= 0x90) /* above U+10FFFF */
            return 0;
        return 4;
    }
    return 0;
}

bool recs__utf8_valid(const char *bytes, size_t size) {
    size_t at = 0;
    while (at < size) {
        uint64_t block;
        if (size - at >= sizeof block) { /* eight ASCII bytes at once */
            memcpy(&block, bytes + at, sizeof block);
            if ((block & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof block;
                continue;
            }
        }
        size_t step = recs__utf8_step(bytes + at, size - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

#define TEXT_OF(x) #x
#define LONGER_THAN(limit) "is longer than " TEXT_OF(limit) " bytes"

const char *recs__id_problem(const char *bytes, size_t size) {
    if (size == 0)
        return "is empty";
    if (size > RECS_ID_MAX)
        return LONGER_THAN(RECS_ID_MAX);
    if (memchr(bytes, '\0', size) != NULL)
        return "holds a NUL byte";
    if (!recs__utf8_valid(bytes, size))
        return "is not valid UTF-8";
    return NULL;
}

int recs__compare_ids(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t shorter = a_size < b_size ? a_size : b_size;
    int order = shorter != 0 ? memcmp(a, b, shorter) : 0;
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a_size > b_size) - (a_size < b_size);
}

/* ---- numbers ---------------------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool recs__parse_i64(const char *bytes, size_t size, int64_t *out) {
    size_t at = 0;
    bool negative = false;
    if (size != 0 && (bytes[0] == '-' || bytes[0] == '+'))
        negative = bytes[at++] == '-';
    if (at == size)
        return false;
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0), value = 0;
    for (; at < size; at++) {
        if (!is_digit(bytes[at]))
            return false;
        uint64_t digit = (uint64_t)(bytes[at] - '0');
        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (negative)
        *out = value == limit ? INT64_MIN : -(int64_t)value;
    else
        *out = (int64_t)value;
    return true;
}

/* The text of a number taken apart: all digits from first to end, read as one
 * integer without the point, times 10^exponent. */
typedef struct decimal {
    uint64_t mantissa;  /* all significant digits, when there are at most 19 */
    size_t significant; /* digits from the first that is not zero            */
    int64_t exponent;   /* of ten, for the digits as one integer             */
    const char *first;  /* the first significant digit                       */
    const char *end;    /* past the last digit                               */
    bool negative;
} decimal;

enum {
    MANTISSA_DIGITS = 19, /* 10^19 - 1 < 2^64 */
    /* No double needs more: 767 decide every halfway case, one more says
     * "and something". */
    DIGITS_MAX = 768
};

/* Where reading an exponent stops counting: only a text of terabytes of
 * zeros could bring a number with a larger one back into range. */
#define EXPONENT_MAX (INT64_C(1) << 41)

static bool same_word(const char *bytes, size_t size, const char *word) {
    for (size_t i = 0; i < size; i++)
        if (word[i] == '\0' || (bytes[i] | 0x20) != word[i])
            return false;
    return word[size] == '\0';
}

/* The digits and point at *at; false when there is no digit. */
static bool read_digits(const char *bytes, size_t size, size_t *at, decimal *number) {
    bool point = false, any = false;
    size_t i = *at;
    number->first = number->end = bytes + i;
    for (; i < size; i++) {
        char c = bytes[i];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(c))
            break;
        any = true;
        number->exponent -= point;
        if (number->significant == 0) {
            if (c == '0')
                continue;
            number->first = bytes + i;
        }
        if (++number->significant <= MANTISSA_DIGITS)
            number->mantissa = number->mantissa * 10 + (uint64_t)(c - '0');
    }
    number->end = bytes + i;
    *at = i;
    return any;
}

/* An optional exponent at *at, up to the end of the text. */
static bool read_exponent(const char *bytes, size_t size, size_t at, decimal *number) {
    if (at == size)
        return true;
    if ((bytes[at] | 0x20) != 'e')
        return false;
    at++;
    bool negative = false;
    if (at < size && (bytes[at] == '-' || bytes[at] == '+'))
        negative = bytes[at++] == '-';
    if (at == size)
        return false;
    int64_t exponent = 0;
    for (; at < size; at++) {
        if (!is_digit(bytes[at]))
            return false;
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (bytes[at] - '0');
    }
    number->exponent += negative ? -exponent : exponent;
    return true;
}

/* Way 1: both factors are exact doubles, so one rounding is the only one. */
static bool convert_exact(const decimal *number, double *out) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (number->significant > MANTISSA_DIGITS || number->mantissa > UINT64_C(1) << 53 ||
        number->exponent < -22 || number->exponent > 22)
        return false;
    double mantissa = (double)number->mantissa;
    *out = number->exponent < 0 ? mantissa / powers[-number->exponent]
                                : mantissa * powers[number->exponent];
    return true;
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;

/* value * 2^exponent to double, round to nearest, ties to even; sticky says
 * that a little is missing from value. value has at least 64 bits set or
 * sticky is false. The result is a normal double for every exponent that way
 * 2 can meet. */
static double round_wide(wide value, bool sticky, int exponent) {
    uint64_t high = (uint64_t)(value >> 64);
    int bits = high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)value);
    if (bits <= 53)
        return ldexp((double)(uint64_t)value, exponent);
    int shift = bits - 53;
    uint64_t kept = (uint64_t)(value >> shift);
    wide rest = value & (((wide)1 << shift) - 1), half = (wide)1 << (shift - 1);
    if (rest > half || (rest == half && (sticky || (kept & 1) != 0)))
        kept++;
    return ldexp((double)kept, exponent + shift);
}

/* Way 2: m * 10^e = m * 5^e * 2^e, and 5^27 < 2^63. */
static bool convert_wide(const decimal *number, double *out) {
    if (number->significant > MANTISSA_DIGITS || number->exponent < -27 || number->exponent > 27)
        return false;
    int power = (int)number->exponent, magnitude = power < 0 ? -power : power;
    uint64_t five = 1;
    for (int i = 0; i < magnitude; i++)
        five *= 5;
    if (power >= 0) {
        *out = round_wide((wide)number->mantissa * five, false, power);
        return true;
    }
    /* The mantissa is moved to the top of 128 bits, so the quotient has at
     * least 128 - 63 - 1 = 64 bits: more than the 53 and one to round by. */
    int shift = 64 + __builtin_clzll(number->mantissa);
    wide numerator = (wide)number->mantissa << shift;
    *out = round_wide(numerator / five, numerator % five != 0, power - shift);
    return true;
}
#else
static bool convert_wide(const decimal *number, double *out) {
    (void)number;
    (void)out;
    return false;
}
#endif

/* Way 3. The copy is "<up to 768 digits>e<exponent>": a '1' stands for all
 * digits cut off when any of them is not zero. The "C" locale is built into
 * the C library; newlocale needs no memory for it. */
static bool convert_slow(const decimal *number, double *out) {
    char copy[DIGITS_MAX + 32];
    size_t used = 0, left_out = 0;
    bool more = false;
    for (const char *c = number->first; c != number->end; c++) {
        if (*c == '.')
            continue;
        if (used < DIGITS_MAX) {
            copy[used++] = *c;
        } else {
            more = more || *c != '0';
            left_out++;
        }
    }
    if (more) {
        copy[used++] = '1';
        left_out--;
    }
    snprintf(copy + used, sizeof copy - used, "e%lld",
             (long long)number->exponent + (long long)left_out);

    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return false;
    *out = strtod_l(copy, NULL, plain);
    freelocale(plain);
    return true;
}

bool recs__parse_double(const char *bytes, size_t size, double *out) {
    decimal number = {0};
    size_t at = 0;
    if (size != 0 && (bytes[0] == '-' || bytes[0] == '+'))
        number.negative = bytes[at++] == '-';
    if (at == size)
        return false;

    double value;
    if (!is_digit(bytes[at]) && bytes[at] != '.') {
        if (same_word(bytes + at, size - at, "nan"))
            value = (double)NAN;
        else if (same_word(bytes + at, size - at, "inf") ||
                 same_word(bytes + at, size - at, "infinity"))
            value = (double)INFINITY;
        else
            return false;
    } else {
        if (!read_digits(bytes, size, &at, &number) || !read_exponent(bytes, size, at, &number))
            return false;
        if (number.significant == 0)
            value = 0;
        else if (!convert_exact(&number, &value) && !convert_wide(&number, &value) &&
                 !convert_slow(&number, &value))
            return false;
    }
    *out = number.negative ? -value : value;
    return true;
}
