/* predicate.c - asking the host's own filter, 64 ids at a time: packed on the
 * stack, so that it may be asked from many threads and allocates nothing. */
#include "base/error.h"
#include "recommend/query.h"

#include <string.h>

enum { ASK_IDS = 64, ASK_BYTES = ASK_IDS * RECS_ID_MAX };

typedef struct asking {
    char bytes[ASK_BYTES];
    uint32_t offsets[ASK_IDS + 1];
    uint32_t rows[ASK_IDS];
    uint8_t keep[ASK_IDS];
    size_t count;
} asking;

static recs_status ask(const recs_query *query, asking *batch, recs__filter *filter, size_t *kept,
                       recs_error *error) {
    const recs__request *request = &query->request;
    if (batch->count == 0)
        return RECS_OK;
    memset(batch->keep, 1, batch->count);
    int32_t said = request->predicate(request->predicate_data, batch->bytes, batch->offsets,
                                      batch->count, batch->keep);
    if (said != RECS_OK)
        return recs__fail(error, (recs_status)said,
                          "the predicate of the query returned %d (%s) for a batch of %zu ids", said,
                          recs_status_text((recs_status)said), batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        recs_status status = RECS_OK;
        if (batch->keep[i] == 0)
            status = recs__filter_exclude(filter, &query->host, batch->rows[i], error);
        else if (kept != NULL)
            ++*kept;
        if (status != RECS_OK)
            return status;
    }
    batch->count = 0;
    return RECS_OK;
}

static recs_status put(const recs_query *query, asking *batch, recs__id_of *id_of,
                       const void *context, uint32_t row, recs__filter *filter, size_t *kept,
                       recs_error *error) {
    size_t size = 0, at = batch->count;
    const char *id = id_of(context, row, &size);
    if (id == NULL || size > RECS_ID_MAX)
        return recs__filter_exclude(filter, &query->host, row, error); /* a damaged id */
    if (at == 0)
        batch->offsets[0] = 0;
    memcpy(batch->bytes + batch->offsets[at], id, size);
    batch->offsets[at + 1] = batch->offsets[at] + (uint32_t)size;
    batch->rows[at] = row;
    batch->count++;
    return batch->count == ASK_IDS ? ask(query, batch, filter, kept, error) : RECS_OK;
}

recs_status recs__predicate_ask(const recs_query *query, recs__id_of *id_of, const void *context,
                                const uint32_t *rows, size_t count, recs__filter *filter,
                                size_t *kept, recs_error *error) {
    asking batch;
    batch.count = 0;
    recs_status status = RECS_OK;
    for (size_t i = 0; status == RECS_OK && i < count; i++)
        status = put(query, &batch, id_of, context, rows[i], filter, kept, error);
    return status == RECS_OK ? ask(query, &batch, filter, kept, error) : status;
}

recs_status recs__predicate_all(const recs_query *query, recs__id_of *id_of, const void *context,
                                recs__filter *filter, recs_error *error) {
    asking batch;
    batch.count = 0;
    recs_status status = RECS_OK;
    for (uint32_t row = 0; status == RECS_OK && row < filter->rows; row++)
        if (recs__filter_eligible(filter, row))
            status = put(query, &batch, id_of, context, row, filter, NULL, error);
    return status == RECS_OK ? ask(query, &batch, filter, NULL, error) : status;
}
