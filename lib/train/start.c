/* start.c - factors of an earlier model, and checkpoints.
 *
 * A checkpoint file: a header of 64 bytes, then the blocks one after another.
 * One per component, the path given and ".NAME". Invariants
 *   1. the file is whole or not there: written beside and renamed;
 *   2. what is read was written by the same training: the key of the header,
 *      and a hash of the blocks. */
#include "train/start.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "kernels/half.h"
#include "model/format.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- factors ---------------------------------------------------------------------- */

/* A section's bytes; NULL when there is none, or not of rows * width bytes. */
static const void *section(const recs_model *model, const char *name, uint32_t component,
                           uint64_t rows, uint64_t width) {
    for (uint32_t s = 0; s < recs_model_section_count(model); s++)
        if (recs_model_section_component(model, s) == component &&
            strcmp(recs_model_section_name(model, s), name) == 0) {
            uint64_t size;
            const void *bytes = recs_model_section_bytes(model, s, &size);
            return size == rows * width ? bytes : NULL;
        }
    return NULL;
}

/* Its record in the file; NULL when the model is not ours to read. */
static const recs__file_component *record_of(const recs_model *model, uint32_t component) {
    const recs__file_component *records =
        section(model, "components", RECS_SECTION_MODEL, recs_model_component_count(model),
                sizeof *records);
    return records != NULL ? records + component : NULL;
}

recs_status recs__start_open(recs__start *start, const recs__train_job *job, uint32_t factors,
                             recs_error *error) {
    const recs_model *model = job->start;
    const char *name = job->spec->name;
    memset(start, 0, sizeof *start);
    uint32_t component = model != NULL ? recs_model_component_find(model, name) : UINT32_MAX;
    if (component == UINT32_MAX)
        return RECS_OK;
    const recs__file_component *record = record_of(model, component);
    if (record == NULL || record->factors == 0)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s: the model to start from has a component of that name without "
                          "factors (%s), expected one with %u", name,
                          recs_model_component_kind(model, component), factors);
    if (record->factors != factors)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%s: the model to start from has %u factors and factors=%u is asked "
                          "for; they must be the same", name, record->factors, factors);
    uint64_t items = recs_model_items(model), users = recs_model_users(model);
    start->factors = factors;
    start->stride = (factors + 15) / 16 * 16;
    start->items = section(model, "item_factors", component, items,
                           start->stride * UINT64_C(4));
    start->users = section(model, "user_factors", component, users,
                           start->stride * UINT64_C(4));
    start->item_halves = section(model, "item_halves", component, items,
                                 start->stride * UINT64_C(2));
    start->user_halves = section(model, "user_halves", component, users,
                                 start->stride * UINT64_C(2));
    start->training = job->training;
    if (start->items != NULL || start->item_halves != NULL)
        start->model = model;
    return RECS_OK;
}

static bool copy_row(const recs__start *start, const float *floats, const uint16_t *halves,
                     uint32_t row, float *out) {
    size_t at = (size_t)row * start->stride;
    bool any = false;
    if (row == RECS_NO_ROW || (floats == NULL && halves == NULL))
        return false;
    for (uint32_t j = 0; j < start->factors; j++) {
        float x = floats != NULL ? floats[at + j] : recs__half_float(halves[at + j]);
        if (!(x > -3e38f && x < 3e38f))
            return false;
        any |= x != 0.0f;
    }
    for (uint32_t j = 0; j < start->factors && any; j++)
        out[j] = floats != NULL ? floats[at + j] : recs__half_float(halves[at + j]);
    return any;
}

bool recs__start_item(const recs__start *start, uint32_t row, float *out) {
    const char *id = start->model ? recs__ids_get(&start->training->item_ids, row, NULL) : NULL;
    return id != NULL && copy_row(start, start->items, start->item_halves,
                                  recs_model_item_row(start->model, id), out);
}

bool recs__start_user(const recs__start *start, uint32_t row, float *out) {
    const char *id = start->model ? recs__ids_get(&start->training->user_ids, row, NULL) : NULL;
    return id != NULL && copy_row(start, start->users, start->user_halves,
                                  recs_model_user_row(start->model, id), out);
}

/* ---- checkpoints ---------------------------------------------------------------------- */

#define MAGIC "recsckp1"
#define AT_ONCE ((size_t)1 << 22)

typedef struct head {
    char magic[8];
    uint64_t key, done, blocks, bytes, hash, reserved[2];
} head;
_Static_assert(sizeof(head) == 64, "the head of a checkpoint is 64 bytes");

static uint64_t join(uint64_t a, uint64_t b) {
    const uint64_t both[2] = {a, b};
    return recs__hash(both, sizeof both);
}

static uint64_t hash_csr(uint64_t key, const recs__train_job *job, const recs__csr *matrix) {
    key = join(key, matrix->rows);
    key = join(key, recs__hash(matrix->offsets, ((size_t)matrix->rows + 1) * sizeof(uint64_t)));
    for (uint64_t at = 0; at < matrix->entries; at += AT_ONCE) {
        uint64_t end = matrix->entries - at < AT_ONCE ? matrix->entries : at + AT_ONCE;
        size_t count = (size_t)(end - at);
        key = join(key, recs__hash(matrix->columns + at, count * sizeof *matrix->columns));
        key = join(key, recs__hash(matrix->values + at, count * sizeof *matrix->values));
        recs__training_done(job->training, matrix, at, end);
    }
    return key;
}

