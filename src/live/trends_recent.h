/* trends_recent.h - who was counted lately, in fixed memory: the last so many
 * (place, item, actor, window), by a 32-bit hash each. For states that have
 * outgrown their budget, where entries of actors are no longer kept.
 *
 * A line of 64 bytes holds 15 hashes, the oldest makes room. A repeat is not
 * noticed when 15 others came into its line since; one in 2^28 events is taken
 * for a repeat and is none. Cost: one cache line. */
#ifndef RECS_LIVE_TRENDS_RECENT_H
#define RECS_LIVE_TRENDS_RECENT_H

#include "base/memory.h"

#include <stdbool.h>

typedef struct recs__trend_recent recs__trend_recent;

recs_status recs__trend_recent_create(recs__trend_recent **recent, size_t bytes,
                                      const recs_host *host, recs_error *error);
void recs__trend_recent_destroy(recs__trend_recent *recent, const recs_host *host);
/* True when the key (a good hash) is there; now it is. Any thread. */
bool recs__trend_recent_seen(recs__trend_recent *recent, uint64_t key);

#endif
