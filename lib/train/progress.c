/* progress.c - the throttle between long work and the caller's callback. One
 * look at the host's clock a call; a clock that goes back does not silence it. */
#include "train/progress.h"

#include "base/error.h"
#include "base/memory.h"

#define PERIOD_MS 100

void recs__progress_init(recs__progress *progress, recs_progress *callback, void *user_data,
                         const recs_host *host) {
    progress->callback = callback;
    progress->user_data = user_data;
    progress->host = host;
    progress->stage = NULL;
    progress->told_at = 0;
}

recs_status recs__progress_tell(recs__progress *progress, const char *stage, uint64_t done,
                                uint64_t total, recs_error *error) {
    if (!progress->callback)
        return RECS_OK;
    int64_t now = recs__now(progress->host);
    uint64_t passed = (uint64_t)now - (uint64_t)progress->told_at;
    if (stage == progress->stage && done != total && passed < PERIOD_MS)
        return RECS_OK;
    progress->stage = stage;
    progress->told_at = now;
    if (progress->callback(progress->user_data, stage, done, total) == 0)
        return RECS_OK;
    return recs__fail(error, RECS_ERR_CANCELLED,
                      "cancelled by the caller during %s (%llu of %llu)", stage,
                      (unsigned long long)done, (unsigned long long)total);
}
