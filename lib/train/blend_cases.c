/* blend_cases.c - asking the held out model once, and scoring what it said
 * under any weights.
 *
 * A case is a user: candidates with their row and one scaled score per
 * component, those that are in the validation part first. Users are gathered in
 * chunks of a fixed number, a task each; a chunk keeps its cases in three
 * arrays of its own, so nothing depends on threads.
 *
 * Cost of a value: per case with a hit, candidates * (components + hits). */
#include "train/blend_cases.h"

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "recs/recommend.h"

#include <stdatomic.h>
#include <string.h>

#define USERS_PER_CHUNK 64
#define CHUNKS_PER_BATCH 32
#define CASES_MOST 8192u
#define CASES_BYTES (256u << 20) /* growing arrays may hold twice that */
#define LEAST_CANDIDATES 100
#define SCALE_DEPTH 20

typedef struct one {
    size_t rows_at, scores_at;
    uint32_t candidates, found, wanted;
    double means[RECS__TERMS_MAX]; /* of the best 20 scores; 0: none */
} one;

struct recs__case_chunk {
    one cases[USERS_PER_CHUNK];
    uint32_t count, first; /* first: number of cases in the chunks before */
    uint32_t test_users[USERS_PER_CHUNK];
    uint32_t *rows;
    float *scores; /* of a case: [components][candidates] */
    size_t rows_used, rows_capacity, scores_used, scores_capacity;
};

typedef struct gathering {
    recs__cases *cases;
    const recs_model *model;
    const recs__training *valid;
    const char *const *names;
    size_t depth; /* candidates of each component */
    uint32_t items;
    uint32_t *users; /* test rows */
    size_t user_count, first_chunk;
    atomic_int status;
    atomic_flag error_taken;
    recs_error error;
} gathering;

/* Of a task: marks on items, and the union of the candidates. */
typedef struct workspace {
    recs_query *query;
    unsigned char *marks; /* [items]: OWN, TRUTH, TAKEN */
    uint32_t *own;        /* [items]: rows of the user's own items, own_count of them */
    size_t own_count;
    uint32_t *candidates; /* [components * depth] */
    size_t candidate_count;
} workspace;

enum { OWN = 1, TRUTH = 2, TAKEN = 4 };

/* ---- one user ------------------------------------------------------------------------ */

static recs_status ask(const gathering *g, workspace *w, uint32_t user, const char *component,
                       recs__blend_repeats repeats, recs_error *error) {
    recs_query_reset(w->query);
    recs_query_user(w->query, recs_model_user_id(g->model, user));
    recs_query_component(w->query, component);
    recs_query_limit(w->query, g->depth);
    recs_query_evidence_only(w->query, 1);
    recs_query_include_unavailable(w->query, 1);
    if (repeats != RECS__BLEND_EXCLUDE)
        recs_query_exclude_seen(w->query, 0, RECS_NO_TIME);
    if (repeats == RECS__BLEND_ONLY)
        recs_query_allow_rows(w->query, w->own, w->own_count);
    return recs_recommend(g->model, w->query, error);
}

static double mean_of_best(const recs_query *query) {
    size_t count = recs_query_count(query);
    double total = 0.0;
    count = count < SCALE_DEPTH ? count : SCALE_DEPTH;
    for (size_t i = 0; i < count; i++)
        total += (double)recs_query_score(query, i);
    return total > 0.0 ? total / (double)count : 0.0;
}

/* Whether an item with that mark, in the user's part of the validation, is to be found. */
static bool counts(recs__blend_repeats repeats, unsigned char mark) {
    return repeats == RECS__BLEND_INCLUDE ||
           ((mark & OWN) != 0) == (repeats == RECS__BLEND_ONLY);
}

/* Marks own items and what is to be found; how much that is, items the model
 * does not know included. */
