/* faiss_build.c - making an index from vectors, behind faiss_index.h.
 *
 * Rows come from the source in parts of PART and go into FAISS part by part, so
 * the caller is told, and may stop, after each; parts do not depend on anything
 * but their number, so the same rows give the same index. What has to be
 * trained is trained on rows spread evenly over all, in one step of FAISS's of
 * at most a few seconds, but for the centroids of an inverted file, which take
 * longest and are placed by recs__faiss_index_place. FAISS prints a warning
 * where it is given fewer than 39 rows for a centroid: it is given the rows
 * there are more than once then, which leaves their means where they are. */
#include "faiss/faiss_index.h"

#include <stdlib.h>
#include <string.h>

enum {
    PART = 1024,
    PER_CENTROID = 64,      /* rows to train on                                    */
    PER_CENTROID_LEAST = 39, /* ClusteringParameters::min_points_per_centroid      */
    TRAIN_MOST = 65536      /* for what has no centroids: ranges, rotations        */
};

/* Reads rows of the tail, by label, as FAISS sees them. */
typedef struct reader {
    recs__faiss_index *index;
    const recs_vector_source *source;
    float *given; /* [PART][dimension], where that differs */
    float *rows;  /* [PART][width] */
} reader;

static recs_status read_rows(reader *r, uint64_t first, size_t count, float *out,
                             recs_error *error) {
    recs__faiss_index *index = r->index;
    float *into = index->augmented ? r->given : out;
    for (size_t done = 0; done < count;) {
        uint32_t label = (uint32_t)(first + done);
        size_t run = recs__faiss_head_run(&index->head, label);
        run = run < count - done ? run : count - done;
        int32_t status =
            r->source->read(r->source->data, recs__faiss_head_row(&index->head, label), run,
                            into + done * index->dimension, error);
        if (status != RECS_OK)
            return (recs_status)status;
        done += run;
    }
    if (index->augmented)
        recs__faiss_index_widen(index, into, count, out);
    return RECS_OK;
}

/* The head, and how far the tail reaches. */
static recs_status part_by_length(reader *r, recs__faiss_progress *progress, recs_error *error) {
    recs__faiss_index *index = r->index;
    if (!recs__faiss_spec_headed(&index->spec, index->metric))
        return RECS_OK;
    bool far;
    size_t most = recs__faiss_spec_head(&index->spec, index->count, index->dimension, &far);
    recs_status status = recs__faiss_head_choose(&index->head, r->source, most, far,
                                                 &index->reach, &index->host, progress, error);
    if (status == RECS_OK)
        status = recs__faiss_head_fill(&index->head, index->faiss, r->source, &index->host, error);
    index->tail = index->count - index->head.count;
    return status;
}

/* want rows spread evenly; the same ones again where there are fewer. */
static recs_status sample(reader *r, size_t want, float *out, recs__faiss_progress *progress,
                          recs_error *error) {
    recs__faiss_index *index = r->index;
    size_t once = index->tail < want ? (size_t)index->tail : want;
    for (size_t i = 0; i < once;) {
        uint64_t first = (uint64_t)((unsigned __int128)i * index->tail / once);
        size_t run = 1;
        if (once == index->tail)
            run = once - i < PART ? once - i : PART;
        recs_status status = read_rows(r, first, run, out + i * index->width, error);
        i += run;
        if (status == RECS_OK)
            status = recs__faiss_tell(progress, "reading vectors to train on", i, once, error);
        if (status != RECS_OK)
            return status;
    }
    for (size_t i = once; i < want; i++)
        memcpy(out + i * index->width, out + (i - once) * index->width,
               index->width * sizeof *out);
    return RECS_OK;
}

/* The number behind IVF in a description, or 0. */
static uint32_t lists_of(const char *factory) {
    const char *at = strstr(factory, "IVF");
    return at != NULL ? (uint32_t)strtoul(at + 3, NULL, 10) : 0;
}

/* Whether the coarse quantizer is a plain list of centroids: IVF4096, and not
 * IVF4096_HNSW32 or IVF4096(…). */
static bool plain_lists(const recs__faiss_index *index) {
    if (index->spec.kind == RECS__FAISS_IVF)
        return true;
    const char *at = index->spec.factory;
    if (index->spec.kind != RECS__FAISS_FACTORY || strncmp(at, "IVF", 3) != 0)
        return false;
    at += 3;
    at += strspn(at, "0123456789");
    return *at == ',';
}

