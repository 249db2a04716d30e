#include "support/made_vectors.h"

#include "base/error.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

made_vectors made_vectors_of(size_t count, uint32_t dimension, const char *prefix, uint64_t seed,
                             int coarse) {
    made_vectors made = {.dimension = dimension, .count = count};
    recs__random random;
    recs__random_seed(&random, seed);
    made.bytes = malloc(count * 32 + 1);
    made.offsets = malloc((count + 1) * sizeof *made.offsets);
    made.values = malloc((count * dimension + 1) * sizeof *made.values);
    size_t *order = malloc((count + 1) * sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)recs__random_below(&random, i), swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
    made.offsets[0] = 0;
    for (size_t i = 0; i < count; i++)
        made.offsets[i + 1] = made.offsets[i] + (uint32_t)snprintf(made.bytes + made.offsets[i], 32,
                                                                   "%s%zu", prefix, order[i]);
    for (size_t i = 0; i < count * dimension; i++)
        made.values[i] = coarse ? (float)recs__random_below(&random, 3) - 1.0f
                                : recs__random_normal(&random);
    for (size_t i = 0; coarse && i < count; i++)
        made.values[i * dimension] = 1.0f; /* none is zero */
    free(order);
    return made;
}

void made_vectors_free(made_vectors *made) {
    free(made->bytes);
    free(made->offsets);
    free(made->values);
}

size_t made_vectors_find(const made_vectors *made, const char *id) {
    size_t size = strlen(id);
    for (size_t i = 0; i < made->count; i++)
        if (made->offsets[i + 1] - made->offsets[i] == size &&
            memcmp(made->bytes + made->offsets[i], id, size) == 0)
            return i;
    return SIZE_MAX;
}

float made_vectors_score(int32_t metric, const float *query, const float *stored,
                         uint32_t dimension) {
    double dot = 0, q = 0, x = 0, distance = 0;
    for (uint32_t j = 0; j < dimension; j++) {
        dot += (double)query[j] * stored[j];
        q += (double)query[j] * query[j];
        x += (double)stored[j] * stored[j];
        distance += ((double)query[j] - stored[j]) * ((double)query[j] - stored[j]);
    }
    return (float)(metric == RECS_METRIC_INNER    ? dot
                   : metric == RECS_METRIC_COSINE ? dot / sqrt(q * x)
                                                  : -distance);
}

/* ---- a backend -------------------------------------------------------------------------- */

uint32_t made_backend_miss;
int made_backend_blind;
atomic_uint made_backend_calls;

typedef struct made_index {
    uint32_t magic, dimension;
    int32_t metric;
    uint32_t reserved;
    uint64_t count;
    float *values; /* owned, or NULL where borrowed from bytes */
    const float *rows;
    recs_host host;
} made_index;

enum { MAGIC = 0x4D414445, HEADER = 24 };

static int32_t check(void *user, const char *index, uint32_t dimension, int32_t metric,
                     char *resolved, size_t size, recs_error *error) {
    (void)user, (void)dimension, (void)metric;
    if (strncmp(index, "made", 4) != 0)
        return recs__fail(error, RECS_ERR_ARGUMENT, "unknown index \"%s\", expected made", index);
    snprintf(resolved, size, "made(effort=7)");
    return RECS_OK;
}

static int32_t build(void *user, const recs_vector_source *source, const char *index,
                     recs_progress *progress, void *data, const recs_host *host, void **out,
                     recs_error *error) {
    (void)user, (void)index;
    if (progress != NULL && progress(data, "made index", 0, source->count) != 0)
        return recs__fail(error, RECS_ERR_CANCELLED, "cancelled by the caller");
    size_t numbers = (size_t)source->count * source->dimension;
    made_index *made = host->allocate(host->memory_data, sizeof *made);
    float *values = made != NULL ? host->allocate(host->memory_data, (numbers + 1) * sizeof *values)
                                 : NULL;
    if (values == NULL) {
        if (made != NULL)
            host->release(host->memory_data, made);
        return recs__fail(error, RECS_ERR_MEMORY, "out of memory in the made backend");
    }
    *made = (made_index){MAGIC, source->dimension, source->metric, 0, source->count, values, values,
                         *host};
    for (uint64_t row = 0; row < source->count; row++) {
        int32_t status = source->read(source->data, row, 1, values + row * source->dimension, error);
        if (status != RECS_OK) {
            host->release(host->memory_data, values);
            host->release(host->memory_data, made);
            return status;
        }
    }
    *out = made;
    return RECS_OK;
}

