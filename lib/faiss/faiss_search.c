/* faiss_search.c - candidates of many queries, behind faiss_index.h.
 *
 * Queries go through FAISS in blocks: a graph's search begins with clearing one
 * byte for each vector of the index, which a block does once. Working memory
 * is on the stack for one query and comes from past searches for more.
 *
 * Filters. Where FAISS takes a selector with a search (from 1.14 on for graphs) it
 * gets the bitmap, whose size it wants in bytes and which it borrows. Older
 * ones search without and what is not allowed is dropped here: more candidates
 * are asked for, by the share that is allowed, as long as that is worth it.
 * Where it is not, nothing is found, and who asked falls back on the exact scan
 * of what is allowed. Missing candidates (-1) are RECS_NO_ROW either way. */
#include "faiss/faiss_index.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 128,           /* queries                                         */
    BLOCK_MOST = 1 << 18,  /* candidates of a block                           */
    ON_STACK = 512,        /* candidates of one query                         */
    ON_STACK_WIDTH = 1028, /* its components                                  */
    MORE_MOST = 16         /* times the candidates asked of FAISS for a filter */
};

/* One search: what to ask of FAISS and where its answers go. */
typedef struct asking {
    recs__faiss_index *index;
    const recs_vector_search *search;
    FaissSearchParameters *params; /* NULL: the setting behind the gate */
    size_t depth;                  /* candidates of FAISS for one query */
    size_t block;
    float *wide, *distances;
    int64_t *labels;
} asking;

/* ---- working memory ----------------------------------------------------------- */

static void *take_scratch(recs__faiss_index *index, size_t size, recs_error *error) {
    for (int i = 0; i < RECS__FAISS_SCRATCHES; i++) {
        recs__faiss_scratch *s =
            atomic_exchange_explicit(&index->scratch[i], NULL, memory_order_acq_rel);
        if (s != NULL && s->size >= size)
            return s;
        if (s != NULL) /* too small: a larger one takes its place */
            recs__faiss_release(&index->host, s);
    }
    size_t whole = sizeof(recs__faiss_scratch) + 8 + size;
    recs__faiss_scratch *made = recs__faiss_allocate(&index->host, whole);
    if (made == NULL)
        recs__faiss_fail_memory(error, whole);
    else
        made->size = size;
    return made;
}

static void put_scratch(recs__faiss_index *index, recs__faiss_scratch *s) {
    for (int i = 0; i < RECS__FAISS_SCRATCHES; i++) {
        recs__faiss_scratch *empty = NULL;
        if (atomic_compare_exchange_strong_explicit(&index->scratch[i], &empty, s,
                                                    memory_order_acq_rel, memory_order_relaxed))
            return;
    }
    recs__faiss_release(&index->host, s);
}

/* ---- filters -------------------------------------------------------------------- */

static bool is_allowed(const recs_vector_search *search, uint32_t row) {
    return search->allowed == NULL ||
           (row >> 3 < search->allowed_size && (search->allowed[row >> 3] >> (row & 7) & 1) != 0);
}

static uint64_t count_allowed(const recs__faiss_index *index, const recs_vector_search *search) {
    size_t size = (size_t)((index->count + 7) / 8);
    uint64_t count = 0;
    if (size > search->allowed_size)
        size = search->allowed_size;
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, search->allowed + at, 8);
        count += (uint64_t)__builtin_popcountll(word);
    }
    for (; at < size; at++)
        count += (uint64_t)__builtin_popcount(search->allowed[at]);
    return count;
}

/* How many candidates FAISS has to give for one query; 0: not worth asking. */
static size_t depth_of(const recs__faiss_index *index, const recs_vector_search *search) {
    uint64_t depth = search->candidates < index->count ? search->candidates : index->count;
    if (search->allowed == NULL || index->params)
        return (size_t)depth;
    uint64_t allowed = count_allowed(index, search);
    if (allowed == 0)
        return 0;
    double more = 1.1 * (double)index->count / (double)allowed;
    if (more > MORE_MOST)
        return 0;
    depth = (uint64_t)ceil((double)depth * more) + 16;
    return (size_t)(depth < index->count ? depth : index->count);
}

/* ---- one block -------------------------------------------------------------------- */

/* A query as FAISS wants it: as long as the longest vector, a zero behind. */
static void widen_query(const recs__faiss_index *index, const float *query, float *wide) {
    double sum = 0.0;
    for (uint32_t i = 0; i < index->dimension; i++)
        sum += (double)query[i] * query[i];
    double scale = sum > 0.0 ? (double)index->reach / sqrt(sum) : 0.0;
    for (uint32_t i = 0; i < index->dimension; i++)
        wide[i] = (float)(query[i] * scale);
    for (uint32_t i = index->dimension; i < index->width; i++)
        wide[i] = 0.0f;
}