static uint32_t mark(const gathering *g, workspace *w, uint32_t user, uint32_t test_user) {
    size_t entries = recs_model_history_count(g->model, user);
    uint32_t wanted = 0;
    uint64_t at;
    size_t count = recs__csr_row(&g->valid->by_user, test_user, &at);

    w->own_count = 0;
    for (size_t i = 0; i < entries; i++) {
        uint32_t item = recs_model_history_item(g->model, user, i);
        if (item < g->items && !w->marks[item]) {
            w->marks[item] = OWN;
            w->own[w->own_count++] = item;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const char *id = recs__ids_get(&g->valid->item_ids, g->valid->by_user.columns[at + i], NULL);
        uint32_t item = id ? recs_model_item_row(g->model, id) : RECS_NO_ROW;
        if (!(g->valid->by_user.values[at + i] > 0.0f))
            continue;
        if (item == RECS_NO_ROW) {
            wanted += counts(g->cases->repeats, 0);
        } else if (!(w->marks[item] & TRUTH) && counts(g->cases->repeats, w->marks[item])) {
            w->marks[item] |= TRUTH;
            wanted++;
        }
    }
    return wanted;
}

static void unmark(const gathering *g, workspace *w, uint32_t test_user) {
    uint64_t at;
    size_t count = recs__csr_row(&g->valid->by_user, test_user, &at);

    for (size_t i = 0; i < w->own_count; i++)
        w->marks[w->own[i]] = 0;
    for (size_t i = 0; i < count; i++) {
        const char *id = recs__ids_get(&g->valid->item_ids, g->valid->by_user.columns[at + i], NULL);
        uint32_t item = id ? recs_model_item_row(g->model, id) : RECS_NO_ROW;
        if (item != RECS_NO_ROW)
            w->marks[item] = 0;
    }
    for (size_t i = 0; i < w->candidate_count; i++)
        w->marks[w->candidates[i]] = 0;
}

/* Room for the case's rows and scores at the end of the chunk's. */
static recs_status reserve(const gathering *g, recs__case_chunk *chunk, one *c,
                           recs_error *error) {
    void *rows = chunk->rows, *scores = chunk->scores;
    size_t cells = (size_t)c->candidates * g->cases->components;
    recs_status status = recs__grow(g->cases->host, &rows, &chunk->rows_capacity,
                                    chunk->rows_used + c->candidates, sizeof *chunk->rows, error);
    chunk->rows = rows;
    if (status == RECS_OK)
        status = recs__grow(g->cases->host, &scores, &chunk->scores_capacity,
                            chunk->scores_used + cells, sizeof *chunk->scores, error);
    chunk->scores = scores;
    c->rows_at = chunk->rows_used;
    c->scores_at = chunk->scores_used;
    return status;
}

static recs_status score_candidates(const gathering *g, workspace *w, recs__case_chunk *chunk,
                                    one *c, uint32_t user, recs_error *error) {
    recs_status status = reserve(g, chunk, c, error);
    if (status)
        return status;
    uint32_t *rows = chunk->rows + c->rows_at, used = 0;
    for (size_t pass = 0; pass < 2; pass++) /* hits first */
        for (size_t i = 0; i < w->candidate_count; i++)
            if (((w->marks[w->candidates[i]] & TRUTH) != 0) == (pass == 0))
                rows[used++] = w->candidates[i];
    for (uint32_t t = 0; t < g->cases->components && status == RECS_OK; t++) {
        recs_query_reset(w->query);
        recs_query_user(w->query, recs_model_user_id(g->model, user));
        recs_query_component(w->query, g->names[t]);
        status = recs_score_rows(g->model, w->query, rows, c->candidates,
                                 chunk->scores + c->scores_at + (size_t)t * c->candidates, error);
    }
    return status;
}

static recs_status gather_user(const gathering *g, workspace *w, recs__case_chunk *chunk,
                               uint32_t user, uint32_t test_user, recs_error *error) {
    one *c = &chunk->cases[chunk->count];
    recs_status status = RECS_OK;

    memset(c, 0, sizeof *c);
    for (uint32_t t = 0; t < g->cases->components && status == RECS_OK; t++) {
        /* The constant is one of lists without own items, whatever the weights are for. */
        if ((status = ask(g, w, user, g->names[t], RECS__BLEND_EXCLUDE, error)) != RECS_OK)
            break;
        c->means[t] = mean_of_best(w->query);
        if (g->cases->repeats != RECS__BLEND_EXCLUDE &&
            (status = ask(g, w, user, g->names[t], g->cases->repeats, error)) != RECS_OK)
            break;
        const uint32_t *list = recs_query_rows(w->query);
        for (size_t i = 0; i < recs_query_count(w->query); i++) {
            if (w->marks[list[i]] & TAKEN)
                continue;
            w->marks[list[i]] |= TAKEN;
            w->candidates[w->candidate_count++] = list[i];
            c->found += (w->marks[list[i]] & TRUTH) != 0;
        }
    }
    /* A case without a hit is nothing under any weights: no scores are kept. */
    c->candidates = c->found ? (uint32_t)w->candidate_count : 0;
    if (status == RECS_OK && c->candidates)
        status = score_candidates(g, w, chunk, c, user, error);
    if (status)
        return status;
    chunk->rows_used += c->candidates;
    chunk->scores_used += (size_t)c->candidates * g->cases->components;
    chunk->test_users[chunk->count] = test_user;
    return RECS_OK;
}

/* ---- all users ------------------------------------------------------------------------- */

static recs_status open_workspace(const gathering *g, workspace *w, recs_error *error) {
    recs_host alone = recs__host_alone(g->cases->host); /* a task gives no tasks of its own */
    memset(w, 0, sizeof *w);
    w->marks = recs__alloc_zero(g->cases->host, g->items, 1, error);
    w->own = recs__alloc(g->cases->host, g->items, sizeof *w->own, error);
    w->candidates = recs__alloc(g->cases->host, g->depth * g->cases->components,
                                sizeof *w->candidates, error);
    return w->marks && w->own && w->candidates ? recs_query_create(&w->query, &alone, error)
                                               : RECS_ERR_MEMORY;
}

static void close_workspace(const gathering *g, workspace *w) {
    recs_query_destroy(w->query);
    recs__free(g->cases->host, w->marks);
    recs__free(g->cases->host, w->own);
    recs__free(g->cases->host, w->candidates);
}

static void gather_task(void *arg, size_t index) {
    gathering *g = arg;
    recs__case_chunk *chunk = &g->cases->chunks[g->first_chunk + index];
    size_t first = (g->first_chunk + index) * USERS_PER_CHUNK;
    size_t last = first + USERS_PER_CHUNK < g->user_count ? first + USERS_PER_CHUNK : g->user_count;
    workspace w;
    recs_error error;
    recs_status status = open_workspace(g, &w, &error);

    for (size_t u = first; u < last && status == RECS_OK; u++) {
        uint32_t test_user = g->users[u];
        const char *id = recs__ids_get(&g->valid->user_ids, test_user, NULL);
        uint32_t user = recs_model_user_row(g->model, id), wanted;
        w.candidate_count = 0;
        if ((wanted = mark(g, &w, user, test_user)) > 0) {
            status = gather_user(g, &w, chunk, user, test_user, &error);
            if (status == RECS_OK)
                chunk->cases[chunk->count++].wanted = wanted;
        }
        unmark(g, &w, test_user);
    }
    close_workspace(g, &w);
    if (status && !atomic_flag_test_and_set(&g->error_taken)) {
        g->error = error;
        atomic_store(&g->status, (int)status);
    }
}

static recs_status gather(gathering *g, recs__progress *progress, recs_error *error) {
    recs__cases *cases = g->cases;
    for (g->first_chunk = 0; g->first_chunk < cases->chunk_count;
         g->first_chunk += CHUNKS_PER_BATCH) {
        size_t left = cases->chunk_count - g->first_chunk;
        recs_status status =
            recs__progress_tell(progress, "blend candidates",
                                (uint64_t)g->first_chunk * USERS_PER_CHUNK, g->user_count, error);
        if (status)
            return status;
        recs__run(cases->host, gather_task, g, left < CHUNKS_PER_BATCH ? left : CHUNKS_PER_BATCH);
        if (atomic_load(&g->status)) {
            if (error)
                *error = g->error;
            return (recs_status)atomic_load(&g->status);
        }
    }
    for (size_t i = 0; i < cases->chunk_count; i++) {
        cases->chunks[i].first = cases->users;
        cases->users += cases->chunks[i].count;
    }
    return RECS_OK;
}

/* Users of the validation part whom the model knows, thinned evenly. */
static recs_status choose_users(gathering *g, recs_error *error) {
    const recs__cases *cases = g->cases;
    size_t bytes = g->depth * cases->components * (4 + 4 * (size_t)cases->components);
    size_t most = CASES_BYTES / bytes < CASES_MOST ? CASES_BYTES / bytes : CASES_MOST, known = 0;

    g->users = recs__alloc(cases->host, g->valid->users, sizeof *g->users, error);
    if (!g->users)
        return RECS_ERR_MEMORY;
    for (uint32_t u = 0; u < g->valid->users; u++) {
        const char *id = recs__ids_get(&g->valid->user_ids, u, NULL);
        if (id && recs_model_user_row(g->model, id) != RECS_NO_ROW)
            g->users[known++] = u;
    }
    g->user_count = known < most ? known : most;
    for (size_t i = 0; i < g->user_count && known > most; i++)
        g->users[i] = g->users[(uint64_t)i * known / most];
    return RECS_OK;
}

/* ---- constants ---------------------------------------------------------------------------- */

/* The nth of all cases. */
static const one *case_at(const recs__cases *cases, uint32_t n, uint32_t *test_user) {
    size_t low = 0, high = cases->chunk_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (cases->chunks[middle].first <= n)
            low = middle;
        else
            high = middle;
    }
    *test_user = cases->chunks[low].test_users[n - cases->chunks[low].first];
    return &cases->chunks[low].cases[n - cases->chunks[low].first];
}

