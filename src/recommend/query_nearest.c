/* query_nearest.c - the setters of a query that speak of vectors and of filters by
 * bitmap and predicate. They behave as those of query.c. */
#include "base/error.h"
#include "recommend/query.h"
#include "recs/vectors.h"
#include "search/room.h"

#include <math.h>
#include <string.h>

static recs_status set_vector(recs_query *query, const float *vector, uint32_t dimension,
                              recs_error *error) {
    recs__request *request = &query->request;
    if (vector == NULL || dimension == 0 || dimension > RECS_DIMENSION_MAX)
        return recs__fail(error, RECS_ERR_ARGUMENT, "vector %s, dimension %u: expected 1 to %d numbers",
                          vector == NULL ? "NULL" : "given", dimension, RECS_DIMENSION_MAX);
    for (uint32_t j = 0; j < dimension; j++)
        if (!isfinite(vector[j]))
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "query vector, column %u: %s, expected a finite number", j,
                              isnan(vector[j]) ? "NaN" : "an infinity");
    recs_status status =
        recs__room_fresh(&query->host, (void **)&request->vector, &request->vector_capacity,
                         dimension, sizeof *request->vector, error);
    if (status != RECS_OK)
        return status;
    memcpy(request->vector, vector, dimension * sizeof *vector);
    request->dimension = dimension;
    return RECS_OK;
}

recs_status recs_query_vector(recs_query *query, const float *vector, uint32_t dimension) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    return recs__query_settle(query, set_vector(query, vector, dimension, &failed), &failed);
}

recs_status recs_query_merge(recs_query *query, int32_t merge) {
    recs_error failed = {0};
    recs_status status = RECS_OK;
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    if (merge == RECS_MERGE_CENTROID || merge == RECS_MERGE_BEST)
        query->request.merge = merge;
    else
        status = recs__fail(&failed, RECS_ERR_ARGUMENT,
                            "merge is %d, expected %d (centroid) or %d (best)", merge,
                            RECS_MERGE_CENTROID, RECS_MERGE_BEST);
    return recs__query_settle(query, status, &failed);
}

recs_status recs_query_radius(recs_query *query, float radius) {
    recs_error failed = {0};
    recs_status status = RECS_OK;
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    if (isnan(radius)) {
        status = recs__fail(&failed, RECS_ERR_ARGUMENT, "radius is NaN, expected a number");
    } else {
        query->request.radius = radius;
        query->request.has_radius = true;
    }
    return recs__query_settle(query, status, &failed);
}

recs_status recs_query_effort(recs_query *query, uint32_t effort) {
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    query->request.effort = effort;
    return recs__query_settle(query, RECS_OK, NULL);
}

static recs_status set_bits(recs_query *query, const uint64_t *bits, size_t count,
                            recs_error *error) {
    recs__request *request = &query->request;
    size_t words = count / 64 + (count % 64 != 0);
    if ((bits == NULL && count != 0) || count > INT32_MAX)
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "allow bits %s, count %zu: expected at most 2147483647 rows",
                          bits == NULL ? "NULL" : "given", count);
    recs_status status =
        recs__room_fresh(&query->host, (void **)&request->allow_bits, &request->allow_bit_capacity,
                         words, sizeof *request->allow_bits, error);
    if (status != RECS_OK)
        return status;
    if (words != 0)
        memcpy(request->allow_bits, bits, words * sizeof *bits);
    if (count % 64 != 0)
        request->allow_bits[words - 1] &= (UINT64_C(1) << count % 64) - 1;
    request->allow_bit_count = count;
    request->allow_masked = true;
    return RECS_OK;
}

recs_status recs_query_allow_bits(recs_query *query, const uint64_t *bits, size_t count) {
    recs_error failed = {0};
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    return recs__query_settle(query, set_bits(query, bits, count, &failed), &failed);
}

recs_status recs_query_predicate(recs_query *query, recs_predicate *predicate, void *user_data) {
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    query->request.predicate = predicate;
    query->request.predicate_data = user_data;
    return recs__query_settle(query, RECS_OK, NULL);
}

recs_status recs_query_overlay(recs_query *query, const recs_vectors *vectors) {
    if (query == NULL)
        return RECS_ERR_ARGUMENT;
    query->request.overlay = vectors;
    return recs__query_settle(query, RECS_OK, NULL);
}