static recs_status run_block(asking *a, size_t first, size_t count, recs_error *error) {
    recs__faiss_index *index = a->index;
    const recs__faiss_calls *call = &index->faiss->call;
    const float *queries = a->search->queries + first * index->dimension;
    if (index->augmented) {
        for (size_t i = 0; i < count; i++)
            widen_query(index, queries + i * index->dimension, a->wide + i * index->width);
        queries = a->wide;
    }
    int failed = a->params != NULL
                     ? call->Index_search_with_params(index->index, (int64_t)count, queries,
                                                      (int64_t)a->depth, a->params, a->distances,
                                                      a->labels)
                     : call->Index_search(index->index, (int64_t)count, queries,
                                          (int64_t)a->depth, a->distances, a->labels);
    if (failed != 0)
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_UNSUPPORTED, "searching");

    size_t candidates = a->search->candidates;
    for (size_t i = 0; i < count; i++) {
        const int64_t *labels = a->labels + i * a->depth;
        uint32_t *rows = a->search->rows + (first + i) * candidates;
        size_t found = 0;
        for (size_t j = 0; j < a->depth && found < candidates; j++)
            if (labels[j] >= 0 && (uint64_t)labels[j] < index->count &&
                is_allowed(a->search, (uint32_t)labels[j]))
                rows[found++] = (uint32_t)labels[j];
        while (found < candidates)
            rows[found++] = RECS_NO_ROW;
    }
    return RECS_OK;
}

static recs_status run_blocks(asking *a, recs_error *error) {
    recs_status status = RECS_OK;
    for (size_t first = 0; status == RECS_OK && first < a->search->count; first += a->block) {
        size_t left = a->search->count - first;
        status = run_block(a, first, left < a->block ? left : a->block, error);
    }
    return status;
}

/* ---- the setting ----------------------------------------------------------------- */

static recs_status run_with_params(asking *a, uint32_t effort, recs_error *error) {
    recs__faiss_index *index = a->index;
    const recs__faiss_calls *call = &index->faiss->call;
    FaissIDSelectorBitmap *bitmap = NULL;
    if (a->search->allowed != NULL &&
        call->IDSelectorBitmap_new(&bitmap, a->search->allowed_size, a->search->allowed) != 0)
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_MEMORY, "a selector");
    FaissIDSelector *selector = (FaissIDSelector *)(void *)bitmap;
    int failed = index->spec.kind == RECS__FAISS_HNSW
                     ? call->SearchParametersHNSW_new_with(&a->params, selector, (int)effort)
                     : call->SearchParametersIVF_new_with(&a->params, selector, effort, 0);
    recs_status status =
        failed != 0
            ? recs__faiss_fail_call(index->faiss, error, RECS_ERR_MEMORY, "search parameters")
            : run_blocks(a, error);
    if (failed == 0)
        call->SearchParameters_free(a->params);
    if (selector != NULL)
        call->IDSelector_free(selector);
    return status;
}

static recs_status run_behind_gate(asking *a, uint32_t effort, recs_error *error) {
    recs__faiss_index *index = a->index;
    unsigned forks = recs__faiss_forks();
    if (recs__faiss_gate_enter(&index->gate, effort, forks)) {
        if (index->faiss->call.ParameterSpace_set_index_parameter(
                index->faiss->space, index->index, index->effort, effort) != 0) {
            recs__faiss_gate_broken(&index->gate, forks);
            return recs__faiss_fail_call(index->faiss, error, RECS_ERR_UNSUPPORTED,
                                         index->effort);
        }
        recs__faiss_gate_opened(&index->gate, effort, forks);
    }
    recs_status status = run_blocks(a, error);
    recs__faiss_gate_leave(&index->gate);
    return status;
}

static recs_status run(asking *a, recs_error *error) {
    recs__faiss_index *index = a->index;
    if (index->effort == NULL)
        return run_blocks(a, error);
    uint32_t effort = a->search->effort != 0 ? a->search->effort : index->described;
    /* A graph's search is at least as long as what is asked of it. */
    if (strcmp(index->effort, "efSearch") == 0 && effort < a->depth)
        effort = (uint32_t)a->depth;
    if (effort > index->effort_most)
        effort = index->effort_most;
    return index->params ? run_with_params(a, effort, error) : run_behind_gate(a, effort, error);
}

recs_status recs__faiss_index_search(recs__faiss_index *index, const recs_vector_search *search,
                                     recs_error *error) {
    size_t all = search->count * search->candidates;
    if (all == 0)
        return RECS_OK;
    size_t depth = depth_of(index, search);
    if (depth == 0) {
        for (size_t i = 0; i < all; i++)
            search->rows[i] = RECS_NO_ROW;
        return RECS_OK;
    }
    asking a = {.index = index, .search = search, .depth = depth, .block = BLOCK};
    if (a.block > BLOCK_MOST / depth)
        a.block = BLOCK_MOST / depth > 0 ? BLOCK_MOST / depth : 1;
    if (a.block > search->count)
        a.block = search->count;

    size_t wide = index->augmented ? a.block * index->width : 0;
    int64_t labels[ON_STACK];
    float distances[ON_STACK], query[ON_STACK_WIDTH];
    recs__faiss_scratch *scratch = NULL;
    if (a.block == 1 && depth <= ON_STACK && wide <= ON_STACK_WIDTH) {
        a.labels = labels;
        a.distances = distances;
        a.wide = query;
    } else {
        size_t slots = a.block * depth;
        scratch = take_scratch(index, slots * (sizeof *a.labels + sizeof *a.distances) +
                                          wide * sizeof *a.wide,
                               error);
        if (scratch == NULL)
            return RECS_ERR_MEMORY;
        a.labels = (int64_t *)(void *)(scratch + 1);
        a.distances = (float *)(void *)(a.labels + slots);
        a.wide = a.distances + slots;
    }
    int threads = recs__faiss_alone(index->faiss);
    recs_status status = run(&a, error);
    recs__faiss_alone_end(index->faiss, threads);
    if (scratch != NULL)
        put_scratch(index, scratch);
    return status;
}