static recs_status train(reader *r, uint32_t lists, recs__faiss_progress *progress,
                         recs_error *error) {
    recs__faiss_index *index = r->index;
    const recs__faiss_calls *call = &index->faiss->call;
    if (call->Index_is_trained(index->index))
        return RECS_OK;
    bool place = lists != 0 && plain_lists(index);
    uint64_t centroids = UINT64_C(1) << (index->spec.kind == RECS__FAISS_PQ ? index->spec.bits : 8);
    uint64_t most = (lists > centroids ? lists : centroids) * PER_CENTROID;
    uint64_t least = (lists > centroids ? lists : centroids) * PER_CENTROID_LEAST;
    if (index->spec.kind == RECS__FAISS_SQ8 || index->spec.kind == RECS__FAISS_HNSW ||
        (index->spec.kind == RECS__FAISS_FACTORY && most < TRAIN_MOST))
        most = TRAIN_MOST;
    uint64_t want = index->tail < most ? index->tail : most;
    if (want < least)
        want = least;

    size_t size = (size_t)want * index->width * sizeof(float);
    float *rows = recs__faiss_allocate(&index->host, size);
    if (rows == NULL)
        return recs__faiss_fail_memory(error, size);
    recs_status status = sample(r, (size_t)want, rows, progress, error);
    if (status == RECS_OK && place)
        status = recs__faiss_index_place(index, rows, (size_t)want, progress, error);
    if (status == RECS_OK)
        status = recs__faiss_tell(progress, "training the index", 0, 1, error);
    if (status == RECS_OK) {
        /* With the centroids placed only ranges of residuals are left. */
        int64_t count = place && want > TRAIN_MOST ? TRAIN_MOST : (int64_t)want;
        if (call->Index_train(index->index, count, rows) != 0)
            status = recs__faiss_fail_call(index->faiss, error, RECS_ERR_ARGUMENT, "training");
    }
    if (status == RECS_OK)
        status = recs__faiss_tell(progress, "training the index", 1, 1, error);
    recs__faiss_release(&index->host, rows);
    return status;
}

static recs_status add(reader *r, recs__faiss_progress *progress, recs_error *error) {
    recs__faiss_index *index = r->index;
    for (uint64_t first = 0; first < index->tail; first += PART) {
        size_t count = index->tail - first < PART ? (size_t)(index->tail - first) : PART;
        recs_status status = read_rows(r, first, count, r->rows, error);
        if (status != RECS_OK)
            return status;
        if (index->faiss->call.Index_add(index->index, (int64_t)count, r->rows) != 0)
            return recs__faiss_fail_call(index->faiss, error, RECS_ERR_ARGUMENT, "adding vectors");
        status = recs__faiss_tell(progress, "adding to the index", first + count, index->tail,
                                  error);
        if (status != RECS_OK)
            return status;
    }
    if ((uint64_t)index->faiss->call.Index_ntotal(index->index) != index->tail)
        return recs__faiss_fail(error, RECS_ERR_UNSUPPORTED,
                                "FAISS %s holds %lld of %llu vectors", index->faiss->version,
                                (long long)index->faiss->call.Index_ntotal(index->index),
                                (unsigned long long)index->tail);
    return RECS_OK;
}

static recs_status make(reader *r, recs__faiss_progress *progress, recs_error *error) {
    recs__faiss_index *index = r->index;
    const recs__faiss_calls *call = &index->faiss->call;
    recs_status status = part_by_length(r, progress, error);
    if (status != RECS_OK)
        return status;

    char factory[RECS__FAISS_FACTORY_MOST + 1];
    recs__faiss_spec_factory(&index->spec, index->tail, factory, sizeof factory);
    uint32_t lists = lists_of(factory);
    if (lists == 0 && strstr(factory, "IVF") != NULL) /* FAISS divides by it */
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT, "%s: expected a number of lists above 0",
                                factory);
    if (lists > index->tail)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                "%s has %u lists, expected at most the number of vectors, %llu",
                                factory, lists, (unsigned long long)index->tail);
    bool inner = index->metric == RECS_METRIC_INNER && !index->augmented;
    if (call->index_factory(&index->index, (int)index->width, factory,
                            inner ? RECS__FAISS_INNER : RECS__FAISS_L2) != 0) {
        index->index = NULL;
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_ARGUMENT, factory);
    }
    if (index->spec.kind == RECS__FAISS_HNSW &&
        call->ParameterSpace_set_index_parameter(index->faiss->space, index->index,
                                                 "efConstruction",
                                                 index->spec.ef_construction) != 0)
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_ARGUMENT, "ef_construction");
    status = train(r, lists, progress, error);
    if (status == RECS_OK)
        status = add(r, progress, error);
    if (status == RECS_OK)
        status = recs__faiss_index_settle(index, error);
    return status;
}

recs_status recs__faiss_index_build(recs__faiss_index *index, const recs_vector_source *source,
                                    recs__faiss_progress *progress, recs_error *error) {
    if (index->count == 0)
        return recs__faiss_fail(error, RECS_ERR_ARGUMENT,
                                "no vectors, expected at least one to build an index of");
    size_t given = index->augmented ? (size_t)PART * index->dimension : 0;
    size_t size = (given + (size_t)PART * index->width) * sizeof(float);
    reader r = {index, source, NULL, recs__faiss_allocate(&index->host, size)};
    if (r.rows == NULL)
        return recs__faiss_fail_memory(error, size);
    r.given = r.rows + (size_t)PART * index->width;

    int threads = recs__faiss_alone(index->faiss);
    recs_status status = make(&r, progress, error);
    recs__faiss_alone_end(index->faiss, threads);
    recs__faiss_release(&index->host, r.rows);
    if (status == RECS_OK)
        index->bytes = recs__faiss_index_measure(index);
    return status;
}
