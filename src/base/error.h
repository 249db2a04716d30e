/* error.h - filling the caller's recs_error. */
#ifndef RECS_BASE_ERROR_H
#define RECS_BASE_ERROR_H

#include "recs/base.h"

#include <stdarg.h>
#include <stdbool.h>

#if defined(__GNUC__)
#define RECS_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#else
#define RECS_PRINTF(format_at, args_at)
#endif

/* Writes status and one line of formatted text into error (may be NULL) and
 * returns status, so that a failure is `return recs__fail(error, …)`. Control
 * characters in the text become '?', and invalid UTF-8 too, so that a hostile
 * id cannot break a log line; text too long is cut at a character with an
 * ellipsis. Never allocates. */
recs_status recs__fail(recs_error *error, recs_status status, const char *format, ...)
    RECS_PRINTF(3, 4);

/* The one text of a failed allocation. */
recs_status recs__fail_memory(recs_error *error, size_t size);

/* Appends ": <strerror(number)>" to the formatted text; maps ENOENT to
 * NOT_FOUND, ENOMEM to MEMORY, everything else to IO. */
recs_status recs__fail_errno(recs_error *error, int number, const char *format, ...)
    RECS_PRINTF(3, 4);

/* The cleaning both share with the log. Copies raw into out as one line of
 * valid UTF-8 and a NUL, at most room bytes in all (room > 4), and returns its
 * length. cut: raw is only the beginning of a longer text, so end with an
 * ellipsis. The second formats first. */
size_t recs__one_line(char *out, size_t room, const char *raw, size_t size, bool cut);
size_t recs__one_line_v(char *out, size_t room, const char *format, va_list args)
    RECS_PRINTF(3, 0);

#endif
