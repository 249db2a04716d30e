/* faiss_index.c - beginning and end of an index, and its vectors as FAISS sees
 * them; behind faiss_index.h. */
#include "faiss/faiss_index.h"

#include <math.h>
#include <string.h>

enum { DIMENSION_MOST = 65536, EF_MOST = 65536 };

recs_status recs__faiss_index_create(recs__faiss_index **out, const char *text,
                                     uint64_t count, uint32_t dimension, int32_t metric,
                                     const recs_host *host, recs_error *error) {
    const recs__faiss *faiss;
    recs__faiss_spec spec;
    recs_status status = recs__faiss_get(&faiss, error);
    if (status != RECS_OK)
        return status;
    if (dimension < 1 || dimension > DIMENSION_MOST)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT, "dimension %u, expected 1 to %d",
                                dimension, DIMENSION_MOST);
    if (metric < RECS_METRIC_INNER || metric > RECS_METRIC_L2)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT, "metric %d, expected a recs_metric",
                                metric);
    if (count >= UINT64_C(1) << 31)
        return recs__faiss_fail(error, RECS_ERR_LIMIT, "%llu vectors, expected less than 2^31",
                                (unsigned long long)count);
    status = recs__faiss_spec_read(&spec, text, dimension, error);
    if (status != RECS_OK)
        return status;

    recs_host own;
    recs__faiss_host_copy(&own, host);
    recs__faiss_index *index = recs__faiss_allocate(&own, sizeof *index);
    if (index == NULL)
        return recs__faiss_fail_memory(error, sizeof *index);
    memset(index, 0, sizeof *index);
    index->host = own;
    index->faiss = faiss;
    index->spec = spec;
    index->count = index->tail = count;
    index->dimension = index->width = dimension;
    index->metric = metric;
    index->augmented = recs__faiss_spec_augmented(&spec, metric);
    if (index->augmented)
        index->width = (dimension + 1 + 3) & ~UINT32_C(3);
    *out = index;
    return RECS_OK;
}

void recs__faiss_index_destroy(recs__faiss_index *index) {
    if (index == NULL)
        return;
    if (index->index != NULL)
        index->faiss->call.Index_free(index->index);
    recs__faiss_head_free(&index->head, index->faiss, &index->host);
    for (int i = 0; i < RECS__FAISS_SCRATCHES; i++)
        recs__faiss_release(&index->host, atomic_load(&index->scratch[i]));
    recs_host host = index->host;
    recs__faiss_release(&host, index);
}

recs_status recs__faiss_index_settle(recs__faiss_index *index, recs_error *error) {
    const recs__faiss_calls *call = &index->faiss->call;
    index->effort = recs__faiss_spec_effort(&index->spec, &index->described);
    index->effort_most = EF_MOST;
    FaissIndex *lists = call->IndexIVF_cast(index->index);
    if (lists != NULL) {
        size_t most = call->IndexIVF_nlist(lists);
        index->effort_most = most < RECS__FAISS_SETTING_MOST ? (uint32_t)most
                                                             : RECS__FAISS_SETTING_MOST;
    }
    if (index->described > index->effort_most)
        index->described = index->effort_most;
    if (index->spec.kind == RECS__FAISS_HNSW)
        index->params = call->SearchParametersHNSW_new_with != NULL;
    if (index->spec.kind == RECS__FAISS_IVF)
        index->params = call->SearchParametersIVF_new_with != NULL;
    index->params = index->params && call->Index_search_with_params != NULL &&
                    call->IDSelectorBitmap_new != NULL && call->SearchParameters_free != NULL;
    if (index->effort != NULL &&
        call->ParameterSpace_set_index_parameter(index->faiss->space, index->index, index->effort,
                                                 index->described) != 0)
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_ARGUMENT, index->effort);
    return RECS_OK;
}

static double square(const float *row, uint32_t dimension) {
    double sum = 0.0;
    for (uint32_t i = 0; i < dimension; i++)
        sum += (double)row[i] * row[i];
    return sum;
}

void recs__faiss_index_widen(const recs__faiss_index *index, const float *rows, size_t count,
                             float *out) {
    double reach = (double)index->reach * index->reach;
    for (size_t r = 0; r < count; r++) {
        const float *row = rows + r * index->dimension;
        float *wide = out + r * index->width;
        double rest = reach - square(row, index->dimension);
        memcpy(wide, row, index->dimension * sizeof *row);
        wide[index->dimension] = rest > 0.0 ? (float)sqrt(rest) : 0.0f;
        for (uint32_t i = index->dimension + 1; i < index->width; i++)
            wide[i] = 0.0f;
    }
}