static int32_t save(void *user, const void *index, const recs_vector_sink *sink,
                    recs_error *error) {
    (void)user;
    const made_index *made = index;
    int32_t status = sink->write(sink->data, made, HEADER, error);
    if (status == RECS_OK)
        status = sink->write(sink->data, made->rows,
                             (size_t)made->count * made->dimension * sizeof(float), error);
    return status;
}

static int32_t open_bytes(void *user, const void *bytes, size_t size, const char *index,
                          const char *made_by, uint64_t count, uint32_t dimension, int32_t metric,
                          const recs_host *host, void **out, recs_error *error) {
    (void)user, (void)index;
    made_index head = {0};
    if (size >= HEADER)
        memcpy(&head, bytes, HEADER);
    if (strcmp(made_by, "1") != 0)
        return recs__fail(error, RECS_ERR_UNSUPPORTED, "an index of version %s, this is 1", made_by);
    if (head.magic != MAGIC || head.count != count || head.dimension != dimension ||
        head.metric != metric || size != HEADER + count * dimension * sizeof(float))
        return recs__fail(error, RECS_ERR_CORRUPT, "the made index is truncated or not one");
    made_index *made = host->allocate(host->memory_data, sizeof *made);
    if (made == NULL)
        return recs__fail(error, RECS_ERR_MEMORY, "out of memory in the made backend");
    *made = head;
    made->values = NULL;
    made->rows = (const float *)(const void *)((const char *)bytes + HEADER);
    made->host = *host;
    *out = made;
    return RECS_OK;
}

static int32_t search(void *user, const void *index, const recs_vector_search *asked,
                      recs_error *error) {
    made_backend_calls++;
    (void)user, (void)error;
    const made_index *made = index;
    float *scores = malloc(asked->candidates * sizeof *scores);
    for (size_t q = 0; q < asked->count; q++) {
        size_t found = 0;
        uint32_t *rows = asked->rows + q * asked->candidates;
        const float *query = asked->queries + q * made->dimension;
        for (uint32_t row = 0; row < made->count; row++) {
            if (made_backend_miss != 0 && row % made_backend_miss == 0)
                continue;
            if (!made_backend_blind && asked->allowed != NULL &&
                (asked->allowed[row >> 3] >> (row & 7) & 1) == 0)
                continue;
            float score = made_vectors_score(made->metric, query,
                                             made->rows + (size_t)row * made->dimension,
                                             made->dimension);
            size_t at = found < asked->candidates ? found++ : found;
            if (at == found && !(score > scores[found - 1]))
                continue;
            for (at = at == found ? found - 1 : at; at > 0 && scores[at - 1] < score; at--) {
                scores[at] = scores[at - 1];
                rows[at] = rows[at - 1];
            }
            scores[at] = score;
            rows[at] = row;
        }
    }
    free(scores);
    return RECS_OK;
}

static uint64_t memory(void *user, const void *index) {
    (void)user;
    const made_index *made = index;
    return sizeof *made + (made->values != NULL ? made->count * made->dimension * 4 : 0);
}

static void destroy(void *user, void *index) {
    (void)user;
    made_index *made = index;
    recs_host host = made->host;
    if (made->values != NULL)
        host.release(host.memory_data, made->values);
    host.release(host.memory_data, made);
}

static void effort_range(void *user, const void *index, uint32_t *low, uint32_t *high,
                         uint32_t *described) {
    (void)user, (void)index;
    *low = 1, *high = 100, *described = 7;
}

const recs_vector_backend made_backend = {.struct_size = sizeof made_backend,
                                          .name = "made",
                                          .version = "1",
                                          .check = check,
                                          .build = build,
                                          .save = save,
                                          .open = open_bytes,
                                          .search = search,
                                          .memory = memory,
                                          .destroy = destroy,
                                          .effort_range = effort_range};
