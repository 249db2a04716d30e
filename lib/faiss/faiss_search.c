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
 * of what is allowed. Missing candidates (-1) are RECS_NO_ROW either way.
 *
 * Where the longest vectors are kept apart both parts are asked and what they found is
 * merged by score. */
#include "faiss/faiss_index.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 128,           /* queries                                         */
    BLOCK_MOST = 1 << 18,  /* candidates of a block                           */
    ON_STACK = 1024,       /* words, enough for one query                     */
    MORE_MOST = 16         /* times the candidates asked of FAISS for a filter */
};

/* One search: what to ask of FAISS and where its answers go. */
typedef struct asking {
    recs__faiss_index *index;
    const recs_vector_search *search;
    FaissSearchParameters *params; /* NULL: the setting behind the gate */
    const uint8_t *allowed;        /* of labels, for params             */
    size_t allowed_size;
    size_t depth, head_depth;      /* candidates of FAISS for one query */
    size_t block;
    float *wide, *distances, *head_distances;
    int64_t *labels, *head_labels;
    float scales[BLOCK]; /* of augmented queries: their length there over their own */
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

/* How many candidates FAISS has to give for one query, of the index and of the head; 0: not
 * worth asking. A selector that goes with the search is for the index alone. */
static size_t depth_of(const recs__faiss_index *index, const recs_vector_search *search,
                       size_t *of_head) {
    uint64_t depth = search->candidates, deeper = depth, head = index->head.count;
    if (search->allowed != NULL) {
        uint64_t allowed = count_allowed(index, search);
        double more = allowed != 0 ? 1.1 * (double)index->count / (double)allowed : HUGE_VAL;
        if (allowed == 0 || (more > MORE_MOST && !index->params))
            return 0;
        more = more < MORE_MOST ? more : MORE_MOST;
        deeper = (uint64_t)ceil((double)depth * more) + 16;
    }
    *of_head = (size_t)(deeper < head ? deeper : head);
    depth = index->params ? depth : deeper;
    return (size_t)(depth < index->tail ? depth : index->tail);
}

/* ---- one block -------------------------------------------------------------------- */

/* A query as FAISS wants it: as long as the longest vector, a zero behind. Returns how much
 * longer it became. */
static float widen_query(const recs__faiss_index *index, const float *query, float *wide) {
    double sum = 0.0;
    for (uint32_t i = 0; i < index->dimension; i++)
        sum += (double)query[i] * query[i];
    double scale = sum > 0.0 ? (double)index->reach / sqrt(sum) : 0.0;
    for (uint32_t i = 0; i < index->dimension; i++)
        wide[i] = (float)(query[i] * scale);
    for (uint32_t i = index->dimension; i < index->width; i++)
        wide[i] = 0.0f;
    return (float)scale;
}

/* The row behind a label, RECS_NO_ROW where there is none or it is not allowed. */
static uint32_t row_of(const asking *a, int64_t label, bool of_head) {
    const recs__faiss_index *index = a->index;
    uint64_t end = of_head ? index->head.count : index->tail;
    if (label < 0 || (uint64_t)label >= end)
        return RECS_NO_ROW;
    uint32_t row = of_head ? index->head.rows[label]
                   : index->head.count != 0
                       ? recs__faiss_head_row(&index->head, (uint32_t)label)
                       : (uint32_t)label;
    return is_allowed(a->search, row) ? row : RECS_NO_ROW;
}

/* What was found for query i of a block, best first. Beside a head scores are inner
 * products: of an augmented query q and a row x, both of length M, M^2 - |q - x|^2 / 2. */
static void merge(const asking *a, size_t i, uint32_t *rows) {
    const recs__faiss_index *index = a->index;
    size_t found = 0, candidates = a->search->candidates, t = 0, h = 0;
    const float *distances = a->distances + i * a->depth;
    const float *head = a->head_distances + i * a->head_depth;
    float square = index->reach * index->reach;
    while (found < candidates && (t < a->depth || h < a->head_depth)) {
        bool of_head = t == a->depth;
        if (!of_head && h < a->head_depth)
            of_head = index->augmented ? head[h] * a->scales[i] > square - distances[t] / 2
                                       : head[h] > distances[t];
        uint32_t row = of_head ? row_of(a, a->head_labels[i * a->head_depth + h++], true)
                               : row_of(a, a->labels[i * a->depth + t++], false);
        if (row != RECS_NO_ROW)
            rows[found++] = row;
    }
    while (found < candidates)
        rows[found++] = RECS_NO_ROW;
}

static recs_status run_block(asking *a, size_t first, size_t count, recs_error *error) {
    recs__faiss_index *index = a->index;
    const recs__faiss_calls *call = &index->faiss->call;
    const float *given = a->search->queries + first * index->dimension, *queries = given;
    if (index->augmented) {
        for (size_t i = 0; i < count; i++)
            a->scales[i] =
                widen_query(index, given + i * index->dimension, a->wide + i * index->width);
        queries = a->wide;
    }
    int failed = a->params != NULL
                     ? call->Index_search_with_params(index->index, (int64_t)count, queries,
                                                      (int64_t)a->depth, a->params, a->distances,
                                                      a->labels)
                     : call->Index_search(index->index, (int64_t)count, queries,
                                          (int64_t)a->depth, a->distances, a->labels);
    if (failed == 0 && a->head_depth != 0)
        failed = call->Index_search(index->head.flat, (int64_t)count, given,
                                    (int64_t)a->head_depth, a->head_distances, a->head_labels);
    if (failed != 0)
        return recs__faiss_fail_call(index->faiss, error, RECS_ERR_UNSUPPORTED, "searching");
    for (size_t i = 0; i < count; i++)
        merge(a, i, a->search->rows + (first + i) * a->search->candidates);
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
    if (a->allowed != NULL &&
        call->IDSelectorBitmap_new(&bitmap, a->allowed_size, a->allowed) != 0)
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

/* Where a block's candidates go, in working memory or on the stack of the caller. */
static void lay_out(asking *a, size_t words, void *memory) {
    size_t slots = a->block * (a->depth + a->head_depth);
    uint64_t *bits = memory;
    a->labels = (int64_t *)(void *)(bits + words);
    a->head_labels = a->labels + a->block * a->depth;
    a->distances = (float *)(void *)(a->labels + slots);
    a->head_distances = a->distances + a->block * a->depth;
    a->wide = a->distances + slots;
    if (words == 0)
        return;
    recs__faiss_head_allowed(&a->index->head, a->index->tail, a->search->allowed,
                             a->search->allowed_size, bits);
    a->allowed = (const uint8_t *)bits;
    a->allowed_size = (size_t)((a->index->tail + 7) / 8);
}

recs_status recs__faiss_index_search(recs__faiss_index *index, const recs_vector_search *search,
                                     recs_error *error) {
    size_t all = search->count * search->candidates, of_head = 0;
    if (all == 0)
        return RECS_OK;
    size_t depth = depth_of(index, search, &of_head);
    if (depth == 0) {
        for (size_t i = 0; i < all; i++)
            search->rows[i] = RECS_NO_ROW;
        return RECS_OK;
    }
    asking a = {.index = index,
                .search = search,
                .allowed = search->allowed,
                .allowed_size = search->allowed_size,
                .depth = depth,
                .head_depth = of_head,
                .block = BLOCK};
    if (a.block > BLOCK_MOST / (depth + of_head))
        a.block = BLOCK_MOST / (depth + of_head) > 0 ? BLOCK_MOST / (depth + of_head) : 1;
    if (a.block > search->count)
        a.block = search->count;

    /* A selector is of labels, which are not the rows where there is a head. */
    bool select = search->allowed != NULL && index->params && index->head.count != 0;
    size_t words = select ? recs__faiss_head_words(index->tail) : 0;
    size_t slots = a.block * (depth + of_head);
    size_t wide = index->augmented ? a.block * index->width : 0;
    uint64_t stack[ON_STACK];
    size_t size = words * 8 + slots * (sizeof *a.labels + sizeof *a.distances) +
                  wide * sizeof *a.wide;
    recs__faiss_scratch *scratch = NULL;
    if (size <= sizeof stack) {
        lay_out(&a, words, stack);
    } else {
        scratch = take_scratch(index, size, error);
        if (scratch == NULL)
            return RECS_ERR_MEMORY;
        lay_out(&a, words, scratch + 1);
    }
    int threads = recs__faiss_alone(index->faiss);
    recs_status status = run(&a, error);
    recs__faiss_alone_end(index->faiss, threads);
    if (scratch != NULL)
        put_scratch(index, scratch);
    return status;
}