static recs_status apply_constants(recs__cases *cases, const recs__training *valid,
                                   recs__learning_sample *sample, recs_error *error) {
    uint32_t taken = cases->users < RECS__LEARNING_SAMPLE ? cases->users : RECS__LEARNING_SAMPLE;
    double sums[RECS__TERMS_MAX] = {0.0};
    uint64_t counts[RECS__TERMS_MAX] = {0};
    /* Who buys again may be too few to stand for all. */
    bool fresh = sample->ids == NULL && (cases->repeats != RECS__BLEND_ONLY ||
                                         cases->users >= RECS__LEARNING_FEWEST);

    if (fresh && !(sample->ids = recs__alloc(cases->host, taken, sizeof *sample->ids, error)))
        return RECS_ERR_MEMORY;
    for (uint32_t s = 0; s < taken; s++) {
        uint32_t test_user;
        const one *c = case_at(cases, (uint32_t)((uint64_t)s * cases->users / taken), &test_user);
        const char *id = recs__ids_get(&valid->user_ids, test_user, NULL);
        for (uint32_t t = 0; t < cases->components; t++) {
            sums[t] += c->means[t];
            counts[t] += c->means[t] > 0.0;
        }
        if (fresh)
            memcpy(sample->ids[sample->count++], id, strlen(id) + 1);
    }
    for (uint32_t t = 0; t < cases->components; t++)
        cases->scale[t] = (double)recs__scale_of(sums[t], counts[t]);
    for (size_t i = 0; i < cases->chunk_count; i++)
        for (uint32_t n = 0; n < cases->chunks[i].count; n++) {
            const one *c = &cases->chunks[i].cases[n];
            float *scores = cases->chunks[i].scores + c->scores_at;
            for (uint32_t t = 0; t < cases->components; t++)
                for (uint32_t j = 0; j < c->candidates; j++)
                    *scores++ *= (float)cases->scale[t];
        }
    return RECS_OK;
}

