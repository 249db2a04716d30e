/* made_log.h - a log of two tastes as a dataset, for tests of what is behind
 * the readers. */
#ifndef SUPPORT_MADE_LOG_H
#define SUPPORT_MADE_LOG_H

#include "recs/train.h"

/* users "u000" … with 3 to 3 + spread different items of "i00" … each, from one
 * half of the items for even users and the other for odd ones, low numbers more
 * often; an event an hour per user, if timed. Destroy it. */
recs_dataset *made_log(uint32_t users, uint32_t items, uint32_t spread, int timed, uint64_t seed);

/* Fails the test with the error's text. */
void made_ok(recs_status status, const recs_error *error);

#endif
