/* evaluate_score.c - from lists to cells, from cells to sums. A task is a chunk
 * of users of one system; it writes the sums of its own chunk and the cells of
 * its own users, and counts what was shown in integers that all tasks share. */
#include "train/evaluator.h"

#include "base/memory.h"

#include <string.h>

typedef struct workspace {
    recs__needs needs;
    double *cells; /* [cutoffs][RECS__CELLS] */
    float *held;   /* [users of the model]; NULL: diversity is not asked for */
} workspace;

recs_status recs__evaluator_reserve(recs__evaluator *e, recs_error *error) {
    recs_evaluation *result = e->result;
    size_t lists = result->row_count * result->cutoff_count;
    size_t chunks = e->lists.most / RECS__USERS_PER_CHUNK;
    e->discounts = recs__alloc(&e->host, 2 * e->deepest, sizeof *e->discounts, error);
    e->sums = recs__alloc_zero(&e->host, lists, RECS__CELLS * sizeof *e->sums, error);
    e->chunk_sums = recs__alloc(&e->host, chunks * 2 * result->cutoff_count,
                                RECS__CELLS * sizeof *e->chunk_sums, error);
    e->shown = recs__alloc_zero(&e->host, lists * (size_t)e->items, sizeof *e->shown, error);
    if (!e->discounts || !e->sums || !e->chunk_sums || !e->shown)
        return RECS_ERR_MEMORY;
    recs__metrics_discounts(e->discounts, e->deepest);
    if (!e->keeps)
        return RECS_OK;
    e->cells = recs__alloc_zero(&e->host, e->visitors.count * lists,
                                RECS__CELLS * sizeof *e->cells, error);
    if (!e->cells || !e->options.segments)
        return e->cells ? RECS_OK : RECS_ERR_MEMORY;
    e->group_cells =
        recs__alloc_zero(&e->host, e->visitors.count * lists,
                         (size_t)RECS__ITEM_GROUPS * RECS__GROUP_CELLS * sizeof *e->group_cells,
                         error);
    return e->group_cells ? RECS_OK : RECS_ERR_MEMORY;
}

/* What is told of the items themselves, and that they were shown. */
static void look_at_items(recs__evaluator *e, workspace *w, size_t row, const uint32_t *list,
                          size_t length) {
    const recs__item_facts *facts = &e->facts;
    const recs_evaluation *result = e->result;
    double popularity = 0.0, information = 0.0, tail = 0.0, met = 0.0;
    size_t at = 0;

    for (size_t c = 0; c < result->cutoff_count; c++) {
        double *cell = w->cells + c * RECS__CELLS;
        _Atomic(uint32_t) *shown =
            e->shown + (row * result->cutoff_count + c) * (size_t)e->items;
        for (; at < length && at < result->cutoffs[c]; at++) {
            uint32_t item = list[at];
            popularity += (double)facts->popularity[item];
            information += (double)facts->information[item];
            tail += facts->group[item] >= RECS__GROUP_TAIL;
            if (w->held)
                met += recs__item_facts_meet(facts, item, w->held);
            atomic_fetch_add_explicit(&shown[item], 1, memory_order_relaxed);
        }
        cell[RECS__CELL_POPULARITY] = popularity;
        cell[RECS__CELL_NOVELTY] = information;
        cell[RECS__CELL_TAIL] = tail;
        if (w->held && at >= 2) {
            cell[RECS__CELL_PAIRED] = 1.0;
            cell[RECS__CELL_DIVERSITY] = 1.0 - met / ((double)at * (double)(at - 1) / 2.0);
        }
        if (at > 0 && w->needs.own_popularity > 0.0) {
            cell[RECS__CELL_LISTED] = popularity / (double)at;
            cell[RECS__CELL_OWNED] = w->needs.own_popularity;
        }
    }
    if (w->held)
        recs__item_facts_forget(facts, list, at, w->held);
}

