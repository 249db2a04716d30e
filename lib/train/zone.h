/* zone.h - time zones: from local time to UTC. Fixed offsets, and the
 * system's zoneinfo files (TZif, RFC 8536) with their footer rule for the
 * years beyond the table. Nothing of the process is read or set. */
#ifndef RECS_TRAIN_ZONE_H
#define RECS_TRAIN_ZONE_H

#include "recs/base.h"

#include <stdbool.h>

typedef struct recs__zone recs__zone;

#define RECS__ZONE_FOLDER "/usr/share/zoneinfo"

/* "UTC", "Z", "+02:00", "-0330", "+5" or a name below folder such as
 * "Europe/London". ARGUMENT: neither of these. NOT_FOUND: no such file in
 * folder. CORRUPT: not a zoneinfo file. MEMORY. */
recs_status recs__zone_open(recs__zone **zone, const char *name, const char *folder,
                            const recs_host *host, recs_error *error);
void recs__zone_close(recs__zone *zone);

/* Seconds to add to UTC to get local time, at a time in seconds UTC. O(log n). */
int32_t recs__zone_offset(const recs__zone *zone, int64_t utc);

/* Local seconds (since 1970, as if they were UTC) to UTC. A time that happens
 * twice is the first; one that never happens is as far after the change as it
 * is after its beginning. */
int64_t recs__zone_to_utc(recs__zone *zone, int64_t local);

/* "+02:00", "-0330", "+5", "Z": seconds east of UTC. */
bool recs__zone_parse_offset(const char *text, size_t size, int32_t *seconds);

/* Days since 1970-01-01 of a date of the Gregorian calendar, extended to all
 * years. month 1 to 12, day from 1. */
int64_t recs__zone_days(int64_t year, int month, int day);

#endif
