/* big_model.h - a generated model of any size, for benchmarks: factors from a
 * seed or a file, streamed through the public writer. Header only. */
#ifndef BENCH_BIG_MODEL_H
#define BENCH_BIG_MODEL_H

#include "base/random.h"
#include "limits.h"
#include "model/format.h"
#include "recs.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct big_model {
    uint32_t items, users;
    size_t factors;
    const float *item_factors; /* [items][stride] */
    const float *user_factors; /* [users][stride] */
    bool plain; /* without the quantised copy of the item factors */
} big_model;

static void must(recs_status status, const recs_error *error) {
    if (status) {
        fprintf(stderr, "%s\n", error->text);
        exit(1);
    }
}

/* Ids "i00000001": fixed width, so rows are in the order of the numbers. */
static void write_ids(recs_writer *writer, uint32_t count, char letter, uint32_t offsets_type,
                      uint32_t bytes_type) {
    recs_error error;
    uint64_t *offsets = limits_block((size_t)count + 1, sizeof *offsets);
    char *bytes = limits_block((size_t)count + 2, 11);
    for (uint32_t i = 0; i <= count; i++)
        offsets[i] = (uint64_t)i * 11;
    for (uint32_t i = 0; i < count; i++)
        snprintf(bytes + (size_t)i * 11, 12, "%c%09u", letter, i);
    must(recs_writer_section(writer, offsets_type, RECS_SECTION_MODEL, 0, offsets,
                             ((size_t)count + 1) * sizeof *offsets, &error),
         &error);
    must(recs_writer_section(writer, bytes_type, RECS_SECTION_MODEL, 0, bytes, (size_t)count * 11,
                             &error),
         &error);
    free(offsets);
    free(bytes);
}

static void write_section(recs_writer *writer, uint32_t type, uint32_t component,
                          const void *bytes, size_t size) {
    recs_error error;
    must(recs_writer_section(writer, type, component, 0, bytes, size, &error), &error);
}

/* Writes the model to path (NULL: into memory, *model gets it). Every user has
 * one item of history, its row modulo the items. */
static void big_model_write(const big_model *big, const char *path, recs_model **model) {
    recs_writer *writer;
    recs_error error;
    size_t items = big->items, users = big->users, stride = (big->factors + 15) / 16 * 16;
    recs__file_meta meta = {.items = big->items,
                            .users = big->users,
                            .history_entries = users,
                            .first_time = RECS_NO_TIME,
                            .last_time = RECS_NO_TIME,
                            .users_mode = RECS__USERS_FULL,
                            .components = 1,
                            .trained_users = users,
                            .trained_interactions = users};
    recs__file_component component = {.name = "als",
                                      .trainer = "als",
                                      .kind = RECS__KIND_FACTORS,
                                      .factors = (uint32_t)big->factors,
                                      .scale = 1,
                                      .scale_similar = 1,
                                      .alpha = 10,
                                      .regularization = 1,
                                      .items_trained = big->items};

    must(recs_writer_create(&writer, path, NULL, &error), &error);
    write_section(writer, RECS_SECTION_META, RECS_SECTION_MODEL, &meta, sizeof meta);
    write_section(writer, RECS_SECTION_DESCRIPTION, RECS_SECTION_MODEL, "als", 3);
    write_section(writer, RECS_SECTION_COMPONENTS, RECS_SECTION_MODEL, &component,
                  sizeof component);
    write_ids(writer, big->items, 'i', RECS_SECTION_ITEM_ID_OFFSETS, RECS_SECTION_ITEM_ID_BYTES);
    write_ids(writer, big->users, 'u', RECS_SECTION_USER_ID_OFFSETS, RECS_SECTION_USER_ID_BYTES);

    uint64_t *offsets = limits_block(users + 1, sizeof *offsets);
    uint32_t *history = limits_block(users, sizeof *history), *order = limits_block(items, sizeof *order);
    float *ones = limits_block(users > items ? users : items, sizeof *ones);
    for (size_t i = 0; i < users || i < items; i++)
        ones[i] = 1;
    for (size_t u = 0; u <= users; u++)
        offsets[u] = u;
    for (size_t u = 0; u < users; u++)
        history[u] = (uint32_t)(u % items);
    for (size_t i = 0; i < items; i++)
        order[i] = (uint32_t)i;
    write_section(writer, RECS_SECTION_HISTORY_OFFSETS, RECS_SECTION_MODEL, offsets,
                  (users + 1) * sizeof *offsets);
    write_section(writer, RECS_SECTION_HISTORY_ITEMS, RECS_SECTION_MODEL, history,
                  users * sizeof *history);
    write_section(writer, RECS_SECTION_HISTORY_VALUES, RECS_SECTION_MODEL, ones,
                  users * sizeof *ones);
    write_section(writer, RECS_SECTION_POPULAR_ORDER, RECS_SECTION_MODEL, order,
                  items * sizeof *order);
    write_section(writer, RECS_SECTION_POPULAR_SCORES, RECS_SECTION_MODEL, ones,
                  items * sizeof *ones);

    float *gram = limits_block(big->factors, sizeof *gram);
    float *norms = limits_block(items, sizeof *norms);
    memset(gram, 0, big->factors * sizeof *gram);
    for (size_t i = 0; i < items; i++)
        for (size_t j = 0; j < big->factors; j++)
            gram[j] += big->item_factors[i * stride + j] * big->item_factors[i * stride + j];
    for (size_t i = 0; i < items; i++)
        norms[i] = sqrtf(recs__kernels_get()->dot(big->item_factors + i * stride,
                                                  big->item_factors + i * stride, big->factors));
    write_section(writer, RECS_SECTION_ITEM_FACTORS, 0, big->item_factors,
                  items * stride * sizeof(float));
    if (!big->plain)
        must(recs_writer_item_codes(writer, 0, big->item_factors, 0, big->items,
                                    (uint32_t)big->factors, &error),
             &error);
    write_section(writer, RECS_SECTION_ITEM_NORMS, 0, norms, items * sizeof *norms);
    write_section(writer, RECS_SECTION_GRAM, 0, gram, big->factors * sizeof *gram);
    write_section(writer, RECS_SECTION_USER_FACTORS, 0, big->user_factors,
                  users * stride * sizeof(float));
    must(recs_writer_finish(writer, model, &error), &error);
    recs_writer_destroy(writer);
    free(offsets);
    free(history);
    free(order);
    free(ones);
    free(gram);
    free(norms);
}

/* count rows of stride floats, normal, padded with +0. */
static float *big_model_factors(size_t count, size_t factors, uint64_t seed) {
    size_t stride = (factors + 15) / 16 * 16;
    float *rows = limits_block(count * stride, sizeof *rows);
    recs__random random;
    recs__random_seed(&random, seed);
    memset(rows, 0, count * stride * sizeof *rows);
    for (size_t r = 0; r < count; r++)
        for (size_t j = 0; j < factors; j++)
            rows[r * stride + j] = recs__random_normal(&random);
    return rows;
}

#endif
