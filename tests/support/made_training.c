/* made_training.c - see made_training.h. */
#include "support/made_training.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

void made_training_make(made_training *made, uint32_t users, uint32_t items,
                        const made_entry *entries, size_t count, const recs_host *host) {
    memset(made, 0, sizeof *made);
    assert_int_equal(recs__host_init(&made->plain, NULL, NULL), RECS_OK);
    assert_int_equal(
        recs__sparse_create(&made->by_user, users, items, count, &made->plain, NULL), RECS_OK);
    for (size_t e = 0; e < count; e++) {
        assert_true(entries[e].user < users && entries[e].item < items);
        made->by_user.offsets[entries[e].user + 1]++;
        made->by_user.columns[e] = entries[e].item;
        made->by_user.values[e] = entries[e].value;
    }
    for (uint32_t u = 0; u < users; u++)
        made->by_user.offsets[u + 1] += made->by_user.offsets[u];

    recs__training *training = &made->training;
    training->by_user = recs__sparse_view(&made->by_user);
    assert_int_equal(recs__sparse_transpose(&made->by_item, &training->by_user, &made->plain, NULL),
                     RECS_OK);
    training->by_item = recs__sparse_view(&made->by_item);
    training->units = training->by_user;
    training->users = users;
    training->items = items;
    training->users_mode = 2;
    assert_int_equal(recs__host_init(&training->host, host, NULL), RECS_OK);

    made->event_offsets = calloc((size_t)items + 1, sizeof *made->event_offsets);
    made->event_times = calloc(count + 1, sizeof *made->event_times);
    made->event_weights = calloc(count + 1, sizeof *made->event_weights);
    made->item_units = calloc((size_t)items + 1, sizeof *made->item_units);
    training->last_time = RECS_NO_TIME;
    for (uint32_t i = 0; i < items; i++) {
        uint64_t at;
        size_t own = recs__csr_row(&training->by_item, i, &at);
        for (size_t e = 0; e < own; e++) {
            uint32_t user = training->by_item.columns[at + e];
            int64_t time = ((int64_t)user * 1000 + i) * 86400000;
            if (!(training->by_item.values[at + e] > 0.0f))
                continue;
            made->item_units[i]++;
            made->event_times[training->events] = time;
            made->event_weights[training->events++] = training->by_item.values[at + e];
            if (time > training->last_time)
                training->last_time = time;
        }
        made->event_offsets[i + 1] = training->events;
    }
    training->event_offsets = made->event_offsets;
    training->event_times = made->event_times;
    training->event_weights = made->event_weights;
    training->item_units = made->item_units;
}

void made_training_random(made_training *made, uint32_t users, uint32_t items, uint32_t mean,
                          bool dislikes, uint64_t seed, const recs_host *host) {
    made_entry *entries = malloc(((size_t)users * 2 * mean + 1) * sizeof *entries);
    unsigned char *has = malloc(items);
    size_t count = 0;
    recs__random random;

    recs__random_seed(&random, seed);
    for (uint32_t u = 0; u < users; u++) {
        uint32_t tries = (uint32_t)recs__random_below(&random, 2 * (uint64_t)mean + 1);
        memset(has, 0, items);
        for (uint32_t t = 0; t < tries; t++) {
            double x = recs__random_double(&random);
            has[(size_t)(x * x * items)] = 1;
        }
        for (uint32_t i = 0; i < items; i++) {
            if (!has[i])
                continue;
            float value = 0.5f + 3.5f * recs__random_float(&random);
            if (dislikes && recs__random_below(&random, 10) == 0)
                value = -value;
            entries[count++] = (made_entry){u, i, value};
        }
    }
    made_training_make(made, users, items, entries, count, host);
    free(entries);
    free(has);
}

void made_training_free(made_training *made) {
    recs__sparse_clear(&made->by_user, &made->plain);
    recs__sparse_clear(&made->by_item, &made->plain);
    free(made->event_offsets);
    free(made->event_times);
    free(made->event_weights);
    free(made->item_units);
    memset(made, 0, sizeof *made);
}

recs_status made_training_train(const made_training *made, const char *text, uint64_t seed,
                                recs__trained *trained, recs_error *error) {
    recs__description *description = malloc(sizeof *description);
    recs__progress progress;
    memset(trained, 0, sizeof *trained);
    recs__progress_init(&progress, NULL, NULL, &made->training.host);
    recs_status status = recs__description_parse(description, text, error);
    if (status == RECS_OK) {
        recs__train_job job = {&made->training, &description->specs[0], seed, true, &progress, 0, NULL,
                               NULL, 0};
        status = description->specs[0].trainer->train(&job, trained, error);
    }
    free(description);
    return status;
}

const void *made_training_section(const recs__trained *trained, uint32_t type, size_t *size) {
    for (uint32_t s = 0; s < trained->section_count; s++)
        if (trained->sections[s].type == type) {
            *size = trained->sections[s].size;
            return trained->sections[s].bytes;
        }
    *size = 0;
    return NULL;
}

bool made_training_equal(const recs__trained *a, const recs__trained *b) {
    if (a->kind != b->kind || a->factors != b->factors || a->items_trained != b->items_trained ||
        a->section_count != b->section_count)
        return false;
    for (uint32_t s = 0; s < a->section_count; s++)
        if (a->sections[s].type != b->sections[s].type ||
            a->sections[s].size != b->sections[s].size ||
            memcmp(a->sections[s].bytes, b->sections[s].bytes, a->sections[s].size) != 0)
            return false;
    return true;
}
