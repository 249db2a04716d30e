/* rows.c - recommend for many stored users, on the lent executor.
 *
 * A task is a chunk of 32 users, whatever the number of threads. It borrows a
 * worker (working memory for up to 32 users at a time, so that a block of item
 * factors is read once for 32) from the query's crew and puts it back. The
 * crew is a row of slots taken and filled by atomic exchange: there are as
 * many workers as tasks ever ran at once, and none is made once that many
 * are there. Chunks write disjoint parts of the output.
 *
 * Invariant: between calls every worker is in a slot and its bitmaps and
 * dense scores are zero. */
#include "base/checked.h"
#include "base/error.h"
#include "recommend/beside.h"
#include "recommend/overlay.h"
#include "recommend/recommend.h"
#include "recommend/scan.h"
#include "recs/recommend.h"

#include <stdatomic.h>

enum {
    CHUNK = 32,
    TOGETHER = 32,
    CREW_MAX = 1024
};

typedef struct worker {
    recs__work works[TOGETHER];
} worker;

struct recs__crew {
    _Atomic(worker *) slots[CREW_MAX];
};

/* ---- the crew --------------------------------------------------------------------------- */

static void worker_free(worker *one, const recs_host *host) {
    for (size_t i = 0; i < TOGETHER; i++)
        recs__work_free(&one->works[i], host);
    recs__free(host, one);
}

static worker *crew_take(recs__crew *crew, const recs_host *host) {
    for (size_t i = 0; i < CREW_MAX; i++) {
        if (atomic_load_explicit(&crew->slots[i], memory_order_relaxed) == NULL)
            continue;
        worker *one = atomic_exchange(&crew->slots[i], NULL);
        if (one != NULL)
            return one;
    }
    return recs__alloc_zero(host, 1, sizeof(worker), NULL);
}

static void crew_give_back(recs__crew *crew, worker *one, const recs_host *host) {
    for (size_t i = 0; i < CREW_MAX; i++) {
        worker *expected = NULL;
        if (atomic_compare_exchange_strong(&crew->slots[i], &expected, one))
            return;
    }
    worker_free(one, host);
}

void recs__crew_free(recs_query *query) {
    if (query->crew == NULL)
        return;
    for (size_t i = 0; i < CREW_MAX; i++) {
        worker *one = atomic_load(&query->crew->slots[i]);
        if (one != NULL)
            worker_free(one, &query->host);
    }
    recs__free(&query->host, query->crew);
    query->crew = NULL;
}

size_t recs__crew_memory(const recs_query *query) {
    if (query->crew == NULL)
        return 0;
    size_t bytes = sizeof *query->crew;
    for (size_t i = 0; i < CREW_MAX; i++) {
        worker *one = atomic_load(&query->crew->slots[i]);
        if (one == NULL)
            continue;
        bytes += sizeof *one;
        for (size_t j = 0; j < TOGETHER; j++)
            bytes += recs__work_memory(&one->works[j]);
    }
    return bytes;
}

/* ---- a chunk ------------------------------------------------------------------------------ */

typedef struct batch {
    const recs__visit *visit;
    recs__lent lent;
    const uint32_t *users;
    size_t count, limit;
    size_t together; /* users whose scans share a pass */
    uint32_t *rows;
    float *scores;
    atomic_bool failed; /* an allocation */
} batch;

static recs_status prepare(const batch *all, recs__work *work, uint32_t user) {
    const recs__visit *visit = all->visit;
    const recs_host *host = &visit->query->host;
    work->scorer.where = visit->query->work.scorer.where;
    work->scorer.beside = visit->query->work.scorer.beside;
    work->lent = all->lent;
    recs_status status = recs__visit_stored(visit, &work->history, user, NULL);
    if (status == RECS_OK)
        status = recs__visit_filter(visit, &work->history, &work->filter, NULL, NULL);
    if (status == RECS_OK)
        status = recs__scorer_begin(&work->scorer, host, visit->view, visit->component, NULL);
    if (status == RECS_OK)
        status = recs__scorer_visitor(&work->scorer, host, &work->history, NULL);
    if (status == RECS_OK)
        status = recs__scan_begin(work, host, all->limit, 0, NULL);
    return status;
}

static recs_status run_some(const batch *all, worker *one, size_t first, size_t count) {
    recs__work *works[TOGETHER];
    recs_status status = RECS_OK;
    for (size_t i = 0; i < count; i++) {
        works[i] = &one->works[i];
        if (status == RECS_OK)
            status = prepare(all, works[i], all->users[first + i]);
    }
    /* A task gives no tasks of its own: not every executor could run them. */
    recs_host alone = recs__host_alone(&all->visit->query->host);
    if (status == RECS_OK)
        status = recs__scan_rows(works, count, &alone, NULL);
    for (size_t i = 0; status == RECS_OK && i < count; i++) {
        size_t at = (first + i) * all->limit, evidence;
        size_t found =
            recs__scan_finish(works[i], !all->visit->query->request.evidence_only,
                              all->rows + at, all->scores + at, NULL, &evidence);
        for (; found < all->limit; found++) {
            all->rows[at + found] = RECS_NO_ROW;
            all->scores[at + found] = 0.0f;
        }
    }
    for (size_t i = 0; i < count; i++)
        recs__work_clear(works[i]);
    return status;
}

