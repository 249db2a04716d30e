/* faiss_place.c - where the centroids of an inverted file go, behind
 * faiss_index.h.
 *
 * Lloyd's iterations with FAISS doing the assigning, because FAISS's own k-means
 * is one call that nothing can stop or look into and that writes to stderr. The
 * beginning is a random choice of rows with a fixed seed; a list that nothing
 * falls into takes half of the fullest one, as FAISS does. */
#include "faiss/faiss_index.h"

#include <string.h>

enum { ITERATIONS = 10, BLOCK = 4096 };

typedef struct placing {
    recs__faiss_index *index;
    FaissIndex *quantizer;
    const float *rows;
    size_t count, lists, width;
    float *centroids; /* [lists][width] */
    float *sums;      /* [lists][width] */
    uint64_t *sizes;  /* [lists]        */
    int64_t *labels;  /* [BLOCK]        */
} placing;

static uint64_t next_random(uint64_t *state) { /* splitmix64, Steele et al. 2014 */
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* lists of count rows, each at most once (Knuth's selection sampling). */
static void choose(placing *p) {
    uint64_t random = 1234;
    size_t taken = 0;
    for (size_t i = 0; i < p->count && taken < p->lists; i++)
        if (next_random(&random) % (p->count - i) < p->lists - taken)
            memcpy(p->centroids + taken++ * p->width, p->rows + i * p->width,
                   p->width * sizeof(float));
}

static recs_status seat(placing *p, recs_error *error) {
    const recs__faiss *faiss = p->index->faiss;
    if (faiss->call.Index_reset(p->quantizer) != 0 ||
        faiss->call.Index_add(p->quantizer, (int64_t)p->lists, p->centroids) != 0)
        return recs__faiss_fail_call(faiss, error, RECS_ERR_ARGUMENT, "placing the lists");
    return RECS_OK;
}

static recs_status assign(placing *p, int iteration, recs__faiss_progress *progress,
                          recs_error *error) {
    memset(p->sums, 0, p->lists * p->width * sizeof *p->sums);
    memset(p->sizes, 0, p->lists * sizeof *p->sizes);
    for (size_t first = 0; first < p->count; first += BLOCK) {
        size_t count = p->count - first < BLOCK ? p->count - first : BLOCK;
        const float *rows = p->rows + first * p->width;
        if (p->index->faiss->call.Index_assign(p->quantizer, (int64_t)count, rows, p->labels, 1) !=
            0)
            return recs__faiss_fail_call(p->index->faiss, error, RECS_ERR_ARGUMENT,
                                         "placing the lists");
        for (size_t i = 0; i < count; i++) {
            if (p->labels[i] < 0 || (size_t)p->labels[i] >= p->lists)
                continue;
            float *sum = p->sums + (size_t)p->labels[i] * p->width;
            for (size_t j = 0; j < p->width; j++)
                sum[j] += rows[i * p->width + j];
            p->sizes[p->labels[i]]++;
        }
        recs_status status =
            recs__faiss_tell(progress, "placing the lists",
                             (uint64_t)iteration * p->count + first + count,
                             (uint64_t)ITERATIONS * p->count, error);
        if (status != RECS_OK)
            return status;
    }
    return RECS_OK;
}

/* The empty list takes half of the fullest: both stand a little aside of its mean. */
static void split(placing *p, size_t empty) {
    size_t fullest = 0;
    for (size_t l = 1; l < p->lists; l++)
        if (p->sizes[l] > p->sizes[fullest])
            fullest = l;
    float *to = p->centroids + empty * p->width, *from = p->centroids + fullest * p->width;
    for (size_t j = 0; j < p->width; j++) {
        float aside = (j & 1 ? -1.0f : 1.0f) / 1024.0f;
        to[j] = from[j] * (1.0f + aside);
        from[j] *= 1.0f - aside;
    }
    p->sizes[empty] = p->sizes[fullest] / 2;
    p->sizes[fullest] -= p->sizes[empty];
}

static void move(placing *p) {
    for (size_t l = 0; l < p->lists; l++) {
        float share = p->sizes[l] != 0 ? 1.0f / (float)p->sizes[l] : 0.0f;
        for (size_t j = 0; p->sizes[l] != 0 && j < p->width; j++)
            p->centroids[l * p->width + j] = p->sums[l * p->width + j] * share;
    }
    for (size_t l = 0; l < p->lists; l++)
        if (p->sizes[l] == 0)
            split(p, l);
}

recs_status recs__faiss_index_place(recs__faiss_index *index, const float *rows, size_t count,
                                    recs__faiss_progress *progress, recs_error *error) {
    const recs__faiss_calls *call = &index->faiss->call;
    FaissIndex *lists = call->IndexIVF_cast(index->index);
    if (lists == NULL)
        return RECS_OK; /* wrapped in something: FAISS trains it */
    placing p = {.index = index,
                 .quantizer = call->IndexIVF_quantizer(lists),
                 .rows = rows,
                 .count = count,
                 .lists = call->IndexIVF_nlist(lists),
                 .width = index->width};
    size_t floats = p.lists * p.width * sizeof(float);
    size_t size = 2 * floats + p.lists * sizeof *p.sizes + BLOCK * sizeof *p.labels;
    char *memory = recs__faiss_allocate(&index->host, size);
    if (memory == NULL)
        return recs__faiss_fail_memory(error, size);
    p.sizes = (uint64_t *)(void *)memory;
    p.labels = (int64_t *)(void *)(p.sizes + p.lists);
    p.centroids = (float *)(void *)(p.labels + BLOCK);
    p.sums = p.centroids + p.lists * p.width;

    choose(&p);
    recs_status status = seat(&p, error);
    for (int i = 0; status == RECS_OK && i < ITERATIONS; i++) {
        status = assign(&p, i, progress, error);
        if (status != RECS_OK)
            break;
        move(&p);
        status = seat(&p, error);
    }
    recs__faiss_release(&index->host, memory);
    return status;
}
