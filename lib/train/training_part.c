/* training_part.c - ranges of keys whose events fit into a working block.
 *
 * Cost: a walk over the log per range, and a sort within each key. Memory: 9
 * (of units) or 17 to 25 bytes (of deeds) per event of a part, 9 more where
 * events have a source, and 16 per event of the longest key. */
#include "train/training_part.h"

#include "base/memory.h"
#include "train/budget.h"

#include <string.h>

#define INSERTION 16

uint64_t recs__part_room(const recs__training *training, size_t bytes) {
    const recs__training_store *store = training->store;
    if (store->dataset->part_events != 0)
        return store->dataset->part_events;
    if (store->spill == NULL)
        return UINT64_MAX;
    uint64_t room = store->working / bytes;
    return room != 0 ? room : 1;
}

static recs_status too_long(const recs__training *training, uint64_t longest, uint64_t need,
                            const char *what, recs_error *error) {
    char needed[RECS__BUDGET_TEXT], left[RECS__BUDGET_TEXT];
    return recs__fail(error, RECS_ERR_LIMIT,
                      "one %s has %llu events, which to order needs %s of memory, but the memory "
                      "setting leaves %s for it; at least %s in all would do", what,
                      (unsigned long long)longest, recs__budget_text(need, needed),
                      recs__budget_text(training->store->working, left),
                      recs__budget_text(training->store->held + need,
                                        (char[RECS__BUDGET_TEXT]){0}));
}

recs_status recs__part_open(recs__part *part, const recs__training *training,
                            const uint64_t *begins, uint64_t keys, int columns, size_t beside,
                            const char *what, recs_error *error) {
    const recs__training_store *store = training->store;
    const recs__log *log = &store->dataset->log;
    const recs_host *host = &training->host;
    bool deeds = columns & RECS__PART_DEEDS;
    bool quantities = deeds && log->extras[RECS__EXTRA_QUANTITY] != NULL;
    bool values = deeds && log->extras[RECS__EXTRA_VALUE] != NULL;
    bool sources = log->extras[RECS__EXTRA_SOURCE] != NULL;
    bool weights = sources || log->extras[RECS__EXTRA_PROPENSITY] != NULL;
    size_t each = sizeof *part->items + sizeof *part->types + sizeof *part->kept +
                  (deeds ? sizeof *part->times : 0) + (quantities ? sizeof *part->quantities : 0) +
                  (values ? sizeof *part->values : 0) + (sources ? sizeof *part->sources : 0) +
                  (weights ? sizeof *part->weights : 0);
    size_t of_longest = 2 * sizeof *part->keys + beside;
    uint64_t longest = 0, count = begins[keys];
    memset(part, 0, sizeof *part);
    for (uint64_t key = 0; key < keys; key++)
        if (begins[key + 1] - begins[key] > longest)
            longest = begins[key + 1] - begins[key];
    if (longest > UINT32_MAX)
        return recs__fail(error, RECS_ERR_LIMIT, "one %s has %llu events; at most 2^32 - 1", what,
                          (unsigned long long)longest);
    uint64_t most = RECS__PART_EVENTS;
    if (store->dataset->part_events != 0) {
        most = store->dataset->part_events;
    } else if (store->spill != NULL) {
        uint64_t need = longest * (of_longest + each);
        if (need > store->working)
            return too_long(training, longest, need, what, error);
        uint64_t fits = (store->working - longest * of_longest) / each;
        most = fits < most ? fits : most;
    }
    most = most > longest ? most : longest;
    part->longest = longest;
    part->capacity = most < count ? most : count;
    size_t room = (size_t)part->capacity;
    part->items = recs__alloc(host, room, sizeof *part->items, error);
    part->types = recs__alloc(host, room, sizeof *part->types, error);
    part->kept = recs__alloc(host, room, sizeof *part->kept, error);
    part->keys = recs__alloc(host, (size_t)longest * 2, sizeof *part->keys, error);
    if (sources)
        part->sources = recs__alloc(host, room, sizeof *part->sources, error);
    if (weights)
        part->weights = recs__alloc(host, room, sizeof *part->weights, error);
    if (deeds)
        part->times = recs__alloc(host, room, sizeof *part->times, error);
    if (quantities)
        part->quantities = recs__alloc(host, room, sizeof *part->quantities, error);
    if (values)
        part->values = recs__alloc(host, room, sizeof *part->values, error);
    if (!part->items || !part->types || !part->kept || !part->keys || (deeds && !part->times) ||
        (quantities && !part->quantities) || (values && !part->values) ||
        (sources && !part->sources) || (weights && !part->weights))
        return RECS_ERR_MEMORY;
    part->key_scratch = part->keys + longest;
    return RECS_OK;
}

void recs__part_close(recs__part *part, const recs_host *host) {
    void *blocks[] = {part->items,      part->types,  part->kept,    part->keys,   part->times,
                      part->quantities, part->values, part->sources, part->weights};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        recs__free(host, blocks[i]);
    memset(part, 0, sizeof *part);
}

bool recs__part_next(recs__part *part, const uint64_t *begins, uint64_t keys) {
    uint64_t first = part->end, end = first;
    if (first >= keys)
        return false;
    while (end < keys && begins[end + 1] - begins[first] <= part->capacity)
        end++;
    part->first = first;
    part->end = end;
    part->base = begins[first];
    part->count = begins[end] - begins[first];
    return true;
}

void recs__part_rewind(const recs__part *part, uint64_t *begins) {
    size_t count = (size_t)(part->end - part->first);
    memmove(begins + part->first + 1, begins + part->first, (count - 1) * sizeof *begins);
    begins[part->first] = part->base;
}

void recs__part_sort(recs__part *part, uint64_t from, uint64_t to) {
    uint64_t *keys = part->keys, *scratch = part->key_scratch;
    size_t count = (size_t)(to - from);
    for (size_t i = 0; i < count; i++)
        keys[i] = (uint64_t)part->items[from + i] << 32 | i;
    for (size_t run = 0; run < count; run += INSERTION)
        for (size_t i = run + 1; i < count && i < run + INSERTION; i++) {
            uint64_t moved = keys[i];
            size_t at = i;
            for (; at > run && moved < keys[at - 1]; at--)
                keys[at] = keys[at - 1];
            keys[at] = moved;
        }
    for (size_t width = INSERTION; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t left = begin, right = middle;
            for (size_t at = begin; at < end; at++)
                scratch[at] = right < end && (left >= middle || keys[right] < keys[left])
                                  ? keys[right++] : keys[left++];
        }
        memcpy(keys, scratch, count * sizeof *keys);
    }
}

bool recs__walk(const recs__training *training, const char *stage, uint64_t *begin, uint64_t *end,
                recs_status *status, recs_error *error) {
    const recs_dataset *dataset = training->store->dataset;
    uint64_t count = dataset->log.count;
    if (*end != 0) {
        recs__log_done(&dataset->log, *begin, *end);
        const float *kept = training->store->kept;
        if (kept != NULL)
            recs__spill_done(training->store->spill, kept + *begin,
                             (size_t)(*end - *begin) * sizeof *kept);
    }
    *begin = *end;
    if (*begin >= count || *status != RECS_OK)
        return false;
    *end = count - *begin < RECS__LOG_BLOCK ? count : *begin + RECS__LOG_BLOCK;
    *status = recs__dataset_tick(dataset, stage, *begin, count, error);
    return *status == RECS_OK;
}
