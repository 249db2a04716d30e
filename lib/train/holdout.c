/* holdout.c - recs_dataset_split with a choice of how. */
#include "train/holdout.h"

#include "model/format.h"

#include <stdio.h>
#include <string.h>

static bool has_times(const recs_dataset *dataset) {
    for (uint64_t e = 0; e < dataset->log.count; e++)
        if (dataset->log.times[e] != RECS_NO_TIME)
            return true;
    return false;
}

static uint32_t users_in_both(const recs_dataset *train, const recs_dataset *valid) {
    uint32_t found = 0;
    for (uint32_t u = 0; u < valid->users.count; u++) {
        size_t size;
        const char *id = recs__intern_text(&valid->users, u, &size);
        found += recs__intern_find(&train->users, id, size) != RECS_NO_ROW;
    }
    return found;
}

recs_status recs__holdout_split(recs__holdout *holdout, const recs_dataset *dataset,
                                const char *how, uint64_t seed, recs_error *error) {
    memset(holdout, 0, sizeof *holdout);
    recs_status status =
        recs_dataset_split(dataset, how, seed, &holdout->train, &holdout->valid, error);
    if (status)
        return status;
    snprintf(holdout->how, sizeof holdout->how, "%s", how);
    holdout->train->settings.users_mode = holdout->valid->settings.users_mode = RECS__USERS_FULL;
    holdout->users = users_in_both(holdout->train, holdout->valid);
    return RECS_OK;
}

static recs_status cut(recs__holdout *holdout, const recs_dataset *dataset, bool by_time,
                       double share, uint64_t seed, recs_error *error) {
    /* Shares have two digits or fewer; a point that is none would be refused. */
    int percent = (int)((by_time ? 1.0 - share : share) * 1e4 + 0.5);
    char how[32];
    snprintf(how, sizeof how, "%s:0.%04d", by_time ? "time" : "random", percent);
    for (size_t end = strlen(how); how[end - 1] == '0'; end--)
        how[end - 1] = '\0';
    return recs__holdout_split(holdout, dataset, how, seed, error);
}

recs_status recs__holdout_make(recs__holdout *holdout, const recs_dataset *dataset,
                               recs__holdout_how how, double share, uint64_t seed,
                               recs_error *error) {
    recs_status status = RECS_OK;

    memset(holdout, 0, sizeof *holdout);
    if (how == RECS__HOLDOUT_TIME || (how == RECS__HOLDOUT_AUTO && has_times(dataset)))
        status = cut(holdout, dataset, true, share, seed, error);
    if (status || how == RECS__HOLDOUT_TIME || holdout->users >= RECS__HOLDOUT_USERS)
        return status;
    recs__holdout_clear(holdout);
    return cut(holdout, dataset, false, share, seed, error);
}

void recs__holdout_clear(recs__holdout *holdout) {
    recs_dataset_destroy(holdout->train);
    recs_dataset_destroy(holdout->valid);
    memset(holdout, 0, sizeof *holdout);
}
