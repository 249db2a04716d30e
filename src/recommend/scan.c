/* scan.c - the ways through a catalogue, behind scan.h.
 *
 *   exact     a component with factors or vectors: the search of search/exact.h
 *   mixed     one of those and sparse parts: that search beside the rows touched
 *             (scan_mixed.h)
 *   bounds    other blends whose parts with vectors have copies (scan_bounds.h)
 *   touched   an item model and a short history: the rows its neighbours
 *             touched, whatever the size of the catalogue
 *   listed    a short allow list: those rows
 *   named     a blend with content and an index: what its terms name (scan_candidates.h)
 *   blocks    everything, 512 rows at a time into the first-level cache, one
 *             vector compare against the bar, the bitmap for survivors only
 *
 * All offer the same rows with the same bits; the order of offers does
 * not matter to the top k, except that blocks ascend. */
#include "recommend/scan.h"

#include "kernels/kernels.h"
#include "recommend/beside.h"
#include "recommend/scan_bounds.h"
#include "recommend/scan_candidates.h"
#include "recommend/scan_content.h"
#include "recommend/scan_mixed.h"

#include <math.h>

recs_status recs__scan_begin(recs__work *work, const recs_host *host, size_t limit, size_t more,
                             recs_error *error) {
    size_t eligible = work->filter.eligible + more;
    return recs__topk_begin(&work->topk, host, limit < eligible ? limit : eligible,
                            recs__scorer_floor(&work->scorer), error);
}

static void scan_touched(recs__work *work, const recs__lane *lane) {
    for (size_t i = 0; i < lane->touched_count; i++) {
        uint32_t row = lane->touched[i];
        float score = lane->scores[row];
        if (score > 0.0f && isfinite(score) && recs__filter_eligible(&work->filter, row))
            recs__topk_offer(&work->topk, score, row);
    }
}

void recs__scan_offer(recs__work *work, const uint32_t *rows, size_t count) {
    recs__scorer_gather(&work->scorer, rows, count);
    const float *scores = recs__scorer_scores(&work->scorer);
    const uint8_t *evidence = recs__scorer_evidence(&work->scorer);
    for (size_t i = 0; i < count; i++)
        if (evidence[i])
            recs__topk_offer(&work->topk, scores[i], rows[i]);
}

static void scan_listed(recs__work *work) {
    const recs__filter *filter = &work->filter;
    uint32_t rows[RECS__BLOCK];
    for (size_t i = 0; i < filter->allow_count;) {
        size_t count = 0;
        for (; i < filter->allow_count && count < RECS__BLOCK; i++)
            if (recs__filter_eligible(filter, (uint32_t)filter->allow[i]))
                rows[count++] = (uint32_t)filter->allow[i];
        recs__scan_offer(work, rows, count);
    }
}

/* The column of a component whose evidence is a score above 0, or NULL. */
static const float *whole_column(const recs__work *work) {
    const recs__step *root = recs__scorer_root(&work->scorer);
    if (root->lane != NULL)
        return root->has_vector ? NULL : root->lane->scores;
    if (root->component->kind == RECS__KIND_POPULAR && !work->scorer.similar)
        return root->component->scores;
    return NULL;
}

static void scan_block(recs__work *work, uint32_t first, size_t count) {
    const recs__kernels *kernels = recs__kernels_get();
    const recs__step *root = recs__scorer_root(&work->scorer);
    const float *scores = whole_column(work);
    const uint8_t *evidence = NULL;
    uint32_t survivors[RECS__BLOCK];

    if (scores != NULL) {
        scores += first;
    } else {
        recs__scorer_block(&work->scorer, first, count);
        scores = root->scores;
        evidence = root->evidence;
    }
    size_t found = kernels->above(scores, count, work->topk.bar, survivors);
    for (size_t i = 0; i < found; i++) {
        uint32_t at = survivors[i], row = first + at;
        if ((evidence == NULL || evidence[at]) && isfinite(scores[at]) &&
            recs__filter_eligible(&work->filter, row))
            recs__topk_offer(&work->topk, scores[at], row);
    }
}

/* From this many rows on, at 64 factors a megabyte, a pass reads its blocks
 * from beyond a core's own caches; later works of the same pass find them
 * there. Only speed depends on it. */
enum { STREAM_ROWS = 4096, WORKS_MAX = 64 };