static void run_chunk(void *arg, size_t index) {
    batch *all = arg;
    recs_query *query = all->visit->query;
    if (atomic_load(&all->failed))
        return;
    worker *one = crew_take(query->crew, &query->host);
    bool failed = one == NULL;
    size_t first = index * CHUNK, end = first + CHUNK < all->count ? first + CHUNK : all->count;
    while (!failed && first < end) {
        size_t count = end - first < all->together ? end - first : all->together;
        failed = run_some(all, one, first, count) != RECS_OK;
        first += count;
    }
    if (one != NULL)
        crew_give_back(query->crew, one, &query->host);
    if (failed)
        atomic_store(&all->failed, true);
}

/* ---- the verb ------------------------------------------------------------------------------ */

/* Sharing a pass pays where item factors or vectors are read; item models alone would
 * only hold more dense scores. */
static size_t users_together(const recs__view *view, uint32_t component) {
    if (component >= view->component_count)
        return 1;
    const recs__component *asked = &view->components[component];
    return asked->kind == RECS__KIND_FACTORS || asked->kind == RECS__KIND_BLEND ||
                   asked->kind == RECS__KIND_VECTORS ||
                   recs__score_has_low_rank(asked)
               ? TOGETHER
               : 1;
}

static recs_status recommend_users(const recs__visit *visit, recs__lent lent,
                                   const uint32_t *users, size_t count, uint32_t *out_rows,
                                   float *out_scores, recs_error *error) {
    recs_query *query = visit->query;
    size_t limit = query->request.limit, members;
    for (size_t i = 0; i < count; i++)
        if (users[i] >= visit->view->users)
            return recs__fail(error, RECS_ERR_ARGUMENT,
                              "entry %zu: user row %u, the model stores %u users", i, users[i],
                              visit->view->users);
    if (recs__mul_size(count, limit, &members))
        return recs__fail(error, RECS_ERR_ARGUMENT,
                          "%zu users with %zu answers each are more than memory can hold", count,
                          limit);
    recs_status status = recs__visit_lists(visit, error);
    if (status == RECS_OK)
        status = recs__beside_read(visit, error);
    if (status == RECS_OK && query->crew == NULL) {
        query->crew = recs__alloc(&query->host, 1, sizeof *query->crew, error);
        if (query->crew == NULL)
            return RECS_ERR_MEMORY;
        for (size_t i = 0; i < CREW_MAX; i++)
            atomic_init(&query->crew->slots[i], NULL);
    }
    if (status != RECS_OK)
        return status;

    batch all = {
        .visit = visit,
        .lent = lent,
        .users = users,
        .count = count,
        .limit = limit,
        .together = users_together(visit->view, visit->component),
        .rows = out_rows,
        .scores = out_scores,
    };
    atomic_init(&all.failed, false);
    recs__run(&query->host, run_chunk, &all, count / CHUNK + (count % CHUNK != 0));
    if (!atomic_load(&all.failed))
        return RECS_OK;
    for (size_t i = 0; i < members; i++) {
        out_rows[i] = RECS_NO_ROW;
        out_scores[i] = 0.0f;
    }
    return recs__fail(error, RECS_ERR_MEMORY,
                      "no memory for the working space of %zu users at a time", all.together);
}

recs_status recs__recommend_listed(const recs__visit *visit, const uint32_t *users, size_t count,
                                   uint32_t *out_rows, float *out_scores, recs_error *error) {
    recs__overlay overlay;
    recs_status status = recs__overlay_enter(&overlay, visit, error);
    if (status == RECS_OK && overlay.live != 0)
        status = recs__fail(error, RECS_ERR_UNSUPPORTED,
                            "recs_recommend_rows answers with rows of the model, and the query has "
                            "an overlay of %u new items: ask for each user (recs_recommend), or take "
                            "it off (recs_query_overlay with NULL)",
                            overlay.live);
    if (status == RECS_OK)
        status = recommend_users(visit, recs__overlay_lent(&overlay, visit), users, count, out_rows,
                                 out_scores, error);
    recs__overlay_leave(&overlay);
    return status;
}

recs_status recs_recommend_rows(const recs_model *model, recs_query *query,
                                const uint32_t *user_rows, size_t count, uint32_t *out_rows,
                                float *out_scores, recs_error *error) {
    recs__visit visit;
    recs_status status = recs__query_check(model, query, error);
    if (status != RECS_OK)
        return status;
    if (count != 0 && (user_rows == NULL || out_rows == NULL || out_scores == NULL))
        return recs__fail(error, RECS_ERR_ARGUMENT, "%s is NULL, expected room for %zu users",
                          user_rows == NULL  ? "user_rows"
                          : out_rows == NULL ? "out_rows"
                                             : "out_scores",
                          count);
    query->ignored = 0;
    status = recs__visit_begin(&visit, recs__model_view(model), query, RECS_NO_ROW, error);
    return status == RECS_OK
               ? recs__recommend_listed(&visit, user_rows, count, out_rows, out_scores, error)
               : status;
}
