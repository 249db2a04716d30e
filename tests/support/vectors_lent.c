/* vectors_lent.c - lent vectors and the brute-force answer. */
#include "support/vectors_lent.h"

#include "base/random.h"
#include "support/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLUSTERS = 32, K_MOST = 1024 };

static void fill(const vectors_lent *v, float *out, size_t count, recs__random *random) {
    recs__random centres;
    recs__random_seed(&centres, 77);
    float *centre = malloc((size_t)CLUSTERS * v->dimension * sizeof *centre);
    assert_non_null(centre);
    for (size_t i = 0; i < (size_t)CLUSTERS * v->dimension; i++)
        centre[i] = recs__random_normal(&centres);
    for (size_t r = 0; r < count; r++) {
        const float *c = centre + recs__random_below(random, CLUSTERS) * v->dimension;
        double sum = 0.0;
        float *row = out + r * v->dimension;
        for (uint32_t j = 0; j < v->dimension; j++) {
            row[j] = c[j] + 0.7f * recs__random_normal(random);
            sum += (double)row[j] * row[j];
        }
        double scale = 1.0;
        if (v->metric == RECS_METRIC_COSINE)
            scale = 1.0 / sqrt(sum);
        else if (v->metric == RECS_METRIC_INNER)
            scale = pow(10.0, recs__random_double(random) - 0.5);
        for (uint32_t j = 0; j < v->dimension; j++)
            row[j] = (float)(row[j] * scale);
    }
    free(centre);
}

void vectors_make(vectors_lent *v, uint64_t count, uint32_t dimension, int32_t metric,
                  uint64_t seed) {
    memset(v, 0, sizeof *v);
    v->count = count;
    v->dimension = dimension;
    v->metric = metric;
    v->rows = malloc((size_t)count * dimension * sizeof *v->rows);
    assert_non_null(v->rows);
    recs__random random;
    recs__random_seed(&random, seed);
    fill(v, v->rows, (size_t)count, &random);
}

void vectors_free(vectors_lent *v) { free(v->rows); }

static int32_t read_rows(void *data, uint64_t first, size_t count, float *out,
                         recs_error *error) {
    vectors_lent *v = data;
    assert_true(first + count <= v->count);
    v->reads++;
    if (v->refuse_after != 0 && v->reads > v->refuse_after) {
        error->status = RECS_ERR_CALLBACK;
        strcpy(error->text, "the source refuses");
        return RECS_ERR_CALLBACK;
    }
    memcpy(out, v->rows + first * v->dimension, count * v->dimension * sizeof *out);
    return RECS_OK;
}

recs_vector_source vectors_source(vectors_lent *v) {
    return (recs_vector_source){sizeof(recs_vector_source), v->count, v->dimension, v->metric, v,
                                read_rows};
}

float *vectors_queries(const vectors_lent *v, size_t count, uint64_t seed) {
    float *out = malloc(count * v->dimension * sizeof *out);
    assert_non_null(out);
    recs__random random;
    recs__random_seed(&random, seed);
    fill(v, out, count, &random);
    return out;
}

static double score(const vectors_lent *v, const float *query, const float *row) {
    double sum = 0.0;
    for (uint32_t j = 0; j < v->dimension; j++) {
        double difference = (double)query[j] - row[j];
        sum += v->metric == RECS_METRIC_L2 ? -difference * difference : (double)query[j] * row[j];
    }
    return sum;
}

void vectors_best(const vectors_lent *v, const float *query, const uint8_t *allowed, size_t k,
                  uint32_t *rows) {
    double best[K_MOST];
    size_t held = 0;
    assert_true(k <= K_MOST);
    for (uint32_t r = 0; r < v->count; r++) {
        if (allowed != NULL && (allowed[r >> 3] >> (r & 7) & 1) == 0)
            continue;
        double s = score(v, query, v->rows + (size_t)r * v->dimension);
        size_t at = held < k ? held++ : k;
        if (at == k && !(s > best[k - 1]))
            continue;
        at = at == k ? k - 1 : at;
        for (; at > 0 && best[at - 1] < s; at--) {
            best[at] = best[at - 1];
            rows[at] = rows[at - 1];
        }
        best[at] = s;
        rows[at] = r;
    }
    for (; held < k; held++)
        rows[held] = RECS_NO_ROW;
}

size_t vectors_hits(const uint32_t *rows, const uint32_t *best, size_t k) {
    size_t hits = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            hits += rows[i] == best[j] && rows[i] != RECS_NO_ROW;
    return hits;
}

static int32_t write_bytes(void *data, const void *bytes, size_t size, recs_error *error) {
    bytes_sink *sink = data;
    if (sink->refuse_at != 0 && sink->size + size > sink->refuse_at) {
        error->status = RECS_ERR_CALLBACK;
        strcpy(error->text, "the sink is full");
        return RECS_ERR_CALLBACK;
    }
    if (sink->size + size > sink->room) {
        sink->room = 2 * (sink->size + size);
        sink->bytes = realloc(sink->bytes, sink->room);
        assert_non_null(sink->bytes);
    }
    memcpy(sink->bytes + sink->size, bytes, size);
    sink->size += size;
    return RECS_OK;
}

recs_vector_sink bytes_to(bytes_sink *sink) {
    return (recs_vector_sink){sizeof(recs_vector_sink), sink, write_bytes};
}