/* True when the work was dealt with without a pass over the catalogue. */
static bool scan_shortcut(recs__work *work) {
    const recs__step *root = recs__scorer_root(&work->scorer);
    const recs__filter *filter = &work->filter;
    if (work->topk.limit == 0 || root == NULL ||
        (root->component->kind != RECS__KIND_BLEND && root->vector == NULL &&
         root->lane == NULL && root->content_count == 0 && whole_column(work) == NULL))
        return true;
    if (root->lane != NULL && !root->lane->whole && !root->has_vector) {
        scan_touched(work, root->lane);
        return true;
    }
    if (filter->allow_only && filter->allow_count < filter->rows / 4) {
        scan_listed(work);
        return true;
    }
    return false;
}

/* Rows a block: 512, or as many as keep the factors of a wider component at the
 * same 128 KiB, so that the works of a pass find them in the cache. */
static size_t block_rows(const recs__work *work) {
    size_t widest = 1;
    for (size_t i = 0; i < work->scorer.step_count; i++)
        if (work->scorer.steps[i].vector != NULL &&
            work->scorer.steps[i].component->stride > widest)
            widest = work->scorer.steps[i].component->stride;
    size_t rows = (size_t)RECS__BLOCK * 64 / widest;
    return rows < RECS__BLOCK ? rows : RECS__BLOCK;
}

/* ---- components with factors -------------------------------------------------------- */

static bool has_factors(const recs__work *work) {
    const recs__step *root = recs__scorer_root(&work->scorer);
    return root != NULL && root->vector != NULL && root->lane == NULL;
}

static recs_status scan_factors(recs__work *const *works, size_t count, const recs_host *host,
                                recs_error *error) {
    const recs__scorer *scorer = &works[0]->scorer;
    recs__space space = recs__scan_space(scorer, recs__scorer_root(scorer));
    recs__seek seeks[WORKS_MAX];
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        const recs__step *root = recs__scorer_root(&works[i]->scorer);
        works[i]->seek = (recs__seek){.vector = root->vector,
                                      .norm = root->norm,
                                      .filter = &works[i]->filter,
                                      .topk = &works[i]->topk};
        if (root->has_vector)
            seeks[asked++] = works[i]->seek;
    }
    recs_status status = asked == 0 ? RECS_OK
                                    : recs__exact_search(&space, seeks, asked, NULL,
                                                         &works[0]->exact, host, error);
    for (size_t i = 0; i < count; i++)
        for (size_t s = 0; s < asked; s++)
            if (seeks[s].topk == &works[i]->topk)
                works[i]->seek = seeks[s];
    return status;
}

/* ---- blocks --------------------------------------------------------------------------- */

static void scan_blocks(recs__work *const *works, size_t count) {
    uint32_t rows = count != 0 ? works[0]->filter.rows : 0;
    size_t block = count != 0 ? block_rows(works[0]) : RECS__BLOCK;
    for (uint32_t first = 0; first < rows;) {
        size_t n = rows - first < block ? rows - first : block;
        bool read = rows < STREAM_ROWS; /* the block is in a cache */
        for (size_t i = 0; i < count; i++) {
            works[i]->scorer.streams = !read;
            scan_block(works[i], first, n);
            works[i]->scorer.streams = false;
            read = true;
        }
        first += (uint32_t)n;
    }
}

recs_status recs__scan_rows(recs__work *const *works, size_t count, const recs_host *host,
                            recs_error *error) {
    for (size_t i = 0; i < count; i++) {
        works[i]->seek = (recs__seek){.way = RECS__WAY_NONE};
        works[i]->strategy = RECS_STRATEGY_NONE;
    }
    if (count != 0 && has_factors(works[0]))
        return scan_factors(works, count, host, error);
    if (count != 0 && recs__scan_content_takes(works[0]))
        return recs__scan_content(works, count, host, error);
    recs__work *mixed[WORKS_MAX], *rest[WORKS_MAX];
    size_t mixed_count = 0, rest_count = 0;
    for (size_t i = 0; i < count && i < WORKS_MAX; i++) {
        bool named = recs__scan_candidates_takes(works[i]), done = false;
        if (!named && works[i]->topk.limit != 0 && recs__scan_mixed_takes(works[i])) {
            mixed[mixed_count++] = works[i];
            continue;
        }
        done = scan_shortcut(works[i]);
        if (!done && named) {
            recs_status status = recs__scan_candidates(works[i], host, &done, error);
            if (status != RECS_OK)
                return status;
        }
        if (!done && recs__scan_bounds_takes(works[i])) {
            recs_status status =
                recs__scan_bounds(works[i], &works[0]->bounds, host, &done, error);
            if (status != RECS_OK)
                return status;
        }
        if (!done)
            rest[rest_count++] = works[i];
    }
    recs_status status =
        mixed_count != 0 ? recs__scan_mixed(mixed, mixed_count, host, error) : RECS_OK;
    if (status == RECS_OK)
        scan_blocks(rest, rest_count);
    return status;
}