static recs_status make_discounts(recs__cases *cases, recs_error *error) {
    double sum = 0.0;
    cases->discounts = recs__alloc(cases->host, 2 * (size_t)cases->k, sizeof(double), error);
    if (!cases->discounts)
        return RECS_ERR_MEMORY;
    for (uint32_t rank = 0; rank < cases->k; rank++) {
        cases->discounts[rank] = 1.0 / recs__log2((double)rank + 2.0);
        sum += cases->discounts[rank];
        cases->discounts[cases->k + rank] = sum;
    }
    return RECS_OK;
}

recs_status recs__cases_make(recs__cases *cases, const recs_model *model,
                             const recs__training *valid, const char *const *names,
                             recs__progress *progress, recs__learning_sample *sample,
                             recs_error *error) {
    gathering g = {.cases = cases, .model = model, .valid = valid, .names = names};
    g.items = recs_model_items(model);
    g.depth = 5 * (size_t)cases->k;
    g.depth = g.depth > LEAST_CANDIDATES ? g.depth : LEAST_CANDIDATES;
    g.depth = g.depth < g.items ? g.depth : g.items > 0 ? g.items : 1;
    atomic_init(&g.status, RECS_OK);
    atomic_flag_clear(&g.error_taken);

    recs_status status = choose_users(&g, error);
    if (status == RECS_OK) {
        cases->chunk_count = (g.user_count + USERS_PER_CHUNK - 1) / USERS_PER_CHUNK;
        cases->chunks = recs__alloc_zero(cases->host, cases->chunk_count, sizeof *cases->chunks,
                                         error);
        status = cases->chunks ? make_discounts(cases, error) : RECS_ERR_MEMORY;
    }
    if (status == RECS_OK)
        status = gather(&g, progress, error);
    if (status == RECS_OK)
        status = apply_constants(cases, valid, sample, error);
    recs__free(cases->host, g.users);
    return status;
}

