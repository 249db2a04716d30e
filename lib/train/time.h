/* time.h - times of a log to milliseconds since 1970 UTC. */
#ifndef RECS_TRAIN_TIME_H
#define RECS_TRAIN_TIME_H

#include "train/zone.h"

typedef enum recs__time_format {
    RECS__TIME_AUTO,
    RECS__TIME_SECONDS,
    RECS__TIME_MILLISECONDS,
    RECS__TIME_ISO,
    RECS__TIME_DAY_FIRST,  /* 31/12/2010 8:26 */
    RECS__TIME_MONTH_FIRST /* 12/31/2010 8:26 */
} recs__time_format;

/* Reads a time.
 *   a number   seconds, which may have a fraction; from 10^11 up, in AUTO,
 *              milliseconds, from 10^14 microseconds, from 10^17 nanoseconds
 *   ISO 8601   2010-12-01, 2010-12-01T08:26, 2010-12-01 08:26:00.123Z,
 *              +02:00 …; 2010/12/01 too
 *   by parts   12/31/2010 8:26, 31.12.2010 08:26:00 (with dots the day is
 *              first); in AUTO 12/1/2010 is refused: see recs__time_order
 * A time without a zone is local to zone. False: not a time, or not between
 * the years 1 and 9999. */
bool recs__time_parse(const char *text, size_t size, recs__time_format format, recs__zone *zone,
                      int64_t *milliseconds);

/* What a date with slashes says about the order of its parts: DAY_FIRST,
 * MONTH_FIRST, or AUTO when it is ambiguous or no such date. */
recs__time_format recs__time_order(const char *text, size_t size);

/* "2010-12-01T08:26:00.000Z" and a NUL; the milliseconds only when there are
 * any. Returns the length. */
#define RECS__TIME_TEXT 32
size_t recs__time_text(int64_t milliseconds, char out[RECS__TIME_TEXT]);

#endif
