/* trainer.c - the list of trainers and what they share. */
#include "train/trainer.h"

#include "base/memory.h"

#include <string.h>

static const recs__trainer *const trainers[] = {
    &recs__trainer_als,
    &recs__trainer_ease,
    &recs__trainer_graphfilter,
    &recs__trainer_itemknn,
    &recs__trainer_popular,
    &recs__trainer_bpr,
    &recs__trainer_userknn,
    &recs__trainer_p3alpha,
    &recs__trainer_rp3beta,
    &recs__trainer_slim,
    &recs__trainer_content,
    &recs__trainer_trending,
};

const recs__trainer *recs__trainer_at(size_t index) {
    return index < sizeof trainers / sizeof *trainers ? trainers[index] : NULL;
}

const recs__trainer *recs__trainer_find(const char *name, size_t size) {
    const recs__trainer *trainer;
    for (size_t i = 0; (trainer = recs__trainer_at(i)) != NULL; i++)
        if (strlen(trainer->name) == size && memcmp(trainer->name, name, size) == 0)
            return trainer;
    return NULL;
}

void recs__trained_add(recs__trained *trained, uint32_t type, void *bytes, size_t size) {
    trained->sections[trained->section_count].type = type;
    trained->sections[trained->section_count].bytes = bytes;
    trained->sections[trained->section_count].size = size;
    trained->section_count++;
}

void recs__trained_resolve(recs__trained *trained, uint32_t setting, double value) {
    trained->resolved = setting + 1;
    trained->resolved_value = value;
}

void recs__trained_clear(recs__trained *trained, const recs_host *host) {
    for (uint32_t i = 0; i < trained->section_count; i++)
        recs__free_aligned(host, trained->sections[i].bytes);
    memset(trained, 0, sizeof *trained);
}
