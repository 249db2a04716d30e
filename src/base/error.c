/* error.c - the one line of text a failure leaves with the caller.
 *
 * Operations: recs__fail, recs__fail_memory, recs__fail_errno, recs__one_line;
 * recs_status_text. Cost: one vsnprintf on the stack, no allocation, so they
 * work when memory is what ran out. Text is formatted into a buffer of our
 * own first: an argument may point into the very error being filled, which is
 * how a caller puts words in front of a text it received.
 *
 * Invariant: error->text is always valid UTF-8 on one line, NUL-terminated. */
#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { RAW_SIZE = 2048 };

static const char ellipsis[] = "\xE2\x80\xA6";
enum { ELLIPSIS_SIZE = sizeof ellipsis - 1 };

/* Whether the well-formed character of `size` bytes would end or garble a
 * line: C0 and DEL, C1 (U+0080 to U+009F), the line and paragraph separators. */
static bool breaks_line(const unsigned char *character, size_t size) {
    if (size == 1)
        return character[0] < 0x20 || character[0] == 0x7F;
    if (size == 2)
        return character[0] == 0xC2 && character[1] < 0xA0;
    return size == 3 && character[0] == 0xE2 && character[1] == 0x80 &&
           (character[2] == 0xA8 || character[2] == 0xA9);
}

size_t recs__one_line(char *out, size_t room, const char *raw, size_t size, bool cut) {
    size_t used = 0, keep = 0, at = 0;
    size_t limit = room - 1;

    while (at < size) {
        size_t step = recs__utf8_step(raw + at, size - at);
        /* The last bytes of a raw text that was cut may be a torn character. */
        if (step == 0 && cut && size - at < 4)
            break;
        bool plain = step != 0 && !breaks_line((const unsigned char *)raw + at, step);
        size_t width = plain ? step : 1;
        if (used + width > limit) {
            cut = true;
            break;
        }
        if (plain)
            memcpy(out + used, raw + at, step);
        else
            out[used] = '?';
        used += width;
        at += step != 0 ? step : 1;
        if (used + ELLIPSIS_SIZE <= limit)
            keep = used;
    }
    if (cut && limit >= ELLIPSIS_SIZE) {
        memcpy(out + keep, ellipsis, ELLIPSIS_SIZE);
        used = keep + ELLIPSIS_SIZE;
    }
    out[used] = '\0';
    return used;
}

size_t recs__one_line_v(char *out, size_t room, const char *format, va_list args) {
    char raw[RAW_SIZE];
    int length = vsnprintf(raw, sizeof raw, format, args);
    if (length < 0) {
        static const char unprintable[] = "(text could not be formatted)";
        return recs__one_line(out, room, unprintable, sizeof unprintable - 1, false);
    }
    bool cut = (size_t)length >= sizeof raw;
    return recs__one_line(out, room, raw, cut ? sizeof raw - 1 : (size_t)length, cut);
}

recs_status recs__fail(recs_error *error, recs_status status, const char *format, ...) {
    if (error == NULL)
        return status;
    char text[sizeof error->text];
    va_list args;
    va_start(args, format);
    size_t size = recs__one_line_v(text, sizeof text, format, args);
    va_end(args);
    error->status = status;
    error->reserved = 0;
    memcpy(error->text, text, size + 1);
    return status;
}

recs_status recs__fail_memory(recs_error *error, size_t size) {
    if (size == SIZE_MAX)
        return recs__fail(error, RECS_ERR_MEMORY,
                          "out of memory: more bytes asked for than an address can count");
    return recs__fail(error, RECS_ERR_MEMORY, "out of memory: %zu bytes asked for", size);
}

/* strerror_r comes in two kinds: one returns its text, one fills the buffer. */
static const char *described(const char *text, const char *buffer) {
    (void)buffer;
    return text;
}

static const char *filled(int failure, const char *buffer) {
    return failure == 0 ? buffer : "unknown system error";
}

#define SYSTEM_TEXT(number, buffer)                                                             \
    _Generic(strerror_r(0, (buffer), 0), char *: described, int: filled)(                       \
        strerror_r((number), (buffer), sizeof(buffer)), (buffer))

recs_status recs__fail_errno(recs_error *error, int number, const char *format, ...) {
    recs_status status = number == ENOENT    ? RECS_ERR_NOT_FOUND
                         : number == ENOMEM  ? RECS_ERR_MEMORY
                                             : RECS_ERR_IO;
    if (error == NULL)
        return status;

    /* A long path must not push the reason out: the reason is laid out first
     * and the text in front of it gets what room remains. */
    char buffer[128] = "", reason[128], text[sizeof error->text];
    const char *system_text = SYSTEM_TEXT(number, buffer);
    size_t reason_size =
        recs__one_line(reason, sizeof reason, system_text, strlen(system_text), false);
    va_list args;
    va_start(args, format);
    size_t size = recs__one_line_v(text, sizeof text - reason_size - 2, format, args);
    va_end(args);

    error->status = status;
    error->reserved = 0;
    memcpy(error->text, text, size);
    memcpy(error->text + size, ": ", 2);
    memcpy(error->text + size + 2, reason, reason_size + 1);
    return status;
}

const char *recs_status_text(recs_status status) {
    switch (status) {
    case RECS_OK:
        return "ok";
    case RECS_ERR_ARGUMENT:
        return "bad argument";
    case RECS_ERR_MEMORY:
        return "out of memory";
    case RECS_ERR_NOT_FOUND:
        return "not found";
    case RECS_ERR_IO:
        return "input or output failed";
    case RECS_ERR_CORRUPT:
        return "corrupt";
    case RECS_ERR_UNSUPPORTED:
        return "unsupported";
    case RECS_ERR_LIMIT:
        return "above a limit";
    case RECS_ERR_DATA:
        return "unusable data";
    case RECS_ERR_STATE:
        return "not ready";
    case RECS_ERR_CONFLICT:
        return "conflict";
    case RECS_ERR_CANCELLED:
        return "cancelled";
    case RECS_ERR_NUMERIC:
        return "no finite answer";
    case RECS_ERR_CALLBACK:
        return "callback refused";
    }
    return "unknown status";
}