/* ---- the answer ----------------------------------------------------------------------- */

/* Then live trends that no score counts (beside may be NULL), then popularity.
 * *trends: how many of the first. */
static size_t fill_rows(recs__filter *filter, const recs__view *view,
                        const recs__beside *beside, uint32_t *rows, size_t have, size_t limit,
                        size_t *trends) {
    size_t count = have;
    for (size_t i = 0; i < have; i++)
        if (rows[i] < filter->rows)
            recs__filter_flip(filter, rows[i]);
    for (size_t i = 0; beside != NULL && count < limit && i < beside->count; i++) {
        if (recs__filter_eligible(filter, beside->rows[i])) {
            rows[count++] = beside->rows[i];
            recs__filter_flip(filter, beside->rows[i]);
        }
    }
    *trends = count - have;
    for (uint32_t i = 0; view->popular_order != NULL && count < limit && i < view->items; i++) {
        uint32_t row = view->popular_order[i];
        if (row < view->items && recs__filter_eligible(filter, row)) {
            rows[count++] = row;
            recs__filter_flip(filter, row);
        }
    }
    /* An order that leaves rows out (a damaged file) breaks no promise. */
    for (uint32_t row = 0; count < limit && row < view->items; row++) {
        if (recs__filter_eligible(filter, row)) {
            rows[count++] = row;
            recs__filter_flip(filter, row);
        }
    }
    for (size_t i = 0; i < count; i++)
        if (rows[i] < filter->rows) /* not one of the overlay */
            recs__filter_flip(filter, rows[i]);
    return count;
}

/* Answers that only live trends have evidence for become RECS_FROM_TREND. Their number. */
static size_t tell_trends(recs__work *work, const uint32_t *rows, size_t count,
                          uint8_t *sources) {
    const recs__step *beside = recs__scorer_beside(&work->scorer),
                     *plain = recs__scorer_plain(&work->scorer);
    size_t found = 0;
    for (size_t i = 0; beside != NULL && i < count; i++) {
        if (rows[i] >= work->filter.rows || !(beside->lane->scores[rows[i]] > 0.0f))
            continue;
        recs__scorer_gather(&work->scorer, &rows[i], 1);
        if (plain->evidence[0])
            continue;
        sources[i] = RECS_FROM_TREND;
        found++;
    }
    return found;
}

size_t recs__scan_finish(recs__work *work, bool fill, uint32_t *rows, float *scores,
                         uint8_t *sources, size_t *evidence) {
    recs__topk *topk = &work->topk;
    const recs__beside *beside = work->scorer.beside;
    size_t have = recs__topk_finish(topk), count = have, trends = 0;
    for (size_t i = 0; i < have; i++) {
        rows[i] = recs__topk_row(topk->keys[i]);
        scores[i] = recs__topk_score(topk->keys[i]);
    }
    if (fill && have < topk->limit)
        count = fill_rows(&work->filter, work->scorer.view, beside, rows, have, topk->limit,
                          &trends);
    for (size_t i = have; i < count;) {
        size_t n = count - i < RECS__BLOCK ? count - i : RECS__BLOCK;
        recs__scorer_gather(&work->scorer, rows + i, n);
        const float *found = recs__scorer_scores(&work->scorer);
        for (size_t j = 0; j < n; j++)
            scores[i + j] = found[j];
        i += n;
    }
    for (size_t i = 0; sources != NULL && i < count; i++)
        sources[i] = i < have            ? RECS_FROM_COMPONENT
                     : i < have + trends ? RECS_FROM_TREND
                                         : RECS_FROM_FILL;
    *evidence = have - (sources != NULL ? tell_trends(work, rows, have, sources) : 0);
    return count;
}
