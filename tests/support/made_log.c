/* made_log.c - see made_log.h. */
#include "support/made_log.h"

#include "base/random.h"
#include "support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

void made_ok(recs_status status, const recs_error *error) {
    if (status != RECS_OK)
        fail_msg("%s: %s", recs_status_text(status), error->text);
}

recs_dataset *made_log(uint32_t users, uint32_t items, uint32_t spread, int timed, uint64_t seed) {
    recs_dataset *dataset;
    recs_events *events;
    recs_error error = {0};
    recs__random random;
    bool *has = malloc(items);
    recs__random_seed(&random, seed);
    made_ok(recs_dataset_create(&dataset, NULL, &error), &error);
    made_ok(recs_events_create(&events, NULL, &error), &error);
    for (uint32_t u = 0; u < users; u++) {
        uint32_t wanted = 3 + (uint32_t)recs__random_below(&random, spread + 1);
        for (uint32_t i = 0; i < items; i++)
            has[i] = false;
        for (uint32_t n = 0; n < wanted;) {
            double x = recs__random_double(&random);
            uint32_t item = (uint32_t)(x * x * (items / 2)) * 2 + u % 2;
            char user_id[16], item_id[16];
            if (has[item])
                continue;
            has[item] = true;
            snprintf(user_id, sizeof user_id, "u%03u", u);
            snprintf(item_id, sizeof item_id, "i%02u", item);
            int64_t time = timed ? INT64_C(1600000000000) + (int64_t)(u * 7 % 11 + n * 24) * 3600000
                                 : RECS_NO_TIME;
            made_ok(recs_events_begin(events, item_id, RECS_EVENT_BUY, time, &error), &error);
            made_ok(recs_events_text(events, RECS_FIELD_USER, user_id, &error), &error);
            n++;
        }
    }
    made_ok(recs_dataset_add(dataset, events, &error), &error);
    recs_events_destroy(events);
    free(has);
    return dataset;
}