uint64_t recs__checkpoint_key(const recs__train_job *job, size_t free_setting) {
    uint64_t key = recs__hash(job->spec->name, strlen(job->spec->name));
    if (job->checkpoint == NULL)
        return 0;
    key = join(key, job->seed);
    key = join(key, job->start != NULL ? recs_model_fingerprint(job->start) : 0);
    for (size_t s = 0; s < job->spec->trainer->setting_count; s++)
        if (s != free_setting)
            key = join(key, recs__hash(&job->spec->settings[s], sizeof(double)));
    key = join(key, job->training->items);
    return hash_csr(key, job, &job->training->by_user);
}

static recs_status path_of(const recs__train_job *job, char **path, recs_error *error) {
    size_t size = strlen(job->checkpoint) + strlen(job->spec->name) + 2;
    *path = recs__alloc(&job->training->host, size, 1, error);
    if (*path == NULL)
        return RECS_ERR_MEMORY;
    snprintf(*path, size, "%s.%s", job->checkpoint, job->spec->name);
    return RECS_OK;
}

static uint64_t hash_blocks(const recs__checkpoint_block *blocks, size_t count) {
    uint64_t hash = count;
    for (size_t b = 0; b < count; b++)
        hash = join(hash, recs__hash(blocks[b].bytes, blocks[b].size));
    return hash;
}

/* The file at path, mapped, into the blocks. */
static recs_status take(const char *path, const recs__map *map, uint64_t key,
                        const recs__checkpoint_block *blocks, size_t count, uint64_t *done,
                        recs_error *error) {
    head h;
    uint64_t bytes = 0, hash = count;
    for (size_t b = 0; b < count; b++)
        bytes += blocks[b].size;
    if (map->size < sizeof h || memcmp(map->bytes, MAGIC, sizeof h.magic) != 0)
        return recs__fail(error, RECS_ERR_CORRUPT, "%s is not a checkpoint", path);
    memcpy(&h, map->bytes, sizeof h);
    if (h.key != key || h.blocks != count || h.bytes != bytes)
        return recs__fail(error, RECS_ERR_CONFLICT,
                          "the checkpoint %s is of another training: of other data, settings, "
                          "seed or start; remove it, or name another file", path);
    const unsigned char *at = map->bytes + sizeof h;
    if (map->size != sizeof h + bytes)
        return recs__fail(error, RECS_ERR_CORRUPT, "%s has %zu bytes, expected %llu", path,
                          map->size, (unsigned long long)(sizeof h + bytes));
    for (size_t b = 0; b < count; b++) {
        hash = join(hash, recs__hash(at, blocks[b].size));
        at += blocks[b].size;
    }
    if (hash != h.hash || h.done == 0)
        return recs__fail(error, RECS_ERR_CORRUPT, "%s is damaged", path);
    at = map->bytes + sizeof h;
    for (size_t b = 0; b < count; b++) {
        memcpy(blocks[b].bytes, at, blocks[b].size);
        at += blocks[b].size;
    }
    *done = h.done;
    return RECS_OK;
}

recs_status recs__checkpoint_read(const recs__train_job *job, uint64_t key,
                                  const recs__checkpoint_block *blocks, size_t count,
                                  uint64_t *done, recs_error *error) {
    recs__map map = {0};
    char *path;
    *done = 0;
    if (job->checkpoint == NULL)
        return RECS_OK;
    recs_status status = path_of(job, &path, error);
    if (status != RECS_OK)
        return status;
    if (access(path, F_OK) == 0) {
        status = recs__map_open(&map, path, error);
        if (status == RECS_OK)
            status = take(path, &map, key, blocks, count, done, error);
        recs__map_close(&map);
    }
    recs__free(&job->training->host, path);
    return status;
}

recs_status recs__checkpoint_write(const recs__train_job *job, uint64_t key,
                                   const recs__checkpoint_block *blocks, size_t count,
                                   uint64_t done, recs_error *error) {
    recs__file_writer *file = NULL;
    char *path;
    if (job->checkpoint == NULL)
        return RECS_OK;
    recs_status status = path_of(job, &path, error);
    if (status != RECS_OK)
        return status;
    head h = {.key = key, .done = done, .blocks = count, .hash = hash_blocks(blocks, count)};
    memcpy(h.magic, MAGIC, sizeof h.magic);
    for (size_t b = 0; b < count; b++)
        h.bytes += blocks[b].size;
    status = recs__file_create(&file, path, &job->training->host, error);
    if (status == RECS_OK) {
        status = recs__file_write(file, &h, sizeof h, error);
        for (size_t b = 0; b < count && status == RECS_OK; b++)
            status = recs__file_write(file, blocks[b].bytes, blocks[b].size, error);
        if (status == RECS_OK)
            status = recs__file_commit(file, error);
        if (status != RECS_OK)
            recs__file_abandon(file);
    }
    recs__free(&job->training->host, path);
    return status;
}
