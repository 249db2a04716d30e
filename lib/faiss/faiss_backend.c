/* faiss_backend.c - what librecs-faiss exports: the vtable of recs/backend.h
 * over faiss_index.h. Checks what comes in from outside and nothing else. */
#include "faiss/faiss_index.h"
#include "recs/faiss.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int32_t check(void *user_data, const char *index, uint32_t dimension, int32_t metric,
                     char *resolved, size_t size, recs_error *error) {
    (void)user_data;
    const recs__faiss *faiss;
    recs__faiss_spec spec;
    recs_status status = recs__faiss_get(&faiss, error);
    if (status == RECS_OK)
        status = recs__faiss_spec_read(&spec, index, dimension, error);
    if (status == RECS_OK && spec.head != 0 && !recs__faiss_spec_headed(&spec, metric))
        status = recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                  "head=%u is for graphs and lists under metric=inner alone",
                                  spec.head);
    return status == RECS_OK ? recs__faiss_spec_write(&spec, resolved, size, error) : status;
}

static int32_t build(void *user_data, const recs_vector_source *source, const char *text,
                     recs_progress *progress, void *progress_data, const recs_host *host,
                     void **out, recs_error *error) {
    (void)user_data;
    recs__faiss_index *index;
    recs_status status = recs__faiss_index_create(&index, text, source->count, source->dimension,
                                                  source->metric, host, error);
    if (status != RECS_OK)
        return status;
    recs__faiss_progress told = {progress, progress_data, &index->host, NULL, 0};
    status = recs__faiss_index_build(index, source, &told, error);
    if (status == RECS_OK)
        *out = index;
    else
        recs__faiss_index_destroy(index);
    return status;
}

static int32_t save(void *user_data, const void *index, const recs_vector_sink *sink,
                    recs_error *error) {
    (void)user_data;
    return recs__faiss_index_save(index, sink, error);
}

/* "1.7.3 avx2" as one number, 0 where it is none. */
static unsigned long number_of(const char *version) {
    unsigned long number = 0;
    char *end = NULL;
    for (int part = 0; part < 3; part++) {
        unsigned long value = strtoul(version, &end, 10);
        if (end == version || value > 999)
            return 0;
        number = number * 1000 + value;
        version = *end == '.' ? end + 1 : end;
        if (*end != '.' && part < 2)
            return part == 1 ? number * 1000 : 0;
    }
    return number;
}

static int32_t open_bytes(void *user_data, const void *bytes, size_t size, const char *text,
                          const char *made_by, uint64_t count, uint32_t dimension, int32_t metric,
                          const recs_host *host, void **out, recs_error *error) {
    (void)user_data;
    recs__faiss_index *index;
    recs_status status =
        recs__faiss_index_create(&index, text, count, dimension, metric, host, error);
    if (status != RECS_OK)
        return status;
    const char *ours = index->faiss->version;
    if (strcmp(made_by, ours) != 0 &&
        (number_of(made_by) == 0 || number_of(made_by) > number_of(ours)))
        status = recs__faiss_fail(error, RECS_ERR_UNSUPPORTED,
                                  "the index was made by FAISS %.40s, expected one up to %s, "
                                  "which is loaded",
                                  made_by, ours);
    if (status == RECS_OK)
        status = recs__faiss_index_open(index, bytes, size, error);
    if (status == RECS_OK)
        *out = index;
    else
        recs__faiss_index_destroy(index);
    return status;
}

/* What a search changes of an index are its working memory and the setting
 * behind the gate; both are made for many threads. */
static recs__faiss_index *searched(const void *index) {
    recs__faiss_index *own;
    memcpy(&own, &index, sizeof own);
    return own;
}

static int32_t search(void *user_data, const void *index, const recs_vector_search *asked,
                      recs_error *error) {
    (void)user_data;
    return recs__faiss_index_search(searched(index), asked, error);
}

static uint64_t memory(void *user_data, const void *index) {
    (void)user_data;
    const recs__faiss_index *own = index;
    return sizeof *own + own->bytes;
}

static void destroy(void *user_data, void *index) {
    (void)user_data;
    recs__faiss_index_destroy(index);
}

static void effort_range(void *user_data, const void *index, uint32_t *low, uint32_t *high,
                         uint32_t *described) {
    (void)user_data;
    const recs__faiss_index *own = index;
    *low = own->effort != NULL ? 1 : 0;
    *high = own->effort != NULL ? own->effort_most : 0;
    *described = own->effort != NULL ? own->described : 0;
    if (own->effort != NULL && *high > 4096)
        *high = 4096;
    if (*high > own->count && own->count > 0)
        *high = (uint32_t)own->count;
}

/* Distances of whole vectors are right but for rounding, which the further
 * component under the inner product makes coarser; those of codes are not. */
static size_t candidates(void *user_data, const void *index, size_t wanted) {
    (void)user_data;
    const recs__faiss_index *own = index;
    size_t more = own->augmented ? wanted / 4 + 4 : 0;
    bool factory = own->spec.kind == RECS__FAISS_FACTORY;
    if (own->spec.kind == RECS__FAISS_PQ || (factory && strstr(own->spec.factory, "PQ") != NULL))
        more = wanted * 9 + 50;
    else if (own->spec.code == RECS__FAISS_CODE8 || own->spec.kind == RECS__FAISS_SQ8 ||
             (factory && strstr(own->spec.factory, "SQ") != NULL))
        more = wanted + 8;
    else if (own->spec.code == RECS__FAISS_FP16)
        more += wanted / 4 + 2;
    return wanted < SIZE_MAX / 16 ? wanted + more : wanted;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static recs_vector_backend backend = {.struct_size = sizeof backend,
                                      .name = "faiss",
                                      .version = "none",
                                      .check = check,
                                      .build = build,
                                      .save = save,
                                      .open = open_bytes,
                                      .search = search,
                                      .memory = memory,
                                      .destroy = destroy,
                                      .effort_range = effort_range,
                                      .candidates = candidates};

static void name_it(void) { backend.version = recs__faiss_version(); }

const recs_vector_backend *recs_faiss_backend(void) {
    pthread_once(&once, name_it);
    return &backend;
}

const char *recs_faiss_version(void) { return recs__faiss_version(); }

recs_status recs_faiss_check(recs_error *error) {
    const recs__faiss *faiss;
    return recs__faiss_get(&faiss, error);
}
