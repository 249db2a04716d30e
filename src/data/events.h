/* events.h - what other rooms may know of a batch of events beside what its
 * public header says. */
#ifndef RECS_DATA_EVENTS_H
#define RECS_DATA_EVENTS_H

#include "recs/events.h"

/* The host a batch was made with; lives with the batch. */
const recs_host *recs__events_host(const recs_events *events);

#endif