static void keep_cells(recs__evaluator *e, const workspace *w, const recs__judged *judged,
                       size_t visitor, size_t row) {
    const recs_evaluation *result = e->result;
    size_t cutoffs = result->cutoff_count, at = (visitor * result->row_count + row) * cutoffs;
    float groups[RECS__ITEM_GROUPS * RECS__EVALUATION_CUTOFFS * RECS__GROUP_CELLS] = {0};

    for (size_t i = 0; i < cutoffs * RECS__CELLS; i++)
        e->cells[at * RECS__CELLS + i] = (float)w->cells[i];
    if (!e->group_cells)
        return;
    recs__metrics_judge_groups(judged, e->facts.group, w->needs.group_sizes, RECS__ITEM_GROUPS,
                               groups);
    for (size_t g = 0; g < RECS__ITEM_GROUPS; g++)
        memcpy(e->group_cells + ((visitor * RECS__ITEM_GROUPS + g) * result->row_count + row) *
                                    cutoffs * RECS__GROUP_CELLS,
               groups + g * cutoffs * RECS__GROUP_CELLS,
               cutoffs * RECS__GROUP_CELLS * sizeof *groups);
}

static void score_visitor(recs__evaluator *e, workspace *w, size_t visitor, double *sums) {
    const recs_evaluation *result = e->result;
    const recs__lists *lists = &e->lists;
    size_t place = visitor - lists->first, cells = result->cutoff_count * RECS__CELLS;
    recs__judged judged = {.list = lists->rows + place * e->deepest,
                           .truth = w->needs.truth,
                           .truth_known = w->needs.truth_known,
                           .truth_size = w->needs.truth_size,
                           .discounts = e->discounts,
                           .deepest = e->deepest,
                           .cutoffs = result->cutoffs,
                           .cutoff_count = result->cutoff_count};

    for (size_t r = 0; r < e->system->row_count; r++) {
        size_t row = e->system->first_row + r;
        judged.length = r ? lists->lengths[place] : lists->evidence[place];
        memset(w->cells, 0, cells * sizeof *w->cells);
        recs__metrics_judge(&judged, w->cells);
        look_at_items(e, w, row, judged.list, judged.length);
        for (size_t i = 0; i < cells; i++)
            sums[r * cells + i] += w->cells[i];
        if (e->cells)
            keep_cells(e, w, &judged, visitor, row);
    }
}

static void score_chunk(void *arg, size_t index) {
    recs__evaluator *e = arg;
    recs__lists *lists = &e->lists;
    recs__visitors *v = &e->visitors;
    size_t cells = e->result->cutoff_count * RECS__CELLS;
    double *sums = e->chunk_sums + index * 2 * cells;
    size_t first = lists->first + index * RECS__USERS_PER_CHUNK;
    size_t last = first + RECS__USERS_PER_CHUNK, end = lists->first + lists->count;
    workspace w = {0};
    recs_error error;

    last = last < end ? last : end;
    memset(sums, 0, 2 * cells * sizeof *sums);
    recs_status status = recs__needs_create(&w.needs, e, &error);
    w.cells = recs__alloc(&e->host, cells, sizeof *w.cells, &error);
    if (e->facts.users)
        w.held = recs__alloc_zero(&e->host, e->facts.user_count, sizeof *w.held, &error);
    if (status == RECS_OK && (!w.cells || (e->facts.users && !w.held)))
        status = RECS_ERR_MEMORY;
    for (size_t u = first; u < last && status == RECS_OK; u++) {
        bool judged = recs__needs_of(&w.needs, e, u);
        v->owned[u] = (uint32_t)w.needs.evidence;
        v->truths[u] = (uint32_t)w.needs.truth_size;
        v->groups[u] = 0;
        for (size_t g = 0; g < RECS__ITEM_GROUPS; g++)
            v->groups[u] |= (uint8_t)((w.needs.group_sizes[g] > 0) << g);
        if (judged)
            score_visitor(e, &w, u, sums);
    }
    recs__needs_clear(&w.needs, &e->host);
    recs__free(&e->host, w.cells);
    recs__free(&e->host, w.held);
    if (status)
        recs__evaluator_fail(e, status, &error);
}

recs_status recs__lists_score(recs__evaluator *e, recs_error *error) {
    size_t chunks = (e->lists.count + RECS__USERS_PER_CHUNK - 1) / RECS__USERS_PER_CHUNK;
    size_t cells = e->result->cutoff_count * RECS__CELLS;
    double *sums = e->sums + e->system->first_row * cells;

    recs__run(&e->host, score_chunk, e, chunks);
    recs_status status = recs__evaluator_status(e, error);
    for (size_t chunk = 0; chunk < chunks && status == RECS_OK; chunk++)
        for (size_t i = 0; i < e->system->row_count * cells; i++)
            sums[i] += e->chunk_sums[chunk * 2 * cells + i];
    return status;
}