void recs__cases_clear(recs__cases *cases) {
    for (size_t i = 0; cases->chunks && i < cases->chunk_count; i++) {
        recs__free(cases->host, cases->chunks[i].rows);
        recs__free(cases->host, cases->chunks[i].scores);
    }
    recs__free(cases->host, cases->chunks);
    recs__free(cases->host, cases->discounts);
    cases->chunks = NULL;
    cases->discounts = NULL;
}

/* ---- value ---------------------------------------------------------------------------------- */

#define STRIP 256

/* How many candidates come before the hit h. */
static uint32_t rank_of(const recs__cases *cases, const recs__case_chunk *chunk, const one *c,
                        const float *weights, uint32_t h, float own) {
    const float *scores = chunk->scores + c->scores_at;
    const uint32_t *rows = chunk->rows + c->rows_at;
    uint32_t before = 0;
    for (uint32_t first = 0; first < c->candidates; first += STRIP) {
        float sums[STRIP];
        uint32_t count = c->candidates - first < STRIP ? c->candidates - first : STRIP;
        for (uint32_t j = 0; j < count; j++)
            sums[j] = weights[0] * scores[first + j];
        for (uint32_t t = 1; t < cases->components; t++)
            for (uint32_t j = 0; j < count; j++)
                sums[j] += weights[t] * scores[(size_t)t * c->candidates + first + j];
        for (uint32_t j = 0; j < count; j++)
            before += sums[j] > own || (sums[j] == own && rows[first + j] < rows[h]);
    }
    return before;
}

static double value_of(const recs__cases *cases, const recs__case_chunk *chunk, const one *c,
                       const float *weights) {
    double gain = 0.0, hits = 0.0;
    for (uint32_t h = 0; h < c->found; h++) {
        const float *scores = chunk->scores + c->scores_at + h;
        float own = weights[0] * scores[0];
        for (uint32_t t = 1; t < cases->components; t++)
            own += weights[t] * scores[(size_t)t * c->candidates];
        uint32_t rank = rank_of(cases, chunk, c, weights, h, own);
        if (rank < cases->k) {
            gain += cases->discounts[rank];
            hits += 1.0;
        }
    }
    if (cases->metric == RECS__BLEND_RECALL)
        return hits / (double)c->wanted;
    uint32_t reachable = c->wanted < cases->k ? c->wanted : cases->k;
    return gain / cases->discounts[cases->k + reachable - 1];
}

typedef struct valuing {
    const recs__cases *cases;
    float weights[RECS__TERMS_MAX];
    double *values;
} valuing;

static void value_task(void *arg, size_t index) {
    const valuing *v = arg;
    const recs__case_chunk *chunk = &v->cases->chunks[index];
    for (uint32_t i = 0; i < chunk->count; i++)
        v->values[chunk->first + i] = value_of(v->cases, chunk, &chunk->cases[i], v->weights);
}

void recs__cases_value(const recs__cases *cases, const double *weights, double *values) {
    valuing v = {.cases = cases, .values = values};
    for (uint32_t t = 0; t < cases->components; t++)
        v.weights[t] = (float)weights[t];
    recs__run(cases->host, value_task, &v, cases->chunk_count);
}
